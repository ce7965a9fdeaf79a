package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// reconcileShare moves one refund or capture towards the outcome that the gateway reports for it.
func (l *Lifecycle) reconcileShare(ctx context.Context, kind shareKind, req ctrl.Request) (ctrl.Result, error) {
	obj := kind.newObject()
	if err := l.open(ctx, req.NamespacedName, obj); err != nil {
		if apierrors.IsNotFound(err) {
			l.gone(kind.name(), req.NamespacedName)
		}
		return staleOr(err, "reading")
	}
	saver := newStatusSaver(l, obj)
	if s := kind.share(obj); attemptRaised(s.status, s.attempt) {
		kind.startOver(obj)
	}
	pass, err := l.gatherShare(ctx, kind, obj)
	if err != nil {
		return ctrl.Result{}, err
	}
	return l.run(ctx, saver, pass)
}

// sharePass is one pass over one refund or capture: what was gathered, and how to act on it.
type sharePass struct {
	shareFacts
	*Lifecycle
	intent *apiv1.Intent
	// paymentID is that of the request, and body what is sent.
	paymentID string
	body      any
}

// gatherShare reads what the decision needs: of a settled one nothing.
func (l *Lifecycle) gatherShare(ctx context.Context, kind shareKind, obj client.Object) (*sharePass, error) {
	pass := &sharePass{Lifecycle: l}
	pass.rules, pass.share = kind, kind.share(obj)
	pass.now, pass.jitter = l.moment(obj)
	settled := pass.status.State.Final() && !needsNews(kind, pass.share, obj)
	if settled && pass.ttl == nil {
		return pass, nil
	}
	account := ""
	payment := &apiv1.Payment{}
	switch err := l.Get(ctx, types.NamespacedName{Namespace: obj.GetNamespace(), Name: pass.paymentName}, payment); {
	case err == nil:
		pass.payment, account = payment, payment.Spec.MerchantAccountRef.Name
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("reading Payment: %w", err)
	}
	if pass.status.Intent != nil {
		account = pass.status.Intent.MerchantAccount
	}
	if account == "" || settled {
		return pass, nil
	}
	if err := kind.gather(ctx, l.Client, &pass.shareFacts); err != nil {
		return nil, err
	}
	var err error
	pass.account, err = l.Gateways.account(ctx, l.Client, types.NamespacedName{Namespace: obj.GetNamespace(), Name: account})
	if err == nil && pass.account.account != nil {
		pass.news, err = l.hear(ctx, obj, pass.account.account, pass.concerns)
	}
	return pass, err
}

