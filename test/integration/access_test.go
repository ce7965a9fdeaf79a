package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

const (
	systemNamespace = "alipay-operator-system"
	serviceAccount  = "alipay-operator-manager"
)

// installRoles applies config/rbac as a cluster's owner would.
func installRoles(t *testing.T) {
	t.Helper()
	create := func(obj client.Object) {
		if err := cluster.Client.Create(t.Context(), obj); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}})
	files, err := filepath.Glob(filepath.Join(testenv.Root(), "config", "rbac", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		objects, err := testenv.ReadObjects(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, obj := range objects {
			if obj.GetKind() != "Kustomization" {
				create(obj)
			}
		}
	}
}

func TestManagerMayDoWhatItNeedsAndNoMore(t *testing.T) {
	installRoles(t)
	const group = "payments.alipay-operator.io"
	tests := []struct {
		verb, group, resource, subresource, namespace string
		want                                          bool
	}{
		{verb: "list", group: group, resource: "payments", want: true},
		{verb: "patch", group: group, resource: "payments", subresource: "status", want: true},
		{verb: "patch", group: group, resource: "refunds", subresource: "status", want: true},
		{verb: "list", group: group, resource: "captures", want: true},
		{verb: "patch", group: group, resource: "captures", subresource: "status", want: true},
		{verb: "create", group: group, resource: "captures", want: false},
		{verb: "update", resource: "leases", group: "coordination.k8s.io", namespace: systemNamespace, want: true},
		{verb: "create", group: "authentication.k8s.io", resource: "tokenreviews", want: true},
		{verb: "get", resource: "secrets", want: false},
		{verb: "list", resource: "secrets", want: false},
		{verb: "watch", resource: "secrets", want: false},
		{verb: "get", resource: "secrets", namespace: systemNamespace, want: false},
		{verb: "create", group: group, resource: "payments", want: false},
		{verb: "create", group: group, resource: "refunds", want: false},
		{verb: "create", group: group, resource: "disputes", want: true},
		{verb: "delete", group: group, resource: "disputes", want: false},
		{verb: "patch", group: group, resource: "merchantaccounts", want: false},
		{verb: "update", resource: "leases", group: "coordination.k8s.io", namespace: "default", want: false},
	}
	for _, test := range tests {
		name := fmt.Sprintf("%s %s/%s%s in %q", test.verb, test.group, test.resource, test.subresource, test.namespace)
		t.Run(name, func(t *testing.T) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:   "system:serviceaccount:" + systemNamespace + ":" + serviceAccount,
				Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + systemNamespace, "system:authenticated"},
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: test.verb, Group: test.group, Resource: test.resource, Subresource: test.subresource, Namespace: test.namespace,
				},
			}}
			if err := cluster.Client.Create(t.Context(), review); err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed != test.want {
				t.Errorf("allowed = %t, want %t", review.Status.Allowed, test.want)
			}
		})
	}
}

func TestMetricsAreForThoseWhoMayReadThem(t *testing.T) {
	installRoles(t)
	address := freeAddress(t)
	testenv.StartProgram(t, cluster, "--metrics-bind-address", address)

	bindReader(t)
	clientset, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	token := func(account string) string {
		t.Helper()
		obj := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: account}}
		if err := cluster.Client.Create(t.Context(), obj); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		granted, err := clientset.CoreV1().ServiceAccounts(systemNamespace).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return granted.Status.Token
	}
	for name, test := range map[string]struct {
		token string
		want  int
	}{
		"nobody":                      {want: http.StatusUnauthorized},
		"an account without the role": {token: token("stranger"), want: http.StatusForbidden},
		"an account with the role":    {token: token("prometheus"), want: http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			eventually(t, func() error {
				status, body, err := scrape(t.Context(), "https://"+address+"/metrics", test.token)
				if err != nil || status != test.want {
					return fmt.Errorf("status = %d, error %w, want %d", status, err, test.want)
				}
				if status == http.StatusOK && !strings.Contains(body, "alipay_operator_outcome_unknown_oldest_seconds 0") {
					return fmt.Errorf("the operator's own metrics are missing")
				}
				return nil
			})
		})
	}
}

// bindReader lets the account "prometheus" read metrics.
func bindReader(t *testing.T) {
	t.Helper()
	err := cluster.Client.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus-reads-alipay-operator"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "alipay-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: systemNamespace, Name: "prometheus"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scrape reads metrics as Prometheus does that trusts the manager's self-signed certificate.
func scrape(ctx context.Context, url, token string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	http := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // a certificate that the manager has made for itself
		DisableKeepAlives: true,
	}}
	response, err := http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
