package topics

import "slices"

// refuseClients takes a no as the answer to clients' positions, or to fill, which is what across.fill was. It returns those that need not wait any more,
// and reports false if it is the node that misses something. mu is held.
func (a *across) refuseClients(t *topic, q question, fill Position, err error) (taken []waiter, is bool) {
	for _, w := range a.waiters {
		if w.joining.since == q.since && q.since != (Position{}) {
			w.joining.failed = err
		}
	}
	switch {
	case q.isForAhead(): // members miss nothing
		taken = a.takeAnswered(q, t)
	case q.since != q.base && a.synced: // a client's position, not the node's
		if !q.fill {
			a.fill = fill
		}
		taken = a.takeFailed()
		a.alone = a.gaps > 0 || a.fill != (Position{}) // or clients that come with other positions keep members waiting
	default:
		return nil, false
	}
	if a.gaps > 0 || len(a.waiters) > 0 || a.fill != (Position{}) {
		t.want()
	}
	return taken, true
}

// takeAnswered takes those that waited for a question. Others wait for the next one: those that are ahead of the topic, all for the same, and those
// that this one was not put for. mu is held.
func (a *across) takeAnswered(q question, t *topic) (taken []waiter) {
	here := t.position()
	var left []waiter
	for _, w := range a.waiters {
		j := w.joining
		ahead := j.question != q.number && j.since.Offset > here.Offset
		behind := q.alone && t.keep.Messages > 0 && j.since.Offset < t.history.floor && j.failed == nil && j.tries <= maxTries
		if a.isLive() && j.since.Epoch == here.Epoch && (ahead || behind) {
			left = append(left, w)
		} else {
			taken = append(taken, w)
		}
	}
	a.waiters = left
	return taken
}

// isForAhead reports whether a question is there only for clients with positions that the node has not got to. Its members have what is
// before theirs, and do not wait.
func (q question) isForAhead() bool { return q.gaps == 0 && q.since == q.base && q.base != Position{} }

// isAwaitedAhead reports whether a client waits that was behind an offset, which is where the topic is, and not behind where the Recorder is. mu is
// held.
func (a *across) isAwaitedAhead(offset uint64, at Position) bool {
	return slices.ContainsFunc(a.waiters, func(w waiter) bool {
		since := w.joining.since
		return since.Epoch == at.Epoch && offset < since.Offset && since.Offset <= at.Offset
	})
}

// takeFailed takes those that need not wait any more: they have an answer, or have waited so often that they get what is here.
func (a *across) takeFailed() (failed []waiter) {
	var left []waiter
	for _, w := range a.waiters {
		if w.joining.failed != nil || w.joining.tries > maxTries {
			failed = append(failed, w)
		} else {
			left = append(left, w)
		}
	}
	a.waiters = left
	return failed
}
