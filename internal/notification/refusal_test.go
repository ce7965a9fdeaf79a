package notification

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

var testName, otherName = types.NamespacedName{Namespace: "shop", Name: "main"}, types.NamespacedName{Namespace: "shop", Name: "second"}

// forged is signed in the right form with a key that is not the gateway's.
func forged(body string) letter {
	key, err := alipay.ParsePrivateKey([]byte(loadVectors().Keys["other"].PrivateKeyPem))
	if err != nil {
		panic(err)
	}
	l := written(body)
	l.signature, err = alipay.Sign(key, 1, alipay.Message{URI: l.signed, ClientID: l.clientID, Time: l.requestTime, Body: []byte(body)})
	if err != nil {
		panic(err)
	}
	return l
}

func TestEveryRefusalLooksTheSame(t *testing.T) {
	unknownAccount := writtenTo("/notify/shop/nobody", paidBody)
	unknownNamespace := writtenTo("/notify/nowhere/main", paidBody)
	otherClient := written(paidBody)
	otherClient.clientID = "5Y00000000000001"
	otherClient = otherClient.sign()
	otherBody := written(paidBody)
	otherBody.body = strings.Replace(paidBody, "25800", "99900", 1)
	noSignature := written(paidBody)
	noSignature.signature = "algorithm=RSA256,keyVersion=1"
	tests := []struct {
		name string
		sent letter
	}{
		{"unknown account", unknownAccount},
		{"unknown namespace", unknownNamespace},
		{"a client that is not the account's", otherClient},
		{"a forged signature", forged(paidBody)},
		{"another body", otherBody},
		{"no signature", noSignature},
		{"signed for another account", letter{
			path: testPath, clientID: testClientID, requestTime: testTime, signature: unknownAccount.signature, body: paidBody,
		}},
		{"unknown payment", written(strings.NewReplacer("pr_1", "pr_2", "2099_1", "2099_2").Replace(paidBody))},
		{"unknown refund", written(`{"notifyType":"REFUND_RESULT","refundRequestId":"rf_2"}`)},
		{"an authorization", written(`{"authorizationNotifyType":"TOKEN_CANCELED","accessToken":"28100000tvaccess0001"}`)},
		{"about nothing", written(`{}`)},
		{"no JSON", written(`notifyType=PAYMENT_RESULT`)},
		{"no object", written(`["PAYMENT_RESULT"]`)},
		{"null", written(`null`)},
		{"no UTF-8", written(strings.Replace(paidBody, "25800", "258\xff0", 1))},
		{"a path that is no address", writtenTo("/healthz", paidBody)},
	}
	d := newDoor()
	address := d.listen(t)
	t.Run("refused", func(t *testing.T) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel() // an unknown object is looked for during a second
				if got := withoutDate(exchange(t, address, test.sent.text())); got != constantRefusal {
					t.Errorf("got  %q\nwant %q", got, constantRefusal)
				}
			})
		}
	})
	d.expectWrites(t)
	if answer := exchange(t, address, written(paidBody).text()); !acknowledges(t, answer) {
		t.Errorf("the genuine one: %s", answer)
	}
	d.expectWrites(t, "patch order")
}

