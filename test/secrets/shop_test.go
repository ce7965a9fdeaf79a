package secrets

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// shop is a namespace whose gateway may be careless, and whose every exchange with the world is kept.
type shop struct {
	*testenv.Shop
	t         *testing.T
	collector *collector
	gateway   *gateway
}

// newShop makes a shop. The program finds it.
func newShop(t *testing.T, c *collector, name string, adjust func(*simulator.Options)) *shop {
	t.Helper()
	s := &shop{t: t, collector: c, Shop: &testenv.Shop{T: t, Cluster: cluster, Namespace: name, Key: testenv.MerchantKey(), Ingress: testenv.NewIngress(t)}}
	s.StartSimulator(adjust, func(o *simulator.Options) {
		o.Buyer, o.NotifyClient = simulator.BuyerManual, &http.Client{Transport: c}
	})
	var address string
	s.gateway, address = startGateway(t, s.Shop, c)
	s.must(s.Simulator.SetNotifyURL(testenv.ClientID, s.address("notify")))
	s.CreateNamespace()
	s.Create(s.Secret())
	account := s.Account()
	account.Spec.GatewayURL = address
	s.Create(account)
	return s
}

// serve lets the program take the shop's notifications and browsers.
func (s *shop) serve(receiver string) {
	s.t.Helper()
	s.Ingress.Add(receiver)
	account := &apiv1.MerchantAccount{}
	eventually(s.t, func() error {
		if s.Get(testenv.AccountName, account); !meta.IsStatusConditionTrue(account.Status.Conditions, apiv1.ReadyCondition) {
			return fmt.Errorf("the account is %+v", account.Status.Conditions)
		}
		return nil
	})
}

// address is where the receiver takes notifications, or browsers that return.
func (s *shop) address(door string) string {
	return s.Ingress.URL + "/" + door + "/" + s.Namespace + "/" + testenv.AccountName
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// secret creates a Secret, and returns a reference to a key of it.
func (s *shop) secret(name, key, content string) *apiv1.SecretKeyReference {
	s.t.Helper()
	s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{key: []byte(content)}})
	return &apiv1.SecretKeyReference{Name: name, Key: key}
}

// request sends a request to the receiver as anybody can, and follows no redirection.
func (s *shop) request(method, address, body string, headers map[string]string) *http.Response {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	s.must(err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	anybody := &http.Client{Transport: s.collector, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := anybody.Do(request)
	s.must(err)
	response.Body.Close()
	return response
}

// notify sends a notification that the gateway has signed, or somebody else, and expects that it is acknowledged, or not.
func (s *shop) notify(body string, genuine bool) {
	s.t.Helper()
	if acknowledged := s.send(body, genuine); acknowledged != genuine {
		s.t.Errorf("a notification was acknowledged: %t, want %t", acknowledged, genuine)
	}
}

func (s *shop) send(body string, genuine bool) (acknowledged bool) {
	s.t.Helper()
	key := testenv.GatewayKey()
	if !genuine {
		key = testenv.MerchantKey()
	}
	message := alipay.Message{
		URI: testenv.IngressPrefix + "/notify/" + s.Namespace + "/" + testenv.AccountName, ClientID: testenv.ClientID,
		Time: s.Simulator.Now().UTC().Format(time.RFC3339), Body: []byte(body),
	}
	signature, err := alipay.Sign(key, 1, message)
	s.must(err)
	response := s.request(http.MethodPost, s.address("notify"), body, map[string]string{
		"Content-Type": "application/json; charset=UTF-8", "Client-Id": message.ClientID, "Request-Time": message.Time, "Signature": signature,
	})
	return response.StatusCode == http.StatusOK
}

// awaitReason waits until the Ready condition of an object has one of some reasons, or any other than none when there are none.
func (s *shop) awaitReason(obj client.Object, reasons ...string) {
	s.t.Helper()
	eventually(s.t, func() error {
		s.Get(obj.GetName(), obj)
		text, err := json.Marshal(obj)
		s.must(err)
		var seen struct {
			Status struct {
				Conditions []metav1.Condition `json:"conditions"`
			} `json:"status"`
		}
		s.must(json.Unmarshal(text, &seen))
		ready := meta.FindStatusCondition(seen.Status.Conditions, apiv1.ReadyCondition)
		for _, reason := range reasons {
			if ready != nil && ready.Reason == reason && ready.ObservedGeneration == obj.GetGeneration() {
				return nil
			}
		}
		return fmt.Errorf("%T %s is %+v, want %v", obj, obj.GetName(), seen.Status.Conditions, reasons)
	})
}

// awaitLapses waits until the gateway has been as careless as it was told to be.
func (s *shop) awaitLapses() {
	s.t.Helper()
	eventually(s.t, func() error {
		if left := s.gateway.left(); len(left) != 0 {
			return fmt.Errorf("the gateway is still to be careless: %+v", left)
		}
		return nil
	})
}
