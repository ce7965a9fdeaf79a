package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"
)

const (
	evidenceTemplate = "DISPUTE_EVIDENCE_TEMPLATE"
	evidenceFile     = "DISPUTE_EVIDENCE_FILE"
	evidenceProposal = "DISPUTE_EVIDENCE_AI"
)

// findDispute finds the dispute of a call. One of another client does not exist. That has no code of its own.
func (s *Simulator) findDispute(c *call) (*dispute, *refusal) {
	d := s.disputes.byID[c.body.text("disputeId")]
	if d == nil || d.ClientID != c.clientID {
		return nil, illegal("disputeId", "is not known")
	}
	return d, nil
}

// decisionRefusal is why a dispute can be neither accepted nor defended. That an earlier decision comes before the
// deadline is chosen, and so is the code for what ended without a decision: neither is documented.
func (s *Simulator) decisionRefusal(d *dispute) string {
	switch {
	case d.decided:
		return "REPEAT_REQUEST"
	case d.State != disputeOpen, !s.clock.now().Before(d.DueAt):
		return "TIME_EXCEEDS_LIMIT"
	}
	return ""
}

// acceptDispute is payments/acceptDispute (ams/accept). It has no idempotency id: a repeat is refused.
func (s *Simulator) acceptDispute(c *call) answer {
	if bad := disputeRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	d, refused := s.findDispute(c)
	if refused != nil {
		return refused.answer()
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	if code := s.decisionRefusal(d); code != "" {
		return failure(code)
	}
	d.decided = true
	d.Accepts++
	s.accept(d, "MERCHANT_ACCEPTED")
	return decisionAnswer(d, d.AcceptedAt)
}

func decisionAnswer(d *dispute, at time.Time) answer {
	return success(map[string]any{"disputeId": d.DisputeID, "disputeResolutionTime": wireTime(at)})
}

// supplyDefense is payments/supplyDefenseDocument (ams/supply_evidence). Which formats are taken is not documented; these
// are the ones that come back.
func (s *Simulator) supplyDefense(c *call) answer {
	if bad := defenseRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	d, refused := s.findDispute(c)
	if refused != nil {
		return refused.answer()
	}
	text := c.body.text("disputeEvidence")
	evidence, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(evidence) != text { // the decoder skips line breaks
		return illegal("disputeEvidence", "is not standard Base64").answer()
	}
	format := formatOf(evidence)
	if format == "" {
		return illegal("disputeEvidence", "is no PDF, Word, ZIP or JPG file").answer()
	}
	code := c.forced
	if code == "" {
		code = s.defenseRefusal(d)
	}
	if code != "" {
		return failure(code)
	}
	if !d.Defendable {
		return illegal("disputeId", "is of a dispute that cannot be defended").answer()
	}
	hash := sha256.Sum256(evidence)
	d.evidence, d.format, d.EvidenceBytes, d.EvidenceSHA256 = evidence, format, len(evidence), hex.EncodeToString(hash[:])
	s.defend(d, "")
	return decisionAnswer(d, d.DefendedAt)
}

// defenseRefusal knows that material for a compliance request may be sent again, once the last was refused.
func (s *Simulator) defenseRefusal(d *dispute) string {
	switch {
	case d.Type == complianceRequest && d.State == disputeDefended:
		return "NOT_ALLOW_IN_CURRENT_STATUS"
	case d.Type == complianceRequest && d.State == disputeOpen && d.Defenses >= maxDefenses:
		return "DEFENSE_EXCEED_LIMIT"
	}
	return s.decisionRefusal(d)
}

// downloadEvidence is payments/downloadDisputeEvidence (ams/download). That a file which is not there is PARAM_ILLEGAL is
// chosen. A proposed defence is there once ProposeDefense was called.
func (s *Simulator) downloadEvidence(c *call) answer {
	if bad := evidenceRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	d, refused := s.findDispute(c)
	if refused != nil {
		return refused.answer()
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	file, format := evidenceForm("Form for the defence of dispute "+d.DisputeID), "PDF"
	switch c.body.text("disputeEvidenceType") {
	case evidenceFile:
		file, format = d.evidence, d.format
	case evidenceProposal:
		file, format = d.proposal, d.proposalFormat
	}
	if file == nil {
		return illegal("disputeEvidenceType", "names a file that does not exist").answer()
	}
	return success(map[string]any{"disputeEvidence": base64.StdEncoding.EncodeToString(file), "disputeEvidenceFormat": format})
}
