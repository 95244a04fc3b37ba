package phase

import (
	"io"
	"net/http"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// leaving is the phase of a connection that was refused and counted. Its peer may still read the
// answer.
type leaving struct{ *Table }

func (l *leaving) Ready(t *loop.Tenant, ready poller.Interest) { l.goOn(tenantOf(t), ready) }

func (l *leaving) Late(t *loop.Tenant) {
	if !l.Early(t) {
		l.timedOut(tenantOf(t))
	}
}

// Commanded implements loop.Row. The peer may read on while the server drains: its time is short anyway.
func (l *leaving) Commanded(t *loop.Tenant, c loop.Command) {
	if c == loop.Abort {
		l.drop(tenantOf(t))
	}
}

func (l *leaving) Broken(t *loop.Tenant)           { l.drop(tenantOf(t)) }
func (l *leaving) Short(t *loop.Tenant)            { l.dropForMemory(tenantOf(t)) }
func (l *leaving) Step(*loop.Tenant) time.Duration { return loop.StepOf(l.HandshakeTimeout) }

// ErrDraining answers requests while the server shuts down.
var ErrDraining = &handshake.Refusal{
	Status: http.StatusServiceUnavailable,
	Reason: "server is shutting down (RFC 9110 15.6.4)",
	Header: http.Header{"Retry-After": {"1"}},
}

// refuse answers a request and ends the connection. It does not close the socket at once: a close
// with unread bytes would take the answer back.
func (l *Table) refuse(cl *Tenant, refusal *handshake.Refusal) {
	l.refuseWith(cl, refusal, (*handshake.Refusal).AppendResponse)
}

// refuseRequest is refuse for a request whose method is known.
func (l *Table) refuseRequest(cl *Tenant, req *handshake.Request, refusal *handshake.Refusal) {
	if string(req.Method) == http.MethodHead {
		l.refuseWith(cl, refusal, (*handshake.Refusal).AppendHeadResponse)
		return
	}
	l.refuse(cl, refusal)
}

func (l *Table) refuseWith(cl *Tenant, refusal *handshake.Refusal, answer func(*handshake.Refusal, []byte, time.Time) []byte) {
	refusal = l.Report.Answered(cl.RemoteAddr(), refusal)
	cl.releaseHead()
	cl.Enter(Leaving)
	l.sendLast(cl, answer(refusal, l.reader.out[:0], l.Platform.Now()))
}

// sendLast sends a client its last bytes. What the socket does not take at once is sent later, for as
// long as the client had for its request.
func (l *Table) sendLast(cl *Tenant, answer []byte) {
	n, ok := l.write(cl, answer)
	if !ok {
		return
	}
	if n == len(answer) && !cl.holds() {
		l.linger(cl)
		return
	}
	if !l.mayHold(cl, buffer.LentTo(cl.Below()), len(answer)-n) { // the transport has a part of it already
		l.drop(cl)
		return
	}
	cl.head = &partial{buf: l.reader.heads.Get(len(answer) - n)}
	cl.head.buf.B = append(cl.head.buf.B, answer[n:]...)
	l.Allow(&cl.Tenant, l.HandshakeTimeout)
	l.watch(cl, poller.Read|poller.Write)
}

// write writes to a client before its connection is open, and drops the client if that fails.
func (l *Table) write(cl *Tenant, b []byte) (n int, ok bool) {
	g := &l.reader
	g.vec[0] = b
	n, err := cl.Below().Write(g.vec[:])
	g.vec[0] = nil
	if err != nil && err != transport.ErrWouldBlock {
		l.drop(cl)
		return n, false
	}
	return n, true
}

// linger waits until a client leaves that has its whole answer.
func (l *Table) linger(cl *Tenant) {
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

// watch sets what the poller reports of a client before its connection is open, and drops the client
// if that fails.
func (l *Table) watch(cl *Tenant, i poller.Interest) (ok bool) {
	if err := l.WaitFor(&cl.Tenant, i); err != nil {
		l.drop(cl)
		return false
	}
	return true
}

// goOn continues to write a refusal, and to discard input.
func (l *leaving) goOn(cl *Tenant, ready poller.Interest) {
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
	switch _, err := cl.Below().Read(l.reader.in); {
	case err == nil, err == transport.ErrWouldBlock, err == transport.ErrHeld:
	case (err == io.EOF || err == transport.ErrTruncated) && cl.head != nil:
		l.watch(cl, poller.Write) // it has no more to say, but may still listen
	default:
		l.drop(cl)
	}
}

// timedOut drops a client that was refused and has not left in time. It tries once more to send the
// rest of the answer.
func (l *leaving) timedOut(cl *Tenant) {
	telling := cl.head != nil
	if l.goOn(cl, poller.Read|poller.Write); l.IsGone(&cl.Tenant) || telling && cl.head == nil {
		return // it has another while to read it
	}
	l.dropWithin(cl, 0)
}

// drop closes a client whose connection was never open.
func (l *Table) drop(cl *Tenant) { l.dropWithin(cl, l.Session.CloseTimeout) }

// dropForMemory is drop for the memory that a client holds. What its transport has is given back at once, though its
// peer has not read all of it.
func (l *Table) dropForMemory(cl *Tenant) {
	if buffer.LentTo(cl.Below()) > 0 {
		l.dropWithin(cl, 0)
		return
	}
	l.drop(cl)
}

// dropWithin is drop. The system has so much time for the bytes that it has not sent yet.
func (l *Table) dropWithin(cl *Tenant, patience time.Duration) {
	l.checks.cancel(cl, gate.ErrStopped)
	cl.releaseHead()
	l.Forget(&cl.Tenant)
	_ = transport.Cut(cl.Below(), patience)
}
