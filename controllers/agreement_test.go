package controllers

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestConsentBecomesAToken(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	w.expectSound()
	st, data, consent := w.agreement().Status, w.tokenSecretData(), w.consent()
	token := consent.Tokens[0]
	if string(data[apiv1.AccessTokenSecretKey]) != token.AccessToken || string(data[apiv1.RefreshTokenSecretKey]) != token.RefreshToken {
		t.Errorf("the Secret does not hold the gateway's tokens")
	}
	if data[apiv1.AuthCodeSecretKey] != nil {
		t.Error("the Secret still holds the code")
	}
	if st.AccessTokenSHA256 != credentialHash(token.AccessToken) || !st.AccessTokenExpiryTime.Equal(&metav1.Time{Time: token.ExpiresAt}) || !st.Renewable ||
		st.RenewalTime == nil || !st.RenewalTime.After(worldStart) || !strings.Contains(st.UserLoginID, "*") || st.Authorization != nil {
		t.Errorf("status = %s", asText(t, st))
	}
	if consent.CodeAttempts() != 1 {
		t.Errorf("%d exchanges, want 1", consent.CodeAttempts())
	}
	if got := w.must(w.reconcileAgreement(agreementName)).RequeueAfter; got < 100*24*time.Hour {
		t.Errorf("looked at again in %s, want when the renewal is due", got)
	}
	writes := w.store.writes
	w.restart()
	w.must(w.reconcileAgreement(agreementName))
	if w.store.writes != writes {
		t.Errorf("%d writes after a restart, want none", w.store.writes-writes)
	}
}

// However often, in whatever order and by whomever the code is delivered, it is exchanged once.
func TestCodeIsExchangedOnceHoweverItIsDelivered(t *testing.T) {
	deliveries := map[string]func(*world, string, string){
		"notification": func(w *world, _, _ string) { w.hearAll() },
		"browser":      func(w *world, code, state string) { w.browserReturns(code, state) },
		"secret": func(w *world, code, state string) {
			if w.store.latest(keyOf(newSecret("shop-code", nil))) == nil {
				w.store.create(newSecret("shop-code", map[string]string{"authCode": code, "authState": state}))
			}
		},
	}
	names := []string{"notification", "browser", "secret"}
	for _, first := range names {
		for _, second := range names {
			for _, third := range names {
				t.Run(first+", "+second+", "+third, func(t *testing.T) {
					w := agreementWorld(t, newAgreement("GCASH", func(spec *apiv1.AutoDebitAgreementSpec) {
						spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
					}))
					w.must(w.reconcileAgreement(agreementName))
					code, state := w.buyerAgrees()
					w.advance(5 * time.Second)
					for _, how := range []string{first, second, third, first} {
						deliveries[how](w, code, state)
						w.must(w.reconcileAgreement(agreementName))
						w.advance(time.Minute)
					}
					w.followAgreement(time.Hour)
					w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
					if got := w.consent().CodeAttempts(); got != 1 {
						t.Errorf("%d exchanges, want 1", got)
					}
					w.expectSound()
				})
			}
		}
	}
}

// Nothing that is watched tells that the shop has put the code into its Secret.
func TestCodeInTheShopsSecretIsLookedForWithoutAnotherEvent(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH", func(spec *apiv1.AutoDebitAgreementSpec) {
		spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
	}))
	if got := w.must(w.reconcileAgreement(agreementName)).RequeueAfter; got == 0 || got > secretRetry {
		t.Fatalf("next look after %s, want one within %s", got, secretRetry)
	}
	code, state := w.buyerAgrees()
	w.store.create(newSecret("shop-code", map[string]string{"authCode": code, "authState": state}))
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
}

// Who may annotate agreements may not have the operator read any Secret of the namespace.
func TestCodeInASecretThatTheReceiverDoesNotNameIsNothing(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.must(w.reconcileAgreement(agreementName))
	code, state := w.buyerAgrees()
	w.store.create(newSecret("somebody-elses", map[string]string{apiv1.AuthCodeSecretKey: code, apiv1.AuthStateSecretKey: state}))
	w.annotate(w.agreement(), apiv1.AgreementReturnAnnotation+"-"+w.agreement().Status.AuthStateSHA256[:12]+"-0123456789ab", "somebody-elses")
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	if got := w.sends("applyToken"); got != 0 {
		t.Errorf("%d exchanges of a code out of another Secret, want none", got)
	}
	w.browserReturns(code, state)
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
}

