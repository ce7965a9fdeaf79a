package controllers

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// Each fault strikes the first request for a session, and each write of the status or the Secret may fail too, with a restart after it.
func TestSessionIsOfferedWhateverFailsAndChargedOnce(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature,
		simulator.UnsignedFail, simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	for _, fault := range faults {
		for failing := range 5 { // the n-th write fails; 0 means none
			for _, how := range []writeFault{writeLost, writeUnheardOf} {
				t.Run(fmt.Sprintf("fault %q, write %d is %s", fault, failing, how), func(t *testing.T) {
					w := newWorld(t)
					defer w.close()
					if fault != "" {
						w.inject(simulator.Fault{Kind: fault, Path: "createPaymentSession"})
					}
					w.failWriteNumber(failing, how)
					w.store.create(sessionPayment(embedded("ALIPAY_HK")))
					for range 10 {
						w.restart()
						_, _ = w.reconcilePayment("order")
						w.advance(16 * time.Second)
					}
					w.run(time.Minute)
					w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
					w.buyerPays(w.sessionID())
					w.run(time.Hour)
					w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
					if w.charges() != 1 {
						t.Errorf("charges = %d, want 1", w.charges())
					}
					w.expectOneIntentPerBody()
				})
			}
		}
	}
}

// expectOneIntentPerBody fails unless every request for a session names the one id, amount and end.
func (w *world) expectOneIntentPerBody() {
	w.t.Helper()
	var first []byte
	for _, sent := range w.sent {
		if sent.operation != "createPaymentSession" {
			continue
		}
		if first == nil {
			first = sent.body
		}
		if !bytes.Equal(first, sent.body) {
			w.t.Errorf("a session was asked for with\n%s\nand with\n%s", first, sent.body)
		}
	}
}

func TestSessionWhoseAnswerWasLostIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(sessionPayment(lifetime(600)))
	w.loses("createPaymentSession")
	w.run(4 * time.Minute)
	w.expect(apiv1.StateSubmitting, apiv1.GatewayUnreachableReason)
	if got := w.sends("createPaymentSession"); got < 3 || got > 12 {
		t.Errorf("requests = %d in four minutes, want ever fewer", got)
	}
	w.expectOneIntentPerBody()

	t.Run("with a new end once too little of its life is left", func(t *testing.T) {
		w.run(20 * time.Minute)
		w.beforeSend = nil
		for range 80 {
			if w.run(5 * time.Second); w.payment("order").Status.Session.ExpiryTime != nil {
				break
			}
		}
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
		got := w.payment("order").Status.Session
		if left := got.ExpiryTime.Sub(w.clock.Now()); left < 5*time.Minute-10*time.Second || got.Renewals != 0 {
			t.Errorf("session = %+v, which lives for %s, want at least half of a life, and that it is no renewal", got, left)
		}
		w.buyerPays(w.sessionID())
		w.run(time.Hour)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	})
}

func TestKeptSessionIsFoundAgainAndNotAskedForTwice(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(sessionPayment())
	w.failWriteNumber(3, writeLost) // intent, Secret, and the status that says so
	if _, err := w.reconcilePayment("order"); err == nil {
		t.Fatal("the write did not fail")
	}
	w.restart()
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	if got := w.payment("order").Status; got.Checkout == nil || !got.Session.ExpiryTime.Time.Equal(worldStart.Add(time.Hour)) || w.sends("createPaymentSession") != 1 {
		t.Errorf("status = %+v after %d requests, want the session that was kept", got, w.sends("createPaymentSession"))
	}
}

func TestGatewayThatDoesNotRepeatASession(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.store.create(sessionPayment())
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "createPaymentSession"})
	w.switches(simulator.Switches{SessionRepeat: simulator.SessionRefused})
	w.run(30 * time.Minute)
	w.expect(apiv1.StateProcessing, apiv1.SessionNotRepeatedReason)
	if w.sessionSecret() != nil || w.payment("order").Status.Conflict != nil {
		t.Error("a session is in the Secret, or a conflict is on record")
	}
	w.run(40 * time.Minute)
	w.expect(apiv1.StateFailed, apiv1.SessionExpiredReason)
	if got := w.sends("createPaymentSession"); got != 2 {
		t.Errorf("sessions = %d, want the first and one repeat", got)
	}
}

