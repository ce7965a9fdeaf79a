package controllers

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestRefundOfUnclearAmountCountsAsTaken(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.inject(simulator.Fault{Kind: simulator.WrongAmount, Path: "refund"})
	w.store.create(newRefund("a", "order", "6000"))
	w.follow(w.reconcileRefund, "a", time.Hour)
	if got := reason(w.refund("a").Status.Conditions); got != apiv1.RequestIDConflictReason {
		t.Fatalf("reason of a = %s, want %s", got, apiv1.RequestIDConflictReason)
	}
	w.must(w.reconcilePayment("order"))
	w.store.create(newRefund("b", "order", "6000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := reason(w.refund("b").Status.Conditions); got != apiv1.RefundAmountExceededReason {
		t.Errorf("reason of b = %s, want %s", got, apiv1.RefundAmountExceededReason)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
}

func TestDeletedRefundStaysTaken(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("a", "order", "6000"))
	w.follow(w.reconcileRefund, "a", time.Hour)
	w.store.remove(w.refund("a")) // before the payment has seen it
	w.must(w.reconcilePayment("order"))
	w.store.create(newRefund("b", "order", "6000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := reason(w.refund("b").Status.Conditions); got != apiv1.RefundAmountExceededReason {
		t.Errorf("reason of b = %s, want %s", got, apiv1.RefundAmountExceededReason)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
}

func TestRefundsThatReadTheSameOldPaymentDoNotBothFit(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("a", "order", "6000"))
	w.store.create(newRefund("b", "order", "6000"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.TTLSecondsAfterFinished = new(int32(99)) }) // the version before is paid as well
	w.store.behind = 1
	for range 6 {
		for _, name := range []string{"a", "b"} {
			_, _ = w.reconcileRefund(name)
		}
		w.advance(time.Second)
	}
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
}

func TestRefundIsNotedInThePaymentBeforeItIsSent(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "4000"))
	var noted []apiv1.PaymentRefund
	w.beforeSend = func(r sentRequest) error {
		if r.operation == "refund" {
			noted = w.payment("order").Status.Refunds
		}
		return nil
	}
	w.follow(w.reconcileRefund, "back", time.Hour)
	want := []apiv1.PaymentRefund{{RefundRequestID: w.refund("back").Status.RefundRequestID, Value: "4000"}}
	if diff := cmp.Diff(want, noted); diff != "" {
		t.Errorf("refunds noted when the request left (-want +got):\n%s", diff)
	}
}

func TestRefundThatTheGatewayRefusedIsNotTaken(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("a", "order", "10000")
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; len(got.Refunds) != 0 || got.Amounts.Refundable != "10000" {
		t.Errorf("refunds = %v, refundable = %s, want none and 10000", got.Refunds, got.Amounts.Refundable)
	}
}

func TestRefundWithTimeToLiveZeroIsNotForgotten(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("back", "order", "4000", func(spec *apiv1.RefundSpec) { spec.TTLSecondsAfterFinished = new(int32) }))
	w.follow(w.reconcileRefund, "back", time.Hour)
	if w.refund("back") == nil {
		t.Fatal("the refund is gone before its payment has noted it as done")
	}
	w.must(w.reconcilePayment("order"))
	w.follow(w.reconcileRefund, "back", time.Hour)
	if w.refund("back") != nil {
		t.Error("the refund outlives its time to live")
	}
	if got := w.payment("order").Status.Amounts; got.Refunded != "4000" || got.Refundable != "6000" {
		t.Errorf("amounts = %+v, want 4000 refunded and 6000 refundable", got)
	}
}

func TestRaisedRefundAttemptTakesTheAmountOfTheFormerOne(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("a", "order", "10000")
	w.editRefund("a", func(spec *apiv1.RefundSpec) { spec.Attempt = 2 })
	w.follow(w.reconcileRefund, "a", time.Hour)
	if got := w.refund("a").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s, want %s", got, apiv1.RefundRefunded)
	}
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.Amounts; got.Refunded != "10000" || got.Refundable != "0" {
		t.Errorf("amounts = %+v, want all refunded", got)
	}
}

