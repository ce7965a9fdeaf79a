package controllers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// CustomsDeclarationReconciler declares each CustomsDeclaration to customs once.
type CustomsDeclarationReconciler struct {
	*Lifecycle
	book *declarationBook
}

// NewCustomsDeclarationReconciler makes one that knows of no open declaration yet.
func NewCustomsDeclarationReconciler(l *Lifecycle) *CustomsDeclarationReconciler {
	return &CustomsDeclarationReconciler{Lifecycle: l, book: newDeclarationBook()}
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=customsdeclarations,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=customsdeclarations/status,verbs=patch

// Reconcile moves one CustomsDeclaration towards the outcome that the gateway reports for it.
func (r *CustomsDeclarationReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	result, err := r.reconcileShare(ctx, r.kind(), req)
	switch {
	case err != nil:
		return result, err
	case result.RequeueAfter == 0:
		r.book.forget(req.NamespacedName)
		return result, nil
	}
	r.book.plan(req.NamespacedName, r.Clock.Now().Add(result.RequeueAfter))
	return result, nil
}

func (r *CustomsDeclarationReconciler) kind() declaring {
	return declaring{Lifecycle: r.Lifecycle, book: r.book}
}

// mostWoken is how many objects can wait to be woken. One more is not woken, and asks when it is due.
const mostWoken = 1024

// SetupWithManager watches declarations, and what they wait for: their payment and account, and what was told of them beside others.
func (r *CustomsDeclarationReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	told := make(chan event.GenericEvent, mostWoken)
	r.book.wake = func(key types.NamespacedName) {
		select {
		case told <- event.GenericEvent{Object: &apiv1.CustomsDeclaration{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}}:
		default:
		}
	}
	return r.watchShares(mgr, r.kind(), workers).
		WatchesRawSource(source.Channel(told, &handler.EnqueueRequestForObject{})).
		Complete(r)
}
