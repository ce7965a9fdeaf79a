// Command devcluster runs a real Kubernetes API server and etcd in one process, for trying the operator out, for tests
// and for benchmarks on a machine that has nothing but Go. README.md says what it has and what it lacks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// options is what the command line says.
type options struct {
	dir              string
	port             int
	kubeconfig       string
	auditLog         string
	unsafeNoFsync    bool
	stopOnStdinClose bool
	verbosity        int
}

func main() {
	opts, err := parseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "devcluster: %v\n", err)
		os.Exit(2)
	}
	if err := run(stopContext(opts.stopOnStdinClose), opts, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "devcluster: %v\n", err)
		os.Exit(1)
	}
}

func parseFlags(args []string, usage io.Writer) (options, error) {
	var o options
	flags := pflag.NewFlagSet("devcluster", pflag.ContinueOnError)
	flags.SetOutput(usage)
	flags.SortFlags = false
	flags.StringVar(&o.dir, "dir", "", "directory for the data and keys, created if missing; one server at a time (required)")
	flags.IntVar(&o.port, "port", 0, "TCP port of the API server on 127.0.0.1; 0 takes a free one")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig to write, mode 0600, once the server is ready, "+
		"and to remove when it stops: waiting for this file is waiting for readiness (default DIR/kubeconfig)")
	flags.StringVar(&o.auditLog, "audit-log", "", "file to append an audit event to for every request, as JSON lines at level Metadata (default none)")
	flags.BoolVar(&o.unsafeNoFsync, "unsafe-no-fsync", false, "do not wait for the disk: faster, and a power cut may lose or corrupt data")
	flags.BoolVar(&o.stopOnStdinClose, "stop-on-stdin-close", false, "stop when standard input ends: with a pipe from the parent, nothing outlives it")
	flags.IntVar(&o.verbosity, "v", 0, "log level of Kubernetes, 0 to 10; 0 logs warnings and errors only")
	flags.Usage = func() {
		fmt.Fprintf(usage, "devcluster runs a Kubernetes API server and etcd in one process, until SIGINT or SIGTERM.\n\nFlags:\n%s", flags.FlagUsagesWrapped(100))
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.dir == "" {
		return o, errors.New("--dir is required")
	}
	if o.port < 0 || o.port > 65535 {
		return o, fmt.Errorf("--port %d is not between 0 and 65535", o.port)
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return o, err
	}
	o.dir = dir
	if o.kubeconfig == "" {
		o.kubeconfig = filepath.Join(o.dir, "kubeconfig")
	}
	return o, nil
}

// stopContext ends on SIGINT or SIGTERM, and on the end of standard input if asked. A second signal kills: a stop that
// hangs must not need kill -9.
func stopContext(stdin bool) context.Context {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel) // restores the default action of both signals
	if stdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	return ctx
}

// run starts everything, announces readiness on out, waits for ctx to end, and stops everything in reverse.
func run(ctx context.Context, opts options, out io.Writer) (err error) {
	started := time.Now()
	log := configureLogging(opts.verbosity)
	log.hold()
	defer func() {
		if err != nil {
			log.tell()
		}
	}()

	release, err := claimDir(opts.dir)
	if err != nil {
		return err
	}
	defer release()
	if err := removeKubeconfig(opts.kubeconfig); err != nil {
		return err
	}

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(opts.port)))
	if err != nil {
		return err
	}
	// Nobody closes it but the API server, which panics when somebody else does.

	etcd, err := startEtcd(ctx, opts.dir, opts.unsafeNoFsync, log)
	if err != nil {
		return fmt.Errorf("starting etcd: %w", err)
	}
	defer etcd.stop()

	server, err := startAPIServer(opts, etcd.endpoint, listener)
	if err != nil {
		return fmt.Errorf("starting the API server: %w", err)
	}
	defer server.stop()

	if err := server.waitReady(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before it was ready
		}
		return fmt.Errorf("waiting for the API server: %w", err)
	}
	stopControllers, err := startControllers(server.loopback)
	if err != nil {
		return fmt.Errorf("starting the controllers: %w", err)
	}
	defer stopControllers()

	if err := server.admin.write(opts.kubeconfig); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	defer func() { _ = removeKubeconfig(opts.kubeconfig) }() // nobody should wait for the next start and find this one
	log.pass()
	fmt.Fprintf(out, "devcluster ready: %s kubeconfig: %s, took %.1fs\n",
		server.admin.url, opts.kubeconfig, time.Since(started).Seconds())

	select {
	case <-ctx.Done():
		log.hold()
		return nil
	case err := <-server.failed:
		return fmt.Errorf("the API server stopped: %w", err)
	case err := <-etcd.failed():
		return fmt.Errorf("etcd stopped: %w", err)
	}
}
