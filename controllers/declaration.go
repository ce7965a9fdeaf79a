package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// declarationKind is part of every derived declarationRequestId: it must never change.
const declarationKind = "CustomsDeclaration"

// chinaWallet is the only method whose payments can be declared (https://docs.antom.com/ac/ams/declare).
const chinaWallet = "ALIPAY_CN"

// yuan is the currency of every declaration.
const yuan = "CNY"

// statusUnclear is that of a declaration which customs has answered without a documented verdict.
const statusUnclear = "UNCLEAR"

// documentedCustoms are the offices that the gateway lists (https://docs.antom.com/ac/ams/declare).
var documentedCustoms = []string{alipay.CustomsZongshu, alipay.CustomsZhengzhou, alipay.CustomsNingbo, alipay.CustomsShanghai}

// declaring is what is particular to declarations.
type declaring struct {
	*Lifecycle
	book *declarationBook
}

func (declaring) name() string               { return declarationKind }
func (declaring) noun() string               { return "declaration" }
func (declaring) newObject() client.Object   { return &apiv1.CustomsDeclaration{} }
func (declaring) newList() client.ObjectList { return &apiv1.CustomsDeclarationList{} }

func (declaring) share(obj client.Object) *share {
	declaration := obj.(*apiv1.CustomsDeclaration)
	spec, st := &declaration.Spec, &declaration.Status
	return &share{
		obj: obj, status: &st.OperationStatus,
		paymentName: spec.PaymentRef.Name, attempt: spec.Attempt, explicitID: spec.DeclarationRequestID, wanted: spec.Amount,
		suspend: spec.Suspend, ttl: spec.TTLSecondsAfterFinished,
		statusRequestID: &st.DeclarationRequestID, statusGatewayID: &st.CustomsPaymentID, statusPaymentID: &st.PaymentID,
		statusAmount: &st.Amount, statusTime: &st.CustomsDeclarationReturnTime,
	}
}

func (declaring) startOver(obj client.Object) {
	declaration := obj.(*apiv1.CustomsDeclaration)
	declaration.Status = apiv1.CustomsDeclarationStatus{OperationStatus: forNextAttempt(&declaration.Status.OperationStatus)}
	meta.RemoveStatusCondition(&declaration.Status.Conditions, apiv1.IdentityCheckPassedCondition)
	meta.RemoveStatusCondition(&declaration.Status.Conditions, apiv1.CustomsCodeDocumentedCondition)
}

// identity has the payment in it: a name that is used again for another payment means another declaration.
func (declaring) identity(s *share) string { return declarationKind + " of " + s.paymentName }

func (declaring) derive(prefix, identity, namespace, name string, attempt int32) string {
	return deriveDeclarationID(prefix, identity, namespace, name, attempt)
}

// gather reads the certificate where it may have to be sent, and looks up what was told of an open declaration beside others.
func (d declaring) gather(ctx context.Context, _ client.Reader, f *shareFacts) error {
	ready := f.payment != nil && f.status.Intent == nil && f.unpayable() == nil
	sent := f.status.Intent != nil && !f.status.State.Final() && f.status.Conflict == nil
	if ready || sent && !f.recorded().seen {
		f.certificate, f.withheld = d.readCertificate(ctx, f.obj.(*apiv1.CustomsDeclaration), f.now)
	}
	if !sent {
		d.book.forget(client.ObjectKeyFromObject(f.obj))
		return nil
	}
	d.book.note(client.ObjectKeyFromObject(f.obj), clientOf(f), *f.statusRequestID)
	if record, answeredAt := d.book.heard(client.ObjectKeyFromObject(f.obj), f.now); record != nil {
		answer := d.told(ctx, f, record, answeredAt)
		f.overheard, f.heard = &answer, record
	}
	return nil
}

// whole is all that may be declared, as far as it is known.
func (declaring) whole(f *shareFacts) apiv1.Amount {
	switch {
	case f.payment != nil && f.payment.Status.CustomsDeclarationAmount != nil:
		return *f.payment.Status.CustomsDeclarationAmount
	case f.declarable != nil:
		return *f.declarable
	}
	return apiv1.Amount{Currency: yuan}
}

// request makes the body of declare out of spec and recorded intent alone. Its golden test must never change for a spec that could have been
// submitted before.
func (declaring) request(f *shareFacts, paymentID string, _ *apiv1.Intent) (any, error) {
	spec := &f.obj.(*apiv1.CustomsDeclaration).Spec
	additional, err := additionalFields(spec.AdditionalFields)
	if err != nil {
		return nil, err
	}
	return &alipay.DeclareRequest{
		DeclarationRequestID: f.id,
		PaymentID:            paymentID,
		DeclarationAmount:    wireAmount(f.quantity),
		Customs:              alipay.Customs{Region: string(apiv1.CustomsChina), CustomsCode: spec.Customs.CustomsCode},
		MerchantCustomsInfo: alipay.MerchantCustomsInfo{
			MerchantCustomsCode: spec.MerchantCustomsInfo.MerchantCustomsCode, MerchantCustomsName: spec.MerchantCustomsInfo.MerchantCustomsName,
		},
		SplitOrder: spec.SplitOrder, SubOrderID: spec.SubOrderID, BuyerCertificate: f.certificate, AdditionalFields: additional,
	}, nil
}

