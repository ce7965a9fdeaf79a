package controllers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// cardNow is when the gateway answers; the authorisation lasts for an hour more, unless a test says otherwise.
var cardNow = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

// askedAbout is a card payment of 42.00 SGD in a state, with captures.
func askedAbout(state apiv1.OperationState, captures ...apiv1.PaymentCapture) *apiv1.Payment {
	payment := cardPayment("order", apiv1.ManualCapture)
	payment.Status = apiv1.PaymentStatus{
		OperationStatus: apiv1.OperationStatus{State: state, Intent: &apiv1.Intent{Attempt: 1, SubmittedAt: metav1.Time{Time: cardNow.AddDate(0, 0, -6)}}},
		PaymentID:       "1", Captures: captures,
	}
	if state == apiv1.PaymentAuthorized || state == apiv1.PaymentPaid {
		payment.Status.AuthorizationExpiryTime = ptr.To(metav1.NewTime(cardNow.Add(time.Hour)))
		payment.Status.Amounts = &apiv1.PaymentAmounts{Authorized: "4200", Captured: "0"}
	}
	if state == apiv1.PaymentPaid {
		payment.Status.Amounts.Captured, payment.Status.Amounts.Paid = "4200", "4200"
	}
	return payment
}

func captureOf(id, value, status string) apiv1.PaymentCapture {
	return apiv1.PaymentCapture{CaptureID: id, Value: value, Status: status}
}

// cardAnswer is what the gateway says of the payment, with transactions in JSON.
func cardAnswer(t *testing.T, status, transactions string) *alipay.InquiryPaymentResponse {
	t.Helper()
	answer := &alipay.InquiryPaymentResponse{}
	body := fmt.Sprintf(`{"paymentStatus":%q,"paymentId":"1","paymentAmount":{"currency":"SGD","value":"4200"},"transactions":%s}`, status, transactions)
	if err := json.Unmarshal([]byte(body), answer); err != nil {
		t.Fatal(err)
	}
	answer.ResponseTime = cardNow
	return answer
}

// taken is a capture in the gateway's words.
func taken(id, requestID, value, status string) string {
	return fmt.Sprintf(`{"transactionType":"CAPTURE","transactionStatus":%q,"transactionId":%q,"transactionRequestId":%q,"transactionAmount":{"currency":"SGD","value":%q}}`,
		status, id, requestID, value)
}

