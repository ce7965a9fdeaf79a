package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// settlement notes what the shop gets in the settlement currency. An answer that does not say so changes nothing.
func (a paymentAnswers) settlement(gross *alipay.Amount, quote *alipay.Quote) {
	amount, rate := settlementAmount(gross), settlementQuote(quote)
	if amount == nil && rate == nil {
		return
	}
	st := &a.payment.Status
	if st.Settlement == nil {
		st.Settlement = &apiv1.Settlement{}
	}
	if amount != nil {
		st.Settlement.GrossSettlementAmount = amount
	}
	if rate != nil {
		st.Settlement.SettlementQuote = rate
	}
}

// settlementAmount takes a sum as it is. One that the status can not hold is left out: a number that was cut is another number.
func settlementAmount(gross *alipay.Amount) *apiv1.SettlementAmount {
	if gross == nil || gross.Currency == "" || gross.Value == "" || len(gross.Currency) > 8 || len(gross.Value) > 32 {
		return nil
	}
	return &apiv1.SettlementAmount{Currency: gross.Currency, Value: gross.Value}
}

// settlementQuote takes a rate as it is, to the last digit.
func settlementQuote(quote *alipay.Quote) *apiv1.SettlementQuote {
	if quote == nil || len(quote.QuotePrice) > 64 {
		return nil
	}
	return &apiv1.SettlementQuote{
		QuoteID: cut(quote.QuoteID, 64), QuoteCurrencyPair: cut(quote.QuoteCurrencyPair, 16), QuotePrice: string(quote.QuotePrice),
		QuoteStartTime: reportedTime(quote.QuoteStartTime), QuoteExpiryTime: reportedTime(quote.QuoteExpiryTime), Guaranteed: bool(quote.Guaranteed),
	}
}

// reportedTime is a time of an answer in the whole seconds of a status; nil when it has none.
func reportedTime(at alipay.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return &metav1.Time{Time: at.Truncate(time.Second)}
}
