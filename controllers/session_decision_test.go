package controllers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestDecisionAboutASession(t *testing.T) {
	ago := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: worldStart.Add(-d)} }
	lost := func(f *paymentFacts) { // the answer to the request for a session was lost
		f.payment.Status.Intent, f.payment.Status.State = submitted(), apiv1.StateSubmitting
		f.payment.Status.Session = &apiv1.SessionStatus{RequestedAt: ago(time.Minute)}
	}
	open := func(f *paymentFacts) {
		lost(f)
		f.payment.Status.State = apiv1.StateProcessing
		f.payment.Status.Session.ExpiryTime, f.payment.Status.Session.SecretName = ago(-30*time.Minute), "order-session"
	}
	over := func(f *paymentFacts) {
		open(f)
		f.payment.Status.Session.ExpiryTime = ago(5 * time.Minute)
	}
	unknownOrder := func(f *paymentFacts) { f.asked, f.trouble = true, &trouble{outcome: notFound} }
	inProcess := func(f *paymentFacts) { f.asked = true }
	proved := func(f *paymentFacts) {
		unknownOrder(f)
		f.payment.Status.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: emptyAnswers, LastTime: *ago(0)}
	}
	young := func(f *paymentFacts) { f.payment.CreationTimestamp = *ago(time.Minute) }
	cancel := func(f *paymentFacts) { f.payment.Spec.DesiredState = apiv1.DesiredCancelled }
	suspend := func(f *paymentFacts) { f.payment.Spec.Suspend = true }
	renew := func(f *paymentFacts) { f.payment.Spec.Session.Renewals = 1 }
	fresh := func(f *paymentFacts) {
		lost(f)
		f.payment.Status.Intent.SubmittedAt, f.recall.unsent = *ago(time.Second), true
	}
	refusedWith := func(code string) func(*paymentFacts) {
		return func(f *paymentFacts) {
			f.payment.Status.LastResult = &apiv1.GatewayResult{ResultCode: code, ResultStatus: alipay.ResultStatusFail}
		}
	}
	type facts = []func(*paymentFacts)
	tests := []struct {
		name   string
		facts  facts
		do     action
		reason string
	}{
		{"the gateway is asked before the first session", nil, actInquire, apiv1.SubmittingReason},
		{"the first session follows when it knows no order", facts{unknownOrder}, actRecordIntent, apiv1.SubmittingReason},
		{"no session follows while something is in process", facts{inProcess}, actWait, apiv1.SessionNotRepeatedReason},
		{"none is asked for while it is suspended", facts{suspend}, actRest, apiv1.SuspendedReason},
		{"the recorded request is sent at once", facts{fresh}, actSubmit, apiv1.SubmittingReason},
		{"a cancelled one is not sent", facts{fresh, cancel}, actInquire, apiv1.CancellingReason},
		{"a suspended one is not sent", facts{fresh, suspend, unknownOrder}, actWait, apiv1.SuspendedReason},
		{"after a lost answer the gateway is asked", facts{lost}, actInquire, apiv1.SubmittingReason},
		{"and the request is sent again", facts{lost, unknownOrder}, actRecordIntent, apiv1.SubmittingReason},
		{"also when something is in process", facts{lost, inProcess}, actRecordIntent, apiv1.SubmittingReason},
		{"a refusal is confirmed", facts{lost, refusedWith("NO_PAY_OPTIONS")}, actInquire, apiv1.SubmittingReason},
		{"and ends the attempt", facts{lost, refusedWith("NO_PAY_OPTIONS"), unknownOrder}, actSettleFailed, apiv1.SubmittingReason},
		{"but not while something is in process", facts{lost, refusedWith("NO_PAY_OPTIONS"), inProcess}, actWait, apiv1.SubmittingReason},
		{"an open session is asked about", facts{open}, actInquire, apiv1.AwaitingBuyerReason},
		{"and waits for its buyer", facts{open, unknownOrder}, actWait, apiv1.AwaitingBuyerReason},
		{"whatever was counted", facts{open, proved}, actWait, apiv1.AwaitingBuyerReason},
		{"also when it is cancelled", facts{open, cancel, proved}, actWait, apiv1.CancellingReason},
		{"one expired is not proved to be unused by one answer", facts{over, unknownOrder}, actWait, apiv1.AwaitingBuyerReason},
		{"by four it is", facts{over, proved}, actSettleFailed, apiv1.AwaitingBuyerReason},
		{"and is renewed if it may be", facts{over, proved, renew}, actRecordIntent, apiv1.AwaitingBuyerReason},
		{"not while it is suspended", facts{over, proved, renew, suspend}, actWait, apiv1.SuspendedReason},
		{"not when it is cancelled", facts{over, proved, renew, cancel}, actSettleCancelled, apiv1.CancellingReason},
		{"not by what was counted before this look", facts{over, proved, renew, func(f *paymentFacts) { f.asked, f.trouble = false, nil }}, actInquire, apiv1.AwaitingBuyerReason},
		{"a cancelled one that was never sent is asked about", facts{cancel, young}, actInquire, apiv1.CancellingReason},
		{"and waits while a former object's session may live", facts{cancel, young, unknownOrder}, actWait, apiv1.CancellingReason},
		{"and is cancelled after that", facts{cancel, proved}, actSettleCancelled, apiv1.CancellingReason},
		{"an order that is known is followed as any", facts{over, proved, func(f *paymentFacts) { f.payment.Status.Session.Submitted = true }}, actWait, apiv1.AwaitingBuyerReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &paymentFacts{facts: testFacts(), payment: sessionPayment()}
			f.payment.Spec.Attempt, f.payment.CreationTimestamp = 1, *ago(3 * time.Hour)
			for _, change := range tt.facts {
				change(f)
			}
			before := f.payment.DeepCopy()
			got := decidePayment(f)
			if got.do != tt.do || got.report.reason != tt.reason {
				t.Errorf("decision = %s (%s), want %s (%s)", got.do, got.report.reason, tt.do, tt.reason)
			}
			if diff := cmp.Diff(before, f.payment); diff != "" {
				t.Errorf("the decision has changed the payment:\n%s", diff)
			}
			if got.do == actWait && (got.after <= 0 || got.after > time.Hour) {
				t.Errorf("waits for %s", got.after)
			}
		})
	}
}

