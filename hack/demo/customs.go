package main

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// untilDeclared waits until every declaration to customs is in a state.
func (s *story) untilDeclared(ctx context.Context, want apiv1.OperationState) error {
	for {
		declarations := &apiv1.CustomsDeclarationList{}
		if err := s.client.List(ctx, declarations, client.InNamespace(shop)); err != nil {
			return err
		}
		pending := ""
		for i := range declarations.Items {
			if d := &declarations.Items[i]; d.Status.State != want {
				pending = fmt.Sprintf("customsdeclaration %s is %s", d.Name, d.Status.State)
			}
		}
		if pending == "" && len(declarations.Items) > 0 {
			return s.show(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for declarations to be %s: %w; not there yet: %s", want, ctx.Err(), pending)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// declaredOnce checks that customs was told nothing again.
func declaredOnce(before, after simulator.Ledger) error {
	if len(before.Declarations) == 0 || len(before.Declarations) != len(after.Declarations) {
		return fmt.Errorf("customs was told of %d declarations, and of %d after the second apply", len(before.Declarations), len(after.Declarations))
	}
	fmt.Printf("Customs was told of %d declaration, under the same id both times, and has accepted it.\n", len(after.Declarations))
	return nil
}
