package simulator

import (
	"encoding/json"
	"testing"
	"time"
)

func TestAuthCode(t *testing.T) {
	agreed := func(t *testing.T) (*merchant, string) {
		m := newMerchant(t)
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		return m, m.agrees("b1")
	}
	t.Run("it gives a pair of tokens with their ends", func(t *testing.T) {
		m, code := agreed(t)
		answer := m.want("S SUCCESS", "applyToken", codeOf("GCASH", code))
		if answer.text("accessToken") == "" || answer.text("refreshToken") == "" || answer.text("userLoginId") == "" ||
			answer.text("accessTokenExpiryTime") != wireTime(testStart.Add(days(180))) ||
			answer.text("refreshTokenExpiryTime") != wireTime(testStart.Add(days(365))) {
			t.Errorf("answer = %v", answer.body)
		}
		m.wantState("b1", AuthorizationActive)
	})
	t.Run("it works once", func(t *testing.T) {
		m, code := agreed(t)
		m.want("S SUCCESS", "applyToken", codeOf("GCASH", code))
		m.want("F INVALID_AUTHCODE", "applyToken", codeOf("GCASH", code))
		a := m.authorization("b1")
		if a.CodeExchanges() != 1 || a.CodeAttempts() != 2 || m.simulator.Ledger().LiveTokens(m.clientID) != 1 {
			t.Errorf("authorization = %+v", a)
		}
	})
	t.Run("it works for ten minutes", func(t *testing.T) {
		m, code := agreed(t)
		m.advance(authCodeLife - time.Second)
		m.wantState("b1", AuthorizationAgreed)
		m.advance(time.Second)
		m.wantState("b1", AuthorizationExpired)
		m.want("F AUTH_CODE_EXPIRED", "applyToken", codeOf("GCASH", code))
	})
	t.Run("it works in its last second", func(t *testing.T) {
		m, code := agreed(t)
		m.advance(authCodeLife - time.Second)
		m.want("S SUCCESS", "applyToken", codeOf("GCASH", code))
	})
	t.Run("it works in its wallet alone", func(t *testing.T) {
		m, code := agreed(t)
		m.want("F INVALID_AUTHCODE", "applyToken", codeOf("DANA", code))
		m.want("S SUCCESS", "applyToken", codeOf("GCASH", code))
	})
	t.Run("it is worthless after the buyer cancelled, and nothing is announced", func(t *testing.T) {
		m, code := agreed(t)
		if err := m.simulator.BuyerCancels("b1", ""); err != nil {
			t.Fatal(err)
		}
		m.want("F INVALID_AUTHCODE", "applyToken", codeOf("GCASH", code))
	})
	t.Run("its refusals are the wallet's", func(t *testing.T) {
		m := newMerchant(t, walletRow(t, "GCASH", func(w *Wallet) { w.CodeRefusal, w.RefreshRefusal = "OAUTH_FAILED", "PROCESS_FAIL" }))
		m.want("F OAUTH_FAILED", "applyToken", codeOf("GCASH", "guess"))
		m.want("F PROCESS_FAIL", "applyToken", refreshOf("GCASH", "guess"))
	})
}

func TestApplyTokenFields(t *testing.T) {
	m := newMerchant(t)
	for name, fields := range map[string]map[string]any{
		"no grant type":                   {"customerBelongsTo": "GCASH", "authCode": "c"},
		"an unknown grant type":           {"grantType": "PASSWORD", "customerBelongsTo": "GCASH", "authCode": "c"},
		"no wallet":                       {"grantType": "AUTHORIZATION_CODE", "authCode": "c"},
		"no code":                         {"grantType": "AUTHORIZATION_CODE", "customerBelongsTo": "GCASH"},
		"an empty code":                   codeOf("GCASH", ""),
		"no refresh token":                {"grantType": "REFRESH_TOKEN", "customerBelongsTo": "GCASH"},
		"a refresh token beside the code": {"grantType": "AUTHORIZATION_CODE", "customerBelongsTo": "GCASH", "authCode": "c", "refreshToken": "r"},
		"a code beside the refresh token": {"grantType": "REFRESH_TOKEN", "customerBelongsTo": "GCASH", "authCode": "c", "refreshToken": "r"},
		"an unknown field":                {"grantType": "REFRESH_TOKEN", "customerBelongsTo": "GCASH", "refreshToken": "r", "scope": "x"},
	} {
		if got := m.call("applyToken", fields).outcome(); got != "F PARAM_ILLEGAL" {
			t.Errorf("%s: outcome = %s", name, got)
		}
	}
	m.want("F PARAM_ILLEGAL", "revoke", map[string]any{})
}

