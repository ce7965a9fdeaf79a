package simulator

import (
	"strings"
	"testing"
)

func TestCheckFindsBrokenMoney(t *testing.T) {
	payment := func(status string) Payment {
		return Payment{PaymentID: "g1", PaymentRequestID: "p1", ClientID: "5Y1", Amount: Money{"HKD", 1000}, Status: status}
	}
	entry := func(kind EntryKind, value int64, reference string) Entry {
		from := map[EntryKind]string{EntryCharge: buyerAccount, EntryAuthorise: buyerAccount}[kind]
		return Entry{Kind: kind, From: from, Amount: Money{"HKD", value}, ClientID: "5Y1", PaymentID: "g1", PaymentRequestID: "p1", Reference: reference}
	}
	refund := func(value int64, status string) []Refund {
		return []Refund{{RefundRequestID: "r1", ClientID: "5Y1", Amount: Money{"HKD", value}, Status: status}}
	}
	tests := []struct {
		name   string
		ledger Ledger
		want   string // part of the error; empty for sound
	}{
		{"a paid order", Ledger{Payments: []Payment{payment("SUCCESS")}, Entries: []Entry{entry(EntryCharge, 1000, "")}}, ""},
		{"two charges", Ledger{Payments: []Payment{payment("SUCCESS")}, Entries: []Entry{entry(EntryCharge, 500, ""), entry(EntryCharge, 500, "")}}, "charged more than once"},
		{"two payments with one id", Ledger{Payments: []Payment{payment("FAIL"), payment("FAIL")}}, "two payments"},
		{"success without money", Ledger{Payments: []Payment{payment("SUCCESS")}}, "exactly its amount"},
		{"failure with money", Ledger{Payments: []Payment{payment("FAIL")}, Entries: []Entry{entry(EntryCharge, 1000, "")}}, "no money moves"},
		{"more returned than received", Ledger{Payments: []Payment{payment("SUCCESS")}, RefundRecords: refund(1001, "SUCCESS"),
			Entries: []Entry{entry(EntryCharge, 1000, ""), entry(EntryRefund, 1001, "r1")}}, "more returned"},
		{"a refund that moved twice", Ledger{Payments: []Payment{payment("SUCCESS")}, RefundRecords: refund(100, "SUCCESS"),
			Entries: []Entry{entry(EntryCharge, 1000, ""), entry(EntryRefund, 100, "r1"), entry(EntryRefund, 100, "r1")}}, "refund r1"},
		{"a failed refund that moved", Ledger{Payments: []Payment{payment("SUCCESS")}, RefundRecords: refund(100, "FAIL"),
			Entries: []Entry{entry(EntryCharge, 1000, ""), entry(EntryRefund, 100, "r1")}}, "refund r1"},
		{"more captured than authorised", Ledger{Payments: []Payment{payment("SUCCESS")},
			Entries: []Entry{entry(EntryAuthorise, 1000, ""), entry(EntryCapture, 1001, "c1")}}, "more captured"},
		{"a cancel that kept something", Ledger{Payments: []Payment{payment("CANCELLED")}, Entries: []Entry{entry(EntryCharge, 1000, "")}}, "nothing with anyone"},
		{"an entry of no payment", Ledger{Entries: []Entry{entry(EntryCharge, 1000, "")}}, "entry"},
		{"a violation", Ledger{Violations: []string{"backwards"}}, "backwards"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.ledger.Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}
