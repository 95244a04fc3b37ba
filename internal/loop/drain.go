package loop

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/wheel"
)

// Draining says how Drain closes open connections. The zero value closes all of them at once, with 1001.
type Draining struct {
	// Window is the time over which the Close frames are spread evenly. 0: they go out at once.
	Window time.Duration
	// Order says which connections come first.
	Order Order
	// Code is the close code. 0: 1001 (Going Away).
	Code frame.CloseCode
	// Loops is how many loops drain together. Each takes its turn between those of the others.
	Loops int
}

// Order is the order in which a drain closes connections.
type Order uint8

const (
	AtRandom Order = iota
	OldestFirst
	NewestFirst
)

// Drain gives the loop the command of that name, and says how to carry it out. From any goroutine.
func (in *inbox) Drain(d Draining) {
	in.mu.Lock()
	in.draining = d
	in.mu.Unlock()
	in.Command(Drain)
}

// beginDrain takes in how to drain. A callback that ends its goroutine, or loses its loop, may have the command carried out
// from the start again. The window goes on then: those that came after it began have a lifetime within it.
func (l *Loop) beginDrain() {
	l.inbox.mu.Lock()
	d := l.inbox.draining
	l.inbox.mu.Unlock()
	l.commands.code = cmp.Or(d.Code, frame.GoingAway)
	if d.Window > 0 && l.window == 0 {
		spread(l, d)
	}
}

// spread gives each open connection its time within a window. That takes the place of the end of its
// lifetime, on the timer and in the field that it has anyway. So a drain needs no memory for a connection.
// Only the list that spread puts in order does, until spread returns.
func spread(l *Loop, d Draining) {
	all := inOrder(l, d.Order)
	turn := (float64(l.Number) + 0.5) / float64(max(d.Loops, 1)) // of this loop between two of its own
	step := StepOf(d.Window)
	for k, t := range all {
		at := time.Duration(float64(d.Window) * (float64(k) + turn) / float64(len(all)))
		if l.hasLifetime(t) {
			at = min(at, max(l.Left(t), 0))
		}
		t.expires = l.momentIn(step, at)
		l.bringForward(t, at)
	}
	l.window, l.windowEnds = d.Window, l.conns.Now+d.Window
}

// inOrder lists the open connections in the order in which a drain closes them. A tenant's generation is
// its age among the loop's tenants.
func inOrder(l *Loop, o Order) []*Tenant {
	all := make([]*Tenant, 0, l.slots.used)
	l.Each(func(t *Tenant) {
		if t.IsOpen() {
			all = append(all, t)
		}
	})
	switch newest := l.slots.gen; o {
	case OldestFirst, NewestFirst:
		slices.SortFunc(all, func(a, b *Tenant) int { return cmp.Compare(newest-b.gen, newest-a.gen) })
		if o == NewestFirst {
			slices.Reverse(all)
		}
	default:
		for i := range all {
			j := i + int(l.system.Uint64()%uint64(len(all)-i))
			all[i], all[j] = all[j], all[i]
		}
	}
	return all
}

// drain carries out the command Drain for an open connection. One that has opened since the command came
// gets a time of its own in what is left of the window.
func (l *Loop) drain(t *Tenant) {
	left := l.windowEnds - l.conns.Now
	switch {
	case l.window == 0 || left <= 0:
		sendAway(l, t)
	case l.commands.applied == Drain:
		at := time.Duration(l.system.Uint64() % uint64(left))
		t.expires = l.after(t, at)
		l.bringForward(t, at)
	default: // spread has given it one
	}
}

// sendAway closes a connection because of a drain. One that is closing already goes on.
func sendAway(l *Loop, t *Tenant) {
	if t.Close(l.commands.code, l.options.Farewell) == nil {
		l.owner(t).drained.Add(1)
	}
}

// bringForward makes a tenant's timer fire after so much time, unless it fires before that.
func (l *timing) bringForward(t *Tenant, after time.Duration) {
	l.timers.SetBy(t.ID(), wheel.After(l.conns.Now, after))
}

// lifetime is the time for which a tenant may be open. In a drain with a window all end with that.
func (l *timing) lifetime(t *Tenant) time.Duration {
	if l.window > 0 {
		return l.window
	}
	return t.MaxLifetime()
}

// momentIn is the moment at which d will have passed, or little later, in steps of that length.
func (l *timing) momentIn(step, d time.Duration) moment {
	return moment((l.conns.Now + min(d, math.MaxInt64-l.conns.Now-step) + step - 1) / step)
}
