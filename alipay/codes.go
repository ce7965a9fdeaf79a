package alipay

// Values of resultStatus. See docs.antom.com/ac/ams/api_fund.
const (
	// ResultStatusSuccess means that the call did what it says; for an inquiry, that it could be answered.
	ResultStatusSuccess = "S"
	// ResultStatusFail means that this call was refused. Final for its request id.
	ResultStatusFail = "F"
	// ResultStatusUnknown means in progress, or not known to the gateway itself.
	ResultStatusUnknown = "U"
)

// Values of paymentStatus, refundStatus and transactionStatus. The gateway may add others.
const (
	// StatusSuccess means paid (a card: authorised), captured, or refunded. Final, but for a later cancel.
	StatusSuccess = "SUCCESS"
	// StatusFail means that no money moved. Final.
	StatusFail = "FAIL"
	// StatusProcessing means open: the buyer has not paid, or the channel has not answered. Transient.
	StatusProcessing = "PROCESSING"
	// StatusPending means that the buyer has finished and the channel has not confirmed. Transient.
	StatusPending = "PENDING"
	// StatusCancelled means cancelled by the merchant, or an authorisation that was not captured in time. Final.
	StatusCancelled = "CANCELLED"
)

// Values of transactionType. The gateway may add others.
const (
	// TransactionCapture marks a capture in the answer of inquiryPayment.
	TransactionCapture = "CAPTURE"
	// TransactionRefund marks a refund in the answer of inquiryPayment.
	TransactionRefund = "REFUND"
)

