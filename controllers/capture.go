package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// captureKind is part of every derived captureRequestId: it must never change.
const captureKind = "Capture"

// capturing is what is particular to captures.
type capturing struct{ usualShare }

func (capturing) name() string               { return captureKind }
func (capturing) noun() string               { return "capture" }
func (capturing) newObject() client.Object   { return &apiv1.Capture{} }
func (capturing) newList() client.ObjectList { return &apiv1.CaptureList{} }

func (capturing) share(obj client.Object) *share {
	capture := obj.(*apiv1.Capture)
	spec, st := &capture.Spec, &capture.Status
	return &share{
		obj: obj, status: &st.OperationStatus,
		paymentName: spec.PaymentRef.Name, attempt: spec.Attempt, explicitID: spec.CaptureRequestID, wanted: spec.Amount,
		suspend: spec.Suspend, ttl: spec.TTLSecondsAfterFinished,
		statusRequestID: &st.CaptureRequestID, statusGatewayID: &st.CaptureID, statusPaymentID: &st.PaymentID,
		statusAmount: &st.Amount, statusTime: &st.CaptureTime,
	}
}

func (capturing) startOver(obj client.Object) {
	capture := obj.(*apiv1.Capture)
	capture.Status = apiv1.CaptureStatus{OperationStatus: forNextAttempt(&capture.Status.OperationStatus)}
}

// identity has the payment in it: a name that is used again for another payment means another capture.
func (capturing) identity(s *share) string { return captureKind + " of " + s.paymentName }

func (capturing) gather(context.Context, client.Reader, *shareFacts) error { return nil }
func (capturing) pin(*shareFacts)                                          {}

// whole is all that is authorised.
func (capturing) whole(f *shareFacts) apiv1.Amount { return f.payment.Spec.Amount }

func (capturing) request(f *shareFacts, paymentID string, _ *apiv1.Intent) (any, error) {
	capture := f.obj.(*apiv1.Capture)
	additional, err := additionalFields(capture.Spec.AdditionalFields)
	if err != nil {
		return nil, err
	}
	return &alipay.CaptureRequest{
		CaptureRequestID: f.id, PaymentID: paymentID, CaptureAmount: wireAmount(f.quantity), IsLastCapture: capture.Spec.IsLastCapture,
		AdditionalFields: additional,
	}, nil
}

func (capturing) submit(ctx context.Context, reach *alipay.Client, request any) (shareAnswer, error) {
	answer, err := reach.Capture(ctx, request.(*alipay.CaptureRequest))
	if err != nil {
		return shareAnswer{}, err
	}
	status := alipay.StatusProcessing
	if answer.Result.ResultStatus == alipay.ResultStatusSuccess {
		status = alipay.StatusSuccess
	}
	return shareAnswer{status: status, gatewayID: answer.CaptureID, paymentID: answer.PaymentID, amount: answer.CaptureAmount, at: answer.CaptureTime.Time, answeredAt: answer.ResponseTime}, nil
}

// listedOnly is true: transactions may be null (https://docs.antom.com/ac/ams/paymentri_online).
func (capturing) listedOnly() bool { return true }

// errNotListed is a verified answer about the payment that does not list the capture.
var errNotListed = errors.New("the payment's transactions do not list the capture")