// What is held back must not be taken for ever.
func TestRefundRecreatedWithAnotherAmountTakesThatAmount(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.failWrite = func(obj client.Object) writeFault {
		if _, is := obj.(*apiv1.Refund); is {
			return writeLost
		}
		return writeArrives
	}
	w.store.create(newRefund("a", "order", "1000"))
	_, _ = w.reconcileRefund("a") // noted in the payment, and the intent is lost
	w.store.failWrite = nil
	w.store.remove(w.refund("a"))
	w.store.create(newRefund("a", "order", "9000"))
	w.follow(w.reconcileRefund, "a", time.Hour)
	w.store.create(newRefund("b", "order", "9000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	w.must(w.reconcilePayment("order"))
	if got := w.sends("refund"); got != 1 {
		t.Errorf("refund requests = %d, want 1", got)
	}
	if got := w.payment("order").Status.Amounts; got.Refunded != "9000" || got.Refundable != "1000" {
		t.Errorf("amounts = %+v, want 9000 refunded and 1000 refundable", got)
	}
}

func TestRefundDeletedBeforeItWasSentTakesNothing(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.failWrite = func(obj client.Object) writeFault {
		if _, is := obj.(*apiv1.Refund); is {
			return writeLost
		}
		return writeArrives
	}
	w.store.create(newRefund("a", "order", "6000"))
	_, _ = w.reconcileRefund("a")
	w.store.failWrite = nil
	w.store.remove(w.refund("a"))
	w.follow(w.reconcilePayment, "order", 5*time.Minute)
	w.store.create(newRefund("b", "order", "10000"))
	w.follow(w.reconcileRefund, "b", time.Hour)
	if got := w.refund("b").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s (%s), want %s", got, reason(w.refund("b").Status.Conditions), apiv1.RefundRefunded)
	}
}

func TestRefundRecreatedWithAnotherAmountWhileItWaitsTakesThatAmount(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	release := w.queue()
	w.store.create(newRefund("back", "order", "1000"))
	w.must(w.reconcileRefund("back"))
	w.store.remove(w.refund("back"))
	w.must(w.reconcileRefund("back"))
	release()
	w.store.create(newRefund("back", "order", "9000"))
	w.follow(w.reconcileRefund, "back", time.Hour)
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.Amounts; got.Refunded != "9000" || got.Refundable != "1000" {
		t.Errorf("amounts = %+v, want 9000 refunded and 1000 refundable", got)
	}
}

func TestRefundDeletedWhileItWaitsForItsTurnTakesNothing(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	release := w.queue()
	w.store.create(newRefund("back", "order", "10000"))
	w.must(w.reconcileRefund("back"))
	w.store.remove(w.refund("back"))
	w.must(w.reconcileRefund("back"))
	release()
	for range 5 {
		w.advance(time.Hour)
		w.must(w.reconcilePayment("order"))
	}
	w.store.create(newRefund("other", "order", "5000"))
	w.follow(w.reconcileRefund, "other", time.Hour)
	if got := w.refund("other").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s (%s), want %s", got, reason(w.refund("other").Status.Conditions), apiv1.RefundRefunded)
	}
}

func TestRefusedRefundDeletedWhileNoOneWatchesTakesNothing(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.refused("back", "order", "10000")
	w.store.remove(w.refund("back"))
	w.restart()
	w.follow(w.reconcilePayment, "order", 5*time.Minute)
	w.store.create(newRefund("other", "order", "10000"))
	w.follow(w.reconcileRefund, "other", time.Hour)
	if got := w.refund("other").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s (%s), want %s", got, reason(w.refund("other").Status.Conditions), apiv1.RefundRefunded)
	}
}

// The id names a refund of another payment, so nothing of this one was given back, and nothing stays taken.
func TestRefundWhoseIDBelongsToAnotherPaymentTakesNothing(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("a")
	w.paid("b")
	same := func(spec *apiv1.RefundSpec) { spec.RefundRequestID = "X" }
	w.store.create(newRefund("of-a", "a", "4000", same))
	w.follow(w.reconcileRefund, "of-a", time.Hour)
	w.store.create(newRefund("of-b", "b", "10000", same))
	w.follow(w.reconcileRefund, "of-b", time.Hour)
	if got := reason(w.refund("of-b").Status.Conditions); got != apiv1.RequestIDConflictReason {
		t.Fatalf("reason = %s, want %s", got, apiv1.RequestIDConflictReason)
	}
	w.must(w.reconcilePayment("b"))
	w.store.remove(w.refund("of-b"))
	w.must(w.reconcilePayment("b"))
	w.store.create(newRefund("again", "b", "10000"))
	w.follow(w.reconcileRefund, "again", time.Hour)
	if got := w.refund("again").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("state = %s (%s), want %s", got, reason(w.refund("again").Status.Conditions), apiv1.RefundRefunded)
	}
}

func TestRefundNameUsedAgainForAnotherPaymentIsAnotherRefund(t *testing.T) {
	for _, fault := range []simulator.FaultKind{"", simulator.DropResponse, simulator.DropRequest} {
		t.Run(fmt.Sprintf("fault %q", fault), func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.paid("a")
			w.paid("b")
			w.store.create(newRefund("back", "a", "4000"))
			w.follow(w.reconcileRefund, "back", time.Hour)
			w.must(w.reconcilePayment("a"))
			w.store.remove(w.refund("back"))
			w.must(w.reconcileRefund("back"))
			w.store.create(newRefund("back", "b", "4000"))
			if fault != "" {
				w.inject(simulator.Fault{Kind: fault, Path: "refund"})
			}
			_, _ = w.reconcileRefund("back")
			w.restart()
			w.follow(w.reconcileRefund, "back", time.Hour)
			if got := w.refund("back").Status.State; got != apiv1.RefundRefunded {
				t.Fatalf("state = %s, want %s", got, apiv1.RefundRefunded)
			}
			for _, name := range []string{"a", "b"} {
				if got := w.givenBack(name); got != 4000 {
					t.Errorf("given back of payment %s = %d, want 4000", name, got)
				}
			}
		})
	}
}

// queue lets the account's next requests wait for their turn, until what it returns is called.
func (w *world) queue() (release func()) {
	limiter := w.gateways.clients[client.ObjectKeyFromObject(w.account())].queue.all
	limiter.SetLimit(1)
	limiter.SetBurst(1)
	limiter.ReserveN(w.clock.Now(), 1)
	return func() { limiter.SetLimit(rate.Inf) }
}

// givenBack is the sum of a payment that the gateway has given back.
func (w *world) givenBack(payment string) int64 {
	var sum int64
	for _, refund := range w.simulator.Ledger().RefundRecords {
		if refund.PaymentID == w.payment(payment).Status.PaymentID && refund.Status == "SUCCESS" {
			sum += refund.Amount.Value
		}
	}
	return sum
}
