package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/controllers"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// The reconciler's writes of a dispute, by number, when nothing fails; and how many the receiver makes, one for each announcement.
const (
	announcementWrite = 1 + iota
	labelsWrite
	intentWrite
	answerWrite
	answerAnnouncedWrite
	judgementWrite

	disputeWrites  = judgementWrite
	receiverWrites = 3
)

// disputeBreakage is what goes wrong while a dispute is announced, answered and judged.
type disputeBreakage struct {
	fault simulator.Fault
	// kept is a write of the reconciler, and received one of the receiver.
	kept, received brokenWrite
}

func (b disputeBreakage) String() string {
	text := "no call fails"
	if b.fault.Kind != "" {
		text = fmt.Sprintf("%s strikes %s after %d", b.fault.Kind, b.fault.Path, b.fault.After)
	}
	return fmt.Sprintf("%s, of the reconciler %s, of the receiver %s", text, b.kept, b.received)
}

// disputeBreakages are every fault of the call that answers together with every broken write from the intent on, every other write broken, and every
// announcement lost, forged, repeated or out of order.
func disputeBreakages(path string) []disputeBreakage {
	var all []disputeBreakage
	for _, kind := range moveFaults {
		fault := simulator.Fault{Kind: kind, Path: path}
		all = append(all, disputeBreakage{fault: fault})
		for number := intentWrite; number <= answerAnnouncedWrite; number++ {
			all = append(all, disputeBreakage{fault: fault, kept: brokenWrite{number: number}}, disputeBreakage{fault: fault, kept: brokenWrite{number: number, after: true}})
		}
	}
	for _, number := range []int{announcementWrite, labelsWrite, judgementWrite} {
		all = append(all, disputeBreakage{kept: brokenWrite{number: number}}, disputeBreakage{kept: brokenWrite{number: number, after: true}})
	}
	for number := 1; number <= receiverWrites; number++ {
		all = append(all, disputeBreakage{received: brokenWrite{number: number}}, disputeBreakage{received: brokenWrite{number: number, after: true}})
		for _, kind := range []simulator.FaultKind{simulator.Lose, simulator.Forge, simulator.Repeat, simulator.Reorder} {
			all = append(all, disputeBreakage{fault: simulator.Fault{Kind: kind, Path: "notifyDispute", After: number - 1}})
		}
	}
	return all
}

// brokenReceiver fails one of the writes of Disputes that pass it.
type brokenReceiver struct {
	broken brokenWrite
	next   http.RoundTripper
	mu     sync.Mutex
	writes int
}

func (b *brokenReceiver) wrap(next http.RoundTripper) http.RoundTripper {
	b.next = next
	return b
}

func (b *brokenReceiver) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet || !strings.Contains(request.URL.Path, "/disputes") {
		return b.next.RoundTrip(request)
	}
	b.mu.Lock()
	b.writes++
	breaks := b.writes == b.broken.number
	b.mu.Unlock()
	if breaks && !b.broken.after {
		return nil, errLost
	}
	response, err := b.next.RoundTrip(request)
	if breaks && err == nil {
		_ = response.Body.Close()
		return nil, errLost
	}
	return response, err
}

func (b *brokenReceiver) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes
}

// answerWitness lets every answer to a dispute through, and looks whether the API server has its intent at that moment.
type answerWitness struct {
	t         *testing.T
	namespace string
	next      http.RoundTripper
	mu        sync.Mutex
	bodies    []string
}

func (w *answerWitness) RoundTrip(request *http.Request) (*http.Response, error) {
	if path := request.URL.Path; !strings.HasSuffix(path, "/acceptDispute") && !strings.HasSuffix(path, "/supplyDefenseDocument") {
		return w.next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	disputes := &apiv1.DisputeList{}
	if err := cluster.Client.List(request.Context(), disputes, client.InNamespace(w.namespace)); err != nil {
		return nil, err
	}
	isIntended := func(d apiv1.Dispute) bool {
		response := d.Status.Response
		return response != nil && response.Result == apiv1.ResponseUnanswered && response.Intent.RequestSHA256 == sha256Of(body)
	}
	if !slices.ContainsFunc(disputes.Items, isIntended) {
		w.t.Error("an answer leaves, and no dispute has it on record as one that is under way")
	}
	w.mu.Lock()
	w.bodies = append(w.bodies, string(body))
	w.mu.Unlock()
	return w.next.RoundTrip(request)
}

// sent are the bodies of the answers that have left.
func (w *answerWitness) sent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.bodies)
}

