package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// Annotations of the samples.
const (
	buyerAnnotation         = "demo.alipay-operator.io/buyer"
	expectAnnotation        = "demo.alipay-operator.io/expect"
	notificationsAnnotation = "demo.alipay-operator.io/notifications"
)

// dropped is the value of notificationsAnnotation.
const dropped = "dropped"

// story is what the demo has shown so far.
type story struct {
	*environment
	states, table string
}

// tell plays the sample shop: the buyers pay, decline and leave, the shop cancels, refunds and debits, and every object must end as its
// sample says, and by what the gateway has announced.
func tell(ctx context.Context, env *environment) error {
	s := &story{environment: env}
	files := []string{s.sample("payments.yaml"), s.sample("refunds.yaml"), s.sample("card.yaml"), s.sample("customs.yaml")}

	step("kubectl apply -f config/samples/shop/payments.yaml -f config/samples/shop/refunds.yaml -f config/samples/shop/card.yaml \\\n    -f config/samples/shop/customs.yaml")
	if err := s.apply(ctx, files...); err != nil {
		return err
	}
	if err := s.until(ctx, "every order is open", func(p *apiv1.Payment) bool { return p.Status.State != apiv1.StateProcessing }, nil, nil); err != nil {
		return err
	}
	step("The gateway drops every notification about order-1006, and takes half a minute for each refund and capture")
	if err := s.injectFaults(ctx); err != nil {
		return err
	}
	step("The buyers of 1001, 1002, 1006 and 1009 pay, that of 1007 confirms with the bank of the card, that of 1004 leaves, those of 1003 and 1005 wait")
	for buyer, action := range map[string]string{"pays": "pay", "leaves": "leave"} {
		if err := s.act(ctx, buyer, action); err != nil {
			return err
		}
	}
	step("Somebody changes order-1005 to desiredState: Cancelled, in Git")
	if err := s.edit(ctx, "payments.yaml", "desiredState: Paid", "desiredState: Cancelled"); err != nil {
		return err
	}
	capturing := func(c *apiv1.Capture) bool { return c.Status.State != apiv1.StateProcessing }
	if err := s.until(ctx, "the card is authorised and its capture under way", nil, nil, capturing); err != nil {
		return err
	}
	step("A minute passes by the gateway's clock: the capture ends, and the refund of a part of it starts")
	if _, err := s.control(ctx, "POST", "/clock", `{"advance":"1m"}`); err != nil {
		return err
	}
	waiting := func(p *apiv1.Payment) bool {
		buyer := p.Annotations[buyerAnnotation]
		return (buyer == "pays" || buyer == "waits") && !isDropped(p) && unexpected(p)
	}
	refunding := func(r *apiv1.Refund) bool {
		begun := r.Status.State == apiv1.StateProcessing || r.Status.State == apiv1.RefundRefunded
		return r.Annotations[expectAnnotation] == string(apiv1.RefundRefunded) && !begun
	}
	if err := s.until(ctx, "the notifications have arrived and the refunds are under way", waiting, refunding, unexpectedCapture); err != nil {
		return err
	}
	if err := s.untilDeclared(ctx, apiv1.StateProcessing); err != nil {
		return err
	}
	step("The buyer of 1003 declines, and fifteen minutes pass by the gateway's clock: unpaid orders close, refunds end, customs answers")
	if err := s.act(ctx, "declines", "decline"); err != nil {
		return err
	}
	if _, err := s.control(ctx, "POST", "/clock", `{"advance":"15m"}`); err != nil {
		return err
	}
	if err := s.until(ctx, "everything is settled", unexpectedPayment, unexpectedRefund, unexpectedCapture); err != nil {
		return err
	}
	step("How each of them was settled, from the gateway's own record")
	if err := s.proveHowSettled(ctx); err != nil {
		return err
	}
	if err := s.applyAgain(ctx, files); err != nil {
		return err
	}
	if err := s.dispute(ctx); err != nil {
		return err
	}
	if err := s.subscribe(ctx); err != nil {
		return err
	}
	if err := s.printLedger(ctx); err != nil {
		return err
	}
	return s.printMovements(ctx)
}

