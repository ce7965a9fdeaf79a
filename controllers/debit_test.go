package controllers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// debitPayment debits the agreement "plan" of AlipayHK.
func debitPayment(name string, change ...func(*apiv1.PaymentSpec)) *apiv1.Payment {
	return newPayment(name, append([]func(*apiv1.PaymentSpec){func(spec *apiv1.PaymentSpec) {
		spec.Cashier, spec.RedirectURL = nil, ""
		spec.AutoDebit = &apiv1.AutoDebit{AgreementRef: apiv1.AgreementReference{Name: "plan"}}
	}}, change...)...)
}

// reach is the account's own client.
func (w *world) reach() *alipay.Client {
	return w.gateways.clients[types.NamespacedName{Namespace: testNamespace, Name: testAccount}].client
}

// plan returns the newest version; nil when it is gone.
func (w *world) plan() *apiv1.AutoDebitAgreement {
	agreement, _ := w.store.latest(storeKey{kind: "AutoDebitAgreement", name: requestFor("plan").NamespacedName}).(*apiv1.AutoDebitAgreement)
	return agreement
}

func (w *world) tokenSecret() *corev1.Secret {
	return w.store.latest(storeKey{kind: "Secret", name: requestFor("plan-token").NamespacedName}).(*corev1.Secret)
}

// token is the one that the agreement has.
func (w *world) token() string { return string(w.tokenSecret().Data[apiv1.AccessTokenSecretKey]) }

