package controllers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestDisputeIsAnsweredOnceWhateverFails(t *testing.T) {
	faults := []simulator.FaultKind{
		"", simulator.DropRequest, simulator.DropResponse, simulator.BadSignature, simulator.ServerError, simulator.ServerErrorAfter,
		simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.UnsignedFail, simulator.RateLimit,
	}
	for _, kind := range []string{"CHARGEBACK", "COMPLIANCE_REQUEST"} {
		for _, action := range []apiv1.DisputeAction{apiv1.AcceptDispute, apiv1.DefendDispute} {
			for _, fault := range faults {
				for failed := range 8 { // each of three writes is lost, or written and not heard of
					name := fmt.Sprintf("%s %s, fault %q, broken write %d", kind, action, fault, failed)
					t.Run(name, func(t *testing.T) { answerOnce(t, kind, action, fault, failed) })
				}
			}
		}
	}
}

// answerOnce answers a dispute with a process that is new in each pass.
func answerOnce(t *testing.T, kind string, action apiv1.DisputeAction, fault simulator.FaultKind, failed int) {
	w := newDisputeWorld(t, simulator.DisputeInput{Type: kind})
	defer w.close()
	operation, state := "acceptDispute", apiv1.DisputeAccepted
	response := accepting()
	if action == apiv1.DefendDispute {
		operation, state, response = "supplyDefenseDocument", apiv1.DisputeDefenseSupplied, w.defending(pdf)
	}
	w.respond(response)
	if fault != "" {
		w.inject(simulator.Fault{Kind: fault, Path: operation})
	}
	w.failWriteNumber(failed/2, []writeFault{writeLost, writeUnheardOf}[failed%2])
	for range 6 {
		intent := w.dispute().Status.Response
		sent := len(w.sent)
		_, _ = w.reconcileDispute()
		if len(w.sent) > sent && intent == nil && w.dispute().Status.Response == nil {
			t.Fatal("something was sent, and no intent is on record")
		}
		w.restart()
		w.advance(10 * time.Minute)
	}
	switch got := w.dispute().Status; {
	case got.State == state && got.Response.Result == apiv1.ResponseTaken:
	case failed > 1 && got.State == apiv1.DisputeDecisionUnknown && got.Response.Result == apiv1.ResponseOtherDecision && got.Response.UnclearTime == nil:
		// What the gateway said was not recorded, so nobody knows that this was sent. Only chargebacks have an announcement that tells.
		if kind == "CHARGEBACK" && w.listen().State != state {
			t.Errorf("state = %s after the announcement, want %s", w.dispute().Status.State, state)
		}
	default:
		t.Errorf("state = %s, answer %s; want %s, Taken", got.State, got.Response.Result, state)
	}
	if got := w.ledger(); got.Accepts+got.Defenses != 1 {
		t.Errorf("%d acceptances and %d defences, want one in all", got.Accepts, got.Defenses)
	}
	var bodies []string
	for _, request := range w.sent {
		bodies = append(bodies, string(request.body))
	}
	if len(slices.Compact(bodies)) != 1 {
		t.Errorf("bodies = %q, want the same one each time", bodies)
	}
	before := len(w.sent)
	w.settle()
	if len(w.sent) != before {
		t.Error("it is sent again after it was taken")
	}
}

