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

// putCapture adds a capture or brings it up to date.
func (a paymentAnswers) putCapture(capture apiv1.PaymentCapture) {
	st := &a.payment.Status
	// Two notes can turn out to be about one capture, once the gateway has told which request its own id belongs to.
	others := slices.DeleteFunc(slices.Clone(st.Captures), func(known apiv1.PaymentCapture) bool {
		same := sameCapture(known, capture)
		if same {
			capture = mergeCapture(known, capture)
		}
		return same
	})
	if len(others) >= mostNoted { // of those, what has failed matters least
		failed := slices.IndexFunc(others, func(c apiv1.PaymentCapture) bool { return c.Status == alipay.StatusFail })
		if failed < 0 {
			return
		}
		others = slices.Delete(others, failed, failed+1)
	}
	others = append(others, capture)
	st.Captures = others
	slices.SortFunc(st.Captures, func(x, y apiv1.PaymentCapture) int { return cmp.Compare(x.CaptureID, y.CaptureID) })
}

// mergeCapture is what is known of one capture after more was told of it. What has succeeded stays so, and was asked for as the last one if
// anything says so.
func mergeCapture(known, now apiv1.PaymentCapture) apiv1.PaymentCapture {
	merged := now
	if known.Status == alipay.StatusSuccess {
		merged = known
		merged.Last = known.Last || now.Last
	}
	if merged.Value == unknownValue {
		merged.Value = known.Value
	}
	if known.Status == apiv1.CaptureReserved && now.Status == apiv1.CaptureReserved {
		merged.Value, merged.Contested = heldValue(known.Value, now.Value, known.Contested)
	}
	merged.CaptureRequestID = cmp.Or(merged.CaptureRequestID, known.CaptureRequestID, now.CaptureRequestID)
	for _, one := range []apiv1.PaymentCapture{known, now} {
		if one.CaptureID != one.CaptureRequestID && merged.CaptureID == merged.CaptureRequestID {
			merged.CaptureID = one.CaptureID
		}
	}
	return merged
}

// unknownValue is that of a capture whose amount the gateway has not told.
const unknownValue = "0"

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
		case refusedAsAnother(&capture.OperationStatus) && a.captureOfFormer(capture.CaptureRequestID):
			continue // the payment knows more
		case capture.State == apiv1.StateFailed, refusedAsAnother(&capture.OperationStatus):
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

// captureOfFormer reports whether the id of a capture that was refused as another's may be, or is listed as, that of a former capture of this
// payment.
func (a paymentAnswers) captureOfFormer(id string) bool {
	return a.listed(id) || slices.ContainsFunc(a.payment.Status.Captures, func(c apiv1.PaymentCapture) bool {
		return c.CaptureRequestID == id && c.Contested
	})
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

// orphanCapture is the first capture that is noted, not ended, and followed by no object: there is none any more, or it has not been sent and
// can not be now. Empty when there is none.
func orphanCapture(payment *apiv1.Payment, captures []apiv1.Capture, now time.Time, idOf func(*apiv1.Capture) string) string {
	if !mayBeCaptured(payment) {
		return ""
	}
	collectable := collectable(payment, now)
	for _, noted := range payment.Status.Captures {
		ended := noted.Status == alipay.StatusSuccess || noted.Status == alipay.StatusFail
		followed := slices.ContainsFunc(captures, func(c apiv1.Capture) bool {
			return c.Status.CaptureRequestID == noted.CaptureRequestID || collectable && idOf(&c) == noted.CaptureRequestID
		})
		if !ended && !followed && noted.CaptureRequestID != "" {
			return noted.CaptureRequestID
		}
	}
	return ""
}

// soonForOrphan asks again soon while a capture that nobody follows holds back what may never have been sent.
func (f *paymentFacts) soonForOrphan(decided decision) decision {
	held := slices.ContainsFunc(f.payment.Status.Captures, func(c apiv1.PaymentCapture) bool {
		return c.CaptureRequestID == f.orphanCapture && c.Status == apiv1.CaptureReserved
	})
	if f.orphanCapture != "" && held && decided.do == actWait && f.trouble == nil {
		decided.after = min(decided.after, emptyAnswerDelay+time.Duration(f.jitter*float64(time.Second)))
	}
	return decided
}

// collectable reports whether a capture that was not sent yet still can be.
func collectable(payment *apiv1.Payment, now time.Time) bool {
	st := &payment.Status
	leaving := payment.Spec.DesiredState == apiv1.DesiredCancelled || !payment.DeletionTimestamp.IsZero()
	expired := st.AuthorizationExpiryTime != nil && !now.Before(st.AuthorizationExpiryTime.Time)
	return (st.State == apiv1.PaymentAuthorized || st.State == apiv1.PaymentPaid) && !leaving && !expired
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
	p.addAnnounced(answer)
	if !p.answers.inquiry(answer) {
		return errUnusable
	}
	p.forgetUnlisted(counted)
	return nil
}

// addAnnounced adds to an answer the captures that verified notifications tell of and the answer does not list: transactions may be null
// (https://docs.antom.com/ac/ams/paymentri_online).
func (p *paymentPass) addAnnounced(answer *alipay.InquiryPaymentResponse) {
	for i := range p.news.verified {
		v := &p.news.verified[i]
		if v.subject.Type != alipay.NotifyCaptureResult || v.subject.PaymentID == "" || v.subject.PaymentID != answer.PaymentID {
			continue
		}
		n, err := alipay.ReadCaptureNotification(v.body)
		if err != nil || n.CaptureID == "" {
			continue
		}
		listed := slices.ContainsFunc(answer.Transactions, func(t alipay.Transaction) bool {
			return t.TransactionType == alipay.TransactionCapture && (t.TransactionID == n.CaptureID || t.TransactionRequestID == n.CaptureRequestID)
		})
		_, status := capturing{}.subject(v.subject)
		if listed || status == "" {
			continue
		}
		answer.Transactions = append(answer.Transactions, alipay.Transaction{
			TransactionType: alipay.TransactionCapture, TransactionStatus: status, TransactionID: n.CaptureID, TransactionRequestID: n.CaptureRequestID,
			TransactionAmount: n.CaptureAmount, TransactionTime: n.CaptureTime, TransactionResult: &n.Result,
		})
	}
}
