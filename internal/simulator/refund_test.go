package simulator

import (
	"testing"
	"time"
)

func TestRefund(t *testing.T) {
	paid := func(t *testing.T, method, currency, value string) (*merchant, string) {
		m := newMerchant(t)
		return m, m.paid(cashier("p1", method, currency, value))
	}
	t.Run("a real-time method refunds in the answer, once per id", func(t *testing.T) {
		m, id := paid(t, "ALIPAY_HK", "HKD", "1000")
		first := m.want("S SUCCESS", "refund", refundOf("r1", id, "HKD", "400"))
		m.advance(time.Hour)
		second := m.want("S SUCCESS", "refund", refundOf("r1", id, "HKD", "400"))
		if first.text("refundId") == "" || first.text("refundId") != second.text("refundId") || first.text("refundTime") != second.text("refundTime") {
			t.Errorf("first %v, second %v", first.body, second.body)
		}
		if got := m.simulator.Ledger().Refunds("r1"); got != 1 {
			t.Errorf("refunds = %d, want 1", got)
		}
	})
	t.Run("another method refunds later, and counts meanwhile", func(t *testing.T) {
		m, id := paid(t, "KAKAOPAY", "KRW", "1000")
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r1", id, "KRW", "600"))
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r1", id, "KRW", "600"))
		m.want("F REFUND_AMOUNT_EXCEED", "refund", refundOf("r2", id, "KRW", "401"))
		inquiry := map[string]any{"refundRequestId": "r1"}
		if got := m.want("S SUCCESS", "inquiryRefund", inquiry).text("refundStatus"); got != "PROCESSING" {
			t.Errorf("refundStatus = %s", got)
		}
		m.advance(30 * time.Second)
		if got := m.want("S SUCCESS", "inquiryRefund", inquiry).text("refundStatus"); got != "SUCCESS" {
			t.Errorf("refundStatus = %s", got)
		}
		m.want("S SUCCESS", "refund", refundOf("r1", id, "KRW", "600"))
		if got := m.simulator.Refunds("r1"); got != 1 {
			t.Errorf("refunds = %d, want 1", got)
		}
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s: a refund never alters it", got)
		}
	})
	t.Run("refunds never exceed what was paid", func(t *testing.T) {
		m, id := paid(t, "ALIPAY_HK", "HKD", "1000")
		m.want("F REFUND_AMOUNT_EXCEED", "refund", refundOf("r1", id, "HKD", "1001"))
		m.want("S SUCCESS", "refund", refundOf("r2", id, "HKD", "600"))
		m.want("F REFUND_AMOUNT_EXCEED", "refund", refundOf("r3", id, "HKD", "401"))
		m.want("S SUCCESS", "refund", refundOf("r4", id, "HKD", "400"))
		m.want("F REFUND_AMOUNT_EXCEED", "refund", refundOf("r5", id, "HKD", "1"))
	})
	t.Run("a refusal stays with its id and is inquired as FAIL", func(t *testing.T) {
		m, id := paid(t, "ALIPAY_HK", "HKD", "1000")
		m.inject(Fault{Kind: ResultCode, Path: "refund", Code: "MERCHANT_BALANCE_NOT_ENOUGH"})
		m.want("F MERCHANT_BALANCE_NOT_ENOUGH", "refund", refundOf("r1", id, "HKD", "1000"))
		m.want("F MERCHANT_BALANCE_NOT_ENOUGH", "refund", refundOf("r1", id, "HKD", "1000"))
		if got := m.want("S SUCCESS", "inquiryRefund", map[string]any{"refundRequestId": "r1"}).text("refundStatus"); got != "FAIL" {
			t.Errorf("refundStatus = %s, want FAIL", got)
		}
		m.want("S SUCCESS", "refund", refundOf("r2", id, "HKD", "1000"))
	})
	t.Run("a late failure gives nothing back and frees the sum", func(t *testing.T) {
		m, id := paid(t, "KAKAOPAY", "KRW", "1000")
		m.inject(Fault{Kind: FailLater, Path: "refund", Code: "MERCHANT_BALANCE_NOT_ENOUGH"})
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r1", id, "KRW", "1000"))
		m.advance(time.Minute)
		if got := m.want("S SUCCESS", "inquiryRefund", map[string]any{"refundRequestId": "r1"}).text("refundStatus"); got != "FAIL" {
			t.Errorf("refundStatus = %s, want FAIL", got)
		}
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r2", id, "KRW", "1000"))
	})
	t.Run("refusals by cause", func(t *testing.T) {
		m, id := paid(t, "ALIPAY_HK", "HKD", "1000")
		m.want("F ORDER_NOT_EXIST", "refund", refundOf("r1", "nothing", "HKD", "1"))
		m.want("F CURRENCY_NOT_SUPPORT", "refund", refundOf("r2", id, "USD", "1"))
		m.want("S SUCCESS", "refund", refundOf("r3", id, "HKD", "1"))
		m.want("F REPEAT_REQ_INCONSISTENT", "refund", refundOf("r3", id, "HKD", "2"))
		m.want("F PARAM_ILLEGAL", "refund", refundOf("r 4", id, "HKD", "2"))

		open := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p2", "ALIPAY_HK", "HKD", "1000")).text("paymentId")
		m.want("F ORDER_STATUS_INVALID", "refund", refundOf("r5", open, "HKD", "1"))
		m.advance(14 * time.Minute)
		m.want("F ORDER_IS_CLOSED", "refund", refundOf("r6", open, "HKD", "1"))
		cancelled := m.paid(cashier("p3", "ALIPAY_HK", "HKD", "1000"))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentId": cancelled})
		m.want("F ORDER_IS_CANCELED", "refund", refundOf("r7", cancelled, "HKD", "1"))
		card := m.paid(manualCard("p4", "1000"))
		m.want("F ORDER_STATUS_INVALID", "refund", refundOf("r8", card, "SGD", "1000"))
		dana := m.paid(cashier("p5", "DANA", "IDR", "60000"))
		m.want("F PARAM_ILLEGAL", "refund", refundOf("r9", dana, "IDR", "30050"))
		m.want("F PARAM_ILLEGAL", "refund", refundOf("r10", dana, "IDR", "29900")) // below the minimum
		m.want("F PARAM_ILLEGAL", "inquiryRefund", map[string]any{})
		m.want("F ORDER_NOT_EXIST", "inquiryRefund", map[string]any{"refundRequestId": "r99"})
	})
	t.Run("refundId wins over refundRequestId", func(t *testing.T) {
		m, id := paid(t, "ALIPAY_HK", "HKD", "1000")
		m.want("S SUCCESS", "refund", refundOf("r1", id, "HKD", "1"))
		second := m.want("S SUCCESS", "refund", refundOf("r2", id, "HKD", "2"))
		answer := m.want("S SUCCESS", "inquiryRefund", map[string]any{"refundRequestId": "r1", "refundId": second.text("refundId")})
		if got := answer.text("refundRequestId"); got != "r2" {
			t.Errorf("refundRequestId = %s, want r2", got)
		}
	})
}

