package simulator

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestCapturesBySwitch(t *testing.T) {
	authorised := func(t *testing.T, switches Switches) (*merchant, string) {
		m := newMerchant(t, func(o *Options) { o.Switches = switches })
		return m, m.paid(manualCard("p1", "4200"))
	}
	t.Run("where a capture must equal the authorised amount, less is refused and its id stays free", func(t *testing.T) {
		m, id := authorised(t, Switches{FullCaptureOnly: true})
		answer := m.want("F PARAM_ILLEGAL", "capture", captureOf("c1", id, "4199"))
		if !strings.Contains(answer.message(), "captureAmount") || !strings.Contains(answer.message(), "SGD 42.00") {
			t.Errorf("message = %q, want the field and the authorised amount", answer.message())
		}
		m.want("F CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", "capture", captureOf("c2", id, "4201"))
		m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
	})
	t.Run("by default a capture may be less, and its rest is held until the authorisation ends", func(t *testing.T) {
		m, id := authorised(t, Switches{})
		m.want("S SUCCESS", "capture", captureOf("c1", id, "1000"))
		m.advance(7*24*time.Hour - time.Second)
		if got := m.moved(EntryRelease); got != 0 {
			t.Fatalf("%d released before the authorisation has ended, want none", got)
		}
		m.advance(time.Second)
		if got := m.moved(EntryRelease); got != 3200 {
			t.Errorf("released = %d, want 3200", got)
		}
	})
	t.Run("where the rest is released at once, nothing is left to capture", func(t *testing.T) {
		m, id := authorised(t, Switches{ReleaseRest: true, MultipleCaptures: true})
		m.want("S SUCCESS", "capture", captureOf("c1", id, "1000"))
		if got := m.moved(EntryRelease); got != 3200 {
			t.Errorf("released = %d, want 3200", got)
		}
		m.want("F CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", "capture", captureOf("c2", id, "100"))
		m.advance(8 * 24 * time.Hour)
		if got := m.moved(EntryRelease); got != 3200 {
			t.Errorf("released in the end = %d, want 3200", got)
		}
	})
	t.Run("the rest that is released leaves a capture in process its money", func(t *testing.T) {
		m, id := authorised(t, Switches{ReleaseRest: true, MultipleCaptures: true})
		m.inject(Fault{Kind: InProcess, Path: "capture"})
		m.want("U CAPTURE_IN_PROCESS", "capture", captureOf("c1", id, "1000"))
		m.want("S SUCCESS", "capture", captureOf("c2", id, "2000"))
		if got := m.moved(EntryRelease); got != 1200 {
			t.Errorf("released = %d, want 1200", got)
		}
		m.advance(time.Minute)
		if got := m.moved(EntryCapture); got != 3000 {
			t.Errorf("captured = %d, want 3000", got)
		}
	})
}

// moved is the sum of all movements of a kind.
func (m *merchant) moved(kind EntryKind) int64 {
	sum := int64(0)
	for _, entry := range m.simulator.Ledger().Entries {
		if entry.Kind == kind {
			sum += entry.Amount.Value
		}
	}
	return sum
}

func TestAutomaticCaptureInProcess(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault Fault
		want  string
	}{
		{"an automatic capture can take a while", Fault{Kind: InProcess, Path: "autoCapture"}, "SUCCESS"},
		{"an automatic capture can fail after a while", Fault{Kind: FailLater, Path: "autoCapture", Code: "RISK_REJECT"}, "FAIL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			m.inject(test.fault)
			m.paid(cashier("p1", cardMethod, "SGD", "4200"))
			m.advance(2 * time.Second)
			if got := m.transaction("p1")["transactionStatus"]; got != "PROCESSING" {
				t.Errorf("transactionStatus = %v, want PROCESSING", got)
			}
			m.advance(30 * time.Second)
			if got := m.transaction("p1")["transactionStatus"]; got != test.want {
				t.Errorf("transactionStatus = %v, want %s", got, test.want)
			}
		})
	}
}

