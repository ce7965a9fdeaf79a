package controllers

import (
	"context"
	"slices"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A refund takes its amount of the payment before it is sent. If its object is deleted before the outcome is known, nobody follows it
// any more: the payment then asks the gateway itself what became of it.

// refusedAsAnother reports whether the gateway knows the id of an object with other values than the object's.
func refusedAsAnother(st *apiv1.OperationStatus) bool {
	return st.Conflict != nil && st.LastResult != nil && st.LastResult.ResultCode == alipay.CodeRepeatReqInconsistent
}

// heldValue is what counts as taken under one id while the gateway has not told of it: of two amounts the larger. An object of that id may have
// been deleted after its request was sent, and another one created with another amount. Then contested is true.
func heldValue(known, now string, before bool) (value string, contested bool) {
	if minorUnits(known) > minorUnits(now) {
		return known, true
	}
	return now, before || known != now
}

// refundOfFormer reports whether the id of a refund that was refused as another's may be, or is, that of a former refund of this payment.
func (a paymentAnswers) refundOfFormer(id string) bool {
	return slices.ContainsFunc(a.payment.Status.Refunds, func(r apiv1.PaymentRefund) bool {
		return r.RefundRequestID == id && (r.Contested || r.Accepted)
	})
}

// orphanRefund is the first refund that is noted, not done, and has no object any more that could tell of it; empty when there is none.
func orphanRefund(payment *apiv1.Payment, refunds []apiv1.Refund, idOf func(*apiv1.Refund) string) string {
	for _, noted := range payment.Status.Refunds {
		followed := slices.ContainsFunc(refunds, func(r apiv1.Refund) bool {
			return !refusedAsAnother(&r.Status.OperationStatus) && (r.Status.RefundRequestID == noted.RefundRequestID || idOf(&r) == noted.RefundRequestID)
		})
		if !noted.Done && !followed {
			return noted.RefundRequestID
		}
	}
	return ""
}

// hasOrphan reports whether an ended payment has a refund or a capture that nobody else follows.
func (f *paymentFacts) hasOrphan() bool {
	return (f.orphan != "" || f.orphanCapture != "" || len(f.orphanDeclarations) > 0) && f.payment.Status.FinishedAt != nil
}

// settleOrphan asks for an orphan at the usual pace, beside a report that it does not change.
func (f *paymentFacts) settleOrphan(told report) decision {
	known := submission{now: f.now, submittedAt: f.payment.Status.FinishedAt.Time, jitter: f.jitter, recall: f.recall, trouble: f.trouble, seen: f.orphanAccepted()}
	if f.orphan == "" && f.orphanCapture == "" && len(f.orphanDeclarations) > 0 {
		known.pace, known.seen = declarationPace, declarationKnown(f.payment, f.orphanDeclarations[0])
		if !known.seen {
			known.pace = func(time.Duration) time.Duration { return emptyAnswerDelay }
		}
	}
	switch {
	case f.account.problem != nil, f.account.gateway == nil, !f.sameGateway():
		return decision{do: actRest, report: told}
	case f.asked:
		return f.soonForOrphan(decision{do: actWait, after: known.delay(), report: told})
	case f.now.Before(f.recall.nextLook):
		return decision{do: actWait, after: f.recall.nextLook.Sub(f.now), report: told}
	default:
		return decision{do: actInquireOrphan, report: told}
	}
}

// orphanAccepted reports whether the gateway has known the orphan, after which an empty answer proves nothing.
func (f *paymentFacts) orphanAccepted() bool {
	return slices.ContainsFunc(f.payment.Status.Refunds, func(r apiv1.PaymentRefund) bool { return r.RefundRequestID == f.orphan && r.Accepted })
}

// sameGateway reports whether the account is still the client, and the gateway still the one, that have the payment.
func (f *paymentFacts) sameGateway() bool {
	intent := f.payment.Status.Intent
	return intent != nil && intent.ClientID == f.account.account.Spec.ClientID && intent.GatewayURL == gatewayURL(f.account.account)
}

// inquireOrphan asks what became of a refund without an object, and settles what the gateway has settled or proved not to have.
func (p *paymentPass) inquireOrphan(ctx context.Context) error {
	switch {
	case p.orphan == "" && p.orphanCapture != "":
		return p.inquireOrphanCapture(ctx)
	case p.orphan == "":
		return p.inquireOrphanDeclarations(ctx)
	}
	st := &p.payment.Status
	p.asked = true
	answer, err := p.gateway().client.InquiryRefund(ctx, &alipay.InquiryRefundRequest{
		RefundRequestID: p.orphan, MerchantAccountID: p.payment.Spec.MerchantAccountID,
	})
	st.EmptyAnswers = countEmpty(st.EmptyAnswers, p.orphan, newTrouble(err), p.Clock.Now())
	switch {
	case err != nil && (p.orphanAccepted() || emptyCount(st.EmptyAnswers, p.orphan) < emptyAnswers):
		return err
	case err != nil, answer.RefundStatus == alipay.StatusFail:
		st.Refunds = slices.DeleteFunc(st.Refunds, func(r apiv1.PaymentRefund) bool { return r.RefundRequestID == p.orphan && !r.Done })
		p.orphan, st.EmptyAnswers = "", nil
	case answer.RefundStatus == alipay.StatusSuccess && answer.RefundAmount != nil:
		p.answers.noteRefund(apiv1.PaymentRefund{RefundRequestID: p.orphan, Value: cut(answer.RefundAmount.Value, 16), Accepted: true, Done: true})
		p.orphan = ""
	case answer.RefundAmount != nil:
		p.answers.noteRefund(apiv1.PaymentRefund{RefundRequestID: p.orphan, Value: cut(answer.RefundAmount.Value, 16), Accepted: true})
	}
	p.answers.rollUp(nil)
	return nil
}
