package alipay

import (
	"context"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func benchmarkMessage(b *testing.B) (vectorKeys, Message) {
	b.Helper()
	body, err := Body(fullRequest())
	if err != nil {
		b.Fatal(err)
	}
	return loadVectors(b).Keys["merchant"], Message{URI: "/ams/api/v1/payments/pay", ClientID: testClientID, Time: "1795226400123", Body: body}
}

func BenchmarkSign(b *testing.B) {
	keys, m := benchmarkMessage(b)
	key := mustPrivateKey(b, keys.PrivateKeyPem)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Sign(key, 1, m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	keys, m := benchmarkMessage(b)
	header, err := Sign(mustPrivateKey(b, keys.PrivateKeyPem), 1, m)
	if err != nil {
		b.Fatal(err)
	}
	key := mustPublicKey(b, keys.PublicKeyPem)
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify(m, header, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePrivateKeyCached(b *testing.B) {
	keys, _ := benchmarkMessage(b)
	text := []byte(keys.PrivateKeyPem)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePrivateKey(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParsePrivateKeyUncached is what the cache saves.
func BenchmarkParsePrivateKeyUncached(b *testing.B) {
	keys, _ := benchmarkMessage(b)
	text := []byte(keys.PrivateKeyPem)
	b.ReportAllocs()
	for b.Loop() {
		if key, _ := identifyKey(text); key == nil {
			b.Fatal("no key")
		}
	}
}

// BenchmarkCallLoopbackTLS is a whole payment call with both ends in this process: two signatures, two
// verifications, one round trip on a connection that is kept alive.
func BenchmarkCallLoopbackTLS(b *testing.B) {
	for _, protocol := range []string{"HTTP1", "HTTP2"} {
		b.Run(protocol, func(b *testing.B) {
			merchant := mustPublicKey(b, loadVectors(b).Keys["merchant"].PublicKeyPem)
			g := &gateway{key: mustPrivateKey(b, loadVectors(b).Keys["gateway"].PrivateKeyPem)}
			g.Server = httptest.NewUnstartedServer(g.handler(b, func(r received) answer {
				m := Message{URI: r.path, ClientID: testClientID, Time: r.header.Get("Request-Time"), Body: r.body}
				if err := Verify(m, r.header.Get("Signature"), merchant); err != nil {
					b.Error(err)
				}
				return answer{body: resultBody("PAYMENT_IN_PROCESS", "U")}
			}))
			g.EnableHTTP2 = protocol == "HTTP2"
			g.StartTLS()
			defer g.Close()

			var dialled atomic.Int32
			transport := trusting(b, g.Server)
			dial := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				dialled.Add(1)
				return dial(ctx, network, address)
			}
			c := newClient(b, testConfig(b, g.URL), WithTransport(transport))
			request := fullRequest()
			calls := 0
			b.ReportAllocs()
			for b.Loop() {
				calls++
				if _, err := c.Pay(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
			if got := dialled.Load(); got != 1 {
				b.Errorf("%d connections for %d calls, want 1", got, calls)
			}
		})
	}
}
