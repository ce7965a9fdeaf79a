package controllers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// credentialHash tells credentials apart without showing them; empty for none.
func credentialHash(credential string) string {
	if credential == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(credential))
	return hex.EncodeToString(sum[:])
}

// newAuthState is unguessable: 256 random bits.
func newAuthState() string {
	bits := make([]byte, 32)
	_, _ = rand.Read(bits) // it never fails
	return base64.RawURLEncoding.EncodeToString(bits)
}

// tokenSecretName is the Secret of an agreement.
func tokenSecretName(agreement *apiv1.AutoDebitAgreement) string {
	if agreement.Spec.TokenSecretName != "" {
		return agreement.Spec.TokenSecretName
	}
	return agreement.Name[:min(len(agreement.Name), 247)] + "-token"
}

// tokenFacts is what the token Secret holds, without showing it.
type tokenFacts struct {
	// there is false while the Secret does not exist, and owned true while it goes with the agreement.
	there, owned bool
	// Hashes of what it holds; empty for what it does not.
	authState, authCode, access, refresh, previousAccess string
}

func (t tokenFacts) renewable() bool { return t.refresh != "" }

// readTokens sums up a token Secret.
func readTokens(secret *corev1.Secret, agreement *apiv1.AutoDebitAgreement) tokenFacts {
	if secret == nil {
		return tokenFacts{}
	}
	hash := func(key string) string { return credentialHash(string(secret.Data[key])) }
	return tokenFacts{
		there: true, owned: metav1.IsControlledBy(secret, agreement),
		authState: hash(apiv1.AuthStateSecretKey), authCode: hash(apiv1.AuthCodeSecretKey),
		access: hash(apiv1.AccessTokenSecretKey), previousAccess: hash(apiv1.PreviousAccessTokenSecretKey),
		refresh: hash(apiv1.RefreshTokenSecretKey),
	}
}

// tokenSecret reads the agreement's Secret, past the cache; nil when there is none. The problem says why it can not be used.
func (l *Lifecycle) tokenSecret(ctx context.Context, agreement *apiv1.AutoDebitAgreement, clientID string) (*corev1.Secret, *problem) {
	name := tokenSecretName(agreement)
	secret := &corev1.Secret{}
	err := l.Live.Get(ctx, client.ObjectKey{Namespace: agreement.Namespace, Name: name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, tokenSecretProblem(name, err)
	case !ownSecret(secret, agreement, clientID):
		return nil, &problem{
			reason: apiv1.TokenSecretForeignReason, stalled: true, retry: time.Minute,
			message: fmt.Sprintf("Secret %q is there and is not this agreement's, so it is left alone and nothing is sent: create an agreement with another tokenSecretName, "+
				"or delete the Secret, if nobody needs what is in it.", name),
		}
	}
	return secret, nil
}

// ownSecret reports whether a Secret is this agreement's: it goes with it, or was left by an agreement of this name, wallet and client.
func ownSecret(secret *corev1.Secret, agreement *apiv1.AutoDebitAgreement, clientID string) bool {
	if metav1.IsControlledBy(secret, agreement) {
		return secret.DeletionTimestamp == nil || controllerutil.ContainsFinalizer(secret, apiv1.AgreementSecretFinalizer)
	}
	return metav1.GetControllerOf(secret) == nil && secret.DeletionTimestamp == nil && secret.Labels[apiv1.AgreementSecretLabel] == agreementLabel(agreement) &&
		secret.Annotations[apiv1.AgreementWalletAnnotation] == agreement.Spec.CustomerBelongsTo &&
		(clientID == "" || secret.Annotations[apiv1.AgreementClientAnnotation] == clientID)
}

// agreementLabel is the agreement's name as far as a label can hold it.
func agreementLabel(agreement *apiv1.AutoDebitAgreement) string {
	if len(agreement.Name) <= 63 {
		return agreement.Name
	}
	return credentialHash(agreement.Name)[:63]
}

// tokenSecretProblem says in words how to make the token Secret usable.
func tokenSecretProblem(name string, err error) *problem {
	if apierrors.IsForbidden(err) {
		return &problem{
			reason: apiv1.SecretForbiddenReason, retry: secretRetry,
			message: fmt.Sprintf("The operator may not keep tokens in Secret %q: apply a Role in this namespace that lets it create Secrets, and get, update and delete that name"+
				" (see config/samples/shop/agreements.yaml).", name),
		}
	}
	return &problem{
		reason: apiv1.SecretUnreadableReason, retry: secretRetry,
		message: fmt.Sprintf("Secret %q could not be read or written at the API server; it is tried again.", name),
	}
}

// writeSecret creates or changes the token Secret in one write, which fails if somebody else was faster.
func (p *agreementPass) writeSecret(ctx context.Context, change func(data map[string][]byte)) error {
	secret, create := p.secret.DeepCopy(), p.secret == nil
	if create {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.agreement.Namespace, Name: tokenSecretName(p.agreement)}, Type: corev1.SecretTypeOpaque}
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	change(secret.Data)
	p.claim(secret)
	var err error
	if create {
		err = p.Create(ctx, secret)
	} else {
		err = p.Update(ctx, secret)
	}
	if err != nil {
		return p.secretError(err)
	}
	p.keepSecret(secret)
	return nil
}

