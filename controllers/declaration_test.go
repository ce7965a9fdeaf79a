package controllers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

const shopName = "测试商贸有限公司"

// newDeclaration declares a part of the payment "order", or all of it.
func newDeclaration(name, value string, change ...func(*apiv1.CustomsDeclarationSpec)) *apiv1.CustomsDeclaration {
	declaration := &apiv1.CustomsDeclaration{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name},
		Spec: apiv1.CustomsDeclarationSpec{
			PaymentRef: apiv1.PaymentReference{Name: "order"}, Customs: apiv1.Customs{Region: apiv1.CustomsChina, CustomsCode: "ZONGSHU"},
			MerchantCustomsInfo: apiv1.MerchantCustomsInfo{MerchantCustomsCode: "TV0000000001", MerchantCustomsName: shopName},
		},
	}
	if value != "" {
		declaration.Spec.Amount = &apiv1.Amount{Currency: "CNY", Value: value}
	}
	for _, c := range change {
		c(&declaration.Spec)
	}
	return declaration
}

// part makes a declaration one of a split order.
func part(number string) func(*apiv1.CustomsDeclarationSpec) {
	return func(spec *apiv1.CustomsDeclarationSpec) { spec.SplitOrder, spec.SubOrderID = true, number }
}

func (w *world) reconcileDeclaration(name string) (ctrl.Result, error) {
	return w.customs.Reconcile(w.t.Context(), requestFor(name))
}

func (w *world) declaration(name string) *apiv1.CustomsDeclaration {
	declaration, _ := w.store.latest(storeKey{kind: "CustomsDeclaration", name: requestFor(name).NamespacedName}).(*apiv1.CustomsDeclaration)
	return declaration
}

func (w *world) editDeclaration(name string, change func(*apiv1.CustomsDeclarationSpec)) {
	w.store.edit(w.declaration(name), func(obj client.Object) { change(&obj.(*apiv1.CustomsDeclaration).Spec) })
}

// openChina creates a payment of 100.50 yuan by ALIPAY_CN, which the buyer has not paid.
func openChina(t testing.TB) *world {
	w := newWorld(t)
	t.Cleanup(w.close)
	w.store.create(newPayment("order", func(spec *apiv1.PaymentSpec) {
		spec.Amount, spec.Cashier = apiv1.Amount{Currency: "CNY", Value: "10050"}, &apiv1.Cashier{PaymentMethodType: chinaWallet}
	}))
	w.must(w.reconcilePayment("order"))
	return w
}

