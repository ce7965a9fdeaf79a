package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

const agreementName = "monthly"

func newAgreement(wallet string, change ...func(*apiv1.AutoDebitAgreementSpec)) *apiv1.AutoDebitAgreement {
	agreement := &apiv1.AutoDebitAgreement{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: agreementName},
		Spec: apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testAccount}, CustomerBelongsTo: wallet,
			AuthRedirectURL: "https://shop.example/wallet",
		},
	}
	for _, c := range change {
		c(&agreement.Spec)
	}
	return agreement
}

// withWallet has the gateway know one wallet, which is a built-in one with a change.
func withWallet(name string, change func(*simulator.Wallet)) func(*worldOptions) {
	return func(o *worldOptions) {
		wallet, _ := simulator.BuiltinWallet(name)
		if change != nil {
			change(&wallet)
		}
		o.wallets = map[string]simulator.Wallet{name: wallet}
	}
}

// agreementWorld is a world with an agreement whose notifications arrive.
func agreementWorld(t testing.TB, agreement *apiv1.AutoDebitAgreement, changes ...func(*worldOptions)) *world {
	t.Helper()
	w := newWorld(t, append([]func(*worldOptions){notified, notifiedByDashboard}, changes...)...)
	t.Cleanup(w.close)
	w.store.create(agreement)
	return w
}

// agreement returns the newest version; nil when it is gone.
func (w *world) agreement() *apiv1.AutoDebitAgreement {
	agreement, _ := w.store.latest(storeKey{kind: agreementKind, name: requestFor(agreementName).NamespacedName}).(*apiv1.AutoDebitAgreement)
	return agreement
}

func (w *world) editAgreement(change func(*apiv1.AutoDebitAgreementSpec)) {
	w.store.edit(w.agreement(), func(obj client.Object) { change(&obj.(*apiv1.AutoDebitAgreement).Spec) })
}

// tokenSecretData is what the agreement's Secret holds; nil when there is none.
func (w *world) tokenSecretData() map[string][]byte {
	secret, _ := w.store.latest(storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-token"}}).(*corev1.Secret)
	if secret == nil {
		return nil
	}
	return secret.Data
}

func (w *world) reconcileAgreement(name string) (ctrl.Result, error) {
	return w.agreements[0].Reconcile(w.t.Context(), requestFor(name))
}

// followAgreement reconciles until nothing is to be done for longer than a time.
func (w *world) followAgreement(longest time.Duration) {
	w.t.Helper()
	w.follow(w.reconcileAgreement, agreementName, longest)
}

// authState is that of the consent at hand.
func (w *world) authState() string { return string(w.tokenSecretData()[apiv1.AuthStateSecretKey]) }

// consent is the gateway's own record of the consent that was asked for last.
func (w *world) consent() simulator.Authorization {
	w.t.Helper()
	all := w.simulator.Ledger().Authorizations
	if len(all) == 0 {
		w.t.Fatal("the gateway was not asked for a consent")
	}
	return all[len(all)-1]
}

// buyerAgrees consents and returns what the browser brings.
func (w *world) buyerAgrees() (code, authState string) {
	w.t.Helper()
	address, err := w.simulator.BuyerAgrees(w.consent().AuthorizationID, "")
	if err != nil {
		w.t.Fatal(err)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return parsed.Query().Get("authCode"), parsed.Query().Get("authState")
}

// hearAll delivers whatever the gateway has announced to the agreement that it is about, as the receiver does.
func (w *world) hearAll() {
	w.t.Helper()
	for _, a := range w.announced() {
		w.hearOne(a)
	}
}

func (w *world) hearOne(a announcement) {
	w.t.Helper()
	agreement, about := w.agreement(), a.subject()
	if agreement == nil {
		return
	}
	st := &agreement.Status
	token := credentialHash(string(about.AccessToken))
	if about.AuthState != "" && credentialHash(about.AuthState) != st.AuthStateSHA256 ||
		about.AuthState == "" && (token == "" || token != st.AccessTokenSHA256 && token != st.PreviousAccessTokenSHA256) {
		return
	}
	sum := sha256.Sum256([]byte(a.body))
	secretName := agreementName + "-notification-" + hex.EncodeToString(sum[:6])
	envelope := a.envelope()
	envelope.Body, envelope.BodySecretName = "", secretName
	value, err := envelope.Value()
	if err != nil {
		w.t.Fatal(err)
	}
	if agreement.Annotations[a.annotation()] != "" {
		return
	}
	if w.store.latest(storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: secretName}}) == nil {
		w.store.create(newSecret(secretName, map[string]string{apiv1.NotificationBodySecretKey: a.body}))
	}
	w.annotate(agreement, a.annotation(), value)
}