// injectFaults makes the gateway lose what the samples say, and refunds and captures take their time, as then it notifies of their end.
func (s *story) injectFaults(ctx context.Context) error {
	payments := &apiv1.PaymentList{}
	if err := s.client.List(ctx, payments, client.InNamespace(shop)); err != nil {
		return err
	}
	faults := []simulator.Fault{{Kind: simulator.InProcess, Path: "refund", Times: -1}, {Kind: simulator.InProcess, Path: "capture", Times: -1}}
	for i := range payments.Items {
		if payment := &payments.Items[i]; isDropped(payment) {
			faults = append(faults, simulator.Fault{Kind: simulator.Lose, Path: "notifyPayment", Target: payment.Status.PaymentRequestID, Times: -1})
		}
	}
	for _, fault := range faults {
		body, err := json.Marshal(fault)
		if err != nil {
			return err
		}
		if _, err := s.control(ctx, "POST", "/faults", string(body)); err != nil {
			return err
		}
	}
	return nil
}

// applyAgain shows that applying the same YAML once more moves nothing.
func (s *story) applyAgain(ctx context.Context, files []string) error {
	before, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	step("The same YAML is deleted and applied once more: the operator asks the gateway, which announces nothing again")
	if _, err := s.control(ctx, "DELETE", "/faults", ""); err != nil {
		return err
	}
	edited, err := s.edited("payments.yaml", "desiredState: Paid", "desiredState: Cancelled")
	if err != nil {
		return err
	}
	if _, err := s.kubectl(ctx, nil, "delete", "-f", files[0], "-f", files[1], "-f", files[2], "-f", files[3]); err != nil {
		return err
	}
	if _, err := s.kubectl(ctx, edited, "apply", "-f", "-", "-f", files[1], "-f", files[2], "-f", files[3]); err != nil {
		return err
	}
	if err := s.until(ctx, "everything is found again", unexpectedPayment, unexpectedRefund, unexpectedCapture); err != nil {
		return err
	}
	if err := s.untilDeclared(ctx, apiv1.DeclarationAccepted); err != nil {
		return err
	}
	if _, err := s.control(ctx, "GET", "/invariants", ""); err != nil {
		return err
	}
	after, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(before.Entries, after.Entries) {
		return fmt.Errorf("applying the same YAML again moved money; before: %+v, after: %+v", before.Entries, after.Entries)
	}
	return errors.Join(declaredOnce(before, after), foundAgain(before, after))
}

// printLedger shows everything that the gateway has booked and announced.
func (s *story) printLedger(ctx context.Context) error {
	step("What the gateway has booked, announced and answered, in full")
	table, err := s.control(ctx, "GET", "/ledger?format=table", "")
	fmt.Println(table)
	return err
}

// ledger is the gateway's own record.
func (s *story) ledger(ctx context.Context) (ledger simulator.Ledger, err error) {
	text, err := s.control(ctx, "GET", "/ledger", "")
	if err != nil {
		return ledger, err
	}
	return ledger, json.Unmarshal([]byte(text), &ledger)
}

func (s *story) apply(ctx context.Context, files ...string) error {
	args := []string{"apply"}
	for _, file := range files {
		args = append(args, "-f", file)
	}
	_, err := s.kubectl(ctx, nil, args...)
	return err
}

// edited is a sample file in which a line was changed.
func (s *story) edited(file, before, after string) ([]byte, error) {
	text, err := os.ReadFile(s.sample(file))
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(text, []byte(before)) {
		return nil, fmt.Errorf("%s holds no %q to edit", file, before)
	}
	return bytes.ReplaceAll(text, []byte(before), []byte(after)), nil
}

func (s *story) edit(ctx context.Context, file, before, after string) error {
	text, err := s.edited(file, before, after)
	if err != nil {
		return err
	}
	_, err = s.kubectl(ctx, text, "apply", "-f", "-")
	return err
}

