package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// record is what the gateway knows of one object, and the object's own word.
type record struct {
	object    client.Object
	name      string
	state     string
	isDropped bool
	byCard    bool
	// known is false when the gateway never got a request.
	known                     bool
	inquiries, finalInquiries int
	// announced are the notifications of its end.
	announced []simulator.Notification
}

// proveHowSettled says for each object how its end became known, and fails where that is not what the samples ask for.
func (s *story) proveHowSettled(ctx context.Context) error {
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	fmt.Println()
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(out, "OBJECT\tSTATE\tANNOUNCED\tACKNOWLEDGED\tINQUIRIES\tSETTLED BY")
	var wrong []error
	for _, r := range records {
		how, err := r.settledBy()
		if err != nil {
			how = "?"
			wrong = append(wrong, fmt.Errorf("%s: %w", r.name, err))
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%s\n", r.name, r.state, len(r.announced), r.acknowledged(), r.inquiries, how)
	}
	_ = out.Flush()
	fmt.Println()
	return errors.Join(wrong...)
}

// settledBy says how the object's end became known. It errs where a notification should have told and did not.
func (r *record) settledBy() (string, error) {
	sends := 0
	for _, n := range r.announced {
		sends += n.Sends
	}
	switch {
	case !r.known:
		return "its own decision: nothing was sent, so there is nothing to announce", nil
	case r.state == string(apiv1.PaymentCancelled) && len(r.announced) == 0:
		return "the answer to cancel, which the gateway does not announce", nil
	case r.isDropped && sends > 0 && r.acknowledged() == 0 && r.finalInquiries > 0:
		return fmt.Sprintf("inquiry, as its notification was dropped (%d times)", sends), nil
	case r.isDropped:
		return "", fmt.Errorf("its notification should have been dropped and its end found by inquiry: %+v", *r)
	case r.acknowledged() == 0 || r.acknowledged() < len(r.announced):
		return "", fmt.Errorf("its notification was not acknowledged: %+v", r.announced)
	case !holdsNotification(r.object):
		return "", errors.New("its notification was acknowledged, and the object does not hold it")
	case r.finalInquiries == 0:
		return "notification", nil
	case r.byCard && r.state == string(apiv1.PaymentPaid):
		return "inquiry, as a card's success is announced before it is captured; paid by its Capture", nil
	default:
		return "", fmt.Errorf("%d inquiries told its end, although its notification was acknowledged", r.finalInquiries)
	}
}

func (r *record) acknowledged() int {
	n := 0
	for _, notification := range r.announced {
		if notification.Acknowledged {
			n++
		}
	}
	return n
}

func holdsNotification(obj client.Object) bool {
	for name := range obj.GetAnnotations() {
		if apiv1.IsNotificationAnnotation(name) {
			return true
		}
	}
	return false
}

// records joins every object with the gateway's record of it.
func (s *story) records(ctx context.Context) ([]record, error) {
	ledger, err := s.ledger(ctx)
	if err != nil {
		return nil, err
	}
	payments, refunds, captures := &apiv1.PaymentList{}, &apiv1.RefundList{}, &apiv1.CaptureList{}
	if err := s.client.List(ctx, captures, client.InNamespace(shop)); err != nil {
		return nil, err
	}
	if err := s.client.List(ctx, payments, client.InNamespace(shop)); err != nil {
		return nil, err
	}
	if err := s.client.List(ctx, refunds, client.InNamespace(shop)); err != nil {
		return nil, err
	}
	var records []record
	for i := range payments.Items {
		p := &payments.Items[i]
		order, known := ledger.Payment(p.Status.PaymentRequestID)
		records = append(records, record{
			object: p, name: "payment/" + p.Name, state: string(p.Status.State), isDropped: isDropped(p), byCard: p.Spec.CaptureMode != "", known: known,
			inquiries: order.Inquiries, finalInquiries: order.FinalInquiries, announced: announcedOf(ledger, p.Status.PaymentRequestID),
		})
	}
	for i := range refunds.Items {
		r := &refunds.Items[i]
		refund, known := ledger.Refund(r.Status.RefundRequestID)
		records = append(records, record{
			object: r, name: "refund/" + r.Name, state: string(r.Status.State), known: known,
			inquiries: refund.Inquiries, finalInquiries: refund.FinalInquiries, announced: announcedOf(ledger, r.Status.RefundRequestID),
		})
	}
	for i := range captures.Items {
		c := &captures.Items[i]
		// There is no inquiry of a capture: the gateway lists it beside its payment.
		records = append(records, record{
			object: c, name: "capture/" + c.Name, state: string(c.Status.State), known: c.Status.CaptureID != "",
			announced: announcedOf(ledger, c.Status.CaptureRequestID),
		})
	}
	return records, nil
}

func announcedOf(ledger simulator.Ledger, requestID string) []simulator.Notification {
	var announced []simulator.Notification
	for _, n := range ledger.Notifications {
		if n.Target == requestID {
			announced = append(announced, n)
		}
	}
	return announced
}

// foundAgain checks that the gateway has announced nothing more, and was asked about each payment that it knows.
func foundAgain(before, after simulator.Ledger) error {
	if len(before.Notifications) != len(after.Notifications) {
		return fmt.Errorf("the gateway has announced %d ends more", len(after.Notifications)-len(before.Notifications))
	}
	for _, p := range before.Payments {
		if now, _ := after.Payment(p.PaymentRequestID); now.FinalInquiries <= p.FinalInquiries {
			return fmt.Errorf("the gateway was not asked again about payment %s", p.PaymentRequestID)
		}
	}
	fmt.Printf("After the second apply the gateway announced nothing: the %d payments were found again by inquiry, "+
		"the refunds (%d) and captures (%d) by its answer to the same request or by inquiry. No money moved.\n",
		len(before.Payments), len(before.RefundRecords), len(before.Captures))
	return nil
}
