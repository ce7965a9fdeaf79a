package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestDisputeShowsWhatWasAnnounced(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{ReasonMsg: "Goods not as described", CaptureID: "cap-1", ARN: "arn-1"})
	defer w.close()
	st := w.dispute().Status
	got := []string{st.DisputeType, st.PaymentID, st.PaymentRequestID, st.CaptureID, st.ARN, st.DisputeAmount.Currency, st.DisputeAmount.Value,
		st.DisputeReasonCode, st.DisputeReasonMsg, st.DisputeSource, fmt.Sprint(*st.Defendable)}
	want := []string{"CHARGEBACK", "elsewhere", "elsewhere-1", "cap-1", "arn-1", "USD", "1250", "4853", "Goods not as described", "Mastercard", "true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if raised := w.ledger(); !st.DisputeTime.Time.Equal(raised.CreatedAt) || !st.DefenseDueTime.Time.Equal(raised.DueAt) {
		t.Errorf("raised %s, due %s; want %s, %s", st.DisputeTime, st.DefenseDueTime, raised.CreatedAt, raised.DueAt)
	}
	if len(st.History) != 1 || st.History[0].Type != "DISPUTE_CREATED" || st.History[0].SentTime == nil {
		t.Errorf("history = %+v", st.History)
	}
	w.expectState(apiv1.DisputeOpen, apiv1.AwaitingDecisionReason)
	if !meta.IsStatusConditionTrue(st.Conditions, apiv1.StalledCondition) || !meta.IsStatusConditionFalse(st.Conditions, apiv1.ResolvedCondition) {
		t.Errorf("conditions = %+v, want Stalled and not Resolved", st.Conditions)
	}
	labels := w.dispute().Labels
	if labels[apiv1.PaymentIDLabel] != "elsewhere" || labels[apiv1.PaymentRequestIDLabel] != "elsewhere-1" || labels[apiv1.PaymentLabel] != "" || len(w.sent) > 0 {
		t.Errorf("labels = %v, %d requests", labels, len(w.sent))
	}
}

func TestEachWordOfAJudgementMeansWhatItSays(t *testing.T) {
	tests := []struct {
		result  string
		state   apiv1.DisputeState
		outcome apiv1.DisputeState
		ready   bool
	}{
		{"ACCEPT_BY_CUSTOMER", apiv1.DisputeWon, apiv1.DisputeWon, true},
		{"ACCEPT_BY_MERCHANT", apiv1.DisputeLost, apiv1.DisputeLost, true},
		{"VALIDATE_SUCCESS", apiv1.DisputeApproved, apiv1.DisputeApproved, true},
		{"VALIDATE_FAIL", apiv1.DisputeOpen, "", false},
		{"ACCEPT_BY_NOBODY", apiv1.DisputeJudged, "", false},
		{"", apiv1.DisputeJudged, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.result, func(t *testing.T) {
			w := newDisputeWorld(t, simulator.DisputeInput{})
			defer w.close()
			w.receiveDispute(w.announceDispute("DISPUTE_JUDGED", w.clock.Now(), judgement(tt.result, w.clock.Now())))
			st := w.listen()
			if st.State != tt.state || st.Outcome != tt.outcome || st.DisputeJudgedResult != tt.result {
				t.Errorf("state = %s, outcome = %q, result = %s; want %s, %q", st.State, st.Outcome, st.DisputeJudgedResult, tt.state, tt.outcome)
			}
			if got := meta.IsStatusConditionTrue(st.Conditions, apiv1.ReadyCondition); got != tt.ready {
				t.Errorf("ready = %t, want %t", got, tt.ready)
			}
			resolved := meta.FindStatusCondition(st.Conditions, apiv1.ResolvedCondition)
			if (resolved.Status == "True") != (tt.outcome != "") || tt.outcome != "" && resolved.Reason != string(tt.outcome) {
				t.Errorf("resolved = %+v", resolved)
			}
		})
	}
}

