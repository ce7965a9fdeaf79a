package testenv

import (
	"context"
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

	"k8s.io/apimachinery/pkg/util/wait"
)

// Program is the manager as a process of its own.
type Program struct {
	command *exec.Cmd
	ended   chan struct{}
	failure error // how it has ended

	mu     sync.Mutex
	output strings.Builder
}

// StartProgram builds the real manager and starts it. It sees every namespace of the cluster, takes notifications on the loopback, and has
// neither a leader's lease nor metrics, unless args say otherwise.
func StartProgram(t testing.TB, c *Cluster, args ...string) *Program {
	t.Helper()
	binary, err := buildManager(t.Context(), filepath.Dir(c.Kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"--kubeconfig", c.Kubeconfig, "--leader-elect=false", "--metrics-bind-address", "0", "--health-probe-bind-address", "0",
		"--notification-bind-address", "127.0.0.1:0",
	}, args...)
	p := &Program{command: exec.Command(binary, args...), ended: make(chan struct{})} //nolint:noctx // the test ends it
	p.command.Stdout, p.command.Stderr = p, p
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.failure = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.Kill)
	return p
}

// buildManager builds the program into a folder, once.
func buildManager(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "manager")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	output, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/alipay-operator/alipay-operator/cmd/manager").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the manager: %w\n%s", err, output)
	}
	return binary, nil
}

// Signal sends it a signal.
func (p *Program) Signal(signal os.Signal) error { return p.command.Process.Signal(signal) }

// Wait waits until it has ended, and says how.
func (p *Program) Wait() error {
	<-p.ended
	return p.failure
}

// Kill ends it without warning.
func (p *Program) Kill() {
	_ = p.command.Process.Kill()
	_ = p.Wait()
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

// AwaitReceiver waits until it takes notifications, and returns the address.
func (p *Program) AwaitReceiver(t testing.TB) (address string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, longestStart, true, func(context.Context) (bool, error) {
		address = p.receiver()
		return address != "", nil
	})
	if err != nil {
		t.Fatalf("the manager takes no notifications: %v\n%s", err, p.Output())
	}
	return address
}

// receiver is what its log, which must be JSON, says of where it takes notifications; empty until then.
func (p *Program) receiver() string {
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
	if err := p.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(longest):
		return fmt.Errorf("the manager runs on after %s", longest)
	}
}
