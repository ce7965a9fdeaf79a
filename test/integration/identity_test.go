package integration

import (
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func TestSameRequestIDWithAnotherAmountIsAConflictAndMovesNothing(t *testing.T) {
	s := testenv.NewShop(t, cluster)
	s.RunManager(nil)
	first, second := testenv.NewPayment("first"), testenv.NewPayment("second")
	first.Spec.PaymentRequestID, second.Spec.PaymentRequestID = "shared_id", "shared_id"
	second.Spec.Amount.Value = "20000"
	s.Create(first)
	settle(t, s, first)
	s.Create(second)
	eventually(t, func() error {
		s.Get("second", second)
		stalled := meta.FindStatusCondition(second.Status.Conditions, apiv1.StalledCondition)
		if stalled == nil || stalled.Reason != apiv1.RequestIDConflictReason {
			return fmt.Errorf("conditions = %+v, want Stalled with RequestIdConflict", second.Status.Conditions)
		}
		return nil
	})
	if got := len(s.Simulator.Ledger().Entries); got != 1 {
		t.Errorf("movements of money = %d, want the first payment's alone", got)
	}
	checkLedger(t, s.Simulator)
}

func TestDeletedPaymentWithDeletionPolicyCancelClosesItsOrder(t *testing.T) {
	s := testenv.NewShop(t, cluster, func(o *simulator.Options) { o.Buyer = simulator.BuyerManual })
	s.RunManager(nil)
	payment := testenv.NewPayment("order")
	payment.Spec.DeletionPolicy = apiv1.CancelPayment
	s.Create(payment)
	eventually(t, func() error {
		if s.Get("order", payment); payment.Status.State != apiv1.StateProcessing {
			return fmt.Errorf("state = %s", payment.Status.State)
		}
		return nil
	})
	if err := cluster.Client.Delete(t.Context(), payment); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(payment), payment)
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("the payment is still there: %w", err)
		}
		return nil
	})
	if order, _ := s.Simulator.Ledger().Payment(payment.Status.PaymentRequestID); order.Status != "CANCELLED" {
		t.Errorf("the order is %s at the gateway, want CANCELLED", order.Status)
	}
}

func TestRaisedAttemptIsANewOrderAfterTheFormerFailed(t *testing.T) {
	s := testenv.NewShop(t, cluster, func(o *simulator.Options) { o.Buyer = simulator.BuyerDecline })
	s.RunManager(nil)
	payment := testenv.NewPayment("order")
	s.Create(payment)
	settle(t, s, payment)
	former := payment.Status.PaymentRequestID
	if payment.Status.State != apiv1.StateFailed {
		t.Fatalf("state = %s, want Failed", payment.Status.State)
	}
	update(t, s, "order", payment, func(p *apiv1.Payment) { p.Spec.Attempt = 2 })
	eventually(t, func() error {
		s.Get("order", payment)
		if payment.Status.PaymentRequestID == former || !payment.Status.State.Final() {
			return fmt.Errorf("id = %s, state = %s; want a settled second attempt", payment.Status.PaymentRequestID, payment.Status.State)
		}
		return nil
	})
	if got := len(s.Simulator.Ledger().Payments); got != 2 {
		t.Errorf("orders at the gateway = %d, want 2", got)
	}
}
