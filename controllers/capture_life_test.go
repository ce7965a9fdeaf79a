package controllers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// editCapture changes a capture as a user does.
func (w *world) editCapture(name string, change func(*apiv1.CaptureSpec)) {
	w.store.edit(w.capture(name), func(obj client.Object) { change(&obj.(*apiv1.Capture).Spec) })
}

// neverSent creates a capture that takes its part of the payment, and whose intent is lost.
func (w *world) neverSent(capture *apiv1.Capture) {
	w.t.Helper()
	w.store.failWrite = func(obj client.Object) writeFault {
		if _, is := obj.(*apiv1.Capture); is {
			return writeLost
		}
		return writeArrives
	}
	w.store.create(capture)
	_, _ = w.reconcileCapture(capture.Name)
	w.store.failWrite = nil
	if got := w.payment("order").Status.Captures; len(got) != 1 || got[0].Status != apiv1.CaptureReserved || w.capture(capture.Name).Status.Intent != nil {
		w.t.Fatalf("captures = %+v, want one that has taken its part and was not sent", got)
	}
}

func TestCaptureAppliedAgainIsFoundAgain(t *testing.T) {
	tests := map[string]func(*world){
		"at once":                              func(*world) {},
		"by a new process":                     (*world).restart,
		"after the authorisation has ended":    func(w *world) { w.untilAuthorisationEnds(); w.advance(8 * 24 * time.Hour) },
		"in another cluster":                   (*world).secondCluster,
		"in another cluster, after it ended":   func(w *world) { w.advance(8 * 24 * time.Hour); w.secondCluster() },
		"where the contract allows no part":    func(w *world) { w.contract(false, false) },
		"where the contract allows one of all": func(w *world) { w.contract(true, false) },
	}
	for name, happens := range tests {
		t.Run(name, func(t *testing.T) {
			w := authorisedCard(t, capturesInParts)
			w.captured(newCapture("first", "3000"))
			w.captured(newCapture("second", "1000"))
			for _, capture := range []string{"first", "second"} {
				w.store.remove(w.capture(capture))
				w.must(w.reconcileCapture(capture))
			}
			happens(w)
			w.captured(newCapture("first", "3000"))
			w.captured(newCapture("second", "1000"))
			for _, capture := range []string{"first", "second"} {
				w.expectCapture(capture, apiv1.CaptureCaptured, apiv1.CapturedReason)
			}
			w.expectTaken(4000, 2)
		})
	}
}

// secondCluster applies the payment's manifest where nothing is known of it.
func (w *world) secondCluster() {
	w.t.Helper()
	w.store.remove(w.payment("order"))
	w.restart()
	w.must(w.reconcilePayment("order"))
	w.store.create(cardPayment("order", apiv1.ManualCapture))
	w.follow(w.reconcilePayment, "order", 3*time.Minute)
}

// contract changes what the account declares about captures.
func (w *world) contract(partial, multiple bool) {
	w.store.edit(w.account(), func(obj client.Object) {
		obj.(*apiv1.MerchantAccount).Spec.PaymentMethods = []apiv1.PaymentMethodCapability{
			{PaymentMethodType: cardMethod, PartialCapture: partial, MultipleCapture: multiple},
		}
		obj.(*apiv1.MerchantAccount).Status.Conditions[0].ObservedGeneration++
	})
	w.restart()
}

func TestCaptureFoundInASecondClusterIsAdopted(t *testing.T) {
	w := authorisedCard(t)
	w.captured(newCapture("all", ""))
	w.store.remove(w.capture("all"))
	w.advance(time.Minute)
	w.secondCluster()
	expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	if got := w.captured(newCapture("all", "")); got.State != apiv1.CaptureCaptured || !got.Adopted {
		t.Errorf("capture is %s, adopted = %t, want it found again", got.State, got.Adopted)
	}
	w.expectTaken(4200, 1)
}

