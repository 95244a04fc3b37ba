// Package chromium starts a browser for tests of pages.
package chromium

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/internal/test/missing"
)

// Start starts headless Chromium with a new, empty profile and returns the context
// that its tabs are made from; it ends with the test, or after the timeout. Without
// Chromium the test is skipped, but for CI, where it has to be there. With -short it is skipped
// too. Options are added to those that every test has.
func Start(t *testing.T, timeout time.Duration, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		missing.End(t, "no Chromium on this machine: install the package chromium to run this test")
	}

	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	}, options...)...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil { // its first tab stays empty
		t.Fatalf("Chromium does not start: %v", err)
	}
	t.Cleanup(func() { chromedp.Cancel(ctx) }) // waits: until then the profile is written to
	return ctx
}
