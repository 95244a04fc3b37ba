package secure

import (
	"context"
	"crypto/tls"
	"net"
	"sync"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/transport"
)

// handshake is the state of a TLS handshake that goes on.
type handshake struct {
	ctx    context.Context
	cancel context.CancelFunc
	wait   func(*sync.Cond)
	watch  func(write bool)
	turn   sync.Cond // on the transport's mu
	ready  bool      // guarded by mu: it waits for nothing, or what it was watched for has come
}

// Begin prepares the handshake, on the loop. While Handshake runs on its goroutine, the transport
// belongs to that goroutine, and the loop may call only Ready and Close.
//
// Handshake calls wait to wait, as c.Wait() does. It calls watch when it has to wait for the
// peer. The caller then calls Ready once there is something to read or, if write is set,
// room to write. watch must not wait for the loop.
func (t *Transport) Begin(wait func(c *sync.Cond), watch func(write bool)) {
	ctx, cancel := context.WithCancel(context.Background())
	t.handshake = &handshake{ctx: ctx, cancel: cancel, wait: wait, watch: watch, turn: sync.Cond{L: &t.mu}, ready: true}
	t.tls = tls.Server((*netConn)(t), t.config)
	t.config = nil
}

// Begun reports whether Begin was called. For the loop.
func (t *Transport) Begun() bool { return t.config == nil }

// Handshake runs the handshake and waits for its end, or for Close. Call it once. Afterwards the
// transport belongs to the loop, which calls Established or Plain.
func (t *Transport) Handshake() error {
	defer t.handshake.cancel()
	if err := t.shakeHands(); err != nil {
		return err
	}
	return t.awaitSent()
}

func (t *Transport) shakeHands() error {
	guard.EnterTLS()
	defer guard.LeaveTLS()
	return t.tls.HandshakeContext(t.handshake.ctx)
}

// Ready reports readiness of the socket to the waiting handshake. On the loop.
func (t *Transport) Ready() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.handshake; s != nil {
		s.ready = true
		s.turn.Broadcast()
	}
}

// Waits reports whether the handshake waits for its peer. On the loop.
func (t *Transport) Waits() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.handshake != nil && !t.handshake.ready
}

// Established begins reading and writing after a successful Handshake. There may be something to
// read already. On the loop.
func (t *Transport) Established() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handshake = nil
	t.records.handshakeDone()
	t.unread = true
}

// await reads from below for the handshake, and waits until there is something. Once the transport
// is closed await does not touch the descriptor: another connection may have its number.
func (t *Transport) await(p []byte) (int, error) {
	for {
		t.mu.Lock()
		err := t.advance()
		n := 0
		if err == nil {
			n, err = t.readBelow(p)
		}
		if err != transport.ErrWouldBlock {
			t.mu.Unlock()
			return n, err
		}
		t.handshake.pause(t)
	}
}

// awaitSent waits until all of the handshake has been sent.
func (t *Transport) awaitSent() error {
	for {
		t.mu.Lock()
		if err := t.advance(); err != nil || t.out == nil {
			t.mu.Unlock()
			return err
		}
		t.handshake.pause(t)
	}
}

// advance writes the records that wait. It returns the error with which the handshake ends, if
// any. mu is held.
func (t *Transport) advance() error {
	if t.closed {
		return net.ErrClosed
	}
	t.flush()
	return t.err
}

// pause unlocks the transport's mu and waits for readiness. It does not use Cond's own unlocking,
// because a simulation may end the goroutine in the middle of a wait.
func (s *handshake) pause(t *Transport) {
	s.ready = false
	s.watch(t.out != nil)
	for !s.ready && !t.closed {
		s.wait(&s.turn)
	}
	t.mu.Unlock()
}
