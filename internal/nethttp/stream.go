package nethttp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/transport"
)

// Stream is a WebSocket's stream of an HTTP/2 connection (RFC 8441), as a net.Conn. It reads the content of
// the request and writes the content of the answer. Both belong to net/http, and only until the handler has returned. So the
// handler calls Wait before it returns.
//
// The stream's windows are its back-pressure: what is not read keeps the client from sending, and Write
// waits until the client has read. A reset of the stream, or the end of the connection, is a *net.OpError of Read and Write.
type Stream struct {
	w    http.ResponseWriter // net/http's own, below all middleware, which might compress or buffer
	ctl  *http.ResponseController
	body io.ReadCloser
	tls  *tls.ConnectionState // nil for none

	local, remote net.Addr

	use     sync.RWMutex // read-locked while something of net/http's is in use
	closing atomic.Bool
	writing atomic.Int32
	once    sync.Once
	over    chan struct{} // closed by Close

	callbacks sync.WaitGroup // 1 from BeginCallbacks to EndCallbacks

	mu            sync.Mutex
	reads, writes *time.Timer // guarded by mu: the deadlines
}

// streamChunk is what is written at once, in bytes. net/http copies so much into a buffer of its own. More it would
// refer to even after a Write that a reset has ended.
const streamChunk = 4 << 10

// NewStream makes a Stream of an extended CONNECT. Nothing has been answered yet: see Accept.
func NewStream(w http.ResponseWriter, r *http.Request) (*Stream, error) {
	s := &Stream{w: innermost(w), body: r.Body, tls: r.TLS, over: make(chan struct{})}
	s.ctl = http.NewResponseController(s.w)
	if encoding := w.Header().Get("Content-Encoding"); encoding != "" {
		return nil, fmt.Errorf("framerail: a stream of HTTP/2 cannot be inside middleware that compresses its answer (Content-Encoding: %s): that would write behind the last frame", encoding)
	}
	if _, ok := s.w.(http.Flusher); !ok {
		return nil, cannotStream(s.w, http.ErrNotSupported)
	}
	// The deadlines of http.Server are for requests.
	if err := errors.Join(s.ctl.SetReadDeadline(time.Time{}), s.ctl.SetWriteDeadline(time.Time{})); err != nil {
		return nil, cannotStream(s.w, err)
	}
	s.local, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if s.local == nil {
		s.local = new(net.TCPAddr)
	}
	s.remote = new(net.TCPAddr)
	if at := PeerOf(r); at.IsValid() {
		s.remote = net.TCPAddrFromAddrPort(at)
	}
	return s, nil
}

// innermost is the ResponseWriter below all others.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}

func cannotStream(w http.ResponseWriter, err error) error {
	return fmt.Errorf("framerail: a stream of HTTP/2 needs a ResponseWriter that can flush and set deadlines, or one with a method Unwrap, and not a %T: %w", w, err)
}

// Conn is the stream for those that need a net.Conn. Over TLS it has a method ConnectionState.
func (s *Stream) Conn() net.Conn {
	if s.tls != nil {
		return securedStream{s}
	}
	return s
}

// securedStream is a Stream over TLS.
type securedStream struct{ *Stream }

func (s securedStream) ConnectionState() tls.ConnectionState { return *s.tls }

// Accept answers with 200. If the client has left, reading says so. w is the handler's ResponseWriter: middleware gets
// to know the status. A client that takes no answer for so long has its stream reset.
func (s *Stream) Accept(w http.ResponseWriter, header http.Header, patience time.Duration) {
	_ = s.SetWriteDeadline(time.Now().Add(patience))
	defer s.SetWriteDeadline(time.Time{})
	h := w.Header()
	clear(h)
	for name, values := range header {
		h[name] = values
	}
	delete(h, "Content-Encoding")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	_ = s.ctl.Flush()
}

// StreamBelow is the Stream that a transport relays; nil if it relays none.
func StreamBelow(t transport.Transport) *Stream {
	relayed, ok := t.(interface{ NetConn() net.Conn })
	if !ok {
		return nil
	}
	switch nc := relayed.NetConn().(type) {
	case *Stream:
		return nc
	case securedStream:
		return nc.Stream
	}
	return nil
}

// BeginCallbacks makes Wait wait for EndCallbacks. Call it once, before the connection opens, and so before Close.
func (s *Stream) BeginCallbacks() { s.callbacks.Add(1) }

// EndCallbacks says that the last callback of the connection has returned. From any goroutine.
func (s *Stream) EndCallbacks() { s.callbacks.Done() }

// Wait returns once the stream was closed, nothing of net/http's is in use any more, and the callbacks have returned.
func (s *Stream) Wait() {
	<-s.over
	s.use.Lock() // and nobody unlocks it
	s.callbacks.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range [...]*time.Timer{s.reads, s.writes} {
		if t != nil {
			t.Stop()
		}
	}
}

// begin must succeed before anything of net/http's is used. use is read-locked then.
func (s *Stream) begin() bool {
	if s.closing.Load() || !s.use.TryRLock() { // only Wait locks it, at the end
		return false
	}
	return true
}

// Read implements net.Conn.
func (s *Stream) Read(b []byte) (int, error) {
	if !s.begin() {
		return 0, net.ErrClosed
	}
	defer s.use.RUnlock()
	n, err := s.body.Read(b)
	return n, s.failed("read", err)
}

// Write implements net.Conn.
func (s *Stream) Write(b []byte) (sent int, err error) {
	s.writing.Add(1) // before closing is looked at
	defer s.writing.Add(-1)
	if !s.begin() {
		return 0, net.ErrClosed
	}
	defer s.use.RUnlock()
	for sent < len(b) && err == nil {
		var n int
		n, err = s.w.Write(b[sent:min(sent+streamChunk, len(b))])
		sent += n
	}
	if err == nil {
		err = s.ctl.Flush()
	}
	return sent, s.failed("write", err)
}

// failed is an error of net/http's as one of a net.Conn.
func (s *Stream) failed(op string, err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case s.closing.Load():
		return net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "http2", Source: s.local, Addr: s.remote, Err: err}
}

// Close ends reading and writing. Bytes that were written leave before the stream's end, which
// net/http sends when the handler returns. A write that still waits resets the stream.
func (s *Stream) Close() error {
	s.once.Do(func() {
		if s.begin() {
			s.closing.Store(true)
			_ = s.body.Close()
			if s.writing.Load() > 0 {
				_ = s.ctl.SetWriteDeadline(past)
			}
			s.use.RUnlock()
		}
		close(s.over)
	})
	return nil
}

// LocalAddr implements net.Conn, as RemoteAddr does.
func (s *Stream) LocalAddr() net.Addr { return s.local }

// RemoteAddr is the address of the client of all streams of the connection.
func (s *Stream) RemoteAddr() net.Addr { return s.remote }

// SetDeadline implements net.Conn.
func (s *Stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn. A deadline that is over cannot be taken back.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.expireAt(&s.reads, t, func() { _ = s.ctl.SetReadDeadline(past) })
	return nil
}

// SetWriteDeadline implements net.Conn. A deadline that is over resets the stream.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.expireAt(&s.writes, t, func() { _ = s.ctl.SetWriteDeadline(past) })
	return nil
}

// expireAt has end called at a time. It is called on a goroutine, because net/http may wait for its own there.
func (s *Stream) expireAt(timer **time.Timer, t time.Time, end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	if t.IsZero() {
		return
	}
	*timer = time.AfterFunc(time.Until(t), func() {
		if s.begin() {
			defer s.use.RUnlock()
			end()
		}
	})
}

var _ net.Conn = (*Stream)(nil)
