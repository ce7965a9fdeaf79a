package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CustomsDeclarationSpec is what to tell customs of China of a payment (https://docs.antom.com/ac/ams/declare). Only suspend and
// ttlSecondsAfterFinished can be changed at any time. Raising attempt declares anew, and what is declared may be corrected with it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.amount) || self.amount.currency == 'CNY'",fieldPath=".amount.currency",message="currency must be CNY, as customs of China is told yuan: declare what status.customsDeclarationAmount of the Payment says, or omit amount for all of it"
// +kubebuilder:validation:XValidation:rule="has(self.splitOrder) && self.splitOrder || !has(self.subOrderId)",fieldPath=".subOrderId",message="subOrderId is for split orders: set splitOrder: true, or omit it"
// +kubebuilder:validation:XValidation:rule="!has(self.splitOrder) || !self.splitOrder || has(self.subOrderId)",fieldPath=".subOrderId",message="a split order needs subOrderId: the number under which the shop reports this part to customs itself"
// +kubebuilder:validation:XValidation:rule="!has(self.declarationRequestId) || self.attempt == 1",fieldPath=".attempt",message="attempt can not be raised with an explicit declarationRequestId, which names one attempt: create a new CustomsDeclaration with a new declarationRequestId instead"
// +kubebuilder:validation:XValidation:rule="self.paymentRef == oldSelf.paymentRef",fieldPath=".paymentRef",message="paymentRef is immutable: create a new CustomsDeclaration instead"
// +kubebuilder:validation:XValidation:rule="has(self.declarationRequestId) == has(oldSelf.declarationRequestId) && (!has(self.declarationRequestId) || self.declarationRequestId == oldSelf.declarationRequestId)",fieldPath=".declarationRequestId",message="declarationRequestId is immutable, as another id declares again: create a new CustomsDeclaration instead"
// +kubebuilder:validation:XValidation:rule="self.attempt == oldSelf.attempt || self.attempt == oldSelf.attempt + 1",fieldPath=".attempt",message="attempt can only be raised by one"
// +kubebuilder:validation:XValidation:rule="self.attempt > oldSelf.attempt || has(self.amount) == has(oldSelf.amount) && (!has(self.amount) || self.amount == oldSelf.amount)",fieldPath=".amount",message="amount can be corrected only together with a raised attempt, which declares anew"
// +kubebuilder:validation:XValidation:rule="self.attempt > oldSelf.attempt || self.customs == oldSelf.customs",fieldPath=".customs",message="customs can be corrected only together with a raised attempt, which declares anew"
// +kubebuilder:validation:XValidation:rule="self.attempt > oldSelf.attempt || self.merchantCustomsInfo == oldSelf.merchantCustomsInfo",fieldPath=".merchantCustomsInfo",message="merchantCustomsInfo can be corrected only together with a raised attempt, which declares anew"
// +kubebuilder:validation:XValidation:rule="self.attempt > oldSelf.attempt || (has(self.splitOrder) && self.splitOrder) == (has(oldSelf.splitOrder) && oldSelf.splitOrder)",fieldPath=".splitOrder",message="splitOrder can be corrected only together with a raised attempt, which declares anew"
// +kubebuilder:validation:XValidation:rule="self.attempt > oldSelf.attempt || has(self.subOrderId) == has(oldSelf.subOrderId) && (!has(self.subOrderId) || self.subOrderId == oldSelf.subOrderId)",fieldPath=".subOrderId",message="subOrderId can be corrected only together with a raised attempt, which declares anew"
// +kubebuilder:validation:XValidation:rule="self.attempt > oldSelf.attempt || has(self.buyerCertificateSecretRef) == has(oldSelf.buyerCertificateSecretRef) && (!has(self.buyerCertificateSecretRef) || self.buyerCertificateSecretRef == oldSelf.buyerCertificateSecretRef)",fieldPath=".buyerCertificateSecretRef",message="buyerCertificateSecretRef can be corrected only together with a raised attempt, which declares anew"
type CustomsDeclarationSpec struct {
	// paymentRef names the Payment to declare. It must be by ALIPAY_CN. The CustomsDeclaration waits until it is paid.
	// +required
	PaymentRef PaymentReference `json:"paymentRef,omitempty,omitzero"`

	// declarationRequestId is the merchant's own id of this declaration at the gateway, at most 32 letters, digits and underscores: a UUID
	// is too long with its hyphens and just fits without. When omitted it is derived from the account's requestIdPrefix, the namespace,
	// the name, the payment and attempt, so that the same manifest always means the same declaration.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_]{1,32}$')",message="declarationRequestId must be 1 to 32 letters, digits or underscores: shorten it, take the hyphens out of a UUID, or omit it to have one derived"
	// +kubebuilder:validation:MaxLength=256
	DeclarationRequestID string `json:"declarationRequestId,omitempty"`

	// attempt counts the declarations: 1, and one more for a new one, which gets a new request id. It can be raised only after the former
	// one has failed, was rejected by customs, or got an answer of which nobody knows whether it is a rejection.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	Attempt int32 `json:"attempt,omitempty"`

	// amount is what to declare, in CNY and fen: "10050" is 100.50 yuan. When omitted it is all that the gateway lets be declared of the
	// payment, its status.customsDeclarationAmount. All declarations of a payment together are at most that.
	// +optional
	Amount *Amount `json:"amount,omitempty"`

	// customs is the office to which it is declared.
	// +required
	Customs Customs `json:"customs,omitempty,omitzero"`

	// merchantCustomsInfo is how customs knows the shop.
	// +required
	MerchantCustomsInfo MerchantCustomsInfo `json:"merchantCustomsInfo,omitempty,omitzero"`

	// splitOrder says that this is one of several declarations of one order: because the goods go through several offices, or because
	// only some of them have to be declared.
	// +optional
	SplitOrder bool `json:"splitOrder,omitempty"`

	// subOrderId is the number of this part of a split order, at most 64 characters. Customs gets it as the order's number: it must be
	// the one that the shop reports to customs itself.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SubOrderID string `json:"subOrderId,omitempty"`

	// buyerCertificateSecretRef names the Secret that holds who bought, under the key "buyerCertificate" unless key says otherwise: a JSON
	// object of certificateType (ID_CARD, which customs of China wants, or PASSPORT), certificateNo and holderName (an object with
	// fullName, or with firstName and lastName). Without it customs takes the payer for the buyer, and rejects the declaration if
	// they differ. It is read when the request is about to be sent.
	// +optional
	BuyerCertificateSecretRef *SecretKeyReference `json:"buyerCertificateSecretRef,omitempty"`

	// additionalFields are merged into the request body, for fields that the gateway has and this kind has not. Amounts, ids, tokens,
	// card data and certificates are refused.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	AdditionalFields *runtime.RawExtension `json:"additionalFields,omitempty"`

	// suspend holds back the request. What was already sent is still followed.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// ttlSecondsAfterFinished deletes this object that many seconds after it was accepted or rejected, or has failed. Kept when omitted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// CustomsRegion is where an office is.
//
// +kubebuilder:validation:Enum=CN
type CustomsRegion string

// CustomsChina is the only region whose customs the gateway tells.
const CustomsChina CustomsRegion = "CN"

// Customs is a customs office (https://docs.antom.com/ac/ams/declare).
type Customs struct {
	// region is CN.
	// +optional
	// +kubebuilder:default=CN
	Region CustomsRegion `json:"region,omitempty"`

	// customsCode is the office, in capitals: ZONGSHU (the General Administration, through which most offices are reached), ZHENGZHOU,
	// NINGBO or SHANGHAI_CBT. The gateway may take others: they are sent, with a warning. Only for ZONGSHU does the gateway promise an
	// answer that tells acceptance from rejection.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z][A-Z0-9_]{0,27}$')",message="customsCode must be 1 to 28 capitals, digits or underscores, such as ZONGSHU"
	// +kubebuilder:validation:MaxLength=64
	CustomsCode string `json:"customsCode,omitempty"`
}

// MerchantCustomsInfo is how customs knows the shop.
type MerchantCustomsInfo struct {
	// merchantCustomsCode is the shop's registration number at customs, at most 128 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	MerchantCustomsCode string `json:"merchantCustomsCode,omitempty"`

	// merchantCustomsName is the name under which the shop is registered there, often Chinese, at most 256 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	MerchantCustomsName string `json:"merchantCustomsName,omitempty"`
}

// CustomsDeclaration tells customs of China of a paid Payment, once, and follows what customs answers. Applying the same manifest again
// finds the same declaration and sends nothing twice.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cd,categories=alipay
// +kubebuilder:selectablefield:JSONPath=`.spec.paymentRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.declarationRequestId`
// +kubebuilder:selectablefield:JSONPath=`.status.customsOrderId`
// +kubebuilder:printcolumn:name="Payment",type=string,JSONPath=`.spec.paymentRef.name`
// +kubebuilder:printcolumn:name="Customs",type=string,JSONPath=`.spec.customs.customsCode`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.status.amount.value`
// +kubebuilder:printcolumn:name="Result",type=string,JSONPath=`.status.customsDeclarationResultCode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Identity",type=string,JSONPath=`.status.identityCheckResult`,priority=1
// +kubebuilder:printcolumn:name="Declaration-Request-Id",type=string,JSONPath=`.status.declarationRequestId`,priority=1
// +kubebuilder:printcolumn:name="Customs-Order-Id",type=string,JSONPath=`.status.customsOrderId`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="self.spec.attempt <= oldSelf.spec.attempt || (has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state in ['Failed', 'Rejected', 'Undetermined'])",fieldPath=".spec.attempt",message="attempt can be raised only after the former declaration has ended without being accepted: wait until status.state is Failed, Rejected or Undetermined"
type CustomsDeclaration struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what to declare.
	// +required
	Spec CustomsDeclarationSpec `json:"spec,omitempty,omitzero"`

	// status is what the gateway has reported.
	// +optional
	Status CustomsDeclarationStatus `json:"status,omitempty,omitzero"`
}

// CustomsDeclarationList is a list of CustomsDeclarations.
//
// +kubebuilder:object:root=true
type CustomsDeclarationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []CustomsDeclaration `json:"items"`
}
