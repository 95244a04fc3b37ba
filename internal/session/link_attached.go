package session

import "github.com/framerail/framerail/internal/session/sendq"

// Attachment is what a feature above, such as topics, keeps with a connection.
type Attachment interface {
	// Dropped tells that the overflow policy dropped a message that SendPrepared or Deliver had
	// taken and no later message replaces. The connection is locked.
	Dropped(tag Tag)
	// Ended tells that the connection is closed. On the loop, before the Close callback.
	Ended()
}

// attached are the attachments of a connection. nil: none.
type attached struct {
	owner any
	what  Attachment
	next  *attached
}

// find is what the owner has attached, or nil.
func (a *attached) find(owner any) Attachment {
	for ; a != nil; a = a.next {
		if a.owner == owner {
			return a.what
		}
	}
	return nil
}

func (a *attached) end() {
	for ; a != nil; a = a.next {
		a.what.Ended()
	}
}

// Attached is what the owner has attached to c, or nil. From any goroutine.
func Attached(c *Conn, owner any) Attachment {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras == nil {
		return nil
	}
	return c.extras.attached.find(owner)
}

// Attach attaches what to c, unless the owner has attached something before. It returns what
// is attached then. It fails with ErrClosed if c is not open. From any goroutine.
func Attach(c *Conn, owner any, what Attachment) (Attachment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() != Open {
		return nil, ErrClosed
	}
	x := c.makeExtras()
	if before := x.attached.find(owner); before != nil {
		return before, nil
	}
	x.attached = &attached{owner, what, x.attached}
	return what, nil
}

// LoopOf is the loop that c belongs to, for as long as it lives.
func LoopOf(c *Conn) *Loop { return c.loop }

// takeAttached takes the attachments away. mu is held.
func (c *link) takeAttached() *attached {
	if c.extras == nil {
		return nil
	}
	a := c.extras.attached
	c.extras.attached = nil
	return a
}

// dropListener is to be told of shared frames that are dropped; nil if nothing is attached.
// mu is held.
func (c *link) dropListener() func(*sendq.Frame) {
	if c.extras == nil || c.extras.attached == nil {
		return nil
	}
	return c.tellDropped
}

// tellDropped tells the attachments that a frame was dropped. mu is held.
func (c *link) tellDropped(f *sendq.Frame) {
	for a := c.extras.attached; a != nil; a = a.next {
		a.what.Dropped(f.Tag)
	}
}