func TestRefresh(t *testing.T) {
	t.Run("a new pair replaces the former, whose access token ends at once", func(t *testing.T) {
		m := newMerchant(t)
		first := m.authorized("b1", "GCASH")
		m.advance(days(100))
		second := m.want("S SUCCESS", "applyToken", refreshOf("GCASH", first.text("refreshToken")))
		if second.text("accessToken") == first.text("accessToken") || second.text("refreshToken") == first.text("refreshToken") ||
			second.text("accessTokenExpiryTime") != wireTime(testStart.Add(days(280))) {
			t.Errorf("answer = %v", second.body)
		}
		m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p1", "GCASH", first.text("accessToken"), "PHP", "49900"))
		m.want("S SUCCESS", "pay", debitOf("p2", "GCASH", second.text("accessToken"), "PHP", "49900"))
		if a := m.authorization("b1"); a.Refreshes() != 1 || a.DeadDebits() != 1 || a.Tokens[0].EndReason != tokenRefreshed {
			t.Errorf("authorization = %+v", a)
		}
	})
	t.Run("a repeat answers the same pair until that is used", func(t *testing.T) {
		for _, use := range []string{"debit", "refresh"} {
			m := newMerchant(t)
			first := m.authorized("b1", "GCASH").text("refreshToken")
			second := m.want("S SUCCESS", "applyToken", refreshOf("GCASH", first))
			again := m.want("S SUCCESS", "applyToken", refreshOf("GCASH", first))
			if again.text("accessToken") != second.text("accessToken") || again.text("refreshToken") != second.text("refreshToken") {
				t.Errorf("second %v, again %v", second.body, again.body)
			}
			if use == "debit" {
				m.want("S SUCCESS", "pay", debitOf("p1", "GCASH", second.text("accessToken"), "PHP", "49900"))
			} else {
				m.want("S SUCCESS", "applyToken", refreshOf("GCASH", second.text("refreshToken")))
			}
			m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("GCASH", first))
		}
	})
	t.Run("a strict wallet forgets the former refresh token at once", func(t *testing.T) {
		m := newMerchant(t, walletRow(t, "GCASH", func(w *Wallet) { w.Refresh = RefreshReplacedAtOnce }))
		first := m.authorized("b1", "GCASH").text("refreshToken")
		second := m.want("S SUCCESS", "applyToken", refreshOf("GCASH", first)).text("refreshToken")
		m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("GCASH", first))
		m.want("S SUCCESS", "applyToken", refreshOf("GCASH", second))
	})
	t.Run("a wallet may keep the refresh token, which is then not answered and ends when it said", func(t *testing.T) {
		m := newMerchant(t)
		refresh := m.authorized("b1", "DANA").text("refreshToken")
		for range 3 {
			m.advance(days(100))
			if answer := m.want("S SUCCESS", "applyToken", refreshOf("DANA", refresh)); answer.text("refreshToken") != "" {
				t.Errorf("answer = %v", answer.body)
			}
		}
		m.advance(days(65))
		m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("DANA", refresh))
	})
	t.Run("a wallet may have none, and its access token lives for years", func(t *testing.T) {
		m := newMerchant(t)
		answer := m.authorized("b1", "DIRECT_DEBIT_KRUNGTHAIBANK")
		if answer.body["refreshToken"] != nil || answer.body["refreshTokenExpiryTime"] != nil {
			t.Errorf("answer = %v", answer.body)
		}
		m.advance(days(3649))
		m.wantState("b1", AuthorizationActive)
		m.advance(days(1))
		m.wantState("b1", AuthorizationExpired)
	})
	t.Run("an expired access token can be refreshed until the refresh token expires", func(t *testing.T) {
		m := newMerchant(t)
		first := m.authorized("b1", "GCASH")
		m.advance(days(180) - time.Second)
		m.wantState("b1", AuthorizationActive)
		m.advance(time.Second)
		m.wantState("b1", AuthorizationLapsed)
		m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p1", "GCASH", first.text("accessToken"), "PHP", "49900"))
		second := m.want("S SUCCESS", "applyToken", refreshOf("GCASH", first.text("refreshToken")))
		m.want("S SUCCESS", "pay", debitOf("p2", "GCASH", second.text("accessToken"), "PHP", "49900"))
		m.advance(days(365))
		m.wantState("b1", AuthorizationExpired)
		m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("GCASH", second.text("refreshToken")))
	})
	t.Run("a refresh token belongs to its wallet and its merchant", func(t *testing.T) {
		m := newMerchant(t)
		refresh := m.authorized("b1", "GCASH").text("refreshToken")
		m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("MAYA", refresh))
		m.clientID, m.key = "5Y2", otherKey()
		m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("GCASH", refresh))
	})
}

