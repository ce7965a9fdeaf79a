package simulator

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestConsultOfAConsentIsChecked(t *testing.T) {
	tests := []struct {
		name   string
		fields map[string]any
		want   string
		field  string // the message must name it first
	}{
		{"the documented example", map[string]any{"customerBelongsTo": "ALIPAY_HK", "authRedirectUrl": "https://shop.example.test/bind/return",
			"scopes": []string{"AGREEMENT_PAY"}, "authState": "bind-7f3c0001", "terminalType": "WEB"}, "S SUCCESS", ""},
		{"every documented field", consultFor("b1", "PAYPAY", with("terminalType", "APP"), with("osType", "IOS"), with("osVersion", "19.1"),
			with("authClientId", "m2"), with("merchantRegion", "JP"), with("merchantAccountId", "a1"), with("recurringPayment", true)), "S SUCCESS", ""},
		{"an unknown field", consultFor("b1", "GCASH", with("colour", "red")), "F PARAM_ILLEGAL", "colour"},
		{"no state", consultFor("b1", "GCASH", without("authState")), "F PARAM_ILLEGAL", "authState"},
		{"a state of 257 characters", consultFor(strings.Repeat("x", 257), "GCASH"), "F PARAM_ILLEGAL", "authState"},
		{"no way back", consultFor("b1", "GCASH", without("authRedirectUrl")), "F PARAM_ILLEGAL", "authRedirectUrl"},
		{"a way back that a browser would run", consultFor("b1", "GCASH", with("authRedirectUrl", "javascript:alert(1)")), "F PARAM_ILLEGAL", "authRedirectUrl"},
		{"no scope", consultFor("b1", "GCASH", with("scopes", []string{})), "F PARAM_ILLEGAL", "scopes"},
		{"scopes as one text", consultFor("b1", "GCASH", with("scopes", "AGREEMENT_PAY")), "F PARAM_ILLEGAL", "scopes"},
		{"a scope that is none", consultFor("b1", "GCASH", with("scopes", []string{"AGREEMENT_PAY", "ALL"})), "F PARAM_ILLEGAL", "scopes[1]"},
		{"five scopes", consultFor("b1", "GCASH", with("scopes", []string{"BASE_USER_INFO", "USER_INFO", "AGREEMENT_PAY", "SEND_OTP", "USER_LOGIN_ID"})), "F PARAM_ILLEGAL", "scopes"},
		{"a mini app without its system", consultFor("b1", "GCASH", with("terminalType", "MINI_APP")), "F PARAM_ILLEGAL", "osType"},
		{"recurring debits of a wallet that has no such field", consultFor("b1", "GCASH", with("recurringPayment", true)), "F PARAM_ILLEGAL", "recurringPayment"},
		{"a wallet without automatic debits", consultFor("b1", "PIX"), "F NO_PAY_OPTIONS", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			answer := m.want(test.want, "consultAuthorization", test.fields)
			if test.field != "" && !strings.HasPrefix(answer.message(), test.field+" ") {
				t.Errorf("message = %q, want one about %s", answer.message(), test.field)
			}
			if n := len(m.simulator.Ledger().Authorizations); (n == 1) != (test.want == "S SUCCESS") {
				t.Errorf("%d authorizations", n)
			}
		})
	}
}

