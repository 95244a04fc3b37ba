// Package poller reports which descriptors are ready to be read or written, with
// epoll on linux, and with kqueue on darwin and the BSDs.
//
// # Contract
//
// Every platform file has the same functions, in the same order, with the same
// signatures, and only system calls. Decisions are in this file.
//
// Readiness is level-triggered: a descriptor is reported by every Wait for as
// long as it is ready for something of interest. One Wait may report a
// descriptor twice, once for reading and once for writing.
//
// A hang-up or an error has no event of its own. It is reported as the readiness
// that was asked for, and the next read or write returns the error. Some kernels
// report a hang-up without a direction, for a pipe and never for a connected
// socket. It counts as both directions.
//
// With interest None nothing is reported, not even a hang-up or a reset. A
// level-triggered hang-up would come again with every Wait. It is reported once the
// interest is back.
//
// An event carries the token that its descriptor had when Wait returned. Acting on
// one event may close the descriptor of a later event in the same slice. A new
// descriptor may then get the same number. The two tokens differ, so the caller can
// tell that the event is for the old descriptor.
//
// # Concurrency
//
// A Poller belongs to one goroutine, the loop's. Only Wake may be called from any
// goroutine.
//
// # Memory
//
// Wait, Modify and Wake do not allocate once Wait has been called with the
// largest slice it is ever given. On linux a descriptor costs no memory here
// unless its interest is None; with kqueue it costs an entry in a map.
//
// # Limits
//
// The system alone limits the number of descriptors. A Poller takes one for itself
// with epoll, three with kqueue.
//
// # Shutdown
//
// Close, once Wait has returned, gives the Poller's own descriptors back and
// leaves no goroutine. Wake may still be called, and fails with os.ErrClosed.
package poller

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// Interest is what a descriptor is watched for, and what it is ready for: any
// union of Read and Write.
type Interest uint8

const (
	// None watches for nothing and silences hang-ups too.
	None Interest = 0
	// Read is ready when a read would not block: data, end of file or an error.
	Read Interest = 1
	// Write is ready when a write would not block: room, or an error.
	Write Interest = 2
)

// Event says that a descriptor is ready.
type Event struct {
	// Token is the number with which the descriptor was registered. All 64 bits are the
	// caller's. It must differ between successive users of one descriptor number, as a slot
	// number with a generation does: drop an event whose token is no longer known.
	Token uint64
	// Ready is what the descriptor is ready for.
	Ready Interest
}

// ErrUnsupported is returned by New on systems that have neither epoll nor
// kqueue, and names those that have. errors.Is(err, errors.ErrUnsupported) holds too.
var ErrUnsupported = fmt.Errorf("framerail: no event loop for %s; linux, darwin, freebsd, netbsd, openbsd and dragonfly have one: %w",
	runtime.GOOS, errors.ErrUnsupported)

// errNoRoom is a misuse: Wait without room for an event could not tell a ready
// descriptor from none.
var errNoRoom = errors.New("framerail: Wait needs room for at least one event")

// Where the loop's goroutine is, as Wake has to know.
const (
	running uint32 = iota // between two calls of Wait, or in one that will not park
	parked                // may be asleep: has to be roused
	woken                 // Wake was called, no Wait has returned since
	closed
)

// Poller watches descriptors for one goroutine. Only Wake is safe from others.
// The zero value is of no use: call New.
type Poller struct {
	// state is shared with the goroutines that call Wake.
	state atomic.Uint32

	// Owned by the loop.

	// paused holds the descriptors with interest None, which are out of the
	// kernel's set.
	paused map[int]struct{}
	// over is the deadline that was last seen to have passed: a caller with more to
	// do passes the same one again and again, and need not pay for the clock.
	over time.Time
	platform
}

// New makes a Poller, which holds a few descriptors until Close. It fails with
// ErrUnsupported on systems without epoll or kqueue, and with the system's
// error (EMFILE, say) when no descriptor can be had.
func New() (*Poller, error) {
	p := &Poller{paused: make(map[int]struct{})}
	if err := p.open(); err != nil {
		return nil, err
	}
	return p, nil
}

