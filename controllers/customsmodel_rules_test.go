package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// customsIDs are the request ids of all attempts of all manifests, by name.
var customsIDs = func() map[string][]string {
	ids := map[string][]string{}
	for _, manifest := range customsManifests {
		ids[manifest.Name] = shareIDs(declaring{}, manifest)
	}
	return ids
}()

// customsVerdict is what customs has said of a declaration, in the simulator's ledger.
type customsVerdict string

const (
	customsHasNone   customsVerdict = "nothing of it"
	customsIsSilent  customsVerdict = "no answer"
	customsAccepts   customsVerdict = "an acceptance"
	customsRejects   customsVerdict = "a rejection"
	customsIsUnclear customsVerdict = "an unclear answer"
)

func verdictOf(ledger simulator.Ledger, id string) customsVerdict {
	d, found := ledger.Declaration(id)
	switch {
	case !found || d.RefusedWith != "":
		return customsHasNone
	case d.ResultCode == "":
		return customsIsSilent
	case slices.Contains([]string{"2", "120", "success"}, d.ResultCode):
		return customsAccepts
	case strings.HasPrefix(d.ResultCode, "-"):
		return customsRejects
	default:
		return customsIsUnclear
	}
}

// takes reports whether a declaration is one that customs has, or will have, and has not rejected.
func (v customsVerdict) takes() bool { return v != customsHasNone && v != customsRejects }

// checkDeclare looks at every declaration before it arrives: its intent is stored, a repeat has the same bytes, no former attempt stands, and no
// more is declared than there is.
func (m *customsModel) checkDeclare(r sentRequest) error {
	if r.operation != "declare" {
		if r.operation == "refund" {
			return nil
		}
		return m.checkRequest(r)
	}
	id, sum := r.text("declarationRequestId"), sha256.Sum256(r.body)
	intent, noted := m.declareIntent(id)
	if intent == nil || intent.RequestSHA256 != hex.EncodeToString(sum[:]) {
		m.breaks("declare left for %s without its intent on record", id)
	}
	// What was left of a former attempt of the payment is noted nowhere: that payment has ended, and the gateway refuses it.
	if p := m.payment(modelOrder); p != nil && p.Status.PaymentID == r.text("paymentId") && !noted && !m.forgotten {
		m.breaks("declare left for %s without being noted in its payment", id)
	}
	of := id + " of " + r.text("paymentId") // a new attempt of the payment is another payment, for which the gateway refuses the id
	if former, sent := m.bodies[of]; sent && former != string(r.body) {
		m.breaks("declaration %s was sent with two bodies:\n%s\n%s", id, former, r.body)
	}
	m.bodies[of] = string(r.body)

	ledger := m.simulator.Ledger()
	for name, ids := range customsIDs {
		for _, other := range ids {
			if slices.Contains(ids, id) && other != id && verdictOf(ledger, other).takes() && !m.unclear[other] {
				m.breaks("%s left for %s while customs has %s for %s", name, id, verdictOf(ledger, other), other)
			}
		}
	}
	amount, _ := r.fields["declarationAmount"].(map[string]any)
	text, _ := amount["value"].(string)
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || amount["currency"] != yuan {
		m.breaks("declare left over %v", amount)
	}
	for _, d := range ledger.Declarations {
		if d.PaymentID == r.text("paymentId") && d.DeclarationRequestID != id && verdictOf(ledger, d.DeclarationRequestID).takes() && !m.unclear[d.DeclarationRequestID] {
			value += d.Amount.Value
		}
	}
	if value > declarable && !m.forgotten {
		m.breaks("with %s, %d are declared of %d", id, value, declarable)
	}
	return nil
}

// declareIntent is the stored intent of a declaration, and whether the payment has noted it.
func (m *customsModel) declareIntent(id string) (*apiv1.Intent, bool) {
	p := m.payment(modelOrder)
	noted := p != nil && slices.ContainsFunc(p.Status.Declarations, func(d apiv1.PaymentDeclaration) bool { return d.DeclarationRequestID == id })
	for _, manifest := range customsManifests {
		if d := m.declaration(manifest.Name); d != nil && d.Status.DeclarationRequestID == id {
			return d.Status.Intent, noted
		}
	}
	return nil, noted
}

// checkDeclarationVersion looks at every version that is written: no final state goes back, and no intent is lost.
func (m *customsModel) checkDeclarationVersion(old, now client.Object) {
	if old == nil || now == nil {
		return
	}
	switch now := now.(type) {
	case *apiv1.Payment:
		m.checkVersion(old, now)
	case *apiv1.CustomsDeclaration:
		before, after := old.(*apiv1.CustomsDeclaration).Status, now.Status
		raised := before.State != apiv1.DeclarationAccepted && before.Intent != nil && now.Spec.Attempt > before.Intent.Attempt
		if before.State.Final() && after.State != before.State && !raised {
			m.breaks("declaration %s went from %s to %s", now.Name, before.State, after.State)
		}
		if before.Intent != nil && (after.Intent == nil || after.Intent.RequestSHA256 != before.Intent.RequestSHA256) && !raised {
			m.breaks("the recorded intent of %s was lost", now.Name)
		}
	}
}

// checkCustoms compares what the objects say with the ledger.
func (m *customsModel) checkCustoms(t *rapid.T) {
	ledger := m.simulator.Ledger()
	if err := ledger.Check(); err != nil {
		m.breaks("%v", err)
	}
	for name, ids := range customsIDs {
		stand := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !verdictOf(ledger, id).takes() || m.unclear[id] })
		if len(stand) > 1 {
			m.breaks("%s is declared by %q", name, stand)
		}
	}
	for _, manifest := range customsManifests {
		if d := m.declaration(manifest.Name); d != nil {
			m.checkDeclaration(d, verdictOf(ledger, d.Status.DeclarationRequestID))
		}
	}
	if p := m.payment(modelOrder); p != nil {
		m.checkPayment(ledger, p)
		for _, note := range p.Status.Declarations {
			is := verdictOf(ledger, note.DeclarationRequestID)
			if note.Status == "Accepted" && is != customsAccepts || note.Status == "Rejected" && is != customsRejects {
				m.breaks("declaration %+v is noted and customs has %s", note, is)
			}
		}
	}
	if len(m.broken) > 0 {
		t.Fatalf("%v\npayment: %s", m.broken, asText(m.world.t, m.payment(modelOrder)))
	}
}

func (m *customsModel) checkDeclaration(d *apiv1.CustomsDeclaration, is customsVerdict) {
	succeeded := meta.FindStatusCondition(d.Status.Conditions, apiv1.SucceededCondition)
	switch st := d.Status.State; {
	case st == apiv1.DeclarationAccepted && is != customsAccepts, st == apiv1.DeclarationRejected && is != customsRejects,
		st == apiv1.StateFailed && is.takes():
		m.breaks("declaration %s is %s and customs has %s", d.Name, st, is)
	case succeeded == nil:
	case succeeded.Status == metav1.ConditionTrue && is != customsAccepts, succeeded.Status == metav1.ConditionFalse && is.takes():
		m.breaks("declaration %s has Succeeded %s and customs has %s", d.Name, succeeded.Status, is)
	}
}
