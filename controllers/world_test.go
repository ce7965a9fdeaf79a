package controllers

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// world is one cluster, one gateway and the operator between them, in memory and without any server. Its clock moves when a test moves it.
type world struct {
	t         testing.TB
	store     *store
	clock     *clocktesting.FakeClock
	simulator *simulator.Simulator
	gateways  *Gateways
	payments  *PaymentReconciler
	refunds   *RefundReconciler
	captures  *CaptureReconciler
	disputes  *DisputeReconciler
	customs   *CustomsDeclarationReconciler
	// agreements are the reconcilers of two processes, of which one at a time should be at work.
	agreements [2]*AgreementReconciler

	// memories are those of all processes.
	memories []*memory
	// sent are the requests that left, in order. beforeSend, afterSend and answer let a test look at them and lose them.
	sent       []sentRequest
	beforeSend func(sentRequest) error
	// unreachable says that no connection comes about, so that nothing leaves.
	unreachable func(operation string) bool
	afterSend   func(sentRequest) error
	// lastRequest is the last request on the wire, for deliver.
	lastRequest wireRequest

	// changeAnswer is given every answer, and returns the body that arrives.
	changeAnswer func(request sentRequest, header http.Header, body []byte) []byte
	// heard is what the gateway has announced.
	heard loudspeaker
}

// wireRequest is a signed request as it left.
type wireRequest struct {
	url    string
	header http.Header
	body   []byte
}

type sentRequest struct {
	operation string
	body      []byte
	fields    map[string]any
}

// text is a field of the body.
func (r sentRequest) text(name string) string {
	text, _ := r.fields[name].(string)
	return text
}

const (
	testNamespace = "shop"
	testAccount   = "shop-hk"
	testClientID  = "SANDBOX_5Y00000000000000"
)

// worldStart is noon UTC+8: far from the end of the gateway's day.
var worldStart = time.Date(2026, 11, 21, 12, 0, 0, 0, gatewayZone)

var worldKeys = sync.OnceValue(func() map[string]*rsa.PrivateKey {
	raw, err := os.ReadFile("../alipay/testdata/signature-vectors.json")
	if err != nil {
		panic(err)
	}
	var vectors struct {
		Keys map[string]struct{ PrivateKeyPem string }
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		panic(err)
	}
	keys := map[string]*rsa.PrivateKey{}
	for name, key := range vectors.Keys {
		if keys[name], err = alipay.ParsePrivateKey([]byte(key.PrivateKeyPem)); err != nil {
			panic(err)
		}
	}
	return keys
})

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

