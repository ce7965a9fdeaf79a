package controllers

import (
	"fmt"
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// recreatedAmounts are that of an object whose answer was lost, and that of the one which is created in its place.
var recreatedAmounts = map[string][2]string{"a smaller amount": {"10000", "1000"}, "a larger amount": {"1000", "10000"}}

func TestRefundOfAFormerObjectStaysTakenWhenItIsRecreatedWithAnotherAmount(t *testing.T) {
	for name, amounts := range recreatedAmounts {
		for _, id := range []string{"", "X"} {
			t.Run(fmt.Sprintf("%s under the id %q", name, id), func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.paid("order")
				sameID := func(spec *apiv1.RefundSpec) { spec.RefundRequestID = id }
				w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "refund"})
				w.store.create(newRefund("a", "order", amounts[0], sameID))
				_, _ = w.reconcileRefund("a")
				w.store.remove(w.refund("a"))
				w.must(w.reconcileRefund("a"))
				w.store.create(newRefund("a", "order", amounts[1], sameID))
				w.follow(w.reconcileRefund, "a", time.Hour)
				if got := reason(w.refund("a").Status.Conditions); got != apiv1.RequestIDConflictReason {
					t.Fatalf("reason = %s, want %s", got, apiv1.RequestIDConflictReason)
				}
				w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "inquiryRefund"})
				w.must(w.reconcilePayment("order"))
				if got := w.payment("order").Status.Amounts; got.Refundable != "0" {
					t.Errorf("refundable = %s while nobody knows which of the two was given back, want 0", got.Refundable)
				}
				w.follow(w.reconcilePayment, "order", 2*time.Hour)
				got := w.payment("order").Status
				if got.Amounts.Refunded != amounts[0] || w.givenBack("order") != minorUnits(amounts[0]) {
					t.Errorf("amounts = %+v with %d given back, want %s refunded", got.Amounts, w.givenBack("order"), amounts[0])
				}
				if len(got.Refunds) != 1 || got.Refunds[0].Contested {
					t.Errorf("refunds = %+v, want one that nobody contests", got.Refunds)
				}
			})
		}
	}
}

func TestCaptureOfAFormerObjectStaysTakenWhenItIsRecreatedWithAnotherAmount(t *testing.T) {
	for name, amounts := range map[string][2]string{"a smaller amount": {"3000", "1000"}, "a larger amount": {"1000", "3000"}} {
		t.Run(name, func(t *testing.T) {
			w := authorisedCard(t, capturesInParts)
			w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "capture"})
			w.store.create(newCapture("a", amounts[0]))
			_, _ = w.reconcileCapture("a")
			w.store.remove(w.capture("a"))
			_, _ = w.reconcileCapture("a")
			w.store.create(newCapture("a", amounts[1]))
			w.follow(w.reconcileCapture, "a", time.Hour)
			w.expectCapture("a", apiv1.StateBlocked, apiv1.RequestIDConflictReason)
			answers := paymentAnswers{payment: w.payment("order").DeepCopy()}
			answers.rollUpCaptures([]apiv1.Capture{*w.capture("a")})
			if got := answers.payment.Status.Captures; len(got) != 1 || got[0].Value != "3000" || got[0].Status != apiv1.CaptureReserved {
				t.Errorf("captures = %+v before the gateway lists any, want 3000 held", got)
			}
			w.advance(time.Hour)
			w.must(w.reconcilePayment("order"))
			w.expectTaken(minorUnits(amounts[0]), 1)
			if got := w.payment("order").Status; len(got.Captures) != 1 || got.Captures[0].Contested || got.Amounts.Captured != amounts[0] {
				t.Errorf("captures = %+v, want the one of %s that the gateway lists", got.Captures, amounts[0])
			}
		})
	}
}

func TestDeclarationOfAFormerObjectStaysTakenWhenItIsRecreatedWithAnotherAmount(t *testing.T) {
	for name, amounts := range map[string][2]string{"a smaller amount": {"60", "50"}, "a larger amount": {"50", "60"}} {
		t.Run(name, func(t *testing.T) {
			w := paidChina(t)
			w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "declare"})
			w.store.create(newDeclaration("a", amounts[0]))
			_, _ = w.reconcileDeclaration("a")
			w.store.remove(w.declaration("a"))
			_, _ = w.reconcileDeclaration("a")
			w.store.create(newDeclaration("a", amounts[1]))
			w.follow(w.reconcileDeclaration, "a", 2*time.Hour)
			w.expectDeclaration("a", apiv1.StateBlocked, apiv1.RequestIDConflictReason)
			w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "inquiryDeclarationRequests"})
			_, _ = w.reconcilePayment("order")
			if got := w.payment("order").Status.Declarations; len(got) != 1 || got[0].Value != "60" || got[0].Status != apiv1.DeclarationReserved {
				t.Errorf("declarations = %+v while nobody knows which of the two was declared, want 60 held", got)
			}
			w.follow(w.reconcilePayment, "order", 2*time.Hour)
			if got := w.payment("order").Status.Declarations; len(got) != 1 || got[0].Value != amounts[0] || got[0].Contested || !declarationKnown(w.payment("order"), got[0].DeclarationRequestID) {
				t.Errorf("declarations = %+v, want the one of %s that the gateway has", got, amounts[0])
			}
		})
	}
}
