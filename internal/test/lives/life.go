package lives

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server/servertest"
)

// life is one connection, as the client and the program see it.
type life struct {
	world  *world
	id     int
	client *servertest.Client

	clientPart
	programPart
}

// clientPart is a life as its client sees it.
type clientPart struct {
	left     int // messages it still has to send
	sent     int
	received int
	missed   int    // between those received
	fragment []byte // what is left of a message in fragments
	leaving  bool   // it has done what it does last
	faulty   bool   // which was against the protocol
	silent   bool   // it has not always read, and answered
	over     bool
}

// programPart is a life as the server's program sees it.
type programPart struct {
	conn           *conn.Conn
	opened, closed int
	info           conn.CloseInfo
	got            int  // messages from the client
	accepted       int  // messages for the client that were taken for sending
	disturbed      bool // the program, not the client, has ended it
	asked, done    int  // functions that Do was given, and that ran
	timer          conn.Timer
	timed          bool // a function of AfterFunc waits
	writer         *conn.Writer
	unwritten      []byte
}

func (l *life) String() string { return fmt.Sprintf("connection %d", l.id) }

// dial has a client connect. Its address tells the program which it is.
func (w *world) dial() {
	var addr [4]byte
	binary.BigEndian.PutUint32(addr[:], uint32(len(w.lives)))
	addr[0] = 10
	r := servertest.Request{From: netip.AddrPortFrom(netip.AddrFrom4(addr), 40000)}
	l := &life{world: w, id: len(w.lives), clientPart: clientPart{left: w.rnd.IntN(12)}}
	switch w.rnd.IntN(40) {
	case 0:
		r.Raw = []byte("GET / HTTP/1.1\r\nHost: server.test\r\n") // and no more
	case 1:
		r.Raw = []byte("GET / HTTP/1.0\r\nHost: server.test\r\n\r\n")
	}
	for range w.rnd.IntN(3) {
		r.Deflate = append(r.Deflate, w.deflateParams())
	}
	l.leaving = r.Raw != nil
	l.client = w.sim.DialWith(r)
	w.lives = append(w.lives, l)
	w.active = append(w.active, l)
}

// lifeOf is the life whose connection c is.
func (w *world) lifeOf(c *conn.Conn) *life {
	addr := c.RemoteAddr().Addr().As4()
	addr[0] = 0
	return w.lives[binary.BigEndian.Uint32(addr[:])]
}

// act has the client do something, and checks what has come of it all.
func (l *life) act() {
	w := l.world
	l.read()
	if l.conn != nil {
		if n := l.conn.Pending(); n > w.bound {
			w.breach("%v has %d bytes pending, most %d", l, n, w.bound)
		}
	}
	if l.client.End() != nil && l.opened == l.closed {
		l.leave()
		return
	}
	if l.closed > 0 || l.leaving && l.opened == 0 {
		l.client.Resume() // or it would never see the end
	}
	switch n := w.rnd.IntN(20); {
	case l.leaving:
	case n < 10 && l.fragment != nil:
		l.continueMessage()
	case n < 10 && l.left > 0:
		l.send()
	case n < 11:
		l.silent = true
		l.client.Pause()
	case n < 15:
		l.client.Resume()
	case n < 16:
		l.client.Ping([]byte("ping"))
	case l.left == 0 && l.fragment == nil:
		l.finish()
	}
}

// leave takes a life that is over out of those that act.
func (l *life) leave() {
	w := l.world
	l.over = true
	for i, other := range w.active {
		if other == l {
			w.active = append(w.active[:i], w.active[i+1:]...)
			return
		}
	}
}

// send sends the next message, whole or the first fragment of it.
func (l *life) send() {
	w := l.world
	m := w.message(l.id, l.sent, w.size())
	l.left--
	h := frame.Header{Opcode: frame.Binary}
	if w.rnd.IntN(2) == 0 {
		if packed, ok := l.client.Compress(m); ok {
			m, h.RSV1 = packed, true
		}
	}
	if h.Fin = w.rnd.IntN(4) > 0; h.Fin {
		l.sent++
		l.client.SendFrame(h, m)
		return
	}
	n := w.rnd.IntN(len(m))
	l.client.SendFrame(h, m[:n])
	l.fragment = append([]byte(nil), m[n:]...)
}