func TestLateBuyers(t *testing.T) {
	card := cashier("p1", cardMethod, "SGD", "4200")
	wallet := cashier("p1", "ALIPAY_HK", "HKD", "4200")
	for name, order := range map[string]map[string]any{"card": card, "wallet": wallet} {
		t.Run("by default a cancelled or expired order cannot be paid by "+name, func(t *testing.T) {
			m := newMerchant(t)
			m.want("U PAYMENT_IN_PROCESS", "pay", order)
			m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1"})
			other := maps.Clone(order)
			other["paymentRequestId"] = "p2"
			m.want("U PAYMENT_IN_PROCESS", "pay", other)
			m.advance(14 * time.Minute)
			for _, id := range []string{"p1", "p2"} {
				if err := m.simulator.BuyerPays(id); err == nil || m.simulator.Charges(id) != 0 {
					t.Errorf("%s: error = %v, charges = %d; want an error and none", id, err, m.simulator.Charges(id))
				}
			}
		})
		t.Run("a success after the cancel is notified, returned, and leaves the payment cancelled when paid by "+name, func(t *testing.T) {
			in := newInbox(t)
			m := newMerchant(t, func(o *Options) { o.PayAfterCancel, o.NotifyURL = true, in.url() })
			m.want("U PAYMENT_IN_PROCESS", "pay", order)
			m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1"})
			m.pays("p1")
			m.advance(3 * time.Second)
			got := in.all()
			if len(got) != 1 || !got[0].verified {
				t.Fatalf("notifications = %v, want one that is signed", got)
			}
			result, _ := got[0].body["result"].(map[string]any)
			if got[0].body["notifyType"] != "PAYMENT_RESULT" || result["resultCode"] != "SUCCESS" || got[0].body["paymentTime"] == nil {
				t.Errorf("notification = %v, want a success", got[0].body)
			}
			if got := m.status("p1"); got != "CANCELLED" {
				t.Errorf("status = %s, want CANCELLED", got)
			}
			m.expectReturned("p1")
			if err := m.simulator.BuyerPays("p1"); err == nil {
				t.Error("the late buyer has paid twice")
			}
		})
		t.Run("a buyer who pays after the expiry gets the money back, unannounced, when paying by "+name, func(t *testing.T) {
			in := newInbox(t)
			m := newMerchant(t, func(o *Options) { o.PayAfterExpiry, o.NotifyURL = true, in.url() })
			m.want("U PAYMENT_IN_PROCESS", "pay", order)
			m.advance(14 * time.Minute)
			m.pays("p1")
			if got := m.status("p1"); got != "FAIL" {
				t.Errorf("status = %s, want FAIL", got)
			}
			m.expectReturned("p1")
			m.advance(time.Hour)
			if got := len(in.all()); got != 1 {
				t.Errorf("notifications = %d, want that of the expiry alone", got)
			}
		})
	}
	t.Run("a payment that was paid before its cancel is not paid again", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.PayAfterCancel = true })
		m.paid(wallet)
		m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1"})
		if err := m.simulator.BuyerPays("p1"); err == nil || m.simulator.Charges("p1") != 1 {
			t.Errorf("error = %v, charges = %d; want an error and 1", err, m.simulator.Charges("p1"))
		}
	})
	t.Run("an order that was declined is not paid after its expiry", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.PayAfterExpiry = true })
		m.want("U PAYMENT_IN_PROCESS", "pay", wallet)
		if err := m.simulator.BuyerDeclines("p1"); err != nil {
			t.Fatal(err)
		}
		m.advance(time.Hour)
		if err := m.simulator.BuyerPays("p1"); err == nil || m.simulator.Charges("p1") != 0 {
			t.Errorf("error = %v, charges = %d; want an error and none", err, m.simulator.Charges("p1"))
		}
	})
	t.Run("a debit that was cancelled on its way succeeds late", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.PayAfterCancel = true })
		m.want("U PAYMENT_IN_PROCESS", "pay", debit("p1", TokenPaysLate, "1000"))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1"})
		m.advance(10 * time.Second)
		m.expectReturned("p1")
	})
}

// expectReturned expects that a payment was charged once, and that nothing of it is left with the merchant.
func (m *merchant) expectReturned(paymentRequestID string) {
	m.t.Helper()
	p, _ := m.simulator.Ledger().Payment(paymentRequestID)
	if p.ReturnedAt.IsZero() || m.simulator.Charges(paymentRequestID) != 1 {
		m.t.Errorf("returned at %v, charges = %d; want a time and 1", p.ReturnedAt, m.simulator.Charges(paymentRequestID))
	}
	left := int64(0)
	for _, entry := range m.simulator.Ledger().Entries {
		switch buyerAccount {
		case entry.From:
			left += entry.Amount.Value
		case entry.To:
			left -= entry.Amount.Value
		}
	}
	if left != 0 {
		m.t.Errorf("%d are not with the buyer again, want 0", left)
	}
}

