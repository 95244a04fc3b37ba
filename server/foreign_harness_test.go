package server

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// foreign is a listener whose connections show no descriptor, and how a client comes to it.
type foreign struct {
	listen func(t testing.TB) (ln net.Listener, dial func() (net.Conn, error), end func())
	secure bool // over TLS
	named  bool // its connections have addresses of IP
	shared bool // they share one, without flow control, and come with their first bytes
}

// foreigns are listeners of kinds that programs use.
var foreigns = map[string]foreign{
	"pipe":        {listen: listenPipe},
	"streams":     {listen: listenStreams, named: true, shared: true},
	"hidden":      {listen: listenHidden, named: true},
	"crypto_tls":  {listen: listenOverTLS, secure: true, named: true},
	"unix_hidden": {listen: listenHiddenUnix},
}

// onForeigns runs a test over each kind.
func onForeigns(t *testing.T, f func(t *testing.T, f foreign)) {
	for name, kind := range foreigns {
		t.Run(name, func(t *testing.T) { f(t, kind) })
	}
}

// serve has a server serve such a listener. With the test both end, and must then have given back what they took.
func (f foreign) serve(t testing.TB, s *Server) (dial func() *peer) {
	t.Helper()
	before := census(t)
	prepare(s)
	ln, connect, end := f.listen(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
	t.Cleanup(func() {
		if err := within(t, "Close", s.Close); err != nil {
			t.Error(err)
		}
		if err := receive(t, served); err != ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		expectNothingHeld(t, s)
		end()
		if now, ok := before.comesBack(t); !ok {
			t.Errorf("%v before the server, %v after\n%s", before, now, stacks())
		}
	})
	return func() *peer {
		t.Helper()
		nc, err := connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(peerPatience))
		return &peer{t, nc, bufio.NewReader(nc)}
	}
}

// inbound is a listener for connections that it is given.
type inbound struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	addr  net.Addr
}

func newInbound(addr net.Addr) *inbound {
	return &inbound{conns: make(chan net.Conn), done: make(chan struct{}), addr: addr}
}

func (l *inbound) give(nc net.Conn) error {
	select {
	case l.conns <- nc:
		return nil
	case <-l.done:
		_ = nc.Close()
		return net.ErrClosed
	}
}

func (l *inbound) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *inbound) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *inbound) Addr() net.Addr { return l.addr }

type inMemory struct{}

func (inMemory) Network() string { return "memory" }
func (inMemory) String() string  { return "memory" }

// listenPipe is a listener in memory. Its connections have no buffer, no CloseWrite and no addresses.
func listenPipe(testing.TB) (net.Listener, func() (net.Conn, error), func()) {
	ln := newInbound(inMemory{})
	return ln, func() (net.Conn, error) {
		near, far := net.Pipe()
		return near, ln.give(far)
	}, func() {}
}

// listenHidden is TCP behind a type that shows nothing of it.
func listenHidden(t testing.TB) (net.Listener, func() (net.Conn, error), func()) {
	return hiding(listenLocal(t))
}

func listenHiddenUnix(t testing.TB) (net.Listener, func() (net.Conn, error), func()) {
	ln, err := net.Listen("unix", shortTempDir(t)+"/s")
	if err != nil {
		t.Skip(err) // not every system has them
	}
	return hiding(ln)
}

func shortTempDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "fr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func hiding(ln net.Listener) (net.Listener, func() (net.Conn, error), func()) {
	dial := func() (net.Conn, error) { return net.Dial(ln.Addr().Network(), ln.Addr().String()) }
	return veiledListener{ln}, dial, func() {}
}

// listenOverTLS is crypto/tls, which the server does not see into.
func listenOverTLS(t testing.TB) (net.Listener, func() (net.Conn, error), func()) {
	ln := listenLocal(t)
	config := &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}
	return tls.NewListener(ln, config), func() (net.Conn, error) {
		return tls.Dial("tcp", ln.Addr().String(), trusting())
	}, func() {}
}

