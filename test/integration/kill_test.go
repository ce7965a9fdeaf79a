package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
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

// buildManager builds the real program once.
var buildManager = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "manager-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "manager")
	output, err := exec.Command("go", "build", "-o", binary, "github.com/alipay-operator/alipay-operator/cmd/manager").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the manager: %w\n%s", err, output)
	}
	return binary, nil
})

// program is the manager as a process.
type program struct {
	command *exec.Cmd
	log     *bytes.Buffer
}

// startProgram starts the manager. It sees every namespace of the cluster, so the shops of other tests must be settled.
func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	binary, err := buildManager()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{log: &bytes.Buffer{}}
	if len(args) == 0 {
		args = []string{"--leader-elect=false", "--metrics-bind-address", "0"}
	}
	args = append([]string{"--kubeconfig", cluster.Kubeconfig, "--health-probe-bind-address", "0", "--notification-bind-address", "127.0.0.1:0"}, args...)
	p.command = exec.Command(binary, args...) // the test ends it
	p.command.Stderr = p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	})
	return p
}

// kill ends the program without warning.
func (p *program) kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.command.Wait()
}

func TestManagerKilledAtAnyMomentMovesMoneyOnce(t *testing.T) {
	const payments, kills = 12, 8
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := testenv.NewShop(t, cluster, func(o *simulator.Options) { o.TimeScale = 20 })

	stopped := startProgram(t)
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
			stopped.kill(t)
			stopped = startProgram(t)
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
	running := startProgram(t)
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
	if err := running.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := running.command.Wait(); err != nil {
		t.Errorf("the manager ended with %v, want a clean stop:\n%s", err, running.log)
	}
	s.Get("order", payment)
	if payment.Status.State != apiv1.StateProcessing || payment.Status.PaymentID == "" {
		t.Errorf("state = %s, paymentId = %q; want the answer of the call in flight on record", payment.Status.State, payment.Status.PaymentID)
	}
}

func TestSecondReplicaTakesOverFromAKilledLeader(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	replica := []string{"--metrics-bind-address", "0", "--leader-election-namespace", s.Namespace,
		"--leader-election-lease-duration", "6s", "--gateway-timeout", "2s"}
	leader := startProgram(t, replica...)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	lease := &coordinationv1.Lease{}
	s.Get("alipay-operator", lease)
	holder := *lease.Spec.HolderIdentity

	startProgram(t, replica...)
	before, after := testenv.NewPayment("before"), testenv.NewPayment("after")
	s.Create(before)
	settle(t, s, before)
	if s.Get("alipay-operator", lease); *lease.Spec.HolderIdentity != holder {
		t.Errorf("leader = %s while %s is alive", *lease.Spec.HolderIdentity, holder)
	}
	leader.kill(t)
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
