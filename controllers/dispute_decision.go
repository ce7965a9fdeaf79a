package controllers

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// disputeFacts is everything that a decision about a dispute rests on.
type disputeFacts struct {
	facts
	dispute *apiv1.Dispute
	// notes are all notifications: those on record and those that have come since.
	notes []apiv1.DisputeNotification
}

// wanted reports whether the spec has an answer that was not sent.
func (f *disputeFacts) wanted() bool {
	response, sent := f.dispute.Spec.Response, f.dispute.Status.Response
	return response != nil && (sent == nil || response.Attempt > sent.Intent.Attempt)
}

// lastJudgement is the judgement that counts; nil while there is none.
func (f *disputeFacts) lastJudgement() *apiv1.DisputeNotification {
	judged := judgements(f.notes)
	if len(judged) == 0 {
		return nil
	}
	return &judged[len(judged)-1]
}

// state is what the dispute has come to, by all that was announced and answered, in whatever order that came.
func (f *disputeFacts) state() apiv1.DisputeState {
	last := f.lastJudgement()
	if last != nil {
		outcome := outcomeOf(last)
		if ended := stateOfOutcome(outcome); ended != "" {
			return ended
		}
		if outcome == alipay.DisputeUndecided {
			return apiv1.DisputeJudged
		}
	}
	switch {
	case announced(f.notes, alipay.NotifyRDRResolved):
		return apiv1.DisputeResolvedByRDR
	case announced(f.notes, alipay.NotifyDisputeCancelled):
		return apiv1.DisputeCancelled
	case announced(f.notes, alipay.NotifyDisputeAccepted):
		return apiv1.DisputeAccepted
	}
	if answered := f.answeredState(last); answered != "" {
		return answered
	}
	switch {
	case last == nil && announced(f.notes, alipay.NotifyDefenseSupplied):
		return apiv1.DisputeDefenseSupplied
	case len(f.notes) == 0:
		return apiv1.DisputePending
	case f.overdue():
		return apiv1.DisputeExpired
	default:
		return apiv1.DisputeOpen
	}
}

// answeredState is the state that the merchant's answer leads to; "" where it says nothing, as one that was refused, or one from before the last
// judgement.
func (f *disputeFacts) answeredState(last *apiv1.DisputeNotification) apiv1.DisputeState {
	sent := f.dispute.Status.Response
	if sent == nil || last != nil && sent.AnswersJudgement != last.SHA256 {
		return ""
	}
	defended := last == nil && announced(f.notes, alipay.NotifyDefenseSupplied)
	accepts := sent.Action == string(apiv1.AcceptDispute)
	switch sent.Result {
	case apiv1.ResponseUnanswered:
		switch {
		case accepts:
			return apiv1.DisputeAccepting
		case !defended:
			return apiv1.DisputeDefending
		}
	case apiv1.ResponseTaken:
		if accepts {
			return apiv1.DisputeAccepted
		}
		return apiv1.DisputeDefenseSupplied
	case apiv1.ResponseOtherDecision:
		if !defended {
			return apiv1.DisputeDecisionUnknown
		}
	case apiv1.ResponseTooLate:
		if !defended {
			return apiv1.DisputeExpired
		}
	default: // refused: nothing has happened
	}
	return ""
}

// overdue reports whether the time to decide is over.
func (f *disputeFacts) overdue() bool {
	due := f.dispute.Status.DefenseDueTime
	return due != nil && !f.now.Before(due.Time)
}

// decideDispute answers "what next?". It is pure.
func decideDispute(f *disputeFacts) decision {
	state := f.state()
	switch {
	case !f.dispute.DeletionTimestamp.IsZero():
		return decision{do: actRest, report: reportFrom(string(f.dispute.Status.State), f.dispute.Status.Conditions)}
	case onItsWay(state):
		return f.sendAnswer()
	case f.wanted() && !state.Final():
		return f.newAnswer(state)
	default:
		return f.untilDue(f.tell(state))
	}
}

// newAnswer records the answer that the spec asks for, unless the gateway would refuse it.
func (f *disputeFacts) newAnswer(state apiv1.DisputeState) decision {
	if wrong := f.unanswerable(state); wrong != nil {
		return f.untilDue(f.report(*wrong))
	}
	if state != apiv1.DisputeOpen && state != apiv1.DisputePending {
		return f.untilDue(f.tell(state))
	}
	if stop := f.preconditions(f); stop != nil {
		return f.sooner(*stop)
	}
	return decision{do: actRecordIntent, report: f.report(submittingProblem)}
}

