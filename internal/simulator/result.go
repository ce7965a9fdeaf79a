package simulator

// refusal is a result that is not success, with the text people read.
type refusal struct {
	code    string
	message string
}

func refuse(code, message string) *refusal { return &refusal{code: code, message: message} }

// illegal names the field that is wrong.
func illegal(field, why string) *refusal { return refuse("PARAM_ILLEGAL", field+" "+why) }

func (r *refusal) answer() answer {
	return answer{code: r.code, message: r.message}
}

// answer is what a call returns: a result and the fields beside it.
type answer struct {
	code    string
	message string
	fields  map[string]any
	// exchange is the authorization whose exchange this answers; others that arrive before it is sent overlap.
	exchange *authorization
}

// sent is told, under the lock, once the answer has left or is lost.
func (a answer) sent() {
	if a.exchange != nil {
		a.exchange.exchanging--
	}
}

func success(fields map[string]any) answer { return answer{code: "SUCCESS", fields: fields} }

func failure(code string) answer { return answer{code: code} }

// body is the answer as JSON fields.
func (a answer) body() map[string]any {
	body := make(map[string]any, len(a.fields)+1)
	for name, value := range a.fields {
		body[name] = value
	}
	body["result"] = result(a.code, a.message)
	return body
}

// result is the object that every answer and notification has (ams/api_fund). resultMessage has at most 256
// characters.
func result(code, message string) map[string]any {
	if message == "" {
		message = messages[code]
	}
	if message == "" {
		message = "refused: " + code
	}
	if runes := []rune(message); len(runes) > 256 {
		message = string(runes[:256])
	}
	return map[string]any{"resultCode": code, "resultStatus": statusOf(code), "resultMessage": message}
}

// statusOf is S, F or U. U is rare and named; everything else is F.
func statusOf(code string) string {
	switch code {
	case "SUCCESS":
		return "S"
	case "PAYMENT_IN_PROCESS", "REFUND_IN_PROCESS", "CAPTURE_IN_PROCESS", "UNKNOWN_EXCEPTION", "REQUEST_TRAFFIC_EXCEED_LIMIT",
		"AUTH_IN_PROCESS": // whose status is not documented
		return "U"
	}
	return "F"
}

var messages = map[string]string{
	"SUCCESS":                      "success",
	"PAYMENT_IN_PROCESS":           "payment in process",
	"REFUND_IN_PROCESS":            "refund in process",
	"CAPTURE_IN_PROCESS":           "capture in process",
	"UNKNOWN_EXCEPTION":            "unknown exception",
	"REQUEST_TRAFFIC_EXCEED_LIMIT": "the request traffic exceeds the limit",
	"ORDER_IS_CLOSED":              "The order is closed.",
	"ORDER_IS_CANCELED":            "The order is cancelled.",
	"ORDER_NOT_EXIST":              "The order does not exist.",
	"ORDER_STATUS_INVALID":         "The state of the order does not allow this.",
	"USER_BALANCE_NOT_ENOUGH":      "balance not enough",
	"DO_NOT_HONOR":                 "refused by the card's bank",
	"AUTHENTICATION_REQUIRED":      "The card can be charged with 3DS only.",
	"AUTH_IN_PROCESS":              "The authorization is in process.",
	"INVALID_ACCESS_TOKEN":         "The access token is expired, revoked or unknown.",
	"INVALID_AUTHCODE":             "The authorization code is unknown or was used.",
	"AUTH_CODE_EXPIRED":            "The authorization code is expired.",
	"RISK_REJECT":                  "refused by risk control",
	"INVALID_SIGNATURE":            "The signature is invalid.",
	"NO_INTERFACE_DEF":             "There is no such endpoint.",
	"CANCEL_WINDOW_EXCEED":         "The cancel period is over.",
	"REFUND_WINDOW_EXCEED":         "The refund period is over.",
	"AUTH_EXPIRED":                 "authorization expired",
	"REPEAT_REQUEST":               "The dispute is already accepted or defended.",
	"TIME_EXCEEDS_LIMIT":           "The time to accept or defend is over.",
	"DEFENSE_EXCEED_LIMIT":         "No further material is accepted.",
	"NOT_ALLOW_IN_CURRENT_STATUS":  "The earlier material is still being checked.",
	"REPEAT_REQ_INCONSISTENT":      "The id was used before with other values.",

	"USER_PAYMENT_VERIFICATION_FAILED": "The buyer has not confirmed the payment.",
}

// leavesNothing are refusals of the request itself. They create no order, so the id may be used again once the
// request is right (ams/payment_cashier; inferred: a request refused at validation created nothing). Any other
// refusal of pay, capture or refund stays with its id, and the same id keeps answering it (ams/idempotency).
var leavesNothing = map[string]bool{
	"PARAM_ILLEGAL": true, "CURRENCY_NOT_SUPPORT": true, "ACCESS_DENIED": true, "INVALID_API": true, "CLIENT_INVALID": true,
	"KEY_NOT_FOUND": true, "MEDIA_TYPE_NOT_ACCEPTABLE": true, "METHOD_NOT_SUPPORTED": true, "NO_INTERFACE_DEF": true,
	"INVALID_SIGNATURE": true, "ORDER_NOT_EXIST": true, "AUTH_NOT_FOUND": true, "REPEAT_REQ_INCONSISTENT": true,
	"CLIENT_FORBIDDEN_ACCESS_API": true, "UNKNOWN_CLIENT": true, "INVALID_CLIENT_STATUS": true, "OAUTH_FAILED": true,
}
