package controllers

import (
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// action is the one thing that a pass does next.
type action string

const (
	// actRest does nothing until something that is watched changes.
	actRest action = "Rest"
	// actWait does nothing until a time has passed.
	actWait action = "Wait"
	// actRecordIntent writes the intent; the submission follows in the same pass.
	actRecordIntent action = "RecordIntent"
	// actReserve notes in the payment what a refund, a capture or a declaration takes of it, before its own intent is recorded.
	actReserve action = "Reserve"
	// actStore brings the Secret with an agreement's tokens up to date.
	actStore action = "Store"
	// actConsult asks where a buyer can consent to automatic debits.
	actConsult action = "Consult"
	// actExchange, actRenew and actRevoke send the request of an agreement's step.
	actExchange action = "Exchange"
	actRenew    action = "Renew"
	actRevoke   action = "Revoke"
	// actRejectToken tells an agreement that the gateway has refused to debit its token.
	actRejectToken action = "RejectToken"
	// actSubmit sends the request that moves money.
	actSubmit action = "Submit"
	// actInquire asks the gateway what became of the request id.
	actInquire action = "Inquire"
	// actInquireFormer asks the gateway what became of an attempt before the present one.
	actInquireFormer action = "InquireFormer"
	// actInquireOrphan asks the gateway what became of a refund whose object was deleted before its outcome was known.
	actInquireOrphan action = "InquireOrphan"
	// actInquirePayment asks the gateway what it says of the payment that an object takes a share of.
	actInquirePayment action = "InquirePayment"
	// actRecordCancel writes the intent to cancel; the cancellation follows in the same pass.
	actRecordCancel action = "RecordCancel"
	// actCancel asks the gateway to cancel the payment.
	actCancel action = "Cancel"
	// actSettleFailed writes that the operation ended without moving money: the gateway has refused it and knows no order.
	actSettleFailed action = "SettleFailed"
	// actSettleCancelled writes that there is nothing to cancel: the gateway knows no order.
	actSettleCancelled action = "SettleCancelled"
	// actWithdrawCancel notes that no cancellation is under way any more: the gateway has been asked, and it is too late.
	actWithdrawCancel action = "WithdrawCancel"
	// actSettleNotified writes what a verified notification says: how the operation ended.
	actSettleNotified action = "SettleNotified"
	// actExpire deletes the object, whose time to live is over.
	actExpire action = "Expire"
	// actRelease removes the finalizer.
	actRelease action = "Release"
)

// movesMoney reports whether the gateway may move money because of the action.
func (a action) movesMoney() bool { return a == actSubmit || a == actCancel }

// needsGateway reports whether the action sends a request to the gateway, at once or as the next step.
func (a action) needsGateway() bool {
	switch a {
	case actSubmit, actCancel, actInquire, actInquireFormer, actInquireOrphan, actInquirePayment, actReserve, actRecordIntent, actRecordCancel,
		actConsult, actExchange, actRenew, actRevoke:
		return true
	default:
		return false
	}
}

// verdict is how things stand, for the conditions that every kind has.
type verdict string

const (
	// progressing means that nobody has to act.
	progressing verdict = "Progressing"
	// stalled means that a person has to act, or that the operation ended otherwise than asked for.
	stalled verdict = "Stalled"
	// ready means that what the spec asks for is reached.
	ready verdict = "Ready"
)

// report is what a decision tells the user.
type report struct {
	state     string
	verdict   verdict
	succeeded metav1.ConditionStatus
	// unknown is true while a request was sent whose outcome nobody knows.
	unknown bool
	reason  string
	// message says what is true and what to do next, in words that stay the same from pass to pass.
	message string
}

// decision is what a pure function makes of everything that was gathered.
type decision struct {
	do    action
	after time.Duration // for wait
	// patient says that what has to be sent can wait for everything that can not.
	patient bool
	// ended says that nothing but the end of the time to live is waited for.
	ended  bool
	report report
}

// urgency says how to ask for leave to send what was decided, in a pass that has called already or not.
func (d *decision) urgency(called bool) urgency {
	switch {
	case called:
		return onCredit
	case d.patient:
		return behindOthers
	default:
		return inTurn
	}
}

// problem is something outside the object that keeps it from going on.
type problem struct {
	reason  string
	message string
	// stalled is true when a person has to act and nothing that is watched will tell.
	stalled bool
	// retry is when to look again, where nothing that is watched will tell; zero when a watch will.
	retry time.Duration
}

// decision rests until a watch wakes the object, or waits where none will.
func (p *problem) decision(told report) *decision {
	if p.retry > 0 {
		return &decision{do: actWait, after: p.retry, report: told}
	}
	return &decision{do: actRest, report: told}
}

func (p *problem) verdict() verdict {
	if p.stalled {
		return stalled
	}
	return progressing
}

// conditions derives the conditions that every kind has from a report. Nothing else writes them.
func (r report) conditions(conditions *[]metav1.Condition, generation int64) {
	set := func(kind string, status metav1.ConditionStatus) {
		meta.SetStatusCondition(conditions, metav1.Condition{
			Type: kind, Status: status, Reason: r.reason, Message: r.message, ObservedGeneration: generation,
		})
	}
	setWhile := func(kind string, holds bool) {
		if holds {
			set(kind, metav1.ConditionTrue)
			return
		}
		meta.RemoveStatusCondition(conditions, kind)
	}
	if r.verdict == ready {
		set(apiv1.ReadyCondition, metav1.ConditionTrue)
	} else {
		set(apiv1.ReadyCondition, metav1.ConditionFalse)
	}
	if r.succeeded != "" {
		set(apiv1.SucceededCondition, r.succeeded)
	}
	setWhile(apiv1.ReconcilingCondition, r.verdict == progressing)
	setWhile(apiv1.StalledCondition, r.verdict == stalled)
	setWhile(apiv1.OutcomeUnknownCondition, r.unknown)
}

// reportFrom repeats what the conditions say, for an object that is about to go.
func reportFrom(state string, conditions []metav1.Condition) report {
	told := report{
		state: state, verdict: progressing, reason: apiv1.SubmittingReason,
		unknown: meta.IsStatusConditionTrue(conditions, apiv1.OutcomeUnknownCondition),
	}
	if condition := meta.FindStatusCondition(conditions, apiv1.ReadyCondition); condition != nil {
		told.reason, told.message = condition.Reason, condition.Message
	}
	return told
}

// newIntent is the intent to use an account now.
func newIntent(account *apiv1.MerchantAccount, attempt int32, now time.Time) *apiv1.Intent {
	return &apiv1.Intent{
		Attempt:            attempt,
		SubmittedAt:        metav1.Time{Time: now.Truncate(time.Second)},
		MerchantAccount:    account.Name,
		ClientID:           account.Spec.ClientID,
		GatewayURL:         gatewayURL(account),
		NotifyURL:          notifyURL(account),
		SettlementCurrency: account.Spec.SettlementCurrency,
	}
}

// conditionReason is the API server's form of a reason.
var conditionReason = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

// reasonFor makes a reason of the gateway's code, which may hold anything.
func reasonFor(code string) string {
	if conditionReason.MatchString(code) {
		return code
	}
	return apiv1.GatewayRefusedReason
}
