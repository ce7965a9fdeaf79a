package alipay

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// outcome names the one type that err is.
func outcome(err error) string {
	var (
		notSent  *NotSentError
		rejected *RejectedError
		unknown  *UnknownOutcomeError
		kinds    []string
	)
	if err == nil {
		kinds = append(kinds, "answer")
	}
	if errors.As(err, &notSent) {
		kinds = append(kinds, "not sent")
	}
	if errors.As(err, &rejected) {
		kinds = append(kinds, fmt.Sprintf("rejected, signed %v", rejected.Signed))
	}
	if errors.As(err, &unknown) {
		kinds = append(kinds, "unknown")
	}
	return strings.Join(kinds, " and ")
}

func drop(names ...string) func(http.Header) {
	return func(h http.Header) {
		for _, name := range names {
			h.Del(name)
		}
	}
}

func set(name, value string) func(http.Header) {
	return func(h http.Header) { h.Set(name, value) }
}

func TestOnlyAVerifiedAnswerSettlesACall(t *testing.T) {
	success, fail := resultBody("SUCCESS", "S"), resultBody("RISK_REJECT", "F")
	running, limited := resultBody("PAYMENT_IN_PROCESS", "U"), resultBody("REQUEST_TRAFFIC_EXCEED_LIMIT", "U")
	other := mustPrivateKey(t, loadVectors(t).Keys["other"].PrivateKeyPem)
	forged := func(body string) func(http.Header) {
		return func(h http.Header) {
			m := Message{URI: "/ams/api/v1/payments/pay", ClientID: testClientID, Time: testResponseTime, Body: []byte(body)}
			h.Set("Signature", must[string](t)(Sign(other, 1, m)))
		}
	}
	tests := []struct {
		name         string
		answer       answer
		want         string
		code         string // of the error
		badSignature bool
	}{
		{"signed success", answer{body: success}, "answer", "", false},
		{"signed refusal", answer{body: fail}, "rejected, signed true", "RISK_REJECT", false},
		{"signed in process", answer{body: running}, "answer", "", false},
		{"signed, other unknown code", answer{body: limited}, "unknown", "REQUEST_TRAFFIC_EXCEED_LIMIT", false},
		{"signed U with the code of another API", answer{body: resultBody("REFUND_IN_PROCESS", "U")}, "unknown", "REFUND_IN_PROCESS", false},
		{"signed UNKNOWN_EXCEPTION as U", answer{body: resultBody("UNKNOWN_EXCEPTION", "U")}, "unknown", "UNKNOWN_EXCEPTION", false},
		{"signed UNKNOWN_EXCEPTION as F", answer{body: resultBody("UNKNOWN_EXCEPTION", "F")}, "unknown", "UNKNOWN_EXCEPTION", false},
		{"signed status of tomorrow", answer{body: resultBody("SUCCESS", "X")}, "unknown", "SUCCESS", false},
		{"signed status in lower case", answer{body: resultBody("SUCCESS", "s")}, "unknown", "SUCCESS", false},
		{"signed without result", answer{body: `{"paymentId":"p1"}`}, "unknown", "", false},
		{"signed with result null", answer{body: `{"result":null}`}, "unknown", "", false},
		{"signed and no JSON", answer{body: `<html>`}, "unknown", "", false},
		{"signed and empty", answer{body: ``}, "unknown", "", false},
		{"signed success of an undocumented form", answer{body: successResult + `,"paymentAmount":"100"}`}, "unknown", "SUCCESS", false},
		{"signed success with an undocumented time", answer{body: successResult + `,"paymentTime":"yesterday"}`}, "unknown", "SUCCESS", false},
		{"signed success about another request", answer{body: successResult + `,"paymentRequestId":"pr_2"}`}, "unknown", "", false},

		{"unsigned refusal", answer{body: fail, headers: unsigned}, "rejected, signed false", "RISK_REJECT", false},
		{"unsigned refusal with our client id", answer{body: fail, headers: drop("Signature", "Response-Time")}, "rejected, signed false", "RISK_REJECT", false},
		{"unsigned UNKNOWN_EXCEPTION as F", answer{body: resultBody("UNKNOWN_EXCEPTION", "F"), headers: unsigned}, "unknown", "UNKNOWN_EXCEPTION", false},
		{"unsigned success", answer{body: success, headers: unsigned}, "unknown", "SUCCESS", true},
		{"unsigned in process", answer{body: running, headers: unsigned}, "unknown", "PAYMENT_IN_PROCESS", false},
		{"unsigned without result", answer{body: `{}`, headers: unsigned}, "unknown", "", false},
		{"empty headers count as absent", answer{body: success, headers: func(h http.Header) {
			h.Set("Signature", "")
			h.Set("Response-Time", "")
		}}, "unknown", "SUCCESS", true},

		{"signature without time", answer{body: fail, headers: drop("Response-Time")}, "unknown", "", true},
		{"time without signature", answer{body: fail, headers: drop("Signature")}, "unknown", "", true},
		{"refusal signed by another key", answer{body: fail, headers: forged(fail)}, "unknown", "", true},
		{"success signed by another key", answer{body: success, headers: forged(success)}, "unknown", "", true},
		{"broken signature header", answer{body: success, headers: set("Signature", "nonsense")}, "unknown", "", true},
		{"time changed after signing", answer{body: success, headers: set("Response-Time", "2026-11-21T10:00:02+08:00")}, "unknown", "", true},
		{"another client id", answer{body: success, headers: set("Client-Id", "5Y00000000000001")}, "unknown", "", true},
		{"unsigned refusal for another client id", answer{body: fail, headers: func(h http.Header) {
			unsigned(h)
			h.Set("Client-Id", "5Y00000000000001")
		}}, "unknown", "", true},
		{"no client id", answer{body: success, headers: drop("Client-Id")}, "answer", "", false},

		{"status 500, unsigned refusal", answer{status: 500, body: fail, headers: unsigned}, "unknown", "", false},
		{"status 403, unsigned page", answer{status: 403, body: "<html>", headers: unsigned}, "unknown", "", false},
		{"status 201, unsigned refusal", answer{status: 201, body: fail, headers: unsigned}, "unknown", "", false},
		{"status 500, signed refusal", answer{status: 500, body: fail}, "rejected, signed true", "RISK_REJECT", false},
		{"status 502, signed success", answer{status: 502, body: success}, "answer", "", false},
		{"status 503, signed unknown", answer{status: 503, body: limited}, "unknown", "REQUEST_TRAFFIC_EXCEED_LIMIT", false},
		{"status 204", answer{status: 204, headers: unsigned}, "unknown", "", false},
		{"larger than any answer", answer{body: success + strings.Repeat(" ", maxAnswerBytes)}, "unknown", "", false},
		{"as large as an answer may be", answer{body: success + strings.Repeat(" ", maxAnswerBytes-len(success))}, "answer", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, always(tt.answer))
			err := payForTest(t.Context(), newClient(t, testConfig(t, g.URL)))
			if got := outcome(err); got != tt.want {
				t.Errorf("outcome = %s (%v), want %s", got, err, tt.want)
			}
			if got := ResultCode(err); got != tt.code {
				t.Errorf("ResultCode = %q, want %q", got, tt.code)
			}
			if got := errors.Is(err, ErrBadSignature); got != tt.badSignature {
				t.Errorf("ErrBadSignature: %v, want %v (%v)", got, tt.badSignature, err)
			}
			if g.count() != 1 {
				t.Errorf("%d requests, want 1: the client never repeats a call", g.count())
			}
		})
	}
}