func TestRefusalsOfAnAnswer(t *testing.T) {
	tests := []struct {
		code string
		// first and again are what the refusal of the first sending means, and that of a repetition.
		first, again   apiv1.ResponseResult
		state, stateOf apiv1.DisputeState
	}{
		{"REPEAT_REQUEST", apiv1.ResponseOtherDecision, apiv1.ResponseTaken, apiv1.DisputeDecisionUnknown, apiv1.DisputeDefenseSupplied},
		{"NOT_ALLOW_IN_CURRENT_STATUS", apiv1.ResponseRefused, apiv1.ResponseTaken, apiv1.DisputeOpen, apiv1.DisputeDefenseSupplied},
		{"TIME_EXCEEDS_LIMIT", apiv1.ResponseTooLate, apiv1.ResponseOtherDecision, apiv1.DisputeExpired, apiv1.DisputeDecisionUnknown},
		{"DEFENSE_EXCEED_LIMIT", apiv1.ResponseRefused, apiv1.ResponseOtherDecision, apiv1.DisputeOpen, apiv1.DisputeDecisionUnknown},
		{"PARAM_ILLEGAL", apiv1.ResponseRefused, apiv1.ResponseRefused, apiv1.DisputeOpen, apiv1.DisputeOpen},
		{"SOMETHING_NEW", apiv1.ResponseRefused, apiv1.ResponseOtherDecision, apiv1.DisputeOpen, apiv1.DisputeDecisionUnknown},
		{"SYSTEM_ERROR", apiv1.ResponseUnanswered, apiv1.ResponseUnanswered, apiv1.DisputeDefending, apiv1.DisputeDefending},
		{"INVALID_SIGNATURE", apiv1.ResponseUnanswered, apiv1.ResponseUnanswered, apiv1.DisputeDefending, apiv1.DisputeDefending},
	}
	for _, tt := range tests {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, again %t", tt.code, again), func(t *testing.T) {
				w := newDisputeWorld(t, simulator.DisputeInput{})
				defer w.close()
				w.respond(w.defending(pdf))
				result, state := tt.first, tt.state
				if again {
					result, state = tt.again, tt.stateOf
					w.loses("supplyDefenseDocument")
					w.must(w.reconcileDispute())
					w.expectState(apiv1.DisputeDefending, apiv1.OutcomeUnknownReason)
					w.loses("")
					w.advance(time.Minute)
				}
				w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "supplyDefenseDocument", Code: tt.code})
				w.must(w.reconcileDispute())
				st := w.dispute().Status
				if st.Response.Result != result || st.State != state {
					t.Errorf("result = %s, state = %s; want %s, %s", st.Response.Result, st.State, result, state)
				}
				if doubt := meta.IsStatusConditionTrue(st.Conditions, apiv1.OutcomeUnknownCondition); doubt != (state == apiv1.DisputeDefending && (again || tt.code == "SYSTEM_ERROR")) {
					t.Errorf("OutcomeUnknown = %t in state %s", doubt, state)
				}
				if st.LastResult != nil && (st.LastResult.ResultCode != tt.code || st.LastResult.ResultMessage != "") {
					t.Errorf("told is %+v, want the code alone: the text may repeat the evidence", st.LastResult)
				}
				if w.ledger().Defenses > 0 {
					t.Error("the simulator has taken it")
				}
			})
		}
	}
}

// An intent without an outcome does not say whether the answer has left: a refused repetition is then no proof of whose decision stands.
func TestRepetitionAfterACrashBesideTheIntentIsNotTakenForOurs(t *testing.T) {
	tests := []struct {
		name string
		// instead is done at the gateway in the place of the answer, which did not leave; nil where it did.
		instead func(*disputeWorld) error
		told    apiv1.DisputeState
	}{
		{"it was sent", nil, apiv1.DisputeAccepted},
		{"somebody has defended", func(w *disputeWorld) error { return w.simulator.DefendDispute(w.id, "") }, apiv1.DisputeDefenseSupplied},
		{"the gateway's staff has accepted", func(w *disputeWorld) error {
			return w.simulator.AcceptDispute(w.id, "MANUAL_PROCESSING_ACCEPTED")
		}, apiv1.DisputeAccepted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newDisputeWorld(t, simulator.DisputeInput{})
			defer w.close()
			w.respond(accepting())
			if tt.instead == nil {
				w.failWriteNumber(2, writeLost)
			} else {
				w.failWriteNumber(1, writeUnheardOf)
			}
			_, _ = w.reconcileDispute()
			if tt.instead != nil {
				if err := tt.instead(w); err != nil {
					t.Fatal(err)
				}
			}
			if st := w.dispute().Status; st.Response == nil || st.Response.Result != apiv1.ResponseUnanswered || st.Response.UnclearTime != nil {
				t.Fatalf("answer = %+v, want an intent and nothing more", st.Response)
			}
			w.restart()
			w.advance(10 * time.Minute)
			w.must(w.reconcileDispute())
			w.expectState(apiv1.DisputeDecisionUnknown, apiv1.DecisionUnknownReason)
			w.listen()
			if st := w.dispute().Status; st.State != tt.told || st.Response.Result != apiv1.ResponseOtherDecision {
				t.Errorf("after the announcement state = %s, answer %s; want %s, OtherDecision", st.State, st.Response.Result, tt.told)
			}
		})
	}
}

