package controllers

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// refused creates a refund that the gateway refuses.
func (w *world) refused(name, payment, value string) {
	w.t.Helper()
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "refund", Code: "MERCHANT_BALANCE_NOT_ENOUGH"})
	w.store.create(newRefund(name, payment, value))
	w.follow(w.reconcileRefund, name, time.Hour)
	if got := w.refund(name).Status.State; got != apiv1.StateFailed {
		w.t.Fatalf("refund is %s, want Failed", got)
	}
}

func TestRaisedRefundAttemptIsCheckedAgainstTheSumAgain(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("a", "order", "6000")
	w.must(w.reconcilePayment("order"))
	w.store.create(newRefund("b", "order", "6000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := w.refund("b").Status.State; got != apiv1.RefundRefunded {
		t.Fatalf("state of b = %s, want %s", got, apiv1.RefundRefunded)
	}
	w.must(w.reconcilePayment("order"))
	w.editRefund("a", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 })
	before := w.sends("refund")
	w.follow(w.reconcileRefund, "a", time.Hour)
	if got := w.sends("refund") - before; got != 0 {
		t.Errorf("refund requests beyond what was paid = %d, want none", got)
	}
	if got := reason(w.refund("a").Status.Conditions); got != apiv1.RefundAmountExceededReason {
		t.Errorf("reason = %s, want %s", got, apiv1.RefundAmountExceededReason)
	}
}

func TestRaisedRefundAttemptWaitsForAPaymentThatIsGone(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("a", "order", "6000")
	w.store.remove(w.payment("order"))
	w.editRefund("a", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 })
	w.follow(w.reconcileRefund, "a", time.Hour)
	if got := reason(w.refund("a").Status.Conditions); got != apiv1.AwaitingPaymentReason {
		t.Errorf("reason = %s, want %s", got, apiv1.AwaitingPaymentReason)
	}
}

func TestManyFormerAttemptsAreAllAskedFor(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	const last = 15
	for attempt := int32(1); attempt < last; attempt++ {
		if attempt == 1 {
			w.store.create(newPayment("order"))
		} else {
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = attempt })
		}
		w.must(w.reconcilePayment("order"))
		if err := w.simulator.BuyerDeclines(w.payment("order").Status.PaymentRequestID); err != nil {
			t.Fatal(err)
		}
		w.follow(w.reconcilePayment, "order", time.Hour)
	}
	w.store.remove(w.payment("order"))
	w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = last }))
	before := w.sends("inquiryPayment")
	for range 3 {
		w.must(w.reconcilePayment("order"))
		w.advance(2 * time.Second)
	}
	if got := w.payment("order").Status; got.State != apiv1.StateProcessing || got.EndedAttempts != last-1 {
		t.Errorf("state = %s after %d ended attempts, want %s after %d", got.State, got.EndedAttempts, apiv1.StateProcessing, last-1)
	}
	if got := w.sends("inquiryPayment") - before; got < last-1 {
		t.Errorf("inquiries = %d, want one for each of %d former attempts", got, last-1)
	}
}

func TestPaidFormerAttemptHoldsBackThoseAfterIt(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.remove(w.payment("order"))
	w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt, spec.DesiredState = 2, apiv1.DesiredCancelled }))
	for range 10 {
		w.must(w.reconcilePayment("order"))
		w.advance(time.Minute)
	}
	if got := w.payment("order").Status.State; got.Final() {
		t.Errorf("state = %s while the former attempt is paid", got)
	}
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt, spec.DesiredState = 3, apiv1.DesiredPaid })
	for range 10 {
		w.must(w.reconcilePayment("order"))
		w.advance(time.Minute)
	}
	if got := w.sends("pay"); got != 1 {
		t.Errorf("pay requests = %d, want 1", got)
	}
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.FormerAttemptOpenReason {
		t.Errorf("reason = %s, want %s", got, apiv1.FormerAttemptOpenReason)
	}
	w.must(w.reconcilePayment("order"))
	w.must(w.reconcilePayment("order")) // woken before it is time to ask again
	if got := w.payment("order").Status; got.State != apiv1.StateBlocked || reason(got.Conditions) != apiv1.FormerAttemptOpenReason {
		t.Errorf("payment is %s (%s), want it held back as before", got.State, reason(got.Conditions))
	}
	before := w.sends("inquiryPayment")
	w.run(24 * time.Hour)
	if got := w.sends("inquiryPayment") - before; got > 150 {
		t.Errorf("%d inquiries in a day, want fewer", got)
	}
}

func TestRaisedAttemptIsHeldByTheFinalizerAgain(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.DeletionPolicy = apiv1.CancelPayment }))
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerDeclines(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", time.Hour)
	w.must(w.reconcilePayment("order"))
	if controllerutil.ContainsFinalizer(w.payment("order"), apiv1.PaymentFinalizer) {
		t.Error("a failed payment is held by the finalizer")
	}
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
	w.must(w.reconcilePayment("order"))
	if !controllerutil.ContainsFinalizer(w.payment("order"), apiv1.PaymentFinalizer) {
		t.Fatal("an open order is not held by the finalizer")
	}
	w.store.remove(w.payment("order"))
	id := w.payment("order").Status.PaymentRequestID
	for range 5 {
		w.must(w.reconcilePayment("order"))
		w.advance(16 * time.Second)
	}
	if got, _ := w.simulator.Ledger().Payment(id); got.Status != "CANCELLED" || w.payment("order") != nil {
		t.Errorf("the gateway has %s and the object is there = %t, want CANCELLED and gone", got.Status, w.payment("order") != nil)
	}
}

// The manifest of attempt 1 comes back without a status, as from a backup made before the attempt was raised.
func TestRefundThatComesBackFromBeforeItsRaisedAttemptIsNotSent(t *testing.T) {
	for _, code := range []string{"SYSTEM_ERROR", "PARAM_ILLEGAL", "PROCESS_FAIL"} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.paid("order")
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Code: code, Path: "refund"})
			w.store.create(newRefund("back", "order", "4000"))
			w.follow(w.reconcileRefund, "back", time.Hour)
			w.must(w.reconcilePayment("order"))
			w.editRefund("back", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 })
			w.follow(w.reconcileRefund, "back", time.Hour)
			w.must(w.reconcilePayment("order"))
			w.store.remove(w.refund("back"))
			w.must(w.reconcileRefund("back"))
			w.must(w.reconcilePayment("order"))
			w.store.create(newRefund("back", "order", "4000"))
			w.follow(w.reconcileRefund, "back", time.Hour)
			if got := w.givenBack("order"); got != 4000 {
				t.Errorf("given back = %d, want 4000", got)
			}
			if got := reason(w.refund("back").Status.Conditions); got != apiv1.FormerAttemptOpenReason {
				t.Errorf("reason = %s, want %s", got, apiv1.FormerAttemptOpenReason)
			}
		})
	}
}
