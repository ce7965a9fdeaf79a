package secrets

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// canary is a text that must be in Secrets and on the wire to the gateway alone.
type canary struct {
	name, text string
	// more are other texts that give it away.
	more []string
	// inSecret and onWire say where it must be found, so that a canary that was never there is noticed.
	inSecret, onWire bool
	// neverSent is true if not even the gateway may see it.
	neverSent bool
}

// shortestCanary keeps texts out that occur by chance.
const shortestCanary = 8

// forms are the ways in which a text may be written, in small letters.
func (c canary) forms() []string {
	var found []string
	for _, text := range append([]string{c.text}, c.more...) {
		found = append(found, text, url.QueryEscape(text), url.PathEscape(text), html.EscapeString(text), hex.EncodeToString([]byte(text)),
			strings.Trim(strconv.Quote(text), `"`), strings.Trim(strconv.QuoteToASCII(text), `"`))
		once := jsonText(text)
		found = append(found, once, jsonText(once))
		for _, content := range []string{text, once, strings.Trim(strconv.Quote(text), `"`)} { // a Secret may hold JSON
			for offset := range 3 {
				found = append(found, base64Within(base64.RawStdEncoding, content, offset), base64Within(base64.RawURLEncoding, content, offset))
			}
		}
	}
	for i := range found {
		found[i] = strings.ToLower(found[i])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// hash is how the documents allow a credential to be told from others.
func (c canary) hash() string {
	sum := sha256.Sum256([]byte(c.text))
	return hex.EncodeToString(sum[:])
}

func jsonText(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text can always be encoded
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(encoded), `"`), `"`)
}

// base64Within is what is always the same in the encoding of a longer text that has this one behind so many bytes.
func base64Within(encoding *base64.Encoding, text string, offset int) string {
	encoded := encoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + text))
	return encoded[(offset*8+5)/6 : (offset+len(text))*8/6]
}

// dumped is a line of a dump in hexadecimal, as client-go logs bodies.
var dumped = regexp.MustCompile(`[0-9a-f]{8}  ((?:[0-9a-f]{2} {1,2}){1,16}) *\|`)

// readable is a text in small letters, followed by what its dumps in hexadecimal mean.
func readable(text string) string {
	var meant []byte
	for _, line := range dumped.FindAllStringSubmatch(text, -1) {
		part, err := hex.DecodeString(strings.ReplaceAll(line[1], " ", ""))
		if err == nil {
			meant = append(meant, part...)
		}
	}
	return strings.ToLower(text + "\n" + string(meant))
}

// foundIn returns the first form of the canary that a readable text has, with what is around it.
func (c canary) foundIn(text string) (around string, found bool) {
	for _, form := range c.forms() {
		if at := strings.Index(text, form); at >= 0 {
			return text[max(0, at-200):min(len(text), at+len(form)+100)], true
		}
	}
	return "", false
}

func TestCanaryIsFoundInEveryForm(t *testing.T) {
	c := canary{text: `Zoë "Kanari" <7301>/+`}
	ones := []string{
		c.text, strings.ToUpper(c.text), url.Values{"name": {c.text}}.Encode(), jsonText(c.text), jsonText(jsonText(c.text)),
		strconv.Quote(c.text), strconv.QuoteToASCII(c.text), hex.EncodeToString([]byte(c.text)), strings.ToUpper(hex.EncodeToString([]byte(c.text))),
		hex.Dump([]byte("some bytes before " + c.text)), html.EscapeString(c.text),
	}
	for offset := range 7 {
		long := strings.Repeat("x", offset) + c.text + strings.Repeat("y", offset)
		ones = append(ones, base64.StdEncoding.EncodeToString([]byte(long)), base64.URLEncoding.EncodeToString([]byte(long)),
			base64.StdEncoding.EncodeToString([]byte(jsonText(long))))
	}
	for _, one := range ones {
		if _, found := c.foundIn(readable("before " + one + " behind")); !found {
			t.Errorf("not found in %s", one)
		}
	}
	if around, found := c.foundIn(readable(`Zoe "Kanari" <7301>/+ ` + c.hash())); found {
		t.Errorf("found in %s", around)
	}
}
