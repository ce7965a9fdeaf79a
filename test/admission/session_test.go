package admission

import (
	"slices"
	"testing"
)

func TestCreatingSessions(t *testing.T) {
	testCreations(t, "Payment", sessionCreations)
}

func TestCreatingSessionsWithAdditionalFields(t *testing.T) {
	testCreations(t, "Payment", sessionPolicyCreations)
}

const (
	needsMethod      = "an embedded element (ELEMENT_PAYMENT) needs paymentMethodType: the gateway's code of the method, such as CARD"
	buyerChooses     = "on the hosted page (CHECKOUT_PAYMENT) the buyer chooses the method: omit paymentMethodType, or use productScene ELEMENT_PAYMENT"
	noExpiry         = "expirySeconds is for cashier payments: a session has session.lifetimeSeconds"
	noMiniProgram    = "a session can not be used in a mini program (appId, or env.terminalType MINI_APP): use cashier"
	sessionReturn    = "a session needs redirectUrl: the address to which the buyer returns, such as https://shop.example/return"
	languageOfPage   = "locale must be a language and a region, such as en_US"
	regionsOfMethods = "allowedPaymentMethodRegions must be the two capitals of a country or region, such as HK, or GLOBAL"
)

// besideSession is a hosted session with fields beside it.
func besideSession(fields string) string {
	return `spec: {cashier: null, session: {productScene: CHECKOUT_PAYMENT}, ` + fields + `}`
}

// hostedWith is a hosted session with further fields in it.
func hostedWith(fields string) string {
	return `spec: {cashier: null, session: {productScene: CHECKOUT_PAYMENT, ` + fields + `}}`
}

// elementOf is an element of one method, with fields beside the session.
func elementOf(method, fields string) string {
	return `spec: {cashier: null, session: {productScene: ELEMENT_PAYMENT, paymentMethodType: ` + method + `}, ` + fields + `}`
}

