// Package integration tests the controllers against a real API server and the simulated gateway.
package integration

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// cluster is the API server that all tests of this package share.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if cluster, err = testenv.StartCluster(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
