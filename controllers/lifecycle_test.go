package controllers

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestPaymentIsCollectedOnceAndThenCostsNothing(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")

	id := w.payment("order").Status.PaymentRequestID
	if got := w.simulator.Charges(id); got != 1 {
		t.Errorf("charges = %d, want 1", got)
	}
	if got, want := w.store.writes, 3; got != want { // intent, open, paid
		t.Errorf("status writes = %d, want %d", got, want)
	}
	sent, writes := len(w.sent), w.store.writes
	w.restart()
	if result := w.must(w.reconcilePayment("order")); result.RequeueAfter != 0 {
		t.Errorf("a paid payment is looked at again after %s", result.RequeueAfter)
	}
	if len(w.sent) != sent || w.store.writes != writes {
		t.Errorf("a paid payment costs %d requests and %d writes after a restart, want none", len(w.sent)-sent, w.store.writes-writes)
	}
}

// Each fault strikes the first pay request, and each status write may fail too.
func TestPaymentIsChargedOnceWhateverFails(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature,
		simulator.UnsignedFail, simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	for _, fault := range faults {
		for failing := range 4 { // the n-th status write fails; 0 means none
			for _, how := range []writeFault{writeLost, writeUnheardOf} {
				t.Run(fmt.Sprintf("fault %q, status write %d is %s", fault, failing, how), func(t *testing.T) {
					w := newWorld(t)
					defer w.close()
					if fault != "" {
						if err := w.simulator.Inject(simulator.Fault{Kind: fault, Path: "pay"}); err != nil {
							t.Fatal(err)
						}
					}
					w.failWriteNumber(failing, how)
					w.store.create(newPayment("order"))
					for pass := range 20 {
						if pass < 5 {
							w.restart()
						}
						_, _ = w.reconcilePayment("order")
						_ = w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID) // there may be no order yet
						w.advance(16 * time.Second)
					}
					w.follow(w.reconcilePayment, "order", time.Hour)
					if got := w.simulator.Ledger().ChargesOfOrder("order"); got != 1 {
						t.Errorf("charges = %d, want 1", got)
					}
					if got := w.payment("order").Status.State; got != apiv1.PaymentPaid {
						t.Errorf("state = %s, want %s", got, apiv1.PaymentPaid)
					}
				})
			}
		}
	}
}

func TestRefundIsSentOnceWhateverFails(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnsignedFail,
		simulator.UnknownExceptionAfter, simulator.RateLimit, simulator.InProcess,
	}
	for _, fault := range faults {
		for failing := range 4 {
			t.Run(fmt.Sprintf("fault %q, status write %d is lost", fault, failing), func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.paid("order")
				if fault != "" {
					if err := w.simulator.Inject(simulator.Fault{Kind: fault, Path: "refund"}); err != nil {
						t.Fatal(err)
					}
				}
				w.failWriteNumber(failing, writeLost)
				w.store.create(newRefund("back", "order", "4000"))
				w.follow(w.reconcileRefund, "back", time.Hour)
				if got := w.simulator.Refunds(w.refund("back").Status.RefundRequestID); got != 1 {
					t.Errorf("refunds = %d, want 1", got)
				}
				if got := w.refund("back").Status.State; got != apiv1.RefundRefunded {
					t.Errorf("state = %s, want %s", got, apiv1.RefundRefunded)
				}
			})
		}
	}
}

func TestRaisedAttemptIsANewOrderAfterTheFormerOneHasFailed(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	first := w.payment("order").Status.PaymentRequestID
	if err := w.simulator.BuyerDeclines(first); err != nil {
		t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := w.payment("order").Status.State; got != apiv1.StateFailed {
		t.Fatalf("state = %s, want %s", got, apiv1.StateFailed)
	}
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; got.State != apiv1.StateProcessing || got.PaymentRequestID == first {
		t.Errorf("state = %s under %s, want %s under a new id", got.State, got.PaymentRequestID, apiv1.StateProcessing)
	}
}

func TestSuspendedRefundIsSentOnceReleased(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "", func(spec *apiv1.RefundSpec) { spec.Suspend = true }))
	w.follow(w.reconcileRefund, "back", time.Hour)
	if got := w.sends("refund"); got != 0 {
		t.Errorf("a suspended refund sent %d requests, want none", got)
	}
	w.editRefund("back", func(spec *apiv1.RefundSpec) { spec.Suspend = false })
	w.follow(w.reconcileRefund, "back", time.Hour)
	if got := w.refund("back").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s, want %s", got, apiv1.RefundRefunded)
	}
}

func TestLooksThatChangeNothingWriteNothing(t *testing.T) {
	tests := []struct {
		name string
		hold func(*world)
	}{
		{"the gateway refuses the account", func(w *world) {
			w.inject(simulator.Fault{Kind: simulator.UnsignedFail, Path: "inquiryPayment", Times: -1})
		}},
		{"a former attempt is open", func(w *world) {
			w.store.remove(w.payment("order"))
			w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 }))
		}},
		{"the buyer does not come", func(*world) {}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.store.create(newPayment("order"))
			w.must(w.reconcilePayment("order"))
			tt.hold(w)
			for range 2 {
				w.advance(w.must(w.reconcilePayment("order")).RequeueAfter)
			}
			w.store.edit(w.payment("order"), func(obj client.Object) { // a condition that goes and comes back would get a new time
				conditions := obj.(*apiv1.Payment).Status.Conditions
				for i := range conditions {
					conditions[i].LastTransitionTime = metav1.Time{Time: worldStart.Add(-time.Hour)}
				}
			})
			writes, sent := w.store.writes, len(w.sent)
			for range 10 {
				w.advance(w.must(w.reconcilePayment("order")).RequeueAfter)
			}
			if got := w.store.writes - writes; got != 0 || len(w.sent) == sent {
				t.Errorf("writes = %d in %d looks, want none", got, len(w.sent)-sent)
			}
		})
	}
}

func BenchmarkReconcileFinishedPayment(b *testing.B) {
	w := newWorld(b)
	defer w.close()
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
		b.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", time.Hour)
	sent, writes := len(w.sent), w.store.writes
	b.ReportAllocs()
	for b.Loop() {
		w.must(w.reconcilePayment("order"))
	}
	if len(w.sent) != sent || w.store.writes != writes {
		b.Errorf("finished payments cost %d requests and %d writes, want none", len(w.sent)-sent, w.store.writes-writes)
	}
}
