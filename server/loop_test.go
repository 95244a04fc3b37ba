package server

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/wheel"
)

func TestEcho_EverySizeAndBothTypes(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo, Limits: Limits{MaxMessageSize: 4 << 20, MaxPending: 8 << 20}})
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
		if testing.Short() {
			clients = 200
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
					peers[i].greet()
				}
				for round := range 3 {
					for i := h; i < clients; i += hands {
						peers[i].text(fmt.Sprint(i, " ", round))
					}
					for i := h; i < clients; i += hands {
						peers[i].expectText(fmt.Sprint(i, " ", round))
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
		s := &Server{Dispatch: d, Loops: 1, Limits: Limits{CloseTimeout: 100 * time.Millisecond},
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

func TestSlots_TokensOfThoseGoneFindNobody(t *testing.T) {
	loop := session.NewLoop(new(session.Config), nil)
	var s slots
	var clients []*client
	for range 3 * slotPage {
		cl := new(client)
		id := s.take(cl)
		cl.driver().Init(loop, id, &cl.sock, netip.AddrPort{})
		clients = append(clients, cl)
	}
	for _, cl := range clients {
		if s.find(cl.token()) != cl {
			t.Fatal("not found by its token")
		}
	}
	for i, cl := range clients {
		if i%2 == 0 {
			s.give(cl.driver().ID())
		}
	}
	for i, cl := range clients {
		if found := s.find(cl.token()); i%2 == 0 && found != nil || i%2 != 0 && found != cl {
			t.Fatalf("client %d: found %p", i, found)
		}
	}
	next := new(client)
	next.driver().Init(loop, s.take(next), &next.sock, netip.AddrPort{})
	for i, cl := range clients {
		if i%2 == 0 && s.find(cl.token()) != nil {
			t.Fatal("the token of one that is gone finds its successor")
		}
	}
	if s.used != len(clients)/2+1 {
		t.Errorf("%d used", s.used)
	}
}

func TestLoop_IdleConnectionsHoldNoBuffer(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo})
	for range 20 {
		dial(t, s).alive()
	}
	eventually(t, "buffers to be given back", func() bool { n, _ := s.run.loops[0].conns.Lent(); return n == 0 })
}

// Ticks of 50 ms wrap after 6.8 years, which a server may well live to see.
func TestLoop_DeadlineAfterYears(t *testing.T) {
	if (platform.Real{}).Supported() != nil {
		t.Skip("no event loop")
	}
	l, err := newLoop(nil, &running{kernel: platform.Real{}, config: session.Config{}.WithDefaults()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.poll.Close()
	const year = 365 * 24 * time.Hour
	for _, age := range []time.Duration{0, year, 6 * year, 7 * year, 14 * year} {
		l.conns.Now = age
		l.timers = wheel.New(wheel.Tick(age / wheel.Resolution))
		l.timers.Set(1, wheel.Ticks(age+5*time.Second))
		if ahead := l.deadline().Sub(l.began) - age; ahead < 5*time.Second || ahead > 5*time.Second+2*wheel.Resolution {
			t.Errorf("at the age of %v a timer of 5 s is due in %v", age, ahead)
		}
	}
}
