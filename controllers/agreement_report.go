package controllers

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

var (
	consulting      = problem{reason: apiv1.ConsultingReason, message: "The gateway is being asked where the buyer can consent."}
	awaitingConsent = problem{reason: apiv1.AwaitingConsentReason, message: "Send the buyer to an address in status.authorization. " +
		"A buyer who refuses is not announced: raise attempt for a new address."}
	codeRefused = problem{reason: apiv1.AuthCodeRefusedReason, message: "The gateway has refused the code that was delivered. Another code, or the token itself, is waited for; " +
		"ten minutes after the refusal the buyer is asked again, at a new address."}
	agreementSuspended = problem{reason: apiv1.SuspendedReason, message: "Nothing is begun at the gateway while spec.suspend is true."}
)

// letGo says how to have a deleted object go that waits for its token's end.
const letGo = " To let this object go without revoking the token, set deletionPolicy to Retain."

// report tells of a problem without touching what is known of the token.
func (f *agreementFacts) report(found *problem) report {
	told := report{state: string(f.stateNow()), verdict: found.verdict(), reason: found.reason, message: found.message, unknown: f.doubtful()}
	if found.stalled {
		told.state = string(apiv1.AgreementBlocked)
	}
	if f.deleting() && f.mayBeDebited() {
		told.message += letGo
	}
	return told
}

// lateTokenReport says why an agreement that is to end, and has no token, waits.
func (f *agreementFacts) lateTokenReport() report {
	told := f.report(&problem{reason: apiv1.AuthCodeRefusedReason, message: "The agreement is to end. The gateway has refused the code that was delivered, " +
		"and may have made its token before: until ten minutes after the refusal the token is waited for, to be revoked."})
	if f.deleting() && !f.mayBeDebited() {
		told.message += letGo
	}
	return told
}

// stateNow is one word for where the agreement is.
func (f *agreementFacts) stateNow() apiv1.AgreementState {
	st := &f.agreement.Status
	switch {
	case st.State.Final():
		return st.State
	case st.Step != nil:
		switch st.Step.Kind {
		case apiv1.AgreementExchange:
			return apiv1.AgreementExchanging
		case apiv1.AgreementRenewal:
			return apiv1.AgreementRenewing
		default:
			return apiv1.AgreementRevoking
		}
	case st.AccessTokenSHA256 != "":
		return apiv1.AgreementActive
	case st.Authorization != nil:
		return apiv1.AgreementAwaitingBuyer
	case st.AuthStateSHA256 != "":
		return apiv1.AgreementConsulting
	default:
		return apiv1.AgreementPending
	}
}

// doubtful reports whether a request was sent whose outcome nobody knows.
func (f *agreementFacts) doubtful() bool {
	step := f.agreement.Status.Step
	return step != nil && !refusedLast(step) && (step.Unanswered || f.trouble != nil && f.trouble.outcome == unknown)
}

// refusedLast reports whether the last try was refused, so that nothing has come of it.
func refusedLast(step *apiv1.AgreementStep) bool {
	return step.RefusedAt != nil && !step.RefusedAt.Before(&step.TriedAt)
}

// unchanged repeats what the conditions say.
func (f *agreementFacts) unchanged() report {
	told := reportFrom(string(f.stateNow()), f.agreement.Status.Conditions)
	if told.reason == apiv1.SubmittingReason {
		told = f.busy()
	}
	if meta.IsStatusConditionTrue(f.agreement.Status.Conditions, apiv1.ReadyCondition) {
		told.verdict = ready
	}
	return told
}

// busy tells of the step that is under way.
func (f *agreementFacts) busy() report {
	step := f.agreement.Status.Step
	switch {
	case step == nil && f.tokens.access == "":
		return f.report(&problem{reason: apiv1.ExchangingReason, message: "The buyer has consented; the token is being fetched."})
	case step == nil:
		return f.tokenReport()
	case f.doubtful():
		return f.report(&problem{reason: apiv1.OutcomeUnknownReason, message: "A request was sent and its answer was lost or unusable. " + unknownAdvice(step.Kind)})
	case step.Kind == apiv1.AgreementExchange:
		return f.report(&problem{reason: apiv1.ExchangingReason, message: "The buyer has consented; the token is being fetched."})
	case step.Kind == apiv1.AgreementRevocation && step.RefusedAt != nil:
		return f.report(&problem{reason: reasonFor(f.lastResultCode()), message: "The gateway refuses to revoke the token" + f.lastCode() + "; it is asked again."})
	case step.Kind == apiv1.AgreementRevocation:
		return f.report(&problem{reason: apiv1.RevokingReason, message: "The token is being revoked."})
	default:
		return f.tokenReport()
	}
}

