package controllers

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// listDisputes lists what the indexes of disputes find; false when another index is asked.
func (s *store) listDisputes(list client.ObjectList, behind int, asked client.ListOptions) (isDispute bool, err error) {
	each := func(visit func(client.Object)) {
		for _, key := range s.keys() {
			if entry := s.objects[key]; key.name.Namespace == asked.Namespace {
				visit(entry.versions[max(0, len(entry.versions)-1-behind)].DeepCopyObject().(client.Object))
			}
		}
	}
	switch list := list.(type) {
	case *apiv1.DisputeList:
		payment, exact := asked.FieldSelector.RequiresExactMatch(disputePaymentIndex)
		if !exact {
			return true, fmt.Errorf("no such index: %s", asked.FieldSelector)
		}
		each(func(obj client.Object) {
			if dispute, is := obj.(*apiv1.Dispute); is && dispute.Status.Payment == payment {
				list.Items = append(list.Items, *dispute)
			}
		})
		return true, nil
	case *apiv1.PaymentList:
		id, exact := asked.FieldSelector.RequiresExactMatch(paymentRequestIDIndex)
		if !exact {
			return true, fmt.Errorf("no such index: %s", asked.FieldSelector)
		}
		each(func(obj client.Object) {
			if payment, is := obj.(*apiv1.Payment); is && payment.Status.PaymentRequestID == id {
				list.Items = append(list.Items, *payment)
			}
		})
		return true, nil
	default:
		return false, nil
	}
}

// disputeWorld is a world whose receiver has made the Dispute "dispute" of a foreign payment, unless a test raises its own.
type disputeWorld struct {
	*world
	id     string
	events *loudRecorder
	heardN int
}

const (
	disputeName = "dispute"
	pdf         = "%PDF-1.4 a form\n"
)

// newDisputeWorld raises a dispute. Without a payment it is about one that this cluster does not manage.
func newDisputeWorld(t testing.TB, in simulator.DisputeInput) *disputeWorld {
	t.Helper()
	w := &disputeWorld{world: newWorld(t, notifiedByDashboard)}
	w.acknowledges(true)
	if in.Payment != "" {
		w.paid(in.Payment)
		in.Payment = w.payment(in.Payment).Status.PaymentID
	} else {
		in.ClientID, in.PaymentID, in.PaymentRequestID = testClientID, "elsewhere", "elsewhere-1"
		in.Amount = simulator.Money{Currency: "USD", Value: 1250}
	}
	w.heardN = len(w.announced())
	w.restart()
	raised, err := w.simulator.RaiseDispute(in)
	if err != nil {
		t.Fatal(err)
	}
	w.id = raised.DisputeID
	w.pass(10 * time.Second)
	return w
}

// restart begins a new process, whose events are kept.
func (w *disputeWorld) restart() {
	w.world.restart()
	if w.events == nil {
		w.events = &loudRecorder{}
	}
	w.disputes.Events = w.events
}

// pass lets time pass, hands over what the gateway announces meanwhile, and reconciles.
func (w *disputeWorld) pass(d time.Duration) apiv1.DisputeStatus {
	w.t.Helper()
	w.advance(d)
	return w.listen()
}

// listen hands over what the gateway has announced, and reconciles.
func (w *disputeWorld) listen() apiv1.DisputeStatus {
	w.t.Helper()
	all := w.announced()
	for _, a := range all[w.heardN:] {
		if a.subject().DisputeID != "" {
			w.receiveDispute(a)
		}
	}
	w.heardN = len(all)
	w.must(w.reconcileDispute())
	return w.dispute().Status
}

// receiveDispute stores a notification as the receiver does.
func (w *disputeWorld) receiveDispute(a announcement) {
	if w.dispute() == nil {
		w.store.create(&apiv1.Dispute{
			ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: disputeName},
			Spec:       apiv1.DisputeSpec{DisputeID: a.subject().DisputeID, MerchantAccountRef: apiv1.MerchantAccountReference{Name: testAccount}},
		})
	}
	w.put(w.dispute(), a)
}

func (w *disputeWorld) reconcileDispute() (ctrl.Result, error) {
	return w.disputes.Reconcile(w.t.Context(), requestFor(disputeName))
}

// settle reconciles until nothing is due within a longer time, whatever fails.
func (w *disputeWorld) settle() apiv1.DisputeStatus {
	w.t.Helper()
	w.follow(func(string) (ctrl.Result, error) { return w.reconcileDispute() }, disputeName, time.Hour)
	return w.dispute().Status
}

func (w *world) dispute() *apiv1.Dispute {
	dispute, _ := w.store.latest(storeKey{kind: "Dispute", name: requestFor(disputeName).NamespacedName}).(*apiv1.Dispute)
	return dispute
}

// respond sets the answer, as a person does.
func (w *disputeWorld) respond(response *apiv1.DisputeResponse) {
	if response.Attempt == 0 {
		response.Attempt = 1
	}
	w.store.edit(w.dispute(), func(obj client.Object) { obj.(*apiv1.Dispute).Spec.Response = response })
}

func accepting() *apiv1.DisputeResponse {
	return &apiv1.DisputeResponse{Action: apiv1.AcceptDispute}
}

// defending makes a Secret with a file of evidence, and the answer that names it.
func (w *disputeWorld) defending(file string) *apiv1.DisputeResponse {
	secret := newSecret("evidence-"+fmt.Sprint(w.store.version), map[string]string{apiv1.EvidenceKey: file})
	w.store.create(secret)
	return &apiv1.DisputeResponse{Action: apiv1.DefendDispute, EvidenceSecretRef: &apiv1.SecretKeyReference{Name: secret.Name}}
}

// ledger is the gateway's own record of the dispute.
func (w *disputeWorld) ledger() simulator.Dispute {
	w.t.Helper()
	if err := w.simulator.CheckInvariants(); err != nil {
		w.t.Error(err)
	}
	dispute, found := w.simulator.Ledger().Dispute(w.id)
	if !found {
		w.t.Fatal("the gateway has no such dispute")
	}
	return dispute
}

func (w *disputeWorld) expectState(want apiv1.DisputeState, reasonWanted string) {
	w.t.Helper()
	st := w.dispute().Status
	if st.State != want || reason(st.Conditions) != reasonWanted {
		w.t.Errorf("state = %s, reason %s; want %s, %s", st.State, reason(st.Conditions), want, reasonWanted)
	}
}

// announceDispute is a notification of the dispute with any fields, sent at a time.
func (w *disputeWorld) announceDispute(kind string, sent time.Time, more map[string]any) announcement {
	fields := map[string]any{"disputeNotificationType": kind, "disputeId": w.id, "paymentId": "elsewhere", "paymentRequestId": "elsewhere-1"}
	for name, value := range more {
		fields[name] = value
	}
	return signed(fields, sent)
}

func judgement(result string, at time.Time) map[string]any {
	return map[string]any{
		"disputeJudgedResult": result, "disputeJudgedTime": at.Format(time.RFC3339), "disputeJudgedAmount": map[string]any{"currency": "USD", "value": "1250"},
	}
}

func newConfigMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name}, Data: data}
}