// reserve notes in the payment what this object takes of it, in a write that fails if another one did so first. It stays noted, also
// when this object is deleted, until the gateway has refused it.
func (p *sharePass) reserve(ctx context.Context) error {
	payment := &apiv1.Payment{}
	if err := p.Live.Get(ctx, client.ObjectKeyFromObject(p.payment), payment); err != nil {
		return err
	}
	if payment.Status.PaymentID != p.paymentID {
		return apierrors.NewConflict(schema.GroupResource{Group: apiv1.GroupName, Resource: "payments"}, payment.Name, errors.New("it has another order at the gateway now"))
	}
	p.payment = payment
	if p.unpayable() != nil || p.refused() != nil {
		return nil // the next decision says so
	}
	base := payment.DeepCopy()
	p.rules.reserve(&p.shareFacts, payment)
	return p.Status().Patch(ctx, payment, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
}

// begin brings the status up to date with the spec, and makes the request that spec and intent stand for.
func (p *sharePass) begin() {
	st := p.status
	p.measure()
	if p.account.account == nil {
		return
	}
	p.id, p.intent, p.paymentID = *p.statusRequestID, st.Intent, *p.statusPaymentID
	if p.intent == nil {
		for attempt := int32(1); attempt <= st.EndedAttempts; attempt++ {
			p.former = append(p.former, p.attemptID(attempt))
		}
		p.later = p.laterAttempt()
		p.method = capabilityOf(p.account.account, methodOf(p.payment))
		p.id, p.paymentID = p.attemptID(p.attempt), p.payment.Status.PaymentID
		p.intent = newIntent(p.account.account, p.attempt, p.now)
		p.intent.SettlementCurrency = "" // the request names none
	}
	p.makeRequest()
	p.recall = p.memory.load(p.obj, p.id)
	open := st.State == apiv1.StateProcessing || st.State == apiv1.DeclarationUndetermined
	if pace := p.rules.pace(&p.shareFacts); pace != nil {
		p.recall.spreadAtPace(open, pace, p.intent, p.now, p.jitter)
	} else {
		p.recall.spreadAfterRestart(open, p.intent, p.now, p.jitter)
	}
	p.heedOverheard()
	p.read()
	p.heed(p.obj, p.kind(), &p.news, &p.recall)
	p.doubtFormer()
}

// measure finds out what is taken of the payment.
func (p *sharePass) measure() {
	switch {
	case p.wanted != nil:
		p.quantity = *p.wanted
	case *p.statusAmount != nil:
		p.quantity = **p.statusAmount
	case p.payment != nil:
		p.quantity = p.rules.whole(&p.shareFacts)
	}
}

// makeRequest makes the request that spec and intent stand for.
func (p *sharePass) makeRequest() {
	if p.body, p.buildErr = p.rules.request(&p.shareFacts, p.paymentID, p.intent); p.buildErr == nil {
		p.hash, p.buildErr = requestHash(p.body)
	}
}

// askPayment asks the gateway what the payment does not say, and makes the request anew with it.
func (p *sharePass) askPayment(ctx context.Context) error {
	err := p.rules.askPayment(ctx, p.gateway().client, &p.shareFacts)
	p.measure()
	p.makeRequest()
	return err
}

// laterAttempt is an attempt of this manifest after the present one that the payment knows of, or 0.
func (p *sharePass) laterAttempt() int32 {
	notes := p.rules.notes(p.payment)
	if p.explicitID != "" || len(notes) == 0 {
		return 0
	}
	for attempt := p.attempt + 1; attempt <= mostAttempts; attempt++ {
		id := p.attemptID(attempt)
		if slices.ContainsFunc(notes, func(n shareNote) bool { return n.requestID == id }) {
			return attempt
		}
	}
	return 0
}

func (p *sharePass) object() client.Object          { return p.obj }
func (p *sharePass) kind() string                   { return p.rules.name() }
func (p *sharePass) adopted() bool                  { return p.status.Adopted }
func (p *sharePass) conditions() []metav1.Condition { return p.status.Conditions }
func (p *sharePass) decide() decision               { return decideShare(&p.shareFacts) }
func (p *sharePass) gateway() *gateway              { return p.account.gateway }
func (p *sharePass) requestID() string              { return p.id }
func (p *sharePass) remembered() *recall            { return &p.recall }

func (p *sharePass) recordedAnswer() {
	p.facts.recordedAnswer()
	p.rules.recorded(&p.shareFacts)
}

func (p *sharePass) apply(told report) {
	p.status.State = apiv1.OperationState(told.state)
	p.status.ObservedGeneration = p.obj.GetGeneration()
	told.conditions(&p.status.Conditions, p.obj.GetGeneration())
}

func (p *sharePass) intend(do action) {
	st := p.status
	switch do {
	case actRecordIntent:
		if st.Intent == nil {
			p.intent.RequestSHA256 = p.hash
			st.Intent, st.State = p.intent, apiv1.StateSubmitting
			*p.statusRequestID, *p.statusPaymentID, *p.statusAmount = p.id, p.paymentID, &p.quantity
			p.rules.pin(&p.shareFacts)
		} else {
			st.Intent.ResubmittedAt = &metav1.Time{Time: p.now.Truncate(time.Second)}
			st.State, st.EmptyAnswers = apiv1.StateSubmitting, nil
		}
		p.recall.unsent = true
	case actSettleFailed:
		p.endWithout(apiv1.StateFailed, st.LastResult)
	case actSettleNotified:
		st.EmptyAnswers = nil
		p.take(p.reported.final)
		p.reported.finalSource.noteSettled(p.kind(), p.now)
		p.reported.final = nil
	default: // the others are no intents
	}
}

func (p *sharePass) call(ctx context.Context, do action) error {
	var err error
	switch do {
	case actSubmit:
		err = p.submit(ctx)
	case actInquireFormer:
		err = p.inquireFormer(ctx)
	case actInquirePayment:
		err = p.askPayment(ctx)
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

// watchShares watches a kind, and what its objects wait for: their payment, in which their siblings are noted, and its account.
func (l *Lifecycle) watchShares(mgr ctrl.Manager, kind shareKind, workers int) *builder.Builder {
	return ctrl.NewControllerManagedBy(mgr).
		For(kind.newObject(), builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, envelopesChanged))).
		Watches(&apiv1.Payment{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, payment client.Object) []ctrl.Request {
			return requestsFor(ctx, l.Client, kind.newList(), payment, openSharePaymentIndex)
		})).
		Watches(&apiv1.MerchantAccount{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, account client.Object) []ctrl.Request {
			of := &apiv1.MerchantAccount{ObjectMeta: metav1.ObjectMeta{Namespace: account.GetNamespace(), Name: anyPayment}}
			return requestsFor(ctx, l.Client, kind.newList(), of, openSharePaymentIndex)
		})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers})
}
