package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// An authorization code is consumed by the request that exchanges it, a refresh token by the one that renews, and no request can ask what became
// of them. So each try is on record before it leaves, with the resourceVersion, and nobody else sends before that try is certainly over.
const (
	// tryFresh is how long after recording a try this process still sends it.
	tryFresh = 10 * time.Second
	// codePatience is how long the token of a refused code is waited for, before the buyer is asked again: another code, or TOKEN_CREATED, may
	// still come. The gateway sends a notification again after 2 and 10 minutes.
	codePatience = 10 * time.Minute
	// announcedPatience is how long the exchange itself is preferred to an announced token, which comes without times and refresh token.
	announcedPatience = time.Minute
	// revokeMargin is how long a token must still work to be revoked as it is: that of an expired one is refused while its refresh token works.
	revokeMargin = 5 * time.Minute
	// renewalRest is the least time between two renewals that both succeed.
	renewalRest = time.Minute
)

// agreementFacts is everything that a decision about an agreement rests on. It holds no credential.
type agreementFacts struct {
	facts
	agreement *apiv1.AutoDebitAgreement
	// secretFound says why the token Secret can not be used; nil when it can.
	secretFound *problem
	tokens      tokenFacts
	// pending is true while an answer of the gateway is not in the token Secret yet.
	pending bool
	// code is the hash of a code for the consent at hand that was not tried, and announced is true if the gateway itself told of it.
	code      string
	announced bool
	// codeFound says why the code that the shop's Secret should hold is not used.
	codeFound *problem
	// created is the hash of a token that the gateway has announced for the consent at hand.
	created string
	// canceled is true when the gateway has announced the end of the newest token.
	canceled bool
	// idle is true when nothing was read, because nothing can have changed.
	idle bool
	// tryOver is how long after it was recorded a try of another process is certainly over.
	tryOver time.Duration
}

// wantsEnd reports whether the agreement is to be ended at the gateway.
func (f *agreementFacts) wantsEnd() bool {
	spec := &f.agreement.Spec
	return spec.DesiredState == apiv1.DesiredRevoked || f.deleting() && spec.DeletionPolicy != apiv1.RetainAgreement
}

func (f *agreementFacts) deleting() bool { return !f.agreement.DeletionTimestamp.IsZero() }

// ownsSecret reports whether the token Secret should go with the agreement.
func (f *agreementFacts) ownsSecret() bool {
	return f.agreement.Spec.DeletionPolicy != apiv1.RetainAgreement
}

// clientID is the gateway client that consent and token belong to, or will.
func (f *agreementFacts) clientID() string {
	if f.agreement.Status.ClientID != "" || f.account.account == nil {
		return f.agreement.Status.ClientID
	}
	return f.account.account.Spec.ClientID
}

// mayBeDebited reports whether the gateway may still take the agreement's token. A token whose Secret can not be read, or is gone, counts, and so does one
// that may still be announced.
func (f *agreementFacts) mayBeDebited() bool {
	st := &f.agreement.Status
	return !st.State.Final() && (f.tokens.access != "" || st.AccessTokenSHA256 != "" || f.pending || st.Step != nil || f.created != "" || f.lateToken() > 0)
}

// decideAgreement answers "what next?" for an agreement. It is pure.
func decideAgreement(f *agreementFacts) decision {
	st := &f.agreement.Status
	switch {
	case f.pending && f.secretFound == nil:
		return decision{do: actStore, report: f.busy()}
	case f.deleting() && f.agreement.Spec.DeletionPolicy == apiv1.RetainAgreement:
		if f.tokens.owned && f.secretFound == nil {
			return decision{do: actStore, report: f.unchanged()}
		}
		return f.release()
	case st.State.Final():
		return f.ended()
	case f.deleting() && !f.mayBeDebited():
		return f.release()
	case f.canceled && !f.pending: // the announced end may be that of the token before the one at hand
		return decision{do: actSettleNotified, report: f.unchanged()}
	case f.idle:
		return f.keepActive()
	}
	if found := f.hindrance(); found != nil {
		return *found.decision(f.report(found))
	}
	switch {
	case f.tokens.there && f.tokens.owned != f.ownsSecret():
		return decision{do: actStore, report: f.busy()}
	case st.Step != nil:
		return f.followStep()
	case f.tokens.access != "":
		return f.keepToken()
	default:
		return f.findToken()
	}
}