func TestRevocation(t *testing.T) {
	t.Run("the merchant's ends both tokens, and is announced in every wallet", func(t *testing.T) {
		in := newInbox(t)
		m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
		first := m.authorized("b1", "ZALOPAY") // which does not announce the buyer's
		m.want("S SUCCESS", "revoke", revokeOf(first.text("accessToken")))
		m.wantState("b1", AuthorizationRevoked)
		m.want("F INVALID_ACCESS_TOKEN", "revoke", revokeOf(first.text("accessToken")))
		m.want("F INVALID_ACCESS_TOKEN", "applyToken", refreshOf("ZALOPAY", first.text("refreshToken")))
		m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p1", "ZALOPAY", first.text("accessToken"), "VND", "50000"))
		m.advance(3 * time.Second)
		got := in.all()
		if last := got[len(got)-1]; !last.verified || last.body["authorizationNotifyType"] != "TOKEN_CANCELED" || last.body["accessToken"] != first.text("accessToken") {
			t.Errorf("notification = %+v", last)
		}
	})
	t.Run("the buyer's is announced by some wallets alone", func(t *testing.T) {
		for wallet, want := range map[string]bool{"BOOST": true, "ALIPAY_CN": true, "TNG": true, "GCASH": false, "ZALOPAY": false} {
			in := newInbox(t)
			m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
			token := m.authorized("b1", wallet).text("accessToken")
			if err := m.simulator.BuyerCancels("b1", ""); err != nil {
				t.Fatal(err)
			}
			m.advance(time.Hour)
			announced := false
			for _, n := range in.all() {
				announced = announced || n.body["authorizationNotifyType"] == "TOKEN_CANCELED"
			}
			if announced != want {
				t.Errorf("%s: announced = %t, want %t", wallet, announced, want)
			}
			m.want("F INVALID_ACCESS_TOKEN", "revoke", revokeOf(token))
		}
	})
	t.Run("a token of another merchant, one that was refreshed and one that expired are not known", func(t *testing.T) {
		m := newMerchant(t)
		first := m.authorized("b1", "GCASH")
		other := *m
		other.clientID, other.key = "5Y2", otherKey()
		other.want("F INVALID_ACCESS_TOKEN", "revoke", revokeOf(first.text("accessToken")))
		second := m.want("S SUCCESS", "applyToken", refreshOf("GCASH", first.text("refreshToken")))
		m.want("F INVALID_ACCESS_TOKEN", "revoke", revokeOf(first.text("accessToken")))
		m.advance(days(180))
		m.want("F INVALID_ACCESS_TOKEN", "revoke", revokeOf(second.text("accessToken")))
		m.wantState("b1", AuthorizationLapsed)
	})
}

