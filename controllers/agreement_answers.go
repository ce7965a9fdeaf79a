package controllers

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// consultAuthorizationRequest asks the wallet for the page on which the buyer consents. authState is a credential of a kind: it binds the answer.
func consultAuthorizationRequest(agreement *apiv1.AutoDebitAgreement, account *apiv1.MerchantAccount, authState string) (*alipay.ConsultAuthorizationRequest, error) {
	spec := &agreement.Spec
	additional, err := additionalFields(spec.AdditionalFields)
	if err != nil {
		return nil, err
	}
	address := spec.AuthRedirectURL
	if spec.RedirectThroughOperator {
		if address = returnURL(account); address == "" {
			return nil, errors.New("redirectThroughOperator needs notificationBaseUrl in the MerchantAccount")
		}
		if len(address) > 1024 {
			return nil, errors.New("the account's notificationBaseUrl is too long for redirectThroughOperator: the wallet takes 1024 characters in all")
		}
	}
	scopes := spec.Scopes
	if len(scopes) == 0 {
		scopes = []string{alipay.ScopeAgreementPay}
	}
	return &alipay.ConsultAuthorizationRequest{
		CustomerBelongsTo: spec.CustomerBelongsTo, AuthClientID: spec.AuthClientID, AuthRedirectURL: address, Scopes: scopes, AuthState: authState,
		TerminalType: cmp.Or(string(spec.TerminalType), "WEB"), OsType: string(spec.OSType), OsVersion: spec.OSVersion,
		RecurringPayment: spec.RecurringPayment, MerchantRegion: spec.MerchantRegion, MerchantAccountID: spec.MerchantAccountID,
		AdditionalFields: additional,
	}, nil
}

// returnURL is where the receiver takes browsers that come back from a wallet; empty when the account has no address.
func returnURL(account *apiv1.MerchantAccount) string {
	base := strings.TrimSuffix(account.Spec.NotificationBaseURL, "/")
	if base == "" {
		return ""
	}
	return base + "/return/" + account.Namespace + "/" + account.Name
}

// call sends the request of one step.
func (p *agreementPass) call(ctx context.Context, do action) error {
	var err error
	unsent := p.recall.unsent
	p.recall.unsent = false
	switch do {
	case actConsult:
		err = p.consult(ctx)
	case actExchange:
		err = p.applyToken(ctx, &alipay.ApplyTokenRequest{GrantType: alipay.GrantAuthorizationCode, AuthCode: p.credential(apiv1.AuthCodeSecretKey)})
	case actRenew:
		err = p.applyToken(ctx, &alipay.ApplyTokenRequest{GrantType: alipay.GrantRefreshToken, RefreshToken: p.credential(apiv1.RefreshTokenSecretKey)})
	default:
		err = p.revoke(ctx)
	}
	p.now = p.Clock.Now()
	p.trouble = newTrouble(err)
	p.recall.note(p.trouble)
	if step := p.agreement.Status.Step; step != nil {
		p.recall.ended = step.TriedAt.Time
		p.noteTry(step, classify(err), unsent)
	}
	if do == actExchange && p.trouble != nil && p.trouble.outcome == refused {
		p.refuseCode(refusal(err))
		p.trouble, p.recall.failures = nil, 0
	}
	return err
}

// noteTry notes whether a try may have consumed the credential.
func (p *agreementPass) noteTry(step *apiv1.AgreementStep, became outcome, unsent bool) {
	switch became {
	case unknown:
		step.Unanswered, step.RefusedAt = true, nil
	case notSent:
		p.recall.unsent = unsent
	default: // it was answered
	}
}

// consult asks where the buyer can consent.
func (p *agreementPass) consult(ctx context.Context) error {
	st := &p.agreement.Status
	request, err := consultAuthorizationRequest(p.agreement, p.account.account, string(p.credential(apiv1.AuthStateSecretKey)))
	if err != nil {
		return &alipay.NotSentError{Err: err} // hindrance has said so before
	}
	answer, err := p.gateway().client.ConsultAuthorization(ctx, request)
	switch {
	case classify(err) == refused || classify(err) == notFound:
		st.LastResult = codeAlone(refusal(err))
		p.end(apiv1.AgreementFailed, "")
		return err
	case err != nil:
		return err
	}
	authorization := authorizationOf(answer)
	if *authorization == (apiv1.AgreementAuthorization{}) {
		return errUnusable
	}
	st.Authorization, st.ConsultedAt, st.LastResult = authorization, &metav1.Time{Time: p.Clock.Now().Truncate(time.Second)}, nil
	return nil
}

