package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/controllers"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// writeCounter counts what the operator writes to the API server, by what it writes to. Events are not counted: they are not waited for.
type writeCounter struct {
	mu     sync.Mutex
	writes map[string]int
	next   http.RoundTripper
}

func (w *writeCounter) wrap(next http.RoundTripper) http.RoundTripper {
	w.next, w.writes = next, map[string]int{}
	return w
}

func (w *writeCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") {
		_, object, _ := strings.Cut(r.URL.Path, "/namespaces/")
		_, object, _ = strings.Cut(object, "/")
		w.mu.Lock()
		w.writes[object]++
		w.mu.Unlock()
	}
	return w.next.RoundTrip(r)
}

// of is how often an object, its status included, was written.
func (w *writeCounter) of(object string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes[object] + w.writes[object+"/status"]
}

func (w *writeCounter) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.writes)
}

// settle waits until every payment and refund named is settled.
func settle(t *testing.T, s *testenv.Shop, objects ...client.Object) {
	t.Helper()
	eventually(t, func() error {
		for _, obj := range objects {
			s.Get(obj.GetName(), obj)
			switch obj := obj.(type) {
			case *apiv1.Payment:
				if !obj.Status.State.Final() {
					return fmt.Errorf("payment %s is %q: %+v", obj.Name, obj.Status.State, obj.Status.Conditions)
				}
			case *apiv1.Refund:
				if !obj.Status.State.Final() {
					return fmt.Errorf("refund %s is %q: %+v", obj.Name, obj.Status.State, obj.Status.Conditions)
				}
			}
		}
		return nil
	})
}

func TestPaymentThatIsRefusedAtOnceCostsTwoWrites(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: "RISK_REJECT"})
	counter := &writeCounter{}
	s.RunManager(counter.wrap)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	settle(t, s, payment)
	if got := counter.of("payments/order"); payment.Status.State != apiv1.StateFailed || got != 2 {
		t.Errorf("state = %s after %d writes, want Failed after 2: %s", payment.Status.State, got, counter.all())
	}
}

func TestPaymentThatIsAlreadyPaidCostsTwoWrites(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	counter := &writeCounter{}
	manager := s.RunManager(nil)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	settle(t, s, payment)
	if err := manager.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Client.Delete(t.Context(), payment); err != nil {
		t.Fatal(err)
	}
	s.Simulator.Advance(time.Minute)
	again := testenv.NewPayment("order")
	s.RunManager(counter.wrap)
	s.Create(again)
	settle(t, s, again)
	if got := counter.of("payments/order"); again.Status.State != apiv1.PaymentPaid || got != 2 {
		t.Errorf("state = %s after %d writes, want Paid after 2: %s", again.Status.State, got, counter.all())
	}
	if got := s.Simulator.Ledger().Charges(again.Status.PaymentRequestID); got != 1 {
		t.Errorf("charges = %d, want 1", got)
	}
}

func TestRefundThatIsDoneAtOnceCostsTwoWritesOfItsOwnAndTwoOfItsPayment(t *testing.T) {
	s := newStepper(t, nil)
	s.Create(testenv.NewPayment("order"))
	s.settlePayment("order")
	s.Create(testenv.NewRefund("refund", "order", "4000"))
	writes := 0
	s.client = brokenWrite{}.through(&writes)(s.client)
	s.settleRefund("refund")
	if writes != 3 {
		t.Errorf("writes = %d, want 3: what it takes is noted in the payment, the intent, the outcome", writes)
	}
	s.pass(&controllers.PaymentReconciler{Lifecycle: s.lifecycle()}, "order")
	payment := &apiv1.Payment{}
	if s.Get("order", payment); payment.Status.Amounts.Refunded != "4000" || payment.Status.Amounts.Refundable != "6000" {
		t.Errorf("amounts = %+v, want 4000 refunded and 6000 refundable", payment.Status.Amounts)
	}
	s.pass(&controllers.PaymentReconciler{Lifecycle: s.lifecycle()}, "order")
	s.pass(&controllers.RefundReconciler{Lifecycle: s.lifecycle()}, "refund")
	if writes != 4 {
		t.Errorf("writes = %d, want 4: once more the payment, and none when nothing has changed", writes)
	}
}

func TestFinishedObjectsCostNothingAfterARestart(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	manager := s.RunManager(nil)
	paid, refund := testenv.NewPayment("paid"), testenv.NewRefund("refund", "paid", "4000")
	refused := testenv.NewPayment("refused")
	s.Create(paid)
	s.Create(refund)
	settle(t, s, paid, refund)
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: "RISK_REJECT"})
	s.Create(refused)
	settle(t, s, refused)
	eventually(t, func() error {
		if s.Get("paid", paid); paid.Status.Amounts.Refunded != "4000" {
			return fmt.Errorf("amounts = %+v", paid.Status.Amounts)
		}
		return nil
	})
	if err := manager.Stop(); err != nil {
		t.Fatal(err)
	}
	calls := s.Simulator.Ledger().APICalls

	counter := &writeCounter{}
	restarted := s.RunManager(counter.wrap)
	// A payment made now is worked on after those that the restart has queued: once it is settled, they have been looked at.
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Code: "RISK_REJECT"})
	marker := testenv.NewPayment("marker")
	s.Create(marker)
	settle(t, s, marker)
	if err := restarted.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{"payments/paid", "payments/refused", "refunds/refund", "merchantaccounts/" + testenv.AccountName} {
		if got := counter.of(object); got != 0 {
			t.Errorf("writes of %s = %d, want 0", object, got)
		}
	}
	// The marker is refused with one pay and one inquiry that confirms it; of everything else there must be no request.
	for operation, before := range calls {
		want := total(before)
		if operation == "pay" || operation == "inquiryPayment" {
			want++
		}
		if after := s.Simulator.Ledger().APICalls[operation]; total(after) != want {
			t.Errorf("%s requests went from %v to %v, want %d in all", operation, before, after, want)
		}
	}
}

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}
