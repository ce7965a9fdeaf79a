package testenv

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/alipay-operator/alipay-operator/alipay"
	"github.com/alipay-operator/alipay-operator/controllers"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// silence keeps the managers' logs out of the tests' output.
var silence = sync.OnceFunc(func() { ctrl.SetLogger(logr.Discard()) })

// Manager is a manager that serves one shop in this process.
type Manager struct {
	stop func()
	done chan error
	// NotificationAddress is where this manager's receiver listens, if the shop has an ingress.
	NotificationAddress string
}

// ManagerOptions say how a manager differs from the usual one.
type ManagerOptions struct {
	// Wrap sees every request to the API server.
	Wrap func(http.RoundTripper) http.RoundTripper
	// Clock is the controllers'; the real one when nil.
	Clock clock.Clock
	// User is whom the API server takes the manager for; the cluster's owner when empty.
	User string
	// ReceiverOnly makes it a replica that never leads: it takes notifications and runs no controllers.
	ReceiverOnly bool
	// LeaderElection lets one of the shop's managers at a time run the controllers.
	LeaderElection bool
	// Log takes what the manager logs; nobody when zero.
	Log logr.Logger
}

// RunManager starts the real manager with the real cache for the shop. wrap, if given, sees every request to the API server.
func (s *Shop) RunManager(wrap func(http.RoundTripper) http.RoundTripper) *Manager {
	s.T.Helper()
	return s.RunManagerWith(ManagerOptions{Wrap: wrap})
}

// Workers is how many objects of a kind a test's manager works on at once.
const Workers = 8

// RunManagerWith starts a manager that differs from the usual one.
func (s *Shop) RunManagerWith(o ManagerOptions) *Manager {
	s.T.Helper()
	apiConfig := rest.CopyConfig(s.Cluster.Config)
	apiConfig.Impersonate.UserName = o.User
	if o.Wrap != nil {
		apiConfig.Wrap(o.Wrap)
	}
	silence()
	again := true
	options := ctrl.Options{
		Scheme:     Scheme(),
		Logger:     o.Log,
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{s.Namespace: {}}},
		Controller: config.Controller{SkipNameValidation: &again},
	}
	if o.LeaderElection {
		options.LeaderElection, options.LeaderElectionID, options.LeaderElectionNamespace = true, "alipay-operator", s.Namespace
		options.LeaderElectionReleaseOnCancel = true
		// Tests share their processors with others, and a leader that could not renew its lease in time would end.
		lease, renewal := 2*time.Minute, 100*time.Second
		options.LeaseDuration, options.RenewDeadline = &lease, &renewal
	}
	mgr, err := ctrl.NewManager(apiConfig, options)
	if err != nil {
		s.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if !o.ReceiverOnly {
		err = controllers.SetupWithManager(ctx, mgr, controllers.Options{
			Transport: alipay.NewTransport(), GatewayTimeout: 10 * time.Second, Clock: o.Clock, Workers: Workers,
		})
	}
	if err != nil {
		cancel()
		s.T.Fatal(err)
	}
	m := &Manager{stop: cancel, done: make(chan error, 1)}
	if s.Ingress != nil {
		s.receive(ctx, mgr, m)
	}
	go func() { m.done <- mgr.Start(ctx) }()
	s.T.Cleanup(func() {
		if err := m.Stop(); err != nil {
			s.T.Errorf("the manager ended with an error: %v", err)
		}
	})
	return m
}

// receive lets the manager take notifications from the shop's ingress.
func (s *Shop) receive(ctx context.Context, mgr ctrl.Manager, m *Manager) {
	s.T.Helper()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		s.T.Fatal(err)
	}
	if err := notification.SetupWithManager(ctx, mgr, notification.Options{Listener: listener}); err != nil {
		s.T.Fatal(err)
	}
	m.NotificationAddress = listener.Addr().String()
	s.Ingress.Add(m.NotificationAddress)
	stop := m.stop
	m.stop = func() {
		s.Ingress.Remove(m.NotificationAddress)
		stop()
	}
}

// Stop ends the manager and waits until it has finished the call in flight.
func (m *Manager) Stop() error {
	m.stop()
	err, open := <-m.done
	if open {
		close(m.done)
	}
	return err
}
