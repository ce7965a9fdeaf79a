package notification

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzReturn sends whole requests to the address where browsers come back: none leads anywhere but to the page of the agreement whose authState
// it has, none is answered with an error of the server, and no code is kept for another agreement.
func FuzzReturn(f *testing.F) {
	get := func(method, target string, headers ...string) []byte {
		return []byte(raw(method+" "+target+" HTTP/1.1", append([]string{"Host: pay.example.test"}, headers...), ""))
	}
	for agreement := range consentStates {
		f.Add(get(http.MethodGet, returnPath("code", agreement)))
	}
	f.Add(get(http.MethodGet, returnPath("code", "monthly")+"&authRedirectUrl=https://evil.example&redirect=//evil.example"))
	f.Add(get(http.MethodGet, returnPath("code", "monthly")+"&authCode=another", "X-Forwarded-Host: evil.example"))
	f.Add(get(http.MethodGet, "/return/shop/main?authState=state-of-weekly"))
	f.Add(get(http.MethodGet, "/return/shop/main?authState=state-of-weekly&authCode="+strings.Repeat("%41", 128)))
	f.Add(get(http.MethodGet, "/return/shop/main?authState=state-of-weekly&authCode=c%0d%0aLocation:%20https://evil.example"))
	f.Add(get(http.MethodGet, "//evil.example/return/shop/main?authState=state-of-weekly&authCode=c"))
	f.Add(get(http.MethodGet, "/return/shop/../shop/main?authState=state-of-weekly&authCode=c"))
	f.Add(get(http.MethodGet, "http://evil.example/return/shop/main?authState=state-of-weekly&authCode=c"))
	f.Add(get(http.MethodHead, returnPath("code", "weekly")))
	f.Add(get(http.MethodPost, returnPath("code", "weekly"), "Content-Length: 0"))
	f.Add(get(http.MethodGet, "/return/shop/main?authState=state-of-weekly;authCode=c&&=&%"))
	d := returnDoor()
	f.Fuzz(func(t *testing.T, text []byte) {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		recorder := httptest.NewRecorder()
		d.ServeHTTP(recorder, request)
		response := recorder.Result()
		agreement, code := plainReturn(request)
		if _, isReturn := returnAccount(request.RequestURI); isReturn {
			page := ""
			if agreement != "" {
				page = shopPage(agreement)
			}
			expectAnswer(t, response, page)
		} else if location := response.Header.Get("Location"); location != "" || response.StatusCode >= http.StatusInternalServerError {
			t.Errorf("answer = %s, Location %q", response.Status, location)
		}
		if log := d.log(); log != "" {
			t.Errorf("logged %s", log)
		}
		if len(d.written()) == 0 {
			return
		}
		if kept := d.codes(t); len(kept) != 1 || !slices.Equal(kept[agreement], []string{code}) || agreement == "ready" || agreement == "ended" {
			t.Errorf("codes %q were kept, want %q for %q alone", kept, code, agreement)
		}
		d = returnDoor() // what is stored does not pile up
	})
}

// plainReturn is the agreement that a request may return to, by the plain rule, and the code it brings.
func plainReturn(request *http.Request) (agreement, code string) {
	address, query, _ := strings.Cut(request.RequestURI, "?")
	values, err := url.ParseQuery(query)
	if err != nil || request.Method != http.MethodGet || !strings.HasSuffix(address, "/return/shop/main") || len(request.RequestURI) > 4096 ||
		len(values["authState"]) != 1 || len(values["authCode"]) > 1 {
		return "", ""
	}
	code = values.Get("authCode")
	if len(code) > 128 || strings.ContainsFunc(code, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return "", ""
	}
	for name, state := range consentStates {
		if values.Get("authState") == state && !slices.Contains([]string{"direct", "elsewhere", "abroad"}, name) {
			return name, code
		}
	}
	return "", ""
}