func TestCaptureOfAnotherClusterIsSeen(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.capturesByHand("elsewhere", "3000")
	w.advance(2 * time.Hour)
	w.must(w.reconcilePayment("order"))
	w.captured(newCapture("too-much", "3000"))
	w.expectCapture("too-much", apiv1.StateBlocked, apiv1.CaptureAmountExceededReason)
	w.captured(newCapture("rest", "1200"))
	w.expectCapture("rest", apiv1.CaptureCaptured, apiv1.CapturedReason)
	w.expectTaken(4200, 2)
	expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
}

func TestDeletedCapture(t *testing.T) {
	t.Run("that is in process is followed by its payment", func(t *testing.T) {
		w := authorisedCard(t)
		w.inject(simulator.Fault{Kind: simulator.InProcess, Path: "capture"})
		w.store.create(newCapture("all", ""))
		w.must(w.reconcileCapture("all"))
		w.must(w.reconcilePayment("order"))
		w.store.remove(w.capture("all"))
		w.follow(w.reconcilePayment, "order", 2*time.Hour)
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
		w.expectTaken(4200, 1)
	})
	t.Run("that was never sent takes nothing once the gateway has proved it", func(t *testing.T) {
		w := authorisedCard(t)
		w.advance(2 * 24 * time.Hour) // an old payment is asked about once an hour
		w.must(w.reconcilePayment("order"))
		w.neverSent(newCapture("all", ""))
		w.store.remove(w.capture("all"))
		asked := w.sends("inquiryPayment")
		for began := w.clock.Now(); len(w.payment("order").Status.Captures) > 0; {
			if w.clock.Now().Sub(began) > 5*time.Minute {
				t.Fatal("what was never sent stays taken")
			}
			after := w.must(w.reconcilePayment("order")).RequeueAfter
			w.advance(after)
		}
		if got := w.sends("inquiryPayment") - asked; got < emptyAnswers {
			t.Errorf("given back after %d answers, want %d", got, emptyAnswers)
		}
		w.captured(newCapture("other", ""))
		w.expectCapture("other", apiv1.CaptureCaptured, apiv1.CapturedReason)
		w.expectTaken(4200, 1)
	})
	t.Run("that was refused stays refused", func(t *testing.T) {
		w := authorisedCard(t)
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "capture", Code: "RISK_REJECT"})
		w.captured(newCapture("all", ""))
		w.expectCapture("all", apiv1.StateFailed, "RISK_REJECT")
		w.store.remove(w.capture("all"))
		w.must(w.reconcileCapture("all"))
		w.captured(newCapture("all", ""))
		w.expectCapture("all", apiv1.StateFailed, "RISK_REJECT")
		w.captured(newCapture("other", ""))
		w.expectCapture("other", apiv1.CaptureCaptured, apiv1.CapturedReason)
	})
}

