package simulator

import (
	"errors"
	"fmt"
	"time"
)

const (
	chargeback        = "CHARGEBACK"
	retrievalRequest  = "RETRIEVAL_REQUEST"
	complianceRequest = "COMPLIANCE_REQUEST"

	// rapidResolution is no disputeType: a Visa dispute that was refunded before the merchant heard of it.
	rapidResolution = "RDR"
)

// States of a dispute. They are the simulator's own words: the gateway has no call that tells them.
const (
	disputeOpen      = "OPEN"
	disputeAccepted  = "ACCEPTED"
	disputeDefended  = "DEFENDED"
	disputeExpired   = "EXPIRED" // a request that nobody answered in time
	disputeCancelled = "CANCELLED"
	disputeWon       = "WON"
	disputeLost      = "LOST"
	disputeApproved  = "APPROVED"
	disputeResolved  = "RDR_RESOLVED"
)

const (
	// defenseLife is how long a merchant may accept or defend unless said otherwise. No table of days is published.
	defenseLife = 11 * 24 * time.Hour
	// alertLead is how long before the end DEFENSE_DUE_ALERT comes (ams/notify_dispute).
	alertLead = 24 * time.Hour
	// maxDefenses is how often material for a compliance request is taken. The number is not published.
	maxDefenses = 3
)

// ErrDisputeClosed means that a dispute is in a state that does not allow what was asked for.
var ErrDisputeClosed = errors.New("the dispute's state does not allow this")

// Dispute is one dispute as the ledger shows it, without evidence.
type Dispute struct {
	DisputeID        string `json:"disputeId"`
	ClientID         string `json:"clientId"`
	PaymentID        string `json:"paymentId"`
	PaymentRequestID string `json:"paymentRequestId"`
	// Foreign says that this gateway has no such payment.
	Foreign       bool      `json:"foreign,omitempty"`
	Type          string    `json:"disputeType"`
	Amount        Money     `json:"disputeAmount"`
	Defendable    bool      `json:"defendable"`
	State         string    `json:"state"`
	CreatedAt     time.Time `json:"disputeTime"`
	DueAt         time.Time `json:"defenseDueTime,omitzero"`
	AcceptedAt    time.Time `json:"disputeAcceptTime,omitzero"`
	AcceptReason  string    `json:"disputeAcceptReason,omitempty"`
	DefendedAt    time.Time `json:"defenseTime,omitzero"`
	Defenses      int       `json:"defenses,omitempty"`
	EvidenceBytes int       `json:"evidenceBytes,omitempty"`
	// Proposals counts the defences that the gateway has prepared.
	Proposals int `json:"proposals,omitempty"`
	// EvidenceSHA256 is the hash of the last file handed in, in hexadecimal digits.
	EvidenceSHA256 string    `json:"evidenceSha256,omitempty"`
	JudgedAt       time.Time `json:"disputeJudgedTime,omitzero"`
	JudgedResult   string    `json:"disputeJudgedResult,omitempty"`
	JudgedAmount   Money     `json:"disputeJudgedAmount,omitzero"`
	// Accepts counts the calls that accepted it, 1 at most.
	Accepts int `json:"accepts,omitempty"`
}

// disputes is all that the gateway has of them.
type disputes struct {
	all  []*dispute
	byID map[string]*dispute
}

type dispute struct {
	Dispute
	input    DisputeInput
	taken    int64 // what the merchant is without at present
	evidence []byte
	format   string
	// proposal is the defence that the gateway has prepared.
	proposal       []byte
	proposalFormat string
	decided        bool // the merchant has accepted or defended, by whatever way
}

// DisputeInput says what to raise. Payment names a payment of this gateway by paymentId or paymentRequestId; or else
// ClientID, PaymentID, PaymentRequestID and Amount describe one that it does not know.
type DisputeInput struct {
	Payment          string
	ClientID         string
	PaymentID        string
	PaymentRequestID string
	Type             string        // CHARGEBACK when empty; RDR is a dispute that Visa's scheme has settled already
	Amount           Money         // the payment's when zero
	DefenseTime      time.Duration // from now until defenseDueTime, 264 h when zero
	NotDefendable    bool
	Legacy           bool // notifications without disputeType and defendable, as older ones are
	ReasonCode       string
	ReasonMsg        string
	Source           string
	CaptureID        string
	ARN              string
}

