package integration

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/controllers"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

// stepper runs reconcilers pass by pass, each pass in new ones: every pass is a restart. Its clock and the gateway's move
// together, as far as each pass asks to wait.
type stepper struct {
	*testenv.Shop
	clock    *clocktesting.FakeClock
	client   client.WithWatch
	gateways *controllers.Gateways
	// longestPause is after how long the gateway's word wakes an object that asked to be left alone longer, or for ever; 0 where nothing does.
	longestPause time.Duration
}

// startOfTime is when every stepped test begins: noon in the gateway's time zone, so that cancel windows are open.
var startOfTime = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

// newStepper makes a shop with a verified account. through, if given, is what stands between the reconcilers and the API server.
func newStepper(t *testing.T, through func(client.WithWatch) client.WithWatch, adjust ...func(*simulator.Options)) *stepper {
	t.Helper()
	return newStepperIn(t, testenv.NewShop(t, cluster, append(adjust, atStartOfTime)...), alipay.NewTransport(), through)
}

func atStartOfTime(o *simulator.Options) { o.Now = func() time.Time { return startOfTime } }

// newStepperIn does the same in a shop that there is, whose clock begins at startOfTime. transport takes the requests to the gateway.
func newStepperIn(t *testing.T, shop *testenv.Shop, transport http.RoundTripper, through func(client.WithWatch) client.WithWatch) *stepper {
	t.Helper()
	s := &stepper{Shop: shop, clock: clocktesting.NewFakeClock(startOfTime), client: cluster.Client}
	core, err := kubernetes.NewForConfig(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	secrets := controllers.NewSecrets(ctx, core.CoreV1().RESTClient(), cluster.Client)
	go func() { // nobody is woken here: each pass looks by itself
		for {
			select {
			case <-secrets.Changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	s.gateways = controllers.NewGateways(secrets, transport, 2*time.Second)
	s.settleAccount()
	if through != nil {
		s.client = through(cluster.Client)
	}
	return s
}

// lifecycle is that of a process that has just started.
func (s *stepper) lifecycle() *controllers.Lifecycle {
	return controllers.NewLifecycle(s.client, s.client, s.clock, events.NewFakeRecorder(1000), s.gateways)
}

func (s *stepper) settleAccount() {
	s.T.Helper()
	s.pass(&controllers.MerchantAccountReconciler{Lifecycle: s.lifecycle()}, testenv.AccountName)
}

// pass runs one pass and lets the time go by that it asks for. A failed pass is tried again after a second, as the workqueue would.
func (s *stepper) pass(r reconcile.Reconciler, name string) {
	result, err := r.Reconcile(s.T.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: s.Namespace, Name: name}})
	delay := result.RequeueAfter
	if s.longestPause > 0 && (delay == 0 || delay > s.longestPause) {
		delay = s.longestPause
	}
	if err != nil {
		delay = time.Second
	}
	s.advance(delay)
}

func (s *stepper) advance(d time.Duration) {
	s.clock.Step(d)
	s.Simulator.Advance(d)
}

// mostPasses bounds a run; the longest needs about twenty.
const mostPasses = 80

// settlePayment runs passes until the payment is settled.
func (s *stepper) settlePayment(name string) *apiv1.Payment {
	s.T.Helper()
	return s.passPayment(name, apiv1.OperationState.Final)
}

// settlePaymentAs runs passes until the payment has a state.
func (s *stepper) settlePaymentAs(name string, want apiv1.OperationState) *apiv1.Payment {
	s.T.Helper()
	return s.passPayment(name, func(state apiv1.OperationState) bool { return state == want })
}

func (s *stepper) passPayment(name string, done func(apiv1.OperationState) bool) *apiv1.Payment {
	s.T.Helper()
	payment := &apiv1.Payment{}
	s.passUntil(name, payment, func() reconcile.Reconciler { return &controllers.PaymentReconciler{Lifecycle: s.lifecycle()} },
		func() bool { return done(payment.Status.State) })
	return payment
}

// settleRefund runs passes until the refund is settled.
func (s *stepper) settleRefund(name string) *apiv1.Refund {
	s.T.Helper()
	refund := &apiv1.Refund{}
	s.passUntil(name, refund, func() reconcile.Reconciler { return &controllers.RefundReconciler{Lifecycle: s.lifecycle()} },
		func() bool { return refund.Status.State.Final() })
	return refund
}

// settleCapture runs passes until the capture is settled.
func (s *stepper) settleCapture(name string) *apiv1.Capture {
	s.T.Helper()
	capture := &apiv1.Capture{}
	s.passUntil(name, capture, func() reconcile.Reconciler { return &controllers.CaptureReconciler{Lifecycle: s.lifecycle()} },
		func() bool { return capture.Status.State.Final() })
	return capture
}

// settleDeclaration runs passes until customs has answered. A process plans in its first pass when to ask, so each lives for two.
func (s *stepper) settleDeclaration(name string) *apiv1.CustomsDeclaration {
	s.T.Helper()
	declaration := &apiv1.CustomsDeclaration{}
	var process *controllers.CustomsDeclarationReconciler
	s.passUntil(name, declaration, func() reconcile.Reconciler {
		if process != nil {
			last := process
			process = nil
			return last
		}
		process = controllers.NewCustomsDeclarationReconciler(s.lifecycle())
		return process
	}, func() bool { return declaration.Status.State.Final() })
	return declaration
}

// passUntil runs passes and reads the object after each.
func (s *stepper) passUntil(name string, obj client.Object, reconciler func() reconcile.Reconciler, done func() bool) {
	s.T.Helper()
	for range mostPasses {
		s.pass(reconciler(), name)
		if s.Get(name, obj); done() {
			return
		}
	}
	shown, _ := json.Marshal(obj)
	s.T.Fatalf("%s is not settled after %d passes: %s", name, mostPasses, shown)
}