// hindrance says what keeps the agreement from going on, if anything does.
func (f *agreementFacts) hindrance() *problem {
	st := &f.agreement.Status
	account := f.agreement.Spec.MerchantAccountRef.Name
	switch {
	case f.account.problem != nil:
		return f.account.problem
	case st.ClientID != "" && st.ClientID != f.account.account.Spec.ClientID:
		return &problem{reason: apiv1.ClientIDChangedReason, stalled: true, message: fmt.Sprintf(
			"The buyer's consent belongs to client %s, and MerchantAccount %q is now another client: restore the account. Nothing is sent before.", st.ClientID, account)}
	case st.GatewayURL != "" && st.GatewayURL != gatewayURL(f.account.account) && (st.Step != nil || f.tokens.access == ""):
		return &problem{reason: apiv1.GatewayChangedReason, stalled: true, message: fmt.Sprintf(
			"The buyer was asked through %s, and MerchantAccount %q now names another gateway: restore region or gatewayUrl.", st.GatewayURL, account)}
	case f.secretFound != nil:
		return f.secretFound
	case f.buildErr != nil && f.tokens.access == "" && st.Authorization == nil:
		return &problem{reason: apiv1.RequestInvalidReason, stalled: true, message: "The request can not be made, and nothing was sent: " + f.buildErr.Error() + "."}
	case st.AccessTokenSHA256 != "" && f.tokens.access != st.AccessTokenSHA256 && !f.pending:
		return f.secretLost()
	}
	return nil
}

// secretLost says that the token Secret is gone, or another one than the status speaks of.
func (f *agreementFacts) secretLost() *problem {
	return &problem{reason: apiv1.TokenSecretLostReason, stalled: true, retry: time.Minute, message: fmt.Sprintf(
		"Secret %q does not hold what this agreement has put there last: restore it, or raise attempt to ask the buyer for a new consent.", tokenSecretName(f.agreement))}
}

// ended says how an agreement has ended, and takes away what is of no use any more.
func (f *agreementFacts) ended() decision {
	st := &f.agreement.Status
	switch {
	case st.TokenSecretName != "" && f.secretFound == nil:
		return decision{do: actStore, report: f.unchanged()}
	case f.deleting():
		return f.release()
	case controllerutil.ContainsFinalizer(f.agreement, apiv1.AgreementFinalizer):
		return decision{do: actWait, ended: true, after: time.Second, report: f.endReport()} // the next pass takes it away
	}
	return decision{do: actRest, report: f.endReport()}
}

// release lets the object go.
func (f *agreementFacts) release() decision {
	if controllerutil.ContainsFinalizer(f.agreement, apiv1.AgreementFinalizer) {
		return decision{do: actRelease, report: f.unchanged()}
	}
	return decision{do: actRest, report: f.unchanged()}
}

// findToken goes from nothing to a code: it asks where the buyer can consent, and waits for them.
func (f *agreementFacts) findToken() decision {
	st := &f.agreement.Status
	switch {
	case f.trouble != nil:
		return f.inTrouble(f.report(f.trouble.problem()))
	case f.created != "":
		return decision{do: actStore, report: f.busy()}
	case f.wantsEnd() && f.lateToken() > 0:
		return decision{do: actWait, after: f.lateToken(), report: f.lateTokenReport()}
	case f.wantsEnd():
		return decision{do: actSettleCancelled, report: f.unchanged()}
	case st.AuthStateSHA256 != "" && f.consentLost():
		return decision{do: actSettleFailed, report: f.unchanged()}
	case f.agreement.Spec.Suspend && (st.AuthStateSHA256 == "" || f.code != ""):
		return decision{do: actRest, report: f.report(&agreementSuspended)}
	case st.AuthStateSHA256 == "" && !f.freshState():
		return decision{do: actStore, report: f.report(&consulting)}
	case st.AuthStateSHA256 == "":
		return decision{do: actRecordIntent, report: f.report(&consulting)}
	case f.tokens.authState != st.AuthStateSHA256:
		lost := f.secretLost()
		return *lost.decision(f.report(lost))
	case st.Authorization == nil && f.now.Before(f.recall.nextLook):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: f.report(&consulting)}
	case st.Authorization == nil:
		return decision{do: actConsult, report: f.report(&consulting)}
	case f.code != "" && f.tokens.authCode != f.code:
		return decision{do: actStore, report: f.busy()}
	case f.code != "":
		return decision{do: actRecordIntent, report: f.busy()}
	default:
		return f.awaitBuyer()
	}
}

