package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// awaitAgreement waits until an agreement is in a state for a reason.
func (s *notifiedShop) awaitAgreement(agreement *apiv1.AutoDebitAgreement, state apiv1.AgreementState, reason string) {
	s.t.Helper()
	eventually(s.t, func() error {
		s.Get(agreement.Name, agreement)
		ready := meta.FindStatusCondition(agreement.Status.Conditions, apiv1.ReadyCondition)
		if agreement.Status.State != state || ready == nil || ready.Reason != reason || ready.ObservedGeneration != agreement.Generation {
			return fmt.Errorf("agreement is %q: %+v", agreement.Status.State, agreement.Status.Conditions)
		}
		return nil
	})
}

// consentOf is the gateway's record of an agreement's consent.
func (s *notifiedShop) consentOf() simulator.Authorization {
	s.t.Helper()
	all := s.Simulator.Ledger().Authorizations
	if len(all) != 1 {
		s.t.Fatalf("the gateway has %d consents, want 1", len(all))
	}
	return all[0]
}

// A buyer consents on the wallet's page, the browser comes back through the operator, the token is renewed when it is due, and the operator
// revokes it when the object is deleted: all of it with the rights that the documents ask for.
func TestAgreementFromConsentToDeletion(t *testing.T) {
	installRoles(t)
	s := newNotifiedShop(t)
	s.must(s.Simulator.SetNotifyURL(testenv.ClientID, s.Ingress.URL+"/notify/"+s.Namespace+"/"+testenv.AccountName))
	s.stop()
	s.grantSecrets("reads-credentials", rbacv1.PolicyRule{Verbs: []string{"get", "list", "watch"}, ResourceNames: []string{testenv.SecretName}})
	s.grantSecrets("keeps-notifications", rbacv1.PolicyRule{Verbs: []string{"create", "get"}})
	logged := s.runAsOperator()
	agreement := &apiv1.AutoDebitAgreement{
		ObjectMeta: metav1.ObjectMeta{Name: "monthly"},
		Spec: apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testenv.AccountName}, CustomerBelongsTo: "GCASH",
			AuthRedirectURL: "https://shop.example/wallet", RedirectThroughOperator: true,
		},
	}
	s.Create(agreement)
	s.awaitAgreement(agreement, apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)

	address, err := s.Simulator.BuyerAgrees(s.consentOf().AuthorizationID, "")
	s.must(err)
	returned, err := url.Parse(address)
	s.must(err)
	if want := "/return/" + s.Namespace + "/" + testenv.AccountName; !strings.HasSuffix(returned.Path, want) {
		t.Fatalf("the wallet sends the browser to %s, want an address that ends in %s", returned.Path, want)
	}
	if status, location, _ := s.browse(http.MethodGet, address); status != http.StatusSeeOther || location != "https://shop.example/wallet" {
		t.Errorf("the browser gets %d and %q, want it sent on to the shop", status, location)
	}
	eventually(t, func() error { // the code is in a Secret, and the right to change the token Secret is missing
		s.Get(agreement.Name, agreement)
		if ready := meta.FindStatusCondition(agreement.Status.Conditions, apiv1.ReadyCondition); ready.Reason != apiv1.SecretForbiddenReason || !strings.Contains(ready.Message, "monthly-token") {
			return fmt.Errorf("conditions = %+v", agreement.Status.Conditions)
		}
		return nil
	})
	s.grantSecrets("keeps-tokens", rbacv1.PolicyRule{Verbs: []string{"get", "update", "delete"}, ResourceNames: []string{"monthly-token"}})
	s.awaitAgreement(agreement, apiv1.AgreementActive, apiv1.TokenValidReason)
	s.expectToken(agreement)

	s.pass(agreement.Status.RenewalTime.Sub(s.clock.Now()) + time.Second)
	eventually(t, func() error {
		if s.Get(agreement.Name, agreement); agreement.Status.Renewals != 1 {
			return fmt.Errorf("%d renewals, want 1: %+v", agreement.Status.Renewals, agreement.Status.Conditions)
		}
		return nil
	})
	s.awaitAgreement(agreement, apiv1.AgreementActive, apiv1.TokenValidReason)
	s.expectToken(agreement)
	credentials := []string{s.consentOf().AuthState, s.consentOf().AuthCode}
	for _, token := range s.consentOf().Tokens {
		credentials = append(credentials, token.AccessToken, token.RefreshToken)
	}

	shown, err := json.Marshal(agreement)
	s.must(err)
	// In the foreground: the garbage collector deletes the Secret while the token is revoked.
	s.must(cluster.Client.Delete(t.Context(), agreement, client.PropagationPolicy(metav1.DeletePropagationForeground)))
	eventually(t, func() error {
		err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(agreement), &apiv1.AutoDebitAgreement{})
		if err == nil {
			return errors.New("the agreement is still there")
		}
		return client.IgnoreNotFound(err)
	})
	if got := s.consentOf(); got.State != simulator.AuthorizationRevoked || got.CodeAttempts() != 1 || got.Refreshes() != 1 {
		t.Errorf("the consent is %s after %d exchanges and %d refreshes, want REVOKED after one of each", got.State, got.CodeAttempts(), got.Refreshes())
	}
	eventually(t, func() error {
		if left := s.secretsBeside(); len(left) != 0 {
			return fmt.Errorf("%d Secrets are left", len(left))
		}
		return nil
	})
	events := &eventsv1.EventList{}
	s.must(cluster.Client.List(t.Context(), events, client.InNamespace(s.Namespace)))
	said, err := json.Marshal(events)
	s.must(err)
	for what, text := range map[string]string{"the agreement": string(shown), "an event": string(said), "the log": logged()} {
		for _, credential := range credentials {
			if credential != "" && strings.Contains(text, credential) {
				t.Errorf("%s holds a credential", what)
			}
		}
	}
}

