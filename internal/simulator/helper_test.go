package simulator

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

var (
	gatewayKey  = sync.OnceValue(newKey)
	merchantKey = sync.OnceValue(newKey)
	otherKey    = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// testStart is noon UTC+8, far from the end of the day on which cancel windows turn.
var testStart = time.Date(2026, 11, 21, 12, 0, 0, 0, gatewayZone)

// merchant talks to a simulator whose clock stands still until it is advanced.
type merchant struct {
	t         *testing.T
	simulator *Simulator
	server    *httptest.Server
	clientID  string
	key       *rsa.PrivateKey
}

func newMerchant(t *testing.T, configure ...func(*Options)) *merchant {
	t.Helper()
	options := Options{
		Clients:    []Client{{ID: "SANDBOX_5Y1", PublicKey: &merchantKey().PublicKey}, {ID: "5Y2", PublicKey: &otherKey().PublicKey}},
		PrivateKey: gatewayKey(), Now: func() time.Time { return testStart }, Seed: 7,
	}
	for _, c := range configure {
		c(&options)
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := s.CheckInvariants(); err != nil {
			t.Errorf("invariants: %v", err)
		}
		s.Close()
	})
	return &merchant{t: t, simulator: s, server: server, clientID: "SANDBOX_5Y1", key: merchantKey()}
}

// reply is one answer. signed says whether it carried a signature, which was then checked.
type reply struct {
	status int
	signed bool
	body   map[string]any
}

func (r reply) code() string { code, _ := r.result()["resultCode"].(string); return code }

func (r reply) result() map[string]any { result, _ := r.body["result"].(map[string]any); return result }

func (r reply) outcome() string {
	status, _ := r.result()["resultStatus"].(string)
	return status + " " + r.code()
}

func (r reply) text(name string) string { text, _ := r.body[name].(string); return text }

func (r reply) message() string { text, _ := r.result()["resultMessage"].(string); return text }

// request builds a signed request; edit may spoil it.
func (m *merchant) request(path string, body []byte, edit ...func(*http.Request)) *http.Request {
	m.t.Helper()
	at := strconv.FormatInt(m.simulator.Now().UnixMilli(), 10)
	signature, err := alipay.Sign(m.key, 1, alipay.Message{URI: path, ClientID: m.clientID, Time: at, Body: body})
	if err != nil {
		m.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.server.URL+path, bytes.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Client-Id", m.clientID)
	r.Header.Set("Request-Time", at)
	r.Header.Set("Signature", signature)
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	for _, e := range edit {
		e(r)
	}
	return r
}

func (m *merchant) path(operation string) string {
	if m.clientID == "SANDBOX_5Y1" {
		return sandboxPrefix + endpoint(operation)
	}
	return productionPrefix + endpoint(operation)
}

// endpoint is the path of an operation after the prefix.
func endpoint(operation string) string {
	switch operation {
	case "consultAuthorization":
		return "authorizations/consult"
	case "applyToken", "revoke":
		return "authorizations/" + operation
	case "declare", "inquiryDeclarationRequests":
		return "customs/" + operation
	}
	return "payments/" + operation
}

// try returns an error only when no answer came.
func (m *merchant) try(r *http.Request) (reply, error) {
	m.t.Helper()
	response, err := m.server.Client().Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: response.StatusCode}
	if response.StatusCode != http.StatusOK {
		return out, nil
	}
	if err := json.Unmarshal(raw, &out.body); err != nil {
		m.t.Fatalf("answer %s: %v", raw, err)
	}
	if signature := response.Header.Get("Signature"); signature != "" {
		message := alipay.Message{URI: r.URL.RequestURI(), ClientID: m.clientID, Time: response.Header.Get("Response-Time"), Body: raw}
		if err := alipay.Verify(message, signature, &gatewayKey().PublicKey); err == nil {
			out.signed = true
		}
	}
	return out, nil
}

// call posts fields and demands a signed answer.
func (m *merchant) call(operation string, fields map[string]any) reply {
	m.t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		m.t.Fatal(err)
	}
	answer, err := m.try(m.request(m.path(operation), body))
	if err != nil {
		m.t.Fatalf("%s: %v", operation, err)
	}
	if !answer.signed {
		m.t.Fatalf("%s: answer is not signed: %v", operation, answer)
	}
	return answer
}

