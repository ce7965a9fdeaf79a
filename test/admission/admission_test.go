// Package admission tests what the API server refuses before anything is stored, and the words in which it does. It runs
// against a real API server with this project's kinds and admission policy.
package admission

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

const namespace = "default"

// cluster is the API server of all tests. What they create stays until the end.
var cluster *testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(testenv.RunTests(m, func(c *testenv.Cluster) { cluster = c }))
}

// valid is an object of each kind, without its name, that is accepted as it is. The cases below change one thing in it.
var valid = map[string]string{
	"MerchantAccount": `
apiVersion: payments.alipay-operator.io/v1
kind: MerchantAccount
spec:
  clientId: SANDBOX_5Y00000000000000
  environment: Sandbox
  region: Asia
  credentialsSecretRef: {name: alipay-credentials}
  alipayPublicKeys: [MIIBIjANBgkqhkiG9w0BAQ]
`,
	"Payment": `
apiVersion: payments.alipay-operator.io/v1
kind: Payment
spec:
  merchantAccountRef: {name: shop-hk}
  amount: {currency: HKD, value: "25800"}
  order: {referenceOrderId: "1042", orderDescription: Desk lamp}
  cashier: {paymentMethodType: ALIPAY_HK}
  redirectUrl: https://shop.example/return
`,
	"Refund": `
apiVersion: payments.alipay-operator.io/v1
kind: Refund
spec:
  paymentRef: {name: order-1042}
  amount: {currency: HKD, value: "800"}
`,
	"Capture": `
apiVersion: payments.alipay-operator.io/v1
kind: Capture
spec:
  paymentRef: {name: order-1042}
  amount: {currency: HKD, value: "800"}
`,
	"CustomsDeclaration": `
apiVersion: payments.alipay-operator.io/v1
kind: CustomsDeclaration
spec:
  paymentRef: {name: order-1042}
  amount: {currency: CNY, value: "10050"}
  customs: {customsCode: ZONGSHU}
  merchantCustomsInfo: {merchantCustomsCode: TV0000000001, merchantCustomsName: 测试商贸有限公司}
`,
	"Dispute": `
apiVersion: payments.alipay-operator.io/v1
kind: Dispute
spec:
  disputeId: "2099011019401080010000000000001"
  merchantAccountRef: {name: shop-hk}
`,
	"AutoDebitAgreement": `
apiVersion: payments.alipay-operator.io/v1
kind: AutoDebitAgreement
spec:
  merchantAccountRef: {name: shop-asia}
  customerBelongsTo: GCASH
  authRedirectUrl: https://shop.example/wallet
`,
	"PaymentMethodCatalog": `
apiVersion: payments.alipay-operator.io/v1
kind: PaymentMethodCatalog
spec:
  merchantAccountRef: {name: shop-asia}
  amount: {currency: THB, value: "45000"}
`,
}

// creation is an attempt to create the valid object with a change: a merge patch in YAML.
type creation struct {
	name  string
	patch string

	field string // to which the refusal points; empty for the admission policy
	want  string // a part of the refusal; empty when the object must be accepted
}

// change is an attempt to change an object that exists.
type change struct {
	name   string
	before string // changes the valid object before it is created
	state  string // becomes status.state before the change, if given
	status string // is merged into the status before the change, if given
	patch  string

	field string
	want  string
}

func testCreations(t *testing.T, kind string, cases []creation) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			obj := newObject(t, kind, tc.patch)
			checkRefusal(t, cluster.Client.Create(t.Context(), obj, client.DryRunAll), tc.field, tc.want)
		})
	}
}

func testChanges(t *testing.T, kind string, cases []change) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			obj := newObject(t, kind, tc.before)
			create(t, obj)
			if tc.state != "" {
				setState(t, obj, tc.state)
			}
			if tc.status != "" {
				setStatus(t, obj, tc.status)
			}
			patch := client.RawPatch(types.MergePatchType, asJSON(t, tc.patch))
			checkRefusal(t, cluster.Client.Patch(t.Context(), obj, patch), tc.field, tc.want)
		})
	}
}

var listIndex = regexp.MustCompile(`\[\d+\]`)

// checkRefusal checks that the API server found fault with this field in these words, or with nothing if want is empty.
func checkRefusal(t *testing.T, err error, field, want string) {
	t.Helper()
	switch {
	case err == nil && want == "":
		return
	case err == nil:
		t.Fatalf("accepted, want a refusal that says %q", want)
	case want == "":
		t.Fatalf("refused: %v", err)
	}
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		t.Fatalf("err = %v, want a refusal of what the object says", err)
	}
	for _, cause := range status.Status().Details.Causes {
		if listIndex.ReplaceAllString(cause.Field, "[]") == field && strings.Contains(cause.Message, want) {
			return
		}
	}
	t.Errorf("refused with other words or for another field:\n got %v\nwant %s: ...%s...", err, field, want)
}

var objects atomic.Int64

// newObject is the valid object of the kind with the change and a name of its own.
func newObject(t *testing.T, kind, patch string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{Object: decode(t, valid[kind])}
	merge(obj.Object, decode(t, patch))
	obj.SetNamespace(namespace)
	obj.SetName(fmt.Sprintf("object-%d", objects.Add(1)))
	return obj
}

func create(t *testing.T, obj client.Object) {
	t.Helper()
	if err := cluster.Client.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}

// setState writes status.state as the operator does.
func setState(t *testing.T, obj client.Object, state string) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":{"state":%q}}`, state))
	if err := cluster.Client.Status().Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}

// setStatus writes a part of the status, a merge patch in YAML, as the operator does.
func setStatus(t *testing.T, obj client.Object, status string) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":%s}`, asJSON(t, status)))
	if err := cluster.Client.Status().Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}

func asJSON(t *testing.T, yaml string) []byte {
	t.Helper()
	text, err := utilyaml.ToJSON([]byte(yaml))
	if err != nil {
		t.Fatalf("%v in %s", err, yaml)
	}
	return text
}

func decode(t *testing.T, yaml string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(asJSON(t, yaml), &fields); err != nil {
		t.Fatalf("%v in %s", err, yaml)
	}
	return fields
}

// merge applies a JSON merge patch.
func merge(into, patch map[string]any) {
	for name, value := range patch {
		inner, isMap := value.(map[string]any)
		former, wasMap := into[name].(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isMap && wasMap:
			merge(former, inner)
		default:
			into[name] = value
		}
	}
}

// immutable makes the cases of a field that can not be changed, nor added or removed if it is optional. The change turns one
// value into other; beside is what an object needs to have the field at all.
func immutable(field, one, other, beside, want string, optional bool) []change {
	spec := func(value string) string { return fmt.Sprintf("spec: {%s: %s}", field, value) }
	with := func(value string) string {
		if beside == "" {
			return spec(value)
		}
		return fmt.Sprintf("spec: {%s: %s, %s}", field, value, beside)
	}
	path := "spec." + field
	cases := []change{
		{name: field + " can not be changed", before: with(one), patch: spec(other), field: path, want: want},
		{name: field + " can be written again as it was", before: with(one), patch: spec(one)},
	}
	if !optional {
		return cases
	}
	return append(cases,
		change{name: field + " can not be added", before: with("null"), patch: spec(one), field: path, want: want},
		change{name: field + " can not be removed", before: with(one), patch: spec("null"), field: path, want: want},
	)
}

// long is a text of so many letters.
func long(length int) string { return strings.Repeat("x", length) }
