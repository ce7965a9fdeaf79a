package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// testDebitFacts are those of a debit that was not sent.
func testDebitFacts() *paymentFacts {
	f := &paymentFacts{facts: testFacts(), payment: debitPayment("order"), method: walletCapability}
	f.payment.Spec.Attempt, f.payment.Spec.DesiredState = 1, apiv1.DesiredPaid
	f.debit = debitFacts{wallet: "ALIPAY_HK", token: agreementToken{hash: "token"}}
	return f
}

// debitIn is a debit in a state, sent a time ago with the agreement's token.
func debitIn(state apiv1.OperationState, sent time.Duration) func(*paymentFacts) {
	return func(f *paymentFacts) {
		st := &f.payment.Status
		st.Intent, st.PaymentRequestID, st.State, st.Debit = submitted(), "id", state, &apiv1.DebitStatus{AccessTokenSHA256: "token"}
		st.Intent.SubmittedAt = *ago(sent)
		switch state {
		case apiv1.StateProcessing, apiv1.PaymentConfirming, apiv1.PaymentPaid, apiv1.PaymentCancelled:
			st.PaymentID = "2026"
		default: // the gateway has not told its id
		}
	}
}

func TestDecisionAboutADebit(t *testing.T) {
	type changes = []func(*paymentFacts)
	in := func(what outcome) func(*paymentFacts) {
		return func(f *paymentFacts) { f.trouble = &trouble{outcome: what, code: "SOME_CODE"} }
	}
	asked := func(f *paymentFacts) { f.asked = true }
	empty := func(count int32) func(*paymentFacts) {
		return func(f *paymentFacts) {
			f.asked, f.trouble = true, noOrder
			f.payment.Status.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: count, LastTime: *ago(0)}
		}
	}
	onRecord := func(count int32) func(*paymentFacts) {
		return func(f *paymentFacts) {
			f.payment.Status.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: count, LastTime: *ago(0)}
		}
	}
	result := func(code string) func(*paymentFacts) {
		return func(f *paymentFacts) {
			f.payment.Status.LastResult = &apiv1.GatewayResult{ResultCode: code, ResultStatus: "F"}
		}
	}
	withheld := func(f *paymentFacts) {
		f.withheld, f.debit.token, f.hash = awaitingAgreement("plan", "is not ready"), agreementToken{}, "hash without token"
	}
	renewed := func(f *paymentFacts) { f.debit.token.hash, f.hash = "renewed", "other hash" }
	otherSpec := func(f *paymentFacts) { f.hash = "other hash" }
	suspend := func(f *paymentFacts) { f.payment.Spec.Suspend = true }
	cancel := func(f *paymentFacts) { f.payment.Spec.DesiredState = apiv1.DesiredCancelled }
	cancelSent := func(f *paymentFacts) { f.payment.Status.CancelSubmittedAt = ago(0) }
	cancelRefused := func(f *paymentFacts) {
		f.payment.Status.CancelResult = &apiv1.GatewayResult{ResultCode: "CANCEL_WINDOW_EXCEED"}
	}
	never := func(f *paymentFacts) { f.method.cancel = apiv1.NeverCancel }
	deleted := func(f *paymentFacts) {
		f.payment.DeletionTimestamp, f.payment.Finalizers = ago(0), []string{apiv1.PaymentFinalizer}
	}
	deletedToCancel := func(f *paymentFacts) {
		deleted(f)
		f.payment.Spec.DeletionPolicy = apiv1.CancelPayment
	}
	later := func(f *paymentFacts) { f.recall.failures, f.recall.nextLook = 1, worldStart.Add(time.Minute) }
	unsent := func(f *paymentFacts) { f.recall.unsent = true }
	resent := func(f *paymentFacts) { f.payment.Status.Intent.ResubmittedAt = ago(time.Second) }
	adopted := func(f *paymentFacts) { f.payment.Status.Adopted = true }
	told := func(f *paymentFacts) { f.payment.Status.Debit.TokenRejected = true }
	moved := func(f *paymentFacts) { f.moved = true }
	const (
		submitting, lost, processing, confirming, failed = apiv1.StateSubmitting, apiv1.StateUnknown, apiv1.StateProcessing, apiv1.PaymentConfirming, apiv1.StateFailed
		early, late                                      = 10 * time.Second, debitLife + debitGrace
	)
	tests := []struct {
		name    string
		changes changes
		want    summary
	}{
		{"a new one is recorded", nil, summary{actRecordIntent, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"one without a token asks once whether a former life has made it", changes{withheld}, summary{actInquire, progressing, apiv1.AwaitingAgreementReason, "Pending", "Unknown", false}},
		{"and waits for an answer", changes{withheld, asked, in(unknown)}, summary{actWait, progressing, apiv1.AwaitingAgreementReason, "Pending", "Unknown", false}},
		{"not asking again at once", changes{withheld, later}, summary{actWait, progressing, apiv1.AwaitingAgreementReason, "Pending", "Unknown", false}},
		{"and then for its agreement", changes{withheld, onRecord(1)}, summary{actRest, progressing, apiv1.AwaitingAgreementReason, "Pending", "Unknown", false}},
		{"a refused account needs a person", changes{withheld, in(refusedIdentity)}, summary{actWait, stalled, apiv1.CredentialsRejectedReason, "Blocked", "Unknown", false}},
		{"a fresh intent is sent", changes{debitIn(submitting, time.Second), unsent}, summary{actSubmit, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"not without a token", changes{debitIn(submitting, time.Second), unsent, withheld}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"not with another one than is on record", changes{debitIn(submitting, time.Second), unsent, renewed}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"not while it is suspended", changes{debitIn(submitting, time.Second), unsent, suspend}, summary{actWait, progressing, apiv1.SuspendedReason, "Submitting", "Unknown", false}},
		{"a found intent is asked for", changes{debitIn(submitting, time.Minute)}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a lost answer is unknown", changes{debitIn(lost, early), asked, in(unknown)}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"one empty answer proves nothing", changes{debitIn(lost, early), empty(1)}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"nor with another token at hand", changes{debitIn(lost, early), empty(3), renewed}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"four have it sent again", changes{debitIn(lost, early), empty(4)}, summary{actRecordIntent, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"with the token as it is now", changes{debitIn(lost, early), empty(4), renewed}, summary{actRecordIntent, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"not without one", changes{debitIn(lost, early), empty(4), withheld}, summary{actRest, progressing, apiv1.AwaitingAgreementReason, "Unknown", "Unknown", true}},
		{"not while it is suspended", changes{debitIn(lost, early), empty(4), suspend}, summary{actWait, progressing, apiv1.SuspendedReason, "Unknown", "Unknown", true}},
		{"nor with another token", changes{debitIn(lost, early), empty(4), suspend, renewed}, summary{actRest, stalled, apiv1.RequestChangedReason, "Blocked", "Unknown", true}},
		{"not where more than the token is another", changes{debitIn(lost, early), empty(4), otherSpec}, summary{actRest, stalled, apiv1.RequestChangedReason, "Blocked", "Unknown", true}},

		{"one that the wallet decides about waits", changes{debitIn(processing, early), asked}, summary{actWait, progressing, apiv1.AwaitingChannelReason, "Processing", "Unknown", false}},
		{"for its minute and the grace", changes{debitIn(confirming, late-time.Second), asked}, summary{actWait, progressing, apiv1.AwaitingChannelReason, "Confirming", "Unknown", false}},
		{"then the gateway is asked once more", changes{debitIn(processing, late)}, summary{actInquire, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"and the wish to cancel is recorded", changes{debitIn(processing, late), asked}, summary{actRecordCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"and carried out", changes{debitIn(processing, late), asked, cancelSent}, summary{actCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"the minute counts from the last request", changes{debitIn(processing, late), resent, asked}, summary{actWait, progressing, apiv1.AwaitingChannelReason, "Processing", "Unknown", false}},
		{"one that was paid meanwhile is cancelled nevertheless", changes{debitIn(apiv1.PaymentPaid, late), asked, cancelSent}, summary{actCancel, progressing, apiv1.CancellingReason, "Paid", "Unknown", false}},
		{"one that can not be cancelled needs a person", changes{debitIn(processing, late), never, asked}, summary{actWait, stalled, apiv1.CancelNotSupportedReason, "Processing", "Unknown", false}},
		{"not before its time", changes{debitIn(processing, early), never, asked}, summary{actWait, progressing, apiv1.AwaitingChannelReason, "Processing", "Unknown", false}},
		{"one whose cancellation is refused needs a person", changes{debitIn(processing, late), cancelSent, cancelRefused, asked}, summary{actWait, stalled, apiv1.CancelRefusedReason, "Processing", "Unknown", false}},
		{"a lost one is not overdue", changes{debitIn(lost, late)}, summary{actInquire, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"one is cancelled as its user wishes", changes{debitIn(processing, early), cancel, asked}, summary{actRecordCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"or when it is deleted", changes{debitIn(processing, early), deletedToCancel, asked}, summary{actRecordCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},

		{"the agreement is told of its refused token first", changes{debitIn(submitting, early), result(alipay.CodeInvalidAccessToken), in(refused), moved}, summary{actRejectToken, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"also when the inquiry has told it", changes{debitIn(failed, early), result(alipay.CodeInvalidAccessToken)}, summary{actRejectToken, stalled, alipay.CodeInvalidAccessToken, "Failed", "False", false}},
		{"also when the object goes", changes{debitIn(failed, early), result(alipay.CodeInvalidAccessToken), deleted}, summary{actRejectToken, stalled, alipay.CodeInvalidAccessToken, "Failed", "False", false}},
		{"once", changes{debitIn(failed, early), result(alipay.CodeInvalidAccessToken), told}, summary{actRest, stalled, alipay.CodeInvalidAccessToken, "Failed", "False", false}},
		{"not of one that another token may have made", changes{debitIn(failed, early), result(alipay.CodeInvalidAccessToken), adopted}, summary{actRest, stalled, alipay.CodeInvalidAccessToken, "Failed", "False", false}},
		{"nor of one that was sent twice", changes{debitIn(failed, early), result(alipay.CodeInvalidAccessToken), resent}, summary{actRest, stalled, alipay.CodeInvalidAccessToken, "Failed", "False", false}},
		{"but of what the second request itself was answered", changes{debitIn(submitting, early), result(alipay.CodeInvalidAccessToken), resent}, summary{actRejectToken, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"the refusal is confirmed then", changes{debitIn(submitting, early), result(alipay.CodeInvalidAccessToken), told, in(refused), moved}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"another refusal says nothing about the token", changes{debitIn(failed, early), result("USER_BALANCE_NOT_ENOUGH")}, summary{actRest, stalled, "USER_BALANCE_NOT_ENOUGH", "Failed", "False", false}},
		{"a cancelled one tells how to go on", changes{debitIn(apiv1.PaymentCancelled, late), cancelSent}, summary{actRest, stalled, apiv1.CancelledReason, "Cancelled", "False", false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := testDebitFacts()
			for _, change := range tt.changes {
				change(f)
			}
			before := f.payment.DeepCopy()
			got := decidePayment(f)
			if diff := cmp.Diff(tt.want, summaryOf(got)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, f.payment); diff != "" {
				t.Errorf("the decision changed the payment (-before +after):\n%s", diff)
			}
			if st := &f.payment.Status; got.do == actWait && st.State == processing && got.report.reason == apiv1.AwaitingChannelReason && f.method.cancel != apiv1.NeverCancel {
				if left := f.debitDeadline().Sub(f.now); got.after <= 0 || got.after > left {
					t.Errorf("waits for %s, and the debit is to be cancelled in %s", got.after, left)
				}
			}
			if ends := got.report.state == "Failed" || got.report.state == "Cancelled"; ends && got.report.verdict == stalled && !strings.Contains(got.report.message, "raise spec.attempt") {
				t.Errorf("message = %q, want how to try again", got.report.message)
			}
		})
	}
}

// Whatever was gathered about a debit, it is not sent without a token, not twice without proof, and what has ended stays so.
func TestDecisionAboutADebitIsAlwaysSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := testDebitFacts()
		chance := func(what string) bool { return rapid.Bool().Draw(t, what) }
		when := func(what string) *metav1.Time {
			return ago(rapid.SampledFrom([]time.Duration{-time.Hour, 0, time.Second, 20 * time.Second, 40 * time.Second, 89 * time.Second, 90 * time.Second, time.Hour, 48 * time.Hour}).Draw(t, what))
		}
		spec, st := &f.payment.Spec, &f.payment.Status
		spec.Suspend = chance("suspended")
		spec.DesiredState = rapid.SampledFrom([]apiv1.PaymentDesiredState{apiv1.DesiredPaid, apiv1.DesiredPaid, apiv1.DesiredCancelled}).Draw(t, "desired")
		f.method.cancel = rapid.SampledFrom([]apiv1.CancelCapability{apiv1.NeverCancel, walletCapability.cancel}).Draw(t, "cancel")
		if chance("deleted") {
			f.payment.DeletionTimestamp, f.payment.Finalizers = ago(0), []string{apiv1.PaymentFinalizer}
			spec.DeletionPolicy = rapid.SampledFrom([]apiv1.PaymentDeletionPolicy{apiv1.RetainPayment, apiv1.CancelPayment}).Draw(t, "deletion policy")
		}
		f.hash = rapid.SampledFrom([]string{"hash", "other hash"}).Draw(t, "hash")
		f.debit.token.hash = rapid.SampledFrom([]string{"token", "renewed"}).Draw(t, "token")
		if chance("withheld") {
			f.withheld, f.debit.token, f.hash = awaitingAgreement("plan", "is not ready"), agreementToken{}, "hash without token"
		}
		state := rapid.SampledFrom([]apiv1.OperationState{
			"", apiv1.StateSubmitting, apiv1.StateUnknown, apiv1.StateProcessing, apiv1.PaymentConfirming, apiv1.PaymentPaid, apiv1.StateFailed, apiv1.PaymentCancelled,
		}).Draw(t, "state")
		if state != "" {
			debitIn(state, 0)(f)
			st.Intent.SubmittedAt = *when("submitted")
			if chance("resent") {
				st.Intent.ResubmittedAt = when("resubmitted")
			}
			f.recall.unsent = chance("unsent")
		}
		if code := rapid.SampledFrom([]string{"", alipay.CodeInvalidAccessToken, "USER_BALANCE_NOT_ENOUGH", alipay.CodeRepeatReqInconsistent}).Draw(t, "code"); code != "" {
			st.LastResult = &apiv1.GatewayResult{ResultCode: code, ResultStatus: "F"}
		}
		if count := rapid.Int32Range(0, 4).Draw(t, "empty answers"); count > 0 {
			st.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: count, LastTime: *ago(0)}
		}
		if st.Intent != nil && chance("cancel sent") {
			st.CancelSubmittedAt = when("cancelled")
		}
		f.asked, f.moved = chance("asked"), st.Intent != nil && chance("moved")
		if chance("trouble") {
			f.trouble = &trouble{outcome: rapid.SampledFrom([]outcome{unknown, notSent, refused, refusedIdentity, notFound}).Draw(t, "outcome"), code: "SOME_CODE"}
		}
		if chance("next look") {
			f.recall.nextLook = when("look").Time
		}
		before := f.payment.DeepCopy()
		got := decidePayment(f)
		claim := func(holds bool, what string) {
			if !holds {
				t.Fatalf("%s: %s after %s, %+v\nstatus %+v", what, got.do, got.after, got.report, before.Status)
			}
		}
		claim(cmp.Equal(before, f.payment), "the decision changed the payment")
		claim(got == decidePayment(f), "the same facts give another decision")
		proved := f.asked && f.trouble != nil && f.trouble.outcome == notFound
		four := emptyCount(st.EmptyAnswers, "id") >= emptyAnswers
		if got.do == actSubmit {
			claim(f.withheld == nil && !spec.Suspend, "a debit is sent without a token, or while it is suspended")
			claim(f.recall.unsent && st.Intent != nil && f.hash == st.Intent.RequestSHA256, "a debit is sent that is not the one on record, or may have been sent")
			claim(f.now.Sub(st.Intent.LastSubmittedAt().Time) < unsentFor, "an old intent is sent without asking")
		}
		if got.do == actRecordIntent {
			claim(f.withheld == nil && !spec.Suspend, "a debit is begun without a token, or while it is suspended")
			claim(st.Intent == nil || proved && four && st.PaymentID == "" && st.LastResult == nil, "a debit is sent again without proof")
			claim(st.Intent == nil || f.hash == st.Intent.RequestSHA256 || f.debit.token.hash != st.Debit.AccessTokenSHA256, "another request is sent although the token is the same")
		}
		if got.do == actSettleFailed {
			claim(proved && st.LastResult != nil && st.PaymentID == "", "a debit fails without a refusal and a proof")
			claim(four || !doubtfulRefusals[st.LastResult.ResultCode] && st.Intent.ResubmittedAt == nil, "a doubtful refusal is believed")
		}
		if got.do == actCancel {
			claim(st.CancelSubmittedAt != nil && f.asked, "a cancellation leaves without being on record, or without asking")
		}
		if state == apiv1.StateFailed || state == apiv1.PaymentCancelled {
			stays := got.do == actRest || got.do == actRejectToken || got.do == actRelease || got.do == actWait
			claim(stays && got.report.state == string(state), "what has ended goes on")
		}
		settles := got.do == actSettleFailed || got.do == actSettleCancelled || got.do == actRelease || got.do == actRest && !f.payment.DeletionTimestamp.IsZero()
		claim(state != apiv1.StateUnknown || got.report.unknown || settles, "an unknown outcome is told as known")
		open := state != "" && state != apiv1.PaymentPaid && state != apiv1.StateFailed && state != apiv1.PaymentCancelled
		claim(!open || got.report.succeeded != metav1.ConditionFalse && got.report.succeeded != metav1.ConditionTrue, "an open debit is told to have ended")
	})
}
