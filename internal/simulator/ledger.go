package simulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Payment is one order as the ledger shows it. Times that have not come are zero and left out of JSON.
type Payment struct {
	PaymentID        string    `json:"paymentId"`
	PaymentRequestID string    `json:"paymentRequestId"`
	ClientID         string    `json:"clientId"`
	ReferenceOrderID string    `json:"referenceOrderId"`
	ProductCode      string    `json:"productCode"`
	Method           string    `json:"paymentMethodType"`
	Amount           Money     `json:"paymentAmount"`
	CaptureMode      string    `json:"captureMode,omitempty"` // cards only
	Status           string    `json:"paymentStatus"`
	ResultCode       string    `json:"paymentResultCode"`
	NormalURL        string    `json:"normalUrl,omitempty"`
	BuyerLeft        bool      `json:"buyerLeft,omitempty"` // and may come back while the order is open
	CreatedAt        time.Time `json:"paymentCreateTime"`
	ExpiresAt        time.Time `json:"paymentExpiryTime"`
	PaidAt           time.Time `json:"paymentTime,omitzero"`
	CancelledAt      time.Time `json:"cancelTime,omitzero"`
	AuthExpiresAt    time.Time `json:"authExpiryTime,omitzero"`
	ReturnedAt       time.Time `json:"returnTime,omitzero"` // the buyer paid after the order had ended, and got the money back
	// Inquiries counts the inquiries about it, and FinalInquiries those of them that told how it ended.
	Inquiries      int `json:"inquiries"`
	FinalInquiries int `json:"finalInquiries"`
}

// Refund is one refund. Accepted says whether its answer was not an F: only then a notification follows.
type Refund struct {
	RefundID        string    `json:"refundId"`
	RefundRequestID string    `json:"refundRequestId"`
	PaymentID       string    `json:"paymentId"`
	ClientID        string    `json:"clientId"`
	CaptureID       string    `json:"captureId,omitempty"`
	Amount          Money     `json:"refundAmount"`
	Status          string    `json:"refundStatus"`
	ResultCode      string    `json:"resultCode"`
	Accepted        bool      `json:"accepted"`
	CreatedAt       time.Time `json:"createTime"`
	SettledAt       time.Time `json:"refundTime,omitzero"`
	// Inquiries counts the inquiries about it, and FinalInquiries those of them that told how it ended.
	Inquiries      int `json:"inquiries"`
	FinalInquiries int `json:"finalInquiries"`
}

// Capture takes money on an authorised card. Automatic ones are the gateway's own.
type Capture struct {
	CaptureID        string    `json:"captureId"`
	CaptureRequestID string    `json:"captureRequestId"`
	PaymentID        string    `json:"paymentId"`
	ClientID         string    `json:"clientId"`
	Amount           Money     `json:"captureAmount"`
	Automatic        bool      `json:"automatic"`
	Last             bool      `json:"isLastCapture"`
	Status           string    `json:"captureStatus"`
	ResultCode       string    `json:"resultCode"`
	CreatedAt        time.Time `json:"createTime"`
	SettledAt        time.Time `json:"captureTime,omitzero"`
}

// Session is one createPaymentSession. PaymentID is empty until the buyer submits.
type Session struct {
	SessionID        string    `json:"paymentSessionId"`
	PaymentRequestID string    `json:"paymentRequestId"`
	ClientID         string    `json:"clientId"`
	Amount           Money     `json:"paymentAmount"`
	PaymentID        string    `json:"paymentId,omitempty"`
	NormalURL        string    `json:"normalUrl,omitempty"`
	CreatedAt        time.Time `json:"createTime"`
	ExpiresAt        time.Time `json:"paymentSessionExpiryTime"`
}

// EntryKind says why money moved.
type EntryKind string

