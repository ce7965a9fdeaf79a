// Package notification tests what notifications must hold at the scale of real processes, many replicas and many payments.
package notification

import (
	"os"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// cluster is the API server that the tests of this package share, save those that need a durable one.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(testenv.RunTests(m, func(c *testenv.Cluster) { cluster = c }))
}

// eventually waits until a check passes, and fails the test with what it said last.
func eventually(t testing.TB, pace, longest time.Duration, check func() error) {
	t.Helper()
	testenv.Eventually(t, pace, longest, check)
}