func TestTransactionsBySwitch(t *testing.T) {
	type listed struct{ present, null bool }
	for _, test := range []struct {
		form       TransactionsForm
		none, some listed
	}{
		{TransactionsListed, listed{false, false}, listed{true, false}},
		{TransactionsNullWhenEmpty, listed{true, true}, listed{true, false}},
		{TransactionsNull, listed{true, true}, listed{true, true}},
		{TransactionsAbsent, listed{false, false}, listed{false, false}},
	} {
		t.Run("the list of transactions is "+string(test.form), func(t *testing.T) {
			m := newMerchant(t, func(o *Options) { o.Transactions = test.form })
			inquire := func() listed {
				value, present := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"}).body["transactions"]
				return listed{present, present && value == nil}
			}
			id := m.paid(manualCard("p1", "4200"))
			if got := inquire(); got != test.none {
				t.Errorf("without captures: %+v, want %+v", got, test.none)
			}
			m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
			if got := inquire(); got != test.some {
				t.Errorf("with a capture: %+v, want %+v", got, test.some)
			}
		})
	}
	t.Run("a transaction may lack its time", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.NoTransactionTime = true })
		m.want("S SUCCESS", "capture", captureOf("c1", m.paid(manualCard("p1", "4200")), "4200"))
		if got := m.transaction("p1"); got["transactionTime"] != nil || got["transactionStatus"] != "SUCCESS" {
			t.Errorf("transaction = %v, want one that succeeded and has no time", got)
		}
	})
	t.Run("the type of a transaction may be misspelt", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.MisspeltTransactionType = true })
		m.want("S SUCCESS", "capture", captureOf("c1", m.paid(manualCard("p1", "4200")), "4200"))
		if got := m.transaction("p1"); got["transactionType"] != nil || got["transationType"] != "CAPTURE" {
			t.Errorf("transaction = %v, want transationType alone", got)
		}
	})
}

func TestSessionsBySwitch(t *testing.T) {
	t.Run("repeats may be new sessions of one payment, which is paid once", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.SessionRepeat = SessionNew })
		first := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		second := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		if first.text("paymentSessionId") == second.text("paymentSessionId") {
			t.Fatal("a repeat answered the same session")
		}
		m.want("F REPEAT_REQ_INCONSISTENT", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", with("paymentAmount", sum("HKD", "1"))))
		m.pays(first.text("paymentSessionId"))
		if err := m.simulator.BuyerPays(second.text("paymentSessionId")); err == nil || m.simulator.Charges("s1") != 1 {
			t.Errorf("error = %v, charges = %d; want an error and 1", err, m.simulator.Charges("s1"))
		}
		if text := m.open(second.text("normalUrl")); !strings.Contains(text, "SUCCESS") || strings.Contains(text, "<form") {
			t.Errorf("the other page does not show that it is paid:\n%s", text)
		}
		third := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		if err := m.simulator.BuyerPays(third.text("paymentSessionId")); err == nil || m.simulator.Charges("s1") != 1 {
			t.Errorf("after payment: error = %v, charges = %d; want an error and 1", err, m.simulator.Charges("s1"))
		}
	})
	t.Run("repeats may be refused, also once the session has expired", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.SessionRepeat = SessionRefused })
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.want("F REPEAT_REQ_INCONSISTENT", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.advance(2 * time.Hour)
		m.want("F REPEAT_REQ_INCONSISTENT", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s2", "ALIPAY_HK"))
	})
	t.Run("a buyer named by the request pays in the session that lives", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.advance(time.Hour)
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.pays("s1")
		sessions := m.simulator.Ledger().Sessions
		if sessions[0].PaymentID != "" || sessions[1].PaymentID == "" {
			t.Errorf("sessions = %+v, want the second alone with a payment", sessions)
		}
	})
	t.Run("a session may be in process before its buyer submits it, and unknown once it has expired", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.SessionInquiry = SessionInProcess })
		inquiry := map[string]any{"paymentRequestId": "s1"}
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", inquiry)
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.want("U PAYMENT_IN_PROCESS", "inquiryPayment", inquiry)
		m.want("F ORDER_NOT_EXIST", "cancel", inquiry)
		m.advance(time.Hour)
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", inquiry)
	})
}

func TestSwitchesAreSetWhileRunning(t *testing.T) {
	m := newMerchant(t)
	want := Switches{Transactions: TransactionsListed, SessionRepeat: SessionSame, SessionInquiry: SessionUnknown}
	if got := m.simulator.Switches(); got != want {
		t.Errorf("switches = %+v, want the defaults", got)
	}
	for _, wrong := range []Switches{{Transactions: "some"}, {SessionRepeat: "twice"}, {SessionInquiry: "SUCCESS"}} {
		if err := m.simulator.SetSwitches(wrong); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
	if got := m.simulator.Switches(); got != want {
		t.Errorf("switches = %+v, want the defaults still", got)
	}
	id := m.paid(manualCard("p1", "4200"))
	if err := m.simulator.SetSwitches(Switches{FullCaptureOnly: true}); err != nil {
		t.Fatal(err)
	}
	m.want("F PARAM_ILLEGAL", "capture", captureOf("c1", id, "100"))
}
