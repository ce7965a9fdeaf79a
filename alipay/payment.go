package alipay

import (
	"context"
	"encoding/json"
)

// Product codes.
const (
	// ProductCashierPayment is a payment that the buyer confirms.
	ProductCashierPayment = "CASHIER_PAYMENT"
	// ProductAgreementPayment is a debit with a stored token (Auto Debit).
	ProductAgreementPayment = "AGREEMENT_PAYMENT"
)

// Values of [PaymentFactor.CaptureMode].
const (
	// CaptureModeAutomatic means that the gateway captures right after the authorisation.
	CaptureModeAutomatic = "AUTOMATIC"
	// CaptureModeManual means that the merchant calls capture, within 7 days.
	CaptureModeManual = "MANUAL"
)

// PayRequest asks for a payment.
// See docs.antom.com/ac/ams/payment_cashier and docs.antom.com/ac/ams/payment_agreement.
type PayRequest struct {
	// ProductCode is CASHIER_PAYMENT or AGREEMENT_PAYMENT. Required.
	ProductCode string `json:"productCode"`
	// PaymentRequestID is the idempotency id, at most 64 of [A-Za-z0-9_-]. Required, unique for ever. The gateway
	// compares PaymentAmount and PaymentMethodID of a repeat.
	PaymentRequestID string `json:"paymentRequestId"`
	// Order is required.
	Order *Order `json:"order,omitempty"`
	// PaymentAmount is what the buyer is charged. Required.
	PaymentAmount Amount `json:"paymentAmount"`
	// PaymentMethod is required.
	PaymentMethod PaymentMethod `json:"paymentMethod"`
	// PaymentFactor is required for cards.
	PaymentFactor *PaymentFactor `json:"paymentFactor,omitempty"`
	// PaymentExpiryTime is when the buyer can no longer pay: RFC 3339 with whole seconds. Default usually 14 minutes
	// (bank transfer 48 h, Auto Debit 1 minute); an own value must be less than 10 minutes (48 h, 1 minute) ahead.
	PaymentExpiryTime string `json:"paymentExpiryTime,omitempty"`
	// PaymentRedirectURL is where the buyer returns, at most 2048 characters. Required for CASHIER_PAYMENT.
	PaymentRedirectURL string `json:"paymentRedirectUrl,omitempty"`
	// PaymentNotifyURL receives notifyPayment and notifyCapture, at most 2048 characters. It wins over the dashboard's.
	PaymentNotifyURL string `json:"paymentNotifyUrl,omitempty"`
	// SettlementStrategy is needed where the contract has several settlement currencies.
	SettlementStrategy *SettlementStrategy `json:"settlementStrategy,omitempty"`
	// Env is required for CASHIER_PAYMENT.
	Env *Env `json:"env,omitempty"`
	// UserRegion is ISO 3166 alpha-2.
	UserRegion string `json:"userRegion,omitempty"`
	// CreditPayPlan asks for instalments.
	CreditPayPlan *CreditPayPlan `json:"creditPayPlan,omitempty"`
	// AppID is required for the terminal MINI_APP, at most 32 characters.
	AppID string `json:"appId,omitempty"`
	// MerchantRegion is ISO 3166 alpha-2, for the GAGW product only.
	MerchantRegion string `json:"merchantRegion,omitempty"`
	// MerchantAccountID selects a location where one client id has several, at most 32 characters.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
	// Metadata comes back in answers and notifications.
	Metadata string `json:"metadata,omitempty"`
	// AdditionalFields is merged into the body, objects deeply. A key that is already set is an error.
	AdditionalFields map[string]any `json:"-"`
}

func (r PayRequest) additionalFields() map[string]any { return r.AdditionalFields }

