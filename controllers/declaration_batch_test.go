package controllers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// crowd is a payment with many declarations that customs holds, and what a workqueue would know of them.
type crowd struct {
	*world
	names []string
	due   map[string]time.Time
	woken []string
}

func newCrowd(t testing.TB, n int) *crowd {
	w := newWorld(t)
	t.Cleanup(w.close)
	c := &crowd{world: w, due: map[string]time.Time{}}
	c.wakes()
	const perPayment = 50
	for i := range n {
		order := fmt.Sprintf("order-%d", i/perPayment)
		if i%perPayment == 0 {
			c.payChina(order)
		}
		name := fmt.Sprintf("part-%d", i)
		c.names = append(c.names, name)
		w.store.create(newDeclaration(name, "1", part(name), func(spec *apiv1.CustomsDeclarationSpec) { spec.PaymentRef.Name = order }))
		c.reconcile(name)
		if err := w.simulator.CustomsHolds(w.declaration(name).Status.DeclarationRequestID); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// payChina creates a payment by ALIPAY_CN and has it paid.
func (c *crowd) payChina(name string) {
	c.store.create(newPayment(name, func(spec *apiv1.PaymentSpec) {
		spec.Amount, spec.Cashier = apiv1.Amount{Currency: "CNY", Value: "10050"}, &apiv1.Cashier{PaymentMethodType: chinaWallet}
	}))
	c.must(c.reconcilePayment(name))
	if err := c.simulator.BuyerPays(c.payment(name).Status.PaymentRequestID); err != nil {
		c.t.Fatal(err)
	}
	c.follow(c.reconcilePayment, name, time.Hour)
}

// wakes notes who is woken.
func (c *crowd) wakes() {
	c.customs.book.wake = func(key types.NamespacedName) { c.woken = append(c.woken, key.Name) }
}

func (c *crowd) reconcile(name string) {
	c.t.Helper()
	result := c.must(c.reconcileDeclaration(name))
	c.due[name] = c.clock.Now().Add(result.RequeueAfter)
	if result.RequeueAfter == 0 {
		delete(c.due, name)
	}
}

// run does what is due for a time, in steps of some seconds, and returns how many inquiries that took.
func (c *crowd) run(d time.Duration) int {
	c.t.Helper()
	before := c.sends("inquiryDeclarationRequests")
	for end := c.clock.Now().Add(d); c.clock.Now().Before(end); c.advance(10 * time.Second) {
		for _, name := range c.names {
			if due, open := c.due[name]; open && !c.clock.Now().Before(due) {
				c.reconcile(name)
			}
			for len(c.woken) > 0 {
				next := c.woken[0]
				c.woken = c.woken[1:]
				c.reconcile(next)
			}
		}
	}
	return c.sends("inquiryDeclarationRequests") - before
}

// asked is how often each declaration was asked about, by the simulator's ledger.
func (c *crowd) asked() map[string]int {
	counts := map[string]int{}
	for _, declaration := range c.simulator.Ledger().Declarations {
		counts[declaration.DeclarationRequestID] = declaration.Inquiries
	}
	return counts
}

// A thousand declarations that customs holds are asked about every hour, ten at a time: about a hundred inquiries a round.
func TestAThousandDeclarationsTakeAHundredInquiriesARound(t *testing.T) {
	c := newCrowd(t, 1000)
	if first := c.run(10 * time.Minute); first < 190 || first > 240 {
		t.Errorf("%d inquiries after one and after six minutes, want about 200", first)
	}
	c.run(2 * time.Hour) // until all are asked about by the hour
	before := c.asked()
	const rounds = 2
	inquiries := c.run(rounds * time.Hour)
	if perRound := inquiries / rounds; perRound < 90 || perRound > 115 {
		t.Errorf("%d inquiries a round, want about 100", perRound)
	}
	for id, count := range c.asked() {
		if more := count - before[id]; more < rounds-1 || more > 2*rounds {
			t.Errorf("%s was asked about %d times in %d rounds", id, more, rounds)
		}
	}

	t.Run("and a restart asks no more", func(t *testing.T) {
		c.restart()
		c.wakes()
		for _, name := range c.names {
			c.reconcile(name)
		}
		if first := c.run(time.Minute); first > 45 {
			t.Errorf("%d inquiries in the first minute, want few", first)
		}
		if hour := c.run(59 * time.Minute); hour > 130 {
			t.Errorf("%d inquiries in the first hour, want about 100", hour)
		}
	})

	t.Run("and each hears what customs answers", func(t *testing.T) {
		for _, declaration := range c.simulator.Ledger().Declarations {
			if err := c.simulator.CustomsAnswers(declaration.DeclarationRequestID, "", ""); err != nil {
				t.Fatal(err)
			}
		}
		if inquiries := c.run(80 * time.Minute); inquiries > 115 {
			t.Errorf("%d inquiries, want about 100", inquiries)
		}
		for _, name := range c.names {
			if got := c.declaration(name).Status; got.State != apiv1.DeclarationAccepted {
				t.Fatalf("%s is %s (%s)", name, got.State, reason(got.Conditions))
			}
		}
		if len(c.customs.book.open) != 0 {
			t.Errorf("%d declarations are still in the book", len(c.customs.book.open))
		}
	})
}

// What was told beside another declaration is as good as an answer of one's own, and nothing more.
func TestAnswersBesideAnotherDeclaration(t *testing.T) {
	t.Run("that can not be verified settle nothing", func(t *testing.T) {
		c := newCrowd(t, 3)
		for _, d := range c.simulator.Ledger().Declarations {
			if err := c.simulator.CustomsAnswers(d.DeclarationRequestID, "", ""); err != nil {
				t.Fatal(err)
			}
		}
		c.inject(simulator.Fault{Kind: simulator.BadSignature, Path: "inquiryDeclarationRequests"})
		c.advance(2 * time.Minute)
		c.reconcile("part-0")
		if len(c.woken) != 0 || c.declaration("part-0").Status.State != apiv1.StateProcessing {
			t.Errorf("woken are %v, and part-0 is %s", c.woken, c.declaration("part-0").Status.State)
		}
		c.advance(time.Minute)
		c.reconcile("part-0")
		if ids := c.sent[len(c.sent)-1].fields["declarationRequestIds"].([]any); len(ids) != 1 {
			t.Errorf("after a failure %d are asked about at once, want the one alone", len(ids))
		}
	})
	t.Run("are heard again where they could not be recorded", func(t *testing.T) {
		c := newCrowd(t, 2)
		for _, d := range c.simulator.Ledger().Declarations {
			if err := c.simulator.CustomsAnswers(d.DeclarationRequestID, "", ""); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(2 * time.Minute)
		for _, name := range c.names {
			c.failWriteNumber(1, writeLost)
			_, _ = c.reconcileDeclaration(name)
			c.store.failWrite = nil
			c.reconcile(name)
			if got := c.declaration(name).Status; got.State != apiv1.DeclarationAccepted {
				t.Errorf("%s is %s (%s)", name, got.State, reason(got.Conditions))
			}
		}
		if got := c.sends("inquiryDeclarationRequests"); got != 1 {
			t.Errorf("%d inquiries, want the one", got)
		}
	})
	t.Run("that have nothing of one of them prove nothing of any", func(t *testing.T) {
		c := newCrowd(t, 2)
		c.inject(simulator.Fault{Kind: simulator.ResultCode, Path: "inquiryDeclarationRequests", Code: "ORDER_NOT_EXIST"})
		c.advance(2 * time.Minute)
		c.reconcile("part-0")
		if got := c.declaration("part-0").Status; got.EmptyAnswers != nil || got.State != apiv1.StateProcessing {
			t.Errorf("state = %s, empty answers %+v; want it in process and nothing counted", got.State, got.EmptyAnswers)
		}
	})
	t.Run("are of no use after a minute", func(t *testing.T) {
		c := newCrowd(t, 2)
		c.advance(2 * time.Minute)
		c.reconcile("part-0")
		c.advance(2 * time.Minute)
		before := c.sends("inquiryDeclarationRequests")
		c.reconcile("part-1")
		if got := c.sends("inquiryDeclarationRequests") - before; got != 1 {
			t.Errorf("part-1 asked %d times, want an inquiry of its own", got)
		}
	})
	t.Run("are compared with what was declared", func(t *testing.T) {
		c := newCrowd(t, 2)
		c.inject(simulator.Fault{Kind: simulator.WrongAmount, Path: "inquiryDeclarationRequests"})
		c.advance(2 * time.Minute)
		c.reconcile("part-0")
		c.reconcile("part-1")
		conflicts := 0
		for _, name := range c.names {
			if c.declaration(name).Status.Conflict != nil {
				conflicts++
			}
		}
		if conflicts == 0 {
			t.Error("another amount is taken for the declaration's")
		}
	})
}

func TestBookTakesNoDeclarationAlongTwiceNorForAnotherClient(t *testing.T) {
	book, start := newDeclarationBook(), worldStart
	mine, other := gatewayClient{account: "mine", clientID: "A"}, gatewayClient{account: "mine", clientID: "B"}
	key := func(name string) types.NamespacedName { return requestFor(name).NamespacedName }
	for name, of := range map[string]gatewayClient{"first": mine, "second": mine, "foreign": other} {
		book.note(key(name), of, "same") // ids are those of a client alone
		book.plan(key(name), start.Add(time.Hour))
	}
	book.note(key("unplanned"), mine, "unplanned")
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {fresh - time.Second, 0}, {fresh, 1}} {
		if got := book.companions(key("first"), mine, start.Add(step.after)); len(got) != step.want {
			t.Errorf("after %s it takes along %q, want %d", step.after, got, step.want)
		}
	}
	var woken []string
	book.wake = func(key types.NamespacedName) { woken = append(woken, key.Name) }
	record := alipay.DeclarationRecord{DeclarationRequestID: "same"}
	book.tell(mine, &alipay.InquiryDeclarationRequestsResponse{DeclarationRecords: []alipay.DeclarationRecord{record}}, start, "asker")
	slices.Sort(woken)
	heard, _ := book.heard(key("foreign"), start)
	if !slices.Equal(woken, []string{"first", "second"}) || heard != nil {
		t.Errorf("woken are %q, and the other client's has heard %+v; want those of the client alone", woken, heard)
	}
}

// Customs may take for ever to answer one of them, and of the other nothing was ever declared, or customs has rejected it.
func TestPaymentFollowsEachDeclarationWithoutAnObject(t *testing.T) {
	for _, held := range []string{"a", "z"} { // before the other by its id, and after it
		for _, sent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s is held, the other was sent %t", held, sent), func(t *testing.T) {
				w := paidChina(t)
				named := func(id string) func(*apiv1.CustomsDeclarationSpec) {
					return func(spec *apiv1.CustomsDeclarationSpec) {
						spec.DeclarationRequestID, spec.SplitOrder, spec.SubOrderID = id, true, id
					}
				}
				w.store.create(newDeclaration("held", "6000", named(held)))
				w.must(w.reconcileDeclaration("held"))
				if err := w.simulator.CustomsHolds(held); err != nil {
					t.Fatal(err)
				}
				if !sent {
					w.loses("declare")
				}
				w.store.create(newDeclaration("other", "4050", named("m")))
				w.must(w.reconcileDeclaration("other"))
				w.loses("")
				w.must(w.reconcilePayment("order"))
				for _, name := range []string{"held", "other"} {
					w.store.remove(w.declaration(name))
					w.must(w.reconcileDeclaration(name))
				}
				if sent {
					if err := w.simulator.CustomsAnswers("m", "-1", ""); err != nil {
						t.Fatal(err)
					}
				}
				for end := w.clock.Now().Add(24 * time.Hour); w.clock.Now().Before(end); {
					w.advance(w.must(w.reconcilePayment("order")).RequeueAfter)
				}
				w.store.create(newDeclaration("next", "4050", part("order-next")))
				w.must(w.reconcileDeclaration("next"))
				w.expectDeclaration("next", apiv1.StateProcessing, apiv1.DeclarationInProcessReason)
				if err := w.simulator.CustomsAnswers(held, "2", ""); err != nil {
					t.Fatal(err)
				}
				w.follow(w.reconcilePayment, "order", 2*time.Hour)
				if notes := w.payment("order").Status.Declarations; !slices.ContainsFunc(notes, func(n apiv1.PaymentDeclaration) bool {
					return n.DeclarationRequestID == held && n.Status == string(apiv1.DeclarationAccepted)
				}) {
					t.Errorf("the payment notes %+v, want the one that was held as accepted", notes)
				}
			})
		}
	}
}