func newWorld(t testing.TB, changes ...func(*worldOptions)) *world {
	w := &world{t: t, store: newStore(), clock: clocktesting.NewFakeClock(worldStart)}
	w.store.now = w.clock.Now
	options := worldOptions{account: newAccount()}
	for _, change := range changes {
		change(&options)
	}
	var err error
	w.simulator, err = simulator.New(simulator.Options{
		Clients:    []simulator.Client{{ID: testClientID, PublicKey: &worldKeys()["merchant"].PublicKey}},
		PrivateKey: worldKeys()["gateway"], Now: func() time.Time { return worldStart }, Seed: 1,
		NotifyURL: options.dashboardURL, Wallets: options.wallets, Switches: simulator.Switches{MultipleCaptures: options.multipleCaptures}, NotifyClient: &http.Client{Transport: roundTripper(w.heard.roundTrip)},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.store.create(options.account)
	w.restart()
	return w
}

func (w *world) close() { w.simulator.Close() }

// restart begins a new process: whatever the old one had in memory is gone.
func (w *world) restart() {
	w.gateways = w.newGateways()
	w.payments = &PaymentReconciler{Lifecycle: w.newLifecycle()}
	w.refunds = &RefundReconciler{Lifecycle: w.newLifecycle()}
	w.captures = &CaptureReconciler{Lifecycle: w.newLifecycle()}
	w.disputes = &DisputeReconciler{Lifecycle: w.newLifecycle()}
	w.customs = NewCustomsDeclarationReconciler(w.newLifecycle())
	for i := range w.agreements {
		w.agreements[i] = &AgreementReconciler{Lifecycle: w.newLifecycle()}
	}
}

func (w *world) newLifecycle() *Lifecycle {
	l := NewLifecycle(w.store, liveStore{w.store}, w.clock, silentRecorder{}, w.gateways)
	w.memories = append(w.memories, l.memory)
	return l
}

// lag lets the cache show old versions. No process knows that it has written newer ones, as where another one has.
func (w *world) lag(behind int) {
	w.store.behind = behind
	for _, m := range w.memories {
		clear(m.written)
	}
}

// newGateways has the account's Secret at hand, and a client that reaches the simulator.
func (w *world) newGateways() *Gateways {
	account := w.account()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: account.Spec.CredentialsSecretRef.Name, ResourceVersion: account.Status.VerifiedSecretVersion},
		Data:       map[string][]byte{apiv1.PrivateKeySecretKey: []byte("unused")},
	}
	accountKey := client.ObjectKeyFromObject(account)
	secretKey := client.ObjectKeyFromObject(secret)
	held := toolscache.NewStore(toolscache.MetaNamespaceKeyFunc)
	if err := held.Add(secret); err != nil {
		w.t.Fatal(err)
	}
	secrets := &Secrets{
		watched: map[types.NamespacedName]*watchedSecret{secretKey: {
			store: held, synced: func() bool { return true }, stop: func() {}, accounts: map[types.NamespacedName]bool{accountKey: true},
		}},
		named: map[types.NamespacedName]types.NamespacedName{accountKey: secretKey},
	}
	keys := worldKeys()
	reach, err := alipay.New(alipay.Config{
		BaseURL: "https://gateway.example", ClientID: testClientID, PrivateKey: keys["merchant"],
		AlipayPublicKeys: []*rsa.PublicKey{&keys["gateway"].PublicKey},
	}, alipay.WithTransport(roundTripper(w.roundTrip)), alipay.WithClock(w.clock.Now))
	if err != nil {
		w.t.Fatal(err)
	}
	gateways := NewGateways(secrets, nil, time.Second)
	gateways.clients[accountKey] = &gateway{
		client: reach, generation: account.Generation, secretVersion: secret.ResourceVersion,
		queue: unlimitedQueue(&sharedWorkers{}),
	}
	return gateways
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var errConnection = errors.New("the connection broke")

// roundTrip carries a request to the simulator without a network.
func (w *world) roundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	request := sentRequest{operation: r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], body: body}
	if w.unreachable != nil && w.unreachable(request.operation) {
		httptrace.ContextClientTrace(r.Context()).GetConn(r.URL.Host)
		return nil, errConnection
	}
	if err := json.Unmarshal(body, &request.fields); err != nil {
		return nil, err
	}
	w.sent = append(w.sent, request)
	w.lastRequest = wireRequest{url: r.URL.String(), header: r.Header.Clone(), body: body}
	if w.beforeSend != nil {
		if err := w.beforeSend(request); err != nil {
			return nil, err
		}
	}
	recorder := w.deliver(w.lastRequest)
	if w.afterSend != nil {
		if err := w.afterSend(request); err != nil {
			return nil, err
		}
	}
	if recorder == nil {
		return nil, errConnection
	}
	answer := recorder.Result()
	if w.changeAnswer != nil {
		changed := w.changeAnswer(request, answer.Header, recorder.Body.Bytes())
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(changed)), int64(len(changed))
		answer.Header.Del("Content-Length")
	}
	return answer, nil
}

// inject arms a fault at the gateway.
func (w *world) inject(fault simulator.Fault) {
	w.t.Helper()
	if err := w.simulator.Inject(fault); err != nil {
		w.t.Fatal(err)
	}
}

// loses lets no request to an operation arrive; none is lost any more when it is empty.
func (w *world) loses(operation string) {
	w.beforeSend = func(r sentRequest) error {
		if r.operation == operation {
			return errConnection
		}
		return nil
	}
}

// deliver hands a request to the simulator: at once, or late. It returns nil when the simulator drops the connection, which it does
// by http.ErrAbortHandler.
func (w *world) deliver(request wireRequest) (recorder *httptest.ResponseRecorder) {
	defer func() {
		if recover() != nil {
			recorder = nil
		}
	}()
	recorder = httptest.NewRecorder()
	arrived := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, request.url, bytes.NewReader(request.body))
	arrived.Header = request.header.Clone()
	w.simulator.Handler().ServeHTTP(recorder, arrived)
	return recorder
}

// sends counts the requests to an operation.
func (w *world) sends(operation string) int {
	n := 0
	for _, request := range w.sent {
		if request.operation == operation {
			n++
		}
	}
	return n
}

// advance moves both clocks.
func (w *world) advance(d time.Duration) {
	w.clock.Step(d)
	w.simulator.Advance(d)
}

func (w *world) reconcilePayment(name string) (ctrl.Result, error) {
	return w.payments.Reconcile(w.t.Context(), requestFor(name))
}

func (w *world) reconcileRefund(name string) (ctrl.Result, error) {
	return w.refunds.Reconcile(w.t.Context(), requestFor(name))
}

func (w *world) reconcileCapture(name string) (ctrl.Result, error) {
	return w.captures.Reconcile(w.t.Context(), requestFor(name))
}

func requestFor(name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: testNamespace, Name: name}}
}

// failWriteNumber lets one write fail; none when n is zero.
func (w *world) failWriteNumber(n int, how writeFault) {
	w.store.failWrite = func(client.Object) writeFault {
		if n--; n == 0 {
			return how
		}
		return writeArrives
	}
}