// act plays every buyer of one sort.
func (s *story) act(ctx context.Context, buyer, action string) error {
	payments := &apiv1.PaymentList{}
	if err := s.client.List(ctx, payments, client.InNamespace(shop)); err != nil {
		return err
	}
	for i := range payments.Items {
		payment := &payments.Items[i]
		if payment.Annotations[buyerAnnotation] != buyer {
			continue
		}
		if _, err := s.control(ctx, "POST", "/payments/"+payment.Status.PaymentID+"/"+action, ""); err != nil {
			return err
		}
	}
	return nil
}

// until waits while any object is pending, and prints the tables whenever they change.
func (s *story) until(ctx context.Context, what string,
	paymentPending func(*apiv1.Payment) bool, refundPending func(*apiv1.Refund) bool, capturePending func(*apiv1.Capture) bool,
) error {
	for {
		pending, seen, err := s.look(ctx, paymentPending, refundPending, capturePending)
		if err != nil {
			return err
		}
		if seen != s.states {
			s.states = seen
			if err := s.show(ctx); err != nil {
				return err
			}
		}
		if len(pending) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting until %s: %w; not there yet: %s", what, ctx.Err(), strings.Join(pending, ", ")))
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// ages are the cells of a table that change while nothing happens.
var ages = regexp.MustCompile(`(?m)\s+\S+$`)

// show prints the tables, unless they say what they said before: they are read later than the states that led here.
func (s *story) show(ctx context.Context) error {
	table, err := s.kubectl(ctx, nil, "-n", shop, "get", "payments,captures,refunds,customsdeclarations")
	if err != nil {
		return err
	}
	if news := ages.ReplaceAllString(table, ""); news != s.table {
		s.table = news
		fmt.Printf("\n%s\n", table)
	}
	return nil
}

// look names the objects that are pending and sums up the state of all.
func (s *story) look(ctx context.Context,
	paymentPending func(*apiv1.Payment) bool, refundPending func(*apiv1.Refund) bool, capturePending func(*apiv1.Capture) bool,
) (pending []string, seen string, err error) {
	payments, refunds, captures := &apiv1.PaymentList{}, &apiv1.RefundList{}, &apiv1.CaptureList{}
	if err := s.client.List(ctx, captures, client.InNamespace(shop)); err != nil {
		return nil, "", err
	}
	if err := s.client.List(ctx, payments, client.InNamespace(shop)); err != nil {
		return nil, "", err
	}
	if err := s.client.List(ctx, refunds, client.InNamespace(shop)); err != nil {
		return nil, "", err
	}
	var states []string
	for i := range payments.Items {
		p := &payments.Items[i]
		states = append(states, p.Name+"="+string(p.Status.State))
		if paymentPending != nil && paymentPending(p) {
			pending = append(pending, fmt.Sprintf("payment %s is %s", p.Name, p.Status.State))
		}
	}
	for i := range refunds.Items {
		r := &refunds.Items[i]
		states = append(states, r.Name+"="+string(r.Status.State))
		if refundPending != nil && refundPending(r) {
			pending = append(pending, fmt.Sprintf("refund %s is %s", r.Name, r.Status.State))
		}
	}
	for i := range captures.Items {
		c := &captures.Items[i]
		states = append(states, "capture "+c.Name+"="+string(c.Status.State))
		if capturePending != nil && capturePending(c) {
			pending = append(pending, fmt.Sprintf("capture %s is %s", c.Name, c.Status.State))
		}
	}
	slices.Sort(states)
	return pending, strings.Join(states, " "), nil
}

func isDropped(p *apiv1.Payment) bool { return p.Annotations[notificationsAnnotation] == dropped }

func unexpected(p *apiv1.Payment) bool {
	return string(p.Status.State) != p.Annotations[expectAnnotation]
}

func unexpectedPayment(p *apiv1.Payment) bool { return unexpected(p) }

func unexpectedRefund(r *apiv1.Refund) bool {
	return string(r.Status.State) != r.Annotations[expectAnnotation]
}

func unexpectedCapture(c *apiv1.Capture) bool {
	return string(c.Status.State) != c.Annotations[expectAnnotation]
}
