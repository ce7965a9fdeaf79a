package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// FaultKind is a way to go wrong.
type FaultKind string

// Faults of API calls.
const (
	// DropRequest closes the connection before acting.
	DropRequest FaultKind = "dropRequest"
	// DropResponse acts, then closes the connection without an answer.
	DropResponse FaultKind = "dropResponse"
	// ActLater closes the connection at once and acts Fault.Delay of simulated time afterwards, 20 seconds when zero:
	// until then the gateway says that the order does not exist.
	ActLater FaultKind = "actLater"
	// Delay acts and answers late, by Fault.Delay of real time.
	Delay FaultKind = "delay"
	// ServerError answers HTTP 500 and does not act.
	ServerError FaultKind = "serverError"
	// ServerErrorAfter acts, then answers HTTP 500.
	ServerErrorAfter FaultKind = "serverErrorAfter"
	// BadSignature acts and signs the answer wrongly.
	BadSignature FaultKind = "badSignature"
	// UnsignedFail does not act and answers an unsigned F INVALID_SIGNATURE.
	UnsignedFail FaultKind = "unsignedFail"
	// UnknownException does not act and answers U UNKNOWN_EXCEPTION.
	UnknownException FaultKind = "unknownException"
	// UnknownExceptionAfter acts and answers U UNKNOWN_EXCEPTION.
	UnknownExceptionAfter FaultKind = "unknownExceptionAfter"
	// RateLimit does not act and answers U REQUEST_TRAFFIC_EXCEED_LIMIT.
	RateLimit FaultKind = "rateLimit"
	// WrongAmount acts and answers, well signed, with amounts one unit too high.
	WrongAmount FaultKind = "wrongAmount"
	// ResultCode refuses with Fault.Code, as the sandbox's error scenario simulation does. Pay, capture, refund and
	// declare remember the refusal under their id, unless it is one of the request itself. On the path "autoCapture" it
	// fails the capture of an AUTOMATIC card payment.
	ResultCode FaultKind = "resultCode"
	// InProcess answers a refund or capture U and settles it about 30 simulated seconds later. On the path "autoCapture" the
	// gateway's own capture is in process as long.
	InProcess FaultKind = "inProcess"
	// FailLater does the same, and settles it as failed with Fault.Code.
	FailLater FaultKind = "failLater"
)

// Faults of notifications. Their path is "notifyPayment", "notifyRefund", "notifyCapture", "notifyAuthorization",
// "notifyDispute", "notifyDefenseDocument", or "" for any.
const (
	// Lose counts a send that never leaves.
	Lose FaultKind = "lose"
	// Repeat sends twice, whatever the first answer was.
	Repeat FaultKind = "repeat"
	// Reorder holds a notification back until another one was sent, two simulated minutes at most.
	Reorder FaultKind = "reorder"
	// Forge signs a send with something that is not the gateway's key over this body.
	Forge FaultKind = "forge"
	// Mismatch gives notifyRefund a result that contradicts its refundStatus.
	Mismatch FaultKind = "mismatch"
)

var callFaults = []FaultKind{DropRequest, DropResponse, ActLater, Delay, ServerError, ServerErrorAfter, BadSignature, UnsignedFail,
	UnknownException, UnknownExceptionAfter, RateLimit, WrongAmount, ResultCode, InProcess, FailLater}

var notificationFaults = []FaultKind{Lose, Repeat, Reorder, Forge, Mismatch, WrongAmount}

// Fault waits for matching calls or notifications and strikes.
type Fault struct {
	Kind FaultKind
	// Path is an operation such as "pay", or empty for any.
	Path string
	// Target is an id that the request or notification must contain, or empty for any.
	Target string
	// ClientID limits the fault to one merchant.
	ClientID string
	// After is how many matching calls pass unharmed first.
	After int
	// Times is how often it strikes: once when zero, for ever when negative.
	Times int
	// Delay is for Delay and ActLater.
	Delay time.Duration
	// Code is for ResultCode and FailLater.
	Code string
}

type faultJSON struct {
	Kind     FaultKind `json:"fault"`
	Path     string    `json:"path,omitempty"`
	Target   string    `json:"target,omitempty"`
	ClientID string    `json:"clientId,omitempty"`
	After    int       `json:"after,omitempty"`
	Times    int       `json:"times"`
	Delay    string    `json:"delay,omitempty"`
	Code     string    `json:"code,omitempty"`
}

