//go:build browser

package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// shopPage is the shop's own page, to which buyers come back from the wallet. It notes what their browsers tell it.
type shopPage struct {
	*httptest.Server
	// queries and referrers are of each visit, in order.
	queries, referrers chan string
}

func openShopPage(t *testing.T) *shopPage {
	t.Helper()
	page := &shopPage{queries: make(chan string, 10), referrers: make(chan string, 10)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /wallet", func(w http.ResponseWriter, r *http.Request) {
		page.queries <- r.URL.RawQuery
		page.referrers <- r.Referer()
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = w.Write([]byte(`<!doctype html><title>Shop</title><p id="welcome">Welcome back</p>`))
	})
	page.Server = httptest.NewServer(mux)
	t.Cleanup(page.Close)
	return page
}

// expectVisit expects that a browser has come, and has brought nothing.
func (p *shopPage) expectVisit(t *testing.T) {
	t.Helper()
	if query, referrer := <-p.queries, <-p.referrers; query != "" || referrer != "" {
		t.Errorf("the shop's page was visited with %d characters of query and %d of referrer, want none of both", len(query), len(referrer))
	}
}

// askConsent creates an agreement whose buyer returns through the operator, and returns the wallet's page.
func (s *shop) askConsent(name string, page *shopPage) string {
	s.T.Helper()
	s.Create(&apiv1.AutoDebitAgreement{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testenv.AccountName}, CustomerBelongsTo: "ALIPAY_HK",
			AuthRedirectURL: page.URL + "/wallet", RedirectThroughOperator: true,
		},
	})
	return s.awaitAgreement(name, apiv1.AgreementAwaitingBuyer, "").Status.Authorization.NormalURL
}

// awaitAgreement watches an agreement until it has the state, and another page for its buyer than the one given, and returns it.
func (s *shop) awaitAgreement(name string, want apiv1.AgreementState, notAt string) *apiv1.AutoDebitAgreement {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), longestWait)
	defer cancel()
	watcher, err := s.Cluster.Client.Watch(ctx, &apiv1.AutoDebitAgreementList{}, client.InNamespace(s.Namespace), client.MatchingFields{"metadata.name": name})
	if err != nil {
		s.T.Fatal(err)
	}
	defer watcher.Stop()
	last := &apiv1.AutoDebitAgreement{}
	for event := range watcher.ResultChan() {
		agreement, isAgreement := event.Object.(*apiv1.AutoDebitAgreement)
		if !isAgreement {
			s.T.Fatalf("watching agreement %s: %+v", name, event.Object)
		}
		last = agreement
		if page := agreement.Status.Authorization; agreement.Status.State == want && (notAt == "" || page != nil && page.NormalURL != notAt) {
			return agreement
		}
	}
	s.T.Fatalf("agreement %s is not %s in time; at last: %+v", name, want, last.Status)
	return nil
}

// consentAt is the gateway's record of the consent that is given on a page.
func (s *shop) consentAt(page string) simulator.Authorization {
	s.T.Helper()
	for _, consent := range s.Simulator.Ledger().Authorizations {
		if consent.NormalURL == page {
			return consent
		}
	}
	s.T.Fatal("the gateway knows no consent of that page")
	return simulator.Authorization{}
}

// debit takes 100.00 HKD of an agreement's buyer.
func (s *shop) debit(name, agreement string) *apiv1.Payment {
	payment := testenv.NewPayment(name)
	payment.Spec.Cashier, payment.Spec.RedirectURL = nil, ""
	payment.Spec.AutoDebit = &apiv1.AutoDebit{AgreementRef: apiv1.AgreementReference{Name: agreement}}
	return payment
}

// No notification is announced here: the code comes by the browser alone.
func TestBuyersConsentWithABrowser(t *testing.T) {
	open := openShop(t)
	chromium := openBrowser(t)
	t.Run("a buyer who agrees comes back to the shop through the operator, and is debited once", func(t *testing.T) {
		t.Parallel()
		s, page := open.in(t), openShopPage(t)
		wallet := s.askConsent("agreed", page)
		chromium.visit(t, wallet, see("#refuse"), click("agree"), see("#welcome"))
		page.expectVisit(t)
		agreement := s.awaitAgreement("agreed", apiv1.AgreementActive, "")
		s.Create(s.debit("january", "agreed"))
		january := s.await("january", apiv1.PaymentPaid)
		s.expectCharges(january, 1)
		if got, want := january.Status.Debit.AccessTokenSHA256, agreement.Status.AccessTokenSHA256; got != want {
			t.Errorf("the debit names the token %s, want the agreement's %s", got, want)
		}
		if consent := s.consentAt(wallet); consent.State != simulator.AuthorizationActive || consent.CodeAttempts() != 1 {
			t.Errorf("the consent is %s after %d exchanges, want ACTIVE after 1", consent.State, consent.CodeAttempts())
		}
	})
	t.Run("a buyer who refuses comes back to the shop, nobody hears of it, and a raised attempt asks again", func(t *testing.T) {
		t.Parallel()
		s, page := open.in(t), openShopPage(t)
		wallet := s.askConsent("refused", page)
		chromium.visit(t, wallet, click("refuse"), seeState(simulator.AuthorizationRefused), click("return"), see("#welcome"))
		page.expectVisit(t)
		if consent := s.consentAt(wallet); consent.State != simulator.AuthorizationRefused || consent.CodeAttempts() != 0 {
			t.Errorf("the consent is %s after %d exchanges, want REFUSED after none", consent.State, consent.CodeAttempts())
		}
		agreement := s.awaitAgreement("refused", apiv1.AgreementAwaitingBuyer, "")
		if got := agreement.Status.Authorization.NormalURL; got != wallet {
			t.Errorf("the buyer is asked at another page already")
		}

		agreement.Spec.Attempt = 2
		if err := s.Cluster.Client.Update(t.Context(), agreement); err != nil {
			t.Fatal(err)
		}
		again := s.awaitAgreement("refused", apiv1.AgreementAwaitingBuyer, wallet).Status.Authorization.NormalURL
		chromium.visit(t, again, click("agree"), see("#welcome"))
		page.expectVisit(t)
		s.awaitAgreement("refused", apiv1.AgreementActive, "")
	})
}
