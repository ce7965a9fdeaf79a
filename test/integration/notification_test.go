package integration

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// expiry is when an order closes that nobody has paid.
const expiry = 15 * time.Minute

func TestNotificationSettlesAPaymentInFourWritesAndWithoutInquiry(t *testing.T) {
	tests := []struct {
		name string
		buy  func(*notifiedShop, *apiv1.Payment) error
		want apiv1.OperationState
		code string
	}{
		{
			name: "paid",
			buy:  func(s *notifiedShop, p *apiv1.Payment) error { return s.Simulator.BuyerPays(p.Status.PaymentID) },
			want: apiv1.PaymentPaid,
		},
		{
			name: "declined",
			buy: func(s *notifiedShop, p *apiv1.Payment) error {
				return s.Simulator.BuyerDeclinesWith(p.Status.PaymentID, "RISK_REJECT")
			},
			want: apiv1.StateFailed, code: "RISK_REJECT",
		},
		{
			name: "closed unpaid",
			buy:  func(s *notifiedShop, p *apiv1.Payment) error { return s.Simulator.BuyerLeaves(p.Status.PaymentID) },
			want: apiv1.StateFailed, code: "ORDER_IS_CLOSED",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.openPayment("order")
			calls := s.calls()
			s.must(test.buy(s, payment))
			s.pass(expiry)
			s.awaitPayment(payment, test.want)
			code := ""
			if payment.Status.LastResult != nil {
				code = payment.Status.LastResult.ResultCode
			}
			if code != test.code || payment.Status.Adopted || payment.Status.Conflict != nil {
				t.Errorf("code = %q, adopted = %t, conflict = %v; want %q, false, none", code, payment.Status.Adopted, payment.Status.Conflict, test.code)
			}
			if got := s.calls() - calls; got != 0 {
				t.Errorf("%d calls after the submission, want none: %v", got, s.Simulator.Ledger().APICalls)
			}
			s.expectWrites("payments/order", 4)
			s.restartFindsNothingToDo()
			checkLedger(t, s.Simulator)
		})
	}
}

func TestNotificationSettlesARefundInFourWritesAndWithoutInquiry(t *testing.T) {
	tests := []struct {
		name     string
		fault    simulator.Fault
		want     apiv1.OperationState
		refunded string
		refunds  int
	}{
		{name: "done later", fault: simulator.Fault{Kind: simulator.InProcess, Path: "refund"}, want: apiv1.RefundRefunded, refunded: "4000", refunds: 1},
		{name: "failed later", fault: simulator.Fault{Kind: simulator.FailLater, Path: "refund", Code: "MERCHANT_BALANCE_NOT_ENOUGH"}, want: apiv1.StateFailed, refunded: "0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.paidPayment("order")
			inject(t, s.Simulator, test.fault)
			refund := s.openRefund("refund", "order")
			calls := s.calls()
			s.Simulator.Advance(time.Minute) // by the controllers' clock no inquiry is due, whatever wakes the refund
			s.awaitRefund(refund, test.want)
			eventually(t, func() error {
				if s.Get("order", payment); payment.Status.Amounts.Refunded != test.refunded {
					return fmt.Errorf("amounts = %+v, want %q refunded", payment.Status.Amounts, test.refunded)
				}
				if want := 10000 - 4000*test.refunds; payment.Status.Amounts.Refundable != fmt.Sprint(want) {
					return fmt.Errorf("amounts = %+v, want %d refundable", payment.Status.Amounts, want)
				}
				return nil
			})
			if got := s.calls() - calls; got != 0 {
				t.Errorf("%d calls after the submission, want none: %v", got, s.Simulator.Ledger().APICalls)
			}
			s.expectWrites("refunds/refund", 4)
			if got := s.Simulator.Ledger().Refunds(refund.Status.RefundRequestID); got != test.refunds {
				t.Errorf("refunds = %d, want %d", got, test.refunds)
			}
			s.restartFindsNothingToDo()
			checkLedger(t, s.Simulator)
		})
	}
}

func TestNotificationSettlesAPaymentWhileNothingCanBeSent(t *testing.T) {
	for name, hinder := range map[string]func(*notifiedShop, *apiv1.Payment){
		"the credentials are gone": func(s *notifiedShop, _ *apiv1.Payment) {
			s.must(cluster.Client.Delete(s.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: testenv.SecretName}}))
			expectReady(s.t, s.Shop, metav1.ConditionFalse, apiv1.SecretNotFoundReason)
		},
		"the payment is suspended": func(s *notifiedShop, payment *apiv1.Payment) {
			update(s.t, s.Shop, payment.Name, payment, func(p *apiv1.Payment) { p.Spec.Suspend = true })
		},
		"the gateway is down": func(s *notifiedShop, _ *apiv1.Payment) {
			inject(s.t, s.Simulator, simulator.Fault{Kind: simulator.DropRequest, Times: -1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.openPayment("order")
			hinder(s, payment)
			s.buyerPays(payment)
			s.awaitPayment(payment, apiv1.PaymentPaid)
			if got := s.Simulator.Ledger().ChargesOfOrder("order"); got != 1 {
				t.Errorf("charges = %d, want 1", got)
			}
		})
	}
}
