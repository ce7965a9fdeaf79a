package simulator

// pays lets the buyer of an order finish, and reports whether that was still possible.
func (s *Simulator) pays(p *payment) bool {
	switch {
	case p.open():
		s.succeed(p)
	case s.mayPayLate(p):
		s.payLate(p)
	default:
		return false
	}
	return true
}

// mayPayLate says whether the buyer of an order that ended unpaid can still finish.
func (s *Simulator) mayPayLate(p *payment) bool {
	if !p.PaidAt.IsZero() {
		return false
	}
	return s.switches.PayAfterCancel && p.Status == statusCancelled || s.switches.PayAfterExpiry && p.closed
}

// payLate takes the money and returns it. The state of the payment is final and stays.
func (s *Simulator) payLate(p *payment) {
	p.PaidAt = s.clock.now()
	p.ReturnedAt = p.PaidAt
	if p.card() {
		s.post(p, EntryAuthorise, buyerAccount, holdAccount, p.Amount, "")
		s.post(p, EntryRelease, holdAccount, buyerAccount, p.Amount, "")
	} else {
		s.post(p, EntryCharge, buyerAccount, merchantAccount+p.ClientID, p.Amount, "")
		s.post(p, EntryReturn, merchantAccount+p.ClientID, buyerAccount, p.Amount, "")
	}
	if p.Status == statusCancelled { // of the other case no page speaks
		s.notifyLateSuccess(p)
	}
}
