package controllers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of machines

	"pgregory.net/rapid"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

// methodRule is what the gateway's pages say of how a method's money goes back. It is written from the pages and not from the operator's table.
type methodRule struct {
	methods []string
	// cancelUnpaid reports whether an open order can be cancelled, and cancelPaid until when a paid one: "T+1", "7 days" or "never".
	cancelUnpaid bool
	cancelPaid   string
	refund       bool
	partial      bool
	// refundDays is 0 where the pages name no period.
	refundDays int
}

// Where the pages say nothing, money counts as not to be had back (https://docs.antom.com/ac/pm/summary_capabilities_cp,
// https://docs.antom.com/ac/cashierpay/cancel).
var methodRules = []methodRule{
	{
		methods: []string{
			"ALIPAY_CN", "ALIPAY_HK", "BOOST", "GCASH", "KAKAOPAY", "NAVERPAY", "RABBIT_LINE_PAY", "TNG", "TRUEMONEY", "GRABPAY_SG", "GRABPAY_MY", "GRABPAY_PH",
			"MAYA", "KPLUS", "BILLEASE", "AKULAKU_PAYLATER_PH",
		},
		cancelUnpaid: true, cancelPaid: "T+1", refund: true, partial: true, refundDays: 365,
	},
	{methods: []string{"ZALOPAY"}, cancelUnpaid: true, cancelPaid: "T+1", refund: true, partial: true, refundDays: 180},
	{methods: []string{"PAGALEVE"}, cancelUnpaid: true, cancelPaid: "T+1", refund: true, partial: true, refundDays: 90},
	{methods: []string{"PAYPAY"}, cancelUnpaid: true, cancelPaid: "T+1", refund: true, refundDays: 90},
	{methods: []string{"DANA"}, cancelPaid: "never", refund: true, refundDays: 365},
	{methods: []string{"KREDIVO_ID"}, cancelPaid: "never", refund: true, partial: true},
	{
		methods: []string{
			"OVO", "GOPAY_ID", "SHOPEEPAY_ID", "QRIS", "CIMBNIAGA", "BANKTRANSFER_MAYBANK", "BANKTRANSFER_BNI", "BANKTRANSFER_PERMATA", "BANKTRANSFER_BSI",
			"ATMTRANSFER_ID", "JKOPAY",
		},
		cancelPaid: "never",
	},
	{methods: []string{"MERCADOPAGO_BR", "MERCADOPAGO_CL", "MERCADOPAGO_MX", "MERCADOPAGO_PE"}, cancelUnpaid: true, cancelPaid: "7 days"},
	{
		methods: []string{
			"PROMPTPAY", "ONLINEBANKING_KRUNGTHAIBANK", "ONLINEBANKING_SIAMCOMMERCIALBANK", "ONLINEBANKING_BANGKOKBANK", "ONLINEBANKING_BANKOFAYUDHYA",
			"ONLINEBANKING_KASIKORNBANK", "BANKTRANSFER_KRUNGTHAIBANK", "BANKTRANSFER_SIAMCOMMERCIALBANK", "BANKTRANSFER_BANGKOKBANK",
			"BANKTRANSFER_BANKOFAYUDHYA", "BANKTRANSFER_KASIKORNBANK", "BANKTRANSFER_GOVERNMENTSAVINGSBANK", "BANKAPP_KRUNGTHAIBANK",
			"BANKAPP_SIAMCOMMERCIALBANK", "BANKAPP_BANGKOKBANK", "BANKAPP_BANKOFAYUDHYA", "A_METHOD_OF_TOMORROW",
			"DIRECT_DEBIT_KRUNGTHAIBANK", "DIRECT_DEBIT_SIAMCOMMERCIALBANK",
		},
		cancelUnpaid: true, cancelPaid: "never",
	},
}

func ruleOf(method string) methodRule {
	return methodRules[slices.IndexFunc(methodRules, func(r methodRule) bool { return slices.Contains(r.methods, method) })]
}

const daySeconds = 24 * 60 * 60

