package simulator

// The request fields of each API, from the pages named beside them. "SDK" fields are known to exist but their
// children are not documented, so they are accepted unread. Everything else is refused.

func requestID(name string) field {
	return field{name: name, kind: textKind, max: 64, pattern: requestIDText}
}

// personName and address are the SDK classes UserName and Address.
func personName(name string) field {
	return group(name, text("firstName", 0), text("middleName", 0), text("lastName", 0), text("fullName", 0))
}

func address(name string) field {
	return group(name, text("region", 2), text("state", 0), text("city", 0), text("address1", 0), text("address2", 0),
		text("zipCode", 0), text("label", 0))
}

// buyerFields is order.buyer (ams/payment_cashier).
func buyerFields(name string) field {
	return group(name, text("referenceBuyerId", 64), personName("buyerName"), text("buyerPhoneNo", 24), text("buyerEmail", 64),
		moment("buyerRegistrationTime"), flag("isAccountVerified"), integer("successfulOrderCount", 0, 1<<31))
}

// orderFields is order (ams/payment_cashier).
func orderFields() field {
	return group("order",
		text("referenceOrderId", 64).needed(),
		text("orderDescription", 256).needed(),
		amountOf("orderAmount").needed(),
		group("merchant", text("referenceMerchantId", 0), text("merchantMCC", 0), text("merchantName", 0),
			text("merchantDisplayName", 0), address("merchantAddress"), moment("merchantRegisterDate"), free("store"),
			oneOf("merchantType", "INDIVIDUAL", "ENTERPRISE")),
		listOf("goods", 100, text("referenceGoodsId", 64), text("goodsName", 256), text("goodsCategory", 64),
			integer("goodsQuantity", 1, 1<<53), amountOf("goodsUnitAmount"), link("goodsUrl", 2048),
			oneOf("deliveryMethodType", "PHYSICAL", "DIGITAL")),
		group("shipping", personName("shippingName"), address("shippingAddress"), text("shippingCarrier", 128),
			text("shippingPhoneNo", 16), text("shipToEmail", 64)),
		buyerFields("buyer"),
		free("transit"), free("lodging"), free("gaming"), flag("needDeclaration"), free("declaration"), free("extendInfo"))
}

// envFields is env (ams/payment_cashier).
func envFields() field {
	return group("env",
		oneOf("terminalType", "WEB", "WAP", "APP", "MINI_APP").needed(),
		oneOf("osType", "IOS", "ANDROID"),
		text("clientIp", 0), text("deviceTokenId", 64),
		group("browserInfo", text("acceptHeader", 0), flag("javaEnabled"), flag("javaScriptEnabled"), text("language", 0), text("userAgent", 0)),
		integer("colorDepth", 0, 64), integer("screenHeight", 0, 1<<20), integer("screenWidth", 0, 1<<20),
		integer("timeZoneOffset", -720, 720), text("deviceBrand", 64), text("deviceModel", 128), text("deviceLanguage", 0),
		text("deviceId", 0), text("userAgent", 0), text("extendInfo", 2048))
}

func methodFields() field {
	return group("paymentMethod", methodChildren(text("paymentMethodType", 64).needed())...)
}

func methodChildren(methodType field) schema {
	return schema{methodType, text("paymentMethodId", 128), freeMap("paymentMethodMetaData"), text("customerId", 0), free("extendInfo"),
		flag("requireIssuerAuthentication"), text("funding", 0)}
}

func factorFields() field {
	return group("paymentFactor", flag("isAuthorization"), oneOf("captureMode", "AUTOMATIC", "MANUAL").maybeEmpty(),
		flag("isPaymentEvaluation"))
}

func settlementFields() field {
	return group("settlementStrategy", text("settlementCurrency", 3).needed())
}

func creditPlanFields() field {
	return group("creditPayPlan", integer("installmentNum", 2, 36), text("interval", 0), oneOf("creditPayFeeType", "PERCENTAGE"),
		integer("feePercentage", 0, 100))
}

// sdkPayFields are fields of other products or newer features.
func sdkPayFields() schema {
	return schema{text("metadata", 0), free("customizedInfo"), free("paymentQuote"), amountOf("processingAmount"),
		free("subscriptionInfo"), text("subscriptionId", 0), free("agreementInfo"), free("paymentVerificationData"),
		free("payToMethod"), free("merchant"), flag("isAuthorization"), flag("dualOfflinePayment"), text("taxCalculationId", 0),
		free("extendInfo")}
}

// cashierPay is ams/payment_cashier.
var cashierPay = append(schema{
	oneOf("productCode", "CASHIER_PAYMENT").needed(),
	requestID("paymentRequestId").needed(),
	orderFields().needed(),
	amountOf("paymentAmount").needed(),
	methodFields().needed(),
	factorFields(),
	moment("paymentExpiryTime"),
	link("paymentRedirectUrl", 2048).needed(),
	link("paymentNotifyUrl", 2048),
	settlementFields(),
	envFields().needed(),
	text("userRegion", 2),
	creditPlanFields(),
	text("appId", 32), text("merchantRegion", 2), text("merchantAccountId", 32),
}, sdkPayFields()...)

// agreementPay is ams/payment_agreement: paymentRedirectUrl and paymentFactor are not on that page, so they are refused.
// Nor is env, but other editions ask for env.terminalType, so it is accepted.
var agreementPay = append(schema{
	oneOf("productCode", "AGREEMENT_PAYMENT").needed(),
	requestID("paymentRequestId").needed(),
	orderFields().needed(),
	amountOf("paymentAmount").needed(),
	methodFields().needed(),
	moment("paymentExpiryTime"),
	link("paymentNotifyUrl", 2048),
	settlementFields(),
	envFields(),
	creditPlanFields(),
	text("appId", 32), text("userRegion", 2), text("merchantRegion", 2), text("merchantAccountId", 32),
}, sdkPayFields()...)

