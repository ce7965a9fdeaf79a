package controllers

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// told reads a record. That customs has answered is no success: its code decides, and where the code's meaning is not documented, nobody
// knows. The record's text is left out if it might repeat what a Secret holds.
func (d declaring) told(ctx context.Context, f *shareFacts, record *alipay.DeclarationRecord, answeredAt time.Time) shareAnswer {
	kept := *record
	kept.CustomsDeclarationResultDesc = d.harmless(ctx, f, record.CustomsDeclarationResultDesc)
	answer := shareAnswer{
		status: alipay.StatusProcessing, gatewayID: record.CustomsPaymentID, amount: record.DeclarationAmount,
		at: record.CustomsDeclarationReturnTime.Time, answeredAt: answeredAt, record: &kept,
	}
	switch record.Outcome() {
	case alipay.DeclarationAccepted:
		answer.status = alipay.StatusSuccess
	case alipay.DeclarationRejected:
		answer.status = alipay.StatusFail
		answer.result = gatewayResult(alipay.Result{
			ResultCode: record.CustomsDeclarationResultCode, ResultStatus: alipay.ResultStatusFail, ResultMessage: kept.CustomsDeclarationResultDesc,
		})
	case alipay.DeclarationUnclear:
		if record.DeclarationRequestStatus == alipay.DeclarationCompleted {
			answer.status = statusUnclear
		}
	case alipay.DeclarationPending:
	}
	return answer
}

// keep writes what the answer says of customs.
func (d declaring) keep(f *shareFacts, answer *shareAnswer) {
	declaration := f.obj.(*apiv1.CustomsDeclaration)
	if answer.declared != nil {
		d.keepDeclared(declaration, answer.declared)
		f.endKnown = answer.declared.ClearingTransactionID != "" // customs has confirmed receipt, so it was declared before
	}
	if answer.record != nil {
		keepRecord(declaration, answer.record)
		modified := answer.record.LastModifiedTime.Time
		st := &declaration.Status
		st.Adopted = st.Adopted || knownBefore(modified, answer.answeredAt, d.Clock.Since(st.Intent.SubmittedAt.Time))
	}
}

func (d declaring) keepDeclared(declaration *apiv1.CustomsDeclaration, answer *alipay.DeclareResponse) {
	st := &declaration.Status
	st.CustomsOrderID = cut(answer.CustomsOrderID, 64)
	st.IdentityCheckResult = cut(answer.IdentityCheckResult, 32)
	st.ClearingChannel = cut(answer.ClearingChannel, 32)
	st.ClearingTransactionID = cut(answer.ClearingTransactionID, 64)
	st.CustomsProviderRegistrationID = cut(answer.CustomsProviderRegistrationID, 64)
	switch answer.IdentityCheckResult {
	case alipay.IdentityCheckPassed:
		meta.SetStatusCondition(&st.Conditions, metav1.Condition{
			Type: apiv1.IdentityCheckPassedCondition, Status: metav1.ConditionTrue, Reason: apiv1.IdentityCheckPassedReason,
			Message: "The gateway has found that the buyer is the payer.", ObservedGeneration: declaration.Generation,
		})
	case alipay.IdentityCheckNotPassed:
		d.warn(declaration, apiv1.IdentityCheckPassedCondition, apiv1.IdentityCheckNotPassedReason,
			"The gateway has found that the buyer is not the payer. The declaration went out, and customs will probably reject it: correct the certificate "+
				"in the Secret of spec.buyerCertificateSecretRef, and raise spec.attempt once it is rejected.")
	}
}

// warn sets a condition to False, which holds up nothing, and tells of it once.
func (d declaring) warn(declaration *apiv1.CustomsDeclaration, condition, reason, message string) {
	if meta.SetStatusCondition(&declaration.Status.Conditions, metav1.Condition{
		Type: condition, Status: metav1.ConditionFalse, Reason: reason, Message: message, ObservedGeneration: declaration.Generation,
	}) {
		d.Events.Eventf(declaration, nil, "Warning", reason, "Reconcile", "%s", message)
	}
}

func keepRecord(declaration *apiv1.CustomsDeclaration, record *alipay.DeclarationRecord) {
	st := &declaration.Status
	st.CustomsOrderID = cmp.Or(cut(record.CustomsOrderID, 64), st.CustomsOrderID)
	st.DeclarationRequestStatus = cut(record.DeclarationRequestStatus, 64)
	st.CustomsDeclarationResultCode = cut(record.CustomsDeclarationResultCode, 64)
	st.CustomsDeclarationResultDesc = cut(record.CustomsDeclarationResultDesc, 2048)
	st.CustomsDeclarationReturnTime = statusTime(record.CustomsDeclarationReturnTime)
	st.LastModifiedTime = statusTime(record.LastModifiedTime)
}

// statusTime is a time of the gateway in whole seconds; nil where it gave none.
func statusTime(at alipay.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return &metav1.Time{Time: at.Truncate(time.Second)}
}

func (declaring) stateOf(status string) apiv1.OperationState {
	switch status {
	case alipay.StatusFail:
		return apiv1.DeclarationRejected
	case statusUnclear:
		return apiv1.DeclarationUndetermined
	default:
		return apiv1.StateProcessing
	}
}

func (declaring) doneReport() (reason, message string) {
	return apiv1.AcceptedReason, "Customs has recorded the declaration."
}

func (declaring) failedReport(f *shareFacts) (reason, message string) {
	st := &f.obj.(*apiv1.CustomsDeclaration).Status
	switch last := st.LastResult; {
	case st.State == apiv1.DeclarationRejected:
		return apiv1.CustomsRejectedReason, fmt.Sprintf("Customs has rejected the declaration (%s): correct what is wrong, also in the Secret with the certificate, "+
			"then raise spec.attempt, or create a new CustomsDeclaration. What it declared may be declared again.", customsAnswer(st))
	case last == nil || last.ResultCode == "":
		return apiv1.NeverPlacedReason, "The gateway has not taken the declaration: raise spec.attempt to try again, or create a new CustomsDeclaration."
	default:
		return reasonFor(last.ResultCode), fmt.Sprintf("The gateway has refused the declaration (%s: %s), and customs was told nothing: mend the cause, then raise "+
			"spec.attempt or create a new CustomsDeclaration.", last.ResultCode, last.ResultMessage)
	}
}

func (declaring) inProcess(f *shareFacts) problem {
	st := &f.obj.(*apiv1.CustomsDeclaration).Status
	if st.State == apiv1.DeclarationUndetermined {
		return problem{reason: apiv1.CustomsAnswerUnclearReason, stalled: true, message: fmt.Sprintf(
			"Customs has answered (%s), and the gateway does not document whether that is a rejection: ask the customs office. If it has rejected the "+
				"declaration, raise spec.attempt to declare anew.", customsAnswer(st))}
	}
	return problem{reason: apiv1.DeclarationInProcessReason, message: "The gateway has taken the declaration; customs has not answered yet."}
}

// plainCode is a code that can be shown in a sentence.
var plainCode = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// customsAnswer is what customs said, as far as it goes into a sentence.
func customsAnswer(st *apiv1.CustomsDeclarationStatus) string {
	code := "no code"
	if plainCode.MatchString(st.CustomsDeclarationResultCode) {
		code = "code " + st.CustomsDeclarationResultCode
	}
	if st.CustomsDeclarationResultDesc == "" {
		return code
	}
	return code + ": " + cut(st.CustomsDeclarationResultDesc, 256)
}
