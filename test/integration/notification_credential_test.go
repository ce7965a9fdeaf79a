package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// grantSecrets gives the operator's own account a right to Secrets of the shop.
func (s *notifiedShop) grantSecrets(name string, rule rbacv1.PolicyRule) {
	s.t.Helper()
	rule.APIGroups, rule.Resources = []string{""}, []string{"secrets"}
	s.Create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{rule}})
	s.Create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: systemNamespace, Name: serviceAccount}},
	})
}

// runAsOperator runs the manager with the rights of the operator's own account, and returns what it logs.
func (s *notifiedShop) runAsOperator() (logged func() string) {
	s.t.Helper()
	var mu sync.Mutex
	var log strings.Builder
	s.manager = s.RunManagerWith(testenv.ManagerOptions{
		Clock: s.clock, User: "system:serviceaccount:" + systemNamespace + ":" + serviceAccount,
		Log: funcr.New(func(prefix, args string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(&log, prefix, args)
		}, funcr.Options{Verbosity: 10}),
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
}

// secretsBeside are the Secrets of the shop other than its credentials.
func (s *notifiedShop) secretsBeside() []corev1.Secret {
	s.t.Helper()
	list := &corev1.SecretList{}
	s.must(cluster.Client.List(s.t.Context(), list, client.InNamespace(s.Namespace)))
	var found []corev1.Secret
	for i := range list.Items {
		if list.Items[i].Name != testenv.SecretName {
			found = append(found, list.Items[i])
		}
	}
	return found
}

func TestCredentialInANotificationIsKeptInASecretThatGoesWithThePayment(t *testing.T) {
	const token = "ALIPAYtok0031secret"
	installRoles(t)
	s := newNotifiedShop(t)
	s.stop()
	s.grantSecrets("reads-credentials", rbacv1.PolicyRule{Verbs: []string{"get", "list", "watch"}, ResourceNames: []string{testenv.SecretName}})
	logged := s.runAsOperator()
	payment := s.openPayment("order")
	calls := s.calls()
	s.must(s.Simulator.BuyerPays(payment.Status.PaymentID))
	tokenized := s.signed(s.paymentResult(payment, "S").with("paymentResultInfo", fields{"cardBrand": "VISA", "cardNo": "****0768", "cardToken": token}).String())

	if s.post(tokenized) {
		t.Error("acknowledged although the operator may not create Secrets here")
	}
	if s.Get("order", payment); len(kept(payment)) != 0 || payment.Status.State != apiv1.StateProcessing {
		t.Errorf("%d notifications kept, state = %s; want none, Processing", len(kept(payment)), payment.Status.State)
	}

	s.grantSecrets("keeps-notifications", rbacv1.PolicyRule{Verbs: []string{"create", "get"}})
	eventually(t, func() error { // the API server learns of the new right a moment later
		if !s.post(tokenized) {
			return fmt.Errorf("not acknowledged")
		}
		return nil
	})
	s.awaitPayment(payment, apiv1.PaymentPaid)
	if got := s.calls() - calls; got != 0 {
		t.Errorf("%d calls, want none: the notification settles", got)
	}
	secrets := s.secretsBeside()
	if len(secrets) != 1 || string(secrets[0].Data[apiv1.NotificationBodySecretKey]) != tokenized.Body {
		t.Fatalf("%d Secrets, want one with the body", len(secrets))
	}
	if owners := secrets[0].OwnerReferences; len(owners) != 1 || owners[0].UID != payment.UID {
		t.Errorf("owners of the Secret = %+v, want the payment", owners)
	}
	for _, text := range kept(payment) {
		if envelope := parsed(t, text); envelope.BodySecretName != secrets[0].Name || envelope.Body != "" {
			t.Errorf("the annotation names Secret %q and holds %q, want %q and nothing", envelope.BodySecretName, envelope.Body, secrets[0].Name)
		}
	}
	s.rest()
	events := &eventsv1.EventList{}
	s.must(cluster.Client.List(t.Context(), events, client.InNamespace(s.Namespace)))
	for what, value := range map[string]any{"the payment": payment, "an event": events, "the log": logged()} {
		text, err := json.Marshal(value)
		s.must(err)
		if strings.Contains(string(text), token) {
			t.Errorf("%s holds the token", what)
		}
	}
	if !strings.Contains(logged(), "could not be stored") {
		t.Error("the log does not say why the first one was not kept")
	}

	s.must(cluster.Client.Delete(t.Context(), payment))
	eventually(t, func() error {
		if left := s.secretsBeside(); len(left) != 0 {
			return fmt.Errorf("%d Secrets are left", len(left))
		}
		return nil
	})
}
