package secrets

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// tokenLife is how long a token lives in these tests. Wallets give days: their clock is that much behind.
const tokenLife = 40 * time.Second

// wallets has wallets of every kind, whose tokens live for tokenLife.
func wallets(o *simulator.Options) {
	o.Now = func() time.Time { return time.Now().Add(tokenLife - 24*time.Hour) }
	usual := simulator.Wallet{AccessTokenDays: 1, RefreshTokenDays: 30, Refresh: simulator.RefreshReplaced, NotifiesCancel: true, AnnouncesToken: true}
	silent, without := usual, usual
	silent.NotifiesCancel, silent.AnnouncesToken = false, false
	without.WithoutCode = true
	o.Wallets = map[string]simulator.Wallet{"ALIPAY_HK": usual, "BOOST": usual, "MAYA": silent, "GCASH": without}
}

// consents are the agreements of these tests, by the way in which their consent comes.
var consents = map[string]struct {
	wallet, currency string
	// How the gateway is careless with the consult, and with the exchange of the code.
	consult, exchange []carelessness
}{
	"noticed":   {"ALIPAY_HK", "HKD", []carelessness{repeatInUnknown}, []carelessness{noJSON, repeatInUnknown}},
	"browsed":   {"BOOST", "MYR", []carelessness{wrongSignature}, []carelessness{wrongSignature, unavailable}},
	"shopped":   {"MAYA", "PHP", []carelessness{noJSON, wrongTypes}, []carelessness{wrongTypes}},
	"announced": {"GCASH", "PHP", []carelessness{unavailable}, nil},
}

func (s *shop) agreement(name string) *apiv1.AutoDebitAgreement {
	return &apiv1.AutoDebitAgreement{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Namespace}}
}

// consent is the gateway's record of an agreement's consent.
func (s *shop) consent(name string) simulator.Authorization {
	s.t.Helper()
	for _, a := range s.Simulator.Ledger().Authorizations {
		if a.CustomerBelongsTo == consents[name].wallet {
			return a
		}
	}
	s.t.Fatalf("the gateway was not asked for the consent %s", name)
	return simulator.Authorization{}
}

// agree creates the agreements and has their buyers consent. The gateway is careless with each of them.
func (s *shop) agree() {
	s.t.Helper()
	for name, of := range consents {
		s.gateway.careless("consult", of.wallet, of.consult...)
		agreement := s.agreement(name)
		agreement.Spec = apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testenv.AccountName}, CustomerBelongsTo: of.wallet,
			AuthRedirectURL: "https://shop.example/wallet", RedirectThroughOperator: name == "browsed",
		}
		if name == "shopped" {
			agreement.Spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
		}
		s.Create(agreement)
	}
	for name, of := range consents {
		s.awaitReason(s.agreement(name), apiv1.AwaitingConsentReason)
		s.gateway.careless("applyToken", of.wallet, of.exchange...)
		back, err := s.Simulator.BuyerAgrees(s.consent(name).AuthorizationID, "")
		s.must(err)
		brought, err := url.Parse(back)
		s.must(err)
		switch name {
		case "browsed":
			s.returnBadly(back)
			if got := s.request(http.MethodGet, back, "", nil); got.StatusCode != http.StatusSeeOther {
				s.t.Errorf("the browser gets %s", got.Status)
			}
		case "shopped":
			s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "shop-code"}, Data: map[string][]byte{
				apiv1.AuthCodeSecretKey: []byte(brought.Query().Get("authCode")), apiv1.AuthStateSecretKey: []byte(brought.Query().Get("authState")),
			}})
		}
	}
	for name := range consents {
		s.awaitReason(s.agreement(name), apiv1.TokenValidReason)
	}
	s.awaitLapses()
}

// returnBadly sends what looks like the return of a browser, and is not quite one.
func (s *shop) returnBadly(back string) {
	s.t.Helper()
	for _, bad := range []struct{ method, address string }{
		{http.MethodHead, back}, {http.MethodPost, back}, {http.MethodGet, back + "&authCode=another"}, {http.MethodGet, back + "%00"},
		{http.MethodGet, back + strings.Repeat("&a=b", 2000)}, {http.MethodGet, strings.Replace(back, "/"+testenv.AccountName, "/other", 1)},
		{http.MethodGet, strings.Replace(back, "authCode=", "authCode="+strings.Repeat("c", 128), 1)},
	} {
		if got := s.request(bad.method, bad.address, "", nil); got.StatusCode/100 != 4 {
			s.t.Errorf("%s of something that is no return gets %s", bad.method, got.Status)
		}
	}
}

// newDebit debits an agreement.
func newDebit(name, agreement string) *apiv1.Payment {
	payment := testenv.NewPayment(name)
	payment.Spec.Amount.Currency = consents[agreement].currency
	payment.Spec.Cashier, payment.Spec.RedirectURL = nil, ""
	payment.Spec.AutoDebit = &apiv1.AutoDebit{AgreementRef: apiv1.AgreementReference{Name: agreement}}
	return payment
}