func TestWhatAnAnswerMakesOfACard(t *testing.T) {
	const (
		authorized, paid     = apiv1.PaymentAuthorized, apiv1.PaymentPaid
		failed, cancelled    = apiv1.StateFailed, apiv1.PaymentCancelled
		processing, none     = apiv1.StateProcessing, "null"
		success, fail, going = alipay.StatusSuccess, alipay.StatusFail, alipay.StatusProcessing
	)
	all := captureOf("c", "4200", success)
	tests := []struct {
		name         string
		before       *apiv1.Payment
		status       string
		transactions string
		want         apiv1.OperationState
		wantCaptured string // of the amounts, or empty when there are none
		wantConflict bool
	}{
		{"success without transactions", askedAbout(processing), success, none, authorized, "0", false},
		{"success with an empty list", askedAbout(processing), success, `[]`, authorized, "0", false},
		{"a capture under way", askedAbout(processing), success, `[` + taken("c", "r", "4200", going) + `]`, authorized, "0", false},
		{"a capture that failed", askedAbout(processing), success, `[` + taken("c", "r", "4200", fail) + `]`, authorized, "0", false},
		{"a capture in a word of later", askedAbout(processing), success, `[` + taken("c", "r", "4200", "SETTLED") + `]`, authorized, "0", false},
		{"a capture of all", askedAbout(processing), success, `[` + taken("c", "r", "4200", success) + `]`, paid, "4200", false},
		{"a capture of all under a misspelt key", askedAbout(processing), success,
			`[` + strings.Replace(taken("c", "r", "4200", success), "transactionType", "transationType", 1) + `]`, paid, "4200", false},
		{"a capture without an id of its own, then with one", askedAbout(authorized, apiv1.PaymentCapture{CaptureID: "r", CaptureRequestID: "r", Value: "4200", Status: going}),
			success, `[` + taken("c", "r", "4200", success) + `]`, paid, "4200", false},
		{"a capture with an id of its own, then without one", askedAbout(authorized, apiv1.PaymentCapture{CaptureID: "c", CaptureRequestID: "r", Value: "3000", Status: success}),
			success, `[` + taken("", "r", "3000", success) + `]`, authorized, "3000", false},
		{"two parts that make all", askedAbout(authorized, captureOf("b", "1200", success)), success, `[` + taken("c", "r", "3000", success) + `]`, paid, "4200", false},
		{"a capture without amount", askedAbout(authorized), success, `[{"transactionType":"CAPTURE","transactionStatus":"SUCCESS","transactionId":"c"}]`, authorized, "0", false},
		{"a capture in another currency", askedAbout(authorized), success, `[` + strings.Replace(taken("c", "r", "4200", success), "SGD", "JPY", 1) + `]`, authorized, "0", false},
		{"a void is no capture", askedAbout(authorized), success, `[` + strings.Replace(taken("c", "r", "4200", success), "CAPTURE", "VOID", 1) + `]`, authorized, "0", false},
		{"a capture that succeeded is reported as failed", askedAbout(authorized, captureOf("c", "3000", success)), success, `[` + taken("c", "r", "3000", fail) + `]`, authorized, "3000", false},

		{"success is taken back by processing", askedAbout(authorized), going, none, authorized, "0", false},
		{"success is taken back by pending", askedAbout(authorized), alipay.StatusPending, none, authorized, "0", false},
		{"success is taken back by fail", askedAbout(authorized), fail, none, authorized, "0", true},
		{"an authorised card is let go", askedAbout(authorized), alipay.StatusCancelled, none, cancelled, "", false},
		{"an authorised card is let go after its capture failed", askedAbout(authorized, captureOf("c", "4200", fail)), alipay.StatusCancelled, none, cancelled, "", false},
		{"an authorised card is let go while it was being captured", askedAbout(authorized, captureOf("c", "4200", going)), alipay.StatusCancelled, none, authorized, "0", true},
		{"the capture that was under way has failed when it is let go", askedAbout(authorized, captureOf("c", "4200", going)),
			alipay.StatusCancelled, `[` + taken("c", "r", "4200", fail) + `]`, cancelled, "", false},
		{"an order that is seen for the first time is cancelled, and was captured", askedAbout(processing), alipay.StatusCancelled, `[` + taken("c", "r", "4200", success) + `]`, processing, "", true},
		{"an order that is seen for the first time has failed, and was captured", askedAbout(processing), fail, `[` + taken("c", "r", "4200", success) + `]`, processing, "", true},
		{"an order fails", askedAbout(processing), fail, none, failed, "", false},

		{"a paid card is asked for without transactions", askedAbout(paid, all), success, none, paid, "4200", false},
		{"a paid card is cancelled", askedAbout(paid, all), alipay.StatusCancelled, none, paid, "4200", true},
		{"a paid card fails", askedAbout(paid, all), fail, none, paid, "4200", true},
		{"a paid card is open again", askedAbout(paid, all), going, none, paid, "4200", false},

		{"a cancelled card is authorised", askedAbout(cancelled), success, none, cancelled, "", true},
		{"a cancelled card stays so", askedAbout(cancelled), alipay.StatusCancelled, none, cancelled, "", false},
		{"a cancelled card was captured", askedAbout(cancelled), alipay.StatusCancelled, `[` + taken("c", "r", "4200", success) + `]`, cancelled, "", true},
		{"a failed card is authorised", askedAbout(failed), success, none, failed, "", true},
		{"a failed card is open", askedAbout(failed), going, none, failed, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answers := paymentAnswers{payment: tt.before, now: cardNow}
			answers.inquiry(cardAnswer(t, tt.status, tt.transactions))
			st, captured := &tt.before.Status, ""
			if st.Amounts != nil {
				captured = st.Amounts.Captured
			}
			if st.State != tt.want || captured != tt.wantCaptured || (st.Conflict != nil) != tt.wantConflict {
				t.Errorf("payment is %s with %q captured, conflict %+v; want %s with %q, conflict %t", st.State, captured, st.Conflict, tt.want, tt.wantCaptured, tt.wantConflict)
			}
			if st.State == paid && (st.Amounts.Paid != captured || st.Amounts.Captured == "0") {
				t.Errorf("amounts are %+v, want what was captured as paid", *st.Amounts)
			}
			for _, capture := range st.Captures {
				if capture.CaptureID == "" || capture.Value == "" || capture.Status == "" {
					t.Errorf("the API server would refuse the capture %+v", capture)
				}
			}
		})
	}
}

