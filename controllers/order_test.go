package controllers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// detailedPayment has every field of the order-detail tables.
func detailedPayment() *apiv1.Payment {
	return newPayment("order-1043", func(spec *apiv1.PaymentSpec) {
		spec.Order.Goods = []apiv1.Goods{
			{
				ReferenceGoodsID: "lamp-7", GoodsName: "Desk lamp, green", GoodsCategory: "Home/Lamps", GoodsQuantity: 2,
				GoodsUnitAmount: &apiv1.Amount{Currency: "HKD", Value: "4500"}, GoodsURL: "https://shop.example/lamp?colour=green&size=m", DeliveryMethodType: "PHYSICAL",
			},
			{ReferenceGoodsID: "manual", GoodsName: "Manual", GoodsQuantity: 1, DeliveryMethodType: "DIGITAL"},
		}
		spec.Order.NeedDeclaration = ptr.To(true)
		spec.Order.Shipping = &apiv1.Shipping{
			ShippingName: &apiv1.UserName{FirstName: "Mei", MiddleName: "Lin", LastName: "Chan", FullName: "Chan Mei Lin"},
			ShippingAddress: &apiv1.Address{
				Region: "HK", State: "Hong Kong", City: "Kowloon", Address1: "1 Nathan Road", Address2: "Flat 2", ZipCode: "999077",
			},
			ShippingCarrier: "SF Express", ShippingPhoneNo: "85291234567", ShipToEmail: "mei@buyer.example",
		}
		spec.Buyer = &apiv1.Buyer{
			ReferenceBuyerID: "buyer-7", BuyerName: &apiv1.UserName{FirstName: "Ka", MiddleName: "Fai", LastName: "Lee", FullName: "Lee Ka Fai"},
			BuyerPhoneNo: "85298765432", BuyerEmail: "fai@buyer.example", BuyerRegistrationTime: "2024-05-01T09:30:00+08:00",
			IsAccountVerified: ptr.To(false), SuccessfulOrderCount: ptr.To(int32(0)),
		}
		spec.Env = &apiv1.Env{
			TerminalType: apiv1.MiniAppTerminal, OSType: "ANDROID", ClientIP: "203.0.113.7",
			BrowserInfo: &apiv1.BrowserInfo{
				AcceptHeader: "text/html", JavaEnabled: ptr.To(false), JavaScriptEnabled: ptr.To(true), Language: "zh-HK", UserAgent: "Mozilla/5.0",
			},
			ColorDepth: 24, ScreenHeight: 2400, ScreenWidth: 1080, TimeZoneOffset: ptr.To(int32(-480)), DeviceTokenID: "dt-1", DeviceID: "d-1",
			DeviceBrand: "Acme", DeviceModel: "A1", DeviceLanguage: "zh_HK", UserAgent: "Mozilla/5.0",
		}
		spec.CreditPayPlan = &apiv1.CreditPayPlan{InstallmentNum: 3, Interval: "MONTH", CreditPayFeeType: "PERCENTAGE", FeePercentage: ptr.To(int32(0))}
		spec.UserRegion, spec.AppID, spec.MerchantAccountID = "HK", "2021004100000000", "kowloon"
	})
}

