package alipay

import (
	"fmt"
	"io"
	"log/slog"
)

// Credential is a text that moves money for whoever holds it: an access token, a refresh token, an authorization
// code, a card token. It is sent as it is and not printed: a mark stands in its place, for every verb of package fmt
// and for package slog; also in the structs of this package. Exceptions are %p, which go vet refuses, and unexported
// fields, which package fmt reads by itself. To use the text, convert it to a string; then it prints like any.
//
// encoding/json writes it in full, because that is how it reaches the gateway. So what holds one must not be given to
// a logger that writes JSON of its own accord.
type Credential string

// Format hides the text from every verb, %#v and %x among them.
func (c Credential) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, c.shown()) }

// String is the mark: convert a credential to have its text.
func (c Credential) String() string { return c.shown() }

// MarshalLog hides the text from package logr.
func (c Credential) MarshalLog() any { return c.shown() }

// LogValue hides the text from package slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.shown()) }

func (c Credential) shown() string {
	if c == "" {
		return ""
	}
	return hidden
}
