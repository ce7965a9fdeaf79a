package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// notifiedShop is a shop that the gateway notifies, and in which time stands still, for the gateway and the controllers alike, until a
// test lets some pass. So no inquiry is due by itself: each one that is sent has another cause.
type notifiedShop struct {
	*testenv.Shop
	t       *testing.T
	clock   *clocktesting.FakeClock
	writes  *writeCounter
	manager *testenv.Manager
	markers int
}

// newNotifiedShop makes such a shop, with a manager and a verified account. No buyer acts by himself.
func newNotifiedShop(t *testing.T, adjust ...func(*simulator.Options)) *notifiedShop {
	t.Helper()
	// It lies ahead of the API server's, or every object would be younger than its intent, as after a restore. It is noon at the gateway.
	now := time.Now().Truncate(24 * time.Hour).Add(52 * time.Hour).UTC()
	s := &notifiedShop{t: t, clock: clocktesting.NewFakeClock(now)}
	s.Shop = testenv.NewNotifiedShop(t, cluster, append([]func(*simulator.Options){func(o *simulator.Options) {
		o.Buyer, o.Now = simulator.BuyerManual, func() time.Time { return now }
	}}, adjust...)...)
	t.Cleanup(s.clear)
	s.run(nil)
	expectReady(t, s.Shop, metav1.ConditionTrue, apiv1.VerifiedReason)
	return s
}

// foreignKey is a key that neither the gateway nor the merchant uses.
var foreignKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the system has no randomness
	}
	return key
})

// clear leaves nothing behind that a manager of all namespaces would work on.
func (s *notifiedShop) clear() {
	for _, obj := range []client.Object{&apiv1.Dispute{}, &apiv1.Refund{}, &apiv1.Capture{}, &apiv1.CustomsDeclaration{}, &apiv1.Payment{}, &apiv1.MerchantAccount{}} {
		if err := cluster.Client.DeleteAllOf(context.Background(), obj, client.InNamespace(s.Namespace)); err != nil {
			s.t.Error(err)
		}
	}
}

// run starts a manager. wrap, if given, sees every request to the API server before it is counted.
func (s *notifiedShop) run(wrap func(http.RoundTripper) http.RoundTripper) {
	s.t.Helper()
	s.writes = &writeCounter{}
	s.manager = s.RunManagerWith(testenv.ManagerOptions{Clock: s.clock, Wrap: func(next http.RoundTripper) http.RoundTripper {
		next = s.writes.wrap(next)
		if wrap != nil {
			next = wrap(next)
		}
		return next
	}})
}

// stop ends the manager and whatever it is doing.
func (s *notifiedShop) stop() {
	s.t.Helper()
	if err := s.manager.Stop(); err != nil {
		s.t.Fatal(err)
	}
}

// rest lets the manager finish all that it has been woken for, and ends it.
func (s *notifiedShop) rest() {
	s.t.Helper()
	s.markers++
	marker := testenv.NewPayment(fmt.Sprintf("marker-%d", s.markers))
	inject(s.t, s.Simulator, simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: "RISK_REJECT", Target: marker.Name})
	s.Create(marker)
	settle(s.t, s.Shop, marker)
	s.stop()
}

// markerCalls are the requests that rest costs: the refusal of its payment, and the inquiry that confirms it.
const markerCalls = 2

// restartFindsNothingToDo starts the manager again once it has done what there is to do, and expects that it neither writes nor calls.
func (s *notifiedShop) restartFindsNothingToDo() {
	s.t.Helper()
	s.rest()
	calls := s.calls()
	s.run(nil)
	s.rest()
	s.writes.mu.Lock()
	defer s.writes.mu.Unlock()
	for object, n := range s.writes.writes {
		if !strings.HasPrefix(object, "payments/marker") {
			s.t.Errorf("after a restart %s was written %d times, want 0", object, n)
		}
	}
	if got := s.calls() - calls - markerCalls; got != 0 {
		s.t.Errorf("%d calls after a restart, want none", got)
	}
}

// pass lets time pass. What falls due at the gateway meanwhile has happened on return, and each notification was answered.
func (s *notifiedShop) pass(d time.Duration) {
	s.clock.Step(d)
	s.Simulator.Advance(d)
}

// calls is how many requests the gateway has had.
func (s *notifiedShop) calls() int {
	sum := 0
	for _, counts := range s.Simulator.Ledger().APICalls {
		sum += total(counts)
	}
	return sum
}

// openPayment creates a payment and waits until it awaits its buyer.
func (s *notifiedShop) openPayment(name string) *apiv1.Payment {
	s.t.Helper()
	payment := testenv.NewPayment(name)
	s.Create(payment)
	s.awaitPayment(payment, apiv1.StateProcessing)
	return payment
}

