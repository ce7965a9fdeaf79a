package simulator

import (
	"errors"
	"fmt"
)

// actOnDispute finds what a control call names.
func (s *Simulator) actOnDispute(id string, act func(*dispute) error) error {
	s.enter()
	defer s.mu.Unlock()
	d := s.disputes.byID[id]
	if d == nil {
		return fmt.Errorf("no dispute %s", id)
	}
	if err := act(d); err != nil {
		return fmt.Errorf("dispute %s (%s, %s): %w", id, d.Type, d.State, err)
	}
	return nil
}

// AcceptDispute accepts a dispute otherwise than by the API. The reason is MERCHANT_ACCEPTED (the dashboard), which counts
// as the merchant's decision, or MANUAL_PROCESSING_ACCEPTED (the gateway's staff), which counts as well.
func (s *Simulator) AcceptDispute(disputeID, reason string) error {
	return s.actOnDispute(disputeID, func(d *dispute) error {
		if reason != "MERCHANT_ACCEPTED" && reason != "MANUAL_PROCESSING_ACCEPTED" {
			return errors.New("the reason is MERCHANT_ACCEPTED or MANUAL_PROCESSING_ACCEPTED")
		}
		if d.State != disputeOpen {
			return ErrDisputeClosed
		}
		d.decided = true
		s.accept(d, reason)
		return nil
	})
}

// DefendDispute defends a dispute otherwise than by the API: in the dashboard, or with an autoReason by the gateway itself.
func (s *Simulator) DefendDispute(disputeID, autoReason string) error {
	return s.actOnDispute(disputeID, func(d *dispute) error {
		if d.State != disputeOpen || !d.Defendable {
			return ErrDisputeClosed
		}
		s.defend(d, autoReason)
		return nil
	})
}

// CancelDispute is a buyer who withdraws. The money comes back. Only chargebacks have such a notification.
func (s *Simulator) CancelDispute(disputeID string) error {
	return s.actOnDispute(disputeID, func(d *dispute) error {
		if d.Type != chargeback || d.final() {
			return ErrDisputeClosed
		}
		d.State = disputeCancelled
		s.takeFor(d, 0)
		s.notifyDispute(d, "DISPUTE_CANCELLED", nil, notifyDelay)
		return nil
	})
}

// JudgeDispute decides. Results of a chargeback are ACCEPT_BY_CUSTOMER (the merchant wins) and ACCEPT_BY_MERCHANT (the
// merchant loses), at any time and also for a second time; those of a compliance request VALIDATE_SUCCESS and
// VALIDATE_FAIL, once material was handed in or the time is over. What was accepted can not be won. A zero amount is the
// disputed one if the merchant loses; it is never more.
func (s *Simulator) JudgeDispute(disputeID, result string, amount Money) error {
	return s.actOnDispute(disputeID, func(d *dispute) error {
		if amount == (Money{}) && result == "ACCEPT_BY_MERCHANT" {
			amount = d.Amount
		}
		if amount == (Money{}) {
			amount.Currency = d.Amount.Currency
		}
		if amount.Currency != d.Amount.Currency || amount.Value < 0 || amount.Value > d.Amount.Value {
			return fmt.Errorf("the judged amount must be in %s and at most %s", d.Amount.Currency, d.Amount)
		}
		state, err := d.judged(result)
		if err != nil {
			return err
		}
		if state == disputeLost {
			s.takeFor(d, amount.Value)
		} else {
			s.takeFor(d, 0)
		}
		if state == disputeOpen { // other material may follow, in time
			d.decided = false
			if !s.clock.now().Before(d.DueAt) {
				state = disputeExpired
			}
		}
		d.State, d.JudgedAt, d.JudgedResult, d.JudgedAmount = state, s.clock.now(), result, amount
		s.notifyDispute(d, "DISPUTE_JUDGED", map[string]any{
			"disputeJudgedTime": wireTime(d.JudgedAt), "disputeJudgedAmount": amount.wire(), "disputeJudgedResult": result,
		}, notifyDelay)
		return nil
	})
}

