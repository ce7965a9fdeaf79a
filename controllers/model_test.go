package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// model drives one payment and its refunds through everything that can happen to them, and compares what the operator says with the
// gateway's ledger.
type model struct {
	*world
	t         *rapid.T
	processes []process
	// skewed sequences let clocks jump; late ones let lost requests arrive after all; stubborn ones refuse without leaving a trace.
	// Each of the three breaks what the others rest on: no proof survives all of them.
	kind sequenceKind

	lost   []lateRequest
	bodies map[string]string // by operation and request id
	// forgotten is true once a payment was made anew, which no longer knows of refunds that are on their way.
	forgotten bool
	// back is how far the operator's clock was set back: what is planned may be as far away.
	back   time.Duration
	broken []string
}

type sequenceKind string

const (
	lateSequence     sequenceKind = "lost requests arrive late"
	skewedSequence   sequenceKind = "clocks jump"
	stubbornSequence sequenceKind = "refusals leave no trace"
)

// process is one running operator. Two of them may run at once, as when a leader is cut off.
type process struct {
	payments *PaymentReconciler
	refunds  *RefundReconciler
}

type lateRequest struct {
	request wireRequest
	until   time.Time
}

// longestDelay is how late a lost request may arrive: within the time in which the gateway's pages say to keep asking.
const longestDelay = 40 * time.Second

const modelOrder = "order"

var modelRefunds = map[string]string{"a": "3000", "b": "6000", "c": "4000", "full": ""}

// Whatever happens in whatever order, nobody is charged twice, nothing is given back twice, and the status says nothing that the ledger
// does not bear out. And once nothing goes wrong any more, everything comes to an end or says what a person has to do.
func TestMoneyIsSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{world: newWorld(t), t: rt, bodies: map[string]string{},
			kind: rapid.SampledFrom([]sequenceKind{lateSequence, skewedSequence, stubbornSequence}).Draw(rt, "kind")}
		defer m.close()
		m.processes = []process{m.newProcess(), m.newProcess()}
		m.unreachable = func(string) bool { return false }
		m.beforeSend = m.checkRequest
		m.store.changed = m.checkVersion
		m.create(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"reconcile payment":       m.reconcileOnePayment,
			"reconcile payment soon":  m.reconcileOnePayment,
			"reconcile payment later": m.reconcileOnePayment,
			"reconcile refund":        m.reconcileOneRefund,
			"reconcile refund soon":   m.reconcileOneRefund,
			"reconcile all":           func(*rapid.T) { m.round(0) },
			"buyer":                   m.buyer,
			"buyer again":             m.buyer,
			"fault":                   m.fault,
			"lose":                    m.lose,
			"late":                    m.late,
			"unreachable":             m.unreachableOnce,
			"failing write":           m.failingWrite,
			"restart":                 m.restartOne,
			"time passes":             m.pass,
			"time passes on":          m.pass,
			"edit payment":            m.edit,
			"delete payment":          m.deletePayment,
			"create":                  m.create,
			"create refund":           m.createRefund,
			"edit refund":             m.editOneRefund,
			"delete refund":           m.deleteRefund,
			"":                        m.check,
		})
		m.settle()
	})
}

func (m *model) newProcess() process {
	m.gateways = m.newGateways()
	return process{payments: &PaymentReconciler{Lifecycle: m.newLifecycle()}, refunds: &RefundReconciler{Lifecycle: m.newLifecycle()}}
}

func (m *model) reconcileOnePayment(t *rapid.T) {
	m.stale(t, func() {
		_, _ = m.process(t).payments.Reconcile(m.world.t.Context(), requestFor(modelOrder))
	})
}

func (m *model) reconcileOneRefund(t *rapid.T) {
	name := m.refundName(t)
	m.stale(t, func() {
		_, _ = m.process(t).refunds.Reconcile(m.world.t.Context(), requestFor(name))
	})
}

// stale lets what is done read old versions, now and then.
func (m *model) stale(t *rapid.T, do func()) {
	m.store.behind = max(0, rapid.IntRange(-6, 2).Draw(t, "versions behind"))
	do()
	m.store.behind = 0
}

func (m *model) process(t *rapid.T) process {
	return m.processes[rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")]
}

func (m *model) refundName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "full"}).Draw(t, "refund")
}

// round reconciles every object once, without anything going wrong, and says when to look again.
func (m *model) round(process int) time.Duration {
	next := time.Hour
	note := func(result ctrl.Result, err error) {
		switch {
		case err != nil:
			next = min(next, time.Second)
		case result.RequeueAfter > 0:
			next = min(next, result.RequeueAfter)
		}
	}
	note(m.processes[process].payments.Reconcile(m.world.t.Context(), requestFor(modelOrder)))
	for _, name := range []string{"a", "b", "c", "full"} {
		note(m.processes[process].refunds.Reconcile(m.world.t.Context(), requestFor(name)))
	}
	return next
}

func (m *model) buyer(t *rapid.T) {
	act := rapid.SampledFrom([]func(string) error{
		m.simulator.BuyerPays, m.simulator.BuyerPays, m.simulator.BuyerPays, m.simulator.BuyerDeclines, m.simulator.BuyerLeaves, m.simulator.BuyerPends,
	}).Draw(t, "act")
	for _, p := range m.simulator.Ledger().Payments {
		_ = act(p.PaymentID) // those that are open
	}
}

