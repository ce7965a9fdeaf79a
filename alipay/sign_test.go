package alipay

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// vectorFile is testdata/signature-vectors.json: made with openssl and confirmed with the official SDKs.
type vectorFile struct {
	Keys            map[string]vectorKeys `json:"keys"`
	Vectors         []vector              `json:"vectors"`
	NegativeVectors []vector              `json:"negativeVectors"`
	PolicyVectors   []vector              `json:"policyVectors"`
}

type vectorKeys struct {
	PrivateKeyPem         string `json:"privateKeyPem"`
	PrivateKeyPkcs1Pem    string `json:"privateKeyPkcs1Pem"`
	PrivateKeyPkcs8Base64 string `json:"privateKeyPkcs8Base64"`
	PublicKeyPem          string `json:"publicKeyPem"`
	PublicKeySpkiBase64   string `json:"publicKeySpkiBase64"`
}

type vector struct {
	ID                 string `json:"id"`
	Kind               string `json:"kind"`
	Expect             string `json:"expect"`
	Signer             string `json:"signer"`
	Method             string `json:"method"`
	URI                string `json:"uri"`
	ClientID           string `json:"clientId"`
	Time               string `json:"time"`
	Body               string `json:"body"`
	StringToSignBase64 string `json:"stringToSignBase64"`
	SignatureBase64    string `json:"signatureBase64"`
	SignatureHeader    string `json:"signatureHeader"`
}

func (v vector) message() Message {
	return Message{URI: v.URI, ClientID: v.ClientID, Time: v.Time, Body: []byte(v.Body)}
}

func loadVectors(tb testing.TB) vectorFile {
	tb.Helper()
	raw, err := os.ReadFile("testdata/signature-vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(raw, &f); err != nil {
		tb.Fatal(err)
	}
	return f
}

func mustPrivateKey(tb testing.TB, text string) *rsa.PrivateKey {
	tb.Helper()
	key, err := ParsePrivateKey([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func mustPublicKey(tb testing.TB, text string) *rsa.PublicKey {
	tb.Helper()
	key, err := ParsePublicKey([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestValidVectorsVerifyAndAreReproducedByteForByte(t *testing.T) {
	// These headers are valid but not the one form that Sign writes.
	notCanonical := map[string]bool{"resp-lowercase-percent": true, "resp-header-with-spaces": true}
	f := loadVectors(t)
	if len(f.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range f.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			if v.Expect != "valid" || v.Method != "POST" {
				t.Fatalf("a vector of an unknown sort: expect %q, method %q", v.Expect, v.Method)
			}
			keys, m := f.Keys[v.Signer], v.message()
			want, err := base64.StdEncoding.DecodeString(v.StringToSignBase64)
			if err != nil {
				t.Fatal(err)
			}
			if got := []byte("POST " + m.URI + "\n" + m.ClientID + "." + m.Time + "." + string(m.Body)); !bytes.Equal(got, want) {
				t.Fatalf("text to sign = %q, want %q", got, want)
			}
			for name, public := range map[string]string{"PEM": keys.PublicKeyPem, "base64": keys.PublicKeySpkiBase64} {
				if err := Verify(m, v.SignatureHeader, mustPublicKey(t, public)); err != nil {
					t.Errorf("verifying with the %s key: %v", name, err)
				}
			}
			version := 1
			if strings.Contains(v.SignatureHeader, "keyVersion=2") {
				version = 2
			}
			for name, private := range map[string]string{
				"PKCS#8 PEM": keys.PrivateKeyPem, "PKCS#1 PEM": keys.PrivateKeyPkcs1Pem, "PKCS#8 base64": keys.PrivateKeyPkcs8Base64,
			} {
				header, err := Sign(mustPrivateKey(t, private), version, m)
				if err != nil {
					t.Fatal(err)
				}
				if (header == v.SignatureHeader) == notCanonical[v.ID] {
					t.Errorf("signing with the %s key gives %q, the vector has %q", name, header, v.SignatureHeader)
				}
				made, err := parseSignatureHeader(header)
				if err != nil {
					t.Fatal(err)
				}
				if got := base64.StdEncoding.EncodeToString(made); got != v.SignatureBase64 {
					t.Errorf("signature with the %s key = %s, want %s", name, got, v.SignatureBase64)
				}
			}
		})
	}
}

func TestNegativeVectorsAreRefused(t *testing.T) {
	f := loadVectors(t)
	if len(f.NegativeVectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range f.NegativeVectors {
		t.Run(v.ID, func(t *testing.T) {
			if v.Expect != "invalid" || v.Method != "POST" {
				t.Fatalf("a vector of an unknown sort: expect %q, method %q", v.Expect, v.Method)
			}
			err := Verify(v.message(), v.SignatureHeader, mustPublicKey(t, f.Keys[v.Signer].PublicKeyPem))
			if !errors.Is(err, ErrBadSignature) {
				t.Errorf("Verify = %v, want ErrBadSignature", err)
			}
		})
	}
}

func TestPolicyVectorsAreDecidedAsDocumented(t *testing.T) {
	accept := map[string]bool{
		"policy-unknown-algorithm":   false,
		"policy-lowercase-algorithm": true,
		"policy-reordered-pairs":     true,
	}
	f := loadVectors(t)
	if len(f.PolicyVectors) != len(accept) {
		t.Errorf("the file has %d policy vectors, decisions exist for %d", len(f.PolicyVectors), len(accept))
	}
	for _, v := range f.PolicyVectors {
		t.Run(v.ID, func(t *testing.T) {
			want, decided := accept[v.ID]
			if !decided || v.Expect != "policy" || v.Method != "POST" {
				t.Fatal("no decision for this vector")
			}
			err := Verify(v.message(), v.SignatureHeader, mustPublicKey(t, f.Keys[v.Signer].PublicKeyPem))
			if (err == nil) != want {
				t.Errorf("Verify = %v, want accepted: %v", err, want)
			}
		})
	}
}
