package notification

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/go-logr/logr"
	"golang.org/x/net/netutil"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Options of the receiver.
type Options struct {
	// Address to listen on, such as ":9080".
	Address string
	// Listener takes the place of Address, if given.
	Listener net.Listener
	// CertFile and KeyFile switch TLS on. They are read again when they change.
	CertFile, KeyFile string
}

// server listens for notifications while the manager runs, whether or not this replica leads.
type server struct {
	receiver *Receiver
	listener net.Listener
	certs    *certwatcher.CertWatcher
	log      logr.Logger
	serving  atomic.Bool
}

// SetupWithManager adds the receiver to a manager.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, o Options) (err error) {
	if err := AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("adding indexes: %w", err)
	}
	// Where no controller runs, because another replica leads, nothing else asks for the accounts before the first notification does.
	if _, err := mgr.GetCache().GetInformer(ctx, &apiv1.MerchantAccount{}); err != nil {
		return fmt.Errorf("caching accounts: %w", err)
	}
	logger := mgr.GetLogger().WithName("notification")
	s := &server{receiver: NewReceiver(mgr.GetCache(), mgr.GetClient(), logger), log: logger}
	s.receiver.live = mgr.GetAPIReader()
	if o.CertFile != "" || o.KeyFile != "" {
		if s.certs, err = certwatcher.New(o.CertFile, o.KeyFile); err != nil {
			return fmt.Errorf("reading the receiver's certificate: %w", err)
		}
	}
	if s.listener = o.Listener; s.listener == nil {
		if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", o.Address); err != nil {
			return fmt.Errorf("listening for notifications: %w", err)
		}
	}
	if err := mgr.AddReadyzCheck("notifications", s.ready); err != nil {
		return err
	}
	return mgr.Add(s)
}

// NeedLeaderElection says that every replica receives.
func (s *server) NeedLeaderElection() bool { return false }

// ready fails until notifications can be received: before the caches are filled, every object is unknown.
func (s *server) ready(*http.Request) error {
	if !s.serving.Load() {
		return errors.New("not receiving yet")
	}
	return nil
}

// Start serves until ctx is done, then finishes what has arrived.
func (s *server) Start(ctx context.Context) error {
	listener := netutil.LimitListener(s.listener, maxConnections)
	if s.certs != nil {
		go func() {
			if err := s.certs.Start(ctx); err != nil {
				s.log.Error(err, "The receiver's certificate is not watched any more")
			}
		}()
		listener = tls.NewListener(listener, &tls.Config{
			GetCertificate: s.certs.GetCertificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		})
	}
	httpServer := newHTTPServer(s.receiver, s.log)
	failed := make(chan error, 1)
	go func() { failed <- httpServer.Serve(listener) }()
	s.serving.Store(true)
	defer s.serving.Store(false)
	s.log.Info("Receiving notifications", "address", s.listener.Addr().String(), "tls", s.certs != nil)
	select {
	case err := <-failed:
		return fmt.Errorf("receiving notifications: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout+longestQueueing)
	defer cancel()
	if err := httpServer.Shutdown(ending); err != nil {
		return errors.Join(err, httpServer.Close())
	}
	return nil
}

// newHTTPServer bounds what a connection may take.
func newHTTPServer(handler http.Handler, logger logr.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          quietLog(logger),

		DisableGeneralOptionsHandler: true, // the receiver refuses OPTIONS * like the rest
	}
}

// quietLog takes what strangers' connections leave behind, such as failed handshakes: seen only by those who ask for it.
func quietLog(logger logr.Logger) *log.Logger {
	return log.New(writer(func(text []byte) { logger.V(1).Info("Connection", "error", strings.TrimSpace(string(text))) }), "", 0)
}

type writer func([]byte)

func (w writer) Write(text []byte) (int, error) {
	w(text)
	return len(text), nil
}
