package alipay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Values of notifyType. The gateway may add others. See docs.antom.com/ac/ams/paymentrn_online,
// docs.antom.com/ac/ams/notify_refund and docs.antom.com/ac/ams/notify_capture.
const (
	// NotifyPaymentResult says how a payment ended.
	NotifyPaymentResult = "PAYMENT_RESULT"
	// NotifyPaymentPending says that the buyer is done and the channel is not: with resultStatus S, too, not paid.
	NotifyPaymentPending = "PAYMENT_PENDING"
	// NotifyRefundResult says how a refund ended.
	NotifyRefundResult = "REFUND_RESULT"
	// NotifyCaptureResult says how a capture ended.
	NotifyCaptureResult = "CAPTURE_RESULT"
)

// acknowledgement is the documented answer to every notification that was received, whatever it says.
const acknowledgement = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}`

// Acknowledgement is the body of the answer, with HTTP status 200, by which the gateway stops sending a notification
// again. It means "received and kept", not "agreed". It is not signed. See docs.antom.com/ac/ams/notifyauth.
func Acknowledgement() []byte { return []byte(acknowledgement) }

// Subject is what a notification is about. Each notification has few of the ids; the others are empty.
type Subject struct {
	// Type is notifyType, authorizationNotifyType or disputeNotificationType, whichever the body has; where it has a
	// defenseFile in their place, [NotifyDefenseDocument].
	Type string
	// ResultStatus is result.resultStatus, and RefundStatus the refundStatus of notifyRefund.
	ResultStatus, RefundStatus string

	PaymentRequestID, PaymentID string
	RefundRequestID             string
	CaptureRequestID            string
	DisputeID                   string
	// AuthState and AccessToken name an authorization. The token is a credential.
	AuthState   string
	AccessToken Credential
}

var errNoObject = errors.New("the body is no JSON object")

// ReadSubject finds out what a notification is about, whatever else its body holds: a type that this package does not
// know is no error, and a field of another form than documented counts as missing.
func ReadSubject(body []byte) (Subject, error) {
	var fields struct {
		NotifyType              looseText   `json:"notifyType"`
		AuthorizationNotifyType looseText   `json:"authorizationNotifyType"`
		DisputeNotificationType looseText   `json:"disputeNotificationType"`
		Result                  looseResult `json:"result"`
		RefundStatus            looseText   `json:"refundStatus"`
		PaymentRequestID        looseText   `json:"paymentRequestId"`
		PaymentID               looseText   `json:"paymentId"`
		RefundRequestID         looseText   `json:"refundRequestId"`
		CaptureRequestID        looseText   `json:"captureRequestId"`
		DisputeID               looseText   `json:"disputeId"`
		DefenseFile             any         `json:"defenseFile"`
		AuthState               looseText   `json:"authState"`
		AccessToken             looseText   `json:"accessToken"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return Subject{}, fmt.Errorf("%w: %w", errNoObject, err)
	}
	if bytes.TrimSpace(body)[0] != '{' { // null decodes into anything
		return Subject{}, errNoObject
	}
	kind := fields.NotifyType
	// The parent class of the SDKs gives notifyType to these two as well; their own field is the documented one.
	if fields.AuthorizationNotifyType != "" {
		kind = fields.AuthorizationNotifyType
	}
	switch {
	case fields.DisputeNotificationType != "":
		kind = fields.DisputeNotificationType
	case fields.DisputeID != "" && fields.DefenseFile != nil:
		kind = NotifyDefenseDocument
	}
	return Subject{
		Type: string(kind), ResultStatus: string(fields.Result.status), RefundStatus: string(fields.RefundStatus),
		PaymentRequestID: string(fields.PaymentRequestID), PaymentID: string(fields.PaymentID),
		RefundRequestID: string(fields.RefundRequestID), CaptureRequestID: string(fields.CaptureRequestID),
		DisputeID: string(fields.DisputeID), AuthState: string(fields.AuthState), AccessToken: Credential(fields.AccessToken),
	}, nil
}

// looseText is a string; of another JSON type it is empty.
type looseText string

func (t *looseText) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		text = ""
	}
	*t = looseText(text)
	return nil
}

// looseResult is the status of a result, if it is one.
type looseResult struct{ status looseText }