// freshState reports whether the token Secret has an authState that was not used for a consent that has ended.
func (f *agreementFacts) freshState() bool {
	return f.tokens.authState != "" && f.tokens.authState != f.agreement.Status.EndedAuthStateSHA256 && f.tokens.access == ""
}

// lateToken is how long the gateway may still announce the token of a refused code: one of which an answer was lost may be refused because it was
// consumed.
func (f *agreementFacts) lateToken() time.Duration {
	refused := f.agreement.Status.RefusedCodeAt
	if refused == nil {
		return 0
	}
	return refused.Add(codePatience).Sub(f.now)
}

// consentLost reports whether a code was refused and nothing else came for so long that the buyer must be asked again.
func (f *agreementFacts) consentLost() bool {
	refused := f.agreement.Status.RefusedCodeAt
	return refused != nil && f.code == "" && f.created == "" && f.lateToken() <= 0
}

// awaitBuyer waits for a code, or for the token of one that was refused.
func (f *agreementFacts) awaitBuyer() decision {
	st := &f.agreement.Status
	waiting, after := &awaitingConsent, time.Duration(0)
	if f.agreement.Spec.AuthCodeSecretRef != nil {
		after = secretRetry // the consent is new, and the shop's Secret was not looked for in this pass
	}
	if f.codeFound != nil {
		waiting, after = f.codeFound, f.codeFound.retry
	}
	if st.RefusedCodeAt != nil {
		left := f.lateToken()
		waiting, after = &codeRefused, left
		if f.codeFound != nil && f.codeFound.retry > 0 {
			after = min(left, f.codeFound.retry)
		}
	}
	told := f.report(waiting)
	if after <= 0 {
		return decision{do: actRest, report: told}
	}
	return decision{do: actWait, after: after, report: told}
}

// keepToken sees to it that a token is renewed in time, or revoked where it is not wanted any more.
func (f *agreementFacts) keepToken() decision {
	switch {
	case f.agreement.Spec.Suspend && (f.wantsEnd() || f.renewalDue()):
		return decision{do: actRest, report: f.report(&agreementSuspended)}
	case f.wantsEnd():
		return decision{do: actRecordIntent, report: f.busy()}
	case (f.rejected() || f.expired()) && !f.tokens.renewable():
		return decision{do: actSettleFailed, report: f.unchanged()}
	case f.renewalDue() && f.renewedMomentsAgo() > 0:
		return decision{do: actWait, after: f.renewedMomentsAgo(), report: f.tokenReport()}
	case f.renewalDue():
		return decision{do: actRecordIntent, patient: !f.rejected(), report: f.busy()} // a debit waits for the token after one that was rejected
	default:
		return f.keepActive()
	}
}

// keepActive waits until something is due.
func (f *agreementFacts) keepActive() decision {
	told := f.tokenReport()
	if next := nextEvent(&f.agreement.Status, f.now); next > 0 {
		return decision{do: actWait, ended: true, after: next, report: told}
	}
	return decision{do: actRest, report: told}
}

// rejected reports whether the gateway has refused to debit the newest token.
func (f *agreementFacts) rejected() bool {
	st := &f.agreement.Status
	return st.AccessTokenSHA256 != "" && st.RejectedTokenSHA256 == st.AccessTokenSHA256
}

// expired reports whether the newest token is too old.
func (f *agreementFacts) expired() bool {
	expiry := f.agreement.Status.AccessTokenExpiryTime
	return expiry != nil && !f.now.Before(expiry.Time)
}

