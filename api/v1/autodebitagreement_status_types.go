package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AgreementStepKind is a request to the gateway that changes what a consent is worth.
type AgreementStepKind string

// The steps of an agreement.
const (
	// AgreementExchange exchanges the code of the buyer's consent for a token.
	AgreementExchange AgreementStepKind = "Exchange"
	// AgreementRenewal exchanges a refresh token for a new token.
	AgreementRenewal AgreementStepKind = "Renewal"
	// AgreementRevocation ends the consent.
	AgreementRevocation AgreementStepKind = "Revocation"
)

// AgreementStep is the record that is on disk before a request leaves that consumes a credential, and before each time that it is sent again.
type AgreementStep struct {
	// kind is Exchange, Renewal or Revocation.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Kind AgreementStepKind `json:"kind,omitempty"`

	// startedAt is when the step was recorded first.
	// +required
	StartedAt metav1.Time `json:"startedAt,omitempty,omitzero"`

	// triedAt is when it was recorded that the request is sent, or sent again.
	// +required
	TriedAt metav1.Time `json:"triedAt,omitempty,omitzero"`

	// tries is how often.
	// +required
	// +kubebuilder:validation:Minimum=1
	Tries int32 `json:"tries,omitempty"`

	// credentialSHA256 is the SHA-256 of the code or token that the request consumes, in hexadecimal digits. No other one is sent while the
	// outcome is not known.
	// +required
	// +kubebuilder:validation:MaxLength=64
	CredentialSHA256 string `json:"credentialSHA256,omitempty"`

	// unanswered is true when a try got no usable answer, so that it may have consumed the credential.
	// +optional
	Unanswered bool `json:"unanswered,omitempty"`

	// announced is true when the gateway itself has announced the code, so that nobody else can have made it up.
	// +optional
	Announced bool `json:"announced,omitempty"`

	// refusedAt is when the gateway refused the request last. What becomes of a try after that is not known yet.
	// +optional
	RefusedAt *metav1.Time `json:"refusedAt,omitempty"`
}

// AgreementAuthorization is where to send the buyer: one of the addresses at least, or a code to show.
type AgreementAuthorization struct {
	// normalUrl is the wallet's web page.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	NormalURL string `json:"normalUrl,omitempty"`

	// schemeUrl opens the wallet's app by its own scheme.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	SchemeURL string `json:"schemeUrl,omitempty"`

	// applinkUrl opens the app, or a web page where it is not installed.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	ApplinkURL string `json:"applinkUrl,omitempty"`

	// appIdentifier is the Android package of the wallet.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	AppIdentifier string `json:"appIdentifier,omitempty"`

	// code is the text of a QR code that the buyer scans with the wallet.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Code string `json:"code,omitempty"`
}

// AgreementEnder is who ended an agreement.
type AgreementEnder string

const (
	// EndedByMerchant means that the operator has revoked the token, or that there was none to revoke.
	EndedByMerchant AgreementEnder = "Merchant"
	// EndedByBuyer means that the gateway has announced the end, and the merchant did not ask for it.
	EndedByBuyer AgreementEnder = "Buyer"
	// EndedByWallet means that the gateway refuses the token and gives no new one: the buyer may have ended it, or a second consent.
	EndedByWallet AgreementEnder = "Wallet"
)