func (w *world) chinaPays() {
	w.t.Helper()
	if err := w.simulator.BuyerPays(w.payment("order").Status.PaymentRequestID); err != nil {
		w.t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", time.Hour)
}

// paidChina creates that payment and has it paid.
func paidChina(t testing.TB) *world {
	w := openChina(t)
	w.chinaPays()
	return w
}

// declared creates a declaration and follows it to its end, and its payment.
func (w *world) declared(declaration *apiv1.CustomsDeclaration) apiv1.CustomsDeclarationStatus {
	w.t.Helper()
	w.store.create(declaration)
	return w.followDeclaration(declaration.Name)
}

func (w *world) followDeclaration(name string) apiv1.CustomsDeclarationStatus {
	w.t.Helper()
	w.follow(w.reconcileDeclaration, name, 2*time.Hour)
	w.must(w.reconcilePayment("order"))
	return w.declaration(name).Status
}

func (w *world) expectDeclaration(name string, state apiv1.OperationState, why string) {
	w.t.Helper()
	if got := w.declaration(name).Status; got.State != state || reason(got.Conditions) != why {
		w.t.Errorf("declaration %s is %s (%s), want %s (%s)", name, got.State, reason(got.Conditions), state, why)
	}
}

// noted is what the payment has noted, as id=status.
func (w *world) noted(declaration string) string {
	id := w.declaration(declaration).Status.DeclarationRequestID
	for _, note := range w.payment("order").Status.Declarations {
		if note.DeclarationRequestID == id {
			return note.Status
		}
	}
	return ""
}

func conditionOf(conditions []metav1.Condition, kind string) string {
	if found := meta.FindStatusCondition(conditions, kind); found != nil {
		return string(found.Status)
	}
	return ""
}

func TestDeclarationWaitsForItsPaymentAndIsAccepted(t *testing.T) {
	w := openChina(t)
	w.store.create(newDeclaration("all", ""))
	w.must(w.reconcileDeclaration("all"))
	w.expectDeclaration("all", apiv1.StatePending, apiv1.AwaitingPaymentReason)
	w.chinaPays()
	w.must(w.reconcileDeclaration("all"))
	w.expectDeclaration("all", apiv1.StateProcessing, apiv1.DeclarationInProcessReason) // taken, not accepted
	if got := conditionOf(w.declaration("all").Status.Conditions, apiv1.SucceededCondition); got != "Unknown" {
		t.Errorf("Succeeded = %s while customs has not answered, want Unknown", got)
	}
	got := w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
	if got.Amount.Value != "10050" || got.CustomsDeclarationResultCode != "2" || got.CustomsDeclarationResultDesc == "" || got.CustomsDeclarationReturnTime == nil ||
		got.CustomsPaymentID == "" || got.CustomsOrderID != w.payment("order").Status.PaymentRequestID || got.DeclarationRequestStatus != "CUSTOMS_PROCESSING_COMPLETED" {
		t.Errorf("status = %+v, want all that the gateway told", got)
	}
	if w.sends("declare") != 1 || w.noted("all") != "Accepted" || conditionOf(got.Conditions, apiv1.SucceededCondition) != "True" {
		t.Errorf("%d declare requests, payment notes %s, want one that is accepted", w.sends("declare"), w.noted("all"))
	}
	if d := w.simulator.Ledger().Declarations[0]; d.MerchantCustomsName != shopName {
		t.Errorf("customs knows the shop as %q", d.MerchantCustomsName)
	}
}

func TestWhatCustomsAnswersDecides(t *testing.T) {
	tests := []struct {
		office, code    string
		state           apiv1.OperationState
		why             string
		succeeded, note string
	}{
		{"ZONGSHU", "2", apiv1.DeclarationAccepted, apiv1.AcceptedReason, "True", "Accepted"},
		{"ZONGSHU", "120", apiv1.DeclarationAccepted, apiv1.AcceptedReason, "True", "Accepted"},
		{"ZONGSHU", "success", apiv1.DeclarationAccepted, apiv1.AcceptedReason, "True", "Accepted"},
		{"ZONGSHU", "-30", apiv1.DeclarationRejected, apiv1.CustomsRejectedReason, "False", "Rejected"},
		{"ZONGSHU", "7", apiv1.DeclarationUndetermined, apiv1.CustomsAnswerUnclearReason, "Unknown", "Undetermined"},
		{"SHANGHAI_CBT", "success", apiv1.DeclarationUndetermined, apiv1.CustomsAnswerUnclearReason, "Unknown", "Undetermined"},
		{"NINGBO", "-30", apiv1.DeclarationUndetermined, apiv1.CustomsAnswerUnclearReason, "Unknown", "Undetermined"},
	}
	for _, tt := range tests {
		t.Run(tt.office+" says "+tt.code, func(t *testing.T) {
			w := paidChina(t)
			w.store.create(newDeclaration("all", "", func(spec *apiv1.CustomsDeclarationSpec) { spec.Customs.CustomsCode = tt.office }))
			w.must(w.reconcileDeclaration("all"))
			if err := w.simulator.CustomsAnswers(w.declaration("all").Status.DeclarationRequestID, tt.code, "三单对碰"); err != nil {
				t.Fatal(err)
			}
			got := w.followDeclaration("all")
			w.expectDeclaration("all", tt.state, tt.why)
			if succeeded := conditionOf(got.Conditions, apiv1.SucceededCondition); succeeded != tt.succeeded || w.noted("all") != tt.note {
				t.Errorf("Succeeded = %s and the payment notes %s, want %s and %s", succeeded, w.noted("all"), tt.succeeded, tt.note)
			}
			if got.CustomsDeclarationResultCode != tt.code || got.CustomsDeclarationResultDesc != "三单对碰" {
				t.Errorf("shown are %q %q, want what customs said", got.CustomsDeclarationResultCode, got.CustomsDeclarationResultDesc)
			}
		})
	}
}

func TestAnUnclearAnswerIsAskedAboutForAWeek(t *testing.T) {
	w := paidChina(t)
	w.store.create(newDeclaration("all", ""))
	w.must(w.reconcileDeclaration("all"))
	if err := w.simulator.CustomsAnswers(w.declaration("all").Status.DeclarationRequestID, "7", ""); err != nil {
		t.Fatal(err)
	}
	w.followDeclaration("all")
	asked := w.sends("inquiryDeclarationRequests")
	w.follow(w.reconcileDeclaration, "all", 48*time.Hour)
	if more := w.sends("inquiryDeclarationRequests") - asked; more < 6 || more > 9 {
		t.Errorf("asked %d times more, want daily for a week", more)
	}
	if result := w.must(w.reconcileDeclaration("all")); result.RequeueAfter != 0 {
		t.Errorf("looks again after %s, want rest", result.RequeueAfter)
	}
	w.expectDeclaration("all", apiv1.DeclarationUndetermined, apiv1.CustomsAnswerUnclearReason)
}

func TestSplitOrderDeclaresNoMoreThanThePaymentHas(t *testing.T) {
	w := paidChina(t)
	w.declared(newDeclaration("a", "6000", part("order-a")))
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "declare"})
	w.store.create(newDeclaration("b", "4000", part("order-b")))
	w.must(w.reconcileDeclaration("b")) // nobody knows what became of it: it counts as taken
	w.store.create(newDeclaration("c", "51", part("order-c")))
	w.must(w.reconcileDeclaration("c"))
	w.expectDeclaration("c", apiv1.StateBlocked, apiv1.CustomsAmountExceededReason)
	w.store.create(newDeclaration("d", "50", part("order-d")))
	w.followDeclaration("d")
	w.followDeclaration("b")
	for _, name := range []string{"a", "b", "d"} {
		w.expectDeclaration(name, apiv1.DeclarationAccepted, apiv1.AcceptedReason)
		if got := w.declaration(name).Status.CustomsOrderID; got != "order-"+name {
			t.Errorf("customs knows %s as %s", name, got)
		}
	}
	if err := w.simulator.Ledger().Check(); err != nil || len(w.simulator.Ledger().Declarations) != 3 {
		t.Errorf("%d declarations, %v", len(w.simulator.Ledger().Declarations), err)
	}
}

