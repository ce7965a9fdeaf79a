package simulator

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// States of an authorization, as the ledger shows them.
const (
	// AuthorizationAwaitsBuyer has a page on which nobody clicked yet.
	AuthorizationAwaitsBuyer = "AWAITING_BUYER"
	// AuthorizationRefused was refused; another consult opens it again.
	AuthorizationRefused = "REFUSED"
	// AuthorizationAgreed has an auth code that was not exchanged.
	AuthorizationAgreed = "AGREED"
	// AuthorizationActive has a token that can be debited.
	AuthorizationActive = "ACTIVE"
	// AuthorizationLapsed has an expired token that can still be refreshed.
	AuthorizationLapsed = "LAPSED"
	// AuthorizationExpired has nothing that works any more: its code or its tokens are too old.
	AuthorizationExpired = "EXPIRED"
	// AuthorizationRevoked was ended by the merchant.
	AuthorizationRevoked = "REVOKED"
	// AuthorizationCanceled was ended by the buyer in the wallet.
	AuthorizationCanceled = "CANCELED"
	// AuthorizationReplaced was ended by a second one of the same buyer, in a wallet with one live token.
	AuthorizationReplaced = "REPLACED"
)

// tokenRefreshed is why a token ended that a refresh replaced. Tokens also end with their authorization's state.
const tokenRefreshed = "REFRESHED"

// authCodeLife is not documented for this API; older pages of a sibling say ten minutes.
const authCodeLife = 10 * time.Minute

// DebitBehaviour says what becomes of debits with an authorization's tokens.
type DebitBehaviour string

const (
	// DebitPays is charged in the answer.
	DebitPays DebitBehaviour = "pay"
	// DebitPaysLate answers PAYMENT_IN_PROCESS and is charged ten seconds later.
	DebitPaysLate DebitBehaviour = "payLate"
	// DebitPoor is refused with USER_BALANCE_NOT_ENOUGH.
	DebitPoor DebitBehaviour = "poor"
	// DebitPoorLate answers PAYMENT_IN_PROCESS and fails with USER_BALANCE_NOT_ENOUGH ten seconds later.
	DebitPoorLate DebitBehaviour = "poorLate"
	// DebitStuck answers PAYMENT_IN_PROCESS and closes unpaid after a minute.
	DebitStuck DebitBehaviour = "stuck"
)

var debitBehaviours = []DebitBehaviour{DebitPays, DebitPaysLate, DebitPoor, DebitPoorLate, DebitStuck}

// Authorization is one buyer's consent as the ledger shows it. It holds the credentials, for tests to compare.
type Authorization struct {
	AuthorizationID   string         `json:"authorizationId"`
	AuthState         string         `json:"authState"`
	ClientID          string         `json:"clientId"`
	CustomerBelongsTo string         `json:"customerBelongsTo"`
	Scopes            []string       `json:"scopes"`
	Buyer             string         `json:"buyer"`
	State             string         `json:"state"`
	Debits            DebitBehaviour `json:"debits"`
	NormalURL         string         `json:"normalUrl"` // of the last consult
	Consults          int            `json:"consults"`
	CreatedAt         time.Time      `json:"createTime"`
	AgreedAt          time.Time      `json:"agreeTime,omitzero"`
	EndedAt           time.Time      `json:"endTime,omitzero"`
	AuthCode          string         `json:"authCode,omitempty"`
	CodeExpiresAt     time.Time      `json:"authCodeExpiryTime,omitzero"`
	Tokens            []Token        `json:"tokens"`    // oldest first
	Exchanges         []Exchange     `json:"exchanges"` // every applyToken that named its code or a refresh token of it
}

// Token is an access token, and the refresh token that came with it or stayed.
type Token struct {
	AccessToken      string    `json:"accessToken"`
	ExpiresAt        time.Time `json:"accessTokenExpiryTime"`
	RefreshToken     string    `json:"refreshToken,omitempty"`
	RefreshExpiresAt time.Time `json:"refreshTokenExpiryTime,omitzero"`
	CreatedAt        time.Time `json:"createTime"`
	EndedAt          time.Time `json:"endTime,omitzero"` // not by expiry
	EndReason        string    `json:"endReason,omitempty"`
	// Debits counts the debits that were tried while it lived, DeadDebits those that came after its end.
	Debits     int `json:"debits"`
	DeadDebits int `json:"deadDebits"`
}

