// Package secrets lets the real program handle secrets that are known to the test, and looks for them in all that it emits.
package secrets

import (
	"os"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// cluster is the API server of this package's tests.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(testenv.RunTests(m, func(c *testenv.Cluster) { cluster = c }))
}

// longestWait bounds what takes seconds, on a busy machine.
const longestWait = 3 * time.Minute

// eventually waits until a check passes, and fails the test with what it said last.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	testenv.Eventually(t, 100*time.Millisecond, longestWait, check)
}
