package controllers

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A Capture takes its amount of the payment before it is sent, as a Refund does. What becomes of it the payment learns from the object, and
// from its own inquiries, which list captures: also those whose object is gone.

// putCapture adds a capture or brings it up to date. What has succeeded stays so, and what was asked for as the last one stays that.
func (a paymentAnswers) putCapture(capture apiv1.PaymentCapture) {
	st := &a.payment.Status
	known := slices.IndexFunc(st.Captures, func(c apiv1.PaymentCapture) bool { return sameCapture(c, capture) })
	if known < 0 && len(st.Captures) < mostNoted {
		st.Captures = append(st.Captures, capture)
		slices.SortFunc(st.Captures, func(x, y apiv1.PaymentCapture) int { return cmp.Compare(x.CaptureID, y.CaptureID) })
	}
	if known >= 0 && st.Captures[known].Status != alipay.StatusSuccess {
		capture.Last = capture.Last || st.Captures[known].Last
		st.Captures[known] = capture
	}
}

// rollUpCaptures brings the captures of a card up to date with their objects, and the payment with them.
func (a paymentAnswers) rollUpCaptures(captures []apiv1.Capture) {
	st := &a.payment.Status
	for i := range captures {
		spec, capture := &captures[i].Spec, &captures[i].Status
		if capture.Intent == nil || capture.Amount == nil || capture.PaymentID != st.PaymentID {
			continue
		}
		note := apiv1.PaymentCapture{
			CaptureID: cmp.Or(capture.CaptureID, capture.CaptureRequestID), CaptureRequestID: capture.CaptureRequestID, Value: capture.Amount.Value,
			Status: apiv1.CaptureReserved, Last: spec.IsLastCapture != nil && *spec.IsLastCapture,
		}
		switch {
		case capture.State == apiv1.CaptureCaptured:
			note.Status = alipay.StatusSuccess
		case capture.State == apiv1.StateFailed, capture.Conflict != nil && capture.LastResult != nil && capture.LastResult.ResultCode == alipay.CodeRepeatReqInconsistent:
			note.Status = alipay.StatusFail
			if capture.LastResult != nil {
				note.ResultCode = capture.LastResult.ResultCode
			}
		case capture.State == apiv1.StateProcessing:
			note.Status = alipay.StatusProcessing
		case a.listed(capture.CaptureRequestID):
			continue // the payment knows more
		}
		a.putCapture(note)
	}
	a.collect()
}

// listed reports whether the payment has noted a capture of which the gateway has told.
func (a paymentAnswers) listed(requestID string) bool {
	return slices.ContainsFunc(a.payment.Status.Captures, func(c apiv1.PaymentCapture) bool {
		return c.CaptureRequestID == requestID && c.Status != apiv1.CaptureReserved
	})
}

// collect brings the amounts of a card up to date with its captures. The payment is paid once no more can be captured.
func (a paymentAnswers) collect() {
	st := &a.payment.Status
	captured, open := a.captured()
	switch {
	case st.State == apiv1.PaymentCancelled && captured > 0, st.State == apiv1.StateFailed && captured > 0:
		a.contradiction(string(st.State), "captured")
		return
	case st.Amounts == nil:
		return
	}
	if st.State == apiv1.PaymentAuthorized && a.allCaptured(captured, open) {
		a.paid(time.Time{})
	}
	a.noteCollected(captured)
}

// noteCollected brings the amounts up to date with what was captured.
func (a paymentAnswers) noteCollected(captured int64) {
	a.payment.Status.Amounts.Captured = strconv.FormatInt(captured, 10)
	if captured > 0 {
		a.notePaid(min(captured, minorUnits(a.payment.Spec.Amount.Value)))
	}
}

// captureListed reports whether the gateway has told of a capture that has not failed.
func (a paymentAnswers) captureListed() bool {
	return slices.ContainsFunc(a.payment.Status.Captures, func(c apiv1.PaymentCapture) bool {
		return c.Status != alipay.StatusFail && c.Status != apiv1.CaptureReserved
	})
}

// allCaptured reports whether nothing more will be captured: all of it was, or the one capture that the contract allows, or the last.
func (a paymentAnswers) allCaptured(captured int64, open bool) bool {
	if captured >= minorUnits(a.payment.Spec.Amount.Value) {
		return true
	}
	last := slices.ContainsFunc(a.payment.Status.Captures, func(c apiv1.PaymentCapture) bool { return c.Last && c.Status == alipay.StatusSuccess })
	return captured > 0 && !open && (last || a.oneCapture)
}

// mayBeCaptured reports whether Captures of the payment can have something to say to it.
func mayBeCaptured(payment *apiv1.Payment) bool {
	st := &payment.Status
	return paysByCard(payment) && payment.Spec.CaptureMode == apiv1.ManualCapture &&
		(st.State == apiv1.PaymentAuthorized || st.State == apiv1.PaymentPaid || openCapture(st))
}

// openCapture reports whether the outcome of a capture is not known.
func openCapture(st *apiv1.PaymentStatus) bool {
	return slices.ContainsFunc(st.Captures, func(c apiv1.PaymentCapture) bool {
		return c.Status != alipay.StatusSuccess && c.Status != alipay.StatusFail
	})
}

// orphanCapture is the first capture that is noted, not ended, and has no object any more; empty when there is none.
func orphanCapture(payment *apiv1.Payment, captures []apiv1.Capture, idOf func(*apiv1.Capture) string) string {
	if !mayBeCaptured(payment) {
		return ""
	}
	for _, noted := range payment.Status.Captures {
		ended := noted.Status == alipay.StatusSuccess || noted.Status == alipay.StatusFail
		followed := slices.ContainsFunc(captures, func(c apiv1.Capture) bool {
			return c.Status.CaptureRequestID == noted.CaptureRequestID || idOf(&c) == noted.CaptureRequestID
		})
		if !ended && !followed && noted.CaptureRequestID != "" {
			return noted.CaptureRequestID
		}
	}
	return ""
}

// forgetUnlisted gives back what a capture without an object has taken, once the gateway has proved by several spaced answers that it has no
// such capture. counted is the record of those answers from before the one at hand.
func (p *paymentPass) forgetUnlisted(counted *apiv1.EmptyAnswers) {
	st := &p.payment.Status
	reserved := slices.ContainsFunc(st.Captures, func(c apiv1.PaymentCapture) bool {
		return c.CaptureRequestID == p.orphanCapture && c.Status == apiv1.CaptureReserved
	})
	if p.orphanCapture == "" || !reserved {
		return
	}
	st.EmptyAnswers = countEmpty(counted, p.orphanCapture, newTrouble(errNotListed), p.Clock.Now())
	if emptyCount(st.EmptyAnswers, p.orphanCapture) < emptyAnswers {
		return
	}
	st.Captures = slices.DeleteFunc(st.Captures, func(c apiv1.PaymentCapture) bool { return c.CaptureRequestID == p.orphanCapture })
	p.orphanCapture, st.EmptyAnswers = "", nil
	p.answers.collect()
}

// inquireOrphanCapture asks what became of a capture without an object.
func (p *paymentPass) inquireOrphanCapture(ctx context.Context) error {
	p.asked = true
	counted := p.payment.Status.EmptyAnswers
	answer, err := p.gateway().client.InquiryPayment(ctx, p.inquiryFor(p.id))
	if err != nil {
		return err
	}
	if !p.answers.inquiry(answer) {
		return errUnusable
	}
	p.forgetUnlisted(counted)
	return nil
}
