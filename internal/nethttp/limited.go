package nethttp

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// limitedConn is the socket of a connection at net/http, below TLS. It applies the server's limits to the peer:
// WriteTimeout for an answer, BodyTimeout for the content of a request. Each byte that moves begins them anew.
// Deadlines that a Handler sets with [http.ResponseController] replace them until its request is over.
type limitedConn struct {
	net.Conn // the socket
	host     *Host

	mu       sync.Mutex
	state    usage
	handling bool // a Handler runs: deadlines that are set are its own
	draining bool // the server shuts down: waiting is bounded
	last     bool // no further request is read
	closing  bool // deadlines that are set now are TLS's own, for its farewell
	writing  bool
	moved    time.Time     // when the socket has last taken something that is being written
	look     time.Duration // until that is looked at again
	final    bool          // for the last time
	write    deadline
	read     deadline
	content  bool   // what is being read, or was last, is content
	waiting  bool   // for content, within a limit
	stalled  bool   // for too long
	onCut    func() // called when the socket is closed because of a limit

	ends endings
}

// endings are the timers that end a connection by themselves.
type endings struct {
	life, grace *time.Timer // of the connection; nil without a limit
	unlisten    func() bool // ends the call of drain at a shutdown
}

// deadline is a deadline that net/http or a Handler has set.
type deadline struct {
	at  time.Time
	own bool // by a Handler
}

// usage is the state of a connection at net/http.
type usage uint8

const (
	usageActive usage = iota // a request is being answered
	usageIdle                // the next is awaited
	usageGone                // it is no longer net/http's
)

// A slow write is looked at within its limit, because some of its bytes may have moved, and the limit begins
// with the last one. The first look is after the limit divided by firstPeek. Each further interval is twice as
// long, up to the limit divided by lastPeek.
const firstPeek, lastPeek = 32, 4

// past is a deadline that is over.
var past = time.Unix(1, 0)

// within is a limit as it is now; 0: none. mu is held.
func (c *limitedConn) within(limit time.Duration) time.Duration {
	most := c.host.CloseTimeout
	if c.draining && (limit <= 0 || limit > most) {
		return most
	}
	return max(limit, 0)
}

// Write fails, and cuts the connection, once the socket has taken nothing for WriteTimeout.
func (c *limitedConn) Write(b []byte) (sent int, err error) {
	if c.beginWrite() {
		return c.writeOnce(b)
	}
	for {
		n, err := c.Conn.Write(b[sent:])
		sent += n
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, c.endWrite(err)
		}
		if !c.goOn(n > 0) {
			return sent, c.endWrite(err)
		}
	}
}

// beginWrite sets how long a write may stand still. It returns true for a write that must not wait at all, such
// as TLS's close_notify on an idle connection. net/http closes those one after the other.
func (c *limitedConn) beginWrite() (once bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing, c.moved, c.look, c.final = true, time.Now(), 0, false
	c.timeWrite()
	return c.state == usageIdle || c.state == usageActive && c.host.Cut.Err() != nil
}

// beginClose is called before the connection, or TLS above it, is closed. net/http closes it while a Handler runs
// if the Handler's answer does not leave in time.
func (c *limitedConn) beginClose() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
}

// timeWrite sets when a write is to be looked at. mu is held.
func (c *limitedConn) timeWrite() {
	if c.write.own || c.state == usageGone {
		return
	}
	at := c.write.at
	if limit := c.within(c.host.WriteTimeout); limit > 0 {
		c.look = min(max(2*c.look, limit/firstPeek), limit/lastPeek)
		at = earliest(at, earliest(c.moved.Add(limit), time.Now().Add(c.look)))
	}
	_ = c.Conn.SetWriteDeadline(at)
}

// goOn reports whether a write goes on after its deadline.
func (c *limitedConn) goOn(moved bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if moved {
		c.moved, c.look, c.final = now, 0, false
	}
	if at := c.write.at; !at.IsZero() && !now.Before(at) {
		return false
	}
	if c.write.own || c.state == usageGone { // set while the write was waiting
		return true
	}
	switch limit := c.within(c.host.WriteTimeout); {
	case limit <= 0 || now.Sub(c.moved) < limit:
		c.timeWrite()
	case c.final:
		c.cut("its client does not read")
		return false
	default: // a process that was stopped meanwhile would not see that there is room
		c.final = true
		_ = c.Conn.SetWriteDeadline(now.Add(lastLookTimeout))
	}
	return true
}

func (c *limitedConn) endWrite(err error) error {
	c.mu.Lock()
	c.writing = false
	c.mu.Unlock()
	return err
}