// pin notes at the intent that the office is not a documented one.
func (d declaring) pin(f *shareFacts) {
	declaration := f.obj.(*apiv1.CustomsDeclaration)
	code := declaration.Spec.Customs.CustomsCode
	if slices.Contains(documentedCustoms, code) {
		return
	}
	d.warn(declaration, apiv1.CustomsCodeDocumentedCondition, apiv1.CustomsCodeUndocumentedReason, fmt.Sprintf(
		"The gateway documents %s, and not %s. The declaration is sent all the same, and may be refused.", strings.Join(documentedCustoms, ", "), code))
}

func (d declaring) submit(ctx context.Context, reach *alipay.Client, request any) (shareAnswer, error) {
	declare := request.(*alipay.DeclareRequest)
	answer, err := reach.Declare(ctx, declare)
	if err != nil {
		return shareAnswer{}, withoutPersonal(err, declare.BuyerCertificate)
	}
	return shareAnswer{status: alipay.StatusProcessing, gatewayID: answer.CustomsPaymentID, declared: answer, answeredAt: answer.ResponseTime}, nil
}

// errNotDeclared is a verified answer that lists the declaration among those which the gateway does not have: it never came, or was refused.
var errNotDeclared = errors.New("the gateway has no such declaration")

// inquire asks about a declaration, and about others of the account that are to be asked about next.
func (d declaring) inquire(ctx context.Context, reach *alipay.Client, f *shareFacts, id string) (shareAnswer, error) {
	ids := []string{id}
	if id == f.id && f.status.Intent != nil && f.recall.failures == 0 { // after a failure alone, in case another one is its cause
		ids = append(ids, d.book.companions(client.ObjectKeyFromObject(f.obj), clientOf(f), f.now)...)
	}
	answer, err := reach.InquiryDeclarationRequests(ctx, &alipay.InquiryDeclarationRequestsRequest{DeclarationRequestIDs: ids})
	if len(ids) > 1 && classify(err) == notFound {
		return shareAnswer{}, errUnusable // of which one is it?
	}
	if err != nil {
		return shareAnswer{}, err
	}
	if id == f.id && f.status.Intent != nil {
		d.book.tell(clientOf(f), answer, f.now, id)
	}
	if slices.Contains(answer.DeclarationRequestsNotFound, id) {
		return shareAnswer{}, errNotDeclared
	}
	i := slices.IndexFunc(answer.DeclarationRecords, func(r alipay.DeclarationRecord) bool { return r.DeclarationRequestID == id })
	if i < 0 {
		return shareAnswer{}, errUnusable
	}
	f.heard = &answer.DeclarationRecords[i]
	return d.told(ctx, f, f.heard, answer.ResponseTime), nil
}

func (d declaring) recorded(f *shareFacts) {
	key := client.ObjectKeyFromObject(f.obj)
	if f.status.Intent == nil || f.status.State.Final() || f.status.Conflict != nil {
		d.book.forget(key)
		return
	}
	d.book.note(key, clientOf(f), *f.statusRequestID)
	d.book.recorded(key, f.heard)
}

func (declaring) listedOnly() bool { return false }

// asksPayment reports whether nothing says what may be declared of the payment. It is asked for once: that there was nothing is on record.
func (declaring) asksPayment(f *shareFacts) bool {
	ready := meta.FindStatusCondition(f.status.Conditions, apiv1.ReadyCondition)
	asked := ready != nil && ready.Reason == apiv1.CustomsAmountMissingReason && ready.ObservedGeneration == f.obj.GetGeneration()
	return f.payment.Status.CustomsDeclarationAmount == nil && !f.askedPayment && !asked
}

func (declaring) askPayment(ctx context.Context, reach *alipay.Client, f *shareFacts) error {
	paymentID := f.payment.Status.PaymentID
	answer, err := reach.InquiryPayment(ctx, &alipay.InquiryPaymentRequest{PaymentID: paymentID, MerchantAccountID: f.payment.Spec.MerchantAccountID})
	if classify(err) == notFound {
		return errUnusable // the gateway has this payment
	}
	if err != nil {
		return err
	}
	if answer.PaymentID != paymentID {
		return errUnusable
	}
	f.askedPayment, f.declarable = true, customsAmount(answer.CustomsDeclarationAmount)
	return nil
}

func (declaring) notes(payment *apiv1.Payment) []shareNote {
	var notes []shareNote
	for _, declaration := range payment.Status.Declarations {
		status := apiv1.OperationState(declaration.Status)
		notes = append(notes, shareNote{
			requestID: declaration.DeclarationRequestID, value: declaration.Value, known: declaration.Status != apiv1.DeclarationReserved,
			settled: status == apiv1.DeclarationAccepted, failed: status == apiv1.DeclarationRejected, contested: declaration.Contested,
		})
	}
	return notes
}

