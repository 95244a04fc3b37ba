package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// Upgrade turns the request of a net/http handler into a WebSocket connection on an event loop. The
// handler may belong to any router over net/http.
//
// The request must meet all the rules of the server's own handshakes, limits and Check included. Only
// Path, HandshakesPerSecond and the size of the request's head do not apply: the program's mux and the
// http.Server decide those. The answer has the header fields that were set on w, except the
// handshake's own and those that frame a body.
//
// When Upgrade returns nil, the connection belongs to an event loop, as if the server had accepted it.
// net/http has nothing of it any more: the http.Server's ReadTimeout and WriteTimeout have no effect on it.
// The handler must then return without touching w.
//
// open runs in place of OnConnection, where Dispatch says. If open is nil, OnConnection runs. open may
// run after the handler has returned, when net/http has ended r's context, and routers such as chi, gin
// and echo have taken theirs back. So read before Upgrade what open needs of a context, such as the user
// that middleware has found. open may read the rest of r, such as its URL and [http.Request.PathValue],
// but not its Body. Limits that open sets hold from the first message on. [conn.Conn.Request] returns a copy of r with an empty context. Bytes that net/http
// has read behind the request are kept and come first.
//
// If Upgrade returns an error, the client has its answer already, if that was possible, and the Logger has
// a line. So a program may ignore the error. It is an *UpgradeError. After Shutdown or Close it matches
// ErrServerClosed, and may not be in the log.
//
// Over HTTP/2 a handshake is an extended CONNECT (RFC 8441), which net/http accepts only if the program imports
// package xconnect, or was started with GODEBUG=http2xconnect=1 in its environment. The connection is a stream then, which net/http ends when
// the handler returns. So Upgrade returns when the connection has ended, and after OnClose. OnClose must not wait for
// [http.Server.Shutdown], which waits for the handler. Upgrade does not work inside
// middleware that compresses the answer, since that would write behind the last frame. The client gets 500. All else is the same. See
// HTTP/2 in the package's documentation.
//
// Over HTTP/1.1 w must allow Hijack, by itself or through its Unwrap method, as for [http.ResponseController]. The
// writers of [http.TimeoutHandler] and of httptest's ResponseRecorder do not, and the client gets 500.
//
// The first Upgrade starts the loops of a server that does not serve yet. Shutdown and Close end these
// connections like all others. [http.Server.Shutdown] leaves them alone.
//
// The client's address is r.RemoteAddr, which middleware may have set. The limits by address use it. If it
// is an address of Proxies.Forwarded, the client's address is the one that the proxy gives. On a
// connection of the server's own Handler Proxies alone decides.
//
// Some connections move to the loop whole: a *net.TCPConn, a *net.UnixConn, these from a ProxyListener,
// those of the server's own Handler, with TLS too, and a *tls.Conn of an http.Server on an
// UpgradeListener. Any other connection stays as it is, such as a *tls.Conn without UpgradeListener.
// It is relayed: a goroutine carries its bytes to the loop, and a second one carries bytes back while there
// are any. Callbacks, limits and Shutdown are the same.
// Only [conn.ErrTruncated] differs: crypto/tls reports a stream that was cut within a record, but not one
// that was cut between two.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, open func(*conn.Conn)) error {
	return s.upgrade(w, r, open, "")
}

// upgrade is Upgrade, on one path only if that is not "".
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, open func(*conn.Conn), path string) error {
	run, err := s.runUpgrades()
	if nethttp.HasAnswered(w) {
		return run.tooLate(r)
	}
	if err != nil {
		refusal := handshake.ErrInternal
		if err == ErrServerClosed {
			refusal = phase.ErrDraining
		} else {
			logUnstarted(s, err)
		}
		nethttp.Answer(w, refusal)
		return upgradeError(refusal, err)
	}
	a, https, leave := run.connOf(r)
	taken := false
	defer func() {
		if !taken {
			leave()
		}
	}()
	opening, header, refusal := run.decideHTTP(a, https, w, r, path)
	if refusal != nil {
		refusal = run.sendable(a.Remote, refusal)
		nethttp.Answer(w, refusal)
		return run.refuseHTTP(a.Remote, refusal, refusal)
	}
	opening.Callback = callbacks.OnConn(open)
	a.Opening = &opening
	if header != nil {
		taken, err = run.upgradeStream(a, w, r, header)
	} else {
		taken, err = run.upgradeConn(a, w)
	}
	return err
}

// upgradeConn is the end of Upgrade for a connection of HTTP/1.1. The caller counts the connection if it is not taken.
func (r *running) upgradeConn(a gate.Accepted, w http.ResponseWriter) (taken bool, err error) {
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		nethttp.Answer(w, handshake.ErrInternal)
		return false, r.refuseHTTP(a.Remote, handshake.ErrInternal, nethttp.CannotTake(w, err))
	}
	if n := buffered.Reader.Buffered(); n > 0 {
		b, _ := buffered.Reader.Peek(n) // no more than there is
		a.Opening.Rest = bytes.Clone(b)
	}
	if err := r.nethttp.Take(nc, &a, a.Opening); err != nil {
		refusal := handshake.Unavailable(1)
		nethttp.AnswerRaw(nc, refusal)
		return false, r.refuseHTTP(a.Remote, refusal, err)
	}
	return true, r.deliver(a)
}