func TestEveryEndIsAnnounced(t *testing.T) {
	tests := []struct {
		name   string
		in     simulator.DisputeInput
		act    func(*disputeWorld) error
		state  apiv1.DisputeState
		reason string
	}{
		{"the buyer withdraws", simulator.DisputeInput{}, func(w *disputeWorld) error { return w.simulator.CancelDispute(w.id) }, apiv1.DisputeCancelled, apiv1.CancelledReason},
		{"settled by the scheme", simulator.DisputeInput{Type: "RDR"}, nil, apiv1.DisputeResolvedByRDR, apiv1.ResolvedByRDRReason},
		{"accepted in the dashboard", simulator.DisputeInput{}, func(w *disputeWorld) error {
			return w.simulator.AcceptDispute(w.id, "MERCHANT_ACCEPTED")
		}, apiv1.DisputeAccepted, apiv1.DisputeAcceptedReason},
		{"accepted by lapse of time", simulator.DisputeInput{DefenseTime: time.Hour}, func(w *disputeWorld) error {
			w.advance(2 * time.Hour)
			return nil
		}, apiv1.DisputeAccepted, apiv1.DisputeAcceptedReason},
		{"defended by the gateway itself", simulator.DisputeInput{}, func(w *disputeWorld) error {
			return w.simulator.DefendDispute(w.id, "DELIVERED")
		}, apiv1.DisputeDefenseSupplied, apiv1.AwaitingJudgementReason},
		{"a request that nobody answers", simulator.DisputeInput{Type: "RETRIEVAL_REQUEST", DefenseTime: time.Hour}, func(w *disputeWorld) error {
			w.advance(2 * time.Hour)
			return nil
		}, apiv1.DisputeExpired, apiv1.DefenseTimeOverReason},
		{"an older notification", simulator.DisputeInput{Legacy: true}, nil, apiv1.DisputeOpen, apiv1.AwaitingDecisionReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newDisputeWorld(t, tt.in)
			defer w.close()
			if tt.act != nil {
				if err := tt.act(w); err != nil {
					t.Fatal(err)
				}
			}
			w.pass(10 * time.Second)
			w.expectState(tt.state, tt.reason)
		})
	}
}

func TestSecondJudgementIsRecordedAndTold(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	for _, result := range []string{"ACCEPT_BY_CUSTOMER", "ACCEPT_BY_MERCHANT"} {
		if err := w.simulator.JudgeDispute(w.id, result, simulator.Money{}); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.restart()
		w.listen()
	}
	st := w.dispute().Status
	if st.Outcome != apiv1.DisputeLost || st.FormerOutcome != apiv1.DisputeWon || len(judgements(st.History)) != 2 || st.DisputeJudgedAmount.Value != "1250" {
		t.Errorf("outcome = %s, former %s, history %+v; want Lost after Won, and both judgements", st.Outcome, st.FormerOutcome, st.History)
	}
	if got := w.events.count(apiv1.JudgementChangedReason); got != 1 {
		t.Errorf("%d events of a changed judgement, want 1: %q", got, w.events.said)
	}
}

func TestOfTwoJudgementsAtOnceTheOneThatCostsMoreCounts(t *testing.T) {
	for i := range 4 { // the hashes of the bodies decide nothing
		w := newDisputeWorld(t, simulator.DisputeInput{})
		for _, result := range []string{"ACCEPT_BY_MERCHANT", "ACCEPT_BY_CUSTOMER"} {
			fields := judgement(result, worldStart)
			fields["arn"] = fmt.Sprint(i)
			w.receiveDispute(w.announceDispute("DISPUTE_JUDGED", worldStart, fields))
		}
		if st := w.listen(); st.Outcome != apiv1.DisputeLost || st.FormerOutcome != apiv1.DisputeWon {
			t.Errorf("outcome = %s, former %s; want Lost, Won", st.Outcome, st.FormerOutcome)
		}
		w.close()
	}
}

