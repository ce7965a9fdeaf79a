package controllers

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// sessionPayment is offered in a hosted session.
func sessionPayment(change ...func(*apiv1.PaymentSpec)) *apiv1.Payment {
	return newPayment("order", append([]func(*apiv1.PaymentSpec){func(spec *apiv1.PaymentSpec) {
		spec.Cashier = nil
		spec.Session = &apiv1.Session{ProductScene: apiv1.HostedPageScene}
	}}, change...)...)
}

func renewals(n int32) func(*apiv1.PaymentSpec) {
	return func(spec *apiv1.PaymentSpec) { spec.Session.Renewals = n }
}

func lifetime(seconds int32) func(*apiv1.PaymentSpec) {
	return func(spec *apiv1.PaymentSpec) { spec.Session.LifetimeSeconds = seconds }
}

// embedded is the element of one method.
func embedded(method string) func(*apiv1.PaymentSpec) {
	return func(spec *apiv1.PaymentSpec) {
		spec.Session = &apiv1.Session{ProductScene: apiv1.ElementScene, PaymentMethodType: method}
	}
}

func cancelled(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled }

// offered creates a payment and brings it to the point where the shop has a session.
func offered(t *testing.T, change ...func(*apiv1.PaymentSpec)) *world {
	t.Helper()
	w := newWorld(t)
	t.Cleanup(w.close)
	w.store.create(sessionPayment(change...))
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	if w.payment("order").Status.Session.ExpiryTime == nil {
		t.Fatalf("session = %+v, want one that is there", w.payment("order").Status.Session)
	}
	return w
}

func (w *world) expect(state apiv1.OperationState, why string) {
	w.t.Helper()
	if got := w.payment("order").Status; got.State != state || reason(got.Conditions) != why {
		w.t.Fatalf("payment is %s (%s), want %s (%s); session %+v, last result %+v", got.State, reason(got.Conditions), state, why, got.Session, got.LastResult)
	}
}

// run looks at the payment whenever it asks for that, for a time. Errors are tried again, as the work queue does.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		result, err := w.reconcilePayment("order")
		left := end.Sub(w.clock.Now())
		switch {
		case err != nil:
			w.advance(min(time.Second, left))
		case result.RequeueAfter == 0:
			w.advance(left)
		default:
			w.advance(min(result.RequeueAfter, left))
		}
	}
	w.must(w.reconcilePayment("order"))
}

func (w *world) buyerPays(with string) {
	w.t.Helper()
	if err := w.simulator.BuyerPays(with); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) requestID() string { return w.payment("order").Status.PaymentRequestID }

// sessionID is the gateway's id of the session that the shop has.
func (w *world) sessionID() string { return string(w.sessionSecret().Data[apiv1.SessionIDSecretKey]) }

// sessionSecret is the Secret of the session; nil when there is none.
func (w *world) sessionSecret() *corev1.Secret {
	secret, _ := w.store.latest(storeKey{kind: "Secret", name: requestFor("order-session").NamespacedName}).(*corev1.Secret)
	return secret
}

func (w *world) charges() int { return w.simulator.Ledger().ChargesOfOrder("order") }

func TestSessionIsOfferedAndPaidOnce(t *testing.T) {
	w := offered(t, embedded("ALIPAY_HK"))
	w.buyerPays(w.requestID())
	w.run(time.Hour)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if got := w.sends("createPaymentSession"); got != 1 || w.charges() != 1 {
		t.Errorf("sessions = %d, charges = %d, want 1 and 1", got, w.charges())
	}
	if got, want := w.store.writes, 4; got > want { // intent, offered, open, paid
		t.Errorf("status writes = %d, want at most %d", got, want)
	}
	if got := w.payment("order").Status; got.PaymentMethodType != "ALIPAY_HK" || !got.Session.Submitted || got.Amounts.Refundable != "10000" {
		t.Errorf("status = %+v, want the method, and all of it refundable", got)
	}
}

func TestHostedPageIsInTheStatusAndTheSessionInItsSecretAlone(t *testing.T) {
	w := offered(t)
	got, secret := w.payment("order").Status, w.sessionSecret()
	if got.Checkout == nil || got.Checkout.NormalURL == "" || got.Session.SecretName != "order-session" {
		t.Errorf("status = %+v, want the page and the name of the Secret", got)
	}
	if secret == nil || len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != w.payment("order").UID || secret.Type != corev1.SecretTypeOpaque {
		t.Fatalf("Secret = %+v, want one that the payment owns", secret)
	}
	data := string(secret.Data[apiv1.SessionDataSecretKey])
	if data == "" || string(secret.Data[apiv1.SessionURLSecretKey]) != got.Checkout.NormalURL || len(secret.Data[apiv1.SessionIDSecretKey]) == 0 {
		t.Errorf("Secret has the keys %v, want the session in it", secret.Data)
	}
	if wireBody(t, w.payment("order")) == "" || repeats(wireBody(t, w.payment("order")), data) {
		t.Error("the payment repeats the session's data")
	}
}