// sessionRequest is ams/session_cashier. An empty paymentMethodType lets the buyer choose on the hosted page.
var sessionRequest = schema{
	oneOf("productCode", "CASHIER_PAYMENT").needed(),
	requestID("paymentRequestId").needed(),
	orderFields().needed(),
	amountOf("paymentAmount").needed(),
	link("paymentRedirectUrl", 2048).needed(),
	group("paymentMethod", methodChildren(text("paymentMethodType", 64).maybeEmpty())...),
	link("paymentNotifyUrl", 2048),
	settlementFields(),
	factorFields(),
	flag("enableInstallmentCollection"),
	creditPlanFields(),
	text("merchantRegion", 2),
	envFields(),
	moment("paymentSessionExpiryTime"),
	oneOf("productScene", "CHECKOUT_PAYMENT", "ELEMENT_PAYMENT"),
	moment("paymentExpiryTime"),
	text("locale", 8),
	free("availablePaymentMethod"), listOf("allowedPaymentMethodRegions", 0), free("savedPaymentMethods"), text("userRegion", 2),
	text("metadata", 0), free("customizedInfo"), text("merchantAccountId", 32), free("riskData"), free("scopes"),
	free("subscriptionPlan"), free("subscriptionInfo"), free("agreementInfo"),
}

// consultRequest is ams/consult.
var consultRequest = schema{
	oneOf("productCode", "CASHIER_PAYMENT").needed(),
	amountOf("paymentAmount").needed(),
	envFields().needed(),
	settlementFields(),
	text("userRegion", 2),
	listOf("allowedPaymentMethodRegions", 0),
	text("merchantRegion", 2),
	buyerFields("buyer"),
	text("merchantAccountId", 32),
	listOf("allowedPaymentMethods", 0), listOf("blockedPaymentMethods", 0), listOf("allowedPspRegions", 0), free("paymentFactor"),
	free("paymentEvaluation"), text("region", 0), text("customerId", 0), text("referenceUserId", 0), free("merchant"), free("extendInfo"),
}

// inquiryRequest is ams/paymentri_online and cancelRequest ams/paymentc_online: one of the two ids is needed.
var inquiryRequest = schema{text("paymentRequestId", 64), text("paymentId", 64), text("merchantAccountId", 32)}

var cancelRequest = inquiryRequest

// captureRequest is ams/capture.
var captureRequest = schema{
	requestID("captureRequestId").needed(),
	text("paymentId", 64).needed(),
	amountOf("captureAmount").needed(),
	flag("isLastCapture"), text("captureType", 0), free("transit"),
}

// refundRequest is ams/refund_online.
var refundRequest = schema{
	requestID("refundRequestId").needed(),
	text("paymentId", 64).needed(),
	amountOf("refundAmount").needed(),
	text("referenceRefundId", 64), text("refundReason", 256), link("refundNotifyUrl", 1024), text("captureId", 64), text("metadata", 64),
	flag("isAsyncRefund"),
	listOf("refundDetails", 0, amountOf("refundAmount"), oneOf("refundFrom", "SELLER", "MARKETPLACE", "UNSETTLED_FUNDS")),
	group("refundToBankInfo", text("bankCode", 0), text("accountHolderName", 0), text("accountNo", 0)),
	text("refundSourceAccountNo", 0), amountOf("actualRefundAmount"), free("customizedInfo"), free("extendInfo"),
}

// inquiryRefundRequest is ams/ir_online.
var inquiryRefundRequest = schema{
	requestID("refundRequestId"), text("refundId", 64), text("merchantAccountId", 32),
}

// declareRequest is ams/declare. One page spells subOrderId otherwise, so both are taken. Codes of other customs offices
// occur in old samples only.
var declareRequest = schema{
	field{name: "declarationRequestId", kind: textKind, required: true, max: 32, pattern: requestIDText},
	text("paymentId", 64).needed(),
	amountOf("declarationAmount").needed(),
	group("customs", oneOf("region", "CN").needed(),
		oneOf("customsCode", "ZONGSHU", "ZHENGZHOU", "NINGBO", "SHANGHAI_CBT").needed()).needed(),
	group("merchantCustomsInfo", text("merchantCustomsCode", 128).needed(), text("merchantCustomsName", 256).needed()).needed(),
	flag("splitOrder").needed(),
	text("subOrderId", 64), text("suborderId", 64),
	group("buyerCertificate", oneOf("certificateType", "ID_CARD").needed(), // PASSPORT is for other countries
		text("certificateNo", 64).needed(),
		group("holderName", text("fullName", 128), text("firstName", 32), text("middleName", 32), text("lastName", 32))),
}

// inquiryDeclarationsRequest is ams/inquirydeclare.
var inquiryDeclarationsRequest = schema{listOf("declarationRequestIds", 10).needed()}

// disputeRequest is ams/accept, defenseRequest ams/supply_evidence and evidenceRequest ams/download.
var (
	disputeRequest  = schema{text("disputeId", 64).needed()}
	defenseRequest  = schema{text("disputeId", 64).needed(), text("disputeEvidence", 1_000_000).needed()}
	evidenceRequest = schema{
		text("disputeId", 64).needed(),
		oneOf("disputeEvidenceType", evidenceTemplate, evidenceFile, evidenceProposal).needed(),
	}
)
