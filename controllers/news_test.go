package controllers

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// openOrder is a payment that waits for its buyer, in a world with notifications.
func openOrder(t *testing.T) *world {
	w := newWorld(t, notified)
	w.acknowledges(true)
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateProcessing {
		t.Fatalf("payment is %s, want Processing", got)
	}
	return w
}

// result is what the gateway would announce of a payment now.
func (w *world) result(p *apiv1.Payment, id, status string) map[string]any {
	stamp := w.simulator.Now().UTC().Format(time.RFC3339)
	fields := map[string]any{
		"notifyType": "PAYMENT_RESULT", "result": map[string]any{"resultCode": map[string]string{"S": "SUCCESS", "F": "PROCESS_FAIL"}[status], "resultStatus": status},
		"paymentRequestId": id, "paymentAmount": map[string]any{"currency": "HKD", "value": "10000"}, "paymentCreateTime": stamp,
	}
	if fields["paymentId"] = p.Status.PaymentID; p.Status.PaymentID == "" {
		fields["paymentId"] = "2026"
	}
	if status == "S" {
		fields["paymentTime"] = stamp
	}
	return fields
}

// refundResult is what the gateway would announce of a refund now.
func (w *world) refundResult(id, value, status string) map[string]any {
	fields := map[string]any{
		"notifyType": "REFUND_RESULT", "refundRequestId": id, "refundId": "2027", "refundAmount": map[string]any{"currency": "HKD", "value": value},
		"result": map[string]any{"resultCode": "PROCESS_FAIL", "resultStatus": "F"}, "refundStatus": "FAIL",
	}
	if status == "SUCCESS" {
		fields["result"], fields["refundStatus"] = map[string]any{"resultCode": "SUCCESS", "resultStatus": "S"}, "SUCCESS"
		fields["refundTime"] = w.simulator.Now().UTC().Format(time.RFC3339)
	}
	return fields
}

// wronglyFailed is a payment whose failure the gateway has announced, and which the buyer then pays.
func wronglyFailed(t *testing.T) *world {
	t.Helper()
	w := openOrder(t)
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "F"), w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateFailed {
		t.Fatalf("payment is %s, want Failed", got)
	}
	if err := w.simulator.BuyerPays(p.Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.advance(10 * time.Second)
	return w
}

func TestPaymentIsSettledByANotificationWithoutAnInquiry(t *testing.T) {
	for _, failing := range []int{0, 1} {
		w := openOrder(t)
		if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
			t.Fatal(err)
		}
		w.advance(5 * time.Second)
		all := w.announced()
		if len(all) != 1 || !w.receive(all[0]) {
			t.Fatalf("%d notifications came, want one for the payment", len(all))
		}
		w.failWriteNumber(failing, writeLost)
		w.follow(w.reconcilePayment, "order", time.Hour)
		if got := w.payment("order").Status.State; got != apiv1.PaymentPaid || w.sends("inquiryPayment") != 0 {
			t.Errorf("payment is %s after %d inquiries, want Paid after none", got, w.sends("inquiryPayment"))
		}
		w.close()
	}
}

func TestContradictionIsToldThoughAWriteIsLost(t *testing.T) {
	for _, how := range []writeFault{writeArrives, writeLost} {
		w := wronglyFailed(t)
		w.receive(w.announced()[0])
		w.failWriteNumber(1, how)
		for range 3 {
			_, _ = w.reconcilePayment("order")
			w.advance(time.Second)
		}
		if got := reason(w.payment("order").Status.Conditions); got != apiv1.StateContradictionReason {
			t.Errorf("write %q: reason = %s, want %s", how, got, apiv1.StateContradictionReason)
		}
		w.close()
	}
}

func TestNewAttemptIsNotSentWhileTheFormerIsPaidAfterAll(t *testing.T) {
	for _, how := range []writeFault{writeArrives, writeLost, writeUnheardOf} {
		w := wronglyFailed(t)
		w.receive(w.announced()[0])
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
		w.failWriteNumber(1, how)
		for range 10 {
			_, _ = w.reconcilePayment("order")
			w.advance(2 * time.Minute)
		}
		if got := w.sends("pay"); got != 1 {
			t.Errorf("write %q: pay left %d times, want once: the former attempt is paid", how, got)
		}
		w.close()
	}
}

