package controllers

import (
	"fmt"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A debit has a minute at the gateway (https://docs.antom.com/ac/ams/payment_agreement, paymentExpiryTime). One that is still open after
// that and the grace is cancelled, so that both sides agree how it ended.
const (
	debitLife  = time.Minute
	debitGrace = 30 * time.Second
)

// debitDeadline is when a debit that is still open is cancelled.
func (f *paymentFacts) debitDeadline() time.Time {
	return f.payment.Status.Intent.LastSubmittedAt().Add(debitLife + debitGrace)
}

// debitOverdue reports whether the gateway has an open debit that must have ended, and can be cancelled.
func (f *paymentFacts) debitOverdue() bool {
	st := &f.payment.Status
	open := st.State == apiv1.StateProcessing || st.State == apiv1.PaymentConfirming
	return f.payment.Spec.AutoDebit != nil && open && st.Intent != nil && st.CancelResult == nil &&
		f.method.cancel != apiv1.NeverCancel && !f.now.Before(f.debitDeadline())
}

// debitBeingCancelled reports whether a request to cancel a debit may have left that the gateway has not refused. Whatever the gateway
// says of the debit meanwhile, it is asked to cancel until it has, or can not any more.
func debitBeingCancelled(payment *apiv1.Payment) bool {
	st := &payment.Status
	ended := st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled
	return payment.Spec.AutoDebit != nil && st.CancelSubmittedAt != nil && st.CancelResult == nil && !ended
}

// tokenRefused reports whether the agreement must be told that the gateway has refused its token. An adopted debit may have been made with
// another one, and so may one that was sent again: what the gateway says of it later can be about the first request. The answer to the request
// itself is about the token on record.
func (f *paymentFacts) tokenRefused() bool {
	st := &f.payment.Status
	refused := st.Debit != nil && !st.Debit.TokenRejected && st.LastResult != nil && st.LastResult.ResultCode == alipay.CodeInvalidAccessToken
	mayBeAnother := st.Adopted || st.State == apiv1.StateFailed && st.Intent != nil && st.Intent.ResubmittedAt != nil
	return refused && !mayBeAnother
}

// rejectToken tells the agreement before anything else is done.
func (f *paymentFacts) rejectToken() decision {
	told := f.awaiting()
	if f.payment.Status.State == apiv1.StateFailed {
		told = f.finished().report
	}
	return decision{do: actRejectToken, report: told}
}

// askBeforeWaiting has a debit that can not be sent asked about once: a former life of this object may have made it, when the agreement was
// still there. Nil when that is done, or need not be.
func (f *paymentFacts) askBeforeWaiting() *decision {
	st := &f.payment.Status
	switch {
	case f.payment.Spec.AutoDebit == nil, st.Intent != nil, f.withheld == nil, f.buildErr != nil, f.account.problem != nil, emptyCount(st.EmptyAnswers, f.id) > 0:
		return nil
	case f.trouble != nil && f.trouble.outcome == refusedIdentity:
		return &decision{do: actWait, after: f.submission(f.recorded()).delay(), report: f.report(*f.trouble.problem())}
	case f.asked:
		return &decision{do: actWait, after: f.submission(f.recorded()).delay(), report: f.report(*f.withheld)}
	case f.recall.failures > 0 && f.now.Before(f.recall.nextLook):
		return &decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: f.report(*f.withheld)}
	default:
		return &decision{do: actInquire, report: f.report(*f.withheld)}
	}
}

// followDebit brings a debit to its end. A request that the gateway has proved not to have is sent again with the token as it is now.
func (f *paymentFacts) followDebit() decision {
	if next, _ := f.submission(f.recorded()).next(); next == stepChanged && f.tokenReplaced() {
		return decision{do: actRecordIntent, report: f.awaiting()}
	}
	decided := f.follow(f)
	if left := f.debitDeadline().Sub(f.now); decided.do == actWait && left > 0 {
		decided.after = min(decided.after, left)
	}
	return decided
}

// tokenReplaced reports whether the agreement has another token than the one on record, and it may be debited.
func (f *paymentFacts) tokenReplaced() bool {
	debit, hash := f.payment.Status.Debit, f.debit.token.hash
	return f.withheld == nil && f.buildErr == nil && !f.payment.Spec.Suspend && debit != nil && hash != "" && hash != debit.AccessTokenSHA256
}

// awaitingDebit says what an open debit waits for.
func (f *paymentFacts) awaitingDebit() report {
	st, deadline := &f.payment.Status, f.debitDeadline()
	late := !f.now.Before(deadline)
	switch {
	case st.CancelResult != nil:
		return f.report(problem{reason: apiv1.CancelRefusedReason, stalled: true, message: fmt.Sprintf(
			"The wallet has not decided, and the gateway refuses to cancel the debit (%s): ask Antom, and do not collect the order another way before. "+
				"The gateway is asked again meanwhile.", st.CancelResult.ResultCode)})
	case f.method.cancel == apiv1.NeverCancel && late:
		return f.report(problem{reason: apiv1.CancelNotSupportedReason, stalled: true, message: fmt.Sprintf(
			"The wallet has not decided in time, and %s debits can not be cancelled: do not collect the order another way before this debit has ended. "+
				"The gateway is asked until it has.", methodOf(f.payment))})
	case f.method.cancel == apiv1.NeverCancel || late:
		return f.report(problem{reason: apiv1.AwaitingChannelReason, message: "The debit is made, and the wallet has not decided yet."})
	default:
		return f.report(problem{reason: apiv1.AwaitingChannelReason, message: "The debit is made, and the wallet has not decided yet: unless it has by " +
			clockTime(deadline) + ", the debit is cancelled."})
	}
}

// debitEnded says more of how a debit ended than of other payments; empty where there is nothing more to say.
func (f *paymentFacts) debitEnded() string {
	st, spec := &f.payment.Status, &f.payment.Spec
	switch {
	case spec.AutoDebit == nil:
		return ""
	case st.State == apiv1.PaymentCancelled && st.CancelSubmittedAt != nil:
		return "The wallet did not decide in time, so the debit was cancelled and no money is kept: raise spec.attempt to try again."
	case st.LastResult != nil && st.LastResult.ResultCode == alipay.CodeInvalidAccessToken:
		return fmt.Sprintf("The gateway refuses the token of AutoDebitAgreement %q (%s), and no money moved: see whether the agreement is Ready again, and have the "+
			"buyer consent anew if not; then raise spec.attempt.", spec.AutoDebit.AgreementRef.Name, alipay.CodeInvalidAccessToken)
	default:
		return ""
	}
}
