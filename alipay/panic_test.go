package alipay

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// panicVariable tells this test binary, run again, by what to panic.
const panicVariable = "ALIPAY_TEST_PANIC"

// panics are what a program may panic with where it has a credential, by name.
func panics() map[string]any {
	all := map[string]any{}
	for i, holder := range holders() {
		name := fmt.Sprintf("%d %T", i, holder)
		all[name] = holder
		all[name+" in a list"] = []any{holder}
		all[name+" in an error"] = fmt.Errorf("calling with %v, %+v, %#v: %w", holder, holder, holder, &UnknownOutcomeError{Err: fmt.Errorf("got %s", holder)})
		all[name+" in a text"] = fmt.Sprint(holder) + fmt.Sprintf("%s %q %x", holder, holder, holder)
	}
	return all
}

// panicsWith has the value among its arguments, which a trace shows as well.
//
//go:noinline
func panicsWith(value any, holder any) {
	if holder != nil {
		panic(value)
	}
}

// formsIn are the forms in which a text holds the canary.
func formsIn(text string) []string {
	var found []string
	text = strings.ToLower(text)
	for name, form := range map[string]string{
		"plain": canary, "Base64": base64.RawStdEncoding.EncodeToString([]byte(canary)), "hexadecimal": hex.EncodeToString([]byte(canary)),
		"decimal": strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"),
	} {
		if strings.Contains(text, strings.ToLower(form)) {
			found = append(found, name)
		}
	}
	return found
}

// dies runs this test binary again, which panics, and returns what it prints.
func dies(t *testing.T, name string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicShowsNoCredential$")
	command.Env = append(os.Environ(), panicVariable+"="+name, "GOTRACEBACK=system")
	output, err := command.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 2 || !strings.Contains(string(output), "panic: ") || !strings.Contains(string(output), "panicsWith(") {
		t.Fatalf("the process did not panic: %v\n%s", err, output)
	}
	return string(output)
}

// A panic is the one way to print that no logger is asked about: the Go runtime writes to standard error by itself.
func TestPanicShowsNoCredential(t *testing.T) {
	if name := os.Getenv(panicVariable); name == canary {
		panicsWith(canary, canary)
	} else if name != "" {
		panicsWith(panics()[name], panics()[name])
	}
	if found := formsIn(dies(t, canary)); len(found) != 1 {
		t.Fatalf("a panic with the bare text shows it as %v, want plain: this test would see nothing", found)
	}
	for name := range panics() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if output := dies(t, name); len(formsIn(output)) > 0 {
				t.Errorf("the panic shows the credential as %v: %s", formsIn(output), output)
			}
		})
	}
}

func TestEveryVerbHidesACredential(t *testing.T) {
	for _, holder := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%o", "%e", "%c", "%U", "%z", "%10.3s", "%T"} {
			for _, value := range []any{holder, []any{holder}, map[string]any{"a": holder}, struct{ Holder any }{holder}, &struct{ Holder any }{holder}} {
				if text := fmt.Sprintf(verb, value); len(formsIn(text)) > 0 {
					t.Errorf("%s of %T shows the credential as %v: %s", verb, value, formsIn(text), text)
				}
			}
		}
	}
}
