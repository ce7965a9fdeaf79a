package controllers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	// digest is that of all annotations, and said that of what the gateway has signed: they tell whether anything has come since they were
	// last looked at. Zero when there is nothing.
	digest, said uint64
	// contradicted is true when the object has ended and the gateway has announced another end.
	contradicted bool
	// alarm is what a person should know, and what nothing else shows.
	alarm string
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
	return !v.sentAt.IsZero() && now.Sub(v.sentAt).Abs() < longestNews
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

// mostHeard is how many notifications of an object are looked at: as many as the receiver stores.
const mostHeard = 32

// hear verifies the notifications of an object with the keys of its account. concerns tells those that are about the object. The error is
// that of an API server that could not be asked.
func (l *Lifecycle) hear(ctx context.Context, obj client.Object, account *apiv1.MerchantAccount, concerns func(alipay.Subject) bool) (news, error) {
	heard := news{digest: digestOf(obj)}
	said := fnv.New64a()
	names := envelopes(obj)
	for _, name := range names[:min(len(names), mostHeard)] {
		verified, err := l.verify(ctx, obj, name, account)
		if errors.Is(err, errNotAsked) {
			return heard, err
		}
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
		_, _ = fmt.Fprintf(said, "%q", verified.body)
	}
	if len(heard.verified) > 0 {
		heard.said = max(said.Sum64(), 1)
	}
	return heard, nil
}

// errNotAsked means that the API server did not say what a Secret holds.
var errNotAsked = errors.New("reading the body of a notification")

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
		if !notification.MayHoldBody(obj, envelope.BodySecretName) {
			return verifiedNotification{}, errors.New("it names a Secret that is not the receiver's")
		}
		err := l.Live.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: envelope.BodySecretName}, secret)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
			return verifiedNotification{}, fmt.Errorf("%w: %w", errNotAsked, err)
		}
		body = secret.Data[apiv1.NotificationBodySecretKey]
	}
	keys, err := notification.Keys(account)
	if err != nil {
		return verifiedNotification{}, err
	}
	if err := envelope.Verify(body, keys...); err != nil {
		return verifiedNotification{}, fmt.Errorf("no key of MerchantAccount %q has signed what it holds, or what the Secret holds that it names", account.Name)
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
			"The annotation %s is not believed, and changes nothing: %s.", heard.rejected, heard.whyRejected)
	}
	if remembered.heeded == heard.said {
		heard.ask = false
		return
	}
	if heard.alarm != "" && remembered.alarmed != heard.said {
		remembered.alarmed = heard.said
		l.Events.Eventf(obj, nil, "Warning", apiv1.FormerAttemptOpenReason, "Reconcile", "%s", heard.alarm)
	}
	if heard.ask && remembered.failures == 0 {
		remembered.nextLook = time.Time{}
	}
}

// answered notes that the gateway was asked about what the news said.
func (n *news) answered(t *trouble) {
	if t == nil || t.outcome == notFound && !n.contradicted {
		n.explained, n.ask = true, false
	}
}

// recordedAnswer remembers what the gateway was asked about. It is called only after the answer is on record: one that is lost with a
// failed write must be asked for again.
func (f *facts) recordedAnswer() {
	if f.news.explained {
		f.recall.heeded = f.news.said
	}
}

// noteSettled tells how long an acknowledged notification took to settle its object.
func (v *verifiedNotification) noteSettled(kind string, now time.Time) {
	if !v.receivedAt.IsZero() {
		notificationSettleSeconds.WithLabelValues(kind).Set(max(now.Sub(v.receivedAt), 0).Seconds())
	}
}
