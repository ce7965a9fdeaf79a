package testenv

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// Names that every shop uses.
const (
	AccountName = "account"
	SecretName  = "credentials"
	ClientID    = "SANDBOX_5YTESTSHOP000001"
)

// Shop is a namespace of its own with a simulated gateway of its own, in which the account is a real one.
type Shop struct {
	T         testing.TB
	Cluster   *Cluster
	Namespace string
	Simulator *simulator.Simulator
	Gateway   *httptest.Server
	Key       *rsa.PrivateKey
	// Ingress takes the gateway's notifications to the managers; nil where operations are followed by inquiry alone.
	Ingress *Ingress
}

var namespaces atomic.Int64

// Keys take long to make and need not differ between shops.
var (
	MerchantKey = sync.OnceValue(newKey)
	// GatewayKey is the private key of every shop's gateway, with which a test can sign notifications of its own.
	GatewayKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the system has no randomness
	}
	return key
}

// NewShop makes a namespace, starts a simulator and creates account and credentials. adjust may change the simulator's options.
func NewShop(t testing.TB, cluster *Cluster, adjust ...func(*simulator.Options)) *Shop {
	t.Helper()
	return newShop(t, cluster, nil, adjust)
}

// NewNotifiedShop makes a shop to which the gateway sends notifications.
func NewNotifiedShop(t testing.TB, cluster *Cluster, adjust ...func(*simulator.Options)) *Shop {
	t.Helper()
	return newShop(t, cluster, NewIngress(t), adjust)
}

func newShop(t testing.TB, cluster *Cluster, ingress *Ingress, adjust []func(*simulator.Options)) *Shop {
	t.Helper()
	shop := &Shop{T: t, Ingress: ingress, Cluster: cluster, Namespace: fmt.Sprintf("shop-%d-%d", time.Now().Unix()%100000, namespaces.Add(1)), Key: MerchantKey()}
	shop.StartSimulator(adjust...)
	shop.CreateNamespace()
	shop.Create(shop.Secret())
	shop.Create(shop.Account())
	return shop
}

// StartSimulator starts the gateway, which outlives clusters.
func (s *Shop) StartSimulator(adjust ...func(*simulator.Options)) {
	s.T.Helper()
	options := simulator.Options{
		Clients:    []simulator.Client{{ID: ClientID, PublicKey: &s.Key.PublicKey}},
		PrivateKey: GatewayKey(), Buyer: simulator.BuyerPay, Seed: 1,
	}
	for _, change := range adjust {
		change(&options)
	}
	var err error
	if s.Simulator, err = simulator.New(options); err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(s.Simulator.Close)
	s.Gateway = httptest.NewServer(s.Simulator.Handler())
	s.T.Cleanup(s.Gateway.Close)
}

// CreateNamespace creates the shop's namespace, which goes with the cluster.
func (s *Shop) CreateNamespace() {
	s.T.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}}
	if err := s.Cluster.Client.Create(s.T.Context(), namespace); err != nil {
		s.T.Fatal(err)
	}
}

// Create creates an object in the shop's namespace.
func (s *Shop) Create(obj client.Object) {
	s.T.Helper()
	obj.SetNamespace(s.Namespace)
	if err := s.Cluster.Client.Create(s.T.Context(), obj); err != nil {
		s.T.Fatal(err)
	}
}

// Get reads an object of the shop's namespace.
func (s *Shop) Get(name string, obj client.Object) {
	s.T.Helper()
	if err := s.Cluster.Client.Get(s.T.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, obj); err != nil {
		s.T.Fatal(err)
	}
}

// PrivateKeyPEM is the merchant's key as the Secret holds it.
func PrivateKeyPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // an RSA key can always be marshalled
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// PublicKeyPEM is a public key as the dashboard takes and shows it.
func PublicKeyPEM(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err) // an RSA key can always be marshalled
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Secret is the shop's credentials Secret.
func (s *Shop) Secret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: SecretName},
		Data:       map[string][]byte{apiv1.PrivateKeySecretKey: PrivateKeyPEM(s.Key)},
	}
}

// Account is the shop's MerchantAccount.
func (s *Shop) Account() *apiv1.MerchantAccount {
	account := &apiv1.MerchantAccount{
		ObjectMeta: metav1.ObjectMeta{Name: AccountName},
		Spec: apiv1.MerchantAccountSpec{
			ClientID: ClientID, Environment: apiv1.SandboxEnvironment, GatewayURL: s.Gateway.URL,
			CredentialsSecretRef: apiv1.SecretReference{Name: SecretName},
			AlipayPublicKeys:     []string{s.Simulator.PublicKeyPEM()},
			RequestIDPrefix:      "t",
			RateLimit:            &apiv1.RateLimit{RequestsPerSecond: 5000},
		},
	}
	if s.Ingress != nil {
		account.Spec.NotificationBaseURL = s.Ingress.URL
	}
	return account
}

// NewPayment is a cashier payment of 100.00 HKD with AlipayHK.
func NewPayment(name string) *apiv1.Payment {
	return &apiv1.Payment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: apiv1.PaymentSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: AccountName},
			Attempt:            1,
			Amount:             apiv1.Amount{Currency: "HKD", Value: "10000"},
			Order:              apiv1.Order{ReferenceOrderID: name, OrderDescription: "Order " + name},
			Cashier:            &apiv1.Cashier{PaymentMethodType: "ALIPAY_HK"},
			RedirectURL:        "https://shop.example/return",
			DesiredState:       apiv1.DesiredPaid,
			DeletionPolicy:     apiv1.RetainPayment,
		},
	}
}

// NewRefund is a refund of so many cents of a payment.
func NewRefund(name, payment, value string) *apiv1.Refund {
	return &apiv1.Refund{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: apiv1.RefundSpec{
			PaymentRef: apiv1.PaymentReference{Name: payment}, Attempt: 1,
			Amount: &apiv1.Amount{Currency: "HKD", Value: value},
		},
	}
}
