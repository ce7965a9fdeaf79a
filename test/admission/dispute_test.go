package admission

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestCreatingDisputes(t *testing.T) {
	testCreations(t, "Dispute", disputeCreations)
}

func TestChangingDisputes(t *testing.T) {
	testChanges(t, "Dispute", disputeChanges)
}

const (
	oneEvidence  = "action Defend needs the evidence: set either evidenceSecretRef or evidenceConfigMapRef; action Accept takes none"
	responseSent = "response was sent and can not be changed or taken back"
)

// sentResponse is the status of a dispute whose answer is on record.
const sentResponse = `response: {action: Accept, result: Unanswered, intent: {attempt: 1, submittedAt: "2099-01-12T10:00:00Z", requestSHA256: x, merchantAccount: a, clientId: c}}`

var disputeCreations = slices.Concat([]creation{
	{name: "a dispute without an answer is accepted"},
	{name: "an acceptance is accepted", patch: `spec: {response: {action: Accept}}`},
	{name: "a defence with a Secret is accepted", patch: `spec: {response: {action: Defend, evidenceSecretRef: {name: file}}}`},
	{name: "a defence with a ConfigMap is accepted", patch: `spec: {response: {action: Defend, evidenceConfigMapRef: {name: file, key: form.pdf}}}`},
	{name: "every field at its most is accepted", patch: `spec: {disputeId: ` + long(128) + `, merchantAccountRef: {name: ` + long(253) + `},
		response: {action: Defend, attempt: 99, evidenceSecretRef: {name: ` + long(253) + `, key: ` + long(253) + `}}}`},

	{name: "a dispute without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "a dispute without its id is refused", patch: `spec: {disputeId: null}`, field: "spec.disputeId", want: "Required value"},
	{name: "a dispute with an empty id is refused", patch: `spec: {disputeId: ""}`, field: "spec.disputeId", want: "should be at least 1 chars long"},
	{name: "an id of 129 characters is refused", patch: `spec: {disputeId: ` + long(129) + `}`, field: "spec.disputeId", want: "may not be more than 128"},
	{name: "a dispute without account is refused", patch: `spec: {merchantAccountRef: null}`, field: "spec.merchantAccountRef", want: "Required value"},

	{name: "an answer without action is refused", patch: `spec: {response: {attempt: 1}}`, field: "spec.response.action", want: "Required value"},
	{
		name: "an answer of another kind is refused", patch: `spec: {response: {action: Ignore}}`,
		field: "spec.response.action", want: `supported values: "Accept", "Defend"`,
	},
	{name: "a defence without evidence is refused", patch: `spec: {response: {action: Defend}}`, field: "spec.response", want: oneEvidence},
	{
		name: "a defence with two files is refused", patch: `spec: {response: {action: Defend, evidenceSecretRef: {name: a}, evidenceConfigMapRef: {name: b}}}`,
		field: "spec.response", want: oneEvidence,
	},
	{
		name: "an acceptance with evidence in a Secret is refused", patch: `spec: {response: {action: Accept, evidenceSecretRef: {name: a}}}`,
		field: "spec.response", want: oneEvidence,
	},
	{
		name: "an acceptance with evidence in a ConfigMap is refused", patch: `spec: {response: {action: Accept, evidenceConfigMapRef: {name: a}}}`,
		field: "spec.response", want: oneEvidence,
	},
	{
		name: "attempt 0 is refused", patch: `spec: {response: {action: Accept, attempt: 0}}`,
		field: "spec.response.attempt", want: "should be greater than or equal to 1",
	},
	{
		name: "attempt 100 is refused", patch: `spec: {response: {action: Accept, attempt: 100}}`,
		field: "spec.response.attempt", want: "should be less than or equal to 99",
	},
},
	referenceCreations("spec.merchantAccountRef.name", `spec: {merchantAccountRef: {name: %s}}`),
	evidenceCreations("evidenceSecretRef"),
	evidenceCreations("evidenceConfigMapRef"),
)

// referenceCreations are references whose names are missing, empty or too long.
func referenceCreations(field, patch string) []creation {
	return []creation{
		{name: field + " that is missing is refused", patch: fmt.Sprintf(patch, "null"), field: field, want: "Required value"},
		{name: field + " that is empty is refused", patch: fmt.Sprintf(patch, `""`), field: field, want: "should be at least 1 chars long"},
		{name: field + " of 254 characters is refused", patch: fmt.Sprintf(patch, long(254)), field: field, want: "may not be more than 253"},
	}
}

// evidenceCreations are references to evidence that name nothing.
func evidenceCreations(ref string) []creation {
	field := "spec.response." + ref
	keys := referenceCreations(field+".key", `spec: {response: {action: Defend, `+ref+`: {name: file, key: %s}}}`)
	return slices.Concat(referenceCreations(field+".name", `spec: {response: {action: Defend, `+ref+`: {name: %s, key: file}}}`), keys[1:])
}

var disputeChanges = slices.Concat(
	[]change{
		{name: "an answer can be added", patch: `spec: {response: {action: Accept}}`},
		{
			name: "an answer can be changed before it is sent", before: `spec: {response: {action: Accept}}`, status: `state: Open`,
			patch: `spec: {response: {action: Defend, evidenceSecretRef: {name: file}}}`,
		},
		{name: "an answer can be taken back before it is sent", before: `spec: {response: {action: Accept}}`, status: `state: Open`, patch: `spec: {response: null}`},
		{
			name: "an answer can not be changed once it is sent", before: `spec: {response: {action: Accept}}`, status: sentResponse + "\nstate: Accepting",
			patch: `spec: {response: {action: Defend, evidenceSecretRef: {name: file}}}`, field: "spec.response", want: responseSent,
		},
		{
			name: "an answer can not be taken back once it is sent", before: `spec: {response: {action: Accept}}`, status: sentResponse + "\nstate: Accepted",
			patch: `spec: {response: null}`, field: "spec.response", want: responseSent,
		},
		{
			name: "the evidence can not be named otherwise once it is sent", before: `spec: {response: {action: Defend, evidenceSecretRef: {name: file}}}`,
			status: sentResponse + "\nstate: DefenseSupplied", patch: `spec: {response: {evidenceSecretRef: {name: other}}}`, field: "spec.response", want: responseSent,
		},
		{
			name: "attempt can not be raised while the gateway has the answer", before: `spec: {response: {action: Accept}}`,
			status: sentResponse + "\nstate: Accepted", patch: `spec: {response: {attempt: 2}}`, field: "spec.response", want: responseSent,
		},
		{
			name: "another answer is possible once the dispute is open again", before: `spec: {response: {action: Accept}}`,
			status: sentResponse + "\nstate: Open", patch: `spec: {response: {action: Defend, attempt: 2, evidenceSecretRef: {name: other}}}`,
		},
		{
			name: "another answer needs an attempt of its own", before: `spec: {response: {action: Accept}}`,
			status: sentResponse + "\nstate: Open", patch: `spec: {response: {action: Defend, evidenceSecretRef: {name: other}}}`,
			field: "spec.response", want: responseSent,
		},
		{
			name: "attempt can not be raised by two", before: `spec: {response: {action: Accept}}`,
			status: sentResponse + "\nstate: Open", patch: `spec: {response: {attempt: 3}}`, field: "spec.response", want: responseSent,
		},
		{
			name: "labels can be changed once it is sent", before: `spec: {response: {action: Accept}}`,
			status: sentResponse + "\nstate: Accepted", patch: `metadata: {labels: {team: risk}}`,
		},
	},
	immutable("disputeId", "one", "other", "", "disputeId is immutable, as another id is another dispute", false),
	immutable("merchantAccountRef", "{name: one}", "{name: other}", "", "merchantAccountRef is immutable", false),
)

func TestFullDisputeStatusIsStored(t *testing.T) {
	dispute := &apiv1.Dispute{}
	createTyped(t, "Dispute", `spec: {response: {action: Accept}}`, dispute)
	amount := &apiv1.DisputeAmount{Currency: "NEWMONEY", Value: long(32)}
	facts := apiv1.DisputeFacts{
		DisputeType: long(64), PaymentID: long(64), PaymentRequestID: long(64), CaptureID: long(64), ARN: long(64), DisputeTime: ptr.To(then),
		DisputeAmount: amount, DisputeReasonCode: long(64), DisputeReasonMsg: long(256), DisputeSource: long(64), Defendable: ptr.To(false),
		DefenseDueTime: ptr.To(then), AutoDefendReason: long(256), DisputeAcceptReason: long(64), DisputeAcceptTime: ptr.To(then),
		DisputeJudgedResult: long(64), DisputeJudgedTime: ptr.To(then), DisputeJudgedAmount: amount,
	}
	var history []apiv1.DisputeNotification
	for i := range 100 {
		hash := []byte(long(64))
		hash[0], hash[1] = byte('a'+i/26), byte('a'+i%26)
		history = append(history, apiv1.DisputeNotification{
			Type: long(64), SHA256: string(hash), NotifyTime: ptr.To(then), SentTime: ptr.To(then), Unreadable: true, DisputeFacts: facts,
		})
	}
	proposal := &apiv1.DefenseProposal{
		NotifyTime: then, FileName: long(256), FileFormat: long(64), FileMD5: long(64), WinRateLevel: long(64),
		RecommendedEvidence: map[string]string{}, SuggestionsForImprovement: long(2048),
	}
	for i := range 32 {
		proposal.RecommendedEvidence[fmt.Sprint(long(126), i)] = long(512)
	}
	status := apiv1.DisputeStatus{
		Conditions: []metav1.Condition{
			condition(apiv1.ReadyCondition, metav1.ConditionFalse, apiv1.AwaitingDecisionReason),
			condition(apiv1.DefenseDueCondition, metav1.ConditionTrue, apiv1.DueWithin6HoursReason),
		},
		ObservedGeneration: 1, State: "A_STATE_OF_LATER", Outcome: "AN_OUTCOME_OF_LATER", FormerOutcome: "AN_OUTCOME_OF_LATER", Payment: long(253),
		DisputeFacts: facts, DefenseProposal: proposal, LastResult: result(), History: history,
		Response: &apiv1.DisputeResponseStatus{
			Action: "AN_ACTION_OF_LATER", Intent: *intent(), Result: "A_RESULT_OF_LATER", UnclearTime: ptr.To(then), DisputeResolutionTime: ptr.To(then), AnswersJudgement: long(64),
			EvidenceSHA256: long(64), EvidenceFormat: long(16), EvidenceBytes: 750_000,
		},
	}
	checkFull(t, status)
	checkFull(t, facts)
	checkFull(t, history[0])
	checkFull(t, *status.Response)
	checkFull(t, *proposal)
	before := dispute.DeepCopy()
	dispute.Status = status
	patchStatus(t, dispute, before)
	if !equality.Semantic.DeepEqual(dispute.Status, status) {
		t.Errorf("stored status is\n%+v\nwant\n%+v", dispute.Status, status)
	}
}
