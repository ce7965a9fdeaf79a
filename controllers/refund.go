package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// refundKind is part of every derived refundRequestId: it must never change.
const refundKind = "Refund"

// refunding is what is particular to refunds.
type refunding struct{ usualShare }

func (refunding) name() string               { return refundKind }
func (refunding) noun() string               { return "refund" }
func (refunding) newObject() client.Object   { return &apiv1.Refund{} }
func (refunding) newList() client.ObjectList { return &apiv1.RefundList{} }

func (refunding) share(obj client.Object) *share {
	refund := obj.(*apiv1.Refund)
	spec, st := &refund.Spec, &refund.Status
	return &share{
		obj: obj, status: &st.OperationStatus,
		paymentName: spec.PaymentRef.Name, attempt: spec.Attempt, explicitID: spec.RefundRequestID, wanted: spec.Amount,
		suspend: spec.Suspend, ttl: spec.TTLSecondsAfterFinished,
		statusRequestID: &st.RefundRequestID, statusGatewayID: &st.RefundID, statusPaymentID: &st.PaymentID,
		statusAmount: &st.Amount, statusTime: &st.RefundTime,
	}
}

func (refunding) startOver(obj client.Object) {
	refund := obj.(*apiv1.Refund)
	refund.Status = apiv1.RefundStatus{OperationStatus: forNextAttempt(&refund.Status.OperationStatus)}
}

// identity has the payment in it: a name that is used again for another payment means another refund.
func (refunding) identity(s *share) string { return refundKind + " of " + s.paymentName }

func (refunding) gather(ctx context.Context, from client.Reader, f *shareFacts) error {
	refund := f.obj.(*apiv1.Refund)
	if refund.Spec.CaptureRef == nil {
		return nil
	}
	capture := &apiv1.Capture{}
	err := from.Get(ctx, types.NamespacedName{Namespace: refund.Namespace, Name: refund.Spec.CaptureRef.Name}, capture)
	if err == nil {
		f.source = capture
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading Capture: %w", err)
	}
	return nil
}

// whole is what the capture has collected that the refund names, or all that was paid.
func (refunding) whole(f *shareFacts) apiv1.Amount {
	if f.source != nil && f.source.Status.Amount != nil {
		return *f.source.Status.Amount
	}
	return paidAmount(f.payment)
}

// paidAmount is what can be given back at most: of a card, what was captured.
func paidAmount(payment *apiv1.Payment) apiv1.Amount {
	paid := payment.Spec.Amount
	if amounts := payment.Status.Amounts; amounts != nil && amounts.Paid != "" {
		paid.Value = amounts.Paid
	}
	return paid
}

func (refunding) request(f *shareFacts, paymentID string, intent *apiv1.Intent) (any, error) {
	refund := f.obj.(*apiv1.Refund)
	captureID := refund.Status.CaptureID
	if refund.Status.Intent == nil && f.source != nil {
		captureID = f.source.Status.CaptureID
	}
	return refundRequest(refund, f.id, paymentID, captureID, f.quantity, intent)
}

func (refunding) pin(f *shareFacts) {
	if f.source != nil {
		f.obj.(*apiv1.Refund).Status.CaptureID = f.source.Status.CaptureID
	}
}

func (refunding) submit(ctx context.Context, reach *alipay.Client, request any) (shareAnswer, error) {
	answer, err := reach.Refund(ctx, request.(*alipay.RefundRequest))
	if err != nil {
		return shareAnswer{}, err
	}
	status := alipay.StatusProcessing
	if answer.Result.ResultStatus == alipay.ResultStatusSuccess {
		status = alipay.StatusSuccess
	}
	return shareAnswer{status: status, gatewayID: answer.RefundID, paymentID: answer.PaymentID, amount: answer.RefundAmount, at: answer.RefundTime.Time, answeredAt: answer.ResponseTime}, nil
}

// inquire names the location of the payment as well, while the payment is there to tell.
func (refunding) inquire(ctx context.Context, reach *alipay.Client, f *shareFacts, id string) (shareAnswer, error) {
	inquiry := &alipay.InquiryRefundRequest{RefundRequestID: id}
	if f.payment != nil {
		inquiry.MerchantAccountID = f.payment.Spec.MerchantAccountID
	}
	answer, err := reach.InquiryRefund(ctx, inquiry)
	if err != nil {
		return shareAnswer{}, err
	}
	return shareAnswer{
		status: answer.RefundStatus, gatewayID: answer.RefundID, amount: answer.RefundAmount, at: answer.RefundTime.Time, answeredAt: answer.ResponseTime,
	}, nil
}

func (refunding) listedOnly() bool { return false }

