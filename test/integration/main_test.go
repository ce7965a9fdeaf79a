// Package integration tests the controllers against a real API server and the simulated gateway.
package integration

import (
	"os"
	"testing"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// cluster is the API server that all tests of this package share.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(testenv.RunTests(m, func(c *testenv.Cluster) { cluster = c }))
}
