package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

const day = 24 * time.Hour

// untilRenewal travels to just after the time at which the token is to be renewed.
func (w *world) untilRenewal() {
	w.t.Helper()
	at := w.agreement().Status.RenewalTime
	if at == nil {
		w.t.Fatal("no renewal is planned")
	}
	w.advance(at.Sub(w.clock.Now()) + time.Second)
}

// travel goes on for a time: it reconciles whenever that is asked for and, as a watch would have it, whenever something was announced.
func (w *world) travel(d time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		result, err := w.reconcileAgreement(agreementName)
		step := min(d/20, end.Sub(w.clock.Now()))
		if err == nil && result.RequeueAfter > 0 {
			step = min(step, result.RequeueAfter)
		}
		w.advance(max(step, time.Second))
		w.hearAll()
	}
	w.must(w.reconcileAgreement(agreementName))
}

func TestRenewalsOf100000AgreementsAreSpread(t *testing.T) {
	const agreements = 100_000
	given := worldStart
	perMinute := map[time.Time]int{}
	for i := range agreements {
		at := renewalTime(types.UID(fmt.Sprintf("b6e1a1f0-0000-4000-8000-%012d", i)), given, given.Add(180*day), nil)
		if left := given.Add(180 * day).Sub(at); left < 18*day || left > 24*day {
			t.Fatalf("agreement %d is renewed %s before its token ends, want 18 to 24 days", i, left)
		}
		perMinute[at.Truncate(time.Minute)]++
	}
	most := 0
	for _, n := range perMinute {
		most = max(most, n)
	}
	if most > 40 {
		t.Errorf("%d renewals in one minute, want 40 at most of %d in six days", most, agreements)
	}
}

func TestRenewalIsPlannedByTheLifeOfTheToken(t *testing.T) {
	tests := []struct {
		name       string
		life       time.Duration
		stated     *metav1.Duration
		least, max time.Duration // before the end
	}{
		{"a tenth of a long life", 365 * day, nil, 36 * day, 49 * day},
		{"a week of a shorter one", 30 * day, nil, 7 * day, 10 * day},
		{"half of a short one", 4 * day, nil, 2 * day, 3 * day},
		{"what the spec says", 180 * day, &metav1.Duration{Duration: time.Hour}, time.Hour, 80 * time.Minute},
		{"half of the life where the spec says more", 10 * day, &metav1.Duration{Duration: 300 * day}, 5 * day, 7 * day},
		{"a token without life", 0, nil, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range 100 {
				uid := types.UID(fmt.Sprint("uid-", i))
				at := renewalTime(uid, worldStart, worldStart.Add(tt.life), tt.stated)
				if left := worldStart.Add(tt.life).Sub(at); left < tt.least || left > tt.max+time.Second {
					t.Errorf("renewed %s before the end, want between %s and %s", left, tt.least, tt.max)
				}
				if again := renewalTime(uid, worldStart, worldStart.Add(tt.life), tt.stated); !again.Equal(at) {
					t.Errorf("renewed at %s, then at %s", at, again)
				}
			}
		})
	}
}

// Three years of renewals, for every way in which a wallet may treat refresh tokens.
func TestTokenIsRenewedForYears(t *testing.T) {
	for _, rule := range []simulator.RefreshRule{simulator.RefreshKept, simulator.RefreshReplaced, simulator.RefreshReplacedAtOnce} {
		t.Run(string(rule), func(t *testing.T) {
			w := consented(t, newAgreement("GCASH"), withWallet("GCASH", func(wallet *simulator.Wallet) { wallet.Refresh, wallet.RefreshTokenDays = rule, 3650 }))
			for range 6 {
				former := string(w.tokenSecretData()[apiv1.AccessTokenSecretKey])
				w.untilRenewal()
				w.must(w.reconcileAgreement(agreementName))
				w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
				if got := w.agreement().Status; got.PreviousAccessTokenSHA256 != credentialHash(former) || string(w.tokenSecretData()[apiv1.PreviousAccessTokenSecretKey]) != former {
					t.Error("the former token is not kept")
				}
				token, found := w.agreements[0].agreementToken(t.Context(), client.ObjectKeyFromObject(w.agreement()), w.clock.Now())
				consent := w.consent()
				if newest := consent.Tokens[len(consent.Tokens)-1]; found != nil || string(token.accessToken) != newest.AccessToken || !newest.LiveAt(w.simulator.Now()) {
					t.Errorf("what is offered to a debit is not the live token (%v)", found)
				}
			}
			if got := w.consent().Refreshes(); got != 6 || w.agreement().Status.Renewals != 6 {
				t.Errorf("%d refreshes, %d on record, want 6", got, w.agreement().Status.Renewals)
			}
			w.expectSound()
		})
	}
}

