package platform

import (
	"errors"
	"net"
	"time"

	"github.com/framerail/framerail/internal/relay"
)

// NoSockets is a Sockets whose methods fail or have no effect. A platform embeds it and implements the
// methods that it has.
type NoSockets struct{}

var _ Sockets = NoSockets{}

// SetNoDelay and the other Options have no effect.
func (NoSockets) SetNoDelay(int, bool) error { return nil }

// SetKeepAlive implements Options.
func (NoSockets) SetKeepAlive(int, net.KeepAliveConfig) error { return nil }

// SetUserTimeout implements Options.
func (NoSockets) SetUserTimeout(int, time.Duration) error { return nil }

// SetReceiveBuffer implements Options.
func (NoSockets) SetReceiveBuffer(int, int) error { return nil }

// SetSendBuffer implements Options.
func (NoSockets) SetSendBuffer(int, int) error { return nil }

// SetDeferAccept implements Options.
func (NoSockets) SetDeferAccept(int, time.Duration) error { return nil }

// Limit implements Sockets: it is not known.
func (NoSockets) Limit() (int, bool) { return 0, false }

// Listen fails, as the methods below do.
func (NoSockets) Listen(net.Listener) (Listener, error) { return nil, errors.ErrUnsupported }

// Take implements Sockets.
func (NoSockets) Take(net.Conn) (Accepted, error) { return Accepted{}, errors.ErrUnsupported }

// Relay implements Sockets.
func (NoSockets) Relay(nc, bottom net.Conn) Accepted { return relayed(relay.New(nc, bottom)) }

// Lend implements Sockets.
func (NoSockets) Lend(int) (net.Conn, error) { return nil, errors.ErrUnsupported }

// IsLent implements Sockets.
func (NoSockets) IsLent(net.Conn) bool { return false }

// WriteNow implements Sockets.
func (NoSockets) WriteNow(net.Conn, []byte) (int, error) { return 0, errors.ErrUnsupported }
