package admission

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// refusals are the refused cases of a kind: that each of them is refused for this field in these words is tested elsewhere.
func refusals(creations []creation, changes []change) []creation {
	var refused []creation
	for _, tc := range creations {
		if tc.want != "" {
			refused = append(refused, tc)
		}
	}
	for _, tc := range changes {
		if tc.want != "" {
			refused = append(refused, creation{name: tc.name, field: tc.field, want: tc.want})
		}
	}
	return refused
}

func TestEveryRuleOfAKindHasARefusedCase(t *testing.T) {
	cases := map[string][]creation{
		"MerchantAccount":      refusals(merchantAccountCreations, merchantAccountChanges),
		"Payment":              refusals(slices.Concat(paymentCreations, orderCreations, cardCreations, sessionCreations), slices.Concat(paymentChanges, orderChanges, cardChanges)),
		"Refund":               refusals(refundCreations, refundChanges),
		"Capture":              refusals(captureCreations, captureChanges),
		"AutoDebitAgreement":   refusals(agreementCreations, agreementChanges),
		"CustomsDeclaration":   refusals(declarationCreations, declarationChanges),
		"PaymentMethodCatalog": refusals(catalogCreations, catalogChanges),
		"Dispute":              refusals(disputeCreations, disputeChanges),
	}
	kinds := 0
	for _, crd := range readFolder(t, "crd") {
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		for _, version := range versions {
			schema, found, err := unstructured.NestedMap(version.(map[string]any), "schema", "openAPIV3Schema")
			if err != nil || !found {
				t.Fatalf("%s has no schema: %v", kind, err)
			}
			rules := rulesOf(schema, "")
			if len(rules) < 20 {
				t.Errorf("found %d rules of %s, want more", len(rules), kind)
			}
			for _, r := range rules {
				if !slices.ContainsFunc(cases[kind], r.covers) {
					t.Errorf("%s: no case is refused by the rule of %s that says %q", kind, r.field, r.message)
				}
			}
			kinds++
		}
	}
	if kinds != len(cases) {
		t.Errorf("found %d kinds, want %d", kinds, len(cases))
	}
}

func TestEveryRuleOfThePolicyHasARefusedCase(t *testing.T) {
	var cases []creation
	for _, kind := range requestKinds {
		cases = append(cases, refusals(policyCreations, policyChanges(kind))...)
	}
	cases = append(cases, refusals(cardTextCreations("%s"), nil)...)
	cases = append(cases, refusals(sessionPolicyCreations, nil)...)
	cases = append(cases, refusals(longTextCreations, nil)...)
	found := 0
	for _, obj := range readFolder(t, "admission") {
		validations, _, _ := unstructured.NestedSlice(obj.Object, "spec", "validations")
		for _, validation := range validations {
			found++
			texts := textsOf(validation.(map[string]any))
			if !slices.ContainsFunc(cases, func(tc creation) bool { return containsAll(tc.want, texts) }) {
				t.Errorf("%s: no case is refused with the words %q", obj.GetName(), texts)
			}
		}
	}
	if found == 0 {
		t.Error("found no rule")
	}
}

// rule is what the API server says of a field that breaks a rule.
type rule struct {
	field, message string
}

func (r rule) covers(tc creation) bool {
	return tc.field == r.field && strings.Contains(r.message, tc.want)
}

// rulesOf lists the rules of a schema and of all within it, save the status, which users do not write.
func rulesOf(schema map[string]any, path string) []rule {
	rules := limitsOf(schema, path)
	for _, validation := range list(schema["x-kubernetes-validations"]) {
		validation := validation.(map[string]any)
		field, _ := validation["fieldPath"].(string)
		rules = append(rules, rule{strings.TrimPrefix(path+field, "."), validation["message"].(string)})
	}
	for _, name := range list(schema["required"]) {
		rules = append(rules, rule{join(path, name.(string)), "Required value"})
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if path == "" && name != "spec" {
			continue
		}
		rules = append(rules, rulesOf(properties[name].(map[string]any), join(path, name))...)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		rules = append(rules, rulesOf(items, path+"[]")...)
	}
	return rules
}

// limitsOf lists the limits of one field, in the words of the API server.
func limitsOf(schema map[string]any, path string) []rule {
	var rules []rule
	add := func(format string, args ...any) { rules = append(rules, rule{path, fmt.Sprintf(format, args...)}) }
	for keyword, format := range map[string]string{
		"minimum":   "should be greater than or equal to %v",
		"maximum":   "should be less than or equal to %v",
		"minLength": "should be at least %v chars long",
		"maxLength": "may not be more than %v bytes",
		"minItems":  "should have at least %v items",
		"maxItems":  "must have at most %v items",
		"pattern":   "should match '%v'",
	} {
		if limit, ok := schema[keyword]; ok {
			add(format, limit)
		}
	}
	if values := list(schema["enum"]); len(values) > 0 {
		var quoted []string
		for _, value := range values {
			quoted = append(quoted, fmt.Sprintf("%q", value))
		}
		add("supported values: %s", strings.Join(quoted, ", "))
	}
	if kind := schema["x-kubernetes-list-type"]; kind == "map" || kind == "set" {
		rules = append(rules, rule{path + "[]", "Duplicate value"})
	}
	for _, keyword := range []string{"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "minProperties", "maxProperties", "format"} {
		if value, ok := schema[keyword]; ok && value != "int32" {
			add("a case for %s %v, which this test does not know", keyword, value)
		}
	}
	return rules
}

var quotedText = regexp.MustCompile(`'([^']*)'`)

// textsOf are the fixed parts of what a rule of a policy says.
func textsOf(validation map[string]any) []string {
	expression, ok := validation["messageExpression"].(string)
	if !ok {
		return []string{validation["message"].(string)}
	}
	var texts []string
	for _, match := range quotedText.FindAllStringSubmatch(expression, -1) {
		texts = append(texts, match[1])
	}
	return texts
}

func containsAll(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

func list(value any) []any {
	items, _ := value.([]any)
	return items
}

func join(path, name string) string {
	return strings.TrimPrefix(path+"."+name, ".")
}

// readFolder reads all manifests of a folder of config, save the kustomization.
func readFolder(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Root(), "config", folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no manifests in config/%s: %v", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		read, err := testenv.ReadObjects(file)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, read...)
	}
	return slices.DeleteFunc(objects, func(obj *unstructured.Unstructured) bool { return obj.GetKind() == "Kustomization" })
}
