package controllers

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// crdSchema is the part of a CRD's schema that these tests look at.
type crdSchema struct {
	Type       string
	Properties map[string]crdSchema
	MaxLength  int
	Rules      []struct{ Rule string } `json:"x-kubernetes-validations"`
}

// specSchema is the schema of Payment's spec.
func specSchema(t *testing.T) crdSchema {
	t.Helper()
	content, err := os.ReadFile("../config/crd/payments.alipay-operator.io_payments.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if content, err = utilyaml.ToJSON(content); err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct{ OpenAPIV3Schema crdSchema }
			}
		}
	}
	if err := json.Unmarshal(content, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
}

// What a Secret may hold is exactly what the spec may hold inline.
func TestSecretHasTheFieldsAndLimitsOfTheSpec(t *testing.T) {
	spec := specSchema(t)
	checkFields(t, spec.Properties["buyer"], buyerFields, "", func(text string) error {
		return decodePersonal([]byte(text), buyerFields, &apiv1.Buyer{})
	})
	checkFields(t, spec.Properties["order"].Properties["shipping"], shippingFields, "", func(text string) error {
		return decodePersonal([]byte(text), shippingFields, &apiv1.Shipping{})
	})
}

// nested are the fields of the objects inside.
var nested = map[string]knownFields{"buyerName": nameFields, "shippingName": nameFields, "shippingAddress": addressFields}

func checkFields(t *testing.T, want crdSchema, known knownFields, path string, decode func(string) error) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want.Properties)), slices.Sorted(maps.Keys(known))); diff != "" {
		t.Errorf("fields of %q (-spec +Secret):\n%s", path, diff)
	}
	for name, field := range want.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		try := func(value any, accepted bool) {
			t.Helper()
			for _, part := range slices.Backward(strings.Split(at, ".")) {
				value = map[string]any{part: value}
			}
			err := decode(asText(t, value))
			switch {
			case accepted && err != nil:
				t.Errorf("refused: %v", err)
			case !accepted && (err == nil || !strings.HasPrefix(err.Error(), at+" must be ")):
				t.Errorf("%s: err = %v, want a refusal that names the field", asText(t, value), err)
			}
		}
		try(nil, false)
		try([]string{"x"}, false)
		switch {
		case field.Type == "object":
			try("x", false)
			try(map[string]any{}, true)
			checkFields(t, field, nested[name], at, decode)
		case field.Type == "boolean":
			try(false, true)
			try("false", false)
		case field.Type == "integer":
			for _, right := range []int{0, 1, 1<<31 - 1} {
				try(right, true)
			}
			for _, wrong := range []any{-1, 1 << 31, 1.5, "1", json.Number("1e3")} {
				try(wrong, false)
			}
		case name == "region":
			try("HK", true)
			try("hk", false)
			try("HKG", false)
		case name == "buyerRegistrationTime":
			try("2024-05-01T09:30:00+08:00", true)
			try("2024-05-01T09:30:00", false)
			try("2024-05-01", false)
		default:
			if field.Type != "string" || len(field.Rules) > 0 {
				t.Errorf("this test does not know %s", at)
			}
			try(strings.Repeat("é", field.MaxLength), true)
			try(strings.Repeat("é", field.MaxLength+1), false)
			try("", false)
			try(1, false)
		}
	}
}

func TestSecretIsOneObjectOfKnownFields(t *testing.T) {
	tests := []struct{ text, want string }{
		{``, "the value must be a JSON object"},
		{`{`, "the value must be a JSON object"},
		{`null`, "the value must be a JSON object"},
		{`[]`, "the value must be a JSON object"},
		{`"text"`, "the value must be a JSON object"},
		{`buyerEmail: a@b.example`, "the value must be a JSON object"},
		{`{} {}`, "the value must be a JSON object, and nothing behind it"},
		{`{"buyeremail":"x"}`, "buyeremail is not a known field"},
		{`{"buyerName":{"name":"x"}}`, "buyerName.name is not a known field"},
		{`{"Jane Doe":"x"}`, "the value has a field of an unknown name"},
		{`{"buyerName":{"Jane Doe":"x"}}`, "buyerName has a field of an unknown name"},
		{`{"buyerName":{"firstName":1},"buyerName":{}}`, ""},
		{`{"buyerName":{"firstName":"x"},"buyerName":{"firstName":1}}`, "buyerName.firstName must be a text of 1 to 32 characters"},
	}
	for _, tt := range tests {
		got, buyer := "", &apiv1.Buyer{}
		if err := decodePersonal([]byte(tt.text), buyerFields, buyer); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: err = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestFieldThatASecretNamesTwiceIsTheLastOne(t *testing.T) {
	buyer := &apiv1.Buyer{}
	text := `{"buyerName":{"firstName":"a","lastName":"b"},"buyerName":{"firstName":"c"}}`
	if err := decodePersonal([]byte(text), buyerFields, buyer); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&apiv1.Buyer{BuyerName: &apiv1.UserName{FirstName: "c"}}, buyer); diff != "" {
		t.Errorf("buyer (-want +got):\n%s", diff)
	}
}
