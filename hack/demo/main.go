// Command demo runs the whole system on one machine: an API server, a simulated gateway and the operator.
//
//	demo          plays the sample shop from the first kubectl apply to the last debit, then stops everything
//	demo up       starts the same environment and leaves it running
//	demo down     stops it
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// longestDemo bounds a run; it takes less than a minute.
const longestDemo = 3 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	command := "demo"
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	err := run(ctx, command)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n%s failed: %v\n", command, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, command string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "config", "samples", "shop")); err != nil {
		return fmt.Errorf("run this from the top of the repository: %w", err)
	}
	switch command {
	case "demo":
		ctx, cancel := context.WithTimeout(ctx, longestDemo)
		defer cancel()
		return demo(ctx, root)
	case "up":
		return up(ctx, root)
	case "down":
		return down(root)
	default:
		return fmt.Errorf("unknown command %q: use demo, up or down", command)
	}
}

// demo plays the story in an environment of its own and leaves nothing behind.
func demo(ctx context.Context, root string) (err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "alipay-operator-demo-")
	if err != nil {
		return err
	}
	env := newEnvironment(root, dir)
	defer func() {
		if err != nil {
			env.printLogs()
		}
		env.stop()
		if removed := os.RemoveAll(dir); err == nil {
			err = removed
		}
	}()
	if err := env.start(ctx, addresses{gateway: anyPort, control: anyPort, notifications: anyPort}); err != nil {
		return err
	}
	if err := tell(ctx, env); err != nil {
		return err
	}
	fmt.Printf("\nEvery object reached the state that its sample expects, in %.0f seconds.\n", time.Since(began).Seconds())
	return nil
}

const anyPort = "127.0.0.1:0"

// Where "up" serves the gateway, its control API and the operator's receiver of notifications, so that addresses in terminals,
// browsers and config/samples/shop/account.yaml stay good.
var fixedAddresses = addresses{gateway: "127.0.0.1:9090", control: "127.0.0.1:9091", notifications: "127.0.0.1:9292"}

func up(ctx context.Context, root string) error {
	env := newEnvironment(root, filepath.Join(root, ".run"))
	if env.running() {
		return fmt.Errorf("the environment is running already: make down stops it")
	}
	if err := env.start(ctx, fixedAddresses); err != nil {
		env.printLogs()
		env.stop()
		return err
	}
	fmt.Printf(`
The environment is up. In the shell that you work in:

    export KUBECONFIG=%s
    export PATH=%s:$PATH

Create the sample payments, and watch them in a second shell:

    kubectl apply -f config/samples/shop/payments.yaml -f config/samples/shop/refunds.yaml
    kubectl -n shop get payments,refunds --watch

Be the buyer at %s/ (one link for each open order and consent), and see what the gateway has booked with

    curl '%s/ledger?format=table'

The gateway notifies the operator at %s. make down stops everything.
`, env.kubeconfig, filepath.Join(root, "bin"), env.gatewayURL, env.controlURL, env.notificationURL)
	return nil
}

func down(root string) error {
	env := newEnvironment(root, filepath.Join(root, ".run"))
	if !env.running() {
		fmt.Println("Nothing is running.")
	}
	env.stop()
	return os.RemoveAll(env.dir)
}
