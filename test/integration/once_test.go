package integration

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

var errLost = errors.New("the connection to the API server was lost")

// brokenWrite fails the n-th write, before or after the API server has carried it out. 0 fails none.
type brokenWrite struct {
	number int
	after  bool
}

func (b brokenWrite) String() string {
	switch {
	case b.number == 0:
		return "every write arrives"
	case b.after:
		return fmt.Sprintf("the answer to write %d is lost", b.number)
	default:
		return fmt.Sprintf("write %d is lost", b.number)
	}
}

// through counts the writes that pass and breaks one.
func (b brokenWrite) through(writes *int) func(client.WithWatch) client.WithWatch {
	write := func(carryOut func() error) error {
		*writes++
		breaks := *writes == b.number
		if breaks && !b.after {
			return errLost
		}
		err := carryOut()
		if breaks {
			return errors.Join(errLost, err)
		}
		return err
	}
	return func(c client.WithWatch) client.WithWatch {
		return interceptor.NewClient(c, interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				return write(func() error { return c.Patch(ctx, obj, patch, opts...) })
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, subResource string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				return write(func() error { return c.SubResource(subResource).Patch(ctx, obj, patch, opts...) })
			},
		})
	}
}

func brokenWrites() []brokenWrite {
	broken := []brokenWrite{{}}
	for number := 1; number <= 3; number++ {
		broken = append(broken, brokenWrite{number: number}, brokenWrite{number: number, after: true})
	}
	return broken
}

// Faults that strike the request that moves money, and the inquiry after it.
var (
	moveFaults = []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ActLater, simulator.ServerError, simulator.ServerErrorAfter,
		simulator.BadSignature, simulator.UnsignedFail, simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	askFaults = []simulator.FaultKind{simulator.DropResponse, simulator.BadSignature, simulator.UnsignedFail, simulator.UnknownException}
)

// eachBreakage runs a test once for every fault, striking once, together with every broken status write.
func eachBreakage(t *testing.T, move, ask string, test func(t *testing.T, fault simulator.Fault, broken brokenWrite)) {
	var faults []simulator.Fault
	for _, kind := range moveFaults {
		faults = append(faults, simulator.Fault{Kind: kind, Path: move})
	}
	for _, kind := range askFaults {
		faults = append(faults, simulator.Fault{Kind: kind, Path: ask})
	}
	for _, fault := range faults {
		for _, broken := range brokenWrites() {
			name := fmt.Sprintf("%s strikes %s and %s", fault.Kind, fault.Path, broken)
			if fault.Kind == "" {
				name = "no call fails and " + broken.String()
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, fault, broken)
			})
		}
	}
}

func inject(t *testing.T, s *simulator.Simulator, fault simulator.Fault) {
	t.Helper()
	if fault.Kind == "" {
		return
	}
	if err := s.Inject(fault); err != nil {
		t.Fatal(err)
	}
}

func checkLedger(t *testing.T, s *simulator.Simulator) {
	t.Helper()
	if err := s.CheckInvariants(); err != nil {
		t.Errorf("the ledger is unsound: %v", err)
	}
}

func TestPaymentChargesOnceWhateverFails(t *testing.T) {
	eachBreakage(t, "pay", "inquiryPayment", func(t *testing.T, fault simulator.Fault, broken brokenWrite) {
		writes := 0
		s := newStepper(t, broken.through(&writes))
		s.Create(testenv.NewPayment("order"))
		inject(t, s.Simulator, fault)
		payment := s.settlePayment("order")
		if payment.Status.State != apiv1.PaymentPaid {
			t.Errorf("state = %s, want Paid: %+v", payment.Status.State, payment.Status)
		}
		if got := s.Simulator.Ledger().Charges(payment.Status.PaymentRequestID); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
		if got := s.Simulator.Ledger().ChargesOfOrder("order"); got != 1 {
			t.Errorf("charges of the order = %d, want 1", got)
		}
		checkLedger(t, s.Simulator)
	})
}

func TestRefundGivesBackOnceWhateverFails(t *testing.T) {
	eachBreakage(t, "refund", "inquiryRefund", func(t *testing.T, fault simulator.Fault, broken brokenWrite) {
		writes := 0
		s := newStepper(t, nil)
		payment := testenv.NewPayment("order")
		payment.Spec.Cashier.PaymentMethodType = "BILLEASE" // whose refunds are asynchronous
		payment.Spec.Amount.Currency = "PHP"
		s.Create(payment)
		s.settlePayment("order")
		refund := testenv.NewRefund("refund", "order", "6000")
		refund.Spec.Amount.Currency = "PHP"
		s.Create(refund)
		s.client = broken.through(&writes)(s.client)
		inject(t, s.Simulator, fault)
		refund = s.settleRefund("refund")
		if refund.Status.State != apiv1.RefundRefunded {
			t.Errorf("state = %s, want Refunded: %+v", refund.Status.State, refund.Status)
		}
		if got := s.Simulator.Ledger().Refunds(refund.Status.RefundRequestID); got != 1 {
			t.Errorf("refunds = %d, want 1", got)
		}
		if got := len(s.Simulator.Ledger().RefundRecords); got != 1 {
			t.Errorf("refunds under any id = %d, want 1", got)
		}
		checkLedger(t, s.Simulator)
	})
}

func TestCancelGivesBackOnceWhateverFails(t *testing.T) {
	eachBreakage(t, "cancel", "inquiryPayment", func(t *testing.T, fault simulator.Fault, broken brokenWrite) {
		writes := 0
		s := newStepper(t, nil)
		s.Create(testenv.NewPayment("order"))
		payment := s.settlePayment("order")
		patch := client.MergeFrom(payment.DeepCopy())
		payment.Spec.DesiredState = apiv1.DesiredCancelled
		if err := cluster.Client.Patch(t.Context(), payment, patch); err != nil {
			t.Fatal(err)
		}
		s.client = broken.through(&writes)(s.client)
		inject(t, s.Simulator, fault)
		payment = s.settlePaymentAs("order", apiv1.PaymentCancelled)
		given := 0
		for _, entry := range s.Simulator.Ledger().Entries {
			if entry.Kind == simulator.EntryCancel {
				given++
			}
		}
		if given != 1 || payment.Status.Amounts != nil {
			t.Errorf("cancellations booked = %d, amounts = %+v; want 1 and none", given, payment.Status.Amounts)
		}
		checkLedger(t, s.Simulator)
	})
}
