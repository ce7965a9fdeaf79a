package alipay

import (
	"context"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestCallsShareOneConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		name := map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[http2]
		t.Run(name, func(t *testing.T) {
			g := &gateway{key: mustPrivateKey(t, loadVectors(t).Keys["gateway"].PrivateKeyPem)}
			g.Server = httptest.NewUnstartedServer(g.handler(t, always(answer{body: resultBody("SUCCESS", "S")})))
			g.EnableHTTP2 = http2
			g.StartTLS()
			defer g.Close()
			var dialled atomic.Int32
			transport := trusting(t, g.Server)
			dial := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				dialled.Add(1)
				return dial(ctx, network, address)
			}
			c := newClient(t, testConfig(t, g.URL), WithTransport(transport))
			for range 5 {
				if err := payForTest(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			if got := dialled.Load(); got != 1 {
				t.Errorf("%d connections, want 1", got)
			}
		})
	}
}

func TestClientsShareATransportUnlessGivenOne(t *testing.T) {
	cfg := testConfig(t, "https://gateway.example")
	first, second := must[*Client](t)(New(cfg)), must[*Client](t)(New(cfg))
	if first.http.Transport != second.http.Transport || first.http.Transport == nil {
		t.Error("the transports differ")
	}
}

func TestTransportVerifiesTLSAndIsBounded(t *testing.T) {
	transport := NewTransport()
	if transport.TLSClientConfig.InsecureSkipVerify {
		t.Error("certificates are not verified")
	}
	if transport.MaxConnsPerHost == 0 || transport.IdleConnTimeout == 0 || transport.TLSHandshakeTimeout == 0 || !transport.DisableCompression {
		t.Errorf("a bound is missing: %+v", transport)
	}
}