// A capture that has taken its part and was not sent holds up neither a cancellation nor the end of the authorisation.
func TestCaptureThatWasNotSentHoldsUpNothing(t *testing.T) {
	t.Run("when the payment is to be cancelled", func(t *testing.T) {
		w := authorisedCard(t)
		w.neverSent(newCapture("all", ""))
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.must(w.reconcileCapture("all"))
		w.expectCapture("all", apiv1.StatePending, apiv1.AwaitingPaymentReason)
		w.follow(w.reconcilePayment, "order", 5*time.Minute)
		expectCard(t, w.payment("order"), apiv1.PaymentCancelled, apiv1.CancelledReason, "False", "False")
		w.must(w.reconcileCapture("all"))
		w.expectCapture("all", apiv1.StateBlocked, apiv1.PaymentNotPaidReason)
		if got, _ := w.taken(); got != 0 || w.sends("capture") != 0 {
			t.Errorf("captured = %d after %d requests, want nothing", got, w.sends("capture"))
		}
	})
	t.Run("when the payment is deleted and its policy is to cancel", func(t *testing.T) {
		w := authorisedCard(t)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DeletionPolicy = apiv1.CancelPayment })
		w.must(w.reconcilePayment("order"))
		w.neverSent(newCapture("all", ""))
		w.store.remove(w.payment("order"))
		for range 20 {
			w.must(w.reconcilePayment("order"))
			w.advance(20 * time.Second)
		}
		if left := w.payment("order"); left != nil {
			t.Errorf("payment is still there: %s (%s)", left.Status.State, reason(left.Status.Conditions))
		}
	})
	t.Run("when the authorisation ends after another part was captured", func(t *testing.T) {
		w := authorisedCard(t, capturesInParts)
		w.neverSent(newCapture("b", "1200"))
		w.captured(newCapture("a", "3000"))
		w.editCapture("b", func(spec *apiv1.CaptureSpec) { spec.Suspend = true })
		w.untilAuthorisationEnds()
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
		w.expectTaken(3000, 1)
		w.must(w.reconcileCapture("b"))
		if got := w.payment("order").Status.Amounts.Paid; got != "3000" {
			t.Errorf("paid = %s, want 3000", got)
		}
	})
}

func TestCaptureRacesWithTheCancellationOfItsPayment(t *testing.T) {
	t.Run("the capture comes first", func(t *testing.T) {
		w := authorisedCard(t)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.store.create(newCapture("all", ""))
		w.store.behind = 1 // the capture does not see that the payment is to be cancelled
		_, _ = w.reconcileCapture("all")
		w.store.behind = 0
		w.follow(w.reconcileCapture, "all", time.Hour)
		if w.sends("capture") != 0 {
			t.Error("a capture was sent although the payment is to be cancelled")
		}
	})
	t.Run("while the outcome of the capture is unknown", func(t *testing.T) {
		w := authorisedCard(t)
		w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "capture"})
		w.store.create(newCapture("all", ""))
		_, _ = w.reconcileCapture("all")
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.follow(w.reconcilePayment, "order", 3*time.Minute)
		w.follow(w.reconcileCapture, "all", time.Hour)
		w.must(w.reconcilePayment("order"))
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.CancelNotSupportedReason, "True", "True")
		if w.sends("cancel") != 0 {
			t.Error("a payment was cancelled of which something is being captured")
		}
		w.expectTaken(4200, 1)
	})
	t.Run("while the outcome of the cancellation is unknown", func(t *testing.T) {
		w := authorisedCard(t)
		w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "cancel"})
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		_, _ = w.reconcilePayment("order")
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredPaid })
		w.store.create(newCapture("all", ""))
		w.follow(w.reconcileCapture, "all", time.Hour)
		w.follow(w.reconcilePayment, "order", time.Hour)
		w.expectCapture("all", apiv1.StateFailed, "AUTH_CANCELLED")
		if got := w.payment("order").Status; got.State != apiv1.PaymentCancelled || got.Conflict != nil {
			t.Errorf("payment is %s (%s), want it cancelled", got.State, reason(got.Conditions))
		}
	})
}

