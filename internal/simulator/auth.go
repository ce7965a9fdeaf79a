package simulator

import (
	"crypto/rsa"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// identity is who signed a request. refused is set when the signature holds but something after it does not: that
// answer is signed.
type identity struct {
	clientID string
	sentAt   time.Time
	refused  *refusal
}

// identify checks method, path, Client-Id, the client's status and key, and the signature, in this order
// (ams/digital_signature; the order is inferred). What it refuses is answered unsigned: the caller has not proved
// who it is.
func (s *Simulator) identify(r *http.Request, body []byte) (identity, *refusal) {
	if r.Method != http.MethodPost {
		return identity{}, refuse("METHOD_NOT_SUPPORTED", "only POST is supported")
	}
	_, operation, sandbox := s.route(r.URL.Path)
	if operation == "unknown" {
		return identity{}, refuse("NO_INTERFACE_DEF", "there is no such endpoint")
	}
	clientID := r.Header.Get("Client-Id")
	if clientID == "" {
		return identity{}, refuse("CLIENT_INVALID", "the Client-Id header is missing")
	}
	key, refused := s.clientKey(clientID)
	if refused != nil {
		return identity{}, refused
	}
	if strings.HasPrefix(clientID, "SANDBOX_") != sandbox {
		return identity{}, refuse("NO_INTERFACE_DEF", "sandbox client ids use /ams/sandbox/api, others /ams/api")
	}
	requestTime := r.Header.Get("Request-Time")
	if requestTime == "" {
		return identity{}, illegal("Request-Time", "header is missing")
	}
	message := alipay.Message{URI: r.URL.RequestURI(), ClientID: clientID, Time: requestTime, Body: body}
	if err := alipay.Verify(message, r.Header.Get("Signature"), key); err != nil {
		return identity{}, failure("INVALID_SIGNATURE").refusal()
	}
	who := identity{clientID: clientID}
	var err error
	if who.sentAt, err = parseRequestTime(requestTime); err != nil {
		who.refused = illegal("Request-Time", "header is not a time")
	} else if len(r.Header.Get("Agent-Token")) > 128 {
		who.refused = illegal("Agent-Token", "header is longer than 128 characters")
	}
	return who, nil
}

func (a answer) refusal() *refusal { return refuse(a.code, a.message) }

// clientKey returns the key on file. Any keyVersion is accepted: what an unknown one means is not documented.
func (s *Simulator) clientKey(clientID string) (*rsa.PublicKey, *refusal) {
	s.enter()
	defer s.mu.Unlock()
	client := s.clients[clientID]
	switch {
	case client == nil:
		return nil, refuse("UNKNOWN_CLIENT", "the client id is not known")
	case client.Disabled:
		return nil, refuse("INVALID_CLIENT_STATUS", "the client is disabled")
	case client.PublicKey == nil:
		return nil, refuse("KEY_NOT_FOUND", "no public key is registered for the client")
	}
	return client.PublicKey, nil
}

// parseRequestTime accepts the five forms that official SDKs send: epoch milliseconds, and ISO 8601 with an offset
// with or without colon, with or without a fraction (ams/api_fund). There is no documented freshness window.
func parseRequestTime(given string) (time.Time, error) {
	if millis, err := strconv.ParseInt(given, 10, 64); err == nil && len(given) == 13 {
		return time.UnixMilli(millis), nil
	}
	if t, err := time.Parse(time.RFC3339, given); err == nil {
		return t, nil
	}
	return time.Parse("2006-01-02T15:04:05Z0700", given)
}

// readBody checks content type and JSON. Both are past the signature, so their refusals are signed.
func readBody(r *http.Request, raw []byte) (object, *refusal) {
	if given := r.Header.Get("Content-Type"); given != "" {
		media, parameters, err := mime.ParseMediaType(given)
		if err != nil || media != "application/json" {
			return nil, refuse("MEDIA_TYPE_NOT_ACCEPTABLE", "Content-Type must be application/json; charset=UTF-8")
		}
		if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "UTF-8") {
			return nil, refuse("MEDIA_TYPE_NOT_ACCEPTABLE", "the charset must be UTF-8")
		}
	}
	body, err := parse(raw)
	if err != nil {
		return nil, illegal("body", "is not an acceptable JSON object: "+err.Error())
	}
	return body, nil
}

// writeSigned answers with signature, client-id and response-time. A wrong signature covers another body: it is of
// the right form and does not verify.
func (s *Simulator) writeSigned(w http.ResponseWriter, r *http.Request, clientID string, a answer, wrong bool) {
	raw, err := json.Marshal(a.body())
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	message := alipay.Message{URI: r.URL.RequestURI(), ClientID: clientID, Time: wireTime(s.Now()), Body: raw}
	if wrong {
		message.Body = append([]byte(" "), raw...)
	}
	header, err := alipay.Sign(s.key, 1, message)
	if err != nil {
		http.Error(w, "the answer cannot be signed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Signature", header)
	w.Header().Set("Client-Id", clientID)
	w.Header().Set("Response-Time", message.Time)
	writeJSON(w, raw)
}