func (m *model) fault(t *rapid.T) {
	path := rapid.SampledFrom([]string{"pay", "inquiryPayment", "cancel", "refund", "inquiryRefund", ""}).Draw(t, "path")
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
	if m.kind == lateSequence && (path == "pay" || path == "refund") {
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
	operation := rapid.SampledFrom([]string{"pay", "refund", "cancel"}).Draw(t, "operation")
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
			if p.Status.State == apiv1.PaymentFailed || p.Status.State == apiv1.PaymentCancelled {
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
	payment := newPayment(modelOrder, func(spec *apiv1.PaymentSpec) { spec.Attempt = m.lastAttempt("Payment", modelOrder) })
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
		if refund.Status.State == apiv1.RefundFailed {
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

// breaks notes a broken rule. It is raised between the steps, where rapid can shrink the sequence.
func (m *model) breaks(format string, args ...any) {
	m.broken = append(m.broken, fmt.Sprintf(format, args...))
}

func paymentAttemptID(attempt int32) string {
	return deriveRequestID("hk", paymentKind, testNamespace, modelOrder, attempt)
}

func refundAttemptID(name string, attempt int32) string {
	return refundRequestID("hk", newRefund(name, modelOrder, modelRefunds[name]), attempt)
}

// checkRequest looks at every request before it arrives: no request that moves money leaves before its intent is stored, none while
// another attempt may move money, and a repeat has the same bytes.
func (m *model) checkRequest(r sentRequest) error {
	ledger := m.simulator.Ledger()
	sum := sha256.Sum256(r.body)
	var intent *apiv1.Intent
	id := ""
	switch r.operation {
	case "pay":
		id = r.text("paymentRequestId")
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
	if former, sent := m.bodies[key]; sent && former != string(r.body) {
		m.breaks("%s was sent with two bodies:\n%s\n%s", key, former, r.body)
	}
	m.bodies[key] = string(r.body)
	return nil
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
		if before.Intent != nil && (after.Intent == nil || before.Intent.RequestSHA256 != after.Intent.RequestSHA256) && !raised {
			m.breaks("the recorded intent was lost")
		}
	case *apiv1.Refund:
		before, after := old.(*apiv1.Refund).Status, now.Status
		raised := before.State == apiv1.RefundFailed && now.Spec.Attempt > before.EndedAttempts
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
		(p.Status.State == apiv1.PaymentFailed || p.Status.State == apiv1.PaymentCancelled) && !ended:
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
	case refund.Status.State == apiv1.RefundRefunded && back.Status != "SUCCESS", refund.Status.State == apiv1.RefundFailed && !ended:
		m.breaks("refund %s is %s and the gateway has %q", name, refund.Status.State, back.Status)
	case succeeded == nil:
	case succeeded.Status == metav1.ConditionTrue && back.Status != "SUCCESS", succeeded.Status == metav1.ConditionFalse && !ended:
		m.breaks("refund %s has Succeeded %s and the gateway has %q", name, succeeded.Status, back.Status)
	}
}

// settle ends all faults, lets the buyer pay what is open, and demands that everything ends, or says what a person has to do.
func (m *model) settle() {
	m.simulator.ClearFaults()
	m.store.failWrite, m.lost, m.beforeSend = nil, nil, m.checkRequest
	m.unreachable = func(string) bool { return false }
	if p := m.payment(modelOrder); p != nil {
		m.editPayment(modelOrder, func(spec *apiv1.PaymentSpec) { spec.Suspend = false })
	}
	for name := range modelRefunds {
		if m.refund(name) != nil {
			m.editRefund(name, func(spec *apiv1.RefundSpec) { spec.Suspend = false })
		}
	}
	m.advance(m.back)
	open := ""
	for range 60 {
		for _, p := range m.simulator.Ledger().Payments {
			_ = m.simulator.BuyerPays(p.PaymentID) // if it is open
		}
		next := m.round(0)
		m.check(m.t)
		if open = m.unsettled(); open == "" {
			break
		}
		m.advance(next)
	}
	if open != "" {
		m.t.Fatalf("with nothing going wrong any more, %s", open)
	}
	m.round(0) // what one object has learned reaches the others
	m.round(0)
	sent, writes := len(m.sent), m.store.writes
	if p := m.payment(modelOrder); p != nil && p.Status.State.Final() && reason(p.Status.Conditions) != apiv1.CancelRefusedReason {
		_, _ = m.processes[1].payments.Reconcile(m.world.t.Context(), requestFor(modelOrder))
		if settledForGood(p) && (len(m.sent) != sent || m.store.writes != writes) {
			m.t.Fatalf("a payment that is %s costs %d requests and %d writes", p.Status.State, len(m.sent)-sent, m.store.writes-writes)
		}
	}
}

// unsettled names an object that has neither ended nor waits for a person.
func (m *model) unsettled() string {
	if p := m.payment(modelOrder); p != nil && !p.Status.State.Final() && !meta.IsStatusConditionTrue(p.Status.Conditions, apiv1.StalledCondition) {
		return fmt.Sprintf("the payment is %s (%s)", p.Status.State, reason(p.Status.Conditions))
	}
	for name := range modelRefunds {
		r := m.refund(name)
		if r == nil || r.Status.State.Final() || meta.IsStatusConditionTrue(r.Status.Conditions, apiv1.StalledCondition) {
			continue
		}
		if p := m.payment(modelOrder); reason(r.Status.Conditions) == apiv1.AwaitingPaymentReason && (p == nil || p.Status.State != apiv1.PaymentPaid) {
			continue
		}
		return fmt.Sprintf("refund %s is %s (%s)", name, r.Status.State, reason(r.Status.Conditions))
	}
	return ""
}
