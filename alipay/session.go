package alipay

import "context"

// Values of [CreatePaymentSessionRequest.ProductScene].
const (
	// ProductSceneCheckout is the hosted checkout page.
	ProductSceneCheckout = "CHECKOUT_PAYMENT"
	// ProductSceneElement is the element embedded in the shop's page.
	ProductSceneElement = "ELEMENT_PAYMENT"
)

// CreatePaymentSessionRequest makes a session for the gateway's client SDK or hosted page. The payment arises when
// the buyer submits. See docs.antom.com/ac/ams/session_cashier.
type CreatePaymentSessionRequest struct {
	// ProductCode is CASHIER_PAYMENT. Required.
	ProductCode string `json:"productCode"`
	// ProductScene is CHECKOUT_PAYMENT or ELEMENT_PAYMENT, at most 32 characters.
	ProductScene string `json:"productScene,omitempty"`
	// PaymentRequestID is the id of the payment to come, at most 64 of [A-Za-z0-9_-]. Required. What a repeat does
	// is not documented.
	PaymentRequestID string `json:"paymentRequestId"`
	// Order is required.
	Order *Order `json:"order,omitempty"`
	// PaymentAmount is what the buyer is charged. Required.
	PaymentAmount Amount `json:"paymentAmount"`
	// PaymentMethod is required but for the hosted page, which wants it empty or absent: the buyer chooses.
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
	// PaymentFactor is required for cards.
	PaymentFactor *PaymentFactor `json:"paymentFactor,omitempty"`
	// PaymentSessionExpiryTime is when the session ends: RFC 3339 with whole seconds, at most 1 h ahead, the default.
	PaymentSessionExpiryTime string `json:"paymentSessionExpiryTime,omitempty"`
	// PaymentExpiryTime is when the buyer can no longer pay: RFC 3339 with whole seconds.
	PaymentExpiryTime string `json:"paymentExpiryTime,omitempty"`
	// PaymentRedirectURL is where the buyer returns, at most 2048 characters. Required.
	PaymentRedirectURL string `json:"paymentRedirectUrl,omitempty"`
	// PaymentNotifyURL receives notifyPayment and notifyCapture, at most 2048 characters. It wins over the dashboard's.
	PaymentNotifyURL string `json:"paymentNotifyUrl,omitempty"`
	// SettlementStrategy is needed where the contract has several settlement currencies.
	SettlementStrategy *SettlementStrategy `json:"settlementStrategy,omitempty"`
	// EnableInstallmentCollection lets the page ask for instalments.
	EnableInstallmentCollection *bool `json:"enableInstallmentCollection,omitempty"`
	// CreditPayPlan asks for instalments.
	CreditPayPlan *CreditPayPlan `json:"creditPayPlan,omitempty"`
	// Env is the buyer's terminal.
	Env *Env `json:"env,omitempty"`
	// Locale is the page's language, at most 8 characters, for example "en_US".
	Locale string `json:"locale,omitempty"`
	// AllowedPaymentMethodRegions filters the page's methods: ISO 3166 alpha-2 or GLOBAL.
	AllowedPaymentMethodRegions []string `json:"allowedPaymentMethodRegions,omitempty"`
	// UserRegion is ISO 3166 alpha-2.
	UserRegion string `json:"userRegion,omitempty"`
	// MerchantRegion is ISO 3166 alpha-2, for the GAGW product only.
	MerchantRegion string `json:"merchantRegion,omitempty"`
	// MerchantAccountID selects a location where one client id has several, at most 32 characters.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
	// Metadata comes back in answers and notifications.
	Metadata string `json:"metadata,omitempty"`
	// AdditionalFields is merged into the body, objects deeply. A key that is already set is an error.
	AdditionalFields map[string]any `json:"-"`
}

func (r CreatePaymentSessionRequest) additionalFields() map[string]any { return r.AdditionalFields }

// CreatePaymentSessionResponse is a session. No payment exists yet: it has no PaymentID.
type CreatePaymentSessionResponse struct {
	Answer
	// PaymentSessionID names the session.
	PaymentSessionID string `json:"paymentSessionId"`
	// PaymentSessionData goes to the front end untouched. A credential: whoever has it can open the checkout.
	PaymentSessionData Credential `json:"paymentSessionData"`
	// PaymentSessionExpiryTime is when the session ends.
	PaymentSessionExpiryTime Time `json:"paymentSessionExpiryTime,omitzero"`
	// NormalURL is the hosted page.
	NormalURL string `json:"normalUrl,omitempty"`
}

var createPaymentSessionOperation = operation{path: "/payments/createPaymentSession"}

// CreatePaymentSession makes a session for the gateway's client SDK or hosted page.
func (c *Client) CreatePaymentSession(ctx context.Context, request *CreatePaymentSessionRequest) (*CreatePaymentSessionResponse, error) {
	if request == nil {
		return nil, c.refuse(createPaymentSessionOperation, errNilRequest)
	}
	response := &CreatePaymentSessionResponse{}
	if err := c.call(ctx, createPaymentSessionOperation, request, response, []id{
		{name: "paymentRequestId", sent: request.PaymentRequestID},
	}); err != nil {
		return nil, err
	}
	return response, nil
}
