package controllers

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// paymentAnswers writes what verified answers say into a payment's status. It never guesses: what an answer does not say stays as
// it was.
type paymentAnswers struct {
	payment *apiv1.Payment
	now     time.Time
	// oneCapture is true when the contract allows one capture of a card and the merchant makes it.
	oneCapture bool
}

// pay takes the answer to pay. S settles; U with an order leaves it open.
func (a paymentAnswers) pay(answer *alipay.PayResponse) {
	if !a.found(answer.PaymentID, answer.PaymentAmount, answer.PaymentCreateTime.Time, answer.ResponseTime) {
		return
	}
	st := &a.payment.Status
	st.LastResult = nil
	a.settlement(answer.GrossSettlementAmount, answer.SettlementQuote)
	// An adopted payment may have refunds, which only an inquiry lists.
	if answer.Result.ResultStatus == alipay.ResultStatusSuccess && answer.PaymentAmount != nil && !st.Adopted {
		if paysByCard(a.payment) {
			a.authorized(&alipay.InquiryPaymentResponse{PaymentTime: answer.PaymentTime, AuthExpiryTime: answer.AuthExpiryTime})
			return
		}
		at := answer.PaymentTime.Time
		if at.IsZero() && a.payment.Spec.AutoDebit != nil { // of a debit it need not be there, and the debit is paid as soon as it is made
			at = answer.PaymentCreateTime.Time
		}
		a.paid(at)
		return
	}
	st.State = apiv1.StateProcessing
	st.Checkout = checkoutFrom(answer)
}

// checkoutFrom keeps where the buyer pays; nil when the answer names no place.
func checkoutFrom(answer *alipay.PayResponse) *apiv1.Checkout {
	checkout := apiv1.Checkout{NormalURL: answer.NormalURL, SchemeURL: answer.SchemeURL, ApplinkURL: answer.ApplinkURL}
	if form := answer.OrderCodeForm; form != nil {
		for _, code := range form.CodeDetails {
			if code.DisplayType == "TEXT" {
				checkout.Code = code.CodeValue
			}
		}
	}
	if form := answer.RedirectActionForm; checkout.NormalURL == "" && form != nil && form.Method == "GET" {
		checkout.NormalURL = form.RedirectURL
	}
	if checkout == (apiv1.Checkout{}) {
		return nil
	}
	return &checkout
}

// inquiry takes the answer to inquiryPayment. It reports whether the answer could be used.
func (a paymentAnswers) inquiry(answer *alipay.InquiryPaymentResponse) bool {
	st := &a.payment.Status
	if answer.PaymentAmount == nil && answer.PaymentStatus == alipay.StatusSuccess {
		return false // what was paid must be known before it counts as paid
	}
	if !a.found(answer.PaymentID, answer.PaymentAmount, answer.PaymentCreateTime.Time, answer.ResponseTime) {
		return true
	}
	a.noteMethod(answer)
	a.noteCaptures(answer.Transactions)
	a.customsAmount(answer.CustomsDeclarationAmount)
	unpaid := answer.PaymentStatus == alipay.StatusFail || answer.PaymentStatus == alipay.StatusCancelled
	switch ended := st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled; {
	case unpaid && a.captureListed():
		a.contradiction("captured, or being captured,", answer.PaymentStatus)
		return true
	case ended && !unpaid:
		a.contradiction(strings.ToLower(string(st.State)), answer.PaymentStatus)
		return true
	case ended:
		return true // what has ended stays ended
	}
	a.settlement(answer.GrossSettlementAmount, answer.SettlementQuote)
	switch answer.PaymentStatus {
	case alipay.StatusSuccess:
		a.transactions(answer.Transactions)
		if paysByCard(a.payment) {
			a.authorized(answer)
			return true
		}
		if methodOf(a.payment) == "" && a.payment.Spec.AutoDebit == nil {
			a.successByUnknownMethod(answer)
			return true
		}
		a.paid(answer.PaymentTime.Time)
	case alipay.StatusCancelled:
		a.cancelled()
	case alipay.StatusFail:
		if st.State == apiv1.PaymentAuthorized {
			a.contradiction("authorised", answer.PaymentStatus)
			return true
		}
		if st.State == apiv1.PaymentPaid || st.PaymentTime != nil {
			a.contradiction("paid", answer.PaymentStatus)
			return true
		}
		a.failed(a.withoutText(gatewayResult(alipay.Result{
			ResultCode: answer.PaymentResultCode, ResultStatus: alipay.ResultStatusFail, ResultMessage: answer.PaymentResultMessage,
		})))
	case alipay.StatusPending:
		a.open(apiv1.PaymentConfirming)
	case alipay.StatusProcessing:
		a.open(apiv1.StateProcessing)
		if st.Checkout == nil { // the answer that named it was lost
			st.Checkout = checkoutFrom(&alipay.PayResponse{RedirectActionForm: answer.RedirectActionForm})
		}
	default:
		return false // a word that the gateway added since: not final, ask again
	}
	return true
}

