package alipay

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func consultForTest() *ConsultAuthorizationRequest {
	return &ConsultAuthorizationRequest{
		CustomerBelongsTo: "ALIPAY_HK", AuthRedirectURL: "https://shop.example.test/bind/return", Scopes: []string{ScopeAgreementPay},
		AuthState: "bind-7f3c0001", TerminalType: "WEB",
	}
}

func authorizationCases() []methodCase {
	no := false
	return []methodCase{
		{
			name: "authorization consult",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.ConsultAuthorization(ctx, consultForTest())
			},
			path: "/ams/api/v1/authorizations/consult",
			documented: `{"customerBelongsTo":"ALIPAY_HK","authRedirectUrl":"https://shop.example.test/bind/return","scopes":["AGREEMENT_PAY"],
 "authState":"bind-7f3c0001","terminalType":"WEB"}`,
			answer: successResult + `,"normalUrl":"https://wallet.example.test/authentication.htm?authId=A-0001"}`,
			want: &ConsultAuthorizationResponse{
				Answer: success(), NormalURL: "https://wallet.example.test/authentication.htm?authId=A-0001",
			},
		},
		{
			name: "authorization consult in an app",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.ConsultAuthorization(ctx, &ConsultAuthorizationRequest{
					CustomerBelongsTo: "PAYPAY", AuthClientID: "m-2", AuthRedirectURL: "shop://bound", AuthState: "bind-2",
					Scopes: []string{ScopeBaseUserInfo, ScopeUserInfo, ScopeAgreementPay}, TerminalType: "APP", OsType: "ANDROID",
					OsVersion: "15.0", RecurringPayment: &no, MerchantRegion: "JP", MerchantAccountID: "acc-1",
					AdditionalFields: map[string]any{"extendInfo": "x"},
				})
			},
			path: "/ams/api/v1/authorizations/consult",
			documented: `{"customerBelongsTo":"PAYPAY","authClientId":"m-2","authRedirectUrl":"shop://bound","authState":"bind-2",
 "scopes":["BASE_USER_INFO","USER_INFO","AGREEMENT_PAY"],"terminalType":"APP","osType":"ANDROID","osVersion":"15.0",
 "recurringPayment":false,"merchantRegion":"JP","merchantAccountId":"acc-1","extendInfo":"x"}`,
			answer: successResult + `,"schemeUrl":"wallet://a?c=1","applinkUrl":"https://wallet.example.test/a?c=1","appIdentifier":"wallet.app",
 "authUrl":"https://deprecated.example","authCodeForm":{"codeDetails":[{"codeValue":"https://w.example/1","displayType":"TEXT","codeValueType":"QRCODE"}]}}`,
			want: &ConsultAuthorizationResponse{
				Answer: success(), SchemeURL: "wallet://a?c=1", ApplinkURL: "https://wallet.example.test/a?c=1", AppIdentifier: "wallet.app",
				AuthCodeForm: &AuthCodeForm{CodeDetails: []CodeDetail{
					{CodeValue: "https://w.example/1", DisplayType: "TEXT", CodeValueType: "QRCODE"},
				}},
			},
		},
		{
			name: "applyToken by code",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.ApplyToken(ctx, &ApplyTokenRequest{
					GrantType: GrantAuthorizationCode, CustomerBelongsTo: "ALIPAY_HK", AuthCode: "tvcode0001",
				})
			},
			path:       "/ams/api/v1/authorizations/applyToken",
			documented: `{"grantType":"AUTHORIZATION_CODE","customerBelongsTo":"ALIPAY_HK","authCode":"tvcode0001"}`,
			answer: successResult + `,"accessToken":"28100000tvaccess0001","accessTokenExpiryTime":"2099-06-30T12:00:00+08:00",
 "refreshToken":"2810R000tvrefresh0001","refreshTokenExpiryTime":"2099-12-31T12:00:00+08:00","userLoginId":"852-6***0001",
 "pspCustomerInfo":{"pspName":"AlipayHK","pspCustomerId":"2160220000","displayCustomerId":"852-6***0001","displayCustomerName":"A"}}`,
			want: &ApplyTokenResponse{
				Answer: success(), AccessToken: "28100000tvaccess0001", AccessTokenExpiryTime: utc(2099, 6, 30, 4, 0, 0),
				RefreshToken: "2810R000tvrefresh0001", RefreshTokenExpiryTime: utc(2099, 12, 31, 4, 0, 0), UserLoginID: "852-6***0001",
				PspCustomerInfo: &PspCustomerInfo{PspName: "AlipayHK", PspCustomerID: "2160220000", DisplayCustomerID: "852-6***0001"},
			},
		},
		{
			name: "applyToken by refresh token",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.ApplyToken(ctx, &ApplyTokenRequest{
					GrantType: GrantRefreshToken, CustomerBelongsTo: "ALIPAY_HK", RefreshToken: "2810R000tvrefresh0001",
				})
			},
			path:       "/ams/api/v1/authorizations/applyToken",
			documented: `{"grantType":"REFRESH_TOKEN","customerBelongsTo":"ALIPAY_HK","refreshToken":"2810R000tvrefresh0001"}`,
			answer:     successResult + `,"accessToken":"28100000tvaccess0002","accessTokenExpiryTime":"2099-12-30T12:00:00+08:00"}`,
			want: &ApplyTokenResponse{
				Answer: success(), AccessToken: "28100000tvaccess0002", AccessTokenExpiryTime: utc(2099, 12, 30, 4, 0, 0),
			},
		},
		{
			name: "revoke",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.RevokeToken(ctx, &RevokeTokenRequest{AccessToken: "28100000tvaccess0001"})
			},
			path:       "/ams/api/v1/authorizations/revoke",
			documented: `{"accessToken":"28100000tvaccess0001"}`,
			answer:     successResult + `}`,
			want:       &RevokeTokenResponse{Answer: success()},
		},
	}
}

