package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// clickPay has the buyer choose a method on the gateway's page, and pay.
func clickPay(t *testing.T, page, method string) {
	t.Helper()
	form := url.Values{"action": {"pay"}, "method": {method}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the page answers %s", answer.Status)
	}
}

func TestSessionIsKeptInASecretThatGoesWithThePayment(t *testing.T) {
	installRoles(t)
	s := newNotifiedShop(t)
	s.stop()
	s.grantSecrets("reads-credentials", rbacv1.PolicyRule{Verbs: []string{"get", "list", "watch"}, ResourceNames: []string{testenv.SecretName}})
	logged := s.runAsOperator()
	payment := testenv.NewPayment("order")
	payment.Spec.Cashier, payment.Spec.Session = nil, &apiv1.Session{ProductScene: apiv1.HostedPageScene}
	s.Create(payment)

	s.expectReason(payment, apiv1.SecretForbiddenReason)
	if got := total(s.Simulator.Ledger().APICalls["createPaymentSession"]); got != 0 {
		t.Errorf("%d sessions were asked for without the right to keep one", got)
	}

	s.grantSecrets("makes-sessions", rbacv1.PolicyRule{Verbs: []string{"create"}})
	s.grantSecrets("keeps-sessions", rbacv1.PolicyRule{Verbs: []string{"get", "update"}, ResourceNames: []string{"order-session"}})
	wakes := 0
	eventually(t, func() error { // Roles are not watched, and the payment looks again by the real clock: a change of its spec wakes it
		wakes++
		s.Get("order", payment)
		s.must(cluster.Client.Patch(t.Context(), payment, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"ttlSecondsAfterFinished":%d}}`, 1000000+wakes))))
		if s.Get("order", payment); payment.Status.State != apiv1.StateProcessing {
			return fmt.Errorf("payment is %q: %+v", payment.Status.State, payment.Status)
		}
		return nil
	})
	secret := &corev1.Secret{}
	s.Get("order-session", secret)
	data := string(secret.Data[apiv1.SessionDataSecretKey])
	if data == "" || string(secret.Data[apiv1.SessionURLSecretKey]) != payment.Status.Checkout.NormalURL || len(secret.Data) != 6 {
		t.Errorf("the Secret has the keys %v, want the session", secret.Data)
	}
	if owners := secret.OwnerReferences; len(owners) != 1 || owners[0].UID != payment.UID || owners[0].Controller == nil || !*owners[0].Controller {
		t.Errorf("owners of the Secret = %+v, want the payment", owners)
	}

	clickPay(t, payment.Status.Checkout.NormalURL, "ALIPAY_HK")
	s.pass(3 * time.Second)
	s.awaitPayment(payment, apiv1.PaymentPaid)
	if got := payment.Status.PaymentMethodType; got != "ALIPAY_HK" {
		t.Errorf("method = %q, want the one that the buyer chose", got)
	}
	if got := s.Simulator.Charges(payment.Status.PaymentRequestID); got != 1 {
		t.Errorf("charges = %d, want 1", got)
	}
	events := &eventsv1.EventList{}
	s.must(cluster.Client.List(t.Context(), events, client.InNamespace(s.Namespace)))
	for what, value := range map[string]any{"the payment": payment, "an event": events, "the log": logged()} {
		text, err := json.Marshal(value)
		s.must(err)
		escaped, err := json.Marshal(data)
		s.must(err)
		if strings.Contains(string(text), data) || strings.Contains(string(text), strings.Trim(string(escaped), `"`)) {
			t.Errorf("%s holds the session", what)
		}
	}

	s.must(cluster.Client.Delete(t.Context(), payment))
	eventually(t, func() error {
		if left := s.secretsBeside(); len(left) != 0 {
			return fmt.Errorf("%d Secrets are left", len(left))
		}
		return nil
	})
}
