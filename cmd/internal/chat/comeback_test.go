package chat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// withKey opens a page that joins the lobby with a key of its own.
func (h *house) withKey(name, key string) *page {
	h.t.Helper()
	p := h.open()
	p.say(`{"type":"join","room":"lobby","name":%q,"key":%q}`, name, key)
	return p
}

// A page that is back before the server notices that its old connection is dead has its name and its seat still, and the
// others see nothing of it.
func TestJoin_ComesBackBeforeTheCutIsNoticed(t *testing.T) {
	h := newHouse(t)
	bo, old := h.enter("Bo"), h.withKey("Ada", "a")
	old.want("welcome Ada Bo Ada")
	bo.want("joined Ada")
	ada := h.withKey("Ada", "a")
	ada.want("welcome Ada Bo Ada")
	if got := ada.last.People[1].Seat; got != 1 {
		t.Errorf("Ada's seat is %d, want 1", got)
	}
	h.sim.Settle()
	if old.End() == nil {
		t.Error("the old connection is left")
	}
	bo.want()
	ada.say(`{"type":"say","text":"hello"}`)
	bo.want("said Ada hello")
	ada.Close(frame.NormalClosure, "")
	bo.want("left Ada")
	h.enter("Ada") // the name is free
	bo.want("joined Ada")
}

// With another name it is somebody else.
func TestJoin_ComesBackWithAnotherName(t *testing.T) {
	h := newHouse(t)
	bo := h.enter("Bo")
	h.withKey("Ada", "a")
	cy := h.withKey("Cy", "a")
	cy.want("welcome Cy Bo Cy")
	bo.want("joined Ada", "left Ada", "joined Cy")
	bo.say(`{"type":"ping"}`)
	bo.want("pong")
}

// What everybody knows of a page does not let them take its place.
func TestJoin_TheKeyAloneTakesThePlace(t *testing.T) {
	h := newHouse(t)
	ada := h.withKey("Ada", "a")
	ada.take()
	for i, key := range []string{"", ada.welcome.From, "A"} {
		p := h.withKey("Ada", key)
		if p.take(); p.welcome.Name != fmt.Sprint("Ada ", i+2) {
			t.Errorf("key %q: the name is %q", key, p.welcome.Name)
		}
	}
	if ada.take(); ada.End() != nil {
		t.Error("Ada was thrown out")
	}
}

func TestRoom_FullHasAPlaceForAPageThatIsBack(t *testing.T) {
	h := newHouse(t)
	for i := range maxPeople {
		h.withKey(fmt.Sprint("p", i), fmt.Sprint("key ", i))
	}
	for i := range 3 {
		back := h.withKey(fmt.Sprint("p", i), fmt.Sprint("key ", i))
		if got := back.take(); len(got) == 0 || !strings.HasPrefix(got[0], fmt.Sprint("welcome p", i, " ")) {
			t.Errorf("p%d is back and gets %q", i, got)
		}
	}
	late := h.withKey("late", "another")
	late.want("refused The room is full. Please try again later.")
}
