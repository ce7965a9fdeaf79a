package controllers

import (
	"crypto/sha256"
	"encoding/hex"
)

// credentialHash tells credentials apart without showing them; empty for none.
func credentialHash(credential string) string {
	if credential == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(credential))
	return hex.EncodeToString(sum[:])
}
