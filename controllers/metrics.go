package controllers

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Metrics of the operator. Labels hold our own words only, so that nobody else decides how many series there are.
var (
	gatewayRequests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alipay_operator_gateway_requests_total",
		Help: "Requests to the gateway, by what they were for and what their answer meant.",
	}, []string{"kind", "action", "outcome"})

	gatewayRequestSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "alipay_operator_gateway_request_duration_seconds",
		Help:    "Time from a request to the gateway to its answer, or to giving up.",
		Buckets: prometheus.ExponentialBuckets(0.005, 2, 13),
	}, []string{"kind", "action"})

	notificationsRejected = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alipay_operator_notifications_rejected_total",
		Help: "Objects found with a notification that the gateway has not signed, or that is about something else. Somebody else wrote it.",
	}, []string{"kind"})

	notificationSettleSeconds = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "alipay_operator_notification_settle_seconds",
		Help: "Time from the acknowledgement of the notification that settled an object last, to its being settled.",
	}, []string{"kind"})

	unknownOutcomes = &outcomesUnknown{since: map[string]time.Time{}}
)

func init() { //nolint:gochecknoinits // as controller-runtime registers its own
	metrics.Registry.MustRegister(gatewayRequests, gatewayRequestSeconds, notificationsRejected, notificationSettleSeconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "alipay_operator_outcome_unknown",
			Help: "Operations that were sent and whose outcome nobody knows.",
		}, unknownOutcomes.count),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "alipay_operator_outcome_unknown_oldest_seconds",
			Help: "Age of the oldest operation whose outcome nobody knows; 0 when there is none.",
		}, unknownOutcomes.oldest))
}

// outcomesUnknown keeps which operations are in doubt, and since when.
type outcomesUnknown struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// note keeps or drops an operation.
func (o *outcomesUnknown) note(kind string, key client.ObjectKey, unknown bool, since time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := kind + "/" + key.String()
	if unknown {
		o.since[name] = since
	} else {
		delete(o.since, name)
	}
}

func (o *outcomesUnknown) count() float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return float64(len(o.since))
}

func (o *outcomesUnknown) oldest() float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	oldest := 0.0
	for _, since := range o.since {
		oldest = max(oldest, time.Since(since).Seconds()) //nolint:forbidigo // asked for by the scraper, in real time
	}
	return oldest
}
