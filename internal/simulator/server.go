package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody is more than any documented request can fill.
const maxBody = 1 << 20

const (
	productionPrefix = "/ams/api/v1/"
	sandboxPrefix    = "/ams/sandbox/api/v1/"
)

// call is one verified request.
type call struct {
	clientID string
	// now is the simulated time; sentAt is the client's own, from Request-Time. Limits of an own expiry time are
	// measured between the client's two times, so they hold however far the simulated clock has moved.
	now    time.Time
	sentAt time.Time
	body   object
	// forced is a result code that a fault wants, and fate one that a late settlement is to have.
	forced string
	late   bool
	fate   string
	base   string // for addresses of the checkout page
}

// operations are the endpoints by their path after the prefix (ams/api_fund).
func (s *Simulator) operations(path string) func(*call) answer {
	switch path {
	case "payments/consult":
		return s.consult
	case "payments/pay":
		return s.pay
	case "payments/createPaymentSession":
		return s.createSession
	case "payments/inquiryPayment":
		return s.inquirePayment
	case "payments/cancel":
		return s.cancelPayment
	case "payments/capture":
		return s.capture
	case "payments/refund":
		return s.refund
	case "payments/inquiryRefund":
		return s.inquireRefund
	case "customs/declare":
		return s.declare
	case "customs/inquiryDeclarationRequests":
		return s.inquireDeclarations
	case "payments/acceptDispute":
		return s.acceptDispute
	case "payments/supplyDefenseDocument":
		return s.supplyDefense
	case "payments/downloadDisputeEvidence":
		return s.downloadEvidence
	}
	return s.authorizationOperations(path)
}

// operationName is what faults and counts call an endpoint: the last part of its path, "pay" for example, unless two
// endpoints have it in common.
func operationName(path string) string {
	if path == "authorizations/consult" {
		return "consultAuthorization"
	}
	return path[strings.LastIndex(path, "/")+1:]
}

// route splits a request path. The operation is "unknown" for an endpoint that does not exist.
func (s *Simulator) route(path string) (rest, operation string, sandbox bool) {
	rest, sandbox = strings.CutPrefix(path, sandboxPrefix)
	if !sandbox {
		rest = strings.TrimPrefix(path, productionPrefix)
	}
	if s.operations(rest) == nil {
		return rest, "unknown", sandbox
	}
	return rest, operationName(rest), sandbox
}

// Handler serves the gateway's API and the pages on which a buyer pays or consents.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ams/", s.serveAPI)
	mux.HandleFunc("GET /{$}", s.showOrders)
	mux.HandleFunc("GET /checkout/{code}", s.showCheckout)
	mux.HandleFunc("POST /checkout/{code}", s.actOnCheckout)
	mux.HandleFunc("GET /consent/{code}", s.showConsent)
	mux.HandleFunc("POST /consent/{code}", s.actOnConsent)
	return mux
}

// serveAPI checks in the order method, path, identity, signature, content, fields, business; see identify.
func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	defer s.countArrival(r.Header.Get("Client-Id"))()
	_, operation, _ := s.route(r.URL.Path)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body cannot be read or is too long", http.StatusRequestEntityTooLarge)
		return
	}
	fault := s.takeFault(operation, r.Header.Get("Client-Id"), body)
	switch fault.Kind {
	case DropRequest:
		s.count(operation, "DROPPED")
		panic(http.ErrAbortHandler)
	case ServerError:
		s.count(operation, "HTTP_500")
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	case UnsignedFail:
		s.count(operation, "INVALID_SIGNATURE")
		s.write(w, failure("INVALID_SIGNATURE"))
		return
	}
	who, refused := s.identify(r, body)
	if refused != nil {
		s.count(operation, refused.code)
		s.write(w, refused.answer())
		return
	}
	if fault.Kind == ActLater {
		s.performLater(who, r, body, fault)
		panic(http.ErrAbortHandler)
	}
	a := s.perform(who, r, body, fault)
	defer s.sentAnswer(a)
	switch fault.Kind {
	case DropResponse:
		panic(http.ErrAbortHandler)
	case ServerErrorAfter:
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	case UnknownExceptionAfter:
		a = failure("UNKNOWN_EXCEPTION")
	case Delay:
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
	case WrongAmount:
		a.fields = wrongAmount(a.fields)
	}
	s.writeSigned(w, r, who.clientID, a, fault.Kind == BadSignature)
}

// perform runs the operation under the lock and counts its result.
func (s *Simulator) perform(who identity, r *http.Request, raw []byte, fault Fault) answer {
	rest, operation, _ := s.route(r.URL.Path)
	body, refused := readBody(r, raw)
	s.enter()
	defer s.mu.Unlock()
	c := &call{clientID: who.clientID, now: s.clock.now(), sentAt: who.sentAt, body: body, base: s.base(r),
		late: fault.Kind == InProcess || fault.Kind == FailLater}
	if fault.Kind == ResultCode {
		c.forced = fault.Code
	}
	if fault.Kind == FailLater {
		c.fate = fault.codeOr("PROCESS_FAIL")
	}
	var a answer
	switch {
	case fault.Kind == UnknownException:
		a = failure("UNKNOWN_EXCEPTION")
	case fault.Kind == RateLimit:
		a = failure("REQUEST_TRAFFIC_EXCEED_LIMIT")
	case who.refused != nil:
		a = who.refused.answer()
	case refused != nil:
		a = refused.answer()
	case c.forced != "" && statusOf(c.forced) != "F":
		a = failure(c.forced)
	default:
		a = s.operations(rest)(c)
	}
	s.countLocked(operation, a.code)
	return a
}

// performLater runs the operation when the caller has long given up. Nobody gets its answer; it is counted when it
// happens.
func (s *Simulator) performLater(who identity, r *http.Request, raw []byte, fault Fault) {
	rest, operation, _ := s.route(r.URL.Path)
	body, refused := readBody(r, raw)
	s.enter()
	defer s.mu.Unlock()
	delay := fault.Delay
	if delay == 0 {
		delay = 20 * time.Second
	}
	c := &call{clientID: who.clientID, now: s.clock.now().Add(delay), sentAt: who.sentAt.Add(delay), body: body, base: s.base(r)}
	s.clock.at(c.now, func() {
		a := failure("PARAM_ILLEGAL")
		if who.refused == nil && refused == nil {
			a = s.operations(rest)(c)
		}
		a.sent()
		s.countLocked(operation, a.code)
	})
}

func (s *Simulator) sentAnswer(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.sent()
}

// base is the address under which the buyer reaches this server.
func (s *Simulator) base(r *http.Request) string {
	if s.options.PublicURL != "" {
		return strings.TrimSuffix(s.options.PublicURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Simulator) count(operation, code string) {
	s.enter()
	defer s.mu.Unlock()
	s.countLocked(operation, code)
}

func (s *Simulator) countLocked(operation, code string) {
	if s.calls[operation] == nil {
		s.calls[operation] = map[string]int{}
	}
	s.calls[operation][code]++
}

// write answers without a signature: the gateway cannot sign for whom it does not know (ams/digital_signature).
func (s *Simulator) write(w http.ResponseWriter, a answer) {
	raw, err := json.Marshal(a.body())
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	writeJSON(w, raw)
}

func writeJSON(w http.ResponseWriter, raw []byte) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(raw) // a client that has gone asks again
}
