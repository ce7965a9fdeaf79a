package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AgreementFinalizer holds an AutoDebitAgreement whose token would outlive it, until the token is revoked or retained.
const AgreementFinalizer = GroupName + "/revoke-agreement"

// AgreementSecretFinalizer holds the Secret with a token that is to be revoked with its AutoDebitAgreement, so that whoever deletes both at once
// does not take the token away before it is revoked.
const AgreementSecretFinalizer = GroupName + "/token-in-use"

// AgreementReturnAnnotation begins the name of every annotation that tells of a browser that came back from the wallet. The value is the name
// of the Secret, owned by the agreement, that has what the browser brought: the keys authCode and authState.
const AgreementReturnAnnotation = GroupName + "/authorization-return"

// AgreementSecretLabel of a token Secret is the name of the AutoDebitAgreement that wrote it. By it an agreement that was deleted with
// deletionPolicy Retain, and is applied again, finds its tokens.
const AgreementSecretLabel = GroupName + "/agreement"

// AgreementClientAnnotation and AgreementWalletAnnotation of a token Secret are the gateway client and the wallet that its tokens belong to.
const (
	AgreementClientAnnotation = GroupName + "/client-id"
	AgreementWalletAnnotation = GroupName + "/customer-belongs-to"
)

// Keys of the Secret that holds an agreement's tokens. All of them are credentials, save the times.
const (
	// AuthStateSecretKey holds 256 random bits that bind the buyer's answer to this agreement.
	AuthStateSecretKey = "authState"
	// AuthCodeSecretKey holds the authorization code from its arrival until it is exchanged.
	AuthCodeSecretKey = "authCode"
	// AccessTokenSecretKey holds the token that debits the buyer.
	AccessTokenSecretKey = "accessToken"
	// AccessTokenTimeSecretKey holds when the gateway gave the access token, in RFC 3339.
	AccessTokenTimeSecretKey = "accessTokenTime"
	// AccessTokenExpirySecretKey holds when the access token ceases to work, in RFC 3339. Missing where the gateway has not said.
	AccessTokenExpirySecretKey = "accessTokenExpiryTime"
	// RefreshTokenSecretKey holds the newest refresh token. Missing where the wallet has none.
	RefreshTokenSecretKey = "refreshToken"
	// RefreshTokenExpirySecretKey holds when the refresh token ceases to work, in RFC 3339.
	RefreshTokenExpirySecretKey = "refreshTokenExpiryTime"
	// UserLoginIDSecretKey holds the buyer's name in the wallet, where the gateway gave it.
	UserLoginIDSecretKey = "userLoginId"
	// PreviousAccessTokenSecretKey and PreviousRefreshTokenSecretKey hold the pair before the last renewal.
	PreviousAccessTokenSecretKey  = "previousAccessToken"
	PreviousRefreshTokenSecretKey = "previousRefreshToken"
)

// AgreementState sums an AutoDebitAgreement up in one word.
type AgreementState string

// The states of an AutoDebitAgreement.
const (
	// AgreementPending means that nothing was sent.
	AgreementPending AgreementState = "Pending"
	// AgreementConsulting means that the wallet's page is being asked for.
	AgreementConsulting AgreementState = "Consulting"
	// AgreementAwaitingBuyer means that the buyer has not consented yet.
	AgreementAwaitingBuyer AgreementState = "AwaitingBuyer"
	// AgreementExchanging means that the code of the buyer's consent is being exchanged for a token.
	AgreementExchanging AgreementState = "Exchanging"
	// AgreementActive means that there is a token.
	AgreementActive AgreementState = "Active"
	// AgreementRenewing means that the token is being renewed.
	AgreementRenewing AgreementState = "Renewing"
	// AgreementRevoking means that the token is being revoked.
	AgreementRevoking AgreementState = "Revoking"
	// AgreementRevoked means that there is no token any more, or never was one, because the merchant, the buyer or the wallet ended it. Final.
	AgreementRevoked AgreementState = "Revoked"
	// AgreementExpired means that the token is too old and could not be renewed. Final.
	AgreementExpired AgreementState = "Expired"
	// AgreementFailed means that the gateway has refused to ask the buyer. Final.
	AgreementFailed AgreementState = "Failed"
	// AgreementBlocked means that a person must act; the Stalled condition says what to do.
	AgreementBlocked AgreementState = "Blocked"
)

