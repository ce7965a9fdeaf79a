package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func TestNotificationThatOvertakesTheAnswerToPaySettlesOneCharge(t *testing.T) {
	tests := []struct {
		name string
		hold bool            // the write of the answer
		slow simulator.Fault // the answer itself
	}{
		{name: "the write of the answer is held up", hold: true},
		{name: "the answer is slow", slow: simulator.Fault{Kind: simulator.Delay, Path: "pay", Delay: 2 * time.Second}},
		{name: "the answer is lost", slow: simulator.Fault{Kind: simulator.DropResponse, Path: "pay"}, hold: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			s.stop()
			answer := newGate(nthStatusWrite("order", 2))
			if !test.hold {
				close(answer.open)
			}
			s.run(answer.wrap)
			inject(t, s.Simulator, test.slow)
			payment := testenv.NewPayment("order")
			s.Create(payment)
			s.awaitCalls("pay", 1)
			if test.hold {
				answer.await(t)
			}
			s.Get("order", payment)
			if payment.Status.PaymentRequestID == "" || payment.Status.PaymentID != "" {
				t.Fatalf("status = %+v, want the intent and no answer", payment.Status)
			}
			calls := s.calls()
			s.buyerPays(payment)
			if got := s.Simulator.Ledger().Notifications; len(got) != 1 || !got[0].Acknowledged {
				t.Fatalf("notifications = %+v, want one, acknowledged", got)
			}
			if test.hold {
				close(answer.open)
			}
			s.awaitPayment(payment, apiv1.PaymentPaid)
			s.rest()
			ledger := s.Simulator.Ledger()
			if got := ledger.ChargesOfOrder("order"); got != 1 || payment.Status.PaymentID != ledger.Payments[0].PaymentID || payment.Status.Adopted {
				t.Errorf("charges = %d, status = %+v; want 1, the gateway's id, not adopted", got, payment.Status)
			}
			// Nobody has noted the gateway's id: only an inquiry tells that the order is not older than the object.
			if got := s.calls() - calls - markerCalls; got != 1 {
				t.Errorf("%d calls after it was sent, want one inquiry: %v", got, ledger.APICalls)
			}
		})
	}
}

func captureResult(s *notifiedShop, paymentID string) fields {
	return fields{
		"notifyType": alipay.NotifyCaptureResult, "result": resultOf("S"), "captureRequestId": "auto_1", "paymentId": paymentID, "captureId": "2026112119401089010",
		"captureAmount": fields{"currency": "HKD", "value": "10000"}, "captureTime": s.Simulator.Now().UTC().Format(time.RFC3339),
	}
}

func TestNotificationThatNamesThePaymentIDAloneIsAcknowledgedOnceThatIsKnown(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	s.stop()
	answer := newGate(nthStatusWrite("order", 2))
	s.run(answer.wrap)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	answer.await(t)
	order := s.Simulator.Ledger().Payments[0]
	captured := s.signed(captureResult(s, order.PaymentID).String())
	if s.post(captured) {
		t.Error("acknowledged although nobody knows whose it is")
	}
	close(answer.open)
	s.awaitPayment(payment, apiv1.StateProcessing)
	if !s.post(captured) {
		t.Error("not acknowledged although the paymentId is known")
	}
	if s.Get("order", payment); len(kept(payment)) != 1 {
		t.Errorf("notifications kept = %v, want 1", kept(payment))
	}
}

func TestNotificationOfADeletedPaymentIsAcknowledgedOnceItIsCreatedAnew(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	payment := s.openPayment("order")
	s.must(s.Simulator.BuyerPays(payment.Status.PaymentID))
	s.must(cluster.Client.Delete(t.Context(), payment))
	s.pass(time.Minute)
	if got := s.Simulator.Ledger().Notifications[0]; got.Sends != 1 || got.Acknowledged {
		t.Errorf("notification = %+v, want one send, not acknowledged", got)
	}
	again := testenv.NewPayment("order")
	s.Create(again)
	s.awaitPayment(again, apiv1.PaymentPaid)
	s.pass(2 * time.Minute)
	if got := s.Simulator.Ledger().Notifications[0]; got.Sends != 2 || !got.Acknowledged {
		t.Errorf("notification = %+v, want the second send acknowledged", got)
	}
	if got := s.Simulator.Ledger().ChargesOfOrder("order"); got != 1 || !again.Status.Adopted {
		t.Errorf("charges = %d, adopted = %t; want 1, true", got, again.Status.Adopted)
	}
	s.restartFindsNothingToDo()
}

