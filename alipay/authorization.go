package alipay

import (
	"context"
	"encoding/json"
	"errors"
)

// Values of [ConsultAuthorizationRequest.Scopes].
const (
	// ScopeBaseUserInfo asks for the buyer's number in the wallet.
	ScopeBaseUserInfo = "BASE_USER_INFO"
	// ScopeUserInfo asks for name and picture.
	ScopeUserInfo = "USER_INFO"
	// ScopeAgreementPay asks for automatic debits.
	ScopeAgreementPay = "AGREEMENT_PAY"
)

// Values of [ApplyTokenRequest.GrantType].
const (
	// GrantAuthorizationCode exchanges the code that the buyer's consent gave. A code works once.
	GrantAuthorizationCode = "AUTHORIZATION_CODE"
	// GrantRefreshToken exchanges a refresh token.
	GrantRefreshToken = "REFRESH_TOKEN"
)

// ConsultAuthorizationRequest asks where to send a buyer who is to consent to automatic debits.
// See docs.antom.com/ac/ams/authconsult.
type ConsultAuthorizationRequest struct {
	// CustomerBelongsTo is the wallet, for example "GCASH", at most 64 characters. Required.
	CustomerBelongsTo string `json:"customerBelongsTo"`
	// AuthClientID is the secondary merchant, for acquirers, at most 64 characters.
	AuthClientID string `json:"authClientId,omitempty"`
	// AuthRedirectURL is where the wallet sends the buyer back, with authCode and authState in the query; at most 1024
	// characters. Required.
	AuthRedirectURL string `json:"authRedirectUrl"`
	// Scopes is what the buyer consents to, at most 4. Required.
	Scopes []string `json:"scopes"`
	// AuthState names this consent, at most 256 characters. Required. It comes back with the code, and whoever can guess
	// it can pass a code of their own off as the buyer's: make it unguessable, and compare it on return.
	AuthState string `json:"authState"`
	// TerminalType is WEB, WAP, APP or MINI_APP. Required.
	TerminalType string `json:"terminalType"`
	// OsType is IOS or ANDROID. Required for other terminals than WEB.
	OsType string `json:"osType,omitempty"`
	// OsVersion is at most 16 characters.
	OsVersion string `json:"osVersion,omitempty"`
	// RecurringPayment says whether debits recur. For PAYPAY only.
	RecurringPayment *bool `json:"recurringPayment,omitempty"`
	// MerchantRegion is ISO 3166 alpha-2, for the GAGW product only.
	MerchantRegion string `json:"merchantRegion,omitempty"`
	// MerchantAccountID selects a location where one client id has several, at most 64 characters.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
	// AdditionalFields is merged into the body, objects deeply. A key that is already set is an error.
	AdditionalFields map[string]any `json:"-"`
}

func (r ConsultAuthorizationRequest) additionalFields() map[string]any { return r.AdditionalFields }

// ConsultAuthorizationResponse is where to send the buyer: it has one of the URLs at least, or a code to scan.
type ConsultAuthorizationResponse struct {
	Answer
	// NormalURL is a web page, at most 2048 characters.
	NormalURL string `json:"normalUrl,omitempty"`
	// SchemeURL opens the wallet's app by its own scheme.
	SchemeURL string `json:"schemeUrl,omitempty"`
	// ApplinkURL opens the app, or a web page where it is not installed.
	ApplinkURL string `json:"applinkUrl,omitempty"`
	// AppIdentifier is the Android package of the wallet.
	AppIdentifier string `json:"appIdentifier,omitempty"`
	// AuthCodeForm is the code to show the buyer, where the wallet can scan one.
	AuthCodeForm *AuthCodeForm `json:"authCodeForm,omitempty"`
}

// AuthCodeForm is a code (QR) that the buyer scans to consent. It holds no authorization code.
type AuthCodeForm struct {
	// CodeDetails has the forms of the code.
	CodeDetails []CodeDetail `json:"codeDetails"`
}

