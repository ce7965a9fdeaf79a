package simulator

import (
	"crypto/rsa"
	"errors"
	"testing"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// client is the project's own.
func (m *merchant) client() *alipay.Client {
	m.t.Helper()
	transport := alipay.NewTransport()
	m.t.Cleanup(transport.CloseIdleConnections)
	c, err := alipay.New(alipay.Config{
		BaseURL: m.server.URL, ClientID: m.clientID, PrivateKey: m.key, AlipayPublicKeys: []*rsa.PublicKey{&gatewayKey().PublicKey},
	}, alipay.WithTransport(transport), alipay.WithClock(m.simulator.Now))
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// The client and the simulator were written from the same pages and not from each other.
func TestClientAuthorizesDebitsAndRevokes(t *testing.T) {
	in := newInbox(t)
	m := newMerchant(t, func(o *Options) { o.NotifyURL = in.url() })
	c := m.client()
	consulted, err := c.ConsultAuthorization(t.Context(), &alipay.ConsultAuthorizationRequest{
		CustomerBelongsTo: "GCASH", AuthRedirectURL: "https://shop.example/return", Scopes: []string{alipay.ScopeAgreementPay},
		AuthState: "b1", TerminalType: "WEB",
	})
	if err != nil || consulted.NormalURL == "" {
		t.Fatalf("consult: %+v, %v", consulted, err)
	}
	code := alipay.Credential(m.agrees("b1"))
	exchange := &alipay.ApplyTokenRequest{GrantType: alipay.GrantAuthorizationCode, CustomerBelongsTo: "GCASH", AuthCode: code}
	first, err := c.ApplyToken(t.Context(), exchange)
	if err != nil || !first.AccessTokenExpiryTime.Equal(testStart.Add(days(180))) {
		t.Fatalf("exchange: %+v, %v", first, err)
	}
	var rejected *alipay.RejectedError
	if _, err := c.ApplyToken(t.Context(), exchange); !errors.As(err, &rejected) || !rejected.Signed {
		t.Errorf("exchange again: %v", err)
	}
	second, err := c.ApplyToken(t.Context(), &alipay.ApplyTokenRequest{
		GrantType: alipay.GrantRefreshToken, CustomerBelongsTo: "GCASH", RefreshToken: first.RefreshToken,
	})
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	pay := func(id string, token alipay.Credential) error {
		php := alipay.Amount{Currency: "PHP", Value: "49900"}
		_, err := c.Pay(t.Context(), &alipay.PayRequest{
			ProductCode: alipay.ProductAgreementPayment, PaymentRequestID: id, PaymentAmount: php,
			Order:         &alipay.Order{ReferenceOrderID: "o-" + id, OrderDescription: "Plan", OrderAmount: php},
			PaymentMethod: alipay.PaymentMethod{PaymentMethodType: "GCASH", PaymentMethodID: token},
		})
		return err
	}
	if err := pay("p1", second.AccessToken); err != nil || m.simulator.Charges("p1") != 1 {
		t.Errorf("debit: %v, charges %d", err, m.simulator.Charges("p1"))
	}
	if _, err := c.RevokeToken(t.Context(), &alipay.RevokeTokenRequest{AccessToken: second.AccessToken}); err != nil {
		t.Errorf("revoke: %v", err)
	}
	if err := pay("p2", second.AccessToken); alipay.ResultCode(err) != alipay.CodeInvalidAccessToken {
		t.Errorf("debit after the end: %v", err)
	}
	m.advance(notifyDelay)
	want := map[string]alipay.AuthorizationNotification{
		alipay.NotifyAuthCodeCreated: {AuthState: "b1", AuthCode: code},
		alipay.NotifyTokenCreated:    {AuthState: "b1", AccessToken: first.AccessToken},
		alipay.NotifyTokenCanceled:   {AccessToken: second.AccessToken},
	}
	for _, n := range in.all() {
		if n.body["authorizationNotifyType"] == nil {
			continue // of the payment
		}
		got, err := alipay.ReadAuthorizationNotification(n.raw)
		if err != nil {
			t.Fatal(err)
		}
		expected := want[got.AuthorizationNotifyType]
		if got.AuthState != expected.AuthState || got.AuthCode != expected.AuthCode || got.AccessToken != expected.AccessToken {
			t.Errorf("%s is not as it was given", got.AuthorizationNotifyType)
		}
		delete(want, got.AuthorizationNotifyType)
	}
	if len(want) != 0 {
		t.Errorf("%d notifications are missing", len(want))
	}
}
