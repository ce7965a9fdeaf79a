package controllers

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// paymentFacts is everything that the decision about a payment rests on.
type paymentFacts struct {
	facts
	payment *apiv1.Payment
	method  capability
	debit   debitFacts
	// reported is what verified notifications say of the payment.
	reported paymentNews
	// orphan is the id of a refund that was noted and has no object any more, and orphanCapture that of a capture.
	orphan, orphanCapture string
	// orphanDeclarations are those of declarations to customs, the one that matters most first.
	orphanDeclarations []string
}

// decidePayment answers "what next?" for a payment. It is pure.
func decidePayment(f *paymentFacts) decision {
	p := f.payment
	ended := p.Status.State == apiv1.StateFailed || p.Status.State == apiv1.PaymentCancelled
	switch {
	case f.tokenRefused():
		return f.rejectToken()
	case !p.DeletionTimestamp.IsZero() && !f.cancelOnDelete():
		return f.letGo()
	case p.Status.Conflict != nil:
		return decision{do: actRest, report: f.report(problem{
			reason: p.Status.Conflict.Reason, message: p.Status.Conflict.Message, stalled: true,
		})}
	case ended, p.Status.State == apiv1.PaymentPaid && !f.wantsCancelled():
		return f.ended()
	case f.reported.final != nil:
		return decision{do: actSettleNotified, report: f.awaiting()}
	}
	if stop := f.unsupported(); stop != nil {
		return *stop
	}
	if ask := f.askBeforeWaiting(); ask != nil {
		return *ask
	}
	if stop := f.preconditions(f); stop != nil {
		return *stop
	}
	if former := f.formerAttempts(f); former != nil {
		return f.afterFormerSession(*former)
	}
	switch {
	case p.Spec.Session != nil && (p.Status.Intent == nil || !f.recorded().seen):
		return f.offer()
	case p.Status.Intent == nil && f.wantsCancelled():
		return f.cancelUnsent()
	case p.Status.Intent == nil:
		return f.submitFirst(f)
	case f.wantsCancelled():
		return f.cancelling()
	case p.Status.State == apiv1.PaymentAuthorized:
		return f.followAuthorized()
	case p.Spec.AutoDebit != nil:
		return f.followDebit()
	default:
		return f.follow(f)
	}
}

func (f *paymentFacts) recorded() recorded {
	spec, st := &f.payment.Spec, &f.payment.Status
	return recorded{
		noun: "payment", attempt: spec.Attempt, endedAttempts: st.EndedAttempts, suspend: spec.Suspend,
		intent: st.Intent, lastResult: st.LastResult, gatewayID: st.PaymentID, adopted: st.Adopted, empty: st.EmptyAnswers,
		created: f.payment.CreationTimestamp.Time, held: heldBack(st.Conditions),
		seen: st.PaymentID != "" || st.Session != nil && st.Session.Submitted || st.State == apiv1.StateProcessing && spec.Session == nil || st.State == apiv1.PaymentConfirming || st.State == apiv1.PaymentPaid ||
			st.State == apiv1.PaymentAuthorized,
	}
}

// cancelOnDelete reports whether deleting the object has an order to close first.
func (f *paymentFacts) cancelOnDelete() bool {
	st := &f.payment.Status
	return f.payment.Spec.DeletionPolicy == apiv1.CancelPayment && st.Intent != nil && !st.State.Final()
}

// wantsCancelled reports whether the payment should end up cancelled. Deletion closes open orders only, and so does the end of a debit's time.
func (f *paymentFacts) wantsCancelled() bool {
	if f.payment.Spec.DesiredState == apiv1.DesiredCancelled || debitBeingCancelled(f.payment) || f.debitOverdue() {
		return true
	}
	return !f.payment.DeletionTimestamp.IsZero() && f.cancelOnDelete()
}

// letGo lets a deleted object go; nothing has to be done at the gateway.
func (f *paymentFacts) letGo() decision {
	told := reportFrom(string(f.payment.Status.State), f.payment.Status.Conditions)
	if controllerutil.ContainsFinalizer(f.payment, apiv1.PaymentFinalizer) {
		return decision{do: actRelease, report: told}
	}
	return decision{do: actRest, report: told}
}

// ended reports a payment that has ended. What the gateway has announced to the contrary is asked about first.
func (f *paymentFacts) ended() decision {
	decided := f.finished()
	if !f.news.contradicted {
		return decided
	}
	return f.confirmEnd(f, decided)
}

