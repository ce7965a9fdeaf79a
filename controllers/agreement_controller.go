package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const agreementKind = "AutoDebitAgreement"

// AgreementReconciler gets each AutoDebitAgreement its token, and keeps it alive or revokes it.
type AgreementReconciler struct {
	*Lifecycle
	// unstored are answers of the gateway that are not in a Secret yet, because the API server did not take them. A restart loses them.
	unstored sync.Map
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=autodebitagreements,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=autodebitagreements/status,verbs=patch

// Reconcile moves one agreement towards a token that can be debited, or towards its end.
func (r *AgreementReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	agreement := &apiv1.AutoDebitAgreement{}
	if err := r.open(ctx, req.NamespacedName, agreement); err != nil {
		if apierrors.IsNotFound(err) {
			r.gone(agreementKind, req.NamespacedName)
			tokenLives.forget(req.NamespacedName)
		}
		return staleOr(err, "reading")
	}
	if err := r.refresh(ctx, agreement); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	pass, err := r.gather(ctx, agreement)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.matchFinalizer(ctx, pass); err != nil {
		return staleOr(err, "setting finalizer")
	}
	pass.saver = newStatusSaver(r.Lifecycle, agreement)
	return r.run(ctx, pass.saver, pass)
}

// refresh replaces a copy out of the cache by the newest one where something is to be done. The Secret is read past the cache and written without
// the agreement's resourceVersion, and an answer that it does not hold yet is thrown away once the agreement has gone on: both want the newest status.
func (r *AgreementReconciler) refresh(ctx context.Context, agreement *apiv1.AutoDebitAgreement) error {
	if _, held := r.unstored.Load(agreement.UID); !held && r.quiet(agreement, r.Clock.Now()) {
		return nil
	}
	newest := &apiv1.AutoDebitAgreement{}
	switch err := r.Live.Get(ctx, client.ObjectKeyFromObject(agreement), newest); {
	case apierrors.IsNotFound(err):
		return err
	case err != nil:
		return fmt.Errorf("reading the newest AutoDebitAgreement: %w", err)
	}
	newest.DeepCopyInto(agreement)
	return nil
}

// matchFinalizer holds exactly the agreements whose token, or the code of one, would outlive them. It holds them before the code is exchanged.
func (r *AgreementReconciler) matchFinalizer(ctx context.Context, p *agreementPass) error {
	agreement := p.agreement
	held := controllerutil.ContainsFinalizer(agreement, apiv1.AgreementFinalizer)
	wanted := p.ownsSecret() && (p.mayBeDebited() || p.code != "" || agreement.Status.State.Final() && agreement.Status.TokenSecretName != "")
	if p.idle || !agreement.DeletionTimestamp.IsZero() || wanted == held || held && (p.tokens.there && p.tokens.owned != p.ownsSecret() || p.secretFound != nil) {
		return nil
	}
	return r.setFinalizers(ctx, agreement, wanted, apiv1.AgreementFinalizer)
}

// agreementPass is one pass over one agreement: what was gathered, and how to act on it.
type agreementPass struct {
	agreementFacts
	*Lifecycle
	reconciler *AgreementReconciler
	saver      *statusSaver
	// secret is the token Secret as it was read or written last; nil while there is none. It holds credentials.
	secret *corev1.Secret
	// codes are the codes that were delivered for the consent at hand, and announcedToken a token that was.
	codes          []deliveredCode
	announcedToken *givenTokens
	// canceledTokens are the hashes of the tokens whose end the gateway has announced.
	canceledTokens []string
	// events wait until what they tell is on record.
	events []agreementEvent
}

type agreementEvent struct{ kind, reason, message string }

// gather reads what the decision needs: of an agreement whose token is not due for anything, nothing.
func (r *AgreementReconciler) gather(ctx context.Context, agreement *apiv1.AutoDebitAgreement) (*agreementPass, error) {
	pass := &agreementPass{Lifecycle: r.Lifecycle, reconciler: r}
	pass.agreement = agreement
	pass.now, pass.jitter = r.moment(agreement)
	pass.tryOver = tryFresh + 2*r.Gateways.Timeout
	st := &agreement.Status
	if given, held := r.unstored.Load(agreement.UID); held {
		if pass.pending = st.Step != nil && st.Step.CredentialSHA256 == given.(*givenTokens).credential; !pass.pending {
			r.unstored.Delete(agreement.UID) // the agreement has gone on without it
		}
	}
	if !pass.pending && r.quiet(agreement, pass.now) {
		pass.idle = true
		return pass, nil
	}
	var err error
	key := types.NamespacedName{Namespace: agreement.Namespace, Name: agreement.Spec.MerchantAccountRef.Name}
	if pass.account, err = r.Gateways.account(ctx, r.Client, key); err != nil {
		return nil, err
	}
	pass.secret, pass.secretFound = r.tokenSecret(ctx, agreement, pass.clientID())
	pass.tokens = readTokens(pass.secret, agreement)
	if pass.account.account == nil {
		return pass, nil
	}
	if pass.news, err = r.hear(ctx, agreement, pass.account.account, concernsAgreement); err != nil {
		return nil, err
	}
	pass.readNews()
	if st.AuthStateSHA256 != "" && pass.tokens.access == "" && !st.State.Final() {
		if err := pass.readCodes(ctx); err != nil {
			return nil, err
		}
	}
	return pass, nil
}

// quiet reports whether nothing is to be done about an agreement, as far as its own record tells.
func (r *AgreementReconciler) quiet(agreement *apiv1.AutoDebitAgreement, now time.Time) bool {
	st := &agreement.Status
	held := controllerutil.ContainsFinalizer(agreement, apiv1.AgreementFinalizer)
	if !agreement.DeletionTimestamp.IsZero() || st.ObservedGeneration != agreement.Generation || agreement.Spec.Attempt > st.Attempt && st.State != apiv1.AgreementActive {
		return false
	}
	if st.State.Final() {
		late := st.RevokedBy == apiv1.EndedByMerchant && st.AccessTokenSHA256 == "" && len(envelopes(agreement)) > 0
		return st.TokenSecretName == "" && !held && !late
	}
	due := st.RenewalTime != nil && !now.Before(st.RenewalTime.Time) || st.AccessTokenExpiryTime != nil && !now.Before(st.AccessTokenExpiryTime.Time)
	return st.State == apiv1.AgreementActive && st.Step == nil && !due && st.RejectedTokenSHA256 != st.AccessTokenSHA256 &&
		agreement.Spec.DesiredState != apiv1.DesiredRevoked && held == (agreement.Spec.DeletionPolicy != apiv1.RetainAgreement) &&
		!slices.ContainsFunc(envelopes(agreement), mayTellOfEnd)
}

// begin brings the status up to date with spec and Secret.
func (p *agreementPass) begin() {
	st, spec := &p.agreement.Status, &p.agreement.Spec
	if p.idle {
		return
	}
	p.setEndedAside()
	p.adoptTokens()
	lost := st.AccessTokenSHA256 != "" && p.tokens.access != st.AccessTokenSHA256
	unused := p.tokens.access == "" && st.Step == nil && !p.pending && p.created == ""
	if spec.Attempt > st.Attempt && st.Attempt > 0 && (st.State.Final() || lost && p.secretFound == nil || unused) {
		p.startOver()
	}
	if st.State == apiv1.AgreementRevoked && st.AccessTokenSHA256 == "" && p.created != "" && spec.DesiredState == apiv1.DesiredRevoked {
		st.State, st.RevokedBy, st.FinishedAt = apiv1.AgreementRevoking, "", nil // a token has come that nobody wants any more
	}
	if st.Attempt == 0 {
		st.Attempt = spec.Attempt
	}
	schedule(p.agreement)
	if p.account.account != nil && p.tokens.access == "" {
		_, p.buildErr = consultAuthorizationRequest(p.agreement, p.account.account, "")
	}
	p.recall = p.memory.load(p.agreement, p.requestID())
	p.heed(p.agreement, agreementKind, &p.news, &p.recall)
}

// setEndedAside leaves out what the Secret still holds of a consent that was given up: the status says so before the Secret is written again. That
// its token has ended is no news.
func (p *agreementPass) setEndedAside() {
	if st := &p.agreement.Status; st.AccessTokenSHA256 == "" && st.EndedAuthStateSHA256 != "" && p.tokens.authState == st.EndedAuthStateSHA256 {
		p.tokens.access, p.tokens.refresh, p.tokens.authCode = "", "", ""
		p.heedEnds()
	}
}

// startOver empties the status for a new attempt. Its consent needs an authState that was never used.
func (p *agreementPass) startOver() {
	st := &p.agreement.Status
	ended := st.AuthStateSHA256
	if ended == "" {
		ended = st.EndedAuthStateSHA256
	}
	*st = apiv1.AutoDebitAgreementStatus{
		Conditions: st.Conditions, ObservedGeneration: st.ObservedGeneration, Attempt: p.agreement.Spec.Attempt,
		EndedAuthStateSHA256: ended, TokenSecretName: st.TokenSecretName,
	}
	p.codes, p.code, p.codeFound = nil, "", nil
	p.canceled = false                              // what was announced is the end of the attempt before
	p.tokens.access, p.tokens.authState = "", ended // of the attempt before, until the Secret is written again
}

func (p *agreementPass) object() client.Object          { return p.agreement }
func (p *agreementPass) kind() string                   { return agreementKind }
func (p *agreementPass) adopted() bool                  { return false }
func (p *agreementPass) conditions() []metav1.Condition { return p.agreement.Status.Conditions }
func (p *agreementPass) decide() decision               { return decideAgreement(&p.agreementFacts) }
func (p *agreementPass) gateway() *gateway              { return p.account.gateway }
func (p *agreementPass) remembered() *recall            { return &p.recall }

// requestID names the consent at hand; the gateway gives it no id.
func (p *agreementPass) requestID() string {
	return fmt.Sprintf("attempt %d, consent %d", p.agreement.Status.Attempt, p.agreement.Status.Consents)
}

func (p *agreementPass) apply(told report) {
	st := &p.agreement.Status
	st.State = apiv1.AgreementState(told.state)
	st.ObservedGeneration = p.agreement.Generation
	told.conditions(&st.Conditions, p.agreement.Generation)
	if failing := p.renewalFailing(); p.failingCondition() {
		p.tell("Warning", failing.reason, failing.message)
	}
}

// tell keeps an event until what it tells is on record.
func (p *agreementPass) tell(kind, reason, message string) {
	told := agreementEvent{kind, reason, message}
	if !slices.Contains(p.events, told) {
		p.events = append(p.events, told)
	}
}

func (p *agreementPass) recordedAnswer() {
	p.facts.recordedAnswer()
	for _, told := range p.events {
		p.Events.Eventf(p.agreement, nil, told.kind, told.reason, "Reconcile", "%s", told.message)
	}
	p.events = nil
	tokenLives.note(p.agreement)
}

// intend writes into the status what the action is about to do, or what it has found to be settled.
func (p *agreementPass) intend(do action) {
	switch do {
	case actRecordIntent:
		if p.tokens.access == "" && p.agreement.Status.AuthStateSHA256 == "" {
			p.intendConsult()
		} else {
			p.intendStep()
		}
	case actSettleCancelled:
		p.end(apiv1.AgreementRevoked, apiv1.EndedByMerchant)
	case actSettleNotified:
		by := apiv1.EndedByBuyer
		if step := p.agreement.Status.Step; step != nil && step.Kind == apiv1.AgreementRevocation {
			by = apiv1.EndedByMerchant
		}
		p.end(apiv1.AgreementRevoked, by)
		p.canceled = false
	case actSettleFailed:
		switch {
		case p.tokens.access == "":
			p.loseConsent()
		case p.rejected():
			p.end(apiv1.AgreementRevoked, apiv1.EndedByWallet)
		default:
			p.end(apiv1.AgreementExpired, "")
		}
	default: // the others are no intents
	}
}

// intendConsult records which authState binds the answer of the buyer who is about to be asked.
func (p *agreementPass) intendConsult() {
	st := &p.agreement.Status
	st.AuthStateSHA256, st.Consents = p.tokens.authState, st.Consents+1
	st.ClientID, st.GatewayURL = p.account.account.Spec.ClientID, gatewayURL(p.account.account)
	p.recall = recall{heeded: p.recall.heeded, rejected: p.recall.rejected}
}

// intendStep records one more try of the step at hand, or the first try of the next.
func (p *agreementPass) intendStep() {
	st := &p.agreement.Status
	now := metav1.Time{Time: p.now.Truncate(time.Second)}
	if p.replaced(st.Step) {
		kind := p.nextStep()
		st.Step = &apiv1.AgreementStep{
			Kind: kind, StartedAt: now, CredentialSHA256: p.credentialOf(kind),
			Announced: kind == apiv1.AgreementExchange && p.code == p.tokens.authCode && p.announced,
		}
	} else if !p.recall.ended.Equal(st.Step.TriedAt.Time) {
		st.Step.Unanswered = true // nobody here knows what became of that try
	}
	st.Step.TriedAt, st.Step.Tries = now, st.Step.Tries+1
	p.trouble, p.recall.unsent, p.recall.nextLook = nil, true, time.Time{}
}

// end settles the agreement.
func (p *agreementPass) end(state apiv1.AgreementState, by apiv1.AgreementEnder) {
	st := &p.agreement.Status
	st.State, st.RevokedBy, st.FinishedAt = state, by, &metav1.Time{Time: p.now.Truncate(time.Second)}
	st.Step, st.Authorization, st.RenewalTime, st.Renewable, p.trouble = nil, nil, nil, false, nil
	if state == apiv1.AgreementRevoked {
		st.AccessTokenExpiryTime, st.RefreshTokenExpiryTime = nil, nil // they did not live so long
	}
}

// loseConsent gives a consent up whose token nobody can get any more, so that the buyer is asked again.
func (p *agreementPass) loseConsent() {
	st := &p.agreement.Status
	st.EndedAuthStateSHA256, st.AuthStateSHA256 = st.AuthStateSHA256, ""
	st.Step, st.Authorization, st.ConsultedAt, st.RefusedCodesSHA256, st.RefusedCodeAt = nil, nil, nil, nil, nil
	p.codes, p.code, p.codeFound, p.trouble = nil, "", nil, nil
	p.recall.nextLook = time.Time{}
	p.tell("Warning", apiv1.NewConsentNeededReason, "The token of the buyer's consent could not be had. The buyer is asked again: send them to the new address.")
}

// SetupWithManager watches agreements and accounts.
func (r *AgreementReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&apiv1.AutoDebitAgreement{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, envelopesChanged, agreementWoken))).
		Watches(&apiv1.MerchantAccount{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, account client.Object) []ctrl.Request {
			return requestsFor(ctx, r.Client, &apiv1.AutoDebitAgreementList{}, account, openAgreementAccountIndex)
		})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// agreementWoken wakes an agreement when a browser has come back, or when a debit has found its token to be refused.
var agreementWoken = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return true },
	UpdateFunc: func(e event.UpdateEvent) bool {
		old, isOld := e.ObjectOld.(*apiv1.AutoDebitAgreement)
		now, isNow := e.ObjectNew.(*apiv1.AutoDebitAgreement)
		return isOld && isNow && (len(returns(old)) != len(returns(now)) || old.Status.RejectedTokenSHA256 != now.Status.RejectedTokenSHA256)
	},
}
