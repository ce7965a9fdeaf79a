package notification

import (
	"testing"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func accountWithKey() *apiv1.MerchantAccount {
	return &apiv1.MerchantAccount{Spec: apiv1.MerchantAccountSpec{AlipayPublicKeys: []string{testenv.PublicKeyPEM(&testenv.GatewayKey().PublicKey)}}}
}

func TestKeysAreParsedOnce(t *testing.T) {
	first, err := notification.Keys(accountWithKey())
	if err != nil {
		t.Fatal(err)
	}
	again, err := notification.Keys(accountWithKey())
	if err != nil {
		t.Fatal(err)
	}
	if first[0] != again[0] {
		t.Error("the key was parsed again, want the one that was parsed before")
	}
}

func BenchmarkKeys(b *testing.B) {
	account := accountWithKey()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := notification.Keys(account); err != nil {
			b.Fatal(err)
		}
	}
}