func TestCaptureOfWhatIsNotHeldIsNotSent(t *testing.T) {
	tests := []struct {
		name string
		mode apiv1.CaptureMode
		make func(*world)
		want string
	}{
		{"captured by the gateway itself", apiv1.AutomaticCapture, func(w *world) { w.authorise() }, apiv1.CaptureNotSupportedReason},
		{"not confirmed by the buyer yet", apiv1.ManualCapture, func(*world) {}, apiv1.AwaitingPaymentReason},
		{"declined", apiv1.ManualCapture, func(w *world) {
			if err := w.simulator.BuyerDeclines(w.payment("order").Status.PaymentID); err != nil {
				w.t.Fatal(err)
			}
			w.follow(w.reconcilePayment, "order", time.Hour)
		}, apiv1.PaymentNotPaidReason},
		{"cancelled", apiv1.ManualCapture, func(w *world) {
			w.authorise()
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
			w.follow(w.reconcilePayment, "order", time.Hour)
		}, apiv1.PaymentNotPaidReason},
		{"expired", apiv1.ManualCapture, func(w *world) { w.authorise(); w.untilAuthorisationEnds() }, apiv1.PaymentNotPaidReason},
		{"expired, and not asked about since", apiv1.ManualCapture, func(w *world) { w.authorise(); w.advance(8 * 24 * time.Hour) }, apiv1.AuthorizationExpiredReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := openCard(t, tt.mode)
			tt.make(w)
			w.store.create(newCapture("all", ""))
			w.must(w.reconcileCapture("all"))
			if got := reason(w.capture("all").Status.Conditions); got != tt.want || w.sends("capture") != 0 {
				t.Errorf("reason = %s after %d requests, want %s after none", got, w.sends("capture"), tt.want)
			}
		})
	}
}

func TestLastCapture(t *testing.T) {
	last := func(spec *apiv1.CaptureSpec) { spec.IsLastCapture = ptr.To(true) }
	t.Run("has the payment paid by a part, and no other follow", func(t *testing.T) {
		w := authorisedCard(t, capturesInParts)
		w.captured(newCapture("first", "1000"))
		expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
		w.captured(newCapture("last", "2000", last))
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
		w.expectTaken(3000, 2)
		w.captured(newCapture("third", "1"))
		w.expectCapture("third", apiv1.StateBlocked, apiv1.CaptureNotSupportedReason)
	})
	t.Run("is the last one for the payment of another cluster too", func(t *testing.T) {
		w := authorisedCard(t, capturesInParts)
		w.captured(newCapture("last", "2000", last))
		w.store.remove(w.capture("last"))
		w.secondCluster()
		w.captured(newCapture("last", "2000", last))
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	})
	t.Run("that has failed lets others follow", func(t *testing.T) {
		w := authorisedCard(t, capturesInParts)
		w.inject(simulator.Fault{Kind: simulator.FailLater, Path: "capture"})
		w.captured(newCapture("last", "2000", last))
		w.expectCapture("last", apiv1.StateFailed, "PROCESS_FAIL")
		w.captured(newCapture("other", "1000"))
		expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
		w.expectTaken(1000, 1)
	})
	t.Run("is not what a capture of another manifest was asked for", func(t *testing.T) {
		w := authorisedCard(t, capturesInParts)
		w.neverSent(newCapture("a", "1000", last))
		w.store.remove(w.capture("a"))
		w.captured(newCapture("a", "1000"))
		w.expectCapture("a", apiv1.CaptureCaptured, apiv1.CapturedReason)
		expectCard(t, w.payment("order"), apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason, "Unknown", "True")
	})
}

