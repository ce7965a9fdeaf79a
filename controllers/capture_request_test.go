package controllers

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const goldenPaymentID = "2026112119401080010018800000001"

// captureBody is the body of a capture of 42.00 SGD, or of the part that it names.
func captureBody(t testing.TB, capture *apiv1.Capture) string {
	t.Helper()
	f := &shareFacts{share: capturing{}.share(capture), rules: capturing{}, payment: cardPayment("order", apiv1.ManualCapture)}
	f.id, f.quantity = "hk_shop_all", f.payment.Spec.Amount
	if f.wanted != nil {
		f.quantity = *f.wanted
	}
	request, err := capturing{}.request(f, goldenPaymentID, testIntent())
	if err != nil {
		t.Fatal(err)
	}
	return wireBody(t, request)
}

// The golden bodies must never change, as those of payments.
func TestBodiesOfCapturesAreTheSameInEveryVersion(t *testing.T) {
	full := newCapture("all", "3000", func(spec *apiv1.CaptureSpec) {
		spec.IsLastCapture = ptr.To(true)
		spec.AdditionalFields = raw(`{"transit":{"carrier":"SQ","legs":2}}`)
	})
	refund, err := refundRequest(fullRefund(), "hk_shop_back", goldenPaymentID, "2026112119401089010011100000099", apiv1.Amount{Currency: "SGD", Value: "3000"}, testIntent())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ got, want string }{
		"a capture with every field":         {captureBody(t, full), "capture-full.json"},
		"a capture with what is required":    {captureBody(t, newCapture("all", "")), "capture-plain.json"},
		"a refund that names what it is of":  {wireBody(t, refund), "refund-capture.json"},
		"a capture that is not the last one": {captureBody(t, newCapture("all", "3000", func(spec *apiv1.CaptureSpec) { spec.IsLastCapture = ptr.To(false) })), "capture-part.json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", tt.want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(want)), tt.got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
	read := &apiv1.Capture{}
	throughJSON(t, full, read)
	if diff := cmp.Diff(captureBody(t, full), captureBody(t, read)); diff != "" {
		t.Errorf("body after the API server (-before +after):\n%s", diff)
	}
}

// Changing these would capture again what was captured.
func TestRequestIDsOfCapturesNeverChange(t *testing.T) {
	for attempt, want := range map[int32]string{1: "hk_shop_all_", 2: "a2_hk_shop_all_"} {
		if got := shareRequestID(capturing{}, capturing{}.share(newCapture("all", "")), "hk", attempt); got != goldenCaptureIDs[attempt] || got[:len(want)] != want {
			t.Errorf("id of attempt %d = %s, want %s", attempt, got, goldenCaptureIDs[attempt])
		}
	}
}

var goldenCaptureIDs = map[int32]string{1: "hk_shop_all_ahh5u2velb5xz4gz", 2: "a2_hk_shop_all_7xrcid6rgcqe4t6z"}
