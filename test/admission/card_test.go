package admission

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestCreatingCardPayments(t *testing.T) {
	testCreations(t, "Payment", cardCreations)
}

func TestChangingCardPayments(t *testing.T) {
	testChanges(t, "Payment", cardChanges)
}

const (
	needsCard        = "card is needed when paymentMethodType is CARD, and is for nothing else: name the Secret with the card's token"
	cardsAlone       = "captureMode is for cards alone: omit it, or set cashier.paymentMethodType or session.paymentMethodType to CARD"
	captureImmutable = "captureMode is immutable: create a new Payment instead"
	cashierImmutable = "cashier is immutable: create a new Payment instead"

	// byCard pays by card. The patch has a place for fields of the card, and byToken for fields of the reference.
	byCard  = `spec: {cashier: {paymentMethodType: CARD, card: {tokenSecretRef: {name: card}, %s}}}`
	byToken = `spec: {cashier: {paymentMethodType: CARD, card: {tokenSecretRef: {%s}}}}`
)

// capturing is a card payment with fields beside the cashier.
func capturing(fields string) string {
	return `spec: {cashier: {paymentMethodType: CARD, card: {tokenSecretRef: {name: card}}}, ` + fields + `}`
}

var cardCreations = slices.Concat([]creation{
	{name: "a card is accepted", patch: capturing("")},
	{name: "a card with every field is accepted", patch: strings.ReplaceAll(byCard, "%s", "is3DSAuthentication: true, enableAuthenticationUpgrade: false")},
	{name: "a card captured by the gateway is accepted", patch: capturing("captureMode: Automatic")},
	{name: "a card captured by hand is accepted", patch: capturing("captureMode: Manual")},
	{name: "another capture mode is refused", patch: capturing("captureMode: MANUAL"), field: "spec.captureMode", want: `supported values: "Automatic", "Manual"`},
	{name: "an empty capture mode is refused", patch: capturing(`captureMode: ""`), field: "spec.captureMode", want: `supported values: "Automatic", "Manual"`},
	{name: "a capture mode of a wallet is refused", patch: `spec: {captureMode: Automatic}`, field: "spec.captureMode", want: cardsAlone},
	{
		name: "a capture mode of an automatic debit is refused", patch: `spec: {cashier: null, redirectUrl: null, autoDebit: {agreementRef: {name: a}}, captureMode: Manual}`,
		field: "spec.captureMode", want: cardsAlone,
	},
	{name: "CARD without a card is refused", patch: `spec: {cashier: {paymentMethodType: CARD}}`, field: "spec.cashier.card", want: needsCard},
	{name: "a wallet with a card is refused", patch: `spec: {cashier: {card: {tokenSecretRef: {name: card}}}}`, field: "spec.cashier.card", want: needsCard},
	{
		name: "a card without a token is refused", patch: `spec: {cashier: {paymentMethodType: CARD, card: {is3DSAuthentication: true}}}`,
		field: "spec.cashier.card.tokenSecretRef", want: "Required value",
	},
	{name: "a token without the name of its Secret is refused", patch: strings.ReplaceAll(byToken, "%s", "key: a"), field: "spec.cashier.card.tokenSecretRef.name", want: "Required value"},
	{name: "3DS in quotes is refused", patch: strings.ReplaceAll(byCard, "%s", `is3DSAuthentication: "true"`), field: "spec.cashier.card.is3DSAuthentication", want: "must be of type boolean"},
},
	textCreations("spec.cashier.card.tokenSecretRef.name", in(byToken, "name"), 253),
	textCreations("spec.cashier.card.tokenSecretRef.key", in(byToken, "name: card, key"), 253),
)

var cardChanges = []change{
	{name: "a capture mode can not be changed", before: capturing("captureMode: Automatic"), patch: `spec: {captureMode: Manual}`, field: "spec.captureMode", want: captureImmutable},
	{name: "a capture mode can be written again as it was", before: capturing("captureMode: Manual"), patch: `spec: {captureMode: Manual}`},
	{name: "a capture mode can not be added", before: capturing(""), patch: `spec: {captureMode: Automatic}`, field: "spec.captureMode", want: captureImmutable},
	{name: "a capture mode can not be removed", before: capturing("captureMode: Manual"), patch: `spec: {captureMode: null}`, field: "spec.captureMode", want: captureImmutable},
	{
		name: "another card can not pay", before: capturing(""), patch: `spec: {cashier: {card: {tokenSecretRef: {name: other}}}}`,
		field: "spec.cashier", want: cashierImmutable,
	},
	{
		name: "a card can not pay what a wallet was to pay", patch: capturing(""), field: "spec.cashier", want: cashierImmutable,
	},
	{
		name: "3DS can not be added", before: capturing(""), patch: `spec: {cashier: {card: {is3DSAuthentication: true}}}`,
		field: "spec.cashier", want: cashierImmutable,
	},
	{name: "the attempt can not be raised while a card is authorised", before: capturing(""), state: "Authorized", patch: `spec: {attempt: 2}`, field: "spec.attempt", want: paymentAttempts},
	{name: "an authorised card can be cancelled", before: capturing("captureMode: Manual"), state: "Authorized", patch: `spec: {desiredState: Cancelled}`},
}

// Numbers of cards have no field, so what somebody writes there is not stored.
func TestCardHasNoFieldForItsNumber(t *testing.T) {
	payment := newObject(t, "Payment", strings.ReplaceAll(byCard, "%s", `cardNo: "4054692760174822", cvv: "123"`))
	create(t, payment)
	got, _, err := unstructured.NestedMap(payment.Object, "spec", "cashier", "card")
	if want := map[string]any{"tokenSecretRef": map[string]any{"name": "card"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("stored card is %v, %v, want %v", got, err, want)
	}
}

// cardStatus adds to a status what only card payments have, with every text as long as its field takes.
func cardStatus(t *testing.T, status *apiv1.PaymentStatus) {
	t.Helper()
	status.AuthorizationExpiryTime = ptr.To(then)
	status.Amounts.Authorized, status.Amounts.Captured = "9999999999999999", "0"
	status.Captures = []apiv1.PaymentCapture{
		{CaptureID: long(64), CaptureRequestID: long(64), Value: "9999999999999999", Status: long(32), ResultCode: long(64), Last: true, Contested: true},
		{CaptureID: "c", Value: "1", Status: "SUCCESS"},
	}
	checkFull(t, *status.Amounts)
	checkFull(t, status.Captures[0])
}
