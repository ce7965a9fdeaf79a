package controllers

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// RefundReconciler gives the money of each Refund back once.
type RefundReconciler struct {
	*Lifecycle
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=refunds,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=refunds/status,verbs=patch

// Reconcile moves one Refund towards the outcome that the gateway reports for it.
func (r *RefundReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	return r.reconcileShare(ctx, refunding{}, req)
}

// SetupWithManager watches refunds, and what they wait for: their payment and account, and the capture that they give back.
func (r *RefundReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	return r.watchShares(mgr, refunding{}, workers).
		Watches(&apiv1.Capture{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, capture client.Object) []ctrl.Request {
			of := &apiv1.Payment{}
			of.Namespace, of.Name = capture.GetNamespace(), capture.(*apiv1.Capture).Spec.PaymentRef.Name
			return requestsFor(ctx, r.Client, &apiv1.RefundList{}, of, openSharePaymentIndex)
		})).
		Complete(r)
}
