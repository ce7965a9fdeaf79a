package simulator

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const evidencePDF = "JVBERi0xLjQK" // the example of ams/supply_evidence

func defenseOf(disputeID, evidence string) map[string]any {
	return map[string]any{"disputeId": disputeID, "disputeEvidence": evidence}
}

func accepting(disputeID string) map[string]any { return map[string]any{"disputeId": disputeID} }

// disputedMerchant has a paid card payment of SGD 42.00, and an inbox at the dashboard's URL.
func disputedMerchant(t *testing.T) (*merchant, *inbox) {
	t.Helper()
	in := newInbox(t)
	m := newMerchant(t, func(o *Options) { o.Clients[0].NotifyURL = in.url() })
	id := m.paid(cashier("p1", cardMethod, "SGD", "4200"))
	m.advance(time.Minute)
	in.forget()
	if id == "" {
		t.Fatal("no payment")
	}
	return m, in
}

func (in *inbox) forget() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = nil
}

func (m *merchant) raise(input DisputeInput) Dispute {
	m.t.Helper()
	d, err := m.simulator.RaiseDispute(input)
	if err != nil {
		m.t.Fatal(err)
	}
	return d
}

func (m *merchant) dispute(id string) Dispute {
	m.t.Helper()
	d, known := m.simulator.Ledger().Dispute(id)
	if !known {
		m.t.Fatalf("no dispute %s", id)
	}
	return d
}

func (m *merchant) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// lost is what the merchant is without because of disputes.
func (m *merchant) lost() int64 {
	sum := int64(0)
	for _, e := range m.simulator.Ledger().Entries {
		if e.To == disputeAccount {
			sum += e.Amount.Value
		}
		if e.From == disputeAccount {
			sum -= e.Amount.Value
		}
	}
	return sum
}

