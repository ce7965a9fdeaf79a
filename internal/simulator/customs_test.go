package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// declarationOf is a good request; edit may change it.
func declarationOf(id, paymentID, value string, edit ...func(map[string]any)) map[string]any {
	fields := map[string]any{
		"declarationRequestId": id, "paymentId": paymentID, "declarationAmount": sum("CNY", value),
		"customs":             map[string]any{"region": "CN", "customsCode": "ZONGSHU"},
		"merchantCustomsInfo": map[string]any{"merchantCustomsCode": "TV0000000001", "merchantCustomsName": "测试商贸有限公司"},
		"splitOrder":          false,
	}
	for _, e := range edit {
		e(fields)
	}
	return fields
}

func part(subOrderID string) func(map[string]any) {
	return func(fields map[string]any) { fields["splitOrder"], fields["subOrderId"] = true, subOrderID }
}

func certified(number, name string) func(map[string]any) {
	return with("buyerCertificate", map[string]any{
		"certificateType": "ID_CARD", "certificateNo": number, "holderName": map[string]any{"fullName": name},
	})
}

// inquired is the record of a declaration, or nil if the answer lists it as not found.
func (m *merchant) inquired(id string) map[string]any {
	m.t.Helper()
	answer := m.want("S SUCCESS", "inquiryDeclarationRequests", map[string]any{"declarationRequestIds": []string{id}})
	records, _ := answer.body["declarationRecords"].([]any)
	unknown, _ := answer.body["declarationRequestsNotFound"].([]any)
	if len(records)+len(unknown) != 1 {
		m.t.Fatalf("answer = %v", answer.body)
	}
	if len(records) == 0 {
		return nil
	}
	return records[0].(map[string]any)
}

func chinaMerchant(t *testing.T, value string) (m *merchant, paymentID string) {
	t.Helper()
	m = newMerchant(t)
	return m, m.paid(cashier("p1", chinaWallet, "CNY", value))
}