func TestTheAmountOfARejectedDeclarationIsFreeAgain(t *testing.T) {
	w := paidChina(t)
	w.store.create(newDeclaration("first", ""))
	w.must(w.reconcileDeclaration("first"))
	w.store.create(newDeclaration("second", ""))
	w.must(w.reconcileDeclaration("second"))
	w.expectDeclaration("second", apiv1.StateBlocked, apiv1.CustomsAmountExceededReason)
	if err := w.simulator.CustomsAnswers(w.declaration("first").Status.DeclarationRequestID, "-1", "no"); err != nil {
		t.Fatal(err)
	}
	w.followDeclaration("first")
	w.followDeclaration("second")
	w.expectDeclaration("second", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
}

func TestDeclarationsThatReadTheSameOldPaymentDoNotBothFit(t *testing.T) {
	w := paidChina(t)
	w.store.create(newDeclaration("a", "6000"))
	w.store.create(newDeclaration("b", "6000"))
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.TTLSecondsAfterFinished = new(int32(99)) })
	w.store.behind = 1
	for range 6 {
		for _, name := range []string{"a", "b"} {
			_, _ = w.reconcileDeclaration(name)
		}
		w.advance(time.Second)
	}
	if got := w.sends("declare"); got != 1 {
		t.Errorf("declare requests = %d, want 1", got)
	}
}

