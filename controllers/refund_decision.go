package controllers

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// refundFacts is everything that the decision about a refund rests on.
type refundFacts struct {
	facts
	refund *apiv1.Refund
	// payment is nil while it does not exist.
	payment *apiv1.Payment
	method  capability
	amount  apiv1.Amount
	// reported is what verified notifications say of the refund.
	reported refundNews
	// former are the ids of attempts that have ended without moving money.
	former []string
	// later is a later attempt that the payment knows of, or 0: this object has come back from before it was raised.
	later int32
}

// decideRefund answers "what next?" for a refund. It is pure.
func decideRefund(f *refundFacts) decision {
	st := &f.refund.Status
	switch {
	case !f.refund.DeletionTimestamp.IsZero() && !st.State.Final():
		return decision{do: actRest, report: reportFrom(string(st.State), st.Conditions)}
	case st.Conflict != nil:
		return decision{do: actRest, report: f.report(problem{reason: st.Conflict.Reason, message: st.Conflict.Message, stalled: true})}
	case st.State.Final():
		return f.ended()
	case f.reported.final != nil:
		return decision{do: actSettleNotified, report: f.awaiting()}
	}
	if st.Intent == nil {
		if wrong := f.paymentProblem(); wrong != nil {
			return decision{do: actRest, report: f.report(*wrong)}
		}
	}
	if stop := f.preconditions(f); stop != nil {
		return *stop
	}
	if st.Intent != nil {
		return f.follow(f)
	}
	if former := f.formerAttempts(f); former != nil {
		return *former
	}
	if wrong := f.refusedHere(); wrong != nil {
		return *wrong.decision(f.report(*wrong))
	}
	if !f.reserved() && !f.refund.Spec.Suspend {
		return decision{do: actReserve, report: f.report(submittingProblem)}
	}
	return f.submitFirst(f)
}

// reserved reports whether the payment holds what this refund takes of it.
func (f *refundFacts) reserved() bool {
	return slices.ContainsFunc(f.payment.Status.Refunds, func(r apiv1.PaymentRefund) bool {
		return r.RefundRequestID == f.id && r.Value == f.amount.Value
	})
}

// taken is what other refunds of the payment have taken, those of unknown outcome included.
func (f *refundFacts) taken() int64 {
	var sum int64
	for _, refund := range f.payment.Status.Refunds {
		if refund.RefundRequestID != f.id && !slices.Contains(f.former, refund.RefundRequestID) {
			sum += minorUnits(refund.Value)
		}
	}
	return sum
}

// noted reports whether the payment has taken note of how the refund ended, so that this object may go.
func (f *refundFacts) noted() bool {
	if f.payment == nil || f.payment.Status.Amounts == nil {
		return true
	}
	for _, refund := range f.payment.Status.Refunds {
		if refund.RefundRequestID == f.refund.Status.RefundRequestID {
			return refund.Done && f.refund.Status.State == apiv1.RefundRefunded
		}
	}
	return f.refund.Status.State == apiv1.StateFailed
}

func (f *refundFacts) recorded() recorded {
	spec, st := &f.refund.Spec, &f.refund.Status
	return recorded{
		noun: "refund", attempt: spec.Attempt, endedAttempts: st.EndedAttempts, suspend: spec.Suspend,
		intent: st.Intent, lastResult: st.LastResult, gatewayID: st.RefundID, adopted: st.Adopted, empty: st.EmptyAnswers,
		seen: st.RefundID != "" || st.State == apiv1.StateProcessing || st.State == apiv1.RefundRefunded,
	}
}

// ended reports a refund that has ended. What the gateway has announced to the contrary is asked about first.
func (f *refundFacts) ended() decision {
	decided := f.finished()
	if !f.news.contradicted {
		return decided
	}
	return f.confirmEnd(f, decided)
}

// finished reports a refund that the gateway has ended.
func (f *refundFacts) finished() decision {
	st := &f.refund.Status
	told := report{state: string(st.State)}
	if st.State == apiv1.RefundRefunded {
		told.verdict, told.succeeded, told.reason = ready, metav1.ConditionTrue, apiv1.RefundedReason
		told.message = "The gateway reports the money as given back; the wallet or bank may take days to show it."
	} else {
		told.verdict, told.succeeded, told.reason = stalled, metav1.ConditionFalse, apiv1.NeverPlacedReason
		told.message = "The refund failed and no money moved: raise spec.attempt to try again, or create a new Refund."
		if st.LastResult != nil && st.LastResult.ResultCode != "" {
			told.reason = reasonFor(st.LastResult.ResultCode)
			told.message = fmt.Sprintf("The gateway refused the refund (%s: %s) and no money moved: mend the cause, then raise spec.attempt or create a new Refund.",
				st.LastResult.ResultCode, st.LastResult.ResultMessage)
		}
	}
	ttl := f.refund.Spec.TTLSecondsAfterFinished
	if ttl != nil && !f.noted() {
		return decision{do: actRest, report: told} // the payment's change wakes this refund
	}
	return untilExpired(told, ttl, st.FinishedAt, f.now)
}