// finished reports a payment that the gateway has ended, and lets it go when its time to live is over.
func (f *paymentFacts) finished() decision {
	st, spec := &f.payment.Status, &f.payment.Spec
	told := report{state: string(st.State)}
	switch st.State {
	case apiv1.PaymentPaid:
		told.verdict, told.succeeded, told.reason, told.message = ready, metav1.ConditionTrue, apiv1.PaidReason,
			"The gateway reports the payment as collected."
	case apiv1.PaymentCancelled:
		told.verdict, told.succeeded, told.reason = ready, metav1.ConditionFalse, apiv1.CancelledReason
		told.message = "The payment is cancelled; the buyer has the money."
		if st.LastResult == nil && st.PaymentID == "" && (st.Session == nil || !st.Session.Submitted) {
			told.reason, told.message = apiv1.NeverPlacedReason, "The payment is cancelled: the gateway never had an order under its id."
		}
		if spec.DesiredState != apiv1.DesiredCancelled {
			told.verdict = stalled
			told.message = cmp.Or(f.debitEnded(), "The payment was cancelled at the gateway, and no money moved: raise spec.attempt to try again.")
			if expiredUncaptured(st) {
				told.reason = apiv1.AuthorizationExpiredReason
				told.message = "The card's money was let go, as it was not captured in time: raise spec.attempt to try again."
			}
		}
	default:
		told.verdict, told.succeeded, told.reason = stalled, metav1.ConditionFalse, apiv1.NeverPlacedReason
		told.message = "The payment failed and no money moved: raise spec.attempt to try again, or create a new Payment."
		switch {
		case sessionExpired(f.payment):
			told.reason, told.message = apiv1.SessionExpiredReason, sessionExpiredMessage(st)
		case st.LastResult != nil && st.LastResult.ResultCode != "":
			told.reason = reasonFor(st.LastResult.ResultCode)
			told.message = cmp.Or(f.debitEnded(), fmt.Sprintf("The gateway ended the payment (%s: %s) and no money moved: raise spec.attempt to try again, or create a new Payment.",
				st.LastResult.ResultCode, st.LastResult.ResultMessage))
		}
		if spec.DesiredState == apiv1.DesiredCancelled {
			told.verdict, told.message = ready, "The payment ended unpaid, so there is nothing to cancel."
		}
	}
	if f.hasOrphan() {
		return f.settleOrphan(told)
	}
	return untilExpired(told, spec.TTLSecondsAfterFinished, st.FinishedAt, f.now)
}

// unsupported says what this version can not carry out.
func (f *paymentFacts) unsupported() *decision {
	cashier := f.payment.Spec.Cashier
	if cashier == nil || !paysByCard(f.payment) || cashier.Card != nil {
		return nil
	}
	// It was stored before the kind had a field for the card.
	return &decision{do: actRest, report: f.report(problem{reason: apiv1.ModeNotSupportedReason, stalled: true,
		message: "The payment names no card: create a new Payment with spec.cashier.card. Nothing was sent."})}
}

// cancelUnsent settles the wish to cancel a payment that this object has never submitted. A former life of the object may have.
func (f *paymentFacts) cancelUnsent() decision {
	told, delay := f.cancellingReport(), f.submission(f.recorded()).delay()
	if f.payment.Spec.Session != nil {
		told, delay = f.awaitingSession(), f.sessionDelay()
	}
	switch {
	case f.asked && f.submission(f.recorded()).neverPlaced():
		return decision{do: actSettleCancelled, report: told}
	case f.trouble != nil && f.trouble.outcome == notFound:
		return decision{do: actWait, after: delay, report: told}
	case f.trouble != nil:
		return f.inTrouble(f)
	case f.asked:
		return decision{do: actWait, after: delay, report: told}
	case f.now.Before(f.recall.nextLook):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: told}
	default:
		return decision{do: actInquire, report: told}
	}
}

