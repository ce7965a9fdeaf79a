package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// PaymentFinalizer holds a Payment with deletionPolicy Cancel until its order at the gateway is closed.
const PaymentFinalizer = GroupName + "/cancel-payment"

// PaymentDesiredState is what should become of a payment.
// +kubebuilder:validation:Enum=Paid;Cancelled
type PaymentDesiredState string

const (
	// DesiredPaid asks for the money to be collected.
	DesiredPaid PaymentDesiredState = "Paid"
	// DesiredCancelled asks for the order to be closed, and for the money to be given back in full if it was paid.
	DesiredCancelled PaymentDesiredState = "Cancelled"
)

// PaymentDeletionPolicy says what deleting a Payment does at the gateway.
// +kubebuilder:validation:Enum=Retain;Cancel
type PaymentDeletionPolicy string

const (
	// RetainPayment leaves the order at the gateway as it is.
	RetainPayment PaymentDeletionPolicy = "Retain"
	// CancelPayment closes an order that has not been paid yet; a paid one is left as it is.
	CancelPayment PaymentDeletionPolicy = "Cancel"
)

// CaptureMode says who collects the money of an authorised card.
// +kubebuilder:validation:Enum=Automatic;Manual
type CaptureMode string

const (
	// AutomaticCapture means that the gateway captures right after the authorisation.
	AutomaticCapture CaptureMode = "Automatic"
	// ManualCapture means that nothing is collected unless it is captured, within seven days.
	ManualCapture CaptureMode = "Manual"
)

// The states of a payment beside those of every kind.
const (
	// PaymentConfirming means that the buyer is done and the payment channel has not confirmed yet. Transient.
	PaymentConfirming OperationState = "Confirming"
	// PaymentAuthorized of a card means that the money is held and not collected. Transient: it is captured, cancelled, or let go.
	PaymentAuthorized OperationState = "Authorized"
	// PaymentPaid means that the money was collected. Final, unless it is cancelled in time.
	PaymentPaid OperationState = "Paid"
	// PaymentCancelled means that the payment was cancelled; the buyer has the money. Final for this attempt.
	PaymentCancelled OperationState = "Cancelled"
)