func TestNotificationOfAPaymentThatEndedLongAgoIsAcknowledgedAndCostsNothing(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	payment := s.paidPayment("order")
	same := ""
	for _, envelope := range kept(payment) {
		same = envelope
	}
	s.rest()
	s.pass(30 * 24 * time.Hour)
	s.run(nil)
	calls := s.calls()
	if body := parsed(t, same).Body; !s.post(s.signed(body)) {
		t.Error("a repetition is not acknowledged")
	}
	if s.Get("order", payment); len(kept(payment)) != 1 {
		t.Errorf("%d notifications kept, want 1", len(kept(payment)))
	}
	if !s.post(s.signed(s.paymentResult(payment, "S").with("metadata", "{}").String())) {
		t.Error("another one that says the same is not acknowledged")
	}
	before := payment.Status.DeepCopy()
	s.rest()
	s.expectStatus(payment, before)
	s.expectWrites("payments/order", 2) // the receiver's: the repetition as it is, which changes nothing, and the second
	if got := s.calls() - calls - markerCalls; got != 0 {
		t.Errorf("%d calls, want none", got)
	}
}

func TestNotificationThatComesToTwoReplicasAtOnceIsKeptOnceAndSettlesOnce(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	second := s.RunManagerWith(testenv.ManagerOptions{ReceiverOnly: true})
	payment := s.openPayment("order")
	s.must(s.Simulator.BuyerPays(payment.Status.PaymentID))
	body := s.paymentResult(payment, "S").String()
	calls := s.calls()
	var all sync.WaitGroup
	for i := range 8 {
		address := []string{s.manager.NotificationAddress, second.NotificationAddress}[i%2]
		all.Go(func() {
			// The ingress has taken the prefix away, which is signed nevertheless.
			if !s.postTo("http://"+address+strings.TrimPrefix(s.path(), testenv.IngressPrefix), s.signed(body)) {
				t.Error("not acknowledged")
			}
		})
	}
	all.Wait()
	s.awaitPayment(payment, apiv1.PaymentPaid)
	s.rest()
	s.Get("order", payment)
	if got := len(kept(payment)); got != 1 || payment.Status.State != apiv1.PaymentPaid || payment.Status.Conflict != nil {
		t.Errorf("%d notifications kept, state = %s, conflict = %v; want 1, Paid, none", got, payment.Status.State, payment.Status.Conflict)
	}
	if got := s.calls() - calls - markerCalls; got != 0 {
		t.Errorf("%d calls, want none: %v", got, s.Simulator.Ledger().APICalls)
	}
}

func TestRefundWhoseObjectWasDeletedIsNotedInItsPaymentWhenItsEndIsAnnounced(t *testing.T) {
	for name, test := range map[string]struct {
		fault                simulator.Fault
		refunded, refundable string
	}{
		"done":   {fault: simulator.Fault{Kind: simulator.InProcess, Path: "refund"}, refunded: "4000", refundable: "6000"},
		"failed": {fault: simulator.Fault{Kind: simulator.FailLater, Path: "refund", Code: "PROCESS_FAIL"}, refunded: "", refundable: "10000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			payment := s.paidPayment("order")
			inject(t, s.Simulator, test.fault)
			refund := s.openRefund("refund", "order")
			s.must(cluster.Client.Delete(t.Context(), refund))
			s.awaitCalls("inquiryRefund", 1) // the payment has taken over
			s.Simulator.Advance(time.Minute)
			ledger := s.Simulator.Ledger()
			if got := ledger.Notifications[len(ledger.Notifications)-1]; got.Type != alipay.NotifyRefundResult || !got.Acknowledged {
				t.Errorf("notification = %+v, want one of the refund, acknowledged", got)
			}
			eventually(t, func() error {
				s.Get("order", payment)
				if amounts := payment.Status.Amounts; strings.TrimPrefix(amounts.Refunded, "0") != test.refunded || amounts.Refundable != test.refundable {
					return fmt.Errorf("amounts = %+v, want %q refunded and %s refundable", amounts, test.refunded, test.refundable)
				}
				return nil
			})
			if got := s.Simulator.Ledger().Calls("inquiryRefund"); got != 2 {
				t.Errorf("%d inquiries, want 2", got)
			}
			s.restartFindsNothingToDo()
		})
	}
}

