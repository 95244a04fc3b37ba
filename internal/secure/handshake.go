package secure

import (
	"context"
	"crypto/tls"
	"net"
	"sync"

	"github.com/framerail/framerail/internal/transport"
)

// handshake is the state of a TLS handshake that has begun and has not ended.
type handshake struct {
	ctx    context.Context
	cancel context.CancelFunc
	wait   func(*sync.Cond)
	watch  func(write bool)
	turn   sync.Cond // on the transport's mu
	ready  bool      // guarded by mu: it waits for nothing, or what it was watched for has come
}

// Begin readies the handshake, on the loop. While Handshake runs, on a goroutine,
// the transport is its own but for Ready and Close. Handshake calls wait to wait, as
// c.Wait() does, and watch to have Ready called once there is something to read or, if
// it wants that as well, room to write. The latter must not wait for the loop.
func (t *Transport) Begin(wait func(c *sync.Cond), watch func(write bool)) {
	ctx, cancel := context.WithCancel(context.Background())
	t.handshake = &handshake{ctx: ctx, cancel: cancel, wait: wait, watch: watch, turn: sync.Cond{L: &t.mu}, ready: true}
	t.tls = tls.Server((*netConn)(t), t.config)
	t.config = nil
}

// Begun tells whether Begin was called. For the loop.
func (t *Transport) Begun() bool { return t.config == nil }

// Handshake runs the handshake and waits for its end, or for Close. Once: then the
// transport is the loop's, which calls Established or Plain.
func (t *Transport) Handshake() error {
	defer t.handshake.cancel()
	err := t.tls.HandshakeContext(t.handshake.ctx)
	if err == nil {
		err = t.awaitSent()
	}
	return err
}

// Ready tells that what the handshake waits for has come. On the loop.
func (t *Transport) Ready() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.handshake; s != nil {
		s.ready = true
		s.turn.Broadcast()
	}
}

// Waits tells whether the handshake waits for its peer. On the loop.
func (t *Transport) Waits() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.handshake != nil && !t.handshake.ready
}

// Established begins the conversation after a Handshake without an error. Something may
// be there to read already. On the loop.
func (t *Transport) Established() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handshake = nil
	t.records.handshakeDone()
	t.unread = true
}

// await reads from below for the handshake, and waits until there is something. The
// descriptor is not touched once the transport is closed: it may be somebody else's.
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

// advance writes what waits, and returns the error with which the handshake ends, if any.
// mu is held.
func (t *Transport) advance() error {
	if t.closed {
		return net.ErrClosed
	}
	t.flush()
	return t.err
}

// pause waits for readiness, and lets go of the transport's mu. It does so by hand: a
// simulation may end the goroutine in the middle of a wait.
func (s *handshake) pause(t *Transport) {
	s.ready = false
	s.watch(t.out != nil)
	for !s.ready && !t.closed {
		s.wait(&s.turn)
	}
	t.mu.Unlock()
}