func unknownAdvice(kind apiv1.AgreementStepKind) string {
	switch kind {
	case apiv1.AgreementExchange:
		return "The same code is sent again; if it was consumed, the token is waited for, and then the buyer is asked again."
	case apiv1.AgreementRenewal:
		return "The same refresh token is sent again, and nothing is debited meanwhile, as nobody knows which token works."
	default:
		return "The same token is revoked again."
	}
}

// tokenReport says whether the buyer can be debited, while no request is under way whose outcome nobody knows.
func (f *agreementFacts) tokenReport() report {
	st := &f.agreement.Status
	refused := st.Step != nil && refusedLast(st.Step)
	switch {
	case f.rejected():
		return f.report(&problem{reason: apiv1.TokenRejectedReason, message: "The gateway has refused to debit the token; it is being renewed."})
	case f.expired():
		return f.report(&problem{reason: apiv1.TokenExpiredReason, message: "The token is too old, and is being renewed."})
	case st.Step != nil && !refused:
		return f.report(&problem{reason: apiv1.RenewingReason, message: "The token is being renewed; nothing is debited meanwhile."})
	}
	message := "The buyer can be debited."
	if expiry := st.AccessTokenExpiryTime; expiry != nil {
		message = "The buyer can be debited; the token works until " + expiry.UTC().Format(time.RFC3339) + "."
	}
	return report{state: string(f.stateNow()), verdict: ready, reason: apiv1.TokenValidReason, message: message}
}

// endReport says how the agreement has ended.
func (f *agreementFacts) endReport() report {
	st := &f.agreement.Status
	told := report{state: string(st.State), verdict: stalled}
	again := " Raise attempt to ask the buyer for a new consent."
	switch {
	case st.State == apiv1.AgreementExpired:
		told.reason, told.message = apiv1.TokenExpiredReason, "The token is too old and could not be renewed."+again
	case st.State == apiv1.AgreementFailed && f.lastResultCode() == alipay.CodeNoPayOptions:
		told.reason, told.message = alipay.CodeNoPayOptions, "The gateway does not offer the wallet "+f.agreement.Spec.CustomerBelongsTo+f.lastCode()+
			": if customerBelongsTo is wrong, create a new AutoDebitAgreement; if the contract lacks it, have it added, then raise attempt."
	case st.State == apiv1.AgreementFailed:
		told.reason, told.message = reasonFor(f.lastResultCode()), "The gateway refuses to ask the buyer"+f.lastCode()+": mend the cause. Then raise attempt."
	case st.RevokedBy == apiv1.EndedByBuyer:
		told.reason, told.message = apiv1.RevokedByBuyerReason, "The gateway has announced that the buyer ended the agreement in the wallet."+again
	case st.RevokedBy == apiv1.EndedByWallet:
		told.reason, told.message = apiv1.TokenRejectedReason, "The gateway refuses to debit the token and gives no new one: the buyer, or a second consent, may have ended it."+again
	default:
		told.reason, told.message = apiv1.RevokedReason, "The agreement is revoked: no token of it works."
		if st.RefusedCodeAt != nil {
			told.message = "The agreement is revoked: its code was refused, and no token was announced."
		}
		if f.agreement.Spec.DesiredState != apiv1.DesiredRevoked {
			told.message += again
		}
	}
	if st.State == apiv1.AgreementRevoked && f.agreement.Spec.DesiredState == apiv1.DesiredRevoked {
		told.verdict = ready
	}
	return told
}

func (f *agreementFacts) lastResultCode() string {
	if f.agreement.Status.LastResult == nil {
		return ""
	}
	return f.agreement.Status.LastResult.ResultCode
}

// lastCode is the gateway's code, for a message.
func (f *agreementFacts) lastCode() string {
	if code := f.lastResultCode(); code != "" {
		return " (" + code + ")"
	}
	return ""
}