func TestWhatCanNotBeDeclaredIsRefusedHere(t *testing.T) {
	t.Run("a payment by another method", func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.paid("order")
		w.store.create(newDeclaration("all", ""))
		w.must(w.reconcileDeclaration("all"))
		w.expectDeclaration("all", apiv1.StateBlocked, apiv1.DeclarationNotSupportedReason)
		message := meta.FindStatusCondition(w.declaration("all").Status.Conditions, apiv1.StalledCondition).Message
		if !strings.Contains(message, "ALIPAY_HK") || !strings.Contains(message, "only payments by ALIPAY_CN can be declared") {
			t.Errorf("message = %q", message)
		}
		if w.sends("declare") != 0 {
			t.Error("it was sent")
		}
	})
	t.Run("a payment that failed", func(t *testing.T) {
		w := openChina(t)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.follow(w.reconcilePayment, "order", time.Hour)
		w.store.create(newDeclaration("all", ""))
		w.must(w.reconcileDeclaration("all"))
		w.expectDeclaration("all", apiv1.StateBlocked, apiv1.PaymentNotPaidReason)
	})
	t.Run("a payment that is being cancelled", func(t *testing.T) {
		w := paidChina(t)
		w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
		w.loses("cancel")
		w.must(w.reconcilePayment("order"))
		if p := w.payment("order").Status; p.CancelSubmittedAt == nil || p.State != apiv1.PaymentPaid {
			t.Fatalf("payment is %s, want it paid and the cancellation on record", p.State)
		}
		w.store.create(newDeclaration("all", ""))
		w.must(w.reconcileDeclaration("all"))
		w.expectDeclaration("all", apiv1.StatePending, apiv1.AwaitingPaymentReason)
		if w.sends("declare") != 0 {
			t.Error("it was sent")
		}
	})
	t.Run("an office that nobody documents is declared to with a warning, and refused by the gateway", func(t *testing.T) {
		w := paidChina(t)
		told := &witness{}
		w.customs.Events = told
		got := w.declared(newDeclaration("all", "", func(spec *apiv1.CustomsDeclarationSpec) { spec.Customs.CustomsCode = "HANGZHOU" }))
		if conditionOf(got.Conditions, apiv1.CustomsCodeDocumentedCondition) != "False" || !strings.Contains(strings.Join(told.told, " "), apiv1.CustomsCodeUndocumentedReason) {
			t.Errorf("conditions = %+v after %q, want a warning", got.Conditions, told.told)
		}
		w.expectDeclaration("all", apiv1.StateFailed, "PARAM_ILLEGAL")
		if len(w.payment("order").Status.Declarations) != 0 {
			t.Error("the payment still counts what the gateway refused")
		}
	})
}

