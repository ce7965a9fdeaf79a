package controllers

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// summary is what a decision comes to.
type summary struct {
	Do        action
	Verdict   verdict
	Reason    string
	State     string
	Succeeded metav1.ConditionStatus
	Unknown   bool
}

func summaryOf(d decision) summary {
	return summary{d.do, d.report.verdict, d.report.reason, d.report.state, d.report.succeeded, d.report.unknown}
}

// testFacts are those of an account that can be used.
func testFacts() facts {
	return facts{now: worldStart, id: "id", hash: "hash", jitter: 0.5, account: accountFacts{account: newAccount(), gateway: &gateway{}}}
}

// submitted is the intent of the first attempt, a minute ago.
func submitted() *apiv1.Intent {
	intent := newIntent(newAccount(), 1, worldStart.Add(-time.Minute))
	intent.RequestSHA256 = "hash"
	return intent
}

func TestDecisionAboutAPayment(t *testing.T) {
	now := &metav1.Time{Time: worldStart}
	inState := func(state apiv1.OperationState) func(*paymentFacts) {
		return func(f *paymentFacts) {
			st := &f.payment.Status
			st.Intent, st.PaymentRequestID, st.State = submitted(), "id", state
			switch state {
			case apiv1.PaymentPaid, apiv1.StateFailed, apiv1.PaymentCancelled:
				st.PaymentID, st.FinishedAt, st.PaymentTime = "2026", now, now
			case apiv1.StateProcessing, apiv1.PaymentConfirming:
				st.PaymentID = "2026"
			default: // the gateway has not told its id
			}
		}
	}
	cancel := func(f *paymentFacts) { f.payment.Spec.DesiredState = apiv1.DesiredCancelled }
	asked := func(f *paymentFacts) { f.asked = true }
	suspend := func(f *paymentFacts) { f.payment.Spec.Suspend = true }
	deleted := func(f *paymentFacts) {
		f.payment.DeletionTimestamp = now
		f.payment.Finalizers = []string{apiv1.PaymentFinalizer}
	}
	cancelSent := func(f *paymentFacts) { f.payment.Status.CancelSubmittedAt = now }
	in := func(what outcome) func(*paymentFacts) {
		return func(f *paymentFacts) { f.trouble = &trouble{outcome: what, code: "SOME_CODE"} }
	}
	empty := func(count int32) func(*paymentFacts) {
		return func(f *paymentFacts) {
			f.asked, f.trouble = true, noOrder
			f.payment.Status.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: count, LastTime: *now}
		}
	}
	result := func(code string) func(*paymentFacts) {
		return func(f *paymentFacts) {
			f.payment.Status.LastResult = &apiv1.GatewayResult{ResultCode: code, ResultStatus: "F"}
		}
	}
	type changes = []func(*paymentFacts)
	tests := []struct {
		name    string
		changes changes
		want    summary
	}{
		{"a new payment is recorded", nil, summary{actRecordIntent, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"a suspended one rests", changes{suspend}, summary{actRest, progressing, apiv1.SuspendedReason, "Pending", "Unknown", false}},
		{"one without a usable account waits", changes{func(f *paymentFacts) {
			f.account.problem = &problem{reason: apiv1.MerchantAccountNotFoundReason}
		}}, summary{actRest, progressing, apiv1.MerchantAccountNotFoundReason, "Pending", "Unknown", false}},
		{"one that makes no request is blocked", changes{func(f *paymentFacts) { f.buildErr = errors.New("no") }},
			summary{actRest, stalled, apiv1.RequestInvalidReason, "Blocked", "Unknown", false}},
		{"a second attempt asks for the first", changes{func(f *paymentFacts) { f.payment.Spec.Attempt = 2 }},
			summary{actInquireFormer, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"a second attempt waits for the first", changes{func(f *paymentFacts) { f.payment.Spec.Attempt, f.formerOpen = 2, true }},
			summary{actWait, stalled, apiv1.FormerAttemptOpenReason, "Blocked", "Unknown", false}},
		{"a second attempt after the first has ended", changes{func(f *paymentFacts) { f.payment.Spec.Attempt, f.payment.Status.EndedAttempts = 2, 1 }},
			summary{actRecordIntent, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},

		{"a fresh intent is submitted", changes{inState(apiv1.StateSubmitting), func(f *paymentFacts) {
			f.recall.unsent, f.payment.Status.Intent.SubmittedAt = true, *now
		}}, summary{actSubmit, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a found intent is asked for", changes{inState(apiv1.StateSubmitting)}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a lost answer is unknown", changes{inState(apiv1.StateUnknown), asked, in(unknown)}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"one empty answer proves nothing", changes{inState(apiv1.StateUnknown), empty(1)}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"four empty answers have it sent again", changes{inState(apiv1.StateUnknown), empty(4)},
			summary{actRecordIntent, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"a suspended one is not sent again", changes{inState(apiv1.StateUnknown), empty(4), suspend},
			summary{actWait, progressing, apiv1.SuspendedReason, "Unknown", "Unknown", true}},
		{"a changed request is not sent again", changes{inState(apiv1.StateUnknown), empty(4), func(f *paymentFacts) { f.hash = "other" }},
			summary{actRest, stalled, apiv1.RequestChangedReason, "Blocked", "Unknown", true}},
		{"another client is not asked", changes{inState(apiv1.StateUnknown), func(f *paymentFacts) { f.account.account.Spec.ClientID = "other" }},
			summary{actRest, stalled, apiv1.ClientIDChangedReason, "Unknown", "Unknown", true}},
		{"another gateway is not asked", changes{inState(apiv1.StateUnknown), func(f *paymentFacts) { f.account.account.Spec.GatewayURL = "https://other.example" }},
			summary{actRest, stalled, apiv1.GatewayChangedReason, "Unknown", "Unknown", true}},
		{"a refused account needs a person", changes{inState(apiv1.StateProcessing), asked, in(refusedIdentity)},
			summary{actWait, stalled, apiv1.CredentialsRejectedReason, "Processing", "Unknown", false}},
		{"an open order waits for the buyer", changes{inState(apiv1.StateProcessing), asked}, summary{actWait, progressing, apiv1.AwaitingBuyerReason, "Processing", "Unknown", false}},
		{"a pending order waits for its channel", changes{inState(apiv1.PaymentConfirming), asked}, summary{actWait, progressing, apiv1.AwaitingChannelReason, "Confirming", "Unknown", false}},
		{"a refusal is confirmed", changes{inState(apiv1.StateSubmitting), result("RISK_REJECT"), in(refused), func(f *paymentFacts) { f.moved = true }},
			summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a confirmed refusal is settled", changes{inState(apiv1.StateSubmitting), result("RISK_REJECT"), empty(1)},
			summary{actSettleFailed, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a conflict rests", changes{inState(apiv1.StateProcessing), func(f *paymentFacts) {
			f.payment.Status.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason}
		}}, summary{actRest, stalled, apiv1.RequestIDConflictReason, "Blocked", "Unknown", false}},

		{"a paid one rests", changes{inState(apiv1.PaymentPaid)}, summary{actRest, ready, apiv1.PaidReason, "Paid", "True", false}},
		{"a failed one tells its code", changes{inState(apiv1.StateFailed), result("USER_BALANCE_NOT_ENOUGH")}, summary{actRest, stalled, "USER_BALANCE_NOT_ENOUGH", "Failed", "False", false}},
		{"a failed one with an odd code", changes{inState(apiv1.StateFailed), result("no reason!")}, summary{actRest, stalled, apiv1.GatewayRefusedReason, "Failed", "False", false}},
		{"a failed one that should be cancelled is done", changes{inState(apiv1.StateFailed), result("RISK_REJECT"), cancel}, summary{actRest, ready, "RISK_REJECT", "Failed", "False", false}},
		{"a cancelled one as asked for", changes{inState(apiv1.PaymentCancelled), cancel}, summary{actRest, ready, apiv1.CancelledReason, "Cancelled", "False", false}},
		{"a cancelled one that should be paid", changes{inState(apiv1.PaymentCancelled)}, summary{actRest, stalled, apiv1.CancelledReason, "Cancelled", "False", false}},
		{"a settled one lives on", changes{inState(apiv1.PaymentPaid), func(f *paymentFacts) { f.payment.Spec.TTLSecondsAfterFinished = new(int32(60)) }},
			summary{actWait, ready, apiv1.PaidReason, "Paid", "True", false}},
		{"a settled one outlives its time", changes{inState(apiv1.PaymentPaid), func(f *paymentFacts) { f.payment.Spec.TTLSecondsAfterFinished = new(int32) }},
			summary{actExpire, ready, apiv1.PaidReason, "Paid", "True", false}},
		{"a deleted refund is asked for before its time is over", changes{inState(apiv1.PaymentPaid), func(f *paymentFacts) {
			f.orphan, f.payment.Spec.TTLSecondsAfterFinished = "refund", new(int32)
		}}, summary{actInquireOrphan, ready, apiv1.PaidReason, "Paid", "True", false}},

		{"a wish to cancel what was never sent asks first", changes{cancel}, summary{actInquire, progressing, apiv1.CancellingReason, "Pending", "Unknown", false}},
		{"a wish to cancel what was never sent is not settled by one empty answer", changes{cancel, empty(1)}, summary{actWait, progressing, apiv1.CancellingReason, "Pending", "Unknown", false}},
		{"a wish to cancel what was never sent is settled by four", changes{cancel, empty(4)}, summary{actSettleCancelled, progressing, apiv1.CancellingReason, "Pending", "Unknown", false}},
		{"an open order is asked for before it is cancelled", changes{inState(apiv1.StateProcessing), cancel}, summary{actInquire, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"the wish to cancel is recorded", changes{inState(apiv1.StateProcessing), cancel, asked}, summary{actRecordCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"the recorded wish is carried out", changes{inState(apiv1.StateProcessing), cancel, asked, cancelSent}, summary{actCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"a suspended one is not cancelled", changes{inState(apiv1.StateProcessing), cancel, asked, suspend}, summary{actWait, progressing, apiv1.SuspendedReason, "Processing", "Unknown", false}},
		{"a lost cancellation of a paid one is unknown", changes{inState(apiv1.PaymentPaid), cancel, asked, cancelSent, in(unknown), func(f *paymentFacts) { f.moved = true }},
			summary{actWait, progressing, apiv1.CancellingReason, "Paid", "Unknown", true}},
		{"a refused account does not make a cancellation known", changes{inState(apiv1.PaymentPaid), cancel, cancelSent, in(refusedIdentity)},
			summary{actWait, stalled, apiv1.CredentialsRejectedReason, "Paid", "Unknown", true}},
		{"the window is over and nothing was sent", changes{inState(apiv1.PaymentPaid), cancel, func(f *paymentFacts) { f.now = worldStart.AddDate(0, 0, 2) }},
			summary{actRest, stalled, apiv1.CancelWindowExceededReason, "Paid", "True", false}},
		{"the window is over and a request may have got through", changes{inState(apiv1.PaymentPaid), cancel, cancelSent, func(f *paymentFacts) { f.now = worldStart.AddDate(0, 0, 2) }},
			summary{actInquire, progressing, apiv1.CancellingReason, "Paid", "Unknown", true}},
		{"the window is over and the gateway has told", changes{inState(apiv1.PaymentPaid), cancel, cancelSent, asked, func(f *paymentFacts) { f.now = worldStart.AddDate(0, 0, 2) }},
			summary{actWithdrawCancel, progressing, apiv1.CancellingReason, "Paid", "Unknown", false}},
		{"a paid one with a refund is not cancelled", changes{inState(apiv1.PaymentPaid), cancel, asked, func(f *paymentFacts) {
			f.payment.Status.Refunds = []apiv1.PaymentRefund{{RefundRequestID: "r", Value: "1"}}
		}}, summary{actRest, stalled, apiv1.CancelNotSupportedReason, "Paid", "True", false}},
		{"the gateway has refused to cancel", changes{inState(apiv1.PaymentPaid), cancel, cancelSent, asked, func(f *paymentFacts) {
			f.payment.Status.CancelResult = &apiv1.GatewayResult{ResultCode: "ORDER_IS_CLOSED"}
		}}, summary{actRest, stalled, apiv1.CancelRefusedReason, "Paid", "True", false}},
		{"a method that never cancels is followed", changes{inState(apiv1.StateProcessing), cancel, func(f *paymentFacts) { f.method.cancel = apiv1.NeverCancel }},
			summary{actInquire, stalled, apiv1.CancelNotSupportedReason, "Processing", "Unknown", false}},
		{"a paid one of a method that cancels until paid", changes{inState(apiv1.PaymentPaid), cancel, func(f *paymentFacts) { f.method = unlistedCapability }},
			summary{actRest, stalled, apiv1.CancelNotSupportedReason, "Paid", "True", false}},

		{"a deleted one with nothing to close is let go", changes{inState(apiv1.StateProcessing), deleted}, summary{actRelease, progressing, apiv1.SubmittingReason, "Processing", "", false}},
		{"a deleted one with an order to close", changes{inState(apiv1.StateProcessing), deleted, asked, func(f *paymentFacts) { f.payment.Spec.DeletionPolicy = apiv1.CancelPayment }},
			summary{actRecordCancel, progressing, apiv1.CancellingReason, "Processing", "Unknown", false}},
		{"a deleted one that was paid meanwhile is let go", changes{inState(apiv1.PaymentPaid), deleted, func(f *paymentFacts) { f.payment.Spec.DeletionPolicy = apiv1.CancelPayment }},
			summary{actRelease, progressing, apiv1.SubmittingReason, "Paid", "", false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &paymentFacts{facts: testFacts(), payment: newPayment("order"), method: walletCapability}
			f.payment.Spec.Attempt, f.payment.Spec.DesiredState = 1, apiv1.DesiredPaid
			for _, change := range tt.changes {
				change(f)
			}
			before := f.payment.DeepCopy()
			if diff := cmp.Diff(tt.want, summaryOf(decidePayment(f))); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, f.payment); diff != "" {
				t.Errorf("the decision changed the payment (-before +after):\n%s", diff)
			}
		})
	}
}
