package controllers

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// begin brings the payment somewhere without anything going wrong, so that sequences get far.
func (m *cardModel) begin(t *rapid.T) {
	begins := rapid.SampledFrom([]string{"new", "open", "authorised", "authorised", "authorised", "captured", "captured", "captured"}).Draw(t, "begins")
	if begins == "new" {
		return
	}
	m.cardRound(0)
	if p := m.payment(modelOrder); begins == "open" || p.Status.State != apiv1.StateProcessing {
		return
	}
	if err := m.simulator.BuyerPays(m.payment(modelOrder).Status.PaymentID); err != nil {
		t.Fatal(err)
	}
	if begins == "captured" {
		m.store.create(cardCaptures[map[cardContract]int{allAtOnce: 3, onePart: 0, manyParts: 0}[m.contract]])
	}
	for range 3 {
		m.advance(3 * time.Second)
		m.cardRound(0)
	}
}

// someShare draws a manifest whose object is there, or is not.
func someShare[T client.Object](t *rapid.T, m *cardModel, manifests []T, there bool) T {
	fitting := slices.DeleteFunc(slices.Clone(manifests), func(obj T) bool { return (m.store.latest(keyOf(obj)) != nil) != there })
	if len(fitting) == 0 {
		t.Skip("there is no such object")
	}
	return fitting[rapid.IntRange(0, len(fitting)-1).Draw(t, "object")]
}

func (m *cardModel) reconcileOneCapture(t *rapid.T) {
	name := someShare(t, m, cardCaptures, true).Name
	m.stale(t, func() {
		_, _ = m.process(t).captures.Reconcile(m.world.t.Context(), requestFor(name))
	})
}

func (m *cardModel) reconcileOneCardRefund(t *rapid.T) {
	name := someShare(t, m, cardRefunds, true).Name
	m.stale(t, func() {
		_, _ = m.process(t).refunds.Reconcile(m.world.t.Context(), requestFor(name))
	})
}

// createCard applies the payment's manifest, if it is not there: with the attempt that was reached.
func (m *cardModel) createCard(t *rapid.T) {
	if m.payment(modelOrder) != nil {
		t.Skip("there is one")
	}
	m.forgotten = m.forgotten || len(m.sent) > 0
	payment := cardPayment(modelOrder, m.mode)
	payment.Spec.Attempt = m.lastAttempt("Payment", modelOrder)
	if rapid.IntRange(0, 6).Draw(t, "wish") == 0 {
		payment.Spec.DesiredState = apiv1.DesiredCancelled
	}
	m.store.create(payment)
}

func (m *cardModel) createCapture(t *rapid.T) {
	capture := someShare(t, m, cardCaptures, false).DeepCopy()
	capture.Spec.Attempt = m.lastAttempt("Capture", capture.Name)
	m.store.create(capture)
	if rapid.Bool().Draw(t, "it is seen") {
		_, _ = m.process(t).captures.Reconcile(m.world.t.Context(), requestFor(capture.Name))
	}
}

func (m *cardModel) editCaptureSpec(name string, change func(*apiv1.CaptureSpec)) {
	m.store.edit(m.capture(name), func(obj client.Object) { change(&obj.(*apiv1.Capture).Spec) })
}

func (m *cardModel) editCapture(t *rapid.T) {
	capture := m.capture(someShare(t, m, cardCaptures, true).Name)
	m.editCaptureSpec(capture.Name, func(spec *apiv1.CaptureSpec) {
		if capture.Status.State == apiv1.StateFailed {
			spec.Attempt++
			return
		}
		spec.Suspend = !spec.Suspend
	})
}

func (m *cardModel) deleteCapture(t *rapid.T) {
	capture := m.capture(someShare(t, m, cardCaptures, true).Name)
	m.store.remove(capture)
}

func (m *cardModel) createCardRefund(t *rapid.T) {
	refund := someShare(t, m, cardRefunds, false).DeepCopy()
	refund.Spec.Attempt = m.lastAttempt("Refund", refund.Name)
	m.store.create(refund)
	if rapid.Bool().Draw(t, "it is seen") {
		_, _ = m.process(t).refunds.Reconcile(m.world.t.Context(), requestFor(refund.Name))
	}
}

func (m *cardModel) editCardRefund(t *rapid.T) {
	refund := m.refund(someShare(t, m, cardRefunds, true).Name)
	m.editRefund(refund.Name, func(spec *apiv1.RefundSpec) {
		if refund.Status.State == apiv1.StateFailed {
			spec.Attempt++
			return
		}
		spec.Suspend = !spec.Suspend
	})
}

func (m *cardModel) deleteCardRefund(t *rapid.T) {
	refund := m.refund(someShare(t, m, cardRefunds, true).Name)
	m.store.remove(refund)
}