func TestInProcessIsAnAnswerOnlyWhereTheAPIHasIt(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("PAYMENT_IN_PROCESS", "U")}))
	c := newClient(t, testConfig(t, g.URL))
	calls := []struct {
		name string
		call func() error
		want string
	}{
		{"pay", func() error { return payForTest(t.Context(), c) }, "answer"},
		{"inquiryPayment", func() error {
			_, err := c.InquiryPayment(t.Context(), &InquiryPaymentRequest{PaymentID: "p1"})
			return err
		}, "unknown"},
		{"cancel", func() error { _, err := c.Cancel(t.Context(), &CancelRequest{PaymentID: "p1"}); return err }, "unknown"},
		{"refund", func() error {
			_, err := c.Refund(t.Context(), &RefundRequest{RefundRequestID: "r1", PaymentID: "p1"})
			return err
		}, "unknown"},
		{"capture", func() error {
			_, err := c.Capture(t.Context(), &CaptureRequest{CaptureRequestID: "c1", PaymentID: "p1"})
			return err
		}, "unknown"},
		{"createPaymentSession", func() error {
			_, err := c.CreatePaymentSession(t.Context(), &CreatePaymentSessionRequest{PaymentRequestID: "pr_1"})
			return err
		}, "unknown"},
	}
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); outcome(err) != tt.want {
				t.Errorf("outcome = %s (%v), want %s", outcome(err), err, tt.want)
			}
		})
	}
}