// A payment that was paid before its status had a field for the amount, or by an answer without it, is asked about once.
func TestPaymentWithoutCustomsAmountIsAskedOnce(t *testing.T) {
	forget := func(w *world) {
		w.store.edit(w.payment("order"), func(obj client.Object) { obj.(*apiv1.Payment).Status.CustomsDeclarationAmount = nil })
	}
	t.Run("and is declared by what it says", func(t *testing.T) {
		w := paidChina(t)
		forget(w)
		asked := w.sends("inquiryPayment")
		w.declared(newDeclaration("all", ""))
		w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
		if more := w.sends("inquiryPayment") - asked; more != 1 {
			t.Errorf("asked %d times, want once", more)
		}
		if got := w.payment("order").Status.CustomsDeclarationAmount; got == nil || got.Value != "10050" {
			t.Errorf("the payment says %v, want what was told", got)
		}
	})
	t.Run("and blocks where it says nothing", func(t *testing.T) {
		w := paidChina(t)
		forget(w)
		w.store.edit(w.payment("order"), func(obj client.Object) { // a payment of the gateway that can not be declared
			payment := obj.(*apiv1.Payment)
			payment.Status.PaymentID = w.otherWallet()
		})
		asked := w.sends("inquiryPayment")
		w.store.create(newDeclaration("all", ""))
		for range 4 {
			w.restart()
			w.must(w.reconcileDeclaration("all"))
			w.advance(time.Hour)
		}
		w.expectDeclaration("all", apiv1.StateBlocked, apiv1.CustomsAmountMissingReason)
		if more := w.sends("inquiryPayment") - asked; more != 1 || w.sends("declare") != 0 {
			t.Errorf("asked %d times and declared %d, want once and never", more, w.sends("declare"))
		}
	})
}

// otherWallet pays by another wallet and returns the gateway's id.
func (w *world) otherWallet() string {
	w.t.Helper()
	w.paid("other")
	return w.payment("other").Status.PaymentID
}

func TestBuyerWhoIsNotThePayerIsAWarning(t *testing.T) {
	w := paidChina(t)
	told := &witness{}
	w.customs.Events = told
	w.store.create(newSecret("buyer", map[string]string{"buyerCertificate": `{"certificateType":"ID_CARD","certificateNo":"110000199001010000","holderName":{"fullName":"王某某"}}`}))
	certified := func(spec *apiv1.CustomsDeclarationSpec) {
		spec.BuyerCertificateSecretRef = &apiv1.SecretKeyReference{Name: "buyer"}
	}
	w.store.create(newDeclaration("all", "", certified))
	w.must(w.reconcileDeclaration("all"))
	w.expectDeclaration("all", apiv1.StateProcessing, apiv1.DeclarationInProcessReason)
	if got := w.declaration("all").Status; conditionOf(got.Conditions, apiv1.IdentityCheckPassedCondition) != "False" || got.IdentityCheckResult != "CHECK_NOT_PASSED" {
		t.Fatalf("status = %+v, want a warning", got)
	}
	if !strings.Contains(strings.Join(told.told, " "), apiv1.IdentityCheckNotPassedReason) {
		t.Errorf("events = %q, want a warning", told.told)
	}
	w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.DeclarationRejected, apiv1.CustomsRejectedReason)

	w.store.put(w.store.latest(storeKey{kind: "Secret", name: requestFor("buyer").NamespacedName}), payerSecret("buyer"))
	w.editDeclaration("all", func(spec *apiv1.CustomsDeclarationSpec) { spec.Attempt = 2 })
	got := w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
	if conditionOf(got.Conditions, apiv1.IdentityCheckPassedCondition) != "True" {
		t.Errorf("conditions = %+v, want the check passed", got.Conditions)
	}
}

