package chromium

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait of a tab; none measures time.
const patience = time.Minute

// Tab is one tab of the browser. What a tab does is done as a person would: by clicks and keys.
type Tab struct {
	T    *testing.T         // fails if something does not happen
	Shut context.CancelFunc // closes the tab

	ctx context.Context
}

// Open opens a tab in the browser that Start has started, and waits until the page shows an
// element.
func Open(t *testing.T, browser context.Context, url, element string) *Tab {
	t.Helper()
	ctx, shut := chromedp.NewContext(browser)
	b := &Tab{t, shut, ctx}
	b.Run(chromedp.Navigate(url), chromedp.WaitVisible(element))
	return b
}

// Run does some actions.
func (b *Tab) Run(actions ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.T.Fatal(err)
	}
}

// Eval returns the value of a JavaScript expression that is a string.
func (b *Tab) Eval(expression string) string {
	b.T.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.T.Fatalf("%s: %v", expression, err)
	}
	return s
}

// Until waits for a JavaScript expression to become want.
func (b *Tab) Until(expression, want string) {
	b.T.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = b.Eval(expression); got == want {
			return
		}
	}
	b.T.Fatalf("%s is %q, want %q; the page reads:\n%s", expression, got, want, b.Eval("document.body.innerText"))
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

// Keys that have no character.
var (
	PressEnter  = press("Enter", 13)
	PressEscape = press("Escape", 27)
)

// Insert enters text at the cursor as an input method does: what no key types.
func Insert(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}
