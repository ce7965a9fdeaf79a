package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of declarations. See docs.antom.com/ac/ams/declare and docs.antom.com/ac/ams/inquirydeclare.
const (
	// MaxDeclarationRequestID is the greatest length of a declarationRequestId: a UUID with its hyphens is too long.
	MaxDeclarationRequestID = 32
	// MaxDeclarationsPerInquiry is how many declarations one inquiry may ask about.
	MaxDeclarationsPerInquiry = 10
)

// Values of customsCode that are documented. The gateway may add others.
const (
	// CustomsZongshu is the General Administration, which most offices are reached by.
	CustomsZongshu = "ZONGSHU"
	// CustomsZhengzhou is the bonded logistics centre of Henan.
	CustomsZhengzhou = "ZHENGZHOU"
	// CustomsNingbo is Ningbo.
	CustomsNingbo = "NINGBO"
	// CustomsShanghai is Shanghai.
	CustomsShanghai = "SHANGHAI_CBT"
)

// Values of identityCheckResult. Empty means that nobody checked.
const (
	// IdentityCheckPassed means that the buyer is the payer.
	IdentityCheckPassed = "CHECK_PASSED"
	// IdentityCheckNotPassed means that the buyer is not the payer. The declaration went out all the same, and
	// customs will probably refuse it.
	IdentityCheckNotPassed = "CHECK_NOT_PASSED"
)

// Values of declarationRequestStatus. There is none for a failure.
const (
	// DeclarationInProcess means that customs has not answered. Transient.
	DeclarationInProcess = "IN_PROCESS"
	// DeclarationCompleted means that customs has answered, well or ill: see [DeclarationRecord.Outcome]. Final.
	DeclarationCompleted = "CUSTOMS_PROCESSING_COMPLETED"
)

// DeclareRequest has the gateway report a payment to China customs. Only paid payments by ALIPAY_CN can be declared.
// See docs.antom.com/ac/ams/declare.
type DeclareRequest struct {
	// DeclarationRequestID is the idempotency id, at most [MaxDeclarationRequestID] characters. Required.
	DeclarationRequestID string `json:"declarationRequestId"`
	// PaymentID is the gateway's id of the payment. Required: its request id will not do.
	PaymentID string `json:"paymentId"`
	// DeclarationAmount is in CNY, in fen: "10050" is 100.50 CNY. Required. All declarations of a payment together are
	// at most its customsDeclarationAmount.
	DeclarationAmount Amount `json:"declarationAmount"`
	// Customs is where to. Required.
	Customs Customs `json:"customs"`
	// MerchantCustomsInfo is who declares. Required.
	MerchantCustomsInfo MerchantCustomsInfo `json:"merchantCustomsInfo"`
	// SplitOrder says that this is one of several declarations of one order. Required, so false is sent as well.
	SplitOrder bool `json:"splitOrder"`
	// SubOrderID is the merchant's number of the part, at most 64 characters, as the merchant reports it to customs
	// itself. Required with SplitOrder.
	SubOrderID string `json:"subOrderId,omitempty"`
	// BuyerCertificate is who bought. Without it customs takes the payer for the buyer.
	BuyerCertificate *BuyerCertificate `json:"buyerCertificate,omitempty"`
	// AdditionalFields is merged into the body, objects deeply. A key that is already set is an error.
	AdditionalFields map[string]any `json:"-"`
}

func (r DeclareRequest) additionalFields() map[string]any { return r.AdditionalFields }

// Customs is a customs office.
type Customs struct {
	// Region is "CN". Required.
	Region string `json:"region"`
	// CustomsCode is one of the Customs constants, in capitals, at most 28 characters. Required.
	CustomsCode string `json:"customsCode"`
}

// MerchantCustomsInfo is how customs knows the merchant.
type MerchantCustomsInfo struct {
	// MerchantCustomsCode is the registration number, at most 128 characters. Required.
	MerchantCustomsCode string `json:"merchantCustomsCode"`
	// MerchantCustomsName is the registered name, often Chinese, at most 256 characters. Required.
	MerchantCustomsName string `json:"merchantCustomsName"`
}

