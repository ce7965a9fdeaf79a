package notification

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/types"
)

// arrival is a request that has the form of a notification. Nothing about it has been verified.
type arrival struct {
	account types.NamespacedName
	// requested is path and query as they arrived.
	requested   string
	clientID    string
	requestTime string
	signature   string
	body        []byte
}

var errForm = errors.New("the request has not the form of a notification")

// enter reads a request as far as it has the form of a notification.
func enter(r *http.Request) (*arrival, error) {
	a := &arrival{}
	var ok bool
	if a.account, ok = accountOf(r.RequestURI); !ok || r.Method != http.MethodPost {
		return nil, errForm
	}
	a.requested = r.RequestURI
	// A body of stated length, as it is: whoever signs it has all of it. Anything else is a way to be read differently by two readers.
	if len(r.TransferEncoding) > 0 || r.ContentLength <= 0 || r.ContentLength > MaxBody || len(r.Header["Content-Encoding"]) > 0 ||
		len(r.Header["Content-Type"]) > 1 || len(r.Header["Upgrade"]) > 0 {
		return nil, errForm
	}
	for name, value := range map[string]*string{"Client-Id": &a.clientID, "Request-Time": &a.requestTime, "Signature": &a.signature} {
		values := r.Header[name]
		if len(values) != 1 || strings.ContainsFunc(values[0], notASCII) {
			return nil, errForm
		}
		*value = values[0]
	}
	a.body = make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, a.body); err != nil {
		return nil, errForm
	}
	return a, nil
}

func notASCII(r rune) bool { return r > unicode.MaxASCII } // what is no UTF-8 counts as U+FFFD

// accountOf reads the account out of ".../notify/<namespace>/<merchantaccount>". What precedes it may be anything that a proxy has left or
// added: the signature covers the address that the gateway called.
func accountOf(requestURI string) (account types.NamespacedName, ok bool) {
	requested, _, _ := strings.Cut(requestURI, "?")
	parts := strings.Split(requested, "/")
	if len(parts) < 4 || parts[0] != "" || parts[len(parts)-3] != "notify" || path.Clean(requested) != requested {
		return account, false
	}
	account = types.NamespacedName{Namespace: parts[len(parts)-2], Name: parts[len(parts)-1]}
	return account, !strings.ContainsAny(account.Namespace+account.Name, "%*")
}
