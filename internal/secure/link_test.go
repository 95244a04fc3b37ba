package secure

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/internal/transport"
)

// link is a network in memory. One end is a conn.Transport, which does not block and
// gives and takes as little as it likes; the other a net.Conn.
type link struct {
	mu       sync.Mutex
	moved    sync.Cond
	up, down []byte // to the transport, and from it
	upEnd    bool
	downEnd  bool
	closed   bool
	room     int        // of down
	rnd      *rand.Rand // nil: it gives and takes what it can
	calls    int        // of Read and Write
	first    []byte     // that went down, 64 bytes or more
}

func newLink(seed uint64) *link {
	l := &link{room: 64 << 10}
	l.moved.L = &l.mu
	l.split(seed)
	return l
}

// split has it give and take as little as it likes from now on, unless the seed is 0.
func (l *link) split(seed uint64) {
	if seed != 0 {
		l.rnd = rand.New(rand.NewPCG(seed, 0))
	}
}

// some is how much of n is given or taken.
func (l *link) some(n int) int {
	if l.rnd == nil || n == 0 {
		return n
	}
	switch l.rnd.IntN(4) {
	case 0:
		return 0
	case 1:
		return 1
	default:
		return 1 + l.rnd.IntN(n)
	}
}

func (l *link) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	n := l.some(min(len(b), len(l.up)))
	if n == 0 {
		if len(l.up) == 0 && l.upEnd {
			return 0, io.EOF
		}
		return 0, transport.ErrWouldBlock
	}
	copy(b, l.up[:n])
	l.up = l.up[n:]
	return n, nil
}

func (l *link) Write(bufs [][]byte) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.closed || l.downEnd {
		return 0, net.ErrClosed
	}
	for _, b := range bufs {
		take := l.some(min(len(b), l.room-len(l.down)))
		l.down = append(l.down, b[:take]...)
		if len(l.first) < 64 {
			l.first = append(l.first, b[:take]...)
		}
		n += take
		if take < len(b) {
			break
		}
	}
	l.moved.Broadcast()
	return n, nil
}

func (l *link) CloseWrite() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.downEnd = true
	l.moved.Broadcast()
	return nil
}

func (l *link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	return l.CloseWrite()
}

// tell calls f once there is something to read or, if that is wanted, room to write, as a
// poller has a loop do.
func (l *link) tell(write bool, f func()) {
	l.mu.Lock()
	for len(l.up) == 0 && !l.upEnd && !l.downEnd && (!write || len(l.down) == l.room) {
		l.moved.Wait()
	}
	l.mu.Unlock()
	f()
}

func (l *link) LocalAddr() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:443") }

// far is the other end.
type far struct{ *link }

func (f far) Read(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.down) == 0 && !f.downEnd {
		f.moved.Wait()
	}
	if len(f.down) == 0 {
		return 0, io.EOF
	}
	n := copy(b, f.down)
	f.down = f.down[n:]
	f.moved.Broadcast()
	return n, nil
}

func (f far) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up = append(f.up, b...)
	f.moved.Broadcast()
	return len(b), nil
}

func (f far) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.upEnd = true
	f.moved.Broadcast()
	return nil
}

func (far) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (far) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (far) SetDeadline(time.Time) error      { return nil }
func (far) SetReadDeadline(time.Time) error  { return nil }
func (far) SetWriteDeadline(time.Time) error { return nil }

// pair is a transport whose handshake is done, and its client.
type pair struct {
	*Transport
	link   *link
	client *tls.Conn
	pool   *buffer.Pool
}

func newPair(t *testing.T, version uint16, seed uint64) *pair {
	t.Helper()
	return newPairWith(t, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}, seed)
}

func newPairWith(t *testing.T, client *tls.Config, seed uint64) *pair {
	t.Helper()
	p := &pair{link: newLink(seed), pool: new(buffer.Pool)}
	p.client = tls.Client(far{p.link}, client)
	p.Transport = New(p.link, netip.MustParseAddrPort("192.0.2.1:1"), testcert.Config(), p.pool)
	shaken := make(chan error, 1)
	go func() { shaken <- p.client.Handshake() }()
	for scratch := make([]byte, 300); !p.Heard(); {
		p.link.tell(false, func() {})
		if err := p.hear(scratch); err != nil {
			t.Fatal(err)
		}
	}
	p.Begin((*sync.Cond).Wait, func(write bool) { go p.link.tell(write, p.Ready) })
	if err := p.Handshake(); err != nil {
		t.Fatal(err)
	}
	p.Established()
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n, _ := p.pool.Lent(); n != 0 {
			t.Errorf("%d buffers are still lent", n)
		}
	})
	return p
}

func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(t, v) })
	}
}
