package notification

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
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
func byCaptureRequestID(id string) string { return "captureRequestId/" + id }
func byAuthState(hash string) string      { return "authState/" + hash }
func byAccessToken(hash string) string    { return "accessToken/" + hash }

// fullHash tells credentials apart without showing them.
func fullHash(credential string) string {
	sum := sha256.Sum256([]byte(credential))
	return hex.EncodeToString(sum[:])
}

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
	if err := indexer.IndexField(ctx, &apiv1.AutoDebitAgreement{}, subjectIndex, func(obj client.Object) []string {
		st := &obj.(*apiv1.AutoDebitAgreement).Status
		return slices.Concat(nonEmpty(st.AuthStateSHA256, byAuthState), nonEmpty(st.AccessTokenSHA256, byAccessToken),
			nonEmpty(st.PreviousAccessTokenSHA256, byAccessToken))
	}); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &apiv1.Capture{}, subjectIndex, func(obj client.Object) []string {
		return nonEmpty(obj.(*apiv1.Capture).Status.CaptureRequestID, byCaptureRequestID)
	}); err != nil {
		return err
	}
	if err := indexer.IndexField(ctx, &apiv1.Dispute{}, subjectIndex, disputeSubjects); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &apiv1.Refund{}, subjectIndex, func(obj client.Object) []string {
		return nonEmpty(obj.(*apiv1.Refund).Status.RefundRequestID, byRefundRequestID)
	})
}

func nonEmpty(id string, name func(string) string) []string {
	if id == "" {
		return nil
	}
	return []string{name(id)}
}

// The cache may lag behind what the leader has just recorded: a notification can follow within milliseconds.
const (
	cacheLag      = time.Second
	cacheLagRetry = 10 * time.Millisecond
)

// The API server looks through all objects of a namespace for one that the cache does not have. This bounds what notifications about
// nothing cost it.
const (
	looksPerSecond = 50
	looksBurst     = 100
)

// errLimited is more than one account may ask for at once. The gateway sends the notification again.
var errLimited = errors.New("too much at once")

// find returns the objects that a notification is about: one, unless several manifests name the same request id. What the cache has is found
// whatever else is being looked for.
func (r *Receiver) find(ctx context.Context, a *arrival, subject alipay.Subject, searches *searches) ([]client.Object, error) {
	found, err := r.lookUp(ctx, a.account, subject)
	if err != nil || len(found) > 0 {
		return found, err
	}
	hash := bodyHash(a.body)
	if searches.missed(hash, r.now()) {
		return nil, nil
	}
	if !searches.begin(r.searching) {
		return nil, errLimited
	}
	defer searches.end(r.searching)
	if found, err = r.search(ctx, a.account, subject); err == nil && len(found) == 0 {
		searches.miss(hash, r.now())
	}
	return found, err
}

// search looks for what the cache does not have, or not yet.
func (r *Receiver) search(ctx context.Context, account types.NamespacedName, subject alipay.Subject) ([]client.Object, error) {
	var found []client.Object
	err := wait.PollUntilContextTimeout(ctx, cacheLagRetry, cacheLag, true, func(ctx context.Context) (bool, error) {
		var err error
		found, err = r.lookUp(ctx, account, subject)
		return len(found) > 0, err
	})
	if err != nil && !wait.Interrupted(err) {
		return nil, err
	}
	if len(found) == 0 && r.live != nil {
		if found, err = r.lookUpLive(ctx, account, subject); err != nil {
			return nil, err
		}
	}
	// A refund or a capture without an object is followed by its payment. That is asked last: the payment notes it before its object has its
	// intent, and where there is an object it must be told.
	switch {
	case len(found) > 0:
		return found, nil
	case subject.RefundRequestID != "":
		return list(ctx, r.cache, &apiv1.PaymentList{}, account, subjectIndex, byRefundRequestID(subject.RefundRequestID))
	case subject.CaptureRequestID != "" && subject.PaymentID != "":
		return list(ctx, r.cache, &apiv1.PaymentList{}, account, subjectIndex, byPaymentID(subject.PaymentID))
	default:
		return nil, nil
	}
}

