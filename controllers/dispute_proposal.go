package controllers

import (
	"maps"
	"slices"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// What the gateway proposes as a defence is advice: it is shown, and changes nothing of the dispute's state.

// noteProposal takes from a verified notification what belongs into the history, and the defence that it proposes; nil where it can not be read.
func noteProposal(note *apiv1.DisputeNotification, body []byte) *apiv1.DefenseProposal {
	n, err := alipay.ReadDefenseDocumentNotification(body)
	if err != nil {
		note.Unreadable = true
		return nil
	}
	note.NotifyTime = reportedTime(n.NotifyTime)
	return &apiv1.DefenseProposal{
		NotifyTime: *note.NotifyTime,
		FileName:   cut(n.DefenseFile.FileName, 256), FileFormat: cut(n.DefenseFile.FileFormat, 64), FileMD5: cut(n.DefenseFile.FileMD5, 64),
		WinRateLevel: cut(n.WinRateLevel, 64), RecommendedEvidence: recommended(n.RecommendedEvidence),
		SuggestionsForImprovement: cut(n.SuggestionsForImprovement, 2048),
	}
}

// recommended is as much of the gateway's recommendations as is documented: 32 of 512 characters.
func recommended(all map[string]string) map[string]string {
	var kept map[string]string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if len(kept) == 32 {
			break
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[cut(key, 128)] = cut(all[key], 512)
	}
	return kept
}

// newerProposal is the later of two. Of the same time they are the same, sent again.
func newerProposal(known, other *apiv1.DefenseProposal) *apiv1.DefenseProposal {
	if known == nil || other != nil && other.NotifyTime.After(known.NotifyTime.Time) {
		return other
	}
	return known
}

// tellProposal tells once of a defence that is newer than what was on record.
func (p *disputePass) tellProposal() {
	proposal, before := p.dispute.Status.DefenseProposal, p.before.proposal
	p.before.proposal = proposal
	if proposal != nil && (before == nil || !before.NotifyTime.Equal(&proposal.NotifyTime)) {
		p.Events.Eventf(p.dispute, nil, "Normal", apiv1.DefenseProposedReason, "Reconcile",
			"The gateway has prepared a defence, see status.defenseProposal. It is handed in by nobody but you.")
	}
}
