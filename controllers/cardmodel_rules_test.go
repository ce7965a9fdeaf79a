package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// shareIDs are the request ids of all attempts of a manifest.
func shareIDs(kind shareKind, obj client.Object) []string {
	var ids []string
	for attempt := range int32(12) {
		ids = append(ids, shareRequestID(kind, kind.share(obj), "hk", attempt+1))
	}
	return ids
}

// cardIDs are those of all manifests.
var cardIDs = func() map[string][]string {
	ids := map[string][]string{}
	for _, capture := range cardCaptures {
		ids["capture "+capture.Name] = shareIDs(capturing{}, capture)
	}
	for _, refund := range cardRefunds {
		ids["refund "+refund.Name] = shareIDs(refunding{}, refund)
	}
	return ids
}()

// moved are a ledger's captures or refunds of one payment that have taken their money, or may yet.
type moved struct {
	done, open int64
	// status and value by request id.
	status map[string]string
	value  map[string]int64
}

func (m *moved) add(id, status string, value int64) {
	m.status[id], m.value[id] = status, value
	switch status {
	case "SUCCESS":
		m.done += value
	case "FAIL":
	default:
		m.open += value
	}
}

func capturesOf(ledger simulator.Ledger, paymentID string) *moved {
	sum := &moved{status: map[string]string{}, value: map[string]int64{}}
	for _, c := range ledger.Captures {
		if c.PaymentID == paymentID {
			sum.add(c.CaptureRequestID, c.Status, c.Amount.Value)
		}
	}
	return sum
}

func refundsOf(ledger simulator.Ledger, paymentID string) *moved {
	sum := &moved{status: map[string]string{}, value: map[string]int64{}}
	for _, r := range ledger.RefundRecords {
		if r.PaymentID == paymentID {
			sum.add(r.RefundRequestID, r.Status, r.Amount.Value)
		}
	}
	return sum
}

// checkCardRequest looks at every request before it arrives: its intent is stored, a repeat has the same bytes, and no more is taken than is
// there.
func (m *cardModel) checkCardRequest(r sentRequest) error {
	if m.hand {
		return nil
	}
	if r.operation != "capture" && r.operation != "refund" {
		return m.checkRequest(r)
	}
	id, sum := r.text(r.operation+"RequestId"), sha256.Sum256(r.body)
	intent, noted := m.shareIntent(r.operation, id)
	if intent == nil || intent.RequestSHA256 != hex.EncodeToString(sum[:]) {
		m.breaks("%s left for %s without its intent on record", r.operation, id)
	}
	if !noted && !m.forgotten && m.payment(modelOrder) != nil {
		m.breaks("%s left for %s without being noted in its payment", r.operation, id)
	}
	if former, sent := m.bodies[r.operation+" "+id]; sent && former != string(r.body) {
		m.breaks("%s %s was sent with two bodies:\n%s\n%s", r.operation, id, former, r.body)
	}
	m.bodies[r.operation+" "+id] = string(r.body)

	ledger := m.simulator.Ledger()
	paymentID := r.text("paymentId")
	captured, refunded := capturesOf(ledger, paymentID), refundsOf(ledger, paymentID)
	amount, _ := r.fields[r.operation+"Amount"].(map[string]any)
	text, _ := amount["value"].(string)
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || amount["currency"] != "SGD" {
		m.breaks("%s left over %v", r.operation, amount)
	}
	switch {
	case m.byHand || m.forgotten:
	case r.operation == "capture" && captured.status[id] == "" && captured.done+captured.open+value > cardAmount:
		m.breaks("capture %s over %d left while %d are captured and %d are being captured", id, value, captured.done, captured.open)
	case r.operation == "refund" && refunded.status[id] == "" && refunded.done+refunded.open+value > captured.done:
		m.breaks("refund %s over %d left while %d are captured, %d given back and %d are being given back", id, value, captured.done, refunded.done, refunded.open)
	}
	for name, ids := range cardIDs {
		for _, other := range ids {
			is := captured.status[other] + refunded.status[other]
			if slices.Contains(ids, id) && other != id && is != "" && is != "FAIL" {
				m.breaks("%s left for %s while %s is %s", name, id, other, is)
			}
		}
	}
	return nil
}

