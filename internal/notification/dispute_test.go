package notification

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

const (
	testDisputeID   = "2099011019401080010000000000001"
	testDisputeName = "dispute-" + testDisputeID
)

// disputeBody is a notification of a dispute of a payment that is not here, unless more says otherwise.
func disputeBody(kind, more string) string {
	return `{"disputeNotificationType":"` + kind + `","disputeId":"` + testDisputeID + `","paymentId":"elsewhere"` + more + `}`
}

func (d *door) dispute(t testing.TB, name string) *apiv1.Dispute {
	t.Helper()
	dispute := &apiv1.Dispute{}
	d.get(t, name, dispute)
	return dispute
}

func TestDisputeIsMadeWithItsNotificationInOneWrite(t *testing.T) {
	for _, payment := range []string{``, `,"paymentRequestId":"pr_1","paymentId":"2099_1"`} {
		d := newDoor()
		body := disputeBody("DISPUTE_CREATED", payment)
		if response := d.deliver(t, written(body)); !isAcknowledgement(t, response) {
			t.Fatalf("answer = %s; log: %s", response.Status, d.log())
		}
		d.expectWrites(t, "create *v1.Dispute") // and nothing on the payment
		dispute := d.dispute(t, testDisputeName)
		if dispute.Spec.DisputeID != testDisputeID || dispute.Spec.MerchantAccountRef.Name != "main" || dispute.Spec.Response != nil {
			t.Errorf("spec = %+v", dispute.Spec)
		}
		if stored := only(t, dispute); stored.Body != body || stored.Verify([]byte(body), &gatewayKey().PublicKey) != nil {
			t.Errorf("stored %+v", stored)
		}
	}
}

func TestFurtherNotificationsOfADisputeAreStoredBesideTheFirst(t *testing.T) {
	d := newDoor()
	for _, kind := range []string{"DISPUTE_CREATED", "DISPUTE_CREATED", "DEFENSE_DUE_ALERT", "DISPUTE_REOPENED"} {
		if response := d.deliver(t, written(disputeBody(kind, ""))); !isAcknowledgement(t, response) {
			t.Errorf("%s: answer = %s", kind, response.Status)
		}
	}
	d.expectWrites(t, "create *v1.Dispute", "patch "+testDisputeName, "patch "+testDisputeName, "patch "+testDisputeName)
	if got := len(d.dispute(t, testDisputeName).Annotations); got != 3 {
		t.Errorf("%d notifications stored, want 3: one came twice, one is of an unknown type", got)
	}
}

func TestProposedDefenseIsOnDiskBeforeItIsAcknowledged(t *testing.T) {
	proposal := func(file string) letter {
		return written(`{"disputeId":"` + testDisputeID + `","notifyTime":"2099-01-11T03:00:00-08:00","defenseFile":{"fileName":"` + file + `"}}`)
	}
	d := newDoor()
	d.fails["create *v1.Dispute"] = errors.New("the API server is away")
	if isAcknowledgement(t, d.deliver(t, proposal("a"))) {
		t.Error("acknowledged, and nothing is on disk")
	}
	delete(d.fails, "create *v1.Dispute")
	for _, file := range []string{"a", "a", "b"} { // of an unknown dispute, sent again, and of a known one
		if response := d.deliver(t, proposal(file)); !isAcknowledgement(t, response) {
			t.Errorf("%s: answer = %s; log: %s", file, response.Status, d.log())
		}
	}
	var names []string
	for name := range d.dispute(t, testDisputeName).Annotations {
		names = append(names, name[:strings.LastIndex(name, "-")])
	}
	if want := apiv1.NotificationAnnotation + "-DEFENSE_DOCUMENT"; !slices.Equal(names, []string{want, want}) {
		t.Errorf("stored as %q, want two as %q: one came twice", names, want)
	}
	d.fails["patch "+testDisputeName] = errors.New("the API server is away")
	if isAcknowledgement(t, d.deliver(t, proposal("c"))) {
		t.Error("a further one is acknowledged, and not on disk")
	}
}

func TestDisputeThatCanNotBeMadeIsNotAcknowledged(t *testing.T) {
	d := newDoor()
	d.fails["create *v1.Dispute"] = errors.New("the API server is away")
	letter := written(disputeBody("DISPUTE_CREATED", ""))
	if isAcknowledgement(t, d.deliver(t, letter)) {
		t.Error("acknowledged, and nothing is on disk")
	}
	delete(d.fails, "create *v1.Dispute")
	if !isAcknowledgement(t, d.deliver(t, letter)) {
		t.Error("not acknowledged when it was sent again")
	}
	only(t, d.dispute(t, testDisputeName))
}

