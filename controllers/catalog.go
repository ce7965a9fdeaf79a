package controllers

import (
	"context"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// consultRequest asks for the methods with which the catalog's amount can be paid.
func consultRequest(catalog *apiv1.PaymentMethodCatalog, account *apiv1.MerchantAccount) *alipay.ConsultRequest {
	spec := &catalog.Spec
	request := &alipay.ConsultRequest{
		ProductCode:                 alipay.ProductCashierPayment,
		PaymentAmount:               wireAmount(spec.Amount),
		Env:                         wireEnv(spec.Env),
		UserRegion:                  spec.UserRegion,
		AllowedPaymentMethodRegions: spec.AllowedPaymentMethodRegions,
	}
	currency := spec.SettlementCurrency
	if currency == "" {
		currency = account.Spec.SettlementCurrency
	}
	if currency != "" {
		request.SettlementStrategy = &alipay.SettlementStrategy{SettlementCurrency: currency}
	}
	return request
}

// mostMethods is how many methods a status takes; the gateway has fewer than a hundred.
const mostMethods = 200

// listMethods writes the gateway's list into the status, in its order and in its words. An entry without a name could not be used, nor stored.
func listMethods(catalog *apiv1.PaymentMethodCatalog, answer *alipay.ConsultResponse, now time.Time) {
	st := &catalog.Status
	st.RefreshTime, st.Methods, st.EnabledMethods = refreshed(now), nil, ptr.To[int32](0)
	for _, option := range answer.PaymentOptions {
		if option.PaymentMethodType == "" || len(st.Methods) == mostMethods {
			continue
		}
		method := apiv1.CatalogMethod{
			PaymentMethodType:     cut(option.PaymentMethodType, 64),
			PaymentMethodCategory: cut(option.PaymentMethodCategory, 64),
			PaymentMethodRegion:   cutAll(option.PaymentMethodRegion, 16),
			SupportedCurrencies:   cutAll(option.SupportedCurrencies, 8),
			Enabled:               ptr.To(bool(option.Enabled)),
			DisableReason:         cut(option.DisableReason, 64),
			Preferred:             bool(option.Preferred),
			Limits:                catalogLimits(option.AmountLimits, catalog.Spec.Amount.Currency),
		}
		if option.Logo != nil {
			method.LogoURL, method.LogoName = cut(option.Logo.LogoURL, 2048), cut(option.Logo.LogoName, 64)
		}
		if option.Enabled {
			*st.EnabledMethods++
		}
		st.Methods = append(st.Methods, method)
	}
}

// cutAll shortens a list from the gateway to what the status field takes.
func cutAll(texts []string, longest int) []string {
	var out []string
	for _, text := range texts[:min(len(texts), 100)] {
		out = append(out, cut(text, longest))
	}
	return out
}

func catalogLimits(limits map[string]alipay.AmountLimits, currency string) *apiv1.CatalogLimits {
	of, ok := limits[currency]
	if !ok {
		return nil
	}
	return &apiv1.CatalogLimits{Single: catalogLimit(of.SingleLimit), Day: catalogLimit(of.DayLimit), Month: catalogLimit(of.MonthLimit)}
}

func catalogLimit(limit *alipay.AmountLimit) *apiv1.CatalogLimit {
	if limit == nil {
		return nil
	}
	return &apiv1.CatalogLimit{
		Min: cut(string(limit.MinAmount), 32), Max: cut(string(limit.MaxAmount), 32), Remaining: cut(string(limit.RemainAmount), 32),
	}
}

// warnDisabled tells of a payment whose method a catalog of its account lists as disabled. It is sent all the same: the list may be old, and
// the gateway decides.
func (l *Lifecycle) warnDisabled(ctx context.Context, payment *apiv1.Payment) {
	catalogs := &apiv1.PaymentMethodCatalogList{}
	err := l.List(ctx, catalogs, client.InNamespace(payment.Namespace), client.MatchingFields{catalogAccountIndex: payment.Spec.MerchantAccountRef.Name},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		log.FromContext(ctx).Error(err, "Catalogs could not be listed")
		return
	}
	for i := range catalogs.Items {
		if reason := disableReason(&catalogs.Items[i], payment); reason != "" {
			l.Events.Eventf(payment, nil, "Warning", apiv1.MethodDisabledReason, "Reconcile",
				"PaymentMethodCatalog %q lists %s as disabled (%s); the payment is sent all the same.",
				catalogs.Items[i].Name, methodOf(payment), reason)
			return
		}
	}
}

// disableReason is why a catalog lists the payment's method as disabled; empty when it does not. A catalog for another currency says nothing,
// nor does a list that answers a former spec.
func disableReason(catalog *apiv1.PaymentMethodCatalog, payment *apiv1.Payment) string {
	if catalog.Spec.Amount.Currency != payment.Spec.Amount.Currency || catalog.Status.ObservedGeneration != catalog.Generation {
		return ""
	}
	for _, method := range catalog.Status.Methods {
		if method.PaymentMethodType == methodOf(payment) && method.Enabled != nil && !*method.Enabled {
			if method.DisableReason == "" {
				return "no reason given"
			}
			return method.DisableReason
		}
	}
	return ""
}
