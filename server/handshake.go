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
	"github.com/framerail/framerail/internal/session"
)

// Handshake is an opening handshake that waits for the program's decision (RFC 6455 4.2.2). It is valid
// until the Check callback returns.
type Handshake struct {
	// Request is the client's request: path, query, headers, cookies, address. It has no body. The
	// program may keep it. In Server.Upgrade it is the handler's own, with another context. With
	// CheckDispatch [conn.OnGoroutines] its context ends when CheckTimeout is over, when the
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

// candidate is a client that asks for a connection.
type candidate struct {
	remote netip.AddrPort
	secure bool   // it came over TLS
	path   string // the only path for it, "" for any
	// One of the two is set: the client as a loop sees it, or what net/http has made of
	// its request, and the fields that its handler has set for the answer.
	cl     *tenant
	http   *http.Request
	peer   netip.AddrPort
	header http.Header
}

// peerAddr is the address of the socket's other end.
func (a *candidate) peerAddr() netip.AddrPort {
	if a.http != nil {
		return a.peer
	}
	return a.cl.PeerAddr()
}

// request is the one that the program is shown.
func (a *candidate) request(req *handshake.Request) *http.Request {
	if a.http != nil {
		return a.http
	}
	r := req.HTTP(addrString(a.remote))
	r.TLS = a.cl.TLS()
	return r
}

// judge decides on a request as far as the server can: what is left is for the program to
// say, about h, unless that is nil. The refusal is the answer that does not accept.
func (r *running) judge(req *handshake.Request, from candidate) (o session.Opening, h *Handshake, refusal *handshake.Refusal) {
	if from.path != "" && string(req.Path) != from.path {
		return o, nil, handshake.ExplainPath(from.path)
	}
	if err := req.Verify(); err != nil {
		return o, nil, asRefusal(err)
	}
	if err := handshake.CheckOrigin(req.Origin, req.Host, from.secure, r.originPatterns); err != nil {
		return o, nil, asRefusal(handshake.ExplainOrigin(err, req.Origin, req.Host, r.originPatterns))
	}
	o.Deflate = r.deflate.negotiate(req)
	o.Subprotocol = req.SelectSubprotocol(r.subprotocols)
	if o.Subprotocol == "" && r.noSubprotocol != nil {
		return o, nil, r.noSubprotocol
	}
	if r.check != nil {
		h = &Handshake{
			Request: from.request(req), Subprotocol: o.Subprotocol, Header: make(http.Header),
			RemoteAddr: from.remote, PeerAddr: from.peerAddr(),
		}
		if o.Deflate != nil {
			shown := *o.Deflate
			h.Deflate = &shown
		}
	}
	return o, h, nil
}

// accept appends the answer that accepts a request to dst, with what the program has made
// of h, unless that is nil.
func (r *running) accept(req *handshake.Request, from candidate, h *Handshake, o *session.Opening, dst []byte) *handshake.Refusal {
	answer := handshake.Response{Header: from.header}
	if h != nil {
		o.Subprotocol, o.Value, o.Limits = h.Subprotocol, h.Value, session.Limits(h.Limits)
		answer.Header = merged(from.header, h.Header)
		if h.Deflate == nil {
			o.Deflate = nil
		} else if o.Deflate != nil {
			// RFC 7692 7.1.1.2: a server may answer it or not, whatever was offered.
			o.Deflate.ClientNoContextTakeover = h.Deflate.ClientNoContextTakeover
		}
	}
	if answer.Subprotocol = o.Subprotocol; answer.Subprotocol == "" && r.noSubprotocol != nil {
		return r.noSubprotocol
	}
	if o.Deflate != nil {
		answer.Extensions = o.Deflate.String()
	}
	resp, err := handshake.AppendResponse(dst, req, answer)
	if err == nil {
		err = o.Limits.Validate()
	}
	if err != nil {
		r.logger.Error("framerail: handshake answer of the program cannot be sent", "remote", from.remote, "error", err)
		return handshake.ErrInternal
	}
	o.Response = resp
	return nil
}

// merged is a header with the fields of another, which stand in place of its own.
func merged(h, over http.Header) http.Header {
	if len(h) == 0 {
		return over
	}
	for name, values := range over {
		h[name] = values
	}
	return h
}

// askProgram calls the check hook, and contains a panic in it.
func (r *running) askProgram(h *Handshake) (refusal *handshake.Refusal) {
	defer func() {
		if p := recover(); p != nil {
			r.panicked("Check", p)
			refusal = handshake.ErrInternal
		}
	}()
	if err := r.check(h); err != nil {
		return programsRefusal(err)
	}
	return nil
}

func asRefusal(err error) *handshake.Refusal {
	var refusal *handshake.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return handshake.ErrInternal
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
