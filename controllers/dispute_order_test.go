package controllers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// drawAnnouncements draws notifications of one dispute, as odd as they may come.
func drawAnnouncements(t *rapid.T, w *disputeWorld, most int) []announcement {
	types := []string{
		"DISPUTE_CREATED", "DEFENSE_DUE_ALERT", "DEFENSE_SUPPLIED", "DISPUTE_ACCEPTED", "DISPUTE_CANCELLED", "RDR_RESOLVED", "DISPUTE_JUDGED", "DISPUTE_JUDGED", "NEW_TYPE",
		"DEFENSE_DOCUMENT",
	}
	hour := func(label string) string {
		return worldStart.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, label)) * time.Hour).Format(time.RFC3339)
	}
	var all []announcement
	for i := range rapid.IntRange(1, most).Draw(t, "notifications") {
		fields := map[string]any{"arn": fmt.Sprint(i), "disputeTime": hour("disputeTime")}
		kind := rapid.SampledFrom(types).Draw(t, "type")
		switch kind {
		case "DEFENSE_DOCUMENT":
			event := worldStart.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "proposed")) * time.Hour)
			all = append(all, w.announceProposal(event, worldStart.Add(time.Duration(i)*time.Second), map[string]any{"arn": fmt.Sprint(i)}))
			continue
		case "DISPUTE_CREATED", "DEFENSE_DUE_ALERT":
			fields["defenseDueTime"], fields["disputeReasonCode"] = hour("due"), rapid.SampledFrom([]string{"1", "2"}).Draw(t, "code")
		case "DISPUTE_JUDGED":
			fields["disputeJudgedResult"] = rapid.SampledFrom([]string{"ACCEPT_BY_CUSTOMER", "ACCEPT_BY_MERCHANT", "VALIDATE_SUCCESS", "VALIDATE_FAIL", "NEW"}).Draw(t, "result")
			fields["disputeJudgedTime"] = hour("judged")
		case "NEW_TYPE":
			if rapid.Bool().Draw(t, "unreadable") {
				fields["disputeTime"] = 7
			}
		}
		all = append(all, w.announceDispute(kind, worldStart.Add(time.Duration(i)*time.Second), fields))
	}
	return all
}

// withoutOrder is a status without what depends on the order of arrival: when conditions changed, and the order of history.
func withoutOrder(st apiv1.DisputeStatus) apiv1.DisputeStatus {
	st = *st.DeepCopy()
	for i := range st.Conditions {
		st.Conditions[i].LastTransitionTime = metav1.Time{}
	}
	slices.SortFunc(st.Conditions, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	return st
}

func TestAnyOrderOfNotificationsLeadsToTheSameEnd(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	rapid.Check(t, func(t *rapid.T) {
		all := drawAnnouncements(t, w, 40)
		end := func(deliver []announcement, restless bool) apiv1.DisputeStatus {
			if w.dispute() != nil {
				w.store.remove(w.dispute())
			}
			for _, a := range deliver {
				w.receiveDispute(a)
				if restless || len(envelopes(w.dispute())) >= 32 {
					w.must(w.reconcileDispute())
				}
				if restless && rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
					w.restart()
				}
			}
			w.must(w.reconcileDispute())
			if got := len(envelopes(w.dispute())); got > storedAtMost {
				t.Errorf("%d notifications are left in annotations, so that there is no room", got)
			}
			return withoutOrder(w.dispute().Status)
		}
		want := end(all, false)
		if len(want.History) != len(all) {
			t.Fatalf("history has %d of %d", len(want.History), len(all))
		}
		other := slices.Concat(all, all[:rapid.IntRange(0, len(all)).Draw(t, "repeated")])
		if diff := gocmp.Diff(want, end(rapid.Permutation(other).Draw(t, "order"), true)); diff != "" {
			t.Fatalf("another end (-in order +in another order):\n%s", diff)
		}
	})
}

func TestJudgementBeatsWhateverElseIsAnnounced(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.receiveDispute(w.announceDispute("DISPUTE_JUDGED", worldStart, judgement("ACCEPT_BY_CUSTOMER", worldStart)))
	for i, kind := range []string{"DEFENSE_DUE_ALERT", "DEFENSE_SUPPLIED", "DISPUTE_ACCEPTED", "DISPUTE_CANCELLED", "RDR_RESOLVED", "DISPUTE_CREATED"} {
		w.receiveDispute(w.announceDispute(kind, worldStart.Add(time.Duration(i)*time.Minute), map[string]any{"arn": "x"}))
		if got := w.listen().State; got != apiv1.DisputeWon {
			t.Errorf("state = %s after %s, want Won", got, kind)
		}
	}
}

