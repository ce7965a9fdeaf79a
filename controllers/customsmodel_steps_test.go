package controllers

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

const chinaRefund = "back"

// createChina applies the payment's manifest, if it is not there: with the attempt that was reached.
func (m *customsModel) createChina(t *rapid.T) {
	if m.payment(modelOrder) != nil {
		t.Skip("there is one")
	}
	m.forgotten = m.forgotten || len(m.sent) > 0
	m.store.create(newPayment(modelOrder, func(spec *apiv1.PaymentSpec) {
		spec.Amount, spec.Cashier = apiv1.Amount{Currency: yuan, Value: "10050"}, &apiv1.Cashier{PaymentMethodType: chinaWallet}
		spec.Attempt = m.lastAttempt("Payment", modelOrder)
	}))
}

// beginCustoms brings the payment somewhere without anything going wrong, so that sequences get far.
func (m *customsModel) beginCustoms(t *rapid.T) {
	begins := rapid.SampledFrom([]string{"new", "paid", "paid", "declared", "declared", "declared"}).Draw(t, "begins")
	if begins == "new" {
		return
	}
	m.customsRound(0)
	if err := m.simulator.BuyerPays(m.payment(modelOrder).Status.PaymentID); err != nil {
		t.Fatal(err)
	}
	if begins == "declared" {
		m.store.create(customsManifests[rapid.IntRange(0, len(customsManifests)-1).Draw(t, "first")].DeepCopy())
	}
	for range 3 {
		m.advance(3 * time.Second)
		m.customsRound(0)
	}
}

// someDeclaration draws a manifest whose object is there, or is not.
func (m *customsModel) someDeclaration(t *rapid.T, there bool) *apiv1.CustomsDeclaration {
	fitting := slices.DeleteFunc(slices.Clone(customsManifests), func(d *apiv1.CustomsDeclaration) bool { return (m.declaration(d.Name) != nil) != there })
	if len(fitting) == 0 {
		t.Skip("there is no such object")
	}
	return fitting[rapid.IntRange(0, len(fitting)-1).Draw(t, "declaration")]
}

func (m *customsModel) reconcileOneDeclaration(t *rapid.T) {
	name := m.someDeclaration(t, true).Name
	m.stale(t, func() {
		_, _ = m.process(t).customs.Reconcile(m.world.t.Context(), requestFor(name))
	})
}

func (m *customsModel) createDeclaration(t *rapid.T) {
	declaration := m.someDeclaration(t, false).DeepCopy()
	declaration.Spec.Attempt = m.lastAttempt(declarationKind, declaration.Name)
	m.store.create(declaration)
	if rapid.Bool().Draw(t, "it is seen") {
		_, _ = m.process(t).customs.Reconcile(m.world.t.Context(), requestFor(declaration.Name))
	}
}

// editOneDeclaration raises the attempt where admission lets it, or suspends.
func (m *customsModel) editOneDeclaration(t *rapid.T) {
	declaration := m.declaration(m.someDeclaration(t, true).Name)
	m.editDeclaration(declaration.Name, func(spec *apiv1.CustomsDeclarationSpec) {
		switch declaration.Status.State {
		case apiv1.StateFailed, apiv1.DeclarationRejected, apiv1.DeclarationUndetermined:
			if spec.Attempt = max(spec.Attempt, 1); spec.Attempt < 9 {
				spec.Attempt++
			}
		default:
			spec.Suspend = !spec.Suspend
		}
	})
}

func (m *customsModel) deleteDeclaration(t *rapid.T) {
	m.store.remove(m.declaration(m.someDeclaration(t, true).Name))
}

// customsAct has customs answer a declaration, or hold it.
func (m *customsModel) customsAct(t *rapid.T) {
	declared := m.simulator.Ledger().Declarations
	if len(declared) == 0 {
		t.Skip("nothing is declared")
	}
	id := declared[rapid.IntRange(0, len(declared)-1).Draw(t, "declaration")].DeclarationRequestID
	code := rapid.SampledFrom([]string{"", "2", "120", "-30", "-1", "7", "hold"}).Draw(t, "code")
	if code == "hold" {
		_ = m.simulator.CustomsHolds(id) // unless it was answered
		return
	}
	if m.simulator.CustomsAnswers(id, code, "三单对碰") == nil && code == "7" {
		m.unclear[id] = true
	}
}

func (m *customsModel) customsFault(t *rapid.T) {
	path := rapid.SampledFrom([]string{"declare", "declare", "inquiryDeclarationRequests", "inquiryDeclarationRequests", "inquiryPayment", ""}).Draw(t, "path")
	kinds := []simulator.FaultKind{
		simulator.DropResponse, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnsignedFail,
		simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	if path == "declare" || path == "inquiryDeclarationRequests" {
		kinds = append(kinds, simulator.ResultCode)
	}
	if m.kind == lateSequence && path == "declare" {
		kinds = append(kinds, simulator.ActLater, simulator.ActLater)
	}
	fault := simulator.Fault{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Path: path, Times: rapid.IntRange(1, 3).Draw(t, "times")}
	if fault.Kind == simulator.ResultCode {
		codes := []string{"SYSTEM_ERROR", "PROCESS_FAIL", "ACCESS_DENIED", "weird code!"}
		if m.kind == stubbornSequence && path == "declare" {
			codes = append(codes, "PARAM_ILLEGAL", "ORDER_NOT_EXIST", "NO_INTERFACE_DEF")
		}
		fault.Code = rapid.SampledFrom(codes).Draw(t, "code")
	}
	m.inject(fault)
}

// loseDeclare keeps the next declaration from arriving.
func (m *customsModel) loseDeclare(*rapid.T) {
	m.beforeSend = func(r sentRequest) error {
		if err := m.checkDeclare(r); err != nil || r.operation != "declare" {
			return err
		}
		m.beforeSend = m.checkDeclare
		if m.kind == lateSequence {
			m.lost = append(m.lost, lateRequest{m.lastRequest, m.simulator.Now().Add(longestDelay)})
		}
		return errConnection
	}
}

// editChina cancels the payment, now and then, or gives it a new attempt.
func (m *customsModel) editChina(t *rapid.T) {
	if m.payment(modelOrder) == nil || rapid.IntRange(0, 2).Draw(t, "is it done") > 0 {
		t.Skip("not now")
	}
	m.edit(t)
}

// refundChina gives back a part of what was paid: nothing says that less may be declared for that.
func (m *customsModel) refundChina(t *rapid.T) {
	if m.refund(chinaRefund) != nil {
		_, _ = m.process(t).refunds.Reconcile(m.world.t.Context(), requestFor(chinaRefund))
		return
	}
	m.store.create(newRefund(chinaRefund, modelOrder, "3000", func(spec *apiv1.RefundSpec) { spec.Amount.Currency = yuan }))
}

// deleteChina deletes the payment, now and then.
func (m *customsModel) deleteChina(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "is it done") > 0 {
		t.Skip("not now")
	}
	m.deletePayment(t)
}
