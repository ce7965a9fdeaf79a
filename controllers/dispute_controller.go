package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

const disputeKind = "Dispute"

// DisputeReconciler keeps what was announced of each Dispute, and sends its answer once.
type DisputeReconciler struct {
	*Lifecycle
}

// The notification receiver creates disputes.
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=disputes,verbs=create;get;list;watch;patch
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=disputes/status,verbs=patch

// Reconcile brings one Dispute up to date.
func (r *DisputeReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	dispute := &apiv1.Dispute{}
	if err := r.open(ctx, req.NamespacedName, dispute); err != nil {
		if apierrors.IsNotFound(err) {
			r.gone(disputeKind, req.NamespacedName)
			openDisputes.drop(req.NamespacedName)
		}
		return staleOr(err, "reading")
	}
	saver := newStatusSaver(r.Lifecycle, dispute)
	pass, err := r.gather(ctx, dispute)
	if err != nil {
		return ctrl.Result{}, err
	}
	result, err := r.run(ctx, saver, pass)
	if err != nil || saver.changed() || !dispute.DeletionTimestamp.IsZero() {
		return result, err
	}
	if again, err := staleOr(pass.tidy(ctx), "tidying up notifications"); err != nil || again.RequeueAfter > 0 {
		return again, err
	}
	return result, nil
}

// disputePass is one pass over one dispute.
type disputePass struct {
	disputeFacts
	*Lifecycle
	// payment is the one that is disputed, where this namespace has it.
	payment *apiv1.Payment
	answer  *answer
	// stored is the hash of each notification that an annotation holds, by the annotation's name.
	stored map[string]string
	before disputeLandmarks
	// proposal is the newest defence that notifications propose which are not on record.
	proposal *apiv1.DefenseProposal
}

// disputeLandmarks are what people are told of when it changes, besides the landmarks of every kind.
type disputeLandmarks struct {
	due                    string
	outcome, formerOutcome apiv1.DisputeState
	unreadable             int
	takes                  bool
	proposal               *apiv1.DefenseProposal
}

func (r *DisputeReconciler) gather(ctx context.Context, dispute *apiv1.Dispute) (*disputePass, error) {
	st := &dispute.Status
	pass := &disputePass{Lifecycle: r.Lifecycle, stored: map[string]string{}}
	pass.dispute = dispute
	pass.now, pass.jitter = r.moment(dispute)
	pass.before = disputeLandmarks{outcome: st.Outcome, formerOutcome: st.FormerOutcome, unreadable: unreadable(st.History), takes: st.Payment != "" && takesMoney(dispute),
		proposal: st.DefenseProposal}
	if due := meta.FindStatusCondition(st.Conditions, apiv1.DefenseDueCondition); due != nil {
		pass.before.due = due.Reason
	}
	pass.notes = slices.Clone(st.History)
	var err error
	key := types.NamespacedName{Namespace: dispute.Namespace, Name: dispute.Spec.MerchantAccountRef.Name}
	if pass.account, err = r.Gateways.account(ctx, r.Client, key); err != nil {
		return nil, err
	}
	if pass.account.account != nil {
		if err := pass.listen(ctx); err != nil {
			return nil, err
		}
	}
	st.DisputeFacts = factsOf(pass.notes)
	if pass.payment, err = r.disputedPayment(ctx, dispute); err != nil {
		return nil, err
	}
	pass.readAnswer(ctx)
	return pass, nil
}

// listen takes in the notifications that are not on record. What is on record was verified when it came, whatever keys the account has now.
func (p *disputePass) listen(ctx context.Context) error {
	p.news.digest = digestOf(p.dispute)
	heard := 0
	for _, name := range envelopes(p.dispute) {
		if envelope, err := notification.Parse(p.dispute.Annotations[name]); err == nil && envelope.Body != "" && hasNote(p.notes, bodySHA256([]byte(envelope.Body))) {
			p.stored[name] = bodySHA256([]byte(envelope.Body))
			continue
		}
		if heard++; heard > mostHeard {
			break
		}
		verified, err := p.verify(ctx, p.dispute, name, p.account.account)
		if errors.Is(err, errNotAsked) {
			return err
		}
		if err == nil && verified.subject.DisputeID != p.dispute.Spec.DisputeID {
			err = errors.New("it is about something else")
		}
		if err != nil {
			if p.news.rejected == "" {
				p.news.rejected, p.news.whyRejected = name, err.Error()
			}
			continue
		}
		note, proposal := noteOf(&verified)
		p.proposal = newerProposal(p.proposal, proposal)
		p.stored[name] = note.SHA256
		if !hasNote(p.notes, note.SHA256) {
			p.notes = append(p.notes, note)
		}
	}
	return nil
}

// begin brings the status up to date with what was announced.
func (p *disputePass) begin() {
	st := &p.dispute.Status
	st.History = addNotes(st.History, p.notes)
	st.FormerOutcome = formerOutcome(judgements(p.notes))
	st.DefenseProposal = newerProposal(st.DefenseProposal, p.proposal)
	if p.payment != nil {
		st.Payment = p.payment.Name
	}
	if sent := st.Response; st.DisputeAcceptReason == "MERCHANT_ACCEPTED" && sent != nil && sent.Result == apiv1.ResponseUnanswered && sent.Action == string(apiv1.AcceptDispute) {
		sent.Result = apiv1.ResponseTaken
	}
	p.id = fmt.Sprintf("%s %d", p.dispute.Spec.DisputeID, p.attempt())
	p.recall = p.memory.load(p.dispute, p.id)
	p.heed(p.dispute, disputeKind, &p.news, &p.recall)
}

