package alipay

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The bodies are the examples of the documents; see the folder.
func TestSubjectsOfTheDocumentedNotifications(t *testing.T) {
	tests := []struct {
		file string
		want Subject
	}{
		{"payment-paid", Subject{
			Type: NotifyPaymentResult, ResultStatus: "S", PaymentRequestID: "pr_7f0c2d51a9", PaymentID: "20261121194010800100188000000000042",
		}},
		{"payment-closed", Subject{
			Type: NotifyPaymentResult, ResultStatus: "F", PaymentRequestID: "pr_7f0c2d51aa", PaymentID: "20261121194010800100188000000000043",
		}},
		{"payment-pending", Subject{
			Type: NotifyPaymentPending, ResultStatus: "S", PaymentRequestID: "pr_bt_8", PaymentID: "20261121194010800100188000000000044",
		}},
		{"payment-card", Subject{
			Type: NotifyPaymentResult, ResultStatus: "S", PaymentRequestID: "pr_card_31", PaymentID: "20261121194010890100111000000000031",
		}},
		{"payment-autodebit-refused", Subject{
			Type: NotifyPaymentResult, ResultStatus: "F", PaymentRequestID: "sub-1188-2026-12", PaymentID: "20261221194010800100188000000000778",
		}},
		{"refund-success", Subject{Type: NotifyRefundResult, ResultStatus: "S", RefundStatus: "SUCCESS", RefundRequestID: "rf-0042-1"}},
		{"refund-fail", Subject{Type: NotifyRefundResult, ResultStatus: "F", RefundStatus: "FAIL", RefundRequestID: "rf-0042-2"}},
		{"capture-success", Subject{
			Type: NotifyCaptureResult, ResultStatus: "S", CaptureRequestID: "cap-31-1", PaymentID: "20261121194010890100111000000000031",
		}},
		{"capture-expired", Subject{
			Type: NotifyCaptureResult, ResultStatus: "F", CaptureRequestID: "cap-32-1", PaymentID: "20261121194010890100111000000000032",
		}},
		{"authorization-cancelled", Subject{Type: "TOKEN_CANCELED", ResultStatus: "S", AccessToken: "28100000tvaccess0001"}},
		{"authorization-code", Subject{Type: "AUTHCODE_CREATED", ResultStatus: "S", AuthState: "state-1"}},
		{"authorization-token", Subject{Type: "TOKEN_CREATED", ResultStatus: "S", AuthState: "state-1", AccessToken: "28100000tvaccess0001"}},
		{"dispute-created", Subject{
			Type: "DISPUTE_CREATED", DisputeID: "2099011019401080010000000000001",
			PaymentRequestID: "pay-req-0001", PaymentID: "20990101190741010007000000000001",
		}},
		{"dispute-judged", Subject{
			Type: "DISPUTE_JUDGED", DisputeID: "2099011019401080010000000000001",
			PaymentRequestID: "pay-req-0001", PaymentID: "20990101190741010007000000000001",
		}},
		{"dispute-defense-document", Subject{Type: NotifyDefenseDocument, DisputeID: "2099011019401080010000000000001"}},
	}
	files, err := filepath.Glob("testdata/notifications/*.json")
	if err != nil || len(files) != len(tests) {
		t.Errorf("%d files, %v; want %d", len(files), err, len(tests))
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			body := readExample(t, test.file)
			got, err := ReadSubject(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			// The parent class of the SDKs has notifyType for all: it does not hide the documented field.
			more := strings.Replace(string(body), "{", `{"notifyType":"SOMETHING",`, 1)
			if !strings.Contains(string(body), `"notifyType"`) {
				if got, err := ReadSubject([]byte(more)); err != nil || got != test.want {
					t.Errorf("with notifyType: %+v, %v", got, err)
				}
			}
		})
	}
}

func readExample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/notifications/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestFieldsOfTheWrongTypeCountAsMissing(t *testing.T) {
	whole := map[string]any{
		"notifyType": "PAYMENT_RESULT", "result": map[string]any{"resultStatus": "S"}, "refundStatus": "SUCCESS", "paymentRequestId": "a",
		"paymentId": "b", "refundRequestId": "c", "captureRequestId": "d", "disputeId": "e", "authState": "f", "accessToken": "g",
	}
	want := Subject{
		Type: "PAYMENT_RESULT", ResultStatus: "S", RefundStatus: "SUCCESS", PaymentRequestID: "a", PaymentID: "b", RefundRequestID: "c",
		CaptureRequestID: "d", DisputeID: "e", AuthState: "f", AccessToken: "g",
	}
	missing := map[string]func(*Subject){
		"notifyType": func(s *Subject) { s.Type = "" }, "result": func(s *Subject) { s.ResultStatus = "" },
		"refundStatus": func(s *Subject) { s.RefundStatus = "" }, "paymentRequestId": func(s *Subject) { s.PaymentRequestID = "" },
		"paymentId": func(s *Subject) { s.PaymentID = "" }, "refundRequestId": func(s *Subject) { s.RefundRequestID = "" },
		"captureRequestId": func(s *Subject) { s.CaptureRequestID = "" }, "disputeId": func(s *Subject) { s.DisputeID = "" },
		"authState": func(s *Subject) { s.AuthState = "" }, "accessToken": func(s *Subject) { s.AccessToken = "" },
	}
	wrong := []any{nil, true, 7, -1.5e300, []any{}, []any{"S"}, map[string]any{}, map[string]any{"resultStatus": 1}, map[string]any{"resultStatus": nil}}
	for name, remove := range missing {
		t.Run(name, func(t *testing.T) {
			for _, value := range wrong {
				broken := map[string]any{}
				for key, good := range whole {
					broken[key] = good
				}
				broken[name] = value
				body := must[[]byte](t)(json.Marshal(broken))
				rest := want
				remove(&rest)
				if got, err := ReadSubject(body); err != nil || got != rest {
					t.Errorf("%s: %+v, %v; want %+v", body, got, err, rest)
				}
			}
		})
	}
	if got, err := ReadSubject(must[[]byte](t)(json.Marshal(whole))); err != nil || got != want {
		t.Errorf("ReadSubject = %+v, %v; want %+v", got, err, want)
	}
}

