package controllers

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// fullAgreement has every field that an agreement can have.
func fullAgreement() *apiv1.AutoDebitAgreement {
	return newAgreement("PAYPAY", func(spec *apiv1.AutoDebitAgreementSpec) {
		*spec = apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: spec.MerchantAccountRef, CustomerBelongsTo: "PAYPAY",
			Scopes:          []string{alipay.ScopeBaseUserInfo, alipay.ScopeUserInfo, alipay.ScopeAgreementPay},
			AuthRedirectURL: `https://shop.example/wallet?lang=en&plan=<gold>&name=%E9%87%91`, RedirectThroughOperator: true,
			AuthCodeSecretRef: &apiv1.SecretKeyReference{Name: "shop-code", Key: "code"},
			TerminalType:      "APP", OSType: "ANDROID", OSVersion: "16.1", RecurringPayment: ptr.To(false),
			AuthClientID: "SECONDARY_7", MerchantAccountID: "store-12", MerchantRegion: "JP",
			AdditionalFields: raw(`{"env":{"weight":1.50,"serial":12345678901234567890}}`),
			TokenSecretName:  agreementName + "-token", RenewBefore: &metav1.Duration{Duration: 720 * time.Hour},
			Attempt: 1, DesiredState: apiv1.DesiredActive, DeletionPolicy: apiv1.RevokeAgreement, Suspend: true,
		}
	})
}

func TestFullAgreementHasEveryField(t *testing.T) {
	spec := reflect.ValueOf(fullAgreement().Spec)
	for i := range spec.NumField() {
		if spec.Field(i).IsZero() {
			t.Errorf("it has no %s", spec.Type().Field(i).Name)
		}
	}
}

// agreementBodies are the requests of an agreement's whole life, as they were sent. What the operator or the gateway chose at random is replaced by
// its name.
func agreementBodies(t *testing.T, agreement *apiv1.AutoDebitAgreement) map[string]string {
	t.Helper()
	agreement.Spec.Suspend = false
	w := consented(t, agreement)
	state := w.authState()
	w.untilRenewal()
	w.must(w.reconcileAgreement(agreementName))
	w.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) { spec.DesiredState = apiv1.DesiredRevoked })
	w.travel(time.Minute)
	w.expectAgreement(apiv1.AgreementRevoked, apiv1.RevokedReason)
	consent := w.consent()
	if len(consent.Tokens) != 2 || state != consent.AuthState {
		t.Fatalf("%d tokens for %q, want two for %q", len(consent.Tokens), consent.AuthState, state)
	}
	names := strings.NewReplacer(state, "[authState]", consent.AuthCode, "[authCode]",
		consent.Tokens[0].RefreshToken, "[first refreshToken]", consent.Tokens[1].AccessToken, "[second accessToken]")
	bodies := map[string]string{}
	for _, request := range w.sent {
		name := map[string]string{"consult": "consult", "revoke": "revoke"}[request.operation]
		if request.operation == "applyToken" {
			name = map[any]string{alipay.GrantAuthorizationCode: "exchange", alipay.GrantRefreshToken: "renew"}[request.fields["grantType"]]
		}
		if name == "" {
			continue
		}
		if bodies[name] != "" {
			t.Errorf("%s was sent twice", name)
		}
		bodies[name] = names.Replace(string(request.body))
	}
	return bodies
}

// The golden bodies must never change: a request that is sent again must have the bytes of the first one, whatever version sent that.
func TestBodiesOfAgreementsAreTheSameInEveryVersion(t *testing.T) {
	for variant, agreement := range map[string]*apiv1.AutoDebitAgreement{"full": fullAgreement(), "plain": newAgreement("GCASH")} {
		bodies := agreementBodies(t, agreement)
		if len(bodies) != 4 {
			t.Errorf("%d requests of the %s agreement, want 4", len(bodies), variant)
		}
		for request, got := range bodies {
			file := "agreement-" + request + "-" + variant + ".json"
			t.Run(file, func(t *testing.T) {
				want, err := os.ReadFile(filepath.Join("testdata", file))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(bytes.TrimSpace(want)), got); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// consentOnly are the fields that shape no body of a consult: what they are for comes later, or concerns the operator alone.
var consentOnly = []string{
	"MerchantAccountRef", "AuthCodeSecretRef", "TokenSecretName", "RenewBefore", "Attempt", "DesiredState", "DeletionPolicy", "Suspend",
}

func TestConsultCarriesEveryFieldThatTheBuyerConsentsTo(t *testing.T) {
	account := &apiv1.MerchantAccount{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: testAccount}}
	account.Spec.NotificationBaseURL = testReceiver + "/"
	body := func(agreement *apiv1.AutoDebitAgreement) string {
		request, err := consultAuthorizationRequest(agreement, account, "state")
		if err != nil {
			t.Fatal(err)
		}
		return wireBody(t, request)
	}
	full := body(fullAgreement())
	fields := reflect.TypeFor[apiv1.AutoDebitAgreementSpec]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if name == "AuthRedirectURL" {
			continue // the operator's own address is sent instead
		}
		changed := fullAgreement()
		reflect.ValueOf(&changed.Spec).Elem().Field(i).SetZero()
		if same := body(changed) == full; same != slices.Contains(consentOnly, name) {
			t.Errorf("without %s the body is the same: %t", name, same)
		}
	}
	direct := fullAgreement()
	direct.Spec.RedirectThroughOperator = false
	if got := body(direct); !strings.Contains(got, `"authRedirectUrl":"`+direct.Spec.AuthRedirectURL+`"`) {
		t.Errorf("body = %s, want the shop's own address", got)
	}
	read := &apiv1.AutoDebitAgreement{}
	throughJSON(t, fullAgreement(), read)
	if diff := cmp.Diff(full, body(read)); diff != "" {
		t.Errorf("body (-before +after the API server):\n%s", diff)
	}
}

// Many consents were asked for, and browsers came back from all of them.
func TestReturnsOfFormerConsentsDoNotHideTheNewestOne(t *testing.T) {
	w := agreementWorld(t, newAgreement("GCASH", func(spec *apiv1.AutoDebitAgreementSpec) { spec.RedirectThroughOperator = true }))
	w.must(w.reconcileAgreement(agreementName))
	for i := range 2 * mostReturns {
		former := credentialHash(strings.Repeat("x", i+1))[:12]
		w.annotate(w.agreement(), apiv1.AgreementReturnAnnotation+"-"+former+"-"+former, agreementName+"-return-"+former)
	}
	code, state := w.buyerAgrees()
	w.browserReturns(code, state)
	w.followAgreement(time.Minute)
	w.expectAgreement(apiv1.AgreementActive, apiv1.TokenValidReason)
}
