package controllers

import (
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// shareNews is what verified notifications say of a refund or a capture.
type shareNews struct {
	// final says how it ended, where everything that was announced agrees; nil otherwise.
	final       *shareAnswer
	finalSource *verifiedNotification
	// formerDone is the first former attempt that was announced as done although it counts as failed, or 0.
	formerDone int32
}

// concerns reports whether a notification is about this object, or about a former attempt of it.
func (p *sharePass) concerns(s alipay.Subject) bool {
	id, _ := p.rules.subject(s)
	return id != "" && (id == *p.statusRequestID || id == p.attemptID(p.attempt) || p.formerAttempt(id) > 0)
}

// formerAttempt is the attempt before the present one that has this request id, or 0.
func (p *sharePass) formerAttempt(id string) int32 {
	if id == *p.statusRequestID {
		return 0
	}
	for attempt := int32(1); attempt < p.attempt; attempt++ {
		if p.attemptID(attempt) == id {
			return attempt
		}
	}
	return 0
}

// needsNews reports whether a settled one has a notification that does not say what its status says. It has not been verified.
func needsNews(kind shareKind, s *share, obj client.Object) bool {
	return slices.ContainsFunc(envelopes(obj), func(name string) bool {
		envelope, err := notification.Parse(obj.GetAnnotations()[name])
		if err != nil {
			return true
		}
		subject, err := alipay.ReadSubject([]byte(envelope.Body))
		id, status := kind.subject(subject)
		return err != nil || id != *s.statusRequestID || otherEnd(kind, s.status.State, status)
	})
}

// otherEnd reports whether what was announced is another end than the one on record.
func otherEnd(kind shareKind, state apiv1.OperationState, status string) bool {
	return state == kind.done() && status == alipay.StatusFail || state == apiv1.StateFailed && status == alipay.StatusSuccess
}

// read makes out what the verified notifications mean for the object as it stands.
func (p *sharePass) read() {
	odd := false
	for i := range p.news.verified {
		v := &p.news.verified[i]
		id, status := p.rules.subject(v.subject)
		switch {
		case id != p.id:
			if v.subject.Type == p.rules.resultType() && status == alipay.StatusSuccess {
				p.reported.formerDone, p.news.ask = first(p.reported.formerDone, p.formerAttempt(id)), true
				p.news.alarm = fmt.Sprintf("The gateway has announced attempt %d of this %s as done, which counts as failed: "+
					"see at the gateway whether the money has moved twice.", p.reported.formerDone, p.rules.noun())
			}
		case otherEnd(p.rules, p.status.State, status):
			p.news.contradicted, p.news.ask = true, true
		case p.status.State.Final():
			// it is what the status says, or says nothing about an end
		case v.subject.Type != p.rules.resultType():
			p.news.ask = true
		default:
			final := p.final(v)
			odd = odd || final == nil || p.reported.final != nil && p.reported.final.status != final.status
			p.reported.final, p.reported.finalSource = final, v
		}
	}
	if odd {
		p.reported.final, p.news.ask = nil, true
	}
}

// doubtFormer has a former attempt asked about again that was announced as done, before another one is sent.
func (p *sharePass) doubtFormer() {
	if p.status.Intent == nil && p.news.ask && p.reported.formerDone > 0 {
		p.status.EndedAttempts = min(p.status.EndedAttempts, p.reported.formerDone-1)
	}
}

// final is a result that may be believed without asking: it fits what was asked for and what is on record; nil otherwise.
func (p *sharePass) final(v *verifiedNotification) *shareAnswer {
	answer, err := p.rules.announced(v.body)
	answer.answeredAt = v.sentAt
	switch {
	case err != nil, p.status.Intent == nil, !v.fresh(p.now):
		return nil
	case p.clientChanged(p.recorded()), p.gatewayChanged(p.recorded()):
		return nil // it is about the new client's operation
	case answer.amount == nil, *answer.amount != wireAmount(p.quantity):
		return nil
	case answer.gatewayID == "", *p.statusGatewayID != "" && *p.statusGatewayID != answer.gatewayID:
		return nil
	case answer.status == "", answer.paymentID != "" && answer.paymentID != p.paymentID:
		return nil
	}
	return &answer
}
