package controllers

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Indexes of the cache.
const (
	// openPaymentAccountIndex finds the unsettled payments of an account.
	openPaymentAccountIndex = "openPayments.account"
	// openPaymentAgreementIndex finds the unsettled payments that debit an agreement.
	openPaymentAgreementIndex = "openPayments.agreement"
	// sharePaymentIndex finds the refunds, or the captures, of a payment.
	sharePaymentIndex = "spec.paymentRef.name"
	// openSharePaymentIndex finds those of a payment that are unsettled or about to expire, and under anyPayment those of a namespace.
	openSharePaymentIndex = "open.payment"
	// catalogAccountIndex finds the catalogs of an account.
	catalogAccountIndex = "catalogs.account"
	// paymentRequestIDIndex finds the payment of a paymentRequestId.
	paymentRequestIDIndex = "status.paymentRequestId"
	// disputeAccountIndex finds the disputes of an account, disputePaymentIndex those of a payment, and disputeRequestIDIndex those of its id.
	disputeAccountIndex   = "disputes.account"
	disputePaymentIndex   = "status.payment"
	disputeRequestIDIndex = "disputes.paymentRequestId"
	// openAgreementAccountIndex finds the agreements of an account that may wait for it.
	openAgreementAccountIndex = "openAgreements.account"
	// anyPayment is no name that a Payment can have.
	anyPayment = "*"
)

// AddIndexes must be called before the manager starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &apiv1.Payment{}, openPaymentAccountIndex, func(obj client.Object) []string {
		payment := obj.(*apiv1.Payment)
		if settledForGood(payment) {
			return nil
		}
		return []string{payment.Spec.MerchantAccountRef.Name}
	}); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &apiv1.Payment{}, openPaymentAgreementIndex, func(obj client.Object) []string {
		payment := obj.(*apiv1.Payment)
		if payment.Spec.AutoDebit == nil || settledForGood(payment) {
			return nil
		}
		return []string{payment.Spec.AutoDebit.AgreementRef.Name}
	}); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &apiv1.PaymentMethodCatalog{}, catalogAccountIndex, func(obj client.Object) []string {
		return []string{obj.(*apiv1.PaymentMethodCatalog).Spec.MerchantAccountRef.Name}
	}); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &apiv1.AutoDebitAgreement{}, openAgreementAccountIndex, func(obj client.Object) []string {
		agreement := obj.(*apiv1.AutoDebitAgreement)
		st := &agreement.Status
		ready := meta.IsStatusConditionTrue(st.Conditions, apiv1.ReadyCondition) && st.ObservedGeneration == agreement.Generation
		if st.State.Final() && st.TokenSecretName == "" || st.State == apiv1.AgreementActive && ready {
			return nil
		}
		return []string{agreement.Spec.MerchantAccountRef.Name}
	}); err != nil {
		return err
	}
	return errors.Join(addShareIndexes(ctx, indexer, refunding{}), addShareIndexes(ctx, indexer, capturing{}),
		addShareIndexes(ctx, indexer, declaring{}), addDisputeIndexes(ctx, indexer))
}

func addShareIndexes(ctx context.Context, indexer client.FieldIndexer, kind shareKind) error {
	return errors.Join(
		indexer.IndexField(ctx, kind.newObject(), sharePaymentIndex, func(obj client.Object) []string {
			return []string{kind.share(obj).paymentName}
		}),
		indexer.IndexField(ctx, kind.newObject(), openSharePaymentIndex, func(obj client.Object) []string {
			s := kind.share(obj)
			if s.status.State.Final() && !attemptRaised(s.status, s.attempt) && s.ttl == nil {
				return nil
			}
			return []string{s.paymentName, anyPayment}
		}),
	)
}

func addDisputeIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	of := func(value func(*apiv1.Dispute) string) client.IndexerFunc {
		return func(obj client.Object) []string {
			if text := value(obj.(*apiv1.Dispute)); text != "" {
				return []string{text}
			}
			return nil
		}
	}
	return errors.Join(
		indexer.IndexField(ctx, &apiv1.Dispute{}, disputeAccountIndex, of(func(d *apiv1.Dispute) string { return d.Spec.MerchantAccountRef.Name })),
		indexer.IndexField(ctx, &apiv1.Dispute{}, disputePaymentIndex, of(func(d *apiv1.Dispute) string { return d.Status.Payment })),
		indexer.IndexField(ctx, &apiv1.Dispute{}, disputeRequestIDIndex, of(func(d *apiv1.Dispute) string { return d.Status.PaymentRequestID })),
		indexer.IndexField(ctx, &apiv1.Payment{}, paymentRequestIDIndex, func(obj client.Object) []string {
			if id := obj.(*apiv1.Payment).Status.PaymentRequestID; id != "" {
				return []string{id}
			}
			return nil
		}),
	)
}

// requestsFor names the objects of a list that an index finds for an object.
func requestsFor(ctx context.Context, reader client.Reader, list client.ObjectList, of client.Object, index string) []ctrl.Request {
	if err := reader.List(ctx, list, client.InNamespace(of.GetNamespace()), client.MatchingFields{index: of.GetName()}); err != nil {
		log.FromContext(ctx).Error(err, "Objects to wake could not be listed", "index", index)
		return nil
	}
	var requests []ctrl.Request
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		obj := item.(metav1.Object)
		requests = append(requests, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}})
		return nil
	})
	return requests
}
