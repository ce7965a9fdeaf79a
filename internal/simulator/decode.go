package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDepth limits the nesting of a request body.
const maxDepth = 32

// parse reads one JSON object. Unlike encoding/json it refuses a key given twice, text that is not
// UTF-8, and anything after the object: the gateway's own reading of such a body is not known.
func parse(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	value, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON object")
	}
	o, isObject := value.(object)
	if !isObject {
		return nil, errors.New("body is not a JSON object")
	}
	return o, nil
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("body is nested too deeply")
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			if _, twice := o[name]; twice {
				return nil, fmt.Errorf("field %q is given twice", name)
			}
			if o[name], err = readValue(dec, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			value, err := readValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

type kind int

const (
	textKind    kind = iota
	flagKind         // JSON boolean, or "true" / "false" (ams/payment_cashier, samples and SDKs)
	integerKind      // JSON integer, or the same quoted (ams/payment_cashier, samples and SDKs)
	amountKind       // {currency, value}; a bare number in value is refused (ams/payment_cashier, samples and SDKs)
	timeKind         // ISO 8601 with offset and whole seconds (ams/payment_cashier, samples and SDKs)
	linkKind         // absolute URL, app schemes included
	objectKind
	listKind
	mapKind  // documented as a free map
	freeKind // child fields not documented: accepted unread
)

// field is one documented field of a request.
type field struct {
	name     string
	kind     kind
	required bool
	emptyOK  bool // "" is documented as allowed; elsewhere optional fields are to be omitted (ams/api_fund)
	max      int  // characters of a text, elements of a list; 0 is no documented limit
	least    int64
	most     int64
	values   []string
	pattern  *regexp.Regexp
	fields   schema // of an object, or of each element of a list
}

type schema []field

func text(name string, limit int) field { return field{name: name, kind: textKind, max: limit} }
func flag(name string) field            { return field{name: name, kind: flagKind} }
func amountOf(name string) field        { return field{name: name, kind: amountKind} }
func moment(name string) field          { return field{name: name, kind: timeKind} }
func link(name string, limit int) field { return field{name: name, kind: linkKind, max: limit} }
func free(name string) field            { return field{name: name, kind: freeKind} }

func freeMap(name string) field { return field{name: name, kind: mapKind} }

func integer(name string, least, most int64) field {
	return field{name: name, kind: integerKind, least: least, most: most}
}

func oneOf(name string, values ...string) field {
	return field{name: name, kind: textKind, values: values}
}

func group(name string, fields ...field) field {
	return field{name: name, kind: objectKind, fields: fields}
}

func listOf(name string, limit int, fields ...field) field {
	return field{name: name, kind: listKind, max: limit, fields: fields}
}

func (f field) needed() field     { f.required = true; return f }
func (f field) maybeEmpty() field { f.emptyOK = true; return f }

// check refuses what the page does not name, and everything of a wrong type, length or value.
func (s schema) check(o object, prefix string) *refusal {
	known := make(map[string]bool, len(s))
	for _, f := range s {
		known[f.name] = true
		value, given := o[f.name]
		if !given {
			if f.required {
				return illegal(prefix+f.name, "is required")
			}
			continue
		}
		if bad := f.check(value, prefix+f.name); bad != nil {
			return bad
		}
	}
	unknown := []string{}
	for name := range o {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return illegal(prefix+unknown[0], "is not a known field")
	}
	return nil
}

func (f field) check(value any, path string) *refusal {
	if value == nil {
		return illegal(path, "is null: leave the field out")
	}
	switch f.kind {
	case freeKind:
		return nil
	case flagKind:
		if value == true || value == false || value == "true" || value == "false" {
			return nil
		}
		return illegal(path, "is not a boolean")
	case integerKind:
		return f.checkInteger(value, path)
	case amountKind:
		return checkAmountShape(value, path)
	case mapKind:
		if _, isObject := value.(object); !isObject {
			return illegal(path, "is not an object")
		}
		return nil
	case objectKind:
		inner, isObject := value.(object)
		if !isObject {
			return illegal(path, "is not an object")
		}
		return f.fields.check(inner, path+".")
	case listKind:
		return f.checkList(value, path)
	}
	return f.checkText(value, path)
}

func (f field) checkText(value any, path string) *refusal {
	given, isText := value.(string)
	switch {
	case !isText:
		return illegal(path, "is not a string")
	case given == "" && f.emptyOK:
		return nil
	case given == "":
		return illegal(path, "is empty: leave the field out")
	case f.max > 0 && utf8.RuneCountInString(given) > f.max:
		return illegal(path, fmt.Sprintf("is longer than %d characters", f.max))
	case f.values != nil && !slices.Contains(f.values, given):
		return illegal(path, "is not one of "+strings.Join(f.values, ", "))
	case f.pattern != nil && !f.pattern.MatchString(given):
		return illegal(path, "does not match "+f.pattern.String())
	case f.kind == timeKind && !isoTime.MatchString(given):
		return illegal(path, "is not an ISO 8601 time with offset and whole seconds")
	case f.kind == timeKind:
		if _, err := time.Parse(time.RFC3339, given); err != nil {
			return illegal(path, "is not a time")
		}
	case f.kind == linkKind:
		return checkLink(given, path)
	}
	return nil
}

var (
	isoTime       = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`)
	currencyCode  = regexp.MustCompile(`^[A-Z]{3}$`)
	amountValue   = regexp.MustCompile(`^[1-9][0-9]{0,15}$`) // ams/amount
	requestIDText = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)   // ams/payment_cashier, ams/ir_online
)

// checkLink allows web addresses and app schemes (ams/payment_cashier) but no scheme a browser would run.
func checkLink(given, path string) *refusal {
	u, err := url.Parse(given)
	if err != nil || u.Scheme == "" {
		return illegal(path, "is not an absolute URL")
	}
	switch strings.ToLower(u.Scheme) {
	case "javascript", "data", "vbscript", "file":
		return illegal(path, "has a scheme that is not allowed")
	case "http", "https":
		if u.Host == "" {
			return illegal(path, "has no host")
		}
	}
	return nil
}

func (f field) checkInteger(value any, path string) *refusal {
	digits, isText := value.(string)
	if number, isNumber := value.(json.Number); isNumber {
		digits, isText = number.String(), true
	}
	if !isText {
		return illegal(path, "is not an integer")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return illegal(path, "is not an integer")
	}
	if n < f.least || n > f.most {
		return illegal(path, fmt.Sprintf("is not between %d and %d", f.least, f.most))
	}
	return nil
}

func checkAmountShape(value any, path string) *refusal {
	inner, isObject := value.(object)
	if !isObject {
		return illegal(path, "is not an object")
	}
	shape := schema{
		field{name: "currency", kind: textKind, required: true, pattern: currencyCode},
		field{name: "value", kind: textKind, required: true, max: 16, pattern: amountValue},
	}
	return shape.check(inner, path+".")
}

// checkList accepts a list of objects when the field has child fields, a list of strings otherwise.
func (f field) checkList(value any, path string) *refusal {
	list, isList := value.([]any)
	if !isList {
		return illegal(path, "is not an array")
	}
	if f.max > 0 && len(list) > f.max {
		return illegal(path, fmt.Sprintf("has more than %d elements", f.max))
	}
	for i, element := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if f.fields == nil {
			if _, isText := element.(string); !isText {
				return illegal(at, "is not a string")
			}
			continue
		}
		inner, isObject := element.(object)
		if !isObject {
			return illegal(at, "is not an object")
		}
		if bad := f.fields.check(inner, at+"."); bad != nil {
			return bad
		}
	}
	return nil
}
