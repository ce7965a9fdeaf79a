package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// agreementLife is a whole life: consent, one renewal, revocation. beside is called between all steps.
func (w *world) agreementLife(reconcile func()) {
	w.t.Helper()
	settle := func(d time.Duration) {
		for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
			reconcile()
			w.advance(20 * time.Second)
			w.hearAll()
		}
	}
	settle(15 * time.Minute)
	for _, a := range w.simulator.Ledger().Authorizations {
		if a.State == simulator.AuthorizationAwaitsBuyer {
			w.buyerAgrees()
		}
	}
	settle(30 * time.Minute)
	if st := w.agreement().Status; st.RenewalTime != nil {
		w.advance(st.RenewalTime.Sub(w.clock.Now()) + time.Second)
	}
	settle(30 * time.Minute)
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DesiredState = apiv1.DesiredRevoked })
	settle(30 * time.Minute)
}

// expectNothingLives checks the end of a life: all that the gateway gave to this operator is revoked.
func (w *world) expectNothingLives(what string) {
	w.t.Helper()
	st := w.agreement().Status
	if st.State != apiv1.AgreementRevoked || w.tokenSecretData() != nil {
		w.t.Errorf("%s: agreement is %s (%s), or its Secret is left; want Revoked", what, st.State, reason(st.Conditions))
	}
	if err := w.simulator.Ledger().Check(); err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
	for _, a := range w.simulator.Ledger().Authorizations {
		if a.Overlaps() > 0 {
			w.t.Errorf("%s: %d overlapping exchanges", what, a.Overlaps())
		}
	}
	if n := w.simulator.Ledger().LiveTokens(testClientID); n > 0 {
		w.t.Errorf("%s: %d tokens live on", what, n)
	}
}

// The process dies at each write in turn, which arrives or not, and begins anew with nothing in memory. No rotation is lost, and all is revoked in
// the end. The wallet announces its tokens, so that one whose exchange was answered to nobody is found again.
func TestAgreementSurvivesACrashAtEveryWrite(t *testing.T) {
	for _, fault := range []writeFault{writeLost, writeUnheardOf} {
		for n := 1; ; n++ {
			w := agreementWorld(t, newAgreement("ALIPAY_HK"))
			left, crashed := n, false
			w.store.failWrite = func(obj client.Object) writeFault {
				switch obj.(type) {
				case *apiv1.AutoDebitAgreement, *corev1.Secret:
				default:
					return writeArrives
				}
				if left--; left == 0 {
					crashed = true
					return fault
				}
				if crashed && left > -4 {
					return writeLost // it dies, and what it would still have done does not happen
				}
				return writeArrives
			}
			w.agreementLife(func() {
				if _, err := w.reconcileAgreement(agreementName); err != nil {
					w.restart()
				}
			})
			if !crashed {
				if n < 10 {
					t.Errorf("a life has only %d writes", n-1)
				}
				break
			}
			w.expectNothingLives(fmt.Sprintf("write %d %s", n, fault))
			if t.Failed() {
				return
			}
		}
	}
}

// Every call in turn is lost, on the way there or back, and the process begins anew.
func TestAgreementSurvivesALossOfEveryCall(t *testing.T) {
	for _, back := range []bool{false, true} {
		for n := 1; ; n++ {
			w := agreementWorld(t, newAgreement("ALIPAY_HK"))
			left, lost := n, false
			lose := func(sentRequest) error {
				if left--; left == 0 {
					lost = true
					return errConnection
				}
				return nil
			}
			if back {
				w.afterSend = lose
			} else {
				w.beforeSend = lose
			}
			before := false
			w.agreementLife(func() {
				_, _ = w.reconcileAgreement(agreementName)
				if lost && !before {
					before = true
					w.restart()
				}
			})
			if !lost {
				if n < 4 {
					t.Errorf("a life has only %d calls", n-1)
				}
				break
			}
			w.expectNothingLives(fmt.Sprintf("call %d, way back %t", n, back))
		}
	}
}

// Two processes believe that they lead, one of them with an old cache.
func TestTwoProcessesNeverExchangeAtOnce(t *testing.T) {
	for _, behind := range []int{0, 1, 2} {
		w := agreementWorld(t, newAgreement("ALIPAY_HK"))
		turn, inFlight := 0, 0
		w.beforeSend = func(r sentRequest) error {
			if r.operation != "applyToken" && r.operation != "revoke" {
				return nil
			}
			if inFlight++; inFlight > 1 {
				t.Errorf("%d requests of %s at once", inFlight, r.operation)
			}
			// The other process looks while this request is on its way, and again a moment later.
			former := w.store.behind
			w.lag(behind)
			_, _ = w.agreements[1-turn%2].Reconcile(t.Context(), requestFor(agreementName))
			w.store.behind = 0
			_, _ = w.agreements[1-turn%2].Reconcile(t.Context(), requestFor(agreementName))
			w.store.behind = former
			return nil
		}
		w.afterSend = func(r sentRequest) error {
			if r.operation == "applyToken" || r.operation == "revoke" {
				inFlight--
			}
			return nil
		}
		w.agreementLife(func() {
			turn++
			_, _ = w.agreements[turn%2].Reconcile(t.Context(), requestFor(agreementName))
		})
		w.expectNothingLives(fmt.Sprintf("%d versions behind", behind))
		if got := w.consent(); got.CodeAttempts() != 1 || got.Refreshes() != 1 {
			t.Errorf("%d exchanges and %d refreshes, want one of each", got.CodeAttempts(), got.Refreshes())
		}
	}
}

