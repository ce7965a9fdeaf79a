package integration

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// newDebit debits the agreement "monthly" of GCash.
func newDebit(name string) *apiv1.Payment {
	payment := testenv.NewPayment(name)
	payment.Spec.Amount = apiv1.Amount{Currency: "PHP", Value: "49900"}
	payment.Spec.Cashier, payment.Spec.RedirectURL = nil, ""
	payment.Spec.AutoDebit = &apiv1.AutoDebit{AgreementRef: apiv1.AgreementReference{Name: "monthly"}}
	return payment
}

// The first debit is there before the agreement is, and starts by itself. The last one comes after the buyer has ended the agreement in the
// wallet, which tells nobody.
func TestDebitsFromConsentToTheBuyersEnd(t *testing.T) {
	s := newNotifiedShop(t)
	s.must(s.Simulator.SetNotifyURL(testenv.ClientID, s.Ingress.URL+"/notify/"+s.Namespace+"/"+testenv.AccountName))
	january := newDebit("january")
	s.Create(january)
	s.expectReason(january, apiv1.AwaitingAgreementReason)
	agreement := &apiv1.AutoDebitAgreement{
		ObjectMeta: metav1.ObjectMeta{Name: "monthly"},
		Spec: apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testenv.AccountName}, CustomerBelongsTo: "GCASH", AuthRedirectURL: "https://shop.example/wallet",
		},
	}
	s.Create(agreement)
	s.awaitAgreement(agreement, apiv1.AgreementAwaitingBuyer, apiv1.AwaitingConsentReason)
	_, err := s.Simulator.BuyerAgrees(s.consentOf().AuthorizationID, "")
	s.must(err)
	s.pass(5 * time.Second) // the gateway announces the code
	s.awaitAgreement(agreement, apiv1.AgreementActive, apiv1.TokenValidReason)
	s.awaitPayment(january, apiv1.PaymentPaid)
	for _, month := range []string{"february", "march"} {
		debit := newDebit(month)
		s.Create(debit)
		s.awaitPayment(debit, apiv1.PaymentPaid)
		if debit.Status.PaymentMethodType != "GCASH" || debit.Status.Debit.AccessTokenSHA256 != agreement.Status.AccessTokenSHA256 {
			t.Errorf("status = %+v, want the agreement's wallet and token", debit.Status)
		}
	}

	s.must(s.Simulator.SetDebits(s.consentOf().AuthorizationID, simulator.DebitPoor))
	april := newDebit("april")
	s.Create(april)
	s.awaitPayment(april, apiv1.StateFailed)
	s.expectReason(april, "USER_BALANCE_NOT_ENOUGH")

	s.must(s.Simulator.BuyerCancels(s.consentOf().AuthorizationID, ""))
	may := newDebit("may")
	s.Create(may)
	s.awaitPayment(may, apiv1.StateFailed)
	s.expectReason(may, alipay.CodeInvalidAccessToken)
	june := newDebit("june")
	s.Create(june)
	s.expectReason(june, apiv1.AwaitingAgreementReason)

	ledger := s.Simulator.Ledger()
	for month, want := range map[string]int{"january": 1, "february": 1, "march": 1, "april": 0, "may": 0, "june": 0} {
		if got := ledger.ChargesOfOrder(month); got != want {
			t.Errorf("charges of %s = %d, want %d", month, got, want)
		}
	}
	dead := 0
	for _, token := range s.consentOf().Tokens {
		dead += token.DeadDebits
	}
	if dead != 1 {
		t.Errorf("%d debits left with a dead token, want the one that found out", dead)
	}
	s.must(ledger.Check())
}