// PayResponse is the answer to pay. ResultStatus S means paid (a card: authorised). U means that the order exists
// and may or may not be paid: [CodePaymentInProcess].
type PayResponse struct {
	Answer
	// PaymentRequestID repeats the request's.
	PaymentRequestID string `json:"paymentRequestId"`
	// PaymentID is the gateway's id, which refund and capture need.
	PaymentID string `json:"paymentId"`
	// PaymentAmount is what is charged.
	PaymentAmount *Amount `json:"paymentAmount,omitempty"`
	// PaymentCreateTime is when the order was made.
	PaymentCreateTime Time `json:"paymentCreateTime,omitzero"`
	// PaymentTime is when it was paid, if at once.
	PaymentTime Time `json:"paymentTime,omitzero"`
	// NormalURL is the web page to send the buyer to.
	NormalURL string `json:"normalUrl,omitempty"`
	// SchemeURL opens the wallet's app by its own scheme.
	SchemeURL string `json:"schemeUrl,omitempty"`
	// ApplinkURL opens the app, or a web page where it is not installed.
	ApplinkURL string `json:"applinkUrl,omitempty"`
	// AppIdentifier is the Android package of the wallet.
	AppIdentifier string `json:"appIdentifier,omitempty"`
	// OrderCodeForm is the code to show the buyer.
	OrderCodeForm *OrderCodeForm `json:"orderCodeForm,omitempty"`
	// RedirectActionForm says how to send the buyer.
	RedirectActionForm *RedirectActionForm `json:"redirectActionForm,omitempty"`
	// PaymentData is for the gateway's client SDK, up to 20000 characters.
	PaymentData string `json:"paymentData,omitempty"`
	// AuthExpiryTime is the end of a card's authorisation.
	AuthExpiryTime Time `json:"authExpiryTime,omitzero"`
	// GrossSettlementAmount is in settlement currency, before fees, if the rate is locked.
	GrossSettlementAmount *Amount `json:"grossSettlementAmount,omitempty"`
	// SettlementQuote is the locked rate.
	SettlementQuote *Quote `json:"settlementQuote,omitempty"`
	// PaymentResultInfo may come for cards.
	PaymentResultInfo *PaymentResultInfo `json:"paymentResultInfo,omitempty"`
	// PspCustomerInfo is the buyer in the wallet's own words, where the wallet gives it.
	PspCustomerInfo *PspCustomerInfo `json:"pspCustomerInfo,omitempty"`
}

// OrderCodeForm is a code (QR) that the buyer scans.
type OrderCodeForm struct {
	// ExpireTime is when the code ceases to work.
	ExpireTime Time `json:"expireTime,omitzero"`
	// CodeDetails has up to four forms of the same code.
	CodeDetails []CodeDetail `json:"codeDetails"`
}

// CodeDetail is one form of a code.
type CodeDetail struct {
	// CodeValue is the content or the URL of a picture, by DisplayType.
	CodeValue string `json:"codeValue"`
	// DisplayType is TEXT, SMALLIMAGE, MIDDLEIMAGE, BIGIMAGE or IMAGE.
	DisplayType string `json:"displayType"`
	// CodeValueType names the kind of code.
	CodeValueType string `json:"codeValueType,omitempty"`
}

