package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/framerail/framerail/conn"
)

// What Check has found out arrives with the connection, wherever Check and the callbacks run,
// also through Upgrade; two connections do not get each other's.
func TestCheck_ValueArrivesWithTheConnection(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for name, where := range map[string]conn.Dispatch{"check on loop": conn.OnLoop, "check on goroutines": conn.OnGoroutines} {
			t.Run(name, func(t *testing.T) {
				s := &Server{Dispatch: d, CheckDispatch: where}
				s.Check = func(h *Handshake) error {
					if user := h.Request.Header.Get("User"); user != "" {
						h.Value = user
					}
					h.Header.Set("Checked", "yes") // which is there to be set
					return nil
				}
				s.OnConnection = func(c *conn.Conn) {
					user, _ := c.Value().(string)
					_ = c.SendText("hello " + user)
				}
				web := serveWeb(t, s, upgrades(s, nil))
				if err := s.Start(); err != nil {
					t.Fatal(err)
				}
				for _, dial := range []func(...string) *peer{
					func(lines ...string) *peer { return dial(t, s, lines...) },
					func(lines ...string) *peer { return web.dial(t, lines...) },
				} {
					dial("User: ann").expectText("hello ann")
					dial("User: ben").expectText("hello ben")
					dial().expectText("hello ")
				}
			})
		}
	})
}

// Header is empty at first and never nil, so that Check can set a field in it.
func TestCheck_HeaderIsThere(t *testing.T) {
	s := start(t, &Server{Check: func(h *Handshake) error { h.Header.Set("X", "1"); return nil }})
	p := dialRaw(t, s)
	p.send(with())
	if resp := p.expectStatus(http.StatusSwitchingProtocols); resp.Header.Get("X") != "1" {
		t.Errorf("the answer's header is %v", resp.Header)
	}
}

// The context of a connection ends when its client leaves, while a callback still waits for it.
func TestContext_EndsWhenTheClientLeaves(t *testing.T) {
	causes := make(chan error, 1)
	s := &Server{Dispatch: conn.OnGoroutines}
	s.OnMessage = func(c *conn.Conn, _ conn.Message) {
		<-c.Context().Done()
		causes <- context.Cause(c.Context())
	}
	start(t, s)
	p := dial(t, s)
	p.text("a query that takes long")
	p.Close()
	if err := receive(t, causes); !errors.Is(err, conn.ErrUnexpectedEOF) && !isOpError(err) {
		t.Errorf("the cause is %v", err)
	}
}

func isOpError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}
