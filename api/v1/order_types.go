package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The fields of this file have the gateway's names and limits (https://docs.antom.com/ac/ams/payment_cashier). Where the gateway
// documents no length, the limit is this kind's own. They serve risk control and records: none of them changes what the buyer is charged.

// Order describes what is paid for. It moves no money; the buyer and the risk control see it.
type Order struct {
	// referenceOrderId is the shop's own order number, at most 64 characters. It stays the same over several attempts.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ReferenceOrderID string `json:"referenceOrderId,omitempty"`

	// orderDescription is shown to the buyer, at most 256 characters. Some channels break on other than Latin letters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	OrderDescription string `json:"orderDescription,omitempty"`

	// orderAmount is the sum shown to the buyer. The payment's amount when omitted.
	// +optional
	OrderAmount *Amount `json:"orderAmount,omitempty"`

	// goods are the lines of the order, at most 100. They are not summed up or compared with amount.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Goods []Goods `json:"goods,omitempty"`

	// shipping says to whom and where the goods go. Personal data may stay out of the manifest: see spec.shippingSecretRef.
	// +optional
	Shipping *Shipping `json:"shipping,omitempty"`

	// needDeclaration is true when the payment will be declared to customs.
	// +optional
	NeedDeclaration *bool `json:"needDeclaration,omitempty"`
}

// DeliveryMethodType is how goods reach the buyer, in the gateway's words.
// +kubebuilder:validation:Enum=PHYSICAL;DIGITAL
type DeliveryMethodType string

// Goods is one line of an order.
type Goods struct {
	// referenceGoodsId is the shop's own article number, at most 64 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ReferenceGoodsID string `json:"referenceGoodsId,omitempty"`

	// goodsName is at most 256 characters, for example "Desk lamp".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	GoodsName string `json:"goodsName,omitempty"`

	// goodsCategory is at most 64 characters, for example "Home/Lamps".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	GoodsCategory string `json:"goodsCategory,omitempty"`

	// goodsQuantity is how many, a whole number of at least 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	GoodsQuantity int32 `json:"goodsQuantity,omitempty"`

	// goodsUnitAmount is the price of one.
	// +optional
	GoodsUnitAmount *Amount `json:"goodsUnitAmount,omitempty"`

	// goodsUrl is the page of the article, at most 2048 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^ ]+$')",message="goodsUrl must be an http or https address, such as https://shop.example/lamp"
	GoodsURL string `json:"goodsUrl,omitempty"`

	// deliveryMethodType is PHYSICAL for what is shipped or DIGITAL for what is not.
	// +optional
	DeliveryMethodType DeliveryMethodType `json:"deliveryMethodType,omitempty"`
}

// Shipping says to whom and where goods go.
type Shipping struct {
	// shippingName is who receives the goods.
	// +optional
	ShippingName *UserName `json:"shippingName,omitempty"`

	// shippingAddress is where they go.
	// +optional
	ShippingAddress *Address `json:"shippingAddress,omitempty"`

	// shippingCarrier is at most 128 characters, for example "FedEx".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ShippingCarrier string `json:"shippingCarrier,omitempty"`

	// shippingPhoneNo is the recipient's telephone number, at most 16 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	ShippingPhoneNo string `json:"shippingPhoneNo,omitempty"`

	// shipToEmail is where digital goods are sent, at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ShipToEmail string `json:"shipToEmail,omitempty"`
}

// UserName is a person's name.
type UserName struct {
	// firstName is at most 32 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	FirstName string `json:"firstName,omitempty"`

	// middleName is at most 32 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	MiddleName string `json:"middleName,omitempty"`

	// lastName is at most 32 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	LastName string `json:"lastName,omitempty"`

	// fullName is at most 128 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	FullName string `json:"fullName,omitempty"`
}

// Address is a postal address.
type Address struct {
	// region is the ISO 3166 code of the country or region, for example "SG".
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{2}$')",message="region must be the two capitals of a country or region, such as SG"
	Region string `json:"region,omitempty"`

	// state is a state, county or province, at most 128 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	State string `json:"state,omitempty"`

	// city is a city, district or town, at most 128 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	City string `json:"city,omitempty"`

	// address1 is street and number, at most 256 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Address1 string `json:"address1,omitempty"`

	// address2 is a flat, floor or building, at most 256 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Address2 string `json:"address2,omitempty"`

	// zipCode is the postcode, at most 32 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	ZipCode string `json:"zipCode,omitempty"`
}

