package controllers

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// manifest is what a request id is derived from.
type manifest struct {
	prefix, kind, namespace, name string
	attempt                       int32
}

func (m manifest) id() string {
	return deriveRequestID(m.prefix, m.kind, m.namespace, m.name, m.attempt)
}

// A changed id is a second charge for every payment that was made under the old one: these may be added to and never edited.
func TestRequestIDsNeverChange(t *testing.T) {
	tests := []struct {
		name string
		of   manifest
		want string
	}{
		{"a payment", manifest{"", paymentKind, "shop", "order-1042", 1}, "shop_order_1042_chyucp3mjo6oi24i"},
		{"a payment of an account with prefix", manifest{"hk", paymentKind, "shop", "order-1042", 1}, "hk_shop_order_1042_wijrajpusyteqpfa"},
		{"its second attempt", manifest{"hk", paymentKind, "shop", "order-1042", 2}, "a2_hk_shop_order_1042_ri6nvpazvfpswdiu"},
		{"its last attempt", manifest{"hk", paymentKind, "shop", "order-1042", 99}, "a99_hk_shop_order_1042_yx7zlf3twt2zuqe3"},
		{"a refund of the same name", manifest{"hk", refundKind, "shop", "order-1042", 1}, "hk_shop_order_1042_7oexd4blus54berc"},
		{"a name with dots", manifest{"", paymentKind, "shop", "order.1042.hk", 1}, "shop_order_1042_hk_ujqm46bo2wiuxmiz"},
		{"the longest names", manifest{"abcdefghijkl", paymentKind, strings.Repeat("n", 63), strings.Repeat("o", 253), 99},
			"a99_abcdefghijkl_nnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_edzlpp3c2pumvfwy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.of.id(); got != tt.want {
				t.Errorf("request id = %q, want %q", got, tt.want)
			}
		})
	}
}

var acceptableID = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

func TestEveryRequestIDIsAcceptableToTheGateway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := drawManifest(t, "manifest")
		if id := of.id(); !acceptableID.MatchString(id) {
			t.Fatalf("%+v has the request id %q", of, id)
		}
	})
}

func TestDifferentManifestsHaveDifferentRequestIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, other := drawManifest(t, "one"), drawManifest(t, "other")
		if (one == other) != (one.id() == other.id()) {
			t.Fatalf("%+v has %q, %+v has %q", one, one.id(), other, other.id())
		}
	})
}

func TestManifestsThatReadAlikeHaveDifferentRequestIDs(t *testing.T) {
	tests := []struct {
		name       string
		one, other manifest
	}{
		{"a dash at the border of namespace and name", manifest{"", paymentKind, "a-b", "c", 1}, manifest{"", paymentKind, "a", "b-c", 1}},
		{"a dot for a dash", manifest{"", paymentKind, "a", "b-c", 1}, manifest{"", paymentKind, "a", "b.c", 1}},
		{"a prefix like a namespace", manifest{"a", paymentKind, "b", "c", 1}, manifest{"", paymentKind, "a", "b-c", 1}},
		{"a prefix like an attempt", manifest{"a2", paymentKind, "b", "c", 1}, manifest{"", paymentKind, "b", "c", 2}},
		{"another kind", manifest{"", paymentKind, "a", "b", 1}, manifest{"", refundKind, "a", "b", 1}},
		{"a digit between name and attempt", manifest{"", paymentKind, "a", "b", 11}, manifest{"", paymentKind, "a", "b-1", 1}},
		{"long names that differ at the end", manifest{"", paymentKind, "a", strings.Repeat("x", 252) + "y", 1},
			manifest{"", paymentKind, "a", strings.Repeat("x", 252) + "z", 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if one, other := tt.one.id(), tt.other.id(); one == other {
				t.Errorf("both have the request id %q", one)
			}
		})
	}
}

// drawManifest draws from few letters, so that manifests that almost agree are common.
func drawManifest(t *rapid.T, label string) manifest {
	word := rapid.OneOf(rapid.StringMatching(`[ab]([-.]?[ab]){0,3}`), rapid.StringMatching(`[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?`))
	return manifest{
		prefix:    rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[aA1]{1,2}`), rapid.StringMatching(`[A-Za-z0-9]{1,12}`)).Draw(t, label+" prefix"),
		kind:      rapid.SampledFrom([]string{paymentKind, refundKind, "MerchantAccount"}).Draw(t, label+" kind"),
		namespace: rapid.OneOf(rapid.StringMatching(`[ab](-?[ab]){0,3}`), rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`)).Draw(t, label+" namespace"),
		name:      word.Draw(t, label+" name"),
		attempt:   rapid.Int32Range(1, 99).Draw(t, label+" attempt"),
	}
}
