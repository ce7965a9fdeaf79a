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

func TestPayIdempotency(t *testing.T) {
	const id = "p1"
	order := func(edit ...func(map[string]any)) map[string]any {
		return cashier(id, "ALIPAY_HK", "HKD", "25800", edit...)
	}
	tests := []struct {
		name   string
		before func(*merchant)
		repeat map[string]any
		want   string
	}{
		{"another amount is refused", nil, cashier(id, "ALIPAY_HK", "HKD", "25900"), "F REPEAT_REQ_INCONSISTENT"},
		{"another currency is refused", nil, cashier(id, "ALIPAY_HK", "USD", "25800"), "F REPEAT_REQ_INCONSISTENT"},
		{"another method is refused", nil, cashier(id, "GRABPAY_SG", "HKD", "25800"), "F REPEAT_REQ_INCONSISTENT"},
		{"another product is refused", nil, debit(id, TokenPays, "25800"), "F REPEAT_REQ_INCONSISTENT"},
		{"fields that are no key may change", nil, order(with("paymentRedirectUrl", "https://shop.example/other")), "U PAYMENT_IN_PROCESS"},
		{"a closed order is closed", func(m *merchant) { m.advance(14 * time.Minute) }, order(), "F ORDER_IS_CLOSED"},
		{"a cancelled order is cancelled", func(m *merchant) {
			m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": id})
		}, order(), "F ORDER_IS_CANCELED"},
		{"a declined order keeps its refusal", func(m *merchant) {
			if err := m.simulator.BuyerDeclines(id); err != nil {
				m.t.Fatal(err)
			}
		}, order(), "F USER_BALANCE_NOT_ENOUGH"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			m.want("U PAYMENT_IN_PROCESS", "pay", order())
			if test.before != nil {
				test.before(m)
			}
			m.want(test.want, "pay", test.repeat)
			if n := len(m.simulator.Ledger().Payments); n != 1 {
				t.Errorf("payments = %d, want 1", n)
			}
		})
	}
	t.Run("a repeat whose own expiry has passed still finds its order", func(t *testing.T) {
		m := newMerchant(t)
		own := order(with("paymentExpiryTime", wireTime(testStart.Add(5*time.Minute))))
		m.want("U PAYMENT_IN_PROCESS", "pay", own)
		m.pays(id)
		m.advance(time.Hour)
		m.want("U PAYMENT_IN_PROCESS", "pay", own)
	})
	t.Run("the same id of another client is another order", func(t *testing.T) {
		m := newMerchant(t)
		first := m.want("U PAYMENT_IN_PROCESS", "pay", order())
		m.clientID, m.key = "5Y2", otherKey()
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentId": first.text("paymentId")})
		second := m.want("U PAYMENT_IN_PROCESS", "pay", order())
		if first.text("paymentId") == second.text("paymentId") {
			t.Error("two clients share one order")
		}
	})
	t.Run("a request refused at validation leaves the id free", func(t *testing.T) {
		m := newMerchant(t)
		m.want("F PARAM_ILLEGAL", "pay", order(without("env")))
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": id})
		m.want("U PAYMENT_IN_PROCESS", "pay", order())
	})
	t.Run("a refused debit stays refused under its id", func(t *testing.T) {
		m := newMerchant(t)
		m.want("F USER_BALANCE_NOT_ENOUGH", "pay", debit(id, TokenPoor, "49900"))
		m.want("F USER_BALANCE_NOT_ENOUGH", "pay", debit(id, TokenPoor, "49900"))
		if got := m.status(id); got != "FAIL" {
			t.Errorf("status = %s, want FAIL", got)
		}
	})
	t.Run("a debit answered at once replays the same success", func(t *testing.T) {
		m := newMerchant(t)
		first := m.want("S SUCCESS", "pay", debit(id, TokenPays, "49900"))
		m.advance(time.Minute)
		second := m.want("S SUCCESS", "pay", debit(id, TokenPays, "49900"))
		if first.text("paymentId") != second.text("paymentId") || first.text("paymentTime") != second.text("paymentTime") {
			t.Errorf("first %v, second %v", first.body, second.body)
		}
		if got := m.simulator.Charges(id); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
	})
}

