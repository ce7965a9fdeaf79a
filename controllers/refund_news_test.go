package controllers

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// refundIn is a refund in a state of the tables, a minute after its submission, with the next look planned in another minute.
func refundIn(state string) *sharePass {
	p := &sharePass{Lifecycle: &Lifecycle{Events: silentRecorder{}}}
	refund := newRefund("a", modelOrder, "3000")
	p.facts, p.rules, p.share, p.payment, p.method = testFacts(), refunding{}, refunding{}.share(refund), newPayment(modelOrder), walletCapability
	p.payment.Status.State, p.payment.Status.PaymentID = apiv1.PaymentPaid, "2026"
	p.quantity, p.attempt = *p.wanted, 1
	return p.inState(state)
}

// inState puts a refund or a capture into a state of the tables.
func (p *sharePass) inState(state string) *sharePass {
	p.recall.nextLook = worldStart.Add(time.Minute)
	p.id = p.attemptID(1)
	st := p.status
	open := func(s apiv1.OperationState, id string) {
		st.Intent, *p.statusRequestID, st.State, *p.statusGatewayID, *p.statusAmount = submitted(), p.id, s, id, &p.quantity
	}
	switch state {
	case "New":
	case "Raised":
		p.attempt, st.EndedAttempts = 2, 1
		p.id = p.attemptID(2)
	case "Submitting":
		open(apiv1.StateSubmitting, "")
	case "Unknown":
		open(apiv1.StateUnknown, "")
	case "Processing":
		open(apiv1.StateProcessing, "2027")
	case "OtherClient":
		open(apiv1.StateProcessing, "2027")
		st.Intent.ClientID = "SANDBOX_OTHER"
	case "OtherGateway":
		open(apiv1.StateUnknown, "")
		st.Intent.GatewayURL = "https://other.example"
	case "Deleted":
		open(apiv1.StateProcessing, "2027")
		p.obj.SetDeletionTimestamp(&metav1.Time{Time: worldStart})
	case "Refunded", "Captured":
		open(p.rules.done(), "2027")
		st.FinishedAt = &metav1.Time{Time: worldStart}
	case "Failed":
		open(apiv1.StateFailed, "2027")
		st.EndedAttempts, st.FinishedAt = 1, &metav1.Time{Time: worldStart}
	default:
		panic(state)
	}
	return p
}

// hears has the refund read what was said.
func (p *sharePass) hears(all ...said) *sharePass {
	p.news = news{said: 1, digest: 7, verified: verifiedNews(all, func(a announcement) bool { return p.concerns(a.subject()) })}
	p.read()
	p.heed(p.obj, p.kind(), &p.news, &p.recall)
	p.doubtFormer()
	return p
}

var refundStates = strings.Fields("New Raised Submitting Unknown Processing OtherClient OtherGateway Deleted Refunded Failed")

// saidOfRefunds are the kinds of notifications about the first attempt of the refund of the tables.
func saidOfRefunds() map[string][]said {
	success := said{ago: time.Second, fields: map[string]any{
		"notifyType": "REFUND_RESULT", "result": resultOf("S"), "refundStatus": "SUCCESS", "refundRequestId": refundAttemptID("a", 1), "refundId": "2027",
		"refundAmount": money("HKD", "3000"), "refundTime": stampAt(worldStart),
	}}
	failure := success.but("result", resultOf("F")).but("refundStatus", "FAIL").but("refundTime", nil)
	return map[string][]said{
		"nothing":                 nil,
		"success":                 {success},
		"failure":                 {failure},
		"success twice":           {success, success.sent(time.Minute)},
		"success and failure":     {success, failure},
		"failure and success":     {failure, success},
		"SUCCESS with F":          {success.but("result", resultOf("F"))},
		"FAIL with S":             {failure.but("result", resultOf("S"))},
		"SUCCESS with U":          {success.but("result", resultOf("U"))},
		"no refundStatus":         {success.but("refundStatus", nil)},
		"PROCESSING":              {success.but("refundStatus", "PROCESSING")},
		"unknown type":            {success.but("notifyType", "REFUND_PENDING")},
		"another refund":          {success.but("refundRequestId", "other")},
		"the payment":             {success.but("refundRequestId", nil).but("paymentRequestId", paymentAttemptID(1))},
		"other value":             {success.but("refundAmount", money("HKD", "2999"))},
		"other value, then right": {success.but("refundAmount", money("HKD", "2999")), success},
		"other currency":          {success.but("refundAmount", money("USD", "3000"))},
		"no amount":               {success.but("refundAmount", nil)},
		"failure, other sum":      {failure.but("refundAmount", money("HKD", "1"))},
		"other refundId":          {success.but("refundId", "2028")},
		"no refundId":             {success.but("refundId", nil)},
		"no refundTime":           {success.but("refundTime", nil)},
		"an hour old":             {success.sent(time.Hour)},
		"failure, old":            {failure.sent(25 * time.Hour)},
	}
}

// What is done next about a refund; the signs are those of payments, and v takes the refund's part of the payment.
func TestWhatIsMadeOfNewsAboutARefund(t *testing.T) {
	//                      New Rai Sub Unk Pro OtC OtG Del Ref Fai
	want := map[string]string{
		"nothing":                 "v v w w w . . . . .",
		"success":                 "v f ! ! ! . . . . ?",
		"failure":                 "v v ! ! ! . . . ? .",
		"success twice":           "v f ! ! ! . . . . ?",
		"success and failure":     "v f ? ? ? . . . ? ?",
		"failure and success":     "v f ? ? ? . . . ? ?",
		"SUCCESS with F":          "v f ? ? ? . . . . ?",
		"FAIL with S":             "v v ? ? ? . . . ? .",
		"SUCCESS with U":          "v f ? ? ? . . . . ?",
		"no refundStatus":         "v v ? ? ? . . . . .",
		"PROCESSING":              "v v ? ? ? . . . . .",
		"unknown type":            "v v ? ? ? . . . . ?",
		"another refund":          "v v w w w . . . . .",
		"the payment":             "v v w w w . . . . .",
		"other value":             "v f ? ? ? . . . . ?",
		"other value, then right": "v f ? ? ? . . . . ?",
		"other currency":          "v f ? ? ? . . . . ?",
		"no amount":               "v f ? ? ? . . . . ?",
		"failure, other sum":      "v v ? ? ? . . . ? .",
		"other refundId":          "v f ! ! ? . . . . ?",
		"no refundId":             "v f ? ? ? . . . . ?",
		"no refundTime":           "v f ? ? ? . . . . ?",
		"an hour old":             "v f ? ? ? . . . . ?",
		"failure, old":            "v v ? ? ? . . . ? .",
	}
	expectSigns(t, want, refundStates, saidOfRefunds(), func(state string, all []said) action { return refundIn(state).hears(all...).decide().do })
}