// authorizationOf takes the addresses as they are. One that the status can not hold is left out: cut, it would lead elsewhere.
func authorizationOf(answer *alipay.ConsultAuthorizationResponse) *apiv1.AgreementAuthorization {
	whole := func(text string, longest int) string {
		if len(text) > longest {
			return ""
		}
		return text
	}
	out := &apiv1.AgreementAuthorization{
		NormalURL: whole(answer.NormalURL, 2048), SchemeURL: whole(answer.SchemeURL, 2048), ApplinkURL: whole(answer.ApplinkURL, 2048),
	}
	if answer.AuthCodeForm != nil {
		for _, code := range answer.AuthCodeForm.CodeDetails {
			if code.DisplayType == "TEXT" && out.Code == "" {
				out.Code = whole(code.CodeValue, 2048)
			}
		}
	}
	if *out != (apiv1.AgreementAuthorization{}) {
		out.AppIdentifier = whole(answer.AppIdentifier, 128)
	}
	return out
}

// applyToken exchanges a code or a refresh token. The answer is kept in memory until the Secret has it.
func (p *agreementPass) applyToken(ctx context.Context, request *alipay.ApplyTokenRequest) error {
	st, spec := &p.agreement.Status, &p.agreement.Spec
	request.CustomerBelongsTo, request.MerchantRegion, request.MerchantAccountID = spec.CustomerBelongsTo, spec.MerchantRegion, spec.MerchantAccountID
	answer, err := p.gateway().client.ApplyToken(ctx, request)
	if err != nil {
		if became := classify(err); request.GrantType == alipay.GrantRefreshToken && (became == refused || became == notFound) {
			st.LastResult = codeAlone(refusal(err))
			st.Step.RefusedAt = &metav1.Time{Time: p.Clock.Now().Truncate(time.Second)}
			return &refusedError{err}
		}
		if classify(err) == notFound {
			return &refusedError{err}
		}
		return err
	}
	p.reconciler.unstored.Store(p.agreement.UID, &givenTokens{
		credential: st.Step.CredentialSHA256,
		renewal:    request.GrantType == alipay.GrantRefreshToken, at: p.Clock.Now(),
		accessToken: answer.AccessToken, expires: answer.AccessTokenExpiryTime.Time,
		refreshToken: answer.RefreshToken, refreshExpires: answer.RefreshTokenExpiryTime.Time, userLoginID: answer.UserLoginID,
		beside: maps.Clone(p.secret.Data),
	})
	p.pending = true
	return nil
}

// refuseCode notes that the gateway does not take a code. Where the gateway itself has announced the code, and nothing was lost on the way, nothing
// else can come.
func (p *agreementPass) refuseCode(result *apiv1.GatewayResult) {
	st := &p.agreement.Status
	step := st.Step
	st.LastResult = codeAlone(result)
	if step.Announced && !step.Unanswered && p.created == "" {
		p.loseConsent()
		return
	}
	if len(st.RefusedCodesSHA256) < mostRefusedCodes && !slices.Contains(st.RefusedCodesSHA256, step.CredentialSHA256) {
		st.RefusedCodesSHA256 = append(st.RefusedCodesSHA256, step.CredentialSHA256)
	}
	if st.RefusedCodeAt == nil {
		st.RefusedCodeAt = &metav1.Time{Time: p.now.Truncate(time.Second)}
	}
	st.Step = nil
	p.chooseCode()
}

// mostRefusedCodes is how many codes are tried for one consent.
const mostRefusedCodes = 8

// revoke ends the consent. That the token does not work is what was asked for.
func (p *agreementPass) revoke(ctx context.Context) error {
	st := &p.agreement.Status
	_, err := p.gateway().client.RevokeToken(ctx, &alipay.RevokeTokenRequest{
		AccessToken: p.credential(apiv1.AccessTokenSecretKey), MerchantAccountID: p.agreement.Spec.MerchantAccountID,
	})
	became := classify(err)
	switch {
	case err == nil, became == refused && alipay.ResultCode(err) == alipay.CodeInvalidAccessToken:
		p.end(apiv1.AgreementRevoked, apiv1.EndedByMerchant)
		return nil
	case became == refused, became == notFound:
		st.LastResult = codeAlone(refusal(err))
		st.Step.RefusedAt = &metav1.Time{Time: p.Clock.Now().Truncate(time.Second)}
		return &refusedError{err}
	}
	return err
}

// codeAlone leaves out the gateway's text, which could repeat what was sent.
func codeAlone(result *apiv1.GatewayResult) *apiv1.GatewayResult {
	return &apiv1.GatewayResult{ResultCode: result.ResultCode, ResultStatus: result.ResultStatus}
}

