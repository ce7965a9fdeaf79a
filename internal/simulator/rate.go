package simulator

import "time"

// Rate is how quickly a merchant sent requests, whatever became of them.
type Rate struct {
	Requests int `json:"requests"`
	// HighestPerSecond is the highest number of requests that arrived within any one second of real time.
	HighestPerSecond int `json:"highestPerSecond"`
}

type rate struct {
	Rate
	recent []time.Time // the arrivals of the last second
}

// countArrival measures in real time: a limiter of a client knows no other.
func (s *Simulator) countArrival(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[clientID] == nil {
		return
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
}

// HighestRate is the highest number of requests of a merchant within any one second of real time. What left the
// merchant evenly may arrive in a bunch, so allow for that when asserting a limit.
func (l Ledger) HighestRate(clientID string) int { return l.Rates[clientID].HighestPerSecond }
