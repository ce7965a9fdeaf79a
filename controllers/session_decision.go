package controllers

import (
	"fmt"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// sessionGrace is how long after the end of a session an order may still come to be known that was submitted in its last second.
const sessionGrace = time.Minute

// provableFrom is when answers that there is no order begin to prove that nobody has used, or can use, a session of this payment. Zero for
// another payment. While no session of this object is known, one that a former object of its name was given may still be open.
func (f *paymentFacts) provableFrom() time.Time {
	st, session := &f.payment.Status, f.payment.Spec.Session
	switch {
	case session == nil:
		return time.Time{}
	case st.Session != nil && st.Session.ExpiryTime != nil:
		return st.Session.ExpiryTime.Add(sessionGrace)
	default:
		return f.payment.CreationTimestamp.Add(sessionLife(session) + sessionGrace)
	}
}

// emptyAnswerCounts reports whether an answer that there is no order proves anything.
func (f *paymentFacts) emptyAnswerCounts() bool {
	return !f.now.Before(f.provableFrom())
}

// afterFormerSession waits until nobody can use a session of a former attempt any more, before answers that there is no order prove that the
// attempt has ended.
func (f *paymentFacts) afterFormerSession(decided decision) decision {
	if f.emptyAnswerCounts() || decided.report.reason != apiv1.SubmittingReason {
		return decided
	}
	if decided.do == actWait && f.trouble != nil {
		decided.after = f.sessionDelay()
	}
	decided.report = f.report(problem{reason: apiv1.SubmittingReason, message: fmt.Sprintf("A former object may have offered attempt %d in a session that "+
		"somebody can still use: attempt %d is offered once the gateway has proved, after %s, that it has no order of the former one.",
		f.payment.Status.EndedAttempts+1, f.payment.Spec.Attempt, clockTime(f.provableFrom()))})
	return decided
}

// renewable reports whether a session that has expired unused is made anew: not where the gateway has refused that before.
func (f *paymentFacts) renewable() bool {
	session := f.payment.Status.Session
	if session == nil || session.Renewals >= f.payment.Spec.Session.Renewals || f.wantsCancelled() {
		return false
	}
	renewalRefused := session.Renewals > 0 && session.ExpiryTime != nil && session.SecretName == ""
	return !renewalRefused
}

// sameSession reports whether the session is asked for again with the bytes that were recorded. Of a session of its own life, enough must be
// left for a buyer; one of the gateway's life counts from each request.
func (f *paymentFacts) sameSession() bool {
	st, spec := &f.payment.Status, f.payment.Spec.Session
	switch {
	case st.Intent == nil, st.Session == nil, st.Session.RequestedAt == nil, st.Session.ExpiryTime != nil, spec.LifetimeSeconds == 0:
		return false
	default:
		return f.buildErr == nil && f.hash == st.Intent.RequestSHA256 && f.now.Sub(st.Session.RequestedAt.Time) < sessionLife(spec)/2
	}
}

// offer brings a session to a buyer, and follows it until the gateway knows an order.
func (f *paymentFacts) offer() decision {
	switch intent := f.payment.Status.Intent; {
	case intent == nil && f.wantsCancelled():
		return f.cancelUnsent()
	case intent == nil:
		return f.offerFirst()
	default:
		return f.followSession()
	}
}

// offerFirst asks once whether the gateway has an order under the id, before the first session is asked for. What a repeated
// createPaymentSession does is not documented, unlike for pay: without the question, an object that was made anew, or in another cluster,
// might offer a second checkout of what is already paid.
func (f *paymentFacts) offerFirst() decision {
	switch {
	case f.payment.Spec.Suspend:
		return decision{do: actRest, report: f.report(suspended)}
	case !f.asked && f.recall.failures > 0 && f.now.Before(f.recall.nextLook): // without failures, the time may be that of a Secret's next look
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: f.report(submittingProblem)}
	case !f.asked:
		return decision{do: actInquire, report: f.report(submittingProblem)}
	case f.trouble != nil && f.trouble.outcome != notFound:
		return f.inTrouble(f)
	case f.trouble == nil, f.recorded().seen:
		return decision{do: actWait, after: f.sessionDelay(), report: f.notOffered()}
	default:
		return decision{do: actRecordIntent, report: f.report(submittingProblem)}
	}
}