func TestCodeWithAnotherAuthStateIsNothing(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH", func(spec *apiv1.AutoDebitAgreementSpec) {
		spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
	}))
	w.must(w.reconcileAgreement(agreementName))
	code, _ := w.buyerAgrees()
	w.browserReturns(code, "guessed")
	w.browserReturns(code, "")
	w.store.create(newSecret("shop-code", map[string]string{"authCode": code, "authState": "guessed"}))
	for range 5 {
		w.must(w.reconcileAgreement(agreementName))
		w.advance(time.Minute)
	}
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	if w.sends("applyToken") != 0 {
		t.Error("a code that came with another authState was exchanged")
	}
	if message := w.condition(apiv1.ReadyCondition).Message; !strings.Contains(message, "shop-code") {
		t.Errorf("message = %q, want it to say what is wrong with the Secret", message)
	}
}

// Whatever is lost on the way, one consent is exchanged once, and the agreement is Active in the end or the buyer is asked again.
func TestLostAnswersOfAnExchange(t *testing.T) {
	tests := map[string]struct {
		wallet string
		fault  simulator.Fault
		state  apiv1.AgreementState
		// asked is how often the buyer is asked in the end, and codes how many exchanges of the first code arrive.
		asked, codes int
		renewable    bool
	}{
		"the request is lost":                 {"GCASH", simulator.Fault{Kind: simulator.DropRequest}, apiv1.AgreementActive, 1, 1, true},
		"the gateway does not know":           {"GCASH", simulator.Fault{Kind: simulator.UnknownException, Times: 3}, apiv1.AgreementActive, 1, 1, true},
		"too many requests":                   {"GCASH", simulator.Fault{Kind: simulator.RateLimit}, apiv1.AgreementActive, 1, 1, true},
		"the account is refused":              {"GCASH", simulator.Fault{Kind: simulator.UnsignedFail}, apiv1.AgreementActive, 1, 1, true},
		"the answer is lost, a token is told": {"GCASH", simulator.Fault{Kind: simulator.DropResponse}, apiv1.AgreementActive, 1, 2, false},
		"the answer is forged, a token told":  {"GCASH", simulator.Fault{Kind: simulator.BadSignature}, apiv1.AgreementActive, 1, 2, false},
		"the answer is lost, nothing is told": {"MAYA", simulator.Fault{Kind: simulator.DropResponse}, apiv1.AgreementAwaitingBuyer, 2, 2, false},
		"the code is refused":                 {"MAYA", simulator.Fault{Kind: simulator.ResultCode, Code: "INVALID_AUTHCODE"}, apiv1.AgreementAwaitingBuyer, 2, 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := agreementWorld(t, newAgreement(tt.wallet))
			w.must(w.reconcileAgreement(agreementName))
			tt.fault.Path = "applyToken"
			w.inject(tt.fault)
			w.buyerAgrees()
			for range 40 {
				w.advance(30 * time.Second)
				w.hearAll()
				if _, err := w.reconcileAgreement(agreementName); err != nil {
					t.Fatal(err)
				}
			}
			got := w.agreement().Status
			ledger := w.simulator.Ledger()
			if got.State != tt.state || len(ledger.Authorizations) != tt.asked || ledger.Authorizations[0].CodeAttempts() != tt.codes || got.Renewable != tt.renewable {
				t.Errorf("%s after %d consents and %d exchanges, renewable %t; want %s, %d, %d, %t: %s", got.State, len(ledger.Authorizations),
					ledger.Authorizations[0].CodeAttempts(), got.Renewable, tt.state, tt.asked, tt.codes, tt.renewable, asText(t, got))
			}
			w.expectSoundBeside(1)
		})
	}
}