func TestSecondPublicKeyVerifiesDuringRotation(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
	cfg := testConfig(t, g.URL)
	old := mustPublicKey(t, loadVectors(t).Keys["other"].PublicKeyPem)
	cfg.AlipayPublicKeys = []*rsa.PublicKey{old, cfg.AlipayPublicKeys[0]}
	if err := payForTest(t.Context(), newClient(t, cfg)); err != nil {
		t.Error(err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			target := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
			g := newGateway(t, always(answer{status: status, headers: func(h http.Header) {
				unsigned(h)
				h.Set("Location", target.URL+"/ams/api/v1/payments/pay")
			}}))
			err := payForTest(t.Context(), newClient(t, testConfig(t, g.URL)))
			if got := outcome(err); got != "unknown" || target.count() != 0 {
				t.Errorf("outcome = %s (%v), target was asked %d times", got, err, target.count())
			}
		})
	}
}

func TestRequestWithoutItsIDIsNotSent(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
	c, ctx := newClient(t, testConfig(t, g.URL)), t.Context()
	calls := map[string]func() error{
		"pay":                        func() error { _, err := c.Pay(ctx, &PayRequest{}); return err },
		"pay nil":                    func() error { _, err := c.Pay(ctx, nil); return err },
		"createPaymentSession":       func() error { _, err := c.CreatePaymentSession(ctx, &CreatePaymentSessionRequest{}); return err },
		"createPaymentSession nil":   func() error { _, err := c.CreatePaymentSession(ctx, nil); return err },
		"consult nil":                func() error { _, err := c.Consult(ctx, nil); return err },
		"inquiryPayment":             func() error { _, err := c.InquiryPayment(ctx, &InquiryPaymentRequest{}); return err },
		"inquiryPayment nil":         func() error { _, err := c.InquiryPayment(ctx, nil); return err },
		"cancel":                     func() error { _, err := c.Cancel(ctx, &CancelRequest{}); return err },
		"cancel nil":                 func() error { _, err := c.Cancel(ctx, nil); return err },
		"capture without payment":    func() error { _, err := c.Capture(ctx, &CaptureRequest{CaptureRequestID: "c1"}); return err },
		"capture without request id": func() error { _, err := c.Capture(ctx, &CaptureRequest{PaymentID: "p1"}); return err },
		"capture nil":                func() error { _, err := c.Capture(ctx, nil); return err },
		"refund without payment":     func() error { _, err := c.Refund(ctx, &RefundRequest{RefundRequestID: "r1"}); return err },
		"refund without request id":  func() error { _, err := c.Refund(ctx, &RefundRequest{PaymentID: "p1"}); return err },
		"refund nil":                 func() error { _, err := c.Refund(ctx, nil); return err },
		"inquiryRefund":              func() error { _, err := c.InquiryRefund(ctx, &InquiryRefundRequest{}); return err },
		"inquiryRefund nil":          func() error { _, err := c.InquiryRefund(ctx, nil); return err },
		"declare without payment":    func() error { _, err := c.Declare(ctx, &DeclareRequest{DeclarationRequestID: "d1"}); return err },
		"declare without request id": func() error { _, err := c.Declare(ctx, &DeclareRequest{PaymentID: "p1"}); return err },
		"declare nil":                func() error { _, err := c.Declare(ctx, nil); return err },
		"acceptDispute":              func() error { _, err := c.AcceptDispute(ctx, &AcceptDisputeRequest{}); return err },
		"acceptDispute nil":          func() error { _, err := c.AcceptDispute(ctx, nil); return err },
	}
	maps.Copy(calls, incompleteAuthorizations(ctx, c))
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			if err := call(); outcome(err) != "not sent" {
				t.Errorf("outcome = %s (%v), want not sent", outcome(err), err)
			}
		})
	}
	if g.count() != 0 {
		t.Errorf("%d requests were sent", g.count())
	}
}