func TestAddressIsTheOneThatTheGatewayCalled(t *testing.T) {
	tests := []struct {
		name                  string
		base, signed, arrived string
		accepted              bool
	}{
		{"no prefix", "https://h", testPath, testPath, true},
		{"base address ends with a slash", "https://h/", testPath, testPath, true},
		{"with a query", "https://h", testPath + "?shop=42", testPath + "?shop=42", true},
		{"a proxy takes the prefix away", "https://h/pay", "/pay" + testPath, testPath, true},
		{"a proxy takes half of the prefix away", "https://h/pay/hk", "/pay/hk" + testPath, "/hk" + testPath, true},
		{"a proxy leaves the prefix", "https://h/pay", "/pay" + testPath, "/pay" + testPath, true},
		{"a proxy adds a prefix", "https://h", testPath, "/internal" + testPath, true},
		{"a proxy takes the prefix away and leaves the query", "https://h/pay", "/pay" + testPath + "?a=1&b=%2F", testPath + "?a=1&b=%2F", true},
		{"the address is not on the account", "", "/hooks" + testPath, "/hooks" + testPath, true},

		{"signed with another prefix", "https://h", "/other" + testPath, testPath, false},
		{"signed with another prefix than the account's", "https://h/pay", "/other" + testPath, testPath, false},
		{"signed with another query", "https://h", testPath + "?shop=42", testPath + "?shop=43", false},
		{"signed without the query", "https://h", testPath, testPath + "?shop=42", false},
		{"signed with a query that is missing", "https://h", testPath + "?shop=42", testPath, false},
		{"signed for another account", "https://h", "/notify/shop/second", testPath, false},
		{"signed for the account's name in another namespace", "https://h", "/notify/second/main", testPath, false},
		{"signed for the gateway's own interface", "https://h/ams/api/v1", "/ams/api/v1" + testPath, testPath, false},
		{"two slashes", "https://h", testPath, "/" + testPath, false},
		{"two slashes within", "https://h", testPath, "/notify//shop/main", false},
		{"trailing slash", "https://h", testPath, testPath + "/", false},
		{"trailing slash, signed", "https://h", testPath + "/", testPath + "/", false},
		{"up and down", "https://h", testPath, "/x/.." + testPath, false},
		{"up within", "https://h", testPath, "/notify/shop/x/../main", false},
		{"up and down, signed", "https://h", "/x/.." + testPath, "/x/.." + testPath, false},
		{"dot", "https://h", testPath, "/notify/./shop/main", false},
		{"escaped slash", "https://h", testPath, "/notify/shop%2fmain", false},
		{"escaped letter", "https://h", testPath, "/notify/shop/m%61in", false},
		{"escaped letter, signed", "https://h", "/notify/shop/m%61in", "/notify/shop/m%61in", false},
		{"escaped dots", "https://h", testPath, "/%2e%2e" + testPath + "%2f", false},
		{"escaped NUL", "https://h", testPath, testPath + "%00", false},
		{"escaped query", "https://h", testPath + "?a", testPath + "%3Fa", false},
		{"in capitals", "https://h", testPath, strings.ToUpper(testPath), false},
		{"parameter", "https://h", testPath, testPath + ";v=1", false},
		{"a segment more", "https://h", testPath, testPath + "/more", false},
		{"a segment less", "https://h", testPath, "/notify/main", false},
		{"no namespace", "https://h", testPath, "/notify//main", false},
		{"wildcard", "https://h", testPath, "/notify/shop/*", false},
		{"root", "https://h", testPath, "/", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor(func(account *apiv1.MerchantAccount) { account.Spec.NotificationBaseURL = test.base })
			l := writtenTo(test.signed, paidBody)
			l.path = test.arrived
			answer := exchange(t, d.listen(t), l.text())
			if !test.accepted {
				if withoutDate(answer) != constantRefusal {
					t.Errorf("answer = %s", answer)
				}
				d.expectWrites(t)
				return
			}
			if !acknowledges(t, answer) {
				t.Errorf("answer = %s", answer)
			}
			d.expectWrites(t, "patch order")
			// What is kept is the address that was signed, so that anybody can verify it again.
			payment := &apiv1.Payment{}
			d.get(t, "order", payment)
			envelope := only(t, payment)
			if envelope.URI != test.signed {
				t.Errorf("uri = %s, want %s", envelope.URI, test.signed)
			}
			if err := envelope.Verify([]byte(paidBody), &gatewayKey().PublicKey); err != nil {
				t.Errorf("the stored envelope: %v", err)
			}
		})
	}
}

