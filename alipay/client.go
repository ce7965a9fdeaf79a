package alipay

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	productionPrefix = "/ams/api/v1"
	sandboxPrefix    = "/ams/sandbox/api/v1"

	// sandboxClientPrefix marks the client ids of the sandbox, which has the same hosts and other paths.
	sandboxClientPrefix = "SANDBOX_"

	// defaultTimeout is twice the least that the gateway's guide asks for: some methods are slow to take an order.
	defaultTimeout = 20 * time.Second

	// maxAnswerBytes is above any documented answer: a file of evidence has up to a million characters.
	maxAnswerBytes = 2 << 20

	// maxAgentToken is the documented length of the Agent-Token header.
	maxAgentToken = 128
)

// Config is what a client needs to speak for one client id.
type Config struct {
	// BaseURL is scheme://host[:port] of the region, for example "https://open-sea-global.alipay.com". The path
	// follows from the client id. Whether http is acceptable is the caller's decision.
	BaseURL string

	// ClientID is from the dashboard. The prefix SANDBOX_ selects the sandbox.
	ClientID string

	// PrivateKey signs requests. See [ParsePrivateKey].
	PrivateKey *rsa.PrivateKey

	// KeyVersion is the registered version of the key. 0 means 1.
	KeyVersion int

	// AgentToken is sent where it is not empty: only a service provider acting for a merchant has one.
	AgentToken Credential

	// AlipayPublicKeys verify answers. At least one; two while the gateway's key is replaced. See [ParsePublicKey].
	AlipayPublicKeys []*rsa.PublicKey
}

// Option changes what a client has by default.
type Option func(*Client)

// WithTransport sends requests by transport in place of one that all clients share.
//
// To tell a request that was never sent from a lost one, the client needs the hooks of [httptrace], which every
// [http.Transport] calls, also below wrappers. Without them every failure counts as an unknown outcome, except an
// error that holds a [*NotSentError]: a wrapper that refuses to send (a limiter, a breaker) says so by that type.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *Client) { c.http.Transport = transport }
}

// WithTimeout bounds a whole call, from dialling to the last byte of the answer. Default 20 s.
func WithTimeout(timeout time.Duration) Option {
	return func(c *Client) { c.timeout = timeout }
}

// WithClock replaces time.Now for the Request-Time header.
func WithClock(now func() time.Time) Option {
	return func(c *Client) { c.now = now }
}

// Client speaks to the gateway for one client id. It is safe for concurrent use and never repeats a call.
type Client struct {
	baseURL          string
	clientID         string
	privateKey       *rsa.PrivateKey
	keyVersion       int
	agentToken       Credential
	alipayPublicKeys []*rsa.PublicKey
	http             http.Client
	timeout          time.Duration
	now              func() time.Time
}

// sharedTransport serves every client that is not given a transport.
var sharedTransport = sync.OnceValue(NewTransport)

// NewTransport returns a transport for the gateway: TLS verified, HTTP/2 where offered, connections kept alive and
// bounded, proxies from the environment. Clients of many accounts should share one.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    64,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // the signature is over the bytes on the wire
	}
}

// New checks cfg and returns a client. It does not connect.
func New(cfg Config, options ...Option) (*Client, error) {
	baseURL, err := checkBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("gateway client: %w", err)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("gateway client: %w", err)
	}
	c := &Client{
		baseURL:          baseURL,
		clientID:         cfg.ClientID,
		privateKey:       cfg.PrivateKey,
		keyVersion:       max(cfg.KeyVersion, 1),
		agentToken:       cfg.AgentToken,
		alipayPublicKeys: slices.Clone(cfg.AlipayPublicKeys),
		timeout:          defaultTimeout,
		now:              time.Now,
		http: http.Client{
			// A redirect is no answer of the gateway, and must not carry a signed request elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, option := range options {
		option(c)
	}
	if c.http.Transport == nil {
		c.http.Transport = sharedTransport()
	}
	if c.timeout <= 0 {
		return nil, errors.New("gateway client: the time-out must be positive")
	}
	if c.now == nil {
		return nil, errors.New("gateway client: the clock is nil")
	}
	return c, nil
}

// checkBaseURL never repeats the URL in an error: it may hold a password.
func checkBaseURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "":
		return "", errors.New("the base URL is no URL; want scheme://host[:port]")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("the base URL has a scheme other than https and http; want scheme://host[:port]")
	case u.Hostname() == "":
		return "", errors.New("the base URL has no host; want scheme://host[:port]")
	case u.User != nil:
		return "", errors.New("the base URL has user info; want scheme://host[:port]")
	case u.Path != "" && u.Path != "/":
		return "", errors.New("the base URL has a path, which follows from the client id; want scheme://host[:port]")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("the base URL has a query or fragment; want scheme://host[:port]")
	}
	return u.Scheme + "://" + u.Host, nil
}

func (cfg Config) check() error {
	if err := (Message{URI: "/", ClientID: cfg.ClientID, Time: "0"}).check(); err != nil {
		return err
	}
	if cfg.PrivateKey == nil || cfg.PrivateKey.N == nil {
		return errors.New("there is no private key")
	}
	if err := checkBits(cfg.PrivateKey.N.BitLen()); err != nil {
		return fmt.Errorf("private key: %w", err)
	}
	if cfg.KeyVersion < 0 {
		return errors.New("the key version is negative")
	}
	if len(cfg.AgentToken) > maxAgentToken || strings.ContainsFunc(string(cfg.AgentToken), notGraphic) {
		return fmt.Errorf("the agent token has more than %d characters, or one outside printable ASCII", maxAgentToken)
	}
	if len(cfg.AlipayPublicKeys) == 0 || slices.Contains(cfg.AlipayPublicKeys, nil) {
		return errors.New("there is no public key of Alipay to verify answers with, or one is nil")
	}
	return nil
}

