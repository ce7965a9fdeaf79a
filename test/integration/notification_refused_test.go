package integration

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// rejectedTotal is the metric that counts notifications that are not believed.
func rejectedTotal(t *testing.T) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() == "alipay_operator_notifications_rejected_total" {
			for _, metric := range family.GetMetric() {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum
}

var errNotTold = errors.New("it has not come yet")

// TestNotificationThatTheGatewayHasNotSignedChangesNothing writes annotations as somebody may who can edit payments. It counts in a metric
// that all tests share, so it does not run beside others.
func TestNotificationThatTheGatewayHasNotSignedChangesNothing(t *testing.T) {
	s := newNotifiedShop(t)
	paid := s.paidPayment("paid")
	genuine := ""
	for _, envelope := range kept(paid) {
		genuine = envelope
	}
	edited := func(e notification.Envelope, from, to string) string {
		if !strings.Contains(e.Body, from) {
			t.Fatalf("the body holds no %s", from)
		}
		e.Body = strings.Replace(e.Body, from, to, 1)
		return value(t, e)
	}
	succeeded := func(p *apiv1.Payment) string { return s.paymentResult(p, "S").String() }
	tests := []struct {
		name  string
		value func(*apiv1.Payment) string
	}{
		{name: "no JSON", value: func(*apiv1.Payment) string { return "PAID" }},
		{name: "nothing", value: func(*apiv1.Payment) string { return "" }},
		{name: "JSON of another form", value: func(*apiv1.Payment) string { return `{"state":"Paid"}` }},
		{name: "an envelope and more", value: func(p *apiv1.Payment) string { return value(t, s.signed(succeeded(p))) + "{}" }},
		{name: "a body without a signature", value: func(p *apiv1.Payment) string {
			e := s.signed(succeeded(p))
			e.Signature = ""
			return value(t, e)
		}},
		{name: "a forged signature", value: func(p *apiv1.Payment) string {
			e := s.signed(succeeded(p))
			e.Signature = s.signed(succeeded(p) + " ").Signature
			return value(t, e)
		}},
		{name: "a key that is not the account's", value: func(p *apiv1.Payment) string { return value(t, s.signedBy(foreignKey(), succeeded(p))) }},
		{name: "the merchant's own key", value: func(p *apiv1.Payment) string { return value(t, s.signedBy(testenv.MerchantKey(), succeeded(p))) }},
		{name: "an edited amount", value: func(p *apiv1.Payment) string {
			return edited(s.signed(s.paymentResult(p, "S").with("paymentAmount", fields{"currency": "HKD", "value": "1"}).String()), `"value":"1"`, `"value":"10000"`)
		}},
		{name: "an edited result", value: func(p *apiv1.Payment) string {
			return edited(s.signed(s.paymentResult(p, "F").with("paymentTime", "2026-11-21T04:00:00Z").String()), `"resultStatus":"F"`, `"resultStatus":"S"`)
		}},
		{name: "an edited request id", value: func(p *apiv1.Payment) string {
			return edited(s.signed(succeeded(paid)), paid.Status.PaymentRequestID, p.Status.PaymentRequestID)
		}},
		{name: "an edited time", value: func(p *apiv1.Payment) string {
			e := s.signed(succeeded(p))
			e.RequestTime = s.Simulator.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
			return value(t, e)
		}},
		{name: "an edited address", value: func(p *apiv1.Payment) string {
			e := s.signed(succeeded(p))
			e.URI += "?"
			return value(t, e)
		}},
		{name: "another payment's", value: func(*apiv1.Payment) string { return genuine }},
		{name: "another client's", value: func(p *apiv1.Payment) string {
			return value(t, s.signed(succeeded(p), func(e *notification.Envelope) { e.ClientID = "SANDBOX_5YOTHERSHOP00001" }))
		}},
		{name: "an answer that is passed off as a notification", value: func(p *apiv1.Payment) string {
			return value(t, s.signed(succeeded(p), func(e *notification.Envelope) { e.URI = "/ams/api/v1/payments/inquiryPayment" }))
		}},
		{name: "an answer of the sandbox that is passed off as a notification", value: func(p *apiv1.Payment) string {
			return value(t, s.signed(succeeded(p), func(e *notification.Envelope) { e.URI = "/ams/sandbox/api/v1/payments/inquiryPayment" }))
		}},
		{name: "a body in a Secret that does not exist", value: func(p *apiv1.Payment) string {
			e := s.signed(succeeded(p))
			e.Body, e.BodySecretName = "", "nowhere"
			return value(t, e)
		}},
		{name: "a body in a Secret that holds something else", value: func(p *apiv1.Payment) string {
			e := s.signed(succeeded(p))
			e.Body, e.BodySecretName = "", testenv.SecretName
			return value(t, e)
		}},
	}
	s.stop()
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.t, s.T = t, t
			s.run(nil)
			name := "order-" + string(rune('a'+i))
			payment := s.openPayment(name)
			before, calls, rejected := payment.Status.DeepCopy(), s.calls(), rejectedTotal(t)
			s.annotate(payment, "-PAYMENT_RESULT-0123456789ab", test.value(payment))
			s.awaitRejection(payment)
			s.rest()
			s.expectStatus(payment, before)
			s.expectWrites("payments/"+name, 2)
			if got := s.calls() - calls - markerCalls; got != 0 {
				t.Errorf("%d calls because of it, want none", got)
			}
			if got := rejectedTotal(t) - rejected; got != 1 {
				t.Errorf("the metric went up by %v, want 1", got)
			}
			if got := s.rejections(payment); got != 1 {
				t.Errorf("%d events, want 1", got)
			}
			s.run(nil)
			// It does not keep the truth out either.
			s.buyerPays(payment)
			s.awaitPayment(payment, apiv1.PaymentPaid)
		})
	}
	s.t, s.T = t, t
	checkLedger(t, s.Simulator)
}

