package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// ControlHandler serves the control API. It can do anything without a password, so serve it on a loopback address.
func (s *Simulator) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /ledger", s.serveLedger)
	mux.HandleFunc("GET /invariants", s.serveInvariants)
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, _ *http.Request) { s.serveClock(w) })
	mux.HandleFunc("POST /clock", s.advanceClock)
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { encode(w, s.Faults()) })
	mux.HandleFunc("POST /faults", s.injectFault)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /switches", func(w http.ResponseWriter, _ *http.Request) { encode(w, s.Switches()) })
	mux.HandleFunc("PATCH /switches", s.changeSwitches)
	mux.HandleFunc("POST /payments/{id}/{action}", s.actAsBuyer)
	s.controlAuthorizations(mux)
	s.controlCases(mux)
	mux.HandleFunc("GET /public-key", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s.PublicKeyPEM()) })
	mux.HandleFunc("PUT /clients/{clientId}/public-key", s.putPublicKey)
	return mux
}

func encode(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(value) // a client that has gone asks again
}

func (s *Simulator) serveLedger(w http.ResponseWriter, r *http.Request) {
	l := s.Ledger()
	switch r.URL.Query().Get("format") {
	case "", "json":
		encode(w, l)
	case "table":
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = io.WriteString(w, l.Table())
	default:
		http.Error(w, "format is json or table", http.StatusBadRequest)
	}
}

