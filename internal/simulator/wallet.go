package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// RefreshRule says what a refresh does with the refresh token. Which wallet does what is not documented.
type RefreshRule string

const (
	// RefreshNone is a wallet without refresh tokens: its access token lives very long (ams/accesstokenapp).
	RefreshNone RefreshRule = "none"
	// RefreshKept gives a new access token alone: the refresh token stays the newest.
	RefreshKept RefreshRule = "kept"
	// RefreshReplaced gives a new pair. The former refresh token answers the same pair again until the new pair is
	// used, so a lost answer is found again by a repeat.
	RefreshReplaced RefreshRule = "replaced"
	// RefreshReplacedAtOnce gives a new pair and ends the former refresh token at once: a lost answer is lost for good.
	RefreshReplacedAtOnce RefreshRule = "replacedAtOnce"
)

// Wallet is how a customerBelongsTo treats authorizations. The pages publish next to nothing about it, so the
// built-in table is chosen to have every kind; tests and users may give their own.
type Wallet struct {
	AccessTokenDays  int         `json:"accessTokenDays"`
	RefreshTokenDays int         `json:"refreshTokenDays,omitempty"`
	Refresh          RefreshRule `json:"refresh"`
	// OneLiveToken ends a buyer's earlier authorization silently when they give a second (tokenized_zh-cn/revoke_auth).
	OneLiveToken bool `json:"oneLiveToken,omitempty"`
	// NotifiesCancel announces that the buyer ended the authorization in the wallet. Others do it silently.
	NotifiesCancel bool `json:"notifiesCancel,omitempty"`
	// AnnouncesToken sends TOKEN_CREATED after a code was exchanged.
	AnnouncesToken bool `json:"announcesToken,omitempty"`
	// WithoutCode makes the token at the consent: there is no code to exchange, TOKEN_CREATED alone has the token.
	WithoutCode bool `json:"withoutCode,omitempty"`
	// CodeRefusal, ExpiredCodeRefusal and RefreshRefusal are the codes for an auth code that is unknown or used, for one
	// that is too old, and for a refresh token that does not work. Their real names are not documented. When empty:
	// INVALID_AUTHCODE and AUTH_CODE_EXPIRED, as a sibling API has them, and INVALID_ACCESS_TOKEN.
	CodeRefusal        string `json:"codeRefusal,omitempty"`
	ExpiredCodeRefusal string `json:"expiredCodeRefusal,omitempty"`
	RefreshRefusal     string `json:"refreshRefusal,omitempty"`
}

// usualWallet has the lives that were once observed for GCash.
var usualWallet = Wallet{AccessTokenDays: 180, RefreshTokenDays: 365, Refresh: RefreshReplaced}

// longWallet has no refresh token.
var longWallet = Wallet{AccessTokenDays: 3650, Refresh: RefreshNone}

func (w Wallet) notifies() Wallet  { w.NotifiesCancel = true; return w }
func (w Wallet) announces() Wallet { w.AnnouncesToken = true; return w }
func (w Wallet) oneLive() Wallet   { w.OneLiveToken = true; return w }
func (w Wallet) keeps() Wallet     { w.Refresh = RefreshKept; return w }

// builtinWallets are the 16 of autodebit/overview (GrabPay has three codes) and two later ones. Who announces a
// buyer's cancellation is the union of two editions of ams/notifyauth; the rest is chosen.
var builtinWallets = map[string]Wallet{
	"ALIPAY_CN":                       longWallet.notifies(),
	"ALIPAY_HK":                       usualWallet.notifies().announces(),
	"BOOST":                           usualWallet.notifies().announces(),
	"DANA":                            usualWallet.keeps().announces(),
	"GCASH":                           usualWallet.announces(),
	"KAKAOPAY":                        usualWallet.announces(),
	"NAVERPAY":                        usualWallet.oneLive(),
	"RABBIT_LINE_PAY":                 usualWallet.keeps().announces(),
	"TNG":                             usualWallet.notifies().announces(),
	"TRUEMONEY":                       usualWallet.notifies().announces().oneLive(),
	"ZALOPAY":                         usualWallet,
	"GRABPAY_SG":                      usualWallet,
	"GRABPAY_MY":                      usualWallet,
	"GRABPAY_PH":                      usualWallet,
	"MAYA":                            usualWallet,
	"PAYPAY":                          usualWallet,
	"DIRECT_DEBIT_KRUNGTHAIBANK":      longWallet,
	"DIRECT_DEBIT_SIAMCOMMERCIALBANK": longWallet,
	"KPLUS":                           usualWallet,
	"TOSSPAY":                         usualWallet,
}

// BuiltinWallet returns the table's row, to be changed and given back in Options.Wallets.
func BuiltinWallet(customerBelongsTo string) (Wallet, bool) {
	w, known := builtinWallets[customerBelongsTo]
	return w, known
}

func (s *Simulator) wallet(customerBelongsTo string) (Wallet, bool) {
	if w, given := s.options.Wallets[customerBelongsTo]; given {
		return w, true
	}
	return BuiltinWallet(customerBelongsTo)
}

func (w Wallet) accessLife() time.Duration { return time.Duration(w.AccessTokenDays) * 24 * time.Hour }
func (w Wallet) refreshLife() time.Duration {
	return time.Duration(w.RefreshTokenDays) * 24 * time.Hour
}

func (w Wallet) refusedCode() string        { return cmp.Or(w.CodeRefusal, "INVALID_AUTHCODE") }
func (w Wallet) refusedExpiredCode() string { return cmp.Or(w.ExpiredCodeRefusal, "AUTH_CODE_EXPIRED") }
func (w Wallet) refusedRefresh() string     { return cmp.Or(w.RefreshRefusal, "INVALID_ACCESS_TOKEN") }

// ParseWallets reads {"GCASH": {"accessTokenDays": 30}, ...}. What a known wallet does not name keeps its built-in
// value; a wallet that is not built in starts with 180 and 365 days and refresh tokens that are replaced.
func ParseWallets(text []byte) (map[string]Wallet, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	wallets := make(map[string]Wallet, len(given))
	for name, raw := range given {
		w, known := builtinWallets[name]
		if !known {
			w = usualWallet
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&w); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := w.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		wallets[name] = w
	}
	return wallets, nil
}

func (w Wallet) check() error {
	rules := []RefreshRule{RefreshNone, RefreshKept, RefreshReplaced, RefreshReplacedAtOnce}
	if !slices.Contains(rules, w.Refresh) {
		return fmt.Errorf("unknown refresh rule %q", w.Refresh)
	}
	if w.AccessTokenDays <= 0 || (w.RefreshTokenDays <= 0) != (w.Refresh == RefreshNone) {
		return fmt.Errorf("accessTokenDays is above zero, and so is refreshTokenDays unless refresh is %q, which has none", RefreshNone)
	}
	for _, code := range []string{w.refusedCode(), w.refusedExpiredCode(), w.refusedRefresh()} {
		if statusOf(code) != "F" {
			return fmt.Errorf("%s is not the code of a failure", code)
		}
	}
	return nil
}
