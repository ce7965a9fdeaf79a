package notification

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// FuzzHeaders sends whole requests: none of them brings the receiver down, and none is acknowledged that the gateway has not signed.
func FuzzHeaders(f *testing.F) {
	good := written(paidBody)
	length := fmt.Sprint("Content-Length: ", len(paidBody))
	f.Add([]byte(good.text()))
	f.Add([]byte(writtenTo("/pay"+testPath+"?a=%2F&b", paidBody).text()))
	f.Add([]byte(forged(paidBody).text()))
	f.Add([]byte(raw("POST /notify/shop/main HTTP/1.0", good.head(length, "Signature: x"), paidBody)))
	f.Add([]byte(raw("POST /x/../notify/shop/main HTTP/1.1", good.head("Transfer-Encoding: chunked"), "2\r\n{}\r\n0\r\n\r\n")))
	f.Add([]byte(raw("POST http://h/notify/shop/main HTTP/1.1", good.head("Content-Length: 9999999999"), paidBody)))
	f.Add([]byte(raw("POST /notify/shop/main HTTP/1.1", []string{"Client-Id:", "Request-Time: \xff", "Signature: ,=,signature=%zz"}, "")))
	d := newDoor()
	log := d.log
	f.Fuzz(func(t *testing.T, text []byte) {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		recorder := httptest.NewRecorder()
		d.ServeHTTP(recorder, request)
		if !isAcknowledgement(t, recorder.Result()) {
			if body := recorder.Body.String(); recorder.Code != http.StatusBadRequest || body != refusal {
				t.Errorf("refused with %d %s", recorder.Code, body)
			}
			return
		}
		// Once more, by the plain rule: the headers, and the body as long as stated.
		request, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Fatalf("acknowledged half a body: %v", err)
		}
		verified := false
		_, query, hasQuery := strings.Cut(request.RequestURI, "?")
		expected := testPath
		if hasQuery {
			expected += "?" + query
		}
		for _, uri := range []string{request.RequestURI, expected} {
			message := alipay.Message{URI: uri, ClientID: testClientID, Time: request.Header.Get("Request-Time"), Body: body}
			verified = verified || alipay.Verify(message, request.Header.Get("Signature"), &gatewayKey().PublicKey) == nil
		}
		if !verified {
			t.Errorf("acknowledged what nobody has signed: %q; log: %s", text, log())
		}
	})
}

// FuzzEnvelope reads and writes the values of annotations: what is written is read again to the byte, and nothing is believed that was
// not signed.
func FuzzEnvelope(f *testing.F) {
	good := written(paidBody)
	value, err := Envelope{URI: testPath, ClientID: testClientID, RequestTime: testTime, Signature: good.signature, Body: paidBody}.Value()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value, testPath, testTime, good.signature, paidBody)
	f.Add(strings.ReplaceAll(value, `"body":`, `"BODY":`), testPath, "4070910600000", good.signature, `{"x":"<&>\u2028\ud800"}`+"\u2028\x7f")
	f.Add(strings.ReplaceAll(value, `2099`, `\u0032099`), "/", ".", "signature=", "\x00\xff")
	f.Add(value+value, testPath+"\n", testTime, "", " ")
	f.Add(`{"bodySecretName":"x"}`, "", "", "", "")
	f.Add(`null`, "/ams/api/v1/payments/pay", testTime, good.signature, "null")
	signed := func(e Envelope, body string) bool {
		return e.URI == testPath && e.ClientID == testClientID && e.RequestTime == testTime && body == paidBody
	}
	f.Fuzz(func(t *testing.T, value, uri, requestTime, signature, body string) {
		if envelope, err := Parse(value); err == nil {
			if envelope.Verify([]byte(envelope.Body), &gatewayKey().PublicKey) == nil && !signed(envelope, envelope.Body) {
				t.Errorf("believed %+v", envelope)
			}
			again, err := envelope.Value()
			if err != nil {
				t.Fatalf("what was read can not be written: %v", err)
			}
			if parsed, err := Parse(again); (err != nil || parsed != envelope) && len(again) <= maxEnvelope {
				t.Errorf("%+v became %+v, %v", envelope, parsed, err)
			}
		}
		envelope := Envelope{URI: uri, ClientID: testClientID, RequestTime: requestTime, Signature: signature, Body: body}
		if envelope.Verify([]byte(body), &gatewayKey().PublicKey) == nil && !signed(envelope, body) {
			t.Errorf("believed %+v", envelope)
		}
		value, err := envelope.Value()
		if err != nil {
			if utf8.ValidString(body) {
				t.Errorf("Value = %v", err)
			}
			return
		}
		if !utf8.ValidString(body) {
			t.Fatalf("%q was written, and is no UTF-8", body)
		}
		if body == "" || len(value) > maxEnvelope || !utf8.ValidString(uri+" "+requestTime+" "+signature) {
			return // never stored
		}
		if parsed, err := Parse(value); err != nil || parsed != envelope {
			t.Errorf("%+v became %+v, %v", envelope, parsed, err)
		}
	})
}

