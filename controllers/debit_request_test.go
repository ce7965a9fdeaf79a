package controllers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// fullDebit has every field that a debit can have.
func fullDebit() *apiv1.Payment {
	payment := detailedPayment()
	spec := &payment.Spec
	spec.Cashier, spec.Env, spec.RedirectURL, spec.ExpirySeconds = nil, nil, "", 0
	spec.AutoDebit = &apiv1.AutoDebit{AgreementRef: apiv1.AgreementReference{Name: "plan"}}
	return payment
}

func debitBody(t testing.TB, payment *apiv1.Payment, intent *apiv1.Intent) string {
	t.Helper()
	request, err := debitRequest(payment, "hk_shop_order_1042", intent, "GCASH", "28100000access0001")
	if err != nil {
		t.Fatal(err)
	}
	return wireBody(t, request)
}

// The golden bodies must never change, as those of a payment by its buyer.
func TestBodiesOfDebitsAreTheSameInEveryVersion(t *testing.T) {
	plain := testIntent()
	plain.NotifyURL, plain.SettlementCurrency = "", ""
	for file, got := range map[string]string{
		"debit-full.json":  debitBody(t, fullDebit(), testIntent()),
		"debit-plain.json": debitBody(t, debitPayment("order"), plain),
	} {
		t.Run(file, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(want)), got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// The fields of a debit and their types on the wire are those of pay, save what needs a buyer
// (https://docs.antom.com/ac/ams/payment_agreement).
func TestDebitHasTheTypesOfTheTables(t *testing.T) {
	var content any
	if err := json.Unmarshal([]byte(debitBody(t, fullDebit(), testIntent())), &content); err != nil {
		t.Fatal(err)
	}
	found, want := map[string]string{}, map[string]string{"paymentMethod.paymentMethodId": "text"}
	listTypes(content, "", found)
	for field, kind := range wireTypes {
		if field != "paymentRedirectUrl" && field != "paymentExpiryTime" && !strings.HasPrefix(field, "env.") {
			want[field] = kind
		}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("fields of the body (-want +got):\n%s", diff)
	}
}

func TestGatewayTakesEveryFieldOfADebit(t *testing.T) {
	w := agreedWorld(t)
	payment := fullDebit()
	payment.Name, payment.Spec.MerchantAccountID = "order", ""
	w.store.create(payment)
	w.must(w.reconcilePayment("order"))
	w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
}

func TestBodyOfADebitSurvivesTheAPIServer(t *testing.T) {
	payment, read := fullDebit(), &apiv1.Payment{}
	payment.Status.Intent = testIntent()
	throughJSON(t, payment, read)
	if diff := cmp.Diff(debitBody(t, payment, payment.Status.Intent), debitBody(t, read, read.Status.Intent)); diff != "" {
		t.Errorf("body (-before +after):\n%s", diff)
	}
}

// debitRules is what the pages say of the 16 methods (https://docs.antom.com/ac/pm/available_ad, https://docs.antom.com/ac/auto_debit/cancel):
// refunds in parts, in full only, or none, the days for that, and whether a paid debit can be cancelled until the next day.
var debitRules = map[string]struct {
	currency, value string
	refund          apiv1.RefundCapability
	days            int
	cancelPaid      bool
}{
	"ALIPAY_CN": {"CNY", "10000", apiv1.PartialRefund, 365, true}, "ALIPAY_HK": {"HKD", "10000", apiv1.PartialRefund, 365, true},
	"BOOST": {"MYR", "10000", apiv1.PartialRefund, 365, true}, "DANA": {"IDR", "1000000", apiv1.FullRefundOnly, 365, false},
	"GCASH": {"PHP", "10000", apiv1.PartialRefund, 365, true}, "KAKAOPAY": {"KRW", "10000", apiv1.PartialRefund, 365, true},
	"NAVERPAY": {"KRW", "10000", apiv1.PartialRefund, 365, true}, "RABBIT_LINE_PAY": {"THB", "10000", apiv1.PartialRefund, 365, true},
	"TNG": {"MYR", "10000", apiv1.PartialRefund, 365, true}, "TRUEMONEY": {"THB", "10000", apiv1.PartialRefund, 365, true},
	"ZALOPAY": {"VND", "50000", apiv1.PartialRefund, 180, true}, "GRABPAY_SG": {"SGD", "10000", apiv1.PartialRefund, 365, true},
	"GRABPAY_MY": {"MYR", "10000", apiv1.PartialRefund, 365, true}, "GRABPAY_PH": {"PHP", "10000", apiv1.PartialRefund, 365, true},
	"MAYA": {"PHP", "10000", apiv1.PartialRefund, 365, true}, "PAYPAY": {"JPY", "10000", apiv1.FullRefundOnly, 90, true},
	"DIRECT_DEBIT_KRUNGTHAIBANK": {"THB", "10000", apiv1.NoRefund, 0, false}, "DIRECT_DEBIT_SIAMCOMMERCIALBANK": {"THB", "10000", apiv1.NoRefund, 0, false},
}

// Nothing that the wallet's rules forbid is sent, and the message says why.
func TestWhatAWalletCanNotDoAfterADebitIsRefusedBeforeItIsSent(t *testing.T) {
	for wallet, rule := range debitRules {
		t.Run(wallet, func(t *testing.T) {
			debited := func(t *testing.T) *world {
				w := newWorld(t)
				t.Cleanup(w.close)
				w.agrees(wallet)
				w.store.create(debitPayment("order", func(spec *apiv1.PaymentSpec) { spec.Amount = apiv1.Amount{Currency: rule.currency, Value: rule.value} }))
				w.must(w.reconcilePayment("order"))
				w.expect(apiv1.PaymentPaid, apiv1.PaidReason)
				return w
			}
			refund := func(t *testing.T, w *world, value, why string, sent int) {
				t.Helper()
				back := newRefund("back", "order", value)
				if value != "" {
					back.Spec.Amount.Currency = rule.currency
				}
				w.store.create(back)
				w.follow(w.reconcileRefund, "back", time.Minute)
				if got := reason(w.refund("back").Status.Conditions); w.sends("refund") != sent || why != "" && got != why {
					t.Errorf("refund of %q is %s after %d requests, want %s after %d", value, got, w.sends("refund"), why, sent)
				}
			}
			t.Run("refund of a part", func(t *testing.T) {
				part := "1000"
				if rule.currency == "IDR" {
					part = "30000" // whole rupiahs
				}
				if rule.refund == apiv1.PartialRefund {
					refund(t, debited(t), part, "", 1)
				} else {
					refund(t, debited(t), part, apiv1.RefundNotSupportedReason, 0)
				}
			})
			t.Run("refund of all", func(t *testing.T) {
				if rule.refund == apiv1.NoRefund {
					refund(t, debited(t), "", apiv1.RefundNotSupportedReason, 0)
				} else {
					refund(t, debited(t), "", "", 1)
				}
			})
			t.Run("refund too late", func(t *testing.T) {
				if rule.days == 0 {
					return
				}
				w := debited(t)
				w.advance(time.Duration(rule.days) * 24 * time.Hour)
				refund(t, w, "", apiv1.RefundWindowExceededReason, 0)
			})
			cancel := func(t *testing.T, w *world, state apiv1.OperationState, why string, sent int) {
				t.Helper()
				w.editPayment("order", cancelled)
				w.run(time.Minute)
				w.expect(state, why)
				if w.sends("cancel") != sent {
					t.Errorf("cancellations = %d, want %d", w.sends("cancel"), sent)
				}
			}
			t.Run("cancellation of a paid debit", func(t *testing.T) {
				if rule.cancelPaid {
					cancel(t, debited(t), apiv1.PaymentCancelled, apiv1.CancelledReason, 1)
				} else {
					cancel(t, debited(t), apiv1.PaymentPaid, apiv1.CancelNotSupportedReason, 0)
				}
			})
			t.Run("cancellation on the next day", func(t *testing.T) {
				w := debited(t)
				w.advance(24 * time.Hour)
				if rule.cancelPaid {
					cancel(t, w, apiv1.PaymentPaid, apiv1.CancelWindowExceededReason, 0)
				} else {
					cancel(t, w, apiv1.PaymentPaid, apiv1.CancelNotSupportedReason, 0)
				}
			})
		})
	}
}

func TestContractOverridesWhatAWalletCanDoAfterADebit(t *testing.T) {
	w := newWorld(t, func(o *worldOptions) {
		o.account.Spec.PaymentMethods = []apiv1.PaymentMethodCapability{{PaymentMethodType: "DIRECT_DEBIT_KRUNGTHAIBANK", Refund: apiv1.FullRefundOnly, RefundWindowDays: 10}}
	})
	defer w.close()
	w.agrees("DIRECT_DEBIT_KRUNGTHAIBANK")
	w.store.create(debitPayment("order", func(spec *apiv1.PaymentSpec) { spec.Amount.Currency = "THB" }))
	w.must(w.reconcilePayment("order"))
	w.store.create(newRefund("back", "order", ""))
	w.must(w.reconcileRefund("back"))
	if w.sends("refund") != 1 {
		t.Errorf("refunds = %d, want the contract to count", w.sends("refund"))
	}
}
