package notification

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Receiver is the HTTP handler for notifications. Every replica of the operator runs one.
type Receiver struct {
	// cache finds accounts and objects; client writes.
	cache  client.Reader
	client client.Client
	// live is asked for objects that the cache does not have, if given; looks limits how often.
	live  client.Reader
	looks *rate.Limiter
	// returnLooks does the same for browsers that come back.
	returnLooks *rate.Limiter
	log         logr.Logger
	now         func() time.Time
	suspicion   suspicion
	// slots are free places for requests that are being worked on.
	slots chan struct{}
	// searching are the searches that are going on.
	searching chan struct{}
}

// NewReceiver finds objects in cache, which must have the indexes of [AddIndexes], and writes to them with c.
func NewReceiver(cache client.Reader, c client.Client, log logr.Logger) *Receiver {
	return &Receiver{
		cache: cache, client: c, looks: rate.NewLimiter(looksPerSecond, looksBurst),
		returnLooks: rate.NewLimiter(returnLooksPerSecond, returnLooksBurst),
		log:         log, now: time.Now, slots: make(chan struct{}, maxConcurrent), searching: make(chan struct{}, maxSearchesOfAll),
	}
}

// refusal is the answer to everything that is not acknowledged, so that it tells a stranger nothing. The gateway sends again what is
// answered like this.
const refusal = `{"result":{"resultCode":"PROCESS_FAIL","resultStatus":"F","resultMessage":"fail"}}`

// ServeHTTP answers a notification.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if _, isReturn := returnAccount(request.RequestURI); isReturn {
		r.serveReturn(w, request)
		return
	}
	began := r.now()
	kind, became := r.receive(request)
	received.WithLabelValues(kind, string(became)).Inc()
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if became.acknowledged() {
		acknowledgeSeconds.Observe(r.now().Sub(began).Seconds())
		_, _ = w.Write(alipay.Acknowledgement())
		return
	}
	w.Header().Set("Connection", "close") // what is left of the body is not read
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(refusal))
}

// receive verifies, finds, stores. It returns the type for the metrics, and what became of the request.
func (r *Receiver) receive(request *http.Request) (kind string, became outcome) {
	a, err := enter(request)
	if err != nil {
		return "", malformed
	}
	if !r.takeSlot(request.Context()) {
		return "", limited
	}
	defer func() { <-r.slots }()

	// A sender that goes away does not undo what was begun.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(request.Context()), storeTimeout)
	defer cancel()
	account, err := r.account(ctx, a)
	if err != nil {
		r.log.Error(err, "A MerchantAccount could not be read")
		return "", notStored
	}
	signedURI := r.verify(account, a)
	if signedURI == "" {
		return "", unverified
	}
	subject, err := alipay.ReadSubject(a.body)
	if err != nil || !utf8.Valid(a.body) {
		return typeLabel("", true), malformed
	}
	return typeLabel(subject.Type, true), r.keep(ctx, account, subject, a, signedURI)
}

