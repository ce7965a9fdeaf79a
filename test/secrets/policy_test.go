package secrets

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// talkative is a policy that refuses all Secrets of a namespace, and says what is in them.
func talkative(namespace string) []client.Object {
	name := metav1.ObjectMeta{Name: "talkative"}
	return []client.Object{
		&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"secrets"}},
			}}}},
			MatchConditions: []admissionv1.MatchCondition{{Name: "here", Expression: "object.metadata.namespace == '" + namespace + "'"}},
			Validations: []admissionv1.Validation{{
				Expression: "false", MessageExpression: "'refused: ' + object.data.map(key, key + '=' + string(object.data[key])).join(', ')",
			}},
		}},
		&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		}},
	}
}

// refuseSecrets has the API server refuse the Secrets that the operator writes, and repeat their content in its errors, while a token is renewed and
// while a notification has to be kept.
func (s *shop) refuseSecrets() {
	s.t.Helper()
	policy := talkative(s.Namespace)
	for _, obj := range policy {
		s.must(cluster.Client.Create(s.t.Context(), obj))
	}
	const content = "content that is repeated"
	eventually(s.t, func() error {
		probe := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "probe"}, Data: map[string][]byte{"key": []byte(content)}}
		if err := cluster.Client.Create(s.t.Context(), probe, client.DryRunAll); err == nil || !strings.Contains(err.Error(), "refused: key=") {
			return fmt.Errorf("the policy does not repeat what it refuses: %w", err)
		}
		return nil
	})
	renewals := s.consent("shopped").Refreshes()
	eventually(s.t, func() error {
		if s.consent("shopped").Refreshes() == renewals {
			return fmt.Errorf("no token was renewed")
		}
		return nil
	})
	consent := s.consent("noticed")
	if s.send(fmt.Sprintf(`{"authorizationNotifyType":"TOKEN_OF_NOBODY","authState":%q,"authCode":%q}`, consent.AuthState, consent.AuthCode), true) {
		s.t.Error("a notification was acknowledged that could not be kept")
	}
	for _, obj := range policy {
		s.must(cluster.Client.Delete(s.t.Context(), obj))
	}
	s.awaitReason(s.agreement("shopped"), apiv1.TokenValidReason)
}
