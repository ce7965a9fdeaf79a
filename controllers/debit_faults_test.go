package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// Each fault strikes the first debit, and each write of the status may fail too, with a restart after it.
func TestDebitIsMadeOnceWhateverFails(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature,
		simulator.UnsignedFail, simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	for _, fault := range faults {
		for failing := range 4 { // the n-th write fails; 0 means none
			for _, how := range []writeFault{writeLost, writeUnheardOf} {
				for _, renewed := range []bool{false, true} {
					t.Run(fmt.Sprintf("fault %q, write %d is %s, token renewed %t", fault, failing, how, renewed), func(t *testing.T) {
						w := agreedWorld(t)
						if fault != "" {
							w.inject(simulator.Fault{Kind: fault, Path: "pay"})
						}
						w.store.create(debitPayment("order"))
						w.failWriteNumber(failing, how)
						_, _ = w.reconcilePayment("order")
						if renewed {
							w.store.failWrite = nil
							w.renews()
						}
						for range 10 {
							w.restart()
							_, _ = w.reconcilePayment("order")
							w.advance(16 * time.Second)
						}
						w.run(10 * time.Minute)
						w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
						if w.charges() != 1 {
							t.Errorf("charges = %d, want 1", w.charges())
						}
						for _, sent := range w.sent {
							if id := sent.text("paymentRequestId"); sent.operation == "pay" && id != w.requestID() {
								t.Errorf("a debit left under the id %s", id)
							}
						}
					})
				}
			}
		}
	}
}

func TestDebitThatTheGatewayNeverGotIsSentAgainWithTheTokenAsItIsThen(t *testing.T) {
	w := agreedWorld(t)
	w.store.create(debitPayment("order"))
	w.loses("pay")
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.StateUnknown, apiv1.OutcomeUnknownReason)
	before := w.payment("order").Status
	w.beforeSend = nil
	w.renews()
	w.run(2 * time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	after := w.payment("order").Status
	if after.PaymentRequestID != before.PaymentRequestID || after.Intent.RequestSHA256 == before.Intent.RequestSHA256 || after.Debit.AccessTokenSHA256 != credentialHash(w.token()) {
		t.Errorf("intent before = %+v, after = %+v; want the same id, and the new token on record", before.Intent, after.Intent)
	}
	if got := w.simulator.Ledger().Authorizations[0].Tokens[0].DeadDebits; got != 0 || w.sends("pay") != 1 || w.charges() != 1 {
		t.Errorf("dead debits = %d, debits = %d, charges = %d; want none, one and one", got, w.sends("pay"), w.charges())
	}
}