// statusRecorder keeps every state that the operator writes of an object.
type statusRecorder struct {
	object string
	next   http.RoundTripper
	mu     sync.Mutex
	states []string
}

func (r *statusRecorder) wrap(next http.RoundTripper) http.RoundTripper {
	r.next = next
	return r
}

func (r *statusRecorder) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, "/"+r.object+"/status") {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		if _, rest, found := strings.Cut(string(body), `"state":"`); found {
			state, _, _ := strings.Cut(rest, `"`)
			r.mu.Lock()
			r.states = append(r.states, state)
			r.mu.Unlock()
		}
	}
	return r.next.RoundTrip(request)
}

func TestPaymentThatIsBeingCancelledIsNeverPaidByANotification(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"the cancellation gets through and its answer is lost": {Kind: simulator.DropResponse, Path: "cancel"},
		"the cancellation is lost":                             {Kind: simulator.DropRequest, Path: "cancel"},
		"the cancellation is carried out later":                {Kind: simulator.ActLater, Path: "cancel"},
		"the gateway does not know":                            {Kind: simulator.UnknownExceptionAfter, Path: "cancel"},
		"the cancellation is answered":                         {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotifiedShop(t)
			s.stop()
			recorder := &statusRecorder{object: "order"}
			s.run(recorder.wrap)
			payment := s.openPayment("order")
			inject(t, s.Simulator, fault)
			announced := s.signed(s.paymentResult(payment, "S").String())
			cancels := s.Simulator.Ledger().Calls("cancel")
			update(t, s.Shop, "order", payment, func(p *apiv1.Payment) { p.Spec.DesiredState = apiv1.DesiredCancelled })
			if fault.Kind != "" { // a cancellation that never arrived is no call
				eventually(t, func() error {
					if s.Get("order", payment); payment.Status.CancelSubmittedAt == nil {
						return fmt.Errorf("the intent to cancel is not on record, %d calls", s.Simulator.Ledger().Calls("cancel")-cancels)
					}
					return nil
				})
			}
			if !s.post(announced) {
				t.Error("not acknowledged")
			}
			eventually(t, func() error {
				s.pass(time.Second)
				if s.Get("order", payment); payment.Status.State != apiv1.PaymentCancelled {
					return fmt.Errorf("payment is %+v, want Cancelled", payment.Status)
				}
				return nil
			})
			recorder.mu.Lock()
			defer recorder.mu.Unlock()
			for _, state := range recorder.states {
				if state == string(apiv1.PaymentPaid) {
					t.Errorf("states = %v, want no Paid among them", recorder.states)
				}
			}
			if payment.Status.Amounts != nil || payment.Status.Conflict != nil {
				t.Errorf("amounts = %+v, conflict = %v; want none", payment.Status.Amounts, payment.Status.Conflict)
			}
			checkLedger(t, s.Simulator)
		})
	}
}

func TestNotificationOfAnotherClientsOrderUnderTheSameIDSettlesNothing(t *testing.T) {
	t.Parallel()
	const other = "SANDBOX_5YTESTSHOP000002"
	s := newNotifiedShop(t, func(o *simulator.Options) {
		o.Clients = append(o.Clients, simulator.Client{ID: other, PublicKey: &testenv.MerchantKey().PublicKey})
	})
	s.stop()
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.DropRequest, Path: "pay"})
	s.run(nil)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	s.awaitPayment(payment, apiv1.StateUnknown)
	account := &apiv1.MerchantAccount{}
	s.Get(testenv.AccountName, account)
	s.must(cluster.Client.Delete(t.Context(), account))
	account = s.Account()
	account.Spec.ClientID = other
	s.Create(account)
	announced := s.paymentResult(payment, "S").with("paymentId", "20261121194010800100188000000000042").String()
	envelope := s.signed(announced, func(e *notification.Envelope) { e.ClientID = other })
	eventually(t, func() error {
		if !s.post(envelope) {
			return fmt.Errorf("not acknowledged")
		}
		return nil
	})
	s.expectReason(payment, apiv1.ClientIDChangedReason)
	if s.Get("order", payment); payment.Status.State == apiv1.PaymentPaid {
		t.Errorf("the payment counts as paid, by another client's order")
	}
}
