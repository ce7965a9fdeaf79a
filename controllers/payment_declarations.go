package controllers

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// A CustomsDeclaration takes its amount of what may be declared of the payment before it is sent, as a Refund does of what was paid. What
// becomes of it the payment learns from the object, and asks itself where the object is gone.

// declarableValue is an amount that may be declared.
var declarableValue = regexp.MustCompile(`^[1-9][0-9]{0,15}$`)

// customsAmount is what the gateway lets be declared; nil where it names nothing that could be declared.
func customsAmount(told *alipay.Amount) *apiv1.Amount {
	if told == nil || told.Currency != yuan || !declarableValue.MatchString(told.Value) {
		return nil
	}
	return &apiv1.Amount{Currency: told.Currency, Value: told.Value}
}

// customsAmount notes what may be declared of the payment.
func (a paymentAnswers) customsAmount(told *alipay.Amount) {
	if amount := customsAmount(told); amount != nil {
		a.payment.Status.CustomsDeclarationAmount = amount
	}
}

// putDeclaration adds a declaration or brings it up to date. What is accepted stays so.
func (a paymentAnswers) putDeclaration(declaration apiv1.PaymentDeclaration) {
	st := &a.payment.Status
	known := slices.IndexFunc(st.Declarations, func(d apiv1.PaymentDeclaration) bool {
		return d.DeclarationRequestID == declaration.DeclarationRequestID
	})
	if known >= 0 && st.Declarations[known].Status == apiv1.DeclarationReserved && declaration.Status == apiv1.DeclarationReserved {
		declaration.Value, declaration.Contested = heldValue(st.Declarations[known].Value, declaration.Value, st.Declarations[known].Contested)
	}
	switch {
	case known >= 0 && st.Declarations[known].Status != string(apiv1.DeclarationAccepted):
		st.Declarations[known] = declaration
	case known < 0 && len(st.Declarations) < mostNoted:
		st.Declarations = append(st.Declarations, declaration)
		slices.SortFunc(st.Declarations, func(x, y apiv1.PaymentDeclaration) int {
			return cmp.Compare(x.DeclarationRequestID, y.DeclarationRequestID)
		})
	}
}

// rollUpDeclarations brings the declarations of a payment up to date with their objects.
func (a paymentAnswers) rollUpDeclarations(declarations []apiv1.CustomsDeclaration) {
	st := &a.payment.Status
	for i := range declarations {
		declaration := &declarations[i].Status
		if declaration.Intent == nil || declaration.Amount == nil || declaration.PaymentID != st.PaymentID {
			continue
		}
		note := apiv1.PaymentDeclaration{
			DeclarationRequestID: declaration.DeclarationRequestID, Value: declaration.Amount.Value, Status: apiv1.DeclarationReserved,
		}
		switch {
		case refusedAsAnother(&declaration.OperationStatus) && a.declarationOfFormer(note.DeclarationRequestID):
			continue // the payment knows more
		case declaration.State == apiv1.StateFailed, refusedAsAnother(&declaration.OperationStatus):
			a.dropDeclaration(note.DeclarationRequestID)
			continue
		case declarationNoted(declaration.State):
			note.Status = string(declaration.State)
		case declarationKnown(a.payment, note.DeclarationRequestID):
			continue // the payment knows more
		}
		a.putDeclaration(note)
	}
}

// declarationOfFormer reports whether the id of a declaration that was refused as another's may be, or is, that of a former declaration of this
// payment.
func (a paymentAnswers) declarationOfFormer(id string) bool {
	return declarationKnown(a.payment, id) || slices.ContainsFunc(a.payment.Status.Declarations, func(d apiv1.PaymentDeclaration) bool {
		return d.DeclarationRequestID == id && d.Contested
	})
}

// declarationNoted reports whether a payment notes a declaration by this state.
func declarationNoted(state apiv1.OperationState) bool {
	switch state {
	case apiv1.StateProcessing, apiv1.DeclarationUndetermined, apiv1.DeclarationAccepted, apiv1.DeclarationRejected:
		return true
	default:
		return false
	}
}

// declarationKnown reports whether the gateway has told of a declaration.
func declarationKnown(payment *apiv1.Payment, id string) bool {
	return slices.ContainsFunc(payment.Status.Declarations, func(d apiv1.PaymentDeclaration) bool {
		return d.DeclarationRequestID == id && d.Status != apiv1.DeclarationReserved
	})
}

// dropDeclaration gives back what a declaration has taken, which the gateway has not.
func (a paymentAnswers) dropDeclaration(id string) {
	st := &a.payment.Status
	st.Declarations = slices.DeleteFunc(st.Declarations, func(d apiv1.PaymentDeclaration) bool {
		return d.DeclarationRequestID == id && d.Status != string(apiv1.DeclarationAccepted)
	})
}

// mayBeDeclared reports whether CustomsDeclarations of the payment can have something to say to it.
func mayBeDeclared(payment *apiv1.Payment) bool {
	return payment.Status.State == apiv1.PaymentPaid && methodOf(payment) == chinaWallet
}

// openDeclarationOf reports whether the outcome of a declaration is not known.
func openDeclarationOf(payment *apiv1.Payment) bool {
	return slices.ContainsFunc(payment.Status.Declarations, openNote)
}

