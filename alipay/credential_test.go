package alipay

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// canary is in no other text.
const canary = "CANARY4111x"

// holders is every struct of this package that has a credential, each with one.
func holders() []any {
	return []any{
		Credential(canary),
		&ApplyTokenRequest{GrantType: GrantAuthorizationCode, AuthCode: canary},
		&ApplyTokenRequest{GrantType: GrantRefreshToken, RefreshToken: canary},
		&ApplyTokenResponse{AccessToken: canary, RefreshToken: canary},
		&RevokeTokenRequest{AccessToken: canary},
		&AuthorizationNotification{AuthCode: canary, AccessToken: canary},
		Subject{AccessToken: canary},
		&PayRequest{PaymentMethod: PaymentMethod{PaymentMethodID: canary}},
		&PayResponse{PaymentResultInfo: &PaymentResultInfo{CardToken: canary}},
		PaymentResultInfo{CardToken: canary},
		&CreatePaymentSessionResponse{PaymentSessionData: canary},
		&CreatePaymentSessionRequest{PaymentMethod: &PaymentMethod{PaymentMethodID: canary}},
		PaymentMethod{PaymentMethodID: canary},
		&InquiryPaymentResponse{PaymentResultInfo: &PaymentResultInfo{CardToken: canary}},
		&DeclareRequest{BuyerCertificate: &BuyerCertificate{CertificateNo: canary, HolderName: &UserName{FullName: canary}}},
		BuyerCertificate{CertificateNo: canary, HolderName: &UserName{FullName: canary}},
		&SupplyDefenseDocumentRequest{DisputeEvidence: Evidence(canary)},
		&DownloadDisputeEvidenceResponse{DisputeEvidence: Evidence(canary)},
		Evidence(canary),
		Config{ClientID: "SANDBOX_5Y00000000000000", AgentToken: canary},
		&Client{clientID: "SANDBOX_5Y00000000000000", agentToken: canary},
	}
}

// The source says which structs hold what must not be printed, directly or in a struct within.
func TestEveryHolderOfACredentialIsTested(t *testing.T) {
	within := map[string][]string{}
	for _, file := range sourceFiles(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			declared, isType := node.(*ast.TypeSpec)
			if !isType {
				return true
			}
			if fields, isStruct := declared.Type.(*ast.StructType); isStruct {
				ast.Inspect(fields, func(node ast.Node) bool {
					if name, isName := node.(*ast.Ident); isName && ast.IsExported(declared.Name.Name) {
						within[declared.Name.Name] = append(within[declared.Name.Name], name.Name)
					}
					return true
				})
			}
			return true
		})
	}
	holds := map[string]bool{"Credential": true, "BuyerCertificate": true, "Evidence": true}
	for more := true; more; {
		more = false
		for name, parts := range within {
			if !holds[name] && slices.ContainsFunc(parts, func(part string) bool { return holds[part] }) {
				holds[name], more = true, true
			}
		}
	}
	tested := map[string]bool{}
	for _, holder := range holders() {
		tested[strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", holder), "*"), "alipay.")] = true
	}
	if len(holds) < 10 || !maps.Equal(holds, tested) {
		t.Errorf("tested are %v, want all that hold one: %v", tested, holds)
	}
}

func sourceFiles(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestCredentialsAreNeverPrinted(t *testing.T) {
	check := func(verb string, value any) {
		t.Helper()
		text := strings.ToLower(fmt.Sprintf(verb, value))
		if strings.Contains(text, strings.ToLower(canary)) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("%s of %T shows the credential: %s", verb, value, text)
		}
	}
	for _, holder := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			check(verb, holder)
			check(verb, []any{holder})
			check(verb, map[string]any{"a": holder})
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("Called", "value", holder)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("Called", "value", holder)
		marshaled := holder.(interface{ MarshalLog() any }).MarshalLog() // as logr wants it
		encoded, err := json.Marshal(marshaled)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&log, "%s %+v", encoded, marshaled)
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), fmt.Sprintf("%x", canary)} {
			if strings.Contains(log.String(), form) {
				t.Errorf("a log line about %T shows the credential: %s", holder, log.String())
			}
		}
		check("%v", fmt.Errorf("calling with %+v: %w", holder, &UnknownOutcomeError{Err: fmt.Errorf("got %v", holder)}))
	}
	for _, verb := range []string{"%s", "%q", "%x", "%X", "%d", "%t", "%5.3v", "%-20s", "%[1]T %[1]v"} {
		check(verb, Credential(canary))
		check(verb, []Credential{canary})
		check(verb, PaymentMethod{PaymentMethodID: canary})
	}
	check("%s", Credential(canary).String())
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("Called", "token", Credential(canary))
	if strings.Contains(log.String(), canary) || !strings.Contains(log.String(), hidden) {
		t.Errorf("a JSON log line shows the credential: %s", log.String())
	}
}

