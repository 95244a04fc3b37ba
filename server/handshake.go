package server

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/handshake"
)

// Handshake is an opening handshake that waits for the program's decision (RFC 6455 4.2.2). It is valid
// until the Check callback returns.
type Handshake struct {
	// Request is the client's request: path, query, headers, cookies, address. It has no body. The
	// program may keep it. In Server.Upgrade it is the handler's own, and its context has the
	// values that middleware has set. The context of [conn.Conn.Request] has none. With
	// CheckDispatch [conn.OnGoroutines] the context ends when CheckTimeout is over, when the
	// client has left, two seconds after Shutdown, at Close, or when Check has returned.
	Request *http.Request
	// RemoteAddr is the client's address, as in [conn.Conn.RemoteAddr] later. PeerAddr is the
	// address of the socket's other end: the proxy's, if there is one. In Server.Upgrade PeerAddr
	// is the original Request.RemoteAddr.
	RemoteAddr, PeerAddr netip.AddrPort
	// Subprotocol is the subprotocol to agree on. At first it is the server's best that the client
	// offered, or "". Check may change it to another one that was offered, or to "". If it was not
	// offered, the client gets 500 and the log a line.
	Subprotocol string
	// Deflate is the agreement on compression. It is nil if there is none, also if the client offered
	// nothing that Server.Deflate accepts. Check may set it to nil, or change its
	// ClientNoContextTakeover, for clients that would fail otherwise: see [Deflate]. Nothing else
	// in it can be changed.
	Deflate *deflate.Params
	// Header is sent with the answer. It is empty at first, and not nil. With one of the
	// handshake's own fields, or a value with CR, LF or NUL, the client gets 500 and the log a
	// line.
	Header http.Header
	// Limits are the connection's limits, in place of the server's. A zero field means the
	// server's limit. With an impossible one the client gets 500 and the log a line.
	// [conn.Conn.SetLimits] changes them later.
	Limits conn.Limits
	// Value is for what Check finds out about the client, such as a user: the connection's
	// [conn.Conn.Value] from OnConnection on.
	Value any
}

// Refusal is an error of Check that decides the answer.
type Refusal struct {
	// Status is the HTTP status, 300 to 599 but not 304. 0: 403.
	Status int
	// Body is sent unchanged, as text unless Header has a Content-Type. Empty: one line with the
	// status. A client has HandshakeTimeout to read it.
	Body string
	// Header is sent with the answer. If it has CR, LF or NUL, the client gets 500 and the log a
	// line.
	Header http.Header
}

// Error is the status in words.
func (r *Refusal) Error() string {
	return "framerail: handshake refused: " + r.reason()
}

// reason is the status in words.
func (r *Refusal) reason() string {
	return cmp.Or(http.StatusText(r.status()), fmt.Sprintf("status %d", r.status()))
}

func (r *Refusal) status() int {
	if r == nil || r.Status == 0 {
		return http.StatusForbidden
	}
	return r.Status
}

// programsRefusal is the answer that an error of the check hook asks for.
func programsRefusal(err error) *handshake.Refusal {
	var own *Refusal
	if !errors.As(err, &own) || own == nil {
		forbidden := handshake.ErrForbidden
		return &handshake.Refusal{Status: forbidden.Status, Reason: forbidden.Reason, Cause: err}
	}
	return &handshake.Refusal{
		Status: own.status(),
		Reason: own.reason(),
		Body:   own.Body,
		Header: own.Header,
		Cause:  err,
	}
}

// addrString is an address as net/http gives it; "" for none.
func addrString(addr netip.AddrPort) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// httpRequest makes the request from the head of a handshake that was accepted.
func httpRequest(head []byte, remote netip.AddrPort) *http.Request {
	var req handshake.Request
	if err := handshake.Parse(head, &req); err != nil {
		return nil
	}
	return req.HTTP(addrString(remote))
}
