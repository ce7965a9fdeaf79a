package integration

import (
	"fmt"
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// expiry is when an order closes that nobody has paid.
const expiry = 15 * time.Minute

func TestNotificationSettlesAPaymentInFourWritesAndWithoutInquiry(t *testing.T) {
	tests := []struct {
		name string
		buy  func(*notifiedShop, *apiv1.Payment) error
		want apiv1.PaymentState
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
			want: apiv1.PaymentFailed, code: "RISK_REJECT",
		},
		{
			name: "closed unpaid",
			buy:  func(s *notifiedShop, p *apiv1.Payment) error { return s.Simulator.BuyerLeaves(p.Status.PaymentID) },
			want: apiv1.PaymentFailed, code: "ORDER_IS_CLOSED",
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
		want     apiv1.RefundState
		refunded string
		refunds  int
	}{
		{name: "done later", fault: simulator.Fault{Kind: simulator.InProcess, Path: "refund"}, want: apiv1.RefundRefunded, refunded: "4000", refunds: 1},
		{name: "failed later", fault: simulator.Fault{Kind: simulator.FailLater, Path: "refund", Code: "MERCHANT_BALANCE_NOT_ENOUGH"}, want: apiv1.RefundFailed, refunded: "0"},
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
