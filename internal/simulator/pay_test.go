package simulator

import (
	"testing"
	"time"
)

func TestPay(t *testing.T) {
	t.Run("a new order waits for its buyer and takes nothing", func(t *testing.T) {
		m := newMerchant(t)
		answer := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		for _, name := range []string{"paymentId", "paymentCreateTime", "normalUrl"} {
			if answer.text(name) == "" {
				t.Errorf("%s is missing", name)
			}
		}
		if got := m.status("p1"); got != "PROCESSING" {
			t.Errorf("status = %s, want PROCESSING", got)
		}
		if got := m.simulator.Charges("p1"); got != 0 {
			t.Errorf("charges = %d, want 0", got)
		}
	})
	t.Run("a paid order is successful and charged once", func(t *testing.T) {
		m := newMerchant(t)
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
		if answer.text("paymentStatus") != "SUCCESS" || answer.text("paymentTime") == "" {
			t.Errorf("inquiry = %v", answer.body)
		}
		if got := m.simulator.Ledger().Charges("p1"); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
	})
	t.Run("a repeat gives the first answer while the order is open and also once it is paid", func(t *testing.T) {
		m := newMerchant(t)
		first := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		m.advance(time.Minute)
		open := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		m.pays("p1")
		m.advance(24 * time.Hour)
		paid := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		for _, name := range []string{"paymentId", "paymentCreateTime", "normalUrl"} {
			if open.text(name) != first.text(name) || paid.text(name) != first.text(name) {
				t.Errorf("%s = %s, then %s, then %s", name, first.text(name), open.text(name), paid.text(name))
			}
		}
		if got := m.simulator.Charges("p1"); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
	})
}
