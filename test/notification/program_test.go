package notification

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// longestStart bounds the start of a manager, which takes about a second.
const longestStart = time.Minute

// buildManager builds the real program.
func buildManager(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "manager")
	output, err := exec.Command("go", "build", "-o", binary, "github.com/alipay-operator/alipay-operator/cmd/manager").CombinedOutput()
	if err != nil {
		t.Fatalf("building the manager: %v\n%s", err, output)
	}
	return binary
}

// program is a manager that runs as a process of its own.
type program struct {
	command *exec.Cmd
	// receiver is the address on which it takes notifications.
	receiver string
}

// startManager starts the program, and returns once it takes notifications.
func startManager(t *testing.T, binary string, c *testenv.Cluster) *program {
	t.Helper()
	p := &program{command: exec.Command(binary, "--kubeconfig", c.Kubeconfig, "--leader-elect=false", "--metrics-bind-address", "0",
		"--health-probe-bind-address", "0", "--notification-bind-address", "127.0.0.1:0")}
	log, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	addresses := make(chan string, 1)
	go readAddress(log, addresses)
	select {
	case p.receiver = <-addresses:
	case <-time.After(longestStart):
	}
	if p.receiver == "" {
		t.Fatal("the manager takes no notifications")
	}
	return p
}

// readAddress reads a manager's log, to its end, for the receiver's address.
func readAddress(log io.Reader, found chan<- string) {
	defer close(found)
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct {
			Message string `json:"msg"`
			Address string `json:"address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "Receiving notifications" {
			found <- line.Address
		}
	}
	_, _ = io.Copy(io.Discard, log) // a line was too long
}

// kill ends the program without warning, and waits for its end.
func (p *program) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// killTogether ends manager and API server in the same instant.
func killTogether(p *program, c *testenv.Cluster) error {
	err := p.command.Process.Kill()
	c.Kill()
	if err != nil {
		return fmt.Errorf("killing the manager: %w", err)
	}
	_ = p.command.Wait()
	return nil
}
