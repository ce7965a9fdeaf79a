package controllers

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestPaymentOfUnknownOutcomeIsNotSentToAnotherGateway(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(newPayment("order"))
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "pay"})
	w.must(w.reconcilePayment("order"))
	w.store.edit(w.account(), func(obj client.Object) { obj.(*apiv1.MerchantAccount).Spec.GatewayURL = "https://other.example" })
	w.store.edit(w.account(), func(obj client.Object) { // the other gateway accepts the account
		account := obj.(*apiv1.MerchantAccount)
		account.Status.Conditions[0].ObservedGeneration = account.Generation
	})
	w.restart()
	sent := len(w.sent)
	for range 12 {
		w.advance(max(w.must(w.reconcilePayment("order")).RequeueAfter, time.Minute))
	}
	if got := len(w.sent) - sent; got != 0 {
		t.Errorf("requests to the other gateway = %d, want none", got)
	}
	st := w.payment("order").Status
	if got := reason(st.Conditions); got != apiv1.GatewayChangedReason || st.State.Final() {
		t.Errorf("state = %s (%s), want one that is not final (%s)", st.State, got, apiv1.GatewayChangedReason)
	}
}

// Nothing that is watched tells a payment that the watched Secret has caught up with the one that was verified.
func TestPaymentLooksAgainWhileTheSecretIsNotTheVerifiedOne(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.edit(w.account(), func(obj client.Object) { obj.(*apiv1.MerchantAccount).Status.VerifiedSecretVersion = "2" })
	w.store.create(newPayment("order"))
	result := w.must(w.reconcilePayment("order"))
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.MerchantAccountNotReadyReason || len(w.sent) != 0 {
		t.Fatalf("reason = %s after %d requests, want %s after none", got, len(w.sent), apiv1.MerchantAccountNotReadyReason)
	}
	if result.RequeueAfter == 0 {
		t.Error("the payment rests, and nothing wakes it")
	}
	for _, watched := range w.gateways.Secrets.watched {
		for _, obj := range watched.store.List() {
			obj.(client.Object).SetResourceVersion("2")
		}
	}
	for _, known := range w.gateways.clients {
		known.secretVersion = "2"
	}
	w.advance(result.RequeueAfter)
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateProcessing {
		t.Errorf("state = %s, want %s", got, apiv1.StateProcessing)
	}
}

// An intent that can not be recorded gives back the leave that was asked for it. That says nothing about the gateway.
func TestLeaveThatWasNotUsedSaysNothingAboutTheGateway(t *testing.T) {
	for name, halfOpen := range map[string]bool{"while requests fail": false, "when one is let through to try again": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the breaker reads the clock of the machine
				w := newWorld(t)
				defer w.close()
				breaker := newBreaker()
				w.gateways.clients[requestFor(testAccount).NamespacedName].queue.breaker = breaker
				fail := func() {
					done, err := breaker.Allow()
					if err != nil {
						t.Fatal(err)
					}
					done(errConnection)
				}
				for range 9 {
					fail()
				}
				want := gobreaker.StateClosed
				if halfOpen {
					fail()
					time.Sleep(breakerPause + time.Second)
					want = gobreaker.StateHalfOpen
				}
				w.store.create(newPayment("order"))
				w.failWriteNumber(1, writeLost)
				if _, err := w.reconcilePayment("order"); err == nil || len(w.sent) != 0 {
					t.Fatalf("%d requests were sent, and the error is %v; want none, as the intent is not on record", len(w.sent), err)
				}
				if got := breaker.State(); got != want {
					t.Errorf("breaker is %s, want %s", got, want)
				}
				fail()
				if got := breaker.State(); got != gobreaker.StateOpen {
					t.Errorf("breaker is %s after one more failure, want %s", got, gobreaker.StateOpen)
				}
			})
		})
	}
}