// writeOnce writes the bytes that the socket takes at once.
func (c *limitedConn) writeOnce(b []byte) (n int, err error) {
	defer c.endWrite(nil)
	n, err = c.host.Platform.Sockets().WriteNow(c.Conn, b)
	if err == nil && n < len(b) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// await sets how long the next Read may wait, unless a deadline is set: BodyTimeout for content.
func (c *limitedConn) await(content bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != usageActive || c.read.own || !c.read.at.IsZero() {
		return
	}
	c.content = content
	switch {
	case c.stalled:
		_ = c.Conn.SetReadDeadline(past)
	case content:
		c.timeRead()
	case c.waiting:
		c.waiting = false
		_ = c.Conn.SetReadDeadline(time.Time{})
	}
}

// timeRead sets how long content may keep a read waiting. mu is held.
func (c *limitedConn) timeRead() {
	if limit := c.within(c.host.BodyTimeout); limit > 0 {
		c.waiting = true
		_ = c.Conn.SetReadDeadline(time.Now().Add(limit))
	}
}

// Read fails once no content has arrived for BodyTimeout. The Handler gets the error, and may answer.
func (c *limitedConn) Read(b []byte) (int, error) {
	for looked := false; ; looked = true {
		n, err := c.Conn.Read(b)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.lookAgain(looked) {
			return n, err
		}
	}
}

// lookAgain reports whether a read should try again after its deadline. A process that was stopped meanwhile
// would miss bytes that have arrived. Otherwise lookAgain notes that content stands still.
func (c *limitedConn) lookAgain(looked bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waiting || c.stalled {
		return false
	}
	if !looked {
		_ = c.Conn.SetReadDeadline(time.Now().Add(lastLookTimeout))
		return true
	}
	// Later bytes must not be read as the next request.
	c.stalled, c.last = true, true
	c.note("the content of its request does not come")
	return false
}

// note counts and logs a peer that has kept net/http waiting for too long.
func (c *limitedConn) note(why string) {
	c.host.Stalled.Add(1)
	c.host.Logger.Info("framerail: a connection of the Handler's stands still", "remote", c.Conn.RemoteAddr(), "reason", why)
}

// cut closes the socket and discards its unsent bytes. mu is held.
func (c *limitedConn) cut(why string) {
	c.note(why)
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
	c.stopTimers()
	c.onCut()
}

// SetDeadline implements net.Conn.
func (c *limitedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *limitedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = deadline{at: t, own: c.handling}
	c.content, c.waiting = false, false
	if c.handling {
		c.stalled = false
	}
	if c.last && c.state == usageIdle {
		t = past
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *limitedConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = deadline{at: t, own: c.handling && !c.closing}
	if c.writing && !c.write.own {
		c.timeWrite()
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// CloseWrite ends the sending direction.
func (c *limitedConn) CloseWrite() error { return closeWrite(c.Conn) }

// begin and end are called when a Handler begins and ends. The Handler's own deadlines end with it.
func (c *limitedConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handling = true
	c.write, c.read = deadline{}, deadline{}
}

func (c *limitedConn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handling = false
	for _, d := range [...]*deadline{&c.write, &c.read} {
		d.own = d.own && !d.at.IsZero()
	}
}

// enter is called when net/http changes the state of the connection.
func (c *limitedConn) enter(state usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	if state == usageGone {
		c.stopTimers()
	}
}

// live begins the connection's lifetime. At its end over is called. Some time later the socket is closed, if
// net/http still has it.
func (c *limitedConn) live(lifetime time.Duration, over func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends.unlisten = context.AfterFunc(c.host.Stop, c.drain)
	if lifetime > 0 {
		c.ends.life = time.AfterFunc(lifetime, func() { c.expire(over) })
	}
}

// expire closes an idle connection. Otherwise the request has CloseTimeout to end.
func (c *limitedConn) expire(over func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == usageGone {
		return
	}
	c.host.Expired.Add(1)
	c.last = true
	c.ends.grace = time.AfterFunc(c.host.CloseTimeout, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.state != usageGone {
			c.cut(loop.LifetimeReason)
		}
	})
	if c.state == usageIdle {
		_ = c.Conn.SetReadDeadline(past)
		return
	}
	over()
}

// drain is called when the server shuts down. Its limits apply to current reads and writes too.
func (c *limitedConn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.writing {
		c.timeWrite()
	}
	if c.content && !c.stalled {
		c.timeRead()
	}
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopTimers()
	return err
}

// stopTimers stops the timers of endings. mu is held.
func (c *limitedConn) stopTimers() {
	c.state = usageGone
	for _, t := range [...]*time.Timer{c.ends.life, c.ends.grace} {
		if t != nil {
			t.Stop()
		}
	}
	if c.ends.unlisten != nil {
		c.ends.unlisten()
	}
}

// earliest is the earlier of two deadlines. The first may be zero, for none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
