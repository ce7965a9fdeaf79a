package controllers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// toldBefore is the reason of what the conditions say already.
const toldBefore = "ToldBefore"

// testAgreementFacts are those of a new agreement.
func testAgreementFacts() *agreementFacts {
	f := &agreementFacts{facts: testFacts(), agreement: newAgreement("GCASH"), tryOver: tryFresh + 2*time.Second}
	report{verdict: progressing, reason: toldBefore}.conditions(&f.agreement.Status.Conditions, 1)
	f.agreement.Spec.Attempt, f.agreement.Spec.DesiredState, f.agreement.Spec.DeletionPolicy = 1, apiv1.DesiredActive, apiv1.RevokeAgreement
	return f
}

func ago(d time.Duration) *metav1.Time { return &metav1.Time{Time: worldStart.Add(-d)} }

// stated has an authState in the Secret, and consulting has it on record.
func stated(f *agreementFacts) { f.tokens = tokenFacts{there: true, owned: true, authState: "state"} }

func consultingNow(f *agreementFacts) {
	stated(f)
	st := &f.agreement.Status
	st.AuthStateSHA256, st.Consents, st.Attempt, st.TokenSecretName = "state", 1, 1, "monthly-token"
	st.ClientID, st.GatewayURL = testClientID, "https://gateway.example"
}

// askedBuyer has an address for the buyer.
func askedBuyer(f *agreementFacts) {
	consultingNow(f)
	f.agreement.Status.Authorization = &apiv1.AgreementAuthorization{NormalURL: "https://wallet.example"}
	f.agreement.Status.ConsultedAt = ago(time.Minute)
}

func delivered(f *agreementFacts) {
	askedBuyer(f)
	f.code = "code"
}

// activeToken was given ten days ago, works for 170 more, and is renewed in 150.
func activeToken(f *agreementFacts) {
	consultingNow(f)
	f.tokens.access, f.tokens.refresh, f.tokens.previousAccess = "token", "refresh", "former"
	st := &f.agreement.Status
	st.AccessTokenSHA256, st.Renewable, st.AccessTokenTime = "token", true, ago(10*day)
	st.AccessTokenExpiryTime, st.RenewalTime, st.State = ago(-170*day), ago(-150*day), apiv1.AgreementActive
}

// stepOf puts a step on record that another process tried some time ago.
func stepOf(kind apiv1.AgreementStepKind, tried time.Duration) func(*agreementFacts) {
	return func(f *agreementFacts) {
		if kind == apiv1.AgreementExchange {
			delivered(f)
			f.tokens.authCode = "code"
		} else {
			activeToken(f)
		}
		f.agreement.Status.Step = &apiv1.AgreementStep{
			Kind: kind, StartedAt: *ago(tried), TriedAt: *ago(tried), Tries: 1, CredentialSHA256: f.credentialOf(kind),
		}
	}
}