// judged is the state that a judgement leads to.
func (d *dispute) judged(result string) (string, error) {
	isOver := d.State == disputeCancelled || d.State == disputeResolved
	switch {
	case d.Type == chargeback && result == "ACCEPT_BY_MERCHANT" && !isOver:
		return disputeLost, nil
	case d.Type == chargeback && result == "ACCEPT_BY_CUSTOMER" && !isOver && d.AcceptReason == "":
		return disputeWon, nil
	case d.Type == complianceRequest && result == "VALIDATE_SUCCESS" && d.State == disputeDefended:
		return disputeApproved, nil
	case d.Type == complianceRequest && result == "VALIDATE_FAIL" && d.State == disputeDefended:
		return disputeOpen, nil
	case d.Type == complianceRequest && result == "VALIDATE_FAIL" && d.State == disputeExpired:
		return disputeExpired, nil
	}
	switch result {
	case "ACCEPT_BY_MERCHANT", "ACCEPT_BY_CUSTOMER", "VALIDATE_SUCCESS", "VALIDATE_FAIL":
		return "", ErrDisputeClosed
	}
	return "", errors.New("the result is ACCEPT_BY_CUSTOMER, ACCEPT_BY_MERCHANT, VALIDATE_SUCCESS or VALIDATE_FAIL")
}

// TellOfDispute sends a notification of any type about a dispute as it stands, whatever its kind and state: again, out of
// order, or of a type that the documents do not have.
func (s *Simulator) TellOfDispute(disputeID, notificationType string) error {
	return s.actOnDispute(disputeID, func(d *dispute) error {
		if notificationType == "" {
			return errors.New("a notification needs a disputeNotificationType")
		}
		more := map[string]any{}
		if notificationType == "DISPUTE_JUDGED" && d.JudgedResult != "" {
			more = map[string]any{
				"disputeJudgedTime": wireTime(d.JudgedAt), "disputeJudgedAmount": d.JudgedAmount.wire(), "disputeJudgedResult": d.JudgedResult,
			}
		}
		if notificationType == "DISPUTE_ACCEPTED" && d.AcceptReason != "" {
			more = map[string]any{"disputeAcceptReason": d.AcceptReason, "disputeAcceptTime": wireTime(d.AcceptedAt)}
		}
		s.sendDispute(d, notificationType, more, 0)
		return nil
	})
}

// Dispute finds a dispute by its disputeId.
func (l Ledger) Dispute(disputeID string) (Dispute, bool) {
	for _, d := range l.Disputes {
		if d.DisputeID == disputeID {
			return d, true
		}
	}
	return Dispute{}, false
}

// DisputesOf lists the disputes of a payment by its paymentRequestId, in the order in which they were raised.
func (l Ledger) DisputesOf(paymentRequestID string) []Dispute {
	var found []Dispute
	for _, d := range l.Disputes {
		if d.PaymentRequestID == paymentRequestID {
			found = append(found, d)
		}
	}
	return found
}

// checkDisputes returns every broken rule of disputes: what the merchant is without follows from kind and state, and a
// dispute is accepted once at most.
func (l Ledger) checkDisputes() []error {
	var broken []error
	taken := map[string]int64{}
	for _, e := range l.Entries {
		switch e.Kind {
		case EntryDispute, EntryRapidResolution:
			taken[e.Reference] += e.Amount.Value
		case EntryDisputeReversal:
			taken[e.Reference] -= e.Amount.Value
		}
	}
	for _, d := range l.Disputes {
		want := d.Amount.Value
		switch {
		case d.Type != chargeback && d.Type != rapidResolution, d.State == disputeWon, d.State == disputeCancelled:
			want = 0
		case d.State == disputeLost:
			want = d.JudgedAmount.Value
		}
		if taken[d.DisputeID] != want {
			broken = append(broken, fmt.Errorf("dispute %s (%s, %s) took %d, want %d", d.DisputeID, d.Type, d.State, taken[d.DisputeID], want))
		}
		if d.Accepts > 1 || d.Accepts == 1 && d.Defenses > 0 && d.Type != complianceRequest {
			broken = append(broken, fmt.Errorf("dispute %s was decided more than once", d.DisputeID))
		}
		delete(taken, d.DisputeID)
	}
	for id := range taken {
		broken = append(broken, fmt.Errorf("money moved for dispute %q, which does not exist", id))
	}
	return broken
}
