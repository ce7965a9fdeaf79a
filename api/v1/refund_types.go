package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// RefundRefunded means that the money was given back. Final.
const RefundRefunded OperationState = "Refunded"

// RefundSpec is what to give back (https://docs.antom.com/ac/ams/refund_online). Only suspend, ttlSecondsAfterFinished and attempt can
// be changed later.
//
// +kubebuilder:validation:XValidation:rule="has(self.amount) != (has(self.full) && self.full)",message="set either amount, for a part, or full: true, for the whole payment"
// +kubebuilder:validation:XValidation:rule="!has(self.refundRequestId) || self.attempt == 1",fieldPath=".attempt",message="attempt can not be raised with an explicit refundRequestId, which names one attempt: create a new Refund with a new refundRequestId instead"
// +kubebuilder:validation:XValidation:rule="self.paymentRef == oldSelf.paymentRef",fieldPath=".paymentRef",message="paymentRef is immutable: create a new Refund instead"
// +kubebuilder:validation:XValidation:rule="has(self.refundRequestId) == has(oldSelf.refundRequestId) && (!has(self.refundRequestId) || self.refundRequestId == oldSelf.refundRequestId)",fieldPath=".refundRequestId",message="refundRequestId is immutable, as another id gives money back again: create a new Refund instead"
// +kubebuilder:validation:XValidation:rule="has(self.amount) == has(oldSelf.amount) && (!has(self.amount) || self.amount == oldSelf.amount)",fieldPath=".amount",message="amount is immutable: create a new Refund instead"
// +kubebuilder:validation:XValidation:rule="(has(self.full) && self.full) == (has(oldSelf.full) && oldSelf.full)",fieldPath=".full",message="full is immutable: create a new Refund instead"
// +kubebuilder:validation:XValidation:rule="has(self.reason) == has(oldSelf.reason) && (!has(self.reason) || self.reason == oldSelf.reason)",fieldPath=".reason",message="reason is immutable: create a new Refund instead"
// +kubebuilder:validation:XValidation:rule="has(self.referenceRefundId) == has(oldSelf.referenceRefundId) && (!has(self.referenceRefundId) || self.referenceRefundId == oldSelf.referenceRefundId)",fieldPath=".referenceRefundId",message="referenceRefundId is immutable: create a new Refund instead"
// +kubebuilder:validation:XValidation:rule="self.attempt == oldSelf.attempt || self.attempt == oldSelf.attempt + 1",fieldPath=".attempt",message="attempt can only be raised by one"
// +kubebuilder:validation:XValidation:rule="has(self.captureRef) == has(oldSelf.captureRef) && (!has(self.captureRef) || self.captureRef == oldSelf.captureRef)",fieldPath=".captureRef",message="captureRef is immutable: create a new Refund instead"
type RefundSpec struct {
	// paymentRef names the Payment to refund. The Refund waits until it is paid.
	// +required
	PaymentRef PaymentReference `json:"paymentRef,omitempty,omitzero"`

	// refundRequestId is the merchant's own id of this refund at the gateway, at most 64 letters, digits and underscores.
	// When omitted it is derived from the account's requestIdPrefix, the namespace, the name and attempt, so that the same
	// manifest always means the same refund.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_]{1,64}$')",message="refundRequestId must be 1 to 64 letters, digits or underscores: shorten it, or omit it to have one derived"
	// +kubebuilder:validation:MaxLength=256
	RefundRequestID string `json:"refundRequestId,omitempty"`

	// attempt counts the tries to give this money back: 1, and one more for a new try, which gets a new request id. It can be
	// raised only after the former attempt has failed.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	Attempt int32 `json:"attempt,omitempty"`

	// amount is the part to give back, in the payment's currency. Set this or full.
	// +optional
	Amount *Amount `json:"amount,omitempty"`

	// full gives back the whole payment. It is refused when a part has been refunded already: name the amount then.
	// +optional
	Full bool `json:"full,omitempty"`

	// captureRef names the Capture whose money is given back. It is needed where a card payment was captured in several parts, and then
	// full gives back that part. The Refund waits until it is captured.
	// +optional
	CaptureRef *CaptureReference `json:"captureRef,omitempty"`

	// reason is shown to the buyer or the wallet, at most 256 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// referenceRefundId is the shop's own refund number, at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ReferenceRefundID string `json:"referenceRefundId,omitempty"`

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

// RefundStatus is what the gateway has reported. Only a verified answer changes the outcome.
type RefundStatus struct {
	OperationStatus `json:",inline"`

	// refundRequestId is this attempt's id at the gateway.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RefundRequestID string `json:"refundRequestId,omitempty"`

	// refundId is the gateway's own id of the refund.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RefundID string `json:"refundId,omitempty"`

	// paymentId is the gateway's id of the payment that is refunded.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentID string `json:"paymentId,omitempty"`

	// captureId is the gateway's id of the capture whose money is given back; empty when the request named none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CaptureID string `json:"captureId,omitempty"`

	// amount is what is given back.
	// +optional
	Amount *Amount `json:"amount,omitempty"`

	// refundTime is when the refund was done, by the gateway's clock.
	// +optional
	RefundTime *metav1.Time `json:"refundTime,omitempty"`
}

// Refund gives money of a Payment back, once. Applying the same manifest again finds the same refund and moves nothing.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rfd,categories=alipay
// +kubebuilder:selectablefield:JSONPath=`.spec.paymentRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.refundRequestId`
// +kubebuilder:selectablefield:JSONPath=`.status.refundId`
// +kubebuilder:printcolumn:name="Payment",type=string,JSONPath=`.spec.paymentRef.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.status.amount.value`
// +kubebuilder:printcolumn:name="Currency",type=string,JSONPath=`.status.amount.currency`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Refund-Request-Id",type=string,JSONPath=`.status.refundRequestId`,priority=1
// +kubebuilder:printcolumn:name="Refund-Id",type=string,JSONPath=`.status.refundId`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="self.spec.attempt <= oldSelf.spec.attempt || (has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state == 'Failed')",fieldPath=".spec.attempt",message="attempt can be raised only after the gateway has confirmed that the former attempt ended without money moving: wait until status.state is Failed"
type Refund struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what to give back.
	// +required
	Spec RefundSpec `json:"spec,omitempty,omitzero"`

	// status is what the gateway has reported.
	// +optional
	Status RefundStatus `json:"status,omitempty,omitzero"`
}

// RefundList is a list of Refunds.
//
// +kubebuilder:object:root=true
type RefundList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []Refund `json:"items"`
}
