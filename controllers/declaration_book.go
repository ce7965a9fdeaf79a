package controllers

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/alipay-operator/alipay-operator/alipay"
)

// declarationBook has several declarations of one client asked about by one inquiry: whoever is due takes along those that are due next,
// and wakes them with what was told of each. It is in memory alone: losing it, as a restart does, costs inquiries and nothing else.
type declarationBook struct {
	// wake has an object reconciled; it must not block.
	wake func(types.NamespacedName)

	mu   sync.Mutex
	open map[types.NamespacedName]*openDeclaration
}

// gatewayClient is whose declaration it is: it is asked about under no other client, and at no other gateway.
type gatewayClient struct {
	namespace, account, clientID, gatewayURL string
}

// clientOf is the client that an intent names.
func clientOf(f *shareFacts) gatewayClient {
	intent := f.status.Intent
	return gatewayClient{namespace: f.obj.GetNamespace(), account: intent.MerchantAccount, clientID: intent.ClientID, gatewayURL: intent.GatewayURL}
}

// openDeclaration is one that was sent and has not ended.
type openDeclaration struct {
	of  gatewayClient
	id  string
	due time.Time
	// askedAt is when it was last asked about.
	askedAt time.Time
	// record is what was told of it then, until it is on record in the object; answeredAt is by the gateway's clock.
	record     *alipay.DeclarationRecord
	answeredAt time.Time
}

// fresh is how long what was told of a declaration may be used, and how long a declaration is not taken along again.
const fresh = time.Minute

func newDeclarationBook() *declarationBook {
	return &declarationBook{wake: func(types.NamespacedName) {}, open: map[types.NamespacedName]*openDeclaration{}}
}

// note enters a declaration, or finds it again. It is not taken along before it is known when it is due.
func (b *declarationBook) note(key types.NamespacedName, of gatewayClient, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.open[key]; known == nil || known.of != of || known.id != id {
		b.open[key] = &openDeclaration{of: of, id: id}
	}
}

// plan notes when a declaration that was entered is due.
func (b *declarationBook) plan(key types.NamespacedName, due time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.open[key]; known != nil {
		known.due = due
	}
}

func (b *declarationBook) forget(key types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, key)
}

// companions are the ids to ask about beside one: those of the same client that are due next.
func (b *declarationBook) companions(key types.NamespacedName, of gatewayClient, now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if own := b.open[key]; own != nil {
		own.askedAt = now
	}
	var next []*openDeclaration
	for other, declaration := range b.open {
		if other == key || declaration.of != of || declaration.due.IsZero() || now.Sub(declaration.askedAt) < fresh {
			continue
		}
		at, _ := slices.BinarySearchFunc(next, declaration, func(x, y *openDeclaration) int { return x.due.Compare(y.due) })
		if at < alipay.MaxDeclarationsPerInquiry-1 {
			next = slices.Insert(next, at, declaration)
			next = next[:min(len(next), alipay.MaxDeclarationsPerInquiry-1)]
		}
	}
	var ids []string
	for _, declaration := range next {
		declaration.askedAt = now
		ids = append(ids, declaration.id)
	}
	return ids
}

// tell keeps what an answer says of the declarations, and wakes those that were taken along.
func (b *declarationBook) tell(of gatewayClient, answer *alipay.InquiryDeclarationRequestsResponse, now time.Time, asker string) {
	told := map[string]*alipay.DeclarationRecord{}
	for i := range answer.DeclarationRecords {
		told[answer.DeclarationRecords[i].DeclarationRequestID] = &answer.DeclarationRecords[i]
	}
	b.mu.Lock()
	var woken []types.NamespacedName
	for key, declaration := range b.open {
		if record := told[declaration.id]; record != nil && declaration.of == of {
			declaration.record, declaration.answeredAt, declaration.askedAt = record, answer.ResponseTime, now
			if declaration.id != asker {
				woken = append(woken, key)
			}
		}
	}
	b.mu.Unlock()
	for _, key := range woken {
		b.wake(key)
	}
}

// heard is what was told of a declaration and is not on record yet; nil when nothing was, or too long ago.
func (b *declarationBook) heard(key types.NamespacedName, now time.Time) (*alipay.DeclarationRecord, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.open[key]
	if known == nil || known.record == nil || now.Sub(known.askedAt) > fresh {
		return nil, time.Time{}
	}
	return known.record, known.answeredAt
}

// recorded forgets what was told once it is on record. What was told since stays.
func (b *declarationBook) recorded(key types.NamespacedName, record *alipay.DeclarationRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.open[key]; known != nil && known.record == record {
		known.record = nil
	}
}