func TestLostAnswersOfARenewal(t *testing.T) {
	for _, kind := range []simulator.FaultKind{simulator.DropRequest, simulator.DropResponse, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnknownExceptionAfter, simulator.RateLimit} {
		t.Run(string(kind), func(t *testing.T) {
			w := consented(t, newAgreement("GCASH"))
			w.inject(simulator.Fault{Kind: kind, Path: "applyToken", Times: 2})
			w.untilRenewal()
			w.must(w.reconcileAgreement(agreementName))
			if _, found := w.agreements[0].agreementToken(t.Context(), client.ObjectKeyFromObject(w.agreement()), w.clock.Now()); found == nil {
				t.Error("a token is offered to debits while nobody knows which one works")
			}
			w.travel(10 * time.Minute)
			w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
			w.expectSound()
			data, consent := w.tokenSecretData(), w.consent()
			if string(data[apiv1.AccessTokenSecretKey]) != consent.Tokens[len(consent.Tokens)-1].AccessToken || w.agreement().Status.Renewals != 1 {
				t.Error("the rotation is lost")
			}
		})
	}
}

// A wallet that gives a pair once, and whose answer is lost, leaves no way back: a person is told, and in the end the agreement has expired.
func TestRenewalThatTheWalletLosesEndsWithTheToken(t *testing.T) {
	w := consented(t, newAgreement("GCASH"), withWallet("GCASH", func(wallet *simulator.Wallet) { wallet.Refresh = simulator.RefreshReplacedAtOnce }))
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "applyToken"})
	w.untilRenewal()
	w.travel(time.Hour)
	if got := w.condition(apiv1.RenewalFailingCondition); got.Status != metav1.ConditionTrue || got.Reason != apiv1.RenewalRefusedReason || !strings.Contains(got.Message, "INVALID_ACCESS_TOKEN") {
		t.Errorf("RenewalFailing = %+v", got)
	}
	asked := w.sends("applyToken")
	w.travel(30 * day)
	w.expectAgreement(apiv1.AgreementExpired, apiv1.TokenExpiredReason)
	if got := w.sends("applyToken") - asked; got < 5 || got > 150 {
		t.Errorf("asked %d times again, want some, and few", got)
	}
	if w.tokenSecretData() != nil || controllerutil.ContainsFinalizer(w.agreement(), apiv1.AgreementFinalizer) {
		t.Error("the Secret or the finalizer of an expired agreement is left")
	}
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.followAgreement(0)
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
}

func TestWalletWithoutRefreshTokenWarnsBeforeItsTokenEnds(t *testing.T) {
	w := consented(t, newAgreement("GCASH"), withWallet("GCASH", func(wallet *simulator.Wallet) {
		wallet.Refresh, wallet.RefreshTokenDays, wallet.AccessTokenDays = simulator.RefreshNone, 0, 100
	}))
	if st := w.agreement().Status; st.Renewable || st.RenewalTime != nil {
		t.Errorf("status = %s, want no renewal", asText(t, st))
	}
	w.travel(96 * day)
	if got := w.condition(apiv1.RenewalFailingCondition); got.Status != "" {
		t.Errorf("RenewalFailing = %+v four days before the end, want none", got)
	}
	w.travel(2 * day)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	if got := w.condition(apiv1.RenewalFailingCondition); got.Status != metav1.ConditionTrue || got.Reason != apiv1.TokenExpiringReason {
		t.Errorf("RenewalFailing = %+v two days before the end, want TokenExpiring", got)
	}
	w.travel(3 * day)
	w.expectAgreement(apiv1.AgreementExpired, apiv1.TokenExpiredReason)
	if got := w.condition(apiv1.RenewalFailingCondition); got.Status != "" {
		t.Errorf("RenewalFailing = %+v after the end, want none", got)
	}
}

