package controllers

import (
	"sync"
	"time"
)

// workerShare keeps an account whose gateway is slow from holding all the workers. An account may have as many requests under way as there are
// workers that nobody uses: alone it gets half of them, a second one half of the rest, and so on.
type workerShare struct {
	mu sync.Mutex
	// workers is how many there are; 0 means that nobody counts.
	workers int
	busy    int
}

// accountLoad is what one account has under way.
type accountLoad struct {
	underWay int
	// answerTime is about how long the gateway takes to answer.
	answerTime time.Duration
	// queue is the turn of the last operation that was sent away for want of a worker.
	queue time.Time
}

// The pace at which operations come back that were sent away.
const (
	fastestReturn = 5 * time.Millisecond
	slowestReturn = time.Second
)

// take counts a request as under way, if the account may have one more or must.
func (s *workerShare) take(load *accountLoad, must bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers > 0 && !must && load.underWay >= max(s.workers-s.busy, 1) {
		return false
	}
	s.busy++
	load.underWay++
	return true
}

func (s *workerShare) giveBack(load *accountLoad) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	load.underWay--
}

// answered notes how long an answer took.
func (s *workerShare) answered(load *accountLoad, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	load.answerTime += (took - load.answerTime) / 4
}

// comeBack is when an operation that was sent away may try again: about when a request of the account will have ended for each one before it.
func (s *workerShare) comeBack(load *accountLoad, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	pace := min(max(load.answerTime/time.Duration(max(load.underWay, 1)), fastestReturn), slowestReturn)
	load.queue = later(load.queue, now).Add(pace)
	return load.queue
}
