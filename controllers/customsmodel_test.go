package controllers

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// customsModel drives one payment from China and its declarations through everything that can happen to them. What it shares with the model of
// payments it takes from that.
type customsModel struct {
	*model
	// unclear are the declarations that customs has answered without a verdict, at whatever time. A person may have them declared anew.
	unclear map[string]bool
}

// declarable is what the payment may be declared for.
const declarable = 10050

// customsManifests are the declarations that Git holds: more than fits into the payment.
var customsManifests = []*apiv1.CustomsDeclaration{
	newDeclaration("a", "4000", part("order-a")), newDeclaration("b", "4000", part("order-b")), newDeclaration("c", "3000", part("order-c")),
	newDeclaration("d", "2050", part("order-d")), newDeclaration("whole", ""),
}

// Whatever happens in whatever order, each manifest is declared once, never more of a payment than it has, and no status says what customs has
// not said. Once nothing goes wrong any more, everything ends or says what a person has to do.
func TestDeclarationsAreSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &customsModel{unclear: map[string]bool{}, model: &model{
			world: newWorld(t), t: rt, bodies: map[string]string{}, lostNews: map[announcement]bool{}, pairs: map[string]bool{},
			kind: rapid.SampledFrom([]sequenceKind{lateSequence, lateSequence, skewedSequence, stubbornSequence}).Draw(rt, "kind"),
		}}
		defer m.close()
		m.processes = []process{m.newProcess(), m.newProcess()}
		m.unreachable = func(string) bool { return false }
		m.beforeSend = m.checkDeclare
		m.store.changed = m.checkDeclarationVersion
		m.createChina(rt)
		m.beginCustoms(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"reconcile payment":          m.reconcileOnePayment,
			"reconcile declaration":      m.reconcileOneDeclaration,
			"reconcile declaration soon": m.reconcileOneDeclaration,
			"reconcile declaration too":  m.reconcileOneDeclaration,
			"reconcile all":              func(*rapid.T) { m.customsRound(0) },
			"reconcile all soon":         func(*rapid.T) { m.customsRound(1) },
			"buyer":                      m.buyer,
			"customs":                    m.customsAct,
			"customs again":              m.customsAct,
			"fault":                      m.customsFault,
			"lose":                       m.loseDeclare,
			"late":                       m.late,
			"unreachable":                m.unreachableOnce,
			"failing write":              m.failingWrite,
			"restart":                    m.restartOne,
			"time passes":                m.pass,
			"time passes on":             m.pass,
			"cancel or edit payment":     m.editChina,
			"refund":                     m.refundChina,
			"delete payment":             m.deleteChina,
			"create":                     m.createChina,
			"create declaration":         m.createDeclaration,
			"create declaration soon":    m.createDeclaration,
			"edit declaration":           m.editOneDeclaration,
			"delete declaration":         m.deleteDeclaration,
			"restore":                    m.restoreBackup,
			"":                           m.checkCustoms,
		})
		m.settleCustoms()
	})
}

// customsRound reconciles every object once, without anything going wrong, and says when to look again.
func (m *customsModel) customsRound(process int) time.Duration {
	next := nextLook(time.Hour)
	at := m.processes[process]
	next.note(at.payments.Reconcile(m.world.t.Context(), requestFor(modelOrder)))
	next.note(at.refunds.Reconcile(m.world.t.Context(), requestFor(chinaRefund)))
	for _, manifest := range customsManifests {
		next.note(at.customs.Reconcile(m.world.t.Context(), requestFor(manifest.Name)))
	}
	return time.Duration(next)
}

// settleCustoms ends all faults, has customs answer what it holds, and demands that everything ends, or says what a person has to do.
func (m *customsModel) settleCustoms() {
	m.simulator.ClearFaults()
	m.store.failWrite, m.lost, m.beforeSend = nil, nil, m.checkDeclare
	m.unreachable = func(string) bool { return false }
	if m.payment(modelOrder) != nil {
		m.editPayment(modelOrder, func(spec *apiv1.PaymentSpec) { spec.Suspend = false })
	}
	for _, manifest := range customsManifests {
		if m.declaration(manifest.Name) != nil {
			m.editDeclaration(manifest.Name, func(spec *apiv1.CustomsDeclarationSpec) { spec.Suspend = false })
		}
	}
	m.advance(m.back)
	open := ""
	for range 120 {
		for _, order := range m.orders() {
			_ = m.simulator.BuyerPays(order) // if it is open
		}
		for _, d := range m.simulator.Ledger().Declarations {
			if d.ResultCode == "" {
				_ = m.simulator.CustomsAnswers(d.DeclarationRequestID, "", "") // unless it was refused
			}
		}
		next := m.customsRound(0)
		m.checkCustoms(m.t)
		if open = m.customsUnsettled(); open == "" {
			break
		}
		m.advance(next)
	}
	if open != "" {
		m.t.Fatalf("with nothing going wrong any more, %s", open)
	}
	for _, process := range []int{0, 1, 0} { // what one object has learned reaches the others
		m.customsRound(process)
	}
	m.checkCustoms(m.t)
	sent, writes := len(m.sent), m.store.writes
	for _, manifest := range customsManifests {
		if d := m.declaration(manifest.Name); d != nil && d.Status.State.Final() {
			_, _ = m.processes[0].customs.Reconcile(m.world.t.Context(), requestFor(d.Name))
		}
	}
	if len(m.sent) != sent || m.store.writes != writes {
		m.t.Fatalf("declarations that have ended cost %d requests and %d writes", len(m.sent)-sent, m.store.writes-writes)
	}
}

// customsUnsettled names an object that has neither ended nor waits for a person, or for a payment that will not be paid by itself.
func (m *customsModel) customsUnsettled() string {
	p := m.payment(modelOrder)
	if p != nil && !p.Status.State.Final() && !meta.IsStatusConditionTrue(p.Status.Conditions, apiv1.StalledCondition) {
		return fmt.Sprintf("the payment is %s (%s)", p.Status.State, reason(p.Status.Conditions))
	}
	for _, manifest := range customsManifests {
		d := m.declaration(manifest.Name)
		if d == nil || d.Status.State.Final() || meta.IsStatusConditionTrue(d.Status.Conditions, apiv1.StalledCondition) {
			continue
		}
		if awaits(d.Status.Conditions, apiv1.AwaitingPaymentReason) && (p == nil || p.Status.State != apiv1.PaymentPaid) {
			continue
		}
		return fmt.Sprintf("declaration %s is %s (%s)", d.Name, d.Status.State, reason(d.Status.Conditions))
	}
	return ""
}