// cancelEnd is the Unix time at which a payment that was paid then can no longer be cancelled: in days counted by hand, and no calendar.
func (r methodRule) cancelEnd(paid int64) int64 {
	const eightHours, quarter = 8 * 60 * 60, 15 * 60
	switch r.cancelPaid {
	case "T+1":
		day := (paid + eightHours) / daySeconds
		return (day+1)*daySeconds - eightHours + quarter
	case "7 days":
		return paid + 7*daySeconds
	default:
		return 0
	}
}

// refundEnd is the Unix time at which it can no longer be refunded; far away where the pages name no period.
func (r methodRule) refundEnd(paid int64) int64 {
	if r.refundDays == 0 {
		return paid + 10*365*daySeconds
	}
	return paid + int64(r.refundDays)*daySeconds
}

// inZone runs a test on a machine in a time zone. Nothing may depend on it.
func inZone(t *testing.T, zone string) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Local
	time.Local = location
	t.Cleanup(func() { time.Local = before })
}

// machineZones are east and west of the gateway, with and without a summer time.
var machineZones = []string{"UTC", "America/New_York", "Pacific/Kiritimati"}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// until moves both clocks to a time.
func (w *world) until(end time.Time) {
	w.t.Helper()
	d := end.Sub(w.clock.Now())
	if d < 0 {
		w.t.Fatalf("%s is over: it is %s", end, w.clock.Now())
	}
	w.advance(d)
}

// methodAmount is a sum that the method takes.
func methodAmount(method string) apiv1.Amount {
	known, _ := simulator.BuiltinMethod(method)
	amount := apiv1.Amount{Currency: known.Currency, Value: "100000"}
	if amount.Currency == "" {
		amount.Currency = "HKD"
	}
	return amount
}

// ordered creates a payment by a method, and submits it.
func (w *world) ordered(method string, changes ...func(*apiv1.PaymentSpec)) *apiv1.Payment {
	w.t.Helper()
	w.store.create(newPayment("order", append([]func(*apiv1.PaymentSpec){func(spec *apiv1.PaymentSpec) {
		spec.Cashier.PaymentMethodType, spec.Amount = method, methodAmount(method)
	}}, changes...)...))
	w.must(w.reconcilePayment("order"))
	p := w.payment("order")
	if p.Status.State != apiv1.StateProcessing {
		w.t.Fatalf("%s payment is %s (%s), want an open order", method, p.Status.State, reason(p.Status.Conditions))
	}
	return p
}

// paidBy has a payment by a method ordered and paid at a time.
func (w *world) paidBy(method string, paidAt time.Time) {
	w.t.Helper()
	w.until(paidAt.Add(-5 * time.Second))
	p := w.ordered(method)
	w.until(paidAt)
	if err := w.simulator.BuyerPays(p.Status.PaymentID); err != nil {
		w.t.Fatal(err)
	}
	w.follow(w.reconcilePayment, "order", 0)
	if got := w.payment("order").Status.State; got != apiv1.PaymentPaid {
		w.t.Fatalf("payment is %s, want Paid", got)
	}
}

// asksToCancel has somebody wish to cancel now, and reports whether a request left and what became of it.
func (w *world) asksToCancel() (left bool, state apiv1.OperationState, why string) {
	w.t.Helper()
	w.editPayment("order", func(spec *apiv1.PaymentSpec) { spec.DesiredState = apiv1.DesiredCancelled })
	w.must(w.reconcilePayment("order"))
	st := w.payment("order").Status
	return w.sends("cancel") > 0, st.State, reason(st.Conditions)
}

// asksToRefund has somebody wish to give a sum back now.
func (w *world) asksToRefund(value string) (left bool, why string) {
	w.t.Helper()
	w.store.create(newRefund("back", "order", value, func(spec *apiv1.RefundSpec) {
		if spec.Amount != nil {
			spec.Amount.Currency = w.payment("order").Spec.Amount.Currency
		}
	}))
	w.must(w.reconcileRefund("back"))
	return w.sends("refund") > 0, reason(w.refund("back").Status.Conditions)
}

