package controllers

import (
	"maps"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// beginAgreement brings the agreement somewhere without anything going wrong, so that sequences get far.
func (m *agreementModel) beginAgreement(t *rapid.T) {
	begins := rapid.SampledFrom([]string{"new", "asked", "active", "active", "active"}).Draw(t, "begins")
	if begins == "new" {
		return
	}
	m.round(0)
	if begins == "asked" {
		return
	}
	m.agreesWithAll()
	for range 3 {
		m.advance(5 * time.Second)
		m.hearEverything()
		m.round(0)
	}
}

func (m *agreementModel) process(t *rapid.T) int {
	return rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")
}

// reading lets what is done read old versions, now and then.
func (m *agreementModel) reading(t *rapid.T, do func()) {
	m.lag(max(0, rapid.IntRange(-4, 3).Draw(t, "versions behind")))
	do()
	m.store.behind = 0
}

func (m *agreementModel) reconcileOneAgreement(t *rapid.T) {
	m.reading(t, func() { _, _ = m.lookAtAgreement(m.process(t)) })
}

func (m *agreementModel) reconcileOneDebit(t *rapid.T) {
	name := rapid.SampledFrom(modelDebits).Draw(t, "debit")
	if m.payment(name) == nil {
		t.Skip("there is no such debit")
	}
	m.reading(t, func() { _, _ = m.lookAtDebit(m.process(t), name) })
}

// createAgreement applies the manifest, with the attempt that Git holds.
func (m *agreementModel) createAgreement(t *rapid.T) {
	if m.agreement() != nil {
		t.Skip("there is one")
	}
	m.collectSecrets()
	agreement := newAgreement("ALIPAY_HK", func(spec *apiv1.AutoDebitAgreementSpec) {
		spec.AuthCodeSecretRef = &apiv1.SecretKeyReference{Name: "shop-code"}
		spec.DeletionPolicy = rapid.SampledFrom([]apiv1.AgreementDeletionPolicy{apiv1.RevokeAgreement, apiv1.RevokeAgreement, apiv1.RetainAgreement}).Draw(t, "policy")
	})
	m.store.create(agreement)
	maps.DeleteFunc(m.dead, func(_, why string) bool { return why == wasRefused || why == hasEnded }) // the record of that went with the former object
}

// collectSecrets deletes what belonged to an agreement that is gone, as the cluster does.
func (m *agreementModel) collectSecrets() {
	a := m.agreement()
	for _, key := range m.store.keys() {
		secret, isSecret := m.store.latest(key).(*corev1.Secret)
		if isSecret && metav1.GetControllerOf(secret) != nil && (a == nil || !metav1.IsControlledBy(secret, a)) {
			m.store.drop(key)
		}
	}
}

func (m *agreementModel) agreesWithAll() {
	for _, a := range m.simulator.Ledger().Authorizations {
		if a.State == simulator.AuthorizationAwaitsBuyer {
			m.agreesWith(a.AuthorizationID)
		}
	}
}

func (m *agreementModel) agreesWith(id string) {
	address, err := m.simulator.BuyerAgrees(id, "the buyer")
	if err != nil {
		m.breaks("the buyer can not agree: %v", err)
		return
	}
	parsed, err := url.Parse(address)
	if err != nil {
		m.breaks("the buyer is sent to %q", address)
		return
	}
	if code := parsed.Query().Get("authCode"); code != "" {
		m.codes = append(m.codes, [2]string{code, parsed.Query().Get("authState")})
	}
}

func (m *agreementModel) buyerConsents(t *rapid.T) {
	for _, a := range m.simulator.Ledger().Authorizations {
		if a.State == simulator.AuthorizationAwaitsBuyer {
			m.agreesWith(a.AuthorizationID)
			return
		}
	}
	t.Skip("nobody is asked")
}

// buyerEnds has the buyer end the newest consent in the wallet, now and then.
func (m *agreementModel) buyerEnds(t *rapid.T) {
	all := m.simulator.Ledger().Authorizations
	if len(all) == 0 || rapid.IntRange(0, 3).Draw(t, "is it done") > 0 {
		t.Skip("not now")
	}
	_ = m.simulator.BuyerCancels(all[len(all)-1].AuthorizationID, "") // if it is open
}

// codeByBrowser brings a code, the newest or a former one, or one with an authState that somebody made up.
func (m *agreementModel) codeByBrowser(t *rapid.T) {
	if len(m.codes) == 0 || m.agreement() == nil || m.agreement().Status.AuthStateSHA256 == "" {
		t.Skip("nobody has a code")
	}
	code := m.codes[rapid.IntRange(0, len(m.codes)-1).Draw(t, "code")]
	if rapid.IntRange(0, 4).Draw(t, "it is made up") == 0 {
		code = [2]string{"2810Cmadeup", rapid.SampledFrom([]string{"guessed", code[1]}).Draw(t, "authState")}
	}
	m.browserReturns(code[0], code[1])
}

// codeByShop has the shop's page put a code into its Secret.
func (m *agreementModel) codeByShop(t *rapid.T) {
	if len(m.codes) == 0 {
		t.Skip("nobody has a code")
	}
	code := m.codes[rapid.IntRange(0, len(m.codes)-1).Draw(t, "code")]
	key := storeKey{kind: "Secret", name: types.NamespacedName{Namespace: testNamespace, Name: "shop-code"}}
	if m.store.latest(key) != nil {
		m.store.drop(key)
	}
	m.store.create(newSecret("shop-code", map[string]string{apiv1.AuthCodeSecretKey: code[0], apiv1.AuthStateSecretKey: code[1]}))
}

// hear delivers a notification to what it is about.
func (m *agreementModel) hear(a announcement) {
	if about := a.subject(); about.AuthState == "" && about.AccessToken == "" {
		m.receive(a)
		return
	}
	m.hearOne(a)
}

// anyNotification delivers one of all that came, in any order, also again.
func (m *agreementModel) anyNotification(t *rapid.T) {
	all := m.announced()
	if len(all) == 0 {
		t.Skip("nothing was announced")
	}
	m.hear(all[rapid.IntRange(0, len(all)-1).Draw(t, "notification")])
}

func (m *agreementModel) hearEverything() {
	for _, a := range m.announced() {
		m.hear(a)
	}
}

func (m *agreementModel) faultOfTokens(t *rapid.T) {
	fault := simulator.Fault{
		Path: rapid.SampledFrom([]string{"applyToken", "applyToken", "applyToken", "consultAuthorization", "revoke", "pay", "inquiryPayment"}).Draw(t, "path"),
		Kind: rapid.SampledFrom([]simulator.FaultKind{
			simulator.DropRequest, simulator.DropResponse, simulator.DropResponse, simulator.ServerErrorAfter, simulator.BadSignature, simulator.UnsignedFail,
			simulator.UnknownException, simulator.UnknownExceptionAfter, simulator.RateLimit,
		}).Draw(t, "kind"),
		Times: rapid.IntRange(1, 2).Draw(t, "times"),
	}
	if rapid.IntRange(0, 5).Draw(t, "it refuses") == 0 && fault.Path != "inquiryPayment" {
		fault.Kind, fault.Times = simulator.ResultCode, 1
		fault.Code = rapid.SampledFrom([]string{"PROCESS_FAIL", "ACCESS_DENIED", "weird code!"}).Draw(t, "code")
	}
	m.inject(fault)
}

// loseOne loses the next request to an operation, which may arrive late, or the answer to it.
func (m *agreementModel) loseOne(t *rapid.T) {
	operation := rapid.SampledFrom([]string{"consultAuthorization", "consult", "applyToken", "applyToken", "revoke", "pay", "pay"}).Draw(t, "operation")
	if rapid.Bool().Draw(t, "the answer") {
		m.loseAnswer[operation] = 1
		return
	}
	m.lose[operation] = 1
}

// arriveLate delivers a lost request after all.
func (m *agreementModel) arriveLate(t *rapid.T) {
	for len(m.lost) > 0 && m.simulator.Now().After(m.lost[0].until) {
		m.lost = m.lost[1:]
	}
	if len(m.lost) == 0 {
		t.Skip("nothing is on its way")
	}
	m.deliver(m.lost[0].request)
	m.lost, m.adrift = m.lost[1:], true
}

func (m *agreementModel) crashNext(t *rapid.T) {
	m.crash = crash{rapid.SampledFrom([]string{crashWriteLost, crashWriteArrives, crashBefore, crashAfter}).Draw(t, "at"), rapid.IntRange(1, 4).Draw(t, "number")}
}

// dyingWrite fails the write at which the process dies, and all that it would still have made.
func (m *agreementModel) dyingWrite(client.Object) writeFault {
	m.crash.n--
	switch {
	case m.crashed:
		return writeLost
	case m.crash.n > 0:
		return writeArrives
	}
	m.crashed = true
	if m.crash.at == crashWriteArrives {
		return writeUnheardOf
	}
	return writeLost
}

// meddleNext has the other process look while the next request about tokens is on its way.
func (m *agreementModel) meddleNext(t *rapid.T) {
	m.meddling = rapid.IntRange(0, 3).Draw(t, "versions behind")
}

func (m *agreementModel) passTime(t *rapid.T) {
	m.collectSecrets()
	m.advance(rapid.SampledFrom([]time.Duration{
		time.Second, 5 * time.Second, 13 * time.Second, 16 * time.Second, time.Minute, 5 * time.Minute, 11 * time.Minute, 2 * time.Hour, day,
	}).Draw(t, "time"))
}

func (m *agreementModel) passUntilRenewal(t *rapid.T) {
	a := m.agreement()
	if a == nil || a.Status.RenewalTime == nil {
		t.Skip("none is planned")
	}
	at := a.Status.RenewalTime.Time
	if rapid.IntRange(0, 3).Draw(t, "to the end of the token") == 0 {
		at = a.Status.AccessTokenExpiryTime.Time
	}
	m.advance(max(at.Sub(m.clock.Now()), 0) + time.Second)
}

func (m *agreementModel) editSpec(t *rapid.T) {
	a := m.agreement()
	if a == nil || a.DeletionTimestamp != nil {
		t.Skip("no agreement")
	}
	m.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) {
		switch rapid.SampledFrom([]string{"suspend", "policy", "revoke", "resume"}).Draw(t, "edit") {
		case "suspend":
			spec.Suspend = !spec.Suspend
		case "policy":
			spec.DeletionPolicy = rapid.SampledFrom([]apiv1.AgreementDeletionPolicy{apiv1.RevokeAgreement, apiv1.RetainAgreement}).Draw(t, "policy")
		case "revoke":
			spec.DesiredState = apiv1.DesiredRevoked
		case "resume":
			spec.DesiredState = apiv1.DesiredActive
		}
	})
}

