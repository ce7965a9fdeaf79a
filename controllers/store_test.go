package controllers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// store is an API server in memory: optimistic locking, a status subresource, generations and finalizers. It keeps every version of
// an object, so that a test can let a reader see an old one, as a cache may.
type store struct {
	client.Client // what is not implemented panics: the reconcilers must not use it

	objects map[storeKey]*stored
	version int64
	uids    int
	writes  int

	// behind is how many versions of an object the cached reader lags.
	behind int
	// failWrite is asked before every write; see its results.
	failWrite func(obj client.Object) writeFault
	// forbidsSecrets says that no Role lets the operator write Secrets.
	forbidsSecrets bool
	// now is the time of creations.
	now func() time.Time
	// changed is told of every version that is written.
	changed func(old, now client.Object)
}

type storeKey struct {
	kind string
	name types.NamespacedName
}

type stored struct {
	versions []client.Object // the newest last
	gone     bool
}

// writeFault is what becomes of a write.
type writeFault string

const (
	writeArrives   writeFault = ""
	writeLost      writeFault = "Lost"      // an error, and nothing was written
	writeUnheardOf writeFault = "UnheardOf" // an error, and it was written
)

var errWrite = errors.New("the API server does not answer")

func newStore() *store {
	return &store{objects: map[storeKey]*stored{}, now: func() time.Time { return worldStart }}
}

func keyOf(obj client.Object) storeKey {
	return storeKey{kind: reflect.TypeOf(obj).Elem().Name(), name: client.ObjectKeyFromObject(obj)}
}

func notFoundError(key storeKey) error {
	return apierrors.NewNotFound(schema.GroupResource{Group: apiv1.GroupName, Resource: key.kind}, key.name.String())
}

// latest returns the newest version; nil when there is none.
func (s *store) latest(key storeKey) client.Object {
	entry := s.objects[key]
	if entry == nil || entry.gone {
		return nil
	}
	return entry.versions[len(entry.versions)-1]
}

// keys name all objects, in a steady order.
func (s *store) keys() []storeKey {
	var keys []storeKey
	for key, entry := range s.objects {
		if !entry.gone {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(x, y storeKey) int {
		return cmp.Or(strings.Compare(x.kind, y.kind), strings.Compare(x.name.String(), y.name.String()))
	})
	return keys
}

// create adds an object with what the API server sets by default.
func (s *store) create(obj client.Object) {
	if s.latest(keyOf(obj)) != nil {
		panic(fmt.Sprintf("%v exists", keyOf(obj)))
	}
	obj = obj.DeepCopyObject().(client.Object)
	s.uids++
	obj.SetUID(types.UID(fmt.Sprintf("uid-%d", s.uids)))
	obj.SetGeneration(1)
	obj.SetCreationTimestamp(metav1.Time{Time: s.now().Truncate(time.Second)})
	switch obj := obj.(type) {
	case *apiv1.Payment:
		obj.Spec.Attempt = max(obj.Spec.Attempt, 1)
		if obj.Spec.DesiredState == "" {
			obj.Spec.DesiredState = apiv1.DesiredPaid
		}
		if obj.Spec.DeletionPolicy == "" {
			obj.Spec.DeletionPolicy = apiv1.RetainPayment
		}
	case *apiv1.Refund:
		obj.Spec.Attempt = max(obj.Spec.Attempt, 1)
	case *apiv1.Capture:
		obj.Spec.Attempt = max(obj.Spec.Attempt, 1)
	case *apiv1.CustomsDeclaration:
		obj.Spec.Attempt = max(obj.Spec.Attempt, 1)
	case *apiv1.AutoDebitAgreement:
		obj.Spec.Attempt = max(obj.Spec.Attempt, 1)
		obj.Spec.DesiredState = cmp.Or(obj.Spec.DesiredState, apiv1.DesiredActive)
		obj.Spec.DeletionPolicy = cmp.Or(obj.Spec.DeletionPolicy, apiv1.RevokeAgreement)
		obj.Spec.TerminalType = cmp.Or(obj.Spec.TerminalType, "WEB")
	}
	s.put(nil, obj)
}

// edit changes the newest version as a user with kubectl does.
func (s *store) edit(obj client.Object, change func(client.Object)) {
	old := s.latest(keyOf(obj))
	now := old.DeepCopyObject().(client.Object)
	change(now)
	if !reflect.DeepEqual(specOf(old), specOf(now)) {
		now.SetGeneration(old.GetGeneration() + 1)
	}
	s.put(old, now)
}

// remove deletes as a user with kubectl does.
func (s *store) remove(obj client.Object) {
	key := keyOf(obj)
	old := s.latest(key)
	if len(old.GetFinalizers()) == 0 {
		s.drop(key)
		return
	}
	if old.GetDeletionTimestamp() != nil {
		return
	}
	now := old.DeepCopyObject().(client.Object)
	now.SetDeletionTimestamp(&metav1.Time{Time: worldStart})
	now.SetGeneration(old.GetGeneration() + 1)
	s.put(old, now)
}

func (s *store) drop(key storeKey) {
	old := s.latest(key)
	s.objects[key].gone = true
	if s.changed != nil {
		s.changed(old, nil)
	}
}

func (s *store) put(old, now client.Object) {
	s.version++
	now.SetResourceVersion(strconv.FormatInt(s.version, 10))
	key := keyOf(now)
	entry := s.objects[key]
	if entry == nil || entry.gone {
		entry = &stored{}
		s.objects[key] = entry
	}
	entry.versions = append(entry.versions, now)
	if s.changed != nil {
		s.changed(old, now)
	}
	if now.GetDeletionTimestamp() != nil && len(now.GetFinalizers()) == 0 {
		s.drop(key)
	}
}

// Get reads as a cache does, which may lag.
func (s *store) Get(_ context.Context, name client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	return s.read(storeKey{kind: reflect.TypeOf(obj).Elem().Name(), name: name}, obj, s.behind)
}

func (s *store) read(key storeKey, obj client.Object, behind int) error {
	entry := s.objects[key]
	if entry == nil || entry.gone {
		return notFoundError(key)
	}
	version := entry.versions[max(0, len(entry.versions)-1-behind)].DeepCopyObject()
	reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(version).Elem())
	return nil
}

