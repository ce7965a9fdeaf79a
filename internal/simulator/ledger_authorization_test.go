package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestBrokenRulesOfConsentsAreFound(t *testing.T) {
	now := testStart
	good := func(change func(*Authorization)) Ledger {
		a := Authorization{AuthorizationID: "a1", AgreedAt: now, Tokens: []Token{{ExpiresAt: now.Add(time.Hour)}},
			Exchanges: []Exchange{{GrantType: codeGrant, ResultCode: "SUCCESS"}, {GrantType: codeGrant, ResultCode: "INVALID_AUTHCODE"}}}
		change(&a)
		return Ledger{Now: now, Authorizations: []Authorization{a}}
	}
	live := Token{ExpiresAt: now.Add(time.Hour)}
	tests := []struct {
		name   string
		change func(*Authorization)
		want   string
	}{
		{"a sound consent", func(*Authorization) {}, ""},
		{"an expired token beside a live one", func(a *Authorization) {
			a.Tokens = append(a.Tokens, Token{ExpiresAt: now})
			a.Exchanges = append(a.Exchanges, Exchange{GrantType: refreshGrant, ResultCode: "SUCCESS"})
		}, ""},
		{"two exchanges of one code", func(a *Authorization) { a.Exchanges[1].ResultCode = "SUCCESS" }, "exchanged more than once"},
		{"two live tokens", func(a *Authorization) { a.Tokens = append(a.Tokens, live) }, "more than one live token"},
		{"a token that lives after the end", func(a *Authorization) { a.EndedAt = now }, "ended and has a live token"},
		{"a token without a consent", func(a *Authorization) { a.AgreedAt = time.Time{} }, "no consent"},
		{"a token from nowhere", func(a *Authorization) { a.Tokens = append(a.Tokens, Token{ExpiresAt: now}) }, "nothing made"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := good(test.change).Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}

func TestExchangesAtTheSameTimeAreSeen(t *testing.T) {
	m := newMerchant(t)
	m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "GCASH"))
	body, err := json.Marshal(codeOf("GCASH", m.agrees("b1")))
	if err != nil {
		t.Fatal(err)
	}
	send := func() { // whatever the answer: the ledger tells
		_, _ = m.try(m.request(m.path("applyToken"), body))
	}
	m.inject(Fault{Kind: DropResponse, Path: "applyToken"})
	send()
	send()
	if a := m.authorization("b1"); a.Overlaps() != 0 || a.CodeAttempts() != 2 {
		t.Errorf("one after the other: %+v", a.Exchanges)
	}
	m.inject(Fault{Kind: Delay, Path: "applyToken", Delay: time.Minute})
	request := m.request(m.path("applyToken"), body)
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		if response, err := m.server.Client().Do(request); err == nil {
			response.Body.Close()
		}
	}()
	for m.authorization("b1").CodeAttempts() < 3 { // it acts, then waits
		runtime.Gosched()
	}
	send()
	if a := m.authorization("b1"); a.Overlaps() != 1 || a.CodeAttempts() != 4 || a.CodeExchanges() != 1 {
		t.Errorf("at the same time: %+v", a.Exchanges)
	}
	m.server.CloseClientConnections()
	<-arrived
}

func TestControlOfAuthorizations(t *testing.T) {
	m := newMerchant(t)
	in := newInbox(t)
	server := httptest.NewServer(m.simulator.ControlHandler())
	t.Cleanup(server.Close)
	control := func(method, path, body string, wantStatus int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != wantStatus {
			t.Fatalf("%s %s: status %d, want %d: %s", method, path, response.StatusCode, wantStatus, text)
		}
		return string(text)
	}
	control("PUT", "/clients/SANDBOX_5Y1/notify-url", `{"url":"`+in.url()+`"}`, 204)
	control("PUT", "/clients/SANDBOX_5Y1/notify-url", `{"url":"shop://x"}`, 400)
	control("PUT", "/clients/stranger/notify-url", `{"url":"`+in.url()+`"}`, 400)

	m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "BOOST"))
	control("POST", "/authorizations/b1/steal", "", 404)
	control("POST", "/authorizations/other/agree", "", 400)
	control("POST", "/authorizations/b1/refuse", "", 204)
	control("POST", "/authorizations/b1/agree", "", 409)
	m.want("S SUCCESS", "consultAuthorization", consultFor("b1", "BOOST"))
	var agreed struct {
		RedirectURL string `json:"redirectUrl"`
	}
	if err := json.Unmarshal([]byte(control("POST", "/authorizations/b1/agree", `{"buyer":"ada"}`, 200)), &agreed); err != nil {
		t.Fatal(err)
	}
	a := m.authorization("b1")
	if !strings.Contains(agreed.RedirectURL, "authCode="+a.AuthCode+"&authState=b1") || a.Buyer != "ada" {
		t.Errorf("redirect %s, authorization %+v", agreed.RedirectURL, a)
	}
	token := m.want("S SUCCESS", "applyToken", codeOf("BOOST", a.AuthCode)).text("accessToken")
	control("POST", "/authorizations/b1/debits", `{"behaviour":"poor"}`, 204)
	control("POST", "/authorizations/b1/debits", `{"behaviour":"rich"}`, 400)
	m.want("F USER_BALANCE_NOT_ENOUGH", "pay", debitOf("p1", "BOOST", token, "MYR", "1000"))
	control("POST", "/authorizations/b1/cancel", `{"reason":"moved"}`, 204)
	control("POST", "/authorizations/b1/cancel", "", 409)
	control("POST", "/clock", `{"advance":"10s"}`, 200)
	last := in.all()[len(in.all())-1].body
	if last["authorizationNotifyType"] != "TOKEN_CANCELED" || last["reason"] != "moved" {
		t.Errorf("notification = %v", last)
	}

	var l Ledger
	if err := json.Unmarshal([]byte(control("GET", "/ledger", "", 200)), &l); err != nil {
		t.Fatal(err)
	}
	read, known := l.Authorization(a.AuthorizationID)
	if !known || read.State != AuthorizationCanceled || read.Tokens[0].AccessToken != token || l.HighestRate("SANDBOX_5Y1") == 0 {
		t.Errorf("ledger = %+v, rates %+v", read, l.Rates)
	}
	if table := control("GET", "/ledger?format=table", "", 200); !strings.Contains(table, "Authorizations: 1") ||
		!strings.Contains(table, AuthorizationCanceled) || strings.Contains(table, token) {
		t.Errorf("table:\n%s", table)
	}
}
