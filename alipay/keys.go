package alipay

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

const (
	minKeyBits = 2048 // the only documented size, docs.antom.com/ac/ref/key_config
	maxKeyBits = 4096 // larger keys make every call slow and are no documented form

	// maxKeyText bounds the work done for a text that is no key. A 4096-bit key in PEM has about 3.3 kB.
	maxKeyText = 64 << 10

	wantPrivateKey = "supply the 2048-bit RSA private key that signs requests, unencrypted, as PEM or bare base64 (PKCS#8 or PKCS#1)"
	wantPublicKey  = "supply Alipay's 2048-bit RSA public key from the dashboard, as PEM or bare base64 (SubjectPublicKeyInfo or PKCS#1)"
)

// ParsePrivateKey reads the RSA key that signs requests, from PEM or bare base64, PKCS#8 or PKCS#1, with or
// without line breaks and surrounding space: every form that the dashboard and the official SDKs know.
//
// The error for anything else names what was found and what to supply, and never holds a byte of the text.
// Parsed keys are cached, so callers may parse on every use; the returned key is shared and must not be changed.
// See docs.antom.com/ac/ref/key_config.
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	return privateKeys.get(text, func() (*rsa.PrivateKey, error) {
		found, name := identifyKey(text)
		key, ok := found.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("no usable private key: found %s; %s", name, wantPrivateKey)
		}
		if err := checkBits(key.N.BitLen()); err != nil {
			return nil, fmt.Errorf("no usable private key: %w; %s", err, wantPrivateKey)
		}
		return key, nil
	})
}

// ParsePublicKey reads the RSA key that verifies answers and notifications, from PEM ("PUBLIC KEY" or
// "RSA PUBLIC KEY") or bare base64. A certificate is refused by name: the gateway does not issue any, so one in
// this place is a mistake. Caching and errors are as for [ParsePrivateKey].
func ParsePublicKey(text []byte) (*rsa.PublicKey, error) {
	return publicKeys.get(text, func() (*rsa.PublicKey, error) {
		found, name := identifyKey(text)
		key, ok := found.(*rsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("no usable public key: found %s; %s", name, wantPublicKey)
		}
		if err := checkBits(key.N.BitLen()); err != nil {
			return nil, fmt.Errorf("no usable public key: %w; %s", err, wantPublicKey)
		}
		return key, nil
	})
}

