package relay

import (
	"errors"
	"io"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
)

// input is what has come and was not taken yet. Guarded by the Conn's mu. The bytes behind in belong to the
// goroutine that reads.
type input struct {
	in      []byte // into one of the two below; from in[from] on not taken yet
	from    int
	large   *buffer.Buffer // nil: small is used
	full    bool           // the last read has filled its buffer
	behind  bool           // the read that goes on, or is next, follows one that filled its buffer
	burst   bool           // the last two reads have filled their buffers, and the second did not wait
	reading bool           // a goroutine reads
	readErr error          // what the reads have ended with
	small   [waitSize]byte
}

// pollTime is the longest that a read takes if its bytes are there already. A longer read has waited for its peer.
const pollTime = time.Millisecond

// smallestRead is how much room a read must have at least. With less the goroutine waits for the loop.
const smallestRead = waitSize / 4

// Read implements transport.Transport.
func (c *Conn) Read(b []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n = copy(b, c.in[c.from:]); n > 0 {
		c.from += n
		c.readOn()
		return n, nil
	}
	switch {
	case len(b) == 0:
		return 0, nil
	case c.readErr != nil:
		return 0, c.readErr
	case c.writeErr != nil:
		return 0, c.writeErr
	}
	return 0, transport.ErrWouldBlock
}

// readOn has a goroutine read, unless one does, or the loop has not taken all that has come. mu is held.
func (c *Conn) readOn() {
	if c.reading || c.from < len(c.in) || c.readErr != nil || c.gone || c.closing || c.lent != nil {
		return
	}
	switch {
	case !c.full:
		c.dropLarge()
	case c.large == nil && c.burst: // a full read alone may be all: a large buffer would wait with a silent connection
		c.large = c.pool.TryGet(readSize) // or nil: short reads go on
	}
	c.in, c.from, c.behind, c.full = c.space()[:0], 0, c.full, false
	c.reading = true
	go c.read()
}

// space is the buffer that is read into. mu is held.
func (in *input) space() []byte {
	if in.large != nil {
		return in.large.B[:readSize]
	}
	return in.small[:]
}

// dropLarge gives the large buffer back, and forgets what is in it. mu is held, and no goroutine reads.
func (in *input) dropLarge() {
	if in.large != nil {
		in.large.Release()
		in.large, in.in, in.from = nil, nil, 0
	}
}

// readIn reads until there is nothing to read into, or the stream has ended.
func (c *Conn) readIn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for empty := 0; ; {
		at := len(c.in)
		room := c.in[at:cap(c.in)]
		behind, began := c.behind, time.Time{}
		c.behind = false
		c.mu.Unlock()
		if behind {
			began = time.Now()
		}
		n, err := c.nc.Read(room)
		if n < 0 || n > len(room) {
			n, err = 0, errImpossible
		}
		c.mu.Lock()
		c.came(n)
		switch {
		case n > 0:
			empty = 0
		case err == nil:
			if empty++; empty == emptyMost {
				err = io.ErrNoProgress
			}
		}
		if err != nil && c.readErr == nil {
			c.readErr = c.cause(err)
		}
		c.full = n == len(room)
		c.burst = behind && c.full && time.Since(began) < pollTime
		if n > 0 || err != nil {
			c.notify()
		}
		if err != nil || c.full || c.large != nil || c.lent != nil || c.closing || cap(c.in)-len(c.in) < smallestRead {
			break
		}
	}
	c.reading = false
	if c.closing && (c.lent == nil || c.gone) { // nothing takes what has come
		c.dropLarge()
	}
	if c.lent != nil {
		c.lent.changed.Broadcast()
	}
	c.readOn() // the loop may have taken all meanwhile
	c.settle()
}

// errImpossible ends a connection whose net.Conn cannot count.
var errImpossible = errors.New("framerail: Read of a net.Conn has returned an impossible count")

// emptyMost is how many reads may return nothing and no error, one after the other.
const emptyMost = 100

// came appends n bytes that were read. If the loop has taken all that was before, they move to the beginning,
// so that there is as much room as can be. mu is held.
func (c *Conn) came(n int) {
	at := len(c.in)
	c.in = c.in[:at+n]
	if c.from == at && at > 0 {
		copy(c.in[:n], c.in[at:])
		c.in, c.from = c.in[:n], 0
	}
}
