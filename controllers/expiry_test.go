package controllers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// watches looks at the payment whenever it asks for that, as the queue does, until a time has come or the payment has ended. At every look
// the payment says no more than the ledger. It returns how many requests have left.
func (w *world) watches(end time.Time) int {
	w.t.Helper()
	before := len(w.sent)
	for w.clock.Now().Before(end) {
		result, err := w.reconcilePayment("order")
		if err != nil {
			w.t.Fatal(err)
		}
		w.tellsTheTruth()
		if w.payment("order").Status.State.Final() {
			break
		}
		if result.RequeueAfter <= 0 {
			w.t.Fatalf("an open payment (%s) does not ask to be looked at again", reason(w.payment("order").Status.Conditions))
		}
		w.advance(min(result.RequeueAfter, end.Sub(w.clock.Now())))
	}
	return len(w.sent) - before
}

// lives are how long the buyer has, by the pages of the methods: 14 minutes, two days for transfers, seven for Mercado Pago, or less if the
// request says so. looks bounds the requests on the way to the end: every 2 seconds for a minute, then after a twentieth of the age, then
// every hour, each a fifth sooner or later.
var lives = []struct {
	name, method  string
	expirySeconds int32
	life          time.Duration
	looks         int
}{
	{"a wallet", "ALIPAY_HK", 0, 14 * time.Minute, 110},
	{"a wallet with a time of its own", "ALIPAY_HK", 300, 5 * time.Minute, 85},
	{"a bank transfer", "BANKTRANSFER_BANGKOKBANK", 0, 48 * time.Hour, 260},
	{"a bank transfer with the longest time of its own", "BANKTRANSFER_QUICKPAY", 172800, 48 * time.Hour, 260},
	{"PromptPay", "PROMPTPAY", 0, 14 * time.Minute, 110},
	{"PromptPay with a time of its own", "PROMPTPAY", 47 * 3600, 47 * time.Hour, 260},
	{"Mercado Pago", "MERCADOPAGO_BR", 0, 7 * 24 * time.Hour, 420},
}

// slowestLook is the longest time between two looks at an open order.
const slowestLook = 72 * time.Minute

func expires(seconds int32) func(*apiv1.PaymentSpec) {
	return func(spec *apiv1.PaymentSpec) { spec.ExpirySeconds = seconds }
}

func TestUnpaidOrderFailsOnceItsTimeIsOver(t *testing.T) {
	for _, tt := range lives {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			order := w.orderOf(w.ordered(tt.method, expires(tt.expirySeconds)))
			if got := order.ExpiresAt.Sub(worldStart); got != tt.life {
				t.Fatalf("the buyer has %s, want %s", got, tt.life)
			}
			looks := w.watches(order.ExpiresAt.Add(slowestLook + time.Minute))
			got := w.payment("order").Status
			if got.State != apiv1.StateFailed || reason(got.Conditions) != "ORDER_IS_CLOSED" {
				t.Fatalf("payment is %s (%s), want it failed", got.State, reason(got.Conditions))
			}
			if late := got.FinishedAt.Sub(order.ExpiresAt); late < 0 || late > max(tt.life/10, 5*time.Second) {
				t.Errorf("the end was seen %s after it", late)
			}
			if looks > tt.looks {
				t.Errorf("%d requests until the end, want at most %d", looks, tt.looks)
			}
		})
	}
}

// The gateway tells by itself what becomes of an order, so that asking is for what does not arrive.
func TestOrderIsSeldomAskedAboutWhereTheGatewayTells(t *testing.T) {
	for method, most := range map[string]int{"ALIPAY_HK": 12, "BANKTRANSFER_BANGKOKBANK": 85} {
		w := newWorld(t, notified)
		order := w.orderOf(w.ordered(method))
		if looks := w.watches(order.ExpiresAt.Add(2 * slowestLook)); looks > most {
			t.Errorf("%s: %d requests until the end, want at most %d", method, looks, most)
		}
		if got := w.payment("order").Status.State; got != apiv1.StateFailed {
			t.Errorf("%s payment is %s after its end, want Failed without a notification", method, got)
		}
		w.close()
	}
}

// That the time is over by our clock proves nothing: the buyer may have paid.
func TestOrderIsNotFailedWhileTheGatewayDoesNotSaySo(t *testing.T) {
	const silence = 6 * time.Hour
	const looks, refusedLooks = 100, 460 // every 5 minutes, and once a minute while the gateway refuses the account
	tests := []struct {
		fault  simulator.FaultKind
		method string
		paid   bool
		looks  int
	}{
		{simulator.DropRequest, "ALIPAY_HK", false, looks},
		{simulator.DropResponse, "ALIPAY_HK", true, looks},
		{simulator.ServerError, "ALIPAY_HK", false, looks},
		{simulator.BadSignature, "ALIPAY_HK", false, looks},
		{simulator.BadSignature, "BANKTRANSFER_BANGKOKBANK", true, looks},
		{simulator.UnknownException, "BANKTRANSFER_BANGKOKBANK", false, looks},
		{simulator.RateLimit, "ALIPAY_HK", true, looks},
		{simulator.UnsignedFail, "ALIPAY_HK", false, refusedLooks},
		{simulator.UnsignedFail, "ALIPAY_HK", true, refusedLooks},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s, paid %t, %s", tt.method, tt.paid, tt.fault), func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			order := w.orderOf(w.ordered(tt.method))
			w.until(order.ExpiresAt.Add(-time.Second))
			w.inject(simulator.Fault{Kind: tt.fault, Path: "inquiryPayment", Times: -1})
			if tt.paid {
				if err := w.simulator.BuyerPays(order.PaymentID); err != nil {
					t.Fatal(err)
				}
			}
			if looks := w.watches(w.clock.Now().Add(silence)); looks > tt.looks {
				t.Errorf("%d requests in %s, want at most %d", looks, silence, tt.looks)
			}
			if got := w.payment("order").Status.State; got.Final() {
				t.Errorf("payment is %s, and nobody has said so", got)
			}
			w.simulator.ClearFaults()
			w.watches(w.clock.Now().Add(slowestLook))
			want := map[bool]apiv1.OperationState{false: apiv1.StateFailed, true: apiv1.PaymentPaid}[tt.paid]
			if got := w.payment("order").Status.State; got != want {
				t.Errorf("payment is %s once the gateway answers, want %s", got, want)
			}
		})
	}
}

