package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// disputedPayment is the Payment that a dispute is about; nil where this namespace has none.
func (l *Lifecycle) disputedPayment(ctx context.Context, dispute *apiv1.Dispute) (*apiv1.Payment, error) {
	id := dispute.Status.PaymentRequestID
	if id == "" {
		return nil, nil
	}
	list := &apiv1.PaymentList{}
	if err := l.List(ctx, list, client.InNamespace(dispute.Namespace), client.MatchingFields{paymentRequestIDIndex: id}); err != nil {
		return nil, fmt.Errorf("listing payments: %w", err)
	}
	var found *apiv1.Payment
	for i := range list.Items {
		payment := &list.Items[i]
		if payment.Spec.MerchantAccountRef == dispute.Spec.MerchantAccountRef && (found == nil || payment.Name < found.Name) {
			found = payment
		}
	}
	return found, nil
}

// labelDispute puts on the labels by which people find the disputes of a payment, and reports whether one was missing.
func labelDispute(dispute *apiv1.Dispute) (changed bool) {
	st := &dispute.Status
	for name, value := range map[string]string{
		apiv1.PaymentLabel: st.Payment, apiv1.PaymentIDLabel: st.PaymentID, apiv1.PaymentRequestIDLabel: st.PaymentRequestID,
	} {
		if value == "" || dispute.Labels[name] == value || len(validation.IsValidLabelValue(value)) > 0 {
			continue
		}
		metav1.SetMetaDataLabel(&dispute.ObjectMeta, name, value)
		changed = true
	}
	return changed
}

// takesMoney reports whether the buyer may get the money by the dispute, or has got it.
func takesMoney(dispute *apiv1.Dispute) bool {
	switch dispute.Status.State {
	case apiv1.DisputeWon, apiv1.DisputeApproved, apiv1.DisputeCancelled:
		return false
	default:
		return true
	}
}

// disputesOf lists the disputes of a payment, by name.
func (l *Lifecycle) disputesOf(ctx context.Context, payment *apiv1.Payment) ([]apiv1.Dispute, error) {
	list := &apiv1.DisputeList{}
	if err := l.List(ctx, list, client.InNamespace(payment.Namespace), client.MatchingFields{disputePaymentIndex: payment.Name}); err != nil {
		return nil, fmt.Errorf("listing disputes: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b apiv1.Dispute) int { return strings.Compare(a.Name, b.Name) })
	return list.Items, nil
}

// mostOpenDisputes is how many names a payment's status holds.
const mostOpenDisputes = 50

// noteDisputes shows in a payment which disputes are open, and whether any may take its money.
func noteDisputes(payment *apiv1.Payment, disputes []apiv1.Dispute) {
	st := &payment.Status
	var open, taking []string
	for i := range disputes {
		state := disputes[i].Status.State
		if !state.Final() && state != apiv1.DisputeAccepted && len(open) < mostOpenDisputes {
			open = append(open, disputes[i].Name)
		}
		if takesMoney(&disputes[i]) && len(taking) < 5 {
			taking = append(taking, disputes[i].Name)
		}
	}
	st.OpenDisputes = open
	if len(taking) == 0 {
		meta.RemoveStatusCondition(&st.Conditions, apiv1.DisputedCondition)
		return
	}
	meta.SetStatusCondition(&st.Conditions, metav1.Condition{
		Type: apiv1.DisputedCondition, Status: metav1.ConditionTrue, Reason: apiv1.PaymentDisputedReason, ObservedGeneration: payment.Generation,
		Message: "A refund would pay the buyer twice, as a dispute may take the money, or has taken it: " + strings.Join(taking, ", ") + ".",
	})
}

// warnDisputed tells of a refund whose payment is disputed. It is sent all the same: whoever refunds may have agreed so with the buyer.
func (l *Lifecycle) warnDisputed(ctx context.Context, refund client.Object, payment *apiv1.Payment) {
	disputes, err := l.disputesOf(ctx, payment)
	if err != nil {
		log.FromContext(ctx).Error(err, "Disputes could not be listed")
		return
	}
	for i := range disputes {
		if takesMoney(&disputes[i]) {
			l.Events.Eventf(refund, payment, "Warning", apiv1.PaymentDisputedReason, "Reconcile",
				"Payment %q has Dispute %q (%s): if that is lost as well, the buyer gets the money twice. The refund is sent all the same.",
				payment.Name, disputes[i].Name, disputes[i].Status.State)
			return
		}
	}
}

// paymentOfDispute names the payment that a dispute is about.
func paymentOfDispute(_ context.Context, obj client.Object) []ctrl.Request {
	name := obj.(*apiv1.Dispute).Status.Payment
	if name == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: obj.GetNamespace(), Name: name}}}
}
