package controllers

import (
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
)

// A cache that does not show yet what was written last would have the pass ask the gateway, and write, once more.
func TestCopyOlderThanTheLastWriteIsNotWorkedOn(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.paid("order")
	w.store.create(newRefund("refund", "order", "4000"))
	w.follow(w.reconcileRefund, "refund", time.Hour)
	for name, look := range map[string]func() (ctrl.Result, error){
		"order":  func() (ctrl.Result, error) { return w.reconcilePayment("order") },
		"refund": func() (ctrl.Result, error) { return w.reconcileRefund("refund") },
	} {
		writes, requests := w.store.writes, len(w.sent)
		w.store.behind = 1
		w.advance(time.Minute)
		result, err := look()
		if result.RequeueAfter != conflictDelay || err != nil {
			t.Errorf("%s: comes again after %s, err = %v; want %s and none", name, result.RequeueAfter, err, conflictDelay)
		}
		if w.store.writes != writes || len(w.sent) != requests {
			t.Errorf("%s: %d writes and %d requests on an old copy, want none", name, w.store.writes-writes, len(w.sent)-requests)
		}
		w.store.behind = 0
		if result, err = look(); result.RequeueAfter == conflictDelay || err != nil {
			t.Errorf("%s: once the cache shows the write, it comes again after %s, err = %v", name, result.RequeueAfter, err)
		}
	}
}

// Versions may start again from an old one where the API server was restored.
func TestCacheThatNeverCatchesUpIsWaitedForOnlyForAWhile(t *testing.T) {
	m := newMemory()
	payment := newPayment("order")
	payment.ResourceVersion = "100"
	m.wrote(payment)
	payment.ResourceVersion = "99"
	for n := range longestWait {
		if !m.outdated(payment) {
			t.Fatalf("worked on after %d looks, want %d", n, longestWait)
		}
	}
	if m.outdated(payment) {
		t.Errorf("still not worked on after %d looks", longestWait)
	}
	payment.ResourceVersion = "100"
	m.wrote(payment)
	if m.outdated(payment) {
		t.Error("the version that was written counts as outdated")
	}
}
