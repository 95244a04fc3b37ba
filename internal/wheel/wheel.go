// Package wheel keeps the timers of one event loop on a hashed wheel.
//
// A timer is known by a small number, the slot of its connection in the loop. Each connection has
// one timer, which costs 12 bytes without a pointer. Setting, clearing and firing take constant
// time. An idle connection needs neither a runtime timer nor a goroutine.
//
// All methods belong to the loop's goroutine.
package wheel

import (
	"math/bits"
	"time"
)

// Tick counts steps of [Resolution] since the wheel's owner began. It wraps
// after six years; comparisons are made by difference.
type Tick uint32

// Resolution is the length of a tick: the most by which a timer is late. The timeouts that use it
// are seconds long.
const Resolution = 50 * time.Millisecond

// Ticks is d in ticks, rounded up, so that no timer fires early.
func Ticks(d time.Duration) Tick {
	return Tick((d + Resolution - 1) / Resolution)
}

// Most is the longest time for which a timer can be set, because ticks that are further away
// count as earlier ones. For a longer time, set the timer again when it has fired.
const Most = 365 * 24 * time.Hour

// After is the tick that is d after now. A d longer than Most counts as Most.
func After(now, d time.Duration) Tick { return Ticks(now + min(d, Most)) }

// Before reports whether t comes before u.
func (t Tick) Before(u Tick) bool { return int32(t-u) < 0 }

const (
	spokes   = 64 * 64 // 204 s a turn: at the default timeouts each timer met is due. See Wheel.words
	pageSize = 512     // timers are added by the page, so that growing moves none
	none     = -1
)

// Wheel is the timers of one loop. Make one with New.
type Wheel struct {
	now   Tick
	armed int

	// The spoke of now is being walked. walk is the timer to look at next. Timers that are set
	// meanwhile go to the head of a spoke, which the walk has passed.
	walking bool
	walk    int32
	heads   [spokes]int32
	used    [spokes / 64]uint64 // a bit for each spoke that holds a timer
	words   uint64              // a bit for each word of used that is not 0
	pages   []*[pageSize]timer
}

type timer struct {
	prev, next int32 // the neighbours on the spoke; prev is off when not armed
	at         Tick
}

const off = -2

// New is an empty wheel that stands at tick now.
func New(now Tick) *Wheel {
	w := &Wheel{now: now, walk: none}
	for i := range w.heads {
		w.heads[i] = none
	}
	return w
}

// Armed is the number of timers that are set.
func (w *Wheel) Armed() int { return w.armed }

// Set arms timer id to fire at tick at, in place of any earlier setting. A tick
// that has passed fires at the next Advance.
func (w *Wheel) Set(id int, at Tick) {
	t := w.timer(id)
	if t.prev != off {
		w.unlink(id, t)
	}
	if !w.now.Before(at) {
		at = w.now + 1
	}
	spoke := at % spokes
	head := w.heads[spoke]
	t.at, t.prev, t.next = at, none, head
	if head != none {
		w.timer(int(head)).prev = int32(id)
	}
	w.heads[spoke] = int32(id)
	w.used[spoke/64] |= 1 << (spoke % 64)
	w.words |= 1 << (spoke / 64)
	w.armed++
}

// Clear disarms timer id, if it is armed.
func (w *Wheel) Clear(id int) {
	if t := w.timer(id); t.prev != off {
		w.unlink(id, t)
	}
}

// Hasten makes timer id fire at tick at, unless it fires before that or is not armed.
func (w *Wheel) Hasten(id int, at Tick) {
	if t := w.timer(id); t.prev != off && at.Before(t.at) {
		w.Set(id, at)
	}
}

// SetBy makes timer id fire at tick at, unless it fires before that.
func (w *Wheel) SetBy(id int, at Tick) {
	if t := w.timer(id); t.prev == off || at.Before(t.at) {
		w.Set(id, at)
	}
}

// Advance moves the wheel to tick now and calls fire for timers that are due, for at most `most`
// of them. It returns false if more are due: the next Advance continues where this one has
// stopped. A timer is disarmed before it fires. fire may set and clear any timer.
//
// Each timer on a spoke is looked at once, whether it is due or a turn away.
func (w *Wheel) Advance(now Tick, most int, fire func(id int)) (all bool) {
	if now-w.now > spokes && w.now.Before(now) {
		w.now, w.walk, w.walking = now-spokes, none, false // one turn meets every timer
	}
	for {
		for w.walk != none {
			id := int(w.walk)
			t := w.timer(id)
			if now.Before(t.at) {
				w.walk = t.next
				continue
			}
			if most == 0 {
				return false
			}
			most--
			w.unlink(id, t) // moves walk on
			fire(id)
		}
		if !w.now.Before(now) {
			w.walking = false
			return true
		}
		w.now++
		w.walk, w.walking = w.heads[w.now%spokes], true
	}
}

// Next is the first tick after now at which a timer may be due; false if none is set. It can be a
// turn early for a timer further away than one turn. While Advance has more timers to fire, it is
// a tick that has passed.
func (w *Wheel) Next() (Tick, bool) {
	if w.armed == 0 {
		return 0, false
	}
	if w.walking {
		return w.now, true
	}
	start := (w.now + 1) % spokes
	word := start / 64
	set := w.used[word] >> (start % 64) << (start % 64)
	if set == 0 { // the next word, and at last the first spokes of this one
		next := word + 1
		word = (next + Tick(bits.TrailingZeros64(bits.RotateLeft64(w.words, -int(next))))) % (spokes / 64)
		set = w.used[word]
	}
	spoke := word*64 + Tick(bits.TrailingZeros64(set))
	return w.now + 1 + (spoke-start)%spokes, true
}

func (w *Wheel) unlink(id int, t *timer) {
	if w.walk == int32(id) {
		w.walk = t.next
	}
	spoke := t.at % spokes
	if t.prev == none {
		w.heads[spoke] = t.next
		if t.next == none {
			if w.used[spoke/64] &^= 1 << (spoke % 64); w.used[spoke/64] == 0 {
				w.words &^= 1 << (spoke / 64)
			}
		}
	} else {
		w.timer(int(t.prev)).next = t.next
	}
	if t.next != none {
		w.timer(int(t.next)).prev = t.prev
	}
	t.prev = off
	w.armed--
}

func (w *Wheel) timer(id int) *timer {
	for id >= len(w.pages)*pageSize {
		page := new([pageSize]timer)
		for i := range page {
			page[i].prev = off
		}
		w.pages = append(w.pages, page)
	}
	return &w.pages[id/pageSize][id%pageSize]
}