// tellsTheTruth compares the payment with the ledger.
func (w *world) tellsTheTruth() {
	w.t.Helper()
	ledger := w.simulator.Ledger()
	if err := ledger.Check(); err != nil {
		w.t.Error(err)
	}
	st := w.payment("order").Status
	order, _ := ledger.Payment(st.PaymentRequestID)
	want := map[apiv1.OperationState]string{apiv1.PaymentPaid: "SUCCESS", apiv1.StateFailed: "FAIL", apiv1.PaymentCancelled: "CANCELLED"}[st.State]
	if want != "" && order.Status != want {
		w.t.Errorf("payment is %s and the gateway has %s", st.State, order.Status)
	}
}

func TestPaidPaymentIsCancelledUntilAQuarterPastMidnightOfTheGateway(t *testing.T) {
	tests := []struct{ name, paid, last string }{
		{"paid at noon", "2026-11-21T12:30:00+08:00", "2026-11-22T00:14:59+08:00"},
		{"paid in the last second of the day", "2026-11-21T23:59:59+08:00", "2026-11-22T00:14:59+08:00"},
		{"paid at midnight", "2026-11-22T00:00:00+08:00", "2026-11-23T00:14:59+08:00"},
		{"paid at the end of the quarter", "2026-11-22T00:15:00+08:00", "2026-11-23T00:14:59+08:00"},
		{"paid at midnight of UTC", "2026-11-22T00:00:00Z", "2026-11-23T00:14:59+08:00"},
		{"paid before a leap day", "2028-02-28T23:59:59+08:00", "2028-02-29T00:14:59+08:00"},
		{"paid at the end of a year", "2026-12-31T20:00:00+08:00", "2027-01-01T00:14:59+08:00"},
	}
	for _, zone := range machineZones {
		for _, tt := range tests {
			t.Run(tt.name+", in "+zone, func(t *testing.T) {
				inZone(t, zone)
				for late, want := range []apiv1.OperationState{apiv1.PaymentCancelled, apiv1.PaymentPaid} {
					w := newWorld(t)
					w.paidBy("ALIPAY_HK", moment(t, tt.paid))
					w.until(moment(t, tt.last).Add(time.Duration(late) * time.Second))
					left, state, why := w.asksToCancel()
					if state != want || left != (late == 0) || late == 1 && why != apiv1.CancelWindowExceededReason {
						t.Errorf("%d s after %s: payment is %s (%s), a request left: %t; want %s", late, tt.last, state, why, left, want)
					}
					w.tellsTheTruth()
					w.close()
				}
			})
		}
	}
}

func TestMercadoPagoIsCancelledForSevenDays(t *testing.T) {
	for _, zone := range machineZones {
		inZone(t, zone)
		for late, want := range map[time.Duration]apiv1.OperationState{-time.Second: apiv1.PaymentCancelled, 0: apiv1.PaymentPaid} {
			w := newWorld(t)
			paid := moment(t, "2027-03-10T09:00:00+08:00") // the clocks of New York change within these days
			w.paidBy("MERCADOPAGO_BR", paid)
			w.until(paid.Add(7*24*time.Hour + late))
			if left, state, why := w.asksToCancel(); state != want || left != (late < 0) {
				t.Errorf("%s before the end of seven days, in %s: payment is %s (%s), a request left: %t", -late, zone, state, why, left)
			}
			w.tellsTheTruth()
			w.close()
		}
	}
}

// The pages name methods that can not be cancelled: Thai banks once they are paid, Indonesian methods and JKOPay never.
func TestWhatNeverCancelsIsNotAskedTo(t *testing.T) {
	for method, unpaid := range map[string]bool{
		"ONLINEBANKING_KASIKORNBANK": true, "BANKTRANSFER_BANGKOKBANK": true, "BANKAPP_BANGKOKBANK": true, "PROMPTPAY": true, "DANA": false, "QRIS": false,
		"BANKTRANSFER_BNI": false, "JKOPAY": false,
	} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.ordered(method)
			if left, state, why := w.asksToCancel(); left != unpaid || unpaid && state != apiv1.PaymentCancelled || !unpaid && why != apiv1.CancelNotSupportedReason {
				t.Errorf("an open order is %s (%s), a request left: %t", state, why, left)
			}
			w.tellsTheTruth()

			paid := newWorld(t)
			defer paid.close()
			paid.paidBy(method, worldStart.Add(time.Hour))
			paid.advance(time.Second)
			if left, state, why := paid.asksToCancel(); left || state != apiv1.PaymentPaid || why != apiv1.CancelNotSupportedReason {
				t.Errorf("a paid payment is %s (%s), a request left: %t", state, why, left)
			}
			paid.tellsTheTruth()
		})
	}
}