func TestDeclaration(t *testing.T) {
	t.Run("is in process, then accepted by customs, and sent once per id", func(t *testing.T) {
		m, id := chinaMerchant(t, "10050")
		first := m.want("S SUCCESS", "declare", declarationOf("d1", id, "10050"))
		if first.text("customsOrderId") != "p1" || first.text("customsPaymentId") == "" || first.body["identityCheckResult"] != nil || first.body["clearingChannel"] != nil {
			t.Errorf("answer = %v", first.body)
		}
		if record := m.inquired("d1"); record["declarationRequestStatus"] != "IN_PROCESS" || record["customsDeclarationResultCode"] != nil {
			t.Errorf("record = %v", record)
		}
		m.advance(2 * time.Minute)
		record := m.inquired("d1")
		want := map[string]any{
			"declarationRequestId": "d1", "customsPaymentId": first.text("customsPaymentId"), "customsOrderId": "p1",
			"declarationRequestStatus": "CUSTOMS_PROCESSING_COMPLETED", "customsDeclarationResultCode": "2",
			"customsDeclarationReturnTime": "2026-11-21T12:02:00+08:00", "lastModifiedTime": "2026-11-21T12:02:00+08:00", "splitOrder": false,
		}
		for name, value := range want {
			if record[name] != value {
				t.Errorf("%s = %v, want %v", name, record[name], value)
			}
		}
		info, _ := record["merchantCustomsInfo"].(map[string]any)
		if info["merchantCustomsName"] != "测试商贸有限公司" {
			t.Errorf("the merchant is %v", info)
		}
		second := m.want("S SUCCESS", "declare", declarationOf("d1", id, "10050"))
		if second.text("customsPaymentId") != first.text("customsPaymentId") || second.text("clearingChannel") != "NUCC" {
			t.Errorf("first %v, second %v", first.body, second.body)
		}
		d, _ := m.simulator.Ledger().Declaration("d1")
		if len(m.simulator.Ledger().Declarations) != 1 || d.Inquiries != 2 || d.FinalInquiries != 1 {
			t.Errorf("declaration = %+v", d)
		}
	})
	t.Run("of several parts never passes the payment's amount", func(t *testing.T) {
		m, id := chinaMerchant(t, "10050")
		answer := m.want("S SUCCESS", "declare", declarationOf("d1", id, "10000", part("o-a")))
		if answer.text("customsOrderId") != "o-a" {
			t.Errorf("answer = %v", answer.body)
		}
		m.want("F PARAM_ILLEGAL", "declare", declarationOf("d2", id, "51", part("o-b")))
		m.want("S SUCCESS", "declare", declarationOf("d2", id, "50", part("o-b")))
		m.want("F PARAM_ILLEGAL", "declare", declarationOf("d3", id, "1", part("o-c")))
	})
	t.Run("that customs has rejected may be made again", func(t *testing.T) {
		m, id := chinaMerchant(t, "10050")
		m.want("S SUCCESS", "declare", declarationOf("d1", id, "10050"))
		m.want("F PARAM_ILLEGAL", "declare", declarationOf("d2", id, "10050"))
		if err := m.simulator.CustomsAnswers("d1", "-621", "no such merchant"); err != nil {
			t.Fatal(err)
		}
		if record := m.inquired("d1"); record["customsDeclarationResultCode"] != "-621" || record["customsDeclarationResultDesc"] != "no such merchant" {
			t.Errorf("record = %v", record)
		}
		m.want("S SUCCESS", "declare", declarationOf("d2", id, "10050"))
	})
	t.Run("with other content under the same id is refused and changes nothing", func(t *testing.T) {
		m, id := chinaMerchant(t, "10050")
		good := declarationOf("d1", id, "10050", certified(PayerCertificateNo, PayerName))
		m.want("S SUCCESS", "declare", good)
		other := map[string]func(map[string]any){
			"amount": with("declarationAmount", sum("CNY", "1")), "customs": within("customs", "customsCode", "NINGBO"),
			"merchant": within("merchantCustomsInfo", "merchantCustomsName", "别的公司"), "split": part("o-a"),
			"certificate": certified("other", PayerName), "name": certified(PayerCertificateNo, "别人"), "no certificate": without("buyerCertificate"),
			"payment": with("paymentId", "other"),
		}
		for name, change := range other {
			if got := m.call("declare", declarationOf("d1", id, "10050", certified(PayerCertificateNo, PayerName), change)).outcome(); got != "F REPEAT_REQ_INCONSISTENT" {
				t.Errorf("another %s: %s", name, got)
			}
		}
		good["splitOrder"] = "false" // the quoted form of the same
		m.want("S SUCCESS", "declare", good)
	})
	t.Run("to an office other than the General Administration is answered in words", func(t *testing.T) {
		m, id := chinaMerchant(t, "10050")
		m.want("S SUCCESS", "declare", declarationOf("d1", id, "10050", within("customs", "customsCode", "SHANGHAI_CBT")))
		m.advance(time.Hour)
		if record := m.inquired("d1"); record["customsDeclarationResultCode"] != "success" {
			t.Errorf("record = %v", record)
		}
	})
	t.Run("in the other spelling of subOrderId is accepted and flagged", func(t *testing.T) {
		m, id := chinaMerchant(t, "10050")
		m.want("S SUCCESS", "declare", declarationOf("d1", id, "1", part("o-a")))
		answer := m.want("S SUCCESS", "declare", declarationOf("d2", id, "1", with("splitOrder", true), with("suborderId", "o-b")))
		right, _ := m.simulator.Ledger().Declaration("d1")
		wrong, _ := m.simulator.Ledger().Declaration("d2")
		if answer.text("customsOrderId") != "o-b" || right.Misspelt || !wrong.Misspelt {
			t.Errorf("answer = %v, misspelt = %t and %t", answer.body, right.Misspelt, wrong.Misspelt)
		}
	})
}