func TestPayRefusals(t *testing.T) {
	at := func(d time.Duration) func(map[string]any) {
		return with("paymentExpiryTime", wireTime(testStart.Add(d)))
	}
	card := func(data map[string]any, value string) map[string]any {
		return cashier("p1", cardMethod, "SGD", value, within("paymentMethod", "paymentMethodMetaData", data))
	}
	tests := []struct {
		name   string
		fields map[string]any
		want   string
	}{
		{"an unlisted currency", cashier("p1", "NEW_WALLET", "KWD", "1000"), "F CURRENCY_NOT_SUPPORT"},
		{"a currency the method does not take", cashier("p1", "GCASH", "USD", "1000"), "F CURRENCY_NOT_SUPPORT"},
		{"IDR with cents", cashier("p1", "DANA", "IDR", "30050"), "F PARAM_ILLEGAL"},
		{"IDR without cents", cashier("p1", "DANA", "IDR", "30000"), "U PAYMENT_IN_PROCESS"},
		{"less than the minimum", cashier("p1", "TRUEMONEY", "THB", "99"), "F PAYMENT_AMOUNT_EXCEED_LIMIT"},
		{"the minimum", cashier("p1", "TRUEMONEY", "THB", "100"), "U PAYMENT_IN_PROCESS"},
		{"more than the maximum", cashier("p1", "GRABPAY_SG", "SGD", "500001"), "F PAYMENT_AMOUNT_EXCEED_LIMIT"},
		{"JKOPay with cents", cashier("p1", "JKOPAY", "TWD", "150"), "F PARAM_ILLEGAL"},
		{"an unknown settlement currency", cashier("p1", "ALIPAY_HK", "HKD", "1000", with("settlementStrategy", map[string]any{"settlementCurrency": "XXX"})), "F SETTLE_CONTRACT_NOT_MATCH"},
		{"an unknown method is payable", cashier("p1", "NEW_WALLET", "EUR", "1000"), "U PAYMENT_IN_PROCESS"},

		{"an own expiry below ten minutes", cashier("p1", "ALIPAY_HK", "HKD", "1000", at(10*time.Minute-time.Second)), "U PAYMENT_IN_PROCESS"},
		{"an own expiry of ten minutes", cashier("p1", "ALIPAY_HK", "HKD", "1000", at(10*time.Minute)), "F PARAM_ILLEGAL"},
		{"an own expiry in the past", cashier("p1", "ALIPAY_HK", "HKD", "1000", at(-time.Second)), "F PARAM_ILLEGAL"},
		{"a bank transfer's own expiry of 48 hours", cashier("p1", "BANKTRANSFER_QUICKPAY", "KRW", "1000", at(48*time.Hour)), "U PAYMENT_IN_PROCESS"},
		{"a bank transfer's own expiry above 48 hours", cashier("p1", "BANKTRANSFER_QUICKPAY", "KRW", "1000", at(48*time.Hour+time.Second)), "F PARAM_ILLEGAL"},

		{"a card without paymentFactor", cashier("p1", cardMethod, "SGD", "1000", without("paymentFactor")), "F PARAM_ILLEGAL"},
		{"a card without client address", cashier("p1", cardMethod, "SGD", "1000", with("env", map[string]any{"terminalType": "WEB"})), "F PARAM_ILLEGAL"},
		{"the magic amount 11 on a card", cashier("p1", cardMethod, "SGD", "11"), "F RISK_REJECT"},
		{"the amount 11 in a wallet", cashier("p1", "ALIPAY_HK", "HKD", "11"), "U PAYMENT_IN_PROCESS"},
		{"a published failing card", card(map[string]any{"cardNo": "4054692760174822"}, "1000"), "F DO_NOT_HONOR"},
		{"a thirteenth month", card(map[string]any{"cardNo": "4054695723100768", "expiryMonth": "13"}, "1000"), "F INVALID_EXPIRATION_DATE"},
		{"a card with its number is authorised at once", card(map[string]any{"cardNo": "4054695723100768", "expiryMonth": "12"}, "1000"), "S SUCCESS"},
		{"a card with 3DS waits for its buyer", card(map[string]any{"cardNo": "4054695723100768", "is3DSAuthentication": "true"}, "1000"), "U PAYMENT_IN_PROCESS"},

		{"a debit with an unknown token", debit("p1", "tok1188", "49900"), "F INVALID_ACCESS_TOKEN"},
		{"a debit without a token", func() map[string]any {
			fields := debit("p1", "", "49900")
			fields["paymentMethod"] = map[string]any{"paymentMethodType": "GCASH"}
			return fields
		}(), "F PARAM_ILLEGAL"},
		{"a debit with Cashier fields", func() map[string]any {
			fields := debit("p1", TokenPays, "49900")
			fields["paymentRedirectUrl"] = "https://shop.example/return"
			return fields
		}(), "F PARAM_ILLEGAL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			m.want(test.want, "pay", test.fields)
		})
	}
}

