package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestRefundOfUnclearAmountCountsAsTaken(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.inject(simulator.Fault{Kind: simulator.WrongAmount, Path: "refund"})
	w.store.create(newRefund("a", "order", "6000"))
	w.follow(w.reconcileRefund, "a", time.Hour)
	if got := reason(w.refund("a").Status.Conditions); got != apiv1.RequestIDConflictReason {
		t.Fatalf("reason of a = %s, want %s", got, apiv1.RequestIDConflictReason)
	}
	w.must(w.reconcilePayment("order"))
	w.store.create(newRefund("b", "order", "6000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := reason(w.refund("b").Status.Conditions); got != apiv1.RefundAmountExceededReason {
		t.Errorf("reason of b = %s, want %s", got, apiv1.RefundAmountExceededReason)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
}

func TestDeletedRefundStaysTaken(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("a", "order", "6000"))
	w.follow(w.reconcileRefund, "a", time.Hour)
	w.store.remove(w.refund("a")) // before the payment has seen it
	w.must(w.reconcilePayment("order"))
	w.store.create(newRefund("b", "order", "6000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := reason(w.refund("b").Status.Conditions); got != apiv1.RefundAmountExceededReason {
		t.Errorf("reason of b = %s, want %s", got, apiv1.RefundAmountExceededReason)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
}

func TestRefundsThatReadTheSameOldPaymentDoNotBothFit(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("a", "order", "6000"))
	w.store.create(newRefund("b", "order", "6000"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.TTLSecondsAfterFinished = new(int32(99)) }) // the version before is paid as well
	w.store.behind = 1
	for range 6 {
		for _, name := range []string{"a", "b"} {
			_, _ = w.reconcileRefund(name)
		}
		w.advance(time.Second)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
}

func TestRefundIsNotedInThePaymentBeforeItIsSent(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "4000"))
	var noted []apiv1.PaymentRefund
	w.beforeSend = func(r sentRequest) error {
		if r.operation == "refund" {
			noted = w.payment("order").Status.Refunds
		}
		return nil
	}
	w.follow(w.reconcileRefund, "back", time.Hour)
	want := []apiv1.PaymentRefund{{RefundRequestID: w.refund("back").Status.RefundRequestID, Value: "4000"}}
	if diff := cmp.Diff(want, noted); diff != "" {
		t.Errorf("refunds noted when the request left (-want +got):\n%s", diff)
	}
}

func TestRefundThatTheGatewayRefusedIsNotTaken(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("a", "order", "10000")
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; len(got.Refunds) != 0 || got.Amounts.Refundable != "10000" {
		t.Errorf("refunds = %v, refundable = %s, want none and 10000", got.Refunds, got.Amounts.Refundable)
	}
}

func TestRefundWithTimeToLiveZeroIsNotForgotten(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "4000", func(spec *apiv1.RefundSpec) { spec.TTLSecondsAfterFinished = new(int32) }))
	w.follow(w.reconcileRefund, "back", time.Hour)
	if w.refund("back") == nil {
		t.Fatal("the refund is gone before its payment has noted it as done")
	}
	w.must(w.reconcilePayment("order"))
	w.follow(w.reconcileRefund, "back", time.Hour)
	if w.refund("back") != nil {
		t.Error("the refund outlives its time to live")
	}
	if got := w.payment("order").Status.Amounts; got.Refunded != "4000" || got.Refundable != "6000" {
		t.Errorf("amounts = %+v, want 4000 refunded and 6000 refundable", got)
	}
}
