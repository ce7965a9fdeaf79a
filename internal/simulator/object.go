package simulator

import (
	"slices"
	"strconv"
	"time"
)

// object is a JSON object whose numbers are json.Number. Its accessors are for fields that have
// passed a schema: they return the zero value when the field is absent.
type object map[string]any

func (o object) at(path ...string) any {
	var value any = o
	for _, name := range path {
		inner, isObject := value.(object)
		if !isObject {
			return nil
		}
		value = inner[name]
	}
	return value
}

func (o object) text(path ...string) string {
	text, _ := o.at(path...).(string)
	return text
}

func (o object) flag(path ...string) bool {
	value := o.at(path...)
	return value == true || value == "true"
}

func (o object) money(path ...string) Money {
	value, err := strconv.ParseInt(o.text(append(slices.Clone(path), "value")...), 10, 64)
	if err != nil {
		return Money{}
	}
	return Money{Currency: o.text(append(slices.Clone(path), "currency")...), Value: value}
}

func (o object) time(path ...string) time.Time {
	t, err := time.Parse(time.RFC3339, o.text(path...))
	if err != nil {
		return time.Time{}
	}
	return t
}
