package controllers

import (
	"testing"
	"time"

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
