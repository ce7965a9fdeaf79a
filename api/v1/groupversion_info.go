package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind, and the domain of every annotation and finalizer.
const GroupName = "payments.alipay-operator.io"

// GroupVersion is the group and version of the kinds in this package.
var GroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1"}

// SchemeBuilder collects the functions that add this package's kinds to a scheme.
var SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme adds this package's kinds to a scheme.
var AddToScheme = SchemeBuilder.AddToScheme

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&MerchantAccount{}, &MerchantAccountList{},
		&Payment{}, &PaymentList{},
		&Refund{}, &RefundList{},
		&Capture{}, &CaptureList{},
		&CustomsDeclaration{}, &CustomsDeclarationList{},
		&PaymentMethodCatalog{}, &PaymentMethodCatalogList{},
		&Dispute{}, &DisputeList{},
		&AutoDebitAgreement{}, &AutoDebitAgreementList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