// unanswerable says why the answer that the spec asks for is not sent.
func (f *disputeFacts) unanswerable(state apiv1.DisputeState) *problem {
	st := &f.dispute.Status
	switch {
	case state == apiv1.DisputeDefenseSupplied:
		return &problem{reason: apiv1.AlreadyDecidedReason, stalled: true, message: "A defence was handed in already, by this operator, in the dashboard or by the gateway " +
			"itself, so spec.response is not sent: remove it, and wait for the judgement."}
	case state == apiv1.DisputeExpired:
		return &problem{reason: apiv1.DefenseTimeOverReason, stalled: true, message: "The time to accept or to defend is over, so spec.response is not sent: remove it, and wait for the judgement."}
	case f.dispute.Spec.Response.Action == apiv1.DefendDispute && st.Defendable != nil && !*st.Defendable:
		return &problem{reason: apiv1.NotDefendableReason, stalled: true, message: "The gateway takes no defence of this dispute, so spec.response is not sent: set action to Accept, or remove it."}
	default:
		return nil
	}
}

// sendAnswer sends what is on record, again and again the same, until the gateway tells what became of it. There is no call that asks.
func (f *disputeFacts) sendAnswer() decision {
	told := f.awaiting()
	intent := &f.dispute.Status.Response.Intent
	if stop := f.preconditions(f); stop != nil {
		return f.sooner(*stop)
	}
	switch {
	case f.moved:
		if f.trouble != nil && (f.recall.unsent || f.trouble.outcome == refusedIdentity) {
			told = f.report(*f.trouble.problem())
		}
		return f.sooner(decision{do: actWait, after: f.delay(), report: told})
	case f.withheld != nil:
		return f.sooner(*f.withheld.decision(f.report(*f.withheld)))
	case f.buildErr != nil || f.hash != intent.RequestSHA256:
		changed := problem{reason: apiv1.RequestChangedReason, stalled: true, retry: secretRetry, message: "The answer was sent and its outcome is not known, and the evidence is " +
			"no longer the file that was sent, so it is not sent again: put the same file back (status.response.evidenceSHA256), or look in the dashboard."}
		return f.sooner(*changed.decision(f.report(changed)))
	case !f.recall.unsent && f.now.Before(f.recall.nextLook):
		return f.sooner(decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: told})
	default:
		return decision{do: actSubmit, report: told}
	}
}

// delay is how long to wait before the same answer is sent again.
func (f *disputeFacts) delay() time.Duration {
	if f.trouble != nil && f.trouble.outcome == refusedIdentity {
		return spread(refusedIdentityDelay, f.jitter)
	}
	return spread(failureDelay(max(f.recall.failures, 1)), f.jitter)
}

// untilDue waits until a warning falls due or the time to decide is over.
func (f *disputeFacts) untilDue(told report) decision {
	return f.sooner(decision{do: actRest, report: told})
}

// sooner cuts a wait short where something falls due before its end.
func (f *disputeFacts) sooner(d decision) decision {
	_, next := dueWarning(f.dispute.Status.DefenseDueTime, f.now)
	if next == 0 || !undecided(f.state()) {
		return d
	}
	if d.do == actRest {
		return decision{do: actWait, after: next, ended: true, report: d.report}
	}
	d.after = min(d.after, next)
	return d
}

func (f *disputeFacts) recorded() recorded {
	r := recorded{noun: "answer"}
	if onItsWay(f.state()) {
		r.intent = &f.dispute.Status.Response.Intent
	}
	return r
}

// onItsWay reports whether an answer was sent, or is about to be, whose outcome is not known. One of before the last judgement is over, whatever
// was said to it.
func onItsWay(state apiv1.DisputeState) bool {
	return state == apiv1.DisputeAccepting || state == apiv1.DisputeDefending
}

// report tells of a problem beside the state.
func (f *disputeFacts) report(p problem) report {
	state := f.state()
	return report{state: string(state), verdict: p.verdict(), unknown: onItsWay(state) && !f.recall.unsent, reason: p.reason, message: p.message}
}

// awaiting says what becomes of an answer that is on its way.
func (f *disputeFacts) awaiting() report {
	if f.recall.unsent {
		return f.report(submittingProblem)
	}
	return f.report(problem{reason: apiv1.OutcomeUnknownReason, message: "The answer was sent, and what the gateway said to it was lost: the same is sent again until it " +
		"tells. It counts once, however often it is sent."})
}

