package simulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	chinaWallet = "ALIPAY_CN"

	declarationInProcess = "IN_PROCESS"
	declarationCompleted = "CUSTOMS_PROCESSING_COMPLETED"

	// customsDelay is how long customs takes. No figure is published.
	customsDelay = 2 * time.Minute

	// identityRefused is what customs answers when the buyer is not the payer. The real number is not documented.
	identityRefused = "-1"
)

// The payer of every payment by ALIPAY_CN. Another certificate does not pass the identity check.
const (
	// PayerCertificateNo is the number of the payer's ID card. No person has it.
	PayerCertificateNo = "000000200001010000"
	// PayerName is the name on the card.
	PayerName = "测试员甲"
)

// ErrDeclarationCompleted means that customs has answered already.
var ErrDeclarationCompleted = errors.New("customs has answered already")

// Declaration is one declaration to customs, without the buyer's certificate. Refused ones have the code of the refusal, and
// the gateway says that it does not know them.
type Declaration struct {
	DeclarationRequestID string    `json:"declarationRequestId"`
	ClientID             string    `json:"clientId"`
	PaymentID            string    `json:"paymentId"`
	Amount               Money     `json:"declarationAmount"`
	CustomsCode          string    `json:"customsCode"`
	MerchantCustomsCode  string    `json:"merchantCustomsCode"`
	MerchantCustomsName  string    `json:"merchantCustomsName"`
	SplitOrder           bool      `json:"splitOrder"`
	CustomsPaymentID     string    `json:"customsPaymentId,omitempty"`
	CustomsOrderID       string    `json:"customsOrderId,omitempty"`
	IdentityCheck        string    `json:"identityCheckResult,omitempty"`
	RefusedWith          string    `json:"refusedWith,omitempty"`
	Status               string    `json:"declarationRequestStatus,omitempty"`
	ResultCode           string    `json:"customsDeclarationResultCode,omitempty"`
	ResultDesc           string    `json:"customsDeclarationResultDesc,omitempty"`
	CreatedAt            time.Time `json:"createTime"`
	ModifiedAt           time.Time `json:"lastModifiedTime"`
	ReturnedAt           time.Time `json:"customsDeclarationReturnTime,omitzero"`
	// Misspelt says that the request wrote suborderId, as one page does and the SDKs do not.
	Misspelt bool `json:"misspelt,omitempty"`
	// Inquiries counts how often it was asked for, and FinalInquiries how often customs had answered then.
	Inquiries      int `json:"inquiries"`
	FinalInquiries int `json:"finalInquiries"`
}

// customs is all that the gateway has declared.
type customs struct {
	all       []*declaration
	byRequest map[requestKey]*declaration
}

type declaration struct {
	Declaration
	payment *payment
	content content
	held    bool // customs answers only when told to
}

// content is what a request asks for: a repeat must ask for the same.
type content struct {
	paymentID, region, customsCode, merchantCode, merchantName, subOrderID string
	amount                                                                 Money
	split                                                                  bool
	certified                                                              bool
	certificateType, certificateNo                                         string
	fullName, firstName, middleName, lastName                              string
}

func newContent(o object) content {
	subOrderID := o.text("subOrderId")
	if subOrderID == "" {
		subOrderID = o.text("suborderId")
	}
	holder := []string{"buyerCertificate", "holderName"}
	name := func(part string) string { return o.text(append(slices.Clone(holder), part)...) }
	return content{
		paymentID: o.text("paymentId"), region: o.text("customs", "region"), customsCode: o.text("customs", "customsCode"),
		merchantCode: o.text("merchantCustomsInfo", "merchantCustomsCode"), merchantName: o.text("merchantCustomsInfo", "merchantCustomsName"),
		subOrderID: subOrderID, amount: o.money("declarationAmount"), split: o.flag("splitOrder"), certified: o.at("buyerCertificate") != nil,
		certificateType: o.text("buyerCertificate", "certificateType"), certificateNo: o.text("buyerCertificate", "certificateNo"),
		fullName: name("fullName"), firstName: name("firstName"), middleName: name("middleName"), lastName: name("lastName"),
	}
}

