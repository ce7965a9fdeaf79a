package controllers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// raw makes additional fields of JSON text.
func raw(text string) *runtime.RawExtension { return &runtime.RawExtension{Raw: []byte(text)} }

// fullPayment has every field that shapes the body of pay.
func fullPayment() *apiv1.Payment {
	return newPayment("order-1042", func(spec *apiv1.PaymentSpec) {
		spec.Amount = apiv1.Amount{Currency: "HKD", Value: "25800"}
		spec.Order = apiv1.Order{
			ReferenceOrderID: "1042", OrderDescription: `Desk lamp & "shade" <green>`,
			OrderAmount: &apiv1.Amount{Currency: "HKD", Value: "26000"},
		}
		spec.Buyer = &apiv1.Buyer{ReferenceBuyerID: "buyer-7"}
		spec.Env = &apiv1.Env{TerminalType: "WAP", OSType: "IOS", ClientIP: "203.0.113.7"}
		spec.ExpirySeconds = 540
		spec.RedirectURL = "https://shop.example/return?order=1042&lang=en"
		spec.AdditionalFields = raw(`{"merchantRegion":"HK","order":{"extendInfo":{"weight":1.50,"serial":12345678901234567890}},"tags":["a",1e3]}`)
	})
}

func fullRefund() *apiv1.Refund {
	return newRefund("back", "order-1042", "4000", func(spec *apiv1.RefundSpec) {
		spec.Reason = "Lamp arrived broken"
		spec.ReferenceRefundID = "rma-7"
		spec.AdditionalFields = raw(`{"extendInfo":"{\"a\":1}"}`)
	})
}

func testIntent() *apiv1.Intent {
	account := newAccount()
	account.Spec.NotificationBaseURL = "https://pay.shop.example/"
	account.Spec.SettlementCurrency = "USD"
	return newIntent(account, 1, worldStart.Add(123456789))
}

func payBody(t testing.TB, payment *apiv1.Payment, intent *apiv1.Intent) string {
	t.Helper()
	request, err := payRequest(payment, "hk_shop_order_1042", intent, "")
	if err != nil {
		t.Fatal(err)
	}
	return wireBody(t, request)
}

func refundBody(t testing.TB, refund *apiv1.Refund, intent *apiv1.Intent) string {
	t.Helper()
	request, err := refundRequest(refund, "hk_shop_back", "2026112119401080010018800000001", "", *refund.Spec.Amount, intent)
	if err != nil {
		t.Fatal(err)
	}
	return wireBody(t, request)
}