func TestFailureBeforeAnythingIsWrittenIsNotSent(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	untrusted.Config.ErrorLog = nil
	hangsUp := rawServer(t, func(conn net.Conn) { drain(conn) })
	stalls := rawServer(t, func(conn net.Conn) { drain(conn); drain(conn) })
	nowhere := NewTransport()
	nowhere.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "gateway.example", IsNotFound: true}
	}
	tests := []struct {
		name    string
		baseURL string
		options []Option
	}{
		{"nobody listens", closed.URL, nil},
		{"the host is unknown", "https://gateway.example", []Option{WithTransport(nowhere)}},
		{"the certificate is not trusted", untrusted.URL, nil},
		{"the TLS handshake breaks off", strings.Replace(hangsUp, "http:", "https:", 1), nil},
		{"the TLS handshake hangs", strings.Replace(stalls, "http:", "https:", 1), []Option{WithTimeout(50 * time.Millisecond)}},
		{"the transport refuses to send", closed.URL, []Option{WithTransport(transportFunc(func(*http.Request) (*http.Response, error) {
			return nil, &NotSentError{Err: errors.New("the circuit is open")}
		}))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := payForTest(t.Context(), newClient(t, testConfig(t, tt.baseURL), tt.options...))
			if outcome(err) != "not sent" {
				t.Errorf("outcome = %s (%v), want not sent", outcome(err), err)
			}
		})
	}
	t.Run("the context is done", func(t *testing.T) {
		g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := payForTest(ctx, newClient(t, testConfig(t, g.URL)))
		if outcome(err) != "not sent" || !errors.Is(err, context.Canceled) || g.count() != 0 {
			t.Errorf("outcome = %s (%v), want not sent", outcome(err), err)
		}
	})
}