func TestConsultOfAConsent(t *testing.T) {
	t.Run("each repeat gives another address of the same consent, which is given once", func(t *testing.T) {
		m := newMerchant(t)
		first := m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH")).text("normalUrl")
		second := m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH")).text("normalUrl")
		if first == "" || first == second {
			t.Errorf("addresses %q and %q", first, second)
		}
		m.agrees("b1")
		for _, page := range []string{first, second} {
			if text := m.open(page); !strings.Contains(text, AuthorizationAgreed) {
				t.Errorf("page:\n%s", text)
			}
			m.click(page, http.StatusConflict, "action", "agree")
		}
		if a := m.authorization("b1"); a.Consults != 2 || len(m.simulator.Ledger().Authorizations) != 1 {
			t.Errorf("authorization = %+v", a)
		}
	})
	t.Run("the same state of another client is another consent", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		code := m.agrees("b1")
		m.clientID, m.key = "5Y2", otherKey()
		m.want("F INVALID_AUTHCODE", "applyToken", codeOf("GCASH", code))
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		if _, err := m.simulator.BuyerAgrees("b1", ""); err == nil {
			t.Error("the simulator chose one of two consents")
		}
		m.wantState(m.simulator.Ledger().Authorizations[1].AuthorizationID, AuthorizationAwaitsBuyer)
	})
	t.Run("a state belongs to one wallet, and is not used again after its end", func(t *testing.T) {
		m := newMerchant(t)
		token := m.authorized("b1", "GCASH").text("accessToken")
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		m.want("F PARAM_ILLEGAL", "consultAuthorization", consultFor("b1", "DANA"))
		m.want("S SUCCESS", "revoke", revokeOf(token))
		m.want("F PARAM_ILLEGAL", "consultAuthorization", consultFor("b1", "GCASH"))
		m.want("S SUCCESS", "consultAuthorization", consultFor("b2", "GCASH"))
	})
	t.Run("an app gets a scheme and a link, a web page of Alipay a code to scan", func(t *testing.T) {
		m := newMerchant(t)
		app := m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH", with("terminalType", "APP"), with("osType", "ANDROID")))
		if app.text("schemeUrl") == "" || app.text("applinkUrl") == "" || app.text("appIdentifier") == "" {
			t.Errorf("answer = %v", app.body)
		}
		web := m.want("S SUCCESS", "consultAuthorization", consultFor("b2", "ALIPAY_HK"))
		if web.body["authCodeForm"] == nil || web.text("schemeUrl") != "" {
			t.Errorf("answer = %v", web.body)
		}
	})
}

