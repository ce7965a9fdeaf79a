package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

func TestNamespaceDeletionCompletes(t *testing.T) {
	client, untyped := clients(t, shared.config)
	namespace := newNamespace(t)
	if _, err := untyped.Resource(widgetResource).Namespace(namespace).Create(t.Context(), widget(t, "inside", "{size: 1}"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace is gone", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func TestDependantsOfADeletedOwnerAreCollected(t *testing.T) {
	client, untyped := clients(t, shared.config)
	namespace := newNamespace(t)
	widgets := untyped.Resource(widgetResource).Namespace(namespace)
	owner, err := widgets.Create(t.Context(), widget(t, "owner", "{size: 1}"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dependant := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name:            "dependant",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID()}},
	}}
	if _, err := client.CoreV1().Secrets(namespace).Create(t.Context(), dependant, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := widgets.Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "dependant is gone", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Secrets(namespace).Get(ctx, "dependant", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func TestRulesOfACustomResourceDefinitionAreEnforced(t *testing.T) {
	widgets := newWidgets(t)
	if _, err := widgets.Create(t.Context(), widget(t, "big", "{size: 11}"), metav1.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "a widget is at most 10 big") {
		t.Errorf("creating a widget that is too big: %v", err)
	}
	if _, err := widgets.Create(t.Context(), widget(t, "fixed", "{colour: red, size: 1}"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	repaint := []byte(`{"spec":{"colour":"blue"}}`)
	if _, err := widgets.Patch(t.Context(), "fixed", types.MergePatchType, repaint, metav1.PatchOptions{}); err == nil || !strings.Contains(err.Error(), "colour is immutable") {
		t.Errorf("changing what is immutable: %v", err)
	}
}

func TestObjectsAreFoundByTheirSelectableField(t *testing.T) {
	widgets := newWidgets(t)
	for name, spec := range map[string]string{"a": "{colour: red, size: 1}", "b": "{colour: green, size: 1}"} {
		if _, err := widgets.Create(t.Context(), widget(t, name, spec), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := widgets.List(t.Context(), metav1.ListOptions{FieldSelector: "spec.colour=green"})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 || list.Items[0].GetName() != "b" {
		t.Errorf("found %d objects, want b alone", len(list.Items))
	}
}

func TestStatusIsASubresourceAndServerSideApplyOwnsItsFields(t *testing.T) {
	widgets := newWidgets(t)
	desired := widget(t, "applied", "{colour: red, size: 1}")
	desired.Object["status"] = map[string]any{"state": "Ignored"}
	applied, err := widgets.Apply(t.Context(), "applied", desired, metav1.ApplyOptions{FieldManager: "first"})
	if err != nil {
		t.Fatal(err)
	}
	if state, found, _ := unstructured.NestedString(applied.Object, "status", "state"); found {
		t.Errorf("status.state = %q, want none: only the subresource may write it", state)
	}
	applied.Object["status"] = map[string]any{"state": "Done"}
	if applied, err = widgets.UpdateStatus(t.Context(), applied, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if state, _, _ := unstructured.NestedString(applied.Object, "status", "state"); state != "Done" {
		t.Errorf("status.state = %q, want Done", state)
	}
	if _, err := widgets.Apply(t.Context(), "applied", widget(t, "applied", "{size: 2}"), metav1.ApplyOptions{FieldManager: "second"}); !apierrors.IsConflict(err) {
		t.Errorf("applying a field of another manager: %v, want a conflict", err)
	}
}

func TestImpersonatedServiceAccountMayDoWhatItsBindingSays(t *testing.T) {
	client, _ := clients(t, shared.config)
	namespace := newNamespace(t)
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}}},
	}
	if _, err := client.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: "nowhere-else"}}, // no such object
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
	}
	if _, err := client.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(shared.config)
	config.Impersonate.UserName = "system:serviceaccount:" + namespace + ":nowhere-else"
	impersonated, _ := clients(t, config)
	eventually(t, "binding is in force", func(ctx context.Context) (bool, error) {
		_, err := impersonated.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return err == nil, err
	})
	if _, err := impersonated.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing what no role allows: %v, want forbidden", err)
	}
}

