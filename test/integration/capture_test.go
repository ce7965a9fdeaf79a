package integration

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// openCard creates a card payment of 42.00 SGD that the merchant captures, in as many parts as it likes.
func (s *notifiedShop) openCard(name string) *apiv1.Payment {
	s.t.Helper()
	update(s.t, s.Shop, testenv.AccountName, &apiv1.MerchantAccount{}, func(account *apiv1.MerchantAccount) {
		account.Spec.PaymentMethods = []apiv1.PaymentMethodCapability{{PaymentMethodType: "CARD", PartialCapture: true, MultipleCapture: true}}
	})
	s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "card"}, StringData: map[string]string{apiv1.CardTokenSecretKey: "ALIPAYtok0042"}})
	payment := newCardPayment(name)
	s.Create(payment)
	s.awaitPayment(payment, apiv1.StateProcessing)
	return payment
}

// newCardPayment is one of 42.00 SGD that the merchant captures, with the token that the Secret "card" holds.
func newCardPayment(name string) *apiv1.Payment {
	payment := testenv.NewPayment(name)
	payment.Spec.Amount = apiv1.Amount{Currency: "SGD", Value: "4200"}
	payment.Spec.Env = &apiv1.Env{TerminalType: "WEB", ClientIP: "203.0.113.9"}
	payment.Spec.CaptureMode = apiv1.ManualCapture
	payment.Spec.Cashier = &apiv1.Cashier{PaymentMethodType: "CARD", Card: &apiv1.Card{
		TokenSecretRef: apiv1.SecretKeyReference{Name: "card"}, Is3DSAuthentication: ptr.To(true),
	}}
	return payment
}

func newCapture(name, payment, value string) *apiv1.Capture {
	return &apiv1.Capture{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       apiv1.CaptureSpec{PaymentRef: apiv1.PaymentReference{Name: payment}, Amount: &apiv1.Amount{Currency: "SGD", Value: value}},
	}
}

func (s *notifiedShop) awaitCapture(capture *apiv1.Capture, want apiv1.OperationState) {
	s.t.Helper()
	eventually(s.t, func() error {
		if s.Get(capture.Name, capture); capture.Status.State != want {
			return fmt.Errorf("capture %s is %q, want %q: %+v", capture.Name, capture.Status.State, want, capture.Status)
		}
		return nil
	})
}

// Each Capture waits for the card, is captured, and is settled by its notification; then one of them is given back.
func TestNotificationSettlesCapturesInFiveWritesAndWithoutInquiry(t *testing.T) {
	s := newNotifiedShop(t, func(o *simulator.Options) { o.MultipleCaptures = true })
	payment := s.openCard("order")
	first, second := newCapture("first", "order", "3000"), newCapture("second", "order", "1200")
	for _, capture := range []*apiv1.Capture{first, second} {
		s.Create(capture)
		s.awaitCapture(capture, apiv1.StatePending)
	}
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.InProcess, Path: "capture", Times: 2})
	s.buyerPays(payment)
	for _, capture := range []*apiv1.Capture{first, second} {
		s.awaitCapture(capture, apiv1.StateProcessing)
	}
	calls := s.calls()
	s.Simulator.Advance(time.Minute) // by the controllers' clock no inquiry is due, whatever wakes them
	for _, capture := range []*apiv1.Capture{first, second} {
		s.awaitCapture(capture, apiv1.CaptureCaptured)
		s.expectWrites("captures/"+capture.Name, 5) // it waits, intent, in process, annotation, captured
	}
	s.awaitPayment(payment, apiv1.PaymentPaid)
	if got := s.calls() - calls; got != 0 {
		t.Errorf("%d calls after the captures, want none: %v", got, s.Simulator.Ledger().APICalls)
	}
	want := apiv1.PaymentAmounts{Authorized: "4200", Captured: "4200", Paid: "4200", Refundable: "4200"}
	if got := *payment.Status.Amounts; got != want {
		t.Errorf("amounts = %+v, want %+v", got, want)
	}

	refund := testenv.NewRefund("back", "order", "")
	refund.Spec.Full, refund.Spec.Amount = true, nil
	refund.Spec.CaptureRef = &apiv1.CaptureReference{Name: "first"}
	s.Create(refund)
	s.awaitRefund(refund, apiv1.StateProcessing)
	s.Simulator.Advance(time.Minute)
	s.awaitRefund(refund, apiv1.RefundRefunded)
	if refund.Status.Amount.Value != "3000" || refund.Status.CaptureID != first.Status.CaptureID {
		t.Errorf("refunded %s of capture %s, want all of the first", refund.Status.Amount.Value, refund.Status.CaptureID)
	}
	eventually(t, func() error {
		if s.Get("order", payment); payment.Status.Amounts.Refunded != "3000" || payment.Status.Amounts.Refundable != "1200" {
			return fmt.Errorf("amounts = %+v, want 3000 refunded and 1200 refundable", payment.Status.Amounts)
		}
		return nil
	})
	s.restartFindsNothingToDo()
	checkLedger(t, s.Simulator)
}