func (f *agreementFacts) renewalDue() bool {
	st := &f.agreement.Status
	return f.tokens.renewable() && (f.rejected() || f.expired() || st.RenewalTime != nil && !f.now.Before(st.RenewalTime.Time))
}

// renewedMomentsAgo is how long no other renewal is begun after one that has brought a token which is too old already, or was refused at once.
func (f *agreementFacts) renewedMomentsAgo() time.Duration {
	last := f.agreement.Status.LastRenewalTime
	if last == nil {
		return 0
	}
	return last.Add(renewalRest).Sub(f.now)
}

// nextStep is the step to be begun: what to do with the code or the token at hand.
func (f *agreementFacts) nextStep() apiv1.AgreementStepKind {
	st := &f.agreement.Status
	switch {
	case f.tokens.access == "":
		return apiv1.AgreementExchange
	case !f.wantsEnd(), st.Step == nil && f.tokens.renewable() && f.endsBeforeRevocation():
		return apiv1.AgreementRenewal
	default:
		return apiv1.AgreementRevocation
	}
}

// endsBeforeRevocation reports whether the token may not work any more, so that it can not be revoked, while its refresh token lives on.
func (f *agreementFacts) endsBeforeRevocation() bool {
	st := &f.agreement.Status
	old := f.rejected() || st.AccessTokenExpiryTime != nil && f.now.After(st.AccessTokenExpiryTime.Add(-revokeMargin))
	return old && (st.LastRenewalTime == nil || f.now.Sub(st.LastRenewalTime.Time) > revokeMargin)
}

// credentialOf is the hash of what a step consumes.
func (f *agreementFacts) credentialOf(kind apiv1.AgreementStepKind) string {
	switch kind {
	case apiv1.AgreementExchange:
		return f.tokens.authCode
	case apiv1.AgreementRenewal:
		return f.tokens.refresh
	default:
		return f.tokens.access
	}
}

// replaced reports whether a step is given up for another one: a refused renewal for the revocation.
func (f *agreementFacts) replaced(step *apiv1.AgreementStep) bool {
	return step == nil || step.Kind == apiv1.AgreementRenewal && step.RefusedAt != nil && f.wantsEnd()
}

// followStep brings a step that is on record to its end.
func (f *agreementFacts) followStep() decision {
	step := f.agreement.Status.Step
	switch {
	case step.Kind == apiv1.AgreementExchange && f.created != "" && f.now.Sub(step.StartedAt.Time) >= announcedPatience:
		return decision{do: actStore, report: f.busy()}
	case step.Kind == apiv1.AgreementExchange && f.tokens.authCode != step.CredentialSHA256:
		return f.withoutCode()
	case step.Kind != apiv1.AgreementExchange && f.credentialOf(step.Kind) != step.CredentialSHA256:
		lost := f.secretLost()
		return *lost.decision(f.report(lost))
	case step.Kind == apiv1.AgreementRenewal && step.RefusedAt != nil:
		if stop := f.refusedRenewal(); stop != nil {
			return *stop
		}
	}
	switch {
	case f.recall.unsent && f.now.Sub(step.TriedAt.Time) < tryFresh && f.trouble == nil && !f.now.Before(f.recall.nextLook):
		return decision{do: stepAction(step.Kind), report: f.busy()}
	case f.trouble != nil:
		return f.inTrouble(f.busy())
	}
	if wait := f.tryAgainAt().Sub(f.now); wait > 0 {
		return decision{do: actWait, after: wait, report: f.busy()}
	}
	patient := step.Kind == apiv1.AgreementRenewal && !f.rejected() && !f.wantsEnd() // as at the first try
	return decision{do: actRecordIntent, patient: patient, report: f.busy()}
}

// withoutCode goes on with an exchange whose code is not in the Secret any more. Its token may be announced for a while.
func (f *agreementFacts) withoutCode() decision {
	step := f.agreement.Status.Step
	left := step.TriedAt.Add(codePatience).Sub(f.now)
	switch {
	case f.created != "", f.code == step.CredentialSHA256:
		return decision{do: actStore, report: f.busy()}
	case left > 0:
		return decision{do: actWait, after: left, report: f.busy()}
	default:
		return decision{do: actSettleFailed, report: f.unchanged()}
	}
}

