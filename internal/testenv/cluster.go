package testenv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// DevclusterVariable names the environment variable with the path of the devcluster program.
const DevclusterVariable = "ALIPAY_OPERATOR_DEVCLUSTER"

// longestStart bounds the start of an API server, which takes about three seconds.
const longestStart = time.Minute

// Cluster is a running API server with this project's kinds and admission policy.
type Cluster struct {
	Config     *rest.Config
	Kubeconfig string
	Client     client.WithWatch

	command *exec.Cmd
	stdin   io.Closer
	log     *bytes.Buffer
}

// Scheme knows the kinds of Kubernetes and of this project.
func Scheme() *apiruntime.Scheme {
	scheme := apiruntime.NewScheme()
	for _, add := range []func(*apiruntime.Scheme) error{clientgoscheme.AddToScheme, apiv1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // a programming error
		}
	}
	return scheme
}

// Root is the top of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Binary is the path of a program that make has built.
func Binary(name string) string { return filepath.Join(Root(), "bin", name) }

// StartCluster starts an API server on a data directory, new or from a former run, and installs the kinds if they are missing. It
// stops when this process ends, however that happens. It does not wait for the disk.
func StartCluster(ctx context.Context, dir string) (*Cluster, error) {
	return startCluster(ctx, dir, "--unsafe-no-fsync")
}

// StartDurableCluster starts one that answers a write only when the disk has it, as in production.
func StartDurableCluster(ctx context.Context, dir string) (*Cluster, error) {
	return startCluster(ctx, dir)
}

func startCluster(ctx context.Context, dir string, flags ...string) (*Cluster, error) {
	binary := os.Getenv(DevclusterVariable)
	if binary == "" {
		binary = Binary("devcluster")
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("integration tests need the API server: run make bin/devcluster, or make test: %w", err)
	}
	c := &Cluster{Kubeconfig: filepath.Join(dir, "kubeconfig"), log: &bytes.Buffer{}}
	flags = append(flags, "--dir", filepath.Join(dir, "data"), "--kubeconfig", c.Kubeconfig, "--stop-on-stdin-close")
	c.command = exec.CommandContext(ctx, binary, flags...) //nolint:gosec // our own program
	c.command.Stderr = c.log
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	if err := c.awaitReady(stdout); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	if err := c.connect(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// awaitReady reads standard output up to the line that says so.
func (c *Cluster) awaitReady(stdout io.Reader) error {
	ready := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "devcluster ready:") {
				ready <- nil
				_, _ = io.Copy(io.Discard, stdout)
				return
			}
		}
		ready <- errors.New("devcluster ended before it was ready")
	}()
	select {
	case err := <-ready:
		return err
	case <-time.After(longestStart):
		return errors.New("devcluster was not ready in time")
	}
}

func (c *Cluster) connect(ctx context.Context) error {
	silence()
	var err error
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		return err
	}
	c.Config.QPS = -1
	if c.Client, err = client.NewWithWatch(c.Config, client.Options{Scheme: Scheme()}); err != nil {
		return err
	}
	for _, part := range []string{"crd", "admission"} {
		if err := c.install(ctx, filepath.Join(Root(), "config", part)); err != nil {
			return err
		}
	}
	return c.awaitInstalled(ctx)
}

// install applies every manifest of a folder, save the kustomization.
func (c *Cluster) install(ctx context.Context, folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		objects, err := ReadObjects(file)
		if err != nil {
			return err
		}
		for _, obj := range objects {
			if obj.GetKind() == "Kustomization" {
				continue
			}
			if err := c.Client.Create(ctx, obj); err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("installing %s: %w", file, err)
			}
		}
	}
	return nil
}

// awaitInstalled waits until the kinds are served and the admission policy refuses.
func (c *Cluster) awaitInstalled(ctx context.Context) error {
	probe := &apiv1.Refund{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "probe"},
		Spec: apiv1.RefundSpec{
			PaymentRef: apiv1.PaymentReference{Name: "probe"}, Full: true,
			AdditionalFields: &apiruntime.RawExtension{Raw: []byte(`{"cardNo":"4"}`)},
		},
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, longestStart, true, func(ctx context.Context) (bool, error) {
		err := c.Client.Create(ctx, probe.DeepCopy(), client.DryRunAll)
		return (apierrors.IsInvalid(err) || apierrors.IsForbidden(err)) && strings.Contains(err.Error(), "additionalFields"), nil
	})
}

// RunTests runs a package's tests with a cluster that all of them share, and returns the exit code. started is given the cluster before
// the first test.
func RunTests(m *testing.M, started func(*Cluster)) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "alipay-operator-test-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	cluster, err := StartCluster(context.Background(), dir)
	if err != nil {
		return fail(err)
	}
	started(cluster)
	code := m.Run()
	if err := cluster.Stop(); err != nil {
		return fail(err)
	}
	return code
}

// Stop ends the API server; its data stays in the directory.
func (c *Cluster) Stop() error {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	_ = c.stdin.Close()
	if err := c.command.Wait(); err != nil {
		return fmt.Errorf("devcluster: %w\n%s", err, c.log)
	}
	return nil
}

// Kill ends the API server without warning; its data stays in the directory.
func (c *Cluster) Kill() {
	_ = c.command.Process.Kill()
	_ = c.stdin.Close()
	_ = c.command.Wait()
}

// ReadObjects reads the manifests in a file.
func ReadObjects(file string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		obj := &unstructured.Unstructured{}
		switch err := decoder.Decode(obj); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", file, err)
		case len(obj.Object) > 0:
			objects = append(objects, obj)
		}
	}
}
