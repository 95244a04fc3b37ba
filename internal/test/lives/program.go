package lives

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// program gives the server callbacks that do all that callbacks may.
func (w *world) program(srv *server.Server) {
	srv.OnConnection = func(c *conn.Conn) {
		l := w.lifeOf(c)
		l.conn = c
		l.opened++
		l.alive("OnConnection")
		if w.rnd.IntN(4) == 0 {
			c.OnStream(w.stream)
		}
		if w.rnd.IntN(20) == 0 {
			w.react(c, l)
		}
		if w.srv.Dispatch == conn.OnGoroutines && w.rnd.IntN(4) == 0 {
			c.OnMessage(nil)
			c.OnStream(nil)
			w.read(c, l)
		}
	}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		l := w.lifeOf(c)
		l.alive("OnMessage")
		w.checkMessage("server", m.Payload, l.id, l.got, true)
		l.got++
		w.result.Received++
		w.react(c, l)
	}
	srv.OnPong = func(c *conn.Conn, _ []byte) { w.lifeOf(c).alive("OnPong") }
	srv.OnDrained = func(c *conn.Conn) { w.lifeOf(c).alive("OnDrained") }
	srv.OnClose = func(c *conn.Conn, info conn.CloseInfo) {
		l := w.lifeOf(c)
		l.alive("OnClose")
		l.closed++
		l.info = info
		if w.rnd.IntN(20) == 0 {
			l.disturbed = true
			panic("a close callback that panics")
		}
	}
}

// alive notes a callback that runs before the first or after the last.
func (l *life) alive(callback string) {
	if l.opened != 1 || l.closed != 0 {
		l.world.breach("%s of %v after %d of OnConnection and %d of OnClose", callback, l, l.opened, l.closed)
	}
}

// read reads messages until the connection ends, or a callback takes the place of that. Sometimes it waits
// only for a while.
func (w *world) read(c *conn.Conn, l *life) {
	for {
		ctx := context.Background()
		if w.rnd.IntN(4) == 0 {
			ctx = w.sim.Context(time.Duration(1+w.rnd.IntN(3000)) * time.Millisecond)
		}
		m, err := c.Receive(ctx)
		l.alive("OnConnection, reading")
		switch {
		case errors.Is(err, conn.ErrNotReading):
			l.disturbed = true // what comes between two callbacks has no reader
			return
		case errors.Is(err, context.DeadlineExceeded):
			continue
		case err != nil:
			if !errors.Is(err, conn.ErrClosed) {
				w.breach("%v: Receive: %v", l, err)
			}
			return
		}
		w.checkMessage("server, reading", m.Payload, l.id, l.got, true)
		l.got++
		w.result.Received++
		w.react(c, l)
	}
}

// stream reads a message in parts, and not always to its end.
func (w *world) stream(c *conn.Conn, r *conn.Reader) {
	l := w.lifeOf(c)
	l.alive("OnStream")
	seq := l.got
	l.got++
	var m []byte
	p := make([]byte, 1+w.rnd.IntN(4<<10))
	for {
		n, err := r.Read(p)
		m = append(m, p[:n]...)
		if err != nil {
			w.checkMessage("server, streaming", m, l.id, seq, err == io.EOF)
			if err == io.EOF {
				w.result.Received++
				w.react(c, l)
			} else {
				l.got = seq // it was cut
			}
			return
		}
		if w.rnd.IntN(100) == 0 {
			w.checkMessage("server, streaming", m, l.id, seq, false)
			return
		}
	}
}

// react does something in a callback.
func (w *world) react(c *conn.Conn, l *life) {
	n := w.rnd.IntN(100)
	if w.plan.Closes && n < 60 {
		n = []int{4, 6, 12}[n%3]
	}
	switch {
	case n < 2:
		l.disturbed = true
		panic("a callback that panics")
	case n < 3:
		l.disturbed = true
		runtime.Goexit()
	case n < 5:
		l.disturbed = true
		endConn(c, n == 3, frame.GoingAway, "enough")
	case n < 7:
		if other := w.other(); other != nil {
			other.disturbed = true
			endConn(other.conn, n == 5, 4000, "another connection's doing")
		}
	case n < 25:
		if other := w.other(); other != nil {
			w.push(other, w.size())
		}
	case n < 28:
		w.push(l, 64<<10+w.rnd.IntN(1000))
	case n < 36:
		w.write(l)
	case n < 40:
		_ = c.Ping(nil)
	case n < 43 && w.srv.Dispatch != conn.OnLoop:
		w.sim.Sleep(time.Duration(w.rnd.IntN(3000)) * time.Millisecond)
	case n < 45:
		c.OnStream(nil)
	case n < 47:
		c.OnStream(w.stream)
	case n < 51:
		w.do(l)
	case n < 54:
		if other := w.other(); other != nil {
			w.do(other)
		}
	case n < 58:
		w.later(l)
	case n < 62:
		w.limit(l)
	default:
		w.push(l, w.size())
	}
	if w.plan.Break == BreakForget && w.srv.Dispatch != conn.OnLoop {
		w.sim.WaitFor(func() bool { return false })
	}
}

