package controllers

import (
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// captureIn is a capture in a state of the tables, a minute after its submission, with the next look planned in another minute.
func captureIn(state string) *sharePass {
	p := &sharePass{Lifecycle: &Lifecycle{Events: silentRecorder{}, Clock: clocktesting.NewFakeClock(worldStart)}}
	capture := newCapture("a", "3000")
	p.facts, p.rules, p.share, p.payment = testFacts(), capturing{}, capturing{}.share(capture), cardPayment("order", apiv1.ManualCapture)
	p.method = capability{partialCapture: true, multipleCapture: true}
	p.payment.Status.State, p.payment.Status.PaymentID = apiv1.PaymentAuthorized, "2026"
	p.quantity, p.attempt, p.paymentID = *p.wanted, 1, "2026"
	return p.inState(state)
}

var captureStates = strings.Fields("New Raised Submitting Unknown Processing OtherClient OtherGateway Deleted Captured Failed")

// saidOfCaptures are the kinds of notifications about the first attempt of the capture of the tables.
func saidOfCaptures() map[string][]said {
	success := said{ago: time.Second, fields: map[string]any{
		"notifyType": "CAPTURE_RESULT", "result": resultOf("S"), "captureRequestId": captureIn("New").id, "captureId": "2027", "paymentId": "2026",
		"captureAmount": money("SGD", "3000"), "captureTime": stampAt(worldStart),
	}}
	failure := success.but("result", resultOf("F")).but("captureTime", nil)
	return map[string][]said{
		"nothing":                 nil,
		"success":                 {success},
		"failure":                 {failure},
		"success twice":           {success, success.sent(time.Minute)},
		"success and failure":     {success, failure},
		"failure and success":     {failure, success},
		"U":                       {success.but("result", resultOf("U"))},
		"no result":               {success.but("result", nil)},
		"unknown type":            {success.but("notifyType", "CAPTURE_PENDING")},
		"another capture":         {success.but("captureRequestId", "other")},
		"another payment":         {success.but("paymentId", "2028")},
		"no paymentId":            {success.but("paymentId", nil)},
		"other value":             {success.but("captureAmount", money("SGD", "2999"))},
		"other value, then right": {success.but("captureAmount", money("SGD", "2999")), success},
		"other currency":          {success.but("captureAmount", money("USD", "3000"))},
		"no amount":               {success.but("captureAmount", nil)},
		"other captureId":         {success.but("captureId", "2028")},
		"no captureId":            {success.but("captureId", nil)},
		"no captureTime":          {success.but("captureTime", nil)},
		"an hour old":             {success.sent(time.Hour)},
		"failure, old":            {failure.sent(25 * time.Hour)},
	}
}

// What is done next about a capture; the signs are those of payments, and v takes the capture's part of the payment.
func TestWhatIsMadeOfNewsAboutACapture(t *testing.T) {
	//                      New Rai Sub Unk Pro OtC OtG Del Cap Fai
	want := map[string]string{
		"nothing":                 "v v w w w . . . . .",
		"success":                 "v f ! ! ! . . . . ?",
		"failure":                 "v v ! ! ! . . . ? .",
		"success twice":           "v f ! ! ! . . . . ?",
		"success and failure":     "v f ? ? ? . . . ? ?",
		"failure and success":     "v f ? ? ? . . . ? ?",
		"U":                       "v v ? ? ? . . . . .",
		"no result":               "v v ? ? ? . . . . .",
		"unknown type":            "v v ? ? ? . . . . ?",
		"another capture":         "v v w w w . . . . .",
		"another payment":         "v f ? ? ? . . . . ?",
		"no paymentId":            "v f ! ! ! . . . . ?",
		"other value":             "v f ? ? ? . . . . ?",
		"other value, then right": "v f ? ? ? . . . . ?",
		"other currency":          "v f ? ? ? . . . . ?",
		"no amount":               "v f ? ? ? . . . . ?",
		"other captureId":         "v f ! ! ? . . . . ?",
		"no captureId":            "v f ? ? ? . . . . ?",
		"no captureTime":          "v f ? ? ? . . . . ?",
		"an hour old":             "v f ? ? ? . . . . ?",
		"failure, old":            "v v ? ? ? . . . ? .",
	}
	expectSigns(t, want, captureStates, saidOfCaptures(), func(state string, all []said) action { return captureIn(state).hears(all...).decide().do })
}

// The gateway tells of a capture by notifications alone where its list of transactions is null.
func TestPaymentBelievesAnAnnouncedCaptureThatIsNotListed(t *testing.T) {
	for _, mode := range []apiv1.CaptureMode{apiv1.AutomaticCapture, apiv1.ManualCapture} {
		t.Run(string(mode), func(t *testing.T) {
			w := openCard(t, mode, notified)
			w.acknowledges(true)
			if err := w.simulator.SetSwitches(simulator.Switches{Transactions: simulator.TransactionsNull}); err != nil {
				t.Fatal(err)
			}
			w.authorise()
			if mode == apiv1.ManualCapture { // its object is deleted before the outcome is known
				w.inject(simulator.Fault{Kind: simulator.InProcess, Path: "capture"})
				w.store.create(newCapture("all", ""))
				w.must(w.reconcileCapture("all"))
				w.must(w.reconcilePayment("order"))
				w.store.remove(w.capture("all"))
			}
			expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
			w.advance(time.Minute)
			for _, sent := range w.announced() {
				if fieldsOf(sent.body)["notifyType"] == "CAPTURE_RESULT" {
					w.put(w.payment("order"), sent)
				}
			}
			w.must(w.reconcilePayment("order"))
			expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
			w.expectTaken(4200, 1)
		})
	}
}