// wireTypes are the fields of pay and their types on the wire, from the tables of https://docs.antom.com/ac/ams/payment_cashier.
var wireTypes = map[string]string{
	"productCode": "text", "paymentRequestId": "text", "paymentAmount.currency": "text", "paymentAmount.value": "text",
	"paymentMethod.paymentMethodType": "text", "paymentRedirectUrl": "text", "paymentNotifyUrl": "text", "settlementStrategy.settlementCurrency": "text",
	"order.referenceOrderId": "text", "order.orderDescription": "text", "order.orderAmount.currency": "text", "order.orderAmount.value": "text",
	"order.goods[].referenceGoodsId": "text", "order.goods[].goodsName": "text", "order.goods[].goodsCategory": "text",
	"order.goods[].goodsQuantity": "text", "order.goods[].goodsUnitAmount.currency": "text", "order.goods[].goodsUnitAmount.value": "text",
	"order.goods[].goodsUrl": "text", "order.goods[].deliveryMethodType": "text", "order.needDeclaration": "boolean",
	"order.shipping.shippingName.firstName": "text", "order.shipping.shippingName.middleName": "text",
	"order.shipping.shippingName.lastName": "text", "order.shipping.shippingName.fullName": "text",
	"order.shipping.shippingAddress.region": "text", "order.shipping.shippingAddress.state": "text", "order.shipping.shippingAddress.city": "text",
	"order.shipping.shippingAddress.address1": "text", "order.shipping.shippingAddress.address2": "text", "order.shipping.shippingAddress.zipCode": "text",
	"order.shipping.shippingCarrier": "text", "order.shipping.shippingPhoneNo": "text", "order.shipping.shipToEmail": "text",
	"order.buyer.referenceBuyerId": "text", "order.buyer.buyerName.firstName": "text", "order.buyer.buyerName.middleName": "text",
	"order.buyer.buyerName.lastName": "text", "order.buyer.buyerName.fullName": "text", "order.buyer.buyerPhoneNo": "text",
	"order.buyer.buyerEmail": "text", "order.buyer.buyerRegistrationTime": "text", "order.buyer.isAccountVerified": "boolean",
	"order.buyer.successfulOrderCount": "number",
	"env.terminalType":                 "text", "env.osType": "text", "env.clientIp": "text", "env.browserInfo.acceptHeader": "text",
	"env.browserInfo.javaEnabled": "boolean", "env.browserInfo.javaScriptEnabled": "boolean", "env.browserInfo.language": "text",
	"env.browserInfo.userAgent": "text", "env.colorDepth": "text", "env.screenHeight": "text", "env.screenWidth": "text",
	"env.timeZoneOffset": "number", "env.deviceTokenId": "text", "env.deviceId": "text", "env.deviceBrand": "text", "env.deviceModel": "text",
	"env.deviceLanguage": "text", "env.userAgent": "text",
	"creditPayPlan.installmentNum": "number", "creditPayPlan.interval": "text", "creditPayPlan.creditPayFeeType": "text",
	"creditPayPlan.feePercentage": "number", "userRegion": "text", "appId": "text", "merchantAccountId": "text",
}

func TestOrderDetailHasTheTypesOfTheTables(t *testing.T) {
	body, err := os.ReadFile(filepath.Join("testdata", "pay-detailed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var content any
	if err := json.Unmarshal(body, &content); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	listTypes(content, "", found)
	if diff := cmp.Diff(wireTypes, found); diff != "" {
		t.Errorf("fields of the body (-want +got):\n%s", diff)
	}
}

// listTypes notes the JSON type of every value by its path.
func listTypes(value any, path string, into map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			listTypes(inner, strings.TrimPrefix(path+"."+name, "."), into)
		}
	case []any:
		for _, inner := range value {
			listTypes(inner, path+"[]", into)
		}
	case string:
		into[path] = "text"
	case bool:
		into[path] = "boolean"
	case float64:
		into[path] = "number"
	}
}

// Every field of the types has a value in detailedPayment, so that the golden body grows with them.
func TestDetailedPaymentHasEveryField(t *testing.T) {
	spec := detailedPayment().Spec
	for _, part := range []any{
		spec.Order.Goods[0], *spec.Order.Shipping, *spec.Order.Shipping.ShippingName, *spec.Order.Shipping.ShippingAddress, *spec.Buyer, *spec.Buyer.BuyerName,
		*spec.Env, *spec.Env.BrowserInfo, *spec.CreditPayPlan,
	} {
		value := reflect.ValueOf(part)
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("%T has no %s", part, value.Type().Field(i).Name)
			}
		}
	}
}

func TestGatewayTakesEveryFieldOfAnOrder(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(detailedPayment())
	w.must(w.reconcilePayment("order-1043"))
	if st := w.payment("order-1043").Status; st.State != apiv1.StateProcessing {
		t.Errorf("state = %s, result = %+v, want %s", st.State, st.LastResult, apiv1.StateProcessing)
	}
}

