package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/cable"
	"github.com/framerail/framerail/cmd/internal/chatpage"
	"github.com/framerail/framerail/cmd/internal/chromium"
)

func TestBrowserTwoTabsTalk(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)

	ada.Join("Ada")
	ada.Sees("You joined as Ada")
	ada.People("Ada")
	bo.Join("Bo")
	bo.People("Ada", "Bo")
	ada.Sees("Bo joined")
	ada.People("Ada", "Bo")

	ada.Say("Hello Bo")
	bo.Sees("Ada: Hello Bo")
	ada.Sees("Ada: Hello Bo")
	ada.Say("Still me")
	bo.Sees("Still me")
	bo.Run(chromedp.SendKeys("#text", "By the button"), chromedp.Click("#send"))
	ada.Sees("Bo: By the button")
	bo.Until(`document.querySelector("#text").value`, "")

	// A third who wants a name that is taken, in another case, gets one beside it.
	other := open(p.url)
	other.Join("ada")
	other.Sees("You joined as ada 2")
	bo.People("Ada", "Bo", "ada 2")

	// One leaves by the button, one by closing the tab.
	other.Run(chromedp.Click("#leave"), chromedp.WaitVisible("#name"))
	bo.Sees("ada 2 left")
	ada.Shut()
	bo.Sees("Ada left")
	bo.People("Bo")
	p.stop(t)
}

func TestBrowserShowsTextAsText(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	bo.Join("Bo")
	bo.Sees("You joined as Bo")

	const name, text = `<b>x</b>&amp;`, `<img src=x onerror="document.title='owned'"><script>1</script>`
	ada.Join(name)
	bo.Sees(name + " joined")
	bo.People("Bo", name)
	ada.Say(text)
	bo.Sees(name + ": " + text)
	bo.Until(`String(document.querySelectorAll("#lines :is(b, img, script), #people :is(b, img)").length)`, "0")

	// The policy is in force too: no inline script runs, no string becomes markup.
	bo.Until(`(() => { const s = document.createElement("script"); try { s.textContent = "window.owned = 1" } catch {}
		document.body.append(s); return String(window.owned) })()`, "undefined")
	bo.Until(`(() => { try { document.body.innerHTML = "x"; return "set" } catch (e) { return e.name } })()`, "TypeError")
}

// An address becomes a link, which leads nobody back and takes no part of the sentence along.
// Each line has its time, no two people have the same colour, and the title counts what came
// while nobody looked.
func TestBrowserShowsLinksTimesAndColours(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	ada.Join("Ada")
	ada.Sees("You joined as Ada")
	bo.Join("Bo")
	ada.People("Ada", "Bo")

	ada.Say("see https://example.com/a?b=1&c=(2). Or javascript:alert(1), http://x.test/y!")
	bo.Until(`[...document.querySelectorAll("#lines a")].map(a => a.href + " " + a.rel + " " + a.target).join("|")`,
		"https://example.com/a?b=1&c=(2) noopener noreferrer nofollow ugc _blank|http://x.test/y noopener noreferrer nofollow ugc _blank")
	bo.Sees("Ada: see https://example.com/a?b=1&c=(2). Or javascript:alert(1), http://x.test/y!")
	ada.Say("more")
	bo.Sees("more")
	bo.Until(`[...document.querySelectorAll("#lines > li.said")].map(l => l.querySelectorAll("time").length).join(" ")`, "1 1")

	const colours = `new Set([...document.querySelectorAll("#people li")].map(l => getComputedStyle(l, "::before").backgroundColor)).size`
	bo.Until(`String(`+colours+`)`, "2")

	bo.Run(chromedp.Evaluate[chromedp.Void](`Object.defineProperty(document, "hasFocus", { value: () => false, configurable: true })`))
	ada.Say("one")
	ada.Say("two")
	bo.Until(`document.title`, "(2) framerail chat")
	bo.Run(chromedp.Evaluate[chromedp.Void](`Object.defineProperty(document, "hasFocus", { value: () => true }); dispatchEvent(new Event("focus"))`))
	bo.Until(`document.title`, "framerail chat")
	p.stop(t)
}

func TestBrowserLobbyRefusesBadNames(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	b := browser(t)(p.url)
	b.Run(chromedp.Click("#enter"))
	b.Until(`document.querySelector("#join-error").textContent`, "Please enter a name.")

	// A character that turns text around, which the server refuses.
	b.Run(chromedp.Focus("#name"), chromium.Insert("a\u202eb"), chromedp.Click("#enter"))
	b.Until(`document.querySelector("#join-error").textContent.split(":")[0]`, "A name has 1 to 24 visible characters")
	b.Until(`String(document.querySelector("#room").hidden)`, "true")

	// More than fits is not taken by the field.
	b.Join(strings.Repeat("n", 30))
	b.Sees("You joined as " + strings.Repeat("n", 24))
}