func TestRefundCapabilities(t *testing.T) {
	tests := []struct {
		method, currency string
		partial, full    string
		days             int // of the window; 0 when nothing can be refunded
	}{
		{"ALIPAY_CN", "CNY", "S SUCCESS", "S SUCCESS", 365},
		{"ALIPAY_HK", "HKD", "S SUCCESS", "S SUCCESS", 365},
		{"GCASH", "PHP", "S SUCCESS", "S SUCCESS", 365},
		{"TNG", "MYR", "S SUCCESS", "S SUCCESS", 365},
		{"DANA", "IDR", "F PARTIAL_REFUND_NOT_SUPPORTED", "S SUCCESS", 365},
		{"BOOST", "MYR", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365},
		{"ZALOPAY", "VND", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 180},
		{"PAYPAY", "JPY", "F PARTIAL_REFUND_NOT_SUPPORTED", "U REFUND_IN_PROCESS", 90},
		{"PAGALEVE", "BRL", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 90},
		{"KPLUS", "THB", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365},
		{"ONLINEBANKING_KASIKORNBANK", "THB", "F REFUND_NOT_SUPPORTED", "F REFUND_NOT_SUPPORTED", 0},
		{"PROMPTPAY", "THB", "F REFUND_NOT_SUPPORTED", "F REFUND_NOT_SUPPORTED", 0},
		{"MERCADOPAGO_BR", "BRL", "F REFUND_NOT_SUPPORTED", "F REFUND_NOT_SUPPORTED", 0},
		{"JKOPAY", "TWD", "F REFUND_NOT_SUPPORTED", "F REFUND_NOT_SUPPORTED", 0},
		{"NEW_WALLET", "EUR", "F REFUND_NOT_SUPPORTED", "F REFUND_NOT_SUPPORTED", 0},
	}
	for _, test := range tests {
		t.Run(test.method, func(t *testing.T) {
			m := newMerchant(t)
			value, part := "100000", "50000"
			partial := m.paid(cashier("partial", test.method, test.currency, value))
			full := m.paid(cashier("full", test.method, test.currency, value))
			late := m.paid(cashier("late", test.method, test.currency, value))
			m.want(test.partial, "refund", refundOf("r1", partial, test.currency, part))
			if test.days == 0 {
				m.want(test.full, "refund", refundOf("r2", full, test.currency, value))
				return
			}
			m.advance(time.Duration(test.days) * 24 * time.Hour)
			m.want(test.full, "refund", refundOf("r2", full, test.currency, value))
			m.advance(time.Second)
			m.want("F REFUND_WINDOW_EXCEED", "refund", refundOf("r3", late, test.currency, value))
		})
	}
	t.Run("the contract prevails", func(t *testing.T) {
		methods, err := ParseMethods([]byte(`{"PIX":{"refund":true,"refundDays":90,"singleRefund":true,"partialRefund":true},"PAYPAY":{"refundDays":180}}`))
		if err != nil {
			t.Fatal(err)
		}
		if builtin, _ := BuiltinMethod("PAYPAY"); methods["PAYPAY"].Currency != builtin.Currency || methods["PAYPAY"].RefundDays != 180 {
			t.Errorf("PAYPAY = %+v", methods["PAYPAY"])
		}
		m := newMerchant(t, func(o *Options) { o.Methods = methods })
		id := m.paid(cashier("p1", "PIX", "BRL", "1000"))
		m.want("U REFUND_IN_PROCESS", "refund", refundOf("r1", id, "BRL", "100"))
		m.want("F MULTIPLE_REFUNDS_NOT_SUPPORTED", "refund", refundOf("r2", id, "BRL", "100"))
	})
	t.Run("a contract with an unknown word is refused", func(t *testing.T) {
		for _, text := range []string{`{"PIX":{"refunds":true}}`, `{"PIX":{"cancel":"sometimes"}}`, `[]`} {
			if _, err := ParseMethods([]byte(text)); err == nil {
				t.Errorf("%s was accepted", text)
			}
		}
	})
}
