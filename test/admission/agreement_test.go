package admission

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestCreatingAutoDebitAgreements(t *testing.T) {
	testCreations(t, "AutoDebitAgreement", agreementCreations)
}

func TestChangingAutoDebitAgreements(t *testing.T) {
	testChanges(t, "AutoDebitAgreement", agreementChanges)
}

const (
	walletForm       = "customerBelongsTo must be the gateway's code in capitals, digits and underscores, such as GCASH"
	scopeForm        = "scopes must be in the gateway's words, such as AGREEMENT_PAY or BASE_USER_INFO"
	returnForm       = "authRedirectUrl must be an https address or an app's own scheme, such as https://shop.example/wallet"
	secretNameForm   = "tokenSecretName must be the name of a Secret: small letters, digits, - and ., such as gcash-4711-token"
	renewalTimes     = "renewBefore must be hours, minutes and seconds between 1m and 8760h, such as 168h"
	systemNeeded     = "osType (IOS or ANDROID) is needed when terminalType is WAP, APP or MINI_APP"
	consentAttempts  = "wait until status.state is AwaitingBuyer, Revoked, Expired or Failed"
	otherAgreement   = " is immutable: create a new AutoDebitAgreement instead"
	oneWalletOnly    = "customerBelongsTo is immutable, as a token belongs to one wallet: create a new AutoDebitAgreement instead"
	recurrenceOfOne  = "recurringPayment is for PAYPAY alone: omit it"
	terminalTypeEnum = `supported values: "WEB", "WAP", "APP", "MINI_APP"`
)

