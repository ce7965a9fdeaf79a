package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// buttons are what the form can send as "action".
var buttons = []string{"pay", "decline", "leave", "confirm", "refuse"}

// actOnCheckout is one of the page's buttons.
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
	defer s.mu.Unlock()
	at, known := s.byCode[code]
	switch {
	case !known:
		return errors.New("no such order")
	case !slices.Contains(buttons, action):
		return errors.New("unknown button")
	}
	p := at.payment
	if p == nil {
		unsubmitted := at.session.PaymentID == ""
		if unsubmitted && action == "leave" { // leaving a session submits nothing
			return nil
		}
		var err error
		if p, err = s.submit(at.session, method); err != nil {
			return err
		}
		if unsubmitted && !p.open() { // the card was refused at once: the page says why
			return nil
		}
	}
	if (action == "confirm" || action == "refuse") && !p.atBank {
		return errors.New("no bank has asked to confirm this payment")
	}
	if !s.press(p, action) {
		return fmt.Errorf("payment %s: %w", p.PaymentID, ErrOrderClosed)
	}
	return nil
}

// press does what a button of a payment's page says, and reports whether that was possible.
func (s *Simulator) press(p *payment, action string) bool {
	switch action {
	case "pay":
		if p.open() && p.challenged() { // the bank asks first
			p.atBank = true
			return true
		}
		return s.pays(p)
	case "confirm":
		return s.pays(p)
	case "refuse":
		return whileOpen(func(p *payment) { s.fail(p, "USER_PAYMENT_VERIFICATION_FAILED") })(p)
	case "decline":
		return whileOpen(func(p *payment) { s.fail(p, declineCode(p)) })(p)
	}
	return whileOpen(func(p *payment) { p.BuyerLeft = true })(p)
}

// declineCode is why a payment fails whose buyer or bank declines it, of the codes of ams/payment_cashier.
func declineCode(p *payment) string {
	if p.card() {
		return "DO_NOT_HONOR"
	}
	return "USER_BALANCE_NOT_ENOUGH"
}
