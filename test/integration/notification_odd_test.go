package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// TestOddNotificationAboutAnOpenPaymentIsAskedAboutOnceAndNeverBelieved posts what the gateway has signed and what can not be taken at its
// word. The order is open at the gateway, so the payment must stay as it is.
func TestOddNotificationAboutAnOpenPaymentIsAskedAboutOnceAndNeverBelieved(t *testing.T) {
	body := func(status string, change func(fields) fields) func(*notifiedShop, *apiv1.Payment) notification.Envelope {
		return func(s *notifiedShop, p *apiv1.Payment) notification.Envelope {
			return s.signed(change(s.paymentResult(p, status)).String())
		}
	}
	replace := func(name string, value any) func(fields) fields {
		return func(f fields) fields { return f.with(name, value) }
	}
	tests := []struct {
		name     string
		envelope func(*notifiedShop, *apiv1.Payment) notification.Envelope
	}{
		{name: "another amount", envelope: body("S", replace("paymentAmount", fields{"currency": "HKD", "value": "10001"}))},
		{name: "another currency", envelope: body("S", replace("paymentAmount", fields{"currency": "JPY", "value": "10000"}))},
		{name: "no amount", envelope: body("S", replace("paymentAmount", nil))},
		{name: "an amount of another form", envelope: body("S", replace("paymentAmount", "10000"))},
		{name: "a failure over another amount", envelope: body("F", replace("paymentAmount", fields{"currency": "HKD", "value": "1"}))},
		{name: "another paymentId", envelope: body("S", replace("paymentId", "20261121194010800100188999999999999"))},
		{name: "no paymentId", envelope: body("S", replace("paymentId", nil))},
		{name: "no time of payment", envelope: body("S", replace("paymentTime", nil))},
		{name: "an unknown result", envelope: body("U", replace("", nil))},
		{name: "no result", envelope: body("S", replace("result", nil))},
		{name: "a type that nobody knows", envelope: body("S", replace("notifyType", "SOMETHING_NEW"))},
		{name: "no type", envelope: body("S", replace("notifyType", nil))},
		{name: "an amount that is being changed", envelope: body("S", replace("notifyType", "UPDATE_AMOUNT_RESULT"))},
		{name: "pending", envelope: body("S", replace("notifyType", alipay.NotifyPaymentPending))},
		{name: "pending and failed", envelope: body("F", replace("notifyType", alipay.NotifyPaymentPending))},
		{
			name: "signed more than an hour ago",
			envelope: func(s *notifiedShop, p *apiv1.Payment) notification.Envelope {
				return s.signed(s.paymentResult(p, "S").String(), func(e *notification.Envelope) {
					e.RequestTime = s.Simulator.Now().Add(-61 * time.Minute).UTC().Format(time.RFC3339)
				})
			},
		},
		{
			name: "signed at a time that nobody can read",
			envelope: func(s *notifiedShop, p *apiv1.Payment) notification.Envelope {
				return s.signed(s.paymentResult(p, "S").String(), func(e *notification.Envelope) { e.RequestTime = "yesterday" })
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.openPayment("order")
			inquiries := s.Simulator.Ledger().Calls("inquiryPayment")
			if !s.post(test.envelope(s, payment)) {
				t.Error("not acknowledged")
			}
			s.awaitCalls("inquiryPayment", inquiries+1)
			s.rest()
			s.Get("order", payment)
			if payment.Status.State != apiv1.StateProcessing || payment.Status.Conflict != nil || len(kept(payment)) != 1 {
				t.Errorf("state = %s, conflict = %v, %d notifications kept; want Processing, none, 1", payment.Status.State, payment.Status.Conflict, len(kept(payment)))
			}
			if got := s.Simulator.Ledger().Calls("inquiryPayment") - inquiries; got != 2 {
				t.Errorf("%d inquiries, want the one that it caused and that of the marker", got)
			}
			s.expectWrites("payments/order", 3)
			if got := s.rejections(payment); got != 0 {
				t.Errorf("%d events say that it is not believed; the gateway has signed it", got)
			}

			s.run(nil)
			s.buyerPays(payment)
			s.awaitPayment(payment, apiv1.PaymentPaid)
			s.Get("order", payment)
			if payment.Status.Conflict != nil {
				t.Errorf("conflict = %v, want none", payment.Status.Conflict)
			}
			checkLedger(t, s.Simulator)
		})
	}
}

