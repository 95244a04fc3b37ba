// Package cable is a network that tests can cut.
package cable

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Cable carries TCP connections to an address, until it is cut. Its methods are safe from any
// goroutine.
type Cable struct {
	Addr string // where to connect to

	ln net.Listener

	mu        sync.Mutex
	to        string                // guarded by mu
	cut       bool                  // guarded by mu
	swallows  bool                  // guarded by mu
	swallowed bool                  // guarded by mu: something was lost since Swallow
	ends      map[net.Conn]struct{} // guarded by mu: both ends of what is carried
	work      sync.WaitGroup
	ended     bool // guarded by mu
}

// Start lays a cable to an address, until the test ends.
func Start(t *testing.T, to string) *Cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cable{Addr: ln.Addr().String(), ln: ln, to: to, ends: make(map[net.Conn]struct{})}
	c.work.Go(c.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		c.Cut()
		c.work.Wait()
	})
	return c
}

// Cut ends all connections at once, and those that come, until Mend.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for end := range c.ends {
		if tcp, ok := end.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // what is on its way is lost
		}
		_ = end.Close()
	}
	clear(c.ends)
}

// Swallow lets connections through, and has the cable lose all that is sent to the address from now on, without a word, until
// Mend. The other direction goes on.
func (c *Cable) Swallow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.swallows, c.swallowed = c.ended, true, false
}

// AwaitSwallowed waits until something was lost since Swallow.
func (c *Cable) AwaitSwallowed(t *testing.T) {
	t.Helper()
	lost := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.swallowed
	}
	for end := time.Now().Add(time.Minute); !lost(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is sent that the cable could swallow")
		}
	}
}

// Mend lets connections through again. What was lost stays lost.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.swallows = c.ended, false
}

// Lead has connections that come go to another address.
func (c *Cable) Lead(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
}

func (c *Cable) destination() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.to
}

func (c *Cable) accept() {
	for {
		near, err := c.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.destination())
		if err != nil {
			_ = near.Close()
			continue
		}
		if !c.hold(near, far) {
			continue
		}
		c.work.Go(func() { c.carry(near, far, near) })
		c.work.Go(func() { c.carry(far, near, there{c, far}) })
	}
}

// hold notes both ends of a connection, or closes them if the cable is cut.
func (c *Cable) hold(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range ends {
		if c.cut {
			_ = end.Close()
		} else {
			c.ends[end] = struct{}{}
		}
	}
	return !c.cut
}

// there is the direction to the address.
type there struct {
	cable *Cable
	far   net.Conn
}

// Write implements io.Writer.
func (w there) Write(b []byte) (int, error) {
	c := w.cable
	c.mu.Lock()
	swallows := c.swallows
	c.swallowed = c.swallowed || swallows
	c.mu.Unlock()
	if swallows {
		return len(b), nil
	}
	return w.far.Write(b)
}

// carry copies one direction until it ends, and then ends the other one.
func (c *Cable) carry(to, from net.Conn, by io.Writer) {
	_, _ = io.Copy(struct{ io.Writer }{by}, struct{ io.Reader }{from}) // without splice, whose pipes would be left
	_, _ = to.Close(), from.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ends, to)
	delete(c.ends, from)
}
