package callbacks

import (
	"reflect"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// A callback that is not set is none for the machine either: a wrapper around nil would be one.
func TestHandlers_OfNone(t *testing.T) {
	if h := reflect.ValueOf(new(Set).Handlers()); !h.IsZero() {
		t.Errorf("%+v", h)
	}
	if OnConn(nil) != nil {
		t.Error("a nil callback became another")
	}
}

// Each callback has its place, and gets the connection that the machine has.
func TestHandlers_OfAll(t *testing.T) {
	var called []string
	c := new(session.Conn)
	note := func(name string, got *conn.Conn) {
		if called = append(called, name); (*session.Conn)(got) != c {
			t.Errorf("%s gets another connection", name)
		}
	}
	s := Set{
		Connection: func(c *conn.Conn) { note("connection", c) },
		Message: func(c *conn.Conn, m conn.Message) {
			note("message", c)
			if m.Type != conn.Text || m.String() != "x" || !m.Valid {
				t.Errorf("%+v", m)
			}
		},
		Stream:  func(c *conn.Conn, _ *conn.Reader) { note("stream", c) },
		Ping:    func(c *conn.Conn, p []byte) { note("ping "+string(p), c) },
		Pong:    func(c *conn.Conn, p []byte) { note("pong "+string(p), c) },
		Close:   func(c *conn.Conn, _ conn.CloseInfo) { note("close", c) },
		Drained: func(c *conn.Conn) { note("drained", c) },
	}
	h := s.Handlers()
	h.Open(c)
	h.Message(c, session.Message{Type: session.Text, Payload: []byte("x")})
	h.Stream(c, nil)
	h.Ping(c, []byte("1"))
	h.Pong(c, []byte("2"))
	h.Close(c, session.CloseInfo{})
	h.Drained(c)
	want := []string{"connection", "message", "stream", "ping 1", "pong 2", "close", "drained"}
	if !reflect.DeepEqual(called, want) {
		t.Errorf("%q, want %q", called, want)
	}
	if n := reflect.TypeFor[Set]().NumField(); n != reflect.TypeFor[session.Handlers]().NumField() || n != len(want) {
		t.Errorf("%d callbacks", n)
	}
}