// Fingerprint names a public key without revealing it: "SHA256:" and the unpadded base64 of the SHA-256 over its
// SubjectPublicKeyInfo, the text between the armour lines of a "PUBLIC KEY" PEM. A nil key has none: "".
func Fingerprint(key *rsa.PublicKey) string {
	if key == nil || key.N == nil {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func checkBits(bits int) error {
	switch {
	case bits < minKeyBits:
		return fmt.Errorf("key has %d bits, needs %d", bits, minKeyBits)
	case bits > maxKeyBits:
		return fmt.Errorf("key has %d bits, needs %d (at most %d)", bits, minKeyBits, maxKeyBits)
	}
	return nil
}

// armour finds PEM armour even where the line breaks were lost, as happens to a PEM in an environment variable.
var armour = regexp.MustCompile(`-----(BEGIN|END) ([A-Z0-9 ]+)-----`)

// labelNames are the PEM labels that settle the matter before the content is looked at.
var labelNames = map[string]string{
	"CERTIFICATE":           "a certificate",
	"CERTIFICATE REQUEST":   "a certificate request",
	"DSA PRIVATE KEY":       "a DSA private key",
	"EC PRIVATE KEY":        "an EC private key",
	"EC PARAMETERS":         "an EC private key",
	"ENCRYPTED PRIVATE KEY": "an encrypted PEM",
	"OPENSSH PRIVATE KEY":   "an OpenSSH private key",
}

// identifyKey returns the RSA key in text, or nil, and in any case a name for what text holds.
func identifyKey(text []byte) (key any, name string) {
	if len(text) > maxKeyText {
		return nil, "a text too long for a key"
	}
	content := strings.TrimSpace(string(text))
	if content == "" {
		return nil, "an empty text"
	}
	if strings.Contains(content, "-----BEGIN") {
		var err error
		if content, err = dearmour(content); err != nil {
			return nil, err.Error()
		}
	}
	der, err := base64.StdEncoding.DecodeString(removeSpace(content))
	if err != nil {
		return nil, "text that is neither PEM nor base64"
	}
	return identifyDER(der)
}

// dearmour returns the base64 of a text that holds one PEM block. Its errors are names for what was found instead.
func dearmour(content string) (string, error) {
	marks := armour.FindAllStringSubmatchIndex(content, -1)
	part := func(mark, group int) string { return content[marks[mark][2*group]:marks[mark][2*group+1]] }
	if len(marks) > 0 {
		if name, ok := labelNames[part(0, 2)]; ok {
			return "", errors.New(name)
		}
	}
	if len(marks) < 2 || part(0, 1) != "BEGIN" || part(1, 1) != "END" || part(0, 2) != part(1, 2) {
		return "", errors.New("an incomplete PEM")
	}
	if len(marks) > 2 {
		return "", errors.New("several PEM blocks")
	}
	body := content[marks[0][1]:marks[1][0]]
	if strings.Contains(body, "ENCRYPTED") {
		return "", errors.New("an encrypted PEM")
	}
	return body, nil
}

// removeSpace also drops a backslash followed by n or r, which is what becomes of a line break in a badly quoted
// variable. Base64 has no backslash, so nothing else is lost.
func removeSpace(s string) string {
	s = strings.NewReplacer(`\n`, "", `\r`, "").Replace(s)
	return strings.Join(strings.Fields(s), "")
}

func identifyDER(der []byte) (key any, name string) {
	if parsed, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		switch parsed := parsed.(type) {
		case *rsa.PrivateKey:
			return parsed, "a private key"
		case *ecdsa.PrivateKey, *ecdh.PrivateKey:
			return nil, "an EC private key"
		case ed25519.PrivateKey:
			return nil, "an Ed25519 private key"
		}
		return nil, "a private key that is not RSA"
	}
	if parsed, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return parsed, "a private key"
	}
	if parsed, err := x509.ParsePKIXPublicKey(der); err == nil {
		if key, ok := parsed.(*rsa.PublicKey); ok {
			return key, "a public key"
		}
		return nil, "a public key that is not RSA"
	}
	if parsed, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return parsed, "a public key"
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return nil, "an EC private key"
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		return nil, "a certificate"
	}
	if isEncryptedPKCS8(der) {
		return nil, "an encrypted private key"
	}
	return nil, "base64 that is no DER key"
}

// isEncryptedPKCS8 recognises EncryptedPrivateKeyInfo of RFC 5208: an algorithm and an octet string.
func isEncryptedPKCS8(der []byte) bool {
	var info struct {
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Data []byte
	}
	rest, err := asn1.Unmarshal(der, &info)
	return err == nil && len(rest) == 0
}

var (
	privateKeys keyCache[*rsa.PrivateKey]
	publicKeys  keyCache[*rsa.PublicKey]
)

// maxCachedKeys is far above the number of merchant accounts that one process serves.
const maxCachedKeys = 1024

// keyCache keeps parsed keys by the SHA-256 of their text. Parsing an RSA private key costs about a hundred times a
// look-up, and callers parse on every pass.
type keyCache[K any] struct {
	mu   sync.RWMutex
	keys map[[sha256.Size]byte]K
}

func (c *keyCache[K]) get(text []byte, parse func() (K, error)) (K, error) {
	sum := sha256.Sum256(text)
	c.mu.RLock()
	key, ok := c.keys[sum]
	c.mu.RUnlock()
	if ok {
		return key, nil
	}
	key, err := parse()
	if err != nil {
		var none K
		return none, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = make(map[[sha256.Size]byte]K) // starting afresh is rare, and keeps no key that nobody asks for
	}
	c.keys[sum] = key
	return key, nil
}
