package simulator

import (
	"fmt"
	"strings"
	"time"
)

const (
	cashierProduct   = "CASHIER_PAYMENT"
	agreementProduct = "AGREEMENT_PAYMENT"

	statusProcessing = "PROCESSING"
	statusPending    = "PENDING"
	statusSuccess    = "SUCCESS"
	statusFail       = "FAIL"
	statusCancelled  = "CANCELLED"

	cardMethod = "CARD"
)

// order is what a pay or session request asks for.
type order struct {
	clientID, requestID, product  string
	method, methodID              string
	amount                        Money
	referenceOrderID, description string
	redirectURL, notifyURL        string
	settlementCurrency            string
	manualCapture                 bool
	cardData, threeDS, tokenize   bool
	upgrade                       bool // to 3DS, where the card scheme demands it
	cardNo, expiryMonth           string
	terminal, os                  string
	expiresIn                     time.Duration // own paymentExpiryTime, from the request's time; zero when not given
	expiryGiven                   bool
}

func newOrder(c *call) order {
	o := c.body
	card := o.at("paymentMethod", "paymentMethodMetaData")
	metadata, _ := card.(object)
	parsed := order{
		clientID: c.clientID, requestID: o.text("paymentRequestId"), product: o.text("productCode"),
		method: o.text("paymentMethod", "paymentMethodType"), methodID: o.text("paymentMethod", "paymentMethodId"),
		amount:           o.money("paymentAmount"),
		referenceOrderID: o.text("order", "referenceOrderId"), description: o.text("order", "orderDescription"),
		redirectURL: o.text("paymentRedirectUrl"), notifyURL: o.text("paymentNotifyUrl"),
		settlementCurrency: o.text("settlementStrategy", "settlementCurrency"),
		manualCapture:      o.text("paymentFactor", "captureMode") == "MANUAL",
		cardNo:             metadata.text("cardNo"), expiryMonth: metadata.text("expiryMonth"),
		threeDS: metadata.flag("is3DSAuthentication"), upgrade: metadata.flag("enableAuthenticationUpgrade"), tokenize: metadata.flag("tokenize"),
		terminal: o.text("env", "terminalType"), os: o.text("env", "osType"),
	}
	parsed.cardData = parsed.cardNo != "" || parsed.methodID != ""
	if own := o.time("paymentExpiryTime"); !own.IsZero() {
		parsed.expiresIn, parsed.expiryGiven = own.Sub(c.sentAt), true
	}
	return parsed
}

// sameKey compares the key fields of idempotency: amount and payment method (ams/idempotency; the method type is
// named by the Alipay+ twin of the page).
func (o order) sameKey(other order) bool {
	return o.product == other.product && o.amount == other.amount && o.method == other.method && o.methodID == other.methodID
}

// checkFields applies the rules of ams/payment_cashier that depend on more than one field.
func (o order) checkFields(body object) *refusal {
	env, _ := body.at("env").(object)
	if bad := checkEnv(env); bad != nil {
		return bad
	}
	if o.terminal == "MINI_APP" && body.text("appId") == "" {
		return illegal("appId", "is required for terminal type MINI_APP")
	}
	if o.method != cardMethod || o.product != cashierProduct {
		return nil
	}
	switch {
	case body.at("paymentFactor") == nil:
		return illegal("paymentFactor", "is required for CARD")
	case body.at("paymentFactor", "isAuthorization") == nil:
		return illegal("paymentFactor.isAuthorization", "is required for CARD")
	case env != nil && env.text("clientIp") == "":
		return illegal("env.clientIp", "is required for CARD")
	}
	return nil
}

func checkEnv(env object) *refusal {
	terminal := env.text("terminalType")
	if (terminal == "WAP" || terminal == "APP") && env.text("osType") == "" {
		return illegal("env.osType", "is required for terminal type "+terminal)
	}
	return nil
}

// admit applies what concerns the sum, the currency and the expiry. It is asked for new orders only: a repeat of an
// order whose expiry has passed must still find its order.
func (s *Simulator) admit(o order) *refusal {
	if bad := checkAmount("paymentAmount", o.amount, o.method); bad != nil {
		return bad
	}
	if o.settlementCurrency != "" {
		if _, known := decimals[o.settlementCurrency]; !known {
			return refuse("SETTLE_CONTRACT_NOT_MATCH", "settlementCurrency "+o.settlementCurrency+" is not contracted")
		}
	}
	m := s.method(o.method)
	if m.Currency != "" && o.amount.Currency != m.Currency {
		return refuse("CURRENCY_NOT_SUPPORT", fmt.Sprintf("%s accepts %s only", o.method, m.Currency))
	}
	if o.amount.Value < m.Min {
		return refuse("PAYMENT_AMOUNT_EXCEED_LIMIT", fmt.Sprintf("paymentAmount is below the minimum of %s", Money{o.amount.Currency, m.Min}))
	}
	if m.Max > 0 && o.amount.Value > m.Max {
		return refuse("PAYMENT_AMOUNT_EXCEED_LIMIT", fmt.Sprintf("paymentAmount is above the maximum of %s", Money{o.amount.Currency, m.Max}))
	}
	_, limit := lifetime(o.method, o.product == agreementProduct)
	if o.expiryGiven && (o.expiresIn <= 0 || o.expiresIn >= limit) {
		return illegal("paymentExpiryTime", fmt.Sprintf("must be after the request and less than %s after it", limit.Truncate(time.Minute)))
	}
	return nil
}

// life is how long the order stays open. Mercado Pago orders live seven days whatever the own expiry says
// (cashierpay/cancel).
func (o order) life() time.Duration {
	byDefault, _ := lifetime(o.method, o.product == agreementProduct)
	if o.expiryGiven && !strings.HasPrefix(o.method, "MERCADOPAGO_") {
		return o.expiresIn
	}
	return byDefault
}