func TestEveryFormerAttemptThatIsAnnouncedAsPaidIsAskedFor(t *testing.T) {
	for _, names := range [][]string{{"-A", "-B"}, {"-B", "-A"}} {
		w := wronglyFailed(t)
		first := w.payment("order").Status.PaymentRequestID
		w.store.edit(w.payment("order"), func(obj client.Object) { obj.SetAnnotations(nil) })
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
		w.must(w.reconcilePayment("order"))
		second := w.payment("order").Status.PaymentRequestID
		if err := w.simulator.BuyerDeclines(second); err != nil {
			t.Fatal(err)
		}
		w.advance(time.Minute)
		w.follow(w.reconcilePayment, "order", time.Hour)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 3 })
		for i, id := range []string{first, second} {
			p := w.payment("order")
			value, err := signed(w.result(p, id, "S"), w.simulator.Now()).envelope().Value()
			if err != nil {
				t.Fatal(err)
			}
			w.annotate(p, apiv1.NotificationAnnotation+names[i], value)
		}
		sent := w.sends("pay")
		w.follow(w.reconcilePayment, "order", 40*time.Second)
		if got := w.sends("pay") - sent; got != 0 || reason(w.payment("order").Status.Conditions) != apiv1.FormerAttemptOpenReason {
			t.Errorf("%v: pay left %d times, and the reason is %s: the first attempt is paid", names, got, reason(w.payment("order").Status.Conditions))
		}
		w.close()
	}
}

func TestCancelledPaymentThatWasNeverPlacedIsNotPaidInSilence(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.loses("pay")
	w.store.create(newPayment("order"))
	w.must(w.reconcilePayment("order"))
	late := w.lastRequest
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled {
		t.Fatalf("payment is %s, want Cancelled", got)
	}
	w.deliver(late)
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.advance(10 * time.Second)
	w.receive(w.announced()[0])
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.StateContradictionReason {
		t.Errorf("reason = %s, want %s: the buyer has paid", got, apiv1.StateContradictionReason)
	}
}

func TestSuccessAfterACancellationThatTheGatewayHasConfirmedChangesNothing(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	id := w.payment("order").Status.PaymentRequestID
	if err := w.simulator.BuyerPays(id); err != nil {
		t.Fatal(err)
	}
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, "order", time.Hour)
	w.advance(10 * time.Second)
	sent := len(w.sent)
	w.receive(w.announced()[0])
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled || len(w.sent) != sent {
		t.Errorf("payment is %s after %d more requests, want Cancelled after none", got, len(w.sent)-sent)
	}
}

// A payment that another cluster has made, and partly refunded, is announced as paid before this cluster has seen it: however long the
// operator was away, the refunds are asked for.
func TestRefundsOfAnAdoptedPaymentAreKnownHoweverLateTheNotificationIsRead(t *testing.T) {
	for _, away := range []time.Duration{0, time.Minute, 20 * time.Minute} {
		w := newWorld(t, notified)
		w.paid("order")
		w.store.create(newRefund("elsewhere", "order", "3000"))
		w.follow(w.reconcileRefund, "elsewhere", time.Hour)
		w.advance(10 * time.Second)
		w.store.remove(w.payment("order"))
		w.store.remove(w.refund("elsewhere"))
		w.store.create(newPayment("order"))
		w.loses("pay")
		w.must(w.reconcilePayment("order"))
		p := w.payment("order")
		back := fieldsOf(w.announced()[0].body)
		w.put(p, signed(back, w.simulator.Now()))
		w.advance(away)
		w.restart()
		w.follow(w.reconcilePayment, "order", time.Hour)
		p = w.payment("order")
		if p.Status.State != apiv1.PaymentPaid || p.Status.Amounts.Refundable != "7000" {
			t.Errorf("after %s: payment is %s and %+v, want Paid with 7000 refundable", away, p.Status.State, p.Status.Amounts)
		}
		w.close()
	}
}

