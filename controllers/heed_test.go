package controllers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestPaceOfLooksByAge(t *testing.T) {
	tests := []struct {
		age                     time.Duration
		unnotified, notifiedFor time.Duration
	}{
		{-time.Hour, 2 * time.Second, 10 * time.Second},
		{0, 2 * time.Second, 10 * time.Second},
		{19 * time.Second, 2 * time.Second, 10 * time.Second},
		{30 * time.Second, 2 * time.Second, 15 * time.Second},
		{time.Minute - 1, 2 * time.Second, 30*time.Second - 1},
		{time.Minute, 3 * time.Second, 30 * time.Second},
		{14 * time.Minute, 42 * time.Second, 7 * time.Minute},
		{time.Hour, 3 * time.Minute, 30 * time.Minute},
		{2 * time.Hour, 6 * time.Minute, time.Hour},
		{20 * time.Hour, time.Hour, time.Hour},
		{30 * 24 * time.Hour, time.Hour, time.Hour},
	}
	for _, tt := range tests {
		if got := pollDelay(tt.age, false); got/10*10 != tt.unnotified/10*10 {
			t.Errorf("at the age of %s, without notifications, after %s, want %s", tt.age, got, tt.unnotified)
		}
		if got := pollDelay(tt.age, true); got/10*10 != tt.notifiedFor/10*10 {
			t.Errorf("at the age of %s, with notifications, after %s, want %s", tt.age, got, tt.notifiedFor)
		}
	}
}

// The slow pace is for operations that the gateway is known to have and was told where to announce.
func TestOnlyWhatTheGatewayAnnouncesIsAskedForSlowly(t *testing.T) {
	for _, state := range paymentStates {
		p := paymentIn(state)
		if p.payment.Status.Intent == nil {
			continue
		}
		for _, url := range []string{"", testReceiver} {
			p.payment.Status.Intent.NotifyURL = url
			r := p.recorded()
			if got, want := p.submission(r).notified, r.seen && url != ""; got != want {
				t.Errorf("%s with the address %q: notified = %t, want %t", state, url, got, want)
			}
		}
	}
}

// Whatever was announced, in whatever state: it makes the gateway asked once, another announcement makes it asked again, and neither
// hurries an inquiry that keeps failing.
func TestTheSameNewsIsAskedAboutOnce(t *testing.T) {
	kinds, refundKinds := saidOfPayments(), saidOfRefunds()
	again := func(t *testing.T, name string, f *facts, hear func(digest uint64)) {
		if hear(7); !f.news.ask {
			return
		}
		planned := worldStart.Add(time.Minute)
		f.news.answered(nil)
		f.recall.nextLook = planned
		if f.recall.heeded != 0 {
			t.Errorf("%s: what is not on record counts as heeded", name)
		}
		f.recordedAnswer()
		if hear(7); f.recall.nextLook != planned || f.news.ask {
			t.Errorf("%s: the gateway is asked twice about the same", name)
		}
		if hear(8); !f.news.ask || !f.recall.nextLook.IsZero() {
			t.Errorf("%s: the gateway is not asked about what is new", name)
		}
		f.recall.nextLook, f.recall.failures = planned, 1
		if hear(9); f.recall.nextLook != planned {
			t.Errorf("%s: an inquiry that fails is hurried", name)
		}
	}
	for _, state := range paymentStates {
		for kind, all := range kinds {
			p := paymentIn(state)
			if p.payment.Status.Intent == nil {
				continue
			}
			again(t, state+", "+kind, &p.facts, func(digest uint64) {
				p.reported = paymentNews{}
				p.news = news{said: digest, digest: digest, verified: verifiedNews(all, func(a announcement) bool { return p.concernsPayment(a.subject()) })}
				p.read()
				p.heed(p.payment, paymentKind, &p.news, &p.recall)
			})
		}
	}
	for _, state := range refundStates {
		for kind, all := range refundKinds {
			p := refundIn(state)
			if p.status.Intent == nil {
				continue
			}
			again(t, state+", "+kind, &p.facts, func(digest uint64) {
				p.reported = shareNews{}
				p.news = news{said: digest, digest: digest, verified: verifiedNews(all, func(a announcement) bool { return p.concerns(a.subject()) })}
				p.read()
				p.heed(p.obj, p.kind(), &p.news, &p.recall)
			})
		}
	}
}

// Only news that the gateway has explained counts as heeded.
func TestNewsIsHeededByAnswersAlone(t *testing.T) {
	for what, want := range map[outcome]uint64{"": 7, notFound: 7, unknown: 0, notSent: 0, refusedIdentity: 0, refused: 0} {
		f := &facts{news: news{said: 7, digest: 9, ask: true}}
		if what == "" {
			f.news.answered(nil)
		} else {
			f.news.answered(&trouble{outcome: what})
		}
		if f.recordedAnswer(); f.recall.heeded != want || f.news.ask == (want != 0) {
			t.Errorf("after %q: heeded = %d, ask = %t; want heeded %d", what, f.recall.heeded, f.news.ask, want)
		}
	}
}

