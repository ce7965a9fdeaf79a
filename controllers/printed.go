package controllers

import "fmt"

// Structs that hold a credential, a certificate or a file, themselves or in a struct within, print as their type alone. Left to itself, package fmt reads
// their fields, which are not exported, and asks none of them how it is printed.

func printType(state fmt.State, holder any) { _, _ = fmt.Fprintf(state, "%T", holder) }

// Format hides what must not be printed.
func (f agreementFacts) Format(state fmt.State, _ rune) { printType(state, f) }

// Format hides what must not be printed.
func (p agreementPass) Format(state fmt.State, _ rune) { printType(state, p) }

// Format hides what must not be printed.
func (t agreementToken) Format(state fmt.State, _ rune) { printType(state, t) }

// Format hides what must not be printed.
func (a answer) Format(state fmt.State, _ rune) { printType(state, a) }

// Format hides what must not be printed.
func (f debitFacts) Format(state fmt.State, _ rune) { printType(state, f) }

// Format hides what must not be printed.
func (d deliveredCode) Format(state fmt.State, _ rune) { printType(state, d) }

// Format hides what must not be printed.
func (f disputeFacts) Format(state fmt.State, _ rune) { printType(state, f) }

// Format hides what must not be printed.
func (p disputePass) Format(state fmt.State, _ rune) { printType(state, p) }

// Format hides what must not be printed.
func (f facts) Format(state fmt.State, _ rune) { printType(state, f) }

// Format hides what must not be printed.
func (g givenTokens) Format(state fmt.State, _ rune) { printType(state, g) }

// Format hides what must not be printed.
func (n news) Format(state fmt.State, _ rune) { printType(state, n) }

// Format hides what must not be printed.
func (f paymentFacts) Format(state fmt.State, _ rune) { printType(state, f) }

// Format hides what must not be printed.
func (n paymentNews) Format(state fmt.State, _ rune) { printType(state, n) }

// Format hides what must not be printed.
func (p paymentPass) Format(state fmt.State, _ rune) { printType(state, p) }

// Format hides what must not be printed.
func (p sessionPass) Format(state fmt.State, _ rune) { printType(state, p) }

// Format hides what must not be printed.
func (f shareFacts) Format(state fmt.State, _ rune) { printType(state, f) }

// Format hides what must not be printed.
func (n shareNews) Format(state fmt.State, _ rune) { printType(state, n) }

// Format hides what must not be printed.
func (p sharePass) Format(state fmt.State, _ rune) { printType(state, p) }

// Format hides what must not be printed.
func (v verifiedNotification) Format(state fmt.State, _ rune) { printType(state, v) }
