package controllers

import (
	"context"
	"errors"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	restclient "k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// errKeyMissing means that the Secret is there and lacks the private key.
var errKeyMissing = errors.New("the Secret lacks the key " + apiv1.PrivateKeySecretKey)

// Secrets reads the Secrets that accounts name, and watches each of them by its name, so that a mended Secret is noticed at once and
// the operator needs no right to list Secrets.
type Secrets struct {
	ctx  context.Context //nolint:containedctx // the life of the watches is the life of the process
	core restclient.Interface
	live client.Reader
	// Changed receives the account whose Secret has changed.
	Changed chan event.GenericEvent

	mu      sync.Mutex
	watched map[types.NamespacedName]*watchedSecret
	// named is the Secret that each account names.
	named map[types.NamespacedName]types.NamespacedName
}

type watchedSecret struct {
	store    toolscache.Store
	synced   func() bool
	stop     context.CancelFunc
	accounts map[types.NamespacedName]bool
}

// NewSecrets watches until ctx is done. core is a REST client of the core API group.
func NewSecrets(ctx context.Context, core restclient.Interface, live client.Reader) *Secrets {
	return &Secrets{
		ctx: ctx, core: core, live: live, Changed: make(chan event.GenericEvent, 64),
		watched: map[types.NamespacedName]*watchedSecret{}, named: map[types.NamespacedName]types.NamespacedName{},
	}
}

// Get returns the Secret that an account names and sees to it that changes are noticed.
func (s *Secrets) Get(ctx context.Context, account, key types.NamespacedName) (*corev1.Secret, error) {
	secret := s.watch(account, key)
	if secret == nil {
		secret = &corev1.Secret{}
		if err := s.live.Get(ctx, key, secret); err != nil {
			return nil, err
		}
	}
	if len(secret.Data[apiv1.PrivateKeySecretKey]) == 0 {
		return nil, errKeyMissing
	}
	return secret, nil
}

// Release ends the watch for an account that is gone.
func (s *Secrets) Release(account types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(account)
}

func (s *Secrets) release(account types.NamespacedName) {
	key, named := s.named[account]
	if !named {
		return
	}
	delete(s.named, account)
	watched := s.watched[key]
	delete(watched.accounts, account)
	if len(watched.accounts) == 0 {
		watched.stop()
		delete(s.watched, key)
	}
}

// watch starts the watch if there is none, and returns the watched copy if there is one.
func (s *Secrets) watch(account, key types.NamespacedName) *corev1.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if former, named := s.named[account]; named && former != key {
		s.release(account)
	}
	watched := s.watched[key]
	if watched == nil {
		watched = s.start(key)
		s.watched[key] = watched
	}
	watched.accounts[account] = true
	s.named[account] = key
	if !watched.synced() {
		return nil
	}
	item, exists, err := watched.store.GetByKey(key.String())
	if err != nil || !exists {
		return nil
	}
	return item.(*corev1.Secret)
}

func (s *Secrets) start(key types.NamespacedName) *watchedSecret {
	ctx, stop := context.WithCancel(s.ctx)
	tell := func() { s.tell(key) }
	store, controller := toolscache.NewInformerWithOptions(toolscache.InformerOptions{
		ListerWatcher: toolscache.NewListWatchFromClient(s.core, "secrets", key.Namespace,
			fields.OneTermEqualSelector("metadata.name", key.Name)),
		ObjectType: &corev1.Secret{},
		Handler: toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { tell() },
			UpdateFunc: func(before, after any) {
				if before.(*corev1.Secret).ResourceVersion != after.(*corev1.Secret).ResourceVersion {
					tell()
				}
			},
			DeleteFunc: func(any) { tell() },
		},
	})
	go controller.RunWithContext(ctx)
	return &watchedSecret{store: store, synced: controller.HasSynced, stop: stop, accounts: map[types.NamespacedName]bool{}}
}

// tell wakes the accounts that name the Secret.
func (s *Secrets) tell(key types.NamespacedName) {
	s.mu.Lock()
	var accounts []types.NamespacedName
	if watched := s.watched[key]; watched != nil {
		for account := range watched.accounts {
			accounts = append(accounts, account)
		}
	}
	s.mu.Unlock()
	for _, account := range accounts {
		woken := &apiv1.MerchantAccount{}
		woken.Namespace, woken.Name = account.Namespace, account.Name
		select {
		case s.Changed <- event.GenericEvent{Object: woken}:
		case <-s.ctx.Done():
			return
		}
	}
}
