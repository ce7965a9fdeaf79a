package notification

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// letter is a notification exactly as the gateway has signed it.
type letter struct {
	uri              string
	header           http.Header
	body             []byte
	paymentRequestID string
}

// mailbox takes the gateway's notifications on their way, for the test to deliver. The gateway believes that they have arrived.
type mailbox struct {
	mu      sync.Mutex
	letters map[string]letter // by paymentRequestId
}

func (m *mailbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l := letter{uri: r.URL.RequestURI(), header: r.Header.Clone(), body: body}
	var fields struct {
		PaymentRequestID string `json:"paymentRequestId"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	l.paymentRequestID = fields.PaymentRequestID
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.letters == nil {
		m.letters = map[string]letter{}
	}
	m.letters[l.paymentRequestID] = l
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(bytes.NewReader(alipay.Acknowledgement())),
	}, nil
}

// take empties the mailbox.
func (m *mailbox) take() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	var letters []letter
	for _, l := range m.letters {
		letters = append(letters, l)
	}
	m.letters = nil
	return letters
}

var errRefused = errors.New("the receiver has refused a notification")

// deliver posts a letter, and returns nil when the acknowledgement has been read to its end.
func (l letter) deliver(ctx context.Context, c *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(l.body))
	if err != nil {
		return err
	}
	request.Header = l.header
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Equal(answer, alipay.Acknowledgement()) {
		return fmt.Errorf("%w: HTTP %d, %s", errRefused, response.StatusCode, answer)
	}
	return nil
}

// holds reports whether an object has a notification exactly as it was signed.
func holds(t testing.TB, s *testenv.Shop, obj client.Object, l letter) bool {
	t.Helper()
	key, err := alipay.ParsePublicKey([]byte(s.Simulator.PublicKeyPEM()))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range obj.GetAnnotations() {
		if !apiv1.IsNotificationAnnotation(name) {
			continue
		}
		envelope, err := notification.Parse(value)
		if err == nil && envelope.URI == l.uri && envelope.ClientID == l.header.Get("Client-Id") &&
			envelope.RequestTime == l.header.Get("Request-Time") && envelope.Signature == l.header.Get("Signature") &&
			envelope.Body == string(l.body) && envelope.Verify([]byte(envelope.Body), key) == nil {
			return true
		}
	}
	return false
}
