package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// An automatic debit moves money without the buyer, with a token that its AutoDebitAgreement keeps alive
// (https://docs.antom.com/ac/ams/payment_agreement). The token is read when the request may have to be sent. It changes when it is renewed, so
// that two requests for one debit need not be the same bytes; their id is the same, and so the gateway makes one of them at most.

// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=autodebitagreements,verbs=get;list;watch
// +kubebuilder:rbac:groups=payments.alipay-operator.io,resources=autodebitagreements/status,verbs=patch

// debitRequest makes the body of pay out of spec, recorded intent, wallet and token, as payRequest does for a buyer who is there.
func debitRequest(payment *apiv1.Payment, requestID string, intent *apiv1.Intent, wallet string, token alipay.Credential) (*alipay.PayRequest, error) {
	request, err := orderRequest(payment, requestID, intent)
	if err != nil {
		return nil, err
	}
	request.ProductCode = alipay.ProductAgreementPayment
	request.PaymentMethod = alipay.PaymentMethod{PaymentMethodType: wallet, PaymentMethodID: token}
	return request, nil
}

// longestToGateway is how long a request may be on its way, with the write before it. A token that ends sooner is not debited.
const longestToGateway = 15 * time.Second

// debitFacts is what a decision knows of the agreement that is debited.
type debitFacts struct {
	// wallet is that of the agreement, or empty where it is not known.
	wallet string
	// token is there while it may be debited.
	token agreementToken
}

func agreementKey(payment *apiv1.Payment) types.NamespacedName {
	return types.NamespacedName{Namespace: payment.Namespace, Name: payment.Spec.AutoDebit.AgreementRef.Name}
}

// gatherDebit reads what the payment needs of its agreement.
func (p *paymentPass) gatherDebit(ctx context.Context) error {
	key := agreementKey(p.payment)
	if p.debit.wallet = p.payment.Status.PaymentMethodType; p.debit.wallet == "" {
		agreement := &apiv1.AutoDebitAgreement{}
		if err := client.IgnoreNotFound(p.Get(ctx, key, agreement)); err != nil {
			return fmt.Errorf("reading AutoDebitAgreement: %w", err)
		}
		p.debit.wallet = agreement.Spec.CustomerBelongsTo
	}
	if !p.needsSecrets() {
		return nil
	}
	token, found := p.agreementToken(ctx, key, p.now.Add(longestToGateway))
	if found == nil {
		p.debit.wallet = cmp.Or(p.payment.Status.PaymentMethodType, token.customerBelongsTo)
		found = p.foreignAgreement(token)
	}
	if p.debit.token = token; p.withheld == nil {
		p.withheld = found
	}
	return nil
}

// foreignAgreement says why the agreement's token is none for this payment.
func (p *paymentPass) foreignAgreement(token agreementToken) *problem {
	name, spec, debit := p.payment.Spec.AutoDebit.AgreementRef.Name, &p.payment.Spec, p.payment.Status.Debit
	account := p.account.account
	switch {
	case token.merchantAccount != spec.MerchantAccountRef.Name:
		return &problem{reason: apiv1.RequestInvalidReason, stalled: true, message: fmt.Sprintf(
			"AutoDebitAgreement %q is of MerchantAccount %q, and the payment is of %q: create a new Payment with an agreement of its own account. Nothing is sent.",
			name, token.merchantAccount, spec.MerchantAccountRef.Name)}
	case token.customerBelongsTo != p.debit.wallet:
		return &problem{reason: apiv1.RequestChangedReason, stalled: true, message: fmt.Sprintf(
			"AutoDebitAgreement %q is of the wallet %s now, and the debit on record is of %s, so it is not sent again: create a new Payment.",
			name, token.customerBelongsTo, p.debit.wallet)}
	case debit != nil && debit.AuthStateSHA256 != "" && debit.AuthStateSHA256 != token.consent:
		return &problem{reason: apiv1.RequestChangedReason, stalled: true, message: fmt.Sprintf(
			"AutoDebitAgreement %q has another consent now, which may be another buyer's, so the debit on record is not sent again: create a new Payment.", name)}
	case account != nil && token.clientID != "" && token.clientID != account.Spec.ClientID:
		return &problem{reason: apiv1.ClientIDChangedReason, stalled: true, retry: time.Minute, message: fmt.Sprintf(
			"The buyer of AutoDebitAgreement %q has consented to client %s, and MerchantAccount %q is now another client: restore the account, or create "+
				"another agreement. Nothing is sent before.", name, token.clientID, account.Name)}
	default:
		return nil
	}
}

