package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Environment tells test money from real money.
// +kubebuilder:validation:Enum=Sandbox;Production
type Environment string

const (
	// SandboxEnvironment is the gateway's test mode, or a simulator of it. Client ids begin with "SANDBOX_".
	SandboxEnvironment Environment = "Sandbox"
	// ProductionEnvironment moves real money.
	ProductionEnvironment Environment = "Production"
)

// Region chooses one of the gateway's hosts (https://docs.antom.com/ac/ams/api_fund). A client id belongs to one region.
// +kubebuilder:validation:Enum=NorthAmerica;Asia;Europe
type Region string

const (
	// NorthAmericaRegion is https://open-na-global.alipay.com.
	NorthAmericaRegion Region = "NorthAmerica"
	// AsiaRegion is https://open-sea-global.alipay.com.
	AsiaRegion Region = "Asia"
	// EuropeRegion is https://open-de-global.alipay.com.
	EuropeRegion Region = "Europe"
)

// Keys of the credentials Secret.
const (
	// PrivateKeySecretKey holds the merchant's RSA private key: PEM or bare base64, PKCS#8 or PKCS#1.
	PrivateKeySecretKey = "privateKey"
	// KeyVersionSecretKey holds the key version to send, a positive whole number. Optional; 1 when absent.
	KeyVersionSecretKey = "keyVersion"
	// AgentTokenSecretKey holds the Agent-Token header of a service provider that acts for a merchant. Optional.
	AgentTokenSecretKey = "agentToken"
)

