package controllers

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestSlowAccountStillGetsItsCancellationThrough(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	for _, g := range w.gateways.clients {
		g.queue.all = &turns{Limiter: rate.NewLimiter(1, 1)}
	}
	w.paid("order")
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	for range 50 {
		result := w.must(w.reconcilePayment("order"))
		w.advance(max(result.RequeueAfter, time.Second))
	}
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled {
		t.Errorf("state = %s after %d cancel requests, want %s", got, w.sends("cancel"), apiv1.PaymentCancelled)
	}
}

// Once a cancel request has left, a paid payment may be paid or given back: it must not be called either before the gateway has told.
func TestPaidPaymentWhoseCancellationIsLostIsNotReportedAsPaid(t *testing.T) {
	tests := []struct {
		name string
		then func(*world)
	}{
		{"the next pass is due", func(*world) {}},
		{"the account is no longer ready", func(w *world) {
			w.store.edit(w.account(), func(obj client.Object) {
				meta.SetStatusCondition(&obj.(*apiv1.MerchantAccount).Status.Conditions, metav1.Condition{
					Type: apiv1.ReadyCondition, Status: metav1.ConditionFalse, Reason: "x", ObservedGeneration: 1})
			})
		}},
		{"the gateway refuses the account", func(w *world) { w.inject(simulator.Fault{Kind: simulator.UnsignedFail, Times: -1}) }},
		{"the payment is suspended and the gateway is away", func(w *world) {
			w.inject(simulator.Fault{Kind: simulator.DropRequest, Times: -1})
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Suspend = true })
		}},
		{"the answer was not recorded, and the account is no longer ready", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.paid("order")
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
			w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "cancel"})
			if tt.then == nil {
				w.failWriteNumber(2, writeLost)
			}
			_, _ = w.reconcilePayment("order")
			w.store.failWrite = nil
			if tt.then != nil {
				tt.then(w)
				w.advance(time.Minute)
				if tt.name != "the next pass is due" {
					_, _ = w.reconcilePayment("order")
				}
			}
			st := w.payment("order").Status
			if meta.IsStatusConditionTrue(st.Conditions, apiv1.SucceededCondition) {
				t.Errorf("Succeeded is True (state %s, reason %s), and the buyer has the money", st.State, reason(st.Conditions))
			}
		})
	}
}

func TestCancellationLostJustBeforeItsWindowClosesIsFoundAfterwards(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	deadline := time.Date(2026, 11, 22, 0, 15, 0, 0, gatewayZone)
	w.advance(deadline.Add(-time.Second).Sub(w.clock.Now()))
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "cancel"})
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.must(w.reconcilePayment("order"))
	for range 5 {
		if meta.IsStatusConditionTrue(w.payment("order").Status.Conditions, apiv1.SucceededCondition) {
			t.Fatal("Succeeded is True, and the buyer has the money")
		}
		w.advance(time.Minute)
		w.must(w.reconcilePayment("order"))
	}
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled {
		t.Errorf("state = %s, want %s", got, apiv1.PaymentCancelled)
	}
}

func TestRefundStartsOnceItIsTooLateToCancel(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Code: "MERCHANT_BALANCE_NOT_ENOUGH", Path: "cancel", Times: -1})
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	for range 50 {
		w.advance(w.must(w.reconcilePayment("order")).RequeueAfter)
	}
	w.store.create(newRefund("back", "order", ""))
	w.must(w.reconcileRefund("back"))
	if got := w.sends("refund"); got != 0 {
		t.Fatalf("refund requests while the payment is being cancelled = %d, want none", got)
	}
	w.advance(13 * time.Hour)
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.CancelWindowExceededReason {
		t.Errorf("reason of the payment = %s, want %s", got, apiv1.CancelWindowExceededReason)
	}
	w.follow(w.reconcileRefund, "back", time.Hour)
	if got := w.refund("back").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state of the refund = %s (%s), want %s", got, reason(w.refund("back").Status.Conditions), apiv1.RefundRefunded)
	}
}

// An order that never was needs no cancelling, also by a method whose orders can not be cancelled.
func TestPaymentThatWasNeverPlacedEndsAlsoIfItsMethodCanNotCancel(t *testing.T) {
	tests := []struct {
		name string
		wish func(*world)
		gone bool
	}{
		{"by deletion", func(w *world) { w.store.remove(w.payment("order")) }, true},
		{"by desiredState", func(w *world) {
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) {
				spec.Cashier.PaymentMethodType = "DANA"
				spec.Amount = apiv1.Amount{Currency: "IDR", Value: "1500000"}
				spec.DeletionPolicy = apiv1.CancelPayment
			}))
			w.inject(simulator.Fault{Kind: simulator.DropRequest, Path: "pay"})
			w.must(w.reconcilePayment("order"))
			tt.wish(w)
			w.follow(w.reconcilePayment, "order", time.Hour)
			switch got := w.payment("order"); {
			case tt.gone && got != nil:
				t.Errorf("the deleted payment is held as %s", got.Status.State)
			case !tt.gone && got.Status.State != apiv1.PaymentCancelled:
				t.Errorf("state = %s, want %s", got.Status.State, apiv1.PaymentCancelled)
			}
			if got := w.sends("pay"); got != 1 {
				t.Errorf("pay requests = %d, want 1", got)
			}
		})
	}
}

// A process stands still after it has recorded the intent, while another one settles the payment.
func TestProcessThatWasHeldUpBeforeSendingAsksFirst(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(newPayment("order"))
	heldUp := false
	w.store.changed = func(_, now client.Object) {
		payment, is := now.(*apiv1.Payment)
		if !is || payment.Status.Intent == nil || heldUp {
			return
		}
		heldUp = true
		slow := w.payments
		w.restart()
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.follow(w.reconcilePayment, "order", time.Hour)
		w.payments = slow
	}
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled {
		t.Fatalf("state = %s, want %s", got, apiv1.PaymentCancelled)
	}
	if got := w.sends("pay"); got != 0 {
		t.Errorf("pay requests after the payment was cancelled = %d, want none", got)
	}
}
