package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// drawAgreementFacts draws everything that a decision about an agreement may meet, sensible or not, as far as the record and the Secret can hold it.
func drawAgreementFacts(t *rapid.T) *agreementFacts {
	f := testAgreementFacts()
	spec, st := &f.agreement.Spec, &f.agreement.Status
	chance := func(what string) bool { return rapid.Bool().Draw(t, what) }
	when := func(what string) *metav1.Time {
		around := []time.Duration{-200 * day, -time.Hour, -time.Second, 0, time.Second, 11 * time.Second, 13 * time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour, 200 * day}
		return ago(rapid.SampledFrom(around).Draw(t, what))
	}
	maybe := func(what string) *metav1.Time {
		if chance(what + " is set") {
			return when(what)
		}
		return nil
	}
	hash := func(what string) string {
		return rapid.SampledFrom([]string{"", "one", "two", "three"}).Draw(t, what)
	}
	spec.Suspend = chance("suspended")
	spec.DesiredState = rapid.SampledFrom([]apiv1.AgreementDesiredState{apiv1.DesiredActive, apiv1.DesiredRevoked}).Draw(t, "desired")
	spec.DeletionPolicy = rapid.SampledFrom([]apiv1.AgreementDeletionPolicy{apiv1.RevokeAgreement, apiv1.RetainAgreement}).Draw(t, "deletion policy")
	if chance("held") {
		f.agreement.Finalizers = []string{apiv1.AgreementFinalizer}
		f.agreement.DeletionTimestamp = maybe("deleted")
	}
	if chance("the shop has a Secret") {
		spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
	}
	f.tokens = tokenFacts{
		there: chance("there"), owned: chance("owned"), authState: hash("authState"), authCode: hash("authCode"),
		access: hash("access"), refresh: hash("refresh"), previousAccess: hash("previous"),
	}
	st.AuthStateSHA256, st.EndedAuthStateSHA256 = hash("recorded authState"), hash("ended authState")
	st.AccessTokenSHA256, st.RejectedTokenSHA256 = hash("recorded token"), hash("rejected token")
	if st.AccessTokenSHA256 == "" {
		st.AccessTokenSHA256 = f.tokens.access // the first token is put on record before anything is decided
	}
	st.TokenSecretName = rapid.SampledFrom([]string{"", "monthly-token"}).Draw(t, "Secret")
	st.Renewable, st.RenewalTime = chance("renewable"), maybe("renewal")
	st.AccessTokenTime, st.AccessTokenExpiryTime, st.LastRenewalTime = maybe("given"), maybe("expiry"), maybe("last renewal")
	if chance("client is known") {
		st.ClientID = rapid.SampledFrom([]string{testClientID, "other"}).Draw(t, "client")
		st.GatewayURL = rapid.SampledFrom([]string{"https://gateway.example", "https://other.example"}).Draw(t, "gateway")
	}
	if chance("the buyer is asked") {
		st.Authorization, st.ConsultedAt = &apiv1.AgreementAuthorization{NormalURL: "https://wallet.example"}, when("consult")
	}
	if chance("a code was refused") {
		st.RefusedCodesSHA256, st.RefusedCodeAt = []string{"three"}, when("refusal of a code")
	}
	f.code, f.created, f.canceled = hash("code"), hash("created"), chance("canceled")
	if final := []apiv1.AgreementState{apiv1.AgreementRevoked, apiv1.AgreementExpired, apiv1.AgreementFailed}; rapid.IntRange(0, 4).Draw(t, "ended") == 0 {
		st.State = rapid.SampledFrom(final).Draw(t, "state")
		st.RevokedBy = rapid.SampledFrom([]apiv1.AgreementEnder{"", apiv1.EndedByBuyer, apiv1.EndedByMerchant, apiv1.EndedByWallet}).Draw(t, "by")
	} else if chance("step") {
		kinds := []apiv1.AgreementStepKind{apiv1.AgreementRenewal, apiv1.AgreementRevocation}
		if st.AccessTokenSHA256 == "" { // the exchange ends with the first token
			kinds = []apiv1.AgreementStepKind{apiv1.AgreementExchange}
		}
		st.Step = &apiv1.AgreementStep{
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), StartedAt: *when("start"), TriedAt: *when("try"), Tries: 1,
			CredentialSHA256: rapid.SampledFrom([]string{"one", "two", "three"}).Draw(t, "credential"), Unanswered: chance("unanswered"), RefusedAt: maybe("refused"),
		}
		f.pending = rapid.IntRange(0, 4).Draw(t, "pending") == 0
		f.recall.unsent = chance("unsent")
		if chance("own try") {
			f.recall.ended = st.Step.TriedAt.Time
		}
	}
	if next := maybe("next look"); next != nil {
		f.recall.nextLook = next.Time
	}
	if chance("trouble") {
		what := rapid.SampledFrom([]outcome{unknown, notSent, refused, refusedIdentity}).Draw(t, "what")
		f.trouble, f.recall.failures = &trouble{outcome: what, code: "SOME_CODE"}, 1
	}
	if rapid.IntRange(0, 5).Draw(t, "Secret found") == 0 {
		f.secretFound = &problem{reason: apiv1.SecretForbiddenReason, retry: secretRetry}
	}
	if rapid.IntRange(0, 5).Draw(t, "account found") == 0 {
		f.account.problem = &problem{reason: apiv1.MerchantAccountNotReadyReason}
	}
	return f
}