// The first request was on its way when the second one left, with another token.
func TestDebitThatArrivesLateIsMadeOnceAlthoughItWasSentAgainWithAnotherToken(t *testing.T) {
	w := agreedWorld(t)
	w.store.create(debitPayment("order"))
	w.loses("pay")
	w.must(w.reconcilePayment("order"))
	late := w.lastRequest
	w.beforeSend = func(r sentRequest) error {
		if r.operation == "pay" { // the first one arrives just before the second
			w.beforeSend = nil
			w.deliver(late)
		}
		return nil
	}
	first := w.payment("order").Status.Intent.RequestSHA256
	w.agrees("ALIPAY_HK") // once more: both tokens can be debited
	w.run(3 * time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if got := w.payment("order").Status; got.Intent.RequestSHA256 == first || got.Conflict != nil || w.charges() != 1 {
		t.Errorf("status = %+v, charges = %d, want another request on record, no conflict and one charge", got, w.charges())
	}
}

func TestDebitThatTheWalletNeverDecides(t *testing.T) {
	t.Run("is cancelled after its minute, so that both sides agree", func(t *testing.T) {
		w := agreedWorld(t)
		w.pending()
		w.run(80 * time.Second)
		w.expect(apiv1.PaymentConfirming, apiv1.AwaitingChannelReason)
		if w.sends("cancel") != 0 {
			t.Error("it was cancelled before its time")
		}
		w.run(time.Minute)
		w.expectCancelled()
	})
	t.Run("is cancelled however often the cancellation is lost", func(t *testing.T) {
		w := agreedWorld(t)
		w.pending()
		w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "cancel", Times: 2})
		w.run(10 * time.Minute)
		w.expectCancelled()
	})
	t.Run("is failed when the gateway says so in time", func(t *testing.T) {
		w := agreedWorld(t)
		w.debits(simulator.DebitStuck)
		w.store.create(debitPayment("order"))
		w.run(5 * time.Minute)
		w.expect(apiv1.StateFailed, "ORDER_IS_CLOSED")
		if w.sends("cancel") != 0 || w.charges() != 0 {
			t.Errorf("cancellations = %d, charges = %d, want none", w.sends("cancel"), w.charges())
		}
	})
	t.Run("is asked about for good where it can not be cancelled", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.agrees("DANA")
		w.pending(func(spec *apiv1.PaymentSpec) { spec.Amount = apiv1.Amount{Currency: "IDR", Value: "1000000"} })
		w.run(95 * time.Second)
		w.expect(apiv1.PaymentConfirming, apiv1.CancelNotSupportedReason)
		w.run(24 * time.Hour)
		if err := w.simulator.BuyerDeclines(w.requestID()); err != nil {
			t.Fatal(err)
		}
		w.run(2 * time.Hour)
		w.expect(apiv1.StateFailed, "USER_BALANCE_NOT_ENOUGH")
		if w.sends("cancel") != 0 {
			t.Errorf("cancellations = %d, want none", w.sends("cancel"))
		}
	})
}

// pending makes a debit that the wallet has taken up and does not decide.
func (w *world) pending(change ...func(*apiv1.PaymentSpec)) {
	w.t.Helper()
	w.debits(simulator.DebitStuck)
	w.store.create(debitPayment("order", change...))
	w.must(w.reconcilePayment("order"))
	if err := w.simulator.BuyerPends(w.requestID()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) expectCancelled() {
	w.t.Helper()
	w.expect(apiv1.PaymentCancelled, apiv1.CancelledReason)
	order, _ := w.simulator.Ledger().Payment(w.requestID())
	if got := w.message(); !strings.Contains(got, "raise spec.attempt") || order.Status != alipay.StatusCancelled {
		w.t.Errorf("message = %q, and the gateway has it as %s, want what to do, and CANCELLED", got, order.Status)
	}
}

// The wallet pays just as the debit is cancelled: what was sent is carried through, and the buyer has the money back.
func TestDebitPaidWhileItIsCancelledIsCancelled(t *testing.T) {
	w := agreedWorld(t)
	w.pending()
	w.loses("cancel")
	w.run(2 * time.Minute)
	if got := w.payment("order").Status; got.State.Final() || got.CancelSubmittedAt == nil {
		t.Fatalf("status = %+v, want a cancellation under way", got)
	}
	w.buyerPays(w.requestID())
	w.run(2 * time.Minute)
	if got := w.payment("order").Status; got.State != apiv1.PaymentPaid || reason(got.Conditions) != apiv1.CancellingReason {
		t.Errorf("payment is %s (%s), want one that does not count as paid for good", got.State, reason(got.Conditions))
	}
	w.beforeSend = nil
	w.run(10 * time.Minute)
	w.expectCancelled()
}

// expectAdopted wants a debit that was made before, and no word of the agreement's token of today, which did not make it.
func expectAdopted(t *testing.T, w *world) {
	t.Helper()
	if got := w.payment("order").Status; !got.Adopted || got.Debit != nil {
		t.Errorf("adopted = %t, debit = %+v; want it adopted, and no token named", got.Adopted, got.Debit)
	}
}

func TestDebitAppliedAgain(t *testing.T) {
	again := func(t *testing.T, change func(*world)) *world {
		w := agreedWorld(t)
		w.store.create(debitPayment("order"))
		w.must(w.reconcilePayment("order"))
		w.store.remove(w.payment("order"))
		w.must(w.reconcilePayment("order"))
		w.advance(time.Hour)
		change(w)
		w.store.create(debitPayment("order"))
		w.run(10 * time.Minute)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
		if got := w.payment("order").Status; w.charges() != 1 || got.PaymentMethodType != "ALIPAY_HK" || got.Conflict != nil {
			t.Errorf("charges = %d, status = %+v, want one charge of the known wallet", w.charges(), got)
		}
		return w
	}
	t.Run("is the same charge", func(t *testing.T) { again(t, func(*world) {}) })
	t.Run("is the same charge with a renewed token", func(t *testing.T) {
		expectAdopted(t, again(t, (*world).renews))
	})
	t.Run("is found although its agreement has ended", func(t *testing.T) {
		w := again(t, func(w *world) {
			w.editPlan(func(st *apiv1.AutoDebitAgreementStatus) { st.State = apiv1.AgreementRevoked })
		})
		expectAdopted(t, w)
	})
	t.Run("is a conflict with another amount", func(t *testing.T) {
		w := agreedWorld(t)
		w.store.create(debitPayment("order"))
		w.must(w.reconcilePayment("order"))
		w.store.remove(w.payment("order"))
		w.store.create(debitPayment("order", func(spec *apiv1.PaymentSpec) { spec.Amount.Value = "20000" }))
		w.run(time.Minute)
		w.expect(apiv1.StateBlocked, apiv1.RequestIDConflictReason)
		if w.charges() != 1 {
			t.Errorf("charges = %d, want 1", w.charges())
		}
	})
}

func TestDebitIsSettledByItsNotification(t *testing.T) {
	w := agreedWorld(t, notified)
	w.debits(simulator.DebitPaysLate)
	w.store.create(debitPayment("order"))
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.StateProcessing, apiv1.AwaitingChannelReason)
	w.advance(15 * time.Second)
	for _, told := range w.announced() {
		if told.subject().PaymentRequestID == w.requestID() {
			w.receive(told)
		}
	}
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if w.charges() != 1 {
		t.Errorf("charges = %d, want 1", w.charges())
	}
}

