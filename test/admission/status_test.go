package admission

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

var then = metav1.NewTime(time.Date(2026, 11, 21, 10, 40, 41, 0, time.Local))

func condition(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: long(1000), ObservedGeneration: 1, LastTransitionTime: then}
}

// intent is one whose every text is as long as its field takes.
func intent() *apiv1.Intent {
	return &apiv1.Intent{
		Attempt: 1, SubmittedAt: then, ResubmittedAt: ptr.To(then), RequestSHA256: long(64), MerchantAccount: long(253), ClientID: long(64),
		NotifyURL: long(2048), SettlementCurrency: "USD",
	}
}

// conflict and result say things that this version does not know.
func conflict() *apiv1.Conflict { return &apiv1.Conflict{Reason: long(64), Message: long(512)} }

func result() *apiv1.GatewayResult {
	return &apiv1.GatewayResult{ResultCode: long(64), ResultStatus: "Z", ResultMessage: long(256)}
}

func emptyAnswers() *apiv1.EmptyAnswers {
	return &apiv1.EmptyAnswers{RequestID: long(64), Count: 3, LastTime: then}
}

// operationStatus has a value in every field, as long as it may be.
func operationStatus() apiv1.OperationStatus {
	return apiv1.OperationStatus{
		Conditions: []metav1.Condition{
			condition(apiv1.ReadyCondition, metav1.ConditionFalse, "USER_BALANCE_NOT_ENOUGH"),
			condition(apiv1.ReconcilingCondition, metav1.ConditionTrue, apiv1.CancellingReason),
			condition(apiv1.StalledCondition, metav1.ConditionTrue, apiv1.StateContradictionReason),
			condition(apiv1.SucceededCondition, metav1.ConditionUnknown, apiv1.OutcomeUnknownReason),
			condition(apiv1.OutcomeUnknownCondition, metav1.ConditionTrue, apiv1.OutcomeUnknownReason),
		},
		ObservedGeneration: 1, State: "A_STATE_OF_LATER", Intent: intent(), Adopted: true, Conflict: conflict(), FinishedAt: ptr.To(then),
		EndedAttempts: 99, LastResult: result(), EmptyAnswers: emptyAnswers(),
	}
}

func TestFullPaymentStatusIsStored(t *testing.T) {
	payment := &apiv1.Payment{}
	createTyped(t, "Payment", `spec: {additionalFields: {merchantRegion: HK}, desiredState: Cancelled}`, payment)
	status := apiv1.PaymentStatus{
		OperationStatus: operationStatus(), PaymentRequestID: long(64), PaymentID: long(64),
		Checkout: &apiv1.Checkout{NormalURL: long(2048), SchemeURL: long(2048), ApplinkURL: long(2048), Code: long(2048)},
		Session: &apiv1.SessionStatus{
			RequestedAt: ptr.To(then), ExpiryTime: ptr.To(then), SecretName: long(253), Renewals: 99, Submitted: true,
		},
		PaymentMethodType: long(64),
		Debit:             &apiv1.DebitStatus{AccessTokenSHA256: long(64), AuthStateSHA256: long(64), TokenRejected: true},
		Amounts:           &apiv1.PaymentAmounts{Paid: "9999999999999999", Refunded: "0", Refundable: "9999999999999999"},
		Settlement: &apiv1.Settlement{
			GrossSettlementAmount: &apiv1.SettlementAmount{Currency: "NEWMONEY", Value: long(32)},
			SettlementQuote: &apiv1.SettlementQuote{
				QuoteID: long(64), QuoteCurrencyPair: long(16), QuotePrice: "0.00000012345678901234567890123456789012345678901234567890123456",
				QuoteStartTime: ptr.To(then), QuoteExpiryTime: ptr.To(then), Guaranteed: true,
			},
		},
		Refunds:                  []apiv1.PaymentRefund{{RefundRequestID: long(64), Value: "9999999999999999", CaptureID: long(64), Accepted: true, Done: true, Contested: true}, {RefundRequestID: "r", Value: "1"}},
		CustomsDeclarationAmount: &apiv1.Amount{Currency: "CNY", Value: "9999999999999999"},
		Declarations:             []apiv1.PaymentDeclaration{{DeclarationRequestID: long(32), Value: "9999999999999999", Status: long(32), Contested: true}, {DeclarationRequestID: "d", Value: "1", Status: apiv1.DeclarationReserved}},
		OpenDisputes:             []string{long(253), "d"}, PaymentTime: ptr.To(then), CancelSubmittedAt: ptr.To(then), CancelResult: result(),
	}
	cardStatus(t, &status)
	checkFull(t, status)
	checkFull(t, status.OperationStatus)
	checkFull(t, *status.Session)
	checkFull(t, *status.Debit)
	checkFull(t, status.Refunds[0])
	checkFull(t, status.Declarations[0])
	checkFull(t, *status.Settlement)
	checkFull(t, *status.Settlement.SettlementQuote)
	before := payment.DeepCopy()
	payment.Status = status
	patchStatus(t, payment, before)
	if !equality.Semantic.DeepEqual(payment.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", payment.Status, status)
	}
}

