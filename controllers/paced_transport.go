package controllers

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// pacedTransport holds what leaves for the gateway to its account's rate, in whatever bunch it comes: passes that are late for their turns, or that
// ask on credit. Turns are given out at that rate, so nobody waits for long here.
type pacedTransport struct {
	next http.RoundTripper
	pace *rate.Limiter
}

// longestPace is how long a request may wait. Longer, and the gateway would be left too little of the time that a call may take.
const longestPace = 2 * time.Second

// RoundTrip sends a request once the rate allows, or says that it was not sent.
func (p pacedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), longestPace)
	defer cancel()
	if err := p.pace.Wait(ctx); err != nil {
		_ = r.Body.Close()
		return nil, &alipay.NotSentError{Path: r.URL.Path, Err: fmt.Errorf("the account's rate limit does not allow it yet: %w", errUnused)}
	}
	return p.next.RoundTrip(r)
}