func (r *looseResult) UnmarshalJSON(data []byte) error {
	var fields struct {
		ResultStatus looseText `json:"resultStatus"`
	}
	if json.Unmarshal(data, &fields) == nil {
		r.status = fields.ResultStatus
	}
	return nil
}

// PaymentNotification is notifyPayment. It has no paymentStatus: notifyType and resultStatus decide together. See
// docs.antom.com/ac/ams/paymentrn_online.
type PaymentNotification struct {
	// NotifyType is [NotifyPaymentResult], [NotifyPaymentPending] or another.
	NotifyType string `json:"notifyType"`
	// Result is that of the payment, not of a call.
	Result Result `json:"result"`
	// PaymentRequestID is the merchant's id.
	PaymentRequestID string `json:"paymentRequestId"`
	// PaymentID is the gateway's id.
	PaymentID string `json:"paymentId"`
	// PaymentAmount must equal what was ordered.
	PaymentAmount *Amount `json:"paymentAmount"`
	// PaymentCreateTime is when the order was made.
	PaymentCreateTime Time `json:"paymentCreateTime,omitzero"`
	// PaymentTime is when the buyer paid, on success only.
	PaymentTime Time `json:"paymentTime,omitzero"`
	// CustomsDeclarationAmount is the most that may be declared to customs (Alipay China).
	CustomsDeclarationAmount *Amount `json:"customsDeclarationAmount,omitempty"`
	// GrossSettlementAmount is in settlement currency, before fees, if the rate is locked.
	GrossSettlementAmount *Amount `json:"grossSettlementAmount,omitempty"`
	// SettlementQuote is the locked rate.
	SettlementQuote *Quote `json:"settlementQuote,omitempty"`
}

// ReadPaymentNotification decodes notifyPayment.
func ReadPaymentNotification(body []byte) (*PaymentNotification, error) {
	return readNotification[PaymentNotification](body)
}

// RefundNotification is notifyRefund. It names no payment. RefundStatus decides. See docs.antom.com/ac/ams/notify_refund.
type RefundNotification struct {
	// NotifyType is [NotifyRefundResult].
	NotifyType string `json:"notifyType"`
	// Result is S where the channel accepted the refund, and carries the reason of a failure.
	Result Result `json:"result"`
	// RefundStatus is SUCCESS or FAIL.
	RefundStatus string `json:"refundStatus"`
	// RefundRequestID is the merchant's id.
	RefundRequestID string `json:"refundRequestId"`
	// RefundID is the gateway's id.
	RefundID string `json:"refundId"`
	// RefundAmount must equal what was asked for.
	RefundAmount *Amount `json:"refundAmount"`
	// RefundTime is when the money went back, on success only.
	RefundTime Time `json:"refundTime,omitzero"`
}

// ReadRefundNotification decodes notifyRefund.
func ReadRefundNotification(body []byte) (*RefundNotification, error) {
	return readNotification[RefundNotification](body)
}

// CaptureNotification is notifyCapture. It names no payment's request id. See docs.antom.com/ac/ams/notify_capture.
type CaptureNotification struct {
	// NotifyType is [NotifyCaptureResult].
	NotifyType string `json:"notifyType"`
	// Result is S where the money was collected, and carries the reason of a failure.
	Result Result `json:"result"`
	// CaptureRequestID is the merchant's id, or one of the gateway's for an automatic capture.
	CaptureRequestID string `json:"captureRequestId"`
	// PaymentID is the payment's.
	PaymentID string `json:"paymentId"`
	// CaptureID is the gateway's id.
	CaptureID string `json:"captureId"`
	// CaptureAmount must equal what was asked for.
	CaptureAmount *Amount `json:"captureAmount"`
	// CaptureTime is when the money was collected, on success only.
	CaptureTime Time `json:"captureTime,omitzero"`
}

// ReadCaptureNotification decodes notifyCapture.
func ReadCaptureNotification(body []byte) (*CaptureNotification, error) {
	return readNotification[CaptureNotification](body)
}

func readNotification[N any](body []byte) (*N, error) {
	var notification N
	if err := json.Unmarshal(body, &notification); err != nil {
		return nil, unreadable("notification", err)
	}
	return &notification, nil
}