func TestBuyerMayPayInTheLastSecond(t *testing.T) {
	for _, tt := range lives {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			order := w.orderOf(w.ordered(tt.method, expires(tt.expirySeconds)))
			w.until(order.ExpiresAt.Add(-time.Second))
			w.must(w.reconcilePayment("order"))
			if err := w.simulator.BuyerPays(order.PaymentID); err != nil {
				t.Fatal(err)
			}
			w.watches(order.ExpiresAt.Add(slowestLook))
			if got := w.payment("order").Status; got.State != apiv1.PaymentPaid || !got.PaymentTime.Time.Equal(order.ExpiresAt.Add(-time.Second)) {
				t.Errorf("payment is %s at %s, want it paid in the last second", got.State, got.PaymentTime)
			}
		})
	}
}

// A buyer who pays after the end gets the money back from the gateway; nothing is said and nothing is to be done.
func TestBuyerWhoPaysAfterTheEndHasNotPaid(t *testing.T) {
	for _, seen := range []bool{false, true} {
		for _, tt := range lives {
			t.Run(fmt.Sprintf("%s, the end was seen %t", tt.name, seen), func(t *testing.T) {
				w := newWorld(t, notified)
				defer w.close()
				if err := w.simulator.SetSwitches(simulator.Switches{PayAfterExpiry: true}); err != nil {
					t.Fatal(err)
				}
				order := w.orderOf(w.ordered(tt.method, expires(tt.expirySeconds)))
				w.until(order.ExpiresAt.Add(time.Second))
				if seen {
					w.watches(order.ExpiresAt.Add(2 * slowestLook))
				}
				if err := w.simulator.BuyerPays(order.PaymentID); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					w.watches(w.clock.Now().Add(2 * slowestLook))
					for _, a := range w.announced() {
						w.receive(a)
					}
				}
				w.must(w.reconcilePayment("order"))
				got := w.payment("order").Status
				if late := w.orderOf(w.payment("order")); late.ReturnedAt.IsZero() || got.State != apiv1.StateFailed || got.Conflict != nil {
					t.Errorf("payment is %s (conflict %v), the money was returned %s; want it failed, and the buyer has the money", got.State, got.Conflict, late.ReturnedAt)
				}
				w.tellsTheTruth()
			})
		}
	}
}

// Whenever the buyer pays, whenever somebody looks, and whenever the gateway can not be asked: at no time does the payment say what the ledger
// does not.
func TestOpenOrderTellsTheTruthAtAnyTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tt := rapid.SampledFrom(lives).Draw(rt, "life")
		var news []func(*worldOptions)
		if rapid.Bool().Draw(rt, "notified") {
			news = append(news, notified)
		}
		w := newWorld(t, news...)
		defer w.close()
		order := w.orderOf(w.ordered(tt.method, expires(tt.expirySeconds)))
		life := int64(tt.life / time.Second)
		moment := rapid.OneOf(rapid.Int64Range(0, 2*life), rapid.Int64Range(life-2, life+2))
		pays := moment.Draw(rt, "the buyer pays after")
		paid := false
		looks := rapid.SliceOfN(moment, 1, 8).Draw(rt, "looks")
		for _, look := range slices.Sorted(slices.Values(append(looks, pays, 2*life+1))) {
			w.until(worldStart.Add(time.Duration(look) * time.Second))
			if look >= pays && !paid {
				paid = w.simulator.BuyerPays(order.PaymentID) == nil
			}
			w.simulator.ClearFaults()
			if rapid.Bool().Draw(rt, "the answer is lost") {
				w.inject(simulator.Fault{Kind: simulator.DropResponse, Path: "inquiryPayment"})
			}
			for _, a := range w.announced() {
				w.receive(a)
			}
			w.must(w.reconcilePayment("order"))
			w.tellsTheTruth()
		}
		w.simulator.ClearFaults()
		w.watches(w.clock.Now().Add(2 * slowestLook))
		want := map[bool]apiv1.OperationState{true: apiv1.PaymentPaid, false: apiv1.StateFailed}[pays < life]
		if got := w.payment("order").Status.State; got != want || paid != (pays < life) {
			rt.Fatalf("paid after %d s of %s: payment is %s, want %s", pays, tt.life, got, want)
		}
	})
}
