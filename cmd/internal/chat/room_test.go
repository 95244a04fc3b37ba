package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
)

// fakePeer records what it is sent. It is safe from any goroutine.
type fakePeer struct {
	mu     sync.Mutex
	lines  []string
	closed frame.CloseCode
	full   bool // refuse to take more
}

func (p *fakePeer) SendText(s string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full || p.closed != 0 {
		return errors.New("full")
	}
	p.lines = append(p.lines, s)
	return nil
}

func (p *fakePeer) Close(code frame.CloseCode, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == 0 {
		p.closed = code
	}
	return nil
}

// take returns what was sent since the last call, as "type name text people".
func (p *fakePeer) take(t *testing.T) []string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var events []string
	for _, line := range p.lines {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if (e.At != 0) != (e.Type == "said") {
			t.Errorf("%s: a time goes with said and nothing else", line)
		}
		words := []string{e.Type, e.Name, e.Text}
		for _, p := range e.People {
			words = append(words, p.Name)
		}
		events = append(events, strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
	}
	p.lines = nil
	return events
}

func (p *fakePeer) want(t *testing.T, events ...string) {
	t.Helper()
	if got := p.take(t); !slices.Equal(got, events) {
		t.Errorf("got %q, want %q", got, events)
	}
}

// enter adds a visitor that has joined as name and has seen its welcome.
func enter(t *testing.T, r *Room, name string) (*Visitor, *fakePeer) {
	t.Helper()
	p := &fakePeer{}
	v := r.Enter(p)
	v.Receive(fmt.Appendf(nil, `{"type":"join","name":%q}`, name))
	if got := p.take(t); len(got) != 1 || !strings.HasPrefix(got[0], "welcome ") {
		t.Fatalf("%s got %q, want a welcome", name, got)
	}
	return v, p
}

func TestJoinIsAnnouncedAndWelcomedWithThePeople(t *testing.T) {
	var r Room
	ada, bo := &fakePeer{}, &fakePeer{}
	a, b := r.Enter(ada), r.Enter(bo)
	ada.want(t)

	a.Receive([]byte(`{"type":"join","name":"Ada"}`))
	ada.want(t, "welcome Ada Ada")
	bo.want(t) // it has not joined
	b.Receive([]byte(`{"type":"join","name":"  Bo "}`))
	bo.want(t, "welcome Bo Ada Bo")
	ada.want(t, "joined Bo")
}

func TestEverybodyHearsWhatIsSaid(t *testing.T) {
	var r Room
	a, ada := enter(t, &r, "Ada")
	_, bo := enter(t, &r, "Bo")
	ada.take(t)

	a.Receive([]byte(`{"type":"say","text":" one\ntwo "}`))
	ada.want(t, "said Ada one\ntwo")
	bo.want(t, "said Ada one\ntwo")
	a.Receive([]byte(`{"type":"say","text":" \n "}`))
	bo.want(t)
}

// No two in a room have the same seat, and so the same colour: not those who take the place
// of others either.
func TestSeatsAreDistinct(t *testing.T) {
	var r Room
	var visitors []*Visitor
	for i := range 50 {
		v, _ := enter(t, &r, fmt.Sprint("p", i))
		visitors = append(visitors, v)
		if i%3 == 1 {
			visitors[i/3].Leave()
		}
	}
	seats := map[int]string{}
	for _, v := range r.people {
		if other, taken := seats[v.seat]; taken {
			t.Errorf("%s and %s both have seat %d", v.name, other, v.seat)
		}
		if v.seat >= len(visitors) {
			t.Errorf("%s has seat %d of %d", v.name, v.seat, len(r.people))
		}
		seats[v.seat] = v.name
	}
}

func TestLeaveIsAnnouncedOnce(t *testing.T) {
	var r Room
	a, ada := enter(t, &r, "Ada")
	_, bo := enter(t, &r, "Bo")
	ada.take(t)

	a.Leave()
	a.Leave()
	ada.want(t)
	bo.want(t, "left Ada")
	_, again := enter(t, &r, "Ada") // the name is free
	again.want(t)
	bo.want(t, "joined Ada")
}

func TestLeaveWithoutJoinIsSilent(t *testing.T) {
	var r Room
	_, ada := enter(t, &r, "Ada")
	r.Enter(&fakePeer{}).Leave()
	ada.want(t)
}

