package notification

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// The authStates of the agreements that a returnDoor has, by the agreement's name. All of the first three wait for their buyers.
var consentStates = map[string]string{
	"monthly": "state-of-monthly-J9zq7_-0123456789abcdefghijklmno", "weekly": "state-of-weekly", "escaped": "state of/escaped?&=+%25",
	"direct": "state-of-direct", "ready": "state-of-ready", "ended": "state-of-ended", "elsewhere": "state-of-elsewhere", "abroad": "state-of-abroad",
}

// shopPage is where an agreement sends browsers.
func shopPage(agreement string) string {
	return "https://shop.example/" + agreement + "?from=wallet#done"
}

// returnDoor is a door with agreements: "direct" sends browsers to the shop itself, "ready" has its token, "ended" was revoked, "elsewhere" is of
// another account, and "abroad" in another namespace.
func returnDoor() *door {
	d := newDoor()
	for name, state := range consentStates {
		agreement := &apiv1.AutoDebitAgreement{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name + "-uid")},
			Spec: apiv1.AutoDebitAgreementSpec{
				MerchantAccountRef: apiv1.MerchantAccountReference{Name: "main"}, CustomerBelongsTo: "GCASH", AuthRedirectURL: shopPage(name), RedirectThroughOperator: name != "direct",
			},
			Status: apiv1.AutoDebitAgreementStatus{State: apiv1.AgreementAwaitingBuyer, AuthStateSHA256: fullHash(state)},
		}
		switch name {
		case "ready":
			agreement.Status.State, agreement.Status.AccessTokenSHA256 = apiv1.AgreementActive, fullHash("token")
		case "ended":
			agreement.Status.State = apiv1.AgreementRevoked
		case "elsewhere":
			agreement.Spec.MerchantAccountRef.Name = "other"
		case "abroad":
			agreement.Namespace = "other"
		}
		if err := d.api.Create(context.Background(), agreement); err != nil {
			panic(err)
		}
	}
	d.writes = nil
	return d
}

// returnPath is where a wallet sends the browser of an agreement.
func returnPath(code, agreement string) string {
	return "/pay/return/shop/main?" + url.Values{"authCode": {code}, "authState": {consentStates[agreement]}}.Encode()
}

// browse hands a request to the door without a network.
func (d *door) browse(t testing.TB, method, target string) *http.Response {
	t.Helper()
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: pay.example.test\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, request)
	return recorder.Result()
}

// codes are the codes in Secrets, by the agreement that owns them.
func (d *door) codes(t testing.TB) map[string][]string {
	t.Helper()
	secrets := &corev1.SecretList{}
	if err := d.api.List(context.Background(), secrets); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for i := range secrets.Items {
		secret := &secrets.Items[i]
		owner := secret.OwnerReferences[0]
		if owner.UID != types.UID(owner.Name+"-uid") || len(secret.OwnerReferences) != 1 || secret.Namespace != "shop" || len(secret.Data) != 2 || !*secret.Immutable {
			t.Errorf("Secret %s = %+v", secret.Name, secret.ObjectMeta)
		}
		if got, want := string(secret.Data[apiv1.AuthStateSecretKey]), consentStates[owner.Name]; got != want {
			t.Errorf("a code that came with %q was kept for %s, whose authState is %q", got, owner.Name, want)
		}
		found[owner.Name] = append(found[owner.Name], string(secret.Data[apiv1.AuthCodeSecretKey]))
	}
	return found
}