func TestPaymentNotifiedWithAWrongAmountIsPaidByWhatAnInquirySays(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	payment := s.openPayment("order")
	inquiries := s.Simulator.Ledger().Calls("inquiryPayment")
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.WrongAmount, Path: "notifyPayment"})
	s.buyerPays(payment)
	s.awaitPayment(payment, apiv1.PaymentPaid)
	if got := s.Simulator.Ledger().Calls("inquiryPayment") - inquiries; got != 1 {
		t.Errorf("%d inquiries, want 1", got)
	}
	if payment.Status.Amounts.Paid != "10000" || payment.Status.Conflict != nil {
		t.Errorf("amounts = %+v, conflict = %v; want 10000 paid and none", payment.Status.Amounts, payment.Status.Conflict)
	}
	s.restartFindsNothingToDo()
}

func TestRefundNotifiedWithAContradictionIsSettledByWhatAnInquirySays(t *testing.T) {
	tests := []struct {
		name   string
		faults []simulator.Fault
		want   apiv1.OperationState
	}{
		{
			name: "done, with a failed result",
			faults: []simulator.Fault{
				{Kind: simulator.InProcess, Path: "refund"}, {Kind: simulator.Mismatch, Path: "notifyRefund"},
			},
			want: apiv1.RefundRefunded,
		},
		{
			name: "failed, with a successful result",
			faults: []simulator.Fault{
				{Kind: simulator.FailLater, Path: "refund", Code: "PROCESS_FAIL"}, {Kind: simulator.Mismatch, Path: "notifyRefund"},
			},
			want: apiv1.StateFailed,
		},
		{
			name: "done, over another amount",
			faults: []simulator.Fault{
				{Kind: simulator.InProcess, Path: "refund"}, {Kind: simulator.WrongAmount, Path: "notifyRefund"},
			},
			want: apiv1.RefundRefunded,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			s.paidPayment("order")
			for _, fault := range test.faults {
				inject(t, s.Simulator, fault)
			}
			refund := s.openRefund("refund", "order")
			inquiries := s.Simulator.Ledger().Calls("inquiryRefund")
			s.Simulator.Advance(time.Minute)
			s.awaitRefund(refund, test.want)
			if got := s.Simulator.Ledger().Calls("inquiryRefund") - inquiries; got != 1 || refund.Status.Conflict != nil {
				t.Errorf("%d inquiries, conflict = %v; want 1 and none", got, refund.Status.Conflict)
			}
			s.restartFindsNothingToDo()
			checkLedger(t, s.Simulator)
		})
	}
}

func TestPendingPaymentIsConfirmingUntilTheChannelConfirms(t *testing.T) {
	for name, test := range map[string]struct {
		confirm func(*simulator.Simulator, string) error
		want    apiv1.OperationState
	}{
		"paid":     {confirm: (*simulator.Simulator).BuyerPays, want: apiv1.PaymentPaid},
		"declined": {confirm: (*simulator.Simulator).BuyerDeclines, want: apiv1.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.openPayment("order")
			inquiries := s.Simulator.Ledger().Calls("inquiryPayment")
			s.must(s.Simulator.BuyerPends(payment.Status.PaymentID))
			s.pass(3 * time.Second)
			s.awaitPayment(payment, apiv1.PaymentConfirming)
			if payment.Status.Amounts != nil || payment.Status.PaymentTime != nil {
				t.Errorf("amounts = %+v, paymentTime = %v before it is paid", payment.Status.Amounts, payment.Status.PaymentTime)
			}
			s.must(test.confirm(s.Simulator, payment.Status.PaymentID))
			s.pass(expiry)
			s.awaitPayment(payment, test.want)
			if got := s.Simulator.Ledger().Calls("inquiryPayment") - inquiries; got != 1 {
				t.Errorf("%d inquiries, want 1, about what was pending", got)
			}
			s.restartFindsNothingToDo()
		})
	}
}

func TestPaymentAnnouncedAsPaidAndAsFailedIsAskedAbout(t *testing.T) {
	for name, pays := range map[string]bool{"paid": true, "open": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.openPayment("order")
			s.stop()
			for _, status := range []string{"S", "F"} {
				s.annotate(payment, "-PAYMENT_RESULT-"+status, value(t, s.signed(s.paymentResult(payment, status).String())))
			}
			if pays {
				s.must(s.Simulator.BuyerPays(payment.Status.PaymentID))
			}
			inquiries := s.Simulator.Ledger().Calls("inquiryPayment")
			s.run(nil)
			s.awaitCalls("inquiryPayment", inquiries+1)
			want := apiv1.StateProcessing
			if pays {
				want = apiv1.PaymentPaid
			}
			s.awaitPayment(payment, want)
			s.rest()
			// The failure contradicts what is paid now, which a new process may confirm once more.
			if s.Get("order", payment); payment.Status.State != want || payment.Status.Conflict != nil {
				t.Errorf("state = %s, conflict = %v; want %s and none", payment.Status.State, payment.Status.Conflict, want)
			}
			if got := s.rejections(payment); got != 0 {
				t.Errorf("%d events say that the gateway's word is not believed", got)
			}
		})
	}
}

