package chat

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/cable"
	"github.com/framerail/framerail/cmd/internal/chatpage"
	"github.com/framerail/framerail/cmd/internal/chromium"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// served is the rooms of a node, with a server for browsers.
type served struct {
	*Rooms
	host string
}

func serve(t *testing.T, name string, broker topics.Broker) *served {
	t.Helper()
	s := &served{Rooms: New(name)}
	s.Topics.Broker = broker
	srv := s.Server(slog.New(slog.DiscardHandler))
	srv.Addr, srv.HandshakeTimeout = "127.0.0.1:0", time.Hour // a page whose handshake is lost must find that out by itself
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	s.host = srv.ListenAddr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		s.Topics.Close()
	})
	return s
}

// browser starts a browser, and returns a function that opens the garden of a host in it.
func browser(t *testing.T) (open func(host string) *chatpage.Page) {
	t.Helper()
	ctx := chromium.Start(t, 8*time.Minute)
	return func(host string) *chatpage.Page {
		t.Helper()
		return chatpage.Open(t, ctx, "http://"+host+"/garden")
	}
}

// do has a page evaluate JavaScript.
func do(p *chatpage.Page, script string, args ...any) {
	p.T.Helper()
	p.Run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const $ = (id) => document.getElementById(id); `+script+` }`, args...)))
}

// pair is Ada and Bo in the garden of a node. Bo's network is a cable.
func pair(t *testing.T, s *served) (ada, bo *chatpage.Page, network *cable.Cable) {
	t.Helper()
	network, open := cable.Start(t, s.host), browser(t)
	ada, bo = open(s.host), open(network.Addr)
	ada.Join("Ada")
	ada.Sees("You joined as Ada")
	bo.Join("Bo")
	bo.Sees("You joined as Bo")
	return ada, bo, network
}

// write is JavaScript that sends a text.
const write = `$("text").value = %q; $("text").dispatchEvent(new Event("input")); $("say").requestSubmit();`

// Over a recorder whose positions count for all rooms together, as JetStream's do, the position in a welcome may lie behind
// the last line of the room. What was lost is said again nevertheless, and before anything else.
func TestBrowser_SaysAgainWhenOnlyAnotherRoomHasSpoken(t *testing.T) {
	memory := &brokertest.Memory{Sparse: true}
	recorder := memory.Recorder()
	one, two := serve(t, "one", recorder), serve(t, "two", memory.Recorder())
	ada, bo, network := pair(t, one)
	bo.Say("one")
	ada.Lines("one")
	bo.Lines("one")

	chatpage.Lose(bo, network, "two")
	elsewhere := event{Type: "said", Name: "Cy", Text: "elsewhere", At: 1}
	if _, err := one.Topics.Publish(prefix+"lobby", elsewhere.message()); err != nil {
		t.Fatal(err)
	}
	for at := (topics.Position{}); at.Offset < 2; time.Sleep(time.Millisecond) { // behind "one", in the sequence of all rooms
		var err error
		if _, at, err = recorder.Since(t.Context(), prefix+"lobby", kept, topics.Position{}, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	network.Lead(two.host)
	network.Mend()
	do(bo, `$("retry").click()`)
	ada.Lines("one", "two")
	bo.Lines("one", "two")
	bo.Say("three")
	ada.Lines("one", "two", "three")
}

// What is written while lines that were missed still come is said behind what went into the cut.
func TestBrowser_SaysInItsOrderWhileItCatchesUp(t *testing.T) {
	one := serve(t, "one", nil)
	ada, bo, network := pair(t, one)
	bo.Say("one")
	bo.Lines("one")

	chatpage.Lose(bo, network, "two")
	ada.Say("missed")
	ada.Lines("one", "missed")
	do(bo, `new MutationObserver((_, me) => {
		if ($("state").textContent !== "Connected") return;
		me.disconnect(); // the welcome has come, and nothing behind it
		`+write+`
	}).observe($("state"), { childList: true })`, "three")
	network.Mend()
	do(bo, `$("retry").click()`)
	ada.Lines("one", "missed", "two", "three")
	bo.Lines("one", "missed", "two", "three")
}

// A page whose network swallows what would make a connection tries again: when somebody asks for it, and by itself.
func TestBrowser_TriesAgainWhenConnectingTakesTooLong(t *testing.T) {
	one := serve(t, "one", nil)
	network, open := cable.Start(t, one.host), browser(t)
	bo := open(network.Addr)
	bo.Join("Bo")
	bo.Sees("You joined as Bo")
	for _, byItself := range []bool{false, true} {
		if byItself {
			do(bo, `const wait = setTimeout; window.setTimeout = (f, time) => wait(f, time / 20);`) // its patience is half a second
		}
		network.Cut()
		bo.State("Reconnecting")
		network.Swallow()
		do(bo, `$("retry").click()`)
		network.AwaitSwallowed(t)
		network.Mend() // what was swallowed stays lost
		if !byItself {
			do(bo, `$("retry").click()`)
		}
		bo.State("Connected")
	}
}

// A page that finds its room full when it comes back waits, and loses nothing. Its own old connection takes no place.
func TestBrowser_WaitsForAPlaceWhenItComesBack(t *testing.T) {
	one := serve(t, "one", nil)
	ada, bo, network := pair(t, one)
	chatpage.Lose(bo, network, "one")
	ada.People("Ada")

	r := one.room("garden")
	r.mu.Lock()
	people := r.people
	for i := len(people); i < maxPeople; i++ {
		r.people = append(r.people, &visitor{from: fmt.Sprint(i)})
	}
	r.mu.Unlock()
	network.Mend()
	do(bo, `$("retry").click()`)
	bo.Until(`document.querySelector("#say-error").textContent`, "The room is full. Please try again later.")
	bo.State("Reconnecting")
	r.mu.Lock()
	r.people = people
	r.mu.Unlock()
	do(bo, `$("retry").click()`)
	bo.State("Connected")
	bo.Until(`document.querySelector("#say-error").textContent`, "")
	ada.Lines("one")
	bo.Lines("one")
}

// The log tells two people of one name apart, by their nodes and by their colours.
func TestBrowser_ShowsWhereOthersAre(t *testing.T) {
	memory := new(brokertest.Memory)
	one, two := serve(t, "one", memory.Recorder()), serve(t, "two", memory.Recorder())
	open := browser(t)
	here, there := open(one.host), open(two.host)
	here.Join("Ada")
	here.Sees("You joined as Ada")
	there.Join("Ada")
	there.People("Ada", "Ada")
	here.Say("one")
	there.Lines("one")
	there.Say("two")
	here.Lines("one", "two")
	const by = `[...document.querySelectorAll("#lines .by")].map(e => [...e.querySelectorAll(".name, .you")].map(e => e.innerText).join(" ")).join("|")`
	const colours = `String(new Set([...document.querySelectorAll("#lines .said")].map(e => e.style.getPropertyValue("--hue"))).size)`
	here.Until(by, "Ada you|Ada two")
	here.Until(colours, "2")
	there.Lines("one", "two")
	there.Until(by, "Ada one|Ada you")
	there.Until(colours, "2")
}

// A line that was said again is kept twice. Whoever scrolls back to it sees it once.
func TestBrowser_ScrollsBackToALineOnce(t *testing.T) {
	one := serve(t, "one", nil)
	say := func(text string, number uint64) {
		line := event{Type: "said", Name: "Cy", Text: text, From: "cy", Number: number, At: 1}
		if _, err := one.Topics.Publish(prefix+"garden", line.message()); err != nil {
			t.Fatal(err)
		}
	}
	say("first", 1)
	say("twice", 2)
	for i := range uint64(20) {
		say(fmt.Sprint("line ", i), i+3)
	}
	say("twice", 2)
	say("twice", 2)
	for i := range uint64(pageOfLines) {
		say(fmt.Sprint("line ", i+20), i+23)
	}
	bo := browser(t)(one.host)
	bo.Join("Bo")
	bo.Sees("You joined as Bo")
	do(bo, `$("log").scrollTop = 0`)
	const text = `[...document.querySelectorAll("#lines .text")].map(e => e.innerText)`
	bo.Until(text+`.slice(0, 3).join("|")`, "first|twice|line 0")
	bo.Until(`String(`+text+`.filter(s => s === "twice").length)`, "1")
	bo.Until(`String(`+text+`.length)`, fmt.Sprint(22+pageOfLines))
}

// What the server refuses comes back into the field, unless something else is there.
func TestBrowser_GivesBackWhatIsRefused(t *testing.T) {
	one := serve(t, "one", nil)
	bo := browser(t)(one.host)
	bo.Join("Bo")
	bo.Sees("You joined as Bo")
	const field, problem = `document.querySelector("#text").value`, `document.querySelector("#say-error").textContent`
	long := strings.Repeat("x", maxText+1)
	do(bo, write, long)
	bo.Until(problem, "That message is too long.")
	bo.Until(field, long)
	do(bo, write, "\u0085") // no space to a browser, and one to the server
	bo.Until(problem, "There is nothing in that message.")
	do(bo, write+`$("text").value = "more"`, long)
	bo.Until(problem, "That message is too long.")
	bo.Until(field, "more")
}

// room is a room that is there.
func (s *served) room(name string) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[name]
}
