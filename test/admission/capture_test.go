package admission

import (
	"fmt"
	"slices"
	"testing"
)

func TestCreatingCaptures(t *testing.T) {
	testCreations(t, "Capture", captureCreations)
}

func TestChangingCaptures(t *testing.T) {
	testChanges(t, "Capture", captureChanges)
}

const (
	captureIDForm   = "captureRequestId must be 1 to 64 letters, digits or underscores: shorten it, or omit it to have one derived"
	oneCaptureID    = "attempt can not be raised with an explicit captureRequestId, which names one attempt: create a new Capture with a new captureRequestId instead"
	captureAttempts = "wait until status.state is Failed"
)

var captureCreations = slices.Concat([]creation{
	{name: "a capture of a part is accepted"},
	{name: "a capture of all that is authorised is accepted", patch: `spec: {amount: null}`},
	{name: "the last capture is accepted", patch: `spec: {isLastCapture: true}`},
	{name: "a capture that is expressly not the last is accepted", patch: `spec: {isLastCapture: false}`},

	{name: "every field at its least is accepted", patch: `spec: {
		captureRequestId: r, attempt: 1, amount: {currency: HKD, value: "1"}, additionalFields: {}, ttlSecondsAfterFinished: 0}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		paymentRef: {name: %s}, attempt: 99, amount: {currency: HKD, value: "9999999999999999"},
		isLastCapture: true, suspend: true, ttlSecondsAfterFinished: 2147483647}`, long(253))},

	{name: "a capture without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "a capture without payment is refused", patch: `spec: {paymentRef: null}`, field: "spec.paymentRef", want: "Required value"},
	{name: "a reference without a name is refused", patch: `spec: {paymentRef: {name: null}}`, field: "spec.paymentRef.name", want: "Required value"},
	{name: "a reference with an empty name is refused", patch: `spec: {paymentRef: {name: ""}}`, field: "spec.paymentRef.name", want: "should be at least 1 chars long"},
	{
		name: "a reference with a name of 254 characters is refused", patch: `spec: {paymentRef: {name: ` + long(254) + `}}`,
		field: "spec.paymentRef.name", want: "may not be more than 253",
	},

	{
		name: "a negative time to live is refused", patch: `spec: {ttlSecondsAfterFinished: -1}`,
		field: "spec.ttlSecondsAfterFinished", want: "should be greater than or equal to 0",
	},
	{name: "additional fields that are no object are refused", patch: `spec: {additionalFields: [a]}`, field: "spec.additionalFields", want: "must be of type object"},
},
	amountCreations("spec.amount", `spec: {amount: {currency: %s, value: %s}}`),
	requestIDCreations("captureRequestId", captureIDForm),
	attemptCreations("captureRequestId", oneCaptureID),
)

var captureChanges = slices.Concat(
	[]change{
		{name: "suspend and the time to live can be changed", patch: `spec: {suspend: true, ttlSecondsAfterFinished: 60}`},
		{name: "suspend and the time to live can be removed", before: `spec: {suspend: true, ttlSecondsAfterFinished: 60}`, patch: `spec: {suspend: null, ttlSecondsAfterFinished: null}`},
		{
			name: "all that is authorised can not become a part", before: `spec: {amount: null}`, patch: `spec: {amount: {currency: HKD, value: "1"}}`,
			field: "spec.amount", want: "amount is immutable: create a new Capture instead",
		},
	},
	immutable("paymentRef", "{name: one}", "{name: other}", "", "paymentRef is immutable: create a new Capture instead", false),
	immutable("captureRequestId", "one", "other", "", "captureRequestId is immutable, as another id collects money again: create a new Capture instead", true),
	immutable("amount", `{currency: HKD, value: "1"}`, `{currency: HKD, value: "2"}`, "", "amount is immutable: create a new Capture instead", false),
	immutable("isLastCapture", "true", "false", "", "isLastCapture is immutable: create a new Capture instead", true),
	attemptChanges(captureAttempts, []string{"Failed"}, []string{"", "Pending", "Submitting", "Processing", "Unknown", "Captured", "Blocked"}),
	[]change{{
		name: "the attempt of a capture with an id of its own can not be raised", before: `spec: {captureRequestId: mine}`, state: "Failed",
		patch: `spec: {attempt: 2}`, field: "spec.attempt", want: oneCaptureID,
	}},
)
