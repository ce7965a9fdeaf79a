package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// breaks notes a broken rule. It is raised between the steps, where rapid can shrink the sequence.
func (m *model) breaks(format string, args ...any) {
	m.broken = append(m.broken, fmt.Sprintf(format, args...))
}

func paymentAttemptID(attempt int32) string {
	return deriveRequestID("hk", paymentKind, testNamespace, modelOrder, attempt)
}

func refundAttemptID(name string, attempt int32) string {
	return shareRequestID(refunding{}, refunding{}.share(newRefund(name, modelOrder, modelRefunds[name])), "hk", attempt)
}

// checkRequest looks at every request before it arrives: no request that moves money leaves before its intent is stored, none while
// another attempt may move money, and a repeat has the same bytes.
func (m *model) checkRequest(r sentRequest) error {
	ledger := m.simulator.Ledger()
	sum := sha256.Sum256(r.body)
	var intent *apiv1.Intent
	id := ""
	switch r.operation {
	case "pay", "createPaymentSession":
		id = r.text("paymentRequestId")
		m.checkSessions(ledger, id)
		if p := m.payment(modelOrder); p == nil || p.Status.PaymentRequestID != id {
			m.breaks("pay left for %s, which is not on record", id)
		} else {
			intent = p.Status.Intent
		}
		for attempt := range int32(10) {
			other := paymentAttemptID(attempt + 1)
			if was, found := ledger.Payment(other); found && other != id && was.Status != "FAIL" && was.Status != "CANCELLED" {
				m.breaks("pay left for %s while %s is %s", id, other, was.Status)
			}
		}
	case "refund":
		id = r.text("refundRequestId")
		intent = m.checkRefundRequest(ledger, id)
	case "cancel":
		if p := m.payment(modelOrder); p == nil || p.Status.CancelSubmittedAt == nil {
			m.breaks("cancel left without being on record")
		}
		return nil
	default:
		return nil
	}
	if intent == nil || intent.RequestSHA256 != hex.EncodeToString(sum[:]) {
		m.breaks("%s left for %s without its intent on record", r.operation, id)
	}
	key := r.operation + " " + id
	if former, sent := m.bodies[key]; sent && former != string(r.body) && r.operation != "createPaymentSession" {
		m.breaks("%s was sent with two bodies:\n%s\n%s", key, former, r.body)
	}
	m.bodies[key] = string(r.body)
	return nil
}

// checkSessions holds that no other attempt has a session that a buyer can still use.
func (m *model) checkSessions(ledger simulator.Ledger, id string) {
	m.noteGiven()
	for _, session := range ledger.Sessions {
		if session.PaymentRequestID != id && session.PaymentID == "" && m.given[session.SessionID] && ledger.Now.Before(session.ExpiresAt) {
			m.breaks("%s is offered while the session of %s can be used", id, session.PaymentRequestID)
		}
	}
}

func (m *model) checkRefundRequest(ledger simulator.Ledger, id string) *apiv1.Intent {
	for name := range modelRefunds {
		for attempt := range int32(10) {
			if refundAttemptID(name, attempt+1) != id {
				continue
			}
			for former := range attempt {
				other := refundAttemptID(name, former+1)
				if was, found := ledger.Refund(other); found && was.Status != "FAIL" {
					m.breaks("refund left for %s while %s is %s", id, other, was.Status)
				}
			}
			refund := m.refund(name)
			if refund == nil || refund.Status.RefundRequestID != id {
				return nil
			}
			if p := m.payment(modelOrder); p != nil && !m.forgotten &&
				!slices.ContainsFunc(p.Status.Refunds, func(r apiv1.PaymentRefund) bool { return r.RefundRequestID == id }) {
				m.breaks("refund left for %s without being noted in its payment", id)
			}
			return refund.Status.Intent
		}
	}
	return nil
}