// incompleteAuthorizations are calls that must not be sent.
func incompleteAuthorizations(ctx context.Context, c *Client) map[string]func() error {
	consult := func(change func(*ConsultAuthorizationRequest)) func() error {
		request := consultForTest()
		change(request)
		return func() error { _, err := c.ConsultAuthorization(ctx, request); return err }
	}
	apply := func(request *ApplyTokenRequest) func() error {
		return func() error { _, err := c.ApplyToken(ctx, request); return err }
	}
	return map[string]func() error{
		"authorization consult nil":                  func() error { _, err := c.ConsultAuthorization(ctx, nil); return err },
		"authorization consult without its state":    consult(func(r *ConsultAuthorizationRequest) { r.AuthState = "" }),
		"authorization consult without its wallet":   consult(func(r *ConsultAuthorizationRequest) { r.CustomerBelongsTo = "" }),
		"authorization consult without the way back": consult(func(r *ConsultAuthorizationRequest) { r.AuthRedirectURL = "" }),
		"applyToken nil":                             apply(nil),
		"applyToken without a grant type":            apply(&ApplyTokenRequest{CustomerBelongsTo: "GCASH", AuthCode: "c"}),
		"applyToken with a grant of tomorrow":        apply(&ApplyTokenRequest{GrantType: "PASSWORD", CustomerBelongsTo: "GCASH", AuthCode: "c"}),
		"applyToken without its wallet":              apply(&ApplyTokenRequest{GrantType: GrantAuthorizationCode, AuthCode: "c"}),
		"applyToken by code without a code": apply(&ApplyTokenRequest{
			GrantType: GrantAuthorizationCode, CustomerBelongsTo: "GCASH"}),
		"applyToken by code with a refresh token": apply(&ApplyTokenRequest{
			GrantType: GrantAuthorizationCode, CustomerBelongsTo: "GCASH", RefreshToken: "r"}),
		"applyToken by refresh with a code": apply(&ApplyTokenRequest{
			GrantType: GrantRefreshToken, CustomerBelongsTo: "GCASH", AuthCode: "c"}),
		"applyToken with both": apply(&ApplyTokenRequest{
			GrantType: GrantRefreshToken, CustomerBelongsTo: "GCASH", AuthCode: "c", RefreshToken: "r"}),
		"revoke nil":             func() error { _, err := c.RevokeToken(ctx, nil); return err },
		"revoke without a token": func() error { _, err := c.RevokeToken(ctx, &RevokeTokenRequest{}); return err },
	}
}

