package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// When a token is renewed that spec.renewBefore says nothing about. How long tokens live is not documented, and differs by wallet.
const (
	renewBeforeShare  = 10 // a tenth of its life
	leastRenewBefore  = 7 * 24 * time.Hour
	renewalSpread     = 3 // up to a third of that time earlier
	expiryAlertBefore = 3 * 24 * time.Hour
)

// renewalTime is when a token that was given at one time and ceases to work at another is renewed. It depends on what is on record alone, so
// that a restart changes nothing, and differs from agreement to agreement, so that those that were made together are not renewed together.
func renewalTime(uid types.UID, given, expires time.Time, stated *metav1.Duration) time.Time {
	life := expires.Sub(given)
	before := max(life/renewBeforeShare, leastRenewBefore)
	if stated != nil {
		before = stated.Duration
	}
	before = max(min(before, life/2), 0)
	early := time.Duration(fractionOf("renewal of "+string(uid)) * float64(before) / renewalSpread)
	return expires.Add(-before - early).Truncate(time.Second)
}

// schedule notes when the newest token is renewed.
func schedule(agreement *apiv1.AutoDebitAgreement) {
	st := &agreement.Status
	st.RenewalTime = nil
	if st.Renewable && st.AccessTokenTime != nil && st.AccessTokenExpiryTime != nil && !st.State.Final() {
		at := renewalTime(agreement.UID, st.AccessTokenTime.Time, st.AccessTokenExpiryTime.Time, agreement.Spec.RenewBefore)
		st.RenewalTime = &metav1.Time{Time: at}
	}
}

// renewalRetry is the pace at which a refused renewal is asked for again: a quarter of the time since it was begun, from a minute to six hours.
func renewalRetry(age time.Duration) time.Duration {
	return min(max(age/4, time.Minute), 6*time.Hour)
}

// nextEvent is how long nothing happens to a token by itself; zero when nothing ever does.
func nextEvent(st *apiv1.AutoDebitAgreementStatus, now time.Time) time.Duration {
	var next time.Duration
	for _, at := range []*metav1.Time{st.RenewalTime, alertTime(st), st.AccessTokenExpiryTime} {
		if at != nil && at.After(now) && (next == 0 || at.Sub(now) < next) {
			next = at.Sub(now)
		}
	}
	return next
}

// alertTime is when a person should know that a token comes near its end; nil where it has none.
func alertTime(st *apiv1.AutoDebitAgreementStatus) *metav1.Time {
	if st.AccessTokenExpiryTime == nil {
		return nil
	}
	before := expiryAlertBefore
	if st.AccessTokenTime != nil {
		before = min(before, st.AccessTokenExpiryTime.Sub(st.AccessTokenTime.Time)/renewBeforeShare)
	}
	return &metav1.Time{Time: st.AccessTokenExpiryTime.Add(-before)}
}
