package alipay

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func cny(value string) Amount { return Amount{Currency: "CNY", Value: value} }

// declaration is the example of the documents.
func declaration() *DeclareRequest {
	return &DeclareRequest{
		DeclarationRequestID: "decl0000000000000001", PaymentID: "20990101190741010007000000000001", DeclarationAmount: cny("10050"),
		Customs:             Customs{Region: "CN", CustomsCode: CustomsZongshu},
		MerchantCustomsInfo: MerchantCustomsInfo{MerchantCustomsCode: "TV0000000001", MerchantCustomsName: "测试商贸有限公司"},
		BuyerCertificate: &BuyerCertificate{
			CertificateType: "ID_CARD", CertificateNo: "000000200001010000", HolderName: &UserName{FullName: "测试员甲"},
		},
	}
}

func customsCases() []methodCase {
	whole, part := cny("10050"), cny("9007199254740993") // the latter is not a number of JavaScript
	return []methodCase{
		{
			name: "declare",
			call: func(ctx context.Context, c *Client) (any, error) { return c.Declare(ctx, declaration()) },
			path: "/ams/api/v1/customs/declare",
			documented: `{"declarationRequestId":"decl0000000000000001","paymentId":"20990101190741010007000000000001",
 "declarationAmount":{"currency":"CNY","value":"10050"},"customs":{"region":"CN","customsCode":"ZONGSHU"},
 "merchantCustomsInfo":{"merchantCustomsCode":"TV0000000001","merchantCustomsName":"测试商贸有限公司"},"splitOrder":false,
 "buyerCertificate":{"certificateType":"ID_CARD","certificateNo":"000000200001010000","holderName":{"fullName":"测试员甲"}}}`,
			answer: successResult + `,"customsPaymentId":"2099010122001400000000000001","customsOrderId":"pay-req-0001","identityCheckResult":"CHECK_PASSED"}`,
			want: &DeclareResponse{
				Answer: success(), CustomsPaymentID: "2099010122001400000000000001", CustomsOrderID: "pay-req-0001",
				IdentityCheckResult: IdentityCheckPassed,
			},
		},
		{
			name: "declare part of an order",
			call: func(ctx context.Context, c *Client) (any, error) {
				request := declaration()
				request.DeclarationAmount, request.SplitOrder, request.SubOrderID = part, true, "ord-77-b"
				request.BuyerCertificate = nil
				return c.Declare(ctx, request)
			},
			path: "/ams/api/v1/customs/declare",
			documented: `{"declarationRequestId":"decl0000000000000001","paymentId":"20990101190741010007000000000001",
 "declarationAmount":{"currency":"CNY","value":"9007199254740993"},"customs":{"region":"CN","customsCode":"ZONGSHU"},
 "merchantCustomsInfo":{"merchantCustomsCode":"TV0000000001","merchantCustomsName":"测试商贸有限公司"},
 "splitOrder":true,"subOrderId":"ord-77-b"}`,
			answer: successResult + `,"customsPaymentId":"2099010122001400000000000001","customsOrderId":"ord-77-b",
 "clearingChannel":"NUCC","clearingTransactionId":"2099010100000001","customsProviderRegistrationId":"31222699S7"}`,
			want: &DeclareResponse{
				Answer: success(), CustomsPaymentID: "2099010122001400000000000001", CustomsOrderID: "ord-77-b",
				ClearingChannel: "NUCC", ClearingTransactionID: "2099010100000001", CustomsProviderRegistrationID: "31222699S7",
			},
		},
		{
			name: "inquiryDeclarationRequests",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.InquiryDeclarationRequests(ctx, &InquiryDeclarationRequestsRequest{
					DeclarationRequestIDs: []string{"decl0000000000000001", "decl0000000000000404"},
				})
			},
			path:       "/ams/api/v1/customs/inquiryDeclarationRequests",
			documented: `{"declarationRequestIds":["decl0000000000000001","decl0000000000000404"]}`,
			answer: successResult + `,"declarationRequestsNotFound":["decl0000000000000404"],
 "declarationRecords":[{"declarationRequestId":"decl0000000000000001","customsPaymentId":"2099010122001400000000000001",
  "customsOrderId":"pay-req-0001","customs":{"customsCode":"ZONGSHU","region":"CN"},
  "merchantCustomsInfo":{"merchantCustomsCode":"TV0000000001","merchantCustomsName":"测试商贸有限公司"},
  "declarationAmount":{"currency":"CNY","value":"10050"},"splitOrder":"true","declarationRequestStatus":"CUSTOMS_PROCESSING_COMPLETED",
  "lastModifiedTime":"2099-01-01T20:00:00+08:00","customsDeclarationResultCode":"2","customsDeclarationResultDesc":"ok",
  "customsDeclarationReturnTime":"2099-01-01T20:00:00+08:00"}]}`,
			want: &InquiryDeclarationRequestsResponse{
				Answer: success(), DeclarationRequestsNotFound: []string{"decl0000000000000404"},
				DeclarationRecords: []DeclarationRecord{{
					DeclarationRequestID: "decl0000000000000001", CustomsPaymentID: "2099010122001400000000000001", CustomsOrderID: "pay-req-0001",
					Customs:             Customs{Region: "CN", CustomsCode: CustomsZongshu},
					MerchantCustomsInfo: MerchantCustomsInfo{MerchantCustomsCode: "TV0000000001", MerchantCustomsName: "测试商贸有限公司"},
					DeclarationAmount:   &whole, SplitOrder: true, DeclarationRequestStatus: DeclarationCompleted, LastModifiedTime: utc(2099, 1, 1, 12, 0, 0),
					CustomsDeclarationResultCode: "2", CustomsDeclarationResultDesc: "ok", CustomsDeclarationReturnTime: utc(2099, 1, 1, 12, 0, 0),
				}},
			},
		},
	}
}

