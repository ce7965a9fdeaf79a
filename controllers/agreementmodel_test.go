package controllers

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
	ctrl "sigs.k8s.io/controller-runtime"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// agreementModel drives one agreement and the debits of it through everything that can happen to them.
type agreementModel struct {
	*world
	t         *rapid.T
	processes [2]agreementProcess
	wallet    simulator.Wallet
	broken    []string

	// codes are what browsers have brought.
	codes [][2]string
	// lost are requests that may arrive late.
	lost []lateRequest
	// lose is how many requests to an operation are lost next, and loseAnswer how many answers.
	lose, loseAnswer map[string]int
	// crash is what the next process dies at; crashed is true once it has died.
	crash   crash
	crashed bool
	// meddling is how old the cache is of the other process, which looks while the next request about tokens is on its way; below zero it does not.
	meddling int
	working  int
	underWay int

	// dead are the tokens that were recorded to work no more, with the reason.
	dead map[string]string
	// adrift is true once a lost request has arrived late, or an agreement to be retained was deleted in the middle of a step: which token works is
	// found out then when one is debited.
	adrift bool
}

// agreementProcess is one running operator.
type agreementProcess struct {
	agreements *AgreementReconciler
	payments   *PaymentReconciler
}

// crash is where a process dies: at its n-th write, or before or after its n-th request.
type crash struct {
	at string
	n  int
}

const (
	crashWriteLost, crashWriteArrives = "a write that is lost", "a write that arrives"
	crashBefore, crashAfter           = "a request that is lost", "an answer that is lost"
)

var modelDebits = []string{"january", "february", "march"}

// modelWallet draws how a wallet treats authorizations.
func modelWallet(t *rapid.T) simulator.Wallet {
	wallet := simulator.Wallet{
		AccessTokenDays: 10, RefreshTokenDays: 20, NotifiesCancel: rapid.Bool().Draw(t, "announces ends"),
		AnnouncesToken: rapid.Bool().Draw(t, "announces tokens"), OneLiveToken: rapid.Bool().Draw(t, "one live token"),
		WithoutCode: rapid.IntRange(0, 5).Draw(t, "without codes") == 0,
		Refresh:     rapid.SampledFrom([]simulator.RefreshRule{simulator.RefreshReplaced, simulator.RefreshReplaced, simulator.RefreshKept, simulator.RefreshReplacedAtOnce, simulator.RefreshNone}).Draw(t, "refresh"),
	}
	if wallet.Refresh == simulator.RefreshNone {
		wallet.RefreshTokenDays = 0
	}
	return wallet
}

// Whatever happens in whatever order: no code or token is being exchanged twice at once, no rotation is lost that was answered, no token is debited
// that was known not to work, and no debit is made twice. Once nothing goes wrong any more, everything ends or works.
func TestTokensAreSafeWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		wallet := modelWallet(rt)
		m := &agreementModel{
			t: rt, wallet: wallet, lose: map[string]int{}, loseAnswer: map[string]int{}, dead: map[string]string{}, meddling: -1,
			world: newWorld(t, notifiedByDashboard, func(o *worldOptions) { o.wallets = map[string]simulator.Wallet{"ALIPAY_HK": wallet} }),
		}
		defer m.close()
		for i := range m.processes {
			m.processes[i] = m.newAgreementProcess()
		}
		m.beforeSend, m.afterSend, m.store.changed = m.request, m.answer, m.checkChange
		m.acknowledges(rapid.Bool().Draw(rt, "acknowledged"))
		m.createAgreement(rt)
		m.beginAgreement(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"reconcile agreement":       m.reconcileOneAgreement,
			"reconcile agreement soon":  m.reconcileOneAgreement,
			"reconcile agreement later": m.reconcileOneAgreement,
			"reconcile debit":           m.reconcileOneDebit,
			"reconcile debit soon":      m.reconcileOneDebit,
			"reconcile all":             func(*rapid.T) { m.round(0) },
			"buyer agrees":              m.buyerConsents,
			"buyer ends it":             m.buyerEnds,
			"code by browser":           m.codeByBrowser,
			"code by the shop":          m.codeByShop,
			"notification":              m.anyNotification,
			"all notifications":         func(*rapid.T) { m.hearEverything() },
			"fault":                     m.faultOfTokens,
			"lose":                      m.loseOne,
			"late":                      m.arriveLate,
			"crash":                     m.crashNext,
			"meddle":                    m.meddleNext,
			"time passes":               m.passTime,
			"time passes on":            m.passTime,
			"until the renewal":         m.passUntilRenewal,
			"edit agreement":            m.editSpec,
			"raise attempt":             m.raiseAttempt,
			"delete agreement":          m.deleteAgreement,
			"create agreement":          m.createAgreement,
			"create debit":              m.createDebit,
			"create debit too":          m.createDebit,
			"edit debit":                m.editDebit,
			"wallet":                    m.walletDecides,
			"":                          m.checkTokens,
		})
		m.settleTokens()
	})
}