// endConn closes a connection, or aborts it.
func endConn(c *conn.Conn, abort bool, code frame.CloseCode, reason string) {
	if abort {
		c.Abort()
		return
	}
	_ = c.Close(code, reason)
}

// other is some connection that was open a moment ago; nil if none is at hand.
func (w *world) other() *life {
	if len(w.active) == 0 {
		return nil
	}
	if l := w.active[w.rnd.IntN(len(w.active))]; l.conn != nil {
		return l
	}
	return nil
}

// produce sends to connections from beside the loops.
func (w *world) produce() {
	for range 20 {
		w.sim.Sleep(time.Duration(w.rnd.IntN(2000)) * time.Millisecond)
		if l := w.other(); l != nil {
			w.push(l, w.size())
			w.do(l)
		}
	}
}

// do has a function run in a connection's order.
func (w *world) do(l *life) {
	number := l.asked
	err := l.conn.Do(func(c *conn.Conn) {
		l.alive("Do")
		if number != l.done {
			w.breach("%v: function %d ran in place of number %d", l, number, l.done)
		}
		l.done++
		if w.rnd.IntN(3) == 0 {
			w.react(c, l)
		}
	})
	if err == nil {
		l.asked++
	}
}

// limit gives a connection limits of its own, within which its client stays.
func (w *world) limit(l *life) {
	limits := conn.Limits{
		MaxMessageSize: 32<<10 + int64(w.rnd.IntN(2)), MaxFragments: 50 + w.rnd.IntN(2),
		MaxPending: w.srv.MaxPending >> w.rnd.IntN(2), QueueMessages: w.rnd.IntN(9),
		IdleTimeout: idleTimeout << w.rnd.IntN(2), CloseTimeout: closeTimeout,
		DeflateLevel: w.rnd.IntN(3), DeflateThreshold: w.rnd.IntN(200),
	}
	if w.rnd.IntN(3) == 0 {
		limits = conn.Limits{}
	}
	if err := l.conn.SetLimits(limits); err != nil && err != conn.ErrClosed {
		w.breach("%v: limits %+v: %v", l, limits, err)
	}
}

// later has one run some time later, or stops one that was to.
func (w *world) later(l *life) {
	if l.timed && w.rnd.IntN(3) == 0 {
		l.timed = !l.timer.Stop()
		return
	}
	if l.timed {
		return
	}
	d := time.Duration(w.rnd.IntN(5000)) * time.Millisecond
	due := w.sim.Now().Add(d)
	timer, err := l.conn.AfterFunc(d, func(c *conn.Conn) {
		l.alive("AfterFunc")
		if !l.timed || w.sim.Now().Before(due) {
			w.breach("%v: a function was due at %v and ran at %v; it was set: %v", l, due, w.sim.Now(), l.timed)
		}
		l.timed = false
		w.react(c, l)
	})
	if err == nil {
		l.timer, l.timed = timer, true
	}
}

// push sends the next message to a client.
func (w *world) push(l *life, size int) {
	m := w.message(l.id, l.accepted, size)
	if w.plan.Break != 0 && w.rnd.IntN(10) == 0 {
		w.pushWrong(l, m)
		return
	}
	err := l.conn.SendMessage(conn.Message{Type: conn.Binary, Key: keys[w.rnd.IntN(len(keys))], Payload: m})
	switch err {
	case nil:
		l.accepted++
		w.result.Sent++
	case conn.ErrPendingFull:
		l.disturbed = true // by some policies
	}
}

// keys are those of messages, of which only the latest matters by one policy.
var keys = [...]string{"", "", "a", "b"}

// pushWrong is push by a program that is broken.
func (w *world) pushWrong(l *life, m []byte) {
	to := l
	switch w.plan.Break {
	case BreakDouble:
		_ = l.conn.SendBinary(m)
	case BreakLose:
		l.accepted++
		return
	case BreakCross:
		if other := w.other(); other != nil {
			to = other
		}
	case BreakAlter:
		m[len(m)-1] ^= 1
	}
	if to.conn.SendBinary(m) == nil {
		l.accepted++
	}
}

// write goes on with a message in fragments, or begins one.
func (w *world) write(l *life) {
	if l.writer == nil {
		wr, err := l.conn.NewWriter(conn.Binary)
		if err != nil {
			return
		}
		l.writer = wr
		l.unwritten = append(l.unwritten[:0], w.message(l.id, l.accepted, w.size())...)
		l.accepted++
		w.result.Sent++
	}
	n, err := l.writer.Write(l.unwritten[:min(len(l.unwritten), 1+w.rnd.IntN(4<<10))])
	l.unwritten = l.unwritten[n:]
	if err == nil && len(l.unwritten) == 0 && l.writer.Close() == nil {
		l.writer = nil
	}
}
