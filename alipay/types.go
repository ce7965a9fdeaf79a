package alipay

import (
	"fmt"
	"time"
)

// Amount is a sum of money in one currency. See docs.antom.com/ac/ams/amount.
type Amount struct {
	// Currency is the ISO 4217 code in capitals, for example "USD".
	Currency string `json:"currency"`
	// Value is a whole number of the currency's smallest unit, at most 16 digits: "1050" is 10.50 USD, or 1050 JPY.
	// Amounts in IDR end in "00".
	Value string `json:"value"`
}

// Result is the gateway's verdict on one call.
type Result struct {
	// ResultCode is a code from the API's table, at most 64 characters. See the Code constants.
	ResultCode string `json:"resultCode"`
	// ResultStatus is S, F or U.
	ResultStatus string `json:"resultStatus"`
	// ResultMessage is text for people, at most 256 characters. Never branch on it.
	ResultMessage string `json:"resultMessage"`
}

// String shows code, status and message, bounded and on one line.
func (r Result) String() string {
	return fmt.Sprintf("%s (%s): %s", shown(r.ResultCode), shown(r.ResultStatus), shown(r.ResultMessage))
}

// Answer is what every answer begins with.
type Answer struct {
	// Result is the verdict on the call.
	Result Result `json:"result"`
	// ResponseTime is the gateway's clock, from the signed response-time header; zero if that has an unknown form.
	ResponseTime time.Time `json:"-"`
}

func (a *Answer) received(at time.Time) { a.ResponseTime = at }

// Time is a moment in an answer. The gateway sends ISO 8601 with various offsets; it is kept in UTC. "" and null
// read as the zero time.
type Time struct {
	time.Time
}

// UnmarshalJSON reads the forms that [ParseTime] reads.
func (t *Time) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	if text == "" {
		*t = Time{}
		return nil
	}
	parsed, err := ParseTime(text)
	if err != nil {
		return err
	}
	*t = Time{Time: parsed}
	return nil
}

// Quote is an exchange rate. See docs.antom.com/ac/ref/cc.
type Quote struct {
	// QuoteID is at most 64 characters.
	QuoteID string `json:"quoteId"`
	// QuoteCurrencyPair is for example "HKD/USD".
	QuoteCurrencyPair string `json:"quoteCurrencyPair"`
	// QuotePrice is the rate.
	QuotePrice Decimal `json:"quotePrice"`
	// QuoteStartTime is when the rate begins to hold.
	QuoteStartTime Time `json:"quoteStartTime,omitzero"`
	// QuoteExpiryTime is when it ceases to hold.
	QuoteExpiryTime Time `json:"quoteExpiryTime,omitzero"`
	// Guaranteed says whether the gateway stands by the rate.
	Guaranteed Bool `json:"guaranteed"`
}

// Order is what the buyer bought. It serves risk control and records and moves no money: the gateway does not
// compare its amount with the amount to pay.
type Order struct {
	// ReferenceOrderID is the merchant's order number, at most 64 characters. Required. It stays the same over
	// several attempts to pay for one order.
	ReferenceOrderID string `json:"referenceOrderId"`
	// OrderDescription is at most 256 characters. Required. Some channels break on other than Latin text.
	OrderDescription string `json:"orderDescription"`
	// OrderAmount is shown to the buyer. Required.
	OrderAmount Amount `json:"orderAmount"`
	// Goods has at most 100 entries.
	Goods []Goods `json:"goods,omitempty"`
	// Shipping is where the goods go.
	Shipping *Shipping `json:"shipping,omitempty"`
	// Buyer is who buys. Phone number and e-mail address are wanted for cards.
	Buyer *Buyer `json:"buyer,omitempty"`
	// Merchant is the secondary merchant, for acquirers.
	Merchant *Merchant `json:"merchant,omitempty"`
	// NeedDeclaration says that the payment will be declared to customs.
	NeedDeclaration *bool `json:"needDeclaration,omitempty"`
	// ExtendInfo is free text agreed with the gateway.
	ExtendInfo string `json:"extendInfo,omitempty"`
}

