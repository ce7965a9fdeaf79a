package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// certificateFields are the fields of a buyer's certificate (https://docs.antom.com/ac/ams/declare).
var certificateFields = knownFields{
	"certificateType": formField(`^(ID_CARD|PASSPORT)$`, "ID_CARD or PASSPORT"), "certificateNo": textField(64), "holderName": objectField(nameFields),
}

// readCertificate reads who bought from the Secret; nil where the spec names none. It is sent and never stored or shown.
func (l *Lifecycle) readCertificate(ctx context.Context, declaration *apiv1.CustomsDeclaration, now time.Time) (*alipay.BuyerCertificate, *problem) {
	ref := declaration.Spec.BuyerCertificateSecretRef
	if ref == nil {
		return nil, nil
	}
	certificate := &alipay.BuyerCertificate{}
	if found := l.readPersonal(ctx, declaration, ref, apiv1.BuyerCertificateSecretKey, certificateFields, certificate, now); found != nil {
		return nil, found
	}
	missing := ""
	switch {
	case certificate.CertificateType == "":
		missing = "certificateType is missing"
	case certificate.CertificateNo == "":
		missing = "certificateNo is missing"
	case certificate.HolderName == nil && certificate.CertificateType == "ID_CARD":
		missing = "holderName is missing, which an ID_CARD needs"
	default:
		return certificate, nil
	}
	return nil, &problem{reason: apiv1.RequestInvalidReason, stalled: true, retry: personalDataRetry(declaration, now), message: fmt.Sprintf(
		"The request can not be made, and nothing is sent before: in Secret %q, key %q, %s.", ref.Name, cmp.Or(ref.Key, apiv1.BuyerCertificateSecretKey), missing)}
}

// textNotKept stands for a text that might show whose certificate it is about.
const textNotKept = "its text is not kept, as it might repeat what a Secret holds"

// harmless is a text of customs, or a notice in its place where it might repeat what the Secret holds. It is compared with the certificate that
// was sent: if that can not be had any more, no text is kept.
func (d declaring) harmless(ctx context.Context, f *shareFacts, text string) string {
	declaration := f.obj.(*apiv1.CustomsDeclaration)
	if text == "" || declaration.Spec.BuyerCertificateSecretRef == nil {
		return text
	}
	if f.status.Intent == nil {
		return textNotKept // it is about a former attempt, whose certificate may have been another
	}
	certificate, unread := d.readCertificate(ctx, declaration, f.now)
	if unread != nil || !d.sentWith(f, certificate) || quotes(text, certificate) {
		return textNotKept
	}
	return text
}

// sentWith reports whether the request that was sent had this certificate.
func (d declaring) sentWith(f *shareFacts, certificate *alipay.BuyerCertificate) bool {
	with := *f
	with.certificate, with.id = certificate, *f.statusRequestID
	if st := *f.statusAmount; st != nil {
		with.quantity = *st
	}
	body, err := d.request(&with, *f.statusPaymentID, f.status.Intent)
	if err != nil {
		return false
	}
	hash, err := requestHash(body)
	return err == nil && hash == f.status.Intent.RequestSHA256
}

// quotes reports whether a text has so much of a certificate in it that it might show whose it is: four characters in a row of the number,
// or two of a name, four where it is in letters of one byte.
func quotes(text string, certificate *alipay.BuyerCertificate) bool {
	if certificate == nil {
		return false
	}
	personal := []string{certificate.CertificateNo}
	if name := certificate.HolderName; name != nil {
		personal = append(personal, name.FullName, name.FirstName, name.MiddleName, name.LastName)
	}
	text = strings.ToLower(text)
	for _, secret := range personal {
		if shares(text, strings.ToLower(secret)) {
			return true
		}
	}
	return false
}

// shares reports whether a text has a run of characters in common with a secret.
func shares(text, secret string) bool {
	runes, run := []rune(secret), 2
	if len(secret) == utf8.RuneCountInString(secret) {
		run = 4
	}
	run = min(run, len(runes))
	if run == 0 {
		return false
	}
	for i := 0; i+run <= len(runes); i++ {
		if strings.Contains(text, string(runes[i:i+run])) {
			return true
		}
	}
	return false
}

// withoutPersonal leaves the gateway's text out of an error where it might repeat what the Secret holds.
func withoutPersonal(err error, certificate *alipay.BuyerCertificate) error {
	var rejected *alipay.RejectedError
	var unknown *alipay.UnknownOutcomeError
	switch {
	case certificate == nil:
	case errors.As(err, &rejected) && quotes(rejected.Result.ResultMessage, certificate):
		rejected.Result.ResultMessage = textNotKept
	case errors.As(err, &unknown) && quotes(unknown.Result.ResultMessage, certificate):
		unknown.Result.ResultMessage = textNotKept
	}
	return err
}