func TestWalletWithOneLiveTokenEndsTheEarlierAuthorizationSilently(t *testing.T) {
	in := newInbox(t)
	m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
	bind := func(state, wallet, buyer string) string {
		m.want("S SUCCESS", "consultAuthorization", consultFor(state, wallet))
		return m.want("S SUCCESS", "applyToken", codeOf(wallet, m.agreesAs(state, buyer))).text("accessToken")
	}
	first := bind("b1", "NAVERPAY", "ada")
	bind("b2", "NAVERPAY", "bob")
	m.want("S SUCCESS", "pay", debitOf("p1", "NAVERPAY", first, "KRW", "1000"))
	bind("b3", "NAVERPAY", "ada")
	m.wantState("b1", AuthorizationReplaced)
	m.wantState("b2", AuthorizationActive)
	m.wantState("b3", AuthorizationActive)
	m.want("F INVALID_ACCESS_TOKEN", "pay", debitOf("p2", "NAVERPAY", first, "KRW", "1000"))
	bind("b4", "MAYA", "ada")
	bind("b5", "MAYA", "ada")
	m.wantState("b4", AuthorizationActive)
	m.advance(time.Hour)
	for _, n := range in.all() {
		if n.body["authorizationNotifyType"] == "TOKEN_CANCELED" {
			t.Errorf("announced: %v", n.body)
		}
	}
}

func TestTokenMayBeAnnounced(t *testing.T) {
	t.Run("after the exchange, with no expiry time and no refresh token", func(t *testing.T) {
		in := newInbox(t)
		m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
		token := m.authorized("b1", "GCASH").text("accessToken")
		m.advance(3 * time.Second)
		got := in.all()[1].body
		if got["authorizationNotifyType"] != "TOKEN_CREATED" || got["accessToken"] != token || got["authState"] != "b1" ||
			got["accessTokenExpiryTime"] != nil || got["refreshToken"] != nil {
			t.Errorf("notification = %v", got)
		}
	})
	t.Run("in place of a code", func(t *testing.T) {
		in := newInbox(t)
		m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() }, walletRow(t, "BOOST", func(w *Wallet) { w.WithoutCode = true }))
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "BOOST"))
		if code := m.agrees("b1"); code != "" {
			t.Errorf("code = %q", code)
		}
		m.advance(3 * time.Second)
		got := in.all()
		if len(got) != 1 || got[0].body["authorizationNotifyType"] != "TOKEN_CREATED" {
			t.Fatalf("notifications = %+v", got)
		}
		m.want("S SUCCESS", "pay", debitOf("p1", "BOOST", got[0].body["accessToken"].(string), "MYR", "1000"))
	})
}

