package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Amount is a sum of money in one currency, written as the gateway writes it.
// The decimals of each currency are the gateway's own table (https://docs.antom.com/ac/ref/cc).
//
// +kubebuilder:validation:XValidation:rule="self.value.matches('^[1-9][0-9]{0,15}$')",fieldPath=".value",message="value must be a whole number of the currency's smallest unit, 1 to 16 digits without sign, point or leading zero: write \"1050\" for 10.50 USD and \"1050\" for 1050 JPY"
// +kubebuilder:validation:XValidation:rule="self.currency in ['AUD','BDT','BRL','CAD','CLP','CNY','EUR','GBP','HKD','IDR','JPY','KRW','MXN','MYR','NZD','PEN','PHP','PKR','PLN','SGD','THB','TWD','USD','VND']",fieldPath=".currency",message="currency must be one that the gateway lists, in capitals: AUD, BDT, BRL, CAD, CLP, CNY, EUR, GBP, HKD, IDR, JPY, KRW, MXN, MYR, NZD, PEN, PHP, PKR, PLN, SGD, THB, TWD, USD or VND"
// +kubebuilder:validation:XValidation:rule="self.currency != 'IDR' || self.value.endsWith('00')",fieldPath=".value",message="an IDR value must end in 00, because rupiah have no cents in practice: write \"1500000\" for 15,000 IDR"
type Amount struct {
	// currency is the ISO 4217 code in capitals, for example "HKD".
	// +required
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`

	// value is a whole number of the currency's smallest unit, in a string of 1 to 16 digits:
	// "25800" is 258.00 HKD, and "25800" is 25,800 JPY. IDR values end in "00".
	// +required
	// +kubebuilder:validation:MaxLength=32
	Value string `json:"value,omitempty"`
}

// MerchantAccountReference names the MerchantAccount, in the same namespace, whose contract and keys are used.
type MerchantAccountReference struct {
	// name of the MerchantAccount, for example "shop-hk".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// PaymentReference names a Payment in the same namespace.
type PaymentReference struct {
	// name of the Payment, for example "order-1042".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// CaptureReference names a Capture in the same namespace.
type CaptureReference struct {
	// name of the Capture, for example "order-1042-parcel-1".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret, for example "alipay-credentials".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// Intent is the record that is on disk before the first request that can move money leaves.
// Whoever finds an intent without an outcome asks the gateway before sending again, and then sends
// the same bytes under the same id.
type Intent struct {
	// attempt is the spec.attempt that this intent belongs to.
	// +required
	// +kubebuilder:validation:Minimum=1
	Attempt int32 `json:"attempt,omitempty"`

	// submittedAt is when the intent was recorded; times in the request count from it.
	// +required
	SubmittedAt metav1.Time `json:"submittedAt,omitempty,omitzero"`

	// resubmittedAt is when it was recorded that the same request is sent again, because the gateway had proved not to have it.
	// +optional
	ResubmittedAt *metav1.Time `json:"resubmittedAt,omitempty"`

	// requestSHA256 is the SHA-256 of the request body in hexadecimal digits. A body that no longer has
	// this hash is never sent.
	// +required
	// +kubebuilder:validation:MaxLength=64
	RequestSHA256 string `json:"requestSHA256,omitempty"`

	// merchantAccount is the name of the MerchantAccount that was used.
	// +required
	// +kubebuilder:validation:MaxLength=253
	MerchantAccount string `json:"merchantAccount,omitempty"`

	// clientId is the gateway client that was used. The operation belongs to it, and is never asked for or
	// repeated under another one.
	// +required
	// +kubebuilder:validation:MaxLength=64
	ClientID string `json:"clientId,omitempty"`

	// gatewayUrl is scheme and host of the gateway that was used. A request that it may or may not have is never sent to another one.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	GatewayURL string `json:"gatewayUrl,omitempty"`

	// notifyUrl is the notification address that the request named; empty when it named none.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	NotifyURL string `json:"notifyUrl,omitempty"`

	// settlementCurrency is the settlement currency that the request named; empty when it named none.
	// +optional
	// +kubebuilder:validation:MaxLength=3
	SettlementCurrency string `json:"settlementCurrency,omitempty"`
}

// LastSubmittedAt is when the request was last on its way.
func (i *Intent) LastSubmittedAt() metav1.Time {
	if i.ResubmittedAt != nil {
		return *i.ResubmittedAt
	}
	return i.SubmittedAt
}

// GatewayResult is the gateway's last result that decided something.
// Codes: https://docs.antom.com/ac/ams/payment_cashier and the page of each API.
type GatewayResult struct {
	// resultCode is the gateway's code, for example "USER_BALANCE_NOT_ENOUGH".
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ResultCode string `json:"resultCode,omitempty"`

	// resultStatus is S (success), F (failed) or U (unknown).
	// +optional
	// +kubebuilder:validation:MaxLength=8
	ResultStatus string `json:"resultStatus,omitempty"`

	// resultMessage is the gateway's text for people.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	ResultMessage string `json:"resultMessage,omitempty"`
}

// Conflict is a contradiction between this object and what the gateway reports, which a person has to resolve.
type Conflict struct {
	// reason is RequestIdConflict or StateContradiction.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message says what the gateway reports.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// EmptyAnswers counts the gateway's answers that it does not know a request id. One proves nothing: a request may still be on its way.
// Four in a row, 15 seconds apart, do (https://docs.antom.com/ac/ams/paymentri_online).
type EmptyAnswers struct {
	// requestId is the id that was asked for.
	// +required
	// +kubebuilder:validation:MaxLength=64
	RequestID string `json:"requestId,omitempty"`

	// count is how many answers in a row were empty, each at least 15 seconds after the one before.
	// +required
	// +kubebuilder:validation:Minimum=1
	Count int32 `json:"count,omitempty"`

	// lastTime is when the last one of them came.
	// +required
	LastTime metav1.Time `json:"lastTime,omitempty,omitzero"`
}
