package controllers

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

var noOrder = &trouble{outcome: notFound, code: "ORDER_NOT_EXIST"}

func TestNextStepOfASubmission(t *testing.T) {
	tests := []struct {
		name   string
		change func(*submission)
		want   step
	}{
		{"nothing has left since the intent", func(s *submission) { s.recall.unsent = true }, stepSubmit},
		{"nothing has left, and the request is another", func(s *submission) { s.recall.unsent, s.same = true, false }, stepAsk},
		{"nothing has left, for too long", func(s *submission) {
			s.recall.unsent, s.lastSubmittedAt = true, s.now.Add(-unsentFor)
		}, stepAsk},
		{"this process does not know whether it has left", func(*submission) {}, stepAsk},
		{"the next look is planned", func(s *submission) { s.recall.nextLook = s.now.Add(time.Second) }, stepWait},
		{"the planned look is due", func(s *submission) { s.recall.nextLook = s.now }, stepAsk},
		{"it was sent in this pass", func(s *submission) { s.moved = true }, stepWait},
		{"it was sent and its answer lost", func(s *submission) { s.moved, s.trouble = true, &trouble{outcome: unknown} }, stepWait},
		{"it was sent and refused", func(s *submission) {
			s.moved, s.refusal, s.trouble = true, "RISK_REJECT", &trouble{outcome: refused}
		}, stepAsk},
		{"an adopted one was sent again", func(s *submission) { s.moved, s.adopted = true, true }, stepAsk},
		{"the gateway is away", func(s *submission) { s.asked, s.trouble = true, &trouble{outcome: unknown} }, stepWait},
		{"the gateway refuses the account", func(s *submission) { s.asked, s.trouble = true, &trouble{outcome: refusedIdentity} }, stepWait},
		{"the answer says that it is open", func(s *submission) { s.asked, s.seen = true, true }, stepWait},
		{"one empty answer", func(s *submission) { s.asked, s.trouble, s.empty = true, noOrder, 1 }, stepWait},
		{"three empty answers", func(s *submission) { s.asked, s.trouble, s.empty = true, noOrder, 3 }, stepWait},
		{"four empty answers", func(s *submission) { s.asked, s.trouble, s.empty = true, noOrder, 4 }, stepSubmitAgain},
		{"four empty answers on record, and none now", func(s *submission) { s.asked, s.empty = true, 4 }, stepWait},
		{"four empty answers, not yet asked in this pass", func(s *submission) { s.empty = 4 }, stepAsk},
		{"four empty answers about what was seen", func(s *submission) {
			s.asked, s.trouble, s.empty, s.seen = true, noOrder, 4, true
		}, stepWait},
		{"four empty answers, and the request is another", func(s *submission) {
			s.asked, s.trouble, s.empty, s.same = true, noOrder, 4, false
		}, stepChanged},
		{"a refusal that an empty answer confirms", func(s *submission) {
			s.asked, s.moved, s.refusal, s.trouble, s.empty = true, true, "RISK_REJECT", noOrder, 1
		}, stepNeverPlaced},
		{"a doubtful refusal and one empty answer", func(s *submission) {
			s.asked, s.moved, s.refusal, s.trouble, s.empty = true, true, "SYSTEM_ERROR", noOrder, 1
		}, stepWait},
		{"a doubtful refusal and four empty answers", func(s *submission) {
			s.asked, s.refusal, s.trouble, s.empty = true, "SYSTEM_ERROR", noOrder, 4
		}, stepNeverPlaced},
		{"a refusal of a repeat and one empty answer", func(s *submission) {
			s.asked, s.refusal, s.trouble, s.empty, s.resent = true, "RISK_REJECT", noOrder, 1, true
		}, stepWait},
		{"a refusal, and the inquiry is lost", func(s *submission) {
			s.asked, s.moved, s.refusal, s.trouble = true, true, "RISK_REJECT", &trouble{outcome: unknown}
		}, stepWait},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := submission{now: worldStart, submittedAt: worldStart, lastSubmittedAt: worldStart, same: true}
			tt.change(&s)
			if got, _ := s.next(); got != tt.want {
				t.Errorf("step = %s, want %s", got, tt.want)
			}
		})
	}
}

func drawTrouble(t *rapid.T) *trouble {
	what := rapid.SampledFrom([]outcome{"", notFound, notSent, unknown, refusedIdentity, refused}).Draw(t, "trouble")
	if what == "" {
		return nil
	}
	return &trouble{outcome: what}
}

