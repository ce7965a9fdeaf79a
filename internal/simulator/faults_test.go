package simulator

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

func TestCallFaults(t *testing.T) {
	order := cashier("p1", "ALIPAY_HK", "HKD", "1000")
	body, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		kind       FaultKind
		wantError  bool
		wantStatus int
		want       string // outcome, when there is one
		wantSigned bool
		acted      bool
	}{
		{DropRequest, true, 0, "", false, false},
		{DropResponse, true, 0, "", false, true},
		{ServerError, false, 500, "", false, false},
		{ServerErrorAfter, false, 500, "", false, true},
		{BadSignature, false, 200, "U PAYMENT_IN_PROCESS", false, true},
		{UnsignedFail, false, 200, "F INVALID_SIGNATURE", false, false},
		{UnknownException, false, 200, "U UNKNOWN_EXCEPTION", true, false},
		{UnknownExceptionAfter, false, 200, "U UNKNOWN_EXCEPTION", true, true},
		{RateLimit, false, 200, "U REQUEST_TRAFFIC_EXCEED_LIMIT", true, false},
		{WrongAmount, false, 200, "U PAYMENT_IN_PROCESS", true, true},
	}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			m := newMerchant(t)
			m.inject(Fault{Kind: test.kind, Path: "pay"})
			answer, err := m.try(m.request(m.path("pay"), body))
			if (err != nil) != test.wantError {
				t.Fatalf("error = %v, want %t", err, test.wantError)
			}
			if answer.status != test.wantStatus {
				t.Errorf("HTTP status = %d, want %d", answer.status, test.wantStatus)
			}
			if test.want != "" && (answer.outcome() != test.want || answer.signed != test.wantSigned) {
				t.Errorf("outcome, signed = %s, %t; want %s, %t", answer.outcome(), answer.signed, test.want, test.wantSigned)
			}
			if acted := len(m.simulator.Ledger().Payments) == 1; acted != test.acted {
				t.Errorf("acted = %t, want %t", acted, test.acted)
			}
			if len(m.simulator.Faults()) != 0 {
				t.Error("the fault is still armed")
			}
			m.want("U PAYMENT_IN_PROCESS", "pay", order)
			l := m.simulator.Ledger()
			if len(l.Payments) != 1 || l.Calls("pay") != 2 {
				t.Errorf("payments = %d, calls = %d, want 1 and 2", len(l.Payments), l.Calls("pay"))
			}
		})
	}
	t.Run("delay acts before it answers late", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: Delay, Path: "pay", Delay: 20 * time.Millisecond})
		start := time.Now()
		m.want("U PAYMENT_IN_PROCESS", "pay", order)
		if took := time.Since(start); took < 20*time.Millisecond {
			t.Errorf("answered after %s", took)
		}
	})
	t.Run("a request that arrives late is unknown until it acts, then charged once", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.Buyer = BuyerPay })
		m.inject(Fault{Kind: ActLater, Path: "pay", Delay: 40 * time.Second})
		own := cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentExpiryTime", wireTime(testStart.Add(5*time.Minute))))
		raw, err := json.Marshal(own)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.try(m.request(m.path("pay"), raw)); err == nil {
			t.Error("the lost request was answered")
		}
		m.advance(30 * time.Second)
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		m.want("U PAYMENT_IN_PROCESS", "pay", own)
		m.advance(time.Minute)
		if got := m.simulator.Charges("p1"); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
		if l := m.simulator.Ledger(); len(l.Payments) != 1 || l.Calls("pay") != 2 {
			t.Errorf("payments = %d, calls = %d, want 1 and 2", len(l.Payments), l.Calls("pay"))
		}
	})
	t.Run("a wrong amount is one unit too high and well signed", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: WrongAmount, Path: "inquiryPayment"})
		m.want("U PAYMENT_IN_PROCESS", "pay", order)
		answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		if got, _ := answer.body["paymentAmount"].(map[string]any); got["value"] != "1001" {
			t.Errorf("paymentAmount = %v", got)
		}
	})
	t.Run("a result code of the documents is answered and, for pay, kept", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: ResultCode, Path: "pay", Code: "RISK_REJECT"})
		m.want("F RISK_REJECT", "pay", order)
		m.want("F RISK_REJECT", "pay", order)
		if got := m.status("p1"); got != "FAIL" {
			t.Errorf("status = %s", got)
		}
	})
	t.Run("a result code about the request leaves the id free", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: ResultCode, Path: "pay", Code: "ACCESS_DENIED"})
		m.want("F ACCESS_DENIED", "pay", order)
		m.want("U PAYMENT_IN_PROCESS", "pay", order)
	})
	t.Run("a result code can strike any operation", func(t *testing.T) {
		m := newMerchant(t)
		id := m.paid(order)
		for _, operation := range []string{"inquiryPayment", "cancel"} {
			m.inject(Fault{Kind: ResultCode, Path: operation, Code: "SYSTEM_ERROR"})
			m.want("F SYSTEM_ERROR", operation, map[string]any{"paymentId": id})
		}
		m.want("S SUCCESS", "cancel", map[string]any{"paymentId": id})
	})
	t.Run("after, times, path, target and client choose the call", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: UnknownException, Path: "pay", After: 1, Times: 2, Target: "p1", ClientID: m.clientID})
		m.inject(Fault{Kind: UnknownException, ClientID: "5Y2"})
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p2", "ALIPAY_HK", "HKD", "1000"))
		var got []string
		for range 4 {
			got = append(got, m.call("pay", order).code())
		}
		if want := []string{"PAYMENT_IN_PROCESS", "UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION", "PAYMENT_IN_PROCESS"}; !slices.Equal(got, want) {
			t.Errorf("codes = %q, want %q", got, want)
		}
	})
	t.Run("a negative number of times is for ever, until cleared", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: RateLimit, Times: -1})
		for range 3 {
			m.want("U REQUEST_TRAFFIC_EXCEED_LIMIT", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		}
		m.simulator.ClearFaults()
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
	})
	t.Run("faults that make no sense are refused", func(t *testing.T) {
		m := newMerchant(t)
		for _, f := range []Fault{{}, {Kind: "fire"}, {Kind: Delay}, {Kind: ResultCode}, {Kind: RateLimit, After: -1}, {Kind: FailLater, Code: "SUCCESS"}} {
			if err := m.simulator.Inject(f); err == nil {
				t.Errorf("%+v was accepted", f)
			}
		}
	})
}

