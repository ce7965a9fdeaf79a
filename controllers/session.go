package controllers

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A checkout session moves no money by itself, but makes it possible that money moves under its paymentRequestId: so its intent is on record
// before it is asked for. A session whose answer was lost can be used by nobody, and is asked for again. One that somebody may have is
// followed until the gateway knows an order, or has proved that there is none after its end.

// methodOf is the method with which the payment is made, or empty while it is not known.
func methodOf(payment *apiv1.Payment) string {
	switch {
	case payment.Spec.Cashier != nil:
		return payment.Spec.Cashier.PaymentMethodType
	case payment.Spec.Session != nil:
		return cmp.Or(payment.Status.PaymentMethodType, payment.Spec.Session.PaymentMethodType)
	default:
		return payment.Status.PaymentMethodType // the wallet of an automatic debit
	}
}

// sessionPass is what a pass over a payment has gathered of its session.
type sessionPass struct {
	request *alipay.CreatePaymentSessionRequest
	// secret is the Secret as it is; nil when there is none.
	secret *corev1.Secret
}

// gatherSession reads the Secret of a session that is to be asked for, or whose answer is not on record, and finds out whether it may be
// written.
func (p *paymentPass) gatherSession(ctx context.Context) {
	var found *problem
	if p.session.secret, found = p.sessionSecret(ctx, p.payment); found == nil && !p.wantsCancelled() {
		found = p.putSession(ctx, p.payment, p.session.secret, nil, true)
	}
	if p.withheld == nil {
		p.withheld = found
	}
}

// needsSessionSecret reports whether a session may have to be asked for now, or may have been without that being on record.
func (f *paymentFacts) needsSessionSecret() bool {
	spec, st := &f.payment.Spec, &f.payment.Status
	given := st.Session != nil && st.Session.ExpiryTime != nil
	switch {
	case spec.Session == nil, f.account.problem != nil, st.Conflict != nil, st.State.Final(), f.recorded().seen:
		return false
	case !f.payment.DeletionTimestamp.IsZero() && !f.cancelOnDelete():
		return false
	case st.Intent == nil:
		return !f.wantsCancelled()
	default:
		return !given || f.renewable() && !f.now.Before(f.provableFrom())
	}
}

// beginSession brings the session up to date with what was gathered.
func (p *paymentPass) beginSession() {
	st := &p.payment.Status
	for i := range p.news.verified {
		if id := p.news.verified[i].subject.PaymentRequestID; id != "" && id == p.id {
			p.answers.submitted() // the gateway has spoken of the order: whatever it says when it is asked, there was one
		}
	}
	if st.Intent != nil && st.Session != nil && st.Session.ExpiryTime == nil && holdsSession(p.session.secret, p.id, p.requestedAt()) {
		// The session was kept, and the process ended before that was on record. Somebody may have it by now.
		expiry, err := time.Parse(time.RFC3339, string(p.session.secret.Data[apiv1.SessionExpirySecretKey]))
		if limit := p.now.Add(sessionLife(p.payment.Spec.Session)); err != nil || expiry.After(limit) {
			expiry = limit
		}
		p.give(later(expiry, p.plannedExpiry()), string(p.session.secret.Data[apiv1.SessionDataSecretKey]), string(p.session.secret.Data[apiv1.SessionURLSecretKey]))
	}
	if p.wantsCancelled() && !p.recorded().seen {
		st.Checkout = nil // no more buyers are to be sent there
	}
}

// requestedAt is the time from which the session's request counts.
func (p *paymentPass) requestedAt() time.Time {
	if session := p.payment.Status.Session; session != nil && session.RequestedAt != nil {
		return session.RequestedAt.Time
	}
	return p.intent.SubmittedAt.Time
}

// plannedExpiry is when the session ends by the operator's clock, if the gateway says nothing else.
func (p *paymentPass) plannedExpiry() time.Time {
	return p.requestedAt().Add(sessionLife(p.payment.Spec.Session))
}

// intendSession writes the intent to ask for a session: for the first time; again, as the answer was lost; or anew, as the former one has
// expired unused.
func (p *paymentPass) intendSession() {
	st := &p.payment.Status
	now := &metav1.Time{Time: p.now.Truncate(time.Second)}
	sameBytes := p.sameSession()
	if st.Session == nil {
		st.Session = &apiv1.SessionStatus{}
	}
	switch given := st.Session.ExpiryTime != nil; {
	case st.Intent == nil:
		p.keepIntent()
	case given:
		st.Session.Renewals++
		st.Session.ExpiryTime, st.Checkout = nil, nil
		fallthrough
	default:
		st.Intent.ResubmittedAt = now
	}
	if !sameBytes {
		st.Session.RequestedAt = now
		p.makeRequest()
		st.Intent.RequestSHA256 = p.hash
	}
	st.State, st.EmptyAnswers, st.LastResult = apiv1.StateSubmitting, nil, nil
}

// sessionUnanswered reports whether the last request for a session has brought none, and the gateway says that nobody has used it.
func (p *paymentPass) sessionUnanswered() bool {
	st := &p.payment.Status
	waits := p.payment.Spec.Session != nil && st.Intent != nil && st.Session != nil && st.Session.ExpiryTime == nil
	return waits && (p.trouble == nil || p.trouble.outcome == notFound)
}