// Final reports whether nothing more happens before a new consent is asked for.
func (s AgreementState) Final() bool {
	return s == AgreementRevoked || s == AgreementExpired || s == AgreementFailed
}

// AgreementDesiredState is what should become of an agreement.
// +kubebuilder:validation:Enum=Active;Revoked
type AgreementDesiredState string

const (
	// DesiredActive asks for the buyer's consent, and for a token that is kept alive.
	DesiredActive AgreementDesiredState = "Active"
	// DesiredRevoked asks for the token to be revoked.
	DesiredRevoked AgreementDesiredState = "Revoked"
)

// AgreementDeletionPolicy says what deleting an agreement does.
// +kubebuilder:validation:Enum=Revoke;Retain
type AgreementDeletionPolicy string

const (
	// RevokeAgreement revokes the token before the object goes, and deletes the Secret.
	RevokeAgreement AgreementDeletionPolicy = "Revoke"
	// RetainAgreement leaves token and Secret as they are.
	RetainAgreement AgreementDeletionPolicy = "Retain"
)

// AutoDebitAgreementSpec is what the buyer is asked to consent to (https://docs.antom.com/ac/ams/authconsult). Only desiredState, renewBefore,
// attempt, suspend and deletionPolicy can be changed later.
//
// +kubebuilder:validation:XValidation:rule="!has(self.terminalType) || self.terminalType == 'WEB' || has(self.osType)",fieldPath=".osType",message="osType (IOS or ANDROID) is needed when terminalType is WAP, APP or MINI_APP"
// +kubebuilder:validation:XValidation:rule="!has(self.recurringPayment) || self.customerBelongsTo == 'PAYPAY'",fieldPath=".recurringPayment",message="recurringPayment is for PAYPAY alone: omit it"
// +kubebuilder:validation:XValidation:rule="self.merchantAccountRef == oldSelf.merchantAccountRef",fieldPath=".merchantAccountRef",message="merchantAccountRef is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="self.customerBelongsTo == oldSelf.customerBelongsTo",fieldPath=".customerBelongsTo",message="customerBelongsTo is immutable, as a token belongs to one wallet: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.scopes) == has(oldSelf.scopes) && (!has(self.scopes) || self.scopes == oldSelf.scopes)",fieldPath=".scopes",message="scopes is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="self.authRedirectUrl == oldSelf.authRedirectUrl",fieldPath=".authRedirectUrl",message="authRedirectUrl is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="(has(self.redirectThroughOperator) && self.redirectThroughOperator) == (has(oldSelf.redirectThroughOperator) && oldSelf.redirectThroughOperator)",fieldPath=".redirectThroughOperator",message="redirectThroughOperator is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.terminalType) == has(oldSelf.terminalType) && (!has(self.terminalType) || self.terminalType == oldSelf.terminalType)",fieldPath=".terminalType",message="terminalType is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.osType) == has(oldSelf.osType) && (!has(self.osType) || self.osType == oldSelf.osType)",fieldPath=".osType",message="osType is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.osVersion) == has(oldSelf.osVersion) && (!has(self.osVersion) || self.osVersion == oldSelf.osVersion)",fieldPath=".osVersion",message="osVersion is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.recurringPayment) == has(oldSelf.recurringPayment) && (!has(self.recurringPayment) || self.recurringPayment == oldSelf.recurringPayment)",fieldPath=".recurringPayment",message="recurringPayment is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.authClientId) == has(oldSelf.authClientId) && (!has(self.authClientId) || self.authClientId == oldSelf.authClientId)",fieldPath=".authClientId",message="authClientId is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.merchantAccountId) == has(oldSelf.merchantAccountId) && (!has(self.merchantAccountId) || self.merchantAccountId == oldSelf.merchantAccountId)",fieldPath=".merchantAccountId",message="merchantAccountId is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.merchantRegion) == has(oldSelf.merchantRegion) && (!has(self.merchantRegion) || self.merchantRegion == oldSelf.merchantRegion)",fieldPath=".merchantRegion",message="merchantRegion is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.authCodeSecretRef) == has(oldSelf.authCodeSecretRef) && (!has(self.authCodeSecretRef) || self.authCodeSecretRef == oldSelf.authCodeSecretRef)",fieldPath=".authCodeSecretRef",message="authCodeSecretRef is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="has(self.tokenSecretName) == has(oldSelf.tokenSecretName) && (!has(self.tokenSecretName) || self.tokenSecretName == oldSelf.tokenSecretName)",fieldPath=".tokenSecretName",message="tokenSecretName is immutable: create a new AutoDebitAgreement instead"
// +kubebuilder:validation:XValidation:rule="self.attempt == oldSelf.attempt || self.attempt == oldSelf.attempt + 1",fieldPath=".attempt",message="attempt can only be raised by one"
type AutoDebitAgreementSpec struct {
	// merchantAccountRef names the MerchantAccount that may debit the buyer.
	// +required
	MerchantAccountRef MerchantAccountReference `json:"merchantAccountRef,omitempty,omitzero"`

	// customerBelongsTo is the buyer's wallet in the gateway's words, for example "GCASH" or "ALIPAY_HK".
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z0-9_]+$')",message="customerBelongsTo must be the gateway's code in capitals, digits and underscores, such as GCASH"
	CustomerBelongsTo string `json:"customerBelongsTo,omitempty"`

	// scopes are what the buyer consents to, 1 to 4 of the gateway's words. AGREEMENT_PAY, automatic debits, when omitted.
	// +optional
	// +listType=set
	// +kubebuilder:default={AGREEMENT_PAY}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.all(s, s.matches('^[A-Z_]+$'))",message="scopes must be in the gateway's words, such as AGREEMENT_PAY or BASE_USER_INFO"
	Scopes []string `json:"scopes,omitempty"`

	// authRedirectUrl is the shop's page to which the buyer returns from the wallet, for example "https://shop.example/wallet", at most 1024
	// characters. The wallet adds authCode and authState to its query, unless redirectThroughOperator takes them.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z][A-Za-z0-9+.-]*://[^\\\\s]+$')",message="authRedirectUrl must be an https address or an app's own scheme, such as https://shop.example/wallet"
	AuthRedirectURL string `json:"authRedirectUrl,omitempty"`

	// redirectThroughOperator sends the buyer's browser to the operator first, which takes code and authState and sends the browser on to
	// authRedirectUrl without them. It needs notificationBaseUrl in the account, whose path /return/<namespace>/<merchantaccount> the wallet is
	// given.
	// +optional
	RedirectThroughOperator bool `json:"redirectThroughOperator,omitempty"`

	// authCodeSecretRef names the Secret in which the shop's page puts the code that the buyer's browser brought, under the key "authCode" unless
	// key says otherwise, and beside it, under "authState", the authState. It is looked for until the buyer has consented.
	// +optional
	AuthCodeSecretRef *SecretKeyReference `json:"authCodeSecretRef,omitempty"`

	// terminalType is where the buyer consents: WEB for a desktop browser, WAP for a mobile browser, APP for a mobile app, MINI_APP for a mini
	// program inside a wallet. WEB when omitted.
	// +optional
	// +kubebuilder:default=WEB
	TerminalType TerminalType `json:"terminalType,omitempty"`

	// osType is IOS or ANDROID; needed for other terminals than WEB.
	// +optional
	OSType OSType `json:"osType,omitempty"`

	// osVersion is that of the mobile terminal, at most 16 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	OSVersion string `json:"osVersion,omitempty"`

	// recurringPayment says whether the debits recur. For PAYPAY alone.
	// +optional
	RecurringPayment *bool `json:"recurringPayment,omitempty"`

	// authClientId is the secondary merchant, for acquirers, at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	AuthClientID string `json:"authClientId,omitempty"`

	// merchantAccountId selects a location where one client id has several, at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	MerchantAccountID string `json:"merchantAccountId,omitempty"`

	// merchantRegion is where the merchant does business, for the GAGW product alone: two capitals of ISO 3166, such as JP. The gateway lists US,
	// JP, PK and SG (https://docs.antom.com/ac/ams/authconsult).
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{2}$')",message="merchantRegion must be the two capitals of a country or region, such as JP"
	MerchantRegion string `json:"merchantRegion,omitempty"`

	// additionalFields are merged into the request for the buyer's consent, for fields that the gateway has and this kind has not. Amounts,
	// ids, tokens and card data are refused.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	AdditionalFields *runtime.RawExtension `json:"additionalFields,omitempty"`

	// tokenSecretName is the Secret that the operator writes the tokens to, in the same namespace. The agreement's name and "-token" when
	// omitted. A Secret that is there already and is not this agreement's is left alone.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",message="tokenSecretName must be the name of a Secret: small letters, digits, - and ., such as gcash-4711-token"
	TokenSecretName string `json:"tokenSecretName,omitempty"`

	// renewBefore is how long before its expiry the access token is renewed, in hours, minutes and seconds between a minute and a year. A tenth of
	// the token's life when omitted, and at least 7 days; half of its life at most. Up to a third of it is added, always the same for one
	// agreement, so that agreements that were made together are not renewed together.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}[hms]){1,3}$') && duration(self) >= duration('1m') && duration(self) <= duration('8760h')",message="renewBefore must be hours, minutes and seconds between 1m and 8760h, such as 168h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`

	// attempt counts the consents that the buyer is asked for: 1, and one more for a new one. It can be raised while the buyer has not
	// consented, and after the agreement was revoked, has expired or has failed.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	Attempt int32 `json:"attempt,omitempty"`

	// desiredState is Active, or Revoked to end the agreement. A revoked one becomes Active by a new attempt alone.
	// +optional
	// +kubebuilder:default=Active
	DesiredState AgreementDesiredState `json:"desiredState,omitempty"`

	// deletionPolicy says what deleting this object does: Revoke revokes the token and deletes the Secret, Retain leaves both as they are.
	// +optional
	// +kubebuilder:default=Revoke
	DeletionPolicy AgreementDeletionPolicy `json:"deletionPolicy,omitempty"`

	// suspend holds back what would be begun: a consult, an exchange, a renewal, a revocation. What was begun is finished.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// AutoDebitAgreement is a buyer's consent to be debited without being asked each time, and the token that proves it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ada,categories=alipay
