package controllers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// An answer is at hand that the Secret does not take, and the cache does not show yet for which try it was given.
func TestTokensAreKeptWhileTheCacheIsBehind(t *testing.T) {
	for _, behind := range []int{1, 2, 3} {
		w := consented(t, newAgreement("GCASH"))
		w.untilRenewal()
		w.store.failWrite = func(obj client.Object) writeFault {
			if _, isSecret := obj.(*corev1.Secret); isSecret {
				return writeLost
			}
			return writeArrives
		}
		_, _ = w.reconcileAgreement(agreementName)
		w.store.failWrite = nil
		w.lag(behind)
		_, _ = w.reconcileAgreement(agreementName)
		w.store.behind = 0
		w.travel(time.Hour)
		w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
		consent := w.consent()
		if newest := consent.Tokens[len(consent.Tokens)-1]; string(w.tokenSecretData()[apiv1.AccessTokenSecretKey]) != newest.AccessToken || consent.Refreshes() != 1 {
			t.Errorf("%d versions behind: the Secret does not hold the newest token after %d refreshes", behind, consent.Refreshes())
		}
		if got := w.sends("applyToken"); got != 2 {
			t.Errorf("%d versions behind: %d exchanges, want the first and one renewal", behind, got)
		}
	}
}

// Somebody deletes the Secret while its tokens are being exchanged for the next ones, which nobody else has.
func TestRotationIsKeptWhereTheSecretIsDeletedMeanwhile(t *testing.T) {
	for name, written := range map[string]bool{"before the answer is there": true, "while the Secret can not be written": false} {
		t.Run(name, func(t *testing.T) {
			w := consented(t, newAgreement("GCASH", func(s *apiv1.AutoDebitAgreementSpec) { s.DeletionPolicy = apiv1.RetainAgreement }))
			before := w.tokenSecretData()
			key := storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-token"}}
			w.untilRenewal()
			w.afterSend = func(sentRequest) error {
				w.afterSend = nil
				if written {
					w.store.drop(key)
					return nil
				}
				w.store.failWrite = func(obj client.Object) writeFault {
					if _, isSecret := obj.(*corev1.Secret); isSecret {
						return writeLost
					}
					return writeArrives
				}
				return nil
			}
			_, _ = w.reconcileAgreement(agreementName)
			w.store.failWrite = nil
			if !written {
				w.store.drop(key)
			}
			w.travel(time.Hour)
			w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
			consent, data := w.consent(), w.tokenSecretData()
			if newest := consent.Tokens[len(consent.Tokens)-1]; string(data[apiv1.AccessTokenSecretKey]) != newest.AccessToken || consent.Refreshes() != 1 {
				t.Errorf("the Secret does not hold the newest token after %d refreshes", consent.Refreshes())
			}
			if !bytes.Equal(data[apiv1.AuthStateSecretKey], before[apiv1.AuthStateSecretKey]) {
				t.Error("the Secret does not say of which consent its token is")
			}
		})
	}
}

// answersRenewal changes what the gateway answers to renewals, and signs it anew.
func (w *world) answersRenewal(change func(answer map[string]any)) {
	w.changeAnswer = func(r sentRequest, header http.Header, body []byte) []byte {
		if r.operation != "applyToken" || r.text("grantType") != alipay.GrantRefreshToken {
			return body
		}
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			w.t.Fatal(err)
		}
		change(answer)
		var changed bytes.Buffer
		encoder := json.NewEncoder(&changed)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(answer); err != nil {
			w.t.Fatal(err)
		}
		signature, err := alipay.Sign(worldKeys()["gateway"], 1, alipay.Message{
			URI: "/ams/sandbox/api/v1/authorizations/applyToken", ClientID: testClientID, Time: header.Get("Response-Time"), Body: changed.Bytes(),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		header.Set("Signature", signature)
		return changed.Bytes()
	}
}

// Nothing says that a renewal brings another access token: a wallet may let the one that there is live longer.
func TestRenewalThatLetsTheSameTokenLiveLonger(t *testing.T) {
	for name, keepsRefreshToken := range map[string]bool{"with another refresh token": false, "with the same refresh token": true} {
		t.Run(name, func(t *testing.T) {
			w := consented(t, newAgreement("GCASH"))
			before, data := w.agreement().Status, w.tokenSecretData()
			w.answersRenewal(func(answer map[string]any) {
				answer["accessToken"] = string(data[apiv1.AccessTokenSecretKey])
				if keepsRefreshToken {
					answer["refreshToken"] = string(data[apiv1.RefreshTokenSecretKey])
				}
			})
			w.untilRenewal()
			w.travel(time.Hour)
			w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
			st := w.agreement().Status
			if got := w.sends("applyToken"); got != 2 {
				t.Errorf("%d exchanges, want the first and one renewal", got)
			}
			if st.AccessTokenSHA256 != before.AccessTokenSHA256 || st.Renewals != 1 || st.Step != nil ||
				!st.AccessTokenExpiryTime.After(before.AccessTokenExpiryTime.Time) || !st.RenewalTime.After(before.RenewalTime.Time) {
				t.Errorf("status = %s, want the same token, renewed once", asText(t, st))
			}
		})
	}
}

// The tokens of a renewal are given once, also where nobody can read when they end.
func TestRenewalWhoseTimesCanNotBeReadIsKept(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	w.answersRenewal(func(answer map[string]any) { answer["accessTokenExpiryTime"] = "2099-06-30 12:00:00" })
	w.untilRenewal()
	w.travel(time.Hour)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	consent, st := w.consent(), w.agreement().Status
	if newest := consent.Tokens[len(consent.Tokens)-1]; string(w.tokenSecretData()[apiv1.AccessTokenSecretKey]) != newest.AccessToken || consent.Refreshes() != 1 {
		t.Errorf("the Secret does not hold the newest token after %d refreshes", consent.Refreshes())
	}
	if st.AccessTokenExpiryTime != nil || st.RenewalTime != nil {
		t.Errorf("the token ends at %v, and is renewed at %v; want that nobody knows", st.AccessTokenExpiryTime, st.RenewalTime)
	}
}

// The token that there is may be debited while the gateway refuses to renew it, and not while that is tried again, or nobody knows what became of it.
func TestNothingIsDebitedWhileARefusedRenewalIsTriedAgain(t *testing.T) {
	w := consented(t, newAgreement("GCASH"))
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "applyToken", Code: "PROCESS_FAIL"})
	offered := func() bool {
		_, found := w.agreements[0].agreementToken(t.Context(), client.ObjectKeyFromObject(w.agreement()), w.clock.Now())
		return found == nil
	}
	w.untilRenewal()
	w.must(w.reconcileAgreement(agreementName))
	if !offered() {
		t.Error("the token is not offered after a refusal, and it works")
	}
	w.advance(2 * time.Minute)
	w.afterSend = func(sentRequest) error {
		w.afterSend = nil
		if offered() {
			t.Error("the former token is offered while the gateway has made another one")
		}
		w.failWriteNumber(1, writeLost) // the process dies
		return errConnection
	}
	if _, err := w.reconcileAgreement(agreementName); err == nil {
		t.Fatal("the process lives")
	}
	w.restart()
	w.must(w.reconcileAgreement(agreementName))
	if offered() {
		t.Error("a token is offered while nobody knows which one works")
	}
	w.travel(time.Hour)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	if consent := w.consent(); string(w.tokenSecretData()[apiv1.AccessTokenSecretKey]) != consent.Tokens[len(consent.Tokens)-1].AccessToken {
		t.Error("the Secret does not hold the newest token")
	}
}
