package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Personal data may stand in a Secret. It goes into the request and nowhere else: what is told of it names the Secret, the key and the
// field, and never a value.

// needsSecrets reports whether the request, and with it what it takes from Secrets, may have to be sent.
func (f *paymentFacts) needsSecrets() bool {
	spec, st := &f.payment.Spec, &f.payment.Status
	named := spec.BuyerSecretRef != nil || spec.ShippingSecretRef != nil || spec.AutoDebit != nil || spec.Cashier != nil && paysByCard(f.payment)
	open := f.payment.DeletionTimestamp.IsZero() && !st.State.Final() && st.Conflict == nil && !f.recorded().seen
	return named && open && !f.wantsCancelled() && f.unsupported() == nil && f.account.problem == nil
}

// withPersonalData returns a copy of the payment in which the content of its Secrets stands where it would stand inline. It serves to make
// the request, and is never stored or shown.
func (l *Lifecycle) withPersonalData(ctx context.Context, payment *apiv1.Payment, now time.Time) (*apiv1.Payment, *problem) {
	full := payment.DeepCopy()
	if ref := payment.Spec.BuyerSecretRef; ref != nil {
		full.Spec.Buyer = &apiv1.Buyer{}
		if found := l.readPersonal(ctx, payment, ref, apiv1.BuyerSecretKey, buyerFields, full.Spec.Buyer, now); found != nil {
			return payment, found
		}
	}
	if ref := payment.Spec.ShippingSecretRef; ref != nil {
		full.Spec.Order.Shipping = &apiv1.Shipping{}
		if found := l.readPersonal(ctx, payment, ref, apiv1.ShippingSecretKey, shippingFields, full.Spec.Order.Shipping, now); found != nil {
			return payment, found
		}
	}
	return full, nil
}

// readPersonal reads one value of a Secret, which must be a JSON object of known fields, into a part of the spec.
func (l *Lifecycle) readPersonal(ctx context.Context, of client.Object, ref *apiv1.SecretKeyReference, defaultKey string,
	known knownFields, into any, now time.Time,
) *problem {
	key := cmp.Or(ref.Key, defaultKey)
	secret := &corev1.Secret{}
	if err := l.Live.Get(ctx, client.ObjectKey{Namespace: of.GetNamespace(), Name: ref.Name}, secret); err != nil {
		return unreadableSecret(ref.Name, key, err, personalDataRetry(of, now))
	}
	content, there := secret.Data[key]
	if !there {
		return &problem{
			reason: apiv1.SecretNotFoundReason, retry: personalDataRetry(of, now),
			message: fmt.Sprintf("Secret %q has no key %q: put the personal data there as a JSON object. Nothing is sent before.", ref.Name, key),
		}
	}
	if err := decodePersonal(content, known, into); err != nil {
		return &problem{
			reason: apiv1.RequestInvalidReason, stalled: true, retry: personalDataRetry(of, now),
			message: fmt.Sprintf("The request can not be made, and nothing is sent before: in Secret %q, key %q, %s.", ref.Name, key, err),
		}
	}
	return nil
}

// personalDataRetry is the pace at which a Secret that can not be used is read again, as it is not watched: a twentieth of the object's
// age, from 10 seconds to 5 minutes.
func personalDataRetry(of client.Object, now time.Time) time.Duration {
	return min(max(now.Sub(of.GetCreationTimestamp().Time)/20, secretRetry), 5*time.Minute)
}

// unreadableSecret says in words how to make a Secret with personal data readable.
func unreadableSecret(name, key string, err error, retry time.Duration) *problem {
	switch {
	case apierrors.IsNotFound(err):
		return &problem{
			reason: apiv1.SecretNotFoundReason, retry: retry,
			message: fmt.Sprintf("Secret %q does not exist in this namespace: create it with the key %q. Nothing is sent before.", name, key),
		}
	case apierrors.IsForbidden(err):
		return &problem{
			reason: apiv1.SecretForbiddenReason, retry: retry,
			message: fmt.Sprintf("The operator may not read Secret %q: apply a Role in this namespace that lets it get that name"+
				" (see config/samples/shop/account.yaml). Nothing is sent before.", name),
		}
	default:
		return &problem{
			reason: apiv1.SecretUnreadableReason, retry: retry,
			message: fmt.Sprintf("Secret %q could not be read from the API server; it is tried again. Nothing is sent before.", name),
		}
	}
}
