package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

const acknowledged = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}`

// inbox is a merchant's notification URL. answer says what it replies, by the number of the send.
type inbox struct {
	server *httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(n int) (status int, body string)
}

type received struct {
	raw      []byte
	body     map[string]any
	time     string
	verified bool
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{answer: func(int) (int, string) { return http.StatusOK, acknowledged }}
	in.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Error(err)
		}
		message := alipay.Message{URI: r.URL.RequestURI(), ClientID: r.Header.Get("Client-Id"), Time: r.Header.Get("Request-Time"), Body: raw}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, received{raw: raw, body: body, time: message.Time,
			verified: alipay.Verify(message, r.Header.Get("Signature"), &gatewayKey().PublicKey) == nil})
		status, text := in.answer(len(in.got))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(in.server.Close)
	return in
}

func (in *inbox) url() string { return in.server.URL + "/notify?account=a1" }

func (in *inbox) all() []received {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

// types lists "notifyType result" in order of arrival.
func (in *inbox) types() []string {
	var out []string
	for _, r := range in.all() {
		result, _ := r.body["result"].(map[string]any)
		out = append(out, r.body["notifyType"].(string)+" "+result["resultCode"].(string))
	}
	return out
}

func wantTypes(t *testing.T, in *inbox, want ...string) {
	t.Helper()
	if got := in.types(); !slices.Equal(got, want) {
		t.Errorf("notifications = %q, want %q", got, want)
	}
}

func TestNotifications(t *testing.T) {
	to := func(in *inbox) func(map[string]any) { return with("paymentNotifyUrl", in.url()) }
	t.Run("success is notified three seconds after payment, signed over path and query", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000", to(in)))
		m.advance(2 * time.Second)
		wantTypes(t, in)
		m.advance(time.Second)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS")
		got := in.all()[0]
		if !got.verified || got.body["paymentRequestId"] != "p1" || got.body["paymentStatus"] != nil || got.body["paymentTime"] == nil {
			t.Errorf("notification = %+v", got)
		}
		m.advance(48 * time.Hour)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS")
		if n := m.simulator.Ledger().Notifications[0]; !n.Acknowledged || n.Sends != 1 || n.GaveUp {
			t.Errorf("record = %+v", n)
		}
	})
	t.Run("an unpaid order is notified when it closes, a declined one not before", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000", to(in)))
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p2", "ALIPAY_HK", "HKD", "1000", to(in)))
		if err := m.simulator.BuyerDeclinesWith("p2", "USER_AMOUNT_EXCEED_LIMIT"); err != nil {
			t.Fatal(err)
		}
		m.advance(14*time.Minute - time.Second)
		wantTypes(t, in)
		m.advance(time.Second)
		got := in.types()
		slices.Sort(got)
		if want := []string{"PAYMENT_RESULT ORDER_IS_CLOSED", "PAYMENT_RESULT USER_AMOUNT_EXCEED_LIMIT"}; !slices.Equal(got, want) {
			t.Errorf("notifications = %q, want %q", got, want)
		}
	})
	t.Run("a cancel is not notified, and a success that was on its way still arrives", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000", to(in)))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p1"})
		m.advance(time.Hour)
		wantTypes(t, in)
		m.paid(cashier("p2", "ALIPAY_HK", "HKD", "1000", to(in)))
		m.want("S SUCCESS", "cancel", map[string]any{"paymentRequestId": "p2"})
		m.advance(time.Hour)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS")
		if got := m.status("p2"); got != "CANCELLED" {
			t.Errorf("status = %s", got)
		}
	})
	t.Run("pending is told apart from paid by its type alone", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000", to(in)))
		if err := m.simulator.BuyerPends("p1"); err != nil {
			t.Fatal(err)
		}
		m.advance(3 * time.Second)
		m.pays("p1")
		m.advance(3 * time.Second)
		wantTypes(t, in, "PAYMENT_PENDING SUCCESS", "PAYMENT_RESULT SUCCESS")
	})
	t.Run("an automatic capture is notified to the payment's URL", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.paid(cashier("p1", cardMethod, "SGD", "4200", to(in)))
		m.advance(10 * time.Second)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS", "CAPTURE_RESULT SUCCESS")
		if got := in.all()[1].body; got["paymentId"] == nil || got["paymentRequestId"] != nil || got["captureTime"] == nil {
			t.Errorf("notification = %v", got)
		}
	})
	t.Run("refunds are notified without ids of the payment, refused ones are not", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		id := m.paid(cashier("p1", "KAKAOPAY", "KRW", "1000"))
		refund := refundOf("r1", id, "KRW", "400")
		refund["refundNotifyUrl"] = in.url()
		m.want("U REFUND_IN_PROCESS", "refund", refund)
		m.advance(time.Hour)
		wantTypes(t, in, "REFUND_RESULT SUCCESS")
		if got := in.all()[0].body; got["refundStatus"] != "SUCCESS" || got["paymentId"] != nil || got["paymentRequestId"] != nil {
			t.Errorf("notification = %v", got)
		}
		refund["refundRequestId"], refund["refundAmount"] = "r2", sum("KRW", "601")
		m.want("F REFUND_AMOUNT_EXCEED", "refund", refund)
		m.inject(Fault{Kind: FailLater, Path: "refund", Code: "MERCHANT_BALANCE_NOT_ENOUGH"})
		refund["refundRequestId"], refund["refundAmount"] = "r3", sum("KRW", "600")
		m.want("U REFUND_IN_PROCESS", "refund", refund)
		m.advance(time.Hour)
		wantTypes(t, in, "REFUND_RESULT SUCCESS", "REFUND_RESULT MERCHANT_BALANCE_NOT_ENOUGH")
	})
	t.Run("the request's URL wins over the dashboard's", func(t *testing.T) {
		own, client, dashboard := newInbox(t), newInbox(t), newInbox(t)
		m := newMerchant(t, func(o *Options) { o.NotifyURL, o.Clients[1].NotifyURL = dashboard.url(), client.url() })
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000", to(own)))
		m.paid(cashier("p2", "ALIPAY_HK", "HKD", "1000"))
		m.clientID, m.key = "5Y2", otherKey()
		m.paid(cashier("p3", "ALIPAY_HK", "HKD", "1000"))
		m.advance(time.Minute)
		for name, in := range map[string]*inbox{"p1": own, "p2": dashboard, "p3": client} {
			if got := in.all(); len(got) != 1 || got[0].body["paymentRequestId"] != name {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
	t.Run("without any URL nothing is sent", func(t *testing.T) {
		m := newMerchant(t)
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000"))
		m.advance(time.Hour)
		if got := m.simulator.Ledger().Notifications; len(got) != 0 {
			t.Errorf("notifications = %v", got)
		}
	})
	t.Run("a debit refused later is notified at once when it closes", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		fields := debit("p1", TokenStuck, "49900")
		fields["paymentNotifyUrl"] = in.url()
		m.want("U PAYMENT_IN_PROCESS", "pay", fields)
		m.advance(time.Minute)
		wantTypes(t, in, "PAYMENT_RESULT ORDER_IS_CLOSED")
	})
}

func TestResending(t *testing.T) {
	refusing := map[string]func(int) (int, string){
		"HTTP 500": func(int) (int, string) { return http.StatusInternalServerError, acknowledged },
		"HTTP 204": func(int) (int, string) { return http.StatusNoContent, "" },
		"another result code": func(int) (int, string) {
			return http.StatusOK, `{"result":{"resultCode":"PROCESS_FAIL","resultStatus":"S"}}`
		},
		"another result status": func(int) (int, string) {
			return http.StatusOK, `{"result":{"resultCode":"SUCCESS","resultStatus":"F"}}`
		},
		"no JSON":                 func(int) (int, string) { return http.StatusOK, "ok" },
		"a redirect not followed": func(int) (int, string) { return http.StatusFound, acknowledged },
	}
	for name, answer := range refusing {
		t.Run("eight sends on the documented schedule after "+name, func(t *testing.T) {
			m, in := newMerchant(t), newInbox(t)
			in.answer = answer
			m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
			m.advance(72 * time.Hour)
			n := m.simulator.Ledger().Notifications[0]
			if n.Sends != 8 || n.Acknowledged || !n.GaveUp || n.LastProblem == "" {
				t.Fatalf("record = %+v", n)
			}
			var waits []time.Duration
			for i, at := range n.SentAt[1:] {
				waits = append(waits, at.Sub(n.SentAt[i]))
			}
			want := []time.Duration{2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour}
			if !slices.Equal(waits, want) {
				t.Errorf("waits = %v, want %v", waits, want)
			}
			seen := map[string]bool{}
			for _, r := range in.all() {
				if !r.verified || seen[r.time] {
					t.Errorf("send at %s: verified %t, time seen before %t", r.time, r.verified, seen[r.time])
				}
				seen[r.time] = true
			}
		})
	}
	t.Run("resending stops at the first acknowledgement", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		in.answer = func(n int) (int, string) {
			if n < 3 {
				return http.StatusServiceUnavailable, ""
			}
			return http.StatusOK, acknowledged
		}
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
		m.advance(72 * time.Hour)
		if n := m.simulator.Ledger().Notifications[0]; n.Sends != 3 || !n.Acknowledged || n.GaveUp {
			t.Errorf("record = %+v", n)
		}
	})
	t.Run("a merchant who is away is asked again", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		in.server.Close()
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
		m.advance(time.Hour)
		if n := m.simulator.Ledger().Notifications[0]; n.Sends != 4 || n.Acknowledged {
			t.Errorf("record = %+v", n)
		}
	})
	t.Run("a handler may ask the gateway while it is notified", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		in.answer = func(int) (int, string) {
			if got := m.status("p1"); got != "SUCCESS" {
				t.Errorf("status = %s", got)
			}
			return http.StatusOK, acknowledged
		}
		m.paid(cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
		m.advance(time.Minute)
		wantTypes(t, in, "PAYMENT_RESULT SUCCESS")
	})
}

func TestClock(t *testing.T) {
	t.Run("what falls due happens in order of time", func(t *testing.T) {
		m, in := newMerchant(t), newInbox(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("late", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("early", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url()),
			with("paymentExpiryTime", wireTime(testStart.Add(time.Minute)))))
		m.advance(time.Hour)
		got := in.all()
		if len(got) != 2 || got[0].body["paymentRequestId"] != "early" || got[1].body["paymentRequestId"] != "late" {
			t.Errorf("notifications = %v", got)
		}
		if want := testStart.Add(time.Hour); !m.simulator.Now().Equal(want) {
			t.Errorf("now = %s, want %s", m.simulator.Now(), want)
		}
	})
	t.Run("simulated time runs at its scale and fires by itself", func(t *testing.T) {
		in := newInbox(t)
		arrived := make(chan struct{}, 8)
		in.answer = func(int) (int, string) {
			arrived <- struct{}{}
			return http.StatusOK, acknowledged
		}
		m := newMerchant(t, func(o *Options) { o.Now, o.TimeScale, o.Buyer = time.Now, 10000, BuyerPay })
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentNotifyUrl", in.url())))
		select {
		case <-arrived:
		case <-time.After(10 * time.Second):
			t.Fatal("no notification came")
		}
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s", got)
		}
	})
	t.Run("a source that goes back does not turn simulated time back", func(t *testing.T) {
		now := testStart
		c := newClock(func() time.Time { return now }, 1)
		now = now.Add(time.Hour)
		before := c.now()
		now = now.Add(-30 * time.Minute)
		if got := c.now(); got.Before(before) {
			t.Errorf("%s is before %s", got, before)
		}
	})
	t.Run("an own expiry counts from the request's own time, however far the clock was moved", func(t *testing.T) {
		m := newMerchant(t)
		m.advance(48 * time.Hour)
		// Request-Time in these tests is simulated, so an expiry of 5 minutes is counted from it.
		m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "1000", with("paymentExpiryTime", wireTime(m.simulator.Now().Add(5*time.Minute)))))
		m.advance(5 * time.Minute)
		if got := m.status("p1"); got != "FAIL" {
			t.Errorf("status = %s", got)
		}
	})
}
