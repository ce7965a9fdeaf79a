package simulator

import "time"

// refund is one giving back.
type refund struct {
	Refund
	payment   *payment
	notifyURL string
	metadata  string
}

// refund is payments/refund (ams/refund_online).
func (s *Simulator) refund(c *call) answer {
	if bad := refundRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	requestID, amount := c.body.text("refundRequestId"), c.body.money("refundAmount")
	key := requestKey{c.clientID, requestID}
	if earlier := s.byRefund[key]; earlier != nil {
		if earlier.Amount != amount || earlier.PaymentID != c.body.text("paymentId") {
			return failure("REPEAT_REQ_INCONSISTENT")
		}
		return refundAnswer(earlier)
	}
	p := s.byPaymentID[c.body.text("paymentId")]
	if p == nil || p.ClientID != c.clientID {
		return failure("ORDER_NOT_EXIST")
	}
	if bad := s.checkRefundAmount(p, amount); bad != nil {
		return bad.answer()
	}
	captureID, bad := p.refundedCapture(c.body.text("captureId"))
	if bad != nil {
		return bad.answer()
	}
	code := c.forced
	if code == "" {
		code = s.refundRefusal(p, amount, captureID)
	}
	if leavesNothing[code] {
		return failure(code)
	}
	back := &refund{payment: p, notifyURL: c.body.text("refundNotifyUrl"), metadata: c.body.text("metadata"), Refund: Refund{
		RefundID: s.newID("1940108011001"), RefundRequestID: requestID, PaymentID: p.PaymentID, ClientID: p.ClientID,
		CaptureID: captureID, Amount: amount, Status: statusProcessing, ResultCode: "REFUND_IN_PROCESS", Accepted: true, CreatedAt: c.now,
	}}
	s.refunds = append(s.refunds, back)
	s.byRefund[key] = back
	s.byRefundID[requestKey{c.clientID, back.RefundID}] = back
	p.refunds = append(p.refunds, back)
	switch {
	case code != "": // refused at once: the id keeps answering this, and no notification follows
		back.Status, back.ResultCode, back.Accepted = statusFail, code, false
		back.SettledAt = c.now
	case c.late || !s.method(p.Method).RefundAtOnce:
		s.clock.at(c.now.Add(settleDelay), func() { s.settleRefund(back, c.fate) })
	default:
		s.settleRefund(back, "")
	}
	return refundAnswer(back)
}

// checkRefundAmount refuses what is wrong about the request itself. A sum below the method's minimum has no code of
// its own in the documents: PARAM_ILLEGAL is chosen.
func (s *Simulator) checkRefundAmount(p *payment, amount Money) *refusal {
	if bad := checkAmount("refundAmount", amount, p.Method); bad != nil {
		return bad
	}
	if amount.Currency != p.Amount.Currency {
		return refuse("CURRENCY_NOT_SUPPORT", "refundAmount.currency must be that of the payment")
	}
	if least := s.method(p.Method).Min; amount.Value < least {
		return illegal("refundAmount.value", "is below the method's minimum refund of "+Money{amount.Currency, least}.String())
	}
	return nil
}

// refundedCapture demands a captureId when the payment has several captures (ams/refund_online, current edition).
func (p *payment) refundedCapture(given string) (string, *refusal) {
	settled := 0
	for _, c := range p.captures {
		if c.Status == statusSuccess {
			settled++
			if c.CaptureID == given {
				return given, nil
			}
		}
	}
	if given != "" {
		return "", illegal("captureId", "is not a capture of this payment")
	}
	if settled > 1 {
		return "", illegal("captureId", "is required because the payment has several captures")
	}
	return "", nil
}

