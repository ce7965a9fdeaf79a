package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PaymentMethodCatalogSpec asks which payment methods a buyer can use (https://docs.antom.com/ac/ams/consult). Asking moves no money,
// so everything can be changed at any time.
type PaymentMethodCatalogSpec struct {
	// merchantAccountRef names the MerchantAccount whose contract decides.
	// +required
	MerchantAccountRef MerchantAccountReference `json:"merchantAccountRef,omitempty,omitzero"`

	// amount is what the buyer would pay: methods have limits, and currencies that they know.
	// +required
	Amount Amount `json:"amount,omitempty,omitzero"`

	// env is the buyer's terminal. A web page (WEB) when omitted.
	// +optional
	Env *Env `json:"env,omitempty"`

	// userRegion puts the methods of a region first, for example "TH" (ISO 3166 alpha-2).
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{2}$')",message="userRegion must be the two capitals of a country or region, such as TH"
	UserRegion string `json:"userRegion,omitempty"`

	// allowedPaymentMethodRegions limits the list to methods of these regions, for example "TH" and "GLOBAL". All when omitted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.all(r, r.matches('^([A-Z]{2}|GLOBAL)$'))",message="allowedPaymentMethodRegions must be the two capitals of a country or region, such as TH, or GLOBAL"
	AllowedPaymentMethodRegions []string `json:"allowedPaymentMethodRegions,omitempty"`

	// settlementCurrency is that of the payments, where the contract has several. The account's when omitted.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{3}$')",message="settlementCurrency must be the three capitals of a currency, such as USD"
	SettlementCurrency string `json:"settlementCurrency,omitempty"`

	// refreshInterval is how long a list is good for, in hours, minutes and seconds between a minute and a week: "1h" when omitted. It is
	// varied by up to a tenth, so that catalogs that were made together are not refreshed together.
	// +optional
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}[hms]){1,3}$') && duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="refreshInterval must be hours, minutes and seconds between 1m and 168h, such as 1h or 1h30m"
	RefreshInterval metav1.Duration `json:"refreshInterval,omitempty,omitzero"`
}

// PaymentMethodCatalogStatus is the list that the gateway gave last.
type PaymentMethodCatalogStatus struct {
	// conditions are Ready, and Reconciling and Stalled while they are True. Ready is True while the list is what the gateway has said within
	// the refresh interval.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the list answers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// enabledMethods is how many of methods can be used.
	// +optional
	// +kubebuilder:validation:Minimum=0
	EnabledMethods *int32 `json:"enabledMethods,omitempty"`

	// refreshTime is when the gateway gave this list.
	// +optional
	RefreshTime *metav1.Time `json:"refreshTime,omitempty"`

	// methods are the payment methods, in the gateway's order: the best first. At most 200 are kept.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	Methods []CatalogMethod `json:"methods,omitempty"`
}

// CatalogMethod is one payment method, as the gateway describes it.
type CatalogMethod struct {
	// paymentMethodType is the value for spec.cashier.paymentMethodType of a Payment, for example "ALIPAY_HK".
	// +required
	// +kubebuilder:validation:MaxLength=64
	PaymentMethodType string `json:"paymentMethodType,omitempty"`

	// paymentMethodCategory is for example WALLET, CARD or BANK_TRANSFER.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentMethodCategory string `json:"paymentMethodCategory,omitempty"`

	// paymentMethodRegion is where the method is used: ISO 3166 alpha-2, or GLOBAL.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=16
	PaymentMethodRegion []string `json:"paymentMethodRegion,omitempty"`

	// supportedCurrencies are those in which it can be paid.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=8
	SupportedCurrencies []string `json:"supportedCurrencies,omitempty"`

	// enabled says whether the method can be used now, for the spec's amount and terminal.
	// +required
	Enabled *bool `json:"enabled,omitempty"`

	// disableReason says why not, in the gateway's words, for example CHANNEL_NOT_SUPPORT_CURRENCY.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	DisableReason string `json:"disableReason,omitempty"`

	// preferred is true where the gateway recommends the method.
	// +optional
	Preferred bool `json:"preferred,omitempty"`

	// limits are the method's limits in the spec's currency, where the gateway tells them.
	// +optional
	Limits *CatalogLimits `json:"limits,omitempty"`

	// logoUrl is where the method's picture is.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	LogoURL string `json:"logoUrl,omitempty"`

	// logoName is what the method is called.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	LogoName string `json:"logoName,omitempty"`
}

// CatalogLimits are limits in the smallest unit of the spec's currency.
type CatalogLimits struct {
	// single is for one payment.
	// +optional
	Single *CatalogLimit `json:"single,omitempty"`
	// day is for a day.
	// +optional
	Day *CatalogLimit `json:"day,omitempty"`
	// month is for a month.
	// +optional
	Month *CatalogLimit `json:"month,omitempty"`
}

// CatalogLimit is one limit.
type CatalogLimit struct {
	// min is the least.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Min string `json:"min,omitempty"`
	// max is the most.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Max string `json:"max,omitempty"`
	// remaining is what is left of it.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Remaining string `json:"remaining,omitempty"`
}

// PaymentMethodCatalog is the list of payment methods that an account's buyers can use, refreshed on a schedule.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pmcat,categories=alipay
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.spec.merchantAccountRef.name`
// +kubebuilder:printcolumn:name="Currency",type=string,JSONPath=`.spec.amount.currency`
// +kubebuilder:printcolumn:name="Enabled",type=integer,JSONPath=`.status.enabledMethods`
// +kubebuilder:printcolumn:name="Refreshed",type=date,JSONPath=`.status.refreshTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type PaymentMethodCatalog struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what to ask for.
	// +required
	Spec PaymentMethodCatalogSpec `json:"spec,omitempty,omitzero"`

	// status is what the gateway said.
	// +optional
	Status PaymentMethodCatalogStatus `json:"status,omitempty,omitzero"`
}

// PaymentMethodCatalogList is a list of PaymentMethodCatalogs.
//
// +kubebuilder:object:root=true
type PaymentMethodCatalogList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`
	Items           []PaymentMethodCatalog `json:"items"`
}
