package alipay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errNilRequest = errors.New("the request is nil")

// Body returns the exact bytes that the client's methods send for request: a request struct of this package, or a
// pointer to one. The same request gives the same bytes in every process, so callers may record their hash before
// they send, and compare it before they send again.
func Body(request any) ([]byte, error) {
	body, err := marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	if body[0] != '{' {
		return nil, fmt.Errorf("encoding the request: %w, or no struct", errNilRequest)
	}
	extended, ok := request.(interface{ additionalFields() map[string]any })
	if !ok || len(extended.additionalFields()) == 0 {
		return body, nil
	}
	additional, err := marshal(extended.additionalFields())
	if err != nil {
		return nil, fmt.Errorf("encoding the additional fields: %w", err)
	}
	merged, err := mergeJSON(body, additional)
	if err != nil {
		return nil, fmt.Errorf("adding the additional fields: %w", err)
	}
	return merged, nil
}

// marshal encodes v without escaping < > and &, which the gateway would have to undo, and sorts the keys of maps.
func marshal(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// mergeJSON adds the keys of one JSON object to another, objects deeply. The result has its keys sorted.
func mergeJSON(body, additional []byte) ([]byte, error) {
	base, err := object(body)
	if err != nil {
		return nil, err
	}
	extra, err := object(additional)
	if err != nil {
		return nil, err
	}
	if err := merge(base, extra, ""); err != nil {
		return nil, err
	}
	return marshal(base)
}

// object decodes a JSON object and leaves its numbers as they are written.
func object(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, err
	}
	return fields, nil
}

// merge adds extra to base. It never replaces anything, in any spelling: a second "PaymentAmount" beside
// "paymentAmount" would leave it to the reader which one moves money.
func merge(base, extra map[string]any, at string) error {
	for _, key := range sortedKeys(extra) {
		known := slices.IndexFunc(sortedKeys(base), func(k string) bool { return strings.EqualFold(k, key) })
		if known < 0 {
			base[key] = extra[key]
			continue
		}
		below, isObject := base[key].(map[string]any)
		addition, addsObject := extra[key].(map[string]any)
		if !isObject || !addsObject {
			return fmt.Errorf("the field %s is set already", shown(at+key))
		}
		if err := merge(below, addition, at+key+"."); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