// A success counts as paid only when it is known that nothing is merely held.
func TestWhatASuccessMakesOfASession(t *testing.T) {
	const capture = `[{"transactionType":"CAPTURE","transactionStatus":"PROCESSING","transactionId":"c","transactionAmount":{"currency":"HKD","value":"10000"}}]`
	const done = `[{"transactionType":"CAPTURE","transactionStatus":"SUCCESS","transactionId":"c","transactionAmount":{"currency":"HKD","value":"10000"}}]`
	tests := []struct {
		name   string
		spec   func(*apiv1.PaymentSpec)
		answer string
		want   apiv1.OperationState
	}{
		{"by a wallet is paid", nil, `"paymentMethodType":"ALIPAY_HK"`, apiv1.PaymentPaid},
		{"by a card is held", nil, `"paymentMethodType":"CARD"`, apiv1.PaymentAuthorized},
		{"by a captured card is paid", nil, `"paymentMethodType":"CARD","transactions":` + done, apiv1.PaymentPaid},
		{"without a method is not known", nil, `"transactions":null`, apiv1.PaymentConfirming},
		{"without a method and with a capture is a card's", nil, `"transactions":` + capture, apiv1.PaymentAuthorized},
		{"without a method and with an authorisation is a card's", nil, `"authExpiryTime":"2026-11-28T12:00:00+08:00"`, apiv1.PaymentAuthorized},
		{"by a wallet with an authorisation is a card's", nil, `"paymentMethodType":"ALIPAY_HK","authExpiryTime":"2026-11-28T12:00:00+08:00"`, apiv1.PaymentAuthorized},
		{"of an element for a wallet is paid", embedded("ALIPAY_HK"), `"transactions":null`, apiv1.PaymentPaid},
		{"of an element for a wallet that a card has paid is held", embedded("ALIPAY_HK"), `"paymentMethodType":"CARD"`, apiv1.PaymentAuthorized},
		{"of an element for cards is held, whatever is said", embedded(cardMethod), `"paymentMethodType":"ALIPAY_HK"`, apiv1.PaymentAuthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payment := sessionPayment()
			if tt.spec != nil {
				tt.spec(&payment.Spec)
			}
			payment.Status.Intent, payment.Status.State = submitted(), apiv1.StateProcessing
			answer := &alipay.InquiryPaymentResponse{}
			body := `{"paymentStatus":"SUCCESS","paymentId":"1","paymentTime":"2026-11-21T12:00:00+08:00","paymentAmount":{"currency":"HKD","value":"10000"},` + tt.answer + `}`
			if err := json.Unmarshal([]byte(body), answer); err != nil {
				t.Fatal(err)
			}
			answers := paymentAnswers{payment: payment, now: worldStart}
			answers.inquiry(answer)
			if got := payment.Status; got.State != tt.want || !got.Session.Submitted {
				t.Errorf("payment is %s, submitted %t; want %s, true", got.State, got.Session.Submitted, tt.want)
			}
			answer.PaymentStatus = alipay.StatusFail
			if answers.inquiry(answer); payment.Status.Conflict == nil {
				t.Error("a failure after the success is no contradiction")
			}
		})
	}
}

func TestSessionDataNeverGetsIntoTheStatus(t *testing.T) {
	for page, want := range map[string]bool{
		"https://gateway.example/checkout/1": false, "https://gateway.example/?data=UNv%26%26SG": true, "https://gateway.example/?data=UNv&&SG": true,
	} {
		if got := repeats(page, "UNv&&SG"); got != want {
			t.Errorf("%s repeats the data: %t, want %t", page, got, want)
		}
	}
}

func TestNotificationNeverSettlesAPaymentWhoseMethodTheBuyerChooses(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.acknowledges(true)
	w.store.create(sessionPayment())
	w.must(w.reconcilePayment("order"))
	w.put(w.payment("order"), signed(w.result(w.payment("order"), w.requestID(), "S"), w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; got.State == apiv1.PaymentPaid || !got.Session.Submitted {
		t.Errorf("payment is %s, submitted %t; want it open, and the order known", got.State, got.Session.Submitted)
	}
	t.Run("and what was announced never counts as unused", func(t *testing.T) {
		w.run(3 * time.Hour)
		if got := w.payment("order").Status.State; got.Final() {
			t.Errorf("payment is %s, want it open", got)
		}
	})
}
