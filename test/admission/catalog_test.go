package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCreatingPaymentMethodCatalogs(t *testing.T) {
	testCreations(t, "PaymentMethodCatalog", catalogCreations)
}

func TestChangingPaymentMethodCatalogs(t *testing.T) {
	testChanges(t, "PaymentMethodCatalog", catalogChanges)
}

const (
	refreshTimes  = "refreshInterval must be hours, minutes and seconds between 1m and 168h, such as 1h or 1h30m"
	methodRegions = "allowedPaymentMethodRegions must be the two capitals of a country or region, such as TH, or GLOBAL"
)

// regions is a YAML list of so many regions.
func regions(count int) string {
	var codes []string
	for i := range count {
		codes = append(codes, fmt.Sprintf("%c%c", 'A'+i/26, 'A'+i%26))
	}
	return "[" + strings.Join(codes, ", ") + "]"
}

var catalogCreations = slices.Concat([]creation{
	{name: "a catalog of an amount is accepted"},
	{name: "every field at its least is accepted", patch: `spec: {
		merchantAccountRef: {name: a}, amount: {currency: THB, value: "1"}, env: {terminalType: WEB}, userRegion: TH,
		allowedPaymentMethodRegions: [], settlementCurrency: USD, refreshInterval: 1m}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		merchantAccountRef: {name: %s}, amount: {currency: THB, value: "9999999999999999"}, env: {terminalType: APP, osType: ANDROID, clientIp: %s},
		userRegion: TH, allowedPaymentMethodRegions: %s, settlementCurrency: USD, refreshInterval: 168h}`, long(253), long(64), regions(50))},
	{name: "a mini program is accepted", patch: `spec: {env: {terminalType: MINI_APP}}`},

	{name: "a catalog without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "a catalog without account is refused", patch: `spec: {merchantAccountRef: null}`, field: "spec.merchantAccountRef", want: "Required value"},
	{name: "a reference without a name is refused", patch: `spec: {merchantAccountRef: {name: null}}`, field: "spec.merchantAccountRef.name", want: "Required value"},
	{
		name: "a reference with an empty name is refused", patch: `spec: {merchantAccountRef: {name: ""}}`,
		field: "spec.merchantAccountRef.name", want: "should be at least 1 chars long",
	},
	{
		name: "a reference with a name of 254 characters is refused", patch: `spec: {merchantAccountRef: {name: ` + long(254) + `}}`,
		field: "spec.merchantAccountRef.name", want: "may not be more than 253",
	},
	{name: "a catalog without amount is refused", patch: `spec: {amount: null}`, field: "spec.amount", want: "Required value"},

	{
		name: "51 regions are refused", patch: `spec: {allowedPaymentMethodRegions: ` + regions(51) + `}`,
		field: "spec.allowedPaymentMethodRegions", want: "must have at most 50 items",
	},
	{
		name: "a region twice is refused", patch: `spec: {allowedPaymentMethodRegions: [TH, GLOBAL, TH]}`,
		field: "spec.allowedPaymentMethodRegions[]", want: "Duplicate value",
	},
},
	amountCreations("spec.amount", `spec: {amount: {currency: %s, value: %s}}`),
	envCreations,
	regionCreations("spec.userRegion", "spec: {userRegion: %s}"),
	formCreations("spec.allowedPaymentMethodRegions", "spec: {allowedPaymentMethodRegions: [HK, %s]}", methodRegions,
		[]string{"TH", "GLOBAL"}, []string{"", "th", "T", "THA", "Global", "TH "}),
	withField("spec.allowedPaymentMethodRegions[]", tooLongCreation("spec.allowedPaymentMethodRegions", "spec: {allowedPaymentMethodRegions: [HK, %s]}", 8)),
	formCreations("spec.settlementCurrency", "spec: {settlementCurrency: %s}", threeCapitals, []string{"USD"}, []string{"", "usd", "US", "USDT"}),
	tooLongCreation("spec.settlementCurrency", "spec: {settlementCurrency: %s}", 8),
	// A day is no duration to the operator, which would lose sight of all catalogs if one had it.
	formCreations("spec.refreshInterval", "spec: {refreshInterval: %s}", refreshTimes,
		[]string{"1m", "60s", "1h", "1h30m", "1h0m0s", "168h", "168h0m0s", "604800s"},
		[]string{"", "1", "0", "59s", "1d", "1 hour", "1h 30m", "-1h", "+1h", "1.5h", "60000ms", "168h1s", "169h", "999999h999999h", "1H", "PT1H", "1h\n"}),
	tooLongCreation("spec.refreshInterval", "spec: {refreshInterval: %s}", 16),
	[]creation{{name: "an interval that is a number is refused", patch: `spec: {refreshInterval: 3600}`, field: "spec.refreshInterval", want: "must be of type string"}},
)

// withField are the cases with a refusal of another field.
func withField(field string, cases []creation) []creation {
	for i := range cases {
		cases[i].field = field
	}
	return cases
}

var catalogChanges = []change{
	{name: "everything can be changed", patch: `spec: {
		merchantAccountRef: {name: other}, amount: {currency: USD, value: "1"}, env: {terminalType: WAP, osType: IOS}, userRegion: HK,
		allowedPaymentMethodRegions: [HK], settlementCurrency: USD, refreshInterval: 2h}`},
	{
		name: "what is optional can be removed", before: `spec: {env: {terminalType: WEB}, userRegion: HK, allowedPaymentMethodRegions: [HK], settlementCurrency: USD, refreshInterval: 2h}`,
		patch: `spec: {env: null, userRegion: null, allowedPaymentMethodRegions: null, settlementCurrency: null, refreshInterval: null}`,
	},
	{name: "an interval can not become too short", patch: `spec: {refreshInterval: 1s}`, field: "spec.refreshInterval", want: refreshTimes},
}