// expectAnswer compares an answer with the two that there are: on to a page, or an error that tells nothing.
func expectAnswer(t testing.TB, response *http.Response, page string) {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	status, text := http.StatusSeeOther, ""
	if page == "" {
		status, text = http.StatusBadRequest, "Nobody here waits for this consent. Go back to the shop.\n"
	}
	if got := response.Header["Location"]; response.StatusCode != status || string(body) != text || strings.Join(got, "|") != page || page == "" && got != nil {
		t.Errorf("answer = %s, %q, Location %q; want %d, %q", response.Status, body, got, status, page)
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestReturnKeepsTheCodeForItsOwnAgreementAndSendsTheBrowserToItsPage(t *testing.T) {
	d := returnDoor()
	for _, name := range []string{"monthly", "weekly", "escaped"} {
		d.writes = nil
		expectAnswer(t, d.browse(t, http.MethodGet, returnPath("code-of-"+name, name)), shopPage(name))
		d.expectWrites(t, "create *v1.Secret", "patch "+name)
		if got := d.codes(t)[name]; !slices.Equal(got, []string{"code-of-" + name}) {
			t.Errorf("codes of %s = %q", name, got)
		}
		agreement := &apiv1.AutoDebitAgreement{}
		d.get(t, name, agreement)
		if len(agreement.Annotations) != 1 {
			t.Errorf("annotations = %v, want one", agreement.Annotations)
		}
		for annotation, secret := range agreement.Annotations {
			if !IsReturnOf(agreement.Status.AuthStateSHA256, annotation) || IsReturnOf(fullHash("another"), annotation) || IsReturnOf("", annotation) || !MayHoldReturn(agreement, secret) {
				t.Errorf("annotation %s = %s", annotation, secret)
			}
		}
	}
	if log := d.log(); log != "" {
		t.Errorf("logged %s", log)
	}
}

// Whatever else is in it, a request that is not quite a return changes nothing and leads nowhere.
func TestRequestThatIsNoReturnIsRefusedAndChangesNothing(t *testing.T) {
	own, state := "/return/shop/main", "authState="+consentStates["weekly"]
	d := returnDoor()
	for name, target := range map[string]string{
		"no query":                          own,
		"no state":                          own + "?authCode=c",
		"an empty state":                    own + "?authCode=c&authState=",
		"a guessed state":                   own + "?authCode=c&authState=guessed",
		"the hash of a state":               own + "?authCode=c&authState=" + fullHash(consentStates["weekly"]),
		"a state in other letters":          own + "?authCode=c&authState=" + strings.ToUpper(consentStates["weekly"]),
		"a state with a blank":              own + "?authCode=c&" + state + "+",
		"a state with an end of text":       own + "?authCode=c&" + state + "%00",
		"a state that is too long":          own + "?authCode=c&" + state + strings.Repeat("x", 256),
		"a name in other letters":           own + "?authCode=c&AUTHSTATE=" + consentStates["weekly"],
		"two states":                        own + "?authCode=c&" + state + "&" + state,
		"two codes":                         own + "?authCode=c&authCode=c&" + state,
		"a code and an empty one":           own + "?authCode=c&authCode=&" + state,
		"a code that is too long":           own + "?authCode=" + strings.Repeat("c", 129) + "&" + state,
		"a code with a line break":          own + "?authCode=c%0d%0aLocation:%20https://evil.example&" + state,
		"a code that is no ASCII":           own + "?authCode=%C3%A4&" + state,
		"a code that is no UTF-8":           own + "?authCode=%ff&" + state,
		"a broken escape":                   own + "?authCode=%zz&" + state,
		"a semicolon":                       own + "?authCode=c;" + state,
		"a huge query":                      own + "?authCode=c&" + state + "&x=" + strings.Repeat("x", maxReturn),
		"a thousand parameters":             own + "?authCode=c&" + state + strings.Repeat("&a=b", 1020),
		"another account":                   "/return/shop/other?authCode=c&" + state,
		"another namespace":                 "/return/other/main?authCode=c&" + state,
		"an account in escapes":             "/return/shop/m%61in?authCode=c&" + state,
		"a path with more":                  own + "/?authCode=c&" + state,
		"an agreement of another account":   own + "?authCode=c&authState=" + consentStates["elsewhere"],
		"an agreement of another namespace": own + "?authCode=c&authState=" + consentStates["abroad"],
		"an agreement that asked for none":  own + "?authCode=c&authState=" + consentStates["direct"],
	} {
		t.Run(name, func(t *testing.T) {
			response := d.browse(t, http.MethodGet, target)
			if name != "an account in escapes" && name != "a path with more" {
				expectAnswer(t, response, "")
			} else if isAcknowledgement(t, response) { // it is taken for a notification
				t.Error("acknowledged")
			}
		})
	}
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions, http.MethodDelete, "get", "CONNECTED"} {
		expectAnswer(t, d.browse(t, method, returnPath("c", "weekly")), "")
	}
	d.expectWrites(t)
	if log := d.log(); log != "" {
		t.Errorf("logged %s", log)
	}
}

// A parameter of a stranger's does not become the address.
func TestReturnLeadsToTheAddressOfTheAgreementWhateverTheQuerySays(t *testing.T) {
	d := returnDoor()
	for _, more := range []string{
		"&authRedirectUrl=https://evil.example", "&redirect=//evil.example", "&Location=https://evil.example", "&next=javascript:alert(1)", "&host=evil.example", "&%0d%0aLocation:%20x=1",
	} {
		expectAnswer(t, d.browse(t, http.MethodGet, returnPath("code", "monthly")+more), shopPage("monthly"))
	}
}

func TestReplayedReturnStoresNothingTwice(t *testing.T) {
	d := returnDoor()
	for range 5 {
		expectAnswer(t, d.browse(t, http.MethodGet, returnPath("code", "monthly")), shopPage("monthly"))
	}
	d.expectWrites(t, "create *v1.Secret", "patch monthly")
}

func TestReturnThatComesTooLateStoresNothingAndLeadsToTheShop(t *testing.T) {
	d := returnDoor()
	for _, name := range []string{"ready", "ended"} {
		expectAnswer(t, d.browse(t, http.MethodGet, returnPath("code", name)), shopPage(name))
	}
	expectAnswer(t, d.browse(t, http.MethodGet, returnPath("", "monthly")), shopPage("monthly")) // the buyer has refused
	expectAnswer(t, d.browse(t, http.MethodGet, "/return/shop/main?authState="+consentStates["monthly"]), shopPage("monthly"))
	d.expectWrites(t)
}

func TestReturnAfterTheGatewayHasAnnouncedTheCodeLeadsToTheShop(t *testing.T) {
	d := returnDoor()
	body := `{"authorizationNotifyType":"AUTHCODE_CREATED","authState":"` + consentStates["weekly"] + `","authCode":"code","result":{"resultCode":"SUCCESS","resultStatus":"S"}}`
	if response := d.deliver(t, written(body)); !isAcknowledgement(t, response) {
		t.Fatalf("answer = %s; log: %s", response.Status, d.log())
	}
	expectAnswer(t, d.browse(t, http.MethodGet, returnPath("code", "weekly")), shopPage("weekly"))
	agreement := &apiv1.AutoDebitAgreement{}
	d.get(t, "weekly", agreement)
	if len(agreement.Annotations) != 2 {
		t.Errorf("%d annotations, want that of the notification and that of the browser", len(agreement.Annotations))
	}
	for name, value := range agreement.Annotations {
		if strings.Contains(name+value, consentStates["weekly"]) {
			t.Errorf("%s = %s shows the authState", name, value)
		}
	}
}

// However many codes come for one consent, one after the other or at once, a few are kept, and nobody is told of the rest.
func TestFewCodesAreKeptForOneConsent(t *testing.T) {
	d := returnDoor()
	var browsers sync.WaitGroup
	for i := range 40 {
		browsers.Go(func() {
			response := d.browse(t, http.MethodGet, returnPath(fmt.Sprint("code-", i), "monthly"))
			if response.StatusCode != http.StatusSeeOther && response.StatusCode != http.StatusBadRequest {
				t.Errorf("answer = %s", response.Status)
			}
		})
	}
	browsers.Wait()
	expectAnswer(t, d.browse(t, http.MethodGet, returnPath("one more", "monthly")), "")
	if got := d.codes(t)["monthly"]; len(got) != maxReturns {
		t.Errorf("%d codes are kept, want %d", len(got), maxReturns)
	}
	if log := d.log(); log != "" {
		t.Errorf("logged %s", log)
	}
	expectAnswer(t, d.browse(t, http.MethodGet, returnPath("code", "weekly")), shopPage("weekly")) // no concern of the other's
}

func TestReturnThatCanNotBeStoredIsAskedForAgainAndItsCodeIsNotLogged(t *testing.T) {
	for write, err := range map[string]error{
		"create *v1.Secret": fmt.Errorf("canary-code %s", consentStates["monthly"]), // an API server that repeats what it was sent
		"patch monthly":     apierrors.NewForbidden(schema.GroupResource{Resource: "autodebitagreements"}, "monthly", errors.New("no Role")),
	} {
		d := returnDoor()
		d.fails[write] = err
		response := d.browse(t, http.MethodGet, returnPath("canary-code", "monthly"))
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Location") != "" || !strings.Contains(string(body), "Load this page again") {
			t.Errorf("%s fails: answer = %s, %s, %v", write, response.Status, body, err)
		}
		if log := d.log(); !strings.Contains(log, "could not be stored") || strings.Contains(log, "canary-code") || strings.Contains(log, consentStates["monthly"]) {
			t.Errorf("%s fails: logged %s", write, log)
		}
		delete(d.fails, write)
		expectAnswer(t, d.browse(t, http.MethodGet, returnPath("canary-code", "monthly")), shopPage("monthly"))
		if got := d.codes(t)["monthly"]; len(got) != 1 {
			t.Errorf("%s fails: %d codes, want 1", write, len(got))
		}
	}
}

