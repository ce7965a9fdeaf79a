package main

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsscheme "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/scheme"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/validatingadmissionpolicystatus"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

const (
	controllerWorkers = 4

	// discoveryPeriod is how soon the garbage collector sees a new kind. Upstream takes 30 s, too long for a test that
	// installs a CRD and deletes an owner.
	discoveryPeriod = 2 * time.Second

	// resyncPeriod only guards against lost events.
	resyncPeriod = 5 * time.Minute
)

// startControllers starts the controllers of kube-controller-manager that this API server needs. Without the first two
// deletion does not work: namespaces would stay in Terminating, and dependants would outlive their owners. The third
// checks admission policies against the schemas and puts its warnings into their status.
func startControllers(loopback *rest.Config) (stop func(), err error) {
	config := rest.CopyConfig(loopback)
	config.QPS = -1 // no limit: emptying a namespace is many small calls
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}

	collectorDiscovery, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithCancel(context.Background())
	typed := informers.NewSharedInformerFactory(client, resyncPeriod)
	untyped := metadatainformer.NewSharedInformerFactory(metadataClient, resyncPeriod)

	namespaces := namespace.NewNamespaceController(ctx, client, metadataClient,
		client.Discovery().ServerPreferredNamespacedResources, typed.Core().V1().Namespaces(), resyncPeriod, corev1.FinalizerKubernetes)

	// The mapper has a cached discovery client of its own, because the collector resets it.
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(collectorDiscovery))
	informersStarted := make(chan struct{})
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper,
		garbagecollector.DefaultIgnoredResources(), informerfactory.NewInformerFactory(typed, untyped), informersStarted)
	if err != nil {
		cancel()
		return nil, err
	}

	schemas := resolver.NewDefinitionsSchemaResolver(openapi.GetOpenAPIDefinitions, scheme.Scheme, apiextensionsscheme.Scheme).
		Combine(&resolver.ClientDiscoveryResolver{Discovery: client.Discovery()})
	policies, err := validatingadmissionpolicystatus.NewController(
		typed.Admissionregistration().V1().ValidatingAdmissionPolicies(), client.AdmissionregistrationV1().ValidatingAdmissionPolicies(),
		&validating.TypeChecker{SchemaResolver: schemas, RestMapper: mapper})
	if err != nil {
		cancel()
		return nil, err
	}

	typed.Start(ctx.Done())
	untyped.Start(ctx.Done())
	close(informersStarted)

	var running sync.WaitGroup
	running.Go(func() { namespaces.Run(ctx, controllerWorkers) })
	running.Go(func() { collector.Run(ctx, controllerWorkers, discoveryPeriod) })
	running.Go(func() { collector.Sync(ctx, client.Discovery(), discoveryPeriod) })
	running.Go(func() { policies.Run(ctx, controllerWorkers) })
	return func() {
		cancel()
		running.Wait()
		typed.Shutdown()
		untyped.Shutdown()
	}, nil
}
