package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCreatingPaymentsWithOrderDetail(t *testing.T) {
	testCreations(t, "Payment", orderCreations)
	testCreations(t, "Payment", longTextCreations)
}

func TestChangingOrderDetail(t *testing.T) {
	testChanges(t, "Payment", orderChanges)
}

const (
	oneBuyer     = "set buyer or buyerSecretRef, not both"
	oneShipping  = "set order.shipping or shippingSecretRef, not both"
	needsApp     = "appId is needed when env.terminalType is MINI_APP: the id of the mini program"
	twoCapitals  = "must be the two capitals of a country or region, such as"
	wholeSeconds = "buyerRegistrationTime must be a time in whole seconds with its offset, such as 2024-05-01T09:30:00+08:00"
	webAddress   = "goodsUrl must be an http or https address, such as https://shop.example/lamp"
)

// textCreations are the cases of a text. The patch has a place for it.
func textCreations(path, patch string, longest int) []creation {
	return []creation{
		{name: fmt.Sprintf("%s: %d characters are accepted", path, longest), patch: fmt.Sprintf(patch, strings.Repeat("é", longest))},
		{name: fmt.Sprintf("%s: %d characters are refused", path, longest+1), patch: fmt.Sprintf(patch, long(longest+1)), field: path, want: fmt.Sprintf("may not be more than %d", longest)},
		{name: path + ": an empty text is refused", patch: fmt.Sprintf(patch, `""`), field: path, want: "should be at least 1 chars long"},
	}
}

// numberCreations are the cases of a whole number. The patch has a place for it.
func numberCreations(path, patch string, least, most int) []creation {
	return []creation{
		{name: fmt.Sprintf("%s: %d is accepted", path, least), patch: fmt.Sprintf(patch, fmt.Sprint(least))},
		{name: fmt.Sprintf("%s: %d is accepted", path, most), patch: fmt.Sprintf(patch, fmt.Sprint(most))},
		{name: fmt.Sprintf("%s: %d is refused", path, least-1), patch: fmt.Sprintf(patch, fmt.Sprint(least-1)), field: path, want: fmt.Sprintf("should be greater than or equal to %d", least)},
		{name: fmt.Sprintf("%s: %d is refused", path, most+1), patch: fmt.Sprintf(patch, fmt.Sprint(most+1)), field: path, want: fmt.Sprintf("should be less than or equal to %d", most)},
		{name: path + ": a number in quotes is refused", patch: fmt.Sprintf(patch, `"5"`), field: path, want: "must be of type integer"},
	}
}

// formCreations are the cases of a text that a rule checks. The patch has a place for it.
func formCreations(path, patch, want string, accepted, refused []string) []creation {
	var cases []creation
	for _, text := range accepted {
		cases = append(cases, creation{name: path + ": " + text + " is accepted", patch: fmt.Sprintf(patch, fmt.Sprintf("%q", text))})
	}
	for _, text := range refused {
		cases = append(cases, creation{name: path + ": " + text + " is refused", patch: fmt.Sprintf(patch, fmt.Sprintf("%q", text)), field: path, want: want})
	}
	return cases
}

// tooLongCreation is the case of a text with one character too many, for a field whose rule would refuse it as well.
func tooLongCreation(path, patch string, longest int) []creation {
	return []creation{{
		name: fmt.Sprintf("%s: %d characters are refused", path, longest+1), patch: fmt.Sprintf(patch, long(longest+1)),
		field: path, want: fmt.Sprintf("may not be more than %d", longest),
	}}
}

// longTextCreations are the cases of a spec that the policy can not search.
var longTextCreations = []creation{{name: "100 goods with every field in full are refused", patch: manyGoods(100, 2048), want: longText}}

func nameCreations(path, patch string) []creation {
	inner := func(field string) string { return fmt.Sprintf(patch, "{"+field+": %s}") }
	return slices.Concat(
		textCreations(path+".firstName", inner("firstName"), 32),
		textCreations(path+".middleName", inner("middleName"), 32),
		textCreations(path+".lastName", inner("lastName"), 32),
		textCreations(path+".fullName", inner("fullName"), 128),
	)
}

