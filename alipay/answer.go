package alipay

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// judge decides what an answer means, and decodes it into response if it is one. Nothing that is not verified is
// believed, except a refusal, which the gateway cannot sign when it does not accept who we are.
func (c *Client) judge(op operation, r *reply, response answered) error {
	path := c.path(op)
	signed, at, err := c.authenticate(path, r)
	if err != nil {
		return &UnknownOutcomeError{Path: path, Err: err}
	}
	if !signed && r.status != http.StatusOK {
		return &UnknownOutcomeError{Path: path, Err: fmt.Errorf("HTTP status %d", r.status)}
	}
	var envelope struct {
		Result Result `json:"result"`
	}
	if err := json.Unmarshal(r.body, &envelope); err != nil {
		return &UnknownOutcomeError{Path: path, Err: unreadable("answer", err)}
	}
	result := envelope.Result

	unknown := func(err error) error { return &UnknownOutcomeError{Path: path, Result: result, Err: err} }
	isProgress := op.inProcess != "" && result.ResultCode == op.inProcess
	switch {
	case result.ResultStatus == "":
		return unknown(errors.New("the answer has no result"))
	case result.ResultCode == CodeUnknownException:
		return unknown(nil) // one page prints it with F: a contradiction never settles anything
	case op.undecided != "" && result.ResultCode == op.undecided:
		return unknown(nil)
	case result.ResultStatus == ResultStatusFail:
		return &RejectedError{Path: path, Result: result, Signed: signed}
	case result.ResultStatus == ResultStatusUnknown && !(signed && isProgress):
		return unknown(nil)
	case result.ResultStatus != ResultStatusSuccess && result.ResultStatus != ResultStatusUnknown:
		return unknown(errors.New("the answer has an unknown resultStatus"))
	case !signed:
		return unknown(fmt.Errorf("%w: the answer reports success unsigned", ErrBadSignature))
	}
	if err := json.Unmarshal(r.body, response); err != nil {
		return unknown(unreadable("answer", err))
	}
	response.received(at)
	return nil
}

// authenticate verifies a signed answer and says whether it was signed. An answer is signed as a whole or not at
// all: one header of the two is an error.
func (c *Client) authenticate(path string, r *reply) (signed bool, at time.Time, err error) {
	signature, responseTime := r.header.Get("Signature"), r.header.Get("Response-Time")
	if clientID := r.header.Get("Client-Id"); clientID != "" && clientID != c.clientID {
		return false, at, fmt.Errorf("%w: the answer is for another client id", ErrBadSignature)
	}
	switch {
	case signature == "" && responseTime == "":
		return false, at, nil
	case signature == "":
		return false, at, fmt.Errorf("%w: the answer has a response-time and no signature", ErrBadSignature)
	case responseTime == "":
		return false, at, fmt.Errorf("%w: the answer has a signature and no response-time", ErrBadSignature)
	}
	m := Message{URI: path, ClientID: c.clientID, Time: responseTime, Body: r.body}
	if err := Verify(m, signature, c.alipayPublicKeys...); err != nil {
		return false, at, err
	}
	if parsed, err := ParseTime(responseTime); err == nil { // its form proves nothing once the signature holds
		at = parsed
	}
	return true, at, nil
}

// unreadable names what is wrong with a body and quotes nothing of it, as encoding/json would.
func unreadable(what string, err error) error {
	var (
		typeError   *json.UnmarshalTypeError
		syntaxError *json.SyntaxError
	)
	switch {
	case errors.As(err, &typeError):
		return fmt.Errorf("the %s's field %q has a form that is not documented", what, typeError.Field)
	case errors.As(err, &syntaxError):
		return fmt.Errorf("the %s is no JSON, at byte %d", what, syntaxError.Offset)
	}
	return fmt.Errorf("the %s cannot be read: %w", what, err)
}
