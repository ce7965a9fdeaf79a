//go:build browser

// Package browser pays and consents on the simulated gateway's pages with a real browser, and sees payments and agreements change. It is
// built with the tag browser alone: run make test-browser.
package browser

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