func TestPaymentTakesBackEachDeclarationThatWasNeverSent(t *testing.T) {
	w := paidChina(t)
	w.loses("declare")
	for _, name := range []string{"a", "b", "c"} {
		w.store.create(newDeclaration(name, "3000", part("order-"+name)))
		w.must(w.reconcileDeclaration(name))
	}
	for _, name := range []string{"a", "b", "c"} {
		w.store.remove(w.declaration(name))
		w.must(w.reconcileDeclaration(name))
	}
	w.follow(w.reconcilePayment, "order", 10*time.Minute)
	if notes := w.payment("order").Status.Declarations; len(notes) != 0 {
		t.Errorf("the payment notes %+v, want nothing of them", notes)
	}
}

// Whatever is wrong with one of them, the gateway answers about the others when it is not asked about that one.
func TestPaymentFollowsDeclarationsBesideOneThatGetsNoAnswer(t *testing.T) {
	for _, odd := range []string{"a", "z"} { // before the other by its id, and after it
		t.Run(odd, func(t *testing.T) {
			w := paidChina(t)
			w.loses("declare")
			for _, id := range []string{odd, "m", "n"} {
				w.store.create(newDeclaration(id, "3000", func(spec *apiv1.CustomsDeclarationSpec) {
					spec.DeclarationRequestID, spec.SplitOrder, spec.SubOrderID = id, true, id
				}))
				w.must(w.reconcileDeclaration(id))
			}
			for _, id := range []string{odd, "m", "n"} {
				w.store.remove(w.declaration(id))
				w.must(w.reconcileDeclaration(id))
			}
			w.beforeSend = func(r sentRequest) error {
				if ids, _ := r.fields["declarationRequestIds"].([]any); slices.Contains(ids, any(odd)) {
					return errConnection
				}
				return nil
			}
			for end := w.clock.Now().Add(day); w.clock.Now().Before(end); {
				w.advance(w.must(w.reconcilePayment("order")).RequeueAfter)
			}
			if notes := w.payment("order").Status.Declarations; len(notes) != 1 || notes[0].DeclarationRequestID != odd {
				t.Errorf("the payment notes %+v, want the one that gets no answer alone", notes)
			}
		})
	}
}