// shareIntent is the stored intent of a request, and whether the payment has noted it.
func (m *cardModel) shareIntent(operation, id string) (*apiv1.Intent, bool) {
	p := m.payment(modelOrder)
	if operation == "capture" {
		noted := p != nil && slices.ContainsFunc(p.Status.Captures, func(c apiv1.PaymentCapture) bool { return c.CaptureRequestID == id })
		for _, manifest := range cardCaptures {
			if c := m.capture(manifest.Name); c != nil && c.Status.CaptureRequestID == id {
				return c.Status.Intent, noted
			}
		}
		return nil, noted
	}
	noted := p != nil && slices.ContainsFunc(p.Status.Refunds, func(r apiv1.PaymentRefund) bool { return r.RefundRequestID == id })
	for _, manifest := range cardRefunds {
		if r := m.refund(manifest.Name); r != nil && r.Status.RefundRequestID == id {
			return r.Status.Intent, noted
		}
	}
	return nil, noted
}

// checkCardVersion looks at every version that is written: no final state goes back, and no money that was reported vanishes.
func (m *cardModel) checkCardVersion(old, now client.Object) {
	if old == nil || now == nil {
		return
	}
	switch now := now.(type) {
	case *apiv1.Payment:
		m.checkVersion(old, now)
		before, after := old.(*apiv1.Payment).Status, now.Status
		if before.PaymentRequestID != after.PaymentRequestID || before.Amounts == nil || after.State == apiv1.PaymentCancelled {
			return
		}
		for _, c := range before.Captures {
			kept := slices.ContainsFunc(after.Captures, func(k apiv1.PaymentCapture) bool {
				return sameCapture(c, k) && k.Status == c.Status && k.Value == c.Value
			})
			if c.Status == alipay.StatusSuccess && !kept {
				m.breaks("capture %+v vanished: %+v", c, after.Captures)
			}
		}
		if after.Amounts == nil || minorUnits(after.Amounts.Captured) < minorUnits(before.Amounts.Captured) ||
			minorUnits(after.Amounts.Paid) < minorUnits(before.Amounts.Paid) || minorUnits(after.Amounts.Refunded) < minorUnits(before.Amounts.Refunded) {
			m.breaks("amounts went from %+v to %+v", before.Amounts, after.Amounts)
		}
	case *apiv1.Refund:
		m.checkVersion(old, now)
	case *apiv1.Capture:
		before := old.(*apiv1.Capture).Status
		raised := before.State == apiv1.StateFailed && now.Spec.Attempt > before.EndedAttempts
		if before.State.Final() && now.Status.State != before.State && !raised {
			m.breaks("capture %s went from %s to %s", now.Name, before.State, now.Status.State)
		}
	}
}

// checkCard compares what the objects say with the ledger.
func (m *cardModel) checkCard(t *rapid.T) {
	ledger := m.simulator.Ledger()
	if err := ledger.Check(); err != nil {
		m.breaks("%v", err)
	}
	if held := m.held(ledger); held > 1 {
		m.breaks("%d attempts hold the buyer's money", held)
	}
	m.checkManifests(ledger)
	if p := m.payment(modelOrder); p != nil {
		m.checkCardPayment(ledger, p)
	}
	for code, whose := range map[string]string{"CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT": "capture", "MULTI_CAPTURE_NOT_SUPPORTED": "capture", "REFUND_AMOUNT_EXCEED": "refund"} {
		if ledger.APICalls[whose][code] > 0 && !m.forgotten && !m.byHand {
			m.breaks("the gateway had to refuse with %s", code)
		}
	}
	if len(m.broken) > 0 {
		t.Fatalf("%v\npayment: %s", m.broken, asText(m.world.t, m.payment(modelOrder)))
	}
}

// checkManifests holds that no manifest moves money twice, and that no object says more than the ledger.
func (m *cardModel) checkManifests(ledger simulator.Ledger) {
	for name, ids := range cardIDs {
		moves := 0
		for _, id := range ids {
			if c, found := ledger.Capture(id); found && c.Status != "FAIL" {
				moves++
			}
			if r, found := ledger.Refund(id); found && r.Status != "FAIL" {
				moves++
			}
		}
		if moves > 1 {
			m.breaks("%s has moved money %d times", name, moves)
		}
	}
	for _, manifest := range cardCaptures {
		if c := m.capture(manifest.Name); c != nil {
			taken, _ := ledger.Capture(c.Status.CaptureRequestID)
			m.checkShare("capture "+c.Name, &c.Status.OperationStatus, apiv1.CaptureCaptured, taken.Status)
		}
	}
	for _, manifest := range cardRefunds {
		if r := m.refund(manifest.Name); r != nil {
			back, _ := ledger.Refund(r.Status.RefundRequestID)
			m.checkShare("refund "+r.Name, &r.Status.OperationStatus, apiv1.RefundRefunded, back.Status)
		}
	}
}

