package simulator

import (
	"testing"
	"time"
)

func TestManualCapture(t *testing.T) {
	authorised := func(t *testing.T, configure ...func(*Options)) (*merchant, string) {
		m := newMerchant(t, configure...)
		return m, m.paid(manualCard("p1", "4200"))
	}
	t.Run("authorising holds the money and capturing takes it, once per id", func(t *testing.T) {
		m, id := authorised(t)
		if got := len(m.simulator.Ledger().Entries); got != 1 {
			t.Fatalf("entries = %d, want the authorisation alone", got)
		}
		first := m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
		second := m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
		if first.text("captureId") != second.text("captureId") || first.text("captureTime") == "" {
			t.Errorf("first %v, second %v", first.body, second.body)
		}
		l := m.simulator.Ledger()
		if l.CapturesOf("c1") != 1 || l.Charges("p1") != 1 {
			t.Errorf("captures = %d, charges = %d, want 1 and 1", l.CapturesOf("c1"), l.Charges("p1"))
		}
	})
	t.Run("other values under the same id are refused", func(t *testing.T) {
		m, id := authorised(t)
		m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
		m.want("F REPEAT_REQ_INCONSISTENT", "capture", captureOf("c1", id, "4100"))
	})
	t.Run("refusals by cause", func(t *testing.T) {
		m, id := authorised(t)
		m.want("F AUTH_NOT_FOUND", "capture", captureOf("c1", "nothing", "4200"))
		m.want("F CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", "capture", captureOf("c2", id, "4201"))
		m.want("F CURRENCY_NOT_SUPPORT", "capture", map[string]any{"captureRequestId": "c3", "paymentId": id, "captureAmount": sum("USD", "4200")})
		m.want("F PARAM_ILLEGAL", "capture", map[string]any{"captureRequestId": "c4", "paymentRequestId": "p1", "captureAmount": sum("SGD", "4200")})
		m.want("F CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", "capture", captureOf("c2", id, "4201"))

		open := m.want("U PAYMENT_IN_PROCESS", "pay", manualCard("p2", "4200"))
		m.want("F ORDER_STATUS_INVALID", "capture", captureOf("c5", open.text("paymentId"), "4200"))
		wallet := m.paid(cashier("p3", "ALIPAY_HK", "HKD", "1000"))
		m.want("F ORDER_STATUS_INVALID", "capture", map[string]any{"captureRequestId": "c6", "paymentId": wallet, "captureAmount": sum("HKD", "1000")})
		automatic := m.paid(cashier("p4", cardMethod, "SGD", "4200"))
		m.want("F ORDER_STATUS_INVALID", "capture", captureOf("c7", automatic, "4200"))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentId": id})
		m.want("F AUTH_CANCELLED", "capture", captureOf("c8", id, "4200"))
	})
	t.Run("a second capture needs a contract", func(t *testing.T) {
		m, id := authorised(t)
		m.want("S SUCCESS", "capture", captureOf("c1", id, "1000"))
		m.want("F MULTI_CAPTURE_NOT_SUPPORTED", "capture", captureOf("c2", id, "1000"))
	})
	t.Run("several captures never take more than was authorised, and the last lets the rest go", func(t *testing.T) {
		m, id := authorised(t, func(o *Options) { o.MultipleCaptures = true })
		m.want("S SUCCESS", "capture", captureOf("c1", id, "3000"))
		m.want("F CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", "capture", captureOf("c2", id, "1201"))
		last := captureOf("c3", id, "1000")
		last["isLastCapture"] = true
		m.want("S SUCCESS", "capture", last)
		m.want("F ORDER_STATUS_INVALID", "capture", captureOf("c4", id, "200"))
		m.want("F PARAM_ILLEGAL", "refund", refundOf("r1", id, "SGD", "100")) // which capture?
		withCapture := refundOf("r2", id, "SGD", "1001")
		withCapture["captureId"] = m.call("capture", last).text("captureId")
		m.want("F REFUND_AMOUNT_EXCEED", "refund", withCapture)
		withCapture["refundRequestId"], withCapture["refundAmount"] = "r3", sum("SGD", "1000")
		m.want("U REFUND_IN_PROCESS", "refund", withCapture)
	})
	t.Run("an authorised card can be cancelled, a captured one cannot", func(t *testing.T) {
		m, id := authorised(t)
		m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
		m.want("F ORDER_STATUS_INVALID", "cancel", map[string]any{"paymentId": id})
		other := m.paid(manualCard("p2", "4200"))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentId": other})
	})
	t.Run("what is not captured in seven days is released and cancelled", func(t *testing.T) {
		m, id := authorised(t)
		m.advance(7*24*time.Hour - time.Second)
		if got := m.status("p1"); got != "SUCCESS" {
			t.Fatalf("a second before: %s", got)
		}
		m.advance(time.Second)
		if got := m.status("p1"); got != "CANCELLED" {
			t.Errorf("status = %s, want CANCELLED", got)
		}
		m.want("F AUTH_EXPIRED", "capture", captureOf("c1", id, "4200"))
	})
	t.Run("the rest of a partial capture is released when the authorisation ends", func(t *testing.T) {
		m, id := authorised(t)
		m.want("S SUCCESS", "capture", captureOf("c1", id, "1000"))
		m.advance(8 * 24 * time.Hour)
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s, want SUCCESS", got)
		}
		entries := m.simulator.Ledger().Entries
		if last := entries[len(entries)-1]; last.Kind != EntryRelease || last.Amount.Value != 3200 {
			t.Errorf("last entry = %+v, want a release of 3200", last)
		}
		m.want("F REFUND_AMOUNT_EXCEED", "refund", refundOf("r1", id, "SGD", "1001"))
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r2", id, "SGD", "1000"))
	})
	t.Run("a capture in process settles later and is listed meanwhile", func(t *testing.T) {
		m, id := authorised(t)
		m.inject(Fault{Kind: InProcess, Path: "capture"})
		m.want("U CAPTURE_IN_PROCESS", "capture", captureOf("c1", id, "4200"))
		m.want("U CAPTURE_IN_PROCESS", "capture", captureOf("c1", id, "4200"))
		if got := m.transaction("p1")["transactionStatus"]; got != "PROCESSING" {
			t.Errorf("transactionStatus = %v", got)
		}
		m.advance(30 * time.Second)
		if got := m.transaction("p1")["transactionStatus"]; got != "SUCCESS" {
			t.Errorf("transactionStatus = %v", got)
		}
		m.want("S SUCCESS", "capture", captureOf("c1", id, "4200"))
	})
	t.Run("a capture that fails later takes nothing", func(t *testing.T) {
		m, id := authorised(t)
		m.inject(Fault{Kind: FailLater, Path: "capture", Code: "RISK_REJECT"})
		m.want("U CAPTURE_IN_PROCESS", "capture", captureOf("c1", id, "4200"))
		m.advance(time.Minute)
		m.want("F RISK_REJECT", "capture", captureOf("c1", id, "4200"))
		if got := m.simulator.Ledger().CapturesOf("c1"); got != 0 {
			t.Errorf("captures = %d, want 0", got)
		}
		m.want("S SUCCESS", "capture", captureOf("c2", id, "4200"))
	})
	t.Run("a capture under way when the authorisation ends fails", func(t *testing.T) {
		m, id := authorised(t)
		m.advance(7*24*time.Hour - 10*time.Second)
		m.inject(Fault{Kind: InProcess, Path: "capture"})
		m.want("U CAPTURE_IN_PROCESS", "capture", captureOf("c1", id, "4200"))
		m.advance(time.Minute)
		m.want("F AUTH_EXPIRED", "capture", captureOf("c1", id, "4200"))
		if got := m.status("p1"); got != "CANCELLED" {
			t.Errorf("status = %s, want CANCELLED", got)
		}
	})
}

