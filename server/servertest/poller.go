package servertest

import (
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/framerail/framerail/poller"
)

// simPoller is a loop's poller: level-triggered, in any order, and with Faults wrong
// now and then. All of it is guarded by the simulation's mu.
type simPoller struct {
	sim     *Sim
	id      int
	watched []end
	stirred []end // those of them that may be ready, in the same order; and some that are not
	added   int   // registrations, ever
	woken   bool
	closed  bool
	changed past
	gone    past
}

// past is the tokens of registrations that are not what they were, the last few.
type past struct {
	tokens []uint64
	next   int
}

// pastTokens is how many stale events a poller can come back with.
const pastTokens = 64

func (p *past) add(t uint64) {
	if len(p.tokens) < pastTokens {
		p.tokens = append(p.tokens, t)
		return
	}
	p.tokens[p.next%pastTokens] = t
	p.next++
}

// event is one of them, ready for anything. There must be one.
func (p *past) event(r *rand.Rand) poller.Event {
	return poller.Event{
		Token: p.tokens[r.IntN(len(p.tokens))],
		Ready: [...]poller.Interest{poller.Read, poller.Write, poller.Read | poller.Write}[r.IntN(3)],
	}
}

// watch is the registration of a socket.
type watch struct {
	poller   *simPoller
	interest poller.Interest
	token    uint64
	order    int  // among the poller's registrations
	stirred  bool // it is among those of the poller that are
}

// stir enters the registration of e among those that may be ready.
func (w *watch) stir(e end) {
	if w.poller == nil || w.stirred {
		return
	}
	w.stirred = true
	p := w.poller
	at, _ := slices.BinarySearchFunc(p.stirred, w.order, func(o end, order int) int { return o.watching().order - order })
	p.stirred = slices.Insert(p.stirred, at, e)
}

// mayGetReady tells whether it may without being stirred: what makes room to write is not noted.
func (w *watch) mayGetReady() bool { return w.interest&poller.Write != 0 }

// forget takes out a socket.
func (p *simPoller) forget(e end) {
	isIt := func(o end) bool { return o == e }
	p.watched = slices.DeleteFunc(p.watched, isIt)
	if e.watching().stirred {
		p.stirred = slices.DeleteFunc(p.stirred, isIt)
	}
	*e.watching() = watch{}
}

// settle takes those out of stirred that are not ready, if it has many.
func (p *simPoller) settle() {
	if len(p.stirred) <= fewAtOnce {
		return
	}
	p.stirred = slices.DeleteFunc(p.stirred, func(e end) bool {
		w := e.watching()
		w.stirred = w.mayGetReady() || e.readiness()&w.interest != 0
		return !w.stirred
	})
}

// at is the socket under a descriptor, which it notes if there is none.
func (p *simPoller) at(fd int, doing string) end {
	if k := p.sim.endAt(fd); k != nil {
		return k
	}
	p.sim.breachLocked("%s descriptor %d, which is not open", doing, fd)
	return nil
}

func (p *simPoller) Add(fd int, i poller.Interest, t uint64) error {
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	k := p.at(fd, "watching")
	if k == nil {
		return os.ErrInvalid
	}
	if k.watching().poller != nil {
		p.sim.breachLocked("%v is watched twice", k)
		return os.ErrExist
	}
	p.added++
	*k.watching() = watch{poller: p, interest: i, token: t, order: p.added}
	p.watched = append(p.watched, k)
	k.watching().stir(k)
	return nil
}

func (p *simPoller) Modify(fd int, i poller.Interest, t uint64) error {
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	k := p.at(fd, "changing the interest of")
	if k == nil || k.watching().poller != p {
		p.sim.breachLocked("the interest of descriptor %d is changed, which is not watched", fd)
		return os.ErrNotExist
	}
	p.changed.add(k.watching().token)
	k.watching().interest, k.watching().token = i, t
	k.watching().stir(k)
	p.sim.note(actWatch, k.number(), int(i))
	return nil
}

func (p *simPoller) Remove(fd int) error {
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	k := p.at(fd, "removing")
	if k == nil || k.watching().poller != p {
		return os.ErrNotExist
	}
	p.gone.add(k.watching().token)
	p.forget(k)
	return nil
}

func (p *simPoller) Wake() error {
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	p.woken = true
	return nil
}

func (p *simPoller) Close() error {
	p.sim.mu.Lock()
	defer p.sim.mu.Unlock()
	if p.closed {
		p.sim.breachLocked("poller %d is closed twice", p.id)
		return os.ErrClosed
	}
	p.closed = true
	return nil
}

// ready tells whether Wait would return at once.
func (p *simPoller) ready() bool {
	if p.woken {
		return true
	}
	for _, k := range p.stirred {
		if k.readiness()&k.watching().interest != 0 {
			return true
		}
	}
	p.settle()
	return false
}

func (p *simPoller) Wait(events []poller.Event, deadline time.Time) (int, error) {
	s := p.sim
	s.wait(waiting{poller: p, until: deadline})
	s.mu.Lock()
	defer s.mu.Unlock()
	p.woken = false
	n := p.fill(events)
	s.note(actEvents, p.id, n)
	return p.interrupt(events, n), nil
}

// fill tells what is ready, and what is not.
func (p *simPoller) fill(events []poller.Event) (n int) {
	s, f := p.sim, &p.sim.Faults
	add := func(ev poller.Event) {
		if n < len(events) {
			events[n] = ev
			n++
		}
	}
	p.settle()
	candidates := p.stirred
	if f.Spurious > 0 {
		candidates = p.watched
	}
	for _, k := range candidates {
		ready := k.readiness() & k.watching().interest
		if s.happens(f.Spurious) {
			ready |= k.watching().interest
		}
		if ready == 0 {
			continue
		}
		add(poller.Event{Token: k.watching().token, Ready: ready})
		if s.happens(f.Stale) {
			add(poller.Event{Token: k.watching().token, Ready: ready})
		}
	}
	for len(p.changed.tokens) > 0 && s.happens(f.Stale) {
		add(p.changed.event(s.rnd))
	}
	s.rnd.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
	return n
}

// interrupt puts events of registrations that are gone between the n others, whose
// order is kept. Nothing of it is in the trace.
func (p *simPoller) interrupt(events []poller.Event, n int) int {
	r := p.sim.apart
	for len(p.gone.tokens) > 0 && n < len(events) && drawn(r, p.sim.Faults.Gone) {
		at := r.IntN(n + 1)
		copy(events[at+1:n+1], events[at:n])
		events[at] = p.gone.event(r)
		n++
	}
	return n
}
