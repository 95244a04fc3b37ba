package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// hidden is the connection of an answer that cannot move to a loop, and is relayed. It reads and writes the
// answer's body. If nothing else is known, its deadlines work as far as package relay needs them: one for
// writing closes it.
type hidden struct {
	io.ReadWriteCloser
	known net.Conn // the connection below the body; nil if it is not known

	mu   sync.Mutex
	late *time.Timer // guarded by mu: closes it; nil for none
}

// hiddenTLS is a hidden connection over TLS.
type hiddenTLS struct {
	*hidden
	state tls.ConnectionState
}

// ConnectionState is that of the handshake.
func (h *hiddenTLS) ConnectionState() tls.ConnectionState { return h.state }

// hide returns a net.Conn over the body of an answer.
func hide(body io.ReadWriteCloser, known net.Conn, state *tls.ConnectionState) net.Conn {
	h := &hidden{ReadWriteCloser: body, known: known}
	if state != nil {
		return &hiddenTLS{h, *state}
	}
	return h
}

// Close closes the connection.
func (h *hidden) Close() error {
	if h.known == nil {
		_ = h.SetWriteDeadline(time.Time{})
	}
	return h.ReadWriteCloser.Close()
}

// NetConn is the connection below, so that unsent bytes that the system holds can be discarded; nil if it is not known.
func (h *hidden) NetConn() net.Conn { return h.known }

// LocalAddr is this side's address, if it is known.
func (h *hidden) LocalAddr() net.Addr {
	if h.known == nil {
		return unknownAddr{}
	}
	return h.known.LocalAddr()
}

// RemoteAddr is the server's address, or a proxy's, if it is known.
func (h *hidden) RemoteAddr() net.Addr {
	if h.known == nil {
		return unknownAddr{}
	}
	return h.known.RemoteAddr()
}

// SetDeadline sets both deadlines.
func (h *hidden) SetDeadline(t time.Time) error {
	_ = h.SetReadDeadline(t)
	return h.SetWriteDeadline(t)
}

// SetReadDeadline does nothing if the connection is not known: reading ends when it is closed.
func (h *hidden) SetReadDeadline(t time.Time) error {
	if h.known != nil {
		return h.known.SetReadDeadline(t)
	}
	return nil
}

// CloseWrite ends the sending direction, if the connection can.
func (h *hidden) CloseWrite() error {
	if half, ok := h.known.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetWriteDeadline has the connection closed at that time, if it is not known.
func (h *hidden) SetWriteDeadline(t time.Time) error {
	if h.known != nil {
		return h.known.SetWriteDeadline(t)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.late != nil {
		h.late.Stop()
		h.late = nil
	}
	if !t.IsZero() {
		h.late = time.AfterFunc(time.Until(t), func() { _ = h.ReadWriteCloser.Close() })
	}
	return nil
}

// unknownAddr is an address that is hidden.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "unknown" }
func (unknownAddr) String() string  { return "unknown" }
