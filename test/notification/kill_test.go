package notification

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

const (
	paymentsPerRound = 24
	sendersPerRound  = 8
)

// kills are the acknowledgements right after which the kill of a round strikes: the first, one in the middle, one of the last.
var kills = []int{1, 6, 12, 18, 23}

// proxyPrefix is a part of the notifications' address that a proxy takes away. The gateway signs it.
const proxyPrefix = "/payments"

func TestAcknowledgedNotificationSurvivesKillOfManagerAndAPIServer(t *testing.T) {
	s := newKillShop(t)
	manager := testenv.StartProgram(t, s.Cluster)
	early := 0
	for round, kill := range kills {
		letters := s.announce(round)
		acknowledged, err := s.deliverUntil(kill, letters, manager)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		before := s.inquiries()
		if s.Cluster, err = testenv.StartDurableCluster(t.Context(), s.dir); err != nil {
			t.Fatal(err)
		}
		settled := s.checkStored(acknowledged)
		early += settled
		manager = testenv.StartProgram(t, s.Cluster)
		s.settle(round)
		after := s.inquiries()
		for _, l := range acknowledged {
			if n := after[l.paymentRequestID] - before[l.paymentRequestID]; n > 0 {
				t.Errorf("round %d: %d inquiries about %s after its notification was acknowledged, want none", round, n, l.paymentRequestID)
			}
		}
		t.Logf("round %d: killed after acknowledgement %d; %d of %d acknowledged, all stored; %d of them settled before the kill, the others after it",
			round, kill, len(acknowledged), len(letters), settled)
	}
	if early == paymentsPerRound*len(kills) {
		t.Error("every payment was settled before its kill: the test shows nothing")
	}
	s.checkLedger()
}

// killShop is a shop with a durable API server of its own, whose notifications the test delivers.
type killShop struct {
	*testenv.Shop
	dir  string
	mail mailbox
}

