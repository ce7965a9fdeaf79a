package alipay

import (
	"fmt"
	"log/slog"
)

// Structs that hold a [Credential] or personal data that is hidden are logged as package fmt prints them. Left to themselves, loggers
// that write JSON would encode them as for the gateway.

func logged(holder any) string { return fmt.Sprintf("%+v", holder) }

// MarshalLog hides the certificate from package logr.
func (b BuyerCertificate) MarshalLog() any { return hidden }

// MarshalLog hides the file from package logr.
func (e Evidence) MarshalLog() any { return fmt.Sprintf("%v", e) }

// MarshalLog hides from package logr what must not be logged.
func (r ApplyTokenRequest) MarshalLog() any { return logged(r) }

// LogValue hides from package slog what must not be logged.
func (r ApplyTokenRequest) LogValue() slog.Value { return slog.StringValue(logged(r)) }

// MarshalLog hides from package logr what must not be logged.
func (a ApplyTokenResponse) MarshalLog() any { return logged(a) }

// LogValue hides from package slog what must not be logged.
func (a ApplyTokenResponse) LogValue() slog.Value { return slog.StringValue(logged(a)) }

// MarshalLog hides from package logr what must not be logged.
func (r RevokeTokenRequest) MarshalLog() any { return logged(r) }

// LogValue hides from package slog what must not be logged.
func (r RevokeTokenRequest) LogValue() slog.Value { return slog.StringValue(logged(r)) }

// MarshalLog hides from package logr what must not be logged.
func (n AuthorizationNotification) MarshalLog() any { return logged(n) }

// LogValue hides from package slog what must not be logged.
func (n AuthorizationNotification) LogValue() slog.Value { return slog.StringValue(logged(n)) }

// MarshalLog hides from package logr what must not be logged.
func (s Subject) MarshalLog() any { return logged(s) }

// LogValue hides from package slog what must not be logged.
func (s Subject) LogValue() slog.Value { return slog.StringValue(logged(s)) }

// MarshalLog hides from package logr what must not be logged.
func (p PaymentMethod) MarshalLog() any { return logged(p) }

// LogValue hides from package slog what must not be logged.
func (p PaymentMethod) LogValue() slog.Value { return slog.StringValue(logged(p)) }

// MarshalLog hides from package logr what must not be logged.
func (r PayRequest) MarshalLog() any { return logged(r) }

// LogValue hides from package slog what must not be logged.
func (r PayRequest) LogValue() slog.Value { return slog.StringValue(logged(r)) }

// MarshalLog hides from package logr what must not be logged.
func (p PayResponse) MarshalLog() any { return logged(p) }

// LogValue hides from package slog what must not be logged.
func (p PayResponse) LogValue() slog.Value { return slog.StringValue(logged(p)) }

// MarshalLog hides from package logr what must not be logged.
func (p PaymentResultInfo) MarshalLog() any { return logged(p) }

// LogValue hides from package slog what must not be logged.
func (p PaymentResultInfo) LogValue() slog.Value { return slog.StringValue(logged(p)) }

// MarshalLog hides from package logr what must not be logged.
func (i InquiryPaymentResponse) MarshalLog() any { return logged(i) }

// LogValue hides from package slog what must not be logged.
func (i InquiryPaymentResponse) LogValue() slog.Value { return slog.StringValue(logged(i)) }

// MarshalLog hides from package logr what must not be logged.
func (r CreatePaymentSessionRequest) MarshalLog() any { return logged(r) }

// LogValue hides from package slog what must not be logged.
func (r CreatePaymentSessionRequest) LogValue() slog.Value { return slog.StringValue(logged(r)) }

// MarshalLog hides from package logr what must not be logged.
func (c CreatePaymentSessionResponse) MarshalLog() any { return logged(c) }

// LogValue hides from package slog what must not be logged.
func (c CreatePaymentSessionResponse) LogValue() slog.Value { return slog.StringValue(logged(c)) }

// MarshalLog hides from package logr what must not be logged.
func (r DeclareRequest) MarshalLog() any { return logged(r) }

// LogValue hides from package slog what must not be logged.
func (r DeclareRequest) LogValue() slog.Value { return slog.StringValue(logged(r)) }

// MarshalLog hides from package logr what must not be logged.
func (s SupplyDefenseDocumentRequest) MarshalLog() any { return logged(s) }

// LogValue hides from package slog what must not be logged.
func (s SupplyDefenseDocumentRequest) LogValue() slog.Value { return slog.StringValue(logged(s)) }

// MarshalLog hides from package logr what must not be logged.
func (d DownloadDisputeEvidenceResponse) MarshalLog() any { return logged(d) }

// LogValue hides from package slog what must not be logged.
func (d DownloadDisputeEvidenceResponse) LogValue() slog.Value { return slog.StringValue(logged(d)) }

// MarshalLog hides from package logr what must not be logged.
func (cfg Config) MarshalLog() any { return logged(cfg) }

// LogValue hides from package slog what must not be logged.
func (cfg Config) LogValue() slog.Value { return slog.StringValue(logged(cfg)) }

// MarshalLog hides from package logr what must not be logged.
func (c *Client) MarshalLog() any { return logged(c) }

// LogValue hides from package slog what must not be logged.
func (c *Client) LogValue() slog.Value { return slog.StringValue(logged(c)) }
