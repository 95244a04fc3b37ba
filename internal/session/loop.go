package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/session/sendq"
)

// ReadSize is the size of a loop's read buffer in bytes, shared by all of its
// connections. A message of 64 KiB fits in it with its header. A read that fills it may be
// followed by another.
const ReadSize = 64<<10 + frame.MaxHeaderLen

// Host is the event loop as its connections see it.
type Host interface {
	// Schedule asks the loop to call the Attend of c's Driver soon. From any goroutine.
	Schedule(c *Conn)
	// SetInterest says which readiness to report from now on. On the loop.
	SetInterest(d *Driver, read, write bool)
	// SetTimer asks for the Expire of c's Driver once that much time has passed, in place of an
	// earlier wish; there is one timer for each connection. On the loop.
	SetTimer(c *Conn, after time.Duration)
	// Limited tells, once when the connection opens and then whenever it has changed,
	// how long the connection may live: its Limits have MaxLifetime. On the loop.
	Limited(d *Driver)
	// Opened tells that the Open callback has returned. On the callback's goroutine.
	Opened(c *Conn)
	// Closed tells that the connection is closed: the loop forgets d, its interest
	// and its timer. The transport is closed right after it. On the loop.
	Closed(d *Driver)
	// Ended tells that the Close callback has returned: nothing more will run.
	// On the callback's goroutine.
	Ended(c *Conn)
}

// Loop is what the connections of one event loop share: buffers and the time. The methods
// of their Drivers are called on one goroutine.
type Loop struct {
	owner guard.Goroutine // the one that runs the loop
	host  Host

	// Now is the time since a moment of the owner's choice, as of this turn. The
	// owner sets it; timeouts are only as fine as it is.
	Now time.Duration

	// Clock is the time by which Now is set, from any goroutine. The owner sets it before the
	// first connection. Nil: Now.
	Clock func() time.Duration

	// Short tells whether buffers are so short that a message in progress must not grow:
	// then it is neither read on nor inflated in this turn, and the poller, or
	// Host.Schedule, brings the loop back to it in the next. On the loop. The owner sets it
	// before the first connection. Nil: they never are.
	Short func() bool

	// Ask has f called on the loop in its turn, unless the loop has ended. From any goroutine.
	// The owner sets it before the first connection, if features are to be attached.
	Ask func(f func())

	afterFuncs atomic.Int64 // functions that wait for their time

	executor

	pool   buffer.Pool
	sends  sendq.Store // what queues take their memory from
	queues buffer.Structs[queue]

	// Owned by the loop.
	readBuffer
	spare     *receiver // at rest; lent to the connection being read
	receivers sync.Pool // *receiver, those given back beyond the spare one

	inflating
	asleep atomic.Bool // the loop waits for its poller: see onloop.go

	// Lent to the connection whose Open callback runs.
	extras  extras
	opening opening
}

// NewLoop is a loop's shared part.
func NewLoop(host Host) *Loop {
	l := &Loop{host: host, readBuffer: readBuffer{make([]byte, ReadSize), longReads}}
	l.sends.Pool = &l.pool
	l.queues.Init(&l.pool, newQueue)
	return l
}

// Lent is how many pooled buffers the loop's connections hold, and their bytes. Idle connections hold only
// the contexts of compression. From any goroutine.
func (l *Loop) Lent() (buffers, bytes int64) { return l.pool.Lent() }

// Buffers is the pool of the loop's connections.
func (l *Loop) Buffers() *buffer.Pool { return &l.pool }
