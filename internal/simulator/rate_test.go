package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestHighestRateIsCountedOverAnyOneSecond(t *testing.T) {
	var passed atomic.Int64 // nanoseconds of real time
	m := newMerchant(t, func(o *Options) {
		o.Now = func() time.Time { return testStart.Add(time.Duration(passed.Load())) }
	})
	at := func(milliseconds int64) {
		passed.Store(milliseconds * int64(time.Millisecond))
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
	}
	// Two in the first second, two in the second, and yet three within one: 0.9, 1.1 and 1.8 s.
	for _, milliseconds := range []int64{100, 900, 1100, 1800, 1901, 5000} {
		at(milliseconds)
	}
	if l := m.simulator.Ledger(); l.HighestRate(m.clientID) != 3 || l.Rates[m.clientID].Requests != 6 || l.HighestRate("5Y2") != 0 {
		t.Errorf("rates = %+v", l.Rates)
	}
	// A whole second apart is not within one second.
	for _, milliseconds := range []int64{10000, 11000, 12000} {
		at(milliseconds)
	}
	if got := m.simulator.Ledger().HighestRate(m.clientID); got != 3 {
		t.Errorf("highest = %d, want 3", got)
	}
	// Simulated time does not spread what came at once, and what was dropped has arrived too.
	m.inject(Fault{Kind: DropRequest})
	if _, err := m.try(m.request(m.path("inquiryPayment"), []byte(`{"paymentRequestId":"p1"}`))); err == nil {
		t.Error("a dropped request was answered")
	}
	for range 4 {
		m.advance(time.Hour)
		at(12000)
	}
	if got := m.simulator.Ledger().HighestRate(m.clientID); got != 6 {
		t.Errorf("highest = %d, want 6", got)
	}
	m.clientID = "SANDBOX_stranger"
	if _, err := m.try(m.request(m.path("inquiryPayment"), []byte(`{}`))); err != nil {
		t.Fatal(err)
	}
	if n := len(m.simulator.Ledger().Rates); n != 1 {
		t.Errorf("%d clients are counted, want the known one alone", n)
	}
}

func TestMostRequestsAtOnceAreThoseThatWaitTogether(t *testing.T) {
	m := newMerchant(t)
	wait := func(count int) {
		var handlers sync.WaitGroup
		var bodies []*io.PipeWriter
		for range count {
			body, writer := io.Pipe()
			bodies = append(bodies, writer)
			r := httptest.NewRequest(http.MethodPost, m.path("inquiryPayment"), body)
			r.Header.Set("Client-Id", m.clientID)
			handlers.Go(func() { m.simulator.serveAPI(httptest.NewRecorder(), r) })
		}
		for _, writer := range bodies {
			if _, err := writer.Write([]byte("{")); err != nil { // returns when the simulator reads, and so has counted the request
				t.Error(err)
			}
		}
		for _, writer := range bodies {
			if err := writer.Close(); err != nil {
				t.Error(err)
			}
		}
		handlers.Wait()
	}
	for range 3 {
		wait(1)
	}
	if got := m.simulator.Ledger().Rates[m.clientID].MostAtOnce; got != 1 {
		t.Errorf("most at once = %d of requests that came one after the other, want 1", got)
	}
	wait(3)
	wait(2)
	if got := m.simulator.Ledger().Rates[m.clientID].MostAtOnce; got != 3 {
		t.Errorf("most at once = %d, want 3", got)
	}
}
