package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func newCatalog(name, currency, value string) *apiv1.PaymentMethodCatalog {
	return &apiv1.PaymentMethodCatalog{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: apiv1.PaymentMethodCatalogSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testenv.AccountName},
			Amount:             apiv1.Amount{Currency: currency, Value: value},
			RefreshInterval:    metav1.Duration{Duration: time.Hour},
		},
	}
}

// awaitCatalog waits until the catalog's Ready condition has a reason.
func awaitCatalog(t *testing.T, s *testenv.Shop, name, reason string) *apiv1.PaymentMethodCatalog {
	t.Helper()
	catalog := &apiv1.PaymentMethodCatalog{}
	eventually(t, func() error {
		s.Get(name, catalog)
		ready := meta.FindStatusCondition(catalog.Status.Conditions, apiv1.ReadyCondition)
		if ready == nil || ready.Reason != reason || ready.ObservedGeneration != catalog.Generation {
			return fmt.Errorf("catalog %s: %+v", name, catalog.Status.Conditions)
		}
		return nil
	})
	return catalog
}

func consults(s *testenv.Shop) int { return total(s.Simulator.Ledger().APICalls["consult"]) }

func TestCatalogListsMethodsInTheGatewaysOrder(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	counter := &writeCounter{}
	s.RunManager(counter.wrap)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	catalog := newCatalog("thai", "THB", "45000")
	catalog.Spec.UserRegion = "TH"
	catalog.Spec.AllowedPaymentMethodRegions = []string{"TH", "HK"}
	s.Create(catalog)
	catalog = awaitCatalog(t, s, "thai", apiv1.RefreshedReason)

	methods := catalog.Status.Methods
	if len(methods) < 3 || methods[0].PaymentMethodRegion[0] != "TH" {
		t.Fatalf("methods = %+v, want several, those of TH first", methods)
	}
	find := func(name string) apiv1.CatalogMethod {
		i := slices.IndexFunc(methods, func(m apiv1.CatalogMethod) bool { return m.PaymentMethodType == name })
		if i < 0 {
			t.Fatalf("%s is not listed", name)
		}
		return methods[i]
	}
	if m := find("TRUEMONEY"); !*m.Enabled || m.DisableReason != "" || m.LogoURL == "" || m.SupportedCurrencies[0] != "THB" {
		t.Errorf("TRUEMONEY = %+v, want it enabled, with logo and currency", m)
	}
	if m := find("ALIPAY_HK"); *m.Enabled || m.DisableReason != "CHANNEL_NOT_SUPPORT_CURRENCY" {
		t.Errorf("ALIPAY_HK = %+v, want it disabled as it does not know THB", m)
	}
	enabled := 0
	for _, m := range methods {
		if *m.Enabled {
			enabled++
		}
	}
	if *catalog.Status.EnabledMethods != int32(enabled) || consults(s) != 1 || counter.of("paymentmethodcatalogs/thai") != 1 {
		t.Errorf("enabledMethods = %d, want %d; %d consults and %d writes, want 1 of each",
			*catalog.Status.EnabledMethods, enabled, consults(s), counter.of("paymentmethodcatalogs/thai"))
	}
}

func TestCatalogKeepsItsListWhenARefreshFailsAndSaysHowOldItIs(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	s.RunManager(nil)
	s.Create(newCatalog("methods", "THB", "45000"))
	before := awaitCatalog(t, s, "methods", apiv1.RefreshedReason)

	inject(t, s.Simulator, simulator.Fault{Kind: simulator.ResultCode, Path: "consult", Code: "MERCHANT_NOT_REGISTERED"})
	changed := before.DeepCopy()
	changed.Spec.Amount.Value = "46000"
	if err := cluster.Client.Patch(t.Context(), changed, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	after := awaitCatalog(t, s, "methods", "MERCHANT_NOT_REGISTERED")
	message := meta.FindStatusCondition(after.Status.Conditions, apiv1.ReadyCondition).Message
	if len(after.Status.Methods) != len(before.Status.Methods) || !strings.Contains(message, before.Status.RefreshTime.UTC().Format(time.RFC3339)) {
		t.Errorf("%d methods and message %q, want the %d of before and when they were listed", len(after.Status.Methods), message, len(before.Status.Methods))
	}
	if !meta.IsStatusConditionTrue(after.Status.Conditions, apiv1.StalledCondition) {
		t.Errorf("conditions = %+v, want Stalled", after.Status.Conditions)
	}
	awaitCatalog(t, s, "methods", apiv1.RefreshedReason) // it was tried again by itself
}

func TestPaymentWithADisabledMethodGetsAWarningAndIsSentAllTheSame(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	s.RunManager(nil)
	s.Create(newCatalog("too-much", "HKD", "999999999")) // more than ALIPAY_HK takes
	s.Create(newCatalog("other-currency", "THB", "45000"))
	awaitCatalog(t, s, "too-much", apiv1.RefreshedReason)
	awaitCatalog(t, s, "other-currency", apiv1.RefreshedReason)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	settle(t, s, payment)
	if payment.Status.State != apiv1.PaymentPaid {
		t.Errorf("state = %s, want Paid", payment.Status.State)
	}
	eventually(t, func() error {
		list := &eventsv1.EventList{}
		if err := cluster.Client.List(t.Context(), list, client.InNamespace(s.Namespace)); err != nil {
			return err
		}
		for _, event := range list.Items {
			if event.Reason == apiv1.MethodDisabledReason && event.Type == corev1.EventTypeWarning && strings.Contains(event.Note, "too-much") {
				return nil
			}
		}
		return fmt.Errorf("no warning among %d events", len(list.Items))
	})
}