// deleteCard deletes the payment, now and then.
func (m *cardModel) deleteCard(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "is it done") > 0 {
		t.Skip("not now")
	}
	m.deletePayment(t)
}

// passDays may end an authorisation.
func (m *cardModel) passDays(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "are there many") > 0 {
		t.Skip("not now")
	}
	m.advance(rapid.SampledFrom([]time.Duration{24 * time.Hour, 3 * 24 * time.Hour, authorizationLife}).Draw(t, "days"))
}

func (m *cardModel) cardFault(t *rapid.T) {
	path := rapid.SampledFrom([]string{"pay", "inquiryPayment", "inquiryPayment", "cancel", "capture", "capture", "autoCapture", "refund", "inquiryRefund", ""}).Draw(t, "path")
	kinds := []simulator.FaultKind{
		simulator.DropResponse, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnsignedFail,
		simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	switch path {
	case "autoCapture":
		kinds = []simulator.FaultKind{simulator.InProcess, simulator.FailLater, simulator.ResultCode}
	case "refund":
		kinds = append(kinds, simulator.InProcess, simulator.FailLater)
	case "capture":
		kinds = append(kinds, simulator.InProcess, simulator.FailLater, simulator.ResultCode)
	case "":
	default:
		kinds = append(kinds, simulator.ResultCode)
	}
	if m.kind == lateSequence && (path == "pay" || path == "refund" || path == "capture") {
		kinds = append(kinds, simulator.ActLater, simulator.ActLater)
	}
	fault := simulator.Fault{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Path: path, Times: rapid.IntRange(1, 3).Draw(t, "times")}
	if fault.Kind == simulator.ResultCode {
		codes := []string{"SYSTEM_ERROR", "PROCESS_FAIL", "ACCESS_DENIED", "weird code!"}
		switch path {
		case "inquiryPayment":
			codes, fault.Times = append(codes, "ORDER_NOT_EXIST"), 1
			if slices.ContainsFunc(m.simulator.Faults(), func(f simulator.Fault) bool { return f.Code == "ORDER_NOT_EXIST" }) {
				t.Skip("several empty answers in a row would be a proof")
			}
		case "cancel":
			codes = append(codes, "ORDER_STATUS_INVALID")
		case "capture", "pay":
			codes = append(codes, "RISK_REJECT")
			if m.kind == stubbornSequence {
				codes = append(codes, "PARAM_ILLEGAL", "NO_INTERFACE_DEF")
			}
		}
		fault.Code = rapid.SampledFrom(codes).Draw(t, "code")
	}
	m.inject(fault)
}

// loseCard keeps the next request that moves money from arriving.
func (m *cardModel) loseCard(t *rapid.T) {
	operation := rapid.SampledFrom([]string{"pay", "capture", "capture", "refund", "cancel"}).Draw(t, "operation")
	m.beforeSend = func(r sentRequest) error {
		if err := m.checkCardRequest(r); err != nil || r.operation != operation || m.hand {
			return err
		}
		m.beforeSend = m.checkCardRequest
		if m.kind == lateSequence && operation != "cancel" {
			m.lost = append(m.lost, lateRequest{m.lastRequest, m.simulator.Now().Add(longestDelay)})
		}
		return errConnection
	}
}

// captureByHand has somebody capture a part in the gateway's dashboard.
func (m *cardModel) captureByHand(t *rapid.T) {
	p := m.payment(modelOrder)
	if p == nil || p.Status.State != apiv1.PaymentAuthorized || m.mode != apiv1.ManualCapture {
		t.Skip("nothing is held")
	}
	value := rapid.SampledFrom([]string{"700", "4200"}).Draw(t, "value")
	m.byHand = true
	m.atTheGateway(func(reach *alipay.Client) {
		// The gateway may refuse, or a fault may strike: the ledger knows.
		_, _ = reach.Capture(m.world.t.Context(), &alipay.CaptureRequest{
			CaptureRequestID: "hand_" + value, PaymentID: p.Status.PaymentID, CaptureAmount: alipay.Amount{Currency: "SGD", Value: value},
		})
	})
}

// cancelByHand has somebody cancel there.
func (m *cardModel) cancelByHand(t *rapid.T) {
	p := m.payment(modelOrder)
	if p == nil || p.Status.PaymentID == "" || rapid.IntRange(0, 3).Draw(t, "is it done") > 0 {
		t.Skip("nothing is there")
	}
	m.atTheGateway(func(reach *alipay.Client) {
		_, _ = reach.Cancel(m.world.t.Context(), &alipay.CancelRequest{PaymentID: p.Status.PaymentID}) // the ledger knows
	})
}

func (m *cardModel) atTheGateway(do func(*alipay.Client)) {
	m.hand = true
	do(m.gateways.clients[types.NamespacedName{Namespace: testNamespace, Name: testAccount}].client)
	m.hand = false
}