// RaiseDispute opens a dispute and tells the merchant.
func (s *Simulator) RaiseDispute(in DisputeInput) (Dispute, error) {
	s.enter()
	defer s.mu.Unlock()
	in, err := s.complete(in)
	if err != nil {
		return Dispute{}, fmt.Errorf("raising a dispute: %w", err)
	}
	now := s.clock.now()
	d := &dispute{input: in, Dispute: Dispute{
		DisputeID: s.newID("1940108021001"), ClientID: in.ClientID, PaymentID: in.PaymentID, PaymentRequestID: in.PaymentRequestID,
		Foreign: in.Payment == "", Type: in.Type, Amount: in.Amount, Defendable: !in.NotDefendable, State: disputeOpen, CreatedAt: now,
	}}
	s.disputes.all = append(s.disputes.all, d)
	s.disputes.byID[d.DisputeID] = d
	switch d.Type {
	case rapidResolution: // refunded automatically, final at arrival
		d.State, d.Defendable = disputeResolved, false
		s.takeFor(d, d.Amount.Value)
		s.notifyDispute(d, "RDR_RESOLVED", nil, notifyDelay)
		return d.Dispute, nil
	case chargeback: // frozen at creation
		s.takeFor(d, d.Amount.Value)
	}
	d.DueAt = now.Add(in.DefenseTime)
	s.notifyDispute(d, "DISPUTE_CREATED", nil, notifyDelay)
	if alert := d.DueAt.Add(-alertLead); alert.After(now) {
		s.clock.at(alert, func() { s.alert(d) })
	}
	s.clock.at(d.DueAt, func() { s.expireDefense(d) })
	return d.Dispute, nil
}

// complete fills in what follows from the payment, and refuses what no dispute can be.
func (s *Simulator) complete(in DisputeInput) (DisputeInput, error) {
	if in.Type == "" {
		in.Type = chargeback
	}
	if in.DefenseTime == 0 {
		in.DefenseTime = defenseLife
	}
	switch in.Type {
	case chargeback, retrievalRequest, complianceRequest, rapidResolution:
	default:
		return in, fmt.Errorf("the type is %s, %s, %s or %s", chargeback, retrievalRequest, complianceRequest, rapidResolution)
	}
	if in.DefenseTime < 0 {
		return in, errors.New("the time to defend is negative")
	}
	if in.Payment == "" {
		if s.clients[in.ClientID] == nil || in.PaymentID == "" || in.PaymentRequestID == "" || in.Amount.Value < 1 {
			return in, errors.New("name a payment, or give a known client, paymentId, paymentRequestId and amount of another gateway's payment")
		}
		if _, known := decimals[in.Amount.Currency]; !known {
			return in, fmt.Errorf("currency %q is not known", in.Amount.Currency)
		}
		if s.byPaymentID[in.PaymentID] != nil {
			return in, fmt.Errorf("payment %s is known here: name it", in.PaymentID)
		}
		return in, nil
	}
	if in.ClientID != "" || in.PaymentID != "" || in.PaymentRequestID != "" {
		return in, errors.New("a payment that is named brings its own ids and client: leave them out")
	}
	p, err := s.named(in.Payment)
	if err != nil {
		return in, err
	}
	if p.Status != statusSuccess {
		return in, fmt.Errorf("payment %s is %s: only what was paid can be disputed", p.PaymentRequestID, p.Status)
	}
	if in.Amount == (Money{}) {
		in.Amount = p.Amount
	}
	if in.Amount.Currency != p.Amount.Currency || in.Amount.Value < 1 || in.Amount.Value > p.Amount.Value {
		return in, fmt.Errorf("the amount must be in %s and at most %s", p.Amount.Currency, p.Amount)
	}
	in.ClientID, in.PaymentID, in.PaymentRequestID = p.ClientID, p.PaymentID, p.PaymentRequestID
	return in, nil
}

// named finds a payment by paymentId or paymentRequestId.
func (s *Simulator) named(id string) (*payment, error) {
	var found *payment
	for _, p := range s.payments {
		if p.PaymentID == id {
			return p, nil
		}
		if p.PaymentRequestID != id {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("paymentRequestId %s belongs to several clients: give the paymentId", id)
		}
		found = p
	}
	if found == nil {
		return nil, fmt.Errorf("no payment %s", id)
	}
	return found, nil
}

// takeFor makes the merchant be without so much because of a dispute, from now on.
func (s *Simulator) takeFor(d *dispute, value int64) {
	kind, from, to, change := EntryDispute, merchantAccount+d.ClientID, disputeAccount, value-d.taken
	if d.Type == rapidResolution {
		kind = EntryRapidResolution
	}
	if change < 0 {
		kind, from, to, change = EntryDisputeReversal, to, from, -change
	}
	if change == 0 {
		return
	}
	d.taken = value
	order := ""
	if p := s.byPaymentID[d.PaymentID]; p != nil {
		order = p.ReferenceOrderID
	}
	s.entries = append(s.entries, Entry{
		Number: len(s.entries) + 1, Time: s.clock.now(), Kind: kind, From: from, To: to, Amount: Money{Currency: d.Amount.Currency, Value: change},
		ClientID: d.ClientID, PaymentID: d.PaymentID, PaymentRequestID: d.PaymentRequestID, ReferenceOrderID: order, Reference: d.DisputeID,
	})
}

