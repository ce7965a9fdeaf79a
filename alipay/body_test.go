package alipay

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func fullRequest() *PayRequest {
	yes, no, zero, count := true, false, 0, 7
	address := &Address{Region: "SG", State: "S", City: "Singapore", Address1: "1 Road", Address2: "#02-03", ZipCode: "018956"}
	name := &UserName{FirstName: "Ada", MiddleName: "B", LastName: "C", FullName: "Ada B C"}
	amount := Amount{Currency: "SGD", Value: "100"}
	return &PayRequest{
		ProductCode: ProductCashierPayment, PaymentRequestID: "pr_full", PaymentAmount: amount,
		Order: &Order{
			ReferenceOrderID: "o1", OrderDescription: "Tom & Jerry <3 \"灯\"", OrderAmount: amount,
			Goods: []Goods{{
				ReferenceGoodsID: "g1", GoodsName: "Lamp", GoodsCategory: "home/lamps", GoodsQuantity: "2", GoodsUnitAmount: &amount,
				GoodsURL: "https://shop.example/lamp?a=1&b=2", DeliveryMethodType: "PHYSICAL",
			}},
			Shipping: &Shipping{ShippingName: name, ShippingAddress: address, ShippingCarrier: "FedEx", ShippingPhoneNo: "1", ShipToEmail: "a@b.example"},
			Buyer: &Buyer{
				ReferenceBuyerID: "b1", BuyerName: name, BuyerPhoneNo: "2", BuyerEmail: "c@d.example",
				BuyerRegistrationTime: "2026-01-01T00:00:00Z", IsAccountVerified: &no, SuccessfulOrderCount: &count,
			},
			Merchant: &Merchant{
				ReferenceMerchantID: "m1", MerchantMCC: "5411", MerchantName: "M", MerchantDisplayName: "MM", MerchantAddress: address,
				MerchantRegisterDate: "2020-01-01", MerchantType: "ENTERPRISE",
				Store: &Store{ReferenceStoreID: "s1", StoreName: "S", StoreMCC: "5411", StoreAddress: address},
			},
			NeedDeclaration: &no,
		},
		PaymentMethod: PaymentMethod{
			PaymentMethodType: "CARD", PaymentMethodID: "tok", RequireIssuerAuthentication: &yes,
			PaymentMethodMetaData: map[string]any{"z": 1, "a": map[string]any{"y": json.Number("0.10"), "b": false}},
		},
		PaymentFactor:     &PaymentFactor{IsAuthorization: &no, CaptureMode: CaptureModeAutomatic},
		PaymentExpiryTime: "2026-11-21T10:00:00+08:00", PaymentRedirectURL: "https://shop.example/r", PaymentNotifyURL: "https://pay.example/n",
		SettlementStrategy: &SettlementStrategy{SettlementCurrency: "SGD"},
		Env:                &Env{TerminalType: "WEB", ColorDepth: "24", ScreenHeight: "800", ScreenWidth: "600", TimeZoneOffset: &zero},
		CreditPayPlan:      &CreditPayPlan{InstallmentNum: 3, Interval: "MONTH", CreditPayFeeType: "PERCENTAGE", FeePercentage: &zero},
		AppID:              "app", MerchantRegion: "SG", MerchantAccountID: "acc", UserRegion: "SG", Metadata: "meta",
	}
}

func TestBodyIsTheSameBytesEveryTime(t *testing.T) {
	t.Run("every typed field", func(t *testing.T) {
		checkGolden(t, "testdata/requests/every-typed-field.json", must[[]byte](t)(Body(fullRequest())))
	})
	t.Run("with additional fields", func(t *testing.T) {
		request := fullRequest()
		request.AdditionalFields = map[string]any{
			"extendInfo": "<&>", "amount2": json.Number("1.2300000000000000000001"),
			"order":          map[string]any{"transit": map[string]any{"legs": []any{map[string]any{"z": 1, "a": 2}}}},
			"customizedInfo": map[string]any{"customizedField2": "2", "customizedField1": "1"},
		}
		first := must[[]byte](t)(Body(request))
		checkGolden(t, "testdata/requests/additional-fields.json", first)
		for range 20 {
			if again := must[[]byte](t)(Body(*request)); !bytes.Equal(again, first) {
				t.Fatalf("bytes differ: %s", again)
			}
		}
	})
}

func TestAdditionalFieldsNeverReplaceAnything(t *testing.T) {
	tests := []struct {
		name  string
		extra map[string]any
		want  string // the field that the error names, "" if none
	}{
		{"a new field", map[string]any{"extendInfo": "x"}, ""},
		{"a typed field that is not set", map[string]any{"appId": "x"}, ""},
		{"a new field below a set object", map[string]any{"order": map[string]any{"extendInfo": "x"}}, ""},
		{"the amount", map[string]any{"paymentAmount": "x"}, "paymentAmount"},
		{"part of the amount", map[string]any{"paymentAmount": map[string]any{"value": "1"}}, "paymentAmount.value"},
		{"the amount in capitals", map[string]any{"PaymentAmount": map[string]any{"VALUE": "1"}}, "PaymentAmount"},
		{"an object by null", map[string]any{"order": nil}, "order"},
		{"the request id", map[string]any{"paymentRequestId": "x"}, "paymentRequestId"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := &PayRequest{
				PaymentRequestID: "pr_1", PaymentAmount: hkd("100"), Order: &Order{ReferenceOrderID: "o1"}, AdditionalFields: tt.extra,
			}
			_, err := Body(request)
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), "field "+tt.want+" is") {
				t.Errorf("error %v, want one that names %q", err, tt.want)
			}
			if err == nil {
				return
			}
			g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
			_, err = newClient(t, testConfig(t, g.URL)).Pay(t.Context(), request)
			var notSent *NotSentError
			if !errors.As(err, &notSent) || g.count() != 0 {
				t.Errorf("Pay = %v after %d requests, want NotSentError after none", err, g.count())
			}
		})
	}
}

func TestBodyRefusesWhatIsNoRequest(t *testing.T) {
	tests := []struct {
		name    string
		request any
	}{
		{"nil", nil},
		{"nil pointer", (*PayRequest)(nil)},
		{"text", "text"},
		{"list", []string{"a"}},
		{"what JSON cannot hold", &RefundRequest{AdditionalFields: map[string]any{"x": math.NaN()}}},
		{"what JSON cannot hold in metadata", &PayRequest{PaymentMethod: PaymentMethod{PaymentMethodMetaData: map[string]any{"x": func() {}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if body, err := Body(tt.request); err == nil {
				t.Errorf("Body = %s, want an error", body)
			}
		})
	}
}