// transaction is the first of an inquiry.
func (m *merchant) transaction(paymentRequestID string) map[string]any {
	m.t.Helper()
	answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": paymentRequestID})
	list, _ := answer.body["transactions"].([]any)
	if len(list) == 0 {
		m.t.Fatalf("no transactions in %v", answer.body)
	}
	first, _ := list[0].(map[string]any)
	return first
}

func TestAutomaticCapture(t *testing.T) {
	t.Run("the gateway captures right after the authorisation", func(t *testing.T) {
		m := newMerchant(t)
		m.paid(cashier("p1", cardMethod, "SGD", "4200"))
		m.advance(2 * time.Second)
		if got := m.transaction("p1"); got["transactionStatus"] != "SUCCESS" || got["transactionType"] != "CAPTURE" {
			t.Errorf("transaction = %v", got)
		}
	})
	t.Run("a failed automatic capture leaves an authorised payment that runs out", func(t *testing.T) {
		m := newMerchant(t)
		m.inject(Fault{Kind: ResultCode, Path: "autoCapture", Code: "PROCESS_FAIL"})
		m.paid(cashier("p1", cardMethod, "SGD", "4200"))
		m.advance(2 * time.Second)
		if got := m.transaction("p1")["transactionStatus"]; got != "FAIL" {
			t.Errorf("transactionStatus = %v", got)
		}
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s, want SUCCESS", got)
		}
		m.advance(8 * 24 * time.Hour)
		if got := m.status("p1"); got != "CANCELLED" {
			t.Errorf("status = %s, want CANCELLED", got)
		}
	})
	t.Run("a card cancelled before its automatic capture is not captured", func(t *testing.T) {
		m := newMerchant(t)
		m.paid(cashier("p1", cardMethod, "SGD", "4200"))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1"})
		m.advance(time.Minute)
		if got := len(m.simulator.Ledger().Captures); got != 0 {
			t.Errorf("captures = %d, want 0", got)
		}
	})
}
