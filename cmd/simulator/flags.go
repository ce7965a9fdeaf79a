package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// config is what the flags say.
type config struct {
	listen, control            string
	tlsCert, tlsKey            string
	clientIDs, publicKeys      list
	privateKey, writePublicKey string
	notifyURL, notifyCA        string
	buyer                      string
	timeScale                  float64
	seed                       uint64
	publicURL, writeAddresses  string
	methods, wallets           string
	switches                   simulator.Switches
	seedIsGiven                bool
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

const usage = `Simulator is a fake Alipay Global (Antom) payment gateway with real signatures, a ledger of
money and faults on demand. Nothing it does moves money.

Usage:
  simulator --client-id ID --merchant-public-key FILE [flags]

--client-id and --merchant-public-key may be repeated: the n-th key belongs to the n-th client.
A client id with the prefix SANDBOX_ uses the sandbox paths, any other the production paths.

Flags:
`

func parseFlags(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&c.listen, "listen", "127.0.0.1:9090", "`address` of the gateway and the buyer's page; port 0 picks a free one")
	flags.StringVar(&c.control, "control", "127.0.0.1:9091", "`address` of the control API, which has no password: keep it on loopback; empty switches it off")
	flags.StringVar(&c.tlsCert, "tls-cert", "", "PEM `file` with the certificate of the gateway; with --tls-key it serves HTTPS")
	flags.StringVar(&c.tlsKey, "tls-key", "", "PEM `file` with the certificate's key")
	flags.Var(&c.clientIDs, "client-id", "`id` of a merchant; repeatable")
	flags.Var(&c.publicKeys, "merchant-public-key", "`file` with that merchant's public key, PEM or bare base64; repeatable")
	flags.StringVar(&c.privateKey, "private-key", "", "`file` with the gateway's private key; written with mode 0600 when it does not exist; in memory only when empty")
	flags.StringVar(&c.writePublicKey, "write-public-key", "", "`file` to write the gateway's public key to, for the merchant to verify with")
	flags.StringVar(&c.notifyURL, "notify-url", "", "`URL` for notifications whose request names none, as the dashboard would have it")
	flags.StringVar(&c.notifyCA, "notify-ca", "", "PEM `file` with certificates to trust, besides the system's, when notifying over HTTPS")
	flags.StringVar(&c.buyer, "buyer", "manual", "what buyers do by themselves: `manual`, pay, decline or leave")
	flags.Float64Var(&c.timeScale, "time-scale", 1, "simulated seconds per real second, at most ten thousand")
	flags.Uint64Var(&c.seed, "seed", 0, "makes ids reproducible; random when not given")
	flags.StringVar(&c.publicURL, "public-url", "", "base `URL` of the buyer's page; derived from the address listened on when empty")
	flags.StringVar(&c.writeAddresses, "write-addresses", "", "`file` to write {\"gateway\": \"...\", \"control\": \"...\"} to when ready")
	flags.StringVar(&c.methods, "methods", "", "JSON `file` that changes the capabilities of payment methods as your contract does")
	flags.StringVar(&c.wallets, "wallets", "", "JSON `file` that changes how wallets treat authorizations and their tokens")
	c.addSwitches(flags)
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	flags.Visit(func(f *flag.Flag) { c.seedIsGiven = c.seedIsGiven || f.Name == "seed" })
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return c, c.validate()
}

// addSwitches adds a flag for each of simulator.Switches.
func (c *config) addSwitches(flags *flag.FlagSet) {
	s := &c.switches
	flags.BoolVar(&s.MultipleCaptures, "multiple-captures", false, "allow several captures of one card authorisation")
	flags.BoolVar(&s.FullCaptureOnly, "full-capture-only", false, "refuse a capture of less than the authorised amount")
	flags.BoolVar(&s.ReleaseRest, "release-rest", false, "release at once what a capture leaves of the authorised amount")
	flags.BoolVar(&s.PayAfterCancel, "pay-after-cancel", false, "let a buyer pay once after a cancel; the money goes back at once, and the success is notified")
	flags.BoolVar(&s.PayAfterExpiry, "pay-after-expiry", false, "let a buyer pay once after the order has closed; the money goes back at once")
	flags.StringVar((*string)(&s.Transactions), "transactions", "listed", "captures and refunds in inquiryPayment: `listed`, nullWhenEmpty, null or absent")
	flags.BoolVar(&s.NoTransactionTime, "no-transaction-time", false, "leave transactionTime out")
	flags.BoolVar(&s.MisspeltTransactionType, "misspelt-transaction-type", false, "write transationType for transactionType")
	flags.StringVar((*string)(&s.SessionRepeat), "session-repeat", "same", "a repeated createPaymentSession gets the `same` session, a new one, or is refused")
	flags.StringVar((*string)(&s.SessionInquiry), "session-inquiry", "ORDER_NOT_EXIST", "`code` of an inquiry before a session is submitted: ORDER_NOT_EXIST or PAYMENT_IN_PROCESS")
}

func (c config) validate() error {
	switch {
	case len(c.clientIDs) == 0:
		return errors.New("at least one --client-id is needed")
	case len(c.clientIDs) != len(c.publicKeys):
		return fmt.Errorf("%d --client-id but %d --merchant-public-key: the n-th key belongs to the n-th client", len(c.clientIDs), len(c.publicKeys))
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key belong together")
	case !(c.timeScale > 0 && c.timeScale <= 1e4):
		return errors.New("--time-scale must be above zero and at most ten thousand")
	}
	for name, value := range map[string]string{"notify-url": c.notifyURL, "public-url": c.publicURL} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return fmt.Errorf("--%s must be an http or https URL", name)
		}
	}
	return nil
}