func (m *agreementModel) newAgreementProcess() agreementProcess {
	m.gateways = m.newGateways()
	return agreementProcess{agreements: &AgreementReconciler{Lifecycle: m.newLifecycle()}, payments: &PaymentReconciler{Lifecycle: m.newLifecycle()}}
}

// work has a process do something, and begins it anew if it has died.
func (m *agreementModel) work(process int, do func(agreementProcess) (ctrl.Result, error)) (ctrl.Result, error) {
	m.working = process
	if m.crash.at == crashWriteLost || m.crash.at == crashWriteArrives {
		m.store.failWrite = m.dyingWrite
	}
	result, err := do(m.processes[process])
	if m.crashed {
		m.crashed, m.crash, m.store.failWrite = false, crash{}, nil
		m.processes[process] = m.newAgreementProcess()
	}
	return result, err
}

func (m *agreementModel) lookAtAgreement(process int) (ctrl.Result, error) {
	return m.work(process, func(p agreementProcess) (ctrl.Result, error) {
		return p.agreements.Reconcile(m.world.t.Context(), requestFor(agreementName))
	})
}

func (m *agreementModel) lookAtDebit(process int, name string) (ctrl.Result, error) {
	return m.work(process, func(p agreementProcess) (ctrl.Result, error) {
		return p.payments.Reconcile(m.world.t.Context(), requestFor(name))
	})
}

// round looks at everything once, and says when to look again.
func (m *agreementModel) round(process int) time.Duration {
	next := nextLook(time.Hour)
	m.collectSecrets()
	next.note(m.lookAtAgreement(process))
	for _, name := range modelDebits {
		next.note(m.lookAtDebit(process, name))
	}
	return time.Duration(next)
}

// settleTokens ends all faults, has the buyer consent, and demands that everything ends or works.
func (m *agreementModel) settleTokens() {
	m.simulator.ClearFaults()
	m.store.failWrite, m.lost, m.lose, m.loseAnswer, m.crash, m.meddling = nil, nil, map[string]int{}, map[string]int{}, crash{}, -1
	if m.agreement() != nil {
		m.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.Suspend = false })
	}
	open := ""
	for range 250 {
		m.agreesWithAll()
		m.hearEverything()
		next := m.round(0)
		m.checkTokens(m.t)
		if open = m.openTokens(); open == "" {
			break
		}
		m.advance(min(next, 5*time.Minute))
	}
	if open != "" {
		m.t.Fatalf("with nothing going wrong any more, %s\nagreement: %s", open, asText(m.world.t, m.agreement()))
	}
	for range 3 { // the other process may look at what this one still waits for, and find a token to be dead
		m.round(1)
	}
	m.checkTokens(m.t)
	m.checkEnd()
}

// openTokens names an object that has neither ended nor works.
func (m *agreementModel) openTokens() string {
	a := m.agreement()
	works := false
	if a != nil {
		st := &a.Status
		works = debitable(a, m.clock.Now())
		told := awaits(st.Conditions, apiv1.TokenSecretLostReason, apiv1.TokenSecretForeignReason) // a person has to mend that
		wanted := a.Spec.DesiredState != apiv1.DesiredRevoked && a.DeletionTimestamp == nil
		if !(works && wanted) && !(st.State.Final() && a.DeletionTimestamp == nil && st.Attempt >= a.Spec.Attempt) && !told {
			return fmt.Sprintf("the agreement is %s (%s)", st.State, reason(st.Conditions))
		}
	}
	for _, name := range modelDebits {
		p := m.payment(name)
		switch {
		case p == nil, p.Status.State.Final(), p.Status.Conflict != nil:
		case !works && awaits(p.Status.Conditions, apiv1.AwaitingAgreementReason):
		case a != nil && awaits(p.Status.Conditions, apiv1.RequestChangedReason) && p.Status.Debit.AuthStateSHA256 != a.Status.AuthStateSHA256: // a person is told
		default:
			return fmt.Sprintf("debit %s is %s (%s)", name, p.Status.State, reason(p.Status.Conditions))
		}
	}
	return ""
}
