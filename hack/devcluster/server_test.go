package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

const (
	// runServerVariable makes the test binary the server, so that the tests meet a real process with the real flags.
	runServerVariable = "DEVCLUSTER_TEST_RUN_SERVER"

	startTimeout = 3 * time.Minute // a server shares the machine with whatever else runs there
	waitTimeout  = time.Minute
	stopTimeout  = 10 * time.Second // twice what the README promises, for a busy machine
)

var (
	crdResource    = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	widgetResource = schema.GroupVersionResource{Group: "devcluster.test", Version: "v1", Resource: "widgets"}
)

// shared is the one server of all tests that do not stop it.
var shared *testServer

func TestMain(m *testing.M) {
	if os.Getenv(runServerVariable) != "" {
		main()
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "devcluster-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	shared, err = startServer(dir, "--unsafe-no-fsync")
	if err != nil {
		panic(err)
	}
	defer shared.kill()
	if err := installWidgets(shared.config); err != nil {
		panic(err)
	}
	return m.Run()
}

// testServer is a server process that this test started.
type testServer struct {
	cmd        *exec.Cmd
	stdin      io.WriteCloser // ends with this process, and the server with it
	exited     chan struct{}  // closed when the process has ended
	kubeconfig string
	readyLine  string
	config     *rest.Config
	stderr     *lockedBuffer
}

// startServer starts a server and returns once its kubeconfig is there and works.
func startServer(dir string, args ...string) (*testServer, error) {
	s := &testServer{exited: make(chan struct{}), stderr: &lockedBuffer{}, kubeconfig: filepath.Join(dir, "kubeconfig")}
	s.cmd = exec.Command(os.Args[0], append([]string{"--dir", dir, "--stop-on-stdin-close"}, args...)...)
	s.cmd.Env = append(os.Environ(), runServerVariable+"=1")
	s.cmd.Stderr = s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- line
		_, _ = io.Copy(io.Discard, stdout)
		_ = s.cmd.Wait() // only after stdout was read to its end
		close(s.exited)
	}()
	select {
	case s.readyLine = <-ready:
	case <-time.After(startTimeout):
	}
	if !strings.HasPrefix(s.readyLine, "devcluster ready: ") {
		s.kill()
		return nil, errors.New("server is not ready; it said: " + s.stderr.String())
	}
	if s.config, err = clientcmd.BuildConfigFromFlags("", s.kubeconfig); err != nil {
		s.kill()
		return nil, err
	}
	s.config.QPS = -1
	return s, nil
}

func (s *testServer) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop sends the signal and fails the test unless the server ends in time with the exit code 0.
func (s *testServer) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	began := time.Now()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	s.expectCleanExit(t)
	t.Logf("stopped in %s", time.Since(began).Round(time.Millisecond))
}

func (s *testServer) expectCleanExit(t *testing.T) {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines say what it waits for
		<-s.exited
		t.Fatalf("server did not stop within %s:\n%s", stopTimeout, s.stderr)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("exit code = %d, want 0:\n%s", code, s.stderr)
	}
}

// startOwnServer starts a server for a test that stops it, and makes sure that it ends with the test.
func startOwnServer(t *testing.T, dir string, args ...string) *testServer {
	t.Helper()
	s, err := startServer(dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// lockedBuffer collects what a process writes while a test may read it.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// installWidgets installs the kind the tests use and returns once it is served.
func installWidgets(config *rest.Config) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join("testdata", "crd.yaml"))
	if err != nil {
		return err
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, &crd.Object); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	if _, err := client.Resource(crdResource).Create(ctx, crd, metav1.CreateOptions{}); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := client.Resource(widgetResource).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// eventually waits until the condition holds, and fails the test when that takes too long.
func eventually(t *testing.T, what string, condition func(context.Context) (bool, error)) {
	t.Helper()
	began := time.Now()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, waitTimeout, true, condition); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("%s after %s", what, time.Since(began).Round(10*time.Millisecond))
}

func clients(t *testing.T, config *rest.Config) (kubernetes.Interface, dynamic.Interface) {
	t.Helper()
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return typed, untyped
}

// widget builds a Widget with the given spec, written as YAML.
func widget(t *testing.T, name, spec string) *unstructured.Unstructured {
	t.Helper()
	w := &unstructured.Unstructured{}
	content := "apiVersion: devcluster.test/v1\nkind: Widget\nmetadata: {name: " + name + "}\nspec: " + spec + "\n"
	if err := yaml.Unmarshal([]byte(content), &w.Object); err != nil {
		t.Fatal(err)
	}
	return w
}
