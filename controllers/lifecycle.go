package controllers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Lifecycle is what the reconcilers of all kinds that move money share.
type Lifecycle struct {
	client.Client
	// Live reads from the API server, past the cache.
	Live     client.Reader
	Clock    clock.Clock
	Events   events.EventRecorder
	Gateways *Gateways
	memory   *memory
}

// NewLifecycle joins the parts that every reconciler needs.
func NewLifecycle(c client.Client, live client.Reader, clk clock.Clock, recorder events.EventRecorder, gateways *Gateways) *Lifecycle {
	return &Lifecycle{Client: c, Live: live, Clock: clk, Events: recorder, Gateways: gateways, memory: newMemory()}
}

// operation is one object of a kind that moves money, during one pass.
type operation interface {
	object() client.Object
	kind() string
	conditions() []metav1.Condition
	adopted() bool
	// begin brings the status up to date with what Kubernetes knows, and makes the request.
	begin()
	// at is the time that decisions rest on, and tick sets it.
	at() time.Time
	tick(now time.Time)
	// decide is pure: it looks at what was gathered and changes nothing.
	decide() decision
	// apply writes a report into the status.
	apply(report)
	// intend writes into the status what the action is about to do, or what it has found to be settled.
	intend(action)
	// reserve notes in another object what this one takes of it, or has found out about it.
	reserve(ctx context.Context) error
	// call sends one request and writes what a verified answer says into the status. The error is for the breaker alone.
	call(ctx context.Context, do action) error
	// recordedAnswer is told that what the calls have brought to light is on record.
	recordedAnswer()
	// gateway is how the account reaches the gateway; nil when the account can not be used.
	gateway() *gateway
	// requestID is the id that the pass works on, and remembered what this process keeps of it between passes.
	requestID() string
	remembered() *recall
}

// longestPass bounds the steps of a pass. The longest path needs fewer, save where many former attempts must be asked for.
const longestPass = 12

// conflictDelay is how long a pass on a stale copy waits for the cache to catch up.
const conflictDelay = 250 * time.Millisecond

// run carries one pass to its end: decide, act, decide again, until there is nothing to do but wait. At most one step of a pass
// can move money, and the intent to do so is on disk before.
func (l *Lifecycle) run(ctx context.Context, saver *statusSaver, op operation) (ctrl.Result, error) {
	obj := op.object()
	before := landmarksOf(op)
	op.begin()
	var granted *leave
	defer func() {
		if granted != nil {
			granted.unused()
		}
	}()
	called := false
	for range longestPass {
		decided := op.decide()

		if decided.do.needsGateway() && granted == nil {
			told := op.gateway().queue.ask(l.Clock.Now(), &op.remembered().place, decided.urgency(called))
			if granted = told.leave; granted == nil {
				return l.comeBack(ctx, saver, before, op, decided, told)
			}
		}

		switch decided.do {
		case actReserve, actStore:
			if err := op.reserve(ctx); err != nil {
				return staleOr(err, "writing what belongs in another object")
			}
		case actRejectToken:
			if err := op.reserve(ctx); err != nil {
				return staleOr(errors.Join(l.record(ctx, saver, before, op, decided.report), err), "noting the refused token in its agreement")
			}
		case actRecordIntent, actRecordCancel:
			op.intend(decided.do)
			op.apply(op.decide().report)
			if err := saver.save(ctx); err != nil {
				return staleOr(err, "recording intent")
			}
			op.tick(l.Clock.Now()) // a write can take long, and an intent that is no longer fresh is asked for first
		case actSubmit, actCancel, actInquire, actInquireFormer, actInquireOrphan, actInquirePayment,
			actConsult, actExchange, actRenew, actRevoke:
			// A call in flight is finished even when the process is asked to stop; the client's own time-out bounds it.
			op.remembered().nextLook = time.Time{}
			granted.used(l.call(context.WithoutCancel(ctx), op, decided.do))
			granted, called = nil, true
			l.memory.store(obj, op.requestID(), *op.remembered())
		case actSettleFailed, actSettleCancelled, actSettleNotified, actWithdrawCancel:
			op.intend(decided.do)
		case actExpire:
			if err := l.record(ctx, saver, before, op, decided.report); err != nil {
				return staleOr(err, "recording status")
			}
			return staleOr(l.expire(ctx, obj), "deleting what has outlived its time to live")
		case actRelease:
			return l.release(ctx, obj)
		case actWait:
			if decided.ended {
				if err := l.rest(ctx, saver, before, op, decided.report); err != nil {
					return staleOr(err, "recording status")
				}
				return ctrl.Result{RequeueAfter: decided.after}, nil
			}
			op.remembered().place = op.remembered().place.leaving(op.at())
			return l.pause(ctx, saver, before, op, decided.report, decided.after)
		case actRest:
			return staleOr(l.rest(ctx, saver, before, op, decided.report), "recording status")
		}
	}
	return l.pause(ctx, saver, before, op, op.decide().report, time.Second)
}

