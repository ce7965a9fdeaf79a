package simulator

// capture is one taking of authorised money.
type capture struct {
	Capture
	payment *payment
}

// capture is payments/capture (ams/capture). A capture settles in the answer unless a fault says otherwise: both
// are documented.
func (s *Simulator) capture(c *call) answer {
	if bad := captureRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	requestID, amount := c.body.text("captureRequestId"), c.body.money("captureAmount")
	key := requestKey{c.clientID, requestID}
	if earlier := s.byCapture[key]; earlier != nil {
		if earlier.Amount != amount || earlier.PaymentID != c.body.text("paymentId") {
			return failure("REPEAT_REQ_INCONSISTENT")
		}
		return captureAnswer(earlier)
	}
	p := s.byPaymentID[c.body.text("paymentId")]
	if p == nil || p.ClientID != c.clientID {
		return failure("AUTH_NOT_FOUND")
	}
	if bad := checkAmount("captureAmount", amount, p.Method); bad != nil {
		return bad.answer()
	}
	if amount.Currency != p.Amount.Currency {
		return refuse("CURRENCY_NOT_SUPPORT", "captureAmount.currency must be that of the payment").answer()
	}
	if s.switches.FullCaptureOnly && amount.Value < p.Amount.Value {
		return illegal("captureAmount", "must be the authorised amount, "+p.Amount.String()).answer()
	}
	code := c.forced
	if code == "" {
		code = s.captureRefusal(p, amount)
	}
	if leavesNothing[code] {
		return failure(code)
	}
	taken := s.newCapture(p, requestID, amount)
	taken.Last = c.body.flag("isLastCapture")
	s.byCapture[key] = taken
	switch {
	case code != "":
		taken.Status, taken.ResultCode = statusFail, code
	case c.late:
		s.clock.at(c.now.Add(settleDelay), func() { s.settleCapture(taken, c.fate) })
	default:
		s.settleCapture(taken, "")
	}
	return captureAnswer(taken)
}

func (s *Simulator) newCapture(p *payment, requestID string, amount Money) *capture {
	taken := &capture{payment: p, Capture: Capture{
		CaptureID: s.newID("1940108901001"), CaptureRequestID: requestID, PaymentID: p.PaymentID, ClientID: p.ClientID,
		Amount: amount, Status: statusProcessing, ResultCode: "CAPTURE_IN_PROCESS", CreatedAt: s.clock.now(),
	}}
	s.captures = append(s.captures, taken)
	p.captures = append(p.captures, taken)
	return taken
}

// captureRefusal gives the result code by cause. Pages disagree on how much may be captured, and how often: see Switches.
func (s *Simulator) captureRefusal(p *payment, amount Money) string {
	done := p.capturedOrCapturing()
	switch {
	case p.authExpired:
		return "AUTH_EXPIRED"
	case p.Status == statusCancelled:
		return "AUTH_CANCELLED"
	case !p.card(), p.Status != statusSuccess:
		return "ORDER_STATUS_INVALID"
	case p.CaptureMode != "MANUAL": // not documented; the safer of the two expected codes
		return "ORDER_STATUS_INVALID"
	case done > 0 && !s.switches.MultipleCaptures:
		return "MULTI_CAPTURE_NOT_SUPPORTED"
	case s.clock.now().After(p.AuthExpiresAt):
		return "AUTH_EXPIRED"
	case p.lastCaptureTaken():
		return "ORDER_STATUS_INVALID"
	case amount.Value > p.capturable():
		return "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"
	}
	return ""
}

func captureAnswer(taken *capture) answer {
	switch taken.Status {
	case statusProcessing:
		return failure("CAPTURE_IN_PROCESS")
	case statusFail:
		return failure(taken.ResultCode)
	}
	return success(map[string]any{
		"captureRequestId": taken.CaptureRequestID, "captureId": taken.CaptureID, "paymentId": taken.PaymentID,
		"captureAmount": taken.Amount.wire(), "captureTime": wireTime(taken.SettledAt),
	})
}

// settleCapture takes the money, or fails with a code, and tells the merchant.
func (s *Simulator) settleCapture(taken *capture, code string) {
	if taken.Status != statusProcessing {
		return
	}
	p := taken.payment
	taken.SettledAt = s.clock.now()
	if code != "" {
		taken.Status, taken.ResultCode = statusFail, code
	} else {
		taken.Status, taken.ResultCode = statusSuccess, "SUCCESS"
		s.post(p, EntryCapture, holdAccount, merchantAccount+p.ClientID, taken.Amount, taken.CaptureRequestID)
		if taken.Last || s.switches.ReleaseRest {
			s.releaseRest(p)
		}
	}
	s.notifyCapture(taken)
}

// captureAutomatically is what AUTOMATIC means (cashierpay/capture). Its captureRequestId is the gateway's; the form
// is not documented.
func (s *Simulator) captureAutomatically(p *payment) {
	if p.Status != statusSuccess || p.capturedOrCapturing() > 0 {
		return // cancelled meanwhile
	}
	taken := s.newCapture(p, "auto_"+p.PaymentID, p.Amount)
	taken.Automatic, taken.Last = true, true
	s.byCapture[requestKey{p.ClientID, taken.CaptureRequestID}] = taken
	code := ""
	fault := s.takeFaultLocked("autoCapture", p.ClientID, []byte(`"`+p.PaymentRequestID+`"`))
	if fault.Kind == FailLater || fault.Kind == ResultCode {
		code = fault.codeOr("PROCESS_FAIL")
	}
	if fault.Kind == FailLater || fault.Kind == InProcess {
		s.clock.at(s.clock.now().Add(settleDelay), func() { s.settleCapture(taken, code) })
		return
	}
	s.settleCapture(taken, code)
}

// expireAuthorisation releases what was not captured within seven days. A payment of which nothing was captured is
// then cancelled (cashierpay/capture).
func (s *Simulator) expireAuthorisation(p *payment) {
	if p.Status != statusSuccess {
		return
	}
	for _, c := range p.captures { // a capture under way cannot outlive its authorisation
		s.settleCapture(c, "AUTH_EXPIRED")
	}
	s.releaseRest(p)
	if p.capturedOrCapturing() == 0 {
		s.move(p, statusCancelled, "ORDER_IS_CANCELED")
		p.CancelledAt, p.authExpired = s.clock.now(), true
	}
}

// releaseRest gives back what no capture has taken or is taking.
func (s *Simulator) releaseRest(p *payment) {
	if rest := p.capturable(); rest > 0 {
		s.post(p, EntryRelease, holdAccount, buyerAccount, Money{Currency: p.Amount.Currency, Value: rest}, "")
	}
}

// capturable is what is held and not claimed by a capture in process.
func (p *payment) capturable() int64 {
	return p.held - p.captureSum(func(c *capture) bool { return c.Status == statusProcessing })
}

// capturedOrCapturing counts a capture in process as taken.
func (p *payment) capturedOrCapturing() int64 {
	return p.captureSum(func(c *capture) bool { return c.Status != statusFail })
}

func (p *payment) captured() int64 {
	return p.captureSum(func(c *capture) bool { return c.Status == statusSuccess })
}

func (p *payment) lastCaptureTaken() bool {
	return p.captureSum(func(c *capture) bool { return c.Last && c.Status != statusFail }) > 0
}

func (p *payment) captureSum(match func(*capture) bool) int64 {
	sum := int64(0)
	for _, c := range p.captures {
		if match(c) {
			sum += c.Amount.Value
		}
	}
	return sum
}
