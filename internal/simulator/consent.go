package simulator

import (
	"fmt"
	"net/url"
	"slices"
)

const agreementScope = "AGREEMENT_PAY"

// scopes are those of ams/authconsult and, after them, those that the SDKs alone know.
var scopes = []string{"BASE_USER_INFO", "USER_INFO", agreementScope, "USER_LOGIN_ID", "HASH_LOGIN_ID", "SEND_OTP", "TAOBAO_REBIND"}

// authorizationConsult is ams/authconsult. authNotifyUrl, authMetaData, env and extendInfo are known to the SDKs
// alone: they are accepted and ignored.
var authorizationConsult = schema{
	text("customerBelongsTo", 64).needed(),
	link("authRedirectUrl", 1024).needed(),
	listOf("scopes", 4).needed(),
	text("authState", 256).needed(),
	oneOf("terminalType", "WEB", "WAP", "APP", "MINI_APP").needed(),
	oneOf("osType", "IOS", "ANDROID"),
	text("osVersion", 16), text("authClientId", 64), oneOf("merchantRegion", "US", "JP", "PK", "SG"), text("merchantAccountId", 64),
	flag("recurringPayment"),
	group("authMetaData", text("accountHolderName", 0), text("accountHolderCertNo", 0)), free("env"), link("authNotifyUrl", 0), free("extendInfo"),
}

