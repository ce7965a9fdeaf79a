package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// disputedOrder is the order whose buyer objects after all.
const disputedOrder = "order-1006"

// dispute has a buyer object to a paid order, and the shop give in.
func (s *story) dispute(ctx context.Context) error {
	step("The buyer of 1006 disputes it. The gateway announces that, and the operator makes a Dispute of it")
	payment := &apiv1.Payment{}
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: shop, Name: disputedOrder}, payment); err != nil {
		return err
	}
	if err := s.announceHere(ctx, payment.Spec.MerchantAccountRef.Name); err != nil {
		return err
	}
	answer, err := s.control(ctx, "POST", "/disputes", fmt.Sprintf(`{"payment":%q}`, payment.Status.PaymentID))
	if err != nil {
		return err
	}
	var raised simulator.Dispute
	if err := json.Unmarshal([]byte(answer), &raised); err != nil {
		return err
	}
	if _, err := s.control(ctx, "POST", "/clock", `{"advance":"10s"}`); err != nil {
		return err
	}
	dispute, err := s.untilDispute(ctx, raised.DisputeID, apiv1.DisputeOpen)
	if err != nil {
		return err
	}
	step("The shop gives in: kubectl patch dispute " + dispute.Name)
	if _, err := s.kubectl(ctx, nil, "-n", shop, "patch", "dispute", dispute.Name, "--type=merge", "-p", `{"spec":{"response":{"action":"Accept"}}}`); err != nil {
		return err
	}
	if _, err := s.untilDispute(ctx, raised.DisputeID, apiv1.DisputeAccepted); err != nil {
		return err
	}
	ledger, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	if booked, found := ledger.Dispute(raised.DisputeID); !found || booked.Accepts != 1 {
		return fmt.Errorf("the gateway has taken %d acceptances of the dispute, want 1", booked.Accepts)
	}
	_, err = s.control(ctx, "GET", "/invariants", "")
	return err
}

// announceHere enters the operator's address for an account at the gateway, as a person does in the dashboard.
func (s *story) announceHere(ctx context.Context, name string) error {
	account := &apiv1.MerchantAccount{}
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: shop, Name: name}, account); err != nil {
		return err
	}
	address := account.Spec.NotificationBaseURL + "/notify/" + shop + "/" + account.Name
	_, err := s.control(ctx, "PUT", "/clients/"+account.Spec.ClientID+"/notify-url", fmt.Sprintf(`{"url":%q}`, address))
	return err
}

// untilDispute waits until a dispute is in a state, and shows it.
func (s *story) untilDispute(ctx context.Context, id string, want apiv1.DisputeState) (*apiv1.Dispute, error) {
	for {
		list := &apiv1.DisputeList{}
		if err := s.client.List(ctx, list, client.InNamespace(shop)); err != nil {
			return nil, err
		}
		for i := range list.Items {
			if dispute := &list.Items[i]; dispute.Spec.DisputeID == id && dispute.Status.State == want {
				table, err := s.kubectl(ctx, nil, "-n", shop, "get", "disputes")
				fmt.Printf("\n%s\n", table)
				return dispute, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting until the dispute is %s: %w", want, ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}
