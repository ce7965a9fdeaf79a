package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// The gateway's own advice for an order it does not know: ask again after 15 s; after three further empty answers it was never
// placed (https://docs.antom.com/ac/ams/paymentri_online, https://docs.antom.com/ac/ams/ir_online).
const (
	emptyAnswerDelay = 15 * time.Second
	emptyAnswers     = 4
)

// unsentFor is how long after recording an intent this process trusts its own memory that nothing was sent. A process that was
// held up for longer asks first, as another one may have acted meanwhile.
const unsentFor = 30 * time.Second

// submission is what is known of one request that moves money and has no outcome yet.
type submission struct {
	now         time.Time
	submittedAt time.Time
	// lastSubmittedAt is when it was recorded that the request is sent, or sent again.
	lastSubmittedAt time.Time
	recall          recall
	// empty is how many spaced empty answers are on record for the request; seen is true once the gateway has known it, after which an
	// empty answer proves nothing.
	empty int32
	seen  bool
	// unlisted is true where it was seen by its own answer alone, and the gateway can be asked only for a list that may leave it out. Then the
	// same request asks: the gateway answers what became of it (https://docs.antom.com/ac/ams/idempotency).
	unlisted bool
	// resent is true when the request has left more than once, so that a refusal need not be about the first one.
	resent bool
	// same is true when spec and intent still make the bytes that were recorded.
	same bool
	// refusal is the code with which a verified answer refused the request; an inquiry confirms it before it settles.
	refusal string
	// adopted is true when the gateway knew the operation before; the answer to a repeat does not say what became of it.
	adopted bool
	// asked and moved say what this pass has done already.
	asked, moved bool
	trouble      *trouble
	// notified is true when the gateway knows the request and tells by itself what becomes of it.
	notified bool
	// pace is how often to ask by the age of the request; nil for the usual pace.
	pace func(age time.Duration) time.Duration
	// jitter in [0,1) spreads looks.
	jitter float64
}

// step is what to do next about a submission.
type step string

const (
	// stepSubmit: the intent is fresh and nothing has left since.
	stepSubmit step = "Submit"
	// stepSubmitAgain: the gateway has proved not to have the request; record that it is sent again, then send it.
	stepSubmitAgain step = "SubmitAgain"

	stepAsk  step = "Ask"
	stepWait step = "Wait"
	// stepNeverPlaced: the gateway has refused the request, and knows no such order.
	stepNeverPlaced step = "NeverPlaced"
	// stepChanged: the request must be sent again, and is no longer the one that was recorded.
	stepChanged step = "Changed"
)

// sends reports whether the request would have to be sent now.
func (s step) sends() bool { return s == stepSubmit || s == stepSubmitAgain || s == stepChanged }

// next is the one place that decides between sending, asking and waiting, for every kind.
func (s submission) next() (step, time.Duration) {
	neverSent := s.recall.unsent && s.now.Sub(s.lastSubmittedAt) < unsentFor
	placedNowhere := s.neverPlaced()
	switch {
	case s.trouble != nil && s.trouble.outcome == refused && s.moved && !s.asked:
		return stepAsk, 0 // a refusal is confirmed at once
	case s.trouble == nil && s.adopted && s.moved && !s.asked:
		return stepAsk, 0
	case s.trouble != nil && s.trouble.outcome != notFound:
		return stepWait, s.delay()
	case s.asked && placedNowhere && s.refusal != "":
		return stepNeverPlaced, 0
	case s.moved:
		return stepWait, s.delay()
	case neverSent && s.same:
		return stepSubmit, 0
	case s.asked && placedNowhere && !s.same:
		return stepChanged, 0
	case s.asked && placedNowhere:
		return stepSubmitAgain, 0
	case s.asked:
		return stepWait, s.delay()
	case s.now.Before(s.recall.nextLook):
		return stepWait, s.recall.nextLook.Sub(s.now)
	default:
		return stepAsk, 0
	}
}

