package alipay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"
)

// NotSentError answers "did it happen?" with no: nothing of the request left this process. The configuration or the
// request was wrong, or no connection came about, or the context was done before.
type NotSentError struct {
	// Path of the call, as signed and requested.
	Path string
	// Err says what prevented the call.
	Err error
}

// Error names the call and the cause.
func (e *NotSentError) Error() string { return fmt.Sprintf("%s: not sent: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *NotSentError) Unwrap() error { return e.Err }

// RejectedError answers "did it happen?" with no: the gateway refused this call (resultStatus F). For an inquiry
// it says nothing about the payment or refund asked for, see [CodeOrderNotExist]; and see [CodeSystemError].
type RejectedError struct {
	// Path of the call, as signed and requested.
	Path string
	// Result is the gateway's answer.
	Result Result
	// Signed says whether the answer's signature was verified. The gateway cannot sign when it rejects our
	// identity or signature. An unsigned refusal calls for a person; it must never settle a payment.
	Signed bool
}

// Error names the call and the gateway's code and message.
func (e *RejectedError) Error() string {
	unsigned := ""
	if !e.Signed {
		unsigned = " (unsigned)"
	}
	return fmt.Sprintf("%s: rejected%s: %s", e.Path, unsigned, e.Result)
}

// UnknownOutcomeError answers "did it happen?" with: ask. The request may have taken effect, now or later, or not
// at all: the answer is missing, unreadable, not verified, or itself says unknown (resultStatus U).
type UnknownOutcomeError struct {
	// Path of the call, as signed and requested.
	Path string
	// Result is the gateway's answer if there was one that may be shown, else zero. It proves nothing.
	Result Result
	// Err is what made the outcome unknown, or nil if Result says it all. [ErrBadSignature] if verification failed.
	Err error
}

// Error names the call and what made its outcome unknown.
func (e *UnknownOutcomeError) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("%s: outcome unknown: %s", e.Path, e.Result)
	case e.Result == (Result{}):
		return fmt.Sprintf("%s: outcome unknown: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s: outcome unknown: %v: %s", e.Path, e.Err, e.Result)
}

// Unwrap returns the cause, or nil.
func (e *UnknownOutcomeError) Unwrap() error { return e.Err }

// ResultCode returns the gateway's result code from a [*RejectedError] or [*UnknownOutcomeError] in err's tree,
// else "".
func ResultCode(err error) string {
	var rejected *RejectedError
	if errors.As(err, &rejected) {
		return rejected.Result.ResultCode
	}
	var unknown *UnknownOutcomeError
	if errors.As(err, &unknown) {
		return unknown.Result.ResultCode
	}
	return ""
}

// maxShownText is the documented length of resultMessage. More than that never reaches a log.
const maxShownText = 256

// shown makes text of the gateway fit for a log line: bounded, and without control characters.
func shown(text string) string {
	runes := []rune(strings.ToValidUTF8(text[:min(len(text), 4*maxShownText)], ""))
	for i, r := range runes {
		if unicode.IsControl(r) {
			runes[i] = ' '
		}
	}
	return string(runes[:min(len(runes), maxShownText)])
}

// connectionError is a failure to reach the gateway or to hear from it. Its text comes from errors that are known
// to hold none of the conversation; net/http quotes what it could not parse, which may be a body.
type connectionError struct {
	err error
}

func (e *connectionError) Error() string {
	var (
		network     *net.OpError
		certificate *tls.CertificateVerificationError
		alert       tls.AlertError
	)
	switch {
	case errors.Is(e.err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(e.err, context.Canceled):
		return "the caller gave up"
	case errors.As(e.err, &certificate):
		return shown(certificate.Error())
	case errors.As(e.err, &network):
		return shown(network.Error())
	case errors.As(e.err, &alert):
		return alert.Error()
	case errors.Is(e.err, io.EOF), errors.Is(e.err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer"
	}
	return fmt.Sprintf("the connection failed (%T)", e.err)
}

func (e *connectionError) Unwrap() error { return e.err }