// final says whether a dispute has come to its end. A chargeback that was judged may be judged again: the reports know
// reversals.
func (d *dispute) final() bool {
	switch d.State {
	case disputeOpen, disputeAccepted, disputeDefended, disputeExpired:
		return false
	}
	return true
}

func (s *Simulator) alert(d *dispute) {
	if d.State == disputeOpen {
		s.notifyDispute(d, "DEFENSE_DUE_ALERT", nil, 0)
	}
}

// expireDefense ends the time to accept or defend. A chargeback that nobody answered counts as accepted.
func (s *Simulator) expireDefense(d *dispute) {
	switch {
	case d.State != disputeOpen:
	case d.Type == chargeback:
		s.accept(d, "TIMEOUT")
	default:
		d.State = disputeExpired
	}
}

func (s *Simulator) accept(d *dispute, reason string) {
	d.State, d.AcceptReason, d.AcceptedAt = disputeAccepted, reason, s.clock.now()
	s.notifyDispute(d, "DISPUTE_ACCEPTED", map[string]any{
		"disputeAcceptReason": reason, "disputeAcceptTime": wireTime(d.AcceptedAt),
	}, notifyDelay)
}

func (s *Simulator) defend(d *dispute, autoReason string) {
	d.State, d.decided, d.DefendedAt = disputeDefended, true, s.clock.now()
	d.Defenses++
	fields := map[string]any{}
	if autoReason != "" {
		fields["autoDefendReason"] = autoReason
	}
	s.notifyDispute(d, "DEFENSE_SUPPLIED", fields, notifyDelay)
}

// tells are the notifications that each kind of dispute has (dispute/dispute_resolution).
var tells = map[string]map[string]bool{
	retrievalRequest:  {"DISPUTE_CREATED": true, "DEFENSE_DUE_ALERT": true},
	complianceRequest: {"DISPUTE_CREATED": true, "DEFENSE_DUE_ALERT": true, "DISPUTE_JUDGED": true},
	rapidResolution:   {"RDR_RESOLVED": true},
	chargeback: {"DISPUTE_CREATED": true, "DEFENSE_DUE_ALERT": true, "DISPUTE_CANCELLED": true, "DISPUTE_JUDGED": true, "DEFENSE_SUPPLIED": true,
		"DISPUTE_ACCEPTED": true},
}

// notifyDispute tells the merchant, if this kind of dispute has such a notification.
func (s *Simulator) notifyDispute(d *dispute, kind string, more map[string]any, wait time.Duration) {
	if tells[d.Type][kind] {
		s.sendDispute(d, kind, more, wait)
	}
}

// sendDispute goes to the dashboard's URL: no request names another (ams/notify_dispute). The body is that of this moment.
func (s *Simulator) sendDispute(d *dispute, kind string, more map[string]any, wait time.Duration) {
	fields := map[string]any{
		"disputeId": d.DisputeID, "paymentId": d.PaymentID, "paymentRequestId": d.PaymentRequestID, "disputeTime": wireTime(d.CreatedAt),
	}
	if !d.input.Legacy && d.Type != rapidResolution { // its disputeType is not documented
		fields["disputeType"], fields["defendable"] = d.Type, d.Defendable
	}
	for name, value := range map[string]string{"captureId": d.input.CaptureID, "arn": d.input.ARN} {
		if value != "" {
			fields[name] = value
		}
	}
	switch kind {
	case "DISPUTE_CREATED", "RDR_RESOLVED":
		fields["disputeAmount"] = d.Amount.wire()
		d.addReason(fields)
	case "DISPUTE_JUDGED":
		d.addReason(fields)
	}
	if kind == "DISPUTE_CREATED" || kind == "DEFENSE_DUE_ALERT" {
		fields["defenseDueTime"] = wireTime(d.DueAt)
	}
	merge(fields, more)
	s.queueNotification("notifyDispute", kind, d.DisputeID, d.ClientID, "", "", fields, s.clock.now().Add(wait))
}

func (d *dispute) addReason(fields map[string]any) {
	reason := map[string]string{
		"disputeReasonCode": d.input.ReasonCode, "disputeReasonMsg": d.input.ReasonMsg, "disputeSource": d.input.Source,
	}
	if d.input.ReasonCode == "" {
		reason["disputeReasonCode"] = "4853"
	}
	if d.input.Source == "" {
		reason["disputeSource"] = "Mastercard"
	}
	for name, value := range reason {
		if value != "" {
			fields[name] = value
		}
	}
}
