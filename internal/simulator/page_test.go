package simulator

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// open fetches a page that must exist.
func (m *merchant) open(page string) string {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, page, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.fetch(r, http.StatusOK)
}

// click posts the page's form and follows to where it leads.
func (m *merchant) click(page string, wantStatus int, pairs ...string) string {
	m.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return m.fetch(r, wantStatus)
}

func (m *merchant) fetch(r *http.Request, wantStatus int) string {
	m.t.Helper()
	response, err := m.server.Client().Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	if response.StatusCode != wantStatus {
		m.t.Fatalf("%s %s: status %d, want %d:\n%s", r.Method, r.URL, response.StatusCode, wantStatus, text)
	}
	return string(text)
}

func TestCheckoutPage(t *testing.T) {
	order := cashier("p1", "KAKAOPAY", "KRW", "1200000", within("order", "orderDescription", "Lamp & <shade>"))
	t.Run("it shows the sum by the currency's decimals, the order and the way back", func(t *testing.T) {
		m := newMerchant(t)
		text := m.open(m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl"))
		for _, want := range []string{"KRW 1,200,000", "Lamp &amp; &lt;shade&gt;", "order-of-p1", "PROCESSING", `href="https://shop.example/return"`,
			`value="pay"`, `value="decline"`, `value="leave"`} {
			if !strings.Contains(text, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if strings.Contains(text, "<script") {
			t.Error("the page has a script")
		}
	})
	t.Run("the way back may be an app", func(t *testing.T) {
		m := newMerchant(t)
		text := m.open(m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", "ALIPAY_HK", "HKD", "5", with("paymentRedirectUrl", "shop://return?o=1"))).text("normalUrl"))
		if !strings.Contains(text, `href="shop://return?o=1"`) || !strings.Contains(text, "HKD 0.05") {
			t.Errorf("page:\n%s", text)
		}
	})
	for button, want := range map[string]string{"pay": "SUCCESS", "decline": "FAIL", "leave": "PROCESSING"} {
		t.Run("the button "+button+" leads to "+want, func(t *testing.T) {
			m := newMerchant(t)
			page := m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl")
			text := m.click(page, http.StatusOK, "action", button)
			if !strings.Contains(text, want) || strings.Contains(text, "<form") != (want == "PROCESSING") {
				t.Errorf("page:\n%s", text)
			}
			if got := m.status("p1"); got != want {
				t.Errorf("status = %s, want %s", got, want)
			}
		})
	}
	t.Run("a second click pays nothing", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl")
		m.click(page, http.StatusOK, "action", "pay")
		m.click(page, http.StatusConflict, "action", "pay")
		if got := m.simulator.Charges("p1"); got != 1 {
			t.Errorf("charges = %d, want 1", got)
		}
	})
	t.Run("a late buyer is told and pays nothing", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl")
		m.advance(14 * time.Minute)
		text := m.click(page, http.StatusConflict, "action", "pay")
		if !strings.Contains(text, "no longer open") || m.simulator.Charges("p1") != 0 {
			t.Errorf("page:\n%s", text)
		}
	})
	t.Run("a buyer who may pay late is told that the money went back", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.PayAfterExpiry = true })
		page := m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl")
		m.advance(14 * time.Minute)
		if text := m.click(page, http.StatusOK, "action", "pay"); !strings.Contains(text, "given back") {
			t.Errorf("page:\n%s", text)
		}
	})
	t.Run("a payment that failed shows the code and its meaning", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p1", cardMethod, "SGD", "4200")).text("normalUrl")
		text := m.click(page, http.StatusOK, "action", "decline")
		if !strings.Contains(text, `data-code="DO_NOT_HONOR">DO_NOT_HONOR: refused by the card&#39;s bank<`) {
			t.Errorf("page:\n%s", text)
		}
	})
	t.Run("an unknown address and an unknown button are refused", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl")
		m.click(page, http.StatusBadRequest, "action", "steal")
		m.click(page, http.StatusBadRequest, "action", "confirm")
		m.click(m.server.URL+"/checkout/guess", http.StatusNotFound, "action", "pay")
	})
	t.Run("a public address is used when given", func(t *testing.T) {
		m := newMerchant(t, func(o *Options) { o.PublicURL = "https://cashier.example/" })
		if got := m.want("U PAYMENT_IN_PROCESS", "pay", order).text("normalUrl"); !strings.HasPrefix(got, "https://cashier.example/checkout/") {
			t.Errorf("normalUrl = %s", got)
		}
	})
}

func TestMoneyIsWrittenByItsDecimals(t *testing.T) {
	for want, m := range map[string]Money{
		"USD 0.01": {"USD", 1}, "USD 10.50": {"USD", 1050}, "JPY 1,050": {"JPY", 1050}, "IDR 1,500,000.00": {"IDR", 150000000}, "KRW 7": {"KRW", 7},
	} {
		if got := m.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
