package controllers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// statuses are the conditions without what changes from run to run.
func statuses(conditions []metav1.Condition) map[string]metav1.ConditionStatus {
	found := map[string]metav1.ConditionStatus{}
	for _, condition := range conditions {
		found[condition.Type] = condition.Status
	}
	return found
}

func TestConditionsAreReadByCommonTools(t *testing.T) {
	tests := []struct {
		name string
		told report
		want map[string]metav1.ConditionStatus
	}{
		{
			"what is reached", report{verdict: ready, succeeded: metav1.ConditionTrue, reason: apiv1.PaidReason},
			map[string]metav1.ConditionStatus{apiv1.ReadyCondition: "True", apiv1.SucceededCondition: "True"},
		},
		{
			"what goes on", report{verdict: progressing, succeeded: metav1.ConditionUnknown, reason: apiv1.AwaitingBuyerReason},
			map[string]metav1.ConditionStatus{apiv1.ReadyCondition: "False", apiv1.SucceededCondition: "Unknown", apiv1.ReconcilingCondition: "True"},
		},
		{
			"what needs a person", report{verdict: stalled, succeeded: metav1.ConditionFalse, reason: "RISK_REJECT"},
			map[string]metav1.ConditionStatus{apiv1.ReadyCondition: "False", apiv1.SucceededCondition: "False", apiv1.StalledCondition: "True"},
		},
		{
			"what nobody knows", report{verdict: progressing, succeeded: metav1.ConditionUnknown, reason: apiv1.OutcomeUnknownReason, unknown: true},
			map[string]metav1.ConditionStatus{
				apiv1.ReadyCondition: "False", apiv1.SucceededCondition: "Unknown", apiv1.ReconcilingCondition: "True", apiv1.OutcomeUnknownCondition: "True",
			},
		},
		{
			"what moves nothing", report{verdict: ready, reason: apiv1.VerifiedReason},
			map[string]metav1.ConditionStatus{apiv1.ReadyCondition: "True"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, before := range tests { // whatever was said before
				var conditions []metav1.Condition
				if tt.told.succeeded != "" {
					before.told.conditions(&conditions, 1)
				}
				tt.told.conditions(&conditions, 2)
				if diff := cmp.Diff(tt.want, statuses(conditions)); diff != "" {
					t.Errorf("conditions after %s (-want +got):\n%s", before.name, diff)
				}
				for _, condition := range conditions {
					if condition.ObservedGeneration != 2 || condition.Reason != tt.told.reason {
						t.Errorf("%s has reason %s of generation %d, want %s of 2", condition.Type, condition.Reason, condition.ObservedGeneration, tt.told.reason)
					}
				}
			}
		})
	}
}

func TestOddCodesDoNotBecomeReasons(t *testing.T) {
	tests := []struct {
		code string
		want string
	}{
		{"RISK_REJECT", "RISK_REJECT"},
		{"F2", "F2"},
		{"", apiv1.GatewayRefusedReason},
		{"weird code!", apiv1.GatewayRefusedReason},
		{"1_NUMBER_FIRST", apiv1.GatewayRefusedReason},
		{"ENDS_WITH_COMMA,", apiv1.GatewayRefusedReason},
		{"TWO\nLINES", apiv1.GatewayRefusedReason},
		{"ENDS_WITH_NEWLINE\n", apiv1.GatewayRefusedReason},
		{"ÜBER", apiv1.GatewayRefusedReason},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			if got := reasonFor(tt.code); got != tt.want {
				t.Errorf("reason = %s, want %s", got, tt.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		code := cut(rapid.String().Draw(t, "code"), 64)
		if got := reasonFor(code); len(got) > 1024 || strings.ContainsAny(got, " \n") || !conditionReason.MatchString(got) {
			t.Fatalf("reason = %q", got)
		}
	})
}

func TestReportOfAnObjectThatGoesRepeatsWhatWasSaid(t *testing.T) {
	var conditions []metav1.Condition
	before := report{state: "Unknown", verdict: progressing, succeeded: metav1.ConditionUnknown, unknown: true, reason: apiv1.OutcomeUnknownReason, message: "lost"}
	before.conditions(&conditions, 1)
	got := reportFrom("Unknown", conditions)
	if !got.unknown || got.reason != before.reason || got.message != before.message || got.state != before.state {
		t.Errorf("report = %+v, want %+v", got, before)
	}
	meta.RemoveStatusCondition(&conditions, apiv1.OutcomeUnknownCondition)
	if reportFrom("Unknown", conditions).unknown {
		t.Error("the outcome is unknown without its condition")
	}
}

func TestOnlySubmittingAndCancellingMoveMoney(t *testing.T) {
	tests := []struct {
		do             action
		moves, reaches bool
	}{
		{actRest, false, false}, {actWait, false, false}, {actExpire, false, false}, {actRelease, false, false},
		{actSettleFailed, false, false}, {actSettleCancelled, false, false}, {actWithdrawCancel, false, false},
		{actRecordIntent, false, true}, {actRecordCancel, false, true}, {actReserve, false, true},
		{actInquire, false, true}, {actInquireFormer, false, true}, {actInquireOrphan, false, true},
		{actSubmit, true, true}, {actCancel, true, true},
	}
	for _, tt := range tests {
		t.Run(string(tt.do), func(t *testing.T) {
			if got := tt.do.movesMoney(); got != tt.moves {
				t.Errorf("moves money = %t, want %t", got, tt.moves)
			}
			if got := tt.do.needsGateway(); got != tt.reaches {
				t.Errorf("needs the gateway = %t, want %t", got, tt.reaches)
			}
		})
	}
}