func TestGatewayThatMakesANewSessionEachTime(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.switches(simulator.Switches{SessionRepeat: simulator.SessionNew})
	w.store.create(sessionPayment(embedded("ALIPAY_HK")))
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "createPaymentSession"})
	w.run(time.Minute)
	w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	w.expectOneIntentPerBody()
	w.buyerPays(w.sessionID())
	w.run(time.Hour)
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
	if w.charges() != 1 || w.sends("createPaymentSession") != 2 {
		t.Errorf("charges = %d, sessions = %d, want 1 and 2", w.charges(), w.sends("createPaymentSession"))
	}
}

func TestGatewayThatSaysInProcessOfAnUnusedSession(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.switches(simulator.Switches{SessionInquiry: simulator.SessionInProcess})
	w.store.create(sessionPayment())
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "createPaymentSession"})
	w.run(30 * time.Minute)
	w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	if got := w.sends("inquiryPayment"); got > 80 {
		t.Errorf("inquiries = %d in half an hour, want at most 80", got)
	}
	w.run(40 * time.Minute)
	w.expect(apiv1.StateFailed, apiv1.SessionExpiredReason)

	t.Run("offers none of an object made anew before that has ended", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.switches(simulator.Switches{SessionInquiry: simulator.SessionInProcess})
		w.store.create(sessionPayment())
		w.must(w.reconcilePayment("order"))
		w.store.remove(w.payment("order"))
		w.store.remove(w.sessionSecret())
		w.store.create(sessionPayment(func(spec *apiv1.PaymentSpec) { spec.Session.Locale = "en_US" }))
		w.run(30 * time.Minute)
		w.expect(apiv1.StatePending, apiv1.SessionNotRepeatedReason)
		w.run(40 * time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	})
}

// switches chooses readings of the gateway's documents.
func (w *world) switches(s simulator.Switches) {
	w.t.Helper()
	if err := w.simulator.SetSwitches(s); err != nil {
		w.t.Fatal(err)
	}
}

func TestRefusedSession(t *testing.T) {
	for _, code := range []string{"PARAM_ILLEGAL", "NO_PAY_OPTIONS", "CARD_NOT_SUPPORTED", "PROCESS_FAIL"} {
		t.Run(code+" ends the attempt at once", func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "createPaymentSession", Code: code})
			w.store.create(sessionPayment())
			w.run(time.Minute)
			w.expect(apiv1.StateFailed, code)
			if w.sends("createPaymentSession") != 1 {
				t.Errorf("sessions = %d, want 1", w.sends("createPaymentSession"))
			}
		})
	}
	t.Run("UNKNOWN_EXCEPTION, which the page prints as a failure, settles nothing", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.inject(simulator.Fault{Kind: simulator.UnknownException, Path: "createPaymentSession"})
		w.store.create(sessionPayment())
		w.must(w.reconcilePayment("order"))
		w.expect(apiv1.StateSubmitting, apiv1.GatewayUnreachableReason)
		w.run(time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	})
}

