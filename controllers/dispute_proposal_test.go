package controllers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// announceProposal is notifyDefenseDocument of the dispute, for an event of that time.
func (w *disputeWorld) announceProposal(event, sent time.Time, more map[string]any) announcement {
	fields := map[string]any{
		"disputeId": w.id, "notifyTime": event.Format(time.RFC3339),
		"defenseFile": map[string]any{"fileName": event.Format(time.Kitchen), "fileFormat": "PDF", "fileMd5": "0cc175b9c0f1b6a831c399e269772661"},
	}
	for name, value := range more {
		fields[name] = value
	}
	return signed(fields, sent)
}

func TestProposedDefenseIsShownAndToldOnce(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	proposed := w.clock.Now()
	if err := w.simulator.ProposeDefense(w.id, simulator.ProposalInput{
		FileName: "defence.pdf", WinRateLevel: "HIGH", Recommended: map[string]string{"DELIVERY": "a proof of delivery"}, Suggestions: "Add the invoice.",
	}); err != nil {
		t.Fatal(err)
	}
	st := w.pass(10 * time.Second)
	if st.DefenseProposal == nil || len(st.DefenseProposal.FileMD5) != 32 {
		t.Fatalf("proposal = %+v", st.DefenseProposal)
	}
	want := &apiv1.DefenseProposal{
		NotifyTime: metav1.Time{Time: proposed}, FileName: "defence.pdf", FileFormat: "PDF", FileMD5: st.DefenseProposal.FileMD5, WinRateLevel: "HIGH",
		RecommendedEvidence: map[string]string{"DELIVERY": "a proof of delivery"}, SuggestionsForImprovement: "Add the invoice.",
	}
	if diff := cmp.Diff(want, st.DefenseProposal); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	last := st.History[len(st.History)-1]
	if len(st.History) != 2 || last.Type != "DEFENSE_DOCUMENT" || last.Unreadable || !last.NotifyTime.Time.Equal(proposed) {
		t.Errorf("history = %+v", st.History)
	}
	w.expectState(apiv1.DisputeOpen, apiv1.AwaitingDecisionReason)
	all := w.announced()
	again := signed(fieldsOf(all[len(all)-1].body), w.clock.Now().Add(time.Hour)) // a resend has another time and signature
	for range 2 {
		w.receiveDispute(again)
		w.restart()
		w.listen()
	}
	if diff := cmp.Diff(st, w.dispute().Status); diff != "" {
		t.Errorf("the repetition changes:\n%s", diff)
	}
	if got := w.events.count(apiv1.DefenseProposedReason); got != 1 || len(w.sent) > 0 {
		t.Errorf("%d events, %d requests; want one, none: %q", got, len(w.sent), w.events.said)
	}
}

func TestNewestProposalCounts(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	at := func(hours int) time.Time { return worldStart.Add(time.Duration(hours) * time.Hour) }
	for i, step := range []struct{ event, shown, events int }{
		{2, 2, 1}, {1, 2, 1}, {3, 3, 2}, {3, 3, 2}, {2, 3, 2},
	} {
		// What names the event is its time, whatever else is in the body.
		w.receiveDispute(w.announceProposal(at(step.event), at(10+i), map[string]any{"traceId": fmt.Sprint(i)}))
		st := w.listen()
		if got := st.DefenseProposal; !got.NotifyTime.Time.Equal(at(step.shown)) || got.FileName != at(step.shown).Format(time.Kitchen) {
			t.Errorf("after that of hour %d the proposal is %+v, want that of hour %d", step.event, got, step.shown)
		}
		if got := w.events.count(apiv1.DefenseProposedReason); got != step.events {
			t.Errorf("after that of hour %d there are %d events, want %d", step.event, got, step.events)
		}
	}
}

func TestProposalForADisputeThatIsNotKnownMakesIt(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.store.remove(w.dispute())
	w.must(w.reconcileDispute())
	w.receiveDispute(w.announceProposal(worldStart, worldStart, nil))
	if st := w.listen(); st.DefenseProposal == nil || len(st.History) != 1 {
		t.Errorf("status = %+v", st)
	}
	w.expectState(apiv1.DisputeOpen, apiv1.AwaitingDecisionReason)
}

func TestProposalOfAnySizeIsStored(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	recommendations := map[string]string{}
	for i := range 40 {
		recommendations[fmt.Sprintf("%02d", i)] = strings.Repeat("证", 600)
	}
	w.receiveDispute(w.announceProposal(worldStart, worldStart, map[string]any{
		"winRateLevel": strings.Repeat("x", 100), "recommendedEvidence": recommendations, "suggestionsForImprovement": strings.Repeat("据", 3000),
		"defenseFile": map[string]any{"fileName": strings.Repeat("x", 1000), "fileFormat": strings.Repeat("x", 100), "fileMd5": strings.Repeat("x", 100)},
	}))
	got := w.listen().DefenseProposal
	lengths := []int{
		len(got.FileName), len(got.FileFormat), len(got.FileMD5), len(got.WinRateLevel), len(got.RecommendedEvidence),
		len([]rune(got.RecommendedEvidence["31"])), len([]rune(got.SuggestionsForImprovement)),
	}
	if diff := cmp.Diff([]int{256, 64, 64, 64, 32, 512, 2048}, lengths); diff != "" {
		t.Errorf("lengths (-want +got):\n%s", diff)
	}
}

func TestProposalThatCanNotBeReadIsKeptAndTold(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.receiveDispute(w.announceProposal(worldStart, worldStart, map[string]any{"recommendedEvidence": 7}))
	st := w.listen()
	if st.DefenseProposal != nil || len(st.History) != 2 || w.events.count(apiv1.NotificationUnreadableReason) != 1 || w.events.count(apiv1.DefenseProposedReason) != 0 {
		t.Errorf("proposal = %+v, history %+v, events %q", st.DefenseProposal, st.History, w.events.said)
	}
	w.expectState(apiv1.DisputeOpen, apiv1.AwaitingDecisionReason)
}