func TestWalletWithoutCodesAnnouncesItsToken(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"), withWallet("GCASH", func(wallet *simulator.Wallet) { wallet.WithoutCode = true }))
	w.must(w.reconcileAgreement(agreementName))
	w.buyerAgrees()
	w.advance(5 * time.Second)
	w.hearAll()
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	if st := w.agreement().Status; st.AccessTokenExpiryTime != nil || st.RenewalTime != nil || st.Renewable || w.sends("applyToken") != 0 {
		t.Errorf("status = %s after %d exchanges, want a token without times and none", asText(t, st), w.sends("applyToken"))
	}
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DesiredState = apiv1.DesiredRevoked })
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
	if got := w.consent().State; got != simulator.AuthorizationRevoked {
		t.Errorf("the gateway's consent is %s, want REVOKED", got)
	}
}

func TestRefusedConsultFailsAndCanBeTriedAgain(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "consultAuthorization", Code: "PAYMENT_NOT_QUALIFIED"})
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementFailed, "PAYMENT_NOT_QUALIFIED")
	if w.tokenSecretData() != nil {
		t.Error("the Secret of a failed agreement is left")
	}
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.followAgreement(0)
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
}

func TestUnknownWalletIsSaidInWords(t *testing.T) {
	w := agreementWorld(t, newAgreement("NO_SUCH_WALLET"))
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementFailed, alipay.CodeNoPayOptions)
	if got := w.condition(apiv1.ReadyCondition).Message; !strings.Contains(got, "NO_SUCH_WALLET") || !strings.Contains(got, "create a new AutoDebitAgreement") {
		t.Errorf("message = %q, want the wallet and what to do, as customerBelongsTo can not be changed", got)
	}
}

// The end is on record before the Secret is deleted. People hear of it also where that is not allowed.
func TestEndIsToldAlsoWhereTheSecretCanNotBeDeleted(t *testing.T) {
	w := agreementWorld(t, newAgreement("NO_SUCH_WALLET"))
	var told strings.Builder
	w.agreements[0].Events = recorder{&told}
	w.beforeSend = func(sentRequest) error {
		w.store.forbidsSecrets = true
		return nil
	}
	for range 3 {
		w.must(w.reconcileAgreement(agreementName))
	}
	w.expectAgreement(apiv1.AgreementFailed, alipay.CodeNoPayOptions)
	if got := strings.Count(told.String(), "Warning "+alipay.CodeNoPayOptions); got != 1 || w.tokenSecretData() == nil {
		t.Errorf("%d events of the end, and the Secret is there: %t; want one, and that it is: %s", got, w.tokenSecretData() != nil, told.String())
	}
}

func TestLostConsultIsRepeatedForTheSameConsent(t *testing.T) {
	for _, kind := range []simulator.FaultKind{simulator.DropRequest, simulator.DropResponse, simulator.UnknownException, simulator.BadSignature, simulator.ServerErrorAfter} {
		w := agreementWorld(t, newAgreement("GCASH"))
		w.inject(simulator.Fault{Kind: kind, Path: "consultAuthorization", Times: 2})
		w.followAgreement(time.Minute)
		w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
		if n := len(w.simulator.Ledger().Authorizations); n != 1 {
			t.Errorf("%s: %d consents, want 1", kind, n)
		}
	}
}

func TestRaisedAttemptAsksForAnotherConsent(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.must(w.reconcileAgreement(agreementName))
	before := w.authState()
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.must(w.reconcileAgreement(agreementName))
	if st := w.agreement().Status; st.Attempt != 2 || w.authState() == before || st.EndedAuthStateSHA256 != credentialHash(before) {
		t.Errorf("status = %s, want another consent", asText(t, st))
	}
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
}

func TestForeignSecretIsLeftAlone(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.store.create(newSecret(agreementName+"-token", map[string]string{"precious": "data"}))
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementBlocked, apiv1.TokenSecretForeignReason)
	if got := w.condition(apiv1.ReadyCondition).Message; !strings.Contains(got, "another tokenSecretName, or delete the Secret, if nobody needs") {
		t.Errorf("message = %q, want no advice to delete what somebody may need", got)
	}
	if len(w.sent) != 0 || string(w.tokenSecretData()["precious"]) != "data" || len(w.tokenSecretData()) != 1 {
		t.Errorf("%d requests, and the Secret has %d keys; want none, and the Secret as it was", len(w.sent), len(w.tokenSecretData()))
	}
}
