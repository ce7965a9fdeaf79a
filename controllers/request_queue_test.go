package controllers

import (
	"fmt"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Operations have taken their turns, and then can not go on for another reason. By the time they can, all of those turns have come.
func TestTurnsThatCameWhileSomethingElseWasWaitedForAreGivenUp(t *testing.T) {
	const waiting, perSecond = 30, 2
	w := newWorld(t)
	defer w.close()
	w.gateways.clients[requestFor(testAccount).NamespacedName].queue.setRate(&apiv1.RateLimit{RequestsPerSecond: perSecond, Burst: perSecond})
	look := func() {
		for i := range waiting {
			w.must(w.reconcilePayment(fmt.Sprintf("order-%d", i)))
		}
	}
	verified := func(version string) {
		w.store.edit(w.account(), func(obj client.Object) { obj.(*apiv1.MerchantAccount).Status.VerifiedSecretVersion = version })
	}
	for i := range waiting {
		w.store.create(newPayment(fmt.Sprintf("order-%d", i)))
	}
	look()
	verified("2") // the Secret that is watched has not caught up
	look()
	w.advance(time.Minute)
	verified("1")
	before := len(w.sent)
	look()
	if got := len(w.sent) - before; got == 0 || got > 2*perSecond { // a pass that has asked may submit on credit
		t.Errorf("%d requests leave at once, want some, and %d at most", got, 2*perSecond)
	}
}

// Operations have taken turns that are still to come when something else holds them up for a moment, as an edit of the account does. Turns that were
// thrown away would be waited for all the same, by everybody and with nothing sent.
func TestTurnsThatAreStillToComeSurviveAMomentOfWaitingForSomethingElse(t *testing.T) {
	const waiting, perSecond = 30, 2
	verifiedVersion := func(version string) func(*apiv1.MerchantAccount) {
		return func(account *apiv1.MerchantAccount) { account.Status.VerifiedSecretVersion = version }
	}
	generation := func(change int64) func(*apiv1.MerchantAccount) {
		return func(account *apiv1.MerchantAccount) { account.Generation += change }
	}
	for name, c := range map[string]struct{ hold, release func(*apiv1.MerchantAccount) }{
		"for a time":  {verifiedVersion("2"), verifiedVersion("1")},
		"to be woken": {generation(1), generation(-1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.gateways.clients[requestFor(testAccount).NamespacedName].queue.setRate(&apiv1.RateLimit{RequestsPerSecond: perSecond, Burst: perSecond})
			look := func() {
				for i := range waiting {
					w.must(w.reconcilePayment(fmt.Sprintf("order-%d", i)))
				}
			}
			edit := func(change func(*apiv1.MerchantAccount)) {
				w.store.edit(w.account(), func(obj client.Object) { change(obj.(*apiv1.MerchantAccount)) })
			}
			for i := range waiting {
				w.store.create(newPayment(fmt.Sprintf("order-%d", i)))
			}
			look()
			edit(c.hold)
			look()
			edit(c.release)
			before := w.sends("pay")
			const seconds = 5
			for range seconds {
				look()
				w.advance(time.Second)
			}
			if got, want := w.sends("pay")-before, perSecond*(seconds-1); got < want || got > perSecond*(seconds+1) {
				t.Errorf("%d payments were made within %d seconds, want %d a second", got, seconds, perSecond)
			}
		})
	}
}

// A mistake that is taken back, as ten thousand debits that are deleted again, does not leave the account idle for the time that they would have taken.
func TestTurnsOfObjectsThatAreDeletedAreForOthers(t *testing.T) {
	const waiting, perSecond, seconds = 30, 2, 5
	w := newWorld(t)
	defer w.close()
	w.gateways.clients[requestFor(testAccount).NamespacedName].queue.setRate(&apiv1.RateLimit{RequestsPerSecond: perSecond, Burst: perSecond})
	each := func(prefix string, do func(name string)) {
		for i := range waiting {
			do(fmt.Sprintf("%s-%d", prefix, i))
		}
	}
	look := func(name string) { w.must(w.reconcilePayment(name)) }
	create := func(name string) { w.store.create(newPayment(name)) }
	each("wrong", create)
	each("wrong", look)
	each("wrong", func(name string) { w.store.remove(w.payment(name)) })
	each("wrong", look)
	each("right", create)
	before := w.sends("pay")
	for range seconds {
		each("right", look)
		w.advance(time.Second)
	}
	if got, want := w.sends("pay")-before, perSecond*(seconds-1); got < want || got > perSecond*(seconds+1) {
		t.Errorf("%d payments were made within %d seconds, want %d a second", got, seconds, perSecond)
	}
}

// A slow gateway sends many away for want of a worker. When it is quick again, they come back among others that have waited for their turns.
func TestRateHoldsWhenASlowGatewayIsQuickAgain(t *testing.T) {
	const waiting, perSecond, slowFor = 1500, 20, 20 * time.Second
	type request struct {
		place        place
		due, answers time.Time
		leave        *leave
		done         bool
	}
	q := unlimitedQueue(&sharedWorkers{count: 8})
	q.setRate(&apiv1.RateLimit{RequestsPerSecond: perSecond, Burst: 1})
	requests, done := make([]request, waiting), 0
	var left []time.Time
	for now := worldStart; done < waiting; now = now.Add(5 * time.Millisecond) {
		if now.Sub(worldStart) > 5*time.Minute {
			t.Fatalf("%d of %d are done after five minutes", done, waiting)
		}
		took := 10 * time.Millisecond
		if now.Sub(worldStart) < slowFor {
			took = 500 * time.Millisecond
		}
		for i := range requests {
			r := &requests[i]
			if r.leave != nil && !now.Before(r.answers) {
				r.leave.used(took, nil)
				r.leave, r.done = nil, true
				done++
			}
			if r.done || r.leave != nil || now.Before(r.due) {
				continue
			}
			told := q.ask(now, &r.place, inTurn)
			if r.leave, r.due, r.answers = told.leave, now.Add(told.wait), now.Add(took); told.leave != nil {
				left = append(left, now)
			}
		}
	}
	if got := mostInASecond(left); got > perSecond+1 { // the burst
		t.Errorf("%d requests left within a second, want %d at most", got, perSecond+1)
	}
}

// A worker that is missing for a moment costs an operation a moment, and not its place before all others.
func TestTurnIsKeptForAMomentWithoutAWorker(t *testing.T) {
	q := unlimitedQueue(&sharedWorkers{count: 2})
	q.setRate(&apiv1.RateLimit{RequestsPerSecond: 1, Burst: 2})
	busy := q.ask(worldStart, &place{}, inTurn)
	var mine, another place
	told := q.ask(worldStart, &mine, inTurn)
	if told.leave != nil || told.wait != fastestReturn {
		t.Fatalf("leave = %t, delay = %s; want to come back after %s", told.leave != nil, told.wait, fastestReturn)
	}
	if told := q.ask(worldStart, &another, inTurn); told.wait != time.Second {
		t.Fatalf("delay = %s, want that of the next turn", told.wait)
	}
	busy.leave.used(0, nil)
	if told := q.ask(worldStart.Add(fastestReturn), &mine, inTurn); told.leave == nil {
		t.Errorf("the operation has to wait for %s more", told.wait)
	}
}

// controller-runtime goes on after a panic, so the worker and the breaker must as well.
func TestPanicGivesBackWhatARequestHeld(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	catalogs, accounts := &CatalogReconciler{Lifecycle: w.newLifecycle()}, &MerchantAccountReconciler{Lifecycle: w.newLifecycle()}
	w.store.create(newCatalog())
	w.store.create(newPayment("order"))
	w.beforeSend = func(sentRequest) error { panic("of the transport") }
	queue := w.gateways.clients[requestFor(testAccount).NamespacedName].queue
	for _, c := range []struct {
		kind   string
		before func()
		look   func() (ctrl.Result, error)
	}{
		{paymentKind, func() {}, func() (ctrl.Result, error) { return w.reconcilePayment("order") }},
		{catalogKind, func() {}, func() (ctrl.Result, error) { return catalogs.Reconcile(t.Context(), requestFor("thai")) }},
		{"MerchantAccount", func() {
			w.store.edit(w.account(), func(obj client.Object) { obj.(*apiv1.MerchantAccount).Status.Conditions = nil })
		}, func() (ctrl.Result, error) { return accounts.Reconcile(t.Context(), requestFor(testAccount)) }},
	} {
		c.before()
		sent := len(w.sent)
		func() {
			defer func() { _ = recover() }()
			_, _ = c.look()
		}()
		if len(w.sent) == sent {
			t.Errorf("%s: no request was tried", c.kind)
		}
		if queue.workers.underWay != 0 || queue.workers.of.busy != 0 {
			t.Errorf("%s: %d requests count as under way, want none", c.kind, queue.workers.underWay)
			queue.workers.giveBack()
		}
	}
}
