package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CancelRule says how long a paid order may be cancelled (cashierpay/cancel, auto_debit/cancel).
type CancelRule string

const (
	// CancelNextDay is until 00:15 UTC+8 on the day after payment, the general rule.
	CancelNextDay CancelRule = "nextDay"
	// CancelSevenDays is Mercado Pago, counted from payment. Authorised cards have the same limit.
	CancelSevenDays CancelRule = "sevenDays"
	// CancelUnpaidOnly is for Thai banks: only before payment.
	CancelUnpaidOnly CancelRule = "unpaidOnly"
	// CancelNever is for Indonesian methods and JKOPay: not even before payment.
	CancelNever CancelRule = "never"
)

// Method is what the gateway can do with one paymentMethodType. Sums are in the currency's smallest unit; zero is
// no limit. The contract prevails over the table, so tests and users may give their own.
type Method struct {
	Category      string     `json:"category,omitempty"`
	Region        string     `json:"region,omitempty"`
	Currency      string     `json:"currency,omitempty"` // the only one accepted; empty is any
	Min           int64      `json:"min,omitempty"`
	Max           int64      `json:"max,omitempty"`
	Refund        bool       `json:"refund"`
	PartialRefund bool       `json:"partialRefund"`
	SingleRefund  bool       `json:"singleRefund,omitempty"` // one refund per payment, a matter of contract
	RefundDays    int        `json:"refundDays,omitempty"`   // counted from paymentTime
	RefundAtOnce  bool       `json:"refundAtOnce,omitempty"` // others answer REFUND_IN_PROCESS and settle later
	Cancel        CancelRule `json:"cancel"`
}

const (
	wallet       = "WALLET"
	alipayPlus   = "ALIPAY_PLUS"
	bankApp      = "MOBILE_BANKING_APP"
	bankTransfer = "BANK_TRANSFER"
	onlineBank   = "ONLINE_BANKING"
)

// refundable is a wallet with partial refunds for 365 days and the general cancel rule.
func refundable(category, region, currency string, least, most int64) Method {
	return Method{Category: category, Region: region, Currency: currency, Min: least, Max: most,
		Refund: true, PartialRefund: true, RefundDays: 365, Cancel: CancelNextDay}
}

// plain is a method whose refund rules are not published: no refund, because money that cannot come back must not
// be promised.
func plain(category, region, currency string, cancel CancelRule) Method {
	return Method{Category: category, Region: region, Currency: currency, Cancel: cancel}
}

func (m Method) atOnce() Method                 { m.RefundAtOnce = true; return m }
func (m Method) days(days int) Method           { m.RefundDays = days; return m }
func (m Method) fullOnly() Method               { m.PartialRefund = false; return m }
func (m Method) cancels(rule CancelRule) Method { m.Cancel = rule; return m }