// lookUp asks the cache.
func (r *Receiver) lookUp(ctx context.Context, account types.NamespacedName, subject alipay.Subject) ([]client.Object, error) {
	if subject.RefundRequestID != "" {
		return list(ctx, r.cache, &apiv1.RefundList{}, account, subjectIndex, byRefundRequestID(subject.RefundRequestID))
	}
	if subject.CaptureRequestID != "" {
		return r.lookUpCapture(ctx, account, subject)
	}
	if subject.PaymentRequestID != "" {
		payments, err := list(ctx, r.cache, &apiv1.PaymentList{}, account, subjectIndex, byPaymentRequestID(subject.PaymentRequestID))
		if err != nil || len(payments) > 0 {
			return payments, err
		}
	}
	if subject.PaymentID != "" {
		return list(ctx, r.cache, &apiv1.PaymentList{}, account, subjectIndex, byPaymentID(subject.PaymentID))
	}
	switch {
	case subject.AuthState != "":
		return list(ctx, r.cache, &apiv1.AutoDebitAgreementList{}, account, subjectIndex, byAuthState(fullHash(subject.AuthState)))
	case subject.AccessToken != "":
		return list(ctx, r.cache, &apiv1.AutoDebitAgreementList{}, account, subjectIndex, byAccessToken(fullHash(string(subject.AccessToken))))
	default:
		return nil, nil
	}
}

// lookUpCapture asks the cache for a capture: for its object, or for the payment where the gateway itself makes the captures.
func (r *Receiver) lookUpCapture(ctx context.Context, account types.NamespacedName, subject alipay.Subject) ([]client.Object, error) {
	found, err := list(ctx, r.cache, &apiv1.CaptureList{}, account, subjectIndex, byCaptureRequestID(subject.CaptureRequestID))
	if err != nil || len(found) > 0 || subject.PaymentID == "" {
		return found, err
	}
	found, err = list(ctx, r.cache, &apiv1.PaymentList{}, account, subjectIndex, byPaymentID(subject.PaymentID))
	return slices.DeleteFunc(found, func(obj client.Object) bool { return obj.(*apiv1.Payment).Spec.CaptureMode == apiv1.ManualCapture }), err
}

// lookUpLive asks the API server. When that is overloaded it ends watches, and the cache then lags by many seconds.
func (r *Receiver) lookUpLive(ctx context.Context, account types.NamespacedName, subject alipay.Subject) (found []client.Object, err error) {
	if err := r.looks.Wait(ctx); err != nil {
		return nil, fmt.Errorf("too many notifications are about what the cache does not have: %w", err)
	}
	switch {
	case subject.RefundRequestID != "":
		found, err = list(ctx, r.live, &apiv1.RefundList{}, account, "status.refundRequestId", subject.RefundRequestID)
	case subject.CaptureRequestID != "":
		found, err = list(ctx, r.live, &apiv1.CaptureList{}, account, "status.captureRequestId", subject.CaptureRequestID)
		if err == nil && len(found) == 0 && subject.PaymentID != "" {
			found, err = list(ctx, r.live, &apiv1.PaymentList{}, account, "status.paymentId", subject.PaymentID)
		}
	case subject.PaymentRequestID != "":
		found, err = list(ctx, r.live, &apiv1.PaymentList{}, account, "status.paymentRequestId", subject.PaymentRequestID)
	case subject.PaymentID != "":
		found, err = list(ctx, r.live, &apiv1.PaymentList{}, account, "status.paymentId", subject.PaymentID)
	case subject.AuthState != "":
		found, err = list(ctx, r.live, &apiv1.AutoDebitAgreementList{}, account, "status.authStateSHA256", fullHash(subject.AuthState))
	case subject.AccessToken != "":
		found, err = list(ctx, r.live, &apiv1.AutoDebitAgreementList{}, account, "status.accessTokenSHA256", fullHash(string(subject.AccessToken)))
	}
	if apierrors.IsBadRequest(err) {
		return nil, nil // Kubernetes before 1.31 selects by no such field
	}
	return found, err
}

// list returns the objects of a kind that a field finds and that belong to the account: the same id of another account is another operation.
// It reads a cache without copying, as nothing here changes what it returns.
func list(ctx context.Context, from client.Reader, kind client.ObjectList, account types.NamespacedName, field, value string) ([]client.Object, error) {
	if err := from.List(ctx, kind, client.InNamespace(account.Namespace), client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("looking for %s %s: %w", field, value, err)
	}
	var found []client.Object
	err := meta.EachListItem(kind, func(item runtime.Object) error {
		if obj := item.(client.Object); belongsTo(obj) == account.Name {
			found = append(found, obj)
		}
		return nil
	})
	return found, err
}

// belongsTo is the account to which an object belongs; of what moves money, the one for which it was sent, and none before.
func belongsTo(obj client.Object) string {
	var intent *apiv1.Intent
	switch obj := obj.(type) {
	case *apiv1.AutoDebitAgreement:
		return obj.Spec.MerchantAccountRef.Name
	case *apiv1.Dispute:
		return obj.Spec.MerchantAccountRef.Name
	case *apiv1.Payment:
		intent = obj.Status.Intent
	case *apiv1.Refund:
		intent = obj.Status.Intent
	case *apiv1.Capture:
		intent = obj.Status.Intent
	}
	if intent == nil {
		return ""
	}
	return intent.MerchantAccount
}
