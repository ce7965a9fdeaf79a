package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func TestContractOverridesTheTableOfMethods(t *testing.T) {
	tests := []struct {
		name   string
		method string
		stated []apiv1.PaymentMethodCapability
		want   capability
	}{
		{"a listed wallet", "ALIPAY_HK", nil, walletCapability},
		{"what nobody has stated anything about", "NEW_PAY", nil, unlistedCapability},
		{"what is about another method", "ALIPAY_HK", []apiv1.PaymentMethodCapability{{PaymentMethodType: "GCASH", Refund: apiv1.NoRefund}}, walletCapability},
		{
			"all of it", "NEW_PAY",
			[]apiv1.PaymentMethodCapability{{PaymentMethodType: "NEW_PAY", Refund: apiv1.FullRefundOnly, RefundWindowDays: 7, Cancel: apiv1.CancelSevenDays}},
			capability{refund: apiv1.FullRefundOnly, refundDays: 7, cancel: apiv1.CancelSevenDays},
		},
		{
			"a part of it", "ALIPAY_HK", []apiv1.PaymentMethodCapability{{PaymentMethodType: "ALIPAY_HK", RefundWindowDays: 30}},
			capability{refund: apiv1.PartialRefund, refundDays: 30, cancel: apiv1.CancelUntilNextDay},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			account := newAccount()
			account.Spec.PaymentMethods = tt.stated
			if diff := cmp.Diff(tt.want, capabilityOf(account, tt.method), cmp.AllowUnexported(capability{})); diff != "" {
				t.Errorf("capability (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCancelWindowFollowsTheGatewaysDay(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	tests := []struct {
		name   string
		cancel apiv1.CancelCapability
		paid   time.Time
		want   time.Time
	}{
		{"paid at noon", apiv1.CancelUntilNextDay, at("2026-11-21T12:00:00+08:00"), at("2026-11-22T00:15:00+08:00")},
		{"paid just before midnight", apiv1.CancelUntilNextDay, at("2026-11-21T23:59:59+08:00"), at("2026-11-22T00:15:00+08:00")},
		{"paid just after midnight", apiv1.CancelUntilNextDay, at("2026-11-22T00:00:00+08:00"), at("2026-11-23T00:15:00+08:00")},
		{"paid in another zone", apiv1.CancelUntilNextDay, at("2026-11-21T17:00:00Z"), at("2026-11-23T00:15:00+08:00")},
		{"paid at the end of the year", apiv1.CancelUntilNextDay, at("2026-12-31T20:00:00+08:00"), at("2027-01-01T00:15:00+08:00")},
		{"seven days", apiv1.CancelSevenDays, at("2026-11-21T12:00:00+08:00"), at("2026-11-28T12:00:00+08:00")},
		{"only while unpaid", apiv1.CancelUntilPaid, at("2026-11-21T12:00:00+08:00"), time.Time{}},
		{"never", apiv1.NeverCancel, at("2026-11-21T12:00:00+08:00"), time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (capability{cancel: tt.cancel}).cancelDeadline(tt.paid); !got.Equal(tt.want) {
				t.Errorf("deadline = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRefundWindowCountsDaysFromThePayment(t *testing.T) {
	if got, want := (capability{refundDays: 365}).refundDeadline(worldStart), worldStart.AddDate(0, 0, 365); !got.Equal(want) {
		t.Errorf("deadline = %s, want %s", got, want)
	}
	if got := (capability{}).refundDeadline(worldStart); !got.IsZero() {
		t.Errorf("deadline = %s where no period is known", got)
	}
}
