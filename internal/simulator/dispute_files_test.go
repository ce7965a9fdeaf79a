package simulator

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProposedDefenseIsAnnouncedAndCanBeDownloaded(t *testing.T) {
	m, in := disputedMerchant(t)
	d := m.raise(DisputeInput{Payment: "p1"})
	m.advance(time.Minute)
	in.forget()
	fetch := map[string]any{"disputeId": d.DisputeID, "disputeEvidenceType": "DISPUTE_EVIDENCE_AI"}
	m.must(m.simulator.ProposeDefense(d.DisputeID, ProposalInput{
		WinRateLevel: "HIGH", Recommended: map[string]string{"TRACKING": "a proof of delivery"}, Suggestions: "Add the invoice.",
	}))
	m.advance(3 * time.Second)
	if len(in.all()) != 1 || !in.all()[0].verified {
		t.Fatalf("told %+v, want one that is signed", in.all())
	}
	got := in.all()[0].body
	file := m.want("S SUCCESS", "downloadDisputeEvidence", fetch)
	content, err := base64.StdEncoding.DecodeString(file.text("disputeEvidence"))
	sum := md5.Sum(content)
	want := map[string]any{
		"disputeId": d.DisputeID, "notifyTime": got["notifyTime"], "winRateLevel": "HIGH", "suggestionsForImprovement": "Add the invoice.",
		"recommendedEvidence": map[string]any{"TRACKING": "a proof of delivery"},
		"defenseFile":         map[string]any{"fileName": "defence-" + d.DisputeID + ".pdf", "fileMd5": hex.EncodeToString(sum[:]), "fileFormat": "PDF"},
	}
	if diff := cmp.Diff(want, got); diff != "" || got["notifyTime"] == nil {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
	if err != nil || file.text("disputeEvidenceFormat") != "PDF" || !bytes.HasPrefix(content, []byte("%PDF-")) {
		t.Errorf("file = %.20q, %v", content, err)
	}
	if got := m.dispute(d.DisputeID); got.State != disputeOpen || got.Defenses != 0 || got.Proposals != 1 {
		t.Errorf("dispute = %+v, want it open and a proposal that decides nothing", got)
	}
	m.must(m.simulator.ProposeDefense(d.DisputeID, ProposalInput{FileName: "better.pdf"}))
	if m.want("S SUCCESS", "downloadDisputeEvidence", fetch).text("disputeEvidence") == file.text("disputeEvidence") {
		t.Error("the newest proposal can not be downloaded")
	}
	m.must(m.simulator.AcceptDispute(d.DisputeID, "MERCHANT_ACCEPTED"))
	undefendable := m.raise(DisputeInput{Payment: "p1", NotDefendable: true})
	for _, id := range []string{d.DisputeID, undefendable.DisputeID} {
		if err := m.simulator.ProposeDefense(id, ProposalInput{}); !errors.Is(err, ErrDisputeClosed) {
			t.Errorf("a proposal for what can not be defended: %v, want ErrDisputeClosed", err)
		}
	}
	many := map[string]string{}
	for i := range 33 {
		many[fmt.Sprint(i)] = "x"
	}
	if m.simulator.ProposeDefense(m.raise(DisputeInput{Payment: "p1"}).DisputeID, ProposalInput{Recommended: many}) == nil {
		t.Error("33 recommendations are taken")
	}
}