// builtinMethods is the capability table: antomad/* and antomop/* (one page per method),
// pm/summary_capabilities_cp, cashierpay/cancel, auto_debit/cancel, ref/cc for minima, and for real-time refunds
// iopenhome.alipay.com/docs/ac/easypay/refund.
//
// Choices where pages are silent: ALIPAY_CN is listed with CNY, but cross-border merchants price it in other
// currencies, so any is accepted. DANA's partial refund is not found, so refused. KREDIVO_ID's window is not found:
// 365 days, the usual one. PromptPay once paid cannot be cancelled, like the other Thai bank methods.
var builtinMethods = map[string]Method{
	"ALIPAY_CN":       refundable(wallet, "CN", "", 0, 0).atOnce(),
	"ALIPAY_HK":       refundable(alipayPlus, "HK", "HKD", 1, 5000000).atOnce(),
	"BOOST":           refundable(alipayPlus, "MY", "MYR", 5, 0),
	"DANA":            refundable(alipayPlus, "ID", "IDR", 30000, 0).fullOnly().cancels(CancelNever).atOnce(),
	"GCASH":           refundable(alipayPlus, "PH", "PHP", 100, 0).atOnce(),
	"KAKAOPAY":        refundable(alipayPlus, "KR", "KRW", 50, 2000000),
	"NAVERPAY":        refundable(wallet, "KR", "KRW", 100, 0),
	"TOSSPAY":         plain(wallet, "KR", "KRW", CancelNextDay),
	"RABBIT_LINE_PAY": refundable(alipayPlus, "TH", "THB", 1, 5000000),
	"TNG":             refundable(alipayPlus, "MY", "MYR", 5, 2000000).atOnce(),
	"TRUEMONEY":       refundable(alipayPlus, "TH", "THB", 100, 3000000),
	"ZALOPAY":         refundable(wallet, "VN", "VND", 1000, 50000000).days(180),
	"GRABPAY_SG":      refundable(wallet, "SG", "SGD", 1, 500000),
	"GRABPAY_MY":      refundable(wallet, "MY", "MYR", 1, 150000),
	"GRABPAY_PH":      refundable(wallet, "PH", "PHP", 1000, 5000000),
	"MAYA":            refundable(wallet, "PH", "PHP", 100, 10000000),
	"PAYPAY":          refundable(wallet, "JP", "JPY", 1, 0).fullOnly().days(90),

	"DIRECT_DEBIT_KRUNGTHAIBANK":      thaiBank(bankApp, 100, 200000000),
	"DIRECT_DEBIT_SIAMCOMMERCIALBANK": thaiBank(bankApp, 100, 200000000),

	"KPLUS":               refundable(bankApp, "TH", "THB", 100, 200000000),
	"PROMPTPAY":           thaiBank(bankTransfer, 1, 0),
	"BILLEASE":            refundable(alipayPlus, "PH", "PHP", 5000, 10000000),
	"AKULAKU_PAYLATER_PH": refundable(alipayPlus, "PH", "PHP", 100, 0),
	"KREDIVO_ID":          refundable(alipayPlus, "ID", "IDR", 100, 3000000000).cancels(CancelNever),
	"PAGALEVE":            refundable(wallet, "BR", "BRL", 4000, 0).days(90),
	"MERCADOPAGO_BR":      plain(wallet, "BR", "BRL", CancelSevenDays),
	"MERCADOPAGO_CL":      plain(wallet, "CL", "CLP", CancelSevenDays),
	"MERCADOPAGO_MX":      plain(wallet, "MX", "MXN", CancelSevenDays),
	"MERCADOPAGO_PE":      plain(wallet, "PE", "PEN", CancelSevenDays),
	"JKOPAY":              plain(wallet, "TW", "TWD", CancelNever).least(100),
	"CARD":                refundable("CARD", "GLOBAL", "", 0, 0).cancels(CancelSevenDays),

	"OVO":                   plain(wallet, "ID", "IDR", CancelNever),
	"GOPAY_ID":              plain(wallet, "ID", "IDR", CancelNever),
	"SHOPEEPAY_ID":          plain(wallet, "ID", "IDR", CancelNever),
	"QRIS":                  plain(bankTransfer, "ID", "IDR", CancelNever),
	"CIMBNIAGA":             plain(bankTransfer, "ID", "IDR", CancelNever),
	"ATMTRANSFER_ID":        plain(bankTransfer, "ID", "IDR", CancelNever),
	"BANKTRANSFER_MAYBANK":  plain(bankTransfer, "ID", "IDR", CancelNever),
	"BANKTRANSFER_BNI":      plain(bankTransfer, "ID", "IDR", CancelNever),
	"BANKTRANSFER_PERMATA":  plain(bankTransfer, "ID", "IDR", CancelNever),
	"BANKTRANSFER_BSI":      plain(bankTransfer, "ID", "IDR", CancelNever),
	"BANKTRANSFER_QUICKPAY": plain(bankTransfer, "KR", "KRW", CancelNextDay),

	"ONLINEBANKING_KRUNGTHAIBANK":        thaiBank(onlineBank, 100, 200000000),
	"ONLINEBANKING_SIAMCOMMERCIALBANK":   thaiBank(onlineBank, 100, 200000000),
	"ONLINEBANKING_BANGKOKBANK":          thaiBank(onlineBank, 100, 200000000),
	"ONLINEBANKING_BANKOFAYUDHYA":        thaiBank(onlineBank, 100, 200000000),
	"ONLINEBANKING_KASIKORNBANK":         thaiBank(onlineBank, 100, 500000000),
	"BANKTRANSFER_KRUNGTHAIBANK":         thaiBank(bankTransfer, 100, 200000000),
	"BANKTRANSFER_SIAMCOMMERCIALBANK":    thaiBank(bankTransfer, 100, 200000000),
	"BANKTRANSFER_BANGKOKBANK":           thaiBank(bankTransfer, 100, 200000000),
	"BANKTRANSFER_BANKOFAYUDHYA":         thaiBank(bankTransfer, 100, 200000000),
	"BANKTRANSFER_KASIKORNBANK":          thaiBank(bankTransfer, 100, 200000000),
	"BANKTRANSFER_GOVERNMENTSAVINGSBANK": thaiBank(bankTransfer, 100, 200000000),
	"BANKAPP_KRUNGTHAIBANK":              thaiBank(bankApp, 100, 200000000),
	"BANKAPP_SIAMCOMMERCIALBANK":         thaiBank(bankApp, 100, 200000000),
	"BANKAPP_BANGKOKBANK":                thaiBank(bankApp, 100, 200000000),
	"BANKAPP_BANKOFAYUDHYA":              thaiBank(bankApp, 100, 200000000),
}

