package alipay

import "fmt"

// Structs that hold a [Credential] or personal data that is hidden print themselves, with its mark. Left to itself, package fmt would ask no field how
// it is printed once a verb does not suit a pointer beside it, as %s.

// printed writes a holder that was stripped of its methods, as a struct is printed.
func printed(state fmt.State, plain any) {
	switch {
	case state.Flag('#'):
		_, _ = fmt.Fprintf(state, "%#v", plain)
	case state.Flag('+'):
		_, _ = fmt.Fprintf(state, "%+v", plain)
	default:
		_, _ = fmt.Fprintf(state, "%v", plain)
	}
}

// Format hides from every verb of package fmt what must not be printed.
func (r ApplyTokenRequest) Format(state fmt.State, _ rune) {
	type plain ApplyTokenRequest
	printed(state, plain(r))
}

// Format hides from every verb of package fmt what must not be printed.
func (a ApplyTokenResponse) Format(state fmt.State, _ rune) {
	type plain ApplyTokenResponse
	printed(state, plain(a))
}

// Format hides from every verb of package fmt what must not be printed.
func (r RevokeTokenRequest) Format(state fmt.State, _ rune) {
	type plain RevokeTokenRequest
	printed(state, plain(r))
}

// Format hides from every verb of package fmt what must not be printed.
func (n AuthorizationNotification) Format(state fmt.State, _ rune) {
	type plain AuthorizationNotification
	printed(state, plain(n))
}

// Format hides from every verb of package fmt what must not be printed.
func (s Subject) Format(state fmt.State, _ rune) {
	type plain Subject
	printed(state, plain(s))
}

// Format hides from every verb of package fmt what must not be printed.
func (p PaymentMethod) Format(state fmt.State, _ rune) {
	type plain PaymentMethod
	printed(state, plain(p))
}

// Format hides from every verb of package fmt what must not be printed.
func (r PayRequest) Format(state fmt.State, _ rune) {
	type plain PayRequest
	printed(state, plain(r))
}

// Format hides from every verb of package fmt what must not be printed.
func (p PayResponse) Format(state fmt.State, _ rune) {
	type plain PayResponse
	printed(state, plain(p))
}

// Format hides from every verb of package fmt what must not be printed.
func (p PaymentResultInfo) Format(state fmt.State, _ rune) {
	type plain PaymentResultInfo
	printed(state, plain(p))
}

// Format hides from every verb of package fmt what must not be printed.
func (i InquiryPaymentResponse) Format(state fmt.State, _ rune) {
	type plain InquiryPaymentResponse
	printed(state, plain(i))
}

// Format hides from every verb of package fmt what must not be printed.
func (r CreatePaymentSessionRequest) Format(state fmt.State, _ rune) {
	type plain CreatePaymentSessionRequest
	printed(state, plain(r))
}

// Format hides from every verb of package fmt what must not be printed.
func (c CreatePaymentSessionResponse) Format(state fmt.State, _ rune) {
	type plain CreatePaymentSessionResponse
	printed(state, plain(c))
}

// Format hides from every verb of package fmt what must not be printed.
func (r DeclareRequest) Format(state fmt.State, _ rune) {
	type plain DeclareRequest
	printed(state, plain(r))
}

// Format hides from every verb of package fmt what must not be printed.
func (s SupplyDefenseDocumentRequest) Format(state fmt.State, _ rune) {
	type plain SupplyDefenseDocumentRequest
	printed(state, plain(s))
}

// Format hides from every verb of package fmt what must not be printed.
func (d DownloadDisputeEvidenceResponse) Format(state fmt.State, _ rune) {
	type plain DownloadDisputeEvidenceResponse
	printed(state, plain(d))
}

// Format hides from every verb of package fmt what must not be printed.
func (cfg Config) Format(state fmt.State, _ rune) {
	type plain Config
	printed(state, plain(cfg))
}

// Format prints whose client it is, and nothing that it holds.
func (c *Client) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "client %s of %s", c.clientID, c.baseURL)
}
