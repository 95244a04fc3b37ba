package report

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/chromium"
)

// shown are the numbers of the cases that a reader of the page sees.
const shown = `[...document.querySelectorAll("#cases details")].filter(c => c.checkVisibility()).map(c => c.id.slice(1)).join(" ")`

// typed is an expression that puts words into the field that finds cases.
func typed(words string) string {
	return `{ const f = document.getElementById("find"); f.value = "` + words + `"; f.dispatchEvent(new Event("input")) }`
}

// In a browser the page filters by verdict and by words, opens the case that its
// address names, and does nothing that a server wrote into it.
func TestWriteHTML_in_a_browser(t *testing.T) {
	ctx := chromium.Start(t, 8*time.Minute)
	path := filepath.Join(t.TempDir(), "report.html")
	// The hostile bytes as markup too, as if escaping had failed.
	page := strings.Replace(writeHTML(t, sample()), "</footer>", `<script>document.title = "hacked"</script><svg onload="document.title = 'hacked'"></svg></footer>`, 1)
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: path}).String()

	tab, shut := chromedp.NewContext(ctx)
	defer shut()
	run(t, tab, chromedp.Navigate(address))
	for _, step := range []struct{ do, value, want string }{
		{"", shown, "1.1.1 2.5 6.4.1 7.1.6 7.5.1 9.1.1 12.1.1"},
		{"", `document.title`, "Failed: 4 of 6 – ws://127.0.0.1:9001/"},
		{"", `getComputedStyle(document.querySelector(".hidden")).position`, "absolute"},
		{`document.querySelector("button[data-verdict=failed]").click()`, shown, "2.5"},
		{`document.querySelector("button[data-verdict=closing]").click()`, shown, "2.5 7.5.1"},
		{`document.querySelector("button[data-verdict=failed]").click()`, shown, "7.5.1"},
		{`document.querySelector("button[data-verdict=closing]").click()`, shown, "1.1.1 2.5 6.4.1 7.1.6 7.5.1 9.1.1 12.1.1"},
		{typed("utf-8"), shown, "6.4.1 7.5.1"},
		{typed("nothing"), `none.checkVisibility() + shown.textContent`, "true0 of 7"},
		{`location.hash = "#c9.1.1"`, shown, "1.1.1 2.5 6.4.1 7.1.6 7.5.1 9.1.1 12.1.1"},
		{"", `String(document.getElementById("c9.1.1").open)`, "true"},
		{`document.getElementById("open").click()`, `String(document.querySelectorAll("details[open]").length)`, "7"},
		{`document.getElementById("open").click()`, `String(document.querySelectorAll("details[open]").length)`, "0"},
		{"", `performance.getEntriesByType("resource").map(r => r.name).join(" ")`, ""},
	} {
		if step.do != "" {
			run(t, tab, chromedp.Evaluate[chromedp.Void](step.do))
		}
		until(t, tab, step.value, step.want)
	}
}

func run(t *testing.T, tab context.Context, action chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, action); err != nil {
		t.Fatal(err)
	}
}

// until waits for an expression that is a string to become want.
func until(t *testing.T, tab context.Context, expression, want string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if got, err = chromedp.Run(tab, chromedp.Evaluate[string](expression)); err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if got == want {
			return
		}
	}
	t.Errorf("%s is %q, want %q", expression, got, want)
}