// +kubebuilder:selectablefield:JSONPath=`.spec.customerBelongsTo`
// +kubebuilder:selectablefield:JSONPath=`.status.authStateSHA256`
// +kubebuilder:selectablefield:JSONPath=`.status.accessTokenSHA256`
// +kubebuilder:printcolumn:name="Wallet",type=string,JSONPath=`.spec.customerBelongsTo`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Renewal",type=string,JSONPath=`.status.renewalTime`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.accessTokenExpiryTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Login",type=string,JSONPath=`.status.userLoginId`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="self.spec.attempt <= oldSelf.spec.attempt || (has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state in ['AwaitingBuyer', 'Revoked', 'Expired', 'Failed', 'Blocked'])",fieldPath=".spec.attempt",message="attempt can be raised only while the buyer has not consented, or after the agreement has ended: wait until status.state is AwaitingBuyer, Revoked, Expired or Failed"
type AutoDebitAgreement struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the buyer is asked to consent to.
	// +required
	Spec AutoDebitAgreementSpec `json:"spec,omitempty,omitzero"`

	// status is what has become of it. It holds no credential.
	// +optional
	Status AutoDebitAgreementStatus `json:"status,omitempty,omitzero"`
}

// AutoDebitAgreementList is a list of AutoDebitAgreements.
//
// +kubebuilder:object:root=true
type AutoDebitAgreementList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []AutoDebitAgreement `json:"items"`
}