func TestDeclarationIsRefusedByCause(t *testing.T) {
	m, id := chinaMerchant(t, "10050")
	hongKong := m.paid(cashier("p2", "ALIPAY_HK", "HKD", "1000"))
	open := m.want("U PAYMENT_IN_PROCESS", "pay", cashier("p3", chinaWallet, "CNY", "1000")).text("paymentId")
	m.want("F ORDER_NOT_EXIST", "declare", declarationOf("d1", "nothing", "1"))
	m.want("F ORDER_STATUS_INVALID", "declare", declarationOf("d2", hongKong, "1"))
	m.want("F ORDER_STATUS_INVALID", "declare", declarationOf("d3", open, "1"))
	if m.inquired("d3") != nil {
		t.Error("a refused declaration is found")
	}
	m.pays(open)
	m.want("F ORDER_STATUS_INVALID", "declare", declarationOf("d3", open, "1")) // the refusal stays with its id
	m.want("S SUCCESS", "declare", declarationOf("d4", open, "1"))
	m.want("S SUCCESS", "declare", declarationOf("d1", id, "1")) // one about the request does not
	m.clientID, m.key = "5Y2", otherKey()
	m.want("F ORDER_NOT_EXIST", "declare", declarationOf("d5", id, "1"))
	if m.inquired("d1") != nil {
		t.Error("a declaration of another client is found")
	}
}

func TestDeclarationFieldsAreChecked(t *testing.T) {
	personal := certified("PRIVATE-NUMBER", "私人姓名")
	tests := []struct {
		name, field string
		edit        func(map[string]any)
	}{
		{"an id as long as a UUID", "declarationRequestId", with("declarationRequestId", "7f0c2d51-a9b1-4c5e-8d1f-2b3c4d5e6f70")},
		{"no id", "declarationRequestId", without("declarationRequestId")},
		{"no payment", "paymentId", without("paymentId")},
		{"another currency", "declarationAmount.currency", with("declarationAmount", sum("USD", "1"))},
		{"a decimal amount", "declarationAmount.value", with("declarationAmount", sum("CNY", "100.50"))},
		{"an amount of zero", "declarationAmount.value", with("declarationAmount", sum("CNY", "0"))},
		{"a number for an amount", "declarationAmount.value", with("declarationAmount", map[string]any{"currency": "CNY", "value": 100})},
		{"another region", "customs.region", within("customs", "region", "HK")},
		{"customs in lower case", "customs.customsCode", within("customs", "customsCode", "zongshu")},
		{"customs of old samples", "customs.customsCode", within("customs", "customsCode", "HANGZHOU")},
		{"no merchant", "merchantCustomsInfo", without("merchantCustomsInfo")},
		{"a merchant without name", "merchantCustomsInfo.merchantCustomsName", with("merchantCustomsInfo", map[string]any{"merchantCustomsCode": "x"})},
		{"a name too long", "merchantCustomsInfo.merchantCustomsName", within("merchantCustomsInfo", "merchantCustomsName", strings.Repeat("商", 257))},
		{"no splitOrder", "splitOrder", without("splitOrder")},
		{"a splitOrder that is none", "splitOrder", with("splitOrder", "no")},
		{"a part without its number", "subOrderId", with("splitOrder", true)},
		{"a number without a part", "subOrderId", with("subOrderId", "o-a")},
		{"a number in two spellings", "subOrderId", func(f map[string]any) { part("o-a")(f); f["suborderId"] = "o-a" }},
		{"a passport", "buyerCertificate.certificateType", func(f map[string]any) { personal(f); within("buyerCertificate", "certificateType", "PASSPORT")(f) }},
		{"a certificate without number", "buyerCertificate.certificateNo", with("buyerCertificate", map[string]any{"certificateType": "ID_CARD"})},
		{"a card without name", "buyerCertificate.holderName", with("buyerCertificate", map[string]any{"certificateType": "ID_CARD", "certificateNo": "PRIVATE-NUMBER"})},
		{"a number too long", "buyerCertificate.certificateNo", certified(strings.Repeat("PRIVATE-NUMBER", 5), "私人姓名")},
		{"an unknown field", "buyerCertificate.colour", func(f map[string]any) { personal(f); within("buyerCertificate", "colour", "PRIVATE-NUMBER")(f) }},
	}
	m, id := chinaMerchant(t, "10050")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer := m.call("declare", declarationOf("d1", id, "100", test.edit))
			if answer.outcome() != "F PARAM_ILLEGAL" || !strings.HasPrefix(answer.message(), test.field+" ") {
				t.Errorf("answer = %s %q, want PARAM_ILLEGAL about %s", answer.outcome(), answer.message(), test.field)
			}
			if strings.Contains(answer.message(), "PRIVATE") || strings.Contains(answer.message(), "私人") {
				t.Errorf("the answer quotes the buyer: %s", answer.message())
			}
		})
	}
	if n := len(m.simulator.Ledger().Declarations); n != 0 {
		t.Errorf("%d declarations were made", n)
	}
	t.Run("the buyer is never in the ledger", func(t *testing.T) {
		m.want("S SUCCESS", "declare", declarationOf("d1", id, "100", personal))
		m.advance(time.Hour)
		raw, err := json.Marshal(m.simulator.Ledger())
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"PRIVATE", "私人"} {
			if strings.Contains(string(raw)+m.simulator.Ledger().Table(), text) {
				t.Errorf("the ledger shows %s", text)
			}
		}
	})
}

