package alipay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// MaxEvidenceBytes is the greatest size of a file of evidence: its Base64 has at most a million characters. See
// docs.antom.com/ac/ams/supply_evidence.
const MaxEvidenceBytes = 750_000

// Values of disputeEvidenceType. See docs.antom.com/ac/ams/download.
const (
	// EvidenceTemplate is a form that the gateway has filled in, to be completed: cards want it.
	EvidenceTemplate = "DISPUTE_EVIDENCE_TEMPLATE"
	// EvidenceFile is what the merchant has handed in.
	EvidenceFile = "DISPUTE_EVIDENCE_FILE"
	// EvidenceProposal is the defence that the gateway has proposed, see [DefenseDocumentNotification].
	EvidenceProposal = "DISPUTE_EVIDENCE_AI"
)

// Values of disputeEvidenceFormat. The gateway may add others. Which of them it takes is not documented.
const (
	// FormatPDF is a PDF document.
	FormatPDF = "PDF"
	// FormatWord is a Word document, old or new.
	FormatWord = "WORD"
	// FormatZip is an archive, for several files in one.
	FormatZip = "ZIP"
	// FormatJPG is a picture.
	FormatJPG = "JPG"
)

// Evidence is a file about a dispute. It may hold anything about the buyer: keep it in a secret, never show it. It is sent
// as Base64, and printed by its size alone.
type Evidence []byte

// Format hides the file from every verb of package fmt.
func (e Evidence) Format(state fmt.State, _ rune) { _, _ = fmt.Fprintf(state, "(%d bytes)", len(e)) }

// LogValue hides the file from package slog.
func (e Evidence) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%v", e)) }

