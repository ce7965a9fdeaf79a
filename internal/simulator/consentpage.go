package simulator

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed consent.html
var consentText string

var consentTemplate = template.Must(template.New("consent").Parse(consentText))

// consentView is all the page shows.
type consentView struct {
	Wallet, Merchant, State, Explanation, Problem string
	Scopes                                        []string
	Open, Cancellable                             bool
	ReturnURL                                     template.URL
}

var consentExplanations = map[string]string{
	AuthorizationAwaitsBuyer: "The shop asks for your consent.",
	AuthorizationRefused:     "You refused. The shop may not debit you.",
	AuthorizationAgreed:      "You agreed. The shop has yet to fetch its token.",
	AuthorizationActive:      "You agreed. The shop may debit you.",
	AuthorizationLapsed:      "You agreed. The shop has to renew its token before it may debit you again.",
	AuthorizationExpired:     "Your consent has run out. The shop may not debit you.",
	AuthorizationRevoked:     "The shop ended the authorization. It may not debit you.",
	AuthorizationCanceled:    "You ended the authorization. The shop may not debit you.",
	AuthorizationReplaced:    "You gave the shop another authorization, which ended this one.",
}

// showConsent is the page behind the normalUrl of a consult.
func (s *Simulator) showConsent(w http.ResponseWriter, r *http.Request) {
	s.renderConsent(w, r, http.StatusOK, "")
}

// actOnConsent is one of the page's buttons. Who agrees goes where the wallet sends them.
func (s *Simulator) actOnConsent(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	if err := r.ParseForm(); err != nil {
		s.renderConsent(w, r, http.StatusBadRequest, "The form could not be read.")
		return
	}
	id, known := s.consentOf(r.PathValue("code"))
	if !known {
		http.NotFound(w, r)
		return
	}
	next, err := r.URL.Path, error(nil)
	switch r.PostForm.Get("action") {
	case "agree":
		next, err = s.BuyerAgrees(id, r.PostForm.Get("buyer"))
	case "refuse":
		err = s.BuyerRefuses(id)
	case "cancel":
		err = s.BuyerCancels(id, r.PostForm.Get("reason"))
	default:
		err = errors.New("unknown button")
	}
	switch {
	case errors.Is(err, ErrConsentClosed):
		s.renderConsent(w, r, http.StatusConflict, "That is no longer possible, so nothing was done.")
	case err != nil:
		s.renderConsent(w, r, http.StatusBadRequest, err.Error())
	default:
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // the merchant signed the address, and wallets follow it
	}
}

func (s *Simulator) consentOf(code string) (id string, known bool) {
	s.enter()
	defer s.mu.Unlock()
	if a := s.consents.byPage[code]; a != nil {
		return a.AuthorizationID, true
	}
	return "", false
}

func (s *Simulator) renderConsent(w http.ResponseWriter, r *http.Request, status int, problem string) {
	view, back, known := s.consentView(r.PathValue("code"))
	if !known {
		http.NotFound(w, r)
		return
	}
	view.Problem = problem
	var page bytes.Buffer
	if err := consentTemplate.Execute(&page, view); err != nil {
		http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"+back+
		"; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a browser that has gone asks again
}

// consentView also returns where the form may lead, for the security policy: browsers apply it to the redirect.
func (s *Simulator) consentView(code string) (view consentView, back string, known bool) {
	s.enter()
	defer s.mu.Unlock()
	a := s.consents.byPage[code]
	if a == nil {
		return consentView{}, "", false
	}
	state := a.state(s.clock.now())
	return consentView{
		Wallet: a.CustomerBelongsTo, Merchant: a.ClientID, State: state, Explanation: consentExplanations[state],
		Scopes: a.Scopes, Open: state == AuthorizationAwaitsBuyer,
		Cancellable: state == AuthorizationAgreed || state == AuthorizationActive || state == AuthorizationLapsed,
		ReturnURL:   template.URL(withQuery(a.redirectURL, query("authState", a.AuthState))), //nolint:gosec // checkLink refused schemes a browser would run
	}, formTarget(a.redirectURL), true
}

// formTarget is where the form may lead, as a source of a security policy. A page of the web may send the browser on to another site, and browsers
// apply the policy to that as well; an app is opened by its scheme.
func formTarget(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || strings.ContainsAny(u.Scheme+u.Host, ";, "):
		return ""
	case u.Scheme == "http" || u.Scheme == "https":
		return " http: https:"
	}
	return " " + u.Scheme + ":"
}
