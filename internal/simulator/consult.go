package simulator

import "slices"

// consult is payments/consult (ams/consult): the methods usable for an order, with reasons for those that are not.
func (s *Simulator) consult(c *call) answer {
	if bad := consultRequest.check(c.body, ""); bad != nil {
		return bad.answer()
	}
	env, _ := c.body.at("env").(object)
	if bad := checkEnv(env); bad != nil {
		return bad.answer()
	}
	amount := c.body.money("paymentAmount")
	if bad := checkAmount("paymentAmount", amount, ""); bad != nil {
		return bad.answer()
	}
	if currency := c.body.text("settlementStrategy", "settlementCurrency"); currency != "" {
		if _, known := decimals[currency]; !known {
			return failure("SETTLE_CONTRACT_NOT_MATCH")
		}
	}
	if c.forced != "" {
		return failure(c.forced)
	}
	regions, wanted, blocked := texts(c.body["allowedPaymentMethodRegions"]), texts(c.body["allowedPaymentMethods"]), texts(c.body["blockedPaymentMethods"])
	options := []any{}
	home := c.body.text("userRegion")
	names := s.methodNames()
	slices.SortStableFunc(names, func(a, b string) int { return s.rank(a, home) - s.rank(b, home) })
	for _, name := range names {
		m := s.method(name)
		if len(regions) > 0 && !slices.Contains(regions, m.Region) || len(wanted) > 0 && !slices.Contains(wanted, name) ||
			slices.Contains(blocked, name) {
			continue
		}
		options = append(options, consultOption(name, m, amount))
	}
	if len(options) == 0 {
		return failure("NO_PAY_OPTIONS")
	}
	return success(map[string]any{"paymentOptions": options})
}

// rank puts the methods of the buyer's region first (ams/consult, userRegion).
func (s *Simulator) rank(name, home string) int {
	if home != "" && s.method(name).Region == home {
		return 0
	}
	return 1
}

func consultOption(name string, m Method, amount Money) map[string]any {
	option := map[string]any{
		"paymentMethodType": name, "paymentMethodCategory": m.Category, "enabled": true, "preferred": false,
		"paymentMethodRegion": []string{m.Region},
		"logo":                map[string]any{"logoName": name[:min(len(name), 12)], "logoUrl": "https://cdn.example/" + name + ".svg"},
	}
	if m.Currency != "" {
		option["supportedCurrencies"] = []string{m.Currency}
	}
	reason := ""
	switch {
	case m.Currency != "" && m.Currency != amount.Currency:
		reason = "CHANNEL_NOT_SUPPORT_CURRENCY"
	case amount.Value < m.Min, m.Max > 0 && amount.Value > m.Max:
		reason = "EXCEED_CHANNEL_LIMIT_RULE"
	}
	if reason != "" {
		option["enabled"], option["disableReason"] = false, reason
	}
	if name == cardMethod {
		option["paymentOptionDetail"] = map[string]any{
			"supportCardBrands": []any{map[string]any{"cardBrand": "VISA"}, map[string]any{"cardBrand": "MASTERCARD"}},
			"funding":           []string{"CREDIT", "DEBIT"},
		}
	}
	return option
}

func texts(value any) []string {
	list, _ := value.([]any)
	out := make([]string, 0, len(list))
	for _, element := range list {
		if t, isText := element.(string); isText {
			out = append(out, t)
		}
	}
	return out
}