// check applies the rules of ams/declare that depend on more than one field, and quotes no value.
func (k content) check(body object) *refusal {
	switch {
	case body.at("subOrderId") != nil && body.at("suborderId") != nil:
		return illegal("subOrderId", "is given in two spellings")
	case k.split && k.subOrderID == "":
		return illegal("subOrderId", "is required because splitOrder is true")
	case !k.split && k.subOrderID != "": // chosen: it would be lost without a word
		return illegal("subOrderId", "is given although splitOrder is false")
	case k.certified && body.at("buyerCertificate", "holderName") == nil:
		return illegal("buyerCertificate.holderName", "is required for ID_CARD")
	case k.amount.Currency != "CNY":
		return illegal("declarationAmount.currency", "must be CNY")
	}
	return nil
}

// identity compares buyer and payer. Nobody checks when no certificate is given.
func (k content) identity() string {
	name := k.fullName
	if name == "" {
		name = k.lastName + k.middleName + k.firstName
	}
	switch {
	case !k.certified:
		return ""
	case k.certificateNo == PayerCertificateNo && name == PayerName:
		return "CHECK_PASSED"
	}
	return "CHECK_NOT_PASSED"
}

// declare is customs/declare (ams/declare). S means taken, not accepted.
func (s *Simulator) declare(c *call) answer {
	if bad := declareRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	wanted := newContent(c.body)
	if bad := wanted.check(c.body); bad != nil {
		return bad.answer()
	}
	key := requestKey{c.clientID, c.body.text("declarationRequestId")}
	if earlier := s.customs.byRequest[key]; earlier != nil {
		if earlier.content != wanted {
			return failure("REPEAT_REQ_INCONSISTENT") // not documented; as everywhere else
		}
		return declareAnswer(earlier)
	}
	p := s.byPaymentID[wanted.paymentID]
	if p == nil || p.ClientID != c.clientID {
		return failure("ORDER_NOT_EXIST")
	}
	code, message := c.forced, ""
	if code == "" {
		code, message = s.declareRefusal(p, wanted)
	}
	if leavesNothing[code] {
		return refuse(code, message).answer()
	}
	d := &declaration{payment: p, content: wanted, Declaration: Declaration{
		DeclarationRequestID: key.requestID, ClientID: c.clientID, PaymentID: p.PaymentID, Amount: wanted.amount, CustomsCode: wanted.customsCode,
		MerchantCustomsCode: wanted.merchantCode, MerchantCustomsName: wanted.merchantName, SplitOrder: wanted.split, RefusedWith: code,
		Misspelt: c.body.at("suborderId") != nil, CreatedAt: c.now, ModifiedAt: c.now,
	}}
	s.customs.all = append(s.customs.all, d)
	s.customs.byRequest[key] = d
	if code == "" {
		s.sendToCustoms(d)
	}
	return declareAnswer(d)
}

// declareRefusal gives the result code by cause. The page's table could not be had: the codes are those of its siblings.
func (s *Simulator) declareRefusal(p *payment, wanted content) (code, message string) {
	amount, declarable := customsAmount(p)
	switch {
	case !declarable:
		return "ORDER_STATUS_INVALID", ""
	case s.declared(p)+wanted.amount.Value > amount.Value:
		return "PARAM_ILLEGAL", "declarationAmount is, with the other declarations of the payment, above its customsDeclarationAmount of " + amount.String()
	}
	return "", ""
}

// customsAmount is the sum in CNY that may be declared: all of a paid ALIPAY_CN payment. What refunds do to it is not
// documented, so they do nothing.
func customsAmount(p *payment) (amount Money, declarable bool) {
	if p.Method != chinaWallet || p.Status != statusSuccess {
		return Money{}, false
	}
	amount, _ = exchange(p.Amount, "CNY")
	return amount, true
}

// addCustomsAmount tells it to the merchant (ams/paymentrn_online, ams/paymentri_online).
func addCustomsAmount(fields map[string]any, p *payment) {
	if amount, declarable := customsAmount(p); declarable {
		fields["customsDeclarationAmount"] = amount.wire()
	}
}

