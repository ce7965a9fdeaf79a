package v1

// Condition types. Every kind has Ready; Reconciling and Stalled are present only while they are True, as kstatus
// expects, so that kubectl wait, Argo CD and Flux read every kind alike.
const (
	// ReadyCondition is True once what the spec asks for is reached: the account's keys are verified, the payment is
	// paid (or cancelled, when spec.desiredState says so), the refund is done.
	ReadyCondition = "Ready"

	// ReconcilingCondition is True while the operator or somebody else is still at work and no person has to act.
	ReconcilingCondition = "Reconciling"

	// StalledCondition is True when nothing will happen before a person acts; its message says what to do.
	StalledCondition = "Stalled"

	// SucceededCondition says how an operation that moves money ended. True: the gateway reports the money moved.
	// False: it reports that the operation ended without moving money. Unknown: not ended, or not known.
	SucceededCondition = "Succeeded"

	// OutcomeUnknownCondition is True while a request was sent whose outcome nobody knows. The operator keeps asking
	// the gateway and never reports such an operation as failed or as paid.
	OutcomeUnknownCondition = "OutcomeUnknown"

	// AuthorizedCondition of a card Payment says whether its money is held or collected. False: it was let go, or never held.
	AuthorizedCondition = "Authorized"

	// RenewalFailingCondition of an AutoDebitAgreement is True while its token comes near its end and is not renewed: the renewal is refused or
	// gets no answer, or the wallet has none. It is the one to alert on.
	RenewalFailingCondition = "RenewalFailing"

	// IdentityCheckPassedCondition of a CustomsDeclaration says whether the gateway has found that the buyer is the payer. False is a
	// warning: the declaration went out, and customs will probably reject it. Absent where nobody has checked.
	IdentityCheckPassedCondition = "IdentityCheckPassed"

	// CustomsCodeDocumentedCondition of a CustomsDeclaration is False, as a warning, where the gateway does not document the office that it
	// names. The declaration is sent all the same.
	CustomsCodeDocumentedCondition = "CustomsCodeDocumented"

	// CredentialsValidCondition of a MerchantAccount says whether the gateway accepted a request signed with the account's key and
	// whether its answer carried the signature of one of spec.alipayPublicKeys.
	CredentialsValidCondition = "CredentialsValid"

	// ResolvedCondition of a Dispute is True once the gateway has announced how it ended; its reason is the outcome.
	ResolvedCondition = "Resolved"

	// DefenseDueCondition of a Dispute is True while nobody has decided and little time is left to; its reason says how little.
	DefenseDueCondition = "DefenseDue"

	// DisputedCondition of a Payment is True while disputes may take its money, or have taken it: a refund would pay the buyer twice.
	DisputedCondition = "Disputed"
)

