package secrets

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// The real program, at its most talkative, handles secrets of every kind, in good days and in bad ones. Then all that it has emitted is searched for
// them: every version of every object but the data of Secrets, events, the whole log, metrics, its answers to strangers, buyers and the gateway, and what
// it prints when it is made to panic. It emits no traces: nothing in it sets an exporter up.
func TestSecretsStayInSecretsAndOnTheWireToTheGateway(t *testing.T) {
	c := newCollector(t)
	selling := newShop(t, c, "selling", func(*simulator.Options) {})
	debiting := newShop(t, c, "debiting", wallets)
	metrics := freeAddress(t)
	program := testenv.StartProgram(t, cluster, "--zap-devel", "--zap-encoder=json", "--zap-log-level=10", "--metrics-bind-address", metrics, "--metrics-insecure")
	address := program.AwaitReceiver(t)
	for _, s := range []*shop{selling, debiting} {
		s.serve(address)
	}
	step := func(name string, do func()) {
		began := time.Now()
		do()
		t.Logf("%s: %s", name, time.Since(began).Round(time.Second))
	}
	step("plant", selling.plant)
	step("agree", debiting.agree)
	step("debit", debiting.debit)
	step("sell", selling.sell)
	step("renew", debiting.renew)
	step("refuse Secrets", debiting.refuseSecrets)
	step("forge", debiting.forge)
	step("tokenize and dispute", func() { selling.dispute(selling.tokenize()) })
	step("declare", selling.declare)
	step("strange", selling.strange)
	step("end", debiting.end)

	c.emit("metrics", scrape(t, "http://"+metrics+"/metrics"))
	if err := program.Dump(longestWait); err != nil {
		t.Fatal(err)
	}
	output := program.Output()
	for _, sign := range []string{"goroutine ", "SIGQUIT", `"level":"Level(-5)"`} {
		if !strings.Contains(output, sign) {
			t.Errorf("the program's output has no %s: not all of it is there", sign)
		}
	}
	c.emit("log and panic output", output)
	c.check(append(selling.planted(), debiting.credentials()...))
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

// scrape reads the metrics.
func scrape(t *testing.T, address string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(text), "alipay_operator_notifications_total") {
		t.Fatalf("metrics = %.200s, %v", text, err)
	}
	return string(text)
}
