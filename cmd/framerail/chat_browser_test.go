package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestBrowserTwoTabsTalk(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)

	ada.join("Ada")
	ada.sees("You joined as Ada")
	ada.people("Ada")
	bo.join("Bo")
	bo.people("Ada", "Bo")
	ada.sees("Bo joined")
	ada.people("Ada", "Bo")

	ada.say("Hello Bo")
	bo.sees("Ada: Hello Bo")
	ada.sees("Ada: Hello Bo")
	ada.say("Still me")
	bo.sees("Still me")
	bo.run(chromedp.SendKeys("#text", "By the button"), chromedp.Click("#send"))
	ada.sees("Bo: By the button")
	bo.until(`document.querySelector("#text").value`, "")

	// A third who wants a name that is taken, in another case, gets one beside it.
	other := open(p.url)
	other.join("ada")
	other.sees("You joined as ada 2")
	bo.people("Ada", "Bo", "ada 2")

	// One leaves by the button, one by closing the tab.
	other.run(chromedp.Click("#leave"), chromedp.WaitVisible("#name"))
	bo.sees("ada 2 left")
	ada.shut()
	bo.sees("Ada left")
	bo.people("Bo")
	p.stop(t)
}

func TestBrowserShowsTextAsText(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	bo.join("Bo")
	bo.sees("You joined as Bo")

	const name, text = `<b>x</b>&amp;`, `<img src=x onerror="document.title='owned'"><script>1</script>`
	ada.join(name)
	bo.sees(name + " joined")
	bo.people("Bo", name)
	ada.say(text)
	bo.sees(name + ": " + text)
	bo.until(`String(document.querySelectorAll("#lines :is(b, img, script), #people :is(b, img)").length)`, "0")

	// The policy is in force too: no inline script runs, no string becomes markup.
	bo.until(`(() => { const s = document.createElement("script"); try { s.textContent = "window.owned = 1" } catch {}
		document.body.append(s); return String(window.owned) })()`, "undefined")
	bo.until(`(() => { try { document.body.innerHTML = "x"; return "set" } catch (e) { return e.name } })()`, "TypeError")
}

// An address becomes a link, which leads nobody back and takes no part of the sentence along.
// Each line has its time, no two people have the same colour, and the title counts what came
// while nobody looked.
func TestBrowserShowsLinksTimesAndColours(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	ada.join("Ada")
	ada.sees("You joined as Ada")
	bo.join("Bo")
	ada.people("Ada", "Bo")

	ada.say("see https://example.com/a?b=1&c=(2). Or javascript:alert(1), http://x.test/y!")
	bo.until(`[...document.querySelectorAll("#lines a")].map(a => a.href + " " + a.rel + " " + a.target).join("|")`,
		"https://example.com/a?b=1&c=(2) noopener noreferrer nofollow ugc _blank|http://x.test/y noopener noreferrer nofollow ugc _blank")
	bo.sees("Ada: see https://example.com/a?b=1&c=(2). Or javascript:alert(1), http://x.test/y!")
	ada.say("more")
	bo.sees("more")
	bo.until(`[...document.querySelectorAll("#lines > li.said")].map(l => l.querySelectorAll("time").length).join(" ")`, "1 1")

	const colours = `new Set([...document.querySelectorAll("#people li")].map(l => getComputedStyle(l, "::before").backgroundColor)).size`
	bo.until(`String(`+colours+`)`, "2")

	bo.run(chromedp.Evaluate[chromedp.Void](`Object.defineProperty(document, "hasFocus", { value: () => false, configurable: true })`))
	ada.say("one")
	ada.say("two")
	bo.until(`document.title`, "(2) framerail chat")
	bo.run(chromedp.Evaluate[chromedp.Void](`Object.defineProperty(document, "hasFocus", { value: () => true }); dispatchEvent(new Event("focus"))`))
	bo.until(`document.title`, "framerail chat")
	p.stop(t)
}

