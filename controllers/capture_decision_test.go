package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestDecisionAboutACapture(t *testing.T) {
	now := &metav1.Time{Time: worldStart}
	inState := func(state apiv1.OperationState) func(*shareFacts) {
		return func(f *shareFacts) {
			st := f.status
			st.Intent, *f.statusRequestID, st.State = submitted(), "id", state
			if state.Final() {
				st.FinishedAt = now
			}
			if state == apiv1.CaptureCaptured {
				*f.statusGatewayID = "2027"
			}
		}
	}
	noted := func(id, value, status string, last bool) func(*shareFacts) {
		return func(f *shareFacts) {
			f.payment.Status.Captures = append(f.payment.Status.Captures,
				apiv1.PaymentCapture{CaptureID: id, CaptureRequestID: id, Value: value, Status: status, Last: last})
		}
	}
	empty := func(count int32) func(*shareFacts) {
		return func(f *shareFacts) {
			f.asked, f.trouble = true, noOrder
			f.status.EmptyAnswers = &apiv1.EmptyAnswers{RequestID: "id", Count: count, LastTime: *now}
		}
	}
	contract := func(partial, multiple bool) func(*shareFacts) {
		return func(f *shareFacts) { f.method.partialCapture, f.method.multipleCapture = partial, multiple }
	}
	value := func(value string) func(*shareFacts) { return func(f *shareFacts) { f.quantity.Value = value } }
	paymentIn := func(state apiv1.OperationState) func(*shareFacts) {
		return func(f *shareFacts) { f.payment.Status.State = state }
	}
	desires := func(f *shareFacts) { f.payment.Spec.DesiredState = apiv1.DesiredCancelled }
	expired := func(f *shareFacts) { f.payment.Status.AuthorizationExpiryTime = now }
	result := func(code string) func(*shareFacts) {
		return func(f *shareFacts) {
			f.status.LastResult = &apiv1.GatewayResult{ResultCode: code, ResultStatus: alipay.ResultStatusFail}
		}
	}
	reserves := summary{actReserve, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}
	blocked := func(reason string) summary { return summary{actRest, stalled, reason, "Blocked", "Unknown", false} }
	waits := func(reason string) summary { return summary{actRest, progressing, reason, "Pending", "Unknown", false} }

	type changes = []func(*shareFacts)
	tests := []struct {
		name    string
		changes changes
		want    summary
	}{
		{"a new capture takes its part of the payment", nil, reserves},
		{"what is taken is recorded", changes{noted("id", "4200", apiv1.CaptureReserved, false)},
			summary{actRecordIntent, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"what was taken with another value is taken anew", changes{noted("id", "1000", apiv1.CaptureReserved, false)}, reserves},
		{"what has failed under its id is taken anew", changes{noted("id", "4200", "FAIL", false)}, reserves},
		{"what the gateway has with another value", changes{noted("id", "1000", "PROCESSING", false)}, blocked(apiv1.RequestIDConflictReason)},
		{"a suspended one takes nothing", changes{func(f *shareFacts) { f.suspend = true }}, waits(apiv1.SuspendedReason)},
		{"its payment does not exist", changes{func(f *shareFacts) { f.payment = nil }}, waits(apiv1.AwaitingPaymentReason)},
		{"its payment is not confirmed yet", changes{paymentIn(apiv1.StateProcessing)}, waits(apiv1.AwaitingPaymentReason)},
		{"its payment is unknown", changes{paymentIn(apiv1.StateUnknown)}, waits(apiv1.AwaitingPaymentReason)},
		{"its payment has failed", changes{paymentIn(apiv1.StateFailed)}, blocked(apiv1.PaymentNotPaidReason)},
		{"its payment is cancelled", changes{paymentIn(apiv1.PaymentCancelled)}, blocked(apiv1.PaymentNotPaidReason)},
		{"its payment is to be cancelled", changes{desires}, waits(apiv1.AwaitingPaymentReason)},
		{"its payment is being deleted", changes{func(f *shareFacts) { f.payment.DeletionTimestamp = now }}, waits(apiv1.AwaitingPaymentReason)},
		{"its payment contradicts the gateway", changes{func(f *shareFacts) { f.payment.Status.Conflict = &apiv1.Conflict{} }}, blocked(apiv1.PaymentNotPaidReason)},
		{"its payment is captured by the gateway", changes{func(f *shareFacts) { f.payment.Spec.CaptureMode = apiv1.AutomaticCapture }}, blocked(apiv1.CaptureNotSupportedReason)},
		{"its payment is not by card", changes{func(f *shareFacts) { f.payment.Spec.Cashier.PaymentMethodType = "ALIPAY_HK" }}, blocked(apiv1.CaptureNotSupportedReason)},
		{"another currency", changes{func(f *shareFacts) { f.quantity.Currency = "USD" }}, blocked(apiv1.CurrencyMismatchReason)},
		{"the authorisation is over", changes{expired}, blocked(apiv1.AuthorizationExpiredReason)},
		{"the gateway has it, and the authorisation is over", changes{expired, noted("id", "4200", "SUCCESS", false)},
			summary{actRecordIntent, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},
		{"a part, and the contract allows none", changes{value("4199")}, blocked(apiv1.CaptureNotSupportedReason)},
		{"a part, as the contract allows", changes{value("4199"), contract(true, false)}, reserves},
		{"more than is held", changes{value("4201"), contract(true, true)}, blocked(apiv1.CaptureAmountExceededReason)},
		{"another one, and the contract allows one", changes{value("1000"), contract(true, false), noted("other", "1000", "SUCCESS", false)}, blocked(apiv1.CaptureNotSupportedReason)},
		{"as much as others leave", changes{value("1200"), contract(true, true), noted("other", "3000", "PROCESSING", false)}, reserves},
		{"one more than others leave", changes{value("1201"), contract(true, true), noted("other", "3000", apiv1.CaptureReserved, false)}, blocked(apiv1.CaptureAmountExceededReason)},
		{"what a failed one leaves", changes{noted("other", "4200", "FAIL", true)}, reserves},
		{"what its own ended attempt took", changes{noted("former", "4200", apiv1.CaptureReserved, false), func(f *shareFacts) { f.former = []string{"former"} }}, reserves},
		{"its ended attempt is listed as done", changes{value("1000"), contract(true, true), noted("former", "1000", "SUCCESS", false),
			func(f *shareFacts) { f.former = []string{"former"} }}, blocked(apiv1.FormerAttemptOpenReason)},
		{"one after the last", changes{value("1000"), contract(true, true), noted("other", "1000", apiv1.CaptureReserved, true)}, blocked(apiv1.CaptureNotSupportedReason)},
		{"a later attempt is known", changes{func(f *shareFacts) { f.later = 2 }}, blocked(apiv1.FormerAttemptOpenReason)},
		{"a second attempt asks for the first", changes{func(f *shareFacts) { f.attempt = 2 }},
			summary{actInquireFormer, progressing, apiv1.SubmittingReason, "Pending", "Unknown", false}},

		{"a fresh intent is submitted", changes{inState(apiv1.StateSubmitting), func(f *shareFacts) {
			f.recall.unsent, f.status.Intent.SubmittedAt = true, *now
		}}, summary{actSubmit, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a found intent is asked for", changes{inState(apiv1.StateSubmitting)}, summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a submitted one is followed while its payment is to be cancelled", changes{inState(apiv1.StateSubmitting), desires},
			summary{actInquire, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a submitted one needs its payment no more", changes{inState(apiv1.StateProcessing), func(f *shareFacts) { f.payment = nil }},
			summary{actInquire, progressing, apiv1.CaptureInProcessReason, "Processing", "Unknown", false}},
		{"three empty answers prove nothing", changes{inState(apiv1.StateUnknown), empty(3)}, summary{actWait, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"four empty answers have it sent again", changes{inState(apiv1.StateUnknown), empty(4)}, summary{actRecordIntent, progressing, apiv1.OutcomeUnknownReason, "Unknown", "Unknown", true}},
		{"one that is accepted and never listed is sent again under its id", changes{inState(apiv1.StateProcessing), empty(4)},
			summary{actRecordIntent, progressing, apiv1.CaptureInProcessReason, "Processing", "Unknown", false}},
		{"one that was listed is not", changes{inState(apiv1.StateProcessing), empty(4), func(f *shareFacts) { *f.statusGatewayID = "2027" }},
			summary{actWait, progressing, apiv1.CaptureInProcessReason, "Processing", "Unknown", false}},
		{"one that is accepted is not given up when it has changed", changes{inState(apiv1.StateProcessing), empty(4), func(f *shareFacts) { f.hash = "other" }},
			summary{actWait, progressing, apiv1.CaptureInProcessReason, "Processing", "Unknown", false}},
		{"a changed request is not sent again", changes{inState(apiv1.StateUnknown), empty(4), func(f *shareFacts) { f.hash = "other" }},
			summary{actRest, stalled, apiv1.RequestChangedReason, "Blocked", "Unknown", true}},
		{"a refusal that is confirmed is settled", changes{inState(apiv1.StateSubmitting), empty(1), result("AUTH_EXPIRED")},
			summary{actSettleFailed, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a doubtful refusal is asked about again", changes{inState(apiv1.StateSubmitting), empty(1), result("ORDER_STATUS_INVALID")},
			summary{actWait, progressing, apiv1.SubmittingReason, "Submitting", "Unknown", false}},
		{"a conflict rests", changes{inState(apiv1.StateProcessing), func(f *shareFacts) {
			f.status.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason}
		}}, blocked(apiv1.RequestIDConflictReason)},

		{"a captured one rests", changes{inState(apiv1.CaptureCaptured)}, summary{actRest, ready, apiv1.CapturedReason, "Captured", "True", false}},
		{"a failed one tells its code", changes{inState(apiv1.StateFailed), result("AUTH_EXPIRED")}, summary{actRest, stalled, "AUTH_EXPIRED", "Failed", "False", false}},
		{"a captured one outlives its time", changes{inState(apiv1.CaptureCaptured), noted("id", "4200", "SUCCESS", false), func(f *shareFacts) { f.ttl = ptr.To(int32(0)) }},
			summary{actExpire, ready, apiv1.CapturedReason, "Captured", "True", false}},
		{"a captured one stays until its payment knows", changes{inState(apiv1.CaptureCaptured), noted("id", "4200", "PROCESSING", false), func(f *shareFacts) { f.ttl = ptr.To(int32(0)) }},
			summary{actRest, ready, apiv1.CapturedReason, "Captured", "True", false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			capture := newCapture("all", "")
			f := &shareFacts{facts: testFacts(), rules: capturing{}, share: capturing{}.share(capture), payment: cardPayment("order", apiv1.ManualCapture)}
			f.quantity, f.attempt = f.payment.Spec.Amount, 1
			f.payment.Spec.DesiredState = apiv1.DesiredPaid
			f.payment.Status = apiv1.PaymentStatus{
				OperationStatus: apiv1.OperationStatus{State: apiv1.PaymentAuthorized}, PaymentID: "2026", Amounts: &apiv1.PaymentAmounts{Authorized: "4200"},
				AuthorizationExpiryTime: &metav1.Time{Time: worldStart.Add(time.Hour)},
			}
			for _, change := range tt.changes {
				change(f)
			}
			before := capture.DeepCopy()
			if diff := cmp.Diff(tt.want, summaryOf(decideShare(f))); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, capture); diff != "" {
				t.Errorf("the decision changed the capture (-before +after):\n%s", diff)
			}
		})
	}
}
