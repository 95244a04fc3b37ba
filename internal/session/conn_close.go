package session

import (
	"errors"

	"github.com/framerail/framerail/frame"
)

// Close begins the closing handshake (RFC 6455 7.1.2): what is pending is sent,
// then a Close frame with the code and a reason of at most 123 bytes of UTF-8, then
// the peer's Close is awaited, at most for the close timeout. Nothing can be sent
// after it; messages that still arrive, or wait for callbacks on goroutines, are
// dropped. The close callback tells how it ended.
//
// A code of 0 or NoStatusReceived sends a Close frame without one. A code that may
// not be sent, or a reason too long or not UTF-8, is an error and nothing is sent.
// On a connection that is closing already, Close fails with ErrClosed.
func (c *Conn) Close(code frame.CloseCode, reason string) error {
	var scratch [frame.MaxControlPayload]byte
	payload, err := frame.AppendClose(scratch[:0], code, reason)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.State() != Open {
		c.mu.Unlock()
		return ErrClosed
	}
	e := c.ending(Local, nil)
	e.drop = true
	c.sendClose(e, wireCode(code), reason, payload)
	c.unlockAndWake()
	return nil
}

// Abort cuts the connection: no Close frame is sent, and nothing is waited for. Messages that
// wait for callbacks on goroutines are dropped. The close callback gets ErrAborted, unless
// something went wrong before. On a closed connection Abort does nothing.
func (c *Conn) Abort() {
	c.mu.Lock()
	if c.State() == Closed {
		c.mu.Unlock()
		return
	}
	e := c.ending(Local, ErrAborted)
	e.abort, e.drop = true, true
	c.setClosing()
	c.unlockAndWake()
}

// failWith fails the connection (RFC 6455 7.1.7). It sends a Close frame with the code, ends the sending
// direction, and drops further input. Events that wait for callbacks are dropped only if drop is set, so
// that slow callbacks get the same events as fast ones. From any goroutine.
func (c *Conn) failWith(code frame.CloseCode, reason string, err error, drop bool) {
	c.mu.Lock()
	if c.State() == Closed {
		c.mu.Unlock()
		return
	}
	e := c.ending(Local, err)
	e.failed = true
	e.drop = e.drop || drop
	if !e.sent {
		var scratch [frame.MaxControlPayload]byte
		payload, _ := frame.AppendClose(scratch[:0], code, reason) // ours can be sent
		c.sendClose(e, code, reason, payload)
	}
	c.unlockAndWake()
}

// failFor is failWith for what the peer sent, which is logged. From any goroutine.
func (c *Conn) failFor(err error) {
	code, reason := frame.InternalError, ""
	if fault := (*frame.Error)(nil); errors.As(err, &fault) {
		code, reason = fault.Code, fault.Rule
	}
	c.config().Logger.Info("framerail: connection failed", "remote", c.RemoteAddr(), "code", uint16(code), "error", err)
	c.failWith(code, reason, err, false)
}

// peerEnded answers the peer's Close frame with one of the same code (RFC 6455
// 5.5.1) or, if err is not nil, notes that the peer's stream has ended without one.
func (c *Conn) peerEnded(err error) {
	c.mu.Lock()
	if c.State() == Closed {
		c.mu.Unlock()
		return
	}
	if err != nil {
		c.ending(Nobody, err).eof = true
		c.setClosing()
	} else {
		e := c.ending(Peer, nil)
		e.received = true
		if !e.sent {
			var scratch [frame.MaxControlPayload]byte
			payload, _ := frame.AppendClose(scratch[:0], e.info.Received, "") // what may come may go
			c.sendClose(e, e.info.Received, "", payload)
		}
	}
	c.unlockAndWake()
}
