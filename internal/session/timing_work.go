package session

import (
	"math"
	"sync/atomic"
	"time"
)

// A compressed message of a few hundred bytes can say a thousand times as many, and an
// answer to a short message can be long. So what compression takes is bounded apart from
// the bytes that are read: in a turn of a connection by workBudget, beyond which the loop
// serves others first, and in a second by [Config].CompressionPerSecond, beyond which the
// peer is not read from for a while. It is counted, in the measure of
// [deflate.Inflater.Work], and not timed: so it is the same on every machine, and in a
// simulation.

// work is what compression has taken in the turn of the connection that is being served.
type work struct {
	// all is what this loop's callbacks had compressed, for whatever connection, and
	// what was inflated.
	all atomic.Int64
	// own is the part of it that was for the connection itself, and is not charged yet.
	own atomic.Int64
	// answers is set while the loop sends an AutoAnswer. The loop compresses then, although no callback holds it.
	answers atomic.Bool
	// rest is the part of a millisecond that no connection was charged, in workParts of it. Its
	// bytes differ by the connections' rates. Owned by the loop.
	rest int64
}

const (
	// workOfPiece is what a piece of a compressed message takes besides, in bytes.
	workOfPiece = 64
	// workHold is the debt, in ms, at which a peer is not read from any more, and
	// workRelease the one at which it is again. The debt fits in a byte: where the rate
	// is so low that a turn takes more, extras.workUntil says when it is paid off.
	workHold    = 200
	workRelease = 100
	workMost    = math.MaxUint8
	// workLongest bounds it nevertheless: a year.
	workLongest = 365 * 24 * 3600 * 1000
	// workParts is what a millisecond's worth is counted in.
	workParts = 256
)

// inflated notes that n bytes' worth was inflated.
func (d *timing) inflated(n int) {
	d.loop.work.all.Add(int64(n))
	d.loop.work.own.Add(int64(n))
}

// chargeWork adds what was done for the connection to its debt, and stops its input if
// that is too much.
func (d *timing) chargeWork() {
	d.check()
	w, rate := &d.loop.work, d.limits().costs.work
	own := w.own.Swap(0)
	if own == 0 || rate == 0 {
		return
	}
	w.rest += own % rate * workParts / rate
	debt := min(int64(d.workDebt)+own/rate+w.rest/workParts, workLongest)
	w.rest %= workParts
	d.workDebt = uint8(min(debt, workMost))
	c := &d.Conn
	if d.workDebt < workHold || c.flags.Load()&holdWork != 0 || c.State() != Open || d.Ending() {
		return
	}
	c.mu.Lock()
	c.hold(holdWork)
	if debt > workMost {
		c.makeExtras().workUntil = d.loop.Now + time.Duration(debt-workRelease)*time.Millisecond
	}
	c.mu.Unlock()
	d.setTimer()
}

// releaseWork lets the input flow again once enough time has passed.
func (d *timing) releaseWork() {
	if after, ok := d.nextRelease(); !ok || after > 0 {
		return
	}
	d.hear() // it is this side that does not read
	d.mu.Lock()
	d.release(holdWork)
	if d.extras != nil {
		d.extras.workUntil = 0
	}
	d.mu.Unlock()
}

// worked tells whether anything was compressed in this turn, or inflated.
func (l *Loop) worked() bool { return l.work.all.Load() != 0 }

// tired tells whether the loop should serve other connections now.
func (l *Loop) tired() bool { return l.work.all.Load() >= workBudget }

// endTurn forgets what was done in the connection's turn.
func (l *Loop) endTurn() {
	l.check()
	if l.worked() {
		l.work.all.Store(0)
		l.work.own.Store(0)
	}
}
