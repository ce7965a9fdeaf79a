package controllers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

type loudRecorder struct{ said []string }

func (l *loudRecorder) Eventf(_ runtime.Object, _ runtime.Object, kind, reason, _, note string, args ...any) {
	l.said = append(l.said, kind+" "+reason+" "+fmt.Sprintf(note, args...))
}
func (l *loudRecorder) count(reason string) (n int) {
	for _, s := range l.said {
		if strings.Contains(s, reason) {
			n++
		}
	}
	return n
}

// cancelledElsewhere cancels the order as the dashboard or another cluster does.
func (w *world) cancelledElsewhere(p *apiv1.Payment) {
	g := w.gateways.clients[client.ObjectKeyFromObject(w.account())]
	if _, err := g.client.Cancel(w.t.Context(), &alipay.CancelRequest{PaymentID: p.Status.PaymentID}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) truth(p *apiv1.Payment) string {
	g := w.gateways.clients[client.ObjectKeyFromObject(w.account())]
	a, err := g.client.InquiryPayment(w.t.Context(), &alipay.InquiryPaymentRequest{PaymentRequestID: p.Status.PaymentRequestID})
	if err != nil {
		return err.Error()
	}
	return a.PaymentStatus
}

func TestResentSuccessDoesNotHideACancellationMadeElsewhere(t *testing.T) {
	for _, down := range []time.Duration{2 * time.Minute, 16 * time.Hour} {
		w := newWorld(t, notified)
		w.acknowledges(false)
		w.store.create(newPayment("order"))
		w.must(w.reconcilePayment("order"))
		p := w.payment("order")
		if err := w.simulator.BuyerPays(p.Status.PaymentRequestID); err != nil {
			t.Fatal(err)
		}
		w.advance(time.Minute)
		w.cancelledElsewhere(p)
		for left := down; left > 0; left -= 2 * time.Minute {
			w.advance(2 * time.Minute)
		}
		w.advance(20 * time.Second)
		all := w.announced()
		last := all[len(all)-1]
		if down > time.Hour { // what a real 15h resend looks like, whatever the simulator does
			last = signed(fieldsOf(all[0].body), w.simulator.Now())
		}
		w.restart()
		w.put(w.payment("order"), last)
		before := w.sends("inquiryPayment")
		w.must(w.reconcilePayment("order"))
		asked := w.sends("inquiryPayment") - before
		if got, truth := w.payment("order").Status.State, w.truth(p); truth == "CANCELLED" && got == apiv1.PaymentPaid {
			t.Errorf("down %s: status %s, the gateway says %s, inquiries made: %d", down, got, truth, asked)
		}
		w.close()
	}
}

func failedOrder(t *testing.T) *world {
	w := openOrder(t)
	if err := w.simulator.BuyerDeclines(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	w.follow(w.reconcilePayment, "order", time.Hour)
	if w.payment("order").Status.State != apiv1.StateFailed {
		t.Fatal(w.payment("order").Status.State)
	}
	return w
}

func (w *world) accountReady(ok metav1.ConditionStatus) {
	w.store.edit(w.account(), func(o client.Object) { o.(*apiv1.MerchantAccount).Status.Conditions[0].Status = ok })
}

func TestContradictionWaitsForItsAccount(t *testing.T) {
	w := failedOrder(t)
	defer w.close()
	w.accountReady(metav1.ConditionFalse)
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now()))
	r := w.must(w.reconcilePayment("order"))
	w.accountReady(metav1.ConditionTrue)
	if r.RequeueAfter == 0 && settledForGood(w.payment("order")) {
		t.Error("acknowledged 'paid' of a Failed payment: no requeue, the account's watch does not wake it, nothing in status")
	}
}

func TestContradictionIsAskedAboutBeforeTheTimeToLiveEnds(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.acknowledges(true)
	ttl := int32(3600)
	w.store.create(newPayment("order", func(s *apiv1.PaymentSpec) { s.TTLSecondsAfterFinished = &ttl }))
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerDeclines(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	w.follow(w.reconcilePayment, "order", 10*time.Minute)
	w.accountReady(metav1.ConditionFalse)
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	w.advance(2 * time.Hour)
	w.must(w.reconcilePayment("order"))
	if w.payment("order") == nil {
		t.Error("deleted with an acknowledged, never asked 'paid'")
	}
}

func TestOneEmptyAnswerDoesNotExplainAnAnnouncedPayment(t *testing.T) {
	w := failedOrder(t)
	defer w.close()
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now()))
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryPayment", Code: "ORDER_NOT_EXIST"})
	r := w.must(w.reconcilePayment("order"))
	if r.RequeueAfter == 0 && w.payment("order").Status.Conflict == nil {
		t.Error("a signed success of a Failed payment was dropped after one empty answer")
	}
}

