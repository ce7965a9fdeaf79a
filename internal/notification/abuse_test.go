package notification

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// without leaves out the headers of a name.
func without(headers []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(headers), func(h string) bool { return strings.HasPrefix(h, name+":") })
}

func TestAbuseOfTheProtocolIsRefused(t *testing.T) {
	good := written(paidBody)
	length := fmt.Sprint("Content-Length: ", len(paidBody))
	const post = "POST " + testPath + " HTTP/1.1"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(paidBody), paidBody)
	head := good.head()
	tests := []struct {
		name, sent string
		// here is true where our own handler refuses, and false where the HTTP server does so before it.
		here bool
	}{
		{"GET", raw("GET "+testPath+" HTTP/1.1", good.head(length), paidBody), true},
		{"PUT", raw("PUT "+testPath+" HTTP/1.1", good.head(length), paidBody), true},
		{"post in lower case", raw("post "+testPath+" HTTP/1.1", good.head(length), paidBody), true},
		{"HEAD, whose answer has no body", raw("HEAD "+testPath+" HTTP/1.1", good.head(length), paidBody), false},
		{"OPTIONS *", raw("OPTIONS * HTTP/1.1", good.head(), ""), true},
		{"POST *", raw("POST * HTTP/1.1", good.head(length), paidBody), true},
		{"CONNECT", raw("CONNECT pay.example.test:443 HTTP/1.1", good.head(), ""), true},
		{"method overridden", raw("GET "+testPath+" HTTP/1.1", good.head(length, "X-HTTP-Method-Override: POST"), paidBody), true},
		{"absolute address", raw("POST http://pay.example.test"+testPath+" HTTP/1.1", good.head(length), paidBody), true},
		{"absolute address without a path", raw("POST http://pay.example.test HTTP/1.1", good.head(length), paidBody), true},
		{"address of another host", raw("POST //evil.example"+testPath+" HTTP/1.1", good.head(length), paidBody), true},
		{"address without a slash", raw("POST notify/shop/main HTTP/1.1", good.head(length), paidBody), false},
		{"broken escape", raw("POST "+testPath+"% HTTP/1.1", good.head(length), paidBody), false},
		{"NUL in the address", raw("POST "+testPath+"\x00 HTTP/1.1", good.head(length), paidBody), false},
		{"space in the address", raw("POST "+testPath+" x HTTP/1.1", good.head(length), paidBody), false},
		{"fragment", raw("POST "+testPath+"#x HTTP/1.1", good.head(length), paidBody), true},

		{"HTTP/0.9", "GET " + testPath + "\r\n", false},
		{"rubbish", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", false},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", true},
		{"change to HTTP/2", raw(post, good.head(length, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), paidBody), true},
		{"change to WebSocket", raw(post, good.head(length, "Connection: Upgrade", "Upgrade: websocket"), paidBody), true},
		{"unknown version", raw("POST "+testPath+" HTTP/9.9", good.head(length), paidBody), false},
		{"no host", raw(post, without(good.head(length), "Host"), paidBody), false},
		{"two hosts", raw(post, good.head(length, "Host: evil.example"), paidBody), false},
		{"unknown expectation", raw(post, good.head(length, "Expect: 200-ok"), paidBody), false},

		{"no length", raw(post, head, paidBody), true},
		{"length 0", raw(post, good.head("Content-Length: 0"), ""), true},
		{"negative length", raw(post, good.head("Content-Length: -1"), paidBody), false},
		{"length with a sign", raw(post, good.head(fmt.Sprint("Content-Length: +", len(paidBody))), paidBody), false},
		{"length that no number holds", raw(post, good.head("Content-Length: 18446744073709551617"), paidBody), false},
		{"two lengths", raw(post, good.head(length, "Content-Length: 5"), paidBody), false},
		{"a list of lengths", raw(post, good.head(length+", 5"), paidBody), false},
		{"body is too short", raw(post, good.head(fmt.Sprint("Content-Length: ", len(paidBody)+1)), paidBody), true},
		{"length ends within the body", raw(post, good.head(fmt.Sprint("Content-Length: ", len(paidBody)-1)), paidBody), true},
		{"10 MB", raw(post, good.head("Content-Length: 10485760"), ""), true},
		{"one byte too much", raw(post, good.head(fmt.Sprint("Content-Length: ", MaxBody+1)), ""), true},

		{"chunks", raw(post, good.head("Transfer-Encoding: chunked"), chunked), true},
		{"chunks and a length", raw(post, good.head("Transfer-Encoding: chunked", length), chunked), true},
		{"a length and chunks", raw(post, good.head(length, "Transfer-Encoding: chunked"), paidBody), true},
		{"xchunked", raw(post, good.head("Transfer-Encoding: xchunked", length), paidBody), false},
		{"identity", raw(post, good.head("Transfer-Encoding: identity", length), paidBody), false},
		{"chunked twice", raw(post, good.head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), chunked), false},
		{"chunked and identity", raw(post, good.head("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), chunked), false},
		{"gzip and chunked", raw(post, good.head("Transfer-Encoding: gzip, chunked"), chunked), false},
		{"space before the colon", raw(post, good.head("Transfer-Encoding : chunked", length), chunked), false},
		{"tab before the value", raw(post, good.head("Transfer-Encoding:\tchunked", length), chunked), true},
		{"vertical tab before the value", raw(post, good.head("Transfer-Encoding: \x0bchunked", length), chunked), false},
		{"folded", raw(post, good.head("Transfer-Encoding:\r\n chunked", length), chunked), true},
		{"line break by one character", raw(post, good.head("X: y\nTransfer-Encoding: chunked", length), chunked), true},
		{"gzip", raw(post, good.head(length, "Content-Encoding: gzip"), paidBody), true},
		{"identity of content", raw(post, good.head(length, "Content-Encoding: identity"), paidBody), true},

		{"two clients", raw(post, good.head(length, "Client-Id: "+testClientID), paidBody), true},
		{"two clients in other case", raw(post, good.head(length, "client-ID: other"), paidBody), true},
		{"two clients in one header", raw(post, append(without(good.head(length), "Client-Id"), "Client-Id: "+testClientID+", "+testClientID), paidBody), true},
		{"two times", raw(post, good.head(length, "Request-Time: "+testTime), paidBody), true},
		{"two signatures", raw(post, good.head(length, "Signature: "+good.signature), paidBody), true},
		{"two types of content", raw(post, good.head(length, "Content-Type: application/json"), paidBody), true},
		{"no client", raw(post, without(good.head(length), "Client-Id"), paidBody), true},
		{"no time", raw(post, without(good.head(length), "Request-Time"), paidBody), true},
		{"no signature", raw(post, without(good.head(length), "Signature"), paidBody), true},
		{"signature that is no ASCII", raw(post, append(without(good.head(length), "Signature"), "Signature: "+good.signature+",x=\xff"), paidBody), true},
		{"NUL in a header", raw(post, good.head(length, "X: \x00"), paidBody), false},
		{"name of a header that is no word", raw(post, good.head(length, "X Y: z"), paidBody), false},
		{"header without a colon", raw(post, good.head(length, "Transfer-Encoding"), paidBody), false},
		{"large header", raw(post, good.head(length, "X: "+strings.Repeat("x", 16<<10)), paidBody), false},
		{"many headers", raw(post, good.head(append(slices.Repeat([]string{"X: y"}, 4<<10), length)...), paidBody), false},
		{"long address", raw(post[:len(post)-9]+"?"+strings.Repeat("x", 16<<10)+" HTTP/1.1", good.head(length), paidBody), false},
	}
	d := newDoor()
	address := d.listen(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer := exchange(t, address, test.sent)
			response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
			if answer != "" && (err != nil || response.StatusCode < 400 || strings.Count(answer, "HTTP/1.1 ") != 1) {
				t.Errorf("answer = %q, %v", answer, err)
			}
			if got := withoutDate(answer); (got == constantRefusal) != test.here {
				t.Errorf("answer = %q; refused by the handler: %t, want %t", got, !test.here, test.here)
			}
			d.expectWrites(t)
		})
	}
	if answer := exchange(t, address, good.text()); !acknowledges(t, answer) {
		t.Errorf("the genuine one: %s", answer)
	}
	d.expectWrites(t, "patch order")
}