// awaitRejection waits until the owner of a payment has been told.
func (s *notifiedShop) awaitRejection(payment *apiv1.Payment) {
	s.t.Helper()
	eventually(s.t, func() error {
		if s.rejections(payment) == 0 {
			return errNotTold
		}
		return nil
	})
}

func TestForgedNotificationOnAFinishedObjectChangesNothing(t *testing.T) {
	s := newNotifiedShop(t)
	payment := s.paidPayment("order")
	inject(t, s.Simulator, simulator.Fault{Kind: simulator.InProcess, Path: "refund"})
	refund := s.openRefund("refund", "order")
	s.Simulator.Advance(time.Minute)
	s.awaitRefund(refund, apiv1.RefundRefunded)
	eventually(t, func() error {
		if s.Get("order", payment); payment.Status.Amounts.Refunded != "4000" {
			return errNotTold
		}
		return nil
	})
	before, calls := payment.Status.DeepCopy(), s.calls()
	refundBefore := refund.Status.DeepCopy()
	s.annotate(payment, "", value(t, s.signedBy(foreignKey(), s.paymentResult(payment, "F").String())))
	s.annotate(refund, "", value(t, s.signedBy(foreignKey(), fields{
		"notifyType": "REFUND_RESULT", "result": resultOf("F"), "refundStatus": "FAIL", "refundRequestId": refund.Status.RefundRequestID,
		"refundId": refund.Status.RefundID, "refundAmount": fields{"currency": "HKD", "value": "4000"},
	}.String())))
	s.awaitRejection(payment)
	eventually(t, func() error {
		if s.rejections(refund) == 0 {
			return errNotTold
		}
		return nil
	})
	s.restartFindsNothingToDo()
	s.expectStatus(payment, before)
	if s.Get("refund", refund); refund.Status.State != refundBefore.State || refund.Status.Conflict != nil {
		t.Errorf("refund is %s, conflict %v; want it as before", refund.Status.State, refund.Status.Conflict)
	}
	if got := s.calls() - calls - 2*markerCalls; got != 0 {
		t.Errorf("%d calls, want none", got)
	}
}

func TestNotificationCopiedToAnotherPaymentWithKubectlIsNotBelieved(t *testing.T) {
	s := newNotifiedShop(t)
	s.paidPayment("genuine")
	s.openPayment("victim")
	kubectl := func(stdin string, args ...string) string {
		t.Helper()
		command := exec.Command(testenv.Binary("kubectl"), append([]string{"--kubeconfig", cluster.Kubeconfig, "-n", s.Namespace}, args...)...)
		command.Stdin = strings.NewReader(stdin)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %v: %v\n%s", args, err, output)
		}
		return string(output)
	}
	for name, replace := range map[string]func(manifest string) string{
		"its name alone": func(manifest string) string {
			return strings.NewReplacer("\n  name: genuine\n", "\n  name: victim\n", "referenceOrderId: genuine", "referenceOrderId: victim",
				"orderDescription: Order genuine", "orderDescription: Order victim").Replace(manifest)
		},
		"every mention of it": func(manifest string) string {
			return strings.ReplaceAll(strings.ReplaceAll(manifest, "genuine", "victim"), "\n  name: victim-", "\n  name: genuine-")
		},
	} {
		t.Run(name, func(t *testing.T) {
			victim := &apiv1.Payment{}
			s.Get("victim", victim)
			before, calls := victim.Status.DeepCopy(), s.calls()
			rejections := s.rejections(victim)
			var lines []string
			for _, line := range strings.Split(replace(kubectl("", "get", "payment", "genuine", "-o", "yaml")), "\n") {
				if field := strings.TrimSpace(line); !strings.HasPrefix(field, "uid:") && !strings.HasPrefix(field, "resourceVersion:") {
					lines = append(lines, line)
				}
			}
			kubectl(strings.Join(lines, "\n"), "apply", "-f", "-")
			eventually(t, func() error {
				if s.rejections(victim) == rejections {
					return errNotTold
				}
				return nil
			})
			s.expectStatus(victim, before)
			if got := s.calls() - calls; got != 0 {
				t.Errorf("%d calls, want none", got)
			}
			if s.Get("victim", victim); len(kept(victim)) == 0 {
				t.Error("nothing was copied")
			}
		})
	}
}
