package controllers

import (
	"regexp"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// defaultSessionLife is how long a session lives that names no time of its own, and how long any lives at most
// (https://docs.antom.com/ac/ams/session_cashier).
const defaultSessionLife = time.Hour

// sessionLife is how long the buyer has to submit.
func sessionLife(session *apiv1.Session) time.Duration {
	if session.LifetimeSeconds > 0 {
		return time.Duration(session.LifetimeSeconds) * time.Second
	}
	return defaultSessionLife
}

// sessionRequest makes the body of createPaymentSession out of spec and what was recorded with the intent, as payRequest does for pay. Times
// in it count from requestedAt.
func sessionRequest(payment *apiv1.Payment, requestID string, intent *apiv1.Intent, requestedAt time.Time) (*alipay.CreatePaymentSessionRequest, error) {
	spec := &payment.Spec
	additional, err := additionalFields(spec.AdditionalFields)
	if err != nil {
		return nil, err
	}
	if name := refusedSessionField(additional); name != "" {
		return nil, refusedFieldError(name)
	}
	request := &alipay.CreatePaymentSessionRequest{
		ProductCode:                 alipay.ProductCashierPayment,
		ProductScene:                spec.Session.ProductScene,
		PaymentRequestID:            requestID,
		Order:                       wireOrder(spec),
		PaymentAmount:               wireAmount(spec.Amount),
		PaymentRedirectURL:          spec.RedirectURL,
		PaymentNotifyURL:            intent.NotifyURL,
		CreditPayPlan:               wireCreditPayPlan(spec.CreditPayPlan),
		Locale:                      spec.Session.Locale,
		AllowedPaymentMethodRegions: spec.Session.AllowedPaymentMethodRegions,
		UserRegion:                  spec.UserRegion,
		MerchantAccountID:           spec.MerchantAccountID,
		AdditionalFields:            additional,
	}
	if method := spec.Session.PaymentMethodType; method != "" {
		request.PaymentMethod = &alipay.PaymentMethod{PaymentMethodType: method}
	}
	if method := spec.Session.PaymentMethodType; method == cardMethod || method == "" { // the buyer may choose a card
		request.PaymentFactor = captureFactor(spec.CaptureMode)
	}
	if spec.Env != nil { // optional here, unlike for pay
		request.Env = wireEnv(spec.Env)
	}
	if intent.SettlementCurrency != "" {
		request.SettlementStrategy = &alipay.SettlementStrategy{SettlementCurrency: intent.SettlementCurrency}
	}
	if spec.Session.LifetimeSeconds > 0 {
		request.PaymentSessionExpiryTime = requestedAt.Add(sessionLife(spec.Session)).UTC().Format(time.RFC3339)
	}
	return request, nil
}

// refusedSessionFields are what additionalFields of a session must not hold: its end, which is counted on, and what lets the gateway
// charge the buyer again or with something else. The admission policy of config/admission refuses the same names.
var refusedSessionFields = regexp.MustCompile(`(?i)^(payment(Session)?ExpiryTime|subscription.*|agreementInfo|savedPaymentMethods|scopes)$`)

// refusedSessionField finds such a field.
func refusedSessionField(fields map[string]any) string {
	for name := range fields {
		if refusedSessionFields.MatchString(name) {
			return name
		}
	}
	return ""
}