func TestRaisedCaptureAttempt(t *testing.T) {
	t.Run("takes the amount of the former one", func(t *testing.T) {
		w := authorisedCard(t)
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "capture", Code: "USER_BALANCE_NOT_ENOUGH"})
		w.captured(newCapture("all", ""))
		w.expectCapture("all", apiv1.StateFailed, "USER_BALANCE_NOT_ENOUGH")
		w.editCapture("all", func(spec *apiv1.CaptureSpec) { spec.Attempt = 2 })
		w.follow(w.reconcileCapture, "all", time.Hour)
		w.must(w.reconcilePayment("order"))
		w.expectCapture("all", apiv1.CaptureCaptured, apiv1.CapturedReason)
		w.expectTaken(4200, 1)
		expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
	})
	t.Run("is not sent when the payment lists the former one as done", func(t *testing.T) {
		w := authorisedCard(t, capturesInParts)
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "capture", Code: "USER_BALANCE_NOT_ENOUGH"})
		w.captured(newCapture("part", "1000"))
		former := w.capture("part").Status.CaptureRequestID
		w.store.edit(w.payment("order"), func(obj client.Object) { // as the gateway's list may say, contradicting itself
			obj.(*apiv1.Payment).Status.Captures = []apiv1.PaymentCapture{{CaptureID: "2027", CaptureRequestID: former, Value: "1000", Status: alipay.StatusSuccess}}
		})
		w.editCapture("part", func(spec *apiv1.CaptureSpec) { spec.Attempt = 2 })
		w.follow(w.reconcileCapture, "part", time.Hour)
		if got := reason(w.capture("part").Status.Conditions); got != apiv1.FormerAttemptOpenReason || w.sends("capture") != 1 {
			t.Errorf("reason = %s after %d requests, want %s after one", got, w.sends("capture"), apiv1.FormerAttemptOpenReason)
		}
	})
	t.Run("of the payment is another order", func(t *testing.T) {
		w := authorisedCard(t)
		w.store.create(newCapture("all", ""))
		stale := w.payment("order").DeepCopy()
		w.store.edit(w.payment("order"), func(obj client.Object) { obj.(*apiv1.Payment).Status.PaymentID = "2028" })
		pass, err := w.captures.gatherShare(t.Context(), capturing{}, w.capture("all").DeepCopy())
		if err != nil {
			t.Fatal(err)
		}
		pass.payment = stale
		pass.begin()
		if _, err := staleOr(pass.reserve(t.Context()), ""); err != nil {
			t.Fatal(err)
		}
		if got := w.payment("order").Status.Captures; len(got) != 0 {
			t.Errorf("captures = %+v, want nothing taken of another order than the one at hand", got)
		}
	})
}

func TestCaptureIDOfAnotherPaymentTakesNothing(t *testing.T) {
	w := authorisedCard(t)
	same := func(spec *apiv1.CaptureSpec) { spec.CaptureRequestID = "X" }
	w.captured(newCapture("all", "", same))
	other := cardPayment("other", apiv1.ManualCapture)
	w.store.create(other)
	w.must(w.reconcilePayment("other"))
	if err := w.simulator.BuyerPays(w.payment("other").Status.PaymentID); err != nil {
		t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "other", 3*time.Minute)
	w.store.create(newCapture("of-other", "", same, func(spec *apiv1.CaptureSpec) { spec.PaymentRef.Name = "other" }))
	w.follow(w.reconcileCapture, "of-other", time.Hour)
	w.expectCapture("of-other", apiv1.StateBlocked, apiv1.RequestIDConflictReason)
	w.must(w.reconcilePayment("other"))
	if got := w.payment("other").Status; got.State != apiv1.PaymentAuthorized || got.Amounts.Captured != "0" {
		t.Errorf("payment is %s with %+v, want it authorised", got.State, got.Amounts)
	}
}

// A gateway that compares nothing but the id answers with the capture that it has.
func TestCaptureOfAnotherPaymentIsNotTakenForThisOne(t *testing.T) {
	p := captureIn("Submitting")
	p.take(&shareAnswer{status: alipay.StatusSuccess, gatewayID: "2027", paymentID: "other", amount: &alipay.Amount{Currency: "SGD", Value: "3000"}})
	if p.status.State == apiv1.CaptureCaptured || p.status.Conflict == nil || p.status.Conflict.Reason != apiv1.RequestIDConflictReason {
		t.Errorf("status = %+v, want a conflict", p.status)
	}
}

