package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	controlplane "k8s.io/kubernetes/pkg/controlplane/apiserver/options"
	generic "k8s.io/kubernetes/pkg/controlplane/apiserver/samples/generic/server"
)

const (
	// readyTimeout bounds the start of the API server, also on a machine busy with other builds.
	readyTimeout = 2 * time.Minute

	// watchGracePeriod is how long open watches may take to end at a stop.
	watchGracePeriod = time.Second

	// apiServerStopTimeout is how long a stop waits for requests in flight. Whatever was answered is stored by then.
	apiServerStopTimeout = 2500 * time.Millisecond
)

// auditPolicy records who did what to which object, once per request, and no bodies: those may hold Secrets.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

// apiServer is a running API server.
type apiServer struct {
	admin    adminAccess
	loopback *rest.Config // for the controllers in this process
	failed   <-chan error // why it stopped, if nobody asked
	cancel   context.CancelFunc
}

// startAPIServer starts the API server; waitReady says when it may be used.
func startAPIServer(opts options, etcdEndpoint string, listener net.Listener) (_ *apiServer, err error) {
	admin, config, err := configureAPIServer(opts, etcdEndpoint, listener)
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	completed, err := config.Complete(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, utilerrors.NewAggregate(errs)
	}
	serverConfig, err := generic.NewConfig(completed)
	if err != nil {
		return nil, err
	}
	// Upstream assumes three servers, which hear of a new CRD one after the other, and makes each CRD wait 5 s for that.
	serverConfig.APIExtensions.ExtraConfig.MasterCount = 1
	completedConfig, err := serverConfig.Complete()
	if err != nil {
		return nil, err
	}
	chain, err := generic.CreateServerChain(completedConfig)
	if err != nil {
		return nil, err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return nil, err
	}
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		if err := prepared.Run(ctx); err != nil || ctx.Err() == nil {
			failed <- errors.Join(errors.New("it ended unasked"), err)
		}
	}()
	return &apiServer{
		admin:    admin,
		loopback: chain.GenericAPIServer.LoopbackClientConfig,
		failed:   failed,
		cancel:   cancel,
	}, nil
}

// configureAPIServer makes this run's credentials and the upstream options that use them.
func configureAPIServer(opts options, etcdEndpoint string, listener net.Listener) (adminAccess, *controlplane.Options, error) {
	ca, err := newAuthority()
	if err != nil {
		return adminAccess{}, nil, err
	}
	adminPair, err := ca.admin()
	if err != nil {
		return adminAccess{}, nil, err
	}
	serverPair, err := ca.server()
	if err != nil {
		return adminAccess{}, nil, err
	}
	address := listener.Addr().(*net.TCPAddr)
	admin := adminAccess{url: "https://" + address.String(), ca: ca.pem, keyPair: adminPair}

	o := generic.NewOptions()
	o.Etcd.StorageConfig.Transport.ServerList = []string{etcdEndpoint}

	o.SecureServing.Listener = listener
	o.SecureServing.BindAddress = address.IP
	o.SecureServing.BindPort = address.Port
	o.SecureServing.ExternalAddress = address.IP
	o.SecureServing.ServerCert.CertDirectory = "" // or it would make a certificate of its own there
	o.SecureServing.ServerCert.CertKey.CertFile = filepath.Join(opts.dir, "server.crt")
	o.SecureServing.ServerCert.CertKey.KeyFile = filepath.Join(opts.dir, "server.key")
	o.GenericServerRunOptions.AdvertiseAddress = address.IP // or it would look for a network, and there may be none
	// Drain first, then close: a stop then takes a second or two, not the 60 s that a request may take.
	o.GenericServerRunOptions.ShutdownSendRetryAfter = true
	o.GenericServerRunOptions.ShutdownWatchTerminationGracePeriod = watchGracePeriod

	clientCA, err := dynamiccertificates.NewStaticCAContent("client-ca", ca.pem)
	if err != nil {
		return adminAccess{}, nil, err
	}
	o.Authentication.ClientCert.CAContentProvider = clientCA
	o.Authorization.Modes = []string{"RBAC"}

	serviceAccountKey := filepath.Join(opts.dir, "service-account.key")
	o.ServiceAccountSigningKeyFile = serviceAccountKey
	o.Authentication.ServiceAccounts.KeyFiles = []string{serviceAccountKey}
	o.Authentication.ServiceAccounts.Issuers = []string{"https://kubernetes.default.svc"}

	if opts.auditLog != "" {
		o.Audit.PolicyFile = filepath.Join(opts.dir, "audit-policy.yaml")
		o.Audit.LogOptions.Path = opts.auditLog
		o.Audit.LogOptions.MaxSize = 1 << 20 // MB: never rotate under the eyes of whoever counts lines
		if err := os.WriteFile(o.Audit.PolicyFile, []byte(auditPolicy), 0o600); err != nil {
			return adminAccess{}, nil, err
		}
	}
	err = errors.Join(
		writeFileAtomically(o.SecureServing.ServerCert.CertKey.CertFile, serverPair.cert),
		writeFileAtomically(o.SecureServing.ServerCert.CertKey.KeyFile, serverPair.key),
		ensureServiceAccountKey(serviceAccountKey),
	)
	return admin, o, err
}

// waitReady waits until the administrator can use the server and the namespace "default" exists. It asks with the
// credentials that the kubeconfig will hold, so it proves them too.
func (s *apiServer) waitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(s.admin.restConfig())
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, readyTimeout, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-s.failed:
			return false, err
		default:
		}
		if last = client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); last != nil {
			return false, nil
		}
		_, last = client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return last == nil, nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w; last answer: %w", err, last)
	}
	return err
}

// stop ends the server after the requests in flight, or without them when they take too long.
func (s *apiServer) stop() {
	s.cancel()
	select {
	case <-s.failed: // closed when it has ended
	case <-time.After(apiServerStopTimeout):
		fmt.Fprintln(os.Stderr, "devcluster: requests in flight did not end in time, stopping without them")
	}
}
