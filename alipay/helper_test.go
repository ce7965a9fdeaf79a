package alipay

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const (
	testClientID     = "5Y00000000000000"
	testResponseTime = "2026-11-21T10:00:01+08:00"
)

var testNow = time.Date(2026, 11, 21, 2, 0, 0, 123e6, time.UTC)

// received is what the gateway of a test got.
type received struct {
	path   string
	header http.Header
	body   []byte
}

// gateway answers every request with the same answer, signed unless told otherwise.
type gateway struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu       sync.Mutex
	requests []received
}

// answer is what a test gateway sends.
type answer struct {
	status  int
	body    string
	headers func(h http.Header) // changes the headers after signing
}

func newGateway(t testing.TB, reply func(r received) answer) *gateway {
	t.Helper()
	g := &gateway{key: mustPrivateKey(t, loadVectors(t).Keys["gateway"].PrivateKeyPem)}
	g.Server = httptest.NewServer(g.handler(t, reply))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) handler(t testing.TB, reply func(r received) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		got := received{path: r.URL.RequestURI(), header: r.Header, body: body}
		if r.Method != http.MethodPost {
			t.Errorf("method = %s, want POST", r.Method)
		}
		g.mu.Lock()
		g.requests = append(g.requests, got)
		g.mu.Unlock()
		a := reply(got)
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=UTF-8")
		h.Set("Client-Id", testClientID)
		h.Set("Response-Time", testResponseTime)
		signature, err := Sign(g.key, 1, Message{URI: got.path, ClientID: testClientID, Time: testResponseTime, Body: []byte(a.body)})
		if err != nil {
			t.Error(err)
			return
		}
		h.Set("Signature", signature)
		if a.headers != nil {
			a.headers(h)
		}
		if a.status != 0 {
			w.WriteHeader(a.status)
		}
		_, _ = io.WriteString(w, a.body)
	})
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.requests)
}

func always(a answer) func(received) answer { return func(received) answer { return a } }

func testConfig(t testing.TB, baseURL string) Config {
	t.Helper()
	f := loadVectors(t)
	return Config{
		BaseURL:          baseURL,
		ClientID:         testClientID,
		PrivateKey:       mustPrivateKey(t, f.Keys["merchant"].PrivateKeyPem),
		AlipayPublicKeys: []*rsa.PublicKey{mustPublicKey(t, f.Keys["gateway"].PublicKeyPem)},
	}
}

// newClient has a transport of its own, so that no connection outlives its test.
func newClient(t testing.TB, cfg Config, options ...Option) *Client {
	t.Helper()
	transport := NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	defaults := []Option{WithTransport(transport), WithClock(func() time.Time { return testNow })}
	c, err := New(cfg, append(defaults, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rawServer speaks TCP: it reads the request's headers and body, then does what the test wants.
func rawServer(t *testing.T, serve func(conn net.Conn)) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		connections.Wait()
	})
	return "http://" + listener.Addr().String()
}

// drain reads what the client has written so far, so that closing sends no reset.
func drain(conn net.Conn) {
	buffer := make([]byte, 64<<10)
	_, _ = conn.Read(buffer)
}

// transportFunc is a RoundTripper made of a function.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// trusting returns a transport that trusts the server's certificate and speaks HTTP/2 if it does.
func trusting(t testing.TB, server *httptest.Server) *http.Transport {
	t.Helper()
	transport := NewTransport()
	transport.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func payForTest(ctx context.Context, c *Client) error {
	_, err := c.Pay(ctx, &PayRequest{PaymentRequestID: "pr_1", PaymentMethod: PaymentMethod{PaymentMethodType: "ALIPAY_HK"}})
	return err
}

func resultBody(code, status string) string {
	return fmt.Sprintf(`{"result":{"resultCode":%q,"resultStatus":%q,"resultMessage":"text"}}`, code, status)
}

func unsigned(h http.Header) {
	h.Del("Signature")
	h.Del("Response-Time")
	h.Del("Client-Id")
}
