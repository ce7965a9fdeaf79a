package alipay_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// The keys are from the dashboard; ParsePrivateKey and ParsePublicKey read them.
var (
	privateKey      *rsa.PrivateKey
	alipayPublicKey *rsa.PublicKey
)

func Example() {
	client, err := alipay.New(alipay.Config{
		BaseURL:          "https://open-sea-global.alipay.com",
		ClientID:         "SANDBOX_5Y00000000000000",
		PrivateKey:       privateKey,
		AlipayPublicKeys: []*rsa.PublicKey{alipayPublicKey},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	amount := alipay.Amount{Currency: "HKD", Value: "25800"} // 258.00 HKD
	response, err := client.Pay(context.Background(), &alipay.PayRequest{
		ProductCode:      alipay.ProductCashierPayment,
		PaymentRequestID: "desk_lamp_0042",
		PaymentAmount:    amount,
		Order: &alipay.Order{
			ReferenceOrderID: "0042",
			OrderDescription: "Desk lamp",
			OrderAmount:      amount,
		},
		PaymentMethod:      alipay.PaymentMethod{PaymentMethodType: "ALIPAY_HK"},
		Env:                &alipay.Env{TerminalType: "WEB"},
		PaymentRedirectURL: "https://shop.example/return",
	})

	var (
		notSent  *alipay.NotSentError
		rejected *alipay.RejectedError
	)
	switch {
	case errors.As(err, &notSent):
		fmt.Println("nothing happened, try again:", err)
	case errors.As(err, &rejected) && rejected.Signed:
		fmt.Println("refused for good:", rejected.Result.ResultCode)
	case err != nil:
		fmt.Println("ask with InquiryPayment before anything else:", err)
	case response.Result.ResultStatus == alipay.ResultStatusSuccess:
		fmt.Println("paid")
	default:
		fmt.Println("send the buyer to", response.NormalURL)
	}
	// Output: gateway client: there is no private key
}