func TestUnknownAndUnreadableNotificationsAreKeptAndShown(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	now := w.clock.Now()
	w.receiveDispute(w.announceDispute("DISPUTE_REOPENED", now.Add(time.Second), nil))
	w.receiveDispute(w.announceDispute("DISPUTE_JUDGED", now.Add(2*time.Second), map[string]any{"disputeJudgedTime": "the day before yesterday"}))
	for range 2 {
		w.restart()
		w.listen()
	}
	st := w.dispute().Status
	var types []string
	for _, note := range st.History {
		types = append(types, fmt.Sprintf("%s %t", note.Type, note.Unreadable))
	}
	if diff := cmp.Diff([]string{"DISPUTE_CREATED false", "DISPUTE_REOPENED false", "DISPUTE_JUDGED true"}, types); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	w.expectState(apiv1.DisputeJudged, apiv1.JudgementUnclearReason)
	if got := w.events.count(apiv1.NotificationUnreadableReason); got != 1 {
		t.Errorf("%d events, want 1: %q", got, w.events.said)
	}
}

func TestForgedNotificationChangesNothing(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	before := w.dispute().Status
	fields := fieldsOf(w.announceDispute("DISPUTE_JUDGED", w.clock.Now(), judgement("ACCEPT_BY_CUSTOMER", w.clock.Now())).body)
	w.put(w.dispute(), signedWith("other", fields, w.clock.Now()))
	fields["disputeId"] = "another"
	w.put(w.dispute(), signed(fields, w.clock.Now()))
	w.listen()
	if diff := cmp.Diff(before, w.dispute().Status); diff != "" {
		t.Errorf("status changed:\n%s", diff)
	}
	if w.events.count(apiv1.NotificationRejectedReason) != 1 {
		t.Errorf("events = %q, want one that says so", w.events.said)
	}
}

func TestWhatWasAnnouncedOutlivesTheKeyThatSignedIt(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	before := w.dispute().Status
	w.store.edit(w.account(), func(obj client.Object) {
		obj.(*apiv1.MerchantAccount).Spec.AlipayPublicKeys = []string{publicKeyPEM("other")}
	})
	w.listen()
	if diff := cmp.Diff(before, w.dispute().Status); diff != "" || w.events.count(apiv1.NotificationRejectedReason) > 0 {
		t.Errorf("status changed:\n%s\nevents = %q", diff, w.events.said)
	}
}

func TestDeletedDisputeComesBackWithALaterNotification(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{Payment: "order"})
	defer w.close()
	w.store.remove(w.dispute())
	w.must(w.reconcileDispute())
	if window, counted := openDisputes.window[requestFor(disputeName).NamespacedName]; counted {
		t.Errorf("the gauge still has it at %q", window)
	}
	if err := w.simulator.JudgeDispute(w.id, "ACCEPT_BY_MERCHANT", simulator.Money{}); err != nil {
		t.Fatal(err)
	}
	st := w.pass(time.Minute)
	w.expectState(apiv1.DisputeLost, apiv1.LostReason)
	if st.Payment != "order" || len(w.events.said) == 0 || w.sends("acceptDispute") > 0 {
		t.Errorf("payment = %q, requests %d; want order, none", st.Payment, w.sends("acceptDispute"))
	}
}