// told lists the types of the dispute notifications, and demands that each is signed.
func (m *merchant) told(in *inbox) []string {
	m.t.Helper()
	var kinds []string
	for _, n := range in.all() {
		kind, _ := n.body["disputeNotificationType"].(string)
		if !n.verified {
			m.t.Errorf("%s is not signed", kind)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

func (m *merchant) wantTold(in *inbox, want ...string) {
	m.t.Helper()
	if got := m.told(in); !slices.Equal(got, want) {
		m.t.Errorf("told %q, want %q", got, want)
	}
}

func TestChargebackIsRaisedAndTold(t *testing.T) {
	m, in := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1", Amount: Money{"SGD", 1200}, ReasonMsg: "Goods not as described"})
	if m.lost() != 1200 {
		t.Errorf("frozen = %d, want 1200", m.lost())
	}
	m.advance(3 * time.Second)
	m.wantTold(in, "DISPUTE_CREATED")
	p, _ := m.simulator.Ledger().Payment("p1")
	want := map[string]any{
		"disputeNotificationType": "DISPUTE_CREATED", "disputeType": "CHARGEBACK", "defendable": true, "disputeId": d.DisputeID,
		"paymentId": p.PaymentID, "paymentRequestId": "p1", "disputeTime": "2026-11-21T12:01:00+08:00", "disputeReasonCode": "4853",
		"disputeReasonMsg": "Goods not as described", "disputeSource": "Mastercard", "defenseDueTime": "2026-12-02T12:01:00+08:00",
	}
	body := in.all()[0].body
	amount, _ := body["disputeAmount"].(map[string]any)
	delete(body, "disputeAmount")
	if amount["value"] != "1200" || amount["currency"] != "SGD" {
		t.Errorf("disputeAmount = %v", amount)
	}
	for name, value := range want {
		if body[name] != value {
			t.Errorf("%s = %v, want %v", name, body[name], value)
		}
		delete(body, name)
	}
	if len(body) > 0 {
		t.Errorf("undocumented fields: %v", body)
	}
	if got := m.simulator.Ledger().DisputesOf("p1"); len(got) != 1 || got[0].DisputeID != d.DisputeID {
		t.Errorf("disputes of p1 = %+v", got)
	}
}

func TestChargebackIsAcceptedOnce(t *testing.T) {
	m, in := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1"})
	m.advance(time.Hour)
	answer := m.want("S SUCCESS", "acceptDispute", accepting(d.DisputeID))
	if answer.text("disputeId") != d.DisputeID || answer.text("disputeResolutionTime") != "2026-11-21T13:01:00+08:00" {
		t.Errorf("answer = %v", answer.body)
	}
	m.want("F REPEAT_REQUEST", "acceptDispute", accepting(d.DisputeID))
	m.want("F REPEAT_REQUEST", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
	m.advance(30 * 24 * time.Hour)
	m.want("F REPEAT_REQUEST", "acceptDispute", accepting(d.DisputeID)) // also when the time is over
	m.wantTold(in, "DISPUTE_CREATED", "DISPUTE_ACCEPTED")
	if body := in.all()[1].body; body["disputeAcceptReason"] != "MERCHANT_ACCEPTED" || body["disputeAcceptTime"] != "2026-11-21T13:01:00+08:00" {
		t.Errorf("notification = %v", body)
	}
	if err := m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_CUSTOMER", Money{}); !errors.Is(err, ErrDisputeClosed) {
		t.Errorf("an accepted dispute is won: %v", err)
	}
	m.must(m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_MERCHANT", Money{}))
	if got := m.dispute(d.DisputeID); got.State != disputeLost || got.Accepts != 1 || m.lost() != 4200 {
		t.Errorf("dispute = %+v, lost %d", got, m.lost())
	}
}

func TestChargebackIsDefendedAndJudged(t *testing.T) {
	for result, test := range map[string]struct {
		state string
		lost  int64
		told  string
	}{
		"ACCEPT_BY_CUSTOMER": {disputeWon, 0, "0"},
		"ACCEPT_BY_MERCHANT": {disputeLost, 4200, "4200"},
	} {
		t.Run(result, func(t *testing.T) {
			m, in := disputedMerchant(t)
			d := m.raise(DisputeInput{Payment: "p1"})
			answer := m.want("S SUCCESS", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
			if answer.text("disputeId") != d.DisputeID || answer.text("disputeResolutionTime") == "" {
				t.Errorf("answer = %v", answer.body)
			}
			m.want("F REPEAT_REQUEST", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
			m.want("F REPEAT_REQUEST", "acceptDispute", accepting(d.DisputeID))
			if got := m.dispute(d.DisputeID); got.State != disputeDefended || got.Defenses != 1 || got.EvidenceBytes != 9 || len(got.EvidenceSHA256) != 64 || m.lost() != 4200 {
				t.Errorf("dispute = %+v, frozen %d", got, m.lost())
			}
			m.advance(20 * 24 * time.Hour)
			m.must(m.simulator.JudgeDispute(d.DisputeID, result, Money{}))
			m.advance(time.Minute)
			m.wantTold(in, "DISPUTE_CREATED", "DEFENSE_SUPPLIED", "DISPUTE_JUDGED")
			body := in.all()[2].body
			amount, _ := body["disputeJudgedAmount"].(map[string]any)
			if body["disputeJudgedResult"] != result || body["disputeJudgedTime"] != "2026-12-11T12:01:00+08:00" || amount["value"] != test.told ||
				body["disputeReasonCode"] == nil || body["disputeSource"] == nil {
				t.Errorf("notification = %v", body)
			}
			if got := m.dispute(d.DisputeID); got.State != test.state || m.lost() != test.lost {
				t.Errorf("dispute = %+v, lost %d", got, m.lost())
			}
		})
	}
}

func TestJudgementCanBeReversed(t *testing.T) {
	m, _ := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1"})
	for _, judgement := range []struct {
		result string
		amount Money
		lost   int64
	}{
		{"ACCEPT_BY_MERCHANT", Money{"SGD", 1000}, 1000}, {"ACCEPT_BY_CUSTOMER", Money{}, 0}, {"ACCEPT_BY_MERCHANT", Money{}, 4200},
	} {
		m.must(m.simulator.JudgeDispute(d.DisputeID, judgement.result, judgement.amount))
		if m.lost() != judgement.lost {
			t.Errorf("%s: lost %d, want %d", judgement.result, m.lost(), judgement.lost)
		}
	}
	for name, err := range map[string]error{
		"more than disputed": m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_MERCHANT", Money{"SGD", 4201}),
		"another currency":   m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_MERCHANT", Money{"USD", 1}),
		"another result":     m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_ALIPAY", Money{}),
		"of another kind":    m.simulator.JudgeDispute(d.DisputeID, "VALIDATE_SUCCESS", Money{}),
		"of nothing":         m.simulator.JudgeDispute("nothing", "ACCEPT_BY_MERCHANT", Money{}),
	} {
		if err == nil {
			t.Errorf("a judgement %s is no error", name)
		}
	}
}

func TestDeadlineIsAnnouncedAndKept(t *testing.T) {
	t.Run("of a chargeback, which counts as accepted", func(t *testing.T) {
		m, in := disputedMerchant(t)
		d := m.raise(DisputeInput{Payment: "p1", DefenseTime: 72 * time.Hour})
		m.advance(48*time.Hour - time.Second)
		m.wantTold(in, "DISPUTE_CREATED")
		m.advance(time.Second)
		m.wantTold(in, "DISPUTE_CREATED", "DEFENSE_DUE_ALERT")
		if body := in.all()[1].body; body["defenseDueTime"] != "2026-11-24T12:01:00+08:00" {
			t.Errorf("notification = %v", body)
		}
		m.advance(24 * time.Hour)
		m.want("F TIME_EXCEEDS_LIMIT", "acceptDispute", accepting(d.DisputeID))
		m.want("F TIME_EXCEEDS_LIMIT", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
		m.advance(time.Minute)
		m.wantTold(in, "DISPUTE_CREATED", "DEFENSE_DUE_ALERT", "DISPUTE_ACCEPTED")
		if body := in.all()[2].body; body["disputeAcceptReason"] != "TIMEOUT" {
			t.Errorf("notification = %v", body)
		}
	})
	t.Run("of a retrieval request, which expires", func(t *testing.T) {
		m, in := disputedMerchant(t)
		d := m.raise(DisputeInput{Payment: "p1", Type: retrievalRequest})
		m.advance(30 * 24 * time.Hour)
		m.wantTold(in, "DISPUTE_CREATED", "DEFENSE_DUE_ALERT")
		if got := m.dispute(d.DisputeID); got.State != disputeExpired || m.lost() != 0 {
			t.Errorf("dispute = %+v, lost %d", got, m.lost())
		}
	})
	t.Run("of what was answered brings nothing", func(t *testing.T) {
		m, in := disputedMerchant(t)
		d := m.raise(DisputeInput{Payment: "p1"})
		m.want("S SUCCESS", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
		m.advance(30 * 24 * time.Hour)
		m.wantTold(in, "DISPUTE_CREATED", "DEFENSE_SUPPLIED")
		if got := m.dispute(d.DisputeID); got.State != disputeDefended {
			t.Errorf("dispute = %+v", got)
		}
	})
	t.Run("within a day is not announced", func(t *testing.T) {
		m, in := disputedMerchant(t)
		m.raise(DisputeInput{Payment: "p1", DefenseTime: 24 * time.Hour, Type: complianceRequest})
		m.advance(30 * 24 * time.Hour)
		m.wantTold(in, "DISPUTE_CREATED")
	})
}

func TestComplianceRequestTakesMaterialThreeTimes(t *testing.T) {
	m, in := disputedMerchant(t)
	s := m.simulator
	d := m.raise(DisputeInput{Payment: "p1", Type: complianceRequest})
	for range 3 {
		m.want("S SUCCESS", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
		m.want("F NOT_ALLOW_IN_CURRENT_STATUS", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
		m.must(s.JudgeDispute(d.DisputeID, "VALIDATE_FAIL", Money{}))
	}
	m.want("F DEFENSE_EXCEED_LIMIT", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
	m.advance(time.Minute)
	m.wantTold(in, "DISPUTE_CREATED", "DISPUTE_JUDGED", "DISPUTE_JUDGED", "DISPUTE_JUDGED")

	approved := m.raise(DisputeInput{Payment: "p1", Type: complianceRequest})
	if err := s.JudgeDispute(approved.DisputeID, "VALIDATE_SUCCESS", Money{}); !errors.Is(err, ErrDisputeClosed) {
		t.Errorf("approved without material: %v", err)
	}
	m.want("S SUCCESS", "supplyDefenseDocument", defenseOf(approved.DisputeID, evidencePDF))
	m.must(s.JudgeDispute(approved.DisputeID, "VALIDATE_SUCCESS", Money{}))
	m.want("F REPEAT_REQUEST", "supplyDefenseDocument", defenseOf(approved.DisputeID, evidencePDF))

	late := m.raise(DisputeInput{Payment: "p1", Type: complianceRequest, DefenseTime: time.Hour})
	m.want("S SUCCESS", "supplyDefenseDocument", defenseOf(late.DisputeID, evidencePDF))
	m.advance(2 * time.Hour)
	m.must(s.JudgeDispute(late.DisputeID, "VALIDATE_FAIL", Money{}))
	m.want("F TIME_EXCEEDS_LIMIT", "supplyDefenseDocument", defenseOf(late.DisputeID, evidencePDF))
	for id, state := range map[string]string{d.DisputeID: disputeOpen, approved.DisputeID: disputeApproved, late.DisputeID: disputeExpired} {
		if got := m.dispute(id); got.State != state {
			t.Errorf("dispute = %+v, want %s", got, state)
		}
	}
	if m.lost() != 0 {
		t.Errorf("lost = %d", m.lost())
	}
}

func TestRapidResolutionIsFinalAtArrival(t *testing.T) {
	m, in := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1", Type: rapidResolution})
	m.want("F TIME_EXCEEDS_LIMIT", "acceptDispute", accepting(d.DisputeID))
	m.want("F TIME_EXCEEDS_LIMIT", "supplyDefenseDocument", defenseOf(d.DisputeID, evidencePDF))
	m.advance(30 * 24 * time.Hour)
	m.wantTold(in, "RDR_RESOLVED")
	if err := m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_CUSTOMER", Money{}); !errors.Is(err, ErrDisputeClosed) {
		t.Errorf("judged: %v", err)
	}
	if m.lost() != 4200 || m.dispute(d.DisputeID).State != disputeResolved {
		t.Errorf("lost = %d", m.lost())
	}
}

func TestDisputeIsDecidedElsewhere(t *testing.T) {
	m, in := disputedMerchant(t)
	s := m.simulator
	cancelled, accepted := m.raise(DisputeInput{Payment: "p1"}), m.raise(DisputeInput{Payment: "p1"})
	defended, refuses := m.raise(DisputeInput{Payment: "p1"}), m.raise(DisputeInput{Payment: "p1", NotDefendable: true})
	m.must(s.CancelDispute(cancelled.DisputeID))
	m.must(s.AcceptDispute(accepted.DisputeID, "MANUAL_PROCESSING_ACCEPTED"))
	m.must(s.DefendDispute(defended.DisputeID, "the parcel was delivered"))
	m.want("F TIME_EXCEEDS_LIMIT", "acceptDispute", accepting(cancelled.DisputeID))
	m.want("F REPEAT_REQUEST", "supplyDefenseDocument", defenseOf(accepted.DisputeID, evidencePDF))
	m.want("F REPEAT_REQUEST", "acceptDispute", accepting(defended.DisputeID))
	m.want("F PARAM_ILLEGAL", "supplyDefenseDocument", defenseOf(refuses.DisputeID, evidencePDF))
	m.want("S SUCCESS", "acceptDispute", accepting(refuses.DisputeID))
	for name, err := range map[string]error{
		"cancelling twice":        s.CancelDispute(cancelled.DisputeID),
		"accepting the cancelled": s.AcceptDispute(cancelled.DisputeID, "MERCHANT_ACCEPTED"),
		"defending the accepted":  s.DefendDispute(accepted.DisputeID, ""),
		"judging the cancelled":   s.JudgeDispute(cancelled.DisputeID, "ACCEPT_BY_MERCHANT", Money{}),
	} {
		if !errors.Is(err, ErrDisputeClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.AcceptDispute(defended.DisputeID, "TIMEOUT") == nil || s.CancelDispute("nothing") == nil {
		t.Error("nonsense is no error")
	}
	m.advance(time.Minute)
	told := map[string]map[string]any{}
	for _, n := range in.all() {
		told[n.body["disputeId"].(string)+" "+n.body["disputeNotificationType"].(string)] = n.body
	}
	if told[cancelled.DisputeID+" DISPUTE_CANCELLED"] == nil || told[accepted.DisputeID+" DISPUTE_ACCEPTED"]["disputeAcceptReason"] != "MANUAL_PROCESSING_ACCEPTED" ||
		told[defended.DisputeID+" DEFENSE_SUPPLIED"]["autoDefendReason"] != "the parcel was delivered" || told[refuses.DisputeID+" DISPUTE_CREATED"]["defendable"] != false {
		t.Errorf("told %v", told)
	}
	if m.lost() != 3*4200 {
		t.Errorf("lost = %d", m.lost())
	}
}

func TestEvidenceIsChecked(t *testing.T) {
	m, _ := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1"})
	encoded := func(file []byte) string { return base64.StdEncoding.EncodeToString(file) }
	largest := append([]byte("%PDF-1.4\n"), bytes.Repeat([]byte("x"), 750_000-9)...)
	for name, evidence := range map[string]any{
		"nothing": "", "a number": 7, "no Base64": "JVBERi0xLjQ*", "no padding": "JVBERi0xLjQKCg", "other padding": "JVBERi0xLjQKCh==",
		"the alphabet for URLs": "JVBERi0_LjQK", "line breaks": "JVBE\nRi0xLjQK", "text": encoded([]byte("SECRET")), "a page": encoded([]byte("<html>")),
		"too much": encoded(append(slices.Clone(largest), 'x')),
	} {
		answer := m.call("supplyDefenseDocument", map[string]any{"disputeId": d.DisputeID, "disputeEvidence": evidence})
		if answer.outcome() != "F PARAM_ILLEGAL" || !strings.HasPrefix(answer.message(), "disputeEvidence ") || strings.Contains(answer.message(), "SECRET") {
			t.Errorf("%s: %s %s", name, answer.outcome(), answer.message())
		}
	}
	for format, file := range map[string][]byte{
		"PDF": largest, "JPG": []byte("\xff\xd8\xff\xe0JFIF"), "ZIP": []byte("PK\x03\x04 receipt"), "WORD": []byte("PK\x03\x04 word/document.xml"),
	} {
		d := m.raise(DisputeInput{Payment: "p1"})
		fetch := map[string]any{"disputeId": d.DisputeID, "disputeEvidenceType": "DISPUTE_EVIDENCE_FILE"}
		m.want("F PARAM_ILLEGAL", "downloadDisputeEvidence", fetch)
		m.want("S SUCCESS", "supplyDefenseDocument", defenseOf(d.DisputeID, encoded(file)))
		answer := m.want("S SUCCESS", "downloadDisputeEvidence", fetch)
		if answer.text("disputeEvidence") != encoded(file) || answer.text("disputeEvidenceFormat") != format {
			t.Errorf("%s comes back as %s", format, answer.text("disputeEvidenceFormat"))
		}
	}
	answer := m.want("S SUCCESS", "downloadDisputeEvidence", map[string]any{"disputeId": d.DisputeID, "disputeEvidenceType": "DISPUTE_EVIDENCE_TEMPLATE"})
	form, err := base64.StdEncoding.DecodeString(answer.text("disputeEvidence"))
	if err != nil || formatOf(form) != "PDF" || answer.text("disputeEvidenceFormat") != "PDF" || !bytes.Contains(form, []byte(d.DisputeID)) {
		t.Errorf("template = %q, %v", form, err)
	}
	for _, kind := range []string{"DISPUTE_EVIDENCE_AI", "DISPUTE_EVIDENCE_FILE", "PHOTO", ""} {
		m.want("F PARAM_ILLEGAL", "downloadDisputeEvidence", map[string]any{"disputeId": d.DisputeID, "disputeEvidenceType": kind})
	}
}

func TestDisputesOfOthersDoNotExist(t *testing.T) {
	m, _ := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1"})
	try := func() {
		t.Helper()
		for operation, fields := range map[string]map[string]any{
			"acceptDispute": accepting(d.DisputeID), "supplyDefenseDocument": defenseOf(d.DisputeID, evidencePDF),
			"downloadDisputeEvidence": {"disputeId": d.DisputeID, "disputeEvidenceType": "DISPUTE_EVIDENCE_TEMPLATE"},
		} {
			m.want("F PARAM_ILLEGAL", operation, fields)
			m.want("F PARAM_ILLEGAL", operation, map[string]any{})
			fields["colour"] = "red"
			m.want("F PARAM_ILLEGAL", operation, fields)
		}
	}
	m.clientID, m.key = "5Y2", otherKey()
	try()
	d.DisputeID = "nothing"
	m.clientID, m.key = "SANDBOX_5Y1", merchantKey()
	try()
}

func TestDisputeIsRaisedAboutWhatCanBeDisputed(t *testing.T) {
	m, in := disputedMerchant(t)
	open := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p2", "ALIPAY_HK", "HKD", "1000")).text("paymentId")
	p1, _ := m.simulator.Ledger().Payment("p1")
	foreign := DisputeInput{ClientID: "SANDBOX_5Y1", PaymentID: "20990101", PaymentRequestID: "other-cluster-1", Amount: Money{"USD", 1250}}
	change := func(edit func(*DisputeInput)) DisputeInput { in := foreign; edit(&in); return in }
	for name, input := range map[string]DisputeInput{
		"nothing": {}, "a payment that is not there": {Payment: "p9"}, "an unpaid payment": {Payment: open}, "more than was paid": {Payment: "p1", Amount: Money{"SGD", 4201}},
		"another currency": {Payment: "p1", Amount: Money{"USD", 1}}, "another type": {Payment: "p1", Type: "QUARREL"}, "a time that is over": {Payment: "p1", DefenseTime: -1},
		"a payment with a client": {Payment: "p1", ClientID: "SANDBOX_5Y1"}, "another's client": change(func(in *DisputeInput) { in.ClientID = "5Y9" }),
		"no amount": change(func(in *DisputeInput) { in.Amount = Money{} }), "no currency": change(func(in *DisputeInput) { in.Amount.Currency = "XXX" }),
		"no id": change(func(in *DisputeInput) { in.PaymentRequestID = "" }), "a known payment as foreign": change(func(in *DisputeInput) { in.PaymentID = p1.PaymentID }),
	} {
		if d, err := m.simulator.RaiseDispute(input); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
	foreign.Legacy, foreign.CaptureID, foreign.ARN = true, "c1", "arn1"
	d := m.raise(foreign)
	m.want("S SUCCESS", "acceptDispute", accepting(d.DisputeID))
	m.advance(time.Minute)
	m.wantTold(in, "DISPUTE_CREATED", "DISPUTE_ACCEPTED")
	body := in.all()[0].body
	if body["paymentRequestId"] != "other-cluster-1" || body["disputeType"] != nil || body["defendable"] != nil || body["captureId"] != "c1" || body["arn"] != "arn1" || !d.Foreign {
		t.Errorf("notification = %v", body)
	}
	if d := m.raise(DisputeInput{Payment: p1.PaymentID}); d.Amount != p1.Amount || d.Foreign {
		t.Errorf("dispute = %+v", d)
	}
}

func TestDisputeIsToldAgainAndOtherwise(t *testing.T) {
	m, in := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1"})
	m.must(m.simulator.JudgeDispute(d.DisputeID, "ACCEPT_BY_MERCHANT", Money{}))
	m.advance(time.Minute)
	in.forget()
	for _, kind := range []string{"DISPUTE_JUDGED", "DISPUTE_CREATED", "DISPUTE_FROZEN"} {
		m.must(m.simulator.TellOfDispute(d.DisputeID, kind))
	}
	m.advance(0)
	got := m.told(in)
	slices.Sort(got)
	if want := []string{"DISPUTE_CREATED", "DISPUTE_FROZEN", "DISPUTE_JUDGED"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if m.simulator.TellOfDispute(d.DisputeID, "") == nil || m.simulator.TellOfDispute("nothing", "DISPUTE_CREATED") == nil {
		t.Error("nonsense is no error")
	}
}

func TestDisputeNotificationsAreResentAndFollowTheFaults(t *testing.T) {
	m, in := disputedMerchant(t)
	in.answer = func(n int) (int, string) {
		if n < 3 {
			return 500, ""
		}
		return 200, acknowledged
	}
	m.inject(Fault{Kind: Lose, Path: "notifyDispute"})
	m.inject(Fault{Kind: WrongAmount, Path: "notifyDispute"})
	d := m.raise(DisputeInput{Payment: "p1"})
	m.inject(Fault{Kind: Forge, Path: "notifyDispute", Target: "another"})
	m.advance(24 * time.Hour)
	m.wantTold(in, "DISPUTE_CREATED", "DISPUTE_CREATED", "DISPUTE_CREATED")
	amount, _ := in.all()[0].body["disputeAmount"].(map[string]any)
	if amount["value"] != "4201" {
		t.Errorf("disputeAmount = %v, want one unit too high", amount)
	}
	l := m.simulator.Ledger()
	n := l.Notifications[len(l.Notifications)-1]
	if n.Target != d.DisputeID || n.Type != "DISPUTE_CREATED" || n.Sends != 4 || !n.Acknowledged || n.ResultCode != "" {
		t.Errorf("record = %+v", n)
	}
	if armed := m.simulator.Faults(); len(armed) != 1 {
		t.Errorf("armed = %v", armed)
	}
}

// Whatever merchant, bank and clock do in any order: the merchant decides once, is without exactly what kind and state
// say, and an end stays.
func TestDisputesAreSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(Options{Clients: []Client{{ID: "5Y1"}}, PrivateKey: gatewayKey(), Now: func() time.Time { return testStart }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		direct(t, s, "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		if err := s.BuyerPays("p1"); err != nil {
			t.Fatal(err)
		}
		known := func(t *rapid.T) string {
			all := s.Ledger().Disputes
			if len(all) == 0 {
				t.Skip("no dispute yet")
			}
			return rapid.SampledFrom(all).Draw(t, "dispute").DisputeID
		}
		successes := map[string]int{}
		decide := func(t *rapid.T, operation string, fields map[string]any) {
			if direct(t, s, operation, fields).code == "SUCCESS" {
				d, _ := s.Ledger().Dispute(fields["disputeId"].(string))
				if successes[d.DisputeID]++; d.Type != complianceRequest && successes[d.DisputeID] > 1 {
					t.Fatalf("dispute %+v was decided %d times", d, successes[d.DisputeID])
				}
			}
		}
		before := map[string]Dispute{}
		t.Repeat(map[string]func(*rapid.T){
			"raise": func(t *rapid.T) {
				in := DisputeInput{Payment: "p1", Type: rapid.SampledFrom([]string{chargeback, chargeback, retrievalRequest, complianceRequest, rapidResolution}).Draw(t, "type"),
					Amount: Money{"HKD", int64(rapid.IntRange(1, 1000).Draw(t, "value"))}, NotDefendable: rapid.IntRange(0, 4).Draw(t, "defendable") == 0}
				if _, err := s.RaiseDispute(in); err != nil {
					t.Fatal(err)
				}
			},
			"accept": func(t *rapid.T) { decide(t, "acceptDispute", accepting(known(t))) },
			"defend": func(t *rapid.T) { decide(t, "supplyDefenseDocument", defenseOf(known(t), evidencePDF)) },
			"judge": func(t *rapid.T) {
				results := []string{"ACCEPT_BY_CUSTOMER", "ACCEPT_BY_MERCHANT", "VALIDATE_SUCCESS", "VALIDATE_FAIL"}
				_ = s.JudgeDispute(known(t), rapid.SampledFrom(results).Draw(t, "result"), Money{}) // not now: that is the point
			},
			"cancel": func(t *rapid.T) { _ = s.CancelDispute(known(t)) },
			"dashboard": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "accept") {
					_ = s.AcceptDispute(known(t), "MERCHANT_ACCEPTED")
				} else {
					_ = s.DefendDispute(known(t), "")
				}
			},
			"refund": func(t *rapid.T) {
				p, _ := s.Ledger().Payment("p1")
				direct(t, s, "refund", refundOf("r1", p.PaymentID, "HKD", "1000")) // the gateway pays twice, if asked to
			},
			"time": func(t *rapid.T) {
				s.Advance(time.Duration(rapid.SampledFrom([]int{1, 24, 240, 24 * 11}).Draw(t, "hours")) * time.Hour)
			},
			"": func(t *rapid.T) {
				l := s.Ledger()
				if err := l.Check(); err != nil {
					t.Fatal(err)
				}
				for _, d := range l.Disputes {
					switch was := before[d.DisputeID]; was.State {
					case disputeCancelled, disputeResolved, disputeApproved:
						if d != was {
							t.Fatalf("dispute went from %+v to %+v", was, d)
						}
					}
					before[d.DisputeID] = d
				}
			},
		})
	})
}
