package controllers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// payRequest makes the body of pay out of spec and recorded intent alone: the same bytes on every try, in every process
// and in every version. Its golden test must never change for a spec that could have been submitted before.
func payRequest(payment *apiv1.Payment, requestID string, intent *apiv1.Intent, cardToken string) (*alipay.PayRequest, error) {
	spec := &payment.Spec
	request, err := orderRequest(payment, requestID, intent)
	if err != nil {
		return nil, err
	}
	request.ProductCode = alipay.ProductCashierPayment
	request.PaymentMethod = alipay.PaymentMethod{PaymentMethodType: spec.Cashier.PaymentMethodType}
	request.PaymentRedirectURL, request.Env = spec.RedirectURL, wireEnv(spec.Env)
	if card := spec.Cashier.Card; card != nil {
		request.PaymentMethod, request.PaymentFactor = cardMethodOf(card, cardToken), captureFactor(spec.CaptureMode)
	}
	if spec.ExpirySeconds > 0 {
		expiry := intent.SubmittedAt.Add(time.Duration(spec.ExpirySeconds) * time.Second)
		request.PaymentExpiryTime = expiry.UTC().Format(time.RFC3339)
	}
	return request, nil
}

// orderRequest is the part of pay that does not depend on how the buyer pays.
func orderRequest(payment *apiv1.Payment, requestID string, intent *apiv1.Intent) (*alipay.PayRequest, error) {
	spec := &payment.Spec
	additional, err := additionalFields(spec.AdditionalFields)
	if err != nil {
		return nil, err
	}
	request := &alipay.PayRequest{
		PaymentRequestID:  requestID,
		PaymentAmount:     wireAmount(spec.Amount),
		Order:             wireOrder(spec),
		PaymentNotifyURL:  intent.NotifyURL,
		UserRegion:        spec.UserRegion,
		CreditPayPlan:     wireCreditPayPlan(spec.CreditPayPlan),
		AppID:             spec.AppID,
		MerchantAccountID: spec.MerchantAccountID,
		AdditionalFields:  additional,
	}
	if intent.SettlementCurrency != "" {
		request.SettlementStrategy = &alipay.SettlementStrategy{SettlementCurrency: intent.SettlementCurrency}
	}
	return request, nil
}

// refundRequest makes the body of refund out of spec and recorded intent alone, as payRequest does for pay.
func refundRequest(refund *apiv1.Refund, requestID, paymentID, captureID string, amount apiv1.Amount, intent *apiv1.Intent) (*alipay.RefundRequest, error) {
	additional, err := additionalFields(refund.Spec.AdditionalFields)
	if err != nil {
		return nil, err
	}
	return &alipay.RefundRequest{
		RefundRequestID:   requestID,
		PaymentID:         paymentID,
		CaptureID:         captureID,
		RefundAmount:      wireAmount(amount),
		ReferenceRefundID: refund.Spec.ReferenceRefundID,
		RefundReason:      refund.Spec.Reason,
		RefundNotifyURL:   intent.NotifyURL,
		AdditionalFields:  additional,
	}, nil
}

// requestHash is the SHA-256 of the bytes that are sent for the request.
func requestHash(request any) (string, error) {
	body, err := alipay.Body(request)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// notifyURL is the address of the receiver for one account, or empty when the account has none.
func notifyURL(account *apiv1.MerchantAccount) string {
	base := strings.TrimSuffix(account.Spec.NotificationBaseURL, "/")
	if base == "" {
		return ""
	}
	return base + "/notify/" + account.Namespace + "/" + account.Name
}

// refusedFields are the names that additionalFields must not hold at any depth: money, ids, tokens and card data, and what
// decides where money goes or how it is taken. The admission policy of config/admission refuses the same names.
var refusedFields = regexp.MustCompile(`(?i)^(` + refusedFieldNames + `)$`)

const refusedFieldNames = `.*amount|.*currency|creditPayPlan|merchantAccountId|deviceTokenId|value|productCode|.*requestId|paymentId|captureId|refundId|paymentMethod(Id|Type)|` +
	`.*token|authCode|card.*|cvv2?|cvc2?|pan|expir(y|ation)(year|month|date)|.*password.*|` +
	`refundDetails|refundToBankInfo|refundSourceAccountNo|accountNo|bankCode|paymentFactor|captureMode|isLastCapture|isAuthorization|cavv|caav|.*notifyUrl|` +
	`.*certificate.*|holderName`

// additionalFields decodes spec.additionalFields and refuses what it must not hold.
func additionalFields(raw *runtime.RawExtension) (map[string]any, error) {
	if raw == nil || len(raw.Raw) == 0 {
		return nil, nil
	}
	fields := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(raw.Raw))
	decoder.UseNumber() // numbers go out as they were written
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("spec.additionalFields must be an object of fields to merge into the request: %w", err)
	}
	if name := refusedField(fields); name != "" {
		return nil, refusedFieldError(name)
	}
	return fields, nil
}

func refusedFieldError(name string) error {
	return fmt.Errorf("spec.additionalFields must not hold %q: amounts, ids, tokens and card data have fields of their own or are not accepted", name)
}

// refusedField finds a name that must not be there, at any depth.
func refusedField(value any) string {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if refusedFields.MatchString(name) {
				return name
			}
			if found := refusedField(inner); found != "" {
				return found
			}
		}
	case []any:
		for _, inner := range value {
			if found := refusedField(inner); found != "" {
				return found
			}
		}
	}
	return ""
}

func wireAmount(amount apiv1.Amount) alipay.Amount {
	return alipay.Amount{Currency: amount.Currency, Value: amount.Value}
}
