package simulator

import (
	"net/url"
	"testing"
	"time"
)

// consultFor is a good consult; edit may change it.
func consultFor(state, wallet string, edit ...func(map[string]any)) map[string]any {
	fields := map[string]any{
		"customerBelongsTo": wallet, "authRedirectUrl": "https://shop.example/return?shop=1", "scopes": []string{"AGREEMENT_PAY"},
		"authState": state, "terminalType": "WEB",
	}
	for _, e := range edit {
		e(fields)
	}
	return fields
}

func codeOf(wallet, code string) map[string]any {
	return map[string]any{"grantType": "AUTHORIZATION_CODE", "customerBelongsTo": wallet, "authCode": code}
}

func refreshOf(wallet, token string) map[string]any {
	return map[string]any{"grantType": "REFRESH_TOKEN", "customerBelongsTo": wallet, "refreshToken": token}
}

func revokeOf(token string) map[string]any { return map[string]any{"accessToken": token} }

// agrees lets the buyer agree and returns the code that the wallet hands to the browser.
func (m *merchant) agrees(state string) string {
	m.t.Helper()
	return m.agreesAs(state, "")
}

func (m *merchant) agreesAs(state, buyer string) string {
	m.t.Helper()
	redirect, err := m.simulator.BuyerAgrees(state, buyer)
	if err != nil {
		m.t.Fatal(err)
	}
	u, err := url.Parse(redirect)
	if err != nil {
		m.t.Fatal(err)
	}
	if got := u.Query().Get("authState"); got != state {
		m.t.Fatalf("authState = %q, want %q", got, state)
	}
	return u.Query().Get("authCode")
}

// authorized consults, lets the buyer agree and exchanges the code.
func (m *merchant) authorized(state, wallet string) reply {
	m.t.Helper()
	m.want("S SUCCESS", "consultAuthorization", consultFor(state, wallet))
	return m.want("S SUCCESS", "applyToken", codeOf(wallet, m.agrees(state)))
}

// authorization is what the ledger says.
func (m *merchant) authorization(state string) Authorization {
	m.t.Helper()
	a, known := m.simulator.Ledger().Authorization(state)
	if !known {
		m.t.Fatalf("the ledger has no authorization %s", state)
	}
	return a
}

func (m *merchant) wantState(state, want string) {
	m.t.Helper()
	if got := m.authorization(state).State; got != want {
		m.t.Errorf("authorization %s is %s, want %s", state, got, want)
	}
}

// debitOf charges a token in its wallet.
func debitOf(id, wallet, token, currency, value string) map[string]any {
	fields := debit(id, token, value)
	fields["paymentAmount"] = sum(currency, value)
	fields["paymentMethod"] = map[string]any{"paymentMethodType": wallet, "paymentMethodId": token}
	return fields
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func walletRow(t *testing.T, name string, change func(*Wallet)) func(*Options) {
	t.Helper()
	w, known := BuiltinWallet(name)
	if !known {
		t.Fatalf("no wallet %s", name)
	}
	change(&w)
	return func(o *Options) { o.Wallets = map[string]Wallet{name: w} }
}
