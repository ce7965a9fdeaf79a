package notification

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

const (
	manyPayments = 1000
	// refundedEach is how many payments there are for each refund.
	refundedEach = 10
	creators     = 4
	// mostOpen is how many payments may wait for their notification, so that a slow machine is not flooded.
	mostOpen = 200
	// longestAnswer is how long the gateway waits for an answer here: what a starved machine answers late is no error.
	longestAnswer = 30 * time.Second
	// longestRun bounds the whole test; it takes a fraction of that.
	longestRun = 4 * time.Minute
)

// replicaTraffic counts what one replica writes: the notifications that its receiver stores, and the conflicts that it runs into.
type replicaTraffic struct {
	stored, receiverConflicts, statusWrites, statusConflicts atomic.Int64
	next                                                     http.RoundTripper
}

func (r *replicaTraffic) wrap(next http.RoundTripper) http.RoundTripper {
	r.next = next
	return r
}

func (r *replicaTraffic) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	path := request.URL.Path
	if err != nil || request.Method != http.MethodPatch || !strings.Contains(path, "/"+apiv1.GroupVersion.Group+"/") {
		return response, err
	}
	ofReceiver := !strings.HasSuffix(path, "/status")
	switch {
	case response.StatusCode == http.StatusConflict && ofReceiver:
		r.receiverConflicts.Add(1)
	case response.StatusCode == http.StatusConflict:
		r.statusConflicts.Add(1)
	case response.StatusCode == http.StatusOK && ofReceiver:
		r.stored.Add(1)
	case response.StatusCode == http.StatusOK:
		r.statusWrites.Add(1)
	}
	return response, err
}

func TestTwoReplicasShareTheNotificationsOfAThousandPayments(t *testing.T) {
	s := testenv.NewNotifiedShop(t, cluster, func(o *simulator.Options) {
		o.NotifyClient = &http.Client{Timeout: longestAnswer, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	})
	if err := s.Simulator.Inject(simulator.Fault{Kind: simulator.InProcess, Path: "refund", Times: -1}); err != nil {
		t.Fatal(err)
	}
	replicas := [2]replicaTraffic{}
	for i := range replicas {
		s.RunManagerWith(testenv.ManagerOptions{Wrap: replicas[i].wrap, LeaderElection: true})
	}
	awaitReady(t, s)

	began := time.Now()
	createMany(t, s)
	created := time.Since(began)
	awaitSettled(t, s)
	settled := time.Since(began)
	// What was not acknowledged is sent again two minutes later.
	s.Simulator.Advance(3 * time.Minute)

	ledger := s.Simulator.Ledger()
	checkGateway(t, ledger)
	checkPosts(t, ledger)
	reportInquiries(t, ledger)
	total := replicas[0].stored.Load() + replicas[1].stored.Load()
	for i := range replicas {
		r := &replicas[i]
		t.Logf("replica %d: stored %d notifications, %d conflicts there; %d status writes, %d conflicts there",
			i, r.stored.Load(), r.receiverConflicts.Load(), r.statusWrites.Load(), r.statusConflicts.Load())
		if r.stored.Load() < total*4/10 {
			t.Errorf("replica %d has stored %d of %d notifications, want a good share", i, r.stored.Load(), total)
		}
		if r.receiverConflicts.Load() > 0 {
			t.Errorf("replica %d ran into %d conflicts when it stored notifications", i, r.receiverConflicts.Load())
		}
	}
	if a, b := replicas[0].statusWrites.Load(), replicas[1].statusWrites.Load(); a > 0 && b > 0 {
		t.Errorf("both replicas have written status (%d and %d): no one led", a, b)
	}
	t.Logf("%d payments and %d refunds: created in %s, settled in %s", manyPayments, manyPayments/refundedEach, created, settled)
}

// awaitReady waits until one replica leads and the account's credentials are verified.
func awaitReady(t *testing.T, s *testenv.Shop) {
	t.Helper()
	account := &apiv1.MerchantAccount{}
	eventually(t, 100*time.Millisecond, time.Minute, func() error {
		s.Get(testenv.AccountName, account)
		if !meta.IsStatusConditionTrue(account.Status.Conditions, apiv1.ReadyCondition) {
			return fmt.Errorf("account is %+v", account.Status.Conditions)
		}
		return nil
	})
	lease := &coordinationv1.Lease{}
	if s.Get("alipay-operator", lease); lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		t.Error("no replica leads")
	}
}

// createMany creates payments, and refunds of some of them, which wait until those are paid.
func createMany(t *testing.T, s *testenv.Shop) {
	t.Helper()
	objects := make(chan client.Object)
	var workers sync.WaitGroup
	for range creators {
		workers.Go(func() {
			for obj := range objects {
				obj.SetNamespace(s.Namespace)
				if err := cluster.Client.Create(t.Context(), obj); err != nil {
					t.Errorf("creating %s: %v", obj.GetName(), err)
				}
			}
		})
	}
	for i := range manyPayments {
		if i%(mostOpen/4) == 0 {
			awaitAnswered(t, s, i-mostOpen)
		}
		name := fmt.Sprintf("order-%d", i)
		objects <- testenv.NewPayment(name)
		if i%refundedEach == 0 {
			objects <- testenv.NewRefund("refund-"+name, name, "4000")
		}
	}
	close(objects)
	workers.Wait()
}

// awaitAnswered waits until so many notifications have been answered.
func awaitAnswered(t *testing.T, s *testenv.Shop, least int) {
	t.Helper()
	eventually(t, 100*time.Millisecond, longestRun, func() error {
		answered := 0
		for _, n := range s.Simulator.Ledger().Notifications {
			if n.Acknowledged || n.LastProblem != "" {
				answered++
			}
		}
		if answered < least {
			return fmt.Errorf("%d notifications were answered, want %d", answered, least)
		}
		return nil
	})
}