// want calls and compares "S SUCCESS" and the like.
func (m *merchant) want(outcome, operation string, fields map[string]any) reply {
	m.t.Helper()
	answer := m.call(operation, fields)
	if answer.outcome() != outcome {
		m.t.Fatalf("%s: outcome = %s (%s), want %s", operation, answer.outcome(), answer.message(), outcome)
	}
	return answer
}

func (m *merchant) advance(d time.Duration) {
	m.t.Helper()
	m.simulator.Advance(d)
}

func (m *merchant) inject(f Fault) {
	m.t.Helper()
	if err := m.simulator.Inject(f); err != nil {
		m.t.Fatal(err)
	}
}

func (m *merchant) pays(id string) {
	m.t.Helper()
	if err := m.simulator.BuyerPays(id); err != nil {
		m.t.Fatal(err)
	}
}

// status is what inquiryPayment says.
func (m *merchant) status(paymentRequestID string) string {
	m.t.Helper()
	return m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": paymentRequestID}).text("paymentStatus")
}

func sum(currency, value string) map[string]any {
	return map[string]any{"currency": currency, "value": value}
}

// cashier is a good Cashier request; edit may change it.
func cashier(id, method, currency, value string, edit ...func(map[string]any)) map[string]any {
	fields := map[string]any{
		"productCode": "CASHIER_PAYMENT", "paymentRequestId": id, "paymentAmount": sum(currency, value),
		"order":         map[string]any{"referenceOrderId": "order-of-" + id, "orderDescription": "Desk lamp", "orderAmount": sum(currency, value)},
		"paymentMethod": map[string]any{"paymentMethodType": method},
		"env":           map[string]any{"terminalType": "WEB", "clientIp": "203.0.113.9"}, "paymentRedirectUrl": "https://shop.example/return",
	}
	if method == cardMethod {
		fields["paymentFactor"] = map[string]any{"isAuthorization": true}
	}
	for _, e := range edit {
		e(fields)
	}
	return fields
}

func with(name string, value any) func(map[string]any) {
	return func(fields map[string]any) { fields[name] = value }
}

func without(name string) func(map[string]any) {
	return func(fields map[string]any) { delete(fields, name) }
}

// within changes a field of an inner object.
func within(object, name string, value any) func(map[string]any) {
	return func(fields map[string]any) {
		inner := maps.Clone(fields[object].(map[string]any))
		inner[name] = value
		fields[object] = inner
	}
}

func manualCard(id, value string) map[string]any {
	return cashier(id, cardMethod, "SGD", value, with("paymentFactor", map[string]any{"isAuthorization": true, "captureMode": "MANUAL"}))
}

func debit(id, token, value string) map[string]any {
	return map[string]any{
		"productCode": "AGREEMENT_PAYMENT", "paymentRequestId": id, "paymentAmount": sum("PHP", value),
		"order":         map[string]any{"referenceOrderId": "order-of-" + id, "orderDescription": "Plan", "orderAmount": sum("PHP", value)},
		"paymentMethod": map[string]any{"paymentMethodType": "GCASH", "paymentMethodId": token},
	}
}

// paid makes an order and pays it, and returns its paymentId.
func (m *merchant) paid(fields map[string]any) string {
	m.t.Helper()
	answer := m.call("pay", fields)
	if answer.code() != "PAYMENT_IN_PROCESS" {
		m.t.Fatalf("pay: outcome = %s (%s)", answer.outcome(), answer.message())
	}
	m.pays(answer.text("paymentId"))
	return answer.text("paymentId")
}

func refundOf(id, paymentID, currency, value string) map[string]any {
	return map[string]any{"refundRequestId": id, "paymentId": paymentID, "refundAmount": sum(currency, value)}
}

func captureOf(id, paymentID, value string) map[string]any {
	return map[string]any{"captureRequestId": id, "paymentId": paymentID, "captureAmount": sum("SGD", value)}
}