// staleCache has none of the disputes, as that of a replica which lags.
type staleCache struct{ client.Reader }

func (s staleCache) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if _, isDisputes := list.(*apiv1.DisputeList); isDisputes {
		return nil
	}
	return s.Reader.List(ctx, list, options...)
}

func TestReplicasThatAreToldAtOnceMakeOneDispute(t *testing.T) {
	d := newDoor()
	var replicas sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	for i := range 6 {
		replicas.Go(func() {
			replica := &door{Receiver: NewReceiver(staleCache{d.api}, d.api, logr.Discard()), api: d.api}
			replica.live = d.api
			response := replica.deliver(t, written(disputeBody("DEFENSE_DUE_ALERT", fmt.Sprintf(`,"arn":"%d"`, i/2))))
			mu.Lock()
			defer mu.Unlock()
			if isAcknowledgement(t, response) {
				acknowledged++
			}
		})
	}
	replicas.Wait()
	list := &apiv1.DisputeList{}
	if err := d.api.List(t.Context(), list); err != nil || len(list.Items) != 1 {
		t.Fatalf("%d disputes, %v; want one", len(list.Items), err)
	}
	if got := len(list.Items[0].Annotations); acknowledged != 6 || got != 3 {
		t.Errorf("%d of 6 acknowledged, %d notifications stored; want all, and the 3 different ones", acknowledged, got)
	}
}

func TestCrashBetweenMakingADisputeAndStoringIsMadeGood(t *testing.T) {
	d := newDoor()
	letter := written(disputeBody("DISPUTE_CREATED", `,"cardToken":"canary"`)) // which can not be in an annotation
	d.fails["patch "+testDisputeName] = errors.New("the process is gone")
	if isAcknowledgement(t, d.deliver(t, letter)) {
		t.Error("acknowledged, and the object does not name the notification")
	}
	d.expectWrites(t, "create *v1.Dispute", "create *v1.Secret", "patch "+testDisputeName)
	delete(d.fails, "patch "+testDisputeName)
	if !isAcknowledgement(t, d.deliver(t, letter)) {
		t.Errorf("not acknowledged when it was sent again: %s", d.log())
	}
	stored := only(t, d.dispute(t, testDisputeName))
	secret := &corev1.Secret{}
	d.get(t, stored.BodySecretName, secret)
	if stored.Body != "" || string(secret.Data[apiv1.NotificationBodySecretKey]) != letter.body || strings.Contains(d.log(), "canary") {
		t.Errorf("stored %+v, log %s", stored, d.log())
	}
}

func TestNotificationOfAFullDisputeIsAcknowledgedOnceThereIsRoom(t *testing.T) {
	d := newDoor()
	for i := range maxStored {
		if !isAcknowledgement(t, d.deliver(t, written(disputeBody("DEFENSE_DUE_ALERT", fmt.Sprintf(`,"arn":"%d"`, i))))) {
			t.Fatalf("number %d is not acknowledged", i+1)
		}
	}
	judged := written(disputeBody("DISPUTE_JUDGED", ""))
	if isAcknowledgement(t, d.deliver(t, judged)) {
		t.Error("acknowledged, and there is no room")
	}
	dispute := d.dispute(t, testDisputeName)
	for name := range dispute.Annotations {
		delete(dispute.Annotations, name)
		break
	}
	if err := d.api.Update(t.Context(), dispute); err != nil {
		t.Fatal(err)
	}
	if !isAcknowledgement(t, d.deliver(t, judged)) {
		t.Error("not acknowledged, and there is room")
	}
}

