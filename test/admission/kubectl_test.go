package admission

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// kubectlVariable names the environment variable with the path of kubectl.
const kubectlVariable = "ALIPAY_OPERATOR_KUBECTL"

// kubectl runs kubectl and returns what it prints and whether it succeeded.
func kubectl(t *testing.T, stdin []byte, args ...string) (string, error) {
	t.Helper()
	binary := cmp.Or(os.Getenv(kubectlVariable), testenv.Binary("kubectl"))
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("this test needs kubectl: run make bin/kubectl, or make test: %v", err)
	}
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig, "KUBECACHEDIR="+filepath.Join(t.TempDir(), "cache"))
	command.Stdin = bytes.NewReader(stdin)
	output, err := command.CombinedOutput()
	return string(output), err
}

func encode(t *testing.T, obj *unstructured.Unstructured) []byte {
	t.Helper()
	text, err := obj.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestKubectlExplainsAmounts(t *testing.T) {
	output, err := kubectl(t, nil, "explain", "payment.spec.amount")
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, want := range []string{"amount is what the buyer is charged", "currency's smallest unit", `"25800" is 258.00 HKD`, "-required-"} {
		if !strings.Contains(output, want) {
			t.Errorf("explanation lacks %q:\n%s", want, output)
		}
	}
}

func TestKubectlGetShowsWhatPeopleAsk(t *testing.T) {
	tests := []struct {
		name, kind, resource, want, wide string
	}{
		{"of a payment", "Payment", "payments", "NAME STATE VALUE CURRENCY REFUNDED READY REASON AGE", "ORDER PAYMENT-REQUEST-ID PAYMENT-ID MESSAGE"},
		{"of a payment by its short name", "Payment", "pay", "NAME STATE VALUE CURRENCY REFUNDED READY REASON AGE", "ORDER PAYMENT-REQUEST-ID PAYMENT-ID MESSAGE"},
		{"of a refund", "Refund", "refunds", "NAME PAYMENT STATE VALUE CURRENCY READY REASON AGE", "REFUND-REQUEST-ID REFUND-ID MESSAGE"},
		{"of a capture", "Capture", "captures", "NAME PAYMENT STATE VALUE CURRENCY READY REASON AGE", "CAPTURE-REQUEST-ID CAPTURE-ID MESSAGE"},
		{"of a declaration", "CustomsDeclaration", "customsdeclarations", "NAME PAYMENT CUSTOMS STATE VALUE RESULT READY REASON AGE", "IDENTITY DECLARATION-REQUEST-ID CUSTOMS-ORDER-ID MESSAGE"},
		{"of a declaration by its short name", "CustomsDeclaration", "cd", "NAME PAYMENT CUSTOMS STATE VALUE RESULT READY REASON AGE", "IDENTITY DECLARATION-REQUEST-ID CUSTOMS-ORDER-ID MESSAGE"},
		{"of an account", "MerchantAccount", "merchantaccounts", "NAME CLIENT ENVIRONMENT READY REASON AGE", "VERIFIED MESSAGE"},
		{"of a dispute", "Dispute", "disputes", "NAME PAYMENT STATE VALUE CURRENCY DECIDE-BY READY REASON AGE", "DISPUTE-ID PAYMENT-REQUEST-ID TYPE MESSAGE"},
		{"of a dispute by its short name", "Dispute", "dsp", "NAME PAYMENT STATE VALUE CURRENCY DECIDE-BY READY REASON AGE", "DISPUTE-ID PAYMENT-REQUEST-ID TYPE MESSAGE"},
		{"of an agreement", "AutoDebitAgreement", "autodebitagreements", "NAME WALLET STATE READY REASON RENEWAL EXPIRES AGE", "LOGIN MESSAGE"},
		{"of an agreement by its short name", "AutoDebitAgreement", "ada", "NAME WALLET STATE READY REASON RENEWAL EXPIRES AGE", "LOGIN MESSAGE"},
		{"of a catalog", "PaymentMethodCatalog", "paymentmethodcatalogs", "NAME ACCOUNT CURRENCY ENABLED REFRESHED READY REASON AGE", "MESSAGE"},
		{"of a catalog by its short name", "PaymentMethodCatalog", "pmcat", "NAME ACCOUNT CURRENCY ENABLED REFRESHED READY REASON AGE", "MESSAGE"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			obj := newObject(t, tc.kind, `{}`)
			create(t, obj)
			for _, format := range []struct{ flag, want string }{{"", tc.want}, {"wide", tc.want + " " + tc.wide}} {
				output, err := kubectl(t, nil, "get", tc.resource, obj.GetName(), "-o", format.flag)
				if err != nil {
					t.Fatalf("%v: %s", err, output)
				}
				header, _, _ := strings.Cut(output, "\n")
				if got := strings.Join(strings.Fields(header), " "); got != format.want {
					t.Errorf("columns with -o %q = %q, want %q", format.flag, got, format.want)
				}
			}
		})
	}
}

// kubectl shows the age of a time, and "<invalid>" for one to come: these are shown as they are.
func TestKubectlGetShowsWhenATokenIsRenewedAndEnds(t *testing.T) {
	obj := newObject(t, "AutoDebitAgreement", `{}`)
	create(t, obj)
	setStatus(t, obj, `{"state":"Active","renewalTime":"2999-05-01T10:00:00Z","accessTokenExpiryTime":"2999-05-21T10:00:00Z"}`)
	output, err := kubectl(t, nil, "get", "ada", obj.GetName(), "--no-headers")
	if err != nil || !strings.Contains(output, "2999-05-01T10:00:00Z   2999-05-21T10:00:00Z") {
		t.Errorf("kubectl says %q (%v), want both times", output, err)
	}
}

func TestKubectlFindsAPaymentByItsOrderNumber(t *testing.T) {
	obj := newObject(t, "Payment", `spec: {order: {referenceOrderId: "1943"}}`)
	create(t, obj)
	output, err := kubectl(t, nil, "get", "payments", "--field-selector", "spec.order.referenceOrderId=1943", "-o", "name")
	if want := "payment.payments.alipay-operator.io/" + obj.GetName() + "\n"; err != nil || output != want {
		t.Errorf("found %q (%v), want %q", output, err, want)
	}
}

func TestKubectlAppliesServerSideTwiceWithoutAChange(t *testing.T) {
	for kind := range valid {
		t.Run(kind, func(t *testing.T) {
			obj := newObject(t, kind, `{}`)
			for range 2 {
				output, err := kubectl(t, encode(t, obj), "apply", "--server-side", "-f", "-", "-o", "jsonpath={.metadata.generation}")
				if err != nil || output != "1" {
					t.Fatalf("generation = %s (%v), want 1", output, err)
				}
			}
		})
	}
}

func TestKubectlApplyNamesAMisspeltField(t *testing.T) {
	obj := newObject(t, "Payment", `spec: {redirectURL: "https://shop.example/return"}`)
	output, err := kubectl(t, encode(t, obj), "apply", "--server-side", "-f", "-")
	if err == nil || !strings.Contains(output, "redirectURL") {
		t.Errorf("kubectl says %q (%v), want the misspelt field", output, err)
	}
}

func TestKubectlApplyShowsWhyAnAmountIsRefused(t *testing.T) {
	obj := newObject(t, "Payment", `spec: {amount: {value: "10.50"}}`)
	output, err := kubectl(t, encode(t, obj), "apply", "--server-side", "-f", "-")
	if err == nil || !strings.Contains(output, wholeNumber) {
		t.Errorf("kubectl says %q (%v), want %q", output, err, wholeNumber)
	}
}
