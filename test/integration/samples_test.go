package integration

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// Annotations of the samples.
const (
	buyerAnnotation  = "demo.alipay-operator.io/buyer"
	expectAnnotation = "demo.alipay-operator.io/expect"
)

// sampleShop is the shop of config/samples/shop at a gateway that outlives clusters.
type sampleShop struct {
	*testenv.Shop
}

func newSampleShop(t *testing.T) *sampleShop {
	t.Helper()
	s := &sampleShop{&testenv.Shop{T: t, Cluster: cluster, Namespace: "shop", Key: testenv.MerchantKey(), Ingress: testenv.NewIngress(t)}}
	s.StartSimulator(func(o *simulator.Options) {
		o.Buyer, o.Clients = simulator.BuyerManual, nil
		for _, account := range s.read("account.yaml", "MerchantAccount") {
			id, _, _ := unstructured.NestedString(account.Object, "spec", "clientId")
			o.Clients = append(o.Clients, simulator.Client{ID: id, PublicKey: &s.Key.PublicKey})
		}
	})
	return s
}

// read reads the objects of some kinds from a sample file.
func (s *sampleShop) read(file string, kinds ...string) []*unstructured.Unstructured {
	s.T.Helper()
	all, err := testenv.ReadObjects(filepath.Join(testenv.Root(), "config", "samples", "shop", file))
	if err != nil {
		s.T.Fatal(err)
	}
	var some []*unstructured.Unstructured
	for _, obj := range all {
		for _, kind := range kinds {
			if obj.GetKind() == kind {
				some = append(some, obj)
			}
		}
	}
	if len(some) == 0 {
		s.T.Fatalf("%s holds no %v", file, kinds)
	}
	return some
}

// open makes the namespace, the accounts and their Secrets, as a cluster's owner would before Git is applied.
func (s *sampleShop) open() {
	s.T.Helper()
	s.CreateNamespace()
	for _, account := range s.read("account.yaml", "MerchantAccount") {
		secret := s.Secret()
		secret.Name, _, _ = unstructured.NestedString(account.Object, "spec", "credentialsSecretRef", "name")
		s.Create(secret)
		spec := account.Object["spec"].(map[string]any)
		spec["gatewayUrl"], spec["alipayPublicKeys"] = s.Gateway.URL, []any{s.Simulator.PublicKeyPEM()}
		spec["notificationBaseUrl"] = s.Ingress.URL
		s.Create(account)
	}
}

// manifests are the payments and refunds. Once cancelled in Git, order-1005 stays so.
func (s *sampleShop) manifests(cancelled bool) []*unstructured.Unstructured {
	s.T.Helper()
	objects := append(s.read("payments.yaml", "Payment"), s.read("refunds.yaml", "Refund")...)
	for _, obj := range objects {
		if cancelled && obj.GetAnnotations()[expectAnnotation] == string(apiv1.PaymentCancelled) {
			obj.Object["spec"].(map[string]any)["desiredState"] = string(apiv1.DesiredCancelled)
		}
	}
	return objects
}

// apply applies manifests as GitOps tools do.
func (s *sampleShop) apply(objects []*unstructured.Unstructured) {
	s.T.Helper()
	for _, obj := range objects {
		err := s.Cluster.Client.Apply(s.T.Context(), client.ApplyConfigurationFromUnstructured(obj.DeepCopy()), client.FieldOwner("git"), client.ForceOwnership)
		if err != nil {
			s.T.Fatal(err)
		}
	}
}

func (s *sampleShop) deleteAll(objects []*unstructured.Unstructured) {
	s.T.Helper()
	for _, obj := range objects {
		if err := s.Cluster.Client.Delete(s.T.Context(), obj.DeepCopy()); err != nil {
			s.T.Fatal(err)
		}
	}
}

// play lets the buyers decide, the shop cancel, and six minutes pass.
func (s *sampleShop) play(t *testing.T) {
	t.Helper()
	payments := s.read("payments.yaml", "Payment")
	for _, sample := range payments {
		payment := &apiv1.Payment{}
		eventually(t, func() error {
			s.Get(sample.GetName(), payment)
			if payment.Status.State != apiv1.StateProcessing {
				return fmt.Errorf("payment %s is %q", payment.Name, payment.Status.State)
			}
			return nil
		})
		var err error
		switch payment.Annotations[buyerAnnotation] {
		case "pays":
			err = s.Simulator.BuyerPays(payment.Status.PaymentID)
		case "declines":
			err = s.Simulator.BuyerDeclines(payment.Status.PaymentID)
		case "leaves":
			err = s.Simulator.BuyerLeaves(payment.Status.PaymentID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.apply(s.manifests(true))
	eventually(t, func() error { return s.unexpected("Cancelled", "Paid") })
	s.Simulator.Advance(6 * time.Minute)
}

// unexpected names the objects that are not in the state that their sample expects; only those that expect one of some states, if given.
func (s *sampleShop) unexpected(only ...string) error {
	s.T.Helper()
	var wrong []error
	for _, obj := range s.manifests(true) {
		want := obj.GetAnnotations()[expectAnnotation]
		if len(only) > 0 && want != only[0] && want != only[1] {
			continue
		}
		now := &unstructured.Unstructured{}
		now.SetGroupVersionKind(obj.GroupVersionKind())
		s.Get(obj.GetName(), now)
		if state, _, _ := unstructured.NestedString(now.Object, "status", "state"); state != want {
			wrong = append(wrong, fmt.Errorf("%s %s is %q and should be %s", obj.GetKind(), obj.GetName(), state, want))
		}
	}
	return errors.Join(wrong...)
}

func TestSampleShopMovesMoneyOnce(t *testing.T) {
	s := newSampleShop(t)
	s.open()
	manager := s.RunManager(nil)
	s.apply(s.manifests(false))
	s.play(t)
	eventually(t, func() error { return s.unexpected() })
	booked := s.Simulator.Ledger().Entries
	if len(booked) != 6 {
		t.Fatalf("movements of money = %d, want 3 charges and 3 refunds: %+v", len(booked), booked)
	}
	unchanged := func(t *testing.T) {
		t.Helper()
		eventually(t, func() error { return s.unexpected() })
		if diff := cmp.Diff(booked, s.Simulator.Ledger().Entries); diff != "" {
			t.Errorf("money has moved again (-before +after):\n%s", diff)
		}
		checkLedger(t, s.Simulator)
	}

	t.Run("applied twice", func(t *testing.T) {
		s.apply(s.manifests(true))
		unchanged(t)
	})
	t.Run("deleted and applied again", func(t *testing.T) {
		s.deleteAll(s.manifests(true))
		s.apply(s.manifests(true))
		unchanged(t)
	})
	t.Run("applied to a new control plane after the old one's data was deleted", func(t *testing.T) {
		if err := manager.Stop(); err != nil {
			t.Fatal(err)
		}
		rebuilt, err := testenv.StartCluster(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		s.Cluster = rebuilt
		s.open()
		manager := s.RunManager(nil)
		s.apply(s.manifests(true))
		unchanged(t)
		s.expectAdopted(t)
		if err := manager.Stop(); err != nil {
			t.Error(err)
		}
		if err := rebuilt.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// expectAdopted checks that what was found again says so.
func (s *sampleShop) expectAdopted(t *testing.T) {
	t.Helper()
	for _, sample := range s.read("payments.yaml", "Payment") {
		payment := &apiv1.Payment{}
		if s.Get(sample.GetName(), payment); payment.Status.PaymentID != "" && !payment.Status.Adopted {
			t.Errorf("payment %s was found at the gateway and is not marked as adopted", payment.Name)
		}
	}
}
