package controllers

import (
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestRefundDeletedWhileInProcessIsFollowedByItsPayment(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.inject(simulator.Fault{Kind: simulator.InProcess, Path: "refund"})
	w.store.create(newRefund("a", "order", "6000"))
	w.must(w.reconcileRefund("a"))
	w.must(w.reconcilePayment("order"))
	if noted := w.payment("order").Status.Refunds; len(noted) != 1 || !noted[0].Accepted || noted[0].Done {
		t.Fatalf("refunds = %+v, want one that the gateway knows and has not done", noted)
	}
	w.store.remove(w.refund("a"))
	w.follow(w.reconcilePayment, "order", 2*time.Hour)
	got := w.payment("order").Status
	if got.Amounts.Refunded != "6000" || got.Amounts.Refundable != "4000" || !got.Refunds[0].Done {
		t.Errorf("amounts = %+v, refunds = %+v; want 6000 refunded and 4000 left", got.Amounts, got.Refunds)
	}
}

func TestWishToCancelTooLateDoesNotKeepARefundFromBeingFollowed(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.inject(simulator.Fault{Kind: simulator.InProcess, Path: "refund"})
	w.store.create(newRefund("a", "order", "6000"))
	w.must(w.reconcileRefund("a"))
	w.must(w.reconcilePayment("order"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.store.remove(w.refund("a"))
	w.follow(w.reconcilePayment, "order", 2*time.Hour)
	got := w.payment("order").Status
	if got.Amounts.Refunded != "6000" || got.Amounts.Refundable != "4000" || reason(got.Conditions) != apiv1.CancelNotSupportedReason {
		t.Errorf("amounts = %+v (%s), want 6000 refunded, and the wish still refused", got.Amounts, reason(got.Conditions))
	}
}
