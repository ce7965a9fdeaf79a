package integration

import (
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// longestWait bounds what takes a few seconds on a busy machine.
const longestWait = 90 * time.Second

// eventually waits until a check passes, and fails the test with what it said last.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	testenv.Eventually(t, 100*time.Millisecond, longestWait, check)
}