// The vector was made with openssl; it has splitOrder in quotes, so only its text is compared. The signature over the
// client's own bytes is in a golden file that openssl has confirmed.
func TestChineseNamesSurviveTheSignature(t *testing.T) {
	var documented vector
	f := loadVectors(t)
	for _, v := range f.Vectors {
		if v.ID == "req-utf8-chinese" {
			documented = v
		}
	}
	g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
	clock := WithClock(func() time.Time { return time.UnixMilli(4070908801456) })
	request := declaration()
	request.DeclarationRequestID = "tv-decl-0001"
	request.MerchantCustomsInfo.MerchantCustomsName = "测试向量商贸有限公司"
	if _, err := newClient(t, testConfig(t, g.URL), clock).Declare(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	sent := g.requests[0]
	if want := strings.Replace(documented.Body, `"splitOrder":"false"`, `"splitOrder":false`, 1); string(sent.body) != want {
		t.Errorf("body:\n got %s\nwant %s", sent.body, want)
	}
	message := Message{URI: documented.URI, ClientID: documented.ClientID, Time: documented.Time, Body: sent.body}
	if err := Verify(message, sent.header.Get("Signature"), mustPublicKey(t, f.Keys["merchant"].PublicKeyPem)); err != nil {
		t.Errorf("the request's signature: %v", err)
	}
	message.Body = []byte(strings.Replace(string(sent.body), "甲", "乙", 1))
	if Verify(message, sent.header.Get("Signature"), mustPublicKey(t, f.Keys["merchant"].PublicKeyPem)) == nil {
		t.Error("another name has the same signature")
	}
	checkGolden(t, "testdata/requests/declare-chinese-signature.txt", []byte(sent.header.Get("Signature")))
}

func TestDeclareRefusesWhatWouldBeDeclaredOtherwise(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
	c := newClient(t, testConfig(t, g.URL))
	const gbk = "\xb2\xe2\xca\xd4" // 测试 in GBK
	tests := map[string]func(*DeclareRequest){
		"an id as long as a UUID":               func(r *DeclareRequest) { r.DeclarationRequestID = "7f0c2d51-a9b1-4c5e-8d1f-2b3c4d5e6f70" },
		"a split order without its part":        func(r *DeclareRequest) { r.SplitOrder = true },
		"a merchant's name that is not UTF-8":   func(r *DeclareRequest) { r.MerchantCustomsInfo.MerchantCustomsName = gbk },
		"a merchant's number that is not UTF-8": func(r *DeclareRequest) { r.MerchantCustomsInfo.MerchantCustomsCode = gbk },
		"a part's number that is not UTF-8":     func(r *DeclareRequest) { r.SplitOrder, r.SubOrderID = true, gbk },
		"a holder's name that is not UTF-8":     func(r *DeclareRequest) { r.BuyerCertificate.HolderName.FullName = gbk },
		"a first name that is not UTF-8":        func(r *DeclareRequest) { r.BuyerCertificate.HolderName.FirstName = gbk },
		"a certificate's number not in UTF-8":   func(r *DeclareRequest) { r.BuyerCertificate.CertificateNo = gbk },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			request := declaration()
			change(request)
			_, err := c.Declare(t.Context(), request)
			if outcome(err) != "not sent" || strings.Contains(err.Error(), gbk) {
				t.Errorf("outcome = %s (%v), want not sent, and no name", outcome(err), err)
			}
		})
	}
	longest := declaration()
	longest.DeclarationRequestID = strings.Repeat("d", MaxDeclarationRequestID)
	if _, err := c.Declare(t.Context(), longest); err != nil || g.count() != 1 {
		t.Errorf("%d requests, %v; want the longest id alone to be sent", g.count(), err)
	}
}

