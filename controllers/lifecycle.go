package controllers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	// begin brings the status up to date with what Kubernetes knows, and makes the request.
	begin()
	// decide is pure: it looks at what was gathered and changes nothing.
	decide() decision
	// apply writes a report into the status.
	apply(report)
	// intend writes into the status what the action is about to do, or what it has found to be settled.
	intend(action)
	// call sends one request and writes what a verified answer says into the status. The error is for the breaker alone.
	call(ctx context.Context, do action) error
	// gateway is how the account reaches the gateway; nil when the account can not be used.
	gateway() *gateway
	// requestID is the id that the pass works on, and remembered what this process keeps of it between passes.
	requestID() string
	remembered() *recall
}

// longestPass bounds the steps of a pass; the longest path (record, submit, ask, settle) needs far fewer.
const longestPass = 12

// conflictDelay is how long a pass on a stale copy waits for the cache to catch up.
const conflictDelay = 250 * time.Millisecond

// run carries one pass to its end: decide, act, decide again, until there is nothing to do but wait. At most one step of a pass
// can move money, and the intent to do so is on disk before.
func (l *Lifecycle) run(ctx context.Context, op operation) (ctrl.Result, error) {
	obj := op.object()
	saver := newStatusSaver(l.Client, obj)
	op.begin()
	var leave permit
	for range longestPass {
		decided := op.decide()
		op.apply(decided.report)

		if decided.do.calls() || decided.do == actRecordIntent || decided.do == actRecordCancel {
			if leave == nil {
				var delay time.Duration
				if leave, delay = op.gateway().permit(l.Clock.Now()); leave == nil {
					return l.pause(op, delay)
				}
			}
		}

		switch decided.do {
		case actRecordIntent, actRecordCancel:
			op.intend(decided.do)
			op.apply(op.decide().report)
			if err := saver.save(ctx); err != nil {
				leave(nil)
				return staleOr(err, "recording intent")
			}
		case actSubmit, actCancel, actInquire, actInquireFormer:
			// A call in flight is finished even when the process is asked to stop; the client's own time-out bounds it.
			op.remembered().nextLook = time.Time{}
			leave(op.call(context.WithoutCancel(ctx), decided.do))
			leave = nil
			l.memory.store(obj, op.requestID(), *op.remembered())
		case actSettleFailed, actSettleCancelled:
			op.intend(decided.do)
		case actExpire:
			uid, version := obj.GetUID(), obj.GetResourceVersion()
			err := l.Delete(ctx, obj, client.Preconditions{UID: &uid, ResourceVersion: &version})
			return ctrl.Result{}, client.IgnoreNotFound(err)
		case actRelease:
			return l.release(ctx, obj)
		case actWait:
			if err := l.record(ctx, saver, op, decided.report); err != nil {
				return staleOr(err, "recording status")
			}
			return l.pause(op, decided.after)
		case actRest:
			l.memory.forget(client.ObjectKeyFromObject(obj))
			return staleOr(l.record(ctx, saver, op, decided.report), "recording status")
		}
	}
	return ctrl.Result{}, fmt.Errorf("a pass over %s took more than %d steps: this is a defect, please report it", client.ObjectKeyFromObject(obj), longestPass)
}

// record writes the status once, if it changed, and tells of the change.
func (l *Lifecycle) record(ctx context.Context, saver *statusSaver, op operation, told report) error {
	if !saver.changed() {
		return nil
	}
	// What a call has brought to light must not be lost to a shutdown.
	if err := saver.save(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	l.announce(ctx, op.object(), told)
	return nil
}

// pause ends the pass until the next look, and remembers when that is.
func (l *Lifecycle) pause(op operation, delay time.Duration) (ctrl.Result, error) {
	delay = max(delay, time.Millisecond)
	remembered := op.remembered()
	if now := l.Clock.Now(); !now.Before(remembered.nextLook) {
		remembered.nextLook = now.Add(delay)
	}
	l.memory.store(op.object(), op.requestID(), *remembered)
	return ctrl.Result{RequeueAfter: delay}, nil
}

// release removes the finalizer, so that the object can go.
func (l *Lifecycle) release(ctx context.Context, obj client.Object) (ctrl.Result, error) {
	base := obj.DeepCopyObject().(client.Object)
	controllerutil.RemoveFinalizer(obj, apiv1.PaymentFinalizer)
	err := l.Patch(ctx, obj, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
	return staleOr(client.IgnoreNotFound(err), "removing finalizer")
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

// announce marks a change that people look for with one event and one log line: an end, a hold-up, or an unknown outcome.
func (l *Lifecycle) announce(ctx context.Context, obj client.Object, told report) {
	if told.verdict == progressing && !told.unknown {
		return
	}
	log.FromContext(ctx).Info("State changed", "state", told.state, "reason", told.reason)
	kind := "Normal"
	if told.verdict != ready {
		kind = "Warning"
	}
	l.Events.Eventf(obj, nil, kind, told.reason, "Reconcile", "%s", told.message)
}

// jitter is a number in [0,1). It spreads looks at the gateway and decides nothing else.
func jitter() float64 { return rand.Float64() } //nolint:gosec // not a secret
