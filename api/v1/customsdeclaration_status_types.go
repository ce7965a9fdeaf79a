package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

const (
	// DeclarationAccepted means that customs has recorded the declaration. Final.
	DeclarationAccepted OperationState = "Accepted"
	// DeclarationRejected means that customs has refused the declaration. Final for this attempt.
	DeclarationRejected OperationState = "Rejected"
	// DeclarationUndetermined means that customs has answered something of which the gateway does not document whether it is a rejection. It
	// is asked about for a while longer, in case customs answers otherwise.
	DeclarationUndetermined OperationState = "Undetermined"
)

// BuyerCertificateSecretKey is the default key of spec.buyerCertificateSecretRef.
const BuyerCertificateSecretKey = "buyerCertificate"

// CustomsDeclarationStatus is what the gateway has reported. Only a verified answer changes the outcome.
type CustomsDeclarationStatus struct {
	OperationStatus `json:",inline"`

	// declarationRequestId is this attempt's id at the gateway.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	DeclarationRequestID string `json:"declarationRequestId,omitempty"`

	// paymentId is the gateway's id of the payment that is declared.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentID string `json:"paymentId,omitempty"`

	// amount is what is declared, in CNY and fen.
	// +optional
	Amount *Amount `json:"amount,omitempty"`

	// customsPaymentId is the number of the payment that customs is told.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CustomsPaymentID string `json:"customsPaymentId,omitempty"`

	// customsOrderId is the number of the order that customs is told: the payment's paymentRequestId, or subOrderId of a split order.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CustomsOrderID string `json:"customsOrderId,omitempty"`

	// identityCheckResult is CHECK_PASSED when the buyer is the payer and CHECK_NOT_PASSED when not; empty when nobody has checked, or when
	// the answer that told was lost.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	IdentityCheckResult string `json:"identityCheckResult,omitempty"`

	// clearingChannel is through whom the payment was cleared, where the gateway tells: CUP (UnionPay), NUCC (NetsUnion) or OTHER.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	ClearingChannel string `json:"clearingChannel,omitempty"`

	// clearingTransactionId is the number of the payment there.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ClearingTransactionID string `json:"clearingTransactionId,omitempty"`

	// customsProviderRegistrationId is the gateway's own registration number at customs.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CustomsProviderRegistrationID string `json:"customsProviderRegistrationId,omitempty"`

	// declarationRequestStatus is the gateway's word for how far it is: IN_PROCESS, CUSTOMS_PROCESSING_COMPLETED, which is no success by
	// itself, or a word that it has added since.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DeclarationRequestStatus string `json:"declarationRequestStatus,omitempty"`

	// customsDeclarationResultCode is what customs answered, in its own code: 2, 120 or success for accepted, a negative number for
	// rejected.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CustomsDeclarationResultCode string `json:"customsDeclarationResultCode,omitempty"`

	// customsDeclarationResultDesc is what customs answered, in its own words. It is left out where it might repeat what the Secret of
	// buyerCertificateSecretRef holds.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	CustomsDeclarationResultDesc string `json:"customsDeclarationResultDesc,omitempty"`

	// customsDeclarationReturnTime is when customs answered, by the gateway's clock.
	// +optional
	CustomsDeclarationReturnTime *metav1.Time `json:"customsDeclarationReturnTime,omitempty"`

	// lastModifiedTime is when the gateway last learned something of the declaration, by its clock.
	// +optional
	LastModifiedTime *metav1.Time `json:"lastModifiedTime,omitempty"`
}