func (m Method) least(value int64) Method { m.Min = value; return m }

// thaiBank can neither refund nor, once paid, cancel.
func thaiBank(category string, least, most int64) Method {
	return Method{Category: category, Region: "TH", Currency: "THB", Min: least, Max: most, Cancel: CancelUnpaidOnly}
}

// BuiltinMethod returns the documented capabilities of a method, to be changed and given back in Options.Methods.
func BuiltinMethod(paymentMethodType string) (Method, bool) {
	m, known := builtinMethods[paymentMethodType]
	return m, known
}

// method never fails: the set of methods is open, and an unknown one is payable, not refundable, and cancellable by
// the general rule.
func (s *Simulator) method(paymentMethodType string) Method {
	if m, given := s.options.Methods[paymentMethodType]; given {
		return m
	}
	if m, known := builtinMethods[paymentMethodType]; known {
		return m
	}
	return plain(wallet, "", "", CancelNextDay)
}

func (s *Simulator) methodNames() []string {
	names := make([]string, 0, len(builtinMethods)+len(s.options.Methods))
	for name := range builtinMethods {
		names = append(names, name)
	}
	for name := range s.options.Methods {
		if _, builtin := builtinMethods[name]; !builtin {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Life of an order (ams/payment_cashier, ams/payment_agreement, cashierpay/cancel).
const (
	defaultExpiry     = 14 * time.Minute
	ownExpiryLimit    = 10 * time.Minute // an own paymentExpiryTime lies below this; the guide's free choice is not followed
	transferExpiry    = 48 * time.Hour
	mercadoPagoLife   = 7 * 24 * time.Hour
	agreementExpiry   = time.Minute
	authorisationLife = 7 * 24 * time.Hour // cashierpay/capture
)

// lifetime is how long an order of the method is open by default, and the limit of an own paymentExpiryTime.
func lifetime(paymentMethodType string, agreement bool) (byDefault, own time.Duration) {
	switch {
	case agreement:
		return agreementExpiry, agreementExpiry
	case strings.HasPrefix(paymentMethodType, "BANKTRANSFER_"), strings.HasPrefix(paymentMethodType, "ATMTRANSFER_"):
		return transferExpiry, transferExpiry + time.Second // "within 48 hours" includes 48 hours
	case strings.HasPrefix(paymentMethodType, "MERCADOPAGO_"):
		return mercadoPagoLife, ownExpiryLimit
	case paymentMethodType == "PROMPTPAY": // antomop: its time-out can be set
		return defaultExpiry, transferExpiry
	}
	return defaultExpiry, ownExpiryLimit
}

// nextDayLimit is 00:15 UTC+8 on the day after t (cashierpay/cancel).
func nextDayLimit(t time.Time) time.Time {
	local := t.In(gatewayZone)
	return time.Date(local.Year(), local.Month(), local.Day()+1, 0, 15, 0, 0, gatewayZone)
}

// ParseMethods reads {"PAYPAY": {"refundDays": 180}, ...}. What a known method does not name keeps its built-in
// value; a method that is not built in starts without refunds and with the general cancel rule.
func ParseMethods(text []byte) (map[string]Method, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	methods := make(map[string]Method, len(given))
	for name, raw := range given {
		m, known := builtinMethods[name]
		if !known {
			m = plain(wallet, "", "", CancelNextDay)
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&m); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		switch m.Cancel {
		case CancelNextDay, CancelSevenDays, CancelUnpaidOnly, CancelNever:
		default:
			return nil, fmt.Errorf("%s: unknown cancel rule %q", name, m.Cancel)
		}
		methods[name] = m
	}
	return methods, nil
}