var credentialNames = []string{
	"accessToken", "refreshToken", "cardToken", "authCode", "auth_code", "authState", "cavv", "caav", "cvv", "cvc2", "cardNo", "cardNumber", "pan", "paymentMethodId",
}

// disguise writes a name with some of its letters in the other case and some in escapes. JSON means the same by them.
func disguise(name string, mask uint64) string {
	var b strings.Builder
	for i, char := range name {
		if mask>>(i%32)&1 == 1 && unicode.IsLetter(char) {
			char ^= 0x20
		}
		if mask>>(i%32+32)&1 == 1 {
			fmt.Fprintf(&b, `\u%04X`, char)
		} else {
			b.WriteRune(char)
		}
	}
	return b.String()
}

// FuzzBody reads bodies: nothing brings the readers down, and no disguise hides a credential.
func FuzzBody(f *testing.F) {
	f.Add([]byte(paidBody), uint8(0), uint64(0))
	for i, test := range credentialBodies {
		f.Add([]byte(test.body), uint8(i), uint64(i)*0x0101_0101_0101_0101)
	}
	f.Add([]byte(`{"result":"S","notifyType":1,"paymentAmount":{"currency":7},"refundStatus":[null]}`), uint8(9), uint64(1)<<40)
	f.Add([]byte(`{"a":"{\"b\":1}","a":{}} `), uint8(3), ^uint64(0))
	f.Add([]byte(" null"), uint8(1), uint64(5))
	f.Add([]byte("\ufeff{}"), uint8(2), uint64(6))
	f.Fuzz(func(t *testing.T, body []byte, which uint8, mask uint64) {
		if len(body) > MaxBody {
			return
		}
		subject, err := alipay.ReadSubject(body)
		isObject := json.Valid(body) && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
		if (err == nil) != isObject || err != nil && subject != (alipay.Subject{}) {
			t.Errorf("ReadSubject = %+v, %v", subject, err)
		}
		if subject.AccessToken != "" && !carriesCredential(body) {
			t.Error("an access token was read, and not found")
		}
		if n, err := alipay.ReadPaymentNotification(body); (n == nil) != (err != nil) {
			t.Errorf("ReadPaymentNotification = %v, %v", n, err)
		}
		if n, err := alipay.ReadRefundNotification(body); (n == nil) != (err != nil) {
			t.Errorf("ReadRefundNotification = %v, %v", n, err)
		}
		if !json.Valid(body) {
			if !carriesCredential(body) {
				t.Error("what can not be read was taken for harmless")
			}
			return
		}
		member := `"` + disguise(credentialNames[int(which)%len(credentialNames)], mask) + `":`
		text, err := json.Marshal(fmt.Sprintf(`{"x":[%s,{%s"v"}]}`, body, member))
		if err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{
			fmt.Sprintf(`{%s"v","x":%s}`, member, body),
			fmt.Sprintf(`{"x":%s,"y":[[{%s1}]]}`, body, member),
			fmt.Sprintf(`[%s,{"x":{%s"v",%s""},"x":null}]`, body, member, member),
			fmt.Sprintf(`{"x":%s}`, text),
		} {
			if json.Valid([]byte(hidden)) && !carriesCredential([]byte(hidden)) {
				t.Errorf("not found in %s", hidden)
			}
		}
	})
}

// A body of nothing but brackets must not exhaust the stack.
func TestDeepBodyIsReadOrRefused(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("[", MaxBody), strings.Repeat(`{"a":`, MaxBody/5), `{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
	} {
		d := newDoor()
		response := d.deliver(t, written(body))
		if isAcknowledgement(t, response) {
			t.Error("acknowledged")
		}
	}
}
