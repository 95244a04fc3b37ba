package server

import (
	"io"
	"net/http"
	"time"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// leavingRow is the phase of a connection that was refused, and counted as such, while its
// peer may read the answer.
type leavingRow struct{ *phases }

func (l leavingRow) Ready(t *loop.Tenant, ready poller.Interest) { l.seeOff(tenant(t), ready) }

func (l leavingRow) Late(t *loop.Tenant) {
	if !l.Early(t) {
		l.giveUpLeaving(tenant(t))
	}
}

// dismissed lets the peer read on while the server drains: it has little time anyway.
func (l leavingRow) Dismissed(t *loop.Tenant, c loop.Command) {
	if c == loop.Abort {
		l.drop(tenant(t))
	}
}

func (l leavingRow) Broken(t *loop.Tenant)           { l.drop(tenant(t)) }
func (l leavingRow) Short(t *loop.Tenant)            { l.drop(tenant(t)) }
func (l leavingRow) Step(*loop.Tenant) time.Duration { return loop.StepOf(l.run.handshakeTimeout) }

// errDraining answers requests while the server shuts down.
var errDraining = &handshake.Refusal{
	Status: http.StatusServiceUnavailable,
	Reason: "server is shutting down (RFC 9110 15.6.4)",
	Header: http.Header{"Retry-After": {"1"}},
}

// refuse answers a request and ends the connection, but lets the client read the
// answer: a close with unread bytes would take it back.
func (l *phases) refuse(cl *client, refusal *handshake.Refusal) {
	l.refuseWith(cl, refusal, (*handshake.Refusal).AppendResponse)
}

// refuseRequest is refuse for a request whose method is known.
func (l *phases) refuseRequest(cl *client, req *handshake.Request, refusal *handshake.Refusal) {
	if string(req.Method) == http.MethodHead {
		l.refuseWith(cl, refusal, (*handshake.Refusal).AppendHeadResponse)
		return
	}
	l.refuse(cl, refusal)
}

func (l *phases) refuseWith(cl *client, refusal *handshake.Refusal, answer func(*handshake.Refusal, []byte, time.Time) []byte) {
	refusal = l.run.sendable(cl.RemoteAddr(), refusal)
	l.run.logRefusal(cl.RemoteAddr(), refusal)
	l.run.refuse(reasonOf(refusal))
	cl.releaseHead()
	cl.Enter(phaseLeaving)
	l.say(cl, answer(refusal, l.greeter.out[:0], l.run.kernel.Now()))
}

// say sends a client the last it will hear. What the socket does not take at once
// it gets within the time it had for its request.
func (l *phases) say(cl *client, answer []byte) {
	n, ok := l.write(cl, answer)
	if !ok {
		return
	}
	if n == len(answer) && !cl.holds() {
		l.linger(cl)
		return
	}
	if !l.mayHold(cl, 0, len(answer)-n) {
		l.drop(cl)
		return
	}
	cl.head = &partial{buf: l.greeter.heads.Get(len(answer) - n)}
	cl.head.buf.B = append(cl.head.buf.B, answer[n:]...)
	l.Allow(&cl.Tenant, l.run.handshakeTimeout)
	l.watch(cl, poller.Read|poller.Write)
}

// holds tells whether the client's transport holds bytes back.
func (cl *client) holds() bool {
	t := cl.tls()
	return t != nil && t.Held() > 0
}

// write writes to a client that is no connection, and drops it if that fails.
func (l *phases) write(cl *client, b []byte) (n int, ok bool) {
	g := &l.greeter
	g.vec[0] = b
	n, err := cl.Below().Write(g.vec[:])
	g.vec[0] = nil
	if err != nil && err != transport.ErrWouldBlock {
		l.drop(cl)
		return n, false
	}
	return n, true
}

// linger waits for a client to leave that has been sent all of its answer.
func (l *phases) linger(cl *client) {
	if err := cl.Below().CloseWrite(); err != nil {
		l.drop(cl) // of a TLS alert that does not fit, too: all that matters has gone
		return
	}
	l.Allow(&cl.Tenant, lingerTimeout)
	if cl.head != nil {
		cl.releaseHead()
		l.watch(cl, poller.Read)
	}
}

// watch sets what the poller is to tell of a client that is no connection, and drops it
// if that fails.
func (l *phases) watch(cl *client, i poller.Interest) (ok bool) {
	if err := l.WaitFor(&cl.Tenant, i); err != nil {
		l.drop(cl)
		return false
	}
	return true
}

// seeOff continues to write a refusal, and to discard input.
func (l *phases) seeOff(cl *client, ready poller.Interest) {
	if p := cl.head; p != nil && ready&poller.Write != 0 {
		n, ok := l.write(cl, p.buf.B[p.sent:])
		if !ok {
			return
		}
		if p.sent += n; p.sent == len(p.buf.B) && !cl.holds() {
			l.linger(cl)
			return
		}
	}
	if ready&poller.Read == 0 {
		return
	}
	switch _, err := cl.Below().Read(l.greeter.in); {
	case err == nil, err == transport.ErrWouldBlock, err == transport.ErrHeld:
	case (err == io.EOF || err == transport.ErrTruncated) && cl.head != nil:
		l.watch(cl, poller.Write) // it has no more to say, but may still listen
	default:
		l.drop(cl)
	}
}

// giveUpLeaving drops a client that was refused and has not left in time: it may have made
// room for the rest of its answer.
func (l *phases) giveUpLeaving(cl *client) {
	telling := cl.head != nil
	if l.seeOff(cl, poller.Read|poller.Write); l.IsGone(&cl.Tenant) || telling && cl.head == nil {
		return // it has another while to read it
	}
	l.dropWithin(cl, 0)
}
