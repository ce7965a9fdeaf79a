package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestDecisionAboutARefund(t *testing.T) {
	now := &metav1.Time{Time: worldStart}
	inState := func(state apiv1.OperationState) func(*shareFacts) {
		return func(f *shareFacts) {
			st := f.status
			st.Intent, *f.statusRequestID, st.State = submitted(), "id", state
			if state.Final() {
				st.FinishedAt = now
			}
			if state == apiv1.StateProcessing || state == apiv1.RefundRefunded {
				*f.statusGatewayID = "2026"
			}
		}
	}
	noted := func(id, value string) func(*shareFacts) {
		return func(f *shareFacts) {
			f.payment.Status.Refunds = append(f.payment.Status.Refunds, apiv1.PaymentRefund{RefundRequestID: id, Value: value})
		}
	}
	suspend := func(f *shareFacts) { f.suspend = true }
	empty := func(count int32) func(*shareFacts) {
		return func(f *shareFacts) {
			f.asked, f.trouble = true, noOrder
			f.status.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: count, LastTime: *now}
		}
	}
	value := func(value string) func(*shareFacts) { return func(f *shareFacts) { f.quantity.Value = value } }
	live := func(seconds int32) func(*shareFacts) {
		return func(f *shareFacts) { f.ttl = &seconds }
	}
	paymentIn := func(state apiv1.OperationState) func(*shareFacts) {
		return func(f *shareFacts) { f.payment.Status.State = state }
	}
	type changes = []func(*shareFacts)
	tests := []struct {
		name    string
		changes changes
		want    summary
	}{
		{"a new refund takes its part of the payment", nil, summary{actReserve, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"what is taken is recorded", changes{noted("id", "4000")}, summary{actRecordIntent, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"what was taken with another value is taken anew", changes{noted("id", "1000")}, summary{actReserve, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"a suspended one takes nothing", changes{suspend}, summary{actRest, progressing, apiv1.SuspendedReason, "Pending", "Unknown", false}},
		{"its payment does not exist", changes{func(f *shareFacts) { f.payment = nil }}, summary{actRest, progressing, apiv1.AwaitingPaymentReason, "Pending", "Unknown", false}},
		{"its payment is not paid yet", changes{paymentIn(apiv1.StateProcessing)}, summary{actRest, progressing, apiv1.AwaitingPaymentReason, "Pending", "Unknown", false}},
		{"its payment is unknown", changes{paymentIn(apiv1.StateUnknown)}, summary{actRest, progressing, apiv1.AwaitingPaymentReason, "Pending", "Unknown", false}},
		{"its payment has failed", changes{paymentIn(apiv1.StateFailed)}, summary{actRest, stalled, apiv1.PaymentNotPaidReason, "Blocked", "Unknown", false}},
		{"its payment is cancelled", changes{paymentIn(apiv1.PaymentCancelled)}, summary{actRest, stalled, apiv1.PaymentNotPaidReason, "Blocked", "Unknown", false}},
		{"its payment contradicts the gateway", changes{func(f *shareFacts) { f.payment.Status.Conflict = &apiv1.Conflict{} }},
			summary{actRest, stalled, apiv1.PaymentNotPaidReason, "Blocked", "Unknown", false}},
		{"its payment is being cancelled", changes{func(f *shareFacts) {
			f.payment.Spec.DesiredState, f.payment.Status.CancelSubmittedAt = apiv1.DesiredCancelled, now
		}}, summary{actRest, progressing, apiv1.AwaitingPaymentReason, "Pending", "Unknown", false}},
		{"another currency", changes{func(f *shareFacts) { f.quantity.Currency = "USD" }}, summary{actRest, stalled, apiv1.CurrencyMismatchReason, "Blocked", "Unknown", false}},
		{"a method without refunds", changes{func(f *shareFacts) { f.method.refund = apiv1.NoRefund }}, summary{actRest, stalled, apiv1.RefundNotSupportedReason, "Blocked", "Unknown", false}},
		{"a part, by a method that gives all back", changes{func(f *shareFacts) { f.method.refund = apiv1.FullRefundOnly }},
			summary{actRest, stalled, apiv1.RefundNotSupportedReason, "Blocked", "Unknown", false}},
		{"all, by a method that gives all back", changes{value("10000"), func(f *shareFacts) { f.method.refund = apiv1.FullRefundOnly }},
			summary{actReserve, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"more than was paid", changes{value("10001")}, summary{actRest, stalled, apiv1.RefundAmountExceededReason, "Blocked", "Unknown", false}},
		{"as much as others leave", changes{noted("other", "6000")}, summary{actReserve, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"one more than others leave", changes{noted("other", "6001")}, summary{actRest, stalled, apiv1.RefundAmountExceededReason, "Blocked", "Unknown", false}},
		{"what its own ended attempt took", changes{noted("former", "10000"), func(f *shareFacts) { f.former = []string{"former"} }},
			summary{actReserve, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"the window is over", changes{func(f *shareFacts) { f.now = worldStart.AddDate(1, 0, 1) }}, summary{actRest, stalled, apiv1.RefundWindowExceededReason, "Blocked", "Unknown", false}},
		{"a later attempt is known", changes{func(f *shareFacts) { f.later = 2 }}, summary{actRest, stalled, apiv1.FormerAttemptOpenReason, "Blocked", "Unknown", false}},
		{"a second attempt asks for the first", changes{func(f *shareFacts) { f.attempt = 2 }}, summary{actInquireFormer, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"a second attempt waits for the first", changes{func(f *shareFacts) { f.attempt, f.formerOpen = 2, true }},
			summary{actWait, stalled, apiv1.FormerAttemptOpenReason, "Blocked", "Unknown", false}},

		{"a fresh intent is submitted", changes{inState(apiv1.StateSubmitting), func(f *shareFacts) {
			f.recall.unsent, f.status.Intent.SubmittedAt = true, *now
		}}, summary{actSubmit, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a found intent is asked for", changes{inState(apiv1.StateSubmitting)}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a submitted one needs its payment no more", changes{inState(apiv1.StateProcessing), func(f *shareFacts) { f.payment = nil }},
			summary{actInquire, progressing, apiv1.RefundInProcessReason, "Processing", "Unknown", false}},
		{"one in process waits", changes{inState(apiv1.StateProcessing), func(f *shareFacts) { f.asked = true }},
			summary{actWait, progressing, apiv1.RefundInProcessReason, "Processing", "Unknown", false}},
		{"a lost answer is unknown", changes{inState(apiv1.StateUnknown), func(f *shareFacts) { f.moved, f.trouble = true, &trouble{outcome: unknown} }},
			summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"three empty answers prove nothing", changes{inState(apiv1.StateUnknown), empty(3)}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"four empty answers have it sent again", changes{inState(apiv1.StateUnknown), empty(4)}, summary{actRecordIntent, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"a suspended one is not sent again", changes{inState(apiv1.StateUnknown), empty(4), suspend}, summary{actWait, progressing, apiv1.SuspendedReason, "Unknown", "Unknown", true}},
		{"a changed request is not sent again", changes{inState(apiv1.StateUnknown), empty(4), func(f *shareFacts) { f.hash = "other" }},
			summary{actRest, stalled, apiv1.RequestChangedReason, "Blocked", "Unknown", true}},
		{"a refusal that is confirmed is settled", changes{inState(apiv1.StateSubmitting), empty(1), func(f *shareFacts) {
			f.status.LastResult = &apiv1.GatewayResult{ResultCode: "RISK_REJECT", ResultStatus: "F"}
		}}, summary{actSettleFailed, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"an unsigned refusal settles nothing", changes{inState(apiv1.StateSubmitting), func(f *shareFacts) {
			f.moved, f.trouble = true, &trouble{outcome: refusedIdentity, code: "RISK_REJECT"}
		}}, summary{actWait, stalled, apiv1.CredentialsRejectedReason, "Submitting", "Unknown", false}},
		{"a conflict rests", changes{inState(apiv1.StateProcessing), func(f *shareFacts) {
			f.status.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason}
		}}, summary{actRest, stalled, apiv1.RequestIDConflictReason, "Blocked", "Unknown", false}},

		{"a refunded one rests", changes{inState(apiv1.RefundRefunded)}, summary{actRest, ready, apiv1.RefundedReason, "Refunded", "True", false}},
		{"a failed one tells its code", changes{inState(apiv1.StateFailed), func(f *shareFacts) {
			f.status.LastResult = &apiv1.GatewayResult{ResultCode: "MERCHANT_BALANCE_NOT_ENOUGH"}
		}}, summary{actRest, stalled, "MERCHANT_BALANCE_NOT_ENOUGH", "Failed", "False", false}},
		{"a failed one without a code", changes{inState(apiv1.StateFailed)}, summary{actRest, stalled, apiv1.NeverPlacedReason, "Failed", "False", false}},
		{"a settled one outlives its time", changes{inState(apiv1.RefundRefunded), live(0), func(f *shareFacts) {
			f.payment.Status.Refunds = []apiv1.PaymentRefund{{RefundRequestID: "id", Value: "4000", Done: true}}
		}}, summary{actExpire, ready, apiv1.RefundedReason, "Refunded", "True", false}},
		{"a settled one lives on", changes{inState(apiv1.StateFailed), live(60)}, summary{actWait, stalled, apiv1.NeverPlacedReason, "Failed", "False", false}},
		{"a settled one stays until its payment knows", changes{inState(apiv1.RefundRefunded), live(0), noted("id", "4000")},
			summary{actRest, ready, apiv1.RefundedReason, "Refunded", "True", false}},
		{"a deleted one rests", changes{inState(apiv1.StateProcessing), func(f *shareFacts) { f.obj.SetDeletionTimestamp(now) }},
			summary{actRest, progressing, apiv1.SubmittingReason, "Processing", "", false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refund := newRefund("back", "order", "4000")
			f := &shareFacts{
				facts: testFacts(), rules: refunding{}, share: refunding{}.share(refund), payment: newPayment("order"), method: walletCapability,
				quantity: apiv1.Amount{Currency: "HKD", Value: "4000"},
			}
			f.attempt = 1
			f.payment.Status = apiv1.PaymentStatus{
				OperationStatus: apiv1.OperationStatus{State: apiv1.PaymentPaid}, PaymentID: "2026", PaymentTime: &metav1.Time{Time: worldStart.Add(-time.Hour)}, Amounts: &apiv1.PaymentAmounts{Paid: "10000"},
			}
			for _, change := range tt.changes {
				change(f)
			}
			before := refund.DeepCopy()
			if diff := cmp.Diff(tt.want, summaryOf(decideShare(f))); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, refund); diff != "" {
				t.Errorf("the decision changed the refund (-before +after):\n%s", diff)
			}
		})
	}
}
