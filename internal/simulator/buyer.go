package simulator

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrOrderClosed means that a buyer came too late: the order is paid, failed, cancelled or expired.
var ErrOrderClosed = errors.New("the order is no longer open")

const buyerDelay = time.Second

// sendAutomaticBuyer does what Options.Buyer says, a second later.
func (s *Simulator) sendAutomaticBuyer(id string) {
	if s.options.Buyer == BuyerManual {
		return
	}
	s.clock.at(s.clock.now().Add(buyerDelay), func() {
		p, err := s.submitted(id, "")
		if err != nil || !p.open() && s.options.Buyer != BuyerPay {
			return // somebody was quicker
		}
		switch s.options.Buyer {
		case BuyerPay:
			s.pays(p)
		case BuyerDecline:
			s.fail(p, "USER_BALANCE_NOT_ENOUGH")
		default:
			p.BuyerLeft = true
		}
	})
}

// submitted finds the order for a paymentId, a paymentRequestId or a paymentSessionId. A session that was not yet
// submitted is submitted: the buyer acts on it.
func (s *Simulator) submitted(id, method string) (*payment, error) {
	if p := s.byPaymentID[id]; p != nil {
		return p, nil
	}
	if created := s.sessionsByID[id]; created != nil {
		return s.submit(created, method)
	}
	var found []*payment
	for key, p := range s.byRequest {
		if key.requestID == id {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
	default:
		return nil, fmt.Errorf("paymentRequestId %s belongs to several clients: give the paymentId", id)
	}
	for _, created := range slices.Backward(s.sessions) { // an earlier one may have expired
		if created.PaymentRequestID == id {
			return s.submit(created, method)
		}
	}
	return nil, fmt.Errorf("no payment or session %s", id)
}

// act lets the buyer do something with an order, which reports whether that was possible.
func (s *Simulator) act(id string, do func(*payment) bool) error {
	s.enter()
	defer s.mu.Unlock()
	p, err := s.submitted(id, "")
	if err != nil {
		return err
	}
	if !do(p) {
		return fmt.Errorf("payment %s is %s: %w", p.PaymentID, p.Status, ErrOrderClosed)
	}
	return nil
}

// whileOpen is for what the buyer can do with an open order only.
func whileOpen(do func(*payment)) func(*payment) bool {
	return func(p *payment) bool {
		if !p.open() {
			return false
		}
		do(p)
		return true
	}
}

// BuyerPays pays an open order. It accepts a paymentId, a paymentRequestId or a paymentSessionId, like its siblings.
// After expiry or a cancel it returns ErrOrderClosed: a late buyer cannot finish (cashierpay/apm_api), unless
// Switches.PayAfterExpiry or Switches.PayAfterCancel is on.
func (s *Simulator) BuyerPays(id string) error { return s.act(id, s.pays) }

// BuyerDeclines fails an open order with USER_BALANCE_NOT_ENOUGH.
func (s *Simulator) BuyerDeclines(id string) error {
	return s.BuyerDeclinesWith(id, "USER_BALANCE_NOT_ENOUGH")
}

// BuyerDeclinesWith fails an open order with a code of ams/payment_cashier.
func (s *Simulator) BuyerDeclinesWith(id, code string) error {
	if statusOf(code) != "F" {
		return fmt.Errorf("%s is not the code of a failure", code)
	}
	return s.act(id, whileOpen(func(p *payment) { s.fail(p, code) }))
}

// BuyerLeaves closes the page and pays nothing: the order stays open until it expires.
func (s *Simulator) BuyerLeaves(id string) error {
	return s.act(id, whileOpen(func(p *payment) { p.BuyerLeft = true }))
}

// BuyerPends finishes on the buyer's side while the channel has not confirmed: PENDING, with a notification of type
// PAYMENT_PENDING (ams/paymentrn_online). BuyerPays or BuyerDeclines confirms later.
func (s *Simulator) BuyerPends(id string) error {
	return s.act(id, whileOpen(func(p *payment) {
		if p.Status == statusPending {
			return
		}
		s.move(p, statusPending, "PAYMENT_IN_PROCESS")
		s.notifyPayment(p, "PAYMENT_PENDING", s.clock.now().Add(notifyDelay))
	}))
}