// mutate changes one thing about an envelope, or the text that holds it.
func mutate(t *rapid.T, a announcement) string {
	text := func(s string) string {
		at := rapid.IntRange(0, len(s)).Draw(t, "at")
		piece := rapid.SampledFrom([]string{"", " ", "0", "S", "F", `"`, "\\", "é", "\n", "A", "=", "%00"}).Draw(t, "piece")
		return s[:at] + piece + s[min(len(s), at+rapid.IntRange(0, 3).Draw(t, "without")):]
	}
	envelope := a.envelope()
	switch rapid.SampledFrom([]string{"uri", "client", "time", "signature", "body", "amount", "status", "signer", "secret", "value", "value"}).Draw(t, "field") {
	case "uri":
		envelope.URI = text(envelope.URI)
	case "client":
		envelope.ClientID = text(envelope.ClientID)
	case "time":
		envelope.RequestTime = text(envelope.RequestTime)
	case "signature":
		envelope.Signature = text(envelope.Signature)
	case "body":
		envelope.Body = text(envelope.Body)
	case "amount", "status":
		fields := fieldsOf(a.body)
		fields["result"] = resultOf(rapid.SampledFrom([]string{"F", "U", ""}).Draw(t, "status"))
		fields["paymentAmount"] = money("HKD", rapid.StringMatching(`[0-9]{1,5}`).Draw(t, "value"))
		envelope.Body = unsigned(fields).body
	case "signer":
		other := signedWith(rapid.SampledFrom([]string{"merchant", "other"}).Draw(t, "signer"), fieldsOf(a.body), worldStart)
		envelope.Signature = other.signature
	case "secret":
		envelope.Body, envelope.BodySecretName = "", rapid.SampledFrom([]string{"missing", "edited"}).Draw(t, "secret")
	case "value":
		value, err := envelope.Value()
		if err != nil {
			t.Fatal(err)
		}
		return text(value)
	}
	raw, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// signedByTheGateway says, apart from what the controllers use, whether an annotation holds what the gateway has signed.
func signedByTheGateway(value string) bool {
	var e struct{ URI, ClientID, RequestTime, Signature, Body string }
	if json.Unmarshal([]byte(value), &e) != nil {
		return false
	}
	return alipay.Verify(alipay.Message{URI: e.URI, ClientID: e.ClientID, Time: e.RequestTime, Body: []byte(e.Body)}, e.Signature, &worldKeys()["gateway"].PublicKey) == nil
}

// No annotation that the gateway has not signed has anything sent, or changes a byte of the status.
func TestUnsignedNewsChangesNothing(t *testing.T) {
	worlds := map[apiv1.OperationState]*world{}
	for _, state := range []apiv1.OperationState{apiv1.StateProcessing, apiv1.StateFailed} {
		w := openOrder(t)
		t.Cleanup(w.close)
		w.store.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "edited"}, Data: map[string][]byte{apiv1.NotificationBodySecretKey: []byte("{}")}})
		if state == apiv1.StateFailed {
			if err := w.simulator.BuyerDeclines(w.payment("order").Status.PaymentRequestID); err != nil {
				t.Fatal(err)
			}
			w.advance(time.Minute)
			w.follow(w.reconcilePayment, "order", time.Hour)
		}
		if got := w.payment("order").Status.State; got != state {
			t.Fatalf("payment is %s, want %s", got, state)
		}
		worlds[state] = w
	}
	rapid.Check(t, func(t *rapid.T) {
		w := worlds[rapid.SampledFrom([]apiv1.OperationState{apiv1.StateProcessing, apiv1.StateFailed}).Draw(t, "state")]
		p := w.payment("order")
		valid := signed(w.result(p, p.Status.PaymentRequestID, "S"), w.simulator.Now())
		value := mutate(t, valid)
		if signedByTheGateway(value) {
			t.Skip("the gateway has signed it")
		}
		w.annotate(p, valid.annotation(), value)
		before, sent, writes := w.payment("order").DeepCopy(), len(w.sent), w.store.writes
		w.must(w.reconcilePayment("order"))
		if diff := cmp.Diff(before, w.payment("order")); diff != "" || len(w.sent) != sent || w.store.writes != writes {
			t.Fatalf("%d requests, %d writes (-before +after):\n%s", len(w.sent)-sent, w.store.writes-writes, diff)
		}
	})
}

// A former attempt that is announced as done is doubted once for each announcement, and only before the next attempt is sent.
func TestFormerAttemptIsDoubtedOnceAndInTime(t *testing.T) {
	tests := []struct {
		name   string
		intent bool
		heeded uint64
		want   int32 // attempts that count as ended
	}{
		{"news", false, 0, 0},
		{"news that the gateway has explained", false, 1, 1},
		{"news after the next attempt was sent", true, 0, 1},
	}
	for _, tt := range tests {
		p, r := paymentIn("Raised"), refundIn("Raised")
		p.recall.heeded, r.recall.heeded = tt.heeded, tt.heeded
		if tt.intent {
			p.payment.Status.Intent, p.payment.Status.PaymentRequestID = submitted(), p.id
			r.status.Intent, *r.statusRequestID = submitted(), r.id
		}
		if got := p.hears(saidOfPayments()["success"]...).payment.Status.EndedAttempts; got != tt.want {
			t.Errorf("%s about a payment: %d attempts count as ended, want %d", tt.name, got, tt.want)
		}
		if got := r.hears(saidOfRefunds()["success"]...).status.EndedAttempts; got != tt.want {
			t.Errorf("%s about a refund: %d attempts count as ended, want %d", tt.name, got, tt.want)
		}
	}
}

func TestNewsAboutAPaymentDoesNotConcernItsRefunds(t *testing.T) {
	for _, state := range refundStates {
		if refundIn(state).concerns(unsigned(saidOfPayments()["success"][0].fields).subject()) {
			t.Errorf("%s: news about the payment is taken for news about the refund", state)
		}
	}
}
