package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PaymentStatus is what the gateway has reported. Only a verified answer changes the outcome.
type PaymentStatus struct {
	OperationStatus `json:",inline"`

	// paymentRequestId is this attempt's id at the gateway.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentRequestID string `json:"paymentRequestId,omitempty"`

	// paymentId is the gateway's own id of the payment.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentID string `json:"paymentId,omitempty"`

	// checkout is where the buyer pays, while the order is open.
	// +optional
	Checkout *Checkout `json:"checkout,omitempty"`

	// session is the checkout session of a payment with spec.session.
	// +optional
	Session *SessionStatus `json:"session,omitempty"`

	// paymentMethodType is the gateway's code of the method that the buyer of a session has chosen, where the gateway tells; of an automatic
	// debit, that of the wallet.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentMethodType string `json:"paymentMethodType,omitempty"`

	// debit is what is known of a payment with spec.autoDebit. It is empty where the payment is adopted.
	// +optional
	Debit *DebitStatus `json:"debit,omitempty"`

	// amounts are the sums that have moved.
	// +optional
	Amounts *PaymentAmounts `json:"amounts,omitempty"`

	// settlement is what the shop gets for it in the settlement currency, where the gateway says so.
	// +optional
	Settlement *Settlement `json:"settlement,omitempty"`

	// captures are those of an authorised card: those of which the gateway knows, and those that a Capture is about to make.
	// +optional
	// +listType=map
	// +listMapKey=captureId
	// +kubebuilder:validation:MaxItems=500
	Captures []PaymentCapture `json:"captures,omitempty"`

	// customsDeclarationAmount is what CustomsDeclarations may declare of the payment in all, in CNY and fen, where the gateway tells: it
	// does for ALIPAY_CN.
	// +optional
	CustomsDeclarationAmount *Amount `json:"customsDeclarationAmount,omitempty"`

	// declarations are the declarations to customs that were sent and not refused by the gateway, also those whose CustomsDeclaration is
	// gone.
	// +optional
	// +listType=map
	// +listMapKey=declarationRequestId
	// +kubebuilder:validation:MaxItems=500
	Declarations []PaymentDeclaration `json:"declarations,omitempty"`

	// authorizationExpiryTime is when the money of an authorised card is let go unless it is captured.
	// +optional
	AuthorizationExpiryTime *metav1.Time `json:"authorizationExpiryTime,omitempty"`

	// refunds are the refunds of this payment that were sent and not refused, also those whose Refund object is gone.
	// +optional
	// +listType=map
	// +listMapKey=refundRequestId
	// +kubebuilder:validation:MaxItems=500
	Refunds []PaymentRefund `json:"refunds,omitempty"`

	// openDisputes are the names of the Disputes that are not decided, at most 50 of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MaxLength=253
	OpenDisputes []string `json:"openDisputes,omitempty"`

	// paymentTime is when the buyer paid, by the gateway's clock. Cancel and refund windows count from it.
	// +optional
	PaymentTime *metav1.Time `json:"paymentTime,omitempty"`

	// cancelSubmittedAt is the record made before the first cancel request left.
	// +optional
	CancelSubmittedAt *metav1.Time `json:"cancelSubmittedAt,omitempty"`

	// cancelResult is the gateway's refusal to cancel.
	// +optional
	CancelResult *GatewayResult `json:"cancelResult,omitempty"`
}

// DebitStatus is what is known of an automatic debit. The token is in the agreement's Secret alone.
type DebitStatus struct {
	// accessTokenSHA256 is the SHA-256 of the token that the request names, in hexadecimal digits.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AccessTokenSHA256 string `json:"accessTokenSHA256,omitempty"`

	// authStateSHA256 is that of the buyer's consent which the token belongs to, as in the agreement's status. Another consent may be another buyer's:
	// the debit is not sent again with a token of that.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AuthStateSHA256 string `json:"authStateSHA256,omitempty"`

	// tokenRejected is true once the agreement knows that the gateway has refused this token.
	// +optional
	TokenRejected bool `json:"tokenRejected,omitempty"`
}

