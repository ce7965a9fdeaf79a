package notification

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// What one replica lets the network do. The gateway itself sends a few notifications per second at most.
const (
	maxConnections  = 512
	maxHeaderBytes  = 8 << 10
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	writeTimeout    = 20 * time.Second
	idleTimeout     = 90 * time.Second
	storeTimeout    = 8 * time.Second
	maxConcurrent   = 128
	longestQueueing = 2 * time.Second

	// failuresPerSecond and failureBurst are how many signatures of one account may fail to verify before its notifications are
	// verified one at a time, so that forgeries of one account's notifications take the time of one processor at most.
	failuresPerSecond = 5
	failureBurst      = 50
)

// suspicion limits what forged notifications cost, per account, and what genuine ones cost that are about nothing or come again. A genuine one still gets through: it is verified as soon as the one
// before it has been.
type suspicion struct {
	mu       sync.Mutex
	accounts map[types.NamespacedName]*suspect
}

type suspect struct {
	failures *rate.Limiter
	lane     sync.Mutex
	searches searches
	repeats  *rate.Limiter
	// creations are those of Disputes.
	creations *rate.Limiter
}

// of returns the account's record. Accounts that do not exist share one, so that strangers can not make this grow.
func (s *suspicion) of(account types.NamespacedName) *suspect {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts == nil {
		s.accounts = map[types.NamespacedName]*suspect{}
	}
	known := s.accounts[account]
	if known == nil {
		known = &suspect{
			failures: rate.NewLimiter(failuresPerSecond, failureBurst), repeats: rate.NewLimiter(repeatsPerSecond, repeatsBurst),
			creations: rate.NewLimiter(creationsPerSecond, creationsBurst),
			searches:  searches{log: rate.Sometimes{First: 1, Interval: missLogs}},
		}
		s.accounts[account] = known
	}
	return known
}

// verify runs a verification and counts it if it fails. While too many have failed it waits for its turn: no longer than it takes to
// verify what the other connections have sent, which is milliseconds.
func (s *suspect) verify(now time.Time, verification func() error) error {
	if s.failures.TokensAt(now) < 1 {
		s.lane.Lock()
		defer s.lane.Unlock()
	}
	err := verification()
	if err != nil {
		s.failures.AllowN(now, 1)
	}
	return err
}