// inquire looks for the capture among the payment's transactions: there is no other way to ask
// (https://docs.antom.com/ac/cashierpay/capture).
func (capturing) inquire(ctx context.Context, reach *alipay.Client, f *shareFacts, id string) (shareAnswer, error) {
	paymentID := *f.statusPaymentID
	inquiry := &alipay.InquiryPaymentRequest{PaymentID: paymentID}
	if f.payment != nil {
		inquiry.MerchantAccountID = f.payment.Spec.MerchantAccountID
		if paymentID == "" {
			inquiry.PaymentID = f.payment.Status.PaymentID // a former attempt is asked about before this one's intent
		}
	}
	answer, err := reach.InquiryPayment(ctx, inquiry)
	if classify(err) == notFound {
		return shareAnswer{}, errUnusable // the gateway has this payment, so the answer says nothing about the capture
	}
	if err != nil {
		return shareAnswer{}, err
	}
	i := slices.IndexFunc(answer.Transactions, func(t alipay.Transaction) bool {
		return t.TransactionType == alipay.TransactionCapture && f.named(&t, id)
	})
	if i < 0 {
		return shareAnswer{}, errNotListed
	}
	t := &answer.Transactions[i]
	told := shareAnswer{
		status: t.TransactionStatus, gatewayID: t.TransactionID, amount: t.TransactionAmount, at: t.TransactionTime.Time, answeredAt: answer.ResponseTime,
	}
	if t.TransactionStatus == alipay.StatusFail && t.TransactionResult != nil {
		told.result = gatewayResult(*t.TransactionResult)
	}
	return told, nil
}

// named reports whether a transaction is the one with a request id. One without is told by the gateway's own id, once that is known.
func (f *shareFacts) named(t *alipay.Transaction, id string) bool {
	if t.TransactionRequestID != "" || id != *f.statusRequestID || *f.statusGatewayID == "" {
		return t.TransactionRequestID == id
	}
	return t.TransactionID == *f.statusGatewayID
}

func (capturing) notes(payment *apiv1.Payment) []shareNote {
	var notes []shareNote
	for _, capture := range payment.Status.Captures {
		note := shareNote{
			requestID: capture.CaptureRequestID, value: capture.Value,
			settled: capture.Status == alipay.StatusSuccess, failed: capture.Status == alipay.StatusFail, contested: capture.Contested,
		}
		note.known = !note.failed && capture.Status != apiv1.CaptureReserved
		if capture.Value == unknownValue { // it may be all of it
			note.value, note.known = payment.Spec.Amount.Value, false
		}
		notes = append(notes, note)
	}
	return notes
}

func (capturing) reserve(f *shareFacts, payment *apiv1.Payment) {
	payment.Status.Captures = slices.DeleteFunc(payment.Status.Captures, func(c apiv1.PaymentCapture) bool {
		return slices.Contains(f.former, c.CaptureRequestID) && c.Status != alipay.StatusSuccess
	})
	last := f.obj.(*apiv1.Capture).Spec.IsLastCapture
	paymentAnswers{payment: payment}.putCapture(apiv1.PaymentCapture{
		CaptureID: f.id, CaptureRequestID: f.id, Value: f.quantity.Value, Status: apiv1.CaptureReserved, Last: last != nil && *last,
	})
}

func (capturing) done() apiv1.OperationState { return apiv1.CaptureCaptured }
func (capturing) doneReport() (reason, message string) {
	return apiv1.CapturedReason, "The gateway reports the money as collected."
}

func (capturing) inProcess(*shareFacts) problem {
	return problem{reason: apiv1.CaptureInProcessReason, message: "The gateway has accepted the capture and is working on it."}
}

func (capturing) resultType() string { return alipay.NotifyCaptureResult }
func (capturing) subject(s alipay.Subject) (requestID, status string) {
	switch s.ResultStatus {
	case alipay.ResultStatusSuccess:
		status = alipay.StatusSuccess
	case alipay.ResultStatusFail:
		status = alipay.StatusFail
	}
	return s.CaptureRequestID, status
}

func (capturing) announced(body []byte) (shareAnswer, error) {
	n, err := alipay.ReadCaptureNotification(body)
	if err != nil {
		return shareAnswer{}, err
	}
	answer := shareAnswer{gatewayID: n.CaptureID, paymentID: n.PaymentID, amount: n.CaptureAmount, at: n.CaptureTime.Time}
	switch {
	case n.Result.ResultStatus == alipay.ResultStatusSuccess && !n.CaptureTime.IsZero():
		answer.status = alipay.StatusSuccess
	case n.Result.ResultStatus == alipay.ResultStatusFail:
		answer.status, answer.result = alipay.StatusFail, gatewayResult(n.Result)
	default: // it says nothing final
	}
	return answer, nil
}