func (l *life) continueMessage() {
	n := 1 + l.world.rnd.IntN(len(l.fragment))
	if l.world.rnd.IntN(2) == 0 {
		n = len(l.fragment)
	}
	last := n == len(l.fragment)
	l.client.SendFrame(frame.Header{Fin: last, Opcode: frame.Continuation}, l.fragment[:n])
	l.fragment = l.fragment[n:]
	if last {
		l.fragment = nil
		l.sent++
	}
}

// finish is the last that a client does.
func (l *life) finish() {
	c := l.client
	l.leaving = true
	n := l.world.rnd.IntN(21)
	l.faulty = n >= 14
	switch n {
	default:
		c.Resume()
		c.Close(frame.NormalClosure, "done")
	case 8, 9:
		c.Leave()
	case 10:
		c.Reset()
	case 11:
		c.CloseWrite()
		c.Resume()
	case 12:
		l.silent = true
		c.Manual()
		c.Pause() // and never reads again
	case 13:
		l.silent = true
		c.Manual() // and says no more
		c.Resume()
	case 14:
		c.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	case 15:
		c.SendText("no UTF-8: \xFF")
	case 16:
		c.SendFrame(frame.Header{Opcode: frame.Text}, []byte("unfinished"))
		c.Leave()
	case 17:
		c.Write([]byte{0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}) // 4 GiB are claimed
	case 18:
		c.Close(1005+1, "a code that may not be sent")
	case 19:
		c.SendFrame(frame.Header{Fin: true, Opcode: frame.Continuation}, nil)
	case 20:
		c.SendFrame(frame.Header{Fin: true, RSV1: true, Opcode: frame.Binary}, []byte("no DEFLATE data"))
	}
}

// read looks at what the client has received.
func (l *life) read() {
	for {
		m, ok := l.client.Next()
		if !ok {
			return
		}
		if len(m.Payload) >= headSize {
			// What the policy dropped on the way is missing; nothing else is.
			l.missed = max(l.missed, int(binary.BigEndian.Uint32(m.Payload[4:]))-l.received)
		}
		l.world.checkMessage("client", m.Payload, l.id, l.received+l.missed, true)
		l.received++
	}
}

// checkEnd is what is true of a life that is over.
func (l *life) checkEnd() {
	w := l.world
	l.read()
	w.result.Opened += l.opened
	if l.opened > 1 || l.closed != l.opened {
		w.breach("%v: %d of OnConnection, %d of OnClose", l, l.opened, l.closed)
		return
	}
	if l.client.Connected() && l.opened == 0 {
		w.breach("%v: the client is connected, OnConnection did not run", l)
	}
	begun := l.sent
	if l.fragment != nil || l.faulty {
		begun++ // a Stream callback may have returned before the rest was due
	}
	if l.got > begun {
		w.breach("%v: %d messages received, %d sent", l, l.got, l.sent)
	}
	if l.received+l.missed > l.accepted || int64(l.missed) > l.info.Dropped {
		w.breach("%v: the client has %d messages and misses %d; %d were sent, %d dropped",
			l, l.received, l.missed, l.accepted, l.info.Dropped)
	}
	if l.opened == 0 {
		return
	}
	if l.done != l.asked {
		w.breach("%v: %d of %d functions ran", l, l.done, l.asked)
	}
	if l.info.By == conn.Peer && l.info.Clean() {
		w.result.Clean++
		// A Shutdown that comes between the two Close frames drops what waits.
		if l.got != l.sent && !l.disturbed && l.info.Sent == l.info.Received {
			w.breach("%v: %d of %d messages came before a clean end: %v", l, l.got, l.sent, l.info)
		}
	}
	if errors.Is(l.info.Err, conn.ErrIdle) && !l.silent {
		w.breach("%v: the client has answered all along, and was closed as silent", l)
	}
	if fault := (*frame.Error)(nil); !l.faulty && errors.As(l.info.Err, &fault) {
		w.breach("%v: the client has broken no rule, and was told %v", l, fault)
	}
	if l.faulty && !l.disturbed && l.info.Err == nil && l.info.By == conn.Peer {
		w.breach("%v: the client broke the protocol, and ended cleanly: %v", l, l.info)
	}
	if _, closed := l.client.Closed(); closed && l.info.Unsent == 0 && l.writer == nil && int64(l.received)+l.info.Dropped != int64(l.accepted) {
		w.breach("%v: the client has %d of %d messages, and behind them the Close frame: %v", l, l.received, l.accepted, l.info)
	}
}
