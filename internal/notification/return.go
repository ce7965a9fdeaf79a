package notification

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A wallet sends the buyer's browser back to .../return/<namespace>/<merchantaccount>?authCode=...&authState=... . Nothing about such a request is
// signed: whoever has the authState, which nobody can guess, may deliver a code, and the gateway says what that is worth.

const (
	// maxReturn is the longest path and query of a return: an authState of 256 and a code of 128 characters, each of them escaped, have room.
	maxReturn = 4096
	// maxAuthState and maxAuthCode are the gateway's limits.
	maxAuthState = 256
	maxAuthCode  = 128
	// maxReturns is how many different codes one consent keeps: a wallet sends one.
	maxReturns = 4
	// returnLooksPerSecond is how often the API server is asked for an authState that the cache does not know. A buyer takes longer to consent than
	// the cache to learn of it, so strangers ask most of these questions, and they must not use up those that notifications may ask.
	returnLooksPerSecond = 5
	returnLooksBurst     = 20
)

// returned is what a browser has brought.
type returned struct {
	account             types.NamespacedName
	authState, authCode string
}

// returnAccount reads the account out of ".../return/<namespace>/<merchantaccount>", as accountOf does for notifications.
func returnAccount(requestURI string) (account types.NamespacedName, ok bool) {
	requested, _, _ := strings.Cut(requestURI, "?")
	parts := strings.Split(requested, "/")
	if len(parts) < 4 || parts[0] != "" || parts[len(parts)-3] != "return" || path.Clean(requested) != requested {
		return account, false
	}
	account = types.NamespacedName{Namespace: parts[len(parts)-2], Name: parts[len(parts)-1]}
	return account, !strings.ContainsAny(account.Namespace+account.Name, "%*")
}

// readReturn reads a request as far as it has the form of a return.
func readReturn(request *http.Request) (returned, error) {
	var r returned
	var ok bool
	if r.account, ok = returnAccount(request.RequestURI); !ok || request.Method != http.MethodGet || len(request.RequestURI) > maxReturn {
		return r, errForm
	}
	query, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil || len(query["authState"]) != 1 || len(query["authCode"]) > 1 {
		return r, errForm
	}
	r.authState, r.authCode = query.Get("authState"), query.Get("authCode")
	if r.authState == "" || len(r.authState) > maxAuthState || len(r.authCode) > maxAuthCode || strings.ContainsFunc(r.authState+r.authCode, notPrintable) {
		return r, errForm
	}
	return r, nil
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// serveReturn takes what a browser has brought, and sends it on to the page that the agreement names, never to an address out of the request.
func (r *Receiver) serveReturn(w http.ResponseWriter, request *http.Request) {
	// Path and query are a credential: the browser must neither keep them nor tell the next page.
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	address, became := r.takeReturn(request)
	received.WithLabelValues("RETURN", string(became)).Inc()
	if became.acknowledged() {
		w.Header()["Location"] = []string{address}
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Connection", "close")
	if became == notStored || became == limited {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("The shop could not take note of your consent. Load this page again in a moment.\n"))
		return
	}
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte("Nobody here waits for this consent. Go back to the shop.\n"))
}

// takeReturn finds the agreement, stores, and returns where the browser goes next.
func (r *Receiver) takeReturn(request *http.Request) (address string, became outcome) {
	brought, err := readReturn(request)
	if err != nil {
		return "", malformed
	}
	if !r.takeSlot(request.Context()) {
		return "", limited
	}
	defer func() { <-r.slots }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(request.Context()), storeTimeout)
	defer cancel()
	agreement, err := r.findReturn(ctx, brought)
	switch {
	case err != nil:
		r.log.Error(err, "The agreement of a browser that came back could not be looked for")
		return "", notStored
	case agreement == nil:
		return "", unknownObject
	case brought.authCode == "" || agreement.Status.AccessTokenSHA256 != "" || agreement.Status.State.Final():
		return agreement.Spec.AuthRedirectURL, duplicate // the buyer has refused, or is late
	}
	repeated, err := r.storeReturn(ctx, agreement, brought)
	switch {
	case errors.Is(err, errManyReturns):
		return "", unknownObject // whoever has the authState could fill the log otherwise
	case err != nil:
		r.log.Error(err, "What a browser has brought could not be stored", "object", client.ObjectKeyFromObject(agreement))
		return "", notStored
	case repeated:
		return agreement.Spec.AuthRedirectURL, duplicate
	default:
		return agreement.Spec.AuthRedirectURL, stored
	}
}

