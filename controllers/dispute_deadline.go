package controllers

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// warning is a time before the end of the time to decide at which people are told.
type warning struct {
	before time.Duration
	label  string
	reason string
}

// warnings are in the order in which they come.
var warnings = []warning{
	{72 * time.Hour, "72h", apiv1.DueWithin72HoursReason},
	{24 * time.Hour, "24h", apiv1.DueWithin24HoursReason},
	{6 * time.Hour, "6h", apiv1.DueWithin6HoursReason},
}

// dueWarning is the warning that holds now, nil while there is time; and how long until that changes, 0 when it does not.
func dueWarning(due *metav1.Time, now time.Time) (holds *warning, next time.Duration) {
	if due == nil {
		return nil, 0
	}
	left := due.Sub(now)
	for i := range warnings {
		if left > warnings[i].before {
			return holds, left - warnings[i].before
		}
		holds = &warnings[i]
	}
	return holds, max(left, 0)
}

// undecided reports whether somebody still has to decide, or a decision is not known to have reached the gateway.
func undecided(state apiv1.DisputeState) bool {
	switch state {
	case apiv1.DisputePending, apiv1.DisputeOpen, apiv1.DisputeAccepting, apiv1.DisputeDefending:
		return true
	default:
		return false
	}
}

// dueCondition says how little time is left to decide, while there is little.
func dueCondition(dispute *apiv1.Dispute, now time.Time) {
	st := &dispute.Status
	holds, _ := dueWarning(st.DefenseDueTime, now)
	if holds == nil || !undecided(st.State) {
		meta.RemoveStatusCondition(&st.Conditions, apiv1.DefenseDueCondition)
		return
	}
	meta.SetStatusCondition(&st.Conditions, metav1.Condition{
		Type: apiv1.DefenseDueCondition, Status: metav1.ConditionTrue, Reason: holds.reason, ObservedGeneration: dispute.Generation,
		Message: fmt.Sprintf("Less than %s are left to accept or to defend this dispute: until %s.", holds.label, utcText(st.DefenseDueTime)),
	})
}

func utcText(at *metav1.Time) string { return at.UTC().Format(time.RFC3339) }

// warnDue tells once of a warning that is new on record.
func (p *disputePass) warnDue() {
	st := &p.dispute.Status
	now := meta.FindStatusCondition(st.Conditions, apiv1.DefenseDueCondition)
	if now == nil || now.Reason == p.before.due {
		return
	}
	p.before.due = now.Reason
	p.Events.Eventf(p.dispute, nil, "Warning", now.Reason, "Reconcile", "%s", now.Message)
	holds, _ := dueWarning(st.DefenseDueTime, p.now)
	if holds != nil {
		dueWarnings.WithLabelValues(holds.label).Inc()
	}
}

var (
	dueWarnings = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alipay_operator_dispute_due_warnings_total",
		Help: "Disputes that nobody had decided when so much of the time to decide was left.",
	}, []string{"within"})

	openDisputes = &disputesOpen{window: map[client.ObjectKey]string{}}
)

// dueWindows are the values of the label "due".
var dueWindows = []string{"6h", "24h", "72h", "later", "unknown"}

func init() { //nolint:gochecknoinits // as controller-runtime registers its own
	metrics.Registry.MustRegister(dueWarnings)
	for _, warning := range warnings {
		dueWarnings.WithLabelValues(warning.label)
	}
	for _, window := range dueWindows {
		metrics.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "alipay_operator_disputes_undecided",
			Help:        "Disputes that nobody has decided, by how much time is left at most; unknown where the gateway has named no time.",
			ConstLabels: prometheus.Labels{"due": window},
		}, func() float64 { return openDisputes.count(window) }))
	}
}

// disputesOpen keeps which disputes are undecided, and how much time is left for each.
type disputesOpen struct {
	mu     sync.Mutex
	window map[client.ObjectKey]string
}

// note keeps or drops a dispute.
func (o *disputesOpen) note(dispute *apiv1.Dispute, now time.Time) {
	key := client.ObjectKeyFromObject(dispute)
	if !undecided(dispute.Status.State) {
		o.drop(key)
		return
	}
	window := "later"
	if holds, _ := dueWarning(dispute.Status.DefenseDueTime, now); holds != nil {
		window = holds.label
	} else if dispute.Status.DefenseDueTime == nil {
		window = "unknown"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.window[key] = window
}

func (o *disputesOpen) drop(key client.ObjectKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.window, key)
}

func (o *disputesOpen) count(window string) float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, of := range o.window {
		if of == window {
			n++
		}
	}
	return float64(n)
}
