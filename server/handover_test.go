package server

import (
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/transport"
)

// slowHandover keeps a loop that has handed a connection over from closing what is left of it.
type slowHandover struct {
	phase.Handover
	release chan struct{}
}

func (h slowHandover) Take(t *phase.Tenant, ticket gate.Ticket, head, rest []byte, count *atomic.Uint64) (transport.Transport, bool) {
	below, ok := h.Handover.Take(t, ticket, head, rest, count)
	<-h.release
	return below, ok
}

// TLS that net/http gives back at once may be another loop's before the first is done with it:
// what that closes behind it is its own descriptor.
func TestHandover_TheFirstLoopClosesItsOwnDescriptorOnly(t *testing.T) {
	onlyNative(t, "the second loop waits for the first")
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		s := &Server{Loops: 2, RouteUpgrades: true, OnMessage: echo}
		s.Handler = upgrades(s, nil)
		begin(t, s)
		held := make(chan struct{})
		release := sync.OnceFunc(func() { close(held) })
		defer release()
		for _, l := range s.run.loops {
			do(t, l, func() {
				o := *l.Options
				o.Handover = slowHandover{o.Handover, held}
				l.Options = &o
			})
		}
		p := dial(t, s)
		eventually(t, "it to be taken in", func() bool { return load(s) == 1 })
		p.send(with("A: b"))
		p.expectStatus(101) // of the second loop, since the first counts the client still
		release()
		for _, l := range s.run.loops {
			do(t, l, func() {}) // in its next turn
		}
		if n := load(s); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		p.alive()
	})
}

// A client that is answered in the middle of its request, and closed then, can read the answer to its end:
// to close with bytes unread would take it back.
func TestHandler_AnswersInTheMiddleOfARequestAreRead(t *testing.T) {
	parallel(t)
	answer := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) }
	large := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" + strings.Repeat("x", 16<<10)
	read := func(p *peer) {
		p.send(large)
		resp := p.expectStatus(http.StatusRequestEntityTooLarge)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || !resp.Close {
			t.Errorf("%v, close: %v", err, resp.Close)
		}
		p.expectEOF()
	}
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		read(dial(t, begin(t, handled(answer))))
	})
	t.Run("UpgradeListener", func(t *testing.T) {
		web := serveWebOn(t, &Server{}, http.HandlerFunc(answer), func() (net.Listener, error) {
			ln, err := listenLocally()
			return UpgradeListener(ln), err
		})
		read(web.dialRaw(t))
	})
}

// The path is an option like all others: taken when the server starts.
func TestHandler_PathForLaterHandshakesIsTakenAtTheStart(t *testing.T) {
	s := handled(describe)
	s.Path = "/chat"
	start(t, s)
	s.Path = "/other"
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p.expectBody("GET / HTTP/1.1  <nil>")
	p.handshake()
	p.alive()
}

func TestHandler_NoRoomIsAnsweredWithoutABodyToHEAD(t *testing.T) {
	s := start(t, handled(describe))
	if err := s.run.http.Close(); err != nil {
		t.Fatal(err)
	}
	p := dialRaw(t, s)
	p.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
	if b, err := io.ReadAll(p.r); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 503 ") || !strings.HasSuffix(string(b), "\r\n\r\n") {
		t.Errorf("got %q, %v", b, err)
	}
}

// More than 1 MiB counts as 1 MiB for requests at the Handler, too.
func TestHandler_TheLargestHeadIsBounded(t *testing.T) {
	s := handled(describe)
	s.Limits.MaxHandshakeBytes = math.MaxInt
	start(t, s)
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p.expectBody("GET / HTTP/1.1  <nil>")
}