// only returns the one notification of a payment.
func only(t testing.TB, obj client.Object) Envelope {
	t.Helper()
	if len(obj.GetAnnotations()) != 1 {
		t.Fatalf("annotations = %v, want one", obj.GetAnnotations())
	}
	var envelope Envelope
	for name, value := range obj.GetAnnotations() {
		var err error
		if envelope, err = Parse(value); err != nil || !apiv1.IsNotificationAnnotation(name) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return envelope
}

func TestStrangersShareOneRecord(t *testing.T) {
	d := newDoor()
	l := forged(paidBody)
	for i := range 200 {
		l.path = fmt.Sprintf("/notify/ns-%d/account-%d", i%7, i)
		if response := d.deliver(t, l); response.StatusCode != http.StatusBadRequest {
			t.Fatalf("status = %d", response.StatusCode)
		}
	}
	if got := len(d.suspicion.accounts); got != 1 {
		t.Errorf("%d records for accounts that are not there, want one", got)
	}
	d.deliver(t, forged(paidBody))
	if got := len(d.suspicion.accounts); got != 2 || d.suspicion.accounts[testName] == nil {
		t.Errorf("%d records, want one for the account that is there and one for the rest", got)
	}
}

func TestEachForgeryIsTriedWithAsManyKeysAndAddresses(t *testing.T) {
	second := loadVectors().Keys["merchant"].PublicKeyPem
	accounts := map[string]*apiv1.MerchantAccount{
		"that is not there": {},
		"with one key":      testAccount(), "with two keys": testAccount(), "with a path": testAccount(), "with both": testAccount(),
		"with a key that can not be read": testAccount(),
	}
	for _, name := range []string{"with two keys", "with both"} {
		accounts[name].Spec.AlipayPublicKeys = append(accounts[name].Spec.AlipayPublicKeys, second)
	}
	for _, name := range []string{"with a path", "with both"} {
		accounts[name].Spec.NotificationBaseURL = "https://www.example.test/antom"
	}
	accounts["with a key that can not be read"].Spec.AlipayPublicKeys = []string{"-"}
	for name, account := range accounts {
		t.Run(name, func(t *testing.T) {
			keys, _ := Keys(account)
			uris := triedWith(account, &arrival{account: testName, requested: testPath})
			if len(padded(keys)) != triedKeys || len(uris) != triedURIs {
				t.Errorf("%d keys and %d addresses, want %d and %d", len(padded(keys)), len(uris), triedKeys, triedURIs)
			}
		})
	}
}

func TestStrangersKeyOpensNoAccount(t *testing.T) {
	d := newDoor(func(account *apiv1.MerchantAccount) { account.Spec.AlipayPublicKeys = []string{"-"} })
	own := parsedStrangersKey
	parsedStrangersKey = func() *rsa.PublicKey { return &gatewayKey().PublicKey } // as if somebody had its private half
	defer func() { parsedStrangersKey = own }()
	nobody := writtenTo("/notify/shop/nobody", paidBody)
	for _, l := range []letter{written(paidBody), nobody} {
		if response := d.deliver(t, l); isAcknowledgement(t, response) {
			t.Errorf("%s: acknowledged", l.path)
		}
	}
	d.expectWrites(t)
}

// BenchmarkRefusal compares what a stranger could learn from the time that a refusal takes: all but the last two should be alike.
func BenchmarkRefusal(b *testing.B) {
	unknown, otherClient := forged(paidBody), written(paidBody)
	unknown.path = "/notify/shop/nobody"
	otherClient.clientID = "5Y00000000000001"
	for _, bm := range []struct {
		name   string
		sent   letter
		second string // key
		path   string
	}{
		{name: "bad signature", sent: forged(paidBody)},
		{name: "bad signature, two keys and a path", sent: forged(paidBody), second: loadVectors().Keys["merchant"].PublicKeyPem, path: "/antom"},
		{name: "unknown account", sent: unknown},
		{name: "another client", sent: otherClient},
		{name: "malformed", sent: letter{path: "/", clientID: "-", requestTime: "-", signature: "-", body: "-"}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			d := newDoor()
			reader := &memory{account: testAccount()}
			reader.account.Spec.NotificationBaseURL += bm.path
			if bm.second != "" {
				reader.account.Spec.AlipayPublicKeys = append(reader.account.Spec.AlipayPublicKeys, bm.second)
			}
			d.Receiver = NewReceiver(reader, d.api, logr.Discard())
			for b.Loop() {
				d.deliver(b, bm.sent)
			}
		})
	}
}
