package simulator

import (
	"fmt"
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
// What a repeat does is not documented. Chosen: the same session as long as it lives or was submitted, so that one
// paymentRequestId can never be paid twice; other key fields are refused.
func (s *Simulator) createSession(c *call) answer {
	if bad := sessionRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	o := newOrder(c)
	if bad := o.checkFields(c.body); bad != nil {
		return bad.answer()
	}
	if earlier := s.liveSession(c.clientID, o.requestID); earlier != nil {
		if !earlier.order.sameKey(o) {
			return failure("REPEAT_REQ_INCONSISTENT")
		}
		return sessionAnswer(earlier)
	}
	if s.byRequest[requestKey{c.clientID, o.requestID}] != nil {
		return failure("REPEAT_REQ_INCONSISTENT")
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
	for i := len(s.sessions) - 1; i >= 0; i-- {
		created := s.sessions[i]
		if created.ClientID == clientID && created.PaymentRequestID == requestID &&
			(created.PaymentID != "" || s.clock.now().Before(created.ExpiresAt)) {
			return created
		}
	}
	return nil
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
	created.PaymentID = p.PaymentID
	if p.card() {
		if code := cardRefusal(p.order); code != "" {
			s.fail(p, code)
		}
	}
	return p, nil
}
