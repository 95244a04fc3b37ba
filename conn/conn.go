package conn

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"

	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/session"
)

// Conn is one WebSocket connection. A server or a client makes it and passes it to every
// callback.
//
// All methods may be called from any goroutine, callbacks included. None of them blocks,
// except SendWait, Receive and a loop over Messages, and none calls a callback. A program may keep a Conn for as long as it likes: on a closed
// connection the methods that send return [ErrClosed].
type Conn session.Conn

// State returns the connection's current state.
func (c *Conn) State() State { return State((*session.Conn)(c).State()) }

// RemoteAddr returns the client's address. An IPv4 address is never in its IPv4-mapped form.
//
// For a client behind a trusted proxy it is the address that the proxy reported, with port 0
// if the proxy reported none. It is the zero AddrPort over a unix socket. It stays available
// after the connection is closed.
func (c *Conn) RemoteAddr() netip.AddrPort { return (*session.Conn)(c).RemoteAddr() }

// PeerAddr returns the address of the other end of the socket. It differs from RemoteAddr for
// a client behind a trusted proxy, where it is the proxy's. It is the zero AddrPort over a
// unix socket, and after the connection is closed.
func (c *Conn) PeerAddr() netip.AddrPort { return (*session.Conn)(c).PeerAddr() }

// LocalAddr returns this side's address. It is the zero AddrPort over a unix socket, and
// after the connection is closed.
func (c *Conn) LocalAddr() netip.AddrPort { return (*session.Conn)(c).LocalAddr() }

// TLS returns the state of the TLS connection: version, server name, client certificates. It
// returns nil if the connection does not use TLS. Each call makes a new value. It stays
// available after the connection is closed.
func (c *Conn) TLS() *tls.ConnectionState { return (*session.Conn)(c).TLS() }

// Subprotocol returns the subprotocol agreed on in the opening handshake, or "" if there is
// none (RFC 6455 1.9).
func (c *Conn) Subprotocol() string { return (*session.Conn)(c).Subprotocol() }

// Deflate returns the parameters of permessage-deflate that the opening handshake agreed on;
// ok is false if it did not agree on the extension (RFC 7692 7.1). A window that was not
// named counts as 15 bits.
func (c *Conn) Deflate() (p deflate.Params, ok bool) { return (*session.Conn)(c).Deflate() }

// Request returns the request of the opening handshake: path, query, headers, cookies.
//
// An idle connection stays small, so the request is not kept by default. The first call must
// be made in OnConnection, where ok is always true. That call keeps the request, and later
// calls return it too. Otherwise r is nil and ok is false. To keep only some part of the
// request, copy it and use SetValue. On a server the request's context is empty, also after
// Upgrade.
func (c *Conn) Request() (r *http.Request, ok bool) { return (*session.Conn)(c).Request() }

// SetValue stores a value of the program's with the connection. It replaces an earlier one.
func (c *Conn) SetValue(v any) { (*session.Conn)(c).SetValue(v) }

// Value returns what SetValue stored last. Before the first SetValue it is the field Value of
// server.Handshake, as Check set it, or nil.
func (c *Conn) Value() any { return (*session.Conn)(c).Value() }

// Context returns a context that ends with the connection. Use it for work that is done for
// this client alone, such as a database query.
//
// The context is done when the socket is closed, before the close callback runs. It is also
// done as soon as the client's stream ends without a Close frame, even if callbacks are still
// running. A Close frame from the client does not end it by itself, since earlier messages are
// answered first. [context.Cause] returns the Err of the [CloseInfo], or ErrClosed if that is
// nil.
//
// The first call makes the context, and later calls return the same one. It takes no
// goroutine. For a closed connection it is already done.
func (c *Conn) Context() context.Context { return (*session.Conn)(c).Context() }