// attempt is that of the answer that is wanted or on its way, or 0.
func (p *disputePass) attempt() int32 {
	switch {
	case p.wanted():
		return p.dispute.Spec.Response.Attempt
	case p.dispute.Status.Response != nil:
		return p.dispute.Status.Response.Intent.Attempt
	default:
		return 0
	}
}

func (p *disputePass) object() client.Object          { return p.dispute }
func (p *disputePass) kind() string                   { return disputeKind }
func (p *disputePass) adopted() bool                  { return false }
func (p *disputePass) conditions() []metav1.Condition { return p.dispute.Status.Conditions }
func (p *disputePass) decide() decision               { return decideDispute(&p.disputeFacts) }
func (p *disputePass) gateway() *gateway              { return p.account.gateway }
func (p *disputePass) requestID() string              { return p.id }
func (p *disputePass) remembered() *recall            { return &p.recall }

// reserve is for refunds and captures; a dispute takes nothing of another object.
func (p *disputePass) reserve(context.Context) error { return nil }

func (p *disputePass) apply(told report) {
	st := &p.dispute.Status
	st.State, st.Outcome = apiv1.DisputeState(told.state), ""
	if st.State.Final() {
		st.Outcome = st.State
	}
	st.ObservedGeneration = p.dispute.Generation
	told.conditions(&st.Conditions, p.dispute.Generation)
	meta.SetStatusCondition(&st.Conditions, resolvedCondition(st.State, told.message, p.dispute.Generation))
	dueCondition(p.dispute, p.now)
}

// recordedAnswer tells of what is new on record, once.
func (p *disputePass) recordedAnswer() {
	st := &p.dispute.Status
	openDisputes.note(p.dispute, p.now)
	p.warnDue()
	p.tellProposal()
	before := p.before
	p.before.outcome, p.before.formerOutcome, p.before.unreadable = st.Outcome, st.FormerOutcome, unreadable(st.History)
	if st.FormerOutcome != "" && (st.FormerOutcome != before.formerOutcome || st.Outcome != before.outcome) {
		p.Events.Eventf(p.dispute, nil, "Warning", apiv1.JudgementChangedReason, "Reconcile",
			"The dispute was judged %s and later %s: money may have moved again, check the settlement.", st.FormerOutcome, st.Outcome)
	}
	if p.before.unreadable > before.unreadable {
		p.Events.Eventf(p.dispute, nil, "Warning", apiv1.NotificationUnreadableReason, "Reconcile",
			"The gateway has announced something in a form that is not documented: read it in the object's annotations, and look in the dashboard.")
	}
	if p.before.takes = p.payment != nil && takesMoney(p.dispute); p.before.takes && !before.takes {
		p.Events.Eventf(p.payment, p.dispute, "Warning", apiv1.PaymentDisputedReason, "Reconcile",
			"Dispute %q is about this payment: a refund would pay the buyer twice if the dispute is lost as well.", p.dispute.Name)
	}
}

func unreadable(notes []apiv1.DisputeNotification) int {
	n := 0
	for i := range notes {
		if notes[i].Unreadable {
			n++
		}
	}
	return n
}

// SetupWithManager watches disputes, and what they wait for: their account, and the payment that they are about.
func (r *DisputeReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	newID := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.(*apiv1.Payment).Status.PaymentRequestID != e.ObjectNew.(*apiv1.Payment).Status.PaymentRequestID
	}}
	return ctrl.NewControllerManagedBy(mgr).
		For(&apiv1.Dispute{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, envelopesChanged))).
		Watches(&apiv1.MerchantAccount{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, account client.Object) []ctrl.Request {
			return requestsFor(ctx, r.Client, &apiv1.DisputeList{}, account, disputeAccountIndex)
		})).
		Watches(&apiv1.Payment{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, payment client.Object) []ctrl.Request {
			of := &apiv1.Payment{}
			of.Namespace, of.Name = payment.GetNamespace(), payment.(*apiv1.Payment).Status.PaymentRequestID
			return requestsFor(ctx, r.Client, &apiv1.DisputeList{}, of, disputeRequestIDIndex)
		}), builder.WithPredicates(newID)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// storedAtMost is how many notifications stay in annotations: as many as leave the receiver room for others. There they are as the gateway has
// signed them, and survive a backup that has no status.
const (
	storedAtMost  = 24
	storedAtLeast = 16
)

// tidy sets the labels, and takes away annotations whose notifications are on record, the oldest first, when there are many.
func (p *disputePass) tidy(ctx context.Context) error {
	base := p.dispute.DeepCopy()
	changed := labelDispute(p.dispute)
	if surplus := len(envelopes(p.dispute)) - storedAtLeast; surplus > storedAtMost-storedAtLeast {
		for _, note := range p.dispute.Status.History {
			for name, hash := range p.stored {
				if hash == note.SHA256 && !note.Unreadable && surplus > 0 {
					delete(p.dispute.Annotations, name)
					surplus--
					changed = true
				}
			}
		}
	}
	if !changed {
		return nil
	}
	return client.IgnoreNotFound(p.Patch(ctx, p.dispute, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})))
}
