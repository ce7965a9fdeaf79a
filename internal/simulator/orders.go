package simulator

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed orders.html
var ordersText string

var ordersTemplate = template.Must(template.New("orders").Parse(ordersText))

// orderView is one line of the list of open orders.
type orderView struct {
	Order, Amount, Method, Link string
}

// consentLine is one line of the list of open consents.
type consentLine struct {
	AuthState, Wallet, Link string
}

// showOrders lists the orders and consents that wait for a buyer, for the person who plays all of them.
func (s *Simulator) showOrders(w http.ResponseWriter, _ *http.Request) {
	var orders []orderView
	var waiting []consentLine
	l := s.Ledger()
	for _, a := range l.Authorizations {
		if link, err := url.Parse(a.NormalURL); err == nil && a.State == AuthorizationAwaitsBuyer {
			waiting = append(waiting, consentLine{AuthState: a.AuthState, Wallet: a.CustomerBelongsTo, Link: link.Path})
		}
	}
	for _, p := range l.Payments {
		link, err := url.Parse(p.NormalURL)
		if p.Status != statusProcessing || p.NormalURL == "" || err != nil {
			continue
		}
		orders = append(orders, orderView{Order: p.ReferenceOrderID, Amount: p.Amount.String(), Method: p.Method, Link: link.Path})
	}
	var page bytes.Buffer
	if err := ordersTemplate.Execute(&page, map[string]any{"Orders": orders, "Consents": waiting}); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(w) // a browser that has gone asks again
}
