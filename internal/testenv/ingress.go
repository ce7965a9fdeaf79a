package testenv

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Ingress is what stands between the gateway and the replicas of the operator: it shares requests out among them by turns, and takes
// IngressPrefix away from their path.
type Ingress struct {
	// URL is the account's notificationBaseUrl.
	URL string

	mu       sync.Mutex
	replicas []*url.URL
	next     int
}

// IngressPrefix is the part of the path that only the world outside the cluster sees.
const IngressPrefix = "/payments"

// NewIngress starts an ingress without replicas.
func NewIngress(t testing.TB) *Ingress {
	t.Helper()
	ingress := &Ingress{}
	server := httptest.NewServer(ingress)
	t.Cleanup(server.Close)
	ingress.URL = server.URL + IngressPrefix
	return ingress
}

// Add lets a replica take its turn.
func (i *Ingress) Add(address string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.replicas = append(i.replicas, &url.URL{Scheme: "http", Host: address})
}

// Remove ends that.
func (i *Ingress) Remove(address string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, replica := range i.replicas {
		if replica.Host == address {
			i.replicas = append(i.replicas[:n:n], i.replicas[n+1:]...)
			return
		}
	}
}

func (i *Ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	replica := i.turn()
	if replica == nil {
		http.Error(w, "no replica is running", http.StatusBadGateway)
		return
	}
	proxy := httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(replica)
		request.Out.URL.Path = strings.TrimPrefix(request.Out.URL.Path, IngressPrefix)
	}}
	proxy.ServeHTTP(w, r)
}

func (i *Ingress) turn() *url.URL {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.replicas) == 0 {
		return nil
	}
	i.next++
	return i.replicas[i.next%len(i.replicas)]
}
