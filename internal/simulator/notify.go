package simulator

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// resendWaits is the wait before each of the eight sends (ams/notifyauth). "0 s" is read as the first send itself.
var resendWaits = []time.Duration{0, 2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour}

// notifyTimeout is how long a merchant may take to acknowledge. It is not documented.
const notifyTimeout = 5 * time.Second

// reorderLimit is how long the reorder fault holds a notification back when no other comes.
const reorderLimit = 2 * time.Minute

// Notification is one message to a merchant and what became of it.
type Notification struct {
	Number       int         `json:"number"`
	Type         string      `json:"notifyType"`
	Target       string      `json:"target"` // paymentRequestId, refundRequestId, captureRequestId, authState or disputeId
	ClientID     string      `json:"clientId"`
	URL          string      `json:"url"`
	ResultCode   string      `json:"resultCode"`
	Sends        int         `json:"sends"`
	SentAt       []time.Time `json:"sentAt"`
	Acknowledged bool        `json:"acknowledged"`
	GaveUp       bool        `json:"gaveUp"`
	// ForgedAccepted counts sends with a wrong signature that the merchant acknowledged: a hole in the merchant.
	ForgedAccepted int    `json:"forgedAccepted"`
	LastProblem    string `json:"lastProblem,omitempty"`
}

type notification struct {
	Notification
	operation string
	fields    map[string]any
	released  bool // held back once already
}

