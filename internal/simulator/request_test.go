package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

func TestRequestIdentity(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	sandbox, production := sandboxPrefix+"payments/inquiryPayment", productionPrefix+"payments/inquiryPayment"
	tests := []struct {
		name       string
		path       string
		edit       func(*http.Request)
		wantCode   string
		wantSigned bool
	}{
		{"a known order is asked for with a signed answer", sandbox, set("X", "y"), "ORDER_NOT_EXIST", true},
		{"another method than POST is refused unsigned", sandbox, func(r *http.Request) { r.Method = http.MethodPut }, "METHOD_NOT_SUPPORTED", false},
		{"an unknown endpoint is refused unsigned", sandboxPrefix + "payments/payNow", set("X", "y"), "NO_INTERFACE_DEF", false},
		{"a sandbox client is refused on production paths", production, set("X", "y"), "NO_INTERFACE_DEF", false},
		{"a missing client id is refused unsigned", sandbox, func(r *http.Request) { r.Header.Del("Client-Id") }, "CLIENT_INVALID", false},
		{"an unknown client is refused unsigned", sandbox, set("Client-Id", "SANDBOX_stranger"), "UNKNOWN_CLIENT", false},
		{"a missing request time is refused unsigned", sandbox, func(r *http.Request) { r.Header.Del("Request-Time") }, "PARAM_ILLEGAL", false},
		{"a missing signature is refused unsigned", sandbox, func(r *http.Request) { r.Header.Del("Signature") }, "INVALID_SIGNATURE", false},
		{"a signature over another time is refused unsigned", sandbox, set("Request-Time", "1685599933871"), "INVALID_SIGNATURE", false},
		{"a wrong content type is refused signed", sandbox, set("Content-Type", "text/plain"), "MEDIA_TYPE_NOT_ACCEPTABLE", true},
		{"a wrong charset is refused signed", sandbox, set("Content-Type", "application/json; charset=latin1"), "MEDIA_TYPE_NOT_ACCEPTABLE", true},
		{"no content type is accepted", sandbox, func(r *http.Request) { r.Header.Del("Content-Type") }, "ORDER_NOT_EXIST", true},
		{"an empty agent token and unknown headers are ignored", sandbox, set("Agent-Token", ""), "ORDER_NOT_EXIST", true},
		{"an over-long agent token is refused signed", sandbox, set("Agent-Token", strings.Repeat("x", 129)), "PARAM_ILLEGAL", true},
	}
	m := newMerchant(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer, err := m.try(m.request(test.path, []byte(`{"paymentRequestId":"p1"}`), test.edit))
			if err != nil {
				t.Fatal(err)
			}
			if answer.code() != test.wantCode || answer.signed != test.wantSigned {
				t.Errorf("code, signed = %s, %t; want %s, %t", answer.code(), answer.signed, test.wantCode, test.wantSigned)
			}
		})
	}
	t.Run("a production client is refused on sandbox paths and served on production paths", func(t *testing.T) {
		m := newMerchant(t)
		m.clientID, m.key = "5Y2", otherKey()
		refused, err := m.try(m.request(sandbox, []byte(`{"paymentRequestId":"p1"}`)))
		if err != nil || refused.code() != "NO_INTERFACE_DEF" || refused.signed {
			t.Errorf("sandbox path: %v, %v", refused, err)
		}
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
	})
	t.Run("a client without a key gets KEY_NOT_FOUND until one is registered", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.Clients[0].PublicKey = nil })
		answer, err := m.try(m.request(sandbox, []byte(`{"paymentRequestId":"p1"}`)))
		if err != nil || answer.code() != "KEY_NOT_FOUND" || answer.signed {
			t.Errorf("answer = %v, %v", answer, err)
		}
		if err := m.simulator.SetPublicKey(m.clientID, &merchantKey().PublicKey); err != nil {
			t.Fatal(err)
		}
		m.want("F ORDER_NOT_EXIST", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
	})
	t.Run("a disabled client is refused", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.Clients[0].Disabled = true })
		answer, err := m.try(m.request(sandbox, []byte(`{"paymentRequestId":"p1"}`)))
		if err != nil || answer.code() != "INVALID_CLIENT_STATUS" {
			t.Errorf("answer = %v, %v", answer, err)
		}
	})
}