// checkVersion looks at every version that is written: no final state goes back.
func (m *model) checkVersion(old, now client.Object) {
	if old == nil || now == nil {
		return
	}
	switch now := now.(type) {
	case *apiv1.Payment:
		before, after := old.(*apiv1.Payment).Status, now.Status
		raised := before.State != apiv1.PaymentPaid && now.Spec.Attempt > before.EndedAttempts
		cancelled := before.State == apiv1.PaymentPaid && after.State == apiv1.PaymentCancelled && now.Spec.DesiredState == apiv1.DesiredCancelled
		if before.State.Final() && after.State != before.State && !raised && !cancelled {
			m.breaks("payment went from %s to %s", before.State, after.State)
		}
		sameBytes := after.Intent != nil && before.Intent != nil && before.Intent.RequestSHA256 == after.Intent.RequestSHA256
		renewed := after.Intent != nil && m.sessions // a session is asked for anew with another end
		if before.Intent != nil && !sameBytes && !renewed && !raised {
			m.breaks("the recorded intent was lost")
		}
	case *apiv1.Refund:
		before, after := old.(*apiv1.Refund).Status, now.Status
		raised := before.State == apiv1.StateFailed && now.Spec.Attempt > before.EndedAttempts
		if before.State.Final() && after.State != before.State && !raised {
			m.breaks("refund %s went from %s to %s", now.Name, before.State, after.State)
		}
	}
}

// check compares what the status says with the ledger.
func (m *model) check(t *rapid.T) {
	ledger := m.simulator.Ledger()
	if err := ledger.Check(); err != nil {
		m.breaks("%v", err)
	}
	if p := m.payment(modelOrder); p != nil {
		m.checkPayment(ledger, p)
	}
	for name := range modelRefunds {
		m.checkRefunds(ledger, name)
	}
	if held := m.held(ledger); held > 1 {
		m.breaks("%d attempts hold the buyer's money", held)
	}
	if n := ledger.APICalls["refund"]["REFUND_AMOUNT_EXCEED"]; n > 0 && !m.forgotten {
		m.breaks("refunds beyond what was paid were sent")
	}
	if len(m.broken) > 0 {
		p := m.payment(modelOrder)
		t.Fatalf("%v\npayment: %+v", m.broken, p)
	}
}

// held counts the attempts that hold, or may still take, the buyer's money.
func (m *model) held(ledger simulator.Ledger) int {
	n := 0
	for _, p := range ledger.Payments {
		if p.Status != "FAIL" && p.Status != "CANCELLED" {
			n++
		}
	}
	return n
}

func (m *model) checkPayment(ledger simulator.Ledger, p *apiv1.Payment) {
	order, placed := ledger.Payment(p.Status.PaymentRequestID)
	ended := !placed || order.Status == "FAIL" || order.Status == "CANCELLED"
	paid := placed && order.Status == "SUCCESS"
	succeeded := meta.FindStatusCondition(p.Status.Conditions, apiv1.SucceededCondition)
	switch {
	case p.Status.State == apiv1.PaymentPaid && !paid && p.Status.CancelSubmittedAt == nil,
		(p.Status.State == apiv1.StateFailed || p.Status.State == apiv1.PaymentCancelled) && !ended:
		m.breaks("state is %s and the gateway has %q", p.Status.State, order.Status)
	case succeeded == nil:
	case succeeded.Status == metav1.ConditionTrue && !paid, succeeded.Status == metav1.ConditionFalse && !ended:
		m.breaks("Succeeded is %s (%s) and the gateway has %q", succeeded.Status, succeeded.Reason, order.Status)
	}
	if p.Status.State == apiv1.PaymentPaid {
		for _, noted := range p.Status.Refunds {
			if back, found := ledger.Refund(noted.RefundRequestID); noted.Done && (!found || back.Status != "SUCCESS" || fmt.Sprint(back.Amount.Value) != noted.Value) {
				m.breaks("refund %+v is noted as done and the gateway has %+v", noted, back)
			}
		}
	}
}

func (m *model) checkRefunds(ledger simulator.Ledger, name string) {
	done := 0
	for attempt := range int32(10) {
		if back, found := ledger.Refund(refundAttemptID(name, attempt+1)); found && back.Status != "FAIL" {
			done++
		}
	}
	if done > 1 {
		m.breaks("refund %s was sent back %d times", name, done)
	}
	refund := m.refund(name)
	if refund == nil {
		return
	}
	back, placed := ledger.Refund(refund.Status.RefundRequestID)
	ended := !placed || back.Status == "FAIL"
	succeeded := meta.FindStatusCondition(refund.Status.Conditions, apiv1.SucceededCondition)
	switch {
	case refund.Status.State == apiv1.RefundRefunded && back.Status != "SUCCESS", refund.Status.State == apiv1.StateFailed && !ended:
		m.breaks("refund %s is %s and the gateway has %q", name, refund.Status.State, back.Status)
	case succeeded == nil:
	case succeeded.Status == metav1.ConditionTrue && back.Status != "SUCCESS", succeeded.Status == metav1.ConditionFalse && !ended:
		m.breaks("refund %s has Succeeded %s and the gateway has %q", name, succeeded.Status, back.Status)
	}
}