func TestLostWordIsOnRecordForTheNextProcess(t *testing.T) {
	for _, fault := range []simulator.Fault{
		{Kind: simulator.DropResponse}, {Kind: simulator.UnknownExceptionAfter}, {Kind: simulator.BadSignature},
	} {
		t.Run(string(fault.Kind), func(t *testing.T) {
			w := newDisputeWorld(t, simulator.DisputeInput{})
			defer w.close()
			fault.Path = "acceptDispute"
			w.inject(fault)
			w.respond(accepting())
			w.must(w.reconcileDispute())
			if got := w.dispute().Status.Response.UnclearTime; got == nil || !got.Time.Equal(w.clock.Now().Truncate(time.Second)) {
				t.Errorf("unclear since %v, want now", got)
			}
			w.restart()
			w.advance(10 * time.Minute)
			w.must(w.reconcileDispute())
			if st := w.dispute().Status; st.State != apiv1.DisputeAccepted || st.Response.Result != apiv1.ResponseTaken {
				t.Errorf("state = %s, answer %s; want Accepted, Taken", st.State, st.Response.Result)
			}
		})
	}
}

func TestSystemErrorIsNoWord(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	for _, code := range []string{"SYSTEM_ERROR", "REPEAT_REQUEST"} {
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "acceptDispute", Code: code})
	}
	w.respond(accepting())
	w.must(w.reconcileDispute())
	w.restart()
	w.advance(10 * time.Minute)
	w.must(w.reconcileDispute())
	if got := w.dispute().Status.Response; got.Result != apiv1.ResponseTaken || got.UnclearTime == nil {
		t.Errorf("answer = %+v, want it taken: the first sending may have been carried out", got)
	}
}

func TestAnnouncedAcceptanceSettlesTheOneThatWasLost(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "acceptDispute"})
	w.respond(accepting())
	w.must(w.reconcileDispute())
	w.pass(10 * time.Second)
	if st := w.dispute().Status; st.State != apiv1.DisputeAccepted || st.Response.Result != apiv1.ResponseTaken || w.sends("acceptDispute") != 1 {
		t.Errorf("state = %s, answer %s, %d requests; want Accepted, Taken, one", st.State, st.Response.Result, w.sends("acceptDispute"))
	}
}

func TestEvidenceThatIsGoneIsSentAgainOnceItIsBack(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	response := w.defending(pdf)
	w.loses("supplyDefenseDocument")
	w.respond(response)
	w.must(w.reconcileDispute())
	w.loses("")
	name := response.EvidenceSecretRef.Name
	secret := newSecret(name, map[string]string{apiv1.EvidenceKey: pdf})
	w.store.drop(keyOf(secret))
	w.advance(10 * time.Minute)
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputeDefending, apiv1.EvidenceNotFoundReason)
	w.store.create(secret)
	w.advance(10 * time.Minute)
	w.must(w.reconcileDispute())
	if got := w.dispute().Status.Response.Result; got != apiv1.ResponseTaken || w.ledger().Defenses != 1 {
		t.Errorf("answer = %s, %d defences; want Taken, 1", got, w.ledger().Defenses)
	}
}

// The word of a process that could not record it counts for that process.
func TestLostWordThatCouldNotBeRecordedIsRemembered(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "acceptDispute"})
	w.respond(accepting())
	w.failWriteNumber(2, writeLost)
	_, _ = w.reconcileDispute()
	w.advance(10 * time.Minute)
	w.must(w.reconcileDispute())
	if got := w.dispute().Status.Response.Result; got != apiv1.ResponseTaken || w.ledger().Accepts != 1 {
		t.Errorf("answer = %s, %d acceptances; want Taken, 1", got, w.ledger().Accepts)
	}
}

func TestDecisionThatIsUnknownIsSettledByWhatIsAnnounced(t *testing.T) {
	for kind, want := range map[string]apiv1.DisputeState{
		"DISPUTE_ACCEPTED": apiv1.DisputeAccepted, "DEFENSE_SUPPLIED": apiv1.DisputeDefenseSupplied, "DISPUTE_CANCELLED": apiv1.DisputeCancelled,
	} {
		w := newDisputeWorld(t, simulator.DisputeInput{})
		w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "acceptDispute", Code: "REPEAT_REQUEST"})
		w.respond(accepting())
		w.must(w.reconcileDispute())
		w.expectState(apiv1.DisputeDecisionUnknown, apiv1.DecisionUnknownReason)
		w.receiveDispute(w.announceDispute(kind, w.clock.Now(), nil))
		if got := w.listen().State; got != want {
			t.Errorf("state after %s = %s, want %s", kind, got, want)
		}
		w.close()
	}
}

