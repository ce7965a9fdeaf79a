package notification

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// The gateway can not be asked about disputes: what is not stored when it is announced is lost once it is not sent again. So no notification of a
// dispute is about nothing: the receiver makes the object that is missing.

// creationsPerSecond and creationsBurst are how many Disputes are made for one account: whoever has its key can announce any number.
const (
	creationsPerSecond = 5
	creationsBurst     = 100
)

func byDisputeID(id string) string { return "disputeId/" + id }

func disputeSubjects(obj client.Object) []string {
	return nonEmpty(obj.(*apiv1.Dispute).Spec.DisputeID, byDisputeID)
}

// plainDisputeID are the ids that can be part of a name as they are. Those of the gateway are digits.
var plainDisputeID = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// notInNames is what a name can not hold.
var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// disputeNames are the names that the Dispute of an id may have, the one to be taken first: each replica makes the same. The last is taken
// where an object of another account, or about something else, has the first.
func disputeNames(account, id string) []string {
	words := id
	if !plainDisputeID.MatchString(id) {
		words = strings.Trim(notInNames.ReplaceAllString(strings.ToLower(id), "-"), "-")
		words = strings.Trim(words[:min(len(words), 40)]+"-"+nameHash(id), "-")
	}
	return []string{"dispute-" + words, "dispute-" + words + "-" + nameHash(account+"\n"+id)}
}

func nameHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:5])
}

// keepDispute stores a verified notification about a dispute, with the Dispute that it makes if there is none.
func (r *Receiver) keepDispute(ctx context.Context, log logr.Logger, account *apiv1.MerchantAccount, subject alipay.Subject, a *arrival, signedURI string) outcome {
	found, err := r.disputes(ctx, a.account, subject.DisputeID)
	if err == nil && len(found) == 0 {
		if !r.suspicion.of(a.account).creations.AllowN(r.now(), 1) {
			return limited
		}
		var made bool
		if found, made, err = r.makeDispute(ctx, account, subject, a, signedURI); made && err == nil {
			log.Info("A dispute was announced", "disputeID", short(subject.DisputeID))
			return stored
		}
	}
	if err != nil {
		log.Error(err, "A notification of a dispute could not be stored; the gateway will send it again", "disputeID", short(subject.DisputeID))
		return notStored
	}
	return r.storeWith(ctx, log, account, found, subject, a, signedURI)
}

// disputes asks the cache.
func (r *Receiver) disputes(ctx context.Context, account types.NamespacedName, id string) ([]client.Object, error) {
	found, err := list(ctx, r.cache, &apiv1.DisputeList{}, account, subjectIndex, byDisputeID(id))
	for _, dispute := range found {
		if dispute.GetDeletionTimestamp() != nil {
			return nil, fmt.Errorf("the Dispute %s is being deleted", dispute.GetName()) // it would take the notification along
		}
	}
	return found, err
}

// makeDispute creates the object with the notification on it, in one write; made is true when that is on disk. Where another replica was
// quicker, or the body belongs into a Secret, the object is returned without it.
func (r *Receiver) makeDispute(ctx context.Context, account *apiv1.MerchantAccount, subject alipay.Subject, a *arrival, signedURI string) (found []client.Object, made bool, err error) {
	spec := apiv1.DisputeSpec{DisputeID: subject.DisputeID, MerchantAccountRef: apiv1.MerchantAccountReference{Name: account.Name}}
	for _, name := range disputeNames(account.Name, subject.DisputeID) {
		dispute := &apiv1.Dispute{ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, Name: name}, Spec: spec}
		complete := !carriesCredential(a.body)
		if complete {
			value, err := r.envelope(a, signedURI).Value()
			if err != nil {
				return nil, false, err
			}
			dispute.Annotations = map[string]string{annotationName(subject.Type, a.body): value}
		}
		err := r.client.Create(ctx, dispute)
		if err == nil {
			return []client.Object{dispute}, complete, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, false, fmt.Errorf("creating Dispute %s: %w", name, err)
		}
		there := &apiv1.Dispute{}
		if err := r.newest().Get(ctx, client.ObjectKeyFromObject(dispute), there); err != nil {
			return nil, false, fmt.Errorf("reading Dispute %s, which exists: %w", name, err)
		}
		if there.Spec.DisputeID == spec.DisputeID && there.Spec.MerchantAccountRef == spec.MerchantAccountRef && there.DeletionTimestamp == nil {
			return []client.Object{there}, false, nil
		}
	}
	return nil, false, fmt.Errorf("other Disputes have the names that this one could have")
}

// newest reads past the cache where that is possible.
func (r *Receiver) newest() client.Reader {
	if r.live != nil {
		return r.live
	}
	return r.client
}