func TestSessionIsNotAskedForBeforeItCanBeKept(t *testing.T) {
	t.Run("while a Secret of its name is somebody else's", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.create(newSecret("order-session", map[string]string{"theirs": "kept"}))
		w.store.create(sessionPayment())
		w.run(10 * time.Minute)
		w.expect(apiv1.StateBlocked, apiv1.SecretConflictReason)
		if len(w.sent) != 0 || string(w.sessionSecret().Data["theirs"]) != "kept" {
			t.Errorf("%d requests were sent, and the Secret holds %v", len(w.sent), w.sessionSecret().Data)
		}
		w.store.remove(w.sessionSecret())
		w.run(10 * time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	})
	t.Run("while the Secret is that of a former payment of its name", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		controller, former := true, newSecret("order-session", nil)
		former.OwnerReferences = []metav1.OwnerReference{{Kind: paymentKind, Name: "order", UID: "former", Controller: &controller}}
		w.store.create(former)
		w.store.create(sessionPayment())
		w.must(w.reconcilePayment("order"))
		w.expect(apiv1.StatePending, apiv1.SecretConflictReason)
	})
	t.Run("while no Role lets the operator write it", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.forbidsSecrets = true
		w.store.create(sessionPayment())
		w.run(10 * time.Minute)
		w.expect(apiv1.StatePending, apiv1.SecretForbiddenReason)
		if len(w.sent) != 0 {
			t.Errorf("%d requests were sent", len(w.sent))
		}
	})
	t.Run("and is not lost for good if it could not", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		broken := true
		w.store.failWrite = func(obj client.Object) writeFault {
			if _, isSecret := obj.(*corev1.Secret); isSecret && broken {
				return writeLost
			}
			return writeArrives
		}
		w.store.create(sessionPayment())
		w.run(time.Minute)
		w.expect(apiv1.StateSubmitting, apiv1.SessionNotStoredReason)
		broken = false
		w.run(time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	})
}