func TestTokenAndAccessReviewsAnswer(t *testing.T) {
	client, _ := clients(t, shared.config)
	namespace := newNamespace(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "prober"}}
	if _, err := client.CoreV1().ServiceAccounts(namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), "prober", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	user := "system:serviceaccount:" + namespace + ":prober"
	review, err := client.AuthenticationV1().TokenReviews().Create(t.Context(),
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !review.Status.Authenticated || review.Status.User.Username != user {
		t.Errorf("token review = %+v, want %s", review.Status, user)
	}
	access, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:                  user,
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if access.Status.Allowed {
		t.Error("an account without a binding may read /metrics")
	}
}

func TestAdmissionPolicyReadsFieldsThatNoSchemaKnows(t *testing.T) {
	client, _ := clients(t, shared.config)
	widgets := newWidgets(t)
	policy := &admissionv1.ValidatingAdmissionPolicy{}
	content, err := os.ReadFile(filepath.Join("testdata", "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, policy); err != nil {
		t.Fatal(err)
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: policy.Name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        policy.Name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	policies, bindings := client.AdmissionregistrationV1().ValidatingAdmissionPolicies(), client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	t.Cleanup(func() {
		_ = bindings.Delete(context.Background(), policy.Name, metav1.DeleteOptions{})
		_ = policies.Delete(context.Background(), policy.Name, metav1.DeleteOptions{})
	})
	if _, err := policies.Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := bindings.Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	create := func(ctx context.Context, spec string) error {
		_, err := widgets.Create(ctx, widget(t, "probe", spec), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	eventually(t, "policy is in force", func(ctx context.Context) (bool, error) {
		err := create(ctx, "{size: 1, additionalFields: {cardNo: x}}")
		return err != nil && strings.Contains(err.Error(), "card data is not allowed"), nil
	})

	eventually(t, "expression is checked against the schema", func(ctx context.Context) (bool, error) {
		checked, err := policies.Get(ctx, policy.Name, metav1.GetOptions{})
		if err != nil || checked.Status.ObservedGeneration == 0 {
			return false, err
		}
		if checking := checked.Status.TypeChecking; checking != nil && len(checking.ExpressionWarnings) > 0 {
			t.Errorf("warnings = %v, want none", checking.ExpressionWarnings)
		}
		return true, nil
	})

	for _, tc := range []struct {
		name, spec string
		refused    bool
	}{
		{name: "key in a map", spec: `{size: 1, additionalFields: {a: {cardNo: "1"}}}`, refused: true},
		{name: "key in other letters", spec: `{size: 1, additionalFields: {a: {CARDNO: 1}}}`, refused: true},
		{name: "key in a map in a list in a list", spec: `{size: 1, additionalFields: {a: [{b: [[{c: {CvV: null}}]]}]}}`, refused: true},
		{name: "key after a list", spec: `{size: 1, additionalFields: {a: [1, two, true, null, 1.5], cvv: {}}}`, refused: true},
		{name: "no additional fields", spec: `{size: 1}`},
		{name: "empty additional fields", spec: `{size: 1, additionalFields: {}}`},
		{name: "longer key", spec: `{size: 1, additionalFields: {cardNoLast4: "4242", acvv: "1"}}`},
		{name: "key as a value", spec: `{size: 1, additionalFields: {a: cvv, b: [cardNo, cvv]}}`},
		{name: "key quoted in a value", spec: `{size: 1, additionalFields: {a: 'he said "cvv": 1, {"cardNo":2}'}}`},
		{name: "values of every type", spec: `{size: 1, additionalFields: {a: [1, two, true, null, 1.5, {b: {}}, []]}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := create(t.Context(), tc.spec)
			if refused := err != nil; refused != tc.refused {
				t.Errorf("refused = %t, want %t: %v", refused, tc.refused, err)
			}
		})
	}
}

// newNamespace creates a namespace for one test, and deletes it after.
func newNamespace(t *testing.T) string {
	t.Helper()
	client, _ := clients(t, shared.config)
	created, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.CoreV1().Namespaces().Delete(context.Background(), created.Name, metav1.DeleteOptions{})
	})
	return created.Name
}

func newWidgets(t *testing.T) dynamic.ResourceInterface {
	t.Helper()
	_, untyped := clients(t, shared.config)
	return untyped.Resource(widgetResource).Namespace(newNamespace(t))
}
