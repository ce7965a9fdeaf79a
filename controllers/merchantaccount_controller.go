package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// MerchantAccountReconciler verifies the credentials of each MerchantAccount before anything is sent with them.
type MerchantAccountReconciler struct {
	*Lifecycle
}

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=merchantaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=merchantaccounts/status,verbs=patch

// Reconcile verifies an account's credentials when they have changed, and costs nothing when they have not.
func (r *MerchantAccountReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	account := &apiv1.MerchantAccount{}
	if err := r.open(ctx, req.NamespacedName, account); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.Gateways.forget(req.NamespacedName)
			r.memory.forget(req.NamespacedName, r.Clock.Now())
		}
		return staleOr(err, "reading")
	}
	gateway, found := r.Gateways.build(ctx, account)
	if found == nil && verified(account, gateway) {
		return ctrl.Result{}, nil
	}
	saver := newStatusSaver(r.Lifecycle, account)
	remembered := r.memory.load(account, "")
	var retry time.Duration
	if found == nil {
		told := gateway.queue.ask(r.Clock.Now(), &remembered.place, onCredit)
		if told.leave == nil {
			r.memory.store(account, "", remembered)
			return ctrl.Result{RequeueAfter: told.wait}, nil
		}
		defer told.leave.unused() // in a panic
		began := r.Clock.Now()
		err := r.check(ctx, account, gateway)
		told.leave.used(r.Clock.Since(began), err)
		found = credentialsProblem(err, gateway)
		if found != nil {
			remembered.failures++
			retry = spread(failureDelay(remembered.failures), jitter(account, r.Clock.Now()))
		}
	} else if found.retry > 0 {
		retry = found.retry
	}
	reportAccount(account, gateway, found, r.Clock.Now())
	if found == nil {
		r.memory.drop(req.NamespacedName)
	} else {
		r.memory.store(account, "", remembered)
	}
	if saver.changed() {
		if err := saver.save(context.WithoutCancel(ctx)); err != nil {
			return staleOr(err, "recording status")
		}
		ready := meta.FindStatusCondition(account.Status.Conditions, apiv1.ReadyCondition)
		kind := "Normal"
		if found != nil {
			kind = "Warning"
		}
		r.Events.Eventf(account, nil, kind, ready.Reason, "Reconcile", "%s", ready.Message)
		log.FromContext(ctx).Info("State changed", "reason", ready.Reason)
	}
	return ctrl.Result{RequeueAfter: retry}, nil
}

// verified reports whether the gateway has accepted exactly these credentials for this spec.
func verified(account *apiv1.MerchantAccount, gateway *gateway) bool {
	condition := meta.FindStatusCondition(account.Status.Conditions, apiv1.ReadyCondition)
	return condition != nil && condition.Status == metav1.ConditionTrue &&
		condition.ObservedGeneration == account.Generation && account.Status.VerifiedSecretVersion == gateway.secretVersion
}

// check asks for a payment that does not exist: a signed answer proves that both sides accept each other's signatures, and
// nothing moves.
func (r *MerchantAccountReconciler) check(ctx context.Context, account *apiv1.MerchantAccount, gateway *gateway) error {
	id := deriveRequestID(account.Spec.RequestIDPrefix, "MerchantAccount", account.Namespace, account.Name, 1)
	_, err := gateway.client.InquiryPayment(context.WithoutCancel(ctx), &alipay.InquiryPaymentRequest{PaymentRequestID: id})
	return err
}

// credentialsProblem reads the verdict on the credentials out of the answer; nil when they are good.
func credentialsProblem(err error, gateway *gateway) *problem {
	var rejected *alipay.RejectedError
	switch outcome := classify(err); {
	case outcome == settled, outcome == notFound, outcome == refused:
		return nil
	case errors.Is(err, alipay.ErrBadSignature):
		return &problem{reason: apiv1.AlipayPublicKeyMismatchReason, stalled: true, message: "The gateway's answer is not signed with any of spec.alipayPublicKeys: " +
			"copy Alipay's public key of this client id and environment from the Antom dashboard."}
	case outcome == refusedIdentity && errors.As(err, &rejected):
		return &problem{reason: apiv1.CredentialsRejectedReason, stalled: true, message: fmt.Sprintf("The gateway refuses the account (%s): "+
			"see that the dashboard holds the public key %s for this client id, and that region or gatewayUrl fits it.", cut(rejected.Result.ResultCode, 64), gateway.fingerprint)}
	default:
		return newTrouble(err).problem()
	}
}

func accountVerdict(found *problem) verdict {
	if found == nil {
		return ready
	}
	return found.verdict()
}

// reportAccount writes the verdict into the status.
func reportAccount(account *apiv1.MerchantAccount, gateway *gateway, found *problem, now time.Time) {
	st := &account.Status
	st.ObservedGeneration = account.Generation
	told := report{verdict: accountVerdict(found), reason: apiv1.VerifiedReason, message: "The gateway and the account accept each other's signatures."}
	valid := metav1.ConditionTrue
	if gateway != nil {
		st.PublicKeyFingerprint, st.AlipayPublicKeyFingerprints = gateway.fingerprint, gateway.alipayKeys
	}
	if found != nil {
		told.reason, told.message = found.reason, found.message
		valid = metav1.ConditionFalse
		if found.reason == apiv1.GatewayUnreachableReason || found.reason == apiv1.SecretUnreadableReason {
			valid = metav1.ConditionUnknown
		}
	} else {
		st.VerifiedSecretVersion = gateway.secretVersion
		st.LastVerifiedTime = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	told.conditions(&st.Conditions, account.Generation)
	meta.SetStatusCondition(&st.Conditions, metav1.Condition{
		Type: apiv1.CredentialsValidCondition, Status: valid, Reason: told.reason, Message: told.message, ObservedGeneration: account.Generation,
	})
}

// SetupWithManager watches accounts and, by name, the Secret of each.
func (r *MerchantAccountReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&apiv1.MerchantAccount{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Channel(r.Gateways.Secrets.Changed, &handler.EnqueueRequestForObject{})).
		Complete(r)
}