func TestSessionOfAPaymentMadeAnew(t *testing.T) {
	anew := func(w *world) {
		w.store.remove(w.payment("order"))
		if w.sessionSecret() != nil {
			w.store.remove(w.sessionSecret())
		}
		w.restart()
	}
	t.Run("is not offered when the former one was paid", func(t *testing.T) {
		w := offered(t, embedded("ALIPAY_HK"))
		w.buyerPays(w.requestID())
		w.advance(time.Minute)
		anew(w)
		w.store.create(sessionPayment(embedded("ALIPAY_HK")))
		w.run(time.Minute)
		w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
		if !w.payment("order").Status.Adopted || w.sends("createPaymentSession") != 1 || w.charges() != 1 {
			t.Errorf("adopted %t, %d sessions, %d charges; want it adopted without another", w.payment("order").Status.Adopted, w.sends("createPaymentSession"), w.charges())
		}
	})
	t.Run("is the former one while nobody has used that", func(t *testing.T) {
		w := offered(t)
		first := w.sessionID()
		anew(w)
		w.store.create(sessionPayment())
		w.run(time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
		if w.sessionID() != first {
			t.Error("there are two sessions")
		}
	})
	raised := func(spec *apiv1.PaymentSpec) { spec.Attempt = 2 }
	t.Run("with a raised attempt waits while the former session can be used", func(t *testing.T) {
		w := offered(t)
		page := w.payment("order").Status.Checkout.NormalURL
		anew(w)
		w.store.create(sessionPayment(raised))
		w.run(30 * time.Minute)
		w.expect(apiv1.StatePending, apiv1.SubmittingReason)
		if got := w.sends("inquiryPayment"); got > 120 {
			t.Errorf("%d inquiries in half an hour, want fewer", got)
		}
		w.paysOnPage(page, "ALIPAY_HK")
		w.advance(5 * time.Minute)
		w.must(w.reconcilePayment("order"))
		w.expect(apiv1.StateBlocked, apiv1.FormerAttemptOpenReason)
		w.run(time.Hour)
		if w.sends("createPaymentSession") != 1 || w.charges() != 1 {
			t.Errorf("%d sessions and %d charges, want one of each", w.sends("createPaymentSession"), w.charges())
		}
	})
	t.Run("with a raised attempt is offered once the former session has expired unused", func(t *testing.T) {
		w := offered(t)
		anew(w)
		w.store.create(sessionPayment(raised))
		w.run(time.Hour + 5*time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	})
	t.Run("is not offered when the gateway has announced an order", func(t *testing.T) {
		w := offered(t, embedded("ALIPAY_HK"))
		w.buyerPays(w.requestID())
		anew(w)
		w.store.create(sessionPayment(embedded("ALIPAY_HK")))
		w.put(w.payment("order"), signed(w.result(w.payment("order"), w.sent[0].text("paymentRequestId"), "S"), w.simulator.Now()))
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryPayment", Code: alipay.CodeOrderNotExist})
		w.must(w.reconcilePayment("order"))
		w.expect(apiv1.StatePending, apiv1.OutcomeUnknownReason)
		if w.sends("createPaymentSession") != 1 {
			t.Error("another session was asked for")
		}
	})
}

func TestCancellingASession(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *world, page string)
		after  time.Duration
		state  apiv1.OperationState
		reason string
	}{
		{"waits while the buyer may submit", func(*world, string) {}, 59 * time.Minute, apiv1.StateProcessing, apiv1.CancellingReason},
		{"is done once the session has expired unused", func(*world, string) {}, time.Hour + 4*time.Minute, apiv1.PaymentCancelled, apiv1.NeverPlacedReason},
		{"cancels what the buyer submits", func(w *world, _ string) {
			w.leaves()
		}, 5 * time.Minute, apiv1.PaymentCancelled, apiv1.CancelledReason},
		{"gives back what the buyer has paid", func(w *world, page string) {
			w.paysOnPage(page, "ALIPAY_HK")
		}, 5 * time.Minute, apiv1.PaymentCancelled, apiv1.CancelledReason},
		{"is held back while it is suspended", func(w *world, _ string) {
			w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.Suspend = true })
			w.leaves()
		}, 5 * time.Minute, apiv1.StateProcessing, apiv1.SuspendedReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := offered(t, renewals(3))
			page := w.payment("order").Status.Checkout.NormalURL
			w.editPayment("order", cancelled)
			w.must(w.reconcilePayment("order"))
			if w.payment("order").Status.Checkout != nil {
				t.Error("buyers are still sent to the page")
			}
			tt.change(w, page)
			w.run(tt.after)
			w.expect(tt.state, tt.reason)
			if w.sends("createPaymentSession") != 1 {
				t.Errorf("sessions = %d, want 1", w.sends("createPaymentSession"))
			}
		})
	}
	t.Run("before it was ever asked for waits for one of a former object", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.create(sessionPayment(cancelled, lifetime(600)))
		w.run(10 * time.Minute)
		w.expect(apiv1.StatePending, apiv1.CancellingReason)
		w.run(4 * time.Minute)
		w.expect(apiv1.PaymentCancelled, apiv1.NeverPlacedReason)
		if w.sends("createPaymentSession") != 0 {
			t.Error("a session was asked for")
		}
	})
	t.Run("by deletion holds the object until the session has ended", func(t *testing.T) {
		w := offered(t, func(spec *apiv1.PaymentSpec) { spec.DeletionPolicy = apiv1.CancelPayment })
		w.store.remove(w.payment("order"))
		w.run(30 * time.Minute)
		w.expect(apiv1.StateProcessing, apiv1.CancellingReason)
		w.run(40 * time.Minute)
		if w.payment("order") != nil {
			t.Errorf("payment = %+v, want it gone", w.payment("order").Status)
		}
	})
}

// leaves has the buyer submit and not pay.
func (w *world) leaves() {
	w.t.Helper()
	if err := w.simulator.BuyerLeaves(w.requestID()); err != nil {
		w.t.Fatal(err)
	}
}

// paysOnPage has the buyer choose a method on the hosted page, and pay.
func (w *world) paysOnPage(page, method string) {
	w.t.Helper()
	form := url.Values{"action": {"pay"}, "method": {method}}
	request := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	w.simulator.Handler().ServeHTTP(recorder, request)
	if recorder.Code != http.StatusSeeOther {
		w.t.Fatalf("the page answers %d: %s", recorder.Code, recorder.Body)
	}
}
