package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DisputeState sums a dispute up in one word. The gateway has no such word: it follows from what was announced and answered.
type DisputeState string

const (
	// DisputePending means that nothing was announced yet. Transient.
	DisputePending DisputeState = "Pending"
	// DisputeOpen means that the merchant has to decide. Transient.
	DisputeOpen DisputeState = "Open"
	// DisputeAccepting means that an acceptance is on record and no answer to it. Transient.
	DisputeAccepting DisputeState = "Accepting"
	// DisputeDefending means that a defence is on record and no answer to it. Transient.
	DisputeDefending DisputeState = "Defending"
	// DisputeAccepted means that the dispute was accepted, by this operator, in the dashboard, by the gateway's staff or by lapse of time.
	DisputeAccepted DisputeState = "Accepted"
	// DisputeDefenseSupplied means that a defence was handed in, by this operator or otherwise.
	DisputeDefenseSupplied DisputeState = "DefenseSupplied"
	// DisputeExpired means that the time to decide is over and no outcome was announced.
	DisputeExpired DisputeState = "Expired"
	// DisputeDecisionUnknown means that the gateway has a decision and does not say which. A person must look at the dashboard.
	DisputeDecisionUnknown DisputeState = "DecisionUnknown"
	// DisputeJudged means that it was judged in a word that this version does not know.
	DisputeJudged DisputeState = "Judged"
	// DisputeWon means that the merchant keeps the money. Final, unless another judgement follows.
	DisputeWon DisputeState = "Won"
	// DisputeLost means that the buyer gets the judged amount. Final, unless another judgement follows.
	DisputeLost DisputeState = "Lost"
	// DisputeApproved means that the material for a compliance request was approved. Final, unless another judgement follows.
	DisputeApproved DisputeState = "Approved"
	// DisputeCancelled means that the buyer has withdrawn it. Final.
	DisputeCancelled DisputeState = "Cancelled"
	// DisputeResolvedByRDR means that Visa's Rapid Dispute Resolution has given the money back. Final.
	DisputeResolvedByRDR DisputeState = "ResolvedByRDR"
)

// Final reports whether the gateway has announced how the dispute ended.
func (s DisputeState) Final() bool {
	switch s {
	case DisputeWon, DisputeLost, DisputeApproved, DisputeCancelled, DisputeResolvedByRDR:
		return true
	default:
		return false
	}
}

// ResponseResult is what became of the merchant's answer to a dispute.
type ResponseResult string

const (
	// ResponseUnanswered means that the answer was sent, or is about to be, and the gateway has not told. It is sent again, the same.
	ResponseUnanswered ResponseResult = "Unanswered"
	// ResponseTaken means that the gateway has it.
	ResponseTaken ResponseResult = "Taken"
	// ResponseRefused means that the gateway has refused it, and nothing has happened.
	ResponseRefused ResponseResult = "Refused"
	// ResponseTooLate means that the gateway has refused it because the time was over.
	ResponseTooLate ResponseResult = "TooLate"
	// ResponseOtherDecision means that the gateway says that a decision stands, which may be this one and may be another.
	ResponseOtherDecision ResponseResult = "OtherDecision"
)

