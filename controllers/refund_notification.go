package controllers

import (
	"fmt"
	"slices"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// refundNews is what verified notifications say of a refund.
type refundNews struct {
	// final says how the refund ended, where everything that was announced agrees; nil otherwise.
	final       *alipay.RefundNotification
	finalSource *verifiedNotification
	// formerDone is the first former attempt that was announced as done although it counts as failed, or 0.
	formerDone int32
}

// concernsRefund reports whether a notification is about the refund, or about a former attempt of it.
func (p *refundPass) concernsRefund(s alipay.Subject) bool {
	if s.RefundRequestID == "" {
		return false
	}
	return s.RefundRequestID == p.refund.Status.RefundRequestID || s.RefundRequestID == p.attemptID(p.refund.Spec.Attempt) ||
		p.formerAttempt(s.RefundRequestID) > 0
}

// formerAttempt is the attempt before the present one that has this request id, or 0.
func (p *refundPass) formerAttempt(id string) int32 {
	if id == p.refund.Status.RefundRequestID {
		return 0
	}
	for attempt := int32(1); attempt < p.refund.Spec.Attempt; attempt++ {
		if p.attemptID(attempt) == id {
			return attempt
		}
	}
	return 0
}

// refundNeedsNews reports whether a settled refund has a notification that does not say what its status says. It has not been verified.
func refundNeedsNews(refund *apiv1.Refund) bool {
	return slices.ContainsFunc(envelopes(refund), func(name string) bool {
		envelope, err := notification.Parse(refund.Annotations[name])
		if err != nil {
			return true
		}
		subject, err := alipay.ReadSubject([]byte(envelope.Body))
		return err != nil || subject.RefundRequestID != refund.Status.RefundRequestID || refundContradicts(refund.Status.State, subject)
	})
}

// refundContradicts reports whether a result is another end than the one on record.
func refundContradicts(state apiv1.OperationState, s alipay.Subject) bool {
	return state == apiv1.RefundRefunded && s.RefundStatus == alipay.StatusFail ||
		state == apiv1.StateFailed && s.RefundStatus == alipay.StatusSuccess
}

// read makes out what the verified notifications mean for the refund as it stands.
func (p *refundPass) read() {
	odd := false
	for i := range p.news.verified {
		v := &p.news.verified[i]
		switch {
		case v.subject.RefundRequestID != p.id:
			if v.subject.Type == alipay.NotifyRefundResult && v.subject.RefundStatus == alipay.StatusSuccess {
				p.reported.formerDone, p.news.ask = first(p.reported.formerDone, p.formerAttempt(v.subject.RefundRequestID)), true
				p.news.alarm = fmt.Sprintf("The gateway has announced attempt %d of this refund as done, which counts as failed: "+
					"see at the gateway whether the money has gone back twice.", p.reported.formerDone)
			}
		case refundContradicts(p.refund.Status.State, v.subject):
			p.news.contradicted, p.news.ask = true, true
		case p.refund.Status.State.Final():
			// it is what the status says, or says nothing about an end
		case v.subject.Type != alipay.NotifyRefundResult:
			p.news.ask = true
		default:
			final := p.final(v)
			odd = odd || final == nil || p.reported.final != nil && p.reported.final.RefundStatus != final.RefundStatus
			p.reported.final, p.reported.finalSource = final, v
		}
	}
	if odd {
		p.reported.final, p.news.ask = nil, true
	}
}

// doubtFormer has a former attempt asked about again that was announced as done, before another one is sent.
func (p *refundPass) doubtFormer() {
	st := &p.refund.Status
	if st.Intent == nil && p.news.ask && p.reported.formerDone > 0 {
		st.EndedAttempts = min(st.EndedAttempts, p.reported.formerDone-1)
	}
}

// final is a result that may be believed without asking: it fits what was asked for and what is on record; nil otherwise.
func (p *refundPass) final(v *verifiedNotification) *alipay.RefundNotification {
	st := &p.refund.Status
	n, err := alipay.ReadRefundNotification(v.body)
	switch {
	case err != nil, st.Intent == nil, !v.fresh(p.now):
		return nil
	case p.clientChanged(p.recorded()), p.gatewayChanged(p.recorded()):
		return nil // it is about the new client's operation
	case n.RefundAmount == nil, *n.RefundAmount != wireAmount(p.amount):
		return nil
	case n.RefundID == "", st.RefundID != "" && st.RefundID != n.RefundID:
		return nil
	case n.RefundStatus == alipay.StatusSuccess && n.Result.ResultStatus == alipay.ResultStatusSuccess && !n.RefundTime.IsZero():
		return n
	case n.RefundStatus == alipay.StatusFail && n.Result.ResultStatus == alipay.ResultStatusFail:
		return n
	default: // result and refundStatus disagree, or say nothing final
		return nil
	}
}

// notified takes a result that the gateway has announced.
func (p *refundPass) notified(n *alipay.RefundNotification, source *verifiedNotification) {
	p.refund.Status.EmptyAnswers = nil
	if n.RefundStatus == alipay.StatusSuccess {
		p.answered(true, n.RefundID, n.RefundAmount, n.RefundTime.Time, source.sentAt)
		return
	}
	if p.found(n.RefundID, n.RefundAmount) {
		p.failed(gatewayResult(n.Result))
	}
}