// makeDebit makes the request of a debit: without a token for its hash alone.
func (p *paymentPass) makeDebit() {
	if p.request, p.buildErr = debitRequest(p.full, p.id, p.intent, p.debit.wallet, p.debit.token.accessToken); p.buildErr == nil {
		p.hash, p.buildErr = requestHash(p.request)
	}
}

// keepDebit puts on record which token the request names, and of which wallet.
func (p *paymentPass) keepDebit() {
	st := &p.payment.Status
	st.Intent.RequestSHA256 = p.hash
	st.PaymentMethodType = cmp.Or(st.PaymentMethodType, p.debit.wallet)
	st.Debit = &apiv1.DebitStatus{AccessTokenSHA256: p.debit.token.hash, AuthStateSHA256: p.debit.token.consent}
	st.EmptyAnswers = nil
}

// tick sets the time, after which a token may have expired.
func (p *paymentPass) tick(now time.Time) {
	p.facts.tick(now)
	if ends := p.debit.token.expiresAt; p.withheld == nil && !ends.IsZero() && !now.Before(ends) {
		p.withheld = awaitingAgreement(p.payment.Spec.AutoDebit.AgreementRef.Name, "has a token that has expired")
	}
}

// debitRuns reports whether the gateway only says that the debit is in process.
func (p *paymentPass) debitRuns(err error) bool {
	st := &p.payment.Status
	return p.payment.Spec.AutoDebit != nil && st.Intent != nil && !st.State.Final() && classify(err) == unknown && alipay.ResultCode(err) == alipay.CodePaymentInProcess
}

// doubtRepeated stops a debit whose id the gateway knows with something else, by its own refusal, and again and again does not know when it is
// asked. One of the two is wrong, and the first request may have debited the buyer: that has neither failed nor can it be sent again.
func (p *paymentPass) doubtRepeated() {
	st := &p.payment.Status
	repeated := st.LastResult != nil && st.LastResult.ResultCode == alipay.CodeRepeatReqInconsistent
	if p.payment.Spec.AutoDebit == nil || !repeated || emptyCount(st.EmptyAnswers, p.id) < emptyAnswers {
		return
	}
	st.Conflict, st.EmptyAnswers = &apiv1.Conflict{Reason: apiv1.StateContradictionReason, Message: "The gateway refuses the id " + p.id + " as one that it knows with " +
		"another token, amount or method (" + alipay.CodeRepeatReqInconsistent + "), and says " + alipay.CodeOrderNotExist + " when it is asked. Whether the buyer was debited " +
		"is not known, and nothing is sent any more: ask Antom, and do not collect the order another way before."}, nil
}

// reserve tells the agreement that the gateway has refused its token, so that it is debited no more.
func (p *paymentPass) reserve(ctx context.Context) error {
	debit := p.payment.Status.Debit
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		return p.markTokenRejected(ctx, agreementKey(p.payment), debit.AccessTokenSHA256)
	})
	if err != nil {
		return err
	}
	debit.TokenRejected = true
	return nil
}

// paymentsOfAgreement finds the debits that are not settled.
func (r *PaymentReconciler) paymentsOfAgreement(ctx context.Context, agreement client.Object) []ctrl.Request {
	return requestsFor(ctx, r.Client, &apiv1.PaymentList{}, agreement, openPaymentAgreementIndex)
}
