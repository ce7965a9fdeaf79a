package integration

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// settleByPolling settles payments and refunds, in real time, that no notification reaches.
func settleByPolling(t *testing.T, s *testenv.Shop) {
	t.Helper()
	s.RunManager(nil)
	expectReady(t, s, metav1.ConditionTrue, apiv1.VerifiedReason)
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.ResultCode, Path: "pay", Target: "refused", Code: "RISK_REJECT"})
	paid, refused := testenv.NewPayment("paid"), testenv.NewPayment("refused")
	refund := testenv.NewRefund("refund", "paid", "4000")
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.InProcess, Path: "refund"})
	for _, obj := range []client.Object{paid, refused, refund} {
		s.Create(obj)
	}
	settle(t, s, paid, refused)
	eventually(t, func() error {
		s.Simulator.Advance(10 * time.Second)
		if s.Get("refund", refund); !refund.Status.State.Final() {
			return fmt.Errorf("refund is %q: %+v", refund.Status.State, refund.Status.Conditions)
		}
		return nil
	})
	if paid.Status.State != apiv1.PaymentPaid || refused.Status.State != apiv1.StateFailed || refund.Status.State != apiv1.RefundRefunded {
		t.Errorf("states = %s, %s, %s; want Paid, Failed, Refunded", paid.Status.State, refused.Status.State, refund.Status.State)
	}
	for _, obj := range []client.Object{paid, refused, refund} {
		if s.Get(obj.GetName(), obj); len(kept(obj)) != 0 {
			t.Errorf("%s has a notification", obj.GetName())
		}
	}
	checkLedger(t, s.Simulator)
}

func TestAccountWithoutNotificationBaseURLSettlesByPollingAndAsksForNoNotifications(t *testing.T) {
	t.Parallel()
	s := testenv.NewShop(t, cluster)
	settleByPolling(t, s)
	if got := s.Simulator.Ledger().Notifications; len(got) != 0 {
		t.Errorf("notifications = %+v, want none: no address was given", got)
	}
}

func TestLostNotificationsAreMadeUpForByPolling(t *testing.T) {
	t.Parallel()
	s := testenv.NewNotifiedShop(t, cluster)
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.Lose, Times: -1})
	settleByPolling(t, s)
	types := map[string]int{}
	for _, n := range s.Simulator.Ledger().Notifications {
		types[n.Type]++
		if want := s.Ingress.URL + "/notify/" + s.Namespace + "/" + testenv.AccountName; n.URL != want || n.Acknowledged {
			t.Errorf("notification = %+v, want one to %s that is lost", n, want)
		}
	}
	if types[alipay.NotifyPaymentResult] != 1 || types[alipay.NotifyRefundResult] != 1 {
		t.Errorf("notifications = %v, want one of the payment and one of the refund", types)
	}
}

func TestRepeatedReorderedAndForgedNotificationsSettleEverythingOnce(t *testing.T) {
	t.Parallel()
	const payments = 30
	s := newNotifiedShop(t, func(o *simulator.Options) { o.Buyer = simulator.BuyerPay })
	s.RunManagerWith(testenv.ManagerOptions{ReceiverOnly: true})
	for range 20 {
		for _, kind := range []simulator.FaultKind{simulator.Forge, simulator.Repeat, simulator.Reorder} {
			inject(t, s.Simulator, simulator.Fault{Kind: kind, Path: "notifyPayment"})
			inject(t, s.Simulator, simulator.Fault{Kind: kind, Path: "notifyRefund"})
		}
	}
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.InProcess, Path: "refund", Times: payments / 2})
	var all []*apiv1.Payment
	var refunds []*apiv1.Refund
	for i := range payments {
		payment := testenv.NewPayment(fmt.Sprintf("order-%d", i))
		refund := testenv.NewRefund(fmt.Sprintf("refund-%d", i), payment.Name, "4000")
		s.Create(payment)
		s.Create(refund)
		all, refunds = append(all, payment), append(refunds, refund)
	}
	eventually(t, func() error {
		s.pass(20 * time.Second)
		for i, payment := range all {
			if s.Get(payment.Name, payment); payment.Status.State != apiv1.PaymentPaid || payment.Status.Amounts.Refunded != "4000" {
				return fmt.Errorf("%s is %+v", payment.Name, payment.Status)
			}
			if s.Get(refunds[i].Name, refunds[i]); refunds[i].Status.State != apiv1.RefundRefunded {
				return fmt.Errorf("%s is %+v", refunds[i].Name, refunds[i].Status)
			}
		}
		return nil
	})
	s.pass(25 * time.Hour) // the documented schedule of sending again
	ledger := s.Simulator.Ledger()
	forged := 0
	for _, n := range ledger.Notifications {
		if n.ForgedAccepted != 0 || !n.Acknowledged {
			t.Errorf("notification = %+v, want it acknowledged, and its forgeries not", n)
		}
		if n.Sends > 1 {
			forged++
		}
	}
	if len(ledger.Notifications) != 2*payments || forged < 20 {
		t.Errorf("%d notifications, %d of them sent again; want %d, and 20 at least that were forged at first", len(ledger.Notifications), forged, 2*payments)
	}
	for i, payment := range all {
		if got := ledger.ChargesOfOrder(payment.Name); got != 1 {
			t.Errorf("%s: %d charges, want 1", payment.Name, got)
		}
		if got := ledger.Refunds(refunds[i].Status.RefundRequestID); got != 1 {
			t.Errorf("%s: %d refunds, want 1", refunds[i].Name, got)
		}
		if payment.Status.Conflict != nil || refunds[i].Status.Conflict != nil || s.rejections(payment) != 0 {
			t.Errorf("%s: conflicts %v and %v, or a rejection; want none", payment.Name, payment.Status.Conflict, refunds[i].Status.Conflict)
		}
	}
	s.restartFindsNothingToDo()
	checkLedger(t, s.Simulator)
}
