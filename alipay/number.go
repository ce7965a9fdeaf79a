package alipay

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// The documents want every scalar quoted, the samples and SDKs of the gateway leave booleans and numbers bare, so
// these types read both. null and "" read as unset: the zero value.

// Bool is a boolean of an answer.
type Bool bool

// UnmarshalJSON reads true, false, "true" and "false", in any case when quoted.
func (b *Bool) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	switch strings.ToLower(text) {
	case "true":
		*b = true
	case "false", "":
		*b = false
	default:
		return errors.New("a boolean is neither true nor false")
	}
	return nil
}

// Int is a whole number of an answer.
type Int int64

// UnmarshalJSON reads 20 and "20".
func (i *Int) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	if text == "" {
		*i = 0
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New("a whole number has another form")
	}
	*i = Int(n)
	return nil
}

// Decimal is a decimal number of an answer, such as an exchange rate, digit by digit as the gateway wrote it: it
// never passes through a binary float.
type Decimal string

// UnmarshalJSON reads 7.8123 and "7.8123".
func (d *Decimal) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return err
	}
	if text != "" && !isNumber(text) {
		return errors.New("a decimal number has another form")
	}
	*d = Decimal(text)
	return nil
}

// isNumber reports whether text is a number in JSON's grammar, as encoding/json has it.
func isNumber(text string) bool {
	isFirst := text[0] == '-' || text[0] >= '0' && text[0] <= '9'
	return isFirst && strings.TrimSpace(text) == text && json.Valid([]byte(text))
}

// scalar returns the text of a JSON string, number or boolean, and "" for null.
func scalar(data []byte) (string, error) {
	switch {
	case len(data) == 0 || data[0] == '{' || data[0] == '[':
		return "", errors.New("a single value is an object or array")
	case bytes.Equal(data, []byte("null")):
		return "", nil
	case data[0] != '"':
		return string(data), nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return "", errors.New("a text is malformed")
	}
	return text, nil
}

// loose is a value of one JSON type; of any other it is empty.
type loose[T any] struct{ value T }

// UnmarshalJSON never fails.
func (l *loose[T]) UnmarshalJSON(data []byte) error {
	var value T
	if json.Unmarshal(data, &value) == nil {
		l.value = value
	}
	return nil
}
