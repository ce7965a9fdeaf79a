package simulator

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the gateway's field fileMd5 has it
	"encoding/hex"
	"errors"
	"fmt"
)

// formatOf tells a file's format by its first bytes.
func formatOf(file []byte) string {
	switch {
	case bytes.HasPrefix(file, []byte("%PDF-")):
		return "PDF"
	case bytes.HasPrefix(file, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return "WORD"
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		if bytes.Contains(file, []byte("word/document.xml")) {
			return "WORD"
		}
		return "ZIP"
	case bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}):
		return "JPG"
	}
	return ""
}

// evidenceForm is a PDF of one page with a line on it, that readers open.
func evidenceForm(line string) []byte {
	text := fmt.Sprintf("BT /F1 12 Tf 72 720 Td (%s) Tj ET", line)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var file, table bytes.Buffer
	file.WriteString("%PDF-1.4\n")
	fmt.Fprintf(&table, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, body := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", file.Len())
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := file.Len()
	file.Write(table.Bytes())
	fmt.Fprintf(&file, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return file.Bytes()
}

// ProposalInput says what is announced with a proposed defence.
type ProposalInput struct {
	FileName     string // defence-<disputeId>.pdf when empty
	WinRateLevel string
	Recommended  map[string]string
	Suggestions  string
}

// ProposeDefense prepares a defence, as the gateway does by itself, and tells the merchant (ams/notifyDefenseDocument). The newest one can be
// downloaded. It decides nothing.
func (s *Simulator) ProposeDefense(disputeID string, in ProposalInput) error {
	return s.actOnDispute(disputeID, func(d *dispute) error {
		if d.State != disputeOpen || !d.Defendable {
			return ErrDisputeClosed
		}
		if len(in.Recommended) > 32 {
			return errors.New("recommendedEvidence has at most 32 keys")
		}
		name := in.FileName
		if name == "" {
			name = "defence-" + d.DisputeID + ".pdf"
		}
		d.Proposals++
		d.proposal, d.proposalFormat = evidenceForm(fmt.Sprintf("Proposed defence %d of dispute %s", d.Proposals, d.DisputeID)), "PDF"
		hash := md5.Sum(d.proposal) //nolint:gosec // the gateway's field fileMd5 has it
		fields := map[string]any{
			"disputeId": d.DisputeID, "notifyTime": wireTime(s.clock.now()),
			"defenseFile": map[string]any{"fileName": name, "fileMd5": hex.EncodeToString(hash[:]), "fileFormat": d.proposalFormat},
		}
		for field, value := range map[string]string{"winRateLevel": in.WinRateLevel, "suggestionsForImprovement": in.Suggestions} {
			if value != "" {
				fields[field] = value
			}
		}
		if len(in.Recommended) > 0 {
			fields["recommendedEvidence"] = in.Recommended
		}
		s.queueNotification("notifyDefenseDocument", "DEFENSE_DOCUMENT", d.DisputeID, d.ClientID, "", "", fields, s.clock.now().Add(notifyDelay))
		return nil
	})
}