// cancelling closes the order at the gateway, or gives the money back if it was paid meanwhile.
func (f *paymentFacts) cancelling() decision {
	st := &f.payment.Status
	submission := f.submission(f.recorded())
	pending, _ := f.cancelPending()
	known := f.asked && !f.moved && f.trouble == nil
	impossible := f.cancelImpossible()
	switch {
	case f.asked && submission.neverPlaced():
		return decision{do: actSettleCancelled, report: f.cancellingReport()}
	case impossible != nil && pending && !known:
		// A cancel request may have got through: that must be known before it counts as too late.
	case impossible != nil && pending:
		return decision{do: actWithdrawCancel, report: f.cancellingReport()}
	case impossible != nil && st.State == apiv1.PaymentPaid && f.hasOrphan():
		return f.settleOrphan(f.report(*impossible))
	case impossible != nil && st.State == apiv1.PaymentPaid:
		return decision{do: actRest, report: f.report(*impossible)}
	case impossible != nil:
		return f.soonForOrphan(f.followReporting(*impossible)) // the order is still open
	case f.payment.Spec.Suspend:
		return f.followReporting(suspended)
	}
	switch {
	case f.moved || f.trouble != nil:
		return decision{do: actWait, after: submission.delay(), report: f.cancelTrouble()}
	case !f.asked && f.now.Before(f.recall.nextLook) && (st.CancelSubmittedAt != nil || f.recall.failures > 0):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: f.cancellingReport()}
	case !f.asked:
		return decision{do: actInquire, report: f.cancellingReport()}
	case st.CancelSubmittedAt == nil:
		return decision{do: actRecordCancel, report: f.cancellingReport()}
	default:
		return decision{do: actCancel, report: f.cancellingReport()}
	}
}

// cancelTrouble tells why the payment is not cancelled yet.
func (f *paymentFacts) cancelTrouble() report {
	switch {
	case f.trouble != nil && f.trouble.outcome == refusedIdentity:
		return f.report(*f.trouble.problem())
	case f.trouble != nil && f.trouble.outcome == refused:
		return f.report(problem{reason: reasonFor(f.trouble.code), message: "The gateway can not cancel the payment yet (" + f.trouble.code + "), and is asked again. " +
			"If it says MERCHANT_BALANCE_NOT_ENOUGH, top up the balance from which the money goes back."})
	default:
		return f.cancellingReport()
	}
}

// followReporting keeps asking at the usual pace, never sends, and reports a problem meanwhile.
func (f *paymentFacts) followReporting(p problem) decision {
	submission := f.submission(f.recorded())
	next, after := submission.next()
	switch next {
	case stepAsk:
		return decision{do: actInquire, report: f.report(p)}
	case stepNeverPlaced:
		return decision{do: actSettleFailed, report: f.report(p)}
	case stepWait:
		return decision{do: actWait, after: after, report: f.report(p)}
	default:
		return decision{do: actWait, after: submission.delay(), report: f.report(p)}
	}
}

// cancelImpossible says why the gateway would refuse to cancel, or has refused.
func (f *paymentFacts) cancelImpossible() *problem {
	st := &f.payment.Status
	method := cmp.Or(methodOf(f.payment), "These")
	paid := st.State == apiv1.PaymentPaid
	switch {
	case st.CancelResult != nil && st.State == apiv1.PaymentAuthorized && f.capturedAlready() == nil:
		return &problem{reason: apiv1.CancelRefusedReason, stalled: true, message: fmt.Sprintf(
			"The gateway refused to cancel (%s: %s), and nothing is captured: the money is let go when the authorisation ends, unless it is captured before.",
			st.CancelResult.ResultCode, st.CancelResult.ResultMessage)}
	case st.CancelResult != nil:
		return &problem{reason: apiv1.CancelRefusedReason, stalled: true, message: fmt.Sprintf(
			"The gateway refused to cancel (%s: %s): create a Refund to give the money back.", st.CancelResult.ResultCode, st.CancelResult.ResultMessage)}
	case f.method.cancel == apiv1.NeverCancel && !paid:
		return &problem{reason: apiv1.CancelNotSupportedReason, stalled: true, message: fmt.Sprintf(
			"%s orders can not be cancelled: the order ends by itself if the buyer does not pay; if the buyer does, create a Refund.", method)}
	case !paid, paysByCard(f.payment):
		return f.capturedAlready()
	case len(st.Refunds) > 0:
		return &problem{reason: apiv1.CancelNotSupportedReason, stalled: true,
			message: "A payment that has a refund can not be cancelled: create a Refund for the rest."}
	case f.method.cancel == apiv1.NeverCancel || f.method.cancel == apiv1.CancelUntilPaid:
		return &problem{reason: apiv1.CancelNotSupportedReason, stalled: true, message: fmt.Sprintf(
			"A paid %s payment can not be cancelled: create a Refund. If the contract allows it, say so in MerchantAccount spec.paymentMethods.", method)}
	case st.PaymentTime != nil && !f.now.Before(f.method.cancelDeadline(st.PaymentTime.Time)):
		return &problem{reason: apiv1.CancelWindowExceededReason, stalled: true, message: fmt.Sprintf(
			"A %s payment could be cancelled until %s: create a Refund instead.", method,
			f.method.cancelDeadline(st.PaymentTime.Time).Format(time.RFC3339))}
	}
	return nil
}

