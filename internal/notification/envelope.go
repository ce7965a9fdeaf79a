package notification

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// MaxBody is the longest body that is accepted, in bytes. The documented notifications have less than a tenth.
const MaxBody = 64 << 10

// maxEnvelope bounds an annotation's value: a body of which every byte is escaped, and the rest.
const maxEnvelope = 6*MaxBody + 16<<10

// Envelope is a notification exactly as the gateway signed it, and the form in which an annotation holds it.
type Envelope struct {
	// URI is path and query as the gateway called and signed them.
	URI string `json:"uri"`
	// ClientID is the Client-Id header.
	ClientID string `json:"clientId"`
	// RequestTime is the literal text of the Request-Time header.
	RequestTime string `json:"requestTime"`
	// Signature is the Signature header.
	Signature string `json:"signature"`
	// Body holds the exact bytes. It is empty where a Secret holds them.
	Body string `json:"body,omitempty"`
	// BodySecretName names the Secret that holds the body, because it carries a credential.
	BodySecretName string `json:"bodySecretName,omitempty"`
	// ReceivedAt is when the receiver accepted it, in RFC 3339. Nothing signs it, and nothing but a metric uses it.
	ReceivedAt string `json:"receivedAt,omitempty"`
}

var errEnvelope = errors.New("the annotation is no notification envelope")

// Parse reads an annotation's value.
func Parse(value string) (Envelope, error) {
	var envelope Envelope
	if len(value) > maxEnvelope {
		return envelope, fmt.Errorf("%w: it is too long", errEnvelope)
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&envelope); err != nil {
		return envelope, fmt.Errorf("%w: it must be a JSON object with uri, clientId, requestTime, signature and body", errEnvelope)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return envelope, fmt.Errorf("%w: something follows the JSON object", errEnvelope)
	}
	if (envelope.Body == "") == (envelope.BodySecretName == "") {
		return envelope, fmt.Errorf("%w: it must have either body or bodySecretName", errEnvelope)
	}
	return envelope, nil
}

// Value is the annotation's value. The body must be valid UTF-8, which JSON is.
func (e Envelope) Value() (string, error) {
	if !utf8.ValidString(e.Body) {
		return "", errors.New("the body is not UTF-8")
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return "", err
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// errOtherSigned is something that the gateway signed and that is no notification.
var errOtherSigned = errors.New("it is an answer of the gateway's interface, and no notification")

// Verify returns nil if one of keys, the gateway's, signed exactly this body as a notification to this client.
func (e Envelope) Verify(body []byte, keys ...*rsa.PublicKey) error {
	// The gateway signs its answers with the same key: what it answered must not be passed off as what it announced.
	if strings.HasPrefix(e.URI, "/ams/api/") || strings.HasPrefix(e.URI, "/ams/sandbox/api/") {
		return errOtherSigned
	}
	return alipay.Verify(alipay.Message{URI: e.URI, ClientID: e.ClientID, Time: e.RequestTime, Body: body}, e.Signature, keys...)
}

// Keys parses the gateway's public keys of an account. Parsed keys are cached.
func Keys(account *apiv1.MerchantAccount) ([]*rsa.PublicKey, error) {
	keys := make([]*rsa.PublicKey, 0, len(account.Spec.AlipayPublicKeys))
	for i, text := range account.Spec.AlipayPublicKeys {
		key, err := alipay.ParsePublicKey([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("spec.alipayPublicKeys[%d]: %w", i, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// readableType are the types that may be part of an annotation's name.
var readableType = regexp.MustCompile(`^[A-Z][A-Z_]{0,30}[A-Z]$`)

// bodyHash tells notifications apart. There is no notification id, and each time that one is sent again it has another time and
// signature, but the same body.
func bodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:6])
}

// annotationName is the annotation for a notification: the same for each time that it is sent, another for another one.
func annotationName(kind string, body []byte) string {
	if !readableType.MatchString(kind) {
		kind = "OTHER"
	}
	return apiv1.NotificationAnnotation + "-" + kind + "-" + bodyHash(body)
}

// MayHoldBody reports whether a Secret's name is one that the receiver gives to the body of a notification about an object.
func MayHoldBody(obj client.Object, secretName string) bool {
	prefix := bodySecretPrefix(obj)
	return strings.HasPrefix(secretName, prefix) && len(secretName) == len(prefix)+len(bodyHash(nil))
}
