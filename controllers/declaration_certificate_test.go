package controllers

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// payerSecret holds the certificate of the payer.
func payerSecret(name string) *corev1.Secret {
	return newSecret(name, map[string]string{apiv1.BuyerCertificateSecretKey: fmt.Sprintf(
		`{"certificateType":"ID_CARD","certificateNo":%q,"holderName":{"fullName":%q}}`, simulator.PayerCertificateNo, simulator.PayerName)})
}

func certified(spec *apiv1.CustomsDeclarationSpec) {
	spec.BuyerCertificateSecretRef = &apiv1.SecretKeyReference{Name: "buyer"}
}

// Whatever the gateway and customs say, and whatever is wrong with the Secret, nothing tells whose certificate it is.
func TestCertificateIsNeverTold(t *testing.T) {
	const number, name = "000000200001019871", "赵钱孙"
	whole := fmt.Sprintf(`{"certificateType":"ID_CARD","certificateNo":%q,"holderName":{"fullName":%q,"firstName":"钱孙","lastName":"赵"}}`, number, name)
	personal := regexp.MustCompile(`9871|赵|钱孙`)
	tests := []struct {
		name, content, said string
		arm                 func(*world)
		sent                bool
	}{
		{name: "accepted", content: whole, sent: true},
		{name: "customs quotes all of it", content: whole, said: "证件号 " + number + " 姓名 " + name + " 不符", sent: true},
		{name: "customs quotes parts of it", content: whole, said: "证件尾号 9871, 钱孙 女士", sent: true},
		{name: "the request is lost", content: whole, sent: true, arm: func(w *world) { w.loses("declare") }},
		{name: "the gateway refuses it", content: whole, sent: true, arm: func(w *world) {
			w.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "declare", Code: "PARAM_ILLEGAL"})
		}},
		{name: "no JSON", content: number},
		{name: "no object", content: `["` + number + `"]`},
		{name: "an unknown field", content: `{"certificateNumber":"` + number + `"}`},
		{name: "no number", content: `{"certificateType":"ID_CARD","holderName":{"fullName":"` + name + `"}}`},
		{name: "no type", content: `{"certificateNo":"` + number + `"}`},
		{name: "an unknown type", content: `{"certificateType":"` + name + `","certificateNo":"` + number + `"}`},
		{name: "no name", content: `{"certificateType":"ID_CARD","certificateNo":"` + number + `"}`},
		{name: "a number that is too long", content: `{"certificateType":"ID_CARD","certificateNo":"` + strings.Repeat(number, 4) + `"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := paidChina(t)
			told := &witness{}
			w.customs.Events, w.payments.Events = told, told
			w.store.create(newSecret("buyer", map[string]string{apiv1.BuyerCertificateSecretKey: tt.content}))
			w.store.changed = func(_, now client.Object) {
				if now != nil && keyOf(now).kind != "Secret" {
					told.told = append(told.told, asText(t, now))
				}
			}
			if tt.arm != nil {
				tt.arm(w)
			}
			w.store.create(newDeclaration("all", "", certified))
			for i := range 14 {
				result, err := w.customs.Reconcile(told.context(t.Context()), requestFor("all"))
				told.told = append(told.told, fmt.Sprint(err))
				if id := w.declaration("all").Status.DeclarationRequestID; i == 0 && tt.said != "" {
					if err := w.simulator.CustomsAnswers(id, "-1", tt.said); err != nil {
						t.Fatal(err)
					}
				}
				w.advance(max(result.RequeueAfter, time.Second))
				_, err = w.payments.Reconcile(told.context(t.Context()), requestFor("order"))
				told.told = append(told.told, fmt.Sprint(err))
			}
			families, err := metrics.Registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, family := range families {
				if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(text.String(), number) || strings.Contains(text.String(), name) {
				t.Error("a metric tells whose certificate it is")
			}
			for _, text := range told.told {
				if personal.MatchString(text) {
					t.Errorf("it tells %s", text)
				}
			}
			if sent := w.sends("declare") > 0; sent != tt.sent {
				t.Errorf("sent = %t, want %t", sent, tt.sent)
			}
			for _, request := range w.sent {
				if request.operation == "declare" && !strings.Contains(string(request.body), name) {
					t.Errorf("the request lacks the certificate: %s", request.body)
				}
			}
		})
	}
}

// What customs says is what a person needs to know, so it is kept wherever it says nothing of the buyer.
func TestTextOfCustomsIsKeptWhereItQuotesNobody(t *testing.T) {
	tests := []struct {
		name, said, want string
		secret           func(*world)
	}{
		{name: "a text without the buyer", said: "订购人与支付人不一致", want: "订购人与支付人不一致"},
		{name: "a text with the buyer's number", said: "证件号 " + simulator.PayerCertificateNo, want: textNotKept},
		{name: "a text with a part of the buyer's name", said: "姓名 员甲", want: textNotKept},
		{name: "the Secret is gone", said: "订购人与支付人不一致", want: textNotKept, secret: func(w *world) {
			w.store.remove(w.store.latest(storeKey{kind: "Secret", name: requestFor("buyer").NamespacedName}))
		}},
		{name: "the Secret holds another certificate now", said: "订购人与支付人不一致", want: textNotKept, secret: func(w *world) {
			old := w.store.latest(storeKey{kind: "Secret", name: requestFor("buyer").NamespacedName})
			w.store.put(old, newSecret("buyer", map[string]string{"buyerCertificate": `{"certificateType":"PASSPORT","certificateNo":"E12345678"}`}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := paidChina(t)
			w.store.create(payerSecret("buyer"))
			w.store.create(newDeclaration("all", "", certified))
			w.must(w.reconcileDeclaration("all"))
			if err := w.simulator.CustomsAnswers(w.declaration("all").Status.DeclarationRequestID, "-1", tt.said); err != nil {
				t.Fatal(err)
			}
			if tt.secret != nil {
				tt.secret(w)
			}
			got := w.followDeclaration("all")
			w.expectDeclaration("all", apiv1.DeclarationRejected, apiv1.CustomsRejectedReason)
			if got.CustomsDeclarationResultDesc != tt.want || got.CustomsDeclarationResultCode != "-1" {
				t.Errorf("shown are %q %q, want %q", got.CustomsDeclarationResultCode, got.CustomsDeclarationResultDesc, tt.want)
			}
		})
	}
}

func TestTextQuotesACertificateByAFewCharacters(t *testing.T) {
	certificate := &alipay.BuyerCertificate{CertificateNo: "11010119900307123X", HolderName: &alipay.UserName{FullName: "Ada Wong", FirstName: "三", LastName: "欧阳"}}
	for text, want := range map[string]bool{
		"number ends in 123x": true, "尾号7123": true, "born 1990": true, "欧阳女士": true, "第三条": true, "ms WONG": true, "ada": false, "ada w.": true,
		"ok": false, "订购人与支付人不一致": false, "code 123": false, "": false,
	} {
		if got := quotes(text, certificate); got != want {
			t.Errorf("quotes(%q) = %t, want %t", text, got, want)
		}
	}
	if quotes("anything", nil) {
		t.Error("a text quotes a certificate that there is not")
	}
}

// Whatever else the gateway says with a refusal or an unclear answer, its code is kept.
func TestAnswerThatQuotesPartOfACertificateKeepsItsCodeAlone(t *testing.T) {
	certificate := &alipay.BuyerCertificate{CertificateNo: "11010119900307123X", HolderName: &alipay.UserName{FullName: "欧阳三"}}
	said := func(text string) (*alipay.RejectedError, *alipay.UnknownOutcomeError) {
		result := alipay.Result{ResultCode: "SOME_CODE", ResultMessage: text}
		return &alipay.RejectedError{Result: result}, &alipay.UnknownOutcomeError{Result: result}
	}
	for text, want := range map[string]string{
		"the number that ends in 123X is wrong": textNotKept, "no such holder as 欧阳": textNotKept, "the office is closed": "the office is closed",
	} {
		rejected, unknown := said(text)
		for _, err := range []error{withoutPersonal(rejected, certificate), withoutPersonal(unknown, certificate)} {
			if alipay.ResultCode(err) != "SOME_CODE" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), text) && want == textNotKept {
				t.Errorf("the gateway says %q, and told is %q; want the code, and %q", text, err, want)
			}
		}
	}
	if rejected, _ := said("123X"); !strings.Contains(withoutPersonal(rejected, nil).Error(), "123X") {
		t.Error("a text is left out where nothing was certified")
	}
}

func TestDeclarationWaitsForItsCertificate(t *testing.T) {
	w := paidChina(t)
	w.store.create(newDeclaration("all", "", certified))
	result := w.must(w.reconcileDeclaration("all"))
	w.expectDeclaration("all", apiv1.StatePending, apiv1.SecretNotFoundReason)
	if result.RequeueAfter == 0 || w.sends("declare") != 0 {
		t.Errorf("looks again after %s, having sent %d requests", result.RequeueAfter, w.sends("declare"))
	}
	w.store.create(payerSecret("buyer"))
	w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.DeclarationAccepted, apiv1.AcceptedReason)
}

func TestLostDeclarationIsNotSentAgainWithAnotherCertificate(t *testing.T) {
	w := paidChina(t)
	w.store.create(payerSecret("buyer"))
	w.loses("declare")
	w.store.create(newDeclaration("all", "", certified))
	w.must(w.reconcileDeclaration("all"))
	w.loses("")
	old := w.store.latest(storeKey{kind: "Secret", name: requestFor("buyer").NamespacedName})
	w.store.put(old, newSecret("buyer", map[string]string{"buyerCertificate": `{"certificateType":"PASSPORT","certificateNo":"E12345678"}`}))
	w.followDeclaration("all")
	w.expectDeclaration("all", apiv1.StateBlocked, apiv1.RequestChangedReason)
	if got := w.sends("declare"); got != 1 {
		t.Errorf("declare requests = %d, want 1", got)
	}
}
