package simulator

import (
	"container/heap"
	"time"
)

// clock is simulated time and the queue of what falls due. The simulator's lock guards all of it.
type clock struct {
	source    func() time.Time
	scale     float64
	realStart time.Time
	start     time.Time
	offset    time.Duration // what Advance has added
	last      time.Time
	queue     eventQueue
	sequence  uint64
	wake      chan struct{} // told when the head of the queue changes
	stepping  bool          // Advance is walking the queue: nobody else fires events
}

func newClock(source func() time.Time, scale float64) *clock {
	now := source()
	start := now.UTC()
	return &clock{source: source, scale: scale, realStart: now, start: start, last: start, wake: make(chan struct{}, 1)}
}

// now never goes back, even if the source does.
func (c *clock) now() time.Time {
	elapsed := time.Duration(float64(c.source().Sub(c.realStart)) * c.scale)
	if t := c.start.Add(elapsed + c.offset); t.After(c.last) {
		c.last = t
	}
	return c.last
}

// jump moves the clock forward to t; it never moves it back.
func (c *clock) jump(t time.Time) {
	if ahead := t.Sub(c.now()); ahead > 0 {
		c.offset += ahead
	}
}

// at queues act for time t. Events of the same instant run in the order in which they were queued.
func (c *clock) at(t time.Time, act func()) {
	c.sequence++
	heap.Push(&c.queue, event{at: t, sequence: c.sequence, act: act})
	if c.queue[0].sequence == c.sequence {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// fireDue runs all events up to now. It is called whenever the lock is taken, so that what a caller sees never
// depends on how quickly the clock's goroutine woke up.
func (c *clock) fireDue() {
	if c.stepping {
		return
	}
	for len(c.queue) > 0 && !c.queue[0].at.After(c.now()) {
		c.pop().act()
	}
}

func (c *clock) pop() event { return heap.Pop(&c.queue).(event) }

// untilNext is how long to sleep, in real time, before the next event is due.
func (c *clock) untilNext() time.Duration {
	if len(c.queue) == 0 || c.stepping {
		return time.Hour
	}
	ahead := time.Duration(float64(c.queue[0].at.Sub(c.now())) / c.scale)
	return max(ahead, time.Millisecond)
}

type event struct {
	at       time.Time
	sequence uint64
	act      func()
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].sequence < q[j].sequence
	}
	return q[i].at.Before(q[j].at)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *eventQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return last
}

// run fires events as they fall due, until the simulator is closed.
func (s *Simulator) run() {
	defer close(s.stopped)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.enter()
		wait := s.clock.untilNext()
		s.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.clock.wake:
		case <-s.ctx.Done():
			return
		}
	}
}

// enter takes the lock and brings the state up to the present.
func (s *Simulator) enter() {
	s.mu.Lock()
	s.clock.fireDue()
}

// Advance moves simulated time forward by d. Everything that falls due on the way happens in order of time, each
// notification being answered (or timed out) before the next event; on return all of it has happened. Advance(0)
// waits for notifications under way. Do not call it from a notification handler.
func (s *Simulator) Advance(d time.Duration) {
	s.advancing.Lock()
	defer s.advancing.Unlock()
	s.enter()
	defer s.mu.Unlock()
	target := s.clock.now().Add(max(d, 0))
	s.clock.stepping = true
	defer func() {
		s.clock.stepping = false
		select {
		case s.clock.wake <- struct{}{}:
		default:
		}
	}()
	for {
		for s.sending > 0 && s.ctx.Err() == nil {
			s.sent.Wait()
		}
		if s.ctx.Err() != nil || len(s.clock.queue) == 0 || s.clock.queue[0].at.After(target) {
			break
		}
		next := s.clock.pop()
		s.clock.jump(next.at)
		next.act()
	}
	s.clock.jump(target)
}

// Now is the present simulated time.
func (s *Simulator) Now() time.Time {
	s.enter()
	defer s.mu.Unlock()
	return s.clock.now()
}