// open notes that the order exists and has not ended. It never takes back a payment.
func (a paymentAnswers) open(state apiv1.OperationState) {
	if st := &a.payment.Status; st.State != apiv1.PaymentPaid && st.State != apiv1.PaymentAuthorized {
		st.State = state
		st.LastResult = nil
	}
}

// found notes the gateway's id and compares the order with the manifest. False means that it is another payment.
func (a paymentAnswers) found(paymentID string, amount *alipay.Amount, created, answered time.Time) bool {
	st, want := &a.payment.Status, wireAmount(a.payment.Spec.Amount)
	a.submitted()
	paymentID = cut(paymentID, 64)
	switch {
	case amount != nil && *amount != want:
		st.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason, Message: fmt.Sprintf(
			"The gateway knows the id %s as a payment of %s %s, and this object is about %s %s. Nothing is sent any more: find out whose payment that is, "+
				"then create a Payment with another name or paymentRequestId.",
			st.PaymentRequestID, cut(amount.Currency, 8), cut(amount.Value, 20), want.Currency, want.Value)}
		return false
	case st.PaymentID != "" && paymentID != "" && paymentID != st.PaymentID:
		st.Conflict = &apiv1.Conflict{Reason: apiv1.StateContradictionReason, Message: fmt.Sprintf(
			"The gateway reported payment %s before and reports %s now under the same id. Nothing is sent any more: ask Antom which one is right.",
			st.PaymentID, cut(paymentID, 64))}
		return false
	}
	if st.PaymentID == "" {
		st.PaymentID = cut(paymentID, 64)
		st.Adopted = st.Adopted || knownBefore(created, answered, a.now.Sub(st.Intent.SubmittedAt.Time))
		if st.Adopted {
			st.Debit = nil // nobody here knows which token was debited
		}
	}
	return true
}

// adoptionTolerance allows for the whole seconds in which the gateway and this object keep times.
const adoptionTolerance = 3 * time.Second

// knownBefore reports whether something was made before this object's intent. It compares two readings of the gateway's own clock,
// which may differ from ours, with the time that has passed here since the intent.
func knownBefore(made, answered time.Time, sinceIntent time.Duration) bool {
	return !made.IsZero() && !answered.IsZero() && answered.Sub(made) > sinceIntent+adoptionTolerance
}

func (a paymentAnswers) paid(at time.Time) {
	st := &a.payment.Status
	if !at.IsZero() {
		st.PaymentTime = &metav1.Time{Time: at.Truncate(time.Second)}
	}
	paid := minorUnits(a.payment.Spec.Amount.Value)
	if captured, _ := a.captured(); paysByCard(a.payment) {
		paid = min(paid, captured)
	}
	if st.State != apiv1.PaymentPaid {
		st.State, st.Checkout, st.LastResult = apiv1.PaymentPaid, nil, nil
		if st.Amounts == nil {
			st.Amounts = &apiv1.PaymentAmounts{}
		}
		a.finish()
	}
	a.notePaid(paid)
}

// notePaid brings the amounts up to date with what was collected: of a card, more may have been captured since.
func (a paymentAnswers) notePaid(paid int64) {
	if amounts := a.payment.Status.Amounts; amounts != nil {
		amounts.Paid = strconv.FormatInt(max(paid, minorUnits(amounts.Paid)), 10)
	}
	a.rollUp(nil) // the answer may have told of refunds
}

func (a paymentAnswers) failed(result *apiv1.GatewayResult) {
	st := &a.payment.Status
	st.State, st.Checkout, st.Settlement, st.LastResult = apiv1.StateFailed, nil, nil, result
	st.EndedAttempts = a.attempt()
	a.finish()
}

func (a paymentAnswers) cancelled() {
	st := &a.payment.Status
	st.State, st.Checkout, st.Settlement, st.LastResult, st.Amounts = apiv1.PaymentCancelled, nil, nil, nil, nil
	st.EndedAttempts = a.attempt()
	a.finish()
}

func (a paymentAnswers) contradiction(before, now string) {
	a.payment.Status.Conflict = &apiv1.Conflict{Reason: apiv1.StateContradictionReason, Message: fmt.Sprintf(
		"The gateway reported this payment as %s before and reports %s now. Nothing is sent any more: ask Antom which one is right.", before, cut(now, 32))}
}

