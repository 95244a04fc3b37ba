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

// TalkThroughCuts has two pages talk while the network of the second one is cut, twice, and comes back. It
// fails the test unless both show in the end all that was said, once, and in the order of each speaker.
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
		// What is said into the cable when it is cut arrives, or is said again.
		bo.Run(chromedp.Focus("#text"), chromium.Insert(fmt.Sprint("cut ", i)), chromium.PressEnter)
		network.Cut()
		bo.State("Reconnecting")
		ada.People("Ada")
		for _, line := range while {
			ada.Say(line)
			ada.Until(`[...document.querySelectorAll("#lines .text")].at(-1).innerText`, line)
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
