package notification

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/notification"
	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

const (
	benchSenders = 16
	// benchPayments get so many notifications each, as real ones do.
	benchPayments = 384
	benchEach     = 4
	// benchBatch is how many are sent before it is the turn of bare writes, so that what slows the machine slows both.
	benchBatch = 96
	// mostAdded is how much longer than a bare write a notification may take.
	mostAdded = 0.25
)

// BenchmarkReceiver measures from request to acknowledgement, beside bare patches of annotations of the same size, in turns: what the
// receiver does besides writing.
func BenchmarkReceiver(b *testing.B) {
	b.Run("fsync=off", func(b *testing.B) { benchmarkReceiver(b, cluster) })
	b.Run("fsync=on", func(b *testing.B) {
		durable, err := testenv.StartDurableCluster(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(durable.Kill)
		benchmarkReceiver(b, durable)
	})
}

func benchmarkReceiver(b *testing.B, c *testenv.Cluster) {
	s := testenv.NewNotifiedShop(b, c)
	manager := s.RunManagerWith(testenv.ManagerOptions{ReceiverOnly: true})
	bench := &receiverBench{Shop: s, address: "http://" + manager.NotificationAddress, bare: bareClient(b, c), http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: benchSenders, MaxConnsPerHost: benchSenders},
	}}
	defer bench.http.CloseIdleConnections()
	var received, bare samples
	round := 0
	for b.Loop() {
		b.StopTimer()
		notified, patched := bench.payments(round, "notified"), bench.payments(round, "patched")
		letters := bench.sign(notified)
		round++
		b.StartTimer()
		for i := 0; i < benchEach*benchPayments; i += benchBatch {
			each, from := letters[i/benchPayments], i%benchPayments
			turns := []func(){
				func() { received.add(bench.deliver(each[from : from+benchBatch])) },
				func() { bare.add(bench.patch(patched[from:from+benchBatch], each[from:from+benchBatch])) },
			}
			if i/benchBatch%2 == 1 {
				slices.Reverse(turns)
			}
			for _, turn := range turns {
				turn()
			}
		}
	}
	report(b, &received, &bare)
}

func report(b *testing.B, received, bare *samples) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(received.latencies))/received.elapsed.Seconds(), "notifications/s")
	b.ReportMetric(float64(len(bare.latencies))/bare.elapsed.Seconds(), "bare-patches/s")
	b.ReportMetric(milliseconds(received.quantile(0.5)), "p50-ms")
	b.ReportMetric(milliseconds(received.quantile(0.99)), "p99-ms")
	b.ReportMetric(milliseconds(bare.quantile(0.5)), "bare-p50-ms")
	b.ReportMetric(milliseconds(bare.quantile(0.99)), "bare-p99-ms")
	added := float64(received.quantile(0.5))/float64(bare.quantile(0.5)) - 1
	b.ReportMetric(100*added, "added-p50-%")
	if added > mostAdded {
		b.Errorf("the receiver adds %.0f %% to a bare write at p50, want %.0f %% at most", 100*added, 100*mostAdded)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// samples are the latencies of all batches of one kind.
type samples struct {
	latencies []time.Duration
	elapsed   time.Duration
}

func (s *samples) add(latencies []time.Duration, elapsed time.Duration) {
	s.latencies, s.elapsed = append(s.latencies, latencies...), s.elapsed+elapsed
}

func (s *samples) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s.latencies))
	return sorted[int(q*float64(len(sorted)-1))]
}

type receiverBench struct {
	*testenv.Shop
	address string
	http    *http.Client
	bare    client.Client
}