// List lists as a cache does, and knows the index of refunds and captures by payment.
func (s *store) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	return s.list(list, s.behind, options...)
}

func (s *store) list(list client.ObjectList, behind int, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	if _, isCatalogs := list.(*apiv1.PaymentMethodCatalogList); isCatalogs {
		return nil // there are none
	}
	if isDispute, err := s.listDisputes(list, behind, asked); isDispute {
		return err
	}
	of, exact := asked.FieldSelector.RequiresExactMatch(sharePaymentIndex)
	if !exact {
		return fmt.Errorf("no such index: %s", asked.FieldSelector)
	}
	for _, entry := range s.objects {
		if entry.gone {
			continue
		}
		obj := entry.versions[max(0, len(entry.versions)-1-behind)].DeepCopyObject().(client.Object)
		switch list := list.(type) {
		case *apiv1.RefundList:
			if refund, isRefund := obj.(*apiv1.Refund); isRefund && refund.Namespace == asked.Namespace && refund.Spec.PaymentRef.Name == of {
				list.Items = append(list.Items, *refund)
			}
		case *apiv1.CaptureList:
			if capture, isCapture := obj.(*apiv1.Capture); isCapture && capture.Namespace == asked.Namespace && capture.Spec.PaymentRef.Name == of {
				list.Items = append(list.Items, *capture)
			}
		case *apiv1.CustomsDeclarationList:
			if declaration, isDeclaration := obj.(*apiv1.CustomsDeclaration); isDeclaration && declaration.Namespace == asked.Namespace && declaration.Spec.PaymentRef.Name == of {
				list.Items = append(list.Items, *declaration)
			}
		}
	}
	return nil
}

// Patch writes everything but the status.
func (s *store) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return s.patch(obj, patch, func(now, old client.Object) { setStatus(now, statusOf(old)) })
}

// Status returns the client of the status subresource.
func (s *store) Status() client.SubResourceWriter { return &statusStore{store: s} }

type statusStore struct {
	client.SubResourceWriter
	store *store
}

// Patch writes the status alone.
func (s *statusStore) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.store.patch(obj, patch, func(now, old client.Object) {
		status := statusOf(now)
		reflect.ValueOf(now).Elem().Set(reflect.ValueOf(old.DeepCopyObject()).Elem())
		setStatus(now, status)
	})
}

func (s *store) patch(obj client.Object, patch client.Patch, keep func(now, old client.Object)) error {
	key := keyOf(obj)
	old := s.latest(key)
	if old == nil {
		return notFoundError(key)
	}
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	var precondition struct {
		Metadata struct{ ResourceVersion string }
	}
	if err := json.Unmarshal(data, &precondition); err != nil {
		return err
	}
	if precondition.Metadata.ResourceVersion == "" {
		return fmt.Errorf("%v is written without optimistic lock: %s", key, data)
	}
	fault := writeArrives
	if s.failWrite != nil {
		fault = s.failWrite(obj)
	}
	if fault == writeLost {
		return errWrite
	}
	if precondition.Metadata.ResourceVersion != old.GetResourceVersion() {
		return apierrors.NewConflict(schema.GroupResource{Group: apiv1.GroupName, Resource: key.kind}, key.name.String(), errors.New("it was changed"))
	}
	now := old.DeepCopyObject().(client.Object)
	if err := mergePatch(now, data); err != nil {
		return err
	}
	keep(now, old)
	s.writes++
	s.put(old, now)
	if fault == writeUnheardOf {
		return errWrite
	}
	reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(now.DeepCopyObject()).Elem())
	return nil
}

