package controllers

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// requestQueue stands between one account's operations and the gateway. Each request asks it for leave and gets that at once, or is told when to
// ask again, so that nobody holds a worker while waiting. A request passes, in this order:
//
//  1. What is patient waits for its turn among its like, which have a share of the rate: a hundred thousand renewals that are due together take
//     no turns before a payment's.
//  2. Everything waits for its turn at the account's rate. Turns are given out long ahead and workers only for now, so this comes first.
//  3. There must be a worker, so that a slow account leaves some to the others. A turn is lost if there is none until well after it: used then, it
//     would add to the rate.
//  4. The breaker lets nothing go to a gateway that does not answer. It comes last because it lets one request go to try again, which then must not
//     be held up elsewhere. Who is refused gives up the place, or all of them would leave at once afterwards.
//
// Passes come late to their turns, and then several leave together. So what has leave is paced once more on its way out, by a [pacedTransport].
type requestQueue struct {
	all     *turns
	patient *turns
	pace    *rate.Limiter
	workers *workerShare
	breaker *gobreaker.TwoStepCircuitBreaker[any]
}

// The rate at which an account is used when its spec names none. The gateway publishes no figure.
const (
	defaultRequestsPerSecond = 20
	defaultBurst             = 40
)

// patientShare says that one in so many of an account's requests may be a patient one.
const patientShare = 2

// turnKept is how long after it came a turn is still good for a request that finds no worker.
const turnKept = 100 * time.Millisecond

// breakerPause is how long an account that got no usable answer several times in a row is left alone.
const breakerPause = 10 * time.Second

// errUnused tells the breaker of a leave that was not used. It counts that neither as a success nor as a failure.
var errUnused = errors.New("no request was sent")

// newRequestQueue is that of an account that shares the workers with the others.
func newRequestQueue(of *sharedWorkers, stated *apiv1.RateLimit) *requestQueue {
	perSecond, burst := rateOf(stated)
	return &requestQueue{
		all:     &turns{Limiter: rate.NewLimiter(perSecond, burst)},
		patient: &turns{Limiter: rate.NewLimiter(perSecond/patientShare, max(burst/patientShare, 1))},
		pace:    rate.NewLimiter(perSecond, burst),
		workers: &workerShare{of: of},
		breaker: newBreaker(),
	}
}

// setRate changes the rate for turns that are taken from now on.
func (q *requestQueue) setRate(stated *apiv1.RateLimit) {
	perSecond, burst := rateOf(stated)
	q.all.SetLimit(perSecond)
	q.all.SetBurst(burst)
	q.pace.SetLimit(perSecond)
	q.pace.SetBurst(burst)
	q.patient.SetLimit(perSecond / patientShare)
	q.patient.SetBurst(max(burst/patientShare, 1))
}

// rateOf fills in what an account leaves out.
func rateOf(stated *apiv1.RateLimit) (perSecond rate.Limit, burst int) {
	switch {
	case stated == nil:
		return defaultRequestsPerSecond, defaultBurst
	case stated.Burst == 0:
		return rate.Limit(stated.RequestsPerSecond), 2 * int(stated.RequestsPerSecond)
	default:
		return rate.Limit(stated.RequestsPerSecond), int(stated.Burst)
	}
}

// newBreaker opens after ten requests in a row without a usable answer.
func newBreaker() *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Timeout:      breakerPause,
		ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= 10 },
		IsSuccessful: func(err error) bool { return classify(err) != notSent && classify(err) != unknown },
		IsExcluded:   func(err error) bool { return errors.Is(err, errUnused) },
	})
}

// urgency says how a request stands to the others of its account.
type urgency int

const (
	// inTurn takes its turn among all requests.
	inTurn urgency = iota
	// behindOthers is patient: nobody waits for its answer.
	behindOthers
	// onCredit takes a turn without waiting for it or for a worker, so that others wait instead: for a pass that has called already, as what it has
	// learned would be lost, and for the check of an account, which everything waits for.
	onCredit
)

// place is where an operation stands between its passes: when each turn that it has taken comes, zero for one that it has not.
type place struct {
	// patient is its turn among what is patient, and all the one among all requests.
	patient, all time.Time
	// worker is when there may be a worker for it, if there was none.
	worker time.Time
	// away is true once it waits for something else than the queue.
	away bool
	// queue is that which the turns are of.
	queue *requestQueue
}

// giveUp leaves the turns that are still to come to others.
func (p *place) giveUp(now time.Time) {
	if p.queue != nil {
		p.queue.all.giveBack(p.all, now)
		p.queue.patient.giveBack(p.patient, now)
	}
	*p = place{}
}

// leaving is the place of an operation that goes on to wait for something else. It keeps a turn that is still to come: nobody else gets that, and
// others taken instead would be behind all of them, with nothing sent until then.
func (p place) leaving(now time.Time) place {
	if !p.ahead(now) {
		return place{}
	}
	p.away = true
	return p
}

// back is the place of an operation that asks again. A turn that has come while it was away is lost: all that have waited for the same would leave at
// once.
func (p place) back(now time.Time) place {
	if p.away && !p.ahead(now) {
		return place{}
	}
	p.away = false
	return p
}

// ahead reports whether the turn that was taken last is still to come.
func (p place) ahead(now time.Time) bool {
	return p.all.After(now) || p.all.IsZero() && p.patient.After(now)
}

// standing is what the queue says to a request.
type standing struct {
	// leave lets it go; nil when it has to wait.
	leave *leave
	// wait is how long until it is worth asking again.
	wait time.Duration
	// unreachable is true when the gateway has given no usable answer several times in a row.
	unreachable bool
}

// ask asks for leave to send one request. at is where the caller stands; keep it until leave was given.
func (q *requestQueue) ask(now time.Time, at *place, how urgency) standing {
	*at = at.back(now)
	at.queue = q
	if how == behindOthers {
		if wait := awaitTurn(q.patient, &at.patient, now); wait > 0 {
			return standing{wait: wait}
		}
	}
	if wait := at.worker.Sub(now); wait > 0 && how != onCredit {
		return standing{wait: wait}
	}
	if wait := awaitTurn(q.all, &at.all, now); wait > 0 && how != onCredit {
		return standing{wait: wait}
	}
	if !q.workers.take(how == onCredit) {
		if at.worker = q.workers.comeBack(now); at.worker.Sub(at.all) > turnKept {
			at.all = time.Time{}
		}
		return standing{wait: at.worker.Sub(now)}
	}
	*at = place{}
	done, err := q.breaker.Allow()
	if err != nil {
		q.workers.giveBack()
		return standing{wait: breakerPause, unreachable: true}
	}
	return standing{leave: &leave{workers: q.workers, done: done}}
}

// awaitTurn says how long it is until a turn, which is taken if there is none yet; no more than zero when it has come.
func awaitTurn(of *turns, turn *time.Time, now time.Time) time.Duration {
	if turn.IsZero() {
		*turn = of.take(now)
	}
	return turn.Sub(now)
}

// leave is to send one request, and holds a worker of the account's share. Whoever has it ends it, by used or by unused, also where sending panics.
type leave struct {
	workers *workerShare
	// done tells the breaker; nil once the leave has ended.
	done func(error)
}

// used says how long the answer took, and what became of the request.
func (l *leave) used(took time.Duration, err error) {
	l.workers.answered(took)
	l.end(err)
}

// unused says that no request has told anything of the gateway. After used it does nothing, so that it can be deferred.
func (l *leave) unused() {
	if l.done != nil {
		l.end(errUnused)
	}
}

func (l *leave) end(err error) {
	l.workers.giveBack()
	l.done(err)
	l.done = nil
}
