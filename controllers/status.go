package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// statusSaver writes an object's status when it differs from what was last read or written.
type statusSaver struct {
	lifecycle *Lifecycle
	object    client.Object
	base      client.Object
}

func newStatusSaver(l *Lifecycle, obj client.Object) *statusSaver {
	return &statusSaver{lifecycle: l, object: obj, base: obj.DeepCopyObject().(client.Object)}
}

func (s *statusSaver) changed() bool {
	return !equality.Semantic.DeepEqual(s.base, s.object)
}

// save patches the status and remembers it, so that one pass can save twice. It sends the resourceVersion along: a pass that has read
// a stale object fails here, before it acts.
func (s *statusSaver) save(ctx context.Context) error {
	patch := client.MergeFromWithOptions(s.base, client.MergeFromWithOptimisticLock{})
	if err := s.lifecycle.Status().Patch(ctx, s.object, patch); err != nil {
		return err
	}
	s.lifecycle.memory.wrote(s.object)
	s.base = s.object.DeepCopyObject().(client.Object)
	return nil
}

// attemptRaised reports whether the spec asks for a new attempt after one that has ended without money kept, or of which a person says so: the
// gateway is then asked about it once more.
func attemptRaised(st *apiv1.OperationStatus, attempt int32) bool {
	if st.State == apiv1.DeclarationUndetermined {
		return st.Intent != nil && st.Intent.Attempt < attempt
	}
	ended := st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled || st.State == apiv1.DeclarationRejected
	return ended && st.EndedAttempts > 0 && st.EndedAttempts < attempt
}

// forNextAttempt is what a new attempt keeps of the former one's status.
func forNextAttempt(st *apiv1.OperationStatus) apiv1.OperationStatus {
	return apiv1.OperationStatus{Conditions: st.Conditions, ObservedGeneration: st.ObservedGeneration, EndedAttempts: st.EndedAttempts}
}
