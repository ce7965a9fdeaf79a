// Package v1 holds the kinds of the payments.alipay-operator.io API group: what users write,
// and what the controllers report.
//
// The package imports k8s.io/apimachinery only, so that a program that merely reads or writes
// these kinds does not inherit a controller.
//
// +kubebuilder:object:generate=true
// +groupName=payments.alipay-operator.io
package v1
