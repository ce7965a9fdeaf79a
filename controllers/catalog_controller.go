package controllers

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const (
	catalogKind = "PaymentMethodCatalog"
	// refreshAction names the one request of a catalog in the metrics.
	refreshAction = "Refresh"
)

// CatalogReconciler keeps each PaymentMethodCatalog fresh. It moves no money.
type CatalogReconciler struct {
	*Lifecycle
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=paymentmethodcatalogs,verbs=get;list;watch
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=paymentmethodcatalogs/status,verbs=patch

// Reconcile asks for a new list when the spec has changed or the last list is old, and keeps the last one when that fails.
func (r *CatalogReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	catalog := &apiv1.PaymentMethodCatalog{}
	if err := r.open(ctx, req.NamespacedName, catalog); err != nil {
		if apierrors.IsNotFound(err) {
			r.memory.forget(req.NamespacedName, r.Clock.Now())
		}
		return staleOr(err, "reading")
	}
	remembered := r.memory.load(catalog, catalogVersion(catalog))
	if wait := catalogDue(catalog, remembered, r.Clock.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	account, err := r.Gateways.account(ctx, r.Client, types.NamespacedName{Namespace: catalog.Namespace, Name: catalog.Spec.MerchantAccountRef.Name})
	if err != nil {
		return ctrl.Result{}, err
	}
	saver := newStatusSaver(r.Lifecycle, catalog)
	found := account.problem
	if found == nil {
		switch told := account.gateway.queue.ask(r.Clock.Now(), &remembered.place, inTurn); {
		case told.leave != nil:
			found = r.refresh(ctx, catalog, account, told.leave, &remembered)
		case told.unreachable:
			found = unreachable(told.wait)
		default:
			r.memory.store(catalog, catalogVersion(catalog), remembered)
			return ctrl.Result{RequeueAfter: told.wait}, nil
		}
	}
	return r.record(ctx, saver, catalog, found, remembered)
}

// catalogVersion is what the memory of failed tries belongs to: a spec that was mended is tried at once.
func catalogVersion(catalog *apiv1.PaymentMethodCatalog) string {
	return strconv.FormatInt(catalog.Generation, 10)
}

// unreachable says that the account's breaker is open.
func unreachable(delay time.Duration) *problem {
	return &problem{reason: apiv1.GatewayUnreachableReason, message: "The gateway gives no usable answer; it is asked again.", retry: delay}
}

// refresh asks the gateway, and takes the list if it gives one.
func (r *CatalogReconciler) refresh(ctx context.Context, catalog *apiv1.PaymentMethodCatalog, account accountFacts, granted *leave, remembered *recall) *problem {
	defer granted.unused() // in a panic
	began := r.Clock.Now()
	answer, err := account.gateway.client.Consult(context.WithoutCancel(ctx), consultRequest(catalog, account.account))
	took := r.Clock.Since(began)
	granted.used(took, err)
	gatewayRequestSeconds.WithLabelValues(catalogKind, refreshAction).Observe(took.Seconds())
	gatewayRequests.WithLabelValues(catalogKind, refreshAction, string(classify(err))).Inc()
	trouble := newTrouble(err)
	remembered.note(trouble)
	if trouble == nil {
		listMethods(catalog, answer, r.Clock.Now())
		return nil
	}
	found := trouble.problem()
	if trouble.outcome == refused || trouble.outcome == notFound {
		found = &problem{reason: reasonFor(trouble.code), stalled: true,
			message: "The gateway refuses to list payment methods (" + trouble.code + "): mend the spec or the contract; it is asked again."}
	}
	found.retry = spread(failureDelay(remembered.failures), jitter(catalog, r.Clock.Now()))
	return found
}

// record writes the status if it has changed, and plans the next look.
func (r *CatalogReconciler) record(ctx context.Context, saver *statusSaver, catalog *apiv1.PaymentMethodCatalog, found *problem, remembered recall) (ctrl.Result, error) {
	told := report{verdict: ready, reason: apiv1.RefreshedReason, message: "The list is what the gateway says."}
	delay := time.Duration(0)
	remembered.place = remembered.place.leaving(r.Clock.Now())
	if found == nil {
		remembered.nextLook, remembered.failures = time.Time{}, 0
		catalog.Status.ObservedGeneration = catalog.Generation
		delay = catalogDue(catalog, remembered, r.Clock.Now())
	} else {
		told = report{verdict: found.verdict(), reason: found.reason, message: found.message}
		if at := catalog.Status.RefreshTime; at != nil {
			told.message += " The list is from " + at.UTC().Format(time.RFC3339) + "."
		}
		if delay = found.retry; delay > 0 {
			remembered.nextLook = r.Clock.Now().Add(delay)
		}
	}
	r.memory.store(catalog, catalogVersion(catalog), remembered)
	told.conditions(&catalog.Status.Conditions, catalog.Generation)
	if saver.changed() {
		if err := saver.save(context.WithoutCancel(ctx)); err != nil {
			return staleOr(err, "recording status")
		}
		if found != nil {
			r.Events.Eventf(catalog, nil, "Warning", told.reason, "Reconcile", "%s", told.message)
			log.FromContext(ctx).Info("State changed", "reason", told.reason)
		}
	}
	return ctrl.Result{RequeueAfter: delay}, nil
}

// catalogDue says how long the list is still good for, or how long a failed try must rest; zero when it is time to ask.
func catalogDue(catalog *apiv1.PaymentMethodCatalog, remembered recall, now time.Time) time.Duration {
	st := &catalog.Status
	switch {
	case now.Before(remembered.nextLook):
		return remembered.nextLook.Sub(now)
	case st.RefreshTime == nil, st.ObservedGeneration != catalog.Generation:
		return 0
	default:
		return max(st.RefreshTime.Add(catalogInterval(catalog)).Sub(now), 0)
	}
}

// catalogInterval varies the interval by up to a tenth either way, always by the same for one catalog, so that a restart changes nothing.
func catalogInterval(catalog *apiv1.PaymentMethodCatalog) time.Duration {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, catalog.UID)
	return time.Duration(float64(catalog.Spec.RefreshInterval.Duration) * (0.9 + 0.2*float64(h.Sum32()%1000)/1000))
}

// SetupWithManager watches catalogs and accounts.
func (r *CatalogReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&apiv1.PaymentMethodCatalog{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&apiv1.MerchantAccount{}, handler.EnqueueRequestsFromMapFunc(r.catalogsOfAccount)).
		Complete(r)
}

func (r *CatalogReconciler) catalogsOfAccount(ctx context.Context, account client.Object) []ctrl.Request {
	return requestsFor(ctx, r.Client, &apiv1.PaymentMethodCatalogList{}, account, catalogAccountIndex)
}

// refreshed is when the list was given, for the status.
func refreshed(now time.Time) *metav1.Time { return &metav1.Time{Time: now.Truncate(time.Second)} }
