package controllers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func declarationBody(t *testing.T, declaration *apiv1.CustomsDeclaration, certificate *alipay.BuyerCertificate) string {
	t.Helper()
	kind := declaring{}
	f := &shareFacts{rules: kind, share: kind.share(declaration), quantity: apiv1.Amount{Currency: "CNY", Value: "10050"}, certificate: certificate}
	f.id = shareRequestID(kind, f.share, "hk", max(declaration.Spec.Attempt, 1))
	request, err := kind.request(f, "20990101190741010007000000000001", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := alipay.Body(request)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The golden bodies must never change: a request that is sent again must have the bytes of the first one, whatever version sent that.
func TestBodiesOfDeclarationsAreTheSameInEveryVersion(t *testing.T) {
	certificate := &alipay.BuyerCertificate{
		CertificateType: "ID_CARD", CertificateNo: simulator.PayerCertificateNo, HolderName: &alipay.UserName{FullName: simulator.PayerName},
	}
	full := newDeclaration("all", "", part("order-1042-a"), func(spec *apiv1.CustomsDeclarationSpec) {
		spec.Customs.CustomsCode, spec.AdditionalFields = "SHANGHAI_CBT", raw(`{"merchantRegion":"CN"}`)
	})
	for name, got := range map[string]string{
		"declare-plain.json": declarationBody(t, newDeclaration("all", ""), nil), "declare-full.json": declarationBody(t, full, certificate),
	} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatalf("%v, got %s", err, got)
		}
		if diff := cmp.Diff(string(bytes.TrimSpace(want)), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		var fields struct {
			SplitOrder          any
			MerchantCustomsInfo struct{ MerchantCustomsName string }
		}
		if err := json.Unmarshal([]byte(got), &fields); err != nil {
			t.Fatal(err)
		}
		if split, isFlag := fields.SplitOrder.(bool); !isFlag || split != (name == "declare-full.json") || fields.MerchantCustomsInfo.MerchantCustomsName != shopName {
			t.Errorf("%s: splitOrder is %v and the name %s", name, fields.SplitOrder, fields.MerchantCustomsInfo.MerchantCustomsName)
		}
	}
}

func TestCertificateIsNoAdditionalField(t *testing.T) {
	kind := declaring{}
	for _, field := range []string{`{"buyerCertificate":{}}`, `{"a":{"certificateNo":"x"}}`, `{"holderName":{}}`, `{"declarationAmount":{}}`} {
		declaration := newDeclaration("all", "", func(spec *apiv1.CustomsDeclarationSpec) { spec.AdditionalFields = raw(field) })
		if _, err := kind.request(&shareFacts{share: kind.share(declaration)}, "p", nil); err == nil {
			t.Errorf("%s is accepted", field)
		}
	}
}

// declarationID is the id of a declaration of a payment.
func (m manifest) declarationID() string {
	return declaring{}.derive(m.prefix, m.kind, m.namespace, m.name, m.attempt)
}

// A changed id is a second declaration for every one that was made under the old one: these may be added to and never edited.
func TestDeclarationIDsNeverChange(t *testing.T) {
	of := declaring{}.identity(&share{paymentName: "order-1042"})
	for _, tt := range []struct {
		name string
		of   manifest
		want string
	}{
		{"a declaration", manifest{"", of, "shop", "order-1042", 1}, "order_1042_7ndsciadhnhjn32a"},
		{"one of an account with prefix", manifest{"hk", of, "shop", "order-1042", 1}, "order_1042_l7jn3nyq72teua2d"},
		{"its second attempt", manifest{"hk", of, "shop", "order-1042", 2}, "a2_order_1042_lx4ythr3dqo6qrr6"},
		{"its last attempt, of a long name", manifest{"hk", of, "shop", "order-1042-customs-of-shanghai", 99}, "a99_order_1042__ushwp6axm2snc2rp"},
		{"of another payment", manifest{"hk", declaring{}.identity(&share{paymentName: "order-1043"}), "shop", "order-1042", 1}, "order_1042_wjup26euhs24b757"},
	} {
		if got := tt.of.declarationID(); got != tt.want {
			t.Errorf("%s has the id %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDeclarationIDsAreShortAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, other := drawManifest(t, "one"), drawManifest(t, "other")
		for _, m := range []manifest{one, other} {
			if id := m.declarationID(); len(id) > alipay.MaxDeclarationRequestID || !acceptableID.MatchString(id) {
				t.Fatalf("%+v has the id %q", m, id)
			}
		}
		if (one == other) != (one.declarationID() == other.declarationID()) {
			t.Fatalf("%+v has %q, %+v has %q", one, one.declarationID(), other, other.declarationID())
		}
	})
}