// A part that was captured is all of the payment only once no more can be captured: by the gateway's clock.
func TestPartOfACardIsPaidOnlyOnceTheRestIsLetGo(t *testing.T) {
	const part = "3000"
	tests := []struct {
		name         string
		here, expiry time.Duration // after the gateway's now; no expiry when 0
		paymentTime  time.Time
		want         apiv1.OperationState
	}{
		{"before the end", 0, time.Hour, time.Time{}, apiv1.PaymentAuthorized},
		{"after the end", 0, -time.Second, time.Time{}, apiv1.PaymentPaid},
		{"before the end, with a clock that is ahead", 2 * time.Hour, time.Hour, time.Time{}, apiv1.PaymentAuthorized},
		{"after the end, with a clock that is behind", -2 * time.Hour, -time.Second, time.Time{}, apiv1.PaymentPaid},
		{"in the seven days, when the gateway names no end", 0, 0, cardNow.AddDate(0, 0, -6), apiv1.PaymentAuthorized},
		{"after the seven days, when the gateway names no end", 0, 0, cardNow.AddDate(0, 0, -8), apiv1.PaymentPaid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payment := askedAbout(apiv1.PaymentAuthorized)
			payment.Status.AuthorizationExpiryTime = nil
			answer := cardAnswer(t, alipay.StatusSuccess, `[`+taken("c", "r", part, alipay.StatusSuccess)+`]`)
			if answer.PaymentTime.Time = tt.paymentTime; tt.expiry != 0 {
				answer.AuthExpiryTime.Time = cardNow.Add(tt.expiry)
			}
			paymentAnswers{payment: payment, now: cardNow.Add(tt.here)}.inquiry(answer)
			if payment.Status.State != tt.want {
				t.Errorf("payment is %s, want %s", payment.Status.State, tt.want)
			}
		})
	}
	t.Run("and what turns out later counts too", func(t *testing.T) {
		payment := askedAbout(apiv1.PaymentPaid, captureOf("c", part, alipay.StatusSuccess))
		payment.Status.Amounts.Captured, payment.Status.Amounts.Paid = part, part
		paymentAnswers{payment: payment, now: cardNow}.inquiry(cardAnswer(t, alipay.StatusSuccess, `[`+taken("d", "s", "1200", alipay.StatusSuccess)+`]`))
		if got := *payment.Status.Amounts; got.Paid != "4200" || got.Refundable != "4200" {
			t.Errorf("amounts are %+v, want 4200 paid", got)
		}
	})
	t.Run("and no more than the payment is ever paid", func(t *testing.T) {
		payment := askedAbout(apiv1.PaymentAuthorized, captureOf("c", part, alipay.StatusSuccess))
		paymentAnswers{payment: payment, now: cardNow}.inquiry(cardAnswer(t, alipay.StatusSuccess, `[`+taken("d", "s", part, alipay.StatusSuccess)+`]`))
		if got := payment.Status; got.State != apiv1.PaymentPaid || got.Amounts.Paid != "4200" {
			t.Errorf("payment is %s with %+v, want 4200 paid", got.State, got.Amounts)
		}
	})
}

