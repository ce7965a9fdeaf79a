// Package alipay speaks the merchant API of Alipay Global (Antom), "AMS": RSA-signed JSON over HTTPS.
//
// It is built for callers that must never charge a buyer twice. Every error of a call answers one question,
// "did it happen?", by its type:
//
//   - [*NotSentError]: no. Nothing left this process.
//   - [*RejectedError]: no, and the gateway says why.
//   - [*UnknownOutcomeError]: nobody can tell yet. Ask with an inquiry, or send the same request under the same id.
//
// Anything unforeseen is an [*UnknownOutcomeError]. The package never repeats a call by itself: only the caller
// knows whether the intent is on record, so only the caller may try again.
//
// Answers are verified before they are decoded. The client never asks for compressed answers, never follows
// redirects, reads a bounded body and verifies TLS. Errors never hold keys, tokens, bodies or data of a buyer.
//
// The gateway is documented at https://docs.antom.com/ac/ams/api_fund.
package alipay
