package controllers

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// celLiterals are the parts of a pattern that the policy writes as a sum of raw strings.
var celLiterals = regexp.MustCompile(`r'([^']*)'`)

// refusedKeyPattern reads the pattern of refused keys from the admission policy.
func refusedKeyPattern(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "config", "admission", "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	policy := &admissionv1.ValidatingAdmissionPolicy{}
	if err := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096).Decode(policy); err != nil {
		t.Fatal(err)
	}
	for _, variable := range policy.Spec.Variables {
		if variable.Name != "refusedKey" {
			continue
		}
		var pattern strings.Builder
		for _, literal := range celLiterals.FindAllStringSubmatch(variable.Expression, -1) {
			pattern.WriteString(literal[1])
		}
		return pattern.String()
	}
	t.Fatal("the policy has no variable refusedKey")
	return ""
}

func TestAdmissionPolicyRefusesTheNamesThatControllersRefuse(t *testing.T) {
	// Inside a quoted key, "anything" is whatever does not end the key.
	want := `(?i)[{ ]"(` + strings.ReplaceAll(refusedFieldNames, ".*", `([^"\\]|\\.)*`) + `)":`
	if got := refusedKeyPattern(t); got != want {
		t.Errorf("refusedKey in config/admission/policy.yaml and refusedFieldNames differ\n got %s\nwant %s", got, want)
	}
}

func TestAdmissionPolicyAndControllersAgreeOnKeys(t *testing.T) {
	policy := regexp.MustCompile(refusedKeyPattern(t))
	for key, refused := range map[string]bool{
		"paymentAmount": true, "AMOUNT": true, "currency": true, "Value": true, "refundRequestId": true, "paymentMethodType": true,
		"accessToken": true, "authCode": true, "cardNo": true, "CARDHOLDER": true, "cvv": true, "CVC2": true, "expiryYear": true,
		"userPasswordHash": true, "paymentNotifyUrl": true, `a"amount`: true, `a\amount`: true, "captureMode": true,

		"": false, " ": false, "amounts": false, "merchantRegion": false, "values": false, "discard": false, "pans": false,
		"extendInfo": false, `amount"`: false, `currency\`: false, "authCodes": false,
	} {
		t.Run(key, func(t *testing.T) {
			text := `{"first":[1, "amount"], ` + strconv.Quote(key) + `:"value"}` // as CEL writes a map
			if got := policy.MatchString(text); got != refused {
				t.Errorf("refused by the policy = %t, want %t", got, refused)
			}
			if got := refusedFields.MatchString(key); got != refused {
				t.Errorf("refused by the controllers = %t, want %t", got, refused)
			}
		})
	}
}
