package controllers

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A bunch of requests that all have leave goes no quicker than the account allows. What would have to wait too long is not sent, and says so: nobody
// has to ask what became of it, and the breaker does not take it for a gateway that does not answer.
func TestBunchOfRequestsLeavesAtTheRateOfItsAccount(t *testing.T) {
	const burst, bunch = 5, 8
	sent := 0
	gateways := NewGateways(nil, roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		return nil, errConnection
	}), time.Minute)
	key, err := x509.MarshalPKCS8PrivateKey(worldKeys()["merchant"])
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{Data: map[string][]byte{apiv1.PrivateKeySecretKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})}}
	q := newRequestQueue(&sharedWorkers{}, &apiv1.RateLimit{RequestsPerSecond: 1, Burst: burst})
	q.pace.SetLimit(0.01) // the next one is due after the test
	built, err := gateways.connect(newAccount(), secret, q)
	if err != nil {
		t.Fatal(err)
	}
	for n := range bunch {
		told := q.ask(worldStart, &place{}, onCredit)
		if told.leave == nil {
			t.Fatalf("request %d gets no leave", n)
		}
		_, err := built.client.InquiryPayment(t.Context(), &alipay.InquiryPaymentRequest{PaymentRequestID: "pr_1"})
		told.leave.used(0, err)
		if n < burst {
			if classify(err) != unknown {
				t.Errorf("request %d, which was sent: %v", n, err)
			}
		} else if classify(err) != notSent || !errors.Is(err, errUnused) {
			t.Errorf("request %d, which has to wait: %v, want that it was not sent", n, err)
		}
	}
	if sent != burst {
		t.Errorf("%d requests have left, want %d", sent, burst)
	}
	if failures := q.breaker.Counts().ConsecutiveFailures; failures != burst {
		t.Errorf("the breaker counts %d failures, want the %d that were sent", failures, burst)
	}
}
