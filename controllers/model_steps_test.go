package controllers

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func (m *model) buyer(t *rapid.T) {
	act := rapid.SampledFrom([]func(string) error{
		m.simulator.BuyerPays, m.simulator.BuyerPays, m.simulator.BuyerPays, m.simulator.BuyerDeclines, m.simulator.BuyerLeaves, m.simulator.BuyerPends,
	}).Draw(t, "act")
	for _, order := range m.orders() {
		_ = act(order) // those that are open
	}
}

// orders are the orders, and the sessions that a buyer may have, which become an order when they are used.
func (m *model) orders() []string {
	var orders []string
	for _, p := range m.simulator.Ledger().Payments {
		orders = append(orders, p.PaymentID)
	}
	m.noteGiven()
	return append(orders, slices.Sorted(maps.Keys(m.given))...)
}

// noteGiven remembers the session that the shop has now.
func (m *model) noteGiven() {
	if secret := m.sessionSecret(); m.sessions && secret != nil && len(secret.Data[apiv1.SessionIDSecretKey]) > 0 {
		m.given[m.sessionID()] = true
	}
}

// collectGarbage deletes the Secret of a session whose payment is gone, as the cluster does in its own time.
func (m *model) collectGarbage() {
	m.noteGiven()
	secret, p := m.sessionSecret(), m.payment(modelOrder)
	if secret != nil && (p == nil || !metav1.IsControlledBy(secret, p)) {
		m.store.drop(keyOf(secret))
	}
}

// submission is the operation that makes an order, or offers one.
func (m *model) submission() string {
	if m.sessions {
		return "createPaymentSession"
	}
	return "pay"
}