// expectToken compares the Secret with what the gateway takes.
func (s *notifiedShop) expectToken(agreement *apiv1.AutoDebitAgreement) {
	s.t.Helper()
	secret := &corev1.Secret{}
	s.must(cluster.Client.Get(s.t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: agreement.Status.TokenSecretName}, secret))
	tokens := s.consentOf().Tokens
	if newest := tokens[len(tokens)-1]; string(secret.Data[apiv1.AccessTokenSecretKey]) != newest.AccessToken || !newest.LiveAt(s.Simulator.Now()) {
		s.t.Error("the Secret does not hold the live token")
	}
	if !metav1.IsControlledBy(secret, agreement) || secret.Type != corev1.SecretTypeOpaque {
		s.t.Errorf("the Secret is of type %s and belongs to %+v, want an opaque one of the agreement", secret.Type, secret.OwnerReferences)
	}
}

// browse asks for an address as a browser does that follows no redirection.
func (s *notifiedShop) browse(method, address string) (status int, location, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, address, http.NoBody)
	s.must(err)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Do(request)
	s.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	s.must(err)
	for _, header := range []string{"Referrer-Policy", "Cache-Control"} {
		if want := map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}[header]; response.Header.Get(header) != want {
			s.t.Errorf("%s = %q, want %q", header, response.Header.Get(header), want)
		}
	}
	return response.StatusCode, response.Header.Get("Location"), string(text)
}

// Whatever a stranger sends to the return address, no browser is sent anywhere, and nothing is stored.
func TestReturnAddressSendsStrangersNowhere(t *testing.T) {
	s := newNotifiedShop(t)
	for _, through := range []bool{true, false} {
		s.Create(&apiv1.AutoDebitAgreement{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("through-%t", through)},
			Spec: apiv1.AutoDebitAgreementSpec{
				MerchantAccountRef: apiv1.MerchantAccountReference{Name: testenv.AccountName}, CustomerBelongsTo: "GCASH",
				AuthRedirectURL: "https://shop.example/wallet", RedirectThroughOperator: through,
			},
		})
	}
	states := map[string]string{}
	for _, name := range []string{"through-true", "through-false"} {
		agreement := &apiv1.AutoDebitAgreement{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name}}
		s.awaitAgreement(agreement, apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
		secret := &corev1.Secret{}
		s.must(cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name + "-token"}, secret))
		states[name] = string(secret.Data[apiv1.AuthStateSecretKey])
	}
	base := s.Ingress.URL + "/return/" + s.Namespace + "/"
	own := base + testenv.AccountName
	for name, tt := range map[string]struct {
		method, address string
		want            int
	}{
		"an unknown state":                       {http.MethodGet, own + "?authCode=c&authState=guessed&redirect=https://evil.example", http.StatusBadRequest},
		"no state":                               {http.MethodGet, own + "?authCode=c", http.StatusBadRequest},
		"two states":                             {http.MethodGet, own + "?authCode=c&authState=a&authState=" + states["through-true"], http.StatusBadRequest},
		"two codes":                              {http.MethodGet, own + "?authCode=c&authCode=d&authState=" + states["through-true"], http.StatusBadRequest},
		"a code that is too long":                {http.MethodGet, own + "?authCode=" + strings.Repeat("c", 129) + "&authState=" + states["through-true"], http.StatusBadRequest},
		"a query that is too long":               {http.MethodGet, own + "?authCode=c&authState=" + states["through-true"] + "&x=" + strings.Repeat("x", 4096), http.StatusBadRequest},
		"another method":                         {http.MethodPost, own + "?authCode=c&authState=" + states["through-true"], http.StatusBadRequest},
		"another account":                        {http.MethodGet, base + "other?authCode=c&authState=" + states["through-true"], http.StatusBadRequest},
		"an agreement that sends nobody here":    {http.MethodGet, own + "?authCode=c&authState=" + states["through-false"], http.StatusBadRequest},
		"a buyer who has refused":                {http.MethodGet, own + "?authState=" + states["through-true"], http.StatusSeeOther},
		"a buyer with an address in their query": {http.MethodGet, own + "?authState=" + states["through-true"] + "&authRedirectUrl=https://evil.example", http.StatusSeeOther},
	} {
		t.Run(name, func(t *testing.T) {
			status, location, body := s.browse(tt.method, tt.address)
			if want := map[int]string{http.StatusSeeOther: "https://shop.example/wallet"}[tt.want]; status != tt.want || location != want || strings.Contains(body, "evil") {
				t.Errorf("got %d, location %q, want %d, %q", status, location, tt.want, want)
			}
		})
	}
	for _, secret := range s.secretsBeside() {
		if strings.Contains(secret.Name, "-return-") {
			t.Errorf("Secret %s was stored", secret.Name)
		}
	}
}