// AutoDebitAgreementStatus is what has become of an agreement. Hashes stand for credentials, which are in the token Secret alone.
type AutoDebitAgreementStatus struct {
	// conditions are Ready, and Reconciling, Stalled, OutcomeUnknown and RenewalFailing while they are True. Ready is True while the token can
	// be debited, and after a revocation that spec.desiredState asked for.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions describe.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state sums the agreement up in one word: Pending, Consulting, AwaitingBuyer, Exchanging, Active, Renewing, Revoking, Revoked, Expired,
	// Failed or Blocked.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	State AgreementState `json:"state,omitempty"`

	// attempt is the spec.attempt that everything here belongs to.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempt int32 `json:"attempt,omitempty"`

	// consents is how many consents the buyer was asked for in this attempt: more than one where the token of a consent was lost.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Consents int32 `json:"consents,omitempty"`

	// clientId is the gateway client that the consent was asked for with. Consent and token belong to it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ClientID string `json:"clientId,omitempty"`

	// gatewayUrl is scheme and host of the gateway that was asked.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	GatewayURL string `json:"gatewayUrl,omitempty"`

	// authStateSHA256 is the SHA-256 of the authState that binds the buyer's answer to this agreement, in hexadecimal digits.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AuthStateSHA256 string `json:"authStateSHA256,omitempty"`

	// endedAuthStateSHA256 is that of the consent before, whose authState is not used again.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	EndedAuthStateSHA256 string `json:"endedAuthStateSHA256,omitempty"`

	// authorization is where to send the buyer, until they have consented.
	// +optional
	Authorization *AgreementAuthorization `json:"authorization,omitempty"`

	// consultedAt is when the gateway gave those addresses.
	// +optional
	ConsultedAt *metav1.Time `json:"consultedAt,omitempty"`

	// refusedCodesSHA256 are the hashes of codes that the gateway has refused for this consent, 8 at most.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=64
	RefusedCodesSHA256 []string `json:"refusedCodesSHA256,omitempty"`

	// refusedCodeAt is when the gateway refused a code first.
	// +optional
	RefusedCodeAt *metav1.Time `json:"refusedCodeAt,omitempty"`

	// step is the request that is under way, or whose outcome is not known.
	// +optional
	Step *AgreementStep `json:"step,omitempty"`

	// tokenSecretName is the Secret that the operator has written; empty when it has none, or has deleted it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TokenSecretName string `json:"tokenSecretName,omitempty"`

	// accessTokenSHA256 is the SHA-256 of the newest access token, in hexadecimal digits. It stays when the token has ended.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AccessTokenSHA256 string `json:"accessTokenSHA256,omitempty"`

	// previousAccessTokenSHA256 is that of the token before the last renewal.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PreviousAccessTokenSHA256 string `json:"previousAccessTokenSHA256,omitempty"`

	// rejectedTokenSHA256 is that of a token which the gateway refused to debit. While it is that of the newest token, nothing is debited and
	// the token is renewed, if it can be.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RejectedTokenSHA256 string `json:"rejectedTokenSHA256,omitempty"`

	// accessTokenTime is when the gateway gave the newest access token.
	// +optional
	AccessTokenTime *metav1.Time `json:"accessTokenTime,omitempty"`

	// accessTokenExpiryTime is when the newest access token ceases to work; empty where the gateway has not said, and once it is revoked.
	// +optional
	AccessTokenExpiryTime *metav1.Time `json:"accessTokenExpiryTime,omitempty"`

	// refreshTokenExpiryTime is when the newest refresh token ceases to work.
	// +optional
	RefreshTokenExpiryTime *metav1.Time `json:"refreshTokenExpiryTime,omitempty"`

	// renewable is true when there is a refresh token.
	// +optional
	Renewable bool `json:"renewable,omitempty"`

	// renewalTime is when the token is renewed next; empty where it can not be renewed, or never expires.
	// +optional
	RenewalTime *metav1.Time `json:"renewalTime,omitempty"`

	// renewals counts the renewals of this attempt's token.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Renewals int32 `json:"renewals,omitempty"`

	// lastRenewalTime is when the token was renewed last.
	// +optional
	LastRenewalTime *metav1.Time `json:"lastRenewalTime,omitempty"`

	// userLoginId is the buyer's name in the wallet, shown only as far as the wallet has masked it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UserLoginID string `json:"userLoginId,omitempty"`

	// revokedBy is Merchant, Buyer or Wallet once the agreement is revoked.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	RevokedBy AgreementEnder `json:"revokedBy,omitempty"`

	// finishedAt is when the agreement ended, by the operator's clock.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`

	// lastResult is the gateway's last refusal.
	// +optional
	LastResult *GatewayResult `json:"lastResult,omitempty"`
}