func wireBody(t testing.TB, request any) string {
	t.Helper()
	body, err := alipay.Body(request)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The golden bodies must never change: a request that is sent again must have the bytes of the first one, whatever version sent that.
func TestBodiesAreTheSameInEveryVersion(t *testing.T) {
	plain := testIntent()
	plain.NotifyURL, plain.SettlementCurrency = "", ""
	tests := []struct {
		name string
		got  string
		want string
	}{
		{"a payment with every field", payBody(t, fullPayment(), testIntent()), "pay-full.json"},
		{"a payment with what is required", payBody(t, newPayment("order"), plain), "pay-plain.json"},
		{"a payment with every detail of the order", payBody(t, detailedPayment(), testIntent()), "pay-detailed.json"},
		{"a refund with every field", refundBody(t, fullRefund(), testIntent()), "refund-full.json"},
		{"a refund with what is required", refundBody(t, newRefund("back", "order", "4000"), plain), "refund-plain.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", tt.want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(want)), tt.got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBodiesSurviveTheAPIServer(t *testing.T) {
	for _, payment := range []*apiv1.Payment{fullPayment(), detailedPayment()} {
		payment.Status.Intent = testIntent()
		read := &apiv1.Payment{}
		throughJSON(t, payment, read)
		if diff := cmp.Diff(payBody(t, payment, payment.Status.Intent), payBody(t, read, read.Status.Intent)); diff != "" {
			t.Errorf("body of pay for %s (-before +after):\n%s", payment.Name, diff)
		}
	}
	refund, read := fullRefund(), &apiv1.Refund{}
	refund.Status.Intent = testIntent()
	throughJSON(t, refund, read)
	if diff := cmp.Diff(refundBody(t, refund, refund.Status.Intent), refundBody(t, read, read.Status.Intent)); diff != "" {
		t.Errorf("body of refund (-before +after):\n%s", diff)
	}
}

func throughJSON(t *testing.T, from, into any) {
	t.Helper()
	content, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

func TestExpiryCountsFromTheRecordedIntent(t *testing.T) {
	payment := newPayment("order", func(spec *apiv1.PaymentSpec) { spec.ExpirySeconds = 300 })
	tests := []struct {
		name   string
		intent apiv1.Intent
		want   string
	}{
		{"sent once", apiv1.Intent{SubmittedAt: metav1.Time{Time: worldStart}}, "2026-11-21T04:05:00Z"},
		{"sent again later", apiv1.Intent{
			SubmittedAt: metav1.Time{Time: worldStart}, ResubmittedAt: &metav1.Time{Time: worldStart.Add(time.Minute)},
		}, "2026-11-21T04:05:00Z"},
		{"in another time zone", apiv1.Intent{SubmittedAt: metav1.Time{Time: worldStart.UTC()}}, "2026-11-21T04:05:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request, err := payRequest(payment, "id", &tt.intent, "")
			if err != nil || request.PaymentExpiryTime != tt.want {
				t.Errorf("expiry = %q, %v, want %q", request.PaymentExpiryTime, err, tt.want)
			}
		})
	}
}

func TestAdditionalFieldsHoldNoMoneyIDsTokensOrCards(t *testing.T) {
	names := []string{
		"amount", "paymentAmount", "PAYMENTAMOUNT", "goodsUnitAmount", "currency", "settlementCurrency", "creditPayPlan", "merchantAccountId", "deviceTokenId", "value", "Value", "productCode", "paymentRequestId", "refundRequestId", "paymentId",
		"captureId", "refundId", "paymentMethodId", "paymentMethodType", "accessToken", "authCode", "cardNo", "CARDHOLDERNAME", "cvv", "cvv2",
		"cvc", "pan", "expiryYear", "expirationdate", "password", "oneTimePasswordHash", "refundDetails", "refundToBankInfo", "accountNo",
		"bankCode", "paymentFactor", "captureMode", "isLastCapture", "isAuthorization", "cavv", "CAAV", "paymentNotifyUrl", "refundNotifyURL",
	}
	places := []struct {
		name string
		text string
	}{
		{"on top", `{"NAME":1}`},
		{"in an object", `{"order":{"inner":{"NAME":"x"}}}`},
		{"in a list", `{"goods":["x",{"NAME":null}]}`},
		{"in a list of lists", `{"goods":[[{"a":{"NAME":[]}}]]}`},
	}
	for _, name := range names {
		for _, place := range places {
			t.Run(name+" "+place.name, func(t *testing.T) {
				fields, err := additionalFields(raw(strings.ReplaceAll(place.text, "NAME", name)))
				if err == nil || fields != nil {
					t.Fatalf("fields = %v, want an error", fields)
				}
				if !strings.Contains(err.Error(), name) {
					t.Errorf("error %q does not name %s", err, name)
				}
			})
		}
	}
}

func TestAdditionalFieldsMustBeAnObject(t *testing.T) {
	for _, text := range []string{`[]`, `"text"`, `1`, `{`, `{"a":}`} {
		if _, err := additionalFields(raw(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	for _, nothing := range []*runtime.RawExtension{nil, raw(""), raw("{}"), raw("null")} {
		if fields, err := additionalFields(nothing); err != nil || len(fields) != 0 {
			t.Errorf("fields = %v, %v, want none", fields, err)
		}
	}
}

func TestNumbersOfAdditionalFieldsGoOutAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")
		payment := newPayment("order", func(spec *apiv1.PaymentSpec) { spec.AdditionalFields = raw(`{"zone":{"n":` + number + `}}`) })
		request, err := payRequest(payment, "id", testIntent(), "")
		if err != nil {
			t.Fatal(err)
		}
		body, err := alipay.Body(request)
		if err != nil || !bytes.Contains(body, []byte(`"n":`+number+`}`)) {
			t.Fatalf("body = %s, %v, want it to hold %s", body, err, number)
		}
	})
}

func TestHashChangesWithEveryFieldThatShapesTheBody(t *testing.T) {
	tests := []struct {
		name   string
		change func(*apiv1.PaymentSpec, *apiv1.Intent)
		same   bool
	}{
		{"nothing", func(*apiv1.PaymentSpec, *apiv1.Intent) {}, true},
		{"suspend", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Suspend = true }, true},
		{"the desired state", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.DesiredState = apiv1.DesiredCancelled }, true},
		{"the deletion policy", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.DeletionPolicy = apiv1.CancelPayment }, true},
		{"the time to live", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.TTLSecondsAfterFinished = new(int32) }, true},
		{"when it was sent again", func(_ *apiv1.PaymentSpec, intent *apiv1.Intent) {
			intent.ResubmittedAt = &metav1.Time{Time: worldStart.Add(time.Hour)}
		}, true},
		{"the order of additional fields", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) {
			spec.AdditionalFields = raw(`{"tags":["a",1e3], "order":{"extendInfo":{"serial":12345678901234567890,"weight":1.50}},"merchantRegion":"HK"}`)
		}, true},
		{"the value", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Amount.Value = "25801" }, false},
		{"the currency", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Amount.Currency = "USD" }, false},
		{"the order's number", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Order.ReferenceOrderID = "1043" }, false},
		{"the description", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Order.OrderDescription = "Lamp" }, false},
		{"the amount shown", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Order.OrderAmount = nil }, false},
		{"the buyer", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Buyer = nil }, false},
		{"the terminal", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Env.OSType = "ANDROID" }, false},
		{"the method", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.Cashier.PaymentMethodType = "GCASH" }, false},
		{"the expiry", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.ExpirySeconds = 541 }, false},
		{"the return address", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) { spec.RedirectURL = "https://shop.example/" }, false},
		{"a number's form", func(spec *apiv1.PaymentSpec, _ *apiv1.Intent) {
			spec.AdditionalFields = raw(strings.Replace(string(spec.AdditionalFields.Raw), "1.50", "1.5", 1))
		}, false},
		{"the receiver", func(_ *apiv1.PaymentSpec, intent *apiv1.Intent) { intent.NotifyURL += "x" }, false},
		{"the settlement currency", func(_ *apiv1.PaymentSpec, intent *apiv1.Intent) { intent.SettlementCurrency = "EUR" }, false},
		{"when it was submitted", func(_ *apiv1.PaymentSpec, intent *apiv1.Intent) {
			intent.SubmittedAt = metav1.Time{Time: worldStart.Add(time.Second)}
		}, false},
	}
	hash := func(payment *apiv1.Payment, intent *apiv1.Intent) (sum, body string) {
		request, err := payRequest(payment, "id", intent, "")
		if err != nil {
			t.Fatal(err)
		}
		if sum, err = requestHash(request); err != nil {
			t.Fatal(err)
		}
		return sum, wireBody(t, request)
	}
	before, bodyBefore := hash(fullPayment(), testIntent())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payment, intent := fullPayment(), testIntent()
			tt.change(&payment.Spec, intent)
			after, bodyAfter := hash(payment, intent)
			if (before == after) != tt.same || (bodyBefore == bodyAfter) != tt.same {
				t.Errorf("same hash = %t, same body = %t, want %t", before == after, bodyBefore == bodyAfter, tt.same)
			}
		})
	}
}
