package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Labels of a Dispute, for those who look for the disputes of a payment. A value that can not be a label is left out.
const (
	// PaymentLabel is the name of the Payment that is disputed, where this namespace has it.
	PaymentLabel = GroupName + "/payment"
	// PaymentIDLabel is the gateway's id of the payment.
	PaymentIDLabel = GroupName + "/payment-id"
	// PaymentRequestIDLabel is the merchant's id of the payment.
	PaymentRequestIDLabel = GroupName + "/payment-request-id"
)

// EvidenceKey is the key of the evidence in a Secret or a ConfigMap, where the reference names none.
const EvidenceKey = "evidence"

// DisputeAction is what a merchant can answer to a dispute.
//
// +kubebuilder:validation:Enum=Accept;Defend
type DisputeAction string

const (
	// AcceptDispute gives in: the buyer gets the disputed amount, and nothing can undo it.
	AcceptDispute DisputeAction = "Accept"
	// DefendDispute hands in evidence.
	DefendDispute DisputeAction = "Defend"
)

// ConfigMapKeyReference names one value in a ConfigMap of the same namespace.
type ConfigMapKeyReference struct {
	// name of the ConfigMap, for example "order-1042-defence".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// key of the value, in data or binaryData: "evidence" when omitted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// DisputeResponse is the merchant's answer (https://docs.antom.com/ac/ams/accept, https://docs.antom.com/ac/ams/supply_evidence).
//
// +kubebuilder:validation:XValidation:rule="self.action == 'Defend' ? has(self.evidenceSecretRef) != has(self.evidenceConfigMapRef) : !has(self.evidenceSecretRef) && !has(self.evidenceConfigMapRef)",message="action Defend needs the evidence: set either evidenceSecretRef or evidenceConfigMapRef; action Accept takes none"
type DisputeResponse struct {
	// action is Accept, which gives the disputed amount back to the buyer for good, or Defend, which hands in evidence.
	// +required
	Action DisputeAction `json:"action,omitempty"`

	// evidenceSecretRef names the file of evidence in a Secret, under the key "evidence" when the reference names none: one PDF, Word, ZIP or
	// JPG file of at most 750000 bytes. Pack several files into one.
	// +optional
	EvidenceSecretRef *SecretKeyReference `json:"evidenceSecretRef,omitempty"`

	// evidenceConfigMapRef names it in a ConfigMap instead. Evidence often has personal data in it: prefer a Secret.
	// +optional
	EvidenceConfigMapRef *ConfigMapKeyReference `json:"evidenceConfigMapRef,omitempty"`

	// attempt counts the answers: 1, and one more for another answer. It can be raised once the gateway has refused the former one and the
	// dispute is open again, as when the material for a compliance request was not enough.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	Attempt int32 `json:"attempt,omitempty"`
}

// DisputeSpec says which dispute this is, and the merchant's answer to it. The operator writes the first two fields.
//
// +kubebuilder:validation:XValidation:rule="self.disputeId == oldSelf.disputeId",fieldPath=".disputeId",message="disputeId is immutable, as another id is another dispute: delete this Dispute instead, a later notification makes it anew"
// +kubebuilder:validation:XValidation:rule="self.merchantAccountRef == oldSelf.merchantAccountRef",fieldPath=".merchantAccountRef",message="merchantAccountRef is immutable: delete this Dispute instead, a later notification makes it anew"
type DisputeSpec struct {
	// disputeId is the gateway's id of the dispute.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisputeID string `json:"disputeId,omitempty"`

	// merchantAccountRef names the MerchantAccount that was notified, in the same namespace.
	// +required
	MerchantAccountRef MerchantAccountReference `json:"merchantAccountRef,omitempty,omitzero"`

	// response is the answer to give. Nothing is sent while it is omitted. Once sent, it can not be changed.
	// +optional
	Response *DisputeResponse `json:"response,omitempty"`
}

// Dispute is a buyer's or a bank's objection to a payment. The notification receiver creates it, also for payments that this cluster does not
// manage. The gateway can not be asked about disputes: what it has announced is kept here, and nowhere else.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=dsp,categories=alipay
// +kubebuilder:selectablefield:JSONPath=`.spec.disputeId`
// +kubebuilder:selectablefield:JSONPath=`.status.paymentId`
// +kubebuilder:selectablefield:JSONPath=`.status.paymentRequestId`
// +kubebuilder:selectablefield:JSONPath=`.status.payment`
// +kubebuilder:printcolumn:name="Payment",type=string,JSONPath=`.status.payment`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.status.disputeAmount.value`
// +kubebuilder:printcolumn:name="Currency",type=string,JSONPath=`.status.disputeAmount.currency`
// +kubebuilder:printcolumn:name="Decide-By",type=string,JSONPath=`.status.defenseDueTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Dispute-Id",type=string,JSONPath=`.spec.disputeId`,priority=1
// +kubebuilder:printcolumn:name="Payment-Request-Id",type=string,JSONPath=`.status.paymentRequestId`,priority=1
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.status.disputeType`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.response) || has(self.spec.response) && has(oldSelf.spec.response) && (self.spec.response == oldSelf.spec.response || self.spec.response.attempt == oldSelf.spec.response.attempt + 1 && oldSelf.status.state == 'Open')",fieldPath=".spec.response",message="response was sent and can not be changed or taken back: another one, with attempt raised by one, is possible only once the gateway has refused it and status.state is Open again"
type Dispute struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says which dispute it is, and the answer to it.
	// +required
	Spec DisputeSpec `json:"spec,omitempty,omitzero"`

	// status is what the gateway has announced and answered.
	// +optional
	Status DisputeStatus `json:"status,omitempty,omitzero"`
}

// DisputeList is a list of Disputes.
//
// +kubebuilder:object:root=true
type DisputeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []Dispute `json:"items"`
}
