package controllers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// What is known of a dispute is a set of notifications: they come more than once and in any order, and no call tells the state. So everything
// below is made of the set, never of the order in which it grew.

// mostHistory is how many notifications a status holds.
const mostHistory = 100

func bodySHA256(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// noteOf is the entry of history for a verified notification, and the defence that it proposes, if any. One that can not be read is an entry all
// the same.
func noteOf(v *verifiedNotification) (note apiv1.DisputeNotification, proposal *apiv1.DefenseProposal) {
	note = apiv1.DisputeNotification{Type: cut(cmp.Or(v.subject.Type, "UNKNOWN"), 64), SHA256: bodySHA256(v.body), SentTime: secondsOf(v.sentAt)}
	if v.subject.Type == alipay.NotifyDefenseDocument {
		proposal = noteProposal(&note, v.body)
		return note, proposal
	}
	n, err := alipay.ReadDisputeNotification(v.body)
	if err != nil {
		note.Unreadable = true
		note.PaymentID, note.PaymentRequestID = cut(v.subject.PaymentID, 64), cut(v.subject.PaymentRequestID, 64)
		return note, nil
	}
	note.DisputeFacts = apiv1.DisputeFacts{
		DisputeType: cut(n.DisputeType, 64), PaymentID: cut(n.PaymentID, 64), PaymentRequestID: cut(n.PaymentRequestID, 64),
		CaptureID: cut(n.CaptureID, 64), ARN: cut(n.ARN, 64),
		DisputeTime: reportedTime(n.DisputeTime), DisputeAmount: disputeAmount(n.DisputeAmount),
		DisputeReasonCode: cut(n.DisputeReasonCode, 64), DisputeReasonMsg: cut(n.DisputeReasonMsg, 256), DisputeSource: cut(n.DisputeSource, 64),
		DefenseDueTime: reportedTime(n.DefenseDueTime), AutoDefendReason: cut(n.AutoDefendReason, 256),
		DisputeAcceptReason: cut(n.DisputeAcceptReason, 64), DisputeAcceptTime: reportedTime(n.DisputeAcceptTime),
		DisputeJudgedResult: cut(n.DisputeJudgedResult, 64), DisputeJudgedTime: reportedTime(n.DisputeJudgedTime),
		DisputeJudgedAmount: disputeAmount(n.DisputeJudgedAmount),
	}
	if n.Defendable != nil {
		note.Defendable = ptr.To(bool(*n.Defendable))
	}
	return note, nil
}

// disputeAmount takes a sum as it is. One that the status can not hold is left out: a number that was cut is another number.
func disputeAmount(amount *alipay.Amount) *apiv1.DisputeAmount {
	if amount == nil || amount.Currency == "" || amount.Value == "" || len(amount.Currency) > 8 || len(amount.Value) > 32 {
		return nil
	}
	return &apiv1.DisputeAmount{Currency: amount.Currency, Value: amount.Value}
}

func secondsOf(at time.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return &metav1.Time{Time: at.Truncate(time.Second)}
}

// compareTimes puts what has no time first.
func compareTimes(a, b *metav1.Time) int {
	var x, y time.Time
	if a != nil {
		x = a.Time
	}
	if b != nil {
		y = b.Time
	}
	return x.Compare(y)
}

// addNotes adds to a history what it does not have, in the order of sending, as far as there is room: what is in it stays.
func addNotes(history, notes []apiv1.DisputeNotification) []apiv1.DisputeNotification {
	for _, note := range notes {
		if len(history) < mostHistory && !hasNote(history, note.SHA256) {
			history = append(history, note)
		}
	}
	slices.SortStableFunc(history, func(a, b apiv1.DisputeNotification) int {
		return cmp.Or(compareTimes(a.SentTime, b.SentTime), cmp.Compare(a.SHA256, b.SHA256))
	})
	return history
}

func hasNote(notes []apiv1.DisputeNotification, hash string) bool {
	return slices.ContainsFunc(notes, func(n apiv1.DisputeNotification) bool { return n.SHA256 == hash })
}

func announced(notes []apiv1.DisputeNotification, kind string) bool {
	return slices.ContainsFunc(notes, func(n apiv1.DisputeNotification) bool { return n.Type == kind })
}

// happened is when the event was that a notification tells of, as far as it says.
func happened(n *apiv1.DisputeNotification) *metav1.Time {
	return cmp.Or(n.DisputeJudgedTime, n.DisputeAcceptTime, n.DisputeTime)
}

// judgements are the judgements that were announced, the last one at the end. Of two at the same time, the one that costs more counts.
func judgements(notes []apiv1.DisputeNotification) []apiv1.DisputeNotification {
	found := slices.DeleteFunc(slices.Clone(notes), func(n apiv1.DisputeNotification) bool { return n.Type != alipay.NotifyDisputeJudged })
	slices.SortFunc(found, func(a, b apiv1.DisputeNotification) int {
		return cmp.Or(compareTimes(a.DisputeJudgedTime, b.DisputeJudgedTime), cmp.Compare(gravity(&a), gravity(&b)), cmp.Compare(a.SHA256, b.SHA256))
	})
	return found
}

func gravity(n *apiv1.DisputeNotification) int {
	return slices.Index([]alipay.DisputeOutcome{
		alipay.DisputeWon, alipay.DisputeApproved, alipay.DisputeRefused, alipay.DisputeUndecided, alipay.DisputeLost,
	}, outcomeOf(n))
}

// outcomeOf is what a notification decides, for the merchant.
func outcomeOf(n *apiv1.DisputeNotification) alipay.DisputeOutcome {
	wire := alipay.DisputeNotification{DisputeNotificationType: n.Type, DisputeJudgedResult: n.DisputeJudgedResult}
	return wire.Outcome()
}

// stateOfOutcome is the state that a judgement leads to for good; "" where it leads to none.
func stateOfOutcome(outcome alipay.DisputeOutcome) apiv1.DisputeState {
	switch outcome {
	case alipay.DisputeWon:
		return apiv1.DisputeWon
	case alipay.DisputeLost:
		return apiv1.DisputeLost
	case alipay.DisputeApproved:
		return apiv1.DisputeApproved
	default:
		return ""
	}
}

// formerOutcome is what the last judgement has changed: the outcome of an earlier one that said otherwise, or "".
func formerOutcome(judged []apiv1.DisputeNotification) apiv1.DisputeState {
	if len(judged) == 0 {
		return ""
	}
	last := stateOfOutcome(outcomeOf(&judged[len(judged)-1]))
	for _, earlier := range slices.Backward(judged[:len(judged)-1]) {
		if former := stateOfOutcome(outcomeOf(&earlier)); former != "" && former != last {
			return former
		}
	}
	return ""
}

// factsOf sums up what was announced: the latest word on each field, the last judgement, and the latest time to decide.
func factsOf(notes []apiv1.DisputeNotification) apiv1.DisputeFacts {
	ordered := slices.Clone(notes)
	slices.SortFunc(ordered, func(a, b apiv1.DisputeNotification) int {
		return cmp.Or(compareTimes(happened(&a), happened(&b)), cmp.Compare(a.SHA256, b.SHA256))
	})
	var sum apiv1.DisputeFacts
	for i := range ordered {
		n := &ordered[i].DisputeFacts
		sum.DisputeType, sum.PaymentID = cmp.Or(n.DisputeType, sum.DisputeType), cmp.Or(n.PaymentID, sum.PaymentID)
		sum.PaymentRequestID, sum.CaptureID = cmp.Or(n.PaymentRequestID, sum.PaymentRequestID), cmp.Or(n.CaptureID, sum.CaptureID)
		sum.ARN, sum.DisputeTime = cmp.Or(n.ARN, sum.ARN), cmp.Or(n.DisputeTime, sum.DisputeTime)
		sum.DisputeAmount, sum.Defendable = cmp.Or(n.DisputeAmount, sum.DisputeAmount), cmp.Or(n.Defendable, sum.Defendable)
		sum.DisputeReasonCode = cmp.Or(n.DisputeReasonCode, sum.DisputeReasonCode)
		sum.DisputeReasonMsg, sum.DisputeSource = cmp.Or(n.DisputeReasonMsg, sum.DisputeReasonMsg), cmp.Or(n.DisputeSource, sum.DisputeSource)
		sum.AutoDefendReason = cmp.Or(n.AutoDefendReason, sum.AutoDefendReason)
		sum.DisputeAcceptReason = cmp.Or(n.DisputeAcceptReason, sum.DisputeAcceptReason)
		sum.DisputeAcceptTime = cmp.Or(n.DisputeAcceptTime, sum.DisputeAcceptTime)
		if compareTimes(n.DefenseDueTime, sum.DefenseDueTime) > 0 {
			sum.DefenseDueTime = n.DefenseDueTime
		}
	}
	if judged := judgements(notes); len(judged) > 0 {
		last := &judged[len(judged)-1].DisputeFacts
		sum.DisputeJudgedResult, sum.DisputeJudgedTime, sum.DisputeJudgedAmount = last.DisputeJudgedResult, last.DisputeJudgedTime, last.DisputeJudgedAmount
	}
	return sum
}