// consultAuthorization is authorizations/consult: where to send a buyer who is to consent.
//
// It has no idempotency id. Every consult gives a new address; all addresses of one authState lead to one consent,
// which is given once. An authState whose consent has ended is refused: the page asks for a fresh one.
func (s *Simulator) consultAuthorization(c *call) answer {
	if bad := authorizationConsult.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	if bad := checkConsult(c.body); bad != nil {
		return bad.answer()
	}
	name := c.body.text("customerBelongsTo")
	if _, known := s.wallet(name); !known {
		return failure("NO_PAY_OPTIONS")
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	key := requestKey{c.clientID, c.body.text("authState")}
	a := s.consents.byState[key]
	if a == nil {
		a = &authorization{Authorization: Authorization{
			AuthorizationID: s.newID("1940108021001"), AuthState: key.requestID, ClientID: c.clientID, CustomerBelongsTo: name,
			Debits: DebitPays, CreatedAt: c.now,
		}}
		s.consents.all = append(s.consents.all, a)
		s.consents.byID[a.AuthorizationID], s.consents.byState[key] = a, a
	}
	switch state := a.state(c.now); {
	case a.CustomerBelongsTo != name:
		return illegal("authState", "names a consent in another wallet").answer()
	case state == AuthorizationAwaitsBuyer, state == AuthorizationRefused:
		a.refused = false
		a.Scopes, a.redirectURL, a.authClientID = texts(c.body["scopes"]), c.body.text("authRedirectUrl"), c.body.text("authClientId")
		a.terminal, a.os = c.body.text("terminalType"), c.body.text("osType")
		s.sendAutomaticConsent(a)
	case state != AuthorizationAgreed && state != AuthorizationActive && state != AuthorizationLapsed:
		return illegal("authState", "names a consent that is "+state+": a new consult needs a fresh one").answer()
	}
	a.Consults++
	return success(s.consentLinks(a, c.base))
}

// checkConsult applies what depends on more than one field of ams/authconsult.
func checkConsult(body object) *refusal {
	given := texts(body["scopes"])
	if len(given) == 0 {
		return illegal("scopes", "is empty")
	}
	for i, scope := range given {
		if !slices.Contains(scopes, scope) {
			return illegal(fmt.Sprintf("scopes[%d]", i), "is not a known scope")
		}
	}
	if body.text("terminalType") != "WEB" && body.text("osType") == "" {
		return illegal("osType", "is required for terminal type "+body.text("terminalType"))
	}
	if body["recurringPayment"] != nil && body.text("customerBelongsTo") != "PAYPAY" {
		return illegal("recurringPayment", "is for PAYPAY only")
	}
	return nil
}

// consentLinks makes a new address of the page (ams/authconsult, answer).
func (s *Simulator) consentLinks(a *authorization, base string) map[string]any {
	code := s.newCode()
	s.consents.byPage[code] = a
	a.NormalURL = base + "/consent/" + code
	links := map[string]any{"normalUrl": a.NormalURL}
	if a.terminal == "APP" || a.terminal == "WAP" {
		links["applinkUrl"] = a.NormalURL
		links["appIdentifier"] = "simulator.wallet"
	}
	if a.terminal == "APP" {
		links["schemeUrl"] = "simulator-wallet://consent?c=" + code
	}
	if a.terminal == "WEB" && (a.CustomerBelongsTo == "ALIPAY_CN" || a.CustomerBelongsTo == "ALIPAY_HK") {
		links["authCodeForm"] = map[string]any{"codeDetails": []any{
			map[string]any{"codeValue": a.NormalURL, "displayType": "TEXT", "codeValueType": "QRCODE"}}}
	}
	return links
}

// sendAutomaticConsent does what Options.Buyer says, a second later: pay agrees, decline refuses. No browser returns
// to the shop, so the code comes by notification alone.
func (s *Simulator) sendAutomaticConsent(a *authorization) {
	if s.options.Buyer != BuyerPay && s.options.Buyer != BuyerDecline {
		return
	}
	s.clock.at(s.clock.now().Add(buyerDelay), func() {
		if a.state(s.clock.now()) != AuthorizationAwaitsBuyer {
			return // somebody was quicker
		}
		if s.options.Buyer == BuyerDecline {
			a.refused = true
			return
		}
		s.agree(a, "")
	})
}

// BuyerAgrees consents and returns the address to which the wallet sends the browser: authRedirectUrl with authCode and
// authState. The buyer is a name for wallets in which one buyer has one live token; when empty, a buyer of their own.
// Once given, refused or ended, it returns ErrConsentClosed.
func (s *Simulator) BuyerAgrees(id, buyer string) (string, error) {
	s.enter()
	defer s.mu.Unlock()
	a, err := s.openConsent(id)
	if err != nil {
		return "", err
	}
	return s.agree(a, buyer), nil
}

// BuyerRefuses consents to nothing. Nobody is told: there is no notification of a refusal (ams/notifyauth).
func (s *Simulator) BuyerRefuses(id string) error {
	s.enter()
	defer s.mu.Unlock()
	a, err := s.openConsent(id)
	if err != nil {
		return err
	}
	a.refused = true
	return nil
}

func (s *Simulator) openConsent(id string) (*authorization, error) {
	a, err := s.authorizationOf(id)
	if err != nil {
		return nil, err
	}
	if state := a.state(s.clock.now()); state != AuthorizationAwaitsBuyer {
		return nil, fmt.Errorf("authorization %s is %s: %w", id, state, ErrConsentClosed)
	}
	return a, nil
}

// agree makes the auth code, or in a wallet without codes the token.
func (s *Simulator) agree(a *authorization, buyer string) string {
	a.AgreedAt = s.clock.now()
	if a.Buyer = buyer; buyer == "" {
		a.Buyer = a.AuthorizationID
	}
	if w, _ := s.wallet(a.CustomerBelongsTo); w.WithoutCode {
		s.announceToken(s.issue(a, nil))
		return withQuery(a.redirectURL, query("authState", a.AuthState))
	}
	a.AuthCode, a.CodeExpiresAt = "2810C"+s.newCode(), a.AgreedAt.Add(authCodeLife)
	s.consents.byCode[a.AuthCode] = a
	s.notifyAuthorization(a, "AUTHCODE_CREATED", map[string]any{"authState": a.AuthState, "authCode": a.AuthCode})
	return withQuery(a.redirectURL, query("authCode", a.AuthCode)+"&"+query("authState", a.AuthState))
}

// withQuery adds to the query that an address has and leaves the rest as it is written.
func withQuery(address, added string) string {
	u, err := url.Parse(address)
	if err != nil { // linkKind has parsed it before
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += added
	return u.String()
}

func query(name, value string) string { return name + "=" + url.QueryEscape(value) }