// tell says how things stand where nothing is sent.
func (f *disputeFacts) tell(state apiv1.DisputeState) report {
	told := func(v verdict, reason, format string, args ...any) report {
		return report{state: string(state), verdict: v, reason: reason, message: fmt.Sprintf(format, args...)}
	}
	st := &f.dispute.Status
	request := st.DisputeType == alipay.DisputeRetrievalRequest
	switch state {
	case apiv1.DisputePending:
		return told(progressing, apiv1.AwaitingNotificationReason, "The gateway has announced nothing about this dispute, and can not be asked.")
	case apiv1.DisputeOpen:
		return f.tellOpen(told)
	case apiv1.DisputeAccepted:
		if st.DisputeAcceptReason == alipay.DisputeAcceptedByTimeout {
			return told(ready, apiv1.DisputeAcceptedReason, "Nobody answered in time, so the dispute counts as accepted: the buyer gets the disputed amount.")
		}
		return told(ready, apiv1.DisputeAcceptedReason, "The dispute is accepted: the buyer gets the disputed amount.")
	case apiv1.DisputeDefenseSupplied:
		if request {
			return told(ready, apiv1.DefenseSuppliedReason, "What was asked for was handed in. No judgement follows; unless it satisfies, a chargeback may.")
		}
		return told(progressing, apiv1.AwaitingJudgementReason, "The defence was handed in; the judgement can take weeks.")
	case apiv1.DisputeExpired:
		if request {
			return told(ready, apiv1.DefenseTimeOverReason, "The time to answer the request is over. A chargeback may follow.")
		}
		return told(progressing, apiv1.DefenseTimeOverReason, "The time to accept or to defend is over; the judgement is awaited.")
	case apiv1.DisputeDecisionUnknown:
		return told(stalled, apiv1.DecisionUnknownReason, "The gateway refused the answer (%s), so a decision of the merchant may stand already, this one or another, and no "+
			"call tells which: look in the dashboard. The judgement is recorded when it is announced.", f.refusalCode())
	case apiv1.DisputeJudged:
		return told(stalled, apiv1.JudgementUnclearReason, "The dispute was judged %q, which this version does not know: look in the dashboard.", st.DisputeJudgedResult)
	case apiv1.DisputeWon:
		return told(ready, apiv1.WonReason, "The merchant keeps the money%s", changedFrom(st.FormerOutcome))
	case apiv1.DisputeLost:
		return told(ready, apiv1.LostReason, "The buyer gets the money%s", changedFrom(st.FormerOutcome))
	case apiv1.DisputeApproved:
		return told(ready, apiv1.ApprovedReason, "The material was approved%s", changedFrom(st.FormerOutcome))
	case apiv1.DisputeCancelled:
		return told(ready, apiv1.CancelledReason, "The buyer has withdrawn the dispute; the merchant keeps the money.")
	default:
		return told(ready, apiv1.ResolvedByRDRReason, "Visa's Rapid Dispute Resolution has given the money back to the buyer; nothing can be done.")
	}
}

func changedFrom(former apiv1.DisputeState) string {
	if former == "" {
		return "."
	}
	return fmt.Sprintf(". An earlier judgement said %s: check the settlement.", former)
}

// tellOpen says what a person has to decide, until when, and what came of the last answer.
func (f *disputeFacts) tellOpen(told func(verdict, string, string, ...any) report) report {
	st, until := &f.dispute.Status, ""
	if st.DefenseDueTime != nil {
		until = ", until " + utcText(st.DefenseDueTime)
	}
	last := f.lastJudgement()
	switch {
	case last != nil:
		return told(stalled, apiv1.AwaitingDecisionReason, "The material was not enough: set spec.response with other evidence and with attempt raised by one%s.", until)
	case st.Response != nil && st.Response.Result == apiv1.ResponseRefused:
		return told(stalled, reasonFor(f.refusalCode()), "The gateway refused the answer (%s) and nothing has happened: mend the cause and set spec.response again, "+
			"with attempt raised by one%s.", f.refusalCode(), until)
	case st.Defendable != nil && !*st.Defendable:
		return told(stalled, apiv1.AwaitingDecisionReason, "The dispute can not be defended: set spec.response with action Accept, or let the time run out%s.", until)
	default:
		return told(stalled, apiv1.AwaitingDecisionReason, "Somebody has to decide: set spec.response to Accept, or to Defend with evidence%s.", until)
	}
}

func (f *disputeFacts) refusalCode() string {
	if last := f.dispute.Status.LastResult; last != nil {
		return last.ResultCode
	}
	return ""
}

// resolvedCondition says how the dispute ended, once it was announced.
func resolvedCondition(state apiv1.DisputeState, message string, generation int64) metav1.Condition {
	resolved := metav1.Condition{
		Type: apiv1.ResolvedCondition, Status: metav1.ConditionFalse, Reason: apiv1.NotResolvedReason, ObservedGeneration: generation,
		Message: "The gateway has announced no outcome.",
	}
	if state.Final() {
		resolved.Status, resolved.Reason, resolved.Message = metav1.ConditionTrue, string(state), message
	}
	return resolved
}
