//go:build browser

package browser

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromiumVariable names the environment variable with the path of the browser, which make test-browser finds.
const chromiumVariable = "CHROMIUM"

// longestVisit bounds what a buyer does in the browser, its start on a busy machine included.
const longestVisit = 2 * time.Minute

// browser is a running Chromium.
type browser struct{ process context.Context }

// openBrowser starts a browser with a profile of its own, which reaches this machine alone.
func openBrowser(t *testing.T) browser {
	t.Helper()
	path := os.Getenv(chromiumVariable)
	if path == "" {
		t.Fatalf("%s must be the path of Chromium: run make test-browser, which finds it", chromiumVariable)
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.NoSandbox, // which root cannot have; the pages are our own
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), // which is small in containers
	)
	process, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeBrowser()
		stop()
	})
	if err := chromedp.Do(process); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return browser{process}
}

// visit does what a buyer does on a page, in a tab of its own. When that fails it tells what the page showed.
func (b browser) visit(t *testing.T, page string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	tab, closeTab := chromedp.NewContext(b.process)
	defer closeTab()
	if err := chromedp.Do(tab); err != nil { // opens it, without the limit that would end it
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(tab, longestVisit)
	defer cancel()
	err := chromedp.Do(limited, append([]chromedp.Action[chromedp.Void]{chromedp.Navigate(page)}, steps...)...)
	if err == nil {
		return
	}
	text, problem := chromedp.Run(tab, chromedp.Evaluate[string]("document.body.innerText"))
	if problem != nil {
		text = problem.Error()
	}
	t.Fatalf("on %s: %v; the page shows:\n%s", page, err, text)
}

// click presses a button by its id.
func click(id string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS("#" + id)) }

// see waits until the page shows an element.
func see(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}

// seeState waits until the page shows the payment in a state.
func seeState(state string) chromedp.Action[chromedp.Void] {
	return see(`#state[data-state="` + state + `"]`)
}

// seeReason waits until the page shows why the payment failed.
func seeReason(code string) chromedp.Action[chromedp.Void] {
	return see(`#reason[data-code="` + code + `"]`)
}
