package controllers

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
)

// CaptureReconciler collects the money of each Capture once.
type CaptureReconciler struct {
	*Lifecycle
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=captures,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=captures/status,verbs=patch

// Reconcile moves one Capture towards the outcome that the gateway reports for it.
func (r *CaptureReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	return r.reconcileShare(ctx, capturing{}, req)
}

// SetupWithManager watches captures, and what they wait for: their payment and account.
func (r *CaptureReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	return r.watchShares(mgr, capturing{}, workers).Complete(r)
}
