// Package controllers moves each object of the payments.alipay-operator.io group towards what its spec asks for.
//
// Every kind that moves money runs the same loop (lifecycle.go): gather what is known, decide by a pure
// function, act with at most one request that can move money, record with one status write. Before the first such request an
// intent is written with the object's resourceVersion; whoever finds an intent without an outcome asks the gateway before
// it sends the same bytes under the same id again. Only a verified answer settles anything.
package controllers
