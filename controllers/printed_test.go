package controllers

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// heldCanary stands for every credential, certificate and file that a struct of this package can hold.
const heldCanary = "CANARY8222y"

// panicVariable tells this test binary, run again, by what to panic.
const panicVariable = "CONTROLLERS_TEST_PANIC"

// holdersOfCredentials is every struct of this package that can reach one, with the canary wherever one can be.
func holdersOfCredentials() []any {
	all := []any{
		&agreementFacts{}, &agreementPass{}, &agreementToken{}, &answer{}, &debitFacts{}, &deliveredCode{}, &disputeFacts{}, &disputePass{},
		&facts{}, &givenTokens{}, &news{}, &paymentFacts{}, &paymentNews{}, &paymentPass{}, &sessionPass{}, &shareFacts{},
		&shareNews{}, &sharePass{}, &verifiedNotification{},
	}
	for _, holder := range all {
		plant(reflect.ValueOf(holder).Elem(), 5)
	}
	return all
}

// plant puts the canary wherever a credential, a certificate or the content of a file can be, so many steps deep.
func plant(v reflect.Value, deep int) {
	if deep == 0 {
		return
	}
	switch of := v.Type(); {
	case of == reflect.TypeFor[alipay.Credential]():
		v.SetString(heldCanary)
	case of == reflect.TypeFor[alipay.BuyerCertificate]():
		v.Set(reflect.ValueOf(alipay.BuyerCertificate{CertificateNo: heldCanary, HolderName: &alipay.UserName{FullName: heldCanary}}))
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(heldCanary))
	case of.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(of, 1, 1))
		plant(v.Index(0), deep-1)
	case of.Kind() == reflect.Pointer && isOurs(of.Elem()):
		v.Set(reflect.New(of.Elem()))
		plant(v.Elem(), deep-1)
	case isOurs(of):
		for i := range of.NumField() {
			field := v.Field(i)
			plant(reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem(), deep-1) // the only way to a field that is not exported
		}
	}
}

// isOurs reports whether a type is a struct of this package or of the gateway's client.
func isOurs(of reflect.Type) bool {
	return of.Kind() == reflect.Struct && (of.PkgPath() == reflect.TypeFor[facts]().PkgPath() || of.PkgPath() == reflect.TypeFor[alipay.Credential]().PkgPath())
}

// formsIn are the forms in which a text holds the canary.
func formsIn(text string) []string {
	var found []string
	text = strings.ToLower(text)
	for name, form := range map[string]string{
		"plain": heldCanary, "Base64": base64.RawStdEncoding.EncodeToString([]byte(heldCanary)), "hexadecimal": hex.EncodeToString([]byte(heldCanary)),
		"decimal": strings.Trim(fmt.Sprintf("%d", []byte(heldCanary)), "[]"),
	} {
		if strings.Contains(text, strings.ToLower(form)) {
			found = append(found, name)
		}
	}
	return found
}

func TestNoVerbPrintsACredentialOfAStructThatHoldsOne(t *testing.T) {
	for _, holder := range holdersOfCredentials() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%z"} {
			for _, value := range []any{holder, reflect.ValueOf(holder).Elem().Interface(), []any{holder}, map[string]any{"a": reflect.ValueOf(holder).Elem().Interface()}} {
				if text := fmt.Sprintf(verb, value); len(formsIn(text)) > 0 {
					t.Errorf("%s of %T shows the credential as %v: %s", verb, value, formsIn(text), text)
				}
			}
		}
	}
}

// The Go runtime prints what a program panics with by itself.
func TestPanicShowsNoCredentialOfAStructThatHoldsOne(t *testing.T) {
	all := map[string]any{"nothing hidden": heldCanary}
	for _, holder := range holdersOfCredentials() {
		all[fmt.Sprintf("%T", holder)] = holder
		all[fmt.Sprintf("%T by value", holder)] = reflect.ValueOf(holder).Elem().Interface()
	}
	if name := os.Getenv(panicVariable); name != "" {
		panic(all[name])
	}
	for name := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.Split(t.Name(), "/")[0]+"$")
			command.Env = append(os.Environ(), panicVariable+"="+name, "GOTRACEBACK=system")
			output, err := command.CombinedOutput()
			var ended *exec.ExitError
			if !errors.As(err, &ended) || ended.ExitCode() != 2 || !strings.Contains(string(output), "panic: ") {
				t.Fatalf("the process did not panic: %v\n%s", err, output)
			}
			if found := formsIn(string(output)); len(found) > 0 != (name == "nothing hidden") {
				t.Errorf("the panic shows the canary as %v: %s", found, output)
			}
		})
	}
}

// The source says which structs hold what must not be printed, directly or in a struct within.
func TestEveryStructThatHoldsACredentialIsTested(t *testing.T) {
	holds := map[string]bool{}
	for name := range alipayHolders {
		holds["alipay."+name] = true
	}
	within := structFields(t)
	for more := true; more; {
		more = false
		for name, parts := range within {
			if !holds[name] && slices.ContainsFunc(parts, func(part string) bool { return holds[part] }) {
				holds[name], more = true, true
			}
		}
	}
	maps.DeleteFunc(holds, func(name string, _ bool) bool { return strings.HasPrefix(name, "alipay.") })
	tested := map[string]bool{}
	for _, holder := range holdersOfCredentials() {
		tested[reflect.TypeOf(holder).Elem().Name()] = true
	}
	if len(holds) < 10 || !maps.Equal(holds, tested) {
		t.Errorf("tested are %v, want all that hold one: %v", slices.Sorted(maps.Keys(tested)), slices.Sorted(maps.Keys(holds)))
	}
}

// alipayHolders are the types of package alipay that hold what must not be printed.
var alipayHolders = map[string]bool{
	"Credential": true, "BuyerCertificate": true, "Evidence": true, "ApplyTokenRequest": true, "ApplyTokenResponse": true, "RevokeTokenRequest": true,
	"AuthorizationNotification": true, "Subject": true, "PaymentMethod": true, "PayRequest": true, "PayResponse": true, "PaymentResultInfo": true,
	"InquiryPaymentResponse": true, "CreatePaymentSessionRequest": true, "CreatePaymentSessionResponse": true, "DeclareRequest": true,
	"SupplyDefenseDocumentRequest": true, "DownloadDisputeEvidenceResponse": true,
}

// structFields are the types that the fields of each struct of this package name.
func structFields(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	within := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			declared, isType := node.(*ast.TypeSpec)
			if !isType {
				return true
			}
			fields, isStruct := declared.Type.(*ast.StructType)
			if !isStruct {
				return true
			}
			for _, field := range fields.Fields.List {
				ast.Inspect(field.Type, func(node ast.Node) bool {
					switch named := node.(type) {
					case *ast.FuncType:
						return false
					case *ast.SelectorExpr:
						within[declared.Name.Name] = append(within[declared.Name.Name], fmt.Sprint(named.X)+"."+named.Sel.Name)
						return false
					case *ast.Ident:
						within[declared.Name.Name] = append(within[declared.Name.Name], named.Name)
					}
					return true
				})
			}
			return false
		})
	}
	return within
}
