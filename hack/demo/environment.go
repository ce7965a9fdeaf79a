package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const (
	systemNamespace = "alipay-operator-system"
	serviceAccount  = "alipay-operator-manager"
	shop            = "shop"
)

// environment is an API server, a simulated gateway and the operator, each a process of its own.
type environment struct {
	root, dir  string
	cluster    *process
	simulator  *process
	manager    *process
	kubeconfig string
	gatewayURL string
	controlURL string
	// notificationURL is where the operator receives what the gateway announces.
	notificationURL string
	client          client.Client
}

// addresses are where to listen; port 0 takes a free one.
type addresses struct{ gateway, control, notifications string }

func newEnvironment(root, dir string) *environment {
	return &environment{
		root: root, dir: dir, kubeconfig: filepath.Join(dir, "kubeconfig"),
		cluster:   &process{name: "devcluster", dir: dir},
		simulator: &process{name: "simulator", dir: dir},
		manager:   &process{name: "manager", dir: dir},
	}
}

func (e *environment) processes() []*process { return []*process{e.manager, e.simulator, e.cluster} }

func (e *environment) running() bool {
	for _, p := range e.processes() {
		if p.pid() != 0 {
			return true
		}
	}
	return false
}

// stop ends the operator first, so that it can finish the call in flight.
func (e *environment) stop() {
	for _, p := range e.processes() {
		p.stop()
	}
}

// printLogs shows the end of each log, for the person who has to find out what went wrong.
func (e *environment) printLogs() {
	for _, p := range e.processes() {
		log, err := os.ReadFile(p.logFile())
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		fmt.Fprintf(os.Stderr, "\n--- the end of %s's log\n%s\n", p.name, strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}

// start brings everything up to two MerchantAccounts whose keys the simulated gateway has accepted.
func (e *environment) start(ctx context.Context, at addresses) error {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return err
	}
	step("Starting the API server")
	if err := e.startCluster(ctx); err != nil {
		return err
	}
	step("Starting the simulated gateway")
	accounts, err := e.sampleAccounts()
	if err != nil {
		return err
	}
	if err := e.startSimulator(ctx, accounts, at); err != nil {
		return err
	}
	step("Installing the kinds, the roles and the admission policy")
	if err := e.install(ctx); err != nil {
		return err
	}
	step("Starting the operator")
	if err := e.startManager(ctx, at.notifications); err != nil {
		return err
	}
	step("Creating the shop's accounts")
	return e.createAccounts(ctx, accounts)
}

func (e *environment) startCluster(ctx context.Context) error {
	if err := e.cluster.start(e.binary("devcluster"), "--dir", filepath.Join(e.dir, "cluster"), "--kubeconfig", e.kubeconfig); err != nil {
		return err
	}
	ready := func() (bool, error) {
		log, err := os.ReadFile(e.cluster.logFile())
		return bytes.Contains(log, []byte("devcluster ready:")), err
	}
	if err := e.cluster.until(ctx, "it was ready", ready); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", e.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := apiv1.AddToScheme(scheme); err != nil {
		return err
	}
	// Discovery of the new kinds must wait until they are installed, so the mapper looks only when it is asked.
	e.client, err = client.New(config, client.Options{Scheme: scheme})
	return err
}

func (e *environment) startSimulator(ctx context.Context, accounts []*apiv1.MerchantAccount, listen addresses) error {
	file := filepath.Join(e.dir, "addresses.json")
	args := []string{
		"--listen", listen.gateway, "--control", listen.control, "--buyer", "manual",
		"--private-key", filepath.Join(e.dir, "gateway-key.pem"), "--write-public-key", filepath.Join(e.dir, "gateway-public-key.pem"),
		"--write-addresses", file,
	}
	for _, account := range accounts {
		public, err := makeKeyPair(e.keyFile(account))
		if err != nil {
			return err
		}
		args = append(args, "--client-id", account.Spec.ClientID, "--merchant-public-key", public)
	}
	if err := e.simulator.start(e.binary("simulator"), args...); err != nil {
		return err
	}
	return e.simulator.until(ctx, "it was ready", func() (bool, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		var at struct{ Gateway, Control string }
		if err := json.Unmarshal(text, &at); err != nil {
			return false, err
		}
		e.gatewayURL, e.controlURL = at.Gateway, at.Control
		return true, nil
	})
}

func (e *environment) keyFile(account *apiv1.MerchantAccount) string {
	return filepath.Join(e.dir, account.Name+"-key.pem")
}

// makeKeyPair writes a merchant's new private key, and beside it the public one that goes to the gateway.
func makeKeyPair(file string) (publicFile string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return "", err
	}
	publicFile = strings.TrimSuffix(file, ".pem") + "-public.pem"
	return publicFile, os.WriteFile(publicFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600)
}