func (m *model) fault(t *rapid.T) {
	path := rapid.SampledFrom([]string{m.submission(), "inquiryPayment", "cancel", "refund", "inquiryRefund", ""}).Draw(t, "path")
	kinds := []simulator.FaultKind{
		simulator.DropResponse, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnsignedFail,
		simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	switch path {
	case "refund":
		kinds = append(kinds, simulator.InProcess, simulator.FailLater)
	case "":
	default:
		kinds = append(kinds, simulator.ResultCode)
	}
	if m.kind == lateSequence && (path == m.submission() || path == "refund") {
		kinds = append(kinds, simulator.ActLater, simulator.ActLater)
	}
	fault := simulator.Fault{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Path: path, Times: rapid.IntRange(1, 3).Draw(t, "times")}
	if fault.Kind == simulator.ResultCode {
		codes := []string{"SYSTEM_ERROR", "PROCESS_FAIL", "ACCESS_DENIED", "weird code!"}
		switch path {
		case "inquiryPayment", "inquiryRefund":
			codes = append(codes, "ORDER_NOT_EXIST")
			fault.Times = 1
		case "cancel":
			codes = append(codes, "MERCHANT_BALANCE_NOT_ENOUGH", "ORDER_STATUS_INVALID")
		default:
			codes = append(codes, "RISK_REJECT", "MERCHANT_BALANCE_NOT_ENOUGH")
			if m.kind == stubbornSequence {
				codes = append(codes, "PARAM_ILLEGAL", "ORDER_NOT_EXIST", "NO_INTERFACE_DEF")
			}
		}
		fault.Code = rapid.SampledFrom(codes).Draw(t, "code")
		if fault.Code == "ORDER_NOT_EXIST" && slices.ContainsFunc(m.simulator.Faults(), func(f simulator.Fault) bool { return f.Code == fault.Code }) {
			t.Skip("several empty answers in a row would be a proof")
		}
	}
	m.inject(fault)
}

// lose keeps the next request that moves money from arriving.
func (m *model) lose(t *rapid.T) {
	operation := rapid.SampledFrom([]string{m.submission(), "refund", "cancel"}).Draw(t, "operation")
	check := m.checkRequest
	m.beforeSend = func(r sentRequest) error {
		if err := check(r); err != nil || r.operation != operation {
			return err
		}
		m.beforeSend = check
		if m.kind == lateSequence && operation != "cancel" {
			m.lost = append(m.lost, lateRequest{m.lastRequest, m.simulator.Now().Add(longestDelay)})
		}
		return errConnection
	}
}

// late delivers a lost request after all.
func (m *model) late(t *rapid.T) {
	m.lost = slices.DeleteFunc(m.lost, func(l lateRequest) bool { return m.simulator.Now().After(l.until) })
	if len(m.lost) == 0 {
		t.Skip("nothing is on its way")
	}
	m.deliver(m.lost[0].request)
	m.lost = m.lost[1:]
}

func (m *model) unreachableOnce(t *rapid.T) {
	left := rapid.IntRange(1, 3).Draw(t, "times")
	m.unreachable = func(string) bool {
		left--
		return left >= 0
	}
}

func (m *model) failingWrite(t *rapid.T) {
	m.failWriteNumber(rapid.IntRange(1, 3).Draw(t, "write"), rapid.SampledFrom([]writeFault{writeLost, writeUnheardOf}).Draw(t, "how"))
}

func (m *model) restartOne(t *rapid.T) {
	m.processes[rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")] = m.newProcess()
}

func (m *model) pass(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{
		time.Second, 3 * time.Second, 10 * time.Second, 16 * time.Second, 16 * time.Second, time.Minute, 15 * time.Minute, 20 * time.Hour,
	}).Draw(t, "time")
	m.collectGarbage()
	m.advance(d)
	if m.kind == skewedSequence && rapid.Bool().Draw(t, "the clock jumps") {
		jump := rapid.SampledFrom([]time.Duration{-time.Hour, -20 * time.Second, 20 * time.Second, time.Hour}).Draw(t, "jump")
		m.clock.Step(jump)
		m.back += max(0, -jump)
	}
}

func (m *model) edit(t *rapid.T) {
	p := m.payment(modelOrder)
	if p == nil || p.DeletionTimestamp != nil {
		t.Skip("no payment")
	}
	m.editPayment(modelOrder, func(spec *apiv1.PaymentSpec) {
		switch rapid.SampledFrom([]string{"cancel", "suspend", "attempt", "attempt", "policy"}).Draw(t, "edit") {
		case "cancel":
			spec.DesiredState = apiv1.DesiredCancelled
		case "suspend":
			spec.Suspend = !spec.Suspend
		case "attempt":
			if p.Status.State == apiv1.StateFailed || p.Status.State == apiv1.PaymentCancelled {
				spec.Attempt, spec.DesiredState = spec.Attempt+1, apiv1.DesiredPaid
			}
		case "policy":
			spec.DeletionPolicy = rapid.SampledFrom([]apiv1.PaymentDeletionPolicy{apiv1.RetainPayment, apiv1.CancelPayment}).Draw(t, "policy")
		}
	})
}

func (m *model) deletePayment(t *rapid.T) {
	if m.payment(modelOrder) == nil {
		t.Skip("no payment")
	}
	m.store.remove(m.payment(modelOrder))
}

// create applies the payment's manifest, if it is not there: with the attempt that was reached.
func (m *model) create(t *rapid.T) {
	if m.payment(modelOrder) != nil {
		t.Skip("there is one")
	}
	m.forgotten = m.forgotten || len(m.sent) > 0
	payment := newPayment(modelOrder)
	if m.sessions {
		payment = sessionPayment(embedded("ALIPAY_HK"), renewals(1))
	}
	payment.Spec.Attempt = m.lastAttempt("Payment", modelOrder)
	if rapid.IntRange(0, 4).Draw(t, "wish") == 0 {
		payment.Spec.DesiredState = apiv1.DesiredCancelled
	}
	m.store.create(payment)
}

// lastAttempt is the highest attempt that any version of an object asked for, as Git holds it.
func (m *model) lastAttempt(kind, name string) int32 {
	attempt := int32(1)
	if entry := m.store.objects[storeKey{kind: kind, name: requestFor(name).NamespacedName}]; entry != nil {
		for _, version := range entry.versions {
			switch obj := version.(type) {
			case *apiv1.Payment:
				attempt = max(attempt, obj.Spec.Attempt)
			case *apiv1.Refund:
				attempt = max(attempt, obj.Spec.Attempt)
			case *apiv1.Capture:
				attempt = max(attempt, obj.Spec.Attempt)
			case *apiv1.CustomsDeclaration:
				attempt = max(attempt, obj.Spec.Attempt)
			}
		}
	}
	return attempt
}

func (m *model) createRefund(t *rapid.T) {
	name := m.refundName(t)
	if m.refund(name) != nil {
		t.Skip("there is one")
	}
	m.store.create(newRefund(name, modelOrder, modelRefunds[name], func(spec *apiv1.RefundSpec) { spec.Attempt = m.lastAttempt("Refund", name) }))
}

func (m *model) editOneRefund(t *rapid.T) {
	name := m.refundName(t)
	refund := m.refund(name)
	if refund == nil {
		t.Skip("no refund")
	}
	m.editRefund(name, func(spec *apiv1.RefundSpec) {
		if refund.Status.State == apiv1.StateFailed {
			spec.Attempt++
			return
		}
		spec.Suspend = !spec.Suspend
	})
}

func (m *model) deleteRefund(t *rapid.T) {
	name := m.refundName(t)
	if m.refund(name) == nil {
		t.Skip("no refund")
	}
	m.store.remove(m.refund(name))
}