// Goods is one line of an order.
type Goods struct {
	// ReferenceGoodsID is the merchant's number of the article, at most 64 characters. Required.
	ReferenceGoodsID string `json:"referenceGoodsId"`
	// GoodsName is at most 256 characters. Required.
	GoodsName string `json:"goodsName"`
	// GoodsCategory is at most 64 characters.
	GoodsCategory string `json:"goodsCategory,omitempty"`
	// GoodsQuantity is a whole number of at least 1, as text.
	GoodsQuantity string `json:"goodsQuantity,omitempty"`
	// GoodsUnitAmount is the price of one. It is not summed or checked.
	GoodsUnitAmount *Amount `json:"goodsUnitAmount,omitempty"`
	// GoodsURL is at most 2048 characters.
	GoodsURL string `json:"goodsUrl,omitempty"`
	// DeliveryMethodType is PHYSICAL or DIGITAL.
	DeliveryMethodType string `json:"deliveryMethodType,omitempty"`
}

// Shipping is where and how goods are sent.
type Shipping struct {
	// ShippingName is the person who receives the goods.
	ShippingName *UserName `json:"shippingName,omitempty"`
	// ShippingAddress is where they go.
	ShippingAddress *Address `json:"shippingAddress,omitempty"`
	// ShippingCarrier is at most 128 characters, for example "FedEx".
	ShippingCarrier string `json:"shippingCarrier,omitempty"`
	// ShippingPhoneNo is at most 16 characters.
	ShippingPhoneNo string `json:"shippingPhoneNo,omitempty"`
	// ShipToEmail is for digital goods, at most 64 characters.
	ShipToEmail string `json:"shipToEmail,omitempty"`
}

// Buyer is who pays.
type Buyer struct {
	// ReferenceBuyerID is the merchant's number of the buyer, at most 64 characters.
	ReferenceBuyerID string `json:"referenceBuyerId,omitempty"`
	// BuyerName is the buyer's name.
	BuyerName *UserName `json:"buyerName,omitempty"`
	// BuyerPhoneNo is at most 24 characters.
	BuyerPhoneNo string `json:"buyerPhoneNo,omitempty"`
	// BuyerEmail is at most 64 characters.
	BuyerEmail string `json:"buyerEmail,omitempty"`
	// BuyerRegistrationTime is ISO 8601 with an offset.
	BuyerRegistrationTime string `json:"buyerRegistrationTime,omitempty"`
	// IsAccountVerified says whether the merchant verified the account.
	IsAccountVerified *bool `json:"isAccountVerified,omitempty"`
	// SuccessfulOrderCount is how many orders the buyer has completed.
	SuccessfulOrderCount *int `json:"successfulOrderCount,omitempty"`
}

// UserName is a person's name.
type UserName struct {
	// FirstName is at most 32 characters.
	FirstName string `json:"firstName,omitempty"`
	// MiddleName is at most 32 characters.
	MiddleName string `json:"middleName,omitempty"`
	// LastName is at most 32 characters.
	LastName string `json:"lastName,omitempty"`
	// FullName is at most 128 characters.
	FullName string `json:"fullName,omitempty"`
}

// Address is a postal address.
type Address struct {
	// Region is the ISO 3166 alpha-2 country code, for example "SG".
	Region string `json:"region,omitempty"`
	// State is a state, county or province.
	State string `json:"state,omitempty"`
	// City is a city, district or town.
	City string `json:"city,omitempty"`
	// Address1 is the street.
	Address1 string `json:"address1,omitempty"`
	// Address2 is a flat, floor or building.
	Address2 string `json:"address2,omitempty"`
	// ZipCode is the postcode.
	ZipCode string `json:"zipCode,omitempty"`
}

// Merchant is the secondary merchant that an acquirer serves.
type Merchant struct {
	// ReferenceMerchantID is the acquirer's number of the merchant.
	ReferenceMerchantID string `json:"referenceMerchantId,omitempty"`
	// MerchantMCC is the category code.
	MerchantMCC string `json:"merchantMCC,omitempty"`
	// MerchantName is the legal name.
	MerchantName string `json:"merchantName,omitempty"`
	// MerchantDisplayName is shown to the buyer.
	MerchantDisplayName string `json:"merchantDisplayName,omitempty"`
	// MerchantAddress is the registered address.
	MerchantAddress *Address `json:"merchantAddress,omitempty"`
	// MerchantRegisterDate is when the merchant was registered.
	MerchantRegisterDate string `json:"merchantRegisterDate,omitempty"`
	// Store is the shop.
	Store *Store `json:"store,omitempty"`
	// MerchantType is INDIVIDUAL or ENTERPRISE.
	MerchantType string `json:"merchantType,omitempty"`
}

