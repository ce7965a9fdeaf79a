package controllers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

func newCatalog(change ...func(*apiv1.PaymentMethodCatalogSpec)) *apiv1.PaymentMethodCatalog {
	catalog := &apiv1.PaymentMethodCatalog{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "thai", UID: "b6e1a1f0-0000-4000-8000-000000000001", Generation: 1},
		Spec: apiv1.PaymentMethodCatalogSpec{
			MerchantAccountRef: apiv1.MerchantAccountReference{Name: testAccount},
			Amount:             apiv1.Amount{Currency: "THB", Value: "45000"},
			RefreshInterval:    metav1.Duration{Duration: time.Hour},
		},
	}
	for _, f := range change {
		f(&catalog.Spec)
	}
	return catalog
}

// fullCatalog has every field that shapes the body of consult.
func fullCatalog() *apiv1.PaymentMethodCatalog {
	return newCatalog(func(spec *apiv1.PaymentMethodCatalogSpec) {
		spec.Env, spec.UserRegion, spec.SettlementCurrency = detailedPayment().Spec.Env, "TH", "EUR"
		spec.AllowedPaymentMethodRegions = []string{"TH", "GLOBAL"}
	})
}

func TestConsultAsksForWhatTheSpecSays(t *testing.T) {
	spec := reflect.ValueOf(fullCatalog().Spec)
	for i := range spec.NumField() {
		if spec.Field(i).IsZero() {
			t.Errorf("fullCatalog has no %s", spec.Type().Field(i).Name)
		}
	}
	dollars := newAccount()
	dollars.Spec.SettlementCurrency = "USD"
	tests := []struct {
		name    string
		catalog *apiv1.PaymentMethodCatalog
		account *apiv1.MerchantAccount
		file    string
		beside  string // is in the body besides what the file says
	}{
		{"every field, before the account's settlement currency", fullCatalog(), dollars, "consult-full.json", ""},
		{"what is required", newCatalog(), newAccount(), "consult-plain.json", ""},
		{"the account's settlement currency", newCatalog(), dollars, "consult-plain.json", `,"settlementStrategy":{"settlementCurrency":"USD"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join("testdata", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.TrimSuffix(string(bytes.TrimSpace(content)), "}") + tt.beside + "}"
			if diff := cmp.Diff(want, wireBody(t, consultRequest(tt.catalog, tt.account))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMethodsAreListedInTheGatewaysWords(t *testing.T) {
	catalog := newCatalog()
	listMethods(catalog, &alipay.ConsultResponse{PaymentOptions: []alipay.PaymentOption{
		{
			PaymentMethodType: "TRUEMONEY", PaymentMethodCategory: "WALLET", PaymentMethodRegion: []string{"TH"}, SupportedCurrencies: []string{"THB", "USD"},
			Enabled: true, Preferred: true, Logo: &alipay.Logo{LogoName: "TrueMoney", LogoURL: "https://cdn.example/truemoney.svg"},
			AmountLimits: map[string]alipay.AmountLimits{
				"THB": {
					SingleLimit: &alipay.AmountLimit{MinAmount: "100", MaxAmount: "5000000"},
					DayLimit:    &alipay.AmountLimit{MaxAmount: "10000000", RemainAmount: "9955000"},
					MonthLimit:  &alipay.AmountLimit{MaxAmount: "300000000"},
				},
				"USD": {SingleLimit: &alipay.AmountLimit{MaxAmount: "1"}},
			},
		},
		{
			PaymentMethodType: "ALIPAY_HK", DisableReason: "CHANNEL_NOT_SUPPORT_CURRENCY",
			AmountLimits: map[string]alipay.AmountLimits{"HKD": {SingleLimit: &alipay.AmountLimit{MaxAmount: "1"}}},
		},
		{PaymentMethodType: "", Enabled: true}, // could not be stored
		{PaymentMethodType: "CARD", Enabled: true, AmountLimits: map[string]alipay.AmountLimits{"THB": {}}},
		{PaymentMethodType: "ALIPAY_HK", Enabled: true}, // the gateway's to explain
	}}, worldStart.Add(1500*time.Millisecond))
	want := apiv1.PaymentMethodCatalogStatus{
		EnabledMethods: ptr.To[int32](3), RefreshTime: ptr.To(metav1.NewTime(worldStart.Add(time.Second))),
		Methods: []apiv1.CatalogMethod{
			{
				PaymentMethodType: "TRUEMONEY", PaymentMethodCategory: "WALLET", PaymentMethodRegion: []string{"TH"}, SupportedCurrencies: []string{"THB", "USD"},
				Enabled: ptr.To(true), Preferred: true, LogoName: "TrueMoney", LogoURL: "https://cdn.example/truemoney.svg",
				Limits: &apiv1.CatalogLimits{
					Single: &apiv1.CatalogLimit{Min: "100", Max: "5000000"},
					Day:    &apiv1.CatalogLimit{Max: "10000000", Remaining: "9955000"},
					Month:  &apiv1.CatalogLimit{Max: "300000000"},
				},
			},
			{PaymentMethodType: "ALIPAY_HK", Enabled: ptr.To(false), DisableReason: "CHANNEL_NOT_SUPPORT_CURRENCY"},
			{PaymentMethodType: "CARD", Enabled: ptr.To(true), Limits: &apiv1.CatalogLimits{}},
			{PaymentMethodType: "ALIPAY_HK", Enabled: ptr.To(true)},
		},
	}
	if diff := cmp.Diff(want, catalog.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}

	listMethods(catalog, &alipay.ConsultResponse{}, worldStart)
	if st := catalog.Status; len(st.Methods) != 0 || *st.EnabledMethods != 0 {
		t.Errorf("status = %+v, want nothing left of the former list", st)
	}
}

func TestLongListsAndTextsAreCutToWhatTheStatusTakes(t *testing.T) {
	texts := func(count int) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat(strings.Repeat("é", 3000)+",", count), ","), ",")
	}
	long := texts(1)[0]
	limit := &alipay.AmountLimit{MinAmount: alipay.Decimal(long), MaxAmount: alipay.Decimal(long), RemainAmount: alipay.Decimal(long)}
	answer := &alipay.ConsultResponse{}
	for i := range 250 {
		answer.PaymentOptions = append(answer.PaymentOptions, alipay.PaymentOption{PaymentMethodType: fmt.Sprintf("METHOD_%d", i), Enabled: true})
	}
	answer.PaymentOptions[0] = alipay.PaymentOption{
		PaymentMethodType: long, PaymentMethodCategory: long, PaymentMethodRegion: texts(120), SupportedCurrencies: texts(120), DisableReason: long,
		Logo: &alipay.Logo{LogoName: long, LogoURL: long}, AmountLimits: map[string]alipay.AmountLimits{"THB": {SingleLimit: limit, DayLimit: limit, MonthLimit: limit}},
	}
	catalog := newCatalog()
	listMethods(catalog, answer, worldStart)

	st := catalog.Status
	if len(st.Methods) != 200 || *st.EnabledMethods != 199 || st.Methods[199].PaymentMethodType != "METHOD_199" {
		t.Errorf("%d methods, %d of them enabled, the last %s: want the first 200", len(st.Methods), *st.EnabledMethods, st.Methods[len(st.Methods)-1].PaymentMethodType)
	}
	letters := func(count int) string { return strings.Repeat("é", count) }
	many := func(text string) []string { return strings.Split(strings.Repeat(text+",", 99)+text, ",") }
	most := &apiv1.CatalogLimit{Min: letters(32), Max: letters(32), Remaining: letters(32)}
	want := apiv1.CatalogMethod{
		PaymentMethodType: letters(64), PaymentMethodCategory: letters(64), PaymentMethodRegion: many(letters(16)), SupportedCurrencies: many(letters(8)),
		Enabled: ptr.To(false), DisableReason: letters(64), LogoName: letters(64), LogoURL: letters(2048),
		Limits: &apiv1.CatalogLimits{Single: most, Day: most, Month: most},
	}
	if diff := cmp.Diff(want, st.Methods[0]); diff != "" {
		t.Errorf("method (-want +got):\n%s", diff)
	}
}

func TestCatalogIsAskedForWhenItIsOld(t *testing.T) {
	listed := newCatalog()
	listed.Status.RefreshTime, listed.Status.ObservedGeneration = ptr.To(metav1.NewTime(worldStart)), 1
	changed := listed.DeepCopy()
	changed.Generation = 2
	interval := catalogInterval(listed)
	tests := []struct {
		name       string
		catalog    *apiv1.PaymentMethodCatalog
		remembered recall
		after      time.Duration
		want       time.Duration
	}{
		{"a new catalog", newCatalog(), recall{}, 0, 0},
		{"a fresh list", listed, recall{}, time.Minute, interval - time.Minute},
		{"a list just before its time", listed, recall{}, interval - 1, 1},
		{"a list at its time", listed, recall{}, interval, 0},
		{"a list of yesterday", listed, recall{}, 24 * time.Hour, 0},
		{"a list from the future, by another machine's clock", listed, recall{}, -time.Minute, interval + time.Minute},
		{"a list that answers a former spec", changed, recall{}, time.Minute, 0},
		{"a failed try of a new catalog", newCatalog(), recall{failures: 1, nextLook: worldStart.Add(2 * time.Second)}, time.Second, time.Second},
		{"a failed try that has rested", newCatalog(), recall{failures: 1, nextLook: worldStart.Add(2 * time.Second)}, 2 * time.Second, 0},
		{"a failed try with an old list", listed, recall{failures: 3, nextLook: worldStart.Add(interval + 8*time.Second)}, interval, 8 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := catalogDue(tt.catalog, tt.remembered, worldStart.Add(tt.after)); got != tt.want {
				t.Errorf("due in %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFailedTryRestsUntilTheSpecChanges(t *testing.T) {
	kept, catalog := newMemory(), newCatalog()
	kept.store(catalog, catalogVersion(catalog), recall{failures: 5, nextLook: worldStart.Add(time.Minute)})
	due := func() time.Duration {
		return catalogDue(catalog, kept.load(catalog, catalogVersion(catalog)), worldStart)
	}
	if got := due(); got != time.Minute {
		t.Errorf("due in %s, want a minute", got)
	}
	catalog.Generation++
	if got := due(); got != 0 {
		t.Errorf("with a mended spec due in %s, want at once", got)
	}
}

func TestIntervalVariesByATenthAndIsSteady(t *testing.T) {
	seen := map[time.Duration]bool{}
	for i := range 1000 {
		catalog := newCatalog()
		catalog.UID = types.UID(fmt.Sprintf("b6e1a1f0-0000-4000-8000-%012d", i))
		interval := catalogInterval(catalog)
		if interval < 54*time.Minute || interval > 66*time.Minute {
			t.Errorf("interval of %s = %s, want an hour and at most a tenth more or less", catalog.UID, interval)
		}
		if again := catalogInterval(catalog.DeepCopy()); again != interval {
			t.Errorf("interval of %s = %s, then %s", catalog.UID, interval, again)
		}
		seen[interval.Truncate(time.Minute)] = true
	}
	if len(seen) < 12 {
		t.Errorf("1000 catalogs are refreshed in %d different minutes, want all 12", len(seen))
	}
}

func TestDisabledMethodIsThatOfTheSameCurrencyAndSpec(t *testing.T) {
	disabled := apiv1.CatalogMethod{PaymentMethodType: "ALIPAY_HK", Enabled: ptr.To(false), DisableReason: "EXCEED_CHANNEL_LIMIT_RULE"}
	other := apiv1.CatalogMethod{PaymentMethodType: "TRUEMONEY", Enabled: ptr.To(false), DisableReason: "SERVICE_DEGRADE"}
	tests := []struct {
		name    string
		change  func(*apiv1.PaymentMethodCatalog)
		methods []apiv1.CatalogMethod
		want    string
	}{
		{name: "no list"},
		{name: "another method", methods: []apiv1.CatalogMethod{other}},
		{name: "disabled", methods: []apiv1.CatalogMethod{other, disabled}, want: "EXCEED_CHANNEL_LIMIT_RULE"},
		{name: "disabled without a reason", methods: []apiv1.CatalogMethod{{PaymentMethodType: "ALIPAY_HK", Enabled: ptr.To(false)}}, want: "no reason given"},
		{name: "enabled", methods: []apiv1.CatalogMethod{{PaymentMethodType: "ALIPAY_HK", Enabled: ptr.To(true)}}},
		{name: "neither", methods: []apiv1.CatalogMethod{{PaymentMethodType: "ALIPAY_HK"}}},
		{
			name: "another currency", methods: []apiv1.CatalogMethod{disabled},
			change: func(catalog *apiv1.PaymentMethodCatalog) { catalog.Spec.Amount.Currency = "USD" },
		},
		{
			name: "a list for a former spec", methods: []apiv1.CatalogMethod{disabled},
			change: func(catalog *apiv1.PaymentMethodCatalog) { catalog.Generation = 2 },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			catalog := newCatalog(func(spec *apiv1.PaymentMethodCatalogSpec) { spec.Amount.Currency = "HKD" })
			catalog.Status.Methods, catalog.Status.ObservedGeneration = tt.methods, 1
			if tt.change != nil {
				tt.change(catalog)
			}
			if got := disableReason(catalog, newPayment("order")); got != tt.want {
				t.Errorf("reason = %q, want %q", got, tt.want)
			}
		})
	}
}
