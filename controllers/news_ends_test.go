package controllers

import (
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestNotificationOfAnotherPaymentSettlesNothing(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	w.store.create(newPayment("other"))
	w.must(w.reconcilePayment("other"))
	p, other := w.payment("order"), w.payment("other")
	fields := w.result(other, other.Status.PaymentRequestID, "S")
	fields["paymentId"] = p.Status.PaymentID
	w.put(p, signed(fields, w.simulator.Now()))
	sent := len(w.sent)
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateProcessing || len(w.sent) != sent {
		t.Errorf("payment is %s after %d requests, want Processing after none", got, len(w.sent)-sent)
	}
}

func TestNotificationOfAnotherRefundSettlesNothing(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.paid("order")
	w.inject(inProcessRefund)
	w.store.create(newRefund("back", "order", "3000"))
	w.must(w.reconcileRefund("back"))
	w.put(w.refund("back"), signed(w.refundResult("other", "3000", "SUCCESS"), w.simulator.Now()))
	sent := len(w.sent)
	w.must(w.reconcileRefund("back"))
	if got := w.refund("back").Status.State; got != apiv1.StateProcessing || len(w.sent) != sent {
		t.Errorf("refund is %s after %d requests, want Processing after none", got, len(w.sent)-sent)
	}
}

// What is announced to the contrary of a refund's end is asked about: the end stays, and a contradiction is told.
func TestRefundThatEndedOtherwiseIsToldAsAContradiction(t *testing.T) {
	tests := []struct {
		name             string
		believed, really string
	}{
		{"announced as failed, and done", "FAIL", "SUCCESS"},
		{"announced as done, and failed", "SUCCESS", "FAIL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, notified)
			defer w.close()
			w.paid("order")
			fault := inProcessRefund
			if tt.really == "FAIL" {
				fault = failingRefund
			}
			w.inject(fault)
			w.store.create(newRefund("back", "order", "3000"))
			w.must(w.reconcileRefund("back"))
			id := w.refund("back").Status.RefundRequestID
			about := w.refundResult(id, "3000", tt.believed)
			if known := w.refund("back").Status.RefundID; known != "" {
				about["refundId"] = known
			}
			w.put(w.refund("back"), signed(about, w.simulator.Now()))
			w.must(w.reconcileRefund("back"))
			if !w.refund("back").Status.State.Final() {
				t.Fatalf("refund is %s, want an end", w.refund("back").Status.State)
			}
			w.advance(time.Minute)
			w.put(w.refund("back"), signed(w.refundResult(id, "3000", tt.really), w.simulator.Now()))
			w.must(w.reconcileRefund("back"))
			if got := reason(w.refund("back").Status.Conditions); got != apiv1.StateContradictionReason {
				t.Errorf("reason = %s, want %s", got, apiv1.StateContradictionReason)
			}
		})
	}
}

// However often an object is looked at: the gateway is asked once about the same news, by each process.
func TestGatewayIsAskedOnceAboutTheSameNews(t *testing.T) {
	for _, state := range []apiv1.OperationState{apiv1.StateProcessing, apiv1.PaymentPaid} {
		w := openOrder(t)
		p := w.payment("order")
		fields := w.result(p, p.Status.PaymentRequestID, "S")
		if fields["notifyType"] = "PAYMENT_PENDING"; state == apiv1.PaymentPaid {
			if err := w.simulator.BuyerPays(p.Status.PaymentRequestID); err != nil {
				t.Fatal(err)
			}
			w.advance(time.Minute)
			w.follow(w.reconcilePayment, "order", time.Hour)
			fields = w.result(p, p.Status.PaymentRequestID, "F")
		}
		w.put(w.payment("order"), signed(fields, w.simulator.Now()))
		for process := range 2 {
			asked := w.sends("inquiryPayment")
			for range 5 {
				w.must(w.reconcilePayment("order"))
			}
			if got := w.sends("inquiryPayment") - asked; got != 1 {
				t.Errorf("%s: process %d has asked %d times, want once", state, process, got)
			}
			w.restart()
		}
		w.close()
	}
}

// The gateway accepts these refunds, and settles them half a minute later.
var (
	inProcessRefund = simulator.Fault{Kind: simulator.InProcess, Path: "refund"}
	failingRefund   = simulator.Fault{Kind: simulator.FailLater, Path: "refund", Code: "PROCESS_FAIL"}
)
