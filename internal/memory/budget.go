// Package memory bounds the pooled buffers of all loops of a server together.
//
// A [Budget] is tight when little of it is left: then nobody new is let in. It is full
// when almost nothing is left: then the connections that hold most are closed. Clients
// whose connections are not open yet have a bound of their own, so that those who never
// finish a handshake cannot use up what open connections need.
package memory

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/platform"
)

// Loop is what a budget asks of an event loop. What is said to run on the loop is called
// from a function that Ask was given; the rest is safe from any goroutine.
type Loop interface {
	// Pools are what the loop lends to open connections, and to clients whose connections
	// are not open.
	Pools() (open, unopened *buffer.Pool)
	// Ask has the loop call f in its turn; not at all once the loop has ended.
	Ask(f func())
	// Holders are the open connections that hold most, largest first: AtOnce of them at
	// most. On the loop.
	Holders() []Holder
	// Shed closes a connection, if it is still there, and tells whether it was not being
	// closed for its memory before. On the loop.
	Shed(id uint64) (first bool)
	// ShedUnopened refuses clients whose connections are not open until they have given
	// back that many bytes, and returns how many it has refused. On the loop.
	ShedUnopened(bytes int) (clients int)
}

// Holder is an open connection and what it holds.
type Holder struct {
	ID    uint64 // by which its loop finds it, and no other connection later
	Bytes int
	Shed  bool // it is being closed for its memory already, and holds what tells its peer

	loop Loop
}

// Options are what a Budget goes by.
type Options struct {
	// Limit is the budget in bytes. 0: a quarter of the memory that is usable. Negative:
	// there is none.
	Limit int64
	// Longest is the most that one client needs at once before its connection is open, in
	// bytes.
	Longest int
	// Platform is where the loops run, and Stopping is closed when they are to end.
	Platform platform.Platform
	Stopping <-chan struct{}
	Logger   *slog.Logger
}

// Budget bounds the pooled buffers of all loops together. A pool counts what it has
// lent by itself and compares that with a mark of its own; only at the mark are all
// pools looked at. Between them the marks leave half of what is free, so that however
// the loops use it, the budget is not passed unnoticed.
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
	}
	for _, p := range b.pools {
		p.Watch(b.Check)
	}
	b.Check()
}

// Limit is the budget in bytes; 0 if there is none.
func (b *Budget) Limit() int64 { return b.limit }

// used is how many bytes of buffers are lent.
func (b *Budget) used() (sum int64) {
	for _, p := range b.pools {
		_, n := p.Lent()
		sum += n
	}
	return sum
}

// Tight tells whether no new connections should come.
func (b *Budget) Tight() bool { return b.limit > 0 && b.used() >= b.limit/100*tightPercent }

// Full tells whether connections must go.
func (b *Budget) Full() bool { return b.limit > 0 && b.used() >= b.limit/100*fullPercent }

// Over tells whether there is nothing left of it.
func (b *Budget) Over() bool { return b.limit > 0 && b.used() >= b.limit }

// Short is Over, for a message that cannot grow. Of what was lent while marks were set
// nobody may have been told: it sees that somebody is shed.
func (b *Budget) Short() bool {
	if !b.Over() {
		return false
	}
	b.Check()
	return true
}

// pressed tells whether somebody must go: clients whose connections are not open while
// the budget is tight, and connections while it is full.
func (b *Budget) pressed() bool { return b.Full() || b.Tight() && b.Unopened() > 0 }

// Check sets all marks anew, and sees that somebody is shed if the budget is pressed. A
// pool that has come to its mark calls it.
func (b *Budget) Check() {
	if b.limit == 0 {
		return
	}
	if b.mu.TryLock() { // or else somebody is at it
		free := b.limit/100*fullPercent - b.used()
		for _, p := range b.pools {
			_, mark := p.Lent()
			mark += max(free/2, b.limit/100) / int64(len(b.pools))
			if free < 0 {
				mark = 0 // what is lent now is too much, and would be later
			}
			p.SetMark(mark)
		}
		b.mu.Unlock()
	}
	if b.pressed() && b.shedding.CompareAndSwap(false, true) {
		b.platform.Go(b.shed)
	}
}

// Shedding tells whether a goroutine looks for those who must go.
func (b *Budget) Shedding() bool { return b.shedding.Load() }

// Hold has nobody shed until release is called, for tests of what else keeps to the budget.
func (b *Budget) Hold() (release func()) {
	b.shedding.Store(true)
	return func() { b.shedding.Store(false) }
}

const (
	// share is the part of the memory that buffers may take by default: as much again may
	// lie idle or wait to be collected, and the program wants some too.
	share = 4
	// MinDefault is the least default, in bytes.
	MinDefault = 16 << 20
	// unknown stands for the memory of a machine that does not tell, in bytes.
	unknown = 2 << 30
	// tightPercent of the budget are used when it is tight, and fullPercent when it is full.
	tightPercent = 95
	fullPercent  = 98
	// AtOnce is how many connections of a loop are closed in one go, and patience how long
	// a loop may take to tell who holds what, and to close them.
	AtOnce   = 64
	patience = 100 * time.Millisecond
)
