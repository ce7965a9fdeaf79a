package controllers

import (
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestPaymentOfAnotherAmountIsNeverReportedAsPaid(t *testing.T) {
	for _, path := range []string{"pay", "inquiryPayment"} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.inject(simulator.Fault{Kind: simulator.WrongAmount, Path: path})
			w.store.create(newPayment("order"))
			w.must(w.reconcilePayment("order"))
			_ = w.simulator.BuyerPays(w.sent[0].text("paymentRequestId"))
			w.follow(w.reconcilePayment, "order", time.Hour)
			st := w.payment("order").Status
			if got := reason(st.Conditions); got != apiv1.RequestIDConflictReason || st.State != apiv1.StateBlocked {
				t.Errorf("state = %s (%s), want %s (%s)", st.State, got, apiv1.StateBlocked, apiv1.RequestIDConflictReason)
			}
			if got := w.sends("pay"); got != 1 {
				t.Errorf("pay requests = %d, want 1", got)
			}
		})
	}
}
