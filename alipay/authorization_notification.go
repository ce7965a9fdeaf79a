package alipay

import "fmt"

// Values of authorizationNotifyType. The gateway may add others. See docs.antom.com/ac/ams/notifyauth.
const (
	// NotifyAuthCodeCreated says that the buyer consented, and brings the code to exchange.
	NotifyAuthCodeCreated = "AUTHCODE_CREATED"
	// NotifyTokenCreated says that a token exists, and brings it, without its expiry time and without a refresh token.
	NotifyTokenCreated = "TOKEN_CREATED"
	// NotifyTokenCanceled says that an authorization ended, whether the merchant or the buyer ended it.
	NotifyTokenCanceled = "TOKEN_CANCELED"
)

// AuthorizationNotification is notifyAuthorization. The gateway sends it to the address in the dashboard alone, and
// only about successes: a buyer who refuses is not announced. See docs.antom.com/ac/ams/notifyauth.
type AuthorizationNotification struct {
	// AuthorizationNotifyType is one of the constants, or a word that the gateway added since.
	AuthorizationNotifyType string `json:"authorizationNotifyType"`
	// Result is always S.
	Result Result `json:"result"`
	// AuthState repeats the consult's. Given with AUTHCODE_CREATED and TOKEN_CREATED.
	AuthState string `json:"authState"`
	// AuthCode is what to exchange. Given with AUTHCODE_CREATED. A credential; at most 128 characters.
	AuthCode Credential `json:"authCode"`
	// AccessToken is given with TOKEN_CREATED and TOKEN_CANCELED. A credential; at most 128 characters.
	AccessToken Credential `json:"accessToken"`
	// AuthClientID repeats the consult's.
	AuthClientID string `json:"authClientId"`
	// Reason is why the buyer cancelled, in their own words, at most 256 characters. Given with TOKEN_CANCELED, if at all.
	Reason string `json:"reason"`
	// UserLoginID is the buyer's name in the wallet, at most 64 characters. Personal data.
	UserLoginID string `json:"userLoginId"`
	// UserID is the buyer's number in the wallet, at most 64 characters. Personal data.
	UserID string `json:"userId"`
}

// ReadAuthorizationNotification decodes notifyAuthorization. A notification of a known type without a field that
// belongs to it, or with another resultStatus than S, is an error, which never shows the body. A type that this
// package does not know is none.
func ReadAuthorizationNotification(body []byte) (*AuthorizationNotification, error) {
	notification, err := readNotification[AuthorizationNotification](body)
	if err != nil {
		return nil, err
	}
	if missing := notification.missing(); missing != "" {
		return nil, fmt.Errorf("reading the notification: %s has no %s",
			shown(notification.AuthorizationNotifyType), missing)
	}
	return notification, nil
}

// missing names a field that the notification's type must have.
func (n *AuthorizationNotification) missing() string {
	hasState, hasCode, hasToken := n.AuthState != "", n.AuthCode != "", n.AccessToken != ""
	switch n.AuthorizationNotifyType {
	case "":
		return "authorizationNotifyType"
	case NotifyAuthCodeCreated:
		hasToken = true
	case NotifyTokenCreated:
		hasCode = true
	case NotifyTokenCanceled:
		hasState, hasCode = true, true
	default:
		return ""
	}
	switch {
	case n.Result.ResultStatus != ResultStatusSuccess:
		return "resultStatus " + ResultStatusSuccess
	case !hasState:
		return "authState"
	case !hasCode:
		return "authCode"
	case !hasToken:
		return "accessToken"
	}
	return ""
}