// newNotifyClient keeps connections, follows no redirect, and gives up after notifyTimeout.
func newNotifyClient(tlsConfig *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       notifyTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, TLSClientConfig: tlsConfig},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NotifyClientTrusting is an Options.NotifyClient like the default one, trusting other certificates.
func NotifyClientTrusting(pool *x509.CertPool) *http.Client {
	return newNotifyClient(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
}

// notifyPayment tells how a payment stands (ams/paymentrn_online). There is no paymentStatus in it, and the body is
// that of the moment it speaks of, however late it arrives.
func (s *Simulator) notifyPayment(p *payment, kind string, at time.Time) {
	fields := paymentFields(p)
	fields["paymentMethodType"] = p.Method
	code := p.ResultCode
	switch {
	case kind == "PAYMENT_PENDING":
		code = "SUCCESS" // S together with PAYMENT_PENDING means: not paid yet
	case p.Status == statusSuccess:
		addSuccess(fields, p)
	}
	s.queueNotification("notifyPayment", kind, p.PaymentRequestID, p.ClientID, p.order.notifyURL, code, fields, at)
}

// notifyLateSuccess tells of a success that came after the cancel (cashierpay/cancel), in the same words as of any other.
func (s *Simulator) notifyLateSuccess(p *payment) {
	fields := paymentFields(p)
	fields["paymentMethodType"] = p.Method
	addSuccess(fields, p)
	s.queueNotification("notifyPayment", "PAYMENT_RESULT", p.PaymentRequestID, p.ClientID, p.order.notifyURL, "SUCCESS", fields, p.PaidAt.Add(notifyDelay))
}

func addSuccess(fields map[string]any, p *payment) {
	fields["paymentTime"] = wireTime(p.PaidAt)
	merge(fields, settlement(p.Amount, p.order.settlementCurrency, p.PaidAt))
	addCustomsAmount(fields, p)
	if p.card() {
		fields["authExpiryTime"] = wireTime(p.PaidAt.Add(authorisationLife))
	}
	addResultInfo(fields, p)
}

// notifyCapture goes to the payment's URL (ams/notify_capture).
func (s *Simulator) notifyCapture(c *capture) {
	fields := map[string]any{
		"captureRequestId": c.CaptureRequestID, "paymentId": c.PaymentID, "captureId": c.CaptureID, "captureAmount": c.Amount.wire(),
	}
	if c.Status == statusSuccess {
		fields["captureTime"] = wireTime(c.SettledAt)
	}
	s.queueNotification("notifyCapture", "CAPTURE_RESULT", c.CaptureRequestID, c.ClientID, c.payment.order.notifyURL, c.ResultCode,
		fields, s.clock.now().Add(notifyDelay))
}

// notifyRefund carries neither paymentId nor paymentRequestId (ams/notify_refund).
func (s *Simulator) notifyRefund(r *refund) {
	fields := map[string]any{
		"refundStatus": r.Status, "refundRequestId": r.RefundRequestID, "refundId": r.RefundID, "refundAmount": r.Amount.wire(),
	}
	if r.Status == statusSuccess {
		fields["refundTime"] = wireTime(r.SettledAt)
		merge(fields, settlement(r.Amount, r.payment.order.settlementCurrency, r.SettledAt))
	}
	if r.metadata != "" {
		fields["metadata"] = r.metadata
	}
	s.queueNotification("notifyRefund", "REFUND_RESULT", r.RefundRequestID, r.ClientID, r.notifyURL, r.ResultCode, fields,
		s.clock.now().Add(notifyDelay))
}

// queueNotification sends to the request's URL, else to the merchant's dashboard setting, else nowhere.
func (s *Simulator) queueNotification(operation, kind, target, clientID, to, code string, fields map[string]any, at time.Time) {
	if to == "" {
		to = s.clients[clientID].NotifyURL
	}
	if to == "" {
		to = s.options.NotifyURL
	}
	if to == "" {
		return
	}
	switch operation {
	case "notifyDefenseDocument": // which names neither a type nor a result
	case "notifyDispute": // which speaks of no result
		fields[typeField(operation)] = kind
	default:
		fields[typeField(operation)] = kind
		fields["result"] = result(code, "")
	}
	n := &notification{operation: operation, fields: fields, Notification: Notification{
		Number: len(s.notifications) + 1, Type: kind, Target: target, ClientID: clientID, URL: to, ResultCode: code,
	}}
	s.notifications = append(s.notifications, n)
	s.clock.at(at, func() { s.sendNotification(n) })
}

// typeField is what names the type: authorizations and disputes have fields of their own (ams/notifyauth,
// ams/notify_dispute).
func typeField(operation string) string {
	switch operation {
	case "notifyAuthorization":
		return "authorizationNotifyType"
	case "notifyDispute":
		return "disputeNotificationType"
	}
	return "notifyType"
}

// sendNotification starts one send, or what a fault makes of it.
func (s *Simulator) sendNotification(n *notification) {
	if n.Acknowledged || n.Sends >= len(resendWaits) {
		return
	}
	fault := s.takeFaultLocked(n.operation, n.ClientID, []byte(`"`+n.Target+`"`))
	if fault.Kind == Reorder && !n.released {
		n.released = true
		s.heldBack = append(s.heldBack, n)
		s.clock.at(s.clock.now().Add(reorderLimit), s.sendHeldBack)
		return
	}
	n.Sends++
	n.SentAt = append(n.SentAt, s.clock.now())
	if fault.Kind == Lose {
		s.answered(n, "lost on the way")
		return
	}
	fields := n.fields
	switch fault.Kind {
	case WrongAmount:
		fields = wrongAmount(fields)
	case Mismatch:
		fields = contradict(fields)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		s.answered(n, "cannot be encoded: "+err.Error())
		return
	}
	s.sending++
	go s.deliver(n, body, s.clock.now(), fault.Kind)
}

// contradict makes result and refundStatus disagree, which ams/notify_refund does not exclude.
func contradict(fields map[string]any) map[string]any {
	out := map[string]any{}
	merge(out, fields)
	code := "PROCESS_FAIL"
	if fields["refundStatus"] == statusFail {
		code = "SUCCESS"
	}
	out["result"] = result(code, "")
	return out
}

// deliver posts outside the lock.
func (s *Simulator) deliver(n *notification, body []byte, at time.Time, fault FaultKind) {
	problem := s.postOnce(n.URL, n.ClientID, body, at, fault == Forge)
	if fault == Repeat {
		problem = s.postOnce(n.URL, n.ClientID, body, at.Add(time.Second), false)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending--
	defer s.sent.Broadcast()
	if fault == Forge && problem == "" {
		n.ForgedAccepted++
		problem = "forged on purpose, and acknowledged"
	}
	s.answered(n, problem)
	s.sendHeldBack()
}

// postOnce sends once, signed with the time of this send, and returns why it does not count as acknowledged.
func (s *Simulator) postOnce(to, clientID string, body []byte, at time.Time, forge bool) string {
	target, err := url.Parse(to)
	if err != nil {
		return "the URL cannot be read"
	}
	message := alipay.Message{URI: target.RequestURI(), ClientID: clientID, Time: at.UTC().Format(time.RFC3339), Body: body}
	if forge {
		message.Body = append([]byte(" "), body...)
	}
	signature, err := alipay.Sign(s.key, 1, message)
	if err != nil {
		return "cannot be signed: " + err.Error()
	}
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return "cannot be sent: " + err.Error()
	}
	request.Header.Set("Content-Type", "application/json; charset=UTF-8")
	request.Header.Set("Client-Id", clientID)
	request.Header.Set("Request-Time", message.Time)
	request.Header.Set("Signature", signature)
	response, err := s.http.Do(request)
	if err != nil {
		return "no answer: " + err.Error()
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return "the answer broke off"
	}
	return acknowledgement(response.StatusCode, raw)
}

// acknowledgement is empty for HTTP 200 and the fixed body (ams/paymentrn_online).
func acknowledgement(status int, raw []byte) string {
	if status != http.StatusOK {
		return "answered HTTP " + http.StatusText(status)
	}
	var body struct {
		Result struct {
			Code   string `json:"resultCode"`
			Status string `json:"resultStatus"`
		} `json:"result"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return "answered something that is not JSON"
	}
	if body.Result.Code != "SUCCESS" || body.Result.Status != "S" {
		return "answered " + body.Result.Code + "/" + body.Result.Status
	}
	return ""
}

// answered records a send and plans the next. After the eighth nothing more comes.
func (s *Simulator) answered(n *notification, problem string) {
	n.LastProblem = problem
	switch {
	case problem == "":
		n.Acknowledged = true
	case n.Sends >= len(resendWaits):
		n.GaveUp = true
	default:
		s.clock.at(n.SentAt[n.Sends-1].Add(resendWaits[n.Sends]), func() { s.sendNotification(n) })
	}
}

// sendHeldBack releases what the reorder fault kept, after another notification has gone out.
func (s *Simulator) sendHeldBack() {
	held := s.heldBack
	s.heldBack = nil
	for _, n := range held {
		s.sendNotification(n)
	}
}