func (a paymentAnswers) finish() {
	a.payment.Status.FinishedAt = &metav1.Time{Time: a.now.Truncate(time.Second)}
}

// withoutText leaves the gateway's text out of a result where it might repeat what a Secret holds.
func (a paymentAnswers) withoutText(result *apiv1.GatewayResult) *apiv1.GatewayResult {
	if spec := &a.payment.Spec; spec.BuyerSecretRef != nil || spec.ShippingSecretRef != nil || spec.AutoDebit != nil || paysByCard(a.payment) {
		result.ResultMessage = "its text is not kept, as it might repeat what a Secret holds"
	}
	return result
}

// attempt is the attempt that the status is about.
func (a paymentAnswers) attempt() int32 {
	if intent := a.payment.Status.Intent; intent != nil {
		return intent.Attempt
	}
	return a.payment.Spec.Attempt
}

// transactions notes refunds that the gateway knows of, those of other clusters included.
func (a paymentAnswers) transactions(transactions []alipay.Transaction) {
	for i, t := range transactions {
		if t.TransactionType != alipay.TransactionRefund || t.TransactionStatus == alipay.StatusFail || t.TransactionAmount == nil {
			continue
		}
		id := cmp.Or(t.TransactionRequestID, t.TransactionID, fmt.Sprintf("transaction_%d", i))
		a.noteRefund(apiv1.PaymentRefund{
			RefundRequestID: cut(id, 64), Value: cut(t.TransactionAmount.Value, 16),
			Accepted: true, Done: t.TransactionStatus == alipay.StatusSuccess,
		})
	}
}

// rollUp brings the sums of a paid payment up to date with its refunds.
func (a paymentAnswers) rollUp(refunds []apiv1.Refund) {
	st := &a.payment.Status
	for i := range refunds {
		refund := &refunds[i].Status
		switch {
		case refund.Intent == nil || refund.RefundRequestID == "" || refund.Amount == nil:
		case refusedAsAnother(&refund.OperationStatus) && a.refundOfFormer(refund.RefundRequestID):
		case refund.State == apiv1.StateFailed, refusedAsAnother(&refund.OperationStatus):
			st.Refunds = slices.DeleteFunc(st.Refunds, func(r apiv1.PaymentRefund) bool {
				return r.RefundRequestID == refund.RefundRequestID && !r.Done
			})
		default:
			a.noteRefund(apiv1.PaymentRefund{
				RefundRequestID: refund.RefundRequestID, Value: refund.Amount.Value, CaptureID: refund.CaptureID,
				Accepted: refund.State == apiv1.StateProcessing, Done: refund.State == apiv1.RefundRefunded,
			})
		}
	}
	if st.Amounts == nil {
		return
	}
	var taken, done int64
	for _, refund := range st.Refunds {
		taken += minorUnits(refund.Value)
		if refund.Done {
			done += minorUnits(refund.Value)
		}
	}
	if st.Amounts.Refundable = strconv.FormatInt(max(minorUnits(st.Amounts.Paid)-taken, 0), 10); len(st.Refunds) > 0 {
		st.Amounts.Refunded = strconv.FormatInt(done, 10)
	}
}

// noteRefund adds a refund or marks it done. What is done stays done.
func (a paymentAnswers) noteRefund(refund apiv1.PaymentRefund) {
	st := &a.payment.Status
	told := refund.Accepted || refund.Done
	for i := range st.Refunds {
		if st.Refunds[i].RefundRequestID == refund.RefundRequestID {
			refund.Accepted = refund.Accepted || st.Refunds[i].Accepted
			refund.CaptureID = cmp.Or(refund.CaptureID, st.Refunds[i].CaptureID) // the gateway does not list it
			switch {
			case told:
			case st.Refunds[i].Accepted:
				refund.Value = st.Refunds[i].Value
			default:
				refund.Value, refund.Contested = heldValue(st.Refunds[i].Value, refund.Value, st.Refunds[i].Contested)
			}
			if !st.Refunds[i].Done || refund.Done {
				st.Refunds[i] = refund
			}
			return
		}
	}
	if len(st.Refunds) >= mostNoted {
		return
	}
	st.Refunds = append(st.Refunds, refund)
	slices.SortFunc(st.Refunds, func(x, y apiv1.PaymentRefund) int {
		if x.RefundRequestID < y.RefundRequestID {
			return -1
		}
		return 1
	})
}

// minorUnits reads a value that admission or the gateway has let through: at most 16 digits, which an int64 holds.
func minorUnits(value string) int64 {
	units, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0
	}
	return units
}