func sha256Of(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// disputedShop is a stepper whose receiver makes one dispute, out of what the gateway announces.
type disputedShop struct {
	*stepper
	breakage disputeBreakage
	receiver *brokenReceiver
	witness  *answerWitness
	writes   int
	raised   simulator.Dispute
}

func newDisputedShop(t *testing.T, breakage disputeBreakage) *disputedShop {
	t.Helper()
	shop := testenv.NewNotifiedShop(t, cluster, atStartOfTime)
	s := &disputedShop{
		breakage: breakage, receiver: &brokenReceiver{broken: breakage.received},
		witness: &answerWitness{t: t, namespace: shop.Namespace, next: alipay.NewTransport()},
	}
	s.stepper = newStepperIn(t, shop, s.witness, nil)
	s.RunManagerWith(testenv.ManagerOptions{ReceiverOnly: true, Wrap: s.receiver.wrap})
	s.Create(testenv.NewPayment("order"))
	payment := s.settlePayment("order")
	s.must(s.Simulator.SetNotifyURL(testenv.ClientID, s.Ingress.URL+"/notify/"+s.Namespace+"/"+testenv.AccountName))
	inject(t, s.Simulator, breakage.fault)
	s.client, s.longestPause = breakage.kept.through(&s.writes)(s.client), 30*time.Second
	raised, err := s.Simulator.RaiseDispute(simulator.DisputeInput{Payment: payment.Status.PaymentID})
	s.must(err)
	s.raised = raised
	return s
}

func (s *disputedShop) must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

// settle runs passes until the dispute has a state and everything about it was acknowledged.
func (s *disputedShop) settle(want apiv1.DisputeState) *apiv1.Dispute {
	s.T.Helper()
	var last []apiv1.Dispute
	for range mostPasses {
		list := &apiv1.DisputeList{}
		s.must(cluster.Client.List(s.T.Context(), list, client.InNamespace(s.Namespace)))
		if last = list.Items; len(last) > 1 {
			s.T.Fatalf("%d disputes, want one: %+v", len(last), last)
		}
		if len(last) == 1 && last[0].Status.State == want && len(last[0].Labels) > 0 && len(s.announced(false)) == 0 {
			return &last[0]
		}
		name := "not-announced"
		if len(last) == 1 {
			name = last[0].Name
		}
		s.pass(&controllers.DisputeReconciler{Lifecycle: s.lifecycle()}, name)
	}
	s.T.Fatalf("the dispute is not %s after %d passes: %+v; not acknowledged: %v", want, mostPasses, last, s.announced(false))
	return nil
}

// announced are the types of what the gateway has announced of the dispute, as far as it was acknowledged, or was not.
func (s *disputedShop) announced(acknowledged bool) []string {
	var types []string
	for _, n := range s.Simulator.Ledger().Notifications {
		if n.Target == s.raised.DisputeID && n.Acknowledged == acknowledged {
			types = append(types, n.Type)
		}
	}
	slices.Sort(types)
	return types
}

// runDispute lets a dispute be announced, answered and judged, and returns it with what the gateway has of it.
func (s *disputedShop) runDispute(response *apiv1.DisputeResponse, answered apiv1.DisputeState, judgement string, judged apiv1.DisputeState) (*apiv1.Dispute, simulator.Dispute) {
	s.T.Helper()
	dispute := s.settle(apiv1.DisputeOpen)
	base := dispute.DeepCopy()
	dispute.Spec.Response = response
	s.must(cluster.Client.Patch(s.T.Context(), dispute, client.MergeFrom(base)))
	s.settle(answered)
	s.must(s.Simulator.JudgeDispute(s.raised.DisputeID, judgement, simulator.Money{}))
	s.settle(judged)
	// What has ended stays as it is, and costs nothing.
	writes, sent := s.writes, len(s.witness.sent())
	_, err := (&controllers.DisputeReconciler{Lifecycle: s.lifecycle()}).Reconcile(s.T.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(dispute)})
	s.must(err)
	if s.writes != writes || len(s.witness.sent()) != sent {
		s.T.Errorf("another pass made %d writes and %d calls, want none", s.writes-writes, len(s.witness.sent())-sent)
	}
	booked, _ := s.Simulator.Ledger().Dispute(s.raised.DisputeID)
	dispute = s.settle(judged)
	s.checkAnswer(dispute)
	s.checkHistory(dispute)
	s.checkBreakage()
	checkLedger(s.T.(*testing.T), s.Simulator)
	return dispute, booked
}

// forgets reports whether a process ends before it could record what the gateway said to the answer. A fault makes that one write more.
func (b disputeBreakage) forgets() bool {
	return !b.kept.after && (b.kept.number == answerWrite || b.fault.Kind != "" && b.kept.number == answerWrite+1)
}