// PaymentSpec is what the merchant asks the gateway to collect
// (https://docs.antom.com/ac/ams/payment_cashier). Only desiredState, suspend, deletionPolicy, ttlSecondsAfterFinished and
// attempt can be changed later: everything else is part of a request that may already have been sent.
//
// +kubebuilder:validation:XValidation:rule="[has(self.cashier), has(self.session), has(self.autoDebit)].filter(x, x).size() == 1",message="set exactly one of cashier, session and autoDebit: a Payment is collected in one way"
// +kubebuilder:validation:XValidation:rule="!has(self.cashier) || has(self.redirectUrl)",message="a cashier payment needs redirectUrl: the address to which the buyer returns, such as https://shop.example/return"
// +kubebuilder:validation:XValidation:rule="!has(self.session) || has(self.redirectUrl)",message="a session needs redirectUrl: the address to which the buyer returns, such as https://shop.example/return"
// +kubebuilder:validation:XValidation:rule="!has(self.session) || !has(self.expirySeconds)",fieldPath=".expirySeconds",message="expirySeconds is for cashier payments: a session has session.lifetimeSeconds"
// +kubebuilder:validation:XValidation:rule="!has(self.session) || (!has(self.appId) && (!has(self.env) || self.env.terminalType != 'MINI_APP'))",message="a session can not be used in a mini program (appId, or env.terminalType MINI_APP): use cashier"
// +kubebuilder:validation:XValidation:rule="!has(self.autoDebit) || !has(self.redirectUrl)",fieldPath=".redirectUrl",message="redirectUrl is for payments with a buyer: an automatic debit sends nobody anywhere, so omit it"
// +kubebuilder:validation:XValidation:rule="!has(self.autoDebit) || !has(self.env)",fieldPath=".env",message="env is for payments with a buyer: an automatic debit has no terminal, so omit it"
// +kubebuilder:validation:XValidation:rule="!has(self.autoDebit) || !has(self.expirySeconds)",fieldPath=".expirySeconds",message="expirySeconds is for cashier payments: an automatic debit ends by itself after a minute, so omit it"
// +kubebuilder:validation:XValidation:rule="!has(self.expirySeconds) || self.expirySeconds < 600 || (has(self.cashier) && (self.cashier.paymentMethodType.startsWith('BANKTRANSFER_') || self.cashier.paymentMethodType == 'PROMPTPAY'))",fieldPath=".expirySeconds",message="expirySeconds must be less than 600 (10 minutes), or omitted for the method's own time, usually 14 minutes; only bank transfers (BANKTRANSFER_...) and PROMPTPAY take up to 172800 (48 hours)"
// +kubebuilder:validation:XValidation:rule="!has(self.paymentRequestId) || self.attempt == 1",fieldPath=".attempt",message="attempt can not be raised with an explicit paymentRequestId, which names one attempt: create a new Payment with a new paymentRequestId instead"
// +kubebuilder:validation:XValidation:rule="!has(self.order.orderAmount) || self.order.orderAmount.currency == self.amount.currency",fieldPath=".order.orderAmount.currency",message="order.orderAmount must have the currency of amount, as the buyer is shown the one and charged the other"
// +kubebuilder:validation:XValidation:rule="!has(self.captureMode) || (has(self.cashier) && self.cashier.paymentMethodType == 'CARD') || (has(self.session) && (!has(self.session.paymentMethodType) || self.session.paymentMethodType == 'CARD'))",fieldPath=".captureMode",message="captureMode is for cards alone: omit it, or set cashier.paymentMethodType or session.paymentMethodType to CARD"
// +kubebuilder:validation:XValidation:rule="!has(self.buyer) || !has(self.buyerSecretRef)",fieldPath=".buyerSecretRef",message="set buyer or buyerSecretRef, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.order.shipping) || !has(self.shippingSecretRef)",fieldPath=".shippingSecretRef",message="set order.shipping or shippingSecretRef, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.env) || self.env.terminalType != 'MINI_APP' || has(self.appId)",fieldPath=".appId",message="appId is needed when env.terminalType is MINI_APP: the id of the mini program"
// +kubebuilder:validation:XValidation:rule="self.merchantAccountRef == oldSelf.merchantAccountRef",fieldPath=".merchantAccountRef",message="merchantAccountRef is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.paymentRequestId) == has(oldSelf.paymentRequestId) && (!has(self.paymentRequestId) || self.paymentRequestId == oldSelf.paymentRequestId)",fieldPath=".paymentRequestId",message="paymentRequestId is immutable, as another id is another charge: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="self.amount == oldSelf.amount",fieldPath=".amount",message="amount is immutable: create a new Payment instead, and cancel this one with desiredState: Cancelled"
// +kubebuilder:validation:XValidation:rule="self.order == oldSelf.order",fieldPath=".order",message="order is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.buyer) == has(oldSelf.buyer) && (!has(self.buyer) || self.buyer == oldSelf.buyer)",fieldPath=".buyer",message="buyer is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.buyerSecretRef) == has(oldSelf.buyerSecretRef) && (!has(self.buyerSecretRef) || self.buyerSecretRef == oldSelf.buyerSecretRef)",fieldPath=".buyerSecretRef",message="buyerSecretRef is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.shippingSecretRef) == has(oldSelf.shippingSecretRef) && (!has(self.shippingSecretRef) || self.shippingSecretRef == oldSelf.shippingSecretRef)",fieldPath=".shippingSecretRef",message="shippingSecretRef is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.env) == has(oldSelf.env) && (!has(self.env) || self.env == oldSelf.env)",fieldPath=".env",message="env is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.cashier) == has(oldSelf.cashier) && (!has(self.cashier) || self.cashier == oldSelf.cashier)",fieldPath=".cashier",message="cashier is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.captureMode) == has(oldSelf.captureMode) && (!has(self.captureMode) || self.captureMode == oldSelf.captureMode)",fieldPath=".captureMode",message="captureMode is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.session) == has(oldSelf.session) && (!has(self.session) || self.session == oldSelf.session)",fieldPath=".session",message="session is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.autoDebit) == has(oldSelf.autoDebit) && (!has(self.autoDebit) || self.autoDebit == oldSelf.autoDebit)",fieldPath=".autoDebit",message="autoDebit is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.expirySeconds) == has(oldSelf.expirySeconds) && (!has(self.expirySeconds) || self.expirySeconds == oldSelf.expirySeconds)",fieldPath=".expirySeconds",message="expirySeconds is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.settlementCurrency) == has(oldSelf.settlementCurrency) && (!has(self.settlementCurrency) || self.settlementCurrency == oldSelf.settlementCurrency)",fieldPath=".settlementCurrency",message="settlementCurrency is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.creditPayPlan) == has(oldSelf.creditPayPlan) && (!has(self.creditPayPlan) || self.creditPayPlan == oldSelf.creditPayPlan)",fieldPath=".creditPayPlan",message="creditPayPlan is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.userRegion) == has(oldSelf.userRegion) && (!has(self.userRegion) || self.userRegion == oldSelf.userRegion)",fieldPath=".userRegion",message="userRegion is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.appId) == has(oldSelf.appId) && (!has(self.appId) || self.appId == oldSelf.appId)",fieldPath=".appId",message="appId is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.merchantAccountId) == has(oldSelf.merchantAccountId) && (!has(self.merchantAccountId) || self.merchantAccountId == oldSelf.merchantAccountId)",fieldPath=".merchantAccountId",message="merchantAccountId is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="has(self.redirectUrl) == has(oldSelf.redirectUrl) && (!has(self.redirectUrl) || self.redirectUrl == oldSelf.redirectUrl)",fieldPath=".redirectUrl",message="redirectUrl is immutable: create a new Payment instead"
// +kubebuilder:validation:XValidation:rule="self.attempt == oldSelf.attempt || self.attempt == oldSelf.attempt + 1",fieldPath=".attempt",message="attempt can only be raised by one"
type PaymentSpec struct {
	// merchantAccountRef names the MerchantAccount that collects the money.
	// +required
	MerchantAccountRef MerchantAccountReference `json:"merchantAccountRef,omitempty,omitzero"`

	// paymentRequestId is the merchant's own id of this payment at the gateway, at most 64 letters, digits and underscores.
	// When omitted it is derived from the account's requestIdPrefix, the namespace, the name and attempt, so that the same
	// manifest always means the same charge.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_]{1,64}$')",message="paymentRequestId must be 1 to 64 letters, digits or underscores: shorten it, or omit it to have one derived"
	// +kubebuilder:validation:MaxLength=256
	PaymentRequestID string `json:"paymentRequestId,omitempty"`

	// attempt counts the tries to collect this order: 1, and one more for a new try, which gets a new request id. It can be
	// raised only after the former attempt has failed or was cancelled.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	Attempt int32 `json:"attempt,omitempty"`

	// amount is what the buyer is charged.
	// +required
	Amount Amount `json:"amount,omitempty,omitzero"`

	// order describes what is paid for.
	// +required
	Order Order `json:"order,omitempty,omitzero"`

	// buyer says who pays.
	// +optional
	Buyer *Buyer `json:"buyer,omitempty"`

	// buyerSecretRef names the Secret that holds the buyer instead, so that personal data stays out of the manifest: a JSON object of
	// the fields of buyer, under the key "buyer" unless key says otherwise. It is read when the request is about to be sent.
	// +optional
	BuyerSecretRef *SecretKeyReference `json:"buyerSecretRef,omitempty"`

	// shippingSecretRef names the Secret that holds order.shipping instead, in the same way, under the key "shipping".
	// +optional
	ShippingSecretRef *SecretKeyReference `json:"shippingSecretRef,omitempty"`

	// env describes the buyer's terminal. A web page (WEB) when omitted.
	// +optional
	Env *Env `json:"env,omitempty"`

	// cashier collects through the page, app or code of one payment method. Set exactly one of cashier, session and autoDebit.
	// +optional
	Cashier *Cashier `json:"cashier,omitempty"`

	// captureMode of a card is Automatic, also when omitted: the gateway collects the money right after the authorisation. Or Manual: the
	// money is held for seven days, and let go unless it is captured.
	// +optional
	CaptureMode CaptureMode `json:"captureMode,omitempty"`

	// session creates a checkout session: the gateway's page on which the buyer chooses how to pay, or an element in the shop's own page.
	// +optional
	Session *Session `json:"session,omitempty"`

	// autoDebit collects with the token of an AutoDebitAgreement, without the buyer. It waits until the agreement is Ready.
	// +optional
	AutoDebit *AutoDebit `json:"autoDebit,omitempty"`

	// expirySeconds is how long the buyer has to pay, counted from submission. The method's own time when omitted, usually 14 minutes
	// and 48 hours for bank transfers; own values must be less than 10 minutes, or 48 hours for bank transfers.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=172800
	ExpirySeconds int32 `json:"expirySeconds,omitempty"`

	// settlementCurrency is the currency in which the shop is paid, for example "USD", where the contract has several. The account's when
	// omitted.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{3}$')",message="settlementCurrency must be the three capitals of a currency, such as USD"
	SettlementCurrency string `json:"settlementCurrency,omitempty"`

	// creditPayPlan asks for payment in instalments.
	// +optional
	CreditPayPlan *CreditPayPlan `json:"creditPayPlan,omitempty"`

	// userRegion is the ISO 3166 code of the buyer's country or region, for example "HK". It is for the Alipay+ cashier page.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{2}$')",message="userRegion must be the two capitals of a country or region, such as HK"
	UserRegion string `json:"userRegion,omitempty"`

	// appId is the id of the mini program in which the buyer pays, at most 32 characters; needed when env.terminalType is MINI_APP.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	AppID string `json:"appId,omitempty"`

	// merchantAccountId selects a location where one client id has several, at most 32 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	MerchantAccountID string `json:"merchantAccountId,omitempty"`

	// redirectUrl is where the buyer returns after paying, for example "https://shop.example/return". The return proves
	// nothing about the payment.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z][A-Za-z0-9+.-]*://[^ ]+$')",message="redirectUrl must be an https address or an app's own scheme, such as https://shop.example/return or shopapp://return"
	RedirectURL string `json:"redirectUrl,omitempty"`

	// additionalFields are merged into the request body, for fields that the gateway has and this kind has not. Amounts, ids,
	// tokens and card data are refused.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	AdditionalFields *runtime.RawExtension `json:"additionalFields,omitempty"`

	// desiredState is Paid, or Cancelled to close the order and to give the money back if it was paid and the method's
	// cancel window is open. Paid when omitted. Cancelled is for good, unless the payment was paid and can not be cancelled: a new
	// try needs a raised attempt.
	// +optional
	// +kubebuilder:default=Paid
	DesiredState PaymentDesiredState `json:"desiredState,omitempty"`

	// suspend holds back every request that could move money. What was already sent is still followed.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// deletionPolicy is Retain to leave the order alone when this object is deleted, or Cancel to close it first if it is
	// not paid yet.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy PaymentDeletionPolicy `json:"deletionPolicy,omitempty"`

	// ttlSecondsAfterFinished deletes this object that many seconds after it was settled. Kept when omitted. Money is not
	// touched: applying the same manifest again finds the same payment.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// Cashier collects through the page, app or code of one payment method.
//
// +kubebuilder:validation:XValidation:rule="(self.paymentMethodType == 'CARD') == has(self.card)",fieldPath=".card",message="card is needed when paymentMethodType is CARD, and is for nothing else: name the Secret with the card's token"
type Cashier struct {
	// paymentMethodType is the gateway's code of the method, for example "ALIPAY_HK" or "CARD".
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z0-9_]+$')",message="paymentMethodType must be the gateway's code in capitals, digits and underscores, such as ALIPAY_HK"
	PaymentMethodType string `json:"paymentMethodType,omitempty"`

	// card says which card pays. Needed when paymentMethodType is CARD.
	// +optional
	Card *Card `json:"card,omitempty"`
}