func (m *agreementModel) raiseAttempt(t *rapid.T) {
	a := m.agreement()
	if a == nil || a.DeletionTimestamp != nil {
		t.Skip("no agreement")
	}
	m.editAgreement(func(spec *apiv1.AutoDebitAgreementSpec) {
		spec.Attempt, spec.DesiredState = spec.Attempt+1, apiv1.DesiredActive
	})
}

func (m *agreementModel) deleteAgreement(t *rapid.T) {
	if m.agreement() == nil || rapid.IntRange(0, 3).Draw(t, "is it done") > 0 {
		t.Skip("not now")
	}
	m.store.remove(m.agreement())
}

func (m *agreementModel) createDebit(t *rapid.T) {
	name := rapid.SampledFrom(modelDebits).Draw(t, "debit")
	if m.payment(name) != nil {
		t.Skip("there is one")
	}
	m.store.create(debitPayment(name, func(spec *apiv1.PaymentSpec) { spec.AutoDebit.AgreementRef.Name = agreementName }))
	_, _ = m.lookAtDebit(m.process(t), name)
}

func (m *agreementModel) editDebit(t *rapid.T) {
	name := rapid.SampledFrom(modelDebits).Draw(t, "debit")
	p := m.payment(name)
	if p == nil || p.Status.State != apiv1.StateFailed && p.Status.State != apiv1.PaymentCancelled {
		t.Skip("nothing can be tried again")
	}
	m.editPayment(name, func(spec *apiv1.PaymentSpec) { spec.Attempt++ })
}

