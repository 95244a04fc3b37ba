package topics

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
)

// kept checks what is kept before a position, as "offset:text" with spaces.
func (w *world) kept(topic string, before Position, most int, want string, wantErr error) {
	w.t.Helper()
	all, err := w.Kept(topic, before, most)
	var got []string
	for at, m := range all {
		got = append(got, fmt.Sprintf("%d:%v", at.Offset, m))
	}
	if got := strings.Join(got, " "); got != want || err != wantErr {
		w.t.Errorf("%d before %v: %q, %v; want %q, %v", most, before, got, err, want, wantErr)
	}
}

func TestKept_AreTheLastBeforeAPosition(t *testing.T) {
	now := time.Unix(1e9, 0)
	keeps := History{Messages: 5, Age: time.Minute}
	w, _ := newWorld(t, &Topics{History: keep(keeps), Now: func() time.Time { return now }}, &server.Server{}, 1)
	w.kept("a", Position{}, 9, "", nil)
	w.kept("a", Position{1, 1}, 9, "", ErrGap)
	start := w.subscribe(w.conns[0], "a")
	w.kept("a", start, 9, "", nil)
	for _, s := range []string{"one", "two", "three", "four", "five", "six"} {
		w.publish("a", s)
	}
	at := func(offset uint64) Position { return Position{start.Epoch, offset} }
	w.kept("a", Position{}, 9, "2:two 3:three 4:four 5:five 6:six", nil)
	w.kept("a", at(6), 2, "5:five 6:six", nil)
	w.kept("a", at(4), 2, "3:three 4:four", nil) // for who has seen from five on
	w.kept("a", at(2), 9, "2:two", nil)
	w.kept("a", at(1), 9, "", nil) // one is not kept any more
	w.kept("a", at(6), 0, "", nil)
	w.kept("a", at(7), 9, "", ErrGap)
	w.kept("a", Position{start.Epoch + 1, 3}, 9, "", ErrGap)
	w.kept("a.*", Position{}, 9, "", ErrWildcard)

	all, _ := w.Kept("a", Position{}, 1)
	for _, m := range all {
		clear(m.Payload) // a copy
	}
	w.kept("a", Position{}, 1, "6:six", nil)
	now = now.Add(time.Hour)
	w.kept("a", Position{}, 9, "", nil)
}

func TestKept_IsTheLastOneIfNoOtherIs(t *testing.T) {
	w, _ := newWorld(t, &Topics{History: keep(History{Last: true})}, &server.Server{}, 0)
	w.publish("a", "one")
	w.publish("a", "two")
	w.kept("a", Position{}, 9, "2:two", nil)
}