// paidPayment creates a payment that is paid.
func (s *notifiedShop) paidPayment(name string) *apiv1.Payment {
	s.t.Helper()
	payment := s.openPayment(name)
	s.buyerPays(payment)
	s.awaitPayment(payment, apiv1.PaymentPaid)
	return payment
}

// openRefund creates a refund of 40.00 that the gateway is working on.
func (s *notifiedShop) openRefund(name, payment string) *apiv1.Refund {
	s.t.Helper()
	refund := testenv.NewRefund(name, payment, "4000")
	s.Create(refund)
	s.awaitRefund(refund, apiv1.StateProcessing)
	return refund
}

// buyerPays pays and lets the time pass after which the gateway tells of it.
func (s *notifiedShop) buyerPays(payment *apiv1.Payment) {
	s.t.Helper()
	s.must(s.Simulator.BuyerPays(payment.Status.PaymentRequestID))
	s.pass(3 * time.Second)
}

func (s *notifiedShop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *notifiedShop) awaitPayment(payment *apiv1.Payment, want apiv1.OperationState) {
	s.t.Helper()
	eventually(s.t, func() error {
		if s.Get(payment.Name, payment); payment.Status.State != want {
			return fmt.Errorf("payment %s is %q, want %q: %+v", payment.Name, payment.Status.State, want, payment.Status)
		}
		return nil
	})
}

func (s *notifiedShop) awaitRefund(refund *apiv1.Refund, want apiv1.OperationState) {
	s.t.Helper()
	eventually(s.t, func() error {
		if s.Get(refund.Name, refund); refund.Status.State != want {
			return fmt.Errorf("refund %s is %q, want %q: %+v", refund.Name, refund.Status.State, want, refund.Status)
		}
		return nil
	})
}

// awaitCalls waits until an operation has been called so often.
func (s *notifiedShop) awaitCalls(operation string, want int) {
	s.t.Helper()
	eventually(s.t, func() error {
		if got := s.Simulator.Ledger().Calls(operation); got != want {
			return fmt.Errorf("%d calls of %s, want %d", got, operation, want)
		}
		return nil
	})
}

// expectStatus compares the whole status with what it was.
func (s *notifiedShop) expectStatus(payment *apiv1.Payment, want *apiv1.PaymentStatus) {
	s.t.Helper()
	s.Get(payment.Name, payment)
	if diff := cmp.Diff(want, &payment.Status); diff != "" {
		s.t.Errorf("the status has changed (-want +got):\n%s", diff)
	}
}

// expectReason waits until a payment's Ready condition has a reason.
func (s *notifiedShop) expectReason(payment *apiv1.Payment, want string) {
	s.t.Helper()
	eventually(s.t, func() error {
		s.Get(payment.Name, payment)
		if ready := meta.FindStatusCondition(payment.Status.Conditions, apiv1.ReadyCondition); ready == nil || ready.Reason != want {
			return fmt.Errorf("conditions = %+v, want reason %s", payment.Status.Conditions, want)
		}
		return nil
	})
}

// expectWrites compares how often the operator has written an object.
func (s *notifiedShop) expectWrites(object string, want int) {
	s.t.Helper()
	if got := s.writes.of(object); got != want {
		s.t.Errorf("%d writes of %s, want %d: %s", got, object, want, s.writes.all())
	}
}

// path is what the gateway calls and signs.
func (s *notifiedShop) path() string {
	return testenv.IngressPrefix + "/notify/" + s.Namespace + "/" + testenv.AccountName
}

// signed is a notification with this body, signed now by the gateway. change, if given, comes before the signature.
func (s *notifiedShop) signed(body string, change ...func(*notification.Envelope)) notification.Envelope {
	s.t.Helper()
	return s.signedBy(testenv.GatewayKey(), body, change...)
}

func (s *notifiedShop) signedBy(key *rsa.PrivateKey, body string, change ...func(*notification.Envelope)) notification.Envelope {
	s.t.Helper()
	envelope := notification.Envelope{
		URI: s.path(), ClientID: testenv.ClientID, RequestTime: s.Simulator.Now().UTC().Format(time.RFC3339), Body: body,
	}
	for _, change := range change {
		change(&envelope)
	}
	var err error
	envelope.Signature, err = alipay.Sign(key, 1, alipay.Message{
		URI: envelope.URI, ClientID: envelope.ClientID, Time: envelope.RequestTime, Body: []byte(envelope.Body),
	})
	s.must(err)
	return envelope
}

// post sends a notification through the ingress, and reports whether it was acknowledged.
func (s *notifiedShop) post(envelope notification.Envelope) bool {
	s.t.Helper()
	return s.postTo(strings.TrimSuffix(s.Ingress.URL, testenv.IngressPrefix)+envelope.URI, envelope)
}