// askedReader counts what is asked of it.
type askedReader struct {
	client.Reader
	asked int
}

func (r *askedReader) List(context.Context, client.ObjectList, ...client.ListOption) error {
	r.asked++
	return nil
}

// Strangers who guess do not use up the questions that notifications may ask of the API server.
func TestStrangersWhoGuessAskTheAPIServerSeldom(t *testing.T) {
	d := returnDoor()
	live := &askedReader{}
	d.live = live
	before := d.looks.Tokens()
	for i := range 1000 {
		expectAnswer(t, d.browse(t, http.MethodGet, fmt.Sprintf("/return/shop/main?authCode=c&authState=guess-%d", i)), "")
	}
	if live.asked == 0 || live.asked > returnLooksBurst+100*returnLooksPerSecond {
		t.Errorf("the API server was asked %d times", live.asked)
	}
	if d.looks.Tokens() < before {
		t.Error("notifications may ask less often now")
	}
}

// A server's own limits come before the receiver's.
func TestServerBearsRequestsOfEveryFormAtTheReturnAddress(t *testing.T) {
	d := returnDoor()
	address := d.listen(t)
	target := returnPath("code", "monthly")
	for name, tt := range map[string]struct{ request, want string }{
		"a browser":         {"GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 303 "},
		"a scanner":         {"HEAD " + target + " HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 "},
		"a form":            {"POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nauthCode=", "HTTP/1.1 400 "},
		"an endless query":  {"GET " + target + strings.Repeat("&a=b", 10000) + " HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 431 "},
		"a long query":      {"GET " + target + strings.Repeat("&a=b", 1100) + " HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 "},
		"an absolute form":  {"GET http://evil.example" + target + " HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 400 "},
		"a foreign host":    {"GET " + target + " HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n", "HTTP/1.1 303 "},
		"an old protocol":   {"GET " + target + " HTTP/1.0\r\n\r\n", "HTTP/1.0 303 "},
		"a body beside GET": {"GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 303 "},
	} {
		t.Run(name, func(t *testing.T) {
			answer := exchange(t, address, tt.request)
			if !strings.HasPrefix(answer, tt.want) || strings.Contains(answer, "evil") || strings.Contains(answer, consentStates["monthly"]) {
				t.Errorf("answer = %.300s, want %s", answer, tt.want)
			}
		})
	}
	if got := d.codes(t); len(got) != 1 || len(got["monthly"]) != 1 {
		t.Errorf("codes = %v, want one", got)
	}
}