func TestRequestTimeForms(t *testing.T) {
	m := newMerchant(t)
	path := m.path("inquiryPayment")
	body := []byte(`{"paymentRequestId":"p1"}`)
	for given, want := range map[string]string{
		"1685599933871":                "ORDER_NOT_EXIST",
		"2026-01-02T03:04:05+00:00":    "ORDER_NOT_EXIST",
		"2026-01-02T03:04:05+0000":     "ORDER_NOT_EXIST",
		"2026-01-02T03:04:05.1234567Z": "ORDER_NOT_EXIST",
		"2019-05-28T12:12:12+08:00":    "ORDER_NOT_EXIST",
		"20190528121212":               "PARAM_ILLEGAL",
		"2019-05-28T12:12:12":          "PARAM_ILLEGAL",
	} {
		signature, err := alipay.Sign(m.key, 1, alipay.Message{URI: path, ClientID: m.clientID, Time: given, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := m.try(m.request(path, body, func(r *http.Request) {
			r.Header.Set("Request-Time", given)
			r.Header.Set("Signature", signature)
		}))
		if err != nil || answer.code() != want || !answer.signed {
			t.Errorf("%s: %v, %v, want %s", given, answer, err, want)
		}
	}
}

func TestFieldsAreChecked(t *testing.T) {
	long := strings.Repeat("x", 65)
	tests := []struct {
		name  string
		field string // the answer must name it; empty for accepted
		edit  func(map[string]any)
	}{
		{"an unknown field", "colour", with("colour", "red")},
		{"an unknown inner field", "order.colour", within("order", "colour", "red")},
		{"a missing required field", "order", without("order")},
		{"a missing inner field", "env.terminalType", with("env", map[string]any{"clientIp": "203.0.113.9"})},
		{"a number in Amount.value", "paymentAmount.value", with("paymentAmount", map[string]any{"currency": "HKD", "value": 25800})},
		{"an amount of zero", "paymentAmount.value", with("paymentAmount", sum("HKD", "0"))},
		{"a leading zero in an amount", "paymentAmount.value", with("paymentAmount", sum("HKD", "0100"))},
		{"a decimal amount", "paymentAmount.value", with("paymentAmount", sum("HKD", "1.00"))},
		{"an amount of seventeen digits", "paymentAmount.value", with("paymentAmount", sum("HKD", "12345678901234567"))},
		{"a lower-case currency", "paymentAmount.currency", with("paymentAmount", sum("hkd", "100"))},
		{"an over-long id", "paymentRequestId", with("paymentRequestId", long)},
		{"special characters in an id", "paymentRequestId", with("paymentRequestId", "a b")},
		{"an over-long description", "order.orderDescription", within("order", "orderDescription", strings.Repeat("ä", 257))},
		{"a list instead of an object", "order", with("order", []string{})},
		{"a null", "paymentNotifyUrl", with("paymentNotifyUrl", nil)},
		{"an empty optional text", "paymentNotifyUrl", with("paymentNotifyUrl", "")},
		{"a relative URL", "paymentRedirectUrl", with("paymentRedirectUrl", "/return")},
		{"a script URL", "paymentRedirectUrl", with("paymentRedirectUrl", "javascript:alert(1)")},
		{"a time without offset", "paymentExpiryTime", with("paymentExpiryTime", "2026-11-21T12:05:00")},
		{"a time with a fraction", "paymentExpiryTime", with("paymentExpiryTime", "2026-11-21T12:05:00.5+08:00")},
		{"an unknown terminal type", "env.terminalType", within("env", "terminalType", "WATCH")},
		{"a missing osType for WAP", "env.osType", within("env", "terminalType", "WAP")},
		{"a missing appId for a mini app", "appId", within("env", "terminalType", "MINI_APP")},
		{"an integer that is none", "env.timeZoneOffset", within("env", "timeZoneOffset", "soon")},
		{"an integer out of range", "env.timeZoneOffset", within("env", "timeZoneOffset", 721)},
		{"a boolean that is none", "order.needDeclaration", within("order", "needDeclaration", "yes")},
		{"a wrong product", "productCode", with("productCode", "IN_STORE")},
		{"metadata that is no map", "paymentMethod.paymentMethodMetaData", within("paymentMethod", "paymentMethodMetaData", "x")},
		{"too many goods", "order.goods", within("order", "goods", make([]map[string]any, 101))},
		{"an unknown field of goods", "order.goods[0].colour", within("order", "goods", []any{map[string]any{"colour": "red"}})},

		{"bare and quoted booleans", "", within("order", "needDeclaration", "false")},
		{"bare booleans", "", within("order", "needDeclaration", false)},
		{"quoted integers", "", within("env", "timeZoneOffset", "-480")},
		{"bare integers", "", within("env", "timeZoneOffset", -480)},
		{"an app scheme to return to", "", with("paymentRedirectUrl", "shop://return")},
		{"a full buyer", "", within("order", "buyer", map[string]any{
			"referenceBuyerId": "b1", "buyerName": map[string]any{"fullName": "A B"}, "isAccountVerified": true, "successfulOrderCount": 3})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			answer := m.call("pay", cashier("p1", "ALIPAY_HK", "HKD", "25800", test.edit))
			if test.field == "" {
				if answer.code() != "PAYMENT_IN_PROCESS" {
					t.Errorf("refused: %s %s", answer.outcome(), answer.message())
				}
				return
			}
			if answer.outcome() != "F PARAM_ILLEGAL" || !strings.HasPrefix(answer.message(), test.field+" ") {
				t.Errorf("answer = %s %q, want PARAM_ILLEGAL about %s", answer.outcome(), answer.message(), test.field)
			}
			if n := len(m.simulator.Ledger().Payments); n != 0 {
				t.Errorf("%d payments were created", n)
			}
		})
	}
}

func TestBodiesThatAreNoJSONObject(t *testing.T) {
	m := newMerchant(t)
	for name, body := range map[string]string{
		"a list":         `[]`,
		"nothing":        ``,
		"half an object": `{"paymentRequestId":`,
		"two objects":    `{"paymentRequestId":"p1"}{}`,
		"a key twice":    `{"paymentRequestId":"p1","paymentRequestId":"p2"}`,
		"not UTF-8":      "{\"paymentRequestId\":\"\xff\"}",
		"too deep":       `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		answer, err := m.try(m.request(m.path("inquiryPayment"), []byte(body)))
		if err != nil || answer.outcome() != "F PARAM_ILLEGAL" || !answer.signed {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

func TestDocumentedSamplesAreAccepted(t *testing.T) {
	samples := []struct{ name, operation, body, want string }{
		{"a wallet on a phone", "pay", `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"pr_7f0c2d51a9","paymentAmount":{"currency":"HKD","value":"25800"},
 "order":{"referenceOrderId":"ord-20261121-0042","orderDescription":"Desk lamp","orderAmount":{"currency":"HKD","value":"25800"},
  "buyer":{"referenceBuyerId":"b-1188"}},
 "paymentMethod":{"paymentMethodType":"ALIPAY_HK"},"env":{"terminalType":"WAP","osType":"ANDROID","clientIp":"203.0.113.9"},
 "paymentRedirectUrl":"https://shop.example/return","paymentNotifyUrl":"https://pay.example/notify",
 "settlementStrategy":{"settlementCurrency":"HKD"}}`, "U PAYMENT_IN_PROCESS"},
		{"a card to be captured by hand", "pay", `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"pr_card_31","paymentAmount":{"currency":"SGD","value":"4200"},
 "order":{"referenceOrderId":"ord-77","orderDescription":"Two nights","orderAmount":{"currency":"SGD","value":"4200"},
  "buyer":{"referenceBuyerId":"b-9","buyerEmail":"b9@shop.example"}},
 "paymentMethod":{"paymentMethodType":"CARD","paymentMethodMetaData":{"paymentMethodRegion":"GLOBAL","is3DSAuthentication":true}},
 "paymentFactor":{"isAuthorization":true,"captureMode":"MANUAL"},
 "env":{"terminalType":"WEB","clientIp":"203.0.113.9","browserInfo":{"acceptHeader":"text/html","javaEnabled":false,"javaScriptEnabled":true,"language":"en","userAgent":"UA"}},
 "paymentRedirectUrl":"https://shop.example/return","paymentNotifyUrl":"https://pay.example/notify"}`, "U PAYMENT_IN_PROCESS"},
		{"an automatic debit", "pay", `{"productCode":"AGREEMENT_PAYMENT","paymentRequestId":"sub-1188-2026-11","paymentAmount":{"currency":"PHP","value":"49900"},
 "order":{"referenceOrderId":"inv-2026-11-1188","orderDescription":"Plan, November","orderAmount":{"currency":"PHP","value":"49900"}},
 "paymentMethod":{"paymentMethodType":"GCASH","paymentMethodId":"TEST_TOKEN_PAYS_1188"},
 "paymentNotifyUrl":"https://pay.example/notify","settlementStrategy":{"settlementCurrency":"USD"}}`, "S SUCCESS"},
		{"a session", "createPaymentSession", `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"ses-55b-01","paymentAmount":{"currency":"BRL","value":"1000"},
 "order":{"referenceOrderId":"o-1","orderDescription":"book","orderAmount":{"currency":"BRL","value":"1000"},"buyer":{"referenceBuyerId":"b1"}},
 "paymentMethod":{"paymentMethodType":"CARD","paymentMethodMetaData":{"paymentMethodRegion":"BR"}},
 "paymentFactor":{"isAuthorization":true},"paymentRedirectUrl":"https://shop.example/r","paymentNotifyUrl":"https://pay.example/n"}`, "S SUCCESS"},
		{"a consult", "consult", `{"productCode":"CASHIER_PAYMENT","paymentAmount":{"currency":"THB","value":"45000"},
 "env":{"terminalType":"WAP","osType":"IOS"},"userRegion":"TH",
 "allowedPaymentMethodRegions":["TH","GLOBAL"],"settlementStrategy":{"settlementCurrency":"USD"}}`, "S SUCCESS"},
	}
	for _, sample := range samples {
		t.Run(sample.name, func(t *testing.T) {
			m := newMerchant(t)
			var fields map[string]any
			if err := json.Unmarshal([]byte(sample.body), &fields); err != nil {
				t.Fatal(err)
			}
			m.want(sample.want, sample.operation, fields)
		})
	}
}

func TestSimulatedTimeIsInAnswers(t *testing.T) {
	m := newMerchant(t)
	m.advance(time.Hour)
	answer := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "25800"))
	if got, want := answer.text("paymentCreateTime"), "2026-11-21T13:00:00+08:00"; got != want {
		t.Errorf("paymentCreateTime = %s, want %s", got, want)
	}
}