func TestIdentityOfBuyerAndPayer(t *testing.T) {
	parts := func(first, last string) func(map[string]any) {
		return with("buyerCertificate", map[string]any{"certificateType": "ID_CARD", "certificateNo": PayerCertificateNo,
			"holderName": map[string]any{"firstName": first, "lastName": last}})
	}
	tests := []struct {
		name, check, code string
		edit              func(map[string]any)
	}{
		{"nobody says who bought", "", "2", func(map[string]any) {}},
		{"the payer bought", "CHECK_PASSED", "2", certified(PayerCertificateNo, PayerName)},
		{"the payer bought, by parts of the name", "CHECK_PASSED", "2", parts("员甲", "测试")},
		{"somebody else bought", "CHECK_NOT_PASSED", "-1", certified("110000199001010000", PayerName)},
		{"the name is mangled", "CHECK_NOT_PASSED", "-1", certified(PayerCertificateNo, "??????")},
		{"the parts are in the wrong order", "CHECK_NOT_PASSED", "-1", parts("测试", "员甲")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, id := chinaMerchant(t, "10050")
			answer := m.want("S SUCCESS", "declare", declarationOf("d1", id, "10050", test.edit))
			if got := answer.text("identityCheckResult"); got != test.check {
				t.Errorf("identityCheckResult = %q, want %q", got, test.check)
			}
			m.advance(time.Hour)
			if record := m.inquired("d1"); record["customsDeclarationResultCode"] != test.code {
				t.Errorf("record = %v, want code %s", record, test.code)
			}
		})
	}
}