// An order that can not be cancelled still ends by itself, and the wish does not hide it.
func TestOrderThatCanNotBeCancelledEndsWithItsTime(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	order := w.ordered("JKOPAY")
	w.asksToCancel()
	w.until(w.orderOf(order).ExpiresAt)
	w.follow(w.reconcilePayment, "order", time.Hour)
	if got := w.payment("order").Status; got.State != apiv1.StateFailed || reason(got.Conditions) != "ORDER_IS_CLOSED" || w.sends("cancel") != 0 {
		t.Errorf("payment is %s (%s) after %d cancel requests, want it ended unpaid", got.State, reason(got.Conditions), w.sends("cancel"))
	}
	w.tellsTheTruth()
}

func TestRefundsLeaveUntilTheLastSecondOfTheirWindow(t *testing.T) {
	tests := []struct {
		name, method, paid, end string
	}{
		{"365 days", "ALIPAY_HK", "2026-11-21T13:00:00+08:00", "2027-11-21T13:00:00+08:00"},
		{"365 days with a leap day", "GCASH", "2027-11-21T13:00:00+08:00", "2028-11-20T13:00:00+08:00"},
		{"365 days from a leap day", "TNG", "2028-02-29T13:00:00+08:00", "2029-02-28T13:00:00+08:00"},
		{"365 days of a card", cardMethod, "2026-11-21T13:00:00+08:00", "2027-11-21T13:00:00+08:00"},
		{"180 days", "ZALOPAY", "2026-11-30T23:59:59+08:00", "2027-05-29T23:59:59+08:00"},
		{"180 days over a change of the machine's clocks", "ZALOPAY", "2026-12-21T12:00:00+08:00", "2027-06-19T12:00:00+08:00"},
		{"90 days", "PAGALEVE", "2026-12-31T00:00:00+08:00", "2027-03-31T00:00:00+08:00"},
		{"90 days with a leap day", "PAYPAY", "2028-01-31T08:00:00+08:00", "2028-04-30T08:00:00+08:00"},
	}
	for _, zone := range machineZones {
		for _, tt := range tests {
			t.Run(tt.name+", in "+zone, func(t *testing.T) {
				inZone(t, zone)
				for late, want := range map[time.Duration]string{-time.Second: "", 0: apiv1.RefundWindowExceededReason, time.Second: apiv1.RefundWindowExceededReason} {
					w := newWorld(t)
					if tt.method == cardMethod {
						w.until(moment(t, tt.paid))
						w.store.create(newSecret("card", map[string]string{apiv1.CardTokenSecretKey: cardCanary}))
						w.store.create(cardPayment("order", apiv1.AutomaticCapture))
						w.must(w.reconcilePayment("order"))
						w.authorise()
					} else {
						w.paidBy(tt.method, moment(t, tt.paid))
					}
					w.until(moment(t, tt.end).Add(late))
					left, why := w.asksToRefund("")
					if left != (late < 0) || want != "" && why != want {
						t.Errorf("%s before the end: a refund left: %t (%s)", -late, left, why)
					}
					w.tellsTheTruth()
					w.close()
				}
			})
		}
	}
}

