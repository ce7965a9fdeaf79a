// Command manager runs the controllers of the payments.alipay-operator.io API group.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/controllers"
	"github.com/alipay-operator/alipay-operator/internal/notification"
)

// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update,namespace=alipay-operator-system
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch,namespace=alipay-operator-system
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

type options struct {
	metricsAddress, probeAddress string
	metricsInsecure              bool
	leaderElect                  bool
	leaderNamespace              string
	leaseDuration                time.Duration
	gatewayTimeout               time.Duration
	workers                      int
	notifications                notification.Options
}

func main() {
	var o options
	flag.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "Address of the metrics endpoint; 0 switches it off.")
	flag.BoolVar(&o.metricsInsecure, "metrics-insecure", false,
		"Serve metrics over plain HTTP to anyone. By default they are served over HTTPS, to those whom the API server authenticates and authorizes.")
	flag.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "Address of /healthz and /readyz; 0 switches them off.")
	flag.BoolVar(&o.leaderElect, "leader-elect", true, "Let one replica at a time run the controllers. Switch off only where a second replica is impossible.")
	flag.StringVar(&o.leaderNamespace, "leader-election-namespace", "",
		"Namespace of the leader's Lease; the manager's own namespace when empty.")
	flag.DurationVar(&o.leaseDuration, "leader-election-lease-duration", 30*time.Second,
		"How long a silent leader keeps the lease. Must be more than twice --gateway-timeout, so that a request of a former leader has ended before the next one acts.")
	flag.DurationVar(&o.gatewayTimeout, "gateway-timeout", 13*time.Second, "How long a request to the gateway may take. The gateway's guide asks for at least 10s.")
	flag.IntVar(&o.workers, "workers", 64,
		"How many objects of a kind are worked on at once. One account has at most half as many requests to the gateway under way.")
	flag.StringVar(&o.notifications.Address, "notification-bind-address", ":9080",
		"Address on which every replica receives the gateway's notifications; 0 switches that off, and operations are followed by inquiry alone.")
	flag.StringVar(&o.notifications.CertFile, "notification-cert-file", "",
		"TLS certificate of the notification receiver, in PEM; read again when it changes. Plain HTTP, for an ingress that ends TLS, when empty.")
	flag.StringVar(&o.notifications.KeyFile, "notification-key-file", "", "Private key of that certificate, in PEM.")
	logging := zap.Options{TimeEncoder: zapcore.RFC3339TimeEncoder}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	held := holdLevel(&logging)
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
	if held {
		ctrl.Log.Info("The log level is held at 7: beyond it, requests to the API server would be logged with the Secrets in them")
	}

	if err := run(o); err != nil {
		ctrl.Log.Error(err, "The manager has stopped")
		os.Exit(1)
	}
}

func run(o options) error {
	if o.leaseDuration <= 2*o.gatewayTimeout {
		return fmt.Errorf("--leader-election-lease-duration (%s) must be more than twice --gateway-timeout (%s)", o.leaseDuration, o.gatewayTimeout)
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiv1.AddToScheme(scheme))

	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	config.QPS, config.Burst = -1, -1 // the API server's own fairness limits us
	config.UserAgent = "alipay-operator"

	renewDeadline, retryPeriod := o.leaseDuration*2/3, o.leaseDuration/6
	shutdown := o.gatewayTimeout + 10*time.Second
	metrics := metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: !o.metricsInsecure}
	if !o.metricsInsecure {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metrics,
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "alipay-operator",
		LeaderElectionNamespace:       o.leaderNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.leaseDuration,
		RenewDeadline:                 &renewDeadline,
		RetryPeriod:                   &retryPeriod,
		GracefulShutdownTimeout:       &shutdown,
		// Secrets are read by name, never listed: see controllers.Secrets.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	})
	if err != nil {
		return fmt.Errorf("making the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	err = controllers.SetupWithManager(ctx, mgr, controllers.Options{
		Transport:      alipay.NewTransport(),
		GatewayTimeout: o.gatewayTimeout,
		Clock:          clock.RealClock{},
		Workers:        o.workers,
	})
	if err != nil {
		return fmt.Errorf("setting up the controllers: %w", err)
	}
	if o.notifications.Address != "0" {
		if err := notification.SetupWithManager(ctx, mgr, o.notifications); err != nil {
			return fmt.Errorf("setting up the notification receiver: %w", err)
		}
	}
	ctrl.Log.Info("Starting", "leaderElection", o.leaderElect, "workers", o.workers)
	return mgr.Start(ctx)
}