func TestPrintedCredentialSaysWhetherThereIsOne(t *testing.T) {
	if got := fmt.Sprintf("%v|%v", Credential("x"), Credential("")); got != hidden+"|" {
		t.Errorf("printed %q", got)
	}
}

func TestCredentialsAreSentInFull(t *testing.T) {
	body, err := Body(&ApplyTokenRequest{GrantType: GrantRefreshToken, CustomerBelongsTo: "GCASH", RefreshToken: canary})
	if err != nil || !strings.Contains(string(body), `"refreshToken":"`+canary+`"`) {
		t.Errorf("Body = %s, %v", body, err)
	}
	var read ApplyTokenResponse
	if err := json.Unmarshal([]byte(`{"accessToken":"`+canary+`"}`), &read); err != nil || string(read.AccessToken) != canary {
		t.Errorf("read a token of %d characters, %v", len(read.AccessToken), err)
	}
}

// The canary stands where a sloppy error would quote: as a number, in a wrong type, beside a missing field.
func TestAuthorizationNotificationThatCanNotBeReadIsAnErrorWithoutItsBody(t *testing.T) {
	const done = `"result":{"resultStatus":"S"}`
	for _, body := range []string{
		"", "[]", canary, `"` + canary + `"`, `{"accessToken":"` + canary, `{"result":7}`,
		`{"authorizationNotifyType":"TOKEN_CANCELED","accessToken":4111,` + done + `}`,
		`{"authorizationNotifyType":"AUTHCODE_CREATED","authState":["` + canary + `"],` + done + `}`,
		`{"accessToken":"` + canary + `",` + done + `}`,
		`{"authorizationNotifyType":"AUTHCODE_CREATED","authCode":"` + canary + `",` + done + `}`,
		`{"authorizationNotifyType":"AUTHCODE_CREATED","authState":"s","accessToken":"` + canary + `",` + done + `}`,
		`{"authorizationNotifyType":"TOKEN_CREATED","authState":"s","authCode":"` + canary + `",` + done + `}`,
		`{"authorizationNotifyType":"TOKEN_CREATED","accessToken":"` + canary + `",` + done + `}`,
		`{"authorizationNotifyType":"TOKEN_CANCELED","authState":"s","authCode":"` + canary + `",` + done + `}`,
		`{"authorizationNotifyType":"TOKEN_CANCELED","accessToken":"` + canary + `","result":{"resultStatus":"F"}}`,
		`{"authorizationNotifyType":"TOKEN_CANCELED","accessToken":"` + canary + `"}`,
	} {
		got, err := ReadAuthorizationNotification([]byte(body))
		if err == nil || got != nil {
			t.Errorf("%s was read as %+v", body, got)
			continue
		}
		if strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "4111") {
			t.Errorf("the error shows the body: %v", err)
		}
	}
}

func FuzzReadAuthorizationNotification(f *testing.F) {
	for _, name := range []string{"authorization-code", "authorization-token", "authorization-cancelled", "payment-paid"} {
		f.Add(readExample(f, name))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := ReadAuthorizationNotification(body)
		if (n == nil) != (err != nil) {
			t.Fatalf("ReadAuthorizationNotification = %+v, %v", n, err)
		}
		if n == nil {
			return
		}
		if n.AuthorizationNotifyType == NotifyAuthCodeCreated && (n.AuthCode == "" || n.AuthState == "") {
			t.Errorf("read without code or state: %+v", n)
		}
		_, _ = fmt.Fprintf(io.Discard, "%+v", n)
	})
}
