package controllers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// knownFields are the fields that an object may have.
type knownFields map[string]fieldCheck

// fieldCheck finds fault with a value. Its error says what the value must be.
type fieldCheck func(value any) error

// The fields of spec.buyer and spec.order.shipping, with the limits that their types declare for the API server.
var (
	nameFields = knownFields{"firstName": textField(32), "middleName": textField(32), "lastName": textField(32), "fullName": textField(128)}

	addressFields = knownFields{
		"region": formField(`^[A-Z]{2}$`, "the two capitals of a country or region"),
		"state":  textField(128), "city": textField(128), "address1": textField(256), "address2": textField(256), "zipCode": textField(32),
	}

	buyerFields = knownFields{
		"referenceBuyerId": textField(64), "buyerName": objectField(nameFields), "buyerPhoneNo": textField(24), "buyerEmail": textField(64),
		"buyerRegistrationTime": formField(
			`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`,
			"a time in whole seconds with its offset"),
		"isAccountVerified": flagField, "successfulOrderCount": countField,
	}

	shippingFields = knownFields{
		"shippingName": objectField(nameFields), "shippingAddress": objectField(addressFields), "shippingCarrier": textField(128),
		"shippingPhoneNo": textField(16), "shipToEmail": textField(64),
	}
)

// fieldError is about one field of an object.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + " " + e.err.Error() }

var errNoObject = errors.New("must be a JSON object")

// decodePersonal decodes a JSON object of known fields, all of the right type. Its errors name the field and never a value.
func decodePersonal(content []byte, known knownFields, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return fmt.Errorf("the value %w", errNoObject)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the value %w, and nothing behind it", errNoObject)
	}
	if err := objectField(known)(value); err != nil {
		var ofField *fieldError
		if errors.As(err, &ofField) {
			return err
		}
		return fmt.Errorf("the value %w", err)
	}
	// What was checked is what is decoded, also where the text names a field twice.
	checked, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(checked, into)
	}
	if err != nil {
		return errors.New("the value can not be decoded") // the error might show it
	}
	return nil
}

// fieldName is what a name must look like to be shown: anything else could be a value in the wrong place.
var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,39}$`)

// objectField checks the fields of an object, in a steady order.
func objectField(known knownFields) fieldCheck {
	return func(value any) error {
		object, isObject := value.(map[string]any)
		if !isObject {
			return errNoObject
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			check, isKnown := known[name]
			switch {
			case !isKnown && fieldName.MatchString(name):
				return &fieldError{name, errors.New("is not a known field")}
			case !isKnown:
				return errors.New("has a field of an unknown name")
			}
			if err := check(object[name]); err != nil {
				var below *fieldError
				if errors.As(err, &below) {
					return &fieldError{name + "." + below.path, below.err}
				}
				return &fieldError{name, err}
			}
		}
		return nil
	}
}

// textField checks for a text of 1 to so many characters.
func textField(longest int) fieldCheck {
	return func(value any) error {
		text, isText := value.(string)
		if length := utf8.RuneCountInString(text); !isText || length == 0 || length > longest {
			return fmt.Errorf("must be a text of 1 to %d characters", longest)
		}
		return nil
	}
}

// formField checks for a text of a certain form.
func formField(pattern, want string) fieldCheck {
	matcher := regexp.MustCompile(pattern)
	return func(value any) error {
		if text, isText := value.(string); !isText || !matcher.MatchString(text) {
			return errors.New("must be " + want)
		}
		return nil
	}
}

// flagField checks for true or false.
func flagField(value any) error {
	if _, isFlag := value.(bool); !isFlag {
		return errors.New("must be true or false, without quotes")
	}
	return nil
}

// countField checks for a whole number from 0 on.
func countField(value any) error {
	number, isNumber := value.(json.Number)
	if n, err := strconv.ParseInt(number.String(), 10, 32); !isNumber || err != nil || n < 0 {
		return errors.New("must be a whole number from 0 on, without quotes")
	}
	return nil
}
