package notification

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// memory is a cache with one account and nothing else. It answers at once, as the manager's does.
type memory struct{ account *apiv1.MerchantAccount }

func (m *memory) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	account, ok := obj.(*apiv1.MerchantAccount)
	if !ok || key != client.ObjectKeyFromObject(m.account) {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "merchantaccounts"}, key.Name)
	}
	m.account.DeepCopyInto(account)
	return nil
}

func (*memory) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }
