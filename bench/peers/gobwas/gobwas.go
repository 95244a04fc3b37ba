// Package gobwas has servers made with github.com/gobwas/ws.
package gobwas

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/framerail/framerail/bench/peers/peer"
)

// New follows the README of gobwas/ws: connections straight from the listener through the
// "Zero-copy upgrade", which it recommends "for high-load services", a goroutine for each,
// and the second of its echo loops, which keeps one wsutil.Reader for the connection and
// copies each message into a wsutil.Writer. The writer comes from wsutil.GetWriter,
// documented "for memory consumption optimizations", so that an idle connection holds none.
// Control frames go to wsutil.ControlFrameHandler; the limit is the one its "Limits" asks
// every server to set. Broadcasts are ws.CompileFrame, which frames a message once. The
// library leaves compression to the program, and has no server here that compresses.
func New(o peer.Options) peer.Server { return &server{work: o.Work} }

type server struct {
	work   peer.Work
	hub    peer.Hub[net.Conn]
	ln     atomic.Pointer[net.Listener]
	closed atomic.Bool
}

func (s *server) Serve(ln net.Listener) error {
	s.ln.Store(&ln)
	for {
		c, err := ln.Accept()
		if s.closed.Load() && errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go s.serve(c)
	}
}

func (s *server) Close() error {
	s.closed.Store(true)
	if ln := s.ln.Load(); ln != nil {
		return (*ln).Close()
	}
	return nil
}

func (s *server) serve(c net.Conn) {
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
	if s.work == peer.Broadcast {
		s.hub.Add(c)
		defer s.hub.Remove(c)
	}
	control := wsutil.ControlFrameHandler(c, ws.StateServerSide)
	r := &wsutil.Reader{
		Source:         c,
		State:          ws.StateServerSide,
		MaxMessageSize: peer.MaxMessage,
		OnIntermediate: control,
	}
	for s.message(c, r, control) == nil {
	}
}

func (s *server) message(c net.Conn, r *wsutil.Reader, control wsutil.FrameHandlerFunc) error {
	header, err := r.NextFrame()
	if err != nil {
		return err
	}
	if header.OpCode.IsControl() {
		return control(header, r)
	}
	if s.work == peer.Broadcast {
		return s.broadcast(header.OpCode, r)
	}
	s.work.Take(int(header.Length))
	// A writer as large as the frame sends the echo in one piece; 64 KiB is
	// the most that its pool keeps.
	w := wsutil.GetWriter(c, ws.StateServerSide, header.OpCode, int(min(max(header.Length, 128), 64<<10)))
	defer wsutil.PutWriter(w)
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Flush()
}

func (s *server) broadcast(op ws.OpCode, r *wsutil.Reader) error {
	payload, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	compiled, err := ws.CompileFrame(ws.NewFrame(op, true, payload))
	if err != nil {
		return err
	}
	// A connection that fails ends by its own reads.
	s.hub.Each(func(c net.Conn) { _, _ = c.Write(compiled) })
	return nil
}