// A declaration whose object is gone is followed by its payment: what it has taken is given back once customs has rejected it.
func TestPaymentFollowsADeclarationWithoutAnObject(t *testing.T) {
	for code, want := range map[string]string{"2": "Accepted", "-1": "Rejected", "7": "Undetermined"} {
		t.Run("that customs answers with "+code, func(t *testing.T) {
			w := paidChina(t)
			w.store.create(newDeclaration("all", ""))
			w.must(w.reconcileDeclaration("all"))
			id := w.declaration("all").Status.DeclarationRequestID
			w.store.remove(w.declaration("all"))
			w.must(w.reconcileDeclaration("all"))
			if err := w.simulator.CustomsAnswers(id, code, ""); err != nil {
				t.Fatal(err)
			}
			w.follow(w.reconcilePayment, "order", 2*time.Hour)
			if notes := w.payment("order").Status.Declarations; len(notes) != 1 || notes[0].Status != want {
				t.Errorf("the payment notes %+v, want it %s", notes, want)
			}
			if result := w.must(w.reconcilePayment("order")); result.RequeueAfter != 0 {
				t.Errorf("the payment looks again after %s, want rest", result.RequeueAfter)
			}
		})
	}
	t.Run("that was never sent", func(t *testing.T) {
		w := paidChina(t)
		w.loses("declare")
		w.store.create(newDeclaration("all", ""))
		w.must(w.reconcileDeclaration("all"))
		w.store.remove(w.declaration("all"))
		asked := w.sends("inquiryDeclarationRequests")
		for range 9 { // a request that was lost may come late, so that one empty answer is no proof
			result := w.must(w.reconcilePayment("order"))
			notes, empty := w.payment("order").Status.Declarations, w.sends("inquiryDeclarationRequests")-asked
			if len(notes) == 0 && empty < emptyAnswers {
				t.Fatalf("after %d empty answers the payment notes %+v", empty, notes)
			}
			w.advance(result.RequeueAfter)
		}
		w.follow(w.reconcilePayment, "order", 2*time.Hour)
		if notes := w.payment("order").Status.Declarations; len(notes) != 0 {
			t.Errorf("the payment notes %+v, want nothing of it", notes)
		}
	})
}

func TestDeclarationThatComesBackWithoutItsStatusIsFoundAgain(t *testing.T) {
	w := paidChina(t)
	w.declared(newDeclaration("all", ""))
	w.advance(time.Hour)
	w.store.remove(w.declaration("all"))
	w.restart()
	w.store.create(newDeclaration("all", ""))
	w.must(w.reconcileDeclaration("all")) // the answer says that customs has received it, so that it is asked about at once
	w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
	got := w.declaration("all").Status
	if !got.Adopted || len(w.simulator.Ledger().Declarations) != 1 {
		t.Errorf("adopted = %t with %d declarations, want the one adopted", got.Adopted, len(w.simulator.Ledger().Declarations))
	}
}

func TestDeclarationWithTheIDOfAnotherIsAConflict(t *testing.T) {
	w := paidChina(t)
	mine := func(spec *apiv1.CustomsDeclarationSpec) { spec.DeclarationRequestID = "mine" }
	w.declared(newDeclaration("first", "50", mine))
	w.declared(newDeclaration("second", "60", mine))
	w.expectDeclaration("second", apiv1.StateBlocked, apiv1.RequestIDConflictReason)
	if n := len(w.simulator.Ledger().Declarations); n != 1 {
		t.Errorf("%d declarations, want 1", n)
	}
}

func TestFinishedDeclarationGoesAfterItsTimeToLive(t *testing.T) {
	w := paidChina(t)
	w.declared(newDeclaration("all", "", func(spec *apiv1.CustomsDeclarationSpec) { spec.TTLSecondsAfterFinished = new(int32(60)) }))
	sent := len(w.sent)
	for range 5 {
		w.advance(max(w.must(w.reconcileDeclaration("all")).RequeueAfter, time.Minute))
	}
	if w.declaration("all") != nil || len(w.sent) != sent {
		t.Errorf("it is there: %t, after %d more requests", w.declaration("all") != nil, len(w.sent)-sent)
	}
}

func TestSuspendedDeclarationIsNotSent(t *testing.T) {
	w := paidChina(t)
	w.store.create(newDeclaration("all", "", func(spec *apiv1.CustomsDeclarationSpec) { spec.Suspend = true }))
	w.must(w.reconcileDeclaration("all"))
	w.expectDeclaration("all", apiv1.StatePending, apiv1.SuspendedReason)
	w.editDeclaration("all", func(spec *apiv1.CustomsDeclarationSpec) { spec.Suspend = false })
	w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
}