const (
	good     = `spec: {order: {goods: [{referenceGoodsId: lamp, goodsName: Desk lamp, %s}]}}`
	shipped  = `spec: {order: {shipping: {%s}}}`
	buying   = `spec: {buyer: {%s}}`
	terminal = `spec: {env: {terminalType: WEB, %s}}`
	plan     = `spec: {creditPayPlan: {installmentNum: 3, %s}}`
)

// in puts a field, with a place for its value, into a patch.
func in(patch, field string) string { return fmt.Sprintf(patch, field+": %s") }

// manyGoods is a list of so many goods with every field, and an address of so many characters each.
func manyGoods(count, address int) string {
	line := fmt.Sprintf(`{referenceGoodsId: %s, goodsName: %s, goodsCategory: %s, goodsQuantity: 2, goodsUnitAmount: {currency: HKD, value: "9999999999999999"},
		goodsUrl: "https://shop.example/%s", deliveryMethodType: PHYSICAL}`, long(64), long(256), long(64), long(address-21))
	return `spec: {order: {goods: [` + strings.TrimSuffix(strings.Repeat(line+",", count), ",") + `]}}`
}

var orderCreations = slices.Concat(
	[]creation{
		{name: "100 goods with every field are accepted", patch: manyGoods(100, 300)},
		{name: "some goods with every field in full are accepted", patch: manyGoods(35, 2048)},
		{name: "101 goods are refused", patch: manyGoods(101, 300), field: "spec.order.goods", want: "must have at most 100 items"},
		{name: "goods with an id and a name are accepted", patch: `spec: {order: {goods: [{referenceGoodsId: a, goodsName: b}]}}`},
		{name: "goods without id are refused", patch: `spec: {order: {goods: [{goodsName: b}]}}`, field: "spec.order.goods[].referenceGoodsId", want: "Required value"},
		{name: "goods without name are refused", patch: `spec: {order: {goods: [{referenceGoodsId: a}]}}`, field: "spec.order.goods[].goodsName", want: "Required value"},
		{name: "no piece is refused", patch: fmt.Sprintf(in(good, "goodsQuantity"), "0"), field: "spec.order.goods[].goodsQuantity", want: "should be greater than or equal to 1"},
		{name: "a quantity in quotes is refused", patch: fmt.Sprintf(in(good, "goodsQuantity"), `"2"`), field: "spec.order.goods[].goodsQuantity", want: "must be of type integer"},
		{name: "digital goods are accepted", patch: fmt.Sprintf(in(good, "deliveryMethodType"), "DIGITAL")},
		{
			name: "another delivery is refused", patch: fmt.Sprintf(in(good, "deliveryMethodType"), "DRONE"),
			field: "spec.order.goods[].deliveryMethodType", want: `supported values: "PHYSICAL", "DIGITAL"`,
		},
		{name: "an order that will be declared is accepted", patch: `spec: {order: {needDeclaration: true}}`},
		{name: "a declaration in quotes is refused", patch: `spec: {order: {needDeclaration: "true"}}`, field: "spec.order.needDeclaration", want: "must be of type boolean"},
		{name: "an unverified buyer without orders is accepted", patch: `spec: {buyer: {isAccountVerified: false, successfulOrderCount: 0}}`},
		{
			name: "a negative number of orders is refused", patch: `spec: {buyer: {successfulOrderCount: -1}}`,
			field: "spec.buyer.successfulOrderCount", want: "should be greater than or equal to 0",
		},

		{name: "a buyer from a Secret is accepted", patch: `spec: {buyerSecretRef: {name: order-1042}}`},
		{name: "buyer and shipping under keys of one Secret are accepted", patch: `spec: {buyerSecretRef: {name: a, key: b}, shippingSecretRef: {name: a, key: c}}`},
		{name: "two buyers are refused", patch: `spec: {buyer: {referenceBuyerId: a}, buyerSecretRef: {name: a}}`, field: "spec.buyerSecretRef", want: oneBuyer},
		{name: "an empty buyer beside a Secret is refused", patch: `spec: {buyer: {}, buyerSecretRef: {name: a}}`, field: "spec.buyerSecretRef", want: oneBuyer},
		{name: "two shippings are refused", patch: `spec: {order: {shipping: {shippingCarrier: a}}, shippingSecretRef: {name: a}}`, field: "spec.shippingSecretRef", want: oneShipping},
		{name: "a buyer's Secret without a name is refused", patch: `spec: {buyerSecretRef: {key: a}}`, field: "spec.buyerSecretRef.name", want: "Required value"},
		{name: "a shipping's Secret without a name is refused", patch: `spec: {shippingSecretRef: {key: a}}`, field: "spec.shippingSecretRef.name", want: "Required value"},

		{name: "a mini program with its id is accepted", patch: `spec: {env: {terminalType: MINI_APP}, appId: "2021"}`},
		{name: "an app id without a mini program is accepted", patch: `spec: {appId: "2021"}`},
		{name: "a mini program without its id is refused", patch: `spec: {env: {terminalType: MINI_APP}}`, field: "spec.appId", want: needsApp},
		{name: "what the browser runs is accepted", patch: `spec: {env: {terminalType: WEB, browserInfo: {javaEnabled: false, javaScriptEnabled: true}}}`},

		{name: "a plan without the number of instalments is refused", patch: `spec: {creditPayPlan: {interval: MONTH}}`, field: "spec.creditPayPlan.installmentNum", want: "Required value"},
		{name: "instalments by month are accepted", patch: `spec: {creditPayPlan: {installmentNum: 3, interval: MONTH, creditPayFeeType: PERCENTAGE, feePercentage: 0}}`},
		{name: "instalments by week are refused", patch: fmt.Sprintf(in(plan, "interval"), "WEEK"), field: "spec.creditPayPlan.interval", want: `supported values: "MONTH"`},
		{
			name: "a fixed fee is refused", patch: fmt.Sprintf(in(plan, "creditPayFeeType"), "FIXED"),
			field: "spec.creditPayPlan.creditPayFeeType", want: `supported values: "PERCENTAGE"`,
		},
	},
	textCreations("spec.order.goods[].referenceGoodsId", `spec: {order: {goods: [{goodsName: Desk lamp, referenceGoodsId: %s}]}}`, 64),
	textCreations("spec.order.goods[].goodsName", `spec: {order: {goods: [{referenceGoodsId: lamp, goodsName: %s}]}}`, 256),
	textCreations("spec.order.goods[].goodsCategory", in(good, "goodsCategory"), 64),
	amountCreations("spec.order.goods[].goodsUnitAmount", fmt.Sprintf(good, "goodsUnitAmount: {currency: %s, value: %s}")),
	formCreations("spec.order.goods[].goodsUrl", in(good, "goodsUrl"), webAddress,
		[]string{"https://shop.example/lamp?a=b", "http://shop.example"}, []string{"", "shop.example/lamp", "https://shop.example/a b", "ftp://shop.example"}),
	tooLongCreation("spec.order.goods[].goodsUrl", in(good, "goodsUrl"), 2048),

	nameCreations("spec.order.shipping.shippingName", `spec: {order: {shipping: {shippingName: %s}}}`),
	regionCreations("spec.order.shipping.shippingAddress.region", in(`spec: {order: {shipping: {shippingAddress: {%s}}}}`, "region")),
	textCreations("spec.order.shipping.shippingAddress.state", in(`spec: {order: {shipping: {shippingAddress: {%s}}}}`, "state"), 128),
	textCreations("spec.order.shipping.shippingAddress.city", in(`spec: {order: {shipping: {shippingAddress: {%s}}}}`, "city"), 128),
	textCreations("spec.order.shipping.shippingAddress.address1", in(`spec: {order: {shipping: {shippingAddress: {%s}}}}`, "address1"), 256),
	textCreations("spec.order.shipping.shippingAddress.address2", in(`spec: {order: {shipping: {shippingAddress: {%s}}}}`, "address2"), 256),
	textCreations("spec.order.shipping.shippingAddress.zipCode", in(`spec: {order: {shipping: {shippingAddress: {%s}}}}`, "zipCode"), 32),
	textCreations("spec.order.shipping.shippingCarrier", in(shipped, "shippingCarrier"), 128),
	textCreations("spec.order.shipping.shippingPhoneNo", in(shipped, "shippingPhoneNo"), 16),
	textCreations("spec.order.shipping.shipToEmail", in(shipped, "shipToEmail"), 64),

	nameCreations("spec.buyer.buyerName", `spec: {buyer: {buyerName: %s}}`),
	textCreations("spec.buyer.buyerPhoneNo", in(buying, "buyerPhoneNo"), 24),
	textCreations("spec.buyer.buyerEmail", in(buying, "buyerEmail"), 64),
	formCreations("spec.buyer.buyerRegistrationTime", in(buying, "buyerRegistrationTime"), wholeSeconds,
		[]string{"2024-05-01T09:30:00+08:00", "2024-12-31T23:59:59Z", "2024-05-01T09:30:00-07:30"},
		[]string{"", "2024-05-01", "2024-05-01T09:30:00", "2024-05-01T09:30:00.5Z", "2024-13-01T09:30:00Z", "2024-05-01T24:00:00Z", "2024-05-01 09:30:00Z", "yesterday"}),
	tooLongCreation("spec.buyer.buyerRegistrationTime", in(buying, "buyerRegistrationTime"), 64),
	textCreations("spec.buyerSecretRef.name", in(`spec: {buyerSecretRef: {%s}}`, "name"), 253),
	textCreations("spec.buyerSecretRef.key", in(`spec: {buyerSecretRef: {name: a, %s}}`, "key"), 253),
	textCreations("spec.shippingSecretRef.name", in(`spec: {shippingSecretRef: {%s}}`, "name"), 253),
	textCreations("spec.shippingSecretRef.key", in(`spec: {shippingSecretRef: {name: a, %s}}`, "key"), 253),

	envCreations,
	numberCreations("spec.creditPayPlan.installmentNum", `spec: {creditPayPlan: {installmentNum: %s}}`, 2, 36),
	numberCreations("spec.creditPayPlan.feePercentage", in(plan, "feePercentage"), 0, 100),
	formCreations("spec.settlementCurrency", "spec: {settlementCurrency: %s}", threeCapitals, []string{"USD"}, []string{"", "usd", "US", "USDT"}),
	tooLongCreation("spec.settlementCurrency", "spec: {settlementCurrency: %s}", 8),
	regionCreations("spec.userRegion", "spec: {userRegion: %s}"),
	textCreations("spec.appId", "spec: {appId: %s}", 32),
	textCreations("spec.merchantAccountId", "spec: {merchantAccountId: %s}", 32),
)

