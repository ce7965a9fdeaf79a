package controllers

import (
	"strings"
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// The answer to an exchange is lost, the agreement is to end, and the same code is refused as it is consumed. Its token lives, and is announced later.
func TestTokenOfARefusedCodeIsWaitedForBeforeAnAgreementEnds(t *testing.T) {
	revoke := func(w *world) {
		w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DesiredState = apiv1.DesiredRevoked })
	}
	remove := func(w *world) { w.store.remove(w.agreement()) }
	for name, tt := range map[string]struct {
		end       func(*world)
		later     bool // it ends after the refusal
		announced bool
	}{
		"it is revoked, and the token announced":                   {end: revoke, announced: true},
		"it is revoked, and nothing is announced":                  {end: revoke},
		"it is deleted, and the token announced":                   {end: remove, announced: true},
		"it is deleted, and nothing is announced":                  {end: remove},
		"it is deleted after the refusal, and the token announced": {end: remove, later: true, announced: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := agreementWorld(t, newAgreement("GCASH"))
			w.must(w.reconcileAgreement(agreementName))
			w.buyerAgrees()
			w.advance(5 * time.Second)
			w.hearAll()
			w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "applyToken"})
			w.must(w.reconcileAgreement(agreementName))
			w.expectAgreement(apiv1.AgreementExchanging, apiv1.OutcomeUnknownReason)
			if !tt.later {
				tt.end(w)
			}
			for end := w.clock.Now().Add(5 * time.Minute); w.clock.Now().Before(end); {
				w.advance(max(w.must(w.reconcileAgreement(agreementName)).RequeueAfter/20, 5*time.Second))
			}
			w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AuthCodeRefusedReason)
			if tt.later {
				tt.end(w)
				w.must(w.reconcileAgreement(agreementName))
				if w.agreement() == nil {
					t.Fatal("the object is gone before the token was announced")
				}
			}
			if message := w.condition(apiv1.ReadyCondition).Message; !strings.Contains(message, "to be revoked") || strings.Contains(message, "no token of it works") {
				t.Errorf("message = %q, want what is waited for", message)
			}
			if got := w.sends("applyToken"); got != 2 || w.sends("revoke") != 0 {
				t.Errorf("%d exchanges and %d revocations, want two and none", got, w.sends("revoke"))
			}
			if tt.announced {
				w.hearAll()
			}
			for range 60 {
				w.must(w.reconcileAgreement(agreementName))
				w.advance(10 * time.Second)
			}
			w.must(w.reconcileAgreement(agreementName))
			live := w.simulator.Ledger().LiveTokens(testClientID)
			if (live == 0) != tt.announced {
				t.Errorf("%d tokens live on, want none: %t", live, tt.announced)
			}
			switch agreement := w.agreement(); {
			case agreement != nil && agreement.DeletionTimestamp != nil:
				t.Errorf("the object is held after the token was revoked, or waited for in vain: %s", asText(t, agreement.Status))
			case agreement != nil:
				w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
				if says := strings.Contains(w.condition(apiv1.ReadyCondition).Message, "no token of it works"); says != tt.announced {
					t.Errorf("it says that no token works: %t, want %t", says, tt.announced)
				}
			}
			if tt.announced && w.tokenSecretData() != nil { // where nothing is there to be revoked, it goes with its owner
				t.Error("the Secret with the revoked token is left")
			}
		})
	}
}