// Whatever the method, and whenever it was paid and is asked about: what the operator sends is what the pages allow, and the gateway does it.
func TestWhatIsSentIsWhatThePagesAllow(t *testing.T) {
	var methods []string
	for _, rule := range methodRules {
		methods = append(methods, rule.methods...)
	}
	for _, zone := range machineZones {
		t.Run(zone, func(t *testing.T) {
			inZone(t, zone)
			rapid.Check(t, func(rt *rapid.T) {
				method := rapid.SampledFrom(methods).Draw(rt, "method")
				rule := ruleOf(method)
				paid := worldStart.Unix() + rapid.Int64Range(60, 800*daySeconds).Draw(rt, "paid after")
				if rapid.Bool().Draw(rt, "near the gateway's midnight") {
					paid += (16*3600-paid%daySeconds+daySeconds)%daySeconds + rapid.Int64Range(-2, 2).Draw(rt, "seconds from midnight")
				}
				wish := rapid.SampledFrom([]string{"cancel unpaid", "cancel", "refund", "refund a part"}).Draw(rt, "wish")
				w := newWorld(t)
				defer w.close()
				if wish == "cancel unpaid" {
					w.until(time.Unix(paid, 0))
					w.ordered(method)
					w.advance(time.Duration(rapid.Int64Range(1, 600).Draw(rt, "asked after")) * time.Second)
					if left, state, why := w.asksToCancel(); left != rule.cancelUnpaid || left != (state == apiv1.PaymentCancelled) {
						rt.Fatalf("%s: a request left: %t, and the payment is %s (%s)", method, left, state, why)
					}
					return
				}
				w.paidBy(method, time.Unix(paid, 0))
				end := rule.refundEnd(paid)
				if wish == "cancel" {
					end = max(rule.cancelEnd(paid), w.clock.Now().Unix()+2)
				}
				asked := rapid.OneOf(rapid.Int64Range(w.clock.Now().Unix(), end+daySeconds), rapid.Int64Range(max(w.clock.Now().Unix(), end-2), end+2)).Draw(rt, "asked")
				if rule.refundDays == 0 && wish != "cancel" {
					asked = min(asked, paid+300*daySeconds) // the simulator has a period of its own
				}
				w.until(time.Unix(asked, 0))
				if wish == "cancel" {
					allowed := rule.cancelPaid != "never" && asked < rule.cancelEnd(paid)
					if left, state, why := w.asksToCancel(); left != allowed || left != (state == apiv1.PaymentCancelled) {
						rt.Fatalf("%s paid %s, cancelled %s: a request left: %t, and the payment is %s (%s)", method, time.Unix(paid, 0).UTC(), time.Unix(asked, 0).UTC(), left, state, why)
					}
				} else {
					allowed := rule.refund && (rule.partial || wish == "refund") && asked < rule.refundEnd(paid)
					left, why := w.asksToRefund(map[string]string{"refund a part": "50000"}[wish])
					if left != allowed || left && strings.HasPrefix(why, "Refund") && why != apiv1.RefundedReason && why != apiv1.RefundInProcessReason {
						rt.Fatalf("%s paid %s, %s %s: a request left: %t (%s)", method, time.Unix(paid, 0).UTC(), wish, time.Unix(asked, 0).UTC(), left, why)
					}
				}
				if refused := refusals(w.simulator.Ledger()); refused != "" {
					rt.Fatalf("%s, %s: the gateway has refused %s", method, wish, refused)
				}
				w.tellsTheTruth()
			})
		})
	}
}

// refusals names the requests to give money back that the gateway has refused.
func refusals(ledger simulator.Ledger) string {
	var refused []string
	for _, operation := range []string{"cancel", "refund", "capture"} {
		for code, n := range ledger.APICalls[operation] {
			if code != "SUCCESS" && !strings.HasSuffix(code, "_IN_PROCESS") {
				refused = append(refused, fmt.Sprintf("%d x %s %s", n, operation, code))
			}
		}
	}
	return strings.Join(refused, ", ")
}

// orderOf is a payment as the gateway has it.
func (w *world) orderOf(p *apiv1.Payment) simulator.Payment {
	w.t.Helper()
	order, found := w.simulator.Ledger().Payment(p.Status.PaymentRequestID)
	if !found {
		w.t.Fatalf("the gateway has no order %s", p.Status.PaymentRequestID)
	}
	return order
}
