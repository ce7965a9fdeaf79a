package controllers

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// A debit that the gateway seems never to have got is sent again under its id, with the token as it is then: other bytes than the first time. The
// first request may still arrive. The id is what the gateway makes one debit of (https://docs.antom.com/ac/ams/idempotency), and it refuses the
// other bytes with REPEAT_REQ_INCONSISTENT: that refusal is about one of the requests, and what became of the debit an inquiry tells.

// lostDebit is a world whose first debit request never arrived. The second one leaves when the world runs on, with another token.
func lostDebit(t *testing.T, replaced func(*world)) (w *world, first wireRequest) {
	t.Helper()
	w = agreedWorld(t)
	w.store.create(debitPayment("order"))
	w.loses("pay")
	w.must(w.reconcilePayment("order"))
	first, w.beforeSend = w.lastRequest, nil
	replaced(w)
	return w, first
}

// arrivesBefore lets a request arrive just before the next one to an operation.
func (w *world) arrivesBefore(operation string, late wireRequest) {
	w.beforeSend = func(r sentRequest) error {
		if r.operation == operation {
			w.beforeSend = nil
			w.deliver(late)
		}
		return nil
	}
}

// secondConsent gives the agreement a token beside its first one, and both can be debited.
func secondConsent(w *world) { w.agrees("ALIPAY_HK") }

func TestDebitThatWasSentTwiceWithTwoTokensIsMadeOnce(t *testing.T) {
	behaviours := []simulator.DebitBehaviour{simulator.DebitPays, simulator.DebitPaysLate, simulator.DebitPoor, simulator.DebitPoorLate, simulator.DebitStuck}
	arrivals := map[string]func(*world, wireRequest){
		"before the second":                   func(w *world, late wireRequest) { w.arrivesBefore("pay", late) },
		"before the inquiry after the second": func(w *world, late wireRequest) { w.afterPay(func() { w.deliver(late) }) },
		"when the answer to the second is lost": func(w *world, late wireRequest) {
			w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "pay"})
			w.arrivesBefore("pay", late)
		},
		"when the second is lost": func(w *world, late wireRequest) {
			w.beforeSend = func(r sentRequest) error {
				if r.operation != "pay" {
					return nil
				}
				w.beforeSend = nil
				w.arrivesBefore("inquiryPayment", late)
				return errConnection
			}
		},
		"when the account is refused once": func(w *world, late wireRequest) {
			w.inject(simulator.Fault{Kind: simulator.UnsignedFail, Path: "pay"})
			w.arrivesBefore("inquiryPayment", late)
		},
		"never": func(*world, wireRequest) {},
	}
	for how, arrives := range arrivals {
		for _, behaviour := range behaviours {
			t.Run(fmt.Sprintf("%s, and the wallet would %s", how, behaviour), func(t *testing.T) {
				w, late := lostDebit(t, secondConsent)
				for _, a := range w.simulator.Ledger().Authorizations {
					if err := w.simulator.SetDebits(a.AuthState, behaviour); err != nil {
						t.Fatal(err)
					}
				}
				arrives(w, late)
				w.run(10 * time.Minute)
				st := w.payment("order").Status
				order, _ := w.simulator.Ledger().Payment(w.requestID())
				want := map[string]apiv1.OperationState{"SUCCESS": apiv1.PaymentPaid, "FAIL": apiv1.StateFailed, "CANCELLED": apiv1.PaymentCancelled}[order.Status]
				if st.State != want || st.Conflict != nil {
					t.Errorf("payment is %s (%s), and the gateway has it as %q", st.State, reason(st.Conditions), order.Status)
				}
				if pays := behaviour == simulator.DebitPays || behaviour == simulator.DebitPaysLate; w.charges() > 1 || pays != (w.charges() == 1) {
					t.Errorf("charges = %d", w.charges())
				}
				if got := w.plan().Status.RejectedTokenSHA256; got != "" {
					t.Error("a token is marked as refused, and none was")
				}
				w.deliver(late) // once more, however late
				if w.charges() > 1 {
					t.Errorf("charges = %d, want one at most", w.charges())
				}
			})
		}
	}
}

// afterPay does something after the next pay was answered.
func (w *world) afterPay(do func()) {
	w.afterSend = func(r sentRequest) error {
		if r.operation == "pay" {
			w.afterSend = nil
			do()
		}
		return nil
	}
}

