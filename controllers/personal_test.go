package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// secretReader counts the reads of Secrets, and fails them while err is set.
type secretReader struct {
	client.Reader
	reads int
	err   error
}

func (r *secretReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, options ...client.GetOption) error {
	if _, isSecret := obj.(*corev1.Secret); isSecret {
		r.reads++
		if r.err != nil {
			return r.err
		}
	}
	return r.Reader.Get(ctx, key, obj, options...)
}

// countSecretReads puts a reader between the payments and the API server.
func (w *world) countSecretReads() *secretReader {
	reader := &secretReader{Reader: liveStore{w.store}}
	w.payments.Live = reader
	return reader
}

func newSecret(name string, data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

func asText(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// secretPayment is detailedPayment with its personal data in a Secret, which comes with it.
func secretPayment(t testing.TB) (*apiv1.Payment, *corev1.Secret) {
	payment := detailedPayment()
	secret := newSecret("order-1043", map[string]string{
		apiv1.BuyerSecretKey: asText(t, payment.Spec.Buyer), "parcel": asText(t, payment.Spec.Order.Shipping),
	})
	payment.Spec.Buyer, payment.Spec.Order.Shipping = nil, nil
	payment.Spec.BuyerSecretRef = &apiv1.SecretKeyReference{Name: secret.Name}
	payment.Spec.ShippingSecretRef = &apiv1.SecretKeyReference{Name: secret.Name, Key: "parcel"}
	return payment, secret
}

func TestPersonalDataFromASecretMakesTheSameBodyAsInline(t *testing.T) {
	inline, withSecret := newWorld(t), newWorld(t)
	defer inline.close()
	defer withSecret.close()
	payment, secret := secretPayment(t)
	inline.store.create(detailedPayment())
	withSecret.store.create(secret)
	withSecret.store.create(payment)
	inline.must(inline.reconcilePayment(payment.Name))
	withSecret.must(withSecret.reconcilePayment(payment.Name))
	if diff := cmp.Diff(string(inline.sent[0].body), string(withSecret.sent[0].body)); diff != "" {
		t.Errorf("body (-inline +from the Secret):\n%s", diff)
	}
	if a, b := inline.payment(payment.Name).Status.Intent.RequestSHA256, withSecret.payment(payment.Name).Status.Intent.RequestSHA256; a != b {
		t.Errorf("hashes differ: %s and %s", a, b)
	}
}

func TestPaymentWaitsForItsSecret(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "order-1043", errors.New("no Role says so"))
	tests := []struct {
		name string
		// before and after are what the Secret holds at first and then; nil when there is none.
		before  map[string]string
		err     error
		want    string
		message []string
	}{
		{"no Secret", nil, nil, apiv1.SecretNotFoundReason, []string{`Secret "order-1043" does not exist`, `"buyer"`}},
		{"no key", map[string]string{"parcel": "{}"}, nil, apiv1.SecretNotFoundReason, []string{`Secret "order-1043" has no key "buyer"`}},
		{"no key of its own choice", map[string]string{"buyer": "{}"}, nil, apiv1.SecretNotFoundReason, []string{`Secret "order-1043" has no key "parcel"`}},
		{"no right to read it", nil, forbidden, apiv1.SecretForbiddenReason, []string{`may not read Secret "order-1043"`, "Role"}},
		{"no answer from the API server", nil, errors.New("time-out"), apiv1.SecretUnreadableReason, []string{`Secret "order-1043" could not be read`}},
		{"an unknown field", map[string]string{"buyer": `{"buyerEmial":"x"}`, "parcel": "{}"}, nil, apiv1.RequestInvalidReason,
			[]string{`Secret "order-1043"`, `key "buyer"`, "buyerEmial is not a known field"}},
		{"a wrong type below", map[string]string{"buyer": "{}", "parcel": `{"shippingAddress":{"zipCode":999077}}`}, nil, apiv1.RequestInvalidReason,
			[]string{`Secret "order-1043"`, `key "parcel"`, "shippingAddress.zipCode must be a text of 1 to 32 characters"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			reader := w.countSecretReads()
			reader.err = tt.err
			payment, secret := secretPayment(t)
			if tt.before != nil {
				w.store.create(newSecret(secret.Name, tt.before))
			}
			w.store.create(payment)
			result := w.must(w.reconcilePayment(payment.Name))
			st := w.payment(payment.Name).Status
			if got := reason(st.Conditions); got != tt.want || result.RequeueAfter <= 0 {
				t.Errorf("reason = %s, again after %s, want %s and a time", got, result.RequeueAfter, tt.want)
			}
			for _, part := range tt.message {
				if message := st.Conditions[0].Message; !strings.Contains(message, part) {
					t.Errorf("message %q lacks %q", message, part)
				}
			}
			if st.Intent != nil || len(w.sent) != 0 {
				t.Fatalf("intent = %+v after %d requests, want none", st.Intent, len(w.sent))
			}
			writes := w.store.writes
			w.advance(result.RequeueAfter)
			w.must(w.reconcilePayment(payment.Name))
			if w.store.writes != writes {
				t.Error("waiting writes")
			}

			reader.err = nil
			if tt.before != nil {
				w.store.remove(secret)
			}
			w.store.create(secret)
			w.advance(result.RequeueAfter)
			w.must(w.reconcilePayment(payment.Name))
			if got := w.payment(payment.Name).Status.State; got != apiv1.StateProcessing {
				t.Errorf("state = %s once the Secret is right, want %s", got, apiv1.StateProcessing)
			}
		})
	}
}

func TestSecretIsReadOnlyWhileTheRequestMayHaveToBeSent(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	payment, secret := secretPayment(t)
	w.store.create(secret)
	w.store.create(payment)
	w.must(w.reconcilePayment(payment.Name))
	reader := w.countSecretReads()
	w.store.remove(secret)

	w.advance(time.Minute)
	w.must(w.reconcilePayment(payment.Name)) // followed
	if err := w.simulator.BuyerPays(w.payment(payment.Name).Status.PaymentRequestID); err != nil {
		t.Fatal(err)
	}
	w.follow(w.reconcilePayment, payment.Name, time.Hour)
	w.must(w.reconcilePayment(payment.Name)) // settled
	w.restart()
	w.payments.Live = reader
	w.editPayment(payment.Name, func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, payment.Name, time.Hour)
	if got := w.payment(payment.Name).Status.State; got != apiv1.PaymentCancelled || reader.reads != 0 {
		t.Errorf("state = %s after %d reads of the Secret, want %s and none", got, reader.reads, apiv1.PaymentCancelled)
	}
}

func TestPaymentThatWasNeverSentIsCancelledWithoutItsSecret(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	payment, _ := secretPayment(t)
	w.store.create(payment)
	w.must(w.reconcilePayment(payment.Name))
	w.editPayment(payment.Name, func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, payment.Name, time.Hour)
	if st := w.payment(payment.Name).Status; st.State != apiv1.PaymentCancelled || w.sends("pay") != 0 {
		t.Errorf("state = %s (%s) after %d requests to pay, want %s and none", st.State, reason(st.Conditions), w.sends("pay"), apiv1.PaymentCancelled)
	}
}

// lostPayment is a payment whose request got lost on its way, in a new process that knows no more than the status says.
func (w *world) lostPayment() (*apiv1.Payment, *corev1.Secret) {
	w.t.Helper()
	payment, secret := secretPayment(w.t)
	w.store.create(secret)
	w.store.create(payment)
	w.loses("pay")
	w.must(w.reconcilePayment(payment.Name))
	w.beforeSend = nil
	w.restart()
	return payment, secret
}

func TestChangedSecretNeverMakesAnotherRequestUnderTheSameID(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	payment, secret := w.lostPayment()
	w.store.remove(secret)
	changed := secret.DeepCopy()
	changed.Data[apiv1.BuyerSecretKey] = []byte(`{"referenceBuyerId":"somebody else"}`)
	w.store.create(changed)
	w.follow(w.reconcilePayment, payment.Name, 10*time.Minute)
	if st := w.payment(payment.Name).Status; reason(st.Conditions) != apiv1.RequestChangedReason || w.sends("pay") != 1 {
		t.Errorf("reason = %s after %d requests to pay, want %s and one", reason(st.Conditions), w.sends("pay"), apiv1.RequestChangedReason)
	}
}

func TestLostRequestWaitsForItsSecretAndIsSentAgainByteForByte(t *testing.T) {
	for name, content := range map[string]map[string]string{"without a Secret": nil, "with a broken Secret": {"buyer": "{", "parcel": "{}"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			payment, secret := w.lostPayment()
			w.store.remove(secret)
			if content != nil {
				w.store.create(newSecret(secret.Name, content))
			}
			for range 20 {
				result := w.must(w.reconcilePayment(payment.Name))
				if result.RequeueAfter <= 0 {
					t.Fatalf("it gave up: %+v", w.payment(payment.Name).Status.Conditions)
				}
				w.advance(result.RequeueAfter)
			}
			want := apiv1.SecretNotFoundReason
			if content != nil {
				want = apiv1.RequestInvalidReason
				w.store.remove(secret)
			}
			if st := w.payment(payment.Name).Status; reason(st.Conditions) != want || w.sends("pay") != 1 {
				t.Errorf("reason = %s after %d requests to pay, want %s and one", reason(st.Conditions), w.sends("pay"), want)
			}
			w.store.create(secret)
			w.must(w.reconcilePayment(payment.Name))
			var bodies []string
			for _, request := range w.sent {
				if request.operation == "pay" {
					bodies = append(bodies, string(request.body))
				}
			}
			if len(bodies) != 2 || bodies[0] != bodies[1] {
				t.Errorf("bodies sent = %q, want the same one twice", bodies)
			}
			if got := w.payment(payment.Name).Status.State; got != apiv1.StateProcessing {
				t.Errorf("state = %s, want %s", got, apiv1.StateProcessing)
			}
		})
	}
}