// follow reconciles an object until it rests or waits for longer than a time.
func (w *world) follow(reconcile func(string) (ctrl.Result, error), name string, longest time.Duration) {
	w.t.Helper()
	for range 200 {
		result, err := reconcile(name)
		switch {
		case err != nil:
			w.advance(time.Second)
		case result.RequeueAfter == 0 || result.RequeueAfter > longest:
			return
		default:
			w.advance(result.RequeueAfter)
		}
	}
	w.t.Fatalf("%s does not come to rest", name)
}

func (w *world) account() *apiv1.MerchantAccount {
	account := &apiv1.MerchantAccount{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: testAccount}}
	return w.store.latest(keyOf(account)).(*apiv1.MerchantAccount)
}

// payment returns the newest version; nil when it is gone.
func (w *world) payment(name string) *apiv1.Payment {
	payment, _ := w.store.latest(storeKey{kind: "Payment", name: requestFor(name).NamespacedName}).(*apiv1.Payment)
	return payment
}

func (w *world) refund(name string) *apiv1.Refund {
	refund, _ := w.store.latest(storeKey{kind: "Refund", name: requestFor(name).NamespacedName}).(*apiv1.Refund)
	return refund
}

func (w *world) capture(name string) *apiv1.Capture {
	capture, _ := w.store.latest(storeKey{kind: "Capture", name: requestFor(name).NamespacedName}).(*apiv1.Capture)
	return capture
}

func (w *world) editPayment(name string, change func(*apiv1.PaymentSpec)) {
	w.store.edit(w.payment(name), func(obj client.Object) { change(&obj.(*apiv1.Payment).Spec) })
}

func (w *world) editRefund(name string, change func(*apiv1.RefundSpec)) {
	w.store.edit(w.refund(name), func(obj client.Object) { change(&obj.(*apiv1.Refund).Spec) })
}

func newAccount() *apiv1.MerchantAccount {
	return &apiv1.MerchantAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: testAccount},
		Spec: apiv1.MerchantAccountSpec{
			ClientID: testClientID, Environment: apiv1.SandboxEnvironment, GatewayURL: "https://gateway.example",
			CredentialsSecretRef: apiv1.SecretReference{Name: "alipay"}, RequestIDPrefix: "hk",
			AlipayPublicKeys: []string{publicKeyPEM("gateway")},
		},
		Status: apiv1.MerchantAccountStatus{
			VerifiedSecretVersion: "1",
			Conditions: []metav1.Condition{{
				Type: apiv1.ReadyCondition, Status: metav1.ConditionTrue, ObservedGeneration: 1, Reason: apiv1.VerifiedReason,
			}},
		},
	}
}

func newPayment(name string, change ...func(*apiv1.PaymentSpec)) *apiv1.Payment {
	payment := &apiv1.Payment{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name},
		Spec: apiv1.PaymentSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testAccount},
			Amount:             apiv1.Amount{Currency: "HKD", Value: "10000"},
			Order:              apiv1.Order{ReferenceOrderID: name, OrderDescription: "Desk lamp"},
			Cashier:            &apiv1.Cashier{PaymentMethodType: "ALIPAY_HK"},
			RedirectURL:        "https://shop.example/return",
		},
	}
	for _, c := range change {
		c(&payment.Spec)
	}
	return payment
}

func newRefund(name, payment, value string, change ...func(*apiv1.RefundSpec)) *apiv1.Refund {
	refund := &apiv1.Refund{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name},
		Spec:       apiv1.RefundSpec{PaymentRef: apiv1.PaymentReference{Name: payment}, Full: value == ""},
	}
	if value != "" {
		refund.Spec.Amount = &apiv1.Amount{Currency: "HKD", Value: value}
	}
	for _, c := range change {
		c(&refund.Spec)
	}
	return refund
}

// paid creates a payment and has the buyer pay it.
func (w *world) paid(name string) {
	w.t.Helper()
	w.store.create(newPayment(name))
	w.must(w.reconcilePayment(name))
	if err := w.simulator.BuyerPays(w.payment(name).Status.PaymentRequestID); err != nil {
		w.t.Fatal(err)
	}
	w.follow(w.reconcilePayment, name, time.Hour)
	if got := w.payment(name).Status.State; got != apiv1.PaymentPaid {
		w.t.Fatalf("payment is %s, want Paid", got)
	}
}

func (w *world) must(result ctrl.Result, err error) ctrl.Result {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

// reason is why an object is, or is not, ready.
func reason(conditions []metav1.Condition) string {
	if ready := meta.FindStatusCondition(conditions, apiv1.ReadyCondition); ready != nil {
		return ready.Reason
	}
	return ""
}

type silentRecorder struct{}

func (silentRecorder) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {
}

// unlimitedQueue lets everything go for which there is a worker.
func unlimitedQueue(of *sharedWorkers) *requestQueue {
	q := newRequestQueue(of, nil)
	q.all.SetLimit(rate.Inf)
	q.patient.SetLimit(rate.Inf)
	q.breaker = newTestBreaker()
	return q
}

// newTestBreaker never opens: it counts in real time, which tests do not have.
func newTestBreaker() *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { return false }})
}
