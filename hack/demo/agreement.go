package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

const (
	agreementName = "plan-1188"
	// aMonth and halfAYear pass by the gateway's clock. A token lives 180 days by it.
	aMonth    = 30 * 24 * time.Hour
	halfAYear = 180 * 24 * time.Hour
)

// subscription is the chapter of a buyer who consents once and is debited every month.
type subscription struct {
	*story
	// debits is debits.yaml as it stands in Git by now.
	debits []byte
	// wallet is the address of the page on which the buyer agrees, and ends the agreement.
	wallet string
}

// subscribe plays the life of an agreement, from the buyer's consent to the buyer's end of it.
func (s *story) subscribe(ctx context.Context) error {
	debits, err := os.ReadFile(s.sample("debits.yaml"))
	if err != nil {
		return err
	}
	chapter := &subscription{story: s, debits: debits}
	for _, part := range []func(context.Context) error{
		chapter.consent, chapter.threeMonths, chapter.emptyWallet, chapter.deadToken, chapter.end, chapter.applyAgain,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// consent applies the agreement and lets the buyer agree.
func (s *subscription) consent(ctx context.Context) error {
	step("A buyer may be debited every month, once they have consented: kubectl apply -f config/samples/shop/agreements.yaml")
	if err := s.apply(ctx, s.sample("agreements.yaml")); err != nil {
		return err
	}
	agreement, err := s.untilAgreement(ctx, "has an address for the buyer", func(a *apiv1.AutoDebitAgreement) bool {
		return a.Status.Authorization != nil && a.Status.Authorization.NormalURL != ""
	})
	if err != nil {
		return err
	}
	if err := s.announceHere(ctx, agreement.Spec.MerchantAccountRef.Name); err != nil {
		return err
	}
	s.wallet = agreement.Status.Authorization.NormalURL
	visited, err := press(ctx, s.wallet, "agree", agreement.Spec.AuthRedirectURL)
	if err != nil {
		return err
	}
	returned, err := s.isReturn(visited, agreement)
	if err != nil {
		return err
	}
	step("The buyer presses Agree on the wallet's page. The browser goes to the operator's " + returned + ", and on to " + agreement.Spec.AuthRedirectURL)
	if _, err := s.untilAgreement(ctx, "is Ready", isReady); err != nil {
		return err
	}
	// The gateway announces the code, which the browser has brought already, and the token.
	return s.pass(ctx, 10*time.Second)
}

// threeMonths debits the buyer three times.
func (s *subscription) threeMonths(ctx context.Context) error {
	for i, month := range []string{"january", "february", "march"} {
		text := ""
		if i > 0 {
			text = "A month passes by the gateway's clock. "
			if err := s.pass(ctx, aMonth); err != nil {
				return err
			}
		}
		if err := s.debit(ctx, text, month, apiv1.PaymentPaid); err != nil {
			return err
		}
	}
	return nil
}

// emptyWallet shows a debit that the wallet refuses, and its second attempt.
func (s *subscription) emptyWallet(ctx context.Context) error {
	if err := s.pass(ctx, aMonth); err != nil {
		return err
	}
	if err := s.setDebits(ctx, simulator.DebitPoor); err != nil {
		return err
	}
	if err := s.debit(ctx, "Another month passes, and the wallet is empty. ", "april", apiv1.StateFailed); err != nil {
		return err
	}
	if err := s.expectRefusal(ctx, "april", "USER_BALANCE_NOT_ENOUGH"); err != nil {
		return err
	}
	step("Nothing was charged. The wallet has money again, and somebody raises attempt of " + agreementName + "-april to 2, in Git")
	if err := s.setDebits(ctx, simulator.DebitPays); err != nil {
		return err
	}
	return s.raiseAttempt(ctx, "april", "raised once the wallet has money again")
}

// deadToken lets the token end by the gateway's clock alone, which the operator finds out by a debit.
func (s *subscription) deadToken(ctx context.Context) error {
	agreement, err := s.agreement(ctx)
	if err != nil {
		return err
	}
	step("Half a year passes by the gateway's clock, and ends the token. The operator's clock is this machine's, and has not moved:\n" +
		"    by it the token is renewed on " + agreement.Status.RenewalTime.UTC().Format(time.DateOnly) + ". So it debits with a token that is dead, and is refused")
	if err := s.pass(ctx, halfAYear); err != nil {
		return err
	}
	if err := s.debit(ctx, "", "october", apiv1.StateFailed); err != nil {
		return err
	}
	if err := s.expectRefusal(ctx, "october", "INVALID_ACCESS_TOKEN"); err != nil {
		return err
	}
	step("Because of that the operator renews the token, once, and nothing is debited before it has the new one")
	if _, err := s.untilAgreement(ctx, "has renewed its token", func(a *apiv1.AutoDebitAgreement) bool { return a.Status.Renewals == 1 && isReady(a) }); err != nil {
		return err
	}
	if err := s.expectLive(ctx, 1); err != nil {
		return err
	}
	step("Somebody raises attempt of " + agreementName + "-october to 2, in Git")
	return s.raiseAttempt(ctx, "october", "raised once the token is renewed")
}

// end lets the buyer end the agreement, and debits once more.
func (s *subscription) end(ctx context.Context) error {
	step("The buyer ends the agreement on the wallet's page, and the gateway announces TOKEN_CANCELED")
	if _, err := press(ctx, s.wallet, "cancel", ""); err != nil {
		return err
	}
	if err := s.pass(ctx, 10*time.Second); err != nil {
		return err
	}
	if _, err := s.untilAgreement(ctx, "is Revoked by the buyer", func(a *apiv1.AutoDebitAgreement) bool {
		return a.Status.State == apiv1.AgreementRevoked && a.Status.RevokedBy == apiv1.EndedByBuyer
	}); err != nil {
		return err
	}
	if err := s.debit(ctx, "", "november", apiv1.StatePending); err != nil {
		return err
	}
	payment, err := s.payment(ctx, "november")
	if err != nil {
		return err
	}
	ready := meta.FindStatusCondition(payment.Status.Conditions, apiv1.ReadyCondition)
	if ready.Reason != apiv1.AwaitingAgreementReason {
		return fmt.Errorf("november waits for another reason: %+v", ready)
	}
	fmt.Printf("%s waits, and says why (%s): %s\n\n", payment.Name, ready.Reason, ready.Message)
	return nil
}

// applyAgain deletes every debit and applies it again, which charges nobody: not even now that the agreement has ended.
func (s *subscription) applyAgain(ctx context.Context) error {
	step("The debits are deleted and applied once more: the operator asks the gateway, and finds each of them again")
	before, err := s.ledger(ctx)
	if err != nil {
		return err
	}
	if _, err := s.kubectl(ctx, s.debits, "delete", "-f", "-"); err != nil {
		return err
	}
	if _, err := s.kubectl(ctx, s.debits, "apply", "-f", "-"); err != nil {
		return err
	}
	if err := s.untilDebits(ctx, "is as its sample says, and adopted if it is paid", "month", func(p *apiv1.Payment) bool {
		return isReported(p) && !unexpected(p) && p.Status.Adopted == (p.Status.State == apiv1.PaymentPaid)
	}); err != nil {
		return err
	}
	return s.proveDebits(ctx, before)
}

// debit applies the debit of one month and waits for its state.
func (s *subscription) debit(ctx context.Context, text, month string, want apiv1.OperationState) error {
	step(text + "kubectl apply -f config/samples/shop/debits.yaml -l month=" + month)
	return s.applyMonth(ctx, month, want)
}

func (s *subscription) applyMonth(ctx context.Context, month string, want apiv1.OperationState) error {
	if _, err := s.kubectl(ctx, s.debits, "apply", "-f", "-", "-l", "month="+month); err != nil {
		return err
	}
	return s.untilDebits(ctx, "is "+string(want), "month="+month, func(p *apiv1.Payment) bool { return isReported(p) && p.Status.State == want })
}

// raiseAttempt edits the debit of a month, whose line bears a comment, and waits until it is paid.
func (s *subscription) raiseAttempt(ctx context.Context, month, comment string) error {
	before, after := []byte("attempt: 1 # "+comment), []byte("attempt: 2 # "+comment)
	if bytes.Count(s.debits, before) != 1 {
		return fmt.Errorf("debits.yaml holds no single %q to edit", before)
	}
	s.debits = bytes.Replace(s.debits, before, after, 1)
	return s.applyMonth(ctx, month, apiv1.PaymentPaid)
}

// setDebits decides what becomes of the buyer's debits from now on.
func (s *subscription) setDebits(ctx context.Context, behaviour simulator.DebitBehaviour) error {
	consent, _, err := s.consentOf(ctx)
	if err != nil {
		return err
	}
	_, err = s.control(ctx, "POST", "/authorizations/"+consent.AuthorizationID+"/debits", fmt.Sprintf(`{"behaviour":%q}`, behaviour))
	return err
}

// pass moves the gateway's clock, and nobody else's.
func (s *subscription) pass(ctx context.Context, d time.Duration) error {
	_, err := s.control(ctx, "POST", "/clock", fmt.Sprintf(`{"advance":%q}`, d))
	return err
}

func (s *subscription) agreement(ctx context.Context) (*apiv1.AutoDebitAgreement, error) {
	agreement := &apiv1.AutoDebitAgreement{}
	return agreement, s.client.Get(ctx, client.ObjectKey{Namespace: shop, Name: agreementName}, agreement)
}

func (s *subscription) payment(ctx context.Context, month string) (*apiv1.Payment, error) {
	payment := &apiv1.Payment{}
	return payment, s.client.Get(ctx, client.ObjectKey{Namespace: shop, Name: agreementName + "-" + month}, payment)
}

func isReady(a *apiv1.AutoDebitAgreement) bool {
	return meta.IsStatusConditionTrue(a.Status.Conditions, apiv1.ReadyCondition)
}

// untilAgreement waits until the agreement is as it should be, and shows it.
func (s *subscription) untilAgreement(ctx context.Context, what string, reached func(*apiv1.AutoDebitAgreement) bool) (agreement *apiv1.AutoDebitAgreement, err error) {
	look := func() (string, error) {
		if agreement, err = s.agreement(ctx); err != nil || reached(agreement) {
			return "", err
		}
		return fmt.Sprintf("it is %s: %+v", agreement.Status.State, agreement.Status.Conditions), nil
	}
	if err := s.wait(ctx, "agreement "+agreementName+" "+what, look); err != nil {
		return nil, err
	}
	return agreement, s.print(ctx, "autodebitagreements")
}

// isReported tells whether a status is about the spec as it is now.
func isReported(p *apiv1.Payment) bool {
	ready := meta.FindStatusCondition(p.Status.Conditions, apiv1.ReadyCondition)
	return ready != nil && ready.ObservedGeneration == p.Generation
}

// untilDebits waits until each debit that a selector of labels chooses is as it should be, and shows them.
func (s *subscription) untilDebits(ctx context.Context, what, selector string, reached func(*apiv1.Payment) bool) error {
	chosen, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	look := func() (missing string, err error) {
		payments := &apiv1.PaymentList{}
		if err := s.client.List(ctx, payments, client.InNamespace(shop), client.MatchingLabelsSelector{Selector: chosen}); err != nil {
			return "", err
		}
		for i := range payments.Items {
			if p := &payments.Items[i]; !reached(p) {
				missing = fmt.Sprintf("%s is %s: %+v", p.Name, p.Status.State, p.Status.Conditions)
			}
		}
		return missing, nil
	}
	if err := s.wait(ctx, "each debit "+what, look); err != nil {
		return err
	}
	return s.print(ctx, "payments", "-l", selector)
}

// wait waits until nothing is missing.
func (s *subscription) wait(ctx context.Context, what string, look func() (missing string, err error)) error {
	for {
		missing, err := look()
		if err != nil || missing == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w; not there yet: %s", what, ctx.Err(), missing)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *subscription) print(ctx context.Context, args ...string) error {
	table, err := s.kubectl(ctx, nil, append([]string{"-n", shop, "get"}, args...)...)
	fmt.Printf("\n%s\n", table)
	return err
}