// LiveAt reports whether the token could be debited at a time.
func (t Token) LiveAt(now time.Time) bool { return t.EndedAt.IsZero() && now.Before(t.ExpiresAt) }

// Exchange is one applyToken that acted, or was refused for what it named.
type Exchange struct {
	Time       time.Time `json:"time"`
	GrantType  string    `json:"grantType"`
	ResultCode string    `json:"resultCode"`
	// Repeated marks a refresh that answered the pair of an earlier one again.
	Repeated bool `json:"repeated,omitempty"`
	// Overlapping marks one that arrived while another of the same consent had no answer yet.
	Overlapping bool `json:"overlapping,omitempty"`
}

// authorization is a consent at the gateway.
type authorization struct {
	Authorization
	authClientID, redirectURL string
	terminal, os              string
	refused                   bool
	ended                     string // the state that ended it
	tokens                    []*token
	exchanging                int // exchanges without an answer
}

type token struct {
	Token
	of   *authorization
	next *token // the pair that a refresh made of it
	used bool   // debited or refreshed
}

// consents is everything about authorizations.
type consents struct {
	all       []*authorization
	byID      map[string]*authorization
	byState   map[requestKey]*authorization
	byPage    map[string]*authorization
	byCode    map[string]*authorization
	byAccess  map[string]*token
	byRefresh map[string]*token
	newest    map[holder]*authorization // in wallets with one live token
}

// holder is a buyer of one merchant in one wallet.
type holder struct{ clientID, wallet, buyer string }

func newConsents() *consents {
	return &consents{
		byID: map[string]*authorization{}, byState: map[requestKey]*authorization{}, byPage: map[string]*authorization{},
		byCode: map[string]*authorization{}, byAccess: map[string]*token{}, byRefresh: map[string]*token{},
		newest: map[holder]*authorization{},
	}
}

// authorizationOperations are the endpoints under authorizations/. Querying a token, which the SDKs have and no page
// documents, is not among them.
func (s *Simulator) authorizationOperations(path string) func(*call) answer {
	switch path {
	case "authorizations/consult":
		return s.consultAuthorization
	case "authorizations/applyToken":
		return s.applyToken
	case "authorizations/revoke":
		return s.revokeToken
	}
	return nil
}

func (a *authorization) last() *token {
	if len(a.tokens) == 0 {
		return nil
	}
	return a.tokens[len(a.tokens)-1]
}

func (a *authorization) state(now time.Time) string {
	t := a.last()
	switch {
	case a.ended != "":
		return a.ended
	case a.refused:
		return AuthorizationRefused
	case a.AgreedAt.IsZero():
		return AuthorizationAwaitsBuyer
	case t == nil && now.Before(a.CodeExpiresAt):
		return AuthorizationAgreed
	case t == nil:
		return AuthorizationExpired
	case t.LiveAt(now):
		return AuthorizationActive
	case now.Before(t.RefreshExpiresAt):
		return AuthorizationLapsed
	}
	return AuthorizationExpired
}

// end makes code and tokens worthless.
func (s *Simulator) end(a *authorization, state string) {
	now := s.clock.now()
	a.ended, a.EndedAt = state, now
	if t := a.last(); t != nil && t.EndedAt.IsZero() {
		t.EndedAt, t.EndReason = now, state
	}
}

// record is a copy for the ledger.
func (a *authorization) record(now time.Time) Authorization {
	out := a.Authorization
	out.State = a.state(now)
	out.Scopes, out.Exchanges = slices.Clone(a.Scopes), slices.Clone(a.Exchanges)
	out.Tokens = make([]Token, 0, len(a.tokens))
	for _, t := range a.tokens {
		out.Tokens = append(out.Tokens, t.Token)
	}
	return out
}

// ErrConsentClosed means that a buyer came too late: the consent was given, refused or ended.
var ErrConsentClosed = errors.New("the consent is not open")