func TestFullRefundStatusIsStored(t *testing.T) {
	refund := &apiv1.Refund{}
	createTyped(t, "Refund", `spec: {additionalFields: {merchantRegion: HK}}`, refund)
	status := apiv1.RefundStatus{
		OperationStatus: operationStatus(), RefundRequestID: long(64), RefundID: long(64), PaymentID: long(64), CaptureID: long(64),
		Amount: &apiv1.Amount{Currency: "HKD", Value: "9999999999999999"}, RefundTime: ptr.To(then),
	}
	checkFull(t, status)
	before := refund.DeepCopy()
	refund.Status = status
	patchStatus(t, refund, before)
	if !equality.Semantic.DeepEqual(refund.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", refund.Status, status)
	}
}

func TestFullCaptureStatusIsStored(t *testing.T) {
	capture := &apiv1.Capture{}
	createTyped(t, "Capture", `spec: {additionalFields: {merchantRegion: HK}}`, capture)
	status := apiv1.CaptureStatus{
		OperationStatus: operationStatus(), CaptureRequestID: long(64), CaptureID: long(64), PaymentID: long(64),
		Amount: &apiv1.Amount{Currency: "HKD", Value: "9999999999999999"}, CaptureTime: ptr.To(then),
	}
	checkFull(t, status)
	before := capture.DeepCopy()
	capture.Status = status
	patchStatus(t, capture, before)
	if !equality.Semantic.DeepEqual(capture.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", capture.Status, status)
	}
}

func TestFullCustomsDeclarationStatusIsStored(t *testing.T) {
	declaration := &apiv1.CustomsDeclaration{}
	createTyped(t, "CustomsDeclaration", `spec: {additionalFields: {merchantRegion: HK}}`, declaration)
	status := apiv1.CustomsDeclarationStatus{
		OperationStatus: operationStatus(), DeclarationRequestID: long(32), PaymentID: long(64), Amount: &apiv1.Amount{Currency: "CNY", Value: "9999999999999999"},
		CustomsPaymentID: long(64), CustomsOrderID: long(64), IdentityCheckResult: long(32), ClearingChannel: long(32), ClearingTransactionID: long(64),
		CustomsProviderRegistrationID: long(64), DeclarationRequestStatus: long(64), CustomsDeclarationResultCode: long(64),
		CustomsDeclarationResultDesc: strings.Repeat("报", 2048), CustomsDeclarationReturnTime: ptr.To(then), LastModifiedTime: ptr.To(then),
	}
	status.Conditions = append(status.Conditions,
		condition(apiv1.IdentityCheckPassedCondition, metav1.ConditionFalse, apiv1.IdentityCheckNotPassedReason),
		condition(apiv1.CustomsCodeDocumentedCondition, metav1.ConditionFalse, apiv1.CustomsCodeUndocumentedReason))
	checkFull(t, status)
	before := declaration.DeepCopy()
	declaration.Status = status
	patchStatus(t, declaration, before)
	if !equality.Semantic.DeepEqual(declaration.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", declaration.Status, status)
	}
}

