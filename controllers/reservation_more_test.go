package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestRaisedRefundAttemptTakesTheAmountOfTheFormerOne(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("a", "order", "10000")
	w.editRefund("a", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 })
	w.follow(w.reconcileRefund, "a", time.Hour)
	if got := w.refund("a").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s, want %s", got, apiv1.RefundRefunded)
	}
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.Amounts; got.Refunded != "10000" || got.Refundable != "0" {
		t.Errorf("amounts = %+v, want all refunded", got)
	}
}

// What is held back must not be taken for ever.
func TestRefundRecreatedWithAnotherAmountTakesThatAmount(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.failWrite = func(obj client.Object) writeFault {
		if _, is := obj.(*apiv1.Refund); is {
			return writeLost
		}
		return writeArrives
	}
	w.store.create(newRefund("a", "order", "1000"))
	_, _ = w.reconcileRefund("a") // noted in the payment, and the intent is lost
	w.store.failWrite = nil
	w.store.remove(w.refund("a"))
	w.store.create(newRefund("a", "order", "9000"))
	w.follow(w.reconcileRefund, "a", time.Hour)
	w.store.create(newRefund("b", "order", "9000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	w.must(w.reconcilePayment("order"))
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
	if got := w.payment("order").Status.Amounts; got.Refunded != "9000" || got.Refundable != "1000" {
		t.Errorf("amounts = %+v, want 9000 refunded and 1000 refundable", got)
	}
}

func TestRefundDeletedBeforeItWasSentTakesNothing(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.failWrite = func(obj client.Object) writeFault {
		if _, is := obj.(*apiv1.Refund); is {
			return writeLost
		}
		return writeArrives
	}
	w.store.create(newRefund("a", "order", "6000"))
	_, _ = w.reconcileRefund("a")
	w.store.failWrite = nil
	w.store.remove(w.refund("a"))
	w.follow(w.reconcilePayment, "order", 5*time.Minute)
	w.store.create(newRefund("b", "order", "10000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := w.refund("b").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s (%s), want %s", got, reason(w.refund("b").Status.Conditions), apiv1.RefundRefunded)
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
