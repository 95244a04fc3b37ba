package chat

import (
	"fmt"
	"slices"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/topics"
)

func said(from, to int) (lines []string) {
	for i := from; i <= to; i++ {
		lines = append(lines, fmt.Sprint("said Bo ", i))
	}
	return lines
}

// sayMany says numbers, and hears them.
func (p *page) sayMany(from, to int) {
	for i := from; i <= to; i++ {
		p.say(`{"type":"say","text":"%d"}`, i)
	}
	p.want(said(from, to)...)
}

func TestJoin_ComesBackToAllThatWasMissed(t *testing.T) {
	h := newHouse(t)
	ada, bo := h.enter("Ada"), h.enter("Bo")
	start := ada.welcome.Position
	ada.Reset()
	bo.want("left Ada")
	ada = h.back("Ada", start.String()) // nothing was said, ever
	ada.want("welcome Ada Bo Ada")
	bo.want("joined Ada")
	bo.sayMany(1, 2)
	ada.want(said(1, 2)...)
	at := ada.last.Position
	ada.Reset()
	bo.want("left Ada")
	bo.sayMany(3, 150)
	ada = h.back("Ada", at.String())
	ada.want(append([]string{"welcome Ada Bo Ada"}, said(3, 150)...)...)
	if ada.last.Position.Offset != 150 {
		t.Errorf("150 lines lead to %v", ada.last.Position)
	}
	bo.want("joined Ada")
	bo.sayMany(151, 151)
	ada.want(said(151, 151)...)
}

// If that can't be had the page is told, and gets all lines that are kept: behind those that it has, it would not ask for others.
func TestJoin_TellsOfAGap(t *testing.T) {
	h := newHouse(t)
	bo := h.enter("Bo")
	start := bo.welcome.Position
	bo.sayMany(1, 201)
	ada := h.back("Ada", start.String()) // 1 is gone
	ada.want(append([]string{"welcome Ada Bo Ada (gap)"}, said(2, 201)...)...)
	eve := h.back("Eve", "1.1") // of a server that is no more
	eve.want(append([]string{"welcome Eve Bo Ada Eve (gap)"}, said(2, 201)...)...)
}

func TestJoin_NewcomersGetTheLastLinesAndScrollBack(t *testing.T) {
	h := newHouse(t)
	bo := h.enter("Bo")
	bo.sayMany(1, 90)
	ada := h.open()
	ada.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	ada.want(append([]string{"welcome Ada Bo Ada (older)"}, said(41, 90)...)...)
	if ada.last.Position.Offset != 90 {
		t.Errorf("the welcome is at %v", ada.last.Position)
	}
	bo.want("joined Ada")
	bo.sayMany(91, 91)
	ada.want(said(91, 91)...)
	older := func(offset uint64, want ...string) {
		t.Helper()
		ada.say(`{"type":"older","before":%q}`, topics.Position{Epoch: ada.last.Position.Epoch, Offset: offset})
		at := ada.last.Position
		ada.want(want...)
		ada.last.Position = at
	}
	older(41, append([]string{"older"}, said(1, 40)...)...)
	older(61, append([]string{"older (older)"}, said(11, 60)...)...)
	older(1, "older")
	older(0, "older")
	older(1000, "older") // nothing has said that
	ada.say(`{"type":"older","before":"1.7"}`)
	ada.want("older")
	ada.say(`{"type":"older","before":"0.1"}`)
	ada.want("older")
}

// The lines of a room without anybody in it are kept.
func TestRoom_KeepsItsLines(t *testing.T) {
	h := newHouse(t)
	bo := h.enter("Bo")
	bo.sayMany(1, 3)
	bo.Close(frame.NormalClosure, "")
	h.sim.Settle()
	ada := h.open()
	ada.say(`{"type":"join","room":"lobby","name":"Ada"}`)
	ada.want(append([]string{"welcome Ada Ada"}, said(1, 3)...)...)
}

// "from" is the key's, and so the same after a cut. It is no other's.
func TestJoin_FromIsMadeOfTheKey(t *testing.T) {
	h := newHouse(t)
	var from []string
	for i, key := range []string{"k1", "k2", "k1", "", ""} {
		p := h.open()
		p.say(`{"type":"join","room":"lobby","name":"p%d","key":%q}`, i, key)
		p.take()
		from = append(from, p.last.From)
	}
	if from[0] != from[2] {
		t.Error("one key gives two names")
	}
	slices.Sort(from)
	if n := len(slices.Compact(from)); n != 4 || from[0] == "" {
		t.Errorf("%d names in %q, want 4", n, from)
	}
}
