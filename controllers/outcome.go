package controllers

import (
	"errors"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// outcome is what an answer, or the lack of one, means for the operation.
type outcome string

const (
	// settled: a verified answer decided; read it.
	settled outcome = "Settled"
	// notFound: a verified answer says that the gateway knows no such order.
	notFound outcome = "NotFound"
	// notSent: nothing left this process.
	notSent outcome = "NotSent"
	// unknown: something may have happened; ask.
	unknown outcome = "Unknown"
	// refusedIdentity: the gateway does not accept who we are. Nothing happened, and it says nothing about the operation.
	refusedIdentity outcome = "RefusedIdentity"
	// refused: a verified answer says that the request was not carried out.
	refused outcome = "Refused"
)

// identityCodes are the result codes about who calls and which interface, not about the order
// (transport, https://docs.antom.com/ac/ams/api_fund). They block and never settle.
var identityCodes = map[string]bool{
	"ACCESS_DENIED": true, "CLIENT_FORBIDDEN_ACCESS_API": true,
	"INVALID_API": true, "API_INVALID": true,
	"INVALID_CLIENT": true, "CLIENT_INVALID": true, "UNKNOWN_CLIENT": true, "INVALID_CLIENT_STATUS": true,
	"INVALID_SIGNATURE": true, "SIGNATURE_INVALID": true, "KEY_NOT_FOUND": true, "OAUTH_FAILED": true,
	"NO_INTERFACE_DEF": true, "METHOD_NOT_SUPPORTED": true, "MEDIA_TYPE_NOT_ACCEPTABLE": true,
}

// errUnusable is a verified answer that does not say what has to be known.
var errUnusable = errors.New("the answer does not say what became of the order")

// refusedError is a verified refusal of a request that moves money, whatever its code: also "no such order" is one.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// refusal is the result of a verified refusal.
func refusal(err error) *apiv1.GatewayResult {
	var rejected *alipay.RejectedError
	if !errors.As(err, &rejected) {
		return &apiv1.GatewayResult{}
	}
	return gatewayResult(rejected.Result)
}

// conflictOver says that the gateway knows the id with other key fields.
func conflictOver(id string) *apiv1.Conflict {
	return &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason, Message: "The gateway knows the id " + id + " with another amount, currency or method " +
		"(REPEAT_REQ_INCONSISTENT). Nothing was moved and nothing is sent any more: find out whose operation that is, then create a new object with another name or request id."}
}

// announcedUnknown says that the gateway has announced another end than the one on record, and knows nothing when it is asked.
func announcedUnknown(noun string) *apiv1.Conflict {
	return &apiv1.Conflict{Reason: apiv1.StateContradictionReason, Message: "The gateway has announced another end of this " + noun +
		" than it reported before, and says ORDER_NOT_EXIST when it is asked. Nothing is sent any more: ask Antom which one is right."}
}

// classify answers "did it happen?" for the error of any gateway call.
func classify(err error) outcome {
	var rejected *alipay.RejectedError
	var unsent *alipay.NotSentError
	var refusedMove *refusedError
	switch {
	case err == nil:
		return settled
	case errors.Is(err, errNotListed), errors.Is(err, errNotDeclared):
		return notFound
	case errors.As(err, &refusedMove):
		return refused
	case errors.As(err, &unsent):
		return notSent
	case !errors.As(err, &rejected):
		return unknown
	case !rejected.Signed, identityCodes[rejected.Result.ResultCode]:
		return refusedIdentity
	case rejected.Result.ResultCode == alipay.CodeOrderNotExist:
		return notFound
	default:
		return refused
	}
}

// trouble is what a call that settled nothing leaves for the decision of the same pass.
type trouble struct {
	outcome outcome
	code    string
	text    string
}

// newTrouble describes an error of a call; nil for an answer.
func newTrouble(err error) *trouble {
	if err == nil {
		return nil
	}
	return &trouble{outcome: classify(err), code: cut(alipay.ResultCode(err), 64), text: cut(stableText(err), 64)}
}

// problem puts a refused identity or an unreachable gateway into words for the user.
func (t *trouble) problem() *problem {
	if t.outcome == refusedIdentity {
		return &problem{
			reason: apiv1.CredentialsRejectedReason,
			message: "The gateway refuses the account (" + t.code + "), so nothing was done: check the MerchantAccount's client id, host and key" +
				" against the Antom dashboard; this is tried again by itself.",
			stalled: true,
		}
	}
	return &problem{
		reason:  apiv1.GatewayUnreachableReason,
		message: "The gateway gives no usable answer (" + t.text + "); it is asked again.",
	}
}

// stableText names the kind of failure without what changes from try to try, such as ports and times.
func stableText(err error) string {
	if code := alipay.ResultCode(err); code != "" {
		return code
	}
	switch {
	case errors.Is(err, alipay.ErrBadSignature):
		return "the answer's signature does not verify"
	case classify(err) == notSent:
		return "the request could not be sent"
	default:
		return "the answer is missing or unreadable"
	}
}

// gatewayResult keeps what the gateway said, for the status.
func gatewayResult(r alipay.Result) *apiv1.GatewayResult {
	return &apiv1.GatewayResult{
		ResultCode: cut(r.ResultCode, 64), ResultStatus: cut(r.ResultStatus, 8), ResultMessage: cut(r.ResultMessage, 256),
	}
}

// cut shortens text from the gateway to what the status field takes.
func cut(text string, longest int) string {
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest])
	}
	return text
}