func TestBrowserComesBackAfterRestart(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	ada.Join("Ada")
	ada.People("Ada")
	bo.Join("Bo")
	ada.People("Ada", "Bo")

	p.stop(t)
	for _, b := range []*chatpage.Page{ada, bo} {
		b.Until(`document.querySelector("#state").textContent`, "Reconnecting")
		b.Run(chromedp.WaitVisible("#lost"))
	}
	// What is written meanwhile is kept, and cannot be sent into the void.
	ada.Run(chromedp.SendKeys("#text", "Where were we?"), chromium.PressEnter)
	ada.Until(`document.querySelector("#text").value`, "Where were we?")
	ada.Until(`String(document.querySelector("#send").disabled)`, "true")

	p = start(t, "chat", "--addr="+p.host(t))
	bo.Run(chromedp.Click("#retry"), chromedp.WaitNotVisible("#lost"))
	ada.Until(`document.querySelector("#state").textContent`, "Connected")
	bo.Until(`document.querySelector("#state").textContent`, "Connected")
	bo.Until(`document.querySelector("#people-count").textContent`, "2")
	ada.Run(chromedp.Click("#send"))
	bo.Sees("Ada: Where were we?")
	p.stop(t)
}

// The network of one tab is cut and comes back: nothing is missing, and nothing is there twice.
func TestBrowserMissesNothingWhenItsNetworkIsCut(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0", "--node=one")
	network := cable.Start(t, p.host(t))
	open := browser(t)
	ada, bo := open(p.url+"garden"), open("http://"+network.Addr+"/garden")
	chatpage.TalkThroughCuts(ada, bo, network)
	ada.Until(`document.querySelector("#room-name").textContent + " " + document.querySelector("#node").textContent`, "garden node one")
	p.stop(t)
}

// Whoever comes later sees the last lines, and scrolls back to those before.
func TestBrowserScrollsBack(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	ada.Join("Ada")
	ada.Sees("You joined as Ada")
	ada.Run(chromedp.Evaluate[chromedp.Void](`for (let i = 1; i <= 120; i++) {
		document.querySelector("#text").value = "line " + i; document.querySelector("#text").dispatchEvent(new Event("input"));
		document.querySelector("#say").requestSubmit();
	}`))
	const count = `String(document.querySelectorAll("#lines .text").length)`
	const first = `document.querySelector("#lines .text").innerText`
	ada.Until(count, "120")
	bo.Join("Bo")
	bo.Sees("You joined as Bo")
	bo.Until(count, "50")
	bo.Until(first, "line 71")
	const place = `String(Math.round([...document.querySelectorAll("#lines .text")].find(e => e.innerText === "line 71").getBoundingClientRect().top))`
	before := bo.Eval(`(() => { document.querySelector("#log").scrollTop = 0; return ` + place + ` })()`)
	bo.Until(first, "line 21")
	bo.Until(place, before) // what was in view still is
	bo.Run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#log").scrollTop = 0`))
	bo.Until(count, "120")
	bo.Until(first, "line 1")
	bo.Until(`String(document.querySelector("#earlier").hidden)`, "true")
	p.stop(t)
}

func TestBrowserOnAPhone(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	bo.Join("Bo")
	ada.Run(chromedp.EmulateViewport(360, 640, chromedp.EmulateMobile))
	ada.Join("Ada")
	ada.Sees("You joined as Ada")
	ada.Until(`String(document.documentElement.scrollWidth <= innerWidth)`, "true")

	// The list of people comes when asked for and goes with Escape.
	const panel = `getComputedStyle(document.querySelector("#people-panel")).visibility`
	ada.Until(panel, "hidden")
	ada.Run(chromedp.Click("#show-people"))
	ada.Until(panel, "visible")
	ada.People("Bo", "Ada")
	ada.Run(chromium.PressEscape)
	ada.Until(panel, "hidden")
	ada.Until(`document.activeElement.id`, "show-people")

	// And with a button of its own, which a finger can hit.
	ada.Run(chromedp.Click("#show-people"))
	ada.Until(panel, "visible")
	ada.Until(`(() => { const r = document.querySelector("#hide-people").getBoundingClientRect(); return String(Math.min(r.width, r.height) >= 44 && r.right < innerWidth) })()`, "true")
	ada.Run(chromedp.Click("#hide-people"))
	ada.Until(panel, "hidden")
	ada.Until(`document.activeElement.id`, "show-people")

	// The end of the log stays in view, but for who has scrolled up to read: they
	// are told of what is new.
	const atEnd = `(() => { const l = document.querySelector("#log"); return String(l.scrollHeight - l.scrollTop - l.clientHeight < 2) })()`
	long := strings.TrimSpace(strings.Repeat("clackety ", 100))
	bo.Run(chromedp.Focus("#text"), chromium.Insert(long), chromium.PressEnter)
	ada.Sees("Bo: " + long)
	ada.Until(atEnd, "true")
	ada.Run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#log").scrollTop = 0`))
	ada.Until(atEnd, "false")
	bo.Say("new")
	ada.Sees("new")
	ada.Until(atEnd, "false")
	ada.Run(chromedp.Click("#newer"), chromedp.WaitNotVisible("#newer"))
	ada.Until(atEnd, "true")
}