func TestNotificationFaults(t *testing.T) {
	pay := func(m *merchant, in *inbox, id string) {
		m.paid(cashier(id, "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
	}
	t.Run("a lost send is sent again on schedule", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.inject(Fault{Kind: Lose, Path: "notifyPayment"})
		pay(m, in, "p1")
		m.advance(time.Minute)
		wantTypes(t, in)
		m.advance(2 * time.Minute)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS")
	})
	t.Run("a repeated send arrives twice", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.inject(Fault{Kind: Repeat})
		pay(m, in, "p1")
		m.advance(time.Hour)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS", "PAYMENT_RESULT SUCCESS")
	})
	t.Run("a reordered send comes after the next, or after two minutes", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.inject(Fault{Kind: Reorder, Times: -1, Target: "p1"})
		pay(m, in, "p1")
		m.advance(time.Second)
		pay(m, in, "p2")
		m.advance(time.Hour)
		got := in.all()
		if len(got) != 2 || got[0].body["paymentRequestId"] != "p2" || got[1].body["paymentRequestId"] != "p1" {
			t.Errorf("notifications = %v", got)
		}
		m.inject(Fault{Kind: Reorder, Target: "p3"})
		pay(m, in, "p3")
		m.advance(time.Minute)
		if n := len(in.all()); n != 2 {
			t.Errorf("sends = %d, want 2", n)
		}
		m.advance(2 * time.Minute)
		if n := len(in.all()); n != 3 {
			t.Errorf("sends = %d, want 3", n)
		}
	})
	t.Run("a forged send does not verify, and one that is acknowledged is counted against the merchant", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.inject(Fault{Kind: Forge})
		pay(m, in, "p1")
		m.advance(time.Hour)
		got := in.all()
		if len(got) != 2 || got[0].verified || !got[1].verified {
			t.Errorf("notifications = %+v", got)
		}
		if n := m.simulator.Ledger().Notifications[0]; n.ForgedAccepted != 1 || !n.Acknowledged {
			t.Errorf("record = %+v", n)
		}
	})
	t.Run("a wrong amount and a contradiction are well signed", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.inject(Fault{Kind: WrongAmount, Path: "notifyPayment"})
		m.inject(Fault{Kind: Mismatch, Path: "notifyRefund"})
		pay(m, in, "p1")
		p, _ := m.simulator.Ledger().Payment("p1")
		refund := refundOf("r1", p.PaymentID, "HKD", "1000")
		refund["refundNotifyUrl"] = in.url()
		m.want("S SUCCESS", "refund", refund)
		m.advance(time.Hour)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS", "REFUND_RESULT PROCESS_FAIL")
		got := in.all()
		sum, _ := got[0].body["paymentAmount"].(map[string]any)
		if !got[0].verified || !got[1].verified || sum["value"] != "1001" || got[1].body["refundStatus"] != "SUCCESS" {
			t.Errorf("notifications = %+v", got)
		}
	})
}

func TestFaultJSON(t *testing.T) {
	var f Fault
	if err := json.Unmarshal([]byte(`{"fault":"delay","path":"pay","times":2,"after":1,"delay":"2s"}`), &f); err != nil {
		t.Fatal(err)
	}
	if want := (Fault{Kind: Delay, Path: "pay", Times: 2, After: 1, Delay: 2 * time.Second}); f != want {
		t.Errorf("fault = %+v, want %+v", f, want)
	}
	text, err := json.Marshal(f)
	if err != nil || string(text) != `{"fault":"delay","path":"pay","after":1,"times":2,"delay":"2s"}` {
		t.Errorf("JSON = %s, %v", text, err)
	}
	for _, bad := range []string{`{"fault":"delay","wait":"2s"}`, `{"fault":"delay","delay":"soon"}`} {
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