func TestGenuineNotificationsAreNotCalledForged(t *testing.T) {
	t.Run("former attempt announced as paid", func(t *testing.T) {
		w := failedOrder(t)
		defer w.close()
		rec := &loudRecorder{}
		w.payments.Events = rec
		id := w.payment("order").Status.PaymentRequestID
		w.editPayment("order", func(s *apiv1.PaymentSpec) { s.Attempt = 2 })
		p := w.payment("order")
		w.put(p, signed(w.result(p, id, "S"), w.simulator.Now()))
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryPayment", Code: "ORDER_NOT_EXIST"})
		for range 3 {
			r := w.must(w.reconcilePayment("order"))
			w.advance(r.RequeueAfter)
		}
		if n := rec.count("NotificationRejected"); n > 0 {
			t.Errorf("%d events: %q", n, rec.said)
		}
	})
	t.Run("refund deleted, announced as failed", func(t *testing.T) {
		w := newWorld(t, notified)
		defer w.close()
		w.paid("order")
		rec := &loudRecorder{}
		w.payments.Events = rec
		w.store.create(newRefund("back", "order", "3000"))
		w.loses("refund")
		w.must(w.reconcileRefund("back"))
		w.beforeSend = nil
		id := w.refund("back").Status.RefundRequestID
		w.store.remove(w.refund("back"))
		w.put(w.payment("order"), signed(w.refundResult(id, "3000", "FAIL"), w.simulator.Now()))
		for range 12 {
			r := w.must(w.reconcilePayment("order"))
			if r.RequeueAfter == 0 {
				break
			}
			w.advance(r.RequeueAfter)
		}
		w.must(w.reconcilePayment("order"))
		if n := rec.count("NotificationRejected"); n > 0 {
			t.Errorf("%d events: %q refunds=%v", n, rec.said, w.payment("order").Status.Refunds)
		}
	})
	t.Run("restored without status", func(t *testing.T) {
		w := openOrder(t)
		defer w.close()
		if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
			t.Fatal(err)
		}
		w.advance(10 * time.Second)
		w.receive(w.announced()[0])
		w.must(w.reconcilePayment("order"))
		backup := w.payment("order").DeepCopy()
		w.store.remove(backup)
		backup.Status = apiv1.PaymentStatus{}
		w.advance(time.Hour)
		w.store.create(backup)
		w.restart()
		rec := &loudRecorder{}
		w.payments.Events = rec
		w.follow(w.reconcilePayment, "order", time.Hour)
		if n := rec.count("NotificationRejected"); n > 0 {
			t.Errorf("%d events: %q", n, rec.said)
		}
	})
}

type failingLive struct {
	client.Reader
	gets int
	fail error
}

func (f *failingLive) Get(ctx context.Context, k client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, is := o.(*corev1.Secret); is {
		f.gets++
		if f.fail != nil {
			return f.fail
		}
	}
	return f.Reader.Get(ctx, k, o, opts...)
}

func TestNextAttemptWaitsWhileTheBodyOfANotificationCanNotBeRead(t *testing.T) {
	w := failedOrder(t)
	defer w.close()
	id := w.payment("order").Status.PaymentRequestID
	w.editPayment("order", func(s *apiv1.PaymentSpec) { s.Attempt = 2 })
	p := w.payment("order")
	a := signed(w.result(p, id, "S"), w.simulator.Now())
	e := a.envelope()
	e.Body, e.BodySecretName = "", "order-notification-0123456789ab"
	v, _ := e.Value()
	w.annotate(p, a.annotation(), v)
	w.store.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "order-notification-0123456789ab"}, Data: map[string][]byte{"body": []byte(a.body)}})
	healthy := w.payments.Live
	w.payments.Live = &failingLive{Reader: healthy, fail: errWrite}
	before := w.sends("pay")
	if _, err := w.reconcilePayment("order"); err == nil || w.sends("pay") != before {
		t.Errorf("err = %v, %d payments sent; want to be tried again, and none sent", err, w.sends("pay")-before)
	}
	w.payments.Live = healthy
	asked := w.sends("inquiryPayment")
	w.must(w.reconcilePayment("order"))
	if w.sends("inquiryPayment") == asked {
		t.Error("attempt 2 goes on without asking about attempt 1")
	}
}

