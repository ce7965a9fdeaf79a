package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// facts is what every decision about an operation rests on, whatever its kind.
type facts struct {
	now     time.Time
	jitter  float64
	account accountFacts
	// id is the request id of the attempt at hand.
	id string
	// hash is that of the request which spec and intent make now; buildErr says why they make none.
	hash     string
	buildErr error
	// withheld says why what the request takes from Secrets can not be had, and when to look again; nil when it is there or not needed.
	withheld *problem
	recall   recall
	// news is what verified notifications say.
	news news

	// What this pass has done so far.
	asked, moved bool
	trouble      *trouble
	// endKnown is true when the answer to the request says that there is an end to ask about already.
	endKnown bool
	// formerOpen is true when the gateway says that a former attempt has moved money, or still can.
	formerOpen bool
}

// at is the time that decisions rest on, and tick sets it.
func (f *facts) at() time.Time { return f.now }

func (f *facts) tick(now time.Time) { f.now = now }

// subject is what the shared part of a decision must know of its kind.
type subject interface {
	recorded() recorded
	// report tells of a problem without touching what is known of the outcome.
	report(problem) report
	// awaiting says for whom a submitted operation waits.
	awaiting() report
}

// recorded is the part of spec and status that every kind has.
type recorded struct {
	// noun names the operation in messages: "payment".
	noun          string
	attempt       int32
	endedAttempts int32
	suspend       bool
	intent        *apiv1.Intent
	lastResult    *apiv1.GatewayResult
	// seen is true once the gateway has known the operation, and gatewayID is the id that it gave.
	seen      bool
	gatewayID string
	// unlisted is true where the gateway has accepted the operation, and can be asked only for a list in which it was never seen.
	unlisted bool
	adopted  bool
	empty    *apiv1.EmptyAnswers
	// created is when the object was made, and held is true where its conditions say that a former attempt is open.
	created time.Time
	held    bool
	// pace is how often to ask by the age of the request; nil for the usual pace.
	pace func(age time.Duration) time.Duration
}

// heldBack reports whether conditions say that a former attempt is open.
func heldBack(conditions []metav1.Condition) bool {
	ready := meta.FindStatusCondition(conditions, apiv1.ReadyCondition)
	return ready != nil && ready.Reason == apiv1.FormerAttemptOpenReason
}

// preconditions says what keeps any operation from going on, if anything does.
func (f *facts) preconditions(s subject) *decision {
	r := s.recorded()
	var found problem
	switch {
	case f.account.problem != nil:
		found = *f.account.problem
	case f.clientChanged(r):
		found = problem{reason: apiv1.ClientIDChangedReason, stalled: true, message: fmt.Sprintf(
			"This %s was submitted as client %s, and MerchantAccount %q is now another client: restore the account. Nothing is sent before.",
			r.noun, r.intent.ClientID, r.intent.MerchantAccount)}
	case f.gatewayChanged(r):
		found = problem{reason: apiv1.GatewayChangedReason, stalled: true, message: fmt.Sprintf(
			"This %s was sent to %s, which may have it, and MerchantAccount %q now names another gateway: restore region or gatewayUrl until the outcome is known.",
			r.noun, r.intent.GatewayURL, r.intent.MerchantAccount)}
	case r.intent == nil && f.buildErr != nil:
		found = problem{reason: apiv1.RequestInvalidReason, stalled: true, message: "The request can not be made, and nothing was sent: " + f.buildErr.Error() + "."}
	case r.intent == nil && f.withheld != nil:
		found = *f.withheld
	default:
		return nil
	}
	return found.decision(s.report(found))
}

// clientChanged reports whether the account is now another client than the one that the operation was submitted as.
func (f *facts) clientChanged(r recorded) bool {
	return r.intent != nil && r.intent.ClientID != f.account.account.Spec.ClientID
}

// gatewayChanged reports whether the account now names another gateway than the one that may have the operation.
func (f *facts) gatewayChanged(r recorded) bool {
	return r.intent != nil && !r.seen && r.intent.GatewayURL != "" && r.intent.GatewayURL != gatewayURL(f.account.account)
}

// formerAttempts says what to do about former attempts before anything is decided about the present one; nil when they have ended.
func (f *facts) formerAttempts(s subject) *decision {
	r := s.recorded()
	if r.intent != nil || r.endedAttempts >= r.attempt-1 {
		return nil
	}
	decided := f.checkFormer(s)
	return &decided
}

// submitFirst prepares the first submission of an attempt.
func (f *facts) submitFirst(s subject) decision {
	if s.recorded().suspend {
		return decision{do: actRest, report: s.report(suspended)}
	}
	return decision{do: actRecordIntent, report: s.report(submittingProblem)}
}

var (
	suspended         = problem{reason: apiv1.SuspendedReason, message: "Nothing that moves money is sent while spec.suspend is true."}
	submittingProblem = problem{reason: apiv1.SubmittingReason, message: "The request is being submitted."}
)

// formerAttemptDelay is the pace at which a former attempt that is still open is looked at again, at first: later it is as for an open operation.
const formerAttemptDelay = time.Minute