// Add begins to watch fd, which must be open, non-blocking and not yet watched
// by p. It fails for descriptors that cannot be watched, such as regular files.
func (p *Poller) Add(fd int, i Interest, t uint64) error {
	delete(p.paused, fd)
	if i == None {
		p.paused[fd] = struct{}{}
		return nil
	}
	return p.attach(fd, i, t)
}

// Modify changes the interest and the token of a descriptor that p watches. On
// error the previous interest stays.
func (p *Poller) Modify(fd int, i Interest, t uint64) error {
	_, paused := p.paused[fd]
	switch {
	case paused && i == None:
		return nil
	case paused:
		if err := p.attach(fd, i, t); err != nil {
			return err
		}
		delete(p.paused, fd)
		return nil
	case i == None:
		if err := p.detach(fd); err != nil {
			return err
		}
		p.paused[fd] = struct{}{}
		return nil
	default:
		return p.change(fd, i, t)
	}
}

// Remove ends the watch over fd. Call it before closing fd: a descriptor that
// some other process still holds open would go on being reported. Events that
// Wait has already returned are not taken back.
func (p *Poller) Remove(fd int) error {
	if _, paused := p.paused[fd]; paused {
		delete(p.paused, fd)
		return nil
	}
	return p.detach(fd)
}

// Wait fills events with what is ready and returns how many it filled. With
// nothing ready it waits until something is, until Wake is called, or until the
// deadline; the zero deadline is none. After a deadline that has passed it
// returns at once. It may return 0 early: the caller looks at the clock, not at
// the count, to see whether the deadline has come.
//
// Once the deadline has passed it looks for events again before it returns 0: what
// became ready while the goroutine or the whole process did not run is returned
// first.
//
// Passing the same deadline again costs nothing, changing it re-arms a timer.
// len(events) must be at least 1.
func (p *Poller) Wait(events []Event, deadline time.Time) (int, error) {
	if len(events) == 0 {
		return 0, errNoRoom
	}
	n, err := p.poll(events)
	if p.state.Load() == woken {
		p.state.Store(running)
	} else if n == 0 && err == nil && !p.passed(deadline) {
		n, err = p.sleep(events, deadline)
	}
	if n > 0 || err != nil || deadline == p.over || !p.passed(deadline) {
		return n, err
	}
	// What arrived before the deadline comes before what the caller does for want of
	// it. A sleep that ends late, because the process did not run, may end with the
	// deadline alone.
	p.over = deadline
	return p.poll(events)
}

// sleep parks until there is something to return for.
func (p *Poller) sleep(events []Event, deadline time.Time) (n int, err error) {
	// The timer is armed before anybody can see that the loop is parked: on
	// epoll rousing it is moving that timer, and arming later would undo it.
	if err := p.arm(deadline); err != nil {
		return 0, err
	}
	if p.state.CompareAndSwap(running, parked) {
		n, err = p.park(events)
	}
	p.state.Swap(running) // whatever wake-up came meanwhile is served by returning
	return n, err
}

// passed tells whether a deadline has come.
func (p *Poller) passed(deadline time.Time) bool {
	return !deadline.IsZero() && (deadline == p.over || !time.Now().Before(deadline))
}

// Wake makes the current Wait return, or the next one if none is going on.
// Wake-ups that come before a Wait returns are one. Any goroutine may call it;
// what it wants to tell the loop has to be in place before, under a lock or an
// atomic of its own. After Close it returns os.ErrClosed.
func (p *Poller) Wake() error {
	for {
		switch s := p.state.Load(); {
		case s == woken:
			return nil
		case s == closed:
			return os.ErrClosed
		case !p.state.CompareAndSwap(s, woken):
			continue
		case s == parked:
			return p.unpark()
		default:
			return nil
		}
	}
}

// Close gives back the Poller's own descriptors; those it watched stay open.
// It must not be called while Wait is running. Calling it again returns
// os.ErrClosed.
func (p *Poller) Close() error {
	if p.state.Swap(closed) == closed {
		return os.ErrClosed
	}
	return p.close()
}
