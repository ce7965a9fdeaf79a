package testenv

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildManager builds the real program once for all tests of a package.
var buildManager = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "manager-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "manager")
	output, err := exec.Command("go", "build", "-o", binary, "github.com/alipay-operator/alipay-operator/cmd/manager").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the manager: %w\n%s", err, output)
	}
	return binary, nil
})

// Program is a manager that runs as a process of its own.
type Program struct {
	command *exec.Cmd
	ended   chan struct{}

	mu     sync.Mutex
	output strings.Builder
}

// StartProgram starts the manager, which sees every namespace of the cluster. It takes notifications on the loopback.
func StartProgram(t testing.TB, c *Cluster, args ...string) *Program {
	t.Helper()
	binary, err := buildManager()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--kubeconfig", c.Kubeconfig, "--leader-elect=false", "--health-probe-bind-address", "0", "--notification-bind-address", "127.0.0.1:0"}, args...)
	p := &Program{command: exec.Command(binary, args...), ended: make(chan struct{})} //nolint:noctx // the test ends it
	p.command.Stdout, p.command.Stderr = p, p
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.ended
	})
	return p
}

// Write takes what the program prints.
func (p *Program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(text)
}

// Output is all that the program has printed.
func (p *Program) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// Receiver is the address on which it takes notifications; empty until it says so in its log, which must be JSON.
func (p *Program) Receiver() string {
	for line := range strings.Lines(p.Output()) {
		var said struct {
			Message string `json:"msg"`
			Address string `json:"address"`
		}
		if strings.Contains(line, "Receiving notifications") && json.Unmarshal([]byte(line), &said) == nil {
			return said.Address
		}
	}
	return ""
}

// Dump ends the program as a panic does: it prints what each of its goroutines is doing.
func (p *Program) Dump(longest time.Duration) error {
	if err := p.command.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(longest):
		return fmt.Errorf("the manager runs on after %s", longest)
	}
}
