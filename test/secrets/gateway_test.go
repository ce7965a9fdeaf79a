package secrets

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// The gateway of these tests is the simulator, whose every request and answer is kept, and which can be told to be careless with what it was sent:
// to repeat it where nobody expects it.
type carelessness string

const (
	// repeatInRefusal answers F, well signed, with the whole request in the message.
	repeatInRefusal carelessness = "repeat the request in a refusal"
	// repeatInUnknown does the same with U.
	repeatInUnknown carelessness = "repeat the request in an answer that settles nothing"
	// wrongSignature answers with a success that holds the request, and that somebody else has signed.
	wrongSignature carelessness = "answer with a wrong signature"
	// noJSON answers, well signed, with the request and something behind it that is no JSON.
	noJSON carelessness = "answer what is no JSON"
	// wrongTypes answers, well signed, with a success whose fields have other types than documented, and hold the request.
	wrongTypes carelessness = "answer with wrong types"
	// unavailable answers HTTP 500 with the request as its page.
	unavailable carelessness = "fail with a page that repeats the request"
)

var everyCarelessness = []carelessness{repeatInRefusal, repeatInUnknown, wrongSignature, noJSON, wrongTypes, unavailable}

// lapse is one time that the gateway is careless.
type lapse struct {
	operation, about string
	how              carelessness
}

// gateway is an http.Handler in front of a simulator.
type gateway struct {
	t         *testing.T
	collector *collector
	simulator http.Handler

	mu     sync.Mutex
	lapses []lapse
}

// startGateway starts a shop's simulator behind a gateway, and returns it with the gateway's address.
func startGateway(t *testing.T, s *testenv.Shop, c *collector) (*gateway, string) {
	t.Helper()
	g := &gateway{t: t, collector: c, simulator: s.Simulator.Handler()}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return g, server.URL
}

// careless has the next requests to an operation that hold a text met with carelessness, one after the other in each of these ways.
func (g *gateway) careless(operation, about string, ways ...carelessness) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, how := range ways {
		g.lapses = append(g.lapses, lapse{operation: operation, about: about, how: how})
	}
}

// left are the lapses that are still to come.
func (g *gateway) left() []lapse {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.lapses)
}

func (g *gateway) take(operation string, body []byte) carelessness {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, l := range g.lapses {
		if l.operation == operation && bytes.Contains(body, []byte(l.about)) {
			g.lapses = append(g.lapses[:i:i], g.lapses[i+1:]...)
			return l.how
		}
	}
	return ""
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g.collector.keepWire(body)
	operation := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if how := g.take(operation, body); how != "" {
		g.answer(w, r, body, how)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	g.simulator.ServeHTTP(recorder, r)
	g.collector.keepWire(recorder.Body.Bytes())
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// answer does not act.
func (g *gateway) answer(w http.ResponseWriter, r *http.Request, request []byte, how carelessness) {
	result := func(code, status string) map[string]string {
		return map[string]string{"resultCode": code, "resultStatus": status, "resultMessage": "What was that? " + string(request)}
	}
	var content any
	switch how {
	case unavailable:
		http.Error(w, string(request), http.StatusInternalServerError)
		return
	case repeatInRefusal:
		content = map[string]any{"result": result("PROCESS_FAIL", "F")}
	case repeatInUnknown:
		content = map[string]any{"result": result("UNKNOWN_EXCEPTION", "U")}
	default:
		content = map[string]any{
			"result": result("SUCCESS", "S"), "accessToken": []string{string(request)}, "paymentId": map[string]string{string(request): "x"},
			"normalUrl": 7, "accessTokenExpiryTime": string(request), "paymentAmount": string(request),
		}
	}
	body, err := json.Marshal(content)
	if err != nil {
		g.t.Error(err)
		return
	}
	key := testenv.GatewayKey()
	if how == noJSON {
		body = append(append([]byte(`{"result":`), request...), "} and more"...)
	}
	if how == wrongSignature {
		key = testenv.MerchantKey()
	}
	message := alipay.Message{URI: r.URL.RequestURI(), ClientID: r.Header.Get("Client-Id"), Time: time.Now().UTC().Format(time.RFC3339), Body: body}
	signature, err := alipay.Sign(key, 1, message)
	if err != nil {
		g.t.Error(err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Client-Id", message.ClientID)
	w.Header().Set("Response-Time", message.Time)
	w.Header().Set("Signature", signature)
	_, _ = w.Write(body)
}