// notOffered says why no session is asked for although the gateway knows no order.
func (f *paymentFacts) notOffered() report {
	if f.recorded().seen {
		return f.report(problem{reason: apiv1.OutcomeUnknownReason, message: "The gateway has announced an order under this id and does not know it when it is " +
			"asked; it is asked again, and no session is asked for."})
	}
	return f.report(problem{reason: apiv1.SessionNotRepeatedReason, message: "The gateway says that something under this id is in process (" +
		alipay.CodePaymentInProcess + "): a former object of this name, or one in another cluster, may have a session. It is asked again, and no session is " +
		"asked for meanwhile."})
}

// followSession asks for a session until there is one, and follows it to its end.
func (f *paymentFacts) followSession() decision {
	st := &f.payment.Status
	given := st.Session != nil && st.Session.ExpiryTime != nil
	refusal := refusalCode(st.LastResult, "")
	open := f.asked && f.trouble == nil // the gateway only says that something is in process
	empty := f.asked && f.trouble != nil && f.trouble.outcome == notFound
	proved := empty && f.emptyAnswerCounts() && emptyCount(st.EmptyAnswers, f.id) >= emptyAnswers
	unsent := f.recall.unsent && f.now.Sub(st.Intent.LastSubmittedAt().Time) < unsentFor && !f.wantsCancelled() && !f.payment.Spec.Suspend
	wait := func() decision { return decision{do: actWait, after: f.sessionDelay(), report: f.awaitingSession()} }
	switch {
	case f.trouble != nil && f.trouble.outcome == refused && f.moved && !f.asked:
		return decision{do: actInquire, report: f.awaitingSession()} // a refusal is confirmed at once
	case f.trouble != nil && f.trouble.outcome == refusedIdentity:
		return decision{do: actWait, after: f.sessionDelay(), report: f.report(*f.trouble.problem())}
	case f.withheld != nil && f.moved:
		return *f.withheld.decision(f.report(*f.withheld))
	case f.moved && !f.asked, f.trouble != nil && !empty, open && (given || refusal != "" || f.moved):
		return wait()
	case unsent && !given && !f.moved && f.withheld == nil && f.buildErr == nil && f.hash == st.Intent.RequestSHA256:
		return decision{do: actSubmit, report: f.awaitingSession()}
	case !f.asked && f.now.Before(f.recall.nextLook):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: f.awaitingSession()}
	case !f.asked:
		return decision{do: actInquire, report: f.awaitingSession()}
	case f.wantsCancelled() && proved:
		return decision{do: actSettleCancelled, report: f.awaitingSession()}
	case f.wantsCancelled():
		return wait()
	case refusal != "" && !given:
		return decision{do: actSettleFailed, report: f.awaitingSession()}
	case given && !proved:
		return wait()
	case given && !f.renewable():
		return decision{do: actSettleFailed, report: f.awaitingSession()}
	case f.payment.Spec.Suspend:
		return decision{do: actWait, after: spread(pollDelay(f.now.Sub(st.Intent.SubmittedAt.Time), false), f.jitter), report: f.report(suspended)}
	case f.withheld != nil:
		return *f.withheld.decision(f.report(*f.withheld))
	case f.buildErr != nil:
		return decision{do: actRest, report: f.report(problem{reason: apiv1.RequestInvalidReason, stalled: true,
			message: "The session can not be asked for again: " + f.buildErr.Error() + "."})}
	default:
		return decision{do: actRecordIntent, report: f.awaitingSession()}
	}
}

