package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// newCapture collects a part of the card payment "order", or all of it.
func newCapture(name, value string, change ...func(*apiv1.CaptureSpec)) *apiv1.Capture {
	capture := &apiv1.Capture{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name},
		Spec:       apiv1.CaptureSpec{PaymentRef: apiv1.PaymentReference{Name: "order"}},
	}
	if value != "" {
		capture.Spec.Amount = &apiv1.Amount{Currency: "SGD", Value: value}
	}
	for _, c := range change {
		c(&capture.Spec)
	}
	return capture
}

// capturesInParts is a contract that allows several captures of a card.
func capturesInParts(o *worldOptions) {
	o.multipleCaptures = true
	o.account.Spec.PaymentMethods = []apiv1.PaymentMethodCapability{{PaymentMethodType: cardMethod, PartialCapture: true, MultipleCapture: true}}
}

// authorisedCard creates a card payment that is authorised and captured by hand.
func authorisedCard(t *testing.T, changes ...func(*worldOptions)) *world {
	t.Helper()
	w := openCard(t, apiv1.ManualCapture, changes...)
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentID); err != nil {
		t.Fatal(err)
	}
	for pass := 0; w.payment("order").Status.State != apiv1.PaymentAuthorized && pass < 10; pass++ {
		w.advance(5 * time.Second)
		w.must(w.reconcilePayment("order"))
	}
	expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
	return w
}

// captured creates a capture and follows it and its payment.
func (w *world) captured(capture *apiv1.Capture) apiv1.CaptureStatus {
	w.t.Helper()
	w.store.create(capture)
	w.follow(w.reconcileCapture, capture.Name, time.Hour)
	w.must(w.reconcilePayment("order"))
	return w.capture(capture.Name).Status
}

func TestCaptureCollectsAllThatIsAuthorised(t *testing.T) {
	w := openCard(t, apiv1.ManualCapture)
	w.store.create(newCapture("all", ""))
	w.must(w.reconcileCapture("all"))
	if got := w.capture("all").Status; got.State != apiv1.StatePending || reason(got.Conditions) != apiv1.AwaitingPaymentReason || w.sends("capture") != 0 {
		t.Fatalf("capture is %s (%s) after %d requests, want it to wait for the authorisation", got.State, reason(got.Conditions), w.sends("capture"))
	}
	w.authorise()
	w.follow(w.reconcileCapture, "all", time.Hour)
	got := w.capture("all").Status
	if got.State != apiv1.CaptureCaptured || got.Amount.Value != "4200" || got.CaptureTime == nil || got.CaptureID == "" || w.sends("capture") != 1 {
		t.Fatalf("capture = %+v after %d requests, want all of it captured by one", got, w.sends("capture"))
	}
	w.must(w.reconcilePayment("order"))
	expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	want := apiv1.PaymentAmounts{Authorized: "4200", Captured: "4200", Paid: "4200", Refundable: "4200"}
	if amounts := *w.payment("order").Status.Amounts; amounts != want {
		t.Errorf("amounts = %+v, want %+v", amounts, want)
	}
}

func TestPartsAreCapturedOnlyWhereTheContractAllowsThem(t *testing.T) {
	w := authorisedCard(t)
	if got := w.captured(newCapture("part", "3000")); got.State != apiv1.StateBlocked || reason(got.Conditions) != apiv1.CaptureNotSupportedReason || w.sends("capture") != 0 {
		t.Errorf("capture is %s (%s) after %d requests, want it refused here", got.State, reason(got.Conditions), w.sends("capture"))
	}

	w = authorisedCard(t, capturesInParts)
	for name, value := range map[string]string{"first": "3000", "second": "1200"} {
		if got := w.captured(newCapture(name, value)); got.State != apiv1.CaptureCaptured {
			t.Errorf("%s capture is %s (%s)", name, got.State, reason(got.Conditions))
		}
	}
	if got := w.payment("order").Status; got.State != apiv1.PaymentPaid || got.Amounts.Captured != "4200" {
		t.Errorf("payment is %s with %+v, want it paid by both", got.State, got.Amounts)
	}
	if got := w.captured(newCapture("third", "1")); reason(got.Conditions) != apiv1.CaptureAmountExceededReason || w.sends("capture") != 2 {
		t.Errorf("third capture is %s after %d requests, want it refused here", reason(got.Conditions), w.sends("capture"))
	}
}
