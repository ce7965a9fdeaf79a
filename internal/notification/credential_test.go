package notification

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// paid is a body about the payment "order" with some more members.
func paid(more string) string {
	return `{"notifyType":"PAYMENT_RESULT","result":{"resultStatus":"S"},"paymentRequestId":"pr_1","paymentId":"2099_1",` + more + `}`
}

// The secret words of the bodies begin with this.
const secretWord = "hush"

var credentialBodies = []struct{ name, body string }{
	{"access token", paid(`"accessToken":"hush-1"`)},
	{"refresh token", paid(`"refreshToken":"hush-1"`)},
	{"authorization code", paid(`"authCode":"hush-1"`)},
	{"state of an authorization", paid(`"authState":"hush-1"`)},
	{"card token of the result", paid(`"paymentResultInfo":{"cardNo":"****0768","cardToken":"hush-1"}`)},
	{"cryptogram of 3-D Secure", paid(`"paymentResultInfo":{"threeDSResult":{"cavv":"hush-1"}}`)},
	{"cryptogram as guide pages print it", paid(`"paymentResultInfo":{"threeDSResult":{"caav":"hush-1"}}`)},
	{"payment method", paid(`"paymentMethod":{"paymentMethodId":"hush-1"}`)},
	{"card number", paid(`"paymentResultInfo":{"cardNo":"hush-4111111111111111"}`)},
	{"card number that is a number", paid(`"paymentResultInfo":{"cardNo":4111111111111111,"x":"hush"}`)},
	{"within arrays", paid(`"transactions":[1,[{"x":[{"accessToken":"hush-1"}]}]]`)},
	{"name in capitals", paid(`"ACCESSTOKEN":"hush-1"`)},
	{"name with an underscore", paid(`"auth_code":"hush-1"`)},
	{"name in escapes", paid(`"\u0061ccessTo\u006Ben":"hush-1"`)},
	{"name with a line break", paid(`"access\ntoken":"hush-1"`)},
	{"no string", paid(`"accessToken":{"value":"hush-1"}`)},
	{"first of two of one name", paid(`"accessToken":"hush-1","accessToken":""`)},
	{"in the first of two members of one name", paid(`"info":{"accessToken":"hush-1"},"info":{}`)},
	{"in JSON that is a text", paid(`"passThroughInfo":"{\"accessToken\":\"hush-1\"}"`)},
	{"in JSON that is a text in a text", paid(`"a":"[{\"b\":\" {\\\"authCode\\\":\\\"hush-1\\\"}\"}]"`)},
	{"behind something harmless", paid(`"x":"{not JSON","y":[{}],"z":{"password":"hush-1"}`)},
}

func TestCredentialsAreKeptInASecretAndNowhereElse(t *testing.T) {
	for _, test := range credentialBodies {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor()
			if response := d.deliver(t, written(test.body)); !isAcknowledgement(t, response) {
				t.Fatalf("answer = %s; log: %s", response.Status, d.log())
			}
			d.expectWrites(t, "create *v1.Secret", "patch order")
			payment := &apiv1.Payment{}
			d.get(t, "order", payment)
			envelope := only(t, payment)
			for name, value := range payment.Annotations {
				if strings.Contains(name+value, secretWord) || strings.Contains(value, "4111") {
					t.Errorf("the annotation tells the secret: %s: %s", name, value)
				}
			}
			if log := d.log(); strings.Contains(log, secretWord) || strings.Contains(log, "4111") {
				t.Errorf("the log tells the secret: %s", log)
			}
			secret := &corev1.Secret{}
			d.get(t, envelope.BodySecretName, secret)
			if got := string(secret.Data[apiv1.NotificationBodySecretKey]); got != test.body || secret.Immutable == nil || !*secret.Immutable {
				t.Errorf("Secret has %q, want it immutable with the body", got)
			}
			owner := metav1.OwnerReference{APIVersion: "payments.alipay-operator.io/v1", Kind: "Payment", Name: "order", UID: "payment-uid"}
			if !slices.Equal(secret.OwnerReferences, []metav1.OwnerReference{owner}) {
				t.Errorf("owners = %v, want the payment, so that the Secret goes with it", secret.OwnerReferences)
			}
			if err := envelope.Verify(secret.Data[apiv1.NotificationBodySecretKey], &gatewayKey().PublicKey); err != nil || envelope.Body != "" {
				t.Errorf("stored envelope: %v, body %q", err, envelope.Body)
			}
		})
	}
}

func TestWhatIsNoCredentialStaysReadable(t *testing.T) {
	tests := []struct{ name, body string }{
		{"paid", paidBody},
		{"masked card number", paid(`"paymentResultInfo":{"cardNo":"****0768","cvvResultRaw":"Y","avsResultRaw":"A"}`)},
		{"masked card number with its first digits", paid(`"paymentResultInfo":{"cardNo":"411111******1111"}`)},
		{"empty and null", paid(`"accessToken":"","authCode":null,"cardNo":null`)},
		{"word in a value", paid(`"reason":"accessToken"`)},
		{"texts that look like JSON", paid(`"a":"{","b":"[1,2]","c":"{\"x\":\"y\"}","d":"123"`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor()
			if response := d.deliver(t, written(test.body)); !isAcknowledgement(t, response) {
				t.Fatalf("answer = %s; log: %s", response.Status, d.log())
			}
			d.expectWrites(t, "patch order")
			payment := &apiv1.Payment{}
			d.get(t, "order", payment)
			if envelope := only(t, payment); envelope.Body != test.body || envelope.BodySecretName != "" {
				t.Errorf("envelope = %+v, want the body as it is", envelope)
			}
		})
	}
}