func TestFullMerchantAccountStatusIsStored(t *testing.T) {
	account := &apiv1.MerchantAccount{}
	createTyped(t, "MerchantAccount", `{}`, account)
	status := apiv1.MerchantAccountStatus{
		Conditions: []metav1.Condition{
			condition(apiv1.ReadyCondition, metav1.ConditionTrue, apiv1.VerifiedReason),
			condition(apiv1.CredentialsValidCondition, metav1.ConditionTrue, apiv1.VerifiedReason),
		},
		ObservedGeneration: 1, PublicKeyFingerprint: long(128), AlipayPublicKeyFingerprints: []string{long(128), long(128)},
		VerifiedSecretVersion: long(64), LastVerifiedTime: ptr.To(then),
	}
	checkFull(t, status)
	before := account.DeepCopy()
	account.Status = status
	patchStatus(t, account, before)
	if !equality.Semantic.DeepEqual(account.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", account.Status, status)
	}
}

func TestFullPaymentMethodCatalogStatusIsStored(t *testing.T) {
	catalog := &apiv1.PaymentMethodCatalog{}
	createTyped(t, "PaymentMethodCatalog", `{}`, catalog)
	limit := func(most string) *apiv1.CatalogLimit {
		return &apiv1.CatalogLimit{Min: long(32), Max: most, Remaining: long(32)}
	}
	method := apiv1.CatalogMethod{
		PaymentMethodType: long(64), PaymentMethodCategory: long(64),
		PaymentMethodRegion: slices.Repeat([]string{long(16)}, 100), SupportedCurrencies: slices.Repeat([]string{long(8)}, 100),
		Enabled: ptr.To(false), DisableReason: long(64), Preferred: true,
		Limits:  &apiv1.CatalogLimits{Single: limit(long(32)), Day: limit("2"), Month: limit("3")},
		LogoURL: long(2048), LogoName: long(64),
	}
	status := apiv1.PaymentMethodCatalogStatus{
		Conditions: []metav1.Condition{
			condition(apiv1.ReadyCondition, metav1.ConditionFalse, "MERCHANT_NOT_REGISTERED"),
			condition(apiv1.StalledCondition, metav1.ConditionTrue, "MERCHANT_NOT_REGISTERED"),
		},
		ObservedGeneration: 1, EnabledMethods: ptr.To[int32](0), RefreshTime: ptr.To(then), Methods: slices.Repeat([]apiv1.CatalogMethod{method}, 200),
	}
	checkFull(t, status)
	checkFull(t, method)
	checkFull(t, *method.Limits)
	checkFull(t, *method.Limits.Single)
	before := catalog.DeepCopy()
	catalog.Status = status
	patchStatus(t, catalog, before)
	if !equality.Semantic.DeepEqual(catalog.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", catalog.Status, status)
	}
}

// The operator saves what the gateway reports, whatever was reported before.
func TestStatusCanGoBackAndForth(t *testing.T) {
	states := []string{"Pending", "Submitting", "Processing", "Unknown", "Paid", "Refunded", "Captured", "Accepted", "Rejected", "Undetermined", "Failed", "Cancelled", "Blocked", ""}
	for _, kind := range []string{"Payment", "Refund", "Capture", "CustomsDeclaration"} {
		obj := newObject(t, kind, `spec: {attempt: 2}`)
		create(t, obj)
		for _, state := range states {
			setState(t, obj, state)
		}
		for _, state := range slices.Backward(states) {
			setState(t, obj, state)
		}
	}
}

// checkFull checks that a status has every field, so that this test grows with the types.
func checkFull(t *testing.T, status any) {
	t.Helper()
	value := reflect.ValueOf(status)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("%T: the test has no %s", status, value.Type().Field(i).Name)
		}
	}
}

// createTyped creates the valid object with the change and reads it into obj.
func createTyped(t *testing.T, kind, patch string, obj client.Object) {
	t.Helper()
	created := newObject(t, kind, patch)
	create(t, created)
	if err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(created), obj); err != nil {
		t.Fatal(err)
	}
}

// patchStatus saves the status as the operator does.
func patchStatus(t *testing.T, obj, before client.Object) {
	t.Helper()
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := cluster.Client.Status().Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}
