package controllers

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/alipay-operator/alipay-operator/alipay"
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
	words := namespace + "_" + name
	if prefix != "" {
		words = prefix + "_" + words
	}
	return readableID(words, maxRequestID, attempt, hashOf(prefix, kind, namespace, name, attempt))
}

// deriveDeclarationID is deriveRequestID for declarations, whose ids are shorter: of the words, the name alone is kept. Its golden test
// must never change either.
func deriveDeclarationID(prefix, kind, namespace, name string, attempt int32) string {
	return readableID(name, alipay.MaxDeclarationRequestID, attempt, hashOf(prefix, kind, namespace, name, attempt))
}

func hashOf(prefix, kind, namespace, name string, attempt int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", prefix, kind, namespace, name, attempt))
	return lowerBase32.EncodeToString(sum[:])[:hashLength]
}

// readableID puts as many words as there is room for before a hash.
func readableID(words string, longest int, attempt int32, hash string) string {
	words = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, words)
	if attempt > 1 {
		// The attempt stands before the words, where shortening does not reach it.
		words = fmt.Sprintf("a%d_%s", attempt, words)
	}
	if room := longest - hashLength - 1; len(words) > room {
		words = words[:room]
	}
	return words + "_" + hash
}