func TestRevocationEndsTheConsent(t *testing.T) {
	for _, kind := range []simulator.FaultKind{"", simulator.DropRequest, simulator.DropResponse, simulator.UnknownException, simulator.UnsignedFail} {
		t.Run("after "+string(kind), func(t *testing.T) {
			w := consented(t, newAgreement("ALIPAY_HK"))
			if kind != "" {
				w.inject(simulator.Fault{Kind: kind, Path: "revoke", Times: 2})
			}
			w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DesiredState = apiv1.DesiredRevoked })
			w.travel(10 * time.Minute)
			w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
			if st := w.agreement().Status; st.RevokedBy != apiv1.EndedByMerchant || w.condition(apiv1.ReadyCondition).Status != metav1.ConditionTrue {
				t.Errorf("status = %s, want it Ready and revoked by the merchant", asText(t, st))
			}
			if st := w.agreement().Status; st.Renewable || st.RenewalTime != nil || st.AccessTokenExpiryTime != nil || st.RefreshTokenExpiryTime != nil {
				t.Errorf("status = %s, want no word of a token that lives on", asText(t, st))
			}
			if w.tokenSecretData() != nil || w.consent().State != simulator.AuthorizationRevoked {
				t.Errorf("the Secret is left, or the consent is %s", w.consent().State)
			}
			writes := w.store.writes
			w.travel(time.Hour)
			if w.store.writes != writes {
				t.Errorf("%d writes after the end: the notification of the revocation is no news", w.store.writes-writes)
			}
		})
	}
}

// A token that does not work is not revoked by the gateway, and leaves its refresh token alive.
func TestExpiredTokenIsRenewedBeforeItIsRevoked(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Suspend = true })
	w.travel(181 * day)
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) {
		spec.Suspend, spec.DesiredState = false, apiv1.DesiredRevoked
	})
	w.travel(10 * time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
	if w.consent().State != simulator.AuthorizationRevoked || w.consent().Refreshes() != 1 {
		t.Errorf("the consent is %s after %d refreshes, want REVOKED after one", w.consent().State, w.consent().Refreshes())
	}
}

func TestRevocationOfAConsentThatWasNotGiven(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"), withWallet("GCASH", func(wallet *simulator.Wallet) { wallet.WithoutCode = true }))
	w.must(w.reconcileAgreement(agreementName))
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DesiredState = apiv1.DesiredRevoked })
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
	w.buyerAgrees() // on the page that was still open
	w.travel(10 * time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
	if got := w.consent().State; got != simulator.AuthorizationRevoked {
		t.Errorf("the consent is %s, want the token that came too late REVOKED", got)
	}
}

func TestBuyerEndsTheAgreementInTheWallet(t *testing.T) {
	w := consented(t, newAgreement("ALIPAY_HK"))
	w.untilRenewal()
	w.must(w.reconcileAgreement(agreementName))
	if err := w.simulator.BuyerCancels(w.authState(), "too dear"); err != nil {
		t.Fatal(err)
	}
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedByBuyerReason)
	if w.tokenSecretData() != nil || w.agreement().Status.RevokedBy != apiv1.EndedByBuyer {
		t.Error("the token is left, or it is not said who has ended it")
	}
}

// What the gateway has announced of the consent before stays beside the agreement, and says nothing about the next one.
func TestRaisedAttemptAsksABuyerAgainWhoHasEndedTheAgreement(t *testing.T) {
	w := consented(t, newAgreement("ALIPAY_HK"))
	if err := w.simulator.BuyerCancels(w.authState(), ""); err != nil {
		t.Fatal(err)
	}
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedByBuyerReason)
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Attempt = 2 })
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	w.buyerAgrees()
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	if got := w.consent(); got.State != simulator.AuthorizationActive || got.CodeAttempts() != 1 {
		t.Errorf("the new consent is %s after %d exchanges, want ACTIVE after one", got.State, got.CodeAttempts())
	}
	w.expectSound()
}