func (e *environment) install(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}}
	if err := e.client.Create(ctx, namespace); err != nil {
		return err
	}
	for _, part := range []string{"crd", "rbac", "admission"} {
		if _, err := e.kubectl(ctx, nil, "apply", "-k", filepath.Join(e.root, "config", part)); err != nil {
			return err
		}
	}
	kinds, err := filepath.Glob(filepath.Join(e.root, "config", "crd", apiv1.GroupName+"_*.yaml"))
	if err != nil {
		return err
	}
	args := []string{"wait", "--for=condition=Established", "--timeout=30s"}
	for _, kind := range kinds {
		args = append(args, "-f", kind)
	}
	_, err = e.kubectl(ctx, nil, args...)
	return err
}

// startManager runs the operator with the rights of its own ServiceAccount, and no more.
func (e *environment) startManager(ctx context.Context, notifications string) error {
	notifications, err := freeAddress(ctx, notifications)
	if err != nil {
		return err
	}
	e.notificationURL = "http://" + notifications
	config, err := clientcmd.LoadFromFile(e.kubeconfig)
	if err != nil {
		return err
	}
	for _, user := range config.AuthInfos {
		user.Impersonate = "system:serviceaccount:" + systemNamespace + ":" + serviceAccount
		user.ImpersonateGroups = []string{"system:serviceaccounts", "system:serviceaccounts:" + systemNamespace, "system:authenticated"}
	}
	file := filepath.Join(e.dir, "manager-kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return err
	}
	return e.manager.start(e.binary("manager"), "--kubeconfig", file, "--leader-election-namespace", systemNamespace,
		"--metrics-bind-address", "127.0.0.1:0", "--health-probe-bind-address", "127.0.0.1:0",
		"--notification-bind-address", notifications)
}

// freeAddress makes sure that an address can be listened on, and gives port 0 a number: the accounts must name it.
func freeAddress(ctx context.Context, address string) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("the operator must receive notifications: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// sampleAccounts reads the MerchantAccounts of the sample shop.
func (e *environment) sampleAccounts() ([]*apiv1.MerchantAccount, error) {
	text, err := os.ReadFile(e.sample("account.yaml"))
	if err != nil {
		return nil, err
	}
	var accounts []*apiv1.MerchantAccount
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		raw := runtime.RawExtension{}
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return accounts, nil
		} else if err != nil {
			return nil, err
		}
		account := &apiv1.MerchantAccount{}
		if err := json.Unmarshal(raw.Raw, account); err != nil {
			return nil, err
		}
		if account.Kind == "MerchantAccount" {
			accounts = append(accounts, account)
		}
	}
}

// createAccounts applies the sample accounts with the simulator's address and key and the operator's, and a Secret for each.
func (e *environment) createAccounts(ctx context.Context, accounts []*apiv1.MerchantAccount) error {
	gatewayKey, err := os.ReadFile(filepath.Join(e.dir, "gateway-public-key.pem"))
	if err != nil {
		return err
	}
	if _, err := e.kubectl(ctx, nil, "apply", "-f", e.sample("namespace.yaml")); err != nil {
		return err
	}
	for _, account := range accounts {
		key, err := os.ReadFile(e.keyFile(account))
		if err != nil {
			return err
		}
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: account.Spec.CredentialsSecretRef.Name},
			Data:       map[string][]byte{apiv1.PrivateKeySecretKey: key},
		}
		if err := e.client.Create(ctx, secret); err != nil {
			return err
		}
	}
	// The role that lets the operator read the Secrets comes from the same file.
	if _, err := e.kubectl(ctx, nil, "apply", "-f", e.sample("account.yaml")); err != nil {
		return err
	}
	for _, account := range accounts {
		patch := client.MergeFrom(account.DeepCopy())
		account.Spec.GatewayURL, account.Spec.AlipayPublicKeys = e.gatewayURL, []string{string(gatewayKey)}
		account.Spec.NotificationBaseURL = e.notificationURL
		if err := e.client.Patch(ctx, account, patch); err != nil {
			return err
		}
	}
	return e.manager.until(ctx, "the accounts were ready", func() (bool, error) {
		for _, account := range accounts {
			if err := e.client.Get(ctx, client.ObjectKeyFromObject(account), account); err != nil {
				return false, err
			}
			if !meta.IsStatusConditionTrue(account.Status.Conditions, apiv1.ReadyCondition) {
				return false, fmt.Errorf("MerchantAccount %s: %+v", account.Name, account.Status.Conditions)
			}
		}
		return true, nil
	})
}

func (e *environment) binary(name string) string { return filepath.Join(e.root, "bin", name) }

func (e *environment) sample(file string) string {
	return filepath.Join(e.root, "config", "samples", "shop", file)
}

// kubectl runs kubectl against the environment and returns what it prints.
func (e *environment) kubectl(ctx context.Context, input []byte, args ...string) (string, error) {
	command := exec.CommandContext(ctx, e.binary("kubectl"), append([]string{"--kubeconfig", e.kubeconfig}, args...)...)
	command.Stdin = bytes.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), nil
}

// control posts to the simulator's control API, or reads from it.
func (e *environment) control(ctx context.Context, method, path, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, e.controlURL+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		return "", err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return "", fmt.Errorf("simulator: %s %s: %s: %s", method, path, response.Status, text.String())
	}
	return text.String(), nil
}

func step(text string) { fmt.Printf("==> %s\n", text) }