// debit makes debits that end in every way.
func (s *shop) debit() {
	s.t.Helper()
	paid := newDebit("debit-paid", "shopped")
	s.Create(paid)
	s.awaitReason(paid, apiv1.PaidReason)
	for i, how := range everyCarelessness {
		debit := newDebit(fmt.Sprintf("debit-careless-%d", i), "shopped")
		s.gateway.careless("pay", debit.Name, how)
		s.Create(debit)
	}
	for _, kind := range []simulator.FaultKind{simulator.DropRequest, simulator.DropResponse, simulator.BadSignature, simulator.UnknownExceptionAfter} {
		debit := newDebit("debit-"+strings.ToLower(string(kind)), "shopped")
		s.must(s.Simulator.Inject(simulator.Fault{Kind: kind, Path: "pay", Target: debit.Name}))
		s.Create(debit)
	}
	s.awaitLapses()

	s.must(s.Simulator.SetDebits(s.consent("shopped").AuthorizationID, simulator.DebitPoor))
	poor := newDebit("debit-poor", "shopped")
	s.Create(poor)
	s.awaitReason(poor, "USER_BALANCE_NOT_ENOUGH")
}

// renew waits until a token was renewed with answers lost and worse.
func (s *shop) renew() {
	s.t.Helper()
	s.gateway.careless("applyToken", s.consent("shopped").CustomerBelongsTo, noJSON, wrongSignature)
	s.must(s.Simulator.Inject(simulator.Fault{Kind: simulator.DropResponse, Path: "applyToken", Target: s.consent("shopped").CustomerBelongsTo}))
	s.awaitLapses()
	renewals := s.consent("shopped").Refreshes()
	eventually(s.t, func() error {
		agreement := s.agreement("shopped")
		if s.Get("shopped", agreement); agreement.Status.State != apiv1.AgreementActive || s.consent("shopped").Refreshes() <= renewals {
			return fmt.Errorf("the agreement is %s after %d renewals: %+v", agreement.Status.State, s.consent("shopped").Refreshes(), agreement.Status.Conditions)
		}
		return nil
	})
}

// forge sends notifications with the real credentials that the gateway has not signed, or that are not what they seem.
func (s *shop) forge() {
	s.t.Helper()
	for name := range consents {
		consent := s.consent(name)
		newest := consent.Tokens[len(consent.Tokens)-1]
		for _, body := range []string{
			fmt.Sprintf(`{"authorizationNotifyType":"TOKEN_CANCELED","accessToken":%q,"result":{"resultCode":"SUCCESS","resultStatus":"S"}}`, newest.AccessToken),
			fmt.Sprintf(`{"authorizationNotifyType":"TOKEN_CREATED","authState":%q,"accessToken":%q,"refreshToken":%q}`, consent.AuthState, newest.AccessToken, newest.RefreshToken),
			fmt.Sprintf(`{"authorizationNotifyType":"AUTHCODE_CREATED","authState":%q,"authCode":%q`, consent.AuthState, consent.AuthCode),
		} {
			s.notify(body, false)
		}
		// Well signed, about this agreement, and of types and forms that nobody knows.
		s.notify(fmt.Sprintf(`{"authorizationNotifyType":%q,"authState":%q,"accessToken":[%q]}`, "TOKEN_OF_"+name, consent.AuthState, newest.AccessToken), true)
		s.notify(fmt.Sprintf(`{"authorizationNotifyType":"TOKEN_CREATED","authState":%q,"result":{"resultStatus":"F","resultMessage":%q}}`, consent.AuthState, newest.AccessToken), true)
	}
}

// end has the agreements end in every way.
func (s *shop) end() {
	s.t.Helper()
	s.must(s.Simulator.BuyerCancels(s.consent("noticed").AuthorizationID, "too dear"))
	s.awaitReason(s.agreement("noticed"), apiv1.RevokedByBuyerReason)

	s.gateway.careless("revoke", "", wrongSignature, noJSON, repeatInUnknown, unavailable, wrongTypes)
	browsed := s.agreement("browsed")
	s.Get("browsed", browsed)
	base := browsed.DeepCopy()
	browsed.Spec.DesiredState = apiv1.DesiredRevoked
	s.must(cluster.Client.Patch(s.t.Context(), browsed, client.MergeFrom(base)))
	s.awaitReason(browsed, apiv1.RevokedReason)

	s.gateway.careless("revoke", "", repeatInRefusal)
	s.must(cluster.Client.Delete(s.t.Context(), s.agreement("announced")))
	s.awaitLapses()

	s.must(s.Simulator.BuyerCancels(s.consent("shopped").AuthorizationID, "")) // which nobody is told
	dead := newDebit("debit-dead", "shopped")
	s.Create(dead)
	s.awaitReason(dead, alipay.CodeInvalidAccessToken, apiv1.AwaitingAgreementReason)
	s.awaitReason(s.agreement("shopped"), apiv1.TokenRejectedReason, apiv1.TokenExpiredReason)
}

// credentials are those that the wallets have given.
func (s *shop) credentials() []canary {
	var found []canary
	for name := range consents {
		consent := s.consent(name)
		found = append(found, canary{name: "authState " + name, text: consent.AuthState, inSecret: true, onWire: true})
		if consent.AuthCode != "" {
			found = append(found, canary{name: "authCode " + name, text: consent.AuthCode, inSecret: true, onWire: true})
		}
		for i, token := range consent.Tokens { // of the later ones some were lost on their way
			found = append(found, canary{name: fmt.Sprintf("access token %d of %s", i, name), text: token.AccessToken, inSecret: i == 0, onWire: i == 0})
			if token.RefreshToken != "" {
				given := i == 0 && name != "announced" // an announcement has none
				found = append(found, canary{name: fmt.Sprintf("refresh token %d of %s", i, name), text: token.RefreshToken, inSecret: given, onWire: given})
			}
		}
	}
	return found
}