// payment is an order at the gateway.
type payment struct {
	Payment
	order       order
	code        string         // of the checkout page
	links       map[string]any // how the buyer gets there, as first answered
	firstAnswer answer
	atBank      bool  // the buyer has come to the bank's confirmation, 3DS
	closed      bool  // closed unpaid by expiry
	authExpired bool  // cancelled because nothing was captured in time
	held        int64 // authorised, neither captured nor released
	captures    []*capture
	refunds     []*refund
}

func (p *payment) card() bool { return p.Method == cardMethod }

// challenged says whether the card's bank asks the buyer to confirm.
func (p *payment) challenged() bool { return p.card() && p.order.challenged() }

func (p *payment) open() bool { return p.Status == statusProcessing || p.Status == statusPending }

// open makes the order and arranges its closure.
func (s *Simulator) open(o order, sessionBase string) *payment {
	now := s.clock.now()
	p := &payment{order: o, code: s.newCode(), Payment: Payment{
		PaymentID: s.newID("1940108001001"), PaymentRequestID: o.requestID, ClientID: o.clientID,
		ReferenceOrderID: o.referenceOrderID, ProductCode: o.product, Method: o.method, Amount: o.amount,
		Status: statusProcessing, ResultCode: "PAYMENT_IN_PROCESS", CreatedAt: now, ExpiresAt: now.Add(o.life()),
	}}
	if p.card() {
		p.CaptureMode = "AUTOMATIC"
		if o.manualCapture {
			p.CaptureMode = "MANUAL"
		}
		p.atBank = o.cardData && o.challenged() // the card is known, so its buyer is sent to the bank
	}
	if o.product == cashierProduct {
		p.links = checkoutLinks(p, sessionBase)
		p.NormalURL, _ = p.links["normalUrl"].(string)
		s.byCode[p.code] = checkout{payment: p}
	}
	s.payments = append(s.payments, p)
	s.byPaymentID[p.PaymentID] = p
	s.byRequest[requestKey{o.clientID, o.requestID}] = p
	s.clock.at(p.ExpiresAt, func() { s.expire(p) })
	return p
}

// allowed are the changes of paymentStatus (ams/paymentri_online). Final states never go back; a success may still
// be cancelled in time.
var allowed = map[string][]string{
	statusProcessing: {statusPending, statusSuccess, statusFail, statusCancelled},
	statusPending:    {statusSuccess, statusFail, statusCancelled},
	statusSuccess:    {statusCancelled},
}

// move changes the state, or records a violation.
func (s *Simulator) move(p *payment, status, code string) {
	for _, next := range allowed[p.Status] {
		if next == status {
			p.Status, p.ResultCode = status, code
			return
		}
	}
	s.violate("payment %s must not go from %s to %s", p.PaymentRequestID, p.Status, status)
}

// post moves money.
func (s *Simulator) post(p *payment, kind EntryKind, from, to string, amount Money, reference string) {
	s.entries = append(s.entries, Entry{
		Number: len(s.entries) + 1, Time: s.clock.now(), Kind: kind, From: from, To: to, Amount: amount,
		ClientID: p.ClientID, PaymentID: p.PaymentID, PaymentRequestID: p.PaymentRequestID,
		ReferenceOrderID: p.ReferenceOrderID, Reference: reference,
	})
	if from == holdAccount {
		p.held -= amount.Value
	}
	if to == holdAccount {
		p.held += amount.Value
	}
}

const (
	notifyDelay      = 3 * time.Second // 3 to 5 s after payment (cashierpay/apm_api)
	autoCaptureDelay = 2 * time.Second // "right after" authorisation (cashierpay/capture)
	settleDelay      = 30 * time.Second
)

// succeed takes the buyer's money: a wallet pays the merchant, a card is authorised only (cashierpay/capture).
func (s *Simulator) succeed(p *payment) {
	now := s.clock.now()
	s.move(p, statusSuccess, "SUCCESS")
	p.PaidAt = now
	if p.card() {
		p.AuthExpiresAt = now.Add(authorisationLife)
		s.post(p, EntryAuthorise, buyerAccount, holdAccount, p.Amount, "")
		s.clock.at(p.AuthExpiresAt, func() { s.expireAuthorisation(p) })
		if p.CaptureMode == "AUTOMATIC" {
			s.clock.at(now.Add(autoCaptureDelay), func() { s.captureAutomatically(p) })
		}
	} else {
		s.post(p, EntryCharge, buyerAccount, merchantAccount+p.ClientID, p.Amount, "")
	}
	s.notifyPayment(p, "PAYMENT_RESULT", now.Add(notifyDelay))
}

// fail ends the order without money. The notification of an unpaid Cashier order comes only when the order would
// have closed (cashierpay/apm_api); that of an automatic debit at once (autodebitpay/notify_payment).
func (s *Simulator) fail(p *payment, code string) {
	s.move(p, statusFail, code)
	at := s.clock.now()
	if p.ProductCode == cashierProduct && p.ExpiresAt.After(at) {
		at = p.ExpiresAt
	}
	s.notifyPayment(p, "PAYMENT_RESULT", at)
}

// expire closes an unpaid order. One that is pending stays: its buyer finished in time and the channel has yet to
// answer (chosen: the pages do not say). The code is one of the two that ams/paymentrn_online expects.
func (s *Simulator) expire(p *payment) {
	if p.Status == statusProcessing {
		p.closed = true
		s.fail(p, "ORDER_IS_CLOSED")
	}
}
