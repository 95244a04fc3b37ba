package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/chromium"
)

// tab is one tab of the browser with the chat in it. What a tab does is done as
// a person would: by clicks and keys.
type tab struct {
	t    *testing.T
	ctx  context.Context
	shut context.CancelFunc
}

// browser starts headless Chromium and returns a function that opens a tab in it.
func browser(t *testing.T, options ...chromedp.ExecAllocatorOption) (open func(url string) *tab) {
	t.Helper()
	ctx := chromium.Start(t, 8*patience, options...)
	return func(url string) *tab {
		t.Helper()
		tabCtx, shut := chromedp.NewContext(ctx)
		b := &tab{t, tabCtx, shut}
		b.run(chromedp.Navigate(url), chromedp.WaitVisible("#name"))
		return b
	}
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) join(name string) {
	b.t.Helper()
	b.run(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#name").select()`), // to type over it
		chromedp.SendKeys("#name", name),
		chromedp.Click("#enter"),
	)
}

// say types a line and sends it by the Enter key.
func (b *tab) say(text string) {
	b.t.Helper()
	b.run(chromedp.SendKeys("#text", text), pressEnter)
}

// press presses and releases a key as a keyboard does: with no character of its
// own once the page has taken the key for itself.
func press(key string, code int64) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, typ := range []input.DispatchKeyEventType{
			input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp,
		} {
			_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: typ, Key: key, Code: key,
				WindowsVirtualKeyCode: code, NativeVirtualKeyCode: code,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

var (
	pressEnter  = press("Enter", 13)
	pressEscape = press("Escape", 27)
)

// insert enters text at the cursor as an input method does: what no key types.
func insert(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// eval returns the value of a JavaScript expression that is a string.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// until waits for a JavaScript expression to become want.
func (b *tab) until(expression, want string) {
	b.t.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = b.eval(expression); got == want {
			return
		}
	}
	b.t.Fatalf("%s is %q, want %q; the page reads:\n%s", expression, got, want, b.eval("document.body.innerText"))
}

// sees waits for the last line of the log to read text: who said it, unless the
// line before is theirs too, and what.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.until(`[...document.querySelectorAll("#lines > li:last-child :is(.name, .text), #lines > li.notice:last-child")]`+
		`.map(e => e.innerText).join(": ")`, text)
}

// people waits for the list of who is there.
func (b *tab) people(names ...string) {
	b.t.Helper()
	b.until(`[...document.querySelectorAll("#people .name")].map(e => e.innerText).join("|")`, strings.Join(names, "|"))
	b.until(`document.querySelector("#people-count").textContent`, string(rune('0'+len(names))))
}
