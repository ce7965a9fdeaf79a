package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// refundKind is part of every derived refundRequestId: it must never change.
const refundKind = "Refund"

// RefundReconciler gives the money of each Refund back once.
type RefundReconciler struct {
	*Lifecycle
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=refunds,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=refunds/status,verbs=patch

// Reconcile moves one Refund towards the outcome that the gateway reports for it.
func (r *RefundReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	refund := &apiv1.Refund{}
	if err := r.Get(ctx, req.NamespacedName, refund); err != nil {
		if apierrors.IsNotFound(err) {
			r.gone(refundKind, req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	saver := newStatusSaver(r.Client, refund)
	if attemptRaised(&refund.Status.OperationStatus, refund.Spec.Attempt) {
		refund.Status = apiv1.RefundStatus{OperationStatus: forNextAttempt(&refund.Status.OperationStatus)}
	}
	pass, err := r.gather(ctx, refund)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.run(ctx, saver, pass)
}

// refundPass is one pass over one refund: what was gathered, and how to act on it.
type refundPass struct {
	refundFacts
	*Lifecycle
	intent  *apiv1.Intent
	request *alipay.RefundRequest
}

// gather reads what the decision needs: of a settled refund nothing.
func (r *RefundReconciler) gather(ctx context.Context, refund *apiv1.Refund) (*refundPass, error) {
	pass := &refundPass{Lifecycle: r.Lifecycle}
	pass.refund, pass.now, pass.jitter = refund, r.Clock.Now(), jitter()
	settled := refund.Status.State.Final() && !refundNeedsNews(refund)
	if settled && refund.Spec.TTLSecondsAfterFinished == nil {
		return pass, nil
	}
	account := ""
	payment := &apiv1.Payment{}
	switch err := r.Get(ctx, types.NamespacedName{Namespace: refund.Namespace, Name: refund.Spec.PaymentRef.Name}, payment); {
	case err == nil:
		pass.payment, account = payment, payment.Spec.MerchantAccountRef.Name
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("reading Payment: %w", err)
	}
	if refund.Status.Intent != nil {
		account = refund.Status.Intent.MerchantAccount
	}
	if account == "" || settled {
		return pass, nil
	}
	var err error
	pass.account, err = r.Gateways.account(ctx, r.Client, types.NamespacedName{Namespace: refund.Namespace, Name: account})
	if err == nil && pass.account.account != nil {
		pass.news, err = r.hear(ctx, refund, pass.account.account, pass.concernsRefund)
	}
	return pass, err
}

// reserve notes in the payment what this refund takes of it, in a write that fails if another refund did so first. It stays noted, also
// when this object is deleted, until the gateway has refused the refund.
func (p *refundPass) reserve(ctx context.Context) error {
	payment := &apiv1.Payment{}
	if err := p.Live.Get(ctx, client.ObjectKeyFromObject(p.payment), payment); err != nil {
		return err
	}
	p.payment = payment
	if p.paymentProblem() != nil || p.refusedHere() != nil {
		return nil // the next decision says so
	}
	base := payment.DeepCopy()
	payment.Status.Refunds = slices.DeleteFunc(payment.Status.Refunds, func(r apiv1.PaymentRefund) bool {
		return slices.Contains(p.former, r.RefundRequestID) && !r.Done
	})
	answers := paymentAnswers{payment: payment}
	answers.noteRefund(apiv1.PaymentRefund{RefundRequestID: p.id, Value: p.amount.Value})
	answers.rollUp(nil)
	return p.Status().Patch(ctx, payment, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
}

// begin brings the status up to date with the spec, and makes the request that spec and intent stand for.
func (p *refundPass) begin() {
	st := &p.refund.Status
	switch {
	case p.refund.Spec.Amount != nil:
		p.amount = *p.refund.Spec.Amount
	case st.Amount != nil:
		p.amount = *st.Amount
	case p.payment != nil:
		p.amount = paidAmount(p.payment)
	}
	if p.account.account == nil {
		return
	}
	paymentID := st.PaymentID
	p.id, p.intent = st.RefundRequestID, st.Intent
	if p.intent == nil {
		for attempt := int32(1); attempt <= st.EndedAttempts; attempt++ {
			p.former = append(p.former, p.attemptID(attempt))
		}
		p.later = p.laterAttempt()
		if p.payment.Spec.Cashier != nil {
			p.method = capabilityOf(p.account.account, p.payment.Spec.Cashier.PaymentMethodType)
		}
		paymentID = p.payment.Status.PaymentID
		p.id = p.attemptID(p.refund.Spec.Attempt)
		p.intent = newIntent(p.account.account, p.refund.Spec.Attempt, p.now)
		p.intent.SettlementCurrency = "" // refund names none
	}
	if p.request, p.buildErr = refundRequest(p.refund, p.id, paymentID, p.amount, p.intent); p.buildErr == nil {
		p.hash, p.buildErr = requestHash(p.request)
	}
	p.recall = p.memory.load(p.refund, p.id)
	p.recall.spreadAfterRestart(st.State == apiv1.StateProcessing, p.intent, p.now, p.jitter)
	p.read()
	p.heed(p.refund, refundKind, &p.news, &p.recall)
	p.doubtFormer()
}

// laterAttempt is an attempt of this manifest after the present one that the payment knows of, or 0.
func (p *refundPass) laterAttempt() int32 {
	if p.refund.Spec.RefundRequestID != "" || len(p.payment.Status.Refunds) == 0 {
		return 0
	}
	for attempt := p.refund.Spec.Attempt + 1; attempt <= mostAttempts; attempt++ {
		id := p.attemptID(attempt)
		if slices.ContainsFunc(p.payment.Status.Refunds, func(r apiv1.PaymentRefund) bool { return r.RefundRequestID == id }) {
			return attempt
		}
	}
	return 0
}

// mostAttempts is the highest spec.attempt that admission lets through.
const mostAttempts = 99

// attemptID is the request id of one attempt.
func (p *refundPass) attemptID(attempt int32) string {
	return refundRequestID(p.account.account.Spec.RequestIDPrefix, p.refund, attempt)
}

// refundRequestID is the request id of one attempt of a refund.
func refundRequestID(prefix string, refund *apiv1.Refund, attempt int32) string {
	if refund.Spec.RefundRequestID != "" {
		return refund.Spec.RefundRequestID
	}
	// The payment is part of the identity: a name that is used again for another payment means another refund.
	return deriveRequestID(prefix, refundKind+" of "+refund.Spec.PaymentRef.Name, refund.Namespace, refund.Name, attempt)
}

func (p *refundPass) object() client.Object          { return p.refund }
func (p *refundPass) kind() string                   { return refundKind }
func (p *refundPass) adopted() bool                  { return p.refund.Status.Adopted }
func (p *refundPass) conditions() []metav1.Condition { return p.refund.Status.Conditions }
func (p *refundPass) decide() decision               { return decideRefund(&p.refundFacts) }
func (p *refundPass) gateway() *gateway              { return p.account.gateway }
func (p *refundPass) requestID() string              { return p.id }
func (p *refundPass) remembered() *recall            { return &p.recall }

func (p *refundPass) apply(told report) {
	st := &p.refund.Status
	st.State = apiv1.OperationState(told.state)
	st.ObservedGeneration = p.refund.Generation
	told.conditions(&st.Conditions, p.refund.Generation)
}

func (p *refundPass) intend(do action) {
	st := &p.refund.Status
	switch do {
	case actRecordIntent:
		if st.Intent == nil {
			p.intent.RequestSHA256 = p.hash
			st.Intent, st.RefundRequestID, st.PaymentID = p.intent, p.id, p.request.PaymentID
			st.Amount, st.State = &p.amount, apiv1.StateSubmitting
		} else {
			st.Intent.ResubmittedAt = &metav1.Time{Time: p.now.Truncate(time.Second)}
			st.State, st.EmptyAnswers = apiv1.StateSubmitting, nil
		}
		p.recall.unsent = true
	case actSettleFailed:
		p.failed(st.LastResult)
	case actSettleNotified:
		p.notified(p.reported.final, p.reported.finalSource)
		p.reported.finalSource.noteSettled(refundKind, p.now)
		p.reported.final = nil
	default: // the others are no intents
	}
}

func (p *refundPass) call(ctx context.Context, do action) error {
	var err error
	switch do {
	case actSubmit:
		err = p.submit(ctx)
	case actInquireFormer:
		err = p.inquireFormer(ctx)
	default:
		err = p.inquire(ctx)
	}
	p.moved = p.moved || do.movesMoney()
	p.now = p.Clock.Now()
	p.trouble = newTrouble(err)
	if do != actSubmit {
		p.news.answered(p.trouble)
	}
	p.recall.note(p.trouble)
	return err
}

// submit sends refund. What it leaves unclear, the next inquiry tells.
func (p *refundPass) submit(ctx context.Context) error {
	st := &p.refund.Status
	unsent := p.recall.unsent
	p.recall.unsent = false
	answer, err := p.gateway().client.Refund(ctx, p.request)
	switch classify(err) {
	case settled:
		p.answered(answer.Result.ResultStatus == alipay.ResultStatusSuccess, answer.RefundID, answer.RefundAmount, answer.RefundTime.Time, answer.ResponseTime)
	case notSent:
		p.recall.unsent = unsent
	case unknown:
		st.State = apiv1.StateUnknown
	case refused, notFound:
		st.LastResult = refusal(err)
		if st.LastResult.ResultCode == alipay.CodeRepeatReqInconsistent {
			st.Conflict = conflictOver(p.id)
		}
		err = &refusedError{err}
	case refusedIdentity:
	}
	return err
}

// inquire asks what became of the request id.
func (p *refundPass) inquire(ctx context.Context) error {
	st := &p.refund.Status
	p.asked = true
	answer, err := p.gateway().client.InquiryRefund(ctx, p.inquiryFor(p.id))
	st.EmptyAnswers = countEmpty(st.EmptyAnswers, p.id, newTrouble(err), p.Clock.Now())
	if err != nil {
		if p.news.contradicted && emptyCount(st.EmptyAnswers, p.id) >= emptyAnswers {
			st.Conflict, st.EmptyAnswers, p.news.explained = announcedUnknown("refund"), nil, true
		}
		return err
	}
	if st.State.Final() {
		p.compareEnd(answer.RefundStatus)
		return nil
	}
	switch answer.RefundStatus {
	case alipay.StatusSuccess:
		if answer.RefundAmount == nil {
			return errUnusable
		}
		p.answered(true, answer.RefundID, answer.RefundAmount, answer.RefundTime.Time, answer.ResponseTime)
	case alipay.StatusProcessing, alipay.StatusPending:
		p.answered(false, answer.RefundID, answer.RefundAmount, answer.RefundTime.Time, answer.ResponseTime)
	case alipay.StatusFail:
		if !p.found(answer.RefundID, answer.RefundAmount) {
			return nil
		}
		result := p.refund.Status.LastResult // this answer carries no reason of its own
		if result == nil {
			result = &apiv1.GatewayResult{ResultCode: "REFUND_FAILED", ResultStatus: alipay.ResultStatusFail, ResultMessage: "the gateway reports the refund as failed"}
		}
		p.failed(result)
	default:
		return errUnusable // not a final word: ask again
	}
	return nil
}

// compareEnd takes an answer about a refund that has ended. What has ended stays ended, and a contradiction is shown.
func (p *refundPass) compareEnd(status string) {
	st := &p.refund.Status
	before := ""
	switch {
	case st.State == apiv1.StateFailed && status != alipay.StatusFail:
		before = "failed"
	case st.State == apiv1.RefundRefunded && status == alipay.StatusFail:
		before = "done"
	default:
		return
	}
	st.Conflict = &apiv1.Conflict{Reason: apiv1.StateContradictionReason, Message: fmt.Sprintf(
		"The gateway reported this refund as %s before and reports %s now. Nothing is sent any more: ask Antom which one is right.", before, cut(status, 32))}
}

// inquiryFor names the location of the payment as well, while the payment is there to tell.
func (p *refundPass) inquiryFor(id string) *alipay.InquiryRefundRequest {
	inquiry := &alipay.InquiryRefundRequest{RefundRequestID: id}
	if p.payment != nil {
		inquiry.MerchantAccountID = p.payment.Spec.MerchantAccountID
	}
	return inquiry
}

// inquireFormer asks about the first attempt that is not yet known to have ended.
func (p *refundPass) inquireFormer(ctx context.Context) error {
	st := &p.refund.Status
	id := p.attemptID(st.EndedAttempts + 1)
	answer, err := p.gateway().client.InquiryRefund(ctx, p.inquiryFor(id))
	st.EmptyAnswers = countEmpty(st.EmptyAnswers, id, newTrouble(err), p.Clock.Now())
	switch {
	case err != nil && emptyCount(st.EmptyAnswers, id) < emptyAnswers:
		return err
	case err == nil && answer.RefundStatus != alipay.StatusFail:
		p.formerOpen = true
		return nil
	default:
		st.EndedAttempts, st.EmptyAnswers = st.EndedAttempts+1, nil
		return nil
	}
}

// answered takes a verified answer about a refund that exists.
func (p *refundPass) answered(done bool, refundID string, amount *alipay.Amount, at, answeredAt time.Time) {
	st := &p.refund.Status
	first := st.RefundID == "" && st.State != apiv1.StateProcessing
	if !p.found(refundID, amount) {
		return
	}
	if first {
		st.Adopted = knownBefore(at, answeredAt, p.Clock.Since(st.Intent.SubmittedAt.Time))
	}
	st.LastResult = nil
	if !done || amount == nil {
		st.State = apiv1.StateProcessing
		return
	}
	st.State = apiv1.RefundRefunded
	if !at.IsZero() {
		st.RefundTime = &metav1.Time{Time: at.Truncate(time.Second)}
	}
	p.finish()
}

// found notes the gateway's id and compares the amount. False means that it is another refund.
func (p *refundPass) found(refundID string, amount *alipay.Amount) bool {
	st, want := &p.refund.Status, wireAmount(p.amount)
	if amount != nil && *amount != want {
		st.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason, Message: fmt.Sprintf(
			"The gateway knows the id %s as a refund of %s %s, and this object is about %s %s. Nothing is sent any more: find out whose refund that is, "+
				"then create a Refund with another name or refundRequestId.",
			p.id, cut(amount.Currency, 8), cut(amount.Value, 20), want.Currency, want.Value)}
		return false
	}
	if refundID != "" {
		st.RefundID = cut(refundID, 64)
	}
	return true
}

func (p *refundPass) failed(result *apiv1.GatewayResult) {
	st := &p.refund.Status
	st.State, st.LastResult, st.EndedAttempts = apiv1.StateFailed, result, st.Intent.Attempt
	p.finish()
}

func (p *refundPass) finish() {
	p.refund.Status.FinishedAt = &metav1.Time{Time: p.Clock.Now().Truncate(time.Second)}
}

// SetupWithManager watches refunds, and what a refund waits for: its payment, in which its siblings are noted, and its account.
func (r *RefundReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&apiv1.Refund{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, envelopesChanged))).
		Watches(&apiv1.Payment{}, handler.EnqueueRequestsFromMapFunc(r.refundsOfPayment)).
		Watches(&apiv1.MerchantAccount{}, handler.EnqueueRequestsFromMapFunc(r.refundsOfAccount)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// refundsOfPayment names the refunds of a payment that are not settled.
func (r *RefundReconciler) refundsOfPayment(ctx context.Context, payment client.Object) []ctrl.Request {
	return requestsFor(ctx, r.Client, &apiv1.RefundList{}, payment, openRefundPaymentIndex)
}

// refundsOfAccount names the unsettled refunds in the account's namespace.
func (r *RefundReconciler) refundsOfAccount(ctx context.Context, account client.Object) []ctrl.Request {
	of := &apiv1.MerchantAccount{ObjectMeta: metav1.ObjectMeta{Namespace: account.GetNamespace(), Name: anyPayment}}
	return requestsFor(ctx, r.Client, &apiv1.RefundList{}, of, openRefundPaymentIndex)
}