const (
	// EntryCharge is buyer to merchant: a wallet or bank payment.
	EntryCharge EntryKind = "CHARGE"
	// EntryAuthorise is buyer to hold: a card is authorised.
	EntryAuthorise EntryKind = "AUTHORISE"
	// EntryCapture is hold to merchant.
	EntryCapture EntryKind = "CAPTURE"
	// EntryRelease is hold to buyer: an authorisation was cancelled, expired, or its rest let go.
	EntryRelease EntryKind = "RELEASE"
	// EntryRefund is merchant to buyer.
	EntryRefund EntryKind = "REFUND"
	// EntryCancel is merchant to buyer: a paid order was cancelled, which refunds it in full.
	EntryCancel EntryKind = "CANCEL"
	// EntryDispute is merchant to dispute: a chargeback freezes the disputed sum, and keeps it if it is lost.
	EntryDispute EntryKind = "DISPUTE"
	// EntryDisputeReversal is dispute to merchant: a chargeback was won, withdrawn, or lost for less.
	EntryDisputeReversal EntryKind = "DISPUTE_REVERSAL"
	// EntryRapidResolution is merchant to dispute: Visa's scheme has refunded the buyer.
	EntryRapidResolution EntryKind = "RAPID_DISPUTE_RESOLUTION"
	// EntryReturn is merchant to buyer: the gateway gives back what was paid after the order had ended.
	EntryReturn EntryKind = "RETURN"
)

const (
	buyerAccount    = "buyer"
	holdAccount     = "hold"
	merchantAccount = "merchant/" // and the client id
	disputeAccount  = "dispute"
)

// Entry is one movement of money from one account to another. There is no other way for money to move.
type Entry struct {
	Number           int       `json:"number"`
	Time             time.Time `json:"time"`
	Kind             EntryKind `json:"kind"`
	From             string    `json:"from"`
	To               string    `json:"to"`
	Amount           Money     `json:"amount"`
	ClientID         string    `json:"clientId"`
	PaymentID        string    `json:"paymentId"`
	PaymentRequestID string    `json:"paymentRequestId"`
	ReferenceOrderID string    `json:"referenceOrderId"`
	Reference        string    `json:"reference,omitempty"` // refundRequestId, captureRequestId or disputeId
}

// Ledger is a consistent copy of all the simulator knows.
type Ledger struct {
	Now           time.Time                 `json:"now"`
	Payments      []Payment                 `json:"payments"`
	RefundRecords []Refund                  `json:"refunds"`
	Captures      []Capture                 `json:"captures"`
	Sessions      []Session                 `json:"sessions"`
	Entries       []Entry                   `json:"entries"`
	APICalls      map[string]map[string]int `json:"calls"` // by operation, then result code
	Notifications []Notification            `json:"notifications"`
	// Authorizations are the consents to automatic debits, and Rates how quickly each client sent requests.
	Authorizations []Authorization `json:"authorizations"`
	Rates          map[string]Rate `json:"rates"`
	Declarations   []Declaration   `json:"declarations"`
	Disputes       []Dispute       `json:"disputes"`
	Violations     []string        `json:"violations,omitempty"` // broken rules seen as they happened
}

// Ledger copies the present state under one lock.
func (s *Simulator) Ledger() Ledger {
	s.enter()
	defer s.mu.Unlock()
	l := Ledger{
		Now:            s.clock.now(),
		Payments:       make([]Payment, 0, len(s.payments)),
		RefundRecords:  make([]Refund, 0, len(s.refunds)),
		Captures:       make([]Capture, 0, len(s.captures)),
		Sessions:       make([]Session, 0, len(s.sessions)),
		Entries:        slices.Clone(s.entries),
		APICalls:       make(map[string]map[string]int, len(s.calls)),
		Notifications:  make([]Notification, 0, len(s.notifications)),
		Authorizations: make([]Authorization, 0, len(s.consents.all)),
		Rates:          make(map[string]Rate, len(s.rates)),
		Declarations:   make([]Declaration, 0, len(s.customs.all)),
		Disputes:       make([]Dispute, 0, len(s.disputes.all)),
		Violations:     slices.Clone(s.violations),
	}
	for _, p := range s.payments {
		l.Payments = append(l.Payments, p.Payment)
	}
	for _, r := range s.refunds {
		l.RefundRecords = append(l.RefundRecords, r.Refund)
	}
	for _, c := range s.captures {
		l.Captures = append(l.Captures, c.Capture)
	}
	for _, session := range s.sessions {
		l.Sessions = append(l.Sessions, session.Session)
	}
	for _, a := range s.consents.all {
		l.Authorizations = append(l.Authorizations, a.record(l.Now))
	}
	for clientID, r := range s.rates {
		l.Rates[clientID] = r.Rate
	}
	for _, d := range s.customs.all {
		l.Declarations = append(l.Declarations, d.Declaration)
	}
	for _, d := range s.disputes.all {
		l.Disputes = append(l.Disputes, d.Dispute)
	}
	for op, codes := range s.calls {
		l.APICalls[op] = maps.Clone(codes)
	}
	for _, n := range s.notifications {
		l.Notifications = append(l.Notifications, n.Notification)
	}
	return l
}

