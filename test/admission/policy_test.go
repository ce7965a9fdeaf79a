package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// requestKinds are the kinds that the admission policy watches.
var requestKinds = []string{"Payment", "Refund", "Capture", "CustomsDeclaration", "AutoDebitAgreement"}

func TestCreatingObjectsWithAdditionalFields(t *testing.T) {
	for _, kind := range requestKinds {
		t.Run(kind, func(t *testing.T) { testCreations(t, kind, policyCreations) })
	}
}

func TestCreatingObjectsWithCardDataInText(t *testing.T) {
	t.Run("Payment", func(t *testing.T) {
		testCreations(t, "Payment", cardTextCreations(`spec: {order: {orderDescription: %s}}`))
	})
	t.Run("Refund", func(t *testing.T) { testCreations(t, "Refund", cardTextCreations(`spec: {reason: %s}`)) })
}

func TestChangingAdditionalFields(t *testing.T) {
	for _, kind := range requestKinds {
		t.Run(kind, func(t *testing.T) { testChanges(t, kind, policyChanges(kind)) })
	}
}

func TestPolicyHoldsForAppliedObjects(t *testing.T) {
	obj := newObject(t, "Payment", `spec: {additionalFields: {cardNo: x}}`)
	patch := client.RawPatch(types.ApplyPatchType, encode(t, obj))
	err := cluster.Client.Patch(t.Context(), obj, patch, client.FieldOwner("test"))
	checkRefusal(t, err, "", refusedKey("cardNo"))
}

// What shapes a request is immutable, so that an older object can hold what is refused today; it must not hold that object up.
func TestObjectOlderThanThePolicyCanStillBeCancelled(t *testing.T) {
	obj := newObject(t, "Payment", `spec: {additionalFields: {cardNo: x}}`)
	t.Cleanup(func() { enforce(t, admissionregistrationv1.Deny) })
	enforce(t, admissionregistrationv1.Audit)
	create(t, obj)
	enforce(t, admissionregistrationv1.Deny)
	for _, tc := range []change{
		{patch: `metadata: {annotations: {a: b}, finalizers: [payments.alipay-operator.io/cancel-payment]}`},
		{patch: `spec: {desiredState: Cancelled, deletionPolicy: Cancel}`},
		{patch: `spec: {additionalFields: {cvv: x}}`, want: "additionalFields is immutable: create a new Payment instead"},
		{patch: `metadata: {finalizers: []}`},
	} {
		patch := client.RawPatch(types.MergePatchType, asJSON(t, tc.patch))
		checkRefusal(t, cluster.Client.Patch(t.Context(), obj, patch), tc.field, tc.want)
	}
	setState(t, obj, "Cancelled")
}

