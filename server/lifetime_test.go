package server

import (
	"testing"
	"time"
	"unsafe"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/loop"
)

func TestLifetime_EndsWith1001(t *testing.T) {
	parallel(t)
	const lifetime = 3 * time.Second
	modes(t, func(t *testing.T, d conn.Dispatch) {
		parallel(t)
		for name, limits := range map[string]conn.Limits{
			"alone":            {IdleTimeout: -1, WriteTimeout: -1},
			"beside_heartbeat": {IdleTimeout: lifetime},
			"far_heartbeat":    {},
		} {
			t.Run(name, func(t *testing.T) {
				parallel(t)
				closed := make(chan conn.CloseInfo, 1)
				limits.MaxLifetime = lifetime
				s := start(t, &Server{Dispatch: d, Limits: Limits{Limits: limits}, OnMessage: echo,
					OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }})
				begin := time.Now()
				p := dial(t, s)
				p.alive()
				h, payload := p.next()
				for ; h.Opcode == frame.Ping; h, payload = p.next() {
					p.send(masked(frame.Pong, true, payload))
				}
				if d := time.Since(begin); h.Opcode != frame.Close || d < lifetime*8/10 {
					t.Fatalf("a frame with %v after %v", h.Opcode, d)
				}
				p.send(masked(frame.Close, true, payload))
				info := receive(t, closed)
				if info.By != conn.Local || info.Sent != frame.GoingAway || info.Reason != loop.LifetimeReason || !info.Clean() {
					t.Error(info)
				}
				if n := s.Stats().Expired; n != 1 {
					t.Errorf("%d counted", n)
				}
			})
		}
	})
}

func TestLifetime_NegativeIsNoLimit(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Limits: Limits{Limits: conn.Limits{MaxLifetime: -1, IdleTimeout: -1}}})
	dial(t, s).alive()
	if n := s.Stats().Timers; n > 1 {
		t.Errorf("%d timers", n)
	}
	d := start(t, &Server{})
	if d.run.config.MaxLifetime != defaultMaxLifetime {
		t.Errorf("by default %v", d.run.config.MaxLifetime)
	}
}

// What a server keeps for an idle connection is one allocation of this size.
func TestClientIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(tenant{}); unsafe.Sizeof(uintptr(0)) == 8 && size > 192 {
		t.Errorf("a client takes %d bytes", size)
	}
}
