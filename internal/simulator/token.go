package simulator

import "time"

const (
	codeGrant    = "AUTHORIZATION_CODE"
	refreshGrant = "REFRESH_TOKEN"
)

// tokenRequest is ams/accesstokenapp.
var tokenRequest = schema{
	oneOf("grantType", codeGrant, refreshGrant).needed(),
	text("customerBelongsTo", 64).needed(),
	text("authCode", 128), text("refreshToken", 128),
	oneOf("merchantRegion", "US", "JP", "PK", "SG"), text("merchantAccountId", 64), free("extendInfo"),
}

// revokeRequest is ams/authrevocation.
var revokeRequest = schema{text("accessToken", 128).needed(), text("merchantAccountId", 64), free("extendInfo")}

// applyToken is authorizations/applyToken: it exchanges an auth code once, or a refresh token. What it is refused with
// is not documented, see Wallet.
func (s *Simulator) applyToken(c *call) answer {
	if bad := tokenRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	code, refresh := c.body.text("authCode"), c.body.text("refreshToken")
	if c.body.text("grantType") == codeGrant {
		if bad := checkGrant(codeGrant, "authCode", code, "refreshToken", refresh); bad != nil {
			return bad.answer()
		}
		return s.exchangeCode(c, s.consents.byCode[code])
	}
	if bad := checkGrant(refreshGrant, "refreshToken", refresh, "authCode", code); bad != nil {
		return bad.answer()
	}
	return s.exchangeRefresh(c, s.consents.byRefresh[refresh])
}

// checkGrant refuses the other grant's credential as well: the page gives it no meaning, and it should not travel.
func checkGrant(grant, needed, given, other, otherGiven string) *refusal {
	if given == "" {
		return illegal(needed, "is required for grantType "+grant)
	}
	if otherGiven != "" {
		return illegal(other, "does not belong to grantType "+grant)
	}
	return nil
}

func (s *Simulator) exchangeCode(c *call, a *authorization) answer {
	w, _ := s.wallet(c.body.text("customerBelongsTo"))
	if a == nil || a.ClientID != c.clientID || a.CustomerBelongsTo != c.body.text("customerBelongsTo") {
		return failure(w.refusedCode())
	}
	refusal := c.forced
	switch {
	case refusal != "":
	case len(a.tokens) > 0, a.ended != "":
		refusal = w.refusedCode()
	case !c.now.Before(a.CodeExpiresAt):
		refusal = w.refusedExpiredCode()
	}
	if refusal != "" {
		return a.exchanged(c, failure(refusal), false)
	}
	t := s.issue(a, nil)
	if w.AnnouncesToken {
		s.announceToken(t)
	}
	return a.exchanged(c, tokenAnswer(t, true), false)
}

func (s *Simulator) exchangeRefresh(c *call, t *token) answer {
	w, _ := s.wallet(c.body.text("customerBelongsTo"))
	if t == nil || t.of.ClientID != c.clientID || t.of.CustomerBelongsTo != c.body.text("customerBelongsTo") {
		return failure(w.refusedRefresh())
	}
	a := t.of
	again := t.next != nil && w.Refresh == RefreshReplaced && !t.next.used
	refusal := c.forced
	if refusal == "" && (a.ended != "" || !c.now.Before(t.RefreshExpiresAt) || t.next != nil && !again) {
		refusal = w.refusedRefresh()
	}
	if refusal != "" {
		return a.exchanged(c, failure(refusal), false)
	}
	if again {
		return a.exchanged(c, tokenAnswer(t.next, true), true)
	}
	return a.exchanged(c, tokenAnswer(s.issue(a, t), w.Refresh != RefreshKept), false)
}

// exchanged records an exchange and its answer.
func (a *authorization) exchanged(c *call, given answer, repeated bool) answer {
	a.Exchanges = append(a.Exchanges, Exchange{
		Time: c.now, GrantType: c.body.text("grantType"), ResultCode: given.code, Repeated: repeated, Overlapping: a.exchanging > 0,
	})
	a.exchanging++
	given.exchange = a
	return given
}

// issue makes the tokens of a consent, or those that follow former. The former access token ends at once: what becomes
// of it is not documented, and a client that still uses it is to be found.
func (s *Simulator) issue(a *authorization, former *token) *token {
	w, _ := s.wallet(a.CustomerBelongsTo)
	now := s.clock.now()
	t := &token{of: a, Token: Token{AccessToken: "2810A" + s.newCode(), CreatedAt: now, ExpiresAt: whole(now.Add(w.accessLife()))}}
	switch {
	case w.Refresh == RefreshNone:
	case w.Refresh == RefreshKept && former != nil:
		t.RefreshToken, t.RefreshExpiresAt = former.RefreshToken, former.RefreshExpiresAt
	default:
		t.RefreshToken, t.RefreshExpiresAt = "2810R"+s.newCode(), whole(now.Add(w.refreshLife()))
	}
	if former != nil {
		former.next, former.used = t, true
		if former.EndedAt.IsZero() {
			former.EndedAt, former.EndReason = now, tokenRefreshed
		}
	} else if w.OneLiveToken {
		s.replaceHolder(a)
	}
	a.tokens = append(a.tokens, t)
	s.consents.byAccess[t.AccessToken] = t
	if t.RefreshToken != "" {
		s.consents.byRefresh[t.RefreshToken] = t
	}
	return t
}

// whole cuts to the seconds that an answer shows, so that a token ends exactly when its answer said.
func whole(t time.Time) time.Time { return t.Truncate(time.Second) }

// replaceHolder ends the buyer's earlier authorization. Nobody is told.
func (s *Simulator) replaceHolder(a *authorization) {
	key := holder{a.ClientID, a.CustomerBelongsTo, a.Buyer}
	if earlier := s.consents.newest[key]; earlier != nil && earlier.ended == "" {
		s.end(earlier, AuthorizationReplaced)
	}
	s.consents.newest[key] = a
}

// announceToken has no expiry times and no refresh token (ams/notifyauth).
func (s *Simulator) announceToken(t *token) {
	s.notifyAuthorization(t.of, "TOKEN_CREATED", map[string]any{"authState": t.of.AuthState, "accessToken": t.AccessToken})
}

func tokenAnswer(t *token, withRefresh bool) answer {
	a := t.of
	fields := map[string]any{
		"accessToken": t.AccessToken, "accessTokenExpiryTime": wireTime(t.ExpiresAt),
		"pspCustomerInfo": map[string]any{"pspName": a.CustomerBelongsTo, "pspCustomerId": a.AuthorizationID},
	}
	if withRefresh && t.RefreshToken != "" {
		fields["refreshToken"], fields["refreshTokenExpiryTime"] = t.RefreshToken, wireTime(t.RefreshExpiresAt)
	}
	for _, scope := range a.Scopes {
		if scope == agreementScope {
			fields["userLoginId"] = "***" + a.AuthorizationID[len(a.AuthorizationID)-4:]
		}
	}
	return success(fields)
}

// revokeToken is authorizations/revoke: neither token works afterwards. TOKEN_CANCELED follows in every wallet.
func (s *Simulator) revokeToken(c *call) answer {
	if bad := revokeRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	t := s.consents.byAccess[c.body.text("accessToken")]
	if t == nil || t.of.ClientID != c.clientID || !t.LiveAt(c.now) {
		return failure("INVALID_ACCESS_TOKEN")
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	s.end(t.of, AuthorizationRevoked)
	s.notifyCanceled(t.of, "")
	return success(nil)
}
