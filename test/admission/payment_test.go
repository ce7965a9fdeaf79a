package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCreatingPayments(t *testing.T) {
	testCreations(t, "Payment", paymentCreations)
}

func TestChangingPayments(t *testing.T) {
	testChanges(t, "Payment", paymentChanges)
}

const (
	wholeNumber     = `1 to 16 digits without sign, point or leading zero: write "1050" for 10.50 USD and "1050" for 1050 JPY`
	listedCurrency  = "currency must be one that the gateway lists, in capitals: AUD, BDT, BRL"
	noCents         = `an IDR value must end in 00, because rupiah have no cents in practice: write "1500000" for 15,000 IDR`
	oneWay          = "set exactly one of cashier, session and autoDebit: a Payment is collected in one way"
	needsReturn     = "a cashier payment needs redirectUrl: the address to which the buyer returns, such as https://shop.example/return"
	shortExpiry     = "expirySeconds must be less than 600 (10 minutes), or omitted for the method's own time"
	paymentIDForm   = "paymentRequestId must be 1 to 64 letters, digits or underscores: shorten it, or omit it to have one derived"
	onePaymentID    = "attempt can not be raised with an explicit paymentRequestId, which names one attempt: create a new Payment with a new paymentRequestId instead"
	paymentAttempts = "wait until status.state is Failed or Cancelled"
	needsSystem     = "osType (IOS or ANDROID) is needed when terminalType is WAP or APP"
	returnAddress   = "redirectUrl must be an https address or an app's own scheme, such as https://shop.example/return or shopapp://return"
	byOne           = "attempt can only be raised by one"
	staysCancelled  = "a cancelled payment can not be opened again: raise attempt in the same change once it is cancelled, or create a new Payment"
)

var currencies = strings.Fields("AUD BDT BRL CAD CLP CNY EUR GBP HKD IDR JPY KRW MXN MYR NZD PEN PHP PKR PLN SGD THB TWD USD VND")

// amountCreations are the cases of an amount. The patch has a place for currency and value.
func amountCreations(path, patch string) []creation {
	fill := func(currency, value string) string { return fmt.Sprintf(patch, currency, value) }
	var cases []creation
	add := func(name, currency, value, field, want string) {
		cases = append(cases, creation{name: path + ": " + name, patch: fill(currency, value), field: field, want: want})
	}
	for _, currency := range currencies {
		add(currency+" is accepted", currency, `"25800"`, "", "")
	}
	add("one cent is accepted", "HKD", `"1"`, "", "")
	add("16 digits are accepted", "HKD", `"9999999999999999"`, "", "")
	for _, refused := range [][2]string{
		{"zero", `"0"`},
		{"a negative value", `"-100"`},
		{"a value with a sign", `"+100"`},
		{"a decimal value", `"10.50"`},
		{"a value with a comma", `"1,050"`},
		{"17 digits", `"10000000000000000"`},
		{"a leading zero", `"0100"`},
		{"an empty value", `""`},
		{"an exponent", `"1e3"`},
		{"a hexadecimal value", `"0x10"`},
		{"a suffix", `"1k"`},
		{"a blank", `"100 "`},
		{"a line break", `"100\n"`},
		{"digits of another script", `"١٠٠"`},
	} {
		add(refused[0]+" is refused", "HKD", refused[1], path+".value", wholeNumber)
	}
	add("33 digits are refused", "HKD", `"`+strings.Repeat("9", 33)+`"`, path+".value", "may not be more than 32")
	add("a number without quotes is refused", "HKD", `100`, path+".value", "must be of type string")
	add("a decimal number without quotes is refused", "HKD", `10.5`, path+".value", "must be of type string")
	add("a missing value is refused", "HKD", `null`, path+".value", "Required value")
	for _, refused := range [][2]string{
		{"a currency that the gateway has not", "XYZ"},
		{"a currency in lower case", "usd"},
		{"a currency by its sign", "$"},
		{"an empty currency", `""`},
		{"a currency with a blank", `"USD "`},
	} {
		add(refused[0]+" is refused", refused[1], `"100"`, path+".currency", listedCurrency)
	}
	add("a currency of 9 letters is refused", "USDOLLARS", `"100"`, path+".currency", "may not be more than 8")
	add("a missing currency is refused", "null", `"100"`, path+".currency", "Required value")
	add("whole rupiah are accepted", "IDR", `"1500000"`, "", "")
	add("cents of a rupiah are refused", "IDR", `"1500050"`, path+".value", noCents)
	add("rupiah that were not multiplied are refused", "IDR", `"15"`, path+".value", noCents)
	return cases
}

