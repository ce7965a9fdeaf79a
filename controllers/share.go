package controllers

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// share is an object that takes a part of a payment's money: a refund of what was paid, or a capture of what is authorised. It points into
// the object, so that what the two kinds have in common is written once.
type share struct {
	obj    client.Object
	status *apiv1.OperationStatus

	// From the spec. wanted is nil for all there is, and explicitID empty for a derived one.
	paymentName string
	attempt     int32
	explicitID  string
	wanted      *apiv1.Amount
	suspend     bool
	ttl         *int32

	// Into the status.
	statusRequestID, statusGatewayID, statusPaymentID *string
	statusAmount                                      **apiv1.Amount
	statusTime                                        **metav1.Time
}

// shareKind is what refunds and captures differ in.
type shareKind interface {
	// name is that of the kind, and noun what it is called in messages.
	name() string
	noun() string
	newObject() client.Object
	newList() client.ObjectList
	share(client.Object) *share
	// startOver empties the status for a new attempt.
	startOver(client.Object)
	// identity is what a derived request id is made of, besides names. It must never change.
	identity(*share) string

	// gather reads what the kind needs besides its payment.
	gather(context.Context, client.Reader, *shareFacts) error
	// whole is what is taken where no amount is named.
	whole(*shareFacts) apiv1.Amount
	// request makes the body out of spec and recorded intent alone.
	request(f *shareFacts, paymentID string, intent *apiv1.Intent) (any, error)
	// pin puts into the status what the request holds and the payment may say otherwise later.
	pin(*shareFacts)
	submit(context.Context, *alipay.Client, any) (shareAnswer, error)
	inquire(ctx context.Context, reach *alipay.Client, f *shareFacts, id string) (shareAnswer, error)
	// listedOnly reports whether inquire looks into a list that may leave out what there is.
	listedOnly() bool

	// paymentProblem says why nothing can be taken of the payment, or not yet; refusedHere why the gateway would refuse it.
	paymentProblem(*shareFacts) *problem
	refusedHere(*shareFacts) *problem
	// notes are what the payment has noted of its shares of this kind, and reserve adds what this one takes.
	notes(*apiv1.Payment) []shareNote
	reserve(*shareFacts, *apiv1.Payment)

	// done is the state of one that has succeeded.
	done() apiv1.OperationState
	doneReport() (reason, message string)
	inProcess() problem

	// subject is the request id that a notification names, and the end that it tells.
	subject(alipay.Subject) (requestID, status string)
	resultType() string
	// announced reads a notification that tells of an end; its status is empty where it contradicts itself or tells none.
	announced(body []byte) (shareAnswer, error)
}

// shareAnswer is what the gateway says of a refund or a capture.
type shareAnswer struct {
	// status is SUCCESS, FAIL, or another while it is not ended.
	status    string
	gatewayID string
	// paymentID is empty where the answer does not name the payment.
	paymentID string
	amount    *alipay.Amount
	// at is when it was done, and answeredAt when that was said, both by the gateway's clock.
	at, answeredAt time.Time
	// result says why it failed, where the answer tells.
	result *apiv1.GatewayResult
}

// shareNote is what a payment has noted of a refund or a capture.
type shareNote struct {
	requestID, value string
	// known is true once the gateway has told of it, settled once it has reported it as done, and failed once it took nothing.
	known, settled, failed bool
}

// shareFacts is everything that a decision about a refund or a capture rests on.
type shareFacts struct {
	facts
	rules shareKind
	*share
	// payment is nil while it does not exist.
	payment *apiv1.Payment
	// source is the capture that a refund names; nil while it does not exist.
	source   *apiv1.Capture
	method   capability
	quantity apiv1.Amount
	// reported is what verified notifications say.
	reported shareNews
	// former are the ids of attempts that have ended without moving money.
	former []string
	// later is a later attempt that the payment knows of, or 0: this object has come back from before it was raised.
	later int32
}

// attemptID is the request id of one attempt.
func (f *shareFacts) attemptID(attempt int32) string {
	return shareRequestID(f.rules, f.share, f.account.account.Spec.RequestIDPrefix, attempt)
}

// shareRequestID is the request id of one attempt.
func shareRequestID(kind shareKind, s *share, prefix string, attempt int32) string {
	if s.explicitID != "" {
		return s.explicitID
	}
	return deriveRequestID(prefix, kind.identity(s), s.obj.GetNamespace(), s.obj.GetName(), attempt)
}

// mostNoted is how many refunds, and how many captures, a payment's status holds.
const mostNoted = 500

// mostAttempts is the highest spec.attempt that admission lets through.
const mostAttempts = 99