// findReturn finds the agreement whose consent has this authState; nil when there is none that sends browsers here. Strangers may ask: the API
// server is asked no more often than it can bear.
func (r *Receiver) findReturn(ctx context.Context, brought returned) (*apiv1.AutoDebitAgreement, error) {
	hash := fullHash(brought.authState)
	found, err := list(ctx, r.cache, &apiv1.AutoDebitAgreementList{}, brought.account, subjectIndex, byAuthState(hash))
	if err == nil && len(found) == 0 && r.live != nil && r.returnLooks.Allow() {
		if found, err = list(ctx, r.live, &apiv1.AutoDebitAgreementList{}, brought.account, "status.authStateSHA256", hash); apierrors.IsBadRequest(err) {
			found, err = nil, nil // Kubernetes before 1.31 selects by no such field
		}
	}
	if err != nil || len(found) == 0 {
		return nil, err
	}
	agreement := found[0].(*apiv1.AutoDebitAgreement)
	if !agreement.Spec.RedirectThroughOperator {
		return nil, nil
	}
	return agreement, nil
}

// errManyReturns means that somebody delivers one code after the other.
var errManyReturns = errors.New("several browsers have brought different codes for one consent")

// storeReturn keeps the code in a Secret that goes with the agreement, and names it in an annotation. When it returns nil, the API server has both
// on disk.
func (r *Receiver) storeReturn(ctx context.Context, agreement *apiv1.AutoDebitAgreement, brought returned) (repeated bool, err error) {
	consent := returnsOf(fullHash(brought.authState))
	name := consent + bodyHash([]byte(brought.authCode))
	if MayHoldReturn(agreement, agreement.Annotations[name]) {
		return true, nil
	}
	kept := 0
	for other := range agreement.Annotations {
		if strings.HasPrefix(other, consent) {
			kept++
		}
	}
	if kept >= maxReturns {
		return false, errManyReturns
	}
	secretName, err := r.createReturn(ctx, agreement, brought)
	if err != nil {
		return false, err
	}
	return false, r.annotate(ctx, agreement, name, secretName)
}

// createReturn creates the Secret, or finds the one that has the same. A consent has maxReturns names for them and no more, however many codes come
// at once, and at whichever replicas.
func (r *Receiver) createReturn(ctx context.Context, agreement *apiv1.AutoDebitAgreement, brought returned) (name string, err error) {
	immutable := true
	for place := range maxReturns {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: agreement.Namespace, Name: returnSecretName(agreement, brought.authState, place),
				OwnerReferences: []metav1.OwnerReference{{
					APIVersion: apiv1.GroupVersion.String(), Kind: "AutoDebitAgreement", Name: agreement.Name, UID: agreement.UID,
				}},
			},
			Immutable: &immutable,
			Data:      map[string][]byte{apiv1.AuthCodeSecretKey: []byte(brought.authCode), apiv1.AuthStateSecretKey: []byte(brought.authState)},
		}
		err := r.client.Create(ctx, secret)
		if err == nil {
			return secret.Name, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return "", fmt.Errorf("creating Secret %s (see config/samples/shop/account.yaml for the role): %s", secret.Name, apierrors.ReasonForError(err))
		}
		if same, err := r.holdsReturn(ctx, secret); err != nil || same {
			return secret.Name, err
		}
	}
	return "", errManyReturns
}

// holdsReturn reports whether a Secret that was there already keeps the same, as it does when a browser comes again.
func (r *Receiver) holdsReturn(ctx context.Context, wanted *corev1.Secret) (bool, error) {
	secret := &corev1.Secret{}
	if err := r.client.Get(ctx, client.ObjectKeyFromObject(wanted), secret); err != nil {
		return false, fmt.Errorf("reading Secret %s, which exists (see config/samples/shop/account.yaml for the role): %s", wanted.Name, apierrors.ReasonForError(err))
	}
	same := secret.DeletionTimestamp == nil
	for key, value := range wanted.Data {
		same = same && bytes.Equal(secret.Data[key], value)
	}
	return same, nil
}

// returnsOf begins the names of the annotations that tell of one consent.
func returnsOf(authStateSHA256 string) string {
	return apiv1.AgreementReturnAnnotation + "-" + authStateSHA256[:len(bodyHash(nil))] + "-"
}

// IsReturnOf reports whether an annotation tells of a browser that came back from the consent whose authState has this SHA-256, in hexadecimal.
func IsReturnOf(authStateSHA256, annotation string) bool {
	return len(authStateSHA256) >= len(bodyHash(nil)) && strings.HasPrefix(annotation, returnsOf(authStateSHA256))
}

// returnSecretName comes from the object, the consent, and the place among the codes of that.
func returnSecretName(obj client.Object, authState string, place int) string {
	text, _ := json.Marshal([]string{string(obj.GetUID()), authState, strconv.Itoa(place)})
	return returnSecretPrefix(obj) + bodyHash(text)
}

func returnSecretPrefix(obj client.Object) string {
	owner := obj.GetName()
	return strings.TrimRight(owner[:min(len(owner), 200)], ".-") + "-return-"
}

// MayHoldReturn reports whether a Secret's name is one that the receiver gives to what a browser has brought for an object.
func MayHoldReturn(obj client.Object, secretName string) bool {
	prefix := returnSecretPrefix(obj)
	return strings.HasPrefix(secretName, prefix) && len(secretName) == len(prefix)+len(bodyHash(nil))
}