// The gateway itself holds the first request up, and carries it out long after the second one.
func TestDebitThatTheGatewayCarriesOutLateIsMadeOnce(t *testing.T) {
	for _, delay := range []time.Duration{10 * time.Second, 50 * time.Second, 2 * time.Minute, time.Hour} {
		t.Run(delay.String(), func(t *testing.T) {
			w := agreedWorld(t)
			w.inject(simulator.Fault{Kind: simulator.ActLater, Path: "pay", Delay: delay})
			w.store.create(debitPayment("order"))
			w.must(w.reconcilePayment("order"))
			w.agrees("ALIPAY_HK")
			w.run(2 * time.Hour)
			w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
			if got := w.payment("order").Status; w.charges() != 1 || got.Conflict != nil {
				t.Errorf("charges = %d, status = %+v, want one charge and no conflict", w.charges(), got)
			}
		})
	}
}

// The first request named a token that was renewed since, and arrives just before the second: what the gateway refuses is the old token.
func TestLateRefusalOfTheFormerTokenIsNotHeldAgainstTheNewOne(t *testing.T) {
	w, late := lostDebit(t, (*world).renews)
	w.arrivesBefore("pay", late)
	w.run(5 * time.Minute)
	w.expect(apiv1.StateFailed, alipay.CodeInvalidAccessToken)
	if got := w.plan().Status; got.RejectedTokenSHA256 != "" {
		t.Error("the new token is marked as refused, and nobody has refused it")
	}
	if w.charges() != 0 {
		t.Errorf("charges = %d, want none", w.charges())
	}
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
	w.run(time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if w.charges() != 1 {
		t.Errorf("charges = %d, want 1", w.charges())
	}
}

// What is answered to the second request itself is about the token that it named.
func TestRefusalOfTheSecondRequestIsToldToTheAgreement(t *testing.T) {
	for _, failing := range []bool{false, true} {
		w, _ := lostDebit(t, (*world).renews)
		if err := w.simulator.BuyerCancels(w.planConsent(), ""); err != nil {
			t.Fatal(err)
		}
		w.store.failWrite = func(obj client.Object) writeFault {
			if _, isAgreement := obj.(*apiv1.AutoDebitAgreement); isAgreement && failing {
				failing = false
				return writeLost
			}
			return writeArrives
		}
		w.run(5 * time.Minute)
		w.expect(apiv1.StateFailed, alipay.CodeInvalidAccessToken)
		if got := w.plan().Status; got.RejectedTokenSHA256 != credentialHash(w.token()) {
			t.Errorf("rejected token = %q, want the one that was refused", got.RejectedTokenSHA256)
		}
	}
}

// The gateway refuses the second request because it knows the id, and does not show the order when it is asked. Whether the buyer was debited
// nobody knows then: the debit has not failed, and no other attempt may be made.
func TestDebitWhoseIdTheGatewayKnowsAndDoesNotShowHasNotFailed(t *testing.T) {
	for _, wish := range []apiv1.PaymentDesiredState{apiv1.DesiredPaid, apiv1.DesiredCancelled} {
		t.Run("desired "+string(wish), func(t *testing.T) {
			w, late := lostDebit(t, secondConsent)
			w.arrivesBefore("pay", late)
			w.afterPay(func() {
				w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryPayment", Code: alipay.CodeOrderNotExist, Times: -1})
			})
			for range 20 {
				if w.payment("order").Status.LastResult == nil {
					w.advance(w.must(w.reconcilePayment("order")).RequeueAfter)
				}
			}
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = wish })
			w.run(24 * time.Hour)
			w.expect(apiv1.StateBlocked, apiv1.StateContradictionReason)
			succeeded := meta.FindStatusCondition(w.payment("order").Status.Conditions, apiv1.SucceededCondition)
			if succeeded == nil || succeeded.Status != metav1.ConditionUnknown {
				t.Errorf("Succeeded = %+v, want Unknown", succeeded)
			}
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
			w.run(time.Hour)
			if got := w.sends("pay"); got != 1 || w.charges() != 1 {
				t.Errorf("%d debits left again, and %d were charged, want one and one", got, w.charges())
			}
		})
	}
}