func (capturing) paymentProblem(f *shareFacts) *problem {
	name, payment := f.paymentName, f.payment
	problemOf := func(reason string, stalled bool, format string, args ...any) *problem {
		return &problem{reason: reason, stalled: stalled, message: fmt.Sprintf(format, args...)}
	}
	switch st := &payment.Status; {
	case payment.Spec.AutoDebit != nil, !paysByCard(payment) && methodOf(payment) != "": // the buyer of a session may still choose a card
		return problemOf(apiv1.CaptureNotSupportedReason, true, "Payment %q is not by card, so its money is collected at once and never captured: delete this Capture.", name)
	case payment.Spec.CaptureMode != apiv1.ManualCapture:
		return problemOf(apiv1.CaptureNotSupportedReason, true,
			"Payment %q is captured by the gateway itself: delete this Capture. To capture yourself, create payments with captureMode: Manual.", name)
	case st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled:
		return problemOf(apiv1.PaymentNotPaidReason, true, "Payment %q ended without money held, so there is nothing to collect: delete this Capture.", name)
	case st.State != apiv1.PaymentAuthorized && st.State != apiv1.PaymentPaid:
		return problemOf(apiv1.AwaitingPaymentReason, false, "Payment %q is not authorised yet; the capture starts by itself once it is.", name)
	case st.State == apiv1.PaymentAuthorized && (payment.Spec.DesiredState == apiv1.DesiredCancelled || !payment.DeletionTimestamp.IsZero()):
		return problemOf(apiv1.AwaitingPaymentReason, false, "Payment %q is to be cancelled, which lets its money go and can not be taken back, so nothing is captured: "+
			"delete this Capture.", name)
	}
	return nil
}

// refusedHere says why the gateway would refuse the capture, before anything is sent. The gateway's pages contradict each other on how much
// and how often may be captured (https://docs.antom.com/ac/ams/capture, https://docs.antom.com/ac/cashierpay/capture): all of it at once is
// always right.
func (capturing) refusedHere(f *shareFacts) *problem {
	authorized, asked, taken := minorUnits(f.payment.Spec.Amount.Value), minorUnits(f.quantity.Value), f.taken()
	refuse := func(reason, format string, args ...any) *problem {
		return &problem{reason: reason, stalled: true, message: fmt.Sprintf(format, args...)}
	}
	expiry := f.payment.Status.AuthorizationExpiryTime
	lastTaken := slices.ContainsFunc(f.payment.Status.Captures, func(c apiv1.PaymentCapture) bool {
		return c.Last && c.Status != alipay.StatusFail && c.CaptureRequestID != f.id && !slices.Contains(f.former, c.CaptureRequestID)
	})
	switch {
	case taken > 0 && lastTaken:
		return refuse(apiv1.CaptureNotSupportedReason, "Another capture of the payment was asked for as the last one, so no more can be captured.")
	case taken > 0 && !f.method.multipleCapture:
		return refuse(apiv1.CaptureNotSupportedReason, "The payment has another capture, and the contract allows one: "+
			"if it allows several, say so by multipleCapture: true for CARD in MerchantAccount spec.paymentMethods.")
	case asked+taken > authorized:
		return refuse(apiv1.CaptureAmountExceededReason, "Of %s %d authorised, in the smallest unit, %d are taken by other captures, so %s can not be captured: create a Capture over what is left.",
			f.payment.Spec.Amount.Currency, authorized, taken, f.quantity.Value)
	case asked < authorized && !f.method.partialCapture:
		return refuse(apiv1.CaptureNotSupportedReason, "Only all that is authorised can be captured: create a Capture without an amount. "+
			"If the contract allows parts, say so by partialCapture: true for CARD in MerchantAccount spec.paymentMethods.")
	case expiry != nil && !f.now.Before(expiry.Time):
		return refuse(apiv1.AuthorizationExpiredReason, "The card was authorised until %s and can no longer be captured: the buyer has to pay anew.", expiry.UTC().Format(time.RFC3339))
	}
	return nil
}