// ClientID returns the client id that c speaks for.
func (c *Client) ClientID() string { return c.clientID }

// operation is one API of the gateway.
type operation struct {
	// path follows the version.
	path string
	// inProcess is the code that with resultStatus U is an answer: accepted and running.
	inProcess string
	// undecided is a code that means "not yet" whatever its resultStatus, which is not documented.
	undecided string
}

func (c *Client) path(op operation) string {
	if strings.HasPrefix(c.clientID, sandboxClientPrefix) {
		return sandboxPrefix + op.path
	}
	return productionPrefix + op.path
}

func (c *Client) refuse(op operation, err error) error {
	return &NotSentError{Path: c.path(op), Err: err}
}

// id is an id that a request names and its answer repeats.
type id struct {
	name string
	sent string
	got  *string // where the answer has it, nil if it has not
}

// oneOf keeps the ids that were given. If none was, it keeps one, for call to refuse.
func oneOf(first, second id) []id {
	switch {
	case first.sent == "" && second.sent == "":
		return []id{{name: first.name + " or " + second.name}}
	case first.sent == "":
		return []id{second}
	case second.sent == "":
		return []id{first}
	}
	return []id{first, second}
}

// answered is implemented by every response, by way of [Answer].
type answered interface {
	received(at time.Time)
}

// call posts request and decodes the verified answer into response. All ids are required, and an answer that
// repeats one otherwise is about something else: a signature does not cover the request's body.
func (c *Client) call(ctx context.Context, op operation, request any, response answered, ids []id) error {
	for _, id := range ids {
		if id.sent == "" {
			return c.refuse(op, fmt.Errorf("the request has no %s", id.name))
		}
	}
	body, err := Body(request)
	if err != nil {
		return c.refuse(op, err)
	}
	reply, err := c.post(ctx, op, body)
	if err != nil {
		return err
	}
	if err := c.judge(op, reply, response); err != nil {
		return err
	}
	for _, id := range ids {
		if id.got != nil && *id.got != "" && *id.got != id.sent {
			err := fmt.Errorf("the answer is about another %s", id.name)
			return &UnknownOutcomeError{Path: c.path(op), Err: err}
		}
	}
	return nil
}

// reply is what came back, not yet believed.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// post signs and sends body, once, and reads the whole answer.
func (c *Client) post(ctx context.Context, op operation, body []byte) (*reply, error) {
	path := c.path(op)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var progress progress
	request, err := http.NewRequestWithContext(progress.trace(ctx), http.MethodPost, c.baseURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, c.refuse(op, errors.New("the request cannot be built")) // the error would show the URL
	}
	if err := c.sign(request, path, body); err != nil {
		return nil, c.refuse(op, err)
	}
	if err := ctx.Err(); err != nil { // after signing, which takes a millisecond; before anything is sent
		return nil, c.refuse(op, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.lost(op, &progress, err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err != nil {
		return nil, &UnknownOutcomeError{Path: path, Err: &connectionError{err}}
	}
	if len(raw) > maxAnswerBytes {
		return nil, &UnknownOutcomeError{Path: path, Err: fmt.Errorf("the answer has more than %d bytes", maxAnswerBytes)}
	}
	return &reply{status: response.StatusCode, header: response.Header, body: raw}, nil
}

func (c *Client) sign(request *http.Request, path string, body []byte) error {
	now := strconv.FormatInt(c.now().UnixMilli(), 10)
	signature, err := Sign(c.privateKey, c.keyVersion, Message{URI: path, ClientID: c.clientID, Time: now, Body: body})
	if err != nil {
		return err
	}
	request.Header = http.Header{
		"Client-Id":       {c.clientID},
		"Request-Time":    {now},
		"Signature":       {signature},
		"Content-Type":    {"application/json; charset=UTF-8"},
		"User-Agent":      {"alipay-operator"},
		"Accept-Encoding": {"identity"}, // keeps any transport from asking for gzip by itself
	}
	if c.agentToken != "" {
		request.Header.Set("Agent-Token", string(c.agentToken))
	}
	return nil
}

// progress notes how far a request got.
type progress struct {
	asked atomic.Bool // a connection was asked for: the transport reports what it does
	got   atomic.Bool // there was a connection, so bytes may have left
}

func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { p.asked.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { p.got.Store(true) },
		WroteHeaders: func() { p.got.Store(true) },
	})
}

// lost says whether a request without an answer may have been received.
func (c *Client) lost(op operation, p *progress, err error) error {
	var wrapper *url.Error
	if errors.As(err, &wrapper) {
		err = wrapper.Err
	}
	var refused *NotSentError
	if errors.As(err, &refused) && !p.got.Load() {
		return c.refuse(op, refused.Err)
	}
	if p.asked.Load() && !p.got.Load() {
		return c.refuse(op, &connectionError{err})
	}
	return &UnknownOutcomeError{Path: c.path(op), Err: &connectionError{err}}
}