// An answer that the API server does not take is kept until it does.
func TestTokensAreKeptWhileTheSecretCanNotBeWritten(t *testing.T) {
	w := agreementWorld(t, newAgreement("MAYA"))
	w.must(w.reconcileAgreement(agreementName))
	w.buyerAgrees()
	w.advance(5 * time.Second)
	w.hearAll()
	w.store.failWrite = func(obj client.Object) writeFault {
		if secret, is := obj.(*corev1.Secret); is && len(secret.Data[apiv1.AccessTokenSecretKey]) > 0 {
			return writeLost
		}
		return writeArrives
	}
	for range 5 {
		_, _ = w.reconcileAgreement(agreementName)
		w.advance(time.Minute)
	}
	if got := w.sends("applyToken"); got != 1 {
		t.Errorf("%d exchanges, want 1: the answer is at hand", got)
	}
	w.store.failWrite = nil
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	w.expectSound()
}

// The end of the former token is announced while the Secret does not take the new one yet.
func TestEndOfTheFormerTokenIsNoNewsWhileTheNewOneIsKept(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	former := string(w.tokenSecretData()[apiv1.AccessTokenSecretKey])
	w.untilRenewal()
	w.store.failWrite = func(obj client.Object) writeFault {
		if _, isSecret := obj.(*corev1.Secret); isSecret {
			return writeLost
		}
		return writeArrives
	}
	_, _ = w.reconcileAgreement(agreementName)
	w.hearOne(signed(map[string]any{
		"authorizationNotifyType": "TOKEN_CANCELED", "accessToken": former, "result": map[string]any{"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success"},
	}, w.clock.Now()))
	_, _ = w.reconcileAgreement(agreementName)
	w.store.failWrite = nil
	w.travel(time.Hour)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	consent := w.consent()
	if newest := consent.Tokens[len(consent.Tokens)-1]; string(w.tokenSecretData()[apiv1.AccessTokenSecretKey]) != newest.AccessToken || consent.Refreshes() != 1 {
		t.Errorf("the Secret does not hold the newest token after %d refreshes", consent.Refreshes())
	}
}

// The Secret with the code goes while nobody knows what became of its exchange. The token that the gateway announces is found all the same.
func TestTokenOfALostCodeIsWaitedFor(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.must(w.reconcileAgreement(agreementName))
	w.buyerAgrees()
	w.advance(5 * time.Second)
	w.hearAll()
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "applyToken"})
	w.must(w.reconcileAgreement(agreementName))
	w.store.drop(storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-token"}})
	for key := range w.agreement().Annotations {
		w.store.edit(w.agreement(), func(obj client.Object) { delete(obj.GetAnnotations(), key) })
	}
	w.must(w.reconcileAgreement(agreementName))
	w.travel(5 * time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	if got := w.consent(); string(w.tokenSecretData()[apiv1.AccessTokenSecretKey]) != got.Tokens[0].AccessToken || len(w.simulator.Ledger().Authorizations) != 1 {
		t.Error("the token is not the gateway's, or the buyer was asked again")
	}
}

// A process that has not seen yet that another consent is asked for does not store the token of the former one beside the new authState.
func TestTokenOfAFormerConsentIsNotStoredForTheNewOne(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"), withWallet("GCASH", func(wallet *simulator.Wallet) { wallet.WithoutCode = true }))
	w.must(w.reconcileAgreement(agreementName))
	w.buyerAgrees()
	w.advance(5 * time.Second)
	w.hearAll()
	former := w.agreement()
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.store.edit(w.agreement(), func(obj client.Object) { obj.SetAnnotations(nil) })
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	entry := w.store.objects[keyOf(former)]
	w.lag(len(entry.versions) - 1 - slices.IndexFunc(entry.versions, func(v client.Object) bool { return v.GetResourceVersion() == former.ResourceVersion }))
	_, _ = w.agreements[1].Reconcile(t.Context(), requestFor(agreementName))
	w.store.behind = 0
	if data := w.tokenSecretData(); len(data[apiv1.AccessTokenSecretKey]) != 0 || credentialHash(string(data[apiv1.AuthStateSecretKey])) != w.agreement().Status.AuthStateSHA256 {
		t.Error("the Secret holds the token of the former consent")
	}
}

// The process dies between the status of a new attempt and its Secret, which still holds the token that the former attempt has ended with.
func TestDeadTokenOfAFormerAttemptIsNotTakenUpAgain(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	w.must(ctrl.Result{}, w.agreements[0].markTokenRejected(t.Context(), client.ObjectKeyFromObject(w.agreement()), w.agreement().Status.AccessTokenSHA256))
	if err := w.simulator.BuyerCancels(w.authState(), ""); err != nil {
		t.Fatal(err)
	}
	dead := string(w.tokenSecretData()[apiv1.AccessTokenSecretKey])
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	ended := w.authState()
	w.store.edit(w.agreement(), func(obj client.Object) {
		st := &obj.(*apiv1.AutoDebitAgreement).Status
		*st = apiv1.AutoDebitAgreementStatus{Attempt: 2, EndedAuthStateSHA256: credentialHash(ended), TokenSecretName: st.TokenSecretName, State: apiv1.AgreementPending}
	})
	w.restart()
	w.followAgreement(0)
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	if data := w.tokenSecretData(); string(data[apiv1.AccessTokenSecretKey]) == dead || w.authState() == ended {
		t.Error("the dead token, or its authState, is in use again")
	}
}

// The announced end of the former attempt's token, which the Secret still holds as nobody could write it, ends no other attempt.
func TestEndOfAFormerAttemptIsNoEndOfTheNext(t *testing.T) {
	w := consented(t, newAgreement("ALIPAY_HK"))
	w.store.forbidsSecrets = true
	if err := w.simulator.BuyerCancels(w.authState(), ""); err != nil {
		t.Fatal(err)
	}
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedByBuyerReason)
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementPending, apiv1.SecretForbiddenReason)
	w.store.forbidsSecrets = false
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	w.buyerAgrees()
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
}