// Each fault strikes declare, or what is asked afterwards, each write of a status may fail, and every pass is in a process of its own.
func TestDeclarationIsMadeOnceWhateverFails(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.ActLater, simulator.ServerError, simulator.ServerErrorAfter, simulator.BadSignature,
		simulator.UnsignedFail, simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
	}
	for _, fault := range faults {
		for _, path := range []string{"declare", "inquiryDeclarationRequests"} {
			if path == "inquiryDeclarationRequests" && fault == simulator.ActLater {
				continue
			}
			for failing := range 6 { // the n-th status write fails; 0 means none
				for _, how := range []writeFault{writeLost, writeUnheardOf} {
					if failing == 0 && how == writeUnheardOf {
						continue
					}
					t.Run(fmt.Sprintf("fault %q of %s, status write %d is %s", fault, path, failing, how), func(t *testing.T) {
						w := paidChina(t)
						if path == "inquiryDeclarationRequests" {
							w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "declare"})
						}
						if fault != "" {
							w.inject(simulator.Fault{Kind: fault, Path: path})
						}
						w.failWriteNumber(failing, how)
						w.store.create(newDeclaration("all", ""))
						for range 8 {
							w.restart()
							_, _ = w.reconcileDeclaration("all")
							if got := w.declaration("all").Status; got.State == apiv1.StateFailed {
								t.Fatalf("it counts as failed: %+v", got)
							}
							_, _ = w.reconcilePayment("order")
							w.advance(16 * time.Second)
						}
						w.followDeclaration("all")
						w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
						if n := len(w.simulator.Ledger().Declarations); n != 1 || w.noted("all") != "Accepted" {
							t.Errorf("%d declarations, the payment notes %q, want one that is accepted", n, w.noted("all"))
						}
						var first []byte
						for _, sent := range w.sent {
							if sent.operation != "declare" {
								continue
							}
							if first == nil {
								first = sent.body
							}
							if !bytes.Equal(sent.body, first) {
								t.Errorf("a request is %s, the first one %s", sent.body, first)
							}
						}
					})
				}
			}
		}
	}
}

// A signed refusal means that nothing was declared, once the gateway confirms that it has nothing of that id.
func TestRefusedDeclarationHasFailed(t *testing.T) {
	for _, code := range []string{"PARAM_ILLEGAL", "ORDER_STATUS_INVALID", "PROCESS_FAIL", "ORDER_NOT_EXIST"} {
		t.Run(code, func(t *testing.T) {
			w := paidChina(t)
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "declare", Code: code})
			got := w.declared(newDeclaration("all", ""))
			w.expectDeclaration("all", apiv1.StateFailed, code)
			if w.sends("declare") != 1 || len(w.payment("order").Status.Declarations) != 0 || got.EndedAttempts != 1 {
				t.Errorf("%d requests, the payment notes %+v, want what it took to be free", w.sends("declare"), w.payment("order").Status.Declarations)
			}
		})
	}
}

func TestDeclarationIsAskedAboutAtItsPace(t *testing.T) {
	w := paidChina(t)
	w.store.create(newDeclaration("all", ""))
	result := w.must(w.reconcileDeclaration("all"))
	if err := w.simulator.CustomsHolds(w.declaration("all").Status.DeclarationRequestID); err != nil {
		t.Fatal(err)
	}
	for _, want := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, time.Hour, time.Hour} {
		if result.RequeueAfter < want*8/10 || result.RequeueAfter > want*12/10 {
			t.Errorf("looks again after %s, want about %s", result.RequeueAfter, want)
		}
		w.advance(result.RequeueAfter)
		result = w.must(w.reconcileDeclaration("all"))
	}
	if got := w.sends("inquiryDeclarationRequests"); got != 6 {
		t.Errorf("%d inquiries, want one each time", got)
	}
	writes := w.store.writes
	w.advance(result.RequeueAfter)
	w.must(w.reconcileDeclaration("all"))
	if w.store.writes != writes {
		t.Error("an answer that says nothing new is written")
	}
}
