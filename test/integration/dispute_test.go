package integration

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// awaitDispute waits until the one dispute of a payment is in a state, and returns it.
func (s *notifiedShop) awaitDispute(payment string, want apiv1.DisputeState) *apiv1.Dispute {
	s.t.Helper()
	var found *apiv1.Dispute
	eventually(s.t, func() error {
		list := &apiv1.DisputeList{}
		s.must(cluster.Client.List(s.t.Context(), list, client.InNamespace(s.Namespace), client.MatchingLabels{apiv1.PaymentLabel: payment}))
		if len(list.Items) != 1 || list.Items[0].Status.State != want {
			return fmt.Errorf("disputes = %+v, want one that is %s", list.Items, want)
		}
		found = &list.Items[0]
		return nil
	})
	return found
}

// awaitDisputed waits until a payment shows that disputes may take its money, or does not.
func (s *notifiedShop) awaitDisputed(payment *apiv1.Payment, open int, want bool) {
	s.t.Helper()
	eventually(s.t, func() error {
		s.Get(payment.Name, payment)
		st := payment.Status
		if len(st.OpenDisputes) != open || meta.IsStatusConditionTrue(st.Conditions, apiv1.DisputedCondition) != want {
			return fmt.Errorf("open disputes = %v, conditions = %+v; want %d, disputed %t", st.OpenDisputes, st.Conditions, open, want)
		}
		return nil
	})
}

func TestDisputeIsShownDefendedAndJudged(t *testing.T) {
	t.Parallel()
	s := newNotifiedShop(t)
	payment := s.paidPayment("order")
	s.must(s.Simulator.SetNotifyURL(testenv.ClientID, s.Ingress.URL+"/notify/"+s.Namespace+"/"+testenv.AccountName))

	raised, err := s.Simulator.RaiseDispute(simulator.DisputeInput{Payment: payment.Status.PaymentID})
	s.must(err)
	s.pass(10 * time.Second)
	dispute := s.awaitDispute("order", apiv1.DisputeOpen)
	s.awaitDisputed(payment, 1, true)

	s.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "defence"}, Data: map[string][]byte{"evidence": []byte("%PDF-1.4\n")}})
	base := dispute.DeepCopy()
	dispute.Spec.Response = &apiv1.DisputeResponse{Action: apiv1.DefendDispute, EvidenceSecretRef: &apiv1.SecretKeyReference{Name: "defence"}}
	s.must(cluster.Client.Patch(t.Context(), dispute, client.MergeFrom(base)))
	dispute = s.awaitDispute("order", apiv1.DisputeDefenseSupplied)
	if got, _ := s.Simulator.Ledger().Dispute(raised.DisputeID); got.Defenses != 1 || got.EvidenceSHA256 != dispute.Status.Response.EvidenceSHA256 {
		t.Errorf("the gateway has %+v, want one defence with the evidence of %+v", got, dispute.Status.Response)
	}

	base = dispute.DeepCopy()
	dispute.Spec.Response = &apiv1.DisputeResponse{Action: apiv1.AcceptDispute, Attempt: 1}
	if err := cluster.Client.Patch(t.Context(), dispute, client.MergeFrom(base)); !apierrors.IsInvalid(err) {
		t.Errorf("changing the answer after it was sent: err = %v, want a refusal", err)
	}

	s.must(s.Simulator.JudgeDispute(raised.DisputeID, "ACCEPT_BY_CUSTOMER", simulator.Money{}))
	s.pass(10 * time.Second)
	dispute = s.awaitDispute("order", apiv1.DisputeWon)
	s.awaitDisputed(payment, 0, false)
	if got := len(dispute.Status.History); got != 3 {
		t.Errorf("%d notifications in the history, want those of the creation, the defence and the judgement", got)
	}

	s.must(cluster.Client.Delete(t.Context(), dispute))
	eventually(t, func() error {
		if err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(dispute), &apiv1.Dispute{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the deleted dispute is still there: %w", err)
		}
		return nil
	})
	s.must(s.Simulator.JudgeDispute(raised.DisputeID, "ACCEPT_BY_MERCHANT", simulator.Money{}))
	s.pass(10 * time.Second)
	eventually(t, func() error { // a replica that still had it in its cache is told again
		list := &apiv1.DisputeList{}
		s.must(cluster.Client.List(t.Context(), list, client.InNamespace(s.Namespace)))
		if len(list.Items) == 0 {
			s.pass(2 * time.Minute)
		}
		if len(list.Items) != 1 || list.Items[0].Status.State != apiv1.DisputeLost || list.Items[0].Name != dispute.Name {
			return fmt.Errorf("disputes = %+v, want %s again, and Lost", list.Items, dispute.Name)
		}
		return nil
	})
	s.awaitDisputed(payment, 0, true)
	checkLedger(t, s.Simulator)
}
