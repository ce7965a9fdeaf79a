package simulator

import (
	"testing"
	"time"
)

func TestDebitsOfAToken(t *testing.T) {
	tests := []struct {
		behaviour DebitBehaviour
		want      string
		later     string // paymentStatus after ten seconds
		end       string // and after a minute
		charges   int
		code      string // of the notification; none when the answer has said it all
	}{
		{DebitPays, "S SUCCESS", "SUCCESS", "SUCCESS", 1, "SUCCESS"},
		{DebitPaysLate, "U PAYMENT_IN_PROCESS", "SUCCESS", "SUCCESS", 1, "SUCCESS"},
		{DebitPoor, "F USER_BALANCE_NOT_ENOUGH", "FAIL", "FAIL", 0, ""},
		{DebitPoorLate, "U PAYMENT_IN_PROCESS", "FAIL", "FAIL", 0, "USER_BALANCE_NOT_ENOUGH"},
		{DebitStuck, "U PAYMENT_IN_PROCESS", "PROCESSING", "FAIL", 0, "ORDER_IS_CLOSED"},
	}
	for _, test := range tests {
		t.Run(string(test.behaviour), func(t *testing.T) {
			in := newInbox(t)
			m := newMerchant(t)
			token := m.authorized("b1", "GCASH").text("accessToken")
			if err := m.simulator.SetDebits("b1", test.behaviour); err != nil {
				t.Fatal(err)
			}
			fields := debitOf("p1", "GCASH", token, "PHP", "49900")
			fields["paymentNotifyUrl"] = in.url()
			m.want(test.want, "pay", fields)
			m.advance(10 * time.Second)
			if got := m.status("p1"); got != test.later {
				t.Errorf("status = %s, want %s", got, test.later)
			}
			m.advance(50 * time.Second)
			if got := m.status("p1"); got != test.end {
				t.Errorf("status = %s, want %s", got, test.end)
			}
			if got := m.simulator.Charges("p1"); got != test.charges {
				t.Errorf("charges = %d, want %d", got, test.charges)
			}
			if test.code == "" {
				wantTypes(t, in)
			} else {
				m.advance(time.Minute)
				wantTypes(t, in, "PAYMENT_RESULT "+test.code)
			}
			if got := m.authorization("b1").Tokens[0].Debits; got != 1 {
				t.Errorf("debits = %d", got)
			}
		})
	}
	t.Run("the switch goes back", func(t *testing.T) {
		m := newMerchant(t)
		token := m.authorized("b1", "GCASH").text("accessToken")
		for i, behaviour := range []DebitBehaviour{DebitPoor, DebitPays} {
			if err := m.simulator.SetDebits("b1", behaviour); err != nil {
				t.Fatal(err)
			}
			want := []string{"F USER_BALANCE_NOT_ENOUGH", "S SUCCESS"}[i]
			m.want(want, "pay", debitOf([]string{"p1", "p2"}[i], "GCASH", token, "PHP", "49900"))
		}
		if err := m.simulator.SetDebits("b1", "steal"); err == nil {
			t.Error("an unknown behaviour was accepted")
		}
	})
	t.Run("a token is unknown in another wallet, for another merchant, and without the scope", func(t *testing.T) {
		m := newMerchant(t)
		token := m.authorized("b1", "GCASH").text("accessToken")
		m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p1", "MAYA", token, "PHP", "49900"))
		m.want("S SUCCESS", "consultAuthorization", consultFor("b2", "GCASH", with("scopes", []string{"USER_INFO"})))
		weak := m.want("S SUCCESS", "applyToken", codeOf("GCASH", m.agrees("b2")))
		if weak.body["userLoginId"] != nil {
			t.Errorf("answer = %v", weak.body)
		}
		m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p2", "GCASH", weak.text("accessToken"), "PHP", "49900"))
		m.clientID, m.key = "5Y2", otherKey()
		m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p3", "GCASH", token, "PHP", "49900"))
	})
	t.Run("the terminal that other editions ask for is accepted", func(t *testing.T) {
		m := newMerchant(t)
		fields := debitOf("p1", "GCASH", m.authorized("b1", "GCASH").text("accessToken"), "PHP", "49900")
		fields["env"] = map[string]any{"terminalType": "WEB"}
		m.want("S SUCCESS", "pay", fields)
	})
	t.Run("a debit that a revocation overtakes is still charged once", func(t *testing.T) {
		m := newMerchant(t)
		token := m.authorized("b1", "GCASH").text("accessToken")
		if err := m.simulator.SetDebits("b1", DebitPaysLate); err != nil {
			t.Fatal(err)
		}
		m.want("U PAYMENT_IN_PROCESS", "pay", debitOf("p1", "GCASH", token, "PHP", "49900"))
		m.want("S SUCCESS", "revoke", revokeOf(token))
		m.advance(10 * time.Second)
		m.want("S SUCCESS", "pay", debitOf("p1", "GCASH", token, "PHP", "49900"))
		if got := m.simulator.Charges("p1"); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
	})
}

