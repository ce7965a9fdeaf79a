package notification

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// outcome is what became of a request to the receiver.
type outcome string

const (
	// stored: acknowledged, and on disk.
	stored outcome = "Stored"
	// duplicate: acknowledged; it was on disk already.
	duplicate outcome = "Duplicate"

	// malformed: it has not the form of a notification.
	malformed outcome = "Malformed"
	// unverified: no key of an existing account has signed it.
	unverified outcome = "Unverified"
	// limited: too much at once.
	limited outcome = "Limited"
	// unknownObject: the gateway has signed it, and it is about nothing that is here.
	unknownObject outcome = "UnknownObject"
	// notStored: the API server did not take it; the reason is in the log.
	notStored outcome = "NotStored"
)

func (o outcome) acknowledged() bool { return o == stored || o == duplicate }

// Labels hold our own words only, so that nobody else decides how many series there are.
var (
	received = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alipay_operator_notifications_total",
		Help: "Requests to the notification receiver, by the type of a verified notification and by what became of the request. " +
			"Stored and Duplicate are acknowledged; anything else the gateway sends again.",
	}, []string{"type", "outcome"})

	acknowledgeSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "alipay_operator_notification_acknowledge_duration_seconds",
		Help:    "Time from a notification's arrival to its acknowledgement, in which it was stored.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	})
)

func init() { //nolint:gochecknoinits // as controller-runtime registers its own
	metrics.Registry.MustRegister(received, acknowledgeSeconds)
}

// knownTypes are the types that have a series of their own (alipay notifications of payments, refunds, captures,
// authorizations and disputes).
var knownTypes = map[string]bool{
	alipay.NotifyPaymentResult: true, alipay.NotifyPaymentPending: true, alipay.NotifyRefundResult: true, alipay.NotifyCaptureResult: true,
	"UPDATE_AMOUNT_RESULT": true, "AUTHCODE_CREATED": true, "TOKEN_CREATED": true, "TOKEN_CANCELED": true,
	"DISPUTE_CREATED": true, "DISPUTE_JUDGED": true, "DISPUTE_CANCELLED": true, "DISPUTE_ACCEPTED": true,
	"DEFENSE_SUPPLIED": true, "DEFENSE_DUE_ALERT": true, "RDR_RESOLVED": true, alipay.NotifyDefenseDocument: true,
}

// typeLabel is the type, where it is one that we know; empty while nothing has been verified.
func typeLabel(kind string, verified bool) string {
	switch {
	case !verified:
		return ""
	case knownTypes[kind]:
		return kind
	default:
		return "OTHER"
	}
}