// paymentProblem says why the payment can not be refunded, or not yet.
func (f *refundFacts) paymentProblem() *problem {
	name := f.refund.Spec.PaymentRef.Name
	if f.payment == nil {
		return &problem{reason: apiv1.AwaitingPaymentReason,
			message: fmt.Sprintf("Payment %q does not exist in this namespace; the refund starts by itself once it is paid.", name)}
	}
	switch {
	case f.payment.Spec.Cashier == nil:
		return &problem{reason: apiv1.ModeNotSupportedReason, stalled: true,
			message: fmt.Sprintf("Payment %q is collected in a way that this version does not carry out, so it can not be refunded by it.", name)}
	case f.payment.Status.State == apiv1.StateFailed || f.payment.Status.State == apiv1.PaymentCancelled:
		return &problem{reason: apiv1.PaymentNotPaidReason, stalled: true,
			message: fmt.Sprintf("Payment %q ended without money kept, so there is nothing to give back: delete this Refund.", name)}
	case f.payment.Status.Conflict != nil:
		return &problem{reason: apiv1.PaymentNotPaidReason, stalled: true,
			message: fmt.Sprintf("Payment %q contradicts what the gateway reports, so nothing is given back: see kubectl describe payment %s.", name, name)}
	case f.payment.Status.State != apiv1.PaymentPaid:
		return &problem{reason: apiv1.AwaitingPaymentReason,
			message: fmt.Sprintf("Payment %q is not paid yet; the refund starts by itself once it is.", name)}
	case f.payment.Spec.DesiredState == apiv1.DesiredCancelled && f.payment.Status.CancelResult == nil && f.payment.Status.CancelSubmittedAt != nil:
		return &problem{reason: apiv1.AwaitingPaymentReason,
			message: fmt.Sprintf("Payment %q is being cancelled, which gives back all of it; the refund waits for the outcome.", name)}
	}
	return nil
}

// paidAmount is what can be given back at most: of a card, what was captured.
func paidAmount(payment *apiv1.Payment) apiv1.Amount {
	paid := payment.Spec.Amount
	if amounts := payment.Status.Amounts; amounts != nil && amounts.Paid != "" {
		paid.Value = amounts.Paid
	}
	return paid
}

// refusedHere says why the gateway would refuse the refund, before anything is sent.
func (f *refundFacts) refusedHere() *problem {
	method := f.payment.Spec.Cashier.PaymentMethodType
	paid := minorUnits(paidAmount(f.payment).Value)
	asked := minorUnits(f.amount.Value)
	partial := asked != paid
	refuse := func(reason, format string, args ...any) *problem {
		return &problem{reason: reason, stalled: true, message: fmt.Sprintf(format, args...)}
	}
	switch {
	case f.later > 0:
		return refuse(apiv1.FormerAttemptOpenReason, "The payment already has attempt %d of this refund, so attempt %d is not sent: set spec.attempt to %d, by creating this Refund anew.",
			f.later, f.refund.Spec.Attempt, f.later)
	case f.amount.Currency != f.payment.Spec.Amount.Currency:
		return refuse(apiv1.CurrencyMismatchReason, "The payment is in %s, so it can not be refunded in %s: create a Refund in %s.",
			f.payment.Spec.Amount.Currency, f.amount.Currency, f.payment.Spec.Amount.Currency)
	case f.method.refund == apiv1.NoRefund:
		return refuse(apiv1.RefundNotSupportedReason, "%s payments can not be refunded through the gateway: give the money back another way. "+
			"If the contract allows refunds, say so in MerchantAccount spec.paymentMethods.", method)
	case f.method.refund == apiv1.FullRefundOnly && partial:
		return refuse(apiv1.RefundNotSupportedReason, "%s payments can be refunded in full only: create a Refund with full: true. "+
			"If the contract allows parts, say so in MerchantAccount spec.paymentMethods.", method)
	case asked+f.taken() > paid:
		return refuse(apiv1.RefundAmountExceededReason, "Of %s %s paid, in the smallest unit, %d are taken by other refunds, so %s can not be refunded: create a Refund over what is left.",
			f.payment.Spec.Amount.Currency, paidAmount(f.payment).Value, f.taken(), f.amount.Value)
	case f.payment.Status.PaymentTime == nil:
		return nil
	}
	deadline := f.method.refundDeadline(f.payment.Status.PaymentTime.Time)
	if !deadline.IsZero() && !f.now.Before(deadline) {
		return refuse(apiv1.RefundWindowExceededReason, "A %s payment could be refunded until %s: give the money back another way.",
			method, deadline.UTC().Format(time.RFC3339))
	}
	return nil
}

// report tells of a problem without touching what is known of the outcome.
func (f *refundFacts) report(p problem) report {
	st := &f.refund.Status
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

// awaiting says what a submitted refund waits for.
func (f *refundFacts) awaiting() report {
	switch f.refund.Status.State {
	case apiv1.StateProcessing:
		return f.report(problem{reason: apiv1.RefundInProcessReason, message: "The gateway has accepted the refund and is working on it; some methods take days."})
	case apiv1.StateUnknown:
		return f.report(problem{
			reason:  apiv1.OutcomeUnknownReason,
			message: "A request was sent and its answer was lost, so nobody knows whether the refund exists; the gateway is asked again until it tells.",
		})
	default:
		return f.report(submittingProblem)
	}
}
