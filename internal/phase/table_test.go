package phase

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
)

const request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

var ample = Policy{HandshakeTimeout: time.Minute, TLSAtOnce: 1, ChecksAtOnce: 1, CheckTimeout: time.Minute}

// expectStatus reads the answer to a request.
func expectStatus(t *testing.T, peer net.Conn, want int) *bufio.Reader {
	t.Helper()
	r := bufio.NewReader(peer)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("got %v, %v, want %d", resp, err, want)
	}
	return r
}

// The phases ask their owner for all that a server would know, and tell it what becomes of a client.
func TestTable_OwnerNeedsNoServer(t *testing.T) {
	for name, owned := range map[string]struct {
		owner  *owner
		policy func(*Policy)
		before string
	}{
		"plain":              {owner: new(owner)},
		"behind a proxy":     {owner: &owner{behind: true}, before: "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n"},
		"check on the loop":  {owner: &owner{check: func() *handshake.Refusal { return nil }}},
		"check on goroutine": {owner: &owner{check: func() *handshake.Refusal { return nil }}, policy: func(p *Policy) { p.ChecksOnGoroutines = true }},
	} {
		t.Run(name, func(t *testing.T) {
			policy := ample
			if owned.policy != nil {
				owned.policy(&policy)
			}
			w := owned.owner
			l := serving(t, w, policy)
			peer := connect(t, l, nil)
			_, _ = peer.Write([]byte(owned.before + request))
			expectStatus(t, peer, http.StatusSwitchingProtocols)
			eventually(t, "it to be open", func() bool { return w.begun.Load() == 1 && w.opened.Load() == 1 })
			_ = peer.Close()
			eventually(t, "its end", func() bool { return w.closed.Load() == 1 && w.ended.Load() == 1 })

			bad := connect(t, l, nil)
			_, _ = bad.Write([]byte(owned.before + strings.Replace(request, "13", "12", 1)))
			expectStatus(t, bad, http.StatusUpgradeRequired)
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.answered) != 1 || w.answered[0].Rule() != handshake.ErrVersion || w.begun.Load() != 1 {
				t.Errorf("%v were answered, and %d begun", w.answered, w.begun.Load())
			}
		})
	}
}

// Every way to close a client without an answer is reported, once.
func TestTable_SilentEndsAreReported(t *testing.T) {
	for why, sent := range map[Reason]string{Left: "GET", BadProxyHeader: "HELLO, WORLD\r\n", Draining: "PRO"} {
		w := &owner{behind: why != Left}
		l := serving(t, w, ample)
		peer := connect(t, l, nil)
		_, _ = peer.Write([]byte(sent))
		switch why {
		case Left:
			_ = peer.Close()
		case Draining:
			l.Command(loop.Abort)
		}
		eventually(t, "its end", func() bool { return w.refused[why].Load() == 1 })
		for other := range w.refused {
			if n := w.refused[other].Load(); Reason(other) != why && n != 0 {
				t.Errorf("reason %d: %d for reason %d", why, n, other)
			}
		}
	}
}
