package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// controlCases adds what customs, buyers and banks do behind the merchant's back.
func (s *Simulator) controlCases(mux *http.ServeMux) {
	mux.HandleFunc("POST /declarations/{id}/{action}", s.actAsCustoms)
	mux.HandleFunc("POST /disputes", s.raiseDispute)
	mux.HandleFunc("POST /disputes/{id}/{action}", s.actAsBank)
}

func (s *Simulator) actAsCustoms(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Code string `json:"code"`
		Text string `json:"text"`
	}
	if !decode(w, r, &body) {
		return
	}
	var err error
	switch r.PathValue("action") {
	case "answer":
		err = s.CustomsAnswers(r.PathValue("id"), body.Code, body.Text)
	case "hold":
		err = s.CustomsHolds(r.PathValue("id"))
	default:
		http.Error(w, "customs can answer or hold", http.StatusNotFound)
		return
	}
	acknowledge(w, err, ErrDeclarationCompleted)
}

// acknowledge answers 204, or 409 for an error that tells of the state of things, or 400.
func acknowledge(w http.ResponseWriter, err, conflict error) {
	switch {
	case errors.Is(err, conflict):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// raiseDispute answers the dispute as the ledger shows it.
func (s *Simulator) raiseDispute(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Payment          string `json:"payment"`
		ClientID         string `json:"clientId"`
		PaymentID        string `json:"paymentId"`
		PaymentRequestID string `json:"paymentRequestId"`
		Type             string `json:"disputeType"`
		Amount           Money  `json:"disputeAmount"`
		DefenseTime      string `json:"defenseTime"`
		Defendable       *bool  `json:"defendable"`
		Legacy           bool   `json:"legacy"`
		ReasonCode       string `json:"disputeReasonCode"`
		ReasonMsg        string `json:"disputeReasonMsg"`
		Source           string `json:"disputeSource"`
		CaptureID        string `json:"captureId"`
		ARN              string `json:"arn"`
	}
	if !decode(w, r, &body) {
		return
	}
	in := DisputeInput{
		Payment: body.Payment, ClientID: body.ClientID, PaymentID: body.PaymentID, PaymentRequestID: body.PaymentRequestID, Type: body.Type,
		Amount: body.Amount, NotDefendable: body.Defendable != nil && !*body.Defendable, Legacy: body.Legacy, ReasonCode: body.ReasonCode,
		ReasonMsg: body.ReasonMsg, Source: body.Source, CaptureID: body.CaptureID, ARN: body.ARN,
	}
	if body.DefenseTime != "" {
		d, err := time.ParseDuration(body.DefenseTime)
		if err != nil || d <= 0 {
			http.Error(w, `defenseTime is a positive duration, for example "264h"`, http.StatusBadRequest)
			return
		}
		in.DefenseTime = d
	}
	d, err := s.RaiseDispute(in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	raw, err := json.Marshal(d)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(raw) // a client that has gone finds it in the ledger
}

func (s *Simulator) actAsBank(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Reason           string `json:"reason"`
		AutoDefendReason string `json:"autoDefendReason"`
		Result           string `json:"result"`
		Amount           Money  `json:"amount"`
		NotificationType string `json:"disputeNotificationType"`

		FileName     string            `json:"fileName"`
		WinRateLevel string            `json:"winRateLevel"`
		Recommended  map[string]string `json:"recommendedEvidence"`
		Suggestions  string            `json:"suggestionsForImprovement"`
	}
	if !decode(w, r, &body) {
		return
	}
	id, err := r.PathValue("id"), error(nil)
	switch r.PathValue("action") {
	case "accept":
		reason := body.Reason
		if reason == "" {
			reason = "MERCHANT_ACCEPTED"
		}
		err = s.AcceptDispute(id, reason)
	case "defend":
		err = s.DefendDispute(id, body.AutoDefendReason)
	case "cancel":
		err = s.CancelDispute(id)
	case "judge":
		err = s.JudgeDispute(id, body.Result, body.Amount)
	case "propose":
		err = s.ProposeDefense(id, ProposalInput{
			FileName: body.FileName, WinRateLevel: body.WinRateLevel, Recommended: body.Recommended, Suggestions: body.Suggestions,
		})
	case "notify":
		err = s.TellOfDispute(id, body.NotificationType)
	default:
		http.Error(w, "a dispute can be accepted, defended, cancelled, judged, told of, or be given a proposed defence: accept, defend, cancel, judge, notify, propose", http.StatusNotFound)
		return
	}
	acknowledge(w, err, ErrDisputeClosed)
}