func TestDeclareNeverQuotesTheCertificate(t *testing.T) {
	const quoting = "000000200001010000 and 测试员甲, or 测试 and 员甲, do not agree"
	for _, code := range []string{"PARAM_ILLEGAL F", "UNKNOWN_EXCEPTION U", "SUCCESS S"} {
		for signature, headers := range map[string]func(http.Header){"signed": nil, "unsigned": unsigned} {
			t.Run(code+" "+signature, func(t *testing.T) {
				name, status, _ := strings.Cut(code, " ")
				body := fmt.Sprintf(`{"result":{"resultCode":%q,"resultStatus":%q,"resultMessage":%q}}`, name, status, quoting)
				g := newGateway(t, always(answer{body: body, headers: headers}))
				request := declaration()
				request.BuyerCertificate.HolderName.LastName = "测试"
				request.BuyerCertificate.HolderName.FirstName = "员甲"
				response, err := newClient(t, testConfig(t, g.URL)).Declare(t.Context(), request)
				text := fmt.Sprintf("%+v %v", response, err)
				for _, personal := range []string{"000000200001010000", "测试", "员甲"} {
					if strings.Contains(text, personal) {
						t.Errorf("%q is shown: %s", personal, text)
					}
				}
				if err != nil && ResultCode(err) != name {
					t.Errorf("code = %q, want %q: %v", ResultCode(err), name, err)
				}
				if !strings.Contains(text, "[hidden] and [hidden], or [hidden] and [hidden], do not agree") {
					t.Errorf("the rest of the message is lost: %s", text)
				}
			})
		}
	}
}