// Buyer says who pays.
type Buyer struct {
	// referenceBuyerId is the shop's own customer number, at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ReferenceBuyerID string `json:"referenceBuyerId,omitempty"`

	// buyerName is the buyer's name.
	// +optional
	BuyerName *UserName `json:"buyerName,omitempty"`

	// buyerPhoneNo is the buyer's telephone number, at most 24 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=24
	BuyerPhoneNo string `json:"buyerPhoneNo,omitempty"`

	// buyerEmail is at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	BuyerEmail string `json:"buyerEmail,omitempty"`

	// buyerRegistrationTime is when the buyer opened the account in the shop, for example "2024-05-01T09:30:00+08:00".
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$')",message="buyerRegistrationTime must be a time in whole seconds with its offset, such as 2024-05-01T09:30:00+08:00"
	BuyerRegistrationTime string `json:"buyerRegistrationTime,omitempty"`

	// isAccountVerified is true when the shop has verified the buyer's account.
	// +optional
	IsAccountVerified *bool `json:"isAccountVerified,omitempty"`

	// successfulOrderCount is how many orders the buyer has completed in the shop.
	// +optional
	// +kubebuilder:validation:Minimum=0
	SuccessfulOrderCount *int32 `json:"successfulOrderCount,omitempty"`
}