func TestFaultsOfAuthorizationCalls(t *testing.T) {
	lose := func(m *merchant, operation string, kind FaultKind, fields map[string]any) {
		m.t.Helper()
		m.inject(Fault{Kind: kind, Path: operation})
		body, err := json.Marshal(fields)
		if err != nil {
			m.t.Fatal(err)
		}
		if answer, err := m.try(m.request(m.path(operation), body)); err == nil && answer.signed && answer.outcome() == "S SUCCESS" {
			m.t.Fatalf("%s: %s was answered: %v", kind, operation, answer)
		}
	}
	acts := map[FaultKind]bool{
		DropRequest: false, ServerError: false, UnsignedFail: false, UnknownException: false, RateLimit: false,
		DropResponse: true, ServerErrorAfter: true, BadSignature: true, UnknownExceptionAfter: true,
	}
	for kind, acted := range acts {
		t.Run("exchange: "+string(kind), func(t *testing.T) {
			in := newInbox(t)
			m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
			m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
			code := m.agrees("b1")
			lose(m, "applyToken", kind, codeOf("GCASH", code))
			want := "S SUCCESS"
			if acted {
				want = "F INVALID_AUTHCODE"
			}
			m.want(want, "applyToken", codeOf("GCASH", code))
			m.advance(3 * time.Second)
			if types := len(in.all()); types != 2 { // the code, and the token that was made once
				t.Errorf("%d notifications", types)
			}
			if a := m.authorization("b1"); a.CodeExchanges() != 1 || len(a.Tokens) != 1 {
				t.Errorf("authorization = %+v", a)
			}
		})
		t.Run("refresh: "+string(kind), func(t *testing.T) {
			m := newMerchant(t)
			refresh := m.authorized("b1", "GCASH").text("refreshToken")
			lose(m, "applyToken", kind, refreshOf("GCASH", refresh))
			m.want("S SUCCESS", "applyToken", refreshOf("GCASH", refresh))
			if a := m.authorization("b1"); a.Refreshes() != 1 || len(a.Tokens) != 2 {
				t.Errorf("authorization = %+v", a)
			}
		})
		t.Run("revoke: "+string(kind), func(t *testing.T) {
			m := newMerchant(t)
			token := m.authorized("b1", "GCASH").text("accessToken")
			lose(m, "revoke", kind, revokeOf(token))
			want := "S SUCCESS"
			if acted {
				want = "F INVALID_ACCESS_TOKEN"
			}
			m.want(want, "revoke", revokeOf(token))
			m.wantState("b1", AuthorizationRevoked)
		})
		t.Run("consult: "+string(kind), func(t *testing.T) {
			m := newMerchant(t)
			lose(m, "consultAuthorization", kind, consultFor("b1", "GCASH"))
			m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
			if l := m.simulator.Ledger(); len(l.Authorizations) != 1 || l.Calls("consultAuthorization") != 2 || l.Calls("consult") != 0 {
				t.Errorf("calls = %v", l.APICalls)
			}
		})
	}
	t.Run("an exchange that arrives late consumes the code then", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		code := m.agrees("b1")
		lose(m, "applyToken", ActLater, codeOf("GCASH", code))
		m.wantState("b1", AuthorizationAgreed)
		m.advance(20 * time.Second)
		m.wantState("b1", AuthorizationActive)
		m.want("F INVALID_AUTHCODE", "applyToken", codeOf("GCASH", code))
	})
	t.Run("codes of the documents can be asked for, and leave the code unused", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		code := m.agrees("b1")
		m.inject(Fault{Kind: ResultCode, Path: "applyToken", Code: "AUTH_IN_PROCESS"})
		m.inject(Fault{Kind: ResultCode, Path: "applyToken", Code: "USER_STATUS_ABNORMAL"})
		m.want("U AUTH_IN_PROCESS", "applyToken", codeOf("GCASH", code))
		m.want("F USER_STATUS_ABNORMAL", "applyToken", codeOf("GCASH", code))
		answer := m.want("S SUCCESS", "applyToken", codeOf("GCASH", code))
		m.inject(Fault{Kind: ResultCode, Path: "revoke", Code: "PROCESS_FAIL"})
		m.want("F PROCESS_FAIL", "revoke", revokeOf(answer.text("accessToken")))
		m.inject(Fault{Kind: ResultCode, Path: "applyToken", Code: "RISK_REJECT"})
		m.want("F RISK_REJECT", "applyToken", refreshOf("GCASH", answer.text("refreshToken")))
		m.inject(Fault{Kind: ResultCode, Path: "consultAuthorization", Code: "PAYMENT_NOT_QUALIFIED"})
		m.want("F PAYMENT_NOT_QUALIFIED", "consultAuthorization", consultFor("b2", "GCASH"))
		m.wantState("b1", AuthorizationActive)
	})
	t.Run("a notification can be lost, named by the consent's state", func(t *testing.T) {
		in := newInbox(t)
		m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
		m.inject(Fault{Kind: Lose, Path: "notifyAuthorization", Target: "b1"})
		m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
		m.agrees("b1")
		m.advance(time.Minute)
		if n := len(in.all()); n != 0 {
			t.Errorf("%d notifications arrived", n)
		}
		m.advance(2 * time.Minute)
		if n := len(in.all()); n != 1 {
			t.Errorf("%d notifications arrived, want the second send", n)
		}
	})
}
