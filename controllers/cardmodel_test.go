package controllers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// cardModel drives one card payment, its captures and its refunds through everything that can happen to them. What it shares with the model of
// wallets it takes from that.
type cardModel struct {
	*model
	mode     apiv1.CaptureMode
	contract cardContract
	// hand is true while somebody acts at the gateway, and byHand once somebody has captured there.
	hand, byHand bool
}

// cardContract says how a card may be captured.
type cardContract string

const (
	allAtOnce  cardContract = "all at once"
	onePart    cardContract = "one capture, of a part as well"
	manyParts  cardContract = "several captures"
	cardAmount              = 4200
)

func (c cardContract) state(o *worldOptions) {
	switch c {
	case onePart:
		o.account.Spec.PaymentMethods = []apiv1.PaymentMethodCapability{{PaymentMethodType: cardMethod, PartialCapture: true}}
	case manyParts:
		capturesInParts(o)
	case allAtOnce: // what holds where nothing is said
	}
}

// cardManifests are the captures and refunds that Git holds.
var (
	cardCaptures = []*apiv1.Capture{
		newCapture("x", "3000"), newCapture("y", "1200"), newCapture("z", "2500"), newCapture("all", ""),
		newCapture("last", "1000", func(spec *apiv1.CaptureSpec) { spec.IsLastCapture = new(true) }),
	}
	cardRefunds = []*apiv1.Refund{
		cardRefund("some", "1500", ""), cardRefund("of-x", "", "x"), cardRefund("part-of-x", "2000", "x"), cardRefund("of-y", "1200", "y"), cardRefund("full", "", ""),
	}
)

func cardRefund(name, value, capture string) *apiv1.Refund {
	return newRefund(name, modelOrder, value, func(spec *apiv1.RefundSpec) {
		if spec.Amount != nil {
			spec.Amount.Currency = "SGD"
		}
		if capture != "" {
			spec.CaptureRef = &apiv1.CaptureReference{Name: capture}
			spec.Full = value == ""
		}
	})
}

// Whatever happens in whatever order, a card is authorised once, never captured for more than that and never given back more than was captured,
// and no status says what the ledger does not bear out. Once nothing goes wrong any more, everything ends or says what a person has to do.
func TestCardMoneyIsSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		news := rapid.SampledFrom([]newsKind{silentNews, askedNews, askedNews, dashboardNews}).Draw(rt, "news")
		m := &cardModel{
			mode:     rapid.SampledFrom([]apiv1.CaptureMode{apiv1.ManualCapture, apiv1.ManualCapture, apiv1.ManualCapture, apiv1.AutomaticCapture}).Draw(rt, "mode"),
			contract: rapid.SampledFrom([]cardContract{allAtOnce, onePart, manyParts, manyParts}).Draw(rt, "contract"),
		}
		m.model = &model{
			world: newWorld(t, append(news.options(), m.contract.state)...), t: rt, bodies: map[string]string{}, lostNews: map[announcement]bool{}, pairs: map[string]bool{},
			kind: rapid.SampledFrom([]sequenceKind{lateSequence, skewedSequence, stubbornSequence}).Draw(rt, "kind"),
		}
		defer m.close()
		if err := m.simulator.SetSwitches(simulator.Switches{
			MultipleCaptures: m.contract == manyParts, FullCaptureOnly: m.contract == allAtOnce,
			ReleaseRest:       m.contract == onePart && rapid.Bool().Draw(rt, "the rest is released"),
			NoTransactionTime: rapid.Bool().Draw(rt, "no times"), MisspeltTransactionType: rapid.Bool().Draw(rt, "misspelt"),
			Transactions: rapid.SampledFrom([]simulator.TransactionsForm{simulator.TransactionsListed, simulator.TransactionsNullWhenEmpty}).Draw(rt, "transactions"),
		}); err != nil {
			rt.Fatal(err)
		}
		m.processes = []process{m.newProcess(), m.newProcess()}
		m.unreachable = func(string) bool { return false }
		m.beforeSend = m.checkCardRequest
		m.store.changed = m.checkCardVersion
		m.acknowledges(rapid.Bool().Draw(rt, "acknowledged"))
		m.store.create(newSecret("card", map[string]string{apiv1.CardTokenSecretKey: cardCanary}))
		m.createCard(rt)
		m.begin(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"reconcile payment":      m.reconcileOnePayment,
			"reconcile payment soon": m.reconcileOnePayment,
			"reconcile capture":      m.reconcileOneCapture,
			"reconcile capture soon": m.reconcileOneCapture,
			"reconcile refund":       m.reconcileOneCardRefund,
			"reconcile refund soon":  m.reconcileOneCardRefund,
			"reconcile all":          func(*rapid.T) { m.cardRound(0) },
			"reconcile all soon":     func(*rapid.T) { m.cardRound(1) },
			"buyer":                  m.buyer,
			"fault":                  m.cardFault,
			"lose":                   m.loseCard,
			"late":                   m.late,
			"unreachable":            m.unreachableOnce,
			"failing write":          m.failingWrite,
			"restart":                m.restartOne,
			"time passes":            m.pass,
			"time passes on":         m.pass,
			"days pass":              m.passDays,
			"edit payment":           m.edit,
			"delete payment":         m.deleteCard,
			"create":                 m.createCard,
			"create capture":         m.createCapture,
			"create capture too":     m.createCapture,
			"create capture soon":    m.createCapture,
			"edit capture":           m.editCapture,
			"delete capture":         m.deleteCapture,
			"create refund":          m.createCardRefund,
			"create refund too":      m.createCardRefund,
			"edit refund":            m.editCardRefund,
			"delete refund":          m.deleteCardRefund,
			"capture by hand":        m.captureByHand,
			"cancel by hand":         m.cancelByHand,
			"notification":           m.deliverNews,
			"latest notification":    m.latestNews,
			"misplaced notification": m.misplaceNews,
			"lost notification":      m.loseNews,
			"forged notification":    m.forgeNews,
			"restore":                m.restoreBackup,
			"":                       m.checkCard,
		})
		m.settleCard()
	})
}

