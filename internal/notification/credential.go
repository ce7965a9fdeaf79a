package notification

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// credentialField are the names of fields that let whoever reads them act for a buyer or for the merchant: access, refresh and card
// tokens, authorization codes, and the cryptograms of card payments. Guide pages print cavv as caav.
var credentialField = regexp.MustCompile(`(?i)^(.*token.*|auth_?code|cavv|caav|cvv2?|cvc2?|pan|card_?number|paymentMethodId|.*password.*|.*secret.*)$`)

// maskedCardNumber is a card number of which at most ten digits are shown, as the gateway sends it.
var maskedCardNumber = regexp.MustCompile(`^[0-9]{0,6}\*+[0-9]{0,4}$`)

// carriesCredential reports whether a JSON body has a credential at any depth. What can not be read counts as one.
func carriesCredential(body []byte) bool {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return true
	}
	return holdsCredential(value)
}

func holdsCredential(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if isCredential(name, inner) || holdsCredential(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range value {
			if holdsCredential(inner) {
				return true
			}
		}
	}
	return false
}

func isCredential(name string, value any) bool {
	text, isText := value.(string)
	if value == nil || isText && text == "" {
		return false
	}
	if number := "cardno"; len(name) == len(number) && bytes.EqualFold([]byte(name), []byte(number)) {
		return !maskedCardNumber.MatchString(text)
	}
	return credentialField.MatchString(name)
}