// listenStreams is a listener of streams that share one TCP connection, as those of a multiplexer do.
func listenStreams(t testing.TB) (net.Listener, func() (net.Conn, error), func()) {
	below := listenLocal(t)
	near, err := net.Dial("tcp", below.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := below.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = below.Close()
	ln := newInbound(far.LocalAddr())
	clients, servers := newStreams(near, nil), newStreams(far, func(s *stream) { _ = ln.give(s) })
	end := func() {
		clients.end()
		servers.end()
	}
	t.Cleanup(end)
	return ln, clients.open, end
}

// streams are those of one side. Each frame has a stream's number, and a length; 0 ends the direction.
type streams struct {
	nc     net.Conn
	opened func(*stream) // by the other side
	done   chan struct{}

	writing sync.Mutex
	mu      sync.Mutex
	all     map[uint32]*stream
	next    uint32
	err     error
}

func newStreams(nc net.Conn, opened func(*stream)) *streams {
	m := &streams{nc: nc, opened: opened, done: make(chan struct{}), all: make(map[uint32]*stream)}
	go m.read()
	return m
}

func (m *streams) end() {
	_ = m.nc.Close()
	<-m.done
}

func (m *streams) open() (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	m.next++
	return m.add(m.next), nil
}

// add makes a stream. mu is held.
func (m *streams) add(id uint32) *stream {
	s := &stream{of: m, id: id}
	s.changed.L = &s.mu
	m.all[id] = s
	return s
}

func (m *streams) read() {
	defer close(m.done)
	var head [8]byte
	for {
		_, err := io.ReadFull(m.nc, head[:])
		b := make([]byte, binary.BigEndian.Uint32(head[4:]))
		if err == nil {
			_, err = io.ReadFull(m.nc, b)
		}
		id := binary.BigEndian.Uint32(head[:])
		m.mu.Lock()
		s := m.all[id]
		opened := s == nil && err == nil && m.opened != nil && len(b) > 0
		if opened {
			s = m.add(id)
		}
		if m.err = err; err != nil {
			for _, s := range m.all {
				s.came(nil, err)
			}
		}
		m.mu.Unlock()
		switch {
		case err != nil:
			return
		case s == nil: // it was closed here
		case len(b) == 0:
			s.came(nil, io.EOF)
		default:
			s.came(b, nil)
		}
		if opened {
			m.opened(s)
		}
	}
}

func (m *streams) write(id uint32, b []byte) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	head := binary.BigEndian.AppendUint32(nil, id)
	_, err := m.nc.Write(append(binary.BigEndian.AppendUint32(head, uint32(len(b))), b...))
	return err
}

// stream is a net.Conn. Its Close ends its own direction only, as that of many multiplexers does.
type stream struct {
	of *streams
	id uint32

	mu      sync.Mutex
	changed sync.Cond
	in      []byte
	err     error // of reading
	closed  bool
	late    time.Time
	alarm   *time.Timer
}

func (s *stream) came(b []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in = append(s.in, b...)
	if s.err == nil {
		s.err = err
	}
	s.changed.Broadcast()
}

func (s *stream) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, net.ErrClosed
		case len(s.in) > 0:
			n := copy(b, s.in)
			s.in = s.in[n:]
			return n, nil
		case s.err != nil:
			return 0, s.err
		case !s.late.IsZero() && !time.Now().Before(s.late):
			return 0, os.ErrDeadlineExceeded
		}
		s.changed.Wait()
	}
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if len(b) == 0 { // which would be the end
		return 0, nil
	}
	return len(b), s.of.write(s.id, b)
}

func (s *stream) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	if s.alarm != nil {
		s.alarm.Stop()
	}
	s.changed.Broadcast()
	s.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	s.of.mu.Lock()
	delete(s.of.all, s.id)
	s.of.mu.Unlock()
	return s.of.write(s.id, nil)
}

func (s *stream) LocalAddr() net.Addr  { return s.of.nc.LocalAddr() }
func (s *stream) RemoteAddr() net.Addr { return s.of.nc.RemoteAddr() }

func (s *stream) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

func (s *stream) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = t
	if s.alarm != nil {
		s.alarm.Stop()
	}
	if !t.IsZero() {
		s.alarm = time.AfterFunc(time.Until(t), s.changed.Broadcast)
	}
	s.changed.Broadcast()
	return nil
}

func (s *stream) SetWriteDeadline(time.Time) error { return nil }
