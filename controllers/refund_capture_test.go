package controllers

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// sgdRefund gives a part of the card payment "order" back, or all of it.
func sgdRefund(name, value string, change ...func(*apiv1.RefundSpec)) *apiv1.Refund {
	refund := newRefund(name, "order", value, change...)
	if refund.Spec.Amount != nil {
		refund.Spec.Amount.Currency = "SGD"
	}
	return refund
}

// of names the capture whose money is given back.
func of(capture string) func(*apiv1.RefundSpec) {
	return func(spec *apiv1.RefundSpec) { spec.CaptureRef = &apiv1.CaptureReference{Name: capture} }
}

// refunded creates a refund and follows it and its payment.
func (w *world) refunded(refund *apiv1.Refund) apiv1.RefundStatus {
	w.t.Helper()
	w.store.create(refund)
	w.follow(w.reconcileRefund, refund.Name, time.Hour)
	w.must(w.reconcilePayment("order"))
	return w.refund(refund.Name).Status
}

func (w *world) expectRefund(refund *apiv1.Refund, state apiv1.OperationState, why string) {
	w.t.Helper()
	before := w.sends("refund")
	got := w.refunded(refund)
	if got.State != state || reason(got.Conditions) != why {
		w.t.Errorf("refund %s is %s (%s), want %s (%s)", refund.Name, got.State, reason(got.Conditions), state, why)
	}
	if sent := w.sends("refund") - before; state == apiv1.StateBlocked && sent != 0 {
		w.t.Errorf("refund %s left %d times, want it refused here", refund.Name, sent)
	}
}

// twoCaptures is a payment of 4200, of which 3000 and 1200 were captured.
func twoCaptures(t *testing.T) *world {
	t.Helper()
	w := authorisedCard(t, capturesInParts)
	w.captured(newCapture("first", "3000"))
	w.captured(newCapture("second", "1200"))
	return w
}

func TestRefundOfOneOfTwoCaptures(t *testing.T) {
	w := twoCaptures(t)
	w.expectRefund(sgdRefund("which", "100"), apiv1.StateBlocked, apiv1.CaptureRefNeededReason)
	w.expectRefund(sgdRefund("more", "1201", of("second")), apiv1.StateBlocked, apiv1.RefundAmountExceededReason)
	w.expectRefund(sgdRefund("all-of-first", "", of("first")), apiv1.RefundRefunded, apiv1.RefundedReason)
	if got := w.refund("all-of-first").Status; got.Amount.Value != "3000" || got.CaptureID != w.capture("first").Status.CaptureID {
		t.Errorf("refunded %s of capture %s, want 3000 of the first", got.Amount.Value, got.CaptureID)
	}
	w.expectRefund(sgdRefund("again", "1", of("first")), apiv1.StateBlocked, apiv1.RefundAmountExceededReason)
	w.expectRefund(sgdRefund("part-of-second", "700", of("second")), apiv1.RefundRefunded, apiv1.RefundedReason)
	w.expectRefund(sgdRefund("rest-of-second", "500", of("second")), apiv1.RefundRefunded, apiv1.RefundedReason)
	if got := w.givenBack("order"); got != 4200 {
		t.Errorf("given back = %d, want 4200", got)
	}
	want := apiv1.PaymentAmounts{Authorized: "4200", Captured: "4200", Paid: "4200", Refunded: "4200", Refundable: "0"}
	if got := *w.payment("order").Status.Amounts; got != want {
		t.Errorf("amounts = %+v, want %+v", got, want)
	}
}

func TestRefundOfACaptureOfUnknownOutcomeCountsAgainstThatCapture(t *testing.T) {
	w := twoCaptures(t)
	w.inject(simulator.Fault{Kind: simulator.InProcess, Path: "refund"})
	w.store.create(sgdRefund("a", "2000", of("first")))
	w.must(w.reconcileRefund("a"))
	w.must(w.reconcilePayment("order"))
	w.expectRefund(sgdRefund("b", "2000", of("first")), apiv1.StateBlocked, apiv1.RefundAmountExceededReason)
	w.expectRefund(sgdRefund("c", "1200", of("second")), apiv1.RefundRefunded, apiv1.RefundedReason)
}

func TestRefundWaitsForItsCapture(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.captured(newCapture("first", "1000"))
	w.store.create(sgdRefund("back", "", of("second")))
	waits := func(when string) {
		t.Helper()
		w.must(w.reconcileRefund("back"))
		if got := w.refund("back").Status; got.State != apiv1.StatePending || reason(got.Conditions) != apiv1.AwaitingCaptureReason {
			t.Errorf("%s: refund is %s (%s), want it to wait", when, got.State, reason(got.Conditions))
		}
	}
	waits("before the capture exists")
	w.inject(simulator.Fault{Kind: simulator.InProcess, Path: "capture"})
	w.store.create(newCapture("second", "2000"))
	w.must(w.reconcileCapture("second"))
	waits("while the capture is in process")
	w.follow(w.reconcileCapture, "second", time.Hour)
	w.must(w.reconcilePayment("order"))
	w.follow(w.reconcileRefund, "back", time.Hour)
	if got := w.refund("back").Status; got.State != apiv1.RefundRefunded || got.Amount.Value != "2000" {
		t.Errorf("refund is %s of %+v, want all of the second capture", got.State, got.Amount)
	}
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; got.State != apiv1.PaymentAuthorized || got.Amounts.Paid != "3000" || got.Amounts.Refundable != "1000" {
		t.Errorf("payment is %s with %+v, want the rest held, 3000 paid and 1000 refundable", got.State, got.Amounts)
	}
}

