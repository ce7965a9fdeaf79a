package controllers

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// alertsWhileSending has a notification stored while the next request is on its way, so that the write of what the gateway says to it fails.
func (w *disputeWorld) alertsWhileSending() {
	alert := w.announceDispute("DEFENSE_DUE_ALERT", w.clock.Now(), map[string]any{"defenseDueTime": w.clock.Now().Add(20 * time.Hour).Format(time.RFC3339)})
	w.afterSend = func(sentRequest) error {
		w.receiveDispute(alert)
		w.afterSend = nil
		return nil
	}
	if result, err := w.reconcileDispute(); result.RequeueAfter != conflictDelay || err != nil {
		w.t.Fatalf("comes again after %s, err = %v; want a conflict", result.RequeueAfter, err)
	}
	w.advance(time.Minute)
}

// The process that has sent an answer knows that it was taken: its repetition is refused for just that.
func TestAnswerThatWasTakenIsKnownWhereANotificationComesInBetween(t *testing.T) {
	for _, kind := range []string{"RETRIEVAL_REQUEST", "COMPLIANCE_REQUEST", "CHARGEBACK"} {
		t.Run(kind, func(t *testing.T) {
			w := newDisputeWorld(t, simulator.DisputeInput{Type: kind})
			defer w.close()
			w.respond(w.defending(pdf))
			w.alertsWhileSending()
			w.must(w.reconcileDispute())
			if st := w.dispute().Status; st.State != apiv1.DisputeDefenseSupplied || st.Response.Result != apiv1.ResponseTaken {
				t.Errorf("state = %s, answer %s; want DefenseSupplied, Taken", st.State, st.Response.Result)
			}
			if got := w.ledger().Defenses; got != 1 {
				t.Errorf("%d defences, want one", got)
			}
		})
	}
}

// Of an answer that was refused at its first sending nothing has happened, so the refusal of the next is about that one.
func TestAnswerThatWasRefusedIsRefusedWhereANotificationComesInBetween(t *testing.T) {
	for code, want := range map[string]apiv1.ResponseResult{
		"TIME_EXCEEDS_LIMIT": apiv1.ResponseTooLate, "DEFENSE_EXCEED_LIMIT": apiv1.ResponseRefused, "NOT_ALLOW_IN_CURRENT_STATUS": apiv1.ResponseRefused,
		"REPEAT_REQUEST": apiv1.ResponseOtherDecision, "SOMETHING_NEW": apiv1.ResponseRefused,
	} {
		t.Run(code, func(t *testing.T) {
			w := newDisputeWorld(t, simulator.DisputeInput{})
			defer w.close()
			w.respond(w.defending(pdf))
			for range 2 {
				w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "supplyDefenseDocument", Code: code})
			}
			w.alertsWhileSending()
			w.must(w.reconcileDispute())
			if got := w.dispute().Status.Response.Result; got != want {
				t.Errorf("answer = %s, want %s", got, want)
			}
			w.settle()
			if got := w.sends("supplyDefenseDocument"); got != 2 || w.ledger().Defenses != 0 {
				t.Errorf("sent %d times, %d defences; want 2 and none", got, w.ledger().Defenses)
			}
		})
	}
}

// The judgement tells that the material was taken, although what the gateway said to it was lost. The next material is looked at as the first was.
func TestNextMaterialIsReadBeforeItIsSentWhereTheLastWordWasLost(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{Type: "COMPLIANCE_REQUEST"})
	defer w.close()
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "supplyDefenseDocument"})
	w.respond(w.defending(pdf))
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputeDefending, apiv1.OutcomeUnknownReason)
	if err := w.simulator.JudgeDispute(w.id, "VALIDATE_FAIL", simulator.Money{}); err != nil {
		t.Fatal(err)
	}
	w.pass(10 * time.Second)
	w.expectState(apiv1.DisputeOpen, apiv1.AwaitingDecisionReason)

	again := w.defending(pdf + "more")
	again.Attempt = 2
	secret := w.store.latest(keyOf(newSecret(again.EvidenceSecretRef.Name, nil))).(*corev1.Secret)
	w.store.drop(keyOf(secret))
	w.respond(again)
	w.pass(time.Minute)
	w.expectState(apiv1.DisputeOpen, apiv1.EvidenceNotFoundReason)
	w.store.create(newSecret(again.EvidenceSecretRef.Name, map[string]string{apiv1.EvidenceKey: pdf + "more"}))
	w.pass(time.Minute)
	w.expectState(apiv1.DisputeDefenseSupplied, apiv1.AwaitingJudgementReason)
	if got := w.ledger().Defenses; got != 2 {
		t.Errorf("%d defences, want 2", got)
	}
}
