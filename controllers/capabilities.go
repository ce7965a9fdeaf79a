package controllers

import (
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// capability says how money of a payment method can be given back.
type capability struct {
	refund     apiv1.RefundCapability
	refundDays int32
	cancel     apiv1.CancelCapability
	// partialCapture and multipleCapture say what of an authorised card can be captured besides all of it at once.
	partialCapture, multipleCapture bool
}

// unlistedCapability is for a method that nobody has stated anything about: what is not known to work is not tried.
var unlistedCapability = capability{refund: apiv1.NoRefund, cancel: apiv1.CancelUntilPaid}

var walletCapability = capability{refund: apiv1.PartialRefund, refundDays: 365, cancel: apiv1.CancelUntilNextDay}

// capabilities is the gateway's table of methods, as far as its pages state one
// (https://docs.antom.com/ac/pm/summary_capabilities_cp, https://docs.antom.com/ac/pm/available_ad, https://docs.antom.com/ac/cashierpay/cancel,
// https://docs.antom.com/ac/auto_debit/cancel). No method can do other things after an automatic debit than after a payment by its buyer. The contract overrides it: see
// MerchantAccount.spec.paymentMethods.
var capabilities = map[string]capability{
	"ALIPAY_CN": walletCapability, "ALIPAY_HK": walletCapability, "BOOST": walletCapability,
	"GCASH": walletCapability, "KAKAOPAY": walletCapability, "NAVERPAY": walletCapability,
	"RABBIT_LINE_PAY": walletCapability, "TNG": walletCapability, "TRUEMONEY": walletCapability,
	"GRABPAY_SG": walletCapability, "GRABPAY_MY": walletCapability, "GRABPAY_PH": walletCapability,
	"MAYA": walletCapability, "KPLUS": walletCapability, "BILLEASE": walletCapability, "AKULAKU_PAYLATER_PH": walletCapability,
	// A card that is authorised can be cancelled until something was captured. Then it can be refunded alone.
	cardMethod: {refund: apiv1.PartialRefund, refundDays: 365, cancel: apiv1.CancelUntilPaid},

	"ZALOPAY":  {refund: apiv1.PartialRefund, refundDays: 180, cancel: apiv1.CancelUntilNextDay},
	"PAGALEVE": {refund: apiv1.PartialRefund, refundDays: 90, cancel: apiv1.CancelUntilNextDay},
	"PAYPAY":   {refund: apiv1.FullRefundOnly, refundDays: 90, cancel: apiv1.CancelUntilNextDay},

	// The direct debits of Thai banks.
	"DIRECT_DEBIT_KRUNGTHAIBANK":      {refund: apiv1.NoRefund, cancel: apiv1.CancelUntilPaid},
	"DIRECT_DEBIT_SIAMCOMMERCIALBANK": {refund: apiv1.NoRefund, cancel: apiv1.CancelUntilPaid},

	// Partial refunds of DANA are not documented; Indonesian methods and JKOPay can never be cancelled, not even unpaid.
	"DANA":       {refund: apiv1.FullRefundOnly, refundDays: 365, cancel: apiv1.NeverCancel},
	"KREDIVO_ID": {refund: apiv1.PartialRefund, cancel: apiv1.NeverCancel},
	"JKOPAY":     {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel},
	"OVO":        {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel}, "GOPAY_ID": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel},
	"SHOPEEPAY_ID": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel}, "QRIS": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel},
	"CIMBNIAGA": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel}, "ATMTRANSFER_ID": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel},
	"BANKTRANSFER_MAYBANK": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel}, "BANKTRANSFER_BNI": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel},
	"BANKTRANSFER_PERMATA": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel}, "BANKTRANSFER_BSI": {refund: apiv1.NoRefund, cancel: apiv1.NeverCancel},

	"MERCADOPAGO_BR": {refund: apiv1.NoRefund, cancel: apiv1.CancelSevenDays}, "MERCADOPAGO_CL": {refund: apiv1.NoRefund, cancel: apiv1.CancelSevenDays},
	"MERCADOPAGO_MX": {refund: apiv1.NoRefund, cancel: apiv1.CancelSevenDays}, "MERCADOPAGO_PE": {refund: apiv1.NoRefund, cancel: apiv1.CancelSevenDays},
}

// capabilityOf looks the method up in the contract, then in the table.
func capabilityOf(account *apiv1.MerchantAccount, method string) capability {
	known, listed := capabilities[method]
	if !listed {
		known = unlistedCapability
	}
	for _, stated := range account.Spec.PaymentMethods {
		if stated.PaymentMethodType != method {
			continue
		}
		if stated.Refund != "" {
			known.refund = stated.Refund
		}
		if stated.RefundWindowDays != 0 {
			known.refundDays = stated.RefundWindowDays
		}
		if stated.Cancel != "" {
			known.cancel = stated.Cancel
		}
		known.partialCapture, known.multipleCapture = stated.PartialCapture, stated.MultipleCapture
	}
	return known
}

// gatewayZone is the time zone in which the gateway counts days: UTC+8, without daylight saving.
var gatewayZone = time.FixedZone("UTC+8", 8*60*60)

// cancelDeadline is when a payment paid at that time can no longer be cancelled; zero means never once paid.
func (c capability) cancelDeadline(paid time.Time) time.Time {
	switch c.cancel {
	case apiv1.CancelUntilNextDay:
		day := paid.In(gatewayZone)
		return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 15, 0, 0, gatewayZone)
	case apiv1.CancelSevenDays:
		return paid.In(gatewayZone).AddDate(0, 0, 7)
	default:
		return time.Time{}
	}
}

// refundDeadline is when a payment paid at that time can no longer be refunded; zero means that no period is known.
func (c capability) refundDeadline(paid time.Time) time.Time {
	if c.refundDays == 0 {
		return time.Time{}
	}
	return paid.In(gatewayZone).AddDate(0, 0, int(c.refundDays)) // days of 24 hours, also where the machine's clocks change for summer
}
