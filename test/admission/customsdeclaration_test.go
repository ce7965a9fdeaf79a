package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCreatingCustomsDeclarations(t *testing.T) {
	testCreations(t, "CustomsDeclaration", declarationCreations)
}

func TestChangingCustomsDeclarations(t *testing.T) {
	testChanges(t, "CustomsDeclaration", declarationChanges)
}

const (
	declarationIDForm   = "declarationRequestId must be 1 to 32 letters, digits or underscores: shorten it, take the hyphens out of a UUID, or omit it to have one derived"
	oneDeclarationID    = "attempt can not be raised with an explicit declarationRequestId, which names one attempt: create a new CustomsDeclaration with a new declarationRequestId instead"
	declarationAttempts = "wait until status.state is Failed, Rejected or Undetermined"
	customsCodeForm     = "customsCode must be 1 to 28 capitals, digits or underscores, such as ZONGSHU"
	onlyYuan            = "currency must be CNY, as customs of China is told yuan"
	partNeedsNumber     = "a split order needs subOrderId: the number under which the shop reports this part to customs itself"
	numberNeedsPart     = "subOrderId is for split orders: set splitOrder: true, or omit it"
)

// certificateRef is a reference to a Secret with a field of this name and value.
func certificateRef(field, value string) string {
	return fmt.Sprintf("spec: {buyerCertificateSecretRef: {name: buyer, %s: %s}}", field, value)
}