func TestDecisionAboutAnAgreement(t *testing.T) {
	type changes = []func(*agreementFacts)
	status := func(change func(*apiv1.AutoDebitAgreementStatus)) func(*agreementFacts) {
		return func(f *agreementFacts) { change(&f.agreement.Status) }
	}
	step := func(change func(*apiv1.AgreementStep)) func(*agreementFacts) {
		return func(f *agreementFacts) { change(f.agreement.Status.Step) }
	}
	suspend := func(f *agreementFacts) { f.agreement.Spec.Suspend = true }
	revoke := func(f *agreementFacts) { f.agreement.Spec.DesiredState = apiv1.DesiredRevoked }
	retain := func(f *agreementFacts) { f.agreement.Spec.DeletionPolicy = apiv1.RetainAgreement }
	held := func(f *agreementFacts) { f.agreement.Finalizers = []string{apiv1.AgreementFinalizer} }
	deleted := func(f *agreementFacts) {
		held(f)
		f.agreement.DeletionTimestamp = ago(0)
	}
	pending := func(f *agreementFacts) { f.pending = true }
	announced := func(f *agreementFacts) { f.created = "created" }
	canceled := func(f *agreementFacts) { f.canceled = true }
	idle := func(f *agreementFacts) { f.idle = true }
	unreadable := func(f *agreementFacts) {
		f.secretFound = &problem{reason: apiv1.SecretForbiddenReason, retry: secretRetry}
	}
	in := func(what outcome) func(*agreementFacts) {
		return func(f *agreementFacts) { f.trouble, f.recall.failures = &trouble{outcome: what, code: "SOME_CODE"}, 1 }
	}
	unsent := func(f *agreementFacts) { f.recall.unsent = true }
	mine := func(f *agreementFacts) { f.recall.ended = f.agreement.Status.Step.TriedAt.Time }
	later := func(f *agreementFacts) { f.recall.nextLook = worldStart.Add(time.Minute) }
	unanswered := step(func(s *apiv1.AgreementStep) { s.Unanswered = true })
	refusedStep := step(func(s *apiv1.AgreementStep) { s.RefusedAt = ago(time.Minute) })
	notRenewable := func(f *agreementFacts) {
		f.tokens.refresh, f.agreement.Status.Renewable, f.agreement.Status.RenewalTime = "", false, nil
	}
	due := status(func(st *apiv1.AutoDebitAgreementStatus) { st.RenewalTime = ago(time.Second) })
	expired := status(func(st *apiv1.AutoDebitAgreementStatus) {
		st.RenewalTime, st.AccessTokenExpiryTime = ago(20*day), ago(0)
	})
	nearEnd := status(func(st *apiv1.AutoDebitAgreementStatus) { st.AccessTokenExpiryTime = ago(-time.Minute) })
	justRenewed := status(func(st *apiv1.AutoDebitAgreementStatus) { st.LastRenewalTime = ago(time.Minute) })
	rejected := status(func(st *apiv1.AutoDebitAgreementStatus) { st.RejectedTokenSHA256 = st.AccessTokenSHA256 })
	refusedCode := func(before time.Duration) func(*agreementFacts) {
		return func(f *agreementFacts) {
			askedBuyer(f)
			f.agreement.Status.RefusedCodesSHA256, f.agreement.Status.RefusedCodeAt = []string{"code"}, ago(before)
		}
	}
	ended := func(state apiv1.AgreementState, by apiv1.AgreementEnder) func(*agreementFacts) {
		return func(f *agreementFacts) {
			activeToken(f)
			st := &f.agreement.Status
			st.State, st.RevokedBy, st.FinishedAt, st.RenewalTime = state, by, ago(time.Minute), nil
			st.LastResult = &apiv1.GatewayResult{ResultCode: "PAYMENT_NOT_QUALIFIED"}
		}
	}
	lostCode := func(f *agreementFacts) { f.tokens.authCode, f.code = "", "other" }
	erased := func(f *agreementFacts) {
		f.tokens, f.agreement.Status.TokenSecretName = tokenFacts{}, ""
	}
	shopsSecret := func(f *agreementFacts) {
		f.agreement.Spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
	}
	noCode := func(f *agreementFacts) {
		f.codeFound = &problem{reason: apiv1.AwaitingConsentReason, retry: 20 * time.Second}
	}
	saidReady := func(f *agreementFacts) {
		report{verdict: ready, reason: apiv1.TokenValidReason}.conditions(&f.agreement.Status.Conditions, 1)
	}
	const (
		exchange, renewal, revocation = apiv1.AgreementExchange, apiv1.AgreementRenewal, apiv1.AgreementRevocation
		lately, long                  = 5 * time.Second, time.Minute
	)
	tests := []struct {
		name    string
		changes changes
		do      action
		verdict verdict
		reason  string
		state   apiv1.AgreementState
		unknown bool
	}{
		{"a new one gets an authState first", nil, actStore, progressing, apiv1.ConsultingReason, apiv1.AgreementPending, false},
		{"which is put on record before it is shown", changes{stated}, actRecordIntent, progressing, apiv1.ConsultingReason, apiv1.AgreementPending, false},
		{"one that was used for a consent that has ended is not used again", changes{stated, status(func(st *apiv1.AutoDebitAgreementStatus) { st.EndedAuthStateSHA256 = "state" })},
			actStore, progressing, apiv1.ConsultingReason, apiv1.AgreementPending, false},
		{"a suspended one asks for nothing", changes{suspend}, actRest, progressing, apiv1.SuspendedReason, apiv1.AgreementPending, false},
		{"the wallet is asked for an address", changes{consultingNow}, actConsult, progressing, apiv1.ConsultingReason, apiv1.AgreementConsulting, false},
		{"not again at once", changes{consultingNow, later}, actWait, progressing, apiv1.ConsultingReason, apiv1.AgreementConsulting, false},
		{"after a lost answer it waits", changes{consultingNow, in(unknown)}, actWait, progressing, apiv1.GatewayUnreachableReason, apiv1.AgreementConsulting, false},
		{"a refused account needs a person", changes{consultingNow, in(refusedIdentity)}, actWait, stalled, apiv1.CredentialsRejectedReason, apiv1.AgreementBlocked, false},
		{"another authState in the Secret is no good", changes{consultingNow, func(f *agreementFacts) { f.tokens.authState = "other" }},
			actWait, stalled, apiv1.TokenSecretLostReason, apiv1.AgreementBlocked, false},
		{"a wish to end it before anybody consented is done at once", changes{askedBuyer, revoke}, actSettleCancelled, progressing, toldBefore, apiv1.AgreementAwaitingBuyer, false},
		{"the buyer is waited for", changes{askedBuyer}, actRest, progressing, apiv1.AwaitingConsentReason, apiv1.AgreementAwaitingBuyer, false},
		{"the shop's Secret is looked for again", changes{askedBuyer, shopsSecret}, actWait, progressing, apiv1.AwaitingConsentReason, apiv1.AgreementAwaitingBuyer, false},
		{"at the pace of the consent's age", changes{askedBuyer, shopsSecret, noCode}, actWait, progressing, apiv1.AwaitingConsentReason, apiv1.AgreementAwaitingBuyer, false},

		{"a code goes into the Secret first", changes{delivered}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"then its exchange is recorded", changes{delivered, func(f *agreementFacts) { f.tokens.authCode = "code" }}, actRecordIntent, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"a suspended one does not begin it", changes{delivered, suspend}, actRest, progressing, apiv1.SuspendedReason, apiv1.AgreementAwaitingBuyer, false},
		{"an announced token is stored without a code", changes{delivered, announced}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"after a refused code another is waited for", changes{refusedCode(time.Minute)}, actWait, progressing, apiv1.AuthCodeRefusedReason, apiv1.AgreementAwaitingBuyer, false},
		{"also in the shop's Secret", changes{refusedCode(time.Minute), shopsSecret, noCode}, actWait, progressing, apiv1.AuthCodeRefusedReason, apiv1.AgreementAwaitingBuyer, false},
		{"for ten minutes", changes{refusedCode(codePatience)}, actSettleFailed, progressing, toldBefore, apiv1.AgreementAwaitingBuyer, false},
		{"unless another code is there", changes{refusedCode(codePatience), func(f *agreementFacts) { f.code = "second" }}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"or the token itself", changes{refusedCode(codePatience), announced}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"one that is to end waits for the token of a refused code", changes{refusedCode(codePatience - time.Second), revoke}, actWait, progressing, apiv1.AuthCodeRefusedReason, apiv1.AgreementAwaitingBuyer, false},
		{"for ten minutes as well", changes{refusedCode(codePatience), revoke}, actSettleCancelled, progressing, toldBefore, apiv1.AgreementAwaitingBuyer, false},
		{"and stores the token when it is announced", changes{refusedCode(time.Minute), revoke, announced}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"whatever other code comes", changes{refusedCode(time.Minute), revoke, func(f *agreementFacts) { f.code = "second" }},
			actWait, progressing, apiv1.AuthCodeRefusedReason, apiv1.AgreementAwaitingBuyer, false},

		{"a recorded exchange is sent at once", changes{stepOf(exchange, lately), unsent}, actExchange, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"not by a process that was held up", changes{stepOf(exchange, tryFresh), unsent}, actWait, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"that of another process is waited for", changes{stepOf(exchange, lately)}, actWait, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"until it is certainly over", changes{stepOf(exchange, long)}, actRecordIntent, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"an own one that has ended is sent again", changes{stepOf(exchange, lately), mine, unanswered}, actRecordIntent, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementExchanging, true},
		{"when its time has come", changes{stepOf(exchange, lately), mine, unanswered, later}, actWait, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementExchanging, true},
		{"a lost answer is unknown", changes{stepOf(exchange, lately), mine, in(unknown)}, actWait, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementExchanging, true},
		{"an answer that is not stored goes before anything else", changes{stepOf(exchange, lately), pending, revoke, deleted}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"unless the Secret can not be written", changes{stepOf(exchange, lately), pending, unreadable}, actWait, progressing, apiv1.SecretForbiddenReason, apiv1.AgreementExchanging, false},
		{"an announced token is not preferred to the exchange at first", changes{stepOf(exchange, lately), announced, mine}, actRecordIntent, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"after a minute it is", changes{stepOf(exchange, announcedPatience), announced}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"a code that is missing in the Secret is stored again", changes{stepOf(exchange, long), func(f *agreementFacts) { f.tokens.authCode = "" }},
			actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"one that nobody has any more may still become a token", changes{stepOf(exchange, codePatience-time.Second), lostCode}, actWait, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"which is stored when it is announced", changes{stepOf(exchange, lately), lostCode, announced}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"for ten minutes as well", changes{stepOf(exchange, codePatience), lostCode},
			actSettleFailed, progressing, toldBefore, apiv1.AgreementExchanging, false},
		{"a suspended one ends what it has begun", changes{stepOf(exchange, long), suspend}, actRecordIntent, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},
		{"an exchange is ended before its token is revoked", changes{stepOf(exchange, long), revoke}, actRecordIntent, progressing, apiv1.ExchangingReason, apiv1.AgreementExchanging, false},

		{"a token that is not due for anything waits", changes{activeToken}, actWait, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"also when nothing was read", changes{activeToken, idle}, actWait, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"one that never ends rests", changes{activeToken, notRenewable, status(func(st *apiv1.AutoDebitAgreementStatus) { st.AccessTokenExpiryTime = nil })},
			actRest, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"one that is due is renewed", changes{activeToken, due}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"unless it is suspended", changes{activeToken, due, suspend}, actRest, progressing, apiv1.SuspendedReason, apiv1.AgreementActive, false},
		{"a suspended one that is not due waits", changes{activeToken, suspend}, actWait, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"an expired one is renewed", changes{activeToken, expired}, actRecordIntent, progressing, apiv1.TokenExpiredReason, apiv1.AgreementActive, false},
		{"one that was refused is renewed", changes{activeToken, rejected}, actRecordIntent, progressing, apiv1.TokenRejectedReason, apiv1.AgreementActive, false},
		{"an expired one without refresh token has ended", changes{activeToken, expired, notRenewable}, actSettleFailed, progressing, toldBefore, apiv1.AgreementActive, false},
		{"so has a refused one", changes{activeToken, rejected, notRenewable}, actSettleFailed, progressing, toldBefore, apiv1.AgreementActive, false},
		{"an ownership that does not fit is mended", changes{activeToken, retain}, actStore, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"a lost Secret is told", changes{activeToken, func(f *agreementFacts) { f.tokens.access = "other" }}, actWait, stalled, apiv1.TokenSecretLostReason, apiv1.AgreementBlocked, false},
		{"another client is not asked", changes{activeToken, due, status(func(st *apiv1.AutoDebitAgreementStatus) { st.ClientID = "other" })},
			actRest, stalled, apiv1.ClientIDChangedReason, apiv1.AgreementBlocked, false},
		{"another gateway is not asked what a step of the first has done", changes{stepOf(renewal, long), status(func(st *apiv1.AutoDebitAgreementStatus) { st.GatewayURL = "https://other.example" })},
			actRest, stalled, apiv1.GatewayChangedReason, apiv1.AgreementBlocked, false},
		{"a token moves with its account's gateway", changes{activeToken, status(func(st *apiv1.AutoDebitAgreementStatus) { st.GatewayURL = "https://other.example" })},
			actWait, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"an account that can not be used is waited for", changes{activeToken, due, func(f *agreementFacts) {
			f.account.problem = &problem{reason: apiv1.MerchantAccountNotReadyReason}
		}}, actRest, progressing, apiv1.MerchantAccountNotReadyReason, apiv1.AgreementActive, false},
		{"a request that can not be made needs a person", changes{func(f *agreementFacts) { f.buildErr = errors.New("no") }}, actRest, stalled, apiv1.RequestInvalidReason, apiv1.AgreementBlocked, false},

		{"a recorded renewal is sent at once", changes{stepOf(renewal, lately), unsent}, actRenew, progressing, apiv1.RenewingReason, apiv1.AgreementRenewing, false},
		{"not while the account is in trouble", changes{stepOf(renewal, lately), unsent, in(notSent)}, actWait, progressing, apiv1.RenewingReason, apiv1.AgreementRenewing, false},
		{"not before the next look", changes{stepOf(renewal, lately), unsent, later}, actWait, progressing, apiv1.RenewingReason, apiv1.AgreementRenewing, false},
		{"a renewal of another process is waited for", changes{stepOf(renewal, lately)}, actWait, progressing, apiv1.RenewingReason, apiv1.AgreementRenewing, false},
		{"a lost answer leaves nobody with a token that surely works", changes{stepOf(renewal, lately), mine, unanswered, later}, actWait, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementRenewing, true},
		{"a renewal of what is not in the Secret is told", changes{stepOf(renewal, long), func(f *agreementFacts) { f.tokens.refresh = "other" }},
			actWait, stalled, apiv1.TokenSecretLostReason, apiv1.AgreementBlocked, false},
		{"a refused renewal is tried again, and the token debited", changes{stepOf(renewal, long), refusedStep}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementRenewing, false},
		{"slowly", changes{stepOf(renewal, long), refusedStep, mine, in(refused)}, actWait, ready, apiv1.TokenValidReason, apiv1.AgreementRenewing, false},
		{"while the token works", changes{stepOf(renewal, long), refusedStep, expired}, actSettleFailed, progressing, toldBefore, apiv1.AgreementRenewing, false},
		{"and was not refused", changes{stepOf(renewal, long), refusedStep, rejected}, actSettleFailed, progressing, toldBefore, apiv1.AgreementRenewing, false},
		{"an unanswered renewal of an expired token is not given up", changes{stepOf(renewal, long), unanswered, expired, mine, later}, actWait, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementRenewing, true},
		{"for the revocation a refused renewal is given up", changes{stepOf(renewal, long), refusedStep, revoke}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementRenewing, false},

		{"a token that is not wanted is revoked", changes{activeToken, revoke}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"unless it is suspended", changes{activeToken, revoke, suspend}, actRest, progressing, apiv1.SuspendedReason, apiv1.AgreementActive, false},
		{"that of a deleted object as well", changes{activeToken, deleted}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"one near its end is renewed before", changes{activeToken, revoke, nearEnd}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"but not twice", changes{activeToken, revoke, nearEnd, justRenewed}, actRecordIntent, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"a recorded revocation is sent at once", changes{stepOf(revocation, lately), revoke, unsent}, actRevoke, progressing, apiv1.RevokingReason, apiv1.AgreementRevoking, false},
		{"a lost answer is unknown until it is asked again", changes{stepOf(revocation, lately), revoke, mine, unanswered}, actRecordIntent, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementRevoking, true},
		{"a refused revocation is tried again", changes{stepOf(revocation, lately), revoke, mine, refusedStep, in(refused), status(func(st *apiv1.AutoDebitAgreementStatus) {
			st.LastResult = &apiv1.GatewayResult{ResultCode: "PROCESS_FAIL"}
		})}, actWait, progressing, "PROCESS_FAIL", apiv1.AgreementRevoking, false},
		{"a refused account is told", changes{stepOf(revocation, lately), revoke, mine, in(refusedIdentity)}, actWait, stalled, apiv1.CredentialsRejectedReason, apiv1.AgreementBlocked, false},

		{"the announced end is settled", changes{activeToken, canceled}, actSettleNotified, progressing, toldBefore, apiv1.AgreementActive, false},
		{"whatever was said before", changes{activeToken, canceled, saidReady}, actSettleNotified, ready, apiv1.TokenValidReason, apiv1.AgreementActive, false},
		{"or if nothing was", changes{stepOf(renewal, lately), canceled, func(f *agreementFacts) { f.agreement.Status.Conditions = nil }},
			actSettleNotified, progressing, apiv1.RenewingReason, apiv1.AgreementRenewing, false},
		{"also while it is renewed", changes{stepOf(renewal, lately), canceled}, actSettleNotified, progressing, toldBefore, apiv1.AgreementRenewing, false},
		{"but not while an answer can not be stored", changes{stepOf(renewal, lately), canceled, pending, unreadable}, actWait, progressing, apiv1.SecretForbiddenReason, apiv1.AgreementRenewing, false},
		{"nor before it is", changes{stepOf(renewal, lately), canceled, pending}, actStore, progressing, apiv1.RenewingReason, apiv1.AgreementRenewing, false},

		{"a revoked one takes its Secret away", changes{ended(apiv1.AgreementRevoked, apiv1.EndedByMerchant), revoke, held}, actStore, progressing, toldBefore, apiv1.AgreementRevoked, false},
		{"then its finalizer", changes{ended(apiv1.AgreementRevoked, apiv1.EndedByMerchant), revoke, held, erased}, actWait, ready, apiv1.RevokedReason, apiv1.AgreementRevoked, false},
		{"then it rests", changes{ended(apiv1.AgreementRevoked, apiv1.EndedByMerchant), revoke, erased}, actRest, ready, apiv1.RevokedReason, apiv1.AgreementRevoked, false},
		{"a Secret that can not be deleted does not keep it", changes{ended(apiv1.AgreementRevoked, apiv1.EndedByMerchant), unreadable}, actRest, stalled, apiv1.RevokedReason, apiv1.AgreementRevoked, false},
		{"one that the buyer has ended", changes{ended(apiv1.AgreementRevoked, apiv1.EndedByBuyer), erased}, actRest, stalled, apiv1.RevokedByBuyerReason, apiv1.AgreementRevoked, false},
		{"one that the wallet has ended", changes{ended(apiv1.AgreementRevoked, apiv1.EndedByWallet), erased}, actRest, stalled, apiv1.TokenRejectedReason, apiv1.AgreementRevoked, false},
		{"an expired one", changes{ended(apiv1.AgreementExpired, ""), erased}, actRest, stalled, apiv1.TokenExpiredReason, apiv1.AgreementExpired, false},
		{"a failed one", changes{ended(apiv1.AgreementFailed, ""), erased}, actRest, stalled, "PAYMENT_NOT_QUALIFIED", apiv1.AgreementFailed, false},
		{"a failed one with no code", changes{ended(apiv1.AgreementFailed, ""), erased, status(func(st *apiv1.AutoDebitAgreementStatus) { st.LastResult = nil })},
			actRest, stalled, apiv1.GatewayRefusedReason, apiv1.AgreementFailed, false},
		{"an ended one that is deleted goes", changes{ended(apiv1.AgreementExpired, ""), erased, deleted}, actRelease, progressing, toldBefore, apiv1.AgreementExpired, false},
		{"an ended one stays so whatever is announced", changes{ended(apiv1.AgreementExpired, ""), erased, canceled, announced}, actRest, stalled, apiv1.TokenExpiredReason, apiv1.AgreementExpired, false},

		{"a deleted one that has nothing goes", changes{askedBuyer, deleted}, actRelease, progressing, toldBefore, apiv1.AgreementAwaitingBuyer, false},
		{"a deleted one whose code was refused waits for its token", changes{refusedCode(codePatience - time.Second), deleted}, actWait, progressing, apiv1.AuthCodeRefusedReason, apiv1.AgreementAwaitingBuyer, false},
		{"for ten minutes", changes{refusedCode(codePatience), deleted}, actRelease, progressing, toldBefore, apiv1.AgreementAwaitingBuyer, false},
		{"unless it is to be retained", changes{refusedCode(time.Minute), deleted, retain, func(f *agreementFacts) { f.tokens.owned = false }},
			actRelease, progressing, toldBefore, apiv1.AgreementAwaitingBuyer, false},
		{"a deleted one whose token was announced does not", changes{askedBuyer, deleted, announced}, actStore, progressing, apiv1.ExchangingReason, apiv1.AgreementAwaitingBuyer, false},
		{"nor one whose answer is lost", changes{stepOf(exchange, lately), deleted, unanswered}, actWait, progressing, apiv1.OutcomeUnknownReason, apiv1.AgreementExchanging, true},
		{"one to be retained gives its Secret up", changes{activeToken, deleted, retain}, actStore, progressing, toldBefore, apiv1.AgreementActive, false},
		{"and goes", changes{activeToken, deleted, retain, func(f *agreementFacts) { f.tokens.owned = false }}, actRelease, progressing, toldBefore, apiv1.AgreementActive, false},
		{"also when it has a Secret that can not be written", changes{activeToken, deleted, retain, unreadable}, actRelease, progressing, toldBefore, apiv1.AgreementActive, false},
		{"and rests without a finalizer", changes{activeToken, deleted, retain, unreadable, func(f *agreementFacts) { f.agreement.Finalizers = nil }},
			actRest, progressing, toldBefore, apiv1.AgreementActive, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := testAgreementFacts()
			for _, change := range tt.changes {
				change(f)
			}
			before := f.agreement.DeepCopy()
			got := decideAgreement(f)
			want := summary{tt.do, tt.verdict, tt.reason, string(tt.state), "", tt.unknown}
			if diff := cmp.Diff(want, summaryOf(got)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, f.agreement); diff != "" {
				t.Errorf("the decision changed the agreement (-before +after):\n%s", diff)
			}
			if got.do == actWait && (got.after <= 0 || got.after > 200*day) {
				t.Errorf("waits for %s", got.after)
			}
			if got.do != actWait && got.after != 0 {
				t.Errorf("%s after %s", got.do, got.after)
			}
			if deleting := f.deleting() && (f.mayBeDebited() || got.do == actWait) && got.report.verdict != ready; deleting && got.report.message != "" && !strings.Contains(got.report.message, "Retain") {
				t.Errorf("message = %q, want how to let the object go", got.report.message)
			}
		})
	}
}

