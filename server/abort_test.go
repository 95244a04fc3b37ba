package server

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// The client of a connection that the program aborts gets no Close frame, and the close callback
// is told why.
func TestAbort_EndsWithoutACloseFrame(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		closed := make(chan conn.CloseInfo, 1)
		s := start(t, &Server{
			Dispatch:  d,
			OnMessage: func(c *conn.Conn, _ conn.Message) { c.Abort() },
			OnClose:   func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
		})
		p := dial(t, s)
		p.text("x")
		if rest, err := io.ReadAll(p.r); len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client got %q, %v", rest, err)
		}
		want := conn.CloseInfo{By: conn.Local, Received: frame.AbnormalClosure, Err: conn.ErrAborted}
		if got := receive(t, closed); got != want {
			t.Errorf("closed with %v, want %v", got, want)
		}
		if n := s.Stats().Causes[CauseAborted]; n != 1 {
			t.Errorf("counted %d times", n)
		}
	})
}