// DisputeAmount is a sum of money as the gateway announced it.
type DisputeAmount struct {
	// currency is the ISO 4217 code, for example "USD".
	// +required
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`

	// value is a whole number of the currency's smallest unit.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Value string `json:"value,omitempty"`
}

// DisputeFacts are the fields of a notification, in the gateway's words (https://docs.antom.com/ac/ams/notify_dispute). Each notification has some.
type DisputeFacts struct {
	// disputeType is CHARGEBACK, RETRIEVAL_REQUEST, COMPLIANCE_REQUEST or another. Older notifications lack it; it is then a chargeback.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DisputeType string `json:"disputeType,omitempty"`

	// paymentId is the gateway's id of the payment.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentID string `json:"paymentId,omitempty"`

	// paymentRequestId is the merchant's id of the payment.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentRequestID string `json:"paymentRequestId,omitempty"`

	// captureId is the capture that it is about, if there are several.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CaptureID string `json:"captureId,omitempty"`

	// arn is the acquirer's reference number.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ARN string `json:"arn,omitempty"`

	// disputeTime is when the dispute was raised.
	// +optional
	DisputeTime *metav1.Time `json:"disputeTime,omitempty"`

	// disputeAmount is how much of the payment is disputed.
	// +optional
	DisputeAmount *DisputeAmount `json:"disputeAmount,omitempty"`

	// disputeReasonCode is the scheme's or the method's own code, for example "4853".
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DisputeReasonCode string `json:"disputeReasonCode,omitempty"`

	// disputeReasonMsg is the reason in words, at most 256 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	DisputeReasonMsg string `json:"disputeReasonMsg,omitempty"`

	// disputeSource is the scheme or the issuer, for example "Mastercard".
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DisputeSource string `json:"disputeSource,omitempty"`

	// defendable says whether a defence is possible; absent where the gateway does not say.
	// +optional
	Defendable *bool `json:"defendable,omitempty"`

	// defenseDueTime is the last moment to accept or to defend. Where notifications name several, the latest.
	// +optional
	DefenseDueTime *metav1.Time `json:"defenseDueTime,omitempty"`

	// autoDefendReason is why the gateway has defended by itself.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	AutoDefendReason string `json:"autoDefendReason,omitempty"`

	// disputeAcceptReason is who accepted it: MERCHANT_ACCEPTED, TIMEOUT, MANUAL_PROCESSING_ACCEPTED or another.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DisputeAcceptReason string `json:"disputeAcceptReason,omitempty"`

	// disputeAcceptTime is when.
	// +optional
	DisputeAcceptTime *metav1.Time `json:"disputeAcceptTime,omitempty"`

	// disputeJudgedResult is the judgement in the gateway's word, which is easily read the wrong way round: see outcome.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DisputeJudgedResult string `json:"disputeJudgedResult,omitempty"`

	// disputeJudgedTime is when it was judged.
	// +optional
	DisputeJudgedTime *metav1.Time `json:"disputeJudgedTime,omitempty"`

	// disputeJudgedAmount is what the judgement takes from the merchant.
	// +optional
	DisputeJudgedAmount *DisputeAmount `json:"disputeJudgedAmount,omitempty"`
}

// DisputeNotification is one notification that the gateway has signed.
type DisputeNotification struct {
	// type is its disputeNotificationType, known to this version or not, for example "DISPUTE_CREATED"; or DEFENSE_DOCUMENT, which names no type
	// itself and proposes a defence.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Type string `json:"type,omitempty"`

	// sha256 is the SHA-256 of its body in hexadecimal digits, by which repetitions are known.
	// +required
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`

	// notifyTime is when the gateway proposed a defence, for type DEFENSE_DOCUMENT.
	// +optional
	NotifyTime *metav1.Time `json:"notifyTime,omitempty"`

	// sentTime is when the gateway sent it, by the sending that was stored first.
	// +optional
	SentTime *metav1.Time `json:"sentTime,omitempty"`

	// unreadable is true where fields have another form than documented, so that they could not be read. The annotation keeps all of them.
	// +optional
	Unreadable bool `json:"unreadable,omitempty"`

	DisputeFacts `json:",inline"`
}

