package secrets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// Texts that the shop puts into Secrets. They have what encodings change.
const (
	cardToken       = "CARDTOKEN-kanari-7301"
	givenCardToken  = "CARDTOKEN-given-kanari-7302"
	buyerName       = `Zoë "Kanari" <O'Hara> 7303`
	buyerEmail      = "kanari+7304@buyer.example"
	buyerPhone      = "+8529990007305"
	buyerStreet     = "7306 Kanari Road / Flat & Co"
	certificateNo   = "KANARI7307000000X"
	certificateName = "金丝雀 Kanari 7308"
	evidence        = "evidence of kanari 7309"
	brokenKey       = "KANARI7310/broken+private+key=="
	brokenBuyer     = "kanari 7311 is no JSON"
)

// plant puts them there.
func (s *shop) plant() {
	s.t.Helper()
	s.secret("card", apiv1.CardTokenSecretKey, cardToken)
	name := asJSON(map[string]string{"fullName": buyerName})
	s.secret("buyer", "buyer", fmt.Sprintf(`{"buyerName":%s,"buyerEmail":%q,"buyerPhoneNo":%q}`, name, buyerEmail, buyerPhone))
	s.secret("shipping", "shipping", fmt.Sprintf(`{"shippingName":%s,"shippingAddress":{"region":"HK","address1":%s}}`, name, asJSON(buyerStreet)))
	s.secret("certificate", apiv1.BuyerCertificateSecretKey, fmt.Sprintf(`{"certificateType":"ID_CARD","certificateNo":%q,"holderName":{"fullName":%q}}`, certificateNo, certificateName))
	s.secret("defence", apiv1.EvidenceKey, "%PDF-1.4\n"+evidence+"\n")
	s.secret("no-buyer", "buyer", `{"buyerEmail":"`+brokenBuyer)
	s.secret("broken", apiv1.PrivateKeySecretKey, "-----BEGIN PRIVATE KEY-----\n"+brokenKey+"\n-----END PRIVATE KEY-----\n")
	broken := s.Account()
	broken.Name, broken.Spec.CredentialsSecretRef.Name, broken.Spec.ClientID, broken.Spec.RequestIDPrefix = "broken", "broken", "SANDBOX_5YTESTSHOP000002", "b"
	s.Create(broken)
	s.awaitReason(broken, apiv1.CredentialsInvalidReason)
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a text can always be encoded
	}
	return string(text)
}

// sell makes payments of every kind, with a gateway that is careless once with each.
func (s *shop) sell() {
	s.t.Helper()
	kinds := map[string]func(*apiv1.PaymentSpec){
		"personal": func(spec *apiv1.PaymentSpec) {
			spec.BuyerSecretRef, spec.ShippingSecretRef = &apiv1.SecretKeyReference{Name: "buyer"}, &apiv1.SecretKeyReference{Name: "shipping"}
		},
		"card": func(spec *apiv1.PaymentSpec) {
			spec.Amount.Currency, spec.Env = "SGD", &apiv1.Env{TerminalType: "WEB", ClientIP: "203.0.113.9"}
			spec.Cashier = &apiv1.Cashier{PaymentMethodType: "CARD", Card: &apiv1.Card{TokenSecretRef: apiv1.SecretKeyReference{Name: "card"}}}
		},
	}
	for kind, change := range kinds {
		for i, how := range append([]carelessness{""}, everyCarelessness...) {
			payment := testenv.NewPayment(fmt.Sprintf("%s-%d", kind, i))
			change(&payment.Spec)
			if how != "" {
				s.gateway.careless("pay", payment.Name, how)
			}
			s.Create(payment)
		}
	}
	lacking := testenv.NewPayment("no-buyer")
	lacking.Spec.BuyerSecretRef = &apiv1.SecretKeyReference{Name: "no-buyer"}
	s.Create(lacking)
	s.awaitReason(lacking, apiv1.RequestInvalidReason)
	session := testenv.NewPayment("session")
	session.Spec.Cashier, session.Spec.Session = nil, &apiv1.Session{ProductScene: apiv1.HostedPageScene}
	s.gateway.careless("createPaymentSession", "session", noJSON, wrongTypes)
	s.Create(session)
	s.awaitReason(session, apiv1.AwaitingBuyerReason)
	s.awaitLapses()
}

// tokenize has the buyer pay, and the gateway give a card token in its notification.
func (s *shop) tokenize() *apiv1.Payment {
	s.t.Helper()
	payment := testenv.NewPayment("personal-0")
	s.awaitReason(payment, apiv1.AwaitingBuyerReason)
	s.must(s.Simulator.BuyerPays(payment.Status.PaymentRequestID))
	s.notify(asJSON(map[string]any{
		"notifyType": alipay.NotifyPaymentResult, "result": map[string]string{"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success"},
		"paymentRequestId": payment.Status.PaymentRequestID, "paymentId": payment.Status.PaymentID,
		"paymentAmount": map[string]string{"currency": "HKD", "value": "10000"}, "paymentTime": s.Simulator.Now().UTC().Format(time.RFC3339),
		"paymentResultInfo": map[string]string{"cardNo": "****7302", "cardToken": givenCardToken},
	}), true)
	s.awaitReason(payment, apiv1.PaidReason)
	return payment
}

