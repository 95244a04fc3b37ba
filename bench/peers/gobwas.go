package peers

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// gobwas follows the README of gobwas/ws: connections straight from the
// listener through the "Zero-copy upgrade", which it recommends "for high-load
// services", a goroutine for each, and the second of its echo loops, which
// keeps one wsutil.Reader for the connection and copies each message into a
// wsutil.Writer. The writer comes from wsutil.GetWriter, documented "for memory
// consumption optimizations", so that an idle connection holds none. Control
// frames go to wsutil.ControlFrameHandler; the limit is the one its "Limits"
// asks every server to set.
type gobwas struct {
	ln     atomic.Pointer[net.Listener]
	closed atomic.Bool
}

func newGobwas() Server { return new(gobwas) }

func (s *gobwas) Serve(ln net.Listener) error {
	s.ln.Store(&ln)
	for {
		c, err := ln.Accept()
		if s.closed.Load() && errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go gobwasServe(c)
	}
}

func (s *gobwas) Close() error {
	s.closed.Store(true)
	if ln := s.ln.Load(); ln != nil {
		return (*ln).Close()
	}
	return nil
}

func gobwasServe(c net.Conn) {
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return
	}
	if _, err := ws.Upgrade(c); err != nil {
		return
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	control := wsutil.ControlFrameHandler(c, ws.StateServerSide)
	r := &wsutil.Reader{
		Source:         c,
		State:          ws.StateServerSide,
		MaxMessageSize: MaxMessage,
		OnIntermediate: control,
	}
	for gobwasEcho(c, r, control) == nil {
	}
}

func gobwasEcho(c net.Conn, r *wsutil.Reader, control wsutil.FrameHandlerFunc) error {
	header, err := r.NextFrame()
	if err != nil {
		return err
	}
	if header.OpCode.IsControl() {
		return control(header, r)
	}
	// A writer as large as the frame sends the echo in one piece; 64 KiB is
	// the most that its pool keeps.
	w := wsutil.GetWriter(c, ws.StateServerSide, header.OpCode, int(min(max(header.Length, 128), 64<<10)))
	defer wsutil.PutWriter(w)
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Flush()
}
