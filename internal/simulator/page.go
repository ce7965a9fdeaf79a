package simulator

import (
	"bytes"
	_ "embed"
	"errors"
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
	Open                                                               bool
	ExpiresAt                                                          time.Time
	Methods                                                            []string
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

// actOnCheckout is one of the page's three buttons.
func (s *Simulator) actOnCheckout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	if err := r.ParseForm(); err != nil {
		s.renderCheckout(w, r, http.StatusBadRequest, "The form could not be read.")
		return
	}
	err := s.click(r.PathValue("code"), r.PostForm.Get("action"), r.PostForm.Get("method"))
	switch {
	case errors.Is(err, ErrOrderClosed):
		s.renderCheckout(w, r, http.StatusConflict, "This order is no longer open, so nothing was done.")
	case err != nil:
		s.renderCheckout(w, r, http.StatusBadRequest, err.Error())
	default:
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
	}
}

// click submits a session if need be, then does what the button says.
func (s *Simulator) click(code, action, method string) error {
	s.enter()
	at, known := s.byCode[code]
	id := ""
	switch {
	case !known:
		s.mu.Unlock()
		return errors.New("no such order")
	case at.payment != nil:
		id = at.payment.PaymentID
	case action == "leave" && at.session.PaymentID == "": // leaving a session submits nothing
		s.mu.Unlock()
		return nil
	default:
		p, err := s.submit(at.session, method)
		if err != nil {
			s.mu.Unlock()
			return err
		}
		id = p.PaymentID
	}
	s.mu.Unlock()
	switch action {
	case "pay":
		return s.BuyerPays(id)
	case "decline":
		return s.BuyerDeclines(id)
	case "leave":
		return s.BuyerLeaves(id)
	}
	return errors.New("unknown button")
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
	return pageView{
		Amount: p.Amount.String(), Description: p.order.description, OrderID: p.ReferenceOrderID, Method: p.Method,
		Status: p.Status, Explanation: explanations[p.Status], Open: p.open(), ExpiresAt: p.ExpiresAt.In(gatewayZone),
		ReturnURL: template.URL(p.order.redirectURL), //nolint:gosec // checkLink refused schemes a browser would run
	}, true
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
