package simulator

// cancelPayment is payments/cancel (ams/paymentc_online, cashierpay/cancel): it closes an unpaid order, or undoes a
// paid one in full.
func (s *Simulator) cancelPayment(c *call) answer {
	if bad := cancelRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	p, refused := s.find(c)
	if refused != nil {
		return refused.answer()
	}
	if p.Status == statusCancelled { // a repeat never cancels twice
		return cancelAnswer(p)
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	if code := s.cancelRefusal(p); code != "" {
		return failure(code)
	}
	if p.Status == statusSuccess {
		if p.card() {
			s.post(p, EntryRelease, holdAccount, buyerAccount, p.Amount, "")
		} else {
			s.post(p, EntryCancel, merchantAccount+p.ClientID, buyerAccount, p.Amount, "")
		}
	}
	s.move(p, statusCancelled, "ORDER_IS_CANCELED")
	p.CancelledAt = s.clock.now()
	return cancelAnswer(p)
}

func cancelAnswer(p *payment) answer {
	return success(map[string]any{
		"paymentId": p.PaymentID, "paymentRequestId": p.PaymentRequestID, "cancelTime": wireTime(p.CancelledAt),
	})
}

// cancelRefusal is the table of cashierpay/cancel. A method that can never cancel answers
// PAYMENT_METHOD_NOT_SUPPORTED, one whose time is over CANCEL_WINDOW_EXCEED.
func (s *Simulator) cancelRefusal(p *payment) string {
	rule := s.method(p.Method).Cancel
	switch {
	case p.Status == statusFail:
		return "ORDER_STATUS_INVALID"
	case rule == CancelNever:
		return "PAYMENT_METHOD_NOT_SUPPORTED"
	case p.open():
		return ""
	case p.refundedOrRefunding() > 0: // after any refund, full or partial
		return "PROCESS_FAIL"
	case p.card() && p.capturedOrCapturing() > 0:
		return "ORDER_STATUS_INVALID"
	case rule == CancelUnpaidOnly:
		return "PAYMENT_METHOD_NOT_SUPPORTED"
	}
	limit := nextDayLimit(p.PaidAt)
	if p.ProductCode == agreementProduct { // counted from order placement (auto_debit/cancel)
		limit = nextDayLimit(p.CreatedAt)
	}
	if rule == CancelSevenDays {
		limit = p.PaidAt.Add(authorisationLife)
	}
	if s.clock.now().After(limit) {
		return "CANCEL_WINDOW_EXCEED"
	}
	return ""
}