// Payment finds an order by its paymentRequestId.
func (l Ledger) Payment(paymentRequestID string) (Payment, bool) {
	for _, p := range l.Payments {
		if p.PaymentRequestID == paymentRequestID {
			return p, true
		}
	}
	return Payment{}, false
}

// Refund finds a refund by its refundRequestId.
func (l Ledger) Refund(refundRequestID string) (Refund, bool) {
	for _, r := range l.RefundRecords {
		if r.RefundRequestID == refundRequestID {
			return r, true
		}
	}
	return Refund{}, false
}

// Capture finds a capture by its captureRequestId.
func (l Ledger) Capture(captureRequestID string) (Capture, bool) {
	for _, c := range l.Captures {
		if c.CaptureRequestID == captureRequestID {
			return c, true
		}
	}
	return Capture{}, false
}

// Charges counts how often a buyer's money was taken for a paymentRequestId; an authorisation counts, its captures
// do not.
func (l Ledger) Charges(paymentRequestID string) int {
	return l.count(func(e Entry) bool { return e.From == buyerAccount && e.PaymentRequestID == paymentRequestID })
}

// ChargesOfOrder counts the same over all attempts at a merchant's order.
func (l Ledger) ChargesOfOrder(referenceOrderID string) int {
	return l.count(func(e Entry) bool { return e.From == buyerAccount && e.ReferenceOrderID == referenceOrderID })
}

// Refunds counts how often money was sent back for a refundRequestId.
func (l Ledger) Refunds(refundRequestID string) int {
	return l.count(func(e Entry) bool { return e.Kind == EntryRefund && e.Reference == refundRequestID })
}

// CapturesOf counts how often money was taken for a captureRequestId.
func (l Ledger) CapturesOf(captureRequestID string) int {
	return l.count(func(e Entry) bool { return e.Kind == EntryCapture && e.Reference == captureRequestID })
}

func (l Ledger) count(match func(Entry) bool) int {
	n := 0
	for _, e := range l.Entries {
		if match(e) {
			n++
		}
	}
	return n
}

// Calls counts the requests that reached an operation, for example "pay", whatever became of them.
func (l Ledger) Calls(operation string) int {
	total := 0
	for _, n := range l.APICalls[operation] {
		total += n
	}
	return total
}

// balance is what one order has moved between the three accounts.
type balance struct{ charged, held, received, returned, charges int64 }