// Objects of an older version of the kind may have no card.
func TestCardOfAnOlderVersionIsBlocked(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(w.close)
	payment := cardPayment("order", "")
	payment.Spec.Cashier.Card = nil
	w.store.create(payment)
	w.must(w.reconcilePayment("order"))
	if got := w.payment("order").Status; got.State != apiv1.StateBlocked || reason(got.Conditions) != apiv1.ModeNotSupportedReason || len(w.sent) != 0 {
		t.Errorf("payment is %s (%s) after %d requests, want it blocked", got.State, reason(got.Conditions), len(w.sent))
	}
}

func TestCapturedCardIsNeverCancelledWhateverTheContractSays(t *testing.T) {
	for _, state := range []apiv1.OperationState{apiv1.PaymentAuthorized, apiv1.PaymentPaid} {
		payment := askedAbout(state, captureOf("c", "4200", alipay.StatusSuccess))
		payment.Spec.DesiredState = apiv1.DesiredCancelled
		payment.Status.PaymentTime = ptr.To(metav1.NewTime(worldStart))
		payment.Status.Intent = submitted()
		f := &paymentFacts{facts: testFacts(), payment: payment, method: capability{cancel: apiv1.CancelSevenDays}}
		f.asked = true
		if got := decidePayment(f); got.do == actRecordCancel || got.do == actCancel || got.report.reason != apiv1.CancelNotSupportedReason {
			t.Errorf("%s: decision is %s (%s), want no cancellation", state, got.do, got.report.reason)
		}
	}
}

// Nobody is left to wait for an end that the gateway does not tell.
func TestAuthorisationWhoseEndIsNotToldNeedsAPerson(t *testing.T) {
	for after, want := range map[time.Duration]verdict{-time.Minute: progressing, time.Minute: progressing, 2 * time.Hour: stalled} {
		for _, mode := range []apiv1.CaptureMode{"", apiv1.ManualCapture} {
			payment := askedAbout(apiv1.PaymentAuthorized, captureOf("c", "4200", alipay.StatusProcessing))
			payment.Spec.CaptureMode, payment.Status.Intent = mode, submitted()
			payment.Status.AuthorizationExpiryTime = ptr.To(metav1.NewTime(worldStart.Add(-after)))
			if got := decidePayment(&paymentFacts{facts: testFacts(), payment: payment}); got.report.verdict != want || got.do != actInquire {
				t.Errorf("%s after the end, captured %q: decision is %s, %s; want %s", after, mode, got.do, got.report.verdict, want)
			}
		}
	}
}

func TestAuthorisationWithoutATimeEndsAfterSevenDays(t *testing.T) {
	payment := askedAbout(apiv1.PaymentAuthorized)
	payment.Spec.CaptureMode, payment.Status.Intent, payment.Status.AuthorizationExpiryTime = apiv1.AutomaticCapture, submitted(), nil
	for after, want := range map[time.Duration]verdict{-time.Minute: progressing, 2 * time.Hour: stalled} {
		payment.Status.PaymentTime = ptr.To(metav1.NewTime(worldStart.Add(-authorizationLife - after)))
		if got := decidePayment(&paymentFacts{facts: testFacts(), payment: payment}); got.report.verdict != want || got.do != actInquire {
			t.Errorf("%s after seven days: decision is %s, %s; want %s", after, got.do, got.report.verdict, want)
		}
	}
}

