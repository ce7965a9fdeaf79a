package simulator

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"time"
)

// checkout is what an address of the buyer's page stands for: an order, or a session not yet submitted.
type checkout struct {
	payment *payment
	session *session
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageView is all the page shows.
type pageView struct {
	Amount, Description, OrderID, Method, Status, Explanation, Problem string
	Open, AtBank                                                       bool
	ExpiresAt                                                          time.Time
	Methods                                                            []string
	Reason, ReasonText                                                 string // why a payment failed
	ReturnURL                                                          template.URL
}

var explanations = map[string]string{
	statusProcessing: "This order waits for you to pay.",
	statusPending:    "You have finished. The payment is being confirmed.",
	statusSuccess:    "Paid. Thank you.",
	statusFail:       "Not paid. No money was taken.",
	statusCancelled:  "The shop cancelled this order. Nothing remains taken from you.",
}

// showCheckout is the page behind normalUrl.
func (s *Simulator) showCheckout(w http.ResponseWriter, r *http.Request) {
	s.renderCheckout(w, r, http.StatusOK, "")
}

func (s *Simulator) renderCheckout(w http.ResponseWriter, r *http.Request, status int, problem string) {
	view, known := s.checkoutView(r.PathValue("code"))
	if !known {
		http.NotFound(w, r)
		return
	}
	view.Problem = problem
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, view); err != nil {
		http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a browser that has gone asks again
}

func (s *Simulator) checkoutView(code string) (pageView, bool) {
	s.enter()
	defer s.mu.Unlock()
	at, known := s.byCode[code]
	if !known {
		return pageView{}, false
	}
	if at.session != nil && at.session.PaymentID != "" {
		at.payment = s.byPaymentID[at.session.PaymentID]
	}
	if at.payment == nil {
		return s.sessionView(at.session), true
	}
	p := at.payment
	view := pageView{
		Amount: p.Amount.String(), Description: p.order.description, OrderID: p.ReferenceOrderID, Method: p.Method,
		Status: p.Status, Explanation: explanations[p.Status], Open: p.open(), ExpiresAt: p.ExpiresAt.In(gatewayZone),
		ReturnURL: template.URL(p.order.redirectURL), //nolint:gosec // checkLink refused schemes a browser would run
	}
	switch {
	case !p.ReturnedAt.IsZero():
		view.Explanation = "You paid after this order had ended. All of it was given back to you."
	case p.open() && p.atBank:
		view.AtBank, view.Explanation = true, "Your bank asks you to confirm this payment (3D Secure)."
	}
	if p.Status == statusFail {
		view.Reason, view.ReasonText = p.ResultCode, messages[p.ResultCode]
	}
	return view, true
}

// sessionView offers a choice of methods when the request left it to the buyer.
func (s *Simulator) sessionView(created *session) pageView {
	view := pageView{
		Amount: created.Amount.String(), Description: created.order.description, OrderID: created.order.referenceOrderID,
		Method: created.order.method, Status: "NOT SUBMITTED", Explanation: explanations[statusProcessing],
		Open: s.clock.now().Before(created.ExpiresAt), ExpiresAt: created.ExpiresAt.In(gatewayZone),
		ReturnURL: template.URL(created.order.redirectURL), //nolint:gosec // checkLink refused schemes a browser would run
	}
	if !view.Open {
		view.Explanation = "This page has expired. No money was taken."
	}
	if view.Method != "" {
		return view
	}
	for _, name := range s.methodNames() {
		if consultOption(name, s.method(name), created.Amount)["enabled"] == true {
			view.Methods = append(view.Methods, name)
		}
	}
	return view
}
