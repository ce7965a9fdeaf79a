package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func newDeclaration(name, payment, value string) *apiv1.CustomsDeclaration {
	return &apiv1.CustomsDeclaration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: apiv1.CustomsDeclarationSpec{
			PaymentRef: apiv1.PaymentReference{Name: payment}, Amount: &apiv1.Amount{Currency: "CNY", Value: value}, Customs: apiv1.Customs{CustomsCode: "ZONGSHU"},
			MerchantCustomsInfo: apiv1.MerchantCustomsInfo{MerchantCustomsCode: "TV0000000001", MerchantCustomsName: "测试商贸有限公司"},
			SplitOrder:          true, SubOrderID: name, BuyerCertificateSecretRef: &apiv1.SecretKeyReference{Name: "buyer"},
		},
	}
}

func (s *notifiedShop) awaitDeclaration(declaration *apiv1.CustomsDeclaration, want apiv1.OperationState) {
	s.t.Helper()
	eventually(s.t, func() error {
		if s.Get(declaration.Name, declaration); declaration.Status.State != want {
			return fmt.Errorf("declaration %s is %q, want %q: %+v", declaration.Name, declaration.Status.State, want, declaration.Status)
		}
		return nil
	})
}

// One part of an order waits for the payment, and is declared by itself. One inquiry tells of both: the one that asks wakes the other.
func TestDeclarationsOfASplitOrderAreMadeOnceAndAskedAboutTogether(t *testing.T) {
	s := newNotifiedShop(t)
	s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "buyer"}, StringData: map[string]string{apiv1.BuyerCertificateSecretKey: fmt.Sprintf(
		`{"certificateType":"ID_CARD","certificateNo":%q,"holderName":{"fullName":%q}}`, simulator.PayerCertificateNo, simulator.PayerName)}})
	payment := testenv.NewPayment("order")
	payment.Spec.Amount, payment.Spec.Cashier = apiv1.Amount{Currency: "CNY", Value: "10050"}, &apiv1.Cashier{PaymentMethodType: "ALIPAY_CN"}
	first, second := newDeclaration("first", "order", "6000"), newDeclaration("second", "order", "4050")
	s.Create(first)
	s.awaitDeclaration(first, apiv1.StatePending)
	s.Create(payment)
	s.awaitPayment(payment, apiv1.StateProcessing)
	s.buyerPays(payment)
	s.awaitDeclaration(first, apiv1.StateProcessing)
	s.clock.Step(45 * time.Second)
	s.Create(second)
	s.awaitDeclaration(second, apiv1.StateProcessing)
	if got := total(s.Simulator.Ledger().APICalls["declare"]); got != 2 {
		t.Errorf("declare requests = %d, want one for each part", got)
	}

	s.Simulator.Advance(3 * time.Minute)                                                                  // customs answers, and nobody is told
	s.clock.Step(35 * time.Second)                                                                        // only the first is due, whatever wakes the second
	update(t, s.Shop, "first", &apiv1.CustomsDeclaration{}, func(declaration *apiv1.CustomsDeclaration) { // wakes the first alone
		declaration.Spec.TTLSecondsAfterFinished = ptr.To[int32](3600)
	})
	for _, declaration := range []*apiv1.CustomsDeclaration{first, second} {
		s.awaitDeclaration(declaration, apiv1.DeclarationAccepted)
		if got := declaration.Status; got.CustomsOrderID != declaration.Name || got.CustomsDeclarationResultCode != "2" || got.IdentityCheckResult != "CHECK_PASSED" {
			t.Errorf("status = %+v, want what customs told", got)
		}
	}
	if got := total(s.Simulator.Ledger().APICalls["inquiryDeclarationRequests"]); got != 1 {
		t.Errorf("inquiries = %d, want one for both", got)
	}
	eventually(t, func() error {
		s.Get("order", payment)
		for _, noted := range payment.Status.Declarations {
			if noted.Status != string(apiv1.DeclarationAccepted) {
				return fmt.Errorf("the payment notes %+v", payment.Status.Declarations)
			}
		}
		return nil
	})
	for _, obj := range []any{first, second, payment} {
		if text := fmt.Sprintf("%+v", obj); strings.Contains(text, simulator.PayerCertificateNo) || strings.Contains(text, simulator.PayerName) {
			t.Errorf("it tells who bought: %s", text)
		}
	}

	// The same manifest once more: found again, and customs is told nothing.
	if err := s.Cluster.Client.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	again := newDeclaration("second", "order", "4050")
	s.Create(again)
	s.awaitDeclaration(again, apiv1.DeclarationAccepted)
	if n := len(s.Simulator.Ledger().Declarations); n != 2 {
		t.Errorf("customs knows %d declarations, want 2", n)
	}
	checkLedger(t, s.Simulator)
}