func TestNeglectedAuthorisationNeedsAPersonADayBeforeItsEnd(t *testing.T) {
	w := authorisedCard(t)
	end := w.payment("order").Status.AuthorizationExpiryTime.Time
	w.run(end.Add(-25 * time.Hour).Sub(w.clock.Now()))
	w.expect(apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason)
	w.run(end.Add(-24 * time.Hour).Sub(w.clock.Now()))
	w.expect(apiv1.PaymentAuthorized, apiv1.AuthorizationExpiringReason)
	if !meta.IsStatusConditionTrue(w.payment("order").Status.Conditions, apiv1.StalledCondition) {
		t.Error("nobody is told")
	}
	w.loses("capture")
	w.store.create(newCapture("late", ""))
	w.must(w.reconcileCapture("late"))
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.PaymentAuthorized, apiv1.AwaitingCaptureReason)
	w.loses("")
	w.follow(w.reconcileCapture, "late", time.Hour)
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
}

// A Refund of money that is only held would wait, and tell to cancel.
func TestRefusedCancellationTellsToRefundOnlyWhatIsCaptured(t *testing.T) {
	for captured, want := range map[bool]bool{false: false, true: true} {
		payment := askedAbout(apiv1.PaymentAuthorized)
		if captured {
			payment.Status.Captures = []apiv1.PaymentCapture{captureOf("c", "3000", alipay.StatusSuccess)}
		}
		payment.Status.Intent, payment.Spec.DesiredState = submitted(), apiv1.DesiredCancelled
		payment.Status.CancelResult = &apiv1.GatewayResult{ResultCode: "CANCEL_WINDOW_EXCEED", ResultStatus: "F"}
		got := decidePayment(&paymentFacts{facts: testFacts(), payment: payment}).report
		if got.reason != apiv1.CancelRefusedReason || strings.Contains(got.message, "Refund") != want {
			t.Errorf("captured %t: %s: %s", captured, got.reason, got.message)
		}
	}
}

func TestRefusalOfACardDoesNotRepeatItsToken(t *testing.T) {
	payment := askedAbout(apiv1.StateProcessing)
	answer := cardAnswer(t, alipay.StatusFail, "null")
	answer.PaymentResultCode, answer.PaymentResultMessage = "INVALID_TOKEN", cardCanary+" is not known"
	paymentAnswers{payment: payment, now: cardNow}.inquiry(answer)
	if got := payment.Status.LastResult; got.ResultCode != "INVALID_TOKEN" || strings.Contains(got.ResultMessage, cardCanary) {
		t.Errorf("lastResult = %+v, want the code alone", got)
	}
}

func TestNewAttemptIsNotSentWhenTheCancelledOneWasCaptured(t *testing.T) {
	for _, tt := range []struct {
		transactions string
		open         bool
	}{{"null", false}, {`[` + taken("c", "r", "4200", alipay.StatusFail) + `]`, false}, {`[` + taken("c", "r", "4200", alipay.StatusSuccess) + `]`, true}} {
		if got := movedMoney(cardAnswer(t, alipay.StatusCancelled, tt.transactions)); got != tt.open {
			t.Errorf("%s: has moved money: %t, want %t", tt.transactions, got, tt.open)
		}
	}
}

func TestCaptureAfterACancellationIsLookedInto(t *testing.T) {
	for state, want := range map[apiv1.OperationState]bool{apiv1.PaymentCancelled: true, apiv1.StateFailed: true, apiv1.PaymentPaid: false} {
		for _, status := range []string{alipay.ResultStatusSuccess, alipay.ResultStatusFail} {
			payment, subject := askedAbout(state), alipay.Subject{Type: alipay.NotifyCaptureResult, ResultStatus: status, PaymentID: "1"}
			cardCondition(payment, report{reason: apiv1.CancelledReason})
			if got := contradicts(&payment.Status, subject); got != (want && status == alipay.ResultStatusSuccess) {
				t.Errorf("a capture that ended with %s contradicts %s: %t", status, state, got)
			}
		}
	}
}