// claim marks the Secret as this agreement's, which it goes with unless it is to be retained.
func (p *agreementPass) claim(secret *corev1.Secret) {
	set := func(in *map[string]string, key, value string) {
		if *in == nil {
			*in = map[string]string{}
		}
		(*in)[key] = value
	}
	set(&secret.Labels, apiv1.AgreementSecretLabel, agreementLabel(p.agreement))
	set(&secret.Annotations, apiv1.AgreementWalletAnnotation, p.agreement.Spec.CustomerBelongsTo)
	set(&secret.Annotations, apiv1.AgreementClientAnnotation, p.clientID())
	controllerutil.RemoveFinalizer(secret, apiv1.AgreementSecretFinalizer)
	if p.ownsSecret() && len(secret.Data[apiv1.AccessTokenSecretKey]) > 0 {
		controllerutil.AddFinalizer(secret, apiv1.AgreementSecretFinalizer)
	}
	secret.OwnerReferences = nil
	if p.ownsSecret() {
		controller := true
		secret.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: apiv1.GroupVersion.String(), Kind: agreementKind, Name: p.agreement.Name, UID: p.agreement.UID, Controller: &controller,
		}}
	}
}

// eraseSecret empties and deletes exactly the version that was read.
func (p *agreementPass) eraseSecret(ctx context.Context) error {
	if p.secret != nil && controllerutil.ContainsFinalizer(p.secret, apiv1.AgreementSecretFinalizer) {
		err := p.writeSecret(ctx, func(data map[string][]byte) { clear(data) })
		if err != nil || p.secretFound != nil {
			return err
		}
	}
	if p.secret != nil {
		uid, version := p.secret.UID, p.secret.ResourceVersion
		err := client.IgnoreNotFound(p.Delete(ctx, p.secret, client.Preconditions{UID: &uid, ResourceVersion: &version}))
		if err != nil {
			return p.secretError(err)
		}
	}
	p.keepSecret(nil)
	return nil
}

// secretError turns a missing right into words for the user. Other errors end the pass; they never repeat what was to be written.
func (p *agreementPass) secretError(err error) error {
	name := tokenSecretName(p.agreement)
	switch {
	case apierrors.IsForbidden(err):
		p.secretFound = tokenSecretProblem(name, err)
		return nil
	case apierrors.IsConflict(err):
		return err
	case apierrors.IsAlreadyExists(err):
		p.secretFound = tokenSecretProblem(name, err)
		return nil
	default:
		return errors.New("Secret " + name + ": " + string(apierrors.ReasonForError(err)))
	}
}

// keepSecret remembers what the Secret holds now.
func (p *agreementPass) keepSecret(secret *corev1.Secret) {
	p.secret, p.tokens = secret, readTokens(secret, p.agreement)
	if secret != nil {
		p.agreement.Status.TokenSecretName = secret.Name
	}
}

// credential is one value of the token Secret.
func (p *agreementPass) credential(key string) alipay.Credential {
	if p.secret == nil {
		return ""
	}
	return alipay.Credential(p.secret.Data[key])
}

// setTokens puts an answer into the Secret's data, beside the pair before it.
func setTokens(data map[string][]byte, given *givenTokens) {
	set := func(key, value string) {
		if value == "" {
			delete(data, key)
			return
		}
		data[key] = []byte(value)
	}
	instant := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	if given.renewal && string(data[apiv1.AccessTokenSecretKey]) != string(given.accessToken) {
		set(apiv1.PreviousAccessTokenSecretKey, string(data[apiv1.AccessTokenSecretKey]))
		set(apiv1.PreviousRefreshTokenSecretKey, string(data[apiv1.RefreshTokenSecretKey]))
	}
	if given.authState != "" {
		set(apiv1.AuthStateSecretKey, given.authState)
	}
	delete(data, apiv1.AuthCodeSecretKey)
	set(apiv1.AccessTokenSecretKey, string(given.accessToken))
	set(apiv1.AccessTokenTimeSecretKey, instant(given.at))
	set(apiv1.AccessTokenExpirySecretKey, instant(given.expires))
	if given.refreshToken != "" || !given.renewal {
		set(apiv1.RefreshTokenSecretKey, string(given.refreshToken))
		set(apiv1.RefreshTokenExpirySecretKey, instant(given.refreshExpires))
	}
	if given.userLoginID != "" {
		set(apiv1.UserLoginIDSecretKey, given.userLoginID)
	}
}

// givenTokens is what the gateway gave: the tokens of a code, of a refresh token, or of an announcement.
type givenTokens struct {
	// credential is the hash of what was exchanged.
	credential string
	// renewal is true for the answer to a refresh token, which leaves out what stays as it is.
	renewal                   bool
	at                        time.Time
	accessToken, refreshToken alipay.Credential
	expires, refreshExpires   time.Time
	userLoginID               string
	// beside is what the Secret held when it was asked for, in case it is gone meanwhile: the tokens before and the authState go with the new ones.
	beside map[string][]byte
	// authState says of an announced token which consent it is of; empty for the others, whose consent the Secret names already.
	authState string
}

// instantOf reads a time of the Secret; nil when there is none.
func (p *agreementPass) instantOf(key string) *metav1.Time {
	at, err := time.Parse(time.RFC3339, string(p.credential(key)))
	if err != nil {
		return nil
	}
	return &metav1.Time{Time: at.Local()}
}