// A renewal stands behind those that came before it, at its first try as at each further one, unless somebody waits for it.
func TestRenewalThatNobodyWaitsForIsPatient(t *testing.T) {
	type changes = []func(*agreementFacts)
	due := func(f *agreementFacts) { f.agreement.Status.RenewalTime = ago(time.Second) }
	rejected := func(f *agreementFacts) { f.agreement.Status.RejectedTokenSHA256 = f.agreement.Status.AccessTokenSHA256 }
	revoke := func(f *agreementFacts) { f.agreement.Spec.DesiredState = apiv1.DesiredRevoked }
	refused := func(f *agreementFacts) { f.agreement.Status.Step.RefusedAt = ago(time.Minute) }
	mine := func(f *agreementFacts) {
		f.recall.ended, f.agreement.Status.Step.Unanswered = f.agreement.Status.Step.TriedAt.Time, true
	}
	renewing := stepOf(apiv1.AgreementRenewal, time.Minute)
	tests := []struct {
		name    string
		changes changes
		want    bool
	}{
		{"one that is due", changes{activeToken, due}, true},
		{"one that a debit waits for", changes{activeToken, rejected}, false},
		{"one that was not answered", changes{renewing, mine}, true},
		{"one of another process", changes{renewing}, true},
		{"one that was refused", changes{renewing, refused}, true},
		{"one that was not answered, and that a debit waits for", changes{renewing, mine, rejected}, false},
		{"one that a revocation waits for", changes{renewing, mine, revoke}, false},
		{"a revocation", changes{activeToken, revoke}, false},
		{"a revocation that was not answered", changes{stepOf(apiv1.AgreementRevocation, time.Minute), revoke, mine}, false},
		{"an exchange that was not answered", changes{stepOf(apiv1.AgreementExchange, time.Minute), mine}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := testAgreementFacts()
			for _, change := range tt.changes {
				change(f)
			}
			if got := decideAgreement(f); got.do != actRecordIntent || got.patient != tt.want {
				t.Errorf("decision = %s, patient: %t; want %s, patient: %t", got.do, got.patient, actRecordIntent, tt.want)
			}
		})
	}
}