// MarshalJSON writes the delay as "2s".
func (f Fault) MarshalJSON() ([]byte, error) {
	out := faultJSON{Kind: f.Kind, Path: f.Path, Target: f.Target, ClientID: f.ClientID, After: f.After, Times: f.Times, Code: f.Code}
	if f.Delay != 0 {
		out.Delay = f.Delay.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON refuses unknown fields.
func (f *Fault) UnmarshalJSON(raw []byte) error {
	var in faultJSON
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	*f = Fault{Kind: in.Kind, Path: in.Path, Target: in.Target, ClientID: in.ClientID, After: in.After, Times: in.Times, Code: in.Code}
	if in.Delay != "" {
		delay, err := time.ParseDuration(in.Delay)
		if err != nil {
			return fmt.Errorf("delay: %w", err)
		}
		f.Delay = delay
	}
	return nil
}

func (f Fault) codeOr(byDefault string) string {
	if f.Code != "" {
		return f.Code
	}
	return byDefault
}

func (f Fault) validate() error {
	switch {
	case !slices.Contains(callFaults, f.Kind) && !slices.Contains(notificationFaults, f.Kind):
		return fmt.Errorf("unknown fault %q", f.Kind)
	case f.Kind == ResultCode && f.Code == "":
		return fmt.Errorf("fault %s needs a code", f.Kind)
	case f.Kind == Delay && f.Delay <= 0:
		return fmt.Errorf("fault %s needs a delay", f.Kind)
	case f.Kind == FailLater && f.Code != "" && statusOf(f.Code) != "F":
		return fmt.Errorf("fault %s needs the code of a failure, not %s", f.Kind, f.Code)
	case f.After < 0 || f.Delay < 0:
		return fmt.Errorf("fault %s: after and delay cannot be negative", f.Kind)
	}
	return nil
}

// Inject arms a fault. Faults are tried in the order in which they were injected; the first that matches strikes.
func (s *Simulator) Inject(f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.enter()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// Faults lists what is still armed.
func (s *Simulator) Faults() []Fault {
	s.enter()
	defer s.mu.Unlock()
	armed := make([]Fault, 0, len(s.faults))
	for _, f := range s.faults {
		armed = append(armed, *f)
	}
	return armed
}

// ClearFaults disarms all.
func (s *Simulator) ClearFaults() {
	s.enter()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Simulator) takeFault(operation, clientID string, body []byte) Fault {
	s.enter()
	defer s.mu.Unlock()
	return s.takeFaultLocked(operation, clientID, body)
}

// takeFaultLocked returns the fault that strikes now, or one of no kind.
func (s *Simulator) takeFaultLocked(operation, clientID string, body []byte) Fault {
	for i, f := range s.faults {
		if !f.matches(operation, clientID, body) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		struck := *f
		if f.Times > 0 {
			f.Times--
		}
		if f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return struck
	}
	return Fault{}
}

func (f *Fault) matches(operation, clientID string, body []byte) bool {
	if f.Path != "" && f.Path != operation || f.ClientID != "" && f.ClientID != clientID ||
		f.Target != "" && !bytes.Contains(body, []byte(strconv.Quote(f.Target))) {
		return false
	}
	switch operation {
	case "notifyPayment", "notifyRefund", "notifyCapture", "notifyAuthorization", "notifyDispute", "notifyDefenseDocument":
		return slices.Contains(notificationFaults, f.Kind)
	case "autoCapture": // only on purpose: it is no call
		return f.Path == operation
	}
	return slices.Contains(callFaults, f.Kind)
}

// wrongAmount copies fields with every sum of money one unit too high, those of listed records as well.
func wrongAmount(fields map[string]any) map[string]any {
	out := make(map[string]any, len(fields))
	for name, value := range fields {
		sum, isMoney := value.(map[string]any)
		if text, isText := sum["value"].(string); isMoney && isText {
			n, err := strconv.ParseInt(text, 10, 64)
			if err == nil {
				value = map[string]any{"currency": sum["currency"], "value": strconv.FormatInt(n+1, 10)}
			}
		}
		if records, isList := value.([]any); isList {
			value = wrongRecords(records)
		}
		out[name] = value
	}
	return out
}

func wrongRecords(records []any) []any {
	out := make([]any, 0, len(records))
	for _, record := range records {
		if fields, isObject := record.(map[string]any); isObject {
			record = wrongAmount(fields)
		}
		out = append(out, record)
	}
	return out
}