func (refunding) notes(payment *apiv1.Payment) []shareNote {
	var notes []shareNote
	for _, refund := range payment.Status.Refunds {
		notes = append(notes, shareNote{requestID: refund.RefundRequestID, value: refund.Value, known: refund.Accepted || refund.Done, settled: refund.Done, contested: refund.Contested})
	}
	return notes
}

func (refunding) reserve(f *shareFacts, payment *apiv1.Payment) {
	payment.Status.Refunds = slices.DeleteFunc(payment.Status.Refunds, func(r apiv1.PaymentRefund) bool {
		return slices.Contains(f.former, r.RefundRequestID) && !r.Done
	})
	note := apiv1.PaymentRefund{RefundRequestID: f.id, Value: f.quantity.Value}
	if f.source != nil {
		note.CaptureID = f.source.Status.CaptureID
	}
	answers := paymentAnswers{payment: payment}
	answers.noteRefund(note)
	answers.rollUp(nil)
}

func (refunding) done() apiv1.OperationState { return apiv1.RefundRefunded }
func (refunding) doneReport() (reason, message string) {
	return apiv1.RefundedReason, "The gateway reports the money as given back; the wallet or bank may take days to show it."
}

func (refunding) inProcess(*shareFacts) problem {
	return problem{reason: apiv1.RefundInProcessReason, message: "The gateway has accepted the refund and is working on it; some methods take days."}
}

func (refunding) resultType() string { return alipay.NotifyRefundResult }
func (refunding) subject(s alipay.Subject) (requestID, status string) {
	return s.RefundRequestID, s.RefundStatus
}

func (refunding) announced(body []byte) (shareAnswer, error) {
	n, err := alipay.ReadRefundNotification(body)
	if err != nil {
		return shareAnswer{}, err
	}
	answer := shareAnswer{gatewayID: n.RefundID, amount: n.RefundAmount, at: n.RefundTime.Time}
	switch {
	case n.RefundStatus == alipay.StatusSuccess && n.Result.ResultStatus == alipay.ResultStatusSuccess && !n.RefundTime.IsZero():
		answer.status = alipay.StatusSuccess
	case n.RefundStatus == alipay.StatusFail && n.Result.ResultStatus == alipay.ResultStatusFail:
		answer.status, answer.result = alipay.StatusFail, gatewayResult(n.Result)
	default: // result and refundStatus disagree, or say nothing final
	}
	return answer, nil
}

func (refunding) paymentProblem(f *shareFacts) *problem {
	name, st := f.paymentName, &f.payment.Status
	problemOf := func(reason string, stalled bool, format string, args ...any) *problem {
		return &problem{reason: reason, stalled: stalled, message: fmt.Sprintf(format, args...)}
	}
	switch {
	case st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled:
		return problemOf(apiv1.PaymentNotPaidReason, true, "Payment %q ended without money kept, so there is nothing to give back: delete this Refund.", name)
	case st.State == apiv1.PaymentAuthorized && collected(st) == 0:
		return problemOf(apiv1.AwaitingCaptureReason, false, "The money of Payment %q is held and not collected, so there is nothing to give back: "+
			"to let it go, set desiredState: Cancelled on the payment. The refund starts by itself once something is captured.", name)
	case st.State == apiv1.PaymentAuthorized && f.wanted == nil && f.obj.(*apiv1.Refund).Spec.CaptureRef == nil:
		return problemOf(apiv1.AwaitingCaptureReason, false, "A part of Payment %q is captured and the rest is still held: the refund of all of it starts by itself "+
			"once nothing more can be captured. To give back a part now, create a Refund with an amount.", name)
	case st.State != apiv1.PaymentPaid && st.State != apiv1.PaymentAuthorized:
		return problemOf(apiv1.AwaitingPaymentReason, false, "Payment %q is not paid yet; the refund starts by itself once it is.", name)
	case (f.payment.Spec.DesiredState == apiv1.DesiredCancelled || f.payment.Spec.AutoDebit != nil) && st.CancelResult == nil && st.CancelSubmittedAt != nil:
		return problemOf(apiv1.AwaitingPaymentReason, false, "Payment %q is being cancelled, which gives back all of it; the refund waits for the outcome.", name)
	}
	return f.captureProblem()
}