const canary = "cAnArY"

// canarySecret has the canary in every value.
func canarySecret(name string) *corev1.Secret {
	names := `{"firstName":"cAnArY-f","middleName":"cAnArY-m","lastName":"cAnArY-l","fullName":"cAnArY-n"}`
	return newSecret(name, map[string]string{
		"buyer": `{"referenceBuyerId":"cAnArY-b","buyerName":` + names + `,"buyerPhoneNo":"cAnArY-p","buyerEmail":"cAnArY@buyer.example"}`,
		"shipping": `{"shippingName":` + names + `,"shippingAddress":{"state":"cAnArY-s","city":"cAnArY-c","address1":"cAnArY-1",` +
			`"address2":"cAnArY-2","zipCode":"cAnArY-z"},"shippingCarrier":"cAnArY-k","shippingPhoneNo":"cAnArY-t","shipToEmail":"cAnArY@x.example"}`,
	})
}

// witness keeps all that the operator tells: events, log lines and errors, and every version of an object.
type witness struct{ told []string }

func (w *witness) Eventf(_, _ runtime.Object, kind, reason, action, note string, args ...any) {
	w.told = append(w.told, kind, reason, action, fmt.Sprintf(note, args...))
}

func (w *witness) context(ctx context.Context) context.Context {
	return log.IntoContext(ctx, funcr.New(func(prefix, args string) { w.told = append(w.told, prefix+args) }, funcr.Options{Verbosity: 10}))
}

