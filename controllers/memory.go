package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// recall is what this process remembers of an operation between passes: when to ask again, never what is true.
// Losing it, as a restart does, costs time and never money: without it the operation is asked for before anything is sent.
type recall struct {
	// unsent is true while this process has recorded the intent and no byte of the request has left since.
	unsent bool
	// unclear is true once this process has sent an answer to a dispute and what the gateway said to it was lost, or that it was taken could not be
	// recorded.
	unclear bool
	// failures counts consecutive calls without a usable answer.
	failures int
	// nextLook is when to ask the gateway next; zero means that no time was planned.
	nextLook time.Time
	// place is where it stands in its account's queue of requests.
	place place
	// ended is the recorded try of an agreement's step of which this process knows that it is over.
	ended time.Time
	// heeded tells which notifications the gateway has been asked about, and rejected of which the user was told that they are not believed.
	// alarmed is that of which a person was told that a former attempt was announced as paid.
	heeded, rejected, alarmed uint64
}

// note counts failures.
func (r *recall) note(t *trouble) {
	if t == nil || t.outcome == notFound {
		r.failures = 0
		return
	}
	r.failures++
}

// spreadAfterRestart plans the first look of a new process at an open operation, so that a restart does not ask for all of them at
// once: within the time that it would have waited anyway. Young ones, and a fifth of the others, are asked for at once, so that a
// process that keeps restarting still gets on.
func (r *recall) spreadAfterRestart(open bool, intent *apiv1.Intent, now time.Time, jitter float64) {
	if !open || !r.nextLook.IsZero() || r.failures > 0 {
		return
	}
	if age := now.Sub(intent.SubmittedAt.Time); age > time.Minute && jitter > 0.2 {
		r.nextLook = now.Add(time.Duration((jitter - 0.2) * float64(pollDelay(age, intent.NotifyURL != ""))))
	}
}

// spreadAtPace is spreadAfterRestart for a kind with a pace of its own. Those that are asked for soon are asked within ten seconds, in which
// the process gets to know the others: several go into one inquiry.
func (r *recall) spreadAtPace(open bool, pace func(time.Duration) time.Duration, intent *apiv1.Intent, now time.Time, jitter float64) {
	age := now.Sub(intent.SubmittedAt.Time)
	switch {
	case !open, !r.nextLook.IsZero(), r.failures > 0, age <= time.Minute:
	case jitter > 0.2:
		r.nextLook = now.Add(time.Duration((jitter - 0.2) * float64(pace(age))))
	default:
		r.nextLook = now.Add(time.Duration(jitter * float64(50*time.Second)))
	}
}

// memory keeps a recall per object of one kind, and which version of it this process has written.
type memory struct {
	mu      sync.Mutex
	entries map[types.NamespacedName]memoryEntry
	written map[types.NamespacedName]version
}

// version is one that this process has written, and how often a copy has been met since that is older.
type version struct {
	resourceVersion string
	waited          int
}

// longestWait is how often a pass waits for the cache to catch up, about ten seconds: an API server that was restored from a backup never does.
// Then the resourceVersion of the next write tells what the copy is worth.
const longestWait = 40

type memoryEntry struct {
	uid       types.UID
	requestID string
	recall    recall
}

func newMemory() *memory {
	return &memory{entries: map[types.NamespacedName]memoryEntry{}, written: map[types.NamespacedName]version{}}
}

// wrote notes the version that a write of this process has made.
func (m *memory) wrote(obj client.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.written[client.ObjectKeyFromObject(obj)] = version{resourceVersion: obj.GetResourceVersion()}
}

// outdated reports whether a copy is older than what this process has written. One that is not shows that the cache has caught up.
func (m *memory) outdated(obj client.Object) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := client.ObjectKeyFromObject(obj)
	written, found := m.written[key]
	if !found {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(obj.GetResourceVersion(), written.resourceVersion)
	if err != nil || order >= 0 || written.waited == longestWait {
		delete(m.written, key)
		return false
	}
	written.waited++
	m.written[key] = written
	return true
}

// load returns what is remembered of the object's request id. What belongs to a former object of that name, or to a
// former attempt, does not count.
func (m *memory) load(obj client.Object, requestID string) recall {
	m.mu.Lock()
	defer m.mu.Unlock()
	entry := m.entries[client.ObjectKeyFromObject(obj)]
	if entry.uid != obj.GetUID() || entry.requestID != requestID {
		return recall{}
	}
	return entry.recall
}

func (m *memory) store(obj client.Object, requestID string, remembered recall) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries[client.ObjectKeyFromObject(obj)] = memoryEntry{uid: obj.GetUID(), requestID: requestID, recall: remembered}
}

// rest forgets what is of no use once nothing is to be done, and keeps what was made of notifications, and a turn that is still to come.
func (m *memory) rest(obj client.Object, requestID string, remembered recall) {
	kept := recall{heeded: remembered.heeded, rejected: remembered.rejected, alarmed: remembered.alarmed, place: remembered.place}
	if kept == (recall{}) {
		m.drop(client.ObjectKeyFromObject(obj))
		return
	}
	m.store(obj, requestID, kept)
}

func (m *memory) drop(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
}

// forget is told of an object that no longer exists.
func (m *memory) forget(key types.NamespacedName, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := m.entries[key].recall
	gone.place.giveUp(now)
	delete(m.entries, key)
	delete(m.written, key)
}
