package notification

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What notifications that the gateway has signed may cost, per account: whoever owns an account has its key or can be sent anything with
// it, and whoever has seen one notification can send it again.
const (
	// maxSearches are searches for objects that the cache does not have, each of which takes a second or more; maxSearchesOfAll are those
	// of all accounts, which leaves the other places to what is in the cache.
	maxSearches      = 16
	maxSearchesOfAll = maxConcurrent / 2
	// What was looked for in vain is looked for again when missMemory is over, in the cache at once. maxMisses bounds how many are known.
	missMemory = 10 * time.Second
	maxMisses  = 256
	// missLogs is how often a line in the log tells of one.
	missLogs = 10 * time.Second
	// repeatsPerSecond and repeatsBurst are how many notifications that are stored already are written again.
	repeatsPerSecond = 20
	repeatsBurst     = 100
)

// searches limits searches for what is not here, for one account.
type searches struct {
	mu      sync.Mutex
	running int
	misses  map[string]time.Time // until when, by the hash of the body
	log     rate.Sometimes
}

// missed reports whether this body was about nothing a moment ago.
func (s *searches) missed(hash string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.misses[hash])
}

// miss remembers that a body is about nothing.
func (s *searches) miss(hash string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.misses) >= maxMisses {
		for known, until := range s.misses {
			if !now.Before(until) {
				delete(s.misses, known)
			}
		}
	}
	if len(s.misses) >= maxMisses {
		return // it is looked for again, which maxSearches limits
	}
	if s.misses == nil {
		s.misses = map[string]time.Time{}
	}
	s.misses[hash] = now.Add(missMemory)
}

// begin takes a place for a search, if one is free. all are the places of all accounts.
func (s *searches) begin(all chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running >= maxSearches {
		return false
	}
	select {
	case all <- struct{}{}:
		s.running++
		return true
	default:
		return false
	}
}

func (s *searches) end(all chan struct{}) {
	<-all
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}