// CardTokenSecretKey is the key of a card's token in its Secret.
const CardTokenSecretKey = "cardToken"

// Card is a card that the gateway knows by a token. Numbers of cards have no place here.
type Card struct {
	// tokenSecretRef names the Secret that holds the card's token, which the gateway gave for an earlier payment: under the key "cardToken"
	// unless key says otherwise.
	// +required
	TokenSecretRef SecretKeyReference `json:"tokenSecretRef,omitempty,omitzero"`

	// is3DSAuthentication has the buyer confirm the payment with the card's bank, at status.checkout.normalUrl.
	// +optional
	Is3DSAuthentication *bool `json:"is3DSAuthentication,omitempty"`

	// enableAuthenticationUpgrade has the buyer confirm where the bank wants that. Without it such a payment fails with
	// AUTHENTICATION_REQUIRED.
	// +optional
	EnableAuthenticationUpgrade *bool `json:"enableAuthenticationUpgrade,omitempty"`
}

// AutoDebit collects with the consent that a buyer has given (https://docs.antom.com/ac/ams/payment_agreement).
type AutoDebit struct {
	// agreementRef names the AutoDebitAgreement whose token is debited. It must be of the same MerchantAccount.
	// +required
	AgreementRef AgreementReference `json:"agreementRef,omitempty,omitzero"`
}