// What holds for every decision, whatever was gathered.
func TestDecisionAboutAnAgreementIsAlwaysSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawAgreementFacts(t)
		st := &f.agreement.Status
		before := f.agreement.DeepCopy()
		got := decideAgreement(f)
		claim := func(holds bool, what string) {
			if !holds {
				t.Fatalf("%s: %s after %s, %+v\nstatus %+v\nstep %+v\ntokens %+v", what, got.do, got.after, got.report, before.Status, before.Status.Step, f.tokens)
			}
		}
		claim(cmp.Equal(before, f.agreement), "the decision changed the agreement")
		again := decideAgreement(f)
		claim(got == again, "the same facts give another decision")
		claim(got.do != actWait || got.after > 0, "it waits for no time")

		step := st.Step
		sends := got.do == actExchange || got.do == actRenew || got.do == actRevoke
		if sends {
			claim(step != nil && got.do == stepAction(step.Kind), "it sends what is not on record")
			claim(step.CredentialSHA256 == f.credentialOf(step.Kind), "it sends another credential than that on record")
			claim(f.recall.unsent && f.now.Sub(step.TriedAt.Time) < tryFresh, "it sends a try that another process may think to be over")
			claim(!f.pending, "it sends while an answer is not stored")
		}
		if got.do == actRecordIntent && step != nil && step.Kind == apiv1.AgreementExchange {
			over := f.recall.ended.Equal(step.TriedAt.Time) || !f.now.Before(step.TriedAt.Add(f.tryOver))
			claim(over, "a code is exchanged again while its exchange may be under way")
			claim(f.tokens.authCode == step.CredentialSHA256, "another code is exchanged while the outcome of the first is not known")
		}
		if got.do == actRecordIntent && step != nil && !f.replaced(step) {
			over := f.recall.ended.Equal(step.TriedAt.Time) || !f.now.Before(step.TriedAt.Add(f.tryOver))
			claim(over && f.credentialOf(step.Kind) == step.CredentialSHA256, "a step is tried again that may be under way, or with another credential")
		}
		if got.do == actRecordIntent && f.replaced(step) && (f.tokens.access != "" || st.AuthStateSHA256 != "") {
			claim(f.credentialOf(f.nextStep()) != "", "a step is begun without what it sends")
			claim(!f.agreement.Spec.Suspend || step != nil, "a suspended agreement begins something")
		}
		if got.do == actSettleFailed && f.tokens.access != "" {
			claim(f.rejected() || f.expired(), "a token that works is given up")
			claim(!f.pending && (step == nil || step.RefusedAt != nil), "an agreement is ended while an answer may come")
			claim(step != nil || !f.tokens.renewable(), "a token that can be renewed is given up")
		}
		if got.do == actSettleFailed && f.tokens.access == "" {
			claim(f.created == "", "a consent is given up whose token is announced")
			claim(step == nil || f.tokens.authCode != step.CredentialSHA256, "a consent is given up while its code is being exchanged")
			claim(step == nil || !f.now.Before(step.TriedAt.Add(codePatience)), "a consent is given up while its token may be announced")
		}
		if got.do == actSettleCancelled {
			claim(step == nil && f.tokens.access == "" && f.created == "" && f.wantsEnd(), "an agreement is called revoked that has, or may get, a token")
		}
		if got.do == actSettleNotified {
			claim(f.canceled && !f.pending, "an end is settled that nobody announced, or while an answer is not stored")
		}
		if got.do == actRelease {
			retained := f.agreement.Spec.DeletionPolicy == apiv1.RetainAgreement
			claim(f.deleting() && (retained || st.State.Final() || !f.mayBeDebited()), "an object goes whose token lives on")
		}
		if st.State.Final() {
			stays := got.do == actStore || got.do == actRest || got.do == actRelease || got.do == actWait
			claim(stays && got.report.state == string(st.State), "what has ended goes on")
		}
		doubt := step != nil && step.Unanswered && step.RefusedAt == nil
		settles := got.do == actSettleFailed || got.do == actSettleNotified || got.do == actRelease
		claim(!doubt || got.report.unknown || settles || f.deleting() && f.agreement.Spec.DeletionPolicy == apiv1.RetainAgreement, "an unknown outcome is told as known")
		debitableNow := st.AccessTokenSHA256 != "" && !f.rejected() && !f.expired() && (step == nil || step.RefusedAt != nil)
		saysReady := got.report.verdict == ready && !st.State.Final()
		claim(!saysReady || debitableNow && !doubt, "a token counts as one to be debited that need not work")
	})
}