func TestHideLeavesTheRest(t *testing.T) {
	certificate := &BuyerCertificate{CertificateNo: "123", HolderName: &UserName{FullName: "Ann d'Or", FirstName: "d", LastName: "e"}}
	tests := []struct {
		name        string
		certificate *BuyerCertificate
		text, want  string
	}{
		{"no certificate", nil, "123", "123"},
		{"an empty certificate", &BuyerCertificate{}, "123", "123"},
		{"no name", &BuyerCertificate{CertificateNo: "123"}, "1234 Ann", "[hidden]4 Ann"},
		{"names that are part of the mark", certificate, "Ann d'Or 123", "[hidden] [hidden]"},
		{"names that are letters", certificate, "bad", "ba[hidden]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.certificate.Hide(tt.text); got != tt.want {
				t.Errorf("Hide(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestInquiryOfDeclarationsAsksAboutOneToTen(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
	c := newClient(t, testConfig(t, g.URL))
	ids := func(n int) []string {
		list := []string{}
		for i := range n {
			list = append(list, fmt.Sprintf("d%d", i))
		}
		return list
	}
	for name, request := range map[string]*InquiryDeclarationRequestsRequest{
		"nothing": nil, "no id": {}, "eleven ids": {DeclarationRequestIDs: ids(11)}, "an empty id": {DeclarationRequestIDs: []string{"d1", ""}},
		"an id twice": {DeclarationRequestIDs: []string{"d1", "d1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.InquiryDeclarationRequests(t.Context(), request); outcome(err) != "not sent" {
				t.Errorf("outcome = %s (%v), want not sent", outcome(err), err)
			}
		})
	}
	for _, n := range []int{1, 10} {
		response, err := c.InquiryDeclarationRequests(t.Context(), &InquiryDeclarationRequestsRequest{DeclarationRequestIDs: ids(n)})
		if err != nil || len(response.DeclarationRecords) != 0 || len(response.DeclarationRequestsNotFound) != 0 {
			t.Errorf("%d ids: %+v, %v; an answer that says nothing about them is none about them", n, response, err)
		}
	}
}

func TestInquiryOfDeclarationsTrustsNoAnswerAboutOthers(t *testing.T) {
	tests := []struct {
		name, fields, want string
	}{
		{"both", `"declarationRequestsNotFound":["d2"],"declarationRecords":[{"declarationRequestId":"d1"}]`, "answer"},
		{"one of them", `"declarationRecords":[{"declarationRequestId":"d2"}]`, "answer"},
		{"nulls", `"declarationRequestsNotFound":null,"declarationRecords":null`, "answer"},
		{"a record of another", `"declarationRecords":[{"declarationRequestId":"d3"}]`, "unknown"},
		{"a record without id", `"declarationRecords":[{"customsOrderId":"o1"}]`, "unknown"},
		{"another not found", `"declarationRequestsNotFound":["d3"]`, "unknown"},
		{"one record twice", `"declarationRecords":[{"declarationRequestId":"d1"},{"declarationRequestId":"d1"}]`, "unknown"},
		{"found and not found", `"declarationRequestsNotFound":["d1"],"declarationRecords":[{"declarationRequestId":"d1"}]`, "unknown"},
		{"an amount of another form", `"declarationRecords":[{"declarationRequestId":"d1","declarationAmount":{"currency":"CNY","value":1}}]`, "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, always(answer{body: successResult + "," + tt.fields + "}"}))
			request := &InquiryDeclarationRequestsRequest{DeclarationRequestIDs: []string{"d1", "d2"}}
			if _, err := newClient(t, testConfig(t, g.URL)).InquiryDeclarationRequests(t.Context(), request); outcome(err) != tt.want {
				t.Errorf("outcome = %s (%v), want %s", outcome(err), err, tt.want)
			}
		})
	}
}

func TestCustomsAnswerDecidesAndNotItsArrival(t *testing.T) {
	tests := []struct {
		status, customs, code string
		want                  DeclarationOutcome
	}{
		{DeclarationInProcess, CustomsZongshu, "", DeclarationPending},
		{DeclarationInProcess, CustomsZongshu, "2", DeclarationPending},
		{DeclarationInProcess, CustomsNingbo, "", DeclarationPending},
		{DeclarationCompleted, CustomsZongshu, "2", DeclarationAccepted},
		{DeclarationCompleted, CustomsZongshu, "120", DeclarationAccepted},
		{DeclarationCompleted, CustomsZongshu, "success", DeclarationAccepted},
		{DeclarationCompleted, CustomsZongshu, "-1", DeclarationRejected},
		{DeclarationCompleted, CustomsZongshu, "-621001", DeclarationRejected},
		{DeclarationCompleted, CustomsZongshu, "-123456789012345678901234567890", DeclarationRejected},
		{DeclarationCompleted, CustomsZongshu, "", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "-", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "-0", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "--1", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "-1x", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "1", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "22", DeclarationUnclear},
		{DeclarationCompleted, CustomsZongshu, "fail", DeclarationUnclear},
		{DeclarationCompleted, CustomsNingbo, "2", DeclarationUnclear},
		{DeclarationCompleted, CustomsNingbo, "-1", DeclarationUnclear},
		{"CUSTOMS_ON_HOLIDAY", CustomsZongshu, "2", DeclarationUnclear},
		{"", CustomsZongshu, "2", DeclarationUnclear},
	}
	for _, tt := range tests {
		t.Run(tt.status+" "+tt.customs+" "+tt.code, func(t *testing.T) {
			record := DeclarationRecord{
				Customs: Customs{CustomsCode: tt.customs}, DeclarationRequestStatus: tt.status, CustomsDeclarationResultCode: tt.code,
			}
			if got := record.Outcome(); got != tt.want {
				t.Errorf("Outcome = %s, want %s", got, tt.want)
			}
		})
	}
}
