package integration

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func TestManagerKilledAtAnyMomentMovesMoneyOnce(t *testing.T) {
	const payments, kills = 12, 8
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := testenv.NewShop(t, cluster, func(o *simulator.Options) { o.TimeScale = 20 })

	stopped := testenv.StartProgram(t, cluster)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	var all []client.Object
	for i := range payments {
		payment := testenv.NewPayment(fmt.Sprintf("order-%d", i))
		refund := testenv.NewRefund(fmt.Sprintf("refund-%d", i), payment.Name, "4000")
		s.Create(payment)
		s.Create(refund)
		all = append(all, payment, refund)
		if i < kills {
			// The moment falls anywhere between the first write and the last answer.
			timer := time.NewTimer(time.Duration(random.Int64N(int64(900 * time.Millisecond))))
			<-timer.C
			stopped.Kill()
			stopped = testenv.StartProgram(t, cluster)
		}
	}
	settle(t, s, all...)
	ledger := s.Simulator.Ledger()
	for _, obj := range all {
		switch obj := obj.(type) {
		case *apiv1.Payment:
			if got := ledger.ChargesOfOrder(obj.Name); got != 1 || obj.Status.State != apiv1.PaymentPaid {
				t.Errorf("%s: %d charges and state %s, want 1 and Paid", obj.Name, got, obj.Status.State)
			}
		case *apiv1.Refund:
			if got := ledger.Refunds(obj.Status.RefundRequestID); got != 1 || obj.Status.State != apiv1.RefundRefunded {
				t.Errorf("%s: %d refunds and state %s, want 1 and Refunded", obj.Name, got, obj.Status.State)
			}
		}
	}
	if got := len(ledger.RefundRecords); got != payments {
		t.Errorf("refunds under any id = %d, want %d", got, payments)
	}
	checkLedger(t, s.Simulator)
}

func TestManagerAskedToStopFinishesTheCallInFlight(t *testing.T) {
	s := testenv.NewShop(t, cluster, func(o *simulator.Options) { o.Buyer = simulator.BuyerManual })
	running := testenv.StartProgram(t, cluster)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.Delay, Path: "pay", Delay: 2 * time.Second})
	payment := testenv.NewPayment("order")
	s.Create(payment)
	eventually(t, func() error {
		if s.Simulator.Ledger().Calls("pay") == 0 {
			return fmt.Errorf("pay was not called")
		}
		return nil
	})
	if err := running.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := running.Wait(); err != nil {
		t.Errorf("the manager ended with %v, want a clean stop:\n%s", err, running.Output())
	}
	s.Get("order", payment)
	if payment.Status.State != apiv1.StateProcessing || payment.Status.PaymentID == "" {
		t.Errorf("state = %s, paymentId = %q; want the answer of the call in flight on record", payment.Status.State, payment.Status.PaymentID)
	}
}

func TestSecondReplicaTakesOverFromAKilledLeader(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	replica := []string{"--leader-elect", "--leader-election-namespace", s.Namespace,
		"--leader-election-lease-duration", "6s", "--gateway-timeout", "2s"}
	leader := testenv.StartProgram(t, cluster, replica...)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	lease := &coordinationv1.Lease{}
	s.Get("alipay-operator", lease)
	holder := *lease.Spec.HolderIdentity

	testenv.StartProgram(t, cluster, replica...)
	before, after := testenv.NewPayment("before"), testenv.NewPayment("after")
	s.Create(before)
	settle(t, s, before)
	if s.Get("alipay-operator", lease); *lease.Spec.HolderIdentity != holder {
		t.Errorf("leader = %s while %s is alive", *lease.Spec.HolderIdentity, holder)
	}
	leader.Kill()
	s.Create(after)
	settle(t, s, after)
	if s.Get("alipay-operator", lease); *lease.Spec.HolderIdentity == holder {
		t.Errorf("the killed replica still leads")
	}
	for _, payment := range []*apiv1.Payment{before, after} {
		if got := s.Simulator.Ledger().ChargesOfOrder(payment.Name); got != 1 || payment.Status.State != apiv1.PaymentPaid {
			t.Errorf("%s: %d charges and state %s, want 1 and Paid", payment.Name, got, payment.Status.State)
		}
	}
}