func TestRefundOfACaptureThatIsNone(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "capture", Code: "RISK_REJECT"})
	w.captured(newCapture("failed", "1000"))
	w.captured(newCapture("good", "1000"))
	w.store.create(newCapture("elsewhere", "1000", func(spec *apiv1.CaptureSpec) { spec.PaymentRef.Name = "other" }))
	w.expectRefund(sgdRefund("of-failed", "", of("failed")), apiv1.StateBlocked, apiv1.CaptureNotDoneReason)
	w.expectRefund(sgdRefund("of-other", "", of("elsewhere")), apiv1.StateBlocked, apiv1.CaptureNotDoneReason)

	nameless := w.capture("good")
	w.store.edit(nameless, func(obj client.Object) { obj.(*apiv1.Capture).Status.CaptureID = "" })
	w.expectRefund(sgdRefund("of-nameless", "", of("good")), apiv1.StateBlocked, apiv1.CaptureNotDoneReason)
}

func TestRefundOfAPartlyCapturedPaymentWhileTheRestIsHeld(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.captured(newCapture("part", "3000"))
	w.store.create(sgdRefund("all", ""))
	w.must(w.reconcileRefund("all"))
	if got := w.refund("all").Status; reason(got.Conditions) != apiv1.AwaitingCaptureReason {
		t.Errorf("a refund of all is %s (%s), want it to wait until nothing more can be captured", got.State, reason(got.Conditions))
	}
	w.expectRefund(sgdRefund("too-much", "3001"), apiv1.StateBlocked, apiv1.RefundAmountExceededReason)
	w.expectRefund(sgdRefund("some", "1000"), apiv1.RefundRefunded, apiv1.RefundedReason)
	if got := w.payment("order").Status; got.State != apiv1.PaymentAuthorized || got.Amounts.Refunded != "1000" || got.Amounts.Refundable != "2000" {
		t.Errorf("payment is %s with %+v, want it held, 1000 refunded and 2000 refundable", got.State, got.Amounts)
	}
	w.captured(newCapture("rest", "1200"))
	expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	if got := w.payment("order").Status.Amounts; got.Paid != "4200" || got.Refundable != "3200" {
		t.Errorf("amounts = %+v, want 4200 paid and 3200 refundable", got)
	}
}

// The gateway lists refunds without the capture that they are of.
func TestRefundsStayThoseOfTheirCaptures(t *testing.T) {
	held := func(t *testing.T) *world {
		w := authorisedCard(t, capturesInParts)
		w.captured(newCapture("first", "3000"))
		w.captured(newCapture("second", "1000"))
		w.expectRefund(sgdRefund("of-first", "", of("first")), apiv1.RefundRefunded, apiv1.RefundedReason)
		return w
	}
	t.Run("after the payment was asked about", func(t *testing.T) {
		w := held(t)
		w.advance(2 * time.Hour)
		w.must(w.reconcilePayment("order"))
		w.expectRefund(sgdRefund("of-second", "", of("second")), apiv1.RefundRefunded, apiv1.RefundedReason)
	})
	t.Run("in a second cluster", func(t *testing.T) {
		w := held(t)
		w.store.remove(w.refund("of-first"))
		for _, name := range []string{"first", "second"} {
			w.store.remove(w.capture(name))
		}
		w.secondCluster()
		w.captured(newCapture("first", "3000"))
		w.captured(newCapture("second", "1000"))
		w.expectRefund(sgdRefund("of-first", "", of("first")), apiv1.RefundRefunded, apiv1.RefundedReason)
		w.expectRefund(sgdRefund("of-second", "", of("second")), apiv1.RefundRefunded, apiv1.RefundedReason)
	})
}

func TestRefundAppliedAgainIsFoundAgainHoweverLate(t *testing.T) {
	w := twoCaptures(t)
	w.expectRefund(sgdRefund("of-first", "", of("first")), apiv1.RefundRefunded, apiv1.RefundedReason)
	w.expectRefund(sgdRefund("of-second", "", of("second")), apiv1.RefundRefunded, apiv1.RefundedReason)
	for _, name := range []string{"first", "second"} {
		w.store.remove(w.refund("of-" + name))
		w.must(w.reconcileRefund("of-" + name))
		w.store.remove(w.capture(name))
		w.must(w.reconcileCapture(name))
	}
	w.advance(400 * 24 * time.Hour)
	w.secondCluster()
	w.captured(newCapture("first", "3000"))
	w.captured(newCapture("second", "1200"))
	for _, name := range []string{"first", "second"} {
		if got := w.refunded(sgdRefund("of-"+name, "", of(name))); got.State != apiv1.RefundRefunded {
			t.Errorf("refund of the %s is %s (%s), want it found again", name, got.State, reason(got.Conditions))
		}
	}
	if got := w.givenBack("order"); got != 4200 {
		t.Errorf("given back = %d, want 4200", got)
	}
}
