package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CaptureCaptured means that the money was collected. Final.
const CaptureCaptured OperationState = "Captured"

// CaptureSpec is what to collect of an authorised card (https://docs.antom.com/ac/ams/capture). Only suspend, ttlSecondsAfterFinished and
// attempt can be changed later.
//
// +kubebuilder:validation:XValidation:rule="!has(self.captureRequestId) || self.attempt == 1",fieldPath=".attempt",message="attempt can not be raised with an explicit captureRequestId, which names one attempt: create a new Capture with a new captureRequestId instead"
// +kubebuilder:validation:XValidation:rule="self.paymentRef == oldSelf.paymentRef",fieldPath=".paymentRef",message="paymentRef is immutable: create a new Capture instead"
// +kubebuilder:validation:XValidation:rule="has(self.captureRequestId) == has(oldSelf.captureRequestId) && (!has(self.captureRequestId) || self.captureRequestId == oldSelf.captureRequestId)",fieldPath=".captureRequestId",message="captureRequestId is immutable, as another id collects money again: create a new Capture instead"
// +kubebuilder:validation:XValidation:rule="has(self.amount) == has(oldSelf.amount) && (!has(self.amount) || self.amount == oldSelf.amount)",fieldPath=".amount",message="amount is immutable: create a new Capture instead"
// +kubebuilder:validation:XValidation:rule="has(self.isLastCapture) == has(oldSelf.isLastCapture) && (!has(self.isLastCapture) || self.isLastCapture == oldSelf.isLastCapture)",fieldPath=".isLastCapture",message="isLastCapture is immutable: create a new Capture instead"
// +kubebuilder:validation:XValidation:rule="self.attempt == oldSelf.attempt || self.attempt == oldSelf.attempt + 1",fieldPath=".attempt",message="attempt can only be raised by one"
type CaptureSpec struct {
	// paymentRef names the card Payment with captureMode Manual of which to collect. The Capture waits until it is authorised.
	// +required
	PaymentRef PaymentReference `json:"paymentRef,omitempty,omitzero"`

	// captureRequestId is the merchant's own id of this capture at the gateway, at most 64 letters, digits and underscores.
	// When omitted it is derived from the account's requestIdPrefix, the namespace, the name and attempt, so that the same
	// manifest always means the same capture.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_]{1,64}$')",message="captureRequestId must be 1 to 64 letters, digits or underscores: shorten it, or omit it to have one derived"
	// +kubebuilder:validation:MaxLength=256
	CaptureRequestID string `json:"captureRequestId,omitempty"`

	// attempt counts the tries to collect this money: 1, and one more for a new try, which gets a new request id. It can be
	// raised only after the former attempt has failed.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	Attempt int32 `json:"attempt,omitempty"`

	// amount is the part to collect, in the payment's currency. All that is authorised when omitted. A part, and more than one capture, are
	// sent only where the MerchantAccount declares partialCapture and multipleCapture for cards.
	// +optional
	Amount *Amount `json:"amount,omitempty"`

	// isLastCapture says that no other will follow, so that the payment is paid with what was captured. The gateway does not document
	// when it lets go the rest.
	// +optional
	IsLastCapture *bool `json:"isLastCapture,omitempty"`

	// additionalFields are merged into the request body, for fields that the gateway has and this kind has not. Amounts, ids,
	// tokens and card data are refused.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	AdditionalFields *runtime.RawExtension `json:"additionalFields,omitempty"`

	// suspend holds back the request. What was already sent is still followed.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// ttlSecondsAfterFinished deletes this object that many seconds after it was settled. Kept when omitted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// CaptureStatus is what the gateway has reported. Only a verified answer changes the outcome.
type CaptureStatus struct {
	OperationStatus `json:",inline"`

	// captureRequestId is this attempt's id at the gateway.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CaptureRequestID string `json:"captureRequestId,omitempty"`

	// captureId is the gateway's own id of the capture.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CaptureID string `json:"captureId,omitempty"`

	// paymentId is the gateway's id of the payment of which is collected.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentID string `json:"paymentId,omitempty"`

	// amount is what is collected.
	// +optional
	Amount *Amount `json:"amount,omitempty"`

	// captureTime is when the money was collected, by the gateway's clock, where the gateway tells it.
	// +optional
	CaptureTime *metav1.Time `json:"captureTime,omitempty"`
}

// Capture collects money of an authorised card Payment, once. Applying the same manifest again finds the same capture and moves nothing.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cap,categories=alipay
// +kubebuilder:selectablefield:JSONPath=`.spec.paymentRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.captureRequestId`
// +kubebuilder:selectablefield:JSONPath=`.status.captureId`
// +kubebuilder:printcolumn:name="Payment",type=string,JSONPath=`.spec.paymentRef.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.status.amount.value`
// +kubebuilder:printcolumn:name="Currency",type=string,JSONPath=`.status.amount.currency`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Capture-Request-Id",type=string,JSONPath=`.status.captureRequestId`,priority=1
// +kubebuilder:printcolumn:name="Capture-Id",type=string,JSONPath=`.status.captureId`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="self.spec.attempt <= oldSelf.spec.attempt || (has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state == 'Failed')",fieldPath=".spec.attempt",message="attempt can be raised only after the gateway has confirmed that the former attempt ended without money moving: wait until status.state is Failed"
type Capture struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what to collect.
	// +required
	Spec CaptureSpec `json:"spec,omitempty,omitzero"`

	// status is what the gateway has reported.
	// +optional
	Status CaptureStatus `json:"status,omitempty,omitzero"`
}

// CaptureList is a list of Captures.
//
// +kubebuilder:object:root=true
type CaptureList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []Capture `json:"items"`
}
