package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

func TestClientDeclares(t *testing.T) {
	m, id := chinaMerchant(t, "10050")
	c := m.client()
	request := &alipay.DeclareRequest{
		DeclarationRequestID: "d1", PaymentID: id, DeclarationAmount: alipay.Amount{Currency: "CNY", Value: "10050"},
		Customs:             alipay.Customs{Region: "CN", CustomsCode: alipay.CustomsZongshu},
		MerchantCustomsInfo: alipay.MerchantCustomsInfo{MerchantCustomsCode: "TV0000000001", MerchantCustomsName: "测试商贸有限公司"},
		BuyerCertificate: &alipay.BuyerCertificate{
			CertificateType: "ID_CARD", CertificateNo: PayerCertificateNo, HolderName: &alipay.UserName{FullName: PayerName},
		},
	}
	declared, err := c.Declare(t.Context(), request)
	if err != nil || declared.IdentityCheckResult != alipay.IdentityCheckPassed || declared.CustomsOrderID != "p1" {
		t.Fatalf("declared: %+v, %v", declared, err)
	}
	for _, want := range []alipay.DeclarationOutcome{alipay.DeclarationPending, alipay.DeclarationAccepted} {
		answer, err := c.InquiryDeclarationRequests(t.Context(), &alipay.InquiryDeclarationRequestsRequest{DeclarationRequestIDs: []string{"d1", "d2"}})
		if err != nil || len(answer.DeclarationRecords) != 1 || len(answer.DeclarationRequestsNotFound) != 1 {
			t.Fatalf("inquiry: %+v, %v", answer, err)
		}
		record := answer.DeclarationRecords[0]
		if record.Outcome() != want || record.MerchantCustomsInfo != request.MerchantCustomsInfo || *record.DeclarationAmount != request.DeclarationAmount {
			t.Errorf("record = %+v, want it %s", record, want)
		}
		m.advance(2 * time.Minute)
	}
	request.DeclarationRequestID, request.SplitOrder, request.SubOrderID = "d2", true, "o-a"
	var rejected *alipay.RejectedError
	if _, err := c.Declare(t.Context(), request); !errors.As(err, &rejected) || rejected.Result.ResultCode != alipay.CodeParamIllegal {
		t.Errorf("more than was paid: %v", err)
	}
}

func TestClientAnswersDisputes(t *testing.T) {
	m, in := disputedMerchant(t)
	c := m.client()
	accepted, defended := m.raise(DisputeInput{Payment: "p1", Amount: Money{"SGD", 1}}), m.raise(DisputeInput{Payment: "p1"})
	answer, err := c.AcceptDispute(t.Context(), &alipay.AcceptDisputeRequest{DisputeID: accepted.DisputeID})
	if err != nil || !answer.DisputeResolutionTime.Equal(m.simulator.Now()) {
		t.Errorf("accepting: %+v, %v", answer, err)
	}
	_, err = c.AcceptDispute(t.Context(), &alipay.AcceptDisputeRequest{DisputeID: accepted.DisputeID})
	if alipay.ResultCode(err) != alipay.CodeRepeatRequest {
		t.Errorf("accepting again: %v", err)
	}
	fetch := func(kind string) alipay.Evidence {
		t.Helper()
		file, err := c.DownloadDisputeEvidence(t.Context(), &alipay.DownloadDisputeEvidenceRequest{DisputeID: defended.DisputeID, DisputeEvidenceType: kind})
		if err != nil {
			t.Fatal(err)
		}
		if file.DisputeEvidence.FormatName() != file.DisputeEvidenceFormat {
			t.Errorf("%s: the format is %s and is called %s", kind, file.DisputeEvidence.FormatName(), file.DisputeEvidenceFormat)
		}
		return file.DisputeEvidence
	}
	evidence := append(fetch(alipay.EvidenceTemplate), bytes.Repeat([]byte{0xff}, 600_000)...)
	if _, err := c.SupplyDefenseDocument(t.Context(), &alipay.SupplyDefenseDocumentRequest{DisputeID: defended.DisputeID, DisputeEvidence: evidence}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fetch(alipay.EvidenceFile), evidence) {
		t.Error("other evidence comes back")
	}
	m.must(m.simulator.JudgeDispute(defended.DisputeID, "ACCEPT_BY_CUSTOMER", Money{}))
	m.advance(time.Minute)
	outcomes := map[string]alipay.DisputeOutcome{}
	for _, n := range in.all() {
		body, err := json.Marshal(n.body)
		if err != nil {
			t.Fatal(err)
		}
		read, err := alipay.ReadDisputeNotification(body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		outcomes[read.DisputeID+" "+read.DisputeNotificationType] = read.Outcome()
	}
	want := map[string]alipay.DisputeOutcome{
		accepted.DisputeID + " " + alipay.NotifyDisputeCreated:  alipay.DisputeUndecided,
		accepted.DisputeID + " " + alipay.NotifyDisputeAccepted: alipay.DisputeUndecided,
		defended.DisputeID + " " + alipay.NotifyDisputeCreated:  alipay.DisputeUndecided,
		defended.DisputeID + " " + alipay.NotifyDefenseSupplied: alipay.DisputeUndecided,
		defended.DisputeID + " " + alipay.NotifyDisputeJudged:   alipay.DisputeWon,
	}
	for key, outcome := range want {
		if outcomes[key] != outcome {
			t.Errorf("%s = %q, want %q", key, outcomes[key], outcome)
		}
	}
}
