package notification

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const capturedBody = `{"notifyType":"CAPTURE_RESULT","result":{"resultStatus":"S"},"captureRequestId":"cr_1","captureId":"2098_1","paymentId":"2099_1"}`

// capturedDoor has a card payment that is captured in a mode, and with a Capture "all" if there is one; what the cache of a second door has
// not seen yet is left out there.
func capturedDoor(t *testing.T, mode apiv1.CaptureMode, capture, seen bool) *door {
	t.Helper()
	d, lagging := newDoor(), newDoor()
	for _, one := range []*door{d, lagging} {
		payment := &apiv1.Payment{}
		one.get(t, "order", payment)
		payment.Spec.CaptureMode = mode
		if err := one.api.Update(t.Context(), payment); err != nil {
			t.Fatal(err)
		}
		if !capture {
			continue
		}
		all := &apiv1.Capture{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "all", UID: "capture-uid"}}
		if one == d || seen {
			all.Status = apiv1.CaptureStatus{OperationStatus: apiv1.OperationStatus{Intent: payment.Status.Intent}, CaptureRequestID: "cr_1"}
		}
		if err := one.api.Create(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	d.cache, d.live = lagging.api, d.api
	d.written()
	return d
}

func TestCaptureIsToldToItsObjectOrElseToItsPayment(t *testing.T) {
	tests := []struct {
		name          string
		mode          apiv1.CaptureMode
		capture, seen bool
		want          string
	}{
		{"a Capture", apiv1.ManualCapture, true, true, "patch all"},
		{"a Capture whose intent has not reached the cache", apiv1.ManualCapture, true, false, "patch all"},
		{"a Capture that was deleted", apiv1.ManualCapture, false, false, "patch order"},
		{"a capture by the gateway itself", apiv1.AutomaticCapture, false, false, "patch order"},
		{"a capture by the gateway itself, as it does when nothing is said", "", false, false, "patch order"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := capturedDoor(t, tt.mode, tt.capture, tt.seen)
			if response := d.deliver(t, written(capturedBody)); !isAcknowledgement(t, response) {
				t.Errorf("answer = %s; log: %s", response.Status, d.log())
			}
			d.expectWrites(t, tt.want)
		})
	}
}

func TestCaptureOfAnotherPaymentIsNotAcknowledged(t *testing.T) {
	d := capturedDoor(t, apiv1.ManualCapture, false, false)
	if response := d.deliver(t, written(`{"notifyType":"CAPTURE_RESULT","result":{"resultStatus":"S"},"captureRequestId":"cr_1","paymentId":"2099_2"}`)); isAcknowledgement(t, response) {
		t.Error("a capture of a payment that nobody has is acknowledged")
	}
	d.expectWrites(t)
}
