package servertest_test

import (
	"io"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/selfsigned"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

func TestSim_TLS(t *testing.T) {
	sim := servertest.New(1, &server.Server{
		TLSConfig: selfsigned.Config(),
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) },
	})
	c := sim.Dial("/")
	c.SendText("hello")
	sim.Settle()
	if m, ok := c.Next(); !ok || m.String() != "hello" {
		t.Errorf("got %q, %v", m.Payload, ok)
	}
	plain := sim.DialWith(servertest.Request{Plain: true})
	sim.Settle()
	if r := plain.Response(); r == nil || r.StatusCode != 400 {
		t.Errorf("a client that speaks no TLS got %+v", r)
	}
	c.Close(1000, "")
	sim.Advance(time.Minute)
	if c.End() != io.EOF {
		t.Errorf("the end: %v", c.End())
	}
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}
