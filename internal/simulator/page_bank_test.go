package simulator

import (
	"net/http"
	"strings"
	"testing"
)

// cardWith is a card payment with what the request says of the card.
func cardWith(token string, metadata map[string]any) map[string]any {
	method := map[string]any{"paymentMethodType": cardMethod, "paymentMethodMetaData": metadata}
	if token != "" {
		method["paymentMethodId"] = token
	}
	return cashier("p1", cardMethod, "SGD", "4200", with("paymentMethod", method))
}

func TestBankConfirmation(t *testing.T) {
	forced := map[string]any{"is3DSAuthentication": true}
	upgraded := map[string]any{"enableAuthenticationUpgrade": true}
	atBank := func(page string) bool {
		return strings.Contains(page, `id="confirm"`) && strings.Contains(page, `id="refuse"`) && strings.Contains(page, "Your bank asks") &&
			!strings.Contains(page, `id="pay"`)
	}
	for _, test := range []struct {
		name string
		card map[string]any
	}{
		{"the buyer of a known card is sent to the bank where the merchant forces 3DS", cardWith("ALIPAYtoken", forced)},
		{"the buyer of a known card is sent to the bank where the scheme demands 3DS and an upgrade is allowed", cardWith(CardDemands3DS, upgraded)},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMerchant(t)
			page := m.want("U PAYMENT_IN_PROCESS", "pay", test.card).text("normalUrl")
			if text := m.open(page); !atBank(text) {
				t.Fatalf("page:\n%s", text)
			}
			if text := m.click(page, http.StatusOK, "action", "pay"); !atBank(text) || m.simulator.Charges("p1") != 0 {
				t.Errorf("charges = %d without the bank's confirmation; page:\n%s", m.simulator.Charges("p1"), text)
			}
			m.click(page, http.StatusOK, "action", "confirm")
			answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": "p1"})
			info, _ := answer.body["paymentResultInfo"].(map[string]any)
			if answer.text("paymentStatus") != "SUCCESS" || info["threeDSResult"] == nil {
				t.Errorf("inquiry = %v, want a success with threeDSResult", answer.body)
			}
			m.click(page, http.StatusConflict, "action", "confirm")
			if got := m.simulator.Charges("p1"); got != 1 {
				t.Errorf("charges = %d, want 1", got)
			}
		})
	}
	t.Run("a buyer who types the card is sent to the bank afterwards", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("U PAYMENT_IN_PROCESS", "pay", cardWith("", forced)).text("normalUrl")
		if text := m.open(page); atBank(text) || !strings.Contains(text, `id="pay"`) {
			t.Fatalf("page:\n%s", text)
		}
		if text := m.click(page, http.StatusOK, "action", "pay"); !atBank(text) || m.simulator.Charges("p1") != 0 {
			t.Errorf("charges = %d; page:\n%s", m.simulator.Charges("p1"), text)
		}
		m.click(page, http.StatusOK, "action", "confirm")
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s, want SUCCESS", got)
		}
	})
	t.Run("a session's buyer is sent to the bank too", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", cardMethod, within("paymentMethod", "paymentMethodMetaData", forced),
			with("paymentFactor", map[string]any{"isAuthorization": true}))).text("normalUrl")
		if text := m.click(page, http.StatusOK, "action", "pay"); !atBank(text) {
			t.Errorf("page:\n%s", text)
		}
		m.click(page, http.StatusOK, "action", "confirm")
		if got := m.status("s1"); got != "SUCCESS" {
			t.Errorf("status = %s, want SUCCESS", got)
		}
	})
	t.Run("a buyer who refuses at the bank pays nothing", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("U PAYMENT_IN_PROCESS", "pay", cardWith("ALIPAYtoken", forced)).text("normalUrl")
		text := m.click(page, http.StatusOK, "action", "refuse")
		p, _ := m.simulator.Ledger().Payment("p1")
		if p.Status != "FAIL" || p.ResultCode != "USER_PAYMENT_VERIFICATION_FAILED" || !strings.Contains(text, p.ResultCode) {
			t.Errorf("payment = %+v; page:\n%s", p, text)
		}
	})
	t.Run("a card whose scheme demands 3DS is refused without", func(t *testing.T) {
		m := newMerchant(t)
		m.want("F AUTHENTICATION_REQUIRED", "pay", cardWith(CardDemands3DS, map[string]any{}))
	})
	t.Run("an upgrade that the scheme does not ask for changes nothing", func(t *testing.T) {
		m := newMerchant(t)
		m.want("S SUCCESS", "pay", cardWith("ALIPAYtoken", upgraded))
	})
	t.Run("a buyer at the bank is confirmed by the control API's pay as well", func(t *testing.T) {
		m := newMerchant(t)
		m.want("U PAYMENT_IN_PROCESS", "pay", cardWith("ALIPAYtoken", forced))
		m.pays("p1")
		if got := m.status("p1"); got != "SUCCESS" {
			t.Errorf("status = %s, want SUCCESS", got)
		}
	})
	t.Run("a card that is refused at once shows why on the hosted page", func(t *testing.T) {
		m := newMerchant(t)
		page := m.want("S SUCCESS", "createPaymentSession", sessionFor("s1", "", with("paymentAmount", sum("HKD", "11")))).text("normalUrl")
		if text := m.click(page, http.StatusOK, "action", "pay", "method", cardMethod); !strings.Contains(text, `data-code="RISK_REJECT"`) {
			t.Errorf("page:\n%s", text)
		}
	})
}