// sessionDelay is how long to wait before the gateway is asked about the session again. That it knows no order is what it says while nobody
// has submitted, so it is asked seldom: as often as about an order that it announces by itself. Where it announces nothing, or the order is
// to be cancelled as soon as it is there, every 10 s and then after a twentieth of the session's age. After the end, as often as proves
// that there is none.
func (f *paymentFacts) sessionDelay() time.Duration {
	const fastest = 10 * time.Second
	st := &f.payment.Status
	submission := f.submission(f.recorded())
	from := f.provableFrom()
	age := f.now.Sub(f.payment.CreationTimestamp.Time)
	if st.Intent != nil {
		age = f.now.Sub(st.Intent.LastSubmittedAt().Time)
	}
	notified := st.Intent != nil && st.Intent.NotifyURL != "" && !f.wantsCancelled()
	switch left := from.Sub(f.now); {
	case f.trouble != nil && f.trouble.outcome != notFound, left <= 0:
		return submission.delay()
	default:
		return min(max(spread(pollDelay(age, notified), f.jitter), fastest), left+time.Second)
	}
}

// awaitingSession says where the session is and for whom it waits.
func (f *paymentFacts) awaitingSession() report {
	st := &f.payment.Status
	if st.Session == nil || st.Session.ExpiryTime == nil {
		if f.wantsCancelled() {
			return f.report(problem{reason: apiv1.CancellingReason, message: "The payment is being cancelled: that is so once the gateway has proved, after " +
				clockTime(f.provableFrom()) + ", that it has no order under its id."})
		}
		if f.recall.failures > 0 {
			return f.report(problem{reason: apiv1.GatewayUnreachableReason, message: "The gateway gives no usable answer to the request for a session, and is asked " +
				"again. Nobody can use a session whose answer was lost."})
		}
		return f.report(submittingProblem)
	}
	end := clockTime(st.Session.ExpiryTime.Time)
	over := !f.now.Before(st.Session.ExpiryTime.Time)
	switch {
	case f.wantsCancelled():
		return f.report(problem{reason: apiv1.CancellingReason, message: "A checkout session can not be closed at the gateway: the payment is cancelled at once " +
			"if the buyer submits, and otherwise when the session has expired unused, soon after " + end + "."})
	case st.Session.SecretName == "":
		return f.report(problem{reason: apiv1.SessionNotRepeatedReason, stalled: true, message: "The gateway has a session under this id that this object has " +
			"not, as its answer was lost or another object has it, and does not give it out again (" + alipay.CodeRepeatReqInconsistent + "). It is followed, " +
			"and has expired at " + end + " at the latest."})
	case over && f.payment.Spec.Suspend:
		return f.report(suspended)
	case over:
		return f.report(problem{reason: apiv1.AwaitingBuyerReason, message: "The session has expired at " + end + "; the gateway is asked whether anybody has used it."})
	case f.payment.Spec.Suspend:
		return f.report(problem{reason: apiv1.SuspendedReason, message: "Nothing is sent while spec.suspend is true, but the session that is there can be used until " + end + "."})
	default:
		place := fmt.Sprintf("open the checkout with the session in Secret %q", st.Session.SecretName)
		if st.Checkout != nil {
			place = "send the buyer to status.checkout.normalUrl"
		}
		return f.report(problem{reason: apiv1.AwaitingBuyerReason, message: fmt.Sprintf("Nobody has submitted yet: %s, until %s.", place, end)})
	}
}

// clockTime is a time as messages show it.
func clockTime(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// sessionExpired reports whether a payment failed because nobody has used its session.
func sessionExpired(payment *apiv1.Payment) bool {
	st := &payment.Status
	if st.Session == nil || st.Session.Submitted || st.PaymentID != "" {
		return false
	}
	refused := refusalCode(st.LastResult, "")
	return refused == "" || refused == alipay.CodeRepeatReqInconsistent || st.Session.Renewals > 0
}

// sessionExpiredMessage says how the last session ended.
func sessionExpiredMessage(st *apiv1.PaymentStatus) string {
	message := "The session has expired and nobody has used it"
	if st.LastResult != nil {
		message += fmt.Sprintf(", and the gateway does not make another under the same id (%s)", st.LastResult.ResultCode)
	}
	return message + ". No money moved: raise spec.attempt to offer it again, or create a new Payment."
}