// FormatName tells by its first bytes which of the documented formats a file has; "" if none.
func (e Evidence) FormatName() string {
	file := []byte(e)
	switch {
	case bytes.HasPrefix(file, []byte("%PDF-")):
		return FormatPDF
	case bytes.HasPrefix(file, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")): // before 2007
		return FormatWord
	case bytes.HasPrefix(file, []byte("PK\x03\x04")) && bytes.Contains(file, []byte("word/document.xml")):
		return FormatWord
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return FormatZip
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		return FormatJPG
	}
	return ""
}

// AcceptDisputeRequest gives in: the buyer gets the disputed amount, and nothing can undo it. See
// docs.antom.com/ac/ams/accept.
type AcceptDisputeRequest struct {
	// DisputeID is the gateway's id, at most 64 characters. Required. There is no idempotency id: a repeat gets
	// [CodeRepeatRequest].
	DisputeID string `json:"disputeId"`
}

// AcceptDisputeResponse says that the dispute is accepted.
type AcceptDisputeResponse struct {
	Answer
	// DisputeID repeats the request's.
	DisputeID string `json:"disputeId"`
	// DisputeResolutionTime is when it was accepted.
	DisputeResolutionTime Time `json:"disputeResolutionTime,omitzero"`
}

// SupplyDefenseDocumentRequest hands in one file of evidence. Cards want the completed template of
// [Client.DownloadDisputeEvidence]. See docs.antom.com/ac/ams/supply_evidence.
type SupplyDefenseDocumentRequest struct {
	// DisputeID is the gateway's id, at most 64 characters. Required. There is no idempotency id: a repeat gets
	// [CodeRepeatRequest].
	DisputeID string `json:"disputeId"`
	// DisputeEvidence is the file itself, at most [MaxEvidenceBytes]. Required. It has neither a name nor a format, see
	// [Evidence.FormatName].
	DisputeEvidence Evidence `json:"disputeEvidence"`
}

// SupplyDefenseDocumentResponse says that the file was received, not that it convinces.
type SupplyDefenseDocumentResponse struct {
	Answer
	// DisputeID repeats the request's.
	DisputeID string `json:"disputeId"`
	// DisputeResolutionTime is when the file was received.
	DisputeResolutionTime Time `json:"disputeResolutionTime,omitzero"`
}

// DownloadDisputeEvidenceRequest asks for a file. See docs.antom.com/ac/ams/download.
type DownloadDisputeEvidenceRequest struct {
	// DisputeID is the gateway's id, at most 64 characters. Required.
	DisputeID string `json:"disputeId"`
	// DisputeEvidenceType is [EvidenceTemplate], [EvidenceFile], [EvidenceProposal] or another. Required.
	DisputeEvidenceType string `json:"disputeEvidenceType"`
}

// DownloadDisputeEvidenceResponse is a file. The answer does not repeat the dispute's id.
type DownloadDisputeEvidenceResponse struct {
	Answer
	// DisputeEvidence is the file itself.
	DisputeEvidence Evidence `json:"disputeEvidence"`
	// DisputeEvidenceFormat is one of the Format constants, or a word that the gateway added since.
	DisputeEvidenceFormat string `json:"disputeEvidenceFormat"`
}

var (
	acceptDisputeOperation           = operation{path: "/payments/acceptDispute"}
	supplyDefenseDocumentOperation   = operation{path: "/payments/supplyDefenseDocument"}
	downloadDisputeEvidenceOperation = operation{path: "/payments/downloadDisputeEvidence"}
)

// AcceptDispute gives in, for ever. After an [*UnknownOutcomeError] repeat it: [CodeRepeatRequest] then says that a
// decision stands, this one or an earlier one.
func (c *Client) AcceptDispute(ctx context.Context, request *AcceptDisputeRequest) (*AcceptDisputeResponse, error) {
	if request == nil {
		return nil, c.refuse(acceptDisputeOperation, errNilRequest)
	}
	response := &AcceptDisputeResponse{}
	if err := c.call(ctx, acceptDisputeOperation, request, response, []id{
		{name: "disputeId", sent: request.DisputeID, got: &response.DisputeID},
	}); err != nil {
		return nil, err
	}
	return response, nil
}

// SupplyDefenseDocument hands in one file. After an [*UnknownOutcomeError] repeat it: [CodeRepeatRequest] then says that a
// decision stands, this one or an earlier one.
func (c *Client) SupplyDefenseDocument(ctx context.Context, request *SupplyDefenseDocumentRequest) (*SupplyDefenseDocumentResponse, error) {
	if request == nil {
		return nil, c.refuse(supplyDefenseDocumentOperation, errNilRequest)
	}
	switch n := len(request.DisputeEvidence); {
	case n == 0:
		return nil, c.refuse(supplyDefenseDocumentOperation, errors.New("the request has no disputeEvidence"))
	case n > MaxEvidenceBytes:
		err := fmt.Errorf("the disputeEvidence has %d bytes; the gateway takes at most %d", n, MaxEvidenceBytes)
		return nil, c.refuse(supplyDefenseDocumentOperation, err)
	}
	response := &SupplyDefenseDocumentResponse{}
	if err := c.call(ctx, supplyDefenseDocumentOperation, request, response, []id{
		{name: "disputeId", sent: request.DisputeID, got: &response.DisputeID},
	}); err != nil {
		return nil, err
	}
	return response, nil
}

// DownloadDisputeEvidence fetches a file and changes nothing.
func (c *Client) DownloadDisputeEvidence(ctx context.Context, request *DownloadDisputeEvidenceRequest) (*DownloadDisputeEvidenceResponse, error) {
	if request == nil {
		return nil, c.refuse(downloadDisputeEvidenceOperation, errNilRequest)
	}
	response := &DownloadDisputeEvidenceResponse{}
	if err := c.call(ctx, downloadDisputeEvidenceOperation, request, response, []id{
		{name: "disputeId", sent: request.DisputeID},
		{name: "disputeEvidenceType", sent: request.DisputeEvidenceType},
	}); err != nil {
		return nil, err
	}
	return response, nil
}
