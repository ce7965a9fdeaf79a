package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	gateway, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("listening for the gateway: %w", err)
	}
	defer gateway.Close() //nolint:errcheck // the server has closed it unless we fail before
	scheme := "http://"
	if c.tlsCert != "" {
		scheme = "https://"
	}
	addresses := map[string]string{"gateway": scheme + reachable(gateway.Addr())}
	if options.PublicURL == "" {
		options.PublicURL = addresses["gateway"]
	}
	s, err := simulator.New(options)
	if err != nil {
		return err
	}
	defer s.Close()
	if c.writePublicKey != "" {
		if err := writeFile(c.writePublicKey, []byte(s.PublicKeyPEM()), 0o644); err != nil {
			return fmt.Errorf("writing the public key: %w", err)
		}
	}
	servers := []*http.Server{newServer(s.Handler())}
	failed := make(chan error, 2)
	if c.control != "" {
		control, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.control)
		if err != nil {
			return fmt.Errorf("listening for the control API: %w", err)
		}
		addresses["control"] = "http://" + reachable(control.Addr())
		server := newServer(s.ControlHandler())
		servers = append(servers, server)
		go func() { failed <- server.Serve(control) }()
	}
	go func() {
		if c.tlsCert != "" {
			failed <- servers[0].ServeTLS(gateway, c.tlsCert, c.tlsKey)
			return
		}
		failed <- servers[0].Serve(gateway)
	}()
	if err := c.announce(addresses, options.Seed, stdout); err != nil {
		return err
	}
	select {
	case err = <-failed:
		err = fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		err = nil
	}
	return errors.Join(err, shutDown(servers))
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}

// shutDown lets calls under way finish for a moment, then closes.
func shutDown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var problems []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			problems = append(problems, server.Close())
		}
	}
	return errors.Join(problems...)
}

// reachable turns an address listened on into one to connect to: all interfaces include loopback.
func reachable(address net.Addr) string {
	tcp, isTCP := address.(*net.TCPAddr)
	if isTCP && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", fmt.Sprint(tcp.Port))
	}
	return address.String()
}

// announce says that the simulator is ready: to scripts by the file, then to people.
func (c config) announce(addresses map[string]string, seed uint64, stdout io.Writer) error {
	if c.writeAddresses != "" {
		text, err := json.Marshal(addresses)
		if err == nil {
			err = writeFile(c.writeAddresses, append(text, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing the addresses: %w", err)
		}
	}
	_, _ = fmt.Fprintf(stdout, "Gateway:  %s\n", addresses["gateway"]) // without stdout we still serve
	if addresses["control"] != "" {
		_, _ = fmt.Fprintf(stdout, "Control:  %s\n", addresses["control"])
	}
	_, _ = fmt.Fprintf(stdout, "Seed:     %d\nReady.\n", seed)
	return nil
}

// options reads the files that the flags name.
func (c config) options() (simulator.Options, error) {
	options := simulator.Options{
		Buyer: simulator.Buyer(c.buyer), TimeScale: c.timeScale, Seed: c.seed, NotifyURL: c.notifyURL, PublicURL: c.publicURL,
		Switches: c.switches,
	}
	if !c.seedIsGiven {
		options.Seed = mathrand.Uint64() //nolint:gosec // no secret
	}
	for i, id := range c.clientIDs {
		text, err := os.ReadFile(c.publicKeys[i])
		if err != nil {
			return options, fmt.Errorf("reading the public key of client %s: %w", id, err)
		}
		key, err := alipay.ParsePublicKey(text)
		if err != nil {
			return options, fmt.Errorf("reading the public key of client %s: %w", id, err)
		}
		options.Clients = append(options.Clients, simulator.Client{ID: id, PublicKey: key})
	}
	var err error
	if options.PrivateKey, err = c.gatewayKey(); err != nil {
		return options, err
	}
	if options.Methods, err = c.contract(); err != nil {
		return options, err
	}
	if options.Wallets, err = c.walletTable(); err != nil {
		return options, err
	}
	options.NotifyClient, err = c.notifyClient()
	return options, err
}

func (c config) notifyClient() (*http.Client, error) {
	if c.notifyCA == "" {
		return nil, nil //nolint:nilnil // the simulator has its own
	}
	text, err := os.ReadFile(c.notifyCA)
	if err != nil {
		return nil, fmt.Errorf("reading --notify-ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("reading --notify-ca: no certificate in %s", c.notifyCA)
	}
	return simulator.NotifyClientTrusting(pool), nil
}

// gatewayKey reads the key, or makes one that the next start finds again.
func (c config) gatewayKey() (*rsa.PrivateKey, error) {
	if c.privateKey == "" {
		return nil, nil //nolint:nilnil // the simulator makes its own
	}
	text, err := os.ReadFile(c.privateKey)
	if err == nil {
		return alipay.ParsePrivateKey(text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the gateway's key: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generating the gateway's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the gateway's key: %w", err)
	}
	text = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := writeFile(c.privateKey, text, 0o600); err != nil {
		return nil, fmt.Errorf("writing the gateway's key: %w", err)
	}
	return key, nil
}

// contract merges the file over the built-in table: what it does not name stays.
func (c config) contract() (map[string]simulator.Method, error) {
	if c.methods == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.methods)
	if err != nil {
		return nil, fmt.Errorf("reading --methods: %w", err)
	}
	methods, err := simulator.ParseMethods(text)
	if err != nil {
		return nil, fmt.Errorf("reading --methods: %w", err)
	}
	return methods, nil
}

// walletTable does the same for the table of wallets.
func (c config) walletTable() (map[string]simulator.Wallet, error) {
	if c.wallets == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.wallets)
	if err != nil {
		return nil, fmt.Errorf("reading --wallets: %w", err)
	}
	wallets, err := simulator.ParseWallets(text)
	if err != nil {
		return nil, fmt.Errorf("reading --wallets: %w", err)
	}
	return wallets, nil
}

// writeFile replaces a file at once: nobody reads half of it.
func writeFile(name string, content []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone once renamed
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