func TestMoreNotificationsThanAnObjectKeepsAreOnRecord(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	for i := range 130 {
		w.receiveDispute(w.announceDispute("DEFENSE_DUE_ALERT", worldStart.Add(time.Duration(i)*time.Minute), map[string]any{"arn": fmt.Sprint(i)}))
		if len(envelopes(w.dispute())) == 32 || i == 129 {
			w.must(w.reconcileDispute())
		}
	}
	history, stored := w.dispute().Status.History, envelopes(w.dispute())
	known := map[string]bool{}
	for _, note := range history {
		known[note.SHA256] = true
	}
	for _, name := range stored {
		known[bodySHA256([]byte(fieldOf(t, w.dispute().Annotations[name], "body")))] = true
	}
	if len(history) != mostHistory || len(known) != 131 {
		t.Errorf("%d in the history, %d in all; want %d and 131", len(history), len(known), mostHistory)
	}
	if !slices.IsSortedFunc(history, func(a, b apiv1.DisputeNotification) int { return compareTimes(a.SentTime, b.SentTime) }) {
		t.Error("the history is not in the order of sending")
	}
}

// The annotation is the only place that has all of what could not be read.
func TestNotificationThatCanNotBeReadStaysInItsAnnotation(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	w.receiveDispute(w.announceDispute("DISPUTE_CREATED", worldStart.Add(-time.Hour), map[string]any{"disputeAmount": "odd"}))
	for i := range 40 {
		w.receiveDispute(w.announceDispute("DEFENSE_DUE_ALERT", worldStart.Add(time.Duration(i)*time.Minute), map[string]any{"arn": fmt.Sprint(i)}))
		if len(envelopes(w.dispute())) == 32 || i == 39 {
			w.must(w.reconcileDispute())
		}
	}
	kept := slices.ContainsFunc(envelopes(w.dispute()), func(name string) bool { return strings.Contains(w.dispute().Annotations[name], `\"odd\"`) })
	if !w.dispute().Status.History[0].Unreadable || !kept || len(envelopes(w.dispute())) > storedAtMost {
		t.Errorf("history begins with %+v, kept = %t, %d annotations", w.dispute().Status.History[0], kept, len(envelopes(w.dispute())))
	}
}

func TestLatestTimeToDecideCounts(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	latest := w.dispute().Status.DefenseDueTime.Add(48 * time.Hour)
	for i, due := range []time.Time{latest, latest.Add(-24 * time.Hour)} { // the later announcement names an earlier time
		w.receiveDispute(w.announceDispute("DEFENSE_DUE_ALERT", w.clock.Now(), map[string]any{
			"defenseDueTime": due.Format(time.RFC3339), "disputeTime": w.clock.Now().Add(time.Duration(i) * time.Hour).Format(time.RFC3339),
		}))
	}
	if got := w.listen().DefenseDueTime; !got.Time.Equal(latest) {
		t.Errorf("due %s, want %s", got, latest)
	}
}

func fieldOf(t *testing.T, text, name string) string {
	t.Helper()
	value, ok := fieldsOf(text)[name].(string)
	if !ok {
		t.Fatalf("no %s in %s", name, text)
	}
	return value
}

