package phase

import (
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// requestReader has a loop's buffers for opening handshakes. Most requests come in one piece, and are
// read, decided on and answered here.
type requestReader struct {
	in    []byte
	out   []byte
	vec   [1][]byte // what Write is given
	req   handshake.Request
	heads buffer.Pool
}

func (g *requestReader) init() {
	g.in = make([]byte, readSize)
	g.out = make([]byte, 0, 1<<10)
	g.heads.SetAmple(func() bool { return false }) // no large buffers for relays: a silent client would keep one
}

// partial is a request or a PROXY header of which more is to come, or a refusal of which more is to be
// sent.
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

// Broken answers a request whose Check ran on the loop and has ended the loop's goroutine.
func (l *requests) Broken(t *loop.Tenant) {
	l.Report.Panicked("Check", "runtime.Goexit")
	l.refuse(tenantOf(t), handshake.ErrInternal)
}

func (l *requests) Short(t *loop.Tenant) { l.refuseForMemory(tenantOf(t)) }

// read reads on in a client's request.
func (l *requests) read(cl *Tenant) {
	// TLS may hold more of a long head, which the poller cannot see.
	for l.readOnce(cl) && cl.isSecure() {
	}
}

// readOnce reads once, and reports whether there may be more of the request.
func (l *requests) readOnce(cl *Tenant) (more bool) {
	g := &l.reader
	n, err := cl.Below().Read(g.in)
	switch {
	case n > 0: // an error will be there again
	case err == transport.ErrWouldBlock || err == transport.ErrHeld:
		return false
	default:
		l.Report.Refused(Left)
		l.drop(cl) // it left before it had asked
		return false
	}
	l.take(cl, g.in[:n])
	return n == len(g.in) && cl.Phase() == Request && !l.IsGone(&cl.Tenant)
}

// take takes in what has come of a client's request.
func (l *requests) take(cl *Tenant, head []byte) {
	g := &l.reader
	var first handshake.Scanner
	scan := &first
	if p := cl.head; p != nil {
		if !l.mayHold(cl, cap(p.buf.B), len(p.buf.B)+len(head)) {
			l.short(cl)
			return
		}
		p.add(&g.heads, head)
		head, scan = p.buf.B, &p.scan
	}
	end, err := scan.Scan(head, l.Head)
	switch {
	case err != nil:
		l.refuse(cl, handshake.RefusalOf(err))
	case end > 0:
		l.decide(cl, head[:end], head[end:])
	case cl.head == nil && !l.mayHold(cl, 0, len(head)):
		l.short(cl)
	case cl.head == nil:
		cl.head = &partial{buf: g.heads.Get(len(head)), scan: first}
		cl.head.buf.B = append(cl.head.buf.B, head...)
	}
}

// timedOut refuses a client whose time for its request is over. It reads once more before, because a
// loop that was kept from its work may not have read what came in time.
func (l *requests) timedOut(cl *Tenant) {
	for l.readOnce(cl) {
	}
	switch {
	case l.IsGone(&cl.Tenant) || cl.Phase() != Request:
	case cl.head == nil:
		l.closeSilent(cl)
	case l.Applied() == loop.Drain:
		l.refuse(cl, ErrDraining)
	default:
		l.refuse(cl, handshake.ErrTimeout)
	}
}

// closeSilent ends a client that has sent nothing. It gets no answer, because it would take that for
// the answer to a request that it is about to send.
func (l *requests) closeSilent(cl *Tenant) {
	why := Timeout
	if l.Applied() == loop.Drain {
		why = Draining
	}
	l.Report.Refused(why)
	cl.Enter(Leaving)
	l.linger(cl)
}

// add appends b, in a larger buffer if it has to.
func (p *partial) add(pool *buffer.Pool, b []byte) {
	if len(p.buf.B)+len(b) > cap(p.buf.B) {
		next := pool.Get(len(p.buf.B) + len(b))
		next.B = append(next.B, p.buf.B...)
		p.buf.Release()
		p.buf = next
	}
	p.buf.B = append(p.buf.B, b...)
}

// decide judges a whole request, behind which rest has come. It opens the connection, refuses
// it, or hands it over.
func (l *requests) decide(cl *Tenant, head, rest []byte) {
	g := &l.reader
	if err := handshake.Parse(head, &g.req); err != nil {
		l.refuseRequest(cl, &g.req, handshake.RefusalOf(err))
		return
	}
	if excess := Excess(cl.ticket(), l.Budget); excess != nil {
		l.refuseRequest(cl, &g.req, excess)
		return
	}
	if l.Handover != nil && l.Handover.Wants(&g.req) {
		l.handOver(cl, head, rest)
		return
	}
	https, ok := l.identify(cl, &g.req)
	if !ok {
		return
	}
	from := l.candidate(cl)
	from.Secure = from.Secure || https
	o, q, refusal := l.Judge.Judge(&g.req, from)
	if q != nil && refusal == nil {
		if l.ChecksOnGoroutines {
			l.checks.begin(cl, q, o, head, rest)
			return
		}
		refusal = l.Judge.Ask(q)
	}
	if refusal == nil {
		o, refusal = l.Judge.Accept(&g.req, from, q, o, g.out[:0])
	}
	if refusal != nil {
		l.refuseRequest(cl, &g.req, refusal)
		return
	}
	g.out = o.Response[:0] // it may have grown
	o.Head, o.Rest = head, rest
	l.open(cl, o)
}

// candidate is a client as a Judge sees it.
func (l *Table) candidate(cl *Tenant) Candidate {
	secure := cl.isSecure() || cl.Socket.Relayed() && cl.TLS() != nil
	return Candidate{Remote: cl.RemoteAddr(), Secure: secure, Tenant: cl}
}

// handOver gives a client's connection to other code and forgets it. The reader has its request.
func (l *requests) handOver(cl *Tenant, head, rest []byte) {
	ticket := cl.ticket()
	cl.setTicket(gate.NoTicket) // it may be released before Take returns
	below, ok := l.Handover.Take(cl, ticket, head, rest, &l.Counters.HandedOver)
	if !ok {
		cl.setTicket(ticket)
		l.refuseRequest(cl, &l.reader.req, handshake.Unavailable(1))
		return
	}
	cl.releaseHead()
	l.Forget(&cl.Tenant)
	_ = below.Close() // the taker has a descriptor of its own
}

// identify gives a client the address that a proxy names in its request, and says whether the
// client uses https. ok is false if its address has too many connections.
func (l *requests) identify(cl *Tenant, req *handshake.Request) (https, ok bool) {
	remote, https := l.Proxies.ClientOf(cl, req)
	if remote == cl.RemoteAddr() {
		return https, true
	}
	if !l.rename(cl, remote, false) {
		return https, false
	}
	if excess := cl.ticket().Refusal(); excess != nil {
		l.refuseRequest(cl, req, excess)
		return https, false
	}
	return https, true
}

// open turns a client into a connection.
func (l *Table) open(cl *Tenant, o session.Opening) {
	var buf *buffer.Buffer
	if cl.head != nil {
		buf, cl.head = cl.head.buf, nil
		defer buf.Release() // o refers to it
	}
	cl.Enter(loop.Open)
	if b, ok := cl.Below().(buffer.Borrower); ok {
		b.SetPool(l.Buffers())
	}
	l.Sessions.Begin(cl)
	cl.Open(o)
	l.Apply(&cl.Tenant)
}