// requestIDCreations are the cases of an explicit id.
func requestIDCreations(field, want string) []creation {
	path := "spec." + field
	id := func(value string) string { return fmt.Sprintf("spec: {%s: %q}", field, value) }
	return []creation{
		{name: "an id of one character is accepted", patch: id("a")},
		{name: "an id of 64 characters is accepted", patch: id("Aa_9" + long(60))},
		{name: "an id of 65 characters is refused", patch: id(long(65)), field: path, want: want},
		{name: "an id with a dash is refused", patch: id("order-1042"), field: path, want: want},
		{name: "an id with a dot is refused", patch: id("order.1042"), field: path, want: want},
		{name: "an id with a blank is refused", patch: id("order 1042"), field: path, want: want},
		{name: "an id with an accent is refused", patch: id("café"), field: path, want: want},
		{name: "an id with a line break is refused", patch: id("order\n"), field: path, want: want},
		{name: "an empty id is refused", patch: id(""), field: path, want: want},
		{name: "an id of 257 characters is refused", patch: id(long(257)), field: path, want: "may not be more than 256"},
	}
}

// attemptCreations are the cases of the attempt of a new object.
func attemptCreations(idField, oneID string) []creation {
	return []creation{
		{name: "a manifest of the second attempt, applied to a new cluster, is accepted", patch: `spec: {attempt: 2}`},
		{name: "attempt 0 is refused", patch: `spec: {attempt: 0}`, field: "spec.attempt", want: "should be greater than or equal to 1"},
		{name: "attempt 100 is refused", patch: `spec: {attempt: 100}`, field: "spec.attempt", want: "should be less than or equal to 99"},
		{name: "half an attempt is refused", patch: `spec: {attempt: 1.5}`, field: "spec.attempt", want: "must be of type int32"},
		{name: "the first attempt with an explicit id is accepted", patch: fmt.Sprintf(`spec: {attempt: 1, %s: mine}`, idField)},
		{name: "a second attempt with an explicit id is refused", patch: fmt.Sprintf(`spec: {attempt: 2, %s: mine}`, idField), field: "spec.attempt", want: oneID},
	}
}

// attemptChanges are the cases of an attempt that is raised: after these states, and before the end.
func attemptChanges(tooEarly string, ended, open []string) []change {
	var cases []change
	for _, state := range ended {
		cases = append(cases,
			change{name: "the attempt can be raised after the state " + state, state: state, patch: `spec: {attempt: 2}`},
			change{name: "the attempt can not be raised by two after the state " + state, state: state, patch: `spec: {attempt: 3}`, field: "spec.attempt", want: byOne},
			change{
				name: "the attempt can not be raised above 99 after the state " + state, before: `spec: {attempt: 99}`, state: state,
				patch: `spec: {attempt: 100}`, field: "spec.attempt", want: "should be less than or equal to 99",
			},
			change{name: "the attempt can not be lowered after the state " + state, before: `spec: {attempt: 3}`, state: state, patch: `spec: {attempt: 2}`, field: "spec.attempt", want: byOne},
			change{name: "the attempt can not be left out again after the state " + state, before: `spec: {attempt: 3}`, state: state, patch: `spec: {attempt: null}`, field: "spec.attempt", want: byOne},
		)
	}
	for _, state := range open {
		cases = append(cases, change{
			name: "the attempt can not be raised in the state " + `"` + state + `"`, state: state, patch: `spec: {attempt: 2}`,
			field: "spec.attempt", want: tooEarly,
		})
	}
	return append(cases,
		change{name: "the attempt can be written out as it was", patch: `spec: {attempt: 1}`},
		change{name: "the attempt can not be lowered", before: `spec: {attempt: 2}`, patch: `spec: {attempt: 1}`, field: "spec.attempt", want: byOne},
	)
}

