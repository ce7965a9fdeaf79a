package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// printMovements shows all money that has moved, in the same order in every run.
func (s *story) printMovements(ctx context.Context) error {
	step("All money that has moved, order by order: each charge, each debit, each capture and each refund once")
	ledger, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\nMovements of money: %d\n", len(ledger.Entries))
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "KIND\tAMOUNT\tREQUEST ID\tREFERENCE")
	for _, e := range inOrder(ledger.Entries) {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", e.Kind, e.Amount, e.PaymentRequestID, cmp.Or(e.Reference, "-"))
	}
	return out.Flush()
}

// inOrder puts together what was booked for each payment, the payments in the order of their first booking. What the operator asks for at one
// time, as the refunds of different orders, the gateway may book in any order: by kind and reference it is a steady one, in which a charge or an
// authorisation comes before its capture, its dispute and its refunds.
func inOrder(entries []simulator.Entry) []simulator.Entry {
	first := map[string]int{}
	for _, e := range entries {
		if _, known := first[e.PaymentRequestID]; !known {
			first[e.PaymentRequestID] = e.Number
		}
	}
	return slices.SortedStableFunc(slices.Values(entries), func(a, b simulator.Entry) int {
		return cmp.Or(cmp.Compare(first[a.PaymentRequestID], first[b.PaymentRequestID]), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reference, b.Reference))
	})
}