// DefenseProposal is a defence that the gateway has prepared (https://docs.antom.com/ac/ams/notifyDefenseDocument). Its file stays at the gateway.
type DefenseProposal struct {
	// notifyTime is when the gateway proposed it.
	// +required
	NotifyTime metav1.Time `json:"notifyTime,omitempty,omitzero"`

	// fileName is the name of the file that was prepared.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	FileName string `json:"fileName,omitempty"`

	// fileFormat is PDF, WORD, ZIP, JPG or another.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	FileFormat string `json:"fileFormat,omitempty"`

	// fileMd5 is the MD5 of the file.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	FileMD5 string `json:"fileMd5,omitempty"`

	// winRateLevel is how likely the gateway thinks that it wins: HIGH, MEDIUM, LOW or another word.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	WinRateLevel string `json:"winRateLevel,omitempty"`

	// recommendedEvidence is what else would help, in the gateway's words.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	RecommendedEvidence map[string]string `json:"recommendedEvidence,omitempty"`

	// suggestionsForImprovement says what to better in it.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	SuggestionsForImprovement string `json:"suggestionsForImprovement,omitempty"`
}

// DisputeResponseStatus is the merchant's answer as it was sent.
type DisputeResponseStatus struct {
	// action is Accept or Defend.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Action string `json:"action,omitempty"`

	// intent is the record made before the answer left for the first time.
	// +required
	Intent Intent `json:"intent,omitempty,omitzero"`

	// result is what became of it: Unanswered, Taken, Refused, TooLate or OtherDecision.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Result ResponseResult `json:"result,omitempty"`

	// unclearTime is when it was sent and what the gateway said to it was lost, for the first time: it may have been taken then.
	// +optional
	UnclearTime *metav1.Time `json:"unclearTime,omitempty"`

	// disputeResolutionTime is when the gateway took it, by its own clock.
	// +optional
	DisputeResolutionTime *metav1.Time `json:"disputeResolutionTime,omitempty"`

	// answersJudgement is the SHA-256 of the notification of the judgement that was the last one when this answer was recorded, if there was one.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AnswersJudgement string `json:"answersJudgement,omitempty"`

	// evidenceSHA256 is the SHA-256 of the file in hexadecimal digits.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	EvidenceSHA256 string `json:"evidenceSHA256,omitempty"`

	// evidenceFormat is PDF, WORD, ZIP or JPG.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	EvidenceFormat string `json:"evidenceFormat,omitempty"`

	// evidenceBytes is the size of the file.
	// +optional
	// +kubebuilder:validation:Minimum=0
	EvidenceBytes int32 `json:"evidenceBytes,omitempty"`
}

// DisputeStatus is what the gateway has announced and answered. It is made of verified notifications and answers alone, in whatever order they came.
type DisputeStatus struct {
	// conditions are Ready and Resolved; Reconciling, Stalled, OutcomeUnknown and DefenseDue while they are True.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions describe.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state sums the dispute up in one word: Pending, Open, Accepting, Defending, Accepted, DefenseSupplied, Expired, DecisionUnknown, Judged, Won,
	// Lost, Approved, Cancelled or ResolvedByRDR.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	State DisputeState `json:"state,omitempty"`

	// outcome is how it was decided, for the merchant: Won, Lost, Approved, Cancelled or ResolvedByRDR. Empty while it is not.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Outcome DisputeState `json:"outcome,omitempty"`

	// formerOutcome is the outcome of an earlier judgement that said otherwise. Money may have moved again.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	FormerOutcome DisputeState `json:"formerOutcome,omitempty"`

	// payment is the name of the Payment in this namespace; empty while there is none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Payment string `json:"payment,omitempty"`

	DisputeFacts `json:",inline"`

	// defenseProposal is the newest defence that the gateway has proposed.
	// +optional
	DefenseProposal *DefenseProposal `json:"defenseProposal,omitempty"`

	// response is the answer that was sent.
	// +optional
	Response *DisputeResponseStatus `json:"response,omitempty"`

	// lastResult is the gateway's last refusal of an answer.
	// +optional
	LastResult *GatewayResult `json:"lastResult,omitempty"`

	// history is every notification, in the order in which the gateway sent them. It holds 100; further ones stay in annotations.
	// +optional
	// +listType=map
	// +listMapKey=sha256
	// +kubebuilder:validation:MaxItems=100
	History []DisputeNotification `json:"history,omitempty"`
}
