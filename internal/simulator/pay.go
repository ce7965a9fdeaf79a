package simulator

import (
	"strconv"
	"strings"
	"time"
)

// pay is payments/pay for both products (ams/payment_cashier, ams/payment_agreement).
func (s *Simulator) pay(c *call) answer {
	fields := cashierPay
	switch c.body["productCode"] {
	case nil:
		return illegal("productCode", "is required").answer()
	case agreementProduct:
		fields = agreementPay
	}
	if bad := fields.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	o := newOrder(c)
	if bad := o.checkFields(c.body); bad != nil {
		return bad.answer()
	}
	if o.product == agreementProduct && o.methodID == "" {
		return illegal("paymentMethod.paymentMethodId", "is required").answer()
	}
	if earlier := s.byRequest[requestKey{c.clientID, o.requestID}]; earlier != nil {
		return repeatedPay(earlier, o)
	}
	if s.liveSession(c.clientID, o.requestID) != nil {
		return failure("REPEAT_REQ_INCONSISTENT") // chosen: a session holds its paymentRequestId
	}
	if bad := s.admit(o); bad != nil {
		return bad.answer()
	}
	if leavesNothing[c.forced] {
		return failure(c.forced)
	}
	p := s.open(o, c.base)
	p.firstAnswer = s.begin(p, c)
	return p.firstAnswer
}

// repeatedPay answers a paymentRequestId that is known. It never starts anything (ams/idempotency).
//
// A Cashier order that waited for its buyer answers PAYMENT_IN_PROCESS with the original addresses while it is open
// and also once it is paid (ams/payment_cashier, sample "Successful/In-process transaction exists").
func repeatedPay(p *payment, o order) answer {
	if !p.order.sameKey(o) {
		return failure("REPEAT_REQ_INCONSISTENT")
	}
	switch {
	case p.Status == statusCancelled:
		return failure("ORDER_IS_CANCELED")
	case p.Status == statusFail:
		return failure(p.ResultCode)
	case p.ProductCode == agreementProduct && p.Status == statusSuccess:
		return paidAnswer(p)
	}
	return p.firstAnswer
}

// begin is the first attempt at a new order.
func (s *Simulator) begin(p *payment, c *call) answer {
	if c.forced != "" {
		return s.refusePayment(p, c.forced)
	}
	if p.ProductCode == agreementProduct {
		return s.debit(p)
	}
	if p.card() {
		if code := cardRefusal(p.order); code != "" {
			return s.refusePayment(p, code)
		}
		if p.order.cardData && !p.order.challenged() { // 3DS needs the buyer (ams/payment_cashier)
			s.succeed(p)
			return paidAnswer(p)
		}
	}
	s.sendAutomaticBuyer(p.PaymentID)
	return inProcessAnswer(p)
}

// refusePayment ends an order in the answer itself. It leaves a failed order, which the pages leave open, and is not
// notified.
func (s *Simulator) refusePayment(p *payment, code string) answer {
	s.move(p, statusFail, code)
	return failure(code)
}

// cardRefusal knows the sandbox's magic values: the amount 11, two failing card numbers, a thirteenth month
// (docs.antom.com/ac/ref/card). The page names no code but risk control, so the others are chosen.
func cardRefusal(o order) string {
	month, err := strconv.Atoi(o.expiryMonth)
	switch {
	case o.amount.Value == 11:
		return "RISK_REJECT"
	case o.cardNo == "4054692760174822", o.cardNo == "5162770472561357":
		return "DO_NOT_HONOR"
	case o.expiryMonth != "" && (err != nil || month < 1 || month > 12):
		return "INVALID_EXPIRATION_DATE"
	case o.demands3DS() && !o.challenged():
		return "AUTHENTICATION_REQUIRED"
	}
	return ""
}

// CardDemands3DS begins the token of a card whose scheme allows no payment without 3DS. No page publishes such a card.
const CardDemands3DS = "TEST_CARD_3DS"

func (o order) demands3DS() bool { return strings.HasPrefix(o.methodID, CardDemands3DS) }

// challenged says whether the buyer is asked to confirm with the bank: forced by the merchant, or upgraded because the scheme demands it
// (ams/payment_cashier, is3DSAuthentication and enableAuthenticationUpgrade).
func (o order) challenged() bool { return o.threeDS || o.upgrade && o.demands3DS() }

