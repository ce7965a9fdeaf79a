package simulator

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Money is a whole number of the smallest unit of a currency, as on the wire.
type Money struct {
	Currency string `json:"currency"`
	Value    int64  `json:"value,string"`
}

// decimals lists the currencies the gateway names and their number of decimals (ref/cc).
// A currency that is not listed is refused rather than guessed.
var decimals = map[string]int{
	"CLP": 0, "JPY": 0, "KRW": 0, "VND": 0,
	"AUD": 2, "BDT": 2, "BRL": 2, "CAD": 2, "CNY": 2, "EUR": 2, "GBP": 2, "HKD": 2, "IDR": 2, "MXN": 2, "MYR": 2,
	"NZD": 2, "PEN": 2, "PHP": 2, "PKR": 2, "PLN": 2, "SGD": 2, "THB": 2, "TWD": 2, "USD": 2,
}

// String writes the sum as people read it: "HKD 258.00", "JPY 1,200".
func (m Money) String() string {
	digits := strconv.FormatInt(m.Value, 10)
	places := decimals[m.Currency]
	if len(digits) <= places {
		digits = strings.Repeat("0", places-len(digits)+1) + digits
	}
	whole, cents := digits[:len(digits)-places], digits[len(digits)-places:]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if places > 0 {
		whole += "." + cents
	}
	return m.Currency + " " + whole
}

func (m Money) wire() map[string]any {
	return map[string]any{"currency": m.Currency, "value": strconv.FormatInt(m.Value, 10)}
}

// checkAmount applies the rules of ref/cc that hold for every sum of a method.
// Undocumented, and refused here because a wrong sum is worse than a refusal: IDR with cents. TWD at
// JKOPay comes in whole dollars (ref/cc).
func checkAmount(field string, m Money, method string) *refusal {
	if _, known := decimals[m.Currency]; !known {
		return refuse("CURRENCY_NOT_SUPPORT", fmt.Sprintf("%s.currency %s is not supported", field, m.Currency))
	}
	if m.Currency == "IDR" && m.Value%100 != 0 {
		return illegal(field+".value", "must end in 00 for IDR")
	}
	if method == "JKOPAY" && m.Value%100 != 0 {
		return illegal(field+".value", "must be whole dollars for JKOPAY")
	}
	return nil
}

// rates are invented: USD for a million units of the currency. They exist so that clients meet a
// settlementQuote with a decimal quotePrice (ams/paymentrn_online).
var rates = map[string]int64{
	"CLP": 1050, "JPY": 6700, "KRW": 720, "VND": 39, "AUD": 655000, "BDT": 8200, "BRL": 182000, "CAD": 724000,
	"CNY": 139500, "EUR": 1085000, "GBP": 1270000, "HKD": 128300, "IDR": 62, "MXN": 54500, "MYR": 223000, "NZD": 601000,
	"PEN": 268000, "PHP": 17500, "PKR": 3590, "PLN": 252000, "SGD": 746000, "THB": 28700, "TWD": 31200, "USD": 1000000,
}

// exchange converts a sum into another currency, rounded half up, at a rate of eight decimals.
func exchange(m Money, currency string) (converted Money, rate string) {
	price := new(big.Rat).SetFrac64(rates[m.Currency], rates[currency])
	rate = price.FloatString(8)
	price.SetString(rate)
	value := new(big.Rat).Mul(new(big.Rat).SetInt64(m.Value), price)
	shift := decimals[currency] - decimals[m.Currency]
	for ; shift > 0; shift-- {
		value.Mul(value, big.NewRat(10, 1))
	}
	for ; shift < 0; shift++ {
		value.Mul(value, big.NewRat(1, 10))
	}
	whole, err := strconv.ParseInt(value.FloatString(0), 10, 64)
	if err != nil {
		return Money{}, rate
	}
	return Money{Currency: currency, Value: whole}, rate
}

// settlement returns grossSettlementAmount and settlementQuote for a sum settled in another currency,
// or nothing when the currencies are the same.
func settlement(m Money, currency string, at time.Time) map[string]any {
	if currency == "" || currency == m.Currency {
		return nil
	}
	gross, rate := exchange(m, currency)
	if gross == (Money{}) {
		return nil
	}
	return map[string]any{
		"grossSettlementAmount": gross.wire(),
		"settlementQuote": map[string]any{
			"quoteId":           "quote" + m.Currency + currency + at.Format("20060102"),
			"quoteCurrencyPair": m.Currency + "/" + currency,
			"quotePrice":        json.Number(rate),
			"quoteStartTime":    wireTime(at.Truncate(24 * time.Hour)),
			"quoteExpiryTime":   wireTime(at.Truncate(24 * time.Hour).Add(24 * time.Hour)),
			"guaranteed":        true,
		},
	}
}

// gatewayZone is the offset the simulator writes, and the one in which the cancel window ends (cashierpay/cancel).
var gatewayZone = time.FixedZone("UTC+8", 8*60*60)

// wireTime writes ISO 8601 with an offset and whole seconds (ams/payment_cashier, samples and SDKs).
func wireTime(t time.Time) string { return t.In(gatewayZone).Format("2006-01-02T15:04:05Z07:00") }
