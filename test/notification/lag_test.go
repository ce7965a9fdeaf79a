package notification

import (
	"io"
	"net/http"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// stalledWatches lets a manager's watches fall silent, as they do when the API server is overloaded.
type stalledWatches struct {
	stalled chan struct{}
	next    http.RoundTripper
}

func (s *stalledWatches) wrap(next http.RoundTripper) http.RoundTripper {
	s.next = next
	return s
}

func (s *stalledWatches) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := s.next.RoundTrip(request)
	if err == nil && request.URL.Query().Get("watch") == "true" {
		response.Body = &stalledBody{ReadCloser: response.Body, stalled: s.stalled, closed: make(chan struct{})}
	}
	return response, err
}

type stalledBody struct {
	io.ReadCloser
	stalled, closed chan struct{}
	once            sync.Once
}

func (b *stalledBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	select {
	case <-b.stalled:
		<-b.closed
		return 0, io.EOF
	default:
		return n, err
	}
}

func (b *stalledBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.ReadCloser.Close()
}

func TestNotificationIsStoredWhileTheCacheLags(t *testing.T) {
	s := testenv.NewNotifiedShop(t, cluster)
	watches := &stalledWatches{stalled: make(chan struct{})}
	manager := s.RunManagerWith(testenv.ManagerOptions{ReceiverOnly: true, Wrap: watches.wrap})
	url := "http://" + manager.NotificationAddress + "/notify/" + s.Namespace + "/" + testenv.AccountName
	warm := submittedPayment(t, s, "warm")
	deliver(t, url, signed(t, s, `{"notifyType":"PAYMENT_PENDING","paymentRequestId":"`+warm.Status.PaymentRequestID+`"}`))

	close(watches.stalled)
	payment := submittedPayment(t, s, "order")
	refund := testenv.NewRefund("refund", "order", "4000")
	s.Create(refund)
	refund.Status.RefundRequestID, refund.Status.Intent = "t_refund", newIntent()
	if err := cluster.Client.Status().Update(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, body string
		object     client.Object
	}{
		{"by paymentRequestId", `{"notifyType":"PAYMENT_PENDING","paymentRequestId":"t_order"}`, payment},
		{"by paymentId", `{"notifyType":"CAPTURE_RESULT","captureRequestId":"c","paymentId":"20261121order"}`, payment},
		{"by refundRequestId", `{"notifyType":"REFUND_RESULT","refundRequestId":"t_refund"}`, refund},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := signed(t, s, test.body)
			deliver(t, url, l)
			s.Get(test.object.GetName(), test.object)
			if !holds(t, s, test.object, l) {
				t.Errorf("the object does not hold it: %v", test.object.GetAnnotations())
			}
		})
	}
	t.Run("what is nowhere is refused", func(t *testing.T) {
		l := signed(t, s, `{"notifyType":"PAYMENT_PENDING","paymentRequestId":"t_nothing"}`)
		if err := l.deliver(t.Context(), http.DefaultClient, url); err == nil {
			t.Error("it was acknowledged, want a refusal")
		}
	})
}

func newIntent() *apiv1.Intent {
	return &apiv1.Intent{
		MerchantAccount: testenv.AccountName, ClientID: testenv.ClientID, Attempt: 1, SubmittedAt: metav1.Now(),
		RequestSHA256: "0000000000000000000000000000000000000000000000000000000000000000",
	}
}

// submittedPayment makes a payment of which the gateway is asked to tell. No controller has worked on it.
func submittedPayment(t testing.TB, s *testenv.Shop, name string) *apiv1.Payment {
	t.Helper()
	payment := testenv.NewPayment(name)
	s.Create(payment)
	payment.Status = submittedStatus(name)
	if err := s.Cluster.Client.Status().Update(t.Context(), payment); err != nil {
		t.Fatal(err)
	}
	return payment
}

func submittedStatus(name string) apiv1.PaymentStatus {
	return apiv1.PaymentStatus{
		OperationStatus:  apiv1.OperationStatus{State: apiv1.StateProcessing, Intent: newIntent()},
		PaymentRequestID: "t_" + name, PaymentID: "20261121" + name,
	}
}

// signed is a notification for the shop.
func signed(t testing.TB, s *testenv.Shop, body string) letter {
	t.Helper()
	l, err := sign(s, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func deliver(t *testing.T, url string, l letter) {
	t.Helper()
	if err := l.deliver(t.Context(), http.DefaultClient, url); err != nil {
		t.Fatal(err)
	}
}

// sign signs with the gateway's key, for the address that the gateway knows.
func sign(s *testenv.Shop, body []byte) (letter, error) {
	uri, sent := testenv.IngressPrefix+"/notify/"+s.Namespace+"/"+testenv.AccountName, "2026-11-21T04:00:00Z"
	signature, err := alipay.Sign(testenv.GatewayKey(), 1, alipay.Message{URI: uri, ClientID: testenv.ClientID, Time: sent, Body: body})
	return letter{uri: uri, body: body, header: http.Header{
		"Content-Type": {"application/json; charset=UTF-8"}, "Client-Id": {testenv.ClientID}, "Request-Time": {sent}, "Signature": {signature},
	}}, err
}
