package controllers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// news is what the notifications on an object say. Whoever may edit annotations may have written them, so only what the gateway has
// signed gets here.
type news struct {
	// verified are the notifications that the gateway has signed and that concern the object.
	verified []verifiedNotification
	// digest tells whether anything has come since they were last looked at; zero when there are none.
	digest uint64
	// rejected is the first annotation that is not to be believed, and why.
	rejected, whyRejected string
	// ask is true when something was said that only the gateway can explain: an inquiry is due.
	ask bool
	// explained is true once the gateway has been asked about it in this pass.
	explained bool
}

// verifiedNotification is a notification that the gateway has signed.
type verifiedNotification struct {
	subject            alipay.Subject
	body               []byte
	sentAt, receivedAt time.Time
}

// longestNews is how old a notification may be to settle something by itself. An older one, as after a restored backup, may have been
// followed by others that are not here any more.
const longestNews = time.Hour

// fresh reports whether the gateway has sent the notification lately, by its own signed word.
func (v *verifiedNotification) fresh(now time.Time) bool {
	return !v.sentAt.IsZero() && now.Sub(v.sentAt) < longestNews
}

// envelopes are the annotations of an object that hold notifications, in a steady order.
func envelopes(obj client.Object) []string {
	var names []string
	for name := range obj.GetAnnotations() {
		if apiv1.IsNotificationAnnotation(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// envelopesChanged wakes an object when a notification has come.
var envelopesChanged = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return true },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return digestOf(e.ObjectOld) != digestOf(e.ObjectNew)
	},
}

// digestOf is a hash over the notifications of an object; zero when it has none.
func digestOf(obj client.Object) uint64 {
	names := envelopes(obj)
	if len(names) == 0 {
		return 0
	}
	h := fnv.New64a()
	for _, name := range names {
		_, _ = fmt.Fprintf(h, "%q=%q\n", name, obj.GetAnnotations()[name])
	}
	return max(h.Sum64(), 1)
}

// hear verifies the notifications of an object with the keys of its account. concerns tells those that are about the object.
func (l *Lifecycle) hear(ctx context.Context, obj client.Object, account *apiv1.MerchantAccount, concerns func(alipay.Subject) bool) news {
	heard := news{digest: digestOf(obj)}
	for _, name := range envelopes(obj) {
		verified, err := l.verify(ctx, obj, name, account)
		if err == nil && !concerns(verified.subject) {
			err = errors.New("it is about something else")
		}
		if err != nil {
			if heard.rejected == "" {
				heard.rejected, heard.whyRejected = name, err.Error()
			}
			continue
		}
		heard.verified = append(heard.verified, verified)
	}
	return heard
}

// verify reads one annotation and believes it only if the gateway has signed it for this account's client.
func (l *Lifecycle) verify(ctx context.Context, obj client.Object, name string, account *apiv1.MerchantAccount) (verifiedNotification, error) {
	envelope, err := notification.Parse(obj.GetAnnotations()[name])
	if err != nil {
		return verifiedNotification{}, err
	}
	if envelope.ClientID != account.Spec.ClientID {
		return verifiedNotification{}, fmt.Errorf("it is for another client than MerchantAccount %q", account.Name)
	}
	body := []byte(envelope.Body)
	if envelope.BodySecretName != "" {
		secret := &corev1.Secret{}
		if err := l.Live.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: envelope.BodySecretName}, secret); err != nil {
			return verifiedNotification{}, fmt.Errorf("Secret %q, which holds its body, can not be read", envelope.BodySecretName)
		}
		body = secret.Data[apiv1.NotificationBodySecretKey]
	}
	keys, err := notification.Keys(account)
	if err != nil {
		return verifiedNotification{}, err
	}
	if err := envelope.Verify(body, keys...); err != nil {
		return verifiedNotification{}, fmt.Errorf("no key of MerchantAccount %q has signed it", account.Name)
	}
	verified := verifiedNotification{body: body}
	if verified.subject, err = alipay.ReadSubject(body); err != nil {
		return verifiedNotification{}, err
	}
	// What these times can not say is left out: they serve the metrics and the mark of adoption.
	verified.sentAt, _ = alipay.ParseTime(envelope.RequestTime)
	verified.receivedAt, _ = time.Parse(time.RFC3339Nano, envelope.ReceivedAt)
	return verified, nil
}

// heed takes notice of the news: it tells once of what is not to be believed, and makes an inquiry due where one is needed, unless the
// gateway has been asked since or gives no usable answers at present.
func (l *Lifecycle) heed(obj client.Object, kind string, heard *news, remembered *recall) {
	if heard.rejected != "" && remembered.rejected != heard.digest {
		remembered.rejected = heard.digest
		notificationsRejected.WithLabelValues(kind).Inc()
		l.Events.Eventf(obj, nil, "Warning", apiv1.NotificationRejectedReason, "Reconcile",
			"The annotation %s is not believed, and changes nothing: %s. Remove it.", heard.rejected, heard.whyRejected)
	}
	if remembered.heeded == heard.digest {
		heard.ask = false
	}
	if heard.ask && remembered.failures == 0 {
		remembered.nextLook = time.Time{}
	}
}

// answered notes that the gateway was asked about what the news said.
func (n *news) answered(t *trouble) {
	if t == nil || t.outcome == notFound {
		n.explained, n.ask = true, false
	}
}

// recordedAnswer remembers what the gateway was asked about. It is called only after the answer is on record: one that is lost with a
// failed write must be asked for again.
func (f *facts) recordedAnswer() {
	if f.news.explained {
		f.recall.heeded = f.news.digest
	}
}

// noteSettled tells how long an acknowledged notification took to settle its object.
func (v *verifiedNotification) noteSettled(kind string, now time.Time) {
	if !v.receivedAt.IsZero() {
		notificationSettleSeconds.WithLabelValues(kind).Set(max(now.Sub(v.receivedAt), 0).Seconds())
	}
}
