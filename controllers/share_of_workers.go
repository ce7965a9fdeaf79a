package controllers

import (
	"sync"
	"time"
)

// sharedWorkers are those of all accounts.
type sharedWorkers struct {
	mu sync.Mutex
	// count is how many there are; 0 means that nobody counts.
	count int
	busy  int
}

// workerShare keeps an account whose gateway is slow from holding all the workers. An account may have as many requests under way as there are
// workers that nobody uses: alone it gets half of them, a second one half of the rest, and so on. The mutex of those workers guards it.
type workerShare struct {
	of       *sharedWorkers
	underWay int
	// answerTime is about how long the gateway takes to answer.
	answerTime time.Duration
	// lastReturn is when the last operation comes back that was sent away for want of a worker.
	lastReturn time.Time
}

// The pace at which operations come back that were sent away.
const (
	fastestReturn = 5 * time.Millisecond
	slowestReturn = time.Second
)

// take counts a request as under way, if the account may have one more or must.
func (s *workerShare) take(must bool) bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.of.count > 0 && !must && s.underWay >= max(s.of.count-s.of.busy, 1) {
		return false
	}
	s.of.busy++
	s.underWay++
	return true
}

func (s *workerShare) giveBack() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.busy--
	s.underWay--
}

// answered notes how long an answer took.
func (s *workerShare) answered(took time.Duration) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.answerTime += (took - s.answerTime) / 4
}

// comeBack is when an operation that was sent away may try again: about when a request of the account will have ended for each one before it.
func (s *workerShare) comeBack(now time.Time) time.Time {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	pace := min(max(s.answerTime/time.Duration(max(s.underWay, 1)), fastestReturn), slowestReturn)
	s.lastReturn = later(s.lastReturn, now).Add(pace)
	return s.lastReturn
}