// report tells of a problem without touching what is known of the outcome.
func (f *paymentFacts) report(p problem) report {
	st := &f.payment.Status
	told := report{
		state: string(st.State), verdict: p.verdict(), succeeded: metav1.ConditionUnknown,
		unknown: st.State == apiv1.StateUnknown, reason: p.reason, message: p.message,
	}
	if !f.payment.DeletionTimestamp.IsZero() {
		told.message += " To delete this object and leave the order as it is, set spec.deletionPolicy to Retain."
	}
	cancelPending, cancelLost := f.cancelPending()
	told.unknown = told.unknown || cancelLost
	switch {
	case st.State == apiv1.PaymentPaid && cancelPending:
	case st.State == apiv1.PaymentPaid:
		told.succeeded = metav1.ConditionTrue
	case st.State == "" && st.Intent != nil:
		told.state = string(apiv1.StateSubmitting)
	case st.Intent == nil && p.stalled, f.payment.Status.Conflict != nil, p.reason == apiv1.RequestChangedReason:
		told.state = string(apiv1.StateBlocked)
	case st.Intent == nil:
		told.state = string(apiv1.StatePending)
	}
	return told
}

func (f *paymentFacts) cancellingReport() report {
	if f.payment.Spec.AutoDebit != nil && f.payment.Spec.DesiredState != apiv1.DesiredCancelled && f.payment.DeletionTimestamp.IsZero() {
		return f.report(problem{reason: apiv1.CancellingReason, message: "The wallet has not decided in time, so the debit is being cancelled."})
	}
	return f.report(problem{reason: apiv1.CancellingReason, message: "The payment is being cancelled."})
}

// cancelPending reports whether a cancel request may have left that the gateway has not refused. Nobody knows then whether the money is
// back, until the gateway has been asked; lost reports whether that is so now.
func (f *paymentFacts) cancelPending() (pending, lost bool) {
	pending = f.payment.Status.CancelSubmittedAt != nil && f.payment.Status.CancelResult == nil
	return pending, pending && (!f.asked || f.moved && f.trouble != nil && f.trouble.outcome == unknown)
}

// awaiting says for whom an open payment waits.
func (f *paymentFacts) awaiting() report {
	st := &f.payment.Status
	switch st.State {
	case apiv1.PaymentAuthorized:
		return f.awaitingCapture()
	case apiv1.PaymentConfirming, apiv1.StateProcessing:
		return f.awaitingOrder()
	case apiv1.StateUnknown:
		return f.report(problem{
			reason:  apiv1.OutcomeUnknownReason,
			message: "A request was sent and its answer was lost, so nobody knows whether the order exists; the gateway is asked again until it tells.",
		})
	default:
		return f.report(submittingProblem)
	}
}

// awaitingOrder says for whom an order waits that the gateway has.
func (f *paymentFacts) awaitingOrder() report {
	st := &f.payment.Status
	switch {
	case f.payment.Spec.AutoDebit != nil:
		return f.awaitingDebit()
	case st.State == apiv1.PaymentConfirming:
		if st.PaymentTime != nil && methodOf(f.payment) == "" {
			return f.report(problem{reason: apiv1.PaymentMethodUnknownReason, stalled: true, message: "The gateway reports the payment as successful without " +
				"saying how the buyer paid. A card would only be authorised, so it does not count as paid: ask Antom. The gateway is asked again meanwhile."})
		}
		return f.report(problem{reason: apiv1.AwaitingChannelReason, message: "The buyer is done; the payment channel has not confirmed yet."})
	default:
		message := "The order is open: send the buyer to one of the addresses in status.checkout."
		if st.Checkout == nil {
			message = "The order is open; the gateway is asked until it ends."
		}
		return f.report(problem{reason: apiv1.AwaitingBuyerReason, message: message})
	}
}
