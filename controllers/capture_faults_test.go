package controllers

import (
	"fmt"
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// taken is what the gateway has captured, and how many captures did that.
func (w *world) taken() (sum int64, captures int) {
	for _, capture := range w.simulator.Ledger().Captures {
		if capture.Status == "SUCCESS" {
			sum, captures = sum+capture.Amount.Value, captures+1
		}
	}
	return sum, captures
}

// expectTaken checks what the gateway has captured, and that the payment's status says the same.
func (w *world) expectTaken(sum int64, captures int) {
	w.t.Helper()
	if gotSum, got := w.taken(); gotSum != sum || got != captures {
		w.t.Errorf("the gateway has captured %d in %d captures, want %d in %d", gotSum, got, sum, captures)
	}
	amounts := w.payment("order").Status.Amounts
	if amounts == nil || amounts.Captured != fmt.Sprint(sum) {
		w.t.Errorf("amounts = %+v, want %d captured", amounts, sum)
	}
}

func (w *world) expectCapture(name string, state apiv1.OperationState, why string) {
	w.t.Helper()
	if got := w.capture(name).Status; got.State != state || reason(got.Conditions) != why {
		w.t.Errorf("capture %s is %s (%s), want %s (%s)", name, got.State, reason(got.Conditions), state, why)
	}
}

// Each fault strikes capture, or what is asked afterwards, each write of a status may fail, and every pass is in a process of its own.
func TestCaptureTakesItsMoneyOnceWhateverFails(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ActLater, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature,
		simulator.UnsignedFail, simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit, simulator.InProcess,
	}
	for _, fault := range faults {
		for _, path := range []string{"capture", "inquiryPayment"} {
			if path == "inquiryPayment" && (fault == simulator.InProcess || fault == simulator.ActLater) {
				continue
			}
			for failing := range 5 { // the n-th status write fails; 0 means none
				for _, how := range []writeFault{writeLost, writeUnheardOf} {
					if failing == 0 && how == writeUnheardOf || path == "inquiryPayment" && failing%2 == 1 {
						continue
					}
					t.Run(fmt.Sprintf("fault %q of %s, status write %d is %s", fault, path, failing, how), func(t *testing.T) {
						w := authorisedCard(t, capturesInParts)
						if path == "inquiryPayment" {
							w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "capture"})
						}
						if fault != "" {
							w.inject(simulator.Fault{Kind: fault, Path: path})
						}
						w.failWriteNumber(failing, how)
						w.store.create(newCapture("part", "3000"))
						for pass := range 8 {
							w.restart()
							_, _ = w.reconcileCapture("part")
							if pass%2 == 1 {
								_, _ = w.reconcilePayment("order")
							}
							w.advance(16 * time.Second)
						}
						w.follow(w.reconcileCapture, "part", time.Hour)
						w.must(w.reconcilePayment("order"))
						w.expectCapture("part", apiv1.CaptureCaptured, apiv1.CapturedReason)
						w.expectTaken(3000, 1)
						if got := w.payment("order").Status; got.State != apiv1.PaymentAuthorized || len(got.Captures) != 1 {
							t.Errorf("payment is %s with %+v, want the rest held beside one capture", got.State, got.Captures)
						}
					})
				}
			}
		}
	}
}

// Whatever the gateway's list of transactions looks like, and whether it is notified or not.
func TestCaptureSettlesWithEveryListOfTransactions(t *testing.T) {
	lists := map[string]simulator.Switches{
		"null":            {Transactions: simulator.TransactionsNull},
		"null when empty": {Transactions: simulator.TransactionsNullWhenEmpty},
		"absent":          {Transactions: simulator.TransactionsAbsent},
		"without time":    {NoTransactionTime: true},
		"misspelt":        {MisspeltTransactionType: true},
	}
	for name, switches := range lists {
		for _, fault := range []simulator.FaultKind{simulator.DropRequest, simulator.DropResponse, simulator.InProcess} {
			t.Run(fmt.Sprintf("%s, after fault %q", name, fault), func(t *testing.T) {
				w := authorisedCard(t)
				if err := w.simulator.SetSwitches(switches); err != nil {
					t.Fatal(err)
				}
				w.inject(simulator.Fault{Kind: fault, Path: "capture"})
				w.captured(newCapture("all", ""))
				w.expectCapture("all", apiv1.CaptureCaptured, apiv1.CapturedReason)
				w.expectTaken(4200, 1)
				expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
			})
		}
	}
}

func TestTwoCapturesThatReadTheSameOldPaymentDoNotBothFit(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.store.create(newCapture("a", "3000"))
	w.store.create(newCapture("b", "3000"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.TTLSecondsAfterFinished = new(int32(99)) }) // the version before is authorised as well
	w.store.behind = 1
	for range 6 {
		for _, name := range []string{"a", "b"} {
			_, _ = w.reconcileCapture(name)
		}
		w.advance(time.Second)
	}
	if got := w.sends("capture"); got != 1 {
		t.Errorf("capture requests = %d, want 1", got)
	}
}

func TestCaptureOfUnknownOutcomeCountsAsTaken(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.inject(simulator.Fault{Kind: simulator.DropRequest, Path: "capture"})
	w.store.create(newCapture("a", "3000"))
	_, _ = w.reconcileCapture("a")
	w.must(w.reconcilePayment("order"))
	w.store.create(newCapture("b", "3000"))
	w.must(w.reconcileCapture("b"))
	w.expectCapture("b", apiv1.StateBlocked, apiv1.CaptureAmountExceededReason)
	w.store.create(newCapture("c", "1200"))
	w.follow(w.reconcileCapture, "c", time.Hour)
	w.expectCapture("c", apiv1.CaptureCaptured, apiv1.CapturedReason)
	w.follow(w.reconcileCapture, "a", time.Hour)
	w.must(w.reconcilePayment("order"))
	w.expectTaken(4200, 2)
}

func TestCaptureWhoseAmountIsNotToldCountsAsAllOfIt(t *testing.T) {
	capture := newCapture("b", "1")
	f := &shareFacts{facts: testFacts(), rules: capturing{}, share: capturing{}.share(capture), payment: cardPayment("order", apiv1.ManualCapture)}
	f.payment.Status.Captures = []apiv1.PaymentCapture{{CaptureID: "c", CaptureRequestID: "other", Value: unknownValue, Status: "PROCESSING"}}
	if got := f.taken(); got != 4200 {
		t.Errorf("taken = %d, want all 4200", got)
	}
}