// enforce changes what the policy does, and waits until it does that.
func enforce(t *testing.T, action admissionregistrationv1.ValidationAction) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "alipay-operator-requests"}}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"validationActions":[%q]}}`, action))
	if err := cluster.Client.Patch(ctx, binding, patch); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := cluster.Client.Create(ctx, newObject(t, "Payment", `spec: {additionalFields: {cardNo: x}}`), client.DryRunAll)
		return (err != nil) == (action == admissionregistrationv1.Deny), nil
	})
	if err != nil {
		t.Fatalf("the policy does not come to %s: %v", action, err)
	}
}

const (
	tooLong  = "spec.additionalFields must be shorter than 16384 characters: leave out what the gateway does not need"
	longText = "spec must be shorter than 100000 characters in all, as it is searched for card data: shorten or leave out order.goods[].goodsUrl"
	cardText = "spec must not hold card data in any text: let the buyer enter the card on the gateway's page"
)

func refusedKey(name string) string {
	return fmt.Sprintf("spec.additionalFields must not hold %q at any depth: set amounts, ids and the payment method in the fields that spec "+
		"has for them, and keep tokens, passwords and card data out", name)
}

func policyChanges(kind string) []change {
	want := "additionalFields is immutable: create a new " + kind + " instead"
	return []change{
		{name: "additionalFields can be written again as it was", before: `spec: {additionalFields: {a: {b: 1, c: [d]}}}`, patch: `spec: {additionalFields: {a: {c: [d], b: 1}}}`},
		{name: "additionalFields can not be added", patch: `spec: {additionalFields: {locale: zh_HK}}`, want: want},
		{name: "an empty additionalFields can not be added", patch: `spec: {additionalFields: {}}`, want: want},
		{name: "additionalFields can not be removed", before: `spec: {additionalFields: {locale: zh_HK}}`, patch: `spec: {additionalFields: null}`, want: want},
		{name: "a field can not be added to additionalFields", before: `spec: {additionalFields: {locale: zh_HK}}`, patch: `spec: {additionalFields: {a: b}}`, want: want},
		{name: "a deep field of additionalFields can not be changed", before: `spec: {additionalFields: {a: [{b: c}]}}`, patch: `spec: {additionalFields: {a: [{b: d}]}}`, want: want},
		{name: "a number in additionalFields can not become a text", before: `spec: {additionalFields: {a: 1}}`, patch: `spec: {additionalFields: {a: "1"}}`, want: want},
		{name: "the order of a list in additionalFields can not be changed", before: `spec: {additionalFields: {a: [1, 2]}}`, patch: `spec: {additionalFields: {a: [2, 1]}}`, want: want},
		{name: "an object with additionalFields can be suspended", before: `spec: {additionalFields: {locale: zh_HK}}`, patch: `spec: {suspend: true}`},
	}
}

// refusedNames are names of fields that move money, name operations or hold secrets, in some of their spellings.
var refusedNames = strings.Fields(`
	amount Amount paymentAmount orderAmount goodsUnitAmount refundAMOUNT currency settlementCurrency value productCode creditPayPlan
	merchantAccountId deviceTokenId
	paymentRequestId refundRequestId captureRequestID requestid paymentId captureId refundId paymentMethodId paymentMethodType
	token accessToken cardToken authCode
	card cardNo CARDNO cardno CardNo cardNumber cardHolderName cardPasswordDigest
	cvv CVV Cvv cvv2 cvc CVC2 pan PAN expiryYear expiryMonth expirationYear EXPIRATIONMONTH expiryDate
	password payPassword passwordDigest
	refundDetails refundToBankInfo refundSourceAccountNo accountNo bankCode
	paymentFactor captureMode isLastCapture isAuthorization cavv caav paymentNotifyUrl refundNotifyUrl notifyUrl
	declarationRequestId buyerCertificate certificateNo certificateType holderName`)

// acceptedNames are harmless, though some of them look like refused ones.
var acceptedNames = strings.Fields(`
	locale metadata merchantRegion userRegion paymentMethodRegion discard postcard tokenize company panel expiry valueDate cvs
	currencies amounts bankCodes captureModes`)

var policyCreations = slices.Concat(
	[]creation{
		{name: "fields that the gateway adds later are accepted", patch: `spec: {additionalFields: {merchantRegion: HK, riskData: {order: {orderType: LEASE}}, goods: [{goodsName: Lamp}]}}`},
		{name: "a harmless text with quotes and backslashes is accepted", patch: `spec: {additionalFields: {note: 'He said "hello": \ and left {'}}`},
		{name: "a refused name as a value is accepted", patch: `spec: {additionalFields: {field: cardNo, fields: [cvv, pan]}}`},
		{name: "a long number that nobody calls a card is accepted", patch: `spec: {additionalFields: {trackingNumber: "4111111111111111", serial: 4111111111111111}}`},

		{name: "cardNo inside a map is refused", patch: `spec: {additionalFields: {a: {cardNo: x}}}`, want: refusedKey("cardNo")},
		{name: "cvv inside a list is refused", patch: `spec: {additionalFields: {a: [{cvv: 123}]}}`, want: refusedKey("cvv")},
		{name: "CARDNO inside lists in a list is refused", patch: `spec: {additionalFields: {a: [[1, [{CARDNO: x}]]]}}`, want: refusedKey("CARDNO")},
		{name: "cVv deep inside maps and lists is refused", patch: `spec: {additionalFields: {a: {b: [{c: {d: [1, {e: {cVv: 1}}]}}]}}}`, want: refusedKey("cVv")},
		{name: "a refused name after harmless ones is refused", patch: `spec: {additionalFields: {a: 1, b: x, paymentMethod: {paymentMethodMetaData: {z: 1, cardNo: x}}}}`, want: refusedKey("cardNo")},
		{name: "a refused name with no value is refused", patch: `spec: {additionalFields: {a: {cvv: {}}}}`, want: refusedKey("cvv")},
		{name: "a refused name after a text with quotes is refused", patch: `spec: {additionalFields: {a: 'x"', b: '\', cvv: 1}}`, want: refusedKey("cvv")},
		{name: "a refused name below a name with quotes is refused", patch: `spec: {additionalFields: {'say "\': {Cvv: 1}}}`, want: refusedKey("Cvv")},

		{name: "cardNo in JSON in a string is refused", patch: `spec: {additionalFields: {data: '{"cardNo":"x"}'}}`, want: cardText},
		{name: "CardNo in JSON in JSON in a string is refused", patch: `spec: {additionalFields: {data: '{"a":"{\"CardNo\":\"x\"}"}'}}`, want: cardText},
		{name: "cvv in JSON in a string in a list is refused", patch: `spec: {additionalFields: {a: [{b: '{"x": 1, "CVV" : 123}'}]}}`, want: cardText},
		{name: "a pair of name and value in a string is refused", patch: `spec: {additionalFields: {data: "a=b&cardNo=x"}}`, want: cardText},

		{name: "16 thousand characters are accepted", patch: `spec: {additionalFields: {data: ` + long(16000) + `}}`},
		{name: "many small fields are accepted", patch: `spec: {additionalFields: {list: [` + strings.Repeat("{a: {b: [c, {d: 1}]}}, ", 300) + `{}]}}`},
		{name: "17 thousand characters are refused", patch: `spec: {additionalFields: {data: ` + long(17000) + `}}`, want: tooLong},
		{name: "half a million characters are refused", patch: `spec: {additionalFields: {data: ` + long(500000) + `}}`, want: tooLong},
	},
	eachName(refusedNames, "is refused", refusedKey),
	eachName(acceptedNames, "is accepted", func(string) string { return "" }),
)