// MerchantAccountSpec says how to reach the gateway as one of its merchants.
//
// +kubebuilder:validation:XValidation:rule="has(self.region) != has(self.gatewayUrl)",message="set exactly one of region and gatewayUrl: region for Alipay's own hosts, gatewayUrl for a simulator or a dedicated host"
// +kubebuilder:validation:XValidation:rule="(self.environment == 'Sandbox') == self.clientId.startsWith('SANDBOX_')",fieldPath=".environment",message="environment must fit the client id: Sandbox for a clientId that begins with SANDBOX_, Production for any other"
// +kubebuilder:validation:XValidation:rule="!has(self.gatewayUrl) || self.gatewayUrl.startsWith('https://') || self.environment == 'Sandbox'",fieldPath=".gatewayUrl",message="gatewayUrl must begin with https:// in Production; http:// is only for a simulator in Sandbox"
// +kubebuilder:validation:XValidation:rule="!has(self.notificationBaseUrl) || self.notificationBaseUrl.startsWith('https://') || self.environment == 'Sandbox'",fieldPath=".notificationBaseUrl",message="notificationBaseUrl must begin with https:// in Production, as the gateway calls it over the Internet; http:// is only for a simulator in Sandbox"
// +kubebuilder:validation:XValidation:rule="has(self.requestIdPrefix) == has(oldSelf.requestIdPrefix) && (!has(self.requestIdPrefix) || self.requestIdPrefix == oldSelf.requestIdPrefix)",fieldPath=".requestIdPrefix",message="requestIdPrefix is immutable, because it is part of every request id: with another prefix, payments made before would be made again; create a new MerchantAccount instead"
// +kubebuilder:validation:XValidation:rule="self.clientId == oldSelf.clientId",fieldPath=".clientId",message="clientId is immutable, because open payments belong to it: create a new MerchantAccount instead"
// +kubebuilder:validation:XValidation:rule="self.environment == oldSelf.environment",fieldPath=".environment",message="environment is immutable: create a new MerchantAccount instead"
type MerchantAccountSpec struct {
	// clientId is the client ID of the Antom dashboard, for example "SANDBOX_5Y00000000000000". Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_]+$')",message="clientId must be letters, digits and underscores alone: copy it from the dashboard, such as SANDBOX_5Y00000000000000"
	ClientID string `json:"clientId,omitempty"`

	// environment is Sandbox for a client id that begins with "SANDBOX_", and Production for any other. Immutable.
	// +required
	Environment Environment `json:"environment,omitempty"`

	// region chooses the gateway's host: NorthAmerica, Asia or Europe. Give either this or gatewayUrl.
	// +optional
	Region Region `json:"region,omitempty"`

	// gatewayUrl is scheme and host of a gateway that is not one of the regions, for example the simulator's
	// "http://simulator.payments.svc:8080". Only a Sandbox account may use http.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@ ]+$')",message="gatewayUrl must be scheme and host alone, such as https://gateway.example, without path, query or user name"
	GatewayURL string `json:"gatewayUrl,omitempty"`

	// credentialsSecretRef names the Secret with the keys privateKey (RSA, PEM or bare base64, PKCS#8 or PKCS#1),
	// keyVersion (optional, 1 when absent) and agentToken (optional). The operator needs a Role that lets it get, list
	// and watch this one Secret by name.
	// +required
	CredentialsSecretRef SecretReference `json:"credentialsSecretRef,omitempty,omitzero"`

	// alipayPublicKeys are the public keys that verify the gateway's answers and notifications, as the dashboard shows
	// them or as PEM. Two are for the time in which keys are being replaced.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=4096
	AlipayPublicKeys []string `json:"alipayPublicKeys,omitempty"`

	// requestIdPrefix begins every request id that is derived for this account, for example "hk". Give each cluster that serves the
	// same client id for other orders its own. Immutable, as another prefix would make every payment a new one.
	// +optional
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]+$')",message="requestIdPrefix must be letters and digits alone, such as hk: omit it for none"
	RequestIDPrefix string `json:"requestIdPrefix,omitempty"`

	// notificationBaseUrl is where the gateway reaches the operator's notification receiver, for example
	// "https://pay.example.com", or "https://pay.example.com/antom" where a proxy may take the path away again. The path
	// /notify/<namespace>/<name> is appended and sent with every payment and refund; enter the whole address in the dashboard
	// too. When omitted, outcomes are found by inquiry alone.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@ ]+(/[A-Za-z0-9_~%-][A-Za-z0-9._~%-]*)*/?$')",message="notificationBaseUrl must be an http or https address without query, and without empty parts or .. in its path, such as https://pay.example.com or https://pay.example.com/antom"
	NotificationBaseURL string `json:"notificationBaseUrl,omitempty"`

	// settlementCurrency is sent with every payment when the contract has several settlement currencies, for example "USD".
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{3}$')",message="settlementCurrency must be the three capitals of a currency, such as USD"
	SettlementCurrency string `json:"settlementCurrency,omitempty"`

	// rateLimit bounds the requests per second that the operator sends for this account. 20 with a burst of 40 when omitted;
	// the gateway publishes no figure.
	// +optional
	RateLimit *RateLimit `json:"rateLimit,omitempty"`

	// paymentMethods states what the contract allows, where it differs from the built-in table or where that table
	// knows nothing. A method that neither knows is taken to allow no refund and no cancellation once paid.
	// +optional
	// +listType=map
	// +listMapKey=paymentMethodType
	// +kubebuilder:validation:MaxItems=100
	PaymentMethods []PaymentMethodCapability `json:"paymentMethods,omitempty"`
}

// RateLimit bounds requests to the gateway.
type RateLimit struct {
	// requestsPerSecond is the sustained rate.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`

	// burst is how many requests may go out at once. Twice requestsPerSecond when omitted.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20000
	Burst int32 `json:"burst,omitempty"`
}

// RefundCapability says what a payment method can give back.
// +kubebuilder:validation:Enum=None;FullOnly;Partial
type RefundCapability string

const (
	// NoRefund means that money goes back outside the gateway only.
	NoRefund RefundCapability = "None"
	// FullRefundOnly means that only the whole payment can be refunded.
	FullRefundOnly RefundCapability = "FullOnly"
	// PartialRefund means that any part, several times, can be refunded.
	PartialRefund RefundCapability = "Partial"
)