// cardRound reconciles every object once, without anything going wrong, and says when to look again.
func (m *cardModel) cardRound(process int) time.Duration {
	next := nextLook(time.Hour)
	at := m.processes[process]
	next.note(at.payments.Reconcile(m.world.t.Context(), requestFor(modelOrder)))
	for _, capture := range cardCaptures {
		next.note(at.captures.Reconcile(m.world.t.Context(), requestFor(capture.Name)))
	}
	for _, refund := range cardRefunds {
		next.note(at.refunds.Reconcile(m.world.t.Context(), requestFor(refund.Name)))
	}
	return time.Duration(next)
}

// settleCard ends all faults, lets the buyer confirm what is open, and demands that everything ends, or says what a person has to do.
func (m *cardModel) settleCard() {
	m.simulator.ClearFaults()
	m.store.failWrite, m.lost, m.beforeSend = nil, nil, m.checkCardRequest
	m.unreachable = func(string) bool { return false }
	m.resume()
	m.advance(m.back)
	open := ""
	for range 120 {
		for _, p := range m.simulator.Ledger().Payments {
			_ = m.simulator.BuyerPays(p.PaymentID) // if it is open
		}
		next := m.cardRound(0)
		m.checkCard(m.t)
		if open = m.cardUnsettled(); open == "" {
			break
		}
		// What nobody captures is let go after seven days: no need to look at all of them.
		p := m.payment(modelOrder)
		if strings.HasPrefix(open, "the payment") && p.Status.State == apiv1.PaymentAuthorized && !overdue(p, m.clock.Now()) {
			next = max(next, p.Status.AuthorizationExpiryTime.Sub(m.clock.Now())+authorizationGrace)
		}
		m.advance(next)
	}
	if open != "" {
		m.t.Fatalf("with nothing going wrong any more, %s", open)
	}
	for _, process := range []int{0, 0, 1, 0} { // what one object has learned reaches the others
		m.cardRound(process)
	}
	m.checkCard(m.t)
	m.checkQuiet()
}

func (m *cardModel) resume() {
	if m.payment(modelOrder) != nil {
		m.editPayment(modelOrder, func(spec *apiv1.PaymentSpec) { spec.Suspend = false })
	}
	for _, refund := range cardRefunds {
		if m.refund(refund.Name) != nil {
			m.editRefund(refund.Name, func(spec *apiv1.RefundSpec) { spec.Suspend = false })
		}
	}
	for _, capture := range cardCaptures {
		if m.capture(capture.Name) != nil {
			m.editCaptureSpec(capture.Name, func(spec *apiv1.CaptureSpec) { spec.Suspend = false })
		}
	}
}

// cardUnsettled names an object that has neither ended nor waits for a person, or for what will not come by itself.
func (m *cardModel) cardUnsettled() string {
	p := m.payment(modelOrder)
	paymentOpen := p == nil || !p.Status.State.Final()
	held := p != nil && p.Status.State == apiv1.PaymentAuthorized
	rests := func(status *apiv1.OperationStatus, awaits bool) bool {
		return status.State.Final() || meta.IsStatusConditionTrue(status.Conditions, apiv1.StalledCondition) || awaits
	}
	for _, manifest := range cardCaptures {
		c := m.capture(manifest.Name)
		if c != nil && !rests(&c.Status.OperationStatus, awaits(c.Status.Conditions, apiv1.AwaitingPaymentReason) && paymentOpen) {
			return fmt.Sprintf("capture %s is %s (%s)", c.Name, c.Status.State, reason(c.Status.Conditions))
		}
	}
	for _, manifest := range cardRefunds {
		r := m.refund(manifest.Name)
		if r == nil {
			continue
		}
		waits := awaits(r.Status.Conditions, apiv1.AwaitingPaymentReason) && paymentOpen
		if awaits(r.Status.Conditions, apiv1.AwaitingCaptureReason) {
			waits = held
			if ref := r.Spec.CaptureRef; ref != nil {
				c := m.capture(ref.Name)
				waits = waits || c == nil || c.Status.State != apiv1.CaptureCaptured
			}
		}
		if !rests(&r.Status.OperationStatus, waits) {
			return fmt.Sprintf("refund %s is %s (%s)", r.Name, r.Status.State, reason(r.Status.Conditions))
		}
	}
	if p != nil && (held && !overdue(p, m.clock.Now()) || !rests(&p.Status.OperationStatus, false)) {
		return fmt.Sprintf("the payment is %s (%s)", p.Status.State, reason(p.Status.Conditions))
	}
	return ""
}

// overdue reports whether the end of an authorisation is long over.
func overdue(p *apiv1.Payment, now time.Time) bool {
	expiry := p.Status.AuthorizationExpiryTime
	return expiry == nil || now.After(expiry.Add(authorizationPatience))
}

func awaits(conditions []metav1.Condition, what ...string) bool {
	return slices.Contains(what, reason(conditions))
}
