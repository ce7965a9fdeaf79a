package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs in the background, known by its process id in a file.
type process struct {
	name string
	dir  string
	exit chan error
}

func (p *process) pidFile() string { return filepath.Join(p.dir, p.name+".pid") }
func (p *process) logFile() string { return filepath.Join(p.dir, p.name+".log") }

// start runs the program in a session of its own, so that an interrupt at the terminal reaches it only through stop.
func (p *process) start(binary string, args ...string) error {
	log, err := os.Create(p.logFile())
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(binary, args...) //nolint:noctx // it may outlive this program
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w (make builds it)", p.name, err)
	}
	p.exit = make(chan error, 1)
	go func() { p.exit <- command.Wait() }()
	return os.WriteFile(p.pidFile(), fmt.Appendln(nil, command.Process.Pid), 0o600)
}

// pid is that of the running program, or 0. A number that another program has got since does not count.
func (p *process) pid() int {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return 0
	}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && !strings.Contains(string(name), p.name) {
		return 0
	}
	return pid
}

// stop ends the program politely, and after ten seconds by force.
func (p *process) stop() {
	pid := p.pid()
	defer os.Remove(p.pidFile())
	if pid == 0 {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if p.pid() == 0 || p.exited() {
			return
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// exited reports whether a program that this one has started is over.
func (p *process) exited() bool {
	if p.exit == nil {
		return false
	}
	select {
	case err := <-p.exit:
		p.exit <- err
		return true
	default:
		return false
	}
}

// until waits for something that the program brings about.
func (p *process) until(ctx context.Context, what string, done func() (bool, error)) error {
	var last error
	for {
		ok, err := done()
		if ok {
			return nil
		}
		if last = err; p.exited() {
			return fmt.Errorf("%s stopped before %s: see %s", p.name, what, p.logFile())
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting until %s: %w", what, ctx.Err()), last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
