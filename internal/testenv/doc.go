// Package testenv starts what integration tests need: a real API server, the real simulator of the gateway, and the real
// controllers between them.
package testenv