// agrees has the buyer of the agreement "plan" consent, and the agreement Ready. No request of that counts as sent.
func (w *world) agrees(wallet string) {
	w.t.Helper()
	if w.plan() == nil {
		w.store.create(&apiv1.AutoDebitAgreement{
			ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "plan"},
			Spec:       apiv1.AutoDebitAgreementSpec{MerchantAccountRef: apiv1.MerchantAccountReference{Name: testAccount}, CustomerBelongsTo: wallet},
		})
		w.store.create(newSecret("plan-token", nil))
	}
	state := fmt.Sprintf("consent-%d", len(w.simulator.Ledger().Authorizations)+1)
	_, err := w.reach().ConsultAuthorization(w.t.Context(), &alipay.ConsultAuthorizationRequest{
		CustomerBelongsTo: wallet, AuthRedirectURL: "https://shop.example/bound", Scopes: []string{alipay.ScopeAgreementPay}, AuthState: state, TerminalType: "WEB",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	back, err := w.simulator.BuyerAgrees(w.planConsent(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	address, err := url.Parse(back)
	if err != nil {
		w.t.Fatal(err)
	}
	w.keepTokens(&alipay.ApplyTokenRequest{
		GrantType: alipay.GrantAuthorizationCode, CustomerBelongsTo: wallet, AuthCode: alipay.Credential(address.Query().Get("authCode")),
	})
}

// planConsent is the authState of the newest consent.
func (w *world) planConsent() string {
	return fmt.Sprintf("consent-%d", len(w.simulator.Ledger().Authorizations))
}

// renews gives the agreement another token, and ends the one that it has.
func (w *world) renews() {
	w.t.Helper()
	w.keepTokens(&alipay.ApplyTokenRequest{
		GrantType: alipay.GrantRefreshToken, CustomerBelongsTo: w.plan().Spec.CustomerBelongsTo,
		RefreshToken: alipay.Credential(w.tokenSecret().Data[apiv1.RefreshTokenSecretKey]),
	})
}

func (w *world) keepTokens(request *alipay.ApplyTokenRequest) {
	w.t.Helper()
	tokens, err := w.reach().ApplyToken(w.t.Context(), request)
	if err != nil {
		w.t.Fatal(err)
	}
	secret := w.tokenSecret().DeepCopy()
	secret.Data = map[string][]byte{
		apiv1.AccessTokenSecretKey: []byte(tokens.AccessToken), apiv1.RefreshTokenSecretKey: []byte(tokens.RefreshToken),
	}
	w.store.put(w.tokenSecret(), secret)
	w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) {
		st.State, st.TokenSecretName = apiv1.AgreementActive, "plan-token"
		st.AccessTokenSHA256 = credentialHash(string(tokens.AccessToken))
		st.AccessTokenExpiryTime = &metav1.Time{Time: tokens.AccessTokenExpiryTime.Time}
		meta.SetStatusCondition(&st.Conditions, metav1.Condition{Type: apiv1.ReadyCondition, Status: metav1.ConditionTrue, Reason: "Active"})
	})
	w.sent = nil
}

func (w *world) editPlan(change func(*apiv1.AutoDebitAgreementStatus)) {
	w.store.edit(w.plan(), func(obj client.Object) { change(&obj.(*apiv1.AutoDebitAgreement).Status) })
}

// debits decides what becomes of debits from now on.
func (w *world) debits(behaviour simulator.DebitBehaviour) {
	w.t.Helper()
	if err := w.simulator.SetDebits(w.planConsent(), behaviour); err != nil {
		w.t.Fatal(err)
	}
}

// agreedWorld is one in which the agreement "plan" is Ready.
func agreedWorld(t *testing.T, changes ...func(*worldOptions)) *world {
	t.Helper()
	w := newWorld(t, changes...)
	t.Cleanup(w.close)
	w.agrees("ALIPAY_HK")
	return w
}

func TestDebitIsPaidInTwoWritesAndOneRequest(t *testing.T) {
	w := agreedWorld(t)
	w.store.create(debitPayment("order"))
	w.store.writes = 0
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	got := w.payment("order").Status
	if len(w.sent) != 1 || w.store.writes != 2 || w.charges() != 1 {
		t.Errorf("requests = %d, writes = %d, charges = %d, want 1, 2 and 1", len(w.sent), w.store.writes, w.charges())
	}
	if got.PaymentMethodType != "ALIPAY_HK" || got.Debit.AccessTokenSHA256 != credentialHash(w.token()) || got.PaymentTime == nil || got.Amounts.Refundable != "10000" {
		t.Errorf("status = %+v, want wallet, token's hash, time and amounts", got)
	}
}

func TestThreeDebitsOfOneAgreementAreThreeCharges(t *testing.T) {
	w := agreedWorld(t)
	for _, month := range []string{"january", "february", "march"} {
		w.store.create(debitPayment(month))
		w.must(w.reconcilePayment(month))
		if got := w.payment(month).Status.State; got != apiv1.PaymentPaid || w.simulator.Ledger().ChargesOfOrder(month) != 1 {
			t.Errorf("%s is %s with %d charges, want Paid with 1", month, got, w.simulator.Ledger().ChargesOfOrder(month))
		}
		w.advance(30 * 24 * time.Hour)
	}
}

func TestDebitWaitsForItsAgreementAndStartsByItself(t *testing.T) {
	notReady := func(change func(*world)) func(*world) {
		return func(w *world) { w.agrees("ALIPAY_HK"); change(w) }
	}
	tests := []struct {
		name   string
		before func(*world)
	}{
		{"before it is created", func(*world) {}},
		{"before the buyer has consented", notReady(func(w *world) {
			w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) {
				*st = apiv1.AutoDebitAgreementStatus{State: apiv1.AgreementAwaitingBuyer}
			})
		})},
		{"after its token has expired", notReady(func(w *world) { w.advance(180 * 24 * time.Hour) })},
		{"just before its token expires", notReady(func(w *world) { w.advance(180*24*time.Hour - 10*time.Second) })},
		{"after the buyer has ended it", notReady(func(w *world) {
			w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) { st.State = apiv1.AgreementRevoked })
		})},
		{"while it is to be revoked", notReady(func(w *world) {
			w.store.edit(w.plan(), func(obj client.Object) {
				obj.(*apiv1.AutoDebitAgreement).Spec.DesiredState = apiv1.DesiredRevoked
			})
		})},
		{"while its Secret holds another token than the status names", notReady(func(w *world) {
			secret := w.tokenSecret().DeepCopy()
			secret.Data[apiv1.AccessTokenSecretKey] = []byte("another")
			w.store.put(w.tokenSecret(), secret)
		})},
		{"after its token was refused", notReady(func(w *world) {
			w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) { st.RejectedTokenSHA256 = st.AccessTokenSHA256 })
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			tt.before(w)
			w.store.create(debitPayment("order"))
			w.run(10 * time.Minute)
			w.expect(apiv1.StatePending, apiv1.AwaitingAgreementReason)
			if w.sends("pay") != 0 || w.sends("inquiryPayment") != 1 {
				t.Errorf("debits = %d, inquiries = %d, want none sent, and the gateway asked once", w.sends("pay"), w.sends("inquiryPayment"))
			}
			if w.plan() == nil {
				w.agrees("ALIPAY_HK")
			} else {
				w.store.edit(w.plan(), func(obj client.Object) { obj.(*apiv1.AutoDebitAgreement).Spec.DesiredState = apiv1.DesiredActive })
				w.renews()
			}
			w.must(w.reconcilePayment("order"))
			w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
			if w.charges() != 1 || w.simulator.Ledger().Authorizations[0].Tokens[0].DeadDebits != 0 {
				t.Errorf("charges = %d, want 1, and no dead token debited", w.charges())
			}
		})
	}
}

func TestTokenThatExpiresWhileTheIntentIsWrittenIsNotDebited(t *testing.T) {
	w := agreedWorld(t)
	w.advance(180*24*time.Hour - 20*time.Second)
	w.store.failWrite = func(obj client.Object) writeFault {
		if payment, ok := obj.(*apiv1.Payment); ok && payment.Status.State == apiv1.StateSubmitting {
			w.advance(25 * time.Second) // a slow write
		}
		return writeArrives
	}
	w.store.create(debitPayment("order"))
	w.must(w.reconcilePayment("order"))
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.AwaitingAgreementReason || w.sends("pay") != 0 {
		t.Fatalf("reason = %s after %d debits, want to wait for the agreement", got, w.sends("pay"))
	}
	w.renews()
	w.run(3 * time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
}

func TestDebitOfAForeignAgreementIsRefusedInWords(t *testing.T) {
	w := agreedWorld(t)
	w.store.edit(w.plan(), func(obj client.Object) { obj.(*apiv1.AutoDebitAgreement).Spec.MerchantAccountRef.Name = "other" })
	w.store.create(debitPayment("order"))
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.StateBlocked, apiv1.RequestInvalidReason)
	if text := w.message(); !strings.Contains(text, `MerchantAccount "other"`) || w.sends("pay") != 0 {
		t.Errorf("message = %q after %d debits", text, w.sends("pay"))
	}
}

