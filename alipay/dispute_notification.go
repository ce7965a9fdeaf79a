package alipay

import "errors"

// Values of disputeNotificationType. The gateway may add others, which must be kept like these: there is no other way
// to learn of a dispute. See docs.antom.com/ac/ams/notify_dispute.
const (
	// NotifyDisputeCreated says that there is a dispute.
	NotifyDisputeCreated = "DISPUTE_CREATED"
	// NotifyDisputeJudged says that it is decided, see [DisputeNotification.Outcome].
	NotifyDisputeJudged = "DISPUTE_JUDGED"
	// NotifyDisputeCancelled says that the buyer withdrew it. Final.
	NotifyDisputeCancelled = "DISPUTE_CANCELLED"
	// NotifyDefenseSupplied says that a defence was handed in, by this API or otherwise.
	NotifyDefenseSupplied = "DEFENSE_SUPPLIED"
	// NotifyDefenseDueAlert warns about the deadline, about a day before. Compare DefenseDueTime with the clock.
	NotifyDefenseDueAlert = "DEFENSE_DUE_ALERT"
	// NotifyRDRResolved says that Visa's Rapid Dispute Resolution has refunded the buyer. Final at arrival.
	NotifyRDRResolved = "RDR_RESOLVED"
	// NotifyDisputeAccepted says that it was accepted, see DisputeAcceptReason. Only the SDKs know it.
	NotifyDisputeAccepted = "DISPUTE_ACCEPTED"
)

// NotifyDefenseDocument is the type that [ReadSubject] gives to a [DefenseDocumentNotification]. It is a word of this
// package: the body names no type.
const NotifyDefenseDocument = "DEFENSE_DOCUMENT"

// Values of disputeType. The gateway may add others.
const (
	// DisputeChargeback takes the money back unless it is defended.
	DisputeChargeback = "CHARGEBACK"
	// DisputeRetrievalRequest asks for information. No money moves; unanswered it may become a chargeback.
	DisputeRetrievalRequest = "RETRIEVAL_REQUEST"
	// DisputeComplianceRequest asks for material, in India. No money moves.
	DisputeComplianceRequest = "COMPLIANCE_REQUEST"
)

// Values of disputeAcceptReason. The gateway may add others.
const (
	// DisputeAcceptedByMerchant means by [Client.AcceptDispute] or in the dashboard.
	DisputeAcceptedByMerchant = "MERCHANT_ACCEPTED"
	// DisputeAcceptedByTimeout means that nobody answered before DefenseDueTime.
	DisputeAcceptedByTimeout = "TIMEOUT"
	// DisputeAcceptedByHand means by the gateway's staff.
	DisputeAcceptedByHand = "MANUAL_PROCESSING_ACCEPTED"
)

// DisputeNotification is notifyDispute. It speaks of the dispute alone: it has no result, and its notifyType, which the
// SDKs know, means nothing. Notifications come more than once and in any order. See docs.antom.com/ac/ams/notify_dispute.
type DisputeNotification struct {
	// DisputeNotificationType is one of the Notify constants or another word.
	DisputeNotificationType string `json:"disputeNotificationType"`
	// DisputeID is the gateway's id of the dispute.
	DisputeID string `json:"disputeId"`
	// PaymentID is the gateway's id of the payment.
	PaymentID string `json:"paymentId"`
	// PaymentRequestID is the merchant's id of the payment.
	PaymentRequestID string `json:"paymentRequestId"`
	// DisputeType is one of the Dispute constants, another word, or empty in older notifications.
	DisputeType string `json:"disputeType,omitempty"`
	// DisputeTime is when it was raised.
	DisputeTime Time `json:"disputeTime,omitzero"`
	// DisputeAmount is how much of the payment. Given with DISPUTE_CREATED.
	DisputeAmount *Amount `json:"disputeAmount,omitempty"`
	// DisputeReasonCode is the card scheme's or the method's own code, for example "4853".
	DisputeReasonCode string `json:"disputeReasonCode,omitempty"`
	// DisputeReasonMsg is the reason in words. A buyer may have written it.
	DisputeReasonMsg string `json:"disputeReasonMsg,omitempty"`
	// DisputeSource is the scheme or issuer, for example "Mastercard".
	DisputeSource string `json:"disputeSource,omitempty"`
	// DefenseDueTime is the last moment to accept or to defend. Given with DISPUTE_CREATED and DEFENSE_DUE_ALERT.
	DefenseDueTime Time `json:"defenseDueTime,omitzero"`
	// Defendable says whether a defence is possible; nil if the gateway does not say.
	Defendable *Bool `json:"defendable,omitempty"`
	// DisputeJudgedTime is when it was decided.
	DisputeJudgedTime Time `json:"disputeJudgedTime,omitzero"`
	// DisputeJudgedAmount is what the merchant loses.
	DisputeJudgedAmount *Amount `json:"disputeJudgedAmount,omitempty"`
	// DisputeJudgedResult is how it was decided. Its words are easily read the wrong way round: see Outcome.
	DisputeJudgedResult string `json:"disputeJudgedResult,omitempty"`
	// DisputeAcceptReason is who accepted it. Given with DISPUTE_ACCEPTED.
	DisputeAcceptReason string `json:"disputeAcceptReason,omitempty"`
	// DisputeAcceptTime is when.
	DisputeAcceptTime Time `json:"disputeAcceptTime,omitzero"`
	// AutoDefendReason is why the gateway defended by itself.
	AutoDefendReason string `json:"autoDefendReason,omitempty"`
	// CaptureID is the capture that it is about, if there are several.
	CaptureID string `json:"captureId,omitempty"`
	// ARN is the acquirer's reference number.
	ARN string `json:"arn,omitempty"`
}

