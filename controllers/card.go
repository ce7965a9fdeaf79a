package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// The money of a card moves in two steps: it is held (authorised), then collected (captured). A card payment that the gateway reports as
// SUCCESS is authorised and no more (https://docs.antom.com/ac/cashierpay/capture).

const cardMethod = "CARD"

// paysByCard reports whether a card pays. Of a session it does where anything says so: what is held must not count as collected.
func paysByCard(payment *apiv1.Payment) bool {
	st, session := &payment.Status, payment.Spec.Session
	switch {
	case payment.Spec.Cashier != nil:
		return payment.Spec.Cashier.PaymentMethodType == cardMethod
	case session != nil:
		return session.PaymentMethodType == cardMethod || st.PaymentMethodType == cardMethod || st.AuthorizationExpiryTime != nil || len(st.Captures) > 0
	default:
		return false
	}
}

// cardMethodOf is how a card pays. token is a credential.
func cardMethodOf(card *apiv1.Card, token string) alipay.PaymentMethod {
	method := alipay.PaymentMethod{PaymentMethodType: cardMethod, PaymentMethodID: alipay.Credential(token)}
	set := func(name string, value *bool) {
		if value == nil {
			return
		}
		if method.PaymentMethodMetaData == nil {
			method.PaymentMethodMetaData = map[string]any{}
		}
		method.PaymentMethodMetaData[name] = *value
	}
	set("is3DSAuthentication", card.Is3DSAuthentication)
	set("enableAuthenticationUpgrade", card.EnableAuthenticationUpgrade)
	return method
}

// captureFactor has the card authorised first, and says who captures.
func captureFactor(mode apiv1.CaptureMode) *alipay.PaymentFactor {
	authorise := true
	wire := alipay.CaptureModeAutomatic
	if mode == apiv1.ManualCapture {
		wire = alipay.CaptureModeManual
	}
	return &alipay.PaymentFactor{IsAuthorization: &authorise, CaptureMode: wire}
}

// longestCardToken is the gateway's limit for a paymentMethodId.
const longestCardToken = 128

// cardToken reads the token of the payment's card.
func (l *Lifecycle) cardToken(ctx context.Context, payment *apiv1.Payment, now time.Time) (string, *problem) {
	ref := payment.Spec.Cashier.Card.TokenSecretRef
	key := cmp.Or(ref.Key, apiv1.CardTokenSecretKey)
	retry := personalDataRetry(payment, now)
	secret := &corev1.Secret{}
	if err := l.Live.Get(ctx, client.ObjectKey{Namespace: payment.Namespace, Name: ref.Name}, secret); err != nil {
		return "", unreadableSecret(ref.Name, key, err, retry)
	}
	token := strings.TrimSpace(string(secret.Data[key]))
	if token == "" || len(token) > longestCardToken {
		return "", &problem{
			reason: apiv1.SecretNotFoundReason, retry: retry,
			message: fmt.Sprintf("Secret %q has no card token of at most %d characters under the key %q: put it there. Nothing is sent before.",
				ref.Name, longestCardToken, key),
		}
	}
	return token, nil
}

// authorized takes the answer that the card is authorised, after its captures were noted.
func (a paymentAnswers) authorized(answer *alipay.InquiryPaymentResponse) {
	st := &a.payment.Status
	if !answer.AuthExpiryTime.IsZero() {
		st.AuthorizationExpiryTime = &metav1.Time{Time: answer.AuthExpiryTime.Truncate(time.Second)}
	}
	if st.Amounts == nil {
		st.Amounts = &apiv1.PaymentAmounts{}
	}
	captured, open := a.captured()
	// A part that was captured is all that will be once the rest was let go.
	if st.State == apiv1.PaymentPaid || a.allCaptured(captured, open) || captured > 0 && !open && a.authorizationOver(answer) {
		a.paid(answer.PaymentTime.Time)
	} else {
		a.hold(answer.PaymentTime.Time)
	}
	st.Amounts.Authorized = a.payment.Spec.Amount.Value
	a.noteCollected(captured)
}

// authorizationLife is how long a card's money is held at most (https://docs.antom.com/ac/cashierpay/capture).
const authorizationLife = 7 * 24 * time.Hour

// authorizationOver reports whether no more can be captured, by the gateway's clock where it tells the time.
func (a paymentAnswers) authorizationOver(answer *alipay.InquiryPaymentResponse) bool {
	st, now := &a.payment.Status, a.now
	if !answer.ResponseTime.IsZero() {
		now = answer.ResponseTime
	}
	switch {
	case st.AuthorizationExpiryTime != nil:
		return !now.Before(st.AuthorizationExpiryTime.Time)
	case !answer.PaymentTime.IsZero():
		return !now.Before(answer.PaymentTime.Add(authorizationLife))
	default:
		return false
	}
}

