package simulator

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// direct calls an operation without HTTP, so that thousands of steps stay quick.
func direct(t *rapid.T, s *Simulator, operation string, fields map[string]any) answer {
	raw, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	body, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	s.enter()
	defer s.mu.Unlock()
	fault := s.takeFaultLocked(operation, "5Y1", raw)
	c := &call{clientID: "5Y1", now: s.clock.now(), sentAt: s.clock.now(), body: body, base: "http://localhost", late: fault.Kind == InProcess || fault.Kind == FailLater}
	if fault.Kind == FailLater {
		c.fate = fault.codeOr("PROCESS_FAIL")
	}
	a := s.operations(endpoint(operation))(c)
	a.sent()
	return a
}

func drawSwitches(t *rapid.T) Switches {
	on := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return Switches{
		MultipleCaptures: on("multiple captures"), FullCaptureOnly: on("full capture only"), ReleaseRest: on("release the rest"),
		PayAfterCancel: on("pay after cancel"), PayAfterExpiry: on("pay after expiry"),
		SessionRepeat: rapid.SampledFrom([]SessionRepeat{SessionSame, SessionNew, SessionRefused}).Draw(t, "session repeat"),
	}
}

// Whatever a merchant sends and whatever a buyer does, in any order and however often, no payment is charged twice,
// nothing more comes back than went in, and no final state goes back.
func TestMoneyIsSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(Options{Clients: []Client{{ID: "5Y1"}}, PrivateKey: gatewayKey(), Now: func() time.Time { return testStart },
			Switches: drawSwitches(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		methods := []string{"ALIPAY_HK", "NEW_WALLET", "PAYPAY", cardMethod, "DANA", "BANKTRANSFER_QUICKPAY"}
		currency := map[string]string{"ALIPAY_HK": "HKD", "PAYPAY": "JPY", "DANA": "IDR", "BANKTRANSFER_QUICKPAY": "KRW"}
		draw := func(t *rapid.T, prefix string, most int) string {
			return fmt.Sprintf("%s%d", prefix, rapid.IntRange(1, most).Draw(t, prefix))
		}
		amount := func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"11", "100", "30000", "60000", "100000"}).Draw(t, "value")
		}
		known := func(t *rapid.T) Payment {
			payments := s.Ledger().Payments
			if len(payments) == 0 {
				t.Skip("no payment yet")
			}
			return rapid.SampledFrom(payments).Draw(t, "payment")
		}
		part := func(t *rapid.T, p Payment) string {
			return fmt.Sprint(max(100, p.Amount.Value/int64(rapid.IntRange(1, 3).Draw(t, "part"))/100*100))
		}
		before := map[string]string{}
		capture := func(t *rapid.T) {
			p := known(t)
			direct(t, s, "capture", map[string]any{"captureRequestId": draw(t, "c", 5), "paymentId": p.PaymentID,
				"captureAmount": sum(p.Amount.Currency, part(t, p)), "isLastCapture": rapid.IntRange(0, 3).Draw(t, "last") == 0})
		}
		refund := func(t *rapid.T) {
			p := known(t)
			fields := refundOf(draw(t, "r", 6), p.PaymentID, p.Amount.Currency, part(t, p))
			for _, c := range s.Ledger().Captures {
				if c.PaymentID == p.PaymentID && c.Status == statusSuccess {
					fields["captureId"] = c.CaptureID
				}
			}
			direct(t, s, "refund", fields)
		}
		t.Repeat(map[string]func(*rapid.T){
			"pay": func(t *rapid.T) {
				method := rapid.SampledFrom(methods).Draw(t, "method")
				in := currency[method]
				if in == "" {
					in = "SGD"
				}
				fields := cashier(draw(t, "p", 4), method, in, amount(t))
				if method == cardMethod && rapid.Bool().Draw(t, "manual") {
					fields["paymentFactor"] = map[string]any{"isAuthorization": true, "captureMode": "MANUAL"}
				}
				direct(t, s, "pay", fields)
			},
			"debit": func(t *rapid.T) {
				token := rapid.SampledFrom([]string{TokenPays, TokenPaysLate, TokenStuck, TokenPoor, "other"}).Draw(t, "token")
				direct(t, s, "pay", debit(draw(t, "p", 4), token, amount(t)))
			},
			"session": func(t *rapid.T) {
				fields := sessionFor(draw(t, "p", 4), "ALIPAY_HK", with("paymentAmount", sum("HKD", amount(t))))
				direct(t, s, "createPaymentSession", fields)
			},
			"buyer": func(t *rapid.T) {
				id := draw(t, "p", 4)
				do := rapid.SampledFrom([]func(string) error{s.BuyerPays, s.BuyerDeclines, s.BuyerLeaves, s.BuyerPends}).Draw(t, "act")
				_ = do(id) // too late, or nothing there: that is the point
			},
			"cancel":  func(t *rapid.T) { direct(t, s, "cancel", map[string]any{"paymentRequestId": draw(t, "p", 4)}) },
			"capture": capture, "capture again": capture,
			"refund": refund, "refund again": refund, "refund once more": refund,
			"paid wallet": func(t *rapid.T) {
				id := draw(t, "p", 4)
				direct(t, s, "pay", cashier(id, "ALIPAY_HK", "HKD", amount(t)))
				_ = s.BuyerPays(id) // the id may have been used before
			},
			"authorised card": func(t *rapid.T) {
				id := draw(t, "p", 4)
				direct(t, s, "pay", manualCard(id, amount(t)))
				_ = s.BuyerPays(id) // the id may have been used before
			},
			"fault": func(t *rapid.T) {
				f := Fault{Kind: rapid.SampledFrom([]FaultKind{InProcess, FailLater}).Draw(t, "fault"), Path: rapid.SampledFrom([]string{"refund", "capture", "autoCapture"}).Draw(t, "path")}
				if err := s.Inject(f); err != nil {
					t.Fatal(err)
				}
			},
			"time": func(t *rapid.T) {
				s.Advance(time.Duration(rapid.SampledFrom([]int{1, 30, 900, 86400, 8 * 86400}).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				l := s.Ledger()
				if err := l.Check(); err != nil {
					t.Fatal(err)
				}
				for _, p := range l.Payments {
					was := before[p.PaymentID]
					final := was == statusFail || was == statusCancelled || was == statusSuccess && p.Status != statusCancelled
					if final && p.Status != was {
						t.Fatalf("payment %s went from %s to %s", p.PaymentRequestID, was, p.Status)
					}
					before[p.PaymentID] = p.Status
				}
			},
		})
	})
}

// No body, however odd, makes the reader fail or accept what it cannot show.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,"x",{"b":null}]}`, `[`, `{"a":1}x`, "\xff", `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parse(raw)
		if err == nil && !json.Valid(raw) {
			t.Errorf("accepted %q as %v", raw, o)
		}
	})
}