// envCreations are the cases of the detail of a terminal, for each kind that has one.
var envCreations = slices.Concat(
	[]creation{
		{name: "a desktop browser without system is accepted", patch: `spec: {env: {terminalType: WEB}}`},
		{name: "a mobile browser with a system is accepted", patch: `spec: {env: {terminalType: WAP, osType: IOS}}`},
		{name: "an app with a system is accepted", patch: `spec: {env: {terminalType: APP, osType: ANDROID}}`},
		{name: "a mobile browser without system is refused", patch: `spec: {env: {terminalType: WAP}}`, field: "spec.env", want: needsSystem},
		{name: "an app without system is refused", patch: `spec: {env: {terminalType: APP}}`, field: "spec.env", want: needsSystem},
		{name: "a terminal without type is refused", patch: `spec: {env: {osType: IOS}}`, field: "spec.env.terminalType", want: "Required value"},
		{name: "an unknown terminal is refused", patch: `spec: {env: {terminalType: TV}}`, field: "spec.env.terminalType", want: `supported values: "WEB", "WAP", "APP", "MINI_APP"`},
		{
			name: "an unknown system is refused", patch: `spec: {env: {terminalType: APP, osType: HARMONY}}`,
			field: "spec.env.osType", want: `supported values: "IOS", "ANDROID"`,
		},
		{name: "an empty address is refused", patch: `spec: {env: {terminalType: WEB, clientIp: ""}}`, field: "spec.env.clientIp", want: "should be at least 1 chars long"},
		{
			name: "an address of 65 characters is refused", patch: `spec: {env: {terminalType: WEB, clientIp: ` + long(65) + `}}`,
			field: "spec.env.clientIp", want: "may not be more than 64",
		},
	},
	textCreations("spec.env.browserInfo.acceptHeader", in(`spec: {env: {terminalType: WEB, browserInfo: {%s}}}`, "acceptHeader"), 1024),
	textCreations("spec.env.browserInfo.language", in(`spec: {env: {terminalType: WEB, browserInfo: {%s}}}`, "language"), 64),
	textCreations("spec.env.browserInfo.userAgent", in(`spec: {env: {terminalType: WEB, browserInfo: {%s}}}`, "userAgent"), 1024),
	numberCreations("spec.env.colorDepth", in(terminal, "colorDepth"), 1, 64),
	numberCreations("spec.env.screenHeight", in(terminal, "screenHeight"), 1, 100000),
	numberCreations("spec.env.screenWidth", in(terminal, "screenWidth"), 1, 100000),
	numberCreations("spec.env.timeZoneOffset", in(terminal, "timeZoneOffset"), -720, 720),
	textCreations("spec.env.deviceTokenId", in(terminal, "deviceTokenId"), 64),
	textCreations("spec.env.deviceId", in(terminal, "deviceId"), 256),
	textCreations("spec.env.deviceBrand", in(terminal, "deviceBrand"), 64),
	textCreations("spec.env.deviceModel", in(terminal, "deviceModel"), 128),
	textCreations("spec.env.deviceLanguage", in(terminal, "deviceLanguage"), 64),
	textCreations("spec.env.userAgent", in(terminal, "userAgent"), 1024),
)

