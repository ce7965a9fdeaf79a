package integration

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func TestCaptureTakesItsMoneyOnceWhateverFails(t *testing.T) {
	eachBreakage(t, "capture", "inquiryPayment", func(t *testing.T, fault simulator.Fault, broken brokenWrite) {
		writes := 0
		s := newStepper(t, nil)
		s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "card"}, StringData: map[string]string{apiv1.CardTokenSecretKey: "ALIPAYtok0042"}})
		s.Create(newCardPayment("order"))
		s.settlePaymentAs("order", apiv1.PaymentAuthorized)
		s.Create(newCapture("capture", "order", "4200"))
		s.client = broken.through(&writes)(s.client)
		inject(t, s.Simulator, fault)
		capture := s.settleCapture("capture")
		if capture.Status.State != apiv1.CaptureCaptured {
			t.Errorf("state = %s, want Captured: %+v", capture.Status.State, capture.Status)
		}
		taken := 0
		for _, entry := range s.Simulator.Ledger().Entries {
			if entry.Kind == simulator.EntryCapture {
				taken++
			}
		}
		if taken != 1 {
			t.Errorf("captures booked = %d, want 1", taken)
		}
		checkLedger(t, s.Simulator)
	})
}

func TestDeclarationIsMadeOnceWhateverFails(t *testing.T) {
	eachBreakage(t, "declare", "inquiryDeclarationRequests", func(t *testing.T, fault simulator.Fault, broken brokenWrite) {
		writes := 0
		s := newStepper(t, nil)
		s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "buyer"}, StringData: map[string]string{apiv1.BuyerCertificateSecretKey: fmt.Sprintf(
			`{"certificateType":"ID_CARD","certificateNo":%q,"holderName":{"fullName":%q}}`, simulator.PayerCertificateNo, simulator.PayerName)}})
		payment := testenv.NewPayment("order")
		payment.Spec.Amount, payment.Spec.Cashier = apiv1.Amount{Currency: "CNY", Value: "10050"}, &apiv1.Cashier{PaymentMethodType: "ALIPAY_CN"}
		s.Create(payment)
		s.settlePayment("order")
		s.Create(newDeclaration("part", "order", "6000"))
		s.client = broken.through(&writes)(s.client)
		inject(t, s.Simulator, fault)
		declaration := s.settleDeclaration("part")
		if declaration.Status.State != apiv1.DeclarationAccepted {
			t.Errorf("state = %s, want Accepted: %+v", declaration.Status.State, declaration.Status)
		}
		if got := len(s.Simulator.Ledger().Declarations); got != 1 {
			t.Errorf("declarations = %d, want 1", got)
		}
		checkLedger(t, s.Simulator)
	})
}