func eachName(names []string, verdict string, want func(string) string) []creation {
	var cases []creation
	for _, name := range names {
		cases = append(cases, creation{name: "the field " + name + " " + verdict, patch: fmt.Sprintf(`spec: {additionalFields: {%s: x}}`, name), want: want(name)})
	}
	return cases
}

// cardTextCreations are the cases of card data in a text. The patch has a place for it.
func cardTextCreations(patch string) []creation {
	var cases []creation
	for _, text := range []string{
		`{"cardNo":"4111"}`, `{"a":"{\"cvv\":1}"}`, `{'cardNumber': 1}`, `card_no: 4111`, `CVV2=123`, `cvc: 123`, `securityCode: 123`,
		`card_security_code=123`, `expiryYear: 30`, `expiration_month=01`, `card 4111111111111111`, `Card number: 4111 1111 1111 1111`,
		`PAN 4111-1111-1111-1111`, `card no. 378282246310005`, `card #4111111111111111`,
	} {
		cases = append(cases, creation{name: "the text " + text + " is refused", patch: fmt.Sprintf(patch, fmt.Sprintf("%q", text)), want: cardText})
	}
	for _, text := range []string{
		`ID card holder, red`, `SIM card 8 GB`, `Order 4111111111111111`, `Cardigan: 2 pieces`, `Memory card: 64 GB`, `Post cards, 12 pieces`,
		`Company 123456789012345678`, `Gift card 100 HKD`, `Frying pan 28`,
	} {
		cases = append(cases, creation{name: "the text " + text + " is accepted", patch: fmt.Sprintf(patch, fmt.Sprintf("%q", text))})
	}
	return cases
}
