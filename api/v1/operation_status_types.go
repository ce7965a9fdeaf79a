package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OperationState sums an operation up in one word.
type OperationState string

// The states of every kind that moves money.
const (
	// StatePending means that nothing has been sent. Transient.
	StatePending OperationState = "Pending"
	// StateSubmitting means that the intent is on record and the gateway's answer is awaited. Transient.
	StateSubmitting OperationState = "Submitting"
	// StateProcessing means that the gateway has the operation and has not ended it. Transient.
	StateProcessing OperationState = "Processing"
	// StateUnknown means that a request was sent and nobody knows what became of it. Transient.
	StateUnknown OperationState = "Unknown"
	// StateFailed means that the gateway has refused or ended the operation and no money moved. Final for this attempt.
	StateFailed OperationState = "Failed"
	// StateBlocked means that a person must act; the Stalled condition says what to do.
	StateBlocked OperationState = "Blocked"
)

// Final reports whether the gateway has ended the operation.
func (s OperationState) Final() bool {
	switch s {
	case StateFailed, PaymentPaid, PaymentCancelled, RefundRefunded, CaptureCaptured, DeclarationAccepted, DeclarationRejected:
		return true
	default:
		return false
	}
}

// OperationStatus is what the status of every kind that moves money records.
type OperationStatus struct {
	// conditions are Ready, Succeeded, and Reconciling, Stalled and OutcomeUnknown while they are True.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions describe.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state sums the object up in one word: Pending, Submitting, Processing, Unknown, Failed, Blocked, or one of the kind's own. Those
	// of a Payment are Confirming, Authorized, Paid and Cancelled; that of a Refund is Refunded and that of a Capture is Captured; those of
	// a CustomsDeclaration are Accepted, Rejected and Undetermined.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	State OperationState `json:"state,omitempty"`

	// intent is the record made before the first request of this attempt left.
	// +optional
	Intent *Intent `json:"intent,omitempty"`

	// adopted is true when the gateway already knew this operation before this object's first intent, for example after a restore or
	// when the same manifest was applied to another cluster.
	// +optional
	Adopted bool `json:"adopted,omitempty"`

	// conflict says why what the gateway reports can not be this operation. Nothing is sent any more.
	// +optional
	Conflict *Conflict `json:"conflict,omitempty"`

	// finishedAt is when the operation was settled, by the operator's clock. ttlSecondsAfterFinished counts from it.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`

	// endedAttempts is how many attempts, from the first on, the gateway has confirmed to have ended without money moving.
	// +optional
	// +kubebuilder:validation:Minimum=0
	EndedAttempts int32 `json:"endedAttempts,omitempty"`

	// emptyAnswers counts the gateway's answers that it does not know the operation, while it was looked for.
	// +optional
	EmptyAnswers *EmptyAnswers `json:"emptyAnswers,omitempty"`

	// lastResult is the gateway's last result that decided something.
	// +optional
	LastResult *GatewayResult `json:"lastResult,omitempty"`
}
