package notification

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestDuplicateIsAcknowledgedAndChangesNothing(t *testing.T) {
	d := newDoor()
	d.deliver(t, written(paidBody))
	d.expectWrites(t, "patch order")
	again := written(paidBody)
	again.requestTime = "4070910600000" // each time it is sent it has another time, and thus another signature
	for range 2 {
		if response := d.deliver(t, again.sign()); !isAcknowledgement(t, response) {
			t.Errorf("answer = %s", response.Status)
		}
		d.expectWrites(t, "patch order") // with what is there
	}
	payment := &apiv1.Payment{}
	d.get(t, "order", payment)
	if got := only(t, payment); got.RequestTime != testTime {
		t.Errorf("time = %s, want that of the first", got.RequestTime)
	}
}

func TestWhatSomebodyElseHasPutInItsPlaceIsReplaced(t *testing.T) {
	genuine := Envelope{URI: testPath, ClientID: testClientID, RequestTime: testTime, Signature: written(paidBody).signature, Body: paidBody}
	edit := func(f func(*Envelope)) string {
		e := genuine
		f(&e)
		value, err := e.Value()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	otherClient := written(paidBody)
	otherClient.clientID = "other"
	otherClient = otherClient.sign()
	tests := []struct{ name, value string }{
		{"empty", ""},
		{"no envelope", "{}"},
		{"another body", edit(func(e *Envelope) { e.Body = strings.Replace(paidBody, "25800", "1", 1) })},
		{"another genuine body", edit(func(e *Envelope) { e.Body = paid(`"x":1`); e.Signature = written(e.Body).signature })},
		{"another signature", edit(func(e *Envelope) { e.Signature = forged(paidBody).signature })},
		{"another time", edit(func(e *Envelope) { e.RequestTime = "4070910600000" })},
		{"another address", edit(func(e *Envelope) { e.URI = "/notify/shop/second" })},
		{"another client", edit(func(e *Envelope) { e.ClientID = "other"; e.Signature = otherClient.signature })},
		{"a Secret that is not there", edit(func(e *Envelope) { e.Body = ""; e.BodySecretName = "nothing" })},
		{"something more", strings.Replace(edit(func(*Envelope) {}), "{", `{"more":1,`, 1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor()
			d.annotateAll(t, map[string]string{annotationName("PAYMENT_RESULT", []byte(paidBody)): test.value})
			if response := d.deliver(t, written(paidBody)); !isAcknowledgement(t, response) {
				t.Errorf("answer = %s; log: %s", response.Status, d.log())
			}
			d.expectWrites(t, "patch order")
			payment := &apiv1.Payment{}
			d.get(t, "order", payment)
			if got := only(t, payment); got.Body != paidBody || got.Verify([]byte(paidBody), &gatewayKey().PublicKey) != nil {
				t.Errorf("stored %+v", got)
			}
		})
	}
}

func (d *door) annotateAll(t *testing.T, annotations map[string]string) {
	t.Helper()
	payment := &apiv1.Payment{}
	d.get(t, "order", payment)
	payment.Annotations = annotations
	if err := d.api.Update(t.Context(), payment); err != nil {
		t.Fatal(err)
	}
}

func TestObjectKeepsALimitedNumberOfNotifications(t *testing.T) {
	full := map[string]string{"unrelated": "x"}
	for i := range maxStored {
		full[fmt.Sprintf("%s-OTHER-%d", apiv1.NotificationAnnotation, i)] = "x"
	}
	d := newDoor()
	d.annotateAll(t, full)
	for _, body := range []string{paidBody, credentialBodies[0].body} {
		if response := d.deliver(t, written(body)); isAcknowledgement(t, response) {
			t.Error("acknowledged what was not kept")
		}
		d.expectWrites(t) // not even the Secret
	}
	// One place is free: it is taken, and a duplicate of it needs none.
	delete(full, apiv1.NotificationAnnotation+"-OTHER-7")
	d.annotateAll(t, full)
	for range 2 {
		if response := d.deliver(t, written(paidBody)); !isAcknowledgement(t, response) {
			t.Errorf("answer = %s; log: %s", response.Status, d.log())
		}
		d.expectWrites(t, "patch order")
	}
}

func TestDuplicateIsNotJudgedByTheCacheAlone(t *testing.T) {
	tests := []struct {
		name         string
		meanwhile    func(t *testing.T, d *door, payment *apiv1.Payment) error
		acknowledged bool
	}{
		{"the annotation was removed", func(t *testing.T, d *door, payment *apiv1.Payment) error {
			payment.Annotations = nil
			return d.api.Update(t.Context(), payment)
		}, true},
		{"the object was deleted", func(t *testing.T, d *door, payment *apiv1.Payment) error {
			return d.api.Delete(t.Context(), payment)
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lagging, d := newDoor(), newDoor()
			for _, x := range []*door{lagging, d} {
				if response := x.deliver(t, written(paidBody)); !isAcknowledgement(t, response) {
					t.Fatal(response.Status)
				}
			}
			d.cache = lagging.api
			payment := &apiv1.Payment{}
			d.get(t, "order", payment)
			if err := test.meanwhile(t, d, payment); err != nil {
				t.Fatal(err)
			}
			if got := isAcknowledgement(t, d.deliver(t, written(paidBody))); got != test.acknowledged {
				t.Errorf("acknowledged: %t, want %t", got, test.acknowledged)
			}
			if test.acknowledged {
				d.get(t, "order", payment)
				only(t, payment)
			}
		})
	}
}

func TestDuplicateGoesToNoOtherObjectOfThatName(t *testing.T) {
	d := newDoor()
	d.deliver(t, written(paidBody))
	sent := ""
	d.client = interceptor.NewClient(d.api, interceptor.Funcs{
		Patch: func(_ context.Context, _ client.WithWatch, obj client.Object, patch client.Patch, _ ...client.PatchOption) error {
			data, err := patch.Data(obj)
			sent = string(data)
			return err
		},
	})
	d.deliver(t, written(paidBody))
	if !strings.Contains(sent, `"uid":"payment-uid"`) {
		t.Errorf("patch = %s, want one with the UID of the object", sent)
	}
}

func TestWhatIsNotStoredIsNotAcknowledged(t *testing.T) {
	d := newDoor()
	d.fails["patch order"] = errors.New("etcd is away")
	if response := d.deliver(t, written(paidBody)); isAcknowledgement(t, response) {
		t.Error("acknowledged")
	}
	if !strings.Contains(d.log(), "etcd is away") {
		t.Errorf("the log does not tell why: %s", d.log())
	}
	delete(d.fails, "patch order")
	if response := d.deliver(t, written(paidBody)); !isAcknowledgement(t, response) {
		t.Error("not acknowledged when sent again")
	}
}

func TestUnknownTypesAreKept(t *testing.T) {
	for kind, name := range map[string]string{
		"PAYMENT_RESULT":        "PAYMENT_RESULT",
		"UPDATE_AMOUNT_RESULT":  "UPDATE_AMOUNT_RESULT",
		"OF_TOMORROW":           "OF_TOMORROW",
		"":                      "OTHER",
		"lower":                 "OTHER",
		"A/B":                   "OTHER",
		"X":                     "OTHER",
		"_X_":                   "OTHER",
		strings.Repeat("A", 99): "OTHER",
	} {
		t.Run(kind, func(t *testing.T) {
			d := newDoor()
			body := fmt.Sprintf(`{"notifyType":%q,"paymentRequestId":"pr_1"}`, kind)
			if response := d.deliver(t, written(body)); !isAcknowledgement(t, response) {
				t.Errorf("answer = %s; log: %s", response.Status, d.log())
			}
			payment := &apiv1.Payment{}
			d.get(t, "order", payment)
			only(t, payment)
			for annotation := range payment.Annotations {
				if want := apiv1.NotificationAnnotation + "-" + name + "-"; !strings.HasPrefix(annotation, want) {
					t.Errorf("annotation = %s, want %s...", annotation, want)
				}
				if _, local, _ := strings.Cut(annotation, "/"); len(local) > 63 {
					t.Errorf("%s is no annotation's name", annotation)
				}
			}
		})
	}
}

func TestNobodyElseDecidesHowManySeriesThereAre(t *testing.T) {
	d := newDoor()
	for i := range 100 {
		d.deliver(t, written(fmt.Sprintf(`{"notifyType":"TYPE_%c","paymentRequestId":"pr_1","n":%d}`, 'A'+i%26, i)))
		d.deliver(t, forged(fmt.Sprintf(`{"notifyType":"FORGED_%c"}`, 'A'+i%26)))
	}
	d.deliver(t, written(paidBody))
	types := []string{"", "OTHER", "RETURN"}
	for kind := range knownTypes {
		types = append(types, kind)
	}
	outcomes := []string{"Stored", "Duplicate", "Malformed", "Unverified", "Limited", "UnknownObject", "NotStored"}
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, family := range families {
		if family.GetName() != "alipay_operator_notifications_total" {
			continue
		}
		for _, series := range family.GetMetric() {
			seen++
			for _, label := range series.GetLabel() {
				allowed := map[string][]string{"type": types, "outcome": outcomes}[label.GetName()]
				if !slices.Contains(allowed, label.GetValue()) {
					t.Errorf("a series for %s=%q", label.GetName(), label.GetValue())
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no series")
	}
}
