package simulator

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a merchant and its buyers do, in any order and however late: one consent gives tokens once, a token that
// has ended is never charged, no consent has two live tokens, and no end is taken back.
func TestConsentsAreSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := Wallet{
			AccessTokenDays: 10, RefreshTokenDays: 30, OneLiveToken: rapid.Bool().Draw(t, "one live token"),
			Refresh:     rapid.SampledFrom([]RefreshRule{RefreshNone, RefreshKept, RefreshReplaced, RefreshReplacedAtOnce}).Draw(t, "refresh"),
			WithoutCode: rapid.IntRange(0, 4).Draw(t, "without code") == 0,
		}
		if row.Refresh == RefreshNone {
			row.RefreshTokenDays = 0
		}
		s, err := New(Options{Clients: []Client{{ID: "5Y1"}}, PrivateKey: gatewayKey(), Now: func() time.Time { return testStart },
			Wallets: map[string]Wallet{"GCASH": row}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		state := func(t *rapid.T) string { return fmt.Sprintf("b%d", rapid.IntRange(1, 3).Draw(t, "state")) }
		known := func(t *rapid.T) Authorization {
			all := s.Ledger().Authorizations
			if len(all) == 0 {
				t.Skip("no consent yet")
			}
			return rapid.SampledFrom(all).Draw(t, "authorization")
		}
		token := func(t *rapid.T) Token {
			a := known(t)
			if len(a.Tokens) == 0 {
				t.Skip("no token yet")
			}
			return rapid.SampledFrom(a.Tokens).Draw(t, "token")
		}
		debits := 0
		ended := map[string]string{}
		consultAndAgree := func(t *rapid.T) {
			id := state(t)
			direct(t, s, "consultAuthorization", consultFor(id, "GCASH"))
			_, _ = s.BuyerAgrees(id, rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "buyer")) // or it was given before
		}
		exchange := func(t *rapid.T) {
			a := known(t)
			if a.AuthCode == "" {
				t.Skip("no code yet")
			}
			direct(t, s, "applyToken", codeOf("GCASH", a.AuthCode))
		}
		t.Repeat(map[string]func(*rapid.T){
			"consult": func(t *rapid.T) { direct(t, s, "consultAuthorization", consultFor(state(t), "GCASH")) },
			"agree":   consultAndAgree, "agree again": consultAndAgree,
			"refuse":   func(t *rapid.T) { _ = s.BuyerRefuses(state(t)) }, // too late, or nothing there: that is the point
			"exchange": exchange, "exchange again": exchange,
			"refresh": func(t *rapid.T) {
				of := token(t)
				if of.RefreshToken == "" {
					t.Skip("the wallet has no refresh tokens")
				}
				a := direct(t, s, "applyToken", refreshOf("GCASH", of.RefreshToken))
				if a.code == "SUCCESS" && !s.Ledger().Now.Before(of.RefreshExpiresAt) {
					t.Fatal("an expired refresh token was exchanged")
				}
			},
			"revoke": func(t *rapid.T) { direct(t, s, "revoke", revokeOf(token(t).AccessToken)) },
			"cancel": func(t *rapid.T) { _ = s.BuyerCancels(state(t), "") }, // or there is nothing to cancel
			"debit": func(t *rapid.T) {
				of := token(t)
				live := of.LiveAt(s.Ledger().Now)
				debits++
				id := fmt.Sprintf("p%d", debits)
				a := direct(t, s, "pay", debit(id, of.AccessToken, "49900"))
				if (a.code == "SUCCESS") != live || (s.Charges(id) == 1) != live {
					t.Fatalf("a debit of a token that lives (%t) answered %s and charged %d times", live, a.code, s.Charges(id))
				}
			},
			"time": func(t *rapid.T) {
				s.Advance(time.Duration(rapid.SampledFrom([]int{1, 300, 600, 86400, 9 * 86400, 21 * 86400}).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				l := s.Ledger()
				if err := l.Check(); err != nil {
					t.Fatal(err)
				}
				for _, a := range l.Authorizations {
					if was := ended[a.AuthorizationID]; was != "" && a.State != was {
						t.Fatalf("authorization %s went from %s to %s", a.AuthorizationID, was, a.State)
					}
					if !a.EndedAt.IsZero() {
						ended[a.AuthorizationID] = a.State
					}
				}
			},
		})
	})
}