// message is what the Ready condition tells.
func (w *world) message() string {
	return meta.FindStatusCondition(w.payment("order").Status.Conditions, apiv1.ReadyCondition).Message
}

func TestDebitThatTheWalletRefuses(t *testing.T) {
	for behaviour, requests := range map[simulator.DebitBehaviour]int{simulator.DebitPoor: 1, simulator.DebitPoorLate: 1} {
		t.Run(string(behaviour)+" fails with the code, and a raised attempt tries again", func(t *testing.T) {
			w := agreedWorld(t)
			w.debits(behaviour)
			w.store.create(debitPayment("order"))
			w.run(10 * time.Minute)
			w.expect(apiv1.StateFailed, "USER_BALANCE_NOT_ENOUGH")
			if w.sends("pay") != requests || w.charges() != 0 || w.plan().Status.RejectedTokenSHA256 != "" {
				t.Errorf("debits = %d, charges = %d, rejected = %q, want one, none and none", w.sends("pay"), w.charges(), w.plan().Status.RejectedTokenSHA256)
			}
			w.debits(simulator.DebitPays)
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
			w.run(time.Minute)
			w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
			if w.charges() != 1 {
				t.Errorf("charges = %d, want 1", w.charges())
			}
		})
	}
}

func TestDebitWithATokenThatTheBuyerHasEnded(t *testing.T) {
	ended := func(t *testing.T) *world {
		w := agreedWorld(t)
		if err := w.simulator.BuyerCancels(w.planConsent(), ""); err != nil {
			t.Fatal(err)
		}
		w.store.create(debitPayment("order"))
		return w
	}
	expectNoMore := func(t *testing.T, w *world) {
		t.Helper()
		w.expect(apiv1.StateFailed, alipay.CodeInvalidAccessToken)
		if got := w.plan().Status; got.RejectedTokenSHA256 != got.AccessTokenSHA256 || !w.payment("order").Status.Debit.TokenRejected {
			t.Errorf("agreement = %+v, want its token marked", got)
		}
		w.store.create(debitPayment("next"))
		w.must(w.reconcilePayment("next"))
		if got := reason(w.payment("next").Status.Conditions); got != apiv1.AwaitingAgreementReason || w.sends("pay") != 1 {
			t.Errorf("the next debit is %s, and %d left, want it to wait", got, w.sends("pay"))
		}
	}
	t.Run("fails, and the token is debited no more", func(t *testing.T) {
		w := ended(t)
		w.run(time.Minute)
		expectNoMore(t, w)
	})
	t.Run("is told to the agreement before anything else can go wrong", func(t *testing.T) {
		w := ended(t)
		w.loses("inquiryPayment")
		w.must(w.reconcilePayment("order"))
		if got := w.plan().Status; got.RejectedTokenSHA256 != got.AccessTokenSHA256 {
			t.Error("the token is not marked while the refusal is not confirmed")
		}
		w.beforeSend = nil
		w.run(time.Minute)
		expectNoMore(t, w)
	})
	t.Run("is told to an agreement that could not be written at first", func(t *testing.T) {
		w := ended(t)
		broken := true
		w.store.failWrite = func(obj client.Object) writeFault {
			if _, isAgreement := obj.(*apiv1.AutoDebitAgreement); isAgreement && broken {
				return writeLost
			}
			return writeArrives
		}
		if _, err := w.reconcilePayment("order"); err == nil {
			t.Error("nobody tries again")
		}
		if got := w.payment("order").Status; got.LastResult == nil || got.LastResult.ResultCode != alipay.CodeInvalidAccessToken {
			t.Errorf("last result = %+v, want the refusal on record", got.LastResult)
		}
		broken = false
		w.run(time.Minute)
		expectNoMore(t, w)
	})
	t.Run("does not touch a token that the agreement has got since", func(t *testing.T) {
		w := agreedWorld(t)
		w.store.create(debitPayment("order"))
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: alipay.CodeInvalidAccessToken})
		w.afterSend = func(r sentRequest) error {
			if r.operation == "pay" {
				w.afterSend = nil
				w.renews()
			}
			return nil
		}
		w.run(time.Minute)
		w.expect(apiv1.StateFailed, alipay.CodeInvalidAccessToken)
		if got := w.plan().Status.RejectedTokenSHA256; got != "" {
			t.Errorf("rejected token = %s, want none", got)
		}
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
		w.run(time.Minute)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	})
}
