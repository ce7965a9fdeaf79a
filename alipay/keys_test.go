package alipay

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

func pemText(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wrap(text string, width int) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), "\r\n")
}

func TestEveryFormOfAKeyGivesTheSameKey(t *testing.T) {
	keys := loadVectors(t).Keys["merchant"]
	want := mustPrivateKey(t, keys.PrivateKeyPem)
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(want))
	public1 := x509.MarshalPKCS1PublicKey(&want.PublicKey)
	oneLine := strings.ReplaceAll(keys.PrivateKeyPem, "\n", " ")

	private := []struct{ name, text string }{
		{"PKCS#8 PEM", keys.PrivateKeyPem},
		{"PKCS#1 PEM", keys.PrivateKeyPkcs1Pem},
		{"bare base64 PKCS#8", keys.PrivateKeyPkcs8Base64},
		{"bare base64 PKCS#8 with line breaks", wrap(keys.PrivateKeyPkcs8Base64, 64)},
		{"bare base64 PKCS#1", pkcs1},
		{"bare base64 PKCS#1 with line breaks and space around", "\n\t " + wrap(pkcs1, 76) + " \n"},
		{"PEM with space around", "\n  " + keys.PrivateKeyPem + "\n\n"},
		{"PEM with Windows line breaks", strings.ReplaceAll(keys.PrivateKeyPem, "\n", "\r\n")},
		{"PEM whose line breaks became spaces", oneLine},
		{"PEM whose line breaks became backslash n", strings.ReplaceAll(keys.PrivateKeyPem, "\n", `\n`)},
		{"PKCS#8 in PKCS#1 armour, as two SDKs write it", "-----BEGIN RSA PRIVATE KEY-----\n" + keys.PrivateKeyPkcs8Base64 + "\n-----END RSA PRIVATE KEY-----"},
	}
	for _, tt := range private {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustPrivateKey(t, tt.text); !got.Equal(want) {
				t.Error("another key")
			}
		})
	}
	public := []struct{ name, text string }{
		{"PUBLIC KEY PEM", keys.PublicKeyPem},
		{"RSA PUBLIC KEY PEM", pemText("RSA PUBLIC KEY", public1)},
		{"bare base64 SubjectPublicKeyInfo", keys.PublicKeySpkiBase64},
		{"bare base64 with line breaks", wrap(keys.PublicKeySpkiBase64, 64)},
		{"bare base64 PKCS#1", base64.StdEncoding.EncodeToString(public1)},
	}
	for _, tt := range public {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustPublicKey(t, tt.text); !got.Equal(&want.PublicKey) {
				t.Error("another key")
			}
		})
	}
}

