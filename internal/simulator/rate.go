package simulator

import "time"

// Rate is how quickly a merchant sent requests, whatever became of them.
type Rate struct {
	Requests int `json:"requests"`
	// HighestPerSecond is the highest number of requests that arrived within any one second of real time.
	HighestPerSecond int `json:"highestPerSecond"`
	// MostAtOnce is the highest number of requests that were waiting for their answers at the same time.
	MostAtOnce int `json:"mostAtOnce"`
}

type rate struct {
	Rate
	recent  []time.Time // the arrivals of the last second
	waiting int
}

// countArrival measures in real time: a limiter of a client knows no other. Call what it returns when the request has its answer.
func (s *Simulator) countArrival(clientID string) (answered func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[clientID] == nil {
		return func() {}
	}
	r := s.rates[clientID]
	if r == nil {
		r = &rate{}
		s.rates[clientID] = r
	}
	now := s.options.Now()
	r.Requests++
	r.recent = append(r.recent, now)
	for !r.recent[0].After(now.Add(-time.Second)) {
		r.recent = r.recent[1:]
	}
	r.HighestPerSecond = max(r.HighestPerSecond, len(r.recent))
	r.waiting++
	r.MostAtOnce = max(r.MostAtOnce, r.waiting)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.waiting--
	}
}

// HighestRate is the highest number of requests of a merchant within any one second of real time. What left the
// merchant evenly may arrive in a bunch, so allow for that when asserting a limit.
func (l Ledger) HighestRate(clientID string) int { return l.Rates[clientID].HighestPerSecond }