// declared is how much of a payment customs was told of. What customs has rejected may be declared again.
func (s *Simulator) declared(p *payment) int64 {
	sum := int64(0)
	for _, d := range s.customs.all {
		if d.payment == p && d.counts() {
			sum += d.Amount.Value
		}
	}
	return sum
}

func (d Declaration) counts() bool {
	return d.RefusedWith == "" && !isRejection(d.ResultCode)
}

func (s *Simulator) sendToCustoms(d *declaration) {
	d.Status, d.IdentityCheck = declarationInProcess, d.content.identity()
	d.CustomsPaymentID = s.newID("22001401")
	d.CustomsOrderID = d.payment.PaymentRequestID
	if d.SplitOrder {
		d.CustomsOrderID = d.content.subOrderID
	}
	s.clock.at(d.CreatedAt.Add(customsDelay), func() {
		if !d.held && d.Status == declarationInProcess {
			code, text := d.byDefault()
			s.customsAnswers(d, code, text)
		}
	})
}

// byDefault is what customs answers by itself. Without a certificate it takes the payer for the buyer.
func (d *declaration) byDefault() (code, text string) {
	switch {
	case d.IdentityCheck == "CHECK_NOT_PASSED":
		return identityRefused, "订购人与支付人不一致" // buyer and payer are not the same
	case d.CustomsCode == "ZONGSHU":
		return "2", "新增申报成功"
	}
	return "success", "ok"
}

func (s *Simulator) customsAnswers(d *declaration, code, text string) {
	now := s.clock.now()
	d.Status, d.ResultCode, d.ResultDesc, d.ModifiedAt, d.ReturnedAt = declarationCompleted, code, text, now, now
}

// declareAnswer is the same for every repeat, but for what customs has confirmed since.
func declareAnswer(d *declaration) answer {
	if d.RefusedWith != "" {
		return failure(d.RefusedWith)
	}
	fields := map[string]any{"customsPaymentId": d.CustomsPaymentID, "customsOrderId": d.CustomsOrderID}
	if d.IdentityCheck != "" {
		fields["identityCheckResult"] = d.IdentityCheck
	}
	if d.Status == declarationCompleted {
		maps.Copy(fields, map[string]any{
			"clearingChannel": "NUCC", "clearingTransactionId": d.CustomsPaymentID, "customsProviderRegistrationId": "31222699S7",
		})
	}
	return success(fields)
}