// The id was used with another amount, by a former object of that name: what the gateway lists is what counts.
func TestCaptureThatTheGatewayHasWithAnotherAmountStaysTaken(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "capture"})
	w.store.create(newCapture("a", "1000"))
	_, _ = w.reconcileCapture("a")
	w.store.remove(w.capture("a"))
	_, _ = w.reconcileCapture("a")
	w.captured(newCapture("a", "2000"))
	w.expectCapture("a", apiv1.StateBlocked, apiv1.RequestIDConflictReason)
	for range 3 {
		w.advance(time.Hour)
		w.must(w.reconcilePayment("order"))
		w.expectTaken(1000, 1)
	}

	answers := paymentAnswers{payment: w.payment("order").DeepCopy()}
	answers.payment.Status.Captures[0].Status = alipay.StatusProcessing
	answers.rollUpCaptures([]apiv1.Capture{*w.capture("a")})
	if got := answers.payment.Status.Captures[0].Status; got != alipay.StatusProcessing {
		t.Errorf("status = %s, want what the gateway lists", got)
	}
}

func TestCaptureIsFoundInAListThatDoesNotNameItsRequest(t *testing.T) {
	tests := map[string]struct {
		state string
		told  alipay.Transaction
		want  bool
	}{
		"by its request's id":              {"Processing", alipay.Transaction{TransactionRequestID: captureIn("New").id}, true},
		"by its own":                       {"Processing", alipay.Transaction{TransactionID: "2027"}, true},
		"not by that of another":           {"Processing", alipay.Transaction{TransactionID: "2028"}, false},
		"not by its own beside another's":  {"Processing", alipay.Transaction{TransactionID: "2027", TransactionRequestID: "other"}, false},
		"not by none while nobody told it": {"Unknown", alipay.Transaction{}, false},
	}
	for name, tt := range tests {
		if p := captureIn(tt.state); p.named(&tt.told, p.id) != tt.want {
			t.Errorf("%s: found = %t, want %t", name, !tt.want, tt.want)
		}
	}
}

func TestCapturesAreOneWhereTheGatewaySaysSo(t *testing.T) {
	reserved := apiv1.PaymentCapture{CaptureID: "r", CaptureRequestID: "r", Value: "3000", Status: apiv1.CaptureReserved}
	unasked := apiv1.PaymentCapture{CaptureID: "c", Value: "3000", Status: alipay.StatusSuccess}
	done := apiv1.PaymentCapture{CaptureID: "c", CaptureRequestID: "r", Value: "3000", Status: alipay.StatusSuccess}
	running := apiv1.PaymentCapture{CaptureID: "c", CaptureRequestID: "r", Value: unknownValue, Status: alipay.StatusProcessing}
	running3000 := running
	running3000.Value = "3000"
	tests := map[string]struct{ told, want []apiv1.PaymentCapture }{
		"listed without its request's id, then with": {[]apiv1.PaymentCapture{reserved, unasked, done}, []apiv1.PaymentCapture{done}},
		"the other way round":                        {[]apiv1.PaymentCapture{unasked, reserved, done}, []apiv1.PaymentCapture{done}},
		"done stays done":                            {[]apiv1.PaymentCapture{done, reserved, running}, []apiv1.PaymentCapture{done}},
		"an amount is not forgotten":                 {[]apiv1.PaymentCapture{reserved, running}, []apiv1.PaymentCapture{running3000}},
		"nobody knows yet whether these two are one": {[]apiv1.PaymentCapture{reserved, unasked}, []apiv1.PaymentCapture{unasked, reserved}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			answers := paymentAnswers{payment: cardPayment("order", apiv1.ManualCapture)}
			for _, capture := range tt.told {
				answers.putCapture(capture)
			}
			if got := fmt.Sprint(answers.payment.Status.Captures); got != fmt.Sprint(tt.want) {
				t.Errorf("captures = %s, want %v", got, tt.want)
			}
		})
	}
}