// InquiryPaymentRequest asks about one payment. One of the two ids is required; PaymentID wins. After a lost answer
// only PaymentRequestID is known. See docs.antom.com/ac/ams/paymentri_online.
type InquiryPaymentRequest struct {
	// PaymentRequestID is the request's id.
	PaymentRequestID string `json:"paymentRequestId,omitempty"`
	// PaymentID is the gateway's id.
	PaymentID string `json:"paymentId,omitempty"`
	// MerchantAccountID selects a location where one client id has several.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// InquiryPaymentResponse is one payment with its captures and refunds. Result is about the inquiry only:
// PaymentStatus is about the payment.
type InquiryPaymentResponse struct {
	Answer
	// PaymentStatus is one of the Status constants, or a word that the gateway added since.
	PaymentStatus string `json:"paymentStatus"`
	// PaymentResultCode is why. Decide by PaymentStatus.
	PaymentResultCode string `json:"paymentResultCode"`
	// PaymentResultMessage is why, for people.
	PaymentResultMessage string `json:"paymentResultMessage"`
	// PaymentRequestID is the request's id.
	PaymentRequestID string `json:"paymentRequestId"`
	// PaymentID is the gateway's id.
	PaymentID string `json:"paymentId"`
	// PaymentAmount is what is charged: compare it with what was asked for.
	PaymentAmount *Amount `json:"paymentAmount,omitempty"`
	// PaymentCreateTime is when the order was made.
	PaymentCreateTime Time `json:"paymentCreateTime,omitzero"`
	// PaymentTime is when it was paid. The cancel and refund periods count from it.
	PaymentTime Time `json:"paymentTime,omitzero"`
	// AuthExpiryTime is when a card's authorisation ends.
	AuthExpiryTime Time `json:"authExpiryTime,omitzero"`
	// PaymentMethodType is what the buyer chose on the checkout page.
	PaymentMethodType string `json:"paymentMethodType,omitempty"`
	// RedirectActionForm is where the buyer can still pay.
	RedirectActionForm *RedirectActionForm `json:"redirectActionForm,omitempty"`
	// Transactions are the captures and refunds of the payment.
	Transactions []Transaction `json:"transactions,omitempty"`
	// CustomsDeclarationAmount is the most that may be declared to customs (Alipay China).
	CustomsDeclarationAmount *Amount `json:"customsDeclarationAmount,omitempty"`
	// GrossSettlementAmount is in settlement currency, before fees, if the rate is locked.
	GrossSettlementAmount *Amount `json:"grossSettlementAmount,omitempty"`
	// SettlementQuote is the locked rate.
	SettlementQuote *Quote `json:"settlementQuote,omitempty"`
	// PaymentResultInfo may come for cards.
	PaymentResultInfo *PaymentResultInfo `json:"paymentResultInfo,omitempty"`
	// AcquirerReferenceNo is an outside acquirer's number.
	AcquirerReferenceNo string `json:"acquirerReferenceNo,omitempty"`
	// Metadata repeats the request's.
	Metadata string `json:"metadata,omitempty"`
}

// Transaction is a capture or a refund of a payment. There is no other way to ask about a capture.
type Transaction struct {
	// TransactionType is CAPTURE, REFUND or another word.
	TransactionType string `json:"transactionType"`
	// TransactionStatus is one of the Status constants or another word.
	TransactionStatus string `json:"transactionStatus"`
	// TransactionID is the captureId or refundId.
	TransactionID string `json:"transactionId"`
	// TransactionRequestID is the captureRequestId or refundRequestId. The gateway chooses it for automatic captures.
	TransactionRequestID string `json:"transactionRequestId"`
	// TransactionAmount is how much.
	TransactionAmount *Amount `json:"transactionAmount,omitempty"`
	// TransactionTime may be missing.
	TransactionTime Time `json:"transactionTime,omitzero"`
	// TransactionResult is the verdict on the capture or refund.
	TransactionResult *Result `json:"transactionResult,omitempty"`
}

// UnmarshalJSON also reads "transationType", as a page of the gateway spells it.
func (t *Transaction) UnmarshalJSON(data []byte) error {
	type plain Transaction
	misspelt := struct {
		*plain
		TransationType string `json:"transationType"`
	}{plain: (*plain)(t)}
	if err := json.Unmarshal(data, &misspelt); err != nil {
		return err
	}
	if t.TransactionType == "" {
		t.TransactionType = misspelt.TransationType
	}
	return nil
}

// CancelRequest closes an unpaid order or undoes a paid one in full. One of the two ids is required; PaymentID wins.
// See docs.antom.com/ac/ams/paymentc_online.
type CancelRequest struct {
	// PaymentID is the gateway's id of the payment.
	PaymentID string `json:"paymentId,omitempty"`
	// PaymentRequestID is the payment's request id.
	PaymentRequestID string `json:"paymentRequestId,omitempty"`
	// MerchantAccountID selects a location where one client id has several.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// CancelResponse says that the payment is cancelled, and refunded if it had been paid.
type CancelResponse struct {
	Answer
	// PaymentID is the gateway's id of the payment.
	PaymentID string `json:"paymentId"`
	// PaymentRequestID is the payment's request id.
	PaymentRequestID string `json:"paymentRequestId"`
	// CancelTime is when it was cancelled.
	CancelTime Time `json:"cancelTime,omitzero"`
}

var (
	payOperation            = operation{path: "/payments/pay", inProcess: CodePaymentInProcess}
	inquiryPaymentOperation = operation{path: "/payments/inquiryPayment"}
	cancelOperation         = operation{path: "/payments/cancel"}
)

// Pay asks for a payment. [CodePaymentInProcess] with resultStatus U is an answer, not an error: look at
// Result.ResultStatus.
func (c *Client) Pay(ctx context.Context, request *PayRequest) (*PayResponse, error) {
	if request == nil {
		return nil, c.refuse(payOperation, errNilRequest)
	}
	response := &PayResponse{}
	if err := c.call(ctx, payOperation, request, response, []id{
		{name: "paymentRequestId", sent: request.PaymentRequestID, got: &response.PaymentRequestID},
	}); err != nil {
		return nil, err
	}
	return response, nil
}

// InquiryPayment asks about one payment and changes nothing. [CodeOrderNotExist] comes as a [*RejectedError].
func (c *Client) InquiryPayment(ctx context.Context, request *InquiryPaymentRequest) (*InquiryPaymentResponse, error) {
	if request == nil {
		return nil, c.refuse(inquiryPaymentOperation, errNilRequest)
	}
	response := &InquiryPaymentResponse{}
	if err := c.call(ctx, inquiryPaymentOperation, request, response, oneOf(
		id{name: "paymentId", sent: request.PaymentID, got: &response.PaymentID},
		id{name: "paymentRequestId", sent: request.PaymentRequestID, got: &response.PaymentRequestID},
	)); err != nil {
		return nil, err
	}
	return response, nil
}

// Cancel closes an unpaid order, or undoes a paid one in full. A repeat never cancels twice.
func (c *Client) Cancel(ctx context.Context, request *CancelRequest) (*CancelResponse, error) {
	if request == nil {
		return nil, c.refuse(cancelOperation, errNilRequest)
	}
	response := &CancelResponse{}
	if err := c.call(ctx, cancelOperation, request, response, oneOf(
		id{name: "paymentId", sent: request.PaymentID, got: &response.PaymentID},
		id{name: "paymentRequestId", sent: request.PaymentRequestID, got: &response.PaymentRequestID},
	)); err != nil {
		return nil, err
	}
	return response, nil
}