func TestStepThatIsBegun(t *testing.T) {
	revoke := func(f *agreementFacts) { f.agreement.Spec.DesiredState = apiv1.DesiredRevoked }
	ends := func(in time.Duration) func(*agreementFacts) {
		return func(f *agreementFacts) { f.agreement.Status.AccessTokenExpiryTime = ago(-in) }
	}
	rejected := func(f *agreementFacts) { f.agreement.Status.RejectedTokenSHA256 = "token" }
	renewed := func(before time.Duration) func(*agreementFacts) {
		return func(f *agreementFacts) { f.agreement.Status.LastRenewalTime = ago(before) }
	}
	refusedRenewal := func(f *agreementFacts) {
		stepOf(apiv1.AgreementRenewal, time.Minute)(f)
		f.agreement.Status.Step.RefusedAt = ago(time.Minute)
	}
	type changes = []func(*agreementFacts)
	tests := []struct {
		name       string
		changes    changes
		kind       apiv1.AgreementStepKind
		credential string
	}{
		{"a code is exchanged", changes{delivered, func(f *agreementFacts) { f.tokens.authCode = "code" }}, apiv1.AgreementExchange, "code"},
		{"also where the agreement is to end", changes{delivered, revoke, func(f *agreementFacts) { f.tokens.authCode = "code" }}, apiv1.AgreementExchange, "code"},
		{"a token is renewed", changes{activeToken}, apiv1.AgreementRenewal, "refresh"},
		{"or revoked", changes{activeToken, revoke}, apiv1.AgreementRevocation, "token"},
		{"one that works long enough is revoked as it is", changes{activeToken, revoke, ends(revokeMargin + time.Second)}, apiv1.AgreementRevocation, "token"},
		{"one that may not is renewed first", changes{activeToken, revoke, ends(revokeMargin - time.Second)}, apiv1.AgreementRenewal, "refresh"},
		{"so is a rejected one", changes{activeToken, revoke, rejected}, apiv1.AgreementRenewal, "refresh"},
		{"unless that was done a moment ago", changes{activeToken, revoke, rejected, renewed(revokeMargin)}, apiv1.AgreementRevocation, "token"},
		{"or can not be done", changes{activeToken, revoke, rejected, func(f *agreementFacts) { f.tokens.refresh = "" }}, apiv1.AgreementRevocation, "token"},
		{"or was refused", changes{refusedRenewal, revoke, rejected}, apiv1.AgreementRevocation, "token"},
		{"what was renewed long ago is renewed again", changes{activeToken, revoke, rejected, renewed(revokeMargin + time.Second)}, apiv1.AgreementRenewal, "refresh"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := testAgreementFacts()
			for _, change := range tt.changes {
				change(f)
			}
			if got := f.nextStep(); got != tt.kind || f.credentialOf(got) != tt.credential {
				t.Errorf("step = %s with %s, want %s with %s", got, f.credentialOf(got), tt.kind, tt.credential)
			}
			if step := f.agreement.Status.Step; step != nil && !f.replaced(step) {
				t.Error("the step on record is not given up")
			}
		})
	}
	for _, kind := range []apiv1.AgreementStepKind{apiv1.AgreementExchange, apiv1.AgreementRenewal, apiv1.AgreementRevocation} {
		f := testAgreementFacts()
		stepOf(kind, time.Minute)(f)
		revoke(f)
		if f.replaced(f.agreement.Status.Step) {
			t.Errorf("a %s that may be answered is given up for another step", kind)
		}
		want := map[apiv1.AgreementStepKind]action{apiv1.AgreementExchange: actExchange, apiv1.AgreementRenewal: actRenew, apiv1.AgreementRevocation: actRevoke}
		if got := stepAction(kind); got != want[kind] {
			t.Errorf("%s sends %s", kind, got)
		}
	}
}