func TestWhatIsNoObjectIsNoNotification(t *testing.T) {
	for _, body := range []string{"", " ", "null", " null ", "true", "7", `"{}"`, "[]", `[{"notifyType":"PAYMENT_RESULT"}]`, "{", "{}{}", "{} x", "\ufeff{}", "notifyType=x"} {
		if got, err := ReadSubject([]byte(body)); !errors.Is(err, errNoObject) || got != (Subject{}) {
			t.Errorf("ReadSubject(%q) = %+v, %v; want errNoObject", body, got, err)
		}
	}
	if got, err := ReadSubject([]byte("\r\n {} \t")); err != nil || got != (Subject{}) {
		t.Errorf("ReadSubject of an empty object = %+v, %v", got, err)
	}
}

func TestPaymentNotificationIsDecoded(t *testing.T) {
	got, err := ReadPaymentNotification(readExample(t, "payment-paid"))
	if err != nil {
		t.Fatal(err)
	}
	if got.NotifyType != NotifyPaymentResult || got.Result.ResultCode != "SUCCESS" || got.Result.ResultStatus != "S" ||
		got.PaymentRequestID != "pr_7f0c2d51a9" || got.PaymentID != "20261121194010800100188000000000042" {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(&Amount{Currency: "HKD", Value: "25800"}, got.PaymentAmount); diff != "" {
		t.Errorf("amount: -want +got\n%s", diff)
	}
	if got.PaymentCreateTime.UTC().Format("2006-01-02T15:04:05Z") != "2026-11-21T10:14:09Z" || got.PaymentTime.IsZero() {
		t.Errorf("times = %v, %v", got.PaymentCreateTime, got.PaymentTime)
	}
	unpaid, err := ReadPaymentNotification(readExample(t, "payment-closed"))
	if err != nil || !unpaid.PaymentTime.IsZero() || unpaid.Result.ResultCode != "ORDER_IS_CLOSED" {
		t.Errorf("unpaid: %+v, %v", unpaid, err)
	}
}

func TestRefundNotificationIsDecoded(t *testing.T) {
	got, err := ReadRefundNotification(readExample(t, "refund-success"))
	if err != nil {
		t.Fatal(err)
	}
	if got.NotifyType != NotifyRefundResult || got.RefundStatus != "SUCCESS" || got.RefundRequestID != "rf-0042-1" ||
		got.RefundID != "20261122194010801100188000000000007" || got.RefundTime.IsZero() {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(&Amount{Currency: "HKD", Value: "5800"}, got.RefundAmount); diff != "" {
		t.Errorf("amount: -want +got\n%s", diff)
	}
	failed, err := ReadRefundNotification(readExample(t, "refund-fail"))
	if err != nil || failed.RefundStatus != "FAIL" || failed.Result.ResultCode != "MERCHANT_BALANCE_NOT_ENOUGH" || !failed.RefundTime.IsZero() {
		t.Errorf("failed: %+v, %v", failed, err)
	}
}

func TestNotificationThatCanNotBeReadIsAnError(t *testing.T) {
	for _, body := range []string{"", "[]", `"x"`, `{"result":7}`, `{"paymentRequestId":7,"refundRequestId":7}`, `{"paymentAmount":"1","refundAmount":"1"}`} {
		if got, err := ReadPaymentNotification([]byte(body)); err == nil {
			t.Errorf("ReadPaymentNotification(%s) = %+v", body, got)
		}
		if got, err := ReadRefundNotification([]byte(body)); err == nil {
			t.Errorf("ReadRefundNotification(%s) = %+v", body, got)
		}
	}
}

func TestAcknowledgementIsTheDocumentedBody(t *testing.T) {
	const want = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}`
	first := Acknowledgement()
	if string(first) != want {
		t.Errorf("Acknowledgement = %s, want %s", first, want)
	}
	first[0] = 'x'
	if string(Acknowledgement()) != want {
		t.Error("a caller can change it")
	}
}