func TestHashChangesWithEveryFieldOfTheDetail(t *testing.T) {
	changes := map[string]func(*apiv1.PaymentSpec){
		"goods":             func(spec *apiv1.PaymentSpec) { spec.Order.Goods[1].GoodsQuantity = 2 },
		"their order":       func(spec *apiv1.PaymentSpec) { slices.Reverse(spec.Order.Goods) },
		"shipping":          func(spec *apiv1.PaymentSpec) { spec.Order.Shipping.ShippingAddress.City = "Central" },
		"declaration":       func(spec *apiv1.PaymentSpec) { spec.Order.NeedDeclaration = nil },
		"false or nothing":  func(spec *apiv1.PaymentSpec) { spec.Buyer.IsAccountVerified = nil },
		"zero or nothing":   func(spec *apiv1.PaymentSpec) { spec.Buyer.SuccessfulOrderCount = nil },
		"env":               func(spec *apiv1.PaymentSpec) { spec.Env.ScreenWidth = 0 },
		"instalments":       func(spec *apiv1.PaymentSpec) { spec.CreditPayPlan.InstallmentNum = 6 },
		"userRegion":        func(spec *apiv1.PaymentSpec) { spec.UserRegion = "" },
		"appId":             func(spec *apiv1.PaymentSpec) { spec.AppID = "" },
		"merchantAccountId": func(spec *apiv1.PaymentSpec) { spec.MerchantAccountID = "" },
	}
	before := payBody(t, detailedPayment(), testIntent())
	for name, change := range changes {
		payment := detailedPayment()
		change(&payment.Spec)
		if payBody(t, payment, testIntent()) == before {
			t.Errorf("%s changes nothing", name)
		}
	}
}

func TestTypedFieldsAreNotSetTwice(t *testing.T) {
	for path, text := range map[string]string{
		"order.goods":         `{"order":{"goods":[]}}`,
		"order.buyer.buyerEm": `{"order":{"buyer":{"buyerEmail":"x"}}}`,
		"env.deviceBrand":     `{"env":{"DeviceBrand":"x"}}`,
		"userRegion":          `{"userRegion":"SG"}`,
		"appId":               `{"appId":"x"}`,
	} {
		payment := detailedPayment()
		payment.Spec.AdditionalFields = raw(text)
		request, err := payRequest(payment, "id", testIntent(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := requestHash(request); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(path)) {
			t.Errorf("%s: err = %v, want one that names %s", text, err, path)
		}
	}
	w := newWorld(t)
	defer w.close()
	payment := detailedPayment()
	payment.Spec.AdditionalFields = raw(`{"userRegion":"SG"}`)
	w.store.create(payment)
	w.must(w.reconcilePayment(payment.Name))
	if got := reason(w.payment(payment.Name).Status.Conditions); got != apiv1.RequestInvalidReason || len(w.sent) != 0 {
		t.Errorf("reason = %s after %d requests, want %s and none", got, len(w.sent), apiv1.RequestInvalidReason)
	}
}

func TestSettlementCurrencyOfThePaymentWins(t *testing.T) {
	for _, tt := range []struct{ account, payment, want string }{{"USD", "EUR", "EUR"}, {"", "EUR", "EUR"}, {"USD", "", "USD"}, {"", "", ""}} {
		t.Run(fmt.Sprintf("%q over %q", tt.payment, tt.account), func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.account().Spec.SettlementCurrency = tt.account
			w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.SettlementCurrency = tt.payment }))
			w.must(w.reconcilePayment("order"))
			sent, _ := w.sent[0].fields["settlementStrategy"].(map[string]any)
			got, _ := sent["settlementCurrency"].(string)
			if recorded := w.payment("order").Status.Intent.SettlementCurrency; got != tt.want || recorded != tt.want {
				t.Errorf("sent %q and recorded %q, want %q", got, recorded, tt.want)
			}
		})
	}
}

func TestEveryQuestionAboutAPaymentNamesItsLocation(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) { spec.MerchantAccountID = "kowloon" }))
	w.must(w.reconcilePayment("order"))
	w.advance(time.Minute)
	w.must(w.reconcilePayment("order"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, "order", time.Minute)
	for _, operation := range []string{"pay", "inquiryPayment", "cancel"} {
		if w.sends(operation) == 0 {
			t.Errorf("no %s was sent", operation)
		}
	}
	for _, request := range w.sent {
		if got := request.text("merchantAccountId"); got != "kowloon" {
			t.Errorf("%s names the location %q, want kowloon", request.operation, got)
		}
	}
}