// refundRefusal gives the result code by cause. The state of the payment comes first, then what the method can do,
// then the window, then the sum.
func (s *Simulator) refundRefusal(p *payment, amount Money, captureID string) string {
	method := s.method(p.Method)
	switch {
	case p.Status == statusCancelled:
		return "ORDER_IS_CANCELED"
	case p.closed:
		return "ORDER_IS_CLOSED"
	case p.Status != statusSuccess:
		return "ORDER_STATUS_INVALID"
	case p.card() && p.captured() == 0: // an uncaptured authorisation is cancelled instead
		return "ORDER_STATUS_INVALID"
	case !method.Refund:
		return "REFUND_NOT_SUPPORTED"
	case s.clock.now().After(p.PaidAt.Add(time.Duration(method.RefundDays) * 24 * time.Hour)):
		return "REFUND_WINDOW_EXCEED"
	case method.SingleRefund && p.refundedOrRefunding() > 0:
		return "MULTIPLE_REFUNDS_NOT_SUPPORTED"
	case p.refundedOrRefunding()+amount.Value > p.refundable():
		return "REFUND_AMOUNT_EXCEED"
	case captureID != "" && p.refundedOf(captureID)+amount.Value > p.capturedBy(captureID):
		return "REFUND_AMOUNT_EXCEED"
	case !method.PartialRefund && amount != p.Amount:
		return "PARTIAL_REFUND_NOT_SUPPORTED"
	}
	return ""
}

// refundable is what was paid, for a card what was captured.
func (p *payment) refundable() int64 {
	if p.card() {
		return p.captured()
	}
	return p.Amount.Value
}

// refundedOrRefunding counts a refund in process as done.
func (p *payment) refundedOrRefunding() int64 {
	sum := int64(0)
	for _, r := range p.refunds {
		if r.Status != statusFail {
			sum += r.Amount.Value
		}
	}
	return sum
}

func (p *payment) refundedOf(captureID string) int64 {
	sum := int64(0)
	for _, r := range p.refunds {
		if r.CaptureID == captureID && r.Status != statusFail {
			sum += r.Amount.Value
		}
	}
	return sum
}

func (p *payment) capturedBy(captureID string) int64 {
	return p.captureSum(func(c *capture) bool { return c.CaptureID == captureID && c.Status == statusSuccess })
}

// settleRefund gives the money back, or fails with a code, and tells the merchant.
func (s *Simulator) settleRefund(back *refund, code string) {
	back.SettledAt = s.clock.now()
	if code != "" {
		back.Status, back.ResultCode = statusFail, code
	} else {
		p := back.payment
		back.Status, back.ResultCode = statusSuccess, "SUCCESS"
		s.post(p, EntryRefund, merchantAccount+p.ClientID, buyerAccount, back.Amount, back.RefundRequestID)
	}
	s.notifyRefund(back)
}

func refundAnswer(back *refund) answer {
	switch back.Status {
	case statusProcessing:
		return failure("REFUND_IN_PROCESS")
	case statusFail:
		return failure(back.ResultCode)
	}
	fields := map[string]any{
		"refundRequestId": back.RefundRequestID, "refundId": back.RefundID, "paymentId": back.PaymentID,
		"refundAmount": back.Amount.wire(), "refundTime": wireTime(back.SettledAt),
	}
	merge(fields, settlement(back.Amount, back.payment.order.settlementCurrency, back.SettledAt))
	return success(fields)
}

// inquireRefund is payments/inquiryRefund (ams/ir_online). refundId wins when both ids are given. A refund that was
// refused at once is shown as FAIL, which the page leaves open.
func (s *Simulator) inquireRefund(c *call) answer {
	if bad := inquiryRefundRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	refundID, requestID := c.body.text("refundId"), c.body.text("refundRequestId")
	if refundID == "" && requestID == "" {
		return illegal("refundId or refundRequestId", "is required").answer()
	}
	back := s.byRefund[requestKey{c.clientID, requestID}]
	if refundID != "" {
		back = s.byRefundID[requestKey{c.clientID, refundID}]
	}
	if back == nil {
		return failure("ORDER_NOT_EXIST")
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	back.Inquiries++
	if back.Status != statusProcessing {
		back.FinalInquiries++
	}
	fields := map[string]any{
		"refundStatus": back.Status, "refundId": back.RefundID, "refundRequestId": back.RefundRequestID,
		"refundAmount": back.Amount.wire(),
	}
	if back.Status == statusSuccess {
		fields["refundTime"] = wireTime(back.SettledAt)
		merge(fields, settlement(back.Amount, back.payment.order.settlementCurrency, back.SettledAt))
	}
	if back.metadata != "" {
		fields["metadata"] = back.metadata
	}
	return success(fields)
}
