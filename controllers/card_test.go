package controllers

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

const cardCanary = "CARDTOKENcanary0815"

// cardPayment pays 42.00 SGD with a card whose token is in a Secret.
func cardPayment(name string, mode apiv1.CaptureMode) *apiv1.Payment {
	return newPayment(name, func(spec *apiv1.PaymentSpec) {
		spec.Amount = apiv1.Amount{Currency: "SGD", Value: "4200"}
		spec.CaptureMode = mode
		spec.Env = &apiv1.Env{TerminalType: "WEB", ClientIP: "203.0.113.9"}
		spec.Cashier = &apiv1.Cashier{PaymentMethodType: cardMethod, Card: &apiv1.Card{
			TokenSecretRef: apiv1.SecretKeyReference{Name: "card"}, Is3DSAuthentication: ptr.To(true),
		}}
	})
}

// openCard creates a card payment whose order is open.
func openCard(t *testing.T, mode apiv1.CaptureMode, changes ...func(*worldOptions)) *world {
	t.Helper()
	w := newWorld(t, changes...)
	t.Cleanup(w.close)
	w.store.create(newSecret("card", map[string]string{apiv1.CardTokenSecretKey: cardCanary}))
	w.store.create(cardPayment("order", mode))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; got.State != apiv1.StateProcessing || got.Checkout == nil || got.Checkout.NormalURL == "" {
		t.Fatalf("status = %+v, want an open order with the page of the card's bank", got)
	}
	return w
}

// authorise has the buyer confirm, and follows the payment for a while.
func (w *world) authorise() *apiv1.Payment {
	w.t.Helper()
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentID); err != nil {
		w.t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", 3*time.Minute)
	return w.payment("order")
}