// doubtfulRefusals are refusals after which the pages say to inquire before money counts as not moved, or that speak of an order
// which then must exist. One empty answer does not confirm them.
var doubtfulRefusals = map[string]bool{
	"SYSTEM_ERROR": true, "PROCESS_FAIL": true, "ORDER_NOT_EXIST": true, "ORDER_STATUS_INVALID": true,
	"ORDER_IS_CLOSED": true, "ORDER_IS_CANCELED": true, alipay.CodeRepeatReqInconsistent: true,
}

// neverPlaced reports whether the gateway has proved, by its answer in this pass and those on record, that it has no such order:
// several spaced empty answers, or one that confirms a plain refusal.
func (s submission) neverPlaced() bool {
	emptyNow := s.asked && s.trouble != nil && s.trouble.outcome == notFound
	plainlyRefused := s.refusal != "" && !doubtfulRefusals[s.refusal] && !s.resent
	provable := !s.seen || s.unlisted && s.same
	return emptyNow && provable && (plainlyRefused || s.empty >= emptyAnswers)
}

// delay is how long to wait before the next look: 15 s after an empty answer, growing with every failed call, and
// otherwise growing with the age of the operation, from 2 s to an hour. It is jittered, so that operations that began together part.
func (s submission) delay() time.Duration {
	switch {
	case s.trouble != nil && s.trouble.outcome == refusedIdentity:
		return spread(refusedIdentityDelay, s.jitter)
	case s.trouble != nil && s.trouble.outcome == notFound && !s.seen:
		return emptyAnswerDelay + time.Duration(s.jitter*float64(time.Second))
	case s.recall.failures > 0:
		return spread(failureDelay(s.recall.failures), s.jitter)
	case s.pace != nil:
		return spread(s.pace(s.now.Sub(s.submittedAt)), s.jitter)
	default:
		return spread(pollDelay(s.now.Sub(s.submittedAt), s.notified), s.jitter)
	}
}

// refusedIdentityDelay is the pace at which a refused account is tried again: what was wrong may have been mended in the dashboard, where
// nothing can be watched.
const refusedIdentityDelay = time.Minute

// pollDelay is the pace of inquiries by the age of an operation: every 2 s for a minute, as the gateway's guide advises, then a
// twentieth of the age, at most an hour. Where the gateway sends notifications, asking is for those that do not come: after 10 s, then
// after half of the age.
func pollDelay(age time.Duration, notified bool) time.Duration {
	const fastest, fastestNotified, slowest = 2 * time.Second, 10 * time.Second, time.Hour
	switch {
	case notified:
		return min(max(age/2, fastestNotified), slowest)
	case age < time.Minute:
		return fastest
	default:
		return min(max(age/20, fastest), slowest)
	}
}

// failureDelay doubles from 2 s to 5 min with consecutive failures.
func failureDelay(failures int) time.Duration {
	const slowest = 5 * time.Minute
	if failures > 8 {
		return slowest
	}
	return min(time.Second<<failures, slowest)
}

// countEmpty puts one more empty answer on record, if enough time has passed since the last one that counts. Any other answer ends
// the row.
func countEmpty(record *apiv1.EmptyAnswers, requestID string, t *trouble, now time.Time) *apiv1.EmptyAnswers {
	at := metav1.Time{Time: now.Add(time.Second - 1).Truncate(time.Second)} // upwards, so that 15 seconds are never less
	switch {
	case t == nil:
		return nil
	case t.outcome != notFound:
		return record
	case record == nil || record.RequestID != requestID:
		return &apiv1.EmptyAnswers{RequestID: requestID, Count: 1, LastTime: at}
	case now.Sub(record.LastTime.Time) < emptyAnswerDelay, record.Count >= emptyAnswers:
		return record
	default:
		return &apiv1.EmptyAnswers{RequestID: requestID, Count: record.Count + 1, LastTime: at}
	}
}

// emptyCount is how many empty answers are on record for a request id.
func emptyCount(record *apiv1.EmptyAnswers, requestID string) int32 {
	if record == nil || record.RequestID != requestID {
		return 0
	}
	return record.Count
}

// spread varies a delay by up to a fifth either way.
func spread(delay time.Duration, jitter float64) time.Duration {
	return time.Duration(float64(delay) * (0.8 + 0.4*jitter))
}
