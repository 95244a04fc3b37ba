package topics

import (
	"context"
	"sync"
)

// maxInterest is how many names one call of Broker.Interest may have.
const maxInterest = 100_000

// interest is what the node wants of the broker: a topic that exists, and a pattern that exists.
type interest struct {
	mu      sync.Mutex
	changed map[string]bool // guarded by mu: names that have come or gone; whether they are patterns

	on map[string]struct{} // owned by the worker: what the broker has confirmed
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

// renew notes that a connection is new, on which nothing is on. By the worker.
func (i *interest) renew(h *Topics) {
	i.on = make(map[string]struct{})
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

// giveInterest gives the broker what has changed. By the worker.
func (l *link) giveInterest(ctx context.Context) error {
	for {
		changed := l.interest.take()
		if len(changed) == 0 {
			return nil
		}
		if err := l.giveBatch(ctx, changed); err != nil {
			for name, wild := range changed {
				l.interest.change(name, wild)
			}
			return err
		}
	}
}

func (l *link) giveBatch(ctx context.Context, changed map[string]bool) error {
	var on, off []string
	for name, wild := range changed {
		_, is := l.interest.on[name]
		switch wanted := l.hub.lookup(name, wild) != nil; {
		case wanted && !is:
			on = append(on, name)
		case is && !wanted:
			off = append(off, name)
		}
	}
	for _, name := range on {
		l.heard.forget(name) // what was published meanwhile is not missing
	}
	if len(on)+len(off) > 0 {
		if err := l.broker.Interest(ctx, on, off); err != nil {
			return err
		}
	}
	for _, name := range off {
		delete(l.interest.on, name)
	}
	for _, name := range on {
		l.interest.on[name] = struct{}{}
	}
	for name, wild := range changed {
		if _, is := l.interest.on[name]; is {
			if t := l.hub.lookup(name, wild); t != nil {
				l.confirm(t)
			}
		}
	}
	return nil
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