func TestPaymentHoldsAsManySharesAsItsStatusCan(t *testing.T) {
	w := authorisedCard(t, capturesInParts)
	w.store.edit(w.payment("order"), func(obj client.Object) {
		st := &obj.(*apiv1.Payment).Status
		for i := range mostNoted {
			st.Captures = append(st.Captures, apiv1.PaymentCapture{CaptureID: fmt.Sprintf("%04d", i), Value: "1", Status: alipay.StatusSuccess})
		}
	})
	w.captured(newCapture("more", "1"))
	w.expectCapture("more", apiv1.StateBlocked, apiv1.TooManyReason)

	answers := paymentAnswers{payment: w.payment("order").DeepCopy()}
	answers.noteCapture(&alipay.Transaction{TransactionType: alipay.TransactionCapture, TransactionID: "another", TransactionStatus: alipay.StatusSuccess})
	answers.payment.Status.Captures[7].Status = alipay.StatusFail
	answers.noteCapture(&alipay.Transaction{TransactionType: alipay.TransactionCapture, TransactionID: "one-more", TransactionStatus: alipay.StatusProcessing})
	if got := answers.payment.Status.Captures; len(got) != mostNoted || got[7].CaptureID == "0007" || got[mostNoted-1].CaptureID != "one-more" {
		t.Errorf("%d captures from %s to %s, want one more in place of the one that failed", len(got), got[7].CaptureID, got[mostNoted-1].CaptureID)
	}
	for i := range mostNoted + 3 {
		answers.noteRefund(apiv1.PaymentRefund{RefundRequestID: fmt.Sprint(i), Value: "1"})
	}
	if got := len(answers.payment.Status.Refunds); got != mostNoted {
		t.Errorf("refunds = %d, want at most %d", got, mostNoted)
	}
}

func TestCaptureWithTimeToLiveStaysUntilItsPaymentKnows(t *testing.T) {
	w := authorisedCard(t)
	w.store.create(newCapture("all", "", func(spec *apiv1.CaptureSpec) { spec.TTLSecondsAfterFinished = new(int32) }))
	w.follow(w.reconcileCapture, "all", time.Hour)
	if w.capture("all") == nil {
		t.Fatal("the capture is gone before its payment has noted it")
	}
	w.must(w.reconcilePayment("order"))
	w.follow(w.reconcileCapture, "all", time.Hour)
	if w.capture("all") != nil {
		t.Error("the capture outlives its time to live")
	}
	expectCard(t, w.payment("order"), apiv1.PaymentPaid, apiv1.PaidReason, "True", "True")
}

func TestConditionsTellToCancelWhatIsHeldAndToRefundWhatIsCaptured(t *testing.T) {
	message := func(conditions []metav1.Condition) string {
		return meta.FindStatusCondition(conditions, apiv1.ReadyCondition).Message
	}
	w := authorisedCard(t, capturesInParts)
	w.store.create(sgdRefund("back", "1000"))
	w.must(w.reconcileRefund("back"))
	if got := w.refund("back").Status; reason(got.Conditions) != apiv1.AwaitingCaptureReason || !strings.Contains(message(got.Conditions), "desiredState: Cancelled") {
		t.Errorf("refund: %s: %s, want it to tell to cancel the payment", reason(got.Conditions), message(got.Conditions))
	}
	w.captured(newCapture("part", "3000"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; reason(got.Conditions) != apiv1.CancelNotSupportedReason || !strings.Contains(message(got.Conditions), "create a Refund") || w.sends("cancel") != 0 {
		t.Errorf("payment: %s: %s, want it to tell to refund what is captured", reason(got.Conditions), message(got.Conditions))
	}
	w.store.create(newCapture("rest", "1200"))
	w.must(w.reconcileCapture("rest"))
	if got := w.capture("rest").Status; reason(got.Conditions) != apiv1.AwaitingPaymentReason || strings.Contains(message(got.Conditions), "Paid") {
		t.Errorf("capture: %s: %s, want it not to tell to open the payment again, which the API server refuses", reason(got.Conditions), message(got.Conditions))
	}
	w.follow(w.reconcileRefund, "back", time.Hour)
	if got := w.refund("back").Status.State; got != apiv1.RefundRefunded {
		t.Errorf("refund is %s (%s), want it to have started by itself", got, reason(w.refund("back").Status.Conditions))
	}
}
