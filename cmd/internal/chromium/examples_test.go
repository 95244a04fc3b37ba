package chromium_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/cable"
	"github.com/framerail/framerail/cmd/internal/chromium"
)

// patience bounds the start of an example and of the browser; none measures time.
const patience = 60 * time.Second

// example builds and runs an example, until the test ends, and returns its URL.
func example(t *testing.T, name string, flags ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	dir := filepath.Join("..", "..", "examples")
	work, err := exec.Command("go", "env", "GOWORK").Output()
	if _, missing := os.Stat(dir); err != nil || missing != nil || strings.TrimSpace(string(work)) == "off" || len(work) < 2 {
		t.Skip("the examples are not beside this module, in one workspace")
	}
	program := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-o", program, "./"+name)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, append([]string{"-addr=127.0.0.1:0"}, flags...)...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	defer time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }).Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// through is a URL of the same place, through a cable.
func through(t *testing.T, url string) (string, *cable.Cable) {
	t.Helper()
	network := cable.Start(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	return "http://" + network.Addr + "/", network
}

// enter types into the field of an example, and sends that.
func enter(b *chromium.Tab, text string) {
	b.Run(chromedp.SendKeys("#text", text+"\r"))
	b.Until(`document.querySelector("#text").value`, "")
}

// open tells whether an example's connection is open.
const open = `String(ws.readyState === WebSocket.OPEN)`

// A page of the rooms whose network was cut shows all that was said meanwhile, once and in order.
func TestRooms_APageResumesAfterItsNetworkWasCut(t *testing.T) {
	url := example(t, "rooms")
	far, network := through(t, url)
	browser := chromium.Start(t, 8*patience)
	ada := chromium.Open(t, browser, url+"?name=Ada#go", "#text")
	bo := chromium.Open(t, browser, far+"?name=Bo#go", "#text")
	for _, b := range []*chromium.Tab{ada, bo} {
		b.Until(`members.textContent`, "Ada, Bo")
	}
	enter(ada, "one")
	enter(bo, "two")
	const lines = `[...document.querySelectorAll("#lines li")].map(e => e.textContent).sort().join("|")`
	bo.Until(lines, "Ada: one|Bo: two")
	network.Swallow()
	enter(bo, "into the cut")
	network.AwaitSwallowed(t)
	network.Cut()
	bo.Until(open, "false")
	ada.Until(`members.textContent`, "Ada")
	for i := range 5 {
		enter(ada, fmt.Sprint("while away ", i))
	}
	network.Mend()
	bo.Until(open, "true")
	enter(bo, "three")
	const inOrder = `[...document.querySelectorAll("#lines li")].slice(2).map(e => e.textContent).join("|")`
	for _, b := range []*chromium.Tab{ada, bo} {
		b.Until(inOrder, "Ada: while away 0|Ada: while away 1|Ada: while away 2|Ada: while away 3|Ada: while away 4|Bo: into the cut|Bo: three")
	}
}

// A page whose network swallows everything without a word finds that out by itself.
func TestPages_NoticeASilentCut(t *testing.T) {
	browser := chromium.Start(t, 8*patience)
	for name, query := range map[string]string{"rooms": "?name=Ada#go", "notify": "?user=ada"} {
		t.Run(name, func(t *testing.T) {
			far, network := through(t, example(t, name))
			b := chromium.Open(t, browser, far+query, "#text")
			b.Until(open, "true")
			network.Swallow()
			b.Until(`window.first ??= ws, check(), String(ws !== first)`, "true") // as every 20 s
			network.AwaitSwallowed(t)
			network.Mend()
			b.Run(chromedp.Evaluate[chromedp.Void](`check(), check()`)) // what the second connection needs was swallowed, too
			b.Until(open, "true")
		})
	}
}

// Notifications come to all devices of a user. What one has seen is gone on the others, also on one that was away.
func TestNotify_ShowsTheSameOnAllDevices(t *testing.T) {
	url := example(t, "notify")
	far, network := through(t, url)
	browser := chromium.Start(t, 8*patience)
	laptop := chromium.Open(t, browser, url+"?user=ada", "#text")
	phone := chromium.Open(t, browser, far+"?user=ada", "#text")
	laptop.Until(open, "true")
	phone.Until(open, "true")
	const list = `[...document.querySelectorAll("#list li")].map(e => e.firstChild.textContent).join("|")`
	enter(laptop, "one")
	enter(laptop, "two")
	laptop.Until(list, "one|two")
	phone.Until(list, "one|two")
	phone.Run(chromedp.Click("#list li:first-child button"))
	laptop.Until(list, "two")
	phone.Until(list, "two")
	network.Cut()
	phone.Until(open, "false")
	laptop.Run(chromedp.Click("#list li:first-child button"))
	enter(laptop, "three")
	network.Mend()
	phone.Until(list, "three")
	laptop.Until(list, "three")
}

// The page of the feed has the last price of each thing, and draws what a slow reader sees beside what it sees itself.
func TestFeed_DrawsASlowReader(t *testing.T) {
	url := example(t, "feed", "-things=30", "-every=20ms", "-depth=200", "-slow=60")
	b := chromium.Open(t, chromium.Start(t, 8*patience), url, "#chart")
	b.Until(`String(document.querySelectorAll("#table tr").length)`, "20")
	b.Until(`String(Number(missed.textContent) > 0)`, "true")
	// Both lines are drawn, and the slow one is coarser: it has far fewer corners.
	const drawn = `(() => {
		const { data } = chart.getContext("2d").getImageData(0, 0, chart.width, chart.height);
		let green = 0, red = 0;
		for (let i = 0; i < data.length; i += 4) {
			if (data[i + 3] < 200) continue;
			if (data[i] < 60 && data[i + 1] > 80) green++;
			if (data[i] > 150 && data[i + 1] < 80) red++;
		}
		return String(green > 100 && red > 100);
	})()`
	b.Until(drawn, "true")
	b.Until(`String(slow.length > 2 && quick.length > 3 * slow.length)`, "true")
	b.Run(chromedp.Evaluate[chromedp.Void](`pace.value = 1000; pace.dispatchEvent(new Event("input"))`))
	b.Until(`shown.textContent`, "1000")
	b.Until(`pace.value`, "1000")
}