// A token that is not renewed, or can not be, is told of before it ends.
func TestRenewalThatFailsIsTold(t *testing.T) {
	type changes = []func(*agreementFacts)
	endsIn := func(left time.Duration) func(*agreementFacts) {
		return func(f *agreementFacts) {
			f.agreement.Status.AccessTokenTime, f.agreement.Status.AccessTokenExpiryTime = ago(170*day), ago(-left)
		}
	}
	tests := []struct {
		name    string
		changes changes
		want    string
	}{
		{"nothing is due", changes{activeToken}, ""},
		{"nothing was given", changes{askedBuyer}, ""},
		{"the gateway refuses", changes{stepOf(apiv1.AgreementRenewal, time.Minute), func(f *agreementFacts) { f.agreement.Status.Step.RefusedAt = ago(0) }}, apiv1.RenewalRefusedReason},
		{"the gateway is silent for a moment", changes{stepOf(apiv1.AgreementRenewal, 59*time.Minute)}, ""},
		{"the gateway is silent for an hour", changes{stepOf(apiv1.AgreementRenewal, time.Hour)}, apiv1.GatewayUnreachableReason},
		{"the end is near", changes{activeToken, endsIn(expiryAlertBefore)}, apiv1.TokenExpiringReason},
		{"the end is near and nothing renews it", changes{activeToken, endsIn(expiryAlertBefore), func(f *agreementFacts) { f.agreement.Status.Renewable = false }}, apiv1.TokenExpiringReason},
		{"the end is not that near", changes{activeToken, endsIn(expiryAlertBefore + time.Second)}, ""},
		{"the end of a short life is near", changes{activeToken, func(f *agreementFacts) {
			f.agreement.Status.AccessTokenTime, f.agreement.Status.AccessTokenExpiryTime = ago(9*time.Hour), ago(-time.Hour)
		}}, apiv1.TokenExpiringReason},
		{"it is to end anyway", changes{activeToken, func(f *agreementFacts) {
			f.agreement.Status.AccessTokenExpiryTime, f.agreement.Spec.DesiredState = ago(-time.Hour), apiv1.DesiredRevoked
		}}, ""},
		{"it has ended", changes{activeToken, func(f *agreementFacts) {
			f.agreement.Status.AccessTokenExpiryTime, f.agreement.Status.State = ago(0), apiv1.AgreementExpired
		}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := testAgreementFacts()
			for _, change := range tt.changes {
				change(f)
			}
			got := ""
			if found := f.renewalFailing(); found != nil {
				got = found.reason
			}
			if got != tt.want {
				t.Errorf("reason = %q, want %q", got, tt.want)
			}
			if told := f.failingCondition(); told != (tt.want != "") || f.failingCondition() {
				t.Errorf("told at first: %t, want %t and never again", told, tt.want != "")
			}
		})
	}
	t.Run("with the gateway's code", func(t *testing.T) {
		f := testAgreementFacts()
		stepOf(apiv1.AgreementRenewal, time.Minute)(f)
		f.agreement.Status.Step.RefusedAt, f.agreement.Status.LastResult = ago(0), &apiv1.GatewayResult{ResultCode: alipay.CodeInvalidAccessToken}
		if got := f.renewalFailing(); !strings.Contains(got.message, alipay.CodeInvalidAccessToken) {
			t.Errorf("message = %q", got.message)
		}
	})
}

// The consent belongs to the client that asked for it, whatever the account says since.
func TestClientOfAnAgreement(t *testing.T) {
	f := testAgreementFacts()
	if got := f.clientID(); got != testClientID {
		t.Errorf("client = %q, want that of the account", got)
	}
	f.account.account = nil
	if got := f.clientID(); got != "" {
		t.Errorf("client = %q, want none without an account", got)
	}
	f = testAgreementFacts()
	if f.agreement.Status.ClientID = "former"; f.clientID() != "former" {
		t.Errorf("client = %q, want the one on record", f.clientID())
	}
}
