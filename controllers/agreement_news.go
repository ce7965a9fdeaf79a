package controllers

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// deliveredCode is an authorization code that has come, by a notification, by a browser, or in the shop's Secret.
type deliveredCode struct {
	code alipay.Credential
	hash string
	// announced is true if the gateway itself has signed it.
	announced bool
}

// longestAuthCode is the gateway's limit for an authCode.
const longestAuthCode = 128

// concernsAgreement reports whether a notification can be about an agreement. Which consent of it, readNews finds out.
func concernsAgreement(s alipay.Subject) bool { return s.AuthState != "" || s.AccessToken != "" }

// mayTellOfEnd reports whether an annotation may announce the end of a token. By its name the receiver says what it holds.
func mayTellOfEnd(annotation string) bool {
	return !strings.HasPrefix(annotation, apiv1.NotificationAnnotation+"-"+alipay.NotifyAuthCodeCreated+"-") &&
		!strings.HasPrefix(annotation, apiv1.NotificationAnnotation+"-"+alipay.NotifyTokenCreated+"-")
}

// ofConsent reports whether an authState is that of the consent at hand.
func (f *agreementFacts) ofConsent(authState string) bool {
	known := f.agreement.Status.AuthStateSHA256
	return known != "" && authState != "" && subtle.ConstantTimeCompare([]byte(credentialHash(authState)), []byte(known)) == 1
}

// readNews makes out what the verified notifications mean for the agreement as it stands.
func (p *agreementPass) readNews() {
	st := &p.agreement.Status
	for i := range p.news.verified {
		told, err := alipay.ReadAuthorizationNotification(p.news.verified[i].body)
		if err != nil {
			continue // a type that nobody knows, or one without what belongs to it
		}
		switch told.AuthorizationNotifyType {
		case alipay.NotifyAuthCodeCreated:
			if p.ofConsent(told.AuthState) {
				p.codes = append(p.codes, deliveredCode{code: told.AuthCode, hash: credentialHash(string(told.AuthCode)), announced: true})
			}
		case alipay.NotifyTokenCreated:
			another := p.tokens.authState != "" && p.tokens.authState != st.AuthStateSHA256 // the Secret is ahead of what was read of the agreement
			if p.ofConsent(told.AuthState) && p.tokens.access == "" && st.AccessTokenSHA256 == "" && !another {
				p.created = credentialHash(string(told.AccessToken))
				p.announcedToken = &givenTokens{at: p.now, accessToken: told.AccessToken, userLoginID: told.UserLoginID, authState: told.AuthState}
			}
		case alipay.NotifyTokenCanceled:
			p.canceledTokens = append(p.canceledTokens, credentialHash(string(told.AccessToken)))
		}
	}
	p.heedEnds()
}

// heedEnds makes out whether the gateway has announced the end of the newest token. That of one before is no news.
func (p *agreementPass) heedEnds() {
	st := &p.agreement.Status
	p.canceled = slices.ContainsFunc(p.canceledTokens, func(hash string) bool { return hash == st.AccessTokenSHA256 || hash == p.tokens.access })
}

// returns are the annotations that tell of a browser that came back, in a steady order.
func returns(obj client.Object) []string {
	var names []string
	for name := range obj.GetAnnotations() {
		if strings.HasPrefix(name, apiv1.AgreementReturnAnnotation+"-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// mostReturns is how many of them are looked at: more than the receiver stores.
const mostReturns = 32

// readCodes reads the codes that browsers have brought, and that of the shop's Secret. The error is that of an API server that could not be asked.
func (p *agreementPass) readCodes(ctx context.Context) error {
	names := slices.DeleteFunc(returns(p.agreement), func(name string) bool {
		return !notification.IsReturnOf(p.agreement.Status.AuthStateSHA256, name)
	})
	for _, name := range names[:min(len(names), mostReturns)] {
		secretName := p.agreement.Annotations[name]
		if !notification.MayHoldReturn(p.agreement, secretName) {
			continue
		}
		secret := &corev1.Secret{}
		switch err := p.Live.Get(ctx, client.ObjectKey{Namespace: p.agreement.Namespace, Name: secretName}, secret); {
		case apierrors.IsNotFound(err):
		case apierrors.IsForbidden(err):
			p.codeFound = unreadableSecret(secretName, apiv1.AuthCodeSecretKey, err, secretRetry)
		case err != nil:
			return fmt.Errorf("reading what a browser has brought: %w", err)
		default:
			p.takeCode(secret.Data[apiv1.AuthCodeSecretKey], secret.Data[apiv1.AuthStateSecretKey])
		}
	}
	if err := p.readShopCode(ctx); err != nil {
		return err
	}
	p.chooseCode()
	return nil
}

// readShopCode reads the Secret in which the shop's page puts the code.
func (p *agreementPass) readShopCode(ctx context.Context) error {
	ref := p.agreement.Spec.AuthCodeSecretRef
	if ref == nil {
		return nil
	}
	retry := secretRetry
	if at := p.agreement.Status.ConsultedAt; at != nil {
		retry = min(max(p.now.Sub(at.Time)/20, secretRetry), time.Minute)
	}
	key := cmp.Or(ref.Key, apiv1.AuthCodeSecretKey)
	secret := &corev1.Secret{}
	switch err := p.Live.Get(ctx, client.ObjectKey{Namespace: p.agreement.Namespace, Name: ref.Name}, secret); {
	case apierrors.IsNotFound(err):
		waiting := awaitingConsent
		waiting.retry = retry
		p.codeFound = &waiting
	case apierrors.IsForbidden(err):
		p.codeFound = unreadableSecret(ref.Name, key, err, retry)
	case err != nil:
		return fmt.Errorf("reading the shop's code: %w", err)
	case !p.takeCode(secret.Data[key], secret.Data[apiv1.AuthStateSecretKey]):
		waiting := awaitingConsent
		waiting.retry = retry
		waiting.message += fmt.Sprintf(" Secret %q has no code under %q with the authState of this consent beside it, and is looked at again.", ref.Name, key)
		p.codeFound = &waiting
	}
	return nil
}

// takeCode keeps a code if it came with the authState of the consent at hand.
func (p *agreementPass) takeCode(code, authState []byte) bool {
	text := strings.TrimSpace(string(code))
	if text == "" || len(text) > longestAuthCode || !p.ofConsent(strings.TrimSpace(string(authState))) {
		return false
	}
	p.codes = append(p.codes, deliveredCode{code: alipay.Credential(text), hash: credentialHash(text)})
	return true
}

// chooseCode chooses the code to be exchanged: the one that a step on record names, else the first that was not refused, those that the gateway
// has announced before others.
func (p *agreementPass) chooseCode() {
	st := &p.agreement.Status
	p.code, p.announced = "", false
	if st.Step == nil && len(st.RefusedCodesSHA256) >= mostRefusedCodes {
		return
	}
	for _, delivered := range p.codes {
		switch {
		case st.Step != nil && delivered.hash != st.Step.CredentialSHA256, slices.Contains(st.RefusedCodesSHA256, delivered.hash):
		case p.code == "", delivered.announced && !p.announced:
			p.code, p.announced = delivered.hash, delivered.announced
		}
	}
}

// codeAtHand is the code that was chosen.
func (p *agreementPass) codeAtHand() alipay.Credential {
	for _, delivered := range p.codes {
		if delivered.hash == p.code {
			return delivered.code
		}
	}
	return ""
}
