package server

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/poller"
)

// greeter is what a loop needs for opening handshakes: most requests come in one
// piece, and are read, judged and answered in these buffers.
type greeter struct {
	in    []byte
	out   []byte
	req   handshake.Request
	heads buffer.Pool
}

func (g *greeter) init() {
	g.in = make([]byte, scratchSize)
	g.out = make([]byte, 0, 1<<10)
}

// partialHead is a request that comes in pieces.
type partialHead struct {
	buf  *buffer.Buffer
	scan handshake.Scanner
}

// admit takes in an accepted connection.
func (l *loop) admit(a arrival) {
	if l.order != orderServe {
		_ = socket.Close(a.fd)
		l.load.Add(-1)
		return
	}
	cl := &client{sock: sock{fd: int32(a.fd)}}
	id := l.clients.take(cl)
	cl.driver().Init(l.conns, id, &cl.sock, a.remote)
	l.SetTimer(cl.driver(), l.run.handshakeTimeout)
	if err := l.poll.Add(a.fd, poller.Read, cl.token()); err != nil {
		l.run.logger.Error("framerail: cannot watch a connection", "remote", a.remote, "error", err)
		l.drop(cl)
	}
}

// drop closes a client that never became a connection.
func (l *loop) drop(cl *client) {
	if cl.head != nil {
		cl.head.buf.Release()
		cl.head = nil
	}
	l.forget(cl)
	_ = socket.Close(cl.fd())
}

// greet reads on in a client's request.
func (l *loop) greet(cl *client) {
	g := &l.greeter
	n, err := socket.Read(cl.fd(), g.in)
	if err == socket.ErrWouldBlock {
		return
	}
	if err != nil {
		l.drop(cl) // it left before it had asked
		return
	}
	if cl.phase == lingering {
		return // what follows a refused request is of no interest
	}
	var first handshake.Scanner
	head, scan := g.in[:n], &first
	if p := cl.head; p != nil {
		p.add(&g.heads, head)
		head, scan = p.buf.B, &p.scan
	}
	end, err := scan.Scan(head)
	switch {
	case err != nil:
		l.refuse(cl, asRefusal(err))
	case end > 0:
		l.answer(cl, head[:end], head[end:])
	case cl.head == nil:
		cl.head = &partialHead{buf: g.heads.Get(n), scan: first}
		cl.head.buf.B = append(cl.head.buf.B, head...)
	}
}

// add appends b, in a larger buffer if need be: it grows with what has come.
func (p *partialHead) add(pool *buffer.Pool, b []byte) {
	if len(p.buf.B)+len(b) > cap(p.buf.B) {
		next := pool.Get(len(p.buf.B) + len(b))
		next.B = append(next.B, p.buf.B...)
		p.buf.Release()
		p.buf = next
	}
	p.buf.B = append(p.buf.B, b...)
}

// answer judges a whole request, behind which rest has come, and opens the
// connection, refuses it, or hands it over to the program's Handler.
func (l *loop) answer(cl *client, head, rest []byte) {
	g := &l.greeter
	if err := handshake.Parse(head, &g.req); err != nil {
		l.refuse(cl, asRefusal(err))
		return
	}
	if l.run.http != nil && !g.req.IsUpgrade() {
		l.handOver(cl, head, rest)
		return
	}
	resp, subprotocol, refusal := l.run.decide(&g.req, cl.RemoteAddr(), g.out[:0])
	if refusal != nil {
		l.refuse(cl, refusal)
		return
	}
	g.out = resp[:0] // it may have grown
	l.open(cl, conn.Opening{Response: resp, Head: head, Rest: rest, Subprotocol: subprotocol})
}

// open turns a client into a connection.
func (l *loop) open(cl *client, o conn.Opening) {
	partial := cl.head
	cl.head = nil
	cl.phase = talking
	l.srv.sessions.begin()
	cl.driver().Open(o)
	if partial != nil {
		partial.buf.Release()
	}
}

// refuse answers a request and ends the connection, but lets the client read the
// answer: a close with unread bytes would take it back.
func (l *loop) refuse(cl *client, refusal *handshake.Refusal) {
	if err := refusal.Validate(); err != nil {
		l.run.logger.Error("framerail: refusal of the program cannot be sent", "remote", cl.RemoteAddr(), "error", err)
	}
	l.run.logger.Info("framerail: handshake refused", "remote", cl.RemoteAddr(),
		"status", refusal.Status, "reason", refusal.Reason)
	answer := refusal.AppendResponse(l.greeter.out[:0])
	n, err := socket.Write(cl.fd(), answer)
	if err != nil || n < len(answer) || socket.CloseWrite(cl.fd()) != nil {
		l.drop(cl)
		return
	}
	cl.phase = lingering
	l.SetTimer(cl.driver(), lingerTimeout)
}

// greetingExpired ends a client that is late with its request, or with leaving.
func (l *loop) greetingExpired(cl *client) {
	if cl.phase == greeting {
		l.refuse(cl, handshake.ErrTimeout)
		return
	}
	l.drop(cl)
}

// obey carries out an order.
func (l *loop) obey(o order) {
	l.order = o
	l.clients.each(func(cl *client) {
		switch {
		case cl.phase != talking:
			if o == orderDrain && cl.phase == greeting {
				l.refuse(cl, handshake.Unavailable(1))
				return
			}
			if o == orderAbort {
				l.drop(cl)
			}
		case o == orderDrain:
			_ = cl.Close(goingAway, "server is shutting down") // closing already: it goes on
		default:
			cl.driver().Abort(ErrServerClosed)
		}
	})
}
