package admission

import (
	"fmt"
	"slices"
	"testing"
)

func TestCreatingRefunds(t *testing.T) {
	testCreations(t, "Refund", refundCreations)
}

func TestChangingRefunds(t *testing.T) {
	testChanges(t, "Refund", refundChanges)
}

const (
	eitherSum      = "set either amount, for a part, or full: true, for the whole payment"
	refundIDForm   = "refundRequestId must be 1 to 64 letters, digits or underscores: shorten it, or omit it to have one derived"
	oneRefundID    = "attempt can not be raised with an explicit refundRequestId, which names one attempt: create a new Refund with a new refundRequestId instead"
	refundAttempts = "wait until status.state is Failed"
)

var refundCreations = slices.Concat([]creation{
	{name: "a refund of a part is accepted"},
	{name: "a refund of the whole payment is accepted", patch: `spec: {amount: null, full: true}`},
	{name: "a refund that is expressly not full is accepted", patch: `spec: {full: false}`},
	{name: "a refund of a part and of the whole is refused", patch: `spec: {full: true}`, field: "spec", want: eitherSum},
	{name: "a refund of neither a part nor the whole is refused", patch: `spec: {amount: null}`, field: "spec", want: eitherSum},
	{name: "a refund that says not full and no amount is refused", patch: `spec: {amount: null, full: false}`, field: "spec", want: eitherSum},

	{name: "every field at its least is accepted", patch: `spec: {
		refundRequestId: r, attempt: 1, amount: {currency: HKD, value: "1"}, reason: r, referenceRefundId: r, additionalFields: {}, ttlSecondsAfterFinished: 0}`},
	{name: "every field at its most is accepted", patch: fmt.Sprintf(`spec: {
		paymentRef: {name: %s}, attempt: 99, amount: {currency: HKD, value: "9999999999999999"}, reason: %s, referenceRefundId: %s,
		suspend: true, ttlSecondsAfterFinished: 2147483647}`, long(253), long(256), long(64))},

	{name: "a refund without spec is refused", patch: `spec: null`, field: "spec", want: "Required value"},
	{name: "a refund without payment is refused", patch: `spec: {paymentRef: null}`, field: "spec.paymentRef", want: "Required value"},
	{name: "a reference without a name is refused", patch: `spec: {paymentRef: {name: null}}`, field: "spec.paymentRef.name", want: "Required value"},
	{name: "a reference with an empty name is refused", patch: `spec: {paymentRef: {name: ""}}`, field: "spec.paymentRef.name", want: "should be at least 1 chars long"},
	{
		name: "a reference with a name of 254 characters is refused", patch: `spec: {paymentRef: {name: ` + long(254) + `}}`,
		field: "spec.paymentRef.name", want: "may not be more than 253",
	},

	{name: "a refund of one capture is accepted", patch: `spec: {captureRef: {name: parcel-1}}`},
	{name: "all of one capture is accepted", patch: `spec: {amount: null, full: true, captureRef: {name: ` + long(253) + `}}`},
	{name: "a capture without a name is refused", patch: `spec: {captureRef: {}}`, field: "spec.captureRef.name", want: "Required value"},
	{name: "a capture with an empty name is refused", patch: `spec: {captureRef: {name: ""}}`, field: "spec.captureRef.name", want: "should be at least 1 chars long"},
	{
		name: "a capture with a name of 254 characters is refused", patch: `spec: {captureRef: {name: ` + long(254) + `}}`,
		field: "spec.captureRef.name", want: "may not be more than 253",
	},

	{name: "an empty reason is refused", patch: `spec: {reason: ""}`, field: "spec.reason", want: "should be at least 1 chars long"},
	{name: "a reason of 257 characters is refused", patch: `spec: {reason: ` + long(257) + `}`, field: "spec.reason", want: "may not be more than 256"},
	{name: "an empty refund number is refused", patch: `spec: {referenceRefundId: ""}`, field: "spec.referenceRefundId", want: "should be at least 1 chars long"},
	{
		name: "a refund number of 65 characters is refused", patch: `spec: {referenceRefundId: ` + long(65) + `}`,
		field: "spec.referenceRefundId", want: "may not be more than 64",
	},
	{
		name: "a negative time to live is refused", patch: `spec: {ttlSecondsAfterFinished: -1}`,
		field: "spec.ttlSecondsAfterFinished", want: "should be greater than or equal to 0",
	},
	{name: "additional fields that are no object are refused", patch: `spec: {additionalFields: [a]}`, field: "spec.additionalFields", want: "must be of type object"},
},
	amountCreations("spec.amount", `spec: {amount: {currency: %s, value: %s}}`),
	requestIDCreations("refundRequestId", refundIDForm),
	attemptCreations("refundRequestId", oneRefundID),
)

var refundChanges = slices.Concat(
	[]change{
		{name: "suspend and the time to live can be changed", patch: `spec: {suspend: true, ttlSecondsAfterFinished: 60}`},
		{name: "suspend and the time to live can be removed", before: `spec: {suspend: true, ttlSecondsAfterFinished: 60}`, patch: `spec: {suspend: null, ttlSecondsAfterFinished: null}`},
		{name: "an express not full can be left out", before: `spec: {full: false}`, patch: `spec: {full: null}`},
		{name: "an express not full can be added", patch: `spec: {full: false}`},
		{
			name: "a part can not become the whole", patch: `spec: {amount: null, full: true}`,
			field: "spec.full", want: "full is immutable: create a new Refund instead",
		},
		{
			name: "the whole can not become a part", before: `spec: {amount: null, full: true}`,
			patch: `spec: {amount: {currency: HKD, value: "1"}, full: null}`,
			field: "spec.amount", want: "amount is immutable: create a new Refund instead",
		},
	},
	immutable("paymentRef", "{name: one}", "{name: other}", "", "paymentRef is immutable: create a new Refund instead", false),
	immutable("refundRequestId", "one", "other", "", "refundRequestId is immutable, as another id gives money back again: create a new Refund instead", true),
	immutable("amount", `{currency: HKD, value: "1"}`, `{currency: HKD, value: "2"}`, "", "amount is immutable: create a new Refund instead", false),
	immutable("captureRef", "{name: one}", "{name: other}", "", "captureRef is immutable: create a new Refund instead", true),
	immutable("reason", "one", "other", "", "reason is immutable: create a new Refund instead", true),
	immutable("referenceRefundId", "one", "other", "", "referenceRefundId is immutable: create a new Refund instead", true),
	attemptChanges(refundAttempts, []string{"Failed"}, []string{"", "Pending", "Submitting", "Processing", "Unknown", "Refunded", "Blocked"}),
	[]change{{
		name: "the attempt of a refund with an id of its own can not be raised", before: `spec: {refundRequestId: mine}`, state: "Failed",
		patch: `spec: {attempt: 2}`, field: "spec.attempt", want: oneRefundID,
	}},
)
