package topics

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxInterest is how many names one call of Broker.Interest may have.
const maxInterest = 100_000

// interest is what the node wants of the broker: a topic that exists, and a pattern that exists.
type interest struct {
	mu      sync.Mutex
	changed map[string]bool // guarded by mu: names that have come or gone; whether they are patterns
	refused map[string]bool // guarded by mu: those that the broker has refused, until the next tick

	patternless atomic.Bool // the broker takes interest in patterns, and brings nothing for it

	// Owned by the worker.
	on    map[string]bool // what the broker has confirmed; false: a call with that name has failed, so that it may be on or not
	fails int             // calls in a row that have failed since the last tick
	takes bool            // a name was confirmed on this connection
}

// change notes that a topic has come or gone. Topics.mu may be held.
func (i *interest) change(name string, wild bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.changed == nil {
		i.changed = make(map[string]bool)
	}
	i.changed[name] = wild
}

// noteInterest notes that a topic has come or gone. While the broker is away nothing is noted, because all is given
// anew when it is back. Topics.mu is held.
func (a *across) noteInterest(t *topic) {
	if l := a.link; !l.uplink.isAway() {
		l.interest.change(t.name, t.wild)
	}
}

// renew notes that a connection is new, on which nothing is on. By the worker.
func (i *interest) renew(h *Topics) {
	i.on, i.fails, i.takes = make(map[string]bool), 0, false
	i.patternless.Store(false)
	i.mu.Lock()
	i.refused = nil
	i.mu.Unlock()
	for _, t := range h.allTopics() {
		i.change(t.name, t.wild)
	}
}

// take takes as many changes as one call may have.
func (i *interest) take() map[string]bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	taken := i.changed
	if len(taken) <= maxInterest {
		i.changed = nil
		return taken
	}
	taken = make(map[string]bool, maxInterest)
	for name, wild := range i.changed {
		taken[name] = wild
		delete(i.changed, name)
		if len(taken) == maxInterest {
			break
		}
	}
	return taken
}

// refuse has a name given again with the next tick.
func (i *interest) refuse(name string, wild bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refused == nil {
		i.refused = make(map[string]bool)
	}
	i.refused[name] = wild
}

// isRefused reports whether a name is given again with the next tick.
func (i *interest) isRefused(name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, is := i.refused[name]
	return is
}

// tick has what was refused given again. By the worker.
func (i *interest) tick() {
	i.fails = 0
	i.mu.Lock()
	refused := i.refused
	i.refused = nil
	i.mu.Unlock()
	for name, wild := range refused {
		i.change(name, wild)
	}
}

// maxRefusals is how many calls may fail before the broker is left alone for a while.
const maxRefusals = 32

// isAbsent reports whether the broker takes no interest at all, as if it were away. With few names fewer calls than maxRefusals fail. So a broker
// that has confirmed no name on this connection is absent after one.
func (i *interest) isAbsent() bool { return i.fails >= maxRefusals || i.fails > 0 && !i.takes }

// giveInterest gives the broker what has changed. After an error, what it has not got to is given with the next call, and what was refused with
// the next tick. So many names that are refused end in a call without an error. By the worker.
func (l *link) giveInterest(ctx context.Context) error {
	refusals := maxRefusals
	for {
		changed := l.interest.take()
		if len(changed) == 0 {
			return nil
		}
		if err := l.giveBatch(ctx, changed, &refusals); err != nil {
			for name, wild := range changed {
				if l.interest.isDue(l.hub, name, wild) && !l.interest.isRefused(name) {
					l.interest.change(name, wild)
				}
			}
			return err
		}
	}
}

// isDue reports whether the broker is to be given a name again that it has refused: it is wanted, or may be on. By the worker.
func (i *interest) isDue(h *Topics, name string, wild bool) bool {
	_, perhaps := i.on[name]
	return perhaps || h.lookup(name, wild) != nil
}