// checkFormer makes sure that no former attempt has moved money, or still can: after a restore or in a new cluster, the
// status does not say so.
func (f *facts) checkFormer(s subject) decision {
	r := s.recorded()
	waiting := f.trouble == nil && f.now.Before(f.recall.nextLook)
	open := s.report(problem{
		reason: apiv1.FormerAttemptOpenReason, stalled: true,
		message: fmt.Sprintf("Attempt %d has moved money, or still can, so attempt %d is not sent: see to the former attempt at the gateway, "+
			"or create this object with the former attempt's number.", r.endedAttempts+1, r.attempt),
	})
	switch {
	case f.formerOpen:
		return decision{do: actWait, after: max(formerAttemptDelay, spread(pollDelay(f.now.Sub(r.created), false), f.jitter)), report: open}
	case waiting && r.held: // nothing was said since
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: open}
	case f.trouble != nil && f.trouble.outcome == notFound:
		return decision{do: actWait, after: f.submission(r).delay(), report: s.report(submittingProblem)}
	case f.trouble != nil:
		return f.inTrouble(s)
	case waiting:
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: s.report(submittingProblem)}
	default:
		return decision{do: actInquireFormer, report: s.report(submittingProblem)}
	}
}

// follow brings a submitted operation to its end: it asks, waits, and sends again what the gateway has proved not to have.
func (f *facts) follow(s subject) decision {
	submission := f.submission(s.recorded())
	next, after := submission.next()
	if f.withheld != nil && next.sends() {
		return *f.withheld.decision(s.report(*f.withheld))
	}
	switch next {
	case stepAsk:
		return decision{do: actInquire, report: s.awaiting()}
	case stepSubmit, stepSubmitAgain:
		if s.recorded().suspend {
			return decision{do: actWait, after: spread(pollDelay(f.now.Sub(submission.submittedAt), false), f.jitter), report: s.report(suspended)}
		}
		if next == stepSubmitAgain {
			return decision{do: actRecordIntent, report: s.awaiting()}
		}
		return decision{do: actSubmit, report: s.awaiting()}
	case stepNeverPlaced:
		return decision{do: actSettleFailed, report: s.awaiting()}
	case stepChanged:
		return decision{do: actRest, report: s.report(problem{
			reason: apiv1.RequestChangedReason, stalled: true,
			message: "The request would have to be sent again, but spec, account and Secrets no longer make the one that was recorded, so it is not sent. " +
				"The gateway has no order under this id: create a new object.",
		})}
	default:
		if f.trouble != nil && f.trouble.outcome != notFound {
			return f.inTrouble(s)
		}
		if r := s.recorded(); r.suspend && !r.seen {
			return decision{do: actWait, after: after, report: s.report(suspended)}
		}
		return decision{do: actWait, after: after, report: s.awaiting()}
	}
}

// confirmEnd asks about an end to which the gateway has announced the contrary, beside a report that it does not change.
func (f *facts) confirmEnd(s subject, ended decision) decision {
	switch {
	case !f.news.ask:
		return ended
	case f.preconditions(s) != nil: // it must not go before the gateway could be asked
		return decision{do: actWait, after: refusedIdentityDelay, report: ended.report}
	case f.asked:
		return decision{do: actWait, after: f.submission(s.recorded()).delay(), report: ended.report}
	case f.now.Before(f.recall.nextLook):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: ended.report}
	default:
		return decision{do: actInquire, report: ended.report}
	}
}

// inTrouble waits after a call that settled nothing.
func (f *facts) inTrouble(s subject) decision {
	told, r := s.awaiting(), s.recorded()
	if f.trouble.outcome == refusedIdentity || r.gatewayID == "" && !told.unknown {
		told = s.report(*f.trouble.problem())
	}
	return decision{do: actWait, after: f.submission(r).delay(), report: told}
}

// submission is what is known of the request.
func (f *facts) submission(r recorded) submission {
	known := submission{
		now: f.now, submittedAt: f.now, jitter: f.jitter, recall: f.recall,
		refusal: refusalCode(r.lastResult, r.gatewayID), adopted: r.adopted || f.endKnown,
		empty: emptyCount(r.empty, f.id), seen: r.seen, unlisted: r.unlisted, resent: r.intent != nil && r.intent.ResubmittedAt != nil,
		asked: f.asked, moved: f.moved, trouble: f.trouble, pace: r.pace,
	}
	if r.intent != nil {
		known.submittedAt, known.lastSubmittedAt = r.intent.SubmittedAt.Time, r.intent.LastSubmittedAt().Time
		known.notified = r.seen && r.intent.NotifyURL != ""
		known.same = f.buildErr == nil && f.hash == r.intent.RequestSHA256
	}
	return known
}

// refusalCode is the code of a recorded refusal of an operation that the gateway has given no id.
func refusalCode(last *apiv1.GatewayResult, gatewayID string) string {
	if last == nil || last.ResultStatus != alipay.ResultStatusFail || gatewayID != "" {
		return ""
	}
	return last.ResultCode
}

// untilExpired rests, or waits for the end of a settled object's time to live.
func untilExpired(told report, ttl *int32, finishedAt *metav1.Time, now time.Time) decision {
	if ttl == nil || finishedAt == nil {
		return decision{do: actRest, report: told}
	}
	if left := finishedAt.Add(time.Duration(*ttl) * time.Second).Sub(now); left > 0 {
		return decision{do: actWait, after: left, ended: true, report: told}
	}
	return decision{do: actExpire, report: told}
}