func TestSessionsOwnMoney(t *testing.T) {
	t.Run("a card chosen on the page is authorised, and paid once it is captured", func(t *testing.T) {
		w := offered(t, func(spec *apiv1.PaymentSpec) { spec.CaptureMode = apiv1.ManualCapture })
		w.buyerPays(w.requestID()) // by card, as nobody chooses
		w.run(time.Minute)
		w.expect(apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason)
		if got := w.payment("order").Status.PaymentMethodType; got != cardMethod {
			t.Errorf("method = %q, want the card that the buyer chose", got)
		}
	})
	t.Run("an automatic capture pays it", func(t *testing.T) {
		w := offered(t)
		w.buyerPays(w.requestID())
		w.run(time.Hour)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
		if w.payment("order").Status.Amounts.Captured != "10000" {
			t.Errorf("amounts = %+v, want what was captured", w.payment("order").Status.Amounts)
		}
	})
	t.Run("a declined payment is failed, and may be tried again", func(t *testing.T) {
		w := offered(t, embedded("ALIPAY_HK"), renewals(3))
		if err := w.simulator.BuyerDeclines(w.requestID()); err != nil {
			t.Fatal(err)
		}
		w.run(2 * time.Hour)
		w.expect(apiv1.StateFailed, "USER_BALANCE_NOT_ENOUGH")
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 })
		w.must(w.reconcilePayment("order"))
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
		w.buyerPays(w.requestID())
		w.run(time.Minute)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	})
}

func TestOpenSessionIsAskedAboutSeldom(t *testing.T) {
	w := offered(t)
	w.run(59 * time.Minute)
	w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	if got := w.sends("inquiryPayment"); got > 90 {
		t.Errorf("inquiries = %d in an hour, want at most 90", got)
	}
	if w.payment("order").Status.EmptyAnswers != nil {
		t.Error("answers of a time in which nobody need have submitted count as proof")
	}
	if w.store.writes > 2 {
		t.Errorf("status writes = %d, want 2", w.store.writes)
	}
}

func TestSessionThatNobodyUses(t *testing.T) {
	t.Run("ends as expired, and its attempt may be raised", func(t *testing.T) {
		w := offered(t)
		w.run(time.Hour + 30*time.Second)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
		w.run(3 * time.Minute)
		w.expect(apiv1.StateFailed, apiv1.SessionExpiredReason)
		if got := w.payment("order").Status.EndedAttempts; got != 1 {
			t.Errorf("ended attempts = %d, want 1", got)
		}
	})
	t.Run("is made anew under the same id as often as it may be", func(t *testing.T) {
		w := offered(t, renewals(1))
		first := w.sessionID()
		w.run(time.Hour + 4*time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
		if got := w.payment("order").Status.Session.Renewals; got != 1 || w.sessionID() == first {
			t.Errorf("renewals = %d, want 1 and another session in the Secret", got)
		}
		w.buyerPays(w.sessionID())
		w.run(time.Hour)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
		if w.charges() != 1 || w.sends("createPaymentSession") != 2 || w.sent[0].text("paymentRequestId") != w.requestID() {
			t.Errorf("charges = %d, sessions = %d, want 1 and 2", w.charges(), w.sends("createPaymentSession"))
		}
	})
	t.Run("expires for good when its renewals are used up", func(t *testing.T) {
		w := offered(t, renewals(2), lifetime(60))
		w.run(20 * time.Minute)
		w.expect(apiv1.StateFailed, apiv1.SessionExpiredReason)
		if got := w.sends("createPaymentSession"); got != 3 {
			t.Errorf("sessions = %d, want 3", got)
		}
	})
	t.Run("fails as expired when the gateway refuses to make it anew, once a session that another may have has ended too", func(t *testing.T) {
		w := offered(t, renewals(5))
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "createPaymentSession", Code: alipay.CodeRepeatReqInconsistent})
		w.run(time.Hour + 4*time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.SessionNotRepeatedReason)
		if got := w.payment("order").Status; got.Checkout != nil || got.Session.SecretName != "" {
			t.Errorf("checkout = %+v, session = %+v, want no buyer sent anywhere", got.Checkout, got.Session)
		}
		w.run(time.Hour + 4*time.Minute)
		w.expect(apiv1.StateFailed, apiv1.SessionExpiredReason)
		if got := w.payment("order").Status.Session.Renewals; got != 1 {
			t.Errorf("renewals = %d, want the one that was refused", got)
		}
	})
	t.Run("is not made anew while it is suspended", func(t *testing.T) {
		w := offered(t, renewals(1))
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Suspend = true })
		w.run(2 * time.Hour)
		w.expect(apiv1.StateProcessing, apiv1.SuspendedReason)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Suspend = false })
		w.run(10 * time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
		if got := w.sends("createPaymentSession"); got != 2 {
			t.Errorf("sessions = %d, want 2", got)
		}
	})
}

func TestSessionUsedInItsLastSecondIsPaid(t *testing.T) {
	w := offered(t, renewals(1))
	w.run(time.Hour - time.Second)
	w.buyerPays(w.requestID())
	w.run(10 * time.Minute)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if w.charges() != 1 || w.sends("createPaymentSession") != 1 {
		t.Errorf("charges = %d, sessions = %d, want 1 and 1", w.charges(), w.sends("createPaymentSession"))
	}
}

func TestBuyerOfAnExpiredSessionIsTooLate(t *testing.T) {
	w := offered(t)
	w.run(time.Hour)
	if err := w.simulator.BuyerPays(w.requestID()); err == nil {
		t.Fatal("an expired session was paid")
	}
	w.run(5 * time.Minute)
	w.expect(apiv1.StateFailed, apiv1.SessionExpiredReason)
}