// declarationOpen reports whether one is noted whose outcome is not known.
func declarationOpen(payment *apiv1.Payment, id string) bool {
	return slices.ContainsFunc(payment.Status.Declarations, func(d apiv1.PaymentDeclaration) bool { return d.DeclarationRequestID == id && openNote(d) })
}

func openNote(d apiv1.PaymentDeclaration) bool {
	return d.Status == apiv1.DeclarationReserved || d.Status == string(apiv1.StateProcessing)
}

// listDeclarations finds the CustomsDeclarations of a payment that can have any. One that was cancelled meanwhile may have some.
func (r *PaymentReconciler) listDeclarations(ctx context.Context, payment *apiv1.Payment) ([]apiv1.CustomsDeclaration, error) {
	if !mayBeDeclared(payment) && len(payment.Status.Declarations) == 0 {
		return nil, nil
	}
	list := &apiv1.CustomsDeclarationList{}
	if err := r.List(ctx, list, client.InNamespace(payment.Namespace), client.MatchingFields{sharePaymentIndex: payment.Name}); err != nil {
		return nil, fmt.Errorf("listing customs declarations: %w", err)
	}
	return list.Items, nil
}

// orphanDeclarations are those that are noted, not ended, and followed by no object any more that could tell of them. First come those of which the
// gateway has not told: nothing may have been declared, and soon that is proved, while customs may take for ever to answer the others.
func orphanDeclarations(payment *apiv1.Payment, declarations []apiv1.CustomsDeclaration, prefix string) []string {
	kind := declaring{}
	var reserved, known []string
	for _, noted := range payment.Status.Declarations {
		followed := slices.ContainsFunc(declarations, func(d apiv1.CustomsDeclaration) bool {
			return !refusedAsAnother(&d.Status.OperationStatus) && (d.Status.DeclarationRequestID == noted.DeclarationRequestID ||
				shareRequestID(kind, kind.share(&d), prefix, d.Spec.Attempt) == noted.DeclarationRequestID)
		})
		switch {
		case !openNote(noted) || followed:
		case noted.Status == apiv1.DeclarationReserved:
			reserved = append(reserved, noted.DeclarationRequestID)
		default:
			known = append(known, noted.DeclarationRequestID)
		}
	}
	return slices.Concat(reserved, known)
}

// inquireOrphanDeclarations asks what became of declarations without an object, of several at once, and settles what the gateway has settled. Of
// the first that is asked about it also settles that the gateway has proved not to have it.
func (p *paymentPass) inquireOrphanDeclarations(ctx context.Context) error {
	ids := p.orphanDeclarations[:min(len(p.orphanDeclarations), alipay.MaxDeclarationsPerInquiry)]
	if p.recall.failures > 0 { // in case one is the cause: each alone, in no order, so that none waits behind it
		one := int(p.jitter * float64(len(p.orphanDeclarations)))
		ids = p.orphanDeclarations[one : one+1]
	}
	st, id := &p.payment.Status, ids[0]
	p.asked = true
	answer, err := p.gateway().client.InquiryDeclarationRequests(ctx, &alipay.InquiryDeclarationRequestsRequest{DeclarationRequestIDs: ids})
	if len(ids) > 1 && classify(err) == notFound {
		return errUnusable // of which one is it?
	}
	listed := false
	if err == nil {
		for i := range answer.DeclarationRecords {
			p.answers.orphanDeclared(&answer.DeclarationRecords[i])
			listed = listed || answer.DeclarationRecords[i].DeclarationRequestID == id
		}
		if !listed && slices.Contains(answer.DeclarationRequestsNotFound, id) {
			err = errNotDeclared
		}
	}
	st.EmptyAnswers = countEmpty(st.EmptyAnswers, id, newTrouble(err), p.Clock.Now())
	if classify(err) == notFound && !declarationKnown(p.payment, id) && emptyCount(st.EmptyAnswers, id) >= emptyAnswers {
		p.answers.dropDeclaration(id)
		st.EmptyAnswers, err, listed = nil, nil, true
	}
	p.orphanDeclarations = slices.DeleteFunc(p.orphanDeclarations, func(id string) bool { return !declarationOpen(p.payment, id) })
	if err == nil && !listed {
		return errUnusable
	}
	return err
}

// orphanDeclared takes what the gateway tells of a declaration without an object.
func (a paymentAnswers) orphanDeclared(record *alipay.DeclarationRecord) {
	st := &a.payment.Status
	i := slices.IndexFunc(st.Declarations, func(d apiv1.PaymentDeclaration) bool { return d.DeclarationRequestID == record.DeclarationRequestID })
	if i < 0 {
		return
	}
	note := st.Declarations[i]
	if told := customsAmount(record.DeclarationAmount); told != nil {
		note.Value = told.Value
	}
	note.Status, note.Contested = string(apiv1.StateProcessing), false
	switch record.Outcome() {
	case alipay.DeclarationAccepted:
		note.Status = string(apiv1.DeclarationAccepted)
	case alipay.DeclarationRejected:
		note.Status = string(apiv1.DeclarationRejected)
	case alipay.DeclarationUnclear:
		if record.DeclarationRequestStatus == alipay.DeclarationCompleted {
			note.Status = string(apiv1.DeclarationUndetermined)
		}
	case alipay.DeclarationPending:
	}
	a.putDeclaration(note)
}
