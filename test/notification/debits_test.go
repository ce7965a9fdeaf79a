package notification

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

const (
	manyDebits          = 5000
	manyDebitsUnderRace = 300
	debitRate           = 50
	// slowDebits are of another account, whose gateway takes slowAnswer each time.
	slowDebits = 40
	slowAnswer = 5 * time.Second
	// slowClient is that account's.
	slowClient = "SANDBOX_5YTESTSLOW000001"
	// longestDebits bounds the test: five thousand requests at the given rate take 100 s on a machine with nothing else to do.
	longestDebits = 15 * time.Minute
)

func TestManyDebitsOfALimitedAccountAreEachMadeOnceBesideASlowAccount(t *testing.T) {
	count := manyDebits
	if raceDetector {
		count = manyDebitsUnderRace
	}
	s := testenv.NewShop(t, cluster, func(o *simulator.Options) {
		o.Clients = append(o.Clients, simulator.Client{ID: slowClient, PublicKey: &testenv.MerchantKey().PublicKey})
	})
	limitAccount(t, s)
	slow := s.Account()
	slow.Name, slow.Spec.ClientID, slow.Spec.RequestIDPrefix = "slow", slowClient, "s"
	s.Create(slow)
	s.RunManager(nil)
	for name, clientID := range map[string]string{testenv.AccountName: testenv.ClientID, "slow": slowClient} {
		awaitAccount(t, s, name)
		activeAgreement(t, s, name, clientID)
	}
	if err := s.Simulator.Inject(simulator.Fault{Kind: simulator.Delay, ClientID: slowClient, Delay: slowAnswer, Times: -1}); err != nil {
		t.Fatal(err)
	}

	createDebits(t, s, "slow", slowDebits)
	began := time.Now()
	createDebits(t, s, testenv.AccountName, count)
	created := time.Since(began)
	awaitDebits(t, s, testenv.AccountName, count)
	ledger := s.Simulator.Ledger()
	t.Logf("%d debits, created in %s, were paid after %s at up to %d/s", count, created, time.Since(began), ledger.HighestRate(testenv.ClientID))
	for i := range count {
		if got := ledger.ChargesOfOrder(debitName(testenv.AccountName, i)); got != 1 {
			t.Errorf("charges of debit %d = %d, want 1", i, got)
		}
	}
	if got := ledger.HighestRate(testenv.ClientID); got > debitRate+debitRate/2 { // what left evenly may arrive in a bunch
		t.Errorf("the gateway has seen %d requests within a second, want about %d", got, debitRate)
	}
	if err := ledger.Check(); err != nil {
		t.Error(err)
	}
	if got := ledger.Rates[slowClient].MostAtOnce; got == 0 || got > testenv.Workers/2 {
		t.Errorf("the slow account had %d requests under way at once, want some, and at most half of the %d workers", got, testenv.Workers)
	}
	s.Simulator.ClearFaults()
	awaitDebits(t, s, "slow", slowDebits)
	for i := range slowDebits {
		if got := s.Simulator.Ledger().ChargesOfOrder(debitName("slow", i)); got != 1 {
			t.Errorf("charges of slow debit %d = %d, want 1", i, got)
		}
	}
}

// limitAccount gives the shop's account its rate, and no burst beyond it.
func limitAccount(t *testing.T, s *testenv.Shop) {
	t.Helper()
	account := &apiv1.MerchantAccount{}
	s.Get(testenv.AccountName, account)
	account.Spec.RateLimit = &apiv1.RateLimit{RequestsPerSecond: debitRate, Burst: 1}
	if err := cluster.Client.Update(t.Context(), account); err != nil {
		t.Fatal(err)
	}
}

func awaitAccount(t *testing.T, s *testenv.Shop, name string) {
	t.Helper()
	account := &apiv1.MerchantAccount{}
	eventually(t, 100*time.Millisecond, time.Minute, func() error {
		if s.Get(name, account); !meta.IsStatusConditionTrue(account.Status.Conditions, apiv1.ReadyCondition) {
			return fmt.Errorf("account %s is %+v", name, account.Status.Conditions)
		}
		return nil
	})
}

// activeAgreement has a buyer consent to debits of an account. The shop's site hands the code over in a Secret.
func activeAgreement(t *testing.T, s *testenv.Shop, account, clientID string) {
	t.Helper()
	agreement := &apiv1.AutoDebitAgreement{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		Spec: apiv1.AutoDebitAgreementSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: account}, CustomerBelongsTo: "ALIPAY_HK", AuthRedirectURL: "https://shop.example/bound",
			AuthCodeSecretRef: &apiv1.SecretKeyReference{Name: account + "-code"},
		},
	}
	s.Create(agreement)
	consent := ""
	eventually(t, 100*time.Millisecond, time.Minute, func() error {
		for _, a := range s.Simulator.Ledger().Authorizations {
			if a.ClientID == clientID {
				consent = a.AuthorizationID
				return nil
			}
		}
		return errors.New("the gateway was not asked for a consent")
	})
	back, err := s.Simulator.BuyerAgrees(consent, "")
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	brought := address.Query()
	s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: account + "-code"}, Data: map[string][]byte{
		apiv1.AuthCodeSecretKey: []byte(brought.Get("authCode")), apiv1.AuthStateSecretKey: []byte(brought.Get("authState")),
	}})
	eventually(t, 500*time.Millisecond, 2*time.Minute, func() error {
		if s.Get(account, agreement); !meta.IsStatusConditionTrue(agreement.Status.Conditions, apiv1.ReadyCondition) {
			return fmt.Errorf("agreement %s is %s: %+v", account, agreement.Status.State, agreement.Status.Conditions)
		}
		return nil
	})
}

func debitName(account string, i int) string { return fmt.Sprintf("%s-debit-%d", account, i) }

func createDebits(t *testing.T, s *testenv.Shop, account string, count int) {
	t.Helper()
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range creators {
		workers.Go(func() {
			for i := range numbers {
				payment := testenv.NewPayment(debitName(account, i))
				payment.Namespace = s.Namespace
				payment.Spec.MerchantAccountRef.Name = account
				payment.Spec.Cashier, payment.Spec.RedirectURL = nil, ""
				payment.Spec.AutoDebit = &apiv1.AutoDebit{AgreementRef: apiv1.AgreementReference{Name: account}}
				if err := cluster.Client.Create(t.Context(), payment); err != nil {
					t.Errorf("creating %s: %v", payment.Name, err)
				}
			}
		})
	}
	for i := range count {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}

// awaitDebits waits until all debits of an account are reported as paid.
func awaitDebits(t *testing.T, s *testenv.Shop, account string, count int) {
	t.Helper()
	eventually(t, time.Second, longestDebits, func() error {
		if sent := s.Simulator.Ledger().Calls("pay"); sent < count { // a list of everything costs the API server much
			return fmt.Errorf("%d debits were sent, want %d", sent, count)
		}
		payments, paid := &apiv1.PaymentList{}, 0
		if err := cluster.Client.List(t.Context(), payments, client.InNamespace(s.Namespace)); err != nil {
			return err
		}
		for i := range payments.Items {
			payment := &payments.Items[i]
			if payment.Spec.MerchantAccountRef.Name == account && payment.Status.State == apiv1.PaymentPaid {
				paid++
			}
		}
		if paid != count {
			return fmt.Errorf("%d debits are paid, want %d", paid, count)
		}
		return nil
	})
}
