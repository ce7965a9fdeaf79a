//go:build browser

package browser

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// longestWait bounds what takes a few seconds on a busy machine.
const longestWait = 2 * time.Minute

// shop is one whose buyers do nothing by themselves.
type shop struct{ testenv.Shop }

// openShop starts one with a manager, and with the token of a card.
func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{*testenv.NewNotifiedShop(t, cluster, func(o *simulator.Options) { o.Buyer = simulator.BuyerManual })}
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "card"}, Data: map[string][]byte{apiv1.CardTokenSecretKey: []byte("ALIPAYbrowser")},
	})
	s.RunManager(nil)
	t.Cleanup(func() {
		if err := s.Simulator.CheckInvariants(); err != nil {
			t.Errorf("the ledger is unsound: %v", err)
		}
	})
	return s
}

// in is the shop for a part of the test.
func (s *shop) in(t *testing.T) *shop {
	part := *s
	part.T = t
	return &part
}

// await watches a payment until it has the state, and returns it.
func (s *shop) await(name string, want apiv1.OperationState) *apiv1.Payment {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), longestWait)
	defer cancel()
	watcher, err := s.Cluster.Client.Watch(ctx, &apiv1.PaymentList{}, client.InNamespace(s.Namespace), client.MatchingFields{"metadata.name": name})
	if err != nil {
		s.T.Fatal(err)
	}
	defer watcher.Stop()
	last := &apiv1.Payment{}
	for event := range watcher.ResultChan() {
		payment, isPayment := event.Object.(*apiv1.Payment)
		if !isPayment {
			s.T.Fatalf("watching payment %s: %+v", name, event.Object)
		}
		if last = payment; payment.Status.State == want {
			return payment
		}
	}
	s.T.Fatalf("payment %s is not %s in time; at last: %+v", name, want, last.Status)
	return nil
}

// opened creates a payment and returns the page of its buyer, once the status has it.
func (s *shop) opened(payment *apiv1.Payment) string {
	s.T.Helper()
	s.Create(payment)
	opened := s.await(payment.Name, apiv1.StateProcessing)
	if opened.Status.Checkout == nil || opened.Status.Checkout.NormalURL == "" {
		s.T.Fatalf("status = %+v, want the address of the page", opened.Status)
	}
	return opened.Status.Checkout.NormalURL
}

// expectFailure waits until a payment has failed for a reason, and expects that nothing was charged.
func (s *shop) expectFailure(name, code string) {
	s.T.Helper()
	payment := s.await(name, apiv1.StateFailed)
	succeeded := meta.FindStatusCondition(payment.Status.Conditions, apiv1.SucceededCondition)
	if succeeded == nil || succeeded.Status != metav1.ConditionFalse || payment.Status.LastResult == nil || payment.Status.LastResult.ResultCode != code {
		s.T.Errorf("status = %+v, want a failure with %s", payment.Status, code)
	}
	s.expectCharges(payment, 0)
}

func (s *shop) expectCharges(payment *apiv1.Payment, want int) {
	s.T.Helper()
	if got := s.Simulator.Charges(payment.Status.PaymentRequestID); got != want {
		s.T.Errorf("charges of %s = %d, want %d", payment.Name, got, want)
	}
}

// cardPayment pays 42.00 SGD with a card whose bank asks the buyer to confirm.
func (s *shop) cardPayment(name string) *apiv1.Payment {
	s.T.Helper()
	payment := testenv.NewPayment(name)
	payment.Spec.Amount = apiv1.Amount{Currency: "SGD", Value: "4200"}
	payment.Spec.Env = &apiv1.Env{TerminalType: "WEB", ClientIP: "203.0.113.9"}
	payment.Spec.CaptureMode = apiv1.AutomaticCapture
	payment.Spec.Cashier = &apiv1.Cashier{PaymentMethodType: "CARD", Card: &apiv1.Card{
		TokenSecretRef: apiv1.SecretKeyReference{Name: "card"}, Is3DSAuthentication: ptr.To(true),
	}}
	return payment
}

func TestBuyersPayWithABrowser(t *testing.T) {
	open := openShop(t)
	chromium := openBrowser(t)
	t.Run("a buyer who pays at the cashier makes the payment Paid", func(t *testing.T) {
		t.Parallel()
		s := open.in(t)
		chromium.visit(t, s.opened(testenv.NewPayment("wallet")), click("pay"), seeState("SUCCESS"))
		s.expectCharges(s.await("wallet", apiv1.PaymentPaid), 1)
	})
	t.Run("a buyer who confirms at the card's bank makes the payment Paid, once the gateway has captured it", func(t *testing.T) {
		t.Parallel()
		s := open.in(t)
		chromium.visit(t, s.opened(s.cardPayment("card")), see("#refuse"), click("confirm"), seeState("SUCCESS"))
		payment := s.await("card", apiv1.PaymentPaid)
		s.expectCharges(payment, 1)
		if a := payment.Status.Amounts; a == nil || a.Captured != "4200" {
			t.Errorf("amounts = %+v, want 42.00 captured", a)
		}
		captures := s.Simulator.Ledger().Captures
		if len(captures) != 1 || !captures[0].Automatic || captures[0].Status != "SUCCESS" {
			t.Errorf("captures = %+v, want an automatic one that succeeded", captures)
		}
	})
	t.Run("a buyer who declines at the cashier makes the payment Failed, with the gateway's code", func(t *testing.T) {
		t.Parallel()
		s := open.in(t)
		chromium.visit(t, s.opened(testenv.NewPayment("declined")), click("decline"), seeReason("USER_BALANCE_NOT_ENOUGH"), seeState("FAIL"))
		s.expectFailure("declined", "USER_BALANCE_NOT_ENOUGH")
	})
	t.Run("a buyer who refuses at the card's bank makes the payment Failed, with the gateway's code", func(t *testing.T) {
		t.Parallel()
		s := open.in(t)
		chromium.visit(t, s.opened(s.cardPayment("refused")), click("refuse"), seeReason("USER_PAYMENT_VERIFICATION_FAILED"), seeState("FAIL"))
		s.expectFailure("refused", "USER_PAYMENT_VERIFICATION_FAILED")
	})
}