// hold notes that the card is authorised, and nothing or a part is collected.
func (a paymentAnswers) hold(at time.Time) {
	st := &a.payment.Status
	st.State, st.Checkout, st.LastResult = apiv1.PaymentAuthorized, nil, nil
	if !at.IsZero() {
		st.PaymentTime = &metav1.Time{Time: at.Truncate(time.Second)}
	}
}

// noteCaptures adds captures or brings them up to date, whatever else the answer says.
func (a paymentAnswers) noteCaptures(transactions []alipay.Transaction) {
	if !paysByCard(a.payment) && a.payment.Spec.Session == nil {
		return
	}
	for i := range transactions {
		if transactions[i].TransactionType == alipay.TransactionCapture {
			a.noteCapture(&transactions[i])
		}
	}
}

// noteCapture adds a capture or brings it up to date. What has succeeded stays so.
func (a paymentAnswers) noteCapture(t *alipay.Transaction) {
	capture := apiv1.PaymentCapture{
		CaptureID: cut(cmp.Or(t.TransactionID, t.TransactionRequestID), 64), CaptureRequestID: cut(t.TransactionRequestID, 64),
		Value: unknownValue, Status: cmp.Or(cut(t.TransactionStatus, 32), alipay.StatusProcessing),
	}
	if capture.CaptureID == "" {
		return
	}
	if amount := t.TransactionAmount; amount != nil && amount.Currency == a.payment.Spec.Amount.Currency && len(amount.Value) <= 16 && minorUnits(amount.Value) > 0 {
		capture.Value = amount.Value
	} else if capture.Status == alipay.StatusSuccess {
		capture.Status = alipay.StatusProcessing // what was captured must be known before it counts as captured
	}
	if t.TransactionResult != nil && capture.Status == alipay.StatusFail {
		capture.ResultCode = cut(t.TransactionResult.ResultCode, 64)
	}
	capture.Last = slices.ContainsFunc(a.payment.Status.Captures, func(known apiv1.PaymentCapture) bool { return known.Last && sameCapture(known, capture) })
	a.putCapture(capture)
}

// sameCapture reports whether two are one. The gateway may give a capture its id only when it is done: until then, and in an answer
// without it, the request's id stands in for it.
func sameCapture(x, y apiv1.PaymentCapture) bool {
	unnamed := x.CaptureID == x.CaptureRequestID || y.CaptureID == y.CaptureRequestID
	return x.CaptureID == y.CaptureID || unnamed && x.CaptureRequestID != "" && x.CaptureRequestID == y.CaptureRequestID
}

// capturedAfterAll reports whether a capture is announced of a card whose money was let go, or never held.
func capturedAfterAll(st *apiv1.PaymentStatus, s alipay.Subject) bool {
	byCard := meta.FindStatusCondition(st.Conditions, apiv1.AuthorizedCondition) != nil
	ended := st.State == apiv1.PaymentCancelled || st.State == apiv1.StateFailed
	return byCard && ended && s.Type == alipay.NotifyCaptureResult && s.ResultStatus == alipay.ResultStatusSuccess
}

// captured is what was collected of the authorised money, and whether a capture is under way.
func (a paymentAnswers) captured() (sum int64, open bool) {
	for _, capture := range a.payment.Status.Captures {
		switch capture.Status {
		case alipay.StatusSuccess:
			sum += minorUnits(capture.Value)
		case alipay.StatusFail:
		default:
			open = true
		}
	}
	return sum, open
}

// movedMoney reports whether an attempt has moved money, or still can: it has not ended, or it was captured.
func movedMoney(answer *alipay.InquiryPaymentResponse) bool {
	return answer.PaymentStatus != alipay.StatusFail && answer.PaymentStatus != alipay.StatusCancelled ||
		slices.ContainsFunc(answer.Transactions, func(t alipay.Transaction) bool {
			return t.TransactionType == alipay.TransactionCapture && t.TransactionStatus != alipay.StatusFail
		})
}

// failedCapture is the code of a capture that has failed while none was made or is under way; empty otherwise.
func (f *paymentFacts) failedCapture() string {
	code := ""
	for _, capture := range f.payment.Status.Captures {
		if capture.Status != alipay.StatusFail {
			return ""
		}
		code = cmp.Or(capture.ResultCode, "FAIL")
	}
	return code
}