// SecretKeyReference names one value in a Secret of the same namespace.
type SecretKeyReference struct {
	// name of the Secret, for example "order-1042-buyer".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// key of the value in the Secret. When omitted it is "buyer" in buyerSecretRef, "shipping" in shippingSecretRef, "evidence" in
	// evidenceSecretRef and "buyerCertificate" in buyerCertificateSecretRef.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// Keys of the values in Secrets with personal data, where the reference names none.
const (
	// BuyerSecretKey is the default key of spec.buyerSecretRef.
	BuyerSecretKey = "buyer"
	// ShippingSecretKey is the default key of spec.shippingSecretRef.
	ShippingSecretKey = "shipping"
)

// TerminalType is where the buyer pays, in the gateway's words.
// +kubebuilder:validation:Enum=WEB;WAP;APP;MINI_APP
type TerminalType string

// MiniAppTerminal is a mini program inside a wallet's app.
const MiniAppTerminal TerminalType = "MINI_APP"

// OSType is the system of a mobile terminal, in the gateway's words.
// +kubebuilder:validation:Enum=IOS;ANDROID
type OSType string

// Env describes the buyer's terminal.
//
// +kubebuilder:validation:XValidation:rule="!(self.terminalType in ['WAP', 'APP']) || has(self.osType)",message="osType (IOS or ANDROID) is needed when terminalType is WAP or APP"
type Env struct {
	// terminalType is WEB for a desktop browser, WAP for a mobile browser, APP for a mobile app, MINI_APP for a mini program inside a
	// wallet, which spec.appId names.
	// +required
	TerminalType TerminalType `json:"terminalType,omitempty"`

	// osType is IOS or ANDROID; needed for WAP and APP.
	// +optional
	OSType OSType `json:"osType,omitempty"`

	// clientIp is the buyer's IP address, for risk control.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ClientIP string `json:"clientIp,omitempty"`

	// browserInfo is what card issuers ask for in 3-D Secure.
	// +optional
	BrowserInfo *BrowserInfo `json:"browserInfo,omitempty"`

	// colorDepth is the browser's screen.colorDepth in bits, 1 to 64.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	ColorDepth int32 `json:"colorDepth,omitempty"`

	// screenHeight is in pixels, 1 to 100000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	ScreenHeight int32 `json:"screenHeight,omitempty"`

	// screenWidth is in pixels, 1 to 100000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	ScreenWidth int32 `json:"screenWidth,omitempty"`

	// timeZoneOffset is the browser's getTimezoneOffset(), in minutes from -720 to 720: -480 in Hong Kong.
	// +optional
	// +kubebuilder:validation:Minimum=-720
	// +kubebuilder:validation:Maximum=720
	TimeZoneOffset *int32 `json:"timeZoneOffset,omitempty"`

	// deviceTokenId is the token of Antom's device fingerprint, at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	DeviceTokenID string `json:"deviceTokenId,omitempty"`

	// deviceId names the device, at most 256 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DeviceID string `json:"deviceId,omitempty"`

	// deviceBrand is at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	DeviceBrand string `json:"deviceBrand,omitempty"`

	// deviceModel is at most 128 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DeviceModel string `json:"deviceModel,omitempty"`

	// deviceLanguage is for example "en-US", at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	DeviceLanguage string `json:"deviceLanguage,omitempty"`

	// userAgent is the browser's or the app's, at most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	UserAgent string `json:"userAgent,omitempty"`
}

// BrowserInfo is what card issuers ask for in 3-D Secure.
type BrowserInfo struct {
	// acceptHeader is the browser's Accept header, at most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	AcceptHeader string `json:"acceptHeader,omitempty"`

	// javaEnabled is true when the browser runs Java.
	// +optional
	JavaEnabled *bool `json:"javaEnabled,omitempty"`

	// javaScriptEnabled is true when the browser runs JavaScript.
	// +optional
	JavaScriptEnabled *bool `json:"javaScriptEnabled,omitempty"`

	// language is the browser's, for example "en", at most 64 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Language string `json:"language,omitempty"`

	// userAgent is the browser's, at most 1024 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	UserAgent string `json:"userAgent,omitempty"`
}

// CreditPayPlan asks for payment in instalments.
type CreditPayPlan struct {
	// installmentNum is the number of instalments, 2 to 36.
	// +required
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=36
	InstallmentNum int32 `json:"installmentNum,omitempty"`

	// interval is the time between two instalments: MONTH.
	// +optional
	// +kubebuilder:validation:Enum=MONTH
	Interval string `json:"interval,omitempty"`

	// creditPayFeeType is how the fee is shared out: PERCENTAGE.
	// +optional
	// +kubebuilder:validation:Enum=PERCENTAGE
	CreditPayFeeType string `json:"creditPayFeeType,omitempty"`

	// feePercentage is the shop's share of the fee, in whole percent from 0 (the buyer pays it) to 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	FeePercentage *int32 `json:"feePercentage,omitempty"`
}

// Settlement is what the gateway says about paying the shop, where the exchange rate is fixed with the payment. Every number is as the
// gateway wrote it: nothing is computed or rounded.
type Settlement struct {
	// grossSettlementAmount is what the payment is worth in the settlement currency, before fees.
	// +optional
	GrossSettlementAmount *SettlementAmount `json:"grossSettlementAmount,omitempty"`

	// settlementQuote is the exchange rate.
	// +optional
	SettlementQuote *SettlementQuote `json:"settlementQuote,omitempty"`
}

// SettlementAmount is a sum that the gateway reports.
type SettlementAmount struct {
	// currency is the ISO 4217 code, for example "USD".
	// +required
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`

	// value is a whole number of the currency's smallest unit.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Value string `json:"value,omitempty"`
}

// SettlementQuote is an exchange rate of the gateway (https://docs.antom.com/ac/ref/cc).
type SettlementQuote struct {
	// quoteId is the gateway's id of the rate.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	QuoteID string `json:"quoteId,omitempty"`

	// quoteCurrencyPair is for example "HKD/USD".
	// +optional
	// +kubebuilder:validation:MaxLength=16
	QuoteCurrencyPair string `json:"quoteCurrencyPair,omitempty"`

	// quotePrice is the rate as an exact decimal number, for example "0.12830000".
	// +optional
	// +kubebuilder:validation:MaxLength=64
	QuotePrice string `json:"quotePrice,omitempty"`

	// quoteStartTime is when the rate begins to hold.
	// +optional
	QuoteStartTime *metav1.Time `json:"quoteStartTime,omitempty"`

	// quoteExpiryTime is when it ceases to hold.
	// +optional
	QuoteExpiryTime *metav1.Time `json:"quoteExpiryTime,omitempty"`

	// guaranteed is true when the gateway stands by the rate.
	// +optional
	Guaranteed bool `json:"guaranteed,omitempty"`
}