var declarationCreations = slices.Concat([]creation{
	{name: "a declaration of a part is accepted"},
	{name: "a declaration of all of a payment is accepted", patch: `spec: {amount: null}`},
	{name: "a declaration to an office that is not documented is accepted", patch: `spec: {customs: {customsCode: HANGZHOU_2}}`},
	{name: "a part of a split order is accepted", patch: `spec: {splitOrder: true, subOrderId: order-1042-a}`},
	{name: "an order that is expressly not split is accepted", patch: `spec: {splitOrder: false}`},

	{name: "every field at its least is accepted", patch: `spec: {
		declarationRequestId: d, attempt: 1, amount: {currency: CNY, value: "1"}, customs: {region: CN, customsCode: Z},
		merchantCustomsInfo: {merchantCustomsCode: c, merchantCustomsName: 商}, splitOrder: true, subOrderId: s,
		buyerCertificateSecretRef: {name: b, key: k}, additionalFields: {}, ttlSecondsAfterFinished: 0}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		paymentRef: {name: %s}, attempt: 99, amount: {currency: CNY, value: "9999999999999999"}, customs: {region: CN, customsCode: %s},
		merchantCustomsInfo: {merchantCustomsCode: %s, merchantCustomsName: %s}, splitOrder: true, subOrderId: %s,
		buyerCertificateSecretRef: {name: %s, key: %s}, suspend: true, ttlSecondsAfterFinished: 2147483647}`,
		long(253), strings.Repeat("Z", 28), long(128), strings.Repeat("商", 256), long(64), long(253), long(253))},

	{name: "a declaration without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "a declaration without payment is refused", patch: `spec: {paymentRef: null}`, field: "spec.paymentRef", want: "Required value"},
	{name: "a reference without a name is refused", patch: `spec: {paymentRef: {name: null}}`, field: "spec.paymentRef.name", want: "Required value"},
	{name: "a reference with an empty name is refused", patch: `spec: {paymentRef: {name: ""}}`, field: "spec.paymentRef.name", want: "should be at least 1 chars long"},
	{
		name: "a reference with a name of 254 characters is refused", patch: `spec: {paymentRef: {name: ` + long(254) + `}}`,
		field: "spec.paymentRef.name", want: "may not be more than 253",
	},

	{name: "an id of 32 characters is accepted", patch: `spec: {declarationRequestId: 7f0c2d51a9b14c5e8d1f2b3c4d5e6f70}`},
	{
		name: "a UUID with its hyphens is refused", patch: `spec: {declarationRequestId: 7f0c2d51-a9b1-4c5e-8d1f-2b3c4d5e6f70}`,
		field: "spec.declarationRequestId", want: declarationIDForm,
	},
	{name: "an id of 33 characters is refused", patch: `spec: {declarationRequestId: ` + long(33) + `}`, field: "spec.declarationRequestId", want: declarationIDForm},
	{name: "an empty id is refused", patch: `spec: {declarationRequestId: ""}`, field: "spec.declarationRequestId", want: declarationIDForm},
	{name: "an id with a line break is refused", patch: `spec: {declarationRequestId: "d\n"}`, field: "spec.declarationRequestId", want: declarationIDForm},
	{name: "an id of 257 characters is refused", patch: `spec: {declarationRequestId: ` + long(257) + `}`, field: "spec.declarationRequestId", want: "may not be more than 256"},

	{name: "an amount in the payment's currency is refused", patch: `spec: {amount: {currency: HKD}}`, field: "spec.amount.currency", want: onlyYuan},
	{name: "a currency that the gateway has not is refused", patch: `spec: {amount: {currency: RMB}}`, field: "spec.amount.currency", want: listedCurrency},
	{name: "a currency of 9 letters is refused", patch: `spec: {amount: {currency: USDOLLARS}}`, field: "spec.amount.currency", want: "may not be more than 8"},
	{name: "an amount without currency is refused", patch: `spec: {amount: {currency: null}}`, field: "spec.amount.currency", want: "Required value"},
	{name: "an amount without value is refused", patch: `spec: {amount: {value: null}}`, field: "spec.amount.value", want: "Required value"},
	{name: "an amount in yuan with decimals is refused", patch: `spec: {amount: {value: "100.50"}}`, field: "spec.amount.value", want: wholeNumber},
	{name: "an amount of nothing is refused", patch: `spec: {amount: {value: "0"}}`, field: "spec.amount.value", want: wholeNumber},
	{name: "a value of 33 digits is refused", patch: `spec: {amount: {value: "` + strings.Repeat("9", 33) + `"}}`, field: "spec.amount.value", want: "may not be more than 32"},
	{name: "cents of a rupiah are refused", patch: `spec: {amount: {currency: IDR, value: "1500050"}}`, field: "spec.amount.value", want: noCents},

	{name: "a declaration to no office is refused", patch: `spec: {customs: null}`, field: "spec.customs", want: "Required value"},
	{name: "an office without code is refused", patch: `spec: {customs: {customsCode: null}}`, field: "spec.customs.customsCode", want: "Required value"},
	{name: "an office in lower case is refused", patch: `spec: {customs: {customsCode: zongshu}}`, field: "spec.customs.customsCode", want: customsCodeForm},
	{name: "an office of 29 letters is refused", patch: `spec: {customs: {customsCode: ` + strings.Repeat("Z", 29) + `}}`, field: "spec.customs.customsCode", want: customsCodeForm},
	{
		name: "an office of 65 letters is refused", patch: `spec: {customs: {customsCode: ` + strings.Repeat("Z", 65) + `}}`,
		field: "spec.customs.customsCode", want: "may not be more than 64",
	},
	{name: "an office of another region is refused", patch: `spec: {customs: {region: HK}}`, field: "spec.customs.region", want: `supported values: "CN"`},

	{name: "a declaration by nobody is refused", patch: `spec: {merchantCustomsInfo: null}`, field: "spec.merchantCustomsInfo", want: "Required value"},
	{
		name: "a part without its number is refused", patch: `spec: {splitOrder: true}`,
		field: "spec.subOrderId", want: partNeedsNumber,
	},
	{name: "a number without a part is refused", patch: `spec: {subOrderId: order-1042-a}`, field: "spec.subOrderId", want: numberNeedsPart},
	{name: "a number of an order that is not split is refused", patch: `spec: {splitOrder: false, subOrderId: order-1042-a}`, field: "spec.subOrderId", want: numberNeedsPart},
	{name: "an empty number is refused", patch: `spec: {splitOrder: true, subOrderId: ""}`, field: "spec.subOrderId", want: "should be at least 1 chars long"},
	{name: "a number of 65 characters is refused", patch: `spec: {splitOrder: true, subOrderId: ` + long(65) + `}`, field: "spec.subOrderId", want: "may not be more than 64"},

	{name: "a certificate in a Secret without name is refused", patch: `spec: {buyerCertificateSecretRef: {key: k}}`, field: "spec.buyerCertificateSecretRef.name", want: "Required value"},
	{name: "a Secret with an empty name is refused", patch: certificateRef("name", `""`), field: "spec.buyerCertificateSecretRef.name", want: "should be at least 1 chars long"},
	{name: "a Secret with a name of 254 characters is refused", patch: certificateRef("name", long(254)), field: "spec.buyerCertificateSecretRef.name", want: "may not be more than 253"},
	{name: "an empty key is refused", patch: certificateRef("key", `""`), field: "spec.buyerCertificateSecretRef.key", want: "should be at least 1 chars long"},
	{name: "a key of 254 characters is refused", patch: certificateRef("key", long(254)), field: "spec.buyerCertificateSecretRef.key", want: "may not be more than 253"},

	{
		name: "a negative time to live is refused", patch: `spec: {ttlSecondsAfterFinished: -1}`,
		field: "spec.ttlSecondsAfterFinished", want: "should be greater than or equal to 0",
	},
	{name: "additional fields that are no object are refused", patch: `spec: {additionalFields: [a]}`, field: "spec.additionalFields", want: "must be of type object"},
},
	merchantInfoCreations("merchantCustomsCode", 128),
	merchantInfoCreations("merchantCustomsName", 256),
	attemptCreations("declarationRequestId", oneDeclarationID),
)

