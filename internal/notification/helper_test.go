package notification

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const (
	testClientID = "5Y00000000000000"
	testTime     = "2099-01-01T12:30:00+08:00"
	testPath     = "/notify/shop/main"
	paidBody     = `{"notifyType":"PAYMENT_RESULT","result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"},` +
		`"paymentRequestId":"pr_1","paymentId":"2099_1","paymentAmount":{"currency":"HKD","value":"25800"}}`
)

// vectorFile is the signature vectors of package alipay.
type vectorFile struct {
	Keys            map[string]vectorKeys `json:"keys"`
	Vectors         []vector              `json:"vectors"`
	NegativeVectors []vector              `json:"negativeVectors"`
	PolicyVectors   []vector              `json:"policyVectors"`
}

type vectorKeys struct {
	PrivateKeyPem string `json:"privateKeyPem"`
	PublicKeyPem  string `json:"publicKeyPem"`
}

type vector struct {
	ID                  string `json:"id"`
	Kind                string `json:"kind"`
	DerivedFrom         string `json:"derivedFrom"`
	Signer              string `json:"signer"`
	URI                 string `json:"uri"`
	ClientID            string `json:"clientId"`
	Time                string `json:"time"`
	Body                string `json:"body"`
	SignatureBase64     string `json:"signatureBase64"`
	SignatureURLEncoded string `json:"signatureUrlEncoded"`
	SignatureHeader     string `json:"signatureHeader"`
}

var loadVectors = sync.OnceValue(func() vectorFile {
	var f vectorFile
	raw, err := os.ReadFile("../../alipay/testdata/signature-vectors.json")
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		panic(err)
	}
	return f
})

var gatewayKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := alipay.ParsePrivateKey([]byte(loadVectors().Keys["gateway"].PrivateKeyPem))
	if err != nil {
		panic(err)
	}
	return key
})

// letter is a notification on its way.
type letter struct {
	// path is where it is sent to; signed is the URI that its signature covers.
	path, signed                           string
	clientID, requestTime, signature, body string
}

// written is a notification that the gateway has signed for the account shop/main.
func written(body string) letter { return writtenTo(testPath, body) }

func writtenTo(path, body string) letter {
	l := letter{path: path, signed: path, clientID: testClientID, requestTime: testTime, body: body}
	return l.sign()
}

// sign signs it as it is, by the gateway's key.
func (l letter) sign() letter {
	signature, err := alipay.Sign(gatewayKey(), 1, alipay.Message{URI: l.signed, ClientID: l.clientID, Time: l.requestTime, Body: []byte(l.body)})
	if err != nil {
		panic(err)
	}
	l.signature = signature
	return l
}

// head are the lines of its headers.
func (l letter) head(more ...string) []string {
	return append([]string{
		"Host: pay.example.test", "Content-Type: application/json; charset=UTF-8",
		"Client-Id: " + l.clientID, "Request-Time: " + l.requestTime, "Signature: " + l.signature,
	}, more...)
}

// text is the request as it goes over the wire.
func (l letter) text() string {
	return raw("POST "+l.path+" HTTP/1.1", l.head(fmt.Sprint("Content-Length: ", len(l.body))), l.body)
}

func raw(requestLine string, headers []string, body string) string {
	return requestLine + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n" + body
}

// door is a Receiver, the API server behind it, and what it has written and logged.
type door struct {
	*Receiver
	api client.WithWatch

	mu     sync.Mutex
	writes []string
	fails  map[string]error // by the write
	logged strings.Builder
}

func testAccount() *apiv1.MerchantAccount {
	return &apiv1.MerchantAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "main", UID: "account-uid"},
		Spec: apiv1.MerchantAccountSpec{
			ClientID: testClientID, AlipayPublicKeys: []string{loadVectors().Keys["gateway"].PublicKeyPem},
			NotificationBaseURL: "https://pay.example.test",
		},
	}
}

