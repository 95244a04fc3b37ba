package chat

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

func TestJoin_IsAnnouncedAndWelcomedWithThePeople(t *testing.T) {
	h := newHouse(t)
	ada, bo := h.open(), h.open()
	ada.want()
	ada.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	ada.want("welcome Ada Ada")
	if ada.last.Node != "one" || ada.last.From == "" {
		t.Errorf("the welcome is %+v", ada.last)
	}
	bo.want() // it has not joined
	bo.say(`{"type":"join","room":"lobby","name":"  Bo "}`)
	bo.want("welcome Bo Ada Bo")
	ada.want("joined Bo")
}

func TestSay_IsHeardByAll(t *testing.T) {
	h := newHouse(t)
	ada, bo := h.enter("Ada"), h.enter("Bo")
	ada.want("joined Bo")
	ada.say(`{"type":"say","text":" one\ntwo ","number":7}`)
	ada.want("said Ada one\ntwo")
	bo.want("said Ada one\ntwo")
	if bo.last.Number != 7 || bo.last.From != ada.welcome.From || bo.last.Position.Offset != 1 || bo.last.Node != "one" {
		t.Errorf("heard %+v", bo.last)
	}
	for _, nothing := range []string{" \n ", "\u0085"} { // the second one is no space to a browser
		ada.say(`{"type":"say","text":%q,"number":8}`, nothing)
		ada.want("refused There is nothing in that message.")
		if ada.last.Number != 8 {
			t.Errorf("the page is told %+v", ada.last)
		}
	}
	bo.want()
	bo.say(`{"type":"ping"}`)
	bo.want("pong")
}

func TestRooms_AreApart(t *testing.T) {
	h := newHouse(t)
	ada, bo := h.enter("Ada"), h.open()
	bo.say(`{"type":"join","room":"garden","name":"Ada"}`)
	bo.want("welcome Ada Ada")
	bo.say(`{"type":"say","text":"roses"}`)
	bo.want("said Ada roses")
	ada.want()
	bo.Close(frame.NormalClosure, "")
	ada.want()
}

// No two in a room have the same seat, and so the same colour: not those who take the place
// of others either.
func TestSeats_AreDistinct(t *testing.T) {
	h := newHouse(t)
	var pages []*page
	for i := range 50 {
		pages = append(pages, h.enter(fmt.Sprint("p", i)))
		if i%3 == 1 {
			pages[i/3].Close(frame.NormalClosure, "")
			h.sim.Settle()
		}
	}
	seats := map[int]string{}
	for _, v := range h.rooms["lobby"].people {
		if other, taken := seats[v.person.Seat]; taken {
			t.Errorf("%s and %s both have seat %d", v.person.Name, other, v.person.Seat)
		}
		if v.person.Seat >= len(pages) {
			t.Errorf("%s has seat %d", v.person.Name, v.person.Seat)
		}
		seats[v.person.Seat] = v.person.Name
	}
	if len(seats) != 50-17 {
		t.Errorf("%d people are there", len(seats))
	}
}

func TestLeave_IsAnnouncedOnce(t *testing.T) {
	h := newHouse(t)
	ada, bo := h.enter("Ada"), h.enter("Bo")
	ada.want("joined Bo")
	ada.Close(frame.NormalClosure, "")
	bo.want("left Ada")
	h.enter("Ada") // the name is free
	bo.want("joined Ada")
}

func TestLeave_WithoutJoinIsSilent(t *testing.T) {
	h := newHouse(t)
	ada, other := h.enter("Ada"), h.open()
	other.Close(frame.NormalClosure, "")
	ada.want()
}

func TestJoin_RefusedMayBeTriedAgain(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	for _, name := range []string{"", "   ", strings.Repeat("n", maxName+1)} {
		p.say(`{"type":"join","room":"lobby","name":%q}`, name)
		p.want("refused " + nameRule)
	}
	for _, room := range []string{"", "A", "a.b", "*", ">", "socket", "a b", strings.Repeat("r", 33)} {
		p.say(`{"type":"join","room":%q,"name":"Ada"}`, room)
		p.want("refused " + roomRule)
	}
	p.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	p.want("welcome Ada Ada")
}

