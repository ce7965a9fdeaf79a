package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"k8s.io/apimachinery/pkg/api/meta"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// months are those of debits.yaml, with how often the buyer must be charged for each, and how many debits the gateway must have had for it.
var months = []struct {
	name              string
	charges, attempts int
}{
	{"january", 1, 1},
	{"february", 1, 1},
	{"march", 1, 1},
	{"april", 1, 2},    // refused for want of money, then paid
	{"october", 1, 2},  // refused for its token, then paid
	{"november", 0, 0}, // never sent
}

// consentOf is the gateway's record of the one consent that it was ever asked for.
func (s *subscription) consentOf(ctx context.Context) (consent simulator.Authorization, ledger simulator.Ledger, err error) {
	if ledger, err = s.ledger(ctx); err != nil {
		return consent, ledger, err
	}
	if len(ledger.Authorizations) != 1 {
		return consent, ledger, fmt.Errorf("the gateway has %d consents, want 1", len(ledger.Authorizations))
	}
	return ledger.Authorizations[0], ledger, nil
}

// expectLive checks how many tokens of the shop the gateway would debit.
func (s *subscription) expectLive(ctx context.Context, want int) error {
	consent, ledger, err := s.consentOf(ctx)
	if err == nil && ledger.LiveTokens(consent.ClientID) != want {
		err = fmt.Errorf("%d tokens are alive at the gateway, want %d", ledger.LiveTokens(consent.ClientID), want)
	}
	return err
}

// expectRefusal checks that the attempt at hand has failed for a reason and charged nothing.
func (s *subscription) expectRefusal(ctx context.Context, month, code string) error {
	payment, err := s.payment(ctx, month)
	if err != nil {
		return err
	}
	ledger, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	ready := meta.FindStatusCondition(payment.Status.Conditions, apiv1.ReadyCondition)
	if ready.Reason != code || ledger.Charges(payment.Status.PaymentRequestID) != 0 {
		return fmt.Errorf("%s failed with %s and %d charges, want %s and none", month, ready.Reason, ledger.Charges(payment.Status.PaymentRequestID), code)
	}
	return nil
}

// proveDebits checks the gateway's record of the agreement, of each month, and that nothing has moved since before.
func (s *subscription) proveDebits(ctx context.Context, before simulator.Ledger) error {
	step("What the gateway has on record of the agreement and its debits")
	consent, ledger, err := s.consentOf(ctx)
	if err != nil {
		return err
	}
	errs := []error{proveConsent(consent, ledger), proveMonths(ledger), s.expectLive(ctx, 0)}
	if !slices.Equal(before.Entries, ledger.Entries) {
		errs = append(errs, errors.New("applying the same debits again moved money"))
	}
	_, err = s.control(ctx, "GET", "/invariants", "")
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	fmt.Printf("One consent, whose code was exchanged once, although the browser and a notification brought it. One renewal, two tokens in all, never more\n"+
		"than one of them alive, and none now. One debit met a dead token: October's first. %d debits were paid, each once, and applying them again\n"+
		"charged nobody, even though the agreement has ended.\n\n", paidMonths())
	return nil
}

func paidMonths() (paid int) {
	for _, month := range months {
		paid += month.charges
	}
	return paid
}

// proveConsent checks the chain of the consent's tokens, and that its code was brought twice.
func proveConsent(consent simulator.Authorization, ledger simulator.Ledger) error {
	type record struct {
		State                                                      string
		CodeAttempts, CodeExchanges, Refreshes, Tokens, DeadDebits int
		CodeAnnounced                                              bool
	}
	got := record{consent.State, consent.CodeAttempts(), consent.CodeExchanges(), consent.Refreshes(), len(consent.Tokens), consent.DeadDebits(), false}
	for _, n := range announcedOf(ledger, consent.AuthState) {
		got.CodeAnnounced = got.CodeAnnounced || n.Type == "AUTHCODE_CREATED" && n.Acknowledged
	}
	if want := (record{simulator.AuthorizationCanceled, 1, 1, 1, 2, 1, true}); got != want {
		return fmt.Errorf("the gateway's record of the consent is %+v, want %+v", got, want)
	}
	if first, second := consent.Tokens[0], consent.Tokens[1]; first.ExpiresAt.After(second.CreatedAt) && (first.EndedAt.IsZero() || first.EndedAt.After(second.CreatedAt)) {
		return errors.New("two tokens of the consent were alive at one time")
	}
	return nil
}

// proveMonths shows what the gateway has been asked for each month, and checks it.
func proveMonths(ledger simulator.Ledger) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(out, "\nORDER\tDEBITS SENT\tENDED WITH\tCHARGES")
	var wrong []error
	for _, month := range months {
		order := "1188-" + month.name
		var results []string
		for _, p := range ledger.Payments {
			if p.ReferenceOrderID == order {
				results = append(results, p.ResultCode)
			}
		}
		charges := ledger.ChargesOfOrder(order)
		_, _ = fmt.Fprintf(out, "%s\t%d\t%s\t%d\n", order, len(results), strings.Join(results, ", then "), charges)
		if charges != month.charges || len(results) != month.attempts {
			wrong = append(wrong, fmt.Errorf("%s: %d debits and %d charges, want %d and %d", order, len(results), charges, month.attempts, month.charges))
		}
	}
	_ = out.Flush()
	fmt.Println()
	return errors.Join(wrong...)
}
