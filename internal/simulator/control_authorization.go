package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// controlAuthorizations adds what tests and scripts do to authorizations and to the dashboard.
func (s *Simulator) controlAuthorizations(mux *http.ServeMux) {
	mux.HandleFunc("POST /authorizations/{id}/{action}", s.actAsAuthorizer)
	mux.HandleFunc("PUT /clients/{clientId}/notify-url", s.putNotifyURL)
}

// actAsAuthorizer lets the buyer agree, refuse or cancel, and decides how debits go. Agreeing answers where the wallet
// sends the browser, which a script may follow or leave.
func (s *Simulator) actAsAuthorizer(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Buyer     string         `json:"buyer"`
		Reason    string         `json:"reason"`
		Behaviour DebitBehaviour `json:"behaviour"`
	}
	if !decode(w, r, &body) {
		return
	}
	id, err, redirect := r.PathValue("id"), error(nil), ""
	switch r.PathValue("action") {
	case "agree":
		redirect, err = s.BuyerAgrees(id, body.Buyer)
	case "refuse":
		err = s.BuyerRefuses(id)
	case "cancel":
		err = s.BuyerCancels(id, body.Reason)
	case "debits":
		err = s.SetDebits(id, body.Behaviour)
	default:
		http.Error(w, "a buyer can agree, refuse or cancel, and debits can be set", http.StatusNotFound)
		return
	}
	switch {
	case errors.Is(err, ErrConsentClosed):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case redirect != "":
		encode(w, map[string]string{"redirectUrl": redirect})
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Simulator) putNotifyURL(w http.ResponseWriter, r *http.Request) {
	var body struct {
		URL string `json:"url"`
	}
	if !decode(w, r, &body) {
		return
	}
	if err := s.SetNotifyURL(r.PathValue("clientId"), body.URL); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// SetNotifyURL is the dashboard's setting: where a merchant's notifications go when the request names no URL, and
// those of authorizations always. Empty falls back to Options.NotifyURL.
func (s *Simulator) SetNotifyURL(clientID, address string) error {
	if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return errors.New("setting the notification URL: it is no http or https URL")
	}
	s.enter()
	defer s.mu.Unlock()
	if s.clients[clientID] == nil {
		return fmt.Errorf("setting the notification URL: no client %s", clientID)
	}
	s.clients[clientID].NotifyURL = address
	return nil
}
