package simulator

import "fmt"

// Authorization finds a consent by its authState or its authorizationId.
func (l Ledger) Authorization(id string) (Authorization, bool) {
	for _, a := range l.Authorizations {
		if a.AuthState == id || a.AuthorizationID == id {
			return a, true
		}
	}
	return Authorization{}, false
}

// LiveTokens counts the tokens that can be debited now, over all consents of a merchant.
func (l Ledger) LiveTokens(clientID string) int {
	n := 0
	for _, a := range l.Authorizations {
		if a.ClientID == clientID {
			n += a.liveTokens(l)
		}
	}
	return n
}

func (a Authorization) liveTokens(l Ledger) int {
	n := 0
	for _, t := range a.Tokens {
		if t.LiveAt(l.Now) {
			n++
		}
	}
	return n
}

// CodeExchanges counts how often the consent's code was exchanged with success: once at most.
func (a Authorization) CodeExchanges() int {
	return a.count(func(e Exchange) bool { return e.GrantType == codeGrant && e.ResultCode == "SUCCESS" })
}

// CodeAttempts counts the exchanges of the consent's code that reached the gateway, refused ones included.
func (a Authorization) CodeAttempts() int {
	return a.count(func(e Exchange) bool { return e.GrantType == codeGrant })
}

// Refreshes counts the refreshes that made a new token.
func (a Authorization) Refreshes() int {
	return a.count(func(e Exchange) bool { return e.GrantType == refreshGrant && e.ResultCode == "SUCCESS" && !e.Repeated })
}

// Overlaps counts the exchanges that arrived while another of the same consent had no answer yet.
func (a Authorization) Overlaps() int { return a.count(func(e Exchange) bool { return e.Overlapping }) }

// DeadDebits counts the debits that came with a token after its end.
func (a Authorization) DeadDebits() int {
	n := 0
	for _, t := range a.Tokens {
		n += t.DeadDebits
	}
	return n
}

func (a Authorization) count(match func(Exchange) bool) int {
	n := 0
	for _, e := range a.Exchanges {
		if match(e) {
			n++
		}
	}
	return n
}

// checkAuthorizations returns the broken rules of consents: each is exchanged once at most and has one live token at
// most, none once it has ended, and every token comes from an exchange or from the consent itself.
func (l Ledger) checkAuthorizations() []error {
	var broken []error
	for _, a := range l.Authorizations {
		claim := func(holds bool, what string) {
			if !holds {
				broken = append(broken, fmt.Errorf("authorization %s (%s): %s", a.AuthorizationID, a.State, what))
			}
		}
		live := a.liveTokens(l)
		claim(a.CodeExchanges() <= 1, "its code was exchanged more than once")
		claim(live <= 1, "it has more than one live token")
		claim(a.EndedAt.IsZero() || live == 0, "it has ended and has a live token")
		claim(!a.AgreedAt.IsZero() || len(a.Tokens) == 0, "it has a token and no consent")
		claim(len(a.Tokens) == 0 || len(a.Tokens) == 1+a.Refreshes(), "it has a token that nothing made")
	}
	return broken
}