// awaitingCapture says what an authorised payment waits for.
func (f *paymentFacts) awaitingCapture() report {
	end, until := f.authorizationEnd(), ""
	if !end.IsZero() {
		until = " It is held until " + clockTime(end) + " and then let go."
	}
	code := f.failedCapture()
	switch {
	case !end.IsZero() && f.now.After(end.Add(authorizationPatience)):
		return f.report(problem{reason: apiv1.AwaitingCaptureReason, stalled: true,
			message: "The card was authorised until " + clockTime(end) +
				", and the gateway does not say what became of the money: ask Antom. It is asked again meanwhile."})
	case f.payment.Spec.CaptureMode == apiv1.ManualCapture && f.neglected(end):
		return f.report(problem{reason: apiv1.AuthorizationExpiringReason, stalled: true,
			message: "The card is authorised for less than a day more, and nothing of it is captured: create a Capture." + until})
	case f.payment.Spec.CaptureMode == apiv1.ManualCapture:
		return f.report(problem{reason: apiv1.AwaitingCaptureReason, message: "The card is authorised, and only what is captured is collected." + until})
	case code != "":
		return f.report(problem{reason: apiv1.CaptureFailedReason, stalled: true, message: "The card is authorised, and the gateway has failed to collect the money (" +
			code + "): set spec.desiredState to Cancelled to let it go, or ask Antom." + until})
	default:
		return f.report(problem{reason: apiv1.AwaitingCaptureReason, message: "The card is authorised; the gateway collects the money by itself." + until})
	}
}

// neglected reports whether an authorisation is about to end of which nobody captures anything.
func (f *paymentFacts) neglected(end time.Time) bool {
	st := &f.payment.Status
	near := !f.now.Before(end.Add(-authorizationWarning)) && f.now.Before(end)
	return near && collected(st) == 0 && !openCapture(st)
}

// authorizationEnd is when the money of an authorised card is let go: when the gateway says, or else after the longest time. Zero while
// nothing is known.
func (f *paymentFacts) authorizationEnd() time.Time {
	switch st := &f.payment.Status; {
	case st.AuthorizationExpiryTime != nil:
		return st.AuthorizationExpiryTime.Time
	case st.PaymentTime != nil:
		return st.PaymentTime.Add(authorizationLife)
	default:
		return time.Time{}
	}
}

const (
	// authorizationPatience is how long after the end of an authorisation the gateway may take to say what became of it.
	authorizationPatience = time.Hour
	// authorizationWarning is how long before that end a person is told of money that nobody captures.
	authorizationWarning = 24 * time.Hour
)

// followAuthorized looks at an authorised payment at the usual pace, when its authorisation is about to end, and once it has ended.
func (f *paymentFacts) followAuthorized() decision {
	decided := f.soonForOrphan(f.follow(f))
	end := f.authorizationEnd()
	if decided.do != actWait || end.IsZero() {
		return decided
	}
	for _, at := range []time.Time{end.Add(-authorizationWarning), end.Add(authorizationGrace)} {
		if f.now.Before(at) {
			decided.after = min(decided.after, at.Sub(f.now))
		}
	}
	return decided
}

// authorizationGrace is how long after the end of an authorisation the gateway is asked what became of it.
const authorizationGrace = 10 * time.Second

// capturedAlready says that a captured payment can not be cancelled; nil while nothing was captured.
func (f *paymentFacts) capturedAlready() *problem {
	if len(f.payment.Status.Captures) == 0 || f.failedCapture() != "" {
		return nil
	}
	return &problem{reason: apiv1.CancelNotSupportedReason, stalled: true,
		message: "A card payment of which something was captured, or is being captured, can not be cancelled: create a Refund to give that back. " +
			"What is not captured is let go by itself."}
}

// expiredUncaptured reports whether a cancelled payment was let go because nobody captured it in time.
func expiredUncaptured(st *apiv1.PaymentStatus) bool {
	return st.AuthorizationExpiryTime != nil && st.FinishedAt != nil && !st.FinishedAt.Before(st.AuthorizationExpiryTime)
}

// cardCondition says of a card payment whether its money is held or collected.
func cardCondition(payment *apiv1.Payment, told report) {
	if !paysByCard(payment) {
		return
	}
	status := metav1.ConditionUnknown
	switch payment.Status.State {
	case apiv1.PaymentAuthorized, apiv1.PaymentPaid:
		status = metav1.ConditionTrue
	case apiv1.StateFailed, apiv1.PaymentCancelled:
		status = metav1.ConditionFalse
	default: // not known yet
	}
	meta.SetStatusCondition(&payment.Status.Conditions, metav1.Condition{
		Type: apiv1.AuthorizedCondition, Status: status, Reason: told.reason, Message: told.message, ObservedGeneration: payment.Generation,
	})
}
