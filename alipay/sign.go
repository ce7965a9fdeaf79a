package alipay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrBadSignature means that no given key made the signature, or that the header is not of the documented form.
var ErrBadSignature = errors.New("signature does not verify")

// signatureAlgorithm is the header's name for RSASSA-PKCS1-v1_5 with SHA-256, the only one AMS uses.
const signatureAlgorithm = "RSA256"

// maxSignatureHeader bounds the work for a header from the network. A 4096-bit signature with every character
// escaped has about 2100 characters.
const maxSignatureHeader = 4096

// Message is what a signature covers: a request, an answer, or a notification. The method is always POST.
// See docs.antom.com/ac/ams/digital_signature.
type Message struct {
	// URI is path and query as requested, for example "/ams/api/v1/payments/pay". For an answer it is that of
	// its request; for a notification that of our own notification URL, as the gateway calls it.
	URI string

	// ClientID is the Client-Id header.
	ClientID string

	// Time is the literal text of the Request-Time or response-time header. It is never reformatted.
	Time string

	// Body holds the exact bytes on the wire.
	Body []byte
}

// Sign returns the Signature header for m: "algorithm=RSA256,keyVersion=1,signature=<url-encoded base64>".
// The same message and key always give the same header.
func Sign(key *rsa.PrivateKey, keyVersion int, m Message) (header string, err error) {
	if key == nil {
		return "", errors.New("signing: no private key")
	}
	if keyVersion < 1 {
		return "", fmt.Errorf("signing: key version %d, needs at least 1", keyVersion)
	}
	if err := m.check(); err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, m.digest())
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return "algorithm=" + signatureAlgorithm + ",keyVersion=" + strconv.Itoa(keyVersion) +
		",signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), nil
}

// Verify returns nil if one of keys made the signature in signatureHeader over m, else an error that
// [ErrBadSignature] matches.
//
// The algorithm must be RSA256 in either case; pairs may come in any order and with space after the commas;
// escapes may be in either case; a signature that is not URL-encoded is refused. keyVersion may be missing and
// selects nothing: the caller gives all keys that may be in use.
func Verify(m Message, signatureHeader string, keys ...*rsa.PublicKey) error {
	signature, err := parseSignatureHeader(signatureHeader)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	digest := m.digest()
	tried := 0
	for _, key := range keys {
		if key == nil {
			continue
		}
		tried++
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil {
			return nil
		}
	}
	if tried == 0 {
		return fmt.Errorf("%w: no public key to verify with", ErrBadSignature)
	}
	return fmt.Errorf("%w: not made by any of %d known keys over this message", ErrBadSignature, tried)
}

// digest is the SHA-256 of the documented text: "POST <uri>\n<client-id>.<time>.<body>".
func (m Message) digest() []byte {
	h := sha256.New()
	_, _ = io.WriteString(h, "POST "+m.URI+"\n"+m.ClientID+"."+m.Time+".") // a hash never fails to write
	_, _ = h.Write(m.Body)
	return h.Sum(nil)
}

// check refuses parts that could run into one another in the signed text. Without it, whoever holds one signed
// message could move the start of its body into the time header and have another body verified.
func (m Message) check() error {
	if !strings.HasPrefix(m.URI, "/") || strings.ContainsFunc(m.URI, notGraphic) {
		return errors.New("the URI is no path in printable ASCII")
	}
	if m.ClientID == "" || strings.ContainsFunc(m.ClientID, notGraphic) || strings.Contains(m.ClientID, ".") {
		return errors.New("the client id is empty, or has a dot or a character outside printable ASCII")
	}
	if m.Time == "" || strings.ContainsFunc(m.Time, notInTime) {
		return errors.New("the time is empty, or has a character that no time has")
	}
	return nil
}

func notGraphic(r rune) bool { return r <= ' ' || r > '~' }

func notInTime(r rune) bool {
	isLetterOrDigit := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	return !isLetterOrDigit && !strings.ContainsRune("+-.:", r)
}

// parseSignatureHeader returns the signature's bytes.
func parseSignatureHeader(header string) ([]byte, error) {
	if len(header) > maxSignatureHeader {
		return nil, errors.New("the header is too long")
	}
	pairs := make(map[string]string, 3)
	for pair := range strings.SplitSeq(header, ",") {
		name, value, ok := strings.Cut(strings.Trim(pair, " "), "=")
		if !ok || name == "" {
			return nil, errors.New("the header is no list of name=value pairs")
		}
		if _, twice := pairs[name]; twice {
			return nil, errors.New("the header has a pair twice")
		}
		pairs[name] = value
	}
	if !strings.EqualFold(pairs["algorithm"], signatureAlgorithm) {
		return nil, errors.New("the header's algorithm is not " + signatureAlgorithm)
	}
	if version, ok := pairs["keyVersion"]; ok {
		if _, err := strconv.ParseUint(version, 10, 31); err != nil {
			return nil, errors.New("the header's keyVersion is no whole number")
		}
	}
	return decodeSignature(pairs["signature"])
}

// decodeSignature accepts one text for each signature, but for needless escapes and their case.
func decodeSignature(value string) ([]byte, error) {
	if value == "" {
		return nil, errors.New("the header has no signature")
	}
	if strings.ContainsAny(value, "+/=") {
		return nil, errors.New("the header's signature is not URL-encoded")
	}
	text, err := url.PathUnescape(value)
	if err != nil {
		return nil, errors.New("the header's signature has a broken escape")
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(signature) != text { // the decoder skips line breaks
		return nil, errors.New("the header's signature is no base64")
	}
	return signature, nil
}

// ParseTime reads a Request-Time or response-time header, in any of the forms that the gateway, its documents and
// its SDKs use: 13-digit epoch milliseconds, or ISO 8601 with seconds, an optional fraction, and an offset that
// is Z or has a colon or has none. The result is in UTC.
func ParseTime(s string) (time.Time, error) {
	if len(s) == 13 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		ms, err := strconv.ParseInt(s, 10, 64)
		if err == nil {
			return time.UnixMilli(ms).UTC(), nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("time is neither 13-digit epoch milliseconds nor ISO 8601 with an offset")
}