// Store is a shop of a secondary merchant.
type Store struct {
	// ReferenceStoreID is the merchant's number of the shop.
	ReferenceStoreID string `json:"referenceStoreId,omitempty"`
	// StoreName is the shop's name.
	StoreName string `json:"storeName,omitempty"`
	// StoreMCC is its category code.
	StoreMCC string `json:"storeMCC,omitempty"`
	// StoreDisplayName is shown to the buyer.
	StoreDisplayName string `json:"storeDisplayName,omitempty"`
	// StoreTerminalID is the till.
	StoreTerminalID string `json:"storeTerminalId,omitempty"`
	// StoreOperatorID is who serves the till.
	StoreOperatorID string `json:"storeOperatorId,omitempty"`
	// StoreAddress is where the shop is.
	StoreAddress *Address `json:"storeAddress,omitempty"`
	// StorePhoneNo is the shop's telephone number.
	StorePhoneNo string `json:"storePhoneNo,omitempty"`
}

// PaymentMethod is how the buyer pays.
type PaymentMethod struct {
	// PaymentMethodType is at most 64 characters, for example "ALIPAY_HK" or "CARD". Required. Empty only in
	// createPaymentSession for the checkout page, where the buyer chooses.
	PaymentMethodType string `json:"paymentMethodType"`
	// PaymentMethodID is the accessToken of an agreement, or a card token. A credential; at most 128 characters.
	PaymentMethodID Credential `json:"paymentMethodId,omitempty"`
	// PaymentMethodMetaData is what the method needs besides, for example {"is3DSAuthentication": true}.
	PaymentMethodMetaData map[string]any `json:"paymentMethodMetaData,omitempty"`
	// CustomerID is the gateway's number of the buyer.
	CustomerID string `json:"customerId,omitempty"`
	// ExtendInfo is free text agreed with the gateway.
	ExtendInfo string `json:"extendInfo,omitempty"`
	// RequireIssuerAuthentication is for cards of South Korea only.
	RequireIssuerAuthentication *bool `json:"requireIssuerAuthentication,omitempty"`
}

// PaymentFactor says how money is taken. Required for cards.
type PaymentFactor struct {
	// IsAuthorization true means authorise first, then capture. Cards need it.
	IsAuthorization *bool `json:"isAuthorization,omitempty"`
	// CaptureMode is AUTOMATIC (also when empty: the gateway captures at once) or MANUAL (the merchant captures
	// within 7 days).
	CaptureMode string `json:"captureMode,omitempty"`
	// IsPaymentEvaluation asks for a risk evaluation only.
	IsPaymentEvaluation *bool `json:"isPaymentEvaluation,omitempty"`
}

// SettlementStrategy says in which currency the merchant is paid.
type SettlementStrategy struct {
	// SettlementCurrency is an ISO 4217 code. Needed where the contract has several.
	SettlementCurrency string `json:"settlementCurrency,omitempty"`
}

// Env is the buyer's terminal.
type Env struct {
	// TerminalType is WEB, WAP, APP or MINI_APP. Required.
	TerminalType string `json:"terminalType,omitempty"`
	// OsType is IOS or ANDROID. Required for WAP and APP.
	OsType string `json:"osType,omitempty"`
	// ClientIP is the buyer's address. Needed for cards and risk control.
	ClientIP string `json:"clientIp,omitempty"`
	// BrowserInfo matters for 3-D Secure.
	BrowserInfo *BrowserInfo `json:"browserInfo,omitempty"`
	// ColorDepth is in bits, as text.
	ColorDepth string `json:"colorDepth,omitempty"`
	// ScreenHeight is in pixels, as text.
	ScreenHeight string `json:"screenHeight,omitempty"`
	// ScreenWidth is in pixels, as text.
	ScreenWidth string `json:"screenWidth,omitempty"`
	// TimeZoneOffset is in minutes, -720 to 720.
	TimeZoneOffset *int `json:"timeZoneOffset,omitempty"`
	// DeviceTokenID is the risk token, at most 64 characters.
	DeviceTokenID string `json:"deviceTokenId,omitempty"`
	// DeviceID names the device.
	DeviceID string `json:"deviceId,omitempty"`
	// DeviceBrand is at most 64 characters.
	DeviceBrand string `json:"deviceBrand,omitempty"`
	// DeviceModel is at most 128 characters.
	DeviceModel string `json:"deviceModel,omitempty"`
	// DeviceLanguage is for example "en-US".
	DeviceLanguage string `json:"deviceLanguage,omitempty"`
	// UserAgent is the browser's.
	UserAgent string `json:"userAgent,omitempty"`
	// ExtendInfo is at most 2048 characters.
	ExtendInfo string `json:"extendInfo,omitempty"`
}

