package controllers

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// ofConsent says which consent the token of the agreement "plan" belongs to.
func (w *world) ofConsent(name string) {
	w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) { st.AuthStateSHA256 = credentialHash(name) })
}

// A debit was ordered of the buyer whose token its intent names. Whoever consents under the agreement's name later has not ordered it.
func TestDebitOnRecordIsNotSentToAnotherBuyer(t *testing.T) {
	for name, replace := range map[string]func(*world){
		"the agreement has another consent": func(*world) {},
		"the agreement was made anew":       func(w *world) { w.store.drop(storeKey{kind: agreementKind, name: requestFor("plan").NamespacedName}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := agreedWorld(t)
			w.ofConsent("of the first buyer")
			w.store.create(debitPayment("order"))
			w.loses("pay")
			w.must(w.reconcilePayment("order"))
			w.beforeSend = nil
			replace(w)
			if w.plan() == nil {
				w.store.drop(storeKey{kind: "Secret", name: requestFor("plan-token").NamespacedName})
			}
			w.agrees("ALIPAY_HK")
			w.ofConsent("of the second buyer")
			w.run(10 * time.Minute)
			w.expect(apiv1.StateBlocked, apiv1.RequestChangedReason)
			if w.charges() != 0 || w.sends("pay") != 0 || !strings.Contains(w.message(), "another buyer") {
				t.Errorf("%d charges by %d requests, message = %q", w.charges(), w.sends("pay"), w.message())
			}
		})
	}
}

func TestDebitOnRecordIsSentAgainWithTheNextTokenOfItsBuyer(t *testing.T) {
	w := agreedWorld(t)
	w.ofConsent("of the buyer")
	w.store.create(debitPayment("order"))
	w.loses("pay")
	w.must(w.reconcilePayment("order"))
	w.beforeSend = nil
	w.renews()
	w.run(10 * time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if w.charges() != 1 {
		t.Errorf("charges = %d, want 1", w.charges())
	}
}

// A token works for the client that the buyer has consented to. Another client's request would have it refused, and the consent thrown away.
func TestTokenOfAnotherClientIsNotDebited(t *testing.T) {
	w := agreedWorld(t)
	w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) { st.ClientID = "SANDBOX_5Y00000000000009" })
	w.store.create(debitPayment("order"))
	w.run(10 * time.Minute)
	w.expect(apiv1.StateBlocked, apiv1.ClientIDChangedReason)
	if w.sends("pay") != 0 || w.plan().Status.RejectedTokenSHA256 != "" {
		t.Errorf("%d debits were sent, or the token is marked as refused", w.sends("pay"))
	}
	w.store.edit(w.plan(), func(obj client.Object) { obj.(*apiv1.AutoDebitAgreement).Status.ClientID = testClientID })
	w.run(10 * time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
}
