package integration

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// longestWait bounds what takes a few seconds on a busy machine.
const longestWait = 90 * time.Second

// eventually waits until a check passes, and fails the test with what it said last.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, longestWait, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v; at last: %v", err, last)
	}
}