// BrowserInfo is what a card issuer asks for in 3-D Secure.
type BrowserInfo struct {
	// AcceptHeader is the browser's Accept header.
	AcceptHeader string `json:"acceptHeader,omitempty"`
	// JavaEnabled says whether the browser runs Java.
	JavaEnabled *bool `json:"javaEnabled,omitempty"`
	// JavaScriptEnabled says whether it runs JavaScript.
	JavaScriptEnabled *bool `json:"javaScriptEnabled,omitempty"`
	// Language is the browser's, for example "en".
	Language string `json:"language,omitempty"`
	// UserAgent is the browser's.
	UserAgent string `json:"userAgent,omitempty"`
}

// CreditPayPlan asks for instalments.
type CreditPayPlan struct {
	// InstallmentNum is 2 to 36.
	InstallmentNum int `json:"installmentNum"`
	// Interval is MONTH.
	Interval string `json:"interval,omitempty"`
	// CreditPayFeeType is PERCENTAGE.
	CreditPayFeeType string `json:"creditPayFeeType,omitempty"`
	// FeePercentage is the buyer's share of the fee, 0 to 100.
	FeePercentage *int `json:"feePercentage,omitempty"`
}

// RedirectActionForm says how to send the buyer to a page.
type RedirectActionForm struct {
	// Method is GET or POST.
	Method string `json:"method"`
	// RedirectURL is at most 2048 characters.
	RedirectURL string `json:"redirectUrl"`
	// Parameters is the form to post.
	Parameters string `json:"parameters,omitempty"`
	// ActionFormType names the kind of form.
	ActionFormType string `json:"actionFormType,omitempty"`
}

// PaymentResultInfo is what a card scheme said about a payment. Card number, expiry and holder, which the gateway
// sends as well, are left undecoded on purpose.
type PaymentResultInfo struct {
	// CardBrand is for example "VISA".
	CardBrand string `json:"cardBrand,omitempty"`
	// LastFour are the last four digits of the card.
	LastFour string `json:"lastFour,omitempty"`
	// CardToken may pay again as [PaymentMethod.PaymentMethodID]. A credential: keep it in a secret, never log it.
	CardToken Credential `json:"cardToken,omitempty"`
	// Funding is for example "CREDIT".
	Funding string `json:"funding,omitempty"`
	// CardCategory is CONSUMER or COMMERCIAL.
	CardCategory string `json:"cardCategory,omitempty"`
	// IssuingCountry is ISO 3166 alpha-2.
	IssuingCountry string `json:"issuingCountry,omitempty"`
	// IssuerName is the bank.
	IssuerName string `json:"issuerName,omitempty"`
	// PaymentMethodRegion is where the card is used.
	PaymentMethodRegion string `json:"paymentMethodRegion,omitempty"`
	// AvsResultRaw is the scheme's answer on the address.
	AvsResultRaw string `json:"avsResultRaw,omitempty"`
	// CvvResultRaw is the scheme's answer on the security code.
	CvvResultRaw string `json:"cvvResultRaw,omitempty"`
	// NetworkTransactionID is the scheme's number of the transaction.
	NetworkTransactionID string `json:"networkTransactionId,omitempty"`
	// RefusalCodeRaw is the issuer's reason in its own code.
	RefusalCodeRaw string `json:"refusalCodeRaw,omitempty"`
	// RefusalReasonRaw is the issuer's reason in its own words.
	RefusalReasonRaw string `json:"refusalReasonRaw,omitempty"`
	// MerchantAdviceCode says whether another try makes sense.
	MerchantAdviceCode string `json:"merchantAdviceCode,omitempty"`
	// ThreeDSResult is the outcome of 3-D Secure.
	ThreeDSResult *ThreeDSResult `json:"threeDSResult,omitempty"`
}

// ThreeDSResult is the outcome of 3-D Secure.
type ThreeDSResult struct {
	// ThreeDSVersion is for example "2.2.0".
	ThreeDSVersion string `json:"threeDSVersion,omitempty"`
	// ECI is 02 or 05 authenticated, 01 or 06 attempted, 00 or 07 none, 04 data only.
	ECI string `json:"eci,omitempty"`
	// ThreeDSOffered says whether 3-D Secure was offered.
	ThreeDSOffered Bool `json:"threeDSOffered,omitempty"`
	// Challenged says whether the buyer was challenged.
	Challenged Bool `json:"challenged,omitempty"`
}