// newDoor has a payment "order" and a refund "back" of the account shop/main; adjust changes the account.
func newDoor(adjust ...func(*apiv1.MerchantAccount)) *door {
	account := testAccount()
	for _, f := range adjust {
		f(account)
	}
	intent := &apiv1.Intent{Attempt: 1, MerchantAccount: "main", ClientID: account.Spec.ClientID}
	payment := &apiv1.Payment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "order", UID: "payment-uid"},
		Status:     apiv1.PaymentStatus{OperationStatus: apiv1.OperationStatus{Intent: intent}, PaymentRequestID: "pr_1", PaymentID: "2099_1"},
	}
	refund := &apiv1.Refund{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "back", UID: "refund-uid"},
		Status:     apiv1.RefundStatus{OperationStatus: apiv1.OperationStatus{Intent: intent}, RefundRequestID: "rf_1"},
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), apiv1.AddToScheme(scheme)); err != nil {
		panic(err)
	}
	d := &door{fails: map[string]error{}}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(account, payment, refund).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if err := d.wrote("patch", obj); err != nil {
				return err
			}
			return c.Patch(ctx, obj, patch, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if err := d.wrote("create", obj); err != nil {
				return err
			}
			return c.Create(ctx, obj, opts...)
		},
	})
	if err := AddIndexes(context.Background(), indexer{builder}); err != nil {
		panic(err)
	}
	// What the API server selects by, for a door that looks there.
	builder.WithIndex(&apiv1.Refund{}, "status.refundRequestId", func(obj client.Object) []string {
		return []string{obj.(*apiv1.Refund).Status.RefundRequestID}
	})
	builder.WithIndex(&apiv1.Payment{}, "status.paymentRequestId", func(obj client.Object) []string {
		return []string{obj.(*apiv1.Payment).Status.PaymentRequestID}
	})
	builder.WithIndex(&apiv1.Payment{}, "status.paymentId", func(obj client.Object) []string {
		return []string{obj.(*apiv1.Payment).Status.PaymentID}
	})
	builder.WithIndex(&apiv1.Capture{}, "status.captureRequestId", func(obj client.Object) []string {
		return []string{obj.(*apiv1.Capture).Status.CaptureRequestID}
	})
	d.api = builder.Build()
	log := funcr.New(func(prefix, args string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.logged.WriteString(prefix + args + "\n")
	}, funcr.Options{Verbosity: 10})
	d.Receiver = NewReceiver(d.api, d.api, log)
	return d
}

type indexer struct{ builder *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	i.builder.WithIndex(obj, field, extract)
	return nil
}

func (d *door) wrote(verb string, obj client.Object) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	write := fmt.Sprintf("%s %T", verb, obj)
	if _, isPartial := obj.(*metav1.PartialObjectMetadata); isPartial {
		write = verb + " " + obj.GetName()
	}
	d.writes = append(d.writes, write)
	return d.fails[write]
}

// written returns what was written since it was last asked.
func (d *door) written() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	writes := d.writes
	d.writes = nil
	return writes
}

func (d *door) expectWrites(t testing.TB, want ...string) {
	t.Helper()
	if got := d.written(); !slices.Equal(got, want) {
		t.Errorf("writes = %q, want %q", got, want)
	}
}

func (d *door) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.logged.String()
}

func (d *door) get(t testing.TB, name string, obj client.Object) {
	t.Helper()
	if err := d.api.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: name}, obj); err != nil {
		t.Fatal(err)
	}
}

// listen serves the door on a real address, with the limits of the manager's server.
func (d *door) listen(t testing.TB) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = newHTTPServer(d.Receiver, logr.Discard())
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// deliver hands a request to the door without a network, and returns the answer.
func (d *door) deliver(t testing.TB, l letter) *http.Response {
	t.Helper()
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(l.text())))
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, request)
	return recorder.Result()
}

// exchange sends bytes over a connection of its own, and returns all bytes that come back.
func exchange(t testing.TB, address, request string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite() // the server may have closed already
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Logf("no answer: %v", err)
	}
	return string(answer)
}

var dateHeader = regexp.MustCompile(`Date: [^\r]*\r\n`)

// constantRefusal is the whole answer to whatever is not acknowledged.
const constantRefusal = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: 82\r\n\r\n" + refusal

func withoutDate(answer string) string { return dateHeader.ReplaceAllString(answer, "") }

// acknowledges reports whether the gateway takes an answer for an acknowledgement.
func acknowledges(t testing.TB, answer string) bool {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		return false
	}
	return isAcknowledgement(t, response)
}

func isAcknowledgement(t testing.TB, response *http.Response) bool {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	sayYes := bytes.Contains(body, []byte("SUCCESS"))
	if sayYes != (response.StatusCode == http.StatusOK) {
		t.Errorf("the answer is ambiguous: %s %s", response.Status, body)
	}
	if !sayYes {
		return false
	}
	const want = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}`
	if string(body) != want || response.Header.Get("Content-Type") != "application/json; charset=UTF-8" {
		t.Errorf("acknowledged with %s %s", response.Header.Get("Content-Type"), body)
	}
	return true
}

func compact(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