// deliver gives a loop a connection that has left net/http.
func (r *running) deliver(a gate.Accepted) error {
	if !r.leastLoaded().Deliver(a) { // which has answered and counted it
		r.logRefusal(a.Remote, phase.ErrDraining)
		return upgradeError(phase.ErrDraining, ErrServerClosed)
	}
	return nil
}

// UpgradeError is the error of a request that did not become a WebSocket.
type UpgradeError struct {
	// Status is the HTTP status of the answer; 0 if Upgrade has written none.
	Status int
	// Reason is the reason under which Stats counts it.
	Reason Reason
	// Err is the rule that the request breaks, the error of Check, or the failure.
	Err error
}

// Error returns the status of the answer and the reason.
func (e *UpgradeError) Error() string {
	why := strings.TrimPrefix(e.Err.Error(), "framerail: ")
	if refusal, ok := e.Err.(*handshake.Refusal); ok {
		why = refusal.Reason
	}
	if e.Status == 0 {
		return "framerail: " + why
	}
	return fmt.Sprintf("framerail: upgrade answered with %d: %s", e.Status, why)
}

// Unwrap gives Err.
func (e *UpgradeError) Unwrap() error { return e.Err }

func upgradeError(refusal *handshake.Refusal, err error) *UpgradeError {
	switch {
	case refusal == phase.ErrDraining:
		err = ErrServerClosed
	case err == error(refusal) && refusal.Cause != nil:
		err = refusal.Cause
	}
	return &UpgradeError{Status: refusal.Status, Reason: reasonOf(refusal), Err: err}
}

// errSimulated is what Upgrade fails with on a simulated machine.
var errSimulated = errors.New("framerail: on a simulated machine there is no net/http")

// runUpgrades is the server's loops, which it starts if need be.
func (s *Server) runUpgrades() (*running, error) {
	if err := s.mayServe(platform.Real{}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, ErrServerClosed
	}
	if s.run == nil {
		run, err := s.start(platform.Real{})
		if err != nil {
			return nil, err
		}
		s.run = run
	}
	if s.run.platform.Simulated() {
		return nil, errSimulated
	}
	return s.run, nil
}

// decideHTTP judges a request that net/http has read. Over HTTP/2 it returns the header of the answer. Otherwise the
// answer is in the opening.
func (r *running) decideHTTP(a gate.Accepted, https bool, w http.ResponseWriter, hr *http.Request, path string) (o session.Opening, header http.Header, refusal *handshake.Refusal) {
	var req handshake.Request
	if err := handshake.ParseHTTP(hr, &req); err != nil {
		return o, nil, handshake.RefusalOf(err)
	}
	if excess := phase.Excess(a.Ticket, &r.budget); excess != nil {
		return o, nil, excess
	}
	from := candidate{
		remote: a.Remote, secure: https || hr.TLS != nil, path: path,
		http: hr, peer: nethttp.PeerOf(hr), header: handshake.OwnHeader(w.Header()),
	}
	o, h, refusal := r.judge.decide(&req, from)
	if h != nil && refusal == nil {
		refusal = r.askHandler(h)
	}
	switch {
	case refusal != nil:
	case req.IsStream():
		header, refusal = r.judge.acceptStream(&req, from, h, &o)
	default:
		refusal = r.judge.accept(&req, from, h, &o, nil)
	}
	if refusal == nil {
		o.Request = hr.Clone(context.Background())
		o.Request.Body = http.NoBody
	}
	return o, header, refusal
}

// refuseHTTP counts and logs a request that was refused, and is the error that says so.
func (r *running) refuseHTTP(remote netip.AddrPort, refusal *handshake.Refusal, err error) error {
	r.leastLoaded().Counters.Accepted.Add(1)
	r.refuse(reasonOf(refusal))
	if err == error(refusal) {
		r.logRefusal(remote, refusal)
	} else {
		r.logger.Error("framerail: cannot upgrade a request of net/http's", "remote", remote, "error", err)
	}
	return upgradeError(refusal, err)
}

// connOf is a request's connection as the loop will get it, without its socket, and
// whether a proxy says that the client has come by https. It has been counted, which leave
// takes back if it does not get so far.
func (r *running) connOf(hr *http.Request) (a gate.Accepted, https bool, leave func()) {
	handed := nethttp.Of(hr)
	if handed == nil || handed.Host != r.nethttp {
		a.Remote, https = r.proxies.clientOfHTTP(hr, nethttp.RemoteOf(hr))
		a.Ticket = r.gate.Enter(r.proxies.own(a.Remote.Addr(), isUnixHTTP(hr), false))
		return a, https, func() { r.gate.Leave(a.Remote.Addr(), a.Ticket) }
	}

	// It was counted all along, but not by an address that a proxy tells with each request.
	a.Remote, https = r.proxies.clientOfHTTP(hr, handed.Remote)
	a.Ticket = handed.Ticket
	if a.Remote == handed.Remote {
		return a, https, func() {}
	}
	a.Ticket = r.gate.Place(r.proxies.own(a.Remote.Addr(), false, false), handed.Ticket)
	return a, https, func() { r.gate.Displace(a.Remote.Addr(), a.Ticket) }
}