// bareClient writes as the receiver's client does, on a connection of its own.
func bareClient(b *testing.B, c *testenv.Cluster) client.Client {
	b.Helper()
	bare, err := client.New(rest.CopyConfig(c.Config), client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	return bare
}

// payments makes payments of which the gateway is asked to tell, and that no controller works on.
func (s *receiverBench) payments(round int, kind string) []*apiv1.Payment {
	made := make([]*apiv1.Payment, benchPayments)
	s.concurrently(benchPayments, func(i int) error {
		payment := testenv.NewPayment(fmt.Sprintf("%s-%d-%d", kind, round, i))
		payment.Namespace = s.Namespace
		if err := s.Cluster.Client.Create(s.T.Context(), payment); err != nil {
			return err
		}
		payment.Status = submittedStatus(payment.Name)
		made[i] = payment
		return s.Cluster.Client.Status().Update(s.T.Context(), payment)
	})
	return made
}

// sign makes several notifications for each payment.
func (s *receiverBench) sign(payments []*apiv1.Payment) [][]letter {
	letters := make([][]letter, benchEach)
	for each := range letters {
		letters[each] = make([]letter, len(payments))
	}
	s.concurrently(len(payments)*benchEach, func(n int) error {
		each, i := n/len(payments), n%len(payments)
		body, err := json.Marshal(map[string]any{
			"notifyType": alipay.NotifyPaymentPending, "paymentRequestId": payments[i].Status.PaymentRequestID, "paymentId": payments[i].Status.PaymentID,
			"result":            map[string]any{"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success."},
			"paymentAmount":     map[string]any{"currency": "HKD", "value": "10000"},
			"paymentCreateTime": time.Date(2026, 11, 21, 4, 0, each, 0, time.UTC).Format(time.RFC3339),
			"paymentMethodType": "ALIPAY_HK", "customsDeclarationAmount": map[string]any{"currency": "CNY", "value": "9200"},
		})
		if err != nil {
			return err
		}
		letters[each][i], err = sign(s.Shop, body)
		return err
	})
	return letters
}

// deliver sends a batch of notifications.
func (s *receiverBench) deliver(letters []letter) (latencies []time.Duration, elapsed time.Duration) {
	url := s.address + "/notify/" + s.Namespace + "/" + testenv.AccountName
	return s.measure(len(letters), func(ctx context.Context, i int) error { return letters[i].deliver(ctx, s.http, url) })
}

// patch writes annotations of the same size to other payments, which therefore grow alike.
func (s *receiverBench) patch(payments []*apiv1.Payment, letters []letter) (latencies []time.Duration, elapsed time.Duration) {
	patches := make([]client.Patch, len(payments))
	for i, l := range letters {
		value, err := notification.Envelope{
			URI: l.uri, ClientID: l.header.Get("Client-Id"), RequestTime: l.header.Get("Request-Time"), Signature: l.header.Get("Signature"),
			Body: string(l.body), ReceivedAt: time.Now().UTC().Format(time.RFC3339Nano),
		}.Value()
		if err != nil {
			s.T.Fatal(err)
		}
		name := fmt.Sprintf("%s-%s-%012x", apiv1.NotificationAnnotation, alipay.NotifyPaymentPending, time.Now().UnixNano()%(1<<47))
		body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": payments[i].UID, "annotations": map[string]string{name: value}}})
		if err != nil {
			s.T.Fatal(err)
		}
		patches[i] = client.RawPatch(types.MergePatchType, body)
	}
	return s.measure(len(payments), func(ctx context.Context, i int) error {
		target := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: payments[i].Name}}
		target.SetGroupVersionKind(apiv1.GroupVersion.WithKind("Payment"))
		return s.bare.Patch(ctx, target, patches[i])
	})
}

// measure does something so many times, by concurrent senders, and returns how long each took.
func (s *receiverBench) measure(n int, do func(context.Context, int) error) (latencies []time.Duration, elapsed time.Duration) {
	latencies = make([]time.Duration, n)
	ctx := s.T.Context()
	began := time.Now()
	s.concurrently(n, func(i int) error {
		start := time.Now()
		err := do(ctx, i)
		latencies[i] = time.Since(start)
		return err
	})
	return latencies, time.Since(began)
}

// concurrently does something for each index.
func (s *receiverBench) concurrently(n int, do func(int) error) {
	queue := make(chan int, n)
	for i := range n {
		queue <- i
	}
	close(queue)
	var workers sync.WaitGroup
	for range benchSenders {
		workers.Go(func() {
			for i := range queue {
				if err := do(i); err != nil {
					s.T.Errorf("number %d: %v", i, err)
				}
			}
		})
	}
	workers.Wait()
}
