package notification

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// acceptedPolicies are the policy vectors whose defect is none to our verifier, on purpose: the algorithm's name in lower case, and the
// header's pairs in another order.
var acceptedPolicies = []string{"policy-lowercase-algorithm", "policy-reordered-pairs"}

func invalidVectors(t *testing.T) []vector {
	t.Helper()
	f := loadVectors()
	if len(f.NegativeVectors) == 0 || len(f.PolicyVectors) == 0 {
		t.Fatal("no vectors")
	}
	return slices.Concat(f.NegativeVectors, f.PolicyVectors)
}

func parentOf(t *testing.T, v vector) vector {
	t.Helper()
	f := loadVectors()
	i := slices.IndexFunc(f.Vectors, func(p vector) bool { return p.ID == v.DerivedFrom })
	if i < 0 {
		t.Fatalf("vector %s is derived from %q, which is not there", v.ID, v.DerivedFrom)
	}
	return f.Vectors[i]
}

func TestVectorsAreRefusedAtTheDoorAsTheyStand(t *testing.T) {
	for _, v := range invalidVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			// Everything but the signature fits: client, key, and an address that begins with the path of the vector.
			_, path, isURL := strings.Cut(strings.TrimPrefix(v.URI, "https://"), "/")
			if path = "/" + path; !isURL {
				t.Fatal("no path")
			}
			d := newDoor(func(account *apiv1.MerchantAccount) {
				account.Spec.ClientID = v.ClientID
				account.Spec.AlipayPublicKeys = []string{loadVectors().Keys[v.Signer].PublicKeyPem}
				account.Spec.NotificationBaseURL = "https://shop.example.test" + path
			})
			address := d.listen(t)
			for _, to := range []string{v.URI, path, path + testPath, testPath} {
				l := letter{path: to, clientID: v.ClientID, requestTime: v.Time, signature: v.SignatureHeader, body: v.Body}
				if answer := withoutDate(exchange(t, address, l.text())); answer != constantRefusal {
					t.Errorf("sent to %s: %s", to, answer)
				}
			}
			d.expectWrites(t)
			// Nor does anybody believe it who finds it in an annotation. The policies that our verifier accepts are signed requests of a
			// merchant, and no notifications.
			message := alipay.Message{URI: v.URI, ClientID: v.ClientID, Time: v.Time, Body: []byte(v.Body)}
			key, err := alipay.ParsePublicKey([]byte(loadVectors().Keys[v.Signer].PublicKeyPem))
			if err != nil {
				t.Fatal(err)
			}
			genuine := slices.Contains(acceptedPolicies, v.ID)
			if err := alipay.Verify(message, v.SignatureHeader, key); (err == nil) != genuine {
				t.Errorf("Verify = %v, want accepted: %t", err, genuine)
			}
			envelope := Envelope{URI: v.URI, ClientID: v.ClientID, RequestTime: v.Time, Signature: v.SignatureHeader, Body: v.Body}
			if err := envelope.Verify([]byte(v.Body), key); err == nil || genuine && !errors.Is(err, errOtherSigned) {
				t.Errorf("Envelope.Verify = %v", err)
			}
		})
	}
}

func TestAnAnswerOfTheGatewayIsNoNotification(t *testing.T) {
	for _, v := range loadVectors().Vectors {
		if v.Kind != "response" {
			continue
		}
		t.Run(v.ID, func(t *testing.T) {
			key, err := alipay.ParsePublicKey([]byte(loadVectors().Keys[v.Signer].PublicKeyPem))
			if err != nil {
				t.Fatal(err)
			}
			envelope := Envelope{URI: v.URI, ClientID: v.ClientID, RequestTime: v.Time, Signature: v.SignatureHeader, Body: v.Body}
			if err := envelope.Verify([]byte(v.Body), key); !errors.Is(err, errOtherSigned) {
				t.Errorf("Verify = %v, want errOtherSigned", err)
			}
		})
	}
}

// transpose gives a notification the defect that a vector has, compared with its parent.
func transpose(t *testing.T, parent, v vector, good letter) (bad letter) {
	t.Helper()
	bad = good
	if v.Body != parent.Body {
		if bad.body = compact(t, good.body); compact(t, v.Body) != compact(t, parent.Body) {
			bad.body = strings.Replace(good.body, "25800", "25801", 1)
		}
	}
	switch {
	case strings.HasPrefix(v.URI, "https://"):
		bad.path = "https://pay.example.test" + good.path
	case v.URI != parent.URI: // signed for the sandbox
		bad.signed = "/sandbox" + good.signed
		bad.signature = bad.sign().signature
	}
	if v.Time != parent.Time {
		bad.requestTime = strings.Replace(good.requestTime, ":00+", ":01+", 1)
	}
	if v.ClientID != parent.ClientID {
		bad.clientID = v.ClientID
	}
	if v.SignatureHeader != parent.SignatureHeader {
		bad.signature = transposeSignature(t, parent, v, good)
	}
	if v.Signer == parent.Signer && bad == good {
		t.Fatal("the vector differs in nothing from its parent")
	}
	return bad
}

// transposeSignature writes the signature of good where the vector's header has the one of its parent, in the same form.
func transposeSignature(t *testing.T, parent, v vector, good letter) string {
	t.Helper()
	_, encoded, _ := strings.Cut(good.signature, "signature=")
	plain, err := url.QueryUnescape(encoded)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := base64.StdEncoding.DecodeString(plain)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := base64.StdEncoding.DecodeString(v.SignatureBase64)
	if err != nil {
		t.Fatal(err)
	}
	header := v.SignatureHeader
	header = strings.ReplaceAll(header, parent.SignatureURLEncoded, encoded)
	header = strings.ReplaceAll(header, parent.SignatureBase64, plain)
	if len(cut) > 0 && len(cut) < len(bytes) {
		header = strings.ReplaceAll(header, v.SignatureURLEncoded, url.QueryEscape(base64.StdEncoding.EncodeToString(bytes[:len(cut)])))
	}
	return header
}

func TestDefectsOfTheVectorsAreRefusedInANotification(t *testing.T) {
	for _, v := range invalidVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			parent := parentOf(t, v)
			good := written(strings.ReplaceAll(paidBody, ",", ",\n  "))
			bad := transpose(t, parent, v, good)
			keys := []string{loadVectors().Keys["gateway"].PublicKeyPem}
			if v.Signer != parent.Signer { // the account has another key than that of the gateway
				keys = []string{loadVectors().Keys[v.Signer].PublicKeyPem}
			}
			d := newDoor(func(account *apiv1.MerchantAccount) { account.Spec.AlipayPublicKeys = keys })
			address := d.listen(t)
			answer := exchange(t, address, bad.text())
			if slices.Contains(acceptedPolicies, v.ID) {
				if !acknowledges(t, answer) {
					t.Errorf("what our verifier accepts on purpose was refused: %s", answer)
				}
				d.expectWrites(t, "patch order")
				return
			}
			if withoutDate(answer) != constantRefusal {
				t.Errorf("answer = %s", answer)
			}
			d.expectWrites(t)

			// The same without the defect.
			account := &apiv1.MerchantAccount{}
			d.get(t, "main", account)
			account.Spec.AlipayPublicKeys = []string{keys[0], loadVectors().Keys["gateway"].PublicKeyPem}
			if err := d.api.Update(t.Context(), account); err != nil {
				t.Fatal(err)
			}
			if answer := exchange(t, address, good.text()); !acknowledges(t, answer) {
				t.Errorf("without the defect: %s", answer)
			}
			d.expectWrites(t, "patch order")
		})
	}
}
