// Package chatpage drives the page of package chat in a browser, for tests.
package chatpage

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/chromium"
)

// Page is a tab with the chat in it.
type Page struct{ *chromium.Tab }

// Open opens the chat in a browser that package chromium has started.
func Open(t *testing.T, browser context.Context, url string) *Page {
	t.Helper()
	return &Page{chromium.Open(t, browser, url, "#name")}
}

// Join joins the room under a name.
func (p *Page) Join(name string) {
	p.Run(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#name").select()`), // to type over it
		chromedp.SendKeys("#name", name),
		chromedp.Click("#enter"),
	)
}

// Say types a line and sends it by the Enter key.
func (p *Page) Say(text string) { p.Run(chromedp.SendKeys("#text", text), chromium.PressEnter) }

// Sees waits for the last line of the log to read text: who said it, unless the
// line before is theirs too, and what.
func (p *Page) Sees(text string) {
	p.Until(`[...document.querySelectorAll("#lines > li:last-child :is(.name, .text), #lines > li.notice:last-child")]`+
		`.map(e => e.innerText).join(": ")`, text)
}

// People waits for the list of who is there.
func (p *Page) People(names ...string) {
	p.Until(`[...document.querySelectorAll("#people .name")].map(e => e.innerText).join("|")`, strings.Join(names, "|"))
	p.Until(`document.querySelector("#people-count").textContent`, strconv.Itoa(len(names)))
}

// Lines waits for all that the log shows of what was said.
func (p *Page) Lines(texts ...string) {
	p.Until(`[...document.querySelectorAll("#lines .text")].map(e => e.innerText).join("|")`, strings.Join(texts, "|"))
}

// State waits for what the page says of its connection.
func (p *Page) State(state string) { p.Until(`document.querySelector("#state").textContent`, state) }