// walletDecides says what becomes of debits from now on.
func (m *agreementModel) walletDecides(t *rapid.T) {
	all := m.simulator.Ledger().Authorizations
	if len(all) == 0 {
		t.Skip("nobody has consented")
	}
	behaviour := rapid.SampledFrom([]simulator.DebitBehaviour{
		simulator.DebitPays, simulator.DebitPays, simulator.DebitPaysLate, simulator.DebitPoor, simulator.DebitPoorLate, simulator.DebitStuck,
	}).Draw(t, "behaviour")
	if err := m.simulator.SetDebits(all[len(all)-1].AuthorizationID, behaviour); err != nil {
		t.Fatal(err)
	}
}

// operationsOfTokens are those of which the gateway must never have two at once.
var operationsOfTokens = map[string]bool{"applyToken": true, "revoke": true}

// request looks at a request before it arrives, and loses it where that is to happen.
func (m *agreementModel) request(r sentRequest) error {
	m.checkTokenRequest(r)
	switch {
	case m.crashed:
		m.breaks("a dead process sends %s", r.operation)
	case m.crash.at == crashBefore:
		if m.crash.n--; m.crash.n <= 0 {
			m.die()
			return errConnection
		}
	case m.lose[r.operation] > 0:
		m.lose[r.operation]--
		m.lost = append(m.lost, lateRequest{m.lastRequest, m.simulator.Now().Add(longestDelay)})
		return errConnection
	}
	if !operationsOfTokens[r.operation] {
		return nil
	}
	if m.underWay++; m.underWay > 1 {
		m.breaks("%d requests about tokens are under way at once", m.underWay)
	}
	if behind := m.meddling; behind >= 0 {
		m.meddling = -1
		former, request := m.working, m.lastRequest
		m.lag(behind)
		_, _ = m.lookAtAgreement(1 - former)
		m.store.behind = 0
		_, _ = m.lookAtAgreement(1 - former)
		m.working, m.lastRequest = former, request
	}
	return nil
}

// die has the process that is at work write nothing any more.
func (m *agreementModel) die() {
	m.crashed = true
	m.store.failWrite = func(client.Object) writeFault { return writeLost }
}

// answer loses an answer where that is to happen.
func (m *agreementModel) answer(r sentRequest) error {
	if operationsOfTokens[r.operation] {
		m.underWay--
	}
	switch {
	case m.crash.at == crashAfter && !m.crashed:
		if m.crash.n--; m.crash.n <= 0 {
			m.die()
			return errConnection
		}
	case m.loseAnswer[r.operation] > 0:
		m.loseAnswer[r.operation]--
		return errConnection
	}
	return nil
}

// credentialIn is the hash of what a request about tokens consumes.
func credentialIn(r sentRequest) (apiv1.AgreementStepKind, string) {
	switch {
	case r.operation == "revoke":
		return apiv1.AgreementRevocation, credentialHash(r.text("accessToken"))
	case r.text("grantType") == alipay.GrantRefreshToken:
		return apiv1.AgreementRenewal, credentialHash(r.text("refreshToken"))
	default:
		return apiv1.AgreementExchange, credentialHash(r.text("authCode"))
	}
}
