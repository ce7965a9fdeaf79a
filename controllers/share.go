package controllers

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// share is an object that takes a part of a payment's money: a refund of what was paid, a capture of what is authorised, or a declaration of
// what may be declared to customs. It points into the object, so that what these kinds have in common is written once.
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

// shareKind is what refunds, captures and declarations differ in.
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
	// derive makes a request id of prefix, identity, namespace, name and attempt.
	derive(prefix, identity, namespace, name string, attempt int32) string

	// gather reads what the kind needs besides its payment.
	gather(context.Context, client.Reader, *shareFacts) error
	// whole is what is taken where no amount is named.
	whole(*shareFacts) apiv1.Amount
	// asksPayment reports whether the payment does not say what must be known, so that the gateway is asked; askPayment asks it.
	asksPayment(*shareFacts) bool
	askPayment(context.Context, *alipay.Client, *shareFacts) error
	// request makes the body out of spec and recorded intent alone.
	request(f *shareFacts, paymentID string, intent *apiv1.Intent) (any, error)
	// pin puts into the status what the request holds and the payment may say otherwise later.
	pin(*shareFacts)
	submit(context.Context, *alipay.Client, any) (shareAnswer, error)
	inquire(ctx context.Context, reach *alipay.Client, f *shareFacts, id string) (shareAnswer, error)
	// keep writes into the status what only answers of this kind say.
	keep(*shareFacts, *shareAnswer)
	// recorded is told that what the pass has learned is on record.
	recorded(*shareFacts)
	// listedOnly reports whether inquire looks into a list that may leave out what there is.
	listedOnly() bool

	// paymentProblem says why nothing can be taken of the payment, or not yet; refusedHere why the gateway would refuse it.
	paymentProblem(*shareFacts) *problem
	refusedHere(*shareFacts) *problem
	// notes are what the payment has noted of its shares of this kind, and reserve adds what this one takes.
	notes(*apiv1.Payment) []shareNote
	reserve(*shareFacts, *apiv1.Payment)

	// done is the state of one that has succeeded, and stateOf that for an answer with another status.
	done() apiv1.OperationState
	stateOf(status string) apiv1.OperationState
	doneReport() (reason, message string)
	failedReport(*shareFacts) (reason, message string)
	inProcess(*shareFacts) problem
	// pace is how often to ask by the age of the request; nil for the usual pace. done asking is when nothing more will be told.
	pace(*shareFacts) func(age time.Duration) time.Duration
	doneAsking(*shareFacts) bool

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
	// declared and record are what a declaration was answered, and what was told of it later.
	declared *alipay.DeclareResponse
	record   *alipay.DeclarationRecord
}

// usualShare is what most kinds have in common.
type usualShare struct{}

func (usualShare) derive(prefix, identity, namespace, name string, attempt int32) string {
	return deriveRequestID(prefix, identity, namespace, name, attempt)
}
func (usualShare) asksPayment(*shareFacts) bool                                  { return false }
func (usualShare) askPayment(context.Context, *alipay.Client, *shareFacts) error { return nil }
func (usualShare) keep(*shareFacts, *shareAnswer)                                {}
func (usualShare) recorded(*shareFacts)                                          {}
func (usualShare) failedReport(f *shareFacts) (reason, message string)           { return f.failedReport() }
func (usualShare) pace(*shareFacts) func(time.Duration) time.Duration            { return nil }
func (usualShare) doneAsking(*shareFacts) bool                                   { return false }
func (usualShare) stateOf(status string) apiv1.OperationState {
	if status == alipay.StatusFail {
		return apiv1.StateFailed
	}
	return apiv1.StateProcessing
}

// shareNote is what a payment has noted of a refund or a capture.
type shareNote struct {
	requestID, value string
	// known is true once the gateway has told of it, settled once it has reported it as done, and failed once it took nothing.
	known, settled, failed bool
	// contested is true while value is the larger of two, of which the gateway has not told.
	contested bool
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
	// declarable is what a declaration was told that may be declared, where the payment does not say; askedPayment is true once it asked.
	declarable   *apiv1.Amount
	askedPayment bool
	// certificate is who bought, for a declaration that may have to be sent. It is never stored or shown.
	certificate *alipay.BuyerCertificate
	// overheard is what the gateway has just told of the object when another one was asked about, or what could not be recorded; nil when
	// nothing. heard is the record that it, or the pass's own inquiry, rests on.
	overheard *shareAnswer
	heard     *alipay.DeclarationRecord
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
	return kind.derive(prefix, kind.identity(s), s.obj.GetNamespace(), s.obj.GetName(), attempt)
}

// mostNoted is how many refunds, captures, and declarations a payment's status holds.
const mostNoted = 500

// mostAttempts is the highest spec.attempt that admission lets through.
const mostAttempts = 99
