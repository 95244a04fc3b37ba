package phase

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/transport"
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

// lending is a transport that holds memory until it is closed.
type lending struct {
	transport.Transport
	bytes int
	cut   chan time.Duration
}

func (t *lending) Lent() int            { return t.bytes }
func (t *lending) SetPool(*buffer.Pool) {}
func (t *lending) Cut(d time.Duration) error {
	t.cut <- d
	return t.Close()
}

// Whoever is refused for its memory gives back at once what its transport holds, and gets no answer then. Without that there
// is one to a request.
func TestShed_LeavesNothingToTheTransport(t *testing.T) {
	checked := ample
	checked.ChecksOnGoroutines = true
	for name, test := range map[string]struct {
		phase  loop.Phase
		policy Policy
		behind bool
		check  bool
		sent   string
		status int // if the transport holds nothing; 0: no answer
	}{
		"proxy_header": {phase: ProxyHeader, policy: ample, behind: true, sent: "PROXY "},
		"request":      {phase: Request, policy: ample, sent: request[:20], status: http.StatusServiceUnavailable},
		"check":        {phase: Check, policy: checked, check: true, sent: request, status: http.StatusServiceUnavailable},
	} {
		for holds, bytes := range map[string]int{"holds": 16 << 10, "holds_nothing": 0} {
			t.Run(name+"/"+holds, func(t *testing.T) {
				w, unheld := &owner{behind: test.behind}, make(chan struct{})
				if test.check {
					w.check = func() *handshake.Refusal { <-unheld; return nil }
				}
				l := serving(t, w, test.policy)
				t.Cleanup(func() { close(unheld) })
				peer := connect(t, l, nil)
				if _, err := io.WriteString(peer, test.sent); err != nil {
					t.Fatal(err)
				}
				below := &lending{bytes: bytes, cut: make(chan time.Duration, 1)}
				seen := make(chan bool, 1)
				for found := false; !found; found = <-seen {
					time.Sleep(time.Millisecond)
					l.Ask(func() {
						found := false
						l.Each(func(t *loop.Tenant) {
							if cl := tenantOf(t); cl.Phase() == test.phase && cl.head != nil {
								found = true
								below.wrap(cl)
							}
						})
						if found {
							l.shedUnopened(1, nil, 0)
						}
						seen <- found
					})
				}
				if bytes > 0 || test.status == 0 {
					select {
					case patience := <-below.cut:
						if bytes > 0 && patience != 0 {
							t.Errorf("cut with a patience of %v", patience)
						}
					case <-time.After(10 * time.Second):
						t.Fatal("the client is not cut")
					}
					if all, _ := io.ReadAll(peer); len(all) > 0 {
						t.Errorf("it was answered: %q", all)
					}
					if n := w.refused[NoMemory].Load(); n != 1 {
						t.Errorf("%d were counted", n)
					}
					return
				}
				expectStatus(t, peer, test.status)
				if n := w.refused[NoMemory].Load(); n != 0 {
					t.Errorf("%d were counted without an answer", n)
				}
			})
		}
	}
}

// wrap puts the transport between a client and its own, below a PROXY header that is to come.
func (t *lending) wrap(cl *Tenant) {
	if b, ok := cl.Below().(*behindProxy); ok {
		t.Transport, b.Transport = b.Transport, t
		return
	}
	t.Transport = cl.Below()
	cl.SetTransport(t)
}