// fail notes a call that failed: each of its names may be on or not. If the broker has taken no name at all, those that it was to end are not on. By
// the worker.
func (i *interest) fail(on, off []string) {
	i.fails++
	for _, name := range slices.Concat(on, off) {
		i.on[name] = false
	}
	if !i.takes {
		for _, name := range off {
			delete(i.on, name)
		}
	}
}

// giveBatch gives the broker a batch in one call. If it fails, halves are tried: one name that is refused, say for
// want of rights, must not keep others out.
func (l *link) giveBatch(ctx context.Context, changed map[string]bool, refusals *int) error {
	var on, off []string
	for name, wild := range changed {
		confirmed, perhaps := l.interest.on[name]
		switch wanted := l.hub.lookup(name, wild) != nil; {
		case wanted && !confirmed:
			on = append(on, name)
		case perhaps && !wanted:
			off = append(off, name)
		}
	}
	for _, name := range on {
		if !listens(l, nil, name, 0) { // else a pattern has brought what was published meanwhile
			l.heard.forget(name)
		}
	}
	if len(on)+len(off) > 0 {
		most := longestInterest + time.Duration(len(on)+len(off))*longestName
		err := l.hang.call(ctx, l, "Interest", most, func(ctx context.Context) error { return l.interest.give(ctx, l.broker, on, off) })
		if err != nil {
			*refusals--
			l.interest.fail(on, off)
			return l.giveHalves(ctx, changed, refusals, err)
		}
		l.interest.fails = 0
	}
	for _, name := range off {
		delete(l.interest.on, name)
	}
	for _, name := range on {
		l.interest.on[name], l.interest.takes = true, true
	}
	for name, wild := range changed {
		if l.interest.on[name] {
			if t := l.hub.lookup(name, wild); t != nil {
				l.confirm(t)
			}
		}
	}
	return nil
}

// give calls Broker.Interest. A broker that does without patterns has done the rest. Systems have errors of that kind too: without patterns it is one.
func (i *interest) give(ctx context.Context, b Broker, on, off []string) error {
	err := b.Interest(ctx, on, off)
	if errors.Is(err, errors.ErrUnsupported) && slices.ContainsFunc(on, func(name string) bool { return CheckName(name) == ErrWildcard }) {
		i.patternless.Store(true)
		return nil
	}
	return err
}

// giveHalves gives the broker what it has refused, in two calls.
func (l *link) giveHalves(ctx context.Context, changed map[string]bool, refusals *int, err error) error {
	if ctx.Err() != nil || *refusals <= 0 {
		return err
	}
	if len(changed) == 1 {
		for name, wild := range changed {
			l.logger.Warn("framerail: the broker refuses interest", "topic", name, "error", err)
			if l.interest.isDue(l.hub, name, wild) {
				l.interest.refuse(name, wild)
			}
			switch t := l.hub.lookup(name, wild); {
			case t == nil:
			case t.isRecorded(): // or members would wait for a position that nobody gives
				refuseInterest(t)
				l.linkLost(t)
			default:
				t.waitLess()
			}
		}
		return nil
	}
	halves := [2]map[string]bool{make(map[string]bool), make(map[string]bool)}
	for name, wild := range changed {
		halves[len(halves[0])*2/len(changed)][name] = wild
	}
	if err := l.giveBatch(ctx, halves[0], refusals); err != nil {
		return err
	}
	return l.giveBatch(ctx, halves[1], refusals)
}

// waitLess notes that the broker refuses a topic that is not recorded. A call that waits to join it is refused a few times, and then the topic is one
// of this node, or has a gap.
func (t *topic) waitLess() {
	t.mu.Lock()
	a := t.across
	var left, over []waiter
	for _, w := range a.waiters {
		if w.joining.tries++; w.joining.tries > maxTries {
			over = append(over, w)
		} else {
			left = append(left, w)
		}
	}
	a.waiters = left
	t.mu.Unlock()
	t.rejoin(over)
}

// allTopics is all topics and patterns that there are.
func (h *Topics) allTopics() []*topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]*topic, 0, len(h.names)+h.wild)
	for _, t := range h.names {
		all = append(all, t)
	}
	return h.patterns.all(all)
}