// authorizationOf finds an authorization by its authorizationId or its authState.
func (s *Simulator) authorizationOf(id string) (*authorization, error) {
	if a := s.consents.byID[id]; a != nil {
		return a, nil
	}
	var found *authorization
	for clientID := range s.clients {
		if a := s.consents.byState[requestKey{clientID, id}]; a != nil {
			if found != nil {
				return nil, fmt.Errorf("authState %s belongs to several clients: give the authorizationId", id)
			}
			found = a
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no authorization %s", id)
	}
	return found, nil
}

// BuyerCancels ends an authorization in the wallet. Whether that is announced depends on the wallet. It accepts an
// authState or an authorizationId, like its siblings.
func (s *Simulator) BuyerCancels(id, reason string) error {
	s.enter()
	defer s.mu.Unlock()
	a, err := s.authorizationOf(id)
	if err != nil {
		return err
	}
	switch a.state(s.clock.now()) {
	case AuthorizationAgreed, AuthorizationActive, AuthorizationLapsed:
	default:
		return fmt.Errorf("authorization %s is %s: %w", id, a.state(s.clock.now()), ErrConsentClosed)
	}
	s.end(a, AuthorizationCanceled)
	if w, _ := s.wallet(a.CustomerBelongsTo); w.NotifiesCancel {
		s.notifyCanceled(a, reason)
	}
	return nil
}

// SetDebits decides what becomes of debits from now on.
func (s *Simulator) SetDebits(id string, behaviour DebitBehaviour) error {
	if !slices.Contains(debitBehaviours, behaviour) {
		return fmt.Errorf("debits are one of %v", debitBehaviours)
	}
	s.enter()
	defer s.mu.Unlock()
	a, err := s.authorizationOf(id)
	if err != nil {
		return err
	}
	a.Debits = behaviour
	return nil
}

// debitToken charges a token that a buyer's consent gave (ams/payment_agreement). A token of another wallet, or
// without the scope AGREEMENT_PAY, is answered like one that is not known.
func (s *Simulator) debitToken(p *payment) answer {
	t := s.consents.byAccess[p.order.methodID]
	if t == nil || t.of.ClientID != p.ClientID || t.of.CustomerBelongsTo != p.Method || !slices.Contains(t.of.Scopes, agreementScope) {
		return s.refusePayment(p, "INVALID_ACCESS_TOKEN")
	}
	if !t.LiveAt(s.clock.now()) {
		t.DeadDebits++
		return s.refusePayment(p, "INVALID_ACCESS_TOKEN")
	}
	t.Debits++
	t.used = true
	switch t.of.Debits {
	case DebitPoor:
		return s.refusePayment(p, "USER_BALANCE_NOT_ENOUGH")
	case DebitPaysLate:
		s.later(func() {
			if p.Status != statusPending {
				s.pays(p)
			}
		})
	case DebitPoorLate:
		s.later(func() {
			if p.Status == statusProcessing {
				s.fail(p, "USER_BALANCE_NOT_ENOUGH")
			}
		})
	case DebitStuck:
	default:
		s.succeed(p)
		return paidAnswer(p)
	}
	return failure("PAYMENT_IN_PROCESS")
}

// later acts in ten seconds.
func (s *Simulator) later(act func()) { s.clock.at(s.clock.now().Add(10*time.Second), act) }

// notifyAuthorization goes to the dashboard's address alone: the consult has no documented field for one
// (ams/notifyauth). The ledger shows the authState as its target.
func (s *Simulator) notifyAuthorization(a *authorization, kind string, fields map[string]any) {
	if a.authClientID != "" {
		fields["authClientId"] = a.authClientID
	}
	s.queueNotification("notifyAuthorization", kind, a.AuthState, a.ClientID, "", "SUCCESS", fields, s.clock.now().Add(notifyDelay))
}

// notifyCanceled names the newest token and no authState. Without a token there is nothing to announce.
func (s *Simulator) notifyCanceled(a *authorization, reason string) {
	t := a.last()
	if t == nil {
		return
	}
	fields := map[string]any{"accessToken": t.AccessToken}
	if reason != "" {
		fields["reason"] = reason
	}
	s.notifyAuthorization(a, "TOKEN_CANCELED", fields)
}
