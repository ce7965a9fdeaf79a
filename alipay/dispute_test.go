package alipay

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const disputeID = "2099011019401080010000000000001"

func disputeCases() []methodCase {
	return []methodCase{
		{
			name: "acceptDispute",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.AcceptDispute(ctx, &AcceptDisputeRequest{DisputeID: disputeID})
			},
			path:       "/ams/api/v1/payments/acceptDispute",
			documented: `{"disputeId":"2099011019401080010000000000001"}`,
			answer:     successResult + `,"disputeId":"2099011019401080010000000000001","disputeResolutionTime":"2099-01-12T02:00:00-08:00"}`,
			want:       &AcceptDisputeResponse{Answer: success(), DisputeID: disputeID, DisputeResolutionTime: utc(2099, 1, 12, 10, 0, 0)},
		},
		{
			name: "supplyDefenseDocument",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.SupplyDefenseDocument(ctx, &SupplyDefenseDocumentRequest{DisputeID: disputeID, DisputeEvidence: []byte("%PDF-1.4\n")})
			},
			path:       "/ams/api/v1/payments/supplyDefenseDocument",
			documented: `{"disputeId":"2099011019401080010000000000001","disputeEvidence":"JVBERi0xLjQK"}`,
			answer:     successResult + `,"disputeId":"2099011019401080010000000000001","disputeResolutionTime":"2099-01-12T02:00:00-08:00"}`,
			want:       &SupplyDefenseDocumentResponse{Answer: success(), DisputeID: disputeID, DisputeResolutionTime: utc(2099, 1, 12, 10, 0, 0)},
		},
		{
			name: "downloadDisputeEvidence",
			call: func(ctx context.Context, c *Client) (any, error) {
				return c.DownloadDisputeEvidence(ctx, &DownloadDisputeEvidenceRequest{DisputeID: disputeID, DisputeEvidenceType: EvidenceTemplate})
			},
			path:       "/ams/api/v1/payments/downloadDisputeEvidence",
			documented: `{"disputeId":"2099011019401080010000000000001","disputeEvidenceType":"DISPUTE_EVIDENCE_TEMPLATE"}`,
			answer:     successResult + `,"disputeEvidence":"JVBERi0xLjQK","disputeEvidenceFormat":"PDF"}`,
			want:       &DownloadDisputeEvidenceResponse{Answer: success(), DisputeEvidence: []byte("%PDF-1.4\n"), DisputeEvidenceFormat: FormatPDF},
		},
	}
}

