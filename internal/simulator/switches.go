package simulator

import (
	"fmt"
	"net/http"
	"slices"
)

// TransactionsForm is how inquiryPayment lists captures and refunds.
type TransactionsForm string

const (
	// TransactionsListed lists them, and leaves the field out where there are none.
	TransactionsListed TransactionsForm = "listed"
	// TransactionsNullWhenEmpty lists them, and says null where there are none.
	TransactionsNullWhenEmpty TransactionsForm = "nullWhenEmpty"
	// TransactionsNull always says null: only notifications tell of captures and refunds.
	TransactionsNull TransactionsForm = "null"
	// TransactionsAbsent always leaves the field out.
	TransactionsAbsent TransactionsForm = "absent"
)

// SessionRepeat is what a second createPaymentSession with one paymentRequestId does.
type SessionRepeat string

const (
	// SessionSame answers the same session while it lives or once it was submitted.
	SessionSame SessionRepeat = "same"
	// SessionNew answers a new session each time. All of them belong to one payment, which is paid once.
	SessionNew SessionRepeat = "new"
	// SessionRefused answers REPEAT_REQ_INCONSISTENT, also once the session has expired.
	SessionRefused SessionRepeat = "refused"
)

// SessionInquiry is what inquiryPayment answers for a session that may still be submitted.
type SessionInquiry string

const (
	// SessionUnknown is F ORDER_NOT_EXIST.
	SessionUnknown SessionInquiry = "ORDER_NOT_EXIST"
	// SessionInProcess is U PAYMENT_IN_PROCESS, which the page lists among the codes of the call.
	SessionInProcess SessionInquiry = "PAYMENT_IN_PROCESS"
)

// Switches choose between readings where the documents contradict each other or say nothing. The zero value is the default of each.
type Switches struct {
	// MultipleCaptures allows several captures of one authorisation, a matter of contract (marketplace/capture).
	MultipleCaptures bool `json:"multipleCaptures"`
	// FullCaptureOnly refuses a capture of less than the authorised amount with PARAM_ILLEGAL: the total captured must equal it
	// (cashierpay/capture). Otherwise it may be less (ams/capture).
	FullCaptureOnly bool `json:"fullCaptureOnly"`
	// ReleaseRest lets what a capture leaves go back to the buyer at once. Otherwise it is held until a capture with isLastCapture, or
	// until the authorisation ends. No page says which.
	ReleaseRest bool `json:"releaseRest"`
	// PayAfterCancel lets a buyer finish once after an unpaid order was cancelled. notifyPayment tells of the success, paymentStatus stays
	// CANCELLED, and the gateway returns the money at once (cashierpay/cancel).
	PayAfterCancel bool `json:"payAfterCancel"`
	// PayAfterExpiry lets a buyer finish once after the order has closed. The gateway returns the money at once (cashierpay/apm_api),
	// paymentStatus stays FAIL, and nothing is notified.
	PayAfterExpiry bool `json:"payAfterExpiry"`
	// Transactions is TransactionsListed when empty.
	Transactions TransactionsForm `json:"transactions"`
	// NoTransactionTime leaves transactionTime out (ams/paymentri_online: it may be missing).
	NoTransactionTime bool `json:"noTransactionTime"`
	// MisspeltTransactionType writes transationType, as a sample of cashierpay/capture does.
	MisspeltTransactionType bool `json:"misspeltTransactionType"`
	// SessionRepeat is SessionSame when empty.
	SessionRepeat SessionRepeat `json:"sessionRepeat"`
	// SessionInquiry is SessionUnknown when empty.
	SessionInquiry SessionInquiry `json:"sessionInquiry"`
}

// complete puts the defaults where nothing is chosen, and refuses what is no choice.
func (s Switches) complete() (Switches, error) {
	if s.Transactions == "" {
		s.Transactions = TransactionsListed
	}
	if s.SessionRepeat == "" {
		s.SessionRepeat = SessionSame
	}
	if s.SessionInquiry == "" {
		s.SessionInquiry = SessionUnknown
	}
	switch {
	case !slices.Contains([]TransactionsForm{TransactionsListed, TransactionsNullWhenEmpty, TransactionsNull, TransactionsAbsent}, s.Transactions):
		return s, fmt.Errorf("transactions is listed, nullWhenEmpty, null or absent, not %q", s.Transactions)
	case !slices.Contains([]SessionRepeat{SessionSame, SessionNew, SessionRefused}, s.SessionRepeat):
		return s, fmt.Errorf("sessionRepeat is same, new or refused, not %q", s.SessionRepeat)
	case !slices.Contains([]SessionInquiry{SessionUnknown, SessionInProcess}, s.SessionInquiry):
		return s, fmt.Errorf("sessionInquiry is ORDER_NOT_EXIST or PAYMENT_IN_PROCESS, not %q", s.SessionInquiry)
	}
	return s, nil
}

// Switches tells how they stand.
func (s *Simulator) Switches() Switches {
	s.enter()
	defer s.mu.Unlock()
	return s.switches
}

// SetSwitches replaces them all, for what happens from now on.
func (s *Simulator) SetSwitches(switches Switches) error {
	complete, err := switches.complete()
	if err != nil {
		return fmt.Errorf("setting switches: %w", err)
	}
	s.enter()
	defer s.mu.Unlock()
	s.switches = complete
	return nil
}

// changeSwitches changes those that the body names.
func (s *Simulator) changeSwitches(w http.ResponseWriter, r *http.Request) {
	switches := s.Switches()
	if !decode(w, r, &switches) {
		return
	}
	if err := s.SetSwitches(switches); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	encode(w, s.Switches())
}
