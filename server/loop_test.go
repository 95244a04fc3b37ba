package server

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestEcho_EverySizeAndBothTypes(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo, Limits: Limits{Limits: conn.Limits{MaxMessageSize: 4 << 20, MaxPending: 8 << 20}}})
		p := dial(t, s)
		for _, n := range []int{0, 1, 125, 126, 127, 4095, 4096, 65535, 65536, 65537, 200_000, 1 << 20, 4 << 20} {
			payload := strings.Repeat("0123456789abcdef", n/16+1)[:n]
			for _, typ := range []frame.Opcode{frame.Text, frame.Binary} {
				go func() { _, _ = p.Write([]byte(masked(typ, true, payload))) }()
				p.expect(typ, payload)
			}
		}
	})
}

func TestEcho_ManyConnectionsAtOnce(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		clients := 1000
		if testing.Short() || mostDescriptors() < 3*clients {
			clients = 200
		} else if raceEnabled {
			clients = 300
		}
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		peers := make([]*peer, clients)
		for i := range peers {
			peers[i] = dialRaw(t, s)
		}
		var wg sync.WaitGroup
		const hands = 8
		for h := range hands {
			wg.Go(func() {
				for i := h; i < clients; i += hands {
					peers[i].anew().handshake()
				}
				for round := range 3 {
					for i := h; i < clients; i += hands {
						peers[i].anew().text(fmt.Sprint(i, " ", round))
					}
					for i := h; i < clients; i += hands {
						peers[i].anew().expectText(fmt.Sprint(i, " ", round))
					}
				}
			})
		}
		wg.Wait()
		eventually(t, "all to be listed", func() bool { return s.ClientCount() == clients })
		for _, p := range peers {
			p.Close()
		}
		eventually(t, "all to be gone", func() bool { return s.ClientCount() == 0 && load(s) == 0 })
	})
}

// Closing in a callback while events for other descriptors are at hand: nothing of
// one connection reaches another, though descriptors and slots are used again.
func TestLoop_StaleEventsReachNobody(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		rounds := 150
		if testing.Short() {
			rounds = 30
		}
		var closed, opened atomic.Int64
		s := &Server{Dispatch: d, Loops: 1, Limits: Limits{Limits: conn.Limits{CloseTimeout: 100 * time.Millisecond}},
			OnConnection: func(c *conn.Conn) {
				opened.Add(1)
				r, _ := c.Request()
				c.SetValue(r.Header.Get("Name"))
			},
			OnClose: func(*conn.Conn, conn.CloseInfo) { closed.Add(1) },
		}
		s.OnMessage = func(c *conn.Conn, m conn.Message) {
			name, _ := c.Value().(string)
			if m.String() != name {
				t.Errorf("a message for %s reached %s", m.String(), name)
			}
			for other := range s.Clients() { // all with messages at hand
				if other != c {
					_ = other.Close(frame.NormalClosure, "")
				}
			}
			echo(c, m)
		}
		start(t, s)
		for round := range rounds {
			const n = 6
			var peers []*peer
			for i := range n {
				peers = append(peers, dial(t, s, fmt.Sprint("Name: ", round, ".", i)))
			}
			for i, p := range peers {
				_, _ = p.Write([]byte(masked(frame.Text, true, fmt.Sprint(round, ".", i))))
			}
			for i, p := range peers {
				if h, got, err := p.read(); err == nil && h.Opcode == frame.Text && got != fmt.Sprint(round, ".", i) {
					t.Errorf("%d.%d got %q", round, i, got)
				}
				p.Close()
			}
		}
		eventually(t, "each to be closed once", func() bool { return closed.Load() == opened.Load() })
		if want := int64(rounds * 6); opened.Load() != want {
			t.Errorf("%d opened, want %d", opened.Load(), want)
		}
	})
}

func TestLoop_IdleConnectionsHoldNoBuffer(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo})
	for range 20 {
		dial(t, s).alive()
	}
	eventually(t, "buffers to be given back", func() bool { n, _ := s.run.loops[0].Buffers().Lent(); return n == 0 })
}
