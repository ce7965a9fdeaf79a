package integration

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func TestPaymentSettledByNotificationCostsFourWritesAndNoInquiry(t *testing.T) {
	s := testenv.NewNotifiedShop(t, cluster, func(o *simulator.Options) { o.Buyer = simulator.BuyerManual })
	counter := &writeCounter{}
	s.RunManager(counter.wrap)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	eventually(t, func() error {
		if s.Get("order", payment); payment.Status.State != apiv1.PaymentProcessing {
			return fmt.Errorf("state = %q", payment.Status.State)
		}
		return nil
	})
	inquiries := total(s.Simulator.Ledger().APICalls["inquiryPayment"])
	if err := s.Simulator.BuyerPays(payment.Status.PaymentID); err != nil {
		t.Fatal(err)
	}
	s.Simulator.Advance(3 * time.Second)
	settle(t, s, payment)
	if got := counter.of("payments/order"); payment.Status.State != apiv1.PaymentPaid || got > 4 {
		t.Errorf("state = %s after %d writes, want Paid after 4 at most: %s", payment.Status.State, got, counter.all())
	}
	if got := total(s.Simulator.Ledger().APICalls["inquiryPayment"]) - inquiries; got != 0 {
		t.Errorf("%d inquiries, want none", got)
	}
}