// refusedRenewal says what else can be done about a token that the gateway refuses to renew; nil when that is tried again.
func (f *agreementFacts) refusedRenewal() *decision {
	switch {
	case f.wantsEnd():
		return &decision{do: actRecordIntent, report: f.busy()} // the token that there is may still work
	case f.rejected(), f.expired():
		return &decision{do: actSettleFailed, report: f.unchanged()}
	}
	return nil
}

// tryAgainAt is when the request of a step may be recorded as sent again.
func (f *agreementFacts) tryAgainAt() time.Time {
	step := f.agreement.Status.Step
	if !f.recall.ended.Equal(step.TriedAt.Time) { // the try of another process, or of a former life of this one
		return step.TriedAt.Add(f.tryOver)
	}
	return f.recall.nextLook
}

func stepAction(kind apiv1.AgreementStepKind) action {
	switch kind {
	case apiv1.AgreementExchange:
		return actExchange
	case apiv1.AgreementRenewal:
		return actRenew
	default:
		return actRevoke
	}
}

// inTrouble waits after a call that settled nothing.
func (f *agreementFacts) inTrouble(told report) decision {
	after := spread(failureDelay(f.recall.failures), f.jitter)
	step := f.agreement.Status.Step
	switch {
	case f.trouble.outcome == refusedIdentity:
		after = spread(refusedIdentityDelay, f.jitter)
		told = f.report(f.trouble.problem())
	case step != nil && f.trouble.outcome == refused:
		after = spread(renewalRetry(f.now.Sub(step.StartedAt.Time)), f.jitter)
	}
	if expiry := f.agreement.Status.AccessTokenExpiryTime; step != nil && expiry != nil && f.now.Before(expiry.Time) {
		after = min(after, expiry.Sub(f.now))
	}
	return decision{do: actWait, after: after, report: told}
}

// renewalFailing says why a token that comes near its end is not renewed; nil when all is well.
func (f *agreementFacts) renewalFailing() *problem {
	st := &f.agreement.Status
	alert := alertTime(st)
	near := alert != nil && !f.now.Before(alert.Time)
	switch {
	case st.State.Final() || st.AccessTokenSHA256 == "" || f.wantsEnd():
		return nil
	case st.Step != nil && st.Step.Kind == apiv1.AgreementRenewal && st.Step.RefusedAt != nil:
		return &problem{reason: apiv1.RenewalRefusedReason, message: "The gateway refuses to renew the token" + f.lastCode() +
			". It is asked again while the token works; after that the buyer must consent again: raise attempt then."}
	case st.Step != nil && st.Step.Kind == apiv1.AgreementRenewal && f.now.Sub(st.Step.StartedAt.Time) >= time.Hour:
		return &problem{reason: apiv1.GatewayUnreachableReason, message: "The gateway has given no usable answer to the renewal of the token for an hour or more; it is asked again."}
	case near && !st.Renewable:
		return &problem{reason: apiv1.TokenExpiringReason, message: "The token ends soon, and the wallet gives nothing to renew it with: " +
			"the buyer must consent again. Raise attempt once it has ended, or create another agreement now."}
	case near:
		return &problem{reason: apiv1.TokenExpiringReason, message: "The token ends soon and was not renewed: see the Ready condition."}
	}
	return nil
}

// failingCondition sets or removes the condition to alert on. It reports whether it has become true.
func (f *agreementFacts) failingCondition() bool {
	st := &f.agreement.Status
	found := f.renewalFailing()
	if found == nil {
		meta.RemoveStatusCondition(&st.Conditions, apiv1.RenewalFailingCondition)
		return false
	}
	before := meta.FindStatusCondition(st.Conditions, apiv1.RenewalFailingCondition)
	fresh := before == nil || before.Reason != found.reason
	meta.SetStatusCondition(&st.Conditions, metav1.Condition{
		Type: apiv1.RenewalFailingCondition, Status: metav1.ConditionTrue, Reason: found.reason, Message: found.message, ObservedGeneration: f.agreement.Generation,
	})
	return fresh
}
