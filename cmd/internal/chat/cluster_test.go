package chat

import (
	"slices"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// node is a house among others.
func node(t *testing.T, name string, broker topics.Broker) *house {
	t.Helper()
	h := newHouse(t)
	h.node, h.Topics.Broker = name, broker
	t.Cleanup(h.Topics.Close)
	return h
}

func TestNodes_HearEachOther(t *testing.T) {
	memory := new(brokertest.Memory)
	one, two := node(t, "one", memory.Recorder()), node(t, "two", memory.Recorder())
	ada, bo := one.enter("Ada"), two.join("Bo")
	if got := bo.meet(0, "Ada"); len(got) > 0 { // who is here since before
		t.Errorf("Bo gets %q", got)
	}
	ada.wantSoon("joined Bo")
	if ada.last.Node != "two" {
		t.Errorf("Bo is on node %q", ada.last.Node)
	}
	ada.say(`{"type":"say","text":"hello"}`)
	bo.wantSoon("said Ada hello")
	at := bo.last.Position
	ada.wantSoon("said Ada hello")
	if ada.last.Position != at || at.Offset == 0 {
		t.Errorf("positions %v and %v of one line", ada.last.Position, at)
	}
	cy := two.enter("Cy")
	if got := cy.welcome.words(); got != "welcome Cy Bo Cy Ada" {
		t.Errorf("Cy is welcomed with %q", got)
	}
	bo.wantSoon("joined Cy")
	ada.wantSoon("joined Cy")
	cy.Reset()
	bo.wantSoon("left Cy")
	ada.wantSoon("left Cy")
}

// A page comes back to another node, which knows nothing of the room, and gets what it missed. A newcomer there
// gets the last lines.
func TestNodes_AreAsGoodAsEachOther(t *testing.T) {
	memory := new(brokertest.Memory)
	one, two, three := node(t, "one", memory.Recorder()), node(t, "two", memory.Recorder()), node(t, "three", memory.Recorder())
	ada, bo := one.enter("Ada"), one.enter("Bo")
	ada.want("joined Bo")
	ada.say(`{"type":"say","text":"0"}`)
	bo.wantSoon("said Ada 0")
	ada.wantSoon("said Ada 0")
	at := ada.last.Position
	ada.Reset()
	bo.wantSoon("left Ada")
	for i := range 60 {
		bo.say(`{"type":"say","text":"%d"}`, i+1)
	}
	bo.wantSoon(said(1, 60)...)

	ada = two.back("Ada", at.String())
	if got := ada.meet(60, "Bo"); !slices.Equal(got, said(1, 60)) {
		t.Errorf("Ada is back and gets %q", got)
	}
	bo.wantSoon("joined Ada")

	cy := three.join("Cy")
	if got := cy.meet(50, "Ada", "Bo"); !slices.Equal(got, said(11, 60)) || !cy.welcome.Older {
		t.Errorf("a newcomer gets %q, and there is more: %v", got, cy.welcome.Older)
	}
	first := topics.Position{Epoch: cy.at.Epoch, Offset: cy.at.Offset - 49}
	cy.say(`{"type":"older","before":%q}`, first)
	want := append([]string{"older", "said Ada 0"}, said(1, 10)...)
	if got := cy.soon(len(want)); !slices.Equal(got, want) {
		t.Errorf("before those are %q", got)
	}
}

// Without a recorder a page is told that something may be missing.
func TestNodes_TellOfAGap(t *testing.T) {
	memory := new(brokertest.Memory)
	far := memory.Broker()
	one, two := node(t, "one", memory.Broker()), node(t, "two", far)
	ada, bo := one.enter("Ada"), two.join("Bo")
	bo.meet(0, "Ada")
	ada.wantSoon("joined Bo")
	far.Cut()
	bo.wantSoon("gap")
}

// Who comes back to a node that had nobody else in the room sees those on the others, although nothing has changed for them
// meanwhile.
func TestNodes_APageThatIsBackSeesTheOthers(t *testing.T) {
	memory := new(brokertest.Memory)
	one, two := node(t, "one", memory.Broker()), node(t, "two", memory.Broker())
	ada, bo := one.enter("Ada"), two.join("Bo")
	bo.meet(0, "Ada")
	ada.wantSoon("joined Bo")
	bo.Reset()
	two.sim.Settle()
	ada.wantSoon("left Bo")
	bo = two.join("Bo")
	bo.meet(0, "Ada")
	ada.wantSoon("joined Bo")
	ada.Reset()
	one.sim.Settle()
	bo.wantSoon("left Ada")
}

// A page that is back before its old connection is closed is still there for other nodes in the end. Their news of it may
// fall between the end of one connection and the welcome of the other.
func TestNodes_KeepAPageThatIsBackInTime(t *testing.T) {
	memory := new(brokertest.Memory)
	one, two := node(t, "one", memory.Recorder()), node(t, "two", memory.Recorder())
	bo, old := one.enter("Bo"), two.withKey("Ada", "a")
	old.meet(0, "Bo")
	bo.wantSoon("joined Ada")
	ada := two.withKey("Ada", "a")
	ada.meet(0, "Bo")
	if old.take(); old.End() == nil {
		t.Error("the old connection is left")
	}
	ada.say(`{"type":"say","text":"hello"}`)
	var news []string
	for heard := false; !heard || len(news) == 1; {
		for _, words := range bo.soon(1) {
			if words == "said Ada hello" {
				heard = true
			} else {
				news = append(news, words)
			}
		}
	}
	if want := []string{"left Ada", "joined Ada"}; len(news) > 0 && !slices.Equal(news, want) {
		t.Errorf("Bo gets %q, want %q or nothing", news, want)
	}
}