func TestRefusedNameMayBeTriedAgain(t *testing.T) {
	var r Room
	p := &fakePeer{}
	v := r.Enter(p)
	for _, name := range []string{"", "   ", strings.Repeat("n", maxName+1)} {
		v.Receive(fmt.Appendf(nil, `{"type":"join","name":%q}`, name))
		p.want(t, "refused "+nameRule)
	}
	v.Receive([]byte(`{"type":"join","name":"Ada"}`))
	p.want(t, "welcome Ada Ada")
	if p.closed != 0 {
		t.Errorf("closed with %v", p.closed)
	}
}

func TestTextLimitCountsCharacters(t *testing.T) {
	var r Room
	a, ada := enter(t, &r, "Ada")

	longest := strings.Repeat("😀", maxText)
	line := fmt.Appendf(nil, `{"type":"say","text":"%s"}`, longest)
	if len(line) > MaxMessageSize {
		t.Fatalf("the longest text takes %d bytes, over the limit of a message", len(line))
	}
	a.Receive(line)
	ada.want(t, "said Ada "+longest)
	a.Receive(fmt.Appendf(nil, `{"type":"say","text":"%s"}`, longest+"x"))
	ada.want(t, "refused That message is too long.")
}

func TestFullRoomRefuses(t *testing.T) {
	var r Room
	var first *Visitor
	for i := range maxPeople {
		v, _ := enter(t, &r, fmt.Sprint("p", i))
		if first == nil {
			first = v
		}
	}
	p := &fakePeer{}
	v := r.Enter(p)
	v.Receive([]byte(`{"type":"join","name":"late"}`))
	p.want(t, "refused The room is full. Please try again later.")
	first.Leave()
	v.Receive([]byte(`{"type":"join","name":"late"}`))
	if got := p.take(t); len(got) != 1 || !strings.HasPrefix(got[0], "welcome late ") {
		t.Errorf("got %q, want a welcome", got)
	}
}

func TestOtherMessagesClose1008(t *testing.T) {
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
		{"joined_twice", true, `{"type":"join","name":"Bo"}`},
		{"said_before_joining", false, `{"type":"say","text":"x"}`},
		{"deep", true, strings.Repeat("[", MaxMessageSize)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Room
			p := &fakePeer{}
			v := r.Enter(p)
			if tc.joined {
				v, p = enter(t, &r, "Ada")
			}
			_, other := enter(t, &r, "Other")
			p.take(t)

			v.Receive([]byte(tc.line))
			if p.closed != frame.PolicyViolation {
				t.Errorf("closed with %v, want 1008", p.closed)
			}
			other.want(t)
		})
	}
}

func TestPeerThatCannotBeReachedIsDisconnected(t *testing.T) {
	var r Room
	_, slow := enter(t, &r, "Slow")
	a, ada := enter(t, &r, "Ada")
	slow.full = true

	a.Receive([]byte(`{"type":"say","text":"x"}`))
	if slow.closed != frame.TryAgainLater {
		t.Errorf("closed with %v, want 1013", slow.closed)
	}
	ada.want(t, "said Ada x") // the others are not held up
}

// Run it with -race: visitors come, speak and go from many goroutines at once.
func TestEverybodySeesTheSameOrder(t *testing.T) {
	var r Room
	_, one := enter(t, &r, "one")
	_, two := enter(t, &r, "two")
	one.take(t)

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				v := r.Enter(&fakePeer{})
				v.Receive([]byte(`{"type":"join","name":"crowd"}`))
				v.Receive(fmt.Appendf(nil, `{"type":"say","text":"%d.%d"}`, i, n))
				v.Leave()
			}
		})
	}
	wg.Wait()

	got := one.take(t)
	if len(got) != 8*20*3 {
		t.Errorf("%d events, want %d", len(got), 8*20*3)
	}
	two.want(t, got...)

	// No two people had one name at the same time.
	here := map[string]bool{}
	for _, e := range got {
		verb, name, _ := strings.Cut(e, " ")
		switch {
		case verb == "joined" && here[name]:
			t.Errorf("%s joined while there", name)
		case verb == "joined":
			here[name] = true
		case verb == "left":
			delete(here, name)
		}
	}
}
