package controllers

import (
	"maps"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// actionSigns are how the tables below write what is done next.
var actionSigns = map[action]string{
	actRest: ".", actWait: "w", actInquire: "?", actSettleNotified: "!", actRecordIntent: "r", actInquireFormer: "f", actInquireOrphan: "o", actReserve: "v",
}

const (
	testAge = time.Minute
	// unknownAge is that of a notification whose time can not be read.
	unknownAge time.Duration = -1
)

// said is a notification of a table: its body, and when it was sent.
type said struct {
	fields map[string]any
	ago    time.Duration
}

// but is the notification with other fields; nil takes one away.
func (s said) but(name string, value any) said {
	s.fields = maps.Clone(s.fields)
	if s.fields[name] = value; value == nil {
		delete(s.fields, name)
	}
	return s
}

func (s said) sent(ago time.Duration) said { s.ago = ago; return s }

func money(currency, value string) map[string]any {
	return map[string]any{"currency": currency, "value": value}
}

func resultOf(status string) map[string]any {
	return map[string]any{"resultCode": "ANY", "resultStatus": status}
}

func stampAt(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// verifiedNews makes verified notifications of what was said, without the cost of a signature.
func verifiedNews(all []said, concerns func(announcement) bool) []verifiedNotification {
	var verified []verifiedNotification
	for _, s := range all {
		sentAt := worldStart.Add(-s.ago)
		if s.ago == unknownAge {
			sentAt = time.Time{}
		}
		a := unsigned(s.fields)
		if concerns(a) {
			verified = append(verified, verifiedNotification{subject: a.subject(), body: []byte(a.body), sentAt: sentAt})
		}
	}
	return verified
}

// paymentIn is a payment in a state of the tables, a minute after its submission, with the next look planned in another minute.
func paymentIn(state string) *paymentPass {
	p := &paymentPass{Lifecycle: &Lifecycle{Events: silentRecorder{}}}
	p.facts, p.payment, p.method = testFacts(), newPayment("order"), walletCapability
	p.payment.Spec.Attempt, p.payment.Spec.DesiredState = 1, apiv1.DesiredPaid
	p.payment.CreationTimestamp = metav1.Time{Time: worldStart.Add(-testAge)}
	p.recall.nextLook = worldStart.Add(time.Minute)
	p.id = p.attemptID(1)
	st := &p.payment.Status
	now := &metav1.Time{Time: worldStart}
	open := func(s apiv1.OperationState, id string) {
		st.Intent, st.PaymentRequestID, st.State, st.PaymentID = submitted(), p.id, s, id
	}
	ended := func(s apiv1.OperationState, id string) {
		open(s, id)
		if st.FinishedAt = now; s != apiv1.PaymentPaid {
			st.EndedAttempts = 1
		}
	}
	switch state {
	case "New":
	case "Raised":
		p.payment.Spec.Attempt, st.EndedAttempts = 2, 1
		p.id = p.attemptID(2)
	case "Submitting":
		open(apiv1.StateSubmitting, "")
	case "Unknown":
		open(apiv1.StateUnknown, "")
	case "Processing":
		open(apiv1.StateProcessing, "2026")
	case "Confirming":
		open(apiv1.PaymentConfirming, "2026")
	case "Adopted":
		open(apiv1.StateProcessing, "2026")
		st.Adopted = true
	case "Restored":
		open(apiv1.StateProcessing, "2026")
		p.payment.CreationTimestamp = *now
	case "OtherClient":
		open(apiv1.StateProcessing, "2026")
		st.Intent.ClientID = "SANDBOX_OTHER"
	case "OtherGateway":
		open(apiv1.StateUnknown, "")
		st.Intent.GatewayURL = "https://other.example"
	case "Unwanted": // nothing was sent yet to cancel it
		open(apiv1.StateProcessing, "2026")
		p.payment.Spec.DesiredState = apiv1.DesiredCancelled
	case "Cancelling":
		open(apiv1.StateProcessing, "2026")
		p.payment.Spec.DesiredState, st.CancelSubmittedAt = apiv1.DesiredCancelled, now
	case "Withdrawn": // the cancellation was sent, and is not wanted any more
		open(apiv1.StateProcessing, "2026")
		st.CancelSubmittedAt = now
	case "Deleted":
		open(apiv1.StateProcessing, "2026")
		p.payment.DeletionTimestamp, p.payment.Spec.DeletionPolicy = now, apiv1.CancelPayment
		st.CancelSubmittedAt = now
	case "Paid":
		ended(apiv1.PaymentPaid, "2026")
		st.Refunds = []apiv1.PaymentRefund{{RefundRequestID: "gone", Value: "1"}, {RefundRequestID: "kept", Value: "1"}}
		p.orphan, p.recall.nextLook = "gone", worldStart.Add(time.Minute)
	case "Failed":
		ended(apiv1.StateFailed, "2026")
	case "Cancelled":
		ended(apiv1.PaymentCancelled, "2026")
	case "NeverPlaced":
		ended(apiv1.PaymentCancelled, "")
	default:
		panic(state)
	}
	return p
}

// hears has the payment read what was said.
func (p *paymentPass) hears(all ...said) *paymentPass {
	p.news = news{said: 1, digest: 7, verified: verifiedNews(all, func(a announcement) bool { return p.concernsPayment(a.subject()) })}
	p.read()
	p.heed(p.payment, paymentKind, &p.news, &p.recall)
	p.doubtFormer()
	return p
}

var paymentStates = strings.Fields(
	"New Raised Submitting Unknown Processing Confirming Adopted Restored OtherClient OtherGateway Unwanted Cancelling Withdrawn Deleted Paid Failed Cancelled NeverPlaced")

// saidOfPayments are the kinds of notifications about the first attempt of the payment of the tables.
func saidOfPayments() map[string][]said {
	id := paymentAttemptID(1)
	success := said{ago: time.Second, fields: map[string]any{
		"notifyType": "PAYMENT_RESULT", "result": resultOf("S"), "paymentRequestId": id, "paymentId": "2026", "paymentAmount": money("HKD", "10000"),
		"paymentCreateTime": stampAt(worldStart.Add(-testAge)), "paymentTime": stampAt(worldStart.Add(-time.Second)),
	}}
	failure := success.but("result", resultOf("F")).but("paymentTime", nil)
	refund := said{ago: time.Second, fields: map[string]any{"notifyType": "REFUND_RESULT", "result": resultOf("S"), "refundStatus": "SUCCESS", "refundRequestId": "kept"}}
	return map[string][]said{
		"nothing":                 nil,
		"success":                 {success},
		"failure":                 {failure},
		"success twice":           {success, success.sent(time.Minute)},
		"success and failure":     {success, failure},
		"failure and success":     {failure, success},
		"result U":                {success.but("result", resultOf("U"))},
		"no result":               {success.but("result", nil)},
		"pending S":               {success.but("notifyType", "PAYMENT_PENDING")},
		"pending F":               {failure.but("notifyType", "PAYMENT_PENDING")},
		"pending and success":     {success.but("notifyType", "PAYMENT_PENDING"), success},
		"unknown type":            {success.but("notifyType", "UPDATE_AMOUNT_RESULT")},
		"capture":                 {{ago: time.Second, fields: map[string]any{"notifyType": "CAPTURE_RESULT", "result": resultOf("S"), "paymentId": "2026", "captureRequestId": "c"}}},
		"dispute":                 {{ago: time.Second, fields: map[string]any{"disputeNotificationType": "DISPUTE_CREATED", "paymentRequestId": id, "paymentId": "2026", "disputeId": "d"}}},
		"another's refund":        {refund.but("refundRequestId", "nobody's")},
		"a refund":                {refund},
		"an orphan":               {refund.but("refundRequestId", "gone")},
		"another payment":         {success.but("paymentRequestId", "other")},
		"no request id":           {success.but("paymentRequestId", nil)},
		"other value":             {success.but("paymentAmount", money("HKD", "9999"))},
		"other value, then right": {success.but("paymentAmount", money("HKD", "9999")), success},
		"other currency":          {success.but("paymentAmount", money("USD", "10000"))},
		"no amount":               {success.but("paymentAmount", nil)},
		"failure, other sum":      {failure.but("paymentAmount", money("HKD", "1"))},
		"other paymentId":         {success.but("paymentId", "2027")},
		"no paymentId":            {success.but("paymentId", nil)},
		"no paymentTime":          {success.but("paymentTime", nil)},
		"no create time":          {success.but("paymentCreateTime", nil)},
		"made before":             {success.but("paymentCreateTime", stampAt(worldStart.Add(-time.Hour)))},
		"an hour old":             {success.sent(time.Hour)},
		"nearly an hour old":      {success.sent(time.Hour-time.Second).but("paymentCreateTime", stampAt(worldStart.Add(-2*time.Hour)))},
		"no sending time":         {success.sent(unknownAge)},
		"failure, old":            {failure.sent(25 * time.Hour)},
	}
}

// What is done next about a payment, by its state and what the gateway has announced. A dot rests, w waits for the planned look, a
// question mark asks at once, an exclamation mark settles without asking; r records an intent, f asks about the former attempt, and o
// about a refund without an object.
func TestWhatIsMadeOfNewsAboutAPayment(t *testing.T) {
	//                      New Rai Sub Unk Pro Con Ado Res OtC OtG Unw Can Wit Del Pai Fai Cld Nev
	want := map[string]string{
		"nothing":                 "r r w w w w w w . . ? w w w w . . .",
		"success":                 "r f ? ? ! ! ? ? . . ? ? ? ? w ? . ?",
		"failure":                 "r r ? ? ! ! ? ? . . ? ? ? ? ? . . .",
		"success twice":           "r f ? ? ! ! ? ? . . ? ? ? ? w ? . ?",
		"success and failure":     "r f ? ? ? ? ? ? . . ? ? ? ? ? ? . ?",
		"failure and success":     "r f ? ? ? ? ? ? . . ? ? ? ? ? ? . ?",
		"result U":                "r r ? ? ? ? ? ? . . ? ? ? ? w . . .",
		"no result":               "r r ? ? ? ? ? ? . . ? ? ? ? w . . .",
		"pending S":               "r r ? ? ? ? ? ? . . ? ? ? ? w . . .",
		"pending F":               "r r ? ? ? ? ? ? . . ? ? ? ? w . . .",
		"pending and success":     "r f ? ? ! ! ? ? . . ? ? ? ? w ? . ?",
		"unknown type":            "r r ? ? ? ? ? ? . . ? ? ? ? w . . .",
		"capture":                 "r r w w ? ? ? ? . . ? ? ? ? w . . .",
		"dispute":                 "r r w w w w w w . . ? w w w w . . .",
		"another's refund":        "r r w w w w w w . . ? w w w w . . .",
		"a refund":                "r r w w w w w w . . ? w w w w . . .",
		"an orphan":               "r r w w w w w w . . ? w w w o . . .",
		"another payment":         "r r w w w w w w . . ? w w w w . . .",
		"no request id":           "r r w w ? ? ? ? . . ? ? ? ? w ? . .",
		"other value":             "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"other value, then right": "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"other currency":          "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"no amount":               "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"failure, other sum":      "r r ? ? ? ? ? ? . . ? ? ? ? ? . . .",
		"other paymentId":         "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"no paymentId":            "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"no paymentTime":          "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"no create time":          "r f ? ? ! ! ? ? . . ? ? ? ? w ? . ?",
		"made before":             "r f ? ? ! ! ? ? . . ? ? ? ? w ? . ?",
		"an hour old":             "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"nearly an hour old":      "r f ? ? ! ! ? ? . . ? ? ? ? w ? . ?",
		"no sending time":         "r f ? ? ? ? ? ? . . ? ? ? ? w ? . ?",
		"failure, old":            "r r ? ? ? ? ? ? . . ? ? ? ? ? . . .",
	}
	expectSigns(t, want, paymentStates, saidOfPayments(), func(state string, all []said) action { return paymentIn(state).hears(all...).decide().do })
}

// expectSigns compares what is done next in each state, after each kind of news, with a table that has a column for each state.
func expectSigns(t *testing.T, want map[string]string, states []string, kinds map[string][]said, next func(state string, all []said) action) {
	t.Helper()
	for kind, all := range kinds {
		signs := strings.Fields(want[kind])
		if len(signs) != len(states) {
			t.Fatalf("%s has %d columns, want %d", kind, len(signs), len(states))
		}
		for i, state := range states {
			if do := next(state, all); actionSigns[do] != signs[i] {
				t.Errorf("%s, told %q: %q (%s), want %q", state, kind, actionSigns[do], do, signs[i])
			}
		}
	}
}

// A settled payment is read no further than to see that its news says what its status says.
func TestSettledPaymentVerifiesOnlyNewsThatDoesNotFit(t *testing.T) {
	kinds := saidOfPayments()
	inSecret := func(*announcement) string { return `{"bodySecretName":"any"}` }
	tests := []struct {
		name, state, kind string
		change            func(*announcement) string
		want              bool
	}{
		{"nothing", "Paid", "nothing", nil, false},
		{"what it knows", "Paid", "success", nil, false},
		{"the contrary of a payment", "Paid", "failure", nil, true},
		{"the contrary of a failure", "Failed", "success", nil, true},
		{"a failure that it knows", "Failed", "failure", nil, false},
		{"a success after a cancellation", "Cancelled", "success", nil, false},
		{"a success after a cancellation without an order", "NeverPlaced", "success", nil, true},
		{"something about another payment", "Paid", "another payment", nil, true},
		{"no envelope", "Paid", "success", func(*announcement) string { return "{}" }, true},
		{"a body in a Secret, after a failure", "Failed", "failure", inSecret, true},
		{"a body in a Secret, after a success", "Paid", "success", inSecret, true},
		{"no JSON in it", "Paid", "success", func(a *announcement) string { a.body = "x"; return "" }, true},
	}
	for _, tt := range tests {
		p := paymentIn(tt.state).payment
		p.Annotations = map[string]string{}
		for _, s := range kinds[tt.kind] {
			a := unsigned(s.fields)
			name, value := a.annotation(), ""
			if tt.change != nil {
				value = tt.change(&a)
			}
			if value == "" {
				var err error
				if value, err = a.envelope().Value(); err != nil {
					t.Fatal(err)
				}
			}
			p.Annotations[name] = value
		}
		if got := paymentNeedsNews(p); got != tt.want {
			t.Errorf("%s: needs to be verified = %t, want %t", tt.name, got, tt.want)
		}
	}
}
