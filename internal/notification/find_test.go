package notification

import (
	"testing"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const refundedBody = `{"notifyType":"REFUND_RESULT","result":{"resultStatus":"S"},"refundStatus":"SUCCESS","refundRequestId":"rf_1"}`

// noteRefund lets the payment note the refund "rf_1", as it does before the Refund has its intent.
func (d *door) noteRefund(t *testing.T) {
	t.Helper()
	payment := &apiv1.Payment{}
	d.get(t, "order", payment)
	payment.Status.Refunds = []apiv1.PaymentRefund{{RefundRequestID: "rf_1", Value: "100"}}
	if err := d.api.Update(t.Context(), payment); err != nil {
		t.Fatal(err)
	}
}

func TestRefundIsToldWhileTheCacheHasOnlyThePaymentsNoteOfIt(t *testing.T) {
	d, lagging := newDoor(), newDoor()
	d.noteRefund(t)
	lagging.noteRefund(t)
	refund := &apiv1.Refund{}
	lagging.get(t, "back", refund)
	refund.Status = apiv1.RefundStatus{} // the intent has not reached the cache yet
	if err := lagging.api.Update(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	d.cache, d.live = lagging.api, d.api
	if response := d.deliver(t, written(refundedBody)); !isAcknowledgement(t, response) {
		t.Errorf("answer = %s; log: %s", response.Status, d.log())
	}
	d.expectWrites(t, "patch back")
}

func TestRefundThatWasDeletedIsToldToItsPayment(t *testing.T) {
	d := newDoor()
	d.live = d.api
	d.noteRefund(t)
	refund := &apiv1.Refund{}
	d.get(t, "back", refund)
	if err := d.api.Delete(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	if response := d.deliver(t, written(refundedBody)); !isAcknowledgement(t, response) {
		t.Errorf("answer = %s; log: %s", response.Status, d.log())
	}
	d.expectWrites(t, "patch order")
}