func TestStatusIsMadeAgainOutOfWhatIsStored(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{})
	defer w.close()
	if err := w.simulator.JudgeDispute(w.id, "ACCEPT_BY_MERCHANT", simulator.Money{}); err != nil {
		t.Fatal(err)
	}
	w.receiveDispute(w.announceProposal(worldStart, w.clock.Now(), nil))
	want := withoutOrder(w.pass(time.Minute))
	if want.DefenseProposal == nil {
		t.Fatal("no proposal is shown")
	}
	restored := w.dispute().DeepCopy() // as from a backup, which has no status
	w.store.remove(w.dispute())
	restored.Status = apiv1.DisputeStatus{}
	w.store.create(restored)
	if diff := gocmp.Diff(want, withoutOrder(w.listen())); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestDeadlineIsToldOnceAtEachMark(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{Type: "COMPLIANCE_REQUEST", DefenseTime: 100 * time.Hour})
	defer w.close()
	counted := func() (sum float64) {
		for _, warning := range warnings {
			sum += metricValue(t, dueWarnings.WithLabelValues(warning.label))
		}
		return sum
	}
	before, due := counted(), w.dispute().Status.DefenseDueTime.Time
	told := func() (reasons []string) {
		for _, said := range w.events.said {
			if strings.Contains(said, "DueWithin") {
				reasons = append(reasons, strings.Fields(said)[1])
			}
		}
		return reasons
	}
	for _, mark := range []struct {
		left   time.Duration
		reason string
		count  int
		window string
	}{
		{90 * time.Hour, "", 0, "later"}, {72*time.Hour + time.Second, "", 0, "later"}, {72 * time.Hour, apiv1.DueWithin72HoursReason, 1, "72h"},
		{25 * time.Hour, apiv1.DueWithin72HoursReason, 1, "72h"}, {24 * time.Hour, apiv1.DueWithin24HoursReason, 2, "24h"},
		{6*time.Hour + time.Second, apiv1.DueWithin24HoursReason, 2, "24h"}, {5 * time.Hour, apiv1.DueWithin6HoursReason, 3, "6h"},
		{time.Second, apiv1.DueWithin6HoursReason, 3, "6h"}, {0, "", 3, ""},
	} {
		w.advance(due.Sub(w.clock.Now()) - mark.left)
		for range 2 {
			result := w.must(w.reconcileDispute())
			if mark.left > 0 && (result.RequeueAfter <= 0 || result.RequeueAfter > mark.left) {
				t.Errorf("with %s left, it is looked at again after %s", mark.left, result.RequeueAfter)
			}
			w.restart()
		}
		condition := meta.FindStatusCondition(w.dispute().Status.Conditions, apiv1.DefenseDueCondition)
		if (condition == nil) != (mark.reason == "") || condition != nil && condition.Reason != mark.reason {
			t.Errorf("with %s left, condition = %+v, want %q", mark.left, condition, mark.reason)
		}
		if got := len(told()); got != mark.count || counted()-before != float64(mark.count) {
			t.Errorf("with %s left, %d events %q and %v counted, want %d", mark.left, got, told(), counted()-before, mark.count)
		}
		if got := openDisputes.window[requestFor(disputeName).NamespacedName]; got != mark.window {
			t.Errorf("with %s left, the gauge has it at %q, want %q", mark.left, got, mark.window)
		}
	}
	w.expectState(apiv1.DisputeExpired, apiv1.DefenseTimeOverReason)
}

// A process that ends between the status and the event takes the event along. The condition and the gauge, by which people are alerted, stay true.
func TestDeadlineIsKnownToAProcessThatComesAfterACrash(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{DefenseTime: 100 * time.Hour})
	defer w.close()
	due := w.dispute().Status.DefenseDueTime.Time
	for i, mark := range []time.Duration{72 * time.Hour, 24 * time.Hour, 6 * time.Hour} {
		for _, how := range []writeFault{writeUnheardOf, writeLost} {
			w.advance(due.Sub(w.clock.Now()) - mark)
			mark -= time.Minute
			w.failWriteNumber(1, how)
			_, _ = w.reconcileDispute()
			w.store.failWrite = nil
			w.restart()
			openDisputes.drop(requestFor(disputeName).NamespacedName) // which was in the memory of the process that ended
			result := w.must(w.reconcileDispute())
			condition := meta.FindStatusCondition(w.dispute().Status.Conditions, apiv1.DefenseDueCondition)
			if condition == nil || condition.Reason != warnings[i].reason || openDisputes.count(warnings[i].label) == 0 {
				t.Errorf("%s before the end condition = %+v, the gauge has %v; want %s in both", mark, condition, openDisputes.window, warnings[i].reason)
			}
			if result.RequeueAfter <= 0 || result.RequeueAfter > mark+time.Minute {
				t.Errorf("%s before the end it is looked at again after %s", mark, result.RequeueAfter)
			}
		}
	}
}

func TestOutcomeIsKnownToAProcessThatComesAfterACrash(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{Payment: "order"})
	defer w.close()
	if err := w.simulator.JudgeDispute(w.id, "ACCEPT_BY_MERCHANT", simulator.Money{}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	all := w.announced()
	w.receiveDispute(all[len(all)-1])
	w.failWriteNumber(1, writeUnheardOf)
	_, _ = w.reconcileDispute()
	w.store.failWrite = nil
	w.restart()
	openDisputes.drop(requestFor(disputeName).NamespacedName)
	w.must(w.reconcileDispute())
	st := w.dispute().Status
	if st.Outcome != apiv1.DisputeLost || !meta.IsStatusConditionTrue(st.Conditions, apiv1.ResolvedCondition) || openDisputes.window[requestFor(disputeName).NamespacedName] != "" {
		t.Errorf("outcome = %s, conditions = %+v, the gauge has it at %q; want Lost, Resolved, none", st.Outcome, st.Conditions, openDisputes.window)
	}
}

func TestNobodyIsWarnedOnceSomebodyHasDecided(t *testing.T) {
	w := newDisputeWorld(t, simulator.DisputeInput{DefenseTime: 100 * time.Hour})
	defer w.close()
	w.respond(w.defending(pdf))
	w.must(w.reconcileDispute())
	w.pass(98 * time.Hour)
	if got := w.events.count("DueWithin"); got != 0 {
		t.Errorf("%d warnings: %q", got, w.events.said)
	}
}
