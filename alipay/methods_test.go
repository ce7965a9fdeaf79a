package alipay

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden request bodies")

func utc(year int, month time.Month, day, hour, minute, second int) Time {
	return Time{Time: time.Date(year, month, day, hour, minute, second, 0, time.UTC)}
}

func hkd(value string) Amount { return Amount{Currency: "HKD", Value: value} }

// methodCase is one documented example: a request, and the answer to it.
type methodCase struct {
	name       string
	call       func(ctx context.Context, c *Client) (any, error)
	path       string
	documented string // the request body as documented, in meaning
	answer     string
	want       any
}

func success() Answer {
	return Answer{
		Result:       Result{ResultCode: "SUCCESS", ResultStatus: "S", ResultMessage: "Success"},
		ResponseTime: time.Date(2026, 11, 21, 2, 0, 1, 0, time.UTC),
	}
}

func inProcess(code, message string) Answer {
	a := success()
	a.Result = Result{ResultCode: code, ResultStatus: "U", ResultMessage: message}
	return a
}

const successResult = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"Success"}`

func methodCases() []methodCase {
	yes, no := true, false
	sgd := Amount{Currency: "SGD", Value: "4200"}
	php := Amount{Currency: "PHP", Value: "49900"}
	brl := Amount{Currency: "BRL", Value: "1000"}
	lamp, refund := hkd("25800"), hkd("5800")
	return []methodCase{
		{
			name: "pay",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Pay(ctx, &PayRequest{
					ProductCode: ProductCashierPayment, PaymentRequestID: "pr_7f0c2d51a9", PaymentAmount: hkd("25800"),
					Order: &Order{
						ReferenceOrderID: "ord-20261121-0042", OrderDescription: "Desk lamp", OrderAmount: hkd("25800"),
						Buyer: &Buyer{ReferenceBuyerID: "b-1188"},
					},
					PaymentMethod:      PaymentMethod{PaymentMethodType: "ALIPAY_HK"},
					Env:                &Env{TerminalType: "WAP", OsType: "ANDROID", ClientIP: "203.0.113.9"},
					PaymentRedirectURL: "https://shop.example/return", PaymentNotifyURL: "https://pay.example/notify",
					SettlementStrategy: &SettlementStrategy{SettlementCurrency: "HKD"},
				})
			},
			path: "/ams/api/v1/payments/pay",
			documented: `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"pr_7f0c2d51a9","paymentAmount":{"currency":"HKD","value":"25800"},
 "order":{"referenceOrderId":"ord-20261121-0042","orderDescription":"Desk lamp","orderAmount":{"currency":"HKD","value":"25800"},
  "buyer":{"referenceBuyerId":"b-1188"}},
 "paymentMethod":{"paymentMethodType":"ALIPAY_HK"},"env":{"terminalType":"WAP","osType":"ANDROID","clientIp":"203.0.113.9"},
 "paymentRedirectUrl":"https://shop.example/return","paymentNotifyUrl":"https://pay.example/notify",
 "settlementStrategy":{"settlementCurrency":"HKD"}}`,
			answer: `{"result":{"resultCode":"PAYMENT_IN_PROCESS","resultStatus":"U","resultMessage":"payment in process"},
 "paymentRequestId":"pr_7f0c2d51a9","paymentId":"20261121194010800100188000000000042",
 "paymentAmount":{"currency":"HKD","value":"25800"},"paymentCreateTime":"2026-11-21T02:14:09-08:00",
 "normalUrl":"https://cashier.example/checkout?c=281002040099","applinkUrl":"https://wallet.example/ulink?c=281002040099",
 "appIdentifier":"hk.alipay.wallet",
 "redirectActionForm":{"method":"GET","redirectUrl":"https://cashier.example/adaptor?c=281002040099"},
 "orderCodeForm":{"expireTime":"2026-11-21T02:28:08-08:00","codeDetails":[{"codeValue":"https://g.example/281002040099","displayType":"TEXT"}]}}`,
			want: &PayResponse{
				Answer: inProcess("PAYMENT_IN_PROCESS", "payment in process"), PaymentRequestID: "pr_7f0c2d51a9",
				PaymentID: "20261121194010800100188000000000042", PaymentAmount: &lamp, PaymentCreateTime: utc(2026, 11, 21, 10, 14, 9),
				NormalURL: "https://cashier.example/checkout?c=281002040099", ApplinkURL: "https://wallet.example/ulink?c=281002040099",
				AppIdentifier:      "hk.alipay.wallet",
				RedirectActionForm: &RedirectActionForm{Method: "GET", RedirectURL: "https://cashier.example/adaptor?c=281002040099"},
				OrderCodeForm: &OrderCodeForm{
					ExpireTime:  utc(2026, 11, 21, 10, 28, 8),
					CodeDetails: []CodeDetail{{CodeValue: "https://g.example/281002040099", DisplayType: "TEXT"}},
				},
			},
		},
		{
			name: "pay by card with manual capture",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Pay(ctx, &PayRequest{
					ProductCode: ProductCashierPayment, PaymentRequestID: "pr_card_31", PaymentAmount: sgd,
					Order: &Order{
						ReferenceOrderID: "ord-77", OrderDescription: "Two nights", OrderAmount: sgd,
						Buyer: &Buyer{ReferenceBuyerID: "b-9", BuyerEmail: "b9@shop.example"},
					},
					PaymentMethod: PaymentMethod{
						PaymentMethodType:     "CARD",
						PaymentMethodMetaData: map[string]any{"paymentMethodRegion": "GLOBAL", "is3DSAuthentication": true},
					},
					PaymentFactor: &PaymentFactor{IsAuthorization: &yes, CaptureMode: CaptureModeManual},
					Env: &Env{TerminalType: "WEB", ClientIP: "203.0.113.9", BrowserInfo: &BrowserInfo{
						AcceptHeader: "text/html", JavaEnabled: &no, JavaScriptEnabled: &yes, Language: "en", UserAgent: "UA",
					}},
					PaymentRedirectURL: "https://shop.example/return", PaymentNotifyURL: "https://pay.example/notify",
				})
			},
			path: "/ams/api/v1/payments/pay",
			documented: `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"pr_card_31","paymentAmount":{"currency":"SGD","value":"4200"},
 "order":{"referenceOrderId":"ord-77","orderDescription":"Two nights","orderAmount":{"currency":"SGD","value":"4200"},
  "buyer":{"referenceBuyerId":"b-9","buyerEmail":"b9@shop.example"}},
 "paymentMethod":{"paymentMethodType":"CARD","paymentMethodMetaData":{"paymentMethodRegion":"GLOBAL","is3DSAuthentication":true}},
 "paymentFactor":{"isAuthorization":true,"captureMode":"MANUAL"},
 "env":{"terminalType":"WEB","clientIp":"203.0.113.9","browserInfo":{"acceptHeader":"text/html","javaEnabled":false,"javaScriptEnabled":true,"language":"en","userAgent":"UA"}},
 "paymentRedirectUrl":"https://shop.example/return","paymentNotifyUrl":"https://pay.example/notify"}`,
			answer: successResult + `,"paymentRequestId":"pr_card_31","authExpiryTime":"2026-11-28T02:40:41-08:00"}`,
			want: &PayResponse{
				Answer: success(), PaymentRequestID: "pr_card_31", AuthExpiryTime: utc(2026, 11, 28, 10, 40, 41),
			},
		},
		{
			name: "pay by agreement",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Pay(ctx, &PayRequest{
					ProductCode: ProductAgreementPayment, PaymentRequestID: "sub-1188-2026-11", PaymentAmount: php,
					Order:              &Order{ReferenceOrderID: "inv-2026-11-1188", OrderDescription: "Plan, November", OrderAmount: php},
					PaymentMethod:      PaymentMethod{PaymentMethodType: "GCASH", PaymentMethodID: "2810010300000000000000000000000000tok1188"},
					PaymentNotifyURL:   "https://pay.example/notify",
					SettlementStrategy: &SettlementStrategy{SettlementCurrency: "USD"},
				})
			},
			path: "/ams/api/v1/payments/pay",
			documented: `{"productCode":"AGREEMENT_PAYMENT","paymentRequestId":"sub-1188-2026-11","paymentAmount":{"currency":"PHP","value":"49900"},
 "order":{"referenceOrderId":"inv-2026-11-1188","orderDescription":"Plan, November","orderAmount":{"currency":"PHP","value":"49900"}},
 "paymentMethod":{"paymentMethodType":"GCASH","paymentMethodId":"2810010300000000000000000000000000tok1188"},
 "paymentNotifyUrl":"https://pay.example/notify","settlementStrategy":{"settlementCurrency":"USD"}}`,
			answer: successResult + `,"paymentRequestId":"sub-1188-2026-11",
 "paymentId":"20261121194010800100188000000000777","paymentAmount":{"currency":"PHP","value":"49900"},
 "paymentCreateTime":"2026-11-21T02:30:00-08:00","paymentTime":"2026-11-21T02:30:02-08:00",
 "settlementQuote":{"quoteId":"q1","quoteCurrencyPair":"PHP/USD","quotePrice":0.0170123456789012345678,"guaranteed":"true"}}`,
			want: &PayResponse{
				Answer: success(), PaymentRequestID: "sub-1188-2026-11", PaymentID: "20261121194010800100188000000000777",
				PaymentAmount: &php, PaymentCreateTime: utc(2026, 11, 21, 10, 30, 0), PaymentTime: utc(2026, 11, 21, 10, 30, 2),
				SettlementQuote: &Quote{QuoteID: "q1", QuoteCurrencyPair: "PHP/USD", QuotePrice: "0.0170123456789012345678", Guaranteed: true},
			},
		},
		{
			name: "createPaymentSession",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.CreatePaymentSession(ctx, &CreatePaymentSessionRequest{
					ProductCode: ProductCashierPayment, PaymentRequestID: "ses-55b-01", PaymentAmount: brl,
					Order: &Order{
						ReferenceOrderID: "o-1", OrderDescription: "book", OrderAmount: brl, Buyer: &Buyer{ReferenceBuyerID: "b1"},
					},
					PaymentMethod: &PaymentMethod{
						PaymentMethodType: "CARD", PaymentMethodMetaData: map[string]any{"paymentMethodRegion": "BR"},
					},
					PaymentFactor:      &PaymentFactor{IsAuthorization: &yes},
					PaymentRedirectURL: "https://shop.example/r", PaymentNotifyURL: "https://pay.example/n",
				})
			},
			path: "/ams/api/v1/payments/createPaymentSession",
			documented: `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"ses-55b-01","paymentAmount":{"currency":"BRL","value":"1000"},
 "order":{"referenceOrderId":"o-1","orderDescription":"book","orderAmount":{"currency":"BRL","value":"1000"},"buyer":{"referenceBuyerId":"b1"}},
 "paymentMethod":{"paymentMethodType":"CARD","paymentMethodMetaData":{"paymentMethodRegion":"BR"}},
 "paymentFactor":{"isAuthorization":true},"paymentRedirectUrl":"https://shop.example/r","paymentNotifyUrl":"https://pay.example/n"}`,
			answer: successResult + `,"paymentSessionId":"UNvjVWn0001",
 "paymentSessionData":"UNvjVWn0001&&SG","paymentSessionExpiryTime":"2026-11-21T19:00:00+08:00"}`,
			want: &CreatePaymentSessionResponse{
				Answer: success(), PaymentSessionID: "UNvjVWn0001", PaymentSessionData: "UNvjVWn0001&&SG",
				PaymentSessionExpiryTime: utc(2026, 11, 21, 11, 0, 0),
			},
		},
		{
			name: "consult",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Consult(ctx, &ConsultRequest{
					ProductCode: ProductCashierPayment, PaymentAmount: Amount{Currency: "THB", Value: "45000"},
					Env: &Env{TerminalType: "WAP", OsType: "IOS"}, UserRegion: "TH",
					AllowedPaymentMethodRegions: []string{"TH", "GLOBAL"}, SettlementStrategy: &SettlementStrategy{SettlementCurrency: "USD"},
				})
			},
			path: "/ams/api/v1/payments/consult",
			documented: `{"productCode":"CASHIER_PAYMENT","paymentAmount":{"currency":"THB","value":"45000"},
 "env":{"terminalType":"WAP","osType":"IOS"},"userRegion":"TH",
 "allowedPaymentMethodRegions":["TH","GLOBAL"],"settlementStrategy":{"settlementCurrency":"USD"}}`,
			answer: successResult + `,
 "paymentOptions":[
  {"paymentMethodType":"TRUEMONEY","paymentMethodCategory":"ALIPAY_PLUS","paymentMethodRegion":["TH"],"enabled":true,
   "logo":{"logoName":"TrueMoney","logoUrl":"https://cdn.example/truemoney.svg"}},
  {"paymentMethodType":"BLIK","paymentMethodRegion":["PL"],"enabled":"false","disableReason":"CURRENT_CHANNEL_NOT_EXIST",
   "logo":{"logoName":"Blik"},"installment":{"plans":[{"interestRate":"0.05","installmentNum":"12","enabled":true}]}}]}`,
			want: &ConsultResponse{Answer: success(), PaymentOptions: []PaymentOption{
				{
					PaymentMethodType: "TRUEMONEY", PaymentMethodCategory: "ALIPAY_PLUS", PaymentMethodRegion: []string{"TH"}, Enabled: true,
					Logo: &Logo{LogoName: "TrueMoney", LogoURL: "https://cdn.example/truemoney.svg"},
				},
				{
					PaymentMethodType: "BLIK", PaymentMethodRegion: []string{"PL"}, DisableReason: "CURRENT_CHANNEL_NOT_EXIST",
					Logo:        &Logo{LogoName: "Blik"},
					Installment: &Installment{Plans: []InstallmentPlan{{InterestRate: "0.05", InstallmentNum: 12, Enabled: true}}},
				},
			}},
		},
		{
			name: "inquiryPayment",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.InquiryPayment(ctx, &InquiryPaymentRequest{PaymentRequestID: "pr_card_31"})
			},
			path:       "/ams/api/v1/payments/inquiryPayment",
			documented: `{"paymentRequestId":"pr_card_31"}`,
			answer:     inquiryPaymentAnswer,
			want: &InquiryPaymentResponse{
				Answer: success(), PaymentStatus: StatusSuccess, PaymentResultCode: "SUCCESS", PaymentResultMessage: "success",
				PaymentRequestID: "pr_card_31", PaymentID: "20261121194010890100111000000000031", PaymentAmount: &sgd,
				PaymentCreateTime: utc(2026, 11, 21, 10, 40, 0), PaymentTime: utc(2026, 11, 21, 10, 40, 41),
				AuthExpiryTime: utc(2026, 11, 28, 10, 40, 41),
				PaymentResultInfo: &PaymentResultInfo{
					CardBrand: "VISA", Funding: "CREDIT", IssuingCountry: "SG", AvsResultRaw: "A", CvvResultRaw: "Y", NetworkTransactionID: "ntx-0001",
					ThreeDSResult: &ThreeDSResult{ThreeDSVersion: "2.2.0", ECI: "05", ThreeDSOffered: true},
				},
				Transactions: []Transaction{{
					TransactionType: TransactionCapture, TransactionStatus: StatusProcessing, TransactionRequestID: "cap-31-1",
					TransactionID: "20261121194010890100111000000000099", TransactionAmount: &sgd,
					TransactionResult: &Result{ResultCode: "PAYMENT_IN_PROCESS", ResultStatus: "U", ResultMessage: "payment in process"},
				}},
			},
		},
		{
			name: "cancel",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Cancel(ctx, &CancelRequest{PaymentRequestID: "pr_7f0c2d51a9"})
			},
			path:       "/ams/api/v1/payments/cancel",
			documented: `{"paymentRequestId":"pr_7f0c2d51a9"}`,
			answer: successResult + `,"paymentRequestId":"pr_7f0c2d51a9",
 "paymentId":"20261121194010800100188000000000042","cancelTime":"2026-11-21T02:20:11-08:00"}`,
			want: &CancelResponse{
				Answer: success(), PaymentRequestID: "pr_7f0c2d51a9", PaymentID: "20261121194010800100188000000000042",
				CancelTime: utc(2026, 11, 21, 10, 20, 11),
			},
		},
		{
			name: "capture",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Capture(ctx, &CaptureRequest{
					CaptureRequestID: "cap-31-1", PaymentID: "20261121194010890100111000000000031", CaptureAmount: sgd, IsLastCapture: &no,
				})
			},
			path: "/ams/api/v1/payments/capture",
			documented: `{"captureRequestId":"cap-31-1","paymentId":"20261121194010890100111000000000031",
 "captureAmount":{"currency":"SGD","value":"4200"},"isLastCapture":false}`,
			answer: successResult + `,"captureRequestId":"cap-31-1",
 "captureId":"20261121194010890100111000000000099","paymentId":"20261121194010890100111000000000031",
 "captureAmount":{"currency":"SGD","value":"4200"},"captureTime":"2026-11-22T01:12:09-08:00"}`,
			want: &CaptureResponse{
				Answer: success(), CaptureRequestID: "cap-31-1", CaptureID: "20261121194010890100111000000000099",
				PaymentID: "20261121194010890100111000000000031", CaptureAmount: &sgd, CaptureTime: utc(2026, 11, 22, 9, 12, 9),
			},
		},
		{
			name: "refund",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.Refund(ctx, &RefundRequest{
					RefundRequestID: "rf-0042-1", PaymentID: "20261121194010800100188000000000042", ReferenceRefundID: "rma-9",
					RefundAmount: hkd("5800"), RefundReason: "one item returned", RefundNotifyURL: "https://pay.example/refund-notify",
				})
			},
			path: "/ams/api/v1/payments/refund",
			documented: `{"refundRequestId":"rf-0042-1","paymentId":"20261121194010800100188000000000042","referenceRefundId":"rma-9",
 "refundAmount":{"currency":"HKD","value":"5800"},"refundReason":"one item returned",
 "refundNotifyUrl":"https://pay.example/refund-notify"}`,
			answer: successResult + `,"refundRequestId":"rf-0042-1",
 "refundId":"20261122194010801100188000000000007","paymentId":"20261121194010800100188000000000042",
 "refundAmount":{"currency":"HKD","value":"5800"},"refundTime":"2026-11-22T03:00:09-08:00"}`,
			want: &RefundResponse{
				Answer: success(), RefundRequestID: "rf-0042-1", RefundID: "20261122194010801100188000000000007",
				PaymentID: "20261121194010800100188000000000042", RefundAmount: &refund, RefundTime: utc(2026, 11, 22, 11, 0, 9),
			},
		},
		{
			name: "inquiryRefund",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.InquiryRefund(ctx, &InquiryRefundRequest{RefundRequestID: "rf-0042-1"})
			},
			path:       "/ams/api/v1/payments/inquiryRefund",
			documented: `{"refundRequestId":"rf-0042-1"}`,
			answer: successResult + `,"refundId":"20261122194010801100188000000000007",
 "refundRequestId":"rf-0042-1","refundAmount":{"currency":"HKD","value":"5800"},"refundStatus":"SUCCESS",
 "refundTime":"2026-11-22T03:00:09-08:00"}`,
			want: &InquiryRefundResponse{
				Answer: success(), RefundID: "20261122194010801100188000000000007", RefundRequestID: "rf-0042-1",
				RefundAmount: &refund, RefundStatus: StatusSuccess, RefundTime: utc(2026, 11, 22, 11, 0, 9),
			},
		},
	}
}

const inquiryPaymentAnswer = successResult + `,"paymentStatus":"SUCCESS",
 "paymentResultCode":"SUCCESS","paymentResultMessage":"success","paymentRequestId":"pr_card_31",
 "paymentId":"20261121194010890100111000000000031","paymentAmount":{"currency":"SGD","value":"4200"},
 "paymentCreateTime":"2026-11-21T02:40:00-08:00","paymentTime":"2026-11-21T02:40:41-08:00","authExpiryTime":"2026-11-28T02:40:41-08:00",
 "paymentResultInfo":{"cardBrand":"VISA","cardNo":"****0768","funding":"CREDIT","issuingCountry":"SG","avsResultRaw":"A","cvvResultRaw":"Y",
  "networkTransactionId":"ntx-0001","threeDSResult":{"threeDSVersion":"2.2.0","eci":"05","cavv":"AAAB","dsTransactionId":"ds-1","threeDSOffered":true,"challenged":false}},
 "transactions":[{"transactionType":"CAPTURE","transactionStatus":"PROCESSING","transactionRequestId":"cap-31-1",
  "transactionId":"20261121194010890100111000000000099","transactionAmount":{"currency":"SGD","value":"4200"},
  "transactionResult":{"resultCode":"PAYMENT_IN_PROCESS","resultStatus":"U","resultMessage":"payment in process"}}]}`

func TestEachMethodSendsTheDocumentedRequestAndReadsTheDocumentedAnswer(t *testing.T) {
	for _, tt := range slices.Concat(methodCases(), authorizationCases(), customsCases(), disputeCases()) {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, always(answer{body: tt.answer}))
			got, err := tt.call(t.Context(), newClient(t, testConfig(t, g.URL)))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("answer:\n got %s\nwant %s", asJSON(t, got), asJSON(t, tt.want))
			}
			if g.count() != 1 {
				t.Fatalf("%d requests, want 1", g.count())
			}
			sent := g.requests[0]
			if sent.path != tt.path {
				t.Errorf("path = %s, want %s", sent.path, tt.path)
			}
			checkHeaders(t, sent)
			checkGolden(t, filepath.Join("testdata", "requests", strings.ReplaceAll(tt.name, " ", "-")+".json"), sent.body)
			var gotBody, wantBody any
			if err := json.Unmarshal(sent.body, &gotBody); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.documented), &wantBody); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(gotBody, wantBody) {
				t.Errorf("body:\n got %s\nwant %s", sent.body, tt.documented)
			}
		})
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	return must[[]byte](t)(json.MarshalIndent(v, "", " "))
}

func checkHeaders(t *testing.T, r received) {
	t.Helper()
	want := map[string]string{
		"Client-Id":       testClientID,
		"Request-Time":    "1795226400123",
		"Content-Type":    "application/json; charset=UTF-8",
		"User-Agent":      "alipay-operator",
		"Accept-Encoding": "identity",
		"Agent-Token":     "",
	}
	for name, value := range want {
		if got := r.header.Get(name); got != value {
			t.Errorf("header %s = %q, want %q", name, got, value)
		}
	}
	merchant := mustPublicKey(t, loadVectors(t).Keys["merchant"].PublicKeyPem)
	m := Message{URI: r.path, ClientID: testClientID, Time: r.header.Get("Request-Time"), Body: r.body}
	if err := Verify(m, r.header.Get("Signature"), merchant); err != nil {
		t.Errorf("the request's signature: %v", err)
	}
}

// checkGolden pins the very bytes: controllers record their hash, and compare it after an upgrade.
func checkGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, append(bytes.Clone(got), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, bytes.TrimSuffix(want, []byte("\n"))) {
		t.Errorf("bytes:\n got %s\nwant %s", got, want)
	}
}

func TestRunningCaptureAndRefundAreAnswers(t *testing.T) {
	tests := []struct {
		name, code string
		call       func(c *Client) (Result, error)
	}{
		{"capture", CodeCaptureInProcess, func(c *Client) (Result, error) {
			r, err := c.Capture(t.Context(), &CaptureRequest{CaptureRequestID: "c1", PaymentID: "p1"})
			return r.Result, err
		}},
		{"refund", CodeRefundInProcess, func(c *Client) (Result, error) {
			r, err := c.Refund(t.Context(), &RefundRequest{RefundRequestID: "r1", PaymentID: "p1"})
			return r.Result, err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, always(answer{body: resultBody(tt.code, "U")}))
			result, err := tt.call(newClient(t, testConfig(t, g.URL)))
			if err != nil || result.ResultCode != tt.code || result.ResultStatus != ResultStatusUnknown {
				t.Errorf("result %v, error %v", result, err)
			}
		})
	}
}

func TestSandboxClientUsesTheSandboxPath(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("X", "F"), headers: unsigned}))
	cfg := testConfig(t, g.URL)
	cfg.ClientID, cfg.AgentToken, cfg.KeyVersion = "SANDBOX_5Y00000000000000", "agent-token-1", 3
	if err := payForTest(t.Context(), newClient(t, cfg)); err == nil {
		t.Fatal("no error")
	}
	sent := g.requests[0]
	if want := "/ams/sandbox/api/v1/payments/pay"; sent.path != want {
		t.Errorf("path = %s, want %s", sent.path, want)
	}
	if got := sent.header.Get("Agent-Token"); got != "agent-token-1" {
		t.Errorf("Agent-Token = %q", got)
	}
	if got := sent.header.Get("Signature"); !strings.HasPrefix(got, "algorithm=RSA256,keyVersion=3,signature=") {
		t.Errorf("Signature = %q", got)
	}
}

func TestAnswersOfOddFormAreRead(t *testing.T) {
	tests := []struct {
		name, fields string
		want         func(r *InquiryPaymentResponse) bool
	}{
		{"misspelt authExpirytime", `"authExpirytime":"2026-11-28T02:40:41-08:00"`, func(r *InquiryPaymentResponse) bool {
			return r.AuthExpiryTime == utc(2026, 11, 28, 10, 40, 41)
		}},
		{"misspelt transationType", `"transactions":[{"transationType":"CAPTURE","transactionId":"t1"}]`, func(r *InquiryPaymentResponse) bool {
			return reflect.DeepEqual(r.Transactions, []Transaction{{TransactionType: "CAPTURE", TransactionID: "t1"}})
		}},
		{"transactions null", `"transactions":null`, func(r *InquiryPaymentResponse) bool { return r.Transactions == nil }},
		{"empty time", `"paymentTime":""`, func(r *InquiryPaymentResponse) bool { return r.PaymentTime.IsZero() }},
		{"time null", `"paymentTime":null`, func(r *InquiryPaymentResponse) bool { return r.PaymentTime.IsZero() }},
		{"status of tomorrow", `"paymentStatus":"LEVITATING"`, func(r *InquiryPaymentResponse) bool { return r.PaymentStatus == "LEVITATING" }},
		{"field of tomorrow", `"newField":{"a":[1]},"paymentStatus":"FAIL"`, func(r *InquiryPaymentResponse) bool { return r.PaymentStatus == StatusFail }},
		{"quoted decimal", `"settlementQuote":{"quotePrice":"7.81230000000000000001"}`, func(r *InquiryPaymentResponse) bool {
			return r.SettlementQuote.QuotePrice == "7.81230000000000000001"
		}},
		{"quoted boolean", `"paymentResultInfo":{"threeDSResult":{"challenged":"TRUE","threeDSOffered":""}}`, func(r *InquiryPaymentResponse) bool {
			return bool(r.PaymentResultInfo.ThreeDSResult.Challenged) && !bool(r.PaymentResultInfo.ThreeDSResult.ThreeDSOffered)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, always(answer{body: successResult + "," + tt.fields + "}"}))
			r, err := newClient(t, testConfig(t, g.URL)).InquiryPayment(t.Context(), &InquiryPaymentRequest{PaymentID: "p1"})
			if err != nil {
				t.Fatal(err)
			}
			if !tt.want(r) {
				t.Errorf("decoded %s", asJSON(t, r))
			}
		})
	}
}