func TestExchangeIsSettledByATokenOrARefusalAlone(t *testing.T) {
	tests := []struct {
		name, body string
		want       string
		wantCode   string
	}{
		{"a token settles it", successResult + `,"accessToken":"t"}`, "", ""},
		{"success without a token is unknown", successResult + `}`, "unknown", "SUCCESS"},
		{"in process, called unknown, is unknown", resultBody(CodeAuthInProcess, "U"), "unknown", CodeAuthInProcess},
		{"in process, called a failure, is unknown", resultBody(CodeAuthInProcess, "F"), "unknown", CodeAuthInProcess},
		{"in process, called a success, is unknown", resultBody(CodeAuthInProcess, "S"), "unknown", CodeAuthInProcess},
		{"a refusal of tomorrow is a refusal", resultBody("INVALID_AUTHCODE", "F"), "rejected", "INVALID_AUTHCODE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, always(answer{body: tt.body}))
			_, err := newClient(t, testConfig(t, g.URL)).ApplyToken(t.Context(), &ApplyTokenRequest{
				GrantType: GrantAuthorizationCode, CustomerBelongsTo: "GCASH", AuthCode: "code-1",
			})
			got := ""
			var unknown *UnknownOutcomeError
			var rejected *RejectedError
			switch {
			case errors.As(err, &unknown):
				got = "unknown"
			case errors.As(err, &rejected):
				got = "rejected"
			case err != nil:
				got = err.Error()
			}
			if got != tt.want || ResultCode(err) != tt.wantCode {
				t.Errorf("outcome, code = %q, %q; want %q, %q (%v)", got, ResultCode(err), tt.want, tt.wantCode, err)
			}
		})
	}
	t.Run("in process refuses every other call that says so", func(t *testing.T) {
		g := newGateway(t, always(answer{body: resultBody(CodeAuthInProcess, "F")}))
		_, err := newClient(t, testConfig(t, g.URL)).RevokeToken(t.Context(), &RevokeTokenRequest{AccessToken: "t"})
		var rejected *RejectedError
		if !errors.As(err, &rejected) {
			t.Errorf("error = %v, want a RejectedError", err)
		}
	})
}

// The gateway gives tokens once. What is said beside them must not cost them.
func TestTokensAreReadWhateverIsSaidBesideThem(t *testing.T) {
	for _, beside := range []string{
		`"accessTokenExpiryTime":"2099-06-30 12:00:00"`, `"accessTokenExpiryTime":{}`, `"refreshTokenExpiryTime":"never"`, `"userLoginId":8526`,
		`"pspCustomerInfo":"{\"pspName\":\"GCASH\"}"`, `"pspCustomerInfo":{"pspCustomerId":2160}`, `"pspCustomerInfo":[]`, `"extendInfo":{"a":1}`,
	} {
		t.Run(beside, func(t *testing.T) {
			g := newGateway(t, always(answer{body: successResult + `,"accessToken":"t","refreshToken":"r",` + beside + `}`}))
			got, err := newClient(t, testConfig(t, g.URL)).ApplyToken(t.Context(), &ApplyTokenRequest{
				GrantType: GrantAuthorizationCode, CustomerBelongsTo: "GCASH", AuthCode: "code-1",
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&ApplyTokenResponse{Answer: success(), AccessToken: "t", RefreshToken: "r"}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuthorizationNotificationIsDecoded(t *testing.T) {
	done := Result{ResultCode: "SUCCESS", ResultStatus: "S", ResultMessage: "success"}
	tests := map[string]AuthorizationNotification{
		"authorization-code": {
			AuthorizationNotifyType: NotifyAuthCodeCreated, Result: done, AuthState: "state-1", AuthCode: "code-1",
		},
		"authorization-token": {
			AuthorizationNotifyType: NotifyTokenCreated, Result: done, AuthState: "state-1", AccessToken: "28100000tvaccess0001", UserID: "2088000001",
		},
		"authorization-cancelled": {
			AuthorizationNotifyType: NotifyTokenCanceled, Result: done, AccessToken: "28100000tvaccess0001",
		},
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			got, err := ReadAuthorizationNotification(readExample(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	t.Run("a type of tomorrow is read", func(t *testing.T) {
		got, err := ReadAuthorizationNotification([]byte(`{"authorizationNotifyType":"TOKEN_RENEWED","accessToken":"t"}`))
		if err != nil || got.AuthorizationNotifyType != "TOKEN_RENEWED" || got.AccessToken != "t" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