// takeSlot waits for a free place, for a while. A sender that goes away gives up waiting, and no place that is free.
func (r *Receiver) takeSlot(ctx context.Context) bool {
	select {
	case r.slots <- struct{}{}:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, longestQueueing)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// account is the account that the path names; nil when there is none.
func (r *Receiver) account(ctx context.Context, a *arrival) (*apiv1.MerchantAccount, error) {
	account := &apiv1.MerchantAccount{}
	err := r.cache.Get(ctx, a.account, account)
	if apierrors.IsNotFound(err) {
		return nil, nil // to a stranger it must look like any other account
	}
	return account, err
}

// strangersKey takes the place of keys that an account does not have, and of those of an account that does not exist. So each refusal of a
// forgery takes triedURIs times triedKeys verifications. Whatever this key verifies is refused.
const strangersKey = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApvKsviybx7RlHz0odIcSpgWJJmzQWeHJ3nZuHHfO01sDOwhLsCeJRbPcLtS0dM5qTm2P" +
	"cegu4w44E5bIMMKJDyGlplom65Di1yAJTw+6/v61Io01AIYaRTNJ9fzle5xmoaGmjjEmU+EZQuizJGo5xb11nAvOdnhLkpfvmA+djGX1wZlsljqFPAOV6voys6grcAPn" +
	"80/ldEZng6S4qGOid1BQDCYOaOmT4HzE01FAF7SP9tWE+B/IQLNTAXsDa7vlvhtnVbssVN5BRsorVl3A+0H4Br5J8W6URJSH0WrtxEaCO0JRT/So0MRHFsR6zNGiPYT3" +
	"s4pZLBcbJId8XBJP9wIDAQAB"

var parsedStrangersKey = sync.OnceValue(func() *rsa.PublicKey {
	key, err := alipay.ParsePublicKey([]byte(strangersKey))
	if err != nil {
		panic(err) // it is a constant
	}
	return key
})

// An account has at most two keys, and signedURIs gives at most two addresses.
const triedKeys, triedURIs = 2, 2

// errUnverified is a request that no key of an account that is there has signed for that client.
var errUnverified = errors.New("not verified")

// verify returns the URI that the signature covers, or nothing if no key of the account made it.
func (r *Receiver) verify(account *apiv1.MerchantAccount, a *arrival) (signedURI string) {
	known := account != nil
	if !known {
		account = &apiv1.MerchantAccount{}
	}
	_ = r.suspicion.of(client.ObjectKeyFromObject(account)).verify(r.now(), func() error {
		// A key that can not be read is the account's fault, which nobody outside is to notice.
		keys, err := Keys(account)
		for _, uri := range triedWith(account, a) {
			envelope := Envelope{URI: uri, ClientID: a.clientID, RequestTime: a.requestTime, Signature: a.signature}
			if envelope.Verify(a.body, padded(keys)...) != nil {
				continue
			}
			// Once more, with the account's own keys only.
			if err == nil && known && a.clientID == account.Spec.ClientID && envelope.Verify(a.body, keys...) == nil {
				signedURI = uri
				return nil
			}
		}
		return errUnverified
	})
	return signedURI
}

// padded are an account's keys, with the strangers' in the place of each that is missing.
func padded(keys []*rsa.PublicKey) []*rsa.PublicKey {
	keys = slices.Clone(keys)
	for len(keys) < triedKeys {
		keys = append(keys, parsedStrangersKey())
	}
	return keys
}

// triedWith are the addresses of signedURIs, with the last one repeated in the place of each that is missing.
func triedWith(account *apiv1.MerchantAccount, a *arrival) []string {
	uris := signedURIs(account, a)
	for len(uris) < triedURIs {
		uris = append(uris, uris[len(uris)-1])
	}
	return uris
}

// signedURIs are the addresses that the gateway may have called, and thus signed: that of the account's notificationBaseUrl, whose path a
// proxy may have taken away, or else the one that arrived.
func signedURIs(account *apiv1.MerchantAccount, a *arrival) []string {
	_, query, hasQuery := strings.Cut(a.requested, "?")
	uri := basePath(account) + "/notify/" + a.account.Namespace + "/" + a.account.Name
	if hasQuery {
		uri += "?" + query
	}
	if uri == a.requested {
		return []string{uri}
	}
	return []string{uri, a.requested}
}

// basePath is the path of the account's notificationBaseUrl.
func basePath(account *apiv1.MerchantAccount) string {
	_, afterScheme, _ := strings.Cut(strings.TrimSuffix(account.Spec.NotificationBaseURL, "/"), "://")
	_, path, hasPath := strings.Cut(afterScheme, "/")
	if !hasPath {
		return ""
	}
	return "/" + path
}

// keep stores a verified notification with every object that it is about.
func (r *Receiver) keep(ctx context.Context, account *apiv1.MerchantAccount, subject alipay.Subject, a *arrival, signedURI string) outcome {
	log := r.log.WithValues("merchantAccount", client.ObjectKeyFromObject(account), "type", typeLabel(subject.Type, true))
	limits := r.suspicion.of(client.ObjectKeyFromObject(account))
	if subject.DisputeID != "" {
		return r.keepDispute(ctx, log, account, subject, a, signedURI)
	}
	objects, err := r.find(ctx, a, subject, &limits.searches)
	if errors.Is(err, errLimited) {
		return limited
	}
	if err != nil {
		log.Error(err, "The object of a notification could not be looked for; the gateway will send it again")
		return notStored
	}
	if len(objects) == 0 {
		limits.searches.log.Do(func() {
			log.Info("A notification is about nothing that is here, and is not acknowledged",
				"paymentRequestID", short(subject.PaymentRequestID), "refundRequestID", short(subject.RefundRequestID))
		})
		return unknownObject
	}
	return r.storeWith(ctx, log, account, objects, subject, a, signedURI)
}

// storeWith stores a verified notification with each of these objects.
func (r *Receiver) storeWith(ctx context.Context, log logr.Logger, account *apiv1.MerchantAccount, objects []client.Object, subject alipay.Subject,
	a *arrival, signedURI string,
) outcome {
	became := duplicate
	for _, obj := range objects {
		repeated, err := r.store(ctx, account, obj, subject.Type, a, signedURI)
		if errors.Is(err, errLimited) {
			return limited
		}
		if err != nil {
			log.Error(err, "A notification could not be stored; the gateway will send it again", "object", client.ObjectKeyFromObject(obj))
			return notStored
		}
		if !repeated {
			became = stored
		}
	}
	return became
}

// short cuts an id to the length that the gateway's ids have at most.
func short(id string) string { return id[:min(len(id), 64)] }