// capturesByHand collects a part at the gateway, as somebody with its dashboard might.
func (w *world) capturesByHand(id, value string) {
	w.t.Helper()
	reach := w.gateways.clients[types.NamespacedName{Namespace: testNamespace, Name: testAccount}].client
	_, err := reach.Capture(w.t.Context(), &alipay.CaptureRequest{
		CaptureRequestID: id, PaymentID: w.payment("order").Status.PaymentID, CaptureAmount: alipay.Amount{Currency: "SGD", Value: value},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// untilAuthorisationEnds looks at the payment whenever it asks for that, until it has ended or eight days have passed.
func (w *world) untilAuthorisationEnds() {
	w.t.Helper()
	for end := w.clock.Now().Add(8 * 24 * time.Hour); w.clock.Now().Before(end); {
		result := w.must(w.reconcilePayment("order"))
		if w.payment("order").Status.State.Final() {
			return
		}
		w.advance(max(result.RequeueAfter, time.Second))
	}
}

func expectCard(t *testing.T, got *apiv1.Payment, state apiv1.OperationState, why string, succeeded, authorized metav1.ConditionStatus) {
	t.Helper()
	status := func(kind string) metav1.ConditionStatus {
		if condition := meta.FindStatusCondition(got.Status.Conditions, kind); condition != nil {
			return condition.Status
		}
		return ""
	}
	if got.Status.State != state || reason(got.Status.Conditions) != why || status(apiv1.SucceededCondition) != succeeded || status(apiv1.AuthorizedCondition) != authorized {
		t.Errorf("payment is %s (%s), Succeeded %s, Authorized %s; want %s (%s), %s, %s", got.Status.State, reason(got.Status.Conditions),
			status(apiv1.SucceededCondition), status(apiv1.AuthorizedCondition), state, why, succeeded, authorized)
	}
}

func TestCardIsPaidOnlyOnceTheGatewayReportsTheCapture(t *testing.T) {
	w := openCard(t, apiv1.AutomaticCapture)
	got := w.authorise()
	expectCard(t, got, apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	want := apiv1.PaymentAmounts{Authorized: "4200", Captured: "4200", Paid: "4200", Refundable: "4200"}
	if *got.Status.Amounts != want || len(got.Status.Captures) != 1 || got.Status.Captures[0].Status != alipay.StatusSuccess {
		t.Errorf("amounts = %+v, captures = %+v, want %+v and one capture", *got.Status.Amounts, got.Status.Captures, want)
	}
	if ledger := w.simulator.Ledger(); ledger.Charges(got.Status.PaymentRequestID) != 1 {
		t.Errorf("charges = %d, want 1", ledger.Charges(got.Status.PaymentRequestID))
	}
}

func TestFailedAutomaticCaptureIsNeverReportedAsPaid(t *testing.T) {
	w := openCard(t, "")
	w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "autoCapture", Code: "USER_BALANCE_NOT_ENOUGH"})
	got := w.authorise()
	expectCard(t, got, apiv1.PaymentAuthorized, apiv1.CaptureFailedReason, "Unknown", "True")
	ready := meta.FindStatusCondition(got.Status.Conditions, apiv1.StalledCondition)
	if ready == nil || !strings.Contains(ready.Message, "USER_BALANCE_NOT_ENOUGH") {
		t.Errorf("stalled = %+v, want it to name the code", ready)
	}

	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.follow(w.reconcilePayment, "order", time.Hour)
	expectCard(t, w.payment("order"), apiv1.PaymentCancelled, apiv1.CancelledReason, "False", "False")
}

func TestManuallyCapturedCard(t *testing.T) {
	t.Run("waits for its capture, and is paid by it", func(t *testing.T) {
		w := openCard(t, apiv1.ManualCapture)
		got := w.authorise()
		expectCard(t, got, apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
		if got.Status.AuthorizationExpiryTime == nil || got.Status.Amounts.Authorized != "4200" || got.Status.Amounts.Paid != "" {
			t.Errorf("status = %+v, want what is held, until when, and nothing paid", got.Status)
		}
		w.capturesByHand("by-hand", "4200")
		w.follow(w.reconcilePayment, "order", 3*time.Hour)
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	})
	t.Run("is cancelled when nobody captures it in seven days", func(t *testing.T) {
		w := openCard(t, apiv1.ManualCapture)
		w.authorise()
		w.untilAuthorisationEnds()
		got := w.payment("order")
		expectCard(t, got, apiv1.PaymentCancelled, apiv1.AuthorizationExpiredReason, "False", "False")
		if late := got.Status.FinishedAt.Sub(got.Status.AuthorizationExpiryTime.Time); late > time.Minute {
			t.Errorf("the end of the authorisation was seen %s late", late)
		}
	})
	t.Run("keeps the part that was captured when the rest is let go, and gives back no more", func(t *testing.T) {
		w := openCard(t, apiv1.ManualCapture)
		w.authorise()
		w.capturesByHand("a-part", "3000")
		w.advance(time.Hour)
		w.must(w.reconcilePayment("order"))
		expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.must(w.reconcilePayment("order"))
		expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.CancelNotSupportedReason, "Unknown", "True")
		if w.sends("cancel") != 0 {
			t.Error("a captured payment was asked to be cancelled")
		}

		w.untilAuthorisationEnds()
		if got := w.payment("order").Status; got.State != apiv1.PaymentPaid || got.Amounts.Paid != "3000" || got.Amounts.Refundable != "3000" {
			t.Fatalf("status = %s %+v, want 3000 paid", got.State, got.Amounts)
		}
		refund := newRefund("too-much", "order", "4200")
		refund.Spec.Amount.Currency = "SGD"
		w.store.create(refund)
		w.must(w.reconcileRefund("too-much"))
		if got := w.refund("too-much").Status; reason(got.Conditions) != apiv1.RefundAmountExceededReason || w.sends("refund") != 0 {
			t.Errorf("refund is %s with %d requests, want it refused here", reason(got.Conditions), w.sends("refund"))
		}
		w.store.create(newRefund("all", "order", ""))
		w.follow(w.reconcileRefund, "all", time.Hour)
		if got := w.refund("all").Status; got.State != apiv1.RefundRefunded || got.Amount.Value != "3000" {
			t.Errorf("refund is %s over %+v, want the captured 3000 given back", got.State, got.Amount)
		}
	})
	t.Run("is let go when it is cancelled before any capture", func(t *testing.T) {
		w := openCard(t, apiv1.ManualCapture)
		w.authorise()
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.follow(w.reconcilePayment, "order", time.Hour)
		expectCard(t, w.payment("order"), apiv1.PaymentCancelled, apiv1.CancelledReason, "False", "False")
	})
}

func TestCardTokenLeavesItsSecretOnlyInTheRequest(t *testing.T) {
	w := openCard(t, apiv1.ManualCapture)
	for _, sent := range w.sent {
		if carries := strings.Contains(string(sent.body), cardCanary); carries != (sent.operation == "pay") {
			t.Errorf("%s carries the token: %t", sent.operation, carries)
		}
	}
	w.authorise()
	for _, entry := range w.store.objects {
		for _, version := range entry.versions {
			if payment, ok := version.(*apiv1.Payment); ok {
				if text, err := json.Marshal(payment); err != nil || strings.Contains(string(text), cardCanary) {
					t.Fatalf("the token is in the payment: %s %v", text, err)
				}
			}
		}
	}
}

func TestCardWithoutItsTokenWaits(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(w.close)
	w.store.create(cardPayment("order", ""))
	result := w.must(w.reconcilePayment("order"))
	if got := reason(w.payment("order").Status.Conditions); got != apiv1.SecretNotFoundReason || result.RequeueAfter == 0 || len(w.sent) != 0 {
		t.Fatalf("reason = %s, next look after %s, %d requests; want to wait for the Secret", got, result.RequeueAfter, len(w.sent))
	}
	w.store.create(newSecret("card", map[string]string{apiv1.CardTokenSecretKey: cardCanary}))
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status.State; got != apiv1.StateProcessing {
		t.Errorf("state = %s, want Processing once the token is there", got)
	}
}

func TestCardRequestSaysHowItIsAuthorisedAndCaptured(t *testing.T) {
	w := openCard(t, apiv1.ManualCapture)
	var body struct {
		PaymentMethod json.RawMessage `json:"paymentMethod"`
		PaymentFactor json.RawMessage `json:"paymentFactor"`
	}
	if err := json.Unmarshal(w.sent[0].body, &body); err != nil {
		t.Fatal(err)
	}
	const method = `{"paymentMethodType":"CARD","paymentMethodId":"` + cardCanary + `","paymentMethodMetaData":{"is3DSAuthentication":true}}`
	if string(body.PaymentMethod) != method || string(body.PaymentFactor) != `{"isAuthorization":true,"captureMode":"MANUAL"}` {
		t.Errorf("paymentMethod = %s\npaymentFactor = %s", body.PaymentMethod, body.PaymentFactor)
	}
}

func TestAuthorisedCardIsLetGoBeforeItsObjectIsDeleted(t *testing.T) {
	for _, captured := range []string{"", "4200"} {
		w := openCard(t, apiv1.ManualCapture)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DeletionPolicy = apiv1.CancelPayment })
		id := w.authorise().Status.PaymentRequestID
		if captured != "" {
			w.capturesByHand("by-hand", captured)
		}
		w.store.remove(w.payment("order"))
		w.follow(w.reconcilePayment, "order", 3*time.Hour)
		if w.store.latest(keyOf(cardPayment("order", ""))) != nil {
			t.Errorf("%q captured: the object is still there", captured)
		}
		if want := map[string]int{"": 1, "4200": 0}[captured]; w.sends("cancel") != want {
			t.Errorf("%q captured: %d cancellations left, want %d", captured, w.sends("cancel"), want)
		}
		if got := w.simulator.Ledger().Charges(id); captured != "" && got != 1 {
			t.Errorf("charges = %d, want the captured one kept", got)
		}
	}
}