// Check returns every broken rule of money: one charge per paymentRequestId, never more returned than received,
// never more captured than authorised, and states that agree with the entries; and of consents,
// declarations and disputes, see checkAuthorizations and its siblings.
func (l Ledger) Check() error {
	var broken []error
	for _, v := range l.Violations {
		broken = append(broken, errors.New(v))
	}
	balances := make(map[string]*balance, len(l.Payments))
	seen := make(map[requestKey]bool, len(l.Payments))
	for _, p := range l.Payments {
		balances[p.PaymentID] = &balance{}
		key := requestKey{p.ClientID, p.PaymentRequestID}
		if seen[key] {
			broken = append(broken, fmt.Errorf("two payments with paymentRequestId %s", p.PaymentRequestID))
		}
		seen[key] = true
	}
	moved := map[string]int64{}
	for _, e := range l.Entries {
		if e.To == disputeAccount || e.From == disputeAccount {
			continue // see checkDisputes: a bank takes money back whatever the payment's own balance says
		}
		b := balances[e.PaymentID]
		if b == nil || e.Amount.Value <= 0 {
			broken = append(broken, fmt.Errorf("entry %d moves %s for payment %q", e.Number, e.Amount, e.PaymentID))
			continue
		}
		b.add(e)
		moved[string(e.Kind)+" "+e.ClientID+" "+e.Reference] += e.Amount.Value
	}
	for _, p := range l.Payments {
		broken = append(broken, balances[p.PaymentID].check(p)...)
	}
	for _, r := range l.RefundRecords {
		want := int64(0)
		if r.Status == statusSuccess {
			want = r.Amount.Value
		}
		if got := moved[string(EntryRefund)+" "+r.ClientID+" "+r.RefundRequestID]; got != want {
			broken = append(broken, fmt.Errorf("refund %s (%s) moved %d, want %d", r.RefundRequestID, r.Status, got, want))
		}
	}
	for _, c := range l.Captures {
		want := int64(0)
		if c.Status == statusSuccess {
			want = c.Amount.Value
		}
		if got := moved[string(EntryCapture)+" "+c.ClientID+" "+c.CaptureRequestID]; got != want {
			broken = append(broken, fmt.Errorf("capture %s (%s) moved %d, want %d", c.CaptureRequestID, c.Status, got, want))
		}
	}
	broken = append(broken, l.checkAuthorizations()...)
	broken = append(broken, l.checkDeclarations()...)
	broken = append(broken, l.checkDisputes()...)
	return errors.Join(broken...)
}

func (b *balance) add(e Entry) {
	value := e.Amount.Value
	switch e.Kind {
	case EntryCharge:
		b.charged, b.received, b.charges = b.charged+value, b.received+value, b.charges+1
	case EntryAuthorise:
		b.charged, b.held, b.charges = b.charged+value, b.held+value, b.charges+1
	case EntryCapture:
		b.held, b.received = b.held-value, b.received+value
	case EntryRelease:
		b.held -= value
	case EntryRefund, EntryCancel, EntryReturn:
		b.returned += value
	}
}

func (b *balance) check(p Payment) []error {
	var broken []error
	claim := func(holds bool, what string) {
		if !holds {
			broken = append(broken, fmt.Errorf("payment %s (%s): %s: %+v", p.PaymentRequestID, p.Status, what, *b))
		}
	}
	claim(b.charges <= 1, "charged more than once")
	claim(b.returned <= b.received, "more returned than received")
	claim(b.held >= 0, "more captured or released than authorised")
	switch {
	case p.Status == statusSuccess:
		claim(b.charged == p.Amount.Value, "a successful payment takes exactly its amount")
	case p.Status == statusCancelled, !p.ReturnedAt.IsZero():
		claim(b.held == 0 && b.received == b.returned, "a payment that was cancelled, or paid too late, leaves nothing with anyone but the buyer")
	default:
		claim(b.charged == 0, "no money moves before success")
	}
	return broken
}

// CheckInvariants applies Ledger.Check to the present state.
func (s *Simulator) CheckInvariants() error { return s.Ledger().Check() }

// Charges is Ledger.Charges without copying the ledger.
func (s *Simulator) Charges(paymentRequestID string) int {
	s.enter()
	defer s.mu.Unlock()
	return Ledger{Entries: s.entries}.Charges(paymentRequestID)
}

// Refunds is Ledger.Refunds without copying the ledger.
func (s *Simulator) Refunds(refundRequestID string) int {
	s.enter()
	defer s.mu.Unlock()
	return Ledger{Entries: s.entries}.Refunds(refundRequestID)
}