func TestUnusualButPlainRequestsAreTaken(t *testing.T) {
	good := written(paidBody)
	length := fmt.Sprint("Content-Length: ", len(paidBody))
	tests := []struct{ name, sent string }{
		{"HTTP/1.0, as some proxies speak", raw("POST "+testPath+" HTTP/1.0", good.head(length), paidBody)},
		{"names in lower case", raw("POST "+testPath+" HTTP/1.1", []string{
			"host: h", "client-id: " + good.clientID, "request-time: " + good.requestTime, "signature: " + good.signature, strings.ToLower(length),
		}, paidBody)},
		{"no type of content", raw("POST "+testPath+" HTTP/1.1", without(good.head(length), "Content-Type"), paidBody)},
		{"expects to be told to go on", raw("POST "+testPath+" HTTP/1.1", good.head(length, "Expect: 100-continue"), paidBody)},
		{"headers that are not known", raw("POST "+testPath+" HTTP/1.1", good.head(length, "X-Forwarded-For: 10.0.0.1", "Via: 1.1 proxy"), paidBody)},
		{"the same length twice", raw("POST "+testPath+" HTTP/1.1", good.head(length, length), paidBody)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor()
			answer := strings.TrimPrefix(exchange(t, d.listen(t), test.sent), "HTTP/1.1 100 Continue\r\n\r\n")
			if !acknowledges(t, answer) {
				t.Errorf("answer = %s", answer)
			}
			d.expectWrites(t, "patch order")
		})
	}
}

func TestBodyThatIsTooLongIsRefusedUnread(t *testing.T) {
	d := newDoor()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.listen(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(readTimeout / 2)); err != nil {
		t.Fatal(err)
	}
	// Nothing of the body is sent, and nothing is asked for.
	head := written(paidBody).head(fmt.Sprint("Content-Length: ", 10<<20), "Expect: 100-continue")
	if _, err := conn.Write([]byte(raw("POST "+testPath+" HTTP/1.1", head, ""))); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusBadRequest || !response.Close {
		t.Errorf("status = %d, closes: %t; want 400, true", response.StatusCode, response.Close)
	}
	d.expectWrites(t)
}

func TestSecondRequestOnARefusedConnectionIsNotRead(t *testing.T) {
	// What a proxy takes for a body must never be read as a request.
	smuggled := written(paidBody).text()
	l := written(paidBody)
	d := newDoor()
	address := d.listen(t)
	for _, headers := range [][]string{
		{"Content-Length: " + fmt.Sprint(len(smuggled)), "Transfer-Encoding: chunked"},
		{"Transfer-Encoding: xchunked"},
		{"Content-Encoding: gzip", "Content-Length: 1"},
		{},
	} {
		sent := raw("POST "+testPath+" HTTP/1.1", l.head(headers...), "0\r\n\r\n"+smuggled)
		if answer := exchange(t, address, sent); strings.Count(answer, "HTTP/1.1 ") != 1 || strings.Contains(answer, "SUCCESS") {
			t.Errorf("%v: %s", headers, answer)
		}
		d.expectWrites(t)
	}
}