func TestRepeatedAcceptanceIsNotTakenForOneWhereADefenceStands(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.loses("acceptDispute")
	w.respond(accepting())
	w.must(w.reconcileDispute())
	w.loses("")
	if err := w.simulator.DefendDispute(w.id, "DELIVERED"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	st := w.settle()
	if st.State != apiv1.DisputeDefenseSupplied || st.Response.Result != apiv1.ResponseOtherDecision {
		t.Errorf("state = %s, answer %s; want DefenseSupplied, OtherDecision", st.State, st.Response.Result)
	}
}

func TestAnswersThatTheGatewayWouldRefuseAreNotSent(t *testing.T) {
	tests := []struct {
		name   string
		in     simulator.DisputeInput
		before func(*disputeWorld) error
		accept bool
		state  apiv1.DisputeState
		reason string
	}{
		{name: "a defence of what can not be defended", in: simulator.DisputeInput{NotDefendable: true}, state: apiv1.DisputeOpen, reason: apiv1.NotDefendableReason},
		{name: "a defence that is late", in: simulator.DisputeInput{Type: "COMPLIANCE_REQUEST", DefenseTime: time.Hour}, before: func(w *disputeWorld) error {
			w.advance(time.Hour)
			return nil
		}, state: apiv1.DisputeExpired, reason: apiv1.DefenseTimeOverReason},
		{name: "an acceptance that is late", in: simulator.DisputeInput{Type: "COMPLIANCE_REQUEST", DefenseTime: time.Hour}, accept: true, before: func(w *disputeWorld) error {
			w.advance(time.Hour)
			return nil
		}, state: apiv1.DisputeExpired, reason: apiv1.DefenseTimeOverReason},
		{name: "a second defence", before: func(w *disputeWorld) error { return w.simulator.DefendDispute(w.id, "") }, state: apiv1.DisputeDefenseSupplied, reason: apiv1.AlreadyDecidedReason},
		{
			name: "an acceptance of what is defended", accept: true, before: func(w *disputeWorld) error { return w.simulator.DefendDispute(w.id, "") },
			state: apiv1.DisputeDefenseSupplied, reason: apiv1.AlreadyDecidedReason,
		},
		{
			name: "a defence of what is accepted", before: func(w *disputeWorld) error { return w.simulator.AcceptDispute(w.id, "MERCHANT_ACCEPTED") },
			state: apiv1.DisputeAccepted, reason: apiv1.DisputeAcceptedReason,
		},
		{
			name: "an acceptance of what is withdrawn", accept: true, before: func(w *disputeWorld) error { return w.simulator.CancelDispute(w.id) },
			state: apiv1.DisputeCancelled, reason: apiv1.CancelledReason,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newDisputeWorld(t, tt.in)
			defer w.close()
			if tt.before != nil {
				if err := tt.before(w); err != nil {
					t.Fatal(err)
				}
			}
			w.pass(time.Minute)
			if w.respond(accepting()); !tt.accept {
				w.respond(w.defending(pdf))
			}
			for range 3 {
				w.pass(time.Minute)
			}
			w.expectState(tt.state, tt.reason)
			over := tt.state == apiv1.DisputeAccepted || tt.state == apiv1.DisputeCancelled // nobody has to do anything about the answer
			if got := meta.IsStatusConditionTrue(w.dispute().Status.Conditions, apiv1.StalledCondition); got == over {
				t.Errorf("Stalled = %t for an answer that is not sent, want %t", got, !over)
			}
			if len(w.sent) > 0 || w.dispute().Status.Response != nil {
				t.Errorf("%d requests, response %+v; want none", len(w.sent), w.dispute().Status.Response)
			}
		})
	}
}

func TestWhatCanNotBeDefendedCanBeAccepted(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{NotDefendable: true})
	defer w.close()
	w.respond(accepting())
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputeAccepted, apiv1.DisputeAcceptedReason)
}

