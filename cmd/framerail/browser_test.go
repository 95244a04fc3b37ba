package main

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/chatpage"
	"github.com/framerail/framerail/cmd/internal/chromium"
)

// browser starts headless Chromium and returns a function that opens a tab in it.
func browser(t *testing.T, options ...chromedp.ExecAllocatorOption) (open func(url string) *chatpage.Page) {
	t.Helper()
	ctx := chromium.Start(t, 8*patience, options...)
	return func(url string) *chatpage.Page {
		t.Helper()
		return chatpage.Open(t, ctx, url)
	}
}