// Checkout is where the buyer pays. At least one of the fields is there for an open order.
type Checkout struct {
	// normalUrl is the web page on which the buyer pays.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	NormalURL string `json:"normalUrl,omitempty"`

	// schemeUrl opens the wallet's app.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	SchemeURL string `json:"schemeUrl,omitempty"`

	// applinkUrl opens the wallet's app, or its page where the app is missing.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	ApplinkURL string `json:"applinkUrl,omitempty"`

	// code is the text of the QR code to show.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Code string `json:"code,omitempty"`
}

// PaymentAmounts are sums in the smallest unit of the payment's currency.
type PaymentAmounts struct {
	// authorized is what is held of a card.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Authorized string `json:"authorized,omitempty"`

	// captured is what the gateway reports as collected of that.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Captured string `json:"captured,omitempty"`

	// paid is what the gateway reports as collected, for example "25800".
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Paid string `json:"paid,omitempty"`

	// refunded is what Refunds have given back.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Refunded string `json:"refunded,omitempty"`

	// refundable is what can still be refunded: paid, less every refund that was sent and not refused.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Refundable string `json:"refundable,omitempty"`
}

// CaptureReserved is the status of a capture of which the gateway has not told yet.
const CaptureReserved = "RESERVED"

// PaymentCapture is one capture of an authorised card.
type PaymentCapture struct {
	// captureId is the gateway's own id of the capture; its request id until the gateway has told one.
	// +required
	// +kubebuilder:validation:MaxLength=64
	CaptureID string `json:"captureId,omitempty"`

	// captureRequestId is the id under which it was asked for. The gateway chooses it for automatic captures.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CaptureRequestID string `json:"captureRequestId,omitempty"`

	// value is the amount in the smallest unit of the payment's currency; "0" while it is not known.
	// +required
	// +kubebuilder:validation:MaxLength=16
	Value string `json:"value,omitempty"`

	// status is the gateway's word: SUCCESS, FAIL, or another while it is not known; or RESERVED while a Capture takes the amount and the
	// gateway has not told of it. What has not failed counts as taken.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Status string `json:"status,omitempty"`

	// last is true when the capture was asked for as the last one.
	// +optional
	Last bool `json:"last,omitempty"`

	// contested is true while objects of different amounts have had the id and the gateway has not told which it knows. The larger counts.
	// +optional
	Contested bool `json:"contested,omitempty"`

	// resultCode says why a capture failed.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ResultCode string `json:"resultCode,omitempty"`
}

// PaymentRefund is one refund of a payment.
type PaymentRefund struct {
	// refundRequestId is the refund's id at the gateway.
	// +required
	// +kubebuilder:validation:MaxLength=64
	RefundRequestID string `json:"refundRequestId,omitempty"`

	// value is the amount in the smallest unit of the payment's currency.
	// +required
	// +kubebuilder:validation:MaxLength=16
	Value string `json:"value,omitempty"`

	// captureId is the gateway's id of the capture whose money is given back, where the payment was captured in several parts.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CaptureID string `json:"captureId,omitempty"`

	// accepted is true once the gateway has known the refund. An answer that it does not know it proves nothing from then on.
	// +optional
	Accepted bool `json:"accepted,omitempty"`

	// done is true once the gateway has reported the refund as done. Until then the amount counts as taken.
	// +optional
	Done bool `json:"done,omitempty"`

	// contested is true while objects of different amounts have had the id and the gateway has not told which it knows. The larger counts.
	// +optional
	Contested bool `json:"contested,omitempty"`
}

// DeclarationReserved is the status of a declaration of which the gateway has not told yet.
const DeclarationReserved = "Reserved"

// PaymentDeclaration is one declaration of a payment to customs.
type PaymentDeclaration struct {
	// declarationRequestId is the declaration's id at the gateway.
	// +required
	// +kubebuilder:validation:MaxLength=32
	DeclarationRequestID string `json:"declarationRequestId,omitempty"`

	// value is the amount in fen.
	// +required
	// +kubebuilder:validation:MaxLength=16
	Value string `json:"value,omitempty"`

	// status is Reserved while the gateway has not told of it, then the state of the CustomsDeclaration: Processing, Undetermined, Accepted
	// or Rejected. What is not rejected counts as taken.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Status string `json:"status,omitempty"`

	// contested is true while objects of different amounts have had the id and the gateway has not told which it knows. The larger counts.
	// +optional
	Contested bool `json:"contested,omitempty"`
}
