package controllers

import (
	"context"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// answer is the request that carries the merchant's answer.
type answer struct {
	accept *alipay.AcceptDisputeRequest
	defend *alipay.SupplyDefenseDocumentRequest
}

// body is what is sent.
func (a *answer) body() any {
	if a.accept != nil {
		return a.accept
	}
	return a.defend
}

// newAnswer makes the request out of the dispute's id and the evidence alone.
func newAnswer(disputeID string, action apiv1.DisputeAction, evidence alipay.Evidence) *answer {
	if action == apiv1.AcceptDispute {
		return &answer{accept: &alipay.AcceptDisputeRequest{DisputeID: disputeID}}
	}
	return &answer{defend: &alipay.SupplyDefenseDocumentRequest{DisputeID: disputeID, DisputeEvidence: evidence}}
}

// readAnswer makes the request where one may have to be sent.
func (p *disputePass) readAnswer(ctx context.Context) {
	response := p.dispute.Spec.Response
	if response == nil || p.account.problem != nil {
		return
	}
	state := p.state()
	fresh := p.wanted() && (state == apiv1.DisputeOpen || state == apiv1.DisputePending) && p.unanswerable(state) == nil
	if !onItsWay(state) && !fresh {
		return
	}
	var evidence alipay.Evidence
	if response.Action == apiv1.DefendDispute {
		if evidence, p.withheld = p.readEvidence(ctx, p.dispute.Namespace, response); p.withheld != nil {
			return
		}
	}
	p.answer = newAnswer(p.dispute.Spec.DisputeID, response.Action, evidence)
	p.hash, p.buildErr = requestHash(p.answer.body())
}

// intend records the answer before it leaves.
func (p *disputePass) intend(do action) {
	if do != actRecordIntent {
		return
	}
	st, response := &p.dispute.Status, p.dispute.Spec.Response
	intent := newIntent(p.account.account, response.Attempt, p.now)
	intent.NotifyURL, intent.SettlementCurrency, intent.RequestSHA256 = "", "", p.hash // the request names neither
	st.Response = &apiv1.DisputeResponseStatus{Action: string(response.Action), Intent: *intent, Result: apiv1.ResponseUnanswered}
	st.LastResult = nil
	if last := p.lastJudgement(); last != nil {
		st.Response.AnswersJudgement = last.SHA256
	}
	if p.answer.defend != nil {
		file := p.answer.defend.DisputeEvidence
		st.Response.EvidenceSHA256, st.Response.EvidenceFormat, st.Response.EvidenceBytes = bodySHA256(file), file.FormatName(), int32(len(file)) //nolint:gosec // at most MaxEvidenceBytes
	}
	p.recall.unsent = true
}

// call sends the answer, and takes what the gateway says to it.
func (p *disputePass) call(ctx context.Context, _ action) error {
	sent := p.dispute.Status.Response
	first := p.recall.unsent
	p.recall.unsent = false
	resolved, err := p.send(ctx)
	switch classify(err) {
	case settled:
		sent.Result, sent.DisputeResolutionTime, p.dispute.Status.LastResult = apiv1.ResponseTaken, reportedTime(resolved), nil
		p.recall.unclear = true // until that is on record
	case notSent, refusedIdentity:
		p.recall.unsent = first // nothing was done
	case refused, notFound:
		p.refusedAnswer(refusal(err), first)
		err = &refusedError{err}
	case unknown: // the same is sent again
		p.unclear()
	}
	p.moved = true
	p.now = p.Clock.Now()
	p.trouble = newTrouble(err)
	p.recall.note(p.trouble)
	return err
}

func (p *disputePass) send(ctx context.Context) (alipay.Time, error) {
	if p.answer.accept != nil {
		response, err := p.gateway().client.AcceptDispute(ctx, p.answer.accept)
		if err != nil {
			return alipay.Time{}, err
		}
		return response.DisputeResolutionTime, nil
	}
	response, err := p.gateway().client.SupplyDefenseDocument(ctx, p.answer.defend)
	if err != nil {
		return alipay.Time{}, err
	}
	return response.DisputeResolutionTime, nil
}

// unclear notes that the answer has left and that nobody knows what became of it.
func (p *disputePass) unclear() {
	p.recall.unclear = true
	if sent := p.dispute.Status.Response; sent.UnclearTime == nil {
		sent.UnclearTime = secondsOf(p.Clock.Now())
	}
}

// refusedAnswer takes a verified refusal. first says that the request had surely not left before: then the refusal is about this one. Otherwise
// an earlier sending may have been carried out, and its repetition be refused for just that (https://docs.antom.com/ac/ams/accept). Whether one
// was is known only where it was recorded that its answer was lost: a process that ended beside the intent may have sent it, or not.
func (p *disputePass) refusedAnswer(result *apiv1.GatewayResult, first bool) {
	st := &p.dispute.Status
	switch code := result.ResultCode; {
	case code == alipay.CodeSystemError:
		p.unclear()
		return // says nothing: the same is sent again
	case p.wasUnclear() && (code == alipay.CodeRepeatRequest || code == alipay.CodeNotAllowInCurrentStatus):
		st.Response.Result = p.repeated()
	case code == alipay.CodeRepeatRequest:
		st.Response.Result = apiv1.ResponseOtherDecision
	case code == alipay.CodeParamIllegal:
		st.Response.Result = apiv1.ResponseRefused
	case !first:
		st.Response.Result = apiv1.ResponseOtherDecision
	case code == alipay.CodeTimeExceedsLimit:
		st.Response.Result = apiv1.ResponseTooLate
	default:
		st.Response.Result = apiv1.ResponseRefused
	}
	p.recall.unsent = first && st.Response.Result != apiv1.ResponseOtherDecision // nothing was done: until that is on record, it is as if never sent
	if p.answer.defend != nil {
		result.ResultMessage = "" // it may repeat what was sent
	}
	st.LastResult = result
	if st.Response.Result == apiv1.ResponseTaken {
		st.LastResult = nil
	}
}

// wasUnclear reports whether the answer is known to have left, and its outcome to have been lost.
func (p *disputePass) wasUnclear() bool {
	return p.recall.unclear || p.dispute.Status.Response.UnclearTime != nil
}

// repeated is what it means that a repetition is refused as one: the answer that left earlier was taken, unless a defence is known to stand
// where this is an acceptance.
func (p *disputePass) repeated() apiv1.ResponseResult {
	if p.answer.accept != nil && announced(p.notes, alipay.NotifyDefenseSupplied) {
		return apiv1.ResponseOtherDecision
	}
	return apiv1.ResponseTaken
}
