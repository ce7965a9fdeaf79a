package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// agreementToken is what debits the buyer of an agreement.
type agreementToken struct {
	// customerBelongsTo is the wallet, and merchantAccount the account that may debit it; clientID is the account's client that the buyer has
	// consented to, and consent the SHA-256 of the authState which binds that consent.
	customerBelongsTo, merchantAccount, clientID, consent string
	// accessToken is a credential; hash is its SHA-256 in hexadecimal digits, for records and for markTokenRejected.
	accessToken alipay.Credential
	hash        string
	// expiresAt is zero where the gateway has not said.
	expiresAt time.Time
}

// agreementToken reads the live token of an agreement, past the cache. The problem says why there is none that could be debited now; a watch on
// agreements tells when that changes, and where it does not the problem says when to look again.
func (l *Lifecycle) agreementToken(ctx context.Context, key types.NamespacedName, now time.Time) (agreementToken, *problem) {
	agreement := &apiv1.AutoDebitAgreement{}
	if err := l.Live.Get(ctx, key, agreement); err != nil {
		if apierrors.IsNotFound(err) {
			return agreementToken{}, awaitingAgreement(key.Name, "does not exist in this namespace")
		}
		return agreementToken{}, &problem{
			reason: apiv1.AwaitingAgreementReason, retry: secretRetry,
			message: fmt.Sprintf("AutoDebitAgreement %q could not be read from the API server; it is tried again. Nothing is sent before.", key.Name),
		}
	}
	st := &agreement.Status
	token := agreementToken{
		customerBelongsTo: agreement.Spec.CustomerBelongsTo, merchantAccount: agreement.Spec.MerchantAccountRef.Name,
		clientID: st.ClientID, consent: st.AuthStateSHA256, hash: st.AccessTokenSHA256,
	}
	if st.AccessTokenExpiryTime != nil {
		token.expiresAt = st.AccessTokenExpiryTime.Time
	}
	switch {
	case !agreement.DeletionTimestamp.IsZero():
		return token, awaitingAgreement(key.Name, "is being deleted")
	case !debitable(agreement, now):
		return token, awaitingAgreement(key.Name, "is not ready: see kubectl describe autodebitagreement "+key.Name)
	}
	secret := &corev1.Secret{}
	if err := l.Live.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: st.TokenSecretName}, secret); err != nil {
		return token, unreadableSecret(st.TokenSecretName, apiv1.AccessTokenSecretKey, err, time.Minute)
	}
	token.accessToken = alipay.Credential(secret.Data[apiv1.AccessTokenSecretKey])
	if credentialHash(string(token.accessToken)) != token.hash {
		found := awaitingAgreement(key.Name, fmt.Sprintf("does not have its token in Secret %q: it is getting another one, or somebody has changed that Secret", st.TokenSecretName))
		found.retry = secretRetry
		return agreementToken{}, found
	}
	return token, nil
}

func awaitingAgreement(name, what string) *problem {
	return &problem{
		reason:  apiv1.AwaitingAgreementReason,
		message: fmt.Sprintf("AutoDebitAgreement %q %s; the payment starts by itself once the buyer can be debited.", name, what),
	}
}

// debitable reports whether the newest token of an agreement can be debited, as far as its status tells.
func debitable(agreement *apiv1.AutoDebitAgreement, now time.Time) bool {
	st := &agreement.Status
	return meta.IsStatusConditionTrue(st.Conditions, apiv1.ReadyCondition) && !st.State.Final() &&
		agreement.Spec.DesiredState != apiv1.DesiredRevoked && st.AccessTokenSHA256 != "" && st.TokenSecretName != "" &&
		st.RejectedTokenSHA256 != st.AccessTokenSHA256 &&
		(st.AccessTokenExpiryTime == nil || now.Before(st.AccessTokenExpiryTime.Time))
}

// markTokenRejected notes in an agreement that the gateway has refused to debit a token, so that it is debited no more, and renewed if it can be.
// Where the agreement has another token meanwhile, nothing is noted.
func (l *Lifecycle) markTokenRejected(ctx context.Context, key types.NamespacedName, hash string) error {
	agreement := &apiv1.AutoDebitAgreement{}
	if err := l.Live.Get(ctx, key, agreement); err != nil {
		return client.IgnoreNotFound(err)
	}
	st := &agreement.Status
	if hash == "" || st.AccessTokenSHA256 != hash || st.RejectedTokenSHA256 == hash {
		return nil
	}
	base := agreement.DeepCopy()
	st.RejectedTokenSHA256 = hash
	return client.IgnoreNotFound(l.Status().Patch(ctx, agreement, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})))
}
