package simulator

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Buyer says what happens to a payable order when nobody clicks.
type Buyer string

const (
	// BuyerManual waits for the checkout page, the control API, or BuyerPays and its siblings.
	BuyerManual Buyer = "manual"
	// BuyerPay pays one simulated second after the order exists.
	BuyerPay Buyer = "pay"
	// BuyerDecline declines after the same time.
	BuyerDecline Buyer = "decline"
	// BuyerLeave never comes back: the order expires.
	BuyerLeave Buyer = "leave"
)

// Client is one merchant.
type Client struct {
	ID        string
	PublicKey *rsa.PublicKey // without one, calls are refused with KEY_NOT_FOUND
	NotifyURL string         // the merchant's dashboard setting; Options.NotifyURL when empty
	Disabled  bool           // calls are refused with INVALID_CLIENT_STATUS
}

// Options configure a Simulator. Only Clients is needed.
type Options struct {
	Clients []Client
	// PrivateKey signs answers and notifications. One is generated when nil.
	PrivateKey *rsa.PrivateKey
	// Buyer is BuyerManual when empty.
	Buyer Buyer
	// TimeScale is how many simulated seconds pass in a real one, at most ten thousand; 1 when zero.
	TimeScale float64
	// Seed makes ids reproducible.
	Seed uint64
	// Now is the source of real time, time.Now when nil. A source that stands still leaves all movement to Advance.
	Now func() time.Time
	// NotifyURL is where notifications go when the request names no URL.
	NotifyURL string
	// PublicURL is the base of normalUrl. When empty it is taken from the Host header of each request.
	PublicURL string
	// NotifyClient sends notifications. When nil, a client with a five-second limit that follows no redirects.
	NotifyClient *http.Client
	// Methods replaces rows of the built-in capability table: the contract prevails over it.
	Methods map[string]Method
	// Wallets replaces rows of the built-in table of how wallets treat authorizations.
	Wallets map[string]Wallet
	// Switches choose between readings of the documents. SetSwitches changes them later.
	Switches
}

// Simulator is the gateway. Create it with New; use Handler and ControlHandler on servers of your own.
type Simulator struct {
	options Options
	key     *rsa.PrivateKey
	ctx     context.Context
	cancel  context.CancelFunc
	stopped chan struct{}
	http    *http.Client

	advancing sync.Mutex // one Advance at a time

	mu      sync.Mutex // guards everything below
	sent    *sync.Cond // a notification was answered
	sending int        // notifications under way
	clock   *clock
	random  *mathrand.Rand
	serial  uint64

	clients       map[string]*Client
	payments      []*payment
	byPaymentID   map[string]*payment
	byRequest     map[requestKey]*payment
	sessions      []*session
	sessionsByID  map[string]*session
	byCode        map[string]checkout
	refunds       []*refund
	byRefund      map[requestKey]*refund
	byRefundID    map[requestKey]*refund
	captures      []*capture
	byCapture     map[requestKey]*capture
	entries       []Entry
	violations    []string
	calls         map[string]map[string]int
	notifications []*notification
	heldBack      []*notification // by the reorder fault
	faults        []*Fault
	switches      Switches
	consents      *consents
	rates         map[string]*rate
	customs       customs
	disputes      disputes
}

// maxTimeScale lets a simulator run for ten days before simulated time leaves what a time.Duration can hold.
const maxTimeScale = 1e4

// requestKey is the scope of an idempotency id. Its real scope is not documented; per client is chosen.
type requestKey struct{ clientID, requestID string }

// New starts a simulator. Close it when done.
func New(options Options) (*Simulator, error) {
	if len(options.Clients) == 0 {
		return nil, errors.New("starting the simulator: at least one client is needed")
	}
	if options.TimeScale == 0 {
		options.TimeScale = 1
	}
	if !(options.TimeScale > 0 && options.TimeScale <= maxTimeScale) {
		return nil, fmt.Errorf("starting the simulator: the time scale must be above zero and at most %g", maxTimeScale)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	switch options.Buyer {
	case "":
		options.Buyer = BuyerManual
	case BuyerManual, BuyerPay, BuyerDecline, BuyerLeave:
	default:
		return nil, fmt.Errorf("starting the simulator: unknown buyer %q", options.Buyer)
	}
	switches, err := options.complete()
	if err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	for name, w := range options.Wallets {
		if err := w.check(); err != nil {
			return nil, fmt.Errorf("starting the simulator: wallet %s: %w", name, err)
		}
	}
	if options.PrivateKey == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, fmt.Errorf("generating the gateway's key: %w", err)
		}
		options.PrivateKey = key
	}
	s := &Simulator{
		options: options, key: options.PrivateKey, http: options.NotifyClient, stopped: make(chan struct{}),
		clock: newClock(options.Now, options.TimeScale), random: mathrand.New(mathrand.NewPCG(options.Seed, 0)), //nolint:gosec // ids are to be reproducible
		clients: map[string]*Client{}, byPaymentID: map[string]*payment{}, byRequest: map[requestKey]*payment{},
		sessionsByID: map[string]*session{}, byCode: map[string]checkout{}, byRefund: map[requestKey]*refund{}, byRefundID: map[requestKey]*refund{},
		byCapture: map[requestKey]*capture{}, calls: map[string]map[string]int{}, switches: switches, consents: newConsents(), rates: map[string]*rate{},
		customs: customs{byRequest: map[requestKey]*declaration{}}, disputes: disputes{byID: map[string]*dispute{}},
	}
	s.sent = sync.NewCond(&s.mu)
	for _, c := range options.Clients {
		if c.ID == "" || s.clients[c.ID] != nil {
			return nil, fmt.Errorf("starting the simulator: client id %q is empty or given twice", c.ID)
		}
		s.clients[c.ID] = &c
	}
	if s.http == nil {
		s.http = newNotifyClient(nil)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.run()
	return s, nil
}

// Close stops the clock and gives up notifications under way.
func (s *Simulator) Close() {
	s.cancel()
	<-s.stopped
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent.Broadcast()
	for s.sending > 0 {
		s.sent.Wait()
	}
	s.http.CloseIdleConnections()
}

// PublicKeyPEM is the key that verifies answers and notifications, as the dashboard would show it.
func (s *Simulator) PublicKeyPEM() string {
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil { // an RSA key always marshals
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// SetPublicKey registers a merchant's key, or replaces it at once as the dashboard does (ref/key_config).
func (s *Simulator) SetPublicKey(clientID string, key *rsa.PublicKey) error {
	if clientID == "" || key == nil {
		return errors.New("registering a key: client id and key are needed")
	}
	s.enter()
	defer s.mu.Unlock()
	if s.clients[clientID] == nil {
		s.clients[clientID] = &Client{ID: clientID}
	}
	s.clients[clientID].PublicKey = key
	return nil
}

// newID makes an id of the gateway's shape: the day, a fixed middle, and a number that is never used twice.
func (s *Simulator) newID(middle string) string {
	s.serial++
	return fmt.Sprintf("%s%s%05d%010d", s.clock.now().In(gatewayZone).Format("20060102"), middle, s.random.IntN(100000), s.serial)
}

// newCode makes the unguessable part of a checkout address.
func (s *Simulator) newCode() string {
	return fmt.Sprintf("%016x%016x", s.random.Uint64(), s.random.Uint64())
}

// violate records a broken rule of the simulator itself; CheckInvariants reports it.
func (s *Simulator) violate(format string, args ...any) {
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}
