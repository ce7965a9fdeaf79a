package notification

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// maxStored is how many notifications one object keeps. Etcd takes objects of 1.5 MB, and the API server annotations of 256 KiB.
const maxStored = 32

var errFull = errors.New("the object keeps as many notifications as it can: remove the annotations of those that are settled")

// store writes a verified notification to the object. When it returns nil, the API server has it on disk. repeated says that the cache had
// it already: it is written all the same, as it was, because the cache does not know what was removed a moment ago. That changes nothing
// on disk where all is well, and fails if the object is gone.
func (r *Receiver) store(ctx context.Context, account *apiv1.MerchantAccount, obj client.Object, kind string, a *arrival, signedURI string) (repeated bool, err error) {
	name := annotationName(kind, a.body)
	envelope := r.envelope(a, signedURI)
	if carriesCredential(a.body) {
		envelope.Body, envelope.BodySecretName = "", bodySecretName(obj, a.body)
	}
	value, repeated := holds(account, obj, name, envelope, a.body)
	if !repeated && countStored(obj, name) >= maxStored {
		return false, errFull
	}
	if repeated && !r.suspicion.of(client.ObjectKeyFromObject(account)).repeats.AllowN(r.now(), 1) {
		return false, errLimited
	}
	if envelope.BodySecretName != "" {
		// Of a duplicate, too: somebody may have deleted the Secret.
		if err := r.storeBody(ctx, obj, envelope.BodySecretName, a.body); err != nil {
			return false, err
		}
	}
	if !repeated {
		if value, err = envelope.Value(); err != nil {
			return false, err
		}
	}
	return repeated, r.annotate(ctx, obj, name, value)
}

// envelope is what arrived, as it was signed.
func (r *Receiver) envelope(a *arrival, signedURI string) Envelope {
	return Envelope{
		URI: signedURI, ClientID: a.clientID, RequestTime: a.requestTime, Signature: a.signature,
		Body: string(a.body), ReceivedAt: r.now().UTC().Format(time.RFC3339Nano),
	}
}

// holds returns the notification as the object has it already, in the same place. What somebody else has put there does not count.
func holds(account *apiv1.MerchantAccount, obj client.Object, name string, again Envelope, body []byte) (value string, ok bool) {
	value, ok = obj.GetAnnotations()[name]
	if !ok {
		return "", false
	}
	envelope, err := Parse(value)
	if err != nil || envelope.Body != again.Body || envelope.BodySecretName != again.BodySecretName || envelope.ClientID != again.ClientID {
		return "", false
	}
	keys, err := Keys(account)
	return value, err == nil && envelope.Verify(body, keys...) == nil
}

func countStored(obj client.Object, besides string) int {
	n := 0
	for name := range obj.GetAnnotations() {
		if name != besides && apiv1.IsNotificationAnnotation(name) {
			n++
		}
	}
	return n
}

// annotate sets one annotation and touches nothing else, so that it never conflicts with another writer. The UID keeps it from an object
// that was made anew under the name.
func (r *Receiver) annotate(ctx context.Context, obj client.Object, name, value string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": obj.GetUID(), "annotations": map[string]string{name: value},
	}})
	if err != nil {
		return err
	}
	kind, err := apiutil.GVKForObject(obj, r.client.Scheme())
	if err != nil {
		return err
	}
	target := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: obj.GetNamespace(), Name: obj.GetName()}}
	target.SetGroupVersionKind(kind)
	return r.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
}

// bodySecretName comes from the object and the body, so that a body that comes again takes no second Secret. The UID is part of it: the Secret of an
// object that was deleted and made anew under its name is about to be deleted, too.
func bodySecretName(obj client.Object, body []byte) string {
	return bodySecretPrefix(obj) + bodyHash(append([]byte(obj.GetUID()+"\n"), body...))
}

func bodySecretPrefix(obj client.Object) string {
	owner := obj.GetName()
	return strings.TrimRight(owner[:min(len(owner), 200)], ".-") + "-notification-"
}

// storeBody keeps a body that carries a credential in a Secret, which goes when the object goes. Of an error of the API server only the reason is told: the
// text may come from a policy or a webhook that repeats what it refuses.
func (r *Receiver) storeBody(ctx context.Context, obj client.Object, name string, body []byte) error {
	kind, err := apiutil.GVKForObject(obj, r.client.Scheme())
	if err != nil {
		return err
	}
	immutable := true
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: obj.GetNamespace(), Name: name,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Name: obj.GetName(), UID: obj.GetUID(),
			}},
		},
		Immutable: &immutable,
		Data:      map[string][]byte{apiv1.NotificationBodySecretKey: body},
	}
	err = r.client.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		return r.compareBody(ctx, client.ObjectKeyFromObject(secret), body)
	}
	if err != nil {
		return fmt.Errorf("creating Secret %s for a body that carries a credential (see config/samples/shop/account.yaml for the role): %s", name, apierrors.ReasonForError(err))
	}
	return nil
}

// compareBody returns nil if a Secret that was there already keeps this body, as it does when a notification comes again.
func (r *Receiver) compareBody(ctx context.Context, key client.ObjectKey, body []byte) error {
	secret := &corev1.Secret{}
	if err := r.client.Get(ctx, key, secret); err != nil {
		return fmt.Errorf("reading Secret %s, which exists (see config/samples/shop/account.yaml for the role): %s", key.Name, apierrors.ReasonForError(err))
	}
	if secret.DeletionTimestamp != nil || !bytes.Equal(secret.Data[apiv1.NotificationBodySecretKey], body) {
		return fmt.Errorf("the Secret %s exists with another body, or is being deleted: delete it", key.Name)
	}
	return nil
}
