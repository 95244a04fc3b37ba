package server

import (
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// requestReader is what a loop needs for opening handshakes: most requests come in one
// piece, and are read, judged and answered in these buffers.
type requestReader struct {
	in    []byte
	out   []byte
	vec   [1][]byte // what Write is given
	req   handshake.Request
	heads buffer.Pool
}

func (g *requestReader) init() {
	g.in = make([]byte, scratchSize)
	g.out = make([]byte, 0, 1<<10)
}

// partial is a request or a PROXY header that comes in pieces, or a refusal that goes in
// pieces.
type partial struct {
	buf  *buffer.Buffer
	scan handshake.Scanner
	sent int // bytes of a refusal

	check *check // of a request that is whole; nil for none
}

// requests is the phase in which the request arrives.
type requests struct{ unopenedRow }

// Ready implements loop.Row, as the next three do.
func (l *requests) Ready(t *loop.Tenant, _ poller.Interest) { l.read(tenantOf(t)) }

func (l *requests) Late(t *loop.Tenant) {
	if !l.Early(t) {
		l.timedOut(tenantOf(t))
	}
}

// Broken answers a request whose Check, on the loop, has ended its goroutine.
func (l *requests) Broken(t *loop.Tenant) {
	l.run.panicked("Check", "runtime.Goexit")
	l.refuse(tenantOf(t), handshake.ErrInternal)
}

func (l *requests) Short(t *loop.Tenant) { l.refuse(tenantOf(t), errNoMemory) }

func (cl *tenant) releaseHead() {
	if cl.head != nil {
		cl.head.buf.Release()
		cl.head = nil
	}
}

// read reads on in a client's request.
func (l *requests) read(cl *tenant) {
	// A longer head may be at hand where no poller sees it.
	for l.readOnce(cl) && cl.isSecure() {
	}
}

// readOnce reads once, and tells whether there may be more of the request.
func (l *requests) readOnce(cl *tenant) (more bool) {
	g := &l.reader
	n, err := cl.Below().Read(g.in)
	switch {
	case n > 0: // an error will be there again
	case err == transport.ErrWouldBlock || err == transport.ErrHeld:
		return false
	default:
		l.run.refuse(ReasonLeft)
		l.drop(cl) // it left before it had asked
		return false
	}
	l.take(cl, g.in[:n])
	return n == len(g.in) && cl.Phase() == phaseRequest && !l.IsGone(&cl.Tenant)
}

// take takes in what has come of a client's request.
func (l *requests) take(cl *tenant, head []byte) {
	g := &l.reader
	var first handshake.Scanner
	scan := &first
	if p := cl.head; p != nil {
		if !l.mayHold(cl, cap(p.buf.B), len(p.buf.B)+len(head)) {
			l.refuse(cl, errNoMemory)
			return
		}
		p.add(&g.heads, head)
		head, scan = p.buf.B, &p.scan
	}
	end, err := scan.ScanWithin(head, l.run.head)
	switch {
	case err != nil:
		l.refuse(cl, asRefusal(err))
	case end > 0:
		l.decide(cl, head[:end], head[end:])
	case cl.head == nil && !l.mayHold(cl, 0, len(head)):
		l.refuse(cl, errNoMemory)
	case cl.head == nil:
		cl.head = &partial{buf: g.heads.Get(len(head)), scan: first}
		cl.head.buf.B = append(cl.head.buf.B, head...)
	}
}

// timedOut refuses a client whose time for its request is over. A loop that was kept
// from its work may not have read what came in time: it looks once more.
func (l *requests) timedOut(cl *tenant) {
	for l.readOnce(cl) {
	}
	switch {
	case l.IsGone(&cl.Tenant) || cl.Phase() != phaseRequest:
	case cl.head == nil:
		l.closeSilent(cl)
	case l.Applied() == loop.Drain:
		l.refuse(cl, errDraining)
	default:
		l.refuse(cl, handshake.ErrTimeout)
	}
}

// closeSilent ends a client that has asked for nothing. An answer could be taken for that to
// a request which is on its way.
func (l *requests) closeSilent(cl *tenant) {
	why := ReasonTimeout
	if l.Applied() == loop.Drain {
		why = ReasonDraining
	}
	l.run.refuse(why)
	cl.Enter(phaseLeaving)
	l.linger(cl)
}

// add appends b, in a larger buffer if need be: it grows with what has come.
func (p *partial) add(pool *buffer.Pool, b []byte) {
	if len(p.buf.B)+len(b) > cap(p.buf.B) {
		next := pool.Get(len(p.buf.B) + len(b))
		next.B = append(next.B, p.buf.B...)
		p.buf.Release()
		p.buf = next
	}
	p.buf.B = append(p.buf.B, b...)
}

// decide judges a whole request, behind which rest has come, and opens the
// connection, refuses it, or hands it over to the program's Handler.
func (l *requests) decide(cl *tenant, head, rest []byte) {
	g := &l.reader
	if err := handshake.Parse(head, &g.req); err != nil {
		l.refuseRequest(cl, &g.req, asRefusal(err))
		return
	}
	if excess := l.run.excess(cl.ticket()); excess != nil {
		l.refuseRequest(cl, &g.req, excess)
		return
	}
	if l.run.http != nil && (l.run.routes || !g.req.IsUpgrade()) {
		l.handOver(cl, head, rest)
		return
	}
	https, ok := l.identify(cl, &g.req)
	if !ok {
		return
	}
	from := l.candidate(cl)
	from.secure = from.secure || https
	o, h, refusal := l.run.judge(&g.req, from)
	if h != nil && refusal == nil {
		if l.run.checkOnGoroutine {
			l.checks.begin(cl, h, o, head, rest)
			return
		}
		refusal = l.run.askProgram(h)
	}
	if refusal == nil {
		refusal = l.run.accept(&g.req, from, h, &o, g.out[:0])
	}
	if refusal != nil {
		l.refuseRequest(cl, &g.req, refusal)
		return
	}
	g.out = o.Response[:0] // it may have grown
	o.Head, o.Rest = head, rest
	l.open(cl, o)
}

// candidate is a client whose request has come.
func (l *phases) candidate(cl *tenant) candidate {
	return candidate{remote: cl.RemoteAddr(), secure: cl.isSecure(), path: l.run.path, cl: cl}
}

// open turns a client into a connection.
func (l *phases) open(cl *tenant, o session.Opening) {
	var buf *buffer.Buffer
	if cl.head != nil {
		buf, cl.head = cl.head.buf, nil
		defer buf.Release() // o refers to it
	}
	cl.Enter(loop.Open)
	if t := cl.tls(); t != nil {
		t.SetPool(l.Buffers())
	}
	l.srv.sessions.begin()
	cl.Open(o)
	l.Apply(&cl.Tenant)
}
