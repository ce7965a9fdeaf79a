package admission

import (
	"fmt"
	"strings"
	"testing"
)

func TestCreatingMerchantAccounts(t *testing.T) {
	testCreations(t, "MerchantAccount", merchantAccountCreations)
}

func TestChangingMerchantAccounts(t *testing.T) {
	testChanges(t, "MerchantAccount", merchantAccountChanges)
}

// methods is a YAML list of so many payment methods.
func methods(count int) string {
	var items []string
	for i := range count {
		items = append(items, fmt.Sprintf("{paymentMethodType: METHOD_%d}", i))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

const (
	hostAlone     = "gatewayUrl must be scheme and host alone, such as https://gateway.example, without path, query or user name"
	eitherHost    = "set exactly one of region and gatewayUrl: region for Alipay's own hosts, gatewayUrl for a simulator or a dedicated host"
	fitsClient    = "environment must fit the client id: Sandbox for a clientId that begins with SANDBOX_, Production for any other"
	notifyAddress = "notificationBaseUrl must be an http or https address without query, and without empty parts or .. in its path, such as https://pay.example.com or https://pay.example.com/antom"
	prefixLetters = "requestIdPrefix must be letters and digits alone, such as hk"
	threeCapitals = "settlementCurrency must be the three capitals of a currency, such as USD"
	codeOfMethod  = "paymentMethodType must be the gateway's code in capitals, digits and underscores, such as ALIPAY_HK"
	copyClientID  = "clientId must be letters, digits and underscores alone: copy it from the dashboard, such as SANDBOX_5Y00000000000000"
)

var merchantAccountCreations = []creation{
	{name: "an account of a region is accepted"},
	{name: "every field at its least is accepted", patch: `spec: {
		requestIdPrefix: h, notificationBaseUrl: "http://p", settlementCurrency: USD, rateLimit: {requestsPerSecond: 1, burst: 1},
		paymentMethods: [{paymentMethodType: A, refund: None, refundWindowDays: 1, cancel: Never}]}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		clientId: SANDBOX_%s, region: null, gatewayUrl: "https://%s", credentialsSecretRef: {name: %s}, alipayPublicKeys: [%s, %s],
		requestIdPrefix: %s, notificationBaseUrl: "https://p/%s", settlementCurrency: USD,
		rateLimit: {requestsPerSecond: 10000, burst: 20000}, paymentMethods: %s}`,
		long(56), long(2040), long(253), long(4096), long(4096), long(12), long(1014), methods(100))},
	{name: "what a contract says of a payment method is accepted", patch: fmt.Sprintf(`spec: {paymentMethods: [
		{paymentMethodType: %s, refund: FullOnly, refundWindowDays: 3650, cancel: UntilPaid},
		{paymentMethodType: B_2, refund: Partial, cancel: NextDay}, {paymentMethodType: "3", cancel: SevenDays}]}`, strings.Repeat("A", 64))},

	{name: "an account without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},

	{name: "an account without client id is refused", patch: `spec: {clientId: null}`, field: "spec.clientId", want: "Required value"},
	{name: "an empty client id is refused", patch: `spec: {clientId: ""}`, field: "spec.clientId", want: "should be at least 1 chars long"},
	{
		name: "a client id of 65 characters is refused", patch: `spec: {clientId: SANDBOX_` + long(57) + `}`,
		field: "spec.clientId", want: "may not be more than 64",
	},
	{name: "a client id with a dash is refused", patch: `spec: {clientId: SANDBOX_5Y-1}`, field: "spec.clientId", want: copyClientID},
	{name: "a client id with a blank at its end is refused", patch: `spec: {clientId: "SANDBOX_5Y "}`, field: "spec.clientId", want: copyClientID},

	{name: "an account without environment is refused", patch: `spec: {environment: null}`, field: "spec.environment", want: "Required value"},
	{
		name: "an environment in lower case is refused", patch: `spec: {environment: sandbox}`,
		field: "spec.environment", want: `supported values: "Sandbox", "Production"`,
	},
	{name: "a production client in Production is accepted", patch: `spec: {clientId: 5Y00000000000000, environment: Production}`},
	{name: "a sandbox client in Production is refused", patch: `spec: {environment: Production}`, field: "spec.environment", want: fitsClient},
	{name: "a production client in Sandbox is refused", patch: `spec: {clientId: 5Y00000000000000}`, field: "spec.environment", want: fitsClient},
	{
		name: "a sandbox prefix in lower case is no sandbox client", patch: `spec: {clientId: sandbox_5Y00000000000000}`,
		field: "spec.environment", want: fitsClient,
	},

	{name: "North America is accepted", patch: `spec: {region: NorthAmerica}`},
	{name: "Europe is accepted", patch: `spec: {region: Europe}`},
	{
		name: "a region that the gateway has not is refused", patch: `spec: {region: Africa}`,
		field: "spec.region", want: `supported values: "NorthAmerica", "Asia", "Europe"`,
	},
	{name: "an account with region and gateway URL is refused", patch: `spec: {gatewayUrl: "https://gateway.example"}`, field: "spec", want: eitherHost},
	{name: "an account without region and gateway URL is refused", patch: `spec: {region: null}`, field: "spec", want: eitherHost},

	{name: "http to a simulator in Sandbox is accepted", patch: `spec: {region: null, gatewayUrl: "http://simulator.payments.svc:8080"}`},
	{
		name:  "https to a host of one's own in Production is accepted",
		patch: `spec: {clientId: 5Y1, environment: Production, region: null, gatewayUrl: "https://gateway.example"}`,
	},
	{
		name:  "notifications over http in Production are refused",
		patch: `spec: {clientId: 5Y1, environment: Production, notificationBaseUrl: "http://pay.example.com"}`,
		field: "spec.notificationBaseUrl", want: "notificationBaseUrl must begin with https:// in Production, as the gateway calls it over the Internet; http:// is only for a simulator in Sandbox",
	},
	{
		name:  "notifications over http in Sandbox are accepted",
		patch: `spec: {notificationBaseUrl: "http://127.0.0.1:9292"}`,
	},
	{
		name:  "http in Production is refused",
		patch: `spec: {clientId: 5Y1, environment: Production, region: null, gatewayUrl: "http://gateway.example"}`,
		field: "spec.gatewayUrl", want: "gatewayUrl must begin with https:// in Production; http:// is only for a simulator in Sandbox",
	},
	{name: "a gateway URL with a path is refused", patch: `spec: {region: null, gatewayUrl: "https://g.example/ams"}`, field: "spec.gatewayUrl", want: hostAlone},
	{name: "a gateway URL with a slash is refused", patch: `spec: {region: null, gatewayUrl: "https://g.example/"}`, field: "spec.gatewayUrl", want: hostAlone},
	{name: "a gateway URL with a query is refused", patch: `spec: {region: null, gatewayUrl: "https://g.example?a=b"}`, field: "spec.gatewayUrl", want: hostAlone},
	{name: "a gateway URL with a fragment is refused", patch: `spec: {region: null, gatewayUrl: "https://g.example#a"}`, field: "spec.gatewayUrl", want: hostAlone},
	{name: "a gateway URL with a user is refused", patch: `spec: {region: null, gatewayUrl: "https://me@g.example"}`, field: "spec.gatewayUrl", want: hostAlone},
	{name: "a gateway URL without scheme is refused", patch: `spec: {region: null, gatewayUrl: g.example}`, field: "spec.gatewayUrl", want: hostAlone},
	{name: "a gateway URL of another scheme is refused", patch: `spec: {region: null, gatewayUrl: "ftp://g.example"}`, field: "spec.gatewayUrl", want: hostAlone},
	{
		name: "a gateway URL of 2049 characters is refused", patch: `spec: {region: null, gatewayUrl: "https://` + long(2041) + `"}`,
		field: "spec.gatewayUrl", want: "may not be more than 2048",
	},

	{
		name: "an account without credentials is refused", patch: `spec: {credentialsSecretRef: null}`,
		field: "spec.credentialsSecretRef", want: "Required value",
	},
	{
		name: "credentials without a name are refused", patch: `spec: {credentialsSecretRef: {name: null}}`,
		field: "spec.credentialsSecretRef.name", want: "Required value",
	},
	{
		name: "credentials with an empty name are refused", patch: `spec: {credentialsSecretRef: {name: ""}}`,
		field: "spec.credentialsSecretRef.name", want: "should be at least 1 chars long",
	},
	{
		name: "credentials with a name of 254 characters are refused", patch: `spec: {credentialsSecretRef: {name: ` + long(254) + `}}`,
		field: "spec.credentialsSecretRef.name", want: "may not be more than 253",
	},

	{name: "two public keys, for a rotation, are accepted", patch: `spec: {alipayPublicKeys: [MIIBold, MIIBnew]}`},
	{name: "three public keys are refused", patch: `spec: {alipayPublicKeys: [a, b, c]}`, field: "spec.alipayPublicKeys", want: "must have at most 2 items"},
	{name: "no public key is refused", patch: `spec: {alipayPublicKeys: []}`, field: "spec.alipayPublicKeys", want: "should have at least 1 items"},
	{name: "an account without public keys is refused", patch: `spec: {alipayPublicKeys: null}`, field: "spec.alipayPublicKeys", want: "Required value"},
	{name: "an empty public key is refused", patch: `spec: {alipayPublicKeys: [""]}`, field: "spec.alipayPublicKeys[]", want: "should be at least 1 chars long"},
	{
		name: "a public key of 4097 characters is refused", patch: `spec: {alipayPublicKeys: [` + long(4097) + `]}`,
		field: "spec.alipayPublicKeys[]", want: "may not be more than 4096",
	},

	{name: "a prefix with a dash is refused", patch: `spec: {requestIdPrefix: shop-hk}`, field: "spec.requestIdPrefix", want: prefixLetters},
	{name: "a prefix with an underscore is refused", patch: `spec: {requestIdPrefix: shop_hk}`, field: "spec.requestIdPrefix", want: prefixLetters},
	{name: "an empty prefix is refused", patch: `spec: {requestIdPrefix: ""}`, field: "spec.requestIdPrefix", want: prefixLetters},
	{
		name: "a prefix of 13 characters is refused", patch: `spec: {requestIdPrefix: ` + long(13) + `}`,
		field: "spec.requestIdPrefix", want: "may not be more than 12",
	},

	{name: "a notification address with a path is accepted", patch: `spec: {notificationBaseUrl: "https://pay.example.com/hk"}`},
	{
		name: "a notification address with a query is refused", patch: `spec: {notificationBaseUrl: "https://pay.example.com/?shop=hk"}`,
		field: "spec.notificationBaseUrl", want: notifyAddress,
	},
	{
		name: "a notification address with an empty part in its path is refused", patch: `spec: {notificationBaseUrl: "https://pay.example.com//hk"}`,
		field: "spec.notificationBaseUrl", want: notifyAddress,
	},
	{
		name: "a notification address that goes up is refused", patch: `spec: {notificationBaseUrl: "https://pay.example.com/a/../hk"}`,
		field: "spec.notificationBaseUrl", want: notifyAddress,
	},
	{name: "a notification address that ends in a slash is accepted", patch: `spec: {notificationBaseUrl: "https://pay.example.com/hk/"}`},
	{
		name: "a notification address without scheme is refused", patch: `spec: {notificationBaseUrl: pay.example.com}`,
		field: "spec.notificationBaseUrl", want: notifyAddress,
	},
	{
		name: "a notification address of 1025 characters is refused", patch: `spec: {notificationBaseUrl: "https://p/` + long(1015) + `"}`,
		field: "spec.notificationBaseUrl", want: "may not be more than 1024",
	},

	{name: "a settlement currency in lower case is refused", patch: `spec: {settlementCurrency: usd}`, field: "spec.settlementCurrency", want: threeCapitals},
	{name: "a settlement currency of four letters is refused", patch: `spec: {settlementCurrency: USDT}`, field: "spec.settlementCurrency", want: threeCapitals},
	{
		name: "a list as settlement currency is refused", patch: `spec: {settlementCurrency: "USD,EUR,HKD"}`,
		field: "spec.settlementCurrency", want: "may not be more than 8",
	},

	{
		name: "a rate limit without rate is refused", patch: `spec: {rateLimit: {burst: 2}}`,
		field: "spec.rateLimit.requestsPerSecond", want: "Required value",
	},
	{
		name: "no request per second is refused", patch: `spec: {rateLimit: {requestsPerSecond: 0}}`,
		field: "spec.rateLimit.requestsPerSecond", want: "should be greater than or equal to 1",
	},
	{
		name: "10001 requests per second are refused", patch: `spec: {rateLimit: {requestsPerSecond: 10001}}`,
		field: "spec.rateLimit.requestsPerSecond", want: "should be less than or equal to 10000",
	},
	{
		name: "a burst of no request is refused", patch: `spec: {rateLimit: {requestsPerSecond: 1, burst: 0}}`,
		field: "spec.rateLimit.burst", want: "should be greater than or equal to 1",
	},
	{
		name: "a burst of 20001 requests is refused", patch: `spec: {rateLimit: {requestsPerSecond: 1, burst: 20001}}`,
		field: "spec.rateLimit.burst", want: "should be less than or equal to 20000",
	},

	{name: "what a contract says of captures is accepted", patch: `spec: {paymentMethods: [{paymentMethodType: CARD, partialCapture: true, multipleCapture: true}]}`},
	{
		name: "several captures without parts are refused", patch: `spec: {paymentMethods: [{paymentMethodType: CARD, multipleCapture: true}]}`,
		field: "spec.paymentMethods[].multipleCapture", want: "multipleCapture needs partialCapture: true, as each of several captures takes a part",
	},
	{name: "101 payment methods are refused", patch: `spec: {paymentMethods: ` + methods(101) + `}`, field: "spec.paymentMethods", want: "must have at most 100 items"},
	{
		name: "a payment method that is listed twice is refused", patch: `spec: {paymentMethods: [{paymentMethodType: A}, {paymentMethodType: A}]}`,
		field: "spec.paymentMethods[]", want: "Duplicate value",
	},
	{
		name: "a payment method without type is refused", patch: `spec: {paymentMethods: [{refund: None}]}`,
		field: "spec.paymentMethods[].paymentMethodType", want: "Required value",
	},
	{
		name: "a payment method in lower case is refused", patch: `spec: {paymentMethods: [{paymentMethodType: alipay_hk}]}`,
		field: "spec.paymentMethods[].paymentMethodType", want: codeOfMethod,
	},
	{
		name: "a payment method of 65 characters is refused", patch: `spec: {paymentMethods: [{paymentMethodType: ` + long(65) + `}]}`,
		field: "spec.paymentMethods[].paymentMethodType", want: "may not be more than 64",
	},
	{
		name: "an unknown refund capability is refused", patch: `spec: {paymentMethods: [{paymentMethodType: A, refund: Full}]}`,
		field: "spec.paymentMethods[].refund", want: `supported values: "None", "FullOnly", "Partial"`,
	},
	{
		name: "a refund window of no day is refused", patch: `spec: {paymentMethods: [{paymentMethodType: A, refundWindowDays: 0}]}`,
		field: "spec.paymentMethods[].refundWindowDays", want: "should be greater than or equal to 1",
	},
	{
		name: "a refund window of 3651 days is refused", patch: `spec: {paymentMethods: [{paymentMethodType: A, refundWindowDays: 3651}]}`,
		field: "spec.paymentMethods[].refundWindowDays", want: "should be less than or equal to 3650",
	},
	{
		name: "an unknown cancel capability is refused", patch: `spec: {paymentMethods: [{paymentMethodType: A, cancel: Always}]}`,
		field: "spec.paymentMethods[].cancel", want: `supported values: "Never", "UntilPaid", "NextDay", "SevenDays"`,
	},
}

var merchantAccountChanges = append(append(append([]change{
	{
		name:  "what makes no request another one can be changed",
		patch: `spec: {credentialsSecretRef: {name: other}, alipayPublicKeys: [a, b], rateLimit: {requestsPerSecond: 5}, settlementCurrency: USD}`,
	},
	{name: "the notification address can be changed", patch: `spec: {notificationBaseUrl: "https://pay.example.com"}`},
	{name: "the payment methods can be changed", patch: `spec: {paymentMethods: ` + methods(2) + `}`},
	{name: "a host of one's own can take the place of the region", patch: `spec: {region: null, gatewayUrl: "https://gateway.example"}`},
},
	immutable("clientId", "SANDBOX_1", "SANDBOX_2", "", "clientId is immutable, because open payments belong to it: create a new MerchantAccount instead", false)...),
	immutable("environment", "Sandbox", "Production", "", "environment is immutable: create a new MerchantAccount instead", false)...),
	immutable("requestIdPrefix", "hk", "asia", "", "requestIdPrefix is immutable, because it is part of every request id: "+
		"with another prefix, payments made before would be made again; create a new MerchantAccount instead", true)...)
