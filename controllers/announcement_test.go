package controllers

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// worldOptions are what a world can be made with.
type worldOptions struct {
	account *apiv1.MerchantAccount
	// dashboardURL is where the gateway sends notifications when a request names no address.
	dashboardURL string
	// multipleCaptures lets the gateway capture a card more than once.
	multipleCaptures bool
	// wallets replace built-in ones.
	wallets map[string]simulator.Wallet
}

const testReceiver = "https://pay.example.com"

// notified has the requests name an address for notifications.
func notified(o *worldOptions) { o.account.Spec.NotificationBaseURL = testReceiver }

// notifiedByDashboard has the gateway send notifications that no request asked for.
func notifiedByDashboard(o *worldOptions) { o.dashboardURL = testReceiver + "/elsewhere" }

func publicKeyPEM(name string) string {
	der, err := x509.MarshalPKIXPublicKey(&worldKeys()[name].PublicKey)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// loudspeaker keeps what the gateway announces. Nothing is delivered to an object before a test says so.
type loudspeaker struct {
	mu    sync.Mutex
	all   []announcement
	noted bool // acknowledge, so that the gateway does not send again
}

// announcement is a notification exactly as the gateway signed it.
type announcement struct {
	uri, clientID, time, signature string
	body                           string
}

func (l *loudspeaker) roundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, announcement{
		uri: r.URL.RequestURI(), clientID: r.Header.Get("Client-Id"), time: r.Header.Get("Request-Time"), signature: r.Header.Get("Signature"), body: string(body),
	})
	answer := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody}
	if l.noted {
		answer.StatusCode, answer.Body = http.StatusOK, io.NopCloser(bytes.NewReader(alipay.Acknowledgement()))
	}
	return answer, nil
}

// announced are all notifications up to now, in the order in which they came.
func (w *world) announced() []announcement {
	w.simulator.Advance(0) // those on their way
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	return slices.Clone(w.heard.all)
}

// acknowledges says whether the gateway is told that its notifications have arrived.
func (w *world) acknowledges(noted bool) {
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	w.heard.noted = noted
}

// envelope is the form in which an annotation holds the notification.
func (a announcement) envelope() notification.Envelope {
	return notification.Envelope{URI: a.uri, ClientID: a.clientID, RequestTime: a.time, Signature: a.signature, Body: a.body}
}

func (a announcement) subject() alipay.Subject {
	subject, err := alipay.ReadSubject([]byte(a.body))
	if err != nil {
		panic(err)
	}
	return subject
}

// annotation is the name that the receiver gives: the same for each time that the gateway sends the notification.
func (a announcement) annotation() string {
	sum := sha256.Sum256([]byte(a.body))
	return apiv1.NotificationAnnotation + "-" + a.subject().Type + "-" + hex.EncodeToString(sum[:6])
}

// signed is a notification about anything, with the gateway's own signature.
func signed(fields map[string]any, at time.Time) announcement {
	return signedWith("gateway", fields, at)
}

// unsigned is a notification of which only the body matters.
func unsigned(fields map[string]any) announcement {
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return announcement{uri: "/notify/shop/shop-hk", clientID: testClientID, body: string(body)}
}

func signedWith(key string, fields map[string]any, at time.Time) announcement {
	a := unsigned(fields)
	a.time = at.UTC().Format(time.RFC3339)
	var err error
	a.signature, err = alipay.Sign(worldKeys()[key], 1, alipay.Message{URI: a.uri, ClientID: a.clientID, Time: a.time, Body: []byte(a.body)})
	if err != nil {
		panic(err)
	}
	return a
}

// annotate writes an annotation as anyone with edit rights may.
func (w *world) annotate(obj client.Object, name, value string) {
	w.store.edit(obj, func(obj client.Object) {
		annotations := obj.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[name] = value
		obj.SetAnnotations(annotations)
	})
}

// put writes a notification to an object, whatever it is about.
func (w *world) put(obj client.Object, a announcement) {
	w.t.Helper()
	value, err := a.envelope().Value()
	if err != nil {
		w.t.Fatal(err)
	}
	w.annotate(obj, a.annotation(), value)
}

// receive writes a notification to the object that it is about, as the receiver does; false when there is none yet.
func (w *world) receive(a announcement) bool {
	about := a.subject()
	for _, key := range w.store.keys() {
		obj := w.store.latest(key)
		concerned := false
		switch obj := obj.(type) {
		case *apiv1.Payment:
			concerned = obj.Status.Intent != nil && ownsSubject(obj, about) && w.refundOf(about) == nil
		case *apiv1.Refund:
			concerned = obj.Status.Intent != nil && about.RefundRequestID != "" && obj.Status.RefundRequestID == about.RefundRequestID
		case *apiv1.Capture: // it comes before its payment
			concerned = obj.Status.Intent != nil && about.CaptureRequestID != "" && obj.Status.CaptureRequestID == about.CaptureRequestID
		}
		if !concerned {
			continue
		}
		if _, known := obj.GetAnnotations()[a.annotation()]; !known {
			w.put(obj, a)
		}
		return true
	}
	return false
}

// refundOf is the refund that a notification is about; nil when there is none.
func (w *world) refundOf(about alipay.Subject) *apiv1.Refund {
	for _, key := range w.store.keys() {
		if refund, is := w.store.latest(key).(*apiv1.Refund); is && about.RefundRequestID != "" && refund.Status.RefundRequestID == about.RefundRequestID {
			return refund
		}
	}
	return nil
}

func fieldsOf(body string) map[string]any {
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		panic(err)
	}
	return fields
}