// captureProblem says why the capture that the refund names can not be given back, or not yet.
func (f *shareFacts) captureProblem() *problem {
	ref := f.obj.(*apiv1.Refund).Spec.CaptureRef
	switch {
	case ref == nil:
		return nil
	case f.source == nil:
		return &problem{reason: apiv1.AwaitingCaptureReason, message: fmt.Sprintf("Capture %q does not exist in this namespace; the refund starts by itself once it is captured.", ref.Name)}
	case f.source.Spec.PaymentRef.Name != f.paymentName:
		return &problem{reason: apiv1.CaptureNotDoneReason, stalled: true, message: fmt.Sprintf(
			"Capture %q is of Payment %q and not of Payment %q: create a Refund that names one of its own.", ref.Name, f.source.Spec.PaymentRef.Name, f.paymentName)}
	case f.source.Status.State == apiv1.StateFailed:
		return &problem{reason: apiv1.CaptureNotDoneReason, stalled: true, message: fmt.Sprintf(
			"Capture %q has failed, so there is nothing to give back: delete this Refund.", ref.Name)}
	case f.source.Status.State == apiv1.CaptureCaptured && f.source.Status.CaptureID == "":
		return &problem{reason: apiv1.CaptureNotDoneReason, stalled: true, message: fmt.Sprintf(
			"The gateway has not told its id of Capture %q, by which it would know what is given back: if the payment has no other capture, "+
				"create a Refund without captureRef.", ref.Name)}
	case f.source.Status.State != apiv1.CaptureCaptured:
		return &problem{reason: apiv1.AwaitingCaptureReason, message: fmt.Sprintf("Capture %q is not captured yet; the refund starts by itself once it is.", ref.Name)}
	default:
		return nil
	}
}

// collected is what the gateway has reported as captured of a payment.
func collected(st *apiv1.PaymentStatus) int64 {
	if st.Amounts == nil {
		return 0
	}
	return minorUnits(st.Amounts.Captured)
}

// refusedHere says why the gateway would refuse the refund, before anything is sent.
func (refunding) refusedHere(f *shareFacts) *problem {
	method := methodOf(f.payment)
	paid := minorUnits(paidAmount(f.payment).Value)
	asked := minorUnits(f.quantity.Value)
	refuse := func(reason, format string, args ...any) *problem {
		return &problem{reason: reason, stalled: true, message: fmt.Sprintf(format, args...)}
	}
	switch {
	case f.method.refund == apiv1.NoRefund:
		return refuse(apiv1.RefundNotSupportedReason, "%s payments can not be refunded through the gateway: give the money back another way. "+
			"If the contract allows refunds, say so in MerchantAccount spec.paymentMethods.", method)
	case f.method.refund == apiv1.FullRefundOnly && asked != paid:
		return refuse(apiv1.RefundNotSupportedReason, "%s payments can be refunded in full only: create a Refund with full: true. "+
			"If the contract allows parts, say so in MerchantAccount spec.paymentMethods.", method)
	case f.source == nil && capturesDone(f.payment) > 1:
		return refuse(apiv1.CaptureRefNeededReason, "The payment was captured in %d parts, and the gateway must know which one is given back: "+
			"create a Refund with captureRef for each of them.", capturesDone(f.payment))
	case asked+f.taken() > paid:
		return refuse(apiv1.RefundAmountExceededReason, "Of %s %d paid, in the smallest unit, %d are taken by other refunds, so %s can not be refunded: create a Refund over what is left.",
			f.payment.Spec.Amount.Currency, paid, f.taken(), f.quantity.Value)
	case f.source != nil && asked+f.takenOf(f.source.Status.CaptureID) > minorUnits(f.source.Status.Amount.Value):
		return refuse(apiv1.RefundAmountExceededReason, "Of %s %s captured by Capture %q, in the smallest unit, %d are taken by other refunds, so %s can not be refunded: "+
			"create a Refund over what is left.", f.payment.Spec.Amount.Currency, f.source.Status.Amount.Value, f.source.Name,
			f.takenOf(f.source.Status.CaptureID), f.quantity.Value)
	case f.payment.Status.PaymentTime == nil:
		return nil
	}
	deadline := f.method.refundDeadline(f.payment.Status.PaymentTime.Time)
	if !deadline.IsZero() && !f.now.Before(deadline) {
		return refuse(apiv1.RefundWindowExceededReason, "A %s payment could be refunded until %s: give the money back another way.",
			method, deadline.UTC().Format(time.RFC3339))
	}
	return nil
}

// takenOf is what other refunds have taken of one capture. Those that name none may have taken it of any.
func (f *shareFacts) takenOf(captureID string) int64 {
	var sum int64
	for _, refund := range f.payment.Status.Refunds {
		ofIt := refund.CaptureID == captureID || refund.CaptureID == ""
		if ofIt && refund.RefundRequestID != f.id && !slices.Contains(f.former, refund.RefundRequestID) {
			sum += minorUnits(refund.Value)
		}
	}
	return sum
}

// capturesDone is how many captures have collected something of the payment.
func capturesDone(payment *apiv1.Payment) int {
	done := 0
	for _, capture := range payment.Status.Captures {
		if capture.Status == alipay.StatusSuccess {
			done++
		}
	}
	return done
}