func TestWrongKeyIsNamedAndNeverShown(t *testing.T) {
	keys := loadVectors(t).Keys["merchant"]
	small := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	curve := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte { return must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key)) }
	spki := func(key any) []byte { return must[[]byte](t)(x509.MarshalPKIXPublicKey(key)) }
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, &curve.PublicKey, curve))
	encrypted := must[[]byte](t)(asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}}, make([]byte, 64)}))
	garbage := base64.StdEncoding.EncodeToString([]byte("This base64 is of no key at all, whatever one hopes for."))
	legacyEncrypted := strings.Replace(keys.PrivateKeyPkcs1Pem, "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1)

	tests := []struct {
		name, text  string
		wantPrivate string // part of the error of ParsePrivateKey
		wantPublic  string
	}{
		{"public key", keys.PublicKeyPem, "found a public key", ""},
		{"bare public key", keys.PublicKeySpkiBase64, "found a public key", ""},
		{"private key", keys.PrivateKeyPem, "", "found a private key"},
		{"bare private key", keys.PrivateKeyPkcs8Base64, "", "found a private key"},
		{"EC private key", pemText("PRIVATE KEY", pkcs8(curve)), "found an EC private key", "found an EC private key"},
		{"EC private key of openssl", pemText("EC PRIVATE KEY", must[[]byte](t)(x509.MarshalECPrivateKey(curve))), "found an EC private key", "found an EC private key"},
		{"bare EC private key", base64.StdEncoding.EncodeToString(must[[]byte](t)(x509.MarshalECPrivateKey(curve))), "found an EC private key", "found an EC private key"},
		{"Ed25519 private key", pemText("PRIVATE KEY", pkcs8(edwards)), "found an Ed25519 private key", "found an Ed25519 private key"},
		{"EC public key", pemText("PUBLIC KEY", spki(&curve.PublicKey)), "found a public key that is not RSA", "found a public key that is not RSA"},
		{"certificate", pemText("CERTIFICATE", certificate), "found a certificate", "found a certificate"},
		{"bare certificate", base64.StdEncoding.EncodeToString(certificate), "found a certificate", "found a certificate"},
		{"encrypted PKCS#8", pemText("ENCRYPTED PRIVATE KEY", encrypted), "found an encrypted PEM", "found an encrypted PEM"},
		{"bare encrypted PKCS#8", base64.StdEncoding.EncodeToString(encrypted), "found an encrypted private key", "found an encrypted private key"},
		{"encrypted PEM of old", legacyEncrypted, "found an encrypted PEM", "found an encrypted PEM"},
		{"OpenSSH private key", pemText("OPENSSH PRIVATE KEY", make([]byte, 64)), "found an OpenSSH private key", "found an OpenSSH private key"},
		{"small private key", pemText("PRIVATE KEY", pkcs8(small)), "key has 1024 bits, needs 2048", "found a private key"},
		{"small public key", pemText("PUBLIC KEY", spki(&small.PublicKey)), "found a public key", "key has 1024 bits, needs 2048"},
		{"no key", garbage, "found base64 that is no DER key", "found base64 that is no DER key"},
		{"no base64", "hunter2 is my secret!", "neither PEM nor base64", "neither PEM nor base64"},
		{"nothing", " \n", "found an empty text", "found an empty text"},
		{"half a PEM", keys.PrivateKeyPem[:len(keys.PrivateKeyPem)/2], "found an incomplete PEM", "found an incomplete PEM"},
		{"two PEM blocks", keys.PrivateKeyPem + keys.PublicKeyPem, "found several PEM blocks", "found several PEM blocks"},
		{"much too long", strings.Repeat("A", maxKeyText+1), "too long", "too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, privateErr := ParsePrivateKey([]byte(tt.text))
			checkKeyError(t, "ParsePrivateKey", privateErr, tt.wantPrivate, tt.text)
			_, publicErr := ParsePublicKey([]byte(tt.text))
			checkKeyError(t, "ParsePublicKey", publicErr, tt.wantPublic, tt.text)
		})
	}
}

func checkKeyError(t *testing.T, name string, err error, want, text string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "supply ") {
		t.Errorf("%s: error %v, want one with %q and what to supply", name, err, want)
		return
	}
	for _, line := range strings.Fields(text) { // any word of the text is too much
		if len(line) >= 12 && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
			t.Errorf("%s: the error shows %q", name, line)
		}
	}
}

func TestFingerprintIsThatOfOpenSSL(t *testing.T) {
	// openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
	keys := loadVectors(t).Keys["merchant"]
	want := "SHA256:NiwnAbjNt73/pB7WDYluxiaNobxA7Ve5ivdLR3hPUJQ"
	for _, text := range []string{keys.PublicKeyPem, keys.PublicKeySpkiBase64} {
		if got := Fingerprint(mustPublicKey(t, text)); got != want {
			t.Errorf("Fingerprint = %s, want %s", got, want)
		}
	}
	if got := Fingerprint(nil); got != "" {
		t.Errorf("Fingerprint(nil) = %q", got)
	}
}

func TestParsedKeysAreCachedWithinBounds(t *testing.T) {
	var cache keyCache[int]
	parsed := 0
	get := func(text string) {
		if _, err := cache.get([]byte(text), func() (int, error) { parsed++; return parsed, nil }); err != nil {
			t.Fatal(err)
		}
	}
	get("a")
	get("a")
	if parsed != 1 {
		t.Errorf("parsed %d times, want once", parsed)
	}
	for i := range 3 * maxCachedKeys {
		get(strings.Repeat("b", i))
	}
	if got := len(cache.keys); got > maxCachedKeys {
		t.Errorf("cache holds %d keys, want at most %d", got, maxCachedKeys)
	}
}

func TestKeysMayBeParsedConcurrently(t *testing.T) {
	keys := loadVectors(t).Keys["merchant"]
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := ParsePrivateKey([]byte(keys.PrivateKeyPem)); err != nil {
				t.Error(err)
			}
			if _, err := ParsePublicKey([]byte(keys.PublicKeyPem)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
