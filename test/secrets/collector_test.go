package secrets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// collector keeps all that the operator emits, and, apart from it, where the secrets belong: Secrets, and the wire to the gateway.
type collector struct {
	t *testing.T

	mu      sync.Mutex
	kinds   []client.ObjectList
	emitted map[string]*strings.Builder
	objects []map[string]any // every version of every object; of Secrets without their data
	secrets strings.Builder
	wire    strings.Builder
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t, emitted: map[string]*strings.Builder{}}
	c.kinds = []client.ObjectList{
		&apiv1.MerchantAccountList{}, &apiv1.PaymentList{}, &apiv1.RefundList{}, &apiv1.CaptureList{}, &apiv1.AutoDebitAgreementList{}, &apiv1.DisputeList{},
		&apiv1.CustomsDeclarationList{}, &apiv1.PaymentMethodCatalogList{},
		&corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.EventList{}, &eventsv1.EventList{}, &coordinationv1.LeaseList{},
	}
	for _, list := range c.kinds {
		c.watch(list)
	}
	return c
}

// watch keeps every version of every object of a kind.
func (c *collector) watch(list client.ObjectList) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	changes, err := cluster.Client.Watch(ctx, list)
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for change := range changes.ResultChan() {
			switch {
			case change.Type != watch.Error:
				c.keepObject(change.Object)
			case ctx.Err() == nil:
				c.t.Errorf("the watch of %T has ended: %v", list, change.Object)
			}
		}
	})
	c.t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
}

func (c *collector) keepObject(obj runtime.Object) {
	text, err := json.Marshal(obj)
	if err != nil {
		c.t.Error(err)
		return
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		c.t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, isSecret := obj.(*corev1.Secret); isSecret {
		c.secrets.Write(text)
		delete(fields, "data")
	}
	fields["of"] = fmt.Sprintf("%T", obj)
	c.objects = append(c.objects, fields)
}

// emit keeps a text that the operator has given to others.
func (c *collector) emit(where, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.emitted[where] == nil {
		c.emitted[where] = &strings.Builder{}
	}
	c.emitted[where].WriteString(text + "\n")
}

// keepWire keeps what goes over the wire to the gateway.
func (c *collector) keepWire(bodies ...[]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, body := range bodies {
		c.wire.Write(append(body, '\n'))
	}
}

// RoundTrip keeps what the receiver answers, to the gateway and to browsers. What it is sent does not come from the operator, and what the gateway
// sends is the wire.
func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		c.keepWire(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.keepWire([]byte(r.URL.String()))
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := httputil.DumpResponse(response, true)
	if err != nil {
		return nil, err
	}
	c.emit("answers of the receiver", string(text))
	return response, nil
}

// keepLatest keeps the objects as they are now, of which a watch may not have told yet.
func (c *collector) keepLatest() {
	c.t.Helper()
	for _, list := range c.kinds {
		if err := cluster.Client.List(c.t.Context(), list); err != nil {
			c.t.Fatal(err)
		}
		if err := meta.EachListItem(list, func(obj runtime.Object) error { c.keepObject(obj); return nil }); err != nil {
			c.t.Fatal(err)
		}
	}
}

// check looks for every canary where it belongs and where it does not.
func (c *collector) check(canaries []canary) {
	c.t.Helper()
	c.keepLatest()
	c.mu.Lock()
	defer c.mu.Unlock()
	secrets, wire := readable(c.secrets.String()), readable(c.wire.String())
	emitted := map[string]string{}
	for where, text := range c.emitted {
		emitted[where] = readable(text.String())
	}
	hashes := map[string]string{}
	for _, canary := range canaries {
		if len(canary.text) < shortestCanary {
			c.t.Errorf("%s has %d characters, and may occur by chance", canary.name, len(canary.text))
			continue
		}
		hashes[canary.hash()] = canary.name
		if _, found := canary.foundIn(secrets); canary.inSecret && !found {
			c.t.Errorf("%s is in no Secret, so that nothing could give it away", canary.name)
		}
		if _, found := canary.foundIn(wire); canary.onWire && !found || canary.neverSent && found {
			c.t.Errorf("%s has been on the wire: %t, want %t", canary.name, found, canary.onWire)
		}
		for where, text := range emitted {
			if around, found := canary.foundIn(text); found {
				c.t.Errorf("%s is in the %s: ...%s...", canary.name, where, around)
			}
			if strings.Contains(text, canary.hash()) {
				c.t.Errorf("the hash of %s is in the %s", canary.name, where)
			}
		}
	}
	c.checkObjects(canaries, hashes)
}

// checkObjects looks into every version of every object. A hash may stand in the fields of a status that are for that.
func (c *collector) checkObjects(canaries []canary, hashes map[string]string) {
	c.t.Helper()
	var all strings.Builder
	told := map[string]bool{}
	for _, fields := range c.objects {
		text, err := json.Marshal(fields)
		if err != nil {
			c.t.Fatal(err)
		}
		all.Write(append(text, '\n'))
		walk(fields, "", func(path, value string) {
			for hash, name := range hashes {
				if strings.Contains(strings.ToLower(path+" "+value), hash) && (value != hash || !hashField(path)) && !told[path+name] {
					told[path+name] = true
					c.t.Errorf("%s.%s holds the hash of %s", fields["of"], path, name)
				}
			}
		})
	}
	text := readable(all.String())
	for _, canary := range canaries {
		if around, found := canary.foundIn(text); found {
			c.t.Errorf("%s is in an object: ...%s...", canary.name, around)
		}
	}
}

// hashField reports whether a field is documented to hold hashes.
func hashField(path string) bool {
	return strings.HasPrefix(path, ".status.") && strings.HasSuffix(strings.TrimRight(path, "[]"), "SHA256")
}

// walk visits every text within a value.
func walk(value any, path string, visit func(path, value string)) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			walk(inner, path+"."+name, visit)
		}
	case []any:
		for _, inner := range value {
			walk(inner, path+"[]", visit)
		}
	case string:
		visit(path, value)
	}
}
