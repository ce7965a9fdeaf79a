package controllers

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// decideShare answers "what next?" for a refund, a capture or a declaration. It is pure.
func decideShare(f *shareFacts) decision {
	st := f.status
	switch {
	case !f.obj.GetDeletionTimestamp().IsZero() && !st.State.Final():
		return decision{do: actRest, report: reportFrom(string(st.State), st.Conditions)}
	case st.Conflict != nil:
		return decision{do: actRest, report: f.report(problem{reason: st.Conflict.Reason, message: st.Conflict.Message, stalled: true})}
	case st.State.Final():
		return f.ended()
	case f.reported.final != nil:
		return decision{do: actSettleNotified, report: f.awaiting()}
	}
	if st.Intent == nil {
		if wrong := f.unpayable(); wrong != nil {
			return *wrong.decision(f.report(*wrong))
		}
	}
	if stop := f.preconditions(f); stop != nil {
		return *stop
	}
	switch {
	case st.Intent != nil && f.rules.doneAsking(f):
		return decision{do: actRest, report: f.awaiting()}
	case st.Intent != nil:
		return f.follow(f)
	}
	if former := f.formerAttempts(f); former != nil {
		return *former
	}
	if f.rules.asksPayment(f) {
		return f.inquirePayment()
	}
	if wrong := f.refused(); wrong != nil {
		return *wrong.decision(f.report(*wrong))
	}
	if !f.reserved() && !f.suspend {
		return decision{do: actReserve, report: f.report(submittingProblem)}
	}
	return f.submitFirst(f)
}

// inquirePayment asks the gateway what the payment does not say.
func (f *shareFacts) inquirePayment() decision {
	switch {
	case f.trouble != nil:
		return f.inTrouble(f)
	case f.now.Before(f.recall.nextLook):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: f.report(submittingProblem)}
	default:
		return decision{do: actInquirePayment, report: f.report(submittingProblem)}
	}
}

// unpayable says why nothing can be taken of the payment, or not yet.
func (f *shareFacts) unpayable() *problem {
	if f.payment == nil {
		return &problem{reason: apiv1.AwaitingPaymentReason, message: fmt.Sprintf(
			"Payment %q does not exist in this namespace; the %s starts by itself once it can.", f.paymentName, f.rules.noun())}
	}
	if f.payment.Status.Conflict != nil {
		return &problem{reason: apiv1.PaymentNotPaidReason, stalled: true, message: fmt.Sprintf(
			"Payment %q contradicts what the gateway reports, so nothing is sent: see kubectl describe payment %s.", f.paymentName, f.paymentName)}
	}
	return f.rules.paymentProblem(f)
}

// refused says why the gateway would refuse the request, before anything is sent.
func (f *shareFacts) refused() *problem {
	currency := f.rules.whole(f).Currency
	own := f.note()
	switch {
	case f.later > 0:
		return &problem{reason: apiv1.FormerAttemptOpenReason, stalled: true, message: fmt.Sprintf(
			"The payment already has attempt %d of this %s, so attempt %d is not sent: set spec.attempt to %d, by creating this object anew.",
			f.later, f.rules.noun(), f.attempt, f.later)}
	case f.quantity.Currency != currency:
		return &problem{reason: apiv1.CurrencyMismatchReason, stalled: true, message: fmt.Sprintf(
			"The payment is in %s, so a %s in %s is not possible: create a %s in %s.", currency, f.rules.noun(), f.quantity.Currency, f.rules.name(), currency)}
	case f.formerDone() > 0:
		return &problem{reason: apiv1.FormerAttemptOpenReason, stalled: true, message: fmt.Sprintf(
			"The payment has attempt %d of this %s as done, so attempt %d is not sent: delete this object, or create it with attempt %d.",
			f.formerDone(), f.rules.noun(), f.attempt, f.formerDone())}
	case own != nil && own.known && own.value != f.quantity.Value:
		return &problem{reason: apiv1.RequestIDConflictReason, stalled: true, message: fmt.Sprintf(
			"The payment already has a %s under the id of this one, over %s in the smallest unit and not %s: create a %s with another name.",
			f.rules.noun(), own.value, f.quantity.Value, f.rules.name())}
	case own == nil && len(f.rules.notes(f.payment)) >= mostNoted:
		return &problem{reason: apiv1.TooManyReason, stalled: true, message: fmt.Sprintf(
			"The payment has %d %ss, and its status holds no more.", mostNoted, f.rules.noun())}
	case own != nil && own.known:
		return nil // the gateway has it already: it is found again, whatever would be refused to a new one
	}
	return f.rules.refusedHere(f)
}

// formerDone is the first former attempt that the payment has as done although it counts as failed, or 0.
func (f *shareFacts) formerDone() int32 {
	for i, id := range f.former {
		if slices.ContainsFunc(f.rules.notes(f.payment), func(n shareNote) bool { return n.requestID == id && n.settled }) {
			return int32(i) + 1
		}
	}
	return 0
}