func TestDisputeOfWhichNothingWasAnnouncedCanBeAnswered(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.store.edit(w.dispute(), func(obj client.Object) { obj.SetAnnotations(nil) })
	w.store.edit(w.dispute(), func(obj client.Object) { obj.(*apiv1.Dispute).Status = apiv1.DisputeStatus{} })
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputePending, apiv1.AwaitingNotificationReason)
	w.respond(accepting())
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputeAccepted, apiv1.DisputeAcceptedReason)
}

func TestEvidenceThatWasChangedAfterSendingIsNotSent(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	response := w.defending(pdf)
	w.respond(response)
	w.loses("supplyDefenseDocument")
	w.must(w.reconcileDispute())
	w.loses("")
	secret := newSecret(response.EvidenceSecretRef.Name, map[string]string{apiv1.EvidenceKey: pdf + "more"})
	w.store.remove(secret)
	w.store.create(secret)
	w.advance(time.Hour)
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputeDefending, apiv1.RequestChangedReason)
	if got := w.sends("supplyDefenseDocument"); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	w.store.remove(secret)
	w.store.create(newSecret(secret.Name, map[string]string{apiv1.EvidenceKey: pdf}))
	w.advance(time.Hour)
	w.must(w.reconcileDispute())
	w.expectState(apiv1.DisputeDefenseSupplied, apiv1.AwaitingJudgementReason)
}

func TestMaterialForAComplianceRequestCanBeSentAgain(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{Type: "COMPLIANCE_REQUEST"})
	defer w.close()
	for attempt := int32(1); attempt <= 2; attempt++ {
		response := w.defending(fmt.Sprint(pdf, attempt))
		response.Attempt = attempt
		w.respond(response)
		w.must(w.reconcileDispute())
		w.expectState(apiv1.DisputeDefenseSupplied, apiv1.AwaitingJudgementReason)
		verdict := []string{"VALIDATE_FAIL", "VALIDATE_SUCCESS"}[attempt-1]
		if err := w.simulator.JudgeDispute(w.id, verdict, simulator.Money{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.restart()
		w.pass(time.Minute)
		if attempt == 1 {
			w.expectState(apiv1.DisputeOpen, apiv1.AwaitingDecisionReason)
		}
	}
	w.expectState(apiv1.DisputeApproved, apiv1.ApprovedReason)
	if got := w.ledger().Defenses; got != 2 || w.dispute().Status.FormerOutcome != "" {
		t.Errorf("%d defences, former outcome %q; want 2, none", got, w.dispute().Status.FormerOutcome)
	}
}

func TestEvidenceIsNeverTold(t *testing.T) {
	for name, arm := range map[string]func(*disputeWorld){
		"taken":                          func(*disputeWorld) {},
		"the request is lost":            func(w *disputeWorld) { w.loses("supplyDefenseDocument") },
		"the gateway can not be reached": func(w *disputeWorld) { w.unreachable = func(string) bool { return true } },
		"refused": func(w *disputeWorld) {
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "supplyDefenseDocument", Code: "PARAM_ILLEGAL"})
		},
	} {
		for _, file := range []string{pdf + canary, canary, pdf + strings.Repeat(canary, 200_000)} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, len(file)), func(t *testing.T) {
				w := newDisputeWorld(t, simulator.DisputeInput{})
				defer w.close()
				told := &witness{}
				w.disputes.Events = told
				w.store.changed = func(_, now client.Object) {
					if now != nil && keyOf(now).kind != "Secret" {
						told.told = append(told.told, asText(t, now))
					}
				}
				arm(w)
				w.respond(w.defending(file))
				for range 4 {
					_, err := w.disputes.Reconcile(told.context(t.Context()), requestFor(disputeName))
					told.told = append(told.told, fmt.Sprint(err))
					w.advance(10 * time.Minute)
				}
				encoded := "Y0FuQXJZ" // the Base64 of the canary
				for _, text := range told.told {
					if strings.Contains(text, canary) || strings.Contains(text, encoded) {
						t.Errorf("it tells %.300s", text)
					}
				}
				if len(told.told) < 6 {
					t.Errorf("it tells only %d things, too little to be a test", len(told.told))
				}
			})
		}
	}
}
