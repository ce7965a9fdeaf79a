package controllers

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// The tests of this file are about what proves that the gateway has no such order: never one empty answer, never several in a hurry,
// and never any number once the gateway has known the order.

func TestEmptyAnswersInAHurryDoNotCancelALostPayment(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.loses("pay")
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	for range 8 { // as when the account's status keeps changing
		w.must(w.reconcilePayment("order"))
		w.advance(time.Second)
	}
	if got := w.payment("order").Status.State; got != apiv1.StateUnknown {
		t.Errorf("state = %s after 8 s, want %s", got, apiv1.StateUnknown)
	}
}

func TestEmptyAnswersWhoseRecordWasLostDoNotSettle(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: "SYSTEM_ERROR"})
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryPayment", Code: "ORDER_NOT_EXIST", Times: 10})
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	w.advance(16 * time.Second)
	lost := 0
	w.store.failWrite = func(client.Object) writeFault {
		if lost++; lost <= 2 {
			return writeLost
		}
		return writeArrives
	}
	for range 6 {
		_, _ = w.reconcilePayment("order")
		w.advance(10 * time.Millisecond)
	}
	if got := w.payment("order").Status.State; got.Final() {
		t.Errorf("state = %s after 16 s, want one that is not final", got)
	}
}

func TestEmptyAnswersWhoseRecordWasLostDoNotSendARefundAgain(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.loses("refund")
	w.store.create(newRefund("back", "order", "4000"))
	w.store.failWrite = func(obj client.Object) writeFault {
		if refund, is := obj.(*apiv1.Refund); is && refund.Status.EmptyAnswers != nil {
			return writeLost
		}
		return writeArrives
	}
	for range 8 {
		_, _ = w.reconcileRefund("back")
		w.advance(10 * time.Millisecond)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d within a second, want 1", got)
	}
}

func TestEmptyAnswersNeverEndAnOrderThatTheGatewayHasKnown(t *testing.T) {
	tests := []struct {
		name string
		pays bool
		age  time.Duration
		want string // what the gateway has in the end
	}{
		{"a paid one, at once", true, 0, "CANCELLED"},
		{"a paid one, later", true, 10 * time.Minute, "CANCELLED"},
		{"an open one, at once", false, 0, "CANCELLED"},
		{"an open one, later", false, 2 * time.Minute, "CANCELLED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			if tt.pays {
				w.paid("order")
			} else {
				w.store.create(newPayment("order"))
				w.must(w.reconcilePayment("order"))
			}
			w.advance(tt.age)
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryPayment", Code: "ORDER_NOT_EXIST", Times: 6})
			for range 6 {
				w.must(w.reconcilePayment("order"))
				if got := w.payment("order").Status.State; got == apiv1.PaymentCancelled {
					t.Fatal("state = Cancelled on empty answers")
				}
				w.advance(16 * time.Second)
			}
			w.follow(w.reconcilePayment, "order", time.Hour)
			id := w.payment("order").Status.PaymentRequestID
			if got, _ := w.simulator.Ledger().Payment(id); got.Status != tt.want || w.payment("order").Status.State != apiv1.PaymentCancelled {
				t.Errorf("state = %s and the gateway has %s, want Cancelled and %s", w.payment("order").Status.State, got.Status, tt.want)
			}
		})
	}
}

func TestWishToCancelARecreatedPaymentWaitsForItsFormerLife(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.loses("pay")
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	late := w.lastRequest
	w.loses("")
	w.store.remove(w.payment("order"))
	w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled }))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got.Final() {
		t.Fatalf("state = %s on one empty answer", got)
	}
	w.deliver(late)
	id := w.sent[0].text("paymentRequestId")
	if err := w.simulator.BuyerPays(id); err != nil {
		t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got, _ := w.simulator.Ledger().Payment(id); got.Status != "CANCELLED" || w.payment("order").Status.State != apiv1.PaymentCancelled {
		t.Errorf("state = %s and the gateway has %s, want both cancelled", w.payment("order").Status.State, got.Status)
	}
}

func TestFormerAttemptThatArrivesLateHoldsBackTheNextOne(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.loses("refund")
	w.store.create(newRefund("back", "order", "4000"))
	w.must(w.reconcileRefund("back"))
	late := w.lastRequest
	w.loses("")
	w.must(w.reconcilePayment("order"))
	w.store.remove(w.refund("back"))
	w.store.create(newRefund("back", "order", "4000", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 }))
	for range 3 { // three empty answers prove nothing
		w.must(w.reconcileRefund("back"))
		w.advance(16 * time.Second)
	}
	w.deliver(late)
	for range 3 {
		w.must(w.reconcileRefund("back"))
		w.advance(time.Minute)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
	if got := reason(w.refund("back").Status.Conditions); got != apiv1.FormerAttemptOpenReason {
		t.Errorf("reason = %s, want %s", got, apiv1.FormerAttemptOpenReason)
	}
}

func TestFormerAttemptIsEndedByFourSpacedEmptyAnswers(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "4000", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 }))
	began := w.clock.Now()
	w.follow(w.reconcileRefund, "back", time.Hour)
	if got := w.refund("back").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s, want %s", got, apiv1.RefundRefunded)
	}
	if got, least := w.clock.Now().Sub(began), 3*emptyAnswerDelay; got < least {
		t.Errorf("sent after %s, want at least %s", got, least)
	}
}