func TestPaymentThatFailedAndIsAnnouncedAsPaidIsAContradictionOnlyIfTheGatewayMeansIt(t *testing.T) {
	t.Run("the gateway says that it is paid", func(t *testing.T) {
		t.Parallel()
		s := newNotifiedShop(t)
		payment := s.openPayment("order")
		if !s.post(s.signed(s.paymentResult(payment, "F").String())) {
			t.Fatal("not acknowledged")
		}
		s.awaitPayment(payment, apiv1.StateFailed)
		s.buyerPays(payment)
		eventually(t, func() error {
			s.Get("order", payment)
			if conflict := payment.Status.Conflict; conflict == nil || conflict.Reason != apiv1.StateContradictionReason {
				return fmt.Errorf("conflict = %+v, want StateContradiction", conflict)
			}
			return nil
		})
		if payment.Status.Amounts != nil {
			t.Errorf("amounts = %+v; what has ended stays ended", payment.Status.Amounts)
		}
		s.restartFindsNothingToDo()
	})
	t.Run("the gateway says that it failed", func(t *testing.T) {
		t.Parallel()
		s := newNotifiedShop(t)
		payment := s.openPayment("order")
		s.must(s.Simulator.BuyerDeclines(payment.Status.PaymentID))
		s.pass(expiry)
		s.awaitPayment(payment, apiv1.StateFailed)
		s.expectAskedAndUnchanged(payment, "S")
	})
	t.Run("a paid one that is announced as failed stays paid", func(t *testing.T) {
		t.Parallel()
		s := newNotifiedShop(t)
		s.expectAskedAndUnchanged(s.paidPayment("order"), "F")
	})
}

// expectAskedAndUnchanged posts the contrary of how the payment ended, and expects one inquiry and no change.
func (s *notifiedShop) expectAskedAndUnchanged(payment *apiv1.Payment, status string) {
	s.t.Helper()
	before, writes := payment.Status.DeepCopy(), s.writes.of("payments/order")
	inquiries := s.Simulator.Ledger().Calls("inquiryPayment")
	if !s.post(s.signed(s.paymentResult(payment, status).String())) {
		s.t.Error("not acknowledged")
	}
	s.awaitCalls("inquiryPayment", inquiries+1)
	s.rest()
	s.expectStatus(payment, before)
	s.expectWrites("payments/order", writes+1)
	if got := s.Simulator.Ledger().Calls("inquiryPayment") - inquiries; got != 2 {
		s.t.Errorf("%d inquiries, want the one that it caused and that of the marker", got)
	}
}

func TestFormerAttemptAnnouncedAsPaidKeepsTheNextOneFromBeingSent(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	payment := s.openPayment("order")
	former := payment.DeepCopy()
	if !s.post(s.signed(s.paymentResult(payment, "F").String())) {
		t.Fatal("not acknowledged")
	}
	s.awaitPayment(payment, apiv1.StateFailed)
	s.stop()
	s.must(s.Simulator.BuyerPays(former.Status.PaymentID))
	s.annotate(payment, "-PAYMENT_RESULT-late", value(t, s.signed(s.paymentResult(former, "S").String())))
	update(t, s.Shop, "order", payment, func(p *apiv1.Payment) { p.Spec.Attempt = 2 })
	s.run(nil)
	s.rest()
	if got := s.Simulator.Ledger().ChargesOfOrder("order"); got != 1 {
		t.Errorf("charges = %d, want 1", got)
	}
	if got := len(s.Simulator.Ledger().Payments); got != 2 { // the marker's is the other one
		t.Errorf("orders at the gateway = %d, want 2: the second attempt must not be sent", got)
	}
}

func TestAccountWithARotatedKeyBelievesBoth(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	old := foreignKey()
	update(t, s.Shop, testenv.AccountName, &apiv1.MerchantAccount{}, func(account *apiv1.MerchantAccount) {
		account.Spec.AlipayPublicKeys = []string{testenv.PublicKeyPEM(&old.PublicKey), s.Simulator.PublicKeyPEM()}
	})
	expectReady(t, s.Shop, "True", apiv1.VerifiedReason)
	byOld, byNew := s.openPayment("old"), s.openPayment("new")
	calls := s.calls()
	if !s.post(s.signedBy(old, s.paymentResult(byOld, "S").String())) {
		t.Error("signed with the old key, and not acknowledged")
	}
	s.awaitPayment(byOld, apiv1.PaymentPaid)
	s.buyerPays(byNew)
	s.awaitPayment(byNew, apiv1.PaymentPaid)
	if got := s.calls() - calls; got != 0 {
		t.Errorf("%d calls, want none", got)
	}
}