func TestConsentPage(t *testing.T) {
	start := func(t *testing.T, edit ...func(map[string]any)) (*merchant, *inbox, string) {
		in := newInbox(t)
		m := newMerchant(t, func(o *Options) { o.Clients[0].NotifyURL = in.url() })
		m.server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return m, in, m.want("S SUCCESS", "consultAuthorization", consultFor("b 1&2", "ALIPAY_HK", edit...)).text("normalUrl")
	}
	// press posts the form and returns where it leads.
	press := func(m *merchant, page string, pairs ...string) *url.URL {
		m.t.Helper()
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		r, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
		if err != nil {
			m.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := m.server.Client().Do(r)
		if err != nil {
			m.t.Fatal(err)
		}
		defer response.Body.Close()
		to, err := response.Location()
		if err != nil || response.StatusCode != http.StatusSeeOther {
			m.t.Fatalf("status %d, %v", response.StatusCode, err)
		}
		return to
	}
	t.Run("it shows wallet, shop and scopes, and has stable buttons and no script", func(t *testing.T) {
		m, _, page := start(t, with("scopes", []string{"BASE_USER_INFO", "AGREEMENT_PAY"}))
		text := m.open(page)
		for _, want := range []string{"ALIPAY_HK", "SANDBOX_5Y1", "BASE_USER_INFO, AGREEMENT_PAY", `id="state" data-state="AWAITING_BUYER"`, `id="agree"`, `id="refuse"`} {
			if !strings.Contains(text, want) {
				t.Errorf("the page lacks %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "<script") || strings.Contains(text, `id="cancel"`) {
			t.Errorf("page:\n%s", text)
		}
	})
	t.Run("Agree leads back to the shop with code and state, and the notification has the same", func(t *testing.T) {
		m, in, page := start(t)
		to := press(m, page, "action", "agree")
		if !strings.HasPrefix(to.String(), "https://shop.example/return?shop=1&authCode=") {
			t.Errorf("the browser goes to %s", to)
		}
		m.advance(3 * time.Second)
		got := in.all()
		if len(got) != 1 || !got[0].verified || got[0].body["notifyType"] != nil ||
			got[0].body["authorizationNotifyType"] != "AUTHCODE_CREATED" || got[0].body["authCode"] != to.Query().Get("authCode") ||
			got[0].body["authState"] != "b 1&2" || to.Query().Get("authState") != "b 1&2" {
			t.Errorf("redirect %s, notifications %+v", to, got)
		}
		m.want("S SUCCESS", "applyToken", codeOf("ALIPAY_HK", to.Query().Get("authCode")))
	})
	t.Run("Agree leads back to an app", func(t *testing.T) {
		m, _, page := start(t, with("authRedirectUrl", "shop://bound"))
		if to := press(m, page, "action", "agree").String(); !strings.HasPrefix(to, "shop://bound?authCode=") {
			t.Errorf("the browser goes to %s", to)
		}
	})
	t.Run("Refuse tells nobody, gives no code, and another consult opens the consent again", func(t *testing.T) {
		m, in, page := start(t)
		if to := press(m, page, "action", "refuse"); to.String() != page {
			t.Errorf("the browser goes to %s", to)
		}
		text := m.open(page)
		if !strings.Contains(text, AuthorizationRefused) || strings.Contains(text, `id="agree"`) {
			t.Errorf("page:\n%s", text)
		}
		if want := `id="return" href="https://shop.example/return?shop=1&amp;authState=b&#43;1%262"`; !strings.Contains(text, want) {
			t.Errorf("the page lacks %s:\n%s", want, text)
		}
		m.click(page, http.StatusConflict, "action", "agree")
		m.advance(days(2))
		if got := in.all(); len(got) != 0 {
			t.Errorf("notifications = %+v", got)
		}
		m.want("S SUCCESS", "consultAuthorization", consultFor("b 1&2", "ALIPAY_HK"))
		press(m, page, "action", "agree")
	})
	t.Run("the buyer ends the authorization on the page", func(t *testing.T) {
		m, in, page := start(t)
		code := press(m, page, "action", "agree").Query().Get("authCode")
		token := m.want("S SUCCESS", "applyToken", codeOf("ALIPAY_HK", code)).text("accessToken")
		press(m, page, "action", "cancel", "reason", "too dear")
		m.advance(3 * time.Second)
		got := in.all()
		last := got[len(got)-1].body
		if last["authorizationNotifyType"] != "TOKEN_CANCELED" || last["accessToken"] != token || last["reason"] != "too dear" || last["authState"] != nil {
			t.Errorf("notification = %v", last)
		}
		m.click(page, http.StatusConflict, "action", "cancel")
	})
	t.Run("an unknown address and an unknown button are refused", func(t *testing.T) {
		m, _, page := start(t)
		m.click(page, http.StatusBadRequest, "action", "steal")
		m.click(m.server.URL+"/consent/guess", http.StatusNotFound, "action", "agree")
		m.wantState("b 1&2", AuthorizationAwaitsBuyer)
	})
	t.Run("its policy lets the form lead to the shop, and from there to another site, or to the shop's app", func(t *testing.T) {
		for address, want := range map[string]string{
			"https://shop.example:8443/r?x=1": " http: https:", "shop://bound": " shop:", "http://a;b/": "", "://": "",
		} {
			if got := formTarget(address); got != want {
				t.Errorf("formTarget(%s) = %q, want %q", address, got, want)
			}
		}
	})
}

func TestAutomaticBuyersConsentToo(t *testing.T) {
	for buyer, want := range map[Buyer]string{
		BuyerPay: AuthorizationAgreed, BuyerDecline: AuthorizationRefused, BuyerLeave: AuthorizationAwaitsBuyer, BuyerManual: AuthorizationAwaitsBuyer,
	} {
		m := newMerchant(t, func(o *Options) { o.Buyer = buyer })
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		m.advance(time.Second)
		m.wantState("b1", want)
	}
}

func TestLateBuyersAreTold(t *testing.T) {
	m := newMerchant(t)
	m.authorized("b1", "GCASH")
	if _, err := m.simulator.BuyerAgrees("b1", ""); !errors.Is(err, ErrConsentClosed) {
		t.Errorf("agreeing twice: %v", err)
	}
	if err := m.simulator.BuyerRefuses("b1"); !errors.Is(err, ErrConsentClosed) {
		t.Errorf("refusing after agreeing: %v", err)
	}
	if err := m.simulator.BuyerCancels("b1", ""); err != nil {
		t.Error(err)
	}
	if err := m.simulator.BuyerCancels("b1", ""); !errors.Is(err, ErrConsentClosed) {
		t.Errorf("cancelling twice: %v", err)
	}
	if err := m.simulator.BuyerCancels("nothing", ""); err == nil || errors.Is(err, ErrConsentClosed) {
		t.Errorf("cancelling nothing: %v", err)
	}
}