// checkAnswer expects that every sending said the same, that none was needless, and that what became of it is known unless that was forgotten.
func (s *disputedShop) checkAnswer(dispute *apiv1.Dispute) {
	s.T.Helper()
	bodies, most := s.witness.sent(), 1
	if s.breakage.fault.Kind != "" {
		most++
	}
	if s.breakage.forgets() {
		most++
	}
	if len(bodies) == 0 || len(bodies) > most {
		s.T.Fatalf("the answer was sent %d times, want at least once and at most %d times", len(bodies), most)
	}
	if slices.ContainsFunc(bodies, func(body string) bool { return body != bodies[0] }) {
		s.T.Error("the answer was sent again in other words")
	}
	response := dispute.Status.Response
	if response.Action != string(dispute.Spec.Response.Action) || response.Intent.RequestSHA256 != sha256Of([]byte(bodies[0])) {
		s.T.Errorf("on record is %+v, want what was sent", response)
	}
	// Whose decision stands is not known to a process that came later: another one may have been made in the dashboard.
	known := []apiv1.ResponseResult{apiv1.ResponseTaken}
	if s.breakage.forgets() {
		known = append(known, apiv1.ResponseOtherDecision)
		if dispute.Spec.Response.Action == apiv1.DefendDispute {
			known = append(known, apiv1.ResponseUnanswered)
		}
	}
	if !slices.Contains(known, response.Result) {
		s.T.Errorf("the answer is %s, want one of %v", response.Result, known)
	}
}

// checkHistory expects every announcement in the history, once, and none acknowledged that was forged.
func (s *disputedShop) checkHistory(dispute *apiv1.Dispute) {
	s.T.Helper()
	var kept []string
	for _, note := range dispute.Status.History {
		kept = append(kept, note.Type)
	}
	slices.Sort(kept)
	if want := s.announced(true); len(want) != receiverWrites || !slices.Equal(kept, want) {
		s.T.Errorf("history = %v, want the %d announcements that were acknowledged: %v", kept, receiverWrites, want)
	}
	for _, n := range s.Simulator.Ledger().Notifications {
		if n.ForgedAccepted > 0 {
			s.T.Errorf("a forged notification was acknowledged: %+v", n)
		}
	}
}

// checkBreakage expects that what was to break did, and that where nothing breaks there are no more writes than the ones which are broken in turn.
func (s *disputedShop) checkBreakage() {
	s.T.Helper()
	if s.writes < s.breakage.kept.number || s.receiver.count() < s.breakage.received.number || len(s.Simulator.Faults()) > 0 {
		s.T.Errorf("%d and %d writes, faults left %v: nothing was broken", s.writes, s.receiver.count(), s.Simulator.Faults())
	}
	if s.breakage == (disputeBreakage{fault: simulator.Fault{Path: s.breakage.fault.Path}}) && (s.writes != disputeWrites || s.receiver.count() != receiverWrites) {
		s.T.Errorf("%d writes of the reconciler and %d of the receiver, want %d and %d", s.writes, s.receiver.count(), disputeWrites, receiverWrites)
	}
}

func TestDisputeIsAcceptedOnceWhateverFails(t *testing.T) {
	for _, breakage := range disputeBreakages("acceptDispute") {
		t.Run(breakage.String(), func(t *testing.T) {
			t.Parallel()
			s := newDisputedShop(t, breakage)
			response := &apiv1.DisputeResponse{Action: apiv1.AcceptDispute, Attempt: 1}
			_, booked := s.runDispute(response, apiv1.DisputeAccepted, "ACCEPT_BY_MERCHANT", apiv1.DisputeLost)
			if booked.Accepts != 1 || booked.Defenses != 0 || booked.State != "LOST" {
				t.Errorf("the gateway has %+v, want it accepted once and lost", booked)
			}
		})
	}
}

func TestDisputeIsDefendedOnceWhateverFails(t *testing.T) {
	evidence := []byte("%PDF-1.4 a delivery note\n")
	for _, breakage := range disputeBreakages("supplyDefenseDocument") {
		t.Run(breakage.String(), func(t *testing.T) {
			t.Parallel()
			s := newDisputedShop(t, breakage)
			s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "defence"}, Data: map[string][]byte{apiv1.EvidenceKey: evidence}})
			response := &apiv1.DisputeResponse{Action: apiv1.DefendDispute, Attempt: 1, EvidenceSecretRef: &apiv1.SecretKeyReference{Name: "defence"}}
			dispute, booked := s.runDispute(response, apiv1.DisputeDefenseSupplied, "ACCEPT_BY_CUSTOMER", apiv1.DisputeWon)
			if booked.Defenses != 1 || booked.Accepts != 0 || booked.State != "WON" || booked.EvidenceSHA256 != sha256Of(evidence) {
				t.Errorf("the gateway has %+v, want it defended once, with the file, and won", booked)
			}
			if got := dispute.Status.Response.EvidenceSHA256; got != sha256Of(evidence) {
				t.Errorf("evidence on record = %s, want that of the file", got)
			}
		})
	}
}