func TestEvidenceThatTheGatewayWouldRefuseIsNotSent(t *testing.T) {
	word := "PK\x03\x04 word/document.xml"
	tests := []struct {
		name, file string
		key        string
		missing    bool
		err        error
		want       string
	}{
		{name: "a PDF file", file: pdf},
		{name: "an old Word file", file: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
		{name: "a new Word file", file: word},
		{name: "a ZIP file", file: "PK\x03\x04"},
		{name: "a JPG file", file: "\xff\xd8\xff\xe0"},
		{name: "a file of the greatest size", file: pdf + strings.Repeat("x", 750_000-len(pdf))},
		{name: "a file that is too large", file: pdf + strings.Repeat("x", 750_001-len(pdf)), want: apiv1.EvidenceInvalidReason},
		{name: "an empty file", file: "", want: apiv1.EvidenceInvalidReason},
		{name: "a PNG file", file: "\x89PNG\r\n\x1a\n", want: apiv1.EvidenceInvalidReason},
		{name: "a text", file: "it was delivered", want: apiv1.EvidenceInvalidReason},
		{name: "the Base64 of a PDF file", file: "JVBERi0xLjQK", want: apiv1.EvidenceInvalidReason},
		{name: "another key", file: pdf, key: "form.pdf", want: apiv1.EvidenceNotFoundReason},
		{name: "no Secret", missing: true, want: apiv1.EvidenceNotFoundReason},
		{
			name: "a Secret that may not be read", err: apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "evidence", errors.New("no Role says so")),
			want: apiv1.EvidenceForbiddenReason,
		},
		{name: "an API server that does not answer", err: errWrite, want: apiv1.EvidenceUnreadableReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newDisputeWorld(t, simulator.DisputeInput{})
			defer w.close()
			w.disputes.Live = &secretReader{Reader: liveStore{w.store}, err: tt.err}
			response := w.defending(tt.file)
			response.EvidenceSecretRef.Key = tt.key
			if tt.missing {
				response.EvidenceSecretRef.Name = "nothing"
			}
			w.respond(response)
			result := w.must(w.reconcileDispute())
			st := w.dispute().Status
			if sent := w.sends("supplyDefenseDocument"); sent > 0 != (tt.want == "") {
				t.Fatalf("%d requests; reason %s", sent, reason(st.Conditions))
			}
			if tt.want == "" {
				w.expectState(apiv1.DisputeDefenseSupplied, apiv1.AwaitingJudgementReason)
				if got := w.ledger(); st.Response.EvidenceSHA256 != got.EvidenceSHA256 || int(st.Response.EvidenceBytes) != got.EvidenceBytes || st.Response.EvidenceFormat == "" {
					t.Errorf("response = %+v, want what the gateway has: %+v", st.Response, got)
				}
				return
			}
			w.expectState(apiv1.DisputeOpen, tt.want)
			if st.Response != nil || result.RequeueAfter <= 0 || result.RequeueAfter > time.Minute {
				t.Errorf("response = %+v, looked at again after %s; want no intent, and soon", st.Response, result.RequeueAfter)
			}
		})
	}
}

func TestEvidenceMayStandInAConfigMap(t *testing.T) {
	for _, binary := range []bool{false, true} {
		w := newDisputeWorld(t, simulator.DisputeInput{})
		configMap := newConfigMap("defence", map[string]string{"form.pdf": pdf})
		if binary {
			configMap.Data, configMap.BinaryData = nil, map[string][]byte{"form.pdf": []byte(pdf)}
		}
		w.store.create(configMap)
		w.respond(&apiv1.DisputeResponse{Action: apiv1.DefendDispute, EvidenceConfigMapRef: &apiv1.ConfigMapKeyReference{Name: "defence", Key: "form.pdf"}})
		w.must(w.reconcileDispute())
		w.expectState(apiv1.DisputeDefenseSupplied, apiv1.AwaitingJudgementReason)
		w.close()
	}
}

func TestAnswersHaveTheirDocumentedBodies(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	for _, tt := range []struct {
		answer *answer
		want   string
	}{
		{newAnswer("2099011019401080010000000000001", apiv1.AcceptDispute, nil), `{"disputeId":"2099011019401080010000000000001"}`},
		{newAnswer("2099011019401080010000000000001", apiv1.DefendDispute, []byte("%PDF-1.4\n")), `{"disputeId":"2099011019401080010000000000001","disputeEvidence":"JVBERi0xLjQK"}`},
	} {
		if got := wireBody(t, tt.answer.body()); got != tt.want {
			t.Errorf("body = %s, want %s", got, tt.want)
		}
	}
	w.respond(accepting())
	w.must(w.reconcileDispute())
	if got, want := string(w.sent[0].body), `{"disputeId":"`+w.id+`"}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}
