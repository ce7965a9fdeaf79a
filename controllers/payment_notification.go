package controllers

import (
	"fmt"
	"slices"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// paymentNews is what verified notifications say of a payment.
type paymentNews struct {
	// final says how the payment ended, where everything that was announced agrees; nil otherwise.
	final       *alipay.PaymentNotification
	finalSource *verifiedNotification
	// formerPaid is the first former attempt that was announced as paid although it counts as ended, or 0.
	formerPaid int32
}

// concernsPayment reports whether a notification can be about the payment, or about its refunds, captures and disputes.
func (p *paymentPass) concernsPayment(s alipay.Subject) bool {
	st := &p.payment.Status
	switch {
	case ownsSubject(p.payment, s):
		return true
	case s.PaymentRequestID != "": // also before this object's intent: a restored one has forgotten that it was sent
		return s.PaymentRequestID == p.attemptID(p.payment.Spec.Attempt) || p.formerAttempt(s.PaymentRequestID) > 0
	case s.PaymentID != "":
		return st.PaymentID == ""
	default: // a refund that has failed is not listed any more
		return s.RefundRequestID != ""
	}
}

func ownsSubject(payment *apiv1.Payment, s alipay.Subject) bool {
	st := &payment.Status
	switch {
	case s.PaymentRequestID != "":
		return s.PaymentRequestID == st.PaymentRequestID
	case s.PaymentID != "":
		return s.PaymentID == st.PaymentID
	default:
		return s.RefundRequestID != "" && slices.ContainsFunc(st.Refunds, func(r apiv1.PaymentRefund) bool { return r.RefundRequestID == s.RefundRequestID })
	}
}

// formerAttempt is the attempt before the present one that has this request id, or 0.
func (p *paymentPass) formerAttempt(id string) int32 {
	if id == "" || id == p.payment.Status.PaymentRequestID {
		return 0
	}
	for attempt := int32(1); attempt < p.payment.Spec.Attempt; attempt++ {
		if p.attemptID(attempt) == id {
			return attempt
		}
	}
	return 0
}

// paymentNeedsNews reports whether a settled payment has a notification that does not say what its status says. It has not been verified.
func paymentNeedsNews(payment *apiv1.Payment) bool {
	st := &payment.Status
	return slices.ContainsFunc(envelopes(payment), func(name string) bool {
		envelope, err := notification.Parse(payment.Annotations[name])
		if err != nil {
			return true
		}
		if envelope.BodySecretName != "" {
			return true
		}
		subject, err := alipay.ReadSubject([]byte(envelope.Body))
		return err != nil || !ownsSubject(payment, subject) || contradicts(st, subject)
	})
}

// contradicts reports whether a result is another end than the one on record. A success after a cancellation is none: the gateway pays the
// buyer back (https://docs.antom.com/ac/ams/paymentrn_online). But it does so only if it had the order to cancel.
func contradicts(st *apiv1.PaymentStatus, s alipay.Subject) bool {
	if s.Type != alipay.NotifyPaymentResult {
		return capturedAfterAll(st, s)
	}
	neverPlaced := st.State == apiv1.PaymentCancelled && st.PaymentID == ""
	return st.State == apiv1.PaymentPaid && s.ResultStatus == alipay.ResultStatusFail ||
		(st.State == apiv1.StateFailed || neverPlaced) && s.ResultStatus == alipay.ResultStatusSuccess
}

// read makes out what the verified notifications mean for the payment as it stands.
func (p *paymentPass) read() {
	odd := false
	for i := range p.news.verified {
		v := &p.news.verified[i]
		switch {
		case v.subject.RefundRequestID != "":
			p.news.ask = p.news.ask || v.subject.RefundRequestID == p.orphan
		case v.subject.CaptureRequestID != "" && v.subject.CaptureRequestID == p.orphanCapture:
			p.news.ask = true
		case v.subject.DisputeID != "", v.subject.PaymentRequestID == "" && v.subject.PaymentID != p.payment.Status.PaymentID:
			// it says nothing about the payment's state, or nobody knows whether it is about this payment
		case v.subject.PaymentRequestID != "" && v.subject.PaymentRequestID != p.id:
			if v.subject.Type == alipay.NotifyPaymentResult && v.subject.ResultStatus == alipay.ResultStatusSuccess {
				p.reported.formerPaid, p.news.ask = first(p.reported.formerPaid, p.formerAttempt(v.subject.PaymentRequestID)), true
				p.news.alarm = fmt.Sprintf("The gateway has announced attempt %d of this payment as paid, which counts as ended: "+
					"unless it was cancelled, see at the gateway whether the buyer has paid twice.", p.reported.formerPaid)
			}
		case contradicts(&p.payment.Status, v.subject):
			p.news.contradicted, p.news.ask = true, true
		case p.payment.Status.State.Final():
			// it is what the status says, or says nothing about an end
		case v.subject.Type != alipay.NotifyPaymentResult:
			p.news.ask = true // PAYMENT_PENDING with S is not paid; a capture is seen by inquiry; others nobody knows
		default:
			final := p.final(v)
			odd = odd || final == nil || p.reported.final != nil && p.reported.final.Result.ResultStatus != final.Result.ResultStatus
			p.reported.final, p.reported.finalSource = final, v
		}
	}
	if odd {
		p.reported.final, p.news.ask = nil, true
	}
}

// doubtFormer has a former attempt asked about again that was announced as paid, before another one is sent.
func (p *paymentPass) doubtFormer() {
	st := &p.payment.Status
	if st.Intent == nil && p.news.ask && p.reported.formerPaid > 0 {
		st.EndedAttempts = min(st.EndedAttempts, p.reported.formerPaid-1)
	}
}

// first is the earlier of two attempts, of which 0 is none.
func first(known, attempt int32) int32 {
	if known == 0 {
		return attempt
	}
	return min(known, attempt)
}

// final is a result that may be believed without asking: it fits what was ordered and what is on record; nil otherwise.
func (p *paymentPass) final(v *verifiedNotification) *alipay.PaymentNotification {
	st := &p.payment.Status
	n, err := alipay.ReadPaymentNotification(v.body)
	switch {
	case paysByCard(p.payment), methodOf(p.payment) == "", p.payment.Spec.Session != nil && p.payment.Status.PaymentMethodType != "":
		return nil // a success of a card is an authorisation; only an inquiry lists its captures, and says what the buyer of a session has chosen
	case err != nil, st.Intent == nil, v.subject.PaymentRequestID == "", !v.fresh(p.now):
		return nil
	case p.clientChanged(p.recorded()), p.gatewayChanged(p.recorded()):
		return nil // it is about the new client's operation
	case n.PaymentAmount == nil, *n.PaymentAmount != wireAmount(p.payment.Spec.Amount):
		return nil
	case st.Adopted, st.PaymentID == "":
		return nil // the order may be older than this object: only an inquiry tells what became of it since, and lists its refunds
	case st.PaymentID != n.PaymentID:
		return nil
	case st.CancelSubmittedAt != nil, p.wantsCancelled(), p.restored(), late(n, v):
		return nil // it may have been cancelled since
	case n.Result.ResultStatus == alipay.ResultStatusSuccess && n.PaymentTime.IsZero():
		return nil
	case n.Result.ResultStatus != alipay.ResultStatusSuccess && n.Result.ResultStatus != alipay.ResultStatusFail:
		return nil
	}
	return n
}

// longestOnTheWay is how long after the payment the first sending of a success may leave the gateway, which says 3 to 5 seconds.
const longestOnTheWay = time.Minute

// late reports whether a success was sent so long after the buyer has paid that it is not the first sending. Both times are the gateway's.
func late(n *alipay.PaymentNotification, v *verifiedNotification) bool {
	return n.Result.ResultStatus == alipay.ResultStatusSuccess && v.sentAt.Sub(n.PaymentTime.Time) > longestOnTheWay
}

// restored reports whether the object is younger than its intent: it has come back from a backup, and has forgotten what happened since.
func (p *paymentPass) restored() bool {
	return p.payment.CreationTimestamp.After(p.payment.Status.Intent.SubmittedAt.Add(adoptionTolerance))
}

// notified takes a result that the gateway has announced.
func (a paymentAnswers) notified(n *alipay.PaymentNotification, source *verifiedNotification) {
	if !a.found(n.PaymentID, n.PaymentAmount, n.PaymentCreateTime.Time, source.sentAt) {
		return
	}
	a.payment.Status.EmptyAnswers = nil
	a.settlement(n.GrossSettlementAmount, n.SettlementQuote)
	a.customsAmount(n.CustomsDeclarationAmount)
	if n.Result.ResultStatus == alipay.ResultStatusSuccess {
		a.paid(n.PaymentTime.Time)
		return
	}
	a.failed(a.withoutText(gatewayResult(n.Result)))
}
