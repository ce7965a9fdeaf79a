package controllers

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// maxRequestID is the longest request id that the gateway takes (https://docs.antom.com/ac/ams/payment_cashier).
const maxRequestID = 64

// hashLength is 16 base32 digits: 80 bits, so that two names never share an id by accident.
const hashLength = 16

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// deriveRequestID names one attempt of one manifest at the gateway: readable words for the person who reads a bank
// statement, and a hash that makes it unique. It depends on nothing that a deleted and re-applied, restored or rebuilt object would
// not have again. Changing its result for any input would charge buyers again: its golden test must never change.
func deriveRequestID(prefix, kind, namespace, name string, attempt int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", prefix, kind, namespace, name, attempt))
	hash := lowerBase32.EncodeToString(sum[:])[:hashLength]

	words := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, namespace+"_"+name)
	if prefix != "" {
		words = prefix + "_" + words
	}
	if attempt > 1 {
		// The attempt stands before the words, where shortening does not reach it.
		words = fmt.Sprintf("a%d_%s", attempt, words)
	}
	if longest := maxRequestID - hashLength - 1; len(words) > longest {
		words = words[:longest]
	}
	return words + "_" + hash
}