func TestSettlementIsShownToTheLastDigit(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.account().Spec.SettlementCurrency = "USD"
	w.paid("order")
	st := w.payment("order").Status.Settlement
	if st == nil || st.GrossSettlementAmount == nil || st.SettlementQuote == nil {
		t.Fatalf("settlement = %+v, want amount and quote", st)
	}
	if got, want := *st.GrossSettlementAmount, (apiv1.SettlementAmount{Currency: "USD", Value: "1283"}); got != want {
		t.Errorf("amount = %+v, want %+v", got, want)
	}
	quote := *st.SettlementQuote
	if quote.QuotePrice != "0.12830000" || quote.QuoteCurrencyPair != "HKD/USD" || !quote.Guaranteed || quote.QuoteStartTime == nil || quote.QuoteExpiryTime == nil {
		t.Errorf("quote = %+v, want the gateway's", quote)
	}
	writes := w.store.writes
	w.must(w.reconcilePayment("order"))
	if w.store.writes != writes {
		t.Error("a settled payment is written again")
	}
}

func TestSettlementOfAnswers(t *testing.T) {
	quote := func(price string) *alipay.Quote {
		return &alipay.Quote{QuoteID: "q", QuotePrice: alipay.Decimal(price)}
	}
	gross := &alipay.Amount{Currency: "USD", Value: "1283"}
	known := &apiv1.Settlement{
		GrossSettlementAmount: &apiv1.SettlementAmount{Currency: "USD", Value: "1283"}, SettlementQuote: &apiv1.SettlementQuote{QuoteID: "q", QuotePrice: "7.8"},
	}
	tests := []struct {
		name   string
		before *apiv1.Settlement
		gross  *alipay.Amount
		quote  *alipay.Quote
		want   *apiv1.Settlement
	}{
		{"nothing said", nil, nil, nil, nil},
		{"nothing said any more", known, nil, nil, known},
		{"both said", nil, gross, quote("7.8"), known},
		{"a rate of many digits", nil, nil, quote("0.12345678901234567890123456789"), &apiv1.Settlement{
			SettlementQuote: &apiv1.SettlementQuote{QuoteID: "q", QuotePrice: "0.12345678901234567890123456789"},
		}},
		{"a rate too long to hold", nil, gross, quote(strings.Repeat("1", 65)), &apiv1.Settlement{GrossSettlementAmount: known.GrossSettlementAmount}},
		{"an amount too long to hold", nil, &alipay.Amount{Currency: "USD", Value: strings.Repeat("1", 33)}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payment := newPayment("order")
			payment.Status.Settlement = tt.before.DeepCopy()
			paymentAnswers{payment: payment}.settlement(tt.gross, tt.quote)
			if diff := cmp.Diff(tt.want, payment.Status.Settlement); diff != "" {
				t.Errorf("settlement (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotificationTellsTheSettlement(t *testing.T) {
	body := `{"notifyType":"PAYMENT_RESULT","result":{"resultCode":"SUCCESS","resultStatus":"S"},"paymentId":"1",
		"paymentAmount":{"currency":"HKD","value":"10000"},"paymentTime":"2026-11-21T12:00:00+08:00",
		"grossSettlementAmount":{"currency":"USD","value":"1283"},"settlementQuote":{"quotePrice":0.12830000,"guaranteed":"true"}}`
	announced, err := alipay.ReadPaymentNotification([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	payment := newPayment("order")
	payment.Status.Intent = testIntent()
	paymentAnswers{payment: payment, now: worldStart}.notified(announced, &verifiedNotification{})
	want := &apiv1.Settlement{
		GrossSettlementAmount: &apiv1.SettlementAmount{Currency: "USD", Value: "1283"},
		SettlementQuote:       &apiv1.SettlementQuote{QuotePrice: "0.12830000", Guaranteed: true},
	}
	if diff := cmp.Diff(want, payment.Status.Settlement); diff != "" {
		t.Errorf("settlement (-want +got):\n%s", diff)
	}
}

func TestCancelledPaymentHasNoSettlement(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.account().Spec.SettlementCurrency = "USD"
	w.paid("order")
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, "order", time.Minute)
	if st := w.payment("order").Status; st.State != apiv1.PaymentCancelled || st.Settlement != nil {
		t.Errorf("state = %s with settlement %+v, want %s without", st.State, st.Settlement, apiv1.PaymentCancelled)
	}
}
