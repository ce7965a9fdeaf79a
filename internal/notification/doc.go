// Package notification receives what the gateway announces: results of payments, refunds and captures, and whatever else it sends.
//
// The receiver verifies a notification's signature, finds the object that it is about, stores it in an annotation exactly as it was
// signed, and only then acknowledges it: an acknowledgement is a promise that etcd has it. It decides nothing. The controllers verify
// the stored envelope again and act on it.
package notification