// Access tokens that start with one of these can be charged without an authorization.
const (
	// TokenPays is charged at once.
	TokenPays = "TEST_TOKEN_PAYS"
	// TokenPaysLate answers PAYMENT_IN_PROCESS and is charged ten seconds later.
	TokenPaysLate = "TEST_TOKEN_LATE"
	// TokenPoor is refused with USER_BALANCE_NOT_ENOUGH.
	TokenPoor = "TEST_TOKEN_POOR"
	// TokenStuck answers PAYMENT_IN_PROCESS and closes unpaid after a minute.
	TokenStuck = "TEST_TOKEN_STUCK"
)

// debit charges an access token without the buyer (ams/payment_agreement).
func (s *Simulator) debit(p *payment) answer {
	token := p.order.methodID
	switch {
	case strings.HasPrefix(token, TokenPaysLate):
		s.clock.at(s.clock.now().Add(10*time.Second), func() {
			if p.Status != statusPending {
				s.pays(p)
			}
		})
		return failure("PAYMENT_IN_PROCESS")
	case strings.HasPrefix(token, TokenStuck):
		return failure("PAYMENT_IN_PROCESS")
	case strings.HasPrefix(token, TokenPoor):
		return s.refusePayment(p, "USER_BALANCE_NOT_ENOUGH")
	case strings.HasPrefix(token, TokenPays):
		s.succeed(p)
		return paidAnswer(p)
	}
	return s.debitToken(p)
}

// paidAnswer is S: paid, or for a card authorised.
func paidAnswer(p *payment) answer {
	fields := paymentFields(p)
	fields["paymentTime"] = wireTime(p.PaidAt)
	if p.card() {
		fields["authExpiryTime"] = wireTime(p.AuthExpiresAt)
	}
	addResultInfo(fields, p)
	merge(fields, settlement(p.Amount, p.order.settlementCurrency, p.PaidAt))
	return success(fields)
}

// inProcessAnswer is the normal good answer of a Cashier order: it exists and waits for the buyer.
func inProcessAnswer(p *payment) answer {
	fields := paymentFields(p)
	merge(fields, p.links)
	return answer{code: "PAYMENT_IN_PROCESS", fields: fields}
}

func paymentFields(p *payment) map[string]any {
	return map[string]any{
		"paymentRequestId": p.PaymentRequestID, "paymentId": p.PaymentID, "paymentAmount": p.Amount.wire(),
		"paymentCreateTime": wireTime(p.CreatedAt),
	}
}

// addResultInfo adds paymentResultInfo for the methods that have it (ams/paymentri_online). A card token is a
// credential, so it is given only when the request asked for one.
func addResultInfo(fields map[string]any, p *payment) {
	switch p.Method {
	case cardMethod:
		info := map[string]any{
			"cardBrand": "VISA", "cardNo": "****0768", "funding": "CREDIT", "issuingCountry": "SG",
			"avsResultRaw": "A", "cvvResultRaw": "Y", "networkTransactionId": "ntx" + p.PaymentID[len(p.PaymentID)-10:],
		}
		if p.order.tokenize {
			info["cardToken"] = "ALIPAY" + p.code
		}
		if p.challenged() {
			info["threeDSResult"] = map[string]any{"threeDSVersion": "2.2.0", "eci": "05", "cavv": "AAAB",
				"dsTransactionId": "ds" + p.PaymentID[len(p.PaymentID)-10:], "threeDSOffered": true, "challenged": true}
		}
		fields["paymentResultInfo"] = info
	case "GRABPAY_MY", "GRABPAY_SG":
		fields["paymentResultInfo"] = map[string]any{"paymentMethodRegion": p.Method[len(p.Method)-2:]}
	}
}

// checkoutLinks is how a buyer reaches the page (ams/payment_cashier, answer).
func checkoutLinks(p *payment, base string) map[string]any {
	page := base + "/checkout/" + p.code
	links := map[string]any{
		"normalUrl":          page,
		"redirectActionForm": map[string]any{"method": "GET", "redirectUrl": page},
	}
	if p.order.terminal == "APP" || p.order.terminal == "WAP" {
		links["applinkUrl"] = page
		if p.order.os == "ANDROID" {
			links["appIdentifier"] = "simulator.wallet"
		}
	}
	if p.order.terminal == "APP" {
		links["schemeUrl"] = "simulator-wallet://checkout?c=" + p.code
	}
	switch p.Method {
	case "ALIPAY_CN", "ALIPAY_HK", "PAYNOW", "PIX", "PROMPTPAY", "QRIS":
		links["orderCodeForm"] = map[string]any{"expireTime": wireTime(p.ExpiresAt),
			"codeDetails": []any{map[string]any{"codeValue": page, "displayType": "TEXT"}}}
	}
	return links
}

func merge(into, from map[string]any) {
	for name, value := range from {
		into[name] = value
	}
}
