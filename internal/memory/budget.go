// Package memory bounds the pooled buffers of all loops of a server together.
//
// A [Budget] is tight when little of it is left. Then no new connections are accepted. It is full
// when almost nothing is left. Then the connections that hold most are closed. Connections that
// are not open yet have a bound of their own, so unfinished handshakes cannot use up the memory
// that open connections need.
package memory

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/platform"
)

// Loop is an event loop, as a budget sees it. Methods marked "On the loop" are called from a function
// that was given to Ask. The others are safe from any goroutine.
type Loop interface {
	// Pools returns the loop's pool for open connections, and its pool for those that are not open
	// yet.
	Pools() (open, unopened *buffer.Pool)
	// Ask makes the loop call f in its next turn. A loop that has ended does not call it.
	Ask(f func())
	// Holders returns the open connections that hold most, largest first, at most AtOnce of them. On
	// the loop.
	Holders() []Holder
	// Shed closes a connection, if it is still there. It returns false if the connection was being
	// closed for its memory already. On the loop.
	Shed(id uint64) (first bool)
	// ShedUnopened refuses connections that are not open yet, until they have given back that many
	// bytes. It returns how many it has refused. On the loop.
	ShedUnopened(bytes int) (clients int)
}

// Holder is an open connection and what it holds.
type Holder struct {
	ID    uint64 // for Shed; never reused for another connection
	Bytes int
	Shed  bool // it is being closed for its memory already, and holds the Close frame

	loop Loop
}

// Options are the options of a Budget.
type Options struct {
	// Limit is the budget in bytes. 0: a quarter of the usable memory. Negative: no limit.
	Limit int64
	// Longest is the most bytes that one connection needs at once before it is open.
	Longest int
	// Platform is where the loops run, and Stopping is closed when they are to end.
	Platform platform.Platform
	Stopping <-chan struct{}
	Logger   *slog.Logger
}

// Budget bounds the pooled buffers of all loops together. Each pool counts its own loans and compares
// them with its own mark. Only at the mark are all pools added up. The marks together leave half of
// the free bytes, so the budget cannot be passed unnoticed, however the loops use it.
//
// Its methods are safe from any goroutine once Init has returned.
type Budget struct {
	limit        int64 // bytes; 0: no limit
	unopenedMost int   // bytes that each loop lends to clients whose connections are not open
	platform     platform.Platform
	stopping     <-chan struct{}
	logger       *slog.Logger
	loops        []Loop
	pools        []*buffer.Pool // all of the loops

	mu       guard.LastMutex // for setting the marks
	shedding atomic.Bool     // a goroutine is choosing connections
}

// Init watches the pools of loops that do not run yet.
func (b *Budget) Init(loops []Loop, o Options) {
	if o.Limit == 0 {
		o.Limit = max(Usable()/share, MinDefault)
	}
	if o.Limit < 0 {
		return
	}
	b.limit, b.loops = o.Limit, loops
	b.platform, b.stopping, b.logger = o.Platform, o.Stopping, o.Logger
	b.unopenedMost = max(int(min(b.limit/unopenedShare/int64(len(loops)), unopenedMost)), buffer.Size(o.Longest))
	for _, l := range loops {
		open, unopened := l.Pools()
		b.pools = append(b.pools, open, unopened)
		open.SetAmple(b.ample)
	}
	for _, p := range b.pools {
		p.Watch(b.Check)
	}
	b.Check()
}

// Limit is the budget in bytes; 0 if there is none.
func (b *Budget) Limit() int64 { return b.limit }

// used is how many bytes are lent.
func (b *Budget) used() (sum int64) {
	for _, p := range b.pools {
		_, n := p.Lent()
		sum += n
	}
	return sum
}

// Tight reports whether no new connections should be accepted.
func (b *Budget) Tight() bool { return b.limit > 0 && b.used() >= b.limit/100*tightPercent }

// Full reports whether connections must be closed.
func (b *Budget) Full() bool { return b.limit > 0 && b.used() >= b.limit/100*fullPercent }

// ample reports whether buffers may be lent that can be done without. Half of the budget is for others.
func (b *Budget) ample() bool { return b.used() < b.limit/2 }

// Over reports whether the budget is used up.
func (b *Budget) Over() bool { return b.limit > 0 && b.used() >= b.limit }

// Short is Over, for a message that wants to grow. No pool may have noticed loans that were made while
// the marks were set. So Short also starts shedding.
func (b *Budget) Short() bool {
	if !b.Over() {
		return false
	}
	b.Check()
	return true
}

// pressed reports whether connections must go: those that are not open yet while the budget is tight,
// and open ones while it is full.
func (b *Budget) pressed() bool { return b.Full() || b.Tight() && b.Unopened() > 0 }

// Check sets all marks again, and starts shedding if the budget is pressed. A pool that has reached its
// mark calls it.
func (b *Budget) Check() {
	if b.limit == 0 {
		return
	}
	if b.mu.TryLock() { // or another goroutine is setting the marks
		free := b.limit/100*fullPercent - b.used()
		for _, p := range b.pools {
			_, mark := p.Lent()
			mark += max(free/2, b.limit/100) / int64(len(b.pools))
			if free < 0 {
				mark = 0 // the present loans are too much
			}
			p.SetMark(mark)
		}
		b.mu.Unlock()
	}
	if b.pressed() && b.shedding.CompareAndSwap(false, true) {
		b.platform.Go(b.shed)
	}
}

const (
	// share is the part of the memory that buffers may take by default. As much again may be
	// idle or wait for the garbage collector, and the program needs some too.
	share = 4
	// MinDefault is the least default, in bytes.
	MinDefault = 16 << 20
	// unknown is the assumed memory, in bytes, if the machine's is unknown.
	unknown = 2 << 30
	// tightPercent of the budget are used when it is tight, and fullPercent when it is full.
	tightPercent = 95
	fullPercent  = 98
	// AtOnce is how many connections of a loop are closed in one round. patience is how long a
	// loop may take to answer, and to close them.
	AtOnce   = 64
	patience = 100 * time.Millisecond
)
