package simulator

import (
	"strings"
	"testing"
)

func TestOrdersPageListsConsentsThatWait(t *testing.T) {
	m := newMerchant(t)
	m.want("S SUCCESS", "consultAuthorization", consultFor("bind-open", "GCASH"))
	m.want("S SUCCESS", "consultAuthorization", consultFor("bind-given", "GCASH"))
	m.agrees("bind-given")
	page := m.open(m.server.URL + "/")
	if !strings.Contains(page, "bind-open") || !strings.Contains(page, `href="/consent/`) || strings.Contains(page, "bind-given") {
		t.Errorf("the page does not list the one consent that waits:\n%s", page)
	}
}

func TestOrdersPageListsOpenOrdersOnly(t *testing.T) {
	m := newMerchant(t)
	show := func() string {
		t.Helper()
		return m.open(m.server.URL + "/")
	}
	if page := show(); !strings.Contains(page, "No order is open") {
		t.Errorf("without orders the page says nothing of it:\n%s", page)
	}
	m.want("U PAYMENT_IN_PROCESS", "pay", cashier("open-1", "ALIPAY_HK", "HKD", "25800"))
	m.paid(cashier("paid-1", "ALIPAY_HK", "HKD", "9900"))
	page := show()
	if !strings.Contains(page, "HKD 258.00") || !strings.Contains(page, `href="/checkout/`) {
		t.Errorf("the open order is not listed with its amount and link:\n%s", page)
	}
	if strings.Contains(page, "HKD 99.00") {
		t.Errorf("a paid order is listed:\n%s", page)
	}
}