func TestContentOfASecretIsNeverTold(t *testing.T) {
	broken := func(key, content string) func(*corev1.Secret) {
		return func(secret *corev1.Secret) { secret.Data[key] = []byte(content) }
	}
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		arm    func(*world)
	}{
		{"paid", nil, nil},
		{"the request is lost", nil, func(w *world) { w.loses("pay") }},
		{"the gateway can not be reached", nil, func(w *world) { w.unreachable = func(string) bool { return true } }},
		{"refused", nil, func(w *world) {
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: "PARAM_ILLEGAL"})
		}},
		{"no JSON", broken("buyer", "cAnArY"), nil},
		{"cut JSON", broken("buyer", `{"buyerEmail":"cAnArY`), nil},
		{"something behind the JSON", broken("buyer", `{} cAnArY`), nil},
		{"no object", broken("buyer", `["cAnArY"]`), nil},
		{"an unknown field", broken("buyer", `{"email":"cAnArY"}`), nil},
		{"a value as a name", broken("buyer", `{"cAnArY cAnArY":1}`), nil},
		{"a wrong type", broken("shipping", `{"shippingName":"cAnArY"}`), nil},
		{"a text that is too long", broken("buyer", `{"buyerPhoneNo":"`+strings.Repeat(canary, 5)+`"}`), nil},
		{"a wrong time", broken("buyer", `{"buyerRegistrationTime":"cAnArY"}`), nil},
		{"a wrong number", broken("buyer", `{"successfulOrderCount":"cAnArY"}`), nil},
		{"a wrong flag", broken("buyer", `{"isAccountVerified":"cAnArY"}`), nil},
		{"a wrong region", broken("shipping", `{"shippingAddress":{"region":"cAnArY"}}`), nil},
		{"a conflict with additional fields", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			told := &witness{}
			w.payments.Events = told
			w.store.changed = func(_, now client.Object) {
				if now != nil && keyOf(now).kind != "Secret" {
					told.told = append(told.told, asText(t, now))
				}
			}
			secret := canarySecret("personal")
			if tt.change != nil {
				tt.change(secret)
			}
			if tt.arm != nil {
				tt.arm(w)
			}
			w.store.create(secret)
			w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) {
				spec.BuyerSecretRef, spec.ShippingSecretRef = &apiv1.SecretKeyReference{Name: "personal"}, &apiv1.SecretKeyReference{Name: "personal"}
				if strings.Contains(tt.name, "additional") {
					spec.AdditionalFields = raw(`{"order":{"buyer":{"buyerEmail":"x"}}}`)
				}
			}))
			for range 10 {
				result, err := w.payments.Reconcile(told.context(t.Context()), requestFor("order"))
				told.told = append(told.told, fmt.Sprint(err))
				w.advance(max(result.RequeueAfter, time.Second))
				if id := w.payment("order").Status.PaymentRequestID; id != "" {
					_ = w.simulator.BuyerPays(id)
				}
			}
			for _, text := range told.told {
				if strings.Contains(text, canary) {
					t.Errorf("it tells %s", text)
				}
			}
			if sent := len(w.sent) > 0 && strings.Contains(string(w.sent[0].body), canary); sent != (tt.change == nil && w.unreachable == nil && !strings.Contains(tt.name, "additional")) {
				t.Errorf("the request with the personal data was sent: %t", sent)
			}
		})
	}
}

func TestGatewayTextIsNotKeptWhereItMightRepeatASecret(t *testing.T) {
	payment, _ := secretPayment(t)
	payment.Status.Intent = testIntent()
	pass := &paymentPass{answers: paymentAnswers{payment: payment, now: worldStart}}
	pass.payment = payment
	said := alipay.Result{ResultCode: "PARAM_ILLEGAL", ResultStatus: "F", ResultMessage: "buyerEmail " + canary + " is not valid"}

	_ = pass.refused(&alipay.RejectedError{Result: said, Signed: true})
	refused := asText(t, payment.Status)
	pass.answers.inquiry(&alipay.InquiryPaymentResponse{PaymentStatus: alipay.StatusFail, PaymentResultCode: said.ResultCode, PaymentResultMessage: said.ResultMessage})
	failed := asText(t, payment.Status)
	payment.Status.State = ""
	pass.answers.notified(&alipay.PaymentNotification{Result: said}, &verifiedNotification{})
	for _, status := range []string{refused, failed, asText(t, payment.Status)} {
		if strings.Contains(status, canary) || !strings.Contains(status, said.ResultCode) {
			t.Errorf("status = %s, want the code and not the text", status)
		}
	}
}