// AgreementReference names an AutoDebitAgreement in the same namespace.
type AgreementReference struct {
	// name of the AutoDebitAgreement.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// Payment collects money from a buyer, once. Its name, namespace and account are its identity towards the gateway: applying the same
// manifest again, in this cluster or in another one, finds the same payment and charges nothing.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pay,categories=alipay
// +kubebuilder:selectablefield:JSONPath=`.status.paymentRequestId`
// +kubebuilder:selectablefield:JSONPath=`.status.paymentId`
// +kubebuilder:selectablefield:JSONPath=`.spec.order.referenceOrderId`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.spec.amount.value`
// +kubebuilder:printcolumn:name="Currency",type=string,JSONPath=`.spec.amount.currency`
// +kubebuilder:printcolumn:name="Refunded",type=string,JSONPath=`.status.amounts.refunded`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Order",type=string,JSONPath=`.spec.order.referenceOrderId`,priority=1
// +kubebuilder:printcolumn:name="Payment-Request-Id",type=string,JSONPath=`.status.paymentRequestId`,priority=1
// +kubebuilder:printcolumn:name="Payment-Id",type=string,JSONPath=`.status.paymentId`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:validation:XValidation:rule="self.spec.attempt <= oldSelf.spec.attempt || (has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state in ['Failed', 'Cancelled'])",fieldPath=".spec.attempt",message="attempt can be raised only after the gateway has confirmed that the former attempt ended without money moving: wait until status.state is Failed or Cancelled"
// +kubebuilder:validation:XValidation:rule="oldSelf.spec.desiredState != 'Cancelled' || self.spec.desiredState == 'Cancelled' || self.spec.attempt > oldSelf.spec.attempt || (has(oldSelf.status) && has(oldSelf.status.state) && oldSelf.status.state == 'Paid' && (!has(oldSelf.status.cancelSubmittedAt) || has(oldSelf.status.cancelResult)))",fieldPath=".spec.desiredState",message="a cancelled payment can not be opened again: raise attempt in the same change once it is cancelled, or create a new Payment"
type Payment struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the merchant asks the gateway to collect.
	// +required
	Spec PaymentSpec `json:"spec,omitempty,omitzero"`

	// status is what the gateway has reported.
	// +optional
	Status PaymentStatus `json:"status,omitempty,omitzero"`
}

// PaymentList is a list of Payments.
//
// +kubebuilder:object:root=true
type PaymentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []Payment `json:"items"`
}