func (s *notifiedShop) postTo(url string, envelope notification.Envelope) bool {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, url, strings.NewReader(envelope.Body))
	s.must(err)
	request.Header.Set("Content-Type", "application/json; charset=UTF-8")
	request.Header.Set("Client-Id", envelope.ClientID)
	request.Header.Set("Request-Time", envelope.RequestTime)
	request.Header.Set("Signature", envelope.Signature)
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	s.must(err)
	return response.StatusCode == http.StatusOK && bytes.Equal(answer, alipay.Acknowledgement())
}

// annotate writes an annotation as somebody would who may edit the object and is no gateway.
func (s *notifiedShop) annotate(obj client.Object, suffix, value string) {
	s.t.Helper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{apiv1.NotificationAnnotation + suffix: value}}})
	s.must(err)
	s.must(cluster.Client.Patch(s.t.Context(), obj, client.RawPatch(types.MergePatchType, patch)))
}

// value is what an annotation with the envelope holds.
func value(t *testing.T, envelope notification.Envelope) string {
	t.Helper()
	text, err := envelope.Value()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// parsed is the envelope in an annotation.
func parsed(t *testing.T, text string) notification.Envelope {
	t.Helper()
	envelope, err := notification.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// kept are the notifications that an object has.
func kept(obj client.Object) map[string]string {
	found := map[string]string{}
	for name, value := range obj.GetAnnotations() {
		if apiv1.IsNotificationAnnotation(name) {
			found[name] = value
		}
	}
	return found
}

// fields of a notification, to be changed at will.
type fields map[string]any

func (f fields) with(name string, value any) fields {
	changed := fields{}
	for n, v := range f {
		changed[n] = v
	}
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

func (f fields) String() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // a programming error
	}
	return string(text)
}

// paymentResult is notifyPayment with a result status, and a time of payment if that is S.
func (s *notifiedShop) paymentResult(payment *apiv1.Payment, status string) fields {
	now := s.Simulator.Now().UTC().Format(time.RFC3339)
	f := fields{
		"notifyType": alipay.NotifyPaymentResult, "result": resultOf(status),
		"paymentRequestId": payment.Status.PaymentRequestID, "paymentId": payment.Status.PaymentID,
		"paymentAmount":     fields{"currency": payment.Spec.Amount.Currency, "value": payment.Spec.Amount.Value},
		"paymentCreateTime": now,
	}
	if status == alipay.ResultStatusSuccess {
		f["paymentTime"] = now
	}
	return f
}

func resultOf(status string) fields {
	code := map[string]string{"S": "SUCCESS", "F": "USER_BALANCE_NOT_ENOUGH", "U": "PAYMENT_IN_PROCESS"}[status]
	return fields{"resultCode": code, "resultStatus": status, "resultMessage": strings.ToLower(code)}
}

// rejections is how often the owner of an object was told that a notification is not believed.
func (s *notifiedShop) rejections(obj client.Object) int {
	s.t.Helper()
	list := &eventsv1.EventList{}
	s.must(cluster.Client.List(s.t.Context(), list, client.InNamespace(s.Namespace)))
	n := 0
	for i := range list.Items {
		event := &list.Items[i]
		if event.Reason == apiv1.NotificationRejectedReason && event.Regarding.Name == obj.GetName() {
			n++
			if event.Series != nil {
				n += int(event.Series.Count) - 1
			}
		}
	}
	return n
}

// gate holds back requests to the API server that match, until it is opened.
type gate struct {
	matches func(*http.Request) bool
	next    http.RoundTripper
	open    chan struct{}
	arrived chan struct{}
	once    sync.Once
}

func newGate(matches func(*http.Request) bool) *gate {
	return &gate{matches: matches, open: make(chan struct{}), arrived: make(chan struct{})}
}

func (g *gate) wrap(next http.RoundTripper) http.RoundTripper {
	g.next = next
	return g
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.matches(r) {
		g.once.Do(func() { close(g.arrived) })
		<-g.open
	}
	return g.next.RoundTrip(r)
}

// await waits for the first request that is held back.
func (g *gate) await(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		select {
		case <-g.arrived:
			return nil
		default:
			return fmt.Errorf("no request has come to the gate")
		}
	})
}

// nthStatusWrite matches the writes of an object's status from the n-th on.
func nthStatusWrite(object string, n int) func(*http.Request) bool {
	var mu sync.Mutex
	return func(r *http.Request) bool {
		if r.Method != http.MethodPatch || !strings.HasSuffix(r.URL.Path, "/"+object+"/status") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		n--
		return n <= 0
	}
}