// Result codes that callers decide by, and those that need a person. A code that is not listed is handled by its
// resultStatus alone. The status is F unless the comment says otherwise.
const (
	// CodeSuccess goes with resultStatus S.
	CodeSuccess = "SUCCESS"

	// CodePaymentInProcess (U) is the normal good answer of pay: the order exists and waits for the buyer. It also
	// answers a repeat of pay for an order that is already paid, so it never proves an order unpaid.
	CodePaymentInProcess = "PAYMENT_IN_PROCESS"
	// CodeRefundInProcess (U) means accepted and running: inquire, do not send again.
	CodeRefundInProcess = "REFUND_IN_PROCESS"
	// CodeCaptureInProcess (U) means accepted and running: inquire the payment, do not send again.
	CodeCaptureInProcess = "CAPTURE_IN_PROCESS"
	// CodeUnknownException (U, and printed as F for createPaymentSession) says nothing. Treated as unknown always.
	CodeUnknownException = "UNKNOWN_EXCEPTION"
	// CodeRequestTrafficExceedLimit (U) means too many calls: the same request again, later.
	CodeRequestTrafficExceedLimit = "REQUEST_TRAFFIC_EXCEED_LIMIT"

	// CodeOrderNotExist means that the gateway does not know the id, perhaps not yet: shortly after a lost answer
	// ask again after 15 s, three times, before it counts as never placed.
	CodeOrderNotExist = "ORDER_NOT_EXIST"
	// CodeOrderIsClosed means that the id belongs to an expired payment.
	CodeOrderIsClosed = "ORDER_IS_CLOSED"
	// CodeOrderIsCanceled means that the id belongs to a cancelled payment.
	CodeOrderIsCanceled = "ORDER_IS_CANCELED"
	// CodeOrderStatusInvalid means that the payment's state does not allow the call: inquire.
	CodeOrderStatusInvalid = "ORDER_STATUS_INVALID"
	// CodeRepeatReqInconsistent means that the request id was used before with another amount or method. Whatever
	// the earlier request did stands; never answer this with a new id before looking at it.
	CodeRepeatReqInconsistent = "REPEAT_REQ_INCONSISTENT"

	// CodeCancelWindowExceed means too late to cancel: refund instead.
	CodeCancelWindowExceed = "CANCEL_WINDOW_EXCEED"
	// CodePaymentMethodNotSupported means that the method cannot cancel, or cannot refund.
	CodePaymentMethodNotSupported = "PAYMENT_METHOD_NOT_SUPPORTED"
	// CodeMerchantBalanceNotEnough means no funds to give back. Cancel: top up, same call. Refund: top up, new id.
	CodeMerchantBalanceNotEnough = "MERCHANT_BALANCE_NOT_ENOUGH"
	// CodeRefundWindowExceed means that the refund period of the method is over.
	CodeRefundWindowExceed = "REFUND_WINDOW_EXCEED"
	// CodeRefundAmountExceed means that the sum of refunds would pass the paid amount.
	CodeRefundAmountExceed = "REFUND_AMOUNT_EXCEED"
	// CodeRefundNotSupported means that the method cannot refund.
	CodeRefundNotSupported = "REFUND_NOT_SUPPORTED"
	// CodeMultipleRefundsNotSupported means that the contract allows one refund a payment.
	CodeMultipleRefundsNotSupported = "MULTIPLE_REFUNDS_NOT_SUPPORTED"
	// CodePartialRefundNotSupported means that only the whole amount can be refunded.
	CodePartialRefundNotSupported = "PARTIAL_REFUND_NOT_SUPPORTED"

	// CodeAuthExpired means that the authorisation ran out before the capture.
	CodeAuthExpired = "AUTH_EXPIRED"
	// CodeAuthCancelled means that the authorisation was cancelled or voided.
	CodeAuthCancelled = "AUTH_CANCELLED"
	// CodeAuthNotFound means that there is no such authorisation.
	CodeAuthNotFound = "AUTH_NOT_FOUND"
	// CodeCaptureAmountExceedAuthLimit means more than was authorised.
	CodeCaptureAmountExceedAuthLimit = "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"
	// CodeMultiCaptureNotSupported means that a second capture is not allowed for this method or contract.
	CodeMultiCaptureNotSupported = "MULTI_CAPTURE_NOT_SUPPORTED"

	// CodeInvalidAccessToken means that the debit token expired or was revoked: the buyer must authorise again.
	CodeInvalidAccessToken = "INVALID_ACCESS_TOKEN"
	// CodeAuthInProcess means that the exchange of a code is not through: the same request again, later. Its status is
	// not documented, so applyToken reports it as unknown whatever its status.
	CodeAuthInProcess = "AUTH_IN_PROCESS"
	// CodeNoPayOptions means that the wallet is not supported, or not contracted.
	CodeNoPayOptions = "NO_PAY_OPTIONS"
	// CodePaymentNotQualified means that the merchant is not qualified: not registered, no contract, or blocked.
	CodePaymentNotQualified = "PAYMENT_NOT_QUALIFIED"
	// CodeUserNotExist means that the buyer's account in the wallet is missing.
	CodeUserNotExist = "USER_NOT_EXIST"
	// CodeUserStatusAbnormal means that the buyer's account in the wallet cannot be used.
	CodeUserStatusAbnormal = "USER_STATUS_ABNORMAL"
	// CodeUserBalanceNotEnough means that the buyer lacks funds. Another try needs a new id.
	CodeUserBalanceNotEnough = "USER_BALANCE_NOT_ENOUGH"
	// CodeRiskReject means refused by risk control. If the buyer had paid, the gateway refunds by itself.
	CodeRiskReject = "RISK_REJECT"
	// CodeFraudReject means refused as fraud. If the buyer had paid, the gateway refunds by itself.
	CodeFraudReject = "FRAUD_REJECT"

	// CodeRepeatRequest means that a dispute is already accepted or defended. It does not say which: after an unknown
	// outcome of only one of the two, it was that one.
	CodeRepeatRequest = "REPEAT_REQUEST"
	// CodeTimeExceedsLimit means that the time to accept or defend a dispute is over: wait for the judgement.
	CodeTimeExceedsLimit = "TIME_EXCEEDS_LIMIT"
	// CodeDefenseExceedLimit means that no further material is taken for a compliance request.
	CodeDefenseExceedLimit = "DEFENSE_EXCEED_LIMIT"
	// CodeNotAllowInCurrentStatus means that earlier material for a compliance request is still being looked at: wait
	// for the judgement.
	CodeNotAllowInCurrentStatus = "NOT_ALLOW_IN_CURRENT_STATUS"

	// CodeParamIllegal means that a field or header is missing or malformed.
	CodeParamIllegal = "PARAM_ILLEGAL"
	// CodeProcessFail is a general business failure, and refuses a cancel after a refund. No retry.
	CodeProcessFail = "PROCESS_FAIL"
	// CodeSystemError is a failure of the gateway that it labels F: inquire before taking money as not moved.
	CodeSystemError = "SYSTEM_ERROR"

	// CodeInvalidSignature means that our signature does not verify against the registered key. Unsigned.
	CodeInvalidSignature = "INVALID_SIGNATURE"
	// CodeSignatureInvalid is another spelling of [CodeInvalidSignature].
	CodeSignatureInvalid = "SIGNATURE_INVALID"
	// CodeKeyNotFound means that the gateway has no key of ours on file.
	CodeKeyNotFound = "KEY_NOT_FOUND"
	// CodeClientInvalid means that the client id is wrong or restricted.
	CodeClientInvalid = "CLIENT_INVALID"
	// CodeInvalidClient is another spelling of [CodeClientInvalid].
	CodeInvalidClient = "INVALID_CLIENT"
	// CodeUnknownClient means that the gateway (of this region) does not know the client id.
	CodeUnknownClient = "UNKNOWN_CLIENT"
	// CodeInvalidClientStatus means that the client is disabled.
	CodeInvalidClientStatus = "INVALID_CLIENT_STATUS"
	// CodeAccessDenied means not allowed.
	CodeAccessDenied = "ACCESS_DENIED"
	// CodeClientForbiddenAccessAPI means that the client is not entitled to this API.
	CodeClientForbiddenAccessAPI = "CLIENT_FORBIDDEN_ACCESS_API"
	// CodeInvalidAPI means that the API is not active for this client.
	CodeInvalidAPI = "INVALID_API"
	// CodeAPIInvalid is another spelling of [CodeInvalidAPI].
	CodeAPIInvalid = "API_INVALID"
	// CodeNoInterfaceDef means that the URL is unknown, for example sandbox and production mixed up.
	CodeNoInterfaceDef = "NO_INTERFACE_DEF"
	// CodeOAuthFailed means that the agent token was not accepted.
	CodeOAuthFailed = "OAUTH_FAILED"
	// CodeInvalidContract means that the contract does not cover the call.
	CodeInvalidContract = "INVALID_CONTRACT"
	// CodeInvalidMerchantStatus means that the merchant is disabled.
	CodeInvalidMerchantStatus = "INVALID_MERCHANT_STATUS"
	// CodeMerchantNotRegistered means that the merchant is not registered.
	CodeMerchantNotRegistered = "MERCHANT_NOT_REGISTERED"
)
