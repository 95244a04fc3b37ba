package chatpage

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/cable"
	"github.com/framerail/framerail/cmd/internal/chromium"
)

// lines is a JavaScript expression: what the log shows of what was said, that has or has not to do with a cut.
const lines = `[...document.querySelectorAll("#lines .text")].map(e => e.innerText).filter(s => %ss.startsWith("cut")).join("|")`

// Lose has a page say a line that is lost on its way, in a network that is cut then.
func Lose(p *Page, network *cable.Cable, line string) {
	p.T.Helper()
	network.Swallow()
	p.Run(chromedp.Focus("#text"), chromium.Insert(line), chromium.PressEnter)
	network.AwaitSwallowed(p.T)
	network.Cut()
}

// TalkThroughCuts has two pages talk while the network of the second one is cut, twice, and comes back. What the second one says just
// before a cut is lost on its way. It fails the test unless both show in the end all that was said, once, and in the order of each
// speaker.
func TalkThroughCuts(ada, bo *Page, network *cable.Cable) {
	ada.Join("Ada")
	ada.Sees("You joined as Ada")
	bo.Join("Bo")
	both := func() {
		ada.Until(`[...document.querySelectorAll("#people .name")].map(e => e.innerText).sort().join("|")`, "Ada|Bo")
		bo.Until(`[...document.querySelectorAll("#people .name")].map(e => e.innerText).sort().join("|")`, "Ada|Bo")
	}
	both()
	ada.Say("one")
	bo.Lines("one")
	bo.Say("two")
	ada.Lines("one", "two")
	for i, while := range [][]string{{"three", "four"}, {"five", "six", "seven"}} {
		// What the cable swallows before it is cut is said again. Nothing else could bring it to Ada.
		Lose(bo, network, fmt.Sprint("cut ", i))
		bo.State("Reconnecting")
		ada.People("Ada")
		for _, line := range while {
			ada.Say(line)
			ada.Until(`[...document.querySelectorAll("#lines .text")].at(-1).innerText`, line)
		}
		if got, want := ada.Eval(fmt.Sprintf(lines, "")), []string{"", "cut 0"}[i]; got != want {
			ada.T.Fatalf("Ada sees %q before the network is back, want %q", got, want)
		}
		network.Mend()
		bo.Run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#retry").click()`)) // unless it is back by itself
		bo.State("Connected")
		both()
		ada.Until(fmt.Sprintf(lines, ""), strings.Join([]string{"cut 0", "cut 1"}[:i+1], "|"))
	}
	ada.Say("eight")
	bo.Until(fmt.Sprintf(lines, "!"), "one|two|three|four|five|six|seven|eight")
	bo.Say("nine")
	for _, b := range []*Page{ada, bo} {
		b.Until(fmt.Sprintf(lines, "!"), "one|two|three|four|five|six|seven|eight|nine")
		b.Until(fmt.Sprintf(lines, ""), "cut 0|cut 1")
	}
	bo.Lines(strings.Split(ada.Eval(`[...document.querySelectorAll("#lines .text")].map(e => e.innerText).join("|")`), "|")...)
}
