package controllers

import (
	"bytes"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func (m *agreementModel) breaks(format string, args ...any) {
	m.broken = append(m.broken, fmt.Sprintf(format, args...))
}

// debitID is the request id of one attempt of a debit.
func debitID(name string, attempt int32) string {
	return deriveRequestID("hk", paymentKind, testNamespace, name, attempt)
}

// checkTokenRequest looks at a request before it arrives: what it does is on record, and names what the record and the Secret name.
func (m *agreementModel) checkTokenRequest(r sentRequest) {
	a := m.agreement()
	switch r.operation {
	case "applyToken", "revoke":
		kind, credential := credentialIn(r)
		if a == nil || a.Status.Step == nil || a.Status.Step.Kind != kind || a.Status.Step.CredentialSHA256 != credential {
			m.breaks("%s left for a %s that is not on record", r.operation, kind)
			return
		}
		if now := m.clock.Now(); now.Sub(a.Status.Step.TriedAt.Time) >= tryFresh {
			m.breaks("%s left %s after it was recorded", r.operation, now.Sub(a.Status.Step.TriedAt.Time))
		}
		held := map[apiv1.AgreementStepKind]string{
			apiv1.AgreementExchange: apiv1.AuthCodeSecretKey, apiv1.AgreementRenewal: apiv1.RefreshTokenSecretKey, apiv1.AgreementRevocation: apiv1.AccessTokenSecretKey,
		}[kind]
		if credentialHash(string(m.tokenSecretData()[held])) != credential {
			m.breaks("%s left with a %s that is not the one in the Secret", r.operation, held)
		}
	case "pay":
		m.checkDebitRequest(r)
	}
}

func (m *agreementModel) checkDebitRequest(r sentRequest) {
	id, ledger := r.text("paymentRequestId"), m.simulator.Ledger()
	method, _ := r.fields["paymentMethod"].(map[string]any)
	token, _ := method["paymentMethodId"].(string)
	for _, name := range modelDebits {
		p := m.payment(name)
		if p == nil || p.Status.PaymentRequestID != id {
			continue
		}
		if st := &p.Status; st.Intent == nil || st.Debit == nil || st.Debit.AccessTokenSHA256 != credentialHash(token) {
			m.breaks("debit %s left with a token that is not on record", name)
		}
		for attempt := range int32(10) {
			other := debitID(name, attempt+1)
			if was, found := ledger.Payment(other); found && other != id && was.Status != "FAIL" && was.Status != "CANCELLED" {
				m.breaks("debit %s left for %s while %s is %s", name, id, other, was.Status)
			}
		}
		return
	}
	m.breaks("a debit left for %s, which is not on record", id)
}

// checkChange looks at every version that is written.
func (m *agreementModel) checkChange(old, now client.Object) {
	if gone, isAgreement := old.(*apiv1.AutoDebitAgreement); isAgreement && now == nil && gone.Status.Step != nil {
		m.adrift = true
	}
	switch now := now.(type) {
	case *apiv1.AutoDebitAgreement:
		if before, changed := old.(*apiv1.AutoDebitAgreement); changed {
			m.checkAgreementChange(before, now)
		}
		m.noteDead(now)
	case *apiv1.Payment:
		if before, changed := old.(*apiv1.Payment); changed {
			m.checkDebitChange(before, now)
		}
	case *corev1.Secret:
		if before, changed := old.(*corev1.Secret); changed && now.Name == agreementName+"-token" {
			m.checkSecretChange(before, now)
		}
	}
}

func (m *agreementModel) checkAgreementChange(before, now *apiv1.AutoDebitAgreement) {
	was, is := &before.Status, &now.Status
	raised := is.Attempt > was.Attempt
	unwanted := was.State == apiv1.AgreementRevoked && was.AccessTokenSHA256 == "" && now.Spec.DesiredState == apiv1.DesiredRevoked // a token has come since
	if was.State.Final() && is.State != was.State && !raised && !unwanted {
		m.breaks("the agreement went from %s to %s", was.State, is.State)
	}
	if was.Step != nil && is.Step != nil && was.Step.CredentialSHA256 == is.Step.CredentialSHA256 && is.Step.Kind == was.Step.Kind {
		least := was.Step.Tries
		if !is.Step.TriedAt.Equal(&was.Step.TriedAt) {
			least++
		}
		if is.Step.Tries < least {
			m.breaks("tries went from %d to %d, with one at %s", was.Step.Tries, is.Step.Tries, is.Step.TriedAt)
		}
	}
	if was.AccessTokenSHA256 != "" && is.AccessTokenSHA256 != was.AccessTokenSHA256 && !raised {
		if is.PreviousAccessTokenSHA256 != was.AccessTokenSHA256 {
			m.breaks("the token on record was replaced by one that does not follow it")
		}
	}
	if is.AccessTokenSHA256 != was.AccessTokenSHA256 && was.AccessTokenSHA256 != "" {
		m.dead[was.AccessTokenSHA256] = "it was replaced"
	}
	// A step without an answer ends with one, with an end that was announced, with an announced token, or when nobody can have a token any more.
	if was.Step != nil && is.Step == nil && is.AuthStateSHA256 == was.AuthStateSHA256 && !is.State.Final() && is.AccessTokenSHA256 == was.AccessTokenSHA256 &&
		is.RefusedCodeAt == nil && !raised {
		m.breaks("a %s was forgotten", was.Step.Kind)
	}
}

// What only the agreement itself has on record of its token.
const (
	wasRefused = "it was refused"
	hasEnded   = "its agreement has ended"
)

// noteDead keeps the tokens that an agreement has on record as not to be debited.
func (m *agreementModel) noteDead(now *apiv1.AutoDebitAgreement) {
	st := &now.Status
	if st.RejectedTokenSHA256 != "" {
		m.dead[st.RejectedTokenSHA256] = wasRefused
	}
	if st.State.Final() && st.AccessTokenSHA256 != "" {
		m.dead[st.AccessTokenSHA256] = hasEnded
	}
}

// checkDebitChange looks at the intents of debits: none names a token that is known not to work.
func (m *agreementModel) checkDebitChange(before, now *apiv1.Payment) {
	was, is := &before.Status, &now.Status
	raised := now.Spec.Attempt > was.EndedAttempts && was.State != apiv1.PaymentPaid
	carriedOut := was.State == apiv1.PaymentPaid && is.State == apiv1.PaymentCancelled && was.CancelSubmittedAt != nil
	if was.State.Final() && is.State != was.State && !raised && !carriedOut {
		m.breaks("debit %s went from %s to %s", now.Name, was.State, is.State)
	}
	fresh := is.Intent != nil && (was.Intent == nil || was.PaymentRequestID != is.PaymentRequestID || is.Intent.LastSubmittedAt().After(was.Intent.LastSubmittedAt().Time))
	if !fresh || is.Adopted || is.State != apiv1.StateSubmitting {
		return
	}
	token, a := is.Debit.AccessTokenSHA256, m.agreement()
	if why, dead := m.dead[token]; dead {
		m.breaks("debit %s is begun with a token of which it is known that %s", now.Name, why)
	}
	if a == nil || !debitable(a, m.clock.Now()) || a.Status.AccessTokenSHA256 != token {
		m.breaks("debit %s is begun while its agreement can not be debited, or has another token", now.Name)
	}
}

// checkSecretChange demands that no token is dropped that may be the only one: the pair before stays beside a new one.
func (m *agreementModel) checkSecretChange(before, now *corev1.Secret) {
	was, is := before.Data, now.Data
	former, token := string(was[apiv1.AccessTokenSecretKey]), string(is[apiv1.AccessTokenSecretKey])
	if former == "" || former == token {
		return
	}
	a := m.agreement()
	switch {
	case token == "" && a != nil && a.Status.AccessTokenSHA256 == credentialHash(former) && !a.Status.State.Final():
		m.breaks("the token was dropped while its agreement is %s", a.Status.State)
	case token == "", !bytes.Equal(was[apiv1.AuthStateSecretKey], is[apiv1.AuthStateSecretKey]): // it has ended, or is of another consent
	case string(is[apiv1.PreviousAccessTokenSecretKey]) != former || !bytes.Equal(is[apiv1.PreviousRefreshTokenSecretKey], was[apiv1.RefreshTokenSecretKey]):
		m.breaks("the pair before was dropped")
	case m.wallet.Refresh != simulator.RefreshNone && len(is[apiv1.RefreshTokenSecretKey]) == 0:
		m.breaks("the refresh token was dropped")
	}
}

// checkTokens compares what the objects say with the ledger.
func (m *agreementModel) checkTokens(t *rapid.T) {
	ledger := m.simulator.Ledger()
	if err := ledger.Check(); err != nil {
		m.breaks("%v", err)
	}
	for _, a := range ledger.Authorizations {
		if a.Overlaps() > 0 || a.CodeExchanges() > 1 {
			m.breaks("consent %s: %d exchanges at once, %d codes exchanged", a.AuthorizationID, a.Overlaps(), a.CodeExchanges())
		}
	}
	for _, name := range modelDebits {
		m.checkDebit(ledger, name)
	}
	m.checkSaid(ledger)
	if len(m.broken) > 0 {
		t.Fatalf("%v\nagreement: %s", m.broken, asText(m.world.t, m.agreement()))
	}
}

func (m *agreementModel) checkDebit(ledger simulator.Ledger, name string) {
	taken := 0
	for attempt := range int32(12) {
		if was, found := ledger.Payment(debitID(name, attempt+1)); found && was.Status != "FAIL" && was.Status != "CANCELLED" {
			taken++
		}
	}
	if taken > 1 {
		m.breaks("%d attempts of debit %s hold the buyer's money, or may take it", taken, name)
	}
	p := m.payment(name)
	if p == nil {
		return
	}
	order, placed := ledger.Payment(p.Status.PaymentRequestID)
	ended := !placed || order.Status == "FAIL" || order.Status == "CANCELLED"
	succeeded := meta.FindStatusCondition(p.Status.Conditions, apiv1.SucceededCondition)
	switch {
	case p.Status.State == apiv1.PaymentPaid && order.Status != "SUCCESS" && p.Status.CancelSubmittedAt == nil,
		(p.Status.State == apiv1.StateFailed || p.Status.State == apiv1.PaymentCancelled) && !ended:
		m.breaks("debit %s is %s and the gateway has %q", name, p.Status.State, order.Status)
	case succeeded != nil && succeeded.Status == metav1.ConditionTrue && order.Status != "SUCCESS", succeeded != nil && succeeded.Status == metav1.ConditionFalse && !ended:
		m.breaks("debit %s has Succeeded %s and the gateway has %q", name, succeeded.Status, order.Status)
	}
}

// checkSaid demands that an agreement which says that it has ended has a reason: the token that it has on record works no more, or was revoked.
func (m *agreementModel) checkSaid(ledger simulator.Ledger) {
	a := m.agreement()
	if a == nil || !a.Status.State.Final() || a.Status.AccessTokenSHA256 == "" {
		return
	}
	for _, consent := range ledger.Authorizations {
		for _, token := range consent.Tokens {
			if credentialHash(token.AccessToken) == a.Status.AccessTokenSHA256 && token.LiveAt(ledger.Now) {
				m.breaks("the agreement is %s and its token lives on", a.Status.State)
			}
		}
	}
}

// checkEnd demands, once nothing is under way, that an agreement whose buyer can be debited has the gateway's newest pair.
func (m *agreementModel) checkEnd() {
	a := m.agreement()
	if a == nil || !debitable(a, m.clock.Now()) || a.Status.Step != nil && a.Status.Step.RefusedAt != nil { // a renewal that is refused is told
		return
	}
	data := m.tokenSecretData()
	for _, consent := range m.simulator.Ledger().Authorizations {
		if credentialHash(consent.AuthState) != a.Status.AuthStateSHA256 {
			continue
		}
		newest := consent.Tokens[len(consent.Tokens)-1]
		pair := string(data[apiv1.AccessTokenSecretKey]) == newest.AccessToken && (!a.Status.Renewable || string(data[apiv1.RefreshTokenSecretKey]) == newest.RefreshToken)
		if !pair && !m.adrift {
			m.t.Fatalf("in the end the Secret does not hold the newest pair of the consent\nagreement: %s", asText(m.world.t, a))
		}
		return
	}
	m.t.Fatalf("in the end the agreement has a token of a consent that nobody gave\nagreement: %s", asText(m.world.t, a))
}