func TestInquiryOfDeclarations(t *testing.T) {
	m, id := chinaMerchant(t, "10050")
	ids := []string{}
	for i := range 10 {
		ids = append(ids, fmt.Sprintf("d%d", i))
		if i%2 == 0 {
			m.want("S SUCCESS", "declare", declarationOf(ids[i], id, "1", part(ids[i])))
		}
	}
	answer := m.want("S SUCCESS", "inquiryDeclarationRequests", map[string]any{"declarationRequestIds": ids})
	var found []string
	for _, record := range answer.body["declarationRecords"].([]any) {
		found = append(found, record.(map[string]any)["declarationRequestId"].(string))
	}
	unknown, _ := answer.body["declarationRequestsNotFound"].([]any)
	if !slices.Equal(found, []string{"d0", "d2", "d4", "d6", "d8"}) || len(unknown) != 5 || unknown[0] != "d1" {
		t.Errorf("found %v, not found %v", found, unknown)
	}
	answer = m.want("S SUCCESS", "inquiryDeclarationRequests", map[string]any{"declarationRequestIds": []string{"d0", "d0"}})
	if records, _ := answer.body["declarationRecords"].([]any); len(records) != 1 || answer.body["declarationRequestsNotFound"] != nil {
		t.Errorf("one id twice: %v", answer.body)
	}
	answer = m.want("S SUCCESS", "inquiryDeclarationRequests", map[string]any{"declarationRequestIds": []string{"x"}})
	if records, isList := answer.body["declarationRecords"].([]any); !isList || len(records) != 0 {
		t.Errorf("nothing known: %v", answer.body)
	}
	for name, bad := range map[string]any{
		"no list": "d0", "nothing": []string{}, "eleven": append(slices.Clone(ids), "d10"), "a number": []any{1}, "an empty id": []string{""},
		"an id too long": []string{strings.Repeat("d", 33)},
	} {
		if got := m.call("inquiryDeclarationRequests", map[string]any{"declarationRequestIds": bad}).outcome(); got != "F PARAM_ILLEGAL" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWrongAmountStrikesRecordsToo(t *testing.T) {
	m, id := chinaMerchant(t, "10050")
	m.want("S SUCCESS", "declare", declarationOf("d1", id, "10050"))
	m.inject(Fault{Kind: WrongAmount, Path: "inquiryDeclarationRequests"})
	for _, want := range []string{"10051", "10050"} {
		amount, _ := m.inquired("d1")["declarationAmount"].(map[string]any)
		if amount["value"] != want {
			t.Errorf("declarationAmount = %v, want %s", amount, want)
		}
	}
}

func TestCustomsIsToldWhatToAnswer(t *testing.T) {
	m, id := chinaMerchant(t, "10050")
	s := m.simulator
	for _, d := range []string{"d1", "d2", "d3", "d4", "d5"} {
		m.want("S SUCCESS", "declare", declarationOf(d, id, "1", part(d)))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(s.CustomsHolds("d1"))
	must(s.CustomsAnswers("d2", "strange", "奇怪"))
	must(s.CustomsAnswers("d4", "-30", "no"))
	must(s.CustomsHolds("d5"))
	m.advance(24 * time.Hour)
	if record := m.inquired("d1"); record["declarationRequestStatus"] != "IN_PROCESS" {
		t.Errorf("a held declaration is answered: %v", record)
	}
	must(s.CustomsAnswers("d1", "", ""))
	must(s.CustomsAnswers("d3", "120", "三单对碰成功"))
	must(s.CustomsAnswers("d5", "7", ""))
	must(s.CustomsAnswers("d5", "-1", "")) // which decides at last
	for d, code := range map[string]string{"d1": "2", "d2": "strange", "d3": "120", "d5": "-1"} {
		if record := m.inquired(d); record["customsDeclarationResultCode"] != code {
			t.Errorf("%s: %v, want code %s", d, record, code)
		}
	}
	for name, err := range map[string]error{
		"an answer after a final one":        s.CustomsAnswers("d4", "2", ""),
		"a rejection after an acceptance":    s.CustomsAnswers("d3", "-1", ""),
		"to hold what is answered":           s.CustomsHolds("d3"),
		"an answer to nothing":               s.CustomsAnswers("d9", "2", ""),
		"to hold nothing":                    s.CustomsHolds("d9"),
		"a code too long":                    s.CustomsAnswers("d3", strings.Repeat("2", 65), ""),
		"a text too long":                    s.CustomsAnswers("d3", "2", strings.Repeat("好", 2049)),
		"an answer with other than its type": s.CustomsAnswers("d3", "refused", ""),
	} {
		if err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func TestMerchantIsToldWhatItMayDeclare(t *testing.T) {
	m, in := newMerchant(t), newInbox(t)
	notified := with("paymentNotifyUrl", in.url())
	m.paid(cashier("p1", chinaWallet, "CNY", "10050", notified))
	dollars := m.paid(cashier("p2", chinaWallet, "USD", "1000", notified))
	m.paid(cashier("p3", "ALIPAY_HK", "HKD", "1000", notified))
	m.advance(time.Minute)
	want := map[string]string{"p1": "10050", "p2": "7168", "p3": ""} // at 7.16845878
	for _, n := range in.all() {
		amount, _ := n.body["customsDeclarationAmount"].(map[string]any)
		if id := n.body["paymentRequestId"].(string); amount["value"] != any(want[id]) && !(amount == nil && want[id] == "") {
			t.Errorf("notification of %s: %v, want %s", id, amount, want[id])
		}
	}
	for id, value := range want {
		answer := m.want("S SUCCESS", "inquiryPayment", map[string]any{"paymentRequestId": id})
		amount, _ := answer.body["customsDeclarationAmount"].(map[string]any)
		if value == "" && amount != nil || value != "" && (amount["value"] != value || amount["currency"] != "CNY") {
			t.Errorf("inquiry of %s: %v, want %s", id, amount, value)
		}
	}
	m.want("F PARAM_ILLEGAL", "declare", declarationOf("d1", dollars, "7169"))
	m.want("S SUCCESS", "declare", declarationOf("d1", dollars, "7168"))
}

// Whatever is declared in whatever order, customs is told of no more than was paid, and of one id once.
func TestDeclarationsNeverExceedThePayment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(Options{Clients: []Client{{ID: "5Y1"}}, PrivateKey: gatewayKey(), Now: func() time.Time { return testStart }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, id := range []string{"p1", "p2"} {
			direct(t, s, "pay", cashier(id, chinaWallet, "CNY", "1000"))
			if err := s.BuyerPays(id); err != nil {
				t.Fatal(err)
			}
		}
		draw := func(t *rapid.T) string { return fmt.Sprintf("d%d", rapid.IntRange(1, 6).Draw(t, "declaration")) }
		answered := map[string]Declaration{}
		t.Repeat(map[string]func(*rapid.T){
			"declare": func(t *rapid.T) {
				p := rapid.SampledFrom(s.Ledger().Payments).Draw(t, "payment")
				fields := declarationOf(draw(t), p.PaymentID, fmt.Sprint(rapid.IntRange(1, 1100).Draw(t, "value")))
				if rapid.Bool().Draw(t, "split") {
					part("o-a")(fields)
				}
				if rapid.Bool().Draw(t, "certified") {
					certified(rapid.SampledFrom([]string{PayerCertificateNo, "other"}).Draw(t, "number"), PayerName)(fields)
				}
				before, known := s.Ledger().Declaration(fields["declarationRequestId"].(string))
				direct(t, s, "declare", fields)
				if after, _ := s.Ledger().Declaration(before.DeclarationRequestID); known && after != before {
					t.Fatalf("a repeat changed %+v to %+v", before, after)
				}
			},
			"customs": func(t *rapid.T) {
				code := rapid.SampledFrom([]string{"", "2", "120", "-1", "odd"}).Draw(t, "code")
				_ = s.CustomsAnswers(draw(t), code, "") // nothing there, or answered: that is the point
			},
			"hold": func(t *rapid.T) { _ = s.CustomsHolds(draw(t)) },
			"time": func(*rapid.T) { s.Advance(time.Minute) },
			"": func(t *rapid.T) {
				l := s.Ledger()
				if err := l.Check(); err != nil {
					t.Fatal(err)
				}
				for _, d := range l.Declarations {
					was, known := answered[d.DeclarationRequestID]
					final := known && strings.HasPrefix(was.ResultCode, "-")
					accepted := []string{"2", "120", "success"}
					stays := known && slices.Contains(accepted, was.ResultCode)
					if final && d.ResultCode != was.ResultCode || stays && !slices.Contains(accepted, d.ResultCode) ||
						known && was.Status == declarationCompleted && d.Status != was.Status {
						t.Fatalf("customs went from %+v to %+v", was, d)
					}
					answered[d.DeclarationRequestID] = d
				}
			},
		})
	})
}