// recorder keeps what is told to people.
type recorder struct{ told *strings.Builder }

func (r recorder) Eventf(_ runtime.Object, _ runtime.Object, kind, reason, _, note string, args ...any) {
	fmt.Fprintln(r.told, kind, reason, fmt.Sprintf(note, args...))
}

// No token, code, refresh token or authState is anywhere but in Secrets and in requests to the gateway, whatever goes wrong.
func TestAgreementLeavesItsCredentialsInSecretsAlone(t *testing.T) {
	for _, kind := range []simulator.FaultKind{"", simulator.DropResponse, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnknownExceptionAfter, simulator.UnsignedFail, simulator.ResultCode} {
		var told strings.Builder
		w := agreementWorld(t, newAgreement("ALIPAY_HK"))
		if kind != "" {
			for _, path := range []string{"consultAuthorization", "applyToken", "revoke"} {
				w.inject(simulator.Fault{Kind: kind, Path: path, After: 1, Times: 2, Code: "PROCESS_FAIL"})
				w.inject(simulator.Fault{Kind: kind, Path: path, Times: 1, Code: "PROCESS_FAIL"})
			}
		}
		w.store.changed = func(_, now client.Object) {
			if _, isSecret := now.(*corev1.Secret); now != nil && !isSecret {
				fmt.Fprintln(&told, asText(t, now))
			}
		}
		failures := 0
		w.store.failWrite = func(obj client.Object) writeFault {
			if _, is := obj.(*corev1.Secret); is {
				if failures++; failures%3 == 0 {
					return writeLost
				}
			}
			return writeArrives
		}
		w.agreements[0].Events = recorder{&told}
		ctx := log.IntoContext(context.Background(), funcr.New(func(prefix, args string) { fmt.Fprintln(&told, prefix, args) }, funcr.Options{Verbosity: 10}))
		w.agreementLife(func() {
			if _, err := w.agreements[0].Reconcile(ctx, requestFor(agreementName)); err != nil {
				fmt.Fprintln(&told, err, fmt.Sprintf("%+v", err))
			}
		})
		families, err := metrics.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&told, families)
		values := w.credentials()
		if kind == "" && len(values) < 6 {
			t.Errorf("only %d credentials were planted", len(values))
		}
		for _, value := range values {
			if i := strings.Index(told.String(), value); i >= 0 {
				t.Errorf("%q: a credential is told: ...%s", kind, told.String()[max(0, i-200):min(told.Len(), i+10)])
			}
		}
	}
}

func TestMissingRightIsSaidInWordsAndNothingIsSent(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.store.forbidsSecrets = true
	for range 3 {
		w.must(w.reconcileAgreement(agreementName))
		w.advance(time.Minute)
	}
	w.expectAgreement(apiv1.AgreementPending, apiv1.SecretForbiddenReason)
	if message := w.condition(apiv1.ReadyCondition).Message; len(w.sent) != 0 || !strings.Contains(message, "Role") || !strings.Contains(message, agreementName+"-token") {
		t.Errorf("%d requests, message = %q; want none, and the Role and the Secret named", len(w.sent), message)
	}
	w.store.forbidsSecrets = false
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
}

func TestLostTokenSecretIsSaidInWords(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	key := storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-token"}}
	w.store.drop(key)
	w.untilRenewal()
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementBlocked, apiv1.TokenSecretLostReason)
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.must(w.reconcileAgreement(agreementName))
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
}
