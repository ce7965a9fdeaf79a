package controllers

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/api/meta"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func metricValue(t *testing.T, metric prometheus.Metric) float64 {
	t.Helper()
	var read dto.Metric
	if err := metric.Write(&read); err != nil {
		t.Fatal(err)
	}
	return read.GetCounter().GetValue()
}

func TestPaymentShowsItsDisputes(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{Payment: "order"})
	defer w.close()
	if got := w.dispute(); got.Status.Payment != "order" || got.Labels[apiv1.PaymentLabel] != "order" {
		t.Errorf("payment = %q, labels = %v; want order", got.Status.Payment, got.Labels)
	}
	if got := w.events.count(apiv1.PaymentDisputedReason); got != 1 {
		t.Errorf("%d events on the payment, want 1: %q", got, w.events.said)
	}
	expect := func(open, disputed bool) {
		t.Helper()
		w.must(w.reconcilePayment("order"))
		st := w.payment("order").Status
		if slices.Contains(st.OpenDisputes, disputeName) != open || meta.IsStatusConditionTrue(st.Conditions, apiv1.DisputedCondition) != disputed {
			t.Errorf("open disputes = %v, conditions = %+v; want open %t, disputed %t", st.OpenDisputes, st.Conditions, open, disputed)
		}
		if st.State != apiv1.PaymentPaid || !meta.IsStatusConditionTrue(st.Conditions, apiv1.ReadyCondition) {
			t.Errorf("state = %s, want Paid and ready as before", st.State)
		}
		writes := w.store.writes
		w.must(w.reconcilePayment("order"))
		if w.store.writes != writes {
			t.Error("the payment is written again, and nothing has changed")
		}
	}
	expect(true, true)
	for _, step := range []struct {
		result   string
		disputed bool
	}{{"ACCEPT_BY_CUSTOMER", false}, {"ACCEPT_BY_MERCHANT", true}} {
		if err := w.simulator.JudgeDispute(w.id, step.result, simulator.Money{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		expect(false, step.disputed)
	}
	w.store.remove(w.dispute())
	expect(false, false)
}

func TestRefundOfADisputedPaymentIsWarnedAbout(t *testing.T) {
	for _, tt := range []struct {
		result string
		want   int
	}{{"", 1}, {"ACCEPT_BY_MERCHANT", 1}, {"ACCEPT_BY_CUSTOMER", 0}} {
		w := newDisputeWorld(t, simulator.DisputeInput{Payment: "order"})
		if tt.result != "" {
			if err := w.simulator.JudgeDispute(w.id, tt.result, simulator.Money{}); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Minute)
		}
		events := &loudRecorder{}
		w.refunds.Events = events
		w.store.create(newRefund("back", "order", "4000"))
		w.follow(w.reconcileRefund, "back", time.Hour)
		if got := events.count(apiv1.PaymentDisputedReason); got != tt.want || w.refund("back").Status.State != apiv1.RefundRefunded {
			t.Errorf("%q: %d warnings, want %d; the refund is %s", tt.result, got, tt.want, w.refund("back").Status.State)
		}
		w.close()
	}
}
