package alipay

import "context"

// CaptureRequest takes money on an authorised card payment. See docs.antom.com/ac/ams/capture.
type CaptureRequest struct {
	// CaptureRequestID is the idempotency id, at most 64 characters. Required.
	CaptureRequestID string `json:"captureRequestId"`
	// PaymentID is the gateway's id of the payment. Required: its request id will not do.
	PaymentID string `json:"paymentId"`
	// CaptureAmount is in the payment's currency, at most what is authorised. Required.
	CaptureAmount Amount `json:"captureAmount"`
	// IsLastCapture says that no other will follow. Its effect is not documented.
	IsLastCapture *bool `json:"isLastCapture,omitempty"`
	// AdditionalFields is merged into the body, objects deeply. A key that is already set is an error.
	AdditionalFields map[string]any `json:"-"`
}

func (r CaptureRequest) additionalFields() map[string]any { return r.AdditionalFields }

// CaptureResponse is the answer to capture. ResultStatus U means running: [CodeCaptureInProcess].
type CaptureResponse struct {
	Answer
	// CaptureRequestID repeats the request's. Given on S.
	CaptureRequestID string `json:"captureRequestId"`
	// CaptureID is the gateway's id. Given on S.
	CaptureID string `json:"captureId"`
	// PaymentID is the payment's. Given on S.
	PaymentID string `json:"paymentId"`
	// CaptureAmount is what was taken. Given on S.
	CaptureAmount *Amount `json:"captureAmount,omitempty"`
	// CaptureTime is when. Given on S.
	CaptureTime Time `json:"captureTime,omitzero"`
	// AcquirerReferenceNo is an outside acquirer's number.
	AcquirerReferenceNo string `json:"acquirerReferenceNo,omitempty"`
}

var captureOperation = operation{path: "/payments/capture", inProcess: CodeCaptureInProcess}

// Capture takes money on an authorised card payment. [CodeCaptureInProcess] with resultStatus U is an answer, not
// an error; [Client.InquiryPayment] tells how the capture ended.
func (c *Client) Capture(ctx context.Context, request *CaptureRequest) (*CaptureResponse, error) {
	if request == nil {
		return nil, c.refuse(captureOperation, errNilRequest)
	}
	response := &CaptureResponse{}
	if err := c.call(ctx, captureOperation, request, response, []id{
		{name: "captureRequestId", sent: request.CaptureRequestID, got: &response.CaptureRequestID},
		{name: "paymentId", sent: request.PaymentID, got: &response.PaymentID},
	}); err != nil {
		return nil, err
	}
	return response, nil
}
