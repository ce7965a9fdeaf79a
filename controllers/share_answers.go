package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// submit sends the request. What it leaves unclear, the next inquiry tells.
func (p *sharePass) submit(ctx context.Context) error {
	st := p.status
	unsent := p.recall.unsent
	p.recall.unsent = false
	if unsent && p.rules.name() == refundKind && p.payment != nil {
		p.warnDisputed(ctx, p.obj, p.payment)
	}
	answer, err := p.rules.submit(ctx, p.gateway().client, p.body)
	switch classify(err) {
	case settled:
		p.take(&answer)
	case notSent:
		p.recall.unsent = unsent
	case unknown:
		st.State = apiv1.StateUnknown
	case refused, notFound:
		st.LastResult = refusal(err)
		if st.LastResult.ResultCode == alipay.CodeRepeatReqInconsistent {
			st.Conflict = conflictOver(p.id)
		}
		err = &refusedError{err}
	case refusedIdentity:
	}
	return err
}

// inquire asks what became of the request id.
func (p *sharePass) inquire(ctx context.Context) error {
	st := p.status
	p.asked = true
	answer, err := p.rules.inquire(ctx, p.gateway().client, &p.shareFacts, p.id)
	st.EmptyAnswers = countEmpty(st.EmptyAnswers, p.id, newTrouble(err), p.Clock.Now())
	if err != nil {
		if p.news.contradicted && emptyCount(st.EmptyAnswers, p.id) >= emptyAnswers {
			st.Conflict, st.EmptyAnswers, p.news.explained = announcedUnknown(p.rules.noun()), nil, true
		}
		return err
	}
	if st.State.Final() {
		p.compareEnd(answer.status)
		return nil
	}
	return p.learn(&answer)
}

// learn takes the answer to an inquiry, if it says what became of the request.
func (p *sharePass) learn(answer *shareAnswer) error {
	switch answer.status {
	case alipay.StatusSuccess:
		if answer.amount == nil {
			return errUnusable
		}
	case alipay.StatusProcessing, alipay.StatusPending, alipay.StatusFail, statusUnclear:
	default:
		return errUnusable // not a final word: ask again
	}
	p.take(answer)
	return nil
}

// heedOverheard takes what the gateway has told of the object when another one was asked about, in place of an inquiry.
func (p *sharePass) heedOverheard() {
	st := p.status
	if p.overheard == nil || st.Intent == nil || st.State.Final() || st.Conflict != nil || p.account.problem != nil || p.clientChanged(p.recorded()) {
		return
	}
	if p.learn(p.overheard) == nil {
		p.asked, st.EmptyAnswers = true, nil
		p.recall.nextLook, p.recall.failures = time.Time{}, 0
	}
}

// compareEnd takes an answer about what has ended. It stays ended, and a contradiction is shown.
func (p *sharePass) compareEnd(status string) {
	before := ""
	switch {
	case p.status.State == apiv1.StateFailed && status != alipay.StatusFail:
		before = "failed"
	case p.status.State == p.rules.done() && status == alipay.StatusFail:
		before = "done"
	default:
		return
	}
	p.status.Conflict = &apiv1.Conflict{Reason: apiv1.StateContradictionReason, Message: fmt.Sprintf(
		"The gateway reported this %s as %s before and reports %s now. Nothing is sent any more: ask Antom which one is right.",
		p.rules.noun(), before, cut(status, 32))}
}

// inquireFormer asks about the first attempt that is not yet known to have ended.
func (p *sharePass) inquireFormer(ctx context.Context) error {
	st := p.status
	id := p.attemptID(st.EndedAttempts + 1)
	answer, err := p.rules.inquire(ctx, p.gateway().client, &p.shareFacts, id)
	st.EmptyAnswers = countEmpty(st.EmptyAnswers, id, newTrouble(err), p.Clock.Now())
	switch {
	case err != nil && emptyCount(st.EmptyAnswers, id) < emptyAnswers:
		return err
	case err == nil && answer.status != alipay.StatusFail && answer.status != statusUnclear:
		p.formerOpen = true
		return nil
	default:
		st.EndedAttempts, st.EmptyAnswers = st.EndedAttempts+1, nil
		p.former = append(p.former, id)
		return nil
	}
}

// take writes a verified answer about something that exists into the status.
func (p *sharePass) take(answer *shareAnswer) {
	st := p.status
	first := *p.statusGatewayID == "" && st.State != apiv1.StateProcessing
	if !p.found(answer) {
		return
	}
	p.rules.keep(&p.shareFacts, answer)
	if answer.status == alipay.StatusFail {
		result := answer.result
		if result == nil {
			result = st.LastResult // an answer without a reason of its own
		}
		if result == nil {
			result = &apiv1.GatewayResult{ResultCode: strings.ToUpper(p.rules.noun()) + "_FAILED", ResultStatus: alipay.ResultStatusFail,
				ResultMessage: "the gateway reports the " + p.rules.noun() + " as failed"}
		}
		p.endWithout(p.rules.stateOf(answer.status), result)
		return
	}
	if first {
		st.Adopted = knownBefore(answer.at, answer.answeredAt, p.Clock.Since(st.Intent.SubmittedAt.Time))
	}
	st.LastResult = nil
	if answer.status != alipay.StatusSuccess || answer.amount == nil {
		st.State = p.rules.stateOf(answer.status)
		return
	}
	st.State = p.rules.done()
	if !answer.at.IsZero() {
		*p.statusTime = &metav1.Time{Time: answer.at.Truncate(time.Second)}
	}
	p.finish()
}

// found notes the gateway's id and compares the amount. False means that it is another operation.
func (p *sharePass) found(answer *shareAnswer) bool {
	want := wireAmount(p.quantity)
	if answer.amount != nil && *answer.amount != want {
		p.status.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason, Message: fmt.Sprintf(
			"The gateway knows the id %s as a %s of %s %s, and this object is about %s %s. Nothing is sent any more: find out whose that is, "+
				"then create a %s with another name or request id.",
			p.id, p.rules.noun(), cut(answer.amount.Currency, 8), cut(answer.amount.Value, 20), want.Currency, want.Value, p.rules.name())}
		return false
	}
	if answer.paymentID != "" && answer.paymentID != p.paymentID {
		p.status.Conflict = &apiv1.Conflict{Reason: apiv1.RequestIDConflictReason, Message: fmt.Sprintf(
			"The gateway knows the id %s as a %s of payment %s, and this object is about payment %s. Nothing is sent any more: find out whose that is, "+
				"then create a %s with another name or request id.",
			p.id, p.rules.noun(), cut(answer.paymentID, 64), p.paymentID, p.rules.name())}
		return false
	}
	if answer.gatewayID != "" {
		*p.statusGatewayID = cut(answer.gatewayID, 64)
	}
	return true
}

func (p *sharePass) endWithout(state apiv1.OperationState, result *apiv1.GatewayResult) {
	p.status.State, p.status.LastResult, p.status.EndedAttempts = state, result, p.status.Intent.Attempt
	p.finish()
}

func (p *sharePass) finish() {
	p.status.FinishedAt = &metav1.Time{Time: p.Clock.Now().Truncate(time.Second)}
}