// serveInvariants answers 200 while the ledger is sound, 500 and the broken rules otherwise.
func (s *Simulator) serveInvariants(w http.ResponseWriter, _ *http.Request) {
	if err := s.CheckInvariants(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

func (s *Simulator) serveClock(w http.ResponseWriter) {
	encode(w, map[string]any{"now": s.Now().Format(time.RFC3339Nano), "timeScale": s.options.TimeScale})
}

// decode reads a small JSON body into value and refuses unknown fields. An empty body is allowed.
func decode(w http.ResponseWriter, r *http.Request, value any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(value); err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func (s *Simulator) advanceClock(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Advance string `json:"advance"`
	}
	if !decode(w, r, &body) {
		return
	}
	d, err := time.ParseDuration(body.Advance)
	if err != nil || d < 0 {
		http.Error(w, `advance is a duration that is not negative, for example "48h"`, http.StatusBadRequest)
		return
	}
	s.Advance(d)
	s.serveClock(w)
}

func (s *Simulator) injectFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !decode(w, r, &f) {
		return
	}
	if err := s.Inject(f); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
	encode(w, s.Faults())
}

func (s *Simulator) actAsBuyer(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Code string `json:"code"`
	}
	if !decode(w, r, &body) {
		return
	}
	id, err := r.PathValue("id"), error(nil)
	switch action := r.PathValue("action"); action {
	case "pay":
		err = s.BuyerPays(id)
	case "decline":
		err = s.BuyerDeclinesWith(id, Fault{Code: body.Code}.codeOr("USER_BALANCE_NOT_ENOUGH"))
	case "leave":
		err = s.BuyerLeaves(id)
	case "pend":
		err = s.BuyerPends(id)
	default:
		http.Error(w, "a buyer can pay, decline, leave or pend", http.StatusNotFound)
		return
	}
	switch {
	case errors.Is(err, ErrOrderClosed):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Simulator) putPublicKey(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, "the key cannot be read", http.StatusBadRequest)
		return
	}
	key, err := alipay.ParsePublicKey(text)
	if err == nil {
		err = s.SetPublicKey(r.PathValue("clientId"), key)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Table writes the ledger for people.
func (l Ledger) Table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Simulated time: %s\n", l.Now.Format(time.RFC3339))
	section := func(title string, rows int, header string, row func(i int) string) {
		fmt.Fprintf(&out, "\n%s: %d\n", title, rows)
		if rows == 0 {
			return
		}
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, header)
		for i := range rows {
			_, _ = fmt.Fprintln(w, row(i))
		}
		_ = w.Flush() // a strings.Builder never fails
	}
	section("Payments", len(l.Payments), "REQUEST ID\tPAYMENT ID\tMETHOD\tAMOUNT\tSTATUS\tRESULT\tCREATED", func(i int) string {
		p := l.Payments[i]
		return row(p.PaymentRequestID, p.PaymentID, p.Method, p.Amount, p.Status, p.ResultCode, p.CreatedAt.Format(time.RFC3339))
	})
	section("Sessions", len(l.Sessions), "REQUEST ID\tSESSION ID\tAMOUNT\tPAYMENT ID\tEXPIRES", func(i int) string {
		session := l.Sessions[i]
		return row(session.PaymentRequestID, session.SessionID, session.Amount, session.PaymentID, session.ExpiresAt.Format(time.RFC3339))
	})
	section("Captures", len(l.Captures), "REQUEST ID\tPAYMENT ID\tAMOUNT\tSTATUS\tRESULT\tCREATED", func(i int) string {
		c := l.Captures[i]
		return row(c.CaptureRequestID, c.PaymentID, c.Amount, c.Status, c.ResultCode, c.CreatedAt.Format(time.RFC3339))
	})
	section("Refunds", len(l.RefundRecords), "REQUEST ID\tPAYMENT ID\tAMOUNT\tSTATUS\tRESULT\tCREATED", func(i int) string {
		r := l.RefundRecords[i]
		return row(r.RefundRequestID, r.PaymentID, r.Amount, r.Status, r.ResultCode, r.CreatedAt.Format(time.RFC3339))
	})
	section("Movements of money", len(l.Entries), "NO\tTIME\tKIND\tFROM\tTO\tAMOUNT\tREQUEST ID\tREFERENCE", func(i int) string {
		e := l.Entries[i]
		return row(e.Number, e.Time.Format(time.RFC3339), e.Kind, e.From, e.To, e.Amount, e.PaymentRequestID, e.Reference)
	})
	section("Authorizations", len(l.Authorizations), "AUTH STATE\tAUTHORIZATION ID\tWALLET\tSTATE\tTOKENS\tDEBITS\tCREATED", func(i int) string {
		a := l.Authorizations[i]
		return row(a.AuthState, a.AuthorizationID, a.CustomerBelongsTo, a.State, len(a.Tokens), a.Debits, a.CreatedAt.Format(time.RFC3339))
	})
	section("Declarations to customs", len(l.Declarations), "REQUEST ID\tPAYMENT ID\tAMOUNT\tCUSTOMS\tSTATUS\tRESULT\tREFUSED WITH\tCREATED", func(i int) string {
		d := l.Declarations[i]
		return row(d.DeclarationRequestID, d.PaymentID, d.Amount, d.CustomsCode, d.Status, d.ResultCode, d.RefusedWith, d.CreatedAt.Format(time.RFC3339))
	})
	section("Disputes", len(l.Disputes), "DISPUTE ID\tPAYMENT REQUEST ID\tTYPE\tAMOUNT\tSTATE\tRESULT\tDUE", func(i int) string {
		d, due := l.Disputes[i], ""
		if !d.DueAt.IsZero() {
			due = d.DueAt.Format(time.RFC3339)
		}
		return row(d.DisputeID, d.PaymentRequestID, d.Type, d.Amount, d.State, d.JudgedResult, due)
	})
	section("Notifications", len(l.Notifications), "NO\tTYPE\tTARGET\tRESULT\tSENDS\tACKNOWLEDGED\tPROBLEM", func(i int) string {
		n := l.Notifications[i]
		return row(n.Number, n.Type, n.Target, n.ResultCode, n.Sends, n.Acknowledged, n.LastProblem)
	})
	calls := l.callRows()
	section("Calls", len(calls), "OPERATION\tRESULT\tCOUNT", func(i int) string { return calls[i] })
	return out.String()
}

func (l Ledger) callRows() []string {
	rows := []string{}
	for op, codes := range l.APICalls {
		for code, n := range codes {
			rows = append(rows, fmt.Sprintf("%s\t%s\t%d", op, code, n))
		}
	}
	slices.Sort(rows)
	return rows
}

// row puts a tab between cells; "-" stands for an empty one.
func row(cells ...any) string {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		if texts[i] = fmt.Sprint(cell); texts[i] == "" {
			texts[i] = "-"
		}
	}
	return strings.Join(texts, "\t")
}