var paymentCreations = slices.Concat([]creation{
	{name: "a cashier payment is accepted"},
	{name: "an automatic debit is accepted", patch: `spec: {cashier: null, redirectUrl: null, autoDebit: {agreementRef: {name: agreement}}}`},
	{name: "a payment in no way is refused", patch: `spec: {cashier: null}`, field: "spec", want: oneWay},
	{name: "a payment in two ways is refused", patch: `spec: {session: {productScene: CHECKOUT_PAYMENT}}`, field: "spec", want: oneWay},
	{name: "a payment in two other ways is refused", patch: `spec: {autoDebit: {agreementRef: {name: a}}}`, field: "spec", want: oneWay},
	{
		name: "a payment in three ways is refused", patch: `spec: {session: {productScene: CHECKOUT_PAYMENT}, autoDebit: {agreementRef: {name: a}}}`,
		field: "spec", want: oneWay,
	},

	{name: "every field at its least is accepted", patch: `spec: {
		merchantAccountRef: {name: m}, paymentRequestId: p, attempt: 1, amount: {currency: HKD, value: "1"},
		order: {referenceOrderId: o, orderDescription: o, orderAmount: {currency: HKD, value: "1"}}, buyer: {referenceBuyerId: b},
		env: {terminalType: WEB, clientIp: i}, cashier: {paymentMethodType: A}, expirySeconds: 60, redirectUrl: "a://b",
		additionalFields: {}, suspend: false, desiredState: Paid, deletionPolicy: Retain, ttlSecondsAfterFinished: 0}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		merchantAccountRef: {name: %s}, attempt: 99, amount: {currency: HKD, value: "9999999999999999"},
		order: {referenceOrderId: %s, orderDescription: %s, orderAmount: {currency: HKD, value: "9999999999999999"}},
		buyer: {referenceBuyerId: %s}, env: {terminalType: APP, osType: ANDROID, clientIp: %s}, cashier: {paymentMethodType: BANKTRANSFER_%s},
		expirySeconds: 172800, redirectUrl: "https://shop.example/%s", suspend: true, desiredState: Cancelled, deletionPolicy: Cancel,
		ttlSecondsAfterFinished: 2147483647}`, long(253), long(64), long(256), long(64), long(64), strings.Repeat("X", 51), long(2027))},

	{name: "a payment without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "a payment without account is refused", patch: `spec: {merchantAccountRef: null}`, field: "spec.merchantAccountRef", want: "Required value"},
	{name: "an account without a name is refused", patch: `spec: {merchantAccountRef: {name: null}}`, field: "spec.merchantAccountRef.name", want: "Required value"},
	{
		name: "an account with an empty name is refused", patch: `spec: {merchantAccountRef: {name: ""}}`,
		field: "spec.merchantAccountRef.name", want: "should be at least 1 chars long",
	},
	{
		name: "an account with a name of 254 characters is refused", patch: `spec: {merchantAccountRef: {name: ` + long(254) + `}}`,
		field: "spec.merchantAccountRef.name", want: "may not be more than 253",
	},
	{name: "a payment without amount is refused", patch: `spec: {amount: null}`, field: "spec.amount", want: "Required value"},

	{name: "a payment without order is refused", patch: `spec: {order: null}`, field: "spec.order", want: "Required value"},
	{name: "an order without number is refused", patch: `spec: {order: {referenceOrderId: null}}`, field: "spec.order.referenceOrderId", want: "Required value"},
	{name: "an order number without quotes is refused", patch: `spec: {order: {referenceOrderId: 1042}}`, field: "spec.order.referenceOrderId", want: "must be of type string"},
	{name: "an empty order number is refused", patch: `spec: {order: {referenceOrderId: ""}}`, field: "spec.order.referenceOrderId", want: "should be at least 1 chars long"},
	{
		name: "an order number of 65 characters is refused", patch: `spec: {order: {referenceOrderId: ` + long(65) + `}}`,
		field: "spec.order.referenceOrderId", want: "may not be more than 64",
	},
	{name: "an order without description is refused", patch: `spec: {order: {orderDescription: null}}`, field: "spec.order.orderDescription", want: "Required value"},
	{name: "an empty order description is refused", patch: `spec: {order: {orderDescription: ""}}`, field: "spec.order.orderDescription", want: "should be at least 1 chars long"},
	{
		name: "an order description of 257 characters is refused", patch: `spec: {order: {orderDescription: ` + long(257) + `}}`,
		field: "spec.order.orderDescription", want: "may not be more than 256",
	},
	{
		name: "an order amount in another currency than the payment is refused", patch: `spec: {order: {orderAmount: {currency: USD, value: "3300"}}}`,
		field: "spec.order.orderAmount.currency", want: "order.orderAmount must have the currency of amount, as the buyer is shown the one and charged the other",
	},

	{name: "an empty customer number is refused", patch: `spec: {buyer: {referenceBuyerId: ""}}`, field: "spec.buyer.referenceBuyerId", want: "should be at least 1 chars long"},
	{
		name: "a customer number of 65 characters is refused", patch: `spec: {buyer: {referenceBuyerId: ` + long(65) + `}}`,
		field: "spec.buyer.referenceBuyerId", want: "may not be more than 64",
	},

	{name: "a cashier without payment method is refused", patch: `spec: {cashier: {paymentMethodType: null}}`, field: "spec.cashier.paymentMethodType", want: "Required value"},
	{name: "a payment method in lower case is refused", patch: `spec: {cashier: {paymentMethodType: alipay_hk}}`, field: "spec.cashier.paymentMethodType", want: codeOfMethod},
	{name: "a payment method with a dash is refused", patch: `spec: {cashier: {paymentMethodType: ALIPAY-HK}}`, field: "spec.cashier.paymentMethodType", want: codeOfMethod},
	{name: "an empty payment method is refused", patch: `spec: {cashier: {paymentMethodType: ""}}`, field: "spec.cashier.paymentMethodType", want: codeOfMethod},
	{
		name: "a payment method of 65 characters is refused", patch: `spec: {cashier: {paymentMethodType: ` + long(65) + `}}`,
		field: "spec.cashier.paymentMethodType", want: "may not be more than 64",
	},
	{name: "a session without scene is refused", patch: `spec: {cashier: null, session: {}}`, field: "spec.session.productScene", want: "Required value"},
	{
		name: "an unknown scene is refused", patch: `spec: {cashier: null, session: {productScene: PAGE}}`,
		field: "spec.session.productScene", want: `supported values: "CHECKOUT_PAYMENT", "ELEMENT_PAYMENT"`,
	},
	{
		name:  "an automatic debit with what needs no buyer is accepted",
		patch: `spec: {cashier: null, redirectUrl: null, autoDebit: {agreementRef: {name: a}}, creditPayPlan: {installmentNum: 3}, userRegion: HK, appId: a, settlementCurrency: USD}`,
	},
	{
		name: "a return address of an automatic debit is refused", patch: `spec: {cashier: null, autoDebit: {agreementRef: {name: a}}}`,
		field: "spec.redirectUrl", want: "redirectUrl is for payments with a buyer: an automatic debit sends nobody anywhere, so omit it",
	},
	{
		name: "a terminal of an automatic debit is refused", patch: `spec: {cashier: null, redirectUrl: null, autoDebit: {agreementRef: {name: a}}, env: {terminalType: WEB}}`,
		field: "spec.env", want: "env is for payments with a buyer: an automatic debit has no terminal, so omit it",
	},
	{
		name: "seconds to pay of an automatic debit are refused", patch: `spec: {cashier: null, redirectUrl: null, autoDebit: {agreementRef: {name: a}}, expirySeconds: 60}`,
		field: "spec.expirySeconds", want: "expirySeconds is for cashier payments: an automatic debit ends by itself after a minute, so omit it",
	},
	{name: "a debit without agreement is refused", patch: `spec: {cashier: null, autoDebit: {}}`, field: "spec.autoDebit.agreementRef", want: "Required value"},
	{
		name: "an agreement without a name is refused", patch: `spec: {cashier: null, autoDebit: {agreementRef: {}}}`,
		field: "spec.autoDebit.agreementRef.name", want: "Required value",
	},
	{
		name: "an agreement with an empty name is refused", patch: `spec: {cashier: null, autoDebit: {agreementRef: {name: ""}}}`,
		field: "spec.autoDebit.agreementRef.name", want: "should be at least 1 chars long",
	},
	{
		name: "an agreement with a name of 254 characters is refused", patch: `spec: {cashier: null, autoDebit: {agreementRef: {name: ` + long(254) + `}}}`,
		field: "spec.autoDebit.agreementRef.name", want: "may not be more than 253",
	},

	{name: "599 seconds to pay are accepted", patch: `spec: {expirySeconds: 599}`},
	{name: "600 seconds to pay are refused for a wallet", patch: `spec: {expirySeconds: 600}`, field: "spec.expirySeconds", want: shortExpiry},
	{name: "59 seconds to pay are refused", patch: `spec: {expirySeconds: 59}`, field: "spec.expirySeconds", want: "should be greater than or equal to 60"},
	{name: "no second to pay is refused", patch: `spec: {expirySeconds: 0}`, field: "spec.expirySeconds", want: "should be greater than or equal to 60"},
	{name: "two days to pay by bank transfer are accepted", patch: `spec: {cashier: {paymentMethodType: BANKTRANSFER_BCA}, expirySeconds: 172800}`},
	{name: "two days to pay by PromptPay are accepted", patch: `spec: {cashier: {paymentMethodType: PROMPTPAY}, expirySeconds: 172800}`},
	{
		name: "more than two days to pay are refused", patch: `spec: {cashier: {paymentMethodType: BANKTRANSFER_BCA}, expirySeconds: 172801}`,
		field: "spec.expirySeconds", want: "should be less than or equal to 172800",
	},

	{name: "a return into an app is accepted", patch: `spec: {redirectUrl: "shopapp://return"}`},
	{name: "a cashier payment without return address is refused", patch: `spec: {redirectUrl: null}`, field: "spec", want: needsReturn},
	{name: "a return address without scheme is refused", patch: `spec: {redirectUrl: shop.example/return}`, field: "spec.redirectUrl", want: returnAddress},
	{name: "a return address with a blank is refused", patch: `spec: {redirectUrl: "https://shop.example/a b"}`, field: "spec.redirectUrl", want: returnAddress},
	{name: "an empty return address is refused", patch: `spec: {redirectUrl: ""}`, field: "spec.redirectUrl", want: returnAddress},
	{
		name: "a return address of 2049 characters is refused", patch: `spec: {redirectUrl: "https://` + long(2041) + `"}`,
		field: "spec.redirectUrl", want: "may not be more than 2048",
	},

	{name: "a payment that begins cancelled is accepted", patch: `spec: {desiredState: Cancelled}`},
	{name: "an unknown desired state is refused", patch: `spec: {desiredState: Refunded}`, field: "spec.desiredState", want: `supported values: "Paid", "Cancelled"`},
	{name: "an unknown deletion policy is refused", patch: `spec: {deletionPolicy: Delete}`, field: "spec.deletionPolicy", want: `supported values: "Retain", "Cancel"`},
	{
		name: "a negative time to live is refused", patch: `spec: {ttlSecondsAfterFinished: -1}`,
		field: "spec.ttlSecondsAfterFinished", want: "should be greater than or equal to 0",
	},
	{name: "additional fields that are no object are refused", patch: `spec: {additionalFields: text}`, field: "spec.additionalFields", want: "must be of type object"},
},
	amountCreations("spec.amount", `spec: {amount: {currency: %s, value: %s}}`),
	amountCreations("spec.order.orderAmount", `spec: {amount: {currency: %[1]s}, order: {orderAmount: {currency: %[1]s, value: %[2]s}}}`),
	requestIDCreations("paymentRequestId", paymentIDForm),
	attemptCreations("paymentRequestId", onePaymentID),
)

