package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

func TestDataSurvivesEveryKindOfStopAndOldCredentialsDoNot(t *testing.T) {
	dir := t.TempDir()
	first := startOwnServer(t, dir)
	client, _ := clients(t, first.config)
	createConfigMap(t, client, "before-sigterm")

	watch, err := client.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	first.stop(t, syscall.SIGTERM) // with the watch open

	port := portOf(t, first.config)
	second := startOwnServer(t, dir, "--port", port)
	if got := portOf(t, second.config); got != port {
		t.Errorf("port = %s, want %s", got, port)
	}
	client, _ = clients(t, second.config)
	expectConfigMaps(t, client, "before-sigterm")

	if err := tryToList(first.config); err == nil {
		t.Error("the kubeconfig of the former run still works")
	}
	stolen := rest.CopyConfig(second.config) // trusts the new server, shows the old certificate
	stolen.CertData, stolen.KeyData = first.config.CertData, first.config.KeyData
	if err := tryToList(stolen); !apierrors.IsUnauthorized(err) {
		t.Errorf("the certificate of the former run got %v, want unauthorized", err)
	}

	createConfigMap(t, client, "before-kill")
	second.kill()

	third := startOwnServer(t, dir, "--port", port)
	client, _ = clients(t, third.config)
	expectConfigMaps(t, client, "before-sigterm", "before-kill")
	third.stop(t, syscall.SIGINT)
}

func TestServerAuditsRequestsAndStopsWhenItsStandardInputEnds(t *testing.T) {
	auditLog := filepath.Join(t.TempDir(), "audit.log")
	server := startOwnServer(t, t.TempDir(), "--unsafe-no-fsync", "--audit-log", auditLog)
	client, _ := clients(t, server.config)
	createConfigMap(t, client, "counted")
	eventually(t, "the write is in the audit log", func(context.Context) (bool, error) {
		content, err := os.ReadFile(auditLog)
		if err != nil {
			return false, err
		}
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, `"verb":"create"`) && strings.Contains(line, `"name":"counted"`) {
				return true, nil
			}
		}
		return false, nil
	})
	if err := server.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	server.expectCleanExit(t)
	if _, err := os.Stat(server.kubeconfig); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("kubeconfig of a stopped server: %v, want none", err)
	}
}

func TestServerStopsInTimeWithARequestThatHangs(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // a webhook that never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	server := startOwnServer(t, t.TempDir(), "--unsafe-no-fsync")
	client, _ := clients(t, server.config)
	webhook := &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "silent"},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name:                    "silent.devcluster.test",
			ClientConfig:            admissionv1.WebhookClientConfig{URL: ptr.To("https://" + silent.Addr().String() + "/")},
			TimeoutSeconds:          ptr.To[int32](30),
			SideEffects:             ptr.To(admissionv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}},
		}},
	}
	if _, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(t.Context(), webhook, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	called := make(chan struct{})
	go func() {
		if connection, err := silent.Accept(); err == nil {
			defer connection.Close()
			close(called)
			<-server.exited
		}
	}()
	go func() { // dry runs until the webhook is in force and one hangs
		for t.Context().Err() == nil {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "hanging"}}
			if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
				return
			}
		}
	}()
	select {
	case <-called:
	case <-time.After(waitTimeout):
		t.Fatal("the webhook was never called")
	}
	server.stop(t, syscall.SIGTERM)
}

func TestSocketOfALongDirectoryIsElsewhere(t *testing.T) {
	path, cleanup, err := socketPath("/" + strings.Repeat("d", maxSocketPath))
	if err != nil {
		t.Fatal(err)
	}
	defer cleanup()
	if len(path) > maxSocketPath {
		t.Errorf("socket path %q has %d bytes, want at most %d", path, len(path), maxSocketPath)
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("mode = %o, want 700", got)
	}
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	if _, err := startServer(filepath.Dir(shared.kubeconfig)); err == nil || !strings.Contains(err.Error(), "another devcluster is using") {
		t.Errorf("error = %v, want one that names the other server", err)
	}
	if err := tryToList(shared.config); err != nil {
		t.Errorf("the attempt harmed the running server: %v", err)
	}
}

func TestKubeconfigOfSomebodyElseIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := removeKubeconfig(path); err == nil {
		t.Error("a foreign kubeconfig was removed")
	}
}

func TestKubeconfigIsPrivate(t *testing.T) {
	info, err := os.Stat(shared.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %o, want 600", got)
	}
}

func createConfigMap(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func expectConfigMaps(t *testing.T, client kubernetes.Interface, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := client.CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// tryToList asks the API for something that every administrator may see.
func tryToList(config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	return client.RESTClient().Get().AbsPath("/api/v1/namespaces").Do(context.Background()).Error()
}

func portOf(t *testing.T, config *rest.Config) string {
	t.Helper()
	u, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