// Whatever is known: what may have left is sent again on proof alone, with the same bytes, and at most once in a pass.
func TestNothingIsSentAgainWithoutProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		since := func(label string) time.Time {
			return worldStart.Add(time.Duration(rapid.IntRange(-100, 4000).Draw(t, label)) * -time.Second)
		}
		s := submission{
			now: worldStart, submittedAt: since("submitted"), lastSubmittedAt: since("last submitted"),
			recall: recall{unsent: rapid.Bool().Draw(t, "unsent"), failures: rapid.IntRange(0, 20).Draw(t, "failures"), nextLook: since("next look")},
			empty:  rapid.Int32Range(0, emptyAnswers).Draw(t, "empty"), seen: rapid.Bool().Draw(t, "seen"),
			resent: rapid.Bool().Draw(t, "resent"), same: rapid.Bool().Draw(t, "same"), adopted: rapid.Bool().Draw(t, "adopted"),
			refusal: rapid.SampledFrom([]string{"", "RISK_REJECT", "SYSTEM_ERROR"}).Draw(t, "refusal"),
			asked:   rapid.Bool().Draw(t, "asked"), moved: rapid.Bool().Draw(t, "moved"),
			trouble: drawTrouble(t), jitter: rapid.Float64Range(0, 0.999).Draw(t, "jitter"),
		}
		emptyNow := s.asked && s.trouble != nil && s.trouble.outcome == notFound
		next, after := s.next()
		wrong := false
		switch next {
		case stepSubmit:
			wrong = s.moved || !s.same || !s.recall.unsent || s.now.Sub(s.lastSubmittedAt) >= unsentFor
		case stepSubmitAgain:
			wrong = s.moved || !s.same || s.seen || !emptyNow || s.empty < emptyAnswers || s.refusal != ""
		case stepNeverPlaced:
			wrong = s.refusal == "" || s.seen || !emptyNow || s.empty < emptyAnswers && (s.resent || s.refusal == "SYSTEM_ERROR")
		case stepChanged:
			wrong = s.same || s.seen || !emptyNow || s.empty < emptyAnswers
		case stepAsk:
			wrong = s.asked
		case stepWait:
			wrong = after <= 0 || after > 2*time.Hour
		}
		if wrong {
			t.Fatalf("step = %s after %s for %+v (%+v)", next, after, s, s.trouble)
		}
	})
}

func TestEmptyAnswersCountOnlyWhenTheyAreSpaced(t *testing.T) {
	at := func(d time.Duration) metav1.Time { return metav1.Time{Time: worldStart.Add(d)} }
	one := &apiv1.EmptyAnswers{RequestID: "id", Count: 1, LastTime: at(0)}
	tests := []struct {
		name    string
		record  *apiv1.EmptyAnswers
		trouble *trouble
		after   time.Duration
		want    *apiv1.EmptyAnswers
	}{
		{"the first", nil, noOrder, 0, one},
		{"the first, in the middle of a second", nil, noOrder, 300 * time.Millisecond, &apiv1.EmptyAnswers{RequestID: "id", Count: 1, LastTime: at(time.Second)}},
		{"a second at once", one, noOrder, time.Second, one},
		{"a second a little too early", one, noOrder, emptyAnswerDelay - time.Millisecond, one},
		{"a second in time", one, noOrder, emptyAnswerDelay, &apiv1.EmptyAnswers{RequestID: "id", Count: 2, LastTime: at(emptyAnswerDelay)}},
		{"one while the clock is set back", one, noOrder, -time.Hour, one},
		{"one about another request", &apiv1.EmptyAnswers{RequestID: "former", Count: 3, LastTime: at(-time.Hour)}, noOrder, 0, one},
		{"an answer that knows it", one, nil, time.Minute, nil},
		{"a lost answer", one, &trouble{outcome: unknown}, time.Minute, one},
		{
			"one more than needed", &apiv1.EmptyAnswers{RequestID: "id", Count: emptyAnswers, LastTime: at(0)}, noOrder, time.Hour,
			&apiv1.EmptyAnswers{RequestID: "id", Count: emptyAnswers, LastTime: at(0)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, countEmpty(tt.record, "id", tt.trouble, worldStart.Add(tt.after))); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPaceOfLooks(t *testing.T) {
	tests := []struct {
		name   string
		change func(*submission)
		want   time.Duration // without jitter
	}{
		{"a young operation", func(*submission) {}, 2 * time.Second},
		{"an hour old", func(s *submission) { s.submittedAt = s.now.Add(-time.Hour) }, 3 * time.Minute},
		{"a month old", func(s *submission) { s.submittedAt = s.now.AddDate(0, -1, 0) }, time.Hour},
		{"from a clock that is ahead", func(s *submission) { s.submittedAt = s.now.Add(time.Hour) }, 2 * time.Second},
		{"one failure", func(s *submission) { s.recall.failures, s.trouble = 1, &trouble{outcome: unknown} }, 2 * time.Second},
		{"many failures", func(s *submission) { s.recall.failures, s.trouble = 1000, &trouble{outcome: unknown} }, 5 * time.Minute},
		{"a refused account", func(s *submission) { s.recall.failures, s.trouble = 9, &trouble{outcome: refusedIdentity} }, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := submission{now: worldStart, submittedAt: worldStart, jitter: 0.5}
			tt.change(&s)
			if got := s.delay(); got < tt.want*9/10 || got > tt.want*2 {
				t.Errorf("delay = %s, want about %s", got, tt.want)
			}
		})
	}
	empty := submission{now: worldStart, submittedAt: worldStart, trouble: noOrder}
	if got := empty.delay(); got < emptyAnswerDelay {
		t.Errorf("delay after an empty answer = %s, want at least %s", got, emptyAnswerDelay)
	}
}

func TestJitterSpreadsObjectsAndMomentsAndIsTheSameForTheSame(t *testing.T) {
	object := func(i int) client.Object {
		return &apiv1.Payment{ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprintf("uid-%d", i))}}
	}
	tenths := func(at func(i int) float64) (counts [10]int) {
		for i := range 10_000 {
			counts[int(at(i)*10)]++
		}
		return counts
	}
	for name, at := range map[string]func(i int) float64{
		"objects": func(i int) float64 { return jitter(object(i), worldStart) },
		"moments": func(i int) float64 { return jitter(object(0), worldStart.Add(time.Duration(i)*time.Second)) },
	} {
		counts := tenths(at)
		if counts != tenths(at) {
			t.Errorf("%s: the jitter is another one the second time", name)
		}
		for tenth, count := range counts {
			if count < 850 || count > 1150 {
				t.Errorf("%s: %d of 10,000 are in tenth %d, want about 1,000", name, count, tenth)
			}
		}
	}
}