var agreementCreations = slices.Concat([]creation{
	{name: "an agreement of a wallet is accepted"},
	{name: "every field at its least is accepted", patch: `spec: {
		merchantAccountRef: {name: a}, customerBelongsTo: A, scopes: [A], authRedirectUrl: "a://b", redirectThroughOperator: false,
		authCodeSecretRef: {name: s, key: k}, terminalType: WEB, osVersion: "1", authClientId: a, merchantAccountId: m, merchantRegion: JP, additionalFields: {},
		tokenSecretName: t, renewBefore: 1m, attempt: 1, desiredState: Revoked, deletionPolicy: Retain, suspend: true}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		merchantAccountRef: {name: %s}, customerBelongsTo: PAYPAY, recurringPayment: true, scopes: [AGREEMENT_PAY, BASE_USER_INFO, USER_INFO, %s],
		authRedirectUrl: "https://%s", redirectThroughOperator: true, authCodeSecretRef: {name: %s, key: %s}, terminalType: APP, osType: ANDROID,
		osVersion: %s, authClientId: %s, merchantAccountId: %s, tokenSecretName: %s, renewBefore: 8760h, attempt: 99}`,
		long(253), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_ABCDE", long(1016), long(253), long(253), long(16), long(64), long(64), long(253))},

	{name: "an agreement without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "an agreement without account is refused", patch: `spec: {merchantAccountRef: null}`, field: "spec.merchantAccountRef", want: "Required value"},
	{name: "an agreement without wallet is refused", patch: `spec: {customerBelongsTo: null}`, field: "spec.customerBelongsTo", want: "Required value"},
	{name: "an agreement without return address is refused", patch: `spec: {authRedirectUrl: null}`, field: "spec.authRedirectUrl", want: "Required value"},
	{name: "no scope is refused", patch: `spec: {scopes: []}`, field: "spec.scopes", want: "should have at least 1 items"},
	{name: "five scopes are refused", patch: `spec: {scopes: [A, B, C, D, E]}`, field: "spec.scopes", want: "must have at most 4 items"},
	{name: "a scope twice is refused", patch: `spec: {scopes: [AGREEMENT_PAY, AGREEMENT_PAY]}`, field: "spec.scopes[]", want: "Duplicate value"},
	{name: "an unknown terminal is refused", patch: `spec: {terminalType: TV}`, field: "spec.terminalType", want: terminalTypeEnum},
	{name: "an unknown system is refused", patch: `spec: {terminalType: WAP, osType: BEOS}`, field: "spec.osType", want: `supported values: "IOS", "ANDROID"`},
	{name: "a mobile browser with its system is accepted", patch: `spec: {terminalType: WAP, osType: IOS}`},
	{name: "a mobile browser without its system is refused", patch: `spec: {terminalType: WAP}`, field: "spec.osType", want: systemNeeded},
	{name: "an app without its system is refused", patch: `spec: {terminalType: APP}`, field: "spec.osType", want: systemNeeded},
	{name: "a mini program without its system is refused", patch: `spec: {terminalType: MINI_APP}`, field: "spec.osType", want: systemNeeded},
	{name: "recurrence is accepted for PAYPAY", patch: `spec: {customerBelongsTo: PAYPAY, recurringPayment: false}`},
	{name: "recurrence is refused for another wallet", patch: `spec: {recurringPayment: true}`, field: "spec.recurringPayment", want: recurrenceOfOne},
	{name: "an unknown desired state is refused", patch: `spec: {desiredState: Paid}`, field: "spec.desiredState", want: `supported values: "Active", "Revoked"`},
	{name: "an unknown deletion policy is refused", patch: `spec: {deletionPolicy: Cancel}`, field: "spec.deletionPolicy", want: `supported values: "Revoke", "Retain"`},
	{name: "additional fields that are no object are refused", patch: `spec: {additionalFields: [a]}`, field: "spec.additionalFields", want: "must be of type object"},
	{name: "attempt 0 is refused", patch: `spec: {attempt: 0}`, field: "spec.attempt", want: "should be greater than or equal to 1"},
	{name: "attempt 100 is refused", patch: `spec: {attempt: 100}`, field: "spec.attempt", want: "should be less than or equal to 99"},
	{name: "a time to renew that is a number is refused", patch: `spec: {renewBefore: 3600}`, field: "spec.renewBefore", want: "must be of type string"},
},
	textCreations("spec.merchantAccountRef.name", "spec: {merchantAccountRef: {name: %s}}", 253),
	textCreations("spec.authCodeSecretRef.name", "spec: {authCodeSecretRef: {name: %s}}", 253),
	[]creation{
		{name: "a Secret without a name is refused", patch: `spec: {authCodeSecretRef: {key: a}}`, field: "spec.authCodeSecretRef.name", want: "Required value"},
		{name: "an account without a name is refused", patch: `spec: {merchantAccountRef: {name: null}}`, field: "spec.merchantAccountRef.name", want: "Required value"},
	},
	textCreations("spec.authCodeSecretRef.key", "spec: {authCodeSecretRef: {name: a, key: %s}}", 253),
	textCreations("spec.osVersion", "spec: {osVersion: %s}", 16),
	textCreations("spec.authClientId", "spec: {authClientId: %s}", 64),
	textCreations("spec.merchantAccountId", "spec: {merchantAccountId: %s}", 64),
	regionCreations("spec.merchantRegion", "spec: {merchantRegion: %s}"),
	formCreations("spec.customerBelongsTo", "spec: {customerBelongsTo: %s}", walletForm, []string{"GCASH", "GRABPAY_SG", "W1"}, []string{"", "gcash", "GCASH ", "G-CASH", "É"}),
	tooLongCreation("spec.customerBelongsTo", "spec: {customerBelongsTo: %s}", 64),
	formCreations("spec.scopes", "spec: {scopes: [%s]}", scopeForm, []string{"AGREEMENT_PAY", "USER_INFO"}, []string{"", "agreement_pay", "A B", "A1"}),
	withField("spec.scopes[]", tooLongCreation("spec.scopes", "spec: {scopes: [%s]}", 32)),
	formCreations("spec.authRedirectUrl", "spec: {authRedirectUrl: %s}", returnForm,
		[]string{"https://shop.example/wallet?a=b", "shopapp://wallet"},
		[]string{"", "shop.example", "//shop.example", "/wallet", "https://", "https://shop.example/a b", "https://shop.example/\nSet-Cookie: a"}),
	tooLongCreation("spec.authRedirectUrl", "spec: {authRedirectUrl: %s}", 1024),
	formCreations("spec.tokenSecretName", "spec: {tokenSecretName: %s}", secretNameForm,
		[]string{"t", "gcash-4711-token", "a.b"}, []string{"", "Token", "-token", "token-", "a_b", "a/b"}),
	tooLongCreation("spec.tokenSecretName", "spec: {tokenSecretName: %s}", 253),
	formCreations("spec.renewBefore", "spec: {renewBefore: %s}", renewalTimes,
		[]string{"1m", "168h", "720h30m", "8760h"}, []string{"", "0", "59s", "7d", "-1h", "8761h", "1.5h", "week"}),
	tooLongCreation("spec.renewBefore", "spec: {renewBefore: %s}", 16),
)

var agreementChanges = slices.Concat(
	[]change{
		{
			name:  "what does not shape the consent can be changed",
			patch: `spec: {desiredState: Revoked, deletionPolicy: Retain, suspend: true, renewBefore: 24h}`,
		},
		{name: "what is optional can be removed again", before: `spec: {renewBefore: 24h, suspend: true}`, patch: `spec: {renewBefore: null, suspend: null}`},
		{name: "a revoked agreement can be wanted again", before: `spec: {desiredState: Revoked}`, state: "Revoked", patch: `spec: {desiredState: Active, attempt: 2}`},
		{
			name: "redirectThroughOperator can not be switched on", patch: `spec: {redirectThroughOperator: true}`,
			field: "spec.redirectThroughOperator", want: "redirectThroughOperator" + otherAgreement,
		},
	},
	immutable("merchantAccountRef", "{name: one}", "{name: other}", "", "merchantAccountRef"+otherAgreement, false),
	immutable("customerBelongsTo", "DANA", "GCASH", "", oneWalletOnly, false),
	immutable("scopes", "[AGREEMENT_PAY]", "[USER_INFO]", "", "scopes"+otherAgreement, false),
	immutable("authRedirectUrl", `"https://one.example/"`, `"https://other.example/"`, "", "authRedirectUrl"+otherAgreement, false),
	immutable("terminalType", "WAP", "APP", "osType: IOS", "terminalType"+otherAgreement, false),
	immutable("osType", "IOS", "ANDROID", "", "osType"+otherAgreement, true),
	immutable("osVersion", `"1"`, `"2"`, "", "osVersion"+otherAgreement, true),
	immutable("recurringPayment", "true", "false", "customerBelongsTo: PAYPAY", "recurringPayment"+otherAgreement, true),
	immutable("authClientId", "one", "other", "", "authClientId"+otherAgreement, true),
	immutable("merchantAccountId", "one", "other", "", "merchantAccountId"+otherAgreement, true),
	immutable("merchantRegion", "JP", "SG", "", "merchantRegion"+otherAgreement, true),
	immutable("authCodeSecretRef", "{name: one}", "{name: other}", "", "authCodeSecretRef"+otherAgreement, true),
	immutable("tokenSecretName", "one", "other", "", "tokenSecretName"+otherAgreement, true),
	attemptChanges(consentAttempts, []string{"AwaitingBuyer", "Revoked", "Expired", "Failed", "Blocked"},
		[]string{"", "Pending", "Consulting", "Exchanging", "Active", "Renewing", "Revoking"}),
)

func TestFullAutoDebitAgreementStatusIsStored(t *testing.T) {
	agreement := &apiv1.AutoDebitAgreement{}
	createTyped(t, "AutoDebitAgreement", `spec: {additionalFields: {merchantRegion: HK}}`, agreement)
	status := apiv1.AutoDebitAgreementStatus{
		Conditions: []metav1.Condition{
			condition(apiv1.ReadyCondition, metav1.ConditionFalse, apiv1.RenewalRefusedReason),
			condition(apiv1.ReconcilingCondition, metav1.ConditionTrue, apiv1.RenewingReason),
			condition(apiv1.StalledCondition, metav1.ConditionTrue, apiv1.TokenSecretForeignReason),
			condition(apiv1.OutcomeUnknownCondition, metav1.ConditionTrue, apiv1.OutcomeUnknownReason),
			condition(apiv1.RenewalFailingCondition, metav1.ConditionTrue, apiv1.RenewalRefusedReason),
		},
		ObservedGeneration: 1, State: "A_STATE_OF_LATER", Attempt: 99, Consents: 3, ClientID: long(64), GatewayURL: long(2048),
		AuthStateSHA256: long(64), EndedAuthStateSHA256: long(64), ConsultedAt: ptr.To(then),
		Authorization: &apiv1.AgreementAuthorization{
			NormalURL: long(2048), SchemeURL: long(2048), ApplinkURL: long(2048), AppIdentifier: long(128), Code: long(2048),
		},
		RefusedCodesSHA256: slices.Repeat([]string{long(64)}, 8), RefusedCodeAt: ptr.To(then),
		Step: &apiv1.AgreementStep{
			Kind: apiv1.AgreementRevocation, StartedAt: then, TriedAt: then, Tries: 3, CredentialSHA256: long(64), Announced: true, Unanswered: true, RefusedAt: ptr.To(then),
		},
		TokenSecretName: long(253), AccessTokenSHA256: long(64), PreviousAccessTokenSHA256: long(64), RejectedTokenSHA256: long(64),
		AccessTokenTime: ptr.To(then), AccessTokenExpiryTime: ptr.To(then), RefreshTokenExpiryTime: ptr.To(then), Renewable: true,
		RenewalTime: ptr.To(then), Renewals: 7, LastRenewalTime: ptr.To(then), UserLoginID: long(64), RevokedBy: apiv1.EndedByWallet,
		FinishedAt: ptr.To(then), LastResult: result(),
	}
	checkFull(t, status)
	checkFull(t, *status.Step)
	checkFull(t, *status.Authorization)
	before := agreement.DeepCopy()
	agreement.Status = status
	patchStatus(t, agreement, before)
	if !equality.Semantic.DeepEqual(agreement.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", agreement.Status, status)
	}
}