// mergePatch applies a JSON merge patch.
func mergePatch(obj client.Object, data []byte) error {
	raw, err := json.Marshal(obj)
	if err != nil {
		return err
	}
	var base, change map[string]any
	if err := errors.Join(json.Unmarshal(raw, &base), json.Unmarshal(data, &change)); err != nil {
		return err
	}
	merged, err := json.Marshal(mergeInto(base, change))
	if err != nil {
		return err
	}
	fresh := reflect.New(reflect.TypeOf(obj).Elem())
	if err := json.Unmarshal(merged, fresh.Interface()); err != nil {
		return err
	}
	reflect.ValueOf(obj).Elem().Set(fresh.Elem())
	return nil
}

func mergeInto(base, change map[string]any) map[string]any {
	for name, value := range change {
		below, isObject := value.(map[string]any)
		switch known, knowsObject := base[name].(map[string]any); {
		case value == nil:
			delete(base, name)
		case isObject && knowsObject:
			base[name] = mergeInto(known, below)
		case isObject:
			base[name] = mergeInto(map[string]any{}, below)
		default:
			base[name] = value
		}
	}
	return base
}

// Create makes a Secret: the reconcilers make nothing else.
func (s *store) Create(_ context.Context, obj client.Object, options ...client.CreateOption) error {
	var asked client.CreateOptions
	asked.ApplyOptions(options)
	return s.writeSecret(obj.(*corev1.Secret), nil, len(asked.DryRun) > 0)
}

// Update writes a Secret, with the lock of its version.
func (s *store) Update(_ context.Context, obj client.Object, options ...client.UpdateOption) error {
	var asked client.UpdateOptions
	asked.ApplyOptions(options)
	old := s.latest(keyOf(obj))
	if old == nil {
		return notFoundError(keyOf(obj))
	}
	return s.writeSecret(obj.(*corev1.Secret), old, len(asked.DryRun) > 0)
}

func (s *store) writeSecret(secret *corev1.Secret, old client.Object, dryRun bool) error {
	kind := schema.GroupResource{Resource: "secrets"}
	fault := writeArrives
	if s.failWrite != nil && !dryRun {
		fault = s.failWrite(secret)
	}
	switch {
	case s.forbidsSecrets:
		return apierrors.NewForbidden(kind, secret.Name, errors.New("no Role allows it"))
	case fault == writeLost:
		return errWrite
	case old == nil && s.latest(keyOf(secret)) != nil:
		return apierrors.NewAlreadyExists(kind, secret.Name)
	case old != nil && old.GetResourceVersion() != secret.ResourceVersion:
		return apierrors.NewConflict(kind, secret.Name, errors.New("it was changed"))
	case dryRun:
		return nil
	case old == nil:
		s.create(secret)
	default:
		s.put(old, secret.DeepCopy())
	}
	if fault == writeUnheardOf {
		return errWrite
	}
	if now := s.latest(keyOf(secret)); now != nil { // or nothing held it any more
		now.(*corev1.Secret).DeepCopyInto(secret)
	}
	return nil
}

// Delete honours preconditions and finalizers.
func (s *store) Delete(_ context.Context, obj client.Object, options ...client.DeleteOption) error {
	var asked client.DeleteOptions
	asked.ApplyOptions(options)
	key := keyOf(obj)
	old := s.latest(key)
	if old == nil {
		return notFoundError(key)
	}
	if p := asked.Preconditions; p == nil || *p.UID != old.GetUID() || *p.ResourceVersion != old.GetResourceVersion() {
		return apierrors.NewConflict(schema.GroupResource{Group: apiv1.GroupName, Resource: key.kind}, key.name.String(), errors.New("precondition failed"))
	}
	if _, isSecret := obj.(*corev1.Secret); isSecret && s.forbidsSecrets {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, obj.GetName(), errors.New("no Role allows it"))
	}
	s.remove(obj)
	return nil
}

// liveStore reads past the cache.
type liveStore struct{ *store }

// Get reads the newest version.
func (l liveStore) Get(_ context.Context, name client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	return l.read(storeKey{kind: reflect.TypeOf(obj).Elem().Name(), name: name}, obj, 0)
}

// List lists the newest versions.
func (l liveStore) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	return l.list(list, 0, options...)
}

func specOf(obj client.Object) any {
	return reflect.ValueOf(obj).Elem().FieldByName("Spec").Interface()
}
func statusOf(obj client.Object) any {
	return reflect.ValueOf(obj).Elem().FieldByName("Status").Interface()
}
func setStatus(obj client.Object, status any) {
	reflect.ValueOf(obj).Elem().FieldByName("Status").Set(reflect.ValueOf(status))
}
