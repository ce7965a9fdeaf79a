package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// regionHosts are the gateway's hosts (https://docs.antom.com/ac/ams/api_fund).
var regionHosts = map[apiv1.Region]string{
	apiv1.NorthAmericaRegion: "https://open-na-global.alipay.com",
	apiv1.AsiaRegion:         "https://open-sea-global.alipay.com",
	apiv1.EuropeRegion:       "https://open-de-global.alipay.com",
}

// gateway is how one account reaches the gateway: one client and one queue for all of its objects.
type gateway struct {
	client        *alipay.Client
	generation    int64
	secretVersion string
	fingerprint   string
	alipayKeys    []string
	// queue is asked for leave before each request.
	queue *requestQueue
}

// Gateways builds and shares one gateway per MerchantAccount.
type Gateways struct {
	Secrets   *Secrets
	Transport http.RoundTripper
	// Timeout bounds each request. It must be shorter than the leader's lease.
	Timeout time.Duration

	workers sharedWorkers
	mu      sync.Mutex
	clients map[types.NamespacedName]*gateway
}

// ShareWorkers lets accounts share so many workers, so that one whose gateway is slow leaves some of them to the others. Call it before
// anything is sent.
func (g *Gateways) ShareWorkers(count int) { g.workers.count = count }

// NewGateways shares one keep-alive transport among the clients of all accounts.
func NewGateways(secrets *Secrets, transport http.RoundTripper, timeout time.Duration) *Gateways {
	return &Gateways{Secrets: secrets, Transport: transport, Timeout: timeout, clients: map[types.NamespacedName]*gateway{}}
}

// accountFacts is what an operation knows of its account.
type accountFacts struct {
	account *apiv1.MerchantAccount
	gateway *gateway
	// problem says why nothing can be sent; nil when all is well.
	problem *problem
}

// account gathers the account that an operation names. Nothing can be sent unless the gateway has accepted exactly the
// credentials that are in the Secret now.
func (g *Gateways) account(ctx context.Context, reader client.Reader, key types.NamespacedName) (accountFacts, error) {
	account := &apiv1.MerchantAccount{}
	switch err := reader.Get(ctx, key, account); {
	case apierrors.IsNotFound(err):
		return accountFacts{problem: &problem{
			reason:  apiv1.MerchantAccountNotFoundReason,
			message: fmt.Sprintf("MerchantAccount %q does not exist in this namespace: create it; nothing is sent before.", key.Name),
		}}, nil
	case err != nil:
		return accountFacts{}, fmt.Errorf("reading MerchantAccount: %w", err)
	}
	facts := accountFacts{account: account}
	condition := meta.FindStatusCondition(account.Status.Conditions, apiv1.ReadyCondition)
	if condition == nil || condition.Status != "True" || condition.ObservedGeneration != account.Generation {
		facts.problem = &problem{
			reason:  apiv1.MerchantAccountNotReadyReason,
			message: fmt.Sprintf("MerchantAccount %q is not ready, so nothing is sent: see kubectl describe merchantaccount %s.", key.Name, key.Name),
		}
		return facts, nil
	}
	built, found := g.build(ctx, account)
	if found == nil && built.secretVersion != account.Status.VerifiedSecretVersion {
		found = &problem{
			reason: apiv1.MerchantAccountNotReadyReason, retry: secretRetry,
			message: fmt.Sprintf("The credentials of MerchantAccount %q have changed and are being verified; nothing is sent before.", key.Name),
		}
	}
	if facts.problem = found; found == nil {
		facts.gateway = built
	}
	return facts, nil
}