// The end of a token that was replaced says nothing about the newest one.
func TestEndOfAFormerTokenIsNoNews(t *testing.T) {
	w := consented(t, newAgreement("ALIPAY_HK"))
	former := string(w.tokenSecretData()[apiv1.AccessTokenSecretKey])
	w.untilRenewal()
	w.must(w.reconcileAgreement(agreementName))
	told := signedWith("gateway", map[string]any{
		"authorizationNotifyType": "TOKEN_CANCELED", "accessToken": former, "result": map[string]any{"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success"},
	}, w.clock.Now())
	w.hearOne(told)
	w.travel(time.Hour)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	forged := signedWith("merchant", map[string]any{
		"authorizationNotifyType": "TOKEN_CANCELED", "accessToken": string(w.tokenSecretData()[apiv1.AccessTokenSecretKey]),
		"result": map[string]any{"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success"},
	}, w.clock.Now())
	w.hearOne(forged)
	w.travel(time.Hour)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
}

func TestTokenThatADebitFoundDeadIsRenewedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		cancel bool
		state  apiv1.AgreementState
		why    string
	}{
		"the wallet gives a new one":     {false, apiv1.AgreementActive, apiv1.TokenValidReason},
		"the buyer has ended it quietly": {true, apiv1.AgreementRevoked, apiv1.TokenRejectedReason},
	} {
		t.Run(name, func(t *testing.T) {
			w := consented(t, newAgreement("GCASH"))
			key := client.ObjectKeyFromObject(w.agreement())
			dead := w.agreement().Status.AccessTokenSHA256
			if tt.cancel {
				if err := w.simulator.BuyerCancels(w.authState(), ""); err != nil {
					t.Fatal(err)
				}
			}
			w.must(ctrl.Result{}, w.agreements[0].markTokenRejected(t.Context(), key, "of another token"))
			if got := w.agreement().Status.RejectedTokenSHA256; got != "" {
				t.Errorf("rejected = %q, want none: it is another token", got)
			}
			w.must(ctrl.Result{}, w.agreements[0].markTokenRejected(t.Context(), key, dead))
			if _, found := w.agreements[0].agreementToken(t.Context(), key, w.clock.Now()); found == nil || found.reason != apiv1.AwaitingAgreementReason {
				t.Errorf("problem = %+v, want none to be debited", found)
			}
			w.travel(time.Minute)
			w.expectAgreement(tt.state, tt.why)
			if got := w.sends("applyToken"); got != 2 {
				t.Errorf("%d exchanges, want one renewal", got-1)
			}
		})
	}
}

// tokenReader fails the reads of the token Secret while err is set.
type tokenReader struct {
	client.Reader
	err error
}

func (r *tokenReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	if _, isSecret := obj.(*corev1.Secret); isSecret && key.Name == agreementName+"-token" && r.err != nil {
		return r.err
	}
	return r.Reader.Get(ctx, key, obj, options...)
}

func TestDeletionWaitsWhileTheTokenCanNotBeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		err error
		why string
	}{
		"its Role is gone":             {apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, agreementName+"-token", errors.New("no Role says so")), apiv1.SecretForbiddenReason},
		"the API server does not tell": {apierrors.NewInternalError(errors.New("out of order")), apiv1.SecretUnreadableReason},
	} {
		t.Run(name, func(t *testing.T) {
			w := consented(t, newAgreement("GCASH"))
			reader := &tokenReader{Reader: liveStore{w.store}, err: tt.err}
			w.agreements[0].Live = reader
			w.store.remove(w.agreement())
			for range 3 {
				w.must(w.reconcileAgreement(agreementName))
				w.advance(time.Minute)
			}
			w.expectAgreement(apiv1.AgreementActive, tt.why)
			if message := w.condition(apiv1.ReadyCondition).Message; !strings.Contains(message, "deletionPolicy to Retain") {
				t.Errorf("message = %q, want a way to let it go", message)
			}
			reader.err = nil
			w.followAgreement(time.Minute)
			if w.agreement() != nil || w.consent().State != simulator.AuthorizationRevoked || w.tokenSecretData() != nil {
				t.Errorf("the object or its Secret is there, or the consent is %s; want nothing left", w.consent().State)
			}
		})
	}
}

func TestRetainLetsAnAgreementGoWhoseTokenCanNotBeRead(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, agreementName+"-token", errors.New("no Role says so"))
	w.agreements[0].Live = &tokenReader{Reader: liveStore{w.store}, err: forbidden}
	w.store.remove(w.agreement())
	w.must(w.reconcileAgreement(agreementName))
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DeletionPolicy = apiv1.RetainAgreement })
	w.must(w.reconcileAgreement(agreementName))
	if w.agreement() != nil || w.consent().State != simulator.AuthorizationActive {
		t.Errorf("the object is there, or the consent is %s; want it gone and nothing revoked", w.consent().State)
	}
}

