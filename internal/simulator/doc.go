// Package simulator is a fake Alipay Global (Antom) payment gateway: strict where the documents are strict, with
// real signatures, a ledger of money, and faults on demand.
//
// It exists to find the mistakes of a client, so it shares no wire type with one. It reads raw JSON and refuses
// every field, type and length that the documents do not name; it verifies each request and signs each answer
// and notification; and it counts every movement of money in a double-entry ledger that tests can read.
//
// Rules name the page they are from by its path under https://docs.antom.com/ac/, for example
// "ams/payment_cashier". Where pages contradict each other or say nothing, the comment says what was chosen.
//
// Time is simulated: it runs at a chosen speed, jumps by [Simulator.Advance], and whatever falls due on the way
// (expiry, notifications, late refunds) happens in order. See docs/simulator.md for use from the command line.
package simulator