// ApplyTokenRequest exchanges an authorization code or a refresh token for tokens.
// See docs.antom.com/ac/ams/accesstokenapp.
type ApplyTokenRequest struct {
	// GrantType is AUTHORIZATION_CODE or REFRESH_TOKEN. Required.
	GrantType string `json:"grantType"`
	// CustomerBelongsTo is the wallet of the consult, at most 64 characters. Required.
	CustomerBelongsTo string `json:"customerBelongsTo"`
	// AuthCode is required for AUTHORIZATION_CODE, and refused otherwise. A credential; at most 128 characters. It works
	// once and for a short time, whose length is not documented.
	AuthCode Credential `json:"authCode,omitempty"`
	// RefreshToken is required for REFRESH_TOKEN, and refused otherwise: the newest that the gateway gave. A credential;
	// at most 128 characters.
	RefreshToken Credential `json:"refreshToken,omitempty"`
	// MerchantRegion is ISO 3166 alpha-2, for the GAGW product only.
	MerchantRegion string `json:"merchantRegion,omitempty"`
	// MerchantAccountID selects a location where one client id has several, at most 64 characters.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// ApplyTokenResponse is what to keep, all of it at once. It always has an access token.
type ApplyTokenResponse struct {
	Answer
	// AccessToken debits the buyer as [PaymentMethod.PaymentMethodID]. A credential; at most 128 characters.
	AccessToken Credential `json:"accessToken"`
	// AccessTokenExpiryTime is when it ceases to work; zero if that is not said, or in no form that [ParseTime] reads. How long tokens live differs
	// by wallet and is not documented.
	AccessTokenExpiryTime Time `json:"accessTokenExpiryTime,omitzero"`
	// RefreshToken is for the next exchange. A credential; at most 128 characters. Empty where the wallet has none: then
	// the access token lives very long. Empty in the answer to a refresh: the one that was sent stays the newest.
	RefreshToken Credential `json:"refreshToken,omitempty"`
	// RefreshTokenExpiryTime is when it ceases to work; zero as above.
	RefreshTokenExpiryTime Time `json:"refreshTokenExpiryTime,omitzero"`
	// UserLoginID is the buyer's name in the wallet, given for the scope AGREEMENT_PAY, at most 64 characters. Personal
	// data; Alipay+ wallets mask it.
	UserLoginID string `json:"userLoginId,omitempty"`
	// PspCustomerInfo is the buyer in the wallet's own words.
	PspCustomerInfo *PspCustomerInfo `json:"pspCustomerInfo,omitempty"`
}

// UnmarshalJSON leaves empty what is said beside the tokens in a form that is not documented: they are given once, and must not be lost with it.
func (a *ApplyTokenResponse) UnmarshalJSON(data []byte) error {
	var fields struct {
		Result                 Result                  `json:"result"`
		AccessToken            Credential              `json:"accessToken"`
		AccessTokenExpiryTime  loose[Time]             `json:"accessTokenExpiryTime"`
		RefreshToken           Credential              `json:"refreshToken"`
		RefreshTokenExpiryTime loose[Time]             `json:"refreshTokenExpiryTime"`
		UserLoginID            looseText               `json:"userLoginId"`
		PspCustomerInfo        loose[*PspCustomerInfo] `json:"pspCustomerInfo"`
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	*a = ApplyTokenResponse{
		Answer:      Answer{Result: fields.Result},
		AccessToken: fields.AccessToken, AccessTokenExpiryTime: fields.AccessTokenExpiryTime.value,
		RefreshToken: fields.RefreshToken, RefreshTokenExpiryTime: fields.RefreshTokenExpiryTime.value,
		UserLoginID: string(fields.UserLoginID), PspCustomerInfo: fields.PspCustomerInfo.value,
	}
	return nil
}

// PspCustomerInfo is the buyer as the wallet knows them. Personal data. Each field has at most 64 characters.
type PspCustomerInfo struct {
	// PspName is the wallet.
	PspName string `json:"pspName,omitempty"`
	// PspCustomerID is the buyer's number there.
	PspCustomerID string `json:"pspCustomerId,omitempty"`
	// DisplayCustomerID is the number in a form to show.
	DisplayCustomerID string `json:"displayCustomerId,omitempty"`
}

// RevokeTokenRequest ends an authorization. See docs.antom.com/ac/ams/authrevocation.
type RevokeTokenRequest struct {
	// AccessToken is the newest of the authorization. Required. A credential; at most 128 characters.
	AccessToken Credential `json:"accessToken"`
	// MerchantAccountID selects a location where one client id has several, at most 64 characters.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// RevokeTokenResponse says that neither the access token nor its refresh token works any more.
type RevokeTokenResponse struct {
	Answer
}

var (
	consultAuthorizationOperation = operation{path: "/authorizations/consult"}
	applyTokenOperation           = operation{path: "/authorizations/applyToken", undecided: CodeAuthInProcess}
	revokeTokenOperation          = operation{path: "/authorizations/revoke"}
)

// ConsultAuthorization asks where to send a buyer who is to consent. It may be repeated with the same request; each
// answer may have other URLs.
func (c *Client) ConsultAuthorization(ctx context.Context, request *ConsultAuthorizationRequest) (*ConsultAuthorizationResponse, error) {
	if request == nil {
		return nil, c.refuse(consultAuthorizationOperation, errNilRequest)
	}
	response := &ConsultAuthorizationResponse{}
	if err := c.call(ctx, consultAuthorizationOperation, request, response, []id{
		{name: "customerBelongsTo", sent: request.CustomerBelongsTo},
		{name: "authState", sent: request.AuthState},
		{name: "authRedirectUrl", sent: request.AuthRedirectURL},
	}); err != nil {
		return nil, err
	}
	return response, nil
}

// ApplyToken exchanges a code or a refresh token for tokens.
//
// There is no idempotency id: the first request that arrives consumes the code. After an [*UnknownOutcomeError]
// (among them [CodeAuthInProcess], whatever its resultStatus) the same request may be sent again; if that is refused,
// the first may have consumed the code, and its tokens are lost unless a notification [NotifyTokenCreated] brings
// them. The codes of a refusal are not documented: every [*RejectedError] that is signed means that this code or
// refresh token gives no token any more, or never did.
func (c *Client) ApplyToken(ctx context.Context, request *ApplyTokenRequest) (*ApplyTokenResponse, error) {
	if request == nil {
		return nil, c.refuse(applyTokenOperation, errNilRequest)
	}
	grant, err := request.grant()
	if err != nil {
		return nil, c.refuse(applyTokenOperation, err)
	}
	response := &ApplyTokenResponse{}
	if err := c.call(ctx, applyTokenOperation, request, response, []id{
		{name: "customerBelongsTo", sent: request.CustomerBelongsTo}, grant,
	}); err != nil {
		return nil, err
	}
	if response.AccessToken == "" {
		err := errors.New("the answer reports success and has no accessToken")
		return nil, &UnknownOutcomeError{Path: c.path(applyTokenOperation), Result: response.Result, Err: err}
	}
	return response, nil
}

// grant is what the request exchanges. It refuses a request that has both: it would show the gateway a credential
// that it does not need.
func (r *ApplyTokenRequest) grant() (id, error) {
	switch {
	case r.AuthCode != "" && r.RefreshToken != "":
		return id{}, errors.New("the request has both an authCode and a refreshToken")
	case r.GrantType == GrantAuthorizationCode:
		return id{name: "authCode", sent: string(r.AuthCode)}, nil
	case r.GrantType == GrantRefreshToken:
		return id{name: "refreshToken", sent: string(r.RefreshToken)}, nil
	}
	return id{}, errors.New("the request's grantType is neither AUTHORIZATION_CODE nor REFRESH_TOKEN")
}

// RevokeToken ends an authorization. It may be repeated: [CodeInvalidAccessToken], which comes as a [*RejectedError],
// means that the token expired or was revoked before, or was never known. A notification [NotifyTokenCanceled]
// follows.
func (c *Client) RevokeToken(ctx context.Context, request *RevokeTokenRequest) (*RevokeTokenResponse, error) {
	if request == nil {
		return nil, c.refuse(revokeTokenOperation, errNilRequest)
	}
	response := &RevokeTokenResponse{}
	if err := c.call(ctx, revokeTokenOperation, request, response, []id{
		{name: "accessToken", sent: string(request.AccessToken)},
	}); err != nil {
		return nil, err
	}
	return response, nil
}