func TestDebitTokenLeavesItsSecretOnlyInTheRequest(t *testing.T) {
	w := agreedWorld(t)
	events := &loudRecorder{}
	w.payments.Events = events
	var logged strings.Builder
	logger := funcr.New(func(prefix, args string) { logged.WriteString(prefix + args + "\n") }, funcr.Options{Verbosity: 10})
	token := w.token()
	var told strings.Builder
	reconcile := func(name string) {
		if _, err := w.payments.Reconcile(log.IntoContext(context.Background(), logger), requestFor(name)); err != nil {
			told.WriteString(err.Error())
		}
	}
	w.store.create(debitPayment("paid"))
	reconcile("paid")
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "pay"})
	w.store.create(debitPayment("lost"))
	reconcile("lost")
	if err := w.simulator.BuyerCancels(w.planConsent(), ""); err != nil {
		t.Fatal(err)
	}
	w.store.create(debitPayment("refused"))
	reconcile("refused")
	carried := 0
	for _, sent := range w.sent {
		if strings.Contains(string(sent.body), token) {
			carried++
			if sent.operation != "pay" {
				t.Errorf("%s carries the token", sent.operation)
			}
		}
	}
	if carried != 3 || logged.Len() == 0 || len(events.said) == 0 {
		t.Fatalf("the token was carried %d times, with %d bytes of log and %d events, want all that could leak it", carried, logged.Len(), len(events.said))
	}
	for _, entry := range w.store.objects {
		for _, version := range entry.versions {
			if payment, isPayment := version.(*apiv1.Payment); isPayment {
				text, err := json.Marshal(payment)
				if err != nil {
					t.Fatal(err)
				}
				told.Write(text)
			}
		}
	}
	for place, text := range map[string]string{"an object or an error": told.String(), "the log": logged.String(), "an event": strings.Join(events.said, "\n")} {
		if strings.Contains(text, token) {
			t.Errorf("%s holds the token", place)
		}
	}
}