// The rows of autodebit/overview, with what each can do after a debit: DANA's own pages are contradictory or silent
// about partial refunds and cancels, so neither is promised.
func TestAutomaticDebitMethods(t *testing.T) {
	const refundable, noRefund = "S SUCCESS", "F REFUND_NOT_SUPPORTED"
	tests := []struct {
		wallet, currency, value, part string
		full, partial                 string
		refundDays                    int
		cancel                        string // of a debit that is paid
		cancelOpen                    string // of one that is not
	}{
		{"ALIPAY_CN", "CNY", "10000", "100", refundable, refundable, 365, "S SUCCESS", "S SUCCESS"},
		{"ALIPAY_HK", "HKD", "10000", "100", refundable, refundable, 365, "S SUCCESS", "S SUCCESS"},
		{"BOOST", "MYR", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"DANA", "IDR", "1000000", "30000", refundable, "F PARTIAL_REFUND_NOT_SUPPORTED", 365, "F PAYMENT_METHOD_NOT_SUPPORTED", "F PAYMENT_METHOD_NOT_SUPPORTED"},
		{"GCASH", "PHP", "10000", "100", refundable, refundable, 365, "S SUCCESS", "S SUCCESS"},
		{"KAKAOPAY", "KRW", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"NAVERPAY", "KRW", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"RABBIT_LINE_PAY", "THB", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"TNG", "MYR", "10000", "100", refundable, refundable, 365, "S SUCCESS", "S SUCCESS"},
		{"TRUEMONEY", "THB", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"ZALOPAY", "VND", "50000", "1000", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 180, "S SUCCESS", "S SUCCESS"},
		{"GRABPAY_SG", "SGD", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"GRABPAY_MY", "MYR", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"GRABPAY_PH", "PHP", "10000", "1000", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"MAYA", "PHP", "10000", "100", "U REFUND_IN_PROCESS", "U REFUND_IN_PROCESS", 365, "S SUCCESS", "S SUCCESS"},
		{"PAYPAY", "JPY", "10000", "100", "U REFUND_IN_PROCESS", "F PARTIAL_REFUND_NOT_SUPPORTED", 90, "S SUCCESS", "S SUCCESS"},
		{"DIRECT_DEBIT_KRUNGTHAIBANK", "THB", "10000", "100", noRefund, noRefund, 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "S SUCCESS"},
		{"DIRECT_DEBIT_SIAMCOMMERCIALBANK", "THB", "10000", "100", noRefund, noRefund, 0, "F PAYMENT_METHOD_NOT_SUPPORTED", "S SUCCESS"},
	}
	for _, test := range tests {
		t.Run(test.wallet, func(t *testing.T) {
			m := newMerchant(t)
			token := m.authorized("b1", test.wallet).text("accessToken")
			debited := func(id string) string {
				t.Helper()
				return m.want("S SUCCESS", "pay", debitOf(id, test.wallet, token, test.currency, test.value)).text("paymentId")
			}
			m.want(test.full, "refund", refundOf("full", debited("p1"), test.currency, test.value))
			m.want(test.partial, "refund", refundOf("part", debited("p2"), test.currency, test.part))
			m.want(test.cancel, "cancel", map[string]any{"paymentId": debited("p3")})
			if err := m.simulator.SetDebits("b1", DebitStuck); err != nil {
				t.Fatal(err)
			}
			m.want("U PAYMENT_IN_PROCESS", "pay", debitOf("p4", test.wallet, token, test.currency, test.value))
			m.want(test.cancelOpen, "cancel", map[string]any{"paymentRequestId": "p4"})
			if err := m.simulator.SetDebits("b1", DebitPays); err != nil {
				t.Fatal(err)
			}
			late, tooLate := debited("p5"), debited("p6")
			m.advance(days(1))
			if test.cancel == "S SUCCESS" {
				m.want("F CANCEL_WINDOW_EXCEED", "cancel", map[string]any{"paymentId": late})
			}
			if test.refundDays == 0 {
				return
			}
			m.advance(days(test.refundDays-1) - time.Second)
			m.want(test.full, "refund", refundOf("late", late, test.currency, test.value))
			m.advance(2 * time.Second)
			m.want("F REFUND_WINDOW_EXCEED", "refund", refundOf("too-late", tooLate, test.currency, test.value))
		})
	}
}
