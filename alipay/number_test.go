package alipay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestScalarsAreReadBareAndQuoted(t *testing.T) {
	type scalars struct {
		B Bool    `json:"b"`
		I Int     `json:"i"`
		D Decimal `json:"d"`
		T Time    `json:"t"`
	}
	tests := []struct {
		name, text string
		want       scalars
		fails      bool
	}{
		{"bare", `{"b":true,"i":-20,"d":0.10}`, scalars{B: true, I: -20, D: "0.10"}, false},
		{"quoted", `{"b":"True","i":"20","d":"1e-7"}`, scalars{B: true, I: 20, D: "1e-7"}, false},
		{"false", `{"b":"false"}`, scalars{}, false},
		{"null", `{"b":null,"i":null,"d":null,"t":null}`, scalars{}, false},
		{"empty", `{"b":"","i":"","d":"","t":""}`, scalars{}, false},
		{"more digits than a float has", `{"d":12345678901234567890.12345678901234567890}`, scalars{D: "12345678901234567890.12345678901234567890"}, false},
		{"largest int64", `{"i":9223372036854775807}`, scalars{I: 9223372036854775807}, false},
		{"time as bare milliseconds", `{"t":1795255201000}`, scalars{T: utc(2026, 11, 21, 10, 0, 1)}, false},
		{"boolean of another form", `{"b":1}`, scalars{}, true},
		{"integer with a fraction", `{"i":1.5}`, scalars{}, true},
		{"integer too large", `{"i":9223372036854775808}`, scalars{}, true},
		{"decimal as text", `{"d":"7,8"}`, scalars{}, true},
		{"decimal NaN", `{"d":"NaN"}`, scalars{}, true},
		{"decimal with space", `{"d":" 7 "}`, scalars{}, true},
		{"decimal true", `{"d":"true"}`, scalars{}, true},
		{"object", `{"b":{}}`, scalars{}, true},
		{"array", `{"i":[1]}`, scalars{}, true},
		{"time of another form", `{"t":"21 November"}`, scalars{}, true},
		{"time in an array", `{"t":[]}`, scalars{}, true},
		{"boolean in an array", `{"b":[true]}`, scalars{}, true},
		{"decimal in an object", `{"d":{"x":1}}`, scalars{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got scalars
			err := json.Unmarshal([]byte(tt.text), &got)
			if (err != nil) != tt.fails || !tt.fails && got != tt.want {
				t.Errorf("%+v, %v, want %+v, error %v", got, err, tt.want, tt.fails)
			}
		})
	}
}

func TestAnEmptyScalarUnsetsAnEarlierOne(t *testing.T) {
	quote := Quote{QuotePrice: "1", Guaranteed: true}
	if err := json.Unmarshal([]byte(`{"quotePrice":"","guaranteed":""}`), &quote); err != nil || quote != (Quote{}) {
		t.Errorf("%+v, %v", quote, err)
	}
}

func FuzzDecodeInquiryPayment(f *testing.F) {
	f.Add(inquiryPaymentAnswer)
	f.Add(`{"result":null,"transactions":null,"paymentTime":""}`)
	f.Add(`{"result":{"resultStatus":"S"},"transactions":[{"transationType":"CAPTURE"}],"settlementQuote":{"quotePrice":"1.50","guaranteed":"TRUE"}}`)
	f.Add(`{"paymentAmount":{"value":100},"authExpirytime":1795255201000}`)
	f.Fuzz(func(t *testing.T, body string) {
		var first, second InquiryPaymentResponse
		if err := json.Unmarshal([]byte(body), &first); err != nil {
			if text := unreadable("answer", err).Error(); strings.ContainsAny(text, "\n\x00") || len(text) > 1024 {
				t.Errorf("error %q", text)
			}
			return
		}
		// What was read is read again as the same, so nothing depends on the form in which it came.
		again, err := json.Marshal(&first)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", first, err)
		}
		if err := json.Unmarshal(again, &second); err != nil {
			t.Fatalf("%s cannot be read again: %v", again, err)
		}
		once, twice := must[[]byte](t)(json.Marshal(&first)), must[[]byte](t)(json.Marshal(&second))
		if !bytes.Equal(once, twice) {
			t.Errorf("first %s, then %s", once, twice)
		}
	})
}
