package simulator

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

func TestControlAPI(t *testing.T) {
	type control func(method, path, body string, wantStatus int) string
	start := func(t *testing.T, configure ...func(*Options)) (*merchant, control) {
		m := newMerchant(t, configure...)
		server := httptest.NewServer(m.simulator.ControlHandler())
		t.Cleanup(server.Close)
		return m, func(method, path, body string, wantStatus int) string {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != wantStatus {
				t.Fatalf("%s %s: status %d, want %d: %s", method, path, response.StatusCode, wantStatus, text)
			}
			return string(text)
		}
	}
	t.Run("the ledger counts inquiries, and those that told an end", func(t *testing.T) {
		m, control := start(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		control("POST", "/payments/p1/pay", "", 204)
		m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		p, _ := m.simulator.Ledger().Payment("p1")
		m.inject(Fault{Kind: InProcess, Path: "refund"})
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r1", p.PaymentID, "HKD", "800"))
		m.want("S SUCCESS", "inquiryRefund", map[string]any{"refundRequestId": "r1"})
		control("POST", "/clock", `{"advance":"30s"}`, 200)
		m.want("S SUCCESS", "inquiryRefund", map[string]any{"refundRequestId": "r1"})
		r, _ := m.simulator.Ledger().Refund("r1")
		if p.Inquiries != 3 || p.FinalInquiries != 2 || r.Inquiries != 2 || r.FinalInquiries != 1 {
			t.Errorf("inquiries = %d and %d of the payment, %d and %d of the refund, want 3 and 2, 2 and 1",
				p.Inquiries, p.FinalInquiries, r.Inquiries, r.FinalInquiries)
		}
	})
	t.Run("the ledger is served as JSON and as a table", func(t *testing.T) {
		m, control := start(t, func(o *Options) { o.NotifyURL = "http://127.0.0.1:1/" })
		id := m.paid(cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		m.want("S SUCCESS", "refund", refundOf("r1", id, "HKD", "800"))
		card := m.paid(manualCard("p2", "4200"))
		m.want("S SUCCESS", "capture", captureOf("c1", card, "4200"))
		var l Ledger
		if err := json.Unmarshal([]byte(control("GET", "/ledger", "", 200)), &l); err != nil {
			t.Fatal(err)
		}
		if l.Charges("p1") != 1 || l.Refunds("r1") != 1 || l.CapturesOf("c1") != 1 || l.Calls("pay") != 2 || l.ChargesOfOrder("order-of-p1") != 1 {
			t.Errorf("ledger = %+v", l)
		}
		if _, known := l.Refund("r1"); !known {
			t.Error("the ledger does not find the refund")
		}
		if p, _ := l.Payment("p1"); p.Inquiries != 0 || p.FinalInquiries != 0 {
			t.Errorf("the ledger counts inquiries that were not made: %+v", p)
		}
		if c, known := l.Capture("c1"); !known || c.Status != "SUCCESS" {
			t.Errorf("capture = %+v", c)
		}
		if _, known := l.Refund("c1"); known {
			t.Error("the ledger finds a refund that is none")
		}
		if p, known := l.Payment("p1"); !known || p.Amount != (Money{"HKD", 25800}) || p.Status != "SUCCESS" {
			t.Errorf("payment = %+v", p)
		}
		table := control("GET", "/ledger?format=table", "", 200)
		for _, want := range []string{"Payments: 2", "HKD 258.00", "CHARGE", "REFUND", "r1", "c1", "PAYMENT_IN_PROCESS", "PAYMENT_RESULT"} {
			if !strings.Contains(table, want) {
				t.Errorf("the table lacks %q:\n%s", want, table)
			}
		}
		control("GET", "/ledger?format=xml", "", 400)
		control("GET", "/invariants", "", 200)
		control("GET", "/healthz", "", 200)
	})
	t.Run("the clock is read and moved", func(t *testing.T) {
		m, control := start(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		if got := control("POST", "/clock", `{"advance":"48h"}`, 200); !strings.Contains(got, "2026-11-23T04:00:00Z") {
			t.Errorf("clock = %s", got)
		}
		if got := m.status("p1"); got != "FAIL" {
			t.Errorf("status = %s", got)
		}
		control("POST", "/clock", `{"advance":"-1h"}`, 400)
		control("POST", "/clock", `{"advance":"soon"}`, 400)
		control("POST", "/clock", `{"back":"1h"}`, 400)
		if got := control("GET", "/clock", "", 200); !strings.Contains(got, `"timeScale": 1`) {
			t.Errorf("clock = %s", got)
		}
	})
	t.Run("faults are armed, listed and cleared", func(t *testing.T) {
		m, control := start(t)
		control("POST", "/faults", `{"fault":"rateLimit","path":"pay","times":2}`, 201)
		m.want("U REQUEST_TRAFFIC_EXCEED_LIMIT", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		if got := control("GET", "/faults", "", 200); !strings.Contains(got, `"times": 1`) {
			t.Errorf("faults = %s", got)
		}
		control("DELETE", "/faults", "", 204)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		control("POST", "/faults", `{"fault":"fire"}`, 400)
	})
	t.Run("switches are read, and changed one by one", func(t *testing.T) {
		m, control := start(t, func(o *Options) { o.MultipleCaptures = true })
		if got := control("PATCH", "/switches", `{"payAfterCancel":true,"sessionRepeat":"new"}`, 200); !strings.Contains(got, `"payAfterCancel": true`) {
			t.Errorf("switches = %s", got)
		}
		control("PATCH", "/switches", `{"sessionRepeat":"twice"}`, 400)
		control("PATCH", "/switches", `{"payTwice":true}`, 400)
		var got Switches
		if err := json.Unmarshal([]byte(control("GET", "/switches", "", 200)), &got); err != nil {
			t.Fatal(err)
		}
		want := Switches{MultipleCaptures: true, PayAfterCancel: true, SessionRepeat: SessionNew, Transactions: TransactionsListed, SessionInquiry: SessionUnknown}
		if got != want || m.simulator.Switches() != want {
			t.Errorf("switches = %+v, want %+v", got, want)
		}
	})
	t.Run("a buyer pays, declines with a code, leaves and pends", func(t *testing.T) {
		m, control := start(t)
		for _, id := range []string{"p1", "p2", "p3", "p4"} {
			m.want("U PAYMENT_IN_PROCESS", "pay", cashier(id, "ALIPAY_HK", "HKD", "25800"))
		}
		p1, _ := m.simulator.Ledger().Payment("p1")
		control("POST", "/payments/"+p1.PaymentID+"/pay", "", 204)
		control("POST", "/payments/p1/pay", "", 409)
		control("POST", "/payments/p2/decline", `{"code":"USER_STATUS_ABNORMAL"}`, 204)
		control("POST", "/payments/p3/leave", "", 204)
		control("POST", "/payments/p4/pend", "", 204)
		for id, want := range map[string]string{"p1": "SUCCESS", "p2": "FAIL", "p3": "PROCESSING", "p4": "PENDING"} {
			if got := m.status(id); got != want {
				t.Errorf("%s = %s, want %s", id, got, want)
			}
		}
		if p2, _ := m.simulator.Ledger().Payment("p2"); p2.ResultCode != "USER_STATUS_ABNORMAL" {
			t.Errorf("code = %s", p2.ResultCode)
		}
		control("POST", "/payments/p3/decline", `{"code":"SUCCESS"}`, 400)
		control("POST", "/payments/nobody/pay", "", 400)
		control("POST", "/payments/p3/steal", "", 404)
	})
	t.Run("a merchant's key is replaced at once, and a new merchant registered", func(t *testing.T) {
		m, control := start(t)
		other := newMerchant(t, func(o *Options) { o.PrivateKey = otherKey() }) // only to print a public key
		control("PUT", "/clients/SANDBOX_5Y1/public-key", other.simulator.PublicKeyPEM(), 204)
		answer, err := m.try(m.request(m.path("inquiryPayment"), []byte(`{"paymentRequestId":"p1"}`)))
		if err != nil || answer.code() != "INVALID_SIGNATURE" || answer.signed {
			t.Errorf("answer = %v, %v", answer, err)
		}
		m.key = otherKey()
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		control("PUT", "/clients/SANDBOX_5Y1/public-key", "no key", 400)
		control("PUT", "/clients/5Y9/public-key", other.simulator.PublicKeyPEM(), 204)
		m.clientID = "5Y9"
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		key, err := alipay.ParsePublicKey([]byte(control("GET", "/public-key", "", 200)))
		if err != nil || !key.Equal(&gatewayKey().PublicKey) {
			t.Errorf("public key = %v, %v", key, err)
		}
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	client := Client{ID: "5Y1", PublicKey: &merchantKey().PublicKey}
	for name, options := range map[string]Options{
		"no client":           {},
		"an empty client id":  {Clients: []Client{{}}},
		"one client twice":    {Clients: []Client{client, client}},
		"an unknown buyer":    {Clients: []Client{client}, Buyer: "thief"},
		"a time that is back": {Clients: []Client{client}, TimeScale: -1},
		"a time that is none": {Clients: []Client{client}, TimeScale: math.NaN()},
		"a time that races":   {Clients: []Client{client}, TimeScale: 1e9},
		"an unknown switch":   {Clients: []Client{client}, Switches: Switches{Transactions: "some"}},
	} {
		options.PrivateKey = gatewayKey()
		if s, err := New(options); err == nil {
			s.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestCloseEndsDeliveries(t *testing.T) {
	hold := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hold)
	s, err := New(Options{Clients: []Client{{ID: "5Y1", PublicKey: &merchantKey().PublicKey}}, PrivateKey: gatewayKey(), TimeScale: 1000})
	if err != nil {
		t.Fatal(err)
	}
	s.enter()
	s.queueNotification("notifyPayment", "PAYMENT_RESULT", "p1", "5Y1", slow.URL, "SUCCESS", map[string]any{}, s.clock.now())
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Close does not return")
	}
}
