package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// The gateway holds an authorised card for seven days (https://docs.antom.com/ac/cashierpay/capture).

func TestAuthorisationIsHeldForSevenDays(t *testing.T) {
	w := authorisedCard(t)
	expiry := w.payment("order").Status.AuthorizationExpiryTime.Time
	if got := expiry.Sub(worldStart); got < 7*24*time.Hour || got > 7*24*time.Hour+time.Minute {
		t.Fatalf("the card is authorised for %s, want seven days", got)
	}
	const most = 430 // as an order that is open for seven days
	if looks := w.watches(expiry.Add(-time.Second)); looks > most {
		t.Errorf("%d requests in seven days, want at most %d", looks, most)
	}
	expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AuthorizationExpiringReason, "Unknown", "True")
	w.watches(expiry.Add(time.Minute))
	expectCard(t, w.payment("order"), apiv1.PaymentCancelled, apiv1.AuthorizationExpiredReason, "False", "False")
}

func TestCardIsCapturedUntilTheLastSecond(t *testing.T) {
	tests := []struct {
		name  string
		late  time.Duration
		looks bool // the payment looked at the gateway before
		want  apiv1.OperationState
		why   string
		sends int
	}{
		{"in the last second", -time.Second, true, apiv1.CaptureCaptured, apiv1.CapturedReason, 1},
		{"at the end", 0, false, apiv1.StateBlocked, apiv1.AuthorizationExpiredReason, 0},
		{"a second later", time.Second, false, apiv1.StateBlocked, apiv1.AuthorizationExpiredReason, 0},
		{"after the payment has seen the end", time.Hour, true, apiv1.StateBlocked, apiv1.PaymentNotPaidReason, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := authorisedCard(t)
			w.until(w.payment("order").Status.AuthorizationExpiryTime.Add(tt.late))
			if tt.looks {
				w.must(w.reconcilePayment("order"))
			}
			w.store.create(newCapture("all", ""))
			w.must(w.reconcileCapture("all"))
			got := w.capture("all").Status
			if got.State != tt.want || reason(got.Conditions) != tt.why || w.sends("capture") != tt.sends {
				t.Errorf("capture is %s (%s) after %d requests, want %s (%s) after %d", got.State, reason(got.Conditions), w.sends("capture"), tt.want, tt.why, tt.sends)
			}
			w.advance(time.Minute)
			w.follow(w.reconcilePayment, "order", time.Hour)
			want := map[int]apiv1.OperationState{1: apiv1.PaymentPaid, 0: apiv1.PaymentCancelled}[tt.sends]
			if got := w.payment("order").Status.State; got != want {
				t.Errorf("payment is %s, want %s", got, want)
			}
			w.tellsTheTruth()
		})
	}
}

// What becomes of a capture that was sent in the last second, and whose answer nobody has heard, is known only afterwards.
func TestCaptureOfTheLastSecondIsFoundAfterwards(t *testing.T) {
	tests := []struct {
		fault            simulator.FaultKind
		capture, payment apiv1.OperationState
	}{
		{simulator.DropResponse, apiv1.CaptureCaptured, apiv1.PaymentPaid},
		{simulator.BadSignature, apiv1.CaptureCaptured, apiv1.PaymentPaid},
		{simulator.UnknownExceptionAfter, apiv1.CaptureCaptured, apiv1.PaymentPaid},
		{simulator.DropRequest, apiv1.StateFailed, apiv1.PaymentCancelled},
		{simulator.ServerError, apiv1.StateFailed, apiv1.PaymentCancelled},
		{simulator.InProcess, apiv1.StateFailed, apiv1.PaymentCancelled}, // no capture outlives its authorisation
		{simulator.ActLater, apiv1.StateFailed, apiv1.PaymentCancelled},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			w := authorisedCard(t)
			w.until(w.payment("order").Status.AuthorizationExpiryTime.Add(-time.Second))
			w.inject(simulator.Fault{Kind: tt.fault, Path: "capture"})
			w.store.create(newCapture("all", ""))
			before := len(w.sent)
			for range 200 {
				next := w.must(w.reconcileCapture("all")).RequeueAfter
				w.must(w.reconcilePayment("order"))
				w.tellsTheTruth()
				if w.capture("all").Status.State.Final() && w.payment("order").Status.State.Final() {
					break
				}
				w.advance(max(next, time.Second))
			}
			capture, payment := w.capture("all").Status, w.payment("order").Status
			if capture.State != tt.capture || payment.State != tt.payment {
				t.Errorf("capture is %s (%s) and payment %s (%s), want %s and %s", capture.State, reason(capture.Conditions), payment.State, reason(payment.Conditions),
					tt.capture, tt.payment)
			}
			if sent := len(w.sent) - before; sent > 60 || w.sends("capture") > 2 {
				t.Errorf("%d requests, %d of them captures, want at most 60 and 2", sent, w.sends("capture"))
			}
			w.tellsTheTruth()
		})
	}
}

// Our clock does not end an authorisation: while the gateway is silent the money may be held, captured or let go.
func TestAuthorisationIsNotOverWhileTheGatewayDoesNotSaySo(t *testing.T) {
	w := authorisedCard(t)
	expiry := w.payment("order").Status.AuthorizationExpiryTime.Time
	w.until(expiry.Add(-time.Minute))
	w.inject(simulator.Fault{Kind: simulator.BadSignature, Path: "inquiryPayment", Times: -1})
	w.watches(expiry.Add(30 * time.Minute))
	expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
	w.watches(expiry.Add(3 * time.Hour))
	if got := w.payment("order"); got.Status.State != apiv1.PaymentAuthorized || !meta.IsStatusConditionTrue(got.Status.Conditions, apiv1.StalledCondition) {
		t.Errorf("payment is %s (%s), want somebody to be told", got.Status.State, reason(got.Status.Conditions))
	}
	w.simulator.ClearFaults()
	w.watches(w.clock.Now().Add(time.Hour))
	expectCard(t, w.payment("order"), apiv1.PaymentCancelled, apiv1.AuthorizationExpiredReason, "False", "False")
}

func TestAuthorisedCardIsCancelledForSevenDays(t *testing.T) {
	for late, want := range map[time.Duration]int{-time.Second: 1, 0: 0} {
		w := authorisedCard(t)
		w.until(w.payment("order").Status.AuthorizationExpiryTime.Add(late))
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.follow(w.reconcilePayment, "order", time.Hour)
		if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled || w.sends("cancel") != want {
			t.Errorf("%s before the end: payment is %s after %d cancel requests, want it cancelled after %d", -late, got, w.sends("cancel"), want)
		}
		w.tellsTheTruth()
	}
}
