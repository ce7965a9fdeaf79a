package main

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
)

const (
	controllerWorkers = 4

	// discoveryPeriod is how soon the garbage collector sees a new kind. Upstream takes 30 s, too long for a test that
	// installs a CRD and deletes an owner.
	discoveryPeriod = 2 * time.Second

	// resyncPeriod only guards against lost events.
	resyncPeriod = 5 * time.Minute
)

// startControllers starts the two controllers of kube-controller-manager without which deletion does not work:
// namespaces would stay in Terminating, and dependants would outlive their owners.
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

	typed.Start(ctx.Done())
	untyped.Start(ctx.Done())
	close(informersStarted)

	var running sync.WaitGroup
	running.Go(func() { namespaces.Run(ctx, controllerWorkers) })
	running.Go(func() { collector.Run(ctx, controllerWorkers, discoveryPeriod) })
	running.Go(func() { collector.Sync(ctx, client.Discovery(), discoveryPeriod) })
	return func() {
		cancel()
		running.Wait()
		typed.Shutdown()
		untyped.Shutdown()
	}, nil
}