var sessionCreations = slices.Concat([]creation{
	{name: "a hosted session is accepted", patch: besideSession("")},
	{name: "an embedded element is accepted", patch: elementOf("ALIPAY_HK", "")},
	{name: "a hosted session with every field at its most is accepted", patch: hostedWith(
		"locale: zh_Hant, lifetimeSeconds: 3600, renewals: 99, allowedPaymentMethodRegions: [GLOBAL, AA, AB, AC, AD, AE, AF, AG, AH, AI, AJ, AK, AL, AM, AN, AO, AP, AQ, AR, AS]")},
	{name: "a hosted session with every field at its least is accepted", patch: hostedWith("locale: en, lifetimeSeconds: 60, renewals: 0, allowedPaymentMethodRegions: [HK]")},
	{name: "an element without its method is refused", patch: `spec: {cashier: null, session: {productScene: ELEMENT_PAYMENT}}`, field: "spec.session.paymentMethodType", want: needsMethod},
	{name: "a method on the hosted page is refused", patch: hostedWith("paymentMethodType: CARD"), field: "spec.session.paymentMethodType", want: buyerChooses},
	{name: "a method in lower case is refused", patch: elementOf("card", ""), field: "spec.session.paymentMethodType", want: codeOfMethod},
	{name: "an empty method is refused", patch: elementOf(`""`, ""), field: "spec.session.paymentMethodType", want: codeOfMethod},
	{name: "a method of 65 characters is refused", patch: elementOf(long(65), ""), field: "spec.session.paymentMethodType", want: "may not be more than 64"},
	{name: "a session without return address is refused", patch: besideSession("redirectUrl: null"), field: "spec", want: sessionReturn},
	{name: "seconds to pay are refused for a session", patch: besideSession("expirySeconds: 300"), field: "spec.expirySeconds", want: noExpiry},
	{name: "a session in a mini program is refused", patch: besideSession("appId: a, env: {terminalType: MINI_APP}"), field: "spec", want: noMiniProgram},
	{name: "a session with the id of a mini program is refused", patch: besideSession("appId: a"), field: "spec", want: noMiniProgram},
	{name: "a capture mode of a hosted session is accepted, as the buyer may choose a card", patch: besideSession("captureMode: Manual")},
	{name: "a capture mode of an element for cards is accepted", patch: elementOf("CARD", "captureMode: Manual")},
	{name: "a capture mode of an element for a wallet is refused", patch: elementOf("ALIPAY_HK", "captureMode: Manual"), field: "spec.captureMode", want: cardsAlone},
	{name: "a language with a blank is refused", patch: hostedWith(`locale: "en US"`), field: "spec.session.locale", want: languageOfPage},
	{name: "an empty language is refused", patch: hostedWith(`locale: ""`), field: "spec.session.locale", want: languageOfPage},
	{name: "a language of nine characters is refused", patch: hostedWith(`locale: eng_Hantx`), field: "spec.session.locale", want: languageOfPage},
	{name: "a very long language is refused", patch: hostedWith(`locale: ` + long(33)), field: "spec.session.locale", want: "may not be more than 32"},
	{name: "a region in lower case is refused", patch: hostedWith("allowedPaymentMethodRegions: [hk]"), field: "spec.session.allowedPaymentMethodRegions", want: regionsOfMethods},
	{name: "a region of nine characters is refused", patch: hostedWith("allowedPaymentMethodRegions: [GLOBALLYY]"), field: "spec.session.allowedPaymentMethodRegions[]", want: "may not be more than 8"},
	{name: "no region at all is refused", patch: hostedWith("allowedPaymentMethodRegions: []"), field: "spec.session.allowedPaymentMethodRegions", want: "should have at least 1 items"},
	{name: "a region named twice is refused", patch: hostedWith("allowedPaymentMethodRegions: [HK, HK]"), field: "spec.session.allowedPaymentMethodRegions[]", want: "Duplicate value"},
	{name: "21 regions are refused", patch: hostedWith("allowedPaymentMethodRegions: [GLOBAL, AA, AB, AC, AD, AE, AF, AG, AH, AI, AJ, AK, AL, AM, AN, AO, AP, AQ, AR, AS, AT]"),
		field: "spec.session.allowedPaymentMethodRegions", want: "must have at most 20 items"},
	{name: "59 seconds of life are refused", patch: hostedWith("lifetimeSeconds: 59"), field: "spec.session.lifetimeSeconds", want: "should be greater than or equal to 60"},
	{name: "more than an hour of life is refused", patch: hostedWith("lifetimeSeconds: 3601"), field: "spec.session.lifetimeSeconds", want: "should be less than or equal to 3600"},
	{name: "less than no renewal is refused", patch: hostedWith("renewals: -1"), field: "spec.session.renewals", want: "should be greater than or equal to 0"},
	{name: "100 renewals are refused", patch: hostedWith("renewals: 100"), field: "spec.session.renewals", want: "should be less than or equal to 99"},
})

// sessionPolicyCreations are about fields that a session must not have, and that a cashier payment may.
var sessionPolicyCreations = []creation{
	{name: "another field is accepted", patch: besideSession("additionalFields: {merchantRegion: HK, riskData: {order: {a: 1}}}")},
	{name: "an end of its own is refused", patch: besideSession(`additionalFields: {paymentSessionExpiryTime: "2026-11-21T10:00:00Z"}`), want: notInSessions("paymentSessionExpiryTime")},
	{name: "an end of the order is refused", patch: besideSession(`additionalFields: {paymentExpiryTime: "2026-11-21T10:00:00Z"}`), want: notInSessions("paymentExpiryTime")},
	{name: "a subscription is refused", patch: besideSession(`additionalFields: {subscriptionPlan: {a: b}}`), want: notInSessions("subscriptionPlan")},
	{name: "an agreement is refused", patch: besideSession(`additionalFields: {agreementInfo: {a: b}}`), want: notInSessions("agreementInfo")},
	{name: "stored methods are refused", patch: besideSession(`additionalFields: {savedPaymentMethods: []}`), want: notInSessions("savedPaymentMethods")},
	{name: "scopes in other letters are refused", patch: besideSession(`additionalFields: {Scopes: [AGREEMENT_PAY]}`), want: notInSessions("Scopes")},
	{name: "what no payment may have is refused", patch: besideSession(`additionalFields: {cardNo: x}`), want: refusedKey("cardNo")},
}

func notInSessions(name string) string {
	return "spec.additionalFields of a session must not hold " + name + ": set its life in session.lifetimeSeconds, and keep agreements and stored methods out"
}