func (declaring) reserve(f *shareFacts, payment *apiv1.Payment) {
	st := &payment.Status
	st.Declarations = slices.DeleteFunc(st.Declarations, func(n apiv1.PaymentDeclaration) bool {
		return slices.Contains(f.former, n.DeclarationRequestID) && apiv1.OperationState(n.Status) != apiv1.DeclarationAccepted
	})
	if st.CustomsDeclarationAmount == nil {
		st.CustomsDeclarationAmount = f.declarable
	}
	paymentAnswers{payment: payment}.putDeclaration(apiv1.PaymentDeclaration{
		DeclarationRequestID: f.id, Value: f.quantity.Value, Status: apiv1.DeclarationReserved,
	})
}

func (declaring) done() apiv1.OperationState { return apiv1.DeclarationAccepted }

// declarationPace is 1, 5 and 30 minutes after one another, then every hour. The gateway gives no figures, and no notification exists.
func declarationPace(age time.Duration) time.Duration {
	switch {
	case age < 30*time.Second:
		return time.Minute
	case age < 3*time.Minute:
		return 5 * time.Minute
	case age < 20*time.Minute:
		return 30 * time.Minute
	default:
		return time.Hour
	}
}

// What customs has answered without a verdict is asked about daily for a week, in case customs answers again.
const (
	undeterminedPace = 24 * time.Hour
	undeterminedTime = 7 * 24 * time.Hour
)

func (declaring) pace(f *shareFacts) func(time.Duration) time.Duration {
	if f.status.State == apiv1.DeclarationUndetermined {
		return func(time.Duration) time.Duration { return undeterminedPace }
	}
	return declarationPace
}

func (declaring) doneAsking(f *shareFacts) bool {
	st := &f.obj.(*apiv1.CustomsDeclaration).Status
	answered := st.Intent.SubmittedAt.Time
	if st.CustomsDeclarationReturnTime != nil {
		answered = st.CustomsDeclarationReturnTime.Time
	}
	return st.State == apiv1.DeclarationUndetermined && f.now.Sub(answered) > undeterminedTime
}

// No notification of declarations exists.
func (declaring) resultType() string                                { return "" }
func (declaring) subject(alipay.Subject) (requestID, status string) { return "", "" }
func (declaring) announced([]byte) (shareAnswer, error)             { return shareAnswer{}, nil }

func (declaring) paymentProblem(f *shareFacts) *problem {
	name, payment := f.paymentName, f.payment
	problemOf := func(reason string, stalled bool, format string, args ...any) *problem {
		return &problem{reason: reason, stalled: stalled, message: fmt.Sprintf(format, args...)}
	}
	switch st := &payment.Status; {
	case methodOf(payment) != chinaWallet && methodOf(payment) != "": // the buyer of a session may still choose it
		return problemOf(apiv1.DeclarationNotSupportedReason, true, "Payment %q is by %s, and only payments by %s can be declared to customs: delete this CustomsDeclaration.",
			name, methodOf(payment), chinaWallet)
	case st.State == apiv1.StateFailed || st.State == apiv1.PaymentCancelled:
		return problemOf(apiv1.PaymentNotPaidReason, true, "Payment %q ended without money kept, so there is nothing to declare: delete this CustomsDeclaration.", name)
	case st.State != apiv1.PaymentPaid:
		return problemOf(apiv1.AwaitingPaymentReason, false, "Payment %q is not paid yet; the declaration starts by itself once it is.", name)
	case payment.Spec.DesiredState == apiv1.DesiredCancelled && st.CancelResult == nil && st.CancelSubmittedAt != nil:
		return problemOf(apiv1.AwaitingPaymentReason, false, "Payment %q is being cancelled, which gives back all of it; the declaration waits for the outcome.", name)
	}
	return nil
}

// refusedHere says why the gateway would refuse the declaration, before anything is sent.
func (d declaring) refusedHere(f *shareFacts) *problem {
	whole, taken := d.whole(f), f.taken()
	switch {
	case whole.Value == "":
		return &problem{reason: apiv1.CustomsAmountMissingReason, stalled: true, message: fmt.Sprintf(
			"The gateway names no customsDeclarationAmount of Payment %q, so nothing of it can be declared: ask Antom why. The gateway was asked once; "+
				"to have it asked again, set spec.suspend to true and back.", f.paymentName)}
	case minorUnits(f.quantity.Value)+taken > minorUnits(whole.Value):
		return &problem{reason: apiv1.CustomsAmountExceededReason, stalled: true, message: fmt.Sprintf(
			"Of CNY %s that may be declared, in fen, %d are taken by other declarations, so %s can not be declared: create a CustomsDeclaration over what is left.",
			whole.Value, taken, f.quantity.Value)}
	}
	return nil
}