// inquireDeclarations is customs/inquiryDeclarationRequests (ams/inquirydeclare). An id that was refused, or belongs to
// another client, is not found.
func (s *Simulator) inquireDeclarations(c *call) answer {
	if bad := inquiryDeclarationsRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	given, _ := c.body.at("declarationRequestIds").([]any)
	if len(given) == 0 {
		return illegal("declarationRequestIds", "is empty").answer()
	}
	var ids []string
	for i, element := range given {
		id, _ := element.(string)
		if id == "" || utf8.RuneCountInString(id) > 32 {
			return illegal(fmt.Sprintf("declarationRequestIds[%d]", i), "has no character or more than 32").answer()
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	records, unknown := []any{}, []any{}
	for _, id := range ids {
		d := s.customs.byRequest[requestKey{c.clientID, id}]
		if d == nil || d.RefusedWith != "" {
			unknown = append(unknown, id)
			continue
		}
		d.Inquiries++
		if d.Status == declarationCompleted {
			d.FinalInquiries++
		}
		records = append(records, declarationRecord(d))
	}
	fields := map[string]any{"declarationRecords": records}
	if len(unknown) > 0 {
		fields["declarationRequestsNotFound"] = unknown
	}
	return success(fields)
}

func declarationRecord(d *declaration) map[string]any {
	record := map[string]any{
		"declarationRequestId": d.DeclarationRequestID, "customsPaymentId": d.CustomsPaymentID, "customsOrderId": d.CustomsOrderID,
		"customs":             map[string]any{"region": d.content.region, "customsCode": d.CustomsCode},
		"merchantCustomsInfo": map[string]any{"merchantCustomsCode": d.MerchantCustomsCode, "merchantCustomsName": d.MerchantCustomsName},
		"declarationAmount":   d.Amount.wire(), "splitOrder": d.SplitOrder, "declarationRequestStatus": d.Status, "lastModifiedTime": wireTime(d.ModifiedAt),
	}
	if d.Status == declarationCompleted {
		record["customsDeclarationResultCode"] = d.ResultCode
		record["customsDeclarationReturnTime"] = wireTime(d.ReturnedAt)
		if d.ResultDesc != "" {
			record["customsDeclarationResultDesc"] = d.ResultDesc
		}
	}
	return record
}

// declaration finds what a control call names. The id must belong to one client.
func (s *Simulator) declaration(id string) (*declaration, error) {
	var found *declaration
	for _, d := range s.customs.all {
		if d.DeclarationRequestID != id {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("declarationRequestId %s belongs to several clients", id)
		}
		found = d
	}
	if found == nil || found.RefusedWith != "" {
		return nil, fmt.Errorf("no declaration %s", id)
	}
	return found, nil
}

// CustomsHolds keeps a declaration in process until CustomsAnswers.
func (s *Simulator) CustomsHolds(declarationRequestID string) error {
	s.enter()
	defer s.mu.Unlock()
	d, err := s.declaration(declarationRequestID)
	if err != nil {
		return err
	}
	if d.Status == declarationCompleted {
		return fmt.Errorf("declaration %s: %w", declarationRequestID, ErrDeclarationCompleted)
	}
	d.held = true
	return nil
}

// CustomsAnswers lets customs answer a declaration now. An empty code is the answer that would have come by itself. An
// accepted declaration may be accepted again, as 120 follows 2, and after a code that says neither yes nor no any other may follow; a rejection is final.
func (s *Simulator) CustomsAnswers(declarationRequestID, code, text string) error {
	if utf8.RuneCountInString(code) > 64 || utf8.RuneCountInString(text) > 2048 {
		return errors.New("customs answers with a code of up to 64 characters and a text of up to 2048")
	}
	s.enter()
	defer s.mu.Unlock()
	d, err := s.declaration(declarationRequestID)
	if err != nil {
		return err
	}
	if code == "" {
		code, text = d.byDefault()
	}
	if d.Status == declarationCompleted && (isRejection(d.ResultCode) || isAcceptance(d.ResultCode) && !isAcceptance(code)) {
		return fmt.Errorf("declaration %s: %w", declarationRequestID, ErrDeclarationCompleted)
	}
	s.customsAnswers(d, code, text)
	return nil
}

func isAcceptance(code string) bool { return slices.Contains([]string{"2", "120", "success"}, code) }
func isRejection(code string) bool  { return strings.HasPrefix(code, "-") }

// Declaration finds a declaration by its declarationRequestId.
func (l Ledger) Declaration(declarationRequestID string) (Declaration, bool) {
	for _, d := range l.Declarations {
		if d.DeclarationRequestID == declarationRequestID {
			return d, true
		}
	}
	return Declaration{}, false
}

// checkDeclarations returns every broken rule of customs: one declaration per id, and of a payment no more than it has.
func (l Ledger) checkDeclarations() []error {
	var broken []error
	seen, sums := map[requestKey]bool{}, map[string]int64{}
	for _, d := range l.Declarations {
		key := requestKey{d.ClientID, d.DeclarationRequestID}
		if seen[key] {
			broken = append(broken, fmt.Errorf("two declarations with declarationRequestId %s", d.DeclarationRequestID))
		}
		seen[key] = true
		if d.counts() {
			sums[d.PaymentID] += d.Amount.Value
		}
	}
	for _, p := range l.Payments {
		amount, _ := exchange(p.Amount, "CNY")
		if sums[p.PaymentID] > amount.Value {
			broken = append(broken, fmt.Errorf("payment %s: %d declared of %s", p.PaymentRequestID, sums[p.PaymentID], amount))
		}
		delete(sums, p.PaymentID)
	}
	for id := range sums {
		broken = append(broken, fmt.Errorf("a declaration of payment %q, which does not exist", id))
	}
	return broken
}
