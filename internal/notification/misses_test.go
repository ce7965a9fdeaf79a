package notification

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const aboutNothing = `{"notifyType":"PAYMENT_RESULT","paymentRequestId":"none"}`

func TestNotificationsAboutNothingKeepNobodyElseWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		d.live = d.api
		var flood sync.WaitGroup
		for i := range 8 {
			other := testAccount()
			other.Namespace, other.Name = "tenant", fmt.Sprint("own-", i)
			if err := d.api.Create(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			same := writtenTo("/notify/tenant/"+other.Name, aboutNothing)
			for range 50 { // one signed letter, over and over
				flood.Go(func() { d.deliver(t, same) })
			}
		}
		synctest.Wait()
		if got := len(d.searching); got != maxSearchesOfAll {
			t.Errorf("%d searches, want %d", got, maxSearchesOfAll)
		}
		began := time.Now()
		for i := range 20 {
			genuine := written(strings.Replace(paidBody, "25800", fmt.Sprint(25800+i), 1))
			if response := d.deliver(t, genuine); !isAcknowledgement(t, response) || time.Since(began) > 0 {
				t.Errorf("answered with %s after %v, want an acknowledgement at once", response.Status, time.Since(began))
			}
		}
		flood.Wait()
		if got := len(d.searching); got != 0 {
			t.Errorf("%d searches after the end", got)
		}
	})
}

func TestOneAccountSearchesOnlySoMuchAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		var flood sync.WaitGroup
		for i := range 2 * maxSearches {
			flood.Go(func() { d.deliver(t, written(strings.Replace(aboutNothing, "none", fmt.Sprint("none-", i), 1))) })
		}
		synctest.Wait()
		if got := len(d.searching); got != maxSearches {
			t.Errorf("%d searches, want %d", got, maxSearches)
		}
		flood.Wait()
	})
}

func TestWhatWasLookedForInVainIsRefusedAtOnceForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		l := written(aboutNothing)
		for _, step := range []struct {
			name            string
			pause, searched time.Duration
		}{
			{"the first", 0, cacheLag},
			{"again", 0, 0},
			{"again, a moment later", missMemory / 2, 0},
			{"again, later", missMemory, cacheLag},
		} {
			time.Sleep(step.pause)
			began := time.Now()
			if response := d.deliver(t, l); isAcknowledgement(t, response) {
				t.Errorf("%s: acknowledged", step.name)
			}
			if got := time.Since(began); got != step.searched {
				t.Errorf("%s: looked for during %v, want %v", step.name, got, step.searched)
			}
		}

		// It is taken as soon as the cache has what it is about.
		payment := &apiv1.Payment{}
		d.get(t, "order", payment)
		payment.Status.PaymentRequestID = "none"
		if err := d.api.Update(t.Context(), payment); err != nil {
			t.Fatal(err)
		}
		if response := d.deliver(t, l); !isAcknowledgement(t, response) {
			t.Errorf("answer = %s; log: %s", response.Status, d.log())
		}
	})
}

func TestMemoryOfMissesIsBounded(t *testing.T) {
	var s searches
	now := time.Now()
	for i := range 10 * maxMisses {
		s.miss(fmt.Sprint(i), now)
	}
	if got := len(s.misses); got != maxMisses || !s.missed("0", now) {
		t.Errorf("%d misses, want %d", got, maxMisses)
	}
	later := now.Add(missMemory)
	s.miss("later", later)
	if got := len(s.misses); got != 1 || !s.missed("later", later) || s.missed("0", later) {
		t.Errorf("%d misses, want only the last", got)
	}
}

func TestNotificationsAboutNothingWriteFewAndShortLinesToTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		var flood sync.WaitGroup
		for i := range 40 {
			long := fmt.Sprintf(`{"notifyType":"PAYMENT_RESULT","paymentRequestId":"%d%s"}`, i, strings.Repeat("x", 60000))
			flood.Go(func() { d.deliver(t, written(long)) })
		}
		flood.Wait()
		if log := d.log(); strings.Count(log, "A notification is about nothing") != 1 || len(log) > 500 {
			t.Errorf("%d bytes in the log, want one short line: %.1000s", len(log), log)
		}
	})
}

func TestNotificationThatComesAgainAndAgainIsNotAcknowledgedUnwritten(t *testing.T) {
	d := newDoor()
	l := written(paidBody)
	d.deliver(t, l)
	d.suspicion.of(testName).repeats = rate.NewLimiter(0, 2)
	for i := range 4 {
		if got := isAcknowledgement(t, d.deliver(t, l)); got != (i < 2) {
			t.Errorf("repetition %d acknowledged: %t", i, got)
		}
	}
	d.expectWrites(t, "patch order", "patch order", "patch order")
	if response := d.deliver(t, written(strings.Replace(paidBody, "25800", "1", 1))); !isAcknowledgement(t, response) {
		t.Errorf("a new one: %s", response.Status)
	}
}