// awaitSettled waits until every payment is paid and every refund done. None may ever be in doubt.
func awaitSettled(t *testing.T, s *testenv.Shop) {
	t.Helper()
	inNamespace := client.InNamespace(s.Namespace)
	awaitAnswered(t, s, manyPayments+manyPayments/refundedEach)
	eventually(t, 3*time.Second, longestRun, func() error { // a list of everything costs the API server much
		payments, refunds := &apiv1.PaymentList{}, &apiv1.RefundList{}
		for _, list := range []client.ObjectList{payments, refunds} {
			if err := cluster.Client.List(t.Context(), list, inNamespace); err != nil {
				return err
			}
		}
		states := map[string]int{}
		for _, p := range payments.Items {
			states[fmt.Sprintf("Payment %q", p.Status.State)]++
			if p.Status.State == apiv1.StateUnknown || meta.IsStatusConditionTrue(p.Status.Conditions, apiv1.OutcomeUnknownCondition) {
				t.Errorf("%s is in doubt: %+v", p.Name, p.Status.Conditions)
			}
		}
		for _, r := range refunds.Items {
			states[fmt.Sprintf("Refund %q", r.Status.State)]++
			if r.Status.State == apiv1.StateUnknown || meta.IsStatusConditionTrue(r.Status.Conditions, apiv1.OutcomeUnknownCondition) {
				t.Errorf("%s is in doubt: %+v", r.Name, r.Status.Conditions)
			}
		}
		paid, refunded := states[fmt.Sprintf("Payment %q", apiv1.PaymentPaid)], states[fmt.Sprintf("Refund %q", apiv1.RefundRefunded)]
		if paid != manyPayments || refunded != manyPayments/refundedEach {
			return fmt.Errorf("states = %v", states)
		}
		return nil
	})
}

// usualAnswers are the gateway's answers when nothing goes wrong. The account is verified by an inquiry for an order that does not exist.
var usualAnswers = map[string]map[string]bool{
	"pay":            {"PAYMENT_IN_PROCESS": true},
	"refund":         {"REFUND_IN_PROCESS": true},
	"inquiryPayment": {"SUCCESS": true, "ORDER_NOT_EXIST": true},
	"inquiryRefund":  {"SUCCESS": true},
}

// checkGateway checks that the gateway saw one request for each operation, and nothing odd.
func checkGateway(t *testing.T, ledger simulator.Ledger) {
	t.Helper()
	if err := ledger.Check(); err != nil {
		t.Errorf("the ledger is unsound: %v", err)
	}
	charges := map[string]int{}
	for _, e := range ledger.Entries {
		if e.Kind == simulator.EntryCharge {
			charges[e.ReferenceOrderID]++
		}
	}
	for i := range manyPayments {
		if name := fmt.Sprintf("order-%d", i); charges[name] != 1 {
			t.Errorf("%s: %d charges, want 1", name, charges[name])
		}
	}
	if pays, refunds := ledger.Calls("pay"), ledger.Calls("refund"); pays != manyPayments || refunds != manyPayments/refundedEach {
		t.Errorf("%d pay and %d refund requests, want %d and %d", pays, refunds, manyPayments, manyPayments/refundedEach)
	}
	for operation, answers := range ledger.APICalls {
		for code, n := range answers {
			if !usualAnswers[operation][code] {
				t.Errorf("%d requests %s were answered with %s", n, operation, code)
			}
		}
	}
}

// checkPosts checks that notifications were acknowledged, nearly all at once.
func checkPosts(t *testing.T, ledger simulator.Ledger) {
	t.Helper()
	resent := 0
	for _, n := range ledger.Notifications {
		if n.Sends > 1 {
			resent++
			t.Logf("%s of %s was sent %d times, at last: %s", n.Type, n.Target, n.Sends, n.LastProblem)
		}
		if !n.Acknowledged {
			t.Errorf("%s of %s was not acknowledged: %s", n.Type, n.Target, n.LastProblem)
		}
	}
	sent := len(ledger.Notifications)
	if sent != manyPayments+manyPayments/refundedEach {
		t.Errorf("%d notifications, want one for each payment and refund", sent)
	}
	if resent*100 > sent {
		t.Errorf("%d of %d notifications had to be sent again, want 1 %% at most", resent, sent)
	}
	t.Logf("%d notifications, %d sent again", sent, resent)
}

// reportInquiries tells how many operations were asked about although they were announced.
func reportInquiries(t *testing.T, ledger simulator.Ledger) {
	t.Helper()
	ofPayments, settlingPayments, ofRefunds, settlingRefunds := 0, 0, 0, 0
	for _, p := range ledger.Payments {
		ofPayments, settlingPayments = ofPayments+p.Inquiries, settlingPayments+p.FinalInquiries
	}
	for _, r := range ledger.RefundRecords {
		ofRefunds, settlingRefunds = ofRefunds+r.Inquiries, settlingRefunds+r.FinalInquiries
	}
	t.Logf("%d inquiries about payments, %d of them after the end; %d about refunds, which take half a minute, %d of them after the end",
		ofPayments, settlingPayments, ofRefunds, settlingRefunds)
	settling := settlingPayments + settlingRefunds
	if most := (manyPayments + manyPayments/refundedEach) / 4; settling > most {
		t.Errorf("%d operations were settled by inquiry, want %d at most: notifications are to settle them", settling, most)
	}
}
