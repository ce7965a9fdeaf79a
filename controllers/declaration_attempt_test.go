package controllers

import (
	"testing"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestRejectedDeclarationIsCorrectedByARaisedAttempt(t *testing.T) {
	w := paidChina(t)
	first := w.answeredDeclaration("", "-1")
	w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.DeclarationRejected, apiv1.CustomsRejectedReason)
	got := w.correctedDeclaration()
	w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
	if got.DeclarationRequestID == first || len(w.simulator.Ledger().Declarations) != 2 || w.simulator.Ledger().Declarations[1].MerchantCustomsCode != "TV0000000002" {
		t.Errorf("declarations = %+v, want a second one with another id", w.simulator.Ledger().Declarations)
	}
	if notes := w.payment("order").Status.Declarations; len(notes) != 1 || notes[0].Status != "Accepted" {
		t.Errorf("the payment notes %+v, want the second alone", notes)
	}
}

// answeredDeclaration makes the declaration "all", and has customs answer it, which the operator does not hear. It returns the request id.
func (w *world) answeredDeclaration(value string, codes ...string) string {
	w.t.Helper()
	w.store.create(newDeclaration("all", value))
	w.must(w.reconcileDeclaration("all"))
	id := w.declaration("all").Status.DeclarationRequestID
	w.customsAnswers(id, codes...)
	return id
}

func (w *world) customsAnswers(id string, codes ...string) {
	w.t.Helper()
	for _, code := range codes {
		if err := w.simulator.CustomsAnswers(id, code, ""); err != nil {
			w.t.Fatal(err)
		}
	}
}

// correctedDeclaration raises the attempt of the declaration "all" with another code of the merchant, and follows it.
func (w *world) correctedDeclaration() apiv1.CustomsDeclarationStatus {
	w.t.Helper()
	w.editDeclaration("all", func(spec *apiv1.CustomsDeclarationSpec) {
		spec.Attempt, spec.MerchantCustomsInfo.MerchantCustomsCode = 2, "TV0000000002"
	})
	return w.followDeclaration("all")
}

// What says neither yes nor no may be followed by what does. The declaration is asked about daily meanwhile, also by a new process.
func TestUnclearAnswerBecomesClear(t *testing.T) {
	for code, want := range map[string]apiv1.OperationState{"2": apiv1.DeclarationAccepted, "-30": apiv1.DeclarationRejected} {
		t.Run("by "+code, func(t *testing.T) {
			w := paidChina(t)
			id := w.answeredDeclaration("", "7")
			w.followDeclaration("all")
			w.expectDeclaration("all", apiv1.DeclarationUndetermined, apiv1.CustomsAnswerUnclearReason)
			w.restart()
			w.customsAnswers(id, code)
			w.follow(w.reconcileDeclaration, "all", 48*time.Hour)
			w.must(w.reconcilePayment("order"))
			got := w.declaration("all").Status
			if got.State != want || w.noted("all") != string(want) || got.CustomsDeclarationResultCode != code || w.sends("declare") != 1 {
				t.Errorf("state = %s, the payment notes %s, code %s, %d declare requests; want %s, one request", got.State, w.noted("all"),
					got.CustomsDeclarationResultCode, w.sends("declare"), want)
			}
		})
	}
}

// Whoever raises the attempt of an unclear declaration says that customs has rejected it, unless the gateway knows better.
func TestUnclearDeclarationIsDeclaredAnewByARaisedAttempt(t *testing.T) {
	t.Run("and is accepted", func(t *testing.T) {
		w := paidChina(t)
		first := w.answeredDeclaration("5000", "7") // for the gateway's own sum counts what is unclear
		w.followDeclaration("all")
		got := w.correctedDeclaration()
		w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
		if got.DeclarationRequestID == first || got.EndedAttempts != 1 || len(w.simulator.Ledger().Declarations) != 2 {
			t.Errorf("id = %s after %s, %d attempts ended, %d declarations; want a second one", got.DeclarationRequestID, first, got.EndedAttempts,
				len(w.simulator.Ledger().Declarations))
		}
		if notes := w.payment("order").Status.Declarations; len(notes) != 1 || notes[0].Status != "Accepted" {
			t.Errorf("the payment notes %+v, want the second alone", notes)
		}
	})
	t.Run("also where the rejection is not heard of yet", func(t *testing.T) {
		w := paidChina(t)
		id := w.answeredDeclaration("", "7")
		w.followDeclaration("all")
		w.customsAnswers(id, "-30")
		w.correctedDeclaration()
		w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
	})
	t.Run("but not where customs has accepted it since", func(t *testing.T) {
		w := paidChina(t)
		id := w.answeredDeclaration("5000", "7")
		w.followDeclaration("all")
		w.customsAnswers(id, "2")
		w.editDeclaration("all", func(spec *apiv1.CustomsDeclarationSpec) { spec.Attempt = 2 })
		w.must(w.reconcileDeclaration("all"))
		w.expectDeclaration("all", apiv1.StateBlocked, apiv1.FormerAttemptOpenReason)
		if n := w.sends("declare"); n != 1 {
			t.Errorf("%d declare requests, want the first alone", n)
		}
	})
	t.Run("and nobody knows about it while the gateway is silent", func(t *testing.T) {
		w := paidChina(t)
		w.answeredDeclaration("5000", "7")
		w.followDeclaration("all")
		w.unreachable = func(string) bool { return true }
		w.editDeclaration("all", func(spec *apiv1.CustomsDeclarationSpec) { spec.Attempt = 2 })
		for range 4 {
			w.must(w.reconcileDeclaration("all"))
			w.advance(time.Hour)
		}
		if got := w.declaration("all").Status; got.State.Final() || w.sends("declare") != 1 {
			t.Errorf("state = %s, %d declare requests; want no end and no second request", got.State, w.sends("declare"))
		}
	})
}