func TestNoMoreSecretsAreReadThanNotificationsAreKept(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	w.store.edit(w.payment("order"), func(o client.Object) {
		m := map[string]string{}
		size := 0
		for i := 0; size < 256<<10; i++ {
			k, v := fmt.Sprintf("%s-%d", apiv1.NotificationAnnotation, i), `{"clientId":"`+testClientID+`","bodySecretName":"order-notification-`+fmt.Sprintf("%012d", i)+`"}`
			size += len(k) + len(v)
			m[k] = v
		}
		o.SetAnnotations(m)
	})
	live := &failingLive{Reader: w.payments.Live}
	w.payments.Live = live
	w.must(w.reconcilePayment("order"))
	if live.gets > 32 {
		t.Errorf("%d Secrets were read in one pass", live.gets)
	}
}

func TestContradictionInASecretIsAskedAbout(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.paid("order")
	p := w.payment("order")
	a := signed(w.result(p, p.Status.PaymentRequestID, "F"), w.simulator.Now())
	e := a.envelope()
	e.Body, e.BodySecretName = "", "order-notification-0123456789ab"
	v, _ := e.Value()
	w.annotate(p, a.annotation(), v)
	w.store.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "order-notification-0123456789ab"}, Data: map[string][]byte{"body": []byte(a.body)}})
	before := w.sends("inquiryPayment")
	w.must(w.reconcilePayment("order"))
	if w.sends("inquiryPayment") == before {
		t.Error("not asked")
	}
}

func TestTwoPaidAttemptsAreTold(t *testing.T) {
	w := failedOrder(t)
	defer w.close()
	id := w.payment("order").Status.PaymentRequestID
	w.editPayment("order", func(s *apiv1.PaymentSpec) { s.Attempt = 2 })
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	w.follow(w.reconcilePayment, "order", time.Hour)
	p := w.payment("order")
	w.put(p, signed(w.result(p, id, "S"), w.simulator.Now()))
	rec := &loudRecorder{}
	w.payments.Events = rec
	before := len(w.sent)
	w.must(w.reconcilePayment("order"))
	if len(w.sent) == before && len(rec.said) == 0 {
		t.Error("verified 'attempt 1 is paid' beside a Paid attempt 2: no inquiry, no event, no condition")
	}
}