func (m *cardModel) checkShare(name string, status *apiv1.OperationStatus, done apiv1.OperationState, gateway string) {
	succeeded := meta.FindStatusCondition(status.Conditions, apiv1.SucceededCondition)
	ended := gateway == "" || gateway == "FAIL"
	switch {
	case status.State == done && gateway != "SUCCESS", status.State == apiv1.StateFailed && !ended:
		m.breaks("%s is %s and the gateway has %q", name, status.State, gateway)
	case succeeded == nil:
	case succeeded.Status == metav1.ConditionTrue && gateway != "SUCCESS", succeeded.Status == metav1.ConditionFalse && !ended:
		m.breaks("%s has Succeeded %s and the gateway has %q", name, succeeded.Status, gateway)
	}
}

func (m *cardModel) checkCardPayment(ledger simulator.Ledger, p *apiv1.Payment) {
	st := &p.Status
	order, placed := ledger.Payment(st.PaymentRequestID)
	captured, refunded := capturesOf(ledger, order.PaymentID), refundsOf(ledger, order.PaymentID)
	ended := !placed || order.Status == "FAIL" || order.Status == "CANCELLED"
	succeeded := meta.FindStatusCondition(st.Conditions, apiv1.SucceededCondition)
	switch {
	case st.State == apiv1.PaymentPaid && captured.done == 0, (st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled) && !ended:
		m.breaks("state is %s and the gateway has %q, of which %d are captured", st.State, order.Status, captured.done)
	case succeeded == nil:
	case succeeded.Status == metav1.ConditionTrue && captured.done == 0, succeeded.Status == metav1.ConditionFalse && !ended:
		m.breaks("Succeeded is %s (%s) and the gateway has %q, of which %d are captured", succeeded.Status, succeeded.Reason, order.Status, captured.done)
	}
	for _, c := range st.Captures {
		is := captured.status[c.CaptureRequestID]
		if c.Status == alipay.StatusSuccess && (is != "SUCCESS" || captured.value[c.CaptureRequestID] != minorUnits(c.Value)) || c.Status == alipay.StatusFail && is != "" && is != "FAIL" {
			m.breaks("capture %+v is noted and the gateway has %q over %d", c, is, captured.value[c.CaptureRequestID])
		}
	}
	for _, r := range st.Refunds {
		if r.Done && (refunded.status[r.RefundRequestID] != "SUCCESS" || refunded.value[r.RefundRequestID] != minorUnits(r.Value)) {
			m.breaks("refund %+v is noted as done and the gateway has %q", r, refunded.status[r.RefundRequestID])
		}
	}
	if a := st.Amounts; a != nil && (minorUnits(a.Captured) > captured.done || minorUnits(a.Paid) > captured.done || minorUnits(a.Refunded) > refunded.done ||
		minorUnits(a.Refundable) > minorUnits(a.Paid)-minorUnits(a.Refunded)) {
		m.breaks("amounts are %+v while %d are captured and %d given back", *a, captured.done, refunded.done)
	}
}

// checkQuiet demands that a payment whose money is held or collected says exactly what the ledger says, once nothing is under way.
func (m *cardModel) checkQuiet() {
	p := m.payment(modelOrder)
	if p == nil || p.Status.Conflict != nil || p.Status.Amounts == nil || p.Status.State != apiv1.PaymentPaid && p.Status.State != apiv1.PaymentAuthorized {
		return
	}
	ledger := m.simulator.Ledger()
	captured, refunded := capturesOf(ledger, p.Status.PaymentID), refundsOf(ledger, p.Status.PaymentID)
	// A payment that counts as collected does not ask any more, and does not hear what somebody captures by hand.
	unheard := m.byHand && p.Status.State == apiv1.PaymentPaid
	a := p.Status.Amounts
	if minorUnits(a.Captured) != captured.done && !unheard || minorUnits(a.Refunded) != refunded.done {
		m.t.Fatalf("in the end amounts are %+v while %d are captured and %d given back\npayment: %s", *a, captured.done, refunded.done, asText(m.world.t, p))
	}
}
