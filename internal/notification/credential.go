package notification

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// credentialField are the names of fields that let whoever reads them act for a buyer or for the merchant: access, refresh and card
// tokens, authorization codes and the states they come with, and the cryptograms of card payments. Guide pages print cavv as caav.
var credentialField = regexp.MustCompile(`(?is)^(.*token.*|auth_?(code|state)|cavv|caav|cvv2?|cvc2?|pan|card_?number|paymentMethodId|.*password.*|.*secret.*)$`)

// maskedCardNumber is a card number of which at most ten digits are shown, as the gateway sends it.
var maskedCardNumber = regexp.MustCompile(`^[0-9]{0,6}\*+[0-9]{0,4}$`)

// carriesCredential reports whether a JSON body has a credential at any depth, be it in JSON that is the text of a string. What can not be
// read counts as one.
func carriesCredential(body []byte) bool {
	return !json.Valid(body) || credentialIn(json.NewDecoder(bytes.NewReader(body)), "")
}

// credentialIn reads the value of the member that has this name, and reports whether it is or has a credential. It goes token by token: a
// map would have only the last of several members of one name.
func credentialIn(decoder *json.Decoder, name string) bool {
	decoder.UseNumber()
	token, err := decoder.Token()
	if err != nil || isCredential(name, token) {
		return true
	}
	switch token {
	case json.Delim('{'), json.Delim('['):
		for decoder.More() {
			member := ""
			if token == json.Delim('{') {
				next, _ := decoder.Token()
				member, _ = next.(string)
			}
			if credentialIn(decoder, member) {
				return true
			}
		}
		_, err = decoder.Token() // the closing bracket
		return err != nil
	default:
		text, _ := token.(string)
		return json.Valid([]byte(text)) && strings.ContainsAny(text, "{[") && carriesCredential([]byte(text))
	}
}

func isCredential(name string, value json.Token) bool {
	text, isText := value.(string)
	if value == nil || isText && text == "" {
		return false
	}
	if number := "cardno"; len(name) == len(number) && bytes.EqualFold([]byte(name), []byte(number)) {
		return !maskedCardNumber.MatchString(text)
	}
	return credentialField.MatchString(name)
}