func TestResentSuccessIsAskedAboutByARunningOperator(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.acknowledges(false)
	w.store.create(newPayment("order"))
	next := w.must(w.reconcilePayment("order")).RequeueAfter
	age := time.Duration(0)
	run := func(d time.Duration) {
		for d > 0 {
			step := min(next, d)
			w.advance(step)
			d, next, age = d-step, next-step, age+step
			if next <= 0 {
				next = w.must(w.reconcilePayment("order")).RequeueAfter
			}
		}
	}
	run(10 * time.Minute)
	for next < 4*time.Minute { // just after a look
		run(next)
	}
	p := w.payment("order")
	if err := w.simulator.BuyerPays(p.Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	run(time.Minute)
	w.cancelledElsewhere(p)
	run(70 * time.Second)
	all := w.announced()
	last := all[len(all)-1]
	before := w.sends("inquiryPayment")
	w.receive(last)
	w.must(w.reconcilePayment("order"))
	if got, truth := w.payment("order").Status.State, w.truth(p); truth == "CANCELLED" && got == apiv1.PaymentPaid {
		t.Errorf("status %s, gateway %s, asked %d", got, truth, w.sends("inquiryPayment")-before-1)
	}
}

func TestJunkDoesNotRepeatInquiries(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	p := w.payment("order")
	f := w.result(p, p.Status.PaymentRequestID, "S")
	f["notifyType"] = "PAYMENT_PENDING"
	w.put(p, signed(f, w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	before := w.sends("inquiryPayment")
	for i := range 20 {
		w.annotate(w.payment("order"), apiv1.NotificationAnnotation+"-x", fmt.Sprint(i))
		w.must(w.reconcilePayment("order"))
	}
	if n := w.sends("inquiryPayment") - before; n > 1 {
		t.Errorf("%d inquiries about news that was explained, in no time at all", n)
	}
}

func TestCancellationDoesNotWaitForTheTimeToLive(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t, notified)
		w.acknowledges(true)
		ttl := int32(30 * 24 * 3600)
		w.store.create(newPayment("order", func(s *apiv1.PaymentSpec) { s.TTLSecondsAfterFinished = &ttl }))
		r := w.must(w.reconcilePayment("order"))
		if lost {
			w.loses("inquiryPayment")
		}
		w.advance(r.RequeueAfter)
		w.must(w.reconcilePayment("order"))
		w.beforeSend = nil
		p := w.payment("order")
		if err := w.simulator.BuyerPays(p.Status.PaymentRequestID); err != nil {
			t.Fatal(err)
		}
		w.advance(5 * time.Second)
		w.receive(w.announced()[0])
		w.must(w.reconcilePayment("order"))
		if got := w.payment("order").Status.State; got != apiv1.PaymentPaid {
			t.Fatal(got)
		}
		w.editPayment("order", func(s *apiv1.PaymentSpec) { s.DesiredState = apiv1.DesiredCancelled })
		r = w.must(w.reconcilePayment("order"))
		if w.sends("cancel") == 0 && r.RequeueAfter > time.Hour {
			t.Errorf("lost %t: the cancellation waits for %s; the gateway cancels until 00:15 of the next day", lost, r.RequeueAfter)
		}
		w.close()
	}
}

func TestContradictionDoesNotWaitForTheTimeToLive(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.acknowledges(true)
	ttl := int32(30 * 24 * 3600)
	w.store.create(newPayment("order", func(s *apiv1.PaymentSpec) { s.TTLSecondsAfterFinished = &ttl }))
	r := w.must(w.reconcilePayment("order"))
	w.loses("inquiryPayment")
	w.advance(r.RequeueAfter)
	w.must(w.reconcilePayment("order"))
	w.beforeSend = nil
	w.advance(5 * time.Second)
	p := w.payment("order")
	if err := w.simulator.BuyerDeclines(p.Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "F"), w.simulator.Now()))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateFailed {
		t.Fatal(got)
	}
	p = w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now()))
	before := w.sends("inquiryPayment")
	r = w.must(w.reconcilePayment("order"))
	if w.sends("inquiryPayment") == before {
		t.Errorf("'paid' of a Failed payment is asked about in %s", r.RequeueAfter)
	}
}

func TestOrphanDoesNotWaitForTheTimeToLive(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	ttl := int32(30 * 24 * 3600)
	w.store.create(newPayment("order", func(s *apiv1.PaymentSpec) { s.TTLSecondsAfterFinished = &ttl }))
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", time.Hour)
	w.store.create(newRefund("back", "order", "3000"))
	w.loses("refund")
	w.must(w.reconcileRefund("back"))
	w.beforeSend = nil
	w.store.remove(w.refund("back"))
	r := w.must(w.reconcilePayment("order"))
	if w.sends("inquiryRefund") == 0 && r.RequeueAfter > time.Hour {
		t.Errorf("orphan is asked about in %s (existed before the change?)", r.RequeueAfter)
	}
}

func TestNotificationFromTheFarFutureIsNotBelieved(t *testing.T) {
	w := openOrder(t)
	defer w.close()
	p := w.payment("order")
	w.put(p, signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now().Add(10*time.Hour)))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got == apiv1.PaymentPaid {
		t.Errorf("settled by one whose Request-Time is 10 h ahead of our clock")
	}
}

// A payment was paid and cancelled, and its object is made anew while the operator's clock is behind: the order then seems younger than the
// object, and a repeated announcement of it must not count as its end.
func TestAnnouncedPaymentIsAskedAboutWhileItsAnswerIsLost(t *testing.T) {
	w := newWorld(t, notified)
	defer w.close()
	w.paid("order")
	w.advance(3 * time.Second)
	all := w.announced()
	if len(all) == 0 {
		t.Fatal("the gateway has announced nothing")
	}
	w.cancelledElsewhere(w.payment("order"))
	w.store.remove(w.payment("order"))
	w.clock.Step(-20 * time.Second)
	w.store.create(newPayment("order"))
	w.inject(simulator.Fault{Kind: simulator.UnknownException, Path: "pay"})
	w.must(w.reconcilePayment("order"))
	w.receive(all[len(all)-1])
	w.must(w.reconcilePayment("order"))
	if got, truth := w.payment("order").Status.State, w.truth(w.payment("order")); got == apiv1.PaymentPaid || truth != "CANCELLED" {
		t.Errorf("state = %s while the gateway has %s, want it asked about", got, truth)
	}
}