func TestNewAttemptAfterAnExpiredAuthorisationBeginsAnew(t *testing.T) {
	w := openCard(t, apiv1.ManualCapture)
	w.authorise()
	w.untilAuthorisationEnds()
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
	w.must(w.reconcilePayment("order"))
	got := w.payment("order")
	expectCard(t, got, apiv1.StateProcessing, apiv1.AwaitingBuyerReason, "Unknown", "Unknown")
	if got.Status.AuthorizationExpiryTime != nil || len(got.Status.Captures) != 0 || w.sends("pay") != 2 {
		t.Errorf("status = %+v after %d pay requests, want nothing left of the first attempt", got.Status, w.sends("pay"))
	}
	expectCard(t, w.authorise(), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
}

// An object that has lost its status finds a card authorised, or captured in part, as it is.
func TestAdoptedCardIsWhatTheGatewaySays(t *testing.T) {
	for captured, want := range map[string]apiv1.OperationState{"": apiv1.PaymentAuthorized, "3000": apiv1.PaymentAuthorized, "4200": apiv1.PaymentPaid} {
		w := openCard(t, apiv1.ManualCapture)
		w.authorise()
		if captured != "" {
			w.capturesByHand("by-hand", captured)
		}
		w.store.remove(w.payment("order"))
		w.must(w.reconcilePayment("order"))
		w.advance(time.Hour)
		w.store.create(cardPayment("order", apiv1.ManualCapture))
		w.must(w.reconcilePayment("order"))
		got := w.payment("order").Status
		if got.State != want || !got.Adopted || got.Amounts == nil || got.Amounts.Captured != cmp.Or(captured, "0") {
			t.Errorf("%q captured: payment is %s with %+v, adopted %t; want %s", captured, got.State, got.Amounts, got.Adopted, want)
		}
	}
}

// A notification that a card succeeded is no proof that anything was collected, and one of its capture is looked into at once.
func TestCardIsFollowedByItsNotifications(t *testing.T) {
	w := newWorld(t, notified)
	t.Cleanup(w.close)
	w.store.create(newSecret("card", map[string]string{apiv1.CardTokenSecretKey: cardCanary}))
	w.store.create(cardPayment("order", apiv1.ManualCapture))
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentID); err != nil {
		t.Fatal(err)
	}
	told := 0
	hear := func() {
		t.Helper()
		w.advance(5 * time.Second)
		all := w.announced()
		if len(all) == told {
			t.Fatal("no notification has come")
		}
		for ; told < len(all); told++ {
			w.receive(all[told])
		}
		w.must(w.reconcilePayment("order"))
	}
	hear()
	expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
	w.advance(time.Hour)
	w.capturesByHand("by-hand", "4200")
	hear()
	expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
}
