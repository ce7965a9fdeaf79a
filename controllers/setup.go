package controllers

import (
	"context"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	restclient "k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Options of the controllers.
type Options struct {
	// Transport carries the requests to the gateway; every account shares its connections.
	Transport http.RoundTripper
	// GatewayTimeout bounds each request.
	GatewayTimeout time.Duration
	// Clock tells the time; tests travel with it.
	Clock clock.Clock
	// Workers is how many objects of a kind are worked on at once.
	Workers int
}

// SetupWithManager adds the reconcilers of every kind to a manager. ctx ends the watches on Secrets.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if err := AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("adding indexes: %w", err)
	}
	core, err := coreClient(mgr)
	if err != nil {
		return fmt.Errorf("making the client for Secrets: %w", err)
	}
	gateways := NewGateways(NewSecrets(ctx, core, mgr.GetAPIReader()), o.Transport, o.GatewayTimeout)
	gateways.ShareWorkers(o.Workers)
	lifecycle := func(name string) *Lifecycle {
		return NewLifecycle(mgr.GetClient(), mgr.GetAPIReader(), o.Clock, mgr.GetEventRecorder(name), gateways)
	}
	if err := (&MerchantAccountReconciler{Lifecycle: lifecycle("merchantaccount")}).SetupWithManager(mgr); err != nil {
		return err
	}
	if err := (&CatalogReconciler{Lifecycle: lifecycle("paymentmethodcatalog")}).SetupWithManager(mgr); err != nil {
		return err
	}
	if err := (&PaymentReconciler{Lifecycle: lifecycle("payment")}).SetupWithManager(mgr, o.Workers); err != nil {
		return err
	}
	if err := (&DisputeReconciler{Lifecycle: lifecycle("dispute")}).SetupWithManager(mgr, o.Workers); err != nil {
		return err
	}
	if err := (&RefundReconciler{Lifecycle: lifecycle("refund")}).SetupWithManager(mgr, o.Workers); err != nil {
		return err
	}
	if err := (&AgreementReconciler{Lifecycle: lifecycle("autodebitagreement")}).SetupWithManager(mgr, o.Workers); err != nil {
		return err
	}
	if err := (&CaptureReconciler{Lifecycle: lifecycle("capture")}).SetupWithManager(mgr, o.Workers); err != nil {
		return err
	}
	return NewCustomsDeclarationReconciler(lifecycle("customsdeclaration")).SetupWithManager(mgr, o.Workers)
}

// coreClient is a REST client of the core API group, for watches on single Secrets.
func coreClient(mgr ctrl.Manager) (restclient.Interface, error) {
	config := restclient.CopyConfig(mgr.GetConfig())
	config.APIPath = "/api"
	config.GroupVersion = &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return restclient.RESTClientForConfigAndClient(config, mgr.GetHTTPClient())
}
