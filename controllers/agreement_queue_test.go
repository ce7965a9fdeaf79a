package controllers

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// busyWorld has many agreements with live tokens, and an account that may send a few requests in a second.
func busyWorld(t *testing.T, agreements, perSecond int, wallet func(*simulator.Wallet)) *world {
	t.Helper()
	w := newWorld(t, withWallet("GCASH", wallet))
	t.Cleanup(w.close)
	for i := range agreements {
		w.activeAgreement(fmt.Sprintf("plan-%d", i))
	}
	w.sent = nil
	w.gateways.clients[requestFor(testAccount).NamespacedName].queue.setRate(&apiv1.RateLimit{RequestsPerSecond: int32(perSecond), Burst: int32(perSecond)})
	return w
}

// activeAgreement makes an agreement whose consent was given a moment ago.
func (w *world) activeAgreement(name string) {
	w.t.Helper()
	_, err := w.reach().ConsultAuthorization(w.t.Context(), &alipay.ConsultAuthorizationRequest{
		CustomerBelongsTo: "GCASH", AuthRedirectURL: "https://shop.example/bound", Scopes: []string{alipay.ScopeAgreementPay}, AuthState: name, TerminalType: "WEB",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	code, _ := w.buyerAgrees()
	tokens, err := w.reach().ApplyToken(w.t.Context(), &alipay.ApplyTokenRequest{
		GrantType: alipay.GrantAuthorizationCode, CustomerBelongsTo: "GCASH", AuthCode: alipay.Credential(code),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	agreement := newAgreement("GCASH")
	agreement.Name, agreement.Finalizers = name, []string{apiv1.AgreementFinalizer}
	w.store.create(agreement)
	agreement = w.store.latest(keyOf(agreement)).(*apiv1.AutoDebitAgreement).DeepCopy()
	secret := newSecret(name+"-token", map[string]string{
		apiv1.AuthStateSecretKey: name, apiv1.AccessTokenSecretKey: string(tokens.AccessToken), apiv1.RefreshTokenSecretKey: string(tokens.RefreshToken),
	})
	controller := true
	secret.OwnerReferences = []metav1.OwnerReference{{Kind: agreementKind, Name: name, UID: agreement.UID, Controller: &controller}}
	w.store.create(secret)
	agreement.Status = apiv1.AutoDebitAgreementStatus{
		State: apiv1.AgreementActive, ObservedGeneration: 1, Attempt: 1, ClientID: testClientID, GatewayURL: "https://gateway.example", TokenSecretName: secret.Name,
		AuthStateSHA256: credentialHash(name), AccessTokenSHA256: credentialHash(string(tokens.AccessToken)), Renewable: true,
		AccessTokenTime: &metav1.Time{Time: w.clock.Now()}, AccessTokenExpiryTime: &metav1.Time{Time: tokens.AccessTokenExpiryTime.Time},
	}
	meta.SetStatusCondition(&agreement.Status.Conditions, metav1.Condition{Type: apiv1.ReadyCondition, Status: metav1.ConditionTrue, Reason: apiv1.TokenValidReason})
	schedule(agreement)
	w.store.put(w.store.latest(keyOf(agreement)), agreement)
}

// queueRun is a work queue in simulated time.
type queueRun struct {
	*world
	due map[string]time.Time
	// asked counts the looks at agreements, and left tells when each request left.
	asked int
	left  map[string][]time.Time
}

func (q *queueRun) look(name string, reconcile func(string) (ctrl.Result, error)) {
	if at, waits := q.due[name]; waits && q.clock.Now().Before(at) {
		return
	}
	result, err := reconcile(name)
	switch {
	case err != nil:
		q.due[name] = q.clock.Now().Add(time.Second)
	case result.RequeueAfter > 0:
		q.due[name] = q.clock.Now().Add(result.RequeueAfter)
	default:
		q.due[name] = q.clock.Now().Add(1000 * time.Hour) // a watch wakes it
	}
}

// turn looks at everything that is due, and lets a moment pass.
func (q *queueRun) turn(agreements int, payments []string) {
	for i := range agreements {
		q.look(fmt.Sprintf("plan-%d", i), func(name string) (ctrl.Result, error) {
			q.asked++
			return q.reconcileAgreement(name)
		})
	}
	for _, name := range payments {
		q.look(name, q.reconcilePayment)
	}
	q.advance(250 * time.Millisecond)
}

// mostInASecond is the most that left within any second.
func mostInASecond(left []time.Time) int {
	slices.SortFunc(left, time.Time.Compare)
	most := 0
	for i := range left {
		end := i
		for end < len(left) && left[end].Sub(left[i]) < time.Second {
			end++
		}
		most = max(most, end-i)
	}
	return most
}

// Tokens that are all due at once are renewed at the pace that the account allows, debits made meanwhile do not stand behind them, and the
// buyers of tokens that still work are debited as ever.
func TestRenewalsThatAreAllDueAtOnceArePacedAndLeaveRoomForDebits(t *testing.T) {
	const agreements, perSecond, debits = 40, 4, 15
	tests := []struct {
		name   string
		wallet func(*simulator.Wallet)
		// off is how long the operator does nothing after the consents.
		off   time.Duration
		works bool
	}{
		{"after a month in which the operator was off", func(wallet *simulator.Wallet) { wallet.AccessTokenDays = 40 }, 33 * day, true},
		{"when their tokens live for a day", func(wallet *simulator.Wallet) { wallet.AccessTokenDays = 1 }, 20 * time.Hour, true},
		{"after their end", func(wallet *simulator.Wallet) { wallet.AccessTokenDays = 10 }, 33 * day, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := busyWorld(t, agreements, perSecond, tt.wallet)
			w.advance(tt.off)
			w.activeAgreement("busy") // whose token is new
			w.sent = nil
			q := &queueRun{world: w, due: map[string]time.Time{}, left: map[string][]time.Time{}}
			w.beforeSend = func(r sentRequest) error {
				q.left[r.operation] = append(q.left[r.operation], w.clock.Now())
				q.left["all"] = append(q.left["all"], w.clock.Now())
				return nil
			}
			q.turn(agreements, nil)
			if got := len(q.left["applyToken"]); got > perSecond {
				t.Fatalf("%d renewals left at once, want %d at most", got, perSecond)
			}
			for i := range agreements {
				agreement := w.store.latest(keyOf(named(fmt.Sprintf("plan-%d", i)))).(*apiv1.AutoDebitAgreement)
				saysReady := meta.IsStatusConditionTrue(agreement.Status.Conditions, apiv1.ReadyCondition)
				if can := debitable(agreement, w.clock.Now()); agreement.Status.Renewals == 0 && (can != tt.works || saysReady != tt.works) {
					t.Errorf("while it waits for its turn, %s can be debited: %t, and says so: %t; want %t", agreement.Name, can, saysReady, tt.works)
				}
			}
			var payments []string
			made := map[string]time.Time{}
			for second := range agreements { // renewals have half of the requests: 20 s, and twice that is enough
				if second < debits {
					name := fmt.Sprintf("order-%d", second)
					w.store.create(debitPayment(name, func(spec *apiv1.PaymentSpec) { spec.AutoDebit.AgreementRef.Name, spec.Amount.Currency = "busy", "PHP" }))
					payments, made[name] = append(payments, name), w.clock.Now()
				}
				for range 4 {
					q.turn(agreements, payments)
				}
				for name, at := range made {
					switch {
					case w.payment(name).Status.State == apiv1.PaymentPaid:
						delete(made, name)
					case w.clock.Now().Sub(at) > 2*time.Second:
						t.Fatalf("%s is %s (%s) after two seconds", name, w.payment(name).Status.State, reason(w.payment(name).Status.Conditions))
					}
				}
			}
			if got := mostInASecond(q.left["all"]); got > 2*perSecond { // the burst, and what comes by then
				t.Errorf("%d requests left within a second, want %d at most", got, 2*perSecond)
			}
			if got := mostInASecond(q.left["applyToken"]); got > perSecond {
				t.Errorf("%d renewals left within a second, want %d at most", got, perSecond)
			}
			if got := len(q.left["applyToken"]); got != agreements {
				t.Errorf("%d renewals, want %d", got, agreements)
			}
			for i := range agreements {
				agreement := w.store.latest(keyOf(named(fmt.Sprintf("plan-%d", i)))).(*apiv1.AutoDebitAgreement)
				if agreement.Status.Renewals != 1 || !debitable(agreement, w.clock.Now()) {
					t.Errorf("%s was renewed %d times, and is %s", agreement.Name, agreement.Status.Renewals, agreement.Status.State)
				}
			}
			if q.asked > 4*agreements { // a look to take a place, one at its turn, and few besides
				t.Errorf("%d looks at %d agreements", q.asked, agreements)
			}
			for _, name := range payments {
				if got := w.simulator.Ledger().ChargesOfOrder(name); got != 1 {
					t.Errorf("%s was charged %d times", name, got)
				}
			}
		})
	}
}

// The tries of a renewal that is not answered stand behind other renewals like the first one, and not in the queue of payments.
func TestEachTryOfARenewalTakesAPlaceOfItsOwn(t *testing.T) {
	const tries = 3
	w := busyWorld(t, 1, 100, nil)
	renewals := w.gateways.clients[requestFor(testAccount).NamespacedName].queue.patient
	renewals.SetBurst(tries)
	renewals.SetLimit(rate.Every(1000 * time.Hour))
	w.inject(simulator.Fault{Kind: simulator.DropRequest, Path: "applyToken", Times: -1})
	renewAt := w.store.latest(keyOf(named("plan-0"))).(*apiv1.AutoDebitAgreement).Status.RenewalTime
	w.advance(renewAt.Sub(w.clock.Now()) + time.Second)
	q := &queueRun{world: w, due: map[string]time.Time{}}
	for end := w.clock.Now().Add(time.Hour); w.clock.Now().Before(end); {
		q.turn(1, nil)
		w.advance(time.Second)
	}
	if got := w.sends("applyToken"); got != tries {
		t.Errorf("%d renewals were sent in places for %d", got, tries)
	}
}

// Something that is watched may wake an agreement at any time.
func TestRenewalThatIsLookedAtEarlyKeepsItsPlace(t *testing.T) {
	const hours = 4
	w := busyWorld(t, 1, 100, nil)
	queue := w.gateways.clients[requestFor(testAccount).NamespacedName].queue
	queue.patient.SetBurst(1)
	queue.patient.SetLimit(rate.Every(time.Hour))
	w.inject(simulator.Fault{Kind: simulator.DropRequest, Path: "applyToken", Times: -1})
	renewAt := w.store.latest(keyOf(named("plan-0"))).(*apiv1.AutoDebitAgreement).Status.RenewalTime
	w.advance(renewAt.Sub(w.clock.Now()) + time.Second)
	for end := w.clock.Now().Add(hours * time.Hour); w.clock.Now().Before(end); w.advance(time.Minute) {
		if _, err := w.reconcileAgreement("plan-0"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.sends("applyToken"); got != hours {
		t.Errorf("%d renewals were sent in %d hours, want one in each", got, hours)
	}
}

func named(name string) *apiv1.AutoDebitAgreement {
	agreement := newAgreement("GCASH")
	agreement.Name = name
	return agreement
}

// The queue of 100,000 renewals takes hours at the account's pace. Whatever else has to be sent takes its turn beside it.
func TestQueueOf100000RenewalsHoldsNothingElseUp(t *testing.T) {
	const renewals, perSecond = 100_000, 20
	q := unlimitedQueue(&sharedWorkers{})
	q.setRate(&apiv1.RateLimit{RequestsPerSecond: perSecond})
	turns := map[time.Time][]int{} // by the second
	places := make([]place, renewals)
	renewed, atOnce, longest := 0, 0, time.Duration(0)
	for i := range renewals {
		told := q.ask(worldStart, &places[i], behindOthers)
		if told.leave != nil {
			told.leave.used(0, nil)
			renewed++
			atOnce++
			continue
		}
		at := worldStart.Add(told.wait).Truncate(time.Second)
		turns[at] = append(turns[at], i)
	}
	for now := worldStart; renewed < renewals; now = now.Add(time.Second) {
		if now.Sub(worldStart) > 3*time.Hour {
			t.Fatalf("%d of %d are renewed after three hours", renewed, renewals)
		}
		sent := atOnce
		atOnce = 0
		for range perSecond / 2 { // debits
			var at place
			told := q.ask(now, &at, inTurn)
			if longest = max(longest, told.wait); told.leave != nil {
				told.leave.used(0, nil)
			}
			sent++
		}
		end := now.Add(time.Second)
		for _, i := range turns[now] {
			told := q.ask(end, &places[i], behindOthers)
			if delay := places[i].patient.Sub(end); delay > 0 {
				t.Fatalf("renewal %d loses its place by %s", i, delay)
			}
			if told.leave == nil {
				at := end.Add(told.wait).Truncate(time.Second)
				turns[at] = append(turns[at], i)
				continue
			}
			told.leave.used(0, nil)
			renewed++
			sent++
		}
		if most := 3 * perSecond; sent > most { // the burst at first
			t.Fatalf("%d requests in one second after %s, want %d at most", sent, now.Sub(worldStart), most)
		}
		delete(turns, now)
	}
	if longest > 3*time.Second {
		t.Errorf("a debit waits for %s", longest)
	}
}

// What was put off while the gateway could not be reached takes a new turn afterwards, instead of leaving all at once.
func TestOutageIsNotFollowedByAStampede(t *testing.T) {
	const waiting, perSecond = 2000, 20
	q := unlimitedQueue(&sharedWorkers{})
	q.setRate(&apiv1.RateLimit{RequestsPerSecond: perSecond})
	q.breaker = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{Timeout: time.Hour, ReadyToTrip: func(gobreaker.Counts) bool { return true }})
	fail, err := q.breaker.Allow()
	if err != nil {
		t.Fatal(err)
	}
	fail(errors.New("nobody answers"))
	places, refused := make([]place, waiting), 0
	now := worldStart
	for range 300 {
		for i := range places {
			told := q.ask(now, &places[i], inTurn)
			if told.leave != nil {
				t.Fatal("a request leaves while nobody answers")
			}
			if told.unreachable {
				refused++
			}
		}
		now = now.Add(time.Second)
	}
	if refused < waiting {
		t.Fatalf("only %d were put off", refused)
	}
	q.breaker = newTestBreaker() // it is back
	for second := range 5 {
		left := 0
		for i := range places {
			if told := q.ask(now, &places[i], inTurn); told.leave != nil {
				told.leave.used(0, nil)
				left++
			}
		}
		if left > 2*perSecond {
			t.Errorf("%d requests leave at once, %d s after the outage, want %d at most", left, second, 2*perSecond)
		}
		now = now.Add(time.Second)
	}
}