// stillOpen reports whether the gateway only says that something under the id is in process: that is no order, and no failure to answer.
func (p *paymentPass) stillOpen(err error) bool {
	return p.payment.Spec.Session != nil && !p.recorded().seen && classify(err) == unknown && alipay.ResultCode(err) == alipay.CodePaymentInProcess
}

// submitSession sends createPaymentSession.
func (p *paymentPass) submitSession(ctx context.Context) error {
	st := &p.payment.Status
	unsent := p.recall.unsent
	p.recall.unsent, p.asked = false, false // what was asked before does not tell what becomes of it
	if unsent {
		p.warnDisabled(ctx, p.payment)
	}
	answer, err := p.gateway().client.CreatePaymentSession(ctx, p.session.request)
	switch classify(err) {
	case settled:
		return p.keepSession(ctx, answer)
	case notSent:
		p.recall.unsent = unsent
	case refused, notFound:
		st.LastResult = p.answers.withoutText(refusal(err))
		if st.LastResult.ResultCode == alipay.CodeRepeatReqInconsistent {
			// The gateway may have a session of this id that it does not give out again. Whoever has it can use it until it ends.
			st.State, st.Session.ExpiryTime = apiv1.StateProcessing, wholeSeconds(p.now.Add(sessionLife(p.payment.Spec.Session)))
			st.Session.SecretName = ""
		}
		return &refusedError{err}
	case unknown, refusedIdentity:
		// Nobody has a session whose answer was lost.
	}
	return err
}

// keepSession writes the session into its Secret before the status says that it is there.
func (p *paymentPass) keepSession(ctx context.Context, answer *alipay.CreatePaymentSessionResponse) error {
	if answer.PaymentSessionData == "" && answer.NormalURL == "" {
		return errUnusable
	}
	now := p.Clock.Now()
	expiry := p.plannedExpiry()
	if end := answer.PaymentSessionExpiryTime; !end.IsZero() && !answer.ResponseTime.IsZero() {
		// The gateway's clock may differ from ours: what counts is how long it says that the session lives.
		expiry = now.Add(sessionLife(p.payment.Spec.Session))
		if left := end.Sub(answer.ResponseTime); left > 0 {
			expiry = later(now.Add(left), end.Time)
		}
	}
	expiry = wholeSeconds(expiry).Time
	if found := p.putSession(ctx, p.payment, p.session.secret, sessionData(answer, p.id, p.requestedAt(), expiry), false); found != nil {
		p.withheld = found
		return nil
	}
	p.give(expiry, string(answer.PaymentSessionData), answer.NormalURL)
	return nil
}

// give notes that the session is there for the shop.
func (p *paymentPass) give(expiry time.Time, data, page string) {
	st := &p.payment.Status
	st.State, st.LastResult, st.Checkout = apiv1.StateProcessing, nil, nil
	st.Session.ExpiryTime, st.Session.SecretName = wholeSeconds(expiry), sessionSecretName(p.payment)
	if page != "" && len(page) <= longestURL && !repeats(page, data) {
		st.Checkout = &apiv1.Checkout{NormalURL: page}
	}
}

// longestURL is the limit of an address in a status.
const longestURL = 2048

// repeats reports whether an address contains the session's data, which has no place in a status.
func repeats(page, data string) bool {
	return data != "" && (strings.Contains(page, data) || strings.Contains(page, url.QueryEscape(data)) || strings.Contains(page, url.PathEscape(data)))
}

// submitted notes that the gateway has known an order for the session. An answer that it knows none proves nothing from then on.
func (a paymentAnswers) submitted() {
	if a.payment.Spec.Session == nil {
		return
	}
	st := &a.payment.Status
	if st.Session == nil {
		st.Session = &apiv1.SessionStatus{}
	}
	st.Session.Submitted = true
}

// noteMethod notes how the buyer of a session pays, as far as the answer tells.
func (a paymentAnswers) noteMethod(answer *alipay.InquiryPaymentResponse) {
	st := &a.payment.Status
	if a.payment.Spec.AutoDebit != nil {
		st.PaymentMethodType = cmp.Or(st.PaymentMethodType, cut(answer.PaymentMethodType, 64)) // adopted, and the agreement is gone
		return
	}
	if a.payment.Spec.Session == nil || st.State.Final() {
		return
	}
	if answer.PaymentMethodType != "" {
		st.PaymentMethodType = cut(answer.PaymentMethodType, 64)
	}
	if !answer.AuthExpiryTime.IsZero() { // only a card has one, whatever else is said
		st.AuthorizationExpiryTime = &metav1.Time{Time: answer.AuthExpiryTime.Truncate(time.Second)}
	}
}

// successByUnknownMethod notes that the buyer is done, and nobody knows how.
func (a paymentAnswers) successByUnknownMethod(answer *alipay.InquiryPaymentResponse) {
	a.open(apiv1.PaymentConfirming)
	at := answer.PaymentTime.Time
	if at.IsZero() {
		at = cmp.Or(answer.ResponseTime, a.now)
	}
	a.payment.Status.PaymentTime = &metav1.Time{Time: at.Truncate(time.Second)}
}

// wholeSeconds rounds up to what a status keeps.
func wholeSeconds(at time.Time) *metav1.Time {
	return &metav1.Time{Time: at.Add(time.Second - 1).Truncate(time.Second)}
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}