// merchantInfoCreations are the cases of a text that says who declares.
func merchantInfoCreations(field string, longest int) []creation {
	path := "spec.merchantCustomsInfo." + field
	patch := func(value string) string { return fmt.Sprintf("spec: {merchantCustomsInfo: {%s: %s}}", field, value) }
	return []creation{
		{name: "a missing " + field + " is refused", patch: patch("null"), field: path, want: "Required value"},
		{name: "an empty " + field + " is refused", patch: patch(`""`), field: path, want: "should be at least 1 chars long"},
		{name: "a too long " + field + " is refused", patch: patch(strings.Repeat("商", longest+1)), field: path, want: fmt.Sprintf("may not be more than %d", longest)},
	}
}

// onlyAnew is why a field can not be changed by itself.
func onlyAnew(field string) string {
	return field + " can be corrected only together with a raised attempt, which declares anew"
}

var declarationChanges = slices.Concat(
	[]change{
		{name: "suspend and the time to live can be changed", patch: `spec: {suspend: true, ttlSecondsAfterFinished: 60}`},
		{name: "suspend and the time to live can be removed", before: `spec: {suspend: true, ttlSecondsAfterFinished: 60}`, patch: `spec: {suspend: null, ttlSecondsAfterFinished: null}`},
		{
			name: "all of a payment can not become a part", before: `spec: {amount: null}`, patch: `spec: {amount: {currency: CNY, value: "1"}}`,
			field: "spec.amount", want: onlyAnew("amount"),
		},
		{
			name: "a part can not become all of a payment", patch: `spec: {amount: null}`,
			field: "spec.amount", want: onlyAnew("amount"),
		},
		{
			name: "an order can not be split later", patch: `spec: {splitOrder: true, subOrderId: s}`,
			field: "spec.splitOrder", want: onlyAnew("splitOrder"),
		},
		{
			name: "another number of the part can not be set", before: `spec: {splitOrder: true, subOrderId: s}`, patch: `spec: {subOrderId: other}`,
			field: "spec.subOrderId", want: onlyAnew("subOrderId"),
		},
		{
			name: "the shop can not be another", patch: `spec: {merchantCustomsInfo: {merchantCustomsCode: other}}`,
			field: "spec.merchantCustomsInfo", want: onlyAnew("merchantCustomsInfo"),
		},
		{
			name: "everything but payment and id can be corrected with a raised attempt", state: "Rejected", patch: `spec: {
				attempt: 2, amount: {value: "1"}, customs: {customsCode: NINGBO}, merchantCustomsInfo: {merchantCustomsName: 新}, splitOrder: true,
				subOrderId: s, buyerCertificateSecretRef: {name: buyer}}`,
		},
		{
			name: "nothing can be corrected with an attempt that is raised too early", state: "Processing", patch: `spec: {attempt: 2, customs: {customsCode: NINGBO}}`,
			field: "spec.attempt", want: declarationAttempts,
		},
		{
			name: "the payment can not be changed with a raised attempt", state: "Rejected", patch: `spec: {attempt: 2, paymentRef: {name: other}}`,
			field: "spec.paymentRef", want: "paymentRef is immutable: create a new CustomsDeclaration instead",
		},
	},
	immutable("paymentRef", "{name: one}", "{name: other}", "", "paymentRef is immutable: create a new CustomsDeclaration instead", false),
	immutable("declarationRequestId", "one", "other", "", "declarationRequestId is immutable, as another id declares again: create a new CustomsDeclaration instead", true),
	immutable("amount", `{currency: CNY, value: "1"}`, `{currency: CNY, value: "2"}`, "", onlyAnew("amount"), false),
	immutable("customs", "{customsCode: ZONGSHU}", "{customsCode: NINGBO}", "", onlyAnew("customs"), false),
	immutable("buyerCertificateSecretRef", "{name: one}", "{name: other}", "", onlyAnew("buyerCertificateSecretRef"), true),
	attemptChanges(declarationAttempts, []string{"Failed", "Rejected", "Undetermined"},
		[]string{"", "Pending", "Submitting", "Processing", "Unknown", "Accepted", "Blocked"}),
	[]change{{
		name: "the attempt of a declaration with an id of its own can not be raised", before: `spec: {declarationRequestId: mine}`, state: "Failed",
		patch: `spec: {attempt: 2}`, field: "spec.attempt", want: oneDeclarationID,
	}},
)
