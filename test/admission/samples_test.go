package admission

import (
	"path/filepath"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/alipay-operator/alipay-operator/internal/testenv"
)

func TestEverySampleIsAcceptedAndIsInTheKustomization(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Root(), "config", "samples", "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no samples: %v", err)
	}
	listed, found := 0, 0
	for _, file := range files {
		objects, err := testenv.ReadObjects(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, obj := range objects {
			if obj.GetKind() == "Kustomization" {
				listed = len(list(obj.Object["resources"]))
				continue
			}
			if obj.GetNamespace() != "" {
				obj.SetNamespace(namespace)
			}
			strictly := client.WithFieldValidation(cluster.Client, "Strict")
			if err := strictly.Create(t.Context(), obj, client.DryRunAll); err != nil {
				t.Errorf("%s: %s %s: %v", filepath.Base(file), obj.GetKind(), obj.GetName(), err)
			}
		}
		if filepath.Base(filepath.Dir(file)) == "shop" {
			found++
		}
	}
	if found-1 != listed {
		t.Errorf("the kustomization lists %d files, want the %d beside it", listed, found-1)
	}
}