func TestCredentialThatCanNotBeKeptIsNotAcknowledged(t *testing.T) {
	d := newDoor()
	d.fails["create *v1.Secret"] = apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no role"))
	if response := d.deliver(t, written(credentialBodies[0].body)); isAcknowledgement(t, response) {
		t.Error("acknowledged")
	}
	d.expectWrites(t, "create *v1.Secret")
	payment := &apiv1.Payment{}
	if d.get(t, "order", payment); len(payment.Annotations) != 0 {
		t.Errorf("annotations = %v, want none", payment.Annotations)
	}
	if log := d.log(); strings.Contains(log, secretWord) || strings.Contains(log, "no role") || !strings.Contains(log, "Forbidden") {
		t.Errorf("log = %s, want the reason, in one word, and no secret", log)
	}

	// The gateway sends it again, and by then somebody has given the operator the right.
	delete(d.fails, "create *v1.Secret")
	if response := d.deliver(t, written(credentialBodies[0].body)); !isAcknowledgement(t, response) {
		t.Error("not acknowledged when sent again")
	}
	d.expectWrites(t, "create *v1.Secret", "patch order")
}

func TestSecretThatExistsIsTheSame(t *testing.T) {
	// The Secret was created, and the operator died before the annotation.
	d := newDoor()
	d.fails["patch order"] = errors.New("killed")
	if response := d.deliver(t, written(credentialBodies[0].body)); isAcknowledgement(t, response) {
		t.Error("acknowledged without the annotation")
	}
	delete(d.fails, "patch order")
	if response := d.deliver(t, written(credentialBodies[0].body)); !isAcknowledgement(t, response) {
		t.Errorf("not acknowledged; log: %s", d.log())
	}
	secrets := &corev1.SecretList{}
	if err := d.api.List(t.Context(), secrets); err != nil || len(secrets.Items) != 1 {
		t.Errorf("%d Secrets, %v; want one", len(secrets.Items), err)
	}
	d.written()

	// A duplicate brings back a Secret that somebody has deleted.
	if err := d.api.Delete(t.Context(), &secrets.Items[0]); err != nil {
		t.Fatal(err)
	}
	if response := d.deliver(t, written(credentialBodies[0].body)); !isAcknowledgement(t, response) {
		t.Error("the duplicate was not acknowledged")
	}
	d.expectWrites(t, "create *v1.Secret", "patch order")
	d.get(t, secrets.Items[0].Name, &corev1.Secret{})
}

func TestSecretWithAnotherBodyIsNotTaken(t *testing.T) {
	d := newDoor()
	body := credentialBodies[0].body
	if response := d.deliver(t, written(body)); !isAcknowledgement(t, response) {
		t.Fatalf("not acknowledged; log: %s", d.log())
	}
	secrets := &corev1.SecretList{}
	if err := d.api.List(t.Context(), secrets); err != nil || len(secrets.Items) != 1 {
		t.Fatalf("%d Secrets, %v; want one", len(secrets.Items), err)
	}
	kept := &secrets.Items[0]
	if err := d.api.Delete(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	other := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kept.Namespace, Name: kept.Name},
		Data:       map[string][]byte{apiv1.NotificationBodySecretKey: []byte("{}")},
	}
	if err := d.api.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if response := d.deliver(t, written(body)); isAcknowledgement(t, response) {
		t.Error("acknowledged, and another body is kept")
	}
	if log := d.log(); !strings.Contains(log, kept.Name) || strings.Contains(log, secretWord) {
		t.Errorf("log = %s, want the Secret's name and not what is in it", log)
	}
}

func TestSecretOfAFormerObjectIsNotTheSame(t *testing.T) {
	// A payment was deleted and made anew under its name: the Secret of the former one is about to go.
	former := &apiv1.Payment{ObjectMeta: metav1.ObjectMeta{Name: "order", UID: "former-uid"}}
	again := &apiv1.Payment{ObjectMeta: metav1.ObjectMeta{Name: "order", UID: "payment-uid"}}
	body := []byte(credentialBodies[0].body)
	if bodySecretName(former, body) == bodySecretName(again, body) {
		t.Error("both have one Secret")
	}
	if bodySecretName(again, body) != bodySecretName(again.DeepCopy(), slices.Clone(body)) {
		t.Error("the name is not always the same")
	}
	long := &apiv1.Payment{ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("a", 199) + "." + strings.Repeat("b", 53), UID: "u"}}
	if name := bodySecretName(long, body); len(name) > 253 || strings.Contains(name, ".-") {
		t.Errorf("%q is no name of a Secret", name)
	}
}