// comeBack ends a pass that got no leave until it is worth asking again.
func (l *Lifecycle) comeBack(ctx context.Context, saver *statusSaver, before landmarks, op operation, decided decision, told standing) (ctrl.Result, error) {
	if told.unreachable {
		return l.pause(ctx, saver, before, op, decided.report, spread(told.wait, jitter(op.object(), l.Clock.Now())))
	}
	var err error
	if decided.patient { // for hours perhaps, so people are told meanwhile
		err = l.record(ctx, saver, before, op, decided.report)
	}
	l.memory.store(op.object(), op.requestID(), *op.remembered())
	if err != nil {
		return staleOr(err, "recording status")
	}
	return ctrl.Result{RequeueAfter: told.wait}, nil
}

// call sends one request, counts it, and says how long the answer took.
func (l *Lifecycle) call(ctx context.Context, op operation, do action) (time.Duration, error) {
	began := l.Clock.Now()
	err := op.call(ctx, do)
	took := l.Clock.Since(began)
	gatewayRequestSeconds.WithLabelValues(op.kind(), string(do)).Observe(took.Seconds())
	gatewayRequests.WithLabelValues(op.kind(), string(do), string(classify(err))).Inc()
	return took, err
}

// open reads the object of a pass. On a copy without what this process has written last, a pass would ask and write once more what is done: such
// a copy is a conflict.
func (l *Lifecycle) open(ctx context.Context, key client.ObjectKey, obj client.Object) error {
	if err := l.Get(ctx, key, obj); err != nil {
		return err
	}
	if l.memory.outdated(obj) {
		return apierrors.NewConflict(schema.GroupResource{Group: apiv1.GroupName}, key.Name, errors.New("the cache does not show yet what was written last"))
	}
	return nil
}

// gone forgets an object that no longer exists.
func (l *Lifecycle) gone(kind string, key client.ObjectKey) {
	l.memory.forget(key, l.Clock.Now())
	unknownOutcomes.note(kind, key, false, time.Time{})
}