func TestDisputeThatIsBeingDeletedTakesNothing(t *testing.T) {
	d := newDoor()
	d.deliver(t, written(disputeBody("DISPUTE_CREATED", "")))
	dispute := d.dispute(t, testDisputeName)
	dispute.Finalizers = []string{"example.com/archive"}
	if err := errors.Join(d.api.Update(t.Context(), dispute), d.api.Delete(t.Context(), dispute)); err != nil {
		t.Fatal(err)
	}
	judged := written(disputeBody("DISPUTE_JUDGED", ""))
	if isAcknowledgement(t, d.deliver(t, judged)) {
		t.Error("acknowledged, and it goes with the object")
	}
	d.live = d.api
	if stale := (&door{Receiver: NewReceiver(staleCache{d.api}, d.api, logr.Discard()), api: d.api}); !isAcknowledgement(t, stale.deliver(t, judged)) {
		t.Error("a replica that does not know the object has not made another")
	}
	dispute = d.dispute(t, testDisputeName)
	dispute.Finalizers = nil
	if err := d.api.Update(t.Context(), dispute); err != nil {
		t.Fatal(err)
	}
	if !isAcknowledgement(t, d.deliver(t, judged)) {
		t.Error("not acknowledged, and the object is gone")
	}
	list := &apiv1.DisputeList{}
	if err := d.api.List(t.Context(), list); err != nil || len(list.Items) != 1 || only(t, &list.Items[0]).Body != judged.body {
		t.Errorf("disputes = %+v, %v; want one with the judgement", list.Items, err)
	}
}

func TestDisputesOfTwoAccountsAreTwo(t *testing.T) {
	d := newDoor()
	second := testAccount()
	second.Name, second.UID = "second", "second-uid"
	if err := d.api.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{testPath, "/notify/shop/second"} {
		for _, kind := range []string{"DISPUTE_CREATED", "DISPUTE_JUDGED"} {
			if !isAcknowledgement(t, d.deliver(t, writtenTo(path, disputeBody(kind, "")))) {
				t.Errorf("%s to %s is not acknowledged: %s", kind, path, d.log())
			}
		}
	}
	list := &apiv1.DisputeList{}
	if err := d.api.List(t.Context(), list); err != nil || len(list.Items) != 2 {
		t.Fatalf("%d disputes, %v; want 2", len(list.Items), err)
	}
	for _, dispute := range list.Items {
		if len(dispute.Annotations) != 2 {
			t.Errorf("%s of %s has %d notifications, want 2", dispute.Name, dispute.Spec.MerchantAccountRef.Name, len(dispute.Annotations))
		}
	}
}

func TestDisputeThatSomebodyHasMadeUnderAnotherNameIsTheOne(t *testing.T) {
	d := newDoor()
	own := &apiv1.Dispute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "lamp"},
		Spec:       apiv1.DisputeSpec{DisputeID: testDisputeID, MerchantAccountRef: apiv1.MerchantAccountReference{Name: "main"}},
	}
	if err := d.api.Create(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if !isAcknowledgement(t, d.deliver(t, written(disputeBody("DISPUTE_CREATED", "")))) {
		t.Error("not acknowledged")
	}
	only(t, d.dispute(t, "lamp"))
	err := d.api.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: testDisputeName}, own)
	if !apierrors.IsNotFound(err) {
		t.Errorf("another one was made: %v", err)
	}
}

func TestNamesOfDisputesAreNames(t *testing.T) {
	ids := []string{testDisputeID, "ABC", "abc", "a/b", "a_b", "a.b", "é", "-", strings.Repeat("9", 64), strings.Repeat("9", 65), strings.Repeat("x-", 60), "\n", " "}
	seen := map[string]string{}
	for _, id := range ids {
		for _, name := range disputeNames("main", id) {
			if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
				t.Errorf("%q is called %q: %v", id, name, wrong)
			}
			if other, taken := seen[name]; taken {
				t.Errorf("%q and %q are both called %q", id, other, name)
			}
			seen[name] = id
		}
	}
	if got := disputeNames("main", testDisputeID)[0]; got != testDisputeName {
		t.Errorf("name = %s, want %s", got, testDisputeName)
	}
}

func TestAnAccountCanNotFillTheClusterWithDisputesAtOnce(t *testing.T) {
	d := newDoor()
	now := time.Now()
	d.now = func() time.Time { return now }
	announce := func(i int) bool {
		return isAcknowledgement(t, d.deliver(t, written(strings.Replace(disputeBody("DISPUTE_CREATED", ""), testDisputeID, fmt.Sprint(i), 1))))
	}
	for i := range creationsBurst {
		if !announce(i) {
			t.Fatalf("number %d is not acknowledged", i+1)
		}
	}
	if announce(creationsBurst) {
		t.Error("one too many is acknowledged")
	}
	if !announce(0) {
		t.Error("a notification of a dispute that is here is held up")
	}
	now = now.Add(time.Second)
	if !announce(creationsBurst) {
		t.Error("not acknowledged a second later")
	}
}
