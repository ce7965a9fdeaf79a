package controllers

import (
	"cmp"
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
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// paymentKind is part of every derived paymentRequestId: it must never change.
const paymentKind = "Payment"

// PaymentReconciler collects each Payment once.
type PaymentReconciler struct {
	*Lifecycle
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=payments,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=payments/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile moves one Payment towards the outcome that the gateway reports for it.
func (r *PaymentReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	payment := &apiv1.Payment{}
	if err := r.open(ctx, req.NamespacedName, payment); err != nil {
		if apierrors.IsNotFound(err) {
			r.gone(paymentKind, req.NamespacedName)
		}
		return staleOr(err, "reading")
	}
	if err := r.matchFinalizer(ctx, payment); err != nil {
		return staleOr(err, "setting finalizer")
	}
	saver := newStatusSaver(r.Lifecycle, payment)
	if attemptRaised(&payment.Status.OperationStatus, payment.Spec.Attempt) {
		payment.Status = apiv1.PaymentStatus{OperationStatus: forNextAttempt(&payment.Status.OperationStatus)}
	}
	pass, err := r.gather(ctx, payment)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.run(ctx, saver, pass)
}

// matchFinalizer holds exactly the payments that have an order to close before they may be deleted.
func (r *PaymentReconciler) matchFinalizer(ctx context.Context, payment *apiv1.Payment) error {
	wanted := payment.Spec.DeletionPolicy == apiv1.CancelPayment && !settledForGood(payment)
	if !payment.DeletionTimestamp.IsZero() || wanted == controllerutil.ContainsFinalizer(payment, apiv1.PaymentFinalizer) {
		return nil
	}
	return r.setFinalizers(ctx, payment, wanted, apiv1.PaymentFinalizer)
}

// paymentPass is one pass over one payment: what was gathered, and how to act on it.
type paymentPass struct {
	paymentFacts
	*Lifecycle
	answers paymentAnswers
	intent  *apiv1.Intent
	// full is the payment with what its Secrets hold. It makes the request and is never stored or shown.
	full *apiv1.Payment
	// cardToken is the credential of the card that pays, if one does.
	cardToken string
	request   *alipay.PayRequest
	session   sessionPass
	refunds   []apiv1.Refund
	captures  []apiv1.Capture
	disputes  []apiv1.Dispute
	declared  []apiv1.CustomsDeclaration
}

// gather reads what the decision needs: of a settled payment no more than its refunds.
func (r *PaymentReconciler) gather(ctx context.Context, payment *apiv1.Payment) (*paymentPass, error) {
	pass := &paymentPass{Lifecycle: r.Lifecycle}
	pass.payment = payment
	pass.now, pass.jitter = r.moment(payment)
	pass.answers = paymentAnswers{payment: payment, now: pass.now}
	pass.full = payment
	if payment.Status.State == apiv1.PaymentPaid || payment.Status.State == apiv1.PaymentAuthorized {
		list := &apiv1.RefundList{}
		if err := r.List(ctx, list, client.InNamespace(payment.Namespace), client.MatchingFields{sharePaymentIndex: payment.Name}); err != nil {
			return nil, fmt.Errorf("listing refunds: %w", err)
		}
		pass.refunds = list.Items
	}
	if payment.Status.PaymentRequestID != "" {
		var err error
		if pass.disputes, err = r.disputesOf(ctx, payment); err != nil {
			return nil, err
		}
	}
	if mayBeCaptured(payment) {
		list := &apiv1.CaptureList{}
		if err := r.List(ctx, list, client.InNamespace(payment.Namespace), client.MatchingFields{sharePaymentIndex: payment.Name}); err != nil {
			return nil, fmt.Errorf("listing captures: %w", err)
		}
		pass.captures = list.Items
	}
	var err error
	if pass.declared, err = r.listDeclarations(ctx, payment); err != nil {
		return nil, err
	}
	mayHaveOrphan := openCapture(&payment.Status) || openDeclarationOf(payment) || slices.ContainsFunc(payment.Status.Refunds, func(r apiv1.PaymentRefund) bool { return !r.Done })
	if settledForGood(payment) && !mayHaveOrphan && !paymentNeedsNews(payment) {
		return pass, nil
	}
	key := types.NamespacedName{Namespace: payment.Namespace, Name: payment.Spec.MerchantAccountRef.Name}
	if pass.account, err = r.Gateways.account(ctx, r.Client, key); err == nil && pass.account.account != nil {
		pass.news, err = r.hear(ctx, payment, pass.account.account, pass.concernsPayment)
	}
	if err == nil && pass.needsSecrets() {
		if pass.full, pass.withheld = r.withPersonalData(ctx, payment, pass.now); pass.withheld == nil && payment.Spec.Cashier != nil && paysByCard(payment) {
			pass.cardToken, pass.withheld = r.cardToken(ctx, payment, pass.now)
		}
	}
	if err == nil && payment.Spec.AutoDebit != nil {
		err = pass.gatherDebit(ctx)
	}
	if err == nil && pass.needsSessionSecret() {
		pass.gatherSession(ctx)
	}
	return pass, err
}

// settledForGood reports whether the payment needs the gateway no more.
func settledForGood(payment *apiv1.Payment) bool {
	switch payment.Status.State {
	case apiv1.PaymentPaid:
		return payment.Spec.DesiredState != apiv1.DesiredCancelled && !debitBeingCancelled(payment)
	case apiv1.StateFailed, apiv1.PaymentCancelled:
		return !attemptRaised(&payment.Status.OperationStatus, payment.Spec.Attempt)
	default:
		return false
	}
}

// begin brings the status up to date with spec and refunds, and makes the request that spec and intent stand for.
func (p *paymentPass) begin() {
	st := &p.payment.Status
	p.learnMethod()
	if p.captures != nil {
		p.answers.rollUpCaptures(p.captures)
	}
	if p.refunds != nil {
		p.answers.rollUp(p.refunds)
	}
	p.answers.rollUpDeclarations(p.declared)
	if p.account.account == nil {
		return
	}
	prefix := p.account.account.Spec.RequestIDPrefix
	p.orphan = orphanRefund(p.payment, p.refunds, func(r *apiv1.Refund) string {
		return shareRequestID(refunding{}, refunding{}.share(r), prefix, r.Spec.Attempt)
	})
	p.orphanCapture = orphanCapture(p.payment, p.captures, p.now, func(c *apiv1.Capture) string {
		return shareRequestID(capturing{}, capturing{}.share(c), prefix, c.Spec.Attempt)
	})
	p.orphanDeclarations = orphanDeclarations(p.payment, p.declared, prefix)
	p.id, p.intent = st.PaymentRequestID, st.Intent
	if p.intent == nil {
		p.id = p.attemptID(p.payment.Spec.Attempt)
		p.intent = newIntent(p.account.account, p.payment.Spec.Attempt, p.now)
		p.intent.SettlementCurrency = cmp.Or(p.payment.Spec.SettlementCurrency, p.intent.SettlementCurrency)
	}
	p.makeRequest()
	p.recall = p.memory.load(p.payment, p.id)
	p.recall.spreadAfterRestart(st.State == apiv1.StateProcessing || st.State == apiv1.PaymentConfirming || st.State == apiv1.PaymentAuthorized, p.intent, p.now, p.jitter)
	if p.orphanCapture != "" && p.recall.nextLook.After(p.now.Add(emptyAnswerDelay)) {
		p.recall.nextLook = p.now.Add(emptyAnswerDelay)
	}
	p.read()
	if p.payment.Spec.Session != nil && !st.State.Final() {
		p.beginSession()
	}
	p.heed(p.payment, paymentKind, &p.news, &p.recall)
	p.doubtFormer()
}

// learnMethod looks up what the payment's method can do.
func (p *paymentPass) learnMethod() {
	if p.account.account != nil {
		p.method = capabilityOf(p.account.account, cmp.Or(methodOf(p.payment), p.debit.wallet))
		p.answers.oneCapture = p.payment.Spec.CaptureMode == apiv1.ManualCapture && p.method.partialCapture && !p.method.multipleCapture
	}
}

// makeRequest makes the request that spec and intent stand for.
func (p *paymentPass) makeRequest() {
	if p.payment.Spec.Session != nil {
		if p.session.request, p.buildErr = sessionRequest(p.full, p.id, p.intent, p.requestedAt()); p.buildErr == nil {
			p.hash, p.buildErr = requestHash(p.session.request)
		}
		return
	}
	if p.payment.Spec.AutoDebit != nil {
		p.makeDebit()
		return
	}
	if p.request, p.buildErr = payRequest(p.full, p.id, p.intent, p.cardToken); p.buildErr == nil {
		p.hash, p.buildErr = requestHash(p.request)
	}
}

// attemptID is the request id of one attempt.
func (p *paymentPass) attemptID(attempt int32) string {
	if p.payment.Spec.PaymentRequestID != "" {
		return p.payment.Spec.PaymentRequestID
	}
	return deriveRequestID(p.account.account.Spec.RequestIDPrefix, paymentKind, p.payment.Namespace, p.payment.Name, attempt)
}

func (p *paymentPass) object() client.Object          { return p.payment }
func (p *paymentPass) kind() string                   { return paymentKind }
func (p *paymentPass) adopted() bool                  { return p.payment.Status.Adopted }
func (p *paymentPass) conditions() []metav1.Condition { return p.payment.Status.Conditions }
func (p *paymentPass) decide() decision               { return decidePayment(&p.paymentFacts) }
func (p *paymentPass) gateway() *gateway              { return p.account.gateway }
func (p *paymentPass) requestID() string              { return p.id }
func (p *paymentPass) remembered() *recall            { return &p.recall }

func (p *paymentPass) apply(told report) {
	st := &p.payment.Status
	st.State = apiv1.OperationState(told.state)
	st.ObservedGeneration = p.payment.Generation
	told.conditions(&st.Conditions, p.payment.Generation)
	cardCondition(p.payment, told)
	noteDisputes(p.payment, p.disputes)
}

func (p *paymentPass) intend(do action) {
	st := &p.payment.Status
	switch do {
	case actRecordIntent:
		switch {
		case p.payment.Spec.Session != nil:
			p.intendSession()
		case st.Intent == nil:
			p.keepIntent()
			st.State = apiv1.StateSubmitting
		default:
			st.Intent.ResubmittedAt = &metav1.Time{Time: p.now.Truncate(time.Second)}
			st.State, st.EmptyAnswers = apiv1.StateSubmitting, nil
			if p.payment.Spec.AutoDebit != nil {
				p.keepDebit()
			}
		}
		p.recall.unsent = true
	case actRecordCancel:
		st.CancelSubmittedAt = &metav1.Time{Time: p.now.Truncate(time.Second)}
	case actWithdrawCancel:
		st.CancelSubmittedAt = nil
	case actSettleFailed:
		p.answers.failed(st.LastResult)
	case actSettleCancelled:
		p.answers.cancelled()
	case actSettleNotified:
		p.answers.notified(p.reported.final, p.reported.finalSource)
		p.reported.finalSource.noteSettled(paymentKind, p.now)
		p.reported.final = nil
	default: // the others are no intents
	}
}

// keepIntent puts the intent into the status.
func (p *paymentPass) keepIntent() {
	p.intent.RequestSHA256 = p.hash
	p.payment.Status.Intent, p.payment.Status.PaymentRequestID = p.intent, p.id
	if p.payment.Spec.AutoDebit != nil {
		p.keepDebit()
	}
}

func (p *paymentPass) call(ctx context.Context, do action) error {
	var err error
	switch do {
	case actSubmit:
		err = p.submit(ctx)
	case actCancel:
		err = p.cancel(ctx)
	case actInquireFormer:
		err = p.inquireFormer(ctx)
	case actInquireOrphan:
		err = p.inquireOrphan(ctx)
	default:
		err = p.inquire(ctx)
	}
	p.moved = p.moved || do.movesMoney()
	p.now = p.Clock.Now()
	p.answers.now = p.now
	p.trouble = newTrouble(err)
	if do != actSubmit && do != actCancel {
		p.news.answered(p.trouble)
	}
	pending, _ := p.cancelPending()
	if asking := do == actInquire; !(asking && pending && err == nil) && !(asking && p.sessionUnanswered()) {
		p.recall.note(p.trouble) // asking before each try to cancel, or to get a session, does not make the tries succeed
	}
	return err
}

// submit sends pay, or asks for a session. What it leaves unclear, the next inquiry tells.
func (p *paymentPass) submit(ctx context.Context) error {
	if p.payment.Spec.Session != nil {
		return p.submitSession(ctx)
	}
	st := &p.payment.Status
	unsent := p.recall.unsent
	p.recall.unsent = false
	if unsent && p.payment.Spec.AutoDebit == nil { // catalogs are about buyers who are there
		p.warnDisabled(ctx, p.payment)
	}
	answer, err := p.gateway().client.Pay(ctx, p.request)
	switch classify(err) {
	case settled:
		p.answers.pay(answer)
	case notSent:
		p.recall.unsent = unsent
	case unknown:
		st.State = apiv1.StateUnknown
	case refused, notFound:
		err = p.refused(err)
	case refusedIdentity:
	}
	return err
}

// refused notes a verified refusal of pay; an inquiry confirms it.
func (p *paymentPass) refused(err error) error {
	result := p.answers.withoutText(refusal(err))
	p.payment.Status.LastResult = result
	if result.ResultCode == alipay.CodeRepeatReqInconsistent && p.payment.Spec.AutoDebit == nil {
		p.payment.Status.Conflict = conflictOver(p.id) // of a debit the token may be what differs: the inquiry tells
	}
	return &refusedError{err}
}

// inquire asks what became of the request id.
func (p *paymentPass) inquire(ctx context.Context) error {
	st := &p.payment.Status
	p.asked = true
	counted := st.EmptyAnswers
	answer, err := p.gateway().client.InquiryPayment(ctx, p.inquiryFor(p.id))
	if err == nil || p.emptyAnswerCounts() {
		st.EmptyAnswers = countEmpty(st.EmptyAnswers, p.id, newTrouble(err), p.Clock.Now())
	}
	if p.stillOpen(err) {
		st.EmptyAnswers = nil
		return nil
	}
	if p.debitRuns(err) {
		st.EmptyAnswers = nil
		p.answers.open(apiv1.StateProcessing)
		return nil
	}
	if err != nil {
		if p.news.contradicted && emptyCount(st.EmptyAnswers, p.id) >= emptyAnswers {
			st.Conflict, st.EmptyAnswers, p.news.explained = announcedUnknown("payment"), nil, true
		}
		p.doubtRepeated()
		return err
	}
	if st.Intent == nil {
		p.keepIntent() // a former life of this object has submitted it
		st.Adopted = true
	}
	p.addAnnounced(answer)
	usable := p.answers.inquiry(answer)
	p.learnMethod() // of a session it may be known only now
	if !usable {
		return errUnusable
	}
	p.forgetUnlisted(counted)
	return nil
}

func (p *paymentPass) inquiryFor(id string) *alipay.InquiryPaymentRequest {
	return &alipay.InquiryPaymentRequest{PaymentRequestID: id, MerchantAccountID: p.payment.Spec.MerchantAccountID}
}

// inquireFormer asks about the first attempt that is not yet known to have ended.
func (p *paymentPass) inquireFormer(ctx context.Context) error {
	st := &p.payment.Status
	id := p.attemptID(st.EndedAttempts + 1)
	answer, err := p.gateway().client.InquiryPayment(ctx, p.inquiryFor(id))
	if err == nil || p.emptyAnswerCounts() {
		st.EmptyAnswers = countEmpty(st.EmptyAnswers, id, newTrouble(err), p.Clock.Now())
	}
	switch {
	case err != nil && emptyCount(st.EmptyAnswers, id) < emptyAnswers:
		return err
	case err == nil && movedMoney(answer):
		p.formerOpen = true
		return nil
	default:
		st.EndedAttempts, st.EmptyAnswers = st.EndedAttempts+1, nil
		return nil
	}
}

// cancel closes the order, or gives the money back. The gateway cancels an order once however often it is asked.
func (p *paymentPass) cancel(ctx context.Context) error {
	st := &p.payment.Status
	_, err := p.gateway().client.Cancel(ctx, &alipay.CancelRequest{
		PaymentID: st.PaymentID, PaymentRequestID: p.id, MerchantAccountID: p.payment.Spec.MerchantAccountID,
	})
	switch classify(err) {
	case settled:
		p.answers.cancelled()
	case refused:
		if result := refusal(err); !retriedCancelRefusals[result.ResultCode] {
			st.CancelResult = p.answers.withoutText(result)
		}
	default: // nothing is proven: the error decides when to ask again
	}
	return err
}

// retriedCancelRefusals may be answered otherwise later (https://docs.antom.com/ac/ams/paymentc_online): the state may have changed, or
// the merchant must top up the balance from which the money goes back.
var retriedCancelRefusals = map[string]bool{
	alipay.CodeOrderStatusInvalid: true, alipay.CodeSystemError: true, alipay.CodeMerchantBalanceNotEnough: true,
}

// SetupWithManager watches payments, and what a payment waits for: its account, its agreement and its refunds.
func (r *PaymentReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&apiv1.Payment{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, envelopesChanged))).
		Watches(&apiv1.MerchantAccount{}, handler.EnqueueRequestsFromMapFunc(r.paymentsOfAccount)).
		Watches(&apiv1.AutoDebitAgreement{}, handler.EnqueueRequestsFromMapFunc(r.paymentsOfAgreement)).
		Watches(&apiv1.Refund{}, handler.EnqueueRequestsFromMapFunc(paymentOf(refunding{}))).
		Watches(&apiv1.Capture{}, handler.EnqueueRequestsFromMapFunc(paymentOf(capturing{}))).
		Watches(&apiv1.Dispute{}, handler.EnqueueRequestsFromMapFunc(paymentOfDispute)).
		Watches(&apiv1.CustomsDeclaration{}, handler.EnqueueRequestsFromMapFunc(paymentOf(declaring{}))).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// paymentsOfAccount finds the payments that are not settled.
func (r *PaymentReconciler) paymentsOfAccount(ctx context.Context, account client.Object) []ctrl.Request {
	list := &apiv1.PaymentList{}
	return requestsFor(ctx, r.Client, list, account, openPaymentAccountIndex)
}

func paymentOf(kind shareKind) handler.MapFunc {
	return func(_ context.Context, obj client.Object) []ctrl.Request {
		return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: kind.share(obj).paymentName}}}
	}
}
