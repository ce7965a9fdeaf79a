package simulator

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func sessionFor(id, method string, edit ...func(map[string]any)) map[string]any {
	fields := map[string]any{
		"productCode": "CASHIER_PAYMENT", "paymentRequestId": id, "paymentAmount": sum("HKD", "25800"),
		"order":         map[string]any{"referenceOrderId": "o-1", "orderDescription": "book", "orderAmount": sum("HKD", "25800")},
		"paymentMethod": map[string]any{"paymentMethodType": method}, "paymentRedirectUrl": "https://shop.example/r", "productScene": "CHECKOUT_PAYMENT",
	}
	for _, e := range edit {
		e(fields)
	}
	return fields
}

func TestPaymentSession(t *testing.T) {
	t.Run("no payment exists until the buyer submits", func(t *testing.T) {
		m := newMerchant(t)
		answer := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		if answer.text("paymentSessionId") == "" || answer.text("paymentSessionData") == "" || answer.text("paymentSessionExpiryTime") == "" {
			t.Errorf("answer = %v", answer.body)
		}
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "s1"})
		m.want("F ORDER_NOT_EXIST", "cancel", map[string]any{"paymentRequestId": "s1"})
		m.pays("s1")
		if got := m.status("s1"); got != "SUCCESS" {
			t.Errorf("status = %s", got)
		}
		if got := m.simulator.Charges("s1"); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
	})
	t.Run("a repeat is the same session, also once it is paid", func(t *testing.T) {
		m := newMerchant(t)
		first := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.pays("s1")
		second := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		if first.text("paymentSessionId") != second.text("paymentSessionId") {
			t.Errorf("sessions %s and %s", first.text("paymentSessionId"), second.text("paymentSessionId"))
		}
		m.want("F REPEAT_REQ_INCONSISTENT", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", with("paymentAmount", sum("HKD", "1"))))
		if err := m.simulator.BuyerPays("s1"); err == nil {
			t.Error("one session was paid twice")
		}
	})
	t.Run("a session and a payment cannot share an id", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.want("F REPEAT_REQ_INCONSISTENT", "pay", cashier("s1", "ALIPAY_HK", "HKD", "25800"))
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
		m.want("F REPEAT_REQ_INCONSISTENT", "createPaymentSession", sessionFor("p1", "ALIPAY_HK"))
	})
	t.Run("an expired session cannot be submitted, and its id is free", func(t *testing.T) {
		m := newMerchant(t)
		first := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.advance(time.Hour)
		if err := m.simulator.BuyerPays("s1"); err == nil {
			t.Error("an expired session was paid")
		}
		second := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		if first.text("paymentSessionId") == second.text("paymentSessionId") {
			t.Error("the expired session came back")
		}
	})
	t.Run("its own expiry is within an hour", func(t *testing.T) {
		m := newMerchant(t)
		at := func(d time.Duration) func(map[string]any) {
			return with("paymentSessionExpiryTime", wireTime(testStart.Add(d)))
		}
		m.want("F PARAM_ILLEGAL", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", at(time.Hour+time.Second)))
		m.want("F PARAM_ILLEGAL", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", at(-time.Second)))
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", at(time.Minute)))
	})
	t.Run("an own payment expiry counts from the request", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", with("paymentExpiryTime", wireTime(testStart.Add(5*time.Minute)))))
		m.advance(6 * time.Minute)
		if err := m.simulator.BuyerPays("s1"); err == nil {
			t.Error("a session was paid after the payment's own expiry")
		}
	})
	t.Run("a front-end element gets no page", func(t *testing.T) {
		m := newMerchant(t)
		answer := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK", with("productScene", "ELEMENT_PAYMENT")))
		if got := answer.text("normalUrl"); got != "" {
			t.Errorf("normalUrl = %s, want none", got)
		}
		m.pays(answer.text("paymentSessionId"))
	})
	t.Run("the hosted page lets the buyer choose the method", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "")).text("normalUrl")
		text := m.open(page)
		if !strings.Contains(text, "<option>ALIPAY_HK</option>") || strings.Contains(text, "<option>GCASH</option>") {
			t.Errorf("the page offers the wrong methods:\n%s", text)
		}
		m.click(page, http.StatusOK, "action", "pay", "method", "ALIPAY_HK")
		p, _ := m.simulator.Ledger().Payment("s1")
		if p.Status != "SUCCESS" || p.Method != "ALIPAY_HK" {
			t.Errorf("payment = %+v", p)
		}
	})
	t.Run("an automatic buyer submits and pays", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.Buyer = BuyerPay })
		m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "ALIPAY_HK"))
		m.advance(time.Second)
		if got := m.status("s1"); got != "SUCCESS" {
			t.Errorf("status = %s", got)
		}
	})
}

func TestConsult(t *testing.T) {
	ask := func(currency, value string, edit ...func(map[string]any)) map[string]any {
		fields := map[string]any{"productCode": "CASHIER_PAYMENT", "paymentAmount": sum(currency, value), "env": map[string]any{"terminalType": "WEB"}}
		for _, e := range edit {
			e(fields)
		}
		return fields
	}
	options := func(answer reply) map[string]map[string]any {
		found := map[string]map[string]any{}
		list, _ := answer.body["paymentOptions"].([]any)
		for _, element := range list {
			option, _ := element.(map[string]any)
			found[option["paymentMethodType"].(string)] = option
		}
		return found
	}
	t.Run("methods that cannot be used say why", func(t *testing.T) {
		m := newMerchant(t)
		got := options(m.want("S SUCCESS", "consult", ask("THB", "99")))
		for name, reason := range map[string]any{"RABBIT_LINE_PAY": nil, "TRUEMONEY": "EXCEED_CHANNEL_LIMIT_RULE", "GCASH": "CHANNEL_NOT_SUPPORT_CURRENCY"} {
			if got[name]["disableReason"] != reason || got[name]["enabled"] != (reason == nil) {
				t.Errorf("%s = %v", name, got[name])
			}
		}
	})
	t.Run("regions and lists filter, and the buyer's region comes first", func(t *testing.T) {
		m := newMerchant(t)
		got := options(m.want("S SUCCESS", "consult", ask("THB", "45000", with("allowedPaymentMethodRegions", []string{"TH"}), with("blockedPaymentMethods", []string{"KPLUS"}))))
		if got["TRUEMONEY"] == nil || got["KPLUS"] != nil || got["CARD"] != nil {
			t.Errorf("options = %v", got)
		}
		answer := m.want("S SUCCESS", "consult", ask("THB", "45000", with("userRegion", "TH")))
		list, _ := answer.body["paymentOptions"].([]any)
		first, _ := list[0].(map[string]any)
		regions, _ := first["paymentMethodRegion"].([]any)
		if !slices.Contains(regions, any("TH")) {
			t.Errorf("first option = %v", first)
		}
	})
	t.Run("refusals by cause", func(t *testing.T) {
		m := newMerchant(t)
		m.want("F CURRENCY_NOT_SUPPORT", "consult", ask("KWD", "1000"))
		m.want("F NO_PAY_OPTIONS", "consult", ask("THB", "1000", with("allowedPaymentMethodRegions", []string{"ZZ"})))
		m.want("F PARAM_ILLEGAL", "consult", ask("THB", "1000", without("env")))
		m.want("F SETTLE_CONTRACT_NOT_MATCH", "consult", ask("THB", "1000", with("settlementStrategy", map[string]any{"settlementCurrency": "XXX"})))
	})
}
