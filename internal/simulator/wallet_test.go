package simulator

import (
	"testing"
)

func TestWalletsAreRead(t *testing.T) {
	wallets, err := ParseWallets([]byte(`{"GCASH":{"accessTokenDays":30},"NEW_WALLET":{"oneLiveToken":true},
 "DANA":{"refresh":"none","refreshTokenDays":0,"withoutCode":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	gcash, _ := BuiltinWallet("GCASH")
	gcash.AccessTokenDays = 30
	if wallets["GCASH"] != gcash {
		t.Errorf("GCASH = %+v, want %+v", wallets["GCASH"], gcash)
	}
	if want := usualWallet.oneLive(); wallets["NEW_WALLET"] != want {
		t.Errorf("NEW_WALLET = %+v, want %+v", wallets["NEW_WALLET"], want)
	}
	m := newMerchant(t, func(o *Options) { o.Wallets = wallets })
	m.authorized("b1", "NEW_WALLET")
	for _, bad := range []string{
		`[]`, `{"GCASH":{"colour":"red"}}`, `{"GCASH":{"refresh":"maybe"}}`, `{"GCASH":{"accessTokenDays":0}}`,
		`{"GCASH":{"refreshTokenDays":0}}`, `{"GCASH":{"refresh":"none"}}`, `{"GCASH":{"codeRefusal":"SUCCESS"}}`,
		`{"GCASH":{"refreshRefusal":"UNKNOWN_EXCEPTION"}}`,
	} {
		if got, err := ParseWallets([]byte(bad)); err == nil {
			t.Errorf("%s was read as %+v", bad, got)
		}
	}
	if s, err := New(Options{Clients: []Client{{ID: "5Y1"}}, PrivateKey: gatewayKey(), Wallets: map[string]Wallet{"GCASH": {}}}); err == nil {
		s.Close()
		t.Error("a wallet without a life was accepted")
	}
}

func TestEveryBuiltInWalletCanWork(t *testing.T) {
	for name, w := range builtinWallets {
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, known := BuiltinMethod(name); !known {
			t.Errorf("%s is no payment method", name)
		}
	}
}
