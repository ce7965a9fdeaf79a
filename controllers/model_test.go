package controllers

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"pgregory.net/rapid"
	ctrl "sigs.k8s.io/controller-runtime"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
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
	back time.Duration
	// sessions says that the payment is offered in a checkout session, and given are the sessions that a buyer may have.
	sessions bool
	given    map[string]bool
	broken   []string
	// lostNews are notifications that never arrive.
	lostNews map[announcement]bool
	// pairs are the annotations of two contradictory ends.
	pairs map[string]bool
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
	captures *CaptureReconciler
	customs  *CustomsDeclarationReconciler
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
		news := rapid.SampledFrom([]newsKind{silentNews, askedNews, askedNews, dashboardNews}).Draw(rt, "news")
		m := &model{world: newWorld(t, news.options()...), t: rt, bodies: map[string]string{}, lostNews: map[announcement]bool{}, pairs: map[string]bool{},
			sessions: rapid.IntRange(0, 3).Draw(rt, "offered in a session") == 0, given: map[string]bool{},
			kind: rapid.SampledFrom([]sequenceKind{lateSequence, skewedSequence, stubbornSequence}).Draw(rt, "kind")}
		defer m.close()
		m.processes = []process{m.newProcess(), m.newProcess()}
		m.unreachable = func(string) bool { return false }
		m.beforeSend = m.checkRequest
		m.store.changed = m.checkVersion
		m.acknowledges(rapid.Bool().Draw(rt, "acknowledged"))
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
			"notification":            m.deliverNews,
			"latest notification":     m.latestNews,
			"latest notification too": m.latestNews,
			"misplaced notification":  m.misplaceNews,
			"lost notification":       m.loseNews,
			"forged notification":     m.forgeNews,
			"odd notification":        m.oddNews,
			"odd refund notification": m.oddRefundNews,
			"two ends at once":        m.contradictoryNews,
			"restore":                 m.restoreBackup,
			"":                        m.check,
		})
		m.settle()
	})
}

func (m *model) newProcess() process {
	m.gateways = m.newGateways()
	return process{
		payments: &PaymentReconciler{Lifecycle: m.newLifecycle()}, refunds: &RefundReconciler{Lifecycle: m.newLifecycle()},
		captures: &CaptureReconciler{Lifecycle: m.newLifecycle()}, customs: NewCustomsDeclarationReconciler(m.newLifecycle()),
	}
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
	m.lag(max(0, rapid.IntRange(-6, 2).Draw(t, "versions behind")))
	do()
	m.store.behind = 0
}

func (m *model) process(t *rapid.T) process {
	return m.processes[rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")]
}

func (m *model) refundName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "full"}).Draw(t, "refund")
}

// nextLook is when the first of several objects asks to be looked at again.
type nextLook time.Duration

func (n *nextLook) note(result ctrl.Result, err error) {
	switch {
	case err != nil:
		*n = min(*n, nextLook(time.Second))
	case result.RequeueAfter > 0:
		*n = min(*n, nextLook(result.RequeueAfter))
	}
}

// round reconciles every object once, without anything going wrong, and says when to look again.
func (m *model) round(process int) time.Duration {
	next := nextLook(time.Hour)
	m.collectGarbage()
	next.note(m.processes[process].payments.Reconcile(m.world.t.Context(), requestFor(modelOrder)))
	for _, name := range []string{"a", "b", "c", "full"} {
		next.note(m.processes[process].refunds.Reconcile(m.world.t.Context(), requestFor(name)))
	}
	return time.Duration(next)
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
	for round := range 120 {
		for _, order := range m.orders() {
			_ = m.simulator.BuyerPays(order) // if it is open
		}
		next := m.round(0)
		m.check(m.t)
		if open = m.unsettled(); open == "" {
			break
		}
		if m.sessions && round%15 == 14 {
			next = defaultSessionLife + time.Minute // an unused session can be used for an hour: no need to look at all of it
		}
		m.advance(next)
	}
	if open != "" {
		m.t.Fatalf("with nothing going wrong any more, %s", open)
	}
	m.round(0) // what one object has learned reaches the others
	m.round(0)
	m.round(1) // and what the other process has not asked about yet
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
