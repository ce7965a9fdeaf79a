package controllers

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// tokenLives tells how the tokens of all agreements are, without a series for each.
var tokenLives = &livesOfTokens{expiries: map[types.NamespacedName]time.Time{}, failing: map[types.NamespacedName]bool{}}

func init() { //nolint:gochecknoinits // as controller-runtime registers its own
	metrics.Registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "alipay_operator_agreement_earliest_token_expiry_timestamp_seconds",
			Help: "When the first of the debit tokens in use ceases to work, in seconds since 1970; 0 when none ever does.",
		}, tokenLives.earliest),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "alipay_operator_agreement_renewals_failing",
			Help: "AutoDebitAgreements with the condition RenewalFailing.",
		}, tokenLives.countFailing))
}

// livesOfTokens keeps when each token ends, and whose renewal fails.
type livesOfTokens struct {
	mu       sync.Mutex
	expiries map[types.NamespacedName]time.Time
	failing  map[types.NamespacedName]bool
}

// note takes what an agreement's status says.
func (l *livesOfTokens) note(agreement *apiv1.AutoDebitAgreement) {
	st, key := &agreement.Status, client.ObjectKeyFromObject(agreement)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.expiries, key)
	delete(l.failing, key)
	if st.State.Final() {
		return
	}
	if st.AccessTokenExpiryTime != nil {
		l.expiries[key] = st.AccessTokenExpiryTime.Time
	}
	if meta.IsStatusConditionTrue(st.Conditions, apiv1.RenewalFailingCondition) {
		l.failing[key] = true
	}
}

// forget drops an agreement that is gone.
func (l *livesOfTokens) forget(key types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.expiries, key)
	delete(l.failing, key)
}

func (l *livesOfTokens) earliest() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first time.Time
	for _, at := range l.expiries {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return 0
	}
	return float64(first.Unix())
}

func (l *livesOfTokens) countFailing() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(len(l.failing))
}