// declare declares a payment to customs in parts.
func (s *shop) declare() {
	s.t.Helper()
	payment := testenv.NewPayment("declared")
	payment.Spec.Amount, payment.Spec.Cashier = apiv1.Amount{Currency: "CNY", Value: "30000"}, &apiv1.Cashier{PaymentMethodType: "ALIPAY_CN"}
	s.Create(payment)
	s.awaitReason(payment, apiv1.AwaitingBuyerReason)
	s.must(s.Simulator.BuyerPays(payment.Status.PaymentRequestID))
	s.Simulator.Advance(3 * time.Second)
	s.awaitReason(payment, apiv1.PaidReason)
	for i, how := range []carelessness{"", repeatInRefusal, noJSON} {
		declaration := &apiv1.CustomsDeclaration{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("part-%d", i)},
			Spec: apiv1.CustomsDeclarationSpec{
				PaymentRef: apiv1.PaymentReference{Name: "declared"}, Amount: &apiv1.Amount{Currency: "CNY", Value: "10000"}, Customs: apiv1.Customs{CustomsCode: "ZONGSHU"},
				MerchantCustomsInfo: apiv1.MerchantCustomsInfo{MerchantCustomsCode: "TV0000000001", MerchantCustomsName: "测试商贸有限公司"},
				SplitOrder:          true, SubOrderID: fmt.Sprintf("part-%d", i), BuyerCertificateSecretRef: &apiv1.SecretKeyReference{Name: "certificate"},
			},
		}
		if how != "" {
			s.gateway.careless("declare", declaration.Spec.SubOrderID, how)
		}
		s.Create(declaration)
	}
	s.awaitLapses()
	told := &apiv1.CustomsDeclaration{}
	eventually(s.t, func() error {
		if s.Get("part-0", told); told.Status.DeclarationRequestID == "" {
			return fmt.Errorf("the declaration is %+v", told.Status)
		}
		return s.Simulator.CustomsAnswers(told.Status.DeclarationRequestID, "-99", "what is "+certificateNo+" of "+certificateName+"?")
	})
	eventually(s.t, func() error {
		if s.Get("part-0", told); !told.Status.State.Final() {
			return fmt.Errorf("the declaration is %+v", told.Status)
		}
		return nil
	})
}

// dispute has the buyer dispute a payment, and the shop defend it.
func (s *shop) dispute(payment *apiv1.Payment) {
	s.t.Helper()
	_, err := s.Simulator.RaiseDispute(simulator.DisputeInput{Payment: payment.Status.PaymentID})
	s.must(err)
	s.Simulator.Advance(10 * time.Second)
	disputes := &apiv1.DisputeList{}
	eventually(s.t, func() error {
		s.must(cluster.Client.List(s.t.Context(), disputes, client.InNamespace(s.Namespace)))
		if len(disputes.Items) != 1 || disputes.Items[0].Status.State != apiv1.DisputeOpen {
			return fmt.Errorf("disputes = %+v", disputes.Items)
		}
		return nil
	})
	dispute := &disputes.Items[0]
	s.gateway.careless("supplyDefenseDocument", "", repeatInUnknown, noJSON)
	base := dispute.DeepCopy()
	dispute.Spec.Response = &apiv1.DisputeResponse{Action: apiv1.DefendDispute, EvidenceSecretRef: &apiv1.SecretKeyReference{Name: "defence"}}
	s.must(cluster.Client.Patch(s.t.Context(), dispute, client.MergeFrom(base)))
	eventually(s.t, func() error {
		if s.Get(dispute.Name, dispute); dispute.Status.State != apiv1.DisputeDefenseSupplied {
			return fmt.Errorf("the dispute is %+v", dispute.Status)
		}
		return nil
	})
}

// strange sends what no gateway and no browser sends.
func (s *shop) strange() {
	s.t.Helper()
	for _, address := range []string{s.address("notify"), s.address("return"), s.Ingress.URL + "/", s.address("notify") + "?accessToken=" + cardToken} {
		for _, body := range []string{"", cardToken, `{"cardToken":"` + cardToken + `"`} {
			if got := s.request(http.MethodPost, address, body, map[string]string{"Signature": "algorithm=RSA256,keyVersion=1,signature=" + cardToken}); got.StatusCode/100 != 4 {
				s.t.Errorf("something strange gets %s", got.Status)
			}
		}
	}
}

// planted are the texts that the shop, or its gateway, has put into Secrets.
func (s *shop) planted() []canary {
	s.t.Helper()
	lines := strings.Split(string(testenv.PrivateKeyPEM(s.Key)), "\n")
	der, err := base64.StdEncoding.DecodeString(strings.Join(lines[1:len(lines)-2], ""))
	s.must(err)
	session := &corev1.Secret{}
	s.Get("session-session", session)
	both := func(name, text string) canary { return canary{name: name, text: text, inSecret: true, onWire: true} }
	kept := func(name, text string, more ...string) canary {
		return canary{name: name, text: text, more: more, inSecret: true, neverSent: true}
	}
	return []canary{
		kept("the private key", lines[5], string(der[len(der)/2:len(der)/2+32]), s.Key.D.String(), s.Key.Primes[0].String(), s.Key.Primes[1].Text(16)),
		kept("the broken private key", brokenKey), kept("the broken buyer", brokenBuyer),
		both("the card token", cardToken), both("the card token that was given", givenCardToken), both("the session", string(session.Data[apiv1.SessionDataSecretKey])),
		both("the buyer's name", buyerName), both("the buyer's address", buyerStreet), both("the buyer's email", buyerEmail), both("the buyer's phone", buyerPhone),
		both("the certificate's number", certificateNo), both("the certificate's name", certificateName), both("the evidence", evidence),
	}
}
