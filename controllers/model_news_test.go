package controllers

import (
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// newsKind is how a sequence hears of the gateway.
type newsKind string

const (
	silentNews    newsKind = "no notifications"
	askedNews     newsKind = "the requests name an address"
	dashboardNews newsKind = "the dashboard names an address"
)

func (k newsKind) options() []func(*worldOptions) {
	switch k {
	case askedNews:
		return []func(*worldOptions){notified}
	case dashboardNews:
		return []func(*worldOptions){notifiedByDashboard}
	default:
		return nil
	}
}

// pick draws a notification that is not lost for ever.
func (m *model) pick(t *rapid.T) announcement {
	all := slices.DeleteFunc(m.announced(), func(a announcement) bool { return m.lostNews[a] })
	if len(all) == 0 {
		t.Skip("the gateway has announced nothing")
	}
	return rapid.SampledFrom(all).Draw(t, "notification")
}

// someObject draws a payment, a refund or a capture that exists.
func (m *model) someObject(t *rapid.T) client.Object {
	var objects []client.Object
	for _, key := range m.store.keys() {
		if key.kind != "MerchantAccount" && key.kind != "Secret" {
			objects = append(objects, m.store.latest(key))
		}
	}
	if len(objects) == 0 {
		t.Skip("nothing is there")
	}
	return objects[rapid.IntRange(0, len(objects)-1).Draw(t, "object")]
}

// deliverNews hands a notification to what it is about, as the receiver does: in any order, again, or late.
func (m *model) deliverNews(t *rapid.T) {
	if !m.receive(m.pick(t)) {
		t.Skip("the receiver knows no such object")
	}
}

// latestNews delivers what has just come, as things usually go.
func (m *model) latestNews(t *rapid.T) {
	all := m.announced()
	if len(all) == 0 || !m.receive(all[len(all)-1]) {
		t.Skip("nothing has come")
	}
}

// misplaceNews copies a notification to any object, also one that was made anew and knows nothing of it.
func (m *model) misplaceNews(t *rapid.T) {
	a := m.pick(t)
	m.put(m.someObject(t), a)
}

// loseNews takes a notification away for ever, or removes all that an object has.
func (m *model) loseNews(t *rapid.T) {
	if rapid.Bool().Draw(t, "one") {
		m.lostNews[m.pick(t)] = true
		return
	}
	m.store.edit(m.someObject(t), func(obj client.Object) { obj.SetAnnotations(nil) })
}

// forgeNews writes what the gateway never signed: something edited, or signed by somebody else, under any name.
func (m *model) forgeNews(t *rapid.T) {
	a := m.pick(t)
	switch rapid.SampledFrom([]string{"result", "amount", "id", "time", "client", "uri", "signer"}).Draw(t, "edit") {
	case "result":
		swap := strings.NewReplacer(`"S"`, `"F"`, `"F"`, `"S"`, "FAIL", "SUCCESS", "SUCCESS", "FAIL")
		a.body = swap.Replace(a.body)
	case "amount":
		a.body = strings.ReplaceAll(a.body, `"value":"`, `"value":"1`)
	case "id":
		a.body = strings.ReplaceAll(a.body, paymentAttemptID(1), paymentAttemptID(2))
		a.body += " "
	case "time":
		a.time = m.clock.Now().UTC().Format(time.RFC3339Nano)
	case "client":
		a.clientID += "1"
	case "uri":
		a.uri += "x"
	case "signer":
		a = signedWith("other", map[string]any{
			"notifyType": "PAYMENT_RESULT", "result": map[string]any{"resultCode": "SUCCESS", "resultStatus": "S"}, "paymentRequestId": paymentAttemptID(1),
			"paymentId": "forged", "paymentAmount": map[string]any{"currency": "HKD", "value": "10000"},
			"paymentCreateTime": m.clock.Now().UTC().Format(time.RFC3339), "paymentTime": m.clock.Now().UTC().Format(time.RFC3339),
		}, m.clock.Now())
	}
	obj := m.someObject(t)
	value, err := a.envelope().Value()
	if err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(append(envelopes(obj), apiv1.NotificationAnnotation, a.annotation()), func(name string) bool { return m.pairs[name] })
	if len(names) == 0 {
		t.Skip("one of two ends alone would be the gateway's word")
	}
	m.annotate(obj, rapid.SampledFrom(names).Draw(t, "name"), value)
}

// oddNews has the gateway sign what it never should, or what is not the last word: none of it may be believed without asking.
func (m *model) oddNews(t *rapid.T) {
	now := m.simulator.Now()
	stamp := now.UTC().Format(time.RFC3339)
	p := m.payment(modelOrder)
	if p == nil || m.announcedOrderIsNeverGivenUp() {
		t.Skip("no payment")
	}
	result := func(status string) map[string]any {
		return map[string]any{"resultCode": map[string]string{"S": "SUCCESS", "F": "PROCESS_FAIL"}[status], "resultStatus": status}
	}
	about := map[string]any{
		"notifyType": "PAYMENT_RESULT", "result": result(rapid.SampledFrom([]string{"S", "F"}).Draw(t, "result")),
		"paymentRequestId": p.Status.PaymentRequestID, "paymentId": p.Status.PaymentID,
		"paymentAmount":     map[string]any{"currency": "HKD", "value": "10000"},
		"paymentCreateTime": stamp, "paymentTime": stamp,
	}
	sentAt := now
	switch rapid.SampledFrom([]string{"amount", "currency", "no amount", "id", "no id", "pending", "type", "status", "no time", "old", "former", "capture"}).Draw(t, "oddity") {
	case "amount":
		about["paymentAmount"] = map[string]any{"currency": "HKD", "value": "9999"}
	case "currency":
		about["paymentAmount"] = map[string]any{"currency": "USD", "value": "10000"}
	case "no amount":
		delete(about, "paymentAmount")
	case "id":
		about["paymentId"] = "another"
		if p.Status.PaymentID == "" {
			t.Skip("whatever the gateway says is its id")
		}
	case "no id":
		delete(about, "paymentId")
	case "pending":
		about["notifyType"] = "PAYMENT_PENDING"
	case "type":
		about["notifyType"] = "UPDATE_AMOUNT_RESULT"
	case "status":
		about["result"] = result("U")
	case "no time":
		about["result"] = result("S")
		delete(about, "paymentTime")
	case "old":
		sentAt = now.Add(-100 * time.Hour)
	case "former":
		about["paymentRequestId"] = paymentAttemptID(max(1, p.Spec.Attempt-1))
		if p.Spec.Attempt == 1 {
			t.Skip("there is no former attempt")
		}
	case "capture":
		about = map[string]any{"notifyType": "CAPTURE_RESULT", "result": result("S"), "paymentId": p.Status.PaymentID, "captureRequestId": "c"}
	}
	m.put(p, signed(about, sentAt))
}

// announcedOrderIsNeverGivenUp reports whether the operator goes on asking for an order of which the gateway has spoken, also if there is none: a
// session that may have been used is not offered anew.
func (m *model) announcedOrderIsNeverGivenUp() bool {
	p := m.payment(modelOrder)
	return m.sessions && (p == nil || p.Status.PaymentID == "")
}

// oddRefundNews does the same for refunds.
func (m *model) oddRefundNews(t *rapid.T) {
	now := m.simulator.Now()
	name := m.refundName(t)
	refund := m.refund(name)
	if refund == nil || refund.Status.Amount == nil {
		t.Skip("no such refund")
	}
	value := refund.Status.Amount.Value
	about := map[string]any{
		"notifyType": "REFUND_RESULT", "result": map[string]any{"resultCode": "SUCCESS", "resultStatus": "S"}, "refundStatus": "SUCCESS",
		"refundRequestId": refund.Status.RefundRequestID, "refundId": refund.Status.RefundID,
		"refundAmount": map[string]any{"currency": "HKD", "value": value}, "refundTime": now.UTC().Format(time.RFC3339),
	}
	sentAt := now
	switch rapid.SampledFrom([]string{"amount", "no amount", "id", "mismatch", "other mismatch", "no status", "type", "no time", "old", "former"}).Draw(t, "oddity") {
	case "amount":
		about["refundAmount"] = map[string]any{"currency": "HKD", "value": "1"}
	case "no amount":
		delete(about, "refundAmount")
	case "id":
		about["refundId"] = "another"
		if refund.Status.RefundID == "" {
			delete(about, "refundId")
		}
	case "mismatch":
		about["refundStatus"] = "FAIL"
	case "other mismatch":
		about["result"] = map[string]any{"resultCode": "PROCESS_FAIL", "resultStatus": "F"}
	case "no status":
		delete(about, "refundStatus")
	case "type":
		about["notifyType"] = "PAYMENT_RESULT"
	case "no time":
		delete(about, "refundTime")
	case "old":
		sentAt = now.Add(-100 * time.Hour)
	case "former":
		about["refundRequestId"] = refundAttemptID(name, max(1, refund.Spec.Attempt-1))
		if refund.Spec.Attempt == 1 {
			t.Skip("there is no former attempt")
		}
	}
	m.put(refund, signed(about, sentAt))
}

// contradictoryNews has the gateway announce two ends at once.
func (m *model) contradictoryNews(t *rapid.T) {
	p := m.payment(modelOrder)
	if p == nil || p.Status.PaymentRequestID == "" || m.announcedOrderIsNeverGivenUp() {
		t.Skip("nothing was sent")
	}
	stamp := m.simulator.Now().UTC().Format(time.RFC3339)
	annotations := maps.Clone(p.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	for _, status := range []string{"S", "F"} {
		a := signed(map[string]any{
			"notifyType": "PAYMENT_RESULT", "result": map[string]any{"resultCode": "ANY", "resultStatus": status},
			"paymentRequestId": p.Status.PaymentRequestID, "paymentId": "20261121" + p.Status.PaymentRequestID,
			"paymentAmount": map[string]any{"currency": "HKD", "value": "10000"}, "paymentCreateTime": stamp, "paymentTime": stamp,
		}, m.simulator.Now())
		if p.Status.PaymentID != "" {
			a.body = strings.Replace(a.body, "20261121"+p.Status.PaymentRequestID, p.Status.PaymentID, 1)
			a = signed(fieldsOf(a.body), m.simulator.Now())
		}
		value, err := a.envelope().Value()
		if err != nil {
			t.Fatal(err)
		}
		annotations[a.annotation()] = value
		m.pairs[a.annotation()] = true
	}
	m.store.edit(p, func(obj client.Object) { obj.SetAnnotations(annotations) })
}

// restoreBackup brings an object back as it was before it had ended, with the notifications that it had then. Git holds its attempt. That
// it came back is told by the time of its creation: it takes a while, and clocks must not jump.
func (m *model) restoreBackup(t *rapid.T) {
	if m.kind == skewedSequence {
		t.Skip("clocks jump")
	}
	obj := m.someObject(t)
	versions := m.store.objects[keyOf(obj)].versions
	old := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "version")].DeepCopyObject().(client.Object)
	switch old := old.(type) {
	case *apiv1.Payment:
		if old.Status.State.Final() || old.Status.Conflict != nil {
			t.Skip("what has ended may have changed since, and nobody asks")
		}
		old.Spec.Attempt = m.lastAttempt("Payment", old.Name)
		m.forgotten = true
	case *apiv1.Refund:
		if old.Status.State.Final() || old.Status.Conflict != nil {
			t.Skip("what has ended may have changed since, and nobody asks")
		}
		old.Spec.Attempt = m.lastAttempt("Refund", old.Name)
	case *apiv1.Capture:
		if old.Status.State.Final() || old.Status.Conflict != nil {
			t.Skip("what has ended may have changed since, and nobody asks")
		}
		old.Spec.Attempt = m.lastAttempt("Capture", old.Name)
	case *apiv1.CustomsDeclaration:
		if old.Status.State.Final() || old.Status.Conflict != nil {
			t.Skip("what has ended may have changed since, and nobody asks")
		}
		old.Spec.Attempt = m.lastAttempt(declarationKind, old.Name)
	}
	m.store.drop(keyOf(obj))
	m.advance(2 * adoptionTolerance)
	old.SetDeletionTimestamp(nil)
	old.SetResourceVersion("")
	m.store.create(old)
}