// Reasons of conditions and events. Where the gateway gave a result code that ended an operation, the
// code itself is the reason, for example USER_BALANCE_NOT_ENOUGH.
const (
	// VerifiedReason means that the gateway and the account accepted each other's signatures.
	VerifiedReason = "Verified"
	// SecretNotFoundReason means that the Secret with credentials or personal data, or the key in it, does not exist yet.
	SecretNotFoundReason = "SecretNotFound"
	// SecretForbiddenReason means that no Role lets the operator read the Secret.
	SecretForbiddenReason = "SecretForbidden"
	// SecretUnreadableReason means that the API server did not give out the Secret; it is tried again.
	SecretUnreadableReason = "SecretUnreadable"
	// CredentialsInvalidReason means that the Secret or spec.alipayPublicKeys holds something that is not a usable key.
	CredentialsInvalidReason = "CredentialsInvalid"
	// CredentialsRejectedReason means that the gateway does not accept the account's signature or client id.
	CredentialsRejectedReason = "CredentialsRejected"
	// AlipayPublicKeyMismatchReason means that answers are not signed with any of spec.alipayPublicKeys.
	AlipayPublicKeyMismatchReason = "AlipayPublicKeyMismatch"
	// GatewayUnreachableReason means that no usable answer came from the gateway; it is tried again.
	GatewayUnreachableReason = "GatewayUnreachable"

	// MerchantAccountNotFoundReason means that the MerchantAccount does not exist yet.
	MerchantAccountNotFoundReason = "MerchantAccountNotFound"
	// MerchantAccountNotReadyReason means that the MerchantAccount's credentials are not verified; nothing is sent.
	MerchantAccountNotReadyReason = "MerchantAccountNotReady"
	// ClientIDChangedReason means that the account now names another client than the one that was asked to move money.
	ClientIDChangedReason = "ClientIdChanged"

	// GatewayChangedReason means that the account now names another gateway than the one that may have the request.
	GatewayChangedReason = "GatewayChanged"

	// SubmittingReason means that the intent is on record and the request is about to be sent, or its answer awaited.
	SubmittingReason = "Submitting"
	// AwaitingBuyerReason means that the order is open and the buyer has not paid yet.
	AwaitingBuyerReason = "AwaitingBuyer"
	// AwaitingChannelReason means that the buyer is done and the payment channel has not confirmed yet, or that the wallet has not decided an
	// automatic debit yet.
	AwaitingChannelReason = "AwaitingChannel"
	// AwaitingCaptureReason means that the money of a card is held and has not been collected.
	AwaitingCaptureReason = "AwaitingCapture"
	// CaptureFailedReason means that the gateway has failed to collect the money of a card that it holds.
	CaptureFailedReason = "CaptureFailed"
	// AuthorizationExpiringReason means that the money of a card, which the merchant captures, is let go within a day, and nothing of it is
	// captured.
	AuthorizationExpiringReason = "AuthorizationExpiring"
	// AuthorizationExpiredReason means that the money of a card was let go because it was not captured in time.
	AuthorizationExpiredReason = "AuthorizationExpired"
	// AwaitingPaymentReason means that the Payment that this object refers to is missing or not paid yet.
	AwaitingPaymentReason = "AwaitingPayment"
	// CaptureInProcessReason means that the gateway has accepted the capture and is working on it.
	CaptureInProcessReason = "CaptureInProcess"
	// RefundInProcessReason means that the gateway has accepted the refund and is working on it.
	RefundInProcessReason = "RefundInProcess"
	// DeclarationInProcessReason means that the gateway has taken the declaration and customs has not answered.
	DeclarationInProcessReason = "DeclarationInProcess"
	// CancellingReason means that the payment is being cancelled.
	CancellingReason = "Cancelling"
	// OutcomeUnknownReason means that a request was sent and its answer was lost or unusable. The operator is asking again.
	OutcomeUnknownReason = "OutcomeUnknown"
	// SuspendedReason means that spec.suspend holds back what would otherwise be sent.
	SuspendedReason = "Suspended"

	// ConsultingReason means that the gateway is asked where the buyer can consent.
	ConsultingReason = "Consulting"
	// AwaitingConsentReason means that the buyer has not consented yet.
	AwaitingConsentReason = "AwaitingConsent"
	// ExchangingReason means that the code of the buyer's consent is being exchanged for a token.
	ExchangingReason = "Exchanging"
	// AuthCodeRefusedReason means that the gateway has refused the code that was delivered. Another code, or the token, is waited for a while.
	AuthCodeRefusedReason = "AuthCodeRefused"
	// NewConsentNeededReason is the event that says that the token of a consent was lost, so that the buyer is asked again.
	NewConsentNeededReason = "NewConsentNeeded"
	// TokenValidReason means that the buyer can be debited.
	TokenValidReason = "TokenValid"
	// RenewingReason means that the token is being renewed.
	RenewingReason = "Renewing"
	// RenewalRefusedReason means that the gateway has refused to renew the token; it is asked again.
	RenewalRefusedReason = "RenewalRefused"
	// TokenExpiringReason means that the token ends within three days and can not be renewed.
	TokenExpiringReason = "TokenExpiring"
	// TokenExpiredReason means that the token is too old.
	TokenExpiredReason = "TokenExpired"
	// TokenRejectedReason means that the gateway has refused to debit the token, or to renew it after that.
	TokenRejectedReason = "TokenRejected"
	// RevokingReason means that the token is being revoked.
	RevokingReason = "Revoking"
	// RevokedReason means that the agreement was ended by the merchant.
	RevokedReason = "Revoked"
	// RevokedByBuyerReason means that the agreement was ended in the wallet.
	RevokedByBuyerReason = "RevokedByBuyer"
	// TokenSecretForeignReason means that the Secret for the tokens belongs to somebody else.
	TokenSecretForeignReason = "TokenSecretForeign"
	// TokenSecretLostReason means that the Secret with the tokens is gone, or holds other ones than this agreement's.
	TokenSecretLostReason = "TokenSecretLost"
	// AwaitingAgreementReason means that the AutoDebitAgreement that is to be debited is missing or not Ready.
	AwaitingAgreementReason = "AwaitingAgreement"

	// RefreshedReason means that the list of payment methods is what the gateway said within the refresh interval.
	RefreshedReason = "Refreshed"
	// MethodDisabledReason is the event that says that a catalog of the account lists the payment's method as disabled.
	MethodDisabledReason = "MethodDisabled"

	// PaidReason means that the gateway reports the money collected.
	PaidReason = "Paid"
	// CapturedReason means that the gateway reports the money of a card collected.
	CapturedReason = "Captured"
	// RefundedReason means that the gateway reports the money given back.
	RefundedReason = "Refunded"
	// AcceptedReason means that customs has recorded the declaration.
	AcceptedReason = "Accepted"
	// CustomsRejectedReason means that customs has refused the declaration; its code is in the message and in the status.
	CustomsRejectedReason = "CustomsRejected"
	// CustomsAnswerUnclearReason means that customs has answered something of which the gateway does not document whether it is a rejection.
	CustomsAnswerUnclearReason = "CustomsAnswerUnclear"
	// IdentityCheckPassedReason means that the gateway has found that the buyer is the payer.
	IdentityCheckPassedReason = "IdentityCheckPassed"
	// IdentityCheckNotPassedReason means that the gateway has found that the buyer is not the payer.
	IdentityCheckNotPassedReason = "IdentityCheckNotPassed"
	// CustomsCodeUndocumentedReason means that the gateway does not document the customs office.
	CustomsCodeUndocumentedReason = "CustomsCodeUndocumented"
	// CancelledReason means that the payment was cancelled, and given back in full if it had been paid.
	CancelledReason = "Cancelled"
	// GatewayRefusedReason stands for a result code that can not be a condition's reason; the message holds the code.
	GatewayRefusedReason = "GatewayRefused"
	// NeverPlacedReason means that nothing was ever ordered under this id at the gateway.
	NeverPlacedReason = "NeverPlaced"
	// AdoptedReason is the event that says that the gateway already knew this operation before this object's first intent.
	AdoptedReason = "Adopted"

	// NotificationRejectedReason is the event that says that an annotation holds a notification that the gateway has not signed, or that is
	// about something else. It changes nothing.
	NotificationRejectedReason = "NotificationRejected"

	// SessionExpiredReason means that the checkout session has expired and nobody has used it. No money moved.
	SessionExpiredReason = "SessionExpired"
	// SessionNotRepeatedReason means that the gateway has a session under this id that this object has not, and does not give it out again.
	// It may be used until it expires.
	SessionNotRepeatedReason = "SessionNotRepeated"
	// SessionNotStoredReason means that the gateway has made a session that could not be written into its Secret. It is asked for again.
	SessionNotStoredReason = "SessionNotStored"
	// SecretConflictReason means that the Secret in which the session belongs exists and is not this Payment's.
	SecretConflictReason = "SecretConflict"
	// PaymentMethodUnknownReason means that the gateway reports a payment as successful without saying how the buyer paid. With a card the
	// money would be held and not collected, so it does not count as paid.
	PaymentMethodUnknownReason = "PaymentMethodUnknown"

	// RequestIDConflictReason means that the gateway knows this request id with another amount or currency. Nothing is sent.
	RequestIDConflictReason = "RequestIdConflict"
	// RequestChangedReason means that the manifest, its account and its Secrets no longer make the request that was recorded, so that it can not be repeated.
	RequestChangedReason = "RequestChanged"
	// RequestInvalidReason means that the request could not be built from the spec and the Secrets that it names.
	RequestInvalidReason = "RequestInvalid"
	// FormerAttemptOpenReason means that spec.attempt was raised although a former attempt may still move money, or has.
	FormerAttemptOpenReason = "FormerAttemptOpen"
	// StateContradictionReason means that the gateway reports a final state that contradicts the one recorded before, or refuses an id as known and
	// knows no order of it.
	StateContradictionReason = "StateContradiction"
	// ModeNotSupportedReason means that this version can not carry out the payment mode that the spec asks for.
	ModeNotSupportedReason = "ModeNotSupported"

	// CancelNotSupportedReason means that the payment method can not be cancelled in this state.
	CancelNotSupportedReason = "CancelNotSupported"
	// CancelWindowExceededReason means that it is too late to cancel; a Refund is the way to give the money back.
	CancelWindowExceededReason = "CancelWindowExceeded"
	// CancelRefusedReason means that the gateway refused to cancel; its code is in the message.
	CancelRefusedReason = "CancelRefused"

	// PaymentNotPaidReason means that the Payment ended without being paid, so that there is nothing to collect or to give back.
	PaymentNotPaidReason = "PaymentNotPaid"
	// CurrencyMismatchReason means that the object names another currency than its Payment.
	CurrencyMismatchReason = "CurrencyMismatch"
	// CaptureNotSupportedReason means that the payment, or the contract, does not let the merchant capture what was asked for.
	CaptureNotSupportedReason = "CaptureNotSupported"
	// CaptureAmountExceededReason means that the captures of the Payment, those of unknown outcome included, would exceed what is authorised.
	CaptureAmountExceededReason = "CaptureAmountExceeded"
	// CaptureRefNeededReason means that the payment was captured in several parts, and the refund does not say which one it gives back.
	CaptureRefNeededReason = "CaptureRefNeeded"
	// CaptureNotDoneReason means that the Capture that the refund names has failed, or belongs to another Payment.
	CaptureNotDoneReason = "CaptureNotDone"
	// DeclarationNotSupportedReason means that the payment is by a method that can not be declared to customs.
	DeclarationNotSupportedReason = "DeclarationNotSupported"
	// CustomsAmountMissingReason means that the gateway names no amount of the payment that may be declared.
	CustomsAmountMissingReason = "CustomsAmountMissing"
	// CustomsAmountExceededReason means that the declarations of the Payment, those of unknown outcome included, would exceed what may be
	// declared of it.
	CustomsAmountExceededReason = "CustomsAmountExceeded"
	// TooManyReason means that the Payment has as many refunds or captures as its status can hold.
	TooManyReason = "TooMany"
	// RefundNotSupportedReason means that the payment method can not refund what was asked for.
	RefundNotSupportedReason = "RefundNotSupported"
	// RefundWindowExceededReason means that the payment method's refund period is over.
	RefundWindowExceededReason = "RefundWindowExceeded"
	// RefundAmountExceededReason means that the refunds of the Payment, those of unknown outcome included, would exceed what was paid.
	RefundAmountExceededReason = "RefundAmountExceeded"

	// AwaitingNotificationReason means that the gateway has announced nothing about the dispute yet.
	AwaitingNotificationReason = "AwaitingNotification"
	// AwaitingDecisionReason means that a person has to accept or to defend the dispute.
	AwaitingDecisionReason = "AwaitingDecision"
	// AwaitingJudgementReason means that a defence was handed in, and is being judged.
	AwaitingJudgementReason = "AwaitingJudgement"
	// DefenseSuppliedReason means that what a request asked for was handed in, and that no judgement follows.
	DefenseSuppliedReason = "DefenseSupplied"
	// DisputeAcceptedReason means that the dispute was accepted.
	DisputeAcceptedReason = "Accepted"
	// DefenseTimeOverReason means that the time to accept or to defend the dispute is over.
	DefenseTimeOverReason = "DefenseTimeOver"
	// DecisionUnknownReason means that the gateway has a decision about the dispute and does not say which.
	DecisionUnknownReason = "DecisionUnknown"
	// NotDefendableReason means that the gateway takes no defence of the dispute.
	NotDefendableReason = "NotDefendable"
	// AlreadyDecidedReason means that the dispute was accepted or defended otherwise, so that the answer is not sent.
	AlreadyDecidedReason = "AlreadyDecided"
	// JudgementUnclearReason means that the dispute was judged in a word that this version does not know.
	JudgementUnclearReason = "JudgementUnclear"
	// JudgementChangedReason is the event that says that the dispute was judged again, and otherwise.
	JudgementChangedReason = "JudgementChanged"
	// DefenseProposedReason is the event that says that the gateway has prepared a defence.
	DefenseProposedReason = "DefenseProposed"
	// NotificationUnreadableReason is the event that says that the gateway has announced something in a form that is not documented.
	NotificationUnreadableReason = "NotificationUnreadable"
	// EvidenceNotFoundReason means that the Secret or ConfigMap with evidence, or the key in it, does not exist.
	EvidenceNotFoundReason = "EvidenceNotFound"
	// EvidenceForbiddenReason means that no Role lets the operator read it.
	EvidenceForbiddenReason = "EvidenceForbidden"
	// EvidenceUnreadableReason means that the API server did not give it out; it is tried again.
	EvidenceUnreadableReason = "EvidenceUnreadable"
	// EvidenceInvalidReason means that the evidence is too large, empty, or in none of the formats.
	EvidenceInvalidReason = "EvidenceInvalid"
	// DueWithin72HoursReason means that three days or less are left to decide.
	DueWithin72HoursReason = "DueWithin72Hours"
	// DueWithin24HoursReason means that a day or less is left to decide.
	DueWithin24HoursReason = "DueWithin24Hours"
	// DueWithin6HoursReason means that six hours or less are left to decide.
	DueWithin6HoursReason = "DueWithin6Hours"
	// WonReason means that the merchant keeps the disputed money.
	WonReason = "Won"
	// LostReason means that the buyer gets the disputed money.
	LostReason = "Lost"
	// ApprovedReason means that the material for a compliance request was approved.
	ApprovedReason = "Approved"
	// ResolvedByRDRReason means that Visa's Rapid Dispute Resolution has given the money back.
	ResolvedByRDRReason = "ResolvedByRDR"
	// NotResolvedReason means that no outcome of the dispute was announced.
	NotResolvedReason = "NotResolved"
	// PaymentDisputedReason means that the Payment has a dispute which may take its money, or has taken it.
	PaymentDisputedReason = "PaymentDisputed"
)
