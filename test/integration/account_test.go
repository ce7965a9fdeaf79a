package integration

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// expectReady waits until an account's Ready condition has a status and a reason.
func expectReady(t *testing.T, s *testenv.Shop, status metav1.ConditionStatus, reason string) {
	t.Helper()
	account := &apiv1.MerchantAccount{}
	eventually(t, func() error {
		s.Get(testenv.AccountName, account)
		condition := meta.FindStatusCondition(account.Status.Conditions, apiv1.ReadyCondition)
		if condition == nil || condition.Status != status || condition.Reason != reason {
			return fmt.Errorf("account is %+v, want Ready=%s, reason %s", account.Status.Conditions, status, reason)
		}
		if condition.Message == "" {
			return fmt.Errorf("the condition says nothing")
		}
		return nil
	})
}

func update[T client.Object](t *testing.T, s *testenv.Shop, name string, obj T, change func(T)) {
	t.Helper()
	s.Get(name, obj)
	patch := client.MergeFrom(obj.DeepCopyObject().(client.Object))
	change(obj)
	if err := cluster.Client.Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}

// TestAccountHealsByItself breaks an account in each way, checks that nothing is sent meanwhile, mends it, and expects the payment that
// was waiting to be paid.
func TestAccountHealsByItself(t *testing.T) {
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	setKey := func(t *testing.T, s *testenv.Shop, text []byte) {
		update(t, s, testenv.SecretName, &corev1.Secret{}, func(secret *corev1.Secret) { secret.Data = map[string][]byte{apiv1.PrivateKeySecretKey: text} })
	}
	right := testenv.PrivateKeyPEM(testenv.MerchantKey())
	deleteSecret := func(t *testing.T, s *testenv.Shop) {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: testenv.SecretName}}
		if err := cluster.Client.Delete(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	deleteAccount := func(t *testing.T, s *testenv.Shop) {
		account := &apiv1.MerchantAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: testenv.AccountName}}
		if err := cluster.Client.Delete(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name          string
		damage, mend  func(t *testing.T, s *testenv.Shop)
		accountReason string // of the account, or of the payment where there is no account
		paymentReason string
	}{
		{
			name:          "the Secret is missing",
			damage:        deleteSecret,
			mend:          func(_ *testing.T, s *testenv.Shop) { s.Create(s.Secret()) },
			accountReason: apiv1.SecretNotFoundReason, paymentReason: apiv1.MerchantAccountNotReadyReason,
		},
		{
			name: "the key is missing from the Secret",
			damage: func(t *testing.T, s *testenv.Shop) {
				update(t, s, testenv.SecretName, &corev1.Secret{}, func(secret *corev1.Secret) { secret.Data = map[string][]byte{"key": right} })
			},
			mend:          func(t *testing.T, s *testenv.Shop) { setKey(t, s, right) },
			accountReason: apiv1.SecretNotFoundReason, paymentReason: apiv1.MerchantAccountNotReadyReason,
		},
		{
			name:          "the key is no key",
			damage:        func(t *testing.T, s *testenv.Shop) { setKey(t, s, []byte("not a key")) },
			mend:          func(t *testing.T, s *testenv.Shop) { setKey(t, s, right) },
			accountReason: apiv1.CredentialsInvalidReason, paymentReason: apiv1.MerchantAccountNotReadyReason,
		},
		{
			name:          "the key is another merchant's",
			damage:        func(t *testing.T, s *testenv.Shop) { setKey(t, s, testenv.PrivateKeyPEM(foreign)) },
			mend:          func(t *testing.T, s *testenv.Shop) { setKey(t, s, right) },
			accountReason: apiv1.CredentialsRejectedReason, paymentReason: apiv1.MerchantAccountNotReadyReason,
		},
		{
			name: "Alipay's public key is another one",
			damage: func(t *testing.T, s *testenv.Shop) {
				update(t, s, testenv.AccountName, &apiv1.MerchantAccount{}, func(account *apiv1.MerchantAccount) {
					account.Spec.AlipayPublicKeys = []string{testenv.PublicKeyPEM(&foreign.PublicKey)}
				})
			},
			mend: func(t *testing.T, s *testenv.Shop) {
				update(t, s, testenv.AccountName, &apiv1.MerchantAccount{}, func(account *apiv1.MerchantAccount) {
					account.Spec.AlipayPublicKeys = []string{s.Simulator.PublicKeyPEM()}
				})
			},
			accountReason: apiv1.AlipayPublicKeyMismatchReason, paymentReason: apiv1.MerchantAccountNotReadyReason,
		},
		{
			name:          "the account is missing",
			damage:        deleteAccount,
			mend:          func(_ *testing.T, s *testenv.Shop) { s.Create(s.Account()) },
			paymentReason: apiv1.MerchantAccountNotFoundReason,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testenv.NewShop(t, cluster)
			s.T = t
			s.RunManager(nil)
			expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
			test.damage(t, s)
			if test.accountReason != "" {
				expectReady(t, s, metav1.ConditionFalse, test.accountReason)
			}
			payment := testenv.NewPayment("order")
			s.Create(payment)
			eventually(t, func() error {
				s.Get("order", payment)
				condition := meta.FindStatusCondition(payment.Status.Conditions, apiv1.ReadyCondition)
				if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != test.paymentReason {
					return fmt.Errorf("payment is %+v, want reason %s", payment.Status.Conditions, test.paymentReason)
				}
				return nil
			})
			if got := s.Simulator.Ledger().Calls("pay"); got != 0 || payment.Status.Intent != nil {
				t.Errorf("pay requests = %d, intent = %+v; want nothing sent and nothing recorded", got, payment.Status.Intent)
			}
			test.mend(t, s)
			settle(t, s, payment)
			if payment.Status.State != apiv1.PaymentPaid {
				t.Errorf("state = %s, want Paid", payment.Status.State)
			}
			expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
		})
	}
}
