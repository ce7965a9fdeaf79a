package alipay

import "context"

// ConsultRequest asks which payment methods an order can be paid with. See docs.antom.com/ac/ams/consult_cashier.
type ConsultRequest struct {
	// ProductCode is CASHIER_PAYMENT. Required.
	ProductCode string `json:"productCode"`
	// PaymentAmount is the amount to be paid. Required.
	PaymentAmount Amount `json:"paymentAmount"`
	// Env is the buyer's terminal. Required.
	Env *Env `json:"env,omitempty"`
	// SettlementStrategy is needed where the contract has several settlement currencies.
	SettlementStrategy *SettlementStrategy `json:"settlementStrategy,omitempty"`
	// UserRegion is ISO 3166 alpha-2 and decides the order of the list.
	UserRegion string `json:"userRegion,omitempty"`
	// AllowedPaymentMethodRegions filters the list: ISO 3166 alpha-2 or GLOBAL.
	AllowedPaymentMethodRegions []string `json:"allowedPaymentMethodRegions,omitempty"`
	// Buyer is who pays.
	Buyer *Buyer `json:"buyer,omitempty"`
	// MerchantRegion is ISO 3166 alpha-2, for the GAGW product only.
	MerchantRegion string `json:"merchantRegion,omitempty"`
	// MerchantAccountID selects a location where one client id has several, at most 32 characters.
	MerchantAccountID string `json:"merchantAccountId,omitempty"`
}

// ConsultResponse is the list of methods, best first.
type ConsultResponse struct {
	Answer
	// PaymentOptions has one entry per method.
	PaymentOptions []PaymentOption `json:"paymentOptions,omitempty"`
}

// PaymentOption is one method.
type PaymentOption struct {
	// PaymentMethodType is the value for pay.
	PaymentMethodType string `json:"paymentMethodType"`
	// PaymentMethodCategory is for example "WALLET". May be empty.
	PaymentMethodCategory string `json:"paymentMethodCategory,omitempty"`
	// PaymentMethodRegion is where it is used: ISO 3166 alpha-2 or GLOBAL.
	PaymentMethodRegion []string `json:"paymentMethodRegion,omitempty"`
	// Enabled says whether it can be used now.
	Enabled Bool `json:"enabled"`
	// Preferred says whether the gateway recommends it.
	Preferred Bool `json:"preferred,omitempty"`
	// DisableReason says why it is not enabled, for example "CHANNEL_NOT_SUPPORT_CURRENCY".
	DisableReason string `json:"disableReason,omitempty"`
	// SupportedCurrencies are ISO 4217 codes.
	SupportedCurrencies []string `json:"supportedCurrencies,omitempty"`
	// Logo is the method's picture.
	Logo *Logo `json:"logo,omitempty"`
	// PaymentOptionDetail tells more about cards and banks.
	PaymentOptionDetail *PaymentOptionDetail `json:"paymentOptionDetail,omitempty"`
	// Installment is what instalments are offered.
	Installment *Installment `json:"installment,omitempty"`
	// AmountLimits are the limits by currency.
	AmountLimits map[string]AmountLimits `json:"amountLimitInfoMap,omitempty"`
}

// Logo is the picture of a method, card brand or bank.
type Logo struct {
	// LogoName is at most 12 characters.
	LogoName string `json:"logoName,omitempty"`
	// LogoURL is at most 2048 characters.
	LogoURL string `json:"logoUrl,omitempty"`
}

// PaymentOptionDetail tells more about cards and banks.
type PaymentOptionDetail struct {
	// SupportCardBrands are the brands that a card may have.
	SupportCardBrands []CardBrand `json:"supportCardBrands,omitempty"`
	// Funding is for example "CREDIT".
	Funding []string `json:"funding,omitempty"`
	// SupportBanks are the banks to choose from.
	SupportBanks []Bank `json:"supportBanks,omitempty"`
}

// CardBrand is a brand of cards.
type CardBrand struct {
	// CardBrand is for example "VISA".
	CardBrand string `json:"cardBrand"`
	// Logo is its picture.
	Logo *Logo `json:"logo,omitempty"`
}

// Bank is a bank to choose.
type Bank struct {
	// BankIdentifierCode goes into paymentMethodMetaData.
	BankIdentifierCode string `json:"bankIdentifierCode,omitempty"`
	// BankShortName is for people.
	BankShortName string `json:"bankShortName,omitempty"`
	// Logo is its picture.
	Logo *Logo `json:"logo,omitempty"`
}

// Installment is what instalments are offered.
type Installment struct {
	// SupportCardBrands are the brands with instalments.
	SupportCardBrands []CardBrand `json:"supportCardBrands,omitempty"`
	// Plans are the offers.
	Plans []InstallmentPlan `json:"plans,omitempty"`
}

// InstallmentPlan is one offer.
type InstallmentPlan struct {
	// InterestRate is a rate as text.
	InterestRate Decimal `json:"interestRate,omitempty"`
	// MinInstallmentAmount is the least for one instalment.
	MinInstallmentAmount *Amount `json:"minInstallmentAmount,omitempty"`
	// MaxInstallmentAmount is the most for one instalment.
	MaxInstallmentAmount *Amount `json:"maxInstallmentAmount,omitempty"`
	// InstallmentNum is 2 to 12.
	InstallmentNum Int `json:"installmentNum,omitempty"`
	// Interval is MONTH.
	Interval string `json:"interval,omitempty"`
	// Enabled says whether it can be used now.
	Enabled Bool `json:"enabled,omitempty"`
}

// AmountLimits are the limits of a method in one currency.
type AmountLimits struct {
	// SingleLimit is for one payment.
	SingleLimit *AmountLimit `json:"singleLimit,omitempty"`
	// DayLimit is for a day.
	DayLimit *AmountLimit `json:"dayLimit,omitempty"`
	// MonthLimit is for a month.
	MonthLimit *AmountLimit `json:"monthLimit,omitempty"`
}

// AmountLimit is one limit, in minor units.
type AmountLimit struct {
	// MaxAmount is the most.
	MaxAmount Decimal `json:"maxAmount,omitempty"`
	// MinAmount is the least.
	MinAmount Decimal `json:"minAmount,omitempty"`
	// RemainAmount is what is left.
	RemainAmount Decimal `json:"remainAmount,omitempty"`
}

var consultOperation = operation{path: "/payments/consult"}

// Consult lists the payment methods for an order, and why some cannot be used. It changes nothing.
func (c *Client) Consult(ctx context.Context, request *ConsultRequest) (*ConsultResponse, error) {
	if request == nil {
		return nil, c.refuse(consultOperation, errNilRequest)
	}
	response := &ConsultResponse{}
	if err := c.call(ctx, consultOperation, request, response, nil); err != nil {
		return nil, err
	}
	return response, nil
}