// DisputeOutcome is how a dispute was decided, for the merchant.
type DisputeOutcome string

const (
	// DisputeWon means that the merchant keeps the money.
	DisputeWon DisputeOutcome = "Won"
	// DisputeLost means that the buyer gets the judged amount.
	DisputeLost DisputeOutcome = "Lost"
	// DisputeApproved means that the material for a compliance request was approved.
	DisputeApproved DisputeOutcome = "Approved"
	// DisputeRefused means that the material was not: other material may be sent, see [CodeDefenseExceedLimit].
	DisputeRefused DisputeOutcome = "Refused"
	// DisputeUndecided means that the notification decides nothing, or something that is not documented.
	DisputeUndecided DisputeOutcome = "Undecided"
)

// Outcome is the decision that the notification brings. ACCEPT_BY_CUSTOMER means that the buyer accepts having lost, and
// ACCEPT_BY_MERCHANT that the merchant has.
func (n *DisputeNotification) Outcome() DisputeOutcome {
	if n.DisputeNotificationType != NotifyDisputeJudged {
		return DisputeUndecided
	}
	switch n.DisputeJudgedResult {
	case "ACCEPT_BY_CUSTOMER":
		return DisputeWon
	case "ACCEPT_BY_MERCHANT":
		return DisputeLost
	case "VALIDATE_SUCCESS":
		return DisputeApproved
	case "VALIDATE_FAIL":
		return DisputeRefused
	}
	return DisputeUndecided
}

// ReadDisputeNotification decodes notifyDispute. A type that this package does not know is no error; a body without the
// dispute's id or without a type is.
func ReadDisputeNotification(body []byte) (*DisputeNotification, error) {
	notification, err := readNotification[DisputeNotification](body)
	switch {
	case err != nil:
		return nil, err
	case notification.DisputeID == "":
		return nil, errors.New("reading the notification: it has no disputeId")
	case notification.DisputeNotificationType == "":
		return nil, errors.New("reading the notification: it has no disputeNotificationType")
	}
	return notification, nil
}

// DefenseDocumentNotification is notifyDefenseDocument: the gateway has prepared a defence that the merchant may hand in.
// [Client.DownloadDisputeEvidence] fetches it as [EvidenceProposal]. DisputeID and NotifyTime name the event together; it
// is sent again with the same. See docs.antom.com/ac/ams/notifyDefenseDocument.
type DefenseDocumentNotification struct {
	// DisputeID is the gateway's id of the dispute.
	DisputeID string `json:"disputeId"`
	// NotifyTime is when the gateway proposed it.
	NotifyTime Time `json:"notifyTime"`
	// DefenseFile describes the file.
	DefenseFile DefenseFile `json:"defenseFile"`
	// WinRateLevel is how likely the gateway thinks that it wins: "HIGH", "MEDIUM", "LOW", another word, or empty.
	WinRateLevel string `json:"winRateLevel,omitempty"`
	// RecommendedEvidence is what else would help, by the gateway's own keys: at most 32, each of at most 512 characters.
	RecommendedEvidence map[string]string `json:"recommendedEvidence,omitempty"`
	// SuggestionsForImprovement is at most 2048 characters.
	SuggestionsForImprovement string `json:"suggestionsForImprovement,omitempty"`
}

// DefenseFile describes a file that the gateway has prepared.
type DefenseFile struct {
	// FileName is the file's name.
	FileName string `json:"fileName"`
	// FileMD5 is the MD5 of the file; whether in hexadecimal digits is not documented.
	FileMD5 string `json:"fileMd5"`
	// FileFormat is one of the Format constants or another word.
	FileFormat string `json:"fileFormat"`
}

// ReadDefenseDocumentNotification decodes notifyDefenseDocument. A body without the dispute's id or without the time that
// names the event is an error.
func ReadDefenseDocumentNotification(body []byte) (*DefenseDocumentNotification, error) {
	notification, err := readNotification[DefenseDocumentNotification](body)
	switch {
	case err != nil:
		return nil, err
	case notification.DisputeID == "":
		return nil, errors.New("reading the notification: it has no disputeId")
	case notification.NotifyTime.IsZero():
		return nil, errors.New("reading the notification: it has no notifyTime")
	}
	return notification, nil
}
