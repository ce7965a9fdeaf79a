package simulator

import "time"

// find looks an order up by paymentId or paymentRequestId; paymentId wins (ams/paymentri_online). An order of
// another client does not exist.
func (s *Simulator) find(c *call) (*payment, *refusal) {
	paymentID, paymentRequestID := c.body.text("paymentId"), c.body.text("paymentRequestId")
	var p *payment
	switch {
	case paymentID != "":
		p = s.byPaymentID[paymentID]
	case paymentRequestID != "":
		p = s.byRequest[requestKey{c.clientID, paymentRequestID}]
	default:
		return nil, illegal("paymentId or paymentRequestId", "is required")
	}
	if p == nil || p.ClientID != c.clientID {
		return nil, failure("ORDER_NOT_EXIST").refusal()
	}
	return p, nil
}

// inquirePayment is payments/inquiryPayment (ams/paymentri_online). Its result is about the query alone.
func (s *Simulator) inquirePayment(c *call) answer {
	if bad := inquiryRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	p, refused := s.find(c)
	if refused != nil {
		if refused.code == "ORDER_NOT_EXIST" && c.body.text("paymentId") == "" && s.liveSession(c.clientID, c.body.text("paymentRequestId")) != nil {
			return failure(string(s.switches.SessionInquiry))
		}
		return refused.answer()
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	p.Inquiries++
	if !p.open() {
		p.FinalInquiries++
	}
	fields := paymentFields(p)
	fields["paymentStatus"] = p.Status
	fields["paymentResultCode"] = p.ResultCode
	fields["paymentResultMessage"] = result(p.ResultCode, "")["resultMessage"]
	fields["paymentMethodType"] = p.Method
	if p.Status == statusSuccess {
		fields["paymentTime"] = wireTime(p.PaidAt)
		merge(fields, settlement(p.Amount, p.order.settlementCurrency, p.PaidAt))
		addCustomsAmount(fields, p)
	}
	if !p.AuthExpiresAt.IsZero() {
		fields["authExpiryTime"] = wireTime(p.AuthExpiresAt)
	}
	if p.Status == statusSuccess || p.Status == statusFail {
		addResultInfo(fields, p)
	}
	if form := p.links["redirectActionForm"]; form != nil && p.ResultCode == "PAYMENT_IN_PROCESS" {
		fields["redirectActionForm"] = form
	}
	s.addTransactions(fields, p)
	return success(fields)
}

// addTransactions lists captures and refunds, in the form that the switch asks for.
func (s *Simulator) addTransactions(fields map[string]any, p *payment) {
	list := s.transactions(p)
	switch form := s.switches.Transactions; {
	case form == TransactionsNull, form == TransactionsNullWhenEmpty && len(list) == 0:
		fields["transactions"] = nil
	case form != TransactionsAbsent && len(list) > 0:
		fields["transactions"] = list
	}
}

// transactions lists captures and refunds: the only way to ask for a capture.
func (s *Simulator) transactions(p *payment) []any {
	var list []any
	add := func(settled time.Time, entry map[string]any) {
		if !settled.IsZero() && !s.switches.NoTransactionTime {
			entry["transactionTime"] = wireTime(settled)
		}
		if s.switches.MisspeltTransactionType {
			entry["transationType"] = entry["transactionType"]
			delete(entry, "transactionType")
		}
		list = append(list, entry)
	}
	for _, c := range p.captures {
		add(c.SettledAt, transaction("CAPTURE", c.CaptureRequestID, c.CaptureID, c.Status, c.ResultCode, c.Amount))
	}
	for _, r := range p.refunds {
		add(r.SettledAt, transaction("REFUND", r.RefundRequestID, r.RefundID, r.Status, r.ResultCode, r.Amount))
	}
	return list
}

func transaction(kind, requestID, id, status, code string, amount Money) map[string]any {
	if status == statusProcessing {
		code = "PAYMENT_IN_PROCESS"
	}
	return map[string]any{
		"transactionType": kind, "transactionStatus": status, "transactionRequestId": requestID, "transactionId": id,
		"transactionAmount": amount.wire(), "transactionResult": result(code, ""),
	}
}
