package controllers

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Whoever has the data of a session can open its checkout: it goes into a Secret that the payment owns, and nowhere else.

// longestName is the API server's limit for the name of a Secret.
const longestName = 253

const sessionSecretSuffix = "-session"

// sessionSecretName is the payment's name and "-session"; a name that would be too long is cut, and ends in a hash.
func sessionSecretName(payment *apiv1.Payment) string {
	if len(payment.Name)+len(sessionSecretSuffix) <= longestName {
		return payment.Name + sessionSecretSuffix
	}
	sum := sha256.Sum256([]byte(payment.Name))
	hash := lowerBase32.EncodeToString(sum[:])[:hashLength]
	return strings.TrimRight(payment.Name[:longestName-len(sessionSecretSuffix)-hashLength-1], ".-") + "-" + hash + sessionSecretSuffix
}

// sessionSecret reads the Secret of a payment's session; nil when there is none.
func (l *Lifecycle) sessionSecret(ctx context.Context, payment *apiv1.Payment) (*corev1.Secret, *problem) {
	secret := &corev1.Secret{}
	err := l.Live.Get(ctx, client.ObjectKey{Namespace: payment.Namespace, Name: sessionSecretName(payment)}, secret)
	switch owner := metav1.GetControllerOf(secret); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, sessionSecretProblem(payment, err, l.Clock.Now())
	case owner != nil && owner.UID == payment.UID && secret.DeletionTimestamp == nil:
		return secret, nil
	case owner != nil && owner.Kind == paymentKind && owner.Name == payment.Name:
		return nil, &problem{reason: apiv1.SecretConflictReason, retry: secretRetry, message: fmt.Sprintf(
			"Secret %q belongs to a former Payment of this name, and is about to be collected. Nothing is sent before: delete it if it stays.", secret.Name)}
	default:
		return nil, &problem{reason: apiv1.SecretConflictReason, stalled: true, retry: personalDataRetry(payment, l.Clock.Now()), message: fmt.Sprintf(
			"Secret %q exists and is not this Payment's, so the session can not be kept there and nothing is sent: delete or rename it.", secret.Name)}
	}
}

// putSession writes the content of the Secret, which is made if former is nil. A dry run only shows whether that is allowed.
func (l *Lifecycle) putSession(ctx context.Context, payment *apiv1.Payment, former *corev1.Secret, data map[string][]byte, dryRun bool) *problem {
	secret := former.DeepCopy()
	if secret == nil {
		isController := true
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: payment.Namespace, Name: sessionSecretName(payment),
				OwnerReferences: []metav1.OwnerReference{{
					APIVersion: apiv1.GroupVersion.String(), Kind: paymentKind, Name: payment.Name, UID: payment.UID, Controller: &isController,
				}},
			},
			Type: corev1.SecretTypeOpaque,
		}
	}
	if data != nil {
		secret.Data = data
	}
	var err error
	switch {
	case former == nil && dryRun:
		err = l.Create(ctx, secret, client.DryRunAll)
	case former == nil:
		err = l.Create(ctx, secret)
	case dryRun:
		err = l.Update(ctx, secret, client.DryRunAll)
	default:
		err = l.Update(ctx, secret)
	}
	return sessionSecretProblem(payment, err, l.Clock.Now())
}

// sessionSecretProblem says in words how to make the Secret writable; nil when there is no error.
func sessionSecretProblem(payment *apiv1.Payment, err error, now time.Time) *problem {
	retry := personalDataRetry(payment, now)
	switch name := sessionSecretName(payment); {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return &problem{
			reason: apiv1.SecretForbiddenReason, retry: retry,
			message: fmt.Sprintf("The operator may not keep the session in Secret %q: apply a Role in this namespace that lets it create Secrets, and get and"+
				" update that name (see config/samples/shop/sessions.yaml).", name),
		}
	default:
		return &problem{
			reason: apiv1.SessionNotStoredReason, retry: retry,
			message: fmt.Sprintf("Secret %q, which keeps the session, could not be read or written at the API server; it is tried again.", name),
		}
	}
}

// sessionData is the content of the Secret.
func sessionData(answer *alipay.CreatePaymentSessionResponse, requestID string, requestedAt, expiry time.Time) map[string][]byte {
	data := map[string][]byte{
		apiv1.SessionDataSecretKey:        []byte(answer.PaymentSessionData),
		apiv1.SessionIDSecretKey:          []byte(answer.PaymentSessionID),
		apiv1.SessionExpirySecretKey:      []byte(expiry.UTC().Format(time.RFC3339)),
		apiv1.SessionRequestIDSecretKey:   []byte(requestID),
		apiv1.SessionRequestedAtSecretKey: []byte(requestedAt.UTC().Format(time.RFC3339)),
	}
	if answer.NormalURL != "" {
		data[apiv1.SessionURLSecretKey] = []byte(answer.NormalURL)
	}
	return data
}

// holdsSession reports whether a Secret keeps the session that was asked for then, and not a former one.
func holdsSession(secret *corev1.Secret, requestID string, requestedAt time.Time) bool {
	return secret != nil && string(secret.Data[apiv1.SessionRequestIDSecretKey]) == requestID &&
		string(secret.Data[apiv1.SessionRequestedAtSecretKey]) == requestedAt.UTC().Format(time.RFC3339)
}
