package simulator

import (
	"fmt"
	"slices"
	"time"
)

const sessionLife = time.Hour // default and limit (ams/session_cashier)

// session waits for a buyer to submit; only then does a payment exist.
type session struct {
	Session
	order order
	code  string
}

// createSession is payments/createPaymentSession (ams/session_cashier).
//
// What a repeat does is not documented, see Switches.SessionRepeat. In any case one paymentRequestId is never paid twice, and other key
// fields are refused.
func (s *Simulator) createSession(c *call) answer {
	if bad := sessionRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	o := newOrder(c)
	if bad := o.checkFields(c.body); bad != nil {
		return bad.answer()
	}
	earlier := s.liveSession(c.clientID, o.requestID)
	switch {
	case earlier == nil && s.byRequest[requestKey{c.clientID, o.requestID}] != nil, earlier != nil && !earlier.order.sameKey(o):
		return failure("REPEAT_REQ_INCONSISTENT")
	case s.switches.SessionRepeat == SessionRefused && s.lastSession(c.clientID, o.requestID) != nil:
		return failure("REPEAT_REQ_INCONSISTENT")
	case s.switches.SessionRepeat == SessionSame && earlier != nil:
		return sessionAnswer(earlier)
	}
	if bad := s.admit(o); bad != nil {
		return bad.answer()
	}
	life := sessionLife
	if own := c.body.time("paymentSessionExpiryTime"); !own.IsZero() {
		life = own.Sub(c.sentAt)
		if life <= 0 || life > sessionLife {
			return illegal("paymentSessionExpiryTime", "must be within one hour after the request").answer()
		}
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	created := &session{order: o, code: s.newCode(), Session: Session{
		SessionID: "UNv" + s.newID("SESSION"), PaymentRequestID: o.requestID, ClientID: c.clientID, Amount: o.amount,
		CreatedAt: c.now, ExpiresAt: c.now.Add(life),
	}}
	if earlier != nil {
		created.PaymentID = earlier.PaymentID
	}
	if c.body.text("productScene") != "ELEMENT_PAYMENT" {
		created.NormalURL = c.base + "/checkout/" + created.code
		s.byCode[created.code] = checkout{session: created}
	}
	s.sessions = append(s.sessions, created)
	s.sessionsByID[created.SessionID] = created
	s.sendAutomaticBuyer(created.SessionID)
	return sessionAnswer(created)
}

func sessionAnswer(created *session) answer {
	fields := map[string]any{
		"paymentSessionId": created.SessionID, "paymentSessionData": created.SessionID + "&&SG",
		"paymentSessionExpiryTime": wireTime(created.ExpiresAt),
	}
	if created.NormalURL != "" {
		fields["normalUrl"] = created.NormalURL
	}
	return success(fields)
}

// liveSession finds the session that holds a paymentRequestId: one that was submitted or may still be.
func (s *Simulator) liveSession(clientID, requestID string) *session {
	return s.latest(func(created *session) bool {
		return created.of(clientID, requestID) && (created.PaymentID != "" || s.clock.now().Before(created.ExpiresAt))
	})
}

// lastSession finds the latest session of a paymentRequestId, however it ended.
func (s *Simulator) lastSession(clientID, requestID string) *session {
	return s.latest(func(created *session) bool { return created.of(clientID, requestID) })
}

func (s *Simulator) latest(match func(*session) bool) *session {
	for _, created := range slices.Backward(s.sessions) {
		if match(created) {
			return created
		}
	}
	return nil
}

func (s *session) of(clientID, requestID string) bool {
	return s.ClientID == clientID && s.PaymentRequestID == requestID
}

// submit makes the session's payment, with the method the buyer chose if the request left it open.
func (s *Simulator) submit(created *session, method string) (*payment, error) {
	if created.PaymentID != "" {
		return s.byPaymentID[created.PaymentID], nil
	}
	if !s.clock.now().Before(created.ExpiresAt) {
		return nil, fmt.Errorf("session %s has expired: %w", created.SessionID, ErrOrderClosed)
	}
	o := created.order
	if o.method == "" {
		o.method = method
	}
	if o.method == "" {
		o.method = cardMethod
	}
	if o.expiryGiven { // an own paymentExpiryTime counts from the request, not from here
		o.expiresIn -= s.clock.now().Sub(created.CreatedAt)
	}
	if bad := s.admit(o); bad != nil {
		return nil, fmt.Errorf("session %s cannot be paid by %s: %s", created.SessionID, o.method, bad.code)
	}
	p := s.open(o, "")
	delete(s.byCode, p.code)
	p.code, p.links, p.NormalURL = created.code, nil, created.NormalURL
	p.order.method = created.order.method // a repeat is compared with what was asked for
	p.firstAnswer = inProcessAnswer(p)
	for _, other := range s.sessions { // several may share the id
		if other.of(o.clientID, o.requestID) && s.clock.now().Before(other.ExpiresAt) {
			other.PaymentID = p.PaymentID
		}
	}
	if p.card() {
		if code := cardRefusal(p.order); code != "" {
			s.fail(p, code)
		}
	}
	return p, nil
}