func TestEvidenceOfTheGreatestSizeIsSentAndFetched(t *testing.T) {
	file := bytes.Repeat([]byte{0xff, 0xfb, 0x00}, MaxEvidenceBytes/3) // every character of Base64 that wants escaping
	text := base64.StdEncoding.EncodeToString(file)
	if len(text) != 1_000_000 {
		t.Fatalf("%d characters, want the documented million", len(text))
	}
	// Some encoders of JSON escape the slash.
	escaped := strings.ReplaceAll(text, "/", `\/`)
	g := newGateway(t, always(answer{body: successResult + `,"disputeEvidence":"` + escaped + `","disputeEvidenceFormat":"LASER"}`}))
	c := newClient(t, testConfig(t, g.URL))
	if _, err := c.SupplyDefenseDocument(t.Context(), &SupplyDefenseDocumentRequest{DisputeID: disputeID, DisputeEvidence: file}); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"disputeId":%q,"disputeEvidence":%q}`, disputeID, text); string(g.requests[0].body) != want {
		t.Errorf("the body of %d bytes is not the file in Base64", len(g.requests[0].body))
	}
	got, err := c.DownloadDisputeEvidence(t.Context(), &DownloadDisputeEvidenceRequest{DisputeID: disputeID, DisputeEvidenceType: EvidenceFile})
	if err != nil || !bytes.Equal(got.DisputeEvidence, file) || got.DisputeEvidenceFormat != "LASER" {
		t.Errorf("the file did not come back: %v", err)
	}
}

func TestEvidenceThatCanNotBeTakenIsNotSent(t *testing.T) {
	g := newGateway(t, always(answer{body: resultBody("SUCCESS", "S")}))
	c, ctx := newClient(t, testConfig(t, g.URL)), t.Context()
	supply := func(r *SupplyDefenseDocumentRequest) error { _, err := c.SupplyDefenseDocument(ctx, r); return err }
	download := func(r *DownloadDisputeEvidenceRequest) error { _, err := c.DownloadDisputeEvidence(ctx, r); return err }
	for name, err := range map[string]error{
		"nothing":              supply(nil),
		"no file":              supply(&SupplyDefenseDocumentRequest{DisputeID: disputeID}),
		"no dispute":           supply(&SupplyDefenseDocumentRequest{DisputeEvidence: []byte("SECRET")}),
		"too large a file":     supply(&SupplyDefenseDocumentRequest{DisputeID: disputeID, DisputeEvidence: bytes.Repeat([]byte("SECRET1"), MaxEvidenceBytes/7+1)}),
		"to fetch nothing":     download(nil),
		"to fetch of nothing":  download(&DownloadDisputeEvidenceRequest{DisputeEvidenceType: EvidenceFile}),
		"to fetch of no type":  download(&DownloadDisputeEvidenceRequest{DisputeID: disputeID}),
		"to fetch of no thing": download(&DownloadDisputeEvidenceRequest{}),
	} {
		if outcome(err) != "not sent" || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: outcome = %s (%v), want not sent, and no evidence", name, outcome(err), err)
		}
	}
	if g.count() != 0 {
		t.Errorf("%d requests were sent", g.count())
	}
}

func TestDisputeCallsAreSettledByVerifiedAnswersAlone(t *testing.T) {
	evidence := []byte("%PDF-SECRET")
	calls := map[string]func(c *Client) error{
		"acceptDispute": func(c *Client) error {
			_, err := c.AcceptDispute(t.Context(), &AcceptDisputeRequest{DisputeID: disputeID})
			return err
		},
		"supplyDefenseDocument": func(c *Client) error {
			_, err := c.SupplyDefenseDocument(t.Context(), &SupplyDefenseDocumentRequest{DisputeID: disputeID, DisputeEvidence: evidence})
			return err
		},
	}
	tests := []struct {
		name   string
		answer answer
		want   string
	}{
		{"success", answer{body: resultBody("SUCCESS", "S")}, "answer"},
		{"a repeat", answer{body: resultBody(CodeRepeatRequest, "F")}, "rejected, signed true"},
		{"too late", answer{body: resultBody(CodeTimeExceedsLimit, "F")}, "rejected, signed true"},
		{"a repeat, unsigned", answer{body: resultBody(CodeRepeatRequest, "F"), headers: unsigned}, "rejected, signed false"},
		{"success, unsigned", answer{body: resultBody("SUCCESS", "S"), headers: unsigned}, "unknown"},
		{"unknown", answer{body: resultBody(CodeUnknownException, "U")}, "unknown"},
		{"in process", answer{body: resultBody(CodePaymentInProcess, "U")}, "unknown"},
		{"success of another dispute", answer{body: successResult + `,"disputeId":"2099"}`}, "unknown"},
	}
	for name, call := range calls {
		for _, tt := range tests {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				g := newGateway(t, always(tt.answer))
				err := call(newClient(t, testConfig(t, g.URL)))
				if outcome(err) != tt.want || strings.Contains(fmt.Sprint(err), "SECRET") {
					t.Errorf("outcome = %s (%v), want %s", outcome(err), err, tt.want)
				}
			})
		}
	}
}

func TestEvidenceThatCanNotBeReadIsUnknownAndNotQuoted(t *testing.T) {
	for _, evidence := range []string{`"SECRET!"`, `"SECRE"`, `7`, `{"a":"SECRET"}`} {
		g := newGateway(t, always(answer{body: successResult + `,"disputeEvidence":` + evidence + `}`}))
		_, err := newClient(t, testConfig(t, g.URL)).DownloadDisputeEvidence(t.Context(),
			&DownloadDisputeEvidenceRequest{DisputeID: disputeID, DisputeEvidenceType: EvidenceFile})
		if outcome(err) != "unknown" || strings.Contains(err.Error(), "SECRE") {
			t.Errorf("%s: outcome = %s (%v), want unknown, and no evidence", evidence, outcome(err), err)
		}
	}
}

func TestFormatsOfEvidenceAreKnownByTheirFirstBytes(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"PDF", "%PDF-1.7\n...", FormatPDF},
		{"JPG", "\xff\xd8\xff\xe0\x00\x10JFIF", FormatJPG},
		{"ZIP", "PK\x03\x04\x14\x00 receipt.txt", FormatZip},
		{"new Word", "PK\x03\x04\x14\x00 [Content_Types].xml word/document.xml", FormatWord},
		{"old Word", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...", FormatWord},
		{"text", "we sent it", ""},
		{"a page", "<html>%PDF-", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Evidence(tt.file).FormatName(); got != tt.want {
				t.Errorf("FormatName = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEvidenceAndCertificatesAreSentAndNotPrinted(t *testing.T) {
	request := &SupplyDefenseDocumentRequest{DisputeID: disputeID, DisputeEvidence: Evidence("SECRET")}
	certificate := declaration()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("Sending", "evidence", request.DisputeEvidence, "certificate", *certificate.BuyerCertificate)
	printed := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		printed += fmt.Sprintf(verb, request.DisputeEvidence) + fmt.Sprintf(verb, *certificate.BuyerCertificate)
	}
	printed += fmt.Sprintf("%v %+v %#v", *request, *request, *request)
	for _, personal := range []string{"SECRET", "83 69 67", "534543", "000000200001010000", "测试员甲"} {
		if strings.Contains(printed, personal) {
			t.Errorf("%q is printed: %s", personal, printed)
		}
	}
	if !strings.Contains(printed, "(6 bytes)") || !strings.Contains(printed, hidden) {
		t.Errorf("the marks are missing: %s", printed)
	}
	if body, err := Body(request); err != nil || !strings.Contains(string(body), `"U0VDUkVU"`) {
		t.Errorf("body = %s, %v", body, err)
	}
}

func TestDisputeNotificationIsDecoded(t *testing.T) {
	got, err := ReadDisputeNotification(readExample(t, "dispute-created"))
	if err != nil {
		t.Fatal(err)
	}
	defendable := Bool(true)
	want := &DisputeNotification{
		DisputeNotificationType: NotifyDisputeCreated, DisputeType: DisputeChargeback, Defendable: &defendable, DisputeID: disputeID,
		PaymentID: "20990101190741010007000000000001", PaymentRequestID: "pay-req-0001", DisputeTime: utc(2099, 1, 10, 9, 15, 0),
		DisputeAmount: &Amount{Currency: "USD", Value: "1250"}, DisputeReasonCode: "4853", DisputeReasonMsg: "Goods not as described",
		DisputeSource: "Mastercard", DefenseDueTime: utc(2099, 1, 21, 9, 15, 0),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	got, err = ReadDisputeNotification(readExample(t, "dispute-judged"))
	if err != nil {
		t.Fatal(err)
	}
	want = &DisputeNotification{
		DisputeNotificationType: NotifyDisputeJudged, DisputeID: disputeID, PaymentID: "20990101190741010007000000000001",
		PaymentRequestID: "pay-req-0001", DisputeTime: utc(2099, 1, 10, 9, 15, 0), DisputeJudgedTime: utc(2099, 2, 20, 11, 0, 0),
		DisputeJudgedAmount: &Amount{Currency: "USD", Value: "1250"}, DisputeJudgedResult: "ACCEPT_BY_MERCHANT", DisputeReasonCode: "4853",
		DisputeSource: "Mastercard",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDisputeNotificationOfOddFormIsRead(t *testing.T) {
	for name, fields := range map[string]string{
		"a type of tomorrow":      `"disputeNotificationType":"DISPUTE_FROZEN"`,
		"a field of tomorrow":     `"disputeNotificationType":"DISPUTE_CREATED","weather":{"rain":[1]}`,
		"the fields of SDKs":      `"disputeNotificationType":"DISPUTE_ACCEPTED","notifyType":"DISPUTE","result":{"resultStatus":"F"}`,
		"another kind of dispute": `"disputeNotificationType":"DISPUTE_CREATED","disputeType":"INQUIRY"`,
	} {
		if got, err := ReadDisputeNotification([]byte(`{"disputeId":"d1",` + fields + `}`)); err != nil || got.DisputeID != "d1" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{`true`: "true", `false`: "false", `"true"`: "true", `"FALSE"`: "false", `null`: "unknown"} {
		got, err := ReadDisputeNotification([]byte(`{"disputeId":"d1","disputeNotificationType":"x","defendable":` + text + `}`))
		if err != nil {
			t.Errorf("defendable %s: %v", text, err)
			continue
		}
		defendable := "unknown"
		if got.Defendable != nil {
			defendable = fmt.Sprint(*got.Defendable)
		}
		if defendable != want {
			t.Errorf("defendable %s is read as %s, want %s", text, defendable, want)
		}
	}
}

func TestDisputeNotificationThatCanNotBeFiledIsAnError(t *testing.T) {
	for _, body := range []string{
		"", "null", "[]", `"x"`, `{}`, `{"disputeId":"d1"}`, `{"disputeNotificationType":"DISPUTE_CREATED"}`,
		`{"disputeId":7,"disputeNotificationType":"DISPUTE_CREATED"}`, `{"disputeId":"d1","disputeNotificationType":["DISPUTE_CREATED"]}`,
		`{"disputeId":"d1","disputeNotificationType":"DISPUTE_CREATED","disputeAmount":"1250"}`,
		`{"disputeId":"d1","disputeNotificationType":"DISPUTE_CREATED","disputeAmount":{"currency":"USD","value":1250}}`,
		`{"disputeId":"d1","disputeNotificationType":"DISPUTE_CREATED","defenseDueTime":"soon"}`,
		`{"disputeId":"d1","disputeNotificationType":"DISPUTE_CREATED","defendable":"perhaps"}`,
	} {
		if got, err := ReadDisputeNotification([]byte(body)); err == nil {
			t.Errorf("ReadDisputeNotification(%s) = %+v", body, got)
		}
	}
}

func TestProposedDefenseIsDecoded(t *testing.T) {
	got, err := ReadDefenseDocumentNotification(readExample(t, "dispute-defense-document"))
	if err != nil {
		t.Fatal(err)
	}
	want := &DefenseDocumentNotification{
		DisputeID: disputeID, NotifyTime: utc(2099, 1, 11, 11, 0, 0), WinRateLevel: "HIGH",
		DefenseFile:               DefenseFile{FileName: "defence.pdf", FileMD5: "0cc175b9c0f1b6a831c399e269772661", FileFormat: FormatPDF},
		RecommendedEvidence:       map[string]string{"DELIVERY": "A proof of delivery that the buyer has signed."},
		SuggestionsForImprovement: "Add the correspondence with the buyer.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, body := range []string{
		"", "[]", `{}`, `{"disputeId":"d1","defenseFile":{}}`, `{"notifyTime":"2099-01-11T03:00:00-08:00","defenseFile":{}}`,
		`{"disputeId":"d1","notifyTime":"soon","defenseFile":{}}`, `{"disputeId":"d1","notifyTime":"2099-01-11T03:00:00-08:00","defenseFile":"x"}`,
		`{"disputeId":"d1","notifyTime":"2099-01-11T03:00:00-08:00","recommendedEvidence":["x"]}`,
	} {
		if got, err := ReadDefenseDocumentNotification([]byte(body)); err == nil {
			t.Errorf("ReadDefenseDocumentNotification(%s) = %+v", body, got)
		}
	}
}

func TestProposedDefenseIsKnownByItsFile(t *testing.T) {
	for body, want := range map[string]string{
		`{"disputeId":"d1","defenseFile":{}}`:                                           NotifyDefenseDocument,
		`{"disputeId":"d1","defenseFile":7,"notifyType":"NEW"}`:                         NotifyDefenseDocument,
		`{"disputeId":"d1","defenseFile":{},"disputeNotificationType":"DISPUTE_OTHER"}`: "DISPUTE_OTHER",
		`{"disputeId":"d1","defenseFile":null,"notifyType":"NEW"}`:                      "NEW",
		`{"paymentId":"p1","defenseFile":{},"notifyType":"PAYMENT_RESULT"}`:             NotifyPaymentResult,
	} {
		if got, err := ReadSubject([]byte(body)); err != nil || got.Type != want {
			t.Errorf("%s: type = %q, %v; want %q", body, got.Type, err, want)
		}
	}
}

// The two words are easily read the wrong way round.
func TestWhoAcceptsTheJudgementHasLost(t *testing.T) {
	tests := []struct {
		kind, result string
		want         DisputeOutcome
	}{
		{NotifyDisputeJudged, "ACCEPT_BY_CUSTOMER", DisputeWon},
		{NotifyDisputeJudged, "ACCEPT_BY_MERCHANT", DisputeLost},
		{NotifyDisputeJudged, "VALIDATE_SUCCESS", DisputeApproved},
		{NotifyDisputeJudged, "VALIDATE_FAIL", DisputeRefused},
		{NotifyDisputeJudged, "ACCEPT_BY_ALIPAY", DisputeUndecided},
		{NotifyDisputeJudged, "", DisputeUndecided},
		{NotifyDisputeJudged, "accept_by_customer", DisputeUndecided},
		{NotifyDisputeCreated, "ACCEPT_BY_CUSTOMER", DisputeUndecided},
		{NotifyDisputeAccepted, "ACCEPT_BY_MERCHANT", DisputeUndecided},
	}
	for _, tt := range tests {
		t.Run(tt.kind+" "+tt.result, func(t *testing.T) {
			n := DisputeNotification{DisputeNotificationType: tt.kind, DisputeJudgedResult: tt.result}
			if got := n.Outcome(); got != tt.want {
				t.Errorf("Outcome = %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzReadDisputeNotification(f *testing.F) {
	f.Add([]byte(`{"disputeId":"d1","disputeNotificationType":"DISPUTE_CREATED","defendable":"true","disputeTime":"2099-01-10T01:15:00-08:00"}`))
	f.Add([]byte(`{"disputeId":"d1","disputeNotificationType":"DISPUTE_JUDGED","disputeJudgedAmount":{"currency":"USD","value":"1250"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ReadDisputeNotification(body)
		if err != nil {
			return
		}
		if !json.Valid(body) || got.DisputeID == "" || got.DisputeNotificationType == "" {
			t.Errorf("%q is read as %+v", body, got)
		}
		if _, err := ReadSubject(body); err != nil {
			t.Errorf("%q can be read, and is about nothing: %v", body, err)
		}
	})
}
