package notification

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// subjectIndex finds the objects that a notification can be about, by the ids that it can name.
const subjectIndex = "notification.subject"

func byPaymentRequestID(id string) string { return "paymentRequestId/" + id }
func byPaymentID(id string) string        { return "paymentId/" + id }
func byRefundRequestID(id string) string  { return "refundRequestId/" + id }

// AddIndexes must be called before the manager starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &apiv1.Payment{}, subjectIndex, func(obj client.Object) []string {
		st := &obj.(*apiv1.Payment).Status
		var names []string
		if st.PaymentRequestID != "" {
			names = append(names, byPaymentRequestID(st.PaymentRequestID))
		}
		if st.PaymentID != "" {
			names = append(names, byPaymentID(st.PaymentID))
		}
		for _, refund := range st.Refunds {
			names = append(names, byRefundRequestID(refund.RefundRequestID))
		}
		return names
	}); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &apiv1.Refund{}, subjectIndex, func(obj client.Object) []string {
		st := &obj.(*apiv1.Refund).Status
		if st.RefundRequestID == "" {
			return nil
		}
		return []string{byRefundRequestID(st.RefundRequestID)}
	})
}

// The cache may lag behind what the leader has just recorded: a notification can follow within milliseconds.
const (
	cacheLag      = time.Second
	cacheLagRetry = 10 * time.Millisecond
)

// find returns the objects that a notification is about: one, unless several manifests name the same request id.
func (r *Receiver) find(ctx context.Context, account types.NamespacedName, subject alipay.Subject) ([]client.Object, error) {
	var found []client.Object
	err := wait.PollUntilContextTimeout(ctx, cacheLagRetry, cacheLag, true, func(ctx context.Context) (bool, error) {
		var err error
		found, err = r.lookUp(ctx, account, subject)
		return len(found) > 0, err
	})
	if err != nil && !wait.Interrupted(err) {
		return nil, err
	}
	return found, nil
}

// lookUp asks the cache. A refund whose object was deleted before it ended is followed by its payment.
func (r *Receiver) lookUp(ctx context.Context, account types.NamespacedName, subject alipay.Subject) ([]client.Object, error) {
	if subject.RefundRequestID != "" {
		refunds, err := r.refunds(ctx, account, byRefundRequestID(subject.RefundRequestID))
		if err != nil || len(refunds) > 0 {
			return refunds, err
		}
		return r.payments(ctx, account, byRefundRequestID(subject.RefundRequestID))
	}
	if subject.PaymentRequestID != "" {
		payments, err := r.payments(ctx, account, byPaymentRequestID(subject.PaymentRequestID))
		if err != nil || len(payments) > 0 {
			return payments, err
		}
	}
	if subject.PaymentID != "" {
		return r.payments(ctx, account, byPaymentID(subject.PaymentID))
	}
	return nil, nil
}

func (r *Receiver) payments(ctx context.Context, account types.NamespacedName, name string) ([]client.Object, error) {
	list := &apiv1.PaymentList{}
	if err := r.list(ctx, list, account, name); err != nil {
		return nil, err
	}
	var found []client.Object
	for i := range list.Items {
		if ofAccount(list.Items[i].Status.Intent, account) {
			found = append(found, &list.Items[i])
		}
	}
	return found, nil
}

func (r *Receiver) refunds(ctx context.Context, account types.NamespacedName, name string) ([]client.Object, error) {
	list := &apiv1.RefundList{}
	if err := r.list(ctx, list, account, name); err != nil {
		return nil, err
	}
	var found []client.Object
	for i := range list.Items {
		if ofAccount(list.Items[i].Status.Intent, account) {
			found = append(found, &list.Items[i])
		}
	}
	return found, nil
}

// list reads the cache without copying: nothing here changes what it returns.
func (r *Receiver) list(ctx context.Context, list client.ObjectList, account types.NamespacedName, name string) error {
	if err := r.cache.List(ctx, list, client.InNamespace(account.Namespace), client.MatchingFields{subjectIndex: name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("looking for %s: %w", name, err)
	}
	return nil
}

// ofAccount reports whether something was sent for this account. The same id of another account is another operation.
func ofAccount(intent *apiv1.Intent, account types.NamespacedName) bool {
	return intent != nil && intent.MerchantAccount == account.Name
}
