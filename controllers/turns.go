package controllers

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// turns are given out at a rate, each once. One that was given back goes to whoever asks next: a limiter has no way to take it back, so that many
// objects which are deleted while they wait would leave an account idle until all of their turns have passed.
type turns struct {
	*rate.Limiter
	mu sync.Mutex
	// free are those that were given back, the earliest first.
	free []time.Time
}

// take is when the next turn comes.
func (t *turns) take(now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.free) > 0 {
		turn := t.free[0]
		if t.free = t.free[1:]; !turn.Before(now) {
			return turn
		}
	}
	return now.Add(t.ReserveN(now, 1).DelayFrom(now))
}

// giveBack takes a turn back that is still to come.
func (t *turns) giveBack(turn, now time.Time) {
	if !turn.After(now) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at, _ := slices.BinarySearchFunc(t.free, turn, time.Time.Compare)
	t.free = slices.Insert(t.free, at, turn)
}