func TestOrdersCloseUnpaid(t *testing.T) {
	tests := []struct {
		name   string
		fields map[string]any
		life   time.Duration
	}{
		{"a wallet after 14 minutes", cashier("p1", "ALIPAY_HK", "HKD", "1000"), 14 * time.Minute},
		{"at its own expiry time", cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentExpiryTime", wireTime(testStart.Add(3*time.Minute)))), 3 * time.Minute},
		{"a bank transfer after 48 hours", cashier("p1", "BANKTRANSFER_QUICKPAY", "KRW", "1000"), 48 * time.Hour},
		{"Mercado Pago after seven days, whatever its own expiry", cashier("p1", "MERCADOPAGO_BR", "BRL", "1000",
			with("paymentExpiryTime", wireTime(testStart.Add(3*time.Minute)))), 7 * 24 * time.Hour},
		{"a debit after one minute", debit("p1", TokenStuck, "49900"), time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			m.want("U PAYMENT_IN_PROCESS", "pay", test.fields)
			m.advance(test.life - time.Second)
			if got := m.status("p1"); got != "PROCESSING" {
				t.Fatalf("a second before: %s", got)
			}
			m.advance(time.Second)
			answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
			if answer.text("paymentStatus") != "FAIL" || answer.text("paymentResultCode") != "ORDER_IS_CLOSED" {
				t.Errorf("inquiry = %v", answer.body)
			}
			if err := m.simulator.BuyerPays("p1"); err == nil {
				t.Error("a late buyer could pay")
			}
			m.want("F ORDER_IS_CLOSED", "pay", test.fields)
			if got := m.simulator.Charges("p1"); got != 0 {
				t.Errorf("charges = %d, want 0", got)
			}
		})
	}
	t.Run("a pending order outlives its expiry and can still be confirmed", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		if err := m.simulator.BuyerPends("p1"); err != nil {
			t.Fatal(err)
		}
		m.advance(time.Hour)
		if got := m.status("p1"); got != "PENDING" {
			t.Errorf("status = %s, want PENDING", got)
		}
		m.pays("p1")
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s, want SUCCESS", got)
		}
	})
	t.Run("a buyer who leaves can come back until the order closes", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		if err := m.simulator.BuyerLeaves("p1"); err != nil {
			t.Fatal(err)
		}
		m.pays("p1")
	})
}

func TestFinalStatesNeverGoBack(t *testing.T) {
	for _, status := range []string{statusSuccess, statusFail, statusCancelled} {
		for _, next := range []string{statusProcessing, statusPending, statusSuccess, statusFail} {
			m := newMerchant(t)
			p := &payment{Payment: Payment{Status: status}}
			m.simulator.move(p, next, "X")
			if p.Status != status {
				t.Errorf("%s went to %s", status, next)
			}
			if m.simulator.CheckInvariants() == nil {
				t.Error("the violation was not reported")
			}
			m.simulator.violations = nil
		}
	}
}

func TestLateDebitIsCharged(t *testing.T) {
	m := newMerchant(t)
	m.want("U PAYMENT_IN_PROCESS", "pay", debit("p1", TokenPaysLate, "49900"))
	m.advance(10 * time.Second)
	if got := m.status("p1"); got != "SUCCESS" {
		t.Errorf("status = %s, want SUCCESS", got)
	}
	m.want("S SUCCESS", "pay", debit("p1", TokenPaysLate, "49900"))
}

func TestAutomaticBuyers(t *testing.T) {
	for buyer, want := range map[Buyer]string{BuyerPay: "SUCCESS", BuyerDecline: "FAIL", BuyerLeave: "PROCESSING", BuyerManual: "PROCESSING"} {
		m := newMerchant(t, func(o *Options) { o.Buyer = buyer })
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		m.advance(time.Second)
		if got := m.status("p1"); got != want {
			t.Errorf("%s: status = %s, want %s", buyer, got, want)
		}
	}
}

func TestSettlementQuote(t *testing.T) {
	m := newMerchant(t)
	m.paid(cashier("p1", "ALIPAY_HK", "HKD", "25800", with("settlementStrategy", map[string]any{"settlementCurrency": "JPY"})))
	answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
	quote, _ := answer.body["settlementQuote"].(map[string]any)
	if quote["quoteCurrencyPair"] != "HKD/JPY" || quote["quotePrice"] == nil {
		t.Errorf("settlementQuote = %v", quote)
	}
	// HKD 258.00 at 128300/6700 = 19.14925373 is JPY 4940.51.
	gross, _ := answer.body["grossSettlementAmount"].(map[string]any)
	if gross["currency"] != "JPY" || gross["value"] != "4941" {
		t.Errorf("grossSettlementAmount = %v", gross)
	}
}

func TestIDsAreReproducible(t *testing.T) {
	ids := map[string]bool{}
	for range 2 {
		m := newMerchant(t)
		ids[m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000")).text("paymentId")] = true
	}
	if len(ids) != 1 {
		t.Errorf("ids = %v, want one", ids)
	}
}
