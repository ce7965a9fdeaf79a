package simulator

import (
	"testing"
	"time"
)

func TestCancel(t *testing.T) {
	byRequest := map[string]any{"paymentRequestId": "p1"}
	t.Run("an open order is cancelled and can no longer be paid", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		m.want("S SUCCESS", "cancel", byRequest)
		if err := m.simulator.BuyerPays("p1"); err == nil {
			t.Error("a cancelled order could be paid")
		}
		if got := m.status("p1"); got != "CANCELLED" {
			t.Errorf("status = %s", got)
		}
	})
	t.Run("a paid order is refunded in full, once however often it is cancelled", func(t *testing.T) {
		m := newMerchant(t)
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		first := m.want("S SUCCESS", "cancel", byRequest)
		m.advance(time.Hour)
		second := m.want("S SUCCESS", "cancel", byRequest)
		if first.text("cancelTime") != second.text("cancelTime") {
			t.Errorf("cancelTime changed from %s to %s", first.text("cancelTime"), second.text("cancelTime"))
		}
		returned := 0
		for _, e := range m.simulator.Ledger().Entries {
			if e.Kind == EntryCancel {
				returned++
			}
		}
		if returned != 1 {
			t.Errorf("returned %d times, want once", returned)
		}
	})
	t.Run("paymentId wins over paymentRequestId", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		second := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p2", "ALIPAY_HK", "HKD", "1000"))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1", "paymentId": second.text("paymentId")})
		if m.status("p1") != "PROCESSING" || m.status("p2") != "CANCELLED" {
			t.Errorf("p1 %s, p2 %s", m.status("p1"), m.status("p2"))
		}
	})
	t.Run("neither id is illegal, an unknown one does not exist", func(t *testing.T) {
		m := newMerchant(t)
		m.want("F PARAM_ILLEGAL", "cancel", map[string]any{})
		m.want("F ORDER_NOT_EXIST", "cancel", byRequest)
	})
	t.Run("a failed order cannot be cancelled", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		m.advance(14 * time.Minute)
		m.want("F ORDER_STATUS_INVALID", "cancel", byRequest)
	})
	t.Run("after any refund it is PROCESS_FAIL", func(t *testing.T) {
		m := newMerchant(t)
		id := m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		m.want("S SUCCESS", "refund", refundOf("r1", id, "HKD", "1"))
		m.want("F PROCESS_FAIL", "cancel", byRequest)
	})
	t.Run("a pending debit can be cancelled and is then not charged", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", debit("p1", TokenPaysLate, "49900"))
		m.want("S SUCCESS", "cancel", byRequest)
		m.advance(time.Minute)
		if got := m.simulator.Charges("p1"); got != 0 {
			t.Errorf("charges = %d, want 0", got)
		}
	})
}

func TestCancelWindows(t *testing.T) {
	// Orders are paid at noon UTC+8, so 00:15 of the next day is 12 h 15 min later.
	const nextDay = 12*time.Hour + 15*time.Minute
	const week = 7 * 24 * time.Hour
	tests := []struct {
		name           string
		method         string
		currency       string
		unpaid         string
		within         time.Duration
		atEnd, tooLate string
	}{
		{"general rule", "ALIPAY_HK", "HKD", "S SUCCESS", nextDay, "S SUCCESS", "F CANCEL_WINDOW_EXCEED"},
		{"unknown method", "NEW_WALLET", "EUR", "S SUCCESS", nextDay, "S SUCCESS", "F CANCEL_WINDOW_EXCEED"},
		{"Mercado Pago", "MERCADOPAGO_MX", "MXN", "S SUCCESS", week, "S SUCCESS", "F CANCEL_WINDOW_EXCEED"},
		{"Indonesian wallet", "DANA", "IDR", "F PAYMENT_METHOD_NOT_SUPPORTED", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"Indonesian transfer", "BANKTRANSFER_BNI", "IDR", "F PAYMENT_METHOD_NOT_SUPPORTED", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"JKOPay", "JKOPAY", "TWD", "F PAYMENT_METHOD_NOT_SUPPORTED", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"Thai online banking", "ONLINEBANKING_BANGKOKBANK", "THB", "S SUCCESS", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"Thai banking app", "BANKAPP_BANGKOKBANK", "THB", "S SUCCESS", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"Thai bank transfer", "BANKTRANSFER_BANGKOKBANK", "THB", "S SUCCESS", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"PromptPay", "PROMPTPAY", "THB", "S SUCCESS", 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			for _, id := range []string{"unpaid", "inTime", "late"} {
				m.want("U PAYMENT_IN_PROCESS", "pay", cashier(id, test.method, test.currency, "100000"))
			}
			m.want(test.unpaid, "cancel", map[string]any{"paymentRequestId": "unpaid"})
			m.pays("inTime")
			m.pays("late")
			m.advance(test.within)
			m.want(test.atEnd, "cancel", map[string]any{"paymentRequestId": "inTime"})
			m.advance(time.Second)
			m.want(test.tooLate, "cancel", map[string]any{"paymentRequestId": "late"})
		})
	}
	t.Run("the window ends on the UTC+8 day after payment, even right before midnight", func(t *testing.T) {
		m := newMerchant(t)
		m.advance(11*time.Hour + 59*time.Minute)
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		m.advance(16*time.Minute + time.Second)
		m.want("F CANCEL_WINDOW_EXCEED", "cancel", map[string]any{"paymentRequestId": "p1"})
	})
	t.Run("a Thai direct debit can never be cancelled once paid", func(t *testing.T) {
		m := newMerchant(t)
		fields := debit("p1", TokenPays, "49900")
		fields["paymentAmount"] = sum("THB", "49900")
		fields["paymentMethod"] = map[string]any{"paymentMethodType": "DIRECT_DEBIT_KRUNGTHAIBANK", "paymentMethodId": TokenPays}
		m.want("S SUCCESS", "pay", fields)
		m.want("F PAYMENT_METHOD_NOT_SUPPORTED", "cancel", map[string]any{"paymentRequestId": "p1"})
	})
}
