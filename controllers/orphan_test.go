package controllers

import (
	"testing"
	"time"

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