// note is what the payment has noted of this share; nil when it has not.
func (f *shareFacts) note() *shareNote {
	notes := f.rules.notes(f.payment)
	if i := slices.IndexFunc(notes, func(n shareNote) bool { return n.requestID == f.id }); i >= 0 {
		return &notes[i]
	}
	return nil
}

// reserved reports whether the payment holds what this share takes of it.
func (f *shareFacts) reserved() bool {
	own := f.note()
	return own != nil && !own.failed && (own.value == f.quantity.Value || own.contested && minorUnits(own.value) > minorUnits(f.quantity.Value))
}

// taken is what others have taken of the payment, those of unknown outcome included.
func (f *shareFacts) taken() int64 {
	var sum int64
	for _, note := range f.rules.notes(f.payment) {
		if !note.failed && note.requestID != f.id && !slices.Contains(f.former, note.requestID) {
			sum += minorUnits(note.value)
		}
	}
	return sum
}

// noted reports whether the payment has taken note of how the share ended, so that this object may go.
func (f *shareFacts) noted() bool {
	if f.payment == nil || f.payment.Status.Amounts == nil {
		return true
	}
	for _, note := range f.rules.notes(f.payment) {
		if note.requestID == *f.statusRequestID {
			return note.settled && f.status.State == f.rules.done() || note.failed && f.status.State != f.rules.done()
		}
	}
	return f.status.State == apiv1.StateFailed
}

func (f *shareFacts) recorded() recorded {
	st := f.status
	return recorded{
		noun: f.rules.noun(), attempt: f.attempt, endedAttempts: st.EndedAttempts, suspend: f.suspend,
		intent: st.Intent, lastResult: st.LastResult, gatewayID: *f.statusGatewayID, adopted: st.Adopted, empty: st.EmptyAnswers,
		created: f.obj.GetCreationTimestamp().Time, held: heldBack(st.Conditions), pace: f.rules.pace(f),
		seen:     *f.statusGatewayID != "" || st.State == apiv1.StateProcessing || st.State == apiv1.DeclarationUndetermined || st.State == f.rules.done(),
		unlisted: f.rules.listedOnly() && *f.statusGatewayID == "",
	}
}

// ended reports one that has ended. What the gateway has announced to the contrary is asked about first.
func (f *shareFacts) ended() decision {
	decided := f.finished()
	if !f.news.contradicted {
		return decided
	}
	return f.confirmEnd(f, decided)
}

// finished reports one that the gateway has ended.
func (f *shareFacts) finished() decision {
	st := f.status
	told := report{state: string(st.State)}
	if st.State == f.rules.done() {
		told.verdict, told.succeeded = ready, metav1.ConditionTrue
		told.reason, told.message = f.rules.doneReport()
	} else {
		told.verdict, told.succeeded = stalled, metav1.ConditionFalse
		told.reason, told.message = f.rules.failedReport(f)
	}
	if f.ttl != nil && !f.noted() {
		return decision{do: actRest, report: told} // the payment's change wakes this object
	}
	return untilExpired(told, f.ttl, st.FinishedAt, f.now)
}

// failedReport says in words that nothing came of it, and why.
func (f *shareFacts) failedReport() (reason, message string) {
	last := f.status.LastResult
	if last == nil || last.ResultCode == "" {
		return apiv1.NeverPlacedReason, fmt.Sprintf("The %s failed and no money moved: raise spec.attempt to try again, or create a new %s.",
			f.rules.noun(), f.rules.name())
	}
	return reasonFor(last.ResultCode), fmt.Sprintf(
		"The gateway refused the %s (%s: %s) and no money moved: mend the cause, then raise spec.attempt or create a new %s.",
		f.rules.noun(), last.ResultCode, last.ResultMessage, f.rules.name())
}

// report tells of a problem without touching what is known of the outcome.
func (f *shareFacts) report(p problem) report {
	st := f.status
	told := report{
		state: string(st.State), verdict: p.verdict(), succeeded: metav1.ConditionUnknown,
		unknown: st.State == apiv1.StateUnknown, reason: p.reason, message: p.message,
	}
	switch {
	case st.Intent == nil && p.stalled, st.Conflict != nil, p.reason == apiv1.RequestChangedReason:
		told.state = string(apiv1.StateBlocked)
	case st.Intent == nil:
		told.state = string(apiv1.StatePending)
	}
	return told
}

// awaiting says what a submitted request waits for.
func (f *shareFacts) awaiting() report {
	switch f.status.State {
	case apiv1.StateProcessing, apiv1.DeclarationUndetermined:
		return f.report(f.rules.inProcess(f))
	case apiv1.StateUnknown:
		return f.report(problem{
			reason: apiv1.OutcomeUnknownReason,
			message: fmt.Sprintf("A request was sent and its answer was lost, so nobody knows whether the %s exists; the gateway is asked again until it tells.",
				f.rules.noun()),
		})
	default:
		return f.report(submittingProblem)
	}
}
