package controllers

import (
	"strconv"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// What follows writes the detail of an order as the gateway wants it: booleans and counts bare, other numbers as text
// (https://docs.antom.com/ac/ams/payment_cashier). What the spec leaves out is left out.

func wireOrder(spec *apiv1.PaymentSpec) *alipay.Order {
	orderAmount := spec.Amount
	if spec.Order.OrderAmount != nil {
		orderAmount = *spec.Order.OrderAmount
	}
	return &alipay.Order{
		ReferenceOrderID: spec.Order.ReferenceOrderID,
		OrderDescription: spec.Order.OrderDescription,
		OrderAmount:      wireAmount(orderAmount),
		Goods:            wireGoods(spec.Order.Goods),
		Shipping:         wireShipping(spec.Order.Shipping),
		Buyer:            wireBuyer(spec.Buyer),
		NeedDeclaration:  spec.Order.NeedDeclaration,
	}
}

func wireGoods(goods []apiv1.Goods) []alipay.Goods {
	var lines []alipay.Goods
	for i := range goods {
		line := alipay.Goods{
			ReferenceGoodsID: goods[i].ReferenceGoodsID, GoodsName: goods[i].GoodsName, GoodsCategory: goods[i].GoodsCategory,
			GoodsQuantity: wireNumber(goods[i].GoodsQuantity), GoodsURL: goods[i].GoodsURL, DeliveryMethodType: string(goods[i].DeliveryMethodType),
		}
		if price := goods[i].GoodsUnitAmount; price != nil {
			amount := wireAmount(*price)
			line.GoodsUnitAmount = &amount
		}
		lines = append(lines, line)
	}
	return lines
}

func wireShipping(shipping *apiv1.Shipping) *alipay.Shipping {
	if shipping == nil {
		return nil
	}
	return &alipay.Shipping{
		ShippingName: wireName(shipping.ShippingName), ShippingAddress: wireAddress(shipping.ShippingAddress),
		ShippingCarrier: shipping.ShippingCarrier, ShippingPhoneNo: shipping.ShippingPhoneNo, ShipToEmail: shipping.ShipToEmail,
	}
}

func wireBuyer(buyer *apiv1.Buyer) *alipay.Buyer {
	if buyer == nil {
		return nil
	}
	return &alipay.Buyer{
		ReferenceBuyerID: buyer.ReferenceBuyerID, BuyerName: wireName(buyer.BuyerName), BuyerPhoneNo: buyer.BuyerPhoneNo,
		BuyerEmail: buyer.BuyerEmail, BuyerRegistrationTime: buyer.BuyerRegistrationTime, IsAccountVerified: buyer.IsAccountVerified,
		SuccessfulOrderCount: wireInt(buyer.SuccessfulOrderCount),
	}
}

func wireName(name *apiv1.UserName) *alipay.UserName {
	if name == nil {
		return nil
	}
	return &alipay.UserName{FirstName: name.FirstName, MiddleName: name.MiddleName, LastName: name.LastName, FullName: name.FullName}
}

func wireAddress(address *apiv1.Address) *alipay.Address {
	if address == nil {
		return nil
	}
	return &alipay.Address{
		Region: address.Region, State: address.State, City: address.City,
		Address1: address.Address1, Address2: address.Address2, ZipCode: address.ZipCode,
	}
}

// wireEnv is the buyer's terminal: a web page when nothing is said.
func wireEnv(env *apiv1.Env) *alipay.Env {
	if env == nil {
		return &alipay.Env{TerminalType: "WEB"}
	}
	wire := &alipay.Env{
		TerminalType: string(env.TerminalType), OsType: string(env.OSType), ClientIP: env.ClientIP,
		ColorDepth: wireNumber(env.ColorDepth), ScreenHeight: wireNumber(env.ScreenHeight), ScreenWidth: wireNumber(env.ScreenWidth),
		TimeZoneOffset: wireInt(env.TimeZoneOffset), DeviceTokenID: env.DeviceTokenID, DeviceID: env.DeviceID,
		DeviceBrand: env.DeviceBrand, DeviceModel: env.DeviceModel, DeviceLanguage: env.DeviceLanguage, UserAgent: env.UserAgent,
	}
	if browser := env.BrowserInfo; browser != nil {
		wire.BrowserInfo = &alipay.BrowserInfo{
			AcceptHeader: browser.AcceptHeader, JavaEnabled: browser.JavaEnabled, JavaScriptEnabled: browser.JavaScriptEnabled,
			Language: browser.Language, UserAgent: browser.UserAgent,
		}
	}
	return wire
}

func wireCreditPayPlan(plan *apiv1.CreditPayPlan) *alipay.CreditPayPlan {
	if plan == nil {
		return nil
	}
	return &alipay.CreditPayPlan{
		InstallmentNum: int(plan.InstallmentNum), Interval: plan.Interval, CreditPayFeeType: plan.CreditPayFeeType,
		FeePercentage: wireInt(plan.FeePercentage),
	}
}

// wireNumber is a number that goes out as text; 0 is none.
func wireNumber(n int32) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(int(n))
}

// wireInt is a number that goes out bare.
func wireInt(n *int32) *int {
	if n == nil {
		return nil
	}
	wide := int(*n)
	return &wide
}
