package nethttp

import (
	"log/slog"
	"net"
	"os"
	"testing"
	"time"
)

// heldConn has content at hand, which its Read does not give while its deadline is over: as
// a net.Conn of a process that was stopped until then.
type heldConn struct {
	net.Conn
	deadline time.Time
	content  string
}

func (c *heldConn) RemoteAddr() net.Addr              { return &net.TCPAddr{} }
func (c *heldConn) SetReadDeadline(t time.Time) error { c.deadline = t; return nil }

func (c *heldConn) Read(b []byte) (int, error) {
	if !time.Now().Before(c.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return copy(b, c.content), nil
}

// A deadline that comes while the process is stopped does not end a request whose content has
// come meanwhile: there is one more look.
func TestLimitedConn_LooksOnceMoreBeforeContentIsGivenUp(t *testing.T) {
	inner := &heldConn{content: "here"}
	c := &limitedConn{Conn: inner, host: &Host{Options: Options{Logger: slog.New(slog.DiscardHandler)}}, waiting: true}
	b := make([]byte, 8)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "here" {
		t.Errorf("Read gave %q, %v", b[:n], err)
	}
	if c.stalled {
		t.Error("the request was given up")
	}
}