// record writes the status once, if it changed, and tells of what has changed in this pass.
func (l *Lifecycle) record(ctx context.Context, saver *statusSaver, before landmarks, op operation, told report) error {
	op.apply(told)
	doubt := meta.FindStatusCondition(op.conditions(), apiv1.OutcomeUnknownCondition)
	if doubt == nil {
		doubt = &metav1.Condition{}
	}
	unknownOutcomes.note(op.kind(), client.ObjectKeyFromObject(op.object()), told.unknown, doubt.LastTransitionTime.Time)
	if saver.changed() {
		// What a call has brought to light must not be lost to a shutdown.
		if err := saver.save(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	op.recordedAnswer()
	l.announce(ctx, before, op, told)
	return nil
}

// rest records what the pass has found, of an object that has nothing to ask any more.
func (l *Lifecycle) rest(ctx context.Context, saver *statusSaver, before landmarks, op operation, told report) error {
	if err := l.record(ctx, saver, before, op, told); err != nil {
		return err
	}
	if place := &op.remembered().place; told.verdict == ready {
		place.giveUp(op.at())
	} else {
		*place = place.leaving(op.at())
	}
	l.memory.rest(op.object(), op.requestID(), *op.remembered())
	return nil
}

// pause records what the pass has found, ends it until the next look, and remembers when that is.
func (l *Lifecycle) pause(ctx context.Context, saver *statusSaver, before landmarks, op operation, told report, delay time.Duration) (ctrl.Result, error) {
	delay = max(delay, time.Millisecond)
	remembered := op.remembered()
	if now := op.at(); !now.Before(remembered.nextLook) {
		remembered.nextLook = now.Add(delay)
	}
	err := l.record(ctx, saver, before, op, told)
	l.memory.store(op.object(), op.requestID(), *remembered)
	if err != nil {
		return staleOr(err, "recording status")
	}
	return ctrl.Result{RequeueAfter: delay}, nil
}

// expire deletes exactly the version that has outlived its time to live.
func (l *Lifecycle) expire(ctx context.Context, obj client.Object) error {
	uid, version := obj.GetUID(), obj.GetResourceVersion()
	return l.Delete(ctx, obj, client.Preconditions{UID: &uid, ResourceVersion: &version})
}

// release removes the finalizer, so that the object can go.
func (l *Lifecycle) release(ctx context.Context, obj client.Object) (ctrl.Result, error) {
	err := l.setFinalizers(ctx, obj, false, apiv1.PaymentFinalizer, apiv1.AgreementFinalizer)
	return staleOr(client.IgnoreNotFound(err), "removing finalizer")
}

// setFinalizers adds finalizers, or removes them, in one write that fails if somebody else was faster.
func (l *Lifecycle) setFinalizers(ctx context.Context, obj client.Object, held bool, finalizers ...string) error {
	base := obj.DeepCopyObject().(client.Object)
	for _, finalizer := range finalizers {
		if held {
			controllerutil.AddFinalizer(obj, finalizer)
		} else {
			controllerutil.RemoveFinalizer(obj, finalizer)
		}
	}
	if err := l.Patch(ctx, obj, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	l.memory.wrote(obj)
	return nil
}

// staleOr ends a pass that met a newer version of the object: the next pass sees it.
func staleOr(err error, doing string) (ctrl.Result, error) {
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	default:
		return ctrl.Result{}, fmt.Errorf("%s: %w", doing, err)
	}
}

// landmarks are what people are told of when it changes.
type landmarks struct {
	reason  string
	unknown bool
	adopted bool
}

func landmarksOf(op operation) landmarks {
	marks := landmarks{unknown: meta.IsStatusConditionTrue(op.conditions(), apiv1.OutcomeUnknownCondition), adopted: op.adopted()}
	if ready := meta.FindStatusCondition(op.conditions(), apiv1.ReadyCondition); ready != nil {
		marks.reason = ready.Reason
	}
	return marks
}

// announce marks a change that people look for with one event and one log line: an end, a hold-up, an unknown outcome, or an operation
// that the gateway knew before.
func (l *Lifecycle) announce(ctx context.Context, before landmarks, op operation, told report) {
	now := landmarksOf(op)
	if now.adopted && !before.adopted {
		l.Events.Eventf(op.object(), nil, "Normal", apiv1.AdoptedReason, "Reconcile",
			"The gateway knew %s before this object's first intent; no money has moved twice.", op.requestID())
	}
	if now.reason == before.reason && now.unknown == before.unknown || told.verdict == progressing && !told.unknown {
		return
	}
	log.FromContext(ctx).Info("State changed", "state", told.state, "reason", told.reason, "requestID", op.requestID())
	kind := "Normal"
	if told.verdict != ready {
		kind = "Warning"
	}
	l.Events.Eventf(op.object(), nil, kind, told.reason, "Reconcile", "%s", told.message)
}

// moment is the time of a pass, and its jitter.
func (l *Lifecycle) moment(obj client.Object) (now time.Time, fraction float64) {
	now = l.Clock.Now()
	return now, jitter(obj, now)
}

// jitter is a number in [0,1) that spreads looks at the gateway and decides nothing else. It differs from object to object and from moment to
// moment, and is no random number, so that what a test has found happens again.
func jitter(obj client.Object, now time.Time) float64 {
	return fractionOf(fmt.Sprintf("look of %s at %d", obj.GetUID(), now.UnixNano()))
}

// fractionOf is a number in [0,1) that is always the same for one text.
func fractionOf(text string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	mixed := h.Sum64() // FNV leaves the high bits of similar texts alike
	mixed ^= mixed >> 33
	mixed *= 0xff51afd7ed558ccd
	mixed ^= mixed >> 33
	return float64(mixed>>11) / math.Exp2(53)
}
