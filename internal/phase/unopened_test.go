package phase

import (
	"io"
	"net"
	"testing"
	"time"
)

// A client that is refused for its memory has given that back at once, also what a relay has and its peer does not read.
func TestShed_GivesBackWhatARelayHas(t *testing.T) {
	type holding struct{ clients, freed, before, after int }
	seen := make(chan holding, 1)
	w := new(owner)
	l := serving(t, w, ample)
	lent := func() int {
		_, unopened := l.Pools()
		_, bytes := unopened.Lent()
		return int(bytes)
	}
	w.onAnswer = func() {
		l.Ask(func() { // in the same turn, when the relay has the answer
			h := holding{before: lent()}
			h.clients, h.freed, _ = l.shedUnopened(1, nil, 0)
			h.after = lent()
			seen <- h
		})
	}
	near, peer := net.Pipe()
	defer peer.Close()
	_ = peer.SetDeadline(time.Now().Add(time.Minute))
	deliver(t, l, nil, near)
	if _, err := io.WriteString(peer, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case h := <-seen:
		if h.clients != 1 || h.before == 0 || h.freed != h.before || h.after != 0 {
			t.Errorf("%d clients were refused, and %d bytes freed of %d; %d are left", h.clients, h.freed, h.before, h.after)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no client is refused")
	}
}
