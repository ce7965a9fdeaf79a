package controllers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// fullSession has every field that a session can have.
func fullSession() *apiv1.Payment {
	payment := detailedPayment()
	spec := &payment.Spec
	spec.Cashier, spec.AppID, spec.Env.TerminalType = nil, "", "WEB"
	spec.CaptureMode = apiv1.ManualCapture
	spec.Session = &apiv1.Session{
		ProductScene: apiv1.HostedPageScene, Locale: "en_US", AllowedPaymentMethodRegions: []string{"HK", "GLOBAL"}, LifetimeSeconds: 1800, Renewals: 2,
	}
	return payment
}

func sessionBody(t testing.TB, payment *apiv1.Payment, intent *apiv1.Intent, requestedAt time.Time) string {
	t.Helper()
	request, err := sessionRequest(payment, "hk_shop_order_1042", intent, requestedAt)
	if err != nil {
		t.Fatal(err)
	}
	return wireBody(t, request)
}

// sessionBodies are the golden bodies by the name of their file.
func sessionBodies(t testing.TB) map[string]string {
	plain := testIntent()
	plain.NotifyURL, plain.SettlementCurrency = "", ""
	at := testIntent().SubmittedAt.Time
	return map[string]string{
		"session-hosted.json":       sessionBody(t, sessionPayment(), plain, at),
		"session-hosted-full.json":  sessionBody(t, fullSession(), testIntent(), at),
		"session-element.json":      sessionBody(t, sessionPayment(embedded("ALIPAY_HK")), plain, at),
		"session-element-card.json": sessionBody(t, sessionPayment(embedded(cardMethod)), testIntent(), at),
	}
}

// The golden bodies must never change, as those of pay.
func TestBodiesOfSessionsAreTheSameInEveryVersion(t *testing.T) {
	for file, got := range sessionBodies(t) {
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

func TestBodyOfASessionSurvivesTheAPIServer(t *testing.T) {
	payment, read := fullSession(), &apiv1.Payment{}
	payment.Status.Intent, payment.Status.Session = testIntent(), &apiv1.SessionStatus{RequestedAt: &testIntent().SubmittedAt}
	throughJSON(t, payment, read)
	before := sessionBody(t, payment, payment.Status.Intent, payment.Status.Session.RequestedAt.Time)
	if diff := cmp.Diff(before, sessionBody(t, read, read.Status.Intent, read.Status.Session.RequestedAt.Time)); diff != "" {
		t.Errorf("body (-before +after):\n%s", diff)
	}
}

// sessionWireTypes are the fields of createPaymentSession and their types on the wire that pay has not, from the table of
// https://docs.antom.com/ac/ams/session_cashier.
var sessionWireTypes = map[string]string{
	"productScene": "text", "paymentFactor.isAuthorization": "boolean", "paymentFactor.captureMode": "text", "paymentSessionExpiryTime": "text",
	"locale": "text", "allowedPaymentMethodRegions[]": "text",
}

func TestSessionHasTheTypesOfTheTables(t *testing.T) {
	var content any
	if err := json.Unmarshal([]byte(sessionBodies(t)["session-hosted-full.json"]), &content); err != nil {
		t.Fatal(err)
	}
	found, want := map[string]string{}, map[string]string{}
	listTypes(content, "", found)
	for field, kind := range wireTypes {
		if field != "appId" && field != "paymentMethod.paymentMethodType" { // a session has no mini program, and on its page the buyer chooses
			want[field] = kind
		}
	}
	for field, kind := range sessionWireTypes {
		want[field] = kind
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("fields of the body (-want +got):\n%s", diff)
	}
}

func TestGatewayTakesEveryFieldOfASession(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	payment := fullSession()
	payment.Name = "order"
	payment.Spec.MerchantAccountID = ""
	w.store.create(payment)
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.StateProcessing, apiv1.AwaitingBuyerReason)
	if got, want := w.payment("order").Status.Session.ExpiryTime.Time, worldStart.Add(30*time.Minute); !got.Equal(want) {
		t.Errorf("the session ends at %s, want %s", got, want)
	}
}

func TestAdditionalFieldsOfASessionHoldNoEndAgreementsOrStoredMethods(t *testing.T) {
	for _, name := range []string{
		"paymentSessionExpiryTime", "paymentExpiryTime", "PAYMENTEXPIRYTIME", "subscriptionInfo", "subscriptionPlan", "agreementInfo", "savedPaymentMethods", "scopes",
	} {
		payment := sessionPayment(func(spec *apiv1.PaymentSpec) { spec.AdditionalFields = raw(`{"` + name + `":{}}`) })
		if _, err := sessionRequest(payment, "id", testIntent(), worldStart); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is answered with %v, want an error that names it", name, err)
		}
	}
	payment := sessionPayment(func(spec *apiv1.PaymentSpec) {
		spec.AdditionalFields = raw(`{"merchantRegion":"HK","paymentMethod":{"cardNo":"1"}}`)
	})
	if _, err := sessionRequest(payment, "id", testIntent(), worldStart); err == nil {
		t.Error("card data is taken")
	}
}
