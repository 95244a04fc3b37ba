// Package secure is TLS over a transport that does not block, with an unchanged crypto/tls.
//
// A Transport gives crypto/tls a net.Conn whose Read fails with a temporary error when nothing has
// arrived. crypto/tls keeps the part of a record that it has, and can be called again. In the
// handshake, however, any error is final. So the handshake runs on a goroutine, and Read waits
// there. Afterwards the connection belongs to its loop, like any other.
//
// A sealed record has a sequence number and cannot be sealed again. So a Transport takes the bytes
// to write, a record's worth at a time. It keeps the records that the transport below does not
// take. See [transport.Holder].
package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/transport"
)

// Transport is one end of TLS over another transport. [New] makes a server's, whose handshake is still to
// come. [Wrap] makes one for a server or client of net/http's. The zero value is not ready.
type Transport struct {
	below  transport.Transport
	remote netip.AddrPort
	pool   *buffer.Pool
	config *tls.Config // nil once the handshake has begun
	tls    *tls.Conn   // nil until then

	inbound

	mu guard.SecureMutex // behind the locks of crypto/tls

	outbound
}

// inbound is the receiving direction of a Transport. The reader owns it: the goroutine of
// the handshake until that has ended, then the loop.
type inbound struct {
	handshake *handshake // nil before and after the handshake
	hello     hello      // guarded by mu during the handshake: Close gives it back
	records   records
	drained   bool // the last read from below was short: the poller reports what follows
	budget    int  // bytes that may still be read from below in this turn
	cut       bool // below has ended
	unread    bool // the last read may have left something
	plain     bool // the peer does not speak TLS: bytes pass unchanged
}

// outbound is the sending direction of a Transport. The mutex of the Transport guards it,
// except unreported.
type outbound struct {
	out      *buffer.Buffer // records that wait, nil for none
	sent     int            // bytes of out that have left
	gather   bool           // records are to wait for more
	ending   bool           // the sending direction is to end behind out
	ended    bool
	closed   bool
	err      error // of writing below, final
	vec      [1][]byte
	detached net.Conn // in place of below; see Detach

	unreported atomic.Bool // records wait that no Write has reported
}

var (
	_ transport.Holder = (*Transport)(nil)
	_ buffer.Borrower  = (*Transport)(nil)
)

// New is TLS over below, before its handshake with a client at that address. Buffers
// come from the pool.
func New(below transport.Transport, remote netip.AddrPort, config *tls.Config, pool *buffer.Pool) *Transport {
	return &Transport{below: below, remote: remote, config: config, pool: pool}
}

// errFlood ends the connection of a peer whose records do nothing.
var errFlood = errors.New("framerail: too many TLS records without data, such as key updates (RFC 8446 4.6.3)")

// readBudget is how many bytes are read in one turn, beside a buffer of crypto/tls's. It counts
// bytes and not data, because a record may be only padding.
const readBudget = 64 << 10

// maxAnswers bounds, in bytes, the answers of crypto/tls that wait for a peer that does not read.
// It is more than a Write leaves behind.
const maxAnswers = 64 << 10

// Read implements transport.Transport.
func (t *Transport) Read(b []byte) (n int, err error) {
	if t.plain {
		return t.below.Read(b)
	}
	t.drained, t.budget = false, readBudget
	for n < len(b) {
		guard.EnterTLS()
		m, err := t.tls.Read(b[n:])
		guard.LeaveTLS()
		if m > 0 {
			n += m
			t.records.opened()
		}
		if err != nil {
			return n, t.readFailed(err)
		}
		if t.drained && n < len(b) && t.records.atRest() {
			break // to ask once more would cost an allocation
		}
	}
	t.unread = n == len(b)
	return n, t.answered()
}

// readFailed translates an error of crypto/tls.
func (t *Transport) readFailed(err error) error {
	t.unread = false
	switch {
	case err == errNothingYet:
		if err := t.answered(); err != nil {
			return err
		}
		return transport.ErrWouldBlock
	case t.cut && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)):
		err = transport.ErrTruncated
	}
	t.unread = true // the next read fails in the same way
	return err
}

// answered returns ErrHeld if reading has caused records that could not be sent.
func (t *Transport) answered() error {
	if !t.unreported.Load() {
		return nil
	}
	t.unreported.Store(false)
	if t.Held() > maxAnswers {
		return errFlood
	}
	return transport.ErrHeld
}

// Unread implements transport.Holder.
func (in *inbound) Unread() bool { return in.unread }

// Close implements transport.Transport. It sends close_notify, unless earlier records still
// wait.
func (t *Transport) Close() error { return t.closeWith(transport.Transport.Close) }

// Cut implements transport.Cutter, as far as the transport below does.
func (t *Transport) Cut(patience time.Duration) error {
	return t.closeWith(func(below transport.Transport) error {
		return transport.Cut(below, patience)
	})
}

func (t *Transport) closeWith(closeBelow func(transport.Transport) error) error {
	t.mu.Lock()
	open := t.handshake == nil && t.tls != nil && !t.plain && t.detached == nil
	t.mu.Unlock()
	if open {
		guard.EnterTLS()
		_ = t.tls.CloseWrite() // before the handshake is done it does nothing
		guard.LeaveTLS()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.detached == nil {
		t.drop()
	}
	t.hello.release()
	if s := t.handshake; s != nil {
		s.cancel()
		s.turn.Broadcast()
	}
	return closeBelow(t.below)
}

// Lent implements buffer.Borrower, as SetPool does. It is how many bytes of pooled buffers the transport holds, and
// the one below.
func (t *Transport) Lent() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.hello.lent() + buffer.LentTo(t.below)
	if t.out != nil {
		n += cap(t.out.B)
	}
	return n
}

// SetPool makes pool the source of further buffers, also of the transport below. On the loop, while no other
// goroutine uses the transport.
func (t *Transport) SetPool(pool *buffer.Pool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pool = pool
	if b, ok := t.below.(buffer.Borrower); ok {
		b.SetPool(pool)
	}
}

// LimitUnsent implements transport.Limiter, if the transport below does.
func (t *Transport) LimitUnsent(bytes int) {
	if l, ok := t.below.(transport.Limiter); ok {
		l.LimitUnsent(bytes)
	}
}

// LocalAddr implements transport.Transport.
func (t *Transport) LocalAddr() netip.AddrPort { return t.below.LocalAddr() }

// PeerAddr implements transport.Peered.
func (t *Transport) PeerAddr() netip.AddrPort {
	if p, ok := t.below.(transport.Peered); ok {
		return p.PeerAddr()
	}
	return t.remote
}

// ConnectionState returns the state of TLS; false before the handshake is done.
func (t *Transport) ConnectionState() (state tls.ConnectionState, ok bool) {
	if t.tls == nil || t.plain {
		return state, false
	}
	guard.EnterTLS()
	state = t.tls.ConnectionState()
	guard.LeaveTLS()
	return state, state.HandshakeComplete
}

// Plain lets bytes pass unchanged from now on. Call it after the handshake has failed.
func (t *Transport) Plain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handshake, t.plain = nil, true
	t.hello.release()
}