// A payment that comes back from a backup, where it was still open, is not paid because a notification says so that came before it
// was cancelled.
func TestRestoredPaymentIsNotSettledByWhatWasAnnouncedBefore(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.advance(10 * time.Second)
	w.receive(w.announced()[0])
	backup := w.payment("order").DeepCopy()
	w.must(w.reconcilePayment("order"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled {
		t.Fatalf("payment is %s, want Cancelled", got)
	}
	w.advance(time.Minute)
	w.store.remove(w.payment("order"))
	w.store.create(backup)
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := w.payment("order").Status.State; got != apiv1.PaymentCancelled {
		t.Errorf("payment is %s, want Cancelled", got)
	}
}

func TestNewAttemptOfARefundIsNotSentWhileTheFormerHasGivenTheMoneyBack(t *testing.T) {
	for _, how := range []writeFault{writeArrives, writeLost, writeUnheardOf} {
		w := newWorld(t, notified)
		w.paid("order")
		w.store.create(newRefund("back", "order", "3000"))
		w.loses("refund")
		w.must(w.reconcileRefund("back"))
		late := w.lastRequest
		id := w.refund("back").Status.RefundRequestID
		w.put(w.refund("back"), signed(w.refundResult(id, "3000", "FAIL"), w.simulator.Now()))
		w.must(w.reconcileRefund("back"))
		if got := w.refund("back").Status.State; got != apiv1.StateFailed {
			t.Fatalf("refund is %s, want Failed", got)
		}
		w.beforeSend = nil
		w.deliver(late)
		w.advance(10 * time.Second)
		for _, a := range w.announced() {
			if a.subject().RefundRequestID == id {
				w.receive(a)
			}
		}
		w.editRefund("back", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 })
		w.failWriteNumber(1, how)
		for range 10 {
			_, _ = w.reconcileRefund("back")
			w.advance(2 * time.Minute)
		}
		if got := w.sends("refund"); got != 1 {
			t.Errorf("write %q: refund left %d times, want once: the former attempt has given the money back", how, got)
		}
		w.close()
	}
}

func TestInquiryAboutAPaidPaymentCountsTheRefundsThatItLists(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "3000"))
	w.follow(w.reconcileRefund, "back", time.Hour)
	w.store.remove(w.refund("back"))
	w.store.edit(w.payment("order"), func(obj client.Object) { // as after a restored backup
		st := &obj.(*apiv1.Payment).Status
		st.Refunds, st.Amounts.Refunded, st.Amounts.Refundable = nil, "", "10000"
	})
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "F"), w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.Amounts; got.Refundable != "7000" || got.Refunded != "3000" {
		t.Errorf("amounts = %+v, want 7000 refundable and 3000 refunded", got)
	}
}

func TestNotificationToAnotherClientSettlesNothing(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	w.store.edit(w.payment("order"), func(obj client.Object) { obj.(*apiv1.Payment).Status.Intent.ClientID = "SANDBOX_OTHER" })
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.ClientIDChangedReason {
		t.Errorf("reason = %s, want %s", got, apiv1.ClientIDChangedReason)
	}
}

// The gateway may sign for all its merchants with one key, and a request id is the merchant's own.
func TestNotificationThatIsSignedForAnotherMerchantSettlesNothing(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	p := w.payment("order")
	a := signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now())
	a.clientID = "SANDBOX_5Y00000000000001"
	var err error
	a.signature, err = alipay.Sign(worldKeys()["gateway"], 1, alipay.Message{URI: a.uri, ClientID: a.clientID, Time: a.time, Body: []byte(a.body)})
	if err != nil {
		t.Fatal(err)
	}
	w.put(p, a)
	sent := len(w.sent)
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateProcessing || len(w.sent) != sent {
		t.Errorf("payment is %s after %d requests, want Processing after none", got, len(w.sent)-sent)
	}
}