// browserReturns leaves what a browser has brought where the receiver does.
func (w *world) browserReturns(code, authState string) {
	w.t.Helper()
	sum := sha256.Sum256([]byte(code + authState))
	name := hex.EncodeToString(sum[:6])
	if w.store.latest(storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: agreementName + "-return-" + name}}) == nil {
		w.store.create(newSecret(agreementName+"-return-"+name, map[string]string{apiv1.AuthCodeSecretKey: code, apiv1.AuthStateSecretKey: authState}))
	}
	consent := w.agreement().Status.AuthStateSHA256[:12]
	w.annotate(w.agreement(), apiv1.AgreementReturnAnnotation+"-"+consent+"-"+name, agreementName+"-return-"+name)
}

// consented creates an agreement whose buyer has consented, and follows it until it is Active.
func consented(t testing.TB, agreement *apiv1.AutoDebitAgreement, changes ...func(*worldOptions)) *world {
	t.Helper()
	w := agreementWorld(t, agreement, changes...)
	w.followAgreement(0)
	w.buyerAgrees()
	w.advance(5 * time.Second)
	w.hearAll()
	w.followAgreement(time.Minute)
	w.advance(5 * time.Second)
	w.hearAll()
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
	return w
}

// expectAgreement compares state and reason.
func (w *world) expectAgreement(state apiv1.AgreementState, why string) {
	w.t.Helper()
	got := w.agreement()
	if got == nil {
		w.t.Fatalf("the agreement is gone, want %s (%s)", state, why)
	}
	if got.Status.State != state || reason(got.Status.Conditions) != why {
		w.t.Fatalf("agreement is %s (%s), want %s (%s): %s", got.Status.State, reason(got.Status.Conditions), state, why, asText(w.t, got.Status))
	}
}

// expectSound checks what must hold whatever happens: the gateway's rules, no overlapping exchanges, one live token at most.
func (w *world) expectSound() {
	w.t.Helper()
	w.expectSoundBeside(0)
}

// expectSoundBeside allows for so many tokens that the gateway made and nobody got.
func (w *world) expectSoundBeside(lost int) {
	w.t.Helper()
	ledger := w.simulator.Ledger()
	if err := ledger.Check(); err != nil {
		w.t.Error(err)
	}
	for _, a := range ledger.Authorizations {
		if a.Overlaps() > 0 || a.CodeExchanges() > 1 {
			w.t.Errorf("consent %s: %d overlapping exchanges, %d codes exchanged, want 0 and 1 at most", a.AuthorizationID, a.Overlaps(), a.CodeExchanges())
		}
	}
	if n := ledger.LiveTokens(testClientID); n > 1+lost {
		w.t.Errorf("%d live tokens, want %d at most", n, 1+lost)
	}
}

// condition is a condition of the agreement; its zero value when it has none of that type.
func (w *world) condition(kind string) metav1.Condition {
	found := meta.FindStatusCondition(w.agreement().Status.Conditions, kind)
	if found == nil {
		return metav1.Condition{}
	}
	return *found
}

// credentials are all values that must be in Secrets alone.
func (w *world) credentials() []string {
	var values []string
	for _, a := range w.simulator.Ledger().Authorizations {
		values = append(values, a.AuthState, a.AuthCode)
		for _, token := range a.Tokens {
			values = append(values, token.AccessToken, token.RefreshToken)
		}
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}