func regionCreations(path, patch string) []creation {
	return slices.Concat(
		formCreations(path, patch, twoCapitals, []string{"HK"}, []string{"", "hk", "H", "HKG"}),
		tooLongCreation(path, patch, 8),
	)
}

var orderChanges = slices.Concat(
	[]change{
		{
			name: "goods can not be added", patch: `spec: {order: {goods: [{referenceGoodsId: a, goodsName: b}]}}`,
			field: "spec.order", want: "order is immutable: create a new Payment instead",
		},
		{
			name: "a detail of 100 goods can not be changed", before: manyGoods(100, 300), patch: strings.Replace(manyGoods(100, 300), "goodsQuantity: 2", "goodsQuantity: 3", 1),
			field: "spec.order", want: "order is immutable: create a new Payment instead",
		},
		{name: "a payment with 100 goods can be cancelled", before: manyGoods(100, 300), patch: `spec: {desiredState: Cancelled}`},
		{
			name: "the address can not be changed", before: `spec: {order: {shipping: {shippingAddress: {city: Kowloon}}}}`,
			patch: `spec: {order: {shipping: {shippingAddress: {city: Central}}}}`,
			field: "spec.order", want: "order is immutable: create a new Payment instead",
		},
		{
			name: "the buyer's name can not be added", before: `spec: {buyer: {referenceBuyerId: a}}`, patch: `spec: {buyer: {buyerName: {fullName: b}}}`,
			field: "spec.buyer", want: "buyer is immutable: create a new Payment instead",
		},
		{
			name: "the buyer can not move into a Secret", before: `spec: {buyer: {referenceBuyerId: a}}`, patch: `spec: {buyer: null, buyerSecretRef: {name: a}}`,
			field: "spec.buyerSecretRef", want: "buyerSecretRef is immutable: create a new Payment instead",
		},
		{
			name: "the key in the Secret can not be changed", before: `spec: {buyerSecretRef: {name: a}}`, patch: `spec: {buyerSecretRef: {key: b}}`,
			field: "spec.buyerSecretRef", want: "buyerSecretRef is immutable: create a new Payment instead",
		},
	},
	immutable("buyerSecretRef", "{name: one}", "{name: other}", "", "buyerSecretRef is immutable: create a new Payment instead", true),
	immutable("shippingSecretRef", "{name: one}", "{name: other}", "", "shippingSecretRef is immutable: create a new Payment instead", true),
	immutable("settlementCurrency", "USD", "EUR", "", "settlementCurrency is immutable: create a new Payment instead", true),
	immutable("creditPayPlan", "{installmentNum: 3}", "{installmentNum: 6}", "", "creditPayPlan is immutable: create a new Payment instead", true),
	immutable("userRegion", "HK", "SG", "", "userRegion is immutable: create a new Payment instead", true),
	immutable("appId", "one", "other", "", "appId is immutable: create a new Payment instead", true),
	immutable("merchantAccountId", "one", "other", "", "merchantAccountId is immutable: create a new Payment instead", true),
)