// BuyerCertificate is the buyer's proof of identity. All of it is personal data: keep it in a secret, never show it. Like a
// [Credential] it is sent as it is and not printed.
type BuyerCertificate struct {
	// CertificateType is ID_CARD or PASSPORT. Customs of China wants ID_CARD. Required.
	CertificateType string `json:"certificateType"`
	// CertificateNo is at most 64 characters. Personal data. Required.
	CertificateNo string `json:"certificateNo"`
	// HolderName is the name on it. Personal data. Required with ID_CARD.
	HolderName *UserName `json:"holderName,omitempty"`
}

// hidden stands for personal data, and for a [Credential].
const hidden = "[hidden]"

// Format hides the certificate from every verb of package fmt.
func (b BuyerCertificate) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// LogValue hides the certificate from package slog.
func (b BuyerCertificate) LogValue() slog.Value { return slog.StringValue(hidden) }

// Hide replaces the certificate's number and its holder's names in text, which the gateway or customs wrote: that may
// quote what it complains about. It changes nothing if b is nil.
func (b *BuyerCertificate) Hide(text string) string {
	if b == nil {
		return text
	}
	personal := []string{b.CertificateNo}
	if name := b.HolderName; name != nil { // the whole first: the others are parts of it
		personal = append(personal, name.FullName, name.LastName, name.MiddleName, name.FirstName)
	}
	var pairs []string
	for _, secret := range personal {
		if secret != "" {
			pairs = append(pairs, secret, hidden)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// DeclareResponse says that the declaration was taken, not that customs accepts it: there is no notification, so ask
// with [Client.InquiryDeclarationRequests].
type DeclareResponse struct {
	Answer
	// CustomsPaymentID is the number of the payment that customs is told.
	CustomsPaymentID string `json:"customsPaymentId"`
	// CustomsOrderID is the number of the order that customs is told: the payment's paymentRequestId, or the
	// request's SubOrderID.
	CustomsOrderID string `json:"customsOrderId"`
	// IdentityCheckResult is [IdentityCheckPassed], [IdentityCheckNotPassed], or empty if nobody checked.
	IdentityCheckResult string `json:"identityCheckResult,omitempty"`
	// ClearingChannel is CUP, NUCC or OTHER, given once customs has confirmed receipt.
	ClearingChannel string `json:"clearingChannel,omitempty"`
	// ClearingTransactionID is the number of the transaction in that channel.
	ClearingTransactionID string `json:"clearingTransactionId,omitempty"`
	// CustomsProviderRegistrationID is the gateway's own number at customs.
	CustomsProviderRegistrationID string `json:"customsProviderRegistrationId,omitempty"`
}

// InquiryDeclarationRequestsRequest asks about up to [MaxDeclarationsPerInquiry] declarations. See
// docs.antom.com/ac/ams/inquirydeclare.
type InquiryDeclarationRequestsRequest struct {
	// DeclarationRequestIDs are the ids of the declarations. Required, each once.
	DeclarationRequestIDs []string `json:"declarationRequestIds"`
}

// InquiryDeclarationRequestsResponse is what is known about the declarations asked for. An id that is in neither list is
// one that the gateway said nothing about.
type InquiryDeclarationRequestsResponse struct {
	Answer
	// DeclarationRequestsNotFound are the ids that the gateway does not know.
	DeclarationRequestsNotFound []string `json:"declarationRequestsNotFound,omitempty"`
	// DeclarationRecords are the declarations that it knows, each of them asked for, and each once.
	DeclarationRecords []DeclarationRecord `json:"declarationRecords,omitempty"`
}

// DeclarationRecord is one declaration.
type DeclarationRecord struct {
	// DeclarationRequestID is the request's id.
	DeclarationRequestID string `json:"declarationRequestId"`
	// CustomsPaymentID is the number of the payment that customs was told.
	CustomsPaymentID string `json:"customsPaymentId"`
	// CustomsOrderID is the number of the order that customs was told.
	CustomsOrderID string `json:"customsOrderId"`
	// Customs is where it went.
	Customs Customs `json:"customs"`
	// MerchantCustomsInfo is who declared.
	MerchantCustomsInfo MerchantCustomsInfo `json:"merchantCustomsInfo"`
	// DeclarationAmount is in CNY: compare it with what was asked for.
	DeclarationAmount *Amount `json:"declarationAmount,omitempty"`
	// SplitOrder repeats the request's.
	SplitOrder Bool `json:"splitOrder"`
	// DeclarationRequestStatus is [DeclarationInProcess], [DeclarationCompleted], or a word that the gateway added since.
	DeclarationRequestStatus string `json:"declarationRequestStatus"`
	// LastModifiedTime is when that changed.
	LastModifiedTime Time `json:"lastModifiedTime,omitzero"`
	// CustomsDeclarationResultCode is what customs answered, in its own code: see Outcome.
	CustomsDeclarationResultCode string `json:"customsDeclarationResultCode,omitempty"`
	// CustomsDeclarationResultDesc is what customs answered, in its own words, at most 2048 characters. It may quote
	// the buyer: see [BuyerCertificate.Hide].
	CustomsDeclarationResultDesc string `json:"customsDeclarationResultDesc,omitempty"`
	// CustomsDeclarationReturnTime is when customs answered.
	CustomsDeclarationReturnTime Time `json:"customsDeclarationReturnTime,omitzero"`
}

// DeclarationOutcome is what a record says about the declaration.
type DeclarationOutcome string

const (
	// DeclarationPending means that customs has not answered. Transient.
	DeclarationPending DeclarationOutcome = "Pending"
	// DeclarationAccepted means that customs has recorded it. Final.
	DeclarationAccepted DeclarationOutcome = "Accepted"
	// DeclarationRejected means that customs has refused it. Final.
	DeclarationRejected DeclarationOutcome = "Rejected"
	// DeclarationUnclear means that customs has answered something whose meaning is not documented. Show it.
	DeclarationUnclear DeclarationOutcome = "Unclear"
)

// Outcome reads what customs answered. Being completed is not success: the code decides, and it is reliable only for
// [CustomsZongshu], so that for any other office every answer is unclear.
func (r DeclarationRecord) Outcome() DeclarationOutcome {
	switch {
	case r.DeclarationRequestStatus == DeclarationInProcess:
		return DeclarationPending
	case r.DeclarationRequestStatus != DeclarationCompleted, r.Customs.CustomsCode != CustomsZongshu:
		return DeclarationUnclear
	case r.CustomsDeclarationResultCode == "2", // declared and recorded
		r.CustomsDeclarationResultCode == "120", // the data of order, payment and logistics agree
		r.CustomsDeclarationResultCode == "success":
		return DeclarationAccepted
	case isNegative(r.CustomsDeclarationResultCode):
		return DeclarationRejected
	}
	return DeclarationUnclear
}

// isNegative reports whether text is a whole number below zero.
func isNegative(text string) bool {
	digits, signed := strings.CutPrefix(text, "-")
	return signed && strings.Trim(digits, "0123456789") == "" && strings.Trim(digits, "0") != ""
}

var (
	declareOperation                    = operation{path: "/customs/declare"}
	inquiryDeclarationRequestsOperation = operation{path: "/customs/inquiryDeclarationRequests"}
)

// Declare has the gateway report a payment to customs. The same id with the same content reports it once. The errors
// hide what the gateway quotes of the buyer's certificate.
func (c *Client) Declare(ctx context.Context, request *DeclareRequest) (*DeclareResponse, error) {
	if request == nil {
		return nil, c.refuse(declareOperation, errNilRequest)
	}
	if err := request.check(); err != nil {
		return nil, c.refuse(declareOperation, err)
	}
	response := &DeclareResponse{}
	err := c.call(ctx, declareOperation, request, response, []id{
		{name: "declarationRequestId", sent: request.DeclarationRequestID},
		{name: "paymentId", sent: request.PaymentID},
	})
	if err != nil {
		return nil, hideIn(err, request.BuyerCertificate)
	}
	response.Result.ResultMessage = request.BuyerCertificate.Hide(response.Result.ResultMessage)
	return response, nil
}

// check refuses what the gateway would take for something else, and quotes nothing of it.
func (r *DeclareRequest) check() error {
	texts := []string{r.MerchantCustomsInfo.MerchantCustomsCode, r.MerchantCustomsInfo.MerchantCustomsName, r.SubOrderID}
	if certificate := r.BuyerCertificate; certificate != nil {
		texts = append(texts, certificate.CertificateNo)
		if name := certificate.HolderName; name != nil {
			texts = append(texts, name.FullName, name.FirstName, name.MiddleName, name.LastName)
		}
	}
	for _, text := range texts { // encoding would replace what it can not read, and declare another name
		if !utf8.ValidString(text) {
			return errors.New("a name or number of the request is not UTF-8; convert it first")
		}
	}
	switch {
	case len(r.DeclarationRequestID) > MaxDeclarationRequestID:
		return fmt.Errorf("the declarationRequestId has more than %d characters; choose a shorter one", MaxDeclarationRequestID)
	case r.SplitOrder && r.SubOrderID == "":
		return errors.New("the request has no subOrderId, which splitOrder needs")
	}
	return nil
}

// hideIn hides the certificate in the gateway's words.
func hideIn(err error, certificate *BuyerCertificate) error {
	var (
		rejected *RejectedError
		unknown  *UnknownOutcomeError
	)
	switch {
	case errors.As(err, &rejected):
		rejected.Result.ResultMessage = certificate.Hide(rejected.Result.ResultMessage)
	case errors.As(err, &unknown):
		unknown.Result.ResultMessage = certificate.Hide(unknown.Result.ResultMessage)
	}
	return err
}

// InquiryDeclarationRequests asks about several declarations and changes nothing. An answer about a declaration that was
// not asked for, or that contradicts itself, is an [*UnknownOutcomeError].
func (c *Client) InquiryDeclarationRequests(ctx context.Context, request *InquiryDeclarationRequestsRequest) (*InquiryDeclarationRequestsResponse, error) {
	op := inquiryDeclarationRequestsOperation
	if request == nil {
		return nil, c.refuse(op, errNilRequest)
	}
	if n := len(request.DeclarationRequestIDs); n == 0 || n > MaxDeclarationsPerInquiry {
		return nil, c.refuse(op, fmt.Errorf("the request has %d declarationRequestIds; ask about 1 to %d", n, MaxDeclarationsPerInquiry))
	}
	ids := make([]id, 0, len(request.DeclarationRequestIDs))
	open := make(map[string]bool, len(request.DeclarationRequestIDs))
	for _, asked := range request.DeclarationRequestIDs {
		ids = append(ids, id{name: "declarationRequestId", sent: asked})
		if open[asked] {
			return nil, c.refuse(op, errors.New("the request has a declarationRequestId twice"))
		}
		open[asked] = true
	}
	response := &InquiryDeclarationRequestsResponse{}
	if err := c.call(ctx, op, request, response, ids); err != nil {
		return nil, err
	}
	told := slices.Clone(response.DeclarationRequestsNotFound)
	for _, record := range response.DeclarationRecords {
		told = append(told, record.DeclarationRequestID)
	}
	for _, answered := range told {
		if !open[answered] {
			err := errors.New("the answer is about another declarationRequestId, or about one twice")
			return nil, &UnknownOutcomeError{Path: c.path(op), Err: err}
		}
		open[answered] = false
	}
	return response, nil
}
