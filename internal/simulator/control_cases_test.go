package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// controlled returns a call of the control API that demands a status.
func controlled(t *testing.T, m *merchant) func(path, body string, wantStatus int) string {
	t.Helper()
	server := httptest.NewServer(m.simulator.ControlHandler())
	t.Cleanup(server.Close)
	return func(path, body string, wantStatus int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != wantStatus {
			t.Fatalf("%s %s: status %d, want %d: %s", path, body, response.StatusCode, wantStatus, text)
		}
		return string(text)
	}
}

func TestCustomsIsControlled(t *testing.T) {
	m, id := chinaMerchant(t, "10050")
	control := controlled(t, m)
	m.want("S SUCCESS", "declare", declarationOf("d1", id, "1", part("a")))
	m.want("S SUCCESS", "declare", declarationOf("d2", id, "1", part("b")))
	control("/declarations/d1/hold", "", 204)
	control("/declarations/d2/answer", `{"code":"-7","text":"no"}`, 204)
	m.advance(time.Hour)
	if d, _ := m.simulator.Ledger().Declaration("d1"); d.Status != declarationInProcess {
		t.Errorf("declaration = %+v", d)
	}
	if d, _ := m.simulator.Ledger().Declaration("d2"); d.ResultCode != "-7" || d.ResultDesc != "no" {
		t.Errorf("declaration = %+v", d)
	}
	control("/declarations/d1/answer", "", 204)
	control("/declarations/d1/hold", "", 409)
	control("/declarations/d2/answer", `{"code":"2"}`, 409)
	control("/declarations/d2/answer", `{"colour":"red"}`, 400)
	control("/declarations/d9/answer", "", 400)
	control("/declarations/d1/burn", "", 404)
	table := m.simulator.Ledger().Table()
	for _, want := range []string{"Declarations to customs: 2", "d2", "-7", "CUSTOMS_PROCESSING_COMPLETED", "ZONGSHU"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

func TestDisputesAreControlled(t *testing.T) {
	m, in := disputedMerchant(t)
	control := controlled(t, m)
	raise := func(body string) Dispute {
		t.Helper()
		var d Dispute
		if err := json.Unmarshal([]byte(control("/disputes", body, 201)), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := raise(`{"payment":"p1","disputeType":"CHARGEBACK","disputeAmount":{"currency":"SGD","value":"1200"},"defenseTime":"48h","defendable":true,
 "disputeReasonCode":"2006","disputeReasonMsg":"Never arrived","disputeSource":"Shinhan","captureId":"c1","arn":"a1"}`)
	if d.Amount != (Money{"SGD", 1200}) || !d.Defendable || d.DueAt.Sub(d.CreatedAt) != 48*time.Hour {
		t.Errorf("dispute = %+v", d)
	}
	m.advance(3 * time.Second)
	body := in.all()[0].body
	for name, want := range map[string]string{"disputeReasonCode": "2006", "disputeReasonMsg": "Never arrived", "disputeSource": "Shinhan", "captureId": "c1", "arn": "a1"} {
		if body[name] != want {
			t.Errorf("%s = %v, want %s", name, body[name], want)
		}
	}
	control("/disputes/"+d.DisputeID+"/propose", `{"fileName":"a.pdf","winRateLevel":"LOW","recommendedEvidence":{"A":"b"},"suggestionsForImprovement":"More."}`, 204)
	m.advance(3 * time.Second)
	body = in.all()[1].body
	file, _ := body["defenseFile"].(map[string]any)
	recommended, _ := body["recommendedEvidence"].(map[string]any)
	if file["fileName"] != "a.pdf" || body["winRateLevel"] != "LOW" || recommended["A"] != "b" || body["suggestionsForImprovement"] != "More." {
		t.Errorf("proposal = %v", body)
	}
	control("/disputes/"+d.DisputeID+"/defend", `{"autoDefendReason":"seen"}`, 204)
	control("/disputes/"+d.DisputeID+"/accept", "", 409)
	control("/disputes/"+d.DisputeID+"/propose", "", 409)
	control("/disputes/"+d.DisputeID+"/judge", `{"result":"ACCEPT_BY_MERCHANT","amount":{"currency":"SGD","value":"200"}}`, 204)
	control("/disputes/"+d.DisputeID+"/notify", `{"disputeNotificationType":"DISPUTE_FROZEN"}`, 204)
	if got := m.dispute(d.DisputeID); got.State != disputeLost || m.lost() != 200 {
		t.Errorf("dispute = %+v, lost %d", got, m.lost())
	}
	accepted := raise(`{"payment":"p1"}`)
	control("/disputes/"+accepted.DisputeID+"/accept", "", 204)
	if got := m.dispute(accepted.DisputeID); got.AcceptReason != "MERCHANT_ACCEPTED" {
		t.Errorf("dispute = %+v", got)
	}
	withdrawn := raise(`{"clientId":"SANDBOX_5Y1","paymentId":"x1","paymentRequestId":"other-1","disputeAmount":{"currency":"USD","value":"1"},"defendable":false,"legacy":true}`)
	control("/disputes/"+withdrawn.DisputeID+"/cancel", "", 204)
	if got := m.dispute(withdrawn.DisputeID); got.State != disputeCancelled || !got.Foreign || got.Defendable {
		t.Errorf("dispute = %+v", got)
	}
	for _, bad := range []string{`{}`, `{"payment":"p9"}`, `{"payment":"p1","defenseTime":"soon"}`, `{"payment":"p1","defenseTime":"0s"}`, `{"payment":"p1","colour":"red"}`} {
		control("/disputes", bad, 400)
	}
	control("/disputes/"+d.DisputeID+"/judge", `{"result":"MAYBE"}`, 400)
	control("/disputes/"+d.DisputeID+"/burn", "", 404)
	control("/disputes/nothing/cancel", "", 400)
	table := m.simulator.Ledger().Table()
	for _, want := range []string{"Disputes: 3", d.DisputeID, "LOST", "DISPUTE_REVERSAL", "DISPUTE_FROZEN"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

// Each call of customs and disputes goes wrong in each way that a call can.
func TestFaultsOfCustomsAndDisputes(t *testing.T) {
	operations := map[string]struct {
		request func(m *merchant) map[string]any
		acted   func(l Ledger) bool // nil for calls that change nothing
		again   string              // what a repeat answers once it acted
	}{
		"declare": {
			func(m *merchant) map[string]any {
				return declarationOf("d1", m.paid(cashier("p1", chinaWallet, "CNY", "10050")), "1")
			},
			func(l Ledger) bool { return len(l.Declarations) == 1 }, "S SUCCESS",
		},
		"inquiryDeclarationRequests": {
			func(*merchant) map[string]any { return map[string]any{"declarationRequestIds": []string{"d1"}} }, nil, "S SUCCESS",
		},
		"acceptDispute": {
			func(m *merchant) map[string]any {
				m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
				return accepting(m.raise(DisputeInput{Payment: "p1"}).DisputeID)
			},
			func(l Ledger) bool { return l.Disputes[0].Accepts == 1 }, "F REPEAT_REQUEST",
		},
		"supplyDefenseDocument": {
			func(m *merchant) map[string]any {
				m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
				return defenseOf(m.raise(DisputeInput{Payment: "p1"}).DisputeID, evidencePDF)
			},
			func(l Ledger) bool { return l.Disputes[0].Defenses == 1 }, "F REPEAT_REQUEST",
		},
		"downloadDisputeEvidence": {
			func(m *merchant) map[string]any {
				m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
				return map[string]any{"disputeId": m.raise(DisputeInput{Payment: "p1"}).DisputeID, "disputeEvidenceType": "DISPUTE_EVIDENCE_TEMPLATE"}
			}, nil, "S SUCCESS",
		},
	}
	faults := map[FaultKind]struct {
		want  string // "" for no answer
		acted bool
	}{
		DropRequest: {"", false}, DropResponse: {"", true}, ServerError: {"HTTP 500", false}, ServerErrorAfter: {"HTTP 500", true},
		UnsignedFail: {"F INVALID_SIGNATURE unsigned", false}, UnknownException: {"U UNKNOWN_EXCEPTION", false},
		UnknownExceptionAfter: {"U UNKNOWN_EXCEPTION", true}, RateLimit: {"U REQUEST_TRAFFIC_EXCEED_LIMIT", false},
		BadSignature: {"S SUCCESS unsigned", true}, WrongAmount: {"S SUCCESS", true}, Delay: {"S SUCCESS", true},
		ResultCode: {"F ACCESS_DENIED", false}, ActLater: {"", true},
	}
	for operation, o := range operations {
		for kind, want := range faults {
			t.Run(operation+" "+string(kind), func(t *testing.T) {
				m := newMerchant(t)
				fields := o.request(m)
				body, err := json.Marshal(fields)
				if err != nil {
					t.Fatal(err)
				}
				fault := Fault{Kind: kind, Path: operation, Code: "ACCESS_DENIED"}
				if kind == Delay {
					fault.Delay = time.Millisecond
				}
				m.inject(fault)
				got := ""
				if answer, err := m.try(m.request(m.path(operation), body)); err == nil {
					got = answer.outcome()
					if answer.status != http.StatusOK {
						got = "HTTP 500"
					} else if !answer.signed {
						got += " unsigned"
					}
				}
				if got != want.want {
					t.Errorf("outcome = %q, want %q", got, want.want)
				}
				if kind == ActLater {
					m.advance(time.Minute)
				}
				again := "S SUCCESS"
				if o.acted != nil {
					if acted := o.acted(m.simulator.Ledger()); acted != want.acted {
						t.Errorf("acted = %t, want %t", acted, want.acted)
					}
					if want.acted {
						again = o.again
					}
				}
				m.want(again, operation, fields)
				if o.acted != nil && !o.acted(m.simulator.Ledger()) {
					t.Error("it was done more than once, or not at all")
				}
				if n := m.simulator.Ledger().Calls(operation); n != 2 {
					t.Errorf("calls = %d, want 2", n)
				}
			})
		}
	}
}

func TestCheckFindsBrokenCases(t *testing.T) {
	payment := Payment{PaymentID: "g1", PaymentRequestID: "p1", ClientID: "5Y1", Amount: Money{"CNY", 1000}, Status: "FAIL"}
	declared := func(id string, value int64, code string) Declaration {
		return Declaration{DeclarationRequestID: id, ClientID: "5Y1", PaymentID: "g1", Amount: Money{"CNY", value}, ResultCode: code}
	}
	dispute := func(state string) Dispute {
		return Dispute{DisputeID: "x1", ClientID: "5Y1", Type: chargeback, Amount: Money{"CNY", 1000}, State: state, JudgedAmount: Money{"CNY", 400}}
	}
	entry := func(kind EntryKind, value int64) Entry {
		e := Entry{Kind: kind, From: "merchant/5Y1", To: disputeAccount, Amount: Money{"CNY", value}, Reference: "x1"}
		if kind == EntryDisputeReversal {
			e.From, e.To = e.To, e.From
		}
		return e
	}
	tests := []struct {
		name   string
		ledger Ledger
		want   string // part of the error; empty for sound
	}{
		{"two parts", Ledger{Declarations: []Declaration{declared("d1", 400, ""), declared("d2", 600, "2")}}, ""},
		{"a rejected part beside the whole", Ledger{Declarations: []Declaration{declared("d1", 400, "-1"), declared("d2", 1000, "2")}}, ""},
		{"too many parts", Ledger{Declarations: []Declaration{declared("d1", 400, ""), declared("d2", 601, "")}}, "1001 declared"},
		{"one id twice", Ledger{Declarations: []Declaration{declared("d1", 1, ""), declared("d1", 1, "")}}, "two declarations"},
		{"a payment that is not there", Ledger{Declarations: []Declaration{{DeclarationRequestID: "d1", PaymentID: "g2", Amount: Money{"CNY", 1}}}}, "g2"},
		{"a frozen sum", Ledger{Disputes: []Dispute{dispute(disputeOpen)}, Entries: []Entry{entry(EntryDispute, 1000)}}, ""},
		{"nothing frozen", Ledger{Disputes: []Dispute{dispute(disputeOpen)}}, "took 0, want 1000"},
		{"a loss of part", Ledger{Disputes: []Dispute{dispute(disputeLost)}, Entries: []Entry{entry(EntryDispute, 1000), entry(EntryDisputeReversal, 600)}}, ""},
		{"a loss twice", Ledger{Disputes: []Dispute{dispute(disputeLost)}, Entries: []Entry{entry(EntryDispute, 400), entry(EntryDispute, 400)}}, "took 800, want 400"},
		{"a victory that costs", Ledger{Disputes: []Dispute{dispute(disputeWon)}, Entries: []Entry{entry(EntryDispute, 1000)}}, "took 1000, want 0"},
		{"a dispute that is not there", Ledger{Entries: []Entry{entry(EntryDispute, 1)}}, "does not exist"},
		{"two decisions", Ledger{Disputes: []Dispute{{DisputeID: "x1", Type: retrievalRequest, Accepts: 2}}}, "decided more than once"},
		{"both decisions", Ledger{Disputes: []Dispute{{DisputeID: "x1", Type: retrievalRequest, Accepts: 1, Defenses: 1}}}, "decided more than once"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.ledger.Payments = []Payment{payment}
			err := test.ledger.Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}
