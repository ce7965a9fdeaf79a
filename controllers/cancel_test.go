package controllers

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestSlowAccountStillGetsItsCancellationThrough(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	for _, g := range w.gateways.clients {
		g.limiter = rate.NewLimiter(1, 1)
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