func TestFailureAfterWritingIsUnknown(t *testing.T) {
	reset := func(conn net.Conn) {
		drain(conn)
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	write := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			drain(conn)
			_, _ = io.WriteString(conn, text)
		}
	}
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	tests := []struct {
		name  string
		serve func(conn net.Conn)
	}{
		{"the connection is closed", drain},
		{"the connection is reset", reset},
		{"the answer is no HTTP", write("card 4111111111111111\r\n\r\n")},
		{"the answer breaks off in its headers", write(head)},
		{"the answer breaks off in its body", write(head + "Content-Length: 100\r\n\r\n{\"result\":{")},
		{"the answer has a broken chunk", write(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n4111111111111111\r\n")},
		{"the answer's headers are too large", write(head + "X: " + strings.Repeat("4111111111111111", 8<<10) + "\r\n\r\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := payForTest(t.Context(), newClient(t, testConfig(t, rawServer(t, tt.serve))))
			if outcome(err) != "unknown" {
				t.Errorf("outcome = %s (%v), want unknown", outcome(err), err)
			}
			if err != nil && strings.Contains(err.Error(), "4111") {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
	t.Run("a transport without hooks fails", func(t *testing.T) {
		blind := transportFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("4111111111111111") })
		err := payForTest(t.Context(), newClient(t, testConfig(t, "https://gateway.example"), WithTransport(blind)))
		if outcome(err) != "unknown" || strings.Contains(err.Error(), "4111") {
			t.Errorf("outcome = %s (%v), want unknown", outcome(err), err)
		}
	})
}

func TestSlowGatewayIsUnknown(t *testing.T) {
	setups := map[string]func(s *httptest.Server){
		"HTTP/1.1": func(s *httptest.Server) { s.StartTLS() },
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	}
	for protocol, start := range setups {
		t.Run(protocol, func(t *testing.T) {
			arrived, release := make(chan struct{}, 3), make(chan struct{})
			g := &gateway{key: mustPrivateKey(t, loadVectors(t).Keys["gateway"].PrivateKeyPem)}
			var slow atomic.Bool
			g.Server = httptest.NewUnstartedServer(g.handler(t, func(received) answer {
				if slow.Load() {
					arrived <- struct{}{}
					<-release
				}
				return answer{body: resultBody("SUCCESS", "S")}
			}))
			start(g.Server)
			defer g.Close()
			defer close(release)
			c := newClient(t, testConfig(t, g.URL), WithTransport(trusting(t, g.Server)))

			slow.Store(true)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-arrived
				cancel()
			}()
			err := payForTest(ctx, c)
			if outcome(err) != "unknown" || !errors.Is(err, context.Canceled) {
				t.Errorf("on a new connection: outcome = %s (%v), want unknown", outcome(err), err)
			}
			slow.Store(false)
			if err := payForTest(t.Context(), c); err != nil { // so that the next call finds a connection
				t.Fatal(err)
			}
			slow.Store(true)
			ctx, cancel = context.WithCancel(t.Context())
			go func() {
				<-arrived
				cancel()
			}()
			err = payForTest(ctx, c)
			if outcome(err) != "unknown" || !errors.Is(err, context.Canceled) {
				t.Errorf("on a used connection: outcome = %s (%v), want unknown", outcome(err), err)
			}
			c.timeout = 50 * time.Millisecond
			err = payForTest(t.Context(), c)
			if outcome(err) != "unknown" || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("timed out: outcome = %s (%v), want unknown", outcome(err), err)
			}
		})
	}
}

func TestErrorsNeverShowKeysTokensOrBodies(t *testing.T) {
	const secret = "SECRET4111111111111111"
	keys := loadVectors(t).Keys
	bodies := map[string]string{
		"no JSON":          secret,
		"number for text":  `{"result":{"resultCode":` + "4111111111111111" + `,"resultStatus":"S"}}`,
		"text for object":  successResult + `,"paymentAmount":"` + secret + `"}`,
		"text for time":    successResult + `,"paymentTime":"` + secret + `"}`,
		"text for boolean": successResult + `,"settlementQuote":{"guaranteed":"` + secret + `"}}`,
		"text for decimal": successResult + `,"settlementQuote":{"quotePrice":"` + secret + `"}}`,
		"another request":  successResult + `,"paymentRequestId":"` + secret + `"}`,
		"refusal":          resultBody("RISK_REJECT", "F"),
		"unknown":          resultBody("REQUEST_TRAFFIC_EXCEED_LIMIT", "U"),
	}
	for name, body := range bodies {
		for _, headers := range []func(http.Header){nil, unsigned, drop("Signature"), set("Signature", "signature="+secret)} {
			t.Run(name, func(t *testing.T) {
				g := newGateway(t, always(answer{body: body, headers: headers}))
				cfg := testConfig(t, g.URL)
				cfg.AgentToken = secret
				_, err := newClient(t, cfg).Pay(t.Context(), &PayRequest{
					PaymentRequestID: "pr_1", PaymentMethod: PaymentMethod{PaymentMethodID: secret},
					Order: &Order{Buyer: &Buyer{BuyerEmail: secret}},
				})
				if err == nil {
					t.Fatal("no error")
				}
				for _, text := range []string{"4111", secret, keys["merchant"].PrivateKeyPkcs8Base64[40:60], keys["merchant"].PrivateKeyPem} {
					if strings.Contains(err.Error(), text) {
						t.Errorf("the error shows %q: %v", text, err)
					}
				}
			})
		}
	}
}

func TestErrorsAreBoundedAndOnOneLine(t *testing.T) {
	g := newGateway(t, always(answer{
		body: `{"result":{"resultCode":"A","resultStatus":"F","resultMessage":"a\nb\u0000` + strings.Repeat("灯", 1000) + `"}}`,
	}))
	err := payForTest(t.Context(), newClient(t, testConfig(t, g.URL)))
	if got := err.Error(); len(got) > 1100 || strings.ContainsAny(got, "\n\x00") || !strings.Contains(got, "a b 灯") {
		t.Errorf("error of %d bytes: %s", len(got), got)
	}
}

func TestResultCodeIsThatOfTheWrappedError(t *testing.T) {
	result := Result{ResultCode: "X"}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"another error", io.EOF, ""},
		{"not sent", &NotSentError{Err: io.EOF}, ""},
		{"rejected", fmt.Errorf("paying: %w", &RejectedError{Result: result}), "X"},
		{"unknown", fmt.Errorf("paying: %w", &UnknownOutcomeError{Result: result}), "X"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ResultCode(tt.err); got != tt.want {
				t.Errorf("ResultCode = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	whole := mustPublicKey(t, loadVectors(t).Keys["other"].PublicKeyPem)
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Rsh(whole.N, 1024)}}
	tests := []struct {
		name   string
		change func(cfg *Config)
		option Option
		want   string
	}{
		{"a path", func(c *Config) { c.BaseURL = "https://gateway.example/ams/api" }, nil, "path"},
		{"a query", func(c *Config) { c.BaseURL = "https://gateway.example?password=hunter2" }, nil, "query"},
		{"user info", func(c *Config) { c.BaseURL = "https://u:hunter2@gateway.example" }, nil, "user info"},
		{"another scheme", func(c *Config) { c.BaseURL = "ftp://gateway.example" }, nil, "scheme"},
		{"no scheme", func(c *Config) { c.BaseURL = "gateway.example" }, nil, "scheme"},
		{"no host", func(c *Config) { c.BaseURL = "https://" }, nil, "host"},
		{"only a port", func(c *Config) { c.BaseURL = "https://:443" }, nil, "host"},
		{"no URL", func(c *Config) { c.BaseURL = "https://hunter2:%zz" }, nil, "no URL"},
		{"nothing", func(c *Config) { c.BaseURL = "" }, nil, "scheme"},
		{"no client id", func(c *Config) { c.ClientID = "" }, nil, "client id"},
		{"a client id with a line break", func(c *Config) { c.ClientID = "a\nb" }, nil, "client id"},
		{"no private key", func(c *Config) { c.PrivateKey = nil }, nil, "private key"},
		{"a small private key", func(c *Config) { c.PrivateKey = small }, nil, "needs 2048"},
		{"a negative key version", func(c *Config) { c.KeyVersion = -1 }, nil, "key version"},
		{"no public key", func(c *Config) { c.AlipayPublicKeys = nil }, nil, "public key"},
		{"a nil public key", func(c *Config) { c.AlipayPublicKeys = append(c.AlipayPublicKeys, nil) }, nil, "public key"},
		{"an agent token with a line break", func(c *Config) { c.AgentToken = "hunter2\r\nX: y" }, nil, "agent token"},
		{"an agent token too long", func(c *Config) { c.AgentToken = Credential(strings.Repeat("a", 129)) }, nil, "agent token"},
		{"no time-out", func(*Config) {}, WithTimeout(0), "time-out"},
		{"no clock", func(*Config) {}, WithClock(nil), "clock"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t, "https://gateway.example")
			tt.change(&cfg)
			var options []Option
			if tt.option != nil {
				options = append(options, tt.option)
			}
			_, err := New(cfg, options...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want one about %q that shows no value", err, tt.want)
			}
		})
	}
	c, err := New(testConfig(t, "https://gateway.example:8443/"))
	if err != nil || c.ClientID() != testClientID || c.baseURL != "https://gateway.example:8443" {
		t.Errorf("New = %+v, %v", c, err)
	}
}