func TestDeletionRevokesOrRetains(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	w.store.remove(w.agreement())
	w.followAgreement(time.Minute)
	if w.agreement() != nil || w.consent().State != simulator.AuthorizationRevoked || w.tokenSecretData() != nil {
		t.Errorf("the object or its Secret is there, or the consent is %s; want nothing left", w.consent().State)
	}

	w = consented(t, newAgreement("GCASH"))
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DeletionPolicy = apiv1.RetainAgreement })
	w.store.remove(w.agreement()) // before anybody has seen the change
	w.followAgreement(time.Minute)
	if w.agreement() != nil || w.consent().State != simulator.AuthorizationActive || len(w.tokenSecretData()[apiv1.AccessTokenSecretKey]) == 0 {
		t.Fatalf("the object is there, or the Secret is gone, or the consent is %s; want the token kept", w.consent().State)
	}
	secret := w.store.latest(storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-token"}})
	if len(secret.GetOwnerReferences()) != 0 {
		t.Error("the Secret is still owned, and would be collected")
	}
	sent := len(w.sent)
	w.store.create(newAgreement("GCASH"))
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	if len(w.sent) != sent || w.agreement().Status.RenewalTime == nil {
		t.Error("the same manifest has not found its token again")
	}
}

func TestDeletionWithoutATokenAsksNobody(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH"))
	w.must(w.reconcileAgreement(agreementName))
	if w.agreement().Finalizers != nil {
		t.Error("an agreement without a token has a finalizer")
	}
	w.store.remove(w.agreement())
	if w.agreement() != nil {
		t.Error("the object is still there")
	}
}

func TestTokenIsRevokedAlsoWhereItsSecretIsDeletedAtTheSameTime(t *testing.T) {
	secretOf := func(w *world) client.Object {
		return w.store.latest(storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-token"}})
	}
	t.Run("with the agreement, as a deletion in the foreground does", func(t *testing.T) {
		w := consented(t, newAgreement("GCASH"))
		w.store.remove(w.agreement())
		w.store.remove(secretOf(w))
		w.followAgreement(time.Minute)
		if w.agreement() != nil || w.consent().State != simulator.AuthorizationRevoked || w.tokenSecretData() != nil {
			t.Errorf("the object or its Secret is there, or the consent is %s; want nothing left", w.consent().State)
		}
	})
	t.Run("without it, while the token goes on being renewed", func(t *testing.T) {
		w := consented(t, newAgreement("GCASH"))
		w.store.remove(secretOf(w))
		w.untilRenewal()
		w.followAgreement(time.Minute)
		w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
		if w.agreement().Status.Renewals != 1 {
			t.Errorf("renewals = %d, want 1", w.agreement().Status.Renewals)
		}
	})
	t.Run("against the finalizer, and the agreement stays until the token is back or not cared for", func(t *testing.T) {
		w := consented(t, newAgreement("GCASH"))
		secret := secretOf(w).DeepCopyObject().(client.Object)
		w.store.drop(keyOf(secret))
		w.store.remove(w.agreement())
		w.followAgreement(30 * time.Second)
		if w.agreement() == nil || w.consent().State != simulator.AuthorizationActive {
			t.Fatalf("the object is gone, or the consent is %s; want it to wait", w.consent().State)
		}
		w.expectAgreement(apiv1.AgreementBlocked, apiv1.TokenSecretLostReason)
		secret.SetDeletionTimestamp(nil)
		w.store.create(secret)
		w.followAgreement(30 * time.Second)
		if w.agreement() != nil || w.consent().State != simulator.AuthorizationRevoked || w.tokenSecretData() != nil {
			t.Errorf("the object or its Secret is there, or the consent is %s; want nothing left", w.consent().State)
		}
	})
	t.Run("a Secret without a token has no finalizer", func(t *testing.T) {
		w := agreementWorld(t, newAgreement("GCASH"))
		w.must(w.reconcileAgreement(agreementName))
		if got := secretOf(w).GetFinalizers(); len(got) != 0 {
			t.Errorf("finalizers = %v, want none", got)
		}
	})
}