func TestBrowserLobbyRefusesBadNames(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	b := browser(t)(p.url)
	b.run(chromedp.Click("#enter"))
	b.until(`document.querySelector("#join-error").textContent`, "Please enter a name.")

	// A character that turns text around, which the server refuses.
	b.run(chromedp.Focus("#name"), insert("a\u202eb"), chromedp.Click("#enter"))
	b.until(`document.querySelector("#join-error").textContent.split(":")[0]`, "A name has 1 to 24 visible characters")
	b.until(`String(document.querySelector("#room").hidden)`, "true")

	// More than fits is not taken by the field.
	b.join(strings.Repeat("n", 30))
	b.sees("You joined as " + strings.Repeat("n", 24))
}

func TestBrowserComesBackAfterRestart(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	ada.join("Ada")
	ada.people("Ada")
	bo.join("Bo")
	ada.people("Ada", "Bo")

	p.stop(t)
	for _, b := range []*tab{ada, bo} {
		b.until(`document.querySelector("#state").textContent`, "Reconnecting")
		b.run(chromedp.WaitVisible("#lost"))
	}
	// What is written meanwhile is kept, and cannot be sent into the void.
	ada.run(chromedp.SendKeys("#text", "Where were we?"), pressEnter)
	ada.until(`document.querySelector("#text").value`, "Where were we?")
	ada.until(`String(document.querySelector("#send").disabled)`, "true")

	p = start(t, "chat", "--addr="+p.host(t))
	bo.run(chromedp.Click("#retry"), chromedp.WaitNotVisible("#lost"))
	ada.until(`document.querySelector("#state").textContent`, "Connected")
	bo.until(`document.querySelector("#state").textContent`, "Connected")
	bo.until(`document.querySelector("#people-count").textContent`, "2")
	ada.run(chromedp.Click("#send"))
	bo.sees("Ada: Where were we?")
	p.stop(t)
}

func TestBrowserOnAPhone(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	open := browser(t)
	ada, bo := open(p.url), open(p.url)
	bo.join("Bo")
	ada.run(chromedp.EmulateViewport(360, 640, chromedp.EmulateMobile))
	ada.join("Ada")
	ada.sees("You joined as Ada")
	ada.until(`String(document.documentElement.scrollWidth <= innerWidth)`, "true")

	// The list of people comes when asked for and goes with Escape.
	const panel = `getComputedStyle(document.querySelector("#people-panel")).visibility`
	ada.until(panel, "hidden")
	ada.run(chromedp.Click("#show-people"))
	ada.until(panel, "visible")
	ada.people("Bo", "Ada")
	ada.run(pressEscape)
	ada.until(panel, "hidden")
	ada.until(`document.activeElement.id`, "show-people")

	// And with a button of its own, which a finger can hit.
	ada.run(chromedp.Click("#show-people"))
	ada.until(panel, "visible")
	ada.until(`(() => { const r = document.querySelector("#hide-people").getBoundingClientRect(); return String(Math.min(r.width, r.height) >= 44 && r.right < innerWidth) })()`, "true")
	ada.run(chromedp.Click("#hide-people"))
	ada.until(panel, "hidden")
	ada.until(`document.activeElement.id`, "show-people")

	// The end of the log stays in view, but for who has scrolled up to read: they
	// are told of what is new.
	const atEnd = `(() => { const l = document.querySelector("#log"); return String(l.scrollHeight - l.scrollTop - l.clientHeight < 2) })()`
	long := strings.TrimSpace(strings.Repeat("clackety ", 100))
	bo.run(chromedp.Focus("#text"), insert(long), pressEnter)
	ada.sees("Bo: " + long)
	ada.until(atEnd, "true")
	ada.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#log").scrollTop = 0`))
	ada.until(atEnd, "false")
	bo.say("new")
	ada.sees("new")
	ada.until(atEnd, "false")
	ada.run(chromedp.Click("#newer"), chromedp.WaitNotVisible("#newer"))
	ada.until(atEnd, "true")
}