// build returns the account's gateway, made anew when the spec or the Secret has changed.
func (g *Gateways) build(ctx context.Context, account *apiv1.MerchantAccount) (*gateway, *problem) {
	key := client.ObjectKeyFromObject(account)
	secretKey := types.NamespacedName{Namespace: account.Namespace, Name: account.Spec.CredentialsSecretRef.Name}
	secret, err := g.Secrets.Get(ctx, key, secretKey)
	if err != nil {
		return nil, secretProblem(account, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.clients[key]
	if known != nil && known.generation == account.Generation && known.secretVersion == secret.ResourceVersion {
		return known, nil
	}
	queue := newRequestQueue(&g.workers, account.Spec.RateLimit)
	if known != nil {
		queue = known.queue
	}
	built, err := g.connect(account, secret, queue)
	if err != nil {
		return nil, &problem{reason: apiv1.CredentialsInvalidReason, message: err.Error(), stalled: true}
	}
	queue.setRate(account.Spec.RateLimit)
	g.clients[key] = built
	return built, nil
}

// forget drops what belongs to an account that is gone.
func (g *Gateways) forget(key types.NamespacedName) {
	g.mu.Lock()
	delete(g.clients, key)
	g.mu.Unlock()
	g.Secrets.Release(key)
}

func (g *Gateways) connect(account *apiv1.MerchantAccount, secret *corev1.Secret, queue *requestQueue) (*gateway, error) {
	name := secret.Name
	privateKey, err := alipay.ParsePrivateKey(secret.Data[apiv1.PrivateKeySecretKey])
	if err != nil {
		return nil, fmt.Errorf("Secret %q, key %s: %w", name, apiv1.PrivateKeySecretKey, err)
	}
	keyVersion := 1
	if text := strings.TrimSpace(string(secret.Data[apiv1.KeyVersionSecretKey])); text != "" {
		if keyVersion, err = strconv.Atoi(text); err != nil || keyVersion < 1 {
			return nil, fmt.Errorf("Secret %q, key %s: must be a positive whole number such as 1", name, apiv1.KeyVersionSecretKey)
		}
	}
	config := alipay.Config{
		BaseURL:    gatewayURL(account),
		ClientID:   account.Spec.ClientID,
		PrivateKey: privateKey,
		KeyVersion: keyVersion,
		AgentToken: alipay.Credential(strings.TrimSpace(string(secret.Data[apiv1.AgentTokenSecretKey]))),
	}
	built := &gateway{
		generation: account.Generation, secretVersion: secret.ResourceVersion,
		fingerprint: alipay.Fingerprint(&privateKey.PublicKey),
		queue:       queue,
	}
	for i, text := range account.Spec.AlipayPublicKeys {
		key, err := alipay.ParsePublicKey([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("spec.alipayPublicKeys[%d]: %w", i, err)
		}
		config.AlipayPublicKeys = append(config.AlipayPublicKeys, key)
		built.alipayKeys = append(built.alipayKeys, alipay.Fingerprint(key))
		if alipay.Fingerprint(key) == built.fingerprint {
			return nil, fmt.Errorf("spec.alipayPublicKeys[%d] is the account's own public key: "+
				"give Alipay's public key, which the dashboard shows once yours is uploaded", i)
		}
	}
	built.client, err = alipay.New(config, alipay.WithTransport(pacedTransport{next: g.Transport, pace: queue.pace}), alipay.WithTimeout(g.Timeout))
	return built, err
}

// gatewayURL is scheme and host of the account's gateway.
func gatewayURL(account *apiv1.MerchantAccount) string {
	if account.Spec.GatewayURL != "" {
		return account.Spec.GatewayURL
	}
	return regionHosts[account.Spec.Region]
}

// secretRetry is the pace of reading a Secret that neither exists nor is missing, or that is not watched.
const secretRetry = 10 * time.Second

// secretProblem says in words how to make the Secret readable.
func secretProblem(account *apiv1.MerchantAccount, err error) *problem {
	name := account.Spec.CredentialsSecretRef.Name
	switch {
	case errors.Is(err, errKeyMissing):
		return &problem{
			reason:  apiv1.SecretNotFoundReason,
			message: fmt.Sprintf("Secret %q has no key %s: put the merchant's RSA private key there.", name, apiv1.PrivateKeySecretKey),
		}
	case apierrors.IsNotFound(err):
		return &problem{
			reason:  apiv1.SecretNotFoundReason,
			message: fmt.Sprintf("Secret %q does not exist in this namespace: create it with the key %s.", name, apiv1.PrivateKeySecretKey),
		}
	case apierrors.IsForbidden(err):
		return &problem{
			reason: apiv1.SecretForbiddenReason,
			message: fmt.Sprintf("The operator may not read Secret %q: apply a Role in this namespace that lets it get, list and watch that name"+
				" (see config/samples/shop/account.yaml).", name),
		}
	default:
		return &problem{reason: apiv1.SecretUnreadableReason, retry: secretRetry, message: "The Secret could not be read from the API server; it is tried again."}
	}
}