func TestSay_LimitCountsCharacters(t *testing.T) {
	h := newHouse(t)
	ada := h.enter("Ada")
	longest := strings.Repeat("😀", maxText)
	line := fmt.Sprintf(`{"type":"say","text":"%s"}`, longest)
	if len(line) > maxMessageSize {
		t.Fatalf("the longest text takes %d bytes, over the limit of a message", len(line))
	}
	ada.say("%s", line)
	ada.want("said Ada " + longest)
	ada.say(`{"type":"say","text":"%s","number":3}`, longest+"x")
	ada.want("refused That message is too long.")
	if ada.last.Number != 3 {
		t.Errorf("the page is told %+v", ada.last)
	}
}

func TestRoom_FullRefuses(t *testing.T) {
	h := newHouse(t)
	var first *page
	for i := range maxPeople {
		if p := h.enter(fmt.Sprint("p", i)); first == nil {
			first = p
		}
	}
	late := h.open()
	late.say(`{"type":"join","room":"lobby","name":"late"}`)
	late.want("refused The room is full. Please try again later.")
	first.Close(frame.NormalClosure, "")
	h.sim.Settle()
	late.say(`{"type":"join","room":"lobby","name":"late"}`)
	if got := late.take(); len(got) != 1 || !strings.HasPrefix(got[0], "welcome late ") {
		t.Errorf("got %q, want a welcome", got)
	}
}

func TestRooms_TooManyRefuse(t *testing.T) {
	h := newHouse(t)
	for i := range maxRooms {
		h.use(fmt.Sprint("r", i))
	}
	p := h.open()
	p.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	p.want("refused There are too many rooms. Please try again later.")
	for _, r := range h.rooms {
		h.done(r)
	}
	p.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	p.want("refused There are too many rooms. Please try again later.") // their lines are kept
	h.rooms["r7"].left = h.rooms["r7"].left.Add(-2 * keptAge)
	p.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	p.want("welcome Ada Ada")
}

func TestReceive_OtherMessagesClose1008(t *testing.T) {
	for _, tc := range []struct {
		name   string
		joined bool
		line   string
	}{
		{"not_json", true, `hello`},
		{"empty", true, ``},
		{"cut_short", true, `{"type":"say"`},
		{"wrong_type", true, `{"type":"say","text":1}`},
		{"array", true, `["say"]`},
		{"null", true, `null`},
		{"unknown", true, `{"type":"shout","text":"x"}`},
		{"servers_own", true, `{"type":"said","name":"Bo","text":"x"}`},
		{"joined_twice", true, `{"type":"join","room":"lobby","name":"Bo"}`},
		{"said_before_joining", false, `{"type":"say","text":"x"}`},
		{"older_before_joining", false, `{"type":"older"}`},
		{"no_position", false, `{"type":"join","room":"lobby","name":"Bo","since":"x"}`},
		{"deep", true, strings.Repeat("[", maxMessageSize)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			p := h.open()
			if tc.joined {
				p = h.enter("Ada")
			}
			other := h.enter("Other")
			p.take()
			p.say("%s", tc.line)
			p.wantClosed(1008)
			if tc.joined {
				other.want("left Ada")
			} else {
				other.want()
			}
		})
	}
}

// A page that does not read is disconnected, with 1013, and the others are not held up.
func TestSay_DisconnectsASlowPage(t *testing.T) {
	h := newHouse(t, func(srv *server.Server) { srv.MaxPending = 100 << 10 })
	slow, ada := h.enter("Slow"), h.enter("Ada")
	slow.take()
	slow.Pause()
	long := strings.Repeat("x", maxText)
	for range 200 {
		ada.say(`{"type":"say","text":"%s"}`, long)
	}
	got := ada.take()
	if len(got) != 200 || got[0] != "said Ada "+long {
		t.Errorf("Ada has heard %d events", len(got))
	}
	slow.Resume()
	slow.wantClosed(1013)
	ada.want("left Slow")
}

// Run it with -race: lines are said on several goroutines at once.
func TestSay_AllHearTheSameOrder(t *testing.T) {
	h := newHouse(t)
	one, two := h.enter("one"), h.enter("two")
	one.take()
	r := h.rooms["lobby"]
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			v := r.people[i%2]
			for n := range 20 {
				_ = r.say(v, fmt.Sprintf("%d.%d", i, n), 0)
			}
		})
	}
	all.Wait()
	got := one.take()
	if len(got) != 8*20 {
		t.Errorf("%d events, want %d", len(got), 8*20)
	}
	two.want(got...)
}
