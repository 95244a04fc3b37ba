package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// One server has an endpoint for short messages and one for long ones, wherever Check runs,
// and through Upgrade as well.
func TestLimits_OfAnEndpoint(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{Dispatch: d, CheckDispatch: min(d, conn.OnGoroutines)}
		s.MaxMessageSize, s.MaxPending = 4<<10, 1<<20
		uploads := conn.Limits{MaxMessageSize: 8 << 20, WriteTimeout: time.Minute}
		s.Check = func(h *Handshake) error {
			if h.Request.Header.Get("Upload") != "" {
				h.Limits = uploads
			}
			return nil
		}
		s.OnMessage = func(c *conn.Conn, m conn.Message) { _ = c.SendText("got " + m.String()[:1]) }
		web := serveWeb(t, s, upgrades(s, nil))
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		for name, dial := range map[string]func(...string) *peer{
			"server":  func(lines ...string) *peer { return dial(t, s, lines...) },
			"Upgrade": func(lines ...string) *peer { return web.dial(t, lines...) },
		} {
			t.Run(name, func(t *testing.T) {
				p := dial("Upload: 1")
				p.text(strings.Repeat("u", 5<<20))
				p.expectText("got u")
				chat := dial()
				chat.text(strings.Repeat("c", 4<<10))
				chat.expectText("got c")
				chat.text(strings.Repeat("c", 4<<10+1))
				chat.expectClose(frame.MessageTooBig)
				p.text("still here")
				p.expectText("got s")
			})
		}
	})
}

// Before login little is allowed, behind it much: the message behind the one that logs in
// counts already.
func TestLimits_BeforeAndAfterLogin(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{Dispatch: d}
		s.OnConnection = func(c *conn.Conn) {
			if err := c.SetLimits(conn.Limits{MaxMessageSize: 64}); err != nil {
				t.Error(err)
			}
			c.OnMessage(func(c *conn.Conn, m conn.Message) {
				if m.String() == "login" {
					_ = c.SetLimits(conn.Limits{})
				}
				_ = c.SendText("got " + m.String()[:1])
			})
		}
		start(t, s)
		p := dial(t, s)
		p.text("login")
		p.expectText("got l")
		p.text(strings.Repeat("x", 5000))
		p.expectText("got x")
		p = dial(t, s)
		p.text(strings.Repeat("x", 65))
		p.expectClose(frame.MessageTooBig)
	})
}

// A lifetime may be set in Check, and be changed later, from any goroutine.
func TestLimits_Lifetime(t *testing.T) {
	parallel(t)
	conns := make(chan *conn.Conn, 1)
	s := &Server{OnMessage: echo, OnConnection: func(c *conn.Conn) { conns <- c }}
	s.IdleTimeout = -1
	s.Check = func(h *Handshake) error {
		h.Limits.MaxLifetime = -1
		if h.Request.Header.Get("Short") != "" {
			h.Limits.MaxLifetime = 200 * time.Millisecond
		}
		return nil
	}
	start(t, s)
	p := dial(t, s, "Short: 1")
	receive(t, conns)
	p.expectClose(frame.GoingAway)

	p = dial(t, s)
	c := receive(t, conns)
	p.alive()
	if err := c.SetLimits(conn.Limits{MaxLifetime: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	p.expectClose(frame.GoingAway)
}

// What cannot be meant is an answer of 500 with a line in the log, as other mistakes of Check.
func TestLimits_NonsenseInCheck(t *testing.T) {
	var log journal
	s := &Server{Logger: log.logger(), Check: func(h *Handshake) error { h.Limits.MaxPending = -1; return nil }}
	start(t, s)
	p := dialRaw(t, s)
	p.send(with())
	p.expectStatus(500)
	log.expect(t, "MaxPending is negative")
}

// In Upgrade the callback that runs in place of OnConnection sets them, before any message.
func TestLimits_InUpgrade(t *testing.T) {
	s := &Server{OnMessage: echo}
	s.MaxMessageSize = 10
	web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = s.Upgrade(w, r, func(c *conn.Conn) {
			if err := c.SetLimits(conn.Limits{MaxMessageSize: 100}); err != nil {
				t.Error(err)
			}
		})
	}))
	p := web.dial(t)
	p.text(strings.Repeat("x", 100))
	p.expectText(strings.Repeat("x", 100))
}
