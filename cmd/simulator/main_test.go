package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// merchantKeyFile writes a public key and returns its name and the private key.
func merchantKeyFile(t *testing.T) (string, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "merchant.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), key
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs the command until the test ends and returns the addresses it wrote.
func start(t *testing.T, args ...string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	addresses := filepath.Join(t.TempDir(), "addresses.json")
	ready, stdout := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--write-addresses", addresses}, args...), stdout, io.Discard)
		_ = stdout.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	var seen bytes.Buffer
	for buffer := make([]byte, 1024); !strings.Contains(seen.String(), "Ready."); {
		n, err := ready.Read(buffer)
		if err != nil {
			t.Fatalf("the simulator ended: %v; it said %q", <-done, seen.String())
		}
		seen.Write(buffer[:n])
	}
	text, err := os.ReadFile(addresses)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// inquire asks for an order that does not exist and returns the result code of the verified answer.
func inquire(t *testing.T, client *http.Client, gateway string, key *rsa.PrivateKey, gatewayKey []byte) string {
	t.Helper()
	const path = "/ams/api/v1/payments/inquiryPayment"
	body := []byte(`{"paymentRequestId":"p1"}`)
	signature, err := alipay.Sign(key, 1, alipay.Message{URI: path, ClientID: "5Y1", Time: "1685599933871", Body: body})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gateway+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Client-Id", "5Y1")
	r.Header.Set("Request-Time", "1685599933871")
	r.Header.Set("Signature", signature)
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	public, err := alipay.ParsePublicKey(gatewayKey)
	if err != nil {
		t.Fatal(err)
	}
	message := alipay.Message{URI: path, ClientID: "5Y1", Time: response.Header.Get("Response-Time"), Body: raw}
	if err := alipay.Verify(message, response.Header.Get("Signature"), public); err != nil {
		t.Fatalf("answer %s: %v", raw, err)
	}
	var answer struct {
		Result struct {
			Code string `json:"resultCode"`
		} `json:"result"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Result.Code
}

func TestTheCommandServesAndKeepsItsKey(t *testing.T) {
	merchant, key := merchantKeyFile(t)
	directory := t.TempDir()
	private, public := filepath.Join(directory, "gateway.key"), filepath.Join(directory, "gateway.pem")
	var keys []string
	for range 2 {
		t.Run("start", func(t *testing.T) {
			addresses := start(t, "--client-id", "5Y1", "--merchant-public-key", merchant, "--private-key", private, "--write-public-key", public, "--seed", "0")
			text, err := os.ReadFile(public)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, string(text))
			if got := inquire(t, http.DefaultClient, addresses["gateway"], key, text); got != "ORDER_NOT_EXIST" {
				t.Errorf("code = %s", got)
			}
			response, err := http.Get(addresses["control"] + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("healthz = %d", response.StatusCode)
			}
		})
	}
	if len(keys) != 2 || keys[0] != keys[1] {
		t.Error("the key changed between two starts")
	}
	info, err := os.Stat(private)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private key: %v, %v", info, err)
	}
}

func TestTheCommandServesTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certificateFile := write(t, "tls.crt", certificate)
	merchant, merchantKey := merchantKeyFile(t)
	public := filepath.Join(t.TempDir(), "gateway.pem")
	addresses := start(t, "--client-id", "5Y1", "--merchant-public-key", merchant, "--write-public-key", public, "--notify-ca", certificateFile,
		"--tls-cert", certificateFile, "--tls-key", write(t, "tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	if !strings.HasPrefix(addresses["gateway"], "https://") {
		t.Errorf("gateway = %s", addresses["gateway"])
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	text, err := os.ReadFile(public)
	if err != nil {
		t.Fatal(err)
	}
	if got := inquire(t, client, addresses["gateway"], merchantKey, text); got != "ORDER_NOT_EXIST" {
		t.Errorf("code = %s", got)
	}
}

func TestEverySwitchHasAFlag(t *testing.T) {
	merchant, _ := merchantKeyFile(t)
	addresses := start(t, "--client-id", "5Y1", "--merchant-public-key", merchant, "--multiple-captures", "--full-capture-only", "--release-rest",
		"--pay-after-cancel", "--pay-after-expiry", "--transactions", "null", "--no-transaction-time", "--misspelt-transaction-type",
		"--session-repeat", "new", "--session-inquiry", "PAYMENT_IN_PROCESS")
	response, err := http.Get(addresses["control"] + "/switches")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got simulator.Switches
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := simulator.Switches{
		MultipleCaptures: true, FullCaptureOnly: true, ReleaseRest: true, PayAfterCancel: true, PayAfterExpiry: true,
		Transactions: simulator.TransactionsNull, NoTransactionTime: true, MisspeltTransactionType: true,
		SessionRepeat: simulator.SessionNew, SessionInquiry: simulator.SessionInProcess,
	}
	if got != want {
		t.Errorf("switches = %+v, want %+v", got, want)
	}
}

func TestFlagsThatCannotWorkAreRefused(t *testing.T) {
	merchant, _ := merchantKeyFile(t)
	good := []string{"--listen", "127.0.0.1:0", "--client-id", "5Y1", "--merchant-public-key", merchant}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no client", nil, "--client-id"},
		{"a client without a key", []string{"--client-id", "5Y1"}, "n-th"},
		{"a key that does not exist", []string{"--client-id", "5Y1", "--merchant-public-key", "/does/not/exist"}, "5Y1"},
		{"a file that is no key", []string{"--client-id", "5Y1", "--merchant-public-key", write(t, "x", []byte("no key"))}, "5Y1"},
		{"half of TLS", append(good, "--tls-cert", "x"), "--tls-key"},
		{"a time scale of zero", append(good, "--time-scale", "0"), "--time-scale"},
		{"a notify URL that is none", append(good, "--notify-url", "pay.example"), "--notify-url"},
		{"an unknown buyer", append(good, "--buyer", "thief"), "thief"},
		{"an unknown session repeat", append(good, "--session-repeat", "twice"), "sessionRepeat"},
		{"a contract that is none", append(good, "--methods", write(t, "m", []byte("[]"))), "--methods"},
		{"wallets that are none", append(good, "--wallets", write(t, "w", []byte(`{"GCASH":{"refresh":"maybe"}}`))), "--wallets"},
		{"certificates that are none", append(good, "--notify-ca", write(t, "c", []byte("x"))), "--notify-ca"},
		{"an argument too many", append(good, "more"), "more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel() // whatever is accepted by mistake ends at once
			err := run(ctx, test.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one about %s", err, test.want)
			}
		})
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	var help bytes.Buffer
	if err := run(context.Background(), []string{"--help"}, io.Discard, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("error = %v", err)
	}
	for _, name := range []string{"listen", "control", "tls-cert", "tls-key", "client-id", "merchant-public-key", "private-key", "write-public-key",
		"notify-url", "notify-ca", "buyer", "time-scale", "seed", "public-url", "write-addresses", "methods", "wallets",
		"multiple-captures", "full-capture-only", "release-rest", "pay-after-cancel", "pay-after-expiry", "transactions", "no-transaction-time",
		"misspelt-transaction-type", "session-repeat", "session-inquiry"} {
		if !strings.Contains(help.String(), "-"+name) {
			t.Errorf("help lacks --%s", name)
		}
	}
}