// CancelCapability says how long a payment method can be cancelled.
// +kubebuilder:validation:Enum=Never;UntilPaid;NextDay;SevenDays
type CancelCapability string

const (
	// NeverCancel means not even before the buyer has paid.
	NeverCancel CancelCapability = "Never"
	// CancelUntilPaid means only before the buyer has paid.
	CancelUntilPaid CancelCapability = "UntilPaid"
	// CancelUntilNextDay means until 00:15 UTC+8 of the day after the payment.
	CancelUntilNextDay CancelCapability = "NextDay"
	// CancelSevenDays means seven days from the payment.
	CancelSevenDays CancelCapability = "SevenDays"
)

// PaymentMethodCapability is what the contract says of one payment method. An omitted field keeps the built-in value.
//
// +kubebuilder:validation:XValidation:rule="!has(self.multipleCapture) || !self.multipleCapture || (has(self.partialCapture) && self.partialCapture)",fieldPath=".multipleCapture",message="multipleCapture needs partialCapture: true, as each of several captures takes a part"
type PaymentMethodCapability struct {
	// paymentMethodType is the gateway's code, for example "ALIPAY_HK".
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z0-9_]+$')",message="paymentMethodType must be the gateway's code in capitals, digits and underscores, such as ALIPAY_HK"
	PaymentMethodType string `json:"paymentMethodType,omitempty"`

	// refund is None, FullOnly or Partial.
	// +optional
	Refund RefundCapability `json:"refund,omitempty"`

	// refundWindowDays is how many days after the payment a refund is possible.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3650
	RefundWindowDays int32 `json:"refundWindowDays,omitempty"`

	// cancel is Never, UntilPaid, NextDay or SevenDays.
	// +optional
	Cancel CancelCapability `json:"cancel,omitempty"`

	// partialCapture says that less than what is authorised of a card can be captured. The gateway's pages contradict each other, so it
	// must be in the contract.
	// +optional
	PartialCapture bool `json:"partialCapture,omitempty"`

	// multipleCapture says that an authorised card can be captured more than once. It needs partialCapture.
	// +optional
	MultipleCapture bool `json:"multipleCapture,omitempty"`
}

// MerchantAccountStatus says whether the account can be used.
type MerchantAccountStatus struct {
	// conditions are Ready, CredentialsValid, and Reconciling or Stalled while they are True.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions describe.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// publicKeyFingerprint is the SHA-256 of the public half of the account's private key. It must be the key that
	// was uploaded to the dashboard.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	PublicKeyFingerprint string `json:"publicKeyFingerprint,omitempty"`

	// alipayPublicKeyFingerprints are the SHA-256 of each of spec.alipayPublicKeys.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MaxLength=128
	AlipayPublicKeyFingerprints []string `json:"alipayPublicKeyFingerprints,omitempty"`

	// verifiedSecretVersion is the resourceVersion of the Secret whose content the gateway accepted last. Requests are sent
	// only with that content.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	VerifiedSecretVersion string `json:"verifiedSecretVersion,omitempty"`

	// lastVerifiedTime is when the credentials were verified.
	// +optional
	LastVerifiedTime *metav1.Time `json:"lastVerifiedTime,omitempty"`
}

// MerchantAccount is one client of the Alipay Global (Antom) gateway: its keys, its host and what its contract allows.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=macc,categories=alipay
// +kubebuilder:printcolumn:name="Client",type=string,JSONPath=`.spec.clientId`
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.spec.environment`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Verified",type=date,JSONPath=`.status.lastVerifiedTime`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type MerchantAccount struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says how to reach the gateway.
	// +required
	Spec MerchantAccountSpec `json:"spec,omitempty,omitzero"`

	// status says whether the account can be used.
	// +optional
	Status MerchantAccountStatus `json:"status,omitempty,omitzero"`
}

// MerchantAccountList is a list of MerchantAccounts.
//
// +kubebuilder:object:root=true
type MerchantAccountList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []MerchantAccount `json:"items"`
}