// reserve brings the token Secret up to date, before the status speaks of it.
func (p *agreementPass) reserve(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	st := &p.agreement.Status
	switch {
	case p.pending:
		return p.storeAnswer(ctx)
	case st.State.Final():
		return p.erase(ctx)
	case p.tokens.there && p.tokens.owned != p.ownsSecret():
		return p.writeSecret(ctx, func(map[string][]byte) {})
	case p.created != "" && p.tokens.access == "":
		return p.storeTokens(ctx, p.announcedToken)
	case st.AuthStateSHA256 == "":
		return p.writeSecret(ctx, func(data map[string][]byte) {
			clear(data)
			data[apiv1.AuthStateSecretKey] = []byte(newAuthState())
		})
	default:
		code := p.codeAtHand()
		return p.writeSecret(ctx, func(data map[string][]byte) { data[apiv1.AuthCodeSecretKey] = []byte(code) })
	}
}

// storeAnswer stores what the gateway has given. Until that is done it is kept in memory, as the gateway may not give it again.
func (p *agreementPass) storeAnswer(ctx context.Context) error {
	given, _ := p.reconciler.unstored.Load(p.agreement.UID)
	for try := 1; ; try++ {
		err := p.storeTokens(ctx, given.(*givenTokens))
		if err == nil && p.secretFound == nil {
			p.reconciler.unstored.Delete(p.agreement.UID)
			p.pending = false
			return nil
		}
		if try == 3 {
			return err
		}
		p.secret, p.secretFound = p.tokenSecret(ctx, p.agreement, p.clientID())
		if p.secretFound != nil {
			return nil
		}
	}
}

func (p *agreementPass) storeTokens(ctx context.Context, given *givenTokens) error {
	err := p.writeSecret(ctx, func(data map[string][]byte) {
		if p.secret == nil {
			maps.Copy(data, given.beside)
		}
		setTokens(data, given)
	})
	if err == nil && p.secretFound == nil {
		p.adoptTokens()
	}
	return err
}

// erase takes away the tokens of an agreement that has ended, after that is on record.
func (p *agreementPass) erase(ctx context.Context) error {
	told := p.endReport()
	p.apply(told)
	if p.saver.changed() {
		if err := p.saver.save(ctx); err != nil {
			return err
		}
	}
	if err := p.eraseSecret(ctx); err != nil || p.secretFound != nil {
		return err
	}
	p.agreement.Status.TokenSecretName = ""
	return nil
}

// adoptTokens takes over from the Secret what the status does not know yet: it is written first, and is right unless somebody else has put
// something there.
func (p *agreementPass) adoptTokens() {
	st := &p.agreement.Status
	given, same := p.instantOf(apiv1.AccessTokenTimeSecretKey), p.tokens.access == st.AccessTokenSHA256
	if p.tokens.access == "" || st.State.Final() || same && !givenAgain(st, given) {
		return
	}
	first := st.AccessTokenSHA256 == ""
	if !first && !same && p.tokens.previousAccess != st.AccessTokenSHA256 {
		return // hindrance says so
	}
	if first && st.AuthStateSHA256 == "" { // left by an agreement of this name
		st.AuthStateSHA256, st.ClientID = p.tokens.authState, p.clientID()
		if p.account.account != nil {
			st.GatewayURL = gatewayURL(p.account.account)
		}
	}
	if same {
		st.RejectedTokenSHA256 = "" // it was given after it was refused
	} else {
		st.PreviousAccessTokenSHA256, st.AccessTokenSHA256 = st.AccessTokenSHA256, p.tokens.access
	}
	st.TokenSecretName, st.Renewable = p.secret.Name, p.tokens.renewable()
	st.AccessTokenTime = given
	st.AccessTokenExpiryTime = p.instantOf(apiv1.AccessTokenExpirySecretKey)
	st.RefreshTokenExpiryTime = p.instantOf(apiv1.RefreshTokenExpirySecretKey)
	st.UserLoginID = maskedLogin(string(p.credential(apiv1.UserLoginIDSecretKey)))
	if !first {
		st.Renewals, st.LastRenewalTime = st.Renewals+1, st.AccessTokenTime
	}
	st.Step, st.Authorization, st.ConsultedAt, st.RefusedCodesSHA256, st.RefusedCodeAt, st.LastResult = nil, nil, nil, nil, nil, nil
	p.created, p.code, p.trouble = "", "", nil
	p.heedEnds()
	schedule(p.agreement)
}

// givenAgain reports whether a renewal has brought the token that there was: a wallet may let it live longer, and give no other.
func givenAgain(st *apiv1.AutoDebitAgreementStatus, given *metav1.Time) bool {
	return given != nil && st.AccessTokenTime != nil && given.After(st.AccessTokenTime.Time)
}

// maskedLogin is a buyer's name in the wallet if the wallet has masked it: personal data otherwise, which is not shown.
func maskedLogin(login string) string {
	if !strings.Contains(login, "*") {
		return ""
	}
	return cut(login, 64)
}
