package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Values of [Session].ProductScene.
const (
	// HostedPageScene is the checkout page that the gateway hosts.
	HostedPageScene = "CHECKOUT_PAYMENT"
	// ElementScene is the element that the shop embeds in its own page.
	ElementScene = "ELEMENT_PAYMENT"
)

// Keys of the Secret that holds a checkout session.
const (
	// SessionDataSecretKey is what the shop's page hands to the gateway's client SDK, untouched.
	SessionDataSecretKey = "paymentSessionData"
	// SessionIDSecretKey is the gateway's id of the session.
	SessionIDSecretKey = "paymentSessionId"
	// SessionURLSecretKey is the address of the hosted page; missing for an embedded element.
	SessionURLSecretKey = "normalUrl"
	// SessionExpirySecretKey is when the session ends, in RFC 3339.
	SessionExpirySecretKey = "expiryTime"
	// SessionRequestIDSecretKey is the paymentRequestId of the payment to come.
	SessionRequestIDSecretKey = "paymentRequestId"
	// SessionRequestedAtSecretKey is status.session.requestedAt of the session, in RFC 3339: a former session has an earlier one.
	SessionRequestedAtSecretKey = "requestedAt"
)

// Session creates a checkout session in which the buyer pays (https://docs.antom.com/ac/ams/session_cashier). The payment itself begins
// when the buyer submits.
//
// +kubebuilder:validation:XValidation:rule="self.productScene != 'ELEMENT_PAYMENT' || has(self.paymentMethodType)",fieldPath=".paymentMethodType",message="an embedded element (ELEMENT_PAYMENT) needs paymentMethodType: the gateway's code of the method, such as CARD"
// +kubebuilder:validation:XValidation:rule="self.productScene != 'CHECKOUT_PAYMENT' || !has(self.paymentMethodType)",fieldPath=".paymentMethodType",message="on the hosted page (CHECKOUT_PAYMENT) the buyer chooses the method: omit paymentMethodType, or use productScene ELEMENT_PAYMENT"
type Session struct {
	// productScene is CHECKOUT_PAYMENT for the page that the gateway hosts, on which the buyer chooses how to pay, or ELEMENT_PAYMENT for
	// an element in the shop's own page.
	// +required
	// +kubebuilder:validation:Enum=CHECKOUT_PAYMENT;ELEMENT_PAYMENT
	ProductScene string `json:"productScene,omitempty"`

	// paymentMethodType is the gateway's code of the method, for example "CARD". Needed for ELEMENT_PAYMENT; omitted for
	// CHECKOUT_PAYMENT.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z0-9_]+$')",message="paymentMethodType must be the gateway's code in capitals, digits and underscores, such as ALIPAY_HK"
	PaymentMethodType string `json:"paymentMethodType,omitempty"`

	// locale is the language of the page, for example "en_US", at most 8 characters. The buyer's own when omitted.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z]{2,3}([_-][A-Za-z]{2,4})?$')",message="locale must be a language and a region, such as en_US"
	Locale string `json:"locale,omitempty"`

	// allowedPaymentMethodRegions limits the methods on the page to those of some regions: up to 20 ISO 3166 codes such as "HK", or "GLOBAL".
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.all(region, region.matches('^([A-Z]{2}|GLOBAL)$'))",message="allowedPaymentMethodRegions must be the two capitals of a country or region, such as HK, or GLOBAL"
	AllowedPaymentMethodRegions []string `json:"allowedPaymentMethodRegions,omitempty"`

	// lifetimeSeconds is how long the buyer has to submit, from 60 to 3600, counted from status.session.requestedAt. The gateway's own time
	// when omitted: 1 hour.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=3600
	LifetimeSeconds int32 `json:"lifetimeSeconds,omitempty"`

	// renewals is how many times a session that has expired unused is made anew, from 0 to 99. None when omitted: the attempt then ends.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=99
	Renewals int32 `json:"renewals,omitempty"`
}

// SessionStatus is what is known of a payment's checkout session. What opens the checkout is in the Secret.
type SessionStatus struct {
	// requestedAt is when it was recorded that this session is asked for, for the first time or anew. lifetimeSeconds counts from it.
	// +optional
	RequestedAt *metav1.Time `json:"requestedAt,omitempty"`

	// expiryTime is when the buyer can no longer submit, by the operator's clock. It is there once the gateway has a session that somebody
	// may use.
	// +optional
	ExpiryTime *metav1.Time `json:"expiryTime,omitempty"`

	// secretName names the Secret in this namespace that holds the session: paymentSessionData, paymentSessionId, expiryTime and, for the
	// hosted page, normalUrl. It goes when the Payment goes.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// renewals is how many times the session was made anew because it had expired unused.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Renewals int32 `json:"renewals,omitempty"`

	// submitted is true once the gateway has known an order for the payment. From then on the order counts, and not the session.
	// +optional
	Submitted bool `json:"submitted,omitempty"`
}
