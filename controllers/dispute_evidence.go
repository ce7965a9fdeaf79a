package controllers

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// Evidence goes into the request and nowhere else: what is told of it is its size, its format, its hash, and where it is.

// readEvidence reads the file that an answer names, and checks what the gateway would refuse.
func (l *Lifecycle) readEvidence(ctx context.Context, namespace string, response *apiv1.DisputeResponse) (alipay.Evidence, *problem) {
	var kind, name, key string
	var content []byte
	var there bool
	var err error
	switch {
	case response.EvidenceSecretRef != nil:
		kind, name, key = "Secret", response.EvidenceSecretRef.Name, cmp.Or(response.EvidenceSecretRef.Key, apiv1.EvidenceKey)
		secret := &corev1.Secret{}
		err = l.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret)
		content, there = secret.Data[key]
	case response.EvidenceConfigMapRef != nil:
		kind, name, key = "ConfigMap", response.EvidenceConfigMapRef.Name, cmp.Or(response.EvidenceConfigMapRef.Key, apiv1.EvidenceKey)
		configMap := &corev1.ConfigMap{}
		err = l.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, configMap)
		if content, there = configMap.BinaryData[key]; !there {
			var text string
			text, there = configMap.Data[key]
			content = []byte(text)
		}
	default:
		return nil, &problem{reason: apiv1.EvidenceNotFoundReason, stalled: true, message: "The answer names no evidence: set evidenceSecretRef."}
	}
	place := fmt.Sprintf("%s %q", kind, name)
	switch {
	case err != nil:
		return nil, unreadableEvidence(place, key, err)
	case !there:
		return nil, &problem{reason: apiv1.EvidenceNotFoundReason, stalled: true, retry: secretRetry,
			message: fmt.Sprintf("%s has no key %q: put the file of evidence there. Nothing is sent before.", place, key)}
	}
	evidence := alipay.Evidence(content)
	if wrong := evidenceFault(evidence); wrong != "" {
		return nil, &problem{reason: apiv1.EvidenceInvalidReason, stalled: true, retry: secretRetry,
			message: fmt.Sprintf("The evidence in %s, key %q, %s. Nothing is sent before.", place, key, wrong)}
	}
	return evidence, nil
}

// evidenceFault says what the gateway would refuse about a file; "" if nothing.
func evidenceFault(evidence alipay.Evidence) string {
	switch {
	case len(evidence) == 0:
		return "is empty: put one PDF, Word, ZIP or JPG file there"
	case len(evidence) > alipay.MaxEvidenceBytes:
		return fmt.Sprintf("has %d bytes, and the gateway takes %d: make the file smaller", len(evidence), alipay.MaxEvidenceBytes)
	case evidence.FormatName() == "":
		return "is no PDF, Word, ZIP or JPG file: convert it, or pack it into a ZIP file. It must be the file itself, not its Base64"
	default:
		return ""
	}
}

// unreadableEvidence says in words how to make evidence readable.
func unreadableEvidence(place, key string, err error) *problem {
	switch {
	case apierrors.IsNotFound(err):
		return &problem{reason: apiv1.EvidenceNotFoundReason, stalled: true, retry: secretRetry,
			message: fmt.Sprintf("%s does not exist in this namespace: create it with the file of evidence under the key %q. Nothing is sent before.", place, key)}
	case apierrors.IsForbidden(err):
		return &problem{reason: apiv1.EvidenceForbiddenReason, stalled: true, retry: secretRetry,
			message: fmt.Sprintf("The operator may not read %s: apply a Role in this namespace that lets it get that name (see docs/dispute.md). Nothing is sent before.", place)}
	default:
		return &problem{reason: apiv1.EvidenceUnreadableReason, retry: secretRetry,
			message: fmt.Sprintf("%s could not be read from the API server; it is tried again. Nothing is sent before.", place)}
	}
}