func newKillShop(t *testing.T) *killShop {
	t.Helper()
	s := &killShop{dir: t.TempDir()}
	durable, err := testenv.StartDurableCluster(t.Context(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Shop = &testenv.Shop{T: t, Cluster: durable, Namespace: "shop", Key: testenv.MerchantKey()}
	t.Cleanup(func() { s.Cluster.Kill() })
	s.StartSimulator(func(o *simulator.Options) {
		o.Buyer, o.NotifyClient = simulator.BuyerManual, &http.Client{Transport: &s.mail}
	})
	s.CreateNamespace()
	s.Create(s.Secret())
	account := s.Account()
	account.Spec.NotificationBaseURL = "https://shop.example" + proxyPrefix
	s.Create(account)
	return s
}

func orderName(round, i int) string { return fmt.Sprintf("order-%d-%d", round, i) }

// announce makes payments that their buyers pay, and returns what the gateway wants to tell of them.
func (s *killShop) announce(round int) []letter {
	s.T.Helper()
	payment := &apiv1.Payment{}
	for i := range paymentsPerRound {
		s.Create(testenv.NewPayment(orderName(round, i)))
	}
	for i := range paymentsPerRound {
		eventually(s.T, 20*time.Millisecond, time.Minute, func() error {
			if s.Get(orderName(round, i), payment); payment.Status.State != apiv1.StateProcessing {
				return fmt.Errorf("%s is %q", payment.Name, payment.Status.State)
			}
			return nil
		})
		if err := s.Simulator.BuyerPays(payment.Status.PaymentID); err != nil {
			s.T.Fatal(err)
		}
	}
	s.Simulator.Advance(4 * time.Second)
	letters := s.mail.take()
	if len(letters) != paymentsPerRound {
		s.T.Fatalf("the gateway has sent %d notifications, want %d", len(letters), paymentsPerRound)
	}
	return letters
}

// deliverUntil delivers letters, kills manager and API server as soon as so many acknowledgements have been read, and returns the letters
// that were acknowledged: those, and what was on its way.
func (s *killShop) deliverUntil(kill int, letters []letter, manager *testenv.Program) ([]letter, error) {
	var (
		mu           sync.Mutex
		acknowledged []letter
		problems     []error
		senders      sync.WaitGroup
	)
	queue := make(chan letter, len(letters))
	for _, l := range letters {
		queue <- l
	}
	close(queue)
	ctx, cancel := context.WithTimeout(s.T.Context(), 30*time.Second)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: sendersPerRound}
	defer transport.CloseIdleConnections()
	receiver := "http://" + manager.AwaitReceiver(s.T)
	sender := func() {
		for l := range queue {
			err := l.deliver(ctx, &http.Client{Transport: transport}, receiver+strings.TrimPrefix(l.uri, proxyPrefix))
			mu.Lock()
			switch {
			case err == nil:
				if acknowledged = append(acknowledged, l); len(acknowledged) == kill {
					err = manager.Signal(syscall.SIGKILL)
					s.Cluster.Kill()
				}
			case !errors.Is(err, errRefused):
				err = nil // cut off by the kill
			}
			problems = append(problems, err)
			mu.Unlock()
		}
	}
	for range sendersPerRound {
		senders.Go(sender)
	}
	senders.Wait()
	if len(acknowledged) < kill {
		problems = append(problems, fmt.Errorf("%d acknowledgements, want at least %d", len(acknowledged), kill))
	}
	return acknowledged, errors.Join(problems...)
}

// checkStored looks, before any manager runs, for every acknowledged notification, byte for byte. It returns how many payments were
// settled already.
func (s *killShop) checkStored(acknowledged []letter) (settled int) {
	s.T.Helper()
	list := &apiv1.PaymentList{}
	if err := s.Cluster.Client.List(s.T.Context(), list); err != nil {
		s.T.Fatal(err)
	}
	payments := map[string]*apiv1.Payment{}
	for i := range list.Items {
		payments[list.Items[i].Status.PaymentRequestID] = &list.Items[i]
	}
	for _, l := range acknowledged {
		payment := payments[l.paymentRequestID]
		if payment == nil {
			s.T.Errorf("no payment has the request id %s", l.paymentRequestID)
			continue
		}
		if !holds(s.T, s.Shop, payment, l) {
			s.T.Errorf("%s does not hold its acknowledged notification: %v", payment.Name, payment.Annotations)
		}
		if payment.Status.State == apiv1.PaymentPaid {
			settled++
		}
	}
	return settled
}

// settle waits until every payment of a round is paid: by its notification, or by an inquiry where that was not acknowledged.
func (s *killShop) settle(round int) {
	s.T.Helper()
	payment := &apiv1.Payment{}
	for i := range paymentsPerRound {
		eventually(s.T, 20*time.Millisecond, 2*time.Minute, func() error {
			if s.Get(orderName(round, i), payment); payment.Status.State != apiv1.PaymentPaid {
				return fmt.Errorf("%s is %q: %+v", payment.Name, payment.Status.State, payment.Status.Conditions)
			}
			return nil
		})
	}
}

// inquiries is how often the gateway was asked, by paymentRequestId.
func (s *killShop) inquiries() map[string]int {
	counts := map[string]int{}
	for _, p := range s.Simulator.Ledger().Payments {
		counts[p.PaymentRequestID] = p.Inquiries
	}
	return counts
}

func (s *killShop) checkLedger() {
	s.T.Helper()
	ledger := s.Simulator.Ledger()
	if err := ledger.Check(); err != nil {
		s.T.Errorf("the ledger is unsound: %v", err)
	}
	for round := range kills {
		for i := range paymentsPerRound {
			if got := ledger.ChargesOfOrder(orderName(round, i)); got != 1 {
				s.T.Errorf("%s: %d charges, want 1", orderName(round, i), got)
			}
		}
	}
}