var paymentChanges = slices.Concat(
	[]change{
		{name: "a payment can be cancelled", patch: `spec: {desiredState: Cancelled}`},
		{name: "a paid payment can be cancelled", state: "Paid", patch: `spec: {desiredState: Cancelled}`},
		{name: "a payment can be suspended", patch: `spec: {suspend: true}`},
		{name: "a suspended payment can go on", before: `spec: {suspend: true}`, patch: `spec: {suspend: null}`},
		{name: "the deletion policy can be changed", patch: `spec: {deletionPolicy: Cancel}`},
		{name: "the deletion policy can be left out again", before: `spec: {deletionPolicy: Cancel}`, patch: `spec: {deletionPolicy: null}`},
		{name: "the time to live can be added", patch: `spec: {ttlSecondsAfterFinished: 60}`},
		{name: "the time to live can be removed", before: `spec: {ttlSecondsAfterFinished: 60}`, patch: `spec: {ttlSecondsAfterFinished: null}`},
		{name: "labels, annotations and finalizers can be added", state: "Paid", patch: `metadata: {labels: {a: b}, annotations: {a: b}, finalizers: [payments.alipay-operator.io/cancel-payment]}`},

		{
			name: "a payment that is being cancelled can not be opened again", before: `spec: {desiredState: Cancelled}`, state: "Processing",
			patch: `spec: {desiredState: Paid}`, field: "spec.desiredState", want: staysCancelled,
		},
		{
			name: "a cancelled payment can not be opened again", before: `spec: {desiredState: Cancelled}`, state: "Cancelled",
			patch: `spec: {desiredState: Paid}`, field: "spec.desiredState", want: staysCancelled,
		},
		{
			name: "a cancelled payment can not be opened again by leaving out the desired state", before: `spec: {desiredState: Cancelled}`, state: "Cancelled",
			patch: `spec: {desiredState: null}`, field: "spec.desiredState", want: staysCancelled,
		},
		{
			name: "a payment that is being cancelled can not be tried again", before: `spec: {desiredState: Cancelled}`, state: "Processing",
			patch: `spec: {desiredState: Paid, attempt: 2}`, field: "spec.attempt", want: paymentAttempts,
		},
		{
			name: "a cancelled payment can be tried again", before: `spec: {desiredState: Cancelled}`, state: "Cancelled",
			patch: `spec: {desiredState: Paid, attempt: 2}`,
		},
		{
			name: "a payment that failed while it was cancelled can be tried again", before: `spec: {desiredState: Cancelled}`, state: "Failed",
			patch: `spec: {desiredState: Paid, attempt: 2}`,
		},
		{
			name: "the attempt of a payment with an id of its own can not be raised", before: `spec: {paymentRequestId: mine}`, state: "Failed",
			patch: `spec: {attempt: 2}`, field: "spec.attempt", want: onePaymentID,
		},

		{
			name: "the cashier can not give way to a session", patch: `spec: {cashier: null, session: {productScene: CHECKOUT_PAYMENT}}`,
			field: "spec.session", want: "session is immutable: create a new Payment instead",
		},
		{
			name: "the cashier can not give way to a debit", patch: `spec: {cashier: null, autoDebit: {agreementRef: {name: a}}}`,
			field: "spec.cashier", want: "cashier is immutable: create a new Payment instead",
		},
		{
			name: "an optional part of the order can not be added", patch: `spec: {order: {orderAmount: {currency: HKD, value: "1"}}}`,
			field: "spec.order", want: "order is immutable: create a new Payment instead",
		},
		{
			name: "an optional part of the terminal can not be removed", before: `spec: {env: {terminalType: WEB, clientIp: 203.0.113.9}}`,
			patch: `spec: {env: {clientIp: null}}`, field: "spec.env", want: "env is immutable: create a new Payment instead",
		},
		{
			name: "the currency can not be changed", patch: `spec: {amount: {currency: USD}}`,
			field: "spec.amount", want: "amount is immutable: create a new Payment instead",
		},
	},
	immutable("merchantAccountRef", "{name: one}", "{name: other}", "", "merchantAccountRef is immutable: create a new Payment instead", false),
	immutable("paymentRequestId", "one", "other", "", "paymentRequestId is immutable, as another id is another charge: create a new Payment instead", true),
	immutable("amount", `{currency: HKD, value: "1"}`, `{currency: HKD, value: "2"}`, "",
		"amount is immutable: create a new Payment instead, and cancel this one with desiredState: Cancelled", false),
	immutable("order", `{referenceOrderId: one}`, `{referenceOrderId: other}`, "", "order is immutable: create a new Payment instead", false),
	immutable("buyer", "{referenceBuyerId: one}", "{referenceBuyerId: other}", "", "buyer is immutable: create a new Payment instead", true),
	immutable("env", "{terminalType: APP, osType: IOS}", "{terminalType: WAP}", "", "env is immutable: create a new Payment instead", true),
	immutable("cashier", "{paymentMethodType: GCASH}", "{paymentMethodType: DANA}", "", "cashier is immutable: create a new Payment instead", false),
	immutable("session", "{productScene: CHECKOUT_PAYMENT}", "{productScene: CHECKOUT_PAYMENT, renewals: 1}", "cashier: null", "session is immutable: create a new Payment instead", false),
	immutable("autoDebit", "{agreementRef: {name: one}}", "{agreementRef: {name: other}}", "cashier: null, redirectUrl: null", "autoDebit is immutable: create a new Payment instead", false),
	immutable("expirySeconds", "60", "120", "", "expirySeconds is immutable: create a new Payment instead", true),
	immutable("redirectUrl", "https://one.example", "https://other.example", "", "redirectUrl is immutable: create a new Payment instead", false),
	attemptChanges(paymentAttempts, []string{"Failed", "Cancelled"},
		[]string{"", "Pending", "Submitting", "Processing", "Confirming", "Unknown", "Paid", "Blocked"}),
)
