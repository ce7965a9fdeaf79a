package alipay

import "context"

// RefundRequest gives money back. See docs.antom.com/ac/ams/refund_online.
type RefundRequest struct {
	// RefundRequestID is the idempotency id, at most 64 of [A-Za-z0-9_-]. Required. Two ids are two refunds.
	RefundRequestID string `json:"refundRequestId"`
	// PaymentID is the gateway's id of the payment. Required: its request id will not do.
	PaymentID string `json:"paymentId"`
	// RefundAmount is in the payment's currency, at most what is left. Required.
	RefundAmount Amount `json:"refundAmount"`
	// ReferenceRefundID is the merchant's own number, at most 64 characters.
	ReferenceRefundID string `json:"referenceRefundId,omitempty"`
	// RefundReason may be shown to the buyer, at most 256 characters.
	RefundReason string `json:"refundReason,omitempty"`
	// RefundNotifyURL receives notifyRefund, at most 1024 characters. It wins over the dashboard's.
	RefundNotifyURL string `json:"refundNotifyUrl,omitempty"`
	// CaptureID says which capture is refunded, where there are several.
	CaptureID string `json:"captureId,omitempty"`
	// Metadata comes back in inquiries and notifications, at most 64 characters.
	Metadata string `json:"metadata,omitempty"`
	// AdditionalFields is merged into the body, objects deeply. A key that is already set is an error.
	AdditionalFields map[string]any `json:"-"`
}

func (r RefundRequest) additionalFields() map[string]any { return r.AdditionalFields }

// RefundResponse is the answer to refund. ResultStatus U means running: [CodeRefundInProcess].
type RefundResponse struct {
	Answer
	// RefundRequestID repeats the request's. Given on S.
	RefundRequestID string `json:"refundRequestId"`
	// RefundID is the gateway's id. Given on S.
	RefundID string `json:"refundId"`
	// PaymentID is the payment's. Given on S.
	PaymentID string `json:"paymentId"`
	// RefundAmount is what is given back. Given on S.
	RefundAmount *Amount `json:"refundAmount,omitempty"`
	// RefundTime is when the refund came to its state.
	RefundTime Time `json:"refundTime,omitzero"`
	// GrossSettlementAmount is in settlement currency, if the rate is locked.
	GrossSettlementAmount *Amount `json:"grossSettlementAmount,omitempty"`
	// SettlementQuote is the locked rate.
	SettlementQuote *Quote `json:"settlementQuote,omitempty"`
	// AcquirerReferenceNo is an outside acquirer's number.
	AcquirerReferenceNo string `json:"acquirerReferenceNo,omitempty"`
}

// InquiryRefundRequest asks about one refund. One of the two ids is required; RefundID wins. After a lost answer
// only RefundRequestID is known. See docs.antom.com/ac/ams/ir_online.
type InquiryRefundRequest struct {
	// RefundRequestID is the request's id.
	RefundRequestID string `json:"refundRequestId,omitempty"`
	// RefundID is the gateway's id.
	RefundID string `json:"refundId,omitempty"`
	// MerchantAccountID selects a location where one client id has several.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// InquiryRefundResponse is one refund. Result is about the inquiry only: RefundStatus is about the refund.
type InquiryRefundResponse struct {
	Answer
	// RefundStatus is SUCCESS, PROCESSING or FAIL, or a word that the gateway added since.
	RefundStatus string `json:"refundStatus"`
	// RefundID is the gateway's id.
	RefundID string `json:"refundId"`
	// RefundRequestID is the request's id.
	RefundRequestID string `json:"refundRequestId"`
	// RefundAmount is what is given back: compare it with what was asked for.
	RefundAmount *Amount `json:"refundAmount,omitempty"`
	// RefundTime is given on SUCCESS.
	RefundTime Time `json:"refundTime,omitzero"`
	// GrossSettlementAmount is in settlement currency, if the rate is locked.
	GrossSettlementAmount *Amount `json:"grossSettlementAmount,omitempty"`
	// SettlementQuote is the locked rate.
	SettlementQuote *Quote `json:"settlementQuote,omitempty"`
	// Metadata repeats the request's.
	Metadata string `json:"metadata,omitempty"`
}

var (
	refundOperation        = operation{path: "/payments/refund", inProcess: CodeRefundInProcess}
	inquiryRefundOperation = operation{path: "/payments/inquiryRefund"}
)

// Refund gives money back. [CodeRefundInProcess] with resultStatus U is an answer, not an error.
func (c *Client) Refund(ctx context.Context, request *RefundRequest) (*RefundResponse, error) {
	if request == nil {
		return nil, c.refuse(refundOperation, errNilRequest)
	}
	response := &RefundResponse{}
	if err := c.call(ctx, refundOperation, request, response, []id{
		{name: "refundRequestId", sent: request.RefundRequestID, got: &response.RefundRequestID},
		{name: "paymentId", sent: request.PaymentID, got: &response.PaymentID},
	}); err != nil {
		return nil, err
	}
	return response, nil
}

// InquiryRefund asks about one refund and changes nothing. [CodeOrderNotExist] comes as a [*RejectedError].
func (c *Client) InquiryRefund(ctx context.Context, request *InquiryRefundRequest) (*InquiryRefundResponse, error) {
	if request == nil {
		return nil, c.refuse(inquiryRefundOperation, errNilRequest)
	}
	response := &InquiryRefundResponse{}
	if err := c.call(ctx, inquiryRefundOperation, request, response, oneOf(
		id{name: "refundId", sent: request.RefundID, got: &response.RefundID},
		id{name: "refundRequestId", sent: request.RefundRequestID, got: &response.RefundRequestID},
	)); err != nil {
		return nil, err
	}
	return response, nil
}
